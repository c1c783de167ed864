//! Numbers in cells, as strictly as a wrong number that looks right demands.
//!
//! A dot is the decimal mark; a comma is one only in tables parted by semicolons. No thousands separators: 1,234 may be 1.234 or 1234, and nobody
//! knows. In a table that uses decimal commas a dot is refused for the same reason.

/// How a table writes numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Dot,
    Comma,
}

/// A number and half a unit of its last printed digit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Read {
    pub value: f64,
    pub rounding: f64,
    /// It was followed by a percent sign.
    pub percent: bool,
}

/// Reads a number.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(text: &str, mark: Mark) -> Result<Read, String> {
    let text = text.trim();
    let (digits, percent) = match text.strip_suffix('%') {
        Some(rest) => (rest.trim_end(), true),
        None => (text, false),
    };
    if digits.is_empty() {
        return Err("it is empty".to_owned());
    }
    let plain = match (mark, digits.contains(','), digits.contains('.')) {
        (Mark::Dot, true, _) => {
            return Err("it has a comma: a decimal mark is a dot (a comma only in tables parted by semicolons), thousands are not parted"
                .to_owned());
        }
        (Mark::Comma, _, true) => return Err("it has a dot in a table of decimal commas: thousands are not parted".to_owned()),
        _ => digits.replace(',', "."),
    };
    if plain.chars().any(|c| c == '\'' || c == '_' || c.is_whitespace()) {
        return Err("thousands are not parted".to_owned());
    }
    // What the language would take besides: inf, nan, 1e400.
    if !plain.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E')) {
        return Err("it is no number".to_owned());
    }
    let value: f64 = plain.parse().map_err(|_| "it is no number".to_owned())?;
    if !value.is_finite() {
        return Err("it is larger than any number".to_owned());
    }
    let (mantissa, exponent) = plain.split_once(['e', 'E']).unwrap_or((&plain, "0"));
    let decimals = mantissa.split_once('.').map_or(0, |(_, d)| d.len()) as i32;
    let exponent: i32 = exponent.parse().unwrap_or(0);
    Ok(Read { value, rounding: 0.5 * 10f64.powi(exponent.saturating_sub(decimals)), percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_sure_is_read() {
        let value = |text, mark| read(text, mark).map(|r| (r.value, r.percent));
        assert_eq!(value(" -1.5E+02 ", Mark::Dot), Ok((-150.0, false)));
        assert_eq!(value("99,97", Mark::Comma), Ok((99.97, false)));
        assert_eq!(value("99.97 %", Mark::Dot), Ok((99.97, true)));
        assert_eq!(value("12", Mark::Comma), Ok((12.0, false)));
        for text in ["1,234", "1,5", "1 234", "1'234", "NaN", "inf", "1e999", "", "%", "12a", "#DIV/0!", "--1"] {
            assert!(value(text, Mark::Dot).is_err(), "{text}");
        }
        for text in ["1.234,5", "1.5", "1,2,3"] {
            assert!(value(text, Mark::Comma).is_err(), "{text}");
        }
        assert!((read("0.99972", Mark::Dot).unwrap().rounding - 5e-6).abs() < 1e-18);
        assert!((read("1.14E-04", Mark::Dot).unwrap().rounding - 5e-7).abs() < 1e-18);
    }
}
