//! Interval readings of meters and series of SCADA points, streamed.
//!
//! ```text
//! bytes ─► gzip? ─► sample: what kind of file, which column says what (layout)
//!                     ├─► long table: one reading a row (long)
//!                     ├─► wide table: one row a meter and day (wide)
//!                     └─► NEM12 (nem12)                               Parquet: columnar
//!                              └─► blocks of readings, rejects ─► the caller's sink
//! ```
//!
//! Memory holds the names of meters, one block and one buffer, whatever the size of the file. Times become instants on the way
//! ([`zone`]); when clocks go back, the first reading of a local time is taken as the first of the two instants and the second as the
//! second.

mod columnar;
pub mod layout;
mod long;
mod nem12;
pub mod stamp;
mod wide;
pub mod zone;

pub use columnar::read_parquet;
pub use layout::{Kind, Role, StampSide};
pub use stamp::DateOrder;
pub use zone::Zone;

use crate::ImportError;
use layout::{Layout, Told, Unclear};
use network::{Channel, Diagnostic, Disposition, Ledger, ReadingIndex, ReadingQuality, ReadingSeries, Readings, Reject, SourceRef};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::sync::Arc;

/// Rows of a block.
pub const BLOCK_ROWS: usize = 8192;
/// Bytes read at once, and the longest line.
const BUFFER_BYTES: usize = 1 << 20;
/// What is looked at before the first row is read.
const SAMPLE_BYTES: usize = 4 << 20;
/// Text of a reject that is kept.
const REJECT_TEXT_BYTES: usize = 400;
/// Bad rows in a sequence after which something is wrong with the whole file.
const RUN_OF_BAD_ROWS: u64 = 1000;
const MAX_ID_BYTES: usize = 128;

/// How a file is read.
#[derive(Clone, Debug)]
pub struct Options {
    /// Zone of times that do not say their offset; UTC, with a warning, when not told (NEM12: +10:00).
    pub zone: Option<Zone>,
    pub side: Option<StampSide>,
    pub interval_s: Option<u32>,
    pub order: Option<DateOrder>,
    pub kind: Option<Kind>,
    /// Unit of values whose columns tell none.
    pub unit: Option<String>,
    /// Columns by their names or their numbers from 1.
    pub columns: Vec<(Role, String)>,
    /// Further quality codes.
    pub qualities: Vec<(String, ReadingQuality)>,
    /// Most meters.
    pub max_meters: usize,
    /// Most bytes after unpacking.
    pub max_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            zone: None,
            side: None,
            interval_s: None,
            order: None,
            kind: None,
            unit: None,
            columns: Vec::new(),
            qualities: Vec::new(),
            max_meters: 5_000_000,
            max_bytes: 1 << 42,
        }
    }
}

/// Who takes what is read. An error ends the reading.
pub trait ReadingSink {
    /// Takes a block; the index holds every series in it.
    ///
    /// # Errors
    /// What keeps the caller from taking it.
    fn readings(&mut self, index: &ReadingIndex, block: &Readings) -> Result<(), Diagnostic>;

    /// Takes a row that cannot be used.
    ///
    /// # Errors
    /// What keeps the caller from taking it.
    fn reject(&mut self, reject: Reject) -> Result<(), Diagnostic>;
}

/// What one file held.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Kind of file, in words.
    pub format: String,
    /// Rows of data, good or bad.
    pub rows: u64,
    pub readings: u64,
    pub rejected: u64,
    /// Rejected by reason: how many, and the first.
    pub reasons: BTreeMap<String, (u64, SourceRef)>,
    /// Cells without a value.
    pub empty: u64,
    /// Readings at local times that clocks show twice: taken as the first, and as the second.
    pub repeated: (u64, u64),
    /// Readings of each quality code that is not known, taken as measured.
    pub unknown_qualities: BTreeMap<String, u64>,
    /// End of the first and the last interval.
    pub span_s: Option<(i64, i64)>,
    pub zone: String,
    pub diagnostics: Vec<Diagnostic>,
    pub ledger: Ledger,
}

