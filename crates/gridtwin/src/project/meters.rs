//! `gridtwin project meters`: readings in the project's lake, the map of its meters, and sums through the map.
//!
//! ```text
//! files ─► import ─► lake: study meters-…: meter_intervals, meter_quality, sums as the map is now
//! networks, places of meters, voltages of the lake, decisions ─► map ─► database: a version of the meter map
//! lake: meter_intervals of all imports + newest map ─► aggregate ─► lake: study meter-sums
//! ```
//!
//! An import is a study of its own, called after what its files hold: the same files again take their own place. Where two imports hold
//! the same interval of a meter, the aggregate takes a measured value before an estimated one and the later import before the earlier.

use super::arguments::{
    ProjectAggregateArguments, ProjectMapArguments, ProjectMetersArguments, ProjectMetersCommand, ProjectPlacesArguments,
    ProjectReadingsArguments,
};
use super::decisions::meters_in_force;
use super::{author, now, records};
use crate::console::Console;
use crate::failure::Failure;
use crate::meters::arguments::ImportArguments;
use crate::meters::import::{Outcome, finish_into, import};
use crate::meters::map::{VoltageSink, as_json, as_text, csv};
use crate::meters::places;
use crate::meters::scratch::DiskScratch;
use crate::result_folder::{cannot, write_whole};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use formats::meters::{ReadingSink, Zone};
use network::{AssetKind, Channel, Diagnostic, LonLat, Network, ReadingIndex, ReadingQuality, ReadingSeries, Readings, Reject, SourceRef};
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::lake::CommittedFile;
use store::project::{MeterMapRow, MeterMapSite, MeterPlaceRecord, NewRecords, Project, RunRecord, SourceFile, VersionInfo};
use store::{Lake, RunManifest, StoreError, sha256_hex};
use studies::meter_map::{self, MeterMap, MeterSite, TransformerSite, infer, sites_of};
use studies::metering::{Collector, MeterPlace, Options, UNMAPPED, VeeOptions};

/// Study of the sums over all imports.
pub const SUMS: &str = "meter-sums";
/// Kind of the runs that bring readings.
pub const READINGS: &str = "meters";
/// Steps of voltages that a map uses unless told: four weeks of quarter-hours.
pub const VOLTAGE_STEPS: u32 = 2688;
/// Readings handed on at once.
const BLOCK: usize = 8192;
/// Highest line-to-line voltage of a load that may stand for its meter, kV.
const SERVICE_KV: f64 = 1.0;

pub(super) fn run(a: &ProjectMetersArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    match &a.command {
        ProjectMetersCommand::Import(a) => run_import(a, console),
        ProjectMetersCommand::Places(a) => run_places(a, console),
        ProjectMetersCommand::Map(a) => run_map(a, console),
        ProjectMetersCommand::Aggregate(a) => run_aggregate(a, console),
    }
}

/// Meters of the newest map that hang on a transformer.
///
/// # Errors
/// A database that cannot be read.
pub fn places_of_map(project: &Project) -> Result<Option<(u64, Vec<MeterPlace>)>, Failure> {
    let Some((info, rows)) = project.meter_map(None)? else { return Ok(None) };
    let place = |r: MeterMapRow| Some(MeterPlace { meter: r.meter, transformer: r.transformer?, feeder: r.feeder, rating_kw: None });
    Ok(Some((info.number, rows.into_iter().filter_map(place).collect())))
}

/// Length and hash of each file, without keeping it in memory.
fn source_files(paths: &[PathBuf]) -> Result<Vec<SourceFile>, Failure> {
    let one = |path: &PathBuf| {
        let (bytes, sha256) = store::files::measure(path).map_err(|e| cannot("read", path, &e))?;
        Ok(SourceFile { path: path.display().to_string(), sha256, bytes })
    };
    paths.iter().map(one).collect()
}

