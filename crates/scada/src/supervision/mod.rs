//! Keeping devices connected, and telling what comes from them.
//!
//! One task a device:
//!
//! ```text
//! attempt (address A) ─ answers ─► session ─ ends ─► every point: comm lost ─► pause ─► attempt
//!          └ no answer ─► the other address at once, then a pause that doubles
//! ```
//!
//! **Two addresses.** The one that answered last is tried first, and kept for as long as it answers: a device that comes back on its first
//! address does not pull the connection away from the second one that works. A session that ended without a value counts as no answer,
//! so that an address which takes connections and says nothing cannot hold the device.

mod backoff;
mod outbox;

pub use backoff::Backoff;
pub use outbox::{Batch, Event, EventKind, MAX_EVENTS, Outbox};

use crate::device::{Command, CommandError, Device, DeviceError, Link, SessionFuture};
use crate::document::{DeviceSpec, ProtocolSpec, Timing};
use crate::iec104::Iec104Device;
use crate::iec61850::Iec61850Device;
use crate::modbus::ModbusDevice;
use crate::time::UtcTime;
use std::collections::HashMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

/// Commands that wait for one device.
const MAX_COMMANDS: usize = 64;
/// How often the age of values is looked at.
const TICK: Duration = Duration::from_millis(500);

/// A device and where it is.
pub struct Supervised {
    pub device: Box<dyn Device>,
    /// `host:port`, one or two.
    pub addresses: Vec<String>,
    pub timing: Timing,
}

/// The device of a document, for protocols of this crate's own; `None` of one whose connection is made elsewhere.
pub fn supervised(spec: &DeviceSpec) -> Option<Supervised> {
    let (points, timeout_s) = (spec.points.clone(), spec.timing.timeout_s);
    let device: Box<dyn Device> = match &spec.protocol {
        ProtocolSpec::Modbus(map) => Box::new(ModbusDevice::new(&*spec.id, points, map.clone(), timeout_s)),
        ProtocolSpec::Iec104(map) => Box::new(Iec104Device::new(&*spec.id, points, map.clone(), timeout_s)),
        ProtocolSpec::Iec61850(map) => Box::new(Iec61850Device::new(&*spec.id, points, map.clone(), timeout_s)),
    };
    Some(Supervised { device, addresses: spec.addresses.clone(), timing: spec.timing })
}

/// What others need to reach one device.
#[derive(Clone)]
pub struct DeviceHandle {
    pub outbox: Arc<Outbox>,
    pub(crate) commands: mpsc::Sender<Command>,
}

/// All devices, running.
pub struct Supervisor {
    handles: HashMap<Arc<str>, DeviceHandle>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Supervisor {
    /// Starts a task for each device on the current runtime. Batches come out of the receiver, at most `capacity` of them waiting; a
    /// consumer that does not take them makes no device wait.
    pub fn start(devices: Vec<Supervised>, capacity: usize) -> (Self, mpsc::Receiver<Batch>) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut handles = HashMap::new();
        for supervised in devices {
            let outbox = Arc::new(Outbox::new(supervised.device.id(), supervised.device.points().to_vec(), UtcTime::now()));
            let (commands, taken) = mpsc::channel(MAX_COMMANDS);
            handles.insert(outbox.device().clone(), DeviceHandle { outbox: outbox.clone(), commands });
            tasks.spawn(forward(outbox.clone(), sender.clone(), stop.clone()));
            tasks.spawn(supervise(supervised, outbox, taken, stop.clone()));
        }
        (Self { handles, tasks, stop }, receiver)
    }

    pub fn handle(&self, device: &str) -> Option<&DeviceHandle> {
        self.handles.get(device)
    }

    pub fn handles(&self) -> &HashMap<Arc<str>, DeviceHandle> {
        &self.handles
    }

    /// Ends every connection and comes back when all tasks have ended.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Takes batches to the consumer. What gathers while the consumer is busy goes with the next one.
async fn forward(outbox: Arc<Outbox>, sender: mpsc::Sender<Batch>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = outbox.ready() => {}
        }
        // A place first, and then what is newest.
        let permit = tokio::select! {
            () = stop.cancelled() => return,
            permit = sender.reserve() => match permit {
                Ok(permit) => permit,
                Err(_) => return,
            },
        };
        if let Some(batch) = outbox.take() {
            permit.send(batch);
        }
    }
}

