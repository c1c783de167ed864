//! `gridtwin federated`: sites that fit one model together, each with rows that do not leave it.
//!
//! ```text
//! settings ─► learning::federated ─► TLS
//!                  │
//!                  └─► journal or memory on disk before anything is sent; a page for `status`
//! ```

pub mod arguments;
mod keys;
mod settings;
mod state;
mod status;

use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use arguments::{FederatedArguments, FederatedCommand, RunArguments};
use formats::table::{TableOptions, read};
use learning::federated::coordinator::{Coordinator, Status};
use learning::federated::federation::Site;
use learning::federated::node::{CoordinatorNode, FederationPage, SitePage, participate};
use learning::federated::participant::{Memory, Participant};
use learning::federated::task::{Task, TaskRows};
use learning::federated::wire::{Settings, WireError, tls};
use network::Diagnostic;
pub(crate) use settings::page;
use settings::{CoordinatorSettings, ParticipantSettings, unreadable};
use std::fs;
use std::io;
use std::path::Path;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Runs the command. False for a federation that halted.
///
/// # Errors
/// Settings, keys, tables or states that cannot be used, a line that is refused.
pub fn run(arguments: &FederatedArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    match &arguments.command {
        FederatedCommand::Coordinator(a) => waited(coordinate(a, console)),
        FederatedCommand::Participant(a) => waited(take_part(a, console)).map(|()| true),
        FederatedCommand::Keys(a) => keys::run(a, console).map(|()| true),
        FederatedCommand::Status(a) => status::run(a, console),
    }
}

fn waited<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(crate::serve::failed_runtime)?;
    runtime.block_on(work)
}

fn unusable_state(path: &Path, reason: impl std::fmt::Display, hint: &str) -> Failure {
    Diagnostic::error("FEDERATED.STATE.UNUSABLE", format!("the state in {} cannot be used", path.display()))
        .detail(format!("{reason}."))
        .hint(hint)
        .into()
}

fn unusable_keys(reason: impl std::fmt::Display) -> Failure {
    Diagnostic::error("FEDERATED.KEYS.UNUSABLE", "certificate and key cannot be used")
        .detail(format!("{reason}."))
        .hint("make a pair with `gridtwin federated keys`, or give the two files of one pair, as PEM")
        .into()
}

/// A folder that state is to be written into.
fn writable(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .map_err(|e| unusable_state(path, e, "give a place that may be written, as state = \"state/coordinator.journal\""))
}

/// Becomes true at Ctrl-C or SIGTERM.
fn stop() -> Result<watch::Receiver<bool>, Failure> {
    let asked = crate::serve::asked_to_stop().map_err(crate::serve::failed_runtime)?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        asked.await;
        let _ = sender.send(true);
        // Held as long as the process: a sender that is gone is no order to stop.
        sender.closed().await;
    });
    Ok(receiver)
}

fn of_wire(error: WireError) -> Failure {
    let (code, hint) = match &error {
        WireError::Tls(_) => return unusable_keys(&error),
        WireError::Save(_) => {
            ("FEDERATED.STATE.UNWRITABLE", "make room, or let the place be written; nothing was lost, and it goes on where it was")
        }
        WireError::Listen(_) => ("FEDERATED.LINE.LISTEN", "see whether the address is one of this machine and its port is free"),
        WireError::Refused { .. } => {
            ("FEDERATED.LINE.REFUSED", "compare federation.toml with the coordinator's, and the certificate with the one in it")
        }
        WireError::Impostor { .. } => {
            ("FEDERATED.LINE.IMPOSTOR", "see whether the address is right, and coordinator_sha256 in federation.toml")
        }
        WireError::Model(_) => ("FEDERATED.MODEL.FAILED", "please report it with the settings and the log; it is a fault of the program"),
    };
    Diagnostic::error(code, error.to_string()).hint(hint).into()
}

