//! Simulation: around the exact result as often as its intervals promise, the same on any number of threads, and right where only closed forms speak.

use super::{block, component, diagrams};
use network::availability::{
    Block, BlockKind, CommonCause, Component, Crews, Diagram, Lifetime, Maintenance, RepairTime, Spares, Switching,
};
use studies::availability::{ExactOptions, Reading, SimulationOptions, analyse, simulate};
use studies::hands::Hands;

fn options(seed: u64, histories: u32, mission_years: u32) -> SimulationOptions {
    SimulationOptions { seed, histories, mission_years, warm_up_years: 1, ..SimulationOptions::default() }
}

/// Of so many seeds, how many intervals hold the truth: availability and failures a year.
fn coverage(d: &Diagram, availability: f64, per_year: Option<f64>, seeds: u64, o: &SimulationOptions) -> (usize, usize) {
    let (mut a, mut f) = (0, 0);
    for seed in 0..seeds {
        let s = simulate(d, &SimulationOptions { seed, ..o.clone() }, &Hands::Threads(1)).unwrap();
        a += usize::from(s.availability.holds(availability));
        f += usize::from(per_year.is_none_or(|x| s.failures_per_year.holds(x)));
    }
    (a, f)
}

/// Bounds of a count of `n` draws that each hold with 95 %: three and a half standard deviations.
fn is_95_percent(count: usize, n: u64) -> bool {
    let spread = 3.5 * (n as f64 * 0.95 * 0.05).sqrt();
    (count as f64 - 0.95 * n as f64).abs() <= spread
}

fn held_to_exact(what: &str, d: &Diagram, seeds: u64, o: &SimulationOptions) {
    let e = analyse(d, &ExactOptions { reading: o.reading, ..ExactOptions::default() }).unwrap();
    let s = e.system();
    let (a, f) = coverage(d, s.availability, s.failures_per_year, seeds, o);
    println!("{what}: availability within {a}, failures within {f} of {seeds} intervals of 95 %");
    assert!(is_95_percent(a, seeds) && is_95_percent(f, seeds), "{what}: {a} and {f} of {seeds}");
}

fn three() -> Vec<Component> {
    ["a", "b", "c"].iter().map(|id| component(id, 1000.0, 50.0)).collect()
}

#[test]
fn intervals_hold_the_exact_result_as_often_as_they_say() {
    let d = Diagram {
        components: three(),
        blocks: vec![Block { k_required: Some(2), ..block("p", BlockKind::ParallelKOfN, &["a", "b", "c"]) }],
        ..Diagram::default()
    };
    held_to_exact("2 of 3", &d, 300, &options(0, 40, 4));
    // Shared members and a common cause; the bridge would fail too seldom with better parts.
    let mut bridge = Diagram::default();
    for (i, id) in ["c1", "c2", "c3", "c4", "c5"].iter().enumerate() {
        bridge.components.push(component(id, 800.0 + 100.0 * i as f64, 40.0));
    }
    for (id, members) in
        [("p1", &["c1", "c2"][..]), ("p2", &["c3", "c4"][..]), ("p3", &["c1", "c5", "c4"][..]), ("p4", &["c3", "c5", "c2"][..])]
    {
        bridge.blocks.push(block(id, BlockKind::Series, members));
    }
    bridge.blocks.push(block("bridge", BlockKind::Parallel, &["p1", "p2", "p3", "p4"]));
    bridge.common_causes.push(CommonCause { id: "cc".into(), beta: 0.1, members: vec!["c1".into(), "c3".into()] });
    held_to_exact("bridge with a common cause", &bridge, 200, &options(0, 40, 4));
}

