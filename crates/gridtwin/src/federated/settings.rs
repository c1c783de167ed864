//! The settings of a coordinator or a participant, and the files they name.
//!
//! ```text
//! federation.toml   who takes part and what protects them: the same at all places, bit for bit in meaning
//! task.toml         what is trained: the same at all places
//! coordinator.toml, participant.toml: each place's own
//! ```
//!
//! Paths are taken from the folder of the settings.

use crate::failure::Failure;
use learning::federated::coordinator::Options;
use learning::federated::credentials::Credentials;
use learning::federated::federation::Federation;
use learning::federated::task::Task;
use network::Diagnostic;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// Settings of either kind. A word that is not known is refused: it may be a safety measure that was misspelt.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    federation: PathBuf,
    task: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    /// Where the state is kept over a restart.
    state: PathBuf,
    /// Where the page is written for `status`.
    page: PathBuf,
    /// Coordinator: `address:port` to listen at.
    listen: Option<String>,
    /// Coordinator: how rounds are run; see `Options`.
    #[serde(default)]
    rounds: Rounds,
    /// Coordinator: where the model that counts is written, as JSON.
    model: Option<PathBuf>,
    /// Participant: `host:port` of the coordinator.
    coordinator: Option<String>,
    /// Participant: the table.
    rows: Option<PathBuf>,
    /// Participant: another table to judge by.
    held_out: Option<PathBuf>,
    /// Participant: without one, this part of the last rows.
    held_out_part: Option<f64>,
}

/// Times of rounds in seconds, all of them optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rounds {
    gather_s: Option<f64>,
    train_s: Option<f64>,
    exchange_s: Option<f64>,
    judge_s: Option<f64>,
    grace_s: Option<f64>,
    attempts: Option<u32>,
    worsening: Option<f64>,
    rollbacks: Option<u32>,
    keep: Option<usize>,
}

/// What both kinds have.
pub(super) struct Common {
    pub(super) federation: Federation,
    pub(super) task: Task,
    pub(super) credentials: Credentials,
    pub(super) state: PathBuf,
    pub(super) page: PathBuf,
}

pub(super) struct CoordinatorSettings {
    pub(super) common: Common,
    pub(super) listen: String,
    pub(super) options: Options,
    pub(super) model: Option<PathBuf>,
}

pub(super) struct ParticipantSettings {
    pub(super) common: Common,
    pub(super) coordinator: String,
    pub(super) rows: PathBuf,
    pub(super) held_out: Option<PathBuf>,
    pub(super) held_out_part: f64,
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error("FEDERATED.FILE.UNREADABLE", format!("{} cannot be read", path.display()))
        .detail(format!("The system says: {error}."))
        .hint("see whether the name is right and the file may be read; paths are taken from the folder of the settings")
}

fn setting(path: &Path, reason: impl std::fmt::Display) -> Diagnostic {
    let reason = reason.to_string();
    Diagnostic::error("FEDERATED.SETTINGS.UNUSABLE", format!("{} cannot be used", path.display()))
        .detail(format!("{}.", reason.trim_end().trim_end_matches('.')))
        .hint("docs/methods/learning-federated.md has all settings with their values")
}

fn document<T: DeserializeOwned>(path: &Path) -> Result<T, Diagnostic> {
    let text = std::fs::read_to_string(path).map_err(|e| unreadable(path, &e))?;
    toml::from_str(&text).map_err(|e| setting(path, e))
}

/// The file, and the folder that its paths are taken from.
fn file(config: &Path) -> Result<(File, PathBuf), Failure> {
    let folder = config.parent().map(Path::to_owned).unwrap_or_default();
    Ok((document(config)?, folder))
}

/// Reads what both kinds have; tells all faults of all files at once.
fn common(file: &File, folder: &Path) -> Result<Common, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let mut keep = |finding: Diagnostic| findings.push(finding);
    let (of_federation, of_task) = (folder.join(&file.federation), folder.join(&file.task));
    let federation = document::<Federation>(&of_federation).map_err(&mut keep).ok();
    let task = document::<Task>(&of_task).map_err(&mut keep).ok();
    let (of_certificate, of_key) = (folder.join(&file.certificate), folder.join(&file.key));
    let certificate = std::fs::read(&of_certificate).map_err(|e| keep(unreadable(&of_certificate, &e))).ok();
    let key = std::fs::read(&of_key).map_err(|e| keep(unreadable(&of_key, &e))).ok();
    for fault in federation.iter().flat_map(Federation::faults) {
        keep(setting(&of_federation, fault));
    }
    for fault in task.iter().flat_map(Task::faults) {
        keep(setting(&of_task, fault));
    }
    let credentials = certificate.zip(key).and_then(|(certificate, key)| {
        Credentials::from_pem(&certificate, &key)
            .map_err(|e| {
                let what = Diagnostic::error(
                    "FEDERATED.KEYS.UNUSABLE",
                    format!("{} and {} are no certificate with its key", of_certificate.display(), of_key.display()),
                );
                keep(
                    what.detail(format!("{e}."))
                        .hint("make a pair with `gridtwin federated keys`, or give the two files of one pair, as PEM"),
                );
            })
            .ok()
    });
    match (federation, task, credentials) {
        (Some(federation), Some(task), Some(credentials)) if findings.is_empty() => {
            Ok(Common { federation, task, credentials, state: folder.join(&file.state), page: folder.join(&file.page) })
        }
        _ => Err(findings),
    }
}

