//! The document of a site: what `gridtwin serve --twin` follows. `docs/twin.md` describes it.
//!
//! ```text
//! site.yaml ─► fields ─► model ─► network ─┬─► assets, protection
//!                                          └─► devices ─► Site      alarms: as text      history: a folder
//! ```
//!
//! Reading goes on after a fault, so that all of them are told at once, each with its file and line.

use super::sending;
use super::site_model::{ModelText, read_model};
use network::document::nearest;
use network::document::tree::{self, Entry, MAX_BYTES, Node, Value};
use network::{Diagnostic, Network, Severity, SourceRef, Station, StationRelay};
use server::Follow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use twin::history::{DatabaseHistory, Historian, History, Options, Retention};
use twin::live::{Settings, Site};

/// Longest time that records can be kept, days: a century.
const DAYS_MAX: f64 = 36_525.0;
/// Files beside a model that are read where the document names none.
const ASSETS: &str = "assets.yaml";
const PROTECTION: &str = "protection.yaml";

/// Keys of the document.
const KEYS: [&str; 14] = [
    "name",
    "model",
    "assets",
    "protection",
    "devices",
    "alarms",
    "simulated",
    "instructor",
    "interval_s",
    "interlock",
    "history",
    "url",
    "notify",
    "influx",
];

/// What a document says, paths resolved.
#[derive(Clone, Debug)]
struct Document {
    file: String,
    name: String,
    model: PathBuf,
    assets: Option<PathBuf>,
    protection: Option<PathBuf>,
    devices: PathBuf,
    alarms: Option<PathBuf>,
    settings: Settings,
    history: PathBuf,
    /// The document names the folder of the history.
    names_history: bool,
    retention: Retention,
    sending: Option<twin::sending::Options>,
    /// Lines on which files are named, for findings about them.
    lines: Lines,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lines {
    model: u32,
    assets: u32,
    protection: u32,
    devices: u32,
    alarms: u32,
    history: u32,
}

/// Fields of a mapping that were not taken yet, and what is wrong so far.
pub(super) struct Fields<'a> {
    file: &'a str,
    of: &'a str,
    line: u32,
    entries: Vec<Entry>,
    known: &'a [&'a str],
}

pub(super) fn at(file: &str, line: u32) -> SourceRef {
    SourceRef::new(file, line)
}

