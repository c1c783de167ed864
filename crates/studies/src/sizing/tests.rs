//! The programme against enumeration, the claims of `learn` against plants that were studied, the sample against itself.

use super::learn::Teacher;
use super::plant::{pattern, set_count};
use super::problem::{Choice, Problem, What};
use super::programme::{Bound, Clause, has_capacity, solve};
use super::*;
use crate::synthetic::random::Random;
use formats::exchange::{read_design, read_sizing, sample_design, samples};
use network::design::sizing::BreakerClass;

fn sample() -> SizingBrief {
    read_sizing(samples::SIZING, samples::SIZING_NAME, sample_design).expect("the sample is sound").0
}

/// Every choice, in rising cost; what holds beforehand is met.
fn all(problem: &Problem<'_>) -> Vec<Choice> {
    let mut found = Vec::new();
    for layout in 0..problem.grounds.len() {
        let mut values: Vec<Vec<u32>> = vec![Vec::new()];
        for v in &problem.variables {
            values = values.into_iter().flat_map(|head| (v.min..=v.max).map(move |x| [head.clone(), vec![x]].concat())).collect();
        }
        found.extend(values.into_iter().map(|values| Choice { layout, values }));
    }
    let is_there = |c: &Choice| {
        problem.variables.iter().zip(&c.values).all(|(v, x)| match v.what {
            What::Units(u) => *x == 0 || problem.grounds[c.layout].patterns[u].is_some(),
            _ => true,
        })
    };
    found.retain(|c| has_capacity(problem, c) && is_there(c));
    found.sort_by(|a, b| problem.cost(a).total.total_cmp(&problem.cost(b).total));
    found
}

/// A brief that can be enumerated.
fn small() -> SizingBrief {
    let mut brief = sample();
    brief.units[0].max = 13;
    brief.units[1].max = 7;
    brief.units.truncate(2);
    brief.breakers[0].classes =
        vec![BreakerClass { breaking_ka: 63.0, cost: 110_000.0 }, BreakerClass { breaking_ka: 100.0, cost: 400_000.0 }];
    brief.breakers.truncate(1);
    (brief.transformers, brief.cables, brief.taps) = (Vec::new(), Vec::new(), Vec::new());
    brief
}

#[test]
fn the_programme_is_the_cheapest_of_all() {
    let mut random = Random::new(7, 1, 0);
    for trial in 0..25 {
        let mut brief = small();
        brief.requirements.n_k = random.whole(0, 3) as u32;
        brief.requirements.reserve_pct = random.between(0.0, 40.0);
        for u in &mut brief.units {
            u.capital_cost *= random.between(0.5, 1.5);
            u.energy_cost_per_mwh = Some(random.between(20.0, 80.0));
        }
        brief.layouts[1].capital_cost = random.between(0.0, 5e7);
        let problem = Problem::new(&brief, "SYSTEM").expect("a problem");
        let clauses: Vec<Clause> = (0..random.whole(0, 6))
            .map(|_| {
                let any = (0..problem.variables.len()).filter(|_| random.chance(0.7)).collect::<Vec<_>>();
                let bound = |v: usize, random: &mut Random| {
                    let b = random.whole(problem.variables[v].min as i32, problem.variables[v].max as i32) as u32;
                    if random.chance(0.6) { Bound::AtLeast(b) } else { Bound::AtMost(b) }
                };
                let layout = random.chance(0.5).then(|| random.whole(0, 1) as usize);
                Clause { family: Family::Availability, layout, any: any.into_iter().map(|v| (v, bound(v, &mut random))).collect() }
            })
            .collect();
        let expected = all(&problem).into_iter().find(|c| clauses.iter().all(|k| k.holds(c)));
        let found = solve(&problem, &clauses, None).expect("solved");
        match (&expected, &found) {
            (Some(e), Some(f)) => {
                assert!(has_capacity(&problem, f) && clauses.iter().all(|c| c.holds(f)), "trial {trial}: {f:?}");
                let (e, f) = (problem.cost(e).total, problem.cost(f).total);
                assert!((e - f).abs() <= 1e-6 * e, "trial {trial}: {e} and {f}");
            }
            (None, None) => {}
            _ => panic!("trial {trial}: {expected:?} and {found:?}"),
        }
    }
}

