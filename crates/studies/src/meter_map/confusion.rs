//! A map against the truth.

use super::{Assignment, Confidence};

/// Counts of one confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub right: usize,
    pub wrong: usize,
    /// No transformer was found.
    pub none: usize,
}

impl Outcome {
    pub fn total(self) -> usize {
        self.right + self.wrong + self.none
    }

    /// Share of those with a transformer that have the right one, %.
    pub fn right_pct(self) -> f64 {
        100.0 * self.right as f64 / (self.right + self.wrong).max(1) as f64
    }
}

/// Counts by confidence, high first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    pub high: Outcome,
    pub medium: Outcome,
    pub low: Outcome,
    /// Meters whose truth is not known.
    pub unknown: usize,
}

impl Confusion {
    /// Sets assignments against the true transformers, by index.
    pub fn of(assignments: &[Assignment], truth: &[Option<usize>]) -> Self {
        let mut c = Self::default();
        for (a, t) in assignments.iter().zip(truth) {
            let Some(t) = t else {
                c.unknown += 1;
                continue;
            };
            let slot = match a.confidence {
                Confidence::High => &mut c.high,
                Confidence::Medium => &mut c.medium,
                Confidence::Low => &mut c.low,
            };
            match a.transformer {
                Some(found) if found == *t => slot.right += 1,
                Some(_) => slot.wrong += 1,
                None => slot.none += 1,
            }
        }
        c
    }

    /// The table, a line a confidence.
    pub fn table(&self) -> String {
        let mut text = format!("{:<12}{:>9}{:>9}{:>9}{:>9}{:>10}\n", "confidence", "meters", "right", "wrong", "none", "right %");
        let all = Outcome {
            right: self.high.right + self.medium.right + self.low.right,
            wrong: self.high.wrong + self.medium.wrong + self.low.wrong,
            none: self.high.none + self.medium.none + self.low.none,
        };
        for (name, o) in [("high", self.high), ("medium", self.medium), ("low", self.low), ("all", all)] {
            let pct = if o.right + o.wrong > 0 { format!("{:.2}", o.right_pct()) } else { "-".to_owned() };
            text += &format!("{name:<12}{:>9}{:>9}{:>9}{:>9}{pct:>10}\n", o.total(), o.right, o.wrong, o.none);
        }
        text
    }
}
