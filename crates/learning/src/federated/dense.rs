//! Dense networks ([`crate::net`]) as models that can be averaged.
//!
//! All weights and biases are one flat vector, so FedAvg and FedProx ([`super::average`]) go through it as through a linear model: every site starts from the global
//! parameters, takes steps of stochastic gradient, and answers with the difference; the pull `mu (w - w_start)` is added to each step's gradient. A network without
//! hidden layers is the logistic regression of [`super::linear`].
//!
//! Averages of networks make sense only from a common start: sites build theirs from the same seed, and the federation begins with those parameters.
//!
//! **A bound for each example.** With [`DenseNet::bounded`], the gradient of every single row is shortened to a norm before rows are averaged (M. Abadi and others,
//! "Deep learning with differential privacy", CCS 2016), so that no one row moves a step by more than `rate × norm / rows of the step`. It is no accounted privacy of
//! a row: what epsilon is stated for is a site's whole update, which is shortened and blurred as that of any other model ([`super::coding`]).

use super::average::{AverageError, Averageable, LocalPlan, Score, check_parameters};
use super::linear::Examples;
use crate::net::{self, Head, Layout, Loss, Method, Network, TrainOptions};

/// A dense network that says a class or a number.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseNet {
    network: Network<f64>,
    /// Greatest norm of the gradient of one row.
    bound: Option<f64>,
}

impl DenseNet {
    /// One of several classes: rectified layers of these widths, then a softmax. The same seed gives the same network.
    ///
    /// # Errors
    ///
    /// `Net` for a layer of no width; `Plan` for fewer than two classes.
    pub fn classifier(features: usize, hidden: &[usize], classes: usize, seed: u64) -> Result<Self, AverageError> {
        if classes < 2 {
            return Err(AverageError::Plan { name: "classes", value: classes as f64, range: "2 or more" });
        }
        Ok(Self { network: Network::new(Layout::rectified(features, hidden, classes, Head::Softmax)?, seed)?, bound: None })
    }

    /// A number, on a scale of the order of 1.
    ///
    /// # Errors
    ///
    /// `Net` for a layer of no width.
    pub fn regressor(features: usize, hidden: &[usize], seed: u64) -> Result<Self, AverageError> {
        Ok(Self { network: Network::new(Layout::rectified(features, hidden, 1, Head::Identity)?, seed)?, bound: None })
    }

    /// The same with the gradient of each row shortened to `norm` in training.
    ///
    /// # Errors
    ///
    /// `Plan` unless it is above 0 and finite.
    pub fn bounded(self, norm: f64) -> Result<Self, AverageError> {
        if norm > 0.0 && norm.is_finite() {
            Ok(Self { bound: Some(norm), ..self })
        } else {
            Err(AverageError::Plan { name: "the bound of an example", value: norm, range: "above 0 and finite" })
        }
    }

    fn classes(&self) -> Option<usize> {
        (self.network.layout().head == Head::Softmax).then(|| self.network.layout().outputs())
    }

    fn loss(&self) -> Loss {
        if self.classes().is_some() { Loss::CrossEntropy } else { Loss::Squared }
    }

    /// Probabilities of the classes, or the number, of every row.
    ///
    /// # Errors
    ///
    /// `Shape` for rows of other features.
    pub fn answers(&self, rows: &Examples) -> Result<Vec<Vec<f64>>, AverageError> {
        self.check(rows)?;
        let answers = self.network.predict(rows.features().values())?;
        Ok(answers.chunks_exact(self.network.layout().outputs()).map(<[f64]>::to_vec).collect())
    }

    /// The likeliest class of every row, the first of equals.
    ///
    /// # Errors
    ///
    /// `Shape` for rows of other features.
    pub fn predict(&self, rows: &Examples) -> Result<Vec<usize>, AverageError> {
        let likeliest = |p: Vec<f64>| (1..p.len()).fold(0, |best, k| if p[k] > p[best] { k } else { best });
        Ok(self.answers(rows)?.into_iter().map(likeliest).collect())
    }

