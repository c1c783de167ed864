//! The inverter of PV systems and storage: ratings, set points, and how it shares its kVA between watts and vars.
//!
//! What comes in is the AC power `P` that source and efficiency allow. Vars follow in this order:
//!
//! 1. Below `%PMinNoVars` there are none. Otherwise the set point: a power factor, `Q = P sqrt(1/pf² - 1) sign(pf)`, or a request in kvar.
//! 2. Limits. Below `%PMinkvarMax`, and from the cut-out power on, a line `Qmax |P|/Pminkvarmax`; above it `kvarMax` when generating and
//!    `kvarMaxAbs` when absorbing. With priority of the power factor the watts come down with the vars.
//! 3. A switched-off inverter whose vars follow it makes none.
//! 4. The kVA rating: watts give way to vars (default), vars to watts (watt priority), or both keep their ratio (power-factor priority).
//!
//! Source: behaviour of OpenDSS 0.14.5 (PVSystem, Storage). The two differ in signs and in `>=` for `>`; [`Kind`] says which.

use super::PcError;
use super::branch::Branches;
use super::generation::{self, Limits, Output, against_neutral, branch_voltages, current_of};
use super::generator::inject_difference;
use crate::dense::CMatrix;
use network::{Common, Connection, Inverter, XyCurve, XyCurveId};
use num_complex::Complex64;

/// What the vars are set by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VarMode {
    /// Constant power factor, [`InverterState::power_factor`].
    PowerFactor,
    /// A request in kvar, [`InverterState::kvar_requested`].
    Kvar,
}

/// Which of the two elements the inverter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pv,
    Storage,
}

/// Ratings that do not change while solving.
#[derive(Clone, Debug, PartialEq)]
pub struct InverterRatings {
    pub kva: f64,
    /// DC power at which the inverter goes on, and under which it goes off, kW.
    pub cut_in_kw: f64,
    pub cut_out_kw: f64,
    /// Power under which there are no vars, and from which all of them are there, kW; negative where there is no such limit.
    pub p_min_no_vars_kw: f64,
    pub p_min_kvar_max_kw: f64,
    /// Largest vars generated and absorbed, kvar; both positive.
    pub kvar_max: f64,
    pub kvar_max_abs: f64,
    /// A switched-off inverter makes no vars.
    pub var_follow_inverter: bool,
    /// Efficiency over per-unit power of kVA.
    pub efficiency: Option<XyCurveId>,
    /// Rated voltage as the element gives it, kV, and base of its branches, V line to neutral.
    pub kv: f64,
    pub base_v: f64,
    pub n_phases: usize,
}

/// Set points, flags and results of an inverter; what inverter controls read and write.
///
/// Controls write the set points and flags and have the solver call `update`, which turns them into `kw_out` and `kvar_out`.
#[derive(Clone, Debug, PartialEq)]
pub struct InverterState {
    /// Set point of the vars in use.
    pub var_mode: VarMode,
    /// Power factor of [`VarMode::PowerFactor`]; negative: watts and vars of opposite sign.
    pub power_factor: f64,
    /// Vars asked for in [`VarMode::Kvar`], kvar, positive generating.
    pub kvar_requested: f64,
    /// Watts asked for by volt-watt or watt-var, kW; counts only with the flag of the function.
    pub kw_requested: f64,
    /// Power factor that a watt-pf function works at.
    pub watt_pf: f64,
    /// Watts first, when the kVA does not suffice.
    pub watt_priority: bool,
    /// The ratio of watts and vars first.
    pub pf_priority: bool,
    /// Under volt-watt control.
    pub volt_watt: bool,
    /// Under volt-var control.
    pub volt_var: bool,
    /// Under watt-pf control.
    pub watt_pf_mode: bool,
    /// Under watt-var control.
    pub watt_var: bool,
    /// Under dynamic-reactive-current control.
    pub dynamic_reactive_current: bool,
    /// Under active voltage regulation.
    pub active_voltage_regulation: bool,
    /// Switched on (between cut-in and cut-out).
    pub on: bool,
    /// Present AC power, kW and kvar, positive generating.
    pub kw_out: f64,
    pub kvar_out: f64,
    /// Present limits of generated and absorbed vars, kvar, after the power has told.
    pub kvar_limit: f64,
    pub kvar_limit_abs: f64,
    /// Efficiency at the present power.
    pub efficiency: f64,
    /// The set points asked for more than the rating, or hardly less.
    pub kva_exceeded: bool,
    /// Line-to-neutral admittance in the system matrix, S.
    pub y_matrix: Complex64,
    /// Fixed currents of the phases in fault study, A into the element.
    pub(super) dynamic_currents: Option<Vec<Complex64>>,
    pub(super) output: Output,
}

