//! A fitted model and its card: what it was made of, how good it is on rows it has not seen, and what it must not be asked.

use crate::guard::Reference;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A column that a model predicts from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    pub name: String,
    pub unit: String,
    /// Least and greatest value in training; none where it was no number.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Share of the importance, 0 to 1, where the method gives one.
    pub importance: Option<f64>,
}

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    Higher,
    Lower,
    /// Close to a value, as a coverage is.
    Near,
}

/// The same figure for something simpler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    pub name: String,
    pub value: f64,
}

/// A figure on held-out rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    pub name: String,
    /// Empty where there is none.
    pub unit: String,
    pub value: f64,
    /// 95 % interval, where one was computed.
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub better: Better,
    /// What it has to be, for [`Better::Near`].
    pub target: Option<f64>,
    pub baseline: Option<Baseline>,
}

impl Metric {
    /// A figure without interval.
    pub fn new(name: &str, unit: &str, value: f64, better: Better) -> Self {
        Self { name: name.to_owned(), unit: unit.to_owned(), value, low: None, high: None, better, target: None, baseline: None }
    }

    /// With what something simpler reaches.
    pub fn against(mut self, name: &str, value: f64) -> Self {
        self.baseline = Some(Baseline { name: name.to_owned(), value });
        self
    }

    /// With its 95 % interval.
    pub fn between(mut self, low: f64, high: f64) -> Self {
        (self.low, self.high) = (Some(low), Some(high));
        self
    }

    /// With the value that it should be near.
    pub fn near(mut self, target: f64) -> Self {
        (self.better, self.target) = (Better::Near, Some(target));
        self
    }
}

/// How rows were held out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// In a sentence: by time, by equipment, rolling.
    pub how: String,
    pub rows: usize,
    /// First and last moment of the held-out rows, s since 1970 UTC.
    pub span_s: Option<[i64; 2]>,
}

/// A point of a calibration plot: what was said, and what came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reliable {
    /// Mean of what was said in the bin.
    pub said: f64,
    /// What came, on average.
    pub came: f64,
    pub rows: usize,
}

/// An input that a model was fitted to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    pub name: String,
    /// The file or question it came from.
    pub from: String,
    pub rows: usize,
    /// Of the values as they were read.
    pub sha256: String,
}

/// What a reader has to know of a model before using it. `module`, `title`, `question`, `method`, `settings` and `made_of` are set by
/// [`super::fit`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Card {
    pub module: String,
    pub title: String,
    pub question: String,
    pub method: String,
    pub settings: Map<String, Value>,
    pub made_of: Vec<Made>,
    /// Rows that it was fitted to.
    pub rows: usize,
    /// First and last moment of training, s since 1970 UTC; none where rows have no time.
    pub span_s: Option<[i64; 2]>,
    pub features: Vec<Feature>,
    /// What it says, with its unit.
    pub says: String,
    pub held_out: HeldOut,
    pub metrics: Vec<Metric>,
    /// Empty where it says no probability or interval.
    pub calibration: Vec<Reliable>,
    /// When it must not be used, a sentence each.
    pub limits: Vec<String>,
}

/// A model that can be kept: its card, how its features were distributed, and what its module fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub card: Card,
    /// For drift; none where the features are too few or have gaps.
    pub reference: Option<Reference>,
    /// What the module reads again.
    pub body: Value,
}

impl Model {
    /// Of anything that serde can carry.
    ///
    /// # Panics
    /// When the body has keys that JSON cannot have, which is a bug.
    pub fn new(card: Card, body: &impl Serialize) -> Self {
        Self { card, reference: None, body: serde_json::to_value(body).expect("a model's body is plain data") }
    }

    /// With the distribution of its features.
    pub fn with_reference(mut self, reference: Option<Reference>) -> Self {
        self.reference = reference;
        self
    }

    /// The body as the module wrote it.
    ///
    /// # Errors
    /// A body that another version of the program wrote otherwise.
    pub fn body<T: serde::de::DeserializeOwned>(&self) -> Result<T, super::Refused> {
        T::deserialize(&self.body).map_err(|e| {
            vec![
                network::Diagnostic::error("LEARN.MODEL.UNREADABLE", "the model was kept in a form that this program does not read")
                    .detail(format!("{e}."))
                    .hint("Fit it again."),
            ]
        })
    }
}
