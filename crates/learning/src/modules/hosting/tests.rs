use super::*;
use crate::module::{Settings, Values, apply, fit};
use crate::modules::common::tests::{asked, fitted, frame};
use crate::modules::rows::tests::column;
use powerflow::Session;
use proptest::prelude::*;
use studies::hosting::{HostingOptions, Method, run};
use studies::synthetic::Utility;
use studies::synthetic::random::Random;

/// What was planted: a voltage rise of 3 % bounds a stiff bus, the rating a strong one; each feeder has its own level.
fn truth(r_ohm: f64, rating_kva: f64) -> f64 {
    let by_voltage = 0.03 * 12.47_f64.powi(2) * 1000.0 / r_ohm;
    by_voltage.min(rating_kva)
}

fn planted(feeders: usize, buses: usize, seed: u64) -> Vec<(&'static str, Values)> {
    let mut r = Random::new(seed, 3, 0);
    let (mut bus, mut feeder, mut hosting) = (Vec::new(), Vec::new(), Vec::new());
    let mut x = vec![Vec::new(); 3];
    for f in 0..feeders {
        let (level, rating) = (r.log_normal(1.0, 0.05), [2000.0, 4000.0, 8000.0, 10_000.0][r.whole(0, 3) as usize]);
        for b in 0..buses {
            let km = r.between(0.3, 9.0);
            let r_ohm = km * r.between(0.2, 0.7);
            bus.push(format!("f{f}b{b}"));
            feeder.push(format!("f{f}"));
            hosting.push(truth(r_ohm, rating) * level * r.log_normal(1.0, 0.05));
            x.iter_mut().zip([km, r_ohm, rating]).for_each(|(c, v)| c.push(v));
        }
    }
    let [km, r_ohm, rating] = <[Vec<f64>; 3]>::try_from(x).unwrap();
    vec![
        ("bus", Values::Text(bus)),
        ("feeder", Values::Text(feeder)),
        ("hosting_kw", Values::Number(hosting)),
        ("distance_km", Values::Number(km)),
        ("r_ohm", Values::Number(r_ohm)),
        ("rating_kva", Values::Number(rating)),
    ]
}

fn buses(columns: Vec<(&str, Values)>) -> Vec<(&str, Frame)> {
    vec![("buses", frame(&ABOUT, "buses", columns))]
}

fn numbers(answer: &Answer, name: &str) -> Vec<Option<f64>> {
    column(answer, "capacities", name).iter().map(|v| if let Value::Number(x) = v { Some(*x) } else { None }).collect()
}

#[test]
fn capacities_of_feeders_never_seen_lie_within_their_intervals() {
    let answer = fitted(&HostingSurrogate, buses(planted(24, 40, 1)), &[]).unwrap();
    println!("{}", answer.headline);
    let model = answer.model.as_ref().unwrap();
    model.card.metrics.iter().for_each(|m| println!("{:36} {:.3} {:?} {:?} {:?}", m.name, m.value, m.low, m.high, m.baseline));
    model.card.calibration.iter().for_each(|c| println!("said {:.2} came {:.3} of {}", c.said, c.came, c.rows));
    let figure = |name: &str| answer.figures.iter().find(|f| f.name == name).unwrap().value;
    assert!(figure("mae_kw") < 0.25 * figure("mae_of_mean_kw"), "{:?}", answer.figures);
    assert!((figure("coverage_pct") - 90.0).abs() < 6.0, "{:?}", answer.figures);
    assert!(figure("r2") > 0.9);
    // New feeders, whose truth is known: the promise and the error hold there too.
    let new = buses(planted(24, 40, 2));
    let actual = new[0].1.number("hosting_kw").to_vec();
    let said = asked(&HostingSurrogate, model, new).unwrap();
    let (mean, low, high) = (numbers(&said, "hosting_kw"), numbers(&said, "low_kw"), numbers(&said, "high_kw"));
    let rows: Vec<usize> = (0..actual.len()).filter(|&i| mean[i].is_some()).collect();
    let within = rows.iter().filter(|&&i| low[i].unwrap() <= actual[i] && actual[i] <= high[i].unwrap()).count() as f64 / rows.len() as f64;
    let off = rows.iter().map(|&i| (mean[i].unwrap() - actual[i]).abs()).sum::<f64>() / rows.len() as f64;
    println!("new feeders: {} of {} answered, {:.1} % within, off by {off:.1} kW", rows.len(), actual.len(), 100.0 * within);
    assert!(rows.len() > 900 && (within - 0.9).abs() < 0.06, "{within}");
    assert!(off < 1.5 * figure("mae_kw"), "{off}");
}

