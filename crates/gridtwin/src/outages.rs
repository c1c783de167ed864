//! `gridtwin outages`: reliability indices of outage records, year by year, with major event days.

use crate::cli::{DateOrderArgument, OutageReading, OutagesArguments};
use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::number::count;
use crate::text::{Style, Table};
use formats::outages::{OutageOptions, Outages};
use formats::table::dates::{DateOrder, day_number, moment};
use formats::table::{ColumnGuess, ColumnMap, TableOptions};
use jiff::civil::Date;
use network::{Diagnostic, OutageStep, Reject};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use studies::reliability::ieee1366::{
    self, HISTORY_YEARS, Indices, Period, Threshold, daily_saidi, indices, is_unplanned, major_event_days, threshold,
};

/// Rows of a list by cause or feeder in the text; the JSON has all.
const SHOWN: usize = 12;

/// Figures of all years.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub files: Vec<String>,
    pub customers_served: f64,
    pub rows: usize,
    pub rejected: usize,
    pub unfinished: usize,
    pub columns: Vec<FileColumns>,
    pub years: Vec<Year>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Which columns were read as what.
#[derive(Clone, Debug, Serialize)]
pub struct FileColumns {
    pub file: String,
    pub found: Vec<ColumnGuess>,
    pub unused: Vec<String>,
}

/// Indices as figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    pub events: usize,
    pub ci: f64,
    pub cmi: f64,
    pub saifi: f64,
    pub saidi_min: f64,
    pub caidi_min: Option<f64>,
    pub asai: f64,
    pub maifi: f64,
}

impl From<Indices> for Figures {
    fn from(i: Indices) -> Self {
        Self {
            events: i.events,
            ci: i.ci,
            cmi: i.cmi,
            saifi: i.saifi(),
            saidi_min: i.saidi_min(),
            caidi_min: i.caidi_min(),
            asai: i.asai(),
            maifi: i.maifi(),
        }
    }
}

/// A day above the threshold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MajorDay {
    pub date: String,
    pub saidi_min: f64,
}

/// What the threshold is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThresholdFigures {
    pub first_year: i16,
    pub last_year: i16,
    pub days: usize,
    pub alpha: f64,
    pub beta: f64,
    pub beta_population: f64,
    pub t_med_min: f64,
    pub t_med_population_min: f64,
}

/// What a history of daily SAIDI says of a year by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DailyFigures {
    pub saidi_min: f64,
    pub without_major_days_min: Option<f64>,
    pub major_days: Vec<MajorDay>,
}

#[derive(Clone, Debug, Serialize)]
pub struct GroupFigures {
    pub name: String,
    #[serde(flatten)]
    pub figures: Figures,
}

/// One calendar year.
#[derive(Clone, Debug, Serialize)]
pub struct Year {
    pub year: i16,
    pub all: Figures,
    pub unplanned: Figures,
    /// All but major event days; none without a threshold.
    pub without_major_days: Option<Figures>,
    pub threshold: Option<ThresholdFigures>,
    pub major_days: Vec<MajorDay>,
    /// From the table of daily SAIDI, where it holds the year.
    pub daily: Option<DailyFigures>,
    pub by_cause: Vec<GroupFigures>,
    pub by_feeder: Vec<GroupFigures>,
}

/// Runs the command.
///
/// # Errors
/// Files that cannot be read or used, a file of rejects that cannot be written.
pub fn run(arguments: &OutagesArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let mut read = Vec::new();
    for file in &arguments.files {
        read.push((file.display().to_string(), read_file(file, &arguments.reading)?));
    }
    let rejects: Vec<&Reject> = read.iter().flat_map(|(_, o)| &o.rejects).collect();
    if let Some(path) = &arguments.rejects {
        crate::result_folder::write_whole(path, &rejects_csv(&rejects))?;
    }
    let history = arguments.daily_saidi.as_deref().map(read_history).transpose()?.unwrap_or_default();
    let report = Report::new(&read, &history, arguments.customers, arguments.year)?;
    if arguments.json {
        console.warn(&report.diagnostics);
        console.json(&report)
    } else {
        console.warn(&report.diagnostics);
        console.print(&report.render(console.style))
    }
}

