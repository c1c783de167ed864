//! The station side of IEC 60870-5-104.
//!
//! Several controlling stations may be connected; each is started and stopped by itself and hears every event from then on. Events wait in
//! a log while nobody is started; the first that starts gets them. An event leaves the log's count of undelivered ones when somebody has
//! acknowledged it, so that one that was under way when a connection broke is sent again. The log is bounded: the oldest measurements go, then
//! the oldest events, and both are counted; a disturbance of which nobody hears must not push its own trip out with its currents.

use super::asdu::{self, Asdu, AsduFault, BROADCAST, CommandValue, Header, Object, cause};
use super::clock::Cp56;
use super::link::{Connection, LinkEvent, LinkFault, Parameters, Role};
use super::map::InformationType;
use crate::point::{Quality, Value};
use crate::time::UtcTime;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A selection that is not followed by its execution is void after this time.
const SELECTION: Duration = Duration::from_secs(10);
/// Telegrams that wait in one connection, over which no more events are taken out of the log.
const MAX_WAITING: usize = 64;
/// Connections at once.
const MAX_CONNECTIONS: usize = 64;

/// A value as a station tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub object: u32,
    pub information: InformationType,
    pub value: Value,
    pub quality: Quality,
}

/// What a controlling station wants done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    pub station: u16,
    pub object: u32,
    /// Of the telegram, without time.
    pub type_id: u8,
    pub value: CommandValue,
    pub qualifier: u8,
    /// Only asks whether it could be done.
    pub is_select: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done, or of a selection: it could be.
    Done,
    Refused,
    UnknownObject,
    /// The object takes another type of command.
    WrongType,
}

/// What stands behind the server.
pub trait Station: Send + Sync + 'static {
    /// Common addresses that answer.
    fn addresses(&self) -> Vec<u16>;

    /// Values of a station interrogation (20) or of one of its groups (21 to 36); counters are left out.
    fn interrogate(&self, station: u16, qualifier: u8) -> Vec<Told>;

    /// Counters: in general (5) or of a group (1 to 4).
    fn counters(&self, station: u16, group: u8) -> Vec<Told>;

    fn read(&self, station: u16, object: u32) -> Option<Told>;

    /// A command to this object is only taken after it was selected.
    fn needs_selection(&self, station: u16, object: u32) -> bool;

    fn order(&self, order: Order) -> Answer;

    /// `None` of a time that no calendar has. `false` refuses.
    fn set_clock(&self, station: u16, time: Option<UtcTime>) -> bool;

    fn events(&self) -> &EventLog;
}

/// A change that is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedEvent {
    pub station: u16,
    pub told: Told,
    pub time: UtcTime,
    /// Spontaneous, or the return of a command.
    pub cause: u8,
}

struct Log {
    /// With their numbers, ascending; the very first one is 1.
    events: VecDeque<(u64, LoggedEvent)>,
    /// Number of the next event.
    next: u64,
    /// Number up to which somebody has acknowledged all.
    delivered: u64,
    lost: u64,
}

/// Events in their order, numbered from 1.
pub struct EventLog {
    log: Mutex<Log>,
    capacity: usize,
    next: watch::Sender<u64>,
}

