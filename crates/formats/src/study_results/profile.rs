//! What was read as what: guesses for a report, and the mapping that a profile keeps.

use crate::ImportError;
use network::{Diagnostic, Quantity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Unit of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unit {
    #[serde(rename = "%")]
    Percent,
    #[serde(rename = "pu")]
    PerUnit,
    #[serde(rename = "V")]
    Volt,
    #[serde(rename = "kV")]
    Kilovolt,
    #[serde(rename = "A")]
    Ampere,
    #[serde(rename = "kA")]
    Kiloampere,
    #[serde(rename = "W")]
    Watt,
    #[serde(rename = "kW")]
    Kilowatt,
    #[serde(rename = "MW")]
    Megawatt,
    #[serde(rename = "var")]
    Var,
    #[serde(rename = "kvar")]
    Kilovar,
    #[serde(rename = "Mvar")]
    Megavar,
    #[serde(rename = "deg")]
    Degree,
}

impl Unit {
    /// What a value in this unit is multiplied with to become a figure of the quantity; none where the two do not go together.
    pub fn factor(self, quantity: Quantity) -> Option<f64> {
        use Unit::{Ampere, Degree, Kiloampere, Kilovar, Kilovolt, Kilowatt, Megavar, Megawatt, PerUnit, Percent, Var, Volt, Watt};
        Some(match (quantity, self) {
            (Quantity::VPu, PerUnit) | (Quantity::VVolt, Volt) | (Quantity::VAngleDeg, Degree) | (Quantity::IA, Ampere) => 1.0,
            (Quantity::VPu, Percent) => 0.01,
            (Quantity::VVolt, Kilovolt) | (Quantity::IA, Kiloampere) => 1000.0,
            (Quantity::PKw | Quantity::LossKw, Kilowatt) | (Quantity::QKvar, Kilovar) | (Quantity::LoadingPct, Percent) => 1.0,
            (Quantity::PKw | Quantity::LossKw, Watt) | (Quantity::QKvar, Var) => 0.001,
            (Quantity::PKw | Quantity::LossKw, Megawatt) | (Quantity::QKvar, Megavar) => 1000.0,
            (Quantity::LoadingPct, PerUnit) => 100.0,
            _ => return None,
        })
    }

    pub fn word(self) -> &'static str {
        match self {
            Unit::Percent => "%",
            Unit::PerUnit => "pu",
            Unit::Volt => "V",
            Unit::Kilovolt => "kV",
            Unit::Ampere => "A",
            Unit::Kiloampere => "kA",
            Unit::Watt => "W",
            Unit::Kilowatt => "kW",
            Unit::Megawatt => "MW",
            Unit::Var => "var",
            Unit::Kilovar => "kvar",
            Unit::Megavar => "Mvar",
            Unit::Degree => "deg",
        }
    }
}

/// A column of values as a mapping tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueColumn {
    pub quantity: Quantity,
    /// 1, 2, 3; none when a column of phases tells it, or for all phases together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<u32>,
    pub unit: Unit,
}

/// The end of a section at which its voltages are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SectionEnd {
    From,
    #[default]
    To,
}

/// Which columns are what, told instead of guessed; kept as a profile in YAML.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// Headers of the columns that say where a row belongs. `node` may hold `bus` or `bus.node`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feeder: Option<String>,
    /// Header of the column of phases, where each phase has a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Columns of values by header.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, ValueColumn>,
    /// The end of a section at which its voltages are; the far one when not told.
    pub section_end: SectionEnd,
    /// Numbers have decimal commas. Found out when not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal_comma: Option<bool>,
}

impl Mapping {
    /// Reads a profile.
    ///
    /// # Errors
    /// Text that is not YAML, or names what a mapping does not have.
    pub fn from_yaml(text: &str) -> Result<Self, ImportError> {
        serde_saphyr::from_str(text).map_err(|e| {
            Diagnostic::error("CYME.RESULTS.PROFILE", "the profile of the results cannot be read")
                .detail(format!("{e}"))
                .hint("it has node, section, device, element, feeder, phase, values, section_end and decimal_comma")
                .into()
        })
    }

    /// The profile as it is kept.
    ///
    /// # Errors
    /// A mapping that has no form in YAML.
    pub fn to_yaml(&self) -> Result<String, ImportError> {
        serde_saphyr::to_string(self).map_err(|e| {
            Diagnostic::error("CYME.RESULTS.PROFILE", "the profile of the results cannot be written").detail(format!("{e}")).into()
        })
    }
}

/// How sure the reading of a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The mapping says so.
    Told,
    /// The header says it in full.
    Header,
    /// A part of the header, or the values.
    Guess,
}

/// What one column was read as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    pub header: String,
    /// In words: `section`, `v_pu of phase 1 in %`, `not used: …`.
    pub meaning: String,
    pub certainty: Certainty,
}
