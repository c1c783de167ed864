//! Tables of availability, with what their columns mean.

use super::exact::{Exact, Figures, Reading};
use super::fmea::Ranked;
use super::over_time::OverTime;
use super::statistics::{Interval, Simulated};
use crate::table::{Column, Table, Value, count, flag, number, text};

pub const BLOCKS: &[Column] = &[
    text("id", "block or component"),
    text("name", "its name"),
    text("kind", "what has to work of its members; empty for a component"),
    text("reading", "members counted, or their capacity added up"),
    number("availability", "", "part of time that it works"),
    number("unavailability", "", "part of time that it is down"),
    number("failures_per_year", "1/yr", "failures in a year of 8760 h"),
    number("mean_up_h", "h", "mean time from the end of a failure to the next"),
    number("mean_down_h", "h", "mean time that a failure lasts"),
    number("downtime_h_per_year", "h/yr", "time down in a year"),
    flag("meets_target", "the availability is the one aimed at, or more"),
];

pub const IMPORTANCE: &[Column] = &[
    text("id", "component, common cause or block"),
    flag("is_block", "it is a block"),
    number("unavailability", "", "part of time that it is down"),
    number("birnbaum", "", "unavailability of the plant with it failed, less that with it working"),
    number("criticality", "", "part of the plant's unavailability that goes when it never fails"),
    number("fussell_vesely", "", "probability that a minimal cut set with it has failed, over the plant's unavailability"),
    number("risk_achievement_worth", "", "unavailability of the plant with it failed, over that as it is"),
    number("risk_reduction_worth", "", "unavailability of the plant, over that with it working"),
];

pub const CUT_SETS: &[Column] = &[
    text("events", "what fails together"),
    count("order", "how many"),
    number("unavailability", "", "probability that all have failed at a moment"),
    number("share", "", "that over the plant's unavailability"),
];

pub const SIMULATED: &[Column] = &[
    text("figure", "figure of the plant"),
    text("unit", "its unit"),
    number("mean", "", "mean over the histories"),
    number("low", "", "lower end of the 95 % interval"),
    number("high", "", "upper end of the 95 % interval"),
];

pub const YEARS: &[Column] = &[
    number("above_h", "h", "more time down than this; the first row has the years without any"),
    number("up_to_h", "h", "and so much at most"),
    count("years", "years"),
];

pub const CONVERGENCE: &[Column] = &[
    count("histories", "histories so far"),
    number("availability", "", "mean availability of them"),
    number("low", "", "lower end of the 95 % interval"),
    number("high", "", "upper end of the 95 % interval"),
];

pub const OVER_TIME: &[Column] = &[
    number("hours", "h", "time since all parts were new"),
    number("reliability", "", "probability not to have failed yet, without repair"),
];

pub const FMEA: &[Column] = &[
    count("rank", "place by RPN; rows with one RPN share it"),
    text("component_id", "component"),
    text("failure_mode", "how it fails"),
    text("cause", "why"),
    text("local_effect", "what that does there"),
    text("system_effect", "what that does to the plant"),
    count("severity", "1 harmless to 10 dangerous"),
    count("occurrence", "1 rare to 10 always"),
    count("detection", "1 sure to be seen in time to 10 never"),
    count("rpn", "product of the three"),
    flag("is_severe", "severity 9 or 10: looked at whatever its rank"),
    text("mitigation", "what is done about it"),
    text("recommended_action", "what should be done about it"),
    text("basis", "where the marks come from"),
];

fn figures(f: &Figures) -> Vec<Value> {
    let words = [&f.id[..], &f.name[..], f.kind.map_or("", |k| k.word()), f.reading.word()].map(Value::text);
    let numbers =
        [Some(f.availability), Some(f.unavailability), f.failures_per_year, f.mean_up_h, f.mean_down_h, Some(f.downtime_h_per_year)];
    words.into_iter().chain(numbers.map(Value::maybe)).chain([f.meets_target.map_or(Value::Empty, Value::Flag)]).collect()
}

