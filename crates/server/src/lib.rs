//! The server: the only crate that knows the wire.
//!
//! [`serve`] takes a [`Config`] and answers until it is told to stop. Handlers are thin: they ask `store`, `studies` and `powerflow`
//! on threads that may wait, and turn typed errors into [`Problem`]s. Long work is a job, run by a process of its own.

pub mod access;
mod auth;
mod config;
pub mod jobs;
mod problem;
mod random;
mod routes;
mod state;

pub use access::{Caller, Role};
pub use config::Config;
pub use problem::Problem;
pub use state::{App, Shared};

use axum::Router;
use std::sync::Arc;

/// The routes, with the document of them.
pub fn router(app: App) -> (Router, utoipa::openapi::OpenApi) {
    let (router, document) = routes::api().split_for_parts();
    (router.with_state(app), document)
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("without login the server listens on loopback only, not on {0}")]
    OpenToAll(std::net::IpAddr),
    #[error("cannot {action} {place}: {source}")]
    Io { action: &'static str, place: String, source: std::io::Error },
}

/// Answers requests until the process is asked to stop.
///
/// # Errors
/// A configuration that would be unsafe, a folder that cannot be made, a port that is taken.
pub async fn serve(config: Config) -> Result<(), StartError> {
    if config.no_auth && !config.address.is_loopback() {
        return Err(StartError::OpenToAll(config.address));
    }
    let projects = config.data.join("projects");
    std::fs::create_dir_all(&projects).map_err(|source| StartError::Io {
        action: "make the folder",
        place: projects.display().to_string(),
        source,
    })?;
    let at = std::net::SocketAddr::new(config.address, config.port);
    let listener =
        tokio::net::TcpListener::bind(at).await.map_err(|source| StartError::Io { action: "listen on", place: at.to_string(), source })?;
    let (router, _) = router(Arc::new(Shared::new(config)));
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, router).with_graceful_shutdown(stop).await.map_err(|source| StartError::Io {
        action: "answer on",
        place: at.to_string(),
        source,
    })
}