/// The cheapest plant that passes, by studying one after the other.
#[test]
fn no_cheaper_plant_passes() {
    let mut brief = small();
    // Without the station transformer's spare no plant is available enough; with it this is about units and breakers.
    brief.units.push(sample().units.remove(3));
    let criteria = Criteria::default();
    brief.layouts.truncate(1);
    brief.requirements.accept_warnings = true;
    let problem = Problem::new(&brief, "SYSTEM").expect("a problem");
    let passes = |c: &Choice| problem.build(c).is_ok_and(|d| study(&brief, &d, &criteria).is_ok_and(|j| j.failures.is_empty()));
    let expected = all(&problem).into_iter().find(passes);
    let sized = run(&brief, &criteria, &SizingOptions::default(), |_| true).expect("sized");
    match expected {
        Some(e) => {
            assert_eq!(sized.status, SizingStatus::AllPass);
            let cost = sized.rounds.last().and_then(|r| r.cost).expect("a cost").total;
            let e = problem.cost(&e).total;
            assert!((cost - e).abs() <= 1e-9 * e, "{cost} and {e}");
        }
        None => assert_eq!(sized.status, SizingStatus::Infeasible),
    }
}

/// Availability does not fall, and no duty either, with one more of anything; a stronger class does not fail where a weaker passes.
#[test]
fn failures_spread_as_they_are_said_to() {
    let brief = small();
    let criteria = Criteria::default();
    let problem = Problem::new(&brief, "SYSTEM").expect("a problem");
    let teacher = Teacher::new(&problem, &criteria);
    let mut random = Random::new(11, 2, 0);
    for _ in 0..40 {
        let mut less = Choice { layout: random.whole(0, 1) as usize, values: vec![0; problem.variables.len()] };
        let mut more = less.clone();
        for v in 0..2 {
            let max = problem.variables[v].max as i32;
            let low = random.whole(0, max - 1);
            less.values[v] = low as u32;
            more.values[v] = random.whole(low, max) as u32;
        }
        if less.values[..2].iter().sum::<u32>() == 0 {
            continue;
        }
        if teacher.is_unavailable(&more) == Some(true) {
            assert_eq!(teacher.is_unavailable(&less), Some(true), "{less:?} {more:?}");
        }
        let stressed = |c: &Choice| teacher.overstressed(c).is_some_and(|b| !b.is_empty());
        assert!(!stressed(&less) || stressed(&more), "{less:?} {more:?}");
        let mut strong = less.clone();
        strong.values[2] = 1;
        assert!(stressed(&less) || !stressed(&strong), "{less:?}");
    }
}

#[test]
fn the_sample_fails_first_and_passes_in_the_end() {
    let brief = sample();
    let criteria = Criteria::default();
    let sized = run(&brief, &criteria, &SizingOptions::default(), |_| true).expect("sized");
    assert_eq!(sized.status, SizingStatus::AllPass, "{:?}", sized.rounds.last());
    let failed = |id: &str| sized.rounds[0].stages.iter().any(|s| s.id == id && s.verdict == Verdict::Fail);
    assert!(failed("2b") && failed("3"), "{:?}", sized.rounds[0].stages);
    // Costs rise: each round is the cheapest that the constraints so far leave.
    let costs: Vec<f64> = sized.rounds.iter().filter_map(|r| r.cost.map(|c| c.total)).collect();
    assert!(costs.windows(2).all(|w| w[0] <= w[1] * (1.0 + 1e-6)), "{costs:?}");
    // Judged anew from the document that would be handed out.
    let text = formats::exchange::write_design(sized.design.as_ref().expect("a design"));
    let (design, _) = read_design(&text, "sized").expect("reads back");
    let judged = study(&brief, &design, &criteria).expect("studied");
    assert_eq!((judged.acceptance.overall, judged.own.is_incomplete()), (Verdict::Pass, false));
    // Blocks of the plant's demand, its own load too, promise no more than adding up the megawatts of the load does.
    let exact = judged.own.ram.expect("availability");
    assert!(!exact.by_capacity.is_empty());
    for f in &exact.by_capacity {
        let by_count = exact.blocks.iter().find(|b| b.id == f.id).expect("the same block");
        assert!(by_count.availability <= f.availability + 1e-12, "{} {} {}", f.id, by_count.availability, f.availability);
    }
}