/// Outages of one file.
///
/// # Errors
/// A file or mapping that cannot be read or used.
pub fn read_file(file: &Path, arguments: &OutageReading) -> Result<Outages, Failure> {
    let files = DiskFiles::default();
    let columns = match &arguments.mapping {
        None => ColumnMap::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| {
                Failure::from(
                    Diagnostic::error("TABLE.FILE.MISSING", format!("the mapping {} cannot be read", path.display()))
                        .detail(format!("{e}.")),
                )
            })?;
            ColumnMap::from_yaml(&text, &path.display().to_string())?
        }
    };
    let options = OutageOptions {
        columns,
        time_zone: arguments.time_zone.clone(),
        date_order: arguments.date_order.map(|o| match o {
            DateOrderArgument::Mdy => DateOrder::MonthFirst,
            DateOrderArgument::Dmy => DateOrder::DayFirst,
        }),
        ..OutageOptions::default()
    };
    let table_options = TableOptions { sheet: arguments.sheet.clone(), ..TableOptions::default() };
    let table = formats::table::read(&files, file, &table_options)?;
    Ok(formats::outages::read(&table, &options)?)
}

/// A table of rejected rows, as CSV.
pub fn rejects_csv(rejects: &[&Reject]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut csv = String::from("file,line,reason,row\n");
    for r in rejects {
        let _ = writeln!(csv, "{},{},{},{}", quoted(&r.source.file), r.source.line, quoted(&r.reason), quoted(&r.text));
    }
    csv
}

/// Daily SAIDI of earlier years: a column of dates, a column of minutes.
///
/// # Errors
/// A table that cannot be read.
pub fn read_history(path: &Path) -> Result<BTreeMap<i32, f64>, Failure> {
    let table = formats::table::read(&DiskFiles::default(), path, &TableOptions::default())?;
    let mut days = BTreeMap::new();
    for row in &table.rows {
        let date = row.cells.first().and_then(|c| moment(c, DateOrder::MonthFirst)).map(|m| day_number(m.civil.date()));
        let saidi = row.cells.get(1).and_then(|c| c.trim().parse::<f64>().ok()).filter(|s| *s >= 0.0);
        let (Some(day), Some(saidi)) = (date, saidi) else {
            let what = Diagnostic::error("OUTAGES.HISTORY.UNREADABLE", "a row of the history is no date and number of minutes");
            return Err(what.at(&table.at(row.line)).detail(format!("It reads: {}.", row.cells.join(","))).into());
        };
        days.insert(day, saidi);
    }
    Ok(days)
}

const EPOCH: Date = Date::constant(1970, 1, 1);

fn date_of(day: i32) -> Date {
    EPOCH.checked_add(jiff::Span::new().days(day)).unwrap_or(Date::MAX)
}

fn year_period(year: i16) -> Period {
    let day = |month, day| Date::new(year, month, day).map_or(0, day_number);
    Period { first_day: day(1, 1), last_day: day(12, 31) }
}