impl<'a> Fields<'a> {
    pub(super) fn new(file: &'a str, of: &'a str, node: Node, known: &'a [&'a str], found: &mut Vec<Diagnostic>) -> Option<Self> {
        let Value::Map(mut entries) = node.value else {
            let what = Diagnostic::error("TWIN.DOCUMENT.KIND", format!("{of} is {}, and has to be a mapping", node.value.kind()));
            found.push(what.at(&at(file, node.line)).hint("write `key: value` on each line"));
            return None;
        };
        let mut seen: Vec<String> = Vec::new();
        entries.retain(|e| {
            let is_first = !seen.contains(&e.key);
            if is_first {
                seen.push(e.key.clone());
            } else {
                let what = Diagnostic::error("TWIN.DOCUMENT.TWICE", format!("{of} has `{}` twice", e.key));
                found.push(what.at(&at(file, e.line)).hint("leave one of them out"));
            }
            is_first
        });
        for e in entries.iter().filter(|e| !known.contains(&e.key.as_str())) {
            let near = nearest(&e.key, known).map_or_else(String::new, |n| format!("; the nearest is `{n}`"));
            let what =
                Diagnostic::error("TWIN.DOCUMENT.UNKNOWN_KEY", format!("{of} has a key `{}`, which means nothing here{near}", e.key));
            found.push(what.at(&at(file, e.line)).hint(format!("choose from {}", known.join(", "))));
        }
        Some(Self { file, of, line: node.line, entries, known })
    }

    pub(super) fn take(&mut self, key: &'static str) -> Option<Node> {
        debug_assert!(self.known.contains(&key), "{key} is not among the keys that are known");
        let i = self.entries.iter().position(|e| e.key == key)?;
        Some(self.entries.remove(i).node).filter(|n| n.value != Value::Null)
    }

    /// Line of a key that was not taken yet; that of the mapping where it is not there.
    pub(super) fn line_of(&self, key: &str) -> u32 {
        self.entries.iter().find(|e| e.key == key).map_or(self.line, |e| e.line)
    }

    fn kind(&self, key: &str, node: &Node, wanted: &str, found: &mut Vec<Diagnostic>) {
        let what = format!("`{key}` of {} is {}, and has to be {wanted}", self.of, node.value.kind());
        found.push(Diagnostic::error("TWIN.DOCUMENT.KIND", what).at(&at(self.file, node.line)).hint(format!("write {wanted}")));
    }

    pub(super) fn text(&mut self, key: &'static str, found: &mut Vec<Diagnostic>) -> Option<(String, u32)> {
        let node = self.take(key)?;
        match &node.value {
            Value::Text(text) if !text.trim().is_empty() => Some((text.trim().to_owned(), node.line)),
            Value::Number(n) => Some((n.to_string(), node.line)),
            _ => {
                self.kind(key, &node, "a text", found);
                None
            }
        }
    }

    pub(super) fn needed(&mut self, key: &'static str, example: &str, found: &mut Vec<Diagnostic>) -> Option<(String, u32)> {
        if !self.entries.iter().any(|e| e.key == key) {
            let what = Diagnostic::error("TWIN.DOCUMENT.MISSING", format!("{} has no `{key}`", self.of));
            found.push(what.at(&at(self.file, self.line)).hint(format!("write `{key}: {example}`")));
        }
        self.text(key, found)
    }

    pub(super) fn flag(&mut self, key: &'static str, found: &mut Vec<Diagnostic>) -> Option<bool> {
        let node = self.take(key)?;
        match node.value {
            Value::Flag(flag) => Some(flag),
            _ => {
                self.kind(key, &node, "true or false", found);
                None
            }
        }
    }

    pub(super) fn number(&mut self, key: &'static str, low: f64, high: f64, found: &mut Vec<Diagnostic>) -> Option<f64> {
        let node = self.take(key)?;
        match node.value {
            Value::Number(x) if (low..=high).contains(&x) => Some(x),
            Value::Number(x) => {
                let what = Diagnostic::error("TWIN.DOCUMENT.RANGE", format!("`{key}` of {} is {x}", self.of));
                found.push(what.at(&at(self.file, node.line)).hint(format!("{low} to {high} can be had")));
                None
            }
            _ => {
                self.kind(key, &node, "a number", found);
                None
            }
        }
    }
}