/// Reads readings into the project's lake and notes the import as a run. Returns the name of its study and what the import gave.
///
/// # Errors
/// Files that cannot be read or understood, a lake or database that cannot be written. Feeders are committed one by one; an import that
/// was stopped is completed by the same one again.
pub fn import_readings(project: &Project, a: &ProjectReadingsArguments, time_utc: &str) -> Result<(String, Outcome), Failure> {
    let sources = source_files(&a.files)?;
    let hashes: Vec<&str> = sources.iter().map(|s| s.sha256.as_str()).collect();
    let study = a.study.clone().unwrap_or_else(|| format!("{READINGS}-{}", &sha256_hex(hashes.join(" ").as_bytes())[..10]));
    if study == SUMS {
        let what = Diagnostic::error("PROJECT.METERS.STUDY_TAKEN", format!("the study \"{SUMS}\" holds the sums over all imports"));
        return Err(what.hint("Give another name with --study, or none.").into());
    }
    let lake = project.lake()?;
    let other = lake.records(&study)?.iter().any(|r| !r.files.is_empty() && !r.files.iter().any(|f| is_reading(&f.table)));
    if other {
        let what = Diagnostic::error("PROJECT.METERS.STUDY_TAKEN", format!("the study \"{study}\" holds results of something else"));
        return Err(what.hint("Give another name with --study, or none.").into());
    }
    let map = places_of_map(project)?;
    let arguments = ImportArguments {
        files: a.files.clone(),
        reading: a.reading.clone(),
        map: None,
        feeder: UNMAPPED.to_owned(),
        sum_interval_min: a.sum_interval_min,
        rating_kw: a.rating_kw,
        no_estimate: a.no_estimate,
        keep_meters: true,
        out: Some(project.dir().to_owned()),
        study: study.clone(),
        rejects: Some(project.dir().join("rejects").join(format!("{}.csv", store::names::encode(&study)))),
        json: a.json,
    };
    std::fs::create_dir_all(project.dir().join("rejects")).map_err(|e| cannot("make the folder", &project.dir().join("rejects"), &e))?;
    let places = map.as_ref().map_or(&[][..], |(_, places)| places);
    let outcome = import(&arguments, places, map.is_some(), Vec::new())?;
    let run = RunRecord {
        name: study.clone(),
        kind: READINGS.to_owned(),
        version: None,
        options: json!({ "zone": a.reading.zone, "map": map.as_ref().map(|(number, _)| number) }),
        time_utc: time_utc.to_owned(),
        files: sources,
    };
    project.put_run(&run, None)?;
    Ok((study, outcome))
}

fn is_reading(table: &str) -> bool {
    matches!(table, "meter_intervals" | "meter_quality" | "point_intervals" | "feeder_intervals" | "transformer_intervals")
}

fn run_import(a: &ProjectReadingsArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let project = Project::open(&a.dir)?;
    let (study, outcome) = import_readings(&project, a, &now())?;
    outcome.print(a.json, console)?;
    if a.json {
        return Ok(());
    }
    console.print(&format!("\nkept as study {study}; `gridtwin project meters aggregate` adds up all imports through the newest map\n"))
}

/// Studies of the lake that hold readings, in the order in which they were imported; those that nobody has noted come first.
///
/// # Errors
/// A lake or database that cannot be read.
pub fn studies_of_readings(project: &Project, lake: &Lake) -> Result<Vec<String>, Failure> {
    let times: HashMap<String, String> = project.runs()?.into_iter().map(|r| (r.name, r.time_utc)).collect();
    let mut found: Vec<String> = lake
        .committed(None)?
        .into_iter()
        .filter(|f| f.study != SUMS && matches!(f.record.table.as_str(), "meter_intervals" | "point_intervals"))
        .map(|f| f.study)
        .collect();
    found.sort();
    found.dedup();
    found.sort_by_key(|s| times.get(s).cloned().unwrap_or_default());
    Ok(found)
}

