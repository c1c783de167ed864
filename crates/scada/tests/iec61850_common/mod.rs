//! Peers that others wrote, each in a process of its own.

#![allow(dead_code, reason = "every test program uses its part")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The Python that has libiec61850, from the environment (`scripts/with-scada-peers.sh`); none skips the test, unless peers are required.
pub fn peers() -> Option<PathBuf> {
    match std::env::var_os("GRIDTWIN_SCADA_PEERS") {
        Some(path) => Some(path.into()),
        None if std::env::var_os("GRIDTWIN_REQUIRE_SCADA_PEERS").is_some_and(|v| v == "1") => {
            panic!("peers are required and GRIDTWIN_SCADA_PEERS is not set: run through scripts/with-scada-peers.sh")
        }
        None => {
            eprintln!("skipped: run through scripts/with-scada-peers.sh");
            None
        }
    }
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/iec61850_peers").join(name)
}

/// A process that talks in lines.
pub struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    name: String,
}

impl Peer {
    pub fn start(python: &Path, name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(python);
        command.arg(script(name)).args(arguments);
        Self::run(command, name)
    }

    pub fn run(mut command: Command, name: &str) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap_or_else(|e| panic!("{name}: {e}"));
        let output = child.stdout.take().expect("its output");
        let (out, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if out.send(line).is_err() {
                    break;
                }
            }
        });
        Self { input: child.stdin.take(), child, lines, name: name.to_owned() }
    }

    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("its input");
        writeln!(input, "{line}").and_then(|()| input.flush()).unwrap_or_else(|e| panic!("{}: {e}", self.name));
    }

    /// The next line that begins like this, within twenty seconds; lines before it are shown when it does not come.
    pub fn until(&mut self, start: &str) -> String {
        let until = Instant::now() + Duration::from_secs(20);
        let mut before = Vec::new();
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line.starts_with(start) => return line,
                Ok(line) => before.push(line),
                Err(e) => panic!("{} did not say \"{start}\" ({e}); it said {before:#?}", self.name),
            }
        }
    }

    /// Waits until it has ended, which it must have done well.
    pub fn ended(&mut self) {
        self.input = None;
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                assert!(status.success(), "{} ended with {status}", self.name);
                return;
            }
            assert!(Instant::now() < until, "{} does not end", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
