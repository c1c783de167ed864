//! The questions, jobs and outcomes of studies as they travel. Change [`PAYLOAD`] with them.

use crate::qsts::feeder::CarriedQuestion;
use crate::qsts::models::ModelRef;
use crate::scenario::sweep::SweepAsked;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use network::Diagnostic;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::path::PathBuf;

/// Number of the form of everything in this file. A worker of another number refuses.
pub const PAYLOAD: u32 = 2;

/// Name of the study of feeders through time.
pub const QSTS: &str = "qsts";

/// Name of the study of a scenario's samples.
pub const SWEEP: &str = "scenario sweep";

/// Name of the studies whose parts are done side by side.
pub const PARTS: &str = "parts";

/// Name of the studies that are done whole.
pub const WHOLE: &str = "whole";

/// Commands of [`PARTS`] and of [`WHOLE`]: a worker runs no other ones.
pub const OF_PARTS: &[&str] = &["hosting-capacity", "contingency", "mitigate"];
pub const OF_WHOLE: &[&str] = &["reliability", "restoration", "reconfigure"];

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

/// One loop of a study, of which every job does some parts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PartsQuestion {
    pub study: StudyWords,
    pub of: Loop,
}

/// A study as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyWords {
    /// Where relative paths begin.
    pub base: PathBuf,
    /// The command line behind the program's name.
    pub words: Vec<String>,
}

/// A loop of a study, and how to come to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Loop {
    /// Of what the study has read.
    pub digest: String,
    /// Parts of the loop.
    pub n: usize,
    /// Results of the loops before it.
    pub earlier: Vec<Vec<Bytes>>,
}

/// Parts of a loop, in ascending order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PartsJob {
    pub indices: Vec<usize>,
}

/// What parts came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartsOutcome {
    Done(Vec<Bytes>),
    Failed { findings: Vec<Diagnostic> },
}

/// What a study said that was done whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WholeOutcome {
    pub status: u8,
    pub out: String,
    pub errors: String,
}

/// A result; text in base 64 where it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map(Self).map_err(D::Error::custom)
    }
}
