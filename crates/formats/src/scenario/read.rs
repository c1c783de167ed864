//! From the tree of a file to a scenario, by the table of parameters.

use super::{consistency, data};
use crate::FileSource;
use network::document::tree::{self, Entry, MAX_BYTES, Node, Value};
use network::document::{QuantityFault, nearest, quantity};
use network::scenario::parameters::{FileKind, Form, LAYERS, Parameter, SCENARIO, Section};
use network::scenario::{Customers, Layer, LayerKind, Scenario, ScenarioData, WeatherSource, Weekday};
use network::{Diagnostic, LonLat, Severity, SourceRef};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files that one scenario may include, and how deep.
const MAX_INCLUDES: usize = 256;

/// What reading a scenario gives.
#[derive(Debug, Clone)]
pub struct ScenarioImport {
    /// The scenario, with defaults where values are at fault; `None` when no file could be taken apart. Not to be run where
    /// [`ScenarioImport::is_sound`] says no.
    pub scenario: Option<Scenario>,
    pub data: ScenarioData,
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that was read, in order.
    pub files: Vec<PathBuf>,
}

impl ScenarioImport {
    /// No finding is an error.
    pub fn is_sound(&self) -> bool {
        self.scenario.is_some() && self.diagnostics.iter().all(|d| d.severity != Severity::Error)
    }
}

/// Reads a scenario, what it includes, and the files of data that it names.
///
/// Never fails as a whole: faults are findings, each with its file and line.
pub fn read(files: &dyn FileSource, path: &Path) -> ScenarioImport {
    let mut reader = Reader {
        files,
        findings: Vec::new(),
        read: Vec::new(),
        places: BTreeMap::new(),
        top: Map::new(),
        layers: Vec::new(),
        wanted: Vec::new(),
        file: path.to_string_lossy().into_owned().into(),
        folder: PathBuf::new(),
    };
    let opened = reader.include(path, &mut Vec::new(), None);
    let Reader { mut findings, read, mut places, top, layers, wanted, .. } = reader;
    if !opened {
        return ScenarioImport { scenario: None, data: ScenarioData::default(), diagnostics: findings, files: read };
    }
    places.insert(String::new(), SourceRef::new(path.to_string_lossy().as_ref(), 1));
    let mut read_files = read;
    let told = |name: &str| top.get("weather").and_then(|w| w.get(name)).and_then(Json::as_f64);
    let place = told("latitude_deg").zip(told("longitude_deg")).map(|(lat, lon)| LonLat::new(lon, lat));
    let data = data::read(files, &wanted, place, &mut findings, &mut read_files);
    let scenario = finish(top, layers, places, path, &mut findings);
    consistency::check(&scenario, &data, &mut findings);
    let order = |d: &Diagnostic| d.source.as_ref().map_or((String::new(), 0), |s| (s.file.to_string(), s.line));
    findings.sort_by_key(order);
    ScenarioImport { scenario: Some(scenario), data, diagnostics: findings, files: read_files }
}

/// A value of a parameter that was given as a text of its own, as JSON.
///
/// # Errors
/// What a file that said so would be told.
pub(super) fn check_value(parameter: &'static Parameter, text: &str, place: &SourceRef) -> Result<Json, Vec<Diagnostic>> {
    let node = match tree::parse(text) {
        Ok(node) => node.unwrap_or(Node { line: 0, value: Value::Null }),
        Err(e) => {
            let what = Diagnostic::error("SCENARIO.TEXT.SYNTAX", format!("\"{text}\" is no value"));
            return Err(vec![what.at(place).detail(format!("{}.", e.what.trim_end_matches('.'))).hint("quote it")]);
        }
    };
    let mut reader = Reader {
        files: &crate::MemoryFiles::new(),
        findings: Vec::new(),
        read: Vec::new(),
        places: BTreeMap::new(),
        top: Map::new(),
        layers: Vec::new(),
        wanted: Vec::new(),
        file: place.file.clone(),
        folder: PathBuf::new(),
    };
    match reader.value(parameter, node, parameter.name) {
        Some(value) => Ok(value),
        None => Err(reader.findings),
    }
}

