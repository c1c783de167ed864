//! A day of flexible demand on a desk: its document, its result, what of it is told to clients of OpenADR, and what they report.
//!
//! ```text
//! DATA/desks/USER/NAME/day.yaml          the document, as it was given
//!                     /day.json          the last result, with what it was made of
//!                     /published.json    programs and events that were published of it
//! ```
//!
//! Programs that are registered on the desk and the buses that are subscribed to them take part ([`studies::desk::Desk::day_case`]); the day is
//! run on the feeder as the desk has it. Each device that is told something gets an event of its own, addressed to it by its name.

use crate::desks::OpenDesk;
use crate::journal::failed;
use crate::moment::{now_ms, rfc3339, rfc3339_ms};
use crate::problem::Problem;
use crate::vtn::{Client, Published, Vtn};
use axum::http::StatusCode;
use formats::ImportError;
use formats::flexibility::{parse_flexibility, write_flexibility};
use formats::openadr::{self, Interval, IntervalPeriod, Object, PayloadDescriptor, ReportDescriptor, Value as PayloadValue, ValuesMap};
use network::flexibility::FlexibilityCase;
use network::{Diagnostic, Severity};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use store::sha256_hex;
use studies::desk::Desk;
use studies::flexibility::{
    BaselineKind, FlexibilityOptions, FlexibilityResult, Least, Performance, SampleOptions, SetPoints, run, sample, settle_metered,
};

/// Devices of a day on a desk; larger ones are for the command, which need not answer a request.
pub const DEVICES_MAX: usize = 1000;
/// Most entries of a plan on a desk: devices that events may use, times steps from the first preparation to the last recovery.
const PLAN_MAX: usize = 10_000;
/// Largest document, bytes.
pub const DOCUMENT_MAX: usize = 4 << 20;
/// Name of the document in findings.
const NAME: &str = "day.yaml";
const MS_PER_MIN: i64 = 60_000;

/// A result with what it was made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptResult {
    pub ran_at: String,
    pub least: Least,
    pub baseline: BaselineKind,
    /// Last entry of the desk's journal when it was made, and what the document was.
    pub seq: u64,
    pub document: String,
    pub result: FlexibilityResult,
}

/// An event of OpenADR, and what of the day it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublishedEvent {
    pub id: String,
    pub event: String,
    pub device: String,
    pub target: String,
}

/// What was published of a day.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublishedDay {
    pub starts: String,
    pub starts_ms: i64,
    pub at: String,
    pub programs: usize,
    pub events: Vec<PublishedEvent>,
}

/// A day without the desk it is of: what a run needs.
#[derive(Clone, Debug)]
pub struct Ready {
    desk: Desk,
    seq: u64,
    dir: PathBuf,
    document: String,
    case: FlexibilityCase,
}

fn unfit(findings: Vec<Diagnostic>) -> Problem {
    let first = findings.iter().find(|d| d.severity == Severity::Error).or(findings.first());
    let detail = first.map_or_else(String::new, |d| d.message.clone());
    let code = first.map_or("FLEXIBILITY.FILE.UNREADABLE", |d| d.code.as_str()).to_owned();
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The day of flexible demand does not do");
    let hint = "Each finding says how to mend it; nothing was changed.";
    Problem { findings, ..problem.code(code).field("document").detail(detail).hint(hint) }
}

fn read_json<T: DeserializeOwned>(place: &Path) -> Result<Option<T>, Problem> {
    match fs::read(place) {
        Ok(text) => {
            let damaged = |e| Problem::internal(format!("{} is damaged: {e}", place.display()));
            serde_json::from_slice(&text).map(Some).map_err(damaged)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed("read", place, &e)),
    }
}

fn write_json<T: Serialize>(place: &Path, value: &T) -> Result<(), Problem> {
    let text = serde_json::to_vec(value).map_err(Problem::internal)?;
    store::files::write_whole(place, &text).map_err(Problem::internal)
}

