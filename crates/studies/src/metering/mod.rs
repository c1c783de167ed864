//! Meter readings checked, completed and added up: meter → transformer → feeder.
//!
//! ```text
//! pass 1: blocks of readings, in any order ─► records by group of meters ─► scratch (memory, or a file of the caller's)
//! pass 2: group by group: a series on its grid ─► vee ─► its transformer ─► its feeder ─► tables
//! ```
//!
//! Input need not be sorted by anything. A group is a few dozen meters of one feeder, a transformer's together; it is read back as a
//! whole, or in several turns when it is larger than [`Options::group_bytes`]. Memory holds the buffers of all groups
//! ([`Options::buffer_bytes`]), one group, one series, the intervals of its transformers and of one feeder, and the names of meters.

pub mod tables;
pub mod vee;

pub use vee::{Flag, Rule, VeeOptions};

use crate::time_series::tables::{Row, Text};
use arrow_array::RecordBatch;
use network::{Channel, Diagnostic, ReadingIndex, ReadingQuality, Readings};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use tables::{FeederInterval, MeterInterval, PointInterval, SeriesQuality, TransformerInterval};
use vee::{Cells, Found, Record};

/// Bytes of a record: series, end, value, quality.
const RECORD_BYTES: usize = 4 + 4 + 8 + 1;
/// Rows of a batch.
const BATCH_ROWS: usize = 1 << 16;
/// Name of the feeder of meters that the map does not know.
pub const UNMAPPED: &str = "unmapped";
/// Most intervals from the first to the last of all series.
const MAX_INTERVALS: i64 = 4_000_000;

/// Where a meter hangs.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterPlace {
    pub meter: String,
    pub transformer: String,
    pub feeder: String,
    /// Rating of its service, kW.
    pub rating_kw: Option<f64>,
}

/// Keeps bytes for the second pass.
pub trait Scratch {
    /// Appends bytes and gives the place at which they begin.
    ///
    /// # Errors
    /// A medium that takes no more.
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64>;

    /// Reads back what was appended.
    ///
    /// # Errors
    /// A medium that cannot be read.
    fn read(&mut self, at: u64, into: &mut [u8]) -> io::Result<()>;
}

/// Scratch in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryScratch(Vec<u8>);

impl Scratch for MemoryScratch {
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let at = self.0.len() as u64;
        self.0.extend_from_slice(bytes);
        Ok(at)
    }

    fn read(&mut self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let at = at as usize;
        let from = self.0.get(at..at + into.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(from);
        Ok(())
    }
}

/// Takes the tables of a feeder, then the word that they are complete.
pub trait TableSink {
    /// # Errors
    /// What keeps the caller from taking it.
    fn rows(&mut self, feeder: &str, table: &'static str, batch: RecordBatch) -> Result<(), Diagnostic>;

    /// # Errors
    /// What keeps the caller from committing it.
    fn feeder_done(&mut self, feeder: &str) -> Result<(), Diagnostic>;
}

#[derive(Clone, Debug)]
pub struct Options {
    pub vee: VeeOptions,
    /// Interval of the sums, s; that of most readings when not told.
    pub interval_s: Option<u32>,
    /// Keep every interval of every meter.
    pub keep_meters: bool,
    /// Feeder of all meters when the map names none.
    pub default_feeder: String,
    /// How long a value of a SCADA point stands when no other comes, s.
    pub hold_s: i64,
    pub meters_per_group: usize,
    pub group_bytes: usize,
    pub buffer_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            vee: VeeOptions::default(),
            interval_s: None,
            keep_meters: false,
            default_feeder: UNMAPPED.to_owned(),
            hold_s: 3600,
            meters_per_group: 64,
            group_bytes: 256 << 20,
            buffer_bytes: 64 << 20,
        }
    }
}

/// Sums over meters and intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    pub meters: u64,
    pub series: u64,
    pub readings: u64,
    pub delivered_kwh: f64,
    pub received_kwh: f64,
    pub delivered_kvarh: f64,
    pub received_kvarh: f64,
    pub validated: u64,
    pub estimated: u64,
    pub edited: u64,
    pub missing: u64,
    pub found: Found,
}

