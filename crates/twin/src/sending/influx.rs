//! Values to InfluxDB, as lines over HTTP.
//!
//! After InfluxDB's API: `/api/v2/write?org=&bucket=` with a token, or `/write?db=` of version 1; answered with 204 when everything is
//! written. 400 and 422 say that lines were refused, all or some of them: such a batch is not sent again, and what was said is told. 413 is
//! a batch that is too long: it is halved. Everything else is tried again with longer and longer waits, while values wait in a bounded
//! queue; of a queue that is full the oldest are left out, and counted.

use super::feed::Feed;
use super::http::{self, Answer};
use super::options::{Database, Influx, Timing};
use super::{Source, notices};
use crate::history::Sample;
use crate::history::line_protocol::{self, Target};
use flate2::Compression;
use flate2::write::GzEncoder;
use network::{Diagnostic, Severity};
use scada::UtcTime;
use serde::Serialize;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Octets of a request before it is compressed.
const BODY_MAX: usize = 4 << 20;
/// What is refused or dropped is told once in this time, with how much it was.
const TELL: Duration = Duration::from_secs(60);
/// How long the thread may take to end, which tries once more what waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the values fare.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InfluxStatus {
    /// Address without parameters.
    pub url: String,
    /// Samples that wait.
    pub waiting: usize,
    /// Lines that were acknowledged.
    pub written: u64,
    /// Values that no line can carry: not a number, infinite. Their quality is written.
    pub values_left_out: u64,
    /// Samples that had no room while the server was away.
    pub dropped: u64,
    /// Lines that the server refused for good.
    pub refused: u64,
    pub last_written_ms: Option<i64>,
    pub failing_since_ms: Option<i64>,
    pub trouble: Option<String>,
}

struct Shared {
    source: Arc<dyn Source>,
    feed: Arc<Feed>,
    timing: Timing,
    agent: ureq::Agent,
    url: String,
    authorization: Option<String>,
    status: Mutex<InfluxStatus>,
    stop: AtomicBool,
}

/// Values on their way.
pub struct InfluxSender {
    shared: Arc<Shared>,
    ended: Mutex<mpsc::Receiver<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A part of an address, with everything but letters, digits and `-._~` as its octets.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() || b"-._~".contains(&b) { (b as char).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// Base 64 with padding (RFC 4648), for a name and a password.
fn base64(octets: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in octets.chunks(3) {
        let bits = three.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i) & 63) as usize] as char;
            out.push(if i <= three.len() { letter } else { '=' });
        }
    }
    out
}

/// Address of the requests, and their authorization.
pub fn address(influx: &Influx) -> (String, Option<String>) {
    let base = influx.url.trim_end_matches('/');
    match &influx.database {
        Database::Bucket { org, bucket, token } => (
            format!("{base}/api/v2/write?org={}&bucket={}&precision=ns", encoded(org), encoded(bucket)),
            token.as_ref().map(|t| format!("Token {}", t.reveal())),
        ),
        Database::Version1 { database, user, password } => {
            let pair = user.as_ref().map(|u| format!("{u}:{}", password.as_ref().map_or("", |p| p.reveal())));
            (format!("{base}/write?db={}&precision=ns", encoded(database)), pair.map(|p| format!("Basic {}", base64(p.as_bytes()))))
        }
    }
}

/// What became of a batch.
enum Sent {
    Written,
    /// Refused, wholly or in part.
    Refused {
        why: String,
        lines: u64,
    },
    TooLong,
    Later {
        why: String,
        wait_s: Option<u64>,
    },
}

/// How many lines a server says it left out: `partial write: … dropped=3`. The whole batch where it says nothing.
fn dropped_of(text: &str, lines: u64) -> u64 {
    let told = text.split("dropped=").nth(1).map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    told.and_then(|n| n.parse().ok()).filter(|n| *n <= lines && *n > 0).unwrap_or(lines)
}

fn judged(answer: Result<Answer, String>, lines: u64) -> Sent {
    match answer {
        Err(why) => Sent::Later { why, wait_s: None },
        Ok(answer) => match answer.status {
            200..=299 => Sent::Written,
            400 | 422 => Sent::Refused { lines: dropped_of(&answer.text, lines), why: answer.words() },
            413 => Sent::TooLong,
            // A token that is wrong, a bucket that is not there: mended on the other side or in the document, and nothing is lost meanwhile.
            _ => Sent::Later { why: answer.words(), wait_s: answer.retry_after_s },
        },
    }
}

