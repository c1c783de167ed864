//! GOOSE: values of a data set on raw Ethernet, sent at once when they change and again and again until they do.
//!
//! ```text
//! values ─► Publisher (stNum, sqNum, retransmission) ─► frame ─► Wire ─► frame ─► Subscriber (is it ours, in order, alive) ─► Event
//! ```
//!
//! [`Publisher`] and [`Subscriber`] know no clock and no socket: they are handed the time and the bytes, so that every rule can be tested
//! exactly. [`Wire`] is a raw socket, [`publish`] and [`listen`] run them on threads of their own. Frames are coded by the `iec61850-goose`
//! library; lengths and tags of what comes in are checked there, what they mean is checked here.

mod publisher;
mod settings;
mod subscriber;
mod wire;

pub use publisher::{Publisher, Times};
pub use settings::{GooseSettings, SettingsError};
pub use subscriber::{Event, Fault, Message, Subscriber};
pub use wire::{Listening, Publishing, Wire, WireError, listen, publish};
