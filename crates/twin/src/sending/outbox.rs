//! What waits to be sent, target by target, and what became of the rest. No clock and no network here; all of it is written down.

use super::message::Context;
use super::options::Timing;
use crate::alarms::notify::{Channel, Content, Gathered, Notice, Plan};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A notice on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// Names it among all of this site, the same in every attempt and after a restart.
    pub key: String,
    /// The one that it answers: the beginning of what it tells the end of.
    pub answers: Option<String>,
    pub notice: Notice,
    pub context: Context,
    pub asked_ms: i64,
    pub attempts: u32,
    /// Not to be tried before, ms.
    pub next_ms: i64,
    pub trouble: Option<String>,
}

/// What an attempt ended in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// Not now. `whole`: nothing else for this target would fare better. `wait_s`: how long the other side asks to wait.
    Retry {
        why: String,
        whole: bool,
        wait_s: Option<u64>,
    },
    /// Not ever.
    Refused {
        why: String,
    },
}

/// What people are to be told of the sending itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Remark {
    /// A target stopped taking notices.
    Failing { target: String, why: String, waiting: usize },
    /// It takes them again.
    Restored { target: String, after_ms: i64 },
    /// A notice will not be sent any more.
    GivenUp { target: String, pending: Box<Pending>, why: String },
    /// Too many wait: from here on they are told together.
    Folding { target: String, waiting: usize },
}

/// What waits for one target.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Queue {
    pub waiting: VecDeque<Pending>,
    /// What had no room, by route and address.
    folded: Vec<(Arc<str>, Arc<str>, Gathered)>,
    /// Nothing before this, ms.
    not_before_ms: i64,
    /// Failures in a row that concern the target.
    failures: u32,
    failing_since_ms: Option<i64>,
    trouble: Option<String>,
    delivered: u64,
    retried: u64,
    given_up: u64,
    last_delivered_ms: Option<i64>,
}

/// How a target fares.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetStatus {
    pub target: String,
    /// Notices that wait, and events that had no room and will be told together.
    pub waiting: usize,
    pub folded: usize,
    pub delivered: u64,
    /// Attempts that failed and were or will be made again.
    pub retried: u64,
    pub given_up: u64,
    pub last_delivered_ms: Option<i64>,
    /// It has taken nothing since; `None` when the last attempt went well.
    pub failing_since_ms: Option<i64>,
    pub trouble: Option<String>,
}

/// Everything that has to outlive the program.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outbox {
    pub version: u32,
    /// Made once, at random.
    pub instance: String,
    /// Number of the last event of the history that was planned.
    pub cursor: u64,
    pub plan: Plan,
    /// By target.
    pub queues: BTreeMap<String, Queue>,
}

/// Key of an event's notice on a route: the same each time.
fn key_of(notice: &Notice, sequence: u64) -> String {
    let digest = super::signature::hmac_sha256(notice.route.as_bytes(), notice.to.as_bytes());
    format!("alarm-{sequence}-{}", super::signature::hex(&digest[..6]))
}

impl Outbox {
    /// Puts a notice into the queue of its target.
    pub fn push(&mut self, target: &str, notice: Notice, context: Context, now_ms: i64, timing: &Timing) -> Option<Remark> {
        let queue = self.queues.entry(target.to_owned()).or_default();
        if queue.waiting.len() >= timing.waiting_max {
            let begins = queue.folded.is_empty();
            queue.fold(&notice);
            return begins.then(|| Remark::Folding { target: target.to_owned(), waiting: queue.waiting.len() });
        }
        queue.add(notice, context, now_ms);
        None
    }

    pub fn status(&self) -> Vec<TargetStatus> {
        let of = |(target, q): (&String, &Queue)| TargetStatus {
            target: target.clone(),
            waiting: q.waiting.len(),
            folded: q.folded.iter().map(|(_, _, g)| g.events()).sum(),
            delivered: q.delivered,
            retried: q.retried,
            given_up: q.given_up,
            last_delivered_ms: q.last_delivered_ms,
            failing_since_ms: q.failing_since_ms,
            trouble: q.trouble.clone(),
        };
        self.queues.iter().map(of).collect()
    }

