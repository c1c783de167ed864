//! The server: the only crate that knows the wire.
//!
//! [`Server::bind`] takes a [`Config`], [`Server::run`] answers until it is told to stop. Handlers are thin: they ask `store`, `studies`
//! and `powerflow` on threads that may wait, and turn typed errors into [`Problem`]s. Long work is a job, run by a process of its own.
//!
//! ```text
//! connection ─► around (number, log, count, audit, headers, form of errors) ─► access (login, role) ─► routes ─► store
//! ```

pub mod access;
pub mod accounts;
mod around;
mod assets;
mod auth;
mod config;
mod days;
mod desks;
mod document;
mod follow;
mod grids;
pub mod hub;
pub mod jobs;
mod journal;
mod learned;
mod limit;
mod metrics;
pub mod moment;
pub mod narratives;
pub mod paging;
mod problem;
pub mod questions;
mod random;
pub mod results;
mod routes;
mod state;
mod tls;
mod uploads;
pub mod view;
mod vtn;

pub use access::{Caller, Role};
pub use config::Config;
pub use follow::{Follow, ReadSite};
pub use problem::Problem;
pub use random::password as random_password;
pub use routes::map::prepare as prepare_map;
pub use state::{App, Shared, blocking};

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use network::Diagnostic;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::project::{Creation, Project};
use store::server::ServerError;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Name of the project that the demonstration is in.
const DEMO: &str = "demo";
/// How long requests may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// How long the head of a request may take to come in.
const HEAD: Duration = Duration::from_secs(20);

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("without login the server listens on loopback only, not on {0}")]
    OpenToAll(std::net::IpAddr),
    #[error("cannot {action} {place}: {source}")]
    Io { action: &'static str, place: String, source: std::io::Error },
    #[error(transparent)]
    Database(#[from] ServerError),
    #[error("{} cannot be used for TLS: {reason}", path.display())]
    Tls { path: std::path::PathBuf, reason: String },
    #[error("\"{0}\" is no origin of a site")]
    Origin(String),
    /// The plant that is to be followed.
    #[error("the plant cannot be followed")]
    Twin(Vec<Diagnostic>),
}

impl StartError {
    pub(crate) fn io(action: &'static str, place: &Path, source: std::io::Error) -> Self {
        Self::Io { action, place: place.display().to_string(), source }
    }

    /// The finding: code, what, and how to mend it.
    pub fn diagnostic(&self) -> Diagnostic {
        let text = self.to_string();
        match self {
            Self::OpenToAll(_) => Diagnostic::error("SERVER.START.OPEN", text)
                .hint("Leave --no-auth out, or --address: everyone who reaches the port would be an administrator."),
            Self::Io { action: "listen on", .. } => Diagnostic::error("SERVER.START.PORT", text)
                .hint("Another program may use the port: choose one with --port. Ports below 1024 need rights."),
            Self::Io { .. } => Diagnostic::error("SERVER.START.FOLDER", text).hint("Check the folder of --data, its rights and the disk."),
            Self::Database(e) => e.diagnostic(),
            Self::Tls { .. } => Diagnostic::error("SERVER.START.TLS", text)
                .hint("Give the certificate with its chain and its key as PEM files, with --tls-cert and --tls-key."),
            Self::Origin(_) => {
                Diagnostic::error("SERVER.START.ORIGIN", text).hint("Write scheme and host without a path, as https://grid.example.org.")
            }
            Self::Twin(findings) => findings.first().cloned().unwrap_or_else(|| Diagnostic::error("TWIN.START.FAILED", text)),
        }
    }

    /// All findings, where there are several.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Twin(findings) if !findings.is_empty() => findings.clone(),
            other => vec![other.diagnostic()],
        }
    }
}

