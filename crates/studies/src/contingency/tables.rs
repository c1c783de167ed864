//! Tables of contingencies, with what their columns mean.

use super::{Case, CaseAt, ContingencyResult};
use crate::hosting::Criterion;
use crate::switching::Solved;
use crate::switching::operator::{Condition, Violation};
use crate::switching::tables::{extremes, in_words};
use crate::table::{Column, Table, Value, count, flag, number, text};
use network::Network;
use std::collections::{BTreeMap, BTreeSet};

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

pub const ELEMENTS: &[Column] = &[
    text("element", "what is out"),
    flag("solved", "the network has a solution without it at every moment"),
    number("lost_kw", "kW", "power without supply after the outage, at the worst moment"),
    number("unserved_kw", "kW", "power without supply in the end, at the worst moment"),
    number("unserved_customers", "", "customers without supply in the end, at the worst moment; not known in a transmission case"),
    count("violations", "limits crossed in the end that are kept without the outage, or farther; at the worst moment"),
];

pub const OVERLOADS: &[Column] = &[
    text("element", "what is overloaded"),
    count("outages", "outages that overload it, or farther than without them"),
    number("worst_pct", "%", "its largest loading of them"),
    text("outage", "the outage that causes it"),
    text("moment", "snapshot, or step of the series"),
];

impl ContingencyResult {
    /// What the outage of each element costs: a row an element whose own outage was studied.
    fn elements(&self, network: &Network) -> Table {
        let row = |case: &Case| -> Option<Vec<Value>> {
            let [element] = case.elements[..] else { return None };
            let worst = |f: &dyn Fn(&CaseAt) -> f64| Value::Number(case.at.iter().map(f).fold(0.0, f64::max));
            let is_solved = case.at.iter().all(|a| !matches!(a.end().solved, Solved::No | Solved::Hunting));
            let is_known = !case.at.iter().any(|a| self.is_unknown(a.end()));
            let maybe = |v: Value, known: bool| if known { v } else { Value::Empty };
            Some(vec![
                Value::text(network.full_name(element)),
                Value::Flag(is_solved),
                maybe(worst(&|a| a.condition.unserved_kw), is_known),
                maybe(worst(&|a| a.end().unserved_kw), is_known),
                maybe(worst(&|a| a.end().unserved_customers), is_known && !self.is_transmission),
                Value::Count(case.at.iter().map(|a| a.end().violations.len() as u64).max().unwrap_or(0)),
            ])
        };
        let rows = self.cases.iter().filter_map(row).collect();
        Table { name: "elements", meaning: "what the outage of each element costs, worst first", columns: ELEMENTS, rows }
    }

    /// What outages overload, the worst first.
    fn overloads(&self, network: &Network) -> Table {
        struct Worst<'a> {
            outages: BTreeSet<&'a str>,
            pct: f64,
            outage: &'a str,
            moment: &'a str,
        }
        let mut found: BTreeMap<String, Worst<'_>> = BTreeMap::new();
        for case in &self.cases {
            for at in &case.at {
                let thermal = |v: &&Violation| matches!(v.criterion, Criterion::ThermalLine | Criterion::ThermalTransformer);
                for v in at.end().violations.iter().filter(thermal) {
                    let entry = found.entry(v.at.name(network)).or_insert_with(|| Worst {
                        outages: BTreeSet::new(),
                        pct: f64::NEG_INFINITY,
                        outage: "",
                        moment: "",
                    });
                    entry.outages.insert(&case.name);
                    if v.value > entry.pct {
                        (entry.pct, entry.outage, entry.moment) = (v.value, &case.name, &at.moment);
                    }
                }
            }
        }
        let mut rows: Vec<_> = found.into_iter().collect();
        rows.sort_by(|a, b| b.1.pct.total_cmp(&a.1.pct));
        let row = |(element, w): (String, Worst<'_>)| {
            vec![
                Value::text(element),
                Value::Count(w.outages.len() as u64),
                Value::maybe(Some(w.pct)),
                Value::text(w.outage),
                Value::text(w.moment),
            ]
        };
        Table {
            name: "overloads",
            meaning: "what outages overload, worst first",
            columns: OVERLOADS,
            rows: rows.into_iter().map(row).collect(),
        }
    }

    /// Outages worst first, limits crossed, what each element's outage costs, what outages overload, the network before, and the steps of
    /// restorations.
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
            self.elements(network),
            self.overloads(network),
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
        self.is_transmission && c.solved == Solved::No
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
