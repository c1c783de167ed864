//! A device of IEC 61850, as the supervision sees it.
//!
//! ```text
//! associate ─► types of the points' nodes ─► which report blocks bring which points ─► enable them, interrogate ─► the rest is polled
//! ```
//!
//! Report blocks are looked for in the zero nodes of the points' logical devices, where nearly all devices have them; only when some points
//! are left then, all names of the device are listed and the other blocks are tried too.
//!
//! Values come by reports where a free report control block has them in its data set, buffered ones first, and by polling otherwise. A point
//! is its value with the quality and time of the same data object; when a report carries only some of the three, the others are those that
//! came last. A gap in the numbers of a block's reports, an overflow of its buffer or of ours leads to a general interrogation.

use super::client::{Client, ClientOptions, Command as Operation, Confirmed, Error, Report, Subscribed, Subscription};
use super::known::{Known, names};
use super::layout::{like, part, part_type, quality_of, time_of, value_for, value_of, way};
use super::scl::ControlModel;
use crate::device::{Command, CommandError, Confirmation, Device, DeviceError, Link, SessionFuture};
use crate::document::Iec61850Address;
use crate::point::{Cause, Flags, PointSpec, Quality, Reading, Validity};
use iec61850_model::{FC, MmsValue};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Variables of one request.
const READ_AT_ONCE: usize = 40;
/// Seconds between two readings of a point that is polled and does not say.
const POLL_S: f64 = 1.0;
/// Seconds of silence after which the device is asked whether it is there.
const SILENCE_S: f64 = 10.0;
/// Longest wait for reports before commands and polls are looked after.
const PUMP: Duration = Duration::from_millis(20);

/// A device, its points and where they are.
#[derive(Debug)]
pub struct Iec61850Device {
    id: String,
    points: Vec<PointSpec>,
    addresses: Vec<Iec61850Address>,
    timeout_s: f64,
    /// The last entry read of each buffered block: what a connection that comes back begins after.
    entries: Mutex<HashMap<String, Vec<u8>>>,
}

impl Iec61850Device {
    /// `points` and `addresses` belong together by position; `timeout_s` is for a connection and for a request.
    pub fn new(id: impl Into<String>, points: Vec<PointSpec>, addresses: Vec<Iec61850Address>, timeout_s: f64) -> Self {
        Self { id: id.into(), points, addresses, timeout_s, entries: Mutex::default() }
    }
}

impl Device for Iec61850Device {
    fn id(&self) -> &str {
        &self.id
    }

    fn points(&self) -> &[PointSpec] {
        &self.points
    }

    fn session<'a>(&'a self, address: &'a str, link: Link<'a>) -> SessionFuture<'a> {
        Box::pin(async move {
            match run(self, address, link).await {
                Ok(never) => match never {},
                Err(why) => why,
            }
        })
    }
}

impl From<Error> for DeviceError {
    fn from(error: Error) -> Self {
        match error {
            Error::Connect { address, reason } => Self::Connect { address, source: std::io::Error::other(reason) },
            Error::Timeout { limit_s, .. } => Self::Timeout { what: "a request", limit_s },
            Error::Lost { .. } => Self::Closed,
            other => Self::Protocol { protocol: "IEC 61850", what: other.to_string() },
        }
    }
}

/// The parts of a point: reference with functional constraint of the value, its quality and its time.
#[derive(Clone, Debug)]
struct Parts {
    /// `LD/LN.DO` and further, without the last names of the value: what is read as one.
    object: String,
    fc: FC,
    value: String,
    quality: Option<String>,
    time: Option<String>,
}

/// Which part of a point stands in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Value,
    Quality,
    Time,
}

/// Where a part of a point stands in the value that is read or reported.
#[derive(Clone, Debug)]
struct Place {
    point: usize,
    what: What,
    way: Vec<usize>,
}

/// The newest parts of a point.
#[derive(Clone, Debug, Default)]
struct Newest {
    value: Option<MmsValue>,
    quality: Option<MmsValue>,
    time: Option<MmsValue>,
}

