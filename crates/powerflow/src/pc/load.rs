//! Loads: models 1 to 8, their voltage limits, shapes and multipliers.
//!
//! Every law is an admittance that depends on the magnitude of the branch voltage, `i = y(|V|) V`. With `S = P + jQ` the nominal power
//! of one branch now, `Vb` its base voltage and `Y = S*/Vb²`:
//!
//! | model | within limits, `y =` |
//! |---|---|
//! | 1 constant power | `S* / |V|²` |
//! | 2 constant impedance | `Y` at any voltage |
//! | 3 motor | `P/|V|² + j Im Y` |
//! | 4 exponential | `P r^p/|V|² - jQ r^q/|V|²`, `r = |V|/Vb` |
//! | 5 constant current | `S* / (Vb |V|)` |
//! | 6 fixed Q | `(P - jQ0)/|V|²`, `Q0` the unscaled vars |
//! | 7 fixed reactance | `P/|V|² - jQ0/Vb²` |
//! | 8 ZIP | shares of 2, 5 and 1, P and Q apart |
//!
//! Limits, as ratios of `Vb`, compared as `|V| <= low`, `|V| <= min`, `|V| > max`:
//!
//! * at or below `low`: `Y`;
//! * up to `min`: the current's magnitude runs straight from `Y Vlow` at `low` to `Y/min² · Vmin` at `min` (constant current: to `Y Vb`);
//!   models 6 and 7 draw as the impedance `Re Y/min² - jQ0/Vb²`;
//! * above `max`: `Y/max²` (constant current: `Y/max`; 6 and 7: vars as below `min`).
//!
//! The ZIP cut-off multiplies the current by `(1 + tanh(500 (|V|/Vb - vc)))/2` above `low`.
//!
//! Source: behaviour of OpenDSS 0.14.5 (Load). The neutral impedance stands only in the matrix: the injection takes its current out
//! again, so that it helps the iteration but carries nothing, and the load's currents do not contain it.

use super::branch::{Branches, branch_base_v};
use super::{Moment, PcError};
use crate::dense::CMatrix;
use network::{ElementId, ElementKind, GrowthShapeId, LoadModel as Law, LoadShapeId, LoadStatus, Network, Shapes, SolutionMode};
use num_complex::Complex64;

/// Conductance that stands for a solid earthing of the neutral, S.
const SOLID_NEUTRAL_S: f64 = 1e6;
/// An open neutral's diagonal is larger by this share, so that it never floats exactly.
const OPEN_NEUTRAL_SHARE: f64 = 1e-6;

/// Even a constant power leaves a trace of admittance, so that no node hangs on nothing.
const LEAST_EXPONENT: f64 = 0.02;

/// What a load is made of, compiled once.
#[derive(Clone, Debug)]
pub struct LoadModel {
    pub(super) branches: Branches,
    pub(super) law: Law,
    pub(super) base_v: f64,
    pub(super) limits: Limits,
    pub(super) unit: Unit,
    pub(super) zipv: [f64; 7],
    /// Vars of one branch that models 6 and 7 keep, and their susceptance.
    q_fixed_var: f64,
    b_fixed: f64,
    p_w: f64,
    q_var: f64,
    /// `sqrt(1/pf² - 1)` with the sign of the factor, where vars follow watts of a shape in kW.
    q_per_p: Option<f64>,
    status: LoadStatus,
    shapes: Shapes,
    growth: Option<GrowthShapeId>,
    cvr_curve: Option<LoadShapeId>,
    pub(super) cvr_exponents: (f64, f64),
    base_frequency_hz: f64,
    neutral: Option<Neutral>,
    open: bool,
}

/// Neutral of a wye load.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Neutral {
    Open,
    Impedance(Complex64),
}

/// Voltage limits of one branch: squared volts, and ratios.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limits {
    pub low_v: f64,
    pub min_v: f64,
    pub low_v2: f64,
    pub min_v2: f64,
    pub max_v2: f64,
    pub min_pu: f64,
    pub max_pu: f64,
}

