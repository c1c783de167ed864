//! Lines of a RAW file into items.
//!
//! An item is what stands between separators. Commas separate, and so do blanks between two items:
//! writers leave commas out and mix both in one record. Two commas with nothing between them leave
//! an item empty, which means its default. Quotes (either kind) keep blanks, commas and slashes;
//! outside of them a slash ends the record.

use std::borrow::Cow;

/// One item of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Item<'a> {
    pub text: Cow<'a, str>,
    pub quoted: bool,
    /// Nothing between two commas.
    pub empty: bool,
}

impl Item<'_> {
    pub const EMPTY: Item<'static> = Item { text: Cow::Borrowed(""), quoted: false, empty: true };
}

/// One line in items.
#[derive(Clone, Debug, PartialEq)]
pub struct Items<'a> {
    pub items: Vec<Item<'a>>,
    /// What follows the slash.
    pub comment: Option<&'a str>,
    /// A quote is opened and not closed.
    pub open_quote: bool,
}

/// Splits a line into its items.
pub fn split(line: &str) -> Items<'_> {
    let bytes = line.as_bytes();
    let mut found = Items { items: Vec::new(), comment: None, open_quote: false };
    let mut at = 0;
    // Whether an item stands since the last comma.
    let mut filled = false;
    while at < bytes.len() {
        match bytes[at] {
            b'/' => {
                found.comment = Some(&line[at + 1..]);
                break;
            }
            b',' => {
                if !filled {
                    found.items.push(Item::EMPTY);
                }
                filled = false;
                at += 1;
            }
            b if b.is_ascii_whitespace() => at += 1,
            quote @ (b'\'' | b'"') => {
                let (text, end, closed) = quoted(line, at, quote);
                found.items.push(Item { text, quoted: true, empty: false });
                found.open_quote |= !closed;
                filled = true;
                at = end;
            }
            _ => {
                let start = at;
                while at < bytes.len() && !matches!(bytes[at], b',' | b'/' | b'\'' | b'"') && !bytes[at].is_ascii_whitespace() {
                    at += 1;
                }
                found.items.push(Item { text: Cow::Borrowed(&line[start..at]), quoted: false, empty: false });
                filled = true;
            }
        }
    }
    found
}

/// The text of the quotes that open at `start`, where the line goes on, and whether they are closed.
/// A quote closes when a separator follows: names hold apostrophes.
fn quoted(line: &str, start: usize, quote: u8) -> (Cow<'_, str>, usize, bool) {
    let bytes = line.as_bytes();
    let inside = start + 1;
    let closes = |at: usize| {
        let next = bytes.get(at + 1);
        next.is_none_or(|&b| b == b',' || b == b'/' || b.is_ascii_whitespace())
    };
    let quotes = || memchr::memchr_iter(quote, &bytes[inside..]).map(|i| i + inside);
    let end = quotes().find(|&at| closes(at)).or_else(|| quotes().next());
    match end {
        Some(end) => {
            let text = &line[inside..end];
            let doubled: String = [quote as char; 2].iter().collect();
            let text = if text.contains(&doubled) { Cow::Owned(text.replace(&doubled, &doubled[..1])) } else { Cow::Borrowed(text) };
            (text, end + 1, true)
        }
        None => (Cow::Borrowed(line[inside..].trim_end()), line.len(), false),
    }
}

/// A number as FORTRAN writes it: `1.0D+02` too. Infinite and undefined values are none.
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    // `inf`, `nan` and the like are words, not numbers, in such a file.
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E' | b'd' | b'D')) {
        return None;
    }
    let value: f64 = match text.find(['d', 'D']) {
        Some(_) => text.replace(['d', 'D'], "e").parse().ok()?,
        None => text.parse().ok()?,
    };
    value.is_finite().then_some(value)
}

/// An integer; one written as `1.0` too.
pub fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(value) = text.parse::<i64>() {
        return Some(value);
    }
    let value = number(text)?;
    (value.fract() == 0.0 && value.abs() < 9.0e15).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).items.iter().map(|i| if i.empty { "-".to_owned() } else { i.text.clone().into_owned() }).collect()
    }

    #[test]
    fn commas_and_blanks_separate_and_mix() {
        assert_eq!(texts(" 1, 2 , 3"), ["1", "2", "3"]);
        assert_eq!(texts("1 'Bus 1'   230.00   3 / a comment, with 'quotes"), ["1", "Bus 1", "230.00", "3"]);
        assert_eq!(texts("1.00000    0.00000, 3"), ["1.00000", "0.00000", "3"]);
        assert_eq!(texts("\"MULTERM_DC_1\" 4, 5"), ["MULTERM_DC_1", "4", "5"]);
    }

    #[test]
    fn nothing_between_commas_is_a_default() {
        assert_eq!(texts("1,,3,,"), ["1", "-", "3", "-"]);
        assert_eq!(texts(",0.1"), ["-", "0.1"]);
    }

    #[test]
    fn quotes_keep_what_they_hold() {
        assert_eq!(texts("'A/B, C', \"x'y\",'O'Brien' ,'it''s'"), ["A/B, C", "x'y", "O'Brien", "it's"]);
        assert!(split("1,'open").open_quote);
        assert!(!split("1,'closed'").open_quote);
    }

    #[test]
    fn numbers_of_fortran() {
        assert_eq!(number("1.0D+02"), Some(100.0));
        assert_eq!(number("-.5"), Some(-0.5));
        assert_eq!(integer("3.0"), Some(3));
        for bad in ["****", "inf", "nan", "1.2.3", "", "1e999", "0x1"] {
            assert_eq!(number(bad), None, "{bad}");
        }
        assert_eq!(integer("1.5"), None);
    }
}
