//! Validation, estimation and editing of one series.
//!
//! ```text
//! records in the order of the file ─► cells of the interval grid: duplicates, conflicts, readings off the grid
//!   ─► (registers: differences, resets) ─► checks: negative, above rating, spikes, flat lines, zeros, changes of unit
//!   ─► estimates for what is missing between the first and the last reading ─► flags and rules, a byte each a cell
//! ```
//!
//! What a check refuses is estimated like a gap. What is only suspicious is counted and kept: without a rating nothing proves it wrong.
//! Nothing is estimated before the first reading or after the last one.

use network::{Channel, ReadingQuality};

/// What became of the value of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Flag {
    Missing,
    Validated,
    Estimated,
    Edited,
}

impl Flag {
    pub const ALL: [Self; 4] = [Self::Missing, Self::Validated, Self::Estimated, Self::Edited];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Validated => "validated",
            Self::Estimated => "estimated",
            Self::Edited => "edited",
        }
    }
}

/// How a value that is no reading was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Rule {
    None,
    /// By who delivered it.
    Source,
    /// On the straight line between the readings around.
    Interpolated,
    /// Mean of the same time on up to three of the nearest days a whole number of weeks away.
    LikeDay,
    /// Mean of the same time on up to three of the nearest days of the same kind, working day or weekend.
    DayKind,
    /// Mean of the same time on all days.
    AllDays,
    /// Energy between two register standings, spread evenly.
    RegisterAdvance,
}

impl Rule {
    pub const ALL: [Self; 7] =
        [Self::None, Self::Source, Self::Interpolated, Self::LikeDay, Self::DayKind, Self::AllDays, Self::RegisterAdvance];

    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Source => "source",
            Self::Interpolated => "interpolated",
            Self::LikeDay => "like_day",
            Self::DayKind => "day_kind",
            Self::AllDays => "all_days",
            Self::RegisterAdvance => "register_advance",
        }
    }
}

/// Limits of the checks and of the estimates.
#[derive(Clone, Debug, PartialEq)]
pub struct VeeOptions {
    /// Longest gap that is filled by a straight line, s.
    pub interpolate_s: i64,
    /// A reading above so many times the service rating is refused.
    pub over_rating: f64,
    /// Rating of services whose map tells none, kW; none: no check.
    pub rating_kw: Option<f64>,
    /// A day or more of one value, s.
    pub flat_s: i64,
    /// A week or more of zeros, s.
    pub zero_s: i64,
    /// Estimate at all.
    pub estimate: bool,
    /// Spans of one offset of the local clock, first instant and offset, s: days and weekdays are local.
    pub spans: Vec<(i64, i64)>,
}

impl Default for VeeOptions {
    fn default() -> Self {
        Self {
            interpolate_s: 7200,
            over_rating: 1.5,
            rating_kw: None,
            flat_s: 86_400,
            zero_s: 7 * 86_400,
            estimate: true,
            spans: vec![(i64::MIN / 4, 0)],
        }
    }
}

impl VeeOptions {
    /// Offset of the local clock at an instant, s.
    pub fn offset(&self, utc_s: i64) -> i64 {
        let i = self.spans.partition_point(|s| s.0 <= utc_s).saturating_sub(1);
        self.spans.get(i).map_or(0, |s| s.1)
    }
}

/// One reading on its way into the grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    pub end_s: i64,
    pub value: f64,
    pub quality: ReadingQuality,
}

/// A series on its grid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cells {
    /// End of the first interval, s since 1970.
    pub first_s: i64,
    pub interval_s: i64,
    /// Not a number where there is none.
    pub value: Vec<f64>,
    pub flag: Vec<Flag>,
    pub rule: Vec<Rule>,
}

impl Cells {
    pub fn len(&self) -> usize {
        self.value.len()
    }

    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    pub fn end_s(&self, i: usize) -> i64 {
        self.first_s + i as i64 * self.interval_s
    }

