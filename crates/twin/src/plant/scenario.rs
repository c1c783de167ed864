//! Training scenarios: what is done to the plant, and how it ends.
//!
//! | scenario | what happens | how it ends |
//! |---|---|---|
//! | `overvoltage_400kv` | the grid's voltage rises within five seconds until the 400 kV busbar stands at 420 kV | after 30 s the grid comes back |
//! | `transformer_overload` | transformer 2 is switched off and the region draws more, until transformer 1 carries 346.5 MVA | after 2 min the extra load goes |
//! | `frequency_deviation` | the grid loses as much generation as takes the frequency down to 49.2 Hz | after 1 min reserves replace it |
//! | `circuit_breaker_failure` | a breaker sticks and a fault comes behind it | when the operator stops it: the fault is removed, the breaker mended |
//!
//! Voltage and load are led to their targets step by step from what the solution shows, as the source document states the targets at busbar and
//! transformer and not at the grid.

use serde::{Deserialize, Serialize};

/// A training scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScenarioKind {
    #[serde(rename = "overvoltage_400kv")]
    Overvoltage400kv,
    TransformerOverload,
    FrequencyDeviation,
    CircuitBreakerFailure,
}

impl ScenarioKind {
    pub const ALL: [Self; 4] = [Self::Overvoltage400kv, Self::TransformerOverload, Self::FrequencyDeviation, Self::CircuitBreakerFailure];

    pub fn word(self) -> &'static str {
        match self {
            Self::Overvoltage400kv => "overvoltage_400kv",
            Self::TransformerOverload => "transformer_overload",
            Self::FrequencyDeviation => "frequency_deviation",
            Self::CircuitBreakerFailure => "circuit_breaker_failure",
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overvoltage400kv => "Overvoltage at 400 kV",
            Self::TransformerOverload => "Overloaded transformer",
            Self::FrequencyDeviation => "Low frequency",
            Self::CircuitBreakerFailure => "Breaker that fails",
        }
    }

    /// What is done to the plant.
    pub fn description(self) -> &'static str {
        match self {
            Self::Overvoltage400kv => "The grid's voltage rises within five seconds until the 400 kV busbar stands at 420 kV.",
            Self::TransformerOverload => {
                "Transformer 2 is switched off and the region draws more, until transformer 1 carries 110 % of its rating (346.5 MVA)."
            }
            Self::FrequencyDeviation => "The grid loses generation; the frequency falls to 49.2 Hz.",
            Self::CircuitBreakerFailure => "A feeder has a short circuit, and its breaker does not open.",
        }
    }

    /// What an operator has to expect.
    pub fn impact(self) -> &'static str {
        match self {
            Self::Overvoltage400kv => "Insulation is stressed; overvoltage relays may pick up.",
            Self::TransformerOverload => "Oil and windings grow warm, and the paper ages faster.",
            Self::FrequencyDeviation => "Underfrequency relays pick up and may shed feeders.",
            Self::CircuitBreakerFailure => "The fault burns longer; the failure protection opens all breakers of the busbar.",
        }
    }

    /// How it ends.
    pub fn recovery(self) -> &'static str {
        match self {
            Self::Overvoltage400kv => "After 30 seconds the grid's voltage comes back.",
            Self::TransformerOverload => "After two minutes the extra load goes; the operator may shed load or close transformer 2 before.",
            Self::FrequencyDeviation => "After a minute reserves replace what was lost; the operator closes shed feeders again.",
            Self::CircuitBreakerFailure => "When the operator ends it: the fault is removed and the breaker mended.",
        }
    }

    /// How long it lasts, s; `None` until the operator ends it.
    pub fn duration_s(self) -> Option<f64> {
        match self {
            Self::Overvoltage400kv => Some(30.0),
            Self::TransformerOverload => Some(120.0),
            Self::FrequencyDeviation => Some(60.0),
            Self::CircuitBreakerFailure => None,
        }
    }
}

/// A scenario that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Running {
    pub kind: ScenarioKind,
    pub since_s: f64,
}