struct Block {
    subscribed: Subscribed,
    /// Places of each member.
    members: Vec<Vec<Place>>,
    answered: bool,
    /// A report has come since it was enabled.
    heard: bool,
}

struct Poll {
    object: String,
    fc: FC,
    places: Vec<Place>,
    every: Duration,
    due: Instant,
    read: bool,
}

struct Session<'a> {
    device: &'a Iec61850Device,
    client: Client,
    link: Link<'a>,
    newest: Vec<Newest>,
    blocks: Vec<Block>,
    polls: Vec<Poll>,
    known: Known,
    /// Members of the data sets that were looked at, until the points have been divided among the blocks.
    directories: HashMap<String, Vec<(String, FC)>>,
    models: HashMap<String, (ControlModel, MmsValue)>,
    recovered: bool,
}

async fn run(device: &Iec61850Device, address: &str, link: Link<'_>) -> Result<Infallible, DeviceError> {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) => (host.trim_matches(['[', ']']), port.parse().unwrap_or(102)),
        None => (address, 102),
    };
    let options = ClientOptions { connect_s: device.timeout_s, request_s: device.timeout_s, ..ClientOptions::default() };
    let client = Client::connect(host, port, options).await?;
    link.connected();
    let mut session = Session {
        device,
        client,
        link,
        newest: vec![Newest::default(); device.points.len()],
        blocks: Vec::new(),
        polls: Vec::new(),
        known: Known::default(),
        directories: HashMap::new(),
        models: HashMap::new(),
        recovered: false,
    };
    session.prepare().await?;
    loop {
        session.turn().await?;
    }
}

/// Points by what has their value, quality or time in it.
type Holders = HashMap<(String, FC), Vec<usize>>;

