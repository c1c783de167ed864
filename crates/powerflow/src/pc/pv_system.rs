//! PV systems: panel, inverter, and the current they make.
//!
//! The panel gives `irradiance · shape · Pmpp · k(T)`, with `k` the curve of power over temperature. The inverter goes off when that is
//! under its cut-out, on again from its cut-in; its AC power is the panel's times the efficiency at it, not more than `%Pmpp` of `Pmpp`
//! (or than a volt-watt or watt-var function asks for). The rest is [`super::inverter`].
//!
//! Fault study: `-1/(R + jX)` stands in the matrix and the phases carry the panel's power as a current in phase with the voltage of
//! the power flow before: [`PvModel::enter_dynamics`].
//!
//! Source: behaviour of OpenDSS 0.14.5 (PVSystem).

use super::inverter::{InverterCore, InverterRatings, InverterState, Kind};
use super::{Moment, PcError};
use crate::dense::CMatrix;
use network::{ElementId, ElementKind, Network, Shapes, SolutionMode, TemperatureShapeId, XyCurveId};
use num_complex::Complex64;

/// What a PV system is made of, compiled once.
#[derive(Clone, Debug)]
pub struct PvModel {
    core: InverterCore,
    irradiance: f64,
    p_mpp_kw: f64,
    temperature_c: f64,
    p_t_curve: Option<XyCurveId>,
    shapes: Shapes,
    t_yearly: Option<TemperatureShapeId>,
    t_daily: Option<TemperatureShapeId>,
    t_duty: Option<TemperatureShapeId>,
    duty_start_h: f64,
    /// As made: a unit is computed once when it is made, which may switch its inverter off.
    initial: Option<Box<PvState>>,
}

/// What changes of a PV system while solving.
#[derive(Clone, Debug, PartialEq)]
pub struct PvState {
    pub inverter: InverterState,
    /// Share of `Pmpp` that the inverter may use, per unit; controls may move it.
    pub p_mpp_pu: f64,
    /// Present power of the panel, kW DC, and factor of temperature in it.
    pub panel_kw: f64,
    pub temperature_factor: f64,
    /// Present factor of the irradiance shape.
    pub irradiance_factor: f64,
}

impl PvModel {
    /// Compiles PV system number `index` of the network.
    ///
    /// # Errors
    /// [`PcError`]: rated voltage or kVA zero, conductors that do not fit, a user model, a grid-forming inverter.
    pub fn compile(network: &Network, index: usize) -> Result<Self, PcError> {
        let pv = network.pv_systems.get(index).ok_or(PcError::Index { class: "pvsystem", index })?;
        let name = network.full_name(ElementId::new(ElementKind::PvSystem, index));
        let core = InverterCore::compile(Kind::Pv, &name, &pv.common, pv.connection, (pv.kv, pv.base_v), pv.p_mpp_kw, &pv.inverter)?;
        let mut model = Self {
            core,
            irradiance: pv.irradiance,
            p_mpp_kw: pv.p_mpp_kw,
            temperature_c: pv.temperature_c,
            p_t_curve: pv.p_t_curve,
            shapes: pv.shapes,
            t_yearly: pv.t_yearly,
            t_daily: pv.t_daily,
            t_duty: pv.t_duty,
            duty_start_h: pv.duty_start_h,
            initial: None,
        };
        let mut state = PvState {
            inverter: model.core.initial_state(&pv.inverter),
            p_mpp_pu: pv.p_mpp_pct / 100.0,
            panel_kw: 0.0,
            temperature_factor: 1.0,
            irradiance_factor: 1.0,
        };
        model.update(&mut state, &Moment { mode: SolutionMode::Snapshot, ..Moment::of_options(network) });
        model.initial = Some(Box::new(state));
        Ok(model)
    }

    /// State before any solution; `update` or `linearise` comes next.
    pub fn initial_state(&self) -> PvState {
        self.initial.as_deref().cloned().expect("set by compile")
    }

    /// Ratings of the inverter.
    pub fn ratings(&self) -> &InverterRatings {
        &self.core.ratings
    }

    /// Rated power of the panel, kW.
    pub fn p_mpp_kw(&self) -> f64 {
        self.p_mpp_kw
    }

    /// DC power of the panel times the efficiency at it, kW: what volt-watt with the available power refers to.
    pub fn available_kw(&self, state: &PvState) -> f64 {
        state.panel_kw * state.inverter.efficiency
    }

    /// Number of conductors of the terminal.
    pub fn n_conductors(&self) -> usize {
        self.core.branches.n_conductors
    }

