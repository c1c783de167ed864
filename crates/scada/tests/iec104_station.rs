//! A station of ours, spoken to octet by octet: what it refuses and why, selections, several controlling stations, garbage.

mod common;

use common::{Served, devices};
use scada::UtcTime;
use scada::iec104::apci::{self, Control, Frame};
use scada::point::{DoublePoint, Quality, Value};
use scada::simulate::{Follows, Image};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const DEVICE: &str = r#"
devices:
  - id: station
    protocol: iec104
    address: h
    common_address: 5
    points:
      - {name: v, address: 1, type: float, element: none, control: {address: 101, low: 0, high: 10}}
      - {name: cb, address: 2, type: double, element: none, control: {address: 102, select: true}}
"#;

/// A controlling station that sends what it is told to.
struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
    sent: u16,
    received: u16,
}

impl Raw {
    async fn connect(served: &Served) -> Self {
        Self { stream: TcpStream::connect(served.at).await.unwrap(), buffer: Vec::new(), sent: 0, received: 0 }
    }

    async fn started(served: &Served) -> Self {
        let mut raw = Self::connect(served).await;
        raw.frame(&Frame::Unnumbered(Control::StartAct)).await;
        assert_eq!(raw.next().await, Some(Frame::Unnumbered(Control::StartCon)));
        // End of initialisation, type 70 and cause 4.
        assert_eq!(raw.asdu().await, [70, 1, 4, 0, 5, 0, 0, 0, 0, 0]);
        raw
    }

    async fn frame(&mut self, frame: &Frame) {
        let mut out = Vec::new();
        apci::encode(frame, &mut out);
        self.stream.write_all(&out).await.unwrap();
    }

    async fn send(&mut self, asdu: &[u8]) {
        let frame = Frame::Information { sent: self.sent, received: self.received, asdu: asdu.to_vec() };
        self.sent += 1;
        self.frame(&frame).await;
    }