#[test]
fn what_is_far_or_wide_is_sent_to_the_study() {
    let model = fitted(&HostingSurrogate, buses(planted(12, 40, 3)), &[]).unwrap().model.unwrap();
    let ask = |km: f64, r_ohm: f64| {
        vec![
            ("bus", Values::Text(vec!["new".into()])),
            ("distance_km", Values::Number(vec![km])),
            ("r_ohm", Values::Number(vec![r_ohm])),
            ("rating_kva", Values::Number(vec![4000.0])),
        ]
    };
    let far = asked(&HostingSurrogate, &model, buses(ask(30.0, 1.0))).unwrap();
    assert_eq!(*column(&far, "capacities", "run_study")[0], Value::Flag(true));
    assert_eq!(*column(&far, "capacities", "why")[0], Value::Text("outside of training: distance_km".into()));
    assert_eq!(numbers(&far, "hosting_kw"), [None]);
    assert_eq!(far.notes[0].code, "LEARN.DATA.OUTSIDE");
    let near = asked(&HostingSurrogate, &model, buses(ask(5.0, 2.5))).unwrap();
    assert_eq!(*column(&near, "capacities", "run_study")[0], Value::Flag(false), "{near:?}");
    // The same with an interval that may not be as wide.
    let told = BTreeMap::from([("widest_kw".to_owned(), "1".to_owned())]);
    let settings = Settings::read(ABOUT.settings, &told).unwrap();
    let tables = buses(ask(5.0, 2.5)).into_iter().map(|(n, t)| (n.to_owned(), t)).collect();
    let strict = apply(&HostingSurrogate, &model, &Question { tables, networks: BTreeMap::new(), settings: &settings }).unwrap();
    assert_eq!(*column(&strict, "capacities", "run_study")[0], Value::Flag(true));
    let mut less = ask(5.0, 2.5);
    less.truncate(2);
    let refused = asked(&HostingSurrogate, &model, buses(less)).unwrap_err();
    assert_eq!(refused.len(), 2, "{refused:?}");
}

/// Real studies: feeders of a utility of the generator, capacities by superposition, features out of the networks. Of the last feeder the model
/// knows nothing but its network.
#[test]
fn studies_of_feeders_teach_a_model_that_answers_for_another_network() {
    let utility = Utility::new(7);
    let (mut bus, mut feeder, mut hosting, mut status) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut x: Vec<Vec<f64>> = vec![Vec::new(); grid_features::NAMES.len()];
    let mut last = None;
    let mut truth = BTreeMap::new();
    let feeders = 21;
    for f in 0..feeders {
        let network = utility.feeder(f).network;
        let features = bus_features(&network, BRANCHES).unwrap();
        let primary: Vec<&grid_features::BusFeatures> = features.iter().filter(|b| b.values[1] > 1.0).collect();
        let chosen: Vec<&grid_features::BusFeatures> = primary.iter().copied().step_by((primary.len() / 16).max(1)).take(16).collect();
        let start = Session::new().series_state(&network, true).unwrap();
        let options = HostingOptions {
            method: Method::Streamlined,
            buses: chosen.iter().map(|b| b.bus.clone()).collect(),
            ..HostingOptions::default()
        };
        let found = run(start, &options).unwrap();
        let kw: BTreeMap<&str, (Option<f64>, &str)> = found.sites.iter().map(|s| (s.bus.as_str(), (s.capacity_kw(), s.status()))).collect();
        for b in chosen {
            let (study, found) = kw.get(b.bus.as_str()).copied().unwrap_or((None, "none"));
            if f + 1 == feeders {
                truth.insert(b.bus.clone(), study.filter(|_| found == "limited"));
                continue;
            }
            status.push(found.to_owned());
            bus.push(b.bus.clone());
            feeder.push(format!("f{f}"));
            hosting.push(study.unwrap_or(f64::NAN));
            x.iter_mut().zip(b.values).for_each(|(c, v)| c.push(v));
        }
        last = Some(network);
    }
    let mut columns = vec![
        ("bus", Values::Text(bus)),
        ("feeder", Values::Text(feeder)),
        ("hosting_kw", Values::Number(hosting)),
        ("status", Values::Text(status)),
    ];
    columns.extend(grid_features::NAMES.into_iter().zip(x).map(|(n, v)| (n, Values::Number(v))));
    let mut answer = fitted(&HostingSurrogate, buses(columns), &[]).unwrap();
    println!("{}", answer.headline);
    let model = answer.model.take().unwrap();
    model.card.metrics.iter().for_each(|m| println!("{:36} {:.3} {:?} {:?} {:?}", m.name, m.value, m.low, m.high, m.baseline));
    let share = |f: &crate::module::Feature| format!("{} {:.2}", f.name, f.importance.unwrap_or(0.0));
    println!("{}", model.card.features.iter().map(share).collect::<Vec<_>>().join(", "));
    let settings = Settings::read(ABOUT.settings, &BTreeMap::new()).unwrap();
    let networks = BTreeMap::from([("network".to_owned(), last.unwrap())]);
    let said = apply(&HostingSurrogate, &model, &Question { tables: BTreeMap::new(), networks, settings: &settings }).unwrap();
    println!("{}", said.headline);
    let names = column(&said, "capacities", "bus");
    let (mean, low, high) = (numbers(&said, "hosting_kw"), numbers(&said, "low_kw"), numbers(&said, "high_kw"));
    let rows: Vec<(f64, usize)> = names
        .iter()
        .enumerate()
        .filter_map(|(i, n)| if let Value::Text(n) = n { truth.get(n).copied().flatten().map(|t| (t, i)) } else { None })
        .filter(|(_, i)| mean[*i].is_some())
        .collect();
    let off = rows.iter().map(|(t, i)| (t - mean[*i].unwrap()).abs()).sum::<f64>() / rows.len() as f64;
    let within = rows.iter().filter(|(t, i)| (low[*i].unwrap()..=high[*i].unwrap()).contains(t)).count();
    println!(
        "of a network never seen: {} buses answered with a study beside, off by {off:.0} kW, {within} within their interval",
        rows.len()
    );
    assert!(answer.figures[0].value < answer.figures[1].value, "{:?}", answer.figures);
    assert_eq!(said.tables[0].rows.len(), names.len());
    assert!(mean.iter().flatten().all(|m| m.is_finite() && *m >= 0.0));
}

