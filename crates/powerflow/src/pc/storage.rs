//! Storage: what it is doing, its inverter, and its energy.
//!
//! State. A unit charges, idles or discharges. Dispatch modes compare a level with the triggers (`default` its shape's value,
//! `loadlevel` the load level, `price` the price), `follow` takes the sign and size of the shape, `external` waits for a controller.
//! Charging also starts at a time of day when triggers are in use. A full unit does not charge, one at its reserve does not discharge.
//!
//! Power. Discharging gives `%discharge` of the rating, charging takes `%charge`, idling takes its losses; the shape itself in
//! `follow`. Cut-in and cut-out act on the AC side. Then the limit `%kWrated` (or what volt-watt asks for) and [`super::inverter`].
//!
//! Matrix. The rating as a conductance, negative when discharging, positive when charging, none when idling.
//!
//! Energy. [`StorageModel::advance`] after a time step: discharging takes `(Pdc + Pidle)/η`, charging adds `(Pdc - Pidle) η`; the DC
//! power follows from the power at the terminals through the line of the efficiency curve at it.
//!
//! Source: behaviour of OpenDSS 0.14.5 (Storage).

use super::inverter::{InverterCore, InverterRatings, InverterState, Kind};
use super::{Moment, PcError};
use crate::dense::CMatrix;
use network::{DispatchMode, ElementId, ElementKind, Network, Shapes, SolutionMode, StorageMode, XyCurve};
use num_complex::Complex64;

/// Energy differences under this do not count in mode `follow`, kWh.
const ENERGY_EPSILON_KWH: f64 = 1e-12;

/// What a storage unit is made of, compiled once.
#[derive(Clone, Debug)]
pub struct StorageModel {
    core: InverterCore,
    p_rated_kw: f64,
    p_rated_pu: f64,
    energy_rated_kwh: f64,
    energy_reserve_kwh: f64,
    charge_efficiency: f64,
    discharge_efficiency: f64,
    idling_kw: f64,
    idling_ac_kw: f64,
    dispatch: DispatchMode,
    discharge_trigger: f64,
    charge_trigger: f64,
    charge_time_h: f64,
    shapes: Shapes,
    /// As made: a unit is computed once when it is made, which may idle it or switch its inverter.
    initial: Option<Box<StorageState>>,
    y_rated_s: f64,
}

/// What changes of a storage unit while solving.
#[derive(Clone, Debug, PartialEq)]
pub struct StorageState {
    pub inverter: InverterState,
    pub mode: StorageMode,
    /// State that was wanted before limits of energy and cut-out told otherwise.
    pub mode_desired: StorageMode,
    pub stored_kwh: f64,
    /// Energy before the last `advance`; a full store before the first.
    pub stored_before_kwh: f64,
    /// Power as a share of the rating, percent; controllers write these.
    pub discharge_pct: f64,
    pub charge_pct: f64,
    /// Share of the rated power that the inverter may use, per unit.
    pub p_rated_pu: f64,
    /// Present DC power, kW, positive discharging; of the last `advance`.
    pub dc_kw: f64,
    /// A controller dispatches the unit.
    pub external: bool,
    /// AC powers of cut-in and cut-out, as the last `update` had them, kW.
    pub cut_in_ac_kw: f64,
    pub cut_out_ac_kw: f64,
    /// The state changed since the matrix was built.
    pub changed: bool,
    /// Volt-watt reversed the direction.
    pub volt_watt_reversed: bool,
}

/// Where the power that a unit takes goes, kW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StorageLosses {
    /// Between the terminals and the DC side; negative where the idling draws more than it gives.
    pub inverter: f64,
    pub idling: f64,
    /// Charging or discharging the cells.
    pub cells: f64,
}

