//! Tables of contingencies, with what their columns mean.

use super::ContingencyResult;
use crate::switching::operator::{Condition, Violation};
use crate::switching::tables::{extremes, in_words};
use crate::table::{Column, Table, Value, count, number, text};
use network::Network;

pub const CONTINGENCIES: &[Column] = &[
    count("rank", "place in the order of severity, from 1: no solution, power unserved, limits crossed, loading"),
    text("outage", "what is out"),
    text("moment", "snapshot, or step of the series"),
    text("solved", "solved, controls hunting, no solution, or nothing fed"),
    count("islands_fed", "groups of nodes that a source feeds"),
    count("islands_dead", "groups of nodes that none feeds"),
    number("lost_kw", "kW", "power without supply after the outage, at what it drew before"),
    number("lost_customers", "", "customers without supply after the outage; not known in a transmission case"),
    number("v_min_pu", "pu", "lowest voltage"),
    text("v_min_at", "where"),
    number("v_max_pu", "pu", "highest voltage"),
    text("v_max_at", "where"),
    number("line_pct", "%", "largest loading of a line"),
    text("line", "which"),
    number("transformer_pct", "%", "largest loading of a transformer"),
    text("transformer", "which"),
    number("losses_kw", "kW", "losses"),
    count("violations_new", "limits crossed that are kept without the outage"),
    count("violations_worse", "limits crossed farther than without the outage"),
    count("violations_kept", "limits crossed as without the outage"),
    number("mismatch_va", "VA", "largest power mismatch of the solution, recomputed from scratch"),
    text("restored_by", "switches that restore supply, in order; empty where none does or none was sought"),
    number("restored_kw", "kW", "power that they supply"),
    number("unserved_kw", "kW", "power without supply in the end"),
    number("unserved_customers", "", "customers without supply in the end"),
    number("gap_kw", "kW", "what a better plan could serve more at most; zero where the search was exact"),
    number("restored_v_min_pu", "pu", "lowest voltage with supply restored"),
    number("restored_line_pct", "%", "largest loading of a line with supply restored"),
    number("restored_transformer_pct", "%", "largest loading of a transformer with supply restored"),
    text("note", "what had to be assumed"),
];

pub const VIOLATIONS: &[Column] = &[
    text("outage", "what is out"),
    text("moment", "snapshot, or step of the series"),
    text("stage", "outage, or restored"),
    text("criterion", "limit that is crossed"),
    text("element", "where"),
    number("value", "", "value there, in the unit of the limit"),
    text("unit", "unit of value and limit"),
    number("limit", "", "limit"),
    number("before", "", "value without the outage, where it crossed the limit too"),
    text("kind", "new, or worse than without the outage"),
];

pub const BASE: &[Column] = &[
    text("moment", "snapshot, or step of the series"),
    text("why", "why it was chosen"),
    count("islands_fed", "groups of nodes that a source feeds"),
    number("v_min_pu", "pu", "lowest voltage"),
    text("v_min_at", "where"),
    number("v_max_pu", "pu", "highest voltage"),
    text("v_max_at", "where"),
    number("line_pct", "%", "largest loading of a line"),
    text("line", "which"),
    number("transformer_pct", "%", "largest loading of a transformer"),
    text("transformer", "which"),
    number("losses_kw", "kW", "losses"),
    count("violations", "limits crossed without any outage"),
];

impl ContingencyResult {
    /// Outages worst first, limits crossed, the network before, and the steps of restorations.
    pub fn tables(&self, network: &Network) -> Vec<Table> {
        let (mut rows, mut violations, mut steps) = (Vec::new(), Vec::new(), Vec::new());
        for (k, case) in self.cases.iter().enumerate() {
            for at in &case.at {
                let c = &at.condition;
                let customers = |c: &Condition| if self.is_transmission { Value::Empty } else { Value::Number(c.unserved_customers) };
                let lost = |c: &Condition| Value::maybe((!self.is_unknown(c)).then_some(c.unserved_kw));
                let mut row = vec![
                    Value::Count(k as u64 + 1),
                    Value::text(case.name.clone()),
                    Value::text(at.moment.clone()),
                    Value::text(c.solved.word()),
                    Value::Count(c.islands_fed as u64),
                    Value::Count(c.islands_dead as u64),
                    lost(c),
                    customers(c),
                ];
                row.extend(extremes(network, c));
                let new = c.violations.iter().filter(|v| v.before.is_none()).count();
                row.extend([new, c.violations.len() - new, c.n_kept].map(|n| Value::Count(n as u64)));
                row.push(Value::maybe(c.mismatch_va));
                match &at.restoration {
                    Some(r) => {
                        row.push(Value::text(in_words(network, &r.operations)));
                        row.push(Value::Number(r.restored_kw()));
                        row.extend([lost(&r.restored), customers(&r.restored), Value::Number(r.gap_kw)]);
                        for x in [r.restored.lowest_v, r.restored.line_pct, r.restored.transformer_pct] {
                            row.push(Value::maybe(x.map(|x| x.0)));
                        }
                        steps.extend(r.tables(network)[0].rows.iter().cloned());
                        push_violations(&mut violations, network, &case.name, at.moment.as_str(), "restored", &r.restored.violations);
                    }
                    None => {
                        row.extend([Value::Empty, Value::Empty]);
                        row.extend([lost(c), customers(c)]);
                        row.extend(vec![Value::Empty; 4]);
                    }
                }
                row.push(Value::text(at.note.clone()));
                rows.push(row);
                push_violations(&mut violations, network, &case.name, at.moment.as_str(), "outage", &c.violations);
            }
        }
        let base = self.base.iter().map(|(moment, why, c)| {
            let mut row = vec![Value::text(moment.clone()), Value::text(why.join(", ")), Value::Count(c.islands_fed as u64)];
            row.extend(extremes(network, c));
            row.push(Value::Count(c.n_kept as u64));
            row
        });
        let base = Table { name: "base", meaning: "the network without any outage", columns: BASE, rows: base.collect() };
        let mut tables = vec![
            Table {
                name: "contingencies",
                meaning: "what becomes of the network without an element, worst first",
                columns: CONTINGENCIES,
                rows,
            },
            Table { name: "violations", meaning: "limits that outages cross", columns: VIOLATIONS, rows: violations },
            base,
        ];
        if !steps.is_empty() {
            tables.push(Table {
                name: "steps",
                meaning: "switching steps with the network after each",
                columns: crate::switching::tables::STEPS,
                rows: steps,
            });
        }
        tables
    }

    /// Without a solution a transmission case does not tell what is fed.
    fn is_unknown(&self, c: &Condition) -> bool {
        self.is_transmission && c.solved == crate::switching::Solved::No
    }
}

fn push_violations(rows: &mut Vec<Vec<Value>>, network: &Network, outage: &str, moment: &str, stage: &str, violations: &[Violation]) {
    rows.extend(violations.iter().map(|v| {
        vec![
            Value::text(outage),
            Value::text(moment),
            Value::text(stage),
            Value::text(v.criterion.name()),
            Value::text(v.at.name(network)),
            Value::maybe(Some(v.value)),
            Value::text(v.criterion.unit()),
            Value::Number(v.limit),
            Value::maybe(v.before),
            Value::text(if v.before.is_some() { "worse" } else { "new" }),
        ]
    }));
}