impl Totals {
    /// Adds another one.
    pub fn add(&mut self, o: &Self) {
        self.meters += o.meters;
        self.series += o.series;
        self.readings += o.readings;
        self.delivered_kwh += o.delivered_kwh;
        self.received_kwh += o.received_kwh;
        self.delivered_kvarh += o.delivered_kvarh;
        self.received_kvarh += o.received_kvarh;
        self.validated += o.validated;
        self.estimated += o.estimated;
        self.edited += o.edited;
        self.missing += o.missing;
        let (a, b) = (&mut self.found, &o.found);
        a.readings += b.readings;
        a.gaps += b.gaps;
        a.duplicates += b.duplicates;
        a.conflicts += b.conflicts;
        a.off_grid += b.off_grid;
        a.negative += b.negative;
        a.spikes += b.spikes;
        a.suspects += b.suspects;
        a.flat += b.flat;
        a.zeros += b.zeros;
        a.resets += b.resets;
        a.unit_slips += b.unit_slips;
    }
}

/// What all of it gave.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub totals: Totals,
    pub feeders: BTreeMap<String, Totals>,
    /// Values of each rule.
    pub rules: BTreeMap<&'static str, u64>,
    /// Interval of the sums, s.
    pub interval_s: u32,
    /// Ends of the first and the last interval, s since 1970.
    pub span_s: Option<(i64, i64)>,
    pub unmapped_meters: u64,
    /// Meters of the map without a reading.
    pub silent_meters: u64,
    pub diagnostics: Vec<Diagnostic>,
}

#[derive(Default)]
struct Group {
    feeder: u32,
    buffer: Vec<u8>,
    segments: Vec<(u64, u32)>,
    meters: usize,
    bytes: u64,
}

/// Where the map puts a meter.
#[derive(Clone, Copy)]
struct Place {
    group: u32,
    /// None: not in the map.
    transformer: Option<u32>,
    rating_kw: Option<f64>,
}

/// Takes readings, then makes the tables.
pub struct Collector<S: Scratch> {
    options: Options,
    scratch: S,
    feeders: Vec<String>,
    transformers: Vec<Text>,
    map: HashMap<String, Place>,
    /// Of the meters that were met, by their index.
    places: Vec<Option<Place>>,
    groups: Vec<Group>,
    open_unmapped: Option<u32>,
    unmapped_feeder: u32,
    /// Group of each series.
    group_of_series: Vec<u32>,
    threshold: usize,
    by_interval: BTreeMap<u32, u64>,
    span: (i64, i64),
    /// Local end of the first interval met, within its interval.
    phase: Option<i64>,
    readings: u64,
}

impl<S: Scratch> Collector<S> {
    /// A collector for the meters of a map; it may be empty.
    pub fn new(places: &[MeterPlace], options: Options, scratch: S) -> Self {
        let mut order: Vec<&MeterPlace> = places.iter().collect();
        order.sort_by(|a, b| (&a.feeder, &a.transformer).cmp(&(&b.feeder, &b.transformer)));
        let mut c = Self {
            scratch,
            feeders: Vec::new(),
            transformers: Vec::new(),
            map: HashMap::new(),
            places: Vec::new(),
            groups: Vec::new(),
            open_unmapped: None,
            unmapped_feeder: 0,
            group_of_series: Vec::new(),
            threshold: 1 << 16,
            by_interval: BTreeMap::new(),
            span: (i64::MAX, i64::MIN),
            phase: None,
            readings: 0,
            options,
        };
        for place in order {
            let feeder = if place.feeder.is_empty() { c.options.default_feeder.as_str() } else { place.feeder.as_str() };
            let new_feeder = c.feeders.last().is_none_or(|f| f != feeder);
            if new_feeder {
                c.feeders.push(feeder.to_owned());
            }
            let new_transformer = new_feeder || c.transformers.last().is_none_or(|t| **t != *place.transformer);
            if new_transformer {
                c.transformers.push(place.transformer.as_str().into());
            }
            let full = c.groups.last().is_none_or(|g| g.meters >= c.options.meters_per_group);
            if new_feeder || (new_transformer && full) {
                c.groups.push(Group { feeder: c.feeders.len() as u32 - 1, ..Group::default() });
            }
            let group = c.groups.len() as u32 - 1;
            c.groups[group as usize].meters += 1;
            let transformer = Some(c.transformers.len() as u32 - 1);
            c.map.insert(place.meter.clone(), Place { group, transformer, rating_kw: place.rating_kw });
        }
        let unmapped = c.options.default_feeder.clone();
        c.unmapped_feeder = match c.feeders.iter().position(|f| *f == unmapped) {
            Some(i) => i as u32,
            None => {
                c.feeders.push(unmapped);
                c.feeders.len() as u32 - 1
            }
        };
        c.set_threshold();
        c
    }

