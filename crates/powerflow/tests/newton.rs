//! The balanced power flow against closed forms and published solutions.

mod balanced;

use balanced::{Builder, ieee14, wscc9};
use network::*;
use num_complex::Complex64;
use powerflow::newton::{self, BusRow, Controls, Options, Outcome, QState, Solution, Start};

fn solved(network: &Network, options: &Options) -> Box<Solution> {
    match newton::solve(network, options).expect("the case can be set up").solved() {
        Ok(s) => {
            let c = &s.certificate;
            assert!(c.mismatch_mw < 1e-5 && c.mismatch_mvar < 1e-5, "{c:?}");
            assert!(c.balance_mw.abs() < 1e-5 && c.balance_mvar.abs() < 1e-5, "{c:?}");
            s
        }
        Err(u) => panic!("not solved: {:?}", u.diagnostics),
    }
}

fn locked() -> Options {
    Options::default()
}

fn active() -> Options {
    Options { controls: Controls::Active, ..Options::default() }
}

fn bus(s: &Solution, number: u32) -> &BusRow {
    s.buses.iter().find(|b| b.number == number).expect("the bus has a row")
}

fn v(s: &Solution, number: u32) -> f64 {
    bus(s, number).v_pu.expect("the bus has a voltage")
}

fn angle(s: &Solution, number: u32) -> f64 {
    bus(s, number).angle_deg.expect("the bus has an angle")
}

fn end(s: &Solution, element: &str, terminal: u8) -> (f64, f64) {
    let row =
        s.branch_ends.iter().find(|e| e.element == element && e.terminal == terminal).unwrap_or_else(|| panic!("{element} has a row"));
    (row.p_mw.expect("a flow"), row.q_mvar.expect("a flow"))
}

/// One line of reactance x feeding P: the voltage solves v⁴ + (2 q x - 1) v² + x² (p² + q²) = 0.
#[test]
fn a_line_and_a_load_have_a_closed_form() {
    for (p, q) in [(0.5, 0.2), (1.2, -0.3), (-0.8, 0.1), (0.0, 0.0)] {
        let mut b = Builder::new();
        b.bus(1, BusKind::Swing, 1.0);
        b.bus(2, BusKind::Load, 1.0);
        b.branch(1, 2, 0.0, 0.2, 0.0);
        b.load(2, p * 100.0, q * 100.0);
        let half = 1.0 - 2.0 * q * 0.2;
        let square = (half + (half * half - 4.0 * 0.04 * (p * p + q * q)).sqrt()) / 2.0;
        for start in [Start::Flat, Start::Dc, Start::Linear, Start::Stored] {
            let s = solved(&b.network, &Options { start, ..locked() });
            assert!((v(&s, 2) - square.sqrt()).abs() < 1e-9);
            assert!((angle(&s, 2).to_radians().sin() + p * 0.2 / square.sqrt()).abs() < 1e-9);
            let row = &s.branch_ends[0];
            assert!((row.p_mw.unwrap() - p * 100.0).abs() < 1e-5);
            assert!((row.loading_pct.unwrap() - row.s_mva.unwrap()).abs() < 1e-9, "the rating is 100 MVA");
        }
    }
}

/// Beside a switch of 5e-8 per unit no balance can be as narrow as a tolerance of 1e-14: what no step lessens is rounding, and the answer is right.
#[test]
fn a_tolerance_below_rounding_ends_at_rounding() {
    let mut b = Builder::new();
    b.bus(1, BusKind::Swing, 1.0);
    for n in 2..=4 {
        b.bus(n, BusKind::Load, 1.0);
    }
    b.branch(1, 2, 0.0, 0.2, 0.0);
    b.branch(2, 3, 5e-8, 0.0, 0.0);
    b.branch(3, 4, 0.0, 0.1, 0.0);
    b.load(4, 50.0, 20.0);
    let (x, p, q) = (0.3f64, 0.5f64, 0.2f64);
    let half = 1.0 - 2.0 * q * x;
    let square = (half + (half * half - 4.0 * x * x * (p * p + q * q)).sqrt()) / 2.0;
    // From a flat start the first step bends the short branch far beyond what its powers' linear law holds for.
    let s = solved(&b.network, &Options { start: Start::Linear, tolerance_pu: 1e-14, ..locked() });
    assert!((v(&s, 4) - square.sqrt()).abs() < 1e-7, "{}", v(&s, 4));
    assert!(s.certificate.mismatch_mw > 1e-12 && s.certificate.iterations < 12, "{:?}", s.certificate);
}

