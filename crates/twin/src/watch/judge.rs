//! How good a detector is: its alarms against what was wrong.
//!
//! An alarm is a run of odd days at an asset, three at least, two runs with no more than two sound days between them being one. A defect is
//! found when an alarm begins between its beginning and a week after it was mended (figures look back as long); one that stood already tells
//! nobody anything. Then
//!
//! ```text
//! precision = alarms that met a defect / alarms        recall = defects found / defects
//! delay     = first day of the alarm - day on which the defect began
//! lead      = day on which the defect is full - first day of the alarm
//! ```

use crate::plant::service::Planned;
use learning::metrics::median_of;

/// Days that have to be odd in a row.
const RUN: usize = 3;
const GAP: usize = 2;
/// Days after the end of a defect in which an alarm is still its own.
const AFTER: f64 = 7.0;

/// An alarm of a detector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    pub asset: String,
    /// Days since the start of the record, both included.
    pub first: usize,
    pub last: usize,
}

/// Alarms of the odd days of an asset; days ascend.
pub fn alarms(asset: &str, odd: &[usize]) -> Vec<Alarm> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &day in odd {
        match runs.last_mut() {
            Some((_, last)) if day == *last + 1 => *last = day,
            _ => runs.push((day, day)),
        }
    }
    runs.retain(|(first, last)| last - first + 1 >= RUN);
    let mut found: Vec<Alarm> = Vec::new();
    for (first, last) in runs {
        match found.last_mut() {
            // An alarm is known on the day that makes the run long enough.
            Some(alarm) if first <= alarm.last + GAP + 1 => alarm.last = last,
            _ => found.push(Alarm { asset: asset.to_owned(), first: first + RUN - 1, last }),
        }
    }
    found
}

/// What became of the alarms and the defects.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    pub alarms: usize,
    pub met: usize,
    pub defects: usize,
    pub found: usize,
    /// By defect in the order planned: days from its beginning to the alarm.
    pub delay_days: Vec<Option<f64>>,
    /// Days from the alarm to the full extent.
    pub lead_days: Vec<Option<f64>>,
}

impl Judged {
    pub fn precision(&self) -> Option<f64> {
        (self.alarms > 0).then(|| self.met as f64 / self.alarms as f64)
    }

    pub fn recall(&self) -> Option<f64> {
        (self.defects > 0).then(|| self.found as f64 / self.defects as f64)
    }

    pub fn f1(&self) -> f64 {
        let (Some(p), Some(r)) = (self.precision(), self.recall()) else { return 0.0 };
        if p + r > 0.0 { 2.0 * p * r / (p + r) } else { 0.0 }
    }

    /// Median of the leads of what was found, days.
    pub fn median_lead_days(&self) -> Option<f64> {
        median_of(self.lead_days.iter().flatten().copied())
    }

    pub fn median_delay_days(&self) -> Option<f64> {
        median_of(self.delay_days.iter().flatten().copied())
    }
}

/// Judges alarms by the defects that were planned.
pub fn judge(alarms: &[Alarm], planned: &[Planned]) -> Judged {
    let day = |s: f64| s / 86_400.0;
    // A day's figures are known at its end.
    let meets =
        |a: &Alarm, p: &Planned| a.asset == p.asset() && (a.first + 1) as f64 > day(p.from_s) && (a.first as f64) < day(p.mended_s) + AFTER;
    let met = alarms.iter().filter(|a| planned.iter().any(|p| meets(a, p))).count();
    let first: Vec<Option<f64>> = planned
        .iter()
        .map(|p| {
            let of = alarms.iter().filter(|a| meets(a, p)).map(|a| (a.first + 1) as f64);
            of.min_by(f64::total_cmp)
        })
        .collect();
    let delay_days = planned.iter().zip(&first).map(|(p, f)| f.map(|f| (f - day(p.from_s)).max(0.0))).collect();
    let lead_days = planned.iter().zip(&first).map(|(p, f)| f.map(|f| day(p.from_s) + p.grows_h / 24.0 - f)).collect();
    Judged { alarms: alarms.len(), met, defects: planned.len(), found: first.iter().flatten().count(), delay_days, lead_days }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::defects::DefectKind;

    #[test]
    fn alarms_are_runs_and_are_met_or_not() {
        let of = |first, last| Alarm { asset: "T1".into(), first, last };
        assert_eq!(alarms("T1", &[3, 4, 9, 10, 11, 14, 15, 16, 30, 31, 32, 33]), [of(11, 16), of(32, 33)]);
        let planned = [Planned {
            subject: "T1".into(),
            kind: DefectKind::Arcing,
            from_s: 10.0 * 86_400.0,
            mended_s: 20.0 * 86_400.0,
            grows_h: 120.0,
        }];
        let judged = judge(&alarms("T1", &[3, 4, 9, 10, 11, 14, 15, 16, 30, 31, 32, 33]), &planned);
        assert_eq!((judged.alarms, judged.met, judged.defects, judged.found), (2, 1, 1, 1));
        assert_eq!((judged.delay_days[0], judged.lead_days[0]), (Some(2.0), Some(3.0)));
        assert_eq!((judged.precision(), judged.recall()), (Some(0.5), Some(1.0)));
        assert_eq!(judge(&alarms("T2", &[10, 11, 12]), &planned).found, 0, "another asset");
        assert_eq!(judge(&[], &planned).precision(), None);
    }
}
