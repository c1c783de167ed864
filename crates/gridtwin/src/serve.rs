//! `gridtwin serve`: the server, until it is told to stop.

mod configuration;
mod sending;
mod site;
mod site_model;

use crate::cli::ServeArguments;
use crate::console::Console;
use crate::failure::Failure;
use network::Diagnostic;
use server::{Server, StartError};
use std::future::Future;

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::new(error.diagnostics())
    }
}

/// Runs until the process is asked to stop.
///
/// # Errors
/// A configuration that cannot be read or would be unsafe, a port that is taken, data that cannot be opened.
pub fn run(arguments: &ServeArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let mut configuration = configuration::read(arguments)?;
    log_to_stderr(&configuration);
    if let Some(document) = &configuration.twin {
        let usual_history = arguments.data.join("twin").join("history");
        let (follow, findings) = site::read(document, &usual_history, configuration.server.database.as_deref()).map_err(Failure::new)?;
        console.warn(&findings);
        configuration.server.twin = Some(follow);
    }
    let server = Server::bind(configuration.server)?;
    console.print(&format!("GridTwin {} serves {} at {}\n", env!("CARGO_PKG_VERSION"), arguments.data.display(), server.url()))?;
    if let Some(document) = &configuration.twin {
        console.print(&format!("It follows the plant of {}.\n", document.display()))?;
    }
    if arguments.no_auth {
        console.note("WARNING: there is no login. Everyone who reaches this port is an administrator.\n");
    } else if let Some(link) = server.first_admin_url() {
        console.print(&format!("There are no users yet. Make the first administrator here; the link works once:\n  {link}\n"))?;
    }
    if arguments.demo && server.demonstrate()? {
        console.print("The project \"demo\" is being made; its networks and results appear as they are ready.\n")?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed_runtime)?;
    runtime.block_on(async {
        let stop = asked_to_stop().map_err(failed_runtime)?;
        server.run(stop).await.map_err(Failure::from)
    })
}

pub(crate) fn failed_runtime(error: std::io::Error) -> Failure {
    Diagnostic::error("SERVER.START.RUNTIME", "the server's threads cannot be started")
        .detail(format!("The system says: {error}."))
        .hint("The machine may be out of memory or of processes.")
        .into()
}

/// Ready at the first Ctrl-C or SIGTERM. The handlers stand before this returns, so that no signal is missed.
pub(crate) fn asked_to_stop() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// Log lines go to the error stream: as text, or one JSON object a line.
fn log_to_stderr(configuration: &configuration::Configuration) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(&configuration.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A subscriber that is there already, as in tests, stays.
    let _ = if configuration.log_json { log.json().try_init() } else { log.with_ansi(false).try_init() };
}