    fn set_threshold(&mut self) {
        self.threshold = (self.options.buffer_bytes / self.groups.len().max(1)).clamp(1 << 10, 1 << 18) / RECORD_BYTES * RECORD_BYTES;
    }

    fn place_of(&mut self, meter: u32, name: &str) -> Place {
        let at = meter as usize;
        if self.places.len() <= at {
            self.places.resize(at + 1, None);
        }
        if let Some(p) = self.places[at] {
            return p;
        }
        let place = match self.map.get(name) {
            Some(p) => *p,
            None => {
                let group = match self.open_unmapped {
                    Some(g) if self.groups[g as usize].meters < self.options.meters_per_group => g,
                    _ => {
                        self.groups.push(Group { feeder: self.unmapped_feeder, ..Group::default() });
                        let g = self.groups.len() as u32 - 1;
                        self.open_unmapped = Some(g);
                        self.set_threshold();
                        g
                    }
                };
                self.groups[group as usize].meters += 1;
                Place { group, transformer: None, rating_kw: None }
            }
        };
        self.places[at] = Some(place);
        place
    }

    /// Takes a block.
    ///
    /// # Errors
    /// A scratch that takes no more.
    pub fn collect(&mut self, index: &ReadingIndex, block: &Readings) -> Result<(), Diagnostic> {
        while self.group_of_series.len() < index.series.len() {
            let s = &index.series[self.group_of_series.len()];
            let place = self.place_of(s.meter, &index.meters[s.meter as usize]);
            self.group_of_series.push(place.group);
        }
        for k in 0..block.len() {
            let series = block.series[k];
            let end = block.end_s[k];
            self.span.0 = self.span.0.min(end);
            self.span.1 = self.span.1.max(end);
            let group = &mut self.groups[self.group_of_series[series as usize] as usize];
            let mut record = [0u8; RECORD_BYTES];
            record[..4].copy_from_slice(&series.to_le_bytes());
            record[4..8].copy_from_slice(&u32::try_from(end).unwrap_or(0).to_le_bytes());
            record[8..16].copy_from_slice(&block.value[k].to_le_bytes());
            record[16] = block.quality[k] as u8;
            group.buffer.extend_from_slice(&record);
            if group.buffer.len() >= self.threshold {
                spill(group, &mut self.scratch)?;
            }
        }
        if let Some(&first) = block.series.first() {
            let interval_s = index.series[first as usize].interval_s;
            *self.by_interval.entry(interval_s).or_default() += block.len() as u64;
            if interval_s > 0 && self.phase.is_none() {
                let end = block.end_s[0];
                self.phase = Some((end + self.options.vee.offset(end)).rem_euclid(i64::from(interval_s)));
            }
        }
        self.readings += block.len() as u64;
        Ok(())
    }

