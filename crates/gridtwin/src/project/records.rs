//! `gridtwin project outages` and `weather`: records kept in the project's database, where a file twice changes nothing.

use super::arguments::{
    ProjectOutageImportArguments, ProjectOutageReportArguments, ProjectOutagesArguments, ProjectOutagesCommand, ProjectWeatherArguments,
    ProjectWeatherCommand, ProjectWeatherListArguments,
};
use super::{author, now};
use crate::cli::OutageReading;
use crate::console::Console;
use crate::failure::Failure;
use crate::number::count;
use crate::outages::{self, Report};
use crate::result_folder::{cannot, write_whole};
use crate::weather;
use formats::outages::Outages;
use formats::weather::WeatherImport;
use network::{Diagnostic, OutageStep};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use store::project::{NewRecords, Project, RecordImport, SourceFile};
use store::sha256_hex;

/// Steps of one event lie closer together than this; the same number later is another event, since many systems count anew each year.
const ONE_EVENT_S: i64 = 31 * 86_400;

/// What an import of records did and found.
#[derive(Clone, Debug, Serialize)]
pub struct Recorded {
    #[serde(flatten)]
    pub import: RecordImport,
    pub findings: Vec<Diagnostic>,
}

/// A file as it was when it was read.
pub(super) fn source_file(path: &Path) -> Result<SourceFile, Failure> {
    let bytes = std::fs::read(path).map_err(|e| cannot("read", path, &e))?;
    Ok(SourceFile { path: path.display().to_string(), sha256: sha256_hex(&bytes), bytes: bytes.len() as u64 })
}

/// Keeps the outages of a file.
///
/// # Errors
/// A file that cannot be read or used, a database that cannot be written; then nothing of the file is kept.
pub fn import_outages(project: &Project, file: &Path, reading: &OutageReading, author: &str, time_utc: &str) -> Result<Recorded, Failure> {
    let source = source_file(file)?;
    let mut found = outages::read_file(file, reading)?;
    for step in &mut found.steps {
        // A row without an event's number is called by its line, which another file has, too.
        if step.event == format!("row {}", step.source.line) {
            step.event = unnamed(step);
        }
    }
    let options = json!({
        "mapping": reading.mapping.as_ref().map(|p| p.display().to_string()), "sheet": reading.sheet, "time_zone": reading.time_zone,
        "date_order": reading.date_order.map(|o| format!("{o:?}").to_lowercase()), "columns": found.columns,
    });
    let new = NewRecords { time_utc, author, source, options, rejects: &found.rejects };
    let import = project.put_outages(&new, &found.steps)?;
    Ok(Recorded { import, findings: found.diagnostics })
}

/// A name from what the step says, the same in every file that has it.
fn unnamed(s: &OutageStep) -> String {
    let own = format!("{} {} {} {} {}", s.start.utc_s, s.feeder, s.substation, s.device, s.customers);
    format!("unnamed {}", &sha256_hex(own.as_bytes())[..12])
}

/// Gives the same number of another year a name of its own.
fn separate_events(steps: &mut [OutageStep]) -> usize {
    // Steps come by their beginnings.
    let mut latest: HashMap<String, (i64, usize)> = HashMap::new();
    let mut renamed = 0;
    for s in steps {
        let end_s = s.restored.map_or(s.start.utc_s, |r| r.utc_s);
        let (until, turn) = latest.entry(s.event.clone()).or_insert((end_s, 1));
        if s.start.utc_s > *until + ONE_EVENT_S {
            *turn += 1;
            renamed += 1;
        }
        *until = (*until).max(end_s);
        if *turn > 1 {
            s.event = format!("{} #{turn}", s.event);
        }
    }
    renamed
}

/// Reliability indices of all outages that are kept.
///
/// # Errors
/// No outages, or none in the year that is asked for; a table of daily SAIDI that cannot be read.
pub fn outage_report(project: &Project, customers: f64, year: Option<i16>, daily_saidi: Option<&Path>) -> Result<Report, Failure> {
    let mut steps = project.outages()?;
    if steps.is_empty() {
        let what = Diagnostic::error("PROJECT.OUTAGES.NONE", "the project holds no outages");
        return Err(what.hint("Import them: `gridtwin project outages import PROJECT FILE`.").into());
    }
    let mut diagnostics = Vec::new();
    let renamed = separate_events(&mut steps);
    if renamed > 0 {
        let what = format!("{} begin again after more than a month; each is an event of its own", count(renamed, "event number"));
        diagnostics.push(Diagnostic::note("PROJECT.OUTAGES.NUMBER_AGAIN", what));
    }
    let imports: Vec<RecordImport> = project.record_imports()?.into_iter().filter(|i| i.kind == "outages").collect();
    let history = daily_saidi.map(outages::read_history).transpose()?.unwrap_or_default();
    let rows = steps.len();
    let all = Outages { steps, diagnostics, rows, ..Outages::default() };
    let mut report = Report::new(&[(project.name().to_owned(), all)], &history, customers, year)?;
    report.rejected = imports.iter().map(|i| i.rejected as usize).sum();
    report.files = imports.into_iter().map(|i| i.source.path).collect();
    report.columns.clear();
    Ok(report)
}

