//! The plant that the server follows, if it follows one.
//!
//! ```text
//! Follow (how its site is read) ─► text of the active version ─► Site ─► Twin ─► publish ─► hub ─► pages
//!                                        versions ◄─ routes ─► checked orders
//! ```
//!
//! Another version of the model is another twin over the same history: the one before is stopped first, and started again when the other
//! one cannot be.

pub(crate) mod instructor;
pub(crate) mod orders;
pub(crate) mod publish;
pub(crate) mod versions;
pub(crate) mod wire;

use crate::StartError;
use crate::problem::Problem;
use axum::http::StatusCode;
use network::Diagnostic;
use orders::Orders;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use twin::history::Historian;
use twin::live::{Site, Twin, TwinError};
use twin::sending::{self, Feed, Following, Sending};
use versions::Versions;

/// Questions that are solved at once, and how long one waits for a place.
const COMPUTING_MAX: usize = 4;
const COMPUTING_WAIT: std::time::Duration = std::time::Duration::from_secs(30);

/// Reads the site, with a text of its model in place of what the model's files say.
pub type ReadSite = dyn Fn(Option<&str>) -> Result<Site, Vec<Diagnostic>> + Send + Sync;

/// What the server is to follow.
#[derive(Clone)]
pub struct Follow {
    pub read: Arc<ReadSite>,
    /// The model as its files say it, in one text; `None` of a model that is no script, which has no versions.
    pub text: Option<String>,
    /// Rules of the alarms as their file says them, and the file.
    pub rules: Option<String>,
    pub rules_file: Option<PathBuf>,
    pub history: Arc<dyn Historian>,
    /// Where the history is; `None` where it is in a database.
    pub history_folder: Option<PathBuf>,
    /// Who is told of alarms, and where values go.
    pub sending: Option<sending::Options>,
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").field("rules_file", &self.rules_file).field("history_folder", &self.history_folder).finish_non_exhaustive()
    }
}

/// The twin of the plant that is followed, whichever version of its model it has.
pub struct Follower {
    follow: Option<Follow>,
    current: watch::Sender<Option<Arc<Twin>>>,
    folder: PathBuf,
    /// Held while versions or rules are changed, so that two changes cannot mix.
    changing: tokio::sync::Mutex<()>,
    versions: Mutex<Option<Versions>>,
    pub(crate) orders: Orders,
    /// Places of questions that are solved at once: a page that asks over and over must not take the twin's cores.
    computing: Arc<tokio::sync::Semaphore>,
    /// Values on their way to somewhere else, and what sends them and notices.
    feed: Option<Arc<Feed>>,
    sending: Mutex<Option<Sending>>,
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("follow", &self.follow).finish_non_exhaustive()
    }
}

impl Follower {
    /// Follows nothing yet; [`Follower::start`] begins.
    pub(crate) fn new(mut follow: Option<Follow>, data: &Path) -> Self {
        let mut feed = None;
        if let Some(follow) = &mut follow
            && let Some(influx) = follow.sending.as_ref().and_then(|s| s.influx.clone())
        {
            let (history, beside) = sending::tap(follow.history.clone(), influx);
            (follow.history, feed) = (history, Some(beside));
        }
        Self {
            follow,
            current: watch::channel(None).0,
            folder: data.join("twin"),
            changing: tokio::sync::Mutex::new(()),
            versions: Mutex::new(None),
            orders: Orders::default(),
            computing: Arc::new(tokio::sync::Semaphore::new(COMPUTING_MAX)),
            feed,
            sending: Mutex::new(None),
        }
    }

    /// How notices and values fare that leave the house; `None` where none do.
    pub(crate) fn sending(&self) -> Option<sending::Status> {
        self.lock_sending().as_ref().map(Sending::status)
    }

    fn lock_sending(&self) -> std::sync::MutexGuard<'_, Option<Sending>> {
        self.sending.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Begins to send. What happens goes out from where it was left, so that nothing is missed before this.
    fn start_sending(&self, follow: &Follow) -> Result<(), StartError> {
        let Some(options) = &follow.sending else { return Ok(()) };
        let current = self.current.subscribe();
        let source = Arc::new(Following::new(follow.history.clone(), move || current.borrow().clone()));
        let (sending, findings) = Sending::start(options, self.feed.clone(), source).map_err(StartError::Twin)?;
        for finding in findings {
            tracing::warn!(code = finding.code, "{}", finding.message);
        }
        *self.lock_sending() = Some(sending);
        Ok(())
    }