/// A file of data that the scenario names.
pub(super) struct Wanted {
    pub kind: FileKind,
    /// As the values of the scenario name it.
    pub name: String,
    pub at: SourceRef,
}

struct Reader<'a> {
    files: &'a dyn FileSource,
    findings: Vec<Diagnostic>,
    read: Vec<PathBuf>,
    places: BTreeMap<String, SourceRef>,
    top: Map<String, Json>,
    /// Kind, name, body and place of each layer.
    layers: Vec<(&'static Section, Map<String, Json>, SourceRef)>,
    wanted: Vec<Wanted>,
    /// The file that is being read, and its folder.
    file: std::sync::Arc<str>,
    folder: PathBuf,
}

/// Folders that lead back are taken out, so that one file has one name.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

impl Reader<'_> {
    fn at(&self, line: u32) -> SourceRef {
        SourceRef::new(self.file.clone(), line)
    }

    /// Reads a file and what it includes; false when it gave nothing.
    fn include(&mut self, path: &Path, within: &mut Vec<PathBuf>, from: Option<SourceRef>) -> bool {
        let path = normal(path);
        let shown = path.display().to_string();
        let at = from.clone().unwrap_or_else(|| SourceRef::new(shown.as_str(), 0));
        if within.contains(&path) {
            let names: Vec<String> = within.iter().chain([&path]).map(|p| p.display().to_string()).collect();
            let what = Diagnostic::error("SCENARIO.INCLUDE.CIRCLE", format!("{shown} includes itself"));
            self.findings.push(what.at(&at).detail(format!("{}.", names.join(" includes "))).hint("remove one of the includes"));
            return false;
        }
        if self.read.len() >= MAX_INCLUDES {
            let what = Diagnostic::error("SCENARIO.INCLUDE.TOO_MANY", format!("more than {MAX_INCLUDES} files are included"));
            self.findings.push(what.at(&at).hint("put files together"));
            return false;
        }
        let bytes = match self.files.read(&path) {
            Ok(bytes) => bytes,
            Err(e) => {
                let what = Diagnostic::error("SCENARIO.FILE.MISSING", format!("cannot open {shown}"));
                let what = what.at(&at).detail(format!("The system says: {e}."));
                self.findings.push(what.hint("correct the path, which counts from the folder of the file that names it"));
                return false;
            }
        };
        self.read.push(path.clone());
        let (outer_file, outer_folder) = (self.file.clone(), self.folder.clone());
        self.file = shown.as_str().into();
        self.folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        within.push(path);
        let good = self.file(&bytes, within);
        within.pop();
        (self.file, self.folder) = (outer_file, outer_folder);
        good
    }

    fn file(&mut self, bytes: &[u8], within: &mut Vec<PathBuf>) -> bool {
        if bytes.len() > MAX_BYTES {
            let what = Diagnostic::error("SCENARIO.TEXT.TOO_LARGE", format!("the file is larger than {} MB", MAX_BYTES >> 20));
            self.findings.push(what.at(&self.at(0)).hint("keep data in files of their own"));
            return false;
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => {
                let line = bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() as u32 + 1;
                let what = Diagnostic::error("SCENARIO.TEXT.SYNTAX", "the file is no text in UTF-8");
                self.findings.push(what.at(&self.at(line)).hint("save it as UTF-8"));
                return false;
            }
        };
        let root = match tree::parse(text) {
            Ok(root) => root,
            Err(e) => {
                let what = Diagnostic::error("SCENARIO.TEXT.SYNTAX", "the file is neither YAML nor JSON");
                self.findings.push(
                    what.at(&self.at(e.line))
                        .detail(format!("{}.", e.what.trim_end_matches('.')))
                        .hint("look at this line and the one before"),
                );
                return false;
            }
        };
        let Some(Node { value: Value::Map(entries), .. }) = root else {
            let kind = root.map_or("nothing", |n| n.value.kind());
            let what = Diagnostic::error("SCENARIO.TEXT.SYNTAX", format!("the file holds {kind}, not parameters"));
            self.findings.push(what.at(&self.at(1)).hint("begin with `scenario:` and a name"));
            return false;
        };
        // What is included comes first: its layers below, its values where this file says none.
        for entry in entries.iter().filter(|e| e.key == "include") {
            let names: Vec<(String, u32)> = match &entry.node.value {
                Value::Text(name) => vec![(name.clone(), entry.node.line)],
                Value::List(list) => list.iter().filter_map(|n| text_of(n).map(|t| (t, n.line))).collect(),
                _ => Vec::new(),
            };
            if names.is_empty() {
                self.wrong_type("include", "one path or a list of paths", &entry.node);
            }
            for (name, line) in names {
                let (path, from) = (self.folder.join(name), self.at(line));
                self.include(&path, within, Some(from));
            }
        }
        let (mut own, mut layers) = (Vec::new(), None);
        for entry in entries {
            match entry.key.as_str() {
                "include" => {}
                "layers" => layers = Some(entry),
                _ => own.push(entry),
            }
        }
        let given = self.values(&SCENARIO, own, "", &["include", "layers"], false);
        self.top.extend(given);
        if let Some(entry) = layers {
            self.layers(entry);
        }
        true
    }

    fn layers(&mut self, entry: Entry) {
        let list = match entry.node.value {
            Value::List(list) => list,
            Value::Null => Vec::new(),
            _ => {
                self.wrong_type("layers", "a list of layers", &entry.node);
                return;
            }
        };
        for node in list {
            let line = node.line;
            let Value::Map(mut entries) = node.value else {
                self.wrong_type("layers", "a layer: its kind and its parameters", &node);
                continue;
            };
            if entries.len() != 1 {
                let keys: Vec<&str> = entries.iter().map(|e| e.key.as_str()).collect();
                let what = Diagnostic::error("SCENARIO.LAYER.SHAPE", "a layer is one kind with its parameters below it");
                let what = what.at(&self.at(line)).detail(format!("Here stand: {}.", keys.join(", ")));
                self.findings.push(what.hint("write `- ev:` and the parameters on the lines below, farther in"));
                // A layer whose parameters stand beside its kind is the usual slip; nothing more can be said of it.
                continue;
            }
            let Some(entry) = entries.pop() else { continue };
            let Some(section) = LAYERS.iter().copied().find(|l| l.name == entry.key) else {
                let names: Vec<&str> = LAYERS.iter().map(|l| l.name).collect();
                let what = Diagnostic::error("SCENARIO.LAYER.UNKNOWN", format!("there is no layer \"{}\"", short(&entry.key)));
                let what = what.at(&self.at(entry.line)).detail(format!("Layers: {}.", names.join(", ")));
                self.findings.push(match nearest(&entry.key, &names) {
                    Some(near) => what.hint(format!("\"{near}\" is nearest")),
                    None => what.hint("choose one of the layers"),
                });
                continue;
            };
            let path = format!("layers[{}].{}", self.layers.len(), section.name);
            let at = self.at(entry.line);
            self.places.insert(path.clone(), at.clone());
            let body = match entry.node.value {
                Value::Map(entries) => self.values(section, entries, &path, &[], true),
                Value::Null => self.values(section, Vec::new(), &path, &[], true),
                _ => {
                    self.wrong_type(section.name, "parameters", &entry.node);
                    self.values(section, Vec::new(), &path, &[], true)
                }
            };
            self.layers.push((section, body, at));
        }
    }

    /// The values of a section; with `whole` defaults are filled in and what is missing is told.
    fn values(&mut self, section: &'static Section, entries: Vec<Entry>, path: &str, besides: &[&str], whole: bool) -> Map<String, Json> {
        let mut out = Map::new();
        let mut faulty = Vec::new();
        let opens = entries.first().map(|e| e.line);
        for entry in entries {
            let Some(parameter) = section.parameter(&entry.key) else {
                self.unknown(section, &entry, besides);
                if let Some(meant) = nearest(&entry.key, &section.parameters.iter().map(|p| p.name).collect::<Vec<_>>()) {
                    faulty.push(meant);
                }
                continue;
            };
            let here = join(path, parameter.name);
            self.places.insert(here.clone(), self.at(entry.line));
            if out.contains_key(parameter.name) {
                let what = Diagnostic::error("SCENARIO.PARAMETER.TWICE", format!("{} is told twice", parameter.name));
                self.findings.push(what.at(&self.at(entry.line)).hint("remove one of them"));
                continue;
            }
            match self.value(parameter, entry.node, &here) {
                Some(value) => {
                    out.insert(parameter.name.to_owned(), value);
                }
                None => faulty.push(parameter.name),
            }
        }
        if !whole {
            return out;
        }
        let line = self.places.get(path).cloned().or_else(|| opens.map(|l| self.at(l)));
        for parameter in section.parameters {
            if out.contains_key(parameter.name) {
                continue;
            }
            if parameter.default.is_none() && !faulty.contains(&parameter.name) {
                let what = Diagnostic::error("SCENARIO.PARAMETER.MISSING", format!("{} needs {}", section.name, parameter.name));
                let what = line.as_ref().map_or(what.clone(), |at| what.at(at));
                self.findings.push(what.detail(parameter.meaning).hint(format!("add `{}:`", parameter.name)));
            }
            out.insert(parameter.name.to_owned(), default_of(parameter));
        }
        for group in section.one_of {
            let told = |name: &&str| !faulty.is_empty() && faulty.contains(name) || out.get(*name).is_some_and(|v| !is_nothing(v));
            if !group.iter().any(told) {
                let what = Diagnostic::error("SCENARIO.PARAMETER.MISSING", format!("{} needs {}", section.name, group.join(" or ")));
                let what = line.as_ref().map_or(what.clone(), |at| what.at(at));
                self.findings.push(what.hint("say one of them"));
            }
        }
        out
    }

    fn unknown(&mut self, section: &'static Section, entry: &Entry, besides: &[&str]) {
        let names: Vec<&str> = section.parameters.iter().map(|p| p.name).chain(besides.iter().copied()).collect();
        let key = short(&entry.key);
        let what = Diagnostic::error("SCENARIO.PARAMETER.UNKNOWN", format!("{} has no parameter \"{key}\"", section.name));
        let what = what.at(&self.at(entry.line));
        self.findings.push(match nearest(&entry.key, &names) {
            Some(near) => what.hint(format!("\"{near}\" is nearest")),
            None => what.detail(format!("Parameters: {}.", names.join(", "))).hint("`gridtwin scenario schema` lists them"),
        });
    }

    fn wrong_type(&mut self, name: &str, expected: &str, node: &Node) {
        let what = Diagnostic::error("SCENARIO.VALUE.TYPE", format!("{name} is {}, not {expected}", node.value.kind()));
        self.findings.push(what.at(&self.at(node.line)).hint(format!("write {expected}")));
    }

    fn out_of_range(&mut self, name: &str, line: u32, value: f64, (low, high): (f64, f64), above: bool) {
        let (what, bound) = match (value > high, above) {
            (true, _) => ("more than", high),
            (false, true) => ("not above", low),
            (false, false) => ("less than", low),
        };
        let what = Diagnostic::error("SCENARIO.VALUE.RANGE", format!("{name} is {value}, {what} {bound}"));
        let from = if above { "above " } else { "" };
        self.findings.push(what.at(&self.at(line)).hint(format!("it lies from {from}{low} to {high}")));
    }

    /// A number, which may be written with its unit.
    fn number(&mut self, parameter: &Parameter, node: &Node, (low, high): (f64, f64), above: bool) -> Option<f64> {
        let value = match &node.value {
            Value::Number(value) => *value,
            Value::Text(text) => match quantity(text, parameter) {
                Ok(value) => value,
                Err(QuantityFault::NoNumber) => {
                    let unit = parameter.unit().map_or(String::new(), |u| format!(" of {}", u.shown));
                    self.wrong_type(parameter.name, &format!("a number{unit}"), node);
                    return None;
                }
                Err(QuantityFault::Unit { unit, known }) => {
                    let what =
                        Diagnostic::error("SCENARIO.UNIT.UNKNOWN", format!("{} is no quantity in \"{}\"", parameter.name, short(&unit)));
                    let what = what.at(&self.at(node.line));
                    self.findings.push(match known[..] {
                        [] => what.hint("it is a plain number"),
                        _ => what.hint(format!("units: {}", known.join(", "))),
                    });
                    return None;
                }
            },
            _ => {
                self.wrong_type(parameter.name, "a number", node);
                return None;
            }
        };
        if value > high || value < low || (above && value <= low) {
            self.out_of_range(parameter.name, node.line, value, (low, high), above);
            return None;
        }
        Some(value)
    }

    fn whole(&mut self, name: &str, node: &Node, (low, high): (i64, i64)) -> Option<Json> {
        let Value::Number(value) = node.value else {
            self.wrong_type(name, "a whole number", node);
            return None;
        };
        if value.fract() != 0.0 || value.abs() > 9_007_199_254_740_991.0 {
            self.wrong_type(name, "a whole number", node);
            return None;
        }
        if (low..=high).contains(&(value as i64)) {
            Some(Json::from(value as i64))
        } else {
            self.out_of_range(name, node.line, value, (low as f64, high as f64), false);
            None
        }
    }

    fn texts(&mut self, name: &str, node: &Node, path: &str) -> Option<Vec<String>> {
        let list = match &node.value {
            Value::List(list) => list.as_slice(),
            Value::Null => &[],
            _ => std::slice::from_ref(node),
        };
        let mut out = Vec::new();
        for n in list {
            match text_of(n).filter(|t| !t.is_empty()) {
                Some(text) => {
                    self.places.insert(format!("{path}[{}]", out.len()), self.at(n.line));
                    out.push(text);
                }
                None => {
                    self.wrong_type(name, "a list of names", n);
                    return None;
                }
            }
        }
        Some(out)
    }

    /// The value of a parameter as JSON; `None` with a finding when it is at fault.
    fn value(&mut self, parameter: &'static Parameter, node: Node, path: &str) -> Option<Json> {
        if matches!(node.value, Value::Null) && parameter.default.is_some() {
            return Some(default_of(parameter));
        }
        match parameter.form {
            Form::Number(low, high) => self.number(parameter, &node, (low, high), false).map(Json::from),
            Form::Above(low, high) => self.number(parameter, &node, (low, high), true).map(Json::from),
            Form::Whole(low, high) => self.whole(parameter.name, &node, (low, high)),
            Form::Flag => match node.value {
                Value::Flag(flag) => Some(Json::from(flag)),
                _ => {
                    self.wrong_type(parameter.name, "true or false", &node);
                    None
                }
            },
            Form::Text | Form::AnyText => match text_of(&node) {
                Some(text) if parameter.form == Form::AnyText || !text.trim().is_empty() => Some(Json::from(text)),
                _ => {
                    self.wrong_type(parameter.name, "a text", &node);
                    None
                }
            },
            Form::Choice(choices) => {
                let Some(text) = text_of(&node) else {
                    self.wrong_type(parameter.name, &format!("one of {}", choices.join(", ")), &node);
                    return None;
                };
                if choices.contains(&text.as_str()) {
                    return Some(Json::from(text));
                }
                let what = Diagnostic::error("SCENARIO.VALUE.UNKNOWN", format!("{} is \"{}\"", parameter.name, short(&text)));
                let what = what.at(&self.at(node.line)).detail(format!("It is one of: {}.", choices.join(", ")));
                self.findings.push(match nearest(&text, choices) {
                    Some(near) => what.hint(format!("\"{near}\" is nearest")),
                    None => what.hint("choose one of them"),
                });
                None
            }
            Form::Day => {
                let day = text_of(&node).and_then(|t| consistency::day_of_year(&t).map(|_| t));
                if day.is_none() {
                    self.wrong_type(parameter.name, "a day of the year as MM-DD, without the 29th of February", &node);
                }
                day.map(Json::from)
            }
            Form::File(kind) => {
                let Some(text) = text_of(&node).filter(|t| !t.is_empty()) else {
                    self.wrong_type(parameter.name, "the path of a file", &node);
                    return None;
                };
                let name = normal(&self.folder.join(text)).to_string_lossy().into_owned();
                self.wanted.push(Wanted { kind, name: name.clone(), at: self.at(node.line) });
                Some(Json::from(name))
            }
            Form::Numbers { lengths, min, max } => self.numbers(parameter, node, lengths, (min, max)),
            Form::Wholes => {
                let list = match node.value {
                    Value::List(list) => list,
                    _ => vec![node],
                };
                let all: Vec<Json> =
                    list.iter().filter_map(|n| self.whole(parameter.name, n, (i64::from(i32::MIN), i64::from(i32::MAX)))).collect();
                (all.len() == list.len()).then(|| Json::from(all))
            }
            Form::Texts => self.texts(parameter.name, &node, path).map(Json::from),
            Form::Weights => {
                let Value::Map(entries) = node.value else {
                    self.wrong_type(parameter.name, "names with numbers", &node);
                    return None;
                };
                let mut out = Map::new();
                for entry in &entries {
                    self.places.insert(format!("{path}.{}", entry.key), self.at(entry.line));
                    let weight = self.number(parameter, &entry.node, (0.0, 1e9), false)?;
                    out.insert(entry.key.clone(), Json::from(weight));
                }
                Some(Json::Object(out))
            }
            Form::Object(section) => {
                let Value::Map(entries) = node.value else {
                    self.wrong_type(parameter.name, "parameters of its own", &node);
                    return None;
                };
                Some(Json::Object(self.values(section, entries, path, &[], true)))
            }
            Form::Objects(section) => {
                let Value::List(list) = node.value else {
                    self.wrong_type(parameter.name, "a list, each item with parameters of its own", &node);
                    return None;
                };
                let mut out = Vec::new();
                for (i, item) in list.into_iter().enumerate() {
                    let inner = format!("{path}[{i}]");
                    self.places.insert(inner.clone(), self.at(item.line));
                    let Value::Map(entries) = item.value else {
                        self.wrong_type(parameter.name, "a list, each item with parameters of its own", &item);
                        return None;
                    };
                    out.push(Json::Object(self.values(section, entries, &inner, &[], true)));
                }
                Some(Json::from(out))
            }
        }
    }

    fn numbers(&mut self, parameter: &'static Parameter, node: Node, lengths: &[usize], bounds: (f64, f64)) -> Option<Json> {
        let Value::List(list) = &node.value else {
            self.wrong_type(parameter.name, "a list of numbers", &node);
            return None;
        };
        let mut good = true;
        let mut out = Vec::with_capacity(list.len());
        for n in list {
            match self.number(parameter, n, bounds, false) {
                Some(value) => out.push(value),
                None => good = false,
            }
        }
        if !lengths.is_empty() && !lengths.contains(&list.len()) {
            let wanted: Vec<String> = lengths.iter().map(usize::to_string).collect();
            let what = format!("{} has {} values, not {}", parameter.name, list.len(), wanted.join(" or "));
            self.findings.push(Diagnostic::error("SCENARIO.VALUE.LENGTH", what).at(&self.at(node.line)).hint(parameter.meaning));
            good = false;
        }
        good.then(|| Json::from(out))
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A word as messages show it.
fn short(word: &str) -> String {
    let mut text: String = word.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if word.chars().count() > 40 {
        text.push('…');
    }
    text
}

/// Text, or what was written without quotes and looks like something else.
fn text_of(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Flag(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// The default of a parameter with the defaults of what is in it; of one that must be told, a value that stands for nothing.
fn default_of(parameter: &Parameter) -> Json {
    let Some(text) = parameter.default else {
        return match parameter.form {
            Form::Number(low, _) => Json::from(low),
            Form::Above(low, high) => Json::from((low + 1.0).min(high)),
            Form::Whole(low, _) => Json::from(low),
            Form::Choice(choices) => Json::from(choices.first().copied().unwrap_or_default()),
            Form::Texts | Form::Wholes | Form::Objects(_) | Form::Numbers { .. } => Json::from(Vec::<Json>::new()),
            Form::Flag => Json::from(false),
            _ => Json::from(""),
        };
    };
    let value: Json = serde_json::from_str(text).unwrap_or(Json::Null);
    fill(parameter.form, value)
}

/// Fills the defaults of sections in.
fn fill(form: Form, value: Json) -> Json {
    match (form, value) {
        (Form::Object(section), Json::Object(mut map)) => {
            for p in section.parameters {
                if !map.contains_key(p.name) {
                    map.insert(p.name.to_owned(), default_of(p));
                }
            }
            Json::Object(map)
        }
        (Form::Objects(section), Json::Array(list)) => list.into_iter().map(|v| fill(Form::Object(section), v)).collect(),
        (_, value) => value,
    }
}

/// All of a section with its defaults.
#[cfg(test)]
pub(super) fn defaults_of(section: &'static Section) -> Map<String, Json> {
    section.parameters.iter().map(|p| (p.name.to_owned(), default_of(p))).collect()
}

fn typed<T: DeserializeOwned>(value: Json) -> T {
    serde_json::from_value(value).expect("the table of parameters has the form of the structures, which a test shows")
}

pub(super) fn kind_of(section: &'static Section, mut body: Map<String, Json>) -> LayerKind {
    body.remove("name");
    let mut outer = Map::new();
    outer.insert(section.name.to_owned(), Json::Object(body));
    typed(Json::Object(outer))
}

/// The scenario of the values; layers without a name are called as their kind, with a number where there are several.
fn finish(
    mut top: Map<String, Json>,
    layers: Vec<(&'static Section, Map<String, Json>, SourceRef)>,
    places: BTreeMap<String, SourceRef>,
    path: &Path,
    findings: &mut Vec<Diagnostic>,
) -> Scenario {
    let all = SourceRef::new(path.to_string_lossy().as_ref(), 1);
    for parameter in SCENARIO.parameters {
        if !top.contains_key(parameter.name) {
            if parameter.default.is_none() && !places.contains_key(parameter.name) {
                let what = Diagnostic::error("SCENARIO.PARAMETER.MISSING", format!("the file needs {}", parameter.name));
                findings.push(what.at(&all).detail(parameter.meaning).hint(format!("add `{}:`", parameter.name)));
            }
            top.insert(parameter.name.to_owned(), default_of(parameter));
        }
    }
    let mut named: Vec<Layer> = Vec::new();
    for (section, body, source) in layers {
        let told = body.get("name").and_then(Json::as_str).map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned);
        let taken = |name: &str, named: &[Layer]| named.iter().any(|l| l.name == name);
        let name = match told {
            Some(name) if taken(&name, &named) => {
                let what = Diagnostic::error("SCENARIO.LAYER.TWICE", format!("two layers are called \"{}\"", short(&name)));
                findings.push(what.at(&source).hint("give each a name of its own"));
                name
            }
            Some(name) => name,
            None => (1..)
                .map(|i| if i == 1 { section.name.to_owned() } else { format!("{}_{i}", section.name) })
                .find(|n| !taken(n, &named))
                .unwrap_or_default(),
        };
        named.push(Layer { name, source, what: kind_of(section, body) });
    }
    let mut take = |name: &str| top.remove(name).unwrap_or(Json::Null);
    Scenario {
        name: typed(take("scenario")),
        description: typed(take("description")),
        seed: typed(take("seed")),
        year: typed(take("year")),
        first_weekday: typed::<Weekday>(take("first_weekday")),
        step_min: typed(take("step_min")),
        weather: typed::<Option<WeatherSource>>(take("weather")),
        customers: typed::<Customers>(take("customers")),
        layers: named,
        places,
    }
}
