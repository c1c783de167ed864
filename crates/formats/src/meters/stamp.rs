//! Times as files write them, and numbers.
//!
//! What is read: `2016-07-01T01:15:00` with a blank for the `T`, without seconds, with fractions, `Z` or an offset; `20160701`,
//! `201607010115`, `20160701011500`; `7/1/2016 1:15 AM`, `1.7.2016 01:15`, `01-JUL-2016 01:15`; seconds or milliseconds since 1970.
//! 24:00 is the end of its day.

use super::zone::{FIRST_YEAR, LAST_YEAR, fixed_offset};
use network::calendar::days_from_civil;

/// Order of day, month and year where the year does not come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateOrder {
    /// 7/1/2016 is the first of July.
    #[default]
    MonthFirst,
    /// 7/1/2016 is the seventh of January.
    DayFirst,
}

/// A time as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Seconds since 1970 by the clock that was read.
    pub local_s: i64,
    /// What was added to UTC, s, when the text says so.
    pub offset_s: Option<i64>,
}

#[inline]
fn two(b: &[u8], at: usize) -> Option<i64> {
    let (a, b) = (b[at].wrapping_sub(b'0'), b[at + 1].wrapping_sub(b'0'));
    (a < 10 && b < 10).then(|| i64::from(a) * 10 + i64::from(b))
}

#[inline]
fn date_s(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(FIRST_YEAR..=LAST_YEAR).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > days_of_month(year, month) {
        return None;
    }
    Some(days_from_civil(year, month, day) * 86_400)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[inline]
fn clock_s(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let s = hour * 3600 + minute * 60 + second;
    (hour <= 24 && minute < 60 && second < 60 && s <= 86_400).then_some(s)
}

/// Reads a time; `None` when the text is none.
#[inline]
pub fn parse(text: &[u8], order: DateOrder) -> Option<Stamp> {
    // The common shape without searching: 2016-07-01T01:15[:00].
    if text.len() >= 16 && text[4] == b'-' && text[7] == b'-' && text[13] == b':' && (text[10] == b'T' || text[10] == b' ') {
        let day_s = date_s(two(text, 0)? * 100 + two(text, 2)?, two(text, 5)?, two(text, 8)?)?;
        let (hour, minute) = (two(text, 11)?, two(text, 14)?);
        if text.len() == 16 {
            return Some(Stamp { local_s: day_s + clock_s(hour, minute, 0)?, offset_s: None });
        }
        if text.len() == 19 && text[16] == b':' {
            return Some(Stamp { local_s: day_s + clock_s(hour, minute, two(text, 17)?)?, offset_s: None });
        }
    }
    general(text.trim_ascii(), order)
}

fn general(text: &[u8], order: DateOrder) -> Option<Stamp> {
    if text.is_empty() || text.len() > 48 {
        return None;
    }
    let local = |local_s| Some(Stamp { local_s, offset_s: None });
    if text.iter().all(u8::is_ascii_digit) {
        let n = |from: usize, to: usize| text[from..to].iter().fold(0i64, |n, b| n * 10 + i64::from(b - b'0'));
        return match text.len() {
            8 => local(date_s(n(0, 4), n(4, 6), n(6, 8))?),
            12 => local(date_s(n(0, 4), n(4, 6), n(6, 8))? + clock_s(n(8, 10), n(10, 12), 0)?),
            14 => local(date_s(n(0, 4), n(4, 6), n(6, 8))? + clock_s(n(8, 10), n(10, 12), n(12, 14))?),
            9 | 10 => epoch(n(0, text.len())),
            13 => epoch(n(0, 13).div_euclid(1000)),
            _ => None,
        };
    }
    let (date, mut at) = date(text, order)?;
    if at == text.len() {
        return local(date);
    }
    if !matches!(text[at], b'T' | b't' | b' ' | b'_') && text[at] != b':' {
        return None;
    }
    while at < text.len() && matches!(text[at], b'T' | b't' | b' ' | b'_' | b':') {
        at += 1;
    }
    let (clock, rest) = clock(&text[at..])?;
    let rest = rest.trim_ascii();
    let offset_s = match rest {
        b"" => None,
        b"Z" | b"z" | b"UTC" | b"GMT" => Some(0),
        _ => Some(fixed_offset(rest)?),
    };
    Some(Stamp { local_s: date + clock, offset_s })
}

fn epoch(utc_s: i64) -> Option<Stamp> {
    let range = days_from_civil(FIRST_YEAR, 1, 1) * 86_400..days_from_civil(LAST_YEAR + 1, 1, 1) * 86_400;
    range.contains(&utc_s).then_some(Stamp { local_s: utc_s, offset_s: Some(0) })
}

/// A whole number of at most four digits at the start, and how many bytes it takes.
fn whole(text: &[u8]) -> Option<(i64, usize)> {
    let n = text.iter().take(5).take_while(|b| b.is_ascii_digit()).count();
    (1..=4).contains(&n).then(|| (text[..n].iter().fold(0, |v, b| v * 10 + i64::from(b - b'0')), n))
}

/// The date at the start of a text, s, and where it ends.
fn date(text: &[u8], order: DateOrder) -> Option<(i64, usize)> {
    let (first, n) = whole(text)?;
    let mut at = n;
    let separator = *text.get(at)?;
    if !matches!(separator, b'-' | b'/' | b'.' | b' ') {
        return None;
    }
    at += 1;
    let mut named = false;
    let second = if text.get(at)?.is_ascii_alphabetic() {
        let name = text.get(at..at + 3)?.to_ascii_lowercase();
        let months: [&[u8; 3]; 12] = [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
        named = true;
        at += text[at..].iter().take_while(|b| b.is_ascii_alphabetic()).count();
        months.iter().position(|m| m[..] == name[..])? as i64 + 1
    } else {
        let (v, used) = whole(&text[at..])?;
        at += used;
        v
    };
    if *text.get(at)? != separator {
        return None;
    }
    at += 1;
    let (third, used) = whole(&text[at..])?;
    at += used;
    if separator == b' ' && !named {
        return None;
    }
    let full = |y: i64, digits: usize| if digits == 2 { Some(2000 + y) } else { (digits == 4).then_some(y) };
    let s = if n == 4 {
        date_s(first, second, third)?
    } else if named || separator == b'.' {
        date_s(full(third, used)?, second, first)?
    } else {
        match order {
            DateOrder::MonthFirst => date_s(full(third, used)?, first, second)?,
            DateOrder::DayFirst => date_s(full(third, used)?, second, first)?,
        }
    };
    Some((s, at))
}

/// A time of day, s, and what follows it.
fn clock(text: &[u8]) -> Option<(i64, &[u8])> {
    let (mut hour, n) = whole(text)?;
    if n > 2 {
        return None;
    }
    let mut rest = &text[n..];
    let mut parts = [0i64; 2];
    let mut given = 0;
    for part in &mut parts {
        let Some((b':', tail)) = rest.split_first().map(|(b, t)| (*b, t)) else { break };
        let (v, n) = whole(tail)?;
        if n != 2 {
            return None;
        }
        *part = v;
        given += 1;
        rest = &tail[n..];
    }
    if given == 0 {
        return None;
    }
    if let Some((b'.' | b',', tail)) = rest.split_first().map(|(b, t)| (*b, t)) {
        rest = &tail[tail.iter().take_while(|b| b.is_ascii_digit()).count()..];
    }
    let trimmed = rest.trim_ascii_start();
    if trimmed.len() >= 2 && trimmed[1].eq_ignore_ascii_case(&b'm') && matches!(trimmed[0].to_ascii_lowercase(), b'a' | b'p') {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if trimmed[0].eq_ignore_ascii_case(&b'p') { 12 } else { 0 };
        rest = &trimmed[2..];
    }
    Some((clock_s(hour, parts[0], parts[1])?, rest))
}

/// Reads a time of day alone, `1:15`, `01:15:00 PM`, s after midnight.
pub fn parse_clock(text: &[u8]) -> Option<i64> {
    let (s, rest) = clock(text.trim_ascii())?;
    rest.trim_ascii().is_empty().then_some(s)
}

/// First and second number of a date whose year stands last, with `/` or `-` between: what the order of day and month is guessed from.
pub fn ambiguous_parts(text: &[u8]) -> Option<(i64, i64)> {
    let text = text.trim_ascii();
    let (a, n) = whole(text)?;
    let separator = *text.get(n)?;
    if n > 2 || !matches!(separator, b'/' | b'-') {
        return None;
    }
    let (b, m) = whole(text.get(n + 1..)?)?;
    (m <= 2 && text.get(n + 1 + m) == Some(&separator)).then_some((a, b))
}

const TENS: [f64; 23] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22];

/// What a cell of values holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    Number(f64),
    /// Empty, or a word for nothing.
    Empty,
    Unreadable,
}

