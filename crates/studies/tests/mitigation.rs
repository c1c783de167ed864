//! Mitigation against enumeration of every set of changes, and against a model changed by hand.

use formats::opendss::{FileSource, ReadOptions, read};
use network::{Network, SolutionMode};
use powerflow::Session;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use studies::hands::Hands;
use studies::mitigation::{Course, Kind, Mitigation, MitigationOptions, changed, run, tables};
use studies::time_series::{FeederResult, Keep, TimeSeriesOptions, run_feeder};

struct Disk;

impl FileSource for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, dir: &Path) -> std::io::Result<Vec<String>> {
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

fn case() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/mitigation/three_faults")
}

fn options(budget: Option<f64>) -> MitigationOptions {
    let costs = std::fs::read_to_string(case().join("costs.yaml")).expect("the catalogue");
    let keep = Keep { steps: false, episodes: true, meters: false, ..Keep::default() };
    let series = TimeSeriesOptions { mode: SolutionMode::Daily, steps: 24, keep, ..TimeSeriesOptions::default() };
    MitigationOptions {
        series,
        costs: formats::costs::read(&costs, "costs.yaml").expect("sound"),
        budget,
        candidates_max: 6,
        sets_max: 5000,
        hands: Hands::Threads(2),
    }
}

fn network(name: &str) -> Network {
    let read_options = ReadOptions { lenient: false, commands: Vec::new() };
    let mut network =
        read(&Disk, &case().join(name), &mut Session::new(), &read_options).map_err(|e| e.diagnostics).expect("sound").network;
    options(None).series.apply(&mut network.options);
    network
}

fn series(network: &Network) -> FeederResult {
    let mut state = Session::new().series_state(network, true).expect("it compiles");
    let o = options(None);
    run_feeder(&mut state, &o.series, &mut |_| ControlFlow::Continue(()), &mut |_| ControlFlow::Continue(())).expect("it runs")
}

/// Hours of violation of a series, added up by hand.
fn hours(r: &FeederResult) -> f64 {
    r.elements.iter().map(|e| e.hours_above_normal).sum::<f64>() + r.nodes.iter().map(|n| n.hours_below_a + n.hours_above_a).sum::<f64>()
}

fn studied(budget: Option<f64>) -> Mitigation {
    run(&network("master.dss"), &options(budget), &|_, _| ()).expect("a study")
}

/// Hours and cost of every set of helpful changes that may go together.
fn every_set(of: &Mitigation, base: &Network) -> Vec<(f64, f64)> {
    let useful: Vec<usize> = (0..of.candidates.len()).filter(|&c| of.candidates[c].benefit_h() > 0.0).collect();
    assert!((4..=14).contains(&useful.len()), "{} helpful changes", useful.len());
    let touches: Vec<_> = useful.iter().map(|&c| of.candidates[c].fix.touches()).collect();
    let mut all = Vec::new();
    for set in 0..1_u32 << useful.len() {
        let members: Vec<usize> = (0..useful.len()).filter(|i| set & 1 << i != 0).collect();
        let clash = members.iter().any(|&i| members.iter().any(|&j| i < j && touches[i].iter().any(|t| touches[j].contains(t))));
        if clash {
            continue;
        }
        let mut changed = base.clone();
        members.iter().for_each(|&i| {
            of.candidates[useful[i]].fix.apply(&mut changed);
        });
        all.push((hours(&series(&changed)), members.iter().map(|&i| of.candidates[useful[i]].cost).sum()));
    }
    all
}

#[test]
fn the_faults_are_found_and_hang_together_as_they_do() {
    let m = studied(None);
    let kinds: Vec<(Kind, usize)> = m.clusters.iter().map(|c| (c.kind, c.violations.len())).collect();
    assert!(m.clusters.len() == 3, "{kinds:?}");
    for kind in [Kind::Overload, Kind::LowVoltage] {
        assert!(kinds.iter().any(|k| k.0 == kind), "{kinds:?}");
    }
    let base = series(&network("master.dss"));
    assert!((m.base.total_h() - hours(&base)).abs() < 1e-9, "{} against {}", m.base.total_h(), hours(&base));
    let of = |name: &str| m.violations.iter().find(|v| v.thing == name).unwrap_or_else(|| panic!("{name} among {:?}", m.violations));
    assert!(of("line.first").worst > 100.0 && of("transformer.shop").worst > 100.0);
    assert!(m.violations.iter().filter(|v| v.kind == Kind::LowVoltage).all(|v| v.thing.starts_with("end.") && v.worst < 0.95));
}