/// Constant current and admittance: the share of each at the voltage found, and generation at the load.
#[test]
fn parts_of_a_load_follow_the_voltage() {
    let mut b = Builder::new();
    b.bus(1, BusKind::Swing, 1.0);
    b.bus(2, BusKind::Load, 1.0);
    b.branch(1, 2, 0.02, 0.2, 0.0);
    b.load(2, 20.0, 5.0);
    let l = &mut b.network.power_loads[0];
    (l.p_current_mw, l.q_current_mvar) = (30.0, 10.0);
    (l.p_admittance_mw, l.q_admittance_mvar) = (10.0, 4.0);
    (l.dg_p_mw, l.dg_q_mvar, l.dg_in_service) = (7.0, 1.0, true);
    let s = solved(&b.network, &locked());
    let u = v(&s, 2);
    let (p, q) = end(&s, "branch.1-2-1", 2);
    assert!((p + 13.0 + 30.0 * u + 10.0 * u * u).abs() < 1e-5);
    // A positive admittance part is capacitive.
    assert!((q + 4.0 + 10.0 * u - 4.0 * u * u).abs() < 1e-5);
}

#[test]
fn the_nine_bus_system_has_its_published_solution() {
    let network = wscc9().network;
    for start in [Start::Flat, Start::Dc, Start::Linear] {
        for controls in [Controls::Locked, Controls::Active] {
            let s = solved(&network, &Options { start, controls, ..locked() });
            // Anderson and Fouad, fig. 2.19: volts to four digits, degrees to one.
            for (n, v_pu, degrees) in
                [(4, 1.026, -2.2), (5, 0.996, -4.0), (6, 1.013, -3.7), (7, 1.026, 3.7), (8, 1.016, 0.7), (9, 1.032, 2.0)]
            {
                assert!((v(&s, n) - v_pu).abs() < 6e-4, "bus {n}: {}", v(&s, n));
                assert!((angle(&s, n) - degrees).abs() < 0.06, "bus {n}: {}", angle(&s, n));
            }
            assert!((s.machines[0].p_mw - 71.6).abs() < 0.06 && (s.machines[0].q_mvar - 27.0).abs() < 0.1, "{:?}", s.machines[0]);
            assert!((s.machines[1].q_mvar - 6.7).abs() < 0.06 && (s.machines[2].q_mvar + 10.9).abs() < 0.06);
            assert!(s.certificate.iterations <= 4);
        }
    }
}

#[test]
fn the_fourteen_bus_system_has_its_published_solution() {
    let s = solved(&ieee14().network, &locked());
    // The archive's solution, volts to three digits, degrees to two.
    let published = [
        (2, 1.045, -4.98),
        (3, 1.010, -12.72),
        (4, 1.019, -10.33),
        (5, 1.020, -8.78),
        (6, 1.070, -14.22),
        (7, 1.062, -13.37),
        (8, 1.090, -13.36),
        (9, 1.056, -14.94),
        (10, 1.051, -15.10),
        (11, 1.057, -14.79),
        (12, 1.055, -15.07),
        (13, 1.050, -15.16),
        (14, 1.036, -16.04),
    ];
    for (n, v_pu, degrees) in published {
        assert!((v(&s, n) - v_pu).abs() < 2e-3, "bus {n}: {}", v(&s, n));
        assert!((angle(&s, n) - degrees).abs() < 0.05, "bus {n}: {}", angle(&s, n));
    }
    assert!((bus(&s, 1).generation_mw - 232.4).abs() < 0.1 && (bus(&s, 1).generation_mvar + 16.9).abs() < 0.5);
    assert!((s.certificate.losses_mw - 13.39).abs() < 0.01);
}