/// The case of a document on a desk.
fn case_of(desk: &Desk, document: &str) -> Result<FlexibilityCase, Problem> {
    let case = parse_flexibility(document, NAME).map_err(|e: ImportError| unfit(e.diagnostics))?;
    let case = desk.day_case(case);
    let mut findings = case.check();
    findings.extend(case.check_against(&desk.network()));
    if case.devices.len() > DEVICES_MAX {
        let what = format!("there are {} devices", case.devices.len());
        let hint = "up to 1000 are run on a desk; gridtwin flexibility run takes more";
        findings.push(Diagnostic::error("FLEXIBILITY.DEVICE.VALUE", what).hint(hint));
    }
    let n = plan_size(&case);
    if n > PLAN_MAX {
        let what = format!("the plan of the events has {n} entries, {PLAN_MAX} are taken on a desk: devices times steps of an event");
        let hint = "take longer steps, shorter events or fewer devices; gridtwin flexibility run takes more";
        findings.push(Diagnostic::error("FLEXIBILITY.EVENT.VALUE", what).hint(hint));
    }
    if findings.iter().any(|d| d.severity == Severity::Error) { Err(unfit(findings)) } else { Ok(case) }
}

/// Entries of all plans together: an upper bound, for events that overlap share their plan.
fn plan_size(case: &FlexibilityCase) -> usize {
    let of = |e: &network::flexibility::Event| {
        let devices = case.devices.iter().filter(|d| case.called_under(d, e).is_some()).count();
        let minutes = e.prepare_min.saturating_add(e.duration_min).saturating_add(e.recovery_min);
        devices.saturating_mul((minutes / case.day.step_min.max(1)) as usize)
    };
    case.events.iter().map(of).fold(0, usize::saturating_add)
}

fn no_day() -> Problem {
    Problem::not_found("There is no day of flexible demand on this desk")
        .hint("PUT a document to this address, or POST /api/desks/NAME/day/sample makes one.")
}

