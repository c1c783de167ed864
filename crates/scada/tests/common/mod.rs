//! What the tests of whole connections share.
#![allow(dead_code)]

pub mod proxy;

use scada::document::{self, DeviceSpec};
use scada::point::{Quality, Update, Value};
use scada::simulate::{self, Image, Plant};
use scada::supervision::{Batch, EventKind, Supervisor, supervised};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long anything may take that has to happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn devices(text: &str) -> Vec<DeviceSpec> {
    let document = document::read(text, "test.yaml");
    assert!(document.is_sound(), "{:#?}", document.diagnostics);
    document.devices
}

pub async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let at = listener.local_addr().expect("its address");
    (listener, at)
}

/// A device that is served, and can be killed and brought back at the same address.
pub struct Served {
    pub at: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl Served {
    pub async fn start<P: Plant>(image: &Arc<Image>, plant: &Arc<P>, id: &str) -> Self {
        let (listener, _) = listener().await;
        Self::on(listener, image, plant, id)
    }

    pub fn on<P: Plant>(listener: TcpListener, image: &Arc<Image>, plant: &Arc<P>, id: &str) -> Self {
        let (stop, at) = (CancellationToken::new(), listener.local_addr().expect("its address"));
        let (image, plant, id, token) = (image.clone(), plant.clone(), id.to_owned(), stop.clone());
        let task = tokio::spawn(async move { simulate::serve(image, plant, &id, listener, token).await });
        Self { at, stop, task }
    }

    pub async fn kill(self) -> SocketAddr {
        self.stop.cancel();
        self.task.await.expect("the server did not panic").expect("it ended well");
        self.at
    }
}

/// The supervised devices of a document, and the newest update of every point.
pub struct Follower {
    pub supervisor: Supervisor,
    receiver: mpsc::Receiver<Batch>,
    names: HashMap<Arc<str>, Vec<Arc<str>>>,
    pub newest: HashMap<Arc<str>, Update>,
    pub updates: Vec<(Arc<str>, Update)>,
    pub events: Vec<(Arc<str>, EventKind)>,
}

impl Follower {
    pub fn start(devices: &[DeviceSpec]) -> Self {
        Self::with_capacity(devices, 256)
    }

    pub fn with_capacity(devices: &[DeviceSpec], capacity: usize) -> Self {
        let all = devices.iter().map(|d| supervised(d).expect("a protocol of ours")).collect();
        let (supervisor, receiver) = Supervisor::start(all, capacity);
        let names = devices.iter().map(|d| (d.id.as_str().into(), d.points.iter().map(|p| p.name.clone()).collect())).collect();
        Self { supervisor, receiver, names, newest: HashMap::new(), updates: Vec::new(), events: Vec::new() }
    }

    pub fn take(&mut self, batch: Batch) {
        for update in batch.updates {
            let name = self.names[&batch.device][update.point].clone();
            self.newest.insert(name.clone(), update.clone());
            self.updates.push((name, update));
        }
        self.events.extend(batch.events.into_iter().map(|e| (batch.device.clone(), e.kind)));
    }

    /// Follows until `done`.
    pub async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> Duration {
        let begun = Instant::now();
        while !done(self) {
            let left = PATIENCE.checked_sub(begun.elapsed()).unwrap_or_default();
            match tokio::time::timeout(left, self.receiver.recv()).await {
                Ok(Some(batch)) => self.take(batch),
                Ok(None) => panic!("the supervision ended before {what}"),
                Err(_) => panic!("not within {PATIENCE:?}: {what}\nnewest: {:#?}\nevents: {:#?}", self.newest, self.events),
            }
        }
        begun.elapsed()
    }

    /// Follows for a while.
    pub async fn follow(&mut self, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        while let Ok(Some(batch)) = tokio::time::timeout_at(end, self.receiver.recv()).await {
            self.take(batch);
        }
    }

    pub fn value(&self, name: &str) -> Option<&Value> {
        self.newest.get(name).and_then(|u| u.value.as_ref())
    }

    pub fn quality(&self, name: &str) -> Option<Quality> {
        self.newest.get(name).map(|u| u.quality)
    }

    /// The newest value is this one and good.
    pub fn shows(&self, name: &str, value: &Value) -> bool {
        self.value(name) == Some(value) && self.quality(name) == Some(Quality::GOOD)
    }

    pub fn count(&self, of: impl Fn(&EventKind) -> bool) -> usize {
        self.events.iter().filter(|(_, k)| of(k)).count()
    }

    pub fn recovered(&self) -> usize {
        self.count(|k| matches!(k, EventKind::Recovered))
    }
}

/// A Python script of `tests/peers`, or `None` when there is no Python with the peers, which `make test` does not put up with.
pub fn peer() -> Option<PathBuf> {
    let found = std::env::var_os("GRIDTWIN_SCADA_PEERS").map(PathBuf::from);
    assert!(
        found.is_some() || std::env::var_os("GRIDTWIN_REQUIRE_SCADA_PEERS").is_none(),
        "GRIDTWIN_SCADA_PEERS names no Python; run the tests through scripts/with-scada-peers.sh"
    );
    if found.is_none() {
        eprintln!("passed over: no peers; run the tests through scripts/with-scada-peers.sh");
    }
    found
}

/// A script of another program that is running, spoken to line by line.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    pub fn start(python: &Path, script: &str, arguments: &[String]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
        let mut child = Command::new(python)
            .arg("-u")
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the peer starts");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output")).lines();
        Self { child, input, output }
    }

    /// The next line that is JSON.
    pub async fn hear(&mut self) -> serde_json::Value {
        loop {
            let line = tokio::time::timeout(Duration::from_secs(60), self.output.next_line()).await;
            let line = line.expect("the peer says something in time").expect("its output can be read").expect("the peer goes on");
            if let Ok(value) = serde_json::from_str(&line) {
                return value;
            }
        }
    }

    pub async fn say(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.expect("the peer listens");
    }

    pub async fn kill(mut self) {
        self.child.kill().await.expect("the peer ends");
    }
}
