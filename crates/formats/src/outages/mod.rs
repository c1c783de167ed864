//! Records of outages from tables (CSV, workbook): columns mapped or guessed, moments in the place's
//! time zone, every row that cannot be used put aside with its reason.
//!
//! One row is one step of an event: customers who were interrupted at `start` and had supply again at
//! `restored`. An event with several rows was restored in steps.

use crate::ImportError;
use crate::table::dates::{DateOrder, FoundOrder, date_order_of, day_number, moment};
use crate::table::{ColumnGuess, ColumnMap, Columns, Row, Table, WantedColumn};
use jiff::tz::TimeZone;
use network::{Diagnostic, InterruptionKind, Ledger, LonLat, Moment, OutageStep, Reject, Severity};
use network::{Disposition, SourceRef};
use std::collections::{BTreeMap, HashMap};

/// How far given customer counts and minutes may be from those that follow from the steps, relative.
pub const GIVEN_TOLERANCE: f64 = 0.01;

/// Columns of outage tables.
pub const COLUMNS: &[WantedColumn] = &[
    WantedColumn {
        field: "event",
        aliases: &[
            "event_id",
            "event id",
            "incident",
            "incident id",
            "incident number",
            "outage id",
            "outage number",
            "event number",
            "ticket",
            "job number",
        ],
        required: false,
    },
    WantedColumn {
        field: "start",
        aliases: &[
            "start time",
            "start date",
            "startdate",
            "start datetime",
            "time off",
            "off time",
            "interrupted",
            "interruption time",
            "outage start",
            "begin",
            "began",
            "out time",
            "date out",
        ],
        required: true,
    },
    WantedColumn {
        field: "restored",
        aliases: &[
            "restore",
            "restored time",
            "restore time",
            "restoration",
            "restdate",
            "restoration time",
            "time on",
            "on time",
            "end",
            "end time",
            "end date",
            "stop",
            "stop time",
            "finish",
            "date restored",
            "in time",
        ],
        required: false,
    },
    WantedColumn { field: "duration_min", aliases: &["duration", "minutes", "outage minutes", "duration minutes"], required: false },
    WantedColumn { field: "duration_h", aliases: &["duration hours", "hours", "outage hours"], required: false },
    WantedColumn {
        field: "customers",
        aliases: &[
            "customers_interrupted",
            "customers interrupted",
            "customers affected",
            "customers out",
            "number of customers",
            "cust affected",
            "totalcustaffected",
            "num customers",
            "custs",
        ],
        required: false,
    },
    WantedColumn { field: "ci", aliases: &["total ci", "customer interruptions"], required: false },
    WantedColumn {
        field: "cmi",
        aliases: &["total cmi", "customer minutes", "customer minutes interrupted", "customer minutes of interruption"],
        required: false,
    },
    WantedColumn {
        field: "cause_secondary",
        aliases: &["secondary cause", "sub cause", "subcause", "cause 2", "cause detail", "secondary cause code"],
        required: false,
    },
    WantedColumn {
        field: "cause",
        aliases: &["primary cause", "cause code", "cause group", "primary cause code", "reason"],
        required: false,
    },
    WantedColumn { field: "kind", aliases: &["interruption type", "outage type", "event type", "planned"], required: false },
    WantedColumn { field: "feeder", aliases: &["feeder id", "circuit", "circuit id", "feeder name"], required: false },
    WantedColumn { field: "substation", aliases: &["substation name", "station", "sub"], required: false },
    WantedColumn { field: "device_type", aliases: &["device class", "equipment type"], required: false },
    WantedColumn {
        field: "device",
        aliases: &["device id", "device operated", "interrupting device", "protective device", "equipment", "equipment id"],
        required: false,
    },
    WantedColumn { field: "phases", aliases: &["phase", "phases out"], required: false },
    WantedColumn { field: "weather", aliases: &["weather code", "weather conditions"], required: false },
    WantedColumn { field: "lon", aliases: &["longitude", "long", "x"], required: false },
    WantedColumn { field: "lat", aliases: &["latitude", "y"], required: false },
    WantedColumn { field: "comments", aliases: &["comment", "remarks", "notes", "description"], required: false },
];

/// What the caller knows of the table.
#[derive(Clone, Debug, Default)]
pub struct OutageOptions {
    pub columns: ColumnMap,
    /// IANA name of the place's time zone, or `+HH:MM`; UTC when not told.
    pub time_zone: Option<String>,
    /// Order of dates such as 3/4/2024, where the column does not tell.
    pub date_order: Option<DateOrder>,
    /// Cause texts or codes that mean planned work or a failure of the grid above, besides the usual words.
    pub kinds: BTreeMap<String, InterruptionKind>,
}

