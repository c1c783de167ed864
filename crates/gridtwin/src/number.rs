//! Numbers as text: the twelve significant digits of the result files, and the few of the reports.

use std::fmt::Write;

/// Appends `x` with twelve significant digits, as C's `%.12g` writes it: fixed notation for
/// exponents from -4 to 11, scientific otherwise, no trailing zeros.
pub fn push_g12(text: &mut String, x: f64) {
    if x == 0.0 {
        text.push_str(if x.is_sign_negative() { "-0" } else { "0" });
        return;
    }
    if !x.is_finite() {
        text.push_str(match (x.is_nan(), x > 0.0) {
            (true, _) => "nan",
            (false, true) => "inf",
            (false, false) => "-inf",
        });
        return;
    }
    let start = text.len();
    write!(text, "{x:.11e}").expect("writing to a string");
    let written = &text[start..];
    let (mantissa, exponent) = written.split_once('e').expect("scientific notation has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a whole number");
    if (-4..12).contains(&exponent) {
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        text.truncate(start);
        if x < 0.0 {
            text.push('-');
        }
        if exponent < 0 {
            text.push_str("0.");
            (1..-exponent).for_each(|_| text.push('0'));
            text.push_str(digits.trim_end_matches('0'));
        } else {
            let (whole, fraction) = digits.split_at(exponent as usize + 1);
            text.push_str(whole);
            let fraction = fraction.trim_end_matches('0');
            if !fraction.is_empty() {
                text.push('.');
                text.push_str(fraction);
            }
        }
    } else {
        let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa }.to_owned();
        text.truncate(start);
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(text, "{mantissa}e{sign}{:02}", exponent.abs()).expect("writing to a string");
    }
}

/// `x` with twelve significant digits.
pub fn g12(x: f64) -> String {
    let mut text = String::new();
    push_g12(&mut text, x);
    text
}

/// `x` with `digits` after the point and never a minus before nothing but zeros.
pub fn fixed(x: f64, digits: usize) -> String {
    let text = format!("{x:.digits$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|b| b == b'0' || b == b'.') => rest.to_owned(),
        _ => text,
    }
}

/// A count with its noun: `1 node`, `2 nodes`.
pub fn count(n: usize, noun: &str) -> String {
    let plural = match noun {
        _ if n == 1 => noun.to_owned(),
        _ if noun.ends_with('s') || noun.ends_with("ch") || noun.ends_with("sh") => format!("{noun}es"),
        _ if noun.ends_with('y') && !noun.ends_with("ay") && !noun.ends_with("ey") => format!("{}ies", &noun[..noun.len() - 1]),
        _ => format!("{noun}s"),
    };
    format!("{n} {plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_digits_read_like_the_reference_files() {
        // Right-hand sides as C's printf("%.12g") gives them.
        for (x, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-17.97279794300004, "-17.972797943"),
            (57502.686612612, "57502.6866126"),
            (2.40177711983, "2.40177711983"),
            (-0.466892458608, "-0.466892458608"),
            (0.0001, "0.0001"),
            (0.00001234, "1.234e-05"),
            (1e-10, "1e-10"),
            (123456789012.0, "123456789012"),
            (1234567890123.0, "1.23456789012e+12"),
            (999999999999.6, "1e+12"),
            (0.1 + 0.2, "0.3"),
            (100.0, "100"),
            (1e100, "1e+100"),
            (-2053217.07535, "-2053217.07535"),
            (9.9999999999999e-5, "0.0001"),
        ] {
            assert_eq!(g12(x), text, "{x:e}");
        }
    }

    #[test]
    fn fixed_has_no_negative_zero() {
        assert_eq!(fixed(-0.0004, 3), "0.000");
        assert_eq!(fixed(-0.0006, 3), "-0.001");
        assert_eq!(fixed(1.0, 0), "1");
    }

    #[test]
    fn nouns_follow_their_number() {
        assert_eq!(count(1, "bus"), "1 bus");
        assert_eq!(count(2, "bus"), "2 buses");
        assert_eq!(count(0, "switch"), "0 switches");
        assert_eq!(count(3, "geometry"), "3 geometries");
        assert_eq!(count(2, "relay"), "2 relays");
    }
}