/// A new coordinator, or the one in the journal.
fn begin_or_go_on(settings: &CoordinatorSettings, console: &mut Console<'_>) -> Result<CoordinatorNode, Failure> {
    let common = &settings.common;
    match fs::read(&common.state) {
        Ok(journal) if !journal.is_empty() => {
            let hint = "give the journal of this federation, or move it away to begin anew";
            let node = CoordinatorNode::read(&journal).map_err(|e| unusable_state(&common.state, e, hint))?;
            if node.coordinator().federation().digest() != common.federation.digest() {
                let hint = "a federation keeps its document; to change it, move the state away and begin anew at all places";
                return Err(unusable_state(&common.state, "it is of another document than federation.toml", hint));
            }
            if node.torn() > 0 {
                console.note(&format!(
                    "The last {} bytes of {} were a write that was cut off; nothing was sent of it.\n",
                    node.torn(),
                    common.state.display()
                ));
            }
            let (round, attempt) = node.coordinator().round();
            console.note(&format!("It goes on in round {round}, attempt {attempt}.\n"));
            Ok(node)
        }
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(unreadable(&common.state, &e).into()),
        _ => {
            let training = common.task.training().map_err(|faults| {
                let finding = |f: &learning::federated::task::TaskFault| Diagnostic::error("FEDERATED.SETTINGS.UNUSABLE", f.to_string());
                Failure::new(faults.iter().map(finding).collect())
            })?;
            let coordinator = Coordinator::new(common.federation.clone(), settings.options, training).map_err(|e| {
                Failure::from(
                    Diagnostic::error("FEDERATED.SETTINGS.UNUSABLE", "the federation cannot begin with these settings")
                        .detail(format!("{e}.")),
                )
            })?;
            Ok(CoordinatorNode::new(coordinator))
        }
    }
}

async fn coordinate(arguments: &RunArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let settings = settings::coordinator(&arguments.config)?;
    let common = &settings.common;
    writable(&common.state)?;
    writable(&common.page)?;
    let mut node = begin_or_go_on(&settings, console)?;
    if arguments.go_on {
        node.go_on();
    }
    let tls = common.credentials.server(&common.federation).map_err(unusable_keys)?;
    let listener = TcpListener::bind(&settings.listen).await.map_err(|e| {
        let what = Diagnostic::error("FEDERATED.LINE.LISTEN", format!("nobody can listen at {}", settings.listen));
        Failure::from(
            what.detail(format!("The system says: {e}.")).hint("see whether the address is one of this machine and its port is free"),
        )
    })?;
    console.note(&format!("\"{}\" listens at {}.\n", common.federation.name, settings.listen));
    let (page, pages) = watch::channel(FederationPage::of(node.coordinator()));
    let writer = tokio::spawn(state::write_page(common.page.clone(), pages));
    let journal = state::DiskJournal::new(&common.state);
    let ended = node.run(listener, tls, Settings::default(), journal, page, stop()?).await;
    // The page's sender is gone: the last one is written.
    let _ = writer.await;
    let coordinator = ended.map_err(of_wire)?;
    if let Some(path) = &settings.model {
        write_model(&coordinator, path)?;
    }
    let page = FederationPage::of(&coordinator);
    console.print(&status::of_federation(&page))?;
    match page.status {
        Status::Halted { reason } => {
            let what = Diagnostic::error("FEDERATED.ROUNDS.HALTED", format!("\"{}\" halted", page.name)).detail(format!("{reason}."));
            console.warn(&[what.hint("see what the notices tell of sites, mend it, and start the coordinator again with --go-on")]);
            Ok(false)
        }
        _ => Ok(true),
    }
}