/// Reads files one after the other; meters and series are numbered through all of them.
#[derive(Debug)]
pub struct MeterReader {
    options: Options,
    index: ReadingIndex,
    by_name: HashMap<Arc<str>, u32>,
    /// The meter that followed each one last time: most files go round in one order.
    next_meter: Vec<u32>,
    series: HashMap<ReadingSeries, u32>,
}

impl MeterReader {
    pub fn new(options: Options) -> Self {
        Self { options, index: ReadingIndex::default(), by_name: HashMap::new(), next_meter: Vec::new(), series: HashMap::new() }
    }

    pub fn index(&self) -> &ReadingIndex {
        &self.index
    }

    /// Reads a file of text, gzipped or not.
    ///
    /// # Inputs
    /// * `input` - the bytes; read once, from the start to the end.
    /// * `file` - its name for findings.
    /// * `sink` - takes readings in the order of the file, and rejects.
    ///
    /// # Errors
    /// A layout that cannot be understood, a damaged archive, rows of which most are bad, what the sink says.
    pub fn read(&mut self, input: &mut dyn Read, file: &str, sink: &mut dyn ReadingSink) -> Result<Summary, ImportError> {
        let mut head = [0u8; 4];
        let n = read_full(input, &mut head).map_err(|e| unreadable(file, &e))?;
        let mut whole = head[..n].chain(input);
        if head[..n].starts_with(&[0x1f, 0x8b]) {
            let mut unpacked = flate2::read::MultiGzDecoder::new(whole);
            return self.read_text(&mut unpacked, file, sink);
        }
        if &head[..n] == b"PAR1" {
            return Err(Diagnostic::error("METERS.FILE.NOT_TEXT", "a Parquet file within a stream")
                .at(&SourceRef::new(file, 0))
                .hint("Hand Parquet files in as they are, not packed.")
                .into());
        }
        self.read_text(&mut whole, file, sink)
    }

    fn read_text(&mut self, input: &mut dyn Read, file: &str, sink: &mut dyn ReadingSink) -> Result<Summary, ImportError> {
        let mut sample = vec![0u8; SAMPLE_BYTES];
        let n = read_full(input, &mut sample).map_err(|e| unreadable(file, &e))?;
        let whole = n < SAMPLE_BYTES;
        sample.truncate(n);
        if sample.starts_with(&[0xef, 0xbb, 0xbf]) {
            sample.drain(..3);
        }
        if sample.starts_with(&[0xff, 0xfe]) || sample.starts_with(&[0xfe, 0xff]) {
            return Err(Diagnostic::error("METERS.FILE.NOT_TEXT", "the file is in UTF-16")
                .at(&SourceRef::new(file, 1))
                .hint("Save it as UTF-8.")
                .into());
        }
        let first = sample.split(|b| *b == b'\n').next().unwrap_or_default().trim_ascii();
        let nem = nem12::kind(first);
        let told = Told {
            columns: self.options.columns.clone(),
            side: self.options.side,
            order: self.options.order,
            interval_s: self.options.interval_s,
            kind: self.options.kind,
            unit: self.options.unit.clone(),
        };
        let understood = match nem {
            Some(_) => None,
            None => Some(layout::understand(&sample, whole, &told).map_err(|u| unclear(u, file))?),
        };
        let mut chained = io::Cursor::new(sample).chain(input).take(self.options.max_bytes);
        let mut lines = Lines::new(&mut chained);
        let zone = self.options.zone.clone();
        let assumed_zone = zone.is_none() && nem.is_none();
        let zone = zone.unwrap_or_else(|| if nem.is_some() { Zone::parse("+10:00").unwrap_or_else(|_| Zone::utc()) } else { Zone::utc() });
        let mut job = Job::new(self, file, zone, sink);
        match (&understood, nem) {
            (None, Some(nem12::NemKind::Nem13)) => {
                return Err(Diagnostic::error("METERS.NEM13.NO_INTERVALS", "NEM13 holds readings months apart, no intervals")
                    .at(&SourceRef::new(file, 1))
                    .hint("Ask for the interval data of these meters, which is a NEM12 file.")
                    .into());
            }
            (None, _) => {
                job.summary.format = "NEM12".to_owned();
                nem12::read(&mut job, &mut lines)?;
            }
            (Some(layout), _) => {
                job.describe(layout);
                match &layout.shape {
                    layout::Shape::Long(long) => long::read(&mut job, layout, long, &mut lines)?,
                    layout::Shape::Wide(wide) => wide::read(&mut job, layout, wide, &mut lines)?,
                }
            }
        }
        let had_offset = job.had_offset;
        let left = chained.limit();
        if left == 0 {
            return Err(Diagnostic::error("METERS.FILE.TOO_LARGE", "the file is larger than the limit")
                .at(&SourceRef::new(file, 0))
                .detail(format!("It has more than {} bytes when unpacked.", job.reader.options.max_bytes))
                .hint("Split the file.")
                .into());
        }
        let mut summary = job.finish()?;
        if assumed_zone && !had_offset && summary.readings > 0 {
            summary.diagnostics.push(
                Diagnostic::warning("METERS.ZONE.ASSUMED", "times without a zone are taken as UTC")
                    .at(&SourceRef::new(file, 0))
                    .hint("Tell the zone of the meters' clocks: --zone America/Chicago, --zone standard:America/Chicago, --zone +10:00."),
            );
            summary.ledger.record(
                "time.zone",
                Disposition::Defaulted { value: "UTC".to_owned(), reason: "the file says no offset and no zone was told".to_owned() },
                None,
            );
        }
        Ok(summary)
    }

