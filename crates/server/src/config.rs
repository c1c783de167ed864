//! What the administrator decides at the start.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

/// How the server runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of everything that is kept.
    pub data: PathBuf,
    pub address: IpAddr,
    /// 0 lets the system choose one.
    pub port: u16,
    /// Address of a PostgreSQL database for users, sessions and jobs; a SQLite file in the folder without one.
    pub database: Option<String>,
    /// Everyone is an administrator; only on loopback.
    pub no_auth: bool,
    /// Proxies in front of the server: what they say of the caller's address is believed.
    pub proxies: Vec<IpAddr>,
    /// A session ends when it was not used for so long.
    pub session_idle: Duration,
    /// A session ends after so long in any case.
    pub session_max: Duration,
    /// Origins that other sites' pages may call from.
    pub cors: Vec<String>,
    /// Certificate chain and key, PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Program that runs jobs, as `PROGRAM worker`.
    pub worker: PathBuf,
    /// Jobs that run at once.
    pub jobs_max: usize,
    /// Largest upload, bytes.
    pub upload_max: u64,
    /// Plant that is followed; none without one.
    pub twin: Option<crate::Follow>,
    /// Pages of coordinators and participants of federated training that are shown.
    pub federations: Vec<PathBuf>,
}

impl Config {
    pub fn new(data: impl Into<PathBuf>, worker: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8080,
            database: None,
            no_auth: false,
            proxies: Vec::new(),
            session_idle: Duration::from_secs(12 * 3600),
            session_max: Duration::from_secs(7 * 24 * 3600),
            cors: Vec::new(),
            tls: None,
            worker: worker.into(),
            jobs_max: 1,
            upload_max: 2 * 1024 * 1024 * 1024,
            twin: None,
            federations: Vec::new(),
        }
    }

    pub(crate) fn session_idle_ms(&self) -> i64 {
        i64::try_from(self.session_idle.as_millis()).unwrap_or(i64::MAX)
    }

    pub(crate) fn session_max_ms(&self) -> i64 {
        i64::try_from(self.session_max.as_millis()).unwrap_or(i64::MAX)
    }
}
