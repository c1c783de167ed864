//! The link: numbers, window, timers, start and stop, for both sides.
//!
//! Let `V(S)` be the number of the next telegram to send, `V(R)` that of the next one expected, and `A` the oldest one of ours that the
//! other side has not acknowledged. Numbers run modulo 32768.
//!
//! * At most `k` of ours are unacknowledged: `V(S) − A ≤ k`; the rest waits.
//! * A frame's `N(R)` must lie in `A … V(S)`, its `N(S)` be `V(R)`: anything else ends the connection.
//! * `w` telegrams unanswered, or the oldest of them `t2` old: we acknowledge.
//! * What we sent is to be acknowledged, and a test or start to be confirmed, within `t1`, or the connection ends.
//! * Nothing received for `t3`: we test.
//!
//! One future drives it all ([`Connection::next`]) and can be dropped at any await: nothing is lost, since octets that came and octets that
//! wait to go are kept in the connection.

use super::apci::{self, Control, Frame, FrameFault};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};

const MODULUS: u16 = 32_768;
/// Octets that wait to go, over which nothing more is read: the other side does not take what it asked for.
const MAX_WAITING: usize = 64 * 1024;

/// Timers in seconds and windows in telegrams; the names are those of the standard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    pub t1_s: f64,
    pub t2_s: f64,
    pub t3_s: f64,
    pub k: u16,
    pub w: u16,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { t1_s: 15.0, t2_s: 10.0, t3_s: 20.0, k: 12, w: 8 }
    }
}

impl Parameters {
    /// # Errors
    /// Which two do not fit together.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.t2_s >= self.t1_s {
            Err("t2, after which is acknowledged, is not shorter than t1, after which the other side gives up")
        } else if self.w > self.k {
            Err("w, after which is acknowledged, is larger than k, after which the other side waits")
        } else {
            Ok(())
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Starts and stops, and sends only once the other side has confirmed the start.
    Controlling,
    /// Is started and stopped.
    Controlled,
}