/// A column of a table of the lake is not what it is documented to be.
fn column_missing(file: &CommittedFile, column: &str) -> StoreError {
    StoreError::Parquet { path: file.path.clone(), reason: format!("column {column} is missing or of another type") }
}

/// A text column of a batch.
pub(super) fn texts<'b>(batch: &'b RecordBatch, file: &CommittedFile, name: &str) -> Result<&'b arrow_array::StringArray, StoreError> {
    batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>()).ok_or_else(|| column_missing(file, name))
}

/// A column of numbers of a batch.
pub(super) fn numbers<'b, T: arrow_array::types::ArrowPrimitiveType>(
    batch: &'b RecordBatch,
    file: &CommittedFile,
    name: &str,
) -> Result<&'b arrow_array::PrimitiveArray<T>, StoreError> {
    batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<T>()).ok_or_else(|| column_missing(file, name))
}

/// What readings become again on their way out of the lake.
fn channel_of(name: &str) -> Option<Channel> {
    let channel = Channel::ALL.into_iter().find(|c| c.name() == name)?;
    // Standings of registers have become energies at the import.
    Some(match channel {
        Channel::DeliveredRegisterKwh => Channel::DeliveredKwh,
        Channel::ReceivedRegisterKwh => Channel::ReceivedKwh,
        other => other,
    })
}

/// Hands the readings of studies to `sink`, study after study; blocks of bounded size, and an index that grows with the meters.
///
/// # Errors
/// Files that are torn, and what the sink returns.
pub fn each_reading(lake: &Lake, studies: &[String], sink: &mut dyn ReadingSink) -> Result<ReadingIndex, Failure> {
    let mut index = ReadingIndex::default();
    let mut meters: HashMap<String, u32> = HashMap::new();
    let mut known: HashMap<ReadingSeries, u32> = HashMap::new();
    for study in studies {
        let files = lake.committed(Some(study))?;
        let of = |table: &'static str| files.iter().filter(move |f| f.record.table == table);
        for file in of("meter_intervals") {
            // Series stand in the same order in both tables; an interval is a row, so that a step back in time begins the next register.
            let mut described: HashMap<(String, String), Vec<(String, u32)>> = HashMap::new();
            for quality in of("meter_quality").filter(|q| q.feeder == file.feeder) {
                quality.read(&mut |batch| {
                    let (meter, channel) = (texts(batch, quality, "meter")?, texts(batch, quality, "channel")?);
                    let register = texts(batch, quality, "register")?;
                    let interval_s = numbers::<UInt32Type>(batch, quality, "interval_s")?;
                    for i in 0..batch.num_rows() {
                        let key = (meter.value(i).to_owned(), channel.value(i).to_owned());
                        described.entry(key).or_default().push((register.value(i).to_owned(), interval_s.value(i)));
                    }
                    Ok(())
                })?;
            }
            let mut turns: HashMap<(String, String), usize> = HashMap::new();
            let mut current: Option<(String, String, Option<u32>, u64)> = None;
            let mut block = Readings::default();
            let mut refused: Option<Diagnostic> = None;
            file.read(&mut |batch| {
                let (meter, channel) = (texts(batch, file, "meter")?, texts(batch, file, "channel")?);
                let end_s = numbers::<UInt64Type>(batch, file, "end_s")?;
                let value = numbers::<Float64Type>(batch, file, "value")?;
                let flag = texts(batch, file, "flag")?;
                for i in 0..batch.num_rows() {
                    let end = end_s.value(i);
                    let goes_on =
                        current.as_ref().is_some_and(|(m, c, _, last)| m == meter.value(i) && c == channel.value(i) && end > *last);
                    if !goes_on {
                        let key = (meter.value(i).to_owned(), channel.value(i).to_owned());
                        let turn = turns.entry(key.clone()).or_default();
                        let of = described.get(&key).and_then(|all| all.get(*turn));
                        *turn += 1;
                        let series = match (channel_of(&key.1), of) {
                            (Some(channel), Some((register, interval_s))) => {
                                let next = meters.len() as u32;
                                let meter = *meters.entry(key.0.clone()).or_insert_with(|| {
                                    index.meters.push(Arc::from(key.0.as_str()));
                                    next
                                });
                                // A register of standings and a channel of amounts of one meter stay apart, as they were read.
                                let register = if key.1 == channel.name() { register.clone() } else { format!("{} {register}", key.1) };
                                let series = ReadingSeries { meter, channel, register: register.as_str().into(), interval_s: *interval_s };
                                Some(*known.entry(series.clone()).or_insert_with(|| {
                                    index.series.push(series);
                                    index.series.len() as u32 - 1
                                }))
                            }
                            _ => {
                                return Err(StoreError::Parquet {
                                    path: file.path.clone(),
                                    reason: format!("table meter_quality does not describe channel {} of meter {}", key.1, key.0),
                                });
                            }
                        };
                        current = Some((key.0, key.1, series, end));
                    }
                    let Some((_, _, Some(series), last)) = &mut current else { continue };
                    *last = end;
                    let quality = match flag.value(i) {
                        "validated" => ReadingQuality::Actual,
                        "estimated" => ReadingQuality::Estimated,
                        "edited" => ReadingQuality::Substituted,
                        _ => continue,
                    };
                    if value.is_null(i) {
                        continue;
                    }
                    block.push(*series, i64::try_from(end).unwrap_or(i64::MAX), value.value(i), quality);
                    if block.len() >= BLOCK {
                        if let Err(d) = sink.readings(&index, &block) {
                            refused.get_or_insert(d);
                            return Err(StoreError::Parquet { path: file.path.clone(), reason: "its readings are refused".into() });
                        }
                        block.clear();
                    }
                }
                Ok(())
            })
            .map_err(|e| refused.take().map_or_else(|| Failure::from(e), Failure::from))?;
            if !block.is_empty() {
                sink.readings(&index, &block)?;
            }
        }
    }
    Ok(index)
}

