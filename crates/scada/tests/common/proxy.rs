//! A wire between two sides that can be cut, slowed, spoilt and recorded.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wire {
    /// No connection is let through, and those that are there end.
    pub is_cut: bool,
    /// Connections stand, and nothing gets through.
    pub is_silent: bool,
    pub delay: Duration,
    /// What the client is told in place of the device's answers.
    pub garbage: Option<Vec<u8>>,
}

struct Packet {
    connection: u16,
    is_to_server: bool,
    octets: Vec<u8>,
}

pub struct Proxy {
    pub at: SocketAddr,
    wire: watch::Sender<Wire>,
    packets: Arc<Mutex<Vec<Packet>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    pub async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = listener.local_addr().expect("its address");
        let wire = watch::Sender::new(Wire::default());
        let packets = Arc::new(Mutex::new(Vec::new()));
        let (seen, recorded) = (wire.subscribe(), packets.clone());
        let task = tokio::spawn(async move {
            let mut connection = 0;
            while let Ok((client, _)) = listener.accept().await {
                if seen.borrow().is_cut {
                    continue;
                }
                connection += 1;
                tokio::spawn(converse(client, to, seen.clone(), recorded.clone(), connection));
            }
        });
        Self { at, wire, packets, task }
    }

    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }

    /// Writes what went over the wire as packets of TCP to `server_port`, and lets tshark take them apart: the number of packets that are
    /// malformed, of those that it reads as `protocol`, and of all.
    pub fn dissected(&self, server_port: u16, protocol: &str) -> (usize, usize, usize) {
        // The wire may still carry something: what is counted is what the capture holds.
        let packets = std::mem::take(&mut *self.packets.lock().expect("no panic"));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("wire.pcap");
        std::fs::write(&file, pcap(&packets, server_port)).expect("a capture");
        (tshark(&file, "_ws.malformed"), tshark(&file, protocol), packets.len())
    }
}

fn pcap(packets: &[Packet], server_port: u16) -> Vec<u8> {
    let mut out = Vec::new();
    // Microseconds, version 2.4, raw IP (101).
    for word in [0xA1B2_C3D4u32, 0x0004_0002, 0, 0, 0xFFFF, 101] {
        out.extend(word.to_le_bytes());
    }
    let mut next: std::collections::HashMap<(u16, bool), u32> = std::collections::HashMap::new();
    for (i, packet) in packets.iter().enumerate() {
        let client_port = 40_000 + packet.connection;
        let (from, to) = if packet.is_to_server { (client_port, server_port) } else { (server_port, client_port) };
        let sent = *next.get(&(packet.connection, packet.is_to_server)).unwrap_or(&1);
        let received = *next.get(&(packet.connection, !packet.is_to_server)).unwrap_or(&1);
        next.insert((packet.connection, packet.is_to_server), sent + packet.octets.len() as u32);
        let total = 40 + packet.octets.len();
        for word in [i as u32 / 1000, i as u32 % 1000 * 1000, total as u32, total as u32] {
            out.extend(word.to_le_bytes());
        }
        let (client, server) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let (source, target) = if packet.is_to_server { (client, server) } else { (server, client) };
        out.extend([0x45, 0]);
        out.extend((total as u16).to_be_bytes());
        out.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        out.extend(source.octets());
        out.extend(target.octets());
        out.extend(from.to_be_bytes());
        out.extend(to.to_be_bytes());
        out.extend(sent.to_be_bytes());
        out.extend(received.to_be_bytes());
        // Header of five words, PSH and ACK, an open window, no checksum.
        out.extend([0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0]);
        out.extend(&packet.octets);
    }
    out
}

/// Packets that a filter of tshark lets through.
fn tshark(file: &Path, filter: &str) -> usize {
    let output = Command::new("tshark").arg("-r").arg(file).args(["-Y", filter, "-T", "fields", "-e", "frame.number"]).output();
    let output = output.expect("tshark is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().count()
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(client: TcpStream, to: SocketAddr, wire: watch::Receiver<Wire>, packets: Arc<Mutex<Vec<Packet>>>, connection: u16) {
    let Ok(server) = TcpStream::connect(to).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut cut = wire.clone();
    tokio::select! {
        () = pass(from_client, to_server, wire.clone(), packets.clone(), connection, true) => {}
        () = pass(from_server, to_client, wire, packets, connection, false) => {}
        _ = cut.wait_for(|w| w.is_cut) => {}
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut wire: watch::Receiver<Wire>,
    packets: Arc<Mutex<Vec<Packet>>>,
    connection: u16,
    is_to_server: bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(n @ 1..) = from.read(&mut buffer).await else { return };
        let state = wire.borrow_and_update().clone();
        if state.is_silent {
            continue;
        }
        tokio::time::sleep(state.delay).await;
        let octets = match state.garbage {
            Some(garbage) if !is_to_server => garbage,
            _ => buffer[..n].to_vec(),
        };
        packets.lock().expect("no panic").push(Packet { connection, is_to_server, octets: octets.clone() });
        if to.write_all(&octets).await.is_err() {
            return;
        }
    }
}