    fn meter(&mut self, name: &[u8], after: Option<u32>) -> Result<u32, Fault> {
        if let Some(after) = after {
            let guess = self.next_meter[after as usize];
            if self.index.meters.get(guess as usize).is_some_and(|m| m.as_bytes() == name) {
                return Ok(guess);
            }
        }
        let id = self.look_up(name)?;
        if let Some(after) = after {
            self.next_meter[after as usize] = id;
        }
        Ok(id)
    }

    fn look_up(&mut self, name: &[u8]) -> Result<u32, Fault> {
        if name.is_empty() {
            return Err(Fault::NoMeter);
        }
        if name.len() > MAX_ID_BYTES {
            return Err(Fault::LongMeter);
        }
        let text = layout::text(name);
        if let Some(&id) = self.by_name.get(text.as_str()) {
            return Ok(id);
        }
        if self.index.meters.len() >= self.options.max_meters {
            return Err(Fault::TooManyMeters);
        }
        let id = self.index.meters.len() as u32;
        let name: Arc<str> = text.into();
        self.index.meters.push(name.clone());
        self.by_name.insert(name, id);
        self.next_meter.push(id + 1);
        Ok(id)
    }

    fn series(&mut self, key: ReadingSeries) -> u32 {
        if let Some(&id) = self.series.get(&key) {
            return id;
        }
        let id = self.index.series.len() as u32;
        self.index.series.push(key.clone());
        self.series.insert(key, id);
        id
    }
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Fields {
        found: usize,
        expected: usize,
    },
    NoMeter,
    LongMeter,
    TooManyMeters,
    Time {
        column: usize,
    },
    /// A local time that clocks skip.
    Skipped {
        column: usize,
    },
    Number {
        column: usize,
    },
    Quality {
        column: usize,
    },
    Meaning {
        column: usize,
    },
    Interval {
        column: usize,
    },
    TooLong,
    /// Of NEM12: words of its own.
    Record(&'static str),
}

impl Fault {
    fn column(self) -> Option<usize> {
        match self {
            Self::Time { column }
            | Self::Skipped { column }
            | Self::Number { column }
            | Self::Quality { column }
            | Self::Meaning { column }
            | Self::Interval { column } => Some(column),
            _ => None,
        }
    }

