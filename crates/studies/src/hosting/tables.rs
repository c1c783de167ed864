//! Tables of a study of hosting capacity, with what their columns mean.

use super::criteria::{At, Criterion};
use super::{HostingResult, SiteResult};
use crate::table::{Column, Table, Value, count, flag, number, text};

const DER: Column = text("der", "generation, load or both");
const BUS: Column = text("bus", "bus");
const STEP: Column = count("step", "step of the series, from 1; empty of a snapshot");
const HOUR: Column = number("hour", "h", "hour on the model's clock; empty of a snapshot");
const CRITERION: Column = text("criterion", "criterion that the next step crosses; empty where none is");
const ELEMENT: Column = text("element", "node, bus or element where it is crossed; source for the head of the network");

pub const HOSTING_CAPACITY: &[Column] = &[
    BUS,
    DER,
    text("method", "iterative or streamlined"),
    text("status", "limited, unlimited (the largest size fits), base-violates, isolated, no-phase, no-base, no-return"),
    text("phases", "phases at which the resource stands"),
    text("connection", "wye (phases to earth) or delta (between phases)"),
    number("kv", "kV", "nominal voltage, line to line; of one phase to earth"),
    number("hosting_capacity_kw", "kW", "largest size, in whole steps, that keeps all limits; empty where nothing can stand"),
    number("resolution_kw", "kW", "step of the size"),
    CRITERION,
    ELEMENT,
    number("value", "", "value of the criterion one step further, in its unit"),
    number("limit", "", "limit of the criterion, in its unit"),
    text("unit", "unit of value and limit"),
    STEP,
    HOUR,
    number("x", "", "coordinate of the bus, or its longitude"),
    number("y", "", "coordinate of the bus, or its latitude"),
];

pub const CRITERIA: &[Column] = &[
    BUS,
    DER,
    text("criterion", "criterion"),
    number("value", "", "worst value at the hosting capacity"),
    number("limit", "", "limit"),
    number("margin", "", "distance from the limit, negative beyond it"),
    text("unit", "unit of value, limit and margin"),
    text("element", "node, bus or element of the worst value"),
    number(
        "hosting_capacity_kw",
        "kW",
        "hosting capacity under this criterion alone; empty unless asked for, or where the largest size fits",
    ),
];

pub const RELAXATIONS: &[Column] = &[
    BUS,
    DER,
    text("change", "what was changed"),
    number("hosting_capacity_kw", "kW", "hosting capacity with the change"),
    number("gain_kw", "kW", "what the change brings"),
    CRITERION,
    ELEMENT,
    flag("unsettled", "the changed network does not settle without resources"),
];

pub const ENVELOPE: &[Column] =
    &[BUS, DER, STEP, HOUR, number("hosting_capacity_kw", "kW", "largest size that keeps all limits at the step"), CRITERION, ELEMENT];

pub const MOMENTS: &[Column] = &[
    STEP,
    HOUR,
    number("output", "", "output of a resource for one kilowatt of size"),
    number("net_kw", "kW", "power out of the sources without resources; empty where the power flow does not settle"),
    text("why", "why the step was chosen"),
];

pub const DRAWS: &[Column] = &[
    count("draw", "number of the draw, from 1"),
    DER,
    count("resources", "resources in place"),
    number("hosting_capacity_kw", "kW", "sum of their sizes"),
    flag("open", "all resources together keep all limits: the capacity is at least so large"),
    CRITERION,
    ELEMENT,
    number("value", "", "value of the criterion one level further, in its unit"),
    number("limit", "", "limit of the criterion, in its unit"),
    STEP,
    HOUR,
];

pub const PERCENTILES: &[Column] = &[
    DER,
    text("figure", "mean, p5, p50 or p95 of the draws' capacities"),
    number("hosting_capacity_kw", "kW", "the figure"),
    number("low_kw", "kW", "lower end of its 95 % confidence interval; empty where the draws are too few to bound it"),
    number("high_kw", "kW", "upper end"),
    flag("at_least", "it rests on draws that found no limit, and is a lower bound"),
];

pub const FACTORS: &[Column] = &[
    DER,
    text("criterion", "criterion that ended the draw; none where no limit was found"),
    count("draws", "draws"),
    number("share_pct", "%", "share of the draws"),
];

pub const PENETRATION: &[Column] = &[
    DER,
    number("installed_kw", "kW", "resources in place"),
    number("share_pct", "%", "share of the draws that cross a limit with so much in place"),
];

