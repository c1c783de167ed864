//! Elements with neutral values for what a map does not tell.
//!
//! Nothing here is an impedance, a rating or a size: those come from the map, its catalogues, or defaults that
//! the mapping names with their reasons. What is set here has no influence on a balanced power flow within its
//! limits (neutral impedances, statistics of failures) or is the plain meaning of the record (a load takes
//! constant power from half to one and a half times its voltage).

use network::{
    Capacitor, CapacitorSize, Common, Connection, EarthModel, Generator, Inverter, LeadLag, LengthUnit, Line, LineImpedance, Load,
    LoadBasis, LoadModel, LoadStatus, MonitoredPhase, PvSystem, RegulatorControl, RegulatorSetting, SequenceType, Shapes, Transformer,
    TransformerKind, TransformerThermal, VoltageSource, Winding,
};
use num_complex::Complex64;

/// Between these voltages a load or plant keeps its power.
pub const V_MIN_PU: f64 = 0.5;
pub const V_MAX_PU: f64 = 1.5;

/// Impedance of a closed switch, ohm: a hundredth of a milliohm, far below that of any span.
pub const SWITCH_OHM: f64 = 1e-5;

/// Reactance of a source that holds its voltage, per unit on 100 MVA: a short-circuit power of 1e8 MVA.
pub const STIFF_PU: Complex64 = Complex64::new(1e-7, 1e-6);

pub fn line(common: Common, length_km: f64, impedance: LineImpedance, line_type: &str) -> Line {
    Line {
        common,
        length: length_km,
        length_unit: LengthUnit::Kilometre,
        unit_factor: 1.0,
        impedance,
        earth_r_ohm: 0.0,
        earth_x_ohm: 0.0,
        rho_ohm_m: 100.0,
        earth_model: EarthModel::Deri,
        is_switch: false,
        line_code: None,
        line_type: line_type.to_owned(),
    }
}

/// A switch, as a line of next to no impedance.
pub fn switch(common: Common, line_type: &str) -> Line {
    let z = Complex64::new(SWITCH_OHM, SWITCH_OHM);
    let impedance = LineImpedance::Sequence { z1_ohm: z, z0_ohm: z, c1_nf: 0.0, c0_nf: 0.0 };
    Line { is_switch: true, length: 1.0, length_unit: LengthUnit::None, ..line(common, 1.0, impedance, line_type) }
}

pub fn winding(connection: Connection, kv: f64, kva: f64, r_pct: f64) -> Winding {
    Winding {
        connection,
        kv,
        kva,
        tap_pu: 1.0,
        r_pct,
        r_neutral_ohm: -1.0,
        x_neutral_ohm: 0.0,
        tap_min_pu: 0.9,
        tap_max_pu: 1.1,
        n_taps: 32,
        r_dc_ohm: 0.0,
    }
}

pub fn transformer(common: Common, windings: Vec<Winding>, x_pct: f64, no_load_loss_pct: f64, magnetising_pct: f64) -> Transformer {
    let kva = windings.first().map_or(0.0, |w| w.kva);
    Transformer {
        common,
        kind: TransformerKind::Ordinary,
        load_loss_pct: windings.iter().take(2).map(|w| w.r_pct).sum(),
        windings,
        x_sc_pct: vec![x_pct],
        no_load_loss_pct,
        magnetising_pct,
        antifloat_ppm: 1.0,
        lead_lag: LeadLag::Lag,
        normal_kva: kva,
        emergency_kva: kva,
        thermal: TransformerThermal { time_constant_h: 2.0, n: 0.8, m: 0.8, oil_rise_c: 65.0, hot_spot_rise_c: 15.0 },
        is_substation: false,
        substation: String::new(),
        bank: String::new(),
        code: None,
        x_over_r_constant: false,
        core: "shell".into(),
        ratings_kva: vec![kva],
    }
}

pub fn load(common: Common, kv: f64, p_kw: f64, q_kvar: f64, n_customers: u32, shapes: Shapes) -> Load {
    let s = p_kw.hypot(q_kvar);
    let power_factor = if s > 0.0 { (p_kw / s) * if p_kw * q_kvar < 0.0 { -1.0 } else { 1.0 } } else { 1.0 };
    Load {
        common,
        connection: Connection::Wye,
        kv,
        p_kw,
        q_kvar,
        power_factor,
        q_follows_pf: false,
        model: LoadModel::ConstantPq,
        unknown_model: None,
        basis: LoadBasis::Given,
        status: LoadStatus::Variable,
        class: 1,
        n_customers,
        v_min_pu: V_MIN_PU,
        v_max_pu: V_MAX_PU,
        v_low_pu: 0.1,
        v_min_normal_pu: 0.0,
        v_min_emergency_pu: 0.0,
        cvr_p_exponent: 1.0,
        cvr_q_exponent: 2.0,
        cvr_curve: None,
        zipv: None,
        r_neutral_ohm: -1.0,
        x_neutral_ohm: 0.0,
        shapes,
        growth: None,
        mean_pct: 50.0,
        stddev_pct: 10.0,
        series_rl_pct: 50.0,
        relative_weight: 1.0,
        x_harmonic_pu: 0.0,
        xr_harmonic: 6.0,
    }
}

