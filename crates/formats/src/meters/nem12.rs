//! NEM12, the interval files of the Australian market (AEMO, *Meter data file format specification*).
//!
//! Records: 100 header; 200 meter, register, unit and interval length; 300 a day of values with their quality; 400 qualities by range of
//! intervals where the 300 says V; 500 and 550 belong to bills; 900 end. A day is one of standard time without daylight saving, +10:00
//! in the market. A file that ends before its 900 record has been cut off.

use super::layout::{self, Kind, Meaning, text};
use super::stamp::{self, Cell, DateOrder};
use super::zone::OnAxis;
use super::{Fault, Job, Line, Lines, unreadable};
use crate::ImportError;
use network::{Channel, Diagnostic, Disposition, ReadingQuality, ReadingSeries, SourceRef};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NemKind {
    Nem12,
    Nem13,
}

/// Whether a first line is that of a NEM file.
pub fn kind(line: &[u8]) -> Option<NemKind> {
    let mut fields = line.split(|b| *b == b',').map(|f| f.trim_ascii());
    match (fields.next(), fields.next()) {
        (Some(b"100"), Some(b"NEM12")) => Some(NemKind::Nem12),
        (Some(b"100"), Some(b"NEM13")) => Some(NemKind::Nem13),
        (Some(b"200"), Some(_)) if line.split(|b| *b == b',').count() >= 9 => Some(NemKind::Nem12),
        (Some(b"250"), Some(_)) if line.split(|b| *b == b',').count() >= 15 => Some(NemKind::Nem13),
        _ => None,
    }
}

/// What a 200 record says.
struct Register {
    series: u32,
    scale: f64,
    interval_s: i64,
}

/// A day whose qualities may follow in 400 records.
struct Day {
    series: u32,
    interval_s: i64,
    start: i64,
    values: Vec<f64>,
    quality: Vec<ReadingQuality>,
    /// Intervals that a 400 record still has to speak of.
    open: usize,
    line: u64,
}

pub fn read(job: &mut Job<'_>, lines: &mut Lines<'_>) -> Result<(), ImportError> {
    let mut register: Option<Register> = None;
    let mut day: Option<Day> = None;
    let mut ended = false;
    let source = SourceRef::new(job.file.clone(), 1);
    loop {
        let line = lines.next().map_err(|e| unreadable(&job.file, &e))?;
        let (from, to) = match line {
            None => break,
            Some(Line::TooLong) => {
                job.summary.rows += 1;
                job.bad(Fault::TooLong, lines.line, b"")?;
                continue;
            }
            Some(Line::Whole(from, to)) => (from, to),
        };
        let bytes = lines.buffer[from..to].trim_ascii();
        if bytes.is_empty() {
            continue;
        }
        let fields: Vec<&[u8]> = bytes.split(|b| *b == b',').map(|f| f.trim_ascii()).collect();
        let line = lines.line;
        let outcome = match fields[0] {
            b"100" | b"500" | b"550" => Ok(()),
            b"200" => {
                close(job, &mut day)?;
                job.summary.rows += 1;
                match register_of(job, &fields, &source) {
                    Ok(r) => {
                        register = r;
                        Ok(())
                    }
                    Err(fault) => {
                        register = None;
                        Err(fault)
                    }
                }
            }
            b"300" => {
                close(job, &mut day)?;
                job.summary.rows += 1;
                match &register {
                    None => Err(Fault::Record("a day of a register that is not known or not used")),
                    Some(r) => day_of(job, r, &fields, line).map(|d| day = Some(d)),
                }
            }
            b"400" => match &mut day {
                None => Err(Fault::Record("qualities without a day before them")),
                Some(d) => qualities(job, d, &fields),
            },
            b"900" => {
                ended = true;
                Ok(())
            }
            _ => Err(Fault::Record("the record has no kind that NEM12 knows")),
        };
        match outcome {
            Ok(()) => job.good(),
            Err(fault) => job.bad(fault, line, bytes)?,
        }
        job.flush_if_full()?;
    }
    close(job, &mut day)?;
    if !ended {
        job.summary.diagnostics.push(
            Diagnostic::warning("METERS.NEM12.NO_END", "the file has no 900 record, so it may be cut off")
                .at(&SourceRef::new(job.file.clone(), u32::try_from(lines.line).unwrap_or(u32::MAX)))
                .hint("Copy the file again."),
        );
    }
    Ok(())
}

/// The channel of a register's suffix: its first letter. The letters are the market's.
fn channel(suffix: &str) -> Option<Channel> {
    Some(match suffix.chars().next()?.to_ascii_uppercase() {
        'E' | 'A' => Channel::DeliveredKwh,
        'B' | 'D' => Channel::ReceivedKwh,
        'N' => Channel::NetKwh,
        'Q' | 'C' => Channel::DeliveredKvarh,
        'K' | 'F' => Channel::ReceivedKvarh,
        'V' => Channel::VoltageV,
        _ => return None,
    })
}

