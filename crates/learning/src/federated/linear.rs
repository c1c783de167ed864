//! Linear and logistic regression as models that can be averaged.
//!
//! ```text
//! linear:    f(x) = w·x + c                               loss: (f - y)²/2 in training, (f - y)² in the score
//! logistic:  p_k  = exp(W_k·x + c_k) / sum over l         loss: -ln p_y
//! ```
//!
//! The gradient of a row is `(f - y)·(x, 1)`, and `(p_k - [y = k])·(x, 1)` for class `k`; a step takes the mean over its rows plus `mu (w - w_start)`.
//! Features must be on scales of the same order at every site: [`Scale`] maps physical ranges, agreed upon beforehand, to -1 and 1, so that no site has to
//! tell its own mean or spread.

use serde::{Deserialize, Serialize};
use studies::synthetic::random::Random;

use super::average::{AverageError, Averageable, LocalPlan, Score, check_parameters};
use crate::matrix::Matrix;

/// Names the stream of random numbers that orders the rows.
const ORDER: u64 = 0x6665_6400;

/// The physical range of a feature, the same at all sites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// What it is, with its unit.
    pub name: String,
    /// Maps to -1.
    pub low: f64,
    /// Maps to 1.
    pub high: f64,
    /// By logarithm: for gases, whose ratios count. `low` is above 0 then, and lower values count as `low`.
    #[serde(default)]
    pub logarithmic: bool,
}

impl Scale {
    /// A value on the scale; beyond -1 and 1 where it is out of range.
    pub fn apply(&self, value: f64) -> f64 {
        let of = |v: f64| if self.logarithmic { v.max(self.low).ln() } else { v };
        2.0 * (of(value) - of(self.low)) / (of(self.high) - of(self.low)) - 1.0
    }
}

/// Rows with what is to be said of each: a number, or the number of a class from 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    features: Matrix,
    target: Vec<f64>,
}

impl Examples {
    /// Rows of features, and as many targets.
    ///
    /// # Errors
    ///
    /// `Shape` without rows or when lengths differ, `Value` for NaN or infinity.
    pub fn new(features: Matrix, target: Vec<f64>) -> Result<Self, AverageError> {
        if features.rows() != target.len() || target.is_empty() {
            return Err(AverageError::Shape { what: "rows with a target", given: target.len(), needed: features.rows().max(1) });
        }
        for row in 0..features.rows() {
            if let Some(column) = features.row(row).iter().position(|v| !v.is_finite()) {
                return Err(AverageError::Value { row, what: format!("feature {column}"), value: features.at(row, column) });
            }
            if !target[row].is_finite() {
                return Err(AverageError::Value { row, what: "the target".to_owned(), value: target[row] });
            }
        }
        Ok(Self { features, target })
    }

    /// The features.
    pub fn features(&self) -> &Matrix {
        &self.features
    }

    /// The targets.
    pub fn target(&self) -> &[f64] {
        &self.target
    }
}

/// Steps of stochastic gradient over the rows in random order; `gradient` adds that of one row.
fn descend(parameters: &mut [f64], rows: usize, plan: &LocalPlan, seed: u64, mut gradient: impl FnMut(&[f64], usize, &mut [f64])) {
    let start = parameters.to_vec();
    let mut sum = vec![0.0; parameters.len()];
    let mut order: Vec<usize> = (0..rows).collect();
    for epoch in 0..plan.epochs {
        let mut random = Random::new(seed, ORDER, u64::from(epoch));
        for last in (1..rows).rev() {
            order.swap(last, (random.unit() * (last + 1) as f64) as usize);
        }
        for batch in order.chunks(plan.batch as usize) {
            sum.fill(0.0);
            batch.iter().for_each(|&row| gradient(parameters, row, &mut sum));
            for ((parameter, sum), start) in parameters.iter_mut().zip(&sum).zip(&start) {
                *parameter -= plan.learning_rate * (sum / batch.len() as f64 + plan.proximal * (*parameter - start));
            }
        }
    }
}

fn check_width(rows: &Examples, features: usize) -> Result<(), AverageError> {
    let given = rows.features.columns();
    if given == features { Ok(()) } else { Err(AverageError::Shape { what: "features", given, needed: features }) }
}

/// Weights of the features, then the constant: `w·x + c`.
fn affine(parameters: &[f64], row: &[f64]) -> f64 {
    row.iter().zip(parameters).map(|(x, w)| x * w).sum::<f64>() + parameters[row.len()]
}

/// A number as a weighted sum of features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearRegression {
    features: usize,
    parameters: Vec<f64>,
}

impl LinearRegression {
    /// All weights zero.
    pub fn new(features: usize) -> Self {
        Self { features, parameters: vec![0.0; features + 1] }
    }

    /// The number for a row.
    pub fn predict(&self, row: &[f64]) -> f64 {
        affine(&self.parameters, row)
    }
}