impl EventLog {
    pub fn new(capacity: usize) -> Self {
        let log = Log { events: VecDeque::new(), next: 1, delivered: 0, lost: 0 };
        Self { log: Mutex::new(log), capacity: capacity.max(1), next: watch::Sender::new(1) }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn push(&self, event: LoggedEvent) {
        let mut guard = self.log();
        let log = &mut *guard;
        log.events.push_back((log.next, event));
        log.next += 1;
        if log.events.len() > self.capacity {
            // An eighth at once, so that an overflow that goes on does not walk the log for every event.
            let (mut to_drop, mut lost) = (log.events.len() - self.capacity + self.capacity / 8, 0);
            let delivered = log.delivered;
            log.events.retain(|(number, event)| {
                let goes = to_drop > 0 && event.told.value.is_measurement();
                to_drop -= usize::from(goes);
                lost += u64::from(goes && *number > delivered);
                !goes
            });
            while log.events.len() > self.capacity {
                lost += u64::from(log.events.pop_front().is_some_and(|(number, _)| number > delivered));
            }
            log.lost += lost;
        }
        let next = log.next;
        drop(guard);
        self.next.send_replace(next);
    }

    /// Events that went before anybody had them.
    pub fn lost(&self) -> u64 {
        self.log().lost
    }

    /// Number up to which all was acknowledged.
    pub fn delivered(&self) -> u64 {
        self.log().delivered
    }

    fn acknowledge(&self, up_to: u64) {
        let mut log = self.log();
        log.delivered = log.delivered.max(up_to);
    }

    /// Up to `limit` events from number `from` on, with their numbers.
    fn take(&self, from: u64, limit: usize) -> Vec<(u64, LoggedEvent)> {
        let log = self.log();
        let at = log.events.partition_point(|(number, _)| *number < from);
        log.events.iter().skip(at).take(limit).cloned().collect()
    }
}

/// Serves until told to stop; then every connection ends.
///
/// # Errors
/// When the listener fails. What a single connection does wrong ends only that one.
pub async fn serve<S: Station>(
    listener: TcpListener,
    station: Arc<S>,
    parameters: Parameters,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => {
                connections.shutdown().await;
                return Ok(());
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < MAX_CONNECTIONS => {
                    let _ = stream.set_nodelay(true);
                    let station = station.clone();
                    connections.spawn(async move { converse(stream, &*station, parameters).await });
                }
                Ok(_) => {}
                // The other side was gone before it was let in, or there are too many files: the next one may come through.
                Err(e) if matches!(e.kind(), std::io::ErrorKind::ConnectionAborted | std::io::ErrorKind::ConnectionReset) => {}
                Err(e) if e.raw_os_error().is_some_and(|c| c == 24 || c == 23) => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(e) => return Err(e),
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

struct Conversation<'a, S> {
    station: &'a S,
    connection: Connection<TcpStream>,
    /// Number of the next event to send.
    next_event: u64,
    selected: HashMap<(u16, u32), (CommandValue, Instant)>,
}

async fn converse<S: Station>(stream: TcpStream, station: &S, parameters: Parameters) -> LinkFault {
    let mut events = station.events().next.subscribe();
    let mut conversation = Conversation {
        station,
        connection: Connection::new(stream, Role::Controlled, parameters),
        next_event: 0,
        selected: HashMap::new(),
    };
    let mut was_started = false;
    loop {
        let has_room = conversation.connection.is_started() && conversation.connection.waiting() < MAX_WAITING;
        if has_room {
            conversation.send_events();
        }
        tokio::select! {
            event = conversation.connection.next() => match event {
                Ok(LinkEvent::Started) => {
                    if conversation.next_event == 0 {
                        conversation.next_event = station.events().delivered() + 1;
                    }
                    if !was_started {
                        was_started = true;
                        for address in station.addresses() {
                            let object = Object::Initialised { cause: 0 };
                            conversation.send(Header::new(70, cause::INITIALISED, 0, address), 0, object);
                        }
                    }
                }
                Ok(LinkEvent::Stopped) => {}
                Ok(LinkEvent::Asdu(octets)) => conversation.telegram(&octets),
                Ok(LinkEvent::Acknowledged) => {}
                Err(fault) => return fault,
            },
            changed = events.changed(), if has_room => {
                if changed.is_err() {
                    return LinkFault::Closed;
                }
            }
        }
        station.events().acknowledge(conversation.connection.acknowledged());
    }
}

impl<S: Station> Conversation<'_, S> {
    fn send(&mut self, header: Header, object: u32, content: Object) {
        self.send_tagged(header, vec![(object, content)], 0);
    }

    fn send_tagged(&mut self, header: Header, objects: Vec<(u32, Object)>, tag: u64) {
        if let Some(octets) = asdu::encode(&Asdu { header, objects }) {
            // An answer carries no event: it must not take the tags back.
            self.connection.send(octets, tag);
        }
    }

    fn send_events(&mut self) {
        while self.connection.waiting() < MAX_WAITING {
            let events = self.station.events().take(self.next_event, MAX_WAITING);
            if events.is_empty() {
                return;
            }
            for (number, event) in events {
                self.next_event = number + 1;
                let type_id = event.told.information.type_ids().1;
                let time = Some(Cp56::from_utc(event.time));
                let object = Object::Measured { value: event.told.value, quality: event.told.quality, time };
                self.send_tagged(Header::new(type_id, event.cause, 0, event.station), vec![(event.told.object, object)], number);
            }
        }
    }

    /// As many objects of one type in one telegram as fit.
    fn send_values(&mut self, station: u16, originator: u8, why: u8, told: Vec<Told>) {
        let mut told = told.into_iter().peekable();
        while let Some(first) = told.next() {
            let type_id = first.information.type_ids().0;
            // 249 octets less the head, objects of at most 3 + 5.
            let most = (asdu::MAX_ASDU - 6) / 8;
            let object = |t: Told| (t.object, Object::Measured { value: t.value, quality: t.quality, time: None });
            let mut objects = vec![object(first)];
            while objects.len() < most
                && let Some(next) = told.next_if(|t| t.information.type_ids().0 == type_id)
            {
                objects.push(object(next));
            }
            self.send_tagged(Header::new(type_id, why, originator, station), objects, 0);
        }
    }

    fn answer(&mut self, octets: &[u8], header: Header, why: u8, is_negative: bool) {
        // The answer mirrors the telegram; only its cause changes, the third octet.
        let mut out = octets.to_vec();
        if let Some(cot) = out.get_mut(2) {
            *cot = why | u8::from(is_negative) << 6 | u8::from(header.is_test) << 7;
        }
        self.connection.send(out, 0);
    }

    fn telegram(&mut self, octets: &[u8]) {
        let telegram = match asdu::decode(octets) {
            Ok(telegram) => telegram,
            Err(AsduFault::Short(_)) => return,
            Err(AsduFault::UnknownType(header) | AsduFault::Empty(header) | AsduFault::Step(header) | AsduFault::Length { header, .. }) => {
                return self.answer(octets, header, cause::UNKNOWN_TYPE, true);
            }
        };
        let header = telegram.header;
        let mut stations = self.station.addresses();
        if header.station != BROADCAST {
            stations.retain(|s| *s == header.station);
            if stations.is_empty() {
                return self.answer(octets, header, cause::UNKNOWN_STATION, true);
            }
        }
        let is_of_cause = match header.type_id {
            102 => header.cause == cause::REQUESTED,
            45..=51 | 58..=64 | 100 | 101 => matches!(header.cause, cause::ACTIVATION | cause::DEACTIVATION),
            103..=105 | 107 => header.cause == cause::ACTIVATION,
            // Values come from us, and go to nobody here.
            _ => return self.answer(octets, header, cause::UNKNOWN_TYPE, true),
        };
        if !is_of_cause {
            return self.answer(octets, header, cause::UNKNOWN_CAUSE, true);
        }
        let Some((object, content)) = telegram.objects.into_iter().next() else { return };
        match content {
            Object::Interrogate { qualifier } => self.interrogation(octets, header, &stations, qualifier),
            Object::Counters { qualifier } => self.counters(octets, header, &stations, qualifier),
            Object::Read => match self.station.read(header.station, object) {
                Some(told) => self.send_values(header.station, header.originator, cause::REQUESTED, vec![told]),
                None => self.answer(octets, header, cause::UNKNOWN_OBJECT, true),
            },
            Object::Clock { time } => {
                let mut taken = true;
                for station in stations {
                    taken &= self.station.set_clock(station, time.to_utc());
                }
                self.answer(octets, header, cause::ACTIVATION_CON, !taken);
            }
            Object::Test { .. } => self.answer(octets, header, cause::ACTIVATION_CON, false),
            // A process is not reset from afar.
            Object::Reset { .. } => self.answer(octets, header, cause::ACTIVATION_CON, true),
            Object::Command { value, qualifier, is_select, .. } => {
                let type_id = if header.type_id >= 58 { header.type_id - 13 } else { header.type_id };
                let order = Order { station: header.station, object, type_id, value, qualifier, is_select };
                self.command(octets, header, order);
            }
            Object::Measured { .. } | Object::Initialised { .. } => {}
        }
    }

    fn interrogation(&mut self, octets: &[u8], header: Header, stations: &[u16], qualifier: u8) {
        if header.cause == cause::DEACTIVATION {
            // It is answered whole at once, so that there is nothing left to break off.
            return self.answer(octets, header, cause::DEACTIVATION_CON, true);
        }
        if !(cause::INTERROGATED..=cause::INTERROGATED_LAST).contains(&qualifier) {
            return self.answer(octets, header, cause::ACTIVATION_CON, true);
        }
        self.answer(octets, header, cause::ACTIVATION_CON, false);
        for station in stations {
            let told = self.station.interrogate(*station, qualifier);
            self.send_values(*station, header.originator, qualifier, told);
        }
        self.answer(octets, header, cause::TERMINATION, false);
    }

    fn counters(&mut self, octets: &[u8], header: Header, stations: &[u16], qualifier: u8) {
        if header.cause == cause::DEACTIVATION {
            return self.answer(octets, header, cause::DEACTIVATION_CON, true);
        }
        // The low six bits ask for a group or all; the high two freeze and reset, which counters here are not.
        let group = qualifier & 0x3F;
        if !(1..=5).contains(&group) || qualifier & 0xC0 != 0 {
            return self.answer(octets, header, cause::ACTIVATION_CON, true);
        }
        self.answer(octets, header, cause::ACTIVATION_CON, false);
        for station in stations {
            let told = self.station.counters(*station, group);
            let why = if group == 5 { cause::COUNTERS } else { cause::COUNTERS + group };
            self.send_values(*station, header.originator, why, told);
        }
        self.answer(octets, header, cause::TERMINATION, false);
    }

    fn command(&mut self, octets: &[u8], header: Header, order: Order) {
        let key = (order.station, order.object);
        if header.station == BROADCAST {
            return self.answer(octets, header, cause::UNKNOWN_STATION, true);
        }
        if header.cause == cause::DEACTIVATION {
            let was_selected = self.selected.remove(&key).is_some();
            return self.answer(octets, header, cause::DEACTIVATION_CON, !was_selected);
        }
        if !order.is_select && self.station.needs_selection(order.station, order.object) {
            let selected = self.selected.remove(&key);
            if !selected.is_some_and(|(value, until)| value == order.value && Instant::now() < until) {
                return self.answer(octets, header, cause::ACTIVATION_CON, true);
            }
        }
        match self.station.order(order) {
            Answer::UnknownObject => self.answer(octets, header, cause::UNKNOWN_OBJECT, true),
            Answer::WrongType => self.answer(octets, header, cause::UNKNOWN_TYPE, true),
            Answer::Refused => self.answer(octets, header, cause::ACTIVATION_CON, true),
            Answer::Done if order.is_select => {
                self.selected.insert(key, (order.value, Instant::now() + SELECTION));
                self.answer(octets, header, cause::ACTIVATION_CON, false);
            }
            Answer::Done => {
                self.answer(octets, header, cause::ACTIVATION_CON, false);
                self.send_events();
                self.answer(octets, header, cause::TERMINATION, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_of_a_disturbance_do_not_push_its_trip_out() {
        let log = EventLog::new(800);
        let event = |object, value| LoggedEvent {
            station: 1,
            told: Told { object, information: InformationType::Float, value, quality: Quality::GOOD },
            time: UtcTime::from_us(0),
            cause: cause::SPONTANEOUS,
        };
        log.push(event(1, Value::Bool(true)));
        (0..20_000).for_each(|i| log.push(event(2, Value::Float(f64::from(i)))));
        log.push(event(1, Value::Bool(false)));
        let kept = log.take(1, usize::MAX);
        let trips: Vec<_> = kept.iter().filter(|(_, e)| e.told.object == 1).map(|(n, e)| (*n, e.told.value.clone())).collect();
        assert_eq!(trips, [(1, Value::Bool(true)), (20_002, Value::Bool(false))]);
        assert!(kept.len() <= 800 && kept.is_sorted_by_key(|e| e.0));
        assert_eq!(log.lost() + kept.len() as u64, 20_002);
        log.acknowledge(20_002);
        (0..2_000).for_each(|_| log.push(event(1, Value::Bool(true))));
        assert_eq!(log.take(1, usize::MAX).len(), 800, "events alone are bounded too");
        assert_eq!(log.lost(), 20_002 - kept.len() as u64 + 1_200);
    }
}