    fn reason(self, header: &[String]) -> String {
        let name = |c: usize| header.get(c).map_or_else(|| format!("{}", c + 1), Clone::clone);
        match self {
            Self::Fields { found, expected } => format!("{found} fields instead of {expected}"),
            Self::NoMeter => "no meter is named".to_owned(),
            Self::LongMeter => format!("the name of the meter is longer than {MAX_ID_BYTES} bytes"),
            Self::TooManyMeters => "more meters than the limit".to_owned(),
            Self::Time { column } => format!("column \"{}\" holds no time", name(column)),
            Self::Skipped { column } => format!("column \"{}\" holds a local time that clocks skip", name(column)),
            Self::Number { column } => format!("column \"{}\" holds no number", name(column)),
            Self::Quality { column } => format!("column \"{}\" holds no quality code", name(column)),
            Self::Meaning { column } => format!("column \"{}\" names no known channel or unit", name(column)),
            Self::Interval { column } => format!("column \"{}\" holds no length of an interval", name(column)),
            Self::TooLong => format!("the line is longer than {BUFFER_BYTES} bytes"),
            Self::Record(reason) => reason.to_owned(),
        }
    }
}

/// One file while it is read.
struct Job<'a> {
    reader: &'a mut MeterReader,
    file: Arc<str>,
    zone: Zone,
    sink: &'a mut dyn ReadingSink,
    block: Readings,
    summary: Summary,
    header: Vec<String>,
    /// Times that clocks show twice, met once: by meter and channel.
    twice: HashMap<(u32, u32, i64), u8>,
    descending: bool,
    had_offset: bool,
    bad_run: u64,
    span: (i64, i64),
    qualities: HashMap<Vec<u8>, ReadingQuality>,
}

impl<'a> Job<'a> {
    fn new(reader: &'a mut MeterReader, file: &str, zone: Zone, sink: &'a mut dyn ReadingSink) -> Self {
        let qualities = reader.options.qualities.iter().map(|(code, q)| (code.to_ascii_lowercase().into_bytes(), *q)).collect();
        let summary = Summary { zone: zone.name().to_owned(), ..Summary::default() };
        Self {
            reader,
            file: file.into(),
            zone,
            sink,
            block: Readings::default(),
            summary,
            header: Vec::new(),
            twice: HashMap::new(),
            descending: false,
            had_offset: false,
            bad_run: 0,
            span: (i64::MAX, i64::MIN),
            qualities,
        }
    }

    fn describe(&mut self, layout: &Layout) {
        let shape = match &layout.shape {
            layout::Shape::Long(l) => format!("{} of values, a row a time", count(l.values.len(), "column")),
            layout::Shape::Wide(w) => format!("a row a day of {} intervals", w.values.len()),
        };
        self.summary.format = format!("table, {shape}");
        self.header.clone_from(&layout.header);
        self.descending = layout.descending;
        let source = SourceRef::new(self.file.clone(), 1);
        for guess in &layout.guesses {
            let finding = if guess.risky {
                Diagnostic::warning("METERS.LAYOUT.ASSUMED", guess.what.clone()).hint("Say it with an option if it is otherwise.")
            } else {
                Diagnostic::note("METERS.LAYOUT.GUESSED", guess.what.clone())
            };
            self.summary.diagnostics.push(finding.at(&source));
        }
        let meanings: Vec<(String, layout::Meaning)> = match &layout.shape {
            layout::Shape::Long(l) => l.values.iter().filter_map(|v| v.meaning.map(|m| (layout.header[v.column].clone(), m))).collect(),
            layout::Shape::Wide(w) => w.default_meaning.map(|m| ("intervals".to_owned(), m)).into_iter().collect(),
        };
        for (name, m) in meanings {
            let to = m.channel.name();
            let disposition = match (m.power_to_energy, m.scale) {
                (true, s) => Disposition::Converted { formula: format!("{to} = value × {s} × interval / 1 h") },
                (false, 1.0) => Disposition::Kept,
                (false, s) => Disposition::Converted { formula: format!("{to} = value × {s}") },
            };
            self.summary.ledger.record(&name, disposition, Some(&source));
        }
    }

