//! State variables of converters, as mode 3 lists them.
//!
//! Variables of dynamics hold what a power flow leaves them at. What an inverter control or exponential control tells of a unit is
//! [`NOT_TOLD`] until it has looked at it.

use super::sample::storage_sign;
use super::{Scratch, Watch};
use crate::circuit::Circuit;
use crate::element::{Model, Varying};
use crate::state::State;
use network::{ElementId, ElementKind, StorageMode};
use num_complex::Complex64;

/// Stands for a value that no control has told.
const NOT_TOLD: f64 = 9999.0;

/// Watts of a horse power, as induction machines count.
const HORSE_POWER_W: f64 = 746.0;

/// Where the variables of an element come from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Base frequency of the element, Hz.
    frequency_hz: f64,
    /// Rated DC voltage of an inverter, V.
    v_dc_v: f64,
    /// Position of the control that told last, and of the unit in it.
    control: Option<(usize, usize)>,
}

/// Variables of an inverter's dynamics, which close the lists of PV systems and storage.
const INVERTER_DYNAMICS: [&str; 9] =
    ["Grid voltage", "di/dt", "it", "it History", "Rated VDC", "Avg duty cycle", "Target (Amps)", "Series L", "Max. Amps (phase)"];

const GENERATOR: [&str; 6] = ["Frequency", "Theta (Deg)", "Vd", "PShaft", "dSpeed (Deg/sec)", "dTheta (Deg)"];

const PV: [&str; 22] = with_dynamics([
    "Irradiance",
    "PanelkW",
    "P_TFactor",
    "Efficiency",
    "Vreg",
    "Vavg (DRC)",
    "volt-var",
    "volt-watt",
    "DRC",
    "VV_DRC",
    "watt-pf",
    "watt-var",
    "kW_out_desired",
]);

const STORAGE: [&str; 34] = with_dynamics([
    "kWh",
    "State",
    "kWOut",
    "kWIn",
    "kvarOut",
    "DCkW",
    "kWTotalLosses",
    "kWInvLosses",
    "kWIdlingLosses",
    "kWChDchLosses",
    "kWh Chng",
    "InvEff",
    "InverterON",
    "Vref",
    "Vavg (DRC)",
    "VV Oper",
    "VW Oper",
    "DRC Oper",
    "VV_DRC Oper",
    "WP Oper",
    "WV Oper",
    "kWDesired",
    "kW VW Limit",
    "Limit kWOut Function",
    "kVA Exceeded",
]);

const MACHINE: [&str; 22] = [
    "Frequency",
    "Theta (deg)",
    "E1",
    "Pshaft",
    "dSpeed (deg/sec)",
    "dTheta (deg)",
    "Slip",
    "puRs",
    "puXs",
    "puRr",
    "puXr",
    "puXm",
    "Maxslip",
    "Is1",
    "Is2",
    "Ir1",
    "Ir2",
    "Stator Losses",
    "Rotor Losses",
    "Shaft Power (hp)",
    "Power Factor",
    "Efficiency (%)",
];

const fn with_dynamics<const N: usize, const M: usize>(own: [&'static str; N]) -> [&'static str; M] {
    assert!(N + INVERTER_DYNAMICS.len() == M);
    let mut all = [""; M];
    let mut k = 0;
    while k < M {
        all[k] = if k < N { own[k] } else { INVERTER_DYNAMICS[k - N] };
        k += 1;
    }
    all
}

/// Names of the variables of a kind of element; none of one that has none.
pub(super) fn names(kind: ElementKind) -> &'static [&'static str] {
    match kind {
        ElementKind::Generator => &GENERATOR,
        ElementKind::PvSystem => &PV,
        ElementKind::Storage => &STORAGE,
        ElementKind::InductionMachine => &MACHINE,
        _ => &[],
    }
}

impl Source {
    pub fn of(circuit: &Circuit, element: ElementId) -> Self {
        let network = circuit.network();
        let v_dc_v = match element.kind {
            ElementKind::PvSystem => network.pv_systems[element.index()].inverter.kv_dc * 1000.0,
            ElementKind::Storage => network.storages[element.index()].inverter.kv_dc * 1000.0,
            _ => 0.0,
        };
        Self { frequency_hz: network.common(element).base_frequency_hz, v_dc_v, control: circuit.controls().inverter_position(element) }
    }

