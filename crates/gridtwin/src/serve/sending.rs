//! `url`, `notify` and `influx` of a site's document: who is told of alarms, and where values go. `docs/twin.md` describes them.
//!
//! Passwords, tokens and secrets are read from files or from the environment. One that stands in the document is taken, and told.

use super::site::{Fields, at};
use network::Diagnostic;
use network::document::nearest;
use network::document::tree::{Node, Value};
use std::path::Path;
use std::time::Duration;
use twin::alarms::Priority;
use twin::alarms::notify::{Channel, Route};
use twin::sending::{self, Database, Influx, MailServer, Notices, Options, Secret, Security, Timing, Webhook};

const NOTIFY: [&str; 4] = ["mail", "webhooks", "summary_s", "give_up_h"];
const MAIL: [&str; 12] =
    ["server", "port", "security", "user", "password_file", "password_env", "password", "ca_file", "from", "to", "priority", "returns"];
const WEBHOOK: [&str; 8] = ["url", "secret_file", "secret_env", "secret", "ca_file", "priority", "by_rules", "returns"];
const INFLUX: [&str; 19] = [
    "url",
    "org",
    "bucket",
    "token_file",
    "token_env",
    "token",
    "database",
    "user",
    "password_file",
    "password_env",
    "password",
    "ca_file",
    "measurement",
    "tags",
    "points",
    "every_s",
    "gzip",
    "backlog",
    "batch",
];
/// Most addresses and webhooks of one site.
const TARGETS_MAX: usize = 50;

/// What reading needs at every step.
struct Reader<'a> {
    file: &'a str,
    folder: &'a Path,
    found: &'a mut Vec<Diagnostic>,
}

/// What a document says of sending; `None` where it says nothing. Faults are among `found`.
pub(super) fn read(fields: &mut Fields<'_>, path: &Path, name: &str, kept: &Path, found: &mut Vec<Diagnostic>) -> Option<Options> {
    let file = path.display().to_string();
    let mut reader = Reader { file: &file, folder: path.parent().unwrap_or(Path::new("")), found };
    let url = fields.text("url", reader.found).and_then(|(url, line)| reader.address("url", url, line));
    let mut timing = Timing::default();
    let notices = fields.take("notify").and_then(|node| reader.notices(node, &mut timing));
    let influx = fields.take("influx").and_then(|node| reader.influx(node));
    if notices.is_none() && influx.is_none() {
        return None;
    }
    Some(Options { site: name.to_owned(), url, notices, influx, timing, folder: kept.to_owned() })
}