/// Admittances of one branch as multiples: `y` of the conjugate power, 1/V²; the others of `y`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    pub y: f64,
    pub min: f64,
    pub max: f64,
    pub max_i: f64,
    /// Slopes of the current between the low voltage and the lower limit, for constant power and constant current.
    pub slope: f64,
    pub slope_i: f64,
}

impl Unit {
    fn new(l: &Limits, base_v: f64) -> Self {
        let min = if l.min_pu == 0.0 { 0.0 } else { 1.0 / (l.min_pu * l.min_pu) };
        let (max, max_i) = if l.max_pu == 0.0 { (1.0, 1.0) } else { (1.0 / (l.max_pu * l.max_pu), 1.0 / l.max_pu) };
        let span = l.min_v - l.low_v;
        Self { y: 1.0 / (base_v * base_v), min, max, max_i, slope: (min * l.min_v - l.low_v) / span, slope_i: (base_v - l.low_v) / span }
    }
}

/// What changes of a load while solving.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadState {
    /// Nominal power of one branch now, W and var.
    pub p_w: f64,
    pub q_var: f64,
    /// Exponents of model 4; a curve moves them in yearly mode.
    pub cvr_exponents: (f64, f64),
    /// Admittance of one branch that stands in the system matrix, S.
    pub y_matrix: Complex64,
    /// The system matrix has been built with `y_matrix`, which stays although the power moves on.
    pub y_stands: bool,
    /// A conductor is open: the load is what the reduced matrix makes of it and injects nothing.
    pub open: bool,
    pub(super) at: AtMoment,
}

/// Admittances of one branch that follow from the nominal power of the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct AtMoment {
    pub y: Complex64,
    /// At the lower and upper limit, constant power and constant current.
    pub y_min: Complex64,
    pub y_max: Complex64,
    pub y_max_i: Complex64,
    /// Current at the low voltage, and its slopes to the lower limit.
    pub i_low: Complex64,
    pub slope: Complex64,
    pub slope_i: Complex64,
}

impl LoadModel {
    /// Compiles load number `index` of the network.
    ///
    /// # Errors
    /// [`PcError`]: rated voltage zero, conductors that do not fit the connection, model 8 without `zipv`.
    pub fn compile(network: &Network, index: usize) -> Result<Self, PcError> {
        let load = network.loads.get(index).ok_or(PcError::Index { class: "load", index })?;
        let name = network.full_name(ElementId::new(ElementKind::Load, index));
        let n = load.common.n_phases;
        let branches = Branches::new(&name, &load.common, load.connection)?;
        let base_v = branch_base_v(&name, load.kv, n, load.connection)?;
        // A number that is none of the models draws as a constant impedance.
        let law = if load.unknown_model.is_some() { Law::ConstantZ } else { load.model };
        let zipv = match (law, load.zipv) {
            (Law::Zip, None) => return Err(PcError::Missing { element: name, property: "zipv" }),
            (_, zipv) => zipv.unwrap_or_default(),
        };
        let q_fixed_var = 1000.0 * load.q_kvar / n as f64;
        let pf = load.power_factor;
        let neutral = match load.connection {
            network::Connection::Delta => None,
            network::Connection::Wye if load.r_neutral_ohm < 0.0 => Some(Neutral::Open),
            network::Connection::Wye if load.r_neutral_ohm == 0.0 && load.x_neutral_ohm == 0.0 => {
                Some(Neutral::Impedance(Complex64::new(SOLID_NEUTRAL_S, 0.0)))
            }
            network::Connection::Wye => Some(Neutral::Impedance(Complex64::new(load.r_neutral_ohm, load.x_neutral_ohm).inv())),
        };
        let (low_v, min_v, max_v) = (load.v_low_pu * base_v, load.v_min_pu * base_v, load.v_max_pu * base_v);
        let limits = Limits {
            low_v,
            min_v,
            low_v2: low_v * low_v.abs(),
            min_v2: min_v * min_v.abs(),
            max_v2: max_v * max_v.abs(),
            min_pu: load.v_min_pu,
            max_pu: load.v_max_pu,
        };
        Ok(Self {
            unit: Unit::new(&limits, base_v),
            branches,
            law,
            base_v,
            limits,
            zipv,
            q_fixed_var,
            b_fixed: -q_fixed_var / (base_v * base_v),
            p_w: 1000.0 * load.p_kw,
            q_var: 1000.0 * load.q_kvar,
            q_per_p: (load.q_follows_pf && pf != 1.0).then(|| {
                let ratio = (1.0 / (pf * pf) - 1.0).sqrt();
                if pf < 0.0 { -ratio } else { ratio }
            }),
            status: load.status,
            shapes: load.shapes,
            growth: load.growth,
            cvr_curve: load.cvr_curve,
            cvr_exponents: (load.cvr_p_exponent, load.cvr_q_exponent),
            base_frequency_hz: load.common.base_frequency_hz,
            neutral,
            open: !load.common.terminals.iter().all(network::Terminal::all_closed),
        })
    }