/// The document of a text; `None` where a fault leaves nothing to go on with.
fn document(text: &str, path: &Path, usual_history: &Path, found: &mut Vec<Diagnostic>) -> Option<Document> {
    let file = path.display().to_string();
    let syntax = |line: u32, what: String| {
        Diagnostic::error("TWIN.DOCUMENT.SYNTAX", format!("this is no document of a site: {what}"))
            .at(&at(&file, line))
            .hint("docs/twin.md shows one")
    };
    if text.len() > MAX_BYTES {
        found.push(syntax(0, format!("it has {} bytes, and {MAX_BYTES} are the most", text.len())));
        return None;
    }
    let root = match tree::parse(text) {
        Ok(Some(root)) => root,
        Ok(None) => {
            found.push(syntax(1, "it is empty".into()));
            return None;
        }
        Err(fault) => {
            found.push(syntax(fault.line, fault.what));
            return None;
        }
    };
    let beside = |name: &str| path.parent().unwrap_or(Path::new("")).join(name);
    let mut fields = Fields::new(&file, "the document", root, &KEYS, found)?;
    let mut lines = Lines::default();
    let named = |fields: &mut Fields<'_>, key: &'static str, line: &mut u32, found: &mut Vec<Diagnostic>| {
        let (name, at) = fields.text(key, found)?;
        *line = at;
        Some(beside(&name))
    };
    let name = fields.text("name", found).map(|(n, _)| n);
    let model = fields.needed("model", "substation.dss", found);
    let devices = fields.needed("devices", "devices.yaml", found);
    let assets = named(&mut fields, "assets", &mut lines.assets, found);
    let protection = named(&mut fields, "protection", &mut lines.protection, found);
    let alarms = named(&mut fields, "alarms", &mut lines.alarms, found);
    let mut settings = Settings::default();
    settings.simulated = fields.flag("simulated", found).unwrap_or(settings.simulated);
    settings.interval_s = fields.number("interval_s", 0.1, 3600.0, found).unwrap_or(settings.interval_s);
    if let Some((instructor, line)) = fields.text("instructor", found) {
        let is_place = instructor.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p > 0));
        if !is_place {
            let what = Diagnostic::error("TWIN.DOCUMENT.ADDRESS", format!("`instructor` is \"{instructor}\", which is no host:port"));
            found.push(what.at(&at(&file, line)).hint("write it as 127.0.0.1:7070"));
        } else if !settings.simulated {
            let what =
                Diagnostic::error("TWIN.DOCUMENT.INSTRUCTOR", "there is an instructor, and the plant is not said to be a simulated one");
            found.push(
                what.at(&at(&file, line)).hint("write `simulated: true`, or leave `instructor` out: nobody plays faults in a live plant"),
            );
        } else {
            settings.instructor = Some(instructor);
        }
    }
    if let Some(node) = fields.take("interlock") {
        let line = node.line;
        if let Some(mut inner) = Fields::new(&file, "`interlock`", node, &["loading_limit_pct", "v_low_pu", "v_high_pu"], found) {
            settings.loading_limit_pct = inner.number("loading_limit_pct", 1.0, 1000.0, found).unwrap_or(settings.loading_limit_pct);
            settings.v_low_pu = inner.number("v_low_pu", 0.0, 2.0, found).unwrap_or(settings.v_low_pu);
            settings.v_high_pu = inner.number("v_high_pu", 0.0, 2.0, found).unwrap_or(settings.v_high_pu);
            if settings.v_low_pu >= settings.v_high_pu {
                let what = format!("`interlock` lets voltages be from {} to {} pu", settings.v_low_pu, settings.v_high_pu);
                found.push(
                    Diagnostic::error("TWIN.DOCUMENT.RANGE", what).at(&at(&file, line)).hint("the lower limit comes below the higher"),
                );
            }
        }
    }
    let (mut history, mut retention, mut names_history) = (usual_history.to_owned(), Retention::default(), false);
    if let Some(node) = fields.take("history") {
        lines.history = node.line;
        if let Some(mut inner) = Fields::new(&file, "`history`", node, &["folder", "raw_days", "hourly_days", "daily_days"], found) {
            if let Some((folder, line)) = inner.text("folder", found) {
                (history, lines.history, names_history) = (beside(&folder), line, true);
            }
            let mut days = |key: &'static str, usual: Duration| {
                inner.number(key, 0.125, DAYS_MAX, found).map_or(usual, |d| Duration::from_secs_f64(d * 86_400.0))
            };
            retention = Retention {
                raw: days("raw_days", retention.raw),
                hourly: days("hourly_days", retention.hourly),
                daily: days("daily_days", retention.daily),
            };
        }
    }
    let stem = |model: &str| Path::new(model).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.unwrap_or_else(|| model.as_ref().map(|(m, _)| stem(m)).unwrap_or_default());
    // Where versions of the model are, too: it stays when the history is moved.
    let kept = usual_history.parent().unwrap_or(usual_history);
    let sending = sending::read(&mut fields, path, &name, kept, found);
    let ((model, model_line), (devices, devices_line)) = (model?, devices?);
    (lines.model, lines.devices) = (model_line, devices_line);
    Some(Document {
        file: file.clone(),
        name,
        model: beside(&model),
        assets,
        protection,
        devices: beside(&devices),
        alarms,
        settings,
        history,
        names_history,
        retention,
        sending,
        lines,
    })
}

