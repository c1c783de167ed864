//! Bounds against power flows, optima against enumeration, telemetry against the laws that it has to keep.

use super::*;
use crate::switching::Operator;
use crate::switching::forests::each_forest;
use network::Network;
use std::collections::BTreeMap;

fn grid(nodes: u32, generators: u32, seed: u64) -> Network {
    generate(&GenerateOptions { nodes, generators, ties: None, seed }).expect("a network")
}

fn routing(network: &Network, options: &RoutingOptions) -> Routing {
    let state = snapshot(network).expect("a solution");
    Routing::new(&state, &|o| scores(o, &BTreeMap::new()), options).expect("a radial network")
}

fn trees(routing: &Routing) -> Vec<Vec<bool>> {
    let n = routing.graph.edges.len();
    let mut all = Vec::new();
    assert!(each_forest(routing.graph.n, 1, &routing.graph.edges, true, 10_000, &mut |taken| {
        let mut closed = vec![false; n];
        taken.iter().for_each(|&e| closed[e] = true);
        all.push(closed);
    }));
    all
}

#[test]
fn every_bound_of_a_tree_is_its_value_and_the_meshed_bound_is_below_all() {
    for seed in 1..=3 {
        let mut r = routing(&grid(8, 2, seed), &RoutingOptions::default());
        let ways = ways::ways(&r).expect("a bound");
        let (_, meshed) = ways.meshed(&|w| w.cost_kw_per_a2).expect("a connected graph");
        let root_kw = meshed.cost_kw + ways.losses_add_kw();
        let mut n = 0;
        for closed in trees(&r) {
            let Some(value) = r.ask(&closed).expect("a circuit").filter(|v| v.is_admissible) else { continue };
            let bound = ways.of_tree(&|e| ways.ways[e].switch.is_none_or(|s| closed[s])).expect("a solution");
            let kw = value.objective_kw();
            assert!((bound - kw).abs() < 1e-6 * kw, "seed {seed}: the sweeps give {bound} kW, the power flow {kw} kW");
            assert!(root_kw < kw, "seed {seed}: {root_kw} is no bound of {kw}");
            n += 1;
        }
        assert!(n > 10, "seed {seed}: only {n} admissible configurations");
    }
}

#[test]
fn branch_and_bound_finds_what_solving_all_configurations_finds() {
    for seed in 1..=20 {
        let mut r = routing(&grid(8, 2, seed), &RoutingOptions::default());
        let o = optimum(&mut r, &OptimumOptions::default()).expect("an answer");
        assert_eq!(o.proof, Proof::Bounded, "seed {seed}: {:?}", o.no_bound);
        let all = trees(&r);
        let values = all.iter().filter_map(|c| r.ask(c).unwrap().filter(|v| v.is_admissible)).map(|v| v.objective_kw());
        let least = values.fold(f64::INFINITY, f64::min);
        assert!((o.best.value.objective_kw() - least).abs() <= 2e-7 * least, "seed {seed}: {} and {least}", o.best.value.objective_kw());
        assert!(o.meshed_bound_kw.unwrap() < least && o.lower_bound_kw.unwrap() <= least);
        assert_eq!(o.n_configurations, Some(all.len() as f64));
        assert!(r.graph.is_tree(&o.best.closed));
    }
}

#[test]
fn a_hundred_nodes_are_proven() {
    for seed in 1..=2 {
        let mut r = routing(&grid(100, 6, seed), &RoutingOptions::default());
        let o = optimum(&mut r, &OptimumOptions::default()).expect("an answer");
        assert_eq!(o.proof, Proof::Bounded, "{:?}", o.no_bound);
        assert!(o.gap_pct.unwrap() < 1e-4);
        assert!(o.best.value.objective_kw() <= o.exchange.value.objective_kw());
        assert!(o.best.value.objective_kw() < 0.97 * o.today.value.objective_kw(), "nothing was to be gained");
        // Without enough nodes the bound that is told still is one, and is not called exact.
        let cut = optimum(&mut r, &OptimumOptions { max_nodes: 50, ..OptimumOptions::default() }).expect("an answer");
        assert_eq!(cut.proof, Proof::Gap);
        let bound = cut.lower_bound_kw.unwrap();
        assert!(bound <= o.best.value.objective_kw() && bound >= cut.meshed_bound_kw.unwrap() && cut.gap_pct.unwrap() > 1e-3);
    }
}

#[test]
fn what_the_bound_does_not_hold_for_is_told_and_enumerated() {
    let mut network = grid(8, 2, 1);
    network.loads[0].model = network::LoadModel::ConstantZ;
    let mut r = routing(&network, &RoutingOptions::default());
    let o = optimum(&mut r, &OptimumOptions::default()).expect("an answer");
    assert_eq!(o.proof, Proof::Enumerated);
    assert!(o.no_bound.len() == 1 && o.no_bound[0].contains("load.d"), "{:?}", o.no_bound);
    let o = optimum(&mut r, &OptimumOptions { max_trees: 3, ..OptimumOptions::default() }).expect("an answer");
    assert_eq!((o.proof, o.lower_bound_kw, o.gap_pct), (Proof::None, None, None));
}

