//! What leaves the house, against programs that take it: a mail server (aiosmtpd, `tests/peers/smtp_server.py`) and listeners of HTTP.

use flate2::read::GzDecoder;
use network::Severity;
use scada::UtcTime;
use scada::point::{Quality, Value};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use twin::alarms::Event as AlarmEvent;
use twin::alarms::notify::{Channel, Route};
use twin::history::*;
use twin::sending::*;

const PATIENCE: Duration = Duration::from_secs(15);

const TIMING: Timing = Timing {
    retry_first: Duration::from_millis(100),
    retry_longest: Duration::from_millis(400),
    give_up: Duration::from_secs(3600),
    timeout: Duration::from_secs(5),
    waiting_max: 50,
};

/// A history and what is told of its alarms.
struct House {
    history: Arc<dyn Historian>,
}

impl Source for House {
    fn history(&self) -> &Arc<dyn Historian> {
        &self.history
    }

    fn routes(&self) -> Option<Vec<Route>> {
        Some(Vec::new())
    }

    fn context(&self, event: &AlarmEvent) -> Context {
        Context {
            unit: Some("C".into()),
            limit: Some("above 95 C".into()),
            element: Some("transformer.tx1".into()),
            since: Some(event.time),
            consequence: Some("ageing of the insulation".into()),
            response: Some("check the fans".into()),
            time_to_respond_s: Some(900.0),
        }
    }

    fn record(&self, event: Event) {
        self.history.append_events(&[event]).unwrap().wait().unwrap();
    }
}

/// A site with its folder; its history stays when the senders end.
struct Site {
    dir: tempfile::TempDir,
    house: Arc<House>,
    alarms: Mutex<u64>,
}

impl Site {
    fn new() -> Self {
        let place = Path::new("/dev/shm");
        let dir = if place.is_dir() { tempfile::tempdir_in(place).unwrap() } else { tempfile::tempdir().unwrap() };
        let history = History::open(&dir.path().join("history"), twin::history::Options::default()).unwrap();
        Self { house: Arc::new(House { history: Arc::new(history) }), dir, alarms: Mutex::new(0) }
    }

    fn options(&self, notices: Notices) -> twin::sending::Options {
        twin::sending::Options {
            site: "Northfield 400/220 kV".into(),
            url: Some("https://twin.example.org/".into()),
            notices: Some(notices),
            influx: None,
            timing: TIMING,
            folder: self.dir.path().join("twin"),
        }
    }

    fn start(&self, options: &twin::sending::Options) -> Sending {
        let (sending, findings) = Sending::start(options, None, self.house.clone()).unwrap_or_else(|f| panic!("{f:?}"));
        assert_eq!(findings, []);
        sending
    }

    fn happens(&self, more: Json) -> u64 {
        let mut count = self.alarms.lock().unwrap();
        *count += 1;
        let mut fields = json!({
            "sequence": *count, "time": 1_790_000_000_000_000_i64, "kind": "raised", "rule": "tx1.oil_high", "before": "normal",
            "after": "unacknowledged", "standing": "unacknowledged", "text": "Oil of transformer 1 is hot", "priority": "high",
            "group": "tx1", "asset": "TX1", "point": "tx1.oil_c", "value": Value::Float(f64::from(96.4_f32)), "quality": Quality::GOOD,
            "annunciated": true,
        });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let _: AlarmEvent = serde_json::from_value(fields.clone()).expect("an event of an alarm");
        let event = Event {
            time: UtcTime::from_ms(1_790_000_000_000),
            kind: "alarm".into(),
            severity: Severity::Error,
            subject: Some("TX1".into()),
            message: "hot".into(),
            fields: fields.as_object().unwrap().clone(),
        };
        self.house.history.append_events(&[event]).unwrap().wait().unwrap();
        *count
    }

    fn clears(&self) -> u64 {
        self.happens(json!({
            "kind": "cleared", "before": "unacknowledged", "after": "returned_unacknowledged", "standing": "returned_unacknowledged",
            "annunciated": false,
        }))
    }

    /// Codes of what was told of the sending itself, in their order.
    fn told(&self) -> Vec<(String, String)> {
        let filter = EventFilter { kinds: vec!["system".into()], ..EventFilter::default() };
        let page = self.house.history.events(&filter, Page::After { sequence: 0, limit: 1000 }).unwrap();
        page.events.into_iter().map(|e| (e.event.fields["code"].as_str().unwrap().to_owned(), e.event.message)).collect()
    }