    /// Makes the tables, feeder by feeder in the order of their names.
    ///
    /// # Errors
    /// Times that span too much, a scratch or sink that fails.
    pub fn finish(mut self, index: &ReadingIndex, sink: &mut dyn TableSink) -> Result<Report, Diagnostic> {
        let interval_s = match self.options.interval_s {
            Some(s) => s,
            None => self.by_interval.iter().filter(|(s, _)| **s > 0).max_by_key(|(_, n)| **n).map_or(900, |(s, _)| *s),
        }
        .max(1);
        let mut report = Report { interval_s, ..Report::default() };
        if self.span.0 > self.span.1 {
            return Ok(report);
        }
        report.span_s = Some(self.span);
        let step = i64::from(interval_s);
        let n = (self.span.1 - self.span.0) / step + 2;
        if n > MAX_INTERVALS {
            return Err(too_long(self.span.0, self.span.1, "the readings"));
        }
        // Sums end on whole intervals of the local clock, shifted as the readings are.
        let offset = self.options.vee.offset(self.span.0);
        let phase = self.phase.unwrap_or(0) - offset;
        let first = self.span.0 + (phase - self.span.0).rem_euclid(step);
        let axis = Axis { first_s: first, step, n: ((self.span.1 - first).max(0) / step + 2) as usize };
        let by_group = {
            let mut all: Vec<Vec<u32>> = vec![Vec::new(); self.groups.len()];
            for (s, &g) in self.group_of_series.iter().enumerate() {
                all[g as usize].push(s as u32);
            }
            all
        };
        report.unmapped_meters = self.places.iter().flatten().filter(|p| p.transformer.is_none()).count() as u64;
        let met = self.places.iter().flatten().filter(|p| p.transformer.is_some()).count();
        report.silent_meters = (self.map.len() - met.min(self.map.len())) as u64;
        let mut order: Vec<usize> = (0..self.groups.len()).filter(|&g| !by_group[g].is_empty()).collect();
        order.sort_by(|&a, &b| {
            let name = |g: usize| &self.feeders[self.groups[g].feeder as usize];
            name(a).cmp(name(b)).then(a.cmp(&b))
        });
        let mut at = 0;
        while at < order.len() {
            let feeder = self.groups[order[at]].feeder;
            let name = self.feeders[feeder as usize].clone();
            let mut sums = Sums::new(axis.n);
            let mut totals = Totals::default();
            let mut writer = Writer { sink: &mut *sink, feeder: &name };
            while at < order.len() && self.groups[order[at]].feeder == feeder {
                let g = order[at];
                at += 1;
                self.group(g, &by_group[g], index, &axis, &mut sums, &mut totals, &mut writer, &mut report)?;
            }
            let rows: Vec<FeederInterval> = sums
                .rows(&axis)
                .map(|(end_s, s)| FeederInterval {
                    end_s,
                    p_kw: s.p_kw,
                    delivered_kwh: s.delivered,
                    received_kwh: s.received,
                    delivered_kvarh: s.kvarh,
                    measured: s.measured,
                    estimated: s.estimated,
                    missing: s.missing,
                })
                .collect();
            writer.rows(&rows)?;
            sink.feeder_done(&name)?;
            report.totals.add(&totals);
            report.feeders.insert(name, totals);
        }
        Ok(report)
    }