pub const PLACES: &[Column] = &[
    BUS,
    DER,
    number("mean_kw", "kW", "resources at the bus at the draws' capacities, mean"),
    number("p5_kw", "kW", "the same, 5th percentile"),
    number("p95_kw", "kW", "the same, 95th percentile"),
    number("limiting_pct", "%", "share of the draws that the bus or one of its nodes ended"),
];

/// Every table, as the documents list them.
pub const ALL: &[(&str, &[Column])] = &[
    ("hosting_capacity", HOSTING_CAPACITY),
    ("criteria", CRITERIA),
    ("relaxations", RELAXATIONS),
    ("envelope", ENVELOPE),
    ("moments", MOMENTS),
    ("draws", DRAWS),
    ("percentiles", PERCENTILES),
    ("factors", FACTORS),
    ("penetration", PENETRATION),
    ("places", PLACES),
];

/// A criterion's name and place, or empty cells.
fn named(result: &HostingResult, crossed: Option<(Criterion, At)>) -> [Value; 2] {
    match crossed {
        Some((c, at)) => [Value::text(c.name()), Value::text(result.name_of(at))],
        None => [Value::Empty, Value::Empty],
    }
}

fn step_and_hour(m: &super::hours::Moment) -> [Value; 2] {
    [m.step.map_or(Value::Empty, |s| Value::Count(u64::from(s))), Value::maybe(m.hour)]
}

