//! `gridtwin synth`: a synthetic utility as a folder of OpenDSS models.
//!
//! ```text
//! DIR/feeders/f0001/master.dss, buscoords.csv      one folder a feeder
//! DIR/shapes/*.dbl, hours.csv                      a year of each customer class and of the weather, shared
//! DIR/index.csv                                    a row a feeder; written last, so it is the sign that all is there
//! ```
//!
//! A feeder depends on the seed and its own number alone, so the bytes are the same whatever the number of
//! threads and of feeders.

use crate::cli::SynthArguments;
use crate::console::Console;
use crate::failure::Failure;
use crate::result_folder::cannot;
use formats::opendss::{WriteOptions, write::COORDINATES_FILE, write::write};
use network::Diagnostic;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use studies::synthetic::{Spread, Summary, TOWN, Utility, ranges};

/// Columns of the index.
const INDEX_HEADER: &str = "feeder,master,substation,area,kv,nodes,buses,customers,loads,service_transformers,service_kva,substation_kva,connected_kw,head_a,\
    length_km,trunk_km,lateral_share,peak_kw,peak_hour,regulators,capacitors,capacitor_kvar,pv_kw,longitude_deg,latitude_deg";

/// Runs the command.
///
/// # Errors
/// A folder that is not empty, a file that cannot be written.
pub fn run(arguments: &SynthArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let dir = &arguments.out;
    fs::create_dir_all(dir).map_err(|e| cannot("make the folder", dir, &e))?;
    if fs::read_dir(dir).map_err(|e| cannot("list", dir, &e))?.next().is_some() {
        return Err(Failure::from(
            Diagnostic::error("OUTPUT.SYNTH.NOT_EMPTY", "the folder is not empty")
                .detail(format!("A utility is written into a folder of its own; \"{}\" holds files.", dir.display()))
                .hint("Name a new folder, or empty this one."),
        ));
    }
    let utility = Utility::new(arguments.seed);
    write_shapes(&utility, &dir.join("shapes"))?;
    let summaries = write_feeders(&utility, arguments, dir)?;
    let mut index = format!("{INDEX_HEADER}\n");
    for s in &summaries {
        index.push_str(&index_row(s));
    }
    let partial = dir.join(".index.csv.partial");
    put(&partial, index.as_bytes())?;
    let whole = dir.join("index.csv");
    fs::rename(&partial, &whole).map_err(|e| cannot("rename to", &whole, &e))?;
    console.print(&report(&summaries, arguments.seed, dir))
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|e| cannot("write", path, &e))
}

/// The shapes as files of doubles, and all of them again as a table for people.
fn write_shapes(utility: &Utility, dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|e| cannot("make the folder", dir, &e))?;
    let shapes = utility.shapes.loads.iter().map(|s| (&s.name, &s.p));
    let columns: Vec<_> = shapes.chain(utility.shapes.temperatures.iter().map(|s| (&s.name, &s.temperature_c))).collect();
    for (name, values) in &columns {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        put(&dir.join(format!("{name}.dbl")), &bytes)?;
    }
    let mut table = String::from("hour,air_temperature");
    columns.iter().for_each(|(name, _)| write!(table, ",{name}").expect("writing to a string"));
    table.push('\n');
    for (hour, air) in utility.climate.temperature_c.iter().enumerate() {
        write!(table, "{hour},{air}").expect("writing to a string");
        columns.iter().for_each(|(_, values)| write!(table, ",{}", values[hour]).expect("writing to a string"));
        table.push('\n');
    }
    put(&dir.join("hours.csv"), table.as_bytes())
}

/// Makes and writes all feeders on several threads; summaries in their order.
fn write_feeders(utility: &Utility, arguments: &SynthArguments, dir: &Path) -> Result<Vec<Summary>, Failure> {
    let next = AtomicU64::new(0);
    let done: Mutex<Vec<(u64, Result<Summary, Failure>)>> = Mutex::new(Vec::new());
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = arguments.threads.unwrap_or(available).clamp(1, 256);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= arguments.feeders {
                        break;
                    }
                    let result = write_feeder(utility, index, dir);
                    if result.is_err() {
                        // Nothing after a failure would be kept.
                        next.store(arguments.feeders, Ordering::Relaxed);
                    }
                    done.lock().unwrap_or_else(|e| e.into_inner()).push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|e| e.into_inner());
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn write_feeder(utility: &Utility, index: u64, dir: &Path) -> Result<Summary, Failure> {
    let feeder = utility.feeder(index);
    let shape_file = |name: &str| Some(format!("../../shapes/{name}.dbl"));
    let written = write(&feeder.network, &WriteOptions { shape_file: Some(&shape_file) })
        .map_err(|e| Failure::from(Diagnostic::error("OUTPUT.OPENDSS.UNWRITABLE", "the feeder cannot be written").detail(e.to_string())))?;
    let folder = dir.join("feeders").join(&feeder.summary.name);
    fs::create_dir_all(&folder).map_err(|e| cannot("make the folder", &folder, &e))?;
    put(&folder.join("master.dss"), written.master.as_bytes())?;
    if let Some(coordinates) = written.coordinates {
        put(&folder.join(COORDINATES_FILE), coordinates.as_bytes())?;
    }
    Ok(feeder.summary)
}

fn index_row(s: &Summary) -> String {
    format!(
        "{n},feeders/{n}/master.dss,{},{},{},{},{},{},{},{},{},{},{:.1},{:.1},{:.3},{:.3},{:.4},{:.1},{},{},{},{},{:.1},{},{}\n",
        s.substation,
        s.area,
        s.kv,
        s.nodes,
        s.buses,
        s.customers,
        s.loads,
        s.service_transformers,
        s.service_kva,
        s.substation_kva,
        s.connected_kw,
        s.head_a,
        s.length_km,
        s.trunk_km,
        s.lateral_share,
        s.peak_kw,
        s.peak_hour,
        s.regulators,
        s.capacitors,
        s.capacitor_kvar,
        s.pv_kw,
        s.longitude_deg,
        s.latitude_deg,
        n = s.name,
    )
}

/// The statistics as a table, beside the ranges of published feeders.
fn report(summaries: &[Summary], seed: u64, dir: &Path) -> String {
    let mut text = format!(
        "{} of the utility around {TOWN}, which is no real town (seed {seed}), in {}\n\n",
        crate::number::count(summaries.len(), "feeder"),
        dir.display()
    );
    let columns = ["min", "median", "mean", "p95", "max"];
    write!(text, "{:<28}", "per feeder").expect("writing to a string");
    columns.iter().for_each(|c| write!(text, "{c:>10}").expect("writing to a string"));
    text.push_str("  published median\n");
    for range in ranges() {
        let Some(s) = Spread::of(summaries.iter().map(range.of).collect()) else { continue };
        let title = if range.unit.is_empty() { range.title.to_owned() } else { format!("{}, {}", range.title, range.unit) };
        write!(text, "{title:<28}").expect("writing to a string");
        for x in [s.min, s.median, s.mean, s.p95, s.max] {
            write!(text, "{:>10}", crate::number::fixed(x, range.decimals)).expect("writing to a string");
        }
        if let Some((low, high)) = range.published {
            let fixed = |x| crate::number::fixed(x, range.decimals);
            write!(text, "  {} to {}", fixed(low), fixed(high)).expect("writing to a string");
        }
        text.push('\n');
    }
    text.push_str("\nWhere the published ranges come from: docs/synthetic-utility.md\n");
    text
}
