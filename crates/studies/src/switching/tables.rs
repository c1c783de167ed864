//! Tables of restorations and reconfigurations, with what their columns mean.

use super::operator::{Condition, Extreme, Operation, Violation};
use super::reconfigure::{Hour, Reconfiguration};
use super::restore::{Reason, Restoration};
use crate::table::{Column, Table, Value, count, flag, number, text};
use network::Network;

pub const STEPS: &[Column] = &[
    text("outage", "what is out"),
    count("order", "place in the order of switching, from 1"),
    text("stage", "isolate, prepare (opened without voltage) or supply"),
    text("operation", "open or close"),
    text("element", "element that is switched"),
    count("terminal", "its terminal, from 1"),
    text("solved", "whether the network has a solution after it; empty while a fault is not parted on all sides"),
    number("unserved_kw", "kW", "power without supply after it"),
    number("v_min_pu", "pu", "lowest voltage"),
    text("v_min_at", "where"),
    number("v_max_pu", "pu", "highest voltage"),
    text("v_max_at", "where"),
    number("line_pct", "%", "largest loading of a line"),
    text("line", "which"),
    number("transformer_pct", "%", "largest loading of a transformer"),
    text("transformer", "which"),
    number("losses_kw", "kW", "losses"),
    flag("within_limits", "no limit is crossed that was kept, or not farther"),
];

pub const REFUSED: &[Column] = &[
    text("outage", "what is out"),
    text("operations", "switches that the plan moves"),
    number("unserved_kw", "kW", "power that it leaves without supply"),
    text("reason", "limit, no solution, or the plan taken is better"),
    text("element", "where the limit is crossed"),
    number("value", "", "value there, in the unit of the limit"),
    number("limit", "", "limit"),
    text("unit", "unit of value and limit"),
];

pub const MOVES: &[Column] = &[
    count("order", "place in the order of switching, from 1"),
    text("operation", "open or close"),
    text("element", "element that is switched"),
    count("terminal", "its terminal, from 1"),
    text("hour", "moment"),
    text("solved", "whether the network has a solution after it"),
    number("v_min_pu", "pu", "lowest voltage"),
    text("v_min_at", "where"),
    number("v_max_pu", "pu", "highest voltage"),
    text("v_max_at", "where"),
    number("line_pct", "%", "largest loading of a line"),
    text("line", "which"),
    number("transformer_pct", "%", "largest loading of a transformer"),
    text("transformer", "which"),
    number("losses_kw", "kW", "losses"),
    count("violations", "limits crossed that today's network keeps, or farther"),
];

pub const STARTS: &[Column] = &[
    text("start", "network that the descent began with"),
    number("losses_from_kwh", "kWh", "its losses over the hours; kW of a snapshot"),
    number("losses_to_kwh", "kWh", "losses at the end of the descent"),
    number("overload_to_pct", "%", "what loadings exceed 100 % by at the end, summed over elements and hours"),
    count("exchanges", "exchanges made"),
    text("open", "switches that end up open"),
];

/// `open line.a 1, close line.b 2`.
pub fn in_words(network: &Network, operations: &[Operation]) -> String {
    let one = |o: &Operation| format!("{} {}", o.word(), network.full_name(o.element));
    let mut words: Vec<String> = Vec::new();
    for o in operations {
        let word = one(o);
        // Both terminals of an element are one word.
        if words.last() != Some(&word) {
            words.push(word);
        }
    }
    words.join(", ")
}

/// Voltages, loadings and losses as cells.
pub(crate) fn extremes(network: &Network, c: &Condition) -> Vec<Value> {
    let mut cells = Vec::new();
    for x in [c.lowest_v, c.highest_v, c.line_pct, c.transformer_pct] {
        cells.extend(extreme(network, x));
    }
    cells.push(Value::maybe(c.losses_kw));
    cells
}

fn extreme(network: &Network, x: Extreme) -> [Value; 2] {
    [Value::maybe(x.map(|x| x.0)), x.map_or(Value::Empty, |x| Value::text(x.1.name(network)))]
}

