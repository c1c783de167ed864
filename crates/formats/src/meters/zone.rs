//! From local times to instants.
//!
//! A zone is a list of spans of one offset each. Local time `L` belongs to the span that begins at instant `u` with offset `o`, and ends
//! at `u'`, when `u + o <= L < u' + o`. When clocks go forward some `L` belong to none, when they go back some belong to two.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use network::calendar::days_from_civil;

/// What a zone is asked for with, beside its name.
const STANDARD: &str = "standard:";

/// Years for which transitions are listed; stamps outside of them are refused before a zone is asked.
pub const FIRST_YEAR: i64 = 1980;
pub const LAST_YEAR: i64 = 2099;

/// Where a local time stands on the time axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnAxis {
    One(i64),
    /// Clocks go back: the first and the second of two instants of this local time.
    Two(i64, i64),
    /// Clocks go forward over this local time; the instant that the offset before the change would give.
    None(i64),
}

/// A time zone with the offsets of all years that can be met.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    /// First instant and offset of each span, s.
    spans: Vec<(i64, i64)>,
    /// A range of local time of one offset: the last one asked for.
    from: i64,
    until: i64,
    offset: i64,
}

/// The text names no zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownZone;

impl Zone {
    pub fn utc() -> Self {
        Self::fixed("UTC".to_owned(), 0)
    }

    fn fixed(name: String, offset: i64) -> Self {
        Self { name, spans: vec![(i64::MIN / 4, offset)], from: i64::MIN / 4, until: i64::MAX / 4, offset }
    }

    /// A zone by its text: `UTC`, `+10:00`, an IANA name, or `standard:` before one for its standard time all year.
    pub fn parse(text: &str) -> Result<Self, UnknownZone> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("gmt") {
            return Ok(Self::utc());
        }
        let bare = text.strip_prefix("UTC").or_else(|| text.strip_prefix("utc")).unwrap_or(text);
        if let Some(offset) = fixed_offset(bare.as_bytes()) {
            return Ok(Self::fixed(text.to_owned(), offset));
        }
        let (name, standard) = match text.get(..STANDARD.len()) {
            Some(head) if head.eq_ignore_ascii_case(STANDARD) => (text[STANDARD.len()..].trim(), true),
            _ => (text, false),
        };
        let zone = TimeZone::get(name).map_err(|_| UnknownZone)?;
        let start = Timestamp::from_second(seconds_of_year(FIRST_YEAR)).map_err(|_| UnknownZone)?;
        let end = seconds_of_year(LAST_YEAR + 1);
        let info = zone.to_offset_info(start);
        let mut spans = vec![(i64::MIN / 4, i64::from(info.offset().seconds()), info.dst().is_dst())];
        for t in zone.following(start) {
            if t.timestamp().as_second() >= end {
                break;
            }
            spans.push((t.timestamp().as_second(), i64::from(t.offset().seconds()), t.dst().is_dst()));
        }
        if standard {
            spans.retain(|s| !s.2);
            if spans.is_empty() {
                return Err(UnknownZone);
            }
            spans[0].0 = i64::MIN / 4;
        }
        let mut merged: Vec<(i64, i64)> = Vec::new();
        for (at, offset, _) in spans {
            if merged.last().is_none_or(|l| l.1 != offset) {
                merged.push((at, offset));
            }
        }
        Ok(Self { name: text.to_owned(), spans: merged, from: 0, until: 0, offset: 0 })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Spans of one offset: first instant (s since 1970 UTC) and offset (s).
    pub fn spans(&self) -> &[(i64, i64)] {
        &self.spans
    }

    /// Offset at an instant, s.
    pub fn offset_at(&self, utc_s: i64) -> i64 {
        let i = self.spans.partition_point(|s| s.0 <= utc_s).saturating_sub(1);
        self.spans[i].1
    }

    /// The instant of a local time, both in seconds since 1970.
    #[inline]
    pub fn instant(&mut self, local_s: i64) -> OnAxis {
        if self.from <= local_s && local_s < self.until {
            return OnAxis::One(local_s - self.offset);
        }
        self.search(local_s)
    }

