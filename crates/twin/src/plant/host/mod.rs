//! A plant that runs by the clock and is served: Modbus, IEC 60870-5-104, IEC 61850 with GOOSE, and a port for the instructor.
//!
//! ```text
//!               ┌────────── thread of the plant (engine) ───────────┐
//!  clients ◄──► │ devices ── orders ─► Plant ─ step ─► events, values│ ─► images, model, GOOSE (sinks)
//!  instructor ◄►│ (instructor)                                       │ ─► log, state, those who watch (told)
//!               └────────────────────────────────────────────────────┘
//! ```
//!
//! The plant has a thread of its own, so that no step holds up a socket. A command waits in its own connection until the plant has taken or
//! refused it, which is after the step that is under way; other connections go on meanwhile.

mod engine;
mod instructor;
mod sinks;
mod told;

pub use instructor::{Instructor, InstructorError, Watch, Watched};
pub use told::{BreakerName, BusName, FaultNow, Moment, Numbered, ScenarioInfo, ScenarioNow, State, Told};

use super::devices::{self, Act, Addresses, DevicesError, GOOSE_BLOCK, IED, Served, catalogue};
use super::{Command, Plant, PlantError};
use engine::{Ask, Engine, Order, Shared, locked};
use scada::UtcTime;
use scada::document::Protocol;
use scada::iec61850::goose::{GooseSettings, Publisher, SettingsError, Wire, WireError, publish};
use scada::iec61850::server::{Process, Refusal, Request, Server, ServerError};
use scada::iec61850::{MmsValue, scl, utc_octets};
use scada::point::Value;
use scada::simulate::{self, Image, Place};
use sinks::{Frames, Model, Sinks};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::RuntimeFlavor;
use tokio::sync::{broadcast, oneshot};
use tokio_util::sync::CancellationToken;

/// The world's clock, as the caller has it.
pub type Clock = Arc<dyn Fn() -> UtcTime + Send + Sync>;

/// What of a plant is served, and how time passes in it.
#[derive(Clone)]
pub struct HostOptions {
    /// Seconds between two steps in calm, 0.02 to 1.
    pub interval_s: f64,
    pub clock: Clock,
    /// Addresses of the devices; port 0 for any that is free. None is not served.
    pub modbus: Option<SocketAddr>,
    pub iec104: Option<SocketAddr>,
    pub iec61850: Option<SocketAddr>,
    /// The instructor's port, on a loopback address.
    pub instructor: Option<SocketAddr>,
    /// Network interface for GOOSE.
    pub goose: Option<String>,
}

impl HostOptions {
    /// Nothing is served; a step a second by the computer's clock.
    pub fn new() -> Self {
        Self { interval_s: 1.0, clock: Arc::new(UtcTime::now), modbus: None, iec104: None, iec61850: None, instructor: None, goose: None }
    }
}

