//! The probe: resources of given sizes at given places and a given hour, and what the grid says to them.
//!
//! Every method asks this one question and differs only in what it asks it of. A probe starts from the solution of the hour without the
//! resources, so taps and banks begin where they stood, as in a feeder whose resources come on:
//!
//! 1. the power flow with all controls held: what is read of it are changes of voltage;
//! 2. the controls act until all are satisfied, as the model says they do (static: as OpenDSS's `solve` with those starting taps): voltages,
//!    unbalance, loadings and flows.
//!
//! With volt-var the vars of each branch follow its voltage in both steps. They are found by repeated substitution, half of each change at a
//! time, which converges while the product of the curve's slope and the grid's reactance lies below three:
//!
//! ```text
//! q <- q + (s_rated f(|v| / base) - q) / 2      until no q moves by more than 1e-5 s_rated
//! ```

use super::criteria::{Criteria, Criterion, Readings};
use super::faults::FaultEffects;
use super::sense::{Before, Sensors};
use super::sites::Site;
use network::ControlMode;
use num_complex::Complex64;
use powerflow::{CircuitError, Outcome, PlacedPower, Positions, State, conclude};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the resource does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Der {
    /// Delivers its size.
    Generation,
    /// Draws it.
    Load,
    /// Must be able to do the one as well as the other, as storage and vehicles that feed back do: both are tried, the worse counts.
    Both,
}

impl Der {
    pub fn word(self) -> &'static str {
        match self {
            Self::Generation => "generation",
            Self::Load => "load",
            Self::Both => "both",
        }
    }

    /// +1 delivering, -1 drawing.
    pub(super) fn directions(self) -> &'static [f64] {
        match self {
            Self::Generation => &[1.0],
            Self::Load => &[-1.0],
            Self::Both => &[1.0, -1.0],
        }
    }
}

/// A curve of reactive power over voltage, per unit of rated apparent power and of the base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoltVar {
    pub v_pu: [f64; 4],
    /// Delivered at and below the first voltage; the same is absorbed at and above the last.
    pub q_pu: f64,
    /// Rated apparent power over rated active power.
    pub kva_per_kw: f64,
}

impl VoltVar {
    /// IEEE 1547-2018, table 8, category B: 44 % of the rating at 0.92 and 1.08 pu, none from 0.98 to 1.02 pu. The rating leaves room for
    /// these vars at full active power: 1 / sqrt(1 - 0.44^2) of it.
    pub fn category_b() -> Self {
        Self { v_pu: [0.92, 0.98, 1.02, 1.08], q_pu: 0.44, kva_per_kw: 1.0 / (1.0_f64 - 0.44 * 0.44).sqrt() }
    }

    /// Delivered reactive power at a voltage, per unit of the rating.
    pub fn at(&self, v_pu: f64) -> f64 {
        let [v1, v2, v3, v4] = self.v_pu;
        if v_pu <= v1 {
            self.q_pu
        } else if v_pu < v2 {
            self.q_pu * (v2 - v_pu) / (v2 - v1)
        } else if v_pu <= v3 {
            0.0
        } else if v_pu < v4 {
            -self.q_pu * (v_pu - v3) / (v4 - v3)
        } else {
            -self.q_pu
        }
    }
}

/// How resources meet the grid besides their size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Behaviour {
    pub der: Der,
    /// Reactive power for one of active power, both counted in the same direction: positive where a generator delivers vars or a load draws
    /// them.
    pub q_per_p: f64,
    pub volt_var: Option<VoltVar>,
    /// Output at the hour for one kilowatt of size.
    pub output: f64,
}

/// What a probe found.
#[derive(Clone, Debug)]
pub struct Probe {
    pub readings: Readings,
    /// The same with taps, banks and switches held where they were without the resources.
    pub held: Readings,
    /// Where taps, banks and switches came to stand, in each direction that was tried.
    pub positions: Arc<Vec<Positions>>,
}

/// Probes the grid at one hour.
#[derive(Clone, Debug)]
pub struct Prober {
    base: State,
    work: State,
    sensors: Arc<Sensors>,
    sites: Arc<[Site]>,
    faults: Option<Arc<FaultEffects>>,
    before: Before,
    pub criteria: Criteria,
    pub behaviour: Behaviour,
    /// Readings without any resource.
    pub base_readings: Readings,
    base_positions: Arc<Vec<Positions>>,
    /// Readings without resources at positions that probes ended with.
    nothing_at: Vec<(Arc<Vec<Positions>>, Readings)>,
    powers: Vec<PlacedPower>,
    /// Power flows solved, for the account of a run.
    pub n_solved: u64,
}

