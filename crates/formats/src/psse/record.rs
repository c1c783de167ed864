//! A record: items under the names of their fields.

use super::layout::Group;
use super::lex::{self, Item};
use network::Diagnostic;
use std::cell::{Cell, RefCell};

/// Why a record cannot be used; boxed, for it is rare.
pub type Fault = Box<Diagnostic>;

/// Value that stands for a field that was left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    Real(f64),
    Integer(i64),
    Text(&'static str),
}

impl std::fmt::Display for Default {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Real(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value}"),
        }
    }
}

/// One record of a group. Fields that the version has and the record leaves out are noted.
#[derive(Debug)]
pub struct Record<'a> {
    pub group: Group,
    names: &'a [&'a str],
    items: Vec<Item<'a>>,
    /// Line of the file, or row of the table.
    pub line: u32,
    /// Fields are mostly asked for in their order: where the last was found.
    last: Cell<usize>,
    pub defaulted: RefCell<Vec<(&'static str, Default)>>,
}

impl<'a> Record<'a> {
    pub fn new(group: Group, names: &'a [&'a str], items: Vec<Item<'a>>, line: u32) -> Self {
        Self { group, names, items, line, last: Cell::new(0), defaulted: RefCell::new(Vec::new()) }
    }

    fn position(&self, name: &str) -> Option<usize> {
        let from = self.last.get();
        let found = self.names.iter().skip(from).position(|n| *n == name).map(|i| from + i);
        let found = found.or_else(|| self.names.iter().take(from).position(|n| *n == name))?;
        self.last.set(found);
        Some(found)
    }

    /// The version has this field.
    pub fn has(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// The item of a field, when there is one that is not empty.
    pub fn given(&self, name: &str) -> Option<&Item<'a>> {
        self.items.get(self.position(name)?).filter(|item| !item.empty)
    }

    /// The item, or notes that its default stands.
    fn given_or(&self, name: &'static str, default: Default) -> Option<&Item<'a>> {
        let given = self.given(name).filter(|item| item.quoted || !item.text.is_empty());
        if given.is_none() && self.has(name) {
            self.defaulted.borrow_mut().push((name, default));
        }
        given
    }

    /// A real number.
    pub fn real(&self, name: &'static str, default: f64) -> Result<f64, Fault> {
        match self.given_or(name, Default::Real(default)) {
            Some(item) => lex::number(&item.text).ok_or_else(|| self.unreadable(name, &item.text, "a number")),
            None => Ok(default),
        }
    }

    /// A real number that must not be negative.
    pub fn real_not_negative(&self, name: &'static str, default: f64) -> Result<f64, Fault> {
        let value = self.real(name, default)?;
        if value < 0.0 { Err(self.out_of_range(name, &value.to_string(), "zero or more")) } else { Ok(value) }
    }

    pub fn integer(&self, name: &'static str, default: i64) -> Result<i64, Fault> {
        match self.given_or(name, Default::Integer(default)) {
            Some(item) => lex::integer(&item.text).ok_or_else(|| self.unreadable(name, &item.text, "a whole number")),
            None => Ok(default),
        }
    }

    /// An integer of at most 32 bits.
    pub fn int32(&self, name: &'static str, default: i32) -> Result<i32, Fault> {
        let value = self.integer(name, i64::from(default))?;
        i32::try_from(value).map_err(|_| self.out_of_range(name, &value.to_string(), "a number of at most nine digits"))
    }

    /// A number of something: not negative.
    pub fn count(&self, name: &'static str, default: u32) -> Result<u32, Fault> {
        let value = self.integer(name, i64::from(default))?;
        u32::try_from(value).map_err(|_| self.out_of_range(name, &value.to_string(), "a whole number from 0"))
    }

    /// A code between two bounds.
    pub fn code(&self, name: &'static str, default: i64, allowed: std::ops::RangeInclusive<i64>) -> Result<i64, Fault> {
        let value = self.integer(name, default)?;
        if allowed.contains(&value) {
            return Ok(value);
        }
        Err(self.out_of_range(name, &value.to_string(), &format!("{} to {}", allowed.start(), allowed.end())))
    }

    /// 0 or 1.
    pub fn flag(&self, name: &'static str, default: bool) -> Result<bool, Fault> {
        Ok(self.code(name, i64::from(default), 0..=1)? == 1)
    }

    /// Text without blanks at its ends; empty when it was left out.
    pub fn text(&self, name: &str) -> String {
        self.given(name).map(|item| item.text.trim().to_owned()).unwrap_or_default()
    }

    /// An identifier; `1` when it was left out or blank.
    pub fn id(&self, name: &'static str) -> String {
        let id = self.text(name);
        if id.is_empty() {
            if self.has(name) {
                self.defaulted.borrow_mut().push((name, Default::Text("1")));
            }
            return "1".to_owned();
        }
        id
    }

    pub fn unreadable(&self, name: &str, text: &str, wanted: &str) -> Fault {
        let text: String = text.chars().take(40).collect();
        let fault =
            Diagnostic::error("RAW.FIELD.NUMBER", format!("{} of a {} record is not {wanted}", name.to_uppercase(), self.group.name()));
        let detail = if text.contains('*') {
            format!("It reads \"{text}\": the program that wrote the file had no room for the value.")
        } else {
            format!("It reads \"{text}\".")
        };
        Box::new(fault.detail(detail).hint("write the value as a plain number, and see that no column is shifted"))
    }

    pub fn out_of_range(&self, name: &str, value: &str, allowed: &str) -> Fault {
        let message = format!("{} of a {} record is {value}; it can be {allowed}", name.to_uppercase(), self.group.name());
        Box::new(Diagnostic::error("RAW.FIELD.RANGE", message).hint("correct the value, and see that no column is shifted"))
    }
}