    fn group(
        &mut self,
        g: usize,
        series: &[u32],
        index: &ReadingIndex,
        axis: &Axis,
        feeder: &mut Sums,
        totals: &mut Totals,
        writer: &mut Writer<'_>,
        report: &mut Report,
    ) -> Result<(), Diagnostic> {
        let group = &mut self.groups[g];
        let bytes = group.bytes + group.buffer.len() as u64;
        let turns = (bytes / self.options.group_bytes.max(1) as u64 + 1).min(series.len() as u64) as usize;
        // Series of a transformer stand together, so that it can be written when its last one is done.
        let mut ordered: Vec<u32> = series.to_vec();
        let place = |s: u32| self.places[index.series[s as usize].meter as usize];
        ordered.sort_by_key(|&s| (place(s).and_then(|p| p.transformer), index.series[s as usize].meter, s));
        let mut transformer: Option<(u32, Sums)> = None;
        let mut last_meter = None;
        let per_turn = ordered.len().div_ceil(turns);
        for chunk in ordered.chunks(per_turn.max(1)) {
            let local: HashMap<u32, u32> = chunk.iter().enumerate().map(|(i, &s)| (s, i as u32)).collect();
            let (records, starts) = read_back(group, &mut self.scratch, &local, chunk.len())?;
            for (i, &s) in chunk.iter().enumerate() {
                let records = &records[starts[i]..starts[i + 1]];
                let key = &index.series[s as usize];
                let name: Text = index.meters[key.meter as usize].clone();
                let place = self.places[key.meter as usize];
                let t = place.and_then(|p| p.transformer);
                if transformer.as_ref().map(|x| x.0) != t {
                    if let Some((done, sums)) = transformer.take() {
                        writer.transformer(&self.transformers[done as usize], &sums, axis)?;
                    }
                    transformer = t.map(|t| (t, Sums::new(axis.n)));
                }
                if last_meter != Some(key.meter) {
                    totals.meters += 1;
                    last_meter = Some(key.meter);
                }
                totals.series += 1;
                totals.readings += records.len() as u64;
                if key.interval_s == 0 {
                    let rows = hold(records, axis, self.options.hold_s, &name, key.channel);
                    writer.rows(&rows)?;
                    continue;
                }
                let rating = place.and_then(|p| p.rating_kw);
                let (cells, found) = vee::run(records, key.channel, i64::from(key.interval_s), rating, &self.options.vee)
                    .map_err(|e| too_long(e.first_s, e.last_s, &format!("the readings of meter \"{name}\"")))?;
                let quality = describe(&cells, &found, &name, t.map(|t| self.transformers[t as usize].clone()), key, totals, report);
                writer.rows(&[quality])?;
                if self.options.keep_meters {
                    write_cells(&cells, &name, key.channel, writer)?;
                }
                if key.channel.is_energy() || key.channel.is_register() {
                    let fits = feeder.add(&cells, key.channel, axis);
                    if let Some((_, sums)) = &mut transformer {
                        sums.add(&cells, key.channel, axis);
                    }
                    if !fits && report.diagnostics.len() < 50 {
                        report.diagnostics.push(
                            Diagnostic::warning("METERS.INTERVAL.UNEVEN", "the intervals of a meter do not fit those of the sums")
                                .element(format!("meter.{name}"))
                                .detail(format!("Its intervals of {} s are not whole parts or multiples of {} s on the same clock; it is left out of the sums.", cells.interval_s, axis.step))
                                .hint("Choose the interval of the sums: --sum-interval."),
                        );
                    }
                }
            }
        }
        if let Some((done, sums)) = transformer.take() {
            writer.transformer(&self.transformers[done as usize], &sums, axis)?;
        }
        // What is done is not needed again.
        self.groups[g] = Group { feeder: self.groups[g].feeder, ..Group::default() };
        Ok(())
    }
}

fn scratch_failed(e: &io::Error) -> Diagnostic {
    Diagnostic::error("METERS.SCRATCH.REFUSED", "readings cannot be kept for the second pass")
        .detail(format!("The system says: {e}."))
        .hint("Free space on the disk of the output folder.")
}

fn too_long(first: i64, last: i64, what: &str) -> Diagnostic {
    let year = |s: i64| 1970 + s / 31_556_952;
    Diagnostic::error("METERS.SPAN.TOO_LONG", format!("{what} reach over more time than their number allows"))
        .detail(format!("They reach from the year {} to the year {}.", year(first), year(last)))
        .hint("Some times are wrong: see the form of dates, and clocks that were never set.")
}

fn spill(group: &mut Group, scratch: &mut impl Scratch) -> Result<(), Diagnostic> {
    let at = scratch.append(&group.buffer).map_err(|e| scratch_failed(&e))?;
    group.segments.push((at, group.buffer.len() as u32));
    group.bytes += group.buffer.len() as u64;
    group.buffer.clear();
    Ok(())
}

