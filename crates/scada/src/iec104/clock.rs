//! The time of telegrams (CP56Time2a): seven octets, of the calendar.
//!
//! Telecontrol runs on UTC here. A station that is set to another zone is a fault of its set-up, which shows as a clock that is hours away.

use crate::time::UtcTime;
use network::calendar::{civil_from_days, days_from_civil};

/// Milliseconds within the minute, minute, hour, day and weekday, month, year of the century.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cp56 {
    pub octets: [u8; 7],
}

impl Cp56 {
    /// To the millisecond.
    pub fn from_utc(time: UtcTime) -> Self {
        let ms = time.ms();
        let (days, in_day_ms) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
        let (year, month, day) = civil_from_days(days);
        // 1970-01-01 was a Thursday; Monday is 1, Sunday 7.
        let weekday = (days + 3).rem_euclid(7) + 1;
        let in_minute = (in_day_ms % 60_000) as u16;
        let [low, high] = in_minute.to_le_bytes();
        let minute = (in_day_ms / 60_000 % 60) as u8;
        let hour = (in_day_ms / 3_600_000) as u8;
        Self { octets: [low, high, minute, hour, (weekday as u8) << 5 | day as u8, month as u8, year.rem_euclid(100) as u8] }
    }

    pub fn is_invalid(self) -> bool {
        self.octets[2] & 0x80 != 0
    }

    /// The instant; years are those of 2000 to 2099. `None` of a date that no calendar has.
    pub fn to_utc(self) -> Option<UtcTime> {
        let [low, high, minute, hour, day, month, year] = self.octets;
        let ms = i64::from(u16::from_le_bytes([low, high]));
        let (minute, hour) = (i64::from(minute & 0x3F), i64::from(hour & 0x1F));
        let (day, month, year) = (i64::from(day & 0x1F), i64::from(month & 0x0F), 2000 + i64::from(year & 0x7F));
        if ms > 59_999 || minute > 59 || hour > 23 || year > 2099 || !(1..=12).contains(&month) || day < 1 {
            return None;
        }
        let days = days_from_civil(year, month, day);
        // A day past the end of its month lands in the next one.
        if civil_from_days(days) != (year, month, day) {
            return None;
        }
        // An hour of summer time (bit 80) is told on a local clock: an hour ahead of the standard one.
        let summer_ms = if self.octets[3] & 0x80 != 0 { 3_600_000 } else { 0 };
        Some(UtcTime::from_ms(days * 86_400_000 + hour * 3_600_000 + minute * 60_000 + ms - summer_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_instant() {
        // 2026-11-22T04:46:21.250Z, a Sunday: 1 795 322 781.25 s.
        let time = UtcTime::from_ms(1_795_322_781_250);
        let cp56 = Cp56::from_utc(time);
        assert_eq!(cp56.octets, [0x02, 0x53, 46, 4, 7 << 5 | 22, 11, 26]);
        assert_eq!(cp56.to_utc(), Some(time));
    }

    #[test]
    fn every_day_of_the_century_comes_back() {
        for day in 0..36_525 {
            let time = UtcTime::from_ms((10_957 + day) * 86_400_000 + 86_399_999);
            assert_eq!(Cp56::from_utc(time).to_utc(), Some(time), "day {day}");
        }
    }

    #[test]
    fn dates_that_are_none_are_none() {
        for octets in [
            [0, 0, 0, 0, 30, 2, 26],
            [0, 0, 0, 0, 29, 2, 26],
            [0, 0, 0, 0, 0, 1, 26],
            [0, 0, 0, 0, 1, 13, 26],
            [0x60, 0xEA, 0, 0, 1, 1, 26],
            [0, 0, 60, 0, 1, 1, 26],
            [0, 0, 0, 24, 1, 1, 26],
            [0xFF; 7],
        ] {
            assert_eq!(Cp56 { octets }.to_utc(), None, "{octets:?}");
        }
        assert!(Cp56 { octets: [0, 0, 0, 0, 29, 2, 28] }.to_utc().is_some());
    }
}
