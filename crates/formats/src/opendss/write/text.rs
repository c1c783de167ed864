//! One command of a script, built property by property.

use std::fmt::Write as _;

use super::WriteError;

/// A number as a script says it: the shortest text that reads back as the same number.
pub fn number(x: f64) -> String {
    let size = x.abs();
    if size != 0.0 && !(1e-5..1e15).contains(&size) { format!("{x:e}") } else { format!("{x}") }
}

/// A word as a script says it, in quotes where it would come apart.
///
/// # Errors
/// `None` for a word with both kinds of quotes, or with a line break.
pub fn word(text: &str) -> Option<String> {
    let plain = |c: char| !c.is_whitespace() && !"=,\"'[](){}!|~@/\\".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        Some(text.to_owned())
    } else if text.contains(['\n', '\r']) {
        None
    } else if !text.contains('"') {
        Some(format!("\"{text}\""))
    } else if !text.contains('\'') {
        Some(format!("'{text}'"))
    } else {
        None
    }
}

/// A command that makes one object. Properties at their default are left unsaid.
pub struct Command {
    text: String,
    /// `class.name`.
    object: String,
    /// The first value that cannot be written.
    fault: Option<WriteError>,
}

impl Command {
    /// `verb class.name`, as in `New line.l1`.
    pub fn new(verb: &str, class: &str, name: &str) -> Self {
        let object = format!("{class}.{name}");
        let mut command = Self { text: String::new(), object, fault: None };
        let path = command.quoted("name", &command.object.clone());
        command.text = format!("{verb} {path}");
        command
    }

    /// A command without an object.
    pub fn bare(verb: &str) -> Self {
        Self { text: verb.to_owned(), object: verb.to_lowercase(), fault: None }
    }

    fn quoted(&mut self, property: &str, text: &str) -> String {
        word(text).unwrap_or_else(|| {
            self.fail(property, format!("the text {text:?} cannot be quoted"));
            String::new()
        })
    }

    fn fail(&mut self, property: &str, what: String) {
        let object = self.object.clone();
        self.fault.get_or_insert(WriteError::Unwritable { object, property: property.to_owned(), what });
    }

    /// Text as it stands.
    pub fn raw(&mut self, property: &str, text: impl std::fmt::Display) -> &mut Self {
        let _ = write!(self.text, " {property}={text}");
        self
    }

    /// A name or other text, quoted where needed.
    pub fn word(&mut self, property: &str, text: &str) -> &mut Self {
        let text = self.quoted(property, text);
        self.raw(property, text)
    }

    /// Text unless it is the default.
    pub fn word_unless(&mut self, property: &str, text: &str, default: &str) -> &mut Self {
        if text.eq_ignore_ascii_case(default) { self } else { self.word(property, text) }
    }

    fn finite(&mut self, property: &str, x: f64) -> String {
        if !x.is_finite() {
            self.fail(property, format!("{x} is no finite number"));
        }
        number(x)
    }

    /// A number.
    pub fn real(&mut self, property: &str, x: f64) -> &mut Self {
        let text = self.finite(property, x);
        self.raw(property, text)
    }

    /// A number unless it is the default.
    pub fn real_unless(&mut self, property: &str, x: f64, default: f64) -> &mut Self {
        if x == default { self } else { self.real(property, x) }
    }

    /// A number that is worked out from others by default: written where it is another, rounding aside.
    pub fn real_unless_near(&mut self, property: &str, x: f64, default: f64) -> &mut Self {
        if (x - default).abs() <= 1e-12 * default.abs() { self } else { self.real(property, x) }
    }

    pub fn integer_unless(&mut self, property: &str, x: i64, default: i64) -> &mut Self {
        if x == default { self } else { self.raw(property, x) }
    }

    pub fn flag_unless(&mut self, property: &str, x: bool, default: bool) -> &mut Self {
        if x == default { self } else { self.raw(property, if x { "yes" } else { "no" }) }
    }

    /// Numbers in brackets.
    pub fn reals(&mut self, property: &str, values: &[f64]) -> &mut Self {
        let texts: Vec<String> = values.iter().map(|&x| self.finite(property, x)).collect();
        self.raw(property, format!("[{}]", texts.join(" ")))
    }

    /// A square matrix by rows, `n` numbers a row.
    pub fn matrix(&mut self, property: &str, values: impl IntoIterator<Item = f64>, n: usize) -> &mut Self {
        let texts: Vec<String> = values.into_iter().map(|x| self.finite(property, x)).collect();
        let rows: Vec<String> = texts.chunks(n.max(1)).map(|row| row.join(" ")).collect();
        self.raw(property, format!("[{}]", rows.join(" | ")))
    }

    /// Words in brackets.
    pub fn words(&mut self, property: &str, words: impl IntoIterator<Item = impl AsRef<str>>) -> &mut Self {
        let texts: Vec<String> = words.into_iter().map(|w| self.quoted(property, w.as_ref())).collect();
        self.raw(property, format!("[{}]", texts.join(" ")))
    }

    /// Refuses the object: it has something that no property says.
    pub fn refuse(&mut self, property: &str, what: impl Into<String>) -> &mut Self {
        self.fail(property, what.into());
        self
    }

    /// The text of the command.
    ///
    /// # Errors
    /// The first value that cannot be written.
    pub fn finish(self) -> Result<String, WriteError> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_would_come_apart() {
        assert_eq!(word("p_1.2").as_deref(), Some("p_1.2"));
        assert_eq!(word("two words").as_deref(), Some("\"two words\""));
        assert_eq!(word("3' 4\"").as_deref(), None);
        assert_eq!(word("4\" pipe").as_deref(), Some("'4\" pipe'"));
    }

    #[test]
    fn numbers_read_back_as_themselves() {
        for x in [0.0, -0.5, 1e-7, 123456.789, 1e300, 0.1 + 0.2, 7199.557856794634] {
            assert_eq!(number(x).parse::<f64>().unwrap(), x);
        }
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        let mut c = Command::new("New", "load", "a");
        c.real("kW", 3.0).real("kvar", f64::NAN);
        let WriteError::Unwritable { object, property, .. } = c.finish().unwrap_err() else { panic!("unwritable") };
        assert_eq!((object.as_str(), property.as_str()), ("load.a", "kvar"));
    }
}