struct ToCollector(Collector<DiskScratch>);

impl ReadingSink for ToCollector {
    fn readings(&mut self, index: &ReadingIndex, block: &Readings) -> Result<(), Diagnostic> {
        self.0.collect(index, block)
    }

    fn reject(&mut self, _: Reject) -> Result<(), Diagnostic> {
        Ok(())
    }
}

/// What the sums rest on, to see whether they are those of now.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Basis {
    pub map: Option<u64>,
    /// Commit records of the readings, hashed.
    pub readings: String,
}

/// What sums made now would rest on.
///
/// # Errors
/// A lake or database that cannot be read.
pub fn basis(project: &Project, lake: &Lake) -> Result<Basis, Failure> {
    let mut text = String::new();
    for study in studies_of_readings(project, lake)? {
        for file in lake.committed(Some(&study))?.iter().filter(|f| f.record.table == "meter_intervals") {
            text += &format!("{study} {} {}\n", file.feeder, file.record.sha256);
        }
    }
    Ok(Basis { map: project.meter_maps()?.last().map(|m| m.number), readings: sha256_hex(text.as_bytes()) })
}

/// Adds up all readings of the lake through the newest map into the study [`SUMS`].
///
/// # Errors
/// No readings; a lake or database that cannot be read or written.
pub fn aggregate(project: &Project, sum_interval_min: Option<u32>, time_utc: &str) -> Result<Outcome, Failure> {
    let lake = project.lake()?;
    let studies = studies_of_readings(project, &lake)?;
    if studies.is_empty() {
        let what = Diagnostic::error("PROJECT.METERS.NO_READINGS", "the project holds no readings");
        return Err(what.hint("Import them: `gridtwin project meters import PROJECT FILE`.").into());
    }
    let basis = basis(project, &lake)?;
    let places = places_of_map(project)?.map(|(_, places)| places);
    // Intervals of days begin where the local clock says so.
    let zones = project.runs()?.into_iter().filter(|r| r.kind == READINGS);
    let zone = zones.filter_map(|r| r.options["zone"].as_str().map(str::to_owned)).next_back();
    let spans = zone.as_deref().and_then(|z| Zone::parse(z).ok()).map_or_else(|| Zone::utc().spans().to_vec(), |z| z.spans().to_vec());
    let options = Options {
        vee: VeeOptions { estimate: false, spans, ..VeeOptions::default() },
        interval_s: sum_interval_min.map(|m| m * 60),
        ..Options::default()
    };
    let mut sink = ToCollector(Collector::new(places.as_deref().unwrap_or_default(), options, DiskScratch::new(project.dir())));
    let index = each_reading(&lake, &studies, &mut sink)?;
    let mut manifest = RunManifest::new(SUMS, env!("CARGO_PKG_VERSION"));
    manifest.options = json!({ "map": basis.map, "sum_interval_min": sum_interval_min, "studies": studies });
    let hashes = (basis.readings.clone(), sha256_hex(manifest.options.to_string().as_bytes()));
    let report = finish_into(&lake, &manifest, hashes, sink.0, &index)?;
    let run = RunRecord {
        name: SUMS.to_owned(),
        kind: SUMS.to_owned(),
        version: None,
        options: json!({ "basis": basis, "studies": studies }),
        time_utc: time_utc.to_owned(),
        files: Vec::new(),
    };
    project.put_run(&run, None)?;
    let mut findings = report.diagnostics.clone();
    if places.is_none() {
        let what = Diagnostic::warning("PROJECT.METERS.NO_MAP", "there is no map yet: all meters stand under the feeder \"unmapped\"");
        findings.push(what.hint("Make one: `gridtwin project meters map PROJECT`."));
    }
    Ok(Outcome { files: Vec::new(), report, findings, rejects: None })
}

