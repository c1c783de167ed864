//! What of a study is shown: figures from the lake's tables, and values by the numbers that elements and buses have on the map.
//!
//! Lists of a study are sorted once and kept while the study stays as it is. Reads are bounded: of a list the most pressing rows are kept,
//! and how many there are in all.

use crate::jobs::{ControlsParam, ModeParam, ScenarioRef, SolveYearParams, StepLength};
use crate::problem::Problem;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard};
use store::project::{Project, RunRecord};
use store::report::Value as Figure;
use store::{FeederRecord, Lake, RunManifest, Status, StoreError};
use utoipa::ToSchema;

/// A row of a table with the names of its columns.
type Row = Map<String, Value>;

/// Rows of a sorted list that are kept.
pub const ROWS_MAX: usize = 20_000;
/// Rows of all kept lists together.
const KEPT_ROWS: usize = 200_000;
/// Numberings of networks that are kept.
const NUMBERINGS: usize = 6;

/// A sorted list: its most pressing rows, and how many there are in all.
#[derive(Debug, Default)]
pub struct Ranked {
    pub rows: Vec<Value>,
    pub total: u64,
}

/// Numbers of elements and buses of one version, as the map has them.
#[derive(Debug)]
pub struct Numbers {
    elements: HashMap<Box<str>, u32>,
    buses: HashMap<Box<str>, u32>,
}

impl Numbers {
    /// Number of an element by its full name, `class.name`.
    pub fn element(&self, name: &str) -> Option<u32> {
        self.elements.get(name.to_lowercase().as_str()).copied()
    }

    pub fn bus(&self, name: &str) -> Option<u32> {
        self.buses.get(name.to_lowercase().as_str()).copied()
    }

    /// How many elements and buses there are.
    pub fn counts(&self) -> (usize, usize) {
        (self.elements.len(), self.buses.len())
    }
}

/// What is kept in memory of studies.
#[derive(Debug, Default)]
pub struct Results {
    lists: Mutex<VecDeque<(String, Arc<Ranked>)>>,
    numbers: Mutex<VecDeque<(String, Arc<Numbers>)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Results {
    /// The list of this key, made when it is not known.
    ///
    /// # Errors
    /// What making it fails with.
    pub fn list(&self, key: String, make: impl FnOnce() -> Result<Ranked, Problem>) -> Result<Arc<Ranked>, Problem> {
        if let Some((_, list)) = lock(&self.lists).iter().find(|(k, _)| *k == key) {
            return Ok(list.clone());
        }
        let made = Arc::new(make()?);
        let mut lists = lock(&self.lists);
        lists.push_back((key, made.clone()));
        while lists.len() > 1 && lists.iter().map(|(_, l)| l.rows.len() + 1).sum::<usize>() > KEPT_ROWS {
            lists.pop_front();
        }
        Ok(made)
    }

    /// Numbers of a version. Versions never change, so they are read once.
    ///
    /// # Errors
    /// No such version, or one that cannot be read.
    pub fn numbers(&self, project: &Project, network: &str, version: u64) -> Result<Arc<Numbers>, Problem> {
        let info = project.version(Some(network), Some(version))?;
        let key = format!("{}\n{network}\n{version}\n{}", project.dir().display(), info.digest);
        if let Some((_, numbers)) = lock(&self.numbers).iter().find(|(k, _)| *k == key) {
            return Ok(numbers.clone());
        }
        let network = project.network(Some(network), Some(version))?.imported.network;
        let elements = network.order.iter().zip(0..).map(|(&id, i)| (network.full_name(id).to_lowercase().into(), i)).collect();
        let buses = network.buses.iter().zip(0..).map(|(b, i)| (b.name.to_lowercase().into(), i)).collect();
        let numbers = Arc::new(Numbers { elements, buses });
        let mut kept = lock(&self.numbers);
        kept.push_back((key, numbers.clone()));
        while kept.len() > NUMBERINGS {
            kept.pop_front();
        }
        Ok(numbers)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let (status, title) = match &error {
            StoreError::UnknownStudy { .. } | StoreError::NotALake { .. } => (StatusCode::NOT_FOUND, "There is no such study"),
            StoreError::Locked { .. } => (StatusCode::CONFLICT, "A study is being written into the project"),
            _ => return Problem::internal(error),
        };
        let hint = if status == StatusCode::CONFLICT { "Wait until it has ended, or cancel its job." } else { "List the project's runs." };
        Problem::new(status, title).code("OUTPUT.LAKE.REFUSED").hint(hint)
    }
}

/// There is no such study.
pub fn unknown(run: &str) -> Problem {
    let run: String = run.chars().take(100).collect();
    Problem::not_found(format!("The project has no study \"{run}\"")).hint("List the project's runs for those that there are.")
}

/// A figure as the wire has it.
fn json_of(figure: &Figure) -> Value {
    match figure {
        Figure::Missing => Value::Null,
        Figure::Text(t) => json!(t),
        Figure::Number(x) => json!(x),
        Figure::Count(n) => json!(n),
        Figure::Integer(n) => json!(n),
        Figure::Flag(b) => json!(b),
    }
}

/// Network and version that a feeder of a study is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StudiedNetwork {
    /// Name of the feeder in the results: that of the network.
    pub feeder: String,
    /// None when the study was made from files.
    pub network: Option<String>,
    pub version: Option<u64>,
}

