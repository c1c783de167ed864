//! Samples as lines that InfluxDB reads.
//!
//! ```text
//! measurement,tag=value,… value=402.5,validity="good",flags=0i 1790000000000000000
//! ```
//!
//! After InfluxDB's reference, "Line protocol": in a measurement commas and spaces are escaped with a backslash, in tags and names of fields
//! the equals sign too; in a text in quotes the quote and the backslash. There is no way to write a line end in a tag, a tag that ends in a
//! backslash, an empty tag, or a float that is not finite. Points that would need the first two are refused, empty tags are left out as the
//! reference asks, and of a float that is not finite the quality is written and the value counted among what was left out. Times are in ns.

use super::sample::Entry;
use network::Diagnostic;
use scada::point::{Validity, Value};
use std::fmt::Write;

/// Where the samples of one point go: measurement and tags, escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(String);

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub lines: u64,
    /// Values that no line can carry: not a number, infinite.
    pub values_left_out: u64,
}

impl Target {
    /// A measurement and tags by name. They are sorted, which InfluxDB takes faster.
    ///
    /// # Errors
    /// `HISTORY.LINE.UNWRITABLE` for each name or value that the format cannot hold.
    pub fn new(measurement: &str, tags: &[(&str, &str)]) -> Result<Self, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        let mut check = |what: &str, text: &str| {
            let why = if text.is_empty() {
                "it is empty"
            } else if text.chars().any(char::is_control) {
                "it holds a line end or another control character"
            } else if text.ends_with('\\') {
                "it ends in a backslash"
            } else {
                return;
            };
            faults.push(
                Diagnostic::error("HISTORY.LINE.UNWRITABLE", format!("{what} \"{}\" cannot be written: {why}", text.escape_debug()))
                    .hint("Give it another name."),
            );
        };
        check("measurement", measurement);
        let mut tags: Vec<_> = tags.iter().filter(|(_, value)| !value.is_empty()).collect();
        tags.sort();
        for (name, value) in &tags {
            check("tag", name);
            check("value of a tag", value);
        }
        // A line that begins so is a comment.
        if measurement.starts_with('#') {
            faults.push(
                Diagnostic::error("HISTORY.LINE.UNWRITABLE", format!("measurement \"{measurement}\" would be read as a comment"))
                    .hint("Give it another name."),
            );
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut line = String::new();
        escape(&mut line, measurement, &[',', ' ']);
        for (name, value) in tags {
            line.push(',');
            escape(&mut line, name, &[',', ' ', '=']);
            line.push('=');
            escape(&mut line, value, &[',', ' ', '=']);
        }
        Ok(Self(line))
    }
}

fn escape(out: &mut String, text: &str, special: &[char]) {
    for c in text.chars() {
        if special.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Appends a line for each sample.
pub fn write(out: &mut String, target: &Target, entries: &[Entry]) -> Written {
    let mut written = Written::default();
    for entry in entries {
        out.push_str(&target.0);
        out.push(' ');
        match &entry.value {
            Some(Value::Float(x)) if !x.is_finite() => written.values_left_out += 1,
            Some(value) => field(out, value),
            None => {}
        }
        let validity = match entry.quality.validity {
            Validity::Good => "good",
            Validity::Questionable => "questionable",
            Validity::Invalid => "invalid",
        };
        // Nanoseconds of the year 2200 are beyond 64 bits in no case: 2262 is the end.
        let ns = i128::from(entry.time.us) * 1000;
        let _ = writeln!(out, "validity=\"{validity}\",flags={}i {ns}", entry.quality.flags.0);
        written.lines += 1;
    }
    written
}

/// The value and a comma. Each kind has a field of its own, because InfluxDB refuses a field that changes its kind.
fn field(out: &mut String, value: &Value) {
    let _ = match value {
        Value::Bool(on) => write!(out, "on={on},"),
        Value::DoublePoint(d) => write!(out, "position={}i,", d.bits()),
        Value::Integer(i) => write!(out, "integer={i}i,"),
        // The shortest text that reads back as the same number.
        Value::Float(x) => write!(out, "value={x:?},"),
        Value::Step { position, moving } => write!(out, "step={position}i,moving={moving},"),
        Value::Bits(b) => write!(out, "bits={b}i,"),
        Value::Counter { count, sequence, carry, adjusted } => {
            write!(out, "count={count}i,period={sequence}i,carry={carry},adjusted={adjusted},")
        }
        Value::Text(text) => {
            out.push_str("text=\"");
            escape(out, text, &['"', '\\']);
            write!(out, "\",")
        }
    };
}
