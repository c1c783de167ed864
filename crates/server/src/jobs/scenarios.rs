//! Parameters of what is done with scenarios of a project: looked at as a draft, laid upon a network, swept over.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest text of a scenario, bytes.
pub const SCENARIO_TEXT_MAX: usize = 256 << 10;

/// A saved scenario of the project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioRef {
    pub name: String,
    /// The newest unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

impl ScenarioRef {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if store::scenarios::is_name(&self.name) { Ok(()) } else { Err(("scenario", "the scenario is not named".into())) }
    }
}

/// A text that may become a scenario: read, checked, and laid upon a network where one is named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScenarioDraftParams {
    /// YAML or JSON. Files that it names are the project's scenario files.
    pub text: String,
    /// Checked alone unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The newest unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// First day, from 0, of the week that is shown step by step; that of the largest stacked load unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 364)]
    pub from_day: Option<u32>,
}

impl ScenarioDraftParams {
    /// Ranges that the types leave open.
    ///
    /// # Errors
    /// The field at fault, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.text.len() > SCENARIO_TEXT_MAX {
            return Err(("text", format!("a scenario has at most {SCENARIO_TEXT_MAX} bytes; longer series belong into files")));
        }
        if self.from_day.is_some_and(|d| d > 364) {
            return Err(("from_day", "a day is 0 to 364".into()));
        }
        Ok(())
    }
}

/// A scenario laid upon a network: what each layer adds, kept as an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScenarioParams {
    pub scenario: ScenarioRef,
    /// The only one unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The newest unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Go on where a check refuses.
    pub lenient: bool,
}

impl ScenarioParams {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        self.scenario.check()
    }
}

/// How samples of a sweep are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SweepMethodParam {
    /// Every combination.
    Grid,
    /// Latin hypercube.
    Lhs,
}

/// A scenario solved for many values of its parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SweepParams {
    pub scenario: ScenarioRef,
    /// The only one unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The newest unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Parameters and their values: `LAYER.PARAMETER=a,b,c` or `LAYER.PARAMETER=low..high`; at least one.
    pub vary: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<SweepMethodParam>,
    /// Samples of a Latin hypercube, or values of a range in a grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// First hour of the year that is solved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_hour: Option<u32>,
    /// Hours that are solved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
    /// Go on where a check refuses.
    pub lenient: bool,
}

impl SweepParams {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        self.scenario.check()?;
        if self.vary.is_empty() {
            return Err(("vary", "a sweep varies at least one parameter, as ev.penetration_pct=10,20,30".into()));
        }
        Ok(())
    }
}