    /// The next that may be tried, and when to look again when there is none yet.
    pub fn due(&self, target: &str, now_ms: i64) -> Result<Pending, Option<i64>> {
        let Some(queue) = self.queues.get(target) else { return Err(None) };
        // Of one route in their order: the end of an alarm is not told before its beginning.
        let mut routes: Vec<(&str, &str)> = Vec::new();
        let mut next: Option<i64> = None;
        for pending in &queue.waiting {
            let route = (&*pending.notice.route, &*pending.notice.to);
            if routes.contains(&route) {
                continue;
            }
            routes.push(route);
            let at = pending.next_ms.max(queue.not_before_ms);
            if at <= now_ms {
                return Ok(pending.clone());
            }
            next = Some(next.map_or(at, |n| n.min(at)));
        }
        Err(next)
    }

    /// Writes down how an attempt ended.
    pub fn settle(&mut self, target: &str, key: &str, outcome: &Outcome, now_ms: i64, timing: &Timing) -> Vec<Remark> {
        let Some(queue) = self.queues.get_mut(target) else { return Vec::new() };
        let Some(at) = queue.waiting.iter().position(|p| p.key == key) else { return Vec::new() };
        let mut remarks = Vec::new();
        match outcome {
            Outcome::Delivered => {
                queue.waiting.remove(at);
                queue.delivered += 1;
                queue.last_delivered_ms = Some(now_ms);
                remarks.extend(queue.answered(target, now_ms));
            }
            Outcome::Refused { why } => {
                // It was answered: the target is well, the notice is not.
                remarks.extend(queue.answered(target, now_ms));
                remarks.extend(queue.give_up(target, at, why));
            }
            Outcome::Retry { why, whole, wait_s } => {
                queue.retried += 1;
                let asked_ms = wait_s.map_or(0, |s| i64::try_from(s.saturating_mul(1000)).unwrap_or(i64::MAX));
                let longest_ms = timing.retry_longest.as_millis() as i64;
                let pending = &mut queue.waiting[at];
                pending.attempts += 1;
                pending.trouble = Some(why.clone());
                if *whole {
                    queue.failures += 1;
                    let wait = timing.wait_ms(queue.failures).max(asked_ms.min(longest_ms));
                    queue.not_before_ms = now_ms.saturating_add(wait);
                    queue.trouble = Some(why.clone());
                    if queue.failing_since_ms.is_none() {
                        queue.failing_since_ms = Some(now_ms);
                        let waiting = queue.waiting.len();
                        remarks.push(Remark::Failing { target: target.to_owned(), why: why.clone(), waiting });
                    }
                } else {
                    let wait = timing.wait_ms(pending.attempts).max(asked_ms.min(longest_ms));
                    pending.next_ms = now_ms.saturating_add(wait);
                    remarks.extend(queue.answered(target, now_ms));
                }
            }
        }
        remarks.extend(self.expire(target, now_ms, timing));
        if let Some(queue) = self.queues.get_mut(target) {
            queue.unfold(now_ms, timing);
        }
        remarks
    }

    /// Gives up what has waited too long.
    pub fn expire(&mut self, target: &str, now_ms: i64, timing: &Timing) -> Vec<Remark> {
        let Some(queue) = self.queues.get_mut(target) else { return Vec::new() };
        let oldest = now_ms.saturating_sub(timing.give_up.as_millis() as i64);
        let mut remarks = Vec::new();
        while let Some(at) = queue.waiting.iter().position(|p| p.asked_ms < oldest && p.attempts > 0) {
            let pending = &queue.waiting[at];
            let last = pending.trouble.as_deref().unwrap_or("there was no attempt");
            let why = format!("it has waited for {} h: {last}", timing.give_up.as_secs_f64() / 3600.0);
            remarks.extend(queue.give_up(target, at, &why));
        }
        remarks
    }

    /// Gives up what waits for targets that there are no more.
    pub fn keep_targets(&mut self, targets: &[String]) -> Vec<Remark> {
        let gone: Vec<String> = self.queues.keys().filter(|k| !targets.contains(k)).cloned().collect();
        let mut remarks = Vec::new();
        for target in gone {
            let Some(mut queue) = self.queues.remove(&target) else { continue };
            while !queue.waiting.is_empty() {
                remarks.extend(queue.give_up(&target, 0, "the site has no such target any more"));
            }
        }
        for target in targets {
            self.queues.entry(target.clone()).or_default();
        }
        remarks
    }
}

