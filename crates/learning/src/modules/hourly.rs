//! Readings of feeders, meters and weather stations as hours without gaps, which is how the mathematics of this crate takes them.
//!
//! Readings an hour apart or closer become the mean of their hour (of the hours of UTC); an hour counts with at least half of its readings. Up to [`FILLED_H`]
//! missing hours in a row are filled along a line and counted; a longer gap is refused with its place, and so are a time that comes twice, values that are
//! infinite, and readings more than an hour apart. An empty cell is a missing reading.

use super::common::minute;
use crate::metrics::median;
use crate::module::{Refused, unfit_for};
use network::Diagnostic;
use std::collections::BTreeMap;

pub(super) const HOUR_S: i64 = 3600;
/// Missing hours in a row that are filled.
pub(super) const FILLED_H: i64 = 3;
/// Beyond this no reading is one of a feeder, and squares of sums would lose their digits.
const LARGEST: f64 = 1e12;

/// Values of consecutive hours.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Course {
    /// Hours since 1970, UTC, of the first value.
    pub first_h: i64,
    pub values: Vec<f64>,
    /// Hours that were missing.
    pub filled: usize,
}

impl Course {
    /// The hour after the last.
    pub fn end_h(&self) -> i64 {
        self.first_h + self.values.len() as i64
    }

    /// Values of `from_h` up to, without, `to_h`; none where one of them is not there.
    pub fn between(&self, from_h: i64, to_h: i64) -> Option<&[f64]> {
        let at = |h: i64| usize::try_from(h - self.first_h).ok();
        self.values.get(at(from_h)?..at(to_h)?)
    }

    /// Both courses in the hours that they share.
    pub fn shared<'a>(&'a self, other: &'a Self) -> Option<(i64, &'a [f64], &'a [f64])> {
        let (from, to) = (self.first_h.max(other.first_h), self.end_h().min(other.end_h()));
        Some((from, self.between(from, to)?, other.between(from, to)?)).filter(|_| from < to)
    }

    /// First and last moment, s since 1970 UTC.
    pub fn span_s(&self) -> [i64; 2] {
        [self.first_h * HOUR_S, self.end_h() * HOUR_S]
    }
}

/// Hours of each name, `alone` where there are no names. `what` is what a name is the name of; `input` the table.
///
/// # Errors
/// All faults of all names.
pub(super) fn hourly(
    input: &str,
    what: &str,
    times_s: &[i64],
    values: &[f64],
    names: Option<&[String]>,
) -> Result<BTreeMap<String, Course>, Refused> {
    let mut rows: BTreeMap<&str, Vec<(i64, f64)>> = BTreeMap::new();
    for (i, (&t, &v)) in times_s.iter().zip(values).enumerate() {
        rows.entry(names.map_or(what, |n| n[i].as_str())).or_default().push((t, v));
    }
    if rows.is_empty() {
        return Err(unfit_for(input, &"there are no rows"));
    }
    let (mut courses, mut faults) = (BTreeMap::new(), Refused::new());
    for (name, rows) in rows {
        match course(rows) {
            Ok(course) => drop(courses.insert(name.to_owned(), course)),
            Err(why) => faults.extend(why.into_iter().flat_map(|why| unfit_for(&of(input, what, name), &why))),
        }
    }
    if faults.is_empty() { Ok(courses) } else { Err(faults) }
}

/// The one course of a table that has no names.
///
/// # Errors
/// As [`hourly`].
pub(super) fn alone(input: &str, times_s: &[i64], values: &[f64]) -> Result<Course, Refused> {
    Ok(hourly(input, input, times_s, values, None)?.pop_first().expect("there is a row").1)
}

/// How a name of a table is told.
pub(super) fn of(input: &str, what: &str, name: &str) -> String {
    if name == what { input.to_owned() } else { format!("{input} of {what} \"{name}\"") }
}