    /// Solves a question on a thread that may compute, when there is a place for it.
    ///
    /// # Errors
    /// No place came free in time, or what the question fails with.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let place = tokio::time::timeout(COMPUTING_WAIT, self.computing.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(Problem {
                retry_s: Some(5),
                ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Too many questions are being solved")
            });
        };
        crate::blocking(move || {
            // Held to the end, also when whoever asked has gone away.
            let _place = place;
            question()
        })
        .await
    }

    /// The twin.
    ///
    /// # Errors
    /// `TWIN.NONE`: the server follows nothing.
    pub fn get(&self) -> Result<Arc<Twin>, Problem> {
        self.current.borrow().clone().ok_or_else(none)
    }

    /// The twin, where there is one.
    pub fn find(&self) -> Option<Arc<Twin>> {
        self.current.borrow().clone()
    }

    /// Tells when another twin takes the place of this one.
    pub(crate) fn changes(&self) -> watch::Receiver<Option<Arc<Twin>>> {
        self.current.subscribe()
    }

    pub(crate) fn follow(&self) -> Result<&Follow, Problem> {
        self.follow.as_ref().ok_or_else(none)
    }

    /// Begins to follow, where something is to be followed: with the version of the model and the rules that are active. Waits for the disk.
    ///
    /// # Errors
    /// A site or rules with faults, a folder that cannot be written, a history that cannot be read.
    pub(crate) fn start(&self) -> Result<(), StartError> {
        let Some(follow) = &self.follow else { return Ok(()) };
        std::fs::create_dir_all(&self.folder).map_err(|e| StartError::io("make the folder", &self.folder, e))?;
        let mut text = None;
        if let Some(of_files) = &follow.text {
            let versions = Versions::open(&self.folder.join("versions"), of_files, crate::moment::now_ms()).map_err(StartError::Twin)?;
            text = versions.changed_text().map_err(StartError::Twin)?;
            *self.lock_versions() = Some(versions);
        }
        let site = (follow.read)(text.as_deref()).map_err(StartError::Twin)?;
        let twin = Twin::start(site, follow.rules.clone(), follow.history.clone()).map_err(|e| StartError::Twin(findings_of(e)))?;
        self.show(twin);
        self.start_sending(follow)
    }

    fn show(&self, twin: Arc<Twin>) {
        for finding in twin.findings() {
            tracing::warn!(code = finding.code, "{}", finding.message);
        }
        self.current.send_replace(Some(twin));
    }

    /// Ends connections and writes what is to be written.
    pub(crate) async fn stop(&self) {
        // A version that is being activated begins first, so that it can be ended.
        let _changing = self.changing.lock().await;
        let twin = self.current.borrow().clone();
        if let Some(twin) = twin {
            twin.stop().await;
        }
        // What the twin said last is still to go out.
        let sending = self.lock_sending().take();
        if let Some(sending) = sending {
            let _ = tokio::task::spawn_blocking(move || sending.stop()).await;
        }
    }

    fn lock_versions(&self) -> std::sync::MutexGuard<'_, Option<Versions>> {
        self.versions.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Looks at the versions of the model, also while none of them can be followed. Waits for the disk.
    ///
    /// # Errors
    /// `TWIN.NONE`, `TWIN.VERSION.NO_SCRIPT`, or what `look` fails with.
    pub(crate) fn versions<T>(&self, look: impl FnOnce(&mut Versions) -> Result<T, Problem>) -> Result<T, Problem> {
        self.follow()?;
        match &mut *self.lock_versions() {
            Some(versions) => look(versions),
            None => Err(Problem::conflict("The model of this plant has no versions")
                .code("TWIN.VERSION.NO_SCRIPT")
                .detail("Versions are texts in OpenDSS's language, and the model is in another format.")
                .hint("Convert the model with gridtwin convert, and name the script in the document of the site.")),
        }
    }

    /// Reads the site with a text of its model, without following it.
    ///
    /// # Errors
    /// `TWIN.VERSION.FAULTY` with what is wrong.
    pub(crate) fn read(&self, text: &str) -> Result<Site, Problem> {
        (self.follow()?.read)(Some(text)).map_err(|findings| {
            let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The model cannot be followed")
                .code("TWIN.VERSION.FAULTY")
                .detail("It has errors, or the station's equipment, relays or points do not fit it any more; each is told.")
                .field("text");
            problem.findings = findings;
            problem
        })
    }

    /// Follows another version of the model, and gives the number of the one before and the version. The twin before is stopped first, and
    /// started again when the other cannot be.
    ///
    /// # Errors
    /// No such version, a text with errors, a disk that cannot be written. The version before goes on then; when even that cannot begin again,
    /// nothing is followed until a version is activated.
    pub(crate) async fn activate(self: &Arc<Self>, id: u64) -> Result<(u64, versions::Version), Problem> {
        let _changing = self.changing.lock().await;
        let shared = self.clone();
        let site = crate::blocking(move || {
            let text = shared.versions(|v| v.text(id))?;
            shared.read(&text)
        })
        .await?;
        let shared = self.clone();
        let (was, version) = crate::blocking(move || {
            shared.versions(|v| {
                let was = v.active()?.version_number;
                Ok((was, v.activate(id)?))
            })
        })
        .await?;
        let before = self.find();
        if let Some(before) = &before {
            before.stop().await;
        }
        let (shared, stopped) = (self.clone(), before.clone());
        let started = crate::blocking(move || {
            // Rules that were changed through the server are in the history, and stand again.
            let Follow { history, rules, .. } = shared.follow()?.clone();
            let problem = match Twin::start(site, rules.clone(), history.clone()) {
                Ok(twin) => {
                    shared.show(twin);
                    return Ok((was, version));
                }
                Err(error) => problem_of(error),
            };
            // The version that is active and the one that is followed stay the same, whatever fails now.
            let turned_back = shared.versions(|v| v.activate(was));
            if let Some(stopped) = stopped {
                shared.show(Twin::start(stopped.site().clone(), rules, history).map_err(problem_of)?);
            }
            turned_back?;
            Err(problem)
        });
        let outcome = started.await;
        // A twin that has been stopped shows its last moment for ever: better nothing than that.
        let is_stopped = |now: &Arc<Twin>| before.as_ref().is_some_and(|before| Arc::ptr_eq(now, before));
        if self.find().as_ref().is_some_and(is_stopped) {
            tracing::error!("no version of the model can be followed any more");
            self.current.send_replace(None);
        }
        outcome
    }

    /// Puts other rules in force, whole or not at all, and gives what was put in force and its findings. `make` makes them of those that are in
    /// force, which nobody changes meanwhile; what else it gives comes back.
    ///
    /// # Errors
    /// What `make` fails with; `TWIN.RULES.FAULTY` with every fault and its line; a history that does not take them.
    pub(crate) async fn change_rules<T: Send + 'static>(
        self: &Arc<Self>,
        make: impl FnOnce(&Twin) -> Result<(String, T), Problem> + Send + 'static,
        by: scada::telecontrol::Originator,
    ) -> Result<((String, T), Vec<Diagnostic>), Problem> {
        let _changing = self.changing.lock().await;
        let shared = self.clone();
        crate::blocking(move || {
            let twin = shared.get()?;
            let (yaml, rest) = make(&twin)?;
            let findings = twin.set_rules(&yaml, &by).map_err(|e| match e {
                TwinError::Documents(findings) => {
                    let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The rules cannot be put in force")
                        .code("TWIN.RULES.FAULTY")
                        .detail("They have faults; each is told with its line. The rules before stay in force.")
                        .field("yaml");
                    problem.findings = findings;
                    problem
                }
                other => problem_of(other),
            })?;
            Ok(((yaml, rest), findings))
        })
        .await
    }
}

