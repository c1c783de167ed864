//! Tables of one reading a row, in any order of columns and rows.

use super::layout::{self, Layout, Long, Meaning, StampSide, TimeColumns};
use super::stamp::{self, Cell};
use super::{Fault, Job, Line, Lines, unreadable};
use crate::ImportError;
use network::{ReadingQuality, ReadingSeries};
use std::collections::HashMap;

const NONE: u32 = u32::MAX;

/// What a row says in its own columns of channel, unit and register: numbered when first met.
#[derive(Default)]
struct RowKeys {
    numbers: HashMap<Vec<u8>, u32>,
    meanings: Vec<Option<Meaning>>,
    registers: Vec<String>,
    scratch: Vec<u8>,
}

pub fn read(job: &mut Job<'_>, layout: &Layout, long: &Long, lines: &mut Lines<'_>) -> Result<(), ImportError> {
    let mut row = Row::new(layout, long);
    let mut header = true;
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
        if bytes.is_empty() || bytes.trim_ascii().is_empty() {
            continue;
        }
        if std::mem::take(&mut header) {
            continue;
        }
        job.summary.rows += 1;
        match row.take(job, bytes) {
            Ok(()) => job.good(),
            Err(fault) => job.bad(fault, lines.line, bytes)?,
        }
        job.flush_if_full()?;
    }
    Ok(())
}

struct Row<'l> {
    layout: &'l Layout,
    long: &'l Long,
    /// Beginning of each field, and one past the delimiter of the last.
    starts: Vec<u32>,
    last_meter: Option<u32>,
    last_name: Vec<u8>,
    last_time: Vec<u8>,
    last_local: Option<stamp::Stamp>,
    /// End of the interval of the last time, when it is the same for all meters.
    last_end: Option<i64>,
    /// Series of each meter and column of values, when rows have no keys of their own.
    series: Vec<u32>,
    keyed: HashMap<(u32, u32, u32, u32), u32>,
    keys: RowKeys,
    has_keys: bool,
    unquoted: Vec<u8>,
}

impl<'l> Row<'l> {
    fn new(layout: &'l Layout, long: &'l Long) -> Self {
        Self {
            layout,
            long,
            starts: Vec::new(),
            last_meter: None,
            last_name: Vec::new(),
            last_time: Vec::new(),
            last_local: None,
            last_end: None,
            series: Vec::new(),
            keyed: HashMap::new(),
            keys: RowKeys::default(),
            has_keys: long.channel.is_some() || long.unit.is_some() || long.register.is_some() || long.interval.is_some(),
            unquoted: Vec::new(),
        }
    }

    fn take(&mut self, job: &mut Job<'_>, line: &[u8]) -> Result<(), Fault> {
        if memchr::memchr(b'"', line).is_some() {
            // The rare way: fields are put together again with a byte between that no text has.
            let fields = layout::fields(line, self.layout.delimiter);
            let mut joined = std::mem::take(&mut self.unquoted);
            joined.clear();
            for (i, f) in fields.iter().enumerate() {
                if i > 0 {
                    joined.push(0x1f);
                }
                joined.extend(f.iter().filter(|b| **b != 0x1f));
            }
            let result = self.split_and_take(job, &joined, 0x1f);
            self.unquoted = joined;
            return result;
        }
        self.split_and_take(job, line, self.layout.delimiter)
    }

