//! What is told to open pages: messages by topic, to whoever has subscribed.
//!
//! A message is put into text once, whoever gets it. Each client has a short queue: of a thing whose state is told (a job), only the latest
//! state waits there; where single events (lines of a log) come faster than a client takes them, they are left out and the client is told
//! that there was a gap, so that it asks for all again.

use serde::Serialize;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use tokio::sync::Notify;

/// Messages that wait for one client at most.
const WAITING_MAX: usize = 256;
/// Topics of one client at most.
pub const TOPICS_MAX: usize = 200;
/// Longest name of a topic.
pub const TOPIC_MAX: usize = 300;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// All clients.
#[derive(Debug, Default)]
pub struct Hub {
    clients: RwLock<HashMap<u64, Arc<Client>>>,
    next: AtomicU64,
}

/// A message, without the brace that opens it, so that a number can be put in front.
#[derive(Clone, Debug)]
struct Waiting {
    key: Option<Arc<str>>,
    rest: Arc<str>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    is_gap: bool,
    topics: HashSet<String>,
    sent: u64,
}

/// One open page.
#[derive(Debug, Default)]
pub struct Client {
    queue: Mutex<Queue>,
    news: Notify,
}

/// A client for as long as this lives.
#[derive(Debug)]
pub struct Membership {
    hub: Arc<Hub>,
    number: u64,
    pub client: Arc<Client>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.hub.clients.write().unwrap_or_else(|p| p.into_inner()).remove(&self.number);
    }
}

impl Hub {
    /// A new client, which has no topics yet.
    pub fn join(self: &Arc<Self>) -> Membership {
        let (number, client) = (self.next.fetch_add(1, Ordering::Relaxed), Arc::new(Client::default()));
        self.clients.write().unwrap_or_else(|p| p.into_inner()).insert(number, client.clone());
        Membership { hub: self.clone(), number, client }
    }

    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.clients.read().unwrap_or_else(|p| p.into_inner()).len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether anyone has one of the topics.
    pub fn is_wanted(&self, topics: &[&str]) -> bool {
        self.clients.read().unwrap_or_else(|p| p.into_inner()).values().any(|c| c.wants(topics))
    }

    /// Tells a message to those that have one of the topics. With a key it takes the place of an earlier message of that key which a client
    /// has not yet got. The message is an object.
    pub fn publish(&self, topics: &[&str], key: Option<&str>, message: &impl Serialize) {
        let clients: Vec<Arc<Client>> = {
            let clients = self.clients.read().unwrap_or_else(|p| p.into_inner());
            clients.values().filter(|c| c.wants(topics)).cloned().collect()
        };
        if clients.is_empty() {
            return;
        }
        let Ok(text) = serde_json::to_string(message) else { return };
        let Some(rest) = text.strip_prefix('{') else { return };
        let waiting = Waiting { key: key.map(Arc::from), rest: rest.into() };
        clients.iter().for_each(|c| c.push(waiting.clone()));
    }
}

impl Client {
    fn wants(&self, topics: &[&str]) -> bool {
        let queue = lock(&self.queue);
        topics.iter().any(|t| queue.topics.contains(*t))
    }

    fn push(&self, message: Waiting) {
        {
            let mut queue = lock(&self.queue);
            let same = message.key.as_ref().and_then(|key| queue.waiting.iter().position(|w| w.key.as_ref() == Some(key)));
            match same {
                // The latest goes to the end: what else was told meanwhile came before it.
                Some(at) => {
                    queue.waiting.remove(at);
                    queue.waiting.push_back(message);
                }
                None if queue.waiting.len() < WAITING_MAX => queue.waiting.push_back(message),
                None => queue.is_gap = true,
            }
        }
        self.news.notify_one();
    }

    /// Adds topics. Those beyond the limits are refused, and named.
    pub fn subscribe(&self, topics: Vec<String>) -> Vec<String> {
        let mut queue = lock(&self.queue);
        let mut refused = Vec::new();
        for topic in topics {
            let fits = topic.len() <= TOPIC_MAX && (queue.topics.len() < TOPICS_MAX || queue.topics.contains(&topic));
            if fits {
                queue.topics.insert(topic);
            } else {
                refused.push(topic.chars().take(TOPIC_MAX).collect());
            }
        }
        refused
    }

    pub fn unsubscribe(&self, topics: &[String]) {
        let mut queue = lock(&self.queue);
        queue.topics.retain(|t| !topics.contains(t));
    }

    /// Puts a message of this client alone at the end.
    pub fn tell(&self, message: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(message)
            && let Some(rest) = text.strip_prefix('{')
        {
            self.push(Waiting { key: None, rest: rest.into() });
        }
    }

    /// The next message, with its number; waits for one.
    pub async fn next(&self) -> String {
        loop {
            let news = self.news.notified();
            if let Some(text) = self.take() {
                return text;
            }
            news.await;
        }
    }

    fn take(&self) -> Option<String> {
        let mut queue = lock(&self.queue);
        let rest = match queue.waiting.pop_front() {
            Some(w) => w.rest,
            None if std::mem::take(&mut queue.is_gap) => "\"type\":\"gap\"}".into(),
            None => return None,
        };
        queue.sent += 1;
        Some(format!("{{\"seq\":{},{rest}", queue.sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn all(client: &Client) -> Vec<Value> {
        std::iter::from_fn(|| client.take()).map(|t| serde_json::from_str(&t).unwrap()).collect()
    }

    #[test]
    fn only_subscribers_are_told() {
        let hub = Arc::new(Hub::default());
        let (a, b) = (hub.join(), hub.join());
        a.client.subscribe(vec!["jobs".into()]);
        b.client.subscribe(vec!["job:7".into()]);
        hub.publish(&["jobs", "job:7"], None, &json!({ "type": "job", "id": "7" }));
        hub.publish(&["jobs"], None, &json!({ "type": "job", "id": "8" }));
        assert_eq!(all(&a.client), [json!({"seq":1,"type":"job","id":"7"}), json!({"seq":2,"type":"job","id":"8"})]);
        assert_eq!(all(&b.client), [json!({"seq":1,"type":"job","id":"7"})]);
        b.client.unsubscribe(&["job:7".into()]);
        hub.publish(&["job:7"], None, &json!({ "type": "job" }));
        assert!(all(&b.client).is_empty());
        drop(a);
        assert_eq!(hub.len(), 1);
    }

    #[test]
    fn a_slow_client_gets_the_latest_and_is_told_of_gaps() {
        let hub = Arc::new(Hub::default());
        let slow = hub.join();
        slow.client.subscribe(vec!["jobs".into()]);
        for done in 0..10_000 {
            hub.publish(&["jobs"], Some("job:7"), &json!({ "done": done }));
        }
        assert_eq!(all(&slow.client), [json!({"seq":1,"done":9999})]);
        for n in 0..10_000 {
            hub.publish(&["jobs"], None, &json!({ "line": n }));
        }
        let got = all(&slow.client);
        assert_eq!(got.len(), WAITING_MAX + 1);
        assert_eq!(got.last().unwrap()["type"], "gap");
        let numbers: Vec<u64> = got.iter().map(|m| m["seq"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (2..=WAITING_MAX as u64 + 2).collect::<Vec<_>>());
    }

    #[test]
    fn topics_are_bounded() {
        let client = Client::default();
        assert_eq!(client.subscribe((0..TOPICS_MAX + 2).map(|i| i.to_string()).collect()).len(), 2);
        assert_eq!(client.subscribe(vec!["0".into(), "x".repeat(TOPIC_MAX + 1)]).len(), 1);
    }
}
