//! Notices as JSON to an address of somebody else's.
//!
//! Delivered is what was answered with 2xx. What is refused for good (4xx, but not 408, 425 and 429) is given up and told; everything else,
//! no answer among it, is tried again.

use super::message;
use super::options::Webhook;
use super::outbox::{Outcome, Pending};
use super::signature::signature;
use super::{http, options::Secret};
use std::time::Duration;

/// Header of the signature, and of the number of the delivery: the same for every attempt, so that a receiver can tell a repetition.
pub const SIGNATURE: &str = "GridTwin-Signature";
pub const DELIVERY: &str = "GridTwin-Delivery";

/// Posts to one address.
#[derive(Debug)]
pub struct Poster {
    agent: ureq::Agent,
    url: String,
    secret: Option<Secret>,
    site: String,
    page: Option<String>,
    instance: String,
}

impl Poster {
    /// # Errors
    /// Certificates that cannot be read.
    pub fn new(webhook: &Webhook, site: &str, page: Option<&str>, instance: &str, timeout: Duration) -> Result<Self, String> {
        Ok(Self {
            agent: http::agent(timeout, webhook.ca_pem.as_deref())?,
            url: webhook.url.clone(),
            secret: webhook.secret.clone(),
            site: site.to_owned(),
            page: page.map(str::to_owned),
            instance: instance.to_owned(),
        })
    }

    /// One attempt at a time, s since 1970. Waits for the server.
    pub fn send(&self, pending: &Pending, now_s: i64) -> Outcome {
        let delivery = format!("{}.{}", pending.key, self.instance);
        let told = message::json(&self.site, self.page.as_deref(), &delivery, &pending.notice, &pending.context);
        let body = told.to_string().into_bytes();
        let signed = self.secret.as_ref().map(|s| signature(s.reveal(), now_s, &body));
        let mut headers = vec![("Content-Type", "application/json"), (DELIVERY, delivery.as_str())];
        headers.extend(signed.as_deref().map(|s| (SIGNATURE, s)));
        match http::post(&self.agent, &self.url, &headers, &body) {
            Err(why) => Outcome::Retry { why, whole: true, wait_s: None },
            Ok(answer) => match answer.status {
                200..=299 => Outcome::Delivered,
                408 | 425 => Outcome::Retry { why: answer.words(), whole: false, wait_s: answer.retry_after_s },
                429 => Outcome::Retry { why: answer.words(), whole: true, wait_s: answer.retry_after_s },
                400..=499 => Outcome::Refused { why: answer.words() },
                _ => Outcome::Retry { why: answer.words(), whole: true, wait_s: answer.retry_after_s },
            },
        }
    }
}