    #[inline]
    fn split_and_take(&mut self, job: &mut Job<'_>, line: &[u8], delimiter: u8) -> Result<(), Fault> {
        self.starts.clear();
        self.starts.push(0);
        for (i, &b) in line.iter().enumerate() {
            if b == delimiter {
                self.starts.push(i as u32 + 1);
            }
        }
        self.starts.push(line.len() as u32 + 1);
        let (found, expected) = (self.starts.len() - 1, self.layout.header.len());
        if found != expected {
            // A delimiter at the end of every line makes one empty field more.
            let trailing = found == expected + 1 && line.last() == Some(&delimiter);
            if !trailing {
                return Err(Fault::Fields { found, expected });
            }
        }
        let field = |c: usize| {
            let (from, to) = (self.starts[c] as usize, self.starts[c + 1] as usize - 1);
            &line[from..to]
        };
        let long = self.long;

        let name = field(long.meter);
        let meter = match self.last_meter {
            Some(m) if name == self.last_name.as_slice() => m,
            before => {
                let m = job.reader.meter(name.trim_ascii(), before)?;
                self.last_meter = Some(m);
                self.last_name.clear();
                self.last_name.extend_from_slice(name);
                m
            }
        };

        let (mut key, mut row_meaning) = (0u32, None);
        if self.has_keys && (long.channel.is_some() || long.unit.is_some() || long.register.is_some()) {
            let keys = &mut self.keys;
            keys.scratch.clear();
            for c in [long.channel, long.unit, long.register] {
                if let Some(c) = c {
                    keys.scratch.extend_from_slice(field(c).trim_ascii());
                }
                keys.scratch.push(0);
            }
            key = match keys.numbers.get(keys.scratch.as_slice()) {
                Some(&n) => n,
                None => {
                    if keys.numbers.len() >= 10_000 {
                        return Err(Fault::Meaning { column: long.channel.or(long.unit).or(long.register).unwrap_or(0) });
                    }
                    let texts: Vec<String> = [long.channel, long.unit].into_iter().flatten().map(|c| layout::text(field(c))).collect();
                    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                    let n = keys.meanings.len() as u32;
                    keys.meanings.push(layout::meaning_of_words(&texts, self.layout.kind));
                    keys.registers.push(long.register.map(|c| layout::text(field(c))).unwrap_or_default());
                    keys.numbers.insert(keys.scratch.clone(), n);
                    n
                }
            };
            row_meaning = keys.meanings[key as usize];
        }

        let interval_s = match long.interval {
            Some(c) => match stamp::number(field(c), self.layout.decimal_comma) {
                Cell::Number(m) if (1.0..=1440.0).contains(&m) && m.fract() == 0.0 => m as u32 * 60,
                Cell::Empty if self.layout.interval_s > 0 => self.layout.interval_s,
                _ => return Err(Fault::Interval { column: c }),
            },
            None => self.layout.interval_s,
        };

        let (time_column, time) = match long.time {
            TimeColumns::One(c) => (c, field(c)),
            TimeColumns::DateAndClock(d, c) => (c, &line[self.starts[d.min(c)] as usize..self.starts[d.max(c) + 1] as usize - 1]),
        };
        let same_time = time == self.last_time.as_slice();
        let stamp = match self.last_local {
            Some(s) if same_time => s,
            _ => {
                let s = match long.time {
                    TimeColumns::One(c) => stamp::parse(time, self.layout.order).ok_or(Fault::Time { column: c })?,
                    TimeColumns::DateAndClock(d, c) => {
                        let day = stamp::parse(field(d), self.layout.order).ok_or(Fault::Time { column: d })?;
                        let clock = stamp::parse_clock(field(c)).ok_or(Fault::Time { column: c })?;
                        stamp::Stamp { local_s: day.local_s + clock, offset_s: day.offset_s }
                    }
                };
                self.last_time.clear();
                self.last_time.extend_from_slice(time);
                self.last_local = Some(s);
                self.last_end = None;
                s
            }
        };
        let side = self.layout.side;
        let shift = if side == StampSide::Start { i64::from(interval_s) } else { 0 };
        let end = match self.last_end {
            Some(e) if long.interval.is_none() => e,
            _ => {
                let twice = job.summary.repeated;
                let e = job.instant(stamp, meter, key, time_column, i64::from(interval_s), side)? + shift;
                if job.summary.repeated == twice {
                    self.last_end = Some(e);
                }
                e
            }
        };

        let quality = match long.quality {
            Some(c) => match field(c) {
                b"A" => ReadingQuality::Actual,
                code => job.quality(code, c)?,
            },
            None => ReadingQuality::Actual,
        };

        // All values are read before any is handed on, so that a bad row leaves nothing behind.
        let before = job.block.len();
        for (i, v) in long.values.iter().enumerate() {
            let text = field(v.column);
            let result = match stamp::number(text, self.layout.decimal_comma) {
                Cell::Number(x) => Ok((x, quality)),
                Cell::Empty => {
                    job.summary.empty += 1;
                    Ok((f64::NAN, ReadingQuality::Missing))
                }
                Cell::Unreadable => Err(Fault::Number { column: v.column }),
            };
            let meaning = v.meaning.or(row_meaning).ok_or(Fault::Meaning { column: long.channel.or(long.unit).unwrap_or(v.column) });
            let (x, quality, meaning) = match (result, meaning) {
                (Ok((x, q)), Ok(m)) => (x, q, m),
                (Err(f), _) | (_, Err(f)) => {
                    job.block.truncate(before);
                    return Err(f);
                }
            };
            let hours = if meaning.power_to_energy { f64::from(interval_s) / 3600.0 } else { 1.0 };
            let slot = meter as usize * long.values.len() + i;
            let series = if self.has_keys {
                match self.keyed.get(&(meter, key, i as u32, interval_s)) {
                    Some(&s) => s,
                    None => {
                        let register =
                            self.keys.registers.get(key as usize).filter(|r| !r.is_empty()).map_or(v.register.as_str(), String::as_str);
                        let s = job.reader.series(ReadingSeries { meter, channel: meaning.channel, register: register.into(), interval_s });
                        self.keyed.insert((meter, key, i as u32, interval_s), s);
                        s
                    }
                }
            } else {
                if self.series.len() <= slot {
                    self.series.resize((slot + 1).max(self.series.len() * 2), NONE);
                }
                if self.series[slot] == NONE {
                    let register = v.register.as_str().into();
                    self.series[slot] = job.reader.series(ReadingSeries { meter, channel: meaning.channel, register, interval_s });
                }
                self.series[slot]
            };
            // Times the factor only where there is one, so that a value stays as it is written.
            let factor = meaning.scale * hours;
            job.push(series, end, if factor == 1.0 { x } else { x * factor }, quality);
        }
        Ok(())
    }
}