    /// State before any solution; `update` or `linearise` comes next.
    pub fn initial_state(&self) -> LoadState {
        LoadState {
            p_w: 0.0,
            q_var: 0.0,
            cvr_exponents: self.cvr_exponents,
            y_matrix: Complex64::default(),
            y_stands: false,
            open: self.open,
            at: AtMoment::default(),
        }
    }

    /// Number of conductors of the terminal.
    pub fn n_conductors(&self) -> usize {
        self.branches.n_conductors
    }

    /// Voltage that the limits and the law refer to, V: across one branch.
    pub fn base_v(&self) -> f64 {
        self.base_v
    }

    /// Present nominal power of the whole load, W and var, before the voltage tells.
    pub fn nominal_power(&self, state: &LoadState) -> Complex64 {
        Complex64::new(state.p_w, state.q_var) * self.branches.pairs.len() as f64
    }

    /// Power and admittances of the moment: growth, multiplier and shape, by mode and status.
    ///
    /// * a fixed load knows growth alone;
    /// * an exempt load leaves the multiplier out, but not in yearly mode;
    /// * daily and duty modes use the daily shape (duty falls back to it), yearly the yearly one alone;
    /// * a shape in kW and kvar replaces the load; vars it does not give follow a power factor that was given.
    pub fn update(&self, state: &mut LoadState, moment: &Moment) {
        self.update_by(state, moment, |id| {
            let shape = &moment.network.load_shapes[id.index()];
            (shape.at(moment.hour), shape.use_actual)
        });
    }

    /// As [`Self::update`]; `values` tells what a shape says at the moment, and whether its values are kW and kvar.
    pub fn update_by(&self, state: &mut LoadState, moment: &Moment, values: impl FnOnce(LoadShapeId) -> ((f64, f64), bool)) {
        let (factor, shape) = self.scaling(moment);
        if let Some(id) = self.moving_exponents(moment) {
            state.cvr_exponents = moment.network.load_shapes[id.index()].at(moment.hour);
        }
        self.apply(state, factor, shape.map(values));
    }

    /// Growth and multiplier of the mode, and the shape that goes with them.
    pub(super) fn scaling(&self, moment: &Moment) -> (f64, Option<LoadShapeId>) {
        let growth = match (moment.year, self.growth) {
            (0, _) => 1.0,
            (year, Some(id)) => moment.network.growth_shapes[id.index()].factor(year),
            (_, None) => moment.default_growth(),
        };
        let multiplier = if self.status == LoadStatus::Exempt { 1.0 } else { moment.load_multiplier };
        let duty = self.shapes.duty.or(self.shapes.daily);
        match (self.status, moment.mode) {
            (LoadStatus::Fixed, _) => (growth, None),
            (_, SolutionMode::Snapshot | SolutionMode::Harmonics) => (multiplier * growth, None),
            (_, SolutionMode::Daily) => (growth * multiplier, self.shapes.daily),
            (_, SolutionMode::Yearly) => (moment.load_multiplier * growth, self.shapes.yearly),
            (_, SolutionMode::DutyCycle) => (growth * multiplier, duty),
            (_, SolutionMode::GeneralTime) => {
                let shape = match moment.shape_mode() {
                    SolutionMode::Daily => self.shapes.daily,
                    SolutionMode::Yearly => self.shapes.yearly,
                    SolutionMode::DutyCycle => duty,
                    _ => None,
                };
                (growth * multiplier, shape)
            }
            (_, SolutionMode::Dynamics | SolutionMode::MonteCarlo1) => (growth * multiplier, None),
            (_, SolutionMode::MonteCarlo2 | SolutionMode::MonteCarlo3 | SolutionMode::LoadDuration1 | SolutionMode::LoadDuration2) => {
                (growth * multiplier, self.shapes.daily)
            }
            (_, SolutionMode::PeakDay) => (growth, self.shapes.daily),
            _ => (growth, None),
        }
    }

