//! One bus at a time: the largest size at a bus, over the moments of a study, by solved probes or by superposition.
//!
//! # Superposition
//!
//! The streamlined method asks the same question of a linear grid. With `v0` the voltages of the hour without resources and `Y` the system
//! admittance of that solution (loads by their admittance in it, taps and banks where they stand), a resource of `s` at the voltages of its
//! branches adds
//!
//! ```text
//! v(k) = v0 + k d,      Y d = sum over branches b of e_b (s_b / v0_b)*      for one kilowatt
//! ```
//!
//! so that one triangular solution a bus serves all sizes, and everything that is read of a state is read of `v(k)`. What it leaves out: controls
//! that act, and the growth of the current as the voltage changes. That is the idea of EPRI's DRIVE as publicly described (a few power flows and
//! the impedances, no power flow per size and place); its formulas are not public, these are ours.

use super::criteria::{Criteria, Criterion, Reading, Readings};
use super::faults::FaultEffects;
use super::hours::{Bases, Moment};
use super::options::{BaseViolations, HostingOptions, Method};
use super::probe::{Behaviour, Probe, Prober, first_crossed};
use super::search::{Bends, Proof, Search, Steps};
use super::sense::{Before, Sensors};
use super::sites::Site;
use num_complex::Complex64;
use powerflow::{CircuitError, Positions, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What all buses share.
#[derive(Clone)]
pub struct Study<'a> {
    pub sensors: Arc<Sensors>,
    pub sites: Arc<[Site]>,
    pub faults: Option<Arc<FaultEffects>>,
    pub options: &'a HostingOptions,
    /// The question is what a change would bring: the quick proof is enough.
    pub is_changed: bool,
}

/// The limit that ends a search.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    pub criterion: Criterion,
    /// At the first size that crosses it.
    pub reading: Reading,
    pub limit: f64,
    pub moment: Moment,
}

/// Largest number of steps at a moment, and what limits it where something does.
pub type AtMoment = (Moment, u32, Option<(Criterion, super::criteria::At)>);

/// What was found at a bus.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    /// Largest number of steps that keeps all limits at all moments.
    pub k: u32,
    /// What the next step crosses; `None` where the largest size keeps all limits.
    pub crossing: Option<Crossing>,
    /// The limit is crossed without any resource.
    pub base_violates: bool,
    /// The moment that limits it; the first where none does.
    pub moment: Moment,
    /// Readings at the size found, at that moment.
    pub readings: Readings,
    /// Criteria with the limits that held at that moment.
    pub criteria: Criteria,
    /// First steps that cross each criterion alone, where they were looked for.
    pub alone: Vec<(Criterion, Option<u32>)>,
    /// Steps and limiting criterion of each moment, where they are kept.
    pub envelope: Vec<AtMoment>,
    /// Power flows solved.
    pub n_solved: u64,
}

/// A bus under search over the moments.
struct Track {
    found: Option<Found>,
    bends: Bends,
    alone_bends: Bends,
    guess: Option<u32>,
}

/// Steps of one site, solved.
struct Solved<'a> {
    prober: &'a mut Prober,
    site: usize,
    step_kw: f64,
}

impl Steps for Solved<'_> {
    fn probe(&mut self, k: u32) -> Result<Probe, CircuitError> {
        self.prober.probe(&[(self.site, f64::from(k) * self.step_kw)])
    }

    fn nothing_at(&mut self, positions: &Arc<Vec<Positions>>) -> Result<Readings, CircuitError> {
        self.prober.nothing_at(positions)
    }

    fn probe_at(&mut self, k: u32, positions: &[Positions]) -> Result<Readings, CircuitError> {
        self.prober.probe_at(&[(self.site, f64::from(k) * self.step_kw)], positions)
    }
}

/// The linear grid of one moment.
struct Linear {
    work: State,
    v0: Vec<Complex64>,
    before: Before,
    study: (Arc<Sensors>, Arc<[Site]>, Option<Arc<FaultEffects>>),
    criteria: Criteria,
    behaviour: Behaviour,
    nothing: Probe,
    n_solved: u64,
}

