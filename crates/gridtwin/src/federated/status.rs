//! `gridtwin federated status`: the page of a coordinator or a participant as text.

use super::arguments::StatusArguments;
use super::settings::{self, unreadable};
use crate::console::Console;
use crate::failure::Failure;
use learning::federated::coordinator::{Standing, Status};
use learning::federated::node::{FederationPage, Page, SitePage};
use learning::federated::wire::participant::Line;
use network::Diagnostic;
use std::fmt::Write;

/// How many notices are told; the page has more.
const NOTICES: usize = 10;

/// Prints where it is; false when it halted.
///
/// # Errors
/// A page that is not there or is none.
pub fn run(arguments: &StatusArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let path = settings::page(&arguments.config)?;
    let text = std::fs::read(&path).map_err(|e| {
        if e.kind() == std::io::ErrorKind::NotFound {
            let what = Diagnostic::error("FEDERATED.PAGE.NONE", format!("{} is not there", path.display()));
            what.hint("start the coordinator or participant of these settings first; it writes its page there")
        } else {
            unreadable(&path, &e)
        }
    })?;
    let page: Page = serde_json::from_slice(&text).map_err(|e| {
        let what = Diagnostic::error("FEDERATED.PAGE.UNREADABLE", format!("{} is no page of a federation", path.display()));
        what.detail(format!("{e}.")).hint("it may be of another version of the program; start that place again, and it is written anew")
    })?;
    match page {
        Page::Federation(page) => {
            if arguments.json {
                console.json(&page)?;
            } else {
                console.print(&of_federation(&page))?;
            }
            Ok(!matches!(page.status, Status::Halted { .. }))
        }
        Page::Site(page) => {
            if arguments.json {
                console.json(&page)?;
            } else {
                console.print(&of_site(&page))?;
            }
            Ok(true)
        }
    }
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Never => "not come yet",
        Standing::Away => "away",
        Standing::Waiting => "waiting",
        Standing::Training => "training",
        Standing::Uploaded => "uploaded",
        Standing::Late => "late",
        Standing::Refused => "refused",
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"))
}

/// A federation as text.
pub(super) fn of_federation(page: &FederationPage) -> String {
    let mut text = format!("{}, {}: ", page.name, page.training);
    let _ = match &page.status {
        Status::Gathering => writeln!(text, "gathering; waiting for {}", page.waiting_for.join(", ")),
        Status::Running { round, attempt, step } => {
            writeln!(text, "round {round}, attempt {attempt}, {step:?}; waiting for {}", page.waiting_for.join(", "))
        }
        Status::Finished => writeln!(text, "finished"),
        Status::Halted { reason } => writeln!(text, "halted: {reason}"),
    };
    let _ = writeln!(
        text,
        "{} of {} done; {} bytes came from sites, {} went to them",
        page.done, page.planned, page.sent_bytes, page.received_bytes
    );
    if let (Some(epsilon), Some(privacy)) = (page.epsilon, page.privacy) {
        let _ = writeln!(text, "epsilon {epsilon:.3} of {} spent, at delta {:e}", privacy.epsilon_limit, privacy.delta);
    }
    let _ = writeln!(
        text,
        "\n{:<24} {:<14} {:>9} {:>12} {:>12} {:>9} {:>9}",
        "site", "is", "versions", "sent B", "received B", "global", "local"
    );
    for p in &page.participants {
        let _ = writeln!(
            text,
            "{:<24} {:<14} {:>9} {:>12} {:>12} {:>9} {:>9}",
            p.name,
            word(p.standing),
            p.versions,
            p.sent_bytes,
            p.received_bytes,
            number(p.global.map(|s| s.accuracy)),
            number(p.local.map(|s| s.accuracy))
        );
    }
    let _ = writeln!(
        text,
        "\n{:>7} {:>6} {:>6} {:>9} {:>9} {:>9} {:>9}  SHA-256",
        "version", "round", "sites", "global", "local", "loss", "epsilon"
    );
    for v in &page.versions {
        let _ = writeln!(
            text,
            "{:>7} {:>6} {:>6} {:>9} {:>9} {:>9} {:>9}  {:.12}",
            v.version,
            v.round,
            v.sites.len(),
            number(v.global.map(|s| s.accuracy)),
            number(v.local.map(|s| s.accuracy)),
            number(v.global.map(|s| s.loss)),
            number(v.epsilon),
            v.sha256.to_string()
        );
    }
    last(&mut text, &page.notices);
    text
}

/// What happened last, the newest last.
fn last<T: std::fmt::Display>(text: &mut String, notices: &[T]) {
    if !notices.is_empty() {
        text.push_str("\nwhat happened last:\n");
    }
    for notice in &notices[notices.len().saturating_sub(NOTICES)..] {
        let _ = writeln!(text, "  {notice}");
    }
}

/// A site as text.
pub(super) fn of_site(page: &SitePage) -> String {
    let mut text = format!("{} in {}: ", page.site, page.federation);
    let _ = match &page.line {
        _ if page.finished => writeln!(text, "finished"),
        Line::Idle => writeln!(text, "not connected yet"),
        Line::Connected => writeln!(text, "connected"),
        Line::Cut { reason, failures, next_ms } => {
            writeln!(text, "cut off ({reason}); {failures} attempts failed, the next is {:.1} s after that", *next_ms as f64 / 1000.0)
        }
    };
    let _ = match page.last {
        Some((round, attempt)) => writeln!(text, "answered last: round {round}, attempt {attempt}; {} updates sent", page.contributions),
        None => writeln!(text, "asked nothing yet"),
    };
    if let Some((version, sha256)) = page.version {
        let _ = writeln!(text, "has version {version}, SHA-256 {sha256}");
    }
    if let Some(epsilon) = page.epsilon {
        let _ = writeln!(text, "epsilon {epsilon:.3} spent by its own count");
    }
    let _ = writeln!(text, "{} bytes sent, {} received", page.sent_bytes, page.received_bytes);
    last(&mut text, &page.notices);
    text
}