    fn search(&mut self, local_s: i64) -> OnAxis {
        let end_of = |i: usize| self.spans.get(i + 1).map_or(i64::MAX / 4, |s| s.0);
        let near = self.spans.partition_point(|s| s.0 <= local_s);
        // An offset is less than two days, so that only spans around can hold it.
        let (low, high) = (near.saturating_sub(3), (near + 3).min(self.spans.len()));
        let mut found: [Option<usize>; 2] = [None, None];
        let mut before = low;
        for i in low..high {
            let (start, offset) = self.spans[i];
            if start + offset <= local_s {
                before = i;
                if local_s < end_of(i) + offset {
                    if found[0].is_none() {
                        found[0] = Some(i);
                    } else {
                        found[1] = Some(i);
                    }
                }
            }
        }
        match found {
            [Some(i), None] => {
                let (start, offset) = self.spans[i];
                let earlier = i.checked_sub(1).map_or(offset, |b| self.spans[b].1);
                let later = self.spans.get(i + 1).map_or(offset, |s| s.1);
                self.from = start + offset.max(earlier);
                self.until = end_of(i) + offset.min(later);
                self.offset = offset;
                OnAxis::One(local_s - offset)
            }
            [Some(a), Some(b)] => OnAxis::Two(local_s - self.spans[a].1, local_s - self.spans[b].1),
            _ => {
                let b = before.min(self.spans.len() - 1);
                // The last span that has begun by its own clock; the offset before the change is that of the one that has ended.
                OnAxis::None(local_s - self.spans[b].1)
            }
        }
    }
}

/// `+10`, `+1000`, `-05:30` in seconds.
pub fn fixed_offset(text: &[u8]) -> Option<i64> {
    let (&sign, rest) = text.split_first()?;
    let sign = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: Vec<i64> =
        rest.iter().filter(|b| **b != b':').map(|b| b.is_ascii_digit().then(|| i64::from(b - b'0'))).collect::<Option<_>>()?;
    let colon = rest.iter().position(|b| *b == b':');
    let (hours, minutes) = match (digits.as_slice(), colon) {
        ([h], None) => (*h, 0),
        ([a, b], None) => (a * 10 + b, 0),
        ([a, b, c, d], None | Some(2)) => (a * 10 + b, c * 10 + d),
        ([a, c, d], Some(1)) => (*a, c * 10 + d),
        _ => return None,
    };
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn seconds_of_year(year: i64) -> i64 {
    days_from_civil(year, 1, 1) * 86_400
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(y: i64, m: i64, d: i64, h: i64, min: i64) -> i64 {
        days_from_civil(y, m, d) * 86_400 + h * 3600 + min * 60
    }

    #[test]
    fn clocks_go_forward_and_back() {
        let mut zone = Zone::parse("America/Chicago").unwrap();
        // 2016-03-13: 02:00 CST is 03:00 CDT; 2016-11-06: 02:00 CDT is 01:00 CST.
        assert_eq!(zone.instant(at(2016, 3, 13, 1, 59)), OnAxis::One(at(2016, 3, 13, 7, 59)));
        assert_eq!(zone.instant(at(2016, 3, 13, 2, 0)), OnAxis::None(at(2016, 3, 13, 8, 0)));
        assert_eq!(zone.instant(at(2016, 3, 13, 2, 45)), OnAxis::None(at(2016, 3, 13, 8, 45)));
        assert_eq!(zone.instant(at(2016, 3, 13, 3, 0)), OnAxis::One(at(2016, 3, 13, 8, 0)));
        assert_eq!(zone.instant(at(2016, 11, 6, 0, 59)), OnAxis::One(at(2016, 11, 6, 5, 59)));
        assert_eq!(zone.instant(at(2016, 11, 6, 1, 0)), OnAxis::Two(at(2016, 11, 6, 6, 0), at(2016, 11, 6, 7, 0)));
        assert_eq!(zone.instant(at(2016, 11, 6, 1, 59)), OnAxis::Two(at(2016, 11, 6, 6, 59), at(2016, 11, 6, 7, 59)));
        assert_eq!(zone.instant(at(2016, 11, 6, 2, 0)), OnAxis::One(at(2016, 11, 6, 8, 0)));
        assert_eq!(zone.offset_at(at(2016, 7, 1, 0, 0)), -5 * 3600);
        let mut standard = Zone::parse("standard:America/Chicago").unwrap();
        assert_eq!(standard.instant(at(2016, 7, 1, 12, 0)), OnAxis::One(at(2016, 7, 1, 18, 0)));
        // The southern half of the earth, and a change of half an hour.
        let mut howe = Zone::parse("Australia/Lord_Howe").unwrap();
        assert!(matches!(howe.instant(at(2020, 4, 5, 1, 45)), OnAxis::Two(..)));
        assert_eq!(Zone::parse("+05:30").unwrap().instant(at(2020, 1, 1, 5, 30)), OnAxis::One(at(2020, 1, 1, 0, 0)));
        for bad in ["", "Mars/Olympus", "+25:00", "standard:", "12"] {
            assert!(Zone::parse(bad).is_err(), "{bad}");
        }
    }
}
