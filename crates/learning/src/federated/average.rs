//! Models that can be averaged: a flat vector of parameters, trained where the data are.
//!
//! FedAvg (McMahan, Moore, Ramage, Hampson, Agüera y Arcas, AISTATS 2017): each site starts from the global parameters `w`, takes some epochs of stochastic
//! gradient on its own rows, and answers with the difference `d_k`; the next global parameters are `w + eta v` with
//!
//! ```text
//! v = beta v + (sum of n_k d_k) / (sum of n_k)          beta: momentum of the server (Hsu, Qi, Brown 2019); 0 gives FedAvg
//! ```
//!
//! FedProx (Li, Sahu, Zaheer, Sanjabi, Talwalkar, Smith, MLSys 2020) adds `mu/2 |w_k - w|²` to what each site minimises, which keeps sites with different data
//! from drifting apart. A forest of trees is no such vector and cannot be averaged.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::federation::{Federation, Site};
use super::site::{Judgement, Model, Question, SiteError, SiteModel, Update};

/// Why a model does not train.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum AverageError {
    /// Parameters of another model.
    #[error("{given} parameters for a model that has {own}")]
    Parameters {
        /// How many came.
        given: usize,
        /// How many the model has.
        own: usize,
    },
    /// A parameter that is not finite.
    #[error("parameter {index} is {value}")]
    NotFinite {
        /// Which.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// Rows and targets do not fit each other or the model.
    #[error("{what}: {given} given, {needed} needed")]
    Shape {
        /// What.
        what: &'static str,
        /// How many there are.
        given: usize,
        /// How many there should be.
        needed: usize,
    },
    /// A value that is not finite, or a class that is none.
    #[error("row {row}: {what} is {value}")]
    Value {
        /// The row, from 0.
        row: usize,
        /// Which value.
        what: String,
        /// The value.
        value: f64,
    },
    /// A network.
    #[error(transparent)]
    Net(#[from] crate::net::NetError),
    /// A number of the plan.
    #[error("{name} is {value}; it has to be {range}")]
    Plan {
        /// Which.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
}

/// How a site trains in one round.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocalPlan {
    /// Passes through the rows.
    pub epochs: u32,
    /// Rows a step.
    pub batch: u32,
    /// Step length.
    pub learning_rate: f64,
    /// `mu` of FedProx; 0 for FedAvg.
    pub proximal: f64,
    /// Order of the rows.
    pub seed: u64,
}

impl LocalPlan {
    /// What is wrong with it.
    ///
    /// # Errors
    ///
    /// `Plan`.
    pub fn check(&self) -> Result<(), AverageError> {
        let number = |name, value: f64, range, fits: bool| if fits { Ok(()) } else { Err(AverageError::Plan { name, value, range }) };
        number("epochs", f64::from(self.epochs), "1 to 100000", (1..=100_000).contains(&self.epochs))?;
        number("batch", f64::from(self.batch), "1 or more", self.batch >= 1)?;
        number("learning_rate", self.learning_rate, "above 0 and finite", self.learning_rate > 0.0 && self.learning_rate.is_finite())?;
        number("proximal", self.proximal, "0 or more and finite", self.proximal >= 0.0 && self.proximal.is_finite())
    }
}

/// How well a model does on rows that it was not trained on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// How many rows.
    pub examples: u64,
    /// Mean loss: cross-entropy in nats, or squared error.
    pub loss: f64,
    /// Share of right classes; of a regression, the share of variance explained.
    pub accuracy: f64,
}

/// A model that is a flat vector of parameters.
pub trait Averageable: Clone {
    /// What it is trained on.
    type Rows;

    /// Its parameters, always in the same order.
    fn parameters(&self) -> Vec<f64>;

    /// Puts other parameters in.
    ///
    /// # Errors
    ///
    /// `Parameters`, `NotFinite`.
    fn set_parameters(&mut self, parameters: &[f64]) -> Result<(), AverageError>;

    /// Trains from the parameters it has, drawn back to them by `plan.proximal`. The same rows, plan and seed give the same parameters bit by bit.
    ///
    /// # Errors
    ///
    /// `Shape`, `Value`, `Plan`.
    fn local_train(&mut self, rows: &Self::Rows, plan: &LocalPlan, seed: u64) -> Result<(), AverageError>;

    /// How well it does.
    ///
    /// # Errors
    ///
    /// `Shape`, `Value`.
    fn score(&self, rows: &Self::Rows) -> Result<Score, AverageError>;

    /// How many rows there are.
    fn count(rows: &Self::Rows) -> usize;
}

