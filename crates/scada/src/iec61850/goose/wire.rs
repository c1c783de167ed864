//! Raw Ethernet, and the threads that send and listen on it.
//!
//! Retransmission counts in milliseconds, so sender and receiver have threads of their own and do not wait for anybody else's work.

use super::publisher::Publisher;
use super::subscriber::{Event, Subscriber};
use crate::iec61850::utc_octets_now;
use iec61850_hal::ethernet::linux::AfPacketSocket;
use iec61850_hal::ethernet::{EthernetAddr, EthernetConfig, EthernetError, EthernetSink, EthernetSource};
use iec61850_model::MmsValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Events that wait for their reader.
const EVENTS_WAITING: usize = 10_000;
/// Longest wait for a frame, so that threads end soon when they are told to.
const WAIT: Duration = Duration::from_millis(50);

/// Why an interface cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    #[error(
        "raw Ethernet on \"{interface}\" is not permitted: the program needs the capability CAP_NET_RAW (setcap cap_net_raw+ep on the program, AmbientCapabilities=CAP_NET_RAW in its unit, or --cap-add NET_RAW of a container)"
    )]
    NotPermitted { interface: String },
    #[error("there is no network interface \"{interface}\"")]
    NoInterface { interface: String },
    #[error("interface \"{interface}\" has no Ethernet address")]
    NoAddress { interface: String },
    #[error("interface \"{interface}\": {reason}")]
    Other { interface: String, reason: String },
}

/// A raw socket on one interface.
pub struct Wire {
    socket: AfPacketSocket,
    pub interface: String,
    pub mac: [u8; 6],
}

impl Wire {
    /// Opens an interface and joins the groups whose frames are to be received.
    ///
    /// # Errors
    /// [`WireError::NotPermitted`] without the capability, [`WireError::NoInterface`] for a name that is not there.
    pub fn open(interface: &str, groups: &[[u8; 6]]) -> Result<Self, WireError> {
        let name = || interface.to_owned();
        let mut config = EthernetConfig::new(interface).with_recv_timeout(WAIT);
        for group in groups {
            config = config.with_multicast(EthernetAddr(*group));
        }
        let socket = AfPacketSocket::open(&config).map_err(|e| match e {
            EthernetError::PermissionDenied(_) => WireError::NotPermitted { interface: name() },
            EthernetError::InterfaceNotFound(_) => WireError::NoInterface { interface: name() },
            other => WireError::Other { interface: name(), reason: other.to_string() },
        })?;
        let mac = socket.hw_addr().ok_or_else(|| WireError::NoAddress { interface: name() })?.0;
        Ok(Self { socket, interface: name(), mac })
    }

    pub fn send(&mut self, frame: &[u8]) -> Result<(), WireError> {
        match self.socket.send(frame) {
            Ok(_) => Ok(()),
            Err(e) => Err(WireError::Other { interface: self.interface.clone(), reason: e.to_string() }),
        }
    }

    /// The next frame of somebody else within a wait; none when there is none.
    pub fn receive(&mut self, buffer: &mut [u8], wait: Duration) -> Result<Option<usize>, WireError> {
        match self.socket.recv(buffer, Some(wait)) {
            // One's own frames come back on the socket that sends them.
            Ok(_) if buffer.get(6..12) == Some(&self.mac[..]) => Ok(None),
            Ok(n) => Ok(Some(n)),
            Err(EthernetError::Timeout) => Ok(None),
            Err(e) => Err(WireError::Other { interface: self.interface.clone(), reason: e.to_string() }),
        }
    }
}

/// A control block that is being sent.
pub struct Publishing {
    changes: Option<Sender<Vec<MmsValue>>>,
    thread: Option<JoinHandle<Result<u64, WireError>>>,
}

impl Publishing {
    /// Sends new values at once. False when the sender has ended.
    pub fn change(&self, values: Vec<MmsValue>) -> bool {
        self.changes.as_ref().is_some_and(|c| c.send(values).is_ok())
    }

    /// Ends sending and says how many frames went out, or why it ended by itself.
    pub fn stop(mut self) -> Result<u64, WireError> {
        self.changes = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            _ => Ok(0),
        }
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Sends a control block until it is stopped.
pub fn publish(mut wire: Wire, mut publisher: Publisher) -> Publishing {
    let (changes, taken): (Sender<Vec<MmsValue>>, Receiver<Vec<MmsValue>>) = channel();
    let thread = std::thread::spawn(move || {
        let mut sent = 0;
        loop {
            if let Some(frame) = publisher.poll(Instant::now()) {
                wire.send(&frame)?;
                sent += 1;
            }
            match taken.recv_timeout(publisher.due().saturating_duration_since(Instant::now())) {
                Ok(values) => {
                    publisher.change(values, utc_octets_now(), Instant::now());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(sent),
            }
        }
    });
    Publishing { changes: Some(changes), thread: Some(thread) }
}

/// Control blocks that are being listened to.
pub struct Listening {
    /// Position of the subscriber, and what came of a frame or of silence.
    pub events: Receiver<(usize, Event)>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), WireError>>>,
}

impl Listening {
    /// Ends listening; says why it ended by itself, if it did.
    pub fn stop(mut self) -> Result<(), WireError> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            _ => Ok(()),
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Listens for control blocks until it is stopped. Repetitions of a state are not handed on, unless they tell that messages were lost.
pub fn listen(mut wire: Wire, mut subscribers: Vec<Subscriber>) -> Listening {
    let (out, events): (SyncSender<(usize, Event)>, _) = sync_channel(EVENTS_WAITING);
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while !stopped.load(Ordering::Relaxed) {
            let now = Instant::now();
            let wait =
                subscribers.iter().filter_map(Subscriber::deadline).map(|d| d.saturating_duration_since(now)).fold(WAIT, Duration::min);
            let frame = wire.receive(&mut buffer, wait.max(Duration::from_millis(1)))?;
            let now = Instant::now();
            for (i, subscriber) in subscribers.iter_mut().enumerate() {
                let came = frame.and_then(|n| subscriber.accept(&buffer[..n], now));
                let silence = subscriber.tick(now);
                for event in came.into_iter().chain(silence) {
                    let is_repetition = matches!(&event, Event::Message(m) if !m.changed && m.lost == 0 && !m.restarted);
                    // A reader that has gone away, or fallen far behind, must not hold up the rest; it has the newest state with the next.
                    if !is_repetition && matches!(out.try_send((i, event)), Err(TrySendError::Disconnected(_))) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    });
    Listening { events, stop, thread: Some(thread) }
}
