//! Tables of comparisons, with what their columns mean.

use super::{Became, Change, FeederComparison, Limit};
use crate::table::{Column, Table, Value, count, number, text};
use std::collections::BTreeMap;

pub const ASSETS: &[Column] = &[
    text("asset", "element, or node of a bus"),
    text("feeder", "network or feeder"),
    text("case", "run that is compared with the base"),
    text("limit", "limit: overload, over_emergency, below_a, above_a, below_b, above_b"),
    text("became", "new, worsened, added (the base has no such asset), same, eased, mended, gone (the case has no such asset)"),
    number("base_h", "h", "time beyond the limit in the base"),
    number("case_h", "h", "time beyond the limit in the case"),
    number("new_h", "h", "time beyond the limit in the case and not in the base"),
    number("mended_h", "h", "time beyond the limit in the base and not in the case"),
    number("worst_base", "", "value farthest beyond the limit in the base, % or pu"),
    number("worst_case", "", "value farthest beyond the limit in the case, % or pu"),
    number("limit_value", "", "the limit, % or pu"),
    text("unit", "unit of the values"),
];

pub const SPANS: &[Column] = &[
    text("asset", "element, or node of a bus"),
    text("feeder", "network or feeder"),
    text("case", "run that is compared with the base"),
    text("limit", "limit that is passed"),
    text("became", "new, mended or remaining"),
    number("start_hour", "h", "hour of the first step"),
    number("hours", "h", "length"),
];

pub const HOURS: &[Column] = &[
    text("case", "run that is compared with the base"),
    number("hour", "h", "time at the end of the step"),
    count("new", "limits passed in the case and not in the base, over all assets"),
    count("mended", "limits passed in the base and not in the case"),
    count("remaining", "limits passed in both"),
];

pub const ELEMENTS: &[Column] = &[
    text("element", "line, transformer or other element between buses"),
    text("case", "run that is compared with the base"),
    text("became", "new, worsened, added, same, eased, mended or gone"),
    number("base_h", "h", "time above the normal rating in the base"),
    number("case_h", "h", "time above the normal rating in the case"),
    number("change_h", "h", "change of that time"),
    number("worst_base_pct", "%", "largest loading in the base, while overloaded"),
    number("worst_case_pct", "%", "largest loading in the case, while overloaded"),
];

pub const BUSES: &[Column] = &[
    text("bus", "bus"),
    text("case", "run that is compared with the base"),
    number("base_h", "h", "time outside range A in the base, of the node that is longest"),
    number("case_h", "h", "time outside range A in the case, of the node that is longest"),
    number("change_h", "h", "change of that time"),
];

pub const FEEDERS: &[Column] = &[
    text("feeder", "network or feeder"),
    text("case", "run that is compared with the base"),
    count("new", "limits of assets that only the case passes"),
    count("worsened", "limits that the case passes longer or farther"),
    count("added", "limits passed by assets that the base has not"),
    count("same", "limits passed alike"),
    count("eased", "limits that the case passes less"),
    count("mended", "limits of assets that only the base passes"),
    count("gone", "limits passed by assets that the case has not"),
    number("new_h", "h", "time beyond limits in the case and not in the base, summed over assets"),
    number("mended_h", "h", "time beyond limits in the base and not in the case"),
    count("steps_left_out", "steps that did not settle in one of the runs and count in neither"),
];

/// A row for each asset and limit.
pub fn asset_table(all: &[FeederComparison], step_h: f64) -> Table {
    let row = |f: &FeederComparison, c: &Change| {
        let hours = |n: u32| Value::Number(f64::from(n) * step_h);
        vec![
            Value::text(c.asset.clone()),
            Value::text(f.feeder.clone()),
            Value::text(f.case.clone()),
            Value::text(c.limit.name()),
            Value::text(c.became.name()),
            hours(c.base_steps),
            hours(c.case_steps),
            hours(c.new.len()),
            hours(c.mended.len()),
            Value::maybe(c.worst_base),
            Value::maybe(c.worst_case),
            Value::maybe(Some(c.limit_value)),
            Value::text(c.limit.unit()),
        ]
    };
    let mut rows: Vec<(Became, u32, Vec<Value>)> =
        all.iter().flat_map(|f| f.changes.iter().map(move |c| (c.became, c.new.len() + c.mended.len(), row(f, c)))).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    let rows = rows.into_iter().map(|r| r.2).collect();
    Table { name: "assets", meaning: "assets beyond a limit in either run, and what became of them", columns: ASSETS, rows }
}