/// Ratings and the electrical side.
#[derive(Clone, Debug)]
pub(super) struct InverterCore {
    pub kind: Kind,
    pub branches: Branches,
    pub ratings: InverterRatings,
    pub limits: Limits,
    pub constant_z: bool,
    pub balanced: bool,
    pub limit_current: bool,
    pub r_pct: f64,
    pub x_pct: f64,
    pub base_frequency_hz: f64,
}

/// −1, 0 or 1: zero has no sign here, as in the reference.
pub(super) fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// Vars over watts at a power factor, without sign.
fn tangent(pf: f64) -> f64 {
    (1.0 / (pf * pf) - 1.0).max(0.0).sqrt()
}

/// Watts over vars at a power factor, without sign.
fn cotangent(pf: f64) -> f64 {
    (1.0 / (1.0 - pf * pf) - 1.0).max(0.0).sqrt()
}

/// Other leg of the right triangle with hypotenuse `h`; zero where there is none.
fn leg(h: f64, a: f64) -> f64 {
    (h * h - a * a).max(0.0).sqrt()
}

impl InverterCore {
    pub fn compile(
        kind: Kind,
        name: &str,
        common: &Common,
        connection: Connection,
        (kv, base_v): (f64, f64),
        rated_kw: f64,
        inverter: &Inverter,
    ) -> Result<Self, PcError> {
        let branches = Branches::new(name, common, connection)?;
        let base_v = generation::source_base_v(name, kv, base_v)?;
        let fail = |what| PcError::Unsupported { element: name.to_owned(), what };
        if inverter.grid_forming {
            return Err(fail("a grid-forming inverter"));
        }
        if inverter.model == 3 {
            return Err(PcError::Model { element: name.to_owned(), model: 3 });
        }
        if !(inverter.kva.is_finite() && inverter.kva > 0.0) {
            return Err(PcError::Rating { element: name.to_owned(), quantity: "kVA", value: inverter.kva });
        }
        let part = |pct: f64| if pct <= 0.0 { -1.0 } else { pct * rated_kw / 100.0 };
        Ok(Self {
            kind,
            branches,
            ratings: InverterRatings {
                kva: inverter.kva,
                cut_in_kw: inverter.cut_in_pct * inverter.kva / 100.0,
                cut_out_kw: inverter.cut_out_pct * inverter.kva / 100.0,
                p_min_no_vars_kw: part(inverter.p_min_no_vars_pct),
                p_min_kvar_max_kw: part(inverter.p_min_kvar_max_pct),
                kvar_max: inverter.q_max_kvar,
                kvar_max_abs: inverter.q_max_abs_kvar,
                var_follow_inverter: inverter.var_follow_inverter,
                efficiency: inverter.efficiency,
                kv,
                base_v,
                n_phases: common.n_phases,
            },
            limits: Limits::new(base_v, inverter.v_min_pu, inverter.v_max_pu),
            constant_z: inverter.model == 2,
            balanced: inverter.balanced,
            limit_current: inverter.limit_current,
            r_pct: inverter.r_pct,
            x_pct: inverter.x_pct,
            base_frequency_hz: common.base_frequency_hz,
        })
    }

    pub fn initial_state(&self, inverter: &Inverter) -> InverterState {
        InverterState {
            var_mode: if inverter.q_follows_pf { VarMode::PowerFactor } else { VarMode::Kvar },
            power_factor: inverter.power_factor,
            kvar_requested: if inverter.q_follows_pf { 0.0 } else { inverter.q_kvar },
            kw_requested: 0.0,
            watt_pf: 1.0,
            watt_priority: inverter.watt_priority,
            pf_priority: inverter.pf_priority,
            volt_watt: false,
            volt_var: false,
            watt_pf_mode: false,
            watt_var: false,
            dynamic_reactive_current: false,
            active_voltage_regulation: false,
            on: true,
            kw_out: 0.0,
            kvar_out: 0.0,
            kvar_limit: inverter.q_max_kvar,
            kvar_limit_abs: inverter.q_max_abs_kvar,
            efficiency: 1.0,
            kva_exceeded: false,
            y_matrix: Complex64::ZERO,
            dynamic_currents: None,
            output: Output::default(),
        }
    }