/// What reading gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outages {
    pub steps: Vec<OutageStep>,
    /// Which column was taken for which field, and why.
    pub columns: Vec<ColumnGuess>,
    pub unused: Vec<String>,
    pub diagnostics: Vec<Diagnostic>,
    pub ledger: Ledger,
    pub rejects: Vec<Reject>,
    /// Rows of the table.
    pub rows: usize,
}

/// Reads the outages of a table.
///
/// # Errors
/// A table without the columns that are needed, a time zone that does not exist, dates that contradict one another.
pub fn read(table: &Table, options: &OutageOptions) -> Result<Outages, ImportError> {
    let columns = Columns::find(table, COLUMNS, &options.columns)?;
    let at = table.at(0);
    if columns.column("customers").is_none() && columns.column("ci").is_none() {
        let what = Diagnostic::error("OUTAGES.COLUMN.NO_CUSTOMERS", "no column says how many customers were interrupted").at(&at);
        return Err(what
            .detail(format!("Columns: {}.", table.headers.join(", ")))
            .hint("name the column in a mapping (customers: header)")
            .into());
    }
    let zone = zone(options, &at)?;
    let mut out = Outages {
        columns: columns.found.clone(),
        unused: columns.unused.clone(),
        diagnostics: table.diagnostics.clone(),
        rejects: table.rejects.clone(),
        rows: table.rows.len() + table.rejects.len(),
        ..Outages::default()
    };
    if columns.column("restored").is_none() && columns.column("duration_min").is_none() && columns.column("duration_h").is_none() {
        let what =
            Diagnostic::warning("OUTAGES.COLUMN.NO_RESTORATION", "no column says when supply was restored, so durations are not known")
                .at(&at);
        out.diagnostics.push(what.hint("indices that count minutes need a time of restoration or a duration"));
    }
    let order = order(table, &columns, options, &mut out.diagnostics)?;
    if options.time_zone.is_none() {
        out.ledger.record(
            "start",
            Disposition::Defaulted {
                value: "UTC".into(),
                reason: "no time zone was told; moments without an offset are taken as they stand".into(),
            },
            None,
        );
    }
    let reader = StepReader { table, columns: &columns, zone: &zone, order, options };
    let mut by_event: HashMap<String, usize> = HashMap::new();
    for row in &table.rows {
        match reader.step(row, &mut out) {
            Ok(step) => {
                *by_event.entry(step.event.clone()).or_default() += 1;
                out.steps.push(step);
            }
            Err(reason) => {
                let text: String = row.cells.join(",").chars().take(500).collect();
                out.rejects.push(Reject { source: table.at(row.line), reason, text });
            }
        }
    }
    let unreadable = out.rejects.len() - table.rejects.len();
    if unreadable > 0 {
        let first = &out.rejects[table.rejects.len()];
        let what = Diagnostic::new(
            "OUTAGES.ROWS.REJECTED",
            if unreadable * 2 > table.rows.len() { Severity::Error } else { Severity::Warning },
            format!("{unreadable} of {} rows cannot be used and are put aside", table.rows.len()),
        );
        let what = what
            .at(&first.source)
            .detail(format!("The first: {}.", first.reason))
            .hint("see the file of rejects; correct the rows or the mapping");
        if what.severity == Severity::Error {
            return Err(what.into());
        }
        out.diagnostics.push(what);
    }
    repeated_rows(&mut out);
    given_figures(&mut out);
    Ok(out)
}

fn zone(options: &OutageOptions, at: &SourceRef) -> Result<TimeZone, ImportError> {
    let Some(name) = options.time_zone.as_deref() else { return Ok(TimeZone::UTC) };
    crate::table::dates::time_zone(name).ok_or_else(|| {
        let what = Diagnostic::error("OUTAGES.ZONE.UNKNOWN", format!("no time zone is called \"{name}\"")).at(at);
        what.hint("use an IANA name such as America/Chicago, or an offset such as -06:00").into()
    })
}

fn order(table: &Table, columns: &Columns, options: &OutageOptions, diagnostics: &mut Vec<Diagnostic>) -> Result<DateOrder, ImportError> {
    if let Some(order) = options.date_order {
        return Ok(order);
    }
    let Some(column) = columns.column("start") else { return Ok(DateOrder::MonthFirst) };
    let at = table.at(table.rows.first().map_or(0, |r| r.line));
    match date_order_of(&table.rows, column) {
        FoundOrder::NotNeeded => Ok(DateOrder::MonthFirst),
        FoundOrder::Found(order) => Ok(order),
        FoundOrder::Ambiguous => {
            let what = Diagnostic::warning(
                "OUTAGES.DATES.AMBIGUOUS",
                "dates can be read with the month or with the day first; the month is taken as first",
            );
            diagnostics.push(what.at(&at).hint("tell the order of dates"));
            Ok(DateOrder::MonthFirst)
        }
        FoundOrder::Contradictory => {
            let what = Diagnostic::error(
                "OUTAGES.DATES.CONTRADICTORY",
                "some dates can only be read with the month first, others only with the day first",
            );
            Err(what.at(&at).hint("write all dates as YYYY-MM-DD").into())
        }
    }
}