impl Linear {
    fn new(base: &State, study: &Study<'_>, criteria: &Criteria, behaviour: Behaviour) -> Self {
        let before = study.sensors.before(base);
        let mut readings = Readings::settled();
        study.sensors.read(base, criteria, &mut readings);
        study.sensors.read_frozen(base, &before, criteria, &mut readings);
        let positions = Arc::new(vec![base.positions(); behaviour.der.directions().len()]);
        Self {
            work: base.clone(),
            v0: base.voltages().to_vec(),
            before,
            study: (Arc::clone(&study.sensors), Arc::clone(&study.sites), study.faults.clone()),
            criteria: criteria.clone(),
            behaviour,
            nothing: Probe { readings, held: readings, positions },
            n_solved: 0,
        }
    }

    /// Change of all voltages for one kilowatt delivered.
    fn direction(&mut self, site: usize) -> Result<Vec<Complex64>, CircuitError> {
        self.work.set_voltages(&self.v0);
        let b = &self.behaviour;
        let mut powers = Vec::new();
        let s = Complex64::new(1.0, b.q_per_p) * b.output;
        self.study.1[site].powers(s, self.work.phases_for_one(), &mut powers);
        let mut injected = Vec::with_capacity(2 * powers.len());
        for p in &powers {
            let across = self.v0[p.from as usize] - self.v0[p.to as usize];
            let i = if across.norm() > 0.0 { (p.s_va / across).conj() } else { Complex64::ZERO };
            injected.extend([(p.from, i), (p.to, -i)]);
        }
        self.n_solved += 1;
        self.work.response(&injected)
    }
}

/// Steps of one site, by superposition.
struct Superposed<'a> {
    linear: &'a mut Linear,
    site: usize,
    step_kw: f64,
    d: Vec<Complex64>,
}

impl Steps for Superposed<'_> {
    fn probe(&mut self, k: u32) -> Result<Probe, CircuitError> {
        let kw = f64::from(k) * self.step_kw;
        let mut readings = Readings::default();
        for &direction in self.linear.behaviour.der.directions() {
            let l = &mut *self.linear;
            let v: Vec<Complex64> = l.v0.iter().zip(&self.d).map(|(v, d)| v + d * (kw * direction)).collect();
            l.work.set_voltages(&v);
            let mut settled = Readings::settled();
            l.study.0.read(&l.work, &l.criteria, &mut settled);
            l.study.0.read_frozen(&l.work, &l.before, &l.criteria, &mut settled);
            readings.worsen_by(&settled);
        }
        if let Some(faults) = &self.linear.study.2 {
            faults.read(&[(self.site, kw)], &self.linear.criteria, &mut readings);
        }
        Ok(Probe { readings, held: readings, positions: Arc::clone(&self.linear.nothing.positions) })
    }

    fn nothing_at(&mut self, _positions: &Arc<Vec<Positions>>) -> Result<Readings, CircuitError> {
        Ok(self.linear.nothing.readings)
    }

    fn probe_at(&mut self, k: u32, _positions: &[Positions]) -> Result<Readings, CircuitError> {
        Ok(self.probe(k)?.readings)
    }
}

/// Either kind of probing, at one moment.
enum Grid {
    Solved(Box<Prober>),
    Linear(Box<Linear>),
}

