//! The equipment of a version as matching sees it, by its keys (`class:id`); kept for the versions that were looked at last.

use crate::problem::Problem;
use crate::state::{App, blocking};
use crate::view::{Subject as Thing, View};
use serde::Serialize;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use studies::reconcile::{Class, Subject, subjects};
use utoipa::ToSchema;

/// Subjects that are kept together; two versions are kept whatever their size, for a review needs two.
const KEPT_MAX: usize = 400_000;

/// A piece of equipment as matching sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SubjectRow {
    /// `class:id`.
    pub key: String,
    pub class: String,
    pub network: String,
    pub version: u64,
    /// Identity in the network (`line.l12`, `asset.conductor.17`), by which everything of it can be asked for.
    pub id: Option<String>,
    /// Ids and aliases.
    pub ids: Vec<String>,
    /// Longitude and latitude of its place, or of the two ends of a line.
    #[schema(value_type = Vec<Vec<f64>>)]
    pub places: Vec<[f64; 2]>,
    pub kv: Option<f64>,
    /// In `size_unit`.
    pub size: Option<f64>,
    /// `kVA` of transformers, `kvar` of capacitors, `kW` of loads and generators.
    pub size_unit: Option<&'static str>,
    /// `ABC`, `A`, …; empty where not known.
    pub phases: String,
    pub length_m: Option<f64>,
    pub buses: Vec<String>,
    /// Distance to the subject that was named, m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<f64>,
}

/// All subjects of a version.
#[derive(Debug)]
pub struct Index {
    view: Arc<View>,
    all: Vec<Subject>,
    by_key: HashMap<String, usize>,
}

impl Index {
    fn new(view: Arc<View>) -> Self {
        let all = subjects(&view.network);
        // Of two of one key the first counts, as it does for matching.
        let by_key = all.iter().enumerate().rev().map(|(i, s)| (s.key.clone(), i)).collect();
        Self { view, all, by_key }
    }

    pub fn has(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    pub fn get(&self, key: &str) -> Option<SubjectRow> {
        self.by_key.get(key).map(|i| self.row(&self.all[*i]))
    }

    fn row(&self, s: &Subject) -> SubjectRow {
        let network = &self.view.network;
        let element = s.element.and_then(|id| self.view.number(id)).map(Thing::Element);
        let thing = element.or(s.asset.and_then(|i| u32::try_from(i).ok()).map(Thing::Asset));
        let letters = |phases: [bool; 3]| "ABC".chars().zip(phases).filter(|(_, is)| *is).map(|(c, _)| c).collect();
        SubjectRow {
            key: s.key.clone(),
            class: s.class.name().to_owned(),
            network: self.view.info.network.clone(),
            version: self.view.info.number,
            id: thing.map(|t| self.view.id_of(t)),
            ids: s.ids.clone(),
            places: s.places.iter().map(|p| [p.lon_deg, p.lat_deg]).collect(),
            kv: s.kv,
            size: s.size,
            size_unit: s.size.and(match s.class {
                Class::Transformer => Some("kVA"),
                Class::Capacitor => Some("kvar"),
                Class::Load | Class::Generator => Some("kW"),
                Class::Line | Class::Switch => None,
            }),
            phases: s.phases.map_or_else(String::new, letters),
            length_m: s.length_m,
            buses: s.buses.iter().filter_map(|b| network.buses.get(*b as usize)).map(|b| b.name.clone()).collect(),
            distance_m: None,
        }
    }

    /// Subjects of a class whose ids have all words of a search; the nearest to `near` first where places are known, else by key. At most
    /// `limit` of them after `offset`, and how many there are.
    pub fn find(
        &self,
        class: Option<&str>,
        search: &str,
        near: Option<(&Index, &str)>,
        offset: usize,
        limit: usize,
    ) -> (Vec<SubjectRow>, u64) {
        let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
        let fits = |s: &Subject| words.iter().all(|w| s.ids.iter().any(|id| id.contains(w.as_str())) || s.key.contains(w.as_str()));
        let other = near.and_then(|(index, key)| index.by_key.get(key).map(|i| &index.all[*i]));
        let mut found: Vec<(Option<f64>, &Subject)> = self
            .all
            .iter()
            .filter(|s| class.is_none_or(|c| s.class.name() == c) && fits(s))
            .map(|s| (other.and_then(|o| s.distance_m(o)), s))
            .collect();
        found.sort_by(|(x, a), (y, b)| {
            let (x, y) = (x.unwrap_or(f64::INFINITY), y.unwrap_or(f64::INFINITY));
            x.total_cmp(&y).then_with(|| a.key.cmp(&b.key))
        });
        let total = found.len() as u64;
        let rows = found.into_iter().skip(offset).take(limit).map(|(d, s)| SubjectRow { distance_m: d, ..self.row(s) });
        (rows.collect(), total)
    }
}

/// Folder of the project, network, version, and hash of all that it holds.
type Key = (PathBuf, String, u64, String);

/// Indices that were asked for last, the newest first.
#[derive(Debug, Default)]
pub struct Subjects {
    kept: Mutex<Vec<(Key, Arc<Index>)>>,
}

impl Subjects {
    fn kept(&self) -> MutexGuard<'_, Vec<(Key, Arc<Index>)>> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Subjects of a version.
    ///
    /// # Errors
    /// No such project, network or version; a version that cannot be read.
    pub async fn get(&self, app: &App, project: &str, network: &str, version: u64) -> Result<Arc<Index>, Problem> {
        let view = app.views.get(app, project, network, Some(version)).await?;
        let key: Key = (app.project_dir(project)?, network.to_owned(), version, view.info.digest.clone());
        {
            let mut kept = self.kept();
            if let Some(at) = kept.iter().position(|(k, _)| *k == key) {
                let entry = kept.remove(at);
                let index = entry.1.clone();
                kept.insert(0, entry);
                return Ok(index);
            }
        }
        let index = blocking(move || Ok(Arc::new(Index::new(view)))).await?;
        let mut kept = self.kept();
        kept.retain(|(k, _)| *k != key);
        kept.insert(0, (key, index.clone()));
        let mut sum = 0;
        let mut n = 0;
        kept.retain(|(_, i)| {
            sum += i.all.len();
            n += 1;
            n <= 2 || sum <= KEPT_MAX
        });
        Ok(index)
    }
}