/// Keeps weather that was read.
///
/// # Errors
/// A database that cannot be written.
pub fn keep_weather(
    project: &Project,
    import: &WeatherImport,
    source: SourceFile,
    options: Value,
    author: &str,
    time_utc: &str,
) -> Result<Recorded, Failure> {
    let new = NewRecords { time_utc, author, source, options, rejects: &import.rejects };
    let kept = project.put_weather(&new, &import.series)?;
    Ok(Recorded { import: kept, findings: import.diagnostics.clone() })
}

/// One line about an import.
pub(super) fn line(r: &RecordImport, noun: &str) -> String {
    let mut text = format!("{}: ", r.source.path);
    if r.repeated {
        return text + &format!("imported before, nothing has changed ({} {noun})\n", r.same);
    }
    text += &format!("{} new, {} changed, {} there already ({noun})", r.new, r.changed, r.same);
    if let Some(path) = &r.rejects_file {
        text += &format!("; {} rejected, listed in {}", count(r.rejected as usize, "record"), path.display());
    }
    text + "\n"
}

pub(super) fn run_outages(a: &ProjectOutagesArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    match &a.command {
        ProjectOutagesCommand::Import(a) => run_outage_import(a, console),
        ProjectOutagesCommand::Report(a) => run_outage_report(a, console),
    }
}

fn run_outage_import(a: &ProjectOutageImportArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let project = Project::open(&a.dir)?;
    let mut all = Vec::new();
    for file in &a.files {
        let recorded = import_outages(&project, file, &a.reading, &author(a.who.author.as_deref()), &now())?;
        if !a.json {
            console.print(&line(&recorded.import, "steps"))?;
            console.warn(&recorded.findings);
        }
        all.push(recorded);
    }
    if a.json { console.json(&all) } else { Ok(()) }
}

fn run_outage_report(a: &ProjectOutageReportArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let report = outage_report(&Project::open(&a.dir)?, a.customers, a.year, a.daily_saidi.as_deref())?;
    console.warn(&report.diagnostics);
    if a.json { console.json(&report) } else { console.print(&report.render(console.style)) }
}

pub(super) fn run_weather(a: &ProjectWeatherArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let (dir, who, output, import, source, options) = match &a.command {
        ProjectWeatherCommand::List(a) => return list_weather(a, console),
        ProjectWeatherCommand::Import(a) => {
            let source = source_file(&a.import.file)?;
            let options = json!({ "lat": a.import.lat, "lon": a.import.lon, "time_zone": a.import.time_zone });
            (&a.dir, &a.who, &a.import.output, weather::import(&a.import)?, source, options)
        }
        ProjectWeatherCommand::Fetch(a) => {
            let import = weather::fetch(&a.fetch, console)?;
            let text = weather::csv(&import.series);
            let path = a
                .fetch
                .url
                .clone()
                .unwrap_or_else(|| if a.fetch.forecast { weather::FORECAST_URL.to_owned() } else { weather::ARCHIVE_URL.to_owned() });
            let source = SourceFile { path, sha256: sha256_hex(text.as_bytes()), bytes: text.len() as u64 };
            let options =
                json!({ "lat": a.fetch.lat, "lon": a.fetch.lon, "start": a.fetch.start, "end": a.fetch.end, "forecast": a.fetch.forecast });
            (&a.dir, &a.who, &a.fetch.output, import, source, options)
        }
    };
    let project = Project::open(dir)?;
    let recorded = keep_weather(&project, &import, source, options, &author(who.author.as_deref()), &now())?;
    if let Some(path) = &output.out {
        write_whole(path, &weather::csv(&import.series))?;
    }
    if let Some(path) = &output.rejects {
        write_whole(path, &outages::rejects_csv(&import.rejects.iter().collect::<Vec<_>>()))?;
    }
    if output.json {
        return console.json(&recorded);
    }
    console.warn(&recorded.findings);
    console.print(&(weather::summary(&import) + &line(&recorded.import, "moments")))
}

fn list_weather(a: &ProjectWeatherListArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let series = Project::open(&a.dir)?.weather()?;
    if let Some(path) = &a.out {
        write_whole(path, &weather::csv(&series))?;
    }
    if a.json {
        return console.json(&series);
    }
    if series.is_empty() {
        return console.print("The project holds no weather.\n");
    }
    console.print(&weather::summary(&WeatherImport { series, ..WeatherImport::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::{InterruptionKind, Moment, SourceRef};

    fn step(event: &str, day: i64) -> OutageStep {
        let moment = |utc_s: i64| Moment { utc_s, day: (utc_s / 86_400) as i32 };
        OutageStep {
            event: event.into(),
            start: moment(day * 86_400),
            restored: Some(moment(day * 86_400 + 3600)),
            customers: 1.0,
            kind: InterruptionKind::Unplanned,
            feeder: String::new(),
            substation: String::new(),
            device: String::new(),
            device_type: String::new(),
            phases: String::new(),
            cause: String::new(),
            cause_secondary: String::new(),
            weather: String::new(),
            comments: String::new(),
            place: None,
            ci_given: None,
            cmi_given: None,
            source: SourceRef::new("o.csv", 2),
        }
    }

    #[test]
    fn a_number_of_another_year_is_another_event() {
        let mut steps = [step("1", 0), step("1", 20), step("2", 30), step("1", 400), step("1", 410)];
        assert_eq!(separate_events(&mut steps), 1);
        let names: Vec<&str> = steps.iter().map(|s| s.event.as_str()).collect();
        assert_eq!(names, ["1", "1", "2", "1 #2", "1 #2"]);
    }
}
