//! Jobs whose results people look over: networks matched to one another, meters to transformers.

use super::{Teller, project_dir};
use crate::failure::Failure;
use crate::project::meters::{MapRequest, VOLTAGE_STEPS, map_meters};
use crate::project::reconcile::{Pair, reconcile_versions};
use ::studies::{meter_map as mapping, reconcile as matching};
use serde_json::{Value, json};
use server::jobs::{MeterMapParams, ReconcileParams, Spec};
use std::collections::BTreeMap;
use store::project::Project;

/// Matches two networks with the decisions in force, and keeps what came of it.
///
/// # Errors
/// Networks that are not there or cannot be read; a database that cannot be written.
pub fn reconcile(spec: &Spec, params: &ReconcileParams, teller: &Teller) -> Result<Value, Failure> {
    let project = Project::open(project_dir(spec)?)?;
    let defaults = matching::Options::default();
    let pair = Pair {
        a: (params.network.clone(), params.version),
        b: (params.with.clone(), params.with_version),
        options: matching::Options {
            radius_m: params.radius_m.unwrap_or(defaults.radius_m),
            least_score: params.least_score.unwrap_or(defaults.least_score),
            ..defaults
        },
        author: spec.user.clone(),
        time_utc: crate::project::now(),
    };
    teller.stage("Reading both networks and matching their equipment");
    let matched = reconcile_versions(&project, &pair)?;
    let found = &matched.found;
    teller.findings(&found.diagnostics);
    let (matches, conflicts) = (found.matches.len(), found.conflicts.len());
    teller.log("info", &format!("{matches} matches, {conflicts} conflicts, {} decisions applied", matched.decisions));
    Ok(json!({
        "network": matched.a.network,
        "version": matched.a.number,
        "with": matched.b.network,
        "with_version": matched.b.number,
        "matches": matches,
        "conflicts": conflicts,
        "only_a": found.only_a.len(),
        "only_b": found.only_b.len(),
        "decisions": matched.decisions,
        "decisions_waiting": found.orphans.len(),
    }))
}

/// Maps the project's meters with the decisions in force, and keeps the map.
///
/// # Errors
/// No meters or no transformers with places; a lake or database that cannot be read or written.
pub fn meter_map(spec: &Spec, params: &MeterMapParams, teller: &Teller) -> Result<Value, Failure> {
    let project = Project::open(project_dir(spec)?)?;
    let defaults = mapping::Options::default();
    let request = MapRequest {
        networks: params.networks.clone(),
        options: mapping::Options {
            candidates: params.candidates.map_or(defaults.candidates, usize::from),
            max_distance_m: params.max_distance_m.unwrap_or(defaults.max_distance_m),
            ..defaults
        },
        ignore_explicit: params.ignore_explicit,
        voltage_steps: (!params.no_voltages).then_some(VOLTAGE_STEPS as usize),
        author: spec.user.clone(),
        time_utc: crate::project::now(),
    };
    teller.stage("Reading networks, places and voltages, and mapping the meters");
    let mapped = map_meters(&project, &request)?;
    teller.findings(&mapped.findings);
    let mut confidence: BTreeMap<&str, usize> = BTreeMap::new();
    for assignment in &mapped.map.assignments {
        *confidence.entry(assignment.confidence.name()).or_default() += 1;
    }
    let kept = if mapped.is_new { "kept as map" } else { "nothing has changed since map" };
    teller.log("info", &format!("{} meters, {kept} {}, {} decisions applied", mapped.meters.len(), mapped.number, mapped.decisions));
    Ok(json!({
        "number": mapped.number,
        "is_new": mapped.is_new,
        "meters": mapped.meters.len(),
        "transformers": mapped.transformers.len(),
        "confidence": confidence,
        "decisions": mapped.decisions,
    }))
}
