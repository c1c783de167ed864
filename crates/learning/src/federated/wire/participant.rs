//! A site on the wire: it connects, greets, answers, and connects again when it was cut off.

use std::io;
use std::sync::Arc;

use rustls::{AlertDescription, ClientConfig};
use rustls_pki_types::ServerName;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::message::{Body, Message};
use super::super::participant::{Memory, Participant};
use super::super::site::SiteModel;
use super::{Settings, WireError, frame};

/// Why one connection ended.
enum End {
    /// To be tried again; why.
    Cut(String),
    /// For good.
    Over(Result<(), WireError>),
}

/// How a site's line to the coordinator is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// Not tried yet.
    #[default]
    Idle,
    /// Up.
    Connected,
    /// Down; it is tried again.
    Cut {
        /// Why.
        reason: String,
        /// Attempts that failed one after another.
        failures: u64,
        /// When the next one is, ms from then.
        next_ms: u64,
    },
}

/// The TLS error inside of one of the connection.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
}

/// What a failed connection means: a refusal will not pass by waiting, anything else may.
fn failure(error: &io::Error) -> End {
    match tls_error(error) {
        Some(rustls::Error::AlertReceived(alert)) => match alert {
            AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRequired
            | AlertDescription::AccessDenied
            | AlertDescription::UnknownCA => {
                End::Over(Err(WireError::Refused { reason: format!("it does not know this site's certificate ({alert:?})") }))
            }
            _ => End::Cut(error.to_string()),
        },
        Some(rustls::Error::InvalidCertificate(reason)) => End::Over(Err(WireError::Impostor { reason: format!("{reason:?}") })),
        _ => End::Cut(error.to_string()),
    }
}

/// Takes part until the federation is finished, the coordinator refuses, or `stop` becomes true; gives the site back.
///
/// `save` is called after every message, before its reply is sent.
///
/// # Errors
///
/// `Refused`, `Impostor`, `Save`, `Model`; a coordinator that cannot be reached is tried again for ever.
pub async fn take_part<M: SiteModel + Send + 'static>(
    address: impl ToSocketAddrs,
    tls: Arc<ClientConfig>,
    participant: Participant<M>,
    settings: Settings,
    save: impl FnMut(&Memory) -> io::Result<()>,
    stop: watch::Receiver<bool>,
) -> Result<Participant<M>, WireError> {
    take_part_seen(address, tls, participant, settings, save, |_, _| (), stop).await
}

/// The same, told how the line is whenever that changes and after every message. A name is looked up anew for every connection.
///
/// # Errors
///
/// As [`take_part`].
pub async fn take_part_seen<M: SiteModel + Send + 'static>(
    address: impl ToSocketAddrs,
    tls: Arc<ClientConfig>,
    mut participant: Participant<M>,
    settings: Settings,
    mut save: impl FnMut(&Memory) -> io::Result<()>,
    mut seen: impl FnMut(&mut Participant<M>, &Line),
    mut stop: watch::Receiver<bool>,
) -> Result<Participant<M>, WireError> {
    let mut wait = settings.retry.0;
    let mut failures = 0;
    loop {
        let connected = tokio::select! {
            connected = timeout(settings.handshake, connect(&address, Arc::clone(&tls))) => connected,
            _ = stop.wait_for(|stop| *stop) => return Ok(participant),
        };
        let end = match connected {
            Ok(Ok(mut stream)) => {
                seen(&mut participant, &Line::Connected);
                let before = participant.memory().traffic.rows().iter().map(|r| r.messages).sum::<u64>();
                let (back, end) = converse(&mut stream, participant, settings, &mut save, &mut seen, &mut stop).await?;
                participant = back;
                // More than the greeting passed: the next failure is a first one.
                if participant.memory().traffic.rows().iter().map(|r| r.messages).sum::<u64>() > before + 1 {
                    wait = settings.retry.0;
                    failures = 0;
                }
                end
            }
            Ok(Err(error)) => failure(&error),
            Err(_) => End::Cut(format!("no connection within {} s", settings.handshake.as_secs_f64())),
        };
        let reason = match end {
            End::Over(result) => return result.map(|()| participant),
            End::Cut(reason) => reason,
        };
        failures += 1;
        seen(&mut participant, &Line::Cut { reason, failures, next_ms: wait.as_millis() as u64 });
        tokio::select! {
            () = sleep(wait) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(participant),
        }
        wait = (wait * 2).min(settings.retry.1);
    }
}

async fn connect(address: impl ToSocketAddrs, tls: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    // Certificates are known by their digest; the name is not looked at.
    let name = ServerName::try_from("coordinator").expect("a name of letters");
    TlsConnector::from(tls).connect(name, stream).await
}

/// One connection: greeting, then a reply for each message.
async fn converse<M: SiteModel + Send + 'static>(
    stream: &mut TlsStream<TcpStream>,
    mut participant: Participant<M>,
    settings: Settings,
    save: &mut impl FnMut(&Memory) -> io::Result<()>,
    seen: &mut impl FnMut(&mut Participant<M>, &Line),
    stop: &mut watch::Receiver<bool>,
) -> Result<(Participant<M>, End), WireError> {
    let hello = participant.hello();
    if let Err(error) = frame::write(stream, &hello.bytes()).await {
        return Ok((participant, failure(&error)));
    }
    loop {
        let read = tokio::select! {
            read = timeout(settings.alive * 6, frame::read(stream, settings.frame_limit)) => read,
            _ = stop.wait_for(|stop| *stop) => return Ok((participant, End::Over(Ok(())))),
        };
        let bytes = match read {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => return Ok((participant, End::Cut("the coordinator closed the connection".to_owned()))),
            Err(_) => return Ok((participant, End::Cut("nothing was heard of the coordinator for too long".to_owned()))),
            Ok(Err(error)) => return Ok((participant, failure(&error))),
        };
        if bytes.is_empty() {
            continue;
        }
        let Some(message) = Message::read(&bytes) else {
            return Ok((participant, End::Cut("what came is no message of this version".to_owned())));
        };
        if let Body::Goodbye { reason } = &message.body {
            let reason = reason.clone();
            participant.receive(&message);
            return Ok((participant, End::Over(Err(WireError::Refused { reason }))));
        }
        // Training takes its time; the runtime has other things to do.
        let answered = tokio::task::spawn_blocking(move || {
            let reply = participant.receive(&message);
            (participant, reply)
        });
        let (back, reply) = answered.await.map_err(WireError::Model)?;
        participant = back;
        save(participant.memory()).map_err(WireError::Save)?;
        seen(&mut participant, &Line::Connected);
        if let Some(reply) = reply
            && let Err(error) = frame::write(stream, &reply.bytes()).await
        {
            return Ok((participant, failure(&error)));
        }
        if participant.finished() {
            return Ok((participant, End::Over(Ok(()))));
        }
    }
}