    /// Rows that fit; their targets as the loss takes them.
    fn check(&self, rows: &Examples) -> Result<Vec<f64>, AverageError> {
        let (given, needed) = (rows.features().columns(), self.network.layout().inputs);
        if given != needed {
            return Err(AverageError::Shape { what: "features", given, needed });
        }
        let Some(classes) = self.classes() else { return Ok(rows.target().to_vec()) };
        let mut shares = vec![0.0; rows.target().len() * classes];
        for (row, (&value, shares)) in rows.target().iter().zip(shares.chunks_exact_mut(classes)).enumerate() {
            if !(value >= 0.0 && value < classes as f64 && value.fract() == 0.0) {
                return Err(AverageError::Value { row, what: "the class".to_owned(), value });
            }
            shares[value as usize] = 1.0;
        }
        Ok(shares)
    }

    /// Trains with the gradient of every row shortened.
    fn train_bounded(
        &mut self,
        inputs: &[f64],
        targets: &[f64],
        options: &TrainOptions,
        proximal: net::Proximal<f64>,
        bound: f64,
    ) -> Result<(), AverageError> {
        let loss = self.loss();
        let (width, rows) = (self.network.layout().inputs, inputs.len() / self.network.layout().inputs);
        let of_row = targets.len() / rows;
        let mut parameters = self.network.parameters().to_vec();
        let mut at = self.network.clone();
        let (mut some_inputs, mut some_targets) = (Vec::new(), Vec::new());
        let slope = |p: &[f64], chosen: &[usize], gradient: &mut [f64]| {
            some_inputs.clear();
            some_targets.clear();
            for &row in chosen {
                some_inputs.extend_from_slice(&inputs[row * width..][..width]);
                some_targets.extend_from_slice(&targets[row * of_row..][..of_row]);
            }
            let mut sum = 0.0;
            let told = at.set_parameters(p).and_then(|()| {
                let examples = net::Examples { inputs: &some_inputs, targets: &some_targets, weights: None };
                at.gradient_of_each(&loss, &examples, |_, value, own| {
                    sum += value;
                    net::clip(own, bound);
                    gradient.iter_mut().zip(own).for_each(|(g, o)| *g += *o / chosen.len() as f64);
                })
            });
            // Parameters that are no numbers any more: the training ends as diverged.
            if told.is_ok() { sum / chosen.len() as f64 } else { f64::NAN }
        };
        net::descend(&mut parameters, rows, options, proximal, slope, None::<fn(&[f64]) -> f64>)?;
        self.network.set_parameters(&parameters)?;
        Ok(())
    }
}

impl Averageable for DenseNet {
    type Rows = Examples;

    fn parameters(&self) -> Vec<f64> {
        self.network.parameters().to_vec()
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<(), AverageError> {
        check_parameters(parameters, self.network.parameters().len())?;
        Ok(self.network.set_parameters(parameters)?)
    }

    fn local_train(&mut self, rows: &Examples, plan: &LocalPlan, seed: u64) -> Result<(), AverageError> {
        plan.check()?;
        let targets = self.check(rows)?;
        let inputs = rows.features().values();
        let options = TrainOptions {
            epochs: plan.epochs as usize,
            batch_rows: plan.batch as usize,
            method: Method::Sgd { momentum: 0.0 },
            rate: plan.learning_rate,
            falling_rate: false,
            clip: None,
            patience: None,
            seed,
        };
        let start = self.network.parameters().to_vec();
        let proximal = (plan.proximal > 0.0).then_some((start.as_slice(), plan.proximal));
        if let Some(bound) = self.bound {
            return self.train_bounded(inputs, &targets, &options, proximal, bound);
        }
        let examples = net::Examples { inputs, targets: &targets, weights: None };
        let loss = self.loss();
        self.network.train_epochs(&loss, &examples, None, &options, proximal)?;
        Ok(())
    }

    fn score(&self, rows: &Examples) -> Result<Score, AverageError> {
        let targets = self.check(rows)?;
        let y = rows.target();
        let n = y.len() as f64;
        let examples = net::Examples { inputs: rows.features().values(), targets: &targets, weights: None };
        let loss = self.network.loss(&self.loss(), &examples)?;
        let accuracy = if self.classes().is_some() {
            self.predict(rows)?.iter().zip(y).filter(|(k, y)| **k as f64 == **y).count() as f64 / n
        } else {
            let mean = y.iter().sum::<f64>() / n;
            let spread = y.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / n;
            if spread > 0.0 { 1.0 - loss / spread } else { 0.0 }
        };
        Ok(Score { examples: y.len() as u64, loss, accuracy })
    }

    fn count(rows: &Examples) -> usize {
        rows.target().len()
    }
}

#[cfg(test)]
mod tests {
    use studies::synthetic::random::Random;