impl Session<'_> {
    /// Finds out how each point comes, and enables the reports.
    async fn prepare(&mut self) -> Result<(), DeviceError> {
        let mut parts: Vec<Option<Parts>> = Vec::new();
        for (i, address) in self.device.addresses.iter().enumerate() {
            if let Ok(fc) = FC::parse(&address.fc) {
                self.known.learn(&mut self.client, &address.reference, fc).await?;
            }
            let found = parts_of(address, &self.known);
            if found.is_none() {
                self.link.remark(format!("the device has no {} [{}]", address.reference, address.fc));
                self.link.read(&[Reading::failed(i, Quality::invalid(Flags::NONE))]);
            }
            parts.push(found);
        }
        let holders = holders(&parts);
        let mut open: HashSet<usize> = (0..parts.len()).filter(|i| parts[*i].is_some()).collect();
        let near = self.near_blocks(&parts).await?;
        self.try_blocks(&near, &parts, &holders, &mut open).await?;
        if !open.is_empty() {
            let tried: HashSet<&String> = near.iter().collect();
            let all = self.client.names().await?.devices.into_iter().flat_map(|d| d.reports);
            let far: Vec<String> = all.filter(|b| !tried.contains(b)).collect();
            self.try_blocks(&far, &parts, &holders, &mut open).await?;
        }
        self.poll_rest(&parts, &open);
        // Where everything stands is in blocks and polls now.
        (self.known, self.directories) = (Known::default(), HashMap::new());
        Ok(())
    }

    /// Report control blocks in the zero nodes of the logical devices that points are in.
    async fn near_blocks(&mut self, parts: &[Option<Parts>]) -> Result<Vec<String>, DeviceError> {
        let domains: BTreeSet<&str> = parts.iter().flatten().filter_map(|p| Some(p.value.split_once('/')?.0)).collect();
        let mut blocks = Vec::new();
        for domain in domains {
            let zero = format!("{domain}/LLN0");
            for fc in [FC::Br, FC::Rp] {
                self.known.learn(&mut self.client, &zero, fc).await?;
                blocks.extend(self.known.below(&zero, fc).into_iter().map(|name| format!("{zero}.{fc}.{name}")));
            }
        }
        Ok(blocks)
    }

    async fn try_blocks(
        &mut self,
        blocks: &[String],
        parts: &[Option<Parts>],
        holders: &Holders,
        open: &mut HashSet<usize>,
    ) -> Result<(), DeviceError> {
        let mut blocks: Vec<&String> = blocks.iter().collect();
        // Buffered blocks lose nothing while a connection is down.
        blocks.sort_by_key(|b| (!b.contains(".BR."), *b));
        for block in blocks {
            if open.is_empty() {
                break;
            }
            self.try_block(block, parts, holders, open).await?;
        }
        Ok(())
    }

    async fn try_block(
        &mut self,
        block: &str,
        parts: &[Option<Parts>],
        holders: &Holders,
        open: &mut HashSet<usize>,
    ) -> Result<(), DeviceError> {
        let data_set = match self.client.data_set_of(block).await {
            Ok(Some(data_set)) => data_set,
            Ok(None) => return Ok(()),
            Err(e) if e.is_lost() => return Err(e.into()),
            Err(_) => return Ok(()),
        };
        if !self.directories.contains_key(&data_set) {
            match self.client.data_set(&data_set).await {
                Ok(members) => self.directories.insert(data_set.clone(), members),
                Err(e) if e.is_lost() => return Err(e.into()),
                Err(_) => return Ok(()),
            };
        }
        let Some(members) = self.directories.get(&data_set).cloned() else { return Ok(()) };
        let mut places = Vec::with_capacity(members.len());
        let mut covered = HashSet::new();
        for (reference, fc) in &members {
            let mut here = Vec::new();
            for point in holders.get(&(reference.clone(), *fc)).into_iter().flatten().copied().filter(|p| open.contains(p)) {
                if let Some(of) = &parts[point] {
                    add_places(&self.known, point, of, reference, &mut here);
                }
            }
            covered.extend(here.iter().filter(|p| p.what == What::Value).map(|p| p.point));
            places.push(here);
        }
        if covered.is_empty() {
            return Ok(());
        }
        let resume_after = self.entries().get(block).cloned();
        let resuming = resume_after.is_some();
        let length = Some(members.len());
        let directory = Some((data_set, members));
        let wanted = Subscription { block: block.to_owned(), members: length, directory, resume_after, ..Subscription::default() };
        match self.client.subscribe(&wanted).await {
            Ok(subscribed) => {
                for remark in &subscribed.remarks {
                    self.link.remark(format!("{block}: {remark}"));
                }
                if resuming && !subscribed.resumed {
                    self.link.missed_events(&format!("{block} does not have what came while the connection was down"));
                }
                open.retain(|p| !covered.contains(p));
                for members in &mut places {
                    members.retain(|p| covered.contains(&p.point));
                }
                self.blocks.push(Block { subscribed, members: places, answered: false, heard: false });
            }
            Err(e) if e.is_lost() => return Err(e.into()),
            // In use by somebody else, or refused: another instance, another block or polling brings the points.
            Err(e) => self.link.remark(format!("{block} is not used: {e}")),
        }
        Ok(())
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.device.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_rest(&mut self, parts: &[Option<Parts>], open: &HashSet<usize>) {
        let mut rest: Vec<usize> = open.iter().copied().collect();
        rest.sort_unstable();
        let mut polls: HashMap<(String, String), Poll> = HashMap::new();
        for point in rest {
            let Some(of) = &parts[point] else { continue };
            let mut found = Vec::new();
            add_places(&self.known, point, of, &of.object, &mut found);
            let every = Duration::from_secs_f64(self.device.points[point].poll_s.unwrap_or(POLL_S).clamp(0.05, 3600.0));
            let poll = polls.entry((of.object.clone(), of.fc.to_string())).or_insert_with(|| Poll {
                object: of.object.clone(),
                fc: of.fc,
                places: Vec::new(),
                every,
                due: Instant::now(),
                read: false,
            });
            poll.every = poll.every.min(every);
            poll.places.extend(found);
        }
        self.polls = polls.into_values().collect();
        self.polls.sort_by(|a, b| a.object.cmp(&b.object));
    }

    /// One round: what the device sends, what is due, what is ordered.
    async fn turn(&mut self) -> Result<(), DeviceError> {
        self.client.pump(PUMP).await?;
        while let Some(report) = self.client.next_report() {
            self.report(report).await?;
        }
        if self.client.take_overrun() > 0 {
            self.link.missed_events("reports came faster than they were read");
            for i in 0..self.blocks.len() {
                let block = self.blocks[i].subscribed.block.clone();
                self.client.interrogate(&block).await?;
            }
        }
        self.poll().await?;
        if !self.recovered && self.blocks.iter().all(|b| b.answered) && self.polls.iter().all(|p| p.read) {
            self.recovered = true;
            self.link.recovered();
        }
        let ordered = tokio::select! {
            biased;
            command = self.link.next_command() => Some(command),
            () = std::future::ready(()) => None,
        };
        if let Some(command) = ordered {
            self.command(command).await?;
        }
        if self.client.silent_s() > SILENCE_S {
            self.client.keep_alive().await?;
        }
        Ok(())
    }

    async fn report(&mut self, report: Report) -> Result<(), DeviceError> {
        let Some(at) = self.blocks.iter().position(|b| b.subscribed.block == report.block) else { return Ok(()) };
        if report.conf_rev.is_some_and(|r| r != self.blocks[at].subscribed.conf_rev) {
            return Err(DeviceError::Protocol {
                protocol: "IEC 61850",
                what: format!("{} has changed its revision while it was enabled", report.block),
            });
        }
        let interrogated = report.values.iter().any(|(_, _, why)| why.is_some_and(|w| w.general_interrogation));
        let periodic = report.values.iter().any(|(_, _, why)| why.is_some_and(|w| w.integrity));
        let cause = match (interrogated, periodic) {
            (true, _) => Cause::Interrogated,
            (_, true) => Cause::Periodic,
            _ => Cause::Spontaneous,
        };
        let mut touched: Vec<usize> = Vec::new();
        for (member, value, _) in &report.values {
            for place in self.blocks[at].members.get(*member).into_iter().flatten() {
                take(&mut self.newest, place, value);
                if !touched.contains(&place.point) {
                    touched.push(place.point);
                }
            }
        }
        let readings: Vec<Reading> =
            touched.into_iter().filter_map(|p| reading(&self.device.points[p], p, &self.newest[p], cause)).collect();
        self.link.read(&readings);
        self.blocks[at].answered |= interrogated && !report.more;
        if let Some(entry) = report.entry_id {
            self.entries().insert(report.block.clone(), entry);
        }
        // The first report after a block is enabled tells an overflow in any case (IEC 61850-7-2, 17.2.3.2.2.8); whether something is missing was
        // said by whether the block had the entry to go on after.
        let is_first = !std::mem::replace(&mut self.blocks[at].heard, true);
        if report.gap || (report.buffer_overflow && !is_first) {
            self.link.missed_events(&format!("{} lost reports{}", report.block, if report.gap { "" } else { " from its buffer" }));
            self.client.interrogate(&report.block).await?;
        }
        Ok(())
    }

    async fn poll(&mut self) -> Result<(), DeviceError> {
        let now = Instant::now();
        let due: Vec<usize> = (0..self.polls.len()).filter(|i| self.polls[*i].due <= now).collect();
        for chunk in due.chunks(READ_AT_ONCE) {
            let targets: Vec<(String, FC)> = chunk.iter().map(|i| (self.polls[*i].object.clone(), self.polls[*i].fc)).collect();
            let asked: Vec<(&str, FC)> = targets.iter().map(|(r, fc)| (r.as_str(), *fc)).collect();
            let values = self.client.read_many(&asked).await?;
            let mut readings = Vec::new();
            for (i, value) in chunk.iter().zip(values) {
                let poll = &mut self.polls[*i];
                // Not to catch up after a pause: the next reading is one period from now at the earliest.
                poll.due = (poll.due + poll.every).max(now);
                let cause = if poll.read { Cause::Periodic } else { Cause::Interrogated };
                poll.read = true;
                let points: HashSet<usize> = poll.places.iter().map(|p| p.point).collect();
                match value {
                    Ok(value) => {
                        for place in &poll.places {
                            take(&mut self.newest, place, &value);
                        }
                        readings.extend(points.into_iter().filter_map(|p| reading(&self.device.points[p], p, &self.newest[p], cause)));
                    }
                    Err(_) => readings.extend(points.into_iter().map(|p| Reading::failed(p, Quality::invalid(Flags::NONE)))),
                }
            }
            self.link.read(&readings);
        }
        Ok(())
    }

    async fn command(&mut self, command: Command) -> Result<(), DeviceError> {
        let outcome = self.operate(&command).await;
        // What is polled shows what came of it with the next round, not a period later.
        for poll in self.polls.iter_mut().filter(|p| p.places.iter().any(|place| place.point == command.point)) {
            poll.due = Instant::now();
        }
        let lost = match &outcome {
            Err(Ended::Lost(e)) => Some(e.clone()),
            _ => None,
        };
        // Nobody may wait for the answer any more.
        let _ = command.reply.send(outcome.map_err(|e| match e {
            Ended::Command(e) => e,
            Ended::Lost(_) => CommandError::NotConnected { device: self.device.id.clone() },
        }));
        match lost {
            Some(e) => Err(e.into()),
            None => Ok(()),
        }
    }

    async fn operate(&mut self, command: &Command) -> Result<Confirmation, Ended> {
        let spec = &self.device.points[command.point];
        let address = &self.device.addresses[command.point];
        let not_controllable = || Ended::Command(CommandError::NotControllable { name: spec.name.to_string() });
        let (node, path) = names(&address.reference).filter(|(_, path)| !path.is_empty()).ok_or_else(not_controllable)?;
        let object = format!("{node}.{}", path.split('.').next().unwrap_or_default());
        if !self.models.contains_key(&object) {
            let model = self.client.control_model(&object).await.map_err(Ended::from)?;
            let oper = self.client.type_of(&format!("{object}.Oper"), FC::Co).await.map_err(Ended::from)?;
            if part_type(&oper, &["operTm"]).is_some() {
                return Err(Ended::Command(CommandError::Refused {
                    reason: format!("{object} takes commands with a time of their own, which is not supported"),
                }));
            }
            let like = part_type(&oper, &["ctlVal"]).and_then(like).ok_or_else(not_controllable)?;
            self.models.insert(object.clone(), (model, like));
        }
        let (model, like) = self.models.get(&object).cloned().ok_or_else(not_controllable)?;
        let value = value_for(&command.raw, &like)
            .ok_or_else(|| Ended::Command(CommandError::WrongKind { name: spec.name.to_string(), value: command.raw.clone() }))?;
        let operation = Operation { object, model, value, test: false, interlock_check: true, synchro_check: true };
        let confirmed = self.client.command(&operation).await.map_err(Ended::from)?;
        let said = match confirmed {
            Confirmed::Accepted => "accepted",
            Confirmed::Terminated => "carried out",
        };
        let mut read_back = None;
        if command.control.read_back {
            let fc = FC::parse(&address.fc).map_err(|_| not_controllable())?;
            let value = self.client.read(&address.reference, fc).await.map_err(Ended::from)?;
            read_back = value_of(&value, spec.kind);
        }
        Ok(Confirmation { said: said.to_owned(), read_back })
    }
}