impl StorageModel {
    /// Losses when the terminals carry `p_ac_kw` (without sign) and the DC side `dc_kw` ([`Self::dc_power_kw`]).
    pub fn losses_kw(&self, state: &StorageState, p_ac_kw: f64, dc_kw: f64) -> StorageLosses {
        let dc_size_kw = dc_kw.abs();
        let beyond_discharge = 1.0 / self.discharge_efficiency - 1.0;
        match state.mode {
            StorageMode::Idling => StorageLosses { inverter: p_ac_kw - dc_size_kw, idling: dc_size_kw, cells: 0.0 },
            StorageMode::Discharging => {
                let cells = (dc_kw + self.idling_kw) * beyond_discharge;
                StorageLosses { inverter: dc_kw - p_ac_kw, idling: self.idling_kw, cells }
            }
            StorageMode::Charging => {
                let net_kw = dc_size_kw - self.idling_kw;
                // Idling losses beyond the charging power discharge the cells.
                let cells = if net_kw > 0.0 { net_kw * (1.0 - self.charge_efficiency) } else { -net_kw * beyond_discharge };
                StorageLosses { inverter: p_ac_kw - dc_size_kw, idling: self.idling_kw, cells }
            }
        }
    }

    /// Efficiency of the inverter at a power, kW.
    pub fn efficiency_at(&self, kw: f64, network: &Network) -> f64 {
        self.core.efficiency_at(&network.xy_curves, kw)
    }

    /// Compiles storage unit number `index` of the network.
    ///
    /// # Errors
    /// [`PcError`]: rated voltage, kVA or kW zero, conductors that do not fit, a user model, a grid-forming inverter.
    pub fn compile(network: &Network, index: usize) -> Result<Self, PcError> {
        let s = network.storages.get(index).ok_or(PcError::Index { class: "storage", index })?;
        let name = network.full_name(ElementId::new(ElementKind::Storage, index));
        let core = InverterCore::compile(Kind::Storage, &name, &s.common, s.connection, (s.kv, s.base_v), s.p_rated_kw, &s.inverter)?;
        if !s.p_rated_kw.is_finite() || s.p_rated_kw == 0.0 {
            return Err(PcError::Rating { element: name, quantity: "kWrated", value: s.p_rated_kw });
        }
        let idling_kw = s.idling_loss_pct * s.p_rated_kw / 100.0;
        let (mode, discharge_pct, charge_pct) = match s.p_kw {
            Some(p) if p > 0.0 => (StorageMode::Discharging, p / s.p_rated_kw * 100.0, s.charge_pct),
            Some(p) if p < 0.0 => (StorageMode::Charging, s.discharge_pct, p.abs() / s.p_rated_kw * 100.0),
            Some(_) => (StorageMode::Idling, s.discharge_pct, s.charge_pct),
            None => (s.mode, s.discharge_pct, s.charge_pct),
        };
        let base_v = core.ratings.base_v;
        let mut model = Self {
            idling_ac_kw: idling_kw / core.efficiency_at(&network.xy_curves, idling_kw),
            y_rated_s: s.p_rated_kw * 1000.0 / (base_v * base_v) / s.common.n_phases as f64,
            core,
            p_rated_kw: s.p_rated_kw,
            p_rated_pu: s.p_rated_pct / 100.0,
            energy_rated_kwh: s.energy_rated_kwh,
            energy_reserve_kwh: s.energy_rated_kwh * s.reserve_pct / 100.0,
            charge_efficiency: s.charge_efficiency_pct * 0.01,
            discharge_efficiency: s.discharge_efficiency_pct * 0.01,
            idling_kw,
            dispatch: s.dispatch,
            discharge_trigger: s.discharge_trigger,
            charge_trigger: s.charge_trigger,
            charge_time_h: s.charge_time_h,
            shapes: s.shapes,
            initial: None,
        };
        let mut state = StorageState {
            inverter: model.core.initial_state(&s.inverter),
            mode,
            mode_desired: mode,
            stored_kwh: s.energy_stored_kwh,
            stored_before_kwh: s.energy_rated_kwh,
            discharge_pct,
            charge_pct,
            p_rated_pu: model.p_rated_pu,
            dc_kw: 0.0,
            external: s.dispatch == DispatchMode::External,
            cut_in_ac_kw: model.core.ratings.cut_in_kw,
            cut_out_ac_kw: model.core.ratings.cut_out_kw,
            changed: true,
            volt_watt_reversed: false,
        };
        model.dispatch_power(&mut state, 1.0);
        model.convert(&mut state, network);
        model.initial = Some(Box::new(state));
        Ok(model)
    }

    /// State before any solution; `update` or `linearise` comes next.
    pub fn initial_state(&self) -> StorageState {
        self.initial.as_deref().cloned().expect("set by compile")
    }

    /// Ratings of the inverter.
    pub fn ratings(&self) -> &InverterRatings {
        &self.core.ratings
    }

