//! An IEC 60870-5-104 station, as the controlling side sees it.
//!
//! connect, start, set the clock if wanted, interrogate; then take what comes. One command is under way at a time:
//!
//! ```text
//! (select ─► confirmed ─►) execute ─► confirmed ─► terminated ─► (read ─► requested value)
//! ```
//!
//! A telegram of a type that is not known is remarked and passed over; a point that arrives as another type than the document says is
//! marked invalid, since its number would mean something else.

use super::asdu::{self, Asdu, AsduFault, BROADCAST, CommandValue, Header, Object, cause};
use super::clock::Cp56;
use super::link::{Connection, LinkEvent, LinkFault, Role};
use super::map::{CommandType, Iec104Spec, InformationType, ObjectAddress};
use crate::device::{Command, CommandError, Confirmation, Device, DeviceError, Link, SessionFuture};
use crate::point::{Cause, DoublePoint, Flags, PointSpec, Quality, Reading, Selection, Value};
use crate::time::UtcTime;
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

/// Station interrogation; general request of counters.
const QOI_STATION: u8 = 20;
const QCC_GENERAL: u8 = 5;
/// An interrogation that is not terminated in this time has failed, seconds.
const INTERROGATION_S: f64 = 60.0;

const C_IC: u8 = 100;
const C_CI: u8 = 101;
const C_RD: u8 = 102;
const C_CS: u8 = 103;
const M_EI: u8 = 70;
/// From the type of a command to that of the same with its time.
const WITH_TIME: u8 = 13;

#[derive(Debug)]
pub struct Iec104Device {
    id: String,
    points: Vec<PointSpec>,
    spec: Iec104Spec,
    timeout_s: f64,
    by_address: HashMap<ObjectAddress, usize>,
}

impl Iec104Device {
    /// `points` and `spec.points` belong together by position; `timeout_s` is for a connection (t0).
    pub fn new(id: impl Into<String>, points: Vec<PointSpec>, spec: Iec104Spec, timeout_s: f64) -> Self {
        let by_address = spec.points.iter().enumerate().map(|(i, p)| (p.at, i)).collect();
        Self { id: id.into(), points, spec, timeout_s, by_address }
    }
}

impl Device for Iec104Device {
    fn id(&self) -> &str {
        &self.id
    }

    fn points(&self) -> &[PointSpec] {
        &self.points
    }

    fn session<'a>(&'a self, address: &'a str, link: Link<'a>) -> SessionFuture<'a> {
        Box::pin(async move {
            match self.run(address, link).await {
                Ok(never) => match never {},
                Err(why) => why,
            }
        })
    }
}