    fn wait_told(&self, code: &str) -> String {
        let mut found = None;
        wait_until(&format!("{code} is told"), || {
            found = self.told().into_iter().find(|(c, _)| c == code);
            found.is_some()
        });
        found.unwrap().1
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

// The mail server.

fn python() -> Option<PathBuf> {
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

struct MailPeer {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl MailPeer {
    fn start(python: &Path, port: u16, more: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/smtp_server.py");
        let mut child = Command::new(python)
            .arg("-u")
            .arg(script)
            .arg(port.to_string())
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the mail server starts");
        let output = child.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let peer = Self { child, lines };
        assert_eq!(peer.line(), format!("ready {port}"));
        peer
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("the mail server says something")
    }

    fn message(&self) -> Json {
        serde_json::from_str(&self.line()).unwrap()
    }

    fn is_silent(&self) {
        let more = self.lines.recv_timeout(Duration::from_millis(700));
        assert!(more.is_err(), "nothing more was to come: {more:?}");
    }
}

impl Drop for MailPeer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A certificate for this computer that nobody else trusts, and its key.
fn certificate(dir: &Path) -> (PathBuf, PathBuf) {
    let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (cert, key)
}

fn mail_server(port: u16) -> MailServer {
    MailServer {
        server: "localhost".into(),
        port,
        security: Security::None,
        user: None,
        password: None,
        ca_pem: None,
        from: "GridTwin <twin@grid.example>".into(),
    }
}

fn mail_to(addresses: &[&str]) -> Vec<Route> {
    addresses.iter().map(|a| Route { returns: true, ..Route::new(&format!("mail to {a}"), Channel::Email, a) }).collect()
}

#[test]
fn a_mail_says_what_where_and_since_when_and_the_return_answers_it() {
    let Some(python) = python() else { return };
    let site = Site::new();
    let (cert, key) = certificate(site.dir.path());
    let port = free_port();
    let paths = [cert.to_str().unwrap(), key.to_str().unwrap()];
    let peer = MailPeer::start(&python, port, &["--tls", paths[0], paths[1], "--user", "twin", "s3cret pässword"]);
    let server = MailServer {
        security: Security::StartTls,
        user: Some("twin".into()),
        password: Some(Secret::new("s3cret pässword")),
        ca_pem: Some(std::fs::read(&cert).unwrap()),
        ..mail_server(port)
    };
    let notices = Notices { mail: Some(server.clone()), webhooks: Vec::new(), routes: mail_to(&["control@grid.example"]) };
    let options = site.options(notices);
    let before = site.happens(json!({"rule": "before"}));
    assert_eq!(before, 1);
    let sending = site.start(&options);
    let raised = site.happens(json!({"text": "Öl of transformer 1 is hot\nBcc: everybody@grid.example"}));
    let mail = peer.message();
    let headers = &mail["headers"];
    assert_eq!((&mail["tls"], &mail["user"]), (&json!(true), &json!("twin")));
    assert_eq!((&headers["From"], &headers["To"]), (&json!("GridTwin <twin@grid.example>"), &json!("control@grid.example")));
    assert_eq!(headers["Subject"], "[Northfield 400/220 kV] HIGH: Öl of transformer 1 is hot Bcc: everybody@grid.example");
    assert_eq!((&headers["Bcc"], &mail["envelope_to"]), (&Json::Null, &json!(["control@grid.example"])), "a text adds no header");
    assert_eq!((&headers["Auto-Submitted"], &mail["defects"], &mail["octets_7bit"]), (&json!("auto-generated"), &json!([]), &json!(true)));
    let sent: jiff::Timestamp = mail["date"].as_str().unwrap().parse().unwrap();
    assert!((jiff::Timestamp::now().as_second() - sent.as_second()).abs() < 30, "{sent}");
    let text = mail["text"].as_str().unwrap();
    for part in [
        "Where       TX1, element transformer.tx1, point tx1.oil_c, group tx1",
        "Value       96.4 C",
        "Limit       above 95 C",
        "Priority    high",
        "Since       2026-09-21 14:13:20 UTC",
        "State       unacknowledged",
        "If nothing  is done: ageing of the insulation",
        "To do       check the fans (within 900 s)",
        "Page        https://twin.example.org/alarms",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let id = headers["Message-ID"].as_str().unwrap().to_owned();
    assert!(id.starts_with(&format!("<alarm-{raised}-")) && id.ends_with("@grid.example>"), "{id}");
    assert_eq!(headers["In-Reply-To"], Json::Null);
    site.clears();
    let back = peer.message();
    assert_eq!((back["headers"]["In-Reply-To"].as_str(), back["headers"]["References"].as_str()), (Some(&*id), Some(&*id)));
    assert!(back["headers"]["Subject"].as_str().unwrap().contains("] RETURNED: "));
    assert_ne!(back["headers"]["Message-ID"], headers["Message-ID"]);
    // The return of what was never told is not told.
    site.happens(json!({"kind": "cleared", "rule": "before", "annunciated": false}));
    sending.stop();
    let again = site.start(&options);
    peer.is_silent();
    assert_eq!(again.status().notices.unwrap().targets[0].delivered, 2);
    again.stop();
    // A password that is wrong is no reason to throw a notice away.
    let wrong = MailServer { password: Some(Secret::new("wrong")), ..server };
    let notices = Notices { mail: Some(wrong), ..options.notices.clone().unwrap() };
    let mistaken = site.start(&site.options(notices));
    site.happens(json!({}));
    assert_eq!(peer.message()["refused"], 535);
    let why = site.wait_told("TWIN.NOTICE.FAILING");
    assert!(why.contains("535") && !why.contains("wrong"), "{why}");
    mistaken.stop();
    let mended = site.start(&options);
    let mail = loop {
        let line = peer.message();
        if line["refused"].is_null() {
            break line;
        }
    };
    assert_eq!(mail["user"], "twin");
    mended.stop();
}

#[test]
fn mail_over_tls_from_the_first_octet_and_a_certificate_that_nobody_trusts() {
    let Some(python) = python() else { return };
    let site = Site::new();
    let (cert, key) = certificate(site.dir.path());
    let port = free_port();
    let peer = MailPeer::start(&python, port, &["--wrapped", cert.to_str().unwrap(), key.to_str().unwrap()]);
    let trusted = MailServer { security: Security::Tls, ca_pem: Some(std::fs::read(&cert).unwrap()), ..mail_server(port) };
    let untrusted = MailServer { ca_pem: None, ..trusted.clone() };
    let options =
        |server: MailServer| site.options(Notices { mail: Some(server), webhooks: Vec::new(), routes: mail_to(&["a@grid.example"]) });
    let sending = site.start(&options(untrusted));
    site.happens(json!({}));
    let why = site.wait_told("TWIN.NOTICE.FAILING");
    assert!(why.to_lowercase().contains("certificate"), "{why}");
    sending.stop();
    let sending = site.start(&options(trusted));
    assert_eq!(peer.message()["tls"], true);
    assert!(site.wait_told("TWIN.NOTICE.RESTORED").contains("are delivered again"));
    sending.stop();
    // A server that does not offer STARTTLS is sent nothing in the clear.
    let port = free_port();
    let open = MailPeer::start(&python, port, &[]);
    let sending = site.start(&options(MailServer { security: Security::StartTls, ..mail_server(port) }));
    site.happens(json!({}));
    wait_until("it is tried", || sending.status().notices.unwrap().targets[0].retried > 1);
    open.is_silent();
    sending.stop();
}

#[test]
fn a_mail_server_that_is_away_or_busy_gets_it_later_and_a_refusal_is_told() {
    let Some(python) = python() else { return };
    let site = Site::new();
    let port = free_port();
    let addresses = ["a@grid.example", "busy.2@grid.example", "unknown@grid.example"];
    let options = site.options(Notices { mail: Some(mail_server(port)), webhooks: Vec::new(), routes: mail_to(&addresses) });
    let sending = site.start(&options);
    site.happens(json!({}));
    assert!(site.wait_told("TWIN.NOTICE.FAILING").contains("mail"));
    wait_until("it is tried several times", || sending.status().notices.unwrap().targets[0].retried >= 3);
    // What waits survives the end of the program.
    sending.stop();
    site.clears();
    let sending = site.start(&options);
    let peer = MailPeer::start(&python, port, &[]);
    let (mut to, mut refused) = (Vec::new(), Vec::new());
    // Two mails to each of two, four refusals in between.
    while to.len() < 4 || refused.len() < 4 {
        let line = peer.message();
        match line["refused"].as_u64() {
            Some(code) => refused.push((code, line["to"].as_str().unwrap().to_owned())),
            None => to.push((
                line["envelope_to"][0].as_str().unwrap().to_owned(),
                line["headers"]["Subject"].as_str().unwrap().contains("RETURNED"),
            )),
        }
    }
    peer.is_silent();
    for address in &addresses[..2] {
        let order: Vec<bool> = to.iter().filter(|(a, _)| a == address).map(|(_, is_return)| *is_return).collect();
        assert_eq!(order, [false, true], "{address}: the alarm, then its return, once each");
    }
    assert_eq!(refused.iter().filter(|(code, _)| *code == 450).count(), 2);
    wait_until("both refusals are told", || site.told().iter().filter(|(c, _)| c == "TWIN.NOTICE.GIVEN_UP").count() == 2);
    let given_up = site.wait_told("TWIN.NOTICE.GIVEN_UP");
    assert!(given_up.contains("unknown@grid.example") && given_up.contains("no such mailbox"), "{given_up}");
    let target = &sending.status().notices.unwrap().targets[0];
    assert_eq!((target.waiting, target.delivered, target.given_up, target.failing_since_ms), (0, 4, 2, None));
    sending.stop();
}

// Listeners of HTTP.

#[derive(Clone, Debug)]
struct Request {
    line: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Listener {
    at: String,
    taken: Arc<Mutex<Vec<Request>>>,
}

/// Status, further headers, text.
type Reply = (u16, &'static str, String);

impl Listener {
    /// Answers each request as `reply` says, which is told how many came before.
    fn start(port: u16, reply: impl Fn(usize, &Request) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::new(Mutex::new(Vec::new()));
        let all = taken.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = request(&stream) else { continue };
                let before = all.lock().unwrap().len();
                let (status, headers, text) = reply(before, &request);
                all.lock().unwrap().push(request);
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{text}", text.len());
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        Self { at, taken }
    }

    fn taken(&self) -> Vec<Request> {
        self.taken.lock().unwrap().clone()
    }

    fn wait(&self, count: usize) -> Vec<Request> {
        wait_until(&format!("{count} requests come"), || self.taken.lock().unwrap().len() >= count);
        self.taken()
    }
}

fn request(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line: line.trim_end().to_owned(), headers, body })
}

fn webhook(url: &str, secret: Option<&str>) -> Notices {
    Notices {
        mail: None,
        webhooks: vec![Webhook { url: url.into(), secret: secret.map(Secret::new), ca_pem: None }],
        routes: vec![Route { returns: true, ..Route::new("hook", Channel::Webhook, url) }],
    }
}

/// Every key that a document has is in the schema, with its kind, and every key that the schema asks for is there.
fn fits(value: &Json, schema: &Json, place: &str) {
    let kinds: Vec<&str> = match &schema["type"] {
        Json::String(kind) => vec![kind],
        Json::Array(kinds) => kinds.iter().map(|k| k.as_str().unwrap()).collect(),
        _ => panic!("{place}: the schema has no type"),
    };
    let kind = match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(n) if n.is_u64() || n.is_i64() => "integer",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    assert!(kinds.contains(&kind) || kind == "integer" && kinds.contains(&"number"), "{place} is {kind}, not {kinds:?}");
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{place}: {value} is not among {words:?}");
    }
    if let Json::Object(fields) = value {
        for (key, value) in fields {
            let inner = &schema["properties"][key];
            assert!(inner.is_object(), "{place}.{key} is not in the schema");
            fits(value, inner, &format!("{place}.{key}"));
        }
        for key in schema["required"].as_array().into_iter().flatten() {
            assert!(fields.contains_key(key.as_str().unwrap()), "{place} has no {key}");
        }
    }
    if let Json::Array(all) = value {
        all.iter().for_each(|v| fits(v, &schema["items"], &format!("{place}[]")));
    }
}

#[test]
fn a_webhook_is_signed_fits_its_schema_and_is_tried_until_it_is_taken() {
    let site = Site::new();
    let statuses = [500, 429, 302, 204];
    let listener = Listener::start(0, move |n, _| match statuses.get(n) {
        Some(429) => (429, "Retry-After: 0\r\n", "slowly".into()),
        Some(302) => (302, "Location: /elsewhere\r\n", String::new()),
        Some(status) => (*status, "", String::new()),
        None => (200, "", String::new()),
    });
    let url = format!("{}/hook?token=geheim", listener.at);
    let sending = site.start(&site.options(webhook(&url, Some("shared secret"))));
    let raised = site.happens(json!({"value": null, "comment": "a \"quoted\" one"}));
    let all = listener.wait(4);
    let schema: Json = serde_json::from_str(
        &std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/notice.schema.json")).unwrap(),
    )
    .unwrap();
    for request in &all {
        assert_eq!(request.line, "POST /hook?token=geheim HTTP/1.1", "a redirection is not followed");
        assert_eq!(request.headers["content-type"], "application/json");
        let (t, v1) = request.headers["gridtwin-signature"].split_once(',').unwrap();
        let at_s: i64 = t.strip_prefix("t=").unwrap().parse().unwrap();
        assert!((UtcTime::now().ms() / 1000 - at_s).abs() < 30);
        let signed = [format!("{at_s}.").as_bytes(), &request.body].concat();
        // By another program than the one that signed.
        let mut openssl = Command::new("openssl")
            .args(["dgst", "-sha256", "-hmac", "shared secret"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        openssl.stdin.take().unwrap().write_all(&signed).unwrap();
        let output = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
        assert_eq!(v1.strip_prefix("v1=").unwrap(), output.trim().rsplit(' ').next().unwrap());
        assert_eq!(request.headers["gridtwin-delivery"], all[0].headers["gridtwin-delivery"], "the same in every attempt");
        assert_eq!(request.body, all[0].body);
        let body: Json = serde_json::from_slice(&request.body).unwrap();
        fits(&body, &schema, "notice");
        assert_eq!(
            (&body["kind"], &body["alarm"]["sequence"], &body["alarm"]["comment"]),
            (&json!("alarm"), &json!(raised), &json!("a \"quoted\" one"))
        );
        assert_eq!(body["delivery"], json!(request.headers["gridtwin-delivery"]));
    }
    let ended = site.clears();
    let all = listener.wait(5);
    let body: Json = serde_json::from_slice(&all[4].body).unwrap();
    fits(&body, &schema, "notice");
    assert_eq!(
        (&body["alarm"]["answers"], &body["alarm"]["sequence"], &body["alarm"]["change"]),
        (&json!(raised), &json!(ended), &json!("cleared"))
    );
    assert_eq!(body["alarm"]["value"], json!(f64::from(96.4_f32)), "in every bit");
    wait_until("it is written down", || sending.status().notices.unwrap().targets[0].delivered == 2);
    let status = serde_json::to_string(&sending.status()).unwrap();
    assert!(!status.contains("geheim") && !site.told().iter().any(|(_, m)| m.contains("geheim")), "{status}");
    sending.stop();
}

#[test]
fn what_is_refused_for_good_is_given_up_and_told_and_a_flood_is_one_notice() {
    let site = Site::new();
    let listener = Listener::start(0, |n, _| if n == 0 { (404, "", "no such hook".into()) } else { (200, "", String::new()) });
    let mut notices = webhook(&listener.at, None);
    notices.routes[0].summary_s = 1.0;
    let sending = site.start(&site.options(notices));
    site.happens(json!({}));
    let told = site.wait_told("TWIN.NOTICE.GIVEN_UP");
    assert!(told.contains("404") && told.contains("no such hook") && told.contains("Oil of transformer 1"), "{told}");
    assert!(!listener.taken()[0].headers.contains_key("gridtwin-signature"), "without a secret there is no signature");
    for i in 0..30 {
        site.happens(json!({"rule": format!("r{i}"), "flood": true, "group": if i < 20 { "tx1" } else { "tx2" }, "first_out": i == 0}));
    }
    site.happens(json!({"kind": "flood_ended", "rule": null, "text": null, "priority": null, "annunciated": false}));
    wait_until("the end of the flood is told", || {
        listener.taken().iter().any(|r| String::from_utf8_lossy(&r.body).contains("flood_ended"))
    });
    let bodies: Vec<Json> = listener.taken()[1..].iter().map(|r| serde_json::from_slice(&r.body).unwrap()).collect();
    let summed: u64 = bodies.iter().filter_map(|b| b["summary"]["events"].as_u64()).sum();
    assert_eq!(summed, 30, "every event is in a summary");
    assert!(bodies.len() <= 4, "thirty alarms are told in {} notices", bodies.len());
    assert_eq!(bodies[0]["summary"]["groups"][0]["first_out"], "r0");
    sending.stop();
}

#[test]
fn nothing_is_lost_and_nothing_is_sent_twice_over_restarts() {
    let site = Site::new();
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/");
    let options = site.options(webhook(&url, None));
    // What happened before there was anybody to tell is not told.
    site.happens(json!({"rule": "long ago"}));
    let mut expected = Vec::new();
    let mut listener: Option<Listener> = None;
    for round in 0..4 {
        let sending = site.start(&options);
        for _ in 0..5 {
            expected.push(site.happens(json!({"rule": format!("r{round}")})));
        }
        if round == 2 {
            // Answered with an error at first, so that the end comes in the middle.
            listener = Some(Listener::start(port, |n, _| if n % 3 == 0 { (503, "", String::new()) } else { (200, "", String::new()) }));
        }
        std::thread::sleep(Duration::from_millis(300));
        sending.stop();
        // Nobody is there to plan this.
        expected.push(site.happens(json!({"rule": "meanwhile"})));
    }
    let listener = listener.unwrap();
    let sending = site.start(&options);
    wait_until("all are delivered", || sending.status().notices.unwrap().targets[0].delivered == expected.len() as u64);
    sending.stop();
    let of = |r: &Request| serde_json::from_slice::<Json>(&r.body).unwrap()["alarm"]["sequence"].as_u64().unwrap();
    let all = listener.taken();
    let taken: Vec<u64> = all.iter().enumerate().filter(|(n, _)| n % 3 != 0).map(|(_, r)| of(r)).collect();
    assert_eq!(taken, expected, "each once, in their order");
}

#[test]
fn a_journal_that_cannot_be_read_is_kept_and_told() {
    let site = Site::new();
    let listener = Listener::start(0, |_, _| (200, "", String::new()));
    let options = site.options(webhook(&listener.at, None));
    std::fs::create_dir_all(&options.folder).unwrap();
    std::fs::write(options.folder.join("notices.json"), b"{\"version\": 1, \"inst").unwrap();
    let (sending, findings) = Sending::start(&options, None, site.house.clone()).map_err(|f| panic!("{f:?}")).unwrap();
    assert_eq!(findings.iter().map(|f| f.code.as_str()).collect::<Vec<_>>(), ["TWIN.NOTICE.UNREADABLE"]);
    assert!(options.folder.join("notices.json.aside").is_file());
    site.happens(json!({}));
    listener.wait(1);
    sending.stop();
    // A folder that is a file: told at the start, not found out in the night.
    let broken = twin::sending::Options { folder: options.folder.join("notices.json"), ..options };
    let faults = Sending::start(&broken, None, site.house.clone()).map(|_| ()).unwrap_err();
    assert_eq!(faults[0].code, "TWIN.NOTICE.JOURNAL");
}

#[test]
fn a_route_that_leads_nowhere_is_told_once() {
    let site = Site::new();
    let listener = Listener::start(0, |_, _| (200, "", String::new()));
    let mut notices = webhook(&listener.at, None);
    notices.routes.push(Route::new("night", Channel::Email, "nobody@grid.example"));
    let sending = site.start(&site.options(notices));
    site.happens(json!({}));
    site.happens(json!({"rule": "another"}));
    listener.wait(2);
    assert_eq!(site.told().iter().filter(|(c, _)| c == "TWIN.NOTICE.NOWHERE").count(), 1);
    assert_eq!(sending.status().notices.unwrap().routes_without_target, ["night"]);
    sending.stop();
}

// Lines to InfluxDB.

/// A line as its grammar has it, read by hand: measurement, tags, fields, time.
#[derive(Debug, PartialEq)]
struct Line {
    measurement: String,
    tags: BTreeMap<String, String>,
    fields: BTreeMap<String, String>,
    ns: i128,
}

/// Splits at a mark that is not escaped and not in quotes.
fn split(text: &str, mark: char) -> Vec<String> {
    let (mut parts, mut part, mut quoted, mut chars) = (Vec::new(), String::new(), false, text.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                part.push(c);
                part.extend(chars.next());
            }
            '"' => {
                quoted = !quoted;
                part.push(c);
            }
            c if c == mark && !quoted => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    parts
}

fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap() } else { c });
    }
    out
}

fn line(text: &str) -> Line {
    let parts = split(text, ' ');
    assert_eq!(parts.len(), 3, "{text}");
    let pair = |text: &String| {
        let two = split(text, '=');
        assert_eq!(two.len(), 2, "{text}");
        (plain(&two[0]), plain(&two[1]))
    };
    let head = split(&parts[0], ',');
    Line {
        measurement: plain(&head[0]),
        tags: head[1..].iter().map(pair).collect(),
        fields: split(&parts[1], ',').iter().map(pair).collect(),
        ns: parts[2].parse().unwrap(),
    }
}

fn lines_of(request: &Request) -> Vec<Line> {
    let mut text = String::new();
    match request.headers.get("content-encoding").map(String::as_str) {
        Some("gzip") => drop(GzDecoder::new(&request.body[..]).read_to_string(&mut text).unwrap()),
        None => text = String::from_utf8(request.body.clone()).unwrap(),
        other => panic!("{other:?}"),
    }
    text.lines().map(line).collect()
}

fn influx(url: &str) -> Influx {
    Influx {
        url: url.into(),
        database: Database::Bucket { org: "my org".into(), bucket: "twin/1".into(), token: Some(Secret::new("tok")) },
        measurement: "gridtwin".into(),
        tags: vec![("site".into(), "North field".into())],
        points: Vec::new(),
        every: Duration::from_millis(50),
        gzip: true,
        backlog: 1000,
        batch: 100,
        ca_pem: None,
    }
}

/// A site whose history has a feed beside it.
fn fed(site: &Site, influx: Influx) -> (Arc<dyn Historian>, Sending) {
    let (history, feed) = tap(site.house.history.clone(), influx.clone());
    let options = twin::sending::Options { notices: None, influx: Some(influx), ..site.options(Notices::default()) };
    let (sending, _) = Sending::start(&options, Some(feed), site.house.clone()).unwrap_or_else(|f| panic!("{f:?}"));
    (history, sending)
}

fn put(history: &dyn Historian, point: PointId, range: std::ops::Range<i64>) {
    let now = UtcTime::now();
    let sample = |i: i64| Sample::new(point, UtcTime::from_us(now.us - 1_000_000 + i), Value::Float(i as f64 + 0.1), Quality::GOOD);
    history.append(range.map(sample).collect(), now).unwrap().wait().unwrap();
}

#[test]
fn every_sample_becomes_a_line_that_another_reader_reads() {
    let site = Site::new();
    let listener = Listener::start(0, |_, _| (204, "", String::new()));
    let influx = Influx { points: vec!["bay 1,v=*".into(), "exact".into()], ..influx(&listener.at) };
    let (history, sending) = fed(&site, influx);
    let wanted = history.point("bay 1,v=a", "kV").unwrap();
    let other = history.point("bay2", "kV").unwrap();
    let text = history.point("exact", "").unwrap();
    let now = UtcTime::now();
    let all = vec![
        Sample::new(wanted, now, Value::Float(402.123_456_789_012_3), Quality::GOOD),
        Sample::new(other, now, Value::Float(1.0), Quality::GOOD),
        Sample::new(text, UtcTime::from_us(now.us + 1), Value::Text("a \"b\" \\ c=d, e".into()), Quality::GOOD),
        Sample::new(wanted, UtcTime::from_us(now.us + 2), Value::Float(f64::NAN), Quality::GOOD),
        // Not taken by the history, and so not sent.
        Sample::new(wanted, UtcTime::from_us(now.us + 86_400_000_000), Value::Float(9.0), Quality::GOOD),
    ];
    assert_eq!(history.append(all, now).unwrap().refused.len(), 1);
    wait_until("all three are written", || sending.status().influx.unwrap().written == 3);
    let requests = listener.taken();
    assert_eq!(requests[0].line, "POST /api/v2/write?org=my%20org&bucket=twin%2F1&precision=ns HTTP/1.1");
    assert_eq!(requests[0].headers["authorization"], "Token tok");
    assert_eq!(requests[0].headers["content-encoding"], "gzip");
    let lines: Vec<Line> = requests.iter().flat_map(lines_of).collect();
    assert_eq!(lines.len(), 3);
    let first = &lines[0];
    assert_eq!((first.measurement.as_str(), first.ns), ("gridtwin", i128::from(now.us) * 1000));
    let tags = [("point", "bay 1,v=a"), ("site", "North field"), ("unit", "kV")];
    assert_eq!(first.tags, tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    assert_eq!(first.fields["value"].parse::<f64>().unwrap().to_bits(), 402.123_456_789_012_3_f64.to_bits());
    assert_eq!(first.fields["validity"], "\"good\"");
    assert_eq!((lines[1].fields["text"].as_str(), lines[1].tags.contains_key("unit")), ("\"a \"b\" \\ c=d, e\"", false));
    assert!(!lines[2].fields.contains_key("value"));
    assert_eq!(sending.status().influx.unwrap().values_left_out, 1);
    sending.stop();
}

#[test]
fn a_server_that_is_away_costs_the_oldest_values_beyond_the_backlog_and_that_is_told() {
    let site = Site::new();
    let port = free_port();
    let influx = Influx { gzip: false, ..influx(&format!("http://127.0.0.1:{port}")) };
    let (history, sending) = fed(&site, influx);
    let point = history.point("p", "V").unwrap();
    put(&*history, point, 0..10);
    assert!(site.wait_told("TWIN.INFLUX.FAILING").contains("it is tried again"));
    put(&*history, point, 10..1510);
    let told = site.wait_told("TWIN.INFLUX.DROPPED");
    assert!(told.contains("500 samples"), "{told}");
    let listener = Listener::start(port, |_, _| (204, "", String::new()));
    wait_until("the rest is written", || sending.status().influx.unwrap().written == 1010);
    let mut values: Vec<f64> = listener.taken().iter().flat_map(lines_of).map(|l| l.fields["value"].parse().unwrap()).collect();
    assert!(listener.taken().len() >= 11, "at most a hundred in one request");
    values.dedup();
    let expected: Vec<f64> = (0..10).chain(510..1510).map(|i| f64::from(i) + 0.1).collect();
    assert_eq!(values, expected, "each once, in their order");
    site.wait_told("TWIN.INFLUX.RESTORED");
    let status = sending.status().influx.unwrap();
    assert_eq!((status.dropped, status.waiting, status.trouble), (500, 0, None));
    sending.stop();
}

#[test]
fn refused_lines_are_told_a_long_request_is_halved_and_version_1_is_spoken() {
    let site = Site::new();
    let listener = Listener::start(0, |n, request| match n {
        0 => (400, "", "{\"error\":\"partial write: field type conflict: input field \\\"value\\\" dropped=3\"}".into()),
        1 => (401, "", "{\"error\":\"unauthorized\"}".into()),
        _ if lines_of(request).len() > 30 => (413, "", String::new()),
        _ => (204, "", String::new()),
    });
    let version1 = Influx {
        gzip: false,
        database: Database::Version1 { database: "twin".into(), user: Some("u".into()), password: Some(Secret::new("p:w")) },
        ..influx(&listener.at)
    };
    let (history, sending) = fed(&site, version1);
    let point = history.point("p", "V").unwrap();
    put(&*history, point, 0..10);
    let told = site.wait_told("TWIN.INFLUX.REFUSED");
    assert!(told.contains("3 lines") && told.contains("field type conflict"), "{told}");
    put(&*history, point, 10..110);
    assert!(site.wait_told("TWIN.INFLUX.FAILING").contains("401"));
    wait_until("the rest is written", || sending.status().influx.unwrap().written == 107);
    let requests = listener.taken();
    assert_eq!(requests[0].line, "POST /write?db=twin&precision=ns HTTP/1.1");
    assert_eq!(requests[0].headers["authorization"], "Basic dTpwOnc=");
    let written: Vec<f64> =
        requests[2..].iter().map(lines_of).filter(|l| l.len() <= 30).flatten().map(|l| l.fields["value"].parse().unwrap()).collect();
    assert_eq!(written, (10..110).map(|i| f64::from(i) + 0.1).collect::<Vec<_>>());
    let status = sending.status().influx.unwrap();
    assert_eq!((status.refused, status.dropped), (3, 0));
    sending.stop();
}
