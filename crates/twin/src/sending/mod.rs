//! What leaves the house: notices of alarms as mail and to webhooks, values to InfluxDB.
//!
//! ```text
//! events of the history ─► plan (who is told of what) ─► queues, one a target ─► a thread each: SMTP, HTTP
//!        cursor ◄────────────── notices.json ◄──────────── delivered, given up
//! samples that the history takes ─► feed, bounded ─► lines ─► InfluxDB
//! ```
//!
//! Nothing here makes the twin wait. What cannot be delivered is an event of the history ([`Source::record`]) and stands in the [`Status`].

mod feed;
mod http;
mod influx;
mod mail;
mod message;
mod notices;
mod options;
mod outbox;
mod signature;
mod webhook;

pub use feed::{Feed, tap};
pub use influx::InfluxStatus;
pub use mail::{domain, is_address};
pub use message::{Context, condition_words};
pub use notices::NoticeStatus;
pub use options::{Database, Influx, MailServer, Notices, Options, Secret, Security, Timing, Webhook};
pub use outbox::TargetStatus;
pub use signature::{hmac_sha256, signature};
pub use webhook::{DELIVERY, SIGNATURE};

use crate::alarms::notify::Route;
use crate::alarms::{Event, EventKind};
use crate::history::{self, Historian};
use crate::live::Twin;
use network::Diagnostic;
use serde::Serialize;
use std::sync::Arc;

/// Certificates of a PEM file, counted.
///
/// # Errors
/// Why they cannot be used.
pub fn check_certificates(pem: &[u8]) -> Result<usize, String> {
    http::certificates(pem).map(|c| c.len())
}

/// What the senders need of the twin.
pub trait Source: Send + Sync {
    fn history(&self) -> &Arc<dyn Historian>;

    /// Routes of the alarm rules; `None` while there are no rules, when nothing is planned.
    fn routes(&self) -> Option<Vec<Route>>;

    /// What a notice says beside its event.
    fn context(&self, event: &Event) -> Context;

    /// Writes down what happened to the sending itself. A history that does not take it is no reason to stop.
    fn record(&self, event: history::Event);
}

/// The twin that is followed, whichever it is.
pub struct Following<F> {
    history: Arc<dyn Historian>,
    current: F,
}

impl<F: Fn() -> Option<Arc<Twin>> + Send + Sync> Following<F> {
    pub fn new(history: Arc<dyn Historian>, current: F) -> Self {
        Self { history, current }
    }
}

impl<F: Fn() -> Option<Arc<Twin>> + Send + Sync> Source for Following<F> {
    fn history(&self) -> &Arc<dyn Historian> {
        &self.history
    }

    fn routes(&self) -> Option<Vec<Route>> {
        (self.current)().map(|twin| twin.notice_routes())
    }

    fn context(&self, event: &Event) -> Context {
        let (Some(twin), Some(id)) = ((self.current)(), event.rule.as_deref()) else { return Context::default() };
        twin.alarms(|engine| {
            let Some(rule) = engine.rules().iter().find(|r| *r.id == *id) else { return Context::default() };
            let raised = engine.alarm(id).and_then(|a| a.raised_at);
            Context {
                unit: rule.shown_point().and_then(|p| engine.points().entry(p).unit.clone()),
                limit: Some(condition_words(&rule.condition, engine.points())),
                element: rule.element.clone(),
                since: if event.kind == EventKind::Raised { Some(event.time) } else { raised },
                consequence: rule.consequence.clone(),
                response: rule.response.clone(),
                time_to_respond_s: rule.time_to_respond_s,
            }
        })
    }

    fn record(&self, event: history::Event) {
        // What the history cannot take it says itself, in its condition.
        let _ = match (self.current)() {
            Some(twin) => twin.record(event).map_err(|e| e.to_string()),
            None => self.history.append_events(&[event]).and_then(|t| t.wait()).map(|_| ()).map_err(|e| e.to_string()),
        };
    }
}

/// How all of it fares.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    pub notices: Option<NoticeStatus>,
    pub influx: Option<InfluxStatus>,
}

/// The threads that send.
pub struct Sending {
    notices: Option<notices::Notifier>,
    influx: Option<influx::InfluxSender>,
}

impl Sending {
    /// Begins to send. `feed` is of [`tap`], where values are to go to InfluxDB. Gives findings that are no errors, too.
    ///
    /// # Errors
    /// Certificates or addresses that cannot be used; a folder that cannot be written.
    pub fn start(options: &Options, feed: Option<Arc<Feed>>, source: Arc<dyn Source>) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut findings = Vec::new();
        let notices = notices::Notifier::start(options, source.clone(), &mut findings)?;
        let influx = match feed {
            Some(feed) => {
                findings.extend(feed.findings());
                Some(influx::InfluxSender::start(feed, options.timing, source).map_err(|d| vec![d])?)
            }
            None => None,
        };
        Ok((Self { notices, influx }, findings))
    }

    pub fn status(&self) -> Status {
        Status {
            notices: self.notices.as_ref().map(notices::Notifier::status),
            influx: self.influx.as_ref().map(influx::InfluxSender::status),
        }
    }

    /// Ends the threads; waits some seconds at most. Notices that wait are sent after the next start.
    pub fn stop(&self) {
        if let Some(notices) = &self.notices {
            notices.stop();
        }
        if let Some(influx) = &self.influx {
            influx.stop();
        }
    }
}