impl Queue {
    fn add(&mut self, notice: Notice, context: Context, now_ms: i64) {
        let key = match &notice.content {
            Content::Event(event) => key_of(&notice, event.sequence),
            Content::Summary { first_sequence, last_sequence, .. } => {
                format!("{}-to-{last_sequence}", key_of(&notice, *first_sequence).replacen("alarm", "summary", 1))
            }
        };
        let answers = notice.answers.map(|sequence| key_of(&notice, sequence));
        self.waiting.push_back(Pending { key, answers, notice, context, asked_ms: now_ms, attempts: 0, next_ms: 0, trouble: None });
    }

    fn fold(&mut self, notice: &Notice) {
        let at = self.folded.iter().position(|(r, to, _)| *r == notice.route && *to == notice.to).unwrap_or_else(|| {
            self.folded.push((notice.route.clone(), notice.to.clone(), Gathered::default()));
            self.folded.len() - 1
        });
        self.folded[at].2.add_content(&notice.content);
    }

    /// What had no room, in one notice a route, once there is room again.
    fn unfold(&mut self, now_ms: i64, timing: &Timing) {
        while self.waiting.len() < timing.waiting_max && !self.folded.is_empty() {
            let (route, to, mut gathered) = self.folded.remove(0);
            let Some(content) = gathered.summary() else { continue };
            let channel = if to.contains("://") { Channel::Webhook } else { Channel::Email };
            let notice = Notice { route, channel, to, time: scada::UtcTime::from_ms(now_ms), content, answers: None };
            self.add(notice, Context::default(), now_ms);
        }
    }

    /// The target answered, whatever it said.
    fn answered(&mut self, target: &str, now_ms: i64) -> Option<Remark> {
        (self.failures, self.not_before_ms, self.trouble) = (0, 0, None);
        self.failing_since_ms.take().map(|since| Remark::Restored { target: target.to_owned(), after_ms: now_ms - since })
    }

