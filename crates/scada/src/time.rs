//! Instants of the world's clock, as devices stamp them.

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970-01-01T00:00:00Z, leap seconds left out.
///
/// The finest clock of the protocols here is that of IEC 61850, 24 bits of a second (60 ns); what is below a microsecond is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtcTime {
    pub us: i64,
}

impl UtcTime {
    pub const fn from_us(us: i64) -> Self {
        Self { us }
    }

    pub const fn from_ms(ms: i64) -> Self {
        Self { us: ms.saturating_mul(1000) }
    }

    /// The clock of this computer. A clock set before 1970 gives negative instants.
    pub fn now() -> Self {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Self { us: i64::try_from(since.as_micros()).unwrap_or(i64::MAX) },
            Err(before) => Self { us: i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |us| -us) },
        }
    }

    /// Milliseconds since 1970, rounded down.
    pub const fn ms(self) -> i64 {
        self.us.div_euclid(1000)
    }

    /// Seconds from `earlier` to this instant; negative when this is the earlier one.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.us.saturating_sub(earlier.us) as f64 * 1e-6
    }

    pub fn plus(self, by: Duration) -> Self {
        Self { us: self.us.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)) }
    }
}
