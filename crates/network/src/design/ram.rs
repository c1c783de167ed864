//! What a design says of reliability: data of components, blocks of the diagram, failure modes. Plain data, named as the columns of the
//! exchange tables are; what is computed from them is for `availability` and the studies.

use crate::gamma::gamma;
use serde::{Deserialize, Serialize};

/// Distribution of the time to failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureDistribution {
    #[default]
    Exponential,
    Weibull,
}

/// Reliability of one component. `mtbf_h` is the mean time of operation up to a failure, so that the availability is MTBF / (MTBF + MTTR).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentData {
    /// That of the equipment, where it is one.
    pub component_id: String,
    pub component_name: String,
    /// Such as `RECIPROCATING_ENGINE`.
    pub component_type: String,
    pub mtbf_h: f64,
    pub mttr_h: f64,
    #[serde(default)]
    pub distribution: FailureDistribution,
    /// Shape; 1 is exponential.
    #[serde(default = "one")]
    pub weibull_beta: f64,
    /// Scale; when absent the one that gives the mean, MTBF / Γ(1 + 1/β).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weibull_eta_h: Option<f64>,
    #[serde(default)]
    pub subsystem: String,
    #[serde(default)]
    pub redundancy_group: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_mw: Option<f64>,
    #[serde(default = "year_h")]
    pub operating_hours_per_year: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pm_interval_h: Option<f64>,
}

fn one() -> f64 {
    1.0
}

/// Hours of the year by which availability and downtime are counted.
pub const YEAR_H: f64 = 8760.0;

fn year_h() -> f64 {
    YEAR_H
}

impl ComponentData {
    /// MTBF / (MTBF + MTTR).
    pub fn availability(&self) -> f64 {
        self.mtbf_h / (self.mtbf_h + self.mttr_h)
    }

    /// 1 / MTBF, a hour.
    pub fn failure_rate_per_h(&self) -> f64 {
        1.0 / self.mtbf_h
    }

    /// Scale of the Weibull distribution, h: as told, else MTBF / Γ(1 + 1/β).
    pub fn eta_h(&self) -> f64 {
        self.weibull_eta_h.unwrap_or_else(|| self.mtbf_h / gamma(1.0 + 1.0 / self.weibull_beta))
    }
}

/// How the parts of a block work together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BlockType {
    /// All must work.
    Series,
    /// Any one suffices.
    Parallel,
    ParallelKOfN,
    /// One works, the others wait.
    Standby,
}

impl BlockType {
    /// As tables write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Series => "SERIES",
            Self::Parallel => "PARALLEL",
            Self::ParallelKOfN => "PARALLEL_K_OF_N",
            Self::Standby => "STANDBY",
        }
    }

    pub const ALL: [Self; 4] = [Self::Series, Self::Parallel, Self::ParallelKOfN, Self::Standby];
}

/// A block of the reliability diagram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    pub block_id: String,
    pub block_name: String,
    pub block_type: BlockType,
    /// Identifiers of components or of other blocks.
    pub components: Vec<String>,
    pub k_required: u32,
    pub n_total: u32,
    #[serde(default)]
    pub description: String,
}

impl Block {
    /// What `k_required` must be for the type and `n` parts: `None` where any is possible.
    pub fn k_of_type(&self) -> Option<u32> {
        match self.block_type {
            BlockType::Series => Some(self.components.len() as u32),
            BlockType::Parallel | BlockType::Standby => Some(1),
            BlockType::ParallelKOfN => None,
        }
    }

    /// What is wrong with its counts, in words.
    pub fn count_fault(&self) -> Option<String> {
        let n = self.components.len() as u32;
        if n == 0 {
            return Some("it lists no component".to_owned());
        }
        if self.n_total != n {
            return Some(format!("N_Total is {} but {n} components are listed", self.n_total));
        }
        match self.k_of_type() {
            Some(k) if self.k_required != k => {
                Some(format!("K_Required is {} but {} of {n} components means {k}", self.k_required, self.block_type.word()))
            }
            None if self.k_required == 0 || self.k_required > n => {
                Some(format!("K_Required is {}, which is not from 1 to {n}", self.k_required))
            }
            _ => None,
        }
    }
}

/// A failure mode of a component, judged from 1 to 10 three times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureMode {
    pub component_id: String,
    pub failure_mode: String,
    #[serde(default)]
    pub failure_cause: String,
    #[serde(default)]
    pub local_effect: String,
    #[serde(default)]
    pub system_effect: String,
    /// Each 1 to 10.
    pub severity: u32,
    pub occurrence: u32,
    pub detection: u32,
    #[serde(default)]
    pub mitigation: String,
    #[serde(default)]
    pub recommended_action: String,
}

impl FailureMode {
    /// Risk priority number, severity times occurrence times detection.
    pub fn rpn(&self) -> u32 {
        self.severity.saturating_mul(self.occurrence).saturating_mul(self.detection)
    }
}
