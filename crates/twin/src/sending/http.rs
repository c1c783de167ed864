//! Requests to others: one agent, short answers, addresses without what is secret in them.

use std::time::Duration;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Octets of an answer that are read: enough for what a server says went wrong.
const ANSWER_MAX: u64 = 16 * 1024;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub text: String,
    /// What it asks to wait, s.
    pub retry_after_s: Option<u64>,
}

impl Answer {
    /// Status and the beginning of the text, for people.
    pub fn words(&self) -> String {
        let text: String = self.text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
        let text = text.trim();
        if text.is_empty() { format!("status {}", self.status) } else { format!("status {}: {text}", self.status) }
    }
}

/// Certificates of a PEM file.
///
/// # Errors
/// What cannot be read, or that there is none.
pub fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, String> {
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|e| e.to_string())? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err("it holds no certificate".to_owned()) } else { Ok(found) }
}

/// An agent; with authorities of a PEM file these are trusted and no others.
///
/// # Errors
/// As of [`certificates`].
pub fn agent(timeout: Duration, ca_pem: Option<&[u8]>) -> Result<ureq::Agent, String> {
    let mut config = ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        // A redirection could lead anywhere, and would be asked without the body.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("gridtwin/", env!("CARGO_PKG_VERSION")));
    if let Some(pem) = ca_pem {
        let roots = RootCerts::new_with_certs(&certificates(pem)?);
        config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
    }
    Ok(config.build().into())
}

/// Sends a body.
///
/// # Errors
/// Why there was no answer.
pub fn post(agent: &ureq::Agent, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, String> {
    let mut request = agent.post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    // Its text may hold the address, and the address a token.
    let mut answer = request.send(body).map_err(|e| e.to_string().replace(url, &public(url)))?;
    let retry_after_s = answer.headers().get("retry-after").and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse().ok());
    let text = answer.body_mut().with_config().limit(ANSWER_MAX).lossy_utf8(true).read_to_string().unwrap_or_default();
    Ok(Answer { status: answer.status().as_u16(), text, retry_after_s })
}

/// An address for people: without user, password and parameters, where tokens stand.
pub fn public(url: &str) -> String {
    let head = url.split(['?', '#']).next().unwrap_or_default();
    match head.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => head.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_in_an_address_is_not_shown() {
        assert_eq!(public("https://u:p@h.example:8/a/b?token=x#y"), "https://h.example:8/a/b");
        assert_eq!(public("http://h"), "http://h");
    }
}