impl Exact {
    /// Blocks in both readings where they differ, components, importance, cut sets.
    pub fn tables(&self) -> [Table; 4] {
        let blocks = self.blocks.iter().chain(&self.by_capacity).map(figures).collect();
        let importance = self.importance.iter().map(|i| {
            let ratios = [i.criticality, i.fussell_vesely, i.risk_achievement_worth, i.risk_reduction_worth];
            let first = [Value::text(&i.id[..]), Value::Flag(i.is_block), Value::Number(i.unavailability), Value::Number(i.birnbaum)];
            first.into_iter().chain(ratios.map(Value::maybe)).collect()
        });
        let sets = self.cut_sets.iter().map(|s| {
            vec![
                Value::text(s.events.join(", ")),
                Value::Count(s.events.len() as u64),
                Value::Number(s.unavailability),
                Value::Number(s.share),
            ]
        });
        [
            Table { name: "availability_blocks", meaning: "how available each block is", columns: BLOCKS, rows: blocks },
            Table {
                name: "availability_components",
                meaning: "how available each component is",
                columns: BLOCKS,
                rows: self.components.iter().map(figures).collect(),
            },
            Table {
                name: "availability_importance",
                meaning: "what each part means for the plant",
                columns: IMPORTANCE,
                rows: importance.collect(),
            },
            Table {
                name: "availability_cut_sets",
                meaning: "the least that has to fail together",
                columns: CUT_SETS,
                rows: sets.collect(),
            },
        ]
    }
}

impl Simulated {
    /// Figures with their intervals, years by time down, and how the mean settled.
    pub fn tables(&self) -> [Table; 3] {
        let row = |figure: &str, unit: &str, i: &Interval| {
            let numbers = [i.mean, i.low, i.high].map(Value::Number);
            [Value::text(figure), Value::text(unit)].into_iter().chain(numbers).collect::<Vec<_>>()
        };
        let alone = |figure: &str, unit: &str, x: Option<f64>| {
            vec![Value::text(figure), Value::text(unit), Value::maybe(x), Value::Empty, Value::Empty]
        };
        let mut rows = vec![
            row("availability", "", &self.availability),
            row("failures_per_year", "1/yr", &self.failures_per_year),
            row("downtime_h_per_year", "h/yr", &self.downtime_h_per_year),
            alone("mean_down_h", "h", self.mean_down_h),
            alone("years_below_target", "", self.years_below_target),
        ];
        let names = ["downtime_p50_h", "downtime_p90_h", "downtime_p95_h", "downtime_p99_h", "downtime_max_h"];
        rows.extend(names.iter().zip(self.years_p50_p90_p95_p99_max_h).map(|(n, x)| alone(n, "h", Some(x))));
        let years = self.years.iter().map(|b| vec![Value::Number(b.above_h), Value::Number(b.up_to_h), Value::Count(b.years)]);
        let steps = self.convergence.iter().map(|c| {
            let a = &c.availability;
            vec![Value::Count(u64::from(c.histories)), Value::Number(a.mean), Value::Number(a.low), Value::Number(a.high)]
        });
        [
            Table { name: "availability_simulated", meaning: "the plant over many histories", columns: SIMULATED, rows },
            Table { name: "availability_years", meaning: "simulated years by their time down", columns: YEARS, rows: years.collect() },
            Table {
                name: "availability_convergence",
                meaning: "how the mean settled with more histories",
                columns: CONVERGENCE,
                rows: steps.collect(),
            },
        ]
    }
}

impl OverTime {
    pub fn table(&self) -> Table {
        let rows = self.points.iter().map(|(t, r)| vec![Value::Number(*t), Value::Number(*r)]).collect();
        Table { name: "reliability_over_time", meaning: "how likely the plant lives so long without repair", columns: OVER_TIME, rows }
    }
}

/// Failure modes by rank.
pub fn fmea_table(ranked: &[Ranked]) -> Table {
    let row = |r: &Ranked| {
        let m = &r.mode;
        let word = |t: &String| Value::text(&t[..]);
        let number = |x: u32| Value::Count(u64::from(x));
        let mut cells = vec![Value::Count(r.rank as u64), word(&m.component_id), word(&m.failure_mode), word(&m.cause)];
        cells.extend([word(&m.local_effect), word(&m.system_effect), number(m.severity), number(m.occurrence), number(m.detection)]);
        cells.extend([number(r.rpn), Value::Flag(r.is_severe), word(&m.mitigation), word(&m.recommended_action), word(&m.basis)]);
        cells
    };
    Table { name: "fmea", meaning: "failure modes by risk priority number", columns: FMEA, rows: ranked.iter().map(row).collect() }
}

/// Words of the two readings, for options of a command.
pub const READINGS: [(&str, Reading); 2] = [("count", Reading::Count), ("capacity", Reading::Capacity)];