/// How a command failed, and whether the association went with it.
enum Ended {
    Command(CommandError),
    Lost(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        match error {
            Error::CommandRefused { reason, .. } => Self::Command(CommandError::Refused { reason }),
            Error::Unconfirmed { limit_s, .. } => Self::Command(CommandError::Unconfirmed { limit_s }),
            e if e.is_lost() => Self::Lost(e),
            other => Self::Command(CommandError::Refused { reason: other.to_string() }),
        }
    }
}

/// What has each point's value, quality or time in it: from the node down to the very attribute.
fn holders(parts: &[Option<Parts>]) -> Holders {
    let mut holders = Holders::new();
    for (point, of) in parts.iter().enumerate().filter_map(|(i, p)| Some((i, p.as_ref()?))) {
        for reference in [Some(&of.value), of.quality.as_ref(), of.time.as_ref()].into_iter().flatten() {
            let ends = reference.match_indices('.').map(|(at, _)| at).chain([reference.len()]);
            for end in ends {
                let points = holders.entry((reference[..end].to_owned(), of.fc)).or_default();
                if points.last() != Some(&point) {
                    points.push(point);
                }
            }
        }
    }
    holders
}

/// Where the parts of a point stand in the value at a reference.
fn add_places(known: &Known, point: usize, of: &Parts, reference: &str, into: &mut Vec<Place>) {
    for (what, part) in [(What::Value, Some(&of.value)), (What::Quality, of.quality.as_ref()), (What::Time, of.time.as_ref())] {
        let Some(below) = part.and_then(|p| p.strip_prefix(reference)) else { continue };
        if below.is_empty() {
            into.push(Place { point, what, way: Vec::new() });
        } else if let Some(below) = below.strip_prefix('.') {
            let names: Vec<&str> = below.split('.').collect();
            if let Some(way) = known.type_of(reference, of.fc).and_then(|t| way(t, &names)) {
                into.push(Place { point, what, way });
            }
        }
    }
}