    /// Efficiency at a DC or AC power, kW; 1 without a curve.
    pub fn efficiency_at(&self, curves: &[XyCurve], kw: f64) -> f64 {
        self.ratings.efficiency.map_or(1.0, |id| curves[id.index()].y_at(kw / self.ratings.kva))
    }

    /// Vars of the set point at the power `state.kw_out` (steps 1 and 2); may lower the power.
    ///
    /// `cut_out_ac_kw` is the AC power at the cut-out. Returns the power factor that a request in kvar implied, for step 4.
    pub fn reactive(&self, state: &mut InverterState, cut_out_ac_kw: f64) -> f64 {
        let r = &self.ratings;
        let p = state.kw_out;
        let mut implied_pf = 0.0;
        let ramp = p.abs() < r.p_min_kvar_max_kw;
        let on_ramp = p.abs() >= r.p_min_no_vars_kw.max(cut_out_ac_kw);
        if p.abs() < r.p_min_no_vars_kw {
            state.kvar_out = 0.0;
            state.kvar_limit = 0.0;
            state.kvar_limit_abs = 0.0;
        } else if state.var_mode == VarMode::PowerFactor {
            let pf = state.power_factor;
            if pf == 1.0 {
                state.kvar_out = 0.0;
                return implied_pf;
            }
            state.kvar_out = p * tangent(pf) * sign(pf);
            if ramp {
                if on_ramp {
                    let limit = self.ramp_limit(state.kvar_out, p);
                    let exceeds = state.kvar_out.abs() > limit;
                    // Storage tells its controls of the limit only once it is reached.
                    if self.kind == Kind::Pv || exceeds {
                        self.note_limit(state, state.kvar_out, limit);
                    }
                    if exceeds {
                        state.kvar_out = limit * sign(p) * sign(pf);
                    }
                }
            } else if state.kvar_out.abs() > r.kvar_max || state.kvar_out.abs() > r.kvar_max_abs {
                let limit = if state.kvar_out > 0.0 { r.kvar_max } else { r.kvar_max_abs };
                state.kvar_out = limit * sign(p) * sign(pf);
                if state.pf_priority {
                    state.kw_out = state.kvar_out * cotangent(pf) * sign(pf);
                }
            }
        } else {
            let q = state.kvar_requested;
            if ramp {
                // Under the foot of the ramp the vars stay as they were.
                if on_ramp {
                    let limit = self.ramp_limit(q, p);
                    self.note_limit(state, q, limit);
                    state.kvar_out = if q.abs() > limit { limit * sign(q) } else { q };
                }
            } else if self.beyond(q) {
                state.kvar_out = if q > 0.0 { r.kvar_max } else { -r.kvar_max_abs };
                if state.pf_priority && state.watt_pf_mode {
                    state.kw_out = state.kvar_out.abs() * cotangent(state.watt_pf) * sign(p);
                } else if state.pf_priority && self.keeps_ratio(state) && q.abs() > 0.0 {
                    implied_pf = (q / p).abs().atan().cos();
                    state.kw_out = state.kvar_out.abs() * cotangent(implied_pf) * sign(p);
                }
            } else {
                state.kvar_out = q;
            }
        }
        implied_pf
    }

    fn beyond(&self, q: f64) -> bool {
        let r = &self.ratings;
        match self.kind {
            Kind::Pv => (q > 0.0 && q >= r.kvar_max) || (q < 0.0 && -q >= r.kvar_max_abs),
            Kind::Storage => q > r.kvar_max || -q > r.kvar_max_abs,
        }
    }

    /// Priority of the power factor yields only to all the var functions at once.
    fn keeps_ratio(&self, s: &InverterState) -> bool {
        let all = s.volt_var && s.dynamic_reactive_current && s.watt_var;
        !(all && (self.kind == Kind::Storage || s.active_voltage_regulation))
    }