#[test]
fn what_cannot_be_is_proven_and_told() {
    let mut brief = sample();
    brief.layouts.truncate(1);
    brief.transformers.clear();
    brief.breakers.truncate(1);
    brief.breakers[0].classes.truncate(5);
    let sized = run(&brief, &Criteria::default(), &SizingOptions::default(), |_| true).expect("sized");
    assert_eq!((sized.status, sized.design.is_none()), (SizingStatus::Infeasible, true));
    let without = |f: Family| sized.relaxations.iter().find(|r| r.without == f);
    assert!(without(Family::FaultLevel).is_some_and(|r| r.cost.is_some()), "{:?}", sized.relaxations);
}

#[test]
fn units_come_and_go_with_their_bays() {
    let (design, _) = read_design(samples::DESIGN, samples::DESIGN_NAME).expect("sound");
    let p = pattern(&design, "GEN_RECIP_01").expect("a pattern");
    assert_eq!((p.units.len(), p.rated_mw), (8, 18.3));
    assert_eq!(
        (&p.bays[0].buses[..], &p.bays[0].branches[..], &p.bays[0].breakers[..]),
        (&["BUS_100".to_owned()][..], &["CBL_RECIP_01".to_owned()][..], &["CB_RECIP_01".to_owned()][..])
    );
    let mut more = design.clone();
    let units = set_count(&mut more, &p, 10).expect("room");
    assert_eq!(units[9].0, "GEN_RECIP_10");
    let new = more.generators.iter().find(|g| g.id == "GEN_RECIP_10").expect("a copy");
    assert_eq!((new.name.as_str(), new.bus.as_str()), ("Recip Engine 10", "BUS_212"));
    let cable = more.cables.iter().find(|c| c.id == "CBL_RECIP_10").expect("its feeder");
    assert_eq!((cable.from_bus.as_str(), cable.to_bus.as_str()), ("BUS_212", "BUS_200"));
    assert!(more.breakers.iter().any(|b| b.id == "CB_RECIP_10" && b.bus == "BUS_212" && b.protects == "GEN_RECIP_10"));
    let mut fewer = design.clone();
    set_count(&mut fewer, &p, 3).expect("room");
    assert_eq!((fewer.generators.len(), fewer.buses.len(), fewer.cables.len()), (5, design.buses.len() - 5, design.cables.len() - 5));
    for changed in [&more, &fewer] {
        let errors: Vec<_> =
            changed.check().into_iter().filter(|d| d.severity == network::Severity::Error && !d.code.contains("BLOCK")).collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert!(changed.network().is_ok() || !changed.check().is_empty());
    }
    // Behind a transformer the bay goes up to the main bus.
    let (stepped, _) = read_design(samples::DESIGN_34KV, "design_34kv.yaml").expect("sound");
    let p = pattern(&stepped, "GEN_GT_01").expect("a pattern");
    assert_eq!(p.bays[0].components, ["GEN_GT_01", "XFMR_GT_01"]);
    assert_eq!(p.bays[0].breakers, ["CB_GT_01", "CB_GT_01_H"]);
}

#[test]
fn what_is_wrong_with_a_brief_is_told_at_once() {
    let mut brief = sample();
    brief.units[0].like = "GEN_NOWHERE".to_owned();
    brief.units[1].max = 0;
    brief.breakers[0].classes.reverse();
    brief.economics.load_factor = 2.0;
    brief.taps[0].id = "gt".to_owned();
    let faults = run(&brief, &Criteria::default(), &SizingOptions::default(), |_| true).expect_err("refused");
    let messages: Vec<&str> = faults.iter().map(|d| d.message.as_str()).collect();
    for expected in ["from 0 to 0 units", "its classes do not rise", "load_factor is 2", "stands twice"] {
        assert!(messages.iter().any(|m| m.contains(expected)), "{expected}: {messages:?}");
    }
    let mut brief = sample();
    brief.units[0].like = "GEN_NOWHERE".to_owned();
    brief.breakers[0].rated_kv = 6.6;
    brief.taps[0].like = "XFMR_NOWHERE".to_owned();
    let faults = run(&brief, &Criteria::default(), &SizingOptions::default(), |_| true).expect_err("refused");
    assert_eq!(faults.iter().filter(|d| d.code == "EXCHANGE.SIZING.PATTERN").count(), 3, "{faults:?}");
}
