//! Elements with the values that a model leaves unsaid.
//!
//! The same defaults as those of an OpenDSS script, so that a network made here and one read from its
//! written form are alike.

use network::{
    BusId, Capacitor, CapacitorControl, CapacitorControlType, CapacitorSize, Common, Connection, EarthModel, ElementId, EnergyMeter,
    Inverter, LeadLag, LengthUnit, Line, LineCode, LineCodeData, LineCodeId, LineImpedance, Load, LoadBasis, LoadModel, LoadStatus,
    MonitoredPhase, Protection, PvSystem, Rating, RegulatorControl, RegulatorSetting, Reliability, SequenceType, Shapes, SwitchState,
    Terminal, Transformer, TransformerKind, TransformerThermal, VoltageSource, Winding,
};
use num_complex::Complex64;

pub fn common(name: String, n_phases: usize, terminals: Vec<Terminal>) -> Common {
    let mut common = Common::new(name, n_phases);
    common.terminals = terminals;
    common
}

/// A source behind the impedance of short-circuit powers of three phases and of one, MVA; X/R 4 and 3.
pub fn source(bus: BusId, base_kv: f64, v_pu: f64, z1_ohm: Complex64, z0_ohm: Complex64) -> VoltageSource {
    VoltageSource {
        common: common("source".into(), 3, vec![Terminal::new(bus, vec![1, 2, 3]), Terminal::new(bus, vec![0, 0, 0])]),
        base_kv,
        v_pu,
        angle_deg: 0.0,
        frequency_hz: 60.0,
        z1_ohm,
        z2_ohm: z1_ohm,
        z0_ohm,
        ideal: false,
        z_ideal_pu: Complex64::new(1e-6, 0.001),
        base_mva: 100.0,
        scan: SequenceType::Positive,
        sequence: SequenceType::Positive,
        shapes: Shapes::default(),
    }
}

/// A line by a code, kilometres long.
pub fn line(name: String, from: Terminal, to: Terminal, id: LineCodeId, code: &LineCode, length_km: f64) -> Line {
    let LineCodeData::Matrix { z_ohm, c_nf } = code.data.clone() else { unreachable!("the utility's codes are matrices") };
    let mut common = common(name, code.n_phases, vec![from, to]);
    common.rating = code.rating.clone();
    common.reliability = Reliability { fault_rate: 0.1, permanent_pct: 20.0, repair_h: 3.0 };
    Line {
        common,
        length: length_km,
        length_unit: LengthUnit::Kilometre,
        unit_factor: 1.0,
        impedance: LineImpedance::Matrix { z_ohm, c_nf },
        earth_r_ohm: code.earth_r_ohm,
        earth_x_ohm: code.earth_x_ohm,
        rho_ohm_m: code.rho_ohm_m,
        earth_model: EarthModel::Deri,
        is_switch: false,
        line_code: Some(id),
        line_type: code.line_type.clone(),
    }
}

/// A closed three-phase switch, as a line of next to no length.
pub fn switch(name: String, from: Terminal, to: Terminal, rating_a: f64) -> Line {
    let mut common = common(name, 3, vec![from, to]);
    common.rating = Rating { normal_a: rating_a, emergency_a: rating_a, seasonal_a: Vec::new() };
    common.reliability = Reliability { fault_rate: 0.1, permanent_pct: 20.0, repair_h: 3.0 };
    Line {
        common,
        length: 0.001,
        length_unit: LengthUnit::None,
        unit_factor: 1.0,
        impedance: LineImpedance::Sequence { z1_ohm: Complex64::new(1.0, 1.0), z0_ohm: Complex64::new(1.0, 1.0), c1_nf: 1.1, c0_nf: 1.0 },
        earth_r_ohm: 0.01805,
        earth_x_ohm: 0.155081,
        rho_ohm_m: 100.0,
        earth_model: EarthModel::Deri,
        is_switch: true,
        line_code: None,
        line_type: "oh".into(),
    }
}