/// What one row needs to be read.
struct StepReader<'a> {
    table: &'a Table,
    columns: &'a Columns,
    zone: &'a TimeZone,
    order: DateOrder,
    options: &'a OutageOptions,
}

impl StepReader<'_> {
    fn step(&self, row: &Row, out: &mut Outages) -> Result<OutageStep, String> {
        let cell = |field| self.columns.cell(row, field);
        let text = |field| cell(field).to_owned();
        let start = self.moment(cell("start"))?.ok_or("it has no start")?;
        let restored = self.restored(row, start)?;
        if let Some(restored) = restored
            && restored.utc_s < start.utc_s
        {
            return Err(format!("restored ({}) before it began ({})", cell("restored"), cell("start")));
        }
        let ci_given = number(cell("ci"), "ci")?;
        let customers = match number(cell("customers"), "customers")? {
            Some(n) => n,
            None => ci_given.ok_or("it has no number of customers")?,
        };
        if customers < 0.0 {
            return Err(format!("{customers} customers"));
        }
        let place = match (number(cell("lon"), "lon")?, number(cell("lat"), "lat")?) {
            (Some(lon), Some(lat)) if lon.abs() <= 180.0 && lat.abs() <= 90.0 => Some(LonLat::new(lon, lat)),
            (None, None) => None,
            _ => {
                let reason = "longitude and latitude are not both degrees".to_owned();
                out.ledger.record("lon, lat", Disposition::Dropped { reason }, Some(&self.table.at(row.line)));
                None
            }
        };
        let event = if cell("event").is_empty() { format!("row {}", row.line) } else { text("event") };
        Ok(OutageStep {
            event,
            start,
            restored,
            customers,
            kind: self.kind(row),
            feeder: text("feeder"),
            substation: text("substation"),
            device: text("device"),
            device_type: text("device_type"),
            phases: text("phases"),
            cause: text("cause"),
            cause_secondary: text("cause_secondary"),
            weather: text("weather"),
            comments: text("comments"),
            place,
            ci_given,
            cmi_given: number(cell("cmi"), "cmi")?,
            source: self.table.at(row.line),
        })
    }

    fn restored(&self, row: &Row, start: Moment) -> Result<Option<Moment>, String> {
        let cell = |field| self.columns.cell(row, field);
        if let Some(moment) = self.moment(cell("restored"))? {
            return Ok(Some(moment));
        }
        let minutes = match number(cell("duration_min"), "duration_min")? {
            Some(minutes) => Some(minutes),
            None => number(cell("duration_h"), "duration_h")?.map(|h| 60.0 * h),
        };
        let Some(minutes) = minutes else { return Ok(None) };
        if !(0.0..=5.0e6).contains(&minutes) {
            return Err(format!("a duration of {minutes} minutes"));
        }
        let utc_s = start.utc_s + (60.0 * minutes).round() as i64;
        let zoned = jiff::Timestamp::from_second(utc_s).map_err(|e| e.to_string())?.to_zoned(self.zone.clone());
        Ok(Some(Moment { utc_s, day: day_number(zoned.date()) }))
    }

    fn moment(&self, text: &str) -> Result<Option<Moment>, String> {
        if text.is_empty() || ["null", "n/a", "na", "-"].contains(&text.to_lowercase().as_str()) {
            return Ok(None);
        }
        let written = moment(text, self.order).ok_or_else(|| format!("\"{text}\" is no date and time"))?;
        let zoned = match written.offset_s {
            Some(offset) => {
                let fixed = TimeZone::fixed(jiff::tz::Offset::from_seconds(offset).map_err(|e| e.to_string())?);
                fixed.to_zoned(written.civil).map_err(|e| e.to_string())?.with_time_zone(self.zone.clone())
            }
            None => self.zone.to_zoned(written.civil).map_err(|e| e.to_string())?,
        };
        Ok(Some(Moment { utc_s: zoned.timestamp().as_second(), day: day_number(zoned.date()) }))
    }

    fn kind(&self, row: &Row) -> InterruptionKind {
        let told = |text: &str| self.options.kinds.get(text).or_else(|| self.options.kinds.get(&text.to_lowercase())).copied();
        let words = |text: &str| {
            let text = text.to_lowercase();
            let holds = |wanted: &[&str]| wanted.iter().any(|w| text.contains(w));
            if holds(&["unplanned", "unscheduled", "forced"]) {
                Some(InterruptionKind::Unplanned)
            } else if holds(&["planned", "scheduled", "maintenance outage"]) {
                Some(InterruptionKind::Planned)
            } else if holds(&["loss of supply", "transmission", "supply failure"]) {
                Some(InterruptionKind::LossOfSupply)
            } else {
                None
            }
        };
        let fields = ["kind", "cause", "cause_secondary"].map(|f| self.columns.cell(row, f));
        // A column of its own that says yes or no is about planned work.
        let header_says_planned = self.columns.found.iter().any(|g| g.field == "kind" && g.header.to_lowercase().contains("planned"));
        if header_says_planned && ["1", "y", "yes", "true"].contains(&fields[0].to_lowercase().as_str()) {
            return InterruptionKind::Planned;
        }
        fields.iter().find_map(|t| told(t)).or_else(|| fields.iter().find_map(|t| words(t))).unwrap_or_default()
    }
}

