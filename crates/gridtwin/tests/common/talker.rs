//! Processes that talk in lines, and the programs of others that the tests of telecontrol talk with.

#![allow(dead_code)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The Python that has the peers (`scripts/with-scada-peers.sh`); none skips the test, unless peers are required.
pub fn peers() -> Option<PathBuf> {
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

/// A process that talks in lines; killed when it is dropped.
pub struct Talker {
    pub child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    name: String,
}

impl Talker {
    pub fn start(mut command: Command, name: &str) -> Self {
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

    /// A script of the folder `tests` of a crate.
    pub fn peer(python: &Path, script: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(python);
        command.arg("-u").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script)).args(arguments);
        Self::start(command, script)
    }

    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("its input");
        writeln!(input, "{line}").and_then(|()| input.flush()).unwrap_or_else(|e| panic!("{}: {e}", self.name));
    }

    pub fn hear(&mut self) -> String {
        self.lines.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|e| panic!("{} says nothing: {e}", self.name))
    }

    /// The next line with this in it.
    pub fn until(&mut self, part: &str) -> String {
        let mut before = Vec::new();
        loop {
            match self.lines.recv_timeout(Duration::from_secs(30)) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => before.push(line),
                Err(e) => panic!("{} did not say \"{part}\" ({e}); it said {before:#?}", self.name),
            }
        }
    }

    pub fn ask(&mut self, line: &str) -> Value {
        self.say(line);
        let answer = self.hear();
        serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{}: {e}: {answer}", self.name))
    }

    /// Asks it to stop, as Ctrl-C does, and returns its exit code.
    pub fn interrupt(&mut self) -> Option<i32> {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
        let begun = std::time::Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status.code();
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "{} does not end", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