/// Rounds of volt-var after which a probe counts as unsettled.
const VOLT_VAR_ROUNDS: u32 = 200;

impl Prober {
    /// A prober at the hour of `base`, a settled state without resources.
    pub fn new(
        base: &State,
        sensors: &Arc<Sensors>,
        sites: &Arc<[Site]>,
        faults: Option<&Arc<FaultEffects>>,
        criteria: &Criteria,
        behaviour: Behaviour,
    ) -> Self {
        let mut base_readings = Readings::settled();
        sensors.read(base, criteria, &mut base_readings);
        let before = sensors.before(base);
        // Without a resource nothing changes: zero, wherever there is something to look at.
        sensors.read_frozen(base, &before, criteria, &mut base_readings);
        let base_positions = Arc::new(vec![base.positions(); behaviour.der.directions().len()]);
        Self {
            work: base.clone(),
            base: base.clone(),
            sensors: Arc::clone(sensors),
            sites: Arc::clone(sites),
            faults: faults.cloned(),
            before,
            criteria: criteria.clone(),
            behaviour,
            base_readings,
            base_positions,
            nothing_at: Vec::new(),
            powers: Vec::new(),
            n_solved: 0,
        }
    }

    pub fn base(&self) -> &State {
        &self.base
    }

    pub fn site(&self, site: usize) -> &Site {
        &self.sites[site]
    }

    /// The state that the last probe ended with.
    pub fn state(&self) -> &State {
        &self.work
    }

    /// The probe of nothing.
    pub fn nothing(&self) -> Probe {
        Probe { readings: self.base_readings, held: self.base_readings, positions: Arc::clone(&self.base_positions) }
    }

    /// Readings without resources at positions that a probe ended with; each is solved once.
    ///
    /// # Errors
    /// As [`Prober::probe`].
    pub fn nothing_at(&mut self, positions: &Arc<Vec<Positions>>) -> Result<Readings, CircuitError> {
        if let Some((_, known)) = self.nothing_at.iter().find(|(at, _)| at == positions) {
            return Ok(*known);
        }
        let readings = self.probe_at(&[], positions)?;
        self.nothing_at.push((Arc::clone(positions), readings));
        Ok(readings)
    }

    /// Places resources (site, kW) and reads what becomes of the grid.
    ///
    /// # Errors
    /// A circuit that cannot be factored. A power flow that does not settle is a reading.
    pub fn probe(&mut self, placed: &[(usize, f64)]) -> Result<Probe, CircuitError> {
        let (mut readings, mut held) = (Readings::default(), Readings::default());
        let mut positions = Vec::with_capacity(1);
        for &direction in self.behaviour.der.directions() {
            let (free, before) = self.solve(direction, placed)?;
            readings.worsen_by(&free);
            held.worsen_by(&before);
            positions.push(self.work.positions());
        }
        self.read_faults(placed, &mut readings);
        Ok(Probe { readings, held, positions: Arc::new(positions) })
    }

    /// As [`Prober::probe`], with taps, banks and switches held at positions that another probe ended with. What is read with controls held
    /// where they were without the resource is left out.
    ///
    /// # Errors
    /// As [`Prober::probe`].
    pub fn probe_at(&mut self, placed: &[(usize, f64)], positions: &[Positions]) -> Result<Readings, CircuitError> {
        let mut readings = Readings::default();
        for (&direction, positions) in self.behaviour.der.directions().iter().zip(positions) {
            self.restore();
            self.work.set_positions(positions);
            self.work.options.control_mode = ControlMode::Off;
            let powers = self.powers(direction, placed);
            if self.settle(powers)?.is_some() {
                let mut settled = Readings::settled();
                self.sensors.read(&self.work, &self.criteria, &mut settled);
                readings.worsen_by(&settled);
            } else {
                readings.worsen_by(&Readings::unsettled());
            }
        }
        self.read_faults(placed, &mut readings);
        Ok(readings)
    }

    /// The outcome, with its certificate, of the probe that was solved last.
    pub fn conclude(&mut self, placed: &[(usize, f64)], direction: f64) -> Result<Outcome, CircuitError> {
        self.restore();
        let powers = self.powers(direction, placed);
        self.work.options.control_mode = self.base.options.control_mode;
        match self.settle(powers)? {
            Some(progress) => Ok(conclude(&self.work, &progress)),
            None => {
                let progress = self.work.solve_moment()?;
                Ok(conclude(&self.work, &progress))
            }
        }
    }