    fn set(&mut self, i: usize, value: f64, flag: Flag, rule: Rule) {
        self.value[i] = value;
        self.flag[i] = flag;
        self.rule[i] = rule;
    }
}

/// Counts of what was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub readings: u64,
    pub gaps: u64,
    pub duplicates: u64,
    pub conflicts: u64,
    pub off_grid: u64,
    pub negative: u64,
    pub spikes: u64,
    pub suspects: u64,
    pub flat: u64,
    pub zeros: u64,
    pub resets: u64,
    pub unit_slips: u64,
}

/// Most cells of one series; more means that a time is wrong.
pub const MAX_CELLS: i64 = 20_000_000;

/// Why a series cannot be put on a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    pub first_s: i64,
    pub last_s: i64,
}

/// Runs all of it on one series.
///
/// # Inputs
/// * `records` - of one series, in the order of the file.
/// * `channel`, `interval_s` - of the series.
/// * `rating_kw` - of the service, or of all.
///
/// # Returns
/// The cells from the first reading to the last, with what was found. Registers give the energies between standings.
///
/// # Errors
/// A span of more than [`MAX_CELLS`] intervals, or of more than 1000 for each reading.
pub fn run(
    records: &[Record],
    channel: Channel,
    interval_s: i64,
    rating_kw: Option<f64>,
    options: &VeeOptions,
) -> Result<(Cells, Found), TooLong> {
    let mut found = Found { readings: records.len() as u64, ..Found::default() };
    let mut cells = place(records, interval_s, &mut found)?;
    if cells.is_empty() {
        return Ok((cells, found));
    }
    if channel.is_register() {
        cells = advances(&cells, &mut found);
    }
    let energy = channel.is_energy() || channel.is_register();
    if energy {
        // Reactive energy of one column is mostly a net one.
        let signed = matches!(channel, Channel::NetKwh | Channel::DeliveredKvarh | Channel::ReceivedKvarh);
        check(&mut cells, signed, rating_kw.or(options.rating_kw), options, &mut found);
    }
    found.gaps = gaps(&cells).len() as u64;
    if energy && options.estimate {
        estimate(&mut cells, options);
    }
    Ok((cells, found))
}

/// Records onto the grid. Of several for one interval the better quality stays, of equal ones the last.
fn place(records: &[Record], interval_s: i64, found: &mut Found) -> Result<Cells, TooLong> {
    let interval_s = interval_s.max(1);
    // The phase of the grid is that of the majority (Boyer and Moore, 1981).
    let (mut phase, mut votes) = (0, 0i64);
    for r in records {
        let p = r.end_s.rem_euclid(interval_s);
        if votes == 0 {
            phase = p;
        }
        votes += if p == phase { 1 } else { -1 };
    }
    let on_grid = |r: &&Record| r.end_s.rem_euclid(interval_s) == phase;
    let (mut first, mut last, mut n) = (i64::MAX, i64::MIN, 0i64);
    for r in records.iter().filter(on_grid) {
        (first, last, n) = (first.min(r.end_s), last.max(r.end_s), n + 1);
    }
    found.off_grid = records.len() as u64 - n as u64;
    if n == 0 {
        return Ok(Cells::default());
    }
    let cells = (last - first) / interval_s + 1;
    if cells > MAX_CELLS || cells > 100_000 + 1000 * n {
        return Err(TooLong { first_s: first, last_s: last });
    }
    let cells = cells as usize;
    let mut grid =
        Cells { first_s: first, interval_s, value: vec![f64::NAN; cells], flag: vec![Flag::Missing; cells], rule: vec![Rule::None; cells] };
    let rank = |flag: Flag| match flag {
        Flag::Missing => 0,
        Flag::Estimated => 1,
        Flag::Validated => 2,
        Flag::Edited => 3,
    };
    for r in records.iter().filter(on_grid) {
        let i = ((r.end_s - first) / interval_s) as usize;
        let (flag, rule) = match r.quality {
            _ if r.value.is_nan() => continue,
            ReadingQuality::Missing => continue,
            ReadingQuality::Actual => (Flag::Validated, Rule::None),
            ReadingQuality::Estimated => (Flag::Estimated, Rule::Source),
            ReadingQuality::Substituted => (Flag::Edited, Rule::Source),
        };
        if grid.flag[i] != Flag::Missing {
            let same = (grid.value[i] - r.value).abs() <= 1e-9 * r.value.abs().max(1e-6);
            if same {
                found.duplicates += 1;
            } else {
                found.conflicts += 1;
            }
            if rank(flag) < rank(grid.flag[i]) {
                continue;
            }
        }
        grid.set(i, r.value, flag, rule);
    }
    Ok(grid)
}

