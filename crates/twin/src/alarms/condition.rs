//! Whether a condition holds: true, false, or not known.
//!
//! Three-valued logic after Kleene: `all` is false as soon as one part is false, `any` true as soon as one part is true, whatever is not known
//! of the others; otherwise what is not known makes the whole not known. A value that is not good is not known, so that it neither raises nor
//! clears.
//!
//! Deadband. With `m` whether the leaf was true, a high limit `L` and a deadband `d`: true when `x > L`, or `m` and `x > L − d`. The others are
//! its mirror images. What is not known leaves `m` as it was.
//!
//! Rate. With the value held between updates, `r = (x(t) − x(t − w)) / w`; `x(t − w)` is the newest value kept at or before `t − w`. Until there
//! is one, the rate is not known. Values are kept `w / 512` apart, so that a window has a bounded number of them; by no more than that the
//! older end of the window is off. A value that is not good ends the history.

use super::points::{PointIndex, Sample};
use super::rule::{Condition, Direction};
use scada::UtcTime;
use scada::point::Value;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    True,
    False,
    #[default]
    Unknown,
}

impl Truth {
    fn of(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl std::ops::Not for Truth {
    type Output = Self;
    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// Values of a window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Oldest first, by the clock of the samples.
    kept: VecDeque<(UtcTime, f64)>,
    /// The newest value, kept or not.
    newest: Option<(UtcTime, f64)>,
    /// By the clock of the evaluation, when the newest value came.
    came: UtcTime,
}

const KEPT_A_WINDOW: f64 = 512.0;

impl History {
    fn accept(&mut self, time: UtcTime, x: f64, now: UtcTime, window_s: f64) {
        if self.newest.is_some_and(|(last, _)| time < last) {
            self.kept.clear();
        }
        let is_apart = self.kept.back().is_none_or(|(last, _)| time.seconds_since(*last) >= window_s / KEPT_A_WINDOW);
        if is_apart {
            self.kept.push_back((time, x));
        }
        (self.newest, self.came) = (Some((time, x)), now);
    }

    fn rate_per_s(&mut self, now: UtcTime, window_s: f64) -> Option<f64> {
        let (time, x) = self.newest?;
        let since_s = now.seconds_since(self.came).max(0.0);
        // The newest second value from the front decides whether the first is still needed.
        let age_s = |at: UtcTime| time.seconds_since(at) + since_s;
        while self.kept.get(1).is_some_and(|(at, _)| age_s(*at) >= window_s) {
            self.kept.pop_front();
        }
        let (at, before) = self.kept.front()?;
        (age_s(*at) >= window_s).then(|| (x - before) / window_s)
    }
}

/// What a leaf remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LeafMemory {
    pub was_true: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub history: Option<History>,
}

/// What a condition is judged by.
pub struct Facts<'a> {
    pub samples: &'a [Option<Sample>],
    /// By device: whether none of its points can be had; `None` when nothing has been heard of any.
    pub lost: &'a [Option<bool>],
    pub now: UtcTime,
    /// The point whose update is being looked at; none on a tick.
    pub updated: Option<PointIndex>,
}

/// The judgement. `memory` has an entry for each leaf, in their order.
pub fn judge(condition: &Condition, memory: &mut [LeafMemory], facts: &Facts) -> Truth {
    let mut next = 0;
    judge_part(condition, memory, &mut next, facts)
}

/// Leaves of a condition.
pub fn leaf_count(condition: &Condition) -> usize {
    let mut count = 0;
    condition.leaves(&mut |_| count += 1);
    count
}

fn judge_part(condition: &Condition, memory: &mut [LeafMemory], next: &mut usize, facts: &Facts) -> Truth {
    match condition {
        Condition::All(parts) => {
            // No short cut: every leaf has to see its value.
            parts.iter().fold(Truth::True, |so_far, part| match (so_far, judge_part(part, memory, next, facts)) {
                (Truth::False, _) | (_, Truth::False) => Truth::False,
                (Truth::True, Truth::True) => Truth::True,
                _ => Truth::Unknown,
            })
        }
        Condition::Any(parts) => parts.iter().fold(Truth::False, |so_far, part| match (so_far, judge_part(part, memory, next, facts)) {
            (Truth::True, _) | (_, Truth::True) => Truth::True,
            (Truth::False, Truth::False) => Truth::False,
            _ => Truth::Unknown,
        }),
        Condition::Not(part) => !judge_part(part, memory, next, facts),
        leaf => {
            let of_leaf = &mut memory[*next];
            *next += 1;
            judge_leaf(leaf, of_leaf, facts)
        }
    }
}

fn judge_leaf(leaf: &Condition, memory: &mut LeafMemory, facts: &Facts) -> Truth {
    let sample = leaf.point().and_then(|p| facts.samples[p.0 as usize].as_ref());
    let number = || sample.and_then(Sample::usable).and_then(Value::as_f64);
    let m = memory.was_true;
    let holds = match leaf {
        Condition::High { limit, deadband, .. } => number().map(|x| x > *limit || m && x > limit - deadband),
        Condition::Low { limit, deadband, .. } => number().map(|x| x < *limit || m && x < limit + deadband),
        Condition::Outside { low, high, deadband, .. } => {
            number().map(|x| x < *low || x > *high || m && (x < low + deadband || x > high - deadband))
        }
        Condition::Inside { low, high, deadband, .. } => {
            number().map(|x| x >= *low && x <= *high || m && x > low - deadband && x < high + deadband)
        }
        Condition::Rate { point, per_s, window_s, direction, deadband } => {
            let history = memory.history.get_or_insert_default();
            match (number(), sample) {
                (Some(x), Some(sample)) => {
                    if facts.updated == Some(*point) {
                        history.accept(sample.time, x, facts.now, *window_s);
                    }
                }
                _ => *history = History::default(),
            }
            history.rate_per_s(facts.now, *window_s).map(|r| {
                let r = match direction {
                    Direction::Rising => r,
                    Direction::Falling => -r,
                    Direction::Either => r.abs(),
                };
                r > *per_s || m && r > per_s - deadband
            })
        }
        Condition::State { one_of, .. } => sample.and_then(Sample::usable).map(|value| one_of.iter().any(|w| w.matches(value))),
        Condition::Quality { any_of, .. } => sample.map(|s| any_of.iter().any(|w| w.matches(s.quality))),
        Condition::Device { device } => facts.lost[device.0 as usize],
        // No leaves.
        Condition::All(_) | Condition::Any(_) | Condition::Not(_) => None,
    };
    match holds {
        Some(holds) => {
            memory.was_true = holds;
            Truth::of(holds)
        }
        None => Truth::Unknown,
    }
}
