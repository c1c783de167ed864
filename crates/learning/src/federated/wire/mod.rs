//! The two state machines on mutually authenticated TLS 1.3.
//!
//! A frame is its length in four bytes, highest first, and that many bytes of a [`super::message::Message`]; a frame of length 0 only says that the
//! coordinator is there. Both ends know each other's certificate by its SHA-256 from the document of the federation: no authority, no name and no date is
//! trusted. A certificate that is not in the roster does not get through the handshake.

pub mod coordinator;
pub mod frame;
pub mod participant;
pub mod tls;

use std::io;
use std::time::Duration;

use thiserror::Error;

/// Times and sizes of the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Bytes a frame may have.
    pub frame_limit: u32,
    /// How long a connection may take to be made and authenticated.
    pub handshake: Duration,
    /// How often the coordinator says that it is there; a site that hears nothing for six times as long connects anew.
    pub alive: Duration,
    /// How long a site waits before it tries to connect again, at first and after many failures.
    pub retry: (Duration, Duration),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            frame_limit: 256 << 20,
            handshake: Duration::from_secs(10),
            alive: Duration::from_secs(10),
            retry: (Duration::from_millis(200), Duration::from_secs(30)),
        }
    }
}

/// Why the wire was given up.
#[derive(Debug, Error)]
pub enum WireError {
    /// Certificate or key are not usable.
    #[error("certificate or private key cannot be used for TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// What has to outlive a restart could not be kept, so nothing was sent.
    #[error("the state could not be saved, so nothing was sent: {0}")]
    Save(io::Error),
    /// The socket that is listened on.
    #[error("no more connections can be taken: {0}")]
    Listen(io::Error),
    /// The other side does not want this one.
    #[error(
        "refused by the coordinator: {reason}; check that both have the same document and that this site's certificate is in its roster"
    )]
    Refused {
        /// What it said.
        reason: String,
    },
    /// The one at the address is not the coordinator.
    #[error("the one at that address is not the coordinator of the document: {reason}")]
    Impostor {
        /// What TLS said.
        reason: String,
    },
    /// The model's code panicked.
    #[error("the site's model failed: {0}")]
    Model(tokio::task::JoinError),
}