impl Report {
    /// Figures of the years that the records hold, or of the one asked for.
    ///
    /// # Errors
    /// A year without outages.
    pub fn new(read: &[(String, Outages)], history: &BTreeMap<i32, f64>, customers: f64, only_year: Option<i16>) -> Result<Self, Failure> {
        let steps: Vec<OutageStep> = read.iter().flat_map(|(_, o)| o.steps.iter().cloned()).collect();
        let mut diagnostics: Vec<Diagnostic> = read.iter().flat_map(|(_, o)| o.diagnostics.iter().cloned()).collect();
        let served = customers;
        let own_days = daily_saidi(&steps, served);
        let mut days = history.clone();
        days.extend(&own_days);
        let year_of = |day: &i32| date_of(*day).year();
        let mut years: Vec<i16> = steps.iter().map(|s| year_of(&s.start.day)).collect();
        years.sort_unstable();
        years.dedup();
        if let Some(year) = only_year {
            if !years.contains(&year) {
                let held = years.iter().map(i16::to_string).collect::<Vec<_>>().join(", ");
                let what = Diagnostic::error("OUTAGES.YEAR.EMPTY", format!("no outage began in {year}"));
                return Err(what.detail(format!("There are outages of: {held}.")).into());
            }
            years = vec![year];
        }
        let unfinished: Vec<&OutageStep> = steps.iter().filter(|s| s.restored.is_none()).collect();
        if let Some(first) = unfinished.first() {
            let what = Diagnostic::warning(
                "OUTAGES.EVENTS.UNFINISHED",
                format!("{} have no restoration and are in no index", count(unfinished.len(), "step")),
            );
            diagnostics.push(what.at(&first.source));
        }
        let first_known = days.keys().next().map(year_of);
        let years: Vec<Year> = years
            .into_iter()
            .map(|year| {
                let period = year_period(year);
                let first_year = year - HISTORY_YEARS as i16;
                let before = Period { first_day: year_period(first_year).first_day, last_day: period.first_day - 1 };
                let made = threshold(days.range(before.first_day..=before.last_day).map(|(_, &s)| s));
                if made.is_some() && first_known.is_some_and(|f| f > first_year) {
                    let known = first_known.map_or(0, |f| year - f);
                    let what = Diagnostic::note(
                        "OUTAGES.HISTORY.SHORT",
                        format!("the threshold of {year} rests on {}", count(known.max(0) as usize, "year")),
                    );
                    diagnostics.push(what.detail(format!("IEEE 1366 takes {HISTORY_YEARS} complete years.")));
                }
                Year::new(&steps, [&own_days, history], year, served, made.map(|t| (first_year.max(first_known.unwrap_or(first_year)), t)))
            })
            .collect();
        Ok(Self {
            files: read.iter().map(|(name, _)| name.clone()).collect(),
            customers_served: served,
            rows: read.iter().map(|(_, o)| o.rows).sum(),
            rejected: read.iter().map(|(_, o)| o.rejects.len()).sum(),
            unfinished: unfinished.len(),
            columns: read
                .iter()
                .map(|(file, o)| FileColumns { file: file.clone(), found: o.columns.clone(), unused: o.unused.clone() })
                .collect(),
            years,
            diagnostics,
        })
    }

    /// The text for people.
    pub fn render(&self, style: Style) -> String {
        let mut text = String::new();
        let mut say = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        say(&style.bold(&format!("Reliability after IEEE 1366: {}", self.files.join(", "))));
        say(&format!(
            "  {}, {} rejected, {} without restoration; {} customers served",
            count(self.rows, "row"),
            self.rejected,
            self.unfinished,
            self.customers_served
        ));
        for columns in &self.columns {
            let mut table = Table::new(&["<field", "<column", "<why"]);
            for g in &columns.found {
                let why = match g.confidence {
                    formats::table::Confidence::Told => "told by the mapping",
                    formats::table::Confidence::High => "a name of the field",
                    formats::table::Confidence::Low => "holds a name of the field: check it",
                };
                table.row([g.field.clone(), g.header.clone(), why.to_owned()]);
            }
            say(&format!("\n{}\n{}", style.bold(&format!("Columns of {}", columns.file)), table.render().trim_end_matches('\n')));
            if !columns.unused.is_empty() {
                say(&format!("  not used: {}", columns.unused.join(", ")));
            }
        }
        for year in &self.years {
            say(&format!("\n{}", style.bold(&year.year.to_string())));
            say(year.indices_table().trim_end_matches('\n'));
            match &year.threshold {
                Some(t) => {
                    say(&format!(
                        "  major event days: SAIDI above {:.4} min (2.5 beta; {} of {} to {}, alpha {:.4}, beta {:.4})",
                        t.t_med_min,
                        count(t.days, "day"),
                        t.first_year,
                        t.last_year,
                        t.alpha,
                        t.beta
                    ));
                    if year.major_days.is_empty() {
                        say("    none this year");
                    }
                    for day in &year.major_days {
                        say(&format!("    {}: {:.4} min", day.date, day.saidi_min));
                    }
                }
                None => say("  major event days: no history, so no threshold (earlier records or --daily-saidi give one)"),
            }
            if let Some(daily) = &year.daily {
                let without = daily.without_major_days_min.map_or(String::new(), |w| format!(", {w:.4} min without major event days"));
                say(&format!("  the table of daily SAIDI holds this year: {:.4} min{without}", daily.saidi_min));
                for day in &daily.major_days {
                    say(&format!("    {}: {:.4} min", day.date, day.saidi_min));
                }
            }
            for (title, groups) in [("cause", &year.by_cause), ("feeder", &year.by_feeder)] {
                if groups.len() > 1 || groups.first().is_some_and(|g| !g.name.is_empty()) {
                    say(&group_table(title, groups));
                }
            }
        }
        text
    }
}