    fn give_up(&mut self, target: &str, at: usize, why: &str) -> Option<Remark> {
        let pending = self.waiting.remove(at)?;
        self.given_up += 1;
        Some(Remark::GivenUp { target: target.to_owned(), pending: Box::new(pending), why: why.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::Event;
    use scada::UtcTime;
    use std::time::Duration;

    fn event(sequence: u64, rule: &str) -> Event {
        serde_json::from_value(serde_json::json!({
            "sequence": sequence, "time": 1_000_000, "kind": "raised", "rule": rule, "before": "normal", "after": "unacknowledged",
            "standing": "unacknowledged", "priority": "high", "annunciated": true,
        }))
        .unwrap()
    }

    fn notice(sequence: u64, route: &str) -> Notice {
        Notice {
            route: route.into(),
            channel: Channel::Email,
            to: "a@example.org".into(),
            time: UtcTime::from_ms(1),
            content: Content::Event(Box::new(event(sequence, "r"))),
            answers: None,
        }
    }

    const TIMING: Timing = Timing {
        retry_first: Duration::from_secs(1),
        retry_longest: Duration::from_secs(8),
        give_up: Duration::from_secs(60),
        timeout: Duration::from_secs(1),
        waiting_max: 3,
    };

    fn retry(whole: bool) -> Outcome {
        Outcome::Retry { why: "down".into(), whole, wait_s: None }
    }

    #[test]
    fn a_target_that_is_down_is_tried_ever_more_rarely_and_told_once() {
        let mut outbox = Outbox::default();
        outbox.push("m", notice(1, "r"), Context::default(), 0, &TIMING);
        outbox.push("m", notice(2, "s"), Context::default(), 0, &TIMING);
        let (mut now, mut waits, mut told) = (0, Vec::new(), 0);
        for _ in 0..6 {
            let pending = outbox.due("m", now).unwrap();
            told += outbox.settle("m", &pending.key, &retry(true), now, &TIMING).len();
            let next = outbox.due("m", now).unwrap_err().unwrap();
            waits.push(next - now);
            now = next;
        }
        assert_eq!((waits, told), (vec![1000, 2000, 4000, 8000, 8000, 8000], 1));
        let pending = outbox.due("m", now).unwrap();
        let remarks = outbox.settle("m", &pending.key, &Outcome::Delivered, now, &TIMING);
        assert!(matches!(&remarks[..], [Remark::Restored { after_ms: 31_000, .. }]), "{remarks:?}");
        assert!(outbox.due("m", now).is_ok(), "the other goes at once");
        assert_eq!(outbox.status()[0].retried, 6);
    }

    #[test]
    fn of_one_route_the_order_stays_and_another_route_goes_past() {
        let mut outbox = Outbox::default();
        for (sequence, route) in [(1, "r"), (2, "r"), (3, "s")] {
            outbox.push("m", notice(sequence, route), Context::default(), 0, &TIMING);
        }
        let first = outbox.due("m", 0).unwrap();
        outbox.settle("m", &first.key, &retry(false), 0, &TIMING);
        let other = outbox.due("m", 0).unwrap();
        assert_eq!(&*other.notice.route, "s");
        outbox.settle("m", &other.key, &Outcome::Delivered, 0, &TIMING);
        assert_eq!(outbox.due("m", 0), Err(Some(1000)), "the second of the first route waits for the first");
        assert_eq!(outbox.due("m", 1000).unwrap().key, first.key);
    }

    #[test]
    fn what_has_no_room_is_told_together_and_counted() {
        let mut outbox = Outbox::default();
        let mut remarks = Vec::new();
        for sequence in 1..=10 {
            remarks.extend(outbox.push("m", notice(sequence, "r"), Context::default(), 0, &TIMING));
        }
        assert!(matches!(&remarks[..], [Remark::Folding { waiting: 3, .. }]));
        assert_eq!((outbox.status()[0].waiting, outbox.status()[0].folded), (3, 7));
        let mut summaries = Vec::new();
        while let Ok(pending) = outbox.due("m", 5) {
            if let Content::Summary { events, first_sequence, last_sequence, .. } = &pending.notice.content {
                summaries.push((*events, *first_sequence, *last_sequence));
            }
            outbox.settle("m", &pending.key, &Outcome::Delivered, 5, &TIMING);
        }
        assert_eq!(summaries, [(7, 4, 10)]);
    }

    #[test]
    fn a_refusal_and_an_age_end_it_and_are_told() {
        let mut outbox = Outbox::default();
        outbox.push("m", notice(1, "r"), Context::default(), 0, &TIMING);
        let key = outbox.due("m", 0).unwrap().key;
        let refused = outbox.settle("m", &key, &Outcome::Refused { why: "550".into() }, 0, &TIMING);
        assert!(matches!(&refused[..], [Remark::GivenUp { why, .. }] if why == "550"));
        outbox.push("m", notice(2, "r"), Context::default(), 0, &TIMING);
        let key = outbox.due("m", 0).unwrap().key;
        outbox.settle("m", &key, &retry(true), 0, &TIMING);
        let late = outbox.settle("m", &key, &retry(true), 61_000, &TIMING);
        assert!(matches!(&late[..], [Remark::GivenUp { why, .. }] if why.contains("down")), "{late:?}");
        assert_eq!(outbox.status()[0].given_up, 2);
        outbox.push("m", notice(3, "r"), Context::default(), 0, &TIMING);
        assert_eq!(outbox.keep_targets(&["n".into()]).len(), 1, "what waits for a target that is gone is told");
    }

    #[test]
    fn it_comes_back_from_its_text_as_it_was() {
        let mut outbox = Outbox { version: 1, instance: "i".into(), cursor: 7, ..Outbox::default() };
        for sequence in 1..=5 {
            outbox.push("m", notice(sequence, "r"), Context::default(), 0, &TIMING);
        }
        let text = serde_json::to_string(&outbox).unwrap();
        let back: Outbox = serde_json::from_str(&text).unwrap();
        assert_eq!((back.cursor, back.status(), serde_json::to_string(&back).unwrap()), (7, outbox.status(), text));
    }
}