impl OpenDesk {
    fn document(&self) -> Result<String, Problem> {
        let place = self.dir.join(NAME);
        match fs::read_to_string(&place) {
            Ok(text) => Ok(text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(no_day()),
            Err(e) => Err(failed("read", &place, &e)),
        }
    }

    fn seq(&self) -> u64 {
        self.entries.last().map_or(0, |e| e.seq)
    }

    /// The day as pages show it.
    ///
    /// # Errors
    /// There is none; files that cannot be read.
    pub fn day(&self) -> Result<Value, Problem> {
        let document = self.document()?;
        // A desk that has changed may no longer have what the document names: it is shown with what is wrong.
        let (case, findings) = match case_of(&self.desk, &document) {
            Ok(case) => (Some(case), Vec::new()),
            Err(problem) => (None, problem.findings),
        };
        let kept: Option<KeptResult> = read_json(&self.dir.join("day.json"))?;
        let published: Option<PublishedDay> = read_json(&self.dir.join("published.json"))?;
        let hash = sha256_hex(document.as_bytes());
        let result = kept.map(|k| -> Result<Value, Problem> {
            let mut value = serde_json::to_value(&k.result).map_err(Problem::internal)?;
            value["ran_at"] = json!(k.ran_at);
            value["least"] = json!(k.least);
            value["baseline"] = json!(k.baseline);
            value["is_stale"] = json!(k.seq != self.seq() || k.document != hash);
            Ok(value)
        });
        let published = published.map(|p| json!({ "starts": p.starts, "at": p.at, "programs": p.programs, "events": p.events.len() }));
        Ok(json!({ "document": document, "case": case, "findings": findings, "result": result.transpose()?, "published": published }))
    }

    /// Keeps a document.
    ///
    /// # Errors
    /// One that does not do, or that cannot be written; the earlier one stays then.
    pub fn put_day(&self, document: &str) -> Result<(), Problem> {
        case_of(&self.desk, document)?;
        store::files::write_whole(&self.dir.join(NAME), document.as_bytes()).map_err(Problem::internal)
    }

    /// Makes a document: devices on a hot day, three programs, an event where a target is named.
    ///
    /// # Errors
    /// What it names and the feeder does not have.
    pub fn sample_day(&self, options: &SampleOptions) -> Result<(), Problem> {
        let case = sample(&self.desk.network(), options);
        let document = write_flexibility(&case).map_err(Problem::internal)?;
        self.put_day(&document)
    }

    /// Takes the day away, and what was published of it from its clients; events that they have reported on stay with their reports.
    ///
    /// # Errors
    /// There is none; files that cannot be removed.
    pub fn remove_day(&self, vtn: &Vtn) -> Result<(), Problem> {
        self.document()?;
        self.withdraw_day(vtn)?;
        for name in ["day.json", "published.json", NAME] {
            let place = self.dir.join(name);
            match fs::remove_file(&place) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &place, &e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes back the events that nobody has reported on.
    ///
    /// # Errors
    /// Files that cannot be read or written.
    pub fn withdraw_day(&self, vtn: &Vtn) -> Result<(), Problem> {
        let published: Option<PublishedDay> = read_json(&self.dir.join("published.json"))?;
        let ids: Vec<String> = published.map_or_else(Vec::new, |p| p.events.into_iter().map(|e| e.id).collect());
        let reported: BTreeSet<String> = vtn.reports(&ids)?.into_iter().map(|(_, r)| r.event_id).collect();
        let ids: Vec<String> = ids.into_iter().filter(|id| !reported.contains(id)).collect();
        vtn.withdraw(&ids)
    }

    /// What a run needs, so that the desk can be used meanwhile.
    ///
    /// # Errors
    /// There is no day, or it does not fit the desk any more.
    pub fn ready_day(&self) -> Result<Ready, Problem> {
        let document = self.document()?;
        let case = case_of(&self.desk, &document)?;
        Ok(Ready { desk: self.desk.clone(), seq: self.seq(), dir: self.dir.clone(), document: sha256_hex(document.as_bytes()), case })
    }

    /// The last result, for what builds on it.
    fn result(&self) -> Result<KeptResult, Problem> {
        self.document()?;
        read_json(&self.dir.join("day.json"))?
            .ok_or_else(|| Problem::conflict("The day was not run yet").hint("POST /api/desks/NAME/day/run runs it."))
    }

    /// Publishes programs and events of the result, which was solved on the feeder before: they are made for the devices that are told
    /// something. `starts_ms` is the beginning of the day.
    ///
    /// # Errors
    /// No result, or one of an earlier desk or document; events that clients have reported on, unless they are to be replaced.
    pub fn publish_day(&self, vtn: &Vtn, client: &Client, starts_ms: i64, replace: bool) -> Result<Value, Problem> {
        let kept = self.result()?;
        if kept.seq != self.seq() || kept.document != sha256_hex(self.document()?.as_bytes()) {
            return Err(Problem::conflict("The desk or the document has changed since the day was run").hint("Run it again first."));
        }
        let case = case_of(&self.desk, &self.document()?)?;
        let place = self.dir.join("published.json");
        let earlier: Option<PublishedDay> = read_json(&place)?;
        let earlier: Vec<String> = earlier.map_or_else(Vec::new, |p| p.events.into_iter().map(|e| e.id).collect());
        let n_reports = vtn.reports(&earlier)?.len();
        if n_reports > 0 && !replace {
            let problem = Problem::conflict(format!("Clients have sent {n_reports} reports on what was published"));
            return Err(problem.field("replace").hint("Send \"replace\": true to take events and reports away."));
        }
        let (made, published) = objects(vtn, &case, &kept.result.set_points, starts_ms)?;
        // Cut off in between, the record names events that are not there: publishing anew mends it. The other way some would be nobody's.
        vtn.withdraw(&earlier)?;
        write_json(&place, &published)?;
        vtn.publish(client, made)?;
        Ok(json!({ "programs": published.programs, "events": published.events.len(), "starts": published.starts, "at": published.at }))
    }

    /// Measured performance by what clients have reported.
    ///
    /// # Errors
    /// Nothing was published; files that cannot be read.
    pub fn measured_day(&self, vtn: &Vtn) -> Result<Value, Problem> {
        let kept = self.result()?;
        let published: Option<PublishedDay> = read_json(&self.dir.join("published.json"))?;
        let Some(published) = published else {
            return Err(Problem::conflict("Nothing was published of this day").hint("POST /api/desks/NAME/day/publish does it."));
        };
        let case = case_of(&self.desk, &self.document()?)?;
        let ids: Vec<String> = published.events.iter().map(|e| e.id.clone()).collect();
        let reports = vtn.reports(&ids)?;
        let readings = readings(&case, &published, reports.iter().map(|(_, r)| r));
        let measured: Performance = settle_metered(&case, &kept.result, &readings.metered, kept.baseline);
        let events: Vec<Value> = case
            .events
            .iter()
            .zip(&measured.events)
            .map(|(e, p)| {
                let mut value = json!(p);
                value["name"] = json!(e.name);
                value
            })
            .collect();
        Ok(json!({
            "reports": reports.len(),
            "readings": readings.n,
            "left_out": readings.left_out,
            "events": events,
            "participants": measured.participants,
        }))
    }
}

impl Ready {
    /// Runs the day and keeps its result.
    ///
    /// # Errors
    /// A power flow that does not settle; a result that cannot be written.
    pub fn run(&self, options: &FlexibilityOptions) -> Result<(), Problem> {
        let result = run(&self.desk.network(), &self.case, options).map_err(|e| unfit(e.diagnostics(&self.case)))?;
        let kept = KeptResult {
            ran_at: rfc3339_ms(now_ms()),
            least: options.least,
            baseline: options.baseline,
            seq: self.seq,
            document: self.document.clone(),
            result,
        };
        write_json(&self.dir.join("day.json"), &kept)
    }
}

/// A target of OpenADR for a device: its name where clients can carry it, else one made of it.
fn target_of(device: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !device.is_empty() && device.len() <= openadr::NAME_MAX && device.bytes().all(is_plain) {
        return device.to_owned();
    }
    let plain: String = device.chars().take(60).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("{plain}-{}", &sha256_hex(device.as_bytes())[..8])
}

fn set_points_descriptor() -> PayloadDescriptor {
    PayloadDescriptor {
        object_type: Some("EVENT_PAYLOAD_DESCRIPTOR".into()),
        payload_type: "DISPATCH_SETPOINT".into(),
        units: Some("KW".into()),
        currency: None,
        reading_type: None,
        accuracy: None,
        confidence: None,
    }
}

/// Programs and events of a day, for the devices that are told something.
fn objects(vtn: &Vtn, case: &FlexibilityCase, set_points: &[SetPoints], starts_ms: i64) -> Result<(Vec<Published>, PublishedDay), Problem> {
    let mut made = Vec::new();
    let mut programs: BTreeMap<&str, String> = BTreeMap::new();
    for p in &case.programs {
        if !set_points.iter().any(|s| s.program == p.name) {
            continue;
        }
        let known = vtn.program_of(&p.name)?;
        let id = known.clone().unwrap_or_else(|| format!("program-{}", crate::random::hex(8)));
        if known.is_none() {
            let object = Object::Program(openadr::Program {
                program_name: p.name.clone(),
                interval_period: None,
                program_descriptions: Vec::new(),
                payload_descriptors: vec![set_points_descriptor()],
                attributes: Vec::new(),
                targets: Vec::new(),
            });
            made.push(Published { id: id.clone(), object });
        }
        programs.insert(&p.name, id);
    }
    let mut events = Vec::new();
    for s in set_points {
        let Some(program_id) = programs.get(s.program.as_str()) else { continue };
        let id = format!("event-{}", crate::random::hex(8));
        let target = target_of(&s.device);
        let name: String = format!("{} {}", s.event, s.device).chars().take(openadr::NAME_MAX).collect();
        let priority = case.program(&s.program).map(|p| p.priority);
        let start_ms = starts_ms + i64::from(s.from.minute()) * MS_PER_MIN;
        let set_point = |(i, kw): (usize, &f64)| Interval {
            id: i as i32,
            interval_period: None,
            payloads: vec![ValuesMap { kind: "DISPATCH_SETPOINT".into(), values: vec![PayloadValue::Number(*kw)] }],
        };
        let object = Object::Event(openadr::Event {
            program_id: program_id.clone(),
            event_name: Some(name),
            duration: None,
            priority,
            targets: vec![target.clone()],
            report_descriptors: vec![usage(&target)],
            payload_descriptors: vec![set_points_descriptor()],
            interval_period: Some(IntervalPeriod {
                start: rfc3339(start_ms),
                duration: Some(format!("PT{}M", s.step_min)),
                randomize_start: None,
            }),
            intervals: s.kw.iter().enumerate().map(set_point).collect(),
        });
        events.push(PublishedEvent { id: id.clone(), event: s.event.clone(), device: s.device.clone(), target });
        made.push(Published { id, object });
    }
    let at = rfc3339_ms(now_ms());
    Ok((made, PublishedDay { starts: rfc3339(starts_ms), starts_ms, at, programs: programs.len(), events }))
}

/// The report that an event asks for: the energy of each of its intervals.
fn usage(target: &str) -> ReportDescriptor {
    ReportDescriptor {
        payload_type: "USAGE".into(),
        reading_type: Some("DIRECT_READ".into()),
        units: Some("KWH".into()),
        targets: vec![target.to_owned()],
        aggregate: false,
        start_interval: -1,
        num_intervals: -1,
        historical: true,
        frequency: -1,
        repeat: 1,
        report_intervals: Some("INTERVALS".into()),
    }
}

/// What was reported.
struct Readings {
    /// Energy of each step of the day by device, kWh, where all of the step was reported.
    metered: BTreeMap<String, Vec<Option<f64>>>,
    /// Intervals with a reading.
    n: usize,
    /// Readings that were not taken: of another resource, without a time, in units that are not known.
    left_out: usize,
}

/// Kilowatt-hours of a payload over so many milliseconds.
fn energy_kwh(map: &ValuesMap, descriptors: &[PayloadDescriptor], length_ms: i64) -> Option<f64> {
    let value = map.values.first()?.number().filter(|x| x.is_finite())?;
    let units = descriptors.iter().find(|d| d.payload_type == map.kind).and_then(|d| d.units.as_deref());
    let hours = length_ms as f64 / 3.6e6;
    match (map.kind.as_str(), units) {
        ("USAGE", None | Some("KWH")) => Some(value),
        ("USAGE", Some("WH")) => Some(value / 1e3),
        ("DEMAND", None | Some("KW")) => Some(value * hours),
        _ => None,
    }
}

/// Readings of all reports on the steps of the day. Of readings of the same time the one that was sent last counts.
fn readings<'a>(case: &FlexibilityCase, published: &PublishedDay, reports: impl Iterator<Item = &'a openadr::Report>) -> Readings {
    let of_event: BTreeMap<&str, &PublishedEvent> = published.events.iter().map(|e| (e.id.as_str(), e)).collect();
    let mut segments: BTreeMap<&str, BTreeMap<(i64, i64), f64>> = BTreeMap::new();
    let (mut n, mut left_out) = (0, 0);
    for report in reports {
        let Some(event) = of_event.get(report.event_id.as_str()) else { continue };
        for resource in &report.resources {
            let is_device = resource.resource_name == event.device || resource.resource_name == event.target;
            let timed = openadr::timed(resource.interval_period.as_ref(), &resource.intervals);
            left_out += resource.intervals.len() - timed.len();
            for (start, length, interval) in timed {
                let kwh = interval.payloads.iter().find_map(|p| energy_kwh(p, &report.payload_descriptors, length));
                match kwh.filter(|_| is_device) {
                    Some(kwh) => {
                        n += 1;
                        segments.entry(&event.device).or_default().insert((start, length), kwh);
                    }
                    None => left_out += 1,
                }
            }
        }
    }
    let (steps, step_ms) = (case.day.n_steps(), i64::from(case.day.step_min) * MS_PER_MIN);
    let metered = segments.into_iter().map(|(device, segments)| {
        let values = (0..steps).map(|s| over_step(&segments, published.starts_ms + s as i64 * step_ms, step_ms)).collect();
        (device.to_owned(), values)
    });
    Readings { metered: metered.collect(), n, left_out }
}

/// Energy of a step from readings that cover it, each spread evenly over its time; none where they leave a gap or lie upon one another.
fn over_step(segments: &BTreeMap<(i64, i64), f64>, start: i64, length: i64) -> Option<f64> {
    let end = start + length;
    let (mut kwh, mut covered) = (0.0, 0);
    for (&(from, long), energy) in segments.range(..(end, 0)) {
        let shared = end.min(from.saturating_add(long)) - start.max(from);
        if shared > 0 {
            covered += shared;
            kwh += energy * shared as f64 / long as f64;
        }
    }
    (covered == length).then_some(kwh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_targets_that_clients_can_carry() {
        assert_eq!(target_of("ev_001"), "ev_001");
        let targets: std::collections::BTreeSet<String> = ["a b", "a_b", "a.b", "ä b", ""].map(target_of).into();
        assert_eq!(targets.len(), 5);
        assert!(target_of(&"x".repeat(500)).len() <= openadr::NAME_MAX);
    }

    #[test]
    fn readings_count_where_they_cover_a_step() {
        let minute = MS_PER_MIN;
        let mut segments = BTreeMap::from([((0, 15 * minute), 1.5), ((15 * minute, 5 * minute), 0.25), ((20 * minute, 10 * minute), 0.5)]);
        let step = |segments: &BTreeMap<_, _>, s: i64| over_step(segments, s * 15 * minute, 15 * minute);
        assert_eq!((step(&segments, 0), step(&segments, 1), step(&segments, 2)), (Some(1.5), Some(0.75), None));
        // An hourly reading is spread over its quarters; what lies upon another reading counts for none.
        segments.insert((30 * minute, 60 * minute), 4.0);
        assert_eq!((step(&segments, 2), step(&segments, 5), step(&segments, 6)), (Some(1.0), Some(1.0), None));
        segments.insert((30 * minute, 5 * minute), 1.0);
        assert_eq!(step(&segments, 2), None);
    }

    #[test]
    fn a_demand_is_a_mean_power_and_unknown_units_are_not_guessed() {
        let map = |kind: &str| ValuesMap { kind: kind.into(), values: vec![PayloadValue::Integer(3)] };
        let units = |kind: &str, units: &str| {
            vec![PayloadDescriptor { payload_type: kind.into(), units: Some(units.into()), ..set_points_descriptor() }]
        };
        let quarter = 15 * MS_PER_MIN;
        assert_eq!(energy_kwh(&map("USAGE"), &[], quarter), Some(3.0));
        assert_eq!(energy_kwh(&map("DEMAND"), &[], quarter), Some(0.75));
        assert_eq!(energy_kwh(&map("USAGE"), &units("USAGE", "WH"), quarter), Some(0.003));
        assert_eq!(energy_kwh(&map("USAGE"), &units("USAGE", "JOULES"), quarter), None);
        assert_eq!(energy_kwh(&map("PRICE"), &[], quarter), None);
    }
}
