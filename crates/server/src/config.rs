//! What the administrator decides at the start.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

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
}

impl Config {
    pub fn new(data: impl Into<PathBuf>, worker: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8080,
            database: None,
            no_auth: false,
            cors: Vec::new(),
            tls: None,
            worker: worker.into(),
            jobs_max: 1,
            upload_max: 2 * 1024 * 1024 * 1024,
        }
    }
}