/// Buses joined without impedance are one node, and the flow between them is what they have left.
#[test]
fn branches_without_impedance_carry_what_their_buses_have_left() {
    let mut b = Builder::new();
    b.bus(1, BusKind::Swing, 1.02);
    for n in 2..=5 {
        b.bus(n, BusKind::Load, 1.0);
    }
    b.branch(1, 2, 0.01, 0.1, 0.02);
    b.branch(2, 3, 0.0, 0.0001, 0.0);
    b.branch(3, 4, 0.0, 0.0, 0.0);
    b.branch(4, 5, 0.01, 0.1, 0.0);
    b.load(3, 30.0, 10.0);
    b.load(5, 20.0, 5.0);
    b.shunt(4, 10.0);
    let s = solved(&b.network, &locked());
    assert_eq!((v(&s, 2), v(&s, 2)), (v(&s, 3), v(&s, 4)));
    let (p, q) = end(&s, "branch.2-3-1", 1);
    let (p2, q2) = end(&s, "branch.1-2-1", 2);
    assert!((p + p2).abs() < 1e-5 && (q + q2).abs() < 1e-5);
    let (p, q) = end(&s, "branch.3-4-1", 1);
    let (p4, q4) = end(&s, "branch.4-5-1", 1);
    assert!((p - p4).abs() < 1e-5 && (q - (q4 - 10.0 * v(&s, 4).powi(2))).abs() < 1e-5);
    // A loop of such branches leaves its flows open, and says so by having none.
    b.branch(2, 4, 0.0, 0.0, 0.0);
    let s = solved(&b.network, &locked());
    assert_eq!(s.branch_ends.iter().filter(|e| e.p_mw.is_none()).count(), 6);
}

#[test]
fn islands_without_a_swing_bus_are_dead_and_isolated_buses_are_out() {
    let mut b = wscc9();
    b.bus(20, BusKind::Load, 1.0);
    b.bus(21, BusKind::Generator, 1.0);
    b.bus(30, BusKind::Isolated, 1.0);
    b.machine(21, 50.0, 1.0, -10.0, 10.0);
    b.branch(20, 21, 0.0, 0.1, 0.0);
    b.branch(4, 30, 0.0, 0.1, 0.0);
    b.load(20, 50.0, 0.0);
    b.load(30, 50.0, 0.0);
    let s = solved(&b.network, &locked());
    assert_eq!((bus(&s, 20).v_pu, bus(&s, 30).v_pu), (None, None));
    assert_eq!((s.certificate.islands, s.certificate.dead_islands, s.certificate.dead_buses), (2, 1, 2));
    assert!(s.notes.iter().any(|d| d.code == "SOLVE.ISLAND.NO_SWING" && d.detail.as_ref().is_some_and(|t| t.contains("20, 21"))));
    let reference = solved(&wscc9().network, &locked());
    assert!((v(&s, 5) - v(&reference, 5)).abs() < 1e-9);
    // Its own swing bus revives it.
    let id = b.id(21);
    b.network.buses[id.index()].transmission.as_mut().unwrap().kind = BusKind::Swing;
    let s = solved(&b.network, &locked());
    assert_eq!(s.certificate.dead_islands, 0);
    assert!(v(&s, 20) > 0.9);
    for network in [Network::new("none"), {
        let mut n = wscc9();
        let id = n.id(1);
        n.network.buses[id.index()].transmission.as_mut().unwrap().kind = BusKind::Generator;
        n.network
    }] {
        let e = newton::solve(&network, &locked()).unwrap_err();
        assert!(["SOLVE.CASE.NOT_TRANSMISSION", "SOLVE.CASE.NO_SWING"].contains(&e.diagnostic().code.as_str()));
    }
}