/// A study of a project's lake.
pub struct Study {
    pub lake: Lake,
    pub manifest: RunManifest,
    /// What the project knows of it; nothing of one that was made by a command.
    pub noted: Option<RunRecord>,
}

/// A study in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunRow {
    pub id: String,
    pub networks: Vec<StudiedNetwork>,
    /// Job that made it.
    pub job: Option<String>,
    pub user: Option<String>,
    /// When it was begun, RFC 3339.
    pub created: Option<String>,
    pub engine_version: String,
    pub steps: Option<u64>,
    pub step_h: Option<f64>,
    pub hours: Option<f64>,
    pub mode: Option<String>,
    pub controls: Option<String>,
    pub feeders: u64,
    pub feeders_done: u64,
    pub feeders_failed: u64,
}

/// Sums of a study over its feeders.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunTotals {
    pub nodes: u64,
    pub steps: u64,
    /// Steps that did not settle; they stand in no figure.
    pub unsettled: u64,
    pub energy_kwh: f64,
    pub losses_kwh: f64,
    pub losses_pct: Option<f64>,
    /// Largest peak of a feeder.
    pub peak_kw: Option<f64>,
    pub v_min_pu: Option<f64>,
    pub v_max_pu: Option<f64>,
    pub nodes_outside_a: u64,
    pub nodes_outside_b: u64,
    pub elements_overloaded: u64,
}

/// How a feeder of a study ended.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FeederStatus {
    pub feeder: String,
    /// `done`, `failed` or `missing`.
    pub status: String,
    pub reason: Option<String>,
    #[schema(value_type = Object)]
    pub summary: Value,
}

impl Study {
    /// # Errors
    /// No such study.
    pub fn find(project: &Project, run: &str) -> Result<Self, Problem> {
        let lake = project.lake()?;
        let manifest =
            lake.study(Some(run)).map_err(|e| if matches!(e, StoreError::UnknownStudy { .. }) { unknown(run) } else { e.into() })?;
        let noted = project.runs()?.into_iter().find(|r| r.name == run);
        Ok(Self { lake, manifest, noted })
    }

    /// All studies of a project.
    ///
    /// # Errors
    /// Manifests that cannot be read.
    pub fn all(project: &Project) -> Result<Vec<Self>, Problem> {
        let lake = project.lake()?;
        let mut noted: HashMap<String, RunRecord> = project.runs()?.into_iter().map(|r| (r.name.clone(), r)).collect();
        let studies = lake.studies()?;
        Ok(studies.into_iter().map(|m| Self { lake: lake.clone(), noted: noted.remove(&m.study), manifest: m }).collect())
    }

    pub fn name(&self) -> &str {
        &self.manifest.study
    }

