//! `gridtwin meters import`.
//!
//! Nothing is written into the lake before every file has been read to its end; then each feeder is committed whole.

use super::arguments::ImportArguments;
use super::scratch::DiskScratch;
use super::{places, read_file, reader_options};
use crate::console::Console;
use crate::failure::Failure;
use crate::number::{count, fixed};
use crate::result_folder::cannot;
use crate::text::Table;
use arrow_array::RecordBatch;
use formats::meters::{MeterReader, ReadingSink, Summary, Zone};
use network::{Diagnostic, ReadingIndex, Readings, Reject, Severity};
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use store::{FeederWriter, Job, Lake, Run, RunInput, RunManifest, sha256_hex};
use studies::metering::{Collector, MeterPlace, Options, Report, Scratch, TableSink, Totals, VeeOptions};

/// What an import gave.
pub struct Outcome {
    /// What each file held.
    pub files: Vec<(String, Summary)>,
    pub report: Report,
    pub findings: Vec<Diagnostic>,
    /// File of the rejected rows.
    pub rejects: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// Files that cannot be read or understood, a lake that cannot be written.
pub fn run(a: &ImportArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let (map, findings) = match &a.map {
        Some(path) => places::map(path)?,
        None => (Vec::new(), Vec::new()),
    };
    let outcome = import(a, &map, a.map.is_some(), findings)?;
    outcome.print(a.json, console)
}

impl Outcome {
    /// Findings to the error stream, the report as text or JSON.
    ///
    /// # Errors
    /// A stream that cannot be written.
    pub fn print(&self, json: bool, console: &mut Console<'_>) -> Result<(), Failure> {
        console.warn(&self.findings);
        if json {
            return console.json(&as_json(&self.files, &self.report, &self.findings, self.rejects.as_deref()));
        }
        console.print(&as_text(&self.files, &self.report, self.rejects.as_deref()))
    }
}

/// Reads the files, checks and adds up what they hold, and writes it into the lake of `--out`.
///
/// `map` takes the place of the table of `--map`; `findings` come before those of the import.
///
/// # Errors
/// As [`run`].
pub fn import(a: &ImportArguments, map: &[MeterPlace], mapped: bool, mut findings: Vec<Diagnostic>) -> Result<Outcome, Failure> {
    let reading = reader_options(&a.reading)?;
    let spans = reading.zone.as_ref().map_or_else(|| Zone::utc().spans().to_vec(), |z| z.spans().to_vec());
    let options = Options {
        vee: VeeOptions { estimate: !a.no_estimate, rating_kw: a.rating_kw, spans, ..VeeOptions::default() },
        interval_s: a.sum_interval_min.map(|m| m * 60),
        keep_meters: a.keep_meters,
        default_feeder: a.feeder.clone(),
        ..Options::default()
    };
    if let Some(dir) = &a.out {
        std::fs::create_dir_all(dir).map_err(|e| cannot("make the folder", dir, &e))?;
    }
    let rejects_path = a.rejects.clone().or_else(|| a.out.as_ref().map(|d| d.join(format!("rejects-{}.csv", a.study))));
    let mut rejects = Rejects::new(rejects_path);
    let folder = a.out.clone().unwrap_or_else(std::env::temp_dir);
    let mut collector = Collector::new(map, options, DiskScratch::new(&folder));
    let mut reader = MeterReader::new(reading);
    let mut summaries: Vec<(String, Summary)> = Vec::new();
    for path in &a.files {
        let mut sink = Collected { collector: &mut collector, rejects: &mut rejects };
        let result = read_file(&mut reader, path, &mut sink);
        match result {
            Ok(summary) => summaries.push((path.display().to_string(), summary)),
            Err(failure) => {
                // What has been rejected so far helps to see why.
                rejects.close()?;
                return Err(failure);
            }
        }
    }
    let rejected = rejects.close()?;
    for (_, s) in &summaries {
        findings.extend(s.diagnostics.iter().cloned());
    }
    let report = match &a.out {
        Some(dir) => into_lake(a, dir, collector, reader.index())?,
        None => collector.finish(reader.index(), &mut Nowhere).map_err(Failure::from)?,
    };
    findings.extend(judge(&report, mapped));
    findings.extend(report.diagnostics.iter().cloned());
    Ok(Outcome { files: summaries, report, findings, rejects: rejected })
}

/// Readings to the collector, rejects to their file.
struct Collected<'a> {
    collector: &'a mut Collector<DiskScratch>,
    rejects: &'a mut Rejects,
}