/// Checks parameters for a model of `own` parameters.
///
/// # Errors
///
/// `Parameters`, `NotFinite`.
pub fn check_parameters(parameters: &[f64], own: usize) -> Result<(), AverageError> {
    if parameters.len() != own {
        return Err(AverageError::Parameters { given: parameters.len(), own });
    }
    match parameters.iter().enumerate().find(|(_, p)| !p.is_finite()) {
        Some((index, &value)) => Err(AverageError::NotFinite { index, value }),
        None => Ok(()),
    }
}

/// The coordinator's side: global parameters and how a mean update moves them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Averaging {
    parameters: Vec<f64>,
    velocity: Vec<f64>,
    /// `eta`.
    learning_rate: f64,
    /// `beta`.
    momentum: f64,
    local: LocalPlan,
}

impl Averaging {
    /// From the parameters to start with.
    ///
    /// # Errors
    ///
    /// `NotFinite`, `Plan`.
    pub fn new(parameters: Vec<f64>, local: LocalPlan, learning_rate: f64, momentum: f64) -> Result<Self, AverageError> {
        check_parameters(&parameters, parameters.len())?;
        local.check()?;
        if !(learning_rate > 0.0 && learning_rate.is_finite()) {
            return Err(AverageError::Plan { name: "server learning_rate", value: learning_rate, range: "above 0 and finite" });
        }
        if !(0.0..1.0).contains(&momentum) {
            return Err(AverageError::Plan { name: "server momentum", value: momentum, range: "0 or more and below 1" });
        }
        Ok(Self { velocity: vec![0.0; parameters.len()], parameters, learning_rate, momentum, local })
    }

    /// The global parameters.
    pub fn parameters(&self) -> &[f64] {
        &self.parameters
    }

    /// What the sites are asked.
    pub fn question(&self) -> Question {
        Question::Average { parameters: self.parameters.clone(), local: self.local }
    }

    /// The state after a mean update.
    pub fn after(&self, mean: &[f64]) -> Self {
        let mut next = self.clone();
        for ((parameter, velocity), update) in next.parameters.iter_mut().zip(&mut next.velocity).zip(mean) {
            *velocity = self.momentum * *velocity + update;
            *parameter += self.learning_rate * *velocity;
        }
        next
    }

    /// The same parameters at rest: momentum that led to harm is not kept.
    pub fn at_rest(&self) -> Self {
        Self { velocity: vec![0.0; self.velocity.len()], ..self.clone() }
    }
}

/// A site with a model that can be averaged, rows to train on and rows kept apart to judge by.
#[derive(Clone, Debug)]
pub struct AveragingSite<M: Averageable> {
    model: M,
    rows: M::Rows,
    held_out: M::Rows,
    released: Option<Vec<f64>>,
    alone: Option<Score>,
}

impl<M: Averageable> AveragingSite<M> {
    /// A site. `alone` is how the site's own model, trained on its own rows, does on `held_out`, for comparison.
    pub fn new(model: M, rows: M::Rows, held_out: M::Rows, alone: Option<Score>) -> Self {
        Self { model, rows, held_out, released: None, alone }
    }

    /// The model as last released to the site, or the one it began with.
    pub fn model(&self) -> M {
        let mut model = self.model.clone();
        if let Some(released) = &self.released {
            model.set_parameters(released).expect("released parameters were checked when they came");
        }
        model
    }

    fn with(&self, model: &Model) -> Result<M, SiteError> {
        let Model::Parameters(parameters) = model else { return Err(SiteError::Kind) };
        let mut own = self.model.clone();
        own.set_parameters(parameters)?;
        Ok(own)
    }
}

impl<M: Averageable> SiteModel for AveragingSite<M> {
    fn update(&mut self, _: &Federation, me: Site, round: u64, question: &Question) -> Result<Update, SiteError> {
        let Question::Average { parameters, local } = question else { return Err(SiteError::Kind) };
        local.check()?;
        self.model.set_parameters(parameters)?;
        let mut trained = self.model.clone();
        // Each round and site goes through its rows in an order of its own.
        trained.local_train(&self.rows, local, local.seed ^ round << 8 ^ u64::from(me.0))?;
        let values: Vec<f64> = trained.parameters().iter().zip(parameters).map(|(new, old)| new - old).collect();
        Ok(Update { values, weight: M::count(&self.rows) as u64 })
    }

    fn judge(&mut self, candidate: &Model) -> Result<Judgement, SiteError> {
        let after = self.with(candidate)?.score(&self.held_out)?;
        let before = self.model().score(&self.held_out)?;
        Ok(Judgement { before, after, alone: self.alone })
    }