    use super::super::average::Averaging;
    use super::super::linear::LogisticRegression;
    use super::super::privacy::norm;
    use super::*;
    use crate::matrix::Matrix;

    const PLAN: LocalPlan = LocalPlan { epochs: 5, batch: 10, learning_rate: 0.2, proximal: 0.0, seed: 3 };

    /// Inside or outside of a ring, which no plane parts; a site sees one half of it.
    fn ring(site: u64, rows: usize) -> Examples {
        let mut random = Random::new(3, 1, site);
        let (mut features, mut target) = (Matrix::new(2), Vec::new());
        while target.len() < rows {
            let (a, b) = (random.between(-1.0, 1.0), random.between(-1.0, 1.0));
            if site == 9 || (a > 0.0) == site.is_multiple_of(2) {
                features.push(&[a, b]);
                target.push(f64::from(u8::from((0.2..0.75).contains(&(a * a + b * b)))));
            }
        }
        Examples::new(features, target).unwrap()
    }

    #[test]
    fn without_hidden_layers_it_is_logistic_regression() {
        let rows = ring(0, 60);
        // All rows in one step: their order does not count.
        for proximal in [0.0, 0.7] {
            let plan = LocalPlan { batch: 60, epochs: 40, learning_rate: 0.5, proximal, ..PLAN };
            let mut logistic = LogisticRegression::new(2, 2);
            let mut dense = DenseNet::classifier(2, &[], 2, 1).unwrap();
            dense.set_parameters(&[0.0; 6]).unwrap();
            logistic.local_train(&rows, &plan, 1).unwrap();
            dense.local_train(&rows, &plan, 1).unwrap();
            for (row, p) in dense.answers(&rows).unwrap().iter().enumerate() {
                let other = logistic.probabilities(rows.features().row(row));
                assert!(p.iter().zip(&other).all(|(p, o)| (p - o).abs() < 1e-12), "{p:?} {other:?}");
            }
            let (a, b) = (dense.score(&rows).unwrap(), logistic.score(&rows).unwrap());
            assert!((a.loss - b.loss).abs() < 1e-12 && a.accuracy == b.accuracy && a.examples == 60);
        }
    }

    #[test]
    fn a_step_is_bounded_by_the_bound_of_an_example() {
        let mut rows = ring(0, 40);
        // One row a thousand times as large as the others, of the class that the network thinks it is not.
        let mut features = Matrix::new(2);
        (0..39).for_each(|i| features.push(rows.features().row(i)));
        features.push(&[1000.0, -1000.0]);
        let mut target = rows.target().to_vec();
        rows = Examples::new(features.clone(), target.clone()).unwrap();
        target[39] = 1.0 - DenseNet::classifier(2, &[8], 2, 1).unwrap().predict(&rows).unwrap()[39] as f64;
        rows = Examples::new(features, target).unwrap();
        let plan = LocalPlan { epochs: 1, batch: 40, learning_rate: 0.1, ..PLAN };
        let moved = |bound: Option<f64>| {
            let mut dense = DenseNet::classifier(2, &[8], 2, 1).unwrap();
            if let Some(bound) = bound {
                dense = dense.bounded(bound).unwrap();
            }
            let before = dense.parameters();
            dense.local_train(&rows, &plan, 1).unwrap();
            norm(&dense.parameters().iter().zip(&before).map(|(a, b)| a - b).collect::<Vec<_>>())
        };
        assert!(moved(None) > 0.5, "{}", moved(None));
        assert!(moved(Some(0.2)) <= 0.1 * 0.2 + 1e-12, "{}", moved(Some(0.2)));
        // A bound that no row reaches changes nothing but rounding.
        assert!((moved(Some(1e9)) - moved(None)).abs() < 1e-9);
        assert!(DenseNet::classifier(2, &[8], 2, 1).unwrap().bounded(0.0).is_err());
    }