    /// The instant of a local time. `key` tells apart what a meter may say at one time.
    fn instant(
        &mut self,
        stamp: stamp::Stamp,
        meter: u32,
        key: u32,
        column: usize,
        interval_s: i64,
        side: StampSide,
    ) -> Result<i64, Fault> {
        if let Some(offset) = stamp.offset_s {
            self.had_offset = true;
            return Ok(stamp.local_s - offset);
        }
        match self.zone.instant(stamp.local_s) {
            zone::OnAxis::One(s) => Ok(s),
            zone::OnAxis::Two(first, second) => {
                let seen = self.twice.entry((meter, key, stamp.local_s)).or_insert(0);
                *seen = seen.saturating_add(1);
                let is_first = (*seen == 1) != self.descending;
                if is_first {
                    self.summary.repeated.0 += 1;
                } else {
                    self.summary.repeated.1 += 1;
                }
                Ok(if is_first { first } else { second })
            }
            // The end of the last interval before the change is the beginning of the hour that is skipped.
            zone::OnAxis::None(s) if side == StampSide::End => match self.zone.instant(stamp.local_s - interval_s.max(1)) {
                zone::OnAxis::One(_) => Ok(s),
                _ => Err(Fault::Skipped { column }),
            },
            zone::OnAxis::None(_) => Err(Fault::Skipped { column }),
        }
    }

    fn quality(&mut self, code: &[u8], column: usize) -> Result<ReadingQuality, Fault> {
        use ReadingQuality as Q;
        let code = code.trim_ascii();
        if !self.qualities.is_empty()
            && let Some(q) = self.qualities.get(&code.to_ascii_lowercase())
        {
            return Ok(*q);
        }
        match code {
            b"A" | b"a" | b"" | b"V" | b"v" => return Ok(Q::Actual),
            b"E" | b"e" => return Ok(Q::Estimated),
            b"S" | b"s" | b"F" | b"f" => return Ok(Q::Substituted),
            b"N" | b"n" | b"M" | b"m" => return Ok(Q::Missing),
            _ => {}
        }
        let lower = code.to_ascii_lowercase();
        let is = |list: &[&str]| list.iter().any(|w| w.as_bytes() == lower);
        if is(&["actual", "act", "valid", "validated", "val", "good", "ok", "raw", "reg", "measured", "normal", "false", "verified"]) {
            return Ok(Q::Actual);
        }
        if is(&["estimated", "est", "estimate", "true", "yes", "y"]) {
            return Ok(Q::Estimated);
        }
        if is(&["substituted", "substitute", "edited", "edit", "final", "manual", "adjusted", "corrected", "replaced"]) {
            return Ok(Q::Substituted);
        }
        if is(&["missing", "null", "none", "bad", "invalid", "error", "no", "fail", "failed"]) {
            // "No" answers a column that asks whether it is estimated.
            let asks = self.header.get(column).is_some_and(|h| h.to_lowercase().contains("est"));
            return Ok(if lower == b"no" && asks { Q::Actual } else { Q::Missing });
        }
        // F14, S77, A03: a letter with a method, as the Australian market writes them.
        if lower.len() == 3 && lower[1..].iter().all(u8::is_ascii_digit) && matches!(lower[0], b'a' | b'e' | b's' | b'f' | b'n') {
            return self.quality(&code[..1], column);
        }
        // What is a number with a point, or a time, belongs into another column.
        let number_with_point = lower.contains(&b'.') && matches!(stamp::number(code, false), stamp::Cell::Number(_));
        if number_with_point || lower.len() > 24 || stamp::parse(code, DateOrder::MonthFirst).is_some() {
            return Err(Fault::Quality { column });
        }
        if self.summary.unknown_qualities.len() < 100 {
            *self.summary.unknown_qualities.entry(layout::text(code)).or_default() += 1;
        }
        Ok(Q::Actual)
    }

    #[inline]
    fn push(&mut self, series: u32, end_s: i64, value: f64, quality: ReadingQuality) {
        self.span.0 = self.span.0.min(end_s);
        self.span.1 = self.span.1.max(end_s);
        self.block.push(series, end_s, value, quality);
    }

