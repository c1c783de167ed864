use super::ram::{Block, BlockType, ComponentData};
use super::*;
use crate::{BusKind, Severity};

fn generator(n: u32, mw: f64) -> DesignGenerator {
    DesignGenerator {
        id: format!("GEN_{n}"),
        name: format!("Unit {n}"),
        short_name: None,
        prime_mover: PrimeMover::GasTurbine,
        bus: format!("BUS_{n}"),
        rated_kv: 13.8,
        rated_mw: mw,
        rated_mva: None,
        rated_pf: 0.85,
        p_min_mw: 0.0,
        q_max_mvar: 0.5 * mw,
        q_min_mvar: -0.3 * mw,
        v_set_pu: 1.0,
        ra_pu: 0.0,
        xd_pu: 1.5,
        xd_prime_pu: 0.22,
        xd_double_prime_pu: 0.15,
        x2_pu: None,
        x0_pu: None,
        h_inertia_s: 3.0,
        earthing: Earthing::Isolated,
        redundancy_group: "G".into(),
        status: Status::Online,
    }
}

/// Three units of 10, 20 and 30 MW on bus 9 with a battery of 5 MW and a load of 30 MW.
fn plant() -> Design {
    let bus = |n: u32| DesignBus { id: format!("BUS_{n}"), name: format!("B{n}"), number: None, raw_name: None, rated_kv: 13.8 };
    let cable = |n: u32| DesignCable {
        id: format!("CBL_{n}"),
        name: String::new(),
        from_bus: format!("BUS_{n}"),
        to_bus: "BUS_9".into(),
        length_km: 0.1,
        r1_ohm_per_km: 0.019044,
        x1_ohm_per_km: 0.19044,
        r0_ohm_per_km: None,
        x0_ohm_per_km: None,
        c1_nf_per_km: 0.0,
        n_parallel: 1,
        rated_mva: 100.0,
        status: Status::Online,
    };
    Design {
        name: "plant".into(),
        frequency_hz: 60.0,
        s_base_mva: 100.0,
        buses: [1, 2, 3, 9].map(bus).into(),
        generators: vec![generator(1, 10.0), generator(2, 20.0), generator(3, 30.0)],
        batteries: vec![DesignBattery {
            id: "BESS".into(),
            name: "Battery".into(),
            bus: "BUS_9".into(),
            rated_kv: 13.8,
            rated_mw: 5.0,
            rated_mva: 6.0,
            energy_mwh: 10.0,
            p_mw: 0.0,
            holds_voltage: false,
            v_set_pu: 1.0,
            i_sc_pu: 1.2,
            redundancy_group: String::new(),
            status: Status::Online,
        }],
        cables: [1, 2, 3].map(cable).into(),
        loads: vec![DesignLoad {
            id: "LOAD".into(),
            name: "Load".into(),
            bus: "BUS_9".into(),
            p_mw: 30.0,
            pf: 0.95,
            auxiliary: false,
            status: Status::Online,
        }],
        ..Design::default()
    }
}

fn codes(design: &Design) -> Vec<(String, Severity)> {
    design.check().into_iter().map(|d| (d.code, d.severity)).collect()
}