    /// The next frame; `None` when the connection has ended.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, used)) = apci::decode(&self.buffer).unwrap() {
                self.buffer.drain(..used);
                return Some(frame);
            }
            let read = tokio::time::timeout(Duration::from_secs(10), self.stream.read_buf(&mut self.buffer)).await.expect("in time");
            if !matches!(read, Ok(1..)) {
                return None;
            }
        }
    }

    async fn asdu(&mut self) -> Vec<u8> {
        loop {
            match self.next().await.expect("the connection stands") {
                Frame::Information { asdu, .. } => {
                    self.received += 1;
                    return asdu;
                }
                Frame::Supervisory { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

async fn station() -> (Arc<Image>, Served) {
    let image = Arc::new(Image::new(&devices(DEVICE)));
    let served = Served::start(&image, &Arc::new(Follows), "station").await;
    (image, served)
}

/// Type, cause with its negative bit.
fn head(asdu: &[u8]) -> (u8, u8) {
    (asdu[0], asdu[2])
}

#[tokio::test]
async fn refusals_say_why() {
    let (_image, served) = station().await;
    let mut raw = Raw::started(&served).await;
    const NEGATIVE: u8 = 0x40;
    for (what, asdu, cause) in [
        ("a type that nobody knows", vec![200, 1, 6, 0, 5, 0, 1, 0, 0, 0], 44),
        ("a value, which goes the other way", vec![1, 1, 3, 0, 5, 0, 1, 0, 0, 1], 44),
        ("another type of command than the object takes", vec![45, 1, 6, 0, 5, 0, 101, 0, 0, 1], 44),
        ("a cause that no command has", vec![50, 1, 3, 0, 5, 0, 101, 0, 0, 0, 0, 0, 0, 0], 45),
        ("a station that is not there", vec![50, 1, 6, 0, 6, 0, 101, 0, 0, 0, 0, 0, 0, 0], 46),
        ("an object that is not there", vec![50, 1, 6, 0, 5, 0, 99, 0, 0, 0, 0, 0, 0, 0], 47),
        ("a value that is not there, to be read", vec![102, 1, 5, 0, 5, 0, 99, 0, 0], 47),
        // 11.0 is above the limit; infinity is no set-point.
        ("a set-point out of range", vec![50, 1, 6, 0, 5, 0, 101, 0, 0, 0, 0, 0x30, 0x41, 0], 7),
        ("a set-point that is no number", vec![50, 1, 6, 0, 5, 0, 101, 0, 0, 0, 0, 0x80, 0x7F, 0], 7),
        ("an execution that nobody selected", vec![46, 1, 6, 0, 5, 0, 102, 0, 0, 2], 7),
        ("a reset of the process", vec![105, 1, 6, 0, 5, 0, 0, 0, 0, 1], 7),
        ("an interrogation of no group", vec![100, 1, 6, 0, 5, 0, 0, 0, 0, 99], 7),
        ("a clock that no calendar has", vec![103, 1, 6, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 31, 2, 26], 7),
        ("a telegram that is too short", vec![50, 1, 6, 0, 5, 0, 101, 0, 0, 0], 44),
    ] {
        raw.send(&asdu).await;
        assert_eq!(head(&raw.asdu().await), (asdu[0], cause | NEGATIVE), "{what}");
    }
    served.kill().await;
    assert_eq!(raw.next().await, None, "a station that stops closes its connections");
}

#[tokio::test]
async fn a_selection_is_for_one_command_and_one_connection() {
    let (image, served) = station().await;
    let mut raw = Raw::started(&served).await;
    let mut other = Raw::started(&served).await;
    let (select_on, on, off) = ([46, 1, 6, 0, 5, 0, 102, 0, 0, 0x82], [46, 1, 6, 0, 5, 0, 102, 0, 0, 2], [46, 1, 6, 0, 5, 0, 102, 0, 0, 1]);
    raw.send(&select_on).await;
    assert_eq!(head(&raw.asdu().await), (46, 7));
    other.send(&on).await;
    assert_eq!(head(&other.asdu().await), (46, 7 | 0x40), "selected by somebody else");
    raw.send(&off).await;
    assert_eq!(head(&raw.asdu().await), (46, 7 | 0x40), "another command than was selected");
    raw.send(&select_on).await;
    assert_eq!(head(&raw.asdu().await), (46, 7));
    let mut cancel = select_on;
    cancel[2] = 8;
    raw.send(&cancel).await;
    assert_eq!(head(&raw.asdu().await), (46, 9));
    raw.send(&on).await;
    assert_eq!(head(&raw.asdu().await), (46, 7 | 0x40), "the selection was cancelled");
    assert_eq!(image.get(image.place("cb").unwrap()).unwrap().value, Value::DoublePoint(DoublePoint::Intermediate));
    raw.send(&select_on).await;
    assert_eq!(head(&raw.asdu().await), (46, 7));
    raw.send(&on).await;
    assert_eq!(head(&raw.asdu().await), (46, 7), "confirmed");
    assert_eq!(head(&raw.asdu().await), (31, 11), "the return, with its time");
    assert_eq!(head(&raw.asdu().await), (46, 10), "terminated");
    // Everybody hears what happened.
    assert_eq!(head(&other.asdu().await), (31, 11));
    served.kill().await;
}

#[tokio::test]
async fn whoever_is_not_started_hears_nothing() {
    let (image, served) = station().await;
    let (mut started, mut silent) = (Raw::started(&served).await, Raw::connect(&served).await);
    assert!(image.set(image.place("v").unwrap(), Value::Float(1.0), Quality::GOOD, UtcTime::now()));
    assert_eq!(head(&started.asdu().await), (36, 3));
    silent.frame(&Frame::Unnumbered(Control::TestAct)).await;
    assert_eq!(silent.next().await, Some(Frame::Unnumbered(Control::TestCon)), "nothing but what it asked for");
    started.frame(&Frame::Unnumbered(Control::StopAct)).await;
    assert_eq!(started.next().await, Some(Frame::Unnumbered(Control::StopCon)));
    assert!(image.set(image.place("v").unwrap(), Value::Float(2.0), Quality::GOOD, UtcTime::now()));
    started.frame(&Frame::Unnumbered(Control::TestAct)).await;
    assert_eq!(started.next().await, Some(Frame::Unnumbered(Control::TestCon)));
    started.frame(&Frame::Unnumbered(Control::StartAct)).await;
    assert_eq!(started.next().await, Some(Frame::Unnumbered(Control::StartCon)));
    assert_eq!(head(&started.asdu().await), (36, 3), "what happened while it was stopped");
    served.kill().await;
}

#[tokio::test]
async fn an_event_that_was_not_acknowledged_is_told_again() {
    let (image, served) = station().await;
    let mut first = Raw::started(&served).await;
    assert!(image.set(image.place("v").unwrap(), Value::Float(1.0), Quality::GOOD, UtcTime::now()));
    let told = first.asdu().await;
    drop(first);
    let mut second = Raw::started(&served).await;
    assert_eq!(second.asdu().await, told);
    second.frame(&Frame::Supervisory { received: 2 }).await;
    second.frame(&Frame::Unnumbered(Control::TestAct)).await;
    assert_eq!(second.next().await, Some(Frame::Unnumbered(Control::TestCon)));
    drop(second);
    let mut third = Raw::started(&served).await;
    third.frame(&Frame::Unnumbered(Control::TestAct)).await;
    assert_eq!(third.next().await, Some(Frame::Unnumbered(Control::TestCon)), "it was acknowledged, and is not told again");
    served.kill().await;
}

#[tokio::test]
async fn garbage_ends_its_own_connection_and_no_other() {
    let (_image, served) = station().await;
    let mut good = Raw::started(&served).await;
    for garbage in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x68, 0xFF, 0, 0], &[0x68, 4, 0xFF, 0xFF, 0xFF, 0xFF], &[0x68, 5, 2, 0, 0, 0, 1], &[0; 600]]
    {
        let mut bad = Raw::connect(&served).await;
        bad.stream.write_all(garbage).await.unwrap();
        assert_eq!(bad.next().await, None, "{garbage:x?}");
    }
    good.send(&[100, 1, 6, 0, 5, 0, 0, 0, 0, 20]).await;
    assert_eq!(head(&good.asdu().await), (100, 7));
    served.kill().await;
}