    /// Rated power, kW.
    pub fn p_rated_kw(&self) -> f64 {
        self.p_rated_kw
    }

    /// AC power that an idling unit draws, kW.
    pub fn idling_ac_kw(&self) -> f64 {
        self.idling_ac_kw
    }

    /// Energy when full, and the reserve that discharging leaves, kWh.
    pub fn energy_limits_kwh(&self) -> (f64, f64) {
        (self.energy_rated_kwh, self.energy_reserve_kwh)
    }

    /// Whether a controller dispatches the unit (`dispmode=external`).
    pub fn is_external(&self) -> bool {
        self.dispatch == DispatchMode::External
    }

    /// Number of conductors of the terminal.
    pub fn n_conductors(&self) -> usize {
        self.core.branches.n_conductors
    }

    /// Power that the state and the percentages ask for, kW, positive discharging, limits and energy apart.
    pub fn desired_kw(&self, state: &StorageState) -> f64 {
        match state.mode_desired {
            StorageMode::Charging => -state.charge_pct * self.p_rated_kw / 100.0,
            StorageMode::Discharging => state.discharge_pct * self.p_rated_kw / 100.0,
            StorageMode::Idling => 0.0,
        }
    }

    /// Asks for a power, kW: positive discharges, negative charges, zero idles.
    pub fn request_kw(&self, state: &mut StorageState, kw: f64) {
        if kw > 0.0 {
            state.mode = StorageMode::Discharging;
            state.discharge_pct = kw / self.p_rated_kw * 100.0;
        } else if kw < 0.0 {
            state.mode = StorageMode::Charging;
            state.charge_pct = kw.abs() / self.p_rated_kw * 100.0;
        } else {
            state.mode = StorageMode::Idling;
        }
    }

    /// Asks for a state; a full unit does not charge and one at its reserve does not discharge: they idle.
    pub fn request_mode(&self, state: &mut StorageState, mode: StorageMode) {
        let granted = match mode {
            StorageMode::Charging if state.stored_kwh < self.energy_rated_kwh => mode,
            StorageMode::Discharging if state.stored_kwh > self.energy_reserve_kwh => mode,
            _ => StorageMode::Idling,
        };
        state.changed |= granted != state.mode;
        state.mode = granted;
    }

    /// State and power of the moment. In fault study the state stays as it was.
    ///
    /// Returns whether the state changed, upon which OpenDSS rebuilds the system matrix.
    pub fn update(&self, state: &mut StorageState, moment: &Moment) -> bool {
        if moment.is_dynamic() {
            return std::mem::take(&mut state.changed);
        }
        state.inverter.dynamic_currents = None;
        let mut rebuild = false;
        let mut shape_factor = 1.0;
        match self.dispatch {
            _ if state.external => {}
            DispatchMode::External => {}
            DispatchMode::LoadLevel => rebuild |= self.trigger(state, moment.dispatch_reference(), moment),
            DispatchMode::Price => rebuild |= self.trigger(state, moment.price, moment),
            DispatchMode::Default | DispatchMode::Follow => {
                let s = &self.shapes;
                let shape = match moment.shape_mode() {
                    SolutionMode::Yearly => Some(s.yearly.or(s.daily)),
                    SolutionMode::DutyCycle => Some(s.duty.or(s.daily)),
                    SolutionMode::Daily
                    | SolutionMode::MonteCarlo2
                    | SolutionMode::MonteCarlo3
                    | SolutionMode::LoadDuration1
                    | SolutionMode::LoadDuration2
                    | SolutionMode::PeakDay => Some(s.daily),
                    _ => None,
                };
                if let Some(shape) = shape {
                    shape_factor = shape.map_or(1.0, |id| moment.network.load_shapes[id.index()].at(moment.hour).0);
                    rebuild |= self.trigger(state, shape_factor, moment);
                }
            }
        }
        self.dispatch_power(state, shape_factor);
        self.convert(state, moment.network);
        std::mem::take(&mut state.changed) | rebuild
    }