/// Cells of a violation: where, value, limit, unit.
fn violated(network: &Network, v: &Violation) -> [Value; 4] {
    [Value::text(v.at.name(network)), Value::maybe(Some(v.value)), Value::Number(v.limit), Value::text(v.criterion.unit())]
}

impl Restoration {
    /// The elements that are out.
    pub fn name(&self, network: &Network) -> String {
        self.elements.iter().map(|&id| network.full_name(id)).collect::<Vec<_>>().join(" + ")
    }

    /// Steps, and plans that were refused.
    pub fn tables(&self, network: &Network) -> [Table; 2] {
        let outage = self.name(network);
        let steps = self.steps.iter().enumerate().map(|(k, s)| {
            let mut row = vec![
                Value::text(outage.clone()),
                Value::Count(k as u64 + 1),
                Value::text(s.stage.word()),
                Value::text(s.operation.word()),
                Value::text(network.full_name(s.operation.element)),
                Value::Count(s.operation.terminal as u64 + 1),
            ];
            match &s.condition {
                Some(c) => {
                    row.extend([Value::text(c.solved.word()), Value::Number(c.unserved_kw)]);
                    row.extend(extremes(network, c));
                    row.push(Value::Flag(s.is_within));
                }
                None => row.extend(vec![Value::Empty; STEPS.len() - row.len()]),
            }
            row
        });
        let refused = self.refused.iter().map(|r| {
            let mut row = vec![Value::text(outage.clone()), Value::text(in_words(network, &r.operations)), Value::Number(r.unserved_kw)];
            match &r.reason {
                Reason::Violates(v, _) => {
                    row.push(Value::text(v.criterion.name()));
                    row.extend(violated(network, v));
                }
                Reason::NotSolved(s) => {
                    row.push(Value::text(s.word()));
                    row.extend(vec![Value::Empty; 4]);
                }
                Reason::Worse { losses_kw } => {
                    row.push(Value::text("the plan taken is better"));
                    row.extend([Value::Empty, Value::maybe(*losses_kw), Value::Empty, Value::text("kW of losses")]);
                }
            }
            row
        });
        [
            Table { name: "steps", meaning: "switching steps with the network after each", columns: STEPS, rows: steps.collect() },
            Table { name: "refused", meaning: "plans that were solved and refused, and why", columns: REFUSED, rows: refused.collect() },
        ]
    }
}

impl Reconfiguration {
    /// Moves, and descents.
    pub fn tables(&self, network: &Network, hours: &[Hour]) -> [Table; 2] {
        let mut rows = Vec::new();
        for (k, m) in self.moves.iter().enumerate() {
            for (c, h) in m.conditions.iter().zip(hours) {
                let mut row = vec![
                    Value::Count(k as u64 + 1),
                    Value::text(m.operation.word()),
                    Value::text(network.full_name(m.operation.element)),
                    Value::Count(m.operation.terminal as u64 + 1),
                    Value::text(h.label.clone()),
                    Value::text(c.solved.word()),
                ];
                row.extend(extremes(network, c));
                row.push(Value::Count(c.violations.len() as u64));
                rows.push(row);
            }
        }
        let solved = |s: &super::reconfigure::Score, x: f64| Value::maybe((s.unsolved == 0).then_some(x));
        let starts = self.descents.iter().map(|d| {
            vec![
                Value::text(d.start.clone()),
                solved(&d.from, d.from.losses_kwh),
                solved(&d.to, d.to.losses_kwh),
                solved(&d.to, d.to.overload_pct),
                Value::Count(d.exchanges as u64),
                Value::text(d.open.join(", ")),
            ]
        });
        [
            Table { name: "moves", meaning: "switching steps with the network after each", columns: MOVES, rows },
            Table { name: "starts", meaning: "descents and where they ended", columns: STARTS, rows: starts.collect() },
        ]
    }
}