impl InfluxSender {
    /// # Errors
    /// Certificates that cannot be used.
    pub fn start(feed: Arc<Feed>, timing: Timing, source: Arc<dyn Source>) -> Result<Self, Diagnostic> {
        let options = feed.options();
        let unusable = |why: String| {
            Diagnostic::error("TWIN.SENDING.UNUSABLE", format!("InfluxDB at {} cannot be used: {why}", http::public(&options.url)))
                .hint("correct `influx` of the site's document")
        };
        let agent = http::agent(timing.timeout, options.ca_pem.as_deref()).map_err(unusable)?;
        let (url, authorization) = address(options);
        let status = Mutex::new(InfluxStatus { url: http::public(&options.url), ..InfluxStatus::default() });
        let shared = Arc::new(Shared { source, feed, timing, agent, url, authorization, status, stop: AtomicBool::new(false) });
        let (end, ended) = mpsc::channel();
        let sending = shared.clone();
        let run = move || {
            sending.run();
            drop(end);
        };
        std::thread::Builder::new().name("influx".to_owned()).spawn(run).map_err(|e| {
            Diagnostic::error("TWIN.SENDING.THREAD", format!("no thread can be started: {e}"))
                .hint("the machine may be out of memory or of processes")
        })?;
        Ok(Self { shared, ended: Mutex::new(ended) })
    }

    pub fn status(&self) -> InfluxStatus {
        InfluxStatus { waiting: self.shared.feed.waiting(), ..lock(&self.shared.status).clone() }
    }

    /// Tries once more to send what waits, and ends.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.feed.wake();
        let _ = lock(&self.ended).recv_timeout(PATIENCE);
    }
}

impl Drop for InfluxSender {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.feed.wake();
    }
}

/// What has gone wrong since it was last told.
#[derive(Default)]
struct Untold {
    dropped: u64,
    refused: u64,
    why: String,
    told: Option<Instant>,
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn run(&self) {
        let (every, batch_max) = (self.feed.options().every, self.feed.options().batch);
        let mut batch: Vec<(Target, Sample)> = Vec::new();
        let mut at_once = batch_max;
        let (mut failures, mut not_before) = (0u32, Instant::now());
        let mut untold = Untold::default();
        loop {
            let is_last = self.is_stopped();
            let wait = not_before.saturating_duration_since(Instant::now());
            if !wait.is_zero() && !is_last {
                // A queue that fills up wakes nobody while the server is away.
                std::thread::sleep(wait.min(Duration::from_millis(100)));
                self.count_dropped(&mut untold);
                continue;
            }
            if batch.is_empty() {
                if !is_last && self.feed.waiting() < batch_max {
                    self.feed.wait(every.min(Duration::from_secs(1)).max(Duration::from_millis(10)));
                }
                batch = self.feed.take(batch_max);
            }
            self.count_dropped(&mut untold);
            if batch.is_empty() {
                if is_last {
                    return;
                }
                continue;
            }
            let (body, taken, left_out) = lines(&batch[..at_once.min(batch.len())]);
            match judged(self.post(&body), taken as u64) {
                Sent::Written => {
                    self.answered(taken as u64, left_out, 0);
                    batch.drain(..taken);
                    failures = 0;
                    if batch.is_empty() {
                        at_once = (at_once * 2).min(batch_max);
                    }
                }
                Sent::Refused { why, lines } => {
                    self.answered((taken as u64).saturating_sub(lines), left_out, lines);
                    untold.refused += lines;
                    untold.why = why;
                    batch.drain(..taken);
                    failures = 0;
                }
                Sent::TooLong if taken > 1 => at_once = taken / 2,
                Sent::TooLong => {
                    self.answered(0, 0, 1);
                    untold.refused += 1;
                    untold.why = "one line is too long for it".to_owned();
                    batch.drain(..taken);
                }
                Sent::Later { why, wait_s } => {
                    failures += 1;
                    let asked = Duration::from_secs(wait_s.unwrap_or(0)).min(self.timing.retry_longest);
                    let wait = Duration::from_millis(self.timing.wait_ms(failures).max(0) as u64).max(asked);
                    not_before = Instant::now() + wait;
                    self.failed(why);
                    if is_last {
                        return;
                    }
                }
            }
            self.count_dropped(&mut untold);
        }
    }

