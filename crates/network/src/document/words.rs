//! Words that are nearly right, and quantities with units.

use crate::scenario::parameters::{Parameter, UNITS};

/// Letters to insert, delete, replace or swap with the next, between two words.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// The name without the unit at its end.
fn stem(name: &str) -> &str {
    UNITS.iter().find_map(|u| name.strip_suffix(u.suffix)).unwrap_or(name)
}

/// The name nearest to a word, where one is near: by letters, or by all but the unit, or as a part of it.
pub fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let word: String = word.chars().take(64).flat_map(char::to_lowercase).map(|c| if c == '-' || c == ' ' { '_' } else { c }).collect();
    let (distance, near) = names.iter().map(|n| (edit_distance(&word, &n.to_lowercase()), *n)).min()?;
    if distance <= (word.chars().count().max(near.len()) / 3).max(1) {
        return Some(near);
    }
    let same_stem = names.iter().find(|n| stem(n) == word || stem(n) == word.rsplit_once('_').map_or("", |(s, _)| s));
    let is_part = |n: &str| word.len() >= 3 && (n.contains(word.as_str()) || word.contains(n));
    let part = || names.iter().find(|n| is_part(&n.to_lowercase()));
    same_stem.or_else(part).copied()
}

/// A quantity that was written with its unit, in the parameter's own.
///
/// # Errors
/// Text that begins with no number; a unit that the parameter does not know, with those that it does.
pub fn quantity(text: &str, parameter: &Parameter) -> Result<f64, QuantityFault> {
    let text = text.trim();
    let number_end = (1..=text.len()).rev().filter(|&i| text.is_char_boundary(i)).find(|&i| {
        text[..i].trim_end().bytes().last().is_some_and(|b| b.is_ascii_digit() || b == b'.') && text[..i].trim_end().parse::<f64>().is_ok()
    });
    let Some(at) = number_end else { return Err(QuantityFault::NoNumber) };
    let number: f64 = text[..at].trim_end().parse().unwrap_or(f64::NAN);
    if !number.is_finite() {
        return Err(QuantityFault::NoNumber);
    }
    let unit: String = text[at..].chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    if unit.is_empty() {
        return Ok(number);
    }
    let known = parameter.unit();
    let found = known.and_then(|u| u.others.iter().find(|(words, ..)| words.contains(&unit.as_str())));
    match (found, known) {
        (Some(&(_, factor, offset)), _) => Ok(number * factor + if parameter.is_difference() { 0.0 } else { offset }),
        (None, Some(u)) => Err(QuantityFault::Unit {
            unit: text[at..].trim().to_owned(),
            known: u.others.iter().filter_map(|(words, ..)| words.first().copied()).collect(),
        }),
        (None, None) => Err(QuantityFault::Unit { unit: text[at..].trim().to_owned(), known: Vec::new() }),
    }
}

/// Why a text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuantityFault {
    NoNumber,
    Unit { unit: String, known: Vec<&'static str> },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parameters::LAYERS;

    fn of(layer: &str, name: &str) -> &'static Parameter {
        LAYERS.iter().find(|l| l.name == layer).unwrap().parameter(name).unwrap()
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let names = ["penetration_pct", "power_kw", "charger", "adoption"];
        assert_eq!(nearest("penetraton_pct", &names), Some("penetration_pct"));
        assert_eq!(nearest("penetration", &names), Some("penetration_pct"));
        assert_eq!(nearest("power_mw", &names), Some("power_kw"));
        assert_eq!(nearest("Chrager", &names), Some("charger"));
        assert_eq!(nearest("xyzzy", &names), None);
        assert_eq!(nearest("", &[]), None);
    }

    #[test]
    fn quantities_become_the_parameters_unit() {
        let power = of("ev", "power_kw");
        assert_eq!(quantity("7.2 kW", power), Ok(7.2));
        assert_eq!(quantity("7200 W", power), Ok(7.2));
        assert_eq!(quantity("1e-2MW", power), Ok(10.0));
        assert_eq!(quantity("30 %", of("ev", "penetration_pct")), Ok(30.0));
        assert!((quantity("75 °F", of("ev", "mild_c")).unwrap() - 23.888_888_888_888_9).abs() < 1e-9);
        assert_eq!(quantity("9 °F", of("weather", "amplitude_c")), Ok(5.0));
        assert_eq!(quantity("2 weeks", of("weather", "length_d")), Ok(14.0));
        assert!((quantity("300 Wh/km", of("ev", "consumption_kwh_per_km")).unwrap() - 0.3).abs() < 1e-12);
        assert!(matches!(quantity("7.2 hp", power), Err(QuantityFault::Unit { unit, .. }) if unit == "hp"));
        assert!(matches!(quantity("5 kW", of("ev", "distance_sigma")), Err(QuantityFault::Unit { known, .. }) if known.is_empty()));
        for text in ["much", "", "é", "e5", "inf kW", "-"] {
            assert_eq!(quantity(text, power), Err(QuantityFault::NoNumber), "{text}");
        }
    }
}