fn run_aggregate(a: &ProjectAggregateArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    aggregate(&Project::open(&a.dir)?, a.sum_interval_min, &now())?.print(a.json, console)
}

fn run_places(a: &ProjectPlacesArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let project = Project::open(&a.dir)?;
    let mut all = Vec::new();
    for file in &a.files {
        let recorded = import_places(&project, file, &author(a.who.author.as_deref()), &now())?;
        if !a.json {
            console.print(&records::line(&recorded.import, "meters"))?;
            console.warn(&recorded.findings);
        }
        all.push(recorded);
    }
    if a.json { console.json(&all) } else { Ok(()) }
}

/// Keeps where the meters of a table stand.
///
/// # Errors
/// A table that cannot be read, a database that cannot be written.
pub fn import_places(project: &Project, file: &Path, author: &str, time_utc: &str) -> Result<records::Recorded, Failure> {
    let source = records::source_file(file)?;
    let (rows, findings, rejects) = places::meters(file)?;
    let name = file.display().to_string();
    let places: Vec<MeterPlaceRecord> = rows
        .into_iter()
        .map(|r| MeterPlaceRecord {
            meter: r.site.id,
            place: r.site.place,
            feeder: r.site.feeder,
            phases: r.site.phases,
            transformer: r.site.transformer,
            bus: Some(r.bus).filter(|b| !b.is_empty()),
            demand_kw: r.site.demand_kw,
            source: SourceRef::new(name.as_str(), r.line),
        })
        .collect();
    let new = NewRecords { time_utc, author, source, options: json!({}), rejects: &rejects };
    Ok(records::Recorded { import: project.put_meter_places(&new, &places)?, findings })
}

/// What a map is made of.
#[derive(Clone, Debug)]
pub struct MapRequest {
    /// Networks whose transformers are used; none for all.
    pub networks: Vec<String>,
    pub options: meter_map::Options,
    /// Infer although the data name a transformer.
    pub ignore_explicit: bool,
    /// Steps of voltages out of the lake; none to leave them aside.
    pub voltage_steps: Option<usize>,
    pub author: String,
    /// RFC 3339.
    pub time_utc: String,
}

