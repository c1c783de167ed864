use super::*;
use crate::module::Values;
use crate::modules::common::tests::{asked, fitted, frame};
use crate::modules::rows::tests::column;
use proptest::prelude::*;
use studies::synthetic::random::Random;

const MONTH_S: i64 = 30 * 86_400;

/// What was planted: the odds grow with age beyond 30 years, with trees where the wind is strong, and a little with load.
fn truth(age: f64, load: f64, trees: f64, wind: f64) -> f64 {
    let odds = -4.6 + 0.09 * (age - 30.0).max(0.0) + 0.012 * (load - 50.0) + if wind > 15.0 { 2.2 * trees } else { 0.2 * trees };
    1.0 / (1.0 + (-odds).exp())
}

/// Rows of some equipment over months, with the true probability of each.
fn grid(equipment: usize, months: i64, seed: u64) -> (Vec<(&'static str, Values)>, Vec<f64>) {
    let mut r = Random::new(seed, 9, 0);
    let own: Vec<(f64, f64)> = (0..equipment).map(|_| (r.between(0.0, 55.0), r.unit().powi(2))).collect();
    let (mut names, mut times, mut failed, mut p) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut x = vec![Vec::new(); 4];
    for m in 0..months {
        let wind = 8.0 + 9.0 * r.unit() + if r.chance(0.3) { 5.0 } else { 0.0 };
        for (k, &(age, trees)) in own.iter().enumerate() {
            let (load, wind) = (r.between(20.0, 110.0), wind + r.normal());
            let age = age + m as f64 / 12.0;
            let truth = truth(age, load, trees, wind);
            names.push(format!("T{k}"));
            times.push(m * MONTH_S);
            p.push(truth);
            failed.push(f64::from(u8::from(r.chance(truth))));
            x.iter_mut().zip([age, load, trees, wind]).for_each(|(c, v)| c.push(v));
        }
    }
    let [age, load, trees, wind] = <[Vec<f64>; 4]>::try_from(x).unwrap();
    let columns = vec![
        ("equipment", Values::Text(names)),
        ("time", Values::Time(times)),
        ("failed", Values::Number(failed)),
        ("age_years", Values::Number(age)),
        ("loading_pct", Values::Number(load)),
        ("trees", Values::Number(trees)),
        ("wind_ms", Values::Number(wind)),
    ];
    (columns, p)
}

fn equipment(columns: Vec<(&str, Values)>) -> Vec<(&str, Frame)> {
    vec![("equipment", frame(&ABOUT, "equipment", columns))]
}

fn metric<'a>(model: &'a Model, name: &str) -> &'a Metric {
    model.card.metrics.iter().find(|m| m.name == name).unwrap()
}