#[test]
fn crews_and_standby_are_what_their_chains_say() {
    let mut crew = Diagram { components: three(), ..Diagram::default() };
    crew.components.iter_mut().for_each(|c| c.crew = Some("one".into()));
    crew.crews.push(Crews { id: "one".into(), number: 1 });
    crew.blocks.push(Block { k_required: Some(2), ..block("p", BlockKind::ParallelKOfN, &["a", "b", "c"]) });
    held_to_exact("2 of 3 with one crew", &crew, 200, &options(0, 40, 4));
    let mut standby = crew.clone();
    standby.blocks[0].kind = BlockKind::Standby;
    standby.blocks[0].k_required = Some(1);
    standby.blocks[0].switching = Some(Switching { success: 0.8, standby_factor: 0.3, manual_h: Some(6.0) });
    held_to_exact("standby with switching that fails and one crew", &standby, 200, &options(0, 40, 4));
    standby.blocks[0].switching = Some(Switching { success: 0.7, standby_factor: 0.0, manual_h: None });
    standby.blocks[0].k_required = Some(2);
    held_to_exact("two of three running, cold standby, one crew", &standby, 200, &options(0, 40, 4));
}

#[test]
fn only_means_matter_for_independent_parts() {
    let mut d = Diagram {
        components: three(),
        blocks: vec![Block { k_required: Some(2), ..block("p", BlockKind::ParallelKOfN, &["a", "b", "c"]) }],
        ..Diagram::default()
    };
    d.components[0].lifetime = Lifetime::Weibull { beta: 2.5, eta_h: None };
    d.components[1].lifetime = Lifetime::Weibull { beta: 0.8, eta_h: None };
    d.components[1].repair = RepairTime::LogNormal { sigma: 1.0 };
    d.components[2].repair = RepairTime::Constant;
    held_to_exact("Weibull, log-normal, constant", &d, 200, &SimulationOptions { warm_up_years: 3, ..options(0, 40, 4) });
}

#[test]
fn the_plant_of_a_design_is_simulated_in_both_readings() {
    let d = &diagrams()["plant"];
    let exact = analyse(d, &ExactOptions::default()).unwrap();
    let by_capacity = exact.by_capacity.iter().find(|f| f.id == "SYSTEM").unwrap();
    let o = SimulationOptions { warm_up_years: 15, ..options(3, 400, 20) };
    for (reading, expected) in [(Reading::Count, exact.system()), (Reading::Capacity, by_capacity)] {
        let s = simulate(d, &SimulationOptions { reading, ..o.clone() }, &Hands::Threads(2)).unwrap();
        println!("{reading:?}: {:?} around {}", s.availability, expected.availability);
        assert!(s.availability.holds(expected.availability) && s.failures_per_year.holds(expected.failures_per_year.unwrap()));
        assert!(s.availability.high - s.availability.low < 0.5 * expected.unavailability, "an interval that says something");
        let last = s.convergence.last().unwrap();
        assert_eq!((last.histories, last.availability), (400, s.availability));
        assert!(s.convergence.len() > 4 && s.convergence.windows(2).all(|w| w[0].histories < w[1].histories));
        assert_eq!(s.years.iter().map(|b| b.years).sum::<u64>(), 400 * 20);
    }
}

#[test]
fn threads_change_nothing_and_seeds_do() {
    let mut d = diagrams()["plant_battery"].clone();
    d.crews.push(Crews { id: "crew".into(), number: 1 });
    d.components.iter_mut().for_each(|c| c.crew = Some("crew".into()));
    d.components[0].maintenance = Some(Maintenance { interval_h: 2000.0, duration_h: 24.0, first_h: None, renews: true });
    let run = |threads, seed| simulate(&d, &options(seed, 50, 10), &Hands::Threads(threads)).unwrap();
    let one = run(1, 7);
    for threads in [2, 3, 7] {
        let other = run(threads, 7);
        assert_eq!(
            (other.availability, other.failures, &other.years, &other.convergence),
            (one.availability, one.failures, &one.years, &one.convergence)
        );
        assert_eq!(other.years_p50_p90_p95_p99_max_h.map(f64::to_bits), one.years_p50_p90_p95_p99_max_h.map(f64::to_bits));
    }
    assert_ne!(run(1, 8).availability, one.availability);
}