    fn flush_if_full(&mut self) -> Result<(), ImportError> {
        if self.block.len() >= BLOCK_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ImportError> {
        self.summary.readings += self.block.len() as u64;
        self.sink.readings(&self.reader.index, &self.block)?;
        self.block.clear();
        Ok(())
    }

    fn good(&mut self) {
        self.bad_run = 0;
    }

    /// Counts and hands on a bad row; an error when there are too many in a sequence.
    fn bad(&mut self, fault: Fault, line: u64, text: &[u8]) -> Result<(), ImportError> {
        if fault == Fault::TooManyMeters {
            return Err(Diagnostic::error("METERS.METER.TOO_MANY", "the file names more meters than the limit")
                .at(&self.source(line))
                .detail(format!("The limit is {}.", self.reader.options.max_meters))
                .hint("See whether the column of the meter is the right one; else split the file.")
                .into());
        }
        self.bad_run += 1;
        self.summary.rejected += 1;
        let reason = fault.reason(&self.header);
        let source = self.source(line);
        if let Some(entry) = self.summary.reasons.get_mut(&reason) {
            entry.0 += 1;
        } else if self.summary.reasons.len() < 200 {
            self.summary.reasons.insert(reason.clone(), (1, source.clone()));
        }
        let shown = layout::text(&text[..text.len().min(REJECT_TEXT_BYTES)]);
        let run = self.bad_run;
        let systematic = (run >= RUN_OF_BAD_ROWS).then(|| self.systematic(fault, &reason, line, text, run));
        self.sink.reject(Reject { source, reason, text: shown })?;
        match systematic {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    fn source(&self, line: u64) -> SourceRef {
        SourceRef::new(self.file.clone(), u32::try_from(line).unwrap_or(u32::MAX))
    }

    /// The finding that rows are bad for one cause, with what can be said of columns that moved.
    fn systematic(&self, fault: Fault, reason: &str, line: u64, text: &[u8], run: u64) -> Diagnostic {
        let mut detail = format!("{run} rows in a sequence are refused, the last one at line {line}: {reason}.");
        if let Some(column) = fault.column() {
            let delimiter = [b',', b';', b'\t', b'|'].into_iter().max_by_key(|d| text.iter().filter(|b| *b == d).count()).unwrap_or(b',');
            let fields = layout::fields(text, delimiter);
            if let Some(found) = fields.get(column) {
                let found: String = layout::text(found).chars().take(60).collect();
                detail.push_str(&format!(" It holds \"{found}\"."));
                if let Some(moved) = moved_by(&fields, &self.header, column, fault) {
                    detail.push_str(&format!(" The columns from there on stand {moved}."));
                }
            }
        }
        Diagnostic::error("METERS.ROW.SYSTEMATIC", "rows of the file do not hold what its header says")
            .at(&self.source(line))
            .detail(detail)
            .hint("Correct the export, or tell the columns: --column time=NAME, --column value=NAME.")
    }

    fn finish(mut self) -> Result<Summary, ImportError> {
        self.flush()?;
        let mut s = self.summary;
        if self.span.0 <= self.span.1 {
            s.span_s = Some(self.span);
        }
        let source = SourceRef::new(self.file.clone(), 0);
        if s.rows == 0 {
            return Err(Diagnostic::error("METERS.FILE.EMPTY", "the file has no rows of readings")
                .at(&source)
                .hint("Export it again.")
                .into());
        }
        let list = |reasons: &BTreeMap<String, (u64, SourceRef)>| {
            let mut all: Vec<_> = reasons.iter().collect();
            all.sort_by_key(|(_, (n, _))| std::cmp::Reverse(*n));
            all.iter().take(5).map(|(r, (n, at))| format!("{n} × {r} (first at line {})", at.line)).collect::<Vec<_>>().join("; ")
        };
        if s.rejected > 0 {
            let detail = format!("{} of {} rows: {}.", s.rejected, s.rows, list(&s.reasons));
            if s.rejected * 2 >= s.rows {
                return Err(Diagnostic::error("METERS.ROW.MOSTLY_BAD", "half of the rows or more cannot be used")
                    .at(&s.reasons.values().next().map_or(source, |r| r.1.clone()))
                    .detail(detail)
                    .hint("Correct the export, or tell the columns and the form of dates.")
                    .into());
            }
            let skipped: u64 = s.reasons.iter().filter(|(r, _)| r.contains("clocks skip")).map(|(_, n)| n.0).sum();
            s.diagnostics.push(
                Diagnostic::warning("METERS.ROW.REJECTED", "rows that cannot be used are left out")
                    .at(&source)
                    .detail(detail)
                    .hint("They are in the file of rejects."),
            );
            if skipped > 0 {
                s.diagnostics.push(
                    Diagnostic::warning("METERS.TIME.SKIPPED", "times lie in the hour that clocks skip")
                        .at(&source)
                        .detail(format!("{skipped} rows have a local time that the zone {} does not have.", s.zone))
                        .hint("Meters that keep standard time all year need --zone standard:NAME."),
                );
            }
        }
        if !s.unknown_qualities.is_empty() {
            let codes = s.unknown_qualities.iter().take(8).map(|(c, n)| format!("\"{c}\" {n} ×")).collect::<Vec<_>>().join(", ");
            s.diagnostics.push(
                Diagnostic::warning("METERS.QUALITY.UNKNOWN", "quality codes that are not known are taken as measured")
                    .at(&source)
                    .detail(format!("{codes}."))
                    .hint("Tell what they mean: --quality CODE=actual, estimated, substituted or missing."),
            );
            for (code, n) in &s.unknown_qualities {
                let reason = format!("code \"{code}\" is not known ({n} readings)");
                s.ledger.record("quality", Disposition::Defaulted { value: "actual".to_owned(), reason }, None);
            }
        }
        if s.repeated.0 > 0 && s.repeated.1 == 0 {
            s.diagnostics.push(
                Diagnostic::warning("METERS.TIME.NOT_REPEATED", "the hour that clocks show twice stands in the file once")
                    .at(&source)
                    .detail(format!("{} readings are taken as of its first time.", s.repeated.0))
                    .hint("Meters that keep standard time all year need --zone standard:NAME."),
            );
        }
        Ok(s)
    }
}

/// How far the columns of a row have moved, when what fails at `column` stands beside it.
fn moved_by(fields: &[Vec<u8>], header: &[String], column: usize, fault: Fault) -> Option<&'static str> {
    let fits = |at: usize| {
        let Some(f) = fields.get(at) else { return false };
        match fault {
            Fault::Time { .. } => stamp::parse(f, DateOrder::MonthFirst).or_else(|| stamp::parse(f, DateOrder::DayFirst)).is_some(),
            Fault::Number { .. } => matches!(stamp::number(f, false), stamp::Cell::Number(_)),
            Fault::Quality { .. } => f.trim_ascii().len() == 1 && f.trim_ascii()[0].is_ascii_alphabetic(),
            _ => false,
        }
    };
    let _ = header;
    if column > 0 && fits(column - 1) {
        Some("one to the left of where they should")
    } else if fits(column + 1) {
        Some("one to the right of where they should")
    } else {
        None
    }
}

fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

fn unreadable(file: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::error("METERS.FILE.UNREADABLE", "the file cannot be read to its end")
        .at(&SourceRef::new(file, 0))
        .detail(format!("The system says: {error}."))
        .hint("Copy the file again; a gzip archive may be cut off.")
}

fn unclear(fault: Unclear, file: &str) -> ImportError {
    let at = SourceRef::new(file, 1);
    let listed = |header: &[String]| {
        let names: Vec<String> = header.iter().take(30).map(|h| format!("\"{h}\"")).collect();
        format!("The header has the columns {}{}.", names.join(", "), if header.len() > 30 { ", …" } else { "" })
    };
    match fault {
        Unclear::Empty => Diagnostic::error("METERS.FILE.EMPTY", "the file has no rows of readings").at(&at).hint("Export it again."),
        Unclear::NotText => Diagnostic::error("METERS.FILE.NOT_TEXT", "the file is no text")
            .at(&at)
            .hint("Give a CSV, NEM12 or Parquet file; gzip may be around a text."),
        Unclear::NoHeader => Diagnostic::error("METERS.HEADER.MISSING", "the file does not begin with names of columns")
            .at(&at)
            .hint("Put a line with the names of the columns in front, such as meter,interval_end,kwh_delivered."),
        Unclear::NoColumn { role, header } => Diagnostic::error("METERS.COLUMN.MISSING", format!("no column is recognised as the {role}"))
            .at(&at)
            .detail(listed(&header))
            .hint(format!("Tell it: --column {role}=NAME.")),
        Unclear::NoSuchColumn { name, header } => Diagnostic::error("METERS.COLUMN.UNKNOWN", format!("there is no column \"{name}\""))
            .at(&at)
            .detail(listed(&header))
            .hint("Name a column of the header, or its number from 1."),
        Unclear::Twice { channel, columns } => {
            Diagnostic::error("METERS.COLUMN.TWICE", format!("{} columns are taken as {}", columns.len(), channel.name()))
                .at(&at)
                .detail(format!("They are {}.", columns.join(", ")))
                .hint("Leave out all but one: --column ignore=NAME.")
        }
        Unclear::NoUnit { column } => Diagnostic::error("METERS.UNIT.UNKNOWN", format!("the unit of column \"{column}\" is not known"))
            .at(&at)
            .hint("Tell it: --unit kWh, Wh, kW, kvarh or V."),
        Unclear::NoInterval => {
            Diagnostic::error("METERS.INTERVAL.UNKNOWN", "the length of the intervals cannot be seen from the first rows")
                .at(&at)
                .hint("Tell it in minutes: --interval 15.")
        }
    }
    .into()
}

fn read_full(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match input.read(&mut buffer[n..]) {
            Ok(0) => break,
            Ok(k) => n += k,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(n)
}

/// Lines of a stream, one buffer in memory.
struct Lines<'a> {
    input: &'a mut dyn Read,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    done: bool,
    /// Number of the line given last, from 1.
    line: u64,
}

enum Line {
    /// Place in the buffer.
    Whole(usize, usize),
    /// Longer than the buffer; it has been skipped.
    TooLong,
}

impl<'a> Lines<'a> {
    fn new(input: &'a mut dyn Read) -> Self {
        Self { input, buffer: vec![0; BUFFER_BYTES], at: 0, end: 0, done: false, line: 0 }
    }

    #[inline]
    fn next(&mut self) -> io::Result<Option<Line>> {
        let mut skipping = false;
        loop {
            if let Some(n) = memchr::memchr(b'\n', &self.buffer[self.at..self.end]) {
                let (from, to) = (self.at, self.at + n);
                self.at = to + 1;
                self.line += 1;
                if skipping {
                    return Ok(Some(Line::TooLong));
                }
                let to = if to > from && self.buffer[to - 1] == b'\r' { to - 1 } else { to };
                return Ok(Some(Line::Whole(from, to)));
            }
            if self.done {
                if self.at == self.end && !skipping {
                    return Ok(None);
                }
                let (from, to) = (self.at, self.end);
                self.at = self.end;
                self.line += 1;
                return Ok(Some(if skipping { Line::TooLong } else { Line::Whole(from, to) }));
            }
            self.buffer.copy_within(self.at..self.end, 0);
            self.end -= self.at;
            self.at = 0;
            if self.end == self.buffer.len() {
                skipping = true;
                self.end = 0;
            }
            let n = loop {
                match self.input.read(&mut self.buffer[self.end..]) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            self.done = n == 0;
            self.end += n;
        }
    }
}

/// Energy channels whose register readings the caller turns into intervals.
pub fn is_cumulative(channel: Channel) -> bool {
    channel.is_register()
}

#[cfg(test)]
mod tests;