/// A three-winding transformer is its three legs; a winding that is out leaves the other two in series.
#[test]
fn three_windings_meet_in_a_star() {
    let build = |status| {
        let mut b = Builder::new();
        b.bus(1, BusKind::Swing, 1.0);
        b.bus(2, BusKind::Load, 1.0);
        b.bus(3, BusKind::Load, 1.0);
        b.load(2, 40.0, 10.0);
        let id = b.transformer(1, 2, 0.0, 0.1, 1.0);
        let tertiary = b.id(3);
        let t = &mut b.network.power_transformers[id.index()];
        t.common.terminals.push(Terminal::new(tertiary, vec![1, 2, 3]));
        t.impedances = vec![
            PairImpedance { r: 0.0, x: 0.10, s_base_mva: 100.0 },
            PairImpedance { r: 0.0, x: 0.08, s_base_mva: 100.0 },
            PairImpedance { r: 0.0, x: 0.12, s_base_mva: 100.0 },
        ];
        t.windings.push(Builder::winding(1.0, 0.0));
        t.status = status;
        b
    };
    let two_winding = {
        let mut b = Builder::new();
        b.bus(1, BusKind::Swing, 1.0);
        b.bus(2, BusKind::Load, 1.0);
        b.load(2, 40.0, 10.0);
        b.transformer(1, 2, 0.0, 0.1, 1.0);
        solved(&b.network, &locked())
    };
    let s = solved(&build(TransformerStatus::In).network, &locked());
    assert!((v(&s, 2) - v(&two_winding, 2)).abs() < 1e-9);
    let s = solved(&build(TransformerStatus::WindingOut(3)).network, &locked());
    assert!((v(&s, 2) - v(&two_winding, 2)).abs() < 1e-9);
    assert_eq!(bus(&s, 3).v_pu, None, "nothing feeds the third bus");
}

/// A machine that meets its limit gives it; when the load falls it holds again.
#[test]
fn machines_give_their_limit_and_return() {
    let mut b = ieee14();
    let s = solved(&b.network, &active());
    assert!(s.machines.iter().all(|m| m.state == QState::Holding), "{:?}", s.machines);
    for m in &mut b.network.machines {
        if m.common.name.starts_with("6-") {
            m.q_max_mvar = 5.0;
        }
    }
    let s = solved(&b.network, &active());
    let m = s.machines.iter().find(|m| m.bus == "6").unwrap();
    assert!(m.state == QState::AtMaximum && (m.q_mvar - 5.0).abs() < 1e-5 && v(&s, 6) < 1.07, "{m:?}");
    assert!(s.certificate.limits_hit.iter().any(|l| l.element == m.element));
    // With a bank that gives more than is missing, the machine holds its bus again.
    b.shunt(6, 10.0);
    let s = solved(&b.network, &active());
    let m = s.machines.iter().find(|m| m.bus == "6").unwrap();
    assert!(m.state == QState::Holding && (v(&s, 6) - 1.07).abs() < 1e-9, "{m:?}");
}