impl Default for HostOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a plant is not served.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("the interval is {value} s, and must lie between 0.02 and 1 s")]
    Interval { value: f64 },
    #[error("no {what} can be served at {address}: {source}")]
    Listen { what: &'static str, address: SocketAddr, source: io::Error },
    #[error("the instructor's port takes commands without a login, and {address} can be reached from other computers")]
    NotLoopback { address: SocketAddr },
    #[error(transparent)]
    Devices(#[from] DevicesError),
    #[error("the {protocol} map of the plant is not sound: {what}")]
    Map { protocol: &'static str, what: String },
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("GOOSE cannot be sent: {0}")]
    GooseSettings(#[from] SettingsError),
    #[error("GOOSE cannot be sent: {0}")]
    Wire(#[from] WireError),
    #[error("the plant's thread cannot be started: {source}")]
    Thread { source: io::Error },
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandFault {
    #[error(transparent)]
    Plant(#[from] PlantError),
    /// It was taken, and did not come to pass.
    #[error("{why}")]
    Failed { why: String },
    #[error("the plant has stopped")]
    Stopped,
}

impl CommandFault {
    /// The cause in the numbers of IEC 61850 (`AddCause`).
    fn add_cause(&self) -> Refusal {
        const NOT_SUPPORTED: Refusal = 1;
        const STEP_LIMIT: Refusal = 7;
        const PROCESS: Refusal = 9;
        const INTERLOCKING: Refusal = 10;
        match self {
            Self::Plant(PlantError::Interlocked { .. }) => INTERLOCKING,
            Self::Plant(PlantError::Unknown { .. }) => NOT_SUPPORTED,
            Self::Plant(PlantError::OutOfRange { .. }) => STEP_LIMIT,
            _ => PROCESS,
        }
    }
}

/// The way to a plant that runs. Copies of it lead to the same plant.
#[derive(Clone)]
pub struct Handle {
    asks: Sender<Ask>,
    shared: Arc<Shared>,
}

impl Handle {
    /// Carries a command out; of a breaker, comes back when its contacts have moved.
    ///
    /// # Errors
    /// What the plant refuses, a breaker that did not follow, a plant that has stopped.
    pub async fn command(&self, command: &Command) -> Result<(), CommandFault> {
        self.order(Order::Command(command.clone())).await
    }

    async fn order(&self, order: Order) -> Result<(), CommandFault> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask::Order { order, reply }).map_err(|_| CommandFault::Stopped)?;
        answer.await.unwrap_or(Err(CommandFault::Stopped))
    }

    /// For callers that cannot wait in the way of tasks: the thread's other tasks move elsewhere meanwhile.
    fn wait<T>(&self, ask: impl FnOnce(oneshot::Sender<Result<T, CommandFault>>) -> Ask) -> Result<T, CommandFault> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(ask(reply)).map_err(|_| CommandFault::Stopped)?;
        let wait = || wait_for(answer).unwrap_or(Err(CommandFault::Stopped));
        let can_move = tokio::runtime::Handle::try_current().is_ok_and(|h| h.runtime_flavor() == RuntimeFlavor::MultiThread);
        if can_move { tokio::task::block_in_place(wait) } else { wait() }
    }

    /// Keeps the plant's state, to come back to it.
    ///
    /// # Errors
    /// A plant that has stopped.
    pub async fn snapshot(&self) -> Result<(), CommandFault> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask::Snapshot { reply }).map_err(|_| CommandFault::Stopped)?;
        answer.await.map_err(|_| CommandFault::Stopped)
    }

    /// Goes back to the state that was kept last, or to the start.
    ///
    /// # Errors
    /// A plant that has stopped, or whose state has no solution.
    pub async fn restore(&self) -> Result<(), CommandFault> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask::Restore { reply }).map_err(|_| CommandFault::Stopped)?;
        answer.await.unwrap_or(Err(CommandFault::Stopped))
    }

    pub fn moment(&self) -> Moment {
        locked(&self.shared.moment).clone()
    }

    pub fn state(&self) -> State {
        State {
            moment: self.moment(),
            station: self.shared.station.clone(),
            buses: self.shared.buses.clone(),
            breakers: locked(&self.shared.breakers).clone(),
            scenarios: self.shared.scenarios.clone(),
        }
    }

    /// Events after a number, and how many of them are no longer kept.
    pub fn events_since(&self, number: u64) -> (Vec<Numbered>, u64) {
        locked(&self.shared.log).since(number)
    }

    /// Events as they come, and the state once a second.
    pub fn watch(&self) -> broadcast::Receiver<Told> {
        self.shared.told.subscribe()
    }
}

/// Waits for an answer on a thread that may block.
fn wait_for<T>(mut answer: oneshot::Receiver<T>) -> Option<T> {
    // Not `blocking_recv`, which does not like to be called on a runtime of one thread.
    loop {
        match answer.try_recv() {
            Ok(answer) => return Some(answer),
            Err(oneshot::error::TryRecvError::Empty) => std::thread::sleep(Duration::from_millis(1)),
            Err(oneshot::error::TryRecvError::Closed) => return None,
        }
    }
}

/// What devices ask a plant that is not there yet while they are being started.
type Way = Arc<OnceLock<Handle>>;

/// The devices of Modbus and 104.
struct Field {
    points: Arc<Vec<Served>>,
    way: Way,
}

impl Field {
    fn order(&self, point: usize, value: &Value) -> Result<Order, String> {
        let act = self.points.get(point).and_then(|p| p.act.as_ref()).ok_or("it takes no commands")?;
        match (act, value) {
            (Act::Tap { transformer, .. }, Value::Integer(position)) => {
                Ok(Order::TapTo { transformer: transformer.clone(), position: *position })
            }
            (act, value) => Ok(Order::Command(act.command(value.as_bool().ok_or("it is on or off")?))),
        }
    }
}