impl HostingResult {
    /// The capacities by moment, a part of the table `envelope` for each bus: all at once they may be millions of rows. Nothing where they
    /// were not kept.
    pub fn envelopes(&self) -> impl Iterator<Item = Table> + '_ {
        let kept = self.sites.iter().filter(|s| s.found.as_ref().is_some_and(|f| !f.envelope.is_empty()));
        kept.map(|s| Table { name: "envelope", meaning: "hosting capacity by step", columns: ENVELOPE, rows: self.envelope_rows(s) })
    }

    /// The tables that the study has rows for, but for [`HostingResult::envelopes`].
    pub fn tables(&self) -> Vec<Table> {
        let table = |name, meaning, columns, rows| Table { name, meaning, columns, rows };
        let mut tables = Vec::new();
        if self.draws.is_none() {
            tables.push(table(
                "hosting_capacity",
                "what each bus can host",
                HOSTING_CAPACITY,
                self.sites.iter().map(|s| self.site_row(s)).collect(),
            ));
            tables.push(table(
                "criteria",
                "criteria at the hosting capacity",
                CRITERIA,
                self.sites.iter().flat_map(|s| self.criteria_rows(s)).collect(),
            ));
        }
        let relaxations: Vec<_> = self.sites.iter().flat_map(|s| self.relaxation_rows(s)).collect();
        if !relaxations.is_empty() {
            tables.push(table("relaxations", "what would relax the binding limit", RELAXATIONS, relaxations));
        }
        if !self.moments.is_empty() {
            tables.push(table("moments", "steps at which limits were held", MOMENTS, self.moments.iter().map(moment_row).collect()));
        }
        if let Some(draws) = &self.draws {
            tables.push(table("draws", "what each draw found", DRAWS, draws.draws.iter().map(|d| self.draw_row(d)).collect()));
            let der = || Value::text(self.der.word());
            let percentile = |(figure, e): &(&'static str, super::stochastic::Estimate)| {
                vec![
                    der(),
                    Value::text(*figure),
                    Value::maybe(Some(e.value)),
                    Value::maybe(e.low),
                    Value::maybe(e.high),
                    Value::Flag(e.at_least),
                ]
            };
            tables.push(table("percentiles", "figures of the draws", PERCENTILES, draws.figures.iter().map(percentile).collect()));
            let share = |n: usize| Value::Number(100.0 * n as f64 / draws.draws.len() as f64);
            let factor = |(name, n): &(&'static str, usize)| vec![der(), Value::text(*name), Value::Count(*n as u64), share(*n)];
            tables.push(table("factors", "what ended the draws", FACTORS, draws.factors.iter().map(factor).collect()));
            let level = |(kw, n): &(f64, usize)| vec![der(), Value::Number(*kw), share(*n)];
            tables.push(table(
                "penetration",
                "draws that cross a limit, over penetration",
                PENETRATION,
                draws.penetration.iter().map(level).collect(),
            ));
            let place = |p: &super::PlaceOfDraws| {
                let figures = [p.mean_kw, p.p5_kw, p.p95_kw, p.limiting_pct].map(Value::Number);
                [vec![Value::text(p.bus.clone()), der()], figures.to_vec()].concat()
            };
            tables.push(table("places", "resources at each bus over the draws", PLACES, draws.places.iter().map(place).collect()));
        }
        tables
    }

    fn site_row(&self, s: &SiteResult) -> Vec<Value> {
        let number = |x: Option<f64>| Value::maybe(x);
        let c = s.crossing();
        let mut row = vec![
            Value::text(s.bus.clone()),
            Value::text(self.der.word()),
            Value::text(self.method.word()),
            Value::text(s.status()),
            Value::text(s.site.as_ref().map_or_else(String::new, |s| s.phase_letters())),
            Value::text(s.site.as_ref().map_or("", |s| s.joined.word())),
            number(s.site.as_ref().map(|s| s.kv)),
            number(s.capacity_kw()),
            number(s.site.as_ref().map(|s| s.step_kw)),
        ];
        row.extend(named(self, c.map(|c| (c.criterion, c.reading.at))));
        row.extend([
            number(c.map(|c| c.reading.value)),
            number(c.map(|c| c.limit)),
            c.map_or(Value::Empty, |c| Value::text(c.criterion.unit())),
        ]);
        match &s.found {
            Some(f) => row.extend(step_and_hour(&f.moment)),
            None => row.extend([Value::Empty, Value::Empty]),
        }
        row.extend([number(s.xy.map(|p| p.0)), number(s.xy.map(|p| p.1))]);
        row
    }

    fn criteria_rows(&self, s: &SiteResult) -> Vec<Vec<Value>> {
        let (Some(found), Some(site)) = (&s.found, &s.site) else { return Vec::new() };
        let row = |(c, limit): (Criterion, f64)| {
            let r = found.readings.of(c)?;
            let alone = found.alone.iter().find(|a| a.0 == c).and_then(|a| a.1);
            Some(vec![
                Value::text(s.bus.clone()),
                Value::text(self.der.word()),
                Value::text(c.name()),
                Value::maybe(Some(r.value)),
                Value::maybe(Some(limit)),
                Value::maybe(Some(c.margin(r.value, limit))),
                Value::text(c.unit()),
                Value::text(self.name_of(r.at)),
                Value::maybe(alone.map(|k| f64::from(k.saturating_sub(1)) * site.step_kw)),
            ])
        };
        found.criteria.iter().filter(|(c, _)| *c != Criterion::Solution).filter_map(row).collect()
    }

    fn relaxation_rows(&self, s: &SiteResult) -> Vec<Vec<Value>> {
        let row = |r: &super::relax::Relaxed| {
            let mut row = vec![
                Value::text(s.bus.clone()),
                Value::text(self.der.word()),
                Value::text(r.change.clone()),
                Value::maybe((!r.unsettled).then_some(r.capacity_kw)),
                Value::maybe((!r.unsettled).then_some(r.gain_kw)),
            ];
            row.extend(named(self, r.crossing.map(|c| (c.criterion, c.reading.at))));
            row.push(Value::Flag(r.unsettled));
            row
        };
        s.relaxed.iter().map(row).collect()
    }

    fn envelope_rows(&self, s: &SiteResult) -> Vec<Vec<Value>> {
        let (Some(found), Some(site)) = (&s.found, &s.site) else { return Vec::new() };
        let row = |(moment, k, crossed): &super::one_bus::AtMoment| {
            let mut row = vec![Value::text(s.bus.clone()), Value::text(self.der.word())];
            row.extend(step_and_hour(moment));
            row.push(Value::Number(f64::from(*k) * site.step_kw));
            row.extend(named(self, *crossed));
            row
        };
        found.envelope.iter().map(row).collect()
    }

    fn draw_row(&self, d: &super::stochastic::Draw) -> Vec<Value> {
        let mut row = vec![
            Value::Count(u64::from(d.number) + 1),
            Value::text(self.der.word()),
            Value::Count(u64::from(d.resources)),
            Value::Number(d.capacity_kw),
            Value::Flag(d.crossing.is_none()),
        ];
        row.extend(named(self, d.crossing.map(|c| (c.criterion, c.reading.at))));
        row.extend([Value::maybe(d.crossing.map(|c| c.reading.value)), Value::maybe(d.crossing.map(|c| c.limit))]);
        match &d.crossing {
            Some(c) => row.extend(step_and_hour(&c.moment)),
            None => row.extend([Value::Empty, Value::Empty]),
        }
        row
    }
}

fn moment_row(m: &super::hours::Chosen) -> Vec<Value> {
    let mut row = step_and_hour(&m.moment).to_vec();
    row.extend([Value::Number(m.moment.output), Value::maybe(m.net_kw), Value::text(m.why.join(", "))]);
    row
}