    /// The directions that a probe tries.
    pub fn directions(&self) -> &'static [f64] {
        self.behaviour.der.directions()
    }

    fn restore(&mut self) {
        self.work.restore(&self.base);
    }

    fn read_faults(&self, placed: &[(usize, f64)], readings: &mut Readings) {
        if let Some(faults) = &self.faults {
            faults.read(placed, &self.criteria, readings);
        }
    }

    /// Powers of resources in a direction at the hour.
    fn powers(&mut self, direction: f64, placed: &[(usize, f64)]) -> Vec<PlacedPower> {
        let mut powers = std::mem::take(&mut self.powers);
        powers.clear();
        let factor = self.base.phases_for_one();
        for &(site, kw) in placed {
            let p = direction * kw * self.behaviour.output;
            let q = if self.behaviour.volt_var.is_some() { 0.0 } else { p * self.behaviour.q_per_p };
            self.sites[site].powers(Complex64::new(p, q), factor, &mut powers);
        }
        powers
    }

    /// One direction: controls held, then free. Readings with controls free, and all held.
    fn solve(&mut self, direction: f64, placed: &[(usize, f64)]) -> Result<(Readings, Readings), CircuitError> {
        self.restore();
        let mode = self.base.options.control_mode;
        self.work.options.control_mode = ControlMode::Off;
        let powers = self.powers(direction, placed);
        let Some(progress) = self.settle(powers)? else { return Ok((Readings::unsettled(), Readings::unsettled())) };
        let mut frozen = Readings::settled();
        self.sensors.read_frozen(&self.work, &self.before, &self.criteria, &mut frozen);
        let mut held = Readings::settled();
        self.sensors.read(&self.work, &self.criteria, &mut held);
        let mut free = held;
        if mode != ControlMode::Off {
            self.work.options.control_mode = mode;
            let (settled, moved) = if self.behaviour.volt_var.is_some() {
                (self.iterate()?.is_some(), true)
            } else {
                let progress = self.work.release_controls(progress)?;
                self.n_solved += u64::from(progress.control_iterations.saturating_sub(1));
                (progress.settled(), progress.control_iterations > 1)
            };
            if !settled {
                return Ok((Readings::unsettled(), held));
            }
            if moved {
                free = Readings::settled();
                self.sensors.read(&self.work, &self.criteria, &mut free);
            }
        }
        free.worsen_by(&frozen);
        Ok((free, held))
    }

    fn settle(&mut self, powers: Vec<PlacedPower>) -> Result<Option<powerflow::solve::Progress>, CircuitError> {
        self.work.place(&powers);
        self.powers = powers;
        self.iterate()
    }

    /// Solves with the powers in place, and with vars that follow the voltage where they do. `None` when it does not settle.
    fn iterate(&mut self) -> Result<Option<powerflow::solve::Progress>, CircuitError> {
        self.n_solved += 1;
        let mut progress = self.work.solve_moment()?;
        let Some(curve) = self.behaviour.volt_var else { return Ok(progress.settled().then_some(progress)) };
        for _ in 0..VOLT_VAR_ROUNDS {
            if !progress.settled() {
                return Ok(None);
            }
            let mut powers = self.work.placed().to_vec();
            let mut moved = 0.0_f64;
            for p in &mut powers {
                let v = self.work.voltages();
                let v_pu = (v[p.from as usize] - v[p.to as usize]).norm() / p.base_v;
                // A resource that draws is no inverter that could help.
                let rated = p.s_va.re.max(0.0) * curve.kva_per_kw;
                let change = (rated * curve.at(v_pu) - p.s_va.im) / 2.0;
                p.s_va.im += change;
                if rated > 0.0 {
                    moved = moved.max(change.abs() / rated);
                }
            }
            self.work.place(&powers);
            self.n_solved += 1;
            progress = self.work.solve_moment()?;
            if moved <= 1e-5 {
                return Ok(progress.settled().then_some(progress));
            }
        }
        Ok(None)
    }
}

/// Names the criterion that is crossed first on the way from a probe that keeps all limits to one that does not: the one whose margin, straight
/// between the two, is used up soonest.
pub fn first_crossed(ok: &Readings, bad: &Readings, criteria: &Criteria) -> Option<(Criterion, super::criteria::Reading)> {
    let share = |c: Criterion| {
        let Some(limit) = criteria.limit(c) else { return f64::INFINITY };
        let (from, to) = (ok.margin(c, limit), bad.margin(c, limit));
        if from.is_finite() && to.is_finite() && from > to { from / (from - to) } else { 0.5 }
    };
    bad.violated(criteria).min_by(|a, b| share(a.0).total_cmp(&share(b.0)))
}
