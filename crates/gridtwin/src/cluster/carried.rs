//! The questions, jobs and outcomes of studies as they travel. Change [`PAYLOAD`] with them.

use crate::qsts::feeder::CarriedQuestion;
use crate::qsts::models::ModelRef;
use crate::scenario::sweep::SweepAsked;
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Number of the form of everything in this file. A worker of another number refuses.
pub const PAYLOAD: u32 = 1;

/// Name of the study of feeders through time.
pub const QSTS: &str = "qsts";

/// Name of the study of a scenario's samples.
pub const SWEEP: &str = "scenario sweep";

/// Feeders through time, into a lake.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeedersQuestion {
    /// Where relative paths begin.
    pub base: PathBuf,
    /// The lake.
    pub out: PathBuf,
    pub study: String,
    /// Who holds the lake.
    pub holder: String,
    pub question: CarriedQuestion,
    /// Of the question as whoever asks it understands it, scenario and all.
    pub options_hash: String,
}

/// One feeder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeederJob {
    pub model: ModelRef,
}

/// How a feeder ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeederOutcome {
    Done { steps: u64 },
    Failed { findings: Vec<Diagnostic>, steps: u64 },
}

/// Samples of a scenario on one model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SamplesQuestion {
    /// Where relative paths begin.
    pub base: PathBuf,
    pub sweep: SweepAsked,
}

/// One sample.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SampleJob {
    /// A value for each parameter that varies.
    pub values: Vec<String>,
}

/// What a sample came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleOutcome {
    /// The key figures, each as the bits of its number, so that it comes back as it was.
    Figures(Vec<Option<u64>>),
    Failed {
        findings: Vec<Diagnostic>,
    },
}