#[derive(Debug, thiserror::Error)]
pub enum LinkFault {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the other side closed the connection")]
    Closed,
    #[error("{0}")]
    Frame(#[from] FrameFault),
    #[error("telegram {found} came in place of {expected}")]
    Sequence { expected: u16, found: u16 },
    #[error("telegram {found} was acknowledged, of which {oldest} to {newest} are open")]
    Acknowledgement { oldest: u16, newest: u16, found: u16 },
    #[error("a telegram came before the start")]
    NotStarted,
    #[error("{what} was not confirmed within {t1_s} s")]
    T1 { what: &'static str, t1_s: f64 },
    #[error("{what} came, which this side never asks for")]
    Unexpected { what: &'static str },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// Telegrams may be sent from now on.
    Started,
    Stopped,
    Asdu(Vec<u8>),
    /// More of ours was acknowledged: see [`Connection::acknowledged`].
    Acknowledged,
}

/// A telegram of ours that is under way.
struct Sent {
    at: Instant,
    tag: u64,
}

pub struct Connection<S> {
    stream: S,
    role: Role,
    parameters: Parameters,
    incoming: Vec<u8>,
    outgoing: VecDeque<u8>,
    /// Telegrams that wait for the window or the start.
    queue: VecDeque<(Vec<u8>, u64)>,
    /// V(S).
    next_sent: u16,
    /// V(R).
    next_received: u16,
    open: VecDeque<Sent>,
    acknowledged: u64,
    /// Telegrams received that we have not acknowledged, and when the oldest of them came.
    unanswered: u16,
    unanswered_since: Instant,
    heard: Instant,
    /// A frame of ours that has to be confirmed.
    asked: Option<(Control, Instant)>,
    is_started: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub fn new(stream: S, role: Role, parameters: Parameters) -> Self {
        let now = Instant::now();
        Self {
            stream,
            role,
            parameters,
            incoming: Vec::new(),
            outgoing: VecDeque::new(),
            queue: VecDeque::new(),
            next_sent: 0,
            next_received: 0,
            open: VecDeque::new(),
            acknowledged: 0,
            unanswered: 0,
            unanswered_since: now,
            heard: now,
            asked: None,
            is_started: false,
        }
    }

    /// Asks the other side to start.
    pub fn start(&mut self) {
        self.ask(Control::StartAct);
    }

    /// Telegrams that have not left yet.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub fn is_started(&self) -> bool {
        self.is_started
    }

    /// Puts a telegram in the queue. `tag` comes back through [`Connection::acknowledged`]; tags must not go down.
    pub fn send(&mut self, asdu: Vec<u8>, tag: u64) {
        self.queue.push_back((asdu, tag));
    }

    /// The highest tag of which the other side has everything.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    fn ask(&mut self, control: Control) {
        self.put(&Frame::Unnumbered(control));
        self.asked = Some((control, Instant::now()));
    }

    fn put(&mut self, frame: &Frame) {
        let mut octets = Vec::with_capacity(16);
        apci::encode(frame, &mut octets);
        self.outgoing.extend(octets);
    }

    fn fill_window(&mut self) {
        while self.is_started && self.open.len() < usize::from(self.parameters.k) && self.outgoing.len() < MAX_WAITING {
            let Some((asdu, tag)) = self.queue.pop_front() else { return };
            self.put(&Frame::Information { sent: self.next_sent, received: self.next_received, asdu });
            self.next_sent = (self.next_sent + 1) % MODULUS;
            self.open.push_back(Sent { at: Instant::now(), tag });
            self.unanswered = 0;
        }
    }

    fn acknowledge(&mut self) {
        if self.unanswered > 0 {
            self.unanswered = 0;
            self.put(&Frame::Supervisory { received: self.next_received });
        }
    }

    /// Takes the other side's N(R). `true` when it acknowledges something new.
    fn take_acknowledgement(&mut self, received: u16) -> Result<bool, LinkFault> {
        let count = self.open.len() as u16;
        let oldest = (self.next_sent + MODULUS - count) % MODULUS;
        let new = (received + MODULUS - oldest) % MODULUS;
        if new > count {
            return Err(LinkFault::Acknowledgement { oldest, newest: self.next_sent, found: received });
        }
        for sent in self.open.drain(..usize::from(new)) {
            self.acknowledged = self.acknowledged.max(sent.tag);
        }
        Ok(new > 0)
    }

    fn take(&mut self, frame: Frame) -> Result<Option<LinkEvent>, LinkFault> {
        self.heard = Instant::now();
        match frame {
            Frame::Information { sent, received, asdu } => {
                if !self.is_started {
                    return Err(LinkFault::NotStarted);
                }
                if sent != self.next_received {
                    return Err(LinkFault::Sequence { expected: self.next_received, found: sent });
                }
                self.take_acknowledgement(received)?;
                self.next_received = (self.next_received + 1) % MODULUS;
                if self.unanswered == 0 {
                    self.unanswered_since = self.heard;
                }
                self.unanswered += 1;
                if self.unanswered >= self.parameters.w {
                    self.acknowledge();
                }
                Ok(Some(LinkEvent::Asdu(asdu)))
            }
            Frame::Supervisory { received } => Ok(self.take_acknowledgement(received)?.then_some(LinkEvent::Acknowledged)),
            Frame::Unnumbered(control) => self.take_control(control),
        }
    }

    fn take_control(&mut self, control: Control) -> Result<Option<LinkEvent>, LinkFault> {
        let unexpected = |what| Err(LinkFault::Unexpected { what });
        match (self.role, control) {
            (_, Control::TestAct) => {
                self.put(&Frame::Unnumbered(Control::TestCon));
                Ok(None)
            }
            (_, Control::TestCon) => {
                if matches!(self.asked, Some((Control::TestAct, _))) {
                    self.asked = None;
                }
                Ok(None)
            }
            (Role::Controlled, Control::StartAct) => {
                self.put(&Frame::Unnumbered(Control::StartCon));
                self.is_started = true;
                Ok(Some(LinkEvent::Started))
            }
            (Role::Controlled, Control::StopAct) => {
                self.acknowledge();
                self.put(&Frame::Unnumbered(Control::StopCon));
                self.is_started = false;
                Ok(Some(LinkEvent::Stopped))
            }
            (Role::Controlling, Control::StartCon) => {
                if !matches!(self.asked, Some((Control::StartAct, _))) {
                    return unexpected("a confirmation of a start");
                }
                self.asked = None;
                self.is_started = true;
                Ok(Some(LinkEvent::Started))
            }
            (Role::Controlling, Control::StopCon) => {
                self.asked = None;
                self.is_started = false;
                Ok(Some(LinkEvent::Stopped))
            }
            (Role::Controlling, Control::StartAct) => unexpected("a start"),
            (Role::Controlling, Control::StopAct) => unexpected("a stop"),
            (Role::Controlled, Control::StartCon) => unexpected("a confirmation of a start"),
            (Role::Controlled, Control::StopCon) => unexpected("a confirmation of a stop"),
        }
    }

    /// Acts on the timers that have run out, and says when the next one does.
    fn timers(&mut self) -> Result<Instant, LinkFault> {
        let now = Instant::now();
        let t = |s: f64| Duration::from_secs_f64(s);
        let (t1, t2, t3) = (t(self.parameters.t1_s), t(self.parameters.t2_s), t(self.parameters.t3_s));
        let late = |what| LinkFault::T1 { what, t1_s: self.parameters.t1_s };
        let mut next = now + t3;
        if let Some((control, at)) = self.asked {
            if now >= at + t1 {
                return Err(late(match control {
                    Control::TestAct => "a test",
                    Control::StartAct => "the start",
                    _ => "the stop",
                }));
            }
            next = next.min(at + t1);
        }
        if let Some(oldest) = self.open.front() {
            if now >= oldest.at + t1 {
                return Err(late("a telegram"));
            }
            next = next.min(oldest.at + t1);
        }
        if self.unanswered > 0 {
            if now >= self.unanswered_since + t2 {
                self.acknowledge();
            } else {
                next = next.min(self.unanswered_since + t2);
            }
        }
        if self.asked.is_none() {
            if now >= self.heard + t3 {
                self.ask(Control::TestAct);
                next = next.min(now + t1);
            } else {
                next = next.min(self.heard + t3);
            }
        }
        Ok(next)
    }

    /// Drives the connection until something happened.
    ///
    /// May be dropped at any time and called again.
    ///
    /// # Errors
    /// Why the connection has to end; it must not be used after that.
    pub async fn next(&mut self) -> Result<LinkEvent, LinkFault> {
        loop {
            self.fill_window();
            match apci::decode(&self.incoming)? {
                Some((frame, used)) => {
                    self.incoming.drain(..used);
                    if let Some(event) = self.take(frame)? {
                        return Ok(event);
                    }
                    continue;
                }
                None => self.incoming.reserve(512),
            }
            let deadline = self.timers()?;
            let may_read = self.outgoing.len() < MAX_WAITING;
            let has_output = !self.outgoing.is_empty();
            let (mut reader, mut writer) = tokio::io::split(&mut self.stream);
            let (front, _) = self.outgoing.as_slices();
            tokio::select! {
                read = reader.read_buf(&mut self.incoming), if may_read => {
                    if read? == 0 {
                        return Err(LinkFault::Closed);
                    }
                }
                written = writer.write(front), if has_output => {
                    let written = written?;
                    if written == 0 {
                        return Err(LinkFault::Closed);
                    }
                    self.outgoing.drain(..written);
                }
                () = sleep_until(deadline) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::DuplexStream;

    fn pair(k: u16, w: u16) -> (Connection<DuplexStream>, Connection<DuplexStream>) {
        let parameters = Parameters { k, w, ..Parameters::default() };
        let (a, b) = tokio::io::duplex(1 << 16);
        (Connection::new(a, Role::Controlling, parameters), Connection::new(b, Role::Controlled, parameters))
    }

    async fn started(k: u16, w: u16) -> (Connection<DuplexStream>, Connection<DuplexStream>) {
        let (mut a, mut b) = pair(k, w);
        a.start();
        let (x, y) = tokio::join!(a.next(), b_once(&mut b));
        assert_eq!((x.unwrap(), y.unwrap()), (LinkEvent::Started, LinkEvent::Started));
        (a, b)
    }

    /// The controlled side has to go on being driven for its confirmation to leave.
    async fn b_once(b: &mut Connection<DuplexStream>) -> Result<LinkEvent, LinkFault> {
        let event = b.next().await?;
        let _ = tokio::time::timeout(Duration::from_millis(20), b.next()).await;
        Ok(event)
    }

    #[tokio::test(start_paused = true)]
    async fn numbers_go_round_and_the_window_holds() {
        let (mut a, mut b) = started(12, 8).await;
        let total = 70_000u64;
        for i in 0..total {
            b.send(i.to_le_bytes().to_vec(), i + 1);
        }
        let mut got = 0u64;
        while got < total {
            tokio::select! {
                event = a.next() => match event.unwrap() {
                    LinkEvent::Asdu(octets) => {
                        assert_eq!(octets, got.to_le_bytes());
                        got += 1;
                    }
                    other => panic!("{other:?}"),
                },
                event = b.next() => assert_eq!(event.unwrap(), LinkEvent::Acknowledged),
            }
            assert!(b.open.len() <= 12);
        }
        // The last few are acknowledged by time (t2).
        while b.acknowledged() < total {
            tokio::select! { event = b.next() => { event.unwrap(); }, event = a.next() => { event.unwrap(); } }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_link_is_tested_and_a_dead_one_ends() {
        let (mut a, b) = started(12, 8).await;
        let begun = Instant::now();
        // The other side reads nothing and says nothing, but its socket is open.
        let fault = a.next().await.unwrap_err();
        assert!(matches!(fault, LinkFault::T1 { what: "a test", .. }), "{fault}");
        // The start was driven for 20 ms after what was heard last.
        assert!((34.9..35.1).contains(&begun.elapsed().as_secs_f64()), "t3 and then t1");
        drop(b);
        let (mut a, mut b) = started(12, 8).await;
        let both = async {
            tokio::select! { e = a.next() => e, e = b.next() => e }
        };
        assert!(tokio::time::timeout(Duration::from_secs(600), both).await.is_err(), "tests that are answered keep it up");
    }

    #[tokio::test]
    async fn faults_of_sequence_end_the_link() {
        let raw = |frames: &[Frame]| {
            let mut out = Vec::new();
            for frame in frames {
                apci::encode(frame, &mut out);
            }
            out
        };
        let start = Frame::Unnumbered(Control::StartAct);
        let information = |sent, received| Frame::Information { sent, received, asdu: vec![1] };
        for (frames, wanted) in [
            (vec![information(0, 0)], "a telegram came before the start"),
            (vec![start.clone(), information(1, 0)], "telegram 1 came in place of 0"),
            (vec![start.clone(), information(0, 1)], "telegram 1 was acknowledged"),
            (vec![start.clone(), Frame::Supervisory { received: 32_767 }], "telegram 32767 was acknowledged"),
            (vec![Frame::Unnumbered(Control::StartCon)], "a confirmation of a start came"),
        ] {
            let (mut client, server) = tokio::io::duplex(4096);
            let mut server = Connection::new(server, Role::Controlled, Parameters::default());
            client.write_all(&raw(&frames)).await.unwrap();
            let fault = loop {
                match server.next().await {
                    Ok(_) => {}
                    Err(fault) => break fault,
                }
            };
            assert!(fault.to_string().starts_with(wanted), "{fault}");
        }
    }

    #[tokio::test]
    async fn garbage_ends_the_link() {
        let (mut client, server) = tokio::io::duplex(4096);
        let mut server = Connection::new(server, Role::Controlled, Parameters::default());
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        assert!(matches!(server.next().await, Err(LinkFault::Frame(FrameFault::Start(b'G')))));
    }
}