impl From<LinkFault> for DeviceError {
    fn from(fault: LinkFault) -> Self {
        match fault {
            LinkFault::Io(source) => Self::Io { source },
            LinkFault::Closed => Self::Closed,
            LinkFault::T1 { what, t1_s } => Self::Timeout { what, limit_s: t1_s },
            other => Self::Protocol { protocol: "IEC 60870-5-104", what: other.to_string() },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waits for the confirmation of the selection.
    Selecting,
    /// Waits for the confirmation of the execution.
    Executing,
    /// Waits for the termination.
    Terminating,
    /// Waits for the value that was asked for.
    ReadingBack,
}

struct UnderWay {
    command: Command,
    at: ObjectAddress,
    type_id: u8,
    value: CommandValue,
    phase: Phase,
    deadline: Instant,
}

/// What a session keeps.
struct Session<'a> {
    device: &'a Iec104Device,
    connection: Connection<TcpStream>,
    link: Link<'a>,
    command: Option<UnderWay>,
    /// Stations whose interrogation is not terminated, and until when it has to be.
    interrogated: HashSet<u16>,
    interrogation_ends: Instant,
    next_interrogation: Option<Instant>,
    next_counters: Option<Instant>,
    /// Points that came since the connection was made.
    seen: Vec<bool>,
    is_recovered: bool,
    /// Stations that were told to have objects that no point is for: once a connection is enough.
    with_unknown: HashSet<u16>,
}

impl Iec104Device {
    async fn run(&self, address: &str, link: Link<'_>) -> Result<Infallible, DeviceError> {
        let stream = match timeout(Duration::from_secs_f64(self.timeout_s), TcpStream::connect(address)).await {
            Err(_) => return Err(DeviceError::Timeout { what: "connecting", limit_s: self.timeout_s }),
            Ok(Err(source)) => return Err(DeviceError::Connect { address: address.to_owned(), source }),
            Ok(Ok(stream)) => stream,
        };
        stream.set_nodelay(true).map_err(|source| DeviceError::Io { source })?;
        let mut connection = Connection::new(stream, Role::Controlling, self.spec.parameters);
        connection.start();
        let far = Instant::now() + Duration::from_secs(86_400);
        let mut session = Session {
            device: self,
            connection,
            link,
            command: None,
            interrogated: HashSet::new(),
            interrogation_ends: far,
            next_interrogation: None,
            next_counters: None,
            seen: vec![false; self.points.len()],
            is_recovered: false,
            with_unknown: HashSet::new(),
        };
        let outcome = session.serve().await;
        if let Some(under_way) = session.command.take() {
            let limit_s = under_way.command.control.timeout_s;
            let _ = under_way.command.reply.send(Err(CommandError::Unconfirmed { limit_s }));
        }
        outcome
    }
}

impl Session<'_> {
    async fn serve(&mut self) -> Result<Infallible, DeviceError> {
        let far = Duration::from_secs(86_400);
        loop {
            let now = Instant::now();
            let command_ends = self.command.as_ref().map_or(now + far, |c| c.deadline);
            let interrogation_ends = if self.interrogated.is_empty() { now + far } else { self.interrogation_ends };
            let next_interrogation = self.next_interrogation.unwrap_or(now + far);
            let next_counters = self.next_counters.unwrap_or(now + far);
            let takes_commands = self.command.is_none() && self.connection.is_started();
            tokio::select! {
                event = self.connection.next() => match event? {
                    LinkEvent::Started => self.begin(),
                    LinkEvent::Stopped => return Err(protocol("it stopped the transfer of data".to_owned())),
                    LinkEvent::Asdu(octets) => self.telegram(&octets),
                    LinkEvent::Acknowledged => {}
                },
                command = self.link.next_command(), if takes_commands => self.begin_command(command),
                () = sleep_until(command_ends) => self.command_is_late(),
                () = sleep_until(interrogation_ends) => {
                    return Err(DeviceError::Timeout { what: "an interrogation", limit_s: INTERROGATION_S });
                }
                () = sleep_until(next_interrogation) => self.interrogate(),
                () = sleep_until(next_counters) => self.ask_counters(),
            }
        }
    }

    fn send(&mut self, type_id: u8, cause: u8, station: u16, address: u32, object: Object) {
        let header = Header::new(type_id, cause, self.device.spec.originator, station);
        if let Some(octets) = asdu::encode(&Asdu { header, objects: vec![(address, object)] }) {
            self.connection.send(octets, 0);
        }
    }

    fn begin(&mut self) {
        self.link.connected();
        if self.device.spec.set_clock {
            for station in self.device.spec.stations() {
                self.send(C_CS, cause::ACTIVATION, station, 0, Object::Clock { time: Cp56::from_utc(UtcTime::now()) });
            }
        }
        self.interrogate();
        self.ask_counters();
    }

    fn interrogate(&mut self) {
        let now = Instant::now();
        self.next_interrogation = self.device.spec.interrogate_s.map(|s| now + Duration::from_secs_f64(s));
        // One that is still under way is not asked for twice.
        if !self.interrogated.is_empty() {
            return;
        }
        self.interrogation_ends = now + Duration::from_secs_f64(INTERROGATION_S);
        for station in self.device.spec.stations() {
            self.interrogated.insert(station);
            self.send(C_IC, cause::ACTIVATION, station, 0, Object::Interrogate { qualifier: QOI_STATION });
        }
    }

