//! A server of the program under test, and a client of it.

// Not every test asks for all of it.
#![allow(dead_code)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server in a process of its own; killed when it is dropped.
pub struct Server {
    child: Child,
    url: String,
}

impl Server {
    pub fn start(data: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gridtwin"))
            .args(["serve", "--port", "0", "--data"])
            .arg(data)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let (mut said, mut url) = (String::new(), String::new());
        while url.is_empty() {
            let mut line = String::new();
            assert!(out.read_line(&mut line).expect("the server says where it is") > 0, "the server ended: {said}");
            if let Some((_, at)) = line.trim_end().split_once(" at ") {
                url = at.to_owned();
            }
            said += &line;
        }
        // What comes later is read, so that a full pipe cannot stop the server.
        std::thread::spawn(move || out.read_to_end(&mut Vec::new()));
        let server = Self { child, url };
        server.wait_for(|| server.client("").get("/health").0 == 200, "an answer of /health");
        server
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn wait_for(&self, ready: impl Fn() -> bool, what: &str) {
        let begin = Instant::now();
        while !ready() {
            assert!(begin.elapsed() < Duration::from_secs(90), "waited for {what} in vain");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A client with a token; none where it is empty.
    pub fn client(&self, token: &str) -> Client {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60))).build().into();
        Client { agent, url: self.url.clone(), token: token.to_owned() }
    }

    /// Ends it as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to stop as a service manager does; how long it took.
    #[cfg(unix)]
    pub fn stop(mut self) -> (Duration, bool) {
        let begin = Instant::now();
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill is there").success());
        loop {
            match self.child.try_wait().expect("it can be waited for") {
                Some(status) => return (begin.elapsed(), status.success()),
                None if begin.elapsed() > Duration::from_secs(30) => return (begin.elapsed(), false),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What asks a server.
pub struct Client {
    agent: ureq::Agent,
    url: String,
    token: String,
}

impl Client {
    /// Sends a request; status, content type and body.
    pub fn send(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> (u16, String, Vec<u8>) {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        let answer = match body {
            Some((kind, bytes)) => self.agent.run(request.header("content-type", kind).body(bytes).expect("a request")),
            None => self.agent.run(request.body(()).expect("a request")),
        };
        let mut answer = answer.unwrap_or_else(|e| panic!("{method} {path}: {e}"));
        let kind = answer.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let bytes = answer.body_mut().with_config().limit(1 << 30).read_to_vec().expect("a body");
        (answer.status().as_u16(), kind, bytes)
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        let (status, _, body) = self.send("GET", path, None);
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// What a path answers when all is well.
    pub fn ok(&self, path: &str) -> Value {
        let (status, value) = self.get(path);
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send_json("POST", path, body)
    }

    pub fn send_json(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, _, answer) = self.send(method, path, Some(("application/json", body.to_string().as_bytes())));
        (status, serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    pub fn send_bytes(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let (status, _, answer) = self.send(method, path, Some(("application/octet-stream", body)));
        (status, serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    /// Uploads files; identity of the upload.
    pub fn upload(&self, files: &[(&str, &[u8])]) -> String {
        let mut body = Vec::new();
        for (name, bytes) in files {
            body.extend_from_slice(
                format!("--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n").as_bytes(),
            );
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--cut--\r\n");
        let (status, _, answer) = self.send("POST", "/api/uploads", Some(("multipart/form-data; boundary=cut", &body)));
        let answer: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
        assert_eq!(status, 201, "{answer}");
        answer["id"].as_str().expect("an identity").to_owned()
    }

    /// Begins a job; its identity.
    pub fn begin(&self, job: &Value) -> String {
        let (status, answer) = self.post("/api/jobs", job);
        assert_eq!(status, 202, "{answer}");
        answer["id"].as_str().expect("an identity").to_owned()
    }

    /// Waits for the end of a job.
    pub fn end_of(&self, id: &str) -> Value {
        let begin = Instant::now();
        loop {
            let job = self.ok(&format!("/api/jobs/{id}"));
            if !["queued", "running"].contains(&job["state"].as_str().unwrap_or_default()) {
                return job;
            }
            assert!(begin.elapsed() < Duration::from_secs(180), "{job}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn done(&self, job: &Value) -> Value {
        let job = self.end_of(&self.begin(job));
        assert_eq!(job["state"], "done", "{job}");
        job
    }

    pub fn failed(&self, job: &Value) -> Value {
        let job = self.end_of(&self.begin(job));
        assert_eq!(job["state"], "failed", "{job}");
        job
    }
}