pub fn winding(kv: f64, kva: f64, connection: Connection, r_pct: f64) -> Winding {
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

/// A transformer of two or three windings; losses in percent of its rating.
pub fn transformer(
    name: String,
    n_phases: usize,
    terminals: Vec<Terminal>,
    mut windings: Vec<Winding>,
    x_sc_pct: Vec<f64>,
    no_load_loss_pct: f64,
    magnetising_pct: f64,
) -> Transformer {
    let kva = windings[0].kva;
    for w in &mut windings {
        let v = if w.connection == Connection::Wye && n_phases > 1 { w.kv / 3f64.sqrt() } else { w.kv } * 1000.0;
        w.r_dc_ohm = (0.85 * w.r_pct / 100.0).abs() * v * v / (kva * 1000.0);
    }
    let to_neutral_kv = if n_phases > 1 { windings[0].kv / 3f64.sqrt() } else { windings[0].kv };
    let amps = |kva: f64| kva / n_phases as f64 / to_neutral_kv;
    let mut common = common(name, n_phases, terminals);
    common.rating = Rating { normal_a: amps(1.1 * kva), emergency_a: amps(1.5 * kva), seasonal_a: Vec::new() };
    common.reliability = Reliability { fault_rate: 0.007, permanent_pct: 0.0, repair_h: 0.0 };
    Transformer {
        common,
        kind: TransformerKind::Ordinary,
        load_loss_pct: windings[0].r_pct + windings[1].r_pct,
        windings,
        x_sc_pct,
        no_load_loss_pct,
        magnetising_pct,
        antifloat_ppm: 1.0,
        lead_lag: LeadLag::Lag,
        normal_kva: 1.1 * kva,
        emergency_kva: 1.5 * kva,
        thermal: TransformerThermal { time_constant_h: 2.0, n: 0.8, m: 0.8, oil_rise_c: 65.0, hot_spot_rise_c: 15.0 },
        is_substation: false,
        substation: String::new(),
        bank: String::new(),
        code: None,
        x_over_r_constant: false,
        core: "shell".into(),
        ratings_kva: vec![1100.0],
    }
}

/// A load of constant power that follows yearly and daily the same shape.
pub fn load(
    name: String,
    terminal: Terminal,
    n_phases: usize,
    kv: f64,
    p_kw: f64,
    power_factor: f64,
    customers: u32,
    shapes: Shapes,
) -> Load {
    Load {
        common: common(name, n_phases, vec![terminal]),
        connection: Connection::Wye,
        kv,
        p_kw,
        q_kvar: p_kw * (1.0 / (power_factor * power_factor) - 1.0).sqrt(),
        power_factor,
        q_follows_pf: true,
        model: LoadModel::ConstantPq,
        unknown_model: None,
        basis: LoadBasis::Given,
        status: LoadStatus::Variable,
        class: 1,
        n_customers: customers,
        // Below and above these the model would go over to a constant impedance.
        v_min_pu: 0.85,
        v_max_pu: 1.15,
        v_low_pu: 0.5,
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

/// A bank of three phases in wye.
pub fn capacitor(name: String, bus: BusId, kv: f64, kvar: f64) -> Capacitor {
    let mut common = common(name, 3, vec![Terminal::new(bus, vec![1, 2, 3]), Terminal::new(bus, vec![0, 0, 0])]);
    let normal_a = kvar / 3.0 / (kv / 3f64.sqrt()) * 1.35;
    common.rating = Rating { normal_a, emergency_a: normal_a * 1.8 / 1.35, seasonal_a: Vec::new() };
    common.reliability = Reliability { fault_rate: 0.0005, permanent_pct: 100.0, repair_h: 3.0 };
    Capacitor {
        common,
        connection: Connection::Wye,
        kv,
        size: CapacitorSize::Kvar(vec![kvar]),
        r_ohm: vec![0.0],
        x_l_ohm: vec![0.0],
        harmonic: vec![0.0],
        steps: vec![true],
        bus2_defined: false,
    }
}

pub fn regulator_control(
    name: String,
    transformer: ElementId,
    v_target_v: f64,
    band_v: f64,
    pt_ratio: f64,
    delay_s: f64,
) -> RegulatorControl {
    let reverse = RegulatorSetting { v_target_v: 120.0, band_v: 3.0, ldc_r_v: 0.0, ldc_x_v: 0.0, ldc_z_v: 0.0 };
    RegulatorControl {
        common: common(name, 3, Vec::new()),
        transformer: Some(transformer),
        winding: 1,
        tap_winding: 1,
        forward: RegulatorSetting { v_target_v, band_v, ..reverse },
        reverse,
        pt_ratio,
        remote_pt_ratio: pt_ratio,
        ct_primary_a: 300.0,
        pt_phase: MonitoredPhase::Phase(1),
        remote_bus: None,
        delay_s,
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

pub fn capacitor_control(
    name: String,
    control_type: CapacitorControlType,
    capacitor: ElementId,
    element: ElementId,
    pt_ratio: f64,
    (on_setting, off_setting): (f64, f64),
    delay_s: f64,
) -> CapacitorControl {
    CapacitorControl {
        common: common(name, 3, Vec::new()),
        control_type,
        capacitor: Some(capacitor),
        element: Some(element),
        terminal: 0,
        pt_ratio,
        ct_ratio: 60.0,
        pt_phase: MonitoredPhase::Phase(1),
        ct_phase: MonitoredPhase::Phase(1),
        on_setting,
        off_setting,
        delay_s,
        delay_off_s: delay_s,
        dead_time_s: 300.0,
        v_override: false,
        v_min_v: 115.0,
        v_max_v: 126.0,
        v_bus: None,
        min_kvar_pct: 50.0,
        control_signal: None,
    }
}

/// A device that watches and switches the sending end of a line.
pub fn protection(line: ElementId, n_states: usize) -> Protection {
    Protection {
        monitored: Some(line),
        monitored_terminal: 0,
        switched: Some(line),
        switched_terminal: 0,
        normal: vec![SwitchState::Closed; n_states],
        state: vec![SwitchState::Closed; n_states],
        delay_s: 0.0,
    }
}

pub fn energy_meter(name: String, line: ElementId) -> EnergyMeter {
    EnergyMeter {
        common: common(name, 3, Vec::new()),
        element: Some(line),
        terminal: 0,
        peak_current_a: vec![400.0; 3],
        options: ["e", "r", "c"].map(String::from).to_vec(),
        kva_normal: 0.0,
        kva_emergency: 0.0,
        local_only: false,
        mask: vec![1.0; 67],
        losses: true,
        line_losses: true,
        transformer_losses: true,
        sequence_losses: true,
        three_phase_losses: true,
        voltage_base_losses: true,
        phase_voltage_report: false,
        zone_list: Vec::new(),
    }
}

/// A PV system of `kw` at full sun behind an inverter of `kva`.
pub fn pv_system(name: String, terminal: Terminal, n_phases: usize, kv: f64, kw: f64, kva: f64) -> PvSystem {
    PvSystem {
        common: common(name, n_phases, vec![terminal]),
        connection: Connection::Wye,
        kv,
        base_v: if n_phases == 3 { kv * (1000.0 / 3f64.sqrt()) } else { kv * 1000.0 },
        inverter: Inverter {
            kva,
            cut_in_pct: 1.0,
            cut_out_pct: 1.0,
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
            v_min_pu: 0.85,
            v_max_pu: 1.15,
            balanced: false,
            limit_current: false,
            power_factor: 1.0,
            q_kvar: 0.0,
            q_follows_pf: true,
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
        p_mpp_kw: kw,
        p_mpp_pct: 100.0,
        temperature_c: 25.0,
        p_t_curve: None,
        shapes: Shapes::default(),
        t_yearly: None,
        t_daily: None,
        t_duty: None,
        duty_start_h: 0.0,
        class: 1,
    }
}
