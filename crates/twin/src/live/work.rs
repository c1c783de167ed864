//! The twin's threads: taking values in, estimating, keeping the history.
//!
//! Three threads, since each of them may wait: for a batch of values (with the disk, for alarms), for the next second (with the processor, for the
//! estimate), for the history's housekeeping. None of them waits for a listener.

use super::estimate::{Follower, Held, Reading};
use super::moment::{assets_of, buses, elements, metrics, summary, switches};
use super::points::{Mapped, Role};
use super::record::{self, HistoryJournal};
use super::trend::figures;
use super::twin::{Changes, Twin, lock};
use super::view::{DeviceMoment, EstimateMoment, Metrics, Moment, Origin, PointMoment};
use super::writing::Writing;
use super::{health, twin};
use crate::alarms;
use crate::history::{Entry, Event, Sample};
use network::Severity;
use scada::UtcTime;
use scada::document::Protocol;
use scada::point::{Flags, Quality, Validity, Value};
use scada::supervision::{Batch, EventKind};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Between two looks of the history at what is over.
const KEEP: Duration = Duration::from_secs(5);
/// A remark is written down once in this time, s, and so many different ones at most.
const REMARK_S: i64 = 3600;
const REMARKS: usize = 500;
/// Moments in a row in which a sensor has to contradict before people are told.
const PERSISTENT: u32 = 3;
/// Time after the start in which every device should have told its positions, s.
const HEARD_S: f64 = 60.0;
/// After this, s, what stands is recorded once more: half of the time for which the history lets a value stand.
const RECORD_AGAIN_S: f64 = 30.0;

/// When the condition of equipment is looked at first, and how often.
const FIRST_LOOK: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_secs(3_600);

type Run = Box<dyn FnOnce() + Send>;

/// The threads of a twin, by name.
pub fn threads(twin: &Arc<Twin>, batches: mpsc::Receiver<Batch>) -> Vec<(&'static str, Run)> {
    let (a, b, c, d) = (Arc::downgrade(twin), Arc::downgrade(twin), Arc::downgrade(twin), Arc::downgrade(twin));
    vec![
        ("twin-values", Box::new(move || take_in(&a, batches))),
        ("twin-estimate", Box::new(move || follow(&b))),
        ("twin-history", Box::new(move || keep(&c))),
        ("twin-condition", Box::new(move || watch(&d))),
    ]
}

/// Looks every hour at the condition of equipment and its outlook, so that both are there when somebody asks; an asset that becomes an alarm of the
/// watch is told once for each of its runs of odd days.
fn watch(twin: &Weak<Twin>) {
    let mut told: HashSet<(String, i64)> = HashSet::new();
    let Some(stop) = twin.upgrade().map(|t| t.stop.clone()) else { return };
    let mut begun = Instant::now();
    let mut wait = FIRST_LOOK;
    while !stop.is_cancelled() {
        if begun.elapsed() < wait {
            std::thread::sleep(Duration::from_millis(200));
            continue;
        }
        (begun, wait) = (Instant::now(), LOOK);
        let Some(twin) = twin.upgrade() else { return };
        let looked = twin.condition().and_then(|c| twin.outlook().map(|_| c));
        let events: Vec<Event> = match looked {
            Ok(condition) => condition
                .odd
                .iter()
                .filter(|o| o.alarm && told.insert((o.asset.clone(), o.since_ms)))
                .map(|o| {
                    let message = format!(
                        "{} is not as it was: {} is {:.1} spreads of its sound days off, for {} days",
                        o.asset,
                        o.figure,
                        o.spreads.abs(),
                        o.odd_days
                    );
                    let fields = [("figure", json!(o.figure)), ("spreads", json!(o.spreads)), ("since_ms", json!(o.since_ms))];
                    record::event("condition.odd", Severity::Warning, Some(&o.asset), message, &fields)
                })
                .collect(),
            Err(fault) => {
                vec![record::event("condition.failed", Severity::Note, None, format!("the condition is not known: {fault}"), &[])]
            }
        };
        if !events.is_empty() {
            twin.note(&events);
        }
    }
}

pub fn empty_moment(time_ms: i64) -> Moment {
    Moment {
        sequence: 0,
        time_ms,
        replayed: false,
        estimate: EstimateMoment { state: "none", why: Some("nothing has been heard yet".to_owned()), ..EstimateMoment::default() },
        metrics: Metrics::default(),
        trends: Vec::new(),
        buses: Vec::new(),
        elements: Vec::new(),
        switches: Vec::new(),
        assets: Vec::new(),
        devices: Vec::new(),
    }
}

