//! Dates and times as tables write them.
//!
//! A date such as 3/4/2024 is in March or in April depending on who wrote it. One cell cannot say; a
//! column usually can, because some day is past the twelfth. So the order is found for a column, and
//! where nothing in it tells, that is said.

use super::Row;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// Order of day and month where a date is written with numbers and the year comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    MonthFirst,
    DayFirst,
}

/// What a column says about the order of its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundOrder {
    /// Every date begins with its year, or names its month.
    NotNeeded,
    Found(DateOrder),
    /// Every date can be read both ways.
    Ambiguous,
    /// Some dates can only be read with the month first, some only with the day first.
    Contradictory,
}

/// The parts of a date with two leading numbers and the year last.
fn ambiguous_parts(text: &str) -> Option<(u32, u32)> {
    let date = text.trim().split([' ', 'T']).next()?;
    let mut parts = date.split(['/', '.', '-']);
    let (a, b, year) = (parts.next()?, parts.next()?, parts.next()?);
    if a.len() > 2 || b.len() > 2 || year.is_empty() {
        return None;
    }
    Some((a.parse().ok()?, b.parse().ok()?))
}

/// Finds the order of dates in a column.
pub fn date_order<'r>(cells: impl Iterator<Item = &'r str>) -> FoundOrder {
    let (mut any, mut month_first, mut day_first) = (false, false, false);
    for (a, b) in cells.filter_map(ambiguous_parts) {
        any = true;
        month_first |= b > 12;
        day_first |= a > 12;
    }
    match (any, month_first, day_first) {
        (false, ..) => FoundOrder::NotNeeded,
        (_, true, true) => FoundOrder::Contradictory,
        (_, true, false) => FoundOrder::Found(DateOrder::MonthFirst),
        (_, false, true) => FoundOrder::Found(DateOrder::DayFirst),
        (_, false, false) => FoundOrder::Ambiguous,
    }
}

/// Finds the order of dates in a column of a table.
pub fn date_order_of(rows: &[Row], column: usize) -> FoundOrder {
    date_order(rows.iter().filter_map(|r| r.cells.get(column)).map(String::as_str))
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

fn month(text: &str) -> Option<i8> {
    if let Ok(number) = text.parse::<i8>() {
        return Some(number);
    }
    let lower = text.get(..3)?.to_lowercase();
    MONTHS.iter().position(|m| *m == lower).map(|i| i as i8 + 1)
}

fn year(text: &str) -> Option<i16> {
    let number: i16 = text.parse().ok()?;
    match text.len() {
        4 => Some(number),
        // Two digits: the century turns at 70, as in POSIX's strptime.
        2 => Some(if number < 70 { 2000 + number } else { 1900 + number }),
        _ => None,
    }
}

fn date(text: &str, order: DateOrder) -> Option<Date> {
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Date::new(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?).ok();
    }
    let mut parts = text.split(['/', '.', '-']);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    if a.len() == 4 {
        return Date::new(year(a)?, month(b)?, c.parse().ok()?).ok();
    }
    let named = b.parse::<u8>().is_err();
    match order {
        _ if named => Date::new(year(c)?, month(b)?, a.parse().ok()?).ok(),
        DateOrder::MonthFirst => Date::new(year(c)?, month(a)?, b.parse().ok()?).ok(),
        DateOrder::DayFirst => Date::new(year(c)?, month(b)?, a.parse().ok()?).ok(),
    }
}

/// A time of day, with a 12-hour clock's half of the day; 24:00 is the end of the day, told by the second value.
fn time(text: &str, half: Option<&str>) -> Option<(Time, bool)> {
    let (text, half) = match (text.get(text.len().saturating_sub(2)..), half) {
        (Some(end), None) if end.eq_ignore_ascii_case("am") || end.eq_ignore_ascii_case("pm") => (&text[..text.len() - 2], Some(end)),
        _ => (text, half),
    };
    let mut parts = text.split(':');
    let mut hour: i8 = parts.next()?.parse().ok()?;
    let minute: i8 = parts.next().unwrap_or("0").parse().ok()?;
    let (second, fraction) = match parts.next() {
        None => (0, 0),
        Some(s) => {
            let (whole, fraction) = s.split_once(['.', ',']).unwrap_or((s, ""));
            let digits: String = fraction.chars().take(9).collect();
            let nanoseconds = if digits.is_empty() { 0 } else { format!("{digits:0<9}").parse().ok()? };
            (whole.parse().ok()?, nanoseconds)
        }
    };
    if parts.next().is_some() {
        return None;
    }
    match half.map(str::to_lowercase).as_deref() {
        Some("am") if (1..=12).contains(&hour) => hour %= 12,
        Some("pm") if (1..=12).contains(&hour) => hour = hour % 12 + 12,
        Some(_) => return None,
        None => {}
    }
    if hour == 24 && minute == 0 && second == 0 && fraction == 0 {
        return Some((Time::midnight(), true));
    }
    Some((Time::new(hour, minute, second, fraction).ok()?, false))
}

/// A moment as written: civil, or with its offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenMoment {
    pub civil: DateTime,
    /// Seconds east of UTC, where the text says so.
    pub offset_s: Option<i32>,
}