/// Records of some series of a group, those of one series together in their order, and where each begins.
fn read_back(
    group: &Group,
    scratch: &mut impl Scratch,
    local: &HashMap<u32, u32>,
    n: usize,
) -> Result<(Vec<Record>, Vec<usize>), Diagnostic> {
    let base = local.keys().copied().min().unwrap_or(0);
    let top = local.keys().copied().max().unwrap_or(0);
    // A small table by number where the series lie close, which they mostly do.
    let dense: Option<Vec<u32>> = ((top - base) as usize <= 1 << 20).then(|| {
        let mut t = vec![u32::MAX; (top - base) as usize + 1];
        local.iter().for_each(|(s, i)| t[(s - base) as usize] = *i);
        t
    });
    let find = |s: u32| match &dense {
        Some(t) => s.checked_sub(base).and_then(|d| t.get(d as usize)).copied().filter(|i| *i != u32::MAX),
        None => local.get(&s).copied(),
    };
    let mut counts = vec![0usize; n + 1];
    let mut bytes = Vec::new();
    let mut each = |visit: &mut dyn FnMut(&[u8])| -> Result<(), Diagnostic> {
        for &(at, len) in &group.segments {
            bytes.resize(len as usize, 0);
            scratch.read(at, &mut bytes).map_err(|e| scratch_failed(&e))?;
            visit(&bytes);
        }
        visit(&group.buffer);
        Ok(())
    };
    let series_of = |r: &[u8]| u32::from_le_bytes([r[0], r[1], r[2], r[3]]);
    each(&mut |chunk| {
        for r in chunk.chunks_exact(RECORD_BYTES) {
            if let Some(i) = find(series_of(r)) {
                counts[i as usize + 1] += 1;
            }
        }
    })?;
    for i in 0..n {
        counts[i + 1] += counts[i];
    }
    let starts = counts.clone();
    let mut next = counts;
    let mut records = vec![Record { end_s: 0, value: 0.0, quality: ReadingQuality::Missing }; starts[n]];
    each(&mut |chunk| {
        for r in chunk.chunks_exact(RECORD_BYTES) {
            let Some(i) = find(series_of(r)) else { continue };
            let end_s = i64::from(u32::from_le_bytes([r[4], r[5], r[6], r[7]]));
            let value = f64::from_le_bytes([r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]]);
            let quality = match r[16] {
                1 => ReadingQuality::Estimated,
                2 => ReadingQuality::Actual,
                3 => ReadingQuality::Substituted,
                _ => ReadingQuality::Missing,
            };
            records[next[i as usize]] = Record { end_s, value, quality };
            next[i as usize] += 1;
        }
    })?;
    Ok((records, starts))
}

/// Intervals of the sums.
struct Axis {
    first_s: i64,
    step: i64,
    n: usize,
}

/// One interval of a sum.
struct Sum {
    p_kw: Option<f64>,
    delivered: f64,
    received: f64,
    kvarh: f64,
    measured: u32,
    estimated: u32,
    missing: u32,
}

/// Sums of energies over the axis.
struct Sums {
    delivered: Vec<f64>,
    received: Vec<f64>,
    kvarh: Vec<f64>,
    measured: Vec<u32>,
    estimated: Vec<u32>,
    missing: Vec<u32>,
}

impl Sums {
    fn new(n: usize) -> Self {
        let zeros = || vec![0.0; n];
        let none = || vec![0; n];
        Self { delivered: zeros(), received: zeros(), kvarh: zeros(), measured: none(), estimated: none(), missing: none() }
    }

    /// Adds a series: shorter intervals fall into those of the axis, longer ones are spread evenly. False when they do not fit.
    fn add(&mut self, cells: &Cells, channel: Channel, axis: &Axis) -> bool {
        if cells.is_empty() {
            return true;
        }
        let reactive = matches!(channel, Channel::DeliveredKvarh | Channel::ReceivedKvarh);
        let step = cells.interval_s;
        let phase = (cells.first_s - axis.first_s).rem_euclid(axis.step);
        let coarse = step > axis.step;
        if (coarse && (step % axis.step != 0 || phase != 0)) || (!coarse && (axis.step % step != 0 || phase % step != 0)) {
            return false;
        }
        let parts = if coarse { step / axis.step } else { 1 };
        for i in 0..cells.len() {
            let end = cells.end_s(i);
            // The axis interval that ends at or after the end of the cell's.
            let last = (end - axis.first_s).div_euclid(axis.step) + i64::from((end - axis.first_s).rem_euclid(axis.step) != 0);
            for p in 0..parts {
                let Some(k) = usize::try_from(last - p).ok().filter(|k| *k < self.delivered.len()) else { continue };
                let v = cells.value[i];
                if !reactive {
                    // A series of short intervals counts once: by its last one.
                    let counts = parts > 1 || phase_end(end, axis);
                    match cells.flag[i] {
                        Flag::Missing if counts => self.missing[k] += 1,
                        Flag::Validated if counts && parts == 1 => self.measured[k] += 1,
                        _ if counts => self.estimated[k] += 1,
                        _ => {}
                    }
                }
                if v.is_nan() {
                    continue;
                }
                let v = if parts == 1 { v } else { v / parts as f64 };
                match channel {
                    Channel::DeliveredKwh | Channel::DeliveredRegisterKwh => self.delivered[k] += v,
                    Channel::ReceivedKwh | Channel::ReceivedRegisterKwh => self.received[k] += v,
                    Channel::NetKwh if v < 0.0 => self.received[k] -= v,
                    Channel::NetKwh => self.delivered[k] += v,
                    Channel::DeliveredKvarh => self.kvarh[k] += v,
                    Channel::ReceivedKvarh => self.kvarh[k] -= v,
                    _ => {}
                }
            }
        }
        true
    }