fn course(mut rows: Vec<(i64, f64)>) -> Result<Course, Vec<String>> {
    let mut why = Vec::new();
    rows.sort_by_key(|r| r.0);
    let far: Vec<i64> = rows.iter().filter(|r| !r.1.is_nan() && r.1.abs() > LARGEST).map(|r| r.0).collect();
    if let Some(first) = far.first() {
        why.push(format!("{} values are infinite or beyond {LARGEST:e}, first at {}; mend the readings", far.len(), minute(*first)));
    }
    let twice: Vec<i64> = rows.windows(2).filter(|w| w[0].0 == w[1].0).map(|w| w[0].0).collect();
    if let Some(first) = twice.first() {
        why.push(format!("{} times are there more than once, first {}; keep one row a time", twice.len(), minute(*first)));
    }
    if rows.len() < 2 {
        why.push("one reading is no course; give at least two".to_owned());
    }
    let mut steps: Vec<f64> = rows.windows(2).map(|w| w[1].0.saturating_sub(w[0].0) as f64).collect();
    let step_s = median(&mut steps).max(1.0);
    if step_s > HOUR_S as f64 {
        why.push(format!("readings are {step_s} s apart; an hour or less is needed"));
    }
    if !why.is_empty() {
        return Err(why);
    }
    let expected = (HOUR_S as f64 / step_s).round().max(1.0);
    let mut hours: Vec<(i64, f64, f64)> = Vec::new();
    for (t, v) in rows.into_iter().filter(|r| !r.1.is_nan()) {
        let h = t.div_euclid(HOUR_S);
        match hours.last_mut() {
            Some(last) if last.0 == h => *last = (h, last.1 + v, last.2 + 1.0),
            _ => hours.push((h, v, 1.0)),
        }
    }
    hours.retain(|h| 2.0 * h.2 >= expected);
    let Some(&(first_h, ..)) = hours.first() else { return Err(vec!["no hour has half of its readings".into()]) };
    let mut course = Course { first_h, values: Vec::with_capacity(hours.len()), filled: 0 };
    for (h, sum, n) in hours {
        let (value, end_h) = (sum / n, course.end_h());
        let gap = h - end_h;
        if gap > FILLED_H {
            why.push(format!(
                "{gap} hours are missing from {} on; at most {FILLED_H} are filled: fill the gap, or take the longer side of it",
                minute(end_h * HOUR_S)
            ));
            if why.len() == 5 {
                break;
            }
            // What follows is looked at for its own gaps.
            course = Course { first_h: h, values: vec![value], filled: 0 };
            continue;
        }
        if gap > 0 {
            let before = course.values.last().copied().unwrap_or(value);
            for k in 1..=gap {
                course.values.push(before + (value - before) * k as f64 / (gap + 1) as f64);
                course.filled += 1;
            }
        }
        course.values.push(value);
    }
    if why.is_empty() { Ok(course) } else { Err(why) }
}

/// The note about hours that were filled; none where there are none.
pub(super) fn filled_note<'a>(courses: impl Iterator<Item = &'a Course>) -> Option<Diagnostic> {
    let filled: usize = courses.map(|c| c.filled).sum();
    (filled > 0).then(|| {
        Diagnostic::warning("LEARN.DATA.PARTIAL", format!("{filled} missing hours were filled along a line"))
            .detail(format!("They lie in gaps of at most {FILLED_H} hours."))
            .hint("Give the readings, if there are any.")
    })
}

/// Hours since Monday 00:00 of an hour since 1970, at `offset_h` from UTC. The first of January 1970 was a Thursday.
pub(super) fn hour_of_week(hour: i64, offset_h: i64) -> usize {
    (hour + offset_h + 72).rem_euclid(168) as usize
}

/// An hour since 1970 as words.
pub(super) fn hour_text(hour: i64) -> String {
    minute(hour.saturating_mul(HOUR_S))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::module::{Frame, Module, Values};
    use crate::modules::common::tests::frame;

    /// A table of an input by its columns.
    pub fn table(module: &dyn Module, input: &str, columns: Vec<(&str, Values)>) -> (String, Frame) {
        (input.to_owned(), frame(module.about(), input, columns))
    }

    /// Hours from Monday, 2 January 2023, 00:00 UTC on.
    pub const MONDAY_H: i64 = 464_616;

    pub fn hours(from_h: i64, n: usize) -> Values {
        Values::Time((0..n as i64).map(|k| (from_h + k) * HOUR_S).collect())
    }

    /// A course of hours as columns.
    pub fn course_of(from_h: i64, values: &[f64], column: &'static str) -> Vec<(&'static str, Values)> {
        vec![("time", hours(from_h, values.len())), (column, Values::Number(values.to_vec()))]
    }

    #[test]
    fn quarter_hours_become_means_and_short_gaps_lines() {
        let rows: Vec<(i64, f64)> = (0..16).map(|q| (q * 900 + 120, q as f64)).filter(|r| !(4..12).contains(&(r.0 / 900))).collect();
        let found = course(rows).unwrap();
        // Hours 0 and 3 have means 1.5 and 13.5.
        assert_eq!(found, Course { first_h: 0, values: vec![1.5, 5.5, 9.5, 13.5], filled: 2 });
        assert_eq!(found.between(1, 3), Some(&[5.5, 9.5][..]));
        assert_eq!((found.between(1, 5), found.between(-1, 2)), (None, None));
    }

    #[test]
    fn faults_are_told_with_their_place() {
        let why = course(vec![(0, 1.0), (3600, f64::INFINITY), (3600, 2.0), (7200, 1.0)]).unwrap_err();
        assert_eq!(why.len(), 2, "{why:?}");
        assert!(why[1].contains("1970-01-01T01:00Z"), "{why:?}");
        let why = course((0..20).filter(|h| !(5..9).contains(h)).map(|h| (h * 3600, 1.0)).collect()).unwrap_err();
        assert!(why[0].starts_with("4 hours are missing from 1970-01-01T05:00Z"), "{why:?}");
        assert!(course((0..20).map(|d| (d * 86_400, 1.0)).collect()).unwrap_err()[0].contains("86400 s apart"));
        assert!(course(vec![(0, f64::NAN)]).is_err());
        assert!(course(vec![(i64::MIN, 1.0), (i64::MAX, 2.0)]).is_err());
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(hour_text(MONDAY_H), "2023-01-02T00:00Z");
        assert_eq!((hour_of_week(MONDAY_H, 0), hour_of_week(MONDAY_H, -1), hour_of_week(0, 0)), (0, 167, 72));
    }
}