    /// The curve that moves the exponents of model 4 at this moment.
    pub(super) fn moving_exponents(&self, moment: &Moment) -> Option<LoadShapeId> {
        let moves = moment.mode == SolutionMode::Yearly && self.status != LoadStatus::Fixed && self.law == Law::Cvr;
        self.cvr_curve.filter(|_| moves)
    }

    /// Power from the factor of [`Self::scaling`] and the shape's values for P and Q, which are kW and kvar where the flag says so.
    pub(super) fn apply(&self, state: &mut LoadState, factor: f64, shape: Option<((f64, f64), bool)>) {
        let n = self.branches.pairs.len() as f64;
        let ((p_factor, q_factor), actual) = shape.unwrap_or(((1.0, 1.0), false));
        if actual {
            state.p_w = 1000.0 * p_factor / n;
            state.q_var = match self.q_per_p {
                _ if q_factor != 0.0 => 1000.0 * q_factor / n,
                Some(ratio) => state.p_w * ratio,
                None => 0.0,
            };
        } else {
            state.p_w = self.p_w * factor * p_factor / n;
            state.q_var = self.q_var * factor * q_factor / n;
        }
        state.at = self.at(state.p_w, state.q_var);
    }

    /// Power of one branch for the value 1 of a shape, W and var, and whether the vars follow the shape's P; `None` where power is no
    /// multiple of a shape's value.
    pub(super) fn at_one(&self, factor: f64, shape: Option<&network::LoadShape>) -> Option<(f64, f64, bool)> {
        let n = self.branches.pairs.len() as f64;
        match shape {
            Some(shape) if shape.use_actual => match (&shape.q, self.q_per_p) {
                (None, ratio) => Some((1000.0 / n, 1000.0 / n * ratio.unwrap_or(0.0), true)),
                (Some(_), None) => Some((1000.0 / n, 1000.0 / n, false)),
                // A value of zero stands for the power factor.
                (Some(q), Some(_)) => q.iter().all(|&q| q != 0.0).then_some((1000.0 / n, 1000.0 / n, false)),
            },
            _ => Some((self.p_w * factor / n, self.q_var * factor / n, false)),
        }
    }

    pub(super) fn at(&self, p_w: f64, q_var: f64) -> AtMoment {
        let u = &self.unit;
        let y = Complex64::new(p_w * u.y, -q_var * u.y);
        AtMoment {
            y,
            y_min: y * u.min,
            y_max: y * u.max,
            y_max_i: y * u.max_i,
            i_low: y * self.limits.low_v,
            slope: y * u.slope,
            slope_i: y * u.slope_i,
        }
    }

    /// `update`, and the admittance of the moment becomes the one in the system matrix.
    pub fn linearise(&self, state: &mut LoadState, moment: &Moment) {
        self.update(state, moment);
        let y = state.at.y;
        state.y_matrix = Complex64::new(y.re, y.im * self.base_frequency_hz / moment.frequency_hz);
    }