/// Against what nobody can beat: the probabilities that failures were drawn with.
#[test]
fn planted_risks_are_found_back_and_mean_what_they_say() {
    let (columns, _) = grid(400, 36, 1);
    let answer = fitted(&OutageRisk, equipment(columns), &[]).unwrap();
    let model = answer.model.as_ref().unwrap();
    // New months of other equipment, with the truth of each row.
    let (mut new, p) = grid(600, 12, 2);
    let Values::Number(failed) = new.remove(2).1 else { unreachable!() };
    let Values::Number(new_age) = new[2].1.clone() else { unreachable!() };
    let said = asked(&OutageRisk, model, equipment(new)).unwrap();
    let (names, times) = (column(&said, "risks", "equipment"), column(&said, "risks", "time"));
    let place = |i: usize| {
        let Value::Text(name) = names[i] else { unreachable!() };
        let Value::Text(time) = times[i] else { unreachable!() };
        let month = (0..12).find(|m| moment(m * MONTH_S) == *time).unwrap() as usize;
        month * 600 + name[1..].parse::<usize>().unwrap()
    };
    let rows: Vec<(usize, f64)> = column(&said, "risks", "probability")
        .iter()
        .enumerate()
        .filter_map(|(i, v)| if let Value::Number(p) = v { Some((place(i), *p)) } else { None })
        .collect();
    let came: Vec<bool> = rows.iter().map(|r| failed[r.0] == 1.0).collect();
    let ours: Vec<f64> = rows.iter().map(|r| r.1).collect();
    let best: Vec<f64> = rows.iter().map(|r| p[r.0]).collect();
    let base = vec![came.iter().filter(|c| **c).count() as f64 / came.len() as f64; came.len()];
    let of = |f: fn(&[bool], &[f64]) -> Result<f64, metrics::MetricError>| {
        [f(&came, &ours).unwrap(), f(&came, &best).unwrap(), f(&came, &base).unwrap()]
    };
    let (auc, brier) = (of(metrics::auc), of(metrics::brier));
    let off = ours.iter().zip(&best).map(|(a, b)| (a - b).abs()).sum::<f64>() / ours.len() as f64;
    println!("{}", answer.headline);
    model.card.metrics.iter().for_each(|m| println!("{:36} {:.4} {:?} {:?} {:?}", m.name, m.value, m.low, m.high, m.baseline));
    println!("{} new rows answered; AUC {:.4} (truth {:.4})", rows.len(), auc[0], auc[1]);
    println!("Brier {:.5} (truth {:.5}, base rate {:.5}), off by {off:.4} of {:.4}", brier[0], brier[1], brier[2], base[0]);
    // Nine tenths of what can be known of ranks, and of what a base rate leaves of the Brier score.
    assert!((auc[0] - 0.5) / (auc[1] - 0.5) > 0.9, "{auc:?}");
    assert!((brier[2] - brier[0]) / (brier[2] - brier[1]) > 0.75, "{brier:?}");
    assert!(off < 0.3 * base[0], "{off}");
    // The figures of the card hold within their intervals what new rows show (same world, other draws).
    let card = metric(model, "AUC");
    assert!(card.low.unwrap() - 0.02 < auc[0] && auc[0] < card.high.unwrap() + 0.02, "{card:?} {auc:?}");
    assert!(metric(model, "calibration error").value < 0.01);
    // Most of what the truth knows beyond age is known to the model.
    let by_age = metrics::auc(&came, &rows.iter().map(|r| new_age[r.0]).collect::<Vec<_>>()).unwrap();
    println!("by age alone {by_age:.4}");
    assert!((auc[0] - by_age) / (auc[1] - by_age) > 0.6, "{auc:?} {by_age}");
    assert!(answer.notes.iter().all(|n| n.code != "LEARN.MODEL.NO_BETTER"), "{:?}", answer.notes);
    // Features that were planted matter in this order of their effect.
    let share = |name: &str| model.card.features.iter().find(|f| f.name == name).unwrap().importance.unwrap();
    assert!(share("loading_pct") < share("age_years").min(share("trees").max(share("wind_ms"))), "{:?}", model.card.features);
}

/// A storm over trees is the reason of the riskiest row, and the factors are those of exact Shapley values.
#[test]
fn reasons_name_what_was_planted() {
    let (columns, _) = grid(300, 30, 3);
    let model = fitted(&OutageRisk, equipment(columns), &[]).unwrap().model.unwrap();
    let row = |age: f64, trees: f64, wind: f64| {
        vec![
            ("equipment", Values::Text(vec!["X".into()])),
            ("time", Values::Time(vec![0])),
            ("age_years", Values::Number(vec![age])),
            ("loading_pct", Values::Number(vec![60.0])),
            ("trees", Values::Number(vec![trees])),
            ("wind_ms", Values::Number(vec![wind])),
        ]
    };
    let first = |columns| {
        let answer = asked(&OutageRisk, &model, equipment(columns)).unwrap();
        let Value::Text(reason) = column(&answer, "risks", "reason_1")[0] else { panic!("{answer:?}") };
        reason.clone()
    };
    let storm = first(row(10.0, 0.9, 20.0));
    assert!(storm.starts_with("trees") || storm.starts_with("wind_ms"), "{storm}");
    let old = first(row(54.0, 0.01, 10.0));
    assert!(old.starts_with("age_years = 54: odds x "), "{old}");
    // Outside of training: no answer, and said so.
    let answer = asked(&OutageRisk, &model, equipment(row(90.0, 0.01, 10.0))).unwrap();
    assert_eq!(*column(&answer, "risks", "probability")[0], Value::Empty);
    assert_eq!(*column(&answer, "risks", "outside")[0], Value::Text("age_years".into()));
    assert_eq!(answer.notes[0].code, "LEARN.DATA.OUTSIDE");
    let mut odd = row(10.0, 0.1, f64::NAN);
    assert_eq!(*column(&asked(&OutageRisk, &model, equipment(odd.clone())).unwrap(), "risks", "probability")[0], Value::Empty);
    odd.remove(3);
    let refused = asked(&OutageRisk, &model, equipment(odd)).unwrap_err();
    assert!(refused[0].detail.as_ref().unwrap().contains("\"loading_pct\" is missing"), "{refused:?}");
}

