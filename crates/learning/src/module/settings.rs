//! Choices of a module: declared with ranges and defaults, read from text or JSON, refused together.

use super::Refused;
use network::Diagnostic;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SettingKind {
    Number { low: f64, high: f64 },
    Count { low: u64, high: u64 },
    Choice { of: &'static [&'static str] },
    Flag,
    Text,
}

impl Eq for SettingKind {}

/// A choice of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    pub name: &'static str,
    #[serde(flatten)]
    pub kind: SettingKind,
    /// As it would be written; none where the setting may be left open.
    pub default: Option<&'static str>,
    pub unit: &'static str,
    pub meaning: &'static str,
}

/// A setting's value.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    Number(f64),
    Count(u64),
    Text(String),
    Flag(bool),
}

/// The settings of one question: each that was told or has a default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings(BTreeMap<&'static str, SettingValue>);

impl Settings {
    /// Reads what was told, as text.
    ///
    /// # Errors
    /// Names that no setting has, values that are none of the setting: all of them.
    pub fn read(declared: &'static [Setting], told: &BTreeMap<String, String>) -> Result<Self, Refused> {
        let mut faults = Refused::new();
        for name in told.keys().filter(|n| !declared.iter().any(|s| s.name == n.as_str())) {
            let names: Vec<&str> = declared.iter().map(|s| s.name).collect();
            let what = Diagnostic::error("LEARN.SETTING.UNKNOWN", format!("there is no setting \"{name}\""));
            faults.push(what.detail(if names.is_empty() { "There are none.".into() } else { format!("Settings: {}.", names.join(", ")) }));
        }
        let mut values = BTreeMap::new();
        for setting in declared {
            let Some(text) = told.get(setting.name).map(String::as_str).or(setting.default) else { continue };
            match value_of(setting, text.trim()) {
                Ok(value) => drop(values.insert(setting.name, value)),
                Err(must) => faults.push(
                    Diagnostic::error("LEARN.SETTING.VALUE", format!("{} cannot be \"{text}\"", setting.name))
                        .detail(format!("{}.", setting.meaning))
                        .hint(format!("Give {must}.")),
                ),
            }
        }
        if faults.is_empty() { Ok(Self(values)) } else { Err(faults) }
    }

    /// # Panics
    /// When no such setting with a default was declared, which is a bug; so do the others.
    pub fn number(&self, name: &str) -> f64 {
        self.maybe_number(name).expect("a declared number")
    }

    /// # Panics
    /// As [`Settings::number`].
    pub fn count(&self, name: &str) -> usize {
        self.maybe_count(name).expect("a declared count")
    }

    /// # Panics
    /// As [`Settings::number`].
    pub fn text(&self, name: &str) -> &str {
        self.maybe_text(name).expect("a declared text")
    }

    /// # Panics
    /// As [`Settings::number`].
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(SettingValue::Flag(true)))
    }

    pub fn maybe_number(&self, name: &str) -> Option<f64> {
        if let Some(SettingValue::Number(x)) = self.0.get(name) { Some(*x) } else { None }
    }

    pub fn maybe_count(&self, name: &str) -> Option<usize> {
        if let Some(SettingValue::Count(n)) = self.0.get(name) { usize::try_from(*n).ok() } else { None }
    }

    pub fn maybe_text(&self, name: &str) -> Option<&str> {
        if let Some(SettingValue::Text(t)) = self.0.get(name) { Some(t) } else { None }
    }

    /// For a card.
    pub fn shown(&self) -> Map<String, Value> {
        let value = |v: &SettingValue| match v {
            SettingValue::Number(x) => Value::from(*x),
            SettingValue::Count(n) => Value::from(*n),
            SettingValue::Text(t) => Value::from(t.as_str()),
            SettingValue::Flag(b) => Value::from(*b),
        };
        self.0.iter().map(|(name, v)| ((*name).to_owned(), value(v))).collect()
    }
}

/// The value, or what it must be.
fn value_of(setting: &Setting, text: &str) -> Result<SettingValue, String> {
    match setting.kind {
        SettingKind::Number { low, high } => {
            let x = text.parse::<f64>().ok().filter(|x| (low..=high).contains(x));
            let unit = if setting.unit.is_empty() { String::new() } else { format!(" {}", setting.unit) };
            x.map(SettingValue::Number).ok_or_else(|| format!("a number from {low} to {high}{unit}"))
        }
        SettingKind::Count { low, high } => {
            let n = text.parse::<u64>().ok().filter(|n| (low..=high).contains(n));
            n.map(SettingValue::Count).ok_or_else(|| format!("a whole number from {low} to {high}"))
        }
        SettingKind::Choice { of } => {
            of.contains(&text).then(|| SettingValue::Text(text.to_owned())).ok_or_else(|| format!("one of {}", of.join(", ")))
        }
        SettingKind::Flag => match text {
            "true" | "yes" => Ok(SettingValue::Flag(true)),
            "false" | "no" => Ok(SettingValue::Flag(false)),
            _ => Err("true or false".into()),
        },
        SettingKind::Text => Ok(SettingValue::Text(text.to_owned())),
    }
}