    /// Feeders with the versions that they are.
    pub fn networks(&self) -> Vec<StudiedNetwork> {
        let of = |i: &store::RunInput| {
            let stored =
                i.model.strip_prefix("network:").and_then(|m| m.rsplit_once('@')).and_then(|(n, v)| Some((n.to_owned(), v.parse().ok()?)));
            let (network, version) = stored.map_or((None, None), |(n, v)| (Some(n), Some(v)));
            StudiedNetwork { feeder: i.feeder.clone(), network, version }
        };
        self.manifest.inputs.iter().map(of).collect()
    }

    /// The feeder meant: the one of this name, or the only one.
    ///
    /// # Errors
    /// No such feeder; several and none named.
    pub fn feeder(&self, named: Option<&str>) -> Result<StudiedNetwork, Problem> {
        let mut networks = self.networks();
        match named.filter(|n| !n.is_empty()) {
            Some(name) => networks.into_iter().find(|n| n.feeder == name || n.network.as_deref() == Some(name)).ok_or_else(|| {
                let name: String = name.chars().take(100).collect();
                Problem::not_found(format!("The study has no network \"{name}\"")).field("network").hint("See the study's networks.")
            }),
            None if networks.len() == 1 => Ok(networks.remove(0)),
            None => Err(Problem::bad_request("The study has several networks").field("network").hint("Name one with `network`.")),
        }
    }

