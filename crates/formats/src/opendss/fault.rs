//! What can be wrong with a script, as fields; the findings are made of them.

use network::Diagnostic;
use network::Severity;
use thiserror::Error;

/// One thing wrong with a script. `Display` is the short message; [`Fault::diagnostic`] adds code,
/// detail and hint.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Fault {
    #[error("unknown command \"{found}\"")]
    UnknownCommand { found: String },
    #[error("unknown class \"{found}\"")]
    UnknownClass { found: String },
    #[error("unknown property \"{found}\" of class {class}")]
    UnknownProperty { class: &'static str, found: String },
    #[error("unknown option \"{found}\"")]
    UnknownOption { found: String },
    #[error("too many values without a name: class {class} has {count} properties")]
    TooManyValues { class: &'static str, count: usize, found: String },
    #[error("{class} \"{name}\" does not exist")]
    UnknownObject { class: String, name: String, property: Option<&'static str> },
    #[error("{class} \"{name}\" exists already")]
    Duplicate { class: &'static str, name: String },
    #[error("an object's name is missing")]
    NameMissing { class: &'static str },
    #[error("there is no circuit yet")]
    NoCircuit { command: String },
    #[error("there is a circuit already")]
    SecondCircuit { name: String },
    #[error("there is no active element")]
    NoActiveElement { found: String },
    #[error("{property}: \"{found}\" is not {expected}")]
    Unreadable { property: String, found: String, expected: Expected },
    #[error("{property}: {found} is out of range")]
    OutOfRange { property: String, found: f64, expected: &'static str },
    #[error("{property}: \"{found}\" is not exact, taken as \"{taken}\"")]
    Inexact { property: String, found: String, taken: String, known: Vec<&'static str> },
    #[error("{property} is not supported and would change the result")]
    RefusedProperty { property: &'static str, reason: &'static str },
    #[error("command {command} is not supported and would change the result")]
    RefusedCommand { command: &'static str, reason: &'static str },
    #[error("option {option} is not supported and would change the result")]
    RefusedOption { option: &'static str, found: String, reason: &'static str },
    #[error("file \"{name}\" cannot be read")]
    MissingFile { name: String, folder: String, reason: String },
    #[error("file \"{path}\" redirects to itself")]
    RedirectLoop { path: String, through: Vec<String> },
    #[error("too many redirects")]
    TooManyRedirects { limit: usize },
    #[error("the files have too many lines")]
    TooManyLines { limit: usize },
    #[error("the file is not text")]
    NotText { path: String, line: u32, byte: u8 },
    #[error("file \"{path}\" is empty")]
    EmptyFile { path: String },
    #[error("a number of file \"{path}\" cannot be read")]
    BadNumberInFile { path: String, line: u32, found: String },
    #[error("file \"{path}\" is cut short")]
    TruncatedFile { path: String, bytes: usize, width: usize },
    #[error("file \"{path}\" ends within brackets or quotes")]
    UnfinishedFile { path: String },
    #[error("the rest of the line is not read")]
    RestIgnored { rest: String },
    #[error("a comment that opens with /* is not closed")]
    CommentNotClosed,
    #[error("the element has been given too many values")]
    TooManyAssignments { limit: usize },
    #[error("the pattern \"{pattern}\" cannot be used")]
    BadPattern { pattern: String, reason: &'static str },
    #[error("bus \"{bus}\" does not exist at this point, so the command has no effect")]
    UnknownBus { bus: String },
    #[error("a variable's name begins with @")]
    BadVariable { found: String },
    #[error("the script makes no circuit")]
    CircuitMissing { path: String },
}

/// What a value should have been.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    Number,
    Integer,
    YesNo,
    Bus,
    OneOf(&'static [(&'static str, i32)]),
    NumberOf(&'static [(&'static str, i32)]),
    Time,
    Reset,
    Terminal,
    Coordinates,
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Expected::Number => f.write_str("a number"),
            Expected::Integer => f.write_str("an integer"),
            Expected::YesNo => f.write_str("yes or no"),
            Expected::Bus => f.write_str("a bus with node numbers (name.1.2.3)"),
            Expected::OneOf(words) => {
                f.write_str("one of ")?;
                join(f, words.iter().map(|w| w.0.to_string()))
            }
            Expected::NumberOf(words) => {
                f.write_str("one of ")?;
                join(f, words.iter().map(|w| format!("{} ({})", w.1, w.0)))
            }
            Expected::Time => f.write_str("a time (a number with s, m or h)"),
            Expected::Reset => f.write_str("one of monitors, meters, faults, controls, eventlog, keeplist"),
            Expected::Terminal => f.write_str("a terminal or conductor number"),
            Expected::Coordinates => f.write_str("a bus with two numbers"),
        }
    }
}