    fn ask_counters(&mut self) {
        self.next_counters = self.device.spec.counters_s.map(|s| Instant::now() + Duration::from_secs_f64(s));
        if self.next_counters.is_some() {
            for station in self.device.spec.stations() {
                self.send(C_CI, cause::ACTIVATION, station, 0, Object::Counters { qualifier: QCC_GENERAL });
            }
        }
    }

    fn telegram(&mut self, octets: &[u8]) {
        let telegram = match asdu::decode(octets) {
            Ok(telegram) => telegram,
            Err(fault @ AsduFault::UnknownType(_)) => return self.link.remark(format!("passed over: {fault}")),
            // Values may have been in it: that they are missing must be seen.
            Err(fault) => return self.link.missed_events(&fault.to_string()),
        };
        let header = telegram.header;
        match header.type_id {
            1..=37 => self.values(&telegram),
            45..=51 | 58..=64 => self.command_answer(&telegram),
            M_EI => {
                // The station has restarted: what was read before it did is worth nothing.
                self.interrogated.clear();
                self.interrogate();
            }
            C_IC => self.interrogation_answer(header),
            C_CI | C_CS if header.is_negative => {
                self.link.remark(format!("type {} was refused (cause {})", header.type_id, header.cause));
            }
            C_RD if matches!(header.cause, cause::UNKNOWN_TYPE..=cause::UNKNOWN_OBJECT) => self.read_back_refused(header.cause),
            _ => {}
        }
    }

    fn interrogation_answer(&mut self, header: Header) {
        let is_refused = header.is_negative || matches!(header.cause, cause::UNKNOWN_TYPE..=cause::UNKNOWN_OBJECT);
        if is_refused {
            self.link.remark(format!("station {} refuses to be interrogated (cause {})", header.station, header.cause));
        }
        if !is_refused && header.cause != cause::TERMINATION {
            return;
        }
        if header.station == BROADCAST {
            self.interrogated.clear();
        } else {
            self.interrogated.remove(&header.station);
        }
        if self.interrogated.is_empty() && !self.is_recovered {
            self.is_recovered = true;
            let is_counter = |i: usize| self.device.spec.points[i].information == InformationType::Counter;
            let missing: Vec<&str> =
                (0..self.seen.len()).filter(|i| !self.seen[*i] && !is_counter(*i)).map(|i| &*self.device.points[i].name).collect();
            if !missing.is_empty() {
                let some = missing.iter().take(5).copied().collect::<Vec<_>>().join(", ");
                let more = if missing.len() > 5 { ", …" } else { "" };
                self.link.remark(format!("{} points did not come when interrogated: {some}{more}", missing.len()));
            }
            self.link.recovered();
        }
    }

    fn values(&mut self, telegram: &Asdu) {
        let header = telegram.header;
        let why = match header.cause {
            cause::PERIODIC | cause::BACKGROUND => Cause::Periodic,
            cause::RETURN_REMOTE | cause::RETURN_LOCAL => Cause::Commanded,
            cause::REQUESTED | cause::INTERROGATED..=cause::INTERROGATED_LAST | cause::COUNTERS..=cause::COUNTERS_LAST => {
                Cause::Interrogated
            }
            _ => Cause::Spontaneous,
        };
        let mut readings = Vec::with_capacity(telegram.objects.len());
        let mut unknown = Vec::new();
        for (address, object) in &telegram.objects {
            let Object::Measured { value, quality, time } = object else { continue };
            let at = ObjectAddress { station: header.station, object: *address };
            let Some(&point) = self.device.by_address.get(&at) else {
                unknown.push(*address);
                continue;
            };
            self.seen[point] = true;
            let expected = self.device.spec.points[point].information;
            if InformationType::from_type_id(header.type_id) != Some(expected) {
                let name = &self.device.points[point].name;
                self.link.remark(format!("point \"{name}\" came as type {}, and the document says {expected:?}", header.type_id));
                readings.push(Reading { cause: why, ..Reading::failed(point, Quality::invalid(Flags::INCONSISTENT)) });
                continue;
            }
            let mut quality = *quality;
            if header.is_test {
                quality.flags |= Flags::TEST;
            }
            let mut source_time = None;
            if let Some(time) = time {
                source_time = time.to_utc();
                if time.is_invalid() || source_time.is_none() {
                    quality = quality.worsened(crate::point::Validity::Questionable, Flags::BAD_CLOCK);
                }
            }
            readings.push(Reading { point, value: Some(value.clone()), quality, source_time, cause: why });
        }
        if !unknown.is_empty() && self.with_unknown.insert(header.station) {
            self.link.remark(format!(
                "station {} tells object {}, which no point is for; more of them are not told",
                header.station, unknown[0]
            ));
        }
        self.link.read(&readings);
        if header.cause == cause::REQUESTED {
            self.read_back(&readings);
        }
    }