fn validity_word(validity: Validity) -> &'static str {
    match validity {
        Validity::Good => "good",
        Validity::Questionable => "questionable",
        Validity::Invalid => "invalid",
    }
}

pub fn point_moment(p: &Mapped, held: &Held, device: &str) -> PointMoment {
    let at = p.spec.element.as_ref();
    PointMoment {
        point: p.spec.name.clone(),
        device: device.into(),
        unit: p.spec.unit.clone(),
        asset: p.asset.clone(),
        element: at.map(|e| e.element.clone()),
        quantity: at.map(|e| e.quantity.clone()),
        terminal: at.and_then(|e| e.terminal),
        phase: at.and_then(|e| e.phase),
        number: held.value.as_ref().and_then(Value::as_f64),
        value: held.value.clone(),
        quality: held.quality,
        validity: validity_word(held.quality.validity),
        details: held.quality.flags.names().collect(),
        time_ms: held.time.ms(),
        received_ms: held.received.ms(),
        controllable: p.spec.control.is_some(),
        low: p.spec.checks.low,
        high: p.spec.checks.high,
    }
}

/// Takes in what devices tell, until they are stopped.
fn take_in(twin: &Weak<Twin>, mut batches: mpsc::Receiver<Batch>) {
    while let Some(batch) = batches.blocking_recv() {
        let Some(twin) = twin.upgrade() else { return };
        if let Err(fault) = sheltered(|| take(&twin, &batch)) {
            twin.panicked(&format!("values of {} were taken in", batch.device), &fault);
        }
    }
}

/// Runs a step of a thread that has to go on: without it a panic would end the thread, and everything would stand still as if good.
fn sheltered(step: impl FnOnce()) -> Result<(), String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(step)).map_err(|panic| {
        let said = panic.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
        said.unwrap_or_else(|| "no reason was given".to_owned())
    })
}

/// Takes in one batch: values, history, alarms, listeners.
fn take(twin: &Twin, batch: &Batch) {
    let Some(device) = twin.site.devices.iter().position(|d| *d.id == *batch.device) else { return };
    let mut samples = Vec::with_capacity(batch.updates.len());
    let mut updates = Vec::with_capacity(batch.updates.len());
    let mut changes = Vec::with_capacity(batch.updates.len());
    let mut events = Vec::new();
    let now = UtcTime::now();
    {
        let mut core = lock(&twin.core);
        for u in &batch.updates {
            let i = twin.map.index(device, u.point);
            let held = Held { value: u.value.clone(), quality: u.quality, time: u.time, received: u.receive_time };
            samples.push(Sample { point: twin.ids[i], entry: Entry { time: u.time, value: u.value.clone(), quality: u.quality } });
            updates.push((twin.map.table_index(i), alarms::Sample { value: u.value.clone(), quality: u.quality, time: u.time }));
            let number = u.value.as_ref().and_then(Value::as_f64);
            changes.push((twin.map.points[i].spec.name.clone(), number, validity_word(u.quality.validity), u.time.ms()));
            core.values[i] = held;
            core.recorded[i] = now;
        }
        for e in &batch.events {
            core.remarks[device] = Some(e.kind.to_string());
            if !is_repetition(&mut core, device, e) {
                events.push(e);
            }
        }
    }
    // Nobody listening is no fault.
    let _ = twin.changes.send(Arc::new(Changes { device: batch.device.clone(), points: changes }));
    twin.append(samples, now);
    let events = events.into_iter().map(|e| {
        let severity = match e.kind {
            EventKind::Lost { .. } | EventKind::Unreachable { .. } | EventKind::EventsMissed { .. } => Severity::Warning,
            _ => Severity::Note,
        };
        let message = format!("{}: {}", batch.device, e.kind);
        crate::history::Event { time: e.time, ..record::event("comms", severity, Some(&batch.device), message, &[]) }
    });
    twin.note(&events.collect::<Vec<_>>());
    let mut alarms = lock(&twin.alarms);
    let mut journal = HistoryJournal::new(twin.diary(), Writing::After);
    let result = alarms.engine.update(now, &updates, &mut journal);
    drop(alarms);
    if let Err(fault) = result {
        twin.fault(&fault.to_string());
    }
}