    pub fn read(&self, state: &State, watch: &Watch, scratch: &mut Scratch, out: &mut Vec<f64>) {
        let Some(index) = watch.index else { return };
        let circuit = &state.circuit;
        let network = circuit.network();
        watch.currents(state, scratch);
        let e = &circuit.elements()[index];
        let drawn_kva =
            e.nodes.iter().zip(&scratch.i).map(|(&n, i)| state.v[n as usize] * i.conj()).sum::<Complex64>() * state.phase_factor() / 1e3;
        let told = self.control.and_then(|(control, unit)| circuit.controls().inverter_report(&state.controls, control, unit));
        let told = told.unwrap_or_default();
        let tell = |value: Option<f64>| value.unwrap_or(NOT_TOLD);
        match (&e.model, &state.varying[index]) {
            // A machine at rest in its frame: a power flow moves none of its variables.
            (Model::Generator(_), _) => out.extend([circuit.frequency_hz(), 0.0, 0.0, 0.0, 0.0, 0.0]),
            (Model::Pv(_), Varying::Pv(s)) => {
                let irradiance = network.pv_systems[e.id.index()].irradiance * s.irradiance_factor;
                out.extend([irradiance, s.panel_kw, s.temperature_factor, s.inverter.efficiency]);
                out.extend([told.v_pu, told.v_average_pu].map(tell));
                out.extend(told.operation.map(tell));
                out.push(s.panel_kw * s.inverter.efficiency);
                self.inverter_dynamics(out);
            }
            (Model::Storage(m), Varying::Storage(s)) => {
                let p_kw = drawn_kva.re.abs();
                let dc_kw = m.dc_power_kw(s, p_kw, network);
                let losses = m.losses_kw(s, p_kw, dc_kw);
                let (given, taken) = if s.mode == StorageMode::Discharging { (p_kw, 0.0) } else { (0.0, p_kw) };
                out.extend([s.stored_kwh, storage_sign(s.mode), given, taken, -drawn_kva.im, dc_kw]);
                out.extend([losses.inverter + losses.idling + losses.cells, losses.inverter, losses.idling, losses.cells]);
                out.extend([s.stored_kwh - s.stored_before_kwh, m.efficiency_at(dc_kw.abs(), network), f64::from(u8::from(s.inverter.on))]);
                out.extend([told.v_pu, told.v_average_pu].map(tell));
                out.extend(told.operation.map(tell));
                let limit_kw = if s.inverter.volt_watt { s.inverter.kw_requested } else { NOT_TOLD };
                out.extend([m.desired_kw(s), limit_kw, s.p_rated_pu * m.p_rated_kw(), f64::from(u8::from(s.inverter.kva_exceeded))]);
                self.inverter_dynamics(out);
            }
            (Model::InductionMachine(m), Varying::InductionMachine(s)) => {
                let data = &network.induction_machines[e.id.index()];
                out.extend([self.frequency_hz * (1.0 - m.initial_slip()), 0.0, 0.0, 0.0, 0.0, 0.0, s.slip]);
                out.extend([data.r_stator_pu, data.x_stator_pu, data.r_rotor_pu, data.x_rotor_pu, data.x_magnetising_pu, data.slip_max]);
                let r = m.running(s, &e.nodes, &state.v);
                out.extend([r.stator_1_a, r.stator_2_a, r.rotor_1_a, r.rotor_2_a, r.stator_loss_w, r.rotor_loss_w]);
                out.push(r.shaft_w / HORSE_POWER_W);
                out.push(power_factor(drawn_kva));
                out.push((1.0 - (r.stator_loss_w + r.rotor_loss_w) / (drawn_kva.re * 1e3)) * 100.0);
            }
            _ => {}
        }
    }

    fn inverter_dynamics(&self, out: &mut Vec<f64>) {
        out.extend([0.0, 0.0, 0.0, 0.0, self.v_dc_v, 0.0, 0.0, 0.0, 0.0]);
    }
}

/// Watts over volt-amperes, negative where watts and vars go opposite ways; 1 without watts or without vars.
fn power_factor(s: Complex64) -> f64 {
    if s.re == 0.0 || s.im == 0.0 { 1.0 } else { (s.re.abs() / s.norm()).copysign(s.re * s.im) }
}
