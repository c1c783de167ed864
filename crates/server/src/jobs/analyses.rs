//! Parameters of studies whose answers are tables. Their names are those of the command line's options, with `_` for `-`, so that a job and a
//! command ask the same question; what a value may be, the command line's own reader decides in the job.

use super::spec::{ControlsParam, StepLength};
use network::cost::CostCatalogue;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How hosting capacity is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HostingMethod {
    Iterative,
    Stochastic,
    Streamlined,
}

/// What a resource does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HostedDer {
    Generation,
    Load,
    Both,
}

/// What counts where a limit is crossed without resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BaseViolationsParam {
    /// Nothing can be hosted.
    Zero,
    /// Resources must not make it worse.
    NotWorse,
}

/// What each bus can host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HostingCapacityParams {
    /// The only one unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The newest unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// `iterative` unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<HostingMethod>,
    /// Generation unless told; several are studied one after another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub der: Vec<HostedDer>,
    /// These buses only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buses: Vec<String>,
    /// Criteria that count, or `all`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<String>,
    /// Limit of a criterion, which turns it on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_violations: Option<BaseViolationsParam>,
    /// Step of sizes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_kw: Option<f64>,
    /// Largest size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_kw: Option<f64>,
    /// `auto`, `wye` or `delta`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Negative absorbs vars while delivering.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_factor: Option<f64>,
    /// `snapshot`, `binding`, `all`, or steps of the series with commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// `yearly` or `daily`: the shapes that the series follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_length: Option<StepLength>,
    /// Load shape that the output of resources follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Keep the hosting capacity of every moment.
    pub envelope: bool,
    /// Find the hosting capacity under each criterion alone as well.
    pub each_criterion: bool,
    /// Buses for which changes that would relax their limit are solved: `none`, `all` or how many of those that host least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relax: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draws: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
    /// Size of a customer's resource, kW, evenly between two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<[f64; 2]>,
    /// Fault current of a resource over its rated current.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_current: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<ControlsParam>,
    /// Go on where a check refuses.
    pub lenient: bool,
}

/// How often and how long supply will be interrupted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReliabilityParams {
    /// The only one unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The newest unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Hours from a failure until what can be switched has supply again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switching_h: Option<f64>,
    /// Open switches stay open.
    pub no_transfer: bool,
    /// As if there were no fuses.
    pub no_fuses: bool,
    /// As if switches could not be opened.
    pub no_switches: bool,
    /// Hours of repair in place of the model's, by class.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub repair_h: BTreeMap<String, f64>,
    /// Failure rates grow with loading: by this factor for each 100 % above `stress_above`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stress: Option<f64>,
    /// Percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stress_above: Option<f64>,
    /// Go on where a check refuses.
    pub lenient: bool,
}

/// What would mend the violations of a network, and what to buy with a budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MitigationParams {
    /// The only one unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The newest unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Costs of changes, by the names of a catalogue of the command line; a change without its figure is not proposed.
    #[schema(value_type = Object)]
    pub costs: CostCatalogue,
    /// What may be spent; all that helps unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
    /// Changes that are solved for a cluster of violations at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<u32>,
    /// Sets of changes that are solved for the portfolio at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sets: Option<u32>,
    /// `yearly` or `daily`: the shapes that the series follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_length: Option<StepLength>,
    /// Limits of voltages, per unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_low: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_high: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<ControlsParam>,
    /// Go on where a check refuses.
    pub lenient: bool,
}

impl MitigationParams {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if let [first, ..] = self.costs.faults().as_slice() {
            return Err(("costs", format!("{first} is no cost: it is a number of 0 or more")));
        }
        if network::cost::COST_FIGURES.iter().all(|(n, _)| self.costs.figure(n).is_none()) && self.costs.conductor_per_km_of.is_empty() {
            return Err(("costs", "the catalogue has no figure: nothing could be proposed".into()));
        }
        Ok(())
    }
}

/// What studies have that another has not: violations that are new, worse, less or mended, by element and hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ComparisonParams {
    /// Study to compare with.
    pub base: String,
    /// Studies that are compared with it; one to four.
    pub with: Vec<String>,
    /// Only this network; all that the studies share unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

impl ComparisonParams {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if self.base.is_empty() {
            return Err(("base", "the study to compare with is not named".into()));
        }
        if !(1..=4).contains(&self.with.len()) {
            return Err(("with", "one to four studies are compared with the base".into()));
        }
        if let Some(twice) = self.with.iter().enumerate().find(|(i, s)| **s == self.base || self.with[..*i].contains(s)) {
            return Err(("with", format!("\"{}\" stands there twice; a study is not compared with itself", twice.1)));
        }
        Ok(())
    }
}