impl ReadingSink for Collected<'_> {
    fn readings(&mut self, index: &ReadingIndex, block: &Readings) -> Result<(), Diagnostic> {
        self.collector.collect(index, block)
    }

    fn reject(&mut self, reject: Reject) -> Result<(), Diagnostic> {
        self.rejects.take(&reject)
    }
}

/// The file of rejects: made when the first one comes, renamed when all are there.
struct Rejects {
    path: Option<PathBuf>,
    file: Option<BufWriter<File>>,
}

impl Rejects {
    fn new(path: Option<PathBuf>) -> Self {
        Self { path, file: None }
    }

    fn partial(path: &Path) -> PathBuf {
        let name = path.file_name().map_or_else(|| "rejects".into(), |n| n.to_string_lossy().into_owned());
        path.with_file_name(format!(".{name}.{}.partial", std::process::id()))
    }

    fn take(&mut self, reject: &Reject) -> Result<(), Diagnostic> {
        let Some(path) = &self.path else { return Ok(()) };
        let failed = |e: &std::io::Error| {
            Diagnostic::error("METERS.REJECTS.REFUSED", "the file of rejects cannot be written").detail(format!("The system says: {e}."))
        };
        if self.file.is_none() {
            let mut file = BufWriter::new(File::create(Self::partial(path)).map_err(|e| failed(&e))?);
            file.write_all(b"file,line,reason,text\n").map_err(|e| failed(&e))?;
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let row = format!("{},{},{},{}\n", quoted(&reject.source.file), reject.source.line, quoted(&reject.reason), quoted(&reject.text));
        file.write_all(row.as_bytes()).map_err(|e| failed(&e))
    }

    /// Puts the file in its place; an older one goes when there is nothing to reject.
    fn close(&mut self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.path else { return Ok(None) };
        match self.file.take() {
            Some(mut file) => {
                file.flush().map_err(|e| cannot("write", path, &e))?;
                std::fs::rename(Self::partial(path), path).map_err(|e| cannot("rename to", path, &e))?;
                Ok(Some(path.display().to_string()))
            }
            None => {
                let _ = std::fs::remove_file(path);
                Ok(None)
            }
        }
    }
}

struct Nowhere;

impl TableSink for Nowhere {
    fn rows(&mut self, _: &str, _: &'static str, _: RecordBatch) -> Result<(), Diagnostic> {
        Ok(())
    }

    fn feeder_done(&mut self, _: &str) -> Result<(), Diagnostic> {
        Ok(())
    }
}

struct InLake<'r> {
    run: &'r Run,
    writer: Option<(String, FeederWriter<'r>)>,
    input_hash: String,
    options_hash: String,
}

fn refused(e: store::StoreError) -> Diagnostic {
    let hint = e.hint();
    let finding = Diagnostic::error("OUTPUT.LAKE.REFUSED", e.to_string());
    if hint.is_empty() { finding } else { finding.hint(hint) }
}

impl TableSink for InLake<'_> {
    fn rows(&mut self, feeder: &str, table: &'static str, batch: RecordBatch) -> Result<(), Diagnostic> {
        if self.writer.as_ref().is_none_or(|(f, _)| f != feeder) {
            let job = Job::new(feeder, &self.input_hash, &self.options_hash);
            self.writer = Some((feeder.to_owned(), self.run.feeder(&job).map_err(refused)?));
        }
        let Some((_, writer)) = &mut self.writer else { return Ok(()) };
        writer.append(table, &batch).map_err(refused)
    }

    fn feeder_done(&mut self, _: &str) -> Result<(), Diagnostic> {
        if let Some((_, writer)) = self.writer.take() {
            writer.commit(json!({})).map_err(refused)?;
        }
        Ok(())
    }
}

