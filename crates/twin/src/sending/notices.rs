//! The threads that plan and send notices.
//!
//! One follows the events of the history from where it was left, plans notices and puts them into the queues; each target has one of its own
//! that sends. What is planned and what became of it is in a file before it counts, so that a restart sends nothing again that was
//! acknowledged, and loses nothing that was not. Killed between the acknowledgement of the other side and the file, a notice goes out once
//! more, under the same number.

use super::mail::Mailer;
use super::message::Context;
use super::options::{Options, Timing};
use super::outbox::{Outbox, Outcome, Pending, Remark, TargetStatus};
use super::webhook::Poster;
use super::{Source, http, signature};
use crate::alarms::notify::{Channel, Notice, Route};
use crate::alarms::{Event, EventKind};
use crate::history::{self, DiskFaults, EventFilter, Historian, Page};
use network::{Diagnostic, Severity};
use scada::UtcTime;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two looks at the history, when looking takes no time; a look that takes long makes the next one wait ten times as long.
const LOOK: Duration = Duration::from_millis(200);
/// Held notices are looked at so often.
const SECOND: Duration = Duration::from_secs(1);
/// Events that are read at once.
const PAGE: usize = 1000;
const VERSION: u32 = 1;
/// Key of the queue of mail.
const MAIL: &str = "mail";
/// How long the threads may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the notices fare.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NoticeStatus {
    /// Number of the last event of the history that was looked at.
    pub cursor: u64,
    pub targets: Vec<TargetStatus>,
    /// Routes that lead nowhere: no mail server, or an address that is no webhook of the site.
    pub routes_without_target: Vec<String>,
    /// Why it cannot be written down what was sent, if so.
    pub trouble: Option<String>,
}

enum Carrier {
    Mail(Box<Mailer>),
    Webhook(Box<Poster>),
}

struct Target {
    /// Key of its queue, and name for people.
    name: String,
    /// Address of a webhook as routes name it.
    url: Option<String>,
    carrier: Carrier,
}