/// The model that counts, with the version it is.
fn write_model(coordinator: &Coordinator, path: &Path) -> Result<(), Failure> {
    let Some(version) = coordinator.versions().last() else { return Ok(()) };
    let text = serde_json::to_vec_pretty(version).expect("a version is plain data");
    state::replace(path, &text).map(|_| ()).map_err(|e| {
        let what = Diagnostic::error("FEDERATED.STATE.UNWRITABLE", format!("the model cannot be written to {}", path.display()));
        what.detail(format!("The system says: {e}.")).hint("give a place that may be written").into()
    })
}

/// The rows of a table.
fn rows(task: &Task, path: &Path, console: &mut Console<'_>) -> Result<TaskRows, Failure> {
    let table = read(&DiskFiles::default(), path, &TableOptions::default())?;
    console.warn(&table.diagnostics);
    task.rows(&table.headers, table.rows.iter().map(|row| (row.line as usize, row.cells.as_slice()))).map_err(|faults| {
        let finding = |fault: &learning::federated::task::TaskFault| {
            Diagnostic::error("FEDERATED.ROWS.UNFIT", format!("{} is no table of the task", path.display()))
                .detail(format!("{fault}."))
                .hint("correct the table, or the names and classes in task.toml at all places")
        };
        Failure::new(faults.iter().map(finding).collect())
    })
}

fn memory(path: &Path) -> Result<Memory, Failure> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|e| {
            let hint = "give the state of this site; without one, its count of spent privacy begins anew, so ask the coordinator before you move it away";
            unusable_state(path, e, hint)
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Memory::default()),
        Err(e) => Err(unreadable(path, &e).into()),
    }
}

async fn take_part(arguments: &RunArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let ParticipantSettings { common, coordinator, rows: of_rows, held_out, held_out_part } = settings::participant(&arguments.config)?;
    writable(&common.state)?;
    writable(&common.page)?;
    let all = rows(&common.task, &of_rows, console)?;
    let (own, judging) = match held_out {
        Some(path) => (all, rows(&common.task, &path, console)?),
        None => all.split(held_out_part),
    };
    let limit = common.federation.weight_limit;
    if own.count() as f64 > limit {
        let what = Diagnostic::warning("FEDERATED.ROWS.MANY", format!("{} rows, and {limit} count at most (weight_limit)", own.count()));
        console.warn(&[
            what.hint("averaged models take the limit as weight; trees need a limit that no site exceeds: agree on a greater one")
        ]);
    }
    console.note(&format!("{} rows to train on, {} to judge by; its own model is trained for comparison.\n", own.count(), judging.count()));
    let model = common.task.site(&own, &judging).map_err(|e| {
        let what = Diagnostic::error("FEDERATED.ROWS.UNFIT", format!("no model can be trained on {}", of_rows.display()));
        Failure::from(what.detail(format!("{e}.")).hint("see whether every class and feature has values"))
    })?;
    let identity = common.credentials.identity().map_err(unusable_keys)?;
    let seed = tls::seed().map_err(unusable_keys)?;
    let participant = Participant::new(common.federation.clone(), identity, model, &seed, memory(&common.state)?).map_err(|e| {
        Failure::from(Diagnostic::error("FEDERATED.SETTINGS.UNUSABLE", "the site cannot take part").detail(format!("{e}.")))
    })?;
    let me: Site = participant.site();
    console.note(&format!("\"{}\" takes part in \"{}\" at {coordinator}.\n", common.federation.name_of(me), common.federation.name));
    let tls = common.credentials.client(&common.federation).map_err(unusable_keys)?;
    let (page, pages) = watch::channel(SitePage::default());
    let writer = tokio::spawn(state::write_page(common.page.clone(), pages.clone()));
    let path = common.state.clone();
    let save = move |memory: &Memory| -> io::Result<()> { state::replace(&path, &serde_json::to_vec(memory)?).map(|_| ()) };
    let ended = participate(coordinator, tls, participant, Settings::default(), save, page, stop()?).await;
    let _ = writer.await;
    ended.map_err(of_wire)?;
    let page = pages.borrow().clone();
    console.print(&status::of_site(&page))
}