    fn post(&self, body: &str) -> Result<Answer, String> {
        let mut headers = vec![("Content-Type", "text/plain; charset=utf-8")];
        headers.extend(self.authorization.as_deref().map(|a| ("Authorization", a)));
        if !self.feed.options().gzip {
            return http::post(&self.agent, &self.url, &headers, body.as_bytes());
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder.write_all(body.as_bytes()).and_then(|()| encoder.finish()).map_err(|e| e.to_string())?;
        headers.push(("Content-Encoding", "gzip"));
        http::post(&self.agent, &self.url, &headers, &packed)
    }

    fn answered(&self, written: u64, left_out: u64, refused: u64) {
        let now_ms = UtcTime::now().ms();
        let failing_since = {
            let mut status = lock(&self.status);
            status.written += written;
            status.values_left_out += left_out;
            status.refused += refused;
            if written > 0 {
                status.last_written_ms = Some(now_ms);
            }
            status.trouble = None;
            status.failing_since_ms.take()
        };
        if let Some(since) = failing_since {
            let message = format!("InfluxDB at {} takes values again, after {:.0} s", self.name(), (now_ms - since) as f64 / 1000.0);
            self.source.record(notices::event("TWIN.INFLUX.RESTORED", Severity::Note, None, message, &[]));
        }
    }

    fn failed(&self, why: String) {
        let begins = {
            let mut status = lock(&self.status);
            status.trouble = Some(why.clone());
            let begins = status.failing_since_ms.is_none();
            if begins {
                status.failing_since_ms = Some(UtcTime::now().ms());
            }
            begins
        };
        if begins {
            let message = format!("InfluxDB at {} takes no values: {why}; they wait, and it is tried again", self.name());
            self.source.record(notices::event("TWIN.INFLUX.FAILING", Severity::Warning, None, message, &[]));
        }
    }

    /// Counts what had no room; tells of it and of refusals at once, and then once in a while.
    fn count_dropped(&self, untold: &mut Untold) {
        let (_, dropped) = self.feed.counts();
        lock(&self.status).dropped += dropped;
        untold.dropped += dropped;
        if untold.dropped + untold.refused == 0 || untold.told.is_some_and(|at| at.elapsed() < TELL && !self.is_stopped()) {
            return;
        }
        if untold.dropped > 0 {
            let message =
                format!("{} samples are not sent to InfluxDB at {}: too many wait; the history has them", untold.dropped, self.name());
            let fields = [("count", untold.dropped.into())];
            self.source.record(notices::event("TWIN.INFLUX.DROPPED", Severity::Warning, None, message, &fields));
        }
        if untold.refused > 0 {
            let message = format!("InfluxDB at {} refused {} lines: {}", self.name(), untold.refused, untold.why);
            let fields = [("count", untold.refused.into())];
            self.source.record(notices::event("TWIN.INFLUX.REFUSED", Severity::Warning, None, message, &fields));
        }
        *untold = Untold { told: Some(Instant::now()), ..Untold::default() };
    }

    fn name(&self) -> String {
        http::public(&self.feed.options().url)
    }
}

/// Lines of as many samples as one request takes, how many these are, and values that no line can carry.
fn lines(batch: &[(Target, Sample)]) -> (String, usize, u64) {
    let (mut body, mut left_out, mut taken) = (String::new(), 0, 0);
    for (target, sample) in batch {
        left_out += line_protocol::write(&mut body, target, std::slice::from_ref(&sample.entry)).values_left_out;
        taken += 1;
        if body.len() >= BODY_MAX {
            break;
        }
    }
    (body, taken, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_that_of_rfc_4648() {
        for (plain, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), expected);
        }
    }

    #[test]
    fn the_number_of_refused_lines_is_what_the_server_says() {
        assert_eq!(dropped_of("{\"error\":\"partial write: field type conflict dropped=3\"}", 10), 3);
        assert_eq!(dropped_of("unable to parse", 10), 10);
        assert_eq!(dropped_of("dropped=99", 10), 10);
    }
}