    /// Compares `level` with the triggers and sets the state; tells whether it changed.
    fn trigger(&self, state: &mut StorageState, level: f64, moment: &Moment) -> bool {
        use StorageMode::{Charging, Discharging, Idling};
        state.changed = false;
        let before = state.mode;
        let (full, reserve) = (self.energy_rated_kwh, self.energy_reserve_kwh);
        if self.dispatch == DispatchMode::Follow {
            let wanted = if level > 0.0 && state.stored_kwh - reserve > ENERGY_EPSILON_KWH {
                Discharging
            } else if level < 0.0 && state.stored_kwh - full < -ENERGY_EPSILON_KWH {
                Charging
            } else {
                Idling
            };
            self.request_mode(state, wanted);
        } else {
            let (up, down) = (self.discharge_trigger, self.charge_trigger);
            if up == 0.0 && down == 0.0 {
                return false;
            }
            match state.mode {
                Charging if down != 0.0 && (down < level || state.stored_kwh >= full) => state.mode = Idling,
                Discharging if up != 0.0 && (up > level || state.stored_kwh <= reserve) => state.mode = Idling,
                _ => {}
            }
            if state.mode == Idling {
                if up != 0.0 && up < level && state.stored_kwh > reserve {
                    state.mode = Discharging;
                } else if down != 0.0 && down > level && state.stored_kwh < full {
                    state.mode = Charging;
                }
                let time_of_day = moment.hour.rem_euclid(24.0);
                if state.mode != Charging && self.charge_time_h > 0.0 && (time_of_day - self.charge_time_h).abs() < moment.step_h {
                    state.mode = Charging;
                }
            }
        }
        state.changed = state.mode != before;
        state.changed
    }

    /// Power that the state gives at the AC side, before limits.
    fn dispatch_power(&self, state: &mut StorageState, shape_factor: f64) {
        let before = state.mode;
        state.mode_desired = before;
        let follow = self.dispatch == DispatchMode::Follow && !state.external;
        match state.mode {
            StorageMode::Charging if state.stored_kwh < self.energy_rated_kwh => {
                if follow {
                    state.inverter.kw_out = self.p_rated_kw * shape_factor;
                    state.charge_pct = shape_factor.abs() * 100.0;
                } else {
                    state.inverter.kw_out = -self.p_rated_kw * state.charge_pct / 100.0;
                }
            }
            StorageMode::Discharging if state.stored_kwh > self.energy_reserve_kwh => {
                if follow {
                    state.inverter.kw_out = self.p_rated_kw * shape_factor;
                    state.discharge_pct = shape_factor.abs() * 100.0;
                } else {
                    state.inverter.kw_out = self.p_rated_kw * state.discharge_pct / 100.0;
                }
            }
            _ => state.mode = StorageMode::Idling,
        }
        if state.mode == StorageMode::Idling {
            state.inverter.kw_out = -self.idling_ac_kw;
        }
        state.changed |= state.mode != before;
    }

    /// Cut-in and cut-out, limits of power, vars, rating.
    fn convert(&self, state: &mut StorageState, network: &Network) {
        let core = &self.core;
        let r = &core.ratings;
        let curves = &network.xy_curves;
        state.inverter.kvar_limit = r.kvar_max;
        state.inverter.kvar_limit_abs = r.kvar_max_abs;
        let to_ac = |kw: f64| {
            let efficiency = core.efficiency_at(curves, kw.abs());
            if state.mode == StorageMode::Discharging { kw * efficiency } else { kw / efficiency }
        };
        let (cut_out_ac_kw, cut_in_ac_kw) = (to_ac(r.cut_out_kw), to_ac(r.cut_in_kw));
        (state.cut_out_ac_kw, state.cut_in_ac_kw) = (cut_out_ac_kw, cut_in_ac_kw);
        let before = state.mode;
        let p = state.inverter.kw_out.abs();
        let on = p >= if state.inverter.on { cut_out_ac_kw } else { cut_in_ac_kw };
        state.inverter.on = on;
        if !on {
            state.mode = StorageMode::Idling;
        }
        state.changed |= state.mode != before;
        if on {
            self.limit_power(state);
        } else {
            state.inverter.kw_out = -self.idling_ac_kw;
        }
        let idling = state.mode == StorageMode::Idling;
        let inv = &mut state.inverter;
        let implied_pf = if idling {
            self.idling_vars(inv);
            0.0
        } else {
            core.reactive(inv, cut_out_ac_kw)
        };
        core.fit_to_rating(inv, implied_pf, idling);
        core.set_output(inv);
    }

