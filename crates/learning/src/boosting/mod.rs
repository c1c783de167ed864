//! Gradient boosting on histograms: trees that each mend what those before them left.
//!
//! With the answers so far `F`, each row has the gradient `g` and hessian `h` of its loss; a tree is grown to them ([`grow`]), shrunk by the
//! learning rate and added.
//!
//! | objective | loss | g | h | first answer |
//! | --- | --- | --- | --- | --- |
//! | squared error | `(y - F)^2 / 2` | `F - y` | 1 | mean |
//! | logistic | `-y ln p - (1 - y) ln(1 - p)`, `p = 1 / (1 + e^-F)` | `p - y` | `p (1 - p)` | log odds |
//! | quantile q | `q (y - F)` or `(1 - q) (F - y)` | `-q` or `1 - q` | 1 | quantile |
//!
//! The pinball loss has no curvature: its trees are grown on gradients and the leaves then take the quantile of what is left in them
//! (J. Friedman, "Greedy function approximation", Annals of Statistics 29 (2001), section 4.4).
//!
//! **When to stop.** Given rows to judge by (later ones, see [`Boosting::fit_in_time`]), boosting stops when their loss has not become less
//! for `patience` rounds, and keeps the trees up to the least.
//!
//! Source: T. Chen, C. Guestrin, "XGBoost" (2016); histograms and subtraction as in G. Ke and others, "LightGBM" (2017).

pub mod bins;
pub mod grow;
pub mod site;

use crate::guard::{
    Fault, Faults, FitError, Needs, PredictError, Predicted, Ranges, answer_faults, class_faults, split_latest, table_faults,
};
use crate::matrix::Matrix;
use crate::tree::Tree;
use bins::Cuts;
use grow::{GrowError, Grower, Limits};
use serde::{Deserialize, Serialize};
use site::Site;
use studies::synthetic::random::Random;

const PURPOSE: u64 = 0x626f_6f73_7400;
const CHUNK: usize = 1024;
/// Fewer rows than these teach nothing.
const LEAST_ROWS: usize = 20;

/// What is made small.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Objective {
    SquaredError,
    /// Answers are 0 or 1, predictions probabilities.
    Logistic,
    /// The pinball loss of this quantile, between 0 and 1.
    Quantile(f64),
}

fn sigmoid(margin: f64) -> f64 {
    1.0 / (1.0 + (-margin).exp())
}

impl Objective {
    /// The constant to start from.
    pub fn base(self, y: &[f64]) -> f64 {
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        match self {
            Self::SquaredError => mean,
            Self::Logistic => (mean / (1.0 - mean)).ln(),
            Self::Quantile(q) => quantile(&mut y.to_vec(), q),
        }
    }

    /// Gradient and hessian of one row.
    pub fn gradient(self, y: f64, margin: f64) -> [f64; 2] {
        match self {
            Self::SquaredError => [margin - y, 1.0],
            Self::Logistic => {
                let p = sigmoid(margin);
                [p - y, (p * (1.0 - p)).max(1e-16)]
            }
            Self::Quantile(q) => [if y > margin { -q } else { 1.0 - q }, 1.0],
        }
    }

    /// Mean loss: squared error, log loss or pinball loss.
    pub fn loss(self, y: &[f64], margins: &[f64]) -> f64 {
        let one = |(&y, &m): (&f64, &f64)| match self {
            Self::SquaredError => (y - m) * (y - m),
            // ln(1 + e^-m) without overflow.
            Self::Logistic => (-m.abs()).exp().ln_1p() + m.max(0.0) - y * m,
            Self::Quantile(q) => {
                if y > m {
                    q * (y - m)
                } else {
                    (1.0 - q) * (m - y)
                }
            }
        };
        y.iter().zip(margins).map(one).sum::<f64>() / y.len() as f64
    }

    /// From sum of trees to answer.
    pub fn answer(self, margin: f64) -> f64 {
        if self == Self::Logistic { sigmoid(margin) } else { margin }
    }

    fn faults(self, y: &[f64], faults: &mut Faults) {
        match self {
            Self::SquaredError => {}
            Self::Logistic => class_faults(y, 2, faults),
            Self::Quantile(q) => faults.choice(q > 0.0 && q < 1.0, "the quantile", q, "between 0 and 1"),
        }
    }
}

/// The least value that at least `q` of all do not exceed.
fn quantile(values: &mut [f64], q: f64) -> f64 {
    let at = ((q * values.len() as f64 - 1e-9).ceil() as usize).clamp(1, values.len()) - 1;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// How trees are grown and added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    pub objective: Objective,
    /// Trees at most.
    pub rounds: usize,
    pub learning_rate: f64,
    pub limits: Limits,
    /// Part of the rows that each tree is grown on, above 0 to 1.
    pub rows: f64,
    /// Part of the features that each tree may ask for, above 0 to 1.
    pub columns: f64,
    /// Bins a feature, 2 to 255.
    pub bins: usize,
    /// Rounds without a lower loss after which boosting stops, if there are rows to judge by.
    pub patience: usize,
    pub seed: u64,
}