fn into_lake(a: &ImportArguments, dir: &Path, collector: Collector<DiskScratch>, index: &ReadingIndex) -> Result<Report, Failure> {
    let lake = Lake::open_or_create(dir)?;
    let mut manifest = RunManifest::new(&a.study, env!("CARGO_PKG_VERSION"));
    let files: Vec<String> = a
        .files
        .iter()
        .map(|p| format!("{} {}", p.display(), std::fs::metadata(p).map_or(0, |m| m.len())))
        .chain(a.map.iter().map(|p| format!("map {}", p.display())))
        .collect();
    let options = format!("{:?} {:?} {:?} {} {}", a.reading, a.sum_interval_min, a.rating_kw, a.no_estimate, a.keep_meters);
    let (input_hash, options_hash) = (sha256_hex(files.join("\n").as_bytes()), sha256_hex(options.as_bytes()));
    manifest.options = json!({ "meters": options });
    manifest.inputs = a
        .files
        .iter()
        .map(|p| RunInput { feeder: String::new(), model: p.display().to_string(), input_hash: input_hash.clone() })
        .collect();
    finish_into(&lake, &manifest, (input_hash, options_hash), collector, index)
}

/// Writes what a collector makes as the only tables of a study: feeders that it had before and has no more are taken out.
///
/// # Errors
/// A lake that cannot be written; what the collector refuses.
pub fn finish_into<S: Scratch>(
    lake: &Lake,
    manifest: &RunManifest,
    (input_hash, options_hash): (String, String),
    collector: Collector<S>,
    index: &ReadingIndex,
) -> Result<Report, Failure> {
    let run = lake.begin(manifest)?;
    let mut sink = InLake { run: &run, writer: None, input_hash, options_hash };
    let report = collector.finish(index, &mut sink).map_err(Failure::from)?;
    for record in lake.records(&manifest.study)?.iter().filter(|r| !report.feeders.contains_key(&r.feeder)) {
        run.remove(&record.feeder)?;
    }
    Ok(report)
}

/// What the report as a whole says.
fn judge(report: &Report, mapped: bool) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    let f = &report.totals.found;
    let mut warn = |n: u64, code: &'static str, message: &str, hint: &str| {
        if n > 0 {
            out.push(Diagnostic::new(code, Severity::Warning, message).detail(format!("{n}.")).hint(hint));
        }
    };
    if mapped {
        warn(
            report.unmapped_meters,
            "METERS.METER.UNMAPPED",
            "meters are not in the map",
            "Their sums stand under the feeder of --feeder.",
        );
        warn(report.silent_meters, "METERS.METER.SILENT", "meters of the map have no readings", "See whether a file is missing.");
    }
    warn(
        f.conflicts,
        "METERS.READING.CONFLICT",
        "readings came again with another value",
        "Of equal quality the last one in the files is used.",
    );
    warn(
        f.off_grid,
        "METERS.READING.OFF_GRID",
        "readings do not end on the grid of their intervals",
        "They are not used; see the form of times.",
    );
    warn(
        f.negative,
        "METERS.READING.NEGATIVE",
        "readings of energy are below zero",
        "They are estimated anew; a net channel is named as such.",
    );
    warn(f.spikes, "METERS.READING.SPIKE", "readings are above what the service can carry", "They are estimated anew; see the ratings.");
    warn(
        f.suspects,
        "METERS.READING.SUSPECT",
        "readings are above ten times the 99th percentile of their meter",
        "They are kept; give ratings to have them judged.",
    );
    warn(
        f.unit_slips,
        "METERS.READING.UNIT_SLIP",
        "the level of a meter changes by a factor like that of another unit",
        "The values are kept; see table meter_quality.",
    );
    warn(f.resets, "METERS.REGISTER.RESET", "registers began again or went round", "See table meter_quality.");
    warn(report.totals.missing, "METERS.READING.MISSING", "intervals stay without a value", "Nothing like them was measured.");
    out
}