    /// Intervals in which a series is in service.
    fn rows<'a>(&'a self, axis: &'a Axis) -> impl Iterator<Item = (u64, Sum)> + 'a {
        let hours = axis.step as f64 / 3600.0;
        (0..self.delivered.len()).filter(|&k| self.measured[k] + self.estimated[k] + self.missing[k] > 0).map(move |k| {
            let known = self.measured[k] + self.estimated[k] > 0;
            let end_s = (axis.first_s + k as i64 * axis.step).max(0) as u64;
            let sum = Sum {
                p_kw: known.then(|| (self.delivered[k] - self.received[k]) / hours),
                delivered: self.delivered[k],
                received: self.received[k],
                kvarh: self.kvarh[k],
                measured: self.measured[k],
                estimated: self.estimated[k],
                missing: self.missing[k],
            };
            (end_s, sum)
        })
    }
}

fn phase_end(end_s: i64, axis: &Axis) -> bool {
    (end_s - axis.first_s).rem_euclid(axis.step) == 0
}

/// The tables of a feeder on their way out.
struct Writer<'a> {
    sink: &'a mut dyn TableSink,
    feeder: &'a str,
}

impl Writer<'_> {
    fn rows<R: Row>(&mut self, rows: &[R]) -> Result<(), Diagnostic> {
        for chunk in rows.chunks(BATCH_ROWS) {
            self.sink.rows(self.feeder, R::TABLE, R::batch(chunk))?;
        }
        Ok(())
    }

    fn transformer(&mut self, name: &Text, sums: &Sums, axis: &Axis) -> Result<(), Diagnostic> {
        let rows: Vec<TransformerInterval> = sums
            .rows(axis)
            .map(|(end_s, s)| TransformerInterval {
                transformer: name.clone(),
                end_s,
                p_kw: s.p_kw,
                delivered_kwh: s.delivered,
                received_kwh: s.received,
                delivered_kvarh: s.kvarh,
                measured: s.measured,
                estimated: s.estimated,
                missing: s.missing,
            })
            .collect();
        self.rows(&rows)
    }
}

fn describe(
    cells: &Cells,
    found: &Found,
    meter: &Text,
    transformer: Option<Text>,
    key: &network::ReadingSeries,
    totals: &mut Totals,
    report: &mut Report,
) -> SeriesQuality {
    let mut by_flag = [0u64; 4];
    let mut by_rule = [0u64; Rule::ALL.len()];
    let (mut sum, mut n) = (0.0, 0u64);
    for i in 0..cells.len() {
        by_flag[cells.flag[i] as usize] += 1;
        by_rule[cells.rule[i] as usize] += 1;
        if cells.value[i].is_finite() {
            sum += cells.value[i];
            n += 1;
        }
    }
    let energy = key.channel.is_energy() || key.channel.is_register();
    match key.channel {
        Channel::DeliveredKwh | Channel::DeliveredRegisterKwh => totals.delivered_kwh += sum,
        Channel::ReceivedKwh | Channel::ReceivedRegisterKwh => totals.received_kwh += sum,
        Channel::NetKwh => {
            for v in cells.value.iter().filter(|v| v.is_finite()) {
                if *v < 0.0 { totals.received_kwh -= v } else { totals.delivered_kwh += v }
            }
        }
        Channel::DeliveredKvarh => totals.delivered_kvarh += sum,
        Channel::ReceivedKvarh => totals.received_kvarh += sum,
        _ => {}
    }
    totals.missing += by_flag[0];
    totals.validated += by_flag[1];
    totals.estimated += by_flag[2];
    totals.edited += by_flag[3];
    totals.add(&Totals { found: *found, ..Totals::default() });
    for (rule, n) in Rule::ALL.iter().zip(by_rule) {
        if n > 0 && *rule != Rule::None {
            *report.rules.entry(rule.name()).or_default() += n;
        }
    }
    SeriesQuality {
        meter: meter.clone(),
        transformer,
        channel: Arc::from(key.channel.name()),
        register: key.register.clone(),
        interval_s: key.interval_s,
        first_s: cells.first_s.max(0) as u64,
        last_s: if cells.is_empty() { 0 } else { cells.end_s(cells.len() - 1).max(0) as u64 },
        expected: cells.len() as u64,
        validated: by_flag[1],
        estimated: by_flag[2],
        edited: by_flag[3],
        missing: by_flag[0],
        gaps: found.gaps,
        duplicates: found.duplicates,
        conflicts: found.conflicts,
        off_grid: found.off_grid,
        negative: found.negative,
        spikes: found.spikes,
        suspects: found.suspects,
        flat: found.flat,
        zeros: found.zeros,
        resets: found.resets,
        unit_slips: found.unit_slips,
        sum: if energy { sum } else { sum / n.max(1) as f64 },
    }
}