/// A map that was made and is kept.
#[derive(Clone, Debug)]
pub struct Mapped {
    pub number: u64,
    /// Whether it says something that the newest one before did not.
    pub is_new: bool,
    pub map: MeterMap,
    pub meters: Vec<MeterSite>,
    pub transformers: Vec<TransformerSite>,
    pub findings: Vec<Diagnostic>,
    /// Decisions in force.
    pub decisions: usize,
}

/// A network of the project and where its secondary buses lead.
struct Grid {
    name: String,
    network: Network,
    traced: HashMap<String, String>,
    feeders: HashSet<String>,
}

/// Makes the map of the project's meters with the decisions that are in force, and keeps it.
///
/// # Errors
/// No meters or no transformers with places; a lake or database that cannot be read or written.
pub fn map_meters(project: &Project, request: &MapRequest) -> Result<Mapped, Failure> {
    let mut versions: Vec<VersionInfo> = project.info()?.networks;
    for name in &request.networks {
        // An unknown name is told with those that are there.
        project.version(Some(name), None)?;
    }
    versions.retain(|v| request.networks.is_empty() || request.networks.contains(&v.network));
    let mut findings = Vec::new();
    let (mut grids, mut transformers) = (Vec::new(), Vec::new());
    for v in &versions {
        let network = project.network(Some(&v.network), Some(v.number))?.imported.network;
        let (sites, traced) = sites_of(&network, &v.network);
        let feeders = sites.iter().map(|s| s.feeder.to_lowercase()).chain([v.network.to_lowercase()]).collect();
        transformers.push(sites);
        grids.push(Grid { name: v.network.clone(), network, traced, feeders });
    }
    let (transformers, sites) = names_apart(&mut grids, transformers);
    if transformers.is_empty() {
        let what = Diagnostic::error("MAP.TRANSFORMER.NONE", "no transformer has a place");
        return Err(what.hint("Import a network whose buses have longitude and latitude.").into());
    }
    let mut meters = meters_of(project, &grids, &mut findings)?;
    if meters.is_empty() {
        let what = Diagnostic::error("PROJECT.METERS.NONE", "the project knows no meters");
        return Err(what
            .hint("Give a table of their places (`gridtwin project meters places`), or import a map that has a layer of meters.")
            .into());
    }
    if request.ignore_explicit {
        meters.iter_mut().for_each(|m| m.transformer = None);
    }
    let voltages = match request.voltage_steps {
        Some(steps) => {
            let lake = project.lake()?;
            let studies = studies_of_readings(project, &lake)?;
            let mut sink = VoltageSink::new(&meters, steps);
            each_reading(&lake, &studies, &mut sink)?;
            sink.finish(&mut findings)
        }
        None => None,
    };
    let decisions = meters_in_force(project)?;
    let map = infer(&transformers, &meters, voltages.as_ref(), &request.options, &decisions);
    findings.extend(map.diagnostics.iter().cloned());
    let rows = rows_of(&map, &meters, &transformers);
    let options = json!({
        "candidates": request.options.candidates, "max_distance_m": request.options.max_distance_m,
        "ignore_explicit": request.ignore_explicit, "voltages": voltages.is_some(), "decisions": decisions.len(),
    });
    let (number, is_new) = project.put_meter_map(&versions, (&request.time_utc, &request.author), &options, &rows, &sites)?;
    Ok(Mapped { number, is_new, map, meters, transformers, findings, decisions: decisions.len() })
}