/// Energies between standings of a register. A standing that falls is a register that went round, when it was near its end and the
/// advance is small against its range, or one that began again: then the energy of that interval is not known.
fn advances(standings: &Cells, found: &mut Found) -> Cells {
    let n = standings.len();
    let mut out = Cells {
        first_s: standings.first_s,
        interval_s: standings.interval_s,
        value: vec![f64::NAN; n],
        flag: vec![Flag::Missing; n],
        rule: vec![Rule::None; n],
    };
    let largest = standings.value.iter().copied().filter(|v| v.is_finite()).fold(0.0f64, f64::max);
    let range = 10f64.powf(largest.max(1.0).log10().floor() + 1.0);
    let mut before: Option<(usize, f64)> = None;
    for i in 0..n {
        let v = standings.value[i];
        if v.is_nan() {
            continue;
        }
        if let Some((b, standing)) = before {
            let mut advance = v - standing;
            if advance < 0.0 {
                found.resets += 1;
                advance = if standing > 0.9 * range && v < 0.1 * range { advance + range } else { f64::NAN };
            }
            let steps = i - b;
            for j in b + 1..=i {
                if !advance.is_nan() {
                    let (flag, rule) =
                        if steps == 1 { (standings.flag[i], standings.rule[i]) } else { (Flag::Estimated, Rule::RegisterAdvance) };
                    out.set(j, advance / steps as f64, flag, rule);
                }
            }
        }
        before = Some((i, v));
    }
    // The first standing has no interval of its own.
    let drop = out.flag.iter().take_while(|f| **f == Flag::Missing).count().min(1);
    out.first_s += drop as i64 * out.interval_s;
    out.value.drain(..drop);
    out.flag.drain(..drop);
    out.rule.drain(..drop);
    out
}

fn check(cells: &mut Cells, signed: bool, rating_kw: Option<f64>, options: &VeeOptions, found: &mut Found) {
    let hours = cells.interval_s as f64 / 3600.0;
    let limit = rating_kw.map(|kw| kw * hours * options.over_rating);
    for i in 0..cells.len() {
        let v = cells.value[i];
        if v.is_nan() {
            continue;
        }
        if v < 0.0 && !signed {
            found.negative += 1;
            cells.set(i, f64::NAN, Flag::Missing, Rule::None);
        } else if limit.is_some_and(|l| v.abs() > l) {
            found.spikes += 1;
            cells.set(i, f64::NAN, Flag::Missing, Rule::None);
        }
    }
    let mut sizes: Vec<f64> = cells.value.iter().filter(|v| v.is_finite()).map(|v| v.abs()).collect();
    if sizes.len() >= 100 {
        let at = sizes.len() * 99 / 100;
        let (_, p99, _) = sizes.select_nth_unstable_by(at, f64::total_cmp);
        let bound = 10.0 * *p99;
        if bound > 0.0 {
            found.suspects = cells.value.iter().filter(|v| v.abs() > bound).count() as u64;
        }
    }
    let (flat, zero) = ((options.flat_s / cells.interval_s).max(2), (options.zero_s / cells.interval_s).max(2));
    let mut i = 0;
    while i < cells.len() {
        let v = cells.value[i];
        let mut j = i + 1;
        while j < cells.len() && cells.value[j] == v {
            j += 1;
        }
        let run = (j - i) as i64;
        if v == 0.0 && run >= zero {
            found.zeros += run as u64;
        } else if v != 0.0 && v.is_finite() && run >= flat {
            found.flat += run as u64;
        }
        i = j;
    }
    found.unit_slips = unit_slips(cells);
}

