//! Parameters of studies of outages and switches. Their names are those of the command line's options, with `_` for `-`, as those of the
//! other studies whose answers are tables.

use super::spec::{ControlsParam, StepLength};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What an outage takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IsolationParam {
    /// The element alone.
    Element,
    /// The zone between the nearest switches.
    Switches,
}

/// What counts as a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SwitchesParam {
    /// Switches, breakers and fuses of the model, and what stands open.
    Marked,
    /// Every line as well.
    Lines,
    /// Every line as well, at both ends.
    Ends,
}

/// How plans are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SearchParam {
    Auto,
    Exact,
    Heuristic,
}

/// Ratings that loadings count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RatingParam {
    Normal,
    Emergency,
}

/// What a reconfiguration seeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AimParam {
    Losses,
    Overload,
}

/// What becomes of a network without each of its elements.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContingencyParams {
    /// The only one unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The newest unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Outages of lines; of all kinds when none is named.
    pub lines: bool,
    /// Outages of transformers and regulators.
    pub transformers: bool,
    /// Outages of sources.
    pub sources: bool,
    /// Outages of generators, PV systems and storage.
    pub generators: bool,
    /// Outages of these elements, as `line.13_18`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outage: Vec<String>,
    /// As many pairs besides, those first whose members are worst alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<u32>,
    /// The element alone unless told; with `restore` the zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<IsolationParam>,
    /// Search which switches restore supply.
    pub restore: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switches: Option<SwitchesParam>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchParam>,
    /// Operations that a restoration may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_operations: Option<u16>,
    /// Plans that are listed at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_plans: Option<u32>,
    /// Plans that are solved at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_solved: Option<u32>,
    /// `snapshot`, `peak`, `binding`, or steps of the series with commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// Criteria that count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<String>,
    /// Limit of a criterion, which turns it on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<RatingParam>,
    /// `yearly` or `daily`: the shapes that the series follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_length: Option<StepLength>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<ControlsParam>,
    /// Go on where a check refuses.
    pub lenient: bool,
}

/// How supply comes back after an outage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RestorationParams {
    /// The only one unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The newest unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Elements that are out together, as `line.13_18`; at least one.
    pub outage: Vec<String>,
    /// The zone between switches unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<IsolationParam>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switches: Option<SwitchesParam>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchParam>,
    /// Operations that the restoration may take, isolation not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_operations: Option<u16>,
    /// Plans that are listed at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_plans: Option<u32>,
    /// Plans that are solved at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_solved: Option<u32>,
    /// Refused plans that are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<u16>,
    /// `snapshot`, `peak`, or a step of the series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hour: Option<String>,
    /// Criteria that count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<String>,
    /// Limit of a criterion, which turns it on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<RatingParam>,
    /// `yearly` or `daily`: the shapes that the series follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_length: Option<StepLength>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<ControlsParam>,
    /// Go on where a check refuses.
    pub lenient: bool,
}

impl RestorationParams {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if self.outage.iter().all(|o| o.trim().is_empty()) {
            return Err(("outage", "a restoration begins with what is out: an element, as line.13_18".into()));
        }
        Ok(())
    }
}

/// The radial network with the least losses or overloads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReconfigurationParams {
    /// The only one unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The newest unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Least losses unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aim: Option<AimParam>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switches: Option<SwitchesParam>,
    /// Operations at most; an exchange of two switches takes two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_operations: Option<u16>,
    /// Limits of voltage and loading do not count.
    pub no_limits: bool,
    /// Trees that are all solved, which proves the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_trees: Option<u32>,
    /// Random trees that descents begin with besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// `snapshot`, `peak`, `binding`, or steps of the series with commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// Criteria that count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<String>,
    /// Limit of a criterion, which turns it on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<RatingParam>,
    /// `yearly` or `daily`: the shapes that the series follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_length: Option<StepLength>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<ControlsParam>,
    /// Go on where a check refuses.
    pub lenient: bool,
}