fn missing(config: &Path, name: &str, example: &str) -> Diagnostic {
    setting(config, format!("\"{name}\" is missing, as in {name} = {example}"))
}

/// Milliseconds of a number of seconds above 0 and below a year.
fn milliseconds(config: &Path, name: &str, told: Option<f64>, usual: u64, findings: &mut Vec<Diagnostic>) -> u64 {
    match told {
        None => usual,
        Some(s) if s > 0.0 && s <= 366.0 * 86_400.0 => (s * 1000.0).ceil() as u64,
        Some(s) => {
            findings.push(setting(config, format!("rounds.{name} is {s}; it has to be a number of seconds above 0, of a year at most")));
            usual
        }
    }
}

fn not_pinned(whose: &str, credentials: &Credentials, federation: &Federation) -> Diagnostic {
    Diagnostic::error("FEDERATED.KEYS.NOT_IN_ROSTER", format!("the {whose} certificate is not in the document of \"{}\"", federation.name))
        .detail(format!("Its SHA-256 is {}.", credentials.digest()))
        .hint("put this SHA-256 into federation.toml at all places, or give the certificate that stands there")
}

pub(super) fn coordinator(config: &Path) -> Result<CoordinatorSettings, Failure> {
    let (file, folder) = file(config)?;
    let mut findings = Vec::new();
    if file.listen.is_none() {
        findings.push(missing(config, "listen", "\"0.0.0.0:7420\""));
    }
    let usual = Options::default();
    let mut time = |name, told, usual| milliseconds(config, name, told, usual, &mut findings);
    let r = &file.rounds;
    let options = Options {
        gather_ms: time("gather_s", r.gather_s, usual.gather_ms),
        train_ms: time("train_s", r.train_s, usual.train_ms),
        exchange_ms: time("exchange_s", r.exchange_s, usual.exchange_ms),
        judge_ms: time("judge_s", r.judge_s, usual.judge_ms),
        grace_ms: time("grace_s", r.grace_s, usual.grace_ms),
        attempts: r.attempts.unwrap_or(usual.attempts),
        worsening: r.worsening.unwrap_or(usual.worsening),
        rollbacks: r.rollbacks.unwrap_or(usual.rollbacks),
        keep: r.keep.unwrap_or(usual.keep),
        ..usual
    };
    match (common(&file, &folder), file.listen) {
        (Ok(common), Some(listen)) if findings.is_empty() => {
            if common.credentials.digest() != common.federation.coordinator_sha256 {
                return Err(not_pinned("coordinator's", &common.credentials, &common.federation).into());
            }
            let options = Options { rounds: common.task.rounds, ..options };
            Ok(CoordinatorSettings { common, listen, options, model: file.model.map(|m| folder.join(m)) })
        }
        (common, _) => {
            findings.extend(common.err().unwrap_or_default());
            Err(Failure::new(findings))
        }
    }
}

pub(super) fn participant(config: &Path) -> Result<ParticipantSettings, Failure> {
    let (file, folder) = file(config)?;
    let mut findings = Vec::new();
    if file.coordinator.is_none() {
        findings.push(missing(config, "coordinator", "\"coordinator.example:7420\""));
    }
    if file.rows.is_none() {
        findings.push(missing(config, "rows", "\"rows.csv\""));
    }
    let part = file.held_out_part.unwrap_or(0.25);
    if !(part > 0.0 && part < 1.0) {
        findings.push(setting(config, format!("held_out_part is {part}; it has to be above 0 and below 1")));
    }
    match (common(&file, &folder), file.coordinator, file.rows) {
        (Ok(common), Some(coordinator), Some(rows)) if findings.is_empty() => {
            if common.federation.site_of(common.credentials.digest()).is_none() {
                return Err(not_pinned("site's", &common.credentials, &common.federation).into());
            }
            Ok(ParticipantSettings {
                common,
                coordinator,
                rows: folder.join(rows),
                held_out: file.held_out.map(|h| folder.join(h)),
                held_out_part: part,
            })
        }
        (common, ..) => {
            findings.extend(common.err().unwrap_or_default());
            Err(Failure::new(findings))
        }
    }
}

/// Where a coordinator or participant writes its page.
pub(crate) fn page(config: &Path) -> Result<PathBuf, Failure> {
    let (file, folder) = file(config)?;
    Ok(folder.join(file.page))
}