/// Volts that limits count from.
fn base_v(n_phases: usize, kv: f64) -> f64 {
    if n_phases > 1 { kv * 1000.0 / 3f64.sqrt() } else { kv * 1000.0 }
}

pub fn generator(common: Common, kv: f64, p_kw: f64, q_kvar: f64, kva: f64, shapes: Shapes) -> Generator {
    Generator { v_min_pu: V_MIN_PU, v_max_pu: V_MAX_PU, ..Generator::constant_power(common, kv, p_kw, q_kvar, kva, shapes) }
}

/// A PV plant that delivers `p_kw` at full sun, its inverter without losses.
pub fn pv_system(common: Common, kv: f64, p_kw: f64, q_kvar: f64, kva: f64, shapes: Shapes) -> PvSystem {
    let n_phases = common.n_phases;
    PvSystem {
        common,
        connection: Connection::Wye,
        kv,
        base_v: base_v(n_phases, kv),
        inverter: Inverter {
            kva,
            cut_in_pct: 0.0,
            cut_out_pct: 0.0,
            efficiency: None,
            var_follow_inverter: false,
            watt_priority: false,
            pf_priority: false,
            p_min_no_vars_pct: 0.0,
            p_min_kvar_max_pct: 0.0,
            q_max_kvar: kva,
            q_max_abs_kvar: kva,
            r_pct: 50.0,
            x_pct: 0.0,
            model: 1,
            v_min_pu: V_MIN_PU,
            v_max_pu: V_MAX_PU,
            balanced: false,
            limit_current: false,
            power_factor: 1.0,
            q_kvar,
            q_follows_pf: q_kvar == 0.0,
            grid_forming: false,
            kv_dc: 8.0,
            safe_mode: false,
            safe_voltage_pct: 80.0,
            kp: 0.01,
            pi_tolerance: 0.0,
            amp_limit_a: -1.0,
            amp_limit_gain: 0.8,
        },
        irradiance: 1.0,
        p_mpp_kw: p_kw,
        p_mpp_pct: 100.0,
        temperature_c: 25.0,
        p_t_curve: None,
        shapes,
        t_yearly: None,
        t_daily: None,
        t_duty: None,
        duty_start_h: 0.0,
        class: 1,
    }
}

pub fn capacitor(common: Common, kv: f64, kvar: f64, closed: bool) -> Capacitor {
    Capacitor {
        common,
        connection: Connection::Wye,
        kv,
        size: CapacitorSize::Kvar(vec![kvar]),
        r_ohm: vec![0.0],
        x_l_ohm: vec![0.0],
        harmonic: vec![0.0],
        steps: vec![closed],
        bus2_defined: false,
    }
}

/// A source of `base_kv` line to line; stiff where it has no impedance.
pub fn source(
    common: Common,
    base_kv: f64,
    v_pu: f64,
    angle_deg: f64,
    z1_ohm: Option<Complex64>,
    z0_ohm: Option<Complex64>,
) -> VoltageSource {
    let base_mva = 100.0;
    let stiff = STIFF_PU * (base_kv * base_kv / base_mva);
    let z1 = z1_ohm.unwrap_or(stiff);
    VoltageSource {
        frequency_hz: common.base_frequency_hz,
        common,
        base_kv,
        v_pu,
        angle_deg,
        z1_ohm: z1,
        z2_ohm: z1,
        z0_ohm: z0_ohm.unwrap_or(z1),
        ideal: z1_ohm.is_none(),
        z_ideal_pu: STIFF_PU,
        base_mva,
        scan: SequenceType::Positive,
        sequence: SequenceType::Positive,
        shapes: Shapes::default(),
    }
}

/// A control that holds `v_target_v` on a base of 120 V at winding 2.
pub fn regulator_control(common: Common, transformer: network::ElementId, v_target_v: f64, band_v: f64, pt_ratio: f64) -> RegulatorControl {
    let forward = RegulatorSetting { v_target_v, band_v, ldc_r_v: 0.0, ldc_x_v: 0.0, ldc_z_v: 0.0 };
    RegulatorControl {
        common,
        transformer: Some(transformer),
        winding: 1,
        tap_winding: 1,
        forward,
        reverse: forward,
        pt_ratio,
        remote_pt_ratio: pt_ratio,
        ct_primary_a: 300.0,
        pt_phase: MonitoredPhase::Phase(1),
        remote_bus: None,
        delay_s: 30.0,
        tap_delay_s: 2.0,
        max_tap_change: 16,
        inverse_time: false,
        v_limit_v: 0.0,
        reversible: false,
        reverse_neutral: false,
        reverse_threshold_kw: 100.0,
        reverse_delay_s: 60.0,
        cogeneration: false,
    }
}