    /// The admittance whose injection changes least with the voltage, for the matrix of a series; `p` and `q` of one branch, W and var.
    ///
    /// A current `i = y(|V|) V` with `y ∝ |V|^(a-2)` changes by `(a-1) y` along the voltage and by `y` across it; half way between, `a y / 2`,
    /// what is left for the injection is smallest: nothing of a constant impedance, and for a constant power half of what its own
    /// admittance would leave.
    ///
    /// `None` for laws that jump at a limit: near it the admittance decides on which side they settle.
    pub fn balanced_admittance(&self, p_w: f64, q_var: f64, moment: &Moment) -> Option<Complex64> {
        let at = self.at(p_w, q_var);
        let (p, q) = match self.law {
            Law::Motor | Law::ConstantPFixedQ | Law::ConstantPFixedX | Law::Cvr => return None,
            Law::ConstantPq => (LEAST_EXPONENT, LEAST_EXPONENT),
            Law::ConstantI => (1.0, 1.0),
            Law::ConstantZ => (2.0, 2.0),
            Law::Zip => (2.0 * self.zipv[0] + self.zipv[1], 2.0 * self.zipv[3] + self.zipv[4]),
        };
        let half = |a: f64| a.clamp(LEAST_EXPONENT, 2.0) / 2.0;
        Some(Complex64::new(at.y.re * half(p), at.y.im * half(q) * self.base_frequency_hz / moment.frequency_hz))
    }

    /// Admittance matrix that stands in the system matrix since the last `linearise`, S, conductors square.
    ///
    /// It does not know of open conductors: the caller eliminates them.
    pub fn yprim(&self, state: &LoadState, _moment: &Moment) -> CMatrix {
        let mut m = self.branches.matrix(state.y_matrix);
        let n = self.branches.n_conductors - 1;
        m[(n, n)] += self.neutral_admittance(state);
        m
    }

    /// What stands at the neutral's diagonal besides the branches, S.
    pub(super) fn neutral_admittance(&self, state: &LoadState) -> Complex64 {
        match self.neutral {
            None => Complex64::default(),
            Some(Neutral::Open) => state.y_matrix * self.branches.pairs.len() as f64 * OPEN_NEUTRAL_SHARE,
            Some(Neutral::Impedance(y)) => y,
        }
    }

    /// Admittance of one branch at the squared voltage `v2`: the law of the model, S.
    #[inline]
    pub(super) fn admittance(&self, state: &LoadState, v2: f64) -> Complex64 {
        let (at, l) = (&state.at, &self.limits);
        if v2 <= l.low_v2 || self.law == Law::ConstantZ {
            return at.y;
        }
        let below = v2 <= l.min_v2;
        let above = v2 > l.max_v2;
        let (p, q) = (state.p_w, state.q_var);
        match self.law {
            Law::ConstantPq | Law::Motor | Law::Cvr if below => self.interpolated(at, at.slope, v2.sqrt()),
            Law::ConstantPq | Law::Motor | Law::Cvr if above => at.y_max,
            Law::ConstantPq => Complex64::new(p, -q) / v2,
            Law::Motor => Complex64::new(p / v2, at.y.im),
            Law::Cvr => self.cvr(state, v2),
            Law::ConstantI if below => self.interpolated(at, at.slope_i, v2.sqrt()),
            Law::ConstantI if above => at.y_max_i,
            Law::ConstantI => Complex64::new(p, -q) / (v2.sqrt() * self.base_v),
            Law::ConstantPFixedQ | Law::ConstantPFixedX if below => Complex64::new(at.y_min.re, self.b_fixed),
            Law::ConstantPFixedQ | Law::ConstantPFixedX if above => Complex64::new(at.y_max.re, self.b_fixed),
            Law::ConstantPFixedQ => Complex64::new(p, -self.q_fixed_var) / v2,
            Law::ConstantPFixedX => Complex64::new(p / v2, self.b_fixed),
            Law::Zip => self.zip(state, v2, below, above),
            Law::ConstantZ => at.y,
        }
    }

    /// Between the low voltage and the lower limit.
    #[inline]
    fn interpolated(&self, at: &AtMoment, slope: Complex64, v: f64) -> Complex64 {
        (at.i_low + slope * (v - self.limits.low_v)) / v
    }