/// Whether a device remarked the same within the hour.
fn is_repetition(core: &mut twin::Core, device: usize, event: &scada::supervision::Event) -> bool {
    let EventKind::Remark { what } = &event.kind else { return false };
    let now_s = event.time.ms() / 1000;
    core.remarked.retain(|_, at| now_s - *at < REMARK_S);
    // More than can be told apart: nothing new is written down until the hour is over.
    if core.remarked.len() >= REMARKS || core.remarked.contains_key(&(device, what.clone())) {
        return true;
    }
    core.remarked.insert((device, what.clone()), now_s);
    false
}

/// Estimates every so often, until stopped.
fn follow(weak: &Weak<Twin>) {
    let mut next = Instant::now();
    let mut reported = Reported::default();
    loop {
        let Some(twin) = weak.upgrade() else { return };
        let interval = Duration::from_secs_f64(twin.site.settings.interval_s.max(0.05));
        let now = Instant::now();
        if now < next {
            let stop = twin.stop.clone();
            drop(twin);
            std::thread::sleep((next - now).min(Duration::from_millis(50)));
            if stop.is_cancelled() {
                return;
            }
            continue;
        }
        if twin.stop.is_cancelled() {
            return;
        }
        if let Err(fault) = sheltered(|| second(&twin, &mut reported)) {
            // What was shown last is not the state of now.
            let mut nothing = empty_moment(UtcTime::now().ms());
            nothing.estimate.why = Some(format!("a fault of this program: {fault}"));
            {
                let mut core = lock(&twin.core);
                core.sequence += 1;
                nothing.sequence = core.sequence;
            }
            twin.moment.send_replace(Arc::new(nothing));
            if reported.state != Some("panicked") {
                reported.state = Some("panicked");
                twin.panicked("the state was estimated", &fault);
            }
        }
        next += interval;
        // What took too long is not made up for.
        if next < Instant::now() {
            next = Instant::now() + interval / 10;
        }
    }
}

/// What others were told of the estimate.
#[derive(Default)]
struct Reported {
    state: Option<&'static str>,
    /// Figures that had a value the last time.
    known: HashSet<usize>,
    /// How often in a row a sensor contradicted, and whether that was told.
    suspects: HashMap<String, (u32, bool)>,
}

/// One moment.
fn second(twin: &Twin, reported: &mut Reported) {
    let time = UtcTime::now();
    // The estimate takes a while: values go on coming in meanwhile.
    let values = lock(&twin.core).values.clone();
    let mut follower = lock(&twin.follower);
    let heard = values.iter().any(|v| v.value.is_some());
    let reading = follower.estimate(&values);
    let mut shown = moment(twin, &follower, &reading, &values, time.ms(), false, Some(time));
    {
        let mut core = lock(&twin.core);
        core.state = follower.state().clone();
        core.reading = heard.then(|| Arc::new(reading));
        core.reading_ms = time.ms();
        core.sequence += 1;
        core.course.add(time.ms(), &shown.metrics);
        shown.trends = core.course.trends(time.ms());
        shown.sequence = core.sequence;
        if !heard {
            shown.estimate.why = Some("nothing has been heard yet".to_owned());
        }
    }
    twin.watch_history(time);
    let is_whole = unheard(twin, &values) == 0 || time.seconds_since(twin.started()) > HEARD_S;
    own_values(twin, &shown, time, is_whole, &mut reported.known);
    record_again(twin, time);
    if heard {
        tell(twin, &shown, reported);
    }
    twin.moment.send_replace(Arc::new(shown));
}

/// Switches and taps that have not been heard of: they stand as the model has them.
fn unheard(twin: &Twin, values: &[Held]) -> usize {
    let places = twin.map.points.iter().zip(values).filter(|(p, _)| matches!(p.role, Role::Switch(_) | Role::Tap(..) | Role::TapRatio(..)));
    places.filter(|(_, held)| held.value.is_none()).count()
}

