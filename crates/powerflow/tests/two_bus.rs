//! Two buses, worked by hand: a stiff source, a line of impedance `z`, a load.

use network::{
    Common, Connection, LengthUnit, Line, LineImpedance, Load, LoadBasis, LoadModel, LoadStatus, Network, SequenceType, Shapes, Terminal,
    VoltageSource,
};
use num_complex::Complex64;
use powerflow::Session;

const Z_LINE: Complex64 = Complex64 { re: 0.5, im: 1.0 };
/// The source is not quite ideal.
const X_SOURCE: f64 = 1e-3;
/// All that stands between source and load.
const Z: Complex64 = Complex64 { re: 0.5, im: 1.0 + X_SOURCE };
const V_SOURCE: f64 = 7200.0;

fn element(net: &mut Network, name: &str, n_phases: usize, ends: &[(&str, &[u32])]) -> Common {
    let mut common = Common::new(name, n_phases);
    for (bus, nodes) in ends {
        let id = net.bus_or_add(bus);
        for &n in *nodes {
            net.note_node(id, n);
        }
        common.terminals.push(Terminal::new(id, nodes.to_vec()));
    }
    common
}

fn two_bus(model: LoadModel, p_kw: f64, q_kvar: f64) -> Network {
    let mut net = Network::new("two_bus");
    let common = element(&mut net, "source", 1, &[("a", &[1]), ("a", &[0])]);
    let z = Complex64::new(0.0, X_SOURCE);
    net.add(VoltageSource {
        common,
        base_kv: V_SOURCE / 1e3,
        v_pu: 1.0,
        angle_deg: 0.0,
        frequency_hz: 60.0,
        z1_ohm: z,
        z2_ohm: z,
        z0_ohm: z,
        ideal: false,
        z_ideal_pu: z,
        base_mva: 100.0,
        scan: SequenceType::Positive,
        sequence: SequenceType::Positive,
        shapes: Shapes::default(),
    });
    let common = element(&mut net, "l", 1, &[("a", &[1]), ("b", &[1])]);
    net.add(Line {
        common,
        length: 1.0,
        length_unit: LengthUnit::None,
        unit_factor: 1.0,
        impedance: LineImpedance::Matrix { z_ohm: vec![Z_LINE], c_nf: vec![0.0] },
        earth_r_ohm: 0.0,
        earth_x_ohm: 0.0,
        rho_ohm_m: 100.0,
        earth_model: network::EarthModel::Deri,
        is_switch: false,
        line_code: None,
        line_type: String::new(),
    });
    let common = element(&mut net, "d", 1, &[("b", &[1, 0])]);
    net.add(Load {
        common,
        connection: Connection::Wye,
        kv: V_SOURCE / 1e3,
        p_kw,
        q_kvar,
        power_factor: 1.0,
        q_follows_pf: false,
        model,
        unknown_model: None,
        basis: LoadBasis::Given,
        status: LoadStatus::Variable,
        class: 1,
        n_customers: 1,
        v_min_pu: 0.5,
        v_max_pu: 1.5,
        v_low_pu: 0.4,
        v_min_normal_pu: 0.0,
        v_min_emergency_pu: 0.0,
        cvr_p_exponent: 1.0,
        cvr_q_exponent: 2.0,
        cvr_curve: None,
        zipv: None,
        r_neutral_ohm: -1.0,
        x_neutral_ohm: 0.0,
        shapes: Shapes::default(),
        growth: None,
        mean_pct: 50.0,
        stddev_pct: 10.0,
        series_rl_pct: 50.0,
        relative_weight: 1.0,
        x_harmonic_pu: 0.0,
        xr_harmonic: 6.0,
    });
    for bus in &mut net.buses {
        bus.kv_base_ln = V_SOURCE / 1e3;
    }
    net.options.tolerance_pu = 1e-12;
    net.options.max_iterations = 200;
    net
}

fn load_voltage(net: &Network) -> (Complex64, f64) {
    let solution = Session::new().solve_network(net, true).expect("the network solves").settled().expect("it settles");
    let row = solution.nodes().into_iter().find(|n| n.node == "b.1").expect("the load's node");
    (row.v_v, solution.certificate().mismatch_va)
}

/// Constant impedance: the divider `V z_load / (z_load + z_line)` with `z_load = V²/conj(S)`.
#[test]
fn constant_impedance_is_a_voltage_divider() {
    let (v, mismatch_va) = load_voltage(&two_bus(LoadModel::ConstantZ, 900.0, 300.0));
    let z_load = V_SOURCE * V_SOURCE / Complex64::new(900e3, -300e3);
    let expected = V_SOURCE * z_load / (z_load + Z);
    assert!((v - expected).norm() / V_SOURCE < 1e-8, "{v} against {expected}");
    assert!(mismatch_va < 1e-2, "{mismatch_va} VA are unaccounted for");
}

/// Constant power: `|V|² = s + sqrt(s² - |S z|²)` with `s = V0²/2 - Re(z conj S)`.
#[test]
fn constant_power_is_the_upper_root_of_the_quadratic() {
    let (v, mismatch_va) = load_voltage(&two_bus(LoadModel::ConstantPq, 2400.0, 900.0));
    let power = Complex64::new(2400e3, 900e3);
    let s = V_SOURCE * V_SOURCE / 2.0 - (Z * power.conj()).re;
    let expected = (s + (s * s - (Z * power).norm_sqr()).sqrt()).sqrt();
    assert!((v.norm() - expected).abs() / V_SOURCE < 1e-8, "{} against {expected}", v.norm());
    assert!(mismatch_va < 1.0, "{mismatch_va} VA are unaccounted for");
}

/// More constant power than the line carries: no solution, and the evidence names the load.
#[test]
fn too_much_power_is_unsettled_and_explained() {
    let mut net = two_bus(LoadModel::ConstantPq, 40e3, 10e3);
    net.loads[0].v_min_pu = 0.1;
    net.loads[0].v_low_pu = 0.05;
    let unsettled =
        Session::new().solve_network(&net, true).expect("the network is well formed").settled().expect_err("nothing can carry this");
    assert!(!unsettled.certificate.settled);
    let text = unsettled.forensics.diagnostics()[0].to_string();
    assert!(text.contains("load.d") && text.contains("b.1"), "{text}");
    let factor = unsettled.forensics.largest_load_factor_that_solves.expect("a smaller load solves");
    assert!((0.05..0.9).contains(&factor), "{factor}");
}

/// What no source feeds is at zero volts and is said to be dead, not singular.
#[test]
fn an_island_without_source_is_dead_not_singular() {
    let mut net = two_bus(LoadModel::ConstantPq, 100.0, 0.0);
    let far = element(&mut net, "tail", 1, &[("c", &[1]), ("d", &[1])]);
    let mut tail = net.lines[0].clone();
    tail.common = far;
    net.add(tail);
    let solution = Session::new().solve_network(&net, true).expect("an island is no error").settled().expect("it settles");
    assert_eq!(solution.certificate().dead_nodes, 2);
    assert_eq!((solution.certificate().islands, solution.certificate().islands_fed), (2, 1));
}