/// The text of a file that a document names.
fn file_text(document: &Document, line: u32, path: &Path, found: &mut Vec<Diagnostic>) -> Option<String> {
    let reason = match std::fs::metadata(path) {
        Ok(m) if m.len() > MAX_BYTES as u64 => format!("it has {} bytes, and {MAX_BYTES} are the most", m.len()),
        Ok(m) if !m.is_file() => "it is no plain file".to_owned(),
        Ok(_) => match std::fs::read_to_string(path) {
            Ok(text) => return Some(text),
            Err(e) => e.to_string(),
        },
        Err(e) => e.to_string(),
    };
    let what = Diagnostic::error("TWIN.DOCUMENT.FILE", format!("{} cannot be read", path.display()));
    found.push(
        what.detail(format!("The reason: {reason}."))
            .at(&at(&document.file, line))
            .hint("correct the path; it begins at the folder of the document"),
    );
    None
}

/// A file that the document names, else one beside the model where there is one. A model in a folder of its own name may have it there.
fn beside_model(document: &Document, named: &Option<PathBuf>, usual: &str, root: &Path) -> Option<PathBuf> {
    let places = [&document.model, root].map(|model| model.parent().unwrap_or(Path::new("")).join(usual));
    named.clone().or_else(|| places.into_iter().find(|p| p.is_file()))
}

