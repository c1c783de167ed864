//! Tables of a mitigation study, with what their columns mean.

use super::{Candidate, Mitigation};
use crate::table::{Column, Table, Value, count, flag, number, text};

const CLUSTER: Column = count("cluster", "number of the cluster, that of the most hours first");
const KIND: Column = text("kind", "overload, low-voltage or high-voltage");
const COST: Column = number("cost", "", "cost by the catalogue, in its currency");

pub const VIOLATIONS: &[Column] = &[
    text("element", "element, or node as bus.node"),
    KIND,
    CLUSTER,
    number("hours", "h", "hours beyond the limit"),
    number("worst", "", "loading in percent, or voltage in per unit, farthest beyond it"),
    text("unit", "unit of the worst value"),
    number("worst_hour", "h", "hour of it"),
    number("hours_after", "h", "hours that are left with the portfolio; empty without one"),
];

pub const CLUSTERS: &[Column] = &[
    CLUSTER,
    KIND,
    count("violations", "elements or nodes"),
    number("hours", "h", "hours of all of them together"),
    text("worst", "the one that is farthest beyond its limit"),
    text("best_change", "change that takes an hour from it at the least cost; empty where none does"),
    number("best_mended_h", "h", "hours that this change takes from the cluster"),
    number("left_h", "h", "hours that are left with the portfolio; empty without one"),
];

pub const CANDIDATES: &[Column] = &[
    count("rank", "place by cost for an hour"),
    text("change", "what is changed"),
    COST,
    number("benefit_h", "h", "hours of violation that go less those that come"),
    number("mended_h", "h", "hours that go"),
    number("new_h", "h", "hours that come"),
    number("cost_per_h", "", "cost for each hour of benefit; empty where there is none"),
    number("losses_saved_kwh", "kWh", "losses of the series that it saves; negative where it adds some"),
    number("losses_saved_worth", "", "their worth by the catalogue; empty without a figure"),
    number("loading_max_pct", "%", "highest loading with it"),
    number("v_min_pu", "pu", "lowest voltage with it"),
    number("v_max_pu", "pu", "highest voltage with it"),
    flag("chosen", "it is in the portfolio"),
];

pub const PORTFOLIO: &[Column] = &[
    text("figure", "what the row tells"),
    number("before", "", "without changes"),
    number("after", "", "with all changes of the portfolio in one network, solved"),
    text("unit", "unit of both"),
];

/// Every table, as the documents list them.
pub const ALL: &[(&str, &[Column])] =
    &[("violations", VIOLATIONS), ("clusters", CLUSTERS), ("candidates", CANDIDATES), ("portfolio", PORTFOLIO)];

impl Mitigation {
    fn cluster_of(&self, violation: usize) -> u64 {
        self.clusters.iter().position(|c| c.violations.contains(&violation)).map_or(0, |k| k as u64 + 1)
    }

    fn left(&self, violation: usize) -> Option<f64> {
        let v = &self.violations[violation];
        self.portfolio.as_ref().map(|p| p.course.hours.get(&(v.thing.clone(), v.kind)).copied().unwrap_or(0.0))
    }

    /// The candidate that takes an hour from a cluster at the least cost.
    pub fn best_for(&self, cluster: usize) -> Option<&Candidate> {
        let useful = self.candidates.iter().filter(|c| c.benefit_h() > 0.0 && c.mended_h[cluster] > 0.0);
        useful.min_by(|a, b| (a.cost / a.mended_h[cluster]).total_cmp(&(b.cost / b.mended_h[cluster])))
    }

    /// All tables of the study.
    pub fn tables(&self, worth_per_kwh: Option<f64>) -> Vec<Table> {
        let violation = |(i, v): (usize, &super::Violation)| {
            vec![
                Value::text(v.thing.clone()),
                Value::text(v.kind.word()),
                Value::Count(self.cluster_of(i)),
                Value::Number(v.hours),
                Value::maybe(Some(v.worst)),
                Value::text(v.kind.unit()),
                Value::maybe(v.worst_hour),
                Value::maybe(self.left(i)),
            ]
        };
        let cluster = |(k, c): (usize, &super::Cluster)| {
            let best = self.best_for(k);
            let left = self.portfolio.as_ref().map(|_| c.violations.iter().filter_map(|&v| self.left(v)).sum());
            vec![
                Value::Count(k as u64 + 1),
                Value::text(c.kind.word()),
                Value::Count(c.violations.len() as u64),
                Value::Number(c.hours),
                Value::text(self.violations[c.violations[0]].thing.clone()),
                best.map_or(Value::Empty, |b| Value::text(b.words.clone())),
                Value::maybe(best.map(|b| b.mended_h[k])),
                Value::maybe(left),
            ]
        };
        let chosen = |i: usize| self.portfolio.as_ref().is_some_and(|p| p.chosen.contains(&i));
        let candidate = |(i, c): (usize, &Candidate)| {
            let saved = self.base.losses_kwh - c.course.losses_kwh;
            vec![
                Value::Count(i as u64 + 1),
                Value::text(c.words.clone()),
                Value::Number(c.cost),
                Value::Number(c.benefit_h()),
                Value::Number(c.mended_h.iter().sum()),
                Value::Number(c.new_h),
                Value::maybe(c.cost_per_h()),
                Value::Number(saved),
                Value::maybe(worth_per_kwh.map(|w| w * saved)),
                Value::maybe(c.course.loading_max_pct),
                Value::maybe(c.course.v_min_pu),
                Value::maybe(c.course.v_max_pu),
                Value::Flag(chosen(i)),
            ]
        };
        let table = |name, meaning, columns, rows| Table { name, meaning, columns, rows };
        let mut tables = vec![
            table(
                "violations",
                "elements and nodes beyond their limits",
                VIOLATIONS,
                self.violations.iter().enumerate().map(violation).collect(),
            ),
            table("clusters", "violations that hang together", CLUSTERS, self.clusters.iter().enumerate().map(cluster).collect()),
            table(
                "candidates",
                "changes, each solved, in their ranking",
                CANDIDATES,
                self.candidates.iter().enumerate().map(candidate).collect(),
            ),
        ];
        if let Some(p) = &self.portfolio {
            let row = |figure: &str, before: Option<f64>, after: Option<f64>, unit: &str| {
                vec![Value::text(figure), Value::maybe(before), Value::maybe(after), Value::text(unit)]
            };
            let (b, a) = (&self.base, &p.course);
            let rows = vec![
                row("hours of violation", Some(b.total_h()), Some(a.total_h()), "h"),
                row("things in violation", Some(b.hours.len() as f64), Some(a.hours.len() as f64), ""),
                row("highest loading", b.loading_max_pct, a.loading_max_pct, "%"),
                row("lowest voltage", b.v_min_pu, a.v_min_pu, "pu"),
                row("highest voltage", b.v_max_pu, a.v_max_pu, "pu"),
                row("losses", Some(b.losses_kwh), Some(a.losses_kwh), "kWh"),
                row("steps that did not settle", Some(f64::from(b.unsettled)), Some(f64::from(a.unsettled)), ""),
                row("cost", Some(0.0), Some(p.cost), ""),
            ];
            tables.push(table("portfolio", "the network before and after", PORTFOLIO, rows));
        }
        tables
    }
}