fn register_of(job: &mut Job<'_>, f: &[&[u8]], source: &SourceRef) -> Result<Option<Register>, Fault> {
    let get = |i: usize| f.get(i).copied().unwrap_or_default();
    let minutes = match stamp::number(get(8), false) {
        Cell::Number(m) if m.fract() == 0.0 && (1.0..=60.0).contains(&m) && 1440 % (m as i64) == 0 => m as i64,
        _ => return Err(Fault::Record("the length of the intervals cannot be read")),
    };
    let suffix = text(get(4));
    let Some(mut channel) = channel(&suffix) else {
        let reason = format!("register {suffix} is no energy, reactive energy or voltage");
        job.summary.ledger.record("200.suffix", Disposition::Dropped { reason }, Some(source));
        return Ok(None);
    };
    let unit_text = text(get(7)).to_lowercase();
    let interval_s = minutes * 60;
    let scale = if unit_text.is_empty() {
        if channel == Channel::VoltageV {
            1.0
        } else {
            return Err(Fault::Record("the record tells no unit"));
        }
    } else {
        let (measure, scale) = layout::unit(&unit_text).ok_or(Fault::Record("the unit is not known"))?;
        let way = match channel {
            Channel::ReceivedKwh | Channel::ReceivedKvarh => Some(layout::Direction::Received),
            Channel::NetKwh => Some(layout::Direction::Net),
            _ => Some(layout::Direction::Delivered),
        };
        let Meaning { channel: of_unit, scale, power_to_energy } = layout::meaning(measure, scale, way, false, Kind::Meter);
        channel = of_unit;
        scale * if power_to_energy { interval_s as f64 / 3600.0 } else { 1.0 }
    };
    let disposition =
        if scale == 1.0 { Disposition::Kept } else { Disposition::Converted { formula: format!("{} = value × {scale}", channel.name()) } };
    job.summary.ledger.record(&format!("register in {unit_text}"), disposition, Some(source));
    let meter = job.reader.meter(get(1), None)?;
    let series = job.reader.series(ReadingSeries { meter, channel, register: suffix.as_str().into(), interval_s: interval_s as u32 });
    Ok(Some(Register { series, scale, interval_s }))
}

fn day_of(job: &mut Job<'_>, r: &Register, f: &[&[u8]], line: u64) -> Result<Day, Fault> {
    let n = (86_400 / r.interval_s) as usize;
    if f.len() < n + 3 {
        return Err(Fault::Record("the day has fewer values than its intervals"));
    }
    if f[1].len() != 8 {
        return Err(Fault::Record("the day has no date"));
    }
    let date = stamp::parse(f[1], DateOrder::MonthFirst).ok_or(Fault::Record("the day has no date"))?;
    let mut values = Vec::with_capacity(n);
    for text in &f[2..2 + n] {
        match stamp::number(text, false) {
            Cell::Number(x) => values.push(if r.scale == 1.0 { x } else { x * r.scale }),
            Cell::Empty => values.push(f64::NAN),
            Cell::Unreadable => return Err(Fault::Record("a value of the day is no number")),
        }
    }
    let code = f[2 + n];
    let varies = code.eq_ignore_ascii_case(b"V");
    if code.is_empty() || !code[0].is_ascii_alphabetic() {
        return Err(Fault::Record("the day has no quality after its values"));
    }
    let quality = if varies { ReadingQuality::Missing } else { job.quality(code, usize::MAX)? };
    let start = match job.zone.instant(date.local_s) {
        OnAxis::One(s) | OnAxis::Two(s, _) | OnAxis::None(s) => s,
    };
    let quality = vec![quality; n];
    Ok(Day { series: r.series, interval_s: r.interval_s, start, values, quality, open: if varies { n } else { 0 }, line })
}

fn qualities(job: &mut Job<'_>, day: &mut Day, f: &[&[u8]]) -> Result<(), Fault> {
    let whole = |i: usize| match f.get(i).map(|t| stamp::number(t, false)) {
        Some(Cell::Number(x)) if x.fract() == 0.0 && x >= 1.0 && x <= day.values.len() as f64 => Some(x as usize),
        _ => None,
    };
    let (Some(from), Some(to)) = (whole(1), whole(2)) else {
        return Err(Fault::Record("the range of intervals of a 400 record cannot be read"));
    };
    if from > to {
        return Err(Fault::Record("the range of intervals of a 400 record ends before it begins"));
    }
    let code = f.get(3).copied().unwrap_or_default();
    if code.is_empty() {
        return Err(Fault::Record("a 400 record names no quality"));
    }
    let quality = job.quality(code, usize::MAX)?;
    day.quality[from - 1..to].fill(quality);
    day.open = day.open.saturating_sub(to - from + 1);
    Ok(())
}

/// Hands a day on. Intervals of a day that varies, of which no 400 record spoke, have no quality: they are missing.
fn close(job: &mut Job<'_>, day: &mut Option<Day>) -> Result<(), ImportError> {
    let Some(day) = day.take() else { return Ok(()) };
    if day.open > 0 {
        let at = SourceRef::new(job.file.clone(), u32::try_from(day.line).unwrap_or(u32::MAX));
        if job.summary.diagnostics.iter().filter(|d| d.code == "METERS.NEM12.NO_QUALITY").count() < 20 {
            job.summary.diagnostics.push(
                Diagnostic::warning("METERS.NEM12.NO_QUALITY", "a day of varying quality does not say the quality of all its intervals")
                    .at(&at)
                    .detail(format!("{} intervals are taken as missing.", day.open))
                    .hint("Ask for the file again with its 400 records."),
            );
        }
    }
    for (k, (&value, &quality)) in day.values.iter().zip(&day.quality).enumerate() {
        let end = day.start + (k as i64 + 1) * day.interval_s;
        if value.is_nan() || quality == ReadingQuality::Missing {
            job.summary.empty += 1;
            job.push(day.series, end, f64::NAN, ReadingQuality::Missing);
        } else {
            job.push(day.series, end, value, quality);
        }
    }
    job.flush_if_full()
}