impl Options {
    /// A hundred trees of depth six at a tenth of their value.
    pub fn new(objective: Objective) -> Self {
        Self {
            objective,
            rounds: 100,
            learning_rate: 0.1,
            limits: Limits { depth: 6, lambda: 1.0, gamma: 0.0, least_hessian: 1.0 },
            rows: 1.0,
            columns: 1.0,
            bins: 255,
            patience: 20,
            seed: 1,
        }
    }

    fn faults(&self, faults: &mut Faults) {
        let part = |v: f64| v > 0.0 && v <= 1.0;
        faults.choice(self.rounds > 0, "the number of rounds", self.rounds as f64, "at least 1");
        faults.choice(part(self.learning_rate), "the learning rate", self.learning_rate, "above 0 and at most 1");
        faults.choice(part(self.rows), "the part of the rows", self.rows, "above 0 and at most 1");
        faults.choice(part(self.columns), "the part of the columns", self.columns, "above 0 and at most 1");
        faults.choice((2..=255).contains(&self.bins), "the number of bins", self.bins as f64, "2 to 255");
        let l = self.limits;
        faults.choice(l.depth > 0 && l.depth <= 64, "the depth", l.depth as f64, "1 to 64");
        for (name, v) in [("lambda", l.lambda), ("gamma", l.gamma), ("the least hessian", l.least_hessian)] {
            faults.choice(v >= 0.0 && v.is_finite(), name, v, "zero or more");
        }
    }
}

/// A boosted model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Boosting {
    trees: Vec<Tree>,
    pub base: f64,
    pub ranges: Ranges,
    pub options: Options,
    /// Loss of the rows to judge by after each round that was tried; empty without such rows.
    pub losses: Vec<f64>,
    /// By feature: part of the gain that its splits made; sums to one unless no tree has a split.
    pub importance: Vec<f64>,
}

impl Boosting {
    /// Fits to all rows, for all rounds.
    ///
    /// # Errors
    ///
    /// Every fault of the data and options at once: fewer than twenty rows, infinite values (NaN is a missing one), columns or answers that
    /// never change, answers other than 0 and 1 of a logistic model, choices out of range.
    pub fn fit(x: &Matrix, y: &[f64], options: &Options) -> Result<Self, FitError> {
        Self::fit_judged(x, y, None, options)
    }

    /// Fits to the earlier rows and stops by the latest `part` of them (0 to 1), `gap_s` seconds apart.
    ///
    /// # Errors
    ///
    /// As [`Boosting::fit`] and [`split_latest`]; times of another length.
    pub fn fit_in_time(x: &Matrix, y: &[f64], times_s: &[i64], part: f64, gap_s: i64, options: &Options) -> Result<Self, FitError> {
        let mut faults = Faults::default();
        for (what, found) in [("the list of times", times_s.len()), ("the list of values to predict", y.len())] {
            if found != x.rows() {
                faults.add(Fault::Length { what, found, expected: x.rows() });
            }
        }
        faults.none()?;
        let split = split_latest(times_s, part, gap_s)?;
        let answers = |rows: &[usize]| rows.iter().map(|&i| y[i]).collect::<Vec<_>>();
        let judge = (x.select(&split.test), answers(&split.test));
        Self::fit_judged(&x.select(&split.train), &answers(&split.train), Some((&judge.0, &judge.1)), options)
    }

    /// Fits to rows and stops by others.
    ///
    /// # Errors
    ///
    /// As [`Boosting::fit`]; rows to judge by with other columns or values that are no answers.
    pub fn fit_judged(x: &Matrix, y: &[f64], judge: Option<(&Matrix, &[f64])>, options: &Options) -> Result<Self, FitError> {
        let mut faults = Faults::default();
        table_faults(x, Needs { rows: LEAST_ROWS, missing: true, varying: true }, &mut faults);
        answer_faults(x.rows(), y, &mut faults);
        options.objective.faults(y, &mut faults);
        options.faults(&mut faults);
        if let Some((x_judge, y_judge)) = judge {
            judge_faults(x, x_judge, y_judge, options.objective, &mut faults);
        }
        faults.none()?;
        let cuts = Cuts::of(x, options.bins);
        let base = options.objective.base(y);
        let mut site = Site::new(x, y, &cuts, base);
        let mut judged = judge.map(|(x, y)| (x, y, vec![base; y.len()]));
        let mut model = Self {
            trees: Vec::new(),
            base,
            ranges: Ranges::of(x),
            options: options.clone(),
            losses: Vec::new(),
            importance: vec![0.0; x.columns()],
        };
        let mut gains: Vec<Vec<(usize, f64)>> = Vec::new();
        let mut best = (0, judged.as_ref().map_or(0.0, |(_, y, m)| options.objective.loss(y, m)));
        for round in 0..options.rounds {
            let (tree, gained) = one_tree(&mut site, &cuts, x.rows(), options, round).map_err(|_| overflow())?;
            site.take(&tree, x);
            if let Some((x, y, margins)) = &mut judged {
                tree.add_to::<true>(x, 0, margins);
                let loss = options.objective.loss(y, margins);
                model.losses.push(loss);
                if loss < best.1 {
                    best = (round + 1, loss);
                }
            }
            let done = tree.len() == 1 && options.rows == 1.0 && options.columns == 1.0;
            model.trees.push(tree);
            gains.push(gained);
            // A tree without a split stays one, whatever is tried again.
            if done || (judged.is_some() && round + 1 >= best.0 + options.patience) {
                break;
            }
        }
        if judged.is_some() {
            model.trees.truncate(best.0);
            gains.truncate(best.0);
        }
        for (feature, gain) in gains.into_iter().flatten() {
            model.importance[feature] += gain;
        }
        let sum: f64 = model.importance.iter().sum();
        if sum > 0.0 {
            model.importance.iter_mut().for_each(|i| *i /= sum);
        }
        Ok(model)
    }

