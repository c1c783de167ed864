//! The figures of a study: what the views say, made without the query engine, so that every build of the program has them.
//!
//! A section has the columns of the view of its name. `tests/report.rs` asks both for the same lake and compares.

use crate::error::StoreError;
use crate::lake::{CommittedFile, Lake};
use crate::record::{FeederRecord, RunManifest, Status};
use crate::views::{VIEWS, View, view};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, Float64Array, RecordBatch, StringArray};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Missing,
    Text(String),
    Number(f64),
    Count(u64),
    /// A whole number that may be negative; only queries give one.
    Integer(i64),
    /// Only queries give one.
    Flag(bool),
}

impl Value {
    /// The number, of a count too.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(x) => Some(*x),
            Self::Count(n) => Some(*n as f64),
            Self::Integer(n) => Some(*n as f64),
            Self::Text(_) | Self::Flag(_) | Self::Missing => None,
        }
    }
}

impl From<Option<f64>> for Value {
    fn from(x: Option<f64>) -> Self {
        x.map_or(Self::Missing, Self::Number)
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Self {
        Self::Number(x)
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Count(n)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Figures with the columns of a view, the most pressing row first.
#[derive(Clone, Debug)]
pub struct Section {
    pub view: View,
    pub rows: Vec<Vec<Value>>,
}

impl Section {
    /// Index of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.view.columns().position(|c| c.name == name)
    }

    /// Sum of a column over all rows.
    pub fn sum(&self, name: &str) -> f64 {
        self.column(name).map_or(0.0, |i| self.rows.iter().filter_map(|r| r[i].number()).sum())
    }
}

/// What a study came to.
#[derive(Clone, Debug)]
pub struct StudyReport {
    pub manifest: RunManifest,
    /// Feeders whose results are there.
    pub done: usize,
    /// Feeders that failed, with the reason.
    pub failed: Vec<(String, String)>,
    /// Feeders with steps that did not settle, and how many.
    pub unsettled: Vec<(String, u64)>,
    pub sections: Vec<Section>,
    /// Views that cannot be made, with the tables of which the study kept no rows.
    pub absent: Vec<(View, Vec<&'static str>)>,
}

impl StudyReport {
    /// The section of this name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|s| s.view.name == name)
    }
}

/// Makes the figures of a study: of the one named, or of the only one.
///
/// # Errors
/// No such study, several and none named, torn files.
pub fn study_report(lake: &Lake, study: Option<&str>) -> Result<StudyReport, StoreError> {
    let manifest = lake.study(study)?;
    let records = lake.records(&manifest.study)?;
    let files = lake.committed(Some(&manifest.study))?;
    let kept: BTreeSet<&str> = files.iter().map(|f| f.record.table.as_str()).collect();
    let mut makers = Makers::default();
    each_batch(&files, "feeder_totals", &mut |feeder, batch| makers.totals(feeder, batch))?;
    each_batch(&files, "node_statistics", &mut |feeder, batch| makers.nodes(feeder, batch))?;
    each_batch(&files, "element_statistics", &mut |feeder, batch| makers.elements(feeder, batch))?;
    let mut report = StudyReport {
        done: records.iter().filter(|r| r.status == Status::Done).count(),
        failed: records.iter().filter_map(failure).collect(),
        unsettled: makers.unsettled(),
        sections: Vec::new(),
        absent: Vec::new(),
        manifest,
    };
    let mut made = makers.finish(&report.manifest.study);
    for view in VIEWS {
        let missing: Vec<&'static str> = view.needs().filter(|t| !kept.contains(t)).collect();
        if missing.is_empty() {
            report.sections.push(Section { view: *view, rows: made.remove(view.name).unwrap_or_default() });
        } else {
            report.absent.push((*view, missing));
        }
    }
    Ok(report)
}

fn failure(record: &FeederRecord) -> Option<(String, String)> {
    match &record.status {
        Status::Failed { reason } => Some((record.feeder.clone(), reason.clone())),
        Status::Done => None,
    }
}

fn each_batch(
    files: &[CommittedFile],
    table: &str,
    look: &mut dyn FnMut(&str, &Columns<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for file in files.iter().filter(|f| f.record.table == table) {
        file.read(&mut |batch| look(&file.feeder, &Columns { table, batch }))?;
    }
    Ok(())
}

/// A batch by names of columns.
struct Columns<'a> {
    table: &'a str,
    batch: &'a RecordBatch,
}

impl Columns<'_> {
    fn find<T>(&self, name: &str, expected: &str, pick: impl Fn(&dyn Array) -> Option<T>) -> Result<T, StoreError> {
        let column = self.batch.column_by_name(name);
        column.and_then(|c| pick(c.as_ref())).ok_or_else(|| StoreError::Column {
            table: self.table.to_owned(),
            column: name.to_owned(),
            expected: expected.to_owned(),
            found: column.map_or_else(|| "no such column".to_owned(), |c| c.data_type().to_string()),
        })
    }

    fn numbers(&self, name: &str) -> Result<Float64Array, StoreError> {
        self.find(name, "f64", |c| c.as_primitive_opt::<Float64Type>().cloned())
    }

    fn texts(&self, name: &str) -> Result<StringArray, StoreError> {
        self.find(name, "text", |c| c.as_string_opt::<i32>().cloned())
    }

    /// A count of 32 or 64 bits in the first row.
    fn count(&self, name: &str) -> Result<u64, StoreError> {
        self.find(name, "u32 or u64", |c| {
            let narrow = c.as_primitive_opt::<UInt32Type>().map(|c| u64::from(c.value(0)));
            narrow.or_else(|| c.as_primitive_opt::<UInt64Type>().map(|c| c.value(0)))
        })
    }

    fn first(&self, name: &str) -> Result<Option<f64>, StoreError> {
        Ok(at(&self.numbers(name)?, 0))
    }
}

fn at(column: &Float64Array, row: usize) -> Option<f64> {
    column.is_valid(row).then(|| column.value(row))
}

fn lower(old: Option<f64>, new: Option<f64>) -> Option<f64> {
    match (old, new) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn higher(old: Option<f64>, new: Option<f64>) -> Option<f64> {
    lower(old.map(|x| -x), new.map(|x| -x)).map(|x| -x)
}

/// Share in percent; nothing where there is no whole.
fn share(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    whole.filter(|w| *w > 0.0).and_then(|w| part.map(|p| 100.0 * p / w))
}

type Rows = Vec<Vec<Value>>;

/// What is gathered while the tables are read.
#[derive(Default)]
struct Makers {
    totals: BTreeMap<String, Totals>,
    nodes: BTreeMap<String, NodeSummary>,
    elements: BTreeMap<String, ElementSummary>,
    violations: BTreeMap<(String, &'static str, &'static str), Violation>,
    buses: BTreeMap<(String, String), BusProfile>,
    /// Without the study, which stands in front of every row.
    overloads: Rows,
    transformers: Rows,
}

struct Totals {
    nodes: u64,
    loads: u64,
    line_km: Option<f64>,
    transformer_kva: Option<f64>,
    step_h: f64,
    steps: u64,
    unsettled: u64,
    peak_kw: Option<f64>,
    peak_hour: Option<f64>,
    energy_kwh: Option<f64>,
    load_energy_kwh: Option<f64>,
    losses_kwh: Option<f64>,
    line_losses_kwh: Option<f64>,
    transformer_losses_kwh: Option<f64>,
    no_load_losses_kwh: Option<f64>,
    control_actions: u64,
}

#[derive(Default)]
struct NodeSummary {
    v_min_pu: Option<f64>,
    v_max_pu: Option<f64>,
    outside_a: u64,
    outside_b: u64,
}

#[derive(Default)]
struct ElementSummary {
    loading_max_pct: Option<f64>,
    worst: Option<String>,
    overloaded: u64,
    overload_hours: f64,
}

struct Violation {
    nodes: u64,
    node_hours: f64,
    longest_hours: f64,
    worst_node: String,
    worst_bus: String,
    worst_v_pu: Option<f64>,
    worst_hour: Option<f64>,
}

#[derive(Default)]
struct BusProfile {
    nodes: u64,
    kv_base_ln: Option<f64>,
    x: Option<f64>,
    y: Option<f64>,
    v_min_pu: Option<f64>,
    v_p05_pu: Option<f64>,
    v_mean_sum: f64,
    v_mean_nodes: u64,
    v_p95_pu: Option<f64>,
    v_max_pu: Option<f64>,
}

impl Makers {
    fn totals(&mut self, feeder: &str, c: &Columns<'_>) -> Result<(), StoreError> {
        let totals = Totals {
            nodes: c.count("nodes")?,
            loads: c.count("loads")?,
            line_km: c.first("line_km")?,
            transformer_kva: c.first("transformer_kva")?,
            step_h: c.first("step_h")?.unwrap_or(0.0),
            steps: c.count("steps")?,
            unsettled: c.count("unsettled")?,
            peak_kw: c.first("peak_kw")?,
            peak_hour: c.first("peak_hour")?,
            energy_kwh: c.first("energy_kwh")?,
            load_energy_kwh: c.first("load_energy_kwh")?,
            losses_kwh: c.first("losses_kwh")?,
            line_losses_kwh: c.first("line_losses_kwh")?,
            transformer_losses_kwh: c.first("transformer_losses_kwh")?,
            no_load_losses_kwh: c.first("no_load_losses_kwh")?,
            control_actions: c.count("control_actions")?,
        };
        self.totals.insert(feeder.to_owned(), totals);
        Ok(())
    }

    fn nodes(&mut self, feeder: &str, c: &Columns<'_>) -> Result<(), StoreError> {
        let (node, bus) = (c.texts("node")?, c.texts("bus")?);
        let (v_min, v_min_hour) = (c.numbers("v_min_pu")?, c.numbers("v_min_hour")?);
        let (v_max, v_max_hour) = (c.numbers("v_max_pu")?, c.numbers("v_max_hour")?);
        let (p05, mean, p95) = (c.numbers("v_p05_pu")?, c.numbers("v_mean_pu")?, c.numbers("v_p95_pu")?);
        let (kv, x, y) = (c.numbers("kv_base_ln")?, c.numbers("x")?, c.numbers("y")?);
        let sides = [
            ("A", "below", c.numbers("hours_below_a")?),
            ("A", "above", c.numbers("hours_above_a")?),
            ("B", "below", c.numbers("hours_below_b")?),
            ("B", "above", c.numbers("hours_above_b")?),
        ];
        let summary = self.nodes.entry(feeder.to_owned()).or_default();
        for i in 0..c.batch.num_rows() {
            let (low, high) = (at(&v_min, i), at(&v_max, i));
            summary.v_min_pu = lower(summary.v_min_pu, low);
            summary.v_max_pu = higher(summary.v_max_pu, high);
            summary.outside_a += u64::from(sides[0].2.value(i) + sides[1].2.value(i) > 0.0);
            summary.outside_b += u64::from(sides[2].2.value(i) + sides[3].2.value(i) > 0.0);
            for (range, side, hours) in &sides {
                let hours = hours.value(i);
                if hours > 0.0 {
                    let (v_pu, hour) = if *side == "below" { (low, at(&v_min_hour, i)) } else { (high, at(&v_max_hour, i)) };
                    let found = self.violations.entry((feeder.to_owned(), range, side));
                    let found = found.or_insert_with(|| Violation {
                        nodes: 0,
                        node_hours: 0.0,
                        longest_hours: 0.0,
                        worst_node: String::new(),
                        worst_bus: String::new(),
                        worst_v_pu: None,
                        worst_hour: None,
                    });
                    found.nodes += 1;
                    found.node_hours += hours;
                    found.longest_hours = found.longest_hours.max(hours);
                    let distance = |v: Option<f64>| v.map_or(f64::NEG_INFINITY, |v| if *side == "below" { -v } else { v });
                    let order = distance(v_pu).total_cmp(&distance(found.worst_v_pu));
                    let tie = found.nodes == 1 || node.value(i) < found.worst_node.as_str();
                    if order == Ordering::Greater || (order == Ordering::Equal && tie) {
                        found.worst_node = node.value(i).to_owned();
                        found.worst_bus = bus.value(i).to_owned();
                        found.worst_v_pu = v_pu;
                        found.worst_hour = hour;
                    }
                }
            }
            let profile = self.buses.entry((feeder.to_owned(), bus.value(i).to_owned())).or_default();
            profile.nodes += 1;
            profile.kv_base_ln = higher(profile.kv_base_ln, at(&kv, i));
            profile.x = higher(profile.x, at(&x, i));
            profile.y = higher(profile.y, at(&y, i));
            profile.v_min_pu = lower(profile.v_min_pu, low);
            profile.v_p05_pu = lower(profile.v_p05_pu, at(&p05, i));
            profile.v_mean_sum += at(&mean, i).unwrap_or(0.0);
            profile.v_mean_nodes += u64::from(mean.is_valid(i));
            profile.v_p95_pu = higher(profile.v_p95_pu, at(&p95, i));
            profile.v_max_pu = higher(profile.v_max_pu, high);
        }
        Ok(())
    }

    fn elements(&mut self, feeder: &str, c: &Columns<'_>) -> Result<(), StoreError> {
        let (element, kind) = (c.texts("element")?, c.texts("kind")?);
        let (rating_a, rating_kva) = (c.numbers("rating_a")?, c.numbers("rating_kva")?);
        let (max, above) = (c.numbers("loading_max_pct")?, c.numbers("hours_above_normal")?);
        let overload = ["loading_max_pct", "loading_max_hour", "loading_p99_pct", "hours_above_normal", "hours_above_emergency"];
        let overload = overload.map(|n| c.numbers(n)).into_iter().collect::<Result<Vec<_>, _>>()?;
        // The columns of the view that follow the element's name are columns of the table.
        let loading = view("transformer_loading").map_or(Vec::new(), |v| v.columns().skip(3).map(|c| c.name).collect());
        let loading = loading.into_iter().map(|n| c.numbers(n)).collect::<Result<Vec<_>, _>>()?;
        let summary = self.elements.entry(feeder.to_owned()).or_default();
        for i in 0..c.batch.num_rows() {
            if let Some(pct) = at(&max, i) {
                let order = summary.loading_max_pct.map_or(Ordering::Greater, |old| pct.total_cmp(&old));
                let first_by_name = summary.worst.as_deref().is_none_or(|w| element.value(i) < w);
                if order == Ordering::Greater || (order == Ordering::Equal && first_by_name) {
                    summary.loading_max_pct = Some(pct);
                    summary.worst = Some(element.value(i).to_owned());
                }
            }
            let head = || vec![Value::from(feeder), Value::from(element.value(i))];
            if above.value(i) > 0.0 {
                summary.overloaded += 1;
                summary.overload_hours += above.value(i);
                let mut row = head();
                row.push(Value::from(kind.value(i)));
                row.push(at(&rating_a, i).or(at(&rating_kva, i)).into());
                row.extend(overload.iter().map(|c| Value::from(at(c, i))));
                self.overloads.push(row);
            }
            if kind.value(i) == "transformer" && rating_kva.is_valid(i) {
                let mut row = head();
                row.extend(loading.iter().map(|c| Value::from(at(c, i))));
                self.transformers.push(row);
            }
        }
        Ok(())
    }

    fn unsettled(&self) -> Vec<(String, u64)> {
        self.totals.iter().filter(|(_, t)| t.unsettled > 0).map(|(feeder, t)| (feeder.clone(), t.unsettled)).collect()
    }

    /// All rows, by view, with the study in front.
    fn finish(self, study: &str) -> BTreeMap<&'static str, Rows> {
        let scorecard = self.totals.iter().map(|(feeder, t)| self.scorecard_row(feeder, t)).collect();
        let losses = self.totals.iter().map(|(feeder, t)| losses_row(feeder, t)).collect();
        let violations = self.violations.iter().map(|((feeder, range, side), v)| violation_row(feeder, range, side, v)).collect();
        let profile = self.buses.iter().map(|((feeder, bus), b)| profile_row(feeder, bus, b)).collect();
        let (mut overloads, mut transformers) = (self.overloads, self.transformers);
        // Columns of the largest loading, counted after the feeder.
        worst_first(&mut overloads, 4);
        worst_first(&mut transformers, 4);
        let mut made: BTreeMap<&'static str, Rows> = BTreeMap::from([
            ("feeder_scorecard", scorecard),
            ("thermal_overloads", overloads),
            ("voltage_violations", violations),
            ("losses", losses),
            ("transformer_loading", transformers),
            ("voltage_profile", profile),
        ]);
        for row in made.values_mut().flatten() {
            row.insert(0, Value::from(study));
        }
        made
    }

    fn scorecard_row(&self, feeder: &str, t: &Totals) -> Vec<Value> {
        let (no_nodes, no_elements) = (NodeSummary::default(), ElementSummary::default());
        let n = self.nodes.get(feeder).unwrap_or(&no_nodes);
        let e = self.elements.get(feeder).unwrap_or(&no_elements);
        let settled_h = t.steps.saturating_sub(t.unsettled) as f64 * t.step_h;
        let peak = t.peak_kw.filter(|p| *p > 0.0 && t.steps > t.unsettled);
        let load_factor = peak.and_then(|p| t.energy_kwh.map(|e| e / (p * settled_h)));
        vec![
            feeder.into(),
            t.nodes.into(),
            t.loads.into(),
            t.line_km.into(),
            t.transformer_kva.into(),
            t.peak_kw.into(),
            t.peak_hour.into(),
            load_factor.into(),
            t.energy_kwh.into(),
            share(t.losses_kwh, t.energy_kwh).into(),
            n.v_min_pu.into(),
            n.v_max_pu.into(),
            n.outside_a.into(),
            n.outside_b.into(),
            e.loading_max_pct.into(),
            e.worst.as_deref().map_or(Value::Missing, Value::from),
            e.overloaded.into(),
            e.overload_hours.into(),
            t.control_actions.into(),
            t.unsettled.into(),
        ]
    }
}