struct Shared {
    source: Arc<dyn Source>,
    file: PathBuf,
    timing: Timing,
    targets: Vec<Target>,
    routes: Vec<Route>,
    outbox: Mutex<Outbox>,
    woken: Condvar,
    stop: AtomicBool,
    /// Routes that lead nowhere, told once each.
    nowhere: Mutex<BTreeSet<String>>,
    trouble: Mutex<Option<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notices on their way.
pub struct Notifier {
    shared: Arc<Shared>,
    ended: Mutex<mpsc::Receiver<()>>,
}

/// A name that nobody else's installation has: the hash of the instant, the process and the folder.
fn instance(folder: &Path) -> String {
    let text = format!("{}/{}/{}", UtcTime::now().us, std::process::id(), folder.display());
    signature::hex(&signature::hmac_sha256(b"gridtwin", text.as_bytes())[..8])
}

/// What was written down, or a beginning at the newest event: what happened before there was anybody to tell is not told.
fn open(file: &Path, folder: &Path, source: &dyn Source, findings: &mut Vec<Diagnostic>) -> Result<Outbox, Diagnostic> {
    match std::fs::read(file) {
        Ok(text) => match serde_json::from_slice::<Outbox>(&text) {
            Ok(outbox) if outbox.version == VERSION => return Ok(outbox),
            _ => {
                let aside = file.with_extension("json.aside");
                let _ = std::fs::rename(file, &aside);
                let what = format!("{} cannot be read: notices that waited are lost", file.display());
                findings.push(
                    Diagnostic::warning("TWIN.NOTICE.UNREADABLE", what)
                        .detail(format!("It is kept as {}; notices begin with what happens from now on.", aside.display()))
                        .hint("look for the alarms of that time on the page of events"),
                );
            }
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => {
            return Err(Diagnostic::error("TWIN.NOTICE.JOURNAL", format!("{} cannot be read: {e}", file.display()))
                .hint("check the rights of the folder"));
        }
    }
    let cursor = newest(&**source.history()).map_err(|e| e.diagnostic())?;
    Ok(Outbox { version: VERSION, instance: instance(folder), cursor, ..Outbox::default() })
}

/// Number of the newest event; 0 of none.
fn newest(history: &dyn Historian) -> Result<u64, history::HistoryError> {
    let page = history.events(&EventFilter::default(), Page::Before { sequence: u64::MAX, limit: 1 })?;
    Ok(page.events.first().map_or(0, |e| e.sequence))
}

impl Notifier {
    /// Begins to send, where it was left.
    ///
    /// # Errors
    /// Certificates or addresses that cannot be used; a file that cannot be read or written.
    pub fn start(options: &Options, source: Arc<dyn Source>, findings: &mut Vec<Diagnostic>) -> Result<Option<Self>, Vec<Diagnostic>> {
        let Some(notices) = &options.notices else { return Ok(None) };
        let folder = &options.folder;
        std::fs::create_dir_all(folder).map_err(|e| {
            let what = format!("the folder {} cannot be made: {e}", folder.display());
            vec![Diagnostic::error("TWIN.NOTICE.JOURNAL", what).hint("check the folder of --data, its rights and the disk")]
        })?;
        let file = folder.join("notices.json");
        let mut outbox = open(&file, folder, &*source, findings).map_err(|d| vec![d])?;
        let url = options.url.as_deref();
        let (mut targets, mut faults) = (Vec::new(), Vec::new());
        let mut unusable = |what: String, why: String| {
            let fault = Diagnostic::error("TWIN.SENDING.UNUSABLE", format!("{what} cannot be used: {why}"));
            faults.push(fault.hint("correct `notify` of the site's document"));
        };
        if let Some(server) = &notices.mail {
            match Mailer::new(server, &options.site, url, &outbox.instance, options.timing.timeout) {
                Ok(mailer) => targets.push(Target { name: MAIL.to_owned(), url: None, carrier: Carrier::Mail(Box::new(mailer)) }),
                Err(why) => unusable(format!("the mail server {}", server.server), why),
            }
        }
        for webhook in &notices.webhooks {
            let mut name = http::public(&webhook.url);
            if targets.iter().any(|t| t.name == name) {
                name = format!("{name} ({})", targets.len() + 1);
            }
            match Poster::new(webhook, &options.site, url, &outbox.instance, options.timing.timeout) {
                Ok(poster) => {
                    targets.push(Target { name, url: Some(webhook.url.clone()), carrier: Carrier::Webhook(Box::new(poster)) });
                }
                Err(why) => unusable(name, why),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let names: Vec<String> = targets.iter().map(|t| t.name.clone()).collect();
        let remarks = outbox.keep_targets(&names);
        let shared = Arc::new(Shared {
            source,
            file,
            timing: options.timing,
            targets,
            routes: notices.routes.clone(),
            outbox: Mutex::new(outbox),
            woken: Condvar::new(),
            stop: AtomicBool::new(false),
            nowhere: Mutex::default(),
            trouble: Mutex::default(),
        });
        shared.save(&lock(&shared.outbox));
        if let Some(trouble) = lock(&shared.trouble).clone() {
            let what = format!("it cannot be written down what was sent: {trouble}");
            return Err(vec![Diagnostic::error("TWIN.NOTICE.JOURNAL", what).hint("check the folder of --data, its rights and the disk")]);
        }
        shared.tell(remarks);
        let (end, ended) = mpsc::channel();
        let failed = |e: std::io::Error| {
            vec![
                Diagnostic::error("TWIN.SENDING.THREAD", format!("no thread can be started: {e}"))
                    .hint("the machine may be out of memory or of processes"),
            ]
        };
        for i in 0..shared.targets.len() {
            let (shared, end) = (shared.clone(), end.clone());
            let send = move || {
                shared.send(i);
                drop(end);
            };
            std::thread::Builder::new().name(format!("notify-{i}")).spawn(send).map_err(failed)?;
        }
        let planning = shared.clone();
        let plan = move || {
            planning.plan();
            drop(end);
        };
        std::thread::Builder::new().name("notify-plan".to_owned()).spawn(plan).map_err(failed)?;
        Ok(Some(Self { shared, ended: Mutex::new(ended) }))
    }

    pub fn status(&self) -> NoticeStatus {
        let (cursor, targets) = {
            let outbox = lock(&self.shared.outbox);
            (outbox.cursor, outbox.status())
        };
        let routes_without_target = lock(&self.shared.nowhere).iter().cloned().collect();
        NoticeStatus { cursor, targets, routes_without_target, trouble: lock(&self.shared.trouble).clone() }
    }

    /// Ends the threads; an attempt that is under way has a few seconds. What waits is sent after the next start.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.woken.notify_all();
        // Nothing is ever sent: it ends when the last thread has let go of its end, or when patience does.
        let _ = lock(&self.ended).recv_timeout(PATIENCE);
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.woken.notify_all();
    }
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Writes it all down. What cannot be written is said in the status, and sending goes on: a notice twice is better than none.
    fn save(&self, outbox: &Outbox) {
        let written = serde_json::to_vec(outbox)
            .map_err(|e| e.to_string())
            .and_then(|text| history::write_whole(&self.file, &text, &DiskFaults::default()).map_err(|e| e.to_string()));
        *lock(&self.trouble) = written.err();
    }

    fn tell(&self, remarks: Vec<Remark>) {
        for remark in remarks {
            self.source.record(event_of(remark));
        }
    }

    /// Follows the events, until stopped.
    fn plan(&self) {
        let (mut next_look, mut next_second) = (Instant::now(), Instant::now());
        while !self.is_stopped() {
            let now = Instant::now();
            if now < next_look {
                std::thread::sleep((next_look - now).min(LOOK));
                continue;
            }
            let is_second = now >= next_second;
            if is_second {
                next_second = now + SECOND;
            }
            self.look(is_second);
            next_look = Instant::now() + LOOK.max(now.elapsed() * 10);
        }
    }

    fn look(&self, is_second: bool) {
        // What happens while there are no rules waits for them in the history.
        let Some(of_rules) = self.source.routes() else { return };
        let after = lock(&self.outbox).cursor;
        let page = match self.source.history().events(&EventFilter::default(), Page::After { sequence: after, limit: PAGE }) {
            Ok(page) => page,
            Err(e) => {
                *lock(&self.trouble) = Some(e.to_string());
                return;
            }
        };
        let Some(cursor) = page.events.last().map(|e| e.sequence).or(is_second.then_some(after)) else { return };
        let of_alarms = page.events.into_iter().filter(|e| e.event.kind == "alarm");
        let events: Vec<Event> = of_alarms.filter_map(|e| serde_json::from_value(Json::Object(e.event.fields)).ok()).collect();
        let mut routes = self.routes.clone();
        routes.extend(of_rules.into_iter().filter(|r| r.channel != Channel::Websocket));
        let now = UtcTime::now();
        let mut remarks = Vec::new();
        {
            let mut outbox = lock(&self.outbox);
            if outbox.plan.routes != routes {
                outbox.plan.set_routes(routes);
            }
            outbox.cursor = cursor;
            let notices = outbox.plan.notices(&events, now);
            let has_changed = !events.is_empty() || !notices.is_empty();
            for notice in notices {
                self.put(&mut outbox, notice, now.ms(), &mut remarks);
            }
            for target in &self.targets {
                remarks.extend(outbox.expire(&target.name, now.ms(), &self.timing));
            }
            if has_changed || !remarks.is_empty() {
                self.save(&outbox);
            }
        }
        self.woken.notify_all();
        self.tell(remarks);
    }

    fn put(&self, outbox: &mut Outbox, notice: Notice, now_ms: i64, remarks: &mut Vec<Remark>) {
        let target = self.targets.iter().find(|t| match (&t.carrier, notice.channel) {
            (Carrier::Mail(_), Channel::Email) => true,
            (Carrier::Webhook(_), Channel::Webhook) => t.url.as_deref() == Some(&*notice.to),
            _ => false,
        });
        match target {
            Some(target) => {
                let context = match &notice.content {
                    crate::alarms::notify::Content::Event(event) => self.source.context(event),
                    crate::alarms::notify::Content::Summary { .. } => Context::default(),
                };
                remarks.extend(outbox.push(&target.name, notice, context, now_ms, &self.timing));
            }
            None => {
                if lock(&self.nowhere).insert(notice.route.to_string()) {
                    let why = match notice.channel {
                        Channel::Email => "the site's document names no mail server",
                        _ => "its address is no webhook of the site's document",
                    };
                    let message = format!("Notices of the route {} are not sent: {why}", notice.route);
                    self.source.record(event(
                        "TWIN.NOTICE.NOWHERE",
                        Severity::Warning,
                        None,
                        message,
                        &[("route", notice.route.as_ref().into())],
                    ));
                }
            }
        }
    }

    /// Sends what waits for one target, until stopped.
    fn send(&self, i: usize) {
        let target = &self.targets[i];
        let mut outbox = lock(&self.outbox);
        while !self.is_stopped() {
            let now_ms = UtcTime::now().ms();
            let pending: Pending = match outbox.due(&target.name, now_ms) {
                Ok(pending) => pending,
                Err(next) => {
                    // A second at most: whoever wakes may have done so just before.
                    let wait_ms = next.map_or(1000, |at| at - now_ms).clamp(1, 1000) as u64;
                    (outbox, _) = self.woken.wait_timeout(outbox, Duration::from_millis(wait_ms)).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
            };
            drop(outbox);
            let outcome: Outcome = match &target.carrier {
                Carrier::Mail(mailer) => mailer.send(&pending),
                Carrier::Webhook(poster) => poster.send(&pending, now_ms.div_euclid(1000)),
            };
            let remarks = {
                let mut outbox = lock(&self.outbox);
                let remarks = outbox.settle(&target.name, &pending.key, &outcome, UtcTime::now().ms(), &self.timing);
                self.save(&outbox);
                remarks
            };
            self.tell(remarks);
            outbox = lock(&self.outbox);
        }
    }
}

/// An event of the sending itself, with its code.
pub(super) fn event(
    code: &'static str,
    severity: Severity,
    subject: Option<&str>,
    message: String,
    fields: &[(&str, Json)],
) -> history::Event {
    let code = ("code", Json::from(code));
    history::Event {
        time: UtcTime::now(),
        kind: "system".to_owned(),
        severity,
        subject: subject.map(str::to_owned),
        message,
        fields: std::iter::once(&code).chain(fields).map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    }
}

fn event_of(remark: Remark) -> history::Event {
    match remark {
        Remark::Failing { target, why, waiting } => {
            let message = format!("Notices to {target} cannot be delivered: {why}; they wait, and it is tried again");
            event("TWIN.NOTICE.FAILING", Severity::Warning, None, message, &[("target", target.into()), ("waiting", waiting.into())])
        }
        Remark::Restored { target, after_ms } => {
            let message = format!("Notices to {target} are delivered again, after {:.0} s", after_ms as f64 / 1000.0);
            event("TWIN.NOTICE.RESTORED", Severity::Note, None, message, &[("target", target.into()), ("after_ms", after_ms.into())])
        }
        Remark::GivenUp { target, pending, why } => {
            let what = match &pending.notice.content {
                crate::alarms::notify::Content::Event(e) => match (&e.text, e.kind) {
                    (Some(text), EventKind::Cleared) => format!("the return of \"{text}\""),
                    (Some(text), _) => format!("\"{text}\""),
                    (None, _) => "the alarms".to_owned(),
                },
                crate::alarms::notify::Content::Summary { events, .. } => format!("{events} events"),
            };
            let to = http::public(&pending.notice.to);
            let message = format!("A notice of {what} to {to} was not delivered and is given up: {why}");
            let fields = [
                ("target", target.into()),
                ("notice", pending.key.clone().into()),
                ("route", pending.notice.route.as_ref().into()),
                ("attempts", pending.attempts.into()),
            ];
            event("TWIN.NOTICE.GIVEN_UP", Severity::Error, None, message, &fields)
        }
        Remark::Folding { target, waiting } => {
            let message = format!("{waiting} notices wait for {target}; what comes now is told together in one when there is room");
            event("TWIN.NOTICE.FOLDED", Severity::Warning, None, message, &[("target", target.into()), ("waiting", waiting.into())])
        }
    }
}