    fn ramp_limit(&self, q: f64, p: f64) -> f64 {
        let r = &self.ratings;
        let full = if q > 0.0 {
            r.kvar_max
        } else if q < 0.0 {
            r.kvar_max_abs
        } else {
            0.0
        };
        full / r.p_min_kvar_max_kw * p.abs()
    }

    fn note_limit(&self, state: &mut InverterState, q: f64, limit: f64) {
        if q > 0.0 {
            state.kvar_limit = limit;
        } else if q < 0.0 {
            state.kvar_limit_abs = limit;
        }
    }

    /// Steps 3 and 4. `idling` storage gives way with its vars.
    pub fn fit_to_rating(&self, state: &mut InverterState, implied_pf: f64, idling: bool) {
        let r = &self.ratings;
        let silent = !state.on && r.var_follow_inverter;
        if silent {
            state.kvar_out = 0.0;
        }
        let kva = state.kw_out.hypot(state.kvar_out);
        if kva > r.kva {
            state.kva_exceeded = true;
            self.reduce(state, implied_pf, idling);
        } else {
            state.kva_exceeded = (kva - r.kva).abs() / r.kva < 0.0005;
        }
        // Storage leaves the vars that the reduction found.
        if silent && self.kind == Kind::Pv {
            state.kvar_out = 0.0;
        }
    }

    fn reduce(&self, state: &mut InverterState, implied_pf: f64, idling: bool) {
        let r = &self.ratings;
        let (p, q) = (state.kw_out, state.kvar_out);
        let by_kvar = state.var_mode == VarMode::Kvar;
        if idling {
            state.kvar_out = leg(r.kva, p) * sign(q);
        } else if !by_kvar && state.pf_priority {
            let pf = state.power_factor;
            let direction = if self.kind == Kind::Storage { sign(p) } else { 1.0 };
            state.kw_out = r.kva * pf.abs() * direction;
            state.kvar_out = r.kva * leg(1.0, pf) * direction * sign(pf);
        } else if by_kvar && state.pf_priority && state.watt_pf_mode {
            state.kw_out = r.kva * state.watt_pf.abs() * sign(p);
            state.kvar_out = r.kva * state.watt_pf.acos().sin().abs() * sign(state.kvar_requested);
        } else if by_kvar && state.pf_priority && self.keeps_ratio(state) {
            let pf = if q.abs() == r.kvar_max { implied_pf.abs() } else { (state.kvar_requested / p).atan().cos().abs() };
            state.kw_out = r.kva * pf * sign(p);
            state.kvar_out = r.kva * (state.kw_out / r.kva).acos().sin().abs() * sign(state.kvar_requested);
        } else if state.watt_priority {
            if p > r.kva {
                state.kw_out = r.kva;
                state.kvar_out = 0.0;
            } else {
                state.kvar_out = leg(r.kva, p) * sign(q);
            }
        } else {
            state.kw_out = leg(r.kva, q) * sign(p);
        }
    }

    /// Admittances and current limit that follow from `kw_out` and `kvar_out`.
    pub fn set_output(&self, state: &mut InverterState) {
        let per_branch = 1000.0 / self.branches.pairs.len() as f64;
        state.output = self.limits.output(Complex64::new(state.kw_out * per_branch, state.kvar_out * per_branch));
    }

    /// Puts `y` (line to neutral, drawn) into the system matrix, its susceptance at the frequency of the solution.
    pub fn put_in_matrix(&self, state: &mut InverterState, y: Complex64, frequency_hz: f64) {
        state.y_matrix = Complex64::new(y.re, y.im * self.base_frequency_hz / frequency_hz);
    }

    pub fn yprim(&self, state: &InverterState) -> CMatrix {
        self.branches.matrix(state.y_matrix * self.share())
    }

    fn share(&self) -> f64 {
        if self.branches.connection == Connection::Delta { 1.0 / 3.0 } else { 1.0 }
    }