/// Days whose mean stands against that of the day before like another unit would: about a thousand times, or a thousandth.
fn unit_slips(cells: &Cells) -> u64 {
    let per_day = (86_400 / cells.interval_s).max(1) as usize;
    let mut before: Option<f64> = None;
    let mut slips = 0;
    for day in cells.value.chunks(per_day) {
        let known: Vec<f64> = day.iter().copied().filter(|v| v.is_finite()).map(f64::abs).collect();
        if known.len() * 2 < per_day {
            continue;
        }
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        if mean <= 0.0 {
            continue;
        }
        if let Some(b) = before {
            let ratio = (mean / b).max(b / mean);
            slips += u64::from((300.0..3000.0).contains(&ratio));
        }
        before = Some(mean);
    }
    slips
}

/// Runs of missing cells, from and to (not included).
fn gaps(cells: &Cells) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut i = 0;
    while i < cells.len() {
        if cells.flag[i] != Flag::Missing {
            i += 1;
            continue;
        }
        let mut j = i;
        while j < cells.len() && cells.flag[j] == Flag::Missing {
            j += 1;
        }
        out.push((i, j));
        i = j;
    }
    out
}

fn estimate(cells: &mut Cells, options: &VeeOptions) {
    let gaps = gaps(cells);
    if gaps.is_empty() {
        return;
    }
    // Estimates rest on readings alone, never on each other.
    let measured: Vec<bool> =
        cells.flag.iter().zip(&cells.rule).map(|(f, r)| *f == Flag::Validated || (*f == Flag::Edited && *r == Rule::Source)).collect();
    let values = cells.value.clone();
    let mut by_time: Option<Vec<(f64, u32)>> = None;
    for (from, to) in gaps {
        let around = (from > 0 && to < cells.len()).then(|| (values[from.wrapping_sub(1)], values[to.min(values.len() - 1)]));
        let short = (to - from) as i64 * cells.interval_s <= options.interpolate_s;
        if let (true, Some((a, b))) = (short, around) {
            let n = (to - from + 1) as f64;
            for i in from..to {
                let x = (i - from + 1) as f64 / n;
                cells.set(i, a + (b - a) * x, Flag::Estimated, Rule::Interpolated);
            }
            continue;
        }
        for i in from..to {
            let weeks = [1i64, -1, 2, -2, 3, -3, 4, -4].map(|w| 7 * w);
            if let Some(v) = mean_of_days(cells, &values, &measured, i, &weeks, options) {
                cells.set(i, v, Flag::Estimated, Rule::LikeDay);
                continue;
            }
            let kind = |days: i64| is_weekend(local_start(cells, i, options) + days * 86_400);
            let own = kind(0);
            let days: Vec<i64> = (1..=28).flat_map(|d| [d, -d]).filter(|&d| kind(d) == own).collect();
            if let Some(v) = mean_of_days(cells, &values, &measured, i, &days, options) {
                cells.set(i, v, Flag::Estimated, Rule::DayKind);
                continue;
            }
            let of_day = by_time.get_or_insert_with(|| means_by_time(cells, &values, &measured, options));
            let slot = (local_start(cells, i, options).rem_euclid(86_400) / cells.interval_s) as usize;
            if let Some(&(sum, n)) = of_day.get(slot)
                && n > 0
            {
                cells.set(i, sum / f64::from(n), Flag::Estimated, Rule::AllDays);
            }
        }
    }
}

fn local_start(cells: &Cells, i: usize, options: &VeeOptions) -> i64 {
    let start = cells.end_s(i) - cells.interval_s;
    start + options.offset(start)
}

/// 1970-01-01 was a Thursday.
fn is_weekend(local_s: i64) -> bool {
    matches!((local_s.div_euclid(86_400) + 3).rem_euclid(7), 5 | 6)
}

