//! How a history is kept.

use super::error::HistoryError;
use super::files::DiskFaults;
use super::{DAY_US, HOUR_US};
use std::time::Duration;

/// How long each kind of record is kept. Events are kept for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub raw: Duration,
    pub hourly: Duration,
    pub daily: Duration,
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

impl Default for Retention {
    /// Raw values for 7 days, hours for 90, days for 5 years (document 001, §2.2.4).
    fn default() -> Self {
        Self { raw: DAY * 7, hourly: DAY * 90, daily: DAY * (5 * 365 + 2) }
    }
}

/// Options of an embedded history.
#[derive(Clone, Debug)]
pub struct Options {
    pub retention: Retention,
    /// How long a sample stands for the time after it, unless another one comes. A point that is told by exception has to be recorded
    /// again at least this often, or what follows is a gap. At most an hour.
    pub hold: Duration,
    /// How long the writer waits for more before it flushes what has come. Zero: what comes during one flush makes the next.
    pub commit_wait: Duration,
    /// Samples in memory after which a segment is written.
    pub segment_samples: usize,
    /// Samples and events that may wait to be acknowledged.
    pub backlog: usize,
    /// How far ahead of the clock handed in a sample may lie; the newest value of a point must not come from a clock that is wrong.
    pub ahead: Duration,
    /// How long after its end an hour is summed up, so that what comes a little late is in it at once.
    pub grace: Duration,
    /// How long the writer waits before it tries a disk again that refused.
    pub retry: Duration,
    pub faults: DiskFaults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention: Retention::default(),
            hold: Duration::from_secs(60),
            commit_wait: Duration::ZERO,
            segment_samples: 1_000_000,
            backlog: 1_000_000,
            ahead: HOUR,
            grace: Duration::from_secs(120),
            retry: Duration::from_millis(250),
            faults: DiskFaults::default(),
        }
    }
}

/// Microseconds of a duration, at most three centuries.
pub(crate) fn us(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX).min(300 * 366 * DAY_US)
}

impl Options {
    /// What is wrong with them, if anything.
    ///
    /// # Errors
    /// `Options`, naming the option.
    pub fn check(&self) -> Result<(), HistoryError> {
        let fault = |option, reason: &str| Err(HistoryError::Options { option, reason: reason.into() });
        if us(self.hold) > HOUR_US || self.hold.is_zero() {
            return fault("hold", "it has to be more than nothing and at most an hour");
        }
        // Summing up an hour needs the one before it, and an hour that is still being filled must stay.
        if self.retention.raw < HOUR * 3 {
            return fault("retention.raw", "raw values have to be kept for three hours at least");
        }
        if self.retention.hourly < self.retention.raw.max(DAY * 2) {
            return fault("retention.hourly", "hours have to be kept for two days at least, and as long as raw values");
        }
        if self.retention.daily < self.retention.hourly {
            return fault("retention.daily", "days have to be kept as long as hours");
        }
        if self.segment_samples == 0 || self.backlog == 0 {
            return fault("segment_samples, backlog", "they have to be more than nothing");
        }
        if self.grace >= HOUR {
            return fault("grace", "it has to be less than an hour");
        }
        Ok(())
    }
}