impl Year {
    fn new(steps: &[OutageStep], [own, history]: [&BTreeMap<i32, f64>; 2], year: i16, served: f64, made: Option<(i16, Threshold)>) -> Self {
        let period = year_period(year);
        let major_of = |days| made.as_ref().map(|(_, t)| major_event_days(days, period, t)).unwrap_or_default();
        let dated =
            |days: &[(i32, f64)]| days.iter().map(|&(day, saidi_min)| MajorDay { date: date_of(day).to_string(), saidi_min }).collect();
        let major = major_of(own);
        let in_history: Vec<f64> = history.range(period.first_day..=period.last_day).map(|(_, &s)| s).collect();
        let daily = (!in_history.is_empty()).then(|| {
            let major = major_of(history);
            let saidi_min: f64 = in_history.iter().sum();
            let of_major: f64 = major.iter().map(|(_, s)| s).sum();
            DailyFigures { saidi_min, without_major_days_min: made.as_ref().map(|_| saidi_min - of_major), major_days: dated(&major) }
        });
        let is_major = |day: i32| major.iter().any(|&(d, _)| d == day);
        let mut begins: BTreeMap<&str, i32> = BTreeMap::new();
        for s in steps {
            let day = begins.entry(&s.event).or_insert(s.start.day);
            *day = (*day).min(s.start.day);
        }
        let groups = |key: fn(&OutageStep) -> &str| {
            let groups = ieee1366::by(steps, served, period, key).into_iter();
            groups.map(|g| GroupFigures { name: g.name, figures: g.indices.into() }).collect()
        };
        Self {
            year,
            all: indices(steps, served, period, |_| true).into(),
            unplanned: indices(steps, served, period, is_unplanned).into(),
            without_major_days: made.as_ref().map(|_| indices(steps, served, period, |s| !is_major(begins[s.event.as_str()])).into()),
            threshold: made.map(|(first_year, t)| ThresholdFigures {
                first_year,
                last_year: year - 1,
                days: t.days,
                alpha: t.alpha,
                beta: t.beta,
                beta_population: t.beta_population,
                t_med_min: t.t_med_min,
                t_med_population_min: t.t_med_population_min,
            }),
            major_days: dated(&major),
            daily,
            by_cause: groups(|s| &s.cause),
            by_feeder: groups(|s| &s.feeder),
        }
    }

    fn indices_table(&self) -> String {
        let mut table = Table::new(&["<", ">events", ">CI", ">CMI", ">SAIFI", ">SAIDI min", ">CAIDI min", ">MAIFI", ">ASAI %"]);
        let mut row = |name: &str, f: &Figures| {
            let caidi = f.caidi_min.map_or("-".to_owned(), |c| format!("{c:.3}"));
            table.row([
                name.to_owned(),
                f.events.to_string(),
                format!("{}", f.ci),
                format!("{:.0}", f.cmi),
                format!("{:.4}", f.saifi),
                format!("{:.4}", f.saidi_min),
                caidi,
                format!("{:.4}", f.maifi),
                format!("{:.6}", 100.0 * f.asai),
            ]);
        };
        row("all", &self.all);
        row("unplanned", &self.unplanned);
        if let Some(f) = &self.without_major_days {
            row("without major days", f);
        }
        table.render()
    }
}

fn group_table(title: &str, groups: &[GroupFigures]) -> String {
    let mut table = Table::new(&[&format!("<by {title}"), ">events", ">CI", ">CMI", ">SAIDI min"]);
    for g in groups.iter().take(SHOWN) {
        let name = if g.name.is_empty() { "(none told)".to_owned() } else { g.name.clone() };
        let f = &g.figures;
        table.row([name, f.events.to_string(), format!("{}", f.ci), format!("{:.0}", f.cmi), format!("{:.4}", f.saidi_min)]);
    }
    let mut text = table.render().trim_end_matches('\n').to_owned();
    if groups.len() > SHOWN {
        let _ = write!(text, "\n  and {} more; --json lists all", groups.len() - SHOWN);
    }
    text
}
