//! What the protocol needs of a site's model, and what is said about models on the way.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::average::{AverageError, LocalPlan, Score};
use super::coding::{Coding, CodingError};
use super::federation::{Federation, Site};
use super::trees::{Ask, Ensemble};

/// What all sites of a round are asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Question {
    /// Train from these parameters; the answer is the difference.
    Average {
        /// The global parameters.
        parameters: Vec<f64>,
        /// How to train.
        local: LocalPlan,
    },
    /// Count or sum rows for boosted trees; the answer is the sum.
    Trees(Box<Ask>),
}

impl Question {
    /// How many numbers an answer has.
    pub fn values(&self) -> usize {
        match self {
            Self::Average { parameters, .. } => parameters.len(),
            Self::Trees(ask) => ask.values(),
        }
    }

    /// How answers become words.
    ///
    /// # Errors
    ///
    /// When bounds, members and noise of the federation leave no room in 64 bits, or sums are asked for under noise.
    pub fn coding(&self, federation: &Federation) -> Result<Coding, CodingError> {
        match self {
            Self::Average { .. } => Coding::new(federation),
            Self::Trees(ask) => Coding::of_sums(federation, ask.plan.per_row()),
        }
    }
}

/// A site's answer before it is clipped, weighted, blurred and masked.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The numbers.
    pub values: Vec<f64>,
    /// How many rows stand behind it.
    pub weight: u64,
}

/// A model as it travels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Model {
    /// Parameters of a model that all sites know.
    Parameters(Vec<f64>),
    /// A model as a JSON document.
    Document(String),
    /// Boosted trees.
    Trees(Box<Ensemble>),
}

impl Model {
    /// SHA-256 of its content.
    pub fn digest(&self) -> super::digest::Digest {
        super::digest::Digest::of_value(self)
    }
}

/// How a candidate does on rows that only the site has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The model released last.
    pub before: Score,
    /// The candidate.
    pub after: Score,
    /// The site's own model.
    pub alone: Option<Score>,
}

/// Why a site does not answer.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SiteError {
    /// A question or a model of another kind than the site has.
    #[error("the site has a model of another kind")]
    Kind,
    /// The model does not train or score.
    #[error(transparent)]
    Average(#[from] AverageError),
    /// Rows and question do not fit.
    #[error("{what}")]
    Rows {
        /// What is wrong.
        what: String,
    },
}

/// A site's model with its rows, which do not leave it.
pub trait SiteModel {
    /// The answer to a question.
    ///
    /// # Errors
    ///
    /// The site then sits the round out and tells the reason to the coordinator: it must not tell of rows.
    fn update(&mut self, federation: &Federation, me: Site, round: u64, question: &Question) -> Result<Update, SiteError>;

    /// How a candidate does.
    ///
    /// # Errors
    ///
    /// `Kind`, `Average`.
    fn judge(&mut self, candidate: &Model) -> Result<Judgement, SiteError>;

    /// Takes a model that was released.
    ///
    /// # Errors
    ///
    /// `Kind`, `Average` when its parameters are not those of the site's model.
    fn release(&mut self, model: &Model) -> Result<(), SiteError>;
}
