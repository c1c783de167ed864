//! Earlier rows to fit to, later ones to judge by.

use super::{Fault, Faults, FitError};

/// Rows to fit to and rows, all of them later, to judge by.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    pub train: Vec<usize>,
    pub test: Vec<usize>,
    /// Rows of the gap between, which belong to neither.
    pub dropped: Vec<usize>,
    /// The first moment that is judged, s.
    pub test_from_s: i64,
}

/// Splits rows by time: what is earlier than `test_from_s - gap_s` trains, what is not earlier than `test_from_s` judges. The gap has to be at
/// least as long as the furthest look ahead of the answer and the furthest look back of the features, so that no reading is on both sides.
///
/// # Errors
///
/// When a side is left without rows, or the gap is negative.
pub fn split_by_time(times_s: &[i64], test_from_s: i64, gap_s: i64) -> Result<Split, FitError> {
    let mut split = Split { train: Vec::new(), test: Vec::new(), dropped: Vec::new(), test_from_s };
    for (row, &t) in times_s.iter().enumerate() {
        let side = if t >= test_from_s {
            &mut split.test
        } else if t < test_from_s.saturating_sub(gap_s) {
            &mut split.train
        } else {
            &mut split.dropped
        };
        side.push(row);
    }
    let mut faults = Faults::default();
    faults.choice(gap_s >= 0, "the gap in seconds", gap_s as f64, "zero or longer");
    for side in [&split.train, &split.test] {
        if side.is_empty() {
            faults.add(Fault::TooFewRows { found: 0, needed: 1 });
        }
    }
    faults.none()?;
    Ok(split)
}

/// The same, with the latest part of the rows (0 to 1) to judge by. Rows of one moment stay together.
///
/// # Errors
///
/// As [`split_by_time`]; when the part is not between 0 and 1.
pub fn split_latest(times_s: &[i64], test_part: f64, gap_s: i64) -> Result<Split, FitError> {
    if !(test_part > 0.0 && test_part < 1.0) {
        return Err(Fault::Choice { name: "the part to judge by", found: test_part, must: "between 0 and 1" }.into());
    }
    let mut sorted = times_s.to_vec();
    sorted.sort_unstable();
    let at = ((1.0 - test_part) * sorted.len() as f64).round() as usize;
    let Some(&from) = sorted.get(at.min(sorted.len().saturating_sub(1))) else {
        return Err(Fault::TooFewRows { found: 0, needed: 2 }.into());
    };
    split_by_time(times_s, from, gap_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_comes_before_judging_with_a_gap() {
        let times = [50, 10, 20, 30, 40, 30];
        let split = split_by_time(&times, 40, 15).unwrap();
        assert_eq!(split, Split { train: vec![1, 2], test: vec![0, 4], dropped: vec![3, 5], test_from_s: 40 });
        let split = split_latest(&times, 0.5, 0).unwrap();
        assert_eq!((split.train, split.test), (vec![1, 2], vec![0, 3, 4, 5]));
        assert!(split_by_time(&times, 5, 0).is_err());
        assert!(split_by_time(&times, 40, -1).is_err());
        assert!(split_latest(&times, 1.0, 0).is_err());
        assert!(split_latest(&[], 0.5, 0).is_err());
    }
}
