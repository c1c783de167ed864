//! Reliability block diagrams: what a plant is made of, how often that fails, and what has to work so that the plant does.
//!
//! Plain data, as a design or a table brings it. Members are named by id, of components or of other blocks, so that a diagram may share a component
//! between blocks; what is wrong with one is told by `studies::availability::check`. Times are in hours, a year is 8760 h.
//!
//! ```text
//! availability = MTBF / (MTBF + MTTR)        failure rate = 1 / MTBF
//! ```
//!
//! "MTBF" is the mean time from the end of a repair to the next failure, as these two formulas and the files of reliability programs use the word.

use crate::SourceRef;
use serde::{Deserialize, Serialize};

/// A number with the digits that it was printed with, so that it can be held against another one fairly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Printed {
    pub value: f64,
    /// Half a unit of the last printed digit.
    pub half_unit: f64,
}

impl Printed {
    /// Reads a number such as `0.9973`, `1.14E-04` or `99.73%`; `None` where the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (text, scale) = text.strip_suffix('%').map_or((text, 1.0), |t| (t.trim(), 0.01));
        let value: f64 = text.parse().ok().filter(|v: &f64| v.is_finite())?;
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let decimals = mantissa.split_once('.').map_or(0, |(_, d)| d.len());
        let power = exponent.parse::<i32>().ok()? - i32::try_from(decimals).ok()?;
        Some(Self { value: value * scale, half_unit: 0.5 * 10f64.powi(power) * scale })
    }

    /// A number that is meant to the last bit.
    pub fn exact(value: f64) -> Self {
        Self { value, half_unit: value.abs() * 1e-12 }
    }

    /// True where the other number would be printed like this one. The rounding of a tie is not held against it.
    pub fn agrees(&self, other: f64) -> bool {
        (self.value - other).abs() <= self.half_unit * (1.0 + 1e-6) + f64::EPSILON * other.abs()
    }
}

/// How long a component lives.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    #[default]
    Exponential,
    /// `R(t) = exp(-(t / eta)^beta)`; without `eta_h` it follows from the mean: `MTBF / Gamma(1 + 1 / beta)`.
    Weibull { beta: f64, eta_h: Option<f64> },
}

/// How long a repair takes around its mean.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepairTime {
    #[default]
    Exponential,
    /// Log-normal with this standard deviation of the logarithm.
    LogNormal {
        sigma: f64,
    },
    Constant,
}

/// Planned maintenance of a component, by the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Maintenance {
    /// From the start of one to the start of the next.
    pub interval_h: f64,
    pub duration_h: f64,
    /// Start of the first one; without it the components that are maintained take turns evenly.
    #[serde(default)]
    pub first_h: Option<f64>,
    /// True where the component is as good as new afterwards.
    #[serde(default)]
    pub renews: bool,
}

/// Something that works or does not.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Component {
    pub id: String,
    #[serde(default)]
    pub name: String,
    /// As the design says it, such as `GAS_TURBINE`.
    #[serde(default)]
    pub kind: String,
    /// Mean time to the next failure; may be left out where the failure rate is given, or the availability alone.
    #[serde(default)]
    pub mtbf_h: Option<f64>,
    /// Mean time to repair.
    #[serde(default)]
    pub mttr_h: Option<f64>,
    /// As printed beside MTBF; held against it.
    #[serde(default)]
    pub failure_rate_per_h: Option<Printed>,
    /// As printed beside MTBF and MTTR; held against them. Alone, it says how available the component is and not how often it fails.
    #[serde(default)]
    pub availability: Option<Printed>,
    #[serde(default)]
    pub lifetime: Lifetime,
    #[serde(default)]
    pub repair: RepairTime,
    #[serde(default)]
    pub capacity_mw: Option<f64>,
    #[serde(default)]
    pub redundancy_group: Option<String>,
    /// The crews that repair it (`Diagram::crews`); without them there is always someone.
    #[serde(default)]
    pub crew: Option<String>,
    /// The stock that a repair takes a spare from (`Diagram::spares`); without it there is always one.
    #[serde(default)]
    pub spares: Option<String>,
    #[serde(default)]
    pub maintenance: Option<Maintenance>,
    #[serde(default)]
    pub source: SourceRef,
}

/// What has to work of the members of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum BlockKind {
    /// All.
    #[default]
    #[serde(rename = "SERIES")]
    Series,
    /// Any.
    #[serde(rename = "PARALLEL")]
    Parallel,
    /// So many, or so much capacity.
    #[serde(rename = "PARALLEL_K_OF_N")]
    ParallelKOfN,
    /// So many run, the others wait to be switched in.
    #[serde(rename = "STANDBY")]
    Standby,
}