    /// Vars of an idling unit: its set point within the limits.
    fn idling_vars(&self, inv: &mut InverterState) {
        use super::inverter::{VarMode, sign};
        let r = &self.core.ratings;
        inv.kvar_out = match inv.var_mode {
            VarMode::PowerFactor => {
                let pf = inv.power_factor;
                let q = inv.kw_out * (1.0 / (pf * pf) - 1.0).max(0.0).sqrt() * sign(pf);
                if q > 0.0 && q > r.kvar_max {
                    r.kvar_max
                } else if q < 0.0 && -q > r.kvar_max_abs {
                    // The sign is that of the request in kvar, not of the vars.
                    r.kvar_max_abs * sign(inv.kvar_requested)
                } else {
                    q
                }
            }
            VarMode::Kvar => inv.kvar_requested.clamp(-r.kvar_max_abs, r.kvar_max),
        };
    }

    /// Limit of the rated share, or what volt-watt asks for: negative, it reverses the direction.
    fn limit_power(&self, state: &mut StorageState) {
        use StorageMode::{Charging, Discharging, Idling};
        let rated = self.p_rated_kw * state.p_rated_pu;
        let signed = |mode: StorageMode| if mode == Discharging { rated } else { -rated };
        state.volt_watt_reversed = false;
        let mut limit = signed(state.mode);
        let asked = state.inverter.kw_requested;
        if state.inverter.volt_watt && state.mode != Idling {
            if asked >= 0.0 && asked.abs() < limit.abs() {
                limit = if state.mode == Discharging { asked } else { -asked };
            } else if asked < 0.0 {
                let (reverse, kw) = if state.mode == Discharging {
                    (if state.stored_kwh < self.energy_rated_kwh { Charging } else { Idling }, asked)
                } else {
                    (if state.stored_kwh > self.energy_reserve_kwh { Discharging } else { Idling }, -asked)
                };
                state.mode = reverse;
                state.inverter.kw_out = if reverse == Idling { -self.idling_ac_kw } else { kw };
                state.changed = true;
                state.volt_watt_reversed = true;
                limit = signed(reverse);
            }
        }
        let p = &mut state.inverter.kw_out;
        if (limit > 0.0 && *p > limit) || (limit < 0.0 && *p < limit) {
            *p = limit;
        }
    }

    /// `update`, and the admittance of the state becomes the one in the system matrix. Returns what `update` returns.
    pub fn linearise(&self, state: &mut StorageState, moment: &Moment) -> bool {
        let changed = self.update(state, moment);
        let g = match state.mode {
            StorageMode::Charging => self.y_rated_s,
            StorageMode::Idling => 0.0,
            StorageMode::Discharging => -self.y_rated_s,
        };
        self.core.put_in_matrix(&mut state.inverter, Complex64::new(g, 0.0), moment.frequency_hz);
        changed
    }

    /// Admittance matrix that stands in the system matrix since the last `linearise`, S, conductors square.
    pub fn yprim(&self, state: &StorageState, _moment: &Moment) -> CMatrix {
        self.core.yprim(&state.inverter)
    }

    /// Currents into the conductors at the voltages `v` (V by node, `v[0]` the earth), A, one a conductor.
    ///
    /// # Panics
    /// When `nodes` or `i` is shorter than the number of conductors.
    pub fn currents(&self, state: &StorageState, nodes: &[u32], v: &[Complex64], i: &mut [Complex64]) {
        self.core.currents(&state.inverter, nodes, v, i);
    }

    /// Adds `Yprim v - i(v)` to `injection`, A by node; index 0 (the earth) takes what nobody reads.
    pub fn inject(&self, state: &StorageState, nodes: &[u32], v: &[Complex64], injection: &mut [Complex64]) {
        self.core.inject(&state.inverter, nodes, v, injection);
    }

    /// Power generated at the voltages `v`, VA.
    pub fn generated_power(&self, state: &StorageState, nodes: &[u32], v: &[Complex64]) -> Complex64 {
        self.core.generated_power(&state.inverter, nodes, v)
    }

    /// Currents of a fault study: none, the integration of the inverter's current starts from zero.
    pub fn enter_dynamics(&self, state: &mut StorageState) {
        state.inverter.dynamic_currents = Some(vec![Complex64::ZERO; self.core.branches.n_conductors]);
    }

