//! What boosting has to do, as a whole.

use super::grow::Histogram;
use super::*;
use crate::metrics;

fn curve(rows: usize, seed: u64) -> (Matrix, Vec<f64>) {
    let mut r = Random::new(seed, 2, 0);
    let x = Matrix::from_values(5, (0..rows * 5).map(|_| r.unit()).collect());
    let y = (0..rows)
        .map(|i| {
            let f = x.row(i);
            10.0 * (std::f64::consts::PI * f[0] * f[1]).sin() + 20.0 * (f[2] - 0.5).powi(2) + 10.0 * f[3] + r.normal()
        })
        .collect();
    (x, y)
}

#[test]
fn what_is_learned_holds_for_new_rows() {
    let (x, y) = curve(2000, 1);
    let (x_test, y_test) = curve(1000, 2);
    let model = Boosting::fit(&x, &y, &Options::new(Objective::SquaredError)).unwrap();
    let r2 = metrics::r2(&y_test, &model.predict(&x_test).unwrap().values).unwrap();
    // Noise of one among a variance of 23 leaves 0.956 to be had.
    assert!(r2 > 0.92, "{r2}");
    assert!(model.importance[4] < 0.02, "{:?}", model.importance);
    assert!((model.importance.iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn one_round_is_worked_out_by_hand() {
    // Twenty rows, halves at 0 and 4: mean 2, gradients 2 and -2, leaves -+2 * 10 / 11, of which a tenth counts.
    let x = Matrix::from_values(1, (0..20).map(f64::from).collect());
    let y: Vec<f64> = (0..20).map(|i| if i < 10 { 0.0 } else { 4.0 }).collect();
    let model = Boosting::fit(&x, &y, &Options { rounds: 1, ..Options::new(Objective::SquaredError) }).unwrap();
    let said = model.predict(&x).unwrap().values;
    for (i, said) in said.iter().enumerate() {
        let by_hand = 2.0 + if i < 10 { -0.2 } else { 0.2 } * 10.0 / 11.0;
        assert!((said - by_hand).abs() < 1e-12, "{i} {said} {by_hand}");
    }
    // Log odds 0, gradients -+1/2, hessians 1/4: leaves -+5 / (2.5 + 1).
    let y: Vec<f64> = (0..20).map(|i| if i < 10 { 0.0 } else { 1.0 }).collect();
    let model = Boosting::fit(&x, &y, &Options { rounds: 1, ..Options::new(Objective::Logistic) }).unwrap();
    let said = model.predict(&x).unwrap().values[0];
    assert!((said - 1.0 / (1.0 + (0.1f64 * 5.0 / 3.5).exp())).abs() < 1e-12, "{said}");
}

#[test]
fn the_loss_of_training_falls_with_every_round() {
    let (x, y) = curve(300, 3);
    let class: Vec<f64> = y.iter().map(|&v| f64::from(u8::from(v > 12.0))).collect();
    for (objective, y) in [(Objective::SquaredError, &y), (Objective::Logistic, &class)] {
        let options = Options { rounds: 30, patience: 30, ..Options::new(objective) };
        let model = Boosting::fit_judged(&x, y, Some((&x, y)), &options).unwrap();
        assert_eq!(model.losses.len(), 30);
        assert!(model.losses.is_sorted_by(|a, b| a >= b), "{:?}", model.losses);
        let margins = model.margins(&x).unwrap().values;
        assert!((objective.loss(y, &margins) - model.losses[29]).abs() < 1e-12);
    }
}

#[test]
fn boosting_stops_by_later_rows() {
    let (x, y) = curve(600, 4);
    let times: Vec<i64> = (0..600).map(|i| i * 3600).collect();
    let options = Options { rounds: 500, patience: 10, learning_rate: 0.3, ..Options::new(Objective::SquaredError) };
    let model = Boosting::fit_in_time(&x, &y, &times, 0.25, 7200, &options).unwrap();
    let least = model.losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(model.trees().len() < 490);
    assert_eq!(model.losses[model.trees().len() - 1], least);
    assert_eq!(model.losses.len(), model.trees().len() + 10);
    // Rows 450 and on judge; 448 and 449 are within the gap. They may be anything without a change.
    let mut other = y.clone();
    other[448..450].fill(1e9);
    assert_eq!(Boosting::fit_in_time(&x, &other, &times, 0.25, 7200, &options).unwrap().trees(), model.trees());
    other[447] = 1e9;
    assert_ne!(Boosting::fit_in_time(&x, &other, &times, 0.25, 7200, &options).unwrap().trees(), model.trees());
}

#[test]
fn missing_values_find_their_side() {
    // Where the first feature is missing, the answer is high.
    let mut r = Random::new(5, 0, 0);
    let mut x = Matrix::new(2);
    let mut y = Vec::new();
    for i in 0..400 {
        let f = r.unit();
        x.push(&[if i % 4 == 0 { f64::NAN } else { f }, r.unit()]);
        y.push(if i % 4 == 0 { 5.0 } else { f });
    }
    let model = Boosting::fit(&x, &y, &Options::new(Objective::SquaredError)).unwrap();
    let said = model.predict(&Matrix::from_values(2, vec![f64::NAN, 0.5, 0.5, 0.5])).unwrap();
    assert!((said.values[0] - 5.0).abs() < 0.05 && (said.values[1] - 0.5).abs() < 0.05, "{said:?}");
    let refused = model.predict(&Matrix::from_values(2, vec![0.5, f64::NAN])).unwrap_err();
    assert_eq!(refused, PredictError::NotFinite { row: 0, column: 1 });
}

#[test]
fn quantiles_cover_their_part() {
    let (x, y) = curve(3000, 6);
    let (x_judge, y_judge) = curve(1000, 7);
    let (x_test, y_test) = curve(3000, 8);
    let mut ends = Vec::new();
    for q in [0.1, 0.9] {
        let least = Limits { least_hessian: 20.0, ..Options::new(Objective::SquaredError).limits };
        let model = Boosting::fit(&x, &y, &Options { limits: least, ..Options::new(Objective::Quantile(q)) }).unwrap();
        // At the least loss as many rows of training lie below as are to.
        let said = model.predict(&x).unwrap().values;
        let below = y.iter().zip(&said).filter(|(y, s)| y <= s).count() as f64 / 3000.0;
        assert!((below - q).abs() < 0.05, "{q}: {below}");
        let said = model.predict(&x_test).unwrap().values;
        // The constant quantile, which knows nothing.
        let constant = vec![model.base; 3000];
        assert!(metrics::pinball(&y_test, &said, q).unwrap() < 0.45 * metrics::pinball(&y_test, &constant, q).unwrap());
        ends.push((model.predict(&x_judge).unwrap().values, said));
    }
    // For new rows quantiles are too narrow, as those of any model that was fitted closely; rows set aside make the promise good.
    let [low, high] = &ends[..] else { unreachable!("two quantiles") };
    let widen = crate::conformal::Conformal::of_quantiles(&y_judge, &low.0, &high.0, 0.2).unwrap();
    assert!(widen.widen > 0.0);
    let intervals: Vec<(f64, f64)> = low.1.iter().zip(&high.1).map(|(l, h)| widen.between(*l, *h)).collect();
    let (from, to): (Vec<f64>, Vec<f64>) = intervals.into_iter().unzip();
    let (covered, _) = metrics::coverage(&y_test, &from, &to).unwrap();
    // Standard errors of 1000 rows to widen by and 3000 to look at: 0.013 and 0.007.
    assert!((covered - 0.8).abs() < 0.045, "{covered}");
}

#[test]
fn the_same_seed_gives_the_same_model_and_it_comes_back() {
    let (x, y) = curve(300, 8);
    let options = Options { rows: 0.5, columns: 0.6, rounds: 20, ..Options::new(Objective::SquaredError) };
    let model = Boosting::fit(&x, &y, &options).unwrap();
    assert_eq!(model, Boosting::fit(&x, &y, &options).unwrap());
    assert_ne!(model.trees(), Boosting::fit(&x, &y, &Options { seed: 2, ..options }).unwrap().trees());
    let back: Boosting = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    assert_eq!(back, model);
    assert_eq!(back.predict(&x), model.predict(&x));
}

#[test]
fn sums_of_sites_grow_the_tree_of_all_rows() {
    let (x, y) = curve(900, 9);
    let options = Options { rounds: 5, ..Options::new(Objective::SquaredError) };
    let whole = Boosting::fit(&x, &y, &options).unwrap();
    let cuts = Cuts::of(&x, options.bins);
    let base = options.objective.base(&y);
    // Three sites of very different sizes.
    let mut sites: Vec<(Matrix, Site)> = [(0, 100), (100, 250), (250, 900)]
        .map(|(from, to)| {
            let part = x.select(&(from..to).collect::<Vec<_>>());
            let site = Site::new(&part, &y[from..to], &cuts, base);
            (part, site)
        })
        .into();
    let mut trees = Vec::new();
    for _ in 0..5 {
        let mut grower = Grower::new((0..5).collect(), options.limits);
        for (part, site) in &mut sites {
            site.start(options.objective, (0..part.rows() as u32).collect());
        }
        while !grower.wanted().is_empty() {
            let sums = grower
                .wanted()
                .iter()
                .map(|w| {
                    let mut sum = Histogram::new(5);
                    for (_, site) in &mut sites {
                        sum.add(&site.histogram(w.node, grower.columns())).unwrap();
                    }
                    (w.node, sum)
                })
                .collect();
            let divisions = grower.supply(&cuts, sums).unwrap();
            sites.iter_mut().for_each(|(_, site)| site.divide(&divisions));
        }
        let (mut tree, _) = grower.finish();
        for n in 0..tree.len() {
            tree.set_value(n, options.learning_rate * tree.values(n)[0]);
        }
        sites.iter_mut().for_each(|(part, site)| site.take(&tree, part));
        trees.push(tree);
    }
    let model = Boosting::assemble(trees, base, Ranges::of(&x), options);
    // Sums in another order differ in their last bits; the questions are the same.
    for (a, b) in model.trees().iter().zip(whole.trees()) {
        assert_eq!(a.len(), b.len());
        assert!((0..a.len()).all(|n| a.question(n).map(|q| (q.feature, q.threshold)) == b.question(n).map(|q| (q.feature, q.threshold))));
    }
    let (a, b) = (model.predict(&x).unwrap().values, whole.predict(&x).unwrap().values);
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9));
}

#[test]
fn bad_data_and_choices_are_told_together() {
    let (x, y) = curve(10, 10);
    let limits = Limits { depth: 0, lambda: -1.0, gamma: f64::NAN, least_hessian: 1.0 };
    let options = Options { limits, rows: 0.0, columns: 2.0, bins: 1, rounds: 0, learning_rate: 0.0, ..Options::new(Objective::Logistic) };
    let error = Boosting::fit(&x, &y, &options).unwrap_err();
    assert!(error.faults.contains(&Fault::TooFewRows { found: 10, needed: 20 }));
    // Eight choices, too few rows, and ten answers that are no class.
    assert_eq!(error.faults.len(), 8 + 1 + 10, "{error}");
    let judge = Matrix::new(3);
    let (x, y) = curve(30, 10);
    let error = Boosting::fit_judged(&x, &y, Some((&judge, &[])), &Options::new(Objective::SquaredError)).unwrap_err();
    assert_eq!(error.faults.len(), 2, "{error}");
    assert!(Boosting::fit(&x, &y, &Options::new(Objective::Quantile(1.0))).is_err());
    assert!(Boosting::fit_in_time(&x, &y, &[1], 0.5, 0, &Options::new(Objective::SquaredError)).is_err());
    let huge: Vec<f64> = (0..30).map(|i| if i % 2 == 0 { 1e308 } else { -1e308 }).collect();
    assert!(Boosting::fit(&x, &huge, &Options::new(Objective::SquaredError)).is_err());
}