impl Study<'_> {
    /// What the search takes for proven.
    fn proof(&self) -> Proof {
        match self.options.proof {
            _ if self.is_changed => Proof::Quick,
            super::options::ProofOf::EveryStep => Proof::EveryStep,
            super::options::ProofOf::Strict => Proof::Strict { slack_pu: self.sensors.slack_pu },
            super::options::ProofOf::Quick => Proof::Quick,
        }
    }

    pub fn behaviour(&self, output: f64) -> Behaviour {
        Behaviour { der: self.options.der, q_per_p: self.options.q_per_p(), volt_var: None, output }
    }

    /// Criteria at a moment, after what was decided about limits crossed without resources.
    pub fn criteria_at(&self, base: &Readings) -> Criteria {
        match self.options.base_violations {
            BaseViolations::Zero => self.options.criteria.clone(),
            BaseViolations::NotWorse => self.options.criteria.loosened(base),
        }
    }

    fn grid(&self, base: &State, moment: Moment) -> Grid {
        let behaviour = self.behaviour(moment.output);
        match self.options.method {
            Method::Streamlined => {
                let mut linear = Linear::new(base, self, &self.options.criteria, behaviour);
                linear.criteria = self.criteria_at(&linear.nothing.readings);
                Grid::Linear(Box::new(linear))
            }
            _ => {
                let mut prober = self.prober(base, behaviour);
                prober.criteria = self.criteria_at(&prober.base_readings);
                Grid::Solved(Box::new(prober))
            }
        }
    }

    pub fn prober(&self, base: &State, behaviour: Behaviour) -> Prober {
        Prober::new(base, &self.sensors, &self.sites, self.faults.as_ref(), &self.options.criteria, behaviour)
    }

    /// What is found at sites, each over all moments of `bases`.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn at_sites(&self, bases: &Bases, sites: &[usize]) -> Result<Vec<Found>, CircuitError> {
        let new = || Track { found: None, bends: Bends::default(), alone_bends: Bends::default(), guess: None };
        let mut tracks: Vec<Track> = sites.iter().map(|_| new()).collect();
        bases.each(&mut |moment, base| {
            let Some(base) = base else {
                tracks.iter_mut().zip(sites).for_each(|(t, _)| t.take_unsettled(moment, self));
                return Ok(());
            };
            // A resource that gives nothing at this moment limits nothing.
            if moment.output == 0.0 && tracks.iter().all(|t| t.found.is_some()) {
                return Ok(());
            }
            let mut grid = self.grid(base, moment);
            tracks.iter_mut().zip(sites).try_for_each(|(track, &site)| track.at(&mut grid, site, moment, self))
        })?;
        Ok(tracks.into_iter().map(|t| t.found.expect("there is a moment")).collect())
    }

    /// The search at one site with a prober of the caller's, such as one of a changed grid.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn search_with(&self, prober: Prober, site: usize, moment: Moment, guess: Option<u32>) -> Result<Found, CircuitError> {
        let mut track = Track { found: None, bends: Bends::default(), alone_bends: Bends::default(), guess };
        track.at(&mut Grid::Solved(Box::new(prober)), site, moment, self)?;
        Ok(track.found.expect("a search finds"))
    }
}

impl Track {
    /// A moment without a solution: nothing can be said to keep its limits.
    fn take_unsettled(&mut self, moment: Moment, study: &Study<'_>) {
        let reading = Reading { value: 1.0, at: super::criteria::At::Everywhere };
        let crossing = Crossing { criterion: Criterion::Solution, reading, limit: 0.0, moment };
        let mut envelope = self.found.take().map_or_else(Vec::new, |f| f.envelope);
        if study.options.envelope {
            envelope.push((moment, 0, Some((Criterion::Solution, reading.at))));
        }
        self.found = Some(Found {
            k: 0,
            crossing: Some(crossing),
            base_violates: true,
            moment,
            readings: Readings::unsettled(),
            criteria: study.options.criteria.clone(),
            alone: Vec::new(),
            envelope,
            n_solved: 0,
        });
    }

    fn at(&mut self, grid: &mut Grid, site: usize, moment: Moment, study: &Study<'_>) -> Result<(), CircuitError> {
        let step_kw = study.sites[site].step_kw;
        let bound = study.sites[site].n_steps;
        let cap = match &self.found {
            Some(f) if !study.options.envelope => f.k,
            _ => bound,
        };
        // Zero cannot become less, but a first moment still has to say why.
        if cap == 0 && self.found.is_some() && !study.options.each_criterion {
            return Ok(());
        }
        let (criteria, solved_before) = match grid {
            Grid::Solved(p) => (p.criteria.clone(), p.n_solved),
            Grid::Linear(l) => (l.criteria.clone(), l.n_solved),
        };
        let (mut solved_steps, mut superposed_steps);
        let (steps, nothing): (&mut dyn Steps, Probe) = match grid {
            Grid::Solved(prober) => {
                let nothing = prober.nothing();
                solved_steps = Solved { prober, site, step_kw };
                (&mut solved_steps, nothing)
            }
            Grid::Linear(linear) => {
                let d = linear.direction(site)?;
                let nothing = linear.nothing.clone();
                superposed_steps = Superposed { linear, site, step_kw, d };
                (&mut superposed_steps, nothing)
            }
        };
        let guess = self.guess.map(|g| g.min(cap));
        let mut search = Search::new(steps, &criteria, &mut self.bends, study.proof(), nothing);
        let first = search.first_crossing(cap, guess)?;
        let k = first.map_or(cap, |k| k.saturating_sub(1));
        let readings = search.at(k).map_or_else(Readings::default, |p| p.readings);
        let crossing = first.and_then(|first| {
            let bad = search.at(first)?.readings;
            let (criterion, reading) = first_crossed(&readings, &bad, &criteria)?;
            Some(Crossing { criterion, reading, limit: criteria.limit(criterion)?, moment })
        });
        let alone = if study.options.each_criterion {
            alone(grid, site, step_kw, bound, &criteria, &mut self.alone_bends, study)?
        } else {
            Vec::new()
        };
        let n_solved = match grid {
            Grid::Solved(p) => p.n_solved,
            Grid::Linear(l) => l.n_solved,
        } - solved_before;
        self.guess = Some(first.map_or(cap, |_| k).max(1));
        let found =
            Found { k, base_violates: first == Some(0), moment, crossing, readings, criteria, alone, envelope: Vec::new(), n_solved };
        self.take(found, moment, study);
        Ok(())
    }