/// Records the twin's own figures, and lets the alarms look at them and at the time.
///
/// A figure that is not known any more is told once as invalid, so that nobody goes on with the value that it had. Figures of a network of which
/// not everything has been heard are questionable: they raise no alarm and end none.
fn own_values(twin: &Twin, shown: &Moment, time: UtcTime, is_whole: bool, known: &mut HashSet<usize>) {
    let mut all: HashMap<usize, f64> = HashMap::new();
    let dead = shown.buses.iter().filter(|b| b.origin == Origin::Dead);
    let dead: HashSet<usize> = dead.filter_map(|b| twin.own.get(&format!("twin.bus.{}.v_pu", b.bus)).copied()).collect();
    let mut put = |name: String, value: Option<f64>| {
        if let (Some(&i), Some(value)) = (twin.own.get(&name), value.filter(|v| v.is_finite())) {
            all.insert(i, value);
        }
    };
    for (name, value) in figures(&shown.metrics) {
        put(format!("twin.{name}"), value);
    }
    for b in &shown.buses {
        put(format!("twin.bus.{}.v_pu", b.bus), b.v_pu);
    }
    for a in &shown.assets {
        put(format!("twin.asset.{}.health", a.asset), a.health);
        put(format!("twin.asset.{}.loading_pct", a.asset), a.loading_pct);
        put(format!("twin.asset.{}.temperature_c", a.asset), a.temperature_c);
    }
    let quality = if is_whole { Quality::GOOD } else { Quality::questionable(Flags::NONE) };
    let unknown = known.iter().filter(|i| !all.contains_key(i)).map(|&i| (i, None, Quality::invalid(Flags::NONE)));
    let mut told: Vec<(usize, Option<Value>, Quality)> = unknown.collect();
    *known = all.keys().copied().collect();
    told.extend(all.into_iter().map(|(i, v)| (i, Some(Value::Float(v)), quality)));
    told.sort_by_key(|t| t.0);
    let samples = told
        .iter()
        .map(|(i, value, quality)| Sample { point: twin.ids[*i], entry: Entry { time, value: value.clone(), quality: *quality } });
    twin.append(samples.collect(), time);
    // A busbar that is switched off has a voltage of zero, and none that is too low.
    let told = told.into_iter().map(|t| if dead.contains(&t.0) { (t.0, None, Quality::invalid(Flags::NONE)) } else { t });
    let updates: Vec<_> = told.map(|(i, value, quality)| (twin.map.table_index(i), alarms::Sample { value, quality, time })).collect();
    let mut journal = HistoryJournal::new(twin.diary(), Writing::After);
    let mut alarms = lock(&twin.alarms);
    let result = alarms.engine.update(time, &updates, &mut journal).and_then(|_| alarms.engine.tick(time, &mut journal));
    drop(alarms);
    if let Err(fault) = result {
        twin.fault(&fault.to_string());
    }
}

/// Records what stands once more before the history takes its silence for a gap: a position is told when it changes, and stands for years.
fn record_again(twin: &Twin, time: UtcTime) {
    let mut samples = Vec::new();
    let mut core = lock(&twin.core);
    for i in 0..core.values.len() {
        if time.seconds_since(core.recorded[i]) < RECORD_AGAIN_S || core.values[i].value.is_none() {
            continue;
        }
        let held = &core.values[i];
        samples.push(Sample { point: twin.ids[i], entry: Entry { time, value: held.value.clone(), quality: held.quality } });
        core.recorded[i] = time;
    }
    drop(core);
    twin.append(samples, time);
}

/// Tells what changed about the estimate: that there is none any more, that a sensor contradicts the others.
fn tell(twin: &Twin, shown: &Moment, reported: &mut Reported) {
    let state = shown.estimate.state;
    if reported.state != Some(state) {
        let (severity, message) = match (&shown.estimate.why, state) {
            (_, "settled") => (Severity::Note, "The state is estimated".to_owned()),
            (why, _) => (Severity::Warning, format!("The state is not known: {}", why.as_deref().unwrap_or("no reason was given"))),
        };
        if reported.state.is_some() || state != "settled" {
            twin.note(&[record::event("estimate", severity, None, message, &[])]);
        }
        reported.state = Some(state);
    }
    // Without an estimate nobody contradicts anybody, and nobody agrees.
    if state != "settled" {
        return;
    }
    let now: Vec<&str> = shown.estimate.suspects.iter().map(|s| s.point.as_str()).collect();
    for s in &shown.estimate.suspects {
        let (count, told) = reported.suspects.entry(s.point.clone()).or_insert((0, false));
        *count += 1;
        if *count >= PERSISTENT && !*told {
            *told = true;
            let rest = s
                .estimated
                .map_or_else(|| "the others do not say what it should be".to_owned(), |e| format!("the others say {e:.4} {}", s.unit));
            let message = format!("{} reads {:.4} {}, {rest}", s.point, s.measured, s.unit);
            let fields = [("normalised_residual", s.normalised_residual.into()), ("alike", s.alike.clone().into())];
            twin.note(&[record::event("estimate", Severity::Warning, Some(&s.point), message, &fields)]);
        }
    }
    let gone: Vec<String> = reported.suspects.keys().filter(|k| !now.contains(&k.as_str())).cloned().collect();
    for point in gone {
        if reported.suspects.remove(&point).is_some_and(|(_, told)| told) {
            let message = format!("{point} agrees with the others again");
            twin.note(&[record::event("estimate", Severity::Note, Some(&point), message, &[])]);
        }
    }
}

