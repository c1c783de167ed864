//! The coordinator on the wire: one task that owns it, and a task each way for every connection.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::super::coordinator::{Coordinator, Event, Outgoing, Status};
use super::super::digest::Digest;
use super::super::federation::{Federation, Site};
use super::super::message::Message;
use super::{Settings, WireError, frame};

/// Frames that may wait for one site. One that takes no more is let go: it may come back.
const OUTBOX: usize = 16;

/// Sees every message, before it is encrypted or after it was decrypted: whose, whether it left the site, its bytes.
pub type Tap<'a> = &'a mut (dyn FnMut(Site, bool, &[u8]) + Send);

/// Keeps what must outlive the coordinator's process.
pub trait Keep: Send {
    /// Is told of an event before it is handled.
    ///
    /// # Errors
    ///
    /// When it cannot be kept; the event is then not handled.
    fn before(&mut self, _now_ms: u64, _event: &Event) -> io::Result<()> {
        Ok(())
    }

    /// Is told of the coordinator after an event, before anything that follows from it is sent.
    ///
    /// # Errors
    ///
    /// When it cannot be kept; nothing is then sent.
    fn after(&mut self, coordinator: &Coordinator) -> io::Result<()>;
}

/// Keeps the whole coordinator after every event.
struct Whole<F>(F);

impl<F: FnMut(&Coordinator) -> io::Result<()> + Send> Keep for Whole<F> {
    fn after(&mut self, coordinator: &Coordinator) -> io::Result<()> {
        self.0(coordinator)
    }
}

/// What a connection's task tells the task that owns the coordinator.
enum News {
    Opened { site: Site, id: u64, outbox: mpsc::Sender<Vec<u8>> },
    Frame { site: Site, id: u64, bytes: Vec<u8> },
    Closed { site: Site, id: u64 },
}

struct Connection {
    id: u64,
    outbox: mpsc::Sender<Vec<u8>>,
}

/// Runs a federation until it is finished or halted, or `stop` becomes true; gives the coordinator back.
///
/// `save` is called after every event, before anything that follows from it is sent. A coordinator that was saved and read back has to be given through
/// [`Coordinator::resume`] with time 0, as the time here starts from 0.
///
/// # Errors
///
/// `Save` when `save` fails, `Listen` when the socket does.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    coordinator: Coordinator,
    settings: Settings,
    save: impl FnMut(&Coordinator) -> io::Result<()> + Send,
    tap: Tap<'_>,
    stop: watch::Receiver<bool>,
) -> Result<Coordinator, WireError> {
    serve_from(0, listener, tls, coordinator, settings, Whole(save), tap, stop).await
}