/// A row for each unbroken time of an asset that is new, mended or remaining.
pub fn span_table(f: &FeederComparison, step_h: f64) -> Table {
    let mut rows = Vec::new();
    for c in &f.changes {
        for (word, spans) in [("new", &c.new), ("mended", &c.mended), ("remaining", &c.remaining)] {
            rows.extend(spans.runs().map(|(first, steps)| {
                vec![
                    Value::text(c.asset.clone()),
                    Value::text(f.feeder.clone()),
                    Value::text(f.case.clone()),
                    Value::text(c.limit.name()),
                    Value::text(word),
                    Value::Number(f64::from(first) * step_h),
                    Value::Number(f64::from(steps) * step_h),
                ]
            }));
        }
    }
    Table { name: "spans", meaning: "times beyond limits that are new, mended or remaining", columns: SPANS, rows }
}

/// A row for each case and step in which a limit is passed in either run.
pub fn hour_table(all: &[FeederComparison], step_h: f64) -> Table {
    let mut counts: BTreeMap<(&str, u32), [u64; 3]> = BTreeMap::new();
    for f in all {
        for c in &f.changes {
            for (i, spans) in [&c.new, &c.mended, &c.remaining].into_iter().enumerate() {
                for step in spans.steps() {
                    counts.entry((f.case.as_str(), step)).or_default()[i] += 1;
                }
            }
        }
    }
    let row = |((case, step), [new, mended, remaining]): ((&str, u32), [u64; 3])| {
        vec![Value::text(case), Value::Number(f64::from(step) * step_h), Value::Count(new), Value::Count(mended), Value::Count(remaining)]
    };
    let rows = counts.into_iter().map(row).collect();
    Table { name: "hours", meaning: "limits passed hour by hour, over all assets", columns: HOURS, rows }
}

/// Overloads by element, of one network.
pub fn element_table(all: &[FeederComparison], step_h: f64) -> Table {
    let mut rows = Vec::new();
    for f in all {
        for c in f.changes.iter().filter(|c| c.limit == Limit::Overload) {
            let hours = |n: u32| f64::from(n) * step_h;
            rows.push(vec![
                Value::text(c.asset.clone()),
                Value::text(f.case.clone()),
                Value::text(c.became.name()),
                Value::Number(hours(c.base_steps)),
                Value::Number(hours(c.case_steps)),
                Value::Number(hours(c.case_steps) - hours(c.base_steps)),
                Value::maybe(c.worst_base),
                Value::maybe(c.worst_case),
            ]);
        }
    }
    Table { name: "elements", meaning: "overloads by element", columns: ELEMENTS, rows }
}

/// Voltages outside range A by bus, of one network.
pub fn bus_table(all: &[FeederComparison], step_h: f64) -> Table {
    let mut rows = Vec::new();
    for f in all {
        // Of a node both sides of the range together; of a bus the node that is longest.
        let mut nodes: BTreeMap<&str, [u32; 2]> = BTreeMap::new();
        for c in f.changes.iter().filter(|c| matches!(c.limit, Limit::BelowA | Limit::AboveA)) {
            let of = nodes.entry(&c.asset).or_default();
            *of = [of[0] + c.base_steps, of[1] + c.case_steps];
        }
        let mut buses: BTreeMap<&str, [u32; 2]> = BTreeMap::new();
        for (node, [base, case]) in nodes {
            let bus = node.rsplit_once('.').map_or(node, |(bus, _)| bus);
            let of = buses.entry(bus).or_default();
            *of = [of[0].max(base), of[1].max(case)];
        }
        for (bus, [base, case]) in buses {
            let (base, case) = (f64::from(base) * step_h, f64::from(case) * step_h);
            rows.push(vec![
                Value::text(bus),
                Value::text(f.case.clone()),
                Value::Number(base),
                Value::Number(case),
                Value::Number(case - base),
            ]);
        }
    }
    Table { name: "buses", meaning: "time outside range A by bus", columns: BUSES, rows }
}

/// A row for each feeder and case.
pub fn feeder_table(all: &[FeederComparison], step_h: f64) -> Table {
    let row = |f: &FeederComparison| {
        let mut row = vec![Value::text(f.feeder.clone()), Value::text(f.case.clone())];
        row.extend(Became::ALL.map(|b| Value::Count(f.changes.iter().filter(|c| c.became == b).count() as u64)));
        let sum = |of: &dyn Fn(&Change) -> u32| Value::Number(f.changes.iter().map(|c| f64::from(of(c))).fold(0.0, |a, b| a + b) * step_h);
        row.extend([sum(&|c| c.new.len()), sum(&|c| c.mended.len()), Value::Count(f.steps_left_out as u64)]);
        row
    };
    Table { name: "feeders", meaning: "what became of the limits of each feeder", columns: FEEDERS, rows: all.iter().map(row).collect() }
}
