//! The model: cuts, first answers and trees of every chain.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::super::average::Score;
use super::plan::{Plan, Target};
use super::site::TreeRows;
use crate::boosting::Objective;
use crate::boosting::bins::Cuts;
use crate::matrix::Matrix;
use crate::tree::Tree;

/// Trees of a federation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    /// Names of the features with their units, in their order.
    pub features: Vec<String>,
    /// What it says.
    pub target: Target,
    /// Cuts of the features; none of the model that a federation begins with.
    pub cuts: Option<Cuts>,
    /// First answer of each chain, before the link.
    pub bases: Vec<f64>,
    /// Trees, already shrunk: by round, one of each chain.
    pub trees: Vec<Vec<Tree>>,
    /// By feature: part of the gain that splits on it made; zeros without a split.
    pub importance: Vec<f64>,
}

/// A model or rows that are none of this kind.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum EnsembleError {
    /// Not of the plan.
    #[error("the model is not one of the plan: {what}")]
    Plan {
        /// What is wrong.
        what: &'static str,
    },
    /// Another number of features.
    #[error("{given} features for a model of {own}")]
    Features {
        /// How many came.
        given: usize,
        /// How many it has.
        own: usize,
    },
}

impl Ensemble {
    /// The model a federation begins with: no trees, first answers 0.
    pub fn first(plan: &Plan) -> Self {
        Self {
            features: plan.scales.iter().map(|s| s.name.clone()).collect(),
            target: plan.target,
            cuts: None,
            bases: vec![0.0; plan.chains()],
            trees: Vec::new(),
            importance: vec![0.0; plan.scales.len()],
        }
    }

    /// Whether it is a model of the plan, every number finite and every question about a feature that there is.
    ///
    /// # Errors
    ///
    /// `Plan`.
    pub fn check(&self, plan: &Plan) -> Result<(), EnsembleError> {
        let (columns, chains) = (plan.scales.len(), plan.chains());
        let fits = |fits: bool, what| if fits { Ok(()) } else { Err(EnsembleError::Plan { what }) };
        fits(self.target == plan.target, "another target")?;
        fits(self.features.iter().eq(plan.scales.iter().map(|s| &s.name)), "other features")?;
        fits(self.bases.len() == chains && self.bases.iter().all(|b| b.is_finite()), "first answers")?;
        fits(self.importance.len() == columns && self.importance.iter().all(|i| i.is_finite()), "importance")?;
        fits(self.cuts.as_ref().is_none_or(|cuts| good_cuts(cuts, columns)), "cuts")?;
        fits(good_trees(&self.trees, columns, chains), "trees")
    }

    /// Sums of trees before the link, by chain.
    ///
    /// # Errors
    ///
    /// `Features`.
    pub fn margins(&self, x: &Matrix) -> Result<Vec<Vec<f64>>, EnsembleError> {
        if x.columns() != self.features.len() {
            return Err(EnsembleError::Features { given: x.columns(), own: self.features.len() });
        }
        let mut margins: Vec<Vec<f64>> = self.bases.iter().map(|b| vec![*b; x.rows()]).collect();
        for round in &self.trees {
            for (tree, margins) in round.iter().zip(&mut margins) {
                tree.add_to::<true>(x, 0, margins);
            }
        }
        Ok(margins)
    }

    /// Of each row the number, or the probabilities of all classes.
    ///
    /// # Errors
    ///
    /// `Features`.
    pub fn predict(&self, x: &Matrix) -> Result<Vec<Vec<f64>>, EnsembleError> {
        let margins = self.margins(x)?;
        let of_row = |row: usize| match self.target {
            Target::Number { .. } => vec![margins[0][row]],
            Target::Classes(2) => {
                let p = Objective::Logistic.answer(margins[0][row]);
                vec![1.0 - p, p]
            }
            Target::Classes(_) => {
                let each: Vec<f64> = margins.iter().map(|m| Objective::Logistic.answer(m[row]).max(f64::MIN_POSITIVE)).collect();
                let sum: f64 = each.iter().sum();
                each.into_iter().map(|p| p / sum).collect()
            }
        };
        Ok((0..x.rows()).map(of_row).collect())
    }

    /// The likeliest class of each row, the first of equals.
    ///
    /// # Errors
    ///
    /// `Features`.
    pub fn classes(&self, x: &Matrix) -> Result<Vec<usize>, EnsembleError> {
        let likeliest = |p: Vec<f64>| (1..p.len()).fold(0, |best, k| if p[k] > p[best] { k } else { best });
        Ok(self.predict(x)?.into_iter().map(likeliest).collect())
    }

    /// How well it does: mean cross-entropy in nats and share of right classes, or mean squared error and share of variance explained.
    ///
    /// # Errors
    ///
    /// `Features`.
    pub fn score(&self, rows: &TreeRows) -> Result<Score, EnsembleError> {
        let said = self.predict(rows.features())?;
        let y = rows.target();
        let n = y.len() as f64;
        let (loss, accuracy) = match self.target {
            Target::Classes(_) => {
                let loss: f64 = said.iter().zip(y).map(|(p, &y)| -p[y as usize].max(f64::MIN_POSITIVE).ln()).sum();
                let right = self.classes(rows.features())?.iter().zip(y).filter(|(k, y)| **k as f64 == **y).count();
                (loss / n, right as f64 / n)
            }
            Target::Number { .. } => {
                let mean = y.iter().sum::<f64>() / n;
                let spread = y.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / n;
                let loss = said.iter().zip(y).map(|(f, y)| (f[0] - y) * (f[0] - y)).sum::<f64>() / n;
                (loss, if spread > 0.0 { 1.0 - loss / spread } else { 0.0 })
            }
        };
        Ok(Score { examples: y.len() as u64, loss, accuracy })
    }
}

/// Cuts that were read from elsewhere are cuts of so many features.
pub(super) fn good_cuts(cuts: &Cuts, columns: usize) -> bool {
    cuts.features() == columns && Cuts::agreed((0..columns).map(|f| cuts.of_feature(f).to_vec()).collect()).is_ok()
}

/// Trees that were read from elsewhere: one of each chain, of one finite number a node, asking for features that there are.
pub(super) fn good_trees(trees: &[Vec<Tree>], columns: usize, chains: usize) -> bool {
    let good = |tree: &Tree| tree.width() == 1 && tree.features() <= columns && (0..tree.len()).all(|n| tree.values(n)[0].is_finite());
    trees.iter().all(|round| round.len() == chains && round.iter().all(good))
}