/// The same with a clock that begins at `from_ms`, and with whatever keeps the state.
///
/// # Errors
///
/// As [`serve`].
#[expect(
    clippy::too_many_arguments,
    reason = "each is a thing of its own: the clock, the socket, the state, who keeps it, who listens, who stops it"
)]
pub async fn serve_from(
    from_ms: u64,
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    mut coordinator: Coordinator,
    settings: Settings,
    mut keep: impl Keep,
    tap: Tap<'_>,
    mut stop: watch::Receiver<bool>,
) -> Result<Coordinator, WireError> {
    let begin = Instant::now();
    let federation = Arc::new(coordinator.federation().clone());
    let (news, mut heard) = mpsc::channel(64);
    let mut tasks = JoinSet::new();
    let mut connections: BTreeMap<Site, Connection> = BTreeMap::new();
    let mut next_id = 0;
    while !matches!(coordinator.status(), Status::Finished | Status::Halted { .. }) {
        // Half a minute when nothing is due.
        let due = coordinator
            .deadline_ms()
            .map_or_else(|| Instant::now() + Duration::from_secs(30), |ms| begin + Duration::from_millis(ms.saturating_sub(from_ms)));
        let events = tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.map_err(WireError::Listen)?;
                next_id += 1;
                tasks.spawn(connection(stream, TlsAcceptor::from(Arc::clone(&tls)), Arc::clone(&federation), next_id, settings, news.clone()));
                continue;
            }
            Some(item) = heard.recv() => match item {
                News::Opened { site, id, outbox } => {
                    // A new connection of a site takes the place of its old one.
                    connections.insert(site, Connection { id, outbox });
                    vec![Event::Connected(site)]
                }
                News::Closed { site, id } if connections.get(&site).is_some_and(|c| c.id == id) => {
                    connections.remove(&site);
                    vec![Event::Disconnected(site)]
                }
                News::Frame { site, id, bytes } if connections.get(&site).is_some_and(|c| c.id == id) => {
                    tap(site, true, &bytes);
                    match Message::read(&bytes) {
                        Some(message) => vec![Event::Received(site, message)],
                        // What cannot be read is no site of ours, or one of another version.
                        None => {
                            connections.remove(&site);
                            vec![Event::Disconnected(site)]
                        }
                    }
                }
                News::Closed { .. } | News::Frame { .. } => Vec::new(),
            },
            () = sleep_until(due) => vec![Event::Tick],
            changed = stop.changed() => {
                if changed.is_err() || *stop.borrow() {
                    break;
                }
                Vec::new()
            }
            // Done connections are forgotten.
            Some(_) = tasks.join_next() => Vec::new(),
        };
        let mut events = VecDeque::from(events);
        while let Some(event) = events.pop_front() {
            let now_ms = from_ms + begin.elapsed().as_millis() as u64;
            keep.before(now_ms, &event).map_err(WireError::Save)?;
            let outgoing = coordinator.handle(now_ms, event);
            keep.after(&coordinator).map_err(WireError::Save)?;
            for Outgoing { to, message } in outgoing {
                let bytes = message.bytes();
                let Some(connection) = connections.get(&to) else { continue };
                tap(to, false, &bytes);
                if connection.outbox.try_send(bytes).is_err() {
                    connections.remove(&to);
                    events.push_back(Event::Disconnected(to));
                }
            }
        }
    }
    // Outboxes end; what is in them goes out.
    connections.clear();
    drop(news);
    heard.close();
    let _ = timeout(settings.handshake, async { while tasks.join_next().await.is_some() {} }).await;
    Ok(coordinator)
}

/// One connection from its handshake to its end.
async fn connection(
    stream: TcpStream,
    tls: TlsAcceptor,
    federation: Arc<Federation>,
    id: u64,
    settings: Settings,
    news: mpsc::Sender<News>,
) {
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = timeout(settings.handshake, tls.accept(stream)).await else { return };
    let certificate = stream.get_ref().1.peer_certificates().and_then(|c| c.first()).map(|c| Digest::of(c));
    // The handshake lets only members through.
    let Some(site) = certificate.and_then(|c| federation.site_of(c)) else { return };
    let (outbox, waiting) = mpsc::channel(OUTBOX);
    if news.send(News::Opened { site, id, outbox }).await.is_err() {
        return;
    }
    let (reader, writer) = tokio::io::split(stream);
    tokio::select! {
        () = send_all(writer, waiting, settings) => {}
        () = read_all(reader, site, id, settings, &news) => {}
    }
    let _ = news.send(News::Closed { site, id }).await;
}

async fn send_all(mut writer: WriteHalf<TlsStream<TcpStream>>, mut waiting: mpsc::Receiver<Vec<u8>>, settings: Settings) {
    loop {
        let bytes = match timeout(settings.alive, waiting.recv()).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => break,
            Err(_) => Vec::new(),
        };
        if frame::write(&mut writer, &bytes).await.is_err() {
            return;
        }
    }
    let _ = tokio::io::AsyncWriteExt::shutdown(&mut writer).await;
}

async fn read_all(mut reader: ReadHalf<TlsStream<TcpStream>>, site: Site, id: u64, settings: Settings, news: &mpsc::Sender<News>) {
    while let Ok(Some(bytes)) = frame::read(&mut reader, settings.frame_limit).await {
        if news.send(News::Frame { site, id, bytes }).await.is_err() {
            // The coordinator ends: the last frames still go out.
            return std::future::pending().await;
        }
    }
}
