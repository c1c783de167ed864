//! Notices as mail over SMTP.
//!
//! Each goes over a connection of its own: they are few, and a server that was gone is found as soon as it is back. A refusal of the sign-in
//! or of the protection is a fault of how the server was told, and is tried again like a server that is down; a refusal of the message or of
//! its address is final (RFC 5321, §4.2.1: replies from 500 on), one with 4xx is not.

use super::message;
use super::options::{MailServer, Security};
use super::outbox::{Outcome, Pending};
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, Message, SmtpTransport, Transport};
use std::time::{Duration, SystemTime};

/// Says that no person wrote it, so that nobody's absence is answered (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Sends mail through one server.
pub struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
    site: String,
    url: Option<String>,
    /// Made once for this site, so that identifiers of messages are nobody else's.
    instance: String,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer").field("from", &self.from).finish_non_exhaustive()
    }
}

/// Whether a text is an address that mail can go to.
pub fn is_address(text: &str) -> bool {
    text.parse::<Mailbox>().is_ok()
}

impl Mailer {
    /// # Errors
    /// Certificates that cannot be read, an address that is none.
    pub fn new(server: &MailServer, site: &str, url: Option<&str>, instance: &str, timeout: Duration) -> Result<Self, String> {
        let parameters = || {
            let mut parameters = TlsParameters::builder(server.server.clone());
            if let Some(pem) = &server.ca_pem {
                for certificate in super::http::certificates(pem)? {
                    let certificate = Certificate::from_der(certificate.der().to_vec()).map_err(|e| e.to_string())?;
                    parameters = parameters.add_root_certificate(certificate);
                }
            }
            parameters.build().map_err(|e| e.to_string())
        };
        let tls = match server.security {
            Security::None => Tls::None,
            Security::StartTls => Tls::Required(parameters()?),
            Security::Tls => Tls::Wrapper(parameters()?),
        };
        let mut transport = SmtpTransport::builder_dangerous(&server.server).port(server.port).tls(tls).timeout(Some(timeout));
        if let (Some(user), Some(password)) = (&server.user, &server.password) {
            transport = transport.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
        }
        let from: Mailbox = server.from.parse().map_err(|e| format!("\"{}\" is no address: {e}", server.from))?;
        Ok(Self { transport: transport.build(), from, site: site.to_owned(), url: url.map(str::to_owned), instance: instance.to_owned() })
    }

    fn identifier(&self, key: &str) -> String {
        format!("<{key}.{}@{}>", self.instance, self.from.email.domain())
    }

    fn message(&self, pending: &Pending) -> Result<Message, String> {
        let notice = &pending.notice;
        let to: Mailbox = notice.to.parse().map_err(|e| format!("\"{}\" is no address: {e}", notice.to))?;
        let asked = SystemTime::UNIX_EPOCH + Duration::from_millis(pending.asked_ms.max(0) as u64);
        let mut builder: MessageBuilder = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(message::subject(&self.site, notice))
            .message_id(Some(self.identifier(&pending.key)))
            .date(asked)
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN);
        if let Some(answers) = &pending.answers {
            builder = builder.in_reply_to(self.identifier(answers)).references(self.identifier(answers));
        }
        builder.body(message::body(&self.site, self.url.as_deref(), notice, &pending.context)).map_err(|e| e.to_string())
    }

    /// One attempt. Waits for the server.
    pub fn send(&self, pending: &Pending) -> Outcome {
        let message = match self.message(pending) {
            Ok(message) => message,
            Err(why) => return Outcome::Refused { why },
        };
        match self.transport.send(&message) {
            Ok(_) => Outcome::Delivered,
            Err(e) => {
                let code = e.status().map(u16::from);
                let why = words(&e);
                match code {
                    // Of the sign-in and of the protection (RFC 4954, RFC 3207): nothing was said of the message.
                    Some(454 | 530 | 534 | 535 | 538) => Outcome::Retry { why, whole: true, wait_s: None },
                    Some(500..) => Outcome::Refused { why },
                    // Gone, or about to be: whatever else waits would be told the same.
                    Some(421) | None => Outcome::Retry { why, whole: true, wait_s: None },
                    Some(_) => Outcome::Retry { why, whole: false, wait_s: None },
                }
            }
        }
    }
}

/// An error with what is behind it, each once.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = inner.source();
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

/// The domain of an address, if it is one; for checks of documents.
pub fn domain(text: &str) -> Option<String> {
    text.parse::<Mailbox>().ok().map(|m| Address::domain(&m.email).to_owned())
}
