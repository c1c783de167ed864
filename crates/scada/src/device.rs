//! What every protocol offers to the supervision above it.
//!
//! A [`Device`] knows how to hold one conversation: [`Device::session`] connects to an address, tells through its [`Link`] what comes in,
//! carries out commands that the link hands it, and returns why the conversation ended. It keeps no state between two sessions and does not
//! reconnect; that, the quality of points and the order of addresses are the supervision's ([`crate::supervision`]).

use crate::point::{PointSpec, Reading, Value};
use crate::supervision::Outbox;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Why a conversation with a device ended, or a request failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    #[error("no connection to {address}: {source}")]
    Connect { address: String, source: std::io::Error },
    #[error("the connection broke: {source}")]
    Io { source: std::io::Error },
    #[error("{what} took longer than {limit_s} s")]
    Timeout { what: &'static str, limit_s: f64 },
    #[error("the device closed the connection")]
    Closed,
    #[error("the device broke the rules of {protocol}: {what}")]
    Protocol { protocol: &'static str, what: String },
    #[error("stopped")]
    Stopped,
    #[error("a fault of this program: {what}; please report it")]
    Panicked { what: String },
}

/// Why a command was not carried out, or is not known to have been.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    #[error("no point is named \"{name}\"{}", nearest.as_ref().map(|n| format!("; the nearest is \"{n}\"")).unwrap_or_default())]
    UnknownPoint { name: String, nearest: Option<String> },
    #[error("point \"{name}\" cannot be commanded")]
    NotControllable { name: String },
    #[error("{value} is not within {low} to {high} for \"{name}\"")]
    OutOfRange { name: String, value: f64, low: f64, high: f64 },
    #[error("\"{name}\" does not take {value}")]
    WrongKind { name: String, value: Value },
    #[error("refused before it was sent: {reason}")]
    Interlocked { reason: String },
    #[error("device \"{device}\" cannot be reached; nothing was sent")]
    NotConnected { device: String },
    #[error("device \"{device}\" has another command under way; nothing was sent")]
    Busy { device: String },
    #[error("the device refused: {reason}")]
    Refused { reason: String },
    /// The command was sent and nothing is known of its outcome.
    #[error("no confirmation within {limit_s} s; whether it was carried out is not known")]
    Unconfirmed { limit_s: f64 },
    #[error("the device confirmed, but shows {shown} in place of {wanted}")]
    NotSeen { wanted: Value, shown: Value },
}

/// A command on its way into a device. `raw` is in the counts of the device, scaling already undone.
#[derive(Debug)]
pub struct Command {
    /// Position of the point in its device.
    pub point: usize,
    pub raw: Value,
    pub control: crate::point::Control,
    pub reply: oneshot::Sender<Result<Confirmation, CommandError>>,
}

/// What a device said to a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirmation {
    /// The device's last word, for people (`activation terminated`, `register 40 reads 17`).
    pub said: String,
    /// What was read back, in the counts of the device.
    pub read_back: Option<Value>,
}

/// The future of a session.
pub type SessionFuture<'a> = Pin<Box<dyn Future<Output = DeviceError> + Send + 'a>>;

/// A device of any protocol.
pub trait Device: Send + Sync + 'static {
    /// Unique among all devices.
    fn id(&self) -> &str;

    fn points(&self) -> &[PointSpec];

    /// Holds one conversation with the device at `address` and returns why it ended.
    ///
    /// The future is dropped to end a session from outside; it must leave nothing running then. It must call [`Link::connected`] when the
    /// device answers and [`Link::recovered`] when every point has been read once, and must come back with an error when the device falls
    /// silent for longer than the protocol allows.
    fn session<'a>(&'a self, address: &'a str, link: Link<'a>) -> SessionFuture<'a>;
}

/// A session's way to the rest of the program. Nothing here waits for a consumer.
pub struct Link<'a> {
    outbox: &'a Arc<Outbox>,
    commands: &'a mut mpsc::Receiver<Command>,
}

impl<'a> Link<'a> {
    pub(crate) fn new(outbox: &'a Arc<Outbox>, commands: &'a mut mpsc::Receiver<Command>) -> Self {
        Self { outbox, commands }
    }

    /// The device answers.
    pub fn connected(&self) {
        self.outbox.connected();
    }

    /// Every point has been read since the connection was made.
    pub fn recovered(&self) {
        self.outbox.recovered();
    }

    /// Takes what was read. Positions that no point has are counted and told, not lost in silence.
    pub fn read(&self, readings: &[Reading]) {
        self.outbox.read(readings);
    }

    /// The device says, or the order of its messages shows, that events did not arrive.
    pub fn missed_events(&self, why: &str) {
        self.outbox.missed_events(why);
    }

    /// Something worth telling people that ends nothing: an unknown telegram, a point that the device does not have.
    pub fn remark(&self, what: String) {
        self.outbox.remark(what);
    }

    /// The next command that somebody still waits for; never comes back when there is none any more. Dropping the future loses no command.
    ///
    /// A command whose giver has stopped waiting was told to have no known outcome; it must not be carried out afterwards.
    pub async fn next_command(&mut self) -> Command {
        loop {
            match self.commands.recv().await {
                Some(command) if command.reply.is_closed() => {}
                Some(command) => return command,
                None => std::future::pending().await,
            }
        }
    }
}