fn losses_row(feeder: &str, t: &Totals) -> Vec<Value> {
    let load_losses = t.losses_kwh.zip(t.no_load_losses_kwh).map(|(all, no_load)| all - no_load);
    vec![
        feeder.into(),
        t.energy_kwh.into(),
        t.load_energy_kwh.into(),
        t.losses_kwh.into(),
        t.line_losses_kwh.into(),
        t.transformer_losses_kwh.into(),
        t.no_load_losses_kwh.into(),
        load_losses.into(),
        share(t.losses_kwh, t.energy_kwh).into(),
        share(t.line_losses_kwh, t.energy_kwh).into(),
        share(t.transformer_losses_kwh, t.energy_kwh).into(),
    ]
}

fn violation_row(feeder: &str, range: &str, side: &str, v: &Violation) -> Vec<Value> {
    vec![
        feeder.into(),
        range.into(),
        side.into(),
        v.nodes.into(),
        v.node_hours.into(),
        v.longest_hours.into(),
        v.worst_node.as_str().into(),
        v.worst_bus.as_str().into(),
        v.worst_v_pu.into(),
        v.worst_hour.into(),
    ]
}

fn profile_row(feeder: &str, bus: &str, b: &BusProfile) -> Vec<Value> {
    vec![
        feeder.into(),
        bus.into(),
        b.nodes.into(),
        b.kv_base_ln.into(),
        b.x.into(),
        b.y.into(),
        b.v_min_pu.into(),
        b.v_p05_pu.into(),
        (b.v_mean_nodes > 0).then(|| b.v_mean_sum / b.v_mean_nodes as f64).into(),
        b.v_p95_pu.into(),
        b.v_max_pu.into(),
    ]
}

/// Sorts by a column, the largest number first, a missing one last; equal rows keep their order.
fn worst_first(rows: &mut Rows, column: usize) {
    let key = |row: &Vec<Value>| row[column].number().unwrap_or(f64::NEG_INFINITY);
    rows.sort_by(|a, b| key(b).total_cmp(&key(a)));
}