    /// A model of trees that were grown elsewhere, as by several sites together.
    pub fn assemble(trees: Vec<Tree>, base: f64, ranges: Ranges, options: Options) -> Self {
        let importance = vec![0.0; ranges.columns()];
        Self { trees, base, ranges, options, losses: Vec::new(), importance }
    }

    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// Sums of trees before the link (log odds of a logistic model).
    ///
    /// # Errors
    ///
    /// Another number of columns; an infinite value; NaN in a feature that was never missing in training.
    pub fn margins(&self, x: &Matrix) -> Result<Predicted, PredictError> {
        let outside = self.ranges.look(x)?;
        let mut values = vec![self.base; x.rows()];
        let missing = self.ranges.missing.contains(&true);
        for (k, chunk) in values.chunks_mut(CHUNK).enumerate() {
            for tree in &self.trees {
                if missing {
                    tree.add_to::<true>(x, k * CHUNK, chunk);
                } else {
                    tree.add_to::<false>(x, k * CHUNK, chunk);
                }
            }
        }
        Ok(Predicted { values, outside })
    }

    /// The answer for each row: a value, or a probability of a logistic model; and the rows outside of training.
    ///
    /// # Errors
    ///
    /// As [`Boosting::margins`].
    pub fn predict(&self, x: &Matrix) -> Result<Predicted, PredictError> {
        let mut predicted = self.margins(x)?;
        for v in &mut predicted.values {
            *v = self.options.objective.answer(*v);
        }
        Ok(predicted)
    }
}

/// Answers so large that their sums are no numbers any more.
fn overflow() -> FitError {
    Fault::Choice { name: "the largest of the values to predict", found: f64::INFINITY, must: "small enough to be summed" }.into()
}

fn judge_faults(x: &Matrix, x_judge: &Matrix, y_judge: &[f64], objective: Objective, faults: &mut Faults) {
    if x_judge.columns() != x.columns() {
        faults.add(Fault::Length { what: "a row to judge by", found: x_judge.columns(), expected: x.columns() });
    }
    if y_judge.len() != x_judge.rows() {
        faults.add(Fault::Length { what: "the list of values to judge by", found: y_judge.len(), expected: x_judge.rows() });
    }
    if y_judge.is_empty() {
        faults.add(Fault::TooFewRows { found: 0, needed: 1 });
    }
    let bad: Vec<usize> = (0..y_judge.len()).filter(|&i| !y_judge[i].is_finite()).collect();
    if !bad.is_empty() {
        faults.add(Fault::AnswerNotFinite { count: bad.len(), rows: bad.into_iter().take(5).collect() });
    }
    objective.faults(y_judge, faults);
}

/// Grows the tree of one round, already shrunk.
fn one_tree(site: &mut Site, cuts: &Cuts, rows: usize, options: &Options, round: usize) -> Result<(Tree, Vec<(usize, f64)>), GrowError> {
    let mut random = Random::new(options.seed, PURPOSE, round as u64);
    let taken: Vec<u32> =
        if options.rows < 1.0 { (0..rows as u32).filter(|_| random.chance(options.rows)).collect() } else { (0..rows as u32).collect() };
    let mut columns: Vec<usize> = (0..cuts.features()).collect();
    if options.columns < 1.0 {
        let kept = ((columns.len() as f64 * options.columns).round() as usize).max(1);
        for k in 0..kept {
            let other = k + (random.unit() * (columns.len() - k) as f64) as usize;
            columns.swap(k, other);
        }
        columns.truncate(kept);
        columns.sort_unstable();
    }
    site.start(options.objective, taken);
    let (mut tree, gains) = site.grow(Grower::new(columns, options.limits), cuts)?;
    if let Objective::Quantile(q) = options.objective {
        for node in (0..tree.len()).filter(|&n| tree.question(n).is_none()).collect::<Vec<_>>() {
            let mut left: Vec<f64> = site.rows_of(node).iter().map(|&row| site.answer(row)).map(|(y, m)| y - m).collect();
            if !left.is_empty() {
                tree.set_value(node, quantile(&mut left, q));
            }
        }
    }
    for node in 0..tree.len() {
        tree.set_value(node, options.learning_rate * tree.values(node)[0]);
    }
    Ok((tree, gains))
}

#[cfg(test)]
mod tests;