/// Two machines hold a third bus together, in proportion to their shares, until one meets its limit.
#[test]
fn remote_regulation_is_shared() {
    let build = |q_max: f64| {
        let mut b = Builder::new();
        b.bus(1, BusKind::Swing, 1.0);
        b.bus(2, BusKind::Generator, 1.0);
        b.bus(3, BusKind::Generator, 1.0);
        b.bus(4, BusKind::Load, 1.0);
        b.machine(1, 0.0, 1.0, -999.0, 999.0);
        for (bus, share, limit) in [(2, 100.0, q_max), (3, 50.0, 999.0)] {
            let id = b.machine(bus, 30.0, 1.03, -999.0, limit);
            let target = b.id(4);
            let m = &mut b.network.machines[id.index()];
            (m.regulated_bus, m.share_pct) = (Some(target), share);
        }
        b.branch(1, 4, 0.01, 0.1, 0.0);
        b.branch(2, 4, 0.0, 0.08, 0.0);
        b.branch(3, 4, 0.0, 0.12, 0.0);
        b.load(4, 100.0, 40.0);
        b
    };
    for start in [Start::Flat, Start::Dc, Start::Linear, Start::Stored] {
        let s = solved(&build(999.0).network, &Options { start, ..active() });
        assert!((v(&s, 4) - 1.03).abs() < 2e-6);
        assert!((s.machines[1].q_mvar - 2.0 * s.machines[2].q_mvar).abs() < 1e-6 && s.machines[1].q_mvar > 10.0, "{:?}", s.machines);
        let limit = s.machines[1].q_mvar / 2.0;
        let s = solved(&build(limit).network, &Options { start, ..active() });
        assert!((v(&s, 4) - 1.03).abs() < 2e-6);
        assert_eq!((s.machines[1].state, s.machines[2].state), (QState::AtMaximum, QState::Holding));
        assert!((s.machines[1].q_mvar - limit).abs() < 1e-6);
    }
}

#[test]
fn taps_banks_and_shifts_bring_what_they_control_into_its_band() {
    let mut b = Builder::new();
    b.bus(1, BusKind::Swing, 1.0);
    b.bus(2, BusKind::Load, 1.0);
    b.bus(3, BusKind::Load, 1.0);
    b.branch(1, 2, 0.01, 0.1, 0.0);
    let id = b.transformer(2, 3, 0.0, 0.1, 1.0);
    b.load(3, 60.0, 30.0);
    let target = b.id(3);
    let c = &mut b.network.power_transformers[id.index()].windings[0].control;
    (c.mode, c.bus) = (WindingControlMode::Voltage, Some(target));
    (c.band_min, c.band_max) = (1.0, 1.012);
    let before = solved(&b.network, &locked());
    assert!(v(&before, 3) < 0.97);
    let s = solved(&b.network, &active());
    assert!((1.0..=1.012).contains(&v(&s, 3)), "{}", v(&s, 3));
    assert_eq!(s.moves.len(), 1);
    let steps = (s.moves[0].after - 0.9) / (0.2 / 32.0);
    assert!((steps - steps.round()).abs() < 1e-6 && s.moves[0].after < 1.0, "{:?}", s.moves);
    // The same by a bank in blocks, and by one that moves freely.
    b.network.power_transformers[0].windings[0].control.mode = WindingControlMode::Fixed;
    let common = b.common("3-sw", &[3]);
    b.network.add(SwitchedShunt {
        common,
        id: "1".into(),
        label: String::new(),
        in_service: true,
        mode: SwitchedShuntMode::DiscreteVoltage,
        adjustment: 0,
        v_high_pu: 1.02,
        v_low_pu: 0.99,
        regulated_bus: None,
        regulated_node: 0,
        share_pct: 100.0,
        remote_id: String::new(),
        b_mvar: 0.0,
        blocks: vec![ShuntBlock { in_service: true, n_steps: 10, b_mvar: 6.0 }],
    });
    let s = solved(&b.network, &active());
    assert!((0.99..=1.02).contains(&v(&s, 3)), "{}", v(&s, 3));
    assert!((s.moves[0].after / 6.0 - (s.moves[0].after / 6.0).round()).abs() < 1e-9 && s.moves[0].after > 0.0, "{:?}", s.moves);
    b.network.switched_shunts[0].mode = SwitchedShuntMode::ContinuousVoltage;
    let s = solved(&b.network, &active());
    assert!((0.99..=1.0).contains(&v(&s, 3)), "free banks go to the edge of the band: {}", v(&s, 3));
    // Too few blocks: the last one, and told.
    b.network.switched_shunts[0].blocks[0].n_steps = 1;
    b.network.switched_shunts[0].mode = SwitchedShuntMode::DiscreteVoltage;
    let s = solved(&b.network, &active());
    assert!((s.moves[0].after - 6.0).abs() < 1e-9 && s.certificate.limits_hit.len() == 1, "{:?}", s.certificate);
    // A shift in a ring takes the power that is asked for.
    let mut b = Builder::new();
    b.bus(1, BusKind::Swing, 1.0);
    b.bus(2, BusKind::Load, 1.0);
    b.branch(1, 2, 0.0, 0.2, 0.0);
    let id = b.transformer(1, 2, 0.0, 0.2, 1.0);
    b.load(2, 50.0, 0.0);
    let c = &mut b.network.power_transformers[id.index()].windings[0].control;
    (c.mode, c.max, c.min, c.band_max, c.band_min) = (WindingControlMode::ActiveFlow, 30.0, -30.0, 41.0, 40.0);
    let s = solved(&b.network, &active());
    assert!((40.0..=41.0).contains(&end(&s, "powertransformer.1-2-t", 1).0), "{:?}", s.branch_ends);
    assert_eq!(s.moves[0].quantity, "angle_deg");
}