/// The parts of a point as the device has them; none when the value is not there.
fn parts_of(address: &Iec61850Address, known: &Known) -> Option<Parts> {
    let fc = FC::parse(&address.fc).ok()?;
    let (node, path) = names(&address.reference)?;
    known.type_of(&address.reference, fc).filter(|_| !path.is_empty())?;
    let names: Vec<&str> = path.split('.').collect();
    let reference = |names: &[&str]| format!("{node}.{}", names.join("."));
    // The nearest object above the value that has a quality of this constraint.
    let beside = |last: &str| (1..names.len()).rev().find(|n| known.type_of(&format!("{}.{last}", reference(&names[..*n])), fc).is_some());
    let quality = beside("q");
    let time = beside("t");
    let object = quality.or(time).unwrap_or(names.len());
    Some(Parts {
        object: reference(&names[..object]),
        fc,
        value: address.reference.clone(),
        quality: quality.map(|n| format!("{}.q", reference(&names[..n]))),
        time: time.map(|n| format!("{}.t", reference(&names[..n]))),
    })
}

fn take(newest: &mut [Newest], place: &Place, from: &MmsValue) {
    let found = part(from, &place.way).cloned();
    let point = &mut newest[place.point];
    match place.what {
        What::Value => point.value = found,
        What::Quality => point.quality = found,
        What::Time => point.time = found,
    }
}

/// What a point reads; none before its value has come.
fn reading(spec: &PointSpec, point: usize, newest: &Newest, cause: Cause) -> Option<Reading> {
    let raw = newest.value.as_ref()?;
    // A data object without a quality claims none.
    let mut quality = newest.quality.as_ref().map_or(Quality::GOOD, quality_of);
    let Some(value) = value_of(raw, spec.kind) else {
        // Another type than the document says: its number would mean something else.
        return Some(Reading::failed(point, Quality::invalid(Flags::INCONSISTENT)));
    };
    let mut source_time = None;
    if let Some((time, clock)) = newest.time.as_ref().and_then(time_of) {
        if clock.is_trusted() {
            source_time = Some(time);
        } else {
            quality = quality.worsened(Validity::Questionable, Flags::BAD_CLOCK);
        }
    }
    Some(Reading::new(point, value, quality, cause).at(source_time))
}