/// Mean over the first three of the days told, counted from the cell's own, on which its time of day was measured.
fn mean_of_days(cells: &Cells, values: &[f64], measured: &[bool], i: usize, days: &[i64], options: &VeeOptions) -> Option<f64> {
    let local = local_start(cells, i, options);
    let (mut sum, mut n) = (0.0, 0);
    for d in days {
        let there = local + d * 86_400;
        let guess = there - options.offset(there);
        let start = there - options.offset(guess);
        let end = start + cells.interval_s;
        if end < cells.first_s || (end - cells.first_s) % cells.interval_s != 0 {
            continue;
        }
        let j = ((end - cells.first_s) / cells.interval_s) as usize;
        if j < values.len() && measured[j] && values[j].is_finite() {
            sum += values[j];
            n += 1;
            if n == 3 {
                break;
            }
        }
    }
    (n > 0).then(|| sum / f64::from(n))
}

fn means_by_time(cells: &Cells, values: &[f64], measured: &[bool], options: &VeeOptions) -> Vec<(f64, u32)> {
    let mut out = vec![(0.0, 0u32); (86_400 / cells.interval_s).max(1) as usize];
    for i in 0..values.len() {
        if measured[i] && values[i].is_finite() {
            let slot = (local_start(cells, i, options).rem_euclid(86_400) / cells.interval_s) as usize;
            if let Some(s) = out.get_mut(slot) {
                s.0 += values[i];
                s.1 += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: i64 = 900;

    fn readings(values: &[f64]) -> Vec<Record> {
        values.iter().enumerate().map(|(i, &value)| Record { end_s: (i as i64 + 1) * Q, value, quality: ReadingQuality::Actual }).collect()
    }

    fn run_on(records: &[Record], channel: Channel) -> (Cells, Found) {
        run(records, channel, Q, None, &VeeOptions::default()).unwrap()
    }

    #[test]
    fn short_gaps_are_filled_by_a_line_and_long_ones_from_like_days() {
        // Three weeks; the value tells weekday and time.
        let of = |i: usize| (i / 96 % 7) as f64 + (i % 96) as f64 / 1000.0;
        let mut records = readings(&(0..21 * 96).map(of).collect::<Vec<_>>());
        let all = records.clone();
        records.retain(|r| {
            let i = (r.end_s / Q - 1) as usize;
            !(200..204).contains(&i) && !(960..1056).contains(&i)
        });
        let (cells, found) = run_on(&records, Channel::DeliveredKwh);
        assert_eq!((cells.len(), found.gaps), (21 * 96, 2));
        for i in 200..204 {
            assert_eq!((cells.flag[i], cells.rule[i]), (Flag::Estimated, Rule::Interpolated));
            assert!((cells.value[i] - all[i].value).abs() < 1e-12);
        }
        for i in 960..1056 {
            assert_eq!(cells.rule[i], Rule::LikeDay);
            assert!((cells.value[i] - all[i].value).abs() < 1e-12, "{i}");
        }
        assert_eq!(cells.flag.iter().filter(|f| **f == Flag::Validated).count(), 21 * 96 - 100);
    }

    #[test]
    fn a_gap_of_half_the_only_week_is_filled_from_other_days() {
        let mut records = readings(&(0..5 * 96).map(|i| 1.0 + (i % 96) as f64).collect::<Vec<_>>());
        records.retain(|r| !(100..190).contains(&(r.end_s / Q - 1)));
        let (cells, _) = run_on(&records, Channel::DeliveredKwh);
        // 1 January 1970 was a Thursday: days 0 and 1 and 4 work, 2 and 3 do not.
        for i in 100..190 {
            assert_eq!(cells.rule[i], Rule::DayKind);
            assert!((cells.value[i] - (1.0 + (i % 96) as f64)).abs() < 1e-12);
        }
        let options = VeeOptions { estimate: false, ..VeeOptions::default() };
        let (cells, _) = run(&records, Channel::DeliveredKwh, Q, None, &options).unwrap();
        assert!(cells.flag[100..190].iter().all(|f| *f == Flag::Missing) && cells.value[150].is_nan());
    }

    #[test]
    fn duplicates_conflicts_and_times_off_the_grid() {
        let mut records = readings(&[1.0, 2.0, 3.0, 4.0]);
        records.push(Record { end_s: 2 * Q, value: 2.0, quality: ReadingQuality::Actual });
        records.push(Record { end_s: 3 * Q, value: 9.0, quality: ReadingQuality::Estimated });
        records.push(Record { end_s: 4 * Q, value: 5.0, quality: ReadingQuality::Substituted });
        records.push(Record { end_s: 4 * Q + 7, value: 5.0, quality: ReadingQuality::Actual });
        let (cells, found) = run_on(&records, Channel::DeliveredKwh);
        assert_eq!((found.duplicates, found.conflicts, found.off_grid), (1, 2, 1));
        // An estimate does not replace a reading, a substitute does.
        assert_eq!(cells.value, [1.0, 2.0, 3.0, 5.0]);
        assert_eq!(cells.flag[3], Flag::Edited);
    }

    #[test]
    fn what_cannot_be_is_estimated_and_what_is_odd_is_kept() {
        let mut values = vec![1.0; 96 * 3];
        values.iter_mut().enumerate().for_each(|(i, v)| *v += (i % 7) as f64 / 10.0);
        values[10] = -3.0;
        values[50] = 40.0;
        values[200] = 17.0;
        let records = readings(&values);
        let (cells, found) = run(&records, Channel::DeliveredKwh, Q, Some(100.0), &VeeOptions::default()).unwrap();
        // 100 kW for a quarter, times 1.5, is 37.5 kWh.
        assert_eq!((found.negative, found.spikes, found.suspects), (1, 1, 1));
        assert_eq!((cells.rule[10], cells.rule[50], cells.value[200]), (Rule::Interpolated, Rule::Interpolated, 17.0));
        assert!(cells.value[10] > 0.0 && cells.value[50] < 2.0);
        let (_, found) = run_on(&readings(&[&vec![0.5; 96][..], &vec![0.0; 96 * 7], &[1.0]].concat()), Channel::DeliveredKwh);
        assert_eq!((found.flat, found.zeros), (96, 96 * 7));
        let (cells, found) = run_on(&readings(&[1.0, -1.0]), Channel::NetKwh);
        assert_eq!((found.negative, cells.value[1]), (0, -1.0));
        let slip: Vec<f64> = (0..96 * 4).map(|i| if i < 192 { 0.4 } else { 400.0 }).collect();
        assert_eq!(run_on(&readings(&slip), Channel::DeliveredKwh).1.unit_slips, 1);
    }

    #[test]
    fn registers_advance_go_round_and_begin_again() {
        let records: Vec<Record> = readings(&[99_990.0, 99_995.0, 3.0, 5.0, f64::NAN, 9.0, 1.0, 2.0]);
        let options = VeeOptions { estimate: false, ..VeeOptions::default() };
        let (cells, found) = run(&records, Channel::DeliveredRegisterKwh, Q, None, &options).unwrap();
        assert_eq!(cells.first_s, 2 * Q);
        assert_eq!(found.resets, 2);
        assert_eq!(cells.value[..5], [5.0, 8.0, 2.0, 2.0, 2.0]);
        assert_eq!(cells.rule[3], Rule::RegisterAdvance);
        assert!(cells.value[5].is_nan());
        assert_eq!(cells.value[6], 1.0);
    }

    #[test]
    fn a_time_that_is_far_off_is_refused() {
        let mut records = readings(&[1.0, 2.0]);
        records.push(Record { end_s: 4_000_000_500 / Q * Q, value: 1.0, quality: ReadingQuality::Actual });
        assert!(run(&records, Channel::DeliveredKwh, Q, None, &VeeOptions::default()).is_err());
    }
}