impl simulate::Plant for Field {
    fn command(&self, _: &Image, place: Place, value: &Value) -> Result<(), String> {
        let order = self.order(place.point, value)?;
        let way = self.way.get().ok_or("the plant is being started")?;
        way.wait(|reply| Ask::Order { order, reply }).map_err(|e| e.to_string())
    }
}

/// The device of IEC 61850.
struct Controls {
    acts: HashMap<String, Act>,
    way: Way,
}

impl Controls {
    fn order(&self, request: &Request) -> Result<Order, Refusal> {
        const INVALID: Refusal = 4;
        let act = self.acts.get(&request.object).ok_or(1)?;
        match (act, &request.value) {
            (Act::Tap { transformer, .. }, Some(MmsValue::Integer(position))) => {
                Ok(Order::TapTo { transformer: transformer.clone(), position: *position })
            }
            (act, Some(MmsValue::Boolean(on))) => Ok(Order::Command(act.command(*on))),
            _ => Err(INVALID),
        }
    }
}

impl Process for Controls {
    fn check(&self, request: &Request) -> Result<(), Refusal> {
        // Selected without a value: what is wanted is known when it is operated.
        if request.value.is_none() && self.acts.contains_key(&request.object) {
            return Ok(());
        }
        let order = self.order(request)?;
        let way = self.way.get().ok_or(9)?;
        way.wait(|reply| Ask::Check { order, reply }).map_err(|e| e.add_cause())
    }

    fn operate(&self, request: Request) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + '_>> {
        Box::pin(async move {
            let order = self.order(&request)?;
            // A test is checked and not carried out.
            if request.test {
                return Ok(());
            }
            self.way.get().ok_or(9)?.order(order).await.map_err(|e| e.add_cause())
        })
    }
}

/// A plant that is served. It ends when it is stopped or dropped.
pub struct Hosted {
    pub handle: Handle,
    /// Addresses that are served, with the ports that the system chose.
    pub modbus: Option<SocketAddr>,
    pub iec104: Option<SocketAddr>,
    pub iec61850: Option<SocketAddr>,
    pub instructor: Option<SocketAddr>,
    points: Arc<Vec<Served>>,
    /// The configuration file of the IEC 61850 device.
    pub configuration: String,
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<io::Result<()>>>,
    thread: Option<JoinHandle<()>>,
}

