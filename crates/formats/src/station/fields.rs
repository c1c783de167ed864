//! Fields of a mapping, taken one by one; what is missing, of the wrong kind or left over becomes a finding.

use crate::scenario::nearest;
use network::document::tree::{Entry, MAX_BYTES, Node, Value, parse};
use network::{BusId, Diagnostic, ElementId, EquipmentPart, Network, Severity, SourceRef};
use std::collections::HashMap;
use std::sync::Arc;

/// What all of a file's fields share.
pub struct Context<'a> {
    pub network: &'a Network,
    pub file: Arc<str>,
    pub findings: Vec<Diagnostic>,
    elements: HashMap<String, ElementId>,
}

impl<'a> Context<'a> {
    pub fn new(network: &'a Network, file: &str) -> Self {
        let elements = network.order.iter().map(|&id| (network.full_name(id), id)).collect();
        Self { network, file: file.into(), findings: Vec::new(), elements }
    }

    pub fn at(&self, line: u32) -> SourceRef {
        SourceRef::new(Arc::clone(&self.file), line)
    }

    pub fn error(&mut self, line: u32, code: &str, message: String, hint: impl Into<String>) {
        let found = Diagnostic::error(code, message).at(&self.at(line)).hint(hint);
        self.findings.push(found);
    }

    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|d| d.severity == Severity::Error)
    }

    /// The entries of the list `key` of a file that has no other fields than `also`.
    pub fn list_of(&mut self, text: &str, key: &str, also: &[&str]) -> (Vec<Node>, HashMap<String, Node>) {
        let nothing = (Vec::new(), HashMap::new());
        if text.len() > MAX_BYTES {
            self.error(0, "STATION.FILE.SIZE", format!("the file has {} bytes", text.len()), format!("{MAX_BYTES} bytes are the most"));
            return nothing;
        }
        let root = match parse(text) {
            Ok(root) => root,
            Err(fault) => {
                self.error(
                    fault.line,
                    "STATION.FILE.SYNTAX",
                    format!("this is no YAML: {}", fault.what),
                    "mend the indentation, brackets or quotes there",
                );
                return nothing;
            }
        };
        let Some(Node { value: Value::Map(entries), line }) = root else {
            self.error(1, "STATION.FILE.SYNTAX", "the file is no mapping".to_owned(), format!("begin with `{key}:`"));
            return nothing;
        };
        let mut fields = Fields { entries, line, what: "the file".to_owned() };
        let list = fields.list(self, key);
        let also = also.iter().filter_map(|&k| fields.take(k).map(|e| (k.to_owned(), e.node))).collect();
        fields.end(self);
        (list, also)
    }
}

/// The fields of one mapping that were not taken yet.
pub struct Fields {
    entries: Vec<Entry>,
    pub line: u32,
    /// What it is about, for messages.
    pub what: String,
}

impl Fields {
    /// The fields of a mapping; a finding if it is none.
    pub fn of(context: &mut Context<'_>, node: Node, what: impl Into<String>) -> Option<Self> {
        let what = what.into();
        match node.value {
            Value::Map(mut entries) => {
                let mut seen: Vec<String> = Vec::new();
                let mut twice = Vec::new();
                // The first one counts; the second would be told again as one that nobody took.
                entries.retain(|e| {
                    let is_first = !seen.contains(&e.key);
                    if is_first {
                        seen.push(e.key.clone())
                    } else {
                        twice.push((e.line, e.key.clone()))
                    }
                    is_first
                });
                for (line, key) in twice {
                    context.error(line, "STATION.FIELD.TWICE", format!("{what}: `{key}` stands there twice"), "leave one of them out");
                }
                Some(Self { entries, line: node.line, what })
            }
            other => {
                context.error(node.line, "STATION.FIELD.KIND", format!("{what} is {}", other.kind()), "a mapping of fields is expected");
                None
            }
        }
    }

    pub fn take(&mut self, key: &str) -> Option<Entry> {
        let at = self.entries.iter().position(|e| e.key == key)?;
        Some(self.entries.remove(at))
    }

    fn needed(&mut self, context: &mut Context<'_>, key: &str) -> Option<Entry> {
        let found = self.take(key);
        if found.is_none() {
            context.error(self.line, "STATION.FIELD.MISSING", format!("{} has no `{key}`", self.what), format!("add `{key}:`"));
        }
        found
    }

    fn wrong(&self, context: &mut Context<'_>, entry: &Entry, expected: &str) {
        let message = format!("{}: `{}` is {}", self.what, entry.key, entry.node.value.kind());
        context.error(entry.line, "STATION.FIELD.KIND", message, format!("{expected} is expected"));
    }

    pub fn text(&mut self, context: &mut Context<'_>, key: &str) -> Option<(String, u32)> {
        let entry = self.needed(context, key)?;
        match &entry.node.value {
            Value::Text(text) if !text.trim().is_empty() => Some((text.clone(), entry.line)),
            // An id such as 81 is a word that looks like a number.
            Value::Number(number) => Some((number.to_string(), entry.line)),
            _ => {
                self.wrong(context, &entry, "a text");
                None
            }
        }
    }