/// Everything of an instant. `now` is given for the present, whose devices are connected or not.
pub fn moment(
    twin: &Twin,
    follower: &Follower,
    reading: &Reading,
    values: &[Held],
    time_ms: i64,
    replayed: bool,
    now: Option<UtcTime>,
) -> Moment {
    let (network, station) = (&twin.site.network, &twin.site.station);
    let assets = assets_of(station);
    let estimated = reading.outcome.as_ref().ok();
    let buses = estimated.map_or_else(Vec::new, |e| buses(&twin.circuit, &reading.grid, e));
    let elements = estimated.map_or_else(Vec::new, |e| elements(&twin.circuit, &reading.grid, e, &assets));
    let estimate = summary(&twin.map, reading);
    let pair = estimated.map(|e| (&*reading.grid, &**e));
    let switches = switches(network, station, &twin.map, values, follower.state(), pair, &elements);
    let mut metrics = metrics(&twin.circuit, station, &twin.map, values, reading, &buses, &elements);
    let seen = health::Seen {
        network,
        station,
        map: &twin.map,
        watched: &twin.watched,
        values,
        buses: &buses,
        elements: &elements,
        switches: &switches,
        estimate: &estimate,
    };
    let assets = match now {
        Some(_) => health::assets(&seen, Some(&lock(&twin.alarms).engine)),
        None => health::assets(&seen, None),
    };
    metrics.system_health = health::station_health(&assets);
    let devices = devices(twin, values, now.is_some());
    Moment { sequence: 0, time_ms, replayed, estimate, metrics, trends: Vec::new(), buses, elements, switches, assets, devices }
}

fn devices(twin: &Twin, values: &[Held], is_now: bool) -> Vec<DeviceMoment> {
    let remarks = if is_now { lock(&twin.core).remarks.clone() } else { vec![None; twin.site.devices.len()] };
    let mut all = Vec::new();
    for (d, spec) in twin.site.devices.iter().enumerate() {
        let handle = twin.handles.get(spec.id.as_str()).filter(|_| is_now);
        let mine = &values[twin.map.first[d]..twin.map.first[d] + spec.points.len()];
        let count = |v: Validity| mine.iter().filter(|h| h.quality.validity == v).count();
        all.push(DeviceMoment {
            device: spec.id.as_str().into(),
            protocol: match spec.protocol.protocol() {
                Protocol::Modbus => "modbus",
                Protocol::Iec104 => "iec104",
                Protocol::Iec61850 => "iec61850",
            },
            address: spec.addresses.join(", "),
            connected: is_now.then(|| handle.is_some_and(|h| h.outbox.is_connected())),
            recovered: is_now.then(|| handle.is_some_and(|h| h.outbox.is_recovered())),
            points: mine.len(),
            good: count(Validity::Good),
            questionable: count(Validity::Questionable),
            invalid: count(Validity::Invalid),
            last_ms: mine.iter().filter(|h| h.value.is_some()).map(|h| h.received.ms()).max(),
            remark: remarks[d].clone(),
        });
    }
    all
}

/// Lets the history sum up and remove what is over.
fn keep(twin: &Weak<Twin>) {
    let mut last = Instant::now();
    loop {
        std::thread::sleep(Duration::from_millis(100));
        let Some(twin) = twin.upgrade() else { return };
        if twin.stop.is_cancelled() {
            return;
        }
        if last.elapsed() >= KEEP {
            match sheltered(|| {
                if let Err(fault) = twin.history.maintain(UtcTime::now()) {
                    twin.fault(&fault.to_string());
                }
            }) {
                Ok(()) => {}
                Err(fault) => twin.panicked("the history was kept", &fault),
            }
            last = Instant::now();
        }
    }
}

impl Twin {
    /// Whether a point tells a position.
    pub fn is_position(&self, point: usize) -> bool {
        matches!(self.map.points[point].role, Role::Switch(_))
    }
}