    fn begin_command(&mut self, command: Command) {
        let place = self.device.spec.points.get(command.point).and_then(|p| p.command);
        let Some((at, kind)) = place else {
            let _ = command.reply.send(Err(CommandError::Refused { reason: "the device has no such command".to_owned() }));
            return;
        };
        let Some(value) = command_value(kind, &command.raw) else {
            let name = self.device.points[command.point].name.to_string();
            let value = command.raw.clone();
            let _ = command.reply.send(Err(CommandError::WrongKind { name, value }));
            return;
        };
        let is_select = command.control.selection == Selection::Select;
        let deadline = Instant::now() + Duration::from_secs_f64(command.control.timeout_s);
        let phase = if is_select { Phase::Selecting } else { Phase::Executing };
        let type_id = kind.type_id() + if self.device.spec.command_time { WITH_TIME } else { 0 };
        self.send_command(type_id, at, value, is_select);
        self.command = Some(UnderWay { command, at, type_id, value, phase, deadline });
    }

    fn send_command(&mut self, type_id: u8, at: ObjectAddress, value: CommandValue, is_select: bool) {
        let time = self.device.spec.command_time.then(|| Cp56::from_utc(UtcTime::now()));
        self.send(type_id, cause::ACTIVATION, at.station, at.object, Object::Command { value, qualifier: 0, is_select, time });
    }

    fn finish(&mut self, outcome: Result<Confirmation, CommandError>) {
        if let Some(under_way) = self.command.take() {
            // Whoever asked may have stopped waiting.
            let _ = under_way.command.reply.send(outcome);
        }
    }

    fn command_answer(&mut self, telegram: &Asdu) {
        let header = telegram.header;
        let Some(under_way) = &mut self.command else { return };
        let Some((address, Object::Command { is_select, .. })) = telegram.objects.first() else { return };
        let is_ours = header.type_id == under_way.type_id && (header.station, *address) == (under_way.at.station, under_way.at.object);
        if !is_ours {
            return;
        }
        let refused = match header.cause {
            cause::UNKNOWN_TYPE => Some("unknown type of command (cause 44)".to_owned()),
            cause::UNKNOWN_CAUSE => Some("unknown cause (cause 45)".to_owned()),
            cause::UNKNOWN_STATION => Some("unknown station (cause 46)".to_owned()),
            cause::UNKNOWN_OBJECT => Some("unknown object (cause 47)".to_owned()),
            _ if header.is_negative => Some(match under_way.phase {
                Phase::Selecting => "negative confirmation of the selection".to_owned(),
                Phase::Terminating => "terminated with a negative answer".to_owned(),
                _ => "negative confirmation".to_owned(),
            }),
            _ => None,
        };
        if let Some(reason) = refused {
            return self.finish(Err(CommandError::Refused { reason }));
        }
        match (under_way.phase, header.cause) {
            (Phase::Selecting, cause::ACTIVATION_CON) if *is_select => {
                under_way.phase = Phase::Executing;
                let (type_id, at, value) = (under_way.type_id, under_way.at, under_way.value);
                self.send_command(type_id, at, value, false);
            }
            (Phase::Executing, cause::ACTIVATION_CON) if !*is_select => under_way.phase = Phase::Terminating,
            (Phase::Executing | Phase::Terminating, cause::TERMINATION) => self.confirmed("activation terminated"),
            _ => {}
        }
    }

