//! What modules on tables of rows have in common: features out of a table, the same features again when a model is asked, times as text.

use crate::guard::{FitError, Ranges, Split, split_latest};
use crate::matrix::Matrix;
use crate::module::{Feature, Frame, Refused};
use network::Diagnostic;
use std::collections::BTreeMap;

/// All columns of numbers that the module did not name, and their rows.
pub fn features(frame: &Frame) -> (Vec<String>, Matrix) {
    let columns: Vec<(&str, &[f64])> = frame.others().collect();
    let names = columns.iter().map(|c| c.0.to_owned()).collect();
    (names, side_by_side(&columns.iter().map(|c| c.1).collect::<Vec<_>>()))
}

/// The columns that a model was fitted to, in its order.
///
/// # Errors
/// Columns that are missing, all of them.
pub fn like(input: &str, frame: &Frame, names: &[String]) -> Result<Matrix, Refused> {
    let found: Vec<Option<&[f64]>> = names.iter().map(|n| frame.maybe_number(n)).collect();
    let faults: Refused = names
        .iter()
        .zip(&found)
        .filter(|(_, f)| f.is_none())
        .map(|(n, _)| not_askable(input, &format!("column \"{n}\" is missing, which the model was fitted to")))
        .collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(side_by_side(&found.into_iter().flatten().collect::<Vec<_>>()))
}

/// Why a model cannot be asked about an input.
pub fn not_askable(input: &str, why: &str) -> Diagnostic {
    Diagnostic::error("LEARN.DATA.UNFIT", format!("the model cannot be asked about {input}"))
        .detail(format!("{}{}.", why[..1].to_uppercase(), &why[1..]))
        .hint("Give the columns that its card names.")
}

/// Columns of one length as a matrix.
pub fn side_by_side(columns: &[&[f64]]) -> Matrix {
    let mut x = Matrix::new(columns.len());
    if !columns.is_empty() {
        for row in 0..columns[0].len() {
            x.push(&columns.iter().map(|c| c[row]).collect::<Vec<_>>());
        }
    }
    x
}

/// Words as numbers in the order of the words, and the words.
pub fn numbered(words: &[String]) -> (Vec<u32>, Vec<String>) {
    let mut place: BTreeMap<&str, u32> = words.iter().map(|w| (w.as_str(), 0)).collect();
    place.values_mut().zip(0..).for_each(|(v, n)| *v = n);
    let names = place.keys().map(|w| (*w).to_owned()).collect();
    (words.iter().map(|w| place[w.as_str()]).collect(), names)
}

/// Values of some rows.
pub fn taken<T: Copy>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|&i| values[i]).collect()
}

/// Rows to fit to, later ones to calibrate on, and the latest to judge by.
pub struct Parts {
    pub train: Vec<usize>,
    pub calibrate: Vec<usize>,
    pub test: Vec<usize>,
    pub test_from_s: i64,
}

impl Parts {
    /// Of rows by time, with a gap between parts. The parts are of all rows, 0 to 1 together.
    ///
    /// # Errors
    /// A part without rows.
    pub fn of(times_s: &[i64], calibrate: f64, test: f64, gap_s: i64) -> Result<Self, FitError> {
        let last: Split = split_latest(times_s, test, gap_s)?;
        let before = split_latest(&taken(times_s, &last.train), calibrate / (1.0 - test), gap_s)?;
        let rows = |of: Vec<usize>| taken(&last.train, &of);
        Ok(Self { train: rows(before.train), calibrate: rows(before.test), test: last.test, test_from_s: last.test_from_s })
    }
}

/// First and last of some times.
pub fn span(times_s: &[i64], rows: &[usize]) -> Option<[i64; 2]> {
    let of = || rows.iter().map(|&i| times_s[i]);
    Some([of().min()?, of().max()?])
}

/// A card's features.
pub fn shown(names: &[String], ranges: &Ranges, importance: Option<&[f64]>) -> Vec<Feature> {
    let number = |x: f64| Some(x).filter(|x| x.is_finite());
    names
        .iter()
        .enumerate()
        .map(|(c, name)| Feature {
            name: name.clone(),
            unit: unit_of(name).to_owned(),
            low: number(ranges.low[c]),
            high: number(ranges.high[c]),
            importance: importance.map(|i| i[c]),
        })
        .collect()
}

/// The unit that the end of a column's name tells; empty where it tells none.
pub fn unit_of(name: &str) -> &'static str {
    const UNITS: &[(&str, &str)] = &[
        ("kw", "kW"),
        ("kvar", "kvar"),
        ("kva", "kVA"),
        ("mva", "MVA"),
        ("kv", "kV"),
        ("kwh", "kWh"),
        ("pu", "pu"),
        ("a", "A"),
        ("c", "C"),
        ("k", "K"),
        ("pct", "%"),
        ("ohm", "ohm"),
        ("km", "km"),
        ("m", "m"),
        ("ms", "m/s"),
        ("years", "yr"),
        ("yr", "yr"),
        ("days", "d"),
        ("d", "d"),
        ("h", "h"),
        ("s", "s"),
    ];
    let Some((_, end)) = name.rsplit_once('_') else { return "" };
    UNITS.iter().find(|u| u.0 == end).map_or("", |u| u.1)
}

/// The note of a model that something simpler reaches.
pub fn no_better(detail: String) -> Diagnostic {
    Diagnostic::warning("LEARN.MODEL.NO_BETTER", "the model is no better than something simpler on rows that it has not seen")
        .detail(detail)
        .hint("Use the simpler one, or give features that say more.")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::module::Answer;

    /// A column of the first table, or of one by name.
    pub fn column<'a>(answer: &'a Answer, table: &str, column: &str) -> Vec<&'a studies::table::Value> {
        let table = answer.tables.iter().find(|t| t.name == table).expect("a table");
        let at = table.columns.iter().position(|c| c.name == column).expect("a column");
        table.rows.iter().map(|r| &r[at]).collect()
    }

    #[test]
    fn words_are_numbered_in_their_order() {
        let words: Vec<String> = ["b", "a", "b"].map(String::from).to_vec();
        assert_eq!(numbered(&words), (vec![1, 0, 1], vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!((unit_of("load_kw"), unit_of("trees"), unit_of("v_pu"), unit_of("wind_ms")), ("kW", "", "pu", "m/s"));
    }
}