    /// Keeps the least over the moments.
    fn take(&mut self, new: Found, moment: Moment, study: &Study<'_>) {
        let at = new.crossing.map(|c| (c.criterion, c.reading.at));
        let (envelope, n_solved) = match &mut self.found {
            Some(f) => (std::mem::take(&mut f.envelope), f.n_solved),
            None => (Vec::new(), 0),
        };
        let (k, solved) = (new.k, n_solved + new.n_solved);
        let is_less = self.found.as_ref().is_none_or(|f| new.crossing.is_some() && (new.k < f.k || f.crossing.is_none()));
        let before = self.found.as_ref().map_or_else(Vec::new, |f| f.alone.clone());
        let alone = least_of_each(before, &new.alone);
        if is_less {
            self.found = Some(new);
        }
        if let Some(f) = &mut self.found {
            f.alone = alone;
            f.envelope = envelope;
            f.n_solved = solved;
            if study.options.envelope {
                f.envelope.push((moment, k, at));
            }
        }
    }
}

/// The lesser of two first crossings, criterion by criterion.
fn least_of_each(before: Vec<(Criterion, Option<u32>)>, new: &[(Criterion, Option<u32>)]) -> Vec<(Criterion, Option<u32>)> {
    if before.is_empty() {
        return new.to_vec();
    }
    let least = |(c, old): (Criterion, Option<u32>)| {
        let new = new.iter().find(|n| n.0 == c).and_then(|n| n.1);
        (c, old.into_iter().chain(new).min())
    };
    before.into_iter().map(least).collect()
}

/// The first step that crosses each criterion by itself.
fn alone(
    grid: &mut Grid,
    site: usize,
    step_kw: f64,
    bound: u32,
    criteria: &Criteria,
    bends: &mut Bends,
    study: &Study<'_>,
) -> Result<Vec<(Criterion, Option<u32>)>, CircuitError> {
    let single: Vec<(Criterion, Criteria)> = criteria
        .iter()
        .filter(|(c, _)| *c != Criterion::Solution)
        .map(|(c, limit)| {
            let mut only = Criteria::of(&[c]);
            only.set(c, limit);
            (c, only)
        })
        .collect();
    let (mut solved_steps, mut superposed_steps);
    let (steps, nothing): (&mut dyn Steps, Probe) = match grid {
        Grid::Solved(prober) => {
            let nothing = prober.nothing();
            solved_steps = Solved { prober, site, step_kw };
            (&mut solved_steps, nothing)
        }
        Grid::Linear(linear) => {
            let d = linear.direction(site)?;
            let nothing = linear.nothing.clone();
            superposed_steps = Superposed { linear, site, step_kw, d };
            (&mut superposed_steps, nothing)
        }
    };
    let mut search = Search::new(steps, criteria, bends, study.proof(), nothing);
    let mut found = Vec::with_capacity(single.len());
    for (c, only) in &single {
        search.with(only);
        found.push((*c, search.first_crossing(bound, None)?));
    }
    Ok(found)
}