fn join(f: &mut std::fmt::Formatter<'_>, words: impl Iterator<Item = String>) -> std::fmt::Result {
    for (i, word) in words.enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        f.write_str(&word)?;
    }
    Ok(())
}

impl Fault {
    /// Stable code, `READ.SUBJECT.FAULT`.
    pub fn code(&self) -> &'static str {
        match self {
            Fault::UnknownCommand { .. } => "READ.COMMAND.UNKNOWN",
            Fault::UnknownClass { .. } => "READ.CLASS.UNKNOWN",
            Fault::UnknownProperty { .. } => "READ.PROPERTY.UNKNOWN",
            Fault::UnknownOption { .. } => "READ.OPTION.UNKNOWN",
            Fault::TooManyValues { .. } => "READ.PROPERTY.TOO_MANY_VALUES",
            Fault::UnknownObject { .. } => "READ.OBJECT.UNKNOWN",
            Fault::Duplicate { .. } => "READ.OBJECT.DUPLICATE",
            Fault::NameMissing { .. } => "READ.OBJECT.NAME_MISSING",
            Fault::NoCircuit { .. } | Fault::CircuitMissing { .. } => "READ.CIRCUIT.MISSING",
            Fault::SecondCircuit { .. } => "READ.CIRCUIT.SECOND",
            Fault::NoActiveElement { .. } => "READ.OBJECT.NONE_ACTIVE",
            Fault::Unreadable { .. } => "READ.VALUE.UNREADABLE",
            Fault::OutOfRange { .. } => "READ.VALUE.OUT_OF_RANGE",
            Fault::Inexact { .. } => "READ.VALUE.INEXACT",
            Fault::RefusedProperty { .. } => "READ.PROPERTY.REFUSED",
            Fault::RefusedCommand { .. } => "READ.COMMAND.REFUSED",
            Fault::RefusedOption { .. } => "READ.OPTION.REFUSED",
            Fault::MissingFile { .. } => "READ.FILE.MISSING",
            Fault::RedirectLoop { .. } => "READ.FILE.LOOP",
            Fault::TooManyRedirects { .. } => "READ.FILE.TOO_MANY",
            Fault::TooManyLines { .. } => "READ.FILE.TOO_LONG",
            Fault::NotText { .. } => "READ.FILE.NOT_TEXT",
            Fault::EmptyFile { .. } => "READ.FILE.EMPTY",
            Fault::BadNumberInFile { .. } => "READ.FILE.UNREADABLE_NUMBER",
            Fault::TruncatedFile { .. } | Fault::UnfinishedFile { .. } => "READ.FILE.TRUNCATED",
            Fault::RestIgnored { .. } => "READ.LINE.REST_IGNORED",
            Fault::CommentNotClosed => "READ.FILE.COMMENT_OPEN",
            Fault::TooManyAssignments { .. } => "READ.OBJECT.TOO_MANY_VALUES",
            Fault::BadPattern { .. } => "READ.PATTERN.UNREADABLE",
            Fault::UnknownBus { .. } => "READ.BUS.UNKNOWN",
            Fault::BadVariable { .. } => "READ.VARIABLE.NAME",
        }
    }

    /// Whether reading can only end here: what follows would not mean what it says.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Fault::MissingFile { .. }
                | Fault::RedirectLoop { .. }
                | Fault::TooManyRedirects { .. }
                | Fault::TooManyLines { .. }
                | Fault::NotText { .. }
                | Fault::TooManyAssignments { .. }
        )
    }

    /// Whether a lenient reading leaves out what is at fault and goes on with a warning.
    pub fn is_leaveable(&self) -> bool {
        matches!(
            self,
            Fault::UnknownProperty { .. }
                | Fault::UnknownOption { .. }
                | Fault::UnknownCommand { .. }
                | Fault::TooManyValues { .. }
                | Fault::RefusedProperty { .. }
                | Fault::RefusedCommand { .. }
                | Fault::RefusedOption { .. }
                | Fault::Duplicate { .. }
                | Fault::UnfinishedFile { .. }
        )
    }

    pub fn diagnostic(&self, severity: Severity) -> Diagnostic {
        let mut d = Diagnostic::new(self.code(), severity, self.to_string());
        if let Some(detail) = self.detail() {
            d = d.detail(detail);
        }
        if let Some(hint) = self.hint() {
            d = d.hint(hint);
        }
        d
    }

    fn detail(&self) -> Option<String> {
        match self {
            Fault::UnknownObject { property: Some(property), .. } => Some(format!("Property {property} names it.")),
            Fault::TooManyValues { found, .. } => Some(format!("The value without a property is \"{found}\".")),
            Fault::OutOfRange { expected, .. } => Some(format!("Expected is {expected}.")),
            Fault::Inexact { known, .. } => Some(format!("Known words: {}.", known.join(", "))),
            Fault::RefusedProperty { reason, .. } | Fault::RefusedCommand { reason, .. } | Fault::BadPattern { reason, .. } => {
                Some(format!("Reason: {reason}."))
            }
            Fault::RefusedOption { reason, found, .. } => Some(format!("The value is \"{found}\". Reason: {reason}.")),
            Fault::MissingFile { folder, reason, .. } => {
                Some(format!("Looked for from folder \"{folder}\", letters in either case: {reason}."))
            }
            Fault::RedirectLoop { through, .. } => Some(format!("Through: {}.", through.join(" > "))),
            Fault::TooManyRedirects { limit } | Fault::TooManyLines { limit } => Some(format!("The limit is {limit}.")),
            Fault::NotText { line, byte, path } => Some(format!("{path}, line {line}, holds the byte 0x{byte:02x}.")),
            Fault::BadNumberInFile { line, found, .. } => Some(format!("Line {line} holds \"{found}\".")),
            Fault::UnfinishedFile { .. } => {
                Some("Its last line opens a bracket or quote that nothing closes, as an interrupted copy leaves it.".to_string())
            }
            Fault::TruncatedFile { bytes, width, .. } => Some(format!("Its {bytes} bytes are not a whole number of {width}-byte numbers.")),
            Fault::RestIgnored { rest } => Some(format!("An empty value ends a line; after it stands \"{rest}\".")),
            Fault::TooManyAssignments { limit } => Some(format!("The limit is {limit}.")),
            _ => None,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Fault::UnknownObject { .. } => "Define it before it is used.",
            Fault::Duplicate { .. } => "Edit the first one, or give the second another name.",
            Fault::NoCircuit { .. } => "Begin with \"new circuit.name\".",
            Fault::CircuitMissing { .. } => "Read the master file, the one with \"new circuit.name\".",
            Fault::RefusedProperty { .. } | Fault::RefusedCommand { .. } | Fault::RefusedOption { .. } => {
                "Read with --lenient to leave it out."
            }
            Fault::UnfinishedFile { .. } => "Copy the file again, or close what is open.",
            Fault::NotText { .. } => "Scripts are text files; is this a binary one?",
            Fault::UnknownBus { .. } => "Buses are known after makebuslist, calcvoltagebases or solve.",
            _ => return None,
        };
        Some(hint.to_string())
    }
}

/// A script that could not be read: all that is wrong, in the order of reading.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{}", self.first())]
pub struct ReadError {
    /// Errors, and the warnings found on the way.
    pub diagnostics: Vec<Diagnostic>,
}

impl ReadError {
    fn first(&self) -> String {
        let errors = self.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        let count = errors.clone().count();
        let first = errors.map(Diagnostic::to_string).next().unwrap_or_default();
        if count > 1 { format!("{first}\n  and {} more errors", count - 1) } else { first }
    }
}