#[test]
fn a_design_becomes_a_case_of_the_same_figures() {
    let design = plant();
    assert_eq!(design.check(), []);
    let network = design.network().unwrap();
    // The document's branch: 0.001 + j 0.01 per unit on 100 MVA and 13.8 kV are 1.9044 and 19.044 milliohms.
    let b = &network.ac_branches[0];
    assert!((b.r_pu - 0.001).abs() < 1e-15 && (b.x_pu - 0.01).abs() < 1e-15);
    let kinds: Vec<BusKind> = network.buses.iter().map(|b| b.transmission.as_ref().unwrap().kind).collect();
    assert_eq!(kinds, [BusKind::Generator, BusKind::Generator, BusKind::Swing, BusKind::Load]);
    let m = &network.machines[2];
    assert!((m.base_mva - 30.0 / 0.85).abs() < 1e-12 && m.z_source_pu.im == 0.15);
    // 30 MW of 60 MW rated: each at half.
    let p: Vec<f64> = network.machines.iter().map(|m| m.p_mw).collect();
    assert!(p.iter().zip([5.0, 10.0, 15.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{p:?}");
    let q: f64 = network.power_loads.iter().map(|l| l.q_mvar).sum();
    assert!((q - 30.0 * 0.95f64.acos().tan()).abs() < 1e-12);
}

#[test]
fn the_dispatch_keeps_to_limits_and_tells_what_lacks() {
    let mut design = plant();
    let scenario = |tripped: &[&str], load_mw: f64| Scenario {
        scenario_id: "S".into(),
        name: String::new(),
        kind: ScenarioType::N1,
        load_mw,
        load_pf: 0.95,
        tripped_equipment: tripped.iter().map(|&t| t.to_owned()).collect(),
        description: String::new(),
    };
    let dispatch = |d: &Design, s: &Scenario| d.in_scenario(s).unwrap().base_dispatch();
    // 30 MW trip: 30 left for 33, the battery gives 3; without it as well for 40: 5 from the battery and 5 lack.
    let d = dispatch(&design, &scenario(&["GEN_3"], 33.0));
    assert!((d.generators_mw - 30.0).abs() < 1e-9 && (d.batteries_mw - 3.0).abs() < 1e-9 && d.shortfall_mw == 0.0, "{d:?}");
    let d = dispatch(&design, &scenario(&["GEN_3"], 40.0));
    assert!((d.batteries_mw - 5.0).abs() < 1e-9 && (d.shortfall_mw - 5.0).abs() < 1e-9, "{d:?}");
    // A unit that cannot go below 20 MW leaves the rest to the others.
    design.generators[2].p_min_mw = 20.0;
    let p: Vec<f64> = design.network().unwrap().machines.iter().map(|m| m.p_mw).collect();
    assert!(p.iter().zip([10.0 / 3.0, 20.0 / 3.0, 20.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{p:?}");
    let d = dispatch(&design, &scenario(&[], 15.0));
    assert!((d.surplus_mw - 5.0).abs() < 1e-9, "{d:?}");
    // The swing goes to the largest unit left; with none left there is no scenario.
    let left = design.in_scenario(&scenario(&["GEN_3"], 10.0)).unwrap();
    assert_eq!(left.swing_bus(), Some("BUS_2"));
    let faults = design.in_scenario(&scenario(&["GEN_1", "GEN_2", "GEN_3", "GEN_4"], -1.0)).unwrap_err();
    let found: Vec<&str> = faults.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(found, ["EXCHANGE.SCENARIO.UNIT", "EXCHANGE.SCENARIO.LOAD", "EXCHANGE.SCENARIO.ALL_TRIPPED"]);
}

#[test]
fn scenarios_follow_the_rules() {
    let mut design = plant();
    let ids = |d: &Design| d.scenarios().into_iter().map(|s| s.scenario_id).collect::<Vec<_>>();
    assert_eq!(ids(&design), ["BASE_100", "BASE_75", "BASE_50", "N1_1", "N1_2", "N1_3", "N1_BESS", "N2_2_3"]);
    design.scenario_rules = ScenarioRules { base_load_pct: vec![80.0], n1: false, n2: N2Rule::WithinGroups, also: Vec::new() };
    assert_eq!(ids(&design), ["BASE_80", "N2_1_2", "N2_1_3", "N2_2_3"]);
    design.scenario_rules.n2 = N2Rule::All;
    assert_eq!(ids(&design).len(), 1 + 6);
    design.generators.remove(0);
    design.scenario_rules.n2 = N2Rule::LargestTwo;
    let last = design.scenarios().pop().unwrap();
    assert_eq!((last.scenario_id.as_str(), last.name.as_str(), last.kind.word()), ("N2_GT_BOTH", "N-2: Both GTs Trip", "N-2 Contingency"));
}

#[test]
fn the_fingerprint_sees_what_matters_and_nothing_else() {
    let design = plant();
    let first = design.fingerprint();
    let mut same = design.clone();
    same.name = "other".into();
    same.generators[0].name = "other".into();
    same.buses.reverse();
    same.loads[0].name = "other".into();
    assert_eq!(same.fingerprint(), first);
    assert_eq!(first.len(), 64);
    let changes: [fn(&mut Design); 5] = [
        |d| d.generators[0].xd_double_prime_pu += 1e-9,
        |d| d.cables[0].length_km = 0.2,
        |d| d.loads[0].pf = 0.9,
        |d| d.batteries[0].status = Status::Offline,
        |d| d.buses[0].rated_kv = 13.2,
    ];
    for change in changes {
        let mut other = design.clone();
        change(&mut other);
        assert_ne!(other.fingerprint(), first);
        assert_eq!(other.ram_fingerprint(), design.ram_fingerprint());
    }
}

fn component(id: &str) -> ComponentData {
    ComponentData {
        component_id: id.into(),
        component_name: String::new(),
        component_type: String::new(),
        mtbf_h: 8760.0,
        mttr_h: 24.0,
        distribution: Default::default(),
        weibull_beta: 1.0,
        weibull_eta_h: None,
        subsystem: String::new(),
        redundancy_group: String::new(),
        capacity_mw: None,
        operating_hours_per_year: 8760.0,
        pm_interval_h: None,
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let mut design = plant();
    design.generators[0].bus = "BUS_7".into();
    design.generators[1].rated_mva = Some(30.0);
    design.generators[2].id = "GEN_1".into();
    design.buses[1].number = Some(1);
    design.cables[0].x1_ohm_per_km = f64::NAN;
    design.loads[0].pf = 1.2;
    design.components = vec![component("A"), component("B")];
    let block = |id: &str, parts: &[&str], k, n| Block {
        block_id: id.into(),
        block_name: String::new(),
        block_type: BlockType::ParallelKOfN,
        components: parts.iter().map(|&p| p.to_owned()).collect(),
        k_required: k,
        n_total: n,
        description: String::new(),
    };
    design.blocks = vec![block("X", &["A", "Y"], 3, 2), block("Y", &["B", "X", "C"], 1, 3)];
    let found = codes(&design);
    for code in ["BUS_UNKNOWN", "RATING", "ID_REPEATED", "BUS_NUMBER", "VALUE", "BLOCK_COUNT", "BLOCK_PART", "BLOCK_CYCLE"] {
        let code = format!("EXCHANGE.DESIGN.{code}");
        assert!(found.contains(&(code.clone(), Severity::Error)), "{code}: {found:?}");
    }
    assert!(design.network().is_err());
    // What is odd but possible is a warning.
    let mut design = plant();
    design.generators[0].xd_prime_pu = 0.1;
    design.cables.pop();
    assert_eq!(
        codes(&design),
        [("EXCHANGE.DESIGN.REACTANCE".to_owned(), Severity::Warning)]
            .into_iter()
            .chain((0..3).map(|_| ("EXCHANGE.DESIGN.ISLAND".to_owned(), Severity::Warning)))
            .collect::<Vec<_>>()
    );
}
