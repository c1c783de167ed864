//! Bytes to lines, lines to words: OpenDSS's rules of delimiters, quotes and comments.
//!
//! A word ends at a blank, tab, comma, equals sign or comment (`!`, `//`). A word that begins with
//! one of `( " ' [ {` ends at the matching `) " ' ] }`; quotes do not nest, a missing end mark
//! means the end of the line. A value that begins with `@` stands for a variable. Inside an array
//! the row mark `|` also delimits.

use std::borrow::Cow;
use std::collections::HashMap;

/// Why bytes are not a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotText {
    /// Line from 1 of the first byte that no text file has.
    pub line: u32,
    pub byte: u8,
}

/// The text of a file in UTF-8 (with or without mark), UTF-16 with mark, or else Windows-1252.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, NotText> {
    if let [0xFF, 0xFE, rest @ ..] = bytes {
        let units = rest.chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]]));
        return checked(Cow::Owned(char::decode_utf16(units).map(|c| c.unwrap_or('\u{FFFD}')).collect()));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => checked(Cow::Borrowed(text)),
        Err(_) => checked(Cow::Owned(bytes.iter().map(|&b| windows_1252(b)).collect())),
    }
}

/// Takes a stray control character, as old editors leave them, for a blank; refuses a text that
/// has more than one in two hundred bytes, which is no text.
fn checked(text: Cow<'_, str>) -> Result<Cow<'_, str>, NotText> {
    let is_bad = |b: u8| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r');
    let bytes = text.as_bytes();
    let Some(first) = bytes.iter().position(|&b| is_bad(b)) else { return Ok(text) };
    let count = bytes.iter().filter(|&&b| is_bad(b)).count();
    if count * 200 > bytes.len() {
        let line = bytes[..first].iter().filter(|&&b| b == b'\n').count() as u32 + 1;
        return Err(NotText { line, byte: bytes[first] });
    }
    Ok(Cow::Owned(text.chars().map(|c| if c.is_ascii() && is_bad(c as u8) { ' ' } else { c }).collect()))
}

fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•',
        '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => HIGH[byte as usize - 0x80],
        _ => byte as char,
    }
}

/// Lines without their ends, which may be `\n`, `\r\n` or `\r`.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        if text.is_empty() {
            rest = None;
            return None;
        }
        match text.as_bytes().iter().position(|&b| b == b'\n' || b == b'\r') {
            None => {
                rest = None;
                Some(text)
            }
            Some(end) => {
                let skip = if text.as_bytes()[end..].starts_with(b"\r\n") { 2 } else { 1 };
                rest = Some(&text[end + skip..]);
                Some(&text[..end])
            }
        }
    })
}

/// Script variables, `@name` in lower case with the text they stand for.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    values: HashMap<String, Variable>,
}

#[derive(Debug, Clone)]
struct Variable {
    text: String,
    /// Its definition uses variables, so that it is worked out when used, as in quotes.
    is_expression: bool,
}

impl Variables {
    pub fn set(&mut self, name: &str, text: &str) {
        let variable = Variable { text: text.to_string(), is_expression: text.contains('@') };
        self.values.insert(name.to_ascii_lowercase(), variable);
    }

    /// Puts a variable's text in place of `word` if it names one, up to a caret or else a dot:
    /// `@bus.1.2` is the variable `@bus` with `.1.2` after it.
    fn replace<'a>(&self, word: Word<'a>) -> Word<'a> {
        let text: &str = &word.text;
        if self.values.is_empty() || text.len() < 2 || !text.starts_with('@') {
            return word;
        }
        let end = text.find('^').or_else(|| text.find('.')).unwrap_or(text.len());
        match self.values.get(&text[..end].to_ascii_lowercase()) {
            None => word,
            Some(variable) => {
                Word { text: Cow::Owned(format!("{}{}", variable.text, &text[end..])), quoted: word.quoted || variable.is_expression }
            }
        }
    }

    /// The text of a name that may be a variable.
    pub fn expand(&self, text: &str) -> String {
        self.replace(Word { text: Cow::Borrowed(text), quoted: false }).text.into_owned()
    }
}