async fn supervise(supervised: Supervised, outbox: Arc<Outbox>, mut commands: mpsc::Receiver<Command>, stop: CancellationToken) {
    let Supervised { device, addresses, timing } = supervised;
    if addresses.is_empty() {
        outbox.event(EventKind::Unreachable { address: String::new(), why: "it has no address".to_owned(), next_try_s: f64::INFINITY });
        return;
    }
    let mut backoff = Backoff::new(timing.backoff_first_s, timing.backoff_longest_s, device.id());
    let mut at = 0;
    let mut silent = 0;
    let mut last_why = String::new();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let address = &addresses[at];
        outbox.set_address(address);
        let why = {
            let mut session = sheltered(device.session(address, Link::new(&outbox, &mut commands)));
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    why = &mut session => break why,
                    _ = tick.tick() => outbox.tick(),
                }
            }
        };
        if matches!(why, DeviceError::Stopped) {
            return;
        }
        // What waited for this connection is not for the next one, whenever that comes.
        while let Ok(command) = commands.try_recv() {
            refuse(&*device, command);
        }
        let was_recovered = outbox.is_recovered();
        let was_connected = outbox.lost();
        if was_recovered {
            backoff.reset();
            silent = 0;
        } else {
            silent += 1;
        }
        // An address that gave every value keeps its place for one attempt more: the connection may just have been cut.
        let next = if was_recovered { at } else { (at + 1) % addresses.len() };
        // The other address is tried at once, and after both were silent there is a pause.
        let pause = if silent > 0 && silent % addresses.len() != 0 { Duration::ZERO } else { backoff.pause() };
        let (why, next_try_s) = (why.to_string(), pause.as_secs_f64());
        if was_connected {
            outbox.event(EventKind::Lost { address: address.clone(), why: why.clone(), next_try_s });
        } else if why != last_why {
            outbox.event(EventKind::Unreachable { address: address.clone(), why: why.clone(), next_try_s });
        }
        last_why = if was_connected { String::new() } else { why };
        if next != at {
            outbox.event(EventKind::Switched { from: address.clone(), to: addresses[next].clone() });
            at = next;
        }
        wait(pause, &*device, &outbox, &mut commands, &mut tick, &stop).await;
        if stop.is_cancelled() {
            return;
        }
    }
}

/// A session whose panic ends that session and nothing else: without it the task would be gone, and its points would stand still as if good.
fn sheltered(mut session: SessionFuture<'_>) -> SessionFuture<'_> {
    Box::pin(poll_fn(move |context| {
        catch_unwind(AssertUnwindSafe(|| session.as_mut().poll(context))).unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
            Poll::Ready(DeviceError::Panicked { what: said.unwrap_or_else(|| "no reason was given".to_owned()) })
        })
    }))
}

fn refuse(device: &dyn Device, command: Command) {
    let device = device.id().to_owned();
    // Whoever asked may have stopped waiting.
    let _ = command.reply.send(Err(CommandError::NotConnected { device }));
}

/// A pause, in which commands are refused and values go on growing old.
async fn wait(
    pause: Duration,
    device: &dyn Device,
    outbox: &Outbox,
    commands: &mut mpsc::Receiver<Command>,
    tick: &mut tokio::time::Interval,
    stop: &CancellationToken,
) {
    let until = Instant::now() + pause;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some(command) = commands.recv() => refuse(device, command),
            () = sleep_until(until) => return,
            _ = tick.tick() => outbox.tick(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::{Cause, Flags, PointSpec, Quality, Reading, Value, ValueKind};

    /// Gives a value, and panics in the middle of every second session.
    struct Faulty(Vec<PointSpec>, std::sync::atomic::AtomicUsize);

    impl Device for Faulty {
        fn id(&self) -> &str {
            "faulty"
        }

        fn points(&self) -> &[PointSpec] {
            &self.0
        }

        fn session<'a>(&'a self, _: &'a str, link: Link<'a>) -> SessionFuture<'a> {
            Box::pin(async move {
                link.connected();
                link.read(&[Reading::new(0, Value::Float(1.0), Quality::GOOD, Cause::Periodic)]);
                link.recovered();
                tokio::time::sleep(Duration::from_millis(5)).await;
                let session = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                assert!(session % 2 == 1, "session {session} went wrong");
                std::future::pending().await
            })
        }
    }

    #[tokio::test]
    async fn a_panic_in_a_session_is_a_lost_connection_and_no_more() {
        let device = Box::new(Faulty(vec![PointSpec::new("v", ValueKind::Float)], Default::default()));
        let timing = Timing { backoff_first_s: 0.01, ..Timing::default() };
        let addresses = vec!["nowhere:1".to_owned()];
        let (supervisor, mut batches) = Supervisor::start(vec![Supervised { device, addresses, timing }], 8);
        let (mut qualities, mut lost) = (Vec::new(), Vec::new());
        while qualities.len() < 3 {
            let batch = tokio::time::timeout(Duration::from_secs(5), batches.recv()).await.unwrap().unwrap();
            qualities.extend(batch.updates.iter().map(|u| u.quality));
            lost.extend(batch.events.into_iter().filter_map(|e| match e.kind {
                EventKind::Lost { why, .. } => Some(why),
                _ => None,
            }));
        }
        assert_eq!(qualities, [Quality::GOOD, Quality::questionable(Flags::COMM_LOST | Flags::OLD), Quality::GOOD]);
        assert_eq!(lost, ["a fault of this program: session 0 went wrong; please report it"]);
        supervisor.stop().await;
    }
}