pub(super) fn has_error(found: &[Diagnostic]) -> bool {
    found.iter().any(|d| d.severity == Severity::Error)
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// The site of a document, with a text in place of the model's files where one is given. Findings are all, errors among them or not.
fn site(document: &Document, text: Option<&str>, found: &mut Vec<Diagnostic>) -> Option<(Site, Option<ModelText>)> {
    let read = match read_model(&document.model, text) {
        Ok(read) => Some(read),
        Err(diagnostics) => {
            found.extend(diagnostics);
            None
        }
    };
    let root = read.as_ref().and_then(|(_, text)| text.as_ref()).map_or(document.model.as_path(), |t| &t.root).to_owned();
    let devices = file_text(document, document.lines.devices, &document.devices, found).map(|text| {
        let read = scada::document::read(&text, &document.devices.display().to_string());
        found.extend(read.diagnostics);
        read.devices
    });
    if devices.as_ref().is_some_and(Vec::is_empty) && !has_error(found) {
        let what = Diagnostic::error(
            "TWIN.DOCUMENT.NO_DEVICE",
            format!("{} names no device: nothing would be followed", document.devices.display()),
        );
        found.push(what.at(&at(&document.file, document.lines.devices)).hint("docs/scada.md shows a document of devices"));
    }
    let (network, model_text) = read?;
    let (station, relays) = equipment(document, &network, &root, found);
    if let Some(devices) = &devices {
        found.extend(scada::document::check_elements(devices, &network));
    }
    let network = Arc::new(network);
    let site = Site {
        name: document.name.clone(),
        model: document.model.display().to_string(),
        network,
        station: Arc::new(station),
        relays: Arc::new(relays),
        devices: devices?,
        settings: document.settings.clone(),
    };
    (!has_error(found)).then_some((site, model_text))
}

/// Equipment and relays of the station; none where there is no file of them.
fn equipment(document: &Document, network: &Network, root: &Path, found: &mut Vec<Diagnostic>) -> (Station, Vec<StationRelay>) {
    let mut station = Station { name: document.name.clone(), ..Station::default() };
    if let Some(path) = beside_model(document, &document.assets, ASSETS, root)
        && let Some(text) = file_text(document, document.lines.assets.max(document.lines.model), &path, found)
    {
        let read = formats::station::read_equipment(&text, &path.display().to_string(), network);
        found.extend(read.findings);
        station = read.value.unwrap_or(station);
    }
    let mut relays = Vec::new();
    if let Some(path) = beside_model(document, &document.protection, PROTECTION, root)
        && let Some(text) = file_text(document, document.lines.protection.max(document.lines.model), &path, found)
    {
        let read = formats::station::read_relays(&text, &path.display().to_string(), network);
        found.extend(read.findings);
        relays = read.value.unwrap_or_default();
    }
    (station, relays)
}

/// What `--twin FILE` follows; and findings that are no errors. `usual_history` is where the history lies unless the document says it, or there
/// is a database of PostgreSQL.
///
/// # Errors
/// Every fault of the document and of the files that it names.
pub(super) fn read(path: &Path, usual_history: &Path, database: Option<&str>) -> Result<(Follow, Vec<Diagnostic>), Vec<Diagnostic>> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        vec![
            Diagnostic::error("TWIN.DOCUMENT.FILE", format!("{} cannot be read", path.display()))
                .detail(format!("The reason: {e}."))
                .hint("name the document of a site: docs/twin.md shows one"),
        ]
    })?;
    let mut found = Vec::new();
    let Some(document) = document(&text, path, usual_history, &mut found) else { return Err(found) };
    let read = site(&document, None, &mut found);
    let rules = document.alarms.as_ref().and_then(|place| file_text(&document, document.lines.alarms, place, &mut found));
    let options = Options { retention: document.retention, ..Options::default() };
    if let Err(e) = options.check() {
        found.push(e.diagnostic().at(&at(&document.file, document.lines.history)));
    }
    if has_error(&found) {
        return Err(found);
    }
    let Some((_, model_text)) = read else { return Err(found) };
    let database = database.filter(|url| is_postgres(url) && !document.names_history);
    let opened: Result<(Arc<dyn Historian>, Vec<Diagnostic>), _> = match database {
        Some(url) => DatabaseHistory::open(url, options).map(|h| {
            let findings = h.findings();
            (Arc::new(h) as Arc<dyn Historian>, findings)
        }),
        None => History::open(&document.history, options).map(|h| {
            let findings = h.findings();
            (Arc::new(h) as Arc<dyn Historian>, findings)
        }),
    };
    let history = match opened {
        Ok((history, findings)) => {
            found.extend(findings);
            history
        }
        Err(e) => {
            found.push(e.diagnostic());
            return Err(found);
        }
    };
    let (rules_file, history_folder) = (document.alarms.clone(), database.is_none().then(|| document.history.clone()));
    let sending = document.sending.clone();
    let follow = Follow {
        read: Arc::new(move |text: Option<&str>| {
            let mut found = Vec::new();
            let read = site(&document, text, &mut found);
            match read {
                Some((site, _)) => Ok(site),
                None => {
                    found.retain(|d| d.severity == Severity::Error);
                    Err(found)
                }
            }
        }),
        text: model_text.map(|t| t.text),
        rules,
        rules_file,
        history,
        history_folder,
        sending,
    };
    Ok((follow, found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn codes(found: &[Diagnostic]) -> Vec<(&str, u32)> {
        found.iter().map(|d| (d.code.as_str(), d.source.as_ref().map_or(0, |s| s.line))).collect()
    }

    const DEVICES: &str = "devices:\n  - id: d\n    protocol: modbus\n    address: 127.0.0.1:1\n    points:\n      - {name: v, address: 'holding:0', type: float32, unit: kV, element: bus.bb41, quantity: v_ll_kv}\n";

    /// Documents that are nearly right, thousands of them: none stops the program, and one that is refused says why, with a place in it.
    #[test]
    fn a_mutated_document_is_read_or_refused_with_a_reason() {
        use studies::synthetic::random::Random;
        let whole = "name: Ehv\nmodel: m.dss\ndevices: d.yaml\nassets: a.yaml\nalarms: r.yaml\nsimulated: true\ninstructor: 127.0.0.1:7070\ninterval_s: 1\nurl: \
                     https://grid.example.org\ninterlock: {loading_limit_pct: 110, v_low_pu: 0.9, v_high_pu: 1.1}\nhistory: {folder: h, raw_days: 7, hourly_days: 90}\nnotify:\n  \
                     mail: {server: m.example, from: T <t@e.org>, to: [a@e.org, b@e.org], priority: high}\n  webhooks:\n    - {url: \
                     'https://h/y', by_rules: true}\ninflux: {url: 'http://127.0.0.1:8086', org: o, bucket: b, token: t}\n";
        let pieces = [
            "\n", ": ", "{", "}", "[", "]", "- ", "'", "\"", "0", "-1", "1e999", ".nan", "null", "~", "\t", "é", "\u{0}", "&a ", "*a",
            "history", "model", "|\n  ",
        ];
        let (mut read, mut refused) = (0, 0);
        for case in 0..4000 {
            let mut random = Random::new(11, 1, case);
            let mut text: Vec<char> = whole.chars().collect();
            for _ in 0..=random.whole(0, 3) {
                let at = random.whole(0, text.len() as i32) as usize;
                let end = (at + random.whole(0, 30) as usize).min(text.len());
                let piece = pieces[random.whole(0, pieces.len() as i32 - 1) as usize];
                match random.whole(0, 2) {
                    0 => drop(text.drain(at..end)),
                    1 => drop(text.splice(at..at, piece.chars())),
                    _ => drop(text.splice(at..end, piece.chars())),
                }
            }
            let text: String = text.into_iter().collect();
            let mut found = Vec::new();
            let document = document(&text, Path::new("site.yaml"), Path::new("history"), &mut found);
            if document.is_some() && !has_error(&found) {
                read += 1;
            } else {
                refused += 1;
                assert!(has_error(&found), "refused without a reason: {text:?}");
                assert!(found.iter().all(|d| d.source.is_some() && d.hint.is_some()), "{found:?}");
            }
        }
        assert!(read > 100 && refused > 1000, "{read} read, {refused} refused");
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("site.yaml");
        let of = |text: &str| {
            fs::write(&place, text).unwrap();
            let found = read(&place, &dir.path().join("history"), None).err().unwrap_or_else(|| panic!("taken: {text}"));
            codes(&found).into_iter().map(|(c, l)| (c.to_owned(), l)).collect::<Vec<_>>()
        };
        let has = |found: &[(String, u32)], code: &str, line: u32| {
            assert!(found.contains(&(code.to_owned(), line)), "{code} at {line} is not among {found:?}");
        };
        let found = of(
            "model: x.dss\ndevices: none.yaml\nsimulate: true\ninterval_s: soon\ninstructor: somewhere\nhistory: {raw_days: 0}\nmodel: y.dss\n",
        );
        has(&found, "TWIN.DOCUMENT.UNKNOWN_KEY", 3);
        has(&found, "TWIN.DOCUMENT.KIND", 4);
        has(&found, "TWIN.DOCUMENT.ADDRESS", 5);
        has(&found, "TWIN.DOCUMENT.RANGE", 6);
        has(&found, "TWIN.DOCUMENT.TWICE", 7);
        has(&found, "TWIN.DOCUMENT.FILE", 2);
        let found = of("name: a\ninterlock: {v_low_pu: 1.1, v_high_pu: 0.9}\nhistory: 3\n");
        assert_eq!(found.iter().filter(|(c, _)| c == "TWIN.DOCUMENT.MISSING").count(), 2, "{found:?}");
        has(&found, "TWIN.DOCUMENT.RANGE", 2);
        has(&found, "TWIN.DOCUMENT.KIND", 3);
        has(&of("model: x\ndevices: y\ninstructor: 127.0.0.1:7\n"), "TWIN.DOCUMENT.INSTRUCTOR", 3);
        has(&of("a: [\n"), "TWIN.DOCUMENT.SYNTAX", 1);
        has(&of(""), "TWIN.DOCUMENT.SYNTAX", 1);
        has(&of("- a\n"), "TWIN.DOCUMENT.KIND", 1);
    }

    #[test]
    fn what_is_to_be_sent_is_read_and_every_fault_of_it_told_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("site.yaml");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/ehv-400-220.dss").canonicalize().unwrap();
        fs::write(dir.path().join("devices.yaml"), DEVICES).unwrap();
        fs::write(dir.path().join("mail.password"), "s3cret\n").unwrap();
        fs::write(dir.path().join("empty"), "\n").unwrap();
        let head = format!("model: {}\ndevices: devices.yaml\n", root.display());
        let of = |rest: &str| {
            fs::write(&place, format!("{head}{rest}")).unwrap();
            read(&place, &dir.path().join("history"), None)
        };
        let faults = [
            ("notify: {}\n", "TWIN.DOCUMENT.MISSING", 3),
            ("url: twin.example.org\n", "TWIN.DOCUMENT.URL", 3),
            ("notify:\n  mail: {server: m, from: here, to: b@c}\n", "TWIN.DOCUMENT.MAIL", 4),
            ("notify:\n  mail:\n    server: m\n    from: a@b.org\n    to:\n      - c@d.org\n      - nobody\n", "TWIN.DOCUMENT.MAIL", 9),
            ("notify:\n  mail: {server: m, from: a@b.org, security: ssl}\n", "TWIN.DOCUMENT.WORD", 4),
            ("notify:\n  mail: {server: m, from: a@b.org, port: 70000}\n", "TWIN.DOCUMENT.RANGE", 4),
            ("notify:\n  mail: {server: m, from: a@b.org, user: u}\n", "TWIN.DOCUMENT.SECRET", 4),
            ("notify:\n  mail: {server: m, from: a@b.org, user: u, password_file: none}\n", "TWIN.DOCUMENT.FILE", 4),
            ("notify:\n  mail: {server: m, from: a@b.org, user: u, password_file: empty}\n", "TWIN.DOCUMENT.SECRET", 4),
            ("notify:\n  mail: {server: m, from: a@b.org, user: u, password_env: GRIDTWIN_NO_SUCH_VARIABLE}\n", "TWIN.DOCUMENT.SECRET", 4),
            (
                "notify:\n  mail: {server: m, from: a@b.org, user: u, password: x, password_file: mail.password}\n",
                "TWIN.DOCUMENT.SECRET",
                4,
            ),
            ("notify:\n  mail: {server: m, from: a@b.org, ca_file: mail.password}\n", "TWIN.DOCUMENT.FILE", 4),
            ("notify:\n  mail: {server: 'm:25', from: a@b.org, too: c@d}\n", "TWIN.DOCUMENT.UNKNOWN_KEY", 4),
            ("notify:\n  webhooks:\n    - {url: 'http://h/'}\n    - {url: 'http://h/'}\n", "TWIN.DOCUMENT.TWICE", 6),
            ("notify:\n  webhooks: [{url: 'ftp://h/'}]\n", "TWIN.DOCUMENT.URL", 4),
            ("notify:\n  webhooks: [{url: 'https://h/', priority: urgent}]\n", "TWIN.DOCUMENT.WORD", 4),
            ("influx: {url: 'http://h'}\n", "TWIN.DOCUMENT.INFLUX", 3),
            ("influx: {url: 'http://h', org: a, bucket: b, database: c}\n", "TWIN.DOCUMENT.INFLUX", 3),
            ("influx: {url: 'http://h', database: c, tags: {point: x}}\n", "TWIN.DOCUMENT.TWICE", 3),
            ("influx: {url: 'http://h', database: c, batch: 1.5}\n", "TWIN.DOCUMENT.RANGE", 3),
            ("influx: {database: c, points: [1]}\n", "TWIN.DOCUMENT.KIND", 3),
        ];
        for (rest, code, line) in faults {
            let found = of(rest).err().unwrap_or_else(|| panic!("taken: {rest}"));
            assert!(codes(&found).contains(&(code, line)), "{code} at {line} is not among {:?} of {rest}", codes(&found));
            assert!(!format!("{found:?}").contains("s3cret"), "{rest}");
        }
        let text = "url: https://t.example\nnotify:\n  summary_s: 5\n  give_up_h: 2\n  mail: {server: m.example, from: T <t@e.org>, to: [a@e.org, b@e.org], user: u, \
                    password_file: mail.password, priority: high}\n  webhooks:\n    - {url: 'http://10.0.0.1/x', secret: visible}\n    - {url: 'https://h/y', by_rules: true}\n\
                    influx: {url: 'http://127.0.0.1:8086', org: o, bucket: b, token_file: mail.password, points: ['bay1.*', twin.frequency_hz], tags: {site: n}}\n";
        let (follow, found) = of(text).unwrap_or_else(|found| panic!("{:?}", codes(&found)));
        let told: Vec<(&str, u32)> = codes(&found).into_iter().filter(|(c, _)| c.starts_with("TWIN.DOCUMENT")).collect();
        assert_eq!(told, [("TWIN.DOCUMENT.PLAIN_SECRET", 9), ("TWIN.DOCUMENT.CLEAR", 9)]);
        let sending = follow.sending.expect("what is to be sent");
        assert_eq!((sending.url.as_deref(), sending.timing.give_up), (Some("https://t.example"), Duration::from_secs(7200)));
        assert_eq!(sending.folder, dir.path(), "beside the history");
        let notices = sending.notices.clone().expect("notices");
        let mail = notices.mail.expect("a mail server");
        assert_eq!((mail.port, mail.user.as_deref(), mail.password), (587, Some("u"), Some(twin::sending::Secret::new("s3cret"))));
        let routes: Vec<(&str, &str, f64, bool)> =
            notices.routes.iter().map(|r| (&*r.to, r.priority.name(), r.summary_s, r.returns)).collect();
        let high = |to| (to, "high", 5.0, true);
        assert_eq!(routes, [high("a@e.org"), high("b@e.org"), ("http://10.0.0.1/x", "low", 5.0, true)]);
        assert_eq!(notices.webhooks.len(), 2);
        let influx = sending.influx.clone().expect("values");
        assert!(influx.takes("bay1.v") && influx.takes("twin.frequency_hz") && !influx.takes("bay2.v"));
        assert!(
            !format!("{sending:?}").contains("s3cret") && !format!("{sending:?}").contains("visible"),
            "what is logged shows no secret"
        );
    }

    #[test]
    fn the_history_lies_in_the_database_unless_the_document_names_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("site.yaml");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/ehv-400-220.dss").canonicalize().unwrap();
        fs::write(dir.path().join("devices.yaml"), DEVICES).unwrap();
        let of = |rest: &str| {
            fs::write(&place, format!("model: {}\ndevices: devices.yaml\n{rest}", root.display())).unwrap();
            // Nobody listens there: that it is asked is all that counts.
            read(&place, &dir.path().join("history"), Some("postgres://u:secret@127.0.0.1:1/none"))
        };
        let found = of("").expect_err("the database is asked");
        assert!(found.iter().any(|d| d.code == "HISTORY.DATABASE.FAILED" && !d.message.contains("secret")), "{found:?}");
        assert!(!dir.path().join("history").exists());
        let (follow, _) = of("history: {folder: kept}\n").unwrap_or_else(|found| panic!("{:?}", codes(&found)));
        assert_eq!(follow.history_folder, Some(dir.path().join("kept")));
    }

    #[test]
    fn the_shipped_substation_is_followed_and_its_model_is_one_text() {
        let dir = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/ehv-400-220.dss").canonicalize().unwrap();
        let place = dir.path().join("site.yaml");
        fs::write(dir.path().join("devices.yaml"), DEVICES).unwrap();
        fs::write(&place, format!("model: {}\ndevices: devices.yaml\nsimulated: true\ninstructor: 127.0.0.1:7\n", root.display())).unwrap();
        let (follow, found) = read(&place, &dir.path().join("history"), None).unwrap_or_else(|found| panic!("{:?}", codes(&found)));
        assert!(!has_error(&found));
        let text = follow.text.clone().expect("a script has a text");
        assert!(!text.to_lowercase().contains("\nredirect "), "includes stand in the text");
        let (of_files, of_text) = ((follow.read)(None).unwrap(), (follow.read)(Some(&text)).unwrap());
        assert_eq!(of_files.network.buses, of_text.network.buses);
        assert_eq!(of_files.network.order, of_text.network.order);
        assert_eq!(of_files.network.transformers.len(), of_text.network.transformers.len());
        assert_eq!((of_files.station.equipment.len(), of_files.relays.is_empty()), (76, false));
        assert_eq!(of_files.settings.instructor.as_deref(), Some("127.0.0.1:7"));
        // A text that reaches outside the model's folder, or leaves out what the register names, is refused.
        let secret = dir.path().join("secret.dss");
        fs::write(&secret, "! a secret\n").unwrap();
        let outside = format!("{text}\nRedirect {}\n", secret.display());
        let found = (follow.read)(Some(&outside)).err().expect("outside the folder");
        assert!(!format!("{found:?}").contains("a secret"));
        let found = (follow.read)(Some("clear\nnew circuit.c bus1=bb41 basekv=400\nset voltagebases=[400]\ncalcvoltagebases\nsolve\n"))
            .err()
            .expect("no station");
        assert!(found.iter().any(|d| d.code.starts_with("STATION.")), "{:?}", codes(&found));
    }
}