    fn federated(rounds: u64, proximal: f64, bound: Option<f64>) -> (DenseNet, f64) {
        let make = || {
            let net = DenseNet::classifier(2, &[16], 2, 4).unwrap();
            bound.map_or(net.clone(), |b| net.bounded(b).unwrap())
        };
        let plan = LocalPlan { proximal, ..PLAN };
        let mut averaging = Averaging::new(make().parameters(), plan, 1.0, 0.5).unwrap();
        let mut longest = 0.0f64;
        for round in 0..rounds {
            let mut mean = vec![0.0; averaging.parameters().len()];
            for site in 0..4 {
                let mut model = make();
                model.set_parameters(averaging.parameters()).unwrap();
                model.local_train(&ring(site, 100), &plan, round * 10 + site).unwrap();
                let update: Vec<f64> = model.parameters().iter().zip(averaging.parameters()).map(|(a, b)| a - b).collect();
                longest = longest.max(norm(&update));
                mean.iter_mut().zip(&update).for_each(|(m, u)| *m += u / 4.0);
            }
            averaging = averaging.after(&mean);
        }
        let mut model = make();
        model.set_parameters(averaging.parameters()).unwrap();
        (model, longest)
    }

    #[test]
    fn sites_that_see_half_a_ring_each_find_the_ring() {
        let test = ring(9, 1000);
        let score = |m: &DenseNet| m.score(&test).unwrap().accuracy;
        let (average, longest) = federated(150, 0.0, None);
        let (near, shorter) = federated(150, 0.05, None);
        let (bounded, _) = federated(150, 0.0, Some(3.0));
        let alone = |site| {
            let mut model = DenseNet::classifier(2, &[16], 2, 4).unwrap();
            model.local_train(&ring(site, 100), &LocalPlan { epochs: 300, ..PLAN }, 1).unwrap();
            score(&model)
        };
        let local = (alone(0) + alone(1)) / 2.0;
        println!("FedAvg {:.3}, FedProx {:.3}, bounded {:.3}, mean local {local:.3}", score(&average), score(&near), score(&bounded));
        assert!(score(&average) > 0.9 && score(&near) > 0.85 && score(&bounded) > 0.85);
        assert!(score(&average) > local + 0.05);
        assert!(shorter < longest, "the pull holds sites near: {shorter} {longest}");
    }

    #[test]
    fn the_same_seed_trains_the_same_and_bad_rows_are_refused() {
        let rows = ring(1, 50);
        let train = |seed| {
            let mut model = DenseNet::classifier(2, &[5], 2, 1).unwrap();
            model.local_train(&rows, &PLAN, seed).unwrap();
            model
        };
        assert_eq!(train(1), train(1));
        assert_ne!(train(1), train(2));
        assert!(matches!(DenseNet::classifier(3, &[5], 2, 1).unwrap().score(&rows), Err(AverageError::Shape { .. })));
        let odd = Examples::new(Matrix::from_values(2, vec![0.0, 1.0]), vec![2.0]).unwrap();
        assert!(matches!(train(1).score(&odd), Err(AverageError::Value { row: 0, .. })));
        assert!(DenseNet::classifier(2, &[0], 2, 1).is_err() && DenseNet::classifier(2, &[3], 1, 1).is_err());
        // Steps so long that nothing is left: told, and the parameters are as they were.
        let mut model = DenseNet::regressor(2, &[4], 1).unwrap();
        let before = model.parameters();
        let wild = LocalPlan { learning_rate: 1e200, epochs: 5, ..PLAN };
        assert!(matches!(model.local_train(&rows, &wild, 1), Err(AverageError::Net(_))));
        assert_eq!(model.parameters(), before);
        // A number that no plane gives.
        let all = ring(9, 200);
        let bent = (0..200).map(|i| all.features().at(i, 0).abs() + 0.5 * all.features().at(i, 1)).collect();
        let rows = Examples::new(all.features().clone(), bent).unwrap();
        let mut model = DenseNet::regressor(2, &[16], 1).unwrap();
        model.local_train(&rows, &LocalPlan { epochs: 200, learning_rate: 0.05, ..PLAN }, 1).unwrap();
        assert!(model.score(&rows).unwrap().accuracy > 0.9, "{:?}", model.score(&rows));
    }
}
