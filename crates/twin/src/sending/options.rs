//! What is sent, where to, and how long it is tried.

use crate::alarms::notify::Route;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What nobody may read in a log: a password, a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret")
    }
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    None,
    /// In the clear until the server was asked to protect it; without that nothing is sent.
    #[default]
    StartTls,
    /// From the first octet on.
    Tls,
}

impl Security {
    pub const ALL: [(&'static str, Self); 3] = [("none", Self::None), ("starttls", Self::StartTls), ("tls", Self::Tls)];

    /// The usual port.
    pub fn port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::StartTls => 587,
            Self::Tls => 465,
        }
    }
}

/// The server that takes mail.
#[derive(Clone, Debug, PartialEq)]
pub struct MailServer {
    pub server: String,
    pub port: u16,
    pub security: Security,
    pub user: Option<String>,
    pub password: Option<Secret>,
    /// Authorities that are trusted beside the usual ones, as PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// `name@example.org` or `Name <name@example.org>`.
    pub from: String,
}

/// An address that takes notices as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    pub url: String,
    /// Key of the signature.
    pub secret: Option<Secret>,
    pub ca_pem: Option<Vec<u8>>,
}

/// How long and how often something is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// Before the second attempt; doubled with each.
    pub retry_first: Duration,
    pub retry_longest: Duration,
    /// After this a notice is given up, and that is told.
    pub give_up: Duration,
    /// One attempt.
    pub timeout: Duration,
    /// Notices that wait for one target; those beyond are put together in one.
    pub waiting_max: usize,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            retry_first: Duration::from_secs(2),
            retry_longest: Duration::from_secs(300),
            give_up: Duration::from_secs(24 * 3600),
            timeout: Duration::from_secs(20),
            waiting_max: 200,
        }
    }
}

impl Timing {
    /// How long to wait after so many attempts that failed.
    pub(super) fn wait_ms(&self, failed: u32) -> i64 {
        let doubled = self.retry_first.saturating_mul(1 << failed.saturating_sub(1).min(20));
        doubled.min(self.retry_longest).as_millis() as i64
    }
}

/// Notices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notices {
    pub mail: Option<MailServer>,
    pub webhooks: Vec<Webhook>,
    /// Routes of the site, beside those of the alarm rules.
    pub routes: Vec<Route>,
}

/// How a server of InfluxDB is told where lines belong.
#[derive(Clone, Debug, PartialEq)]
pub enum Database {
    /// Version 2 and later: `/api/v2/write`.
    Bucket { org: String, bucket: String, token: Option<Secret> },
    /// Version 1: `/write`.
    Version1 { database: String, user: Option<String>, password: Option<Secret> },
}

/// Values that go to InfluxDB.
#[derive(Clone, Debug, PartialEq)]
pub struct Influx {
    /// Scheme, host, port, and a path where the server is behind one.
    pub url: String,
    pub database: Database,
    pub measurement: String,
    /// Tags of every line, beside `point` and `unit`.
    pub tags: Vec<(String, String)>,
    /// Names of points; a `*` at the end stands for anything. None means all.
    pub points: Vec<String>,
    pub every: Duration,
    pub gzip: bool,
    /// Samples that wait at most; the oldest of those beyond are left out, and that is told.
    pub backlog: usize,
    /// Samples of one request at most.
    pub batch: usize,
    pub ca_pem: Option<Vec<u8>>,
}

impl Influx {
    /// Whether a point is wanted.
    pub fn takes(&self, point: &str) -> bool {
        self.points.is_empty()
            || self.points.iter().any(|p| match p.strip_suffix('*') {
                Some(head) => point.starts_with(head),
                None => p == point,
            })
    }
}

/// All that leaves the house.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Name of the site, for people.
    pub site: String,
    /// Where people open its pages.
    pub url: Option<String>,
    pub notices: Option<Notices>,
    pub influx: Option<Influx>,
    pub timing: Timing,
    /// Where it is written down what was sent.
    pub folder: PathBuf,
}
