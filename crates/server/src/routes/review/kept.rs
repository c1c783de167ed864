//! A map of meters with the decisions in force. Maps that were looked at last stay in memory.

use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use store::project::decisions::MeterInForce;
use store::project::{MeterMapBrief, MeterMapInfo, MeterMapRow, Project, ProjectError};
use utoipa::ToSchema;

/// Maps that are kept in memory; one of a hundred thousand meters takes some tens of megabytes.
const MAPS_KEPT: usize = 2;

/// How things stand with a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MeterState {
    /// As the program found it; nobody has decided.
    Proposed,
    /// A person has decided.
    Decided,
    /// A person has decided for a transformer that is not there now.
    Waiting,
}

impl MeterState {
    pub const NAMES: [&'static str; 3] = ["proposed", "decided", "waiting"];

    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// A map as it is kept in memory: it never changes, and a utility's is large.
#[derive(Debug)]
pub struct KeptMap {
    pub brief: MeterMapBrief,
    /// Rows by meter.
    by_meter: HashMap<String, usize>,
    /// Names of the transformers that meters of the map can hang on.
    pub known: HashSet<String>,
}

impl KeptMap {
    pub fn new(brief: MeterMapBrief) -> Self {
        let by_meter = brief.rows.iter().enumerate().rev().map(|(i, r)| (r.meter.clone(), i)).collect();
        let mut known: HashSet<String> = brief.sites.iter().map(|s| s.transformer.clone()).collect();
        if known.is_empty() {
            // A map that was made before transformers were kept with it still says some of them.
            known.extend(brief.rows.iter().flat_map(|r| [&r.transformer, &r.second_transformer]).flatten().cloned());
        }
        Self { brief, by_meter, known }
    }

    pub fn row(&self, meter: &str) -> Option<&MeterMapRow> {
        self.by_meter.get(meter).map(|i| &self.brief.rows[*i])
    }
}

/// Maps that were looked at last, by the folder of their project; the newest first.
#[derive(Debug, Default)]
pub struct MeterMaps {
    kept: Mutex<Vec<(PathBuf, Arc<KeptMap>)>>,
}

impl MeterMaps {
    fn get(&self, project: &Project, info: MeterMapInfo) -> Result<Arc<KeptMap>, ProjectError> {
        let locked = || self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let known = locked().iter().find(|(dir, m)| dir == project.dir() && m.brief.info == info).map(|(_, m)| m.clone());
        let map = match known {
            Some(map) => map,
            None => Arc::new(KeptMap::new(project.meter_map_in_brief(info)?)),
        };
        let mut kept = locked();
        kept.retain(|(_, m)| !Arc::ptr_eq(m, &map));
        kept.insert(0, (project.dir().to_owned(), map.clone()));
        kept.truncate(MAPS_KEPT);
        Ok(map)
    }
}

/// A map with the decisions in force.
pub struct Review {
    pub kept: Arc<KeptMap>,
    pub decisions: HashMap<String, MeterInForce>,
}

impl Review {
    /// Reads a map, the newest unless told, and the decisions.
    ///
    /// # Errors
    /// No such map; a database that cannot be read.
    pub fn read(maps: &MeterMaps, project: &Project, number: Option<u64>) -> Result<Self, Problem> {
        let info = project.meter_map_info(number)?.ok_or_else(|| match number {
            Some(n) => Problem::not_found(format!("There is no map {n} of the meters"))
                .code("REVIEW.METERS.NONE")
                .hint("GET /api/projects/{project}/meter-maps lists those that there are."),
            None => Problem::not_found("The meters have not been mapped yet")
                .code("REVIEW.METERS.NONE")
                .hint("Begin a job of the kind `meter_map`. It needs networks with places and meters, or a table of meters."),
        })?;
        Ok(Self { kept: maps.get(project, info)?, decisions: decisions(project)? })
    }

    pub fn map(&self) -> &MeterMapBrief {
        &self.kept.brief
    }

    /// How a row stands, and whether the map lacks its decision or was made with one that has been taken back.
    pub fn standing(&self, row: &MeterMapRow) -> (MeterState, bool) {
        let by_hand = row.method == "override";
        match self.decisions.get(&row.meter) {
            None => (MeterState::Proposed, by_hand),
            Some(d) if !d.transformer.is_empty() && !self.kept.known.contains(&d.transformer) => (MeterState::Waiting, false),
            Some(d) => (MeterState::Decided, !(by_hand && row.transformer.as_deref().unwrap_or_default() == d.transformer)),
        }
    }

    pub fn pending(&self) -> u64 {
        self.map().rows.iter().filter(|r| self.standing(r).1).count() as u64
    }
}

pub fn decisions(project: &Project) -> Result<HashMap<String, MeterInForce>, ProjectError> {
    Ok(project.meters_in_force()?.into_iter().map(|d| (d.meter.clone(), d)).collect())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use network::LonLat;
    use store::project::MeterMapSite;

    /// A map of four meters and two transformers, with decisions.
    fn row(meter: &str, transformer: Option<&str>, method: &str, confidence: &str) -> MeterMapRow {
        MeterMapRow {
            meter: meter.into(),
            transformer: transformer.map(str::to_owned),
            feeder: "north".into(),
            method: method.into(),
            confidence: confidence.into(),
            probability: 0.9,
            distance_m: transformer.map(|t| t.len() as f64),
            second_transformer: None,
            second_probability: None,
            second_distance_m: None,
            correlation: None,
            place: None,
            reasons: Vec::new(),
        }
    }

    pub fn review(decided: &[(&str, &str)]) -> Review {
        let site = |t: &str| MeterMapSite {
            transformer: t.into(),
            network: "north".into(),
            element: t.into(),
            feeder: "north".into(),
            phases: 7,
            kva: None,
            place: LonLat::new(7.5, 45.0),
        };
        let rows = vec![
            row("m10", Some("t1"), "inferred", "low"),
            row("m2", Some("t2"), "override", "high"),
            row("m3", None, "none", "low"),
            row("m4", Some("t1"), "traced", "medium"),
        ];
        let sites = vec![site("t1"), site("t2")];
        let decision = |(m, t): &(&str, &str)| {
            let d = MeterInForce {
                meter: (*m).into(),
                transformer: (*t).into(),
                author: String::new(),
                note: String::new(),
                time_utc: String::new(),
            };
            ((*m).to_owned(), d)
        };
        Review {
            kept: Arc::new(KeptMap::new(MeterMapBrief { info: MeterMapInfo::default(), rows, sites })),
            decisions: decided.iter().map(decision).collect(),
        }
    }

    #[test]
    fn a_meter_waits_for_the_next_map_only_where_this_one_says_something_else() {
        let told = |decided: &[(&str, &str)]| -> Vec<(&'static str, bool)> {
            let review = review(decided);
            review.map().rows.iter().map(|r| review.standing(r)).map(|(s, p)| (s.name(), p)).collect()
        };
        assert_eq!(told(&[]), [("proposed", false), ("proposed", true), ("proposed", false), ("proposed", false)]);
        // m10 is set to what was inferred: by hand it is not yet. m2 is as decided. m3 is to hang on none, which it does by itself.
        assert_eq!(
            told(&[("m10", "t1"), ("m2", "t2"), ("m3", ""), ("m4", "gone")]),
            [("decided", true), ("decided", false), ("decided", true), ("waiting", false)]
        );
    }
}