#[test]
fn a_change_brings_what_the_changed_model_gives() {
    let m = studied(None);
    let by_hand = series(&network("mended.dss"));
    let mut changed = network("master.dss");
    let words = ["large in line.first", "500 kVA at transformer.shop"];
    for word in words {
        let c = m
            .candidates
            .iter()
            .find(|c| c.words == word)
            .unwrap_or_else(|| panic!("{word} among {:?}", m.candidates.iter().map(|c| c.words.as_str()).collect::<Vec<_>>()));
        assert!(c.fix.apply(&mut changed));
    }
    let ours = series(&changed);
    assert!((ours.totals.losses_kwh - by_hand.totals.losses_kwh).abs() < 1e-6 * by_hand.totals.losses_kwh);
    for (a, b) in ours.nodes.iter().zip(&by_hand.nodes) {
        assert_eq!(a.node, b.node);
        let (x, y) = (a.v_min_pu.expect("supplied"), b.v_min_pu.expect("supplied"));
        assert!((x - y).abs() < 1e-7, "{}: {x} against {y}", a.node);
    }
    for (a, b) in ours.elements.iter().zip(&by_hand.elements) {
        assert_eq!(a.element, b.element);
        assert!((a.loading_max_pct.unwrap_or(0.0) - b.loading_max_pct.unwrap_or(0.0)).abs() < 1e-4, "{}: {a:?} against {b:?}", a.element);
    }
    // By hand: 20 per kVA of 500 and 4000; 40000 a kilometre of half a kilometre.
    let cost = |word: &str| m.candidates.iter().find(|c| c.words == word).expect("as above").cost;
    assert_eq!((cost(words[0]), cost(words[1])), (20_000.0, 14_000.0));
}

#[test]
fn the_portfolio_is_the_best_set_within_the_budget() {
    let base = network("master.dss");
    let all = studied(None);
    let sets = every_set(&all, &base);
    let least = |budget: f64| sets.iter().filter(|s| s.1 <= budget).map(|s| s.0).fold(f64::INFINITY, f64::min);
    for budget in [4000.0, 12_000.0, 30_000.0, 60_000.0, f64::INFINITY] {
        let m = studied(budget.is_finite().then_some(budget));
        let best = least(budget);
        let Some(p) = &m.portfolio else {
            assert!(best >= m.base.total_h() - 1e-6, "{budget}: nothing was chosen, {best} h are left by the best set");
            continue;
        };
        assert!(p.cost <= budget, "{budget}: {} is spent", p.cost);
        let left = hours(&series(&changed(&base, &m).expect("a portfolio")));
        assert!((left - p.course.total_h()).abs() < 1e-9, "{budget}: told {}, solved {left}", p.course.total_h());
        assert!(left <= best + 1e-6, "{budget}: {left} h are left, the best set leaves {best}");
        assert!(p.is_best, "{budget}: the sets are few enough");
        // Of the many sets of a large network only some are solved: the search must come near.
        let few =
            run(&base, &MitigationOptions { sets_max: 20, ..options(budget.is_finite().then_some(budget)) }, &|_, _| ()).expect("a study");
        let mended = few.portfolio.as_ref().map_or(0.0, |f| m.base.total_h() - f.course.total_h());
        assert!(mended >= 0.85 * (m.base.total_h() - best), "{budget}: a short search mends {mended} h of {} h", m.base.total_h() - best);
        let cheapest = sets.iter().filter(|s| s.0 <= best + 1e-6).map(|s| s.1).fold(f64::INFINITY, f64::min);
        assert!(p.cost <= cheapest + 1e-6, "{budget}: {} is spent where {cheapest} would do", p.cost);
    }
}

#[test]
fn threads_change_nothing_and_missing_figures_are_told() {
    let base = network("master.dss");
    let words = |m: &Mitigation| m.candidates.iter().map(|c| (c.words.clone(), c.benefit_h(), c.cost)).collect::<Vec<_>>();
    let one = run(&base, &MitigationOptions { hands: Hands::Threads(1), ..options(Some(30_000.0)) }, &|_, _| ()).expect("a study");
    let two = studied(Some(30_000.0));
    assert_eq!(words(&one), words(&two));
    assert_eq!(one.portfolio.map(|p| p.chosen), two.portfolio.map(|p| p.chosen));
    let mut poor = options(None);
    (poor.costs.conductor_per_km, poor.costs.battery_per_kw, poor.costs.battery_per_kwh) = (None, None, None);
    let m = run(&base, &poor, &|_, _| ()).expect("a study");
    let names: Vec<&str> = m.without_cost.iter().map(|w| w.0).collect();
    assert_eq!(names, ["battery_per_kwh", "conductor_per_km"]);
    assert!(m.candidates.iter().all(|c| !c.words.contains("large in")));
}

#[test]
fn a_sound_network_needs_nothing() {
    let mut sound = network("mended.dss");
    sound.loads.iter_mut().for_each(|l| l.p_kw *= 0.2);
    sound.loads.iter_mut().for_each(|l| l.q_kvar *= 0.2);
    let m = run(&sound, &options(None), &|_, _| ()).expect("a study");
    assert!(m.violations.is_empty() && m.candidates.is_empty() && m.portfolio.is_none());
    assert_eq!(m.base.total_h(), Course::default().total_h());
}

#[test]
fn every_column_is_documented() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/methods/mitigation.md")).expect("the page");
    for (name, columns) in tables::ALL {
        assert!(page.contains(&format!("`{name}`")), "table {name}");
        for c in *columns {
            assert!(page.contains(&format!("`{}`", c.name)), "column {} of {name}", c.name);
        }
    }
}
