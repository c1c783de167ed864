//! Taking a mapping apart, key by key, with every fault told and its line.

use network::document::nearest;
use network::document::tree::{Entry, Node, Value};
use network::{Diagnostic, SourceRef};
use std::cell::RefCell;
use std::sync::Arc;

/// Findings of one file.
pub struct Findings {
    pub file: Arc<str>,
    pub found: RefCell<Vec<Diagnostic>>,
}

impl Findings {
    pub fn at(&self, line: u32) -> SourceRef {
        SourceRef::new(self.file.clone(), line)
    }

    pub fn add(&self, finding: Diagnostic, line: u32) {
        self.found.borrow_mut().push(finding.at(&self.at(line)));
    }
}

/// A mapping whose keys are asked for one by one. What nobody asked for is unknown.
pub struct Fields<'a> {
    pub findings: &'a Findings,
    /// What it is, for messages: `point "bay.v"`.
    pub of: String,
    pub line: u32,
    entries: &'a [Entry],
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    /// `None`, and told, when the node is no mapping.
    pub fn new(findings: &'a Findings, of: impl Into<String>, node: &'a Node) -> Option<Self> {
        let of = of.into();
        let Value::Map(entries) = &node.value else {
            let what = format!("{of} is {}, and should be a mapping of keys to values", node.value.kind());
            findings.add(Diagnostic::error("DEVICE.VALUE.KIND", what).hint("write `key: value` lines below it"), node.line);
            return None;
        };
        for (i, entry) in entries.iter().enumerate() {
            if let Some(first) = entries[..i].iter().find(|e| e.key == entry.key) {
                let what = Diagnostic::error("DEVICE.KEY.TWICE", format!("{of} has the key \"{}\" twice", entry.key));
                findings.add(what.detail(format!("It stands in line {} already.", first.line)).hint("keep one of them"), entry.line);
            }
        }
        Some(Self { findings, of, line: node.line, entries, asked: RefCell::default() })
    }

    /// The same under a better name.
    #[must_use]
    pub fn named(mut self, of: String) -> Self {
        self.of = of;
        self
    }

    /// The value of a key that is there and not null.
    pub fn get(&self, key: &'static str) -> Option<&'a Node> {
        self.asked.borrow_mut().push(key);
        self.entries.iter().find(|e| e.key == key).map(|e| &e.node).filter(|n| n.value != Value::Null)
    }

    pub fn line_of(&self, key: &str) -> u32 {
        self.entries.iter().find(|e| e.key == key).map_or(self.line, |e| e.line)
    }

    fn kind_fault(&self, key: &str, node: &Node, wanted: &str) {
        let what = format!("{} of {} is {}, and should be {wanted}", key, self.of, told(&node.value));
        self.findings.add(Diagnostic::error("DEVICE.VALUE.KIND", what).hint(format!("give {wanted}")), node.line);
    }

    /// A text; numbers are taken as they read.
    pub fn text(&self, key: &'static str) -> Option<String> {
        let node = self.get(key)?;
        match &node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => {
                self.kind_fault(key, node, "a text");
                None
            }
        }
    }

    /// Told when it is missing.
    pub fn needed_text(&self, key: &'static str, example: &str) -> Option<String> {
        self.need(key, example);
        self.text(key)
    }

    pub fn need(&self, key: &'static str, example: &str) -> bool {
        let is_there = self.get(key).is_some();
        if !is_there {
            let what = Diagnostic::error("DEVICE.KEY.MISSING", format!("{} has no \"{key}\"", self.of));
            self.findings.add(what.hint(format!("add `{key}: {example}`")), self.line);
        }
        is_there
    }

    pub fn flag(&self, key: &'static str) -> Option<bool> {
        let node = self.get(key)?;
        if let Value::Flag(flag) = node.value {
            return Some(flag);
        }
        self.kind_fault(key, node, "true or false");
        None
    }

    pub fn number(&self, key: &'static str) -> Option<f64> {
        let node = self.get(key)?;
        if let Value::Number(number) = node.value {
            return Some(number);
        }
        self.kind_fault(key, node, "a number");
        None
    }

    /// A number from `low` to `high`, both allowed.
    pub fn number_within(&self, key: &'static str, low: f64, high: f64) -> Option<f64> {
        let number = self.number(key)?;
        if (low..=high).contains(&number) {
            return Some(number);
        }
        self.range_fault(key, number, low, high);
        None
    }

    pub fn whole_within(&self, key: &'static str, low: u32, high: u32) -> Option<u32> {
        let number = self.number(key)?;
        if number.fract() == 0.0 && (f64::from(low)..=f64::from(high)).contains(&number) {
            return Some(number as u32);
        }
        self.range_fault(key, number, f64::from(low), f64::from(high));
        None
    }

    fn range_fault(&self, key: &str, number: f64, low: f64, high: f64) {
        let what = format!("{key} of {} is {number}, which is not within {low} to {high}", self.of);
        let finding = Diagnostic::error("DEVICE.VALUE.RANGE", what).hint("correct the number, or see whether its unit is right");
        self.findings.add(finding, self.line_of(key));
    }

    /// One of some words.
    pub fn word<T: Copy>(&self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(key)?;
        if let Some((_, value)) = words.iter().find(|(w, _)| w.eq_ignore_ascii_case(&text)) {
            return Some(*value);
        }
        let names: Vec<&str> = words.iter().map(|(w, _)| *w).collect();
        self.word_fault(key, &text, &names);
        None
    }

    pub fn word_fault(&self, key: &str, text: &str, names: &[&str]) {
        let near = nearest(text, names).map_or(String::new(), |n| format!("; the nearest is \"{n}\""));
        let what = Diagnostic::error("DEVICE.VALUE.UNKNOWN_WORD", format!("{key} of {} is \"{text}\", which is no choice{near}", self.of));
        self.findings.add(what.hint(format!("choose from {}", names.join(", "))), self.line_of(key));
    }

    pub fn list(&self, key: &'static str) -> &'a [Node] {
        match self.get(key) {
            None => &[],
            Some(Node { value: Value::List(list), .. }) => list,
            Some(node) => {
                self.kind_fault(key, node, "a list");
                &[]
            }
        }
    }

    pub fn map(&self, key: &'static str) -> Option<Fields<'a>> {
        Fields::new(self.findings, format!("{key} of {}", self.of), self.get(key)?)
    }

    /// Names and numbers of a mapping with keys of the writer's own.
    pub fn entries(&self) -> &'a [Entry] {
        self.entries
    }

    /// Tells the keys that nobody asked for.
    pub fn finish(self) {
        let asked = self.asked.into_inner();
        for entry in self.entries.iter().filter(|e| !asked.contains(&e.key.as_str())) {
            let near = nearest(&entry.key, &asked).map_or(String::new(), |n| format!("; the nearest is \"{n}\""));
            let what = Diagnostic::error("DEVICE.KEY.UNKNOWN", format!("{} knows no key \"{}\"{near}", self.of, entry.key));
            self.findings.add(what.hint("correct the key, or remove it; docs/scada.md lists them"), entry.line);
        }
    }
}

fn told(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("the text \"{}\"", text.chars().take(40).collect::<String>()),
        Value::Number(number) => format!("the number {number}"),
        other => other.kind().to_owned(),
    }
}