#[test]
fn risk_turns_the_route() {
    // A great weight must lower the risk part and cannot lower the losses.
    let network = grid(8, 2, 5);
    let of = |risk_weight: f64| {
        let mut r = routing(&network, &RoutingOptions { risk_weight, ..RoutingOptions::default() });
        optimum(&mut r, &OptimumOptions::default()).unwrap().best.value
    };
    let (none, great) = (of(0.0), of(1e4));
    assert_eq!(none.risk_kw, 0.0);
    let plain = {
        let mut r = routing(&network, &RoutingOptions { risk_weight: 1e4, ..RoutingOptions::default() });
        let mut best = routing(&network, &RoutingOptions { risk_weight: 0.0, ..RoutingOptions::default() });
        let closed = optimum(&mut best, &OptimumOptions::default()).unwrap().best.closed;
        r.ask(&closed).unwrap().unwrap()
    };
    assert!(great.risk_kw <= plain.risk_kw && great.losses_kw >= none.losses_kw - 1e-9, "{great:?} {plain:?} {none:?}");
    let r = RoutingOptions { risk_weight: -1.0, ..RoutingOptions::default() };
    let state = snapshot(&network).unwrap();
    assert!(matches!(Routing::new(&state, &|o| scores(o, &BTreeMap::new()), &r), Err(OperationsError::Option { .. })));
}

#[test]
fn routes_lead_from_sources_to_loads_over_closed_lines() {
    let mut r = routing(&grid(20, 3, 2), &RoutingOptions::default());
    let o = optimum(&mut r, &OptimumOptions::default()).unwrap();
    let routes = r.routes(&o.best.closed);
    assert_eq!(routes.len(), 17);
    for route in &routes {
        assert_eq!(route.buses.first(), Some(&route.source_bus));
        assert_eq!(route.buses.last(), Some(&route.load_bus));
        assert_eq!(route.elements.len() + 1, route.buses.len());
        assert!(route.elements.iter().all(|e| !o.best.open.contains(e)));
    }
}

#[test]
fn generation_is_repeatable_and_refuses_what_cannot_be() {
    assert_eq!(grid(30, 3, 7), grid(30, 3, 7));
    assert_ne!(grid(30, 3, 7), grid(30, 3, 8));
    for (nodes, generators, ties) in [(2, 1, None), (501, 2, None), (8, 0, None), (8, 8, None), (8, 2, Some(0)), (4, 1, Some(4))] {
        let refused = generate(&GenerateOptions { nodes, generators, ties, seed: 1 });
        assert!(matches!(refused, Err(OperationsError::Option { .. })), "{nodes} {generators} {ties:?}");
    }
    // The smallest and the largest of ties.
    for (nodes, generators, ties) in [(3, 1, 1), (3, 2, 1), (4, 1, 3)] {
        let network = generate(&GenerateOptions { nodes, generators, ties: Some(ties), seed: 1 }).expect("a network");
        assert_eq!(network.lines.len() as u32, nodes - generators + ties);
        assert!(snapshot(&network).is_ok());
    }
}

#[test]
fn telemetry_balances_and_stays_in_its_band() {
    let network = grid(8, 2, 1);
    for step in 0..24 {
        let state = at_step(&network, 3, step, &Variation::default()).expect("a solution");
        let operator = Operator::new(&state, &crate::switching::usual_criteria(), false).unwrap();
        let risk = scores(&operator, &BTreeMap::new()).unwrap();
        let t = telemetry(&operator, &risk, 25.0);
        let f = figures(&state, &[]);
        assert!((f.losses.total_kw - state.losses_kva().re).abs() < 1e-9);
        assert!((f.delivered_kw - f.demand_kw - f.losses.total_kw).abs() < 1e-6 * f.delivered_kw, "{f:?}");
        let of_nodes: f64 = t.nodes.iter().map(|n| n.delivered_kw - n.demand_kw).sum();
        assert!((of_nodes - f.losses.total_kw).abs() < 1e-6 * f.delivered_kw);
        assert!(t.nodes.iter().all(|n| n.v_pu.is_some_and(|v| (0.95..=1.05).contains(&v))), "{:?}", t.nodes);
        for (e, line) in t.edges.iter().zip(&network.lines) {
            assert_eq!(e.is_closed, e.i_a > 1e-3);
            if let Some(r) = e.resistance_ohm {
                let z = ways::balanced_impedance(line).unwrap();
                assert!((r - z.re).abs() < 1e-6 * z.re, "{} has {r} ohm in the flow and {} in the model", e.element, z.re);
            }
            let warm = 25.0 + 50.0 * (e.i_a / line.common.rating.normal_a).powi(2);
            assert!((e.temperature_c.unwrap_or(25.0) - warm).abs() < 1e-6, "{e:?}");
        }
        assert!(risk.edges.iter().chain(&risk.nodes).all(|s| (0.0..=1.0).contains(&s.score) && s.origin == Origin::Rule));
        let again = at_step(&network, 3, step, &Variation::default()).unwrap();
        assert_eq!(state.voltages(), again.voltages());
        assert_eq!(f.renewable_kw > 0.0, (6..17).contains(&step) && !network.pv_systems.is_empty(), "step {step}: {f:?}");
    }
    let a = at_step(&network, 3, 12, &Variation::default()).unwrap();
    let b = at_step(&network, 4, 12, &Variation::default()).unwrap();
    assert_ne!(a.voltages(), b.voltages());
    assert!(at_step(&network, 3, 12, &Variation { demand_pct: 100.0, source_pct: 0.0 }).is_err());
}