impl BlockKind {
    pub const ALL: [Self; 4] = [Self::Series, Self::Parallel, Self::ParallelKOfN, Self::Standby];

    /// The word in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Series => "SERIES",
            Self::Parallel => "PARALLEL",
            Self::ParallelKOfN => "PARALLEL_K_OF_N",
            Self::Standby => "STANDBY",
        }
    }
}

/// How the members of a standby block take over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Switching {
    /// Probability that a waiting member takes over when it has to.
    pub success: f64,
    /// Failure rate of a waiting member over that of a running one: 0 cold, 1 hot.
    pub standby_factor: f64,
    /// Mean time until someone switches by hand what did not switch by itself; without it, the next repair brings the block back.
    #[serde(default)]
    pub manual_h: Option<f64>,
}

impl Default for Switching {
    fn default() -> Self {
        Self { success: 1.0, standby_factor: 0.0, manual_h: None }
    }
}

/// A block: members, and what has to work of them.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Block {
    pub id: String,
    #[serde(default)]
    pub name: String,
    pub kind: BlockKind,
    /// Ids of components or blocks.
    pub members: Vec<String>,
    #[serde(default)]
    pub k_required: Option<u32>,
    /// As printed; held against the number of members.
    #[serde(default)]
    pub n_total: Option<u32>,
    /// For `PARALLEL_K_OF_N`: the members that work have to have so much capacity together.
    #[serde(default)]
    pub capacity_required_mw: Option<f64>,
    /// Members that count for the capacity and not for the number, such as a battery beside engines.
    #[serde(default)]
    pub capacity_members: Vec<String>,
    /// Capacity of the block where it is itself a member of one that asks for capacity.
    #[serde(default)]
    pub capacity_mw: Option<f64>,
    /// For `STANDBY`; cold and without fault where it is left out.
    #[serde(default)]
    pub switching: Option<Switching>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub source: SourceRef,
}

/// Components that one cause takes out together, by the beta-factor model.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct CommonCause {
    pub id: String,
    /// Part of each member's unavailability that is common to all.
    pub beta: f64,
    /// Ids of components; where it is empty, those whose redundancy group has this id.
    #[serde(default)]
    pub members: Vec<String>,
}

/// People who repair, so many components at a time, in the order in which they failed.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Crews {
    pub id: String,
    pub number: u32,
}

/// A stock of spares: a repair takes one and orders another at once.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Spares {
    pub id: String,
    /// On the shelf at the beginning.
    pub number: u32,
    /// From order to shelf.
    pub lead_time_h: f64,
}

/// A plant as a reliability block diagram.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Diagram {
    pub components: Vec<Component>,
    pub blocks: Vec<Block>,
    /// The block that is the plant; without it, the only one that is no member of another.
    #[serde(default)]
    pub system: Option<String>,
    #[serde(default)]
    pub common_causes: Vec<CommonCause>,
    #[serde(default)]
    pub crews: Vec<Crews>,
    #[serde(default)]
    pub spares: Vec<Spares>,
}

/// A row of a failure mode and effects analysis. Marks go from 1 (harmless, rare, sure to be seen) to 10.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct FailureMode {
    pub component_id: String,
    pub failure_mode: String,
    #[serde(default)]
    pub cause: String,
    #[serde(default)]
    pub local_effect: String,
    #[serde(default)]
    pub system_effect: String,
    pub severity: u32,
    pub occurrence: u32,
    pub detection: u32,
    /// As printed; held against the product of the three.
    #[serde(default)]
    pub rpn: Option<u32>,
    #[serde(default)]
    pub mitigation: String,
    #[serde(default)]
    pub recommended_action: String,
    /// Where the marks come from.
    #[serde(default)]
    pub basis: String,
    #[serde(default)]
    pub source: SourceRef,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_numbers_agree_within_half_a_unit_of_their_last_digit() {
        let p = |t: &str| Printed::parse(t).unwrap();
        assert!(p("1.14E-04").agrees(1.0 / 8760.0));
        assert!(!p("1.142E-04").agrees(1.0 / 8760.0 + 2e-7));
        assert!(p("0.9973").agrees(8760.0 / 8784.0));
        assert!(!p("0.9972").agrees(8760.0 / 8784.0));
        assert!((p("99.73%").value - 0.9973).abs() < 1e-15 && p("99.73%").agrees(8760.0 / 8784.0));
        assert!(p("0.125").agrees(0.1255) && !p("0.125").agrees(0.12551));
        assert_eq!(p("100").half_unit, 0.5);
        assert_eq!([Printed::parse("n/a"), Printed::parse("inf"), Printed::parse("")], [None; 3]);
    }
}
