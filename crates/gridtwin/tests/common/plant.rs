//! A simulated plant in a process of its own, a server that follows it, and a plain WebSocket client.

// Not every test asks for all of it.
#![allow(dead_code)]

use crate::web::{Client, Server};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `gridtwin simulate plant` over all three protocols; killed when it is dropped.
pub struct Plant {
    child: Child,
    pub instructor: String,
}

impl Plant {
    /// Starts the shipped substation, and writes the document to follow it by.
    pub fn start(follow: &Path, more: &[&str]) -> Self {
        let any = "127.0.0.1:0";
        let mut command = Command::new(env!("CARGO_BIN_EXE_gridtwin"));
        command.args(["simulate", "plant", "models/ehv-400-220.dss", "--modbus", any, "--iec104", any, "--iec61850", any]);
        Self::run(command.args(["--instructor", any, "--follow-document"]).arg(follow).args(more))
    }

    /// Runs a command that simulates a plant, until the plant says that it is there.
    pub fn run(command: &mut Command) -> Self {
        let command = command.current_dir(crate::common::root()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let (mut said, mut instructor) = (String::new(), String::new());
        while instructor.is_empty() {
            let mut line = String::new();
            assert!(out.read_line(&mut line).expect("the plant says where it is") > 0, "the plant ended: {said}");
            if let Some(at) = line.trim().strip_prefix("instructor") {
                instructor = at.trim().to_owned();
            }
            said += &line;
        }
        std::thread::spawn(move || out.read_to_end(&mut Vec::new()));
        Self { child, instructor }
    }

    /// What the plant itself says of a breaker, by its instructor's port.
    pub fn is_closed(&self, element: &str) -> bool {
        let state = self.ask("{\"command\":\"state\"}");
        let breakers = state["state"]["breakers"].as_array().expect("breakers").clone();
        let breaker = breakers.iter().find(|b| b["element"] == element).unwrap_or_else(|| panic!("no {element}"));
        breaker["closed"].as_bool().expect("a position")
    }

    fn ask(&self, request: &str) -> Value {
        let mut stream = TcpStream::connect(&self.instructor).expect("the instructor's port");
        writeln!(stream, "{request}").expect("it takes a line");
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("an answer");
        serde_json::from_str(&line).expect("JSON")
    }
}

impl Drop for Plant {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A WebSocket as RFC 6455 has it, just enough of it: texts of up to 64 KiB out, any in.
pub struct Socket {
    stream: BufReader<TcpStream>,
}

impl Socket {
    pub fn open(server: &Server, path: &str, token: &str) -> Result<Self, String> {
        let at = server.url().strip_prefix("http://").expect("plain HTTP").to_owned();
        let mut stream = TcpStream::connect(&at).expect("the server");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
        .expect("a request");
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        stream.read_line(&mut head).expect("an answer");
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).expect("headers");
            if line.trim().is_empty() {
                break;
            }
        }
        if head.contains("101") { Ok(Self { stream }) } else { Err(head) }
    }

    pub fn say(&mut self, value: &Value) {
        let text = value.to_string().into_bytes();
        let mut frame = vec![0x81];
        match text.len() {
            n @ 0..=125 => frame.push(0x80 | n as u8),
            n => {
                frame.push(0x80 | 126);
                frame.extend((n as u16).to_be_bytes());
            }
        }
        // A mask of zeros leaves the text as it is.
        frame.extend([0; 4]);
        frame.extend(text);
        self.stream.get_mut().write_all(&frame).expect("a frame is taken");
    }

    /// The next text.
    pub fn hear(&mut self) -> Value {
        self.try_hear().expect("a frame")
    }

    /// The next text; `None` when the connection has ended.
    pub fn try_hear(&mut self) -> Option<Value> {
        loop {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head).ok()?;
            let length = match head[1] & 0x7f {
                126 => {
                    let mut n = [0; 2];
                    self.stream.read_exact(&mut n).ok()?;
                    u64::from(u16::from_be_bytes(n))
                }
                127 => {
                    let mut n = [0; 8];
                    self.stream.read_exact(&mut n).ok()?;
                    u64::from_be_bytes(n)
                }
                n => u64::from(n),
            };
            let mut body = vec![0; usize::try_from(length).expect("it fits")];
            self.stream.read_exact(&mut body).ok()?;
            match head[0] & 0x0f {
                1 => return Some(serde_json::from_slice(&body).expect("JSON")),
                8 => return None,
                _ => {}
            }
        }
    }

    /// The next text of a type, within 30 s.
    pub fn hear_type(&mut self, kind: &str) -> Value {
        let begun = Instant::now();
        loop {
            let told = self.hear();
            if told["type"] == kind {
                return told;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "no {kind} was told");
        }
    }
}

/// Waits until a path answers something that fits.
pub fn until(client: &Client, path: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let (_, answer) = client.get(path);
        if fits(&answer) {
            return answer;
        }
        let shown: String = answer.to_string().chars().take(2_000).collect();
        assert!(begun.elapsed() < Duration::from_secs(60), "waited for {what} in vain: {shown}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