    #[inline]
    fn cvr(&self, state: &LoadState, v2: f64) -> Complex64 {
        let (p_exponent, q_exponent) = state.cvr_exponents;
        let ratio = v2.sqrt() / self.base_v;
        let p_factor = if p_exponent == 1.0 { ratio } else { ratio.powf(p_exponent) };
        let g = if p_factor > 0.0 { state.p_w * p_factor / v2 } else { 0.0 };
        let b = if q_exponent == 2.0 {
            state.at.y.im
        } else if q_exponent == 3.0 {
            -state.q_var * (ratio * ratio * ratio) / v2
        } else {
            -state.q_var * ratio.powf(q_exponent) / v2
        };
        Complex64::new(g, b)
    }

    #[inline]
    fn zip(&self, state: &LoadState, v2: f64, below: bool, above: bool) -> Complex64 {
        let at = &state.at;
        let [zp, ip, pp, zq, iq, pq, cut_off] = self.zipv;
        let v = v2.sqrt();
        let (current, power) = if below {
            (self.interpolated(at, at.slope_i, v), self.interpolated(at, at.slope, v))
        } else if above {
            (at.y_max_i, at.y_max)
        } else {
            let s = Complex64::new(state.p_w, -state.q_var);
            (s / (v * self.base_v), s / v2)
        };
        let y = Complex64::new(at.y.re * zp + current.re * ip + power.re * pp, at.y.im * zq + current.im * iq + power.im * pq);
        if cut_off > 0.0 { y * (0.5 * (1.0 + (500.0 * (v / self.base_v - cut_off)).tanh())) } else { y }
    }

    /// Currents into the conductors at the voltages `v` (V by node, `v[0]` the earth), A, one a conductor.
    ///
    /// # Panics
    /// When `nodes` or `i` is shorter than the number of conductors.
    pub fn currents(&self, state: &LoadState, nodes: &[u32], v: &[Complex64], i: &mut [Complex64]) {
        i[..self.branches.n_conductors].fill(Complex64::default());
        for k in 0..self.branches.pairs.len() {
            let voltage = self.branches.voltage(k, nodes, v);
            let current = self.admittance(state, voltage.norm_sqr()) * voltage;
            self.branches.add_to_conductors(k, current, i);
        }
    }

    /// Power drawn at voltages `v`, VA, as [`LoadModel::currents`] has it.
    pub fn power_va(&self, state: &LoadState, nodes: &[u32], v: &[Complex64]) -> Complex64 {
        let mut power = Complex64::default();
        for k in 0..self.branches.pairs.len() {
            let v2 = self.branches.voltage(k, nodes, v).norm_sqr();
            let l = &self.limits;
            power += if self.law == Law::ConstantPq && v2 > l.min_v2.max(l.low_v2) && v2 <= l.max_v2 {
                Complex64::new(state.p_w, state.q_var)
            } else {
                self.admittance(state, v2).conj() * v2
            };
        }
        power
    }

    /// Nodes between which the branches stand.
    pub(crate) fn branch_nodes<'a>(&'a self, nodes: &'a [u32]) -> impl Iterator<Item = (u32, u32)> + 'a {
        self.branches.pairs.iter().map(|&(a, b)| (nodes[a as usize], nodes[b as usize]))
    }

    /// Squared voltages of a branch, V², above the first and up to the second of which it draws its nominal power whatever the voltage.
    pub(crate) fn constant_power_range(&self) -> Option<(f64, f64)> {
        let l = &self.limits;
        (self.law == Law::ConstantPq).then(|| (l.min_v2.max(l.low_v2), l.max_v2))
    }

    /// Adds `Yprim v - i(v)` to `injection`, A by node; index 0 (the earth) takes what nobody reads.
    pub fn inject(&self, state: &LoadState, nodes: &[u32], v: &[Complex64], injection: &mut [Complex64]) {
        if state.open {
            return;
        }
        for k in 0..self.branches.pairs.len() {
            let voltage = self.branches.voltage(k, nodes, v);
            let current = (state.y_matrix - self.admittance(state, voltage.norm_sqr())) * voltage;
            self.branches.add_to_nodes(k, current, nodes, injection);
        }
        if self.neutral.is_some() {
            let n = nodes[self.branches.n_conductors - 1] as usize;
            if n != 0 {
                injection[n] += self.neutral_admittance(state) * v[n];
            }
        }
    }
}