fn as_text(summaries: &[(String, Summary)], report: &Report, rejected: Option<&str>) -> String {
    let mut text = String::new();
    let mut files = Table::new(&["file", "format", "rows", "readings", "rejected", "zone"]);
    for (name, s) in summaries {
        files.row([name.clone(), s.format.clone(), s.rows.to_string(), s.readings.to_string(), s.rejected.to_string(), s.zone.clone()]);
    }
    text += &files.render();
    let t = &report.totals;
    if let Some((first, last)) = report.span_s {
        text += &format!(
            "\n{} in {} series of {} minutes, ends from {} to {}\n\n",
            count(t.meters as usize, "meter"),
            t.series,
            fixed(f64::from(report.interval_s) / 60.0, 0),
            utc(first),
            utc(last)
        );
    }
    let mut feeders =
        Table::new(&["feeder", "meters", "delivered kWh", "received kWh", "net kWh", "validated", "estimated", "edited", "missing"]);
    let row = |name: &str, t: &Totals| {
        vec![
            name.to_owned(),
            t.meters.to_string(),
            fixed(t.delivered_kwh, 2),
            fixed(t.received_kwh, 2),
            fixed(t.delivered_kwh - t.received_kwh, 2),
            t.validated.to_string(),
            t.estimated.to_string(),
            t.edited.to_string(),
            t.missing.to_string(),
        ]
    };
    let shown = 40;
    for (name, t) in report.feeders.iter().take(shown) {
        feeders.cells(row(name, t));
    }
    feeders.cells(row("all", t));
    text += &feeders.render();
    if report.feeders.len() > shown {
        text += &format!("{} feeders are not shown.\n", report.feeders.len() - shown);
    }
    if !report.rules.is_empty() {
        let rules: Vec<String> = report.rules.iter().map(|(r, n)| format!("{r} {n}")).collect();
        text += &format!("\nvalues by rule: {}\n", rules.join(", "));
    }
    if let Some(path) = rejected {
        text += &format!("\nrejected rows: {path}\n");
    }
    text
}

/// An instant as people read it.
fn utc(s: i64) -> String {
    jiff::Timestamp::from_second(s).map_or_else(|_| s.to_string(), |t| t.to_string())
}

fn as_json(summaries: &[(String, Summary)], report: &Report, findings: &[Diagnostic], rejected: Option<&str>) -> serde_json::Value {
    let totals = |t: &Totals| {
        json!({
            "meters": t.meters, "series": t.series, "readings": t.readings,
            "delivered_kwh": t.delivered_kwh, "received_kwh": t.received_kwh, "delivered_kvarh": t.delivered_kvarh, "received_kvarh": t.received_kvarh,
            "validated": t.validated, "estimated": t.estimated, "edited": t.edited, "missing": t.missing,
            "gaps": t.found.gaps, "duplicates": t.found.duplicates, "conflicts": t.found.conflicts, "off_grid": t.found.off_grid,
            "negative": t.found.negative, "spikes": t.found.spikes, "suspects": t.found.suspects, "flat": t.found.flat, "zeros": t.found.zeros,
            "resets": t.found.resets, "unit_slips": t.found.unit_slips,
        })
    };
    let files: Vec<_> = summaries
        .iter()
        .map(|(name, s)| {
            json!({
                "file": name, "format": s.format, "zone": s.zone, "rows": s.rows, "readings": s.readings, "rejected": s.rejected, "empty": s.empty,
                "repeated_first": s.repeated.0, "repeated_second": s.repeated.1,
                "reasons": s.reasons.iter().map(|(r, (n, at))| json!({ "reason": r, "rows": n, "first_line": at.line })).collect::<Vec<_>>(),
                "ledger": s.ledger,
            })
        })
        .collect();
    json!({
        "files": files,
        "interval_s": report.interval_s,
        "first_end": report.span_s.map(|s| utc(s.0)),
        "last_end": report.span_s.map(|s| utc(s.1)),
        "totals": totals(&report.totals),
        "feeders": report.feeders.iter().map(|(n, t)| (n.clone(), totals(t))).collect::<serde_json::Map<_, _>>(),
        "rules": report.rules,
        "unmapped_meters": report.unmapped_meters,
        "silent_meters": report.silent_meters,
        "rejects": rejected,
        "diagnostics": findings,
    })
}