#[test]
fn a_repair_that_waits_for_its_spare_takes_so_much_longer() {
    // None on the shelf: every repair waits for the delivery ordered when it failed.
    let mut d = Diagram {
        components: vec![component("a", 1000.0, 20.0)],
        blocks: vec![block("p", BlockKind::Series, &["a"])],
        ..Diagram::default()
    };
    d.components[0].spares = Some("shelf".into());
    d.spares.push(Spares { id: "shelf".into(), number: 0, lead_time_h: 130.0 });
    let (a, f) = coverage(&d, 1000.0 / 1150.0, Some(8760.0 / 1150.0), 200, &options(0, 40, 4));
    assert!(is_95_percent(a, 200) && is_95_percent(f, 200), "{a} {f}");
    // One on the shelf and a short way: a spare is there unless the last failure is younger than the lead time. With repairs of a constant 20 h and
    // exponential lives, the next failure comes before the delivery with probability 1 - exp(-(130 - 20) / 1000), and waits for the rest of it.
    d.spares[0].number = 1;
    d.components[0].repair = RepairTime::Constant;
    // Waiting after a failure at age x < 110 h is 110 - x; it makes the next age count from an older order, which the recursion below carries on.
    let expected = one_spare(1000.0, 20.0, 130.0);
    let (a, _) = coverage(&d, expected, None, 200, &options(0, 40, 4));
    assert!(is_95_percent(a, 200), "{a} around {expected}");
    // Enough of them: as without a stock.
    d.spares[0].number = 1000;
    let (a, _) = coverage(&d, 1000.0 / 1020.0, None, 100, &options(0, 40, 4));
    assert!(is_95_percent(a, 100), "{a}");
}

/// Availability of one unit with one spare: exponential life `m`, constant repair `r`, lead time `l`, one order a failure.
///
/// With one on the shelf failure `n` uses what was ordered at failure `n - 1`, which comes `l` after it. Between two failures pass the wait `W(n-1)`, the
/// repair and the life, so `W(n) = max(0, l - W(n-1) - r - X)`. The mean of `W` in steady state by iteration of its distribution on a fine grid.
fn one_spare(m: f64, r: f64, l: f64) -> f64 {
    let n = 220;
    let step = (l - r) / n as f64;
    // Probability that the wait is zero, and its mass in cells (i, i + 1] of the grid.
    let (mut none, mut cells) = (1.0, vec![0.0; n]);
    for _ in 0..30 {
        let (mut next_none, mut next) = (0.0, vec![0.0; n]);
        let starts = std::iter::once((0.0, none)).chain(cells.iter().enumerate().map(|(i, p)| ((i as f64 + 0.5) * step, *p)));
        for (w, p) in starts {
            let most = l - r - w;
            next_none += p * (-most.max(0.0) / m).exp();
            for (i, cell) in next.iter_mut().enumerate() {
                // The wait lies in the cell where the life lies between most - upper and most - lower.
                let (to, from) = ((most - i as f64 * step).max(0.0), (most - (i + 1) as f64 * step).max(0.0));
                *cell += p * ((-from / m).exp() - (-to / m).exp());
            }
        }
        (none, cells) = (next_none, next);
    }
    let wait: f64 = cells.iter().enumerate().map(|(i, p)| (i as f64 + 0.5) * step * p).sum();
    m / (m + r + wait)
}