    /// Power of the moment: shape and temperature by mode, inverter, set points. In fault study the state stays as it was.
    pub fn update(&self, state: &mut PvState, moment: &Moment) {
        if moment.is_dynamic() {
            return;
        }
        state.inverter.dynamic_currents = None;
        let s = &self.shapes;
        let started = |id: Option<_>| if id.is_some() { moment.hour + self.duty_start_h } else { moment.hour };
        let (shape, hour, temperature) = match moment.shape_mode() {
            SolutionMode::Yearly => (s.yearly.or(s.daily), started(s.yearly), self.t_yearly.or(self.t_daily)),
            SolutionMode::DutyCycle => (s.duty.or(s.daily), started(s.duty), self.t_duty.or(self.t_daily)),
            SolutionMode::Daily
            | SolutionMode::MonteCarlo2
            | SolutionMode::MonteCarlo3
            | SolutionMode::LoadDuration1
            | SolutionMode::LoadDuration2
            | SolutionMode::PeakDay => (s.daily, moment.hour, self.t_daily),
            _ => (None, moment.hour, None),
        };
        let network = moment.network;
        state.irradiance_factor = shape.map_or(1.0, |id| network.load_shapes[id.index()].at(hour).0);
        let temperature_c = temperature.map_or(self.temperature_c, |id| network.temperature_shapes[id.index()].at(moment.hour));
        state.temperature_factor = self.p_t_curve.map_or(1.0, |id| network.xy_curves[id.index()].y_at(temperature_c));
        state.panel_kw = self.irradiance * state.irradiance_factor * self.p_mpp_kw * state.temperature_factor;
        self.convert(state, network);
    }

    /// From the panel's power to that of the terminals.
    fn convert(&self, state: &mut PvState, network: &Network) {
        let core = &self.core;
        let r = &core.ratings;
        let curves = &network.xy_curves;
        let cut_out_ac_kw = r.cut_out_kw * core.efficiency_at(curves, r.cut_out_kw.abs());
        let inv = &mut state.inverter;
        inv.kvar_limit = r.kvar_max;
        inv.kvar_limit_abs = r.kvar_max_abs;
        inv.on = state.panel_kw >= if inv.on { r.cut_out_kw } else { r.cut_in_kw };
        inv.efficiency = 1.0;
        inv.kw_out = 0.0;
        if inv.on {
            inv.efficiency = core.efficiency_at(curves, state.panel_kw);
            let limit = if inv.volt_watt || inv.watt_var { inv.kw_requested } else { self.p_mpp_kw * state.p_mpp_pu };
            let p = state.panel_kw * inv.efficiency;
            inv.kw_out = if p > limit { limit } else { p };
        }
        let implied_pf = core.reactive(inv, cut_out_ac_kw);
        core.fit_to_rating(inv, implied_pf, false);
        core.set_output(inv);
    }

    /// `update`, and the admittance of the moment becomes the one in the system matrix.
    pub fn linearise(&self, state: &mut PvState, moment: &Moment) {
        self.update(state, moment);
        let inv = &mut state.inverter;
        let y = if inv.dynamic_currents.is_some() { self.core.dynamic_admittance() } else { inv.output.y };
        self.core.put_in_matrix(inv, -y, moment.frequency_hz);
    }

    /// Admittance matrix that stands in the system matrix since the last `linearise`, S, conductors square.
    pub fn yprim(&self, state: &PvState, _moment: &Moment) -> CMatrix {
        self.core.yprim(&state.inverter)
    }

    /// Currents into the conductors at the voltages `v` (V by node, `v[0]` the earth), A, one a conductor.
    ///
    /// # Panics
    /// When `nodes` or `i` is shorter than the number of conductors.
    pub fn currents(&self, state: &PvState, nodes: &[u32], v: &[Complex64], i: &mut [Complex64]) {
        self.core.currents(&state.inverter, nodes, v, i);
    }

    /// Adds `Yprim v - i(v)` to `injection`, A by node; index 0 (the earth) takes what nobody reads.
    pub fn inject(&self, state: &PvState, nodes: &[u32], v: &[Complex64], injection: &mut [Complex64]) {
        self.core.inject(&state.inverter, nodes, v, injection);
    }

    /// Power generated at the voltages `v`, VA.
    pub fn generated_power(&self, state: &PvState, nodes: &[u32], v: &[Complex64]) -> Complex64 {
        self.core.generated_power(&state.inverter, nodes, v)
    }

    /// Freezes the currents of a fault study at the voltages of the power flow before; the irradiance counts without its shape.
    pub fn enter_dynamics(&self, state: &mut PvState, nodes: &[u32], v: &[Complex64]) {
        state.panel_kw = self.irradiance * self.p_mpp_kw * state.temperature_factor;
        self.core.freeze_currents(&mut state.inverter, state.panel_kw, nodes, v);
    }
}