/// Reads a date and time: ISO 8601 (with `T` or a blank, with or without offset), or a date with day and month in `order` and a clock
/// of 24 or 12 hours. A date alone is its midnight.
pub fn moment(text: &str, order: DateOrder) -> Option<WrittenMoment> {
    let text = text.trim();
    let (text, offset_s) = split_offset(text)?;
    let mut words = text.split(['T', ' ']).filter(|w| !w.is_empty());
    let day = date(words.next()?, order)?;
    let Some(clock) = words.next() else { return Some(WrittenMoment { civil: day.at(0, 0, 0, 0), offset_s }) };
    let (clock, ends_day) = time(clock, words.next())?;
    if words.next().is_some() {
        return None;
    }
    let day = if ends_day { day.tomorrow().ok()? } else { day };
    Some(WrittenMoment { civil: day.to_datetime(clock), offset_s })
}

/// Days since 1970-01-01.
pub fn day_number(date: Date) -> i32 {
    date.since(Date::constant(1970, 1, 1)).map_or(0, |span| span.get_days())
}

/// The time zone of an IANA name (`America/Chicago`), `UTC`, or an offset (`-06:00`).
pub fn time_zone(name: &str) -> Option<TimeZone> {
    let name = name.trim();
    if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("gmt") {
        return Some(TimeZone::UTC);
    }
    if name.starts_with(['+', '-']) {
        let (_, offset_s) = split_offset(&format!("0:0{name}"))?;
        return Some(TimeZone::fixed(jiff::tz::Offset::from_seconds(offset_s?).ok()?));
    }
    TimeZone::get(name).ok()
}

/// Parts an offset (`Z`, `+01:00`, `-0530`) from the end of a moment that has a time of day.
fn split_offset(text: &str) -> Option<(&str, Option<i32>)> {
    if let Some(rest) = text.strip_suffix(['Z', 'z']) {
        return Some((rest, Some(0)));
    }
    let Some(colon) = text.find(':') else { return Some((text, None)) };
    let Some(sign) = text[colon..].find(['+', '-']).map(|i| i + colon) else { return Some((text, None)) };
    let digits: String = text[sign + 1..].chars().filter(|&c| c != ':').collect();
    if !(digits.len() == 2 || digits.len() == 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours: i32 = digits[..2].parse().ok()?;
    let minutes: i32 = digits.get(2..).filter(|m| !m.is_empty()).map_or(Some(0), |m| m.parse().ok())?;
    let seconds = hours * 3600 + minutes * 60;
    Some((text[..sign].trim_end(), Some(if text[sign..].starts_with('-') { -seconds } else { seconds })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use DateOrder::{DayFirst, MonthFirst};

    fn read(text: &str, order: DateOrder) -> Option<String> {
        moment(text, order).map(|m| match m.offset_s {
            None => m.civil.to_string(),
            Some(s) => format!("{}{s:+}", m.civil),
        })
    }

    #[test]
    fn layouts() {
        for (text, order, expected) in [
            ("2024-01-05T14:00", MonthFirst, "2024-01-05T14:00:00"),
            ("2024-01-05 14:00:30.25", MonthFirst, "2024-01-05T14:00:30.25"),
            ("2024-01-05T14:00:00Z", MonthFirst, "2024-01-05T14:00:00+0"),
            ("2024-01-05 14:00-05:30", MonthFirst, "2024-01-05T14:00:00-19800"),
            ("1/5/2024 2:00 PM", MonthFirst, "2024-01-05T14:00:00"),
            ("1/5/2024 12:30AM", MonthFirst, "2024-01-05T00:30:00"),
            ("1/5/2024", DayFirst, "2024-05-01T00:00:00"),
            ("05.01.24 24:00", DayFirst, "2024-01-06T00:00:00"),
            ("5-Jan-2024 07:15", MonthFirst, "2024-01-05T07:15:00"),
            ("20240105 0715", MonthFirst, "none"),
            ("20240105 07:15", MonthFirst, "2024-01-05T07:15:00"),
        ] {
            assert_eq!(read(text, order).unwrap_or("none".into()), expected, "{text}");
        }
        for wrong in ["", "x", "2024-13-01", "2024-02-30 10:00", "1/5/2024 13:00 PM", "1/5/2024 25:00", "1/5/24/3", "2024-01-05 14:00+1x"] {
            assert_eq!(read(wrong, MonthFirst), None, "{wrong}");
        }
    }

    #[test]
    fn zones() {
        let offset = |name: &str| time_zone(name).map(|z| z.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds());
        assert_eq!(
            [offset("utc"), offset("-05:30"), offset("+01"), offset("Europe/Berlin")],
            [Some(0), Some(-19_800), Some(3600), Some(3600)]
        );
        assert_eq!([offset("x"), offset("+1x"), offset("")], [None, None, None]);
    }

    #[test]
    fn the_order_is_that_of_the_column() {
        let order = |cells: &[&str]| date_order(cells.iter().copied());
        assert_eq!(order(&["1/5/2024", "3/13/2024 2:00 PM"]), FoundOrder::Found(MonthFirst));
        assert_eq!(order(&["13.05.2024", ""]), FoundOrder::Found(DayFirst));
        assert_eq!(order(&["1/5/2024", "2/3/2024"]), FoundOrder::Ambiguous);
        assert_eq!(order(&["13/5/2024", "5/13/2024"]), FoundOrder::Contradictory);
        assert_eq!(order(&["2024-05-13", "5-Jan-2024"]), FoundOrder::NotNeeded);
    }
}