    fn release(&mut self, model: &Model) -> Result<(), SiteError> {
        let Model::Parameters(parameters) = model else { return Err(SiteError::Kind) };
        check_parameters(parameters, self.model.parameters().len())?;
        self.released = Some(parameters.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::linear::{Examples, LinearRegression};
    use super::*;
    use crate::matrix::Matrix;

    /// Sites whose rows lie apart on the same plane, y = 1 + 2a - 3b.
    fn rows(site: u64) -> Examples {
        let mut random = studies::synthetic::random::Random::new(1, 2, site);
        let mut features = Matrix::new(2);
        let mut target = Vec::new();
        for _ in 0..50 {
            let (a, b) = (random.between(0.0, 1.0) + site as f64 * 0.3, random.between(-1.0, 1.0));
            features.push(&[a, b]);
            target.push(1.0 + 2.0 * a - 3.0 * b);
        }
        Examples::new(features, target).unwrap()
    }

    fn train(rounds: u64, momentum: f64, proximal: f64) -> Vec<f64> {
        let local = LocalPlan { epochs: 2, batch: 10, learning_rate: 0.1, proximal, seed: 5 };
        let mut averaging = Averaging::new(vec![0.0; 3], local, 1.0, momentum).unwrap();
        for round in 0..rounds {
            let mut mean = vec![0.0; 3];
            for site in 0..3 {
                let mut model = LinearRegression::new(2);
                model.set_parameters(averaging.parameters()).unwrap();
                model.local_train(&rows(site), &local, round * 10 + site).unwrap();
                for (m, (new, old)) in mean.iter_mut().zip(model.parameters().iter().zip(averaging.parameters())) {
                    *m += (new - old) / 3.0;
                }
            }
            averaging = averaging.after(&mean);
        }
        averaging.parameters().to_vec()
    }

    #[test]
    fn sites_on_one_plane_find_the_plane() {
        for (rounds, momentum, proximal) in [(120, 0.0, 0.0), (60, 0.5, 0.0), (200, 0.0, 0.5)] {
            let found = train(rounds, momentum, proximal);
            for (found, true_value) in found.iter().zip([2.0, -3.0, 1.0]) {
                assert!((found - true_value).abs() < 1e-3, "{momentum} {proximal}: {found}");
            }
        }
    }

    #[test]
    fn the_proximal_term_holds_a_site_near_the_global_model() {
        let far = |proximal| {
            let local = LocalPlan { epochs: 20, batch: 10, learning_rate: 0.05, proximal, seed: 5 };
            let mut model = LinearRegression::new(2);
            model.local_train(&rows(0), &local, 1).unwrap();
            super::super::privacy::norm(&model.parameters())
        };
        let distances = [0.0, 0.1, 1.0, 10.0].map(far);
        assert!(distances.windows(2).all(|pair| pair[1] < pair[0]), "{distances:?}");
        // Least squares with mu |w|²/2 in closed form: (X'X/n + mu I) w = X'y/n.
        let data = rows(0);
        let (mut a, mut b) = ([[0.0; 3]; 3], [0.0; 3]);
        for i in 0..50 {
            let x = [data.features().at(i, 0), data.features().at(i, 1), 1.0];
            for r in 0..3 {
                b[r] += x[r] * data.target()[i] / 50.0;
                (0..3).for_each(|c| a[r][c] += x[r] * x[c] / 50.0);
            }
        }
        (0..3).for_each(|r| a[r][r] += 1.0);
        for p in 0..3 {
            for r in 0..3 {
                if r != p {
                    let factor = a[r][p] / a[p][p];
                    (0..3).for_each(|c| a[r][c] -= factor * a[p][c]);
                    b[r] -= factor * b[p];
                }
            }
        }
        let exact: Vec<f64> = (0..3).map(|r| b[r] / a[r][r]).collect();
        let local = LocalPlan { epochs: 3000, batch: 50, learning_rate: 0.05, proximal: 1.0, seed: 5 };
        let mut model = LinearRegression::new(2);
        model.local_train(&data, &local, 1).unwrap();
        for (found, exact) in model.parameters().iter().zip(exact) {
            assert!((found - exact).abs() < 1e-9, "{found} {exact}");
        }
    }

    #[test]
    fn bad_plans_and_parameters_are_refused() {
        let local = LocalPlan { epochs: 1, batch: 1, learning_rate: 0.1, proximal: 0.0, seed: 0 };
        assert!(matches!(Averaging::new(vec![f64::NAN], local, 1.0, 0.0), Err(AverageError::NotFinite { index: 0, .. })));
        assert!(matches!(
            Averaging::new(vec![0.0], LocalPlan { epochs: 0, ..local }, 1.0, 0.0),
            Err(AverageError::Plan { name: "epochs", .. })
        ));
        assert!(matches!(Averaging::new(vec![0.0], local, 1.0, 1.0), Err(AverageError::Plan { name: "server momentum", .. })));
        assert!(matches!(LinearRegression::new(2).set_parameters(&[0.0]), Err(AverageError::Parameters { given: 1, own: 3 })));
    }
}
