//! Texts to typed values, as OpenDSS converts them.

use std::sync::Arc;

use num_complex::Complex64;

use super::class::{EnumDef, Range};
use super::fault::{Expected, Fault};
use super::object::{BusRef, Rows};
use super::rpn::Calculator;
use super::text::{Variables, Word, Words};

/// Converts words; holds what conversions need beside the text.
pub(crate) struct Converter<'a> {
    pub variables: &'a Variables,
    pub calculator: &'a mut Calculator,
}

/// A word of a set, and whether it was clearly that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    pub number: i32,
    pub exact: bool,
}

impl Converter<'_> {
    /// A number, or else an expression, quoted or not; an empty text is zero.
    pub fn real(&mut self, property: &str, text: &str) -> Result<f64, Fault> {
        match text.parse::<f64>() {
            Ok(number) => finite(property, text, number),
            Err(_) => self.expression(property, text),
        }
    }

    /// An integer; another number is rounded, halves to the even one.
    pub fn integer(&mut self, property: &str, text: &str) -> Result<i32, Fault> {
        if let Ok(number) = text.parse::<i32>() {
            return Ok(number);
        }
        let unreadable = || Fault::Unreadable { property: property.to_string(), found: clip(text), expected: Expected::Integer };
        if let Some(hex) = text.strip_prefix('$') {
            return i32::from_str_radix(hex, 16).map_err(|_| unreadable());
        }
        let number = self.real(property, text).map_err(|_| unreadable())?.round_ties_even();
        if number < f64::from(i32::MIN) || number > f64::from(i32::MAX) {
            return Err(unreadable());
        }
        Ok(number as i32)
    }

    /// A word of an array: an expression only if it stands in quotes.
    fn word_real(&mut self, property: &str, word: &Word<'_>) -> Result<f64, Fault> {
        if word.text.is_empty() {
            return Ok(0.0);
        }
        if let Ok(number) = word.text.parse::<f64>() {
            return finite(property, &word.text, number);
        }
        if word.quoted {
            return self.expression(property, &word.text);
        }
        Err(not_a_number(property, &word.text))
    }

    fn expression(&mut self, property: &str, text: &str) -> Result<f64, Fault> {
        let variables = self.variables;
        let mut words = Words::of_line(text);
        while let Some((word, _)) = words.next_word(variables) {
            if word.text.is_empty() {
                break;
            }
            match word.text.parse::<f64>() {
                Ok(number) => self.calculator.enter(number),
                Err(_) if self.calculator.apply(&word.text) => {}
                Err(_) => return Err(not_a_number(property, text)),
            }
        }
        finite(property, text, self.calculator.x())
    }

    /// Yes, no, true or false by the first letter; `None` if it is none of these.
    pub fn boolean(text: &str) -> Option<bool> {
        match text.bytes().next()?.to_ascii_lowercase() {
            b'y' | b't' => Some(true),
            b'n' | b'f' => Some(false),
            _ => None,
        }
    }

    pub fn reals(&mut self, property: &str, text: &str) -> Result<Arc<[f64]>, Fault> {
        let variables = self.variables;
        let mut words = Words::of_line(text);
        let mut numbers = Vec::new();
        while let Some((word, _)) = words.next_word(variables) {
            numbers.push(self.word_real(property, &word)?);
        }
        Ok(numbers.into())
    }

    /// Numbers up to the first row mark or gap.
    pub fn vector(&mut self, property: &str, text: &str) -> Result<Arc<[f64]>, Fault> {
        let variables = self.variables;
        let mut words = Words::of_rows(text);
        let mut numbers = Vec::new();
        while let Some((word, row_ends)) = words.next_word(variables) {
            if word.text.is_empty() {
                break;
            }
            numbers.push(self.word_real(property, &word)?);
            if row_ends {
                break;
            }
        }
        Ok(numbers.into())
    }

    pub fn slots(&mut self, property: &str, text: &str) -> Result<Arc<[Option<f64>]>, Fault> {
        let variables = self.variables;
        let mut words = Words::of_line(text);
        let mut numbers = Vec::new();
        while let Some((word, _)) = words.next_word(variables) {
            let gap = word.text.is_empty();
            numbers.push(if gap { None } else { Some(self.word_real(property, &word)?) });
        }
        Ok(numbers.into())
    }

    pub fn integers(&mut self, property: &str, text: &str) -> Result<Arc<[i32]>, Fault> {
        let variables = self.variables;
        let mut words = Words::of_line(text);
        let mut numbers = Vec::new();
        while let Some((word, _)) = words.next_word(variables) {
            numbers.push(if word.text.is_empty() { 0 } else { self.integer(property, &word.text)? });
        }
        Ok(numbers.into())
    }

    pub fn texts(&mut self, text: &str) -> Vec<String> {
        let variables = self.variables;
        let mut words = Words::of_line(text);
        let mut texts = Vec::new();
        while let Some((word, _)) = words.next_word(variables) {
            if word.text.is_empty() {
                break;
            }
            texts.push(word.text.into_owned());
        }
        texts
    }

    pub fn complex(&mut self, property: &str, text: &str) -> Result<Complex64, Fault> {
        let variables = self.variables;
        let mut words = Words::of_line(text);
        let mut part = || match words.next_word(variables) {
            Some((word, _)) => self.word_real(property, &word),
            None => Ok(0.0),
        };
        Ok(Complex64::new(part()?, part()?))
    }

    pub fn rows(&mut self, property: &str, text: &str) -> Result<Rows, Fault> {
        let variables = self.variables;
        let mut words = Words::of_rows(text);
        let mut rows = Vec::new();
        let mut row = Vec::new();
        while let Some((word, row_ends)) = words.next_word(variables) {
            if !word.text.is_empty() {
                row.push(self.word_real(property, &word)?);
            }
            if row_ends {
                rows.push(std::mem::take(&mut row).into_boxed_slice());
            }
        }
        if !row.is_empty() {
            rows.push(row.into_boxed_slice());
        }
        Ok(Rows(rows))
    }
}