fn converter(angle_min_deg: f64, ratio: f64) -> LccConverter {
    LccConverter {
        n_bridges: 2,
        angle_max_deg: 25.0,
        angle_min_deg,
        r_ohm: 0.0,
        x_ohm: 6.0,
        kv_base: 400.0,
        transformer_ratio: ratio,
        tap: 1.0,
        tap_max: 1.2,
        tap_min: 0.8,
        tap_step: 0.00625,
        firing_bus: None,
        firing_node: 0,
        transformer: None,
        x_capacitor_ohm: 0.0,
    }
}

/// A link between two swing-fed areas: what the rectifier takes, less the loss, comes out of the inverter, and iterations stay quadratic.
#[test]
fn direct_current_links_are_solved_with_the_network() {
    let mut b = Builder::new();
    b.bus(1, BusKind::Swing, 1.03);
    b.bus(2, BusKind::Load, 1.0);
    b.bus(3, BusKind::Swing, 1.0);
    b.bus(4, BusKind::Load, 1.0);
    b.branch(1, 2, 0.0, 0.03, 0.0);
    b.branch(3, 4, 0.0, 0.03, 0.0);
    b.shunt(2, 200.0);
    b.shunt(4, 200.0);
    let common = b.common("dc1", &[2, 4]);
    b.network.add(TwoTerminalDc {
        common,
        label: String::new(),
        control: DcControl::Power,
        r_ohm: 5.0,
        set_point: 400.0,
        v_schedule_kv: 400.0,
        v_mode_switch_kv: 0.0,
        r_compounding_ohm: 0.0,
        current_margin: 0.1,
        metered: 'I',
        v_min_kv: 0.0,
        ccc_max_iterations: 20,
        ccc_acceleration: 1.0,
        rectifier: converter(8.0, 0.4),
        inverter: converter(15.0, 0.42),
    });
    let s = solved(&b.network, &locked());
    assert_eq!(s.dc.len(), 2);
    let (r, i) = (s.dc[0].state, s.dc[1].state);
    assert!((r.p_mw - 400.0).abs() < 1e-6 && (r.p_mw + i.p_mw - 5.0 * (r.i_dc_a / 1e3).powi(2)).abs() < 1e-6);
    let (p, q) = end(&s, "branch.1-2-1", 2);
    assert!((p + 400.0).abs() < 1e-4 && (q + r.q_mvar - 200.0 * v(&s, 2).powi(2)).abs() < 1e-4);
    assert!(s.certificate.iterations <= 6, "{}", s.certificate.iterations);
    // A weak inverter: the angle stands at its limit, and active controls find a tap that frees it.
    b.network.two_terminal_dcs[0].inverter.transformer_ratio = 0.36;
    let s = solved(&b.network, &locked());
    assert!(s.dc[1].state.at_limit && (s.dc[1].state.angle_deg.unwrap() - 15.0).abs() < 1e-6);
    let s = solved(&b.network, &active());
    assert!(!s.dc[1].state.at_limit, "{:?}", s.dc);
    assert!(s.moves.iter().any(|m| m.quantity == "converter_tap" && m.after < m.before), "{:?}", s.moves);
    // A link that cannot run is an honest failure that names it.
    b.network.two_terminal_dcs[0].set_point = 9000.0;
    match newton::solve(&b.network, &locked()).unwrap() {
        Outcome::Unsolved(u) => {
            assert_eq!(u.diagnostics[0].code, "SOLVE.NEWTON.DEVICE");
            assert_eq!(u.diagnostics[0].element.as_deref(), Some("twoterminaldc.dc1"));
        }
        Outcome::Solved(_) => panic!("9 GW at 400 kV cannot be carried"),
    }
}