/// All transformers, and the network and name of each; one whose name another network has too is called with its network in front.
fn names_apart(grids: &mut [Grid], sites: Vec<Vec<TransformerSite>>) -> (Vec<TransformerSite>, Vec<MeterMapSite>) {
    let mut times: HashMap<String, usize> = HashMap::new();
    sites.iter().flatten().for_each(|s| *times.entry(s.id.clone()).or_default() += 1);
    let apart = |network: &str, id: &str| if times.get(id).is_some_and(|n| *n > 1) { format!("{network}/{id}") } else { id.to_owned() };
    let (mut all, mut kept) = (Vec::new(), Vec::new());
    for (grid, sites) in grids.iter_mut().zip(sites) {
        grid.traced.values_mut().for_each(|id| *id = apart(&grid.name, id));
        for site in sites {
            let transformer = apart(&grid.name, &site.id);
            kept.push(MeterMapSite {
                transformer: transformer.clone(),
                network: grid.name.clone(),
                element: site.id.clone(),
                feeder: site.feeder.clone(),
                phases: site.phases,
                kva: site.kva,
                place: site.place,
            });
            all.push(TransformerSite { id: transformer, ..site });
        }
    }
    (all, kept)
}

/// Meters of the table that is kept, then those that networks have as assets, else loads in their place.
fn meters_of(project: &Project, grids: &[Grid], findings: &mut Vec<Diagnostic>) -> Result<Vec<MeterSite>, Failure> {
    let mut meters: Vec<MeterSite> = Vec::new();
    let mut known: HashSet<String> = HashSet::new();
    for p in project.meter_places()? {
        known.insert(p.meter.clone());
        let traced = p.bus.as_deref().and_then(|bus| traced(grids, bus, &p.feeder));
        meters.push(MeterSite {
            id: p.meter,
            place: p.place,
            feeder: p.feeder,
            phases: p.phases,
            transformer: p.transformer,
            traced,
            demand_kw: p.demand_kw,
        });
    }
    for grid in grids {
        for asset in grid.network.assets.iter().filter(|a| a.kind == AssetKind::Meter) {
            if !known.insert(asset.id.clone()) {
                continue;
            }
            let element = asset.element.map(|id| grid.network.common(id));
            let bus = asset.bus.or_else(|| element.and_then(|c| c.terminals.first()).map(|t| t.bus));
            let letters = asset.attributes.iter().find(|(k, _)| k.to_lowercase().starts_with("phase")).map(|(_, v)| v.as_str());
            let feeder = if asset.feeder.is_empty() { grid.name.clone() } else { asset.feeder.clone() };
            meters.push(MeterSite {
                id: asset.id.clone(),
                place: asset.route.first().copied().or_else(|| bus.and_then(|b| place_of(&grid.network, b))),
                feeder,
                phases: letters.map_or(0, places::phases),
                transformer: None,
                traced: bus.and_then(|b| grid.traced.get(&grid.network.bus(b).name).cloned()),
                demand_kw: None,
            });
        }
    }
    if !meters.is_empty() {
        return Ok(meters);
    }
    for grid in grids {
        for load in grid.network.loads.iter().filter(|l| l.common.enabled) {
            let Some(terminal) = load.common.terminals.first() else { continue };
            let bus = grid.network.bus(terminal.bus);
            // Loads on the primary side are customers without a service transformer.
            let service = grid.traced.contains_key(&bus.name) || (bus.kv_base_ln > 0.0 && bus.kv_base_ln * 3f64.sqrt() <= SERVICE_KV);
            if !service || !known.insert(load.common.name.clone()) {
                continue;
            }
            meters.push(MeterSite {
                id: load.common.name.clone(),
                place: place_of(&grid.network, terminal.bus),
                feeder: if load.common.feeder.is_empty() { grid.name.clone() } else { load.common.feeder.clone() },
                phases: terminal.nodes.iter().filter(|n| (1..=3).contains(*n)).fold(0, |p, n| p | 1 << (n - 1)),
                transformer: None,
                traced: grid.traced.get(&bus.name).cloned(),
                demand_kw: Some(load.p_kw),
            });
        }
    }
    if !meters.is_empty() {
        let what = format!("no meters are known: {} stand for them", crate::number::count(meters.len(), "load"));
        findings.push(
            Diagnostic::note("PROJECT.METERS.FROM_LOADS", what)
                .hint("Give a table of meters (`gridtwin project meters places`) where loads are not called as meters are."),
        );
    }
    Ok(meters)
}