impl Averageable for LinearRegression {
    type Rows = Examples;

    fn parameters(&self) -> Vec<f64> {
        self.parameters.clone()
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<(), AverageError> {
        check_parameters(parameters, self.parameters.len())?;
        self.parameters.copy_from_slice(parameters);
        Ok(())
    }

    fn local_train(&mut self, rows: &Examples, plan: &LocalPlan, seed: u64) -> Result<(), AverageError> {
        plan.check()?;
        check_width(rows, self.features)?;
        descend(&mut self.parameters, rows.target.len(), plan, seed, |parameters, row, sum| {
            let features = rows.features.row(row);
            let error = affine(parameters, features) - rows.target[row];
            features.iter().chain([&1.0]).zip(sum).for_each(|(x, s)| *s += error * x);
        });
        Ok(())
    }

    fn score(&self, rows: &Examples) -> Result<Score, AverageError> {
        check_width(rows, self.features)?;
        let n = rows.target.len() as f64;
        let mean = rows.target.iter().sum::<f64>() / n;
        let spread = rows.target.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / n;
        let loss = rows.target.iter().enumerate().map(|(i, y)| (self.predict(rows.features.row(i)) - y).powi(2)).sum::<f64>() / n;
        let accuracy = if spread > 0.0 { 1.0 - loss / spread } else { 0.0 };
        Ok(Score { examples: rows.target.len() as u64, loss, accuracy })
    }

    fn count(rows: &Examples) -> usize {
        rows.target.len()
    }
}

/// One of several classes by the logistic of weighted sums.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogisticRegression {
    features: usize,
    classes: usize,
    parameters: Vec<f64>,
}

impl LogisticRegression {
    /// All weights zero: every class equally likely.
    pub fn new(features: usize, classes: usize) -> Self {
        Self { features, classes, parameters: vec![0.0; (features + 1) * classes] }
    }

    fn check(&self, rows: &Examples) -> Result<(), AverageError> {
        check_width(rows, self.features)?;
        match rows.target.iter().enumerate().find(|(_, y)| !(**y >= 0.0 && **y < self.classes as f64 && y.fract() == 0.0)) {
            Some((row, &value)) => Err(AverageError::Value { row, what: "the class".to_owned(), value }),
            None => Ok(()),
        }
    }

    /// Probabilities of the classes.
    fn probabilities_with(&self, parameters: &[f64], row: &[f64]) -> Vec<f64> {
        let mut values: Vec<f64> = parameters.chunks(self.features + 1).map(|of_class| affine(of_class, row)).collect();
        let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        values.iter_mut().for_each(|v| *v = (*v - greatest).exp());
        let sum: f64 = values.iter().sum();
        values.iter_mut().for_each(|v| *v /= sum);
        values
    }

    /// Probabilities of the classes for a row.
    pub fn probabilities(&self, row: &[f64]) -> Vec<f64> {
        self.probabilities_with(&self.parameters, row)
    }

    /// The likeliest class, the first of equals.
    pub fn predict(&self, row: &[f64]) -> usize {
        let probabilities = self.probabilities(row);
        (1..self.classes).fold(0, |best, k| if probabilities[k] > probabilities[best] { k } else { best })
    }
}

impl Averageable for LogisticRegression {
    type Rows = Examples;

