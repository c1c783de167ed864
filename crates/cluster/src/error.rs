//! Why a cluster could not do what it was asked.

use crate::address::Address;
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// Why a worker does not do a job, so that the whole query ends: told as findings, with the worker that told it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The worker, as its operator named it.
    pub worker: String,
    pub findings: Vec<Diagnostic>,
}

/// Begins a refusal within the text of an error; the engine carries errors as text, and quotes it on the way.
const MARK: &str = "[refused:";

impl Refusal {
    /// The refusal as text in which it can be found again, however it was quoted: the messages for people, and all of it in hexadecimal.
    pub fn as_text(&self) -> String {
        let messages: Vec<&str> = self.findings.iter().map(|d| d.message.as_str()).collect();
        let bytes = serde_json::to_vec(self).expect("findings are plain data");
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        format!("{} {MARK}{hex}]", messages.join("; "))
    }

    /// The refusal within a text.
    pub fn in_text(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once(MARK)?;
        let hex = rest.split(']').next()?.as_bytes();
        let digit = |d: u8| char::from(d).to_digit(16);
        let bytes: Option<Vec<u8>> = hex.chunks(2).map(|two| Some((digit(two[0])? * 16 + digit(*two.get(1)?)?) as u8)).collect();
        serde_json::from_slice(&bytes?).ok()
    }
}

/// A failure of the cluster, of its own or told by a worker.
#[derive(Debug, Error)]
pub enum ClusterError {
    #[error("no scheduler answers at {address}")]
    NoScheduler { address: Address, reason: String },
    #[error("what answers at {address} is no scheduler of this program")]
    NotAScheduler { address: Address, reason: String },
    #[error("the cluster at {address} has no worker")]
    NoWorker { address: Address, waited: Duration },
    #[error("cannot listen on {address}")]
    CannotListen { address: String, reason: String },
    #[error("worker {} does not run the study", refusal.worker)]
    Refused { refusal: Box<Refusal> },
    #[error("the cluster at {address} could not finish the study")]
    Failed { address: Address, reason: String },
    #[error("the cluster's answer does not have every job exactly once")]
    Rows { missing: usize, doubled: usize, foreign: usize },
    #[error("the study was interrupted")]
    Interrupted,
    #[error("cannot {action} {place}")]
    Storage { action: &'static str, place: String, reason: String },
    #[error("\"{text}\" is no place in object storage")]
    Place { text: String, reason: String },
    #[error("cannot use the folder {}", path.display())]
    Folder { path: PathBuf, reason: String },
    #[error("the cluster's part of the program could not start")]
    Start { reason: String },
}

impl ClusterError {
    /// The failure as findings: what, why, how to mend it.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let what = self.to_string();
        let one = match self {
            Self::Refused { refusal } => return refusal.findings.iter().map(|d| told_by(&refusal.worker, d)).collect(),
            Self::NoScheduler { reason, .. } => Diagnostic::error("CLUSTER.SCHEDULER.UNREACHABLE", what)
                .detail(reason.clone())
                .hint("Check host and port, that `gridtwin cluster scheduler` runs there, and that no firewall stands in between."),
            Self::NotAScheduler { reason, .. } => Diagnostic::error("CLUSTER.SCHEDULER.FOREIGN", what)
                .detail(reason.clone())
                .hint("Name the port that `gridtwin cluster scheduler` said it listens on."),
            Self::NoWorker { waited, address } => Diagnostic::error("CLUSTER.WORKER.NONE", what)
                .detail(format!("None came within {} s.", waited.as_secs()))
                .hint(format!("Start some: gridtwin cluster worker --scheduler {}.", address.of_queries())),
            Self::CannotListen { reason, .. } => Diagnostic::error("CLUSTER.PORT.REFUSED", what)
                .detail(reason.clone())
                .hint("Choose another --port, or end the program that has it."),
            Self::Failed { reason, .. } => Diagnostic::error("CLUSTER.QUERY.FAILED", what)
                .detail(reason.clone())
                .hint("What was committed is whole: say the same again with --resume. The log of scheduler and workers says more."),
            Self::Rows { missing, doubled, foreign } => Diagnostic::error("CLUSTER.QUERY.ROWS", what)
                .detail(format!("{missing} missing, {doubled} more than once, {foreign} that were not asked for."))
                .hint("Nothing of the answer was used. Please report it."),
            Self::Interrupted => Diagnostic::error("CLUSTER.QUERY.INTERRUPTED", what),
            Self::Storage { reason, .. } => Diagnostic::error("CLUSTER.STORAGE.REFUSED", what).detail(reason.clone()).hint(
                "Check bucket, endpoint and keys: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, here and at every worker.",
            ),
            Self::Place { reason, .. } => {
                Diagnostic::error("CLUSTER.STORAGE.PLACE", what).detail(reason.clone()).hint("Write s3://bucket/folder.")
            }
            Self::Folder { reason, .. } => Diagnostic::error("CLUSTER.FOLDER.REFUSED", what).detail(reason.clone()),
            Self::Start { reason } => Diagnostic::error("CLUSTER.PROGRAM.START", what).detail(reason.clone()),
        };
        vec![one]
    }
}

/// A finding of a worker, with its name.
fn told_by(worker: &str, finding: &Diagnostic) -> Diagnostic {
    if finding.message.contains(worker) {
        return finding.clone();
    }
    let who = format!("Worker {worker} says so.");
    let detail = finding.detail.as_ref().map_or_else(|| who.clone(), |detail| format!("{detail} {who}"));
    finding.clone().detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_comes_back_out_of_quoted_text() {
        let refusal = Refusal { worker: "w \"1\"".into(), findings: vec![Diagnostic::error("A.B.C", "it's \"so\"\n[x]").hint("mend")] };
        let text = format!("Job x failed: {:?}", format!("Execution({:?})", refusal.as_text()));
        assert_eq!(Refusal::in_text(&text), Some(refusal));
        for none in ["", "[refused:", "[refused:zz]", "[refused:7]", "[refused:7b7d]"] {
            assert_eq!(Refusal::in_text(none), None, "{none}");
        }
    }
}
