//! Tables of one row a meter, day and channel, an interval a column.
//!
//! Columns named by the clock mean the clock: those of the hour that is skipped must be empty, and the hour that comes twice stands once
//! (its second time is a gap). Numbered columns of a day of 23 or 25 hours count elapsed time when exactly the surplus is empty or filled.

use super::layout::{self, Layout, Meaning, Wide};
use super::stamp::{self, Cell};
use super::zone::OnAxis;
use super::{Fault, Job, Line, Lines, unreadable};
use crate::ImportError;
use network::{ReadingQuality, ReadingSeries};

pub fn read(job: &mut Job<'_>, layout: &Layout, wide: &Wide, lines: &mut Lines<'_>) -> Result<(), ImportError> {
    let mut header = true;
    let mut last = None;
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
        let bytes = &lines.buffer[from..to];
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        if std::mem::take(&mut header) {
            continue;
        }
        job.summary.rows += 1;
        match row(job, layout, wide, bytes, &mut last) {
            Ok(()) => job.good(),
            Err(fault) => job.bad(fault, lines.line, bytes)?,
        }
        job.flush_if_full()?;
    }
    Ok(())
}

fn row(job: &mut Job<'_>, layout: &Layout, wide: &Wide, line: &[u8], last: &mut Option<u32>) -> Result<(), Fault> {
    let owned;
    let mut split: Vec<&[u8]>;
    if memchr::memchr(b'"', line).is_some() {
        owned = layout::fields(line, layout.delimiter);
        split = owned.iter().map(Vec::as_slice).collect();
    } else {
        split = line.split(|b| *b == layout.delimiter).collect();
    }
    let expected = layout.header.len();
    if split.len() == expected + 1 && split[expected].is_empty() {
        split.pop();
    }
    if split.len() != expected {
        return Err(Fault::Fields { found: split.len(), expected });
    }
    let meter = job.reader.meter(split[wide.meter].trim_ascii(), *last)?;
    *last = Some(meter);
    let date = stamp::parse(split[wide.date], layout.order).ok_or(Fault::Time { column: wide.date })?;
    if date.local_s.rem_euclid(86_400) != 0 {
        return Err(Fault::Time { column: wide.date });
    }
    let quality = match wide.quality {
        Some(c) => job.quality(split[c], c)?,
        None => ReadingQuality::Actual,
    };
    let meaning = meaning_of(layout, wide, &split)?;
    let register = wide.register.map(|c| layout::text(split[c])).unwrap_or_default();
    let interval = i64::from(wide.interval_s);
    let series = job.reader.series(ReadingSeries {
        meter,
        channel: meaning.channel,
        register: register.as_str().into(),
        interval_s: wide.interval_s,
    });
    let hours = if meaning.power_to_energy { f64::from(wide.interval_s) / 3600.0 } else { 1.0 };
    let factor = meaning.scale * hours;

    let mut cells = Vec::with_capacity(wide.values.len());
    for &(column, at) in &wide.values {
        match stamp::number(split[column], layout.decimal_comma) {
            Cell::Unreadable => return Err(Fault::Number { column }),
            cell => cells.push((column, at, cell)),
        }
    }
    let midnight = |job: &mut Job<'_>, local: i64| match (date.offset_s, job.zone.instant(local)) {
        (Some(offset), _) => local - offset,
        (None, OnAxis::One(s) | OnAxis::None(s) | OnAxis::Two(s, _)) => s,
    };
    let start = midnight(job, date.local_s);
    let length = midnight(job, date.local_s + 86_400) - start;
    let expected_cells = (length / interval) as usize;
    let filled = |range: &[(usize, i64, Cell)]| range.iter().all(|c| matches!(c.2, Cell::Number(_)));
    let empty = |range: &[(usize, i64, Cell)]| range.iter().all(|c| c.2 == Cell::Empty);
    let per_day = (86_400 / interval) as usize;
    let elapsed = wide.numbered
        && expected_cells <= cells.len()
        && empty(&cells[expected_cells..])
        && (expected_cells >= per_day || filled(&cells[..expected_cells]));
    let before = job.block.len();
    for (k, &(column, at, cell)) in cells.iter().enumerate() {
        let local_start = date.local_s + at;
        let begin = if elapsed {
            if k >= expected_cells {
                break;
            }
            start + k as i64 * interval
        } else {
            if at >= 86_400 {
                if cell == Cell::Empty {
                    continue;
                }
                job.block.truncate(before);
                return Err(Fault::Skipped { column });
            }
            match (date.offset_s, job.zone.instant(local_start)) {
                (Some(offset), _) => local_start - offset,
                (None, OnAxis::One(s)) => s,
                (None, OnAxis::Two(first, _)) => {
                    job.summary.repeated.0 += 1;
                    first
                }
                // Nothing, or a zero that fills the table, is right in an hour that does not exist.
                (None, OnAxis::None(_)) if matches!(cell, Cell::Empty | Cell::Number(0.0)) => continue,
                (None, OnAxis::None(_)) => {
                    job.block.truncate(before);
                    return Err(Fault::Skipped { column });
                }
            }
        };
        match cell {
            Cell::Number(x) => job.push(series, begin + interval, if factor == 1.0 { x } else { x * factor }, quality),
            _ => {
                job.summary.empty += 1;
                job.push(series, begin + interval, f64::NAN, ReadingQuality::Missing);
            }
        }
    }
    Ok(())
}

fn meaning_of(layout: &Layout, wide: &Wide, split: &[&[u8]]) -> Result<Meaning, Fault> {
    let texts: Vec<String> = [wide.channel, wide.unit].into_iter().flatten().map(|c| layout::text(split[c])).collect();
    if texts.iter().all(String::is_empty) {
        return wide.default_meaning.ok_or(Fault::Meaning { column: wide.unit.or(wide.channel).unwrap_or(0) });
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let column = wide.channel.or(wide.unit).unwrap_or(0);
    let own = layout::meaning_of_words(&texts, layout.kind).ok_or(Fault::Meaning { column })?;
    // A direction alone keeps the unit of the table.
    let says_unit = texts.iter().any(|t| layout::words(t).iter().any(|w| layout::unit(w).is_some()));
    match (says_unit, wide.default_meaning) {
        (false, Some(default)) => Ok(Meaning { channel: own.channel, ..default }),
        _ => Ok(own),
    }
}