/// A bus name with its nodes.
pub(crate) fn bus(property: &str, text: &str) -> Result<BusRef, Fault> {
    let bad = || Fault::Unreadable { property: property.to_string(), found: clip(text), expected: Expected::Bus };
    let (name, nodes) = match text.split_once('.') {
        None => (text, ""),
        Some((name, nodes)) => (name, nodes),
    };
    let name = name.trim();
    if name.is_empty() {
        return Err(bad());
    }
    let mut numbers = Vec::new();
    for node in nodes.split('.') {
        let node = node.trim();
        if node.is_empty() {
            break;
        }
        let number: i32 = node.parse().map_err(|_| bad())?;
        if number < 0 {
            return Err(bad());
        }
        numbers.push(number);
    }
    Ok(BusRef { name: Arc::from(name.to_lowercase()), nodes: numbers.into() })
}

/// The word of a set that a text means.
///
/// An exact one first. Else prefixes of the text, growing from one letter, are tried until one fits
/// a single word that is not shorter than the text, so that a misspelt end does no harm; such a
/// match is not `exact`. A text that only shortens a word is.
pub(crate) fn word_of(set: &EnumDef, text: &str) -> Option<Match> {
    let text = text.trim();
    if let Some(word) = set.words.iter().find(|w| w.0.eq_ignore_ascii_case(text)) {
        return Some(Match { number: word.1, exact: true });
    }
    if set.or_number
        && let Ok(number) = text.parse::<i32>()
    {
        return Some(Match { number, exact: true });
    }
    if !text.is_ascii() || set.or_number && text.len() < 2 {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let shortest = if set.first_match { 2 } else { 1 };
    for length in shortest..=lower.len() {
        let start = &lower[..length];
        let mut fits = set
            .words
            .iter()
            .filter(|(word, _)| (set.longer_allowed || word.len() >= lower.len()) && super::class::starts_with_ignore_case(word, start));
        let first = fits.next()?;
        if set.first_match || fits.next().is_none() {
            let exact = super::class::starts_with_ignore_case(first.0, &lower)
                || set.longer_allowed && super::class::starts_with_ignore_case(&lower, first.0);
            return Some(Match { number: first.1, exact });
        }
    }
    None
}

/// Checks a number against what its property takes.
pub(crate) fn in_range(property: &str, number: f64, range: Range) -> Result<(), Fault> {
    let (fits, expected) = match range {
        Range::Any | Range::PowerFactor => (true, ""),
        Range::NonNegative => (number >= 0.0, "zero or more"),
        Range::NonPositive => (number <= 0.0, "zero or less"),
        Range::NonZero => (number != 0.0, "a number other than zero"),
        Range::Positive => (number > 0.0, "more than zero"),
        Range::AtLeastTwo => (number > 1.0, "more than one"),
    };
    if fits { Ok(()) } else { Err(Fault::OutOfRange { property: property.to_string(), found: number, expected }) }
}

fn finite(property: &str, text: &str, number: f64) -> Result<f64, Fault> {
    if number.is_finite() { Ok(number) } else { Err(not_a_number(property, text)) }
}

fn not_a_number(property: &str, text: &str) -> Fault {
    Fault::Unreadable { property: property.to_string(), found: clip(text), expected: Expected::Number }
}

/// A text short enough for a message.
pub(crate) fn clip(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST { text.to_string() } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::super::class::enums;
    use super::*;

    fn with<T>(f: impl FnOnce(&mut Converter<'_>) -> T) -> T {
        f(&mut Converter { variables: &Variables::default(), calculator: &mut Calculator::default() })
    }

    #[test]
    fn numbers_are_read_as_opendss_reads_them() {
        for (text, number) in [("1e3", 1000.0), ("+5", 5.0), ("5.", 5.0), (".5", 0.5), ("1 2 +", 3.0), ("1, 2, +", 3.0), ("", 0.0)] {
            assert_eq!(with(|c| c.real("kw", text)), Ok(number), "{text}");
        }
        for text in ["abc", "1d3", "1_0", "inf", "nan", "1e400", "-4 sqrt", "kw:3", "0 inv"] {
            assert!(with(|c| c.real("kw", text)).is_err(), "{text}");
        }
    }

    #[test]
    fn integers_round_halves_to_the_even_one() {
        for (text, number) in [("2.5", 2), ("3.5", 4), ("0.9", 1), ("$10", 16), ("-1", -1)] {
            assert_eq!(with(|c| c.integer("phases", text)), Ok(number), "{text}");
        }
        assert!(with(|c| c.integer("npts", "1e12")).is_err());
    }

    #[test]
    fn arrays_take_brackets_inside_and_gaps() {
        assert_eq!(&*with(|c| c.reals("mult", "(1 2 +) 3 {4 2 *}")).unwrap(), [3.0, 3.0, 8.0]);
        assert_eq!(&*with(|c| c.reals("mult", "1,2 , 3")).unwrap(), [1.0, 2.0, 3.0]);
        assert!(with(|c| c.reals("mult", "3*2 1")).is_err());
        assert_eq!(&*with(|c| c.slots("kvs", "115,,12.47")).unwrap(), [Some(115.0), None, Some(12.47)]);
        assert_eq!(&*with(|c| c.vector("zipv", "1 2 | 3")).unwrap(), [1.0, 2.0]);
    }

    #[test]
    fn rows_end_at_their_mark() {
        let rows = with(|c| c.rows("rmatrix", "1 | 2 3|4,5 , 6")).unwrap();
        assert_eq!(rows.0.iter().map(|r| r.len()).collect::<Vec<_>>(), [1, 2, 3]);
        let rows = with(|c| c.rows("rmatrix", "1 , 5 | 6 ")).unwrap();
        assert_eq!(rows.symmetric(2), Some(vec![1.0, 6.0, 6.0, 0.0]));
    }

    #[test]
    fn a_bus_has_a_name_and_nodes() {
        let check = |text: &str, name: &str, nodes: &[i32]| {
            let bus = bus("bus1", text).unwrap();
            assert_eq!((&*bus.name, &*bus.nodes), (name, nodes), "{text}");
        };
        check("B.1.2.0", "b", &[1, 2, 0]);
        check("b.1.", "b", &[1]);
        check("650", "650", &[]);
        assert!(bus("bus1", "b.x").is_err());
        assert!(bus("bus1", ".1").is_err());
        assert!(bus("bus1", "b.-1").is_err());
    }

    /// Expected numbers are OpenDSS's answers to the same words.
    #[test]
    fn words_are_matched_as_opendss_matches_them() {
        let check = |set: &EnumDef, text: &str, expected: Option<(i32, bool)>| {
            let found = word_of(set, text).map(|m| (m.number, m.exact));
            assert_eq!(found, expected, "{} {text}", set.name);
        };
        check(&enums::LENGTH_UNIT, "mi", Some((1, true)));
        check(&enums::LENGTH_UNIT, "mile", Some((1, true)));
        check(&enums::LENGTH_UNIT, "met", Some((4, true)));
        check(&enums::LENGTH_UNIT, "kmx", Some((2, false)));
        check(&enums::LENGTH_UNIT, "meters", None);
        check(&enums::LENGTH_UNIT, "k", None);
        check(&enums::CONNECTION, "wx", Some((0, false)));
        check(&enums::CONNECTION, "D", Some((1, true)));
        check(&enums::CONNECTION, "l", None);
        check(&enums::CONNECTION, "ll", Some((1, true)));
        check(&enums::SOLUTION_MODE, "dyn", Some((14, true)));
        check(&enums::SOLUTION_MODE, "harm", Some((15, true)));
        check(&enums::SOLUTION_MODE, "s", Some((0, true)));
        check(&enums::SOLUTION_MODE, "d", None);
        check(&enums::REGCONTROL_PHASE_SELECTION, "3", Some((3, true)));
        check(&enums::REGCONTROL_PHASE_SELECTION, "minx", None);
        check(&enums::INVCONTROL_REACTIVE_POWER_REFERENCE, "varaval_watts", Some((0, true)));
        check(&enums::INVCONTROL_CONTROL_MODE, "volt", None);
        check(&enums::CORE_TYPE, "1", Some((1, true)));
    }
}
