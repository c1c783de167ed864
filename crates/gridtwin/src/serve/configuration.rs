//! What the server is told: by the command line, else by `GRIDTWIN_…` in the environment, else by `gridtwin.toml` in the data folder.

use crate::cli::ServeArguments;
use crate::failure::Failure;
use network::Diagnostic;
use serde::Deserialize;
use server::Config;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// The file, all of it optional. A word that is not known is refused: it may be a safety measure that was misspelt.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileConfiguration {
    address: Option<IpAddr>,
    port: Option<u16>,
    database: Option<String>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    cors: Vec<String>,
    proxy: Vec<IpAddr>,
    jobs: Option<usize>,
    upload_max_mb: Option<u64>,
    session_idle_h: Option<f64>,
    session_max_h: Option<f64>,
    log: Option<String>,
    log_json: Option<bool>,
    twin: Option<PathBuf>,
    federated: Vec<PathBuf>,
}

/// How the server runs, and what it logs.
#[derive(Debug)]
pub(super) struct Configuration {
    pub(super) server: Config,
    /// As `info` or `server=debug,info`.
    pub(super) log: String,
    pub(super) log_json: bool,
    /// Document of the plant that is followed.
    pub(super) twin: Option<PathBuf>,
}

fn refused(place: &str, reason: impl std::fmt::Display) -> Failure {
    Diagnostic::error("SERVER.START.CONFIGURATION", format!("{place} cannot be used"))
        .detail(format!("{reason}."))
        .hint("docs/server.md has all settings with their values.")
        .into()
}

fn file(path: &Path) -> Result<FileConfiguration, Failure> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text).map_err(|e| refused(&name, e.to_string().trim_end().trim_end_matches('.'))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(FileConfiguration::default()),
        Err(e) => Err(refused(&name, e)),
    }
}

/// A value of the environment; an empty one is none.
fn environment<T: FromStr<Err: std::fmt::Display>>(name: &str) -> Result<Option<T>, Failure> {
    match std::env::var(name) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => text.trim().parse().map(Some).map_err(|e| refused(name, e)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(e) => Err(refused(name, e)),
    }
}

fn list<T: FromStr<Err: std::fmt::Display>>(name: &str) -> Result<Vec<T>, Failure> {
    let text = environment::<String>(name)?.unwrap_or_default();
    text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(|t| t.parse().map_err(|e| refused(name, e))).collect()
}

fn first_filled<T>(lists: [Vec<T>; 3]) -> Vec<T> {
    lists.into_iter().find(|l| !l.is_empty()).unwrap_or_default()
}

fn hours(told: Option<f64>, usual: Duration) -> Result<Duration, Failure> {
    match told {
        None => Ok(usual),
        Some(h) if h.is_finite() && h > 0.0 && h <= 24.0 * 3660.0 => Ok(Duration::from_secs_f64(h * 3600.0)),
        Some(h) => Err(refused("a length of sessions", format!("{h} is not a number of hours above zero"))),
    }
}

pub(super) fn read(arguments: &ServeArguments) -> Result<Configuration, Failure> {
    let a = arguments;
    let file = file(&a.config.clone().unwrap_or_else(|| a.data.join("gridtwin.toml")))?;
    let worker = std::env::current_exe().map_err(|e| refused("the path of this program", e))?;
    let mut server = Config::new(&a.data, worker);
    let usual = server.clone();
    server.address = a.address.or(environment("GRIDTWIN_ADDRESS")?).or(file.address).unwrap_or(usual.address);
    server.port = a.port.or(environment("GRIDTWIN_PORT")?).or(file.port).unwrap_or(usual.port);
    server.database = a.database.clone().or(environment("GRIDTWIN_DATABASE")?).or(file.database);
    server.no_auth = a.no_auth;
    server.cors = first_filled([a.cors.clone(), list("GRIDTWIN_CORS")?, file.cors]);
    server.proxies = first_filled([a.proxy.clone(), list("GRIDTWIN_PROXY")?, file.proxy]);
    server.jobs_max = a.jobs.or(environment("GRIDTWIN_JOBS")?).or(file.jobs).unwrap_or(usual.jobs_max);
    if server.jobs_max == 0 {
        return Err(refused("the number of jobs", "0 jobs at once would never run any"));
    }
    let upload_max_mb = environment("GRIDTWIN_UPLOAD_MAX_MB")?.or(file.upload_max_mb);
    server.upload_max = upload_max_mb.map_or(usual.upload_max, |mb: u64| mb.saturating_mul(1024 * 1024));
    server.session_idle = hours(environment("GRIDTWIN_SESSION_IDLE_H")?.or(file.session_idle_h), usual.session_idle)?;
    server.session_max = hours(environment("GRIDTWIN_SESSION_MAX_H")?.or(file.session_max_h), usual.session_max)?;
    let cert = a.tls_cert.clone().or(environment("GRIDTWIN_TLS_CERT")?).or(file.tls_cert);
    let key = a.tls_key.clone().or(environment("GRIDTWIN_TLS_KEY")?).or(file.tls_key);
    server.tls = match (cert, key) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        _ => return Err(refused("TLS", "certificate and key are needed both")),
    };
    let federated = first_filled([a.federated.clone(), list("GRIDTWIN_FEDERATED")?, file.federated]);
    server.federations = federated.iter().map(|f| crate::federated::page(f)).collect::<Result<_, _>>()?;
    Ok(Configuration {
        server,
        log: a.log.clone().or(environment("GRIDTWIN_LOG")?).or(file.log).unwrap_or_else(|| "info".into()),
        twin: a.twin.clone().or(environment("GRIDTWIN_TWIN")?).or(file.twin),
        log_json: a.log_json || environment("GRIDTWIN_LOG_JSON")?.or(file.log_json).unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn arguments(data: &Path, more: &[&str]) -> ServeArguments {
        let head = ["gridtwin", "serve", "--data", data.to_str().unwrap()];
        let Command::Serve(a) = Cli::try_parse_from(head.iter().chain(more)).unwrap().command else { panic!("serve") };
        a
    }

    #[test]
    fn the_command_line_comes_before_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let text = "port = 9000\naddress = \"10.1.2.3\"\nproxy = [\"10.0.0.1\"]\nsession_idle_h = 0.5\ncors = [\"https://a.example\"]\n";
        std::fs::write(dir.path().join("gridtwin.toml"), text).unwrap();
        let read = read(&arguments(dir.path(), &["--port", "9001", "--cors", "https://b.example"])).unwrap().server;
        assert_eq!((read.port, read.address.to_string()), (9001, "10.1.2.3".to_owned()));
        assert_eq!((read.cors, read.session_idle), (vec!["https://b.example".to_owned()], Duration::from_secs(1800)));
        assert_eq!(read.proxies, ["10.0.0.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(read.session_max, Config::new("", "").session_max);
    }

    #[test]
    fn a_misspelt_setting_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["prot = 1", "port = \"x\"", "port = 70000", "session_max_h = -1", "tls_cert = \"a.pem\"", "jobs = 0", "= ="] {
            std::fs::write(dir.path().join("gridtwin.toml"), text).unwrap();
            let failure = read(&arguments(dir.path(), &[])).expect_err(text);
            assert_eq!(failure.diagnostics[0].code, "SERVER.START.CONFIGURATION", "{text}");
        }
    }
}
