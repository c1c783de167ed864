//! Taking a mapping apart, key by key, with every fault told and its line.

use super::nearest;
use super::tree::{Entry, Node, Value};
use crate::{Diagnostic, SourceRef};
use std::cell::RefCell;
use std::sync::Arc;

/// What the faults of one kind of document are called, and the page that lists its keys.
#[derive(Debug)]
pub struct Codes {
    pub kind: &'static str,
    pub twice: &'static str,
    pub missing: &'static str,
    pub range: &'static str,
    pub unknown_word: &'static str,
    pub unknown_key: &'static str,
    /// As `docs/alarms.md`.
    pub page: &'static str,
}

/// Findings of one file.
#[derive(Debug)]
pub struct Findings {
    pub file: Arc<str>,
    pub codes: &'static Codes,
    pub found: RefCell<Vec<Diagnostic>>,
}

impl Findings {
    pub fn new(file: impl Into<Arc<str>>, codes: &'static Codes) -> Self {
        Self { file: file.into(), codes, found: RefCell::default() }
    }

    pub fn at(&self, line: u32) -> SourceRef {
        SourceRef::new(self.file.clone(), line)
    }

    pub fn add(&self, finding: Diagnostic, line: u32) {
        self.found.borrow_mut().push(finding.at(&self.at(line)));
    }
}

/// A mapping whose keys are asked for one by one. What nobody asked for is unknown.
#[derive(Debug)]
pub struct Fields<'a> {
    pub findings: &'a Findings,
    /// What it is, for messages: `alarm "tx1.oil"`.
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
            findings.add(Diagnostic::error(findings.codes.kind, what).hint("write `key: value` lines below it"), node.line);
            return None;
        };
        for (i, entry) in entries.iter().enumerate() {
            if let Some(first) = entries[..i].iter().find(|e| e.key == entry.key) {
                let finding = Diagnostic::error(findings.codes.twice, format!("{of} has the key \"{}\" twice", entry.key));
                findings.add(finding.detail(format!("It stands in line {} already.", first.line)).hint("keep one of them"), entry.line);
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

    pub fn kind_fault(&self, key: &str, node: &Node, wanted: &str) {
        let what = format!("{key} of {} is {}, and should be {wanted}", self.of, told(&node.value));
        self.findings.add(Diagnostic::error(self.findings.codes.kind, what).hint(format!("give {wanted}")), node.line);
    }

    pub fn range_fault(&self, key: &str, what: String, hint: &str) {
        let finding = Diagnostic::error(self.findings.codes.range, format!("{key} of {} is {what}", self.of));
        self.findings.add(finding.hint(hint), self.line_of(key));
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

    /// Tells a key that has to be there and is not.
    pub fn need(&self, key: &'static str, example: &str) -> bool {
        let is_there = self.get(key).is_some();
        if !is_there {
            let finding = Diagnostic::error(self.findings.codes.missing, format!("{} has no \"{key}\"", self.of));
            self.findings.add(finding.hint(format!("add `{key}: {example}`")), self.line);
        }
        is_there
    }

    pub fn needed_text(&self, key: &'static str, example: &str) -> Option<String> {
        if self.need(key, example) { self.text(key) } else { None }
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
        let what = format!("{number}, which is not within {low} to {high}");
        self.range_fault(key, what, "correct the number, or see whether its unit is right");
        None
    }

    /// A whole number from `low` to `high`, both allowed.
    pub fn whole_within(&self, key: &'static str, low: u32, high: u32) -> Option<u32> {
        let number = self.number_within(key, f64::from(low), f64::from(high))?;
        if number.fract() == 0.0 {
            return Some(number as u32);
        }
        self.range_fault(key, format!("{number}, which is no whole number"), "correct the number");
        None
    }

    /// One of some words.
    pub fn word<T: Copy>(&self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(key)?;
        self.one_word(key, &text, words, self.line_of(key))
    }

    fn one_word<T: Copy>(&self, key: &str, text: &str, words: &[(&'static str, T)], line: u32) -> Option<T> {
        if let Some((_, value)) = words.iter().find(|(w, _)| w.eq_ignore_ascii_case(text)) {
            return Some(*value);
        }
        let names: Vec<&str> = words.iter().map(|(w, _)| *w).collect();
        self.word_fault(key, text, &names, line);
        None
    }

    /// Tells a word that is none of those that can be chosen.
    pub fn word_fault(&self, key: &str, text: &str, names: &[&str], line: u32) {
        let what = format!("{key} of {} is \"{}\", which is no choice{}", self.of, cut(text), near(text, names));
        let finding = Diagnostic::error(self.findings.codes.unknown_word, what);
        self.findings.add(finding.hint(format!("choose from {}", names.join(", "))), line);
    }

    /// A value, or a list of values.
    pub fn one_or_many(&self, key: &'static str) -> &'a [Node] {
        match self.get(key) {
            None => &[],
            Some(Node { value: Value::List(list), .. }) => list,
            Some(node) => std::slice::from_ref(node),
        }
    }

    /// One word or a list of words; each that is none is told.
    pub fn words<T: Copy>(&self, key: &'static str, words: &[(&'static str, T)]) -> Vec<T> {
        let mut found = Vec::new();
        for node in self.one_or_many(key) {
            match &node.value {
                Value::Text(text) => found.extend(self.one_word(key, text, words, node.line)),
                _ => self.kind_fault(key, node, "a word or a list of words"),
            }
        }
        found
    }

    /// One text or a list of texts.
    pub fn texts(&self, key: &'static str) -> Vec<Arc<str>> {
        let mut found = Vec::new();
        for node in self.one_or_many(key) {
            match &node.value {
                Value::Text(text) => found.push(text.trim().into()),
                Value::Number(number) => found.push(number.to_string().into()),
                _ => self.kind_fault(key, node, "a text or a list of texts"),
            }
        }
        found
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

    /// All entries, for a mapping with keys of the writer's own.
    pub fn entries(&self) -> &'a [Entry] {
        self.entries
    }

    /// Tells the keys that nobody asked for.
    pub fn finish(self) {
        let asked = self.asked.into_inner();
        for entry in self.entries.iter().filter(|e| !asked.contains(&e.key.as_str())) {
            let near = near(&entry.key, &asked);
            let finding =
                Diagnostic::error(self.findings.codes.unknown_key, format!("{} knows no key \"{}\"{near}", self.of, cut(&entry.key)));
            self.findings.add(finding.hint(format!("correct the key, or remove it; {} lists them", self.findings.codes.page)), entry.line);
        }
    }
}

/// The end of a message that names what is near.
pub fn near(word: &str, names: &[&str]) -> String {
    nearest(word, names).map_or(String::new(), |n| format!("; the nearest is \"{n}\""))
}

/// A text short enough for a message.
pub fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

fn told(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("the text \"{}\"", cut(text)),
        Value::Number(number) => format!("the number {number}"),
        other => other.kind().to_owned(),
    }
}