/// Reads a number. Up to 15 digits are converted exactly, since both the digits and the power of ten are doubles without error
/// (Clinger, 1990); more go the long way.
#[inline]
pub fn number(text: &[u8], decimal_comma: bool) -> Cell {
    let text = text.trim_ascii();
    let (negative, digits) = match text.first() {
        None => return Cell::Empty,
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        Some(_) => (false, text),
    };
    let point = if decimal_comma { b',' } else { b'.' };
    let mut mantissa = 0u64;
    let mut n_digits = 0usize;
    let mut decimals = None::<usize>;
    for &b in digits {
        let d = b.wrapping_sub(b'0');
        if d < 10 {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(d));
            n_digits += 1;
        } else if b == point && decimals.is_none() {
            decimals = Some(n_digits);
        } else {
            return slow(text, decimal_comma);
        }
    }
    if n_digits == 0 || n_digits > 15 {
        return slow(text, decimal_comma);
    }
    let value = mantissa as f64 / TENS[decimals.map_or(0, |d| n_digits - d)];
    Cell::Number(if negative { -value } else { value })
}

#[cold]
fn slow(text: &[u8], decimal_comma: bool) -> Cell {
    if is_nothing(text) {
        return Cell::Empty;
    }
    if text.len() > 64 {
        return Cell::Unreadable;
    }
    // Only what numbers are made of: `inf` and `nan` are none.
    if !text.iter().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b',' | b'e' | b'E')) {
        return Cell::Unreadable;
    }
    let Ok(text) = std::str::from_utf8(text) else { return Cell::Unreadable };
    let parsed = if decimal_comma { text.replace(',', ".").parse::<f64>() } else { text.parse::<f64>() };
    match parsed {
        Ok(v) if v.is_finite() => Cell::Number(v),
        _ => Cell::Unreadable,
    }
}