/// One network with a table of capacities: branches are held out, and constant features of the network are left out by themselves.
#[test]
fn one_network_is_judged_by_its_branches() {
    let network = Utility::new(3).feeder(1).network;
    let features = bus_features(&network, BRANCHES).unwrap();
    let parts: BTreeSet<usize> = features.iter().map(|b| b.branch).collect();
    assert!(parts.len() >= 5, "{parts:?}");
    let mut r = Random::new(1, 0, 0);
    let primary: Vec<_> = features.iter().filter(|b| b.values[1] > 1.0).collect();
    let columns = vec![
        ("bus", Values::Text(primary.iter().map(|b| b.bus.clone()).chain(["nowhere".to_owned()]).collect())),
        ("hosting_kw", Values::Number(primary.iter().map(|b| 1000.0 / b.values[3] * r.log_normal(1.0, 0.03)).chain([5.0]).collect())),
    ];
    let settings = Settings::read(ABOUT.settings, &BTreeMap::new()).unwrap();
    let tables = buses(columns).into_iter().map(|(n, t)| (n.to_owned(), t)).collect();
    let networks = BTreeMap::from([("network".to_owned(), network)]);
    let question = Question { tables, networks, settings: &settings };
    let answer = fit(&HostingSurrogate, &question).unwrap();
    println!("{}", answer.headline);
    assert!(answer.notes.iter().any(|n| n.code == "LEARN.DATA.PARTIAL" && n.message.contains("1 of")), "{:?}", answer.notes);
    let card = &answer.model.as_ref().unwrap().card;
    assert!(card.held_out.how.starts_with("by branch"), "{}", card.held_out.how);
    assert!(card.features.iter().any(|f| f.name == "r_ohm" && f.importance.unwrap() > 0.0));
    assert!(answer.figures[0].value < answer.figures[1].value);
    let again = apply(&HostingSurrogate, answer.model.as_ref().unwrap(), &question).unwrap();
    assert_eq!(*column(&again, "capacities", "run_study").last().unwrap(), &Value::Flag(true));
}

#[test]
fn too_few_groups_and_impossible_capacities_are_refused() {
    let mut two = planted(2, 60, 4);
    let refused = fitted(&HostingSurrogate, buses(two.clone()), &[]).unwrap_err();
    assert!(refused[0].detail.as_ref().unwrap().contains("at least 3 feeders or branches"), "{refused:?}");
    let Values::Number(kw) = &mut two[2].1 else { unreachable!() };
    kw[3] = -1.0;
    kw[4] = f64::NAN;
    two[3].1 = Values::Number(vec![1.0; 120]);
    let refused = fitted(&HostingSurrogate, buses(two), &[]).unwrap_err();
    let text: Vec<&str> = refused.iter().filter_map(|d| d.detail.as_deref()).collect();
    assert!(text.len() == 3 && text.iter().any(|t| t.contains("-1 and must be zero or more")), "{text:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn odd_tables_end_in_an_answer_or_a_refusal(rows in 0usize..120, seed in 0u64..1000, odd in 0u8..6, n in 0usize..3, groups in 1usize..9) {
        let mut r = Random::new(seed, 0, 0);
        let value = |r: &mut Random| match odd {
            1 if r.chance(0.3) => f64::NAN,
            2 if r.chance(0.02) => f64::INFINITY,
            3 => 1.0,
            4 => 1e300 * r.normal(),
            _ => r.normal().abs(),
        };
        let mut columns = vec![
            ("bus", Values::Text((0..rows).map(|i| format!("b{i}")).collect())),
            ("feeder", Values::Text((0..rows).map(|i| format!("f{}", i % groups)).collect())),
            ("hosting_kw", Values::Number((0..rows).map(|_| value(&mut r)).collect())),
        ];
        for name in ["a", "b", "c"].into_iter().take(n) {
            columns.push((name, Values::Number((0..rows).map(|_| value(&mut r)).collect())));
        }
        if let Ok(answer) = fitted(&HostingSurrogate, buses(columns.clone()), &[("rounds", "5")]) {
            let model = answer.model.unwrap();
            prop_assert!(model.card.metrics.iter().all(|m| m.value.is_finite()), "{:?}", model.card.metrics);
            prop_assert!(asked(&HostingSurrogate, &model, buses(columns)).is_ok());
        }
    }
}