#[test]
fn motors_draw_what_their_circuit_says() {
    let mut b = Builder::new();
    b.bus(1, BusKind::Swing, 1.0);
    b.bus(2, BusKind::Load, 1.0);
    b.branch(1, 2, 0.01, 0.1, 0.0);
    let common = b.common("m", &[2]);
    b.network.add(PowerMotor {
        common,
        id: "1".into(),
        label: String::new(),
        in_service: true,
        scale_code: 1,
        design: 0,
        area: 1,
        zone: 1,
        owner: 1,
        torque_code: 1,
        base_code: 1,
        base_mva: 50.0,
        kv_rated: 0.0,
        power_code: 1,
        p_set: 40.0,
        h_s: 1.0,
        load_a: 1.0,
        load_b: 1.0,
        load_d: 1.0,
        load_e: 0.0,
        r_a_pu: 0.01,
        x_a_pu: 0.1,
        x_m_pu: 3.0,
        r_1_pu: 0.02,
        x_1_pu: 0.1,
        r_2_pu: 999.0,
        x_2_pu: 999.0,
        x_3_pu: 0.0,
        saturation: [0.0; 7],
    });
    let s = solved(&b.network, &locked());
    let m = &s.motors[0];
    let i = Complex64::new(m.p_mw, -m.q_mvar) / (50.0 * v(&s, 2));
    let gap = m.p_mw / 50.0 - 0.01 * i.norm_sqr();
    assert!((gap * (1.0 - m.slip) * 50.0 - 40.0).abs() < 1e-6, "{m:?}");
    let (p, q) = end(&s, "branch.1-2-1", 2);
    assert!((p + m.p_mw).abs() < 1e-5 && (q + m.q_mvar).abs() < 1e-5);
    assert!(s.certificate.iterations <= 5);
}

/// Past the greatest power a line can carry there is no solution; what share of it solves is found.
#[test]
fn a_case_beyond_what_its_network_carries_fails_honestly() {
    let mut b = Builder::new();
    b.bus(1, BusKind::Swing, 1.0);
    b.bus(2, BusKind::Load, 1.0);
    b.branch(1, 2, 0.0, 0.2, 0.0);
    // Unity power factor: at most 1 / (2 x) = 2.5 per unit.
    b.load(2, 400.0, 0.0);
    for start in [Start::Flat, Start::Dc, Start::Linear, Start::Stored] {
        match newton::solve(&b.network, &Options { start, ..locked() }).unwrap() {
            Outcome::Unsolved(u) => {
                let factor = u.solvable_factor.expect("a part of it solves");
                assert!((factor - 0.625).abs() < 0.02, "{factor}");
                assert_eq!(u.diagnostics[0].code, "SOLVE.NEWTON.UNSOLVED");
                assert_eq!(u.worst[0].bus, "2");
                assert!(u.worst[0].elements.iter().any(|e| e.starts_with("powerload.")));
            }
            Outcome::Solved(s) => panic!("{:?}", s.certificate),
        }
    }
}