/// A number, none where the cell is empty.
fn number(text: &str, field: &str) -> Result<Option<f64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    // A comma parts thousands where three digits follow it.
    let plain: String = if text.contains(',') && !text.contains('.') && text.rsplit(',').next().is_some_and(|last| last.len() == 3) {
        text.replace(',', "")
    } else {
        text.to_owned()
    };
    match plain.parse::<f64>() {
        Ok(x) if x.is_finite() => Ok(Some(x)),
        _ => Err(format!("{field} \"{text}\" is no number")),
    }
}

/// Rows that are there twice count customers twice.
fn repeated_rows(out: &mut Outages) {
    let mut seen: HashMap<(String, i64, Option<i64>, u64, String), usize> = HashMap::new();
    let mut twice = Vec::new();
    for (i, s) in out.steps.iter().enumerate() {
        let key = (s.event.clone(), s.start.utc_s, s.restored.map(|r| r.utc_s), s.customers.to_bits(), s.device.clone());
        if !s.event.starts_with("row ") && seen.insert(key, i).is_some() {
            twice.push(i);
        }
    }
    if let Some(&first) = twice.first() {
        let what = Diagnostic::warning("OUTAGES.ROWS.REPEATED", format!("{} rows repeat another one and are put aside", twice.len()));
        out.diagnostics.push(what.at(&out.steps[first].source).detail("Same event, moments, customers and device."));
    }
    for &i in twice.iter().rev() {
        let step = out.steps.remove(i);
        out.rejects.push(Reject { source: step.source, reason: "it repeats another row".into(), text: step.event });
    }
}

/// Customers and minutes that the table gives against those that follow from its steps.
fn given_figures(out: &mut Outages) {
    #[derive(Default)]
    struct Event {
        ci: f64,
        cmi: Option<f64>,
        ci_given: Vec<f64>,
        cmi_given: Vec<f64>,
        first: Option<SourceRef>,
    }
    let mut events: BTreeMap<&str, Event> = BTreeMap::new();
    for s in &out.steps {
        let e = events.entry(&s.event).or_insert_with(|| Event { cmi: Some(0.0), ..Event::default() });
        e.ci += s.customers;
        e.cmi = e.cmi.zip(s.minutes()).map(|(sum, minutes)| sum + minutes * s.customers);
        e.ci_given.extend(s.ci_given);
        e.cmi_given.extend(s.cmi_given);
        e.first.get_or_insert_with(|| s.source.clone());
    }
    // A figure stands once for the event, or on each row for the row.
    let differs = |given: &[f64], own: f64| {
        let near = |x: f64| (x - own).abs() <= GIVEN_TOLERANCE * own.abs().max(1.0);
        !given.is_empty() && !near(given.iter().sum()) && !given.iter().all(|&g| near(g))
    };
    let mut found: Vec<(String, SourceRef)> = Vec::new();
    for (name, e) in &events {
        let at = || e.first.clone().unwrap_or_default();
        if differs(&e.ci_given, e.ci) {
            found.push((format!("{name}: CI {} given, {} from its steps", e.ci_given.iter().sum::<f64>(), e.ci), at()));
        }
        if let Some(cmi) = e.cmi
            && differs(&e.cmi_given, cmi)
        {
            found.push((format!("{name}: CMI {} given, {cmi} from its steps", e.cmi_given.iter().sum::<f64>()), at()));
        }
    }
    if let Some((_, first)) = found.first() {
        let listed: Vec<&str> = found.iter().take(8).map(|(text, _)| text.as_str()).collect();
        let what = Diagnostic::warning(
            "OUTAGES.FIGURES.DIFFER",
            format!("{} events give customers or minutes that do not follow from their steps", found.len()),
        );
        out.diagnostics
            .push(what.at(first).detail(format!("{}.", listed.join("; "))).hint("the figures that follow from the steps are used"));
    }
}

#[cfg(test)]
mod tests;