impl Hosted {
    /// Starts a plant and all that serves it, on the current runtime.
    ///
    /// # Errors
    /// An address that is taken, an interface that is not there, a station that does not fit the maps.
    pub async fn start(plant: Plant, options: HostOptions) -> Result<Self, HostError> {
        if !(0.02..=1.0).contains(&options.interval_s) {
            return Err(HostError::Interval { value: options.interval_s });
        }
        if let Some(address) = options.instructor.filter(|a| !a.ip().is_loopback()) {
            return Err(HostError::NotLoopback { address });
        }
        let points = Arc::new(catalogue(&plant)?);
        let ip = options.iec61850.map_or_else(|| "127.0.0.1".to_owned(), |a| a.ip().to_string());
        let configuration = devices::configuration(&points, &ip)?;
        let model = read_model(&configuration)?;
        let way: Way = Arc::default();
        let stop = CancellationToken::new();
        let mut tasks = Vec::new();
        let mut sinks = Sinks::default();
        let mut bound: HashMap<&'static str, SocketAddr> = HashMap::new();
        for (what, protocol, address) in [("Modbus", Protocol::Modbus, options.modbus), ("IEC 104", Protocol::Iec104, options.iec104)] {
            let Some(address) = address else { continue };
            let image = Arc::new(image(&points, protocol)?);
            let listener = listen(what, address).await?;
            bound.insert(what, listener.local_addr().unwrap_or(address));
            sinks.images.push(image.clone());
            let field = Arc::new(Field { points: points.clone(), way: way.clone() });
            tasks.push(tokio::spawn(simulate_device(image, field, devices::device(protocol), listener, stop.clone())));
        }
        if let Some(address) = options.iec61850 {
            let acts = points.iter().filter_map(|p| {
                let object = format!("{}.{}", p.reference.node(), p.reference.object);
                p.act.clone().map(|act| (object, act))
            });
            let controls = Arc::new(Controls { acts: acts.collect(), way: way.clone() });
            let server = Server::start(&model, IED, address, controls).await?;
            bound.insert("IEC 61850", server.address);
            sinks.model = Some(Model::new(server, &points));
        }
        if let Some(interface) = &options.goose {
            sinks.frames = Some(frames(&plant, &points, &model, interface, (options.clock)())?);
        }
        let listener = match options.instructor {
            Some(address) => Some(listen("instructor's port", address).await?),
            None => None,
        };
        // Sinks are filled once before anybody's order can come.
        let runtime = tokio::runtime::Handle::current();
        let engine = Engine::new(plant, points.clone(), sinks, options.clock.clone(), Duration::from_secs_f64(options.interval_s));
        let shared = engine.shared();
        let (asks, taken) = std::sync::mpsc::channel();
        let ended = stop.clone();
        let thread = std::thread::Builder::new()
            .name("plant".to_owned())
            .spawn(move || {
                // Also when it panics: devices that went on answering would show the last values as those of now.
                let _ended = ended.drop_guard();
                // The IEC 61850 server tells changes by tasks.
                let _runtime = runtime.enter();
                engine.run(&taken);
            })
            .map_err(|source| HostError::Thread { source })?;
        let handle = Handle { asks, shared };
        let _ = way.set(handle.clone());
        if let Some(listener) = listener {
            bound.insert("instructor", listener.local_addr().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))));
            tasks.push(tokio::spawn(instructor::serve(listener, handle.clone(), stop.clone())));
        }
        Ok(Self {
            handle,
            modbus: bound.get("Modbus").copied(),
            iec104: bound.get("IEC 104").copied(),
            iec61850: bound.get("IEC 61850").copied(),
            instructor: bound.get("instructor").copied(),
            points,
            configuration,
            stop,
            tasks,
            thread: Some(thread),
        })
    }

    /// The points as they are served, in the order of [`Plant::points`].
    pub fn points(&self) -> &[Served] {
        &self.points
    }

    /// The document by which a client follows this plant.
    pub fn follow_document(&self) -> String {
        let text = |a: Option<SocketAddr>| a.map(|a| a.to_string());
        devices::follow(&self.points, &Addresses { modbus: text(self.modbus), iec104: text(self.iec104), iec61850: text(self.iec61850) })
    }

    /// Comes back when the plant has ended, by itself too: then nothing is served any more.
    pub async fn ended(&self) {
        self.stop.cancelled().await;
    }

    /// Ends all that serves the plant, and the plant.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ = self.handle.asks.send(Ask::Stop);
        for task in self.tasks.drain(..) {
            let _ = task.await;
        }
        if let Some(thread) = self.thread.take() {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.stop.cancel();
        let _ = self.handle.asks.send(Ask::Stop);
    }
}

async fn simulate_device(
    image: Arc<Image>,
    field: Arc<Field>,
    id: &'static str,
    listener: TcpListener,
    stop: CancellationToken,
) -> io::Result<()> {
    simulate::serve(image, field, id, listener, stop).await
}

async fn listen(what: &'static str, address: SocketAddr) -> Result<TcpListener, HostError> {
    TcpListener::bind(address).await.map_err(|source| HostError::Listen { what, address, source })
}

fn read_model(configuration: &str) -> Result<scl::Scl, HostError> {
    let (model, findings) = scl::read(configuration.as_bytes(), "plant.cid");
    let unsound = || HostError::Map {
        protocol: "IEC 61850",
        what: findings.first().map_or_else(|| "it holds nothing".to_owned(), ToString::to_string),
    };
    if !findings.is_empty() {
        return Err(unsound());
    }
    model.ok_or_else(unsound)
}

fn image(points: &[Served], protocol: Protocol) -> Result<Image, HostError> {
    let document = scada::document::read(&devices::served(points, protocol), "plant");
    if !document.is_sound() {
        let what = document.diagnostics.first().map(ToString::to_string).unwrap_or_default();
        return Err(HostError::Map { protocol: devices::device(protocol), what });
    }
    Ok(Image::new(&document.devices))
}

fn frames(plant: &Plant, points: &[Served], model: &scl::Scl, interface: &str, now: UtcTime) -> Result<Frames, HostError> {
    let settings = GooseSettings::of(model, IED, GOOSE_BLOCK)?;
    let wire = Wire::open(interface, &[])?;
    let members = devices::goose_members(points);
    let mut publisher = Publisher::new(settings, wire.mac, utc_octets(now), Instant::now());
    let values = plant.true_values();
    // The first state that is sent is the plant's, not that of the file.
    publisher.change(members.iter().map(|&k| sinks::mms(points[k].form, values[k])).collect(), utc_octets(now), Instant::now());
    Ok(Frames { publishing: publish(wire, publisher), members })
}