/// Features that say nothing: the model admits that the base rate is as good.
#[test]
fn chance_is_not_sold_as_knowledge() {
    let mut worse = 0;
    for seed in 0..5 {
        let (mut columns, _) = grid(100, 24, 40 + seed);
        let mut r = Random::new(seed, 0, 0);
        columns[2].1 = Values::Number((0..2400).map(|_| f64::from(u8::from(r.chance(0.1)))).collect());
        let answer = fitted(&OutageRisk, equipment(columns), &[]).unwrap();
        worse += usize::from(answer.notes.iter().any(|n| n.code == "LEARN.MODEL.NO_BETTER") && answer.headline.contains("no better"));
        assert!((answer.figures[0].value - 0.5).abs() < 0.12, "{}", answer.headline);
    }
    println!("{worse} of 5 sets without knowledge are said to have none");
    assert!(worse >= 3, "{worse}");
}

#[test]
fn what_leaks_or_is_too_little_is_refused_all_at_once() {
    let (columns, _) = grid(50, 12, 5);
    let refused = fitted(&OutageRisk, equipment(columns.clone()), &[("known_after_s", "wind_ms = 3600")]).unwrap_err();
    assert!(refused.iter().any(|d| d.detail.as_ref().unwrap().contains("\"wind_ms\" was known at 3600 s")), "{refused:?}");
    let mut known = columns.clone();
    let mut at: Vec<i64> = (0..600).map(|i| i / 50 * MONTH_S).collect();
    at[77] += 1;
    known.push(("known_time", Values::Time(at)));
    known[3].1 = Values::Number(vec![7.0; 600]);
    let refused = fitted(&OutageRisk, equipment(known), &[("known_after_s", "gusts=0")]).unwrap_err();
    let text: Vec<&str> = refused.iter().filter_map(|d| d.detail.as_deref()).collect();
    assert!(text.iter().any(|t| t.contains("row 77")) && text.iter().any(|t| t.contains("\"age_years\" is 7")), "{text:?}");
    assert!(text.iter().any(|t| t.contains("\"gusts\", which is no feature")), "{text:?}");
    let (few, _) = grid(12, 10, 6);
    let refused = fitted(&OutageRisk, equipment(few), &[]).unwrap_err();
    assert!(refused[0].detail.as_ref().unwrap().contains("failures in"), "{refused:?}");
    let mut twice = columns;
    twice[1].1 = Values::Time(vec![0; 600]);
    let refused = fitted(&OutageRisk, equipment(twice), &[]).unwrap_err();
    assert_eq!(refused.len(), 50, "one for each piece");
    assert!(refused[0].detail.as_ref().unwrap().contains("The time 0 s is there 12 times"), "{refused:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn odd_tables_end_in_an_answer_or_a_refusal(rows in 0usize..160, seed in 0u64..1000, odd in 0u8..6, features in 0usize..3) {
        let mut r = Random::new(seed, 0, 0);
        let value = |r: &mut Random| match odd {
            1 if r.chance(0.2) => f64::NAN,
            2 if r.chance(0.02) => f64::INFINITY,
            3 => 1.0,
            4 => 1e300 * r.normal(),
            _ => r.normal(),
        };
        let names = ["a", "b", "age_years"];
        let mut columns = vec![
            ("equipment", Values::Text((0..rows).map(|i| format!("e{}", i % 10)).collect())),
            ("time", Values::Time((0..rows as i64).map(|i| if odd == 5 { 7 } else { i / 10 * 86_400 }).collect())),
        ];
        for name in names.iter().take(features) {
            columns.push((*name, Values::Number((0..rows).map(|_| value(&mut r)).collect())));
        }
        let asking = equipment(columns.clone());
        columns.push(("failed", Values::Number((0..rows).map(|_| if odd == 2 { r.normal() } else { f64::from(u8::from(r.chance(0.5))) }).collect())));
        let told = [("rounds", "5")];
        if let Ok(answer) = fitted(&OutageRisk, equipment(columns), &told) {
            let model = answer.model.unwrap();
            prop_assert!(model.card.metrics.iter().all(|m| m.value.is_finite()));
            prop_assert!(asked(&OutageRisk, &model, asking).is_ok());
        }
    }
}