    /// Current that a branch generates at `voltage`.
    fn generated(&self, state: &InverterState, voltage: Complex64) -> Complex64 {
        let out = &state.output;
        if self.constant_z {
            return out.y * self.share() * voltage;
        }
        let v_mag = voltage.norm();
        let (v_ln, share) = against_neutral(&self.branches, v_mag);
        let delta = self.branches.connection == Connection::Delta;
        let line = if delta { 3f64.sqrt() } else { 1.0 };
        let exceeds = |current: Complex64| self.limit_current && current.norm() * line > out.limit_a;
        if self.kind == Kind::Pv && self.limit_current {
            let current = current_of(out.s, voltage);
            return if exceeds(current) { current_of(out.limit, voltage / (v_mag / line)) } else { current };
        }
        // Storage in delta of more than one phase counts as line to neutral over √3, whatever the number of phases.
        let v_ln = if self.kind == Kind::Storage && delta && self.branches.pairs.len() > 1 { v_mag / 3f64.sqrt() } else { v_ln };
        let current = if v_ln <= self.limits.min_v {
            out.y_min * share * voltage
        } else if v_ln > self.limits.max_v {
            out.y_max * share * voltage
        } else {
            current_of(out.s, voltage)
        };
        if exceeds(current) { current_of(out.limit, voltage / v_ln) } else { current }
    }

    pub fn currents(&self, state: &InverterState, nodes: &[u32], v: &[Complex64], i: &mut [Complex64]) {
        i[..self.branches.n_conductors].fill(Complex64::ZERO);
        if let Some(fixed) = &state.dynamic_currents {
            i[..fixed.len()].copy_from_slice(fixed);
            return;
        }
        let voltages = branch_voltages(&self.branches, self.balanced, nodes, v);
        for k in 0..self.branches.pairs.len() {
            self.branches.add_to_conductors(k, -self.generated(state, voltages.get(k)), i);
        }
    }

    pub fn inject(&self, state: &InverterState, nodes: &[u32], v: &[Complex64], injection: &mut [Complex64]) {
        if let Some(fixed) = &state.dynamic_currents {
            inject_difference(&self.yprim(state), fixed, nodes, v, injection);
            return;
        }
        let share = self.share();
        let voltages = branch_voltages(&self.branches, self.balanced, nodes, v);
        for k in 0..self.branches.pairs.len() {
            let linear = state.y_matrix * share * self.branches.voltage(k, nodes, v);
            self.branches.add_to_nodes(k, linear + self.generated(state, voltages.get(k)), nodes, injection);
        }
    }

    /// Power generated at the voltages `v`, VA.
    pub fn generated_power(&self, state: &InverterState, nodes: &[u32], v: &[Complex64]) -> Complex64 {
        let mut i = vec![Complex64::ZERO; self.branches.n_conductors];
        self.currents(state, nodes, v, &mut i);
        -i.iter().zip(nodes).map(|(i, &n)| v[n as usize] * i.conj()).sum::<Complex64>()
    }

    /// Rated kV line to neutral (as given for one phase).
    fn kv_per_phase(&self) -> f64 {
        if self.ratings.n_phases > 1 { self.ratings.kv / 3f64.sqrt() } else { self.ratings.kv }
    }

    /// Admittance behind which the inverter stands in fault study, S: `%R` and `%X` of kVA, `%X` 50 where it is zero.
    pub fn dynamic_admittance(&self) -> Complex64 {
        let z_base_pct = 0.01 * self.ratings.kv * self.ratings.kv / self.ratings.kva * 1000.0;
        let x_pct = if self.x_pct == 0.0 { 50.0 } else { self.x_pct };
        Complex64::new(self.r_pct * z_base_pct, x_pct * z_base_pct).inv()
    }

    /// Freezes currents in phase with the node voltages: `p_kw` shared by the phases, no more than the kVA allows.
    pub fn freeze_currents(&self, state: &mut InverterState, p_kw: f64, nodes: &[u32], v: &[Complex64]) {
        let n = self.ratings.n_phases;
        let most = self.ratings.kva / self.kv_per_phase() / n as f64;
        let mut i = vec![Complex64::ZERO; self.branches.n_conductors];
        let mut neutral = Complex64::ZERO;
        for k in 0..n {
            let voltage = v[nodes[k] as usize];
            let wanted = p_kw * 1000.0 / voltage.norm() / n as f64;
            i[k] = -Complex64::from_polar(if wanted <= most { wanted } else { most }, voltage.arg());
            neutral -= i[k];
        }
        if self.branches.n_conductors > n {
            i[n] = neutral;
        }
        state.dynamic_currents = Some(i);
    }
}