#[test]
fn the_forecast_is_rated_power_times_the_day() {
    let network = grid(8, 2, 4);
    let rated: f64 = network.loads.iter().map(|l| l.p_kw).sum();
    let forecast = profile_forecast(&network, 5, 24).expect("every hour has a solution");
    assert_eq!(forecast.hours.len(), 24);
    for hour in &forecast.hours {
        // Step s is the hour up to s + 1 o'clock; the day's first value is that of one o'clock.
        let of_day = crate::synthetic::build::DEFAULT_DAY[(5 + hour.ahead_h as usize) % 24];
        assert!((hour.p_kw - rated * of_day).abs() < 1e-6 * rated, "{hour:?}: {}", rated * of_day);
    }
}

#[test]
fn learnt_scores_stand_and_wrong_ones_are_refused() {
    let state = snapshot(&grid(8, 2, 1)).unwrap();
    let operator = Operator::new(&state, &crate::switching::usual_criteria(), false).unwrap();
    let learned = BTreeMap::from([("line.l3".to_owned(), 0.75), ("n4".to_owned(), 0.5)]);
    let s = scores(&operator, &learned).unwrap();
    let found = |name: &str| s.edges.iter().chain(&s.nodes).find(|s| s.name == name).unwrap();
    assert_eq!((found("line.l3").score, found("line.l3").origin), (0.75, Origin::Learned));
    assert_eq!((found("n4").score, found("n4").origin, found("n5").origin), (0.5, Origin::Learned, Origin::Rule));
    let wrong = BTreeMap::from([("line.l3".to_owned(), 1.5), ("line.none".to_owned(), 0.5)]);
    let Err(OperationsError::Option { found, .. }) = scores(&operator, &wrong) else { panic!("refused") };
    assert!(found.contains("line.l3 = 1.5") && found.contains("line.none"), "{found}");
}

#[test]
fn alerts_are_what_lies_beyond() {
    let mut network = grid(8, 2, 1);
    network.lines.iter_mut().for_each(|l| l.common.rating.normal_a = 20.0);
    let state = snapshot(&network).unwrap();
    let operator = Operator::new(&state, &crate::switching::usual_criteria(), false).unwrap();
    let t = telemetry(&operator, &scores(&operator, &BTreeMap::new()).unwrap(), 25.0);
    let found = alerts(&t, &Thresholds { v_min_pu: 1.01, ..Thresholds::default() });
    let over = t.edges.iter().filter(|e| e.i_a > 20.0).count();
    assert!(over > 0);
    assert_eq!(found.iter().filter(|a| a.kind == figures::AlertKind::Overload).count(), over);
    // At 25 C ambient the conductor is at its limit where the current is at its rating.
    assert_eq!(found.iter().filter(|a| a.kind == figures::AlertKind::Temperature).count(), over);
    assert_eq!(
        found.iter().filter(|a| a.kind == figures::AlertKind::Voltage).count(),
        t.nodes.iter().filter(|n| n.v_pu < Some(1.01)).count()
    );
    assert!(found.windows(2).all(|w| w[0].excess() >= w[1].excess()));
}

#[test]
fn a_picture_names_every_element_once() {
    let network = grid(12, 2, 3);
    let state = snapshot(&network).unwrap();
    let v = view(&state, crate::switching::Switches::Marked);
    assert_eq!((v.nodes.len(), v.edges.len()), (12, network.lines.len()));
    assert_eq!(v.nodes.iter().filter(|n| n.kind == NodeKind::Generator).count(), 2);
    assert!(v.edges.iter().all(|e| e.can_switch && e.rating_a.is_some()));
    assert_eq!(v.edges.iter().filter(|e| !e.is_closed).count(), network.lines.len() - 10);
}