impl Reader<'_> {
    fn tell(&mut self, finding: Diagnostic, line: u32, hint: &str) {
        self.found.push(finding.at(&at(self.file, line)).hint(hint));
    }

    fn list(&mut self, key: &str, node: Node) -> Vec<Node> {
        match node.value {
            Value::List(list) if list.len() <= TARGETS_MAX => list,
            Value::List(list) => {
                let what = format!("`{key}` has {} entries", list.len());
                self.tell(Diagnostic::error("TWIN.DOCUMENT.RANGE", what), node.line, &format!("{TARGETS_MAX} are the most"));
                Vec::new()
            }
            // One may stand without brackets.
            value => vec![Node { line: node.line, value }],
        }
    }

    fn texts(&mut self, key: &str, node: Node) -> Vec<(String, u32)> {
        let mut texts = Vec::new();
        for node in self.list(key, node) {
            match node.value {
                Value::Text(text) if !text.trim().is_empty() => texts.push((text.trim().to_owned(), node.line)),
                value => {
                    let what = format!("`{key}` has {}, and has to be texts", value.kind());
                    self.tell(Diagnostic::error("TWIN.DOCUMENT.KIND", what), node.line, "write a text, or a list of texts");
                }
            }
        }
        texts
    }

    fn address(&mut self, key: &str, url: String, line: u32) -> Option<String> {
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let is_plain = url.chars().all(|c| c.is_ascii_graphic());
        if is_plain && host.is_some_and(|h| !h.is_empty() && !h.starts_with(['/', ':', '?', '#'])) {
            return Some(url);
        }
        let shown: String = url.split(['?', '@']).next().unwrap_or_default().chars().take(80).collect();
        let what = Diagnostic::error("TWIN.DOCUMENT.URL", format!("`{key}` is \"{shown}\", which is no address of a server"));
        self.tell(what, line, "write it as https://host.example.org/path");
        None
    }

    /// What goes to another computer without protection.
    fn in_the_clear(&mut self, what: &str, url: &str, line: u32) {
        let host = url.strip_prefix("http://").map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
        if host.is_some_and(|h| !is_loopback(h)) {
            self.clear(what, line);
        }
    }

    fn clear(&mut self, what: &str, line: u32) {
        let finding = Diagnostic::warning("TWIN.DOCUMENT.CLEAR", format!("{what} goes over the network in the clear"));
        self.tell(finding, line, "use TLS, unless nobody else can listen");
    }

    /// A secret from a file, from the environment, or, which is told, from the document.
    fn secret(&mut self, inner: &mut Fields<'_>, what: &str, keys: [&'static str; 3]) -> Option<Secret> {
        let [file_key, env_key, text_key] = keys;
        let from_file = inner.text(file_key, self.found);
        let from_env = inner.text(env_key, self.found);
        let from_text = inner.text(text_key, self.found);
        let lines: Vec<u32> = [&from_file, &from_env, &from_text].iter().filter_map(|f| f.as_ref().map(|(_, line)| *line)).collect();
        if lines.len() > 1 {
            let finding = Diagnostic::error("TWIN.DOCUMENT.SECRET", format!("the {what} is told in several ways"));
            self.tell(finding, lines[1], &format!("leave one of {file_key}, {env_key} and {text_key}"));
            return None;
        }
        let text = if let Some((name, line)) = from_file {
            let path = self.folder.join(&name);
            match std::fs::read_to_string(&path) {
                Ok(text) => (text.trim_end_matches(['\r', '\n']).to_owned(), line),
                Err(e) => {
                    let finding = Diagnostic::error("TWIN.DOCUMENT.FILE", format!("{} cannot be read", path.display()));
                    self.tell(
                        finding.detail(format!("The reason: {e}.")),
                        line,
                        "correct the path; it begins at the folder of the document",
                    );
                    return None;
                }
            }
        } else if let Some((name, line)) = from_env {
            match std::env::var(&name) {
                Ok(text) => (text, line),
                Err(_) => {
                    let finding = Diagnostic::error("TWIN.DOCUMENT.SECRET", format!("the environment has no {name} with the {what}"));
                    self.tell(finding, line, "set it where the server is started");
                    return None;
                }
            }
        } else {
            let (text, line) = from_text?;
            let finding = Diagnostic::warning("TWIN.DOCUMENT.PLAIN_SECRET", format!("the {what} stands in the document"));
            self.tell(finding, line, &format!("put it into a file that only the server reads, and name that as {file_key}"));
            (text, line)
        };
        if text.0.trim().is_empty() || text.0.contains(['\r', '\n']) {
            let finding = Diagnostic::error("TWIN.DOCUMENT.SECRET", format!("the {what} is empty or of several lines"));
            self.tell(finding, text.1, "write it on one line");
            return None;
        }
        Some(Secret::new(text.0))
    }

    fn authorities(&mut self, inner: &mut Fields<'_>) -> Option<Vec<u8>> {
        let (name, line) = inner.text("ca_file", self.found)?;
        let path = self.folder.join(&name);
        let read = std::fs::read(&path).map_err(|e| e.to_string()).and_then(|pem| sending::check_certificates(&pem).map(|_| pem));
        match read {
            Ok(pem) => Some(pem),
            Err(why) => {
                let finding = Diagnostic::error("TWIN.DOCUMENT.FILE", format!("{} cannot be used as certificates", path.display()));
                self.tell(finding.detail(format!("The reason: {why}.")), line, "name a PEM file with the certificate of the authority");
                None
            }
        }
    }

    fn word<T: Copy>(&mut self, inner: &mut Fields<'_>, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let (text, line) = inner.text(key, self.found)?;
        let found = words.iter().find(|(w, _)| *w == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(w, _)| *w).collect();
            let near = nearest(&text, &names).map_or_else(String::new, |n| format!("; the nearest is \"{n}\""));
            let finding = Diagnostic::error("TWIN.DOCUMENT.WORD", format!("`{key}` is \"{text}\", which is no such word{near}"));
            self.tell(finding, line, &format!("choose from {}", names.join(", ")));
        }
        found
    }

    fn whole(&mut self, inner: &mut Fields<'_>, key: &'static str, low: f64, high: f64) -> Option<f64> {
        let line = inner.line_of(key);
        let x = inner.number(key, low, high, self.found)?;
        if x.fract() == 0.0 {
            return Some(x);
        }
        self.tell(Diagnostic::error("TWIN.DOCUMENT.RANGE", format!("`{key}` is {x}")), line, "write a whole number");
        None
    }

    fn notices(&mut self, node: Node, timing: &mut Timing) -> Option<Notices> {
        let line = node.line;
        let mut inner = Fields::new(self.file, "`notify`", node, &NOTIFY, self.found)?;
        let summary_s = inner.number("summary_s", 1.0, 86_400.0, self.found);
        if let Some(hours) = inner.number("give_up_h", 0.001, 720.0, self.found) {
            timing.give_up = Duration::from_secs_f64(hours * 3600.0);
        }
        let mut notices = Notices::default();
        if let Some(node) = inner.take("mail") {
            notices.mail = self.mail(node, &mut notices.routes);
        }
        if let Some(node) = inner.take("webhooks") {
            for node in self.list("webhooks", node) {
                let line = node.line;
                let Some(webhook) = self.webhook(node, &mut notices.routes) else { continue };
                if notices.webhooks.iter().any(|w: &Webhook| w.url == webhook.url) {
                    self.tell(Diagnostic::error("TWIN.DOCUMENT.TWICE", "two webhooks have the same `url`"), line, "leave one of them out");
                    continue;
                }
                notices.webhooks.push(webhook);
            }
        }
        for route in &mut notices.routes {
            route.summary_s = summary_s.unwrap_or(route.summary_s);
        }
        if notices.mail.is_none() && notices.webhooks.is_empty() && !super::site::has_error(self.found) {
            self.tell(Diagnostic::error("TWIN.DOCUMENT.MISSING", "`notify` names nobody"), line, "write `mail` or `webhooks`");
        }
        Some(notices)
    }

    fn mail(&mut self, node: Node, routes: &mut Vec<Route>) -> Option<MailServer> {
        let line = node.line;
        let mut inner = Fields::new(self.file, "`mail`", node, &MAIL, self.found)?;
        let server = inner.needed("server", "mail.example.org", self.found);
        let security = self.word(&mut inner, "security", &Security::ALL).unwrap_or_default();
        let port = self.whole(&mut inner, "port", 1.0, 65_535.0).map_or(security.port(), |p| p as u16);
        let user = inner.text("user", self.found);
        let password = self.secret(&mut inner, "password of the mail server", ["password_file", "password_env", "password"]);
        let ca_pem = self.authorities(&mut inner);
        let from = inner.needed("from", "GridTwin <gridtwin@example.org>", self.found);
        let priority = self.word(&mut inner, "priority", &Priority::ALL).unwrap_or_default();
        let returns = inner.flag("returns", self.found).unwrap_or(true);
        let to = inner.take("to").map(|node| self.texts("to", node)).unwrap_or_default();
        for (text, line) in to.iter().chain(&from) {
            if !sending::is_address(text) {
                let finding = Diagnostic::error("TWIN.DOCUMENT.MAIL", format!("\"{text}\" is no address that mail can go to"));
                self.tell(finding, *line, "write it as name@example.org, or as Name <name@example.org>");
            }
        }
        for (text, line) in to {
            let id = format!("site: mail to {text}");
            if routes.iter().any(|r| *r.id == *id) {
                let finding = Diagnostic::error("TWIN.DOCUMENT.TWICE", format!("`to` has \"{text}\" twice"));
                self.tell(finding, line, "leave one of them out");
                continue;
            }
            routes.push(Route { priority, returns, ..Route::new(&id, Channel::Email, &text) });
        }
        if user.is_some() != password.is_some() && !super::site::has_error(self.found) {
            let finding =
                Diagnostic::error("TWIN.DOCUMENT.SECRET", "a user of the mail server comes with a password, and a password with a user");
            self.tell(finding, line, "name both `user` and `password_file`, or neither");
        }
        let (server, server_line) = server?;
        if server.contains(|c: char| c.is_whitespace() || c == '/' || c == '@') {
            let finding = Diagnostic::error("TWIN.DOCUMENT.ADDRESS", format!("`server` is \"{server}\", which is no name of a computer"));
            self.tell(finding, server_line, "write the name or the address alone; the port has its own key");
        }
        if security == Security::None && password.is_some() && !is_loopback(&server) {
            self.clear("the password of the mail server", line);
        }
        Some(MailServer { server, port, security, user: user.map(|(u, _)| u), password, ca_pem, from: from?.0 })
    }

    fn webhook(&mut self, node: Node, routes: &mut Vec<Route>) -> Option<Webhook> {
        let mut inner = Fields::new(self.file, "a webhook", node, &WEBHOOK, self.found)?;
        let url = inner.needed("url", "https://host.example.org/alarms", self.found);
        let secret = self.secret(&mut inner, "secret of the webhook", ["secret_file", "secret_env", "secret"]);
        let ca_pem = self.authorities(&mut inner);
        let priority = self.word(&mut inner, "priority", &Priority::ALL).unwrap_or_default();
        let returns = inner.flag("returns", self.found).unwrap_or(true);
        let by_rules = inner.flag("by_rules", self.found).unwrap_or(false);
        let (url, line) = url?;
        let url = self.address("url", url, line)?;
        self.in_the_clear("what a webhook is told", &url, line);
        if !by_rules {
            let id = format!("site: webhook {}", 1 + routes.iter().filter(|r| r.channel == Channel::Webhook).count());
            routes.push(Route { priority, returns, ..Route::new(&id, Channel::Webhook, &url) });
        }
        Some(Webhook { url, secret, ca_pem })
    }

    fn influx(&mut self, node: Node) -> Option<Influx> {
        let line = node.line;
        let mut inner = Fields::new(self.file, "`influx`", node, &INFLUX, self.found)?;
        let url = inner.needed("url", "http://127.0.0.1:8086", self.found);
        let (org, bucket) = (inner.text("org", self.found), inner.text("bucket", self.found));
        let token = self.secret(&mut inner, "token of InfluxDB", ["token_file", "token_env", "token"]);
        let (database, user) = (inner.text("database", self.found), inner.text("user", self.found));
        let password = self.secret(&mut inner, "password of InfluxDB", ["password_file", "password_env", "password"]);
        let ca_pem = self.authorities(&mut inner);
        let measurement = inner.text("measurement", self.found).map_or_else(|| "gridtwin".to_owned(), |(m, _)| m);
        let tags = inner.take("tags").map(|node| self.tags(node)).unwrap_or_default();
        let points = inner.take("points").map(|node| self.texts("points", node)).unwrap_or_default();
        let every_s = inner.number("every_s", 0.05, 3600.0, self.found).unwrap_or(1.0);
        let gzip = inner.flag("gzip", self.found).unwrap_or(true);
        let backlog = self.whole(&mut inner, "backlog", 1.0, 1e8).unwrap_or(500_000.0) as usize;
        let batch = self.whole(&mut inner, "batch", 1.0, 100_000.0).unwrap_or(5000.0) as usize;
        let has_token = token.is_some();
        let database = match (database, org, bucket) {
            (Some((database, _)), None, None) if !has_token => Some(Database::Version1 { database, user: user.map(|(u, _)| u), password }),
            (None, Some((org, _)), Some((bucket, _))) if user.is_none() && password.is_none() => {
                Some(Database::Bucket { org, bucket, token })
            }
            _ => {
                let finding = Diagnostic::error("TWIN.DOCUMENT.INFLUX", "`influx` does not say one place for its values");
                self.tell(
                    finding,
                    line,
                    "write `org`, `bucket` and `token_file`, or for version 1 `database` with `user` and `password_file`",
                );
                None
            }
        };
        let (url, url_line) = url?;
        let url = self.address("url", url, url_line)?;
        if has_token {
            self.in_the_clear("the token of InfluxDB", &url, url_line);
        }
        Some(Influx {
            url,
            database: database?,
            measurement,
            tags,
            points: points.into_iter().map(|(p, _)| p).collect(),
            every: Duration::from_secs_f64(every_s),
            gzip,
            backlog: backlog.max(batch),
            batch,
            ca_pem,
        })
    }

    fn tags(&mut self, node: Node) -> Vec<(String, String)> {
        let Value::Map(entries) = node.value else {
            let what = format!("`tags` is {}, and has to be a mapping", node.value.kind());
            self.tell(Diagnostic::error("TWIN.DOCUMENT.KIND", what), node.line, "write `tags: {site: northfield}`");
            return Vec::new();
        };
        let mut tags = Vec::new();
        for entry in entries {
            let text = match &entry.node.value {
                Value::Text(text) if !text.is_empty() => text.clone(),
                Value::Number(n) => n.to_string(),
                value => {
                    let what = format!("the tag `{}` is {}, and has to be a text", entry.key, value.kind());
                    self.tell(Diagnostic::error("TWIN.DOCUMENT.KIND", what), entry.line, "write a text");
                    continue;
                }
            };
            if ["point", "unit"].contains(&entry.key.as_str()) || tags.iter().any(|(k, _)| *k == entry.key) {
                let what = format!("the tag `{}` is there already", entry.key);
                self.tell(
                    Diagnostic::error("TWIN.DOCUMENT.TWICE", what),
                    entry.line,
                    "give it another name; every line has `point` and `unit`",
                );
                continue;
            }
            tags.push((entry.key, text));
        }
        tags
    }
}

/// A computer that is this one.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or_default(),
        None => host,
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