fn write_cells(cells: &Cells, meter: &Text, channel: Channel, writer: &mut Writer<'_>) -> Result<(), Diagnostic> {
    let channel: Text = channel.name().into();
    let flags = Flag::ALL.map(|f| Text::from(f.name()));
    let rules = Rule::ALL.map(|r| Text::from(r.name()));
    let row = |i: usize| MeterInterval {
        meter: meter.clone(),
        channel: channel.clone(),
        end_s: cells.end_s(i).max(0) as u64,
        value: cells.value[i].is_finite().then_some(cells.value[i]),
        flag: flags[cells.flag[i] as usize].clone(),
        rule: rules[cells.rule[i] as usize].clone(),
    };
    let mut at = 0;
    while at < cells.len() {
        let to = (at + BATCH_ROWS).min(cells.len());
        let rows: Vec<MeterInterval> = (at..to).map(row).collect();
        writer.rows(&rows)?;
        at = to;
    }
    Ok(())
}

/// A point's values over the axis: each holds until the next one comes, at most `hold_s`.
fn hold(records: &[Record], axis: &Axis, hold_s: i64, device: &Text, channel: Channel) -> Vec<PointInterval> {
    struct Bin {
        weighted: f64,
        seconds: i64,
        min: f64,
        max: f64,
        last: f64,
    }
    let mut sorted: Vec<&Record> = records.iter().filter(|r| r.value.is_finite()).collect();
    sorted.sort_by_key(|r| r.end_s);
    let mut bins: BTreeMap<i64, Bin> = BTreeMap::new();
    for (i, r) in sorted.iter().enumerate() {
        let until = sorted.get(i + 1).map_or(r.end_s + axis.step, |n| n.end_s).min(r.end_s + hold_s.max(1));
        let mut at = r.end_s;
        while at < until {
            // The interval k ends at first_s + k step and holds the time before.
            let k = (at - axis.first_s).div_euclid(axis.step) + 1;
            let to = until.min(axis.first_s + k * axis.step);
            let bin = bins.entry(k).or_insert(Bin { weighted: 0.0, seconds: 0, min: f64::INFINITY, max: f64::NEG_INFINITY, last: 0.0 });
            bin.weighted += r.value * (to - at) as f64;
            bin.seconds += to - at;
            bin.min = bin.min.min(r.value);
            bin.max = bin.max.max(r.value);
            bin.last = r.value;
            at = to;
        }
    }
    bins.into_iter()
        .map(|(k, b)| PointInterval {
            device: device.clone(),
            channel: channel.name().into(),
            end_s: (axis.first_s + k * axis.step).max(0) as u64,
            mean: b.weighted / b.seconds as f64,
            min: b.min,
            max: b.max,
            last: b.last,
            known_pct: 100.0 * b.seconds as f64 / axis.step as f64,
        })
        .collect()
}

#[cfg(test)]
mod tests;