    fn parameters(&self) -> Vec<f64> {
        self.parameters.clone()
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<(), AverageError> {
        check_parameters(parameters, self.parameters.len())?;
        self.parameters.copy_from_slice(parameters);
        Ok(())
    }

    fn local_train(&mut self, rows: &Examples, plan: &LocalPlan, seed: u64) -> Result<(), AverageError> {
        plan.check()?;
        self.check(rows)?;
        let mut parameters = std::mem::take(&mut self.parameters);
        descend(&mut parameters, rows.target.len(), plan, seed, |parameters, row, sum| {
            let features = rows.features.row(row);
            let probabilities = self.probabilities_with(parameters, features);
            for (class, of_class) in sum.chunks_mut(self.features + 1).enumerate() {
                let error = probabilities[class] - f64::from(u8::from(rows.target[row] == class as f64));
                features.iter().chain([&1.0]).zip(of_class).for_each(|(x, s)| *s += error * x);
            }
        });
        self.parameters = parameters;
        Ok(())
    }

    fn score(&self, rows: &Examples) -> Result<Score, AverageError> {
        self.check(rows)?;
        let n = rows.target.len();
        let (mut loss, mut right) = (0.0, 0);
        for (row, &class) in rows.target.iter().enumerate() {
            let features = rows.features.row(row);
            // Where exp underflows to 0, the loss is that of the smallest number.
            loss -= self.probabilities(features)[class as usize].max(f64::MIN_POSITIVE).ln();
            right += usize::from(self.predict(features) == class as usize);
        }
        Ok(Score { examples: n as u64, loss: loss / n as f64, accuracy: right as f64 / n as f64 })
    }

    fn count(rows: &Examples) -> usize {
        rows.target.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> LocalPlan {
        LocalPlan { epochs: 400, batch: 8, learning_rate: 0.5, proximal: 0.0, seed: 3 }
    }

    #[test]
    fn classes_of_counts_get_the_logarithm_of_their_odds() {
        // Without features that tell anything, the best model gives the shares of the classes: closed form.
        let rows = Examples::new(Matrix::from_values(1, vec![0.0; 10]), vec![0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 2.0]).unwrap();
        let mut model = LogisticRegression::new(1, 3);
        model.local_train(&rows, &LocalPlan { batch: 10, epochs: 2000, ..plan() }, 1).unwrap();
        for (probability, share) in model.probabilities(&[0.0]).iter().zip([0.5, 0.3, 0.2]) {
            assert!((probability - share).abs() < 1e-9, "{probability}");
        }
        let entropy = -(0.5 * 0.5f64.ln() + 0.3 * 0.3f64.ln() + 0.2 * 0.2f64.ln());
        assert!((model.score(&rows).unwrap().loss - entropy).abs() < 1e-9);
        assert_eq!(model.score(&rows).unwrap().accuracy, 0.5);
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let rows = Examples::new(Matrix::from_values(2, vec![0.3, -0.2, 1.0, 0.5, -0.7, 0.1]), vec![0.0, 2.0, 1.0]).unwrap();
        let mut model = LogisticRegression::new(2, 3);
        model.set_parameters(&[0.1, -0.2, 0.3, 0.5, 0.4, -0.1, -0.6, 0.2, 0.0]).unwrap();
        let mut stepped = model.clone();
        stepped.local_train(&rows, &LocalPlan { epochs: 1, batch: 3, learning_rate: 1e-3, ..plan() }, 1).unwrap();
        for i in 0..9 {
            let loss = |shift: f64| {
                let mut other = model.clone();
                other.parameters[i] += shift;
                other.score(&rows).unwrap().loss
            };
            let numeric = (loss(1e-5) - loss(-1e-5)) / 2e-5;
            let taken = (model.parameters[i] - stepped.parameters[i]) / 1e-3;
            assert!((numeric - taken).abs() < 1e-8, "{i}: {numeric} {taken}");
        }
    }

    #[test]
    fn the_same_seed_trains_the_same_and_a_model_comes_back_as_it_was() {
        let mut random = Random::new(1, 1, 1);
        let mut features = Matrix::new(2);
        let target = (0..60).map(|i| f64::from(i % 3)).collect();
        (0..60).for_each(|i| features.push(&[f64::from(i % 3) + random.normal() * 0.3, random.normal()]));
        let rows = Examples::new(features, target).unwrap();
        let train = |seed| {
            let mut model = LogisticRegression::new(2, 3);
            model.local_train(&rows, &LocalPlan { epochs: 5, ..plan() }, seed).unwrap();
            model
        };
        assert_eq!(train(1), train(1));
        assert_ne!(train(1), train(2));
        let back: LogisticRegression = serde_json::from_str(&serde_json::to_string(&train(1)).unwrap()).unwrap();
        assert_eq!(back, train(1));
    }

    #[test]
    fn scales_map_their_ends() {
        let scale = Scale { name: "hydrogen_ppm".to_owned(), low: 1.0, high: 10_000.0, logarithmic: true };
        assert_eq!([scale.apply(1.0), scale.apply(10_000.0), scale.apply(0.0)], [-1.0, 1.0, -1.0]);
        assert!(scale.apply(100.0).abs() < 1e-15);
        assert_eq!(Scale { logarithmic: false, low: 20.0, high: 120.0, ..scale }.apply(70.0), 0.0);
    }

    #[test]
    fn bad_rows_are_refused() {
        let one = |values: Vec<f64>, target: Vec<f64>| Examples::new(Matrix::from_values(2, values), target);
        assert!(matches!(one(vec![1.0, f64::NAN], vec![0.0]), Err(AverageError::Value { row: 0, .. })));
        assert!(matches!(one(vec![1.0, 2.0], vec![f64::INFINITY]), Err(AverageError::Value { row: 0, .. })));
        assert!(matches!(one(vec![1.0, 2.0], vec![]), Err(AverageError::Shape { .. })));
        assert!(matches!(one(vec![], vec![]), Err(AverageError::Shape { .. })));
        let rows = one(vec![1.0, 2.0], vec![3.0]).unwrap();
        assert!(matches!(LogisticRegression::new(2, 3).score(&rows), Err(AverageError::Value { row: 0, value: 3.0, .. })));
        assert!(matches!(LogisticRegression::new(1, 4).score(&rows), Err(AverageError::Shape { what: "features", .. })));
    }
}