/// A word of a line or array.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Word<'a> {
    pub text: Cow<'a, str>,
    /// It stood in quotes or brackets, so that a number may be an expression.
    pub quoted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    Blank,
    Comma,
    Equals,
    Row,
    Comment,
}

/// Reads the words of one line, or of the text of an array.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    text: &'a str,
    position: usize,
    rows: bool,
    last: Delimiter,
    /// A quote or bracket had no end mark.
    open: bool,
}

/// Whether a line ends within quotes or brackets: OpenDSS takes the missing end mark for granted, but
/// at the end of a file it says that the file has been cut off.
pub fn ends_in_quotes(line: &str) -> bool {
    let mut words = Words::of_line(line);
    let variables = Variables::default();
    while words.next_word(&variables).is_some() {}
    words.open
}

impl<'a> Words<'a> {
    /// Words of a command line.
    pub fn of_line(text: &'a str) -> Words<'a> {
        let mut words = Words { text, position: 0, rows: false, last: Delimiter::Blank, open: false };
        words.skip_blanks();
        words
    }

    /// Words of an array; `|` also ends one.
    pub fn of_rows(text: &'a str) -> Words<'a> {
        Words { rows: true, ..Words::of_line(text) }
    }

    /// The next `name=value`, or a value alone with an empty name. An empty value means that no
    /// more follow, as OpenDSS takes it.
    pub fn next_pair(&mut self, variables: &Variables) -> (Cow<'a, str>, Word<'a>) {
        if self.position >= self.text.len() {
            return (Cow::Borrowed(""), Word::default());
        }
        self.last = Delimiter::Blank;
        let first = self.token();
        if self.last == Delimiter::Equals {
            let value = self.token();
            (first.text, variables.replace(value))
        } else {
            (Cow::Borrowed(""), variables.replace(first))
        }
    }

    /// The next word of an array and whether a row ends after it; `None` after the last.
    pub fn next_word(&mut self, variables: &Variables) -> Option<(Word<'a>, bool)> {
        if self.position >= self.text.len() {
            return None;
        }
        self.last = Delimiter::Blank;
        let word = self.token();
        Some((variables.replace(word), self.last == Delimiter::Row))
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a str {
        &self.text[self.position.min(self.text.len())..]
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.byte(self.position), Some(b' ' | b'\t')) {
            self.position += 1;
        }
    }

    fn delimiter(&self, at: usize) -> Option<Delimiter> {
        match self.byte(at)? {
            b'!' => Some(Delimiter::Comment),
            b'/' if self.byte(at + 1) == Some(b'/') => Some(Delimiter::Comment),
            b',' => Some(Delimiter::Comma),
            b'=' => Some(Delimiter::Equals),
            b'|' if self.rows => Some(Delimiter::Row),
            b' ' | b'\t' => Some(Delimiter::Blank),
            _ => None,
        }
    }

    fn token(&mut self) -> Word<'a> {
        let Some(first) = self.byte(self.position) else { return Word::default() };
        let end_quote = match first {
            b'(' => Some(b')'),
            b'[' => Some(b']'),
            b'{' => Some(b'}'),
            b'"' | b'\'' => Some(first),
            _ => None,
        };
        let word = if let Some(end_quote) = end_quote {
            let start = self.position + 1;
            let rest = &self.text.as_bytes()[start..];
            let end = rest.iter().position(|&b| b == end_quote).map(|i| start + i);
            self.open |= end.is_none();
            let end = end.unwrap_or(self.text.len());
            self.position = (end + 1).min(self.text.len());
            Word { text: Cow::Borrowed(&self.text[start..end]), quoted: true }
        } else {
            let start = self.position;
            while self.position < self.text.len() {
                if let Some(delimiter) = self.delimiter(self.position) {
                    self.last = delimiter;
                    break;
                }
                self.position += 1;
            }
            if self.position >= self.text.len() {
                self.last = Delimiter::Blank;
            }
            Word { text: Cow::Borrowed(&self.text[start..self.position]), quoted: false }
        };
        if self.last == Delimiter::Comment {
            self.position = self.text.len();
            return word;
        }
        // After a value in quotes the mark before it is still the last one seen, so that blanks
        // before a comma are skipped only where a blank came last: OpenDSS takes `a=(1) ,b=2` as
        // ending at the comma.
        if self.last == Delimiter::Blank {
            self.skip_blanks();
        }
        if let Some(delimiter @ (Delimiter::Comma | Delimiter::Equals | Delimiter::Row)) = self.delimiter(self.position) {
            self.last = delimiter;
            self.position += 1;
        }
        self.skip_blanks();
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(line: &str) -> Vec<(String, String)> {
        let variables = Variables::default();
        let mut words = Words::of_line(line);
        let mut all = Vec::new();
        loop {
            let (name, value) = words.next_pair(&variables);
            if value.text.is_empty() {
                return all;
            }
            all.push((name.into_owned(), value.text.into_owned()));
        }
    }

    fn check(line: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        assert_eq!(pairs(line), expected, "{line}");
    }

    #[test]
    fn words_end_at_blanks_commas_and_equals_signs() {
        check("new load.l kw = 3 pf =.7", &[("", "new"), ("", "load.l"), ("kw", "3"), ("pf", ".7")]);
        check("kw=3 , pf=.5", &[("kw", "3"), ("pf", ".5")]);
        check("  ~ 1,2\t3", &[("", "~"), ("", "1"), ("", "2"), ("", "3")]);
    }

    #[test]
    fn quotes_of_all_five_kinds_hold_blanks() {
        check("a=(1 2) b=[3 4] c={5 6} d=\"7 8\" e='9 0'", &[("a", "1 2"), ("b", "3 4"), ("c", "5 6"), ("d", "7 8"), ("e", "9 0")]);
        check("a=(1 2", &[("a", "1 2")]);
        check("a=b(c", &[("a", "b(c")]);
    }

    #[test]
    fn an_empty_value_ends_the_line() {
        check("kw=(3) ,pf=.5", &[("kw", "3")]);
        check("kw=\"3\",pf=.5", &[("kw", "3"), ("pf", ".5")]);
        check("kw=() pf=.7", &[]);
    }

    #[test]
    fn a_line_cut_off_within_brackets_is_told() {
        assert!(ends_in_quotes("New LineCode.c NPhases=2 RMatrix=[0.2 | 0.05"));
        assert!(ends_in_quotes("Redirect \"some file"));
        assert!(!ends_in_quotes("New LineCode.c RMatrix=[0.2 | 0.05 0.2] ! it's (all"));
        assert!(!ends_in_quotes("// isn't"));
        assert!(!ends_in_quotes(""));
    }

    #[test]
    fn comments_end_a_line_outside_of_quotes() {
        check("kw=3 ! pf=2", &[("kw", "3")]);
        check("kw=3//pf=2", &[("kw", "3")]);
        check("bus=a/b", &[("bus", "a/b")]);
        check("bus=\"a!b\" kw=1", &[("bus", "a!b"), ("kw", "1")]);
        check("// kw=3", &[]);
    }

    #[test]
    fn a_variable_stands_for_its_text_up_to_a_dot() {
        let mut variables = Variables::default();
        variables.set("@X", "q");
        variables.set("@y", "@x 2 *");
        let mut words = Words::of_line("@x.1.2 @z @y");
        assert_eq!(words.next_pair(&variables).1.text, "q.1.2");
        assert_eq!(words.next_pair(&variables).1.text, "@z");
        assert_eq!(words.next_pair(&variables).1, Word { text: "@x 2 *".into(), quoted: true });
    }

    #[test]
    fn lines_end_in_three_ways() {
        assert_eq!(lines("a\r\nb\n\nc\rd").collect::<Vec<_>>(), ["a", "b", "", "c", "d"]);
        assert_eq!(lines("").count(), 0);
    }

    #[test]
    fn bytes_of_several_encodings_are_read() {
        assert_eq!(decode(b"\xEF\xBB\xBFnew").unwrap(), "new");
        assert_eq!(decode(b"caf\xE9 \x93x\x94").unwrap(), "café “x”");
        assert_eq!(decode(b"\xFF\xFEa\0b\0").unwrap(), "ab");
        assert_eq!(decode(b"one\ntwo\0"), Err(NotText { line: 2, byte: 0 }));
        let long = format!("{}y\0\nz", "x".repeat(300));
        assert!(decode(long.as_bytes()).unwrap().ends_with("y \nz"));
    }
}