/// The routes with all that is around them, and the document of them.
///
/// # Errors
/// An origin of the configuration that is none.
pub fn router(app: App) -> Result<(Router, utoipa::openapi::OpenApi), StartError> {
    let (routes, document) = routes::api().split_for_parts();
    let document = document::complete(document);
    let docs: Router<App> = utoipa_swagger_ui::SwaggerUi::new("/api/docs").url("/api/openapi.json", document.clone()).into();
    let unknown = || async { StatusCode::NOT_FOUND };
    let routes = routes
        .merge(docs)
        .route("/api", axum::routing::any(unknown))
        .route("/api/{*rest}", axum::routing::any(unknown))
        .fallback(assets::serve)
        .layer(CatchPanicLayer::custom(around::panicked))
        .layer(axum::middleware::from_fn_with_state(app.clone(), around::around))
        // Speed before size: whoever waits for a map waits for the compressor too.
        .layer(CompressionLayer::new().quality(CompressionLevel::Precise(3)));
    let routes = match cors(&app.config.cors)? {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    Ok((routes.with_state(app), document))
}

fn cors(origins: &[String]) -> Result<Option<CorsLayer>, StartError> {
    if origins.is_empty() {
        return Ok(None);
    }
    let allowed = |origin: &String| {
        let is_origin = origin.split_once("://").is_some_and(|(scheme, host)| {
            ["http", "https"].contains(&scheme) && !host.is_empty() && !host.contains('/') && !host.contains('*')
        });
        HeaderValue::from_str(origin).ok().filter(|_| is_origin).ok_or_else(|| StartError::Origin(origin.clone()))
    };
    let origins = origins.iter().map(allowed).collect::<Result<Vec<_>, _>>()?;
    let headers = [
        header::CONTENT_TYPE,
        header::AUTHORIZATION,
        header::ACCEPT,
        header::IF_NONE_MATCH,
        HeaderName::from_static(auth::CSRF_HEADER),
        HeaderName::from_static("idempotency-key"),
    ];
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(headers)
        .expose_headers([header::ETAG, header::RETRY_AFTER, HeaderName::from_static("x-request-id")])
        .max_age(Duration::from_secs(3600));
    Ok(Some(cors))
}

/// A server that has its port, its database and its certificate, and answers once it runs.
#[derive(Debug)]
pub struct Server {
    app: App,
    router: Router,
    listener: std::net::TcpListener,
    at: SocketAddr,
    tls: Option<RustlsConfig>,
}

impl Server {
    /// Takes the port and opens what is kept. Waits for the database: call it where one may.
    ///
    /// # Errors
    /// A configuration that would be unsafe, a folder that cannot be made, a port that is taken, a certificate that cannot be used.
    pub fn bind(config: Config) -> Result<Self, StartError> {
        if config.no_auth && !config.address.is_loopback() {
            return Err(StartError::OpenToAll(config.address));
        }
        let tls = config.tls.as_ref().map(|(cert, key)| tls::config(cert, key)).transpose()?;
        let at = SocketAddr::new(config.address, config.port);
        let io = |action| move |source| StartError::Io { action, place: at.to_string(), source };
        let listener = std::net::TcpListener::bind(at).map_err(io("listen on"))?;
        listener.set_nonblocking(true).map_err(io("listen on"))?;
        let at = listener.local_addr().map_err(io("listen on"))?;
        let app = Arc::new(Shared::open(config)?);
        let (router, _) = router(app.clone())?;
        Ok(Self { app, router, listener, at, tls })
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    /// Address and port that it listens on.
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// Where people open it.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        match self.at.ip() {
            ip if ip.is_unspecified() => format!("{scheme}://localhost:{}", self.at.port()),
            _ => format!("{scheme}://{}", self.at),
        }
    }

    /// Where the first administrator is made; none when there are users.
    pub fn first_admin_url(&self) -> Option<String> {
        // Behind a # it is not sent, so that it comes into no log.
        self.app.auth.first_key().map(|key| format!("{}/first-admin#key={key}", self.url()))
    }

    /// Makes the project of the demonstration and the job that fills it, unless it is there. Waits for the database.
    ///
    /// # Errors
    /// A folder or database that cannot be written.
    pub fn demonstrate(&self) -> Result<bool, StartError> {
        let dir = self.app.config.data.join("projects").join(DEMO);
        if dir.exists() {
            return Ok(false);
        }
        let note = "Synthetic feeders and the IEEE 123-node test feeder with a year of load; made by the program to be looked at.";
        let now = moment::rfc3339(moment::now_ms());
        Project::create(&dir, &Creation { note: note.into(), ..Creation::new(DEMO, now) }).map_err(ServerError::from)?;
        let job = jobs::Task::Demo(jobs::DemoParams::default()).job(DEMO, "console".into(), None);
        self.app.database.add_job(&job)?;
        Ok(true)
    }

    /// Answers until `stop` is ready; then no new connections are taken, and requests have ten seconds to end.
    ///
    /// # Errors
    /// A port that breaks off.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), StartError> {
        let Self { app, router, listener, at, tls } = self;
        // On a thread that may wait, and with this runtime for its devices.
        let twin = app.twin.clone();
        let begun = tokio::task::spawn_blocking(move || twin.start()).await;
        begun
            .unwrap_or_else(|e| Err(StartError::Twin(vec![Diagnostic::error("TWIN.START.FAILED", format!("following broke off: {e}"))])))?;
        let handle = Handle::new();
        let (stopping, stopped) = (handle.clone(), app.clone());
        tokio::spawn(async move {
            stop.await;
            tracing::info!("stopping: requests have {} seconds to end", GRACE.as_secs());
            stopped.stop();
            stopping.graceful_shutdown(Some(GRACE));
        });
        let jobs = tokio::spawn(jobs::Jobs::run(app.clone()));
        let publishing = tokio::spawn(follow::publish::publish(app.clone()));
        tokio::spawn(uploads::sweep(app.clone()));
        tokio::spawn(routes::map::warm_newest(app.clone()));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let io = |source| StartError::Io { action: "answer on", place: at.to_string(), source };
        let done = match tls {
            Some(tls) => {
                let mut server = axum_server::from_tcp_rustls(listener, tls).map_err(io)?.handle(handle);
                patience(server.http_builder());
                server.serve(service).await
            }
            None => {
                let mut server = axum_server::from_tcp(listener).map_err(io)?.handle(handle);
                patience(server.http_builder());
                server.serve(service).await
            }
        };
        app.stop();
        // Jobs that run go back into the queue.
        let _ = jobs.await;
        let _ = publishing.await;
        app.twin.stop().await;
        done.map_err(io)
    }
}

/// A connection that sends its request a byte a minute is not waited for.
fn patience(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEAD);
    builder.http2().timer(hyper_util::rt::TokioTimer::new()).keep_alive_interval(Some(HEAD)).enable_connect_protocol();
}