    /// A number within `low ..= high`.
    pub fn number(&mut self, context: &mut Context<'_>, key: &str, low: f64, high: f64) -> Option<f64> {
        let entry = self.needed(context, key)?;
        match entry.node.value {
            Value::Number(number) if (low..=high).contains(&number) => Some(number),
            Value::Number(number) => {
                let message = format!("{}: `{key}` is {number}", self.what);
                context.error(entry.line, "STATION.FIELD.RANGE", message, format!("{low} to {high} is possible; check the unit"));
                None
            }
            _ => {
                self.wrong(context, &entry, "a number");
                None
            }
        }
    }

    pub fn list(&mut self, context: &mut Context<'_>, key: &str) -> Vec<Node> {
        let Some(entry) = self.needed(context, key) else { return Vec::new() };
        match entry.node.value {
            Value::List(list) => list,
            _ => {
                self.wrong(context, &entry, "a list");
                Vec::new()
            }
        }
    }

    /// One of some words.
    pub fn word<T: Copy>(&mut self, context: &mut Context<'_>, key: &str, words: &[(&'static str, T)]) -> Option<T> {
        let (text, line) = self.text(context, key)?;
        let found = words.iter().find(|(w, _)| *w == text).map(|(_, t)| *t);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(w, _)| *w).collect();
            let message = format!("{}: `{key}` is \"{text}\"", self.what);
            context.error(line, "STATION.WORD.UNKNOWN", message, format!("it is one of {}", known.join(", ")));
        }
        found
    }

    /// A bus of the network.
    pub fn bus(&mut self, context: &mut Context<'_>, key: &str) -> Option<BusId> {
        let (text, line) = self.text(context, key)?;
        let found = context.network.bus_id(&text);
        if found.is_none() {
            let names: Vec<&str> = context.network.buses.iter().map(|b| b.name.as_str()).collect();
            unknown(context, line, "STATION.BUS.UNKNOWN", format!("{}: the model has no bus \"{text}\"", self.what), &text, &names);
        }
        found
    }

    /// An element of the network, or with `:1` one of its terminals.
    pub fn part(&mut self, context: &mut Context<'_>, key: &str) -> Option<EquipmentPart> {
        let (text, line) = self.text(context, key)?;
        part(context, &self.what, &text, line)
    }

    pub fn element(&mut self, context: &mut Context<'_>, key: &str) -> Option<ElementId> {
        self.part(context, key).map(|p| p.element)
    }

    /// A list of elements, or of their terminals; what is unknown is left out and told.
    pub fn parts(&mut self, context: &mut Context<'_>, key: &str) -> Vec<EquipmentPart> {
        let list = self.list(context, key);
        let mut parts = Vec::new();
        for node in list {
            match node.value {
                Value::Text(text) => parts.extend(part(context, &self.what, &text, node.line)),
                other => {
                    let message = format!("{}: an entry of `{key}` is {}", self.what, other.kind());
                    context.error(node.line, "STATION.FIELD.KIND", message, "the name of an element, `class.name`, is expected");
                }
            }
        }
        parts
    }

    /// Tells what was not taken.
    pub fn end(self, context: &mut Context<'_>) {
        for entry in self.entries {
            let message = format!("{} knows no `{}`", self.what, entry.key);
            context.error(entry.line, "STATION.FIELD.UNKNOWN", message, "correct the word, or leave it out");
        }
    }
}

fn unknown(context: &mut Context<'_>, line: u32, code: &str, message: String, text: &str, names: &[&str]) {
    let hint = match nearest(&text.to_lowercase(), names) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "correct the name".to_owned(),
    };
    context.error(line, code, message, hint);
}

fn part(context: &mut Context<'_>, what: &str, text: &str, line: u32) -> Option<EquipmentPart> {
    let (name, terminal) = match text.split_once(':') {
        Some((name, terminal)) => (name, Some(terminal)),
        None => (text, None),
    };
    let Some(&element) = context.elements.get(&name.to_lowercase()) else {
        let names: Vec<String> = context.elements.keys().cloned().collect();
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.sort_unstable();
        let message = format!("{what}: the model has no element \"{name}\"");
        unknown(context, line, "STATION.ELEMENT.UNKNOWN", message, name, &names);
        return None;
    };
    let count = context.network.common(element).terminals.len();
    let terminal = match terminal.map(str::parse::<usize>) {
        None => None,
        Some(Ok(t)) if (1..=count).contains(&t) => Some(t - 1),
        _ => {
            context.error(
                line,
                "STATION.TERMINAL.UNKNOWN",
                format!("{what}: {name} has no such terminal: \"{text}\""),
                format!("it has 1 to {count}"),
            );
            return None;
        }
    };
    Some(EquipmentPart { element, terminal })
}
