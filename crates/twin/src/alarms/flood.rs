//! More alarms than a person can follow.
//!
//! A flood begins when more than [`BEGINS_ABOVE`] alarms have been shown within [`WINDOW_US`], and ends when it is fewer than
//! [`ENDS_BELOW`] (ISA-18.2-2016, clause 16; EEMUA 191). Counted for one operator position.

use scada::UtcTime;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Ten minutes. In microseconds, as instants are, so that the last instant of a window is not a matter of rounding.
pub const WINDOW_US: i64 = 600_000_000;
pub const BEGINS_ABOVE: usize = 10;
pub const ENDS_BELOW: usize = 5;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flood {
    /// When alarms of the last ten minutes were shown.
    shown: VecDeque<UtcTime>,
    pub since: Option<UtcTime>,
}

/// What a change of the count means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Begins,
    Ends,
}

impl Flood {
    /// Alarms shown in the ten minutes up to `now`.
    pub fn count(&self, now: UtcTime) -> usize {
        self.shown.iter().filter(|at| now.us.saturating_sub(at.us) < WINDOW_US).count()
    }

    pub fn show(&mut self, at: UtcTime) {
        while self.shown.front().is_some_and(|first| at.us.saturating_sub(first.us) >= WINDOW_US) {
            self.shown.pop_front();
        }
        self.shown.push_back(at);
    }

    /// Whether it has to begin or to end.
    pub fn turn(&self, now: UtcTime) -> Option<Turn> {
        let count = self.count(now);
        match self.since {
            None if count > BEGINS_ABOVE => Some(Turn::Begins),
            Some(_) if count < ENDS_BELOW => Some(Turn::Ends),
            _ => None,
        }
    }

    /// When the flood ends if nothing more is shown: the instant at which so many have left the window that fewer than five remain.
    pub fn ends_at(&self) -> Option<UtcTime> {
        self.since?;
        let last_to_leave = self.shown.len().checked_sub(ENDS_BELOW)?;
        self.shown.get(last_to_leave).map(|at| UtcTime::from_us(at.us.saturating_add(WINDOW_US)))
    }
}