/// Words that files write where there is no value.
fn is_nothing(text: &[u8]) -> bool {
    [&b"null"[..], b"nan", b"na", b"n/a", b"#n/a", b"none", b"nil", b"missing", b"-", b"--", b"\\n", b"."]
        .iter()
        .any(|w| text.eq_ignore_ascii_case(w))
}

#[cfg(test)]
mod tests {
    use super::*;
    use DateOrder::{DayFirst, MonthFirst};

    fn s(y: i64, m: i64, d: i64, clock: i64) -> i64 {
        days_from_civil(y, m, d) * 86_400 + clock
    }

    #[test]
    fn times_in_all_shapes() {
        let t = s(2016, 7, 1, 4500);
        for text in [
            "2016-07-01T01:15:00",
            "2016-07-01 01:15",
            "2016-07-01T01:15:00.0000000",
            "2016/07/01 1:15",
            "201607010115",
            "20160701011500",
            "7/1/2016 1:15",
            "07/01/2016 01:15:00 AM",
            "7/1/16 1:15am",
            "1.7.2016 01:15",
            "01-JUL-2016 01:15",
            "01Jul2016 01:15",
            "1 July 2016 1:15",
            "01JUL2016:01:15:00",
        ] {
            let want = if text.starts_with("01J") && !text.contains('-') { None } else { Some(Stamp { local_s: t, offset_s: None }) };
            assert_eq!(parse(text.as_bytes(), MonthFirst), want, "{text}");
        }
        assert_eq!(parse(b"1/7/2016 13:15", DayFirst).unwrap().local_s, s(2016, 7, 1, 47_700));
        assert_eq!(parse(b"7/1/2016 12:15 AM", MonthFirst).unwrap().local_s, s(2016, 7, 1, 900));
        assert_eq!(parse(b"7/1/2016 12:15 PM", MonthFirst).unwrap().local_s, s(2016, 7, 1, 44_100));
        assert_eq!(parse(b"2016-07-01T24:00:00", MonthFirst).unwrap().local_s, s(2016, 7, 2, 0));
        assert_eq!(parse(b"2016-07-01T01:15:00Z", MonthFirst), Some(Stamp { local_s: t, offset_s: Some(0) }));
        assert_eq!(parse(b"2016-07-01T01:15:00-05:00", MonthFirst), Some(Stamp { local_s: t, offset_s: Some(-18_000) }));
        assert_eq!(parse(b"1467335700", MonthFirst), Some(Stamp { local_s: t, offset_s: Some(0) }));
        assert_eq!(parse(b"1467335700000", MonthFirst), Some(Stamp { local_s: t, offset_s: Some(0) }));
        for bad in [
            "",
            "x",
            "2016-02-30T00:00:00",
            "2016-13-01 00:00",
            "2016-07-01T25:00:00",
            "2016-07-01T24:01:00",
            "13/1/2016 0:00",
            "236.81",
            "0.5",
            "2016-07-01T01:15:61",
            "2016-07-01T01:15:00Q",
            "7/1/2016 13:15 PM",
            "12345",
            "1867-01-01 00:00",
            "2016-07-01T0a:15:00",
            "2016-07-01T01:15:0",
            "2016-07-01x01:15:00",
        ] {
            assert_eq!(parse(bad.as_bytes(), MonthFirst), None, "{bad}");
        }
        assert_eq!(ambiguous_parts(b"7/13/2016"), Some((7, 13)));
        assert_eq!(ambiguous_parts(b"2016-07-01"), None);
    }

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        for text in [
            "0",
            "0.0133",
            "-0.0",
            "236.81",
            "1e3",
            "123456789012345",
            "12345678901234567890",
            ".5",
            "5.",
            "+7",
            "0.1234567890123456789",
            "-1.5E-7",
        ] {
            assert_eq!(number(text.as_bytes(), false), Cell::Number(text.parse().unwrap()), "{text}");
        }
        assert_eq!(number(b" 1,5 ", true), Cell::Number(1.5));
        assert_eq!(number(b"Null", false), Cell::Empty);
        assert_eq!(number(b"  ", false), Cell::Empty);
        for bad in ["inf", "nan(1)", "1,5", "1.2.3", "0x10", "12kWh", "1 2", "1e999"] {
            assert_eq!(number(bad.as_bytes(), false), Cell::Unreadable, "{bad}");
        }
        let mut seed = 7u64;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let text = format!("{}.{:0w$}", seed >> 50, (seed >> 20) % 10_000, w = 4);
            assert_eq!(number(text.as_bytes(), false), Cell::Number(text.parse().unwrap()), "{text}");
        }
    }
}