    /// Energy after a step of `step_h` hours at the terminal power of the voltages `v`; an empty or full unit goes idle.
    ///
    /// Returns whether the state changed; `state.changed` stays set, so that the next `update` tells it again.
    pub fn advance(&self, state: &mut StorageState, network: &Network, nodes: &[u32], v: &[Complex64], step_h: f64) -> bool {
        let p_ac_kw = self.generated_power(state, nodes, v).re * 0.001;
        state.dc_kw = self.dc_power(state.mode, p_ac_kw.abs(), &network.xy_curves);
        let before = state.mode;
        state.stored_before_kwh = state.stored_kwh;
        match state.mode {
            StorageMode::Discharging => {
                state.stored_kwh -= (state.dc_kw + self.idling_kw) / self.discharge_efficiency * step_h;
                self.stop_at_reserve(state);
            }
            StorageMode::Charging => {
                let net = state.dc_kw.abs() - self.idling_kw;
                if net >= 0.0 {
                    state.stored_kwh += net * self.charge_efficiency * step_h;
                    if state.stored_kwh > self.energy_rated_kwh {
                        state.stored_kwh = self.energy_rated_kwh;
                        state.mode = StorageMode::Idling;
                    }
                } else {
                    state.stored_kwh += net / self.discharge_efficiency * step_h;
                    self.stop_at_reserve(state);
                }
            }
            StorageMode::Idling => {}
        }
        state.changed |= state.mode != before;
        state.mode != before
    }

    fn stop_at_reserve(&self, state: &mut StorageState) {
        if state.stored_kwh < self.energy_reserve_kwh {
            state.stored_kwh = self.energy_reserve_kwh;
            state.mode = StorageMode::Idling;
        }
    }

    /// DC power, kW, positive discharging, when the terminals carry `p_ac_kw` (without sign).
    pub fn dc_power_kw(&self, state: &StorageState, p_ac_kw: f64, network: &Network) -> f64 {
        self.dc_power(state.mode, p_ac_kw, &network.xy_curves)
    }

    /// DC power of the AC power `p_ac_kw` (without sign), kW, positive discharging.
    ///
    /// With the efficiency `a x + b` at `x = Pdc/kVA`, discharging solves `a/kVA Pdc² + b Pdc = Pac`; charging is the same line the
    /// other way round. Repeated until the line at the result is the line used.
    fn dc_power(&self, mode: StorageMode, p_ac_kw: f64, curves: &[XyCurve]) -> f64 {
        let direction = if mode == StorageMode::Discharging { 1.0 } else { -1.0 };
        let Some(id) = self.core.ratings.efficiency else { return p_ac_kw * direction };
        let curve = &curves[id.index()];
        let kva = self.core.ratings.kva;
        let mut used = (0.0, 0.0);
        let mut line = (1.0, 1.0);
        let mut dc = p_ac_kw;
        for _ in 0..10 {
            if line.0 == used.0 || line.1 == used.1 {
                break;
            }
            used = line_at(curve, dc.abs() / kva);
            let (a, b) = used;
            dc = if mode == StorageMode::Discharging {
                larger_root(a / kva, b, -p_ac_kw)
            } else {
                dc.abs() * b / (1.0 - a * dc.abs() / kva)
            };
            line = line_at(curve, dc.abs() / kva);
        }
        dc.abs() * direction
    }
}

/// Slope and intercept of the curve at `x`; the end segments reach beyond the ends.
fn line_at(curve: &XyCurve, x: f64) -> (f64, f64) {
    let n = curve.x.len().min(curve.y.len());
    if n < 2 {
        return (0.0, 0.0);
    }
    let i = curve.x[..n].partition_point(|&p| p <= x).clamp(1, n - 1);
    let run = curve.x[i] - curve.x[i - 1];
    let slope = if run == 0.0 { 0.0 } else { (curve.y[i] - curve.y[i - 1]) / run };
    (slope, curve.y[i] - slope * curve.x[i])
}

/// Larger root of `a x² + b x + c`.
fn larger_root(a: f64, b: f64, c: f64) -> f64 {
    if a == 0.0 {
        return if b == 0.0 { 0.0 } else { -c / b };
    }
    let half = (b * b - 4.0 * a * c).max(0.0).sqrt() / (2.0 * a);
    let middle = -b / (2.0 * a);
    (middle + half).max(middle - half)
}