    /// The question that was asked, so that it can be asked again.
    ///
    /// # Errors
    /// A study that was made from files, or with commands of scripts, cannot be repeated from the project alone.
    pub fn question(&self, network: &StudiedNetwork) -> Result<(String, u64, SolveYearParams), Problem> {
        let cannot = |why: &str| {
            Problem::conflict("This study cannot be solved again here").detail(why).hint("Run the study again from the project's networks.")
        };
        let (Some(name), Some(version)) = (network.network.clone(), network.version) else {
            return Err(cannot("It was made from files, not from a network of the project."));
        };
        let o = &self.manifest.options;
        if o["dss"].as_array().is_some_and(|c| !c.is_empty()) {
            return Err(cannot("It was made with script commands."));
        }
        // Of a scenario the project keeps every version; one of a file is not here.
        let scenario = self.scenario();
        if o["scenario"].is_object() && scenario.is_none() {
            return Err(cannot("It was made with a scenario of a file."));
        }
        let pair = |v: &Value| Some([v[0].as_f64()?, v[1].as_f64()?]);
        let small = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok());
        let params = SolveYearParams {
            scenario,
            steps: small(&o["steps"]),
            step: o["step_h"].as_f64().map(StepLength::Hours),
            mode: match o["mode"].as_str() {
                Some("daily") => Some(ModeParam::Daily),
                Some("duty_cycle") => Some(ModeParam::Duty),
                Some("general_time") => Some(ModeParam::Time),
                _ => Some(ModeParam::Yearly),
            },
            controls: match o["controls"].as_str() {
                None => None,
                Some("off") => Some(ControlsParam::Off),
                Some("static") => Some(ControlsParam::Static),
                Some("time") => Some(ControlsParam::Time),
                Some(_) => return Err(cannot("Its controls acted in a way that is not offered here.")),
            },
            tolerance_pu: o["tolerance_pu"].as_f64(),
            max_iterations: small(&o["max_iterations"]),
            max_control_iterations: small(&o["max_control_iterations"]),
            range_a: pair(&o["range_a_pu"]),
            range_b: pair(&o["range_b_pu"]),
            lenient: o["lenient"].as_bool().unwrap_or(false),
            ..SolveYearParams::default()
        };
        Ok((name, version, params))
    }

    /// The scenario of the project that it was solved with.
    pub fn scenario(&self) -> Option<ScenarioRef> {
        let kept = &self.noted.as_ref()?.options["params"]["scenario"];
        serde_json::from_value(kept.clone()).ok()
    }

    /// Length of a step, hours.
    pub fn step_h(&self) -> f64 {
        self.manifest.options["step_h"].as_f64().filter(|h| *h > 0.0).unwrap_or(1.0)
    }

    /// Voltages of range A, per unit.
    pub fn range_a(&self) -> [f64; 2] {
        let range = &self.manifest.options["range_a_pu"];
        [range[0].as_f64().unwrap_or(0.95), range[1].as_f64().unwrap_or(1.05)]
    }

    /// # Errors
    /// Records that cannot be read.
    pub fn row(&self) -> Result<RunRow, Problem> {
        let records = self.lake.records(self.name())?;
        let done = records.iter().filter(|r| r.status == Status::Done).count() as u64;
        let o = &self.manifest.options;
        let noted = |key: &str| self.noted.as_ref().and_then(|n| n.options[key].as_str().map(str::to_owned));
        let steps = o["steps"].as_u64();
        Ok(RunRow {
            id: self.name().to_owned(),
            networks: self.networks(),
            job: noted("job"),
            user: noted("user"),
            created: self.noted.as_ref().map(|n| n.time_utc.clone()),
            engine_version: self.manifest.engine_version.clone(),
            steps,
            step_h: o["step_h"].as_f64(),
            hours: steps.map(|n| n as f64 * self.step_h()),
            mode: o["mode"].as_str().map(str::to_owned),
            controls: o["controls"].as_str().map(str::to_owned),
            feeders: self.manifest.inputs.len() as u64,
            feeders_done: done,
            feeders_failed: records.len() as u64 - done,
        })
    }

    /// Each feeder, and sums over those that are done.
    ///
    /// # Errors
    /// Records that cannot be read.
    pub fn status(&self) -> Result<(RunTotals, Vec<FeederStatus>), Problem> {
        let records: BTreeMap<String, FeederRecord> = self.lake.records(self.name())?.into_iter().map(|r| (r.feeder.clone(), r)).collect();
        let done: Vec<&FeederRecord> = records.values().filter(|r| r.status == Status::Done).collect();
        let sum = |key: &str| done.iter().filter_map(|r| r.summary[key].as_f64()).sum::<f64>();
        let count = |key: &str| done.iter().filter_map(|r| r.summary[key].as_u64()).sum::<u64>();
        let all = |key: &'static str| done.iter().filter_map(move |r| r.summary[key].as_f64());
        let (energy_kwh, losses_kwh) = (sum("energy_kwh"), sum("losses_kwh"));
        let totals = RunTotals {
            nodes: count("nodes"),
            steps: count("steps"),
            unsettled: count("unsettled"),
            energy_kwh,
            losses_kwh,
            losses_pct: (energy_kwh > 0.0).then(|| 100.0 * losses_kwh / energy_kwh),
            peak_kw: all("peak_kw").reduce(f64::max),
            v_min_pu: all("v_min_pu").reduce(f64::min),
            v_max_pu: all("v_max_pu").reduce(f64::max),
            nodes_outside_a: count("nodes_outside_a"),
            nodes_outside_b: count("nodes_outside_b"),
            elements_overloaded: count("elements_overloaded"),
        };
        let of = |feeder: &str| match records.get(feeder) {
            None => FeederStatus { feeder: feeder.into(), status: "missing".into(), reason: None, summary: Value::Null },
            Some(r) => {
                let (status, reason) = match &r.status {
                    Status::Done => ("done", None),
                    Status::Failed { reason } => ("failed", Some(reason.clone())),
                };
                let mut summary = r.summary.clone();
                // Files of the server are nobody's business.
                summary.as_object_mut().and_then(|s| s.shift_remove("files"));
                FeederStatus { feeder: feeder.into(), status: status.into(), reason, summary }
            }
        };
        Ok((totals, self.manifest.inputs.iter().map(|i| of(&i.feeder)).collect()))
    }

    /// Key under which a list of this study is kept.
    pub fn key(&self, what: &str) -> String {
        let stamp = self.lake.study_stamp(self.name()).unwrap_or_default();
        format!("{}\n{}\n{stamp}\n{what}", self.lake.root().display(), self.name())
    }

    /// Rows of a table as objects, those that `weigh` gives a weight, the heaviest first.
    fn ranked(
        &self,
        feeder: Option<&str>,
        table: &str,
        columns: &[&str],
        extra: &[(&str, &str)],
        weigh: &mut dyn FnMut(&[Figure]) -> Option<f64>,
    ) -> Result<Ranked, Problem> {
        let (mut found, mut total): (Vec<(f64, Value)>, u64) = (Vec::new(), 0);
        // Sorted and cut now and then, so that memory stays bounded whatever the study.
        let cut = |found: &mut Vec<(f64, Value)>| {
            found.sort_by(|a, b| b.0.total_cmp(&a.0));
            found.truncate(ROWS_MAX);
        };
        self.lake.each_row(self.name(), feeder, table, columns, &mut |feeder, row| {
            if let Some(weight) = weigh(row) {
                total += 1;
                let mut object = Map::new();
                object.insert("feeder".into(), json!(feeder));
                object.extend(extra.iter().map(|(k, v)| ((*k).to_owned(), json!(v))));
                object.extend(columns.iter().zip(row).map(|(c, v)| ((*c).to_owned(), json_of(v))));
                found.push((weight, Value::Object(object)));
                if found.len() >= 4 * ROWS_MAX {
                    cut(&mut found);
                }
            }
            ControlFlow::Continue(())
        })?;
        cut(&mut found);
        Ok(Ranked { rows: found.into_iter().map(|(_, v)| v).collect(), total })
    }

    /// Elements above their rating, the most loaded first.
    ///
    /// # Errors
    /// Tables that cannot be read.
    pub fn overloads(&self, feeder: Option<&str>) -> Result<Ranked, Problem> {
        let columns = [
            "element",
            "kind",
            "bus_1",
            "bus_2",
            "rating_a",
            "rating_kva",
            "loading_max_pct",
            "loading_max_hour",
            "loading_p95_pct",
            "hours_above_normal",
            "hours_above_emergency",
        ];
        self.ranked(feeder, "element_statistics", &columns, &[], &mut |r| {
            r[9].number().filter(|h| *h > 0.0).map(|_| r[6].number().unwrap_or(0.0))
        })
    }

    /// Nodes outside range A, the farthest outside first.
    ///
    /// # Errors
    /// Tables that cannot be read.
    pub fn voltages(&self, feeder: Option<&str>) -> Result<Ranked, Problem> {
        let columns = [
            "node",
            "bus",
            "kv_base_ln",
            "v_min_pu",
            "v_min_hour",
            "v_max_pu",
            "v_max_hour",
            "hours_below_a",
            "hours_above_a",
            "hours_below_b",
            "hours_above_b",
        ];
        let [low, high] = self.range_a();
        self.ranked(feeder, "node_statistics", &columns, &[], &mut |r| {
            let hours = r[7].number().unwrap_or(0.0) + r[8].number().unwrap_or(0.0);
            let below = r[3].number().map_or(0.0, |v| low - v);
            let above = r[5].number().map_or(0.0, |v| v - high);
            (hours > 0.0).then(|| below.max(above))
        })
    }

    /// Quantities that can be asked for by element or bus: name, column of which table.
    pub const QUANTITIES: &'static [(&'static str, bool, &'static str, &'static str)] = &[
        ("loading_max_pct", true, "%", "Largest loading"),
        ("loading_p95_pct", true, "%", "Loading that 95 % of the time is below"),
        ("loading_mean_pct", true, "%", "Mean loading"),
        ("hours_above_normal", true, "h", "Time above the rating"),
        ("hours_above_emergency", true, "h", "Time above the emergency rating"),
        ("i_max_a", true, "A", "Largest current"),
        ("s_max_kva", true, "kVA", "Largest apparent power"),
        ("energy_kwh", true, "kWh", "Energy"),
        ("losses_kwh", true, "kWh", "Losses"),
        ("unbalance_max_pct", true, "%", "Largest unbalance of currents"),
        ("v_min_pu", false, "pu", "Lowest voltage"),
        ("v_max_pu", false, "pu", "Highest voltage"),
        ("v_mean_pu", false, "pu", "Mean voltage"),
        ("v_p05_pu", false, "pu", "Voltage that 5 % of the time is below"),
        ("v_p95_pu", false, "pu", "Voltage that 95 % of the time is below"),
        ("hours_below_a", false, "h", "Time below range A"),
        ("hours_above_a", false, "h", "Time above range A"),
    ];

    /// One value an element or bus, by number; not a number where there is none. Of a bus the node that is worst counts.
    ///
    /// # Errors
    /// No such quantity; tables that cannot be read.
    pub fn values(&self, feeder: &str, numbers: &Numbers, quantity: &str) -> Result<Vec<f32>, Problem> {
        let Some(&(name, of_element, ..)) = Self::QUANTITIES.iter().find(|(n, ..)| *n == quantity) else {
            let names: Vec<&str> = Self::QUANTITIES.iter().map(|(n, ..)| *n).collect();
            return Err(Problem::bad_request("There is no such quantity").field("quantity").hint(format!("One of {}.", names.join(", "))));
        };
        let (table, key, known) =
            if of_element { ("element_statistics", "element", &numbers.elements) } else { ("node_statistics", "bus", &numbers.buses) };
        let lower_is_worse = matches!(name, "v_min_pu" | "v_p05_pu");
        let mut values = vec![f32::NAN; known.len()];
        self.lake.each_row(self.name(), Some(feeder), table, &[key, name], &mut |_, row| {
            if let (Figure::Text(id), Some(x)) = (&row[0], row[1].number())
                && let Some(place) = known.get(id.to_lowercase().as_str()).and_then(|&i| values.get_mut(i as usize))
            {
                let x = x as f32;
                *place = if place.is_nan() {
                    x
                } else if lower_is_worse {
                    place.min(x)
                } else {
                    place.max(x)
                };
            }
            ControlFlow::Continue(())
        })?;
        Ok(values)
    }

    /// Figures of every element and node by identity, for a comparison.
    fn figures(&self, feeder: &str) -> Result<BTreeMap<(String, &'static str), f64>, Problem> {
        let mut figures = BTreeMap::new();
        let mut take = |table: &str, key: &str, columns: [&'static str; 2]| {
            self.lake.each_row(self.name(), Some(feeder), table, &[key, columns[0], columns[1]], &mut |_, row| {
                if let Figure::Text(id) = &row[0] {
                    for (column, value) in columns.iter().zip(&row[1..]) {
                        if let Some(x) = value.number() {
                            figures.insert((id.clone(), *column), x);
                        }
                    }
                }
                ControlFlow::Continue(())
            })
        };
        take("element_statistics", "element", ["loading_max_pct", "hours_above_normal"])?;
        take("node_statistics", "node", ["v_min_pu", "v_max_pu"])?;
        Ok(figures)
    }

    /// What differs from another study, the largest change first.
    ///
    /// # Errors
    /// Tables that cannot be read.
    pub fn changes(&self, other: &Self) -> Result<Ranked, Problem> {
        let [low, high] = self.range_a();
        let theirs: Vec<String> = other.networks().into_iter().map(|n| n.feeder).collect();
        let mut found: Vec<(f64, Value)> = Vec::new();
        let mut total = 0;
        for network in self.networks().into_iter().filter(|n| theirs.contains(&n.feeder)) {
            let (ours, others) = (self.figures(&network.feeder)?, other.figures(&network.feeder)?);
            for ((id, quantity), value) in ours {
                if quantity == "hours_above_normal" {
                    continue;
                }
                let Some(&with) = others.get(&(id.clone(), quantity)) else { continue };
                let change = with - value;
                // What does not change by a thousandth of what matters is the same.
                let weight = if quantity == "loading_max_pct" { change.abs() / 100.0 } else { change.abs() / 0.05 };
                if weight < 1e-3 {
                    continue;
                }
                let breaks = |x: f64| match quantity {
                    "loading_max_pct" => x > 100.0,
                    "v_min_pu" => x < low,
                    _ => x > high,
                };
                let state = match (breaks(value), breaks(with)) {
                    (false, true) => "new violation",
                    (true, false) => "mended",
                    (true, true) => "still a violation",
                    (false, false) => "within limits",
                };
                let of_element = quantity == "loading_max_pct";
                let shown = if of_element { id.clone() } else { format!("bus.{}", id.rsplit_once('.').map_or(id.as_str(), |(b, _)| b)) };
                let unit = if of_element { "%" } else { "pu" };
                total += 1;
                found.push((
                    weight,
                    json!({
                        "id": shown, "feeder": network.feeder, "node": if of_element { None } else { Some(id) }, "quantity": quantity,
                        "unit": unit, "value": value, "with": with, "change": change, "state": state,
                    }),
                ));
                if found.len() >= 4 * ROWS_MAX {
                    found.sort_by(|a, b| b.0.total_cmp(&a.0));
                    found.truncate(ROWS_MAX);
                }
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(ROWS_MAX);
        Ok(Ranked { rows: found.into_iter().map(|(_, v)| v).collect(), total })
    }

    /// One row of a table about an element or node of a feeder, as an object; of any feeder when none is named.
    ///
    /// # Errors
    /// Tables that cannot be read.
    pub fn one(&self, feeder: Option<&str>, table: &str, key: &str, id: &str, columns: &[&str]) -> Result<Option<(String, Row)>, Problem> {
        let mut all = vec![key];
        all.extend(columns);
        let mut found = None;
        self.lake.each_row(self.name(), feeder, table, &all, &mut |feeder, row| {
            if matches!(&row[0], Figure::Text(t) if t.eq_ignore_ascii_case(id)) {
                let object = all.iter().zip(row).map(|(c, v)| ((*c).to_owned(), json_of(v))).collect();
                found = Some((feeder.to_owned(), object));
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// A column of a feeder's steps, with the hours.
    ///
    /// # Errors
    /// A study that kept no steps.
    pub fn steps(&self, feeder: &str, column: &str) -> Result<(Vec<f64>, Vec<Option<f64>>), Problem> {
        let (mut hours, mut values) = (Vec::new(), Vec::new());
        self.lake.each_row(self.name(), Some(feeder), "steps", &["hour", column], &mut |_, row| {
            hours.push(row[0].number().unwrap_or(f64::NAN));
            values.push(row[1].number());
            ControlFlow::Continue(())
        })?;
        if hours.is_empty() {
            return Err(Problem::conflict("The study kept no steps of this network")
                .hint("Run a study that keeps `steps`; it does unless told otherwise."));
        }
        Ok((hours, values))
    }

    /// Nodes of a feeder with their distance from the source, and the lines between their buses.
    ///
    /// # Errors
    /// Tables that cannot be read.
    pub fn profile(&self, feeder: &str) -> Result<(Vec<Row>, Vec<[String; 2]>), Problem> {
        let columns = ["node", "bus", "phase", "kv_base_ln", "distance_km", "v_min_pu", "v_mean_pu", "v_max_pu", "v_p05_pu", "v_p95_pu"];
        let (mut nodes, mut edges) = (Vec::new(), Vec::new());
        self.lake.each_row(self.name(), Some(feeder), "node_statistics", &columns, &mut |_, row| {
            nodes.push(columns.iter().zip(row).map(|(c, v)| ((*c).to_owned(), json_of(v))).collect());
            ControlFlow::Continue(())
        })?;
        self.lake.each_row(self.name(), Some(feeder), "element_statistics", &["bus_1", "bus_2"], &mut |_, row| {
            if let (Figure::Text(a), Figure::Text(b)) = (&row[0], &row[1])
                && a != b
            {
                edges.push([a.clone(), b.clone()]);
            }
            ControlFlow::Continue(())
        })?;
        Ok((nodes, edges))
    }

    /// A card a feeder.
    ///
    /// # Errors
    /// Tables that cannot be read.
    pub fn scorecards(&self) -> Result<Ranked, Problem> {
        let report = store::study_report(&self.lake, Some(self.name()))?;
        let Some(section) = report.section("feeder_scorecard") else { return Ok(Ranked::default()) };
        let columns: Vec<&str> = section.view.columns().map(|c| c.name).collect();
        let rows: Vec<Value> = section
            .rows
            .iter()
            .take(ROWS_MAX)
            .map(|r| Value::Object(columns.iter().zip(r).map(|(c, v)| ((*c).to_owned(), json_of(v))).collect()))
            .collect();
        Ok(Ranked { rows, total: section.rows.len() as u64 })
    }
}