#[test]
fn planned_maintenance_takes_its_hours() {
    let mut d = Diagram {
        components: vec![component("a", 1e9, 1.0), component("b", 1e9, 1.0)],
        blocks: vec![block("p", BlockKind::Series, &["a", "b"])],
        ..Diagram::default()
    };
    d.components[0].maintenance = Some(Maintenance { interval_h: 1000.0, duration_h: 10.0, first_h: None, renews: false });
    let o = SimulationOptions { histories: 20, mission_years: 10, ..SimulationOptions::default() };
    // Alone it begins at 500 h and comes 88 times in ten years.
    let s = simulate(&d, &o, &Hands::Threads(1)).unwrap();
    assert!((s.downtime_h_per_year.mean - 88.0).abs() < 1e-6, "{:?}", s.downtime_h_per_year);
    assert_eq!(s.failures, 20 * 88);
    // Two of them take turns, so a plant that needs one of them never stops.
    d.components[1].maintenance = d.components[0].maintenance;
    d.blocks[0].kind = BlockKind::Parallel;
    let s = simulate(&d, &o, &Hands::Threads(1)).unwrap();
    assert_eq!(s.failures, 0);
    // What is renewed before it wears out hardly fails: 3.8 % of the time down alone, and 0.7 % with its maintenance counted.
    let mut worn = Diagram {
        components: vec![component("a", 5000.0, 200.0)],
        blocks: vec![block("p", BlockKind::Series, &["a"])],
        ..Diagram::default()
    };
    worn.components[0].lifetime = Lifetime::Weibull { beta: 4.0, eta_h: None };
    let down = |d: &Diagram| simulate(d, &o, &Hands::Threads(1)).unwrap().downtime_h_per_year.mean;
    let alone = down(&worn);
    worn.components[0].maintenance = Some(Maintenance { interval_h: 2000.0, duration_h: 10.0, first_h: None, renews: true });
    assert!(down(&worn) * 4.0 < alone, "{} {alone}", down(&worn));
}

#[test]
fn a_plant_that_did_not_fail_is_not_said_to_be_perfect() {
    let d =
        Diagram { components: vec![component("a", 1e9, 1.0)], blocks: vec![block("p", BlockKind::Series, &["a"])], ..Diagram::default() };
    let s = simulate(&d, &options(1, 20, 5), &Hands::Threads(1)).unwrap();
    assert_eq!(s.findings.iter().map(|f| f.code.as_str()).collect::<Vec<_>>(), ["RAM.SIMULATION.NO_FAILURES"]);
    assert!((s.failures_per_year.high - 3.0 / 100.0).abs() < 1e-4 && s.availability.low == 0.0 && s.mean_down_h.is_none());
}

#[test]
fn what_cannot_be_simulated_is_refused() {
    let mut d = Diagram { components: three(), blocks: vec![block("p", BlockKind::Series, &["a", "b", "c"])], ..Diagram::default() };
    (d.components[0].mtbf_h, d.components[0].mttr_h) = (None, None);
    d.components[0].availability = network::availability::Printed::parse("0.99");
    let e = simulate(&d, &SimulationOptions { histories: 3, ..SimulationOptions::default() }, &Hands::Threads(1)).unwrap_err();
    let codes: Vec<&str> = e.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["RAM.SIMULATION.OPTIONS", "RAM.SIMULATION.NO_MTBF"]);
}

#[test]
fn what_the_exact_result_leaves_out_is_told() {
    let mut d = Diagram { components: three(), blocks: vec![block("p", BlockKind::Series, &["a", "b", "c"])], ..Diagram::default() };
    d.components[0].crew = Some("crew".into());
    d.components[1].crew = Some("crew".into());
    d.crews.push(Crews { id: "crew".into(), number: 1 });
    d.components[1].spares = Some("shelf".into());
    d.spares.push(Spares { id: "shelf".into(), number: 1, lead_time_h: 100.0 });
    d.components[2].maintenance = Some(Maintenance { interval_h: 2000.0, duration_h: 24.0, first_h: None, renews: false });
    let codes: Vec<String> = analyse(&d, &ExactOptions::default()).unwrap().findings.into_iter().map(|f| f.code).collect();
    assert_eq!(codes, ["RAM.EXACT.CREWS", "RAM.EXACT.SPARES", "RAM.EXACT.MAINTENANCE"]);
}