fn place_of(network: &Network, bus: network::BusId) -> Option<LonLat> {
    network.bus(bus).latitude_longitude_deg.map(|(lat, lon)| LonLat::new(lon, lat))
}

/// The transformer that feeds a bus: in the network of the meter's feeder, else in the only one that has the bus.
fn traced(grids: &[Grid], bus: &str, feeder: &str) -> Option<String> {
    let bus = bus.to_lowercase();
    let has: Vec<&Grid> = grids.iter().filter(|g| g.traced.contains_key(&bus)).collect();
    let own = has.iter().find(|g| !feeder.is_empty() && g.feeders.contains(&feeder.to_lowercase()));
    let grid = own.or(match has.as_slice() {
        [only] => Some(only),
        _ => None,
    })?;
    grid.traced.get(&bus).cloned()
}

fn rows_of(map: &MeterMap, meters: &[MeterSite], transformers: &[TransformerSite]) -> Vec<MeterMapRow> {
    let row = |(m, a): (&MeterSite, &meter_map::Assignment)| {
        let site = a.transformer.and_then(|t| transformers.get(t));
        let second = a.second.and_then(|(t, p, d)| Some((transformers.get(t)?, p, d)));
        MeterMapRow {
            meter: m.id.clone(),
            transformer: site.map(|t| t.id.clone()),
            feeder: site.map(|t| t.feeder.clone()).filter(|f| !f.is_empty()).unwrap_or_else(|| m.feeder.clone()),
            method: a.method.name().to_owned(),
            confidence: a.confidence.name().to_owned(),
            probability: a.probability,
            distance_m: a.distance_m,
            second_transformer: second.map(|(t, ..)| t.id.clone()),
            second_probability: second.map(|(_, p, _)| p),
            second_distance_m: second.map(|(.., d)| d),
            correlation: a.correlation,
            place: m.place,
            reasons: a.reasons.clone(),
        }
    };
    meters.iter().zip(&map.assignments).map(row).collect()
}

fn run_map(a: &ProjectMapArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let project = Project::open(&a.dir)?;
    let request = MapRequest {
        networks: a.network.clone(),
        options: meter_map::Options {
            candidates: usize::from(a.candidates),
            max_distance_m: a.max_distance_m,
            ..meter_map::Options::default()
        },
        ignore_explicit: a.ignore_explicit,
        voltage_steps: (!a.no_voltages).then_some(a.voltage_steps as usize),
        author: author(a.who.author.as_deref()),
        time_utc: now(),
    };
    let mapped = map_meters(&project, &request)?;
    let Mapped { map, meters, transformers, findings, .. } = &mapped;
    if let Some(path) = &a.out {
        write_whole(path, &csv(map, meters, transformers))?;
    }
    console.warn(findings);
    if a.json {
        let mut report = as_json(map, meters, transformers, None, findings);
        report["number"] = json!(mapped.number);
        report["is_new"] = json!(mapped.is_new);
        return console.json(&report);
    }
    let kept = if mapped.is_new { "kept as" } else { "nothing has changed since" };
    let decisions = crate::number::count(mapped.decisions, "decision");
    console.print(&(as_text(map, meters, transformers, None) + &format!("\n{kept} map {}, {decisions} by hand applied\n", mapped.number)))
}

/// Meters with readings, from what each import found, by study.
///
/// # Errors
/// Files that are torn.
pub fn meters_read(lake: &Lake, studies: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = BTreeMap::new();
    for study in studies {
        for file in lake.committed(Some(study))?.iter().filter(|f| f.record.table == "meter_quality") {
            file.read(&mut |batch| {
                let meter = texts(batch, file, "meter")?;
                (0..batch.num_rows()).for_each(|i| {
                    found.insert(meter.value(i).to_owned(), study.clone());
                });
                Ok(())
            })?;
        }
    }
    Ok(found)
}