/// A compiled case serves any number of solutions and forgets what controls moved.
#[test]
fn a_case_is_compiled_once_and_repeats_itself() {
    let b = ieee14();
    let mut case = newton::Case::compile(&b.network).unwrap();
    let first = case.solve(&locked());
    let active_one = case.solve(&active());
    assert_eq!(case.solve(&active()), active_one);
    assert_eq!(case.solve(&locked()), first);
    assert_eq!(case.iterate(&locked()), Some(first.solution().unwrap().certificate.iterations));
    let voltages = case.voltages();
    assert!((voltages[0].unwrap().norm() - 1.06).abs() < 1e-12);
}

/// Values from a file may be anything: nothing panics, nothing that is no number passes for a result.
#[test]
fn hostile_values_never_panic() {
    let mut seed = 20u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        seed >> 33
    };
    let values = [0.0, -1.0, 1e-12, -1e-3, 1e9, -1e9, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.5, 2.0];
    let mut solved_ones = 0;
    for _ in 0..300 {
        let mut b = ieee14();
        for _ in 0..1 + next() % 3 {
            let value = values[next() as usize % values.len()];
            let n = &mut b.network;
            let pick = |count: usize, r: u64| r as usize % count;
            let r = next();
            match next() % 14 {
                0 => n.ac_branches[pick(17, r)].r_pu = value,
                1 => n.ac_branches[pick(17, r)].x_pu = value,
                2 => n.ac_branches[pick(17, r)].b_pu = value,
                3 => n.power_loads[pick(11, r)].p_mw = value,
                4 => n.power_loads[pick(11, r)].q_current_mvar = value,
                5 => n.machines[pick(5, r)].p_mw = value,
                6 => n.machines[pick(5, r)].v_set_pu = value,
                7 => n.machines[pick(5, r)].q_max_mvar = value,
                8 => n.power_transformers[pick(3, r)].windings[0].ratio = value,
                9 => n.power_transformers[pick(3, r)].impedances[0].x = value,
                10 => n.buses[pick(14, r)].transmission.as_mut().unwrap().v_pu = value,
                11 => n.fixed_shunts[0].b_mvar = value,
                12 => n.transmission.as_mut().unwrap().s_base_mva = value,
                _ => n.buses[pick(14, r)].transmission.as_mut().unwrap().angle_deg = value,
            }
        }
        for options in [locked(), Options { start: Start::Stored, ..active() }] {
            if let Ok(Outcome::Solved(s)) = newton::solve(&b.network, &options) {
                solved_ones += 1;
                assert!(s.buses.iter().all(|b| b.v_pu.is_none_or(|v| v.is_finite() && v > 0.0)));
                assert!(s.certificate.mismatch_mw.is_finite() && s.certificate.losses_mw.is_finite());
            }
        }
    }
    assert!(solved_ones > 100, "{solved_ones}: many of these values are harmless");
}

#[test]
fn stored_voltages_are_measured_against_the_data() {
    let mut b = ieee14();
    let far = newton::stored_mismatch(&b.network).unwrap();
    assert!(far.p_mw > 10.0, "angles of zero are no solution: {far:?}");
    let s = solved(&b.network, &locked());
    for row in &s.buses {
        let t = b.network.buses[row.id.index()].transmission.as_mut().unwrap();
        (t.v_pu, t.angle_deg) = (row.v_pu.unwrap(), row.angle_deg.unwrap());
    }
    let near = newton::stored_mismatch(&b.network).unwrap();
    assert!(near.p_mw < 1e-6 && near.q_mvar < 1e-6, "{near:?}");
    let again = solved(&b.network, &Options { start: Start::Stored, ..locked() });
    assert_eq!(again.certificate.iterations, 0);
}