/// What every route of the twin answers where nothing is followed.
pub(crate) fn none() -> Problem {
    Problem::not_found("This server follows no plant").code("TWIN.NONE").hint("gridtwin serve --twin FILE")
}

/// A failure of the twin as findings.
pub(crate) fn findings_of(error: TwinError) -> Vec<Diagnostic> {
    match error {
        TwinError::Documents(findings) => findings,
        TwinError::History(error) => vec![error.diagnostic()],
        other => vec![
            Diagnostic::error("TWIN.START.FAILED", other.to_string())
                .hint("Correct the model, its equipment or the documents of the site; gridtwin check looks at the model alone."),
        ],
    }
}

/// A failure of the twin as an answer.
pub(crate) fn problem_of(error: TwinError) -> Problem {
    let text = error.to_string();
    let mut chars = text.chars();
    let title: String = chars.next().map(char::to_uppercase).into_iter().flatten().chain(chars).collect();
    match error {
        TwinError::Unknown { .. } => Problem::not_found(title)
            .code("TWIN.SUBJECT.UNKNOWN")
            .hint("GET /api/twin/diagram names all elements, GET /api/twin/points all points."),
        TwinError::Value { .. } => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title).code("TWIN.SUBJECT.VALUE").hint("Correct the value.")
        }
        TwinError::NoState { .. } => Problem::conflict(title)
            .code("TWIN.STATE.NONE")
            .hint("See the estimate of GET /api/twin/moment, and whether the devices are connected."),
        TwinError::NotKept => Problem::not_found("Nothing is kept of that time")
            .code("TWIN.HISTORY.NOT_KEPT")
            .hint("Ask for a time at which the twin ran, and of which raw values are still kept."),
        TwinError::History(error) => of_history(&error),
        TwinError::Journal(fault) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "What was done cannot be written down, so it is not done")
                .code("TWIN.JOURNAL.FAILED")
                .detail(fault.to_string())
                .hint("See the condition of the history in GET /api/twin.")
        }
        TwinError::Documents(findings) => {
            let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title);
            problem.code = findings.first().map(|f| f.code.clone());
            problem.findings = findings;
            problem
        }
        other => Problem::internal(other),
    }
}

/// A failure of the history as an answer.
pub(crate) fn of_history(error: &twin::history::HistoryError) -> Problem {
    use twin::history::HistoryError as E;
    let status = match error {
        E::EmptyRange { .. } => StatusCode::BAD_REQUEST,
        E::UnknownPoint { .. } => StatusCode::NOT_FOUND,
        E::QueueFull { .. } | E::NotYet { .. } | E::Closed | E::NoSpace { .. } => StatusCode::SERVICE_UNAVAILABLE,
        // The message may name files of the server, so it stays in the log.
        _ => return Problem { code: Some(error.diagnostic().code), ..Problem::internal(error) },
    };
    Problem::of_finding(status, error.diagnostic())
}