    fn confirmed(&mut self, said: &str) {
        let Some(under_way) = &mut self.command else { return };
        if under_way.command.control.read_back && under_way.phase != Phase::ReadingBack {
            under_way.phase = Phase::ReadingBack;
            under_way.deadline = Instant::now() + Duration::from_secs_f64(under_way.command.control.timeout_s);
            let at = self.device.spec.points[under_way.command.point].at;
            self.send(C_RD, cause::REQUESTED, at.station, at.object, Object::Read);
        } else {
            self.finish(Ok(Confirmation { said: said.to_owned(), read_back: None }));
        }
    }

    fn read_back(&mut self, readings: &[Reading]) {
        let Some(under_way) = &self.command else { return };
        if under_way.phase != Phase::ReadingBack {
            return;
        }
        if let Some(reading) = readings.iter().find(|r| r.point == under_way.command.point) {
            self.finish(match &reading.value {
                Some(value) => Ok(Confirmation { said: "activation terminated".to_owned(), read_back: Some(value.clone()) }),
                None => Err(CommandError::Refused { reason: "it was carried out, and cannot be read back".to_owned() }),
            });
        }
    }

    fn read_back_refused(&mut self, cause: u8) {
        if self.command.as_ref().is_some_and(|c| c.phase == Phase::ReadingBack) {
            let reason = format!("it was carried out, and the station refuses to be read (cause {cause})");
            self.finish(Err(CommandError::Refused { reason }));
        }
    }

    fn command_is_late(&mut self) {
        let Some(under_way) = &self.command else { return };
        let limit_s = under_way.command.control.timeout_s;
        match under_way.phase {
            // Stations exist that terminate no set-point: the confirmation stands, and what is missing is said.
            Phase::Terminating => self.confirmed("activation confirmed, and not terminated in time"),
            Phase::Selecting => {
                self.finish(Err(CommandError::Refused { reason: format!("the selection was not confirmed within {limit_s} s") }))
            }
            Phase::Executing | Phase::ReadingBack => self.finish(Err(CommandError::Unconfirmed { limit_s })),
        }
    }
}

fn protocol(what: String) -> DeviceError {
    DeviceError::Protocol { protocol: "IEC 60870-5-104", what }
}

/// A value as a command carries it; `None` when it does not fit.
fn command_value(kind: CommandType, raw: &Value) -> Option<CommandValue> {
    let whole = |low: f64, high: f64| raw.as_f64().map(f64::round).filter(|x| (low..=high).contains(x));
    Some(match kind {
        CommandType::Single => CommandValue::Single(raw.as_bool()?),
        CommandType::Double => CommandValue::Double(if raw.as_bool()? { DoublePoint::On } else { DoublePoint::Off }),
        // A step is up or down, not a position: yes is up.
        CommandType::Step => CommandValue::Step(raw.as_bool()?),
        CommandType::Normalised => CommandValue::Normalised(asdu::to_normalised(raw.as_f64()?)?),
        CommandType::Scaled => CommandValue::Scaled(whole(-32_768.0, 32_767.0)? as i16),
        CommandType::Float => {
            let x = raw.as_f64()? as f32;
            CommandValue::Float(x.is_finite().then_some(x)?)
        }
        CommandType::Bits => match raw {
            Value::Bits(bits) => CommandValue::Bits(*bits),
            _ => CommandValue::Bits(whole(0.0, f64::from(u32::MAX))? as u32),
        },
    })
}
