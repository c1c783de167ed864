//! What the study says: events, steps, devices, and their tables.

use super::FlexibilityOptions;
use super::books::{Books, DeviceBooks, total};
use super::device::{Model, Trace};
use super::dispatch::{Cluster, Dispatched, event_steps};
use super::flow::{Limit, StepFlow};
use super::performance::{EventPerformance, Performance};
use super::programme::Least;
use crate::table::{Column, Table, Value, count, number, text};
use network::Diagnostic;
use network::flexibility::{ClockTime, FlexibilityCase};
use serde::Serialize;
use std::collections::BTreeMap;

/// Snap-back is looked for in so many hours after an event.
const REBOUND_H: f64 = 6.0;

/// A target that was not met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Missing {
    /// Beginning of the worst step.
    pub at: ClockTime,
    /// In the unit of the limit.
    pub over: f64,
}

/// An event in figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventResult {
    pub name: String,
    pub start: ClockTime,
    pub end: ClockTime,
    pub limit: Limit,
    /// Largest flow of the target in the event, without and with it, in the unit of the limit.
    pub before: f64,
    pub after: f64,
    /// Minutes of the event with the flow above its limit.
    pub over_before_min: u32,
    pub over_after_min: u32,
    /// Largest flow in the six hours after the event, without and with it.
    pub later_before: f64,
    pub later_after: f64,
    /// Most that all devices together draw more than without the event, from its start to six hours after its end, kW, and when.
    pub rebound_kw: f64,
    pub rebound_at: ClockTime,
    pub n_called: usize,
    pub n_told: usize,
    /// Asked for, kWh.
    pub asked_kwh: f64,
    pub missing: Option<Missing>,
    /// Value of the plan and of the linear programme at the solved flow: kWh or cost, over all events of the same hours.
    pub least: Least,
    pub value: f64,
    pub optimum: f64,
    pub gap_pct: f64,
    pub rounds: u32,
    pub not_returned_kwh: f64,
    /// Worst of all told devices: how far a temperature left the comfort band in the event or after it, beyond what it did without it, K.
    pub beyond_comfort_k: f64,
    /// What vehicles lack at their departure beyond what is allowed, kWh.
    pub beyond_shortfall_kwh: f64,
    pub lowest_v_before_pu: f64,
    pub lowest_v_after_pu: f64,
    pub performance: EventPerformance,
}

/// A step of the day, all devices together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepRow {
    pub at: ClockTime,
    pub temperature_c: f64,
    pub devices_before_kw: f64,
    pub devices_after_kw: f64,
    pub before: StepFlow,
    pub after: StepFlow,
}

/// The day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlexibilityResult {
    pub case: String,
    pub events: Vec<EventResult>,
    pub books: Books,
    pub devices: Vec<DeviceBooks>,
    pub steps: Vec<StepRow>,
    pub performance: Performance,
    /// Largest mismatch of all power flows, recomputed from scratch.
    pub mismatch_va: f64,
    pub findings: Vec<Diagnostic>,
}

/// What a result is made of.
pub(super) struct Run<'a> {
    pub case: &'a FlexibilityCase,
    pub models: &'a [Model],
    pub base: &'a [Trace],
    pub traces: &'a [Trace],
    pub base_flows: &'a [StepFlow],
    pub flows: &'a [StepFlow],
    pub limits: &'a [Limit],
    pub dispatched: &'a [(Cluster, Dispatched)],
    pub asked: &'a [BTreeMap<usize, f64>],
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::NEG_INFINITY, f64::max)
}

impl Run<'_> {
    pub fn result(
        &self,
        devices: Vec<DeviceBooks>,
        performance: Performance,
        mut findings: Vec<Diagnostic>,
        options: &FlexibilityOptions,
    ) -> FlexibilityResult {
        let events: Vec<EventResult> = (0..self.case.events.len()).map(|e| self.event(e, performance.events[e].clone(), options)).collect();
        for e in &events {
            if let Some(m) = &e.missing {
                let what = format!("event {}: the target is not met", e.name);
                findings.push(
                    Diagnostic::warning("FLEXIBILITY.TARGET.MISSED", what)
                        .detail(format!(
                            "At {} {} carries {:.3} {} more than its limit.",
                            m.at,
                            e.limit.element,
                            m.over,
                            e.limit.unit.word()
                        ))
                        .hint("call more programs, prepare earlier, allow more time to recover, or raise the limit"),
                );
            }
        }
        let mismatch_va = largest(self.base_flows.iter().chain(self.flows).map(|f| f.mismatch_va));
        FlexibilityResult {
            case: self.case.name.clone(),
            events,
            books: total(&devices),
            devices,
            steps: self.steps(),
            performance,
            mismatch_va,
            findings,
        }
    }

    fn time(&self, step: usize) -> ClockTime {
        ClockTime::from_minute(step as u32 * self.case.day.step_min)
    }

    fn together_kw(&self, traces: &[Trace], step: usize) -> f64 {
        traces.iter().map(|t| t.power_kw(step, self.case.day.step_h())).sum()
    }

    fn steps(&self) -> Vec<StepRow> {
        let row = |s: usize| StepRow {
            at: self.time(s),
            temperature_c: self.case.day.temperature_at(s),
            devices_before_kw: self.together_kw(self.base, s),
            devices_after_kw: self.together_kw(self.traces, s),
            before: self.base_flows[s].clone(),
            after: self.flows[s].clone(),
        };
        (0..self.case.day.n_steps()).map(row).collect()
    }

    fn event(&self, e: usize, performance: EventPerformance, options: &FlexibilityOptions) -> EventResult {
        let event = &self.case.events[e];
        let day = &self.case.day;
        let limit = &self.limits[e];
        let steps = event_steps(event, day.step_min);
        let later = steps.end..day.n_steps().min(steps.end + (REBOUND_H / day.step_h()).round() as usize);
        let flow = |flows: &[StepFlow], s: usize| flows[s].targets[e];
        // A thousandth of a percent is rounding of the last power flow.
        let over =
            |flows: &[StepFlow]| steps.clone().filter(|&s| flow(flows, s) > limit.value * (1.0 + 1e-5)).count() as u32 * day.step_min;
        let rebound = |s: usize| self.together_kw(self.traces, s) - self.together_kw(self.base, s);
        let worst = (steps.start..later.end).max_by(|&a, &b| rebound(a).total_cmp(&rebound(b)).then(b.cmp(&a)));
        let found = self.dispatched.iter().find(|(c, _)| c.events.contains(&e)).map(|(_, found)| found);
        let told = |d: &usize| self.case.called_under(&self.case.devices[*d], event).is_some();
        let (beyond_comfort_k, beyond_shortfall_kwh) = found.map_or((0.0, 0.0), |f| self.comfort(f, steps.start));
        let lowest = |flows: &[StepFlow]| steps.clone().map(|s| flows[s].v_min_pu).fold(f64::INFINITY, f64::min);
        let (value, optimum) = found.map_or((0.0, 0.0), |f| (f.value, f.optimum));
        EventResult {
            name: event.name.clone(),
            start: event.start,
            end: self.time(steps.end),
            limit: limit.clone(),
            before: largest(steps.clone().map(|s| flow(self.base_flows, s))),
            after: largest(steps.clone().map(|s| flow(self.flows, s))),
            over_before_min: over(self.base_flows),
            over_after_min: over(self.flows),
            later_before: later.clone().map(|s| flow(self.base_flows, s)).fold(0.0, f64::max),
            later_after: later.clone().map(|s| flow(self.flows, s)).fold(0.0, f64::max),
            rebound_kw: worst.map_or(0.0, rebound),
            rebound_at: self.time(worst.unwrap_or(steps.end)),
            n_called: performance.n_participants,
            n_told: found.map_or(0, |f| f.told_kw.keys().filter(|d| told(d)).count()),
            asked_kwh: self.asked[e].values().fold(0.0, |sum, kwh| sum + kwh),
            missing: found.and_then(|f| f.missing.get(&e)).map(|&(s, over)| Missing { at: self.time(s), over }),
            least: options.least,
            value,
            optimum,
            gap_pct: if optimum.abs() > 1e-9 { (value - optimum) / optimum * 100.0 } else { 0.0 },
            rounds: found.map_or(0, |f| f.rounds),
            not_returned_kwh: found.map_or(0.0, |f| f.not_returned_kwh),
            beyond_comfort_k,
            beyond_shortfall_kwh,
            lowest_v_before_pu: lowest(self.base_flows),
            lowest_v_after_pu: lowest(self.flows),
            performance,
        }
    }

    /// Comfort of told devices from the start of an event on: kelvin beyond the band, kilowatt-hours lacking beyond what is allowed.
    fn comfort(&self, found: &Dispatched, first: usize) -> (f64, f64) {
        let (mut kelvin, mut kwh): (f64, f64) = (0.0, 0.0);
        for &d in found.told_kw.keys() {
            let (model, base, with) = (&self.models[d], &self.base[d], &self.traces[d]);
            if let Some((leave, lack)) = model.leaves {
                let wanted = (model.level - lack).min(base.at[leave].x);
                kwh = kwh.max(wanted - with.at[leave].x);
            } else if model.laws[0].k > 0.0 {
                for s in first..with.done.len() {
                    let law = &model.laws[s];
                    let beyond = |x: f64| (x - law.comfort_max).max(law.comfort_min - x).max(0.0);
                    kelvin = kelvin.max(beyond(with.at[s + 1].x) - beyond(base.at[s + 1].x));
                }
            }
        }
        (kelvin.max(0.0), kwh.max(0.0))
    }
}

const EVENTS: &[Column] = &[
    text("event", "name of the event"),
    text("target", "element whose flow is held, or sources"),
    number("limit", "", "limit of the flow, in limit_unit"),
    text("limit_unit", "kW or kVA"),
    number("before", "", "largest flow in the event without it, in limit_unit"),
    number("after", "", "largest flow in the event with it, in limit_unit"),
    number("later_before", "", "largest flow in the six hours after without the event, in limit_unit"),
    number("later_after", "", "largest flow in the six hours after with the event, in limit_unit"),
    number("rebound_kw", "kW", "most that all devices draw more, from the start of the event to six hours after it"),
    number("asked_kwh", "kWh", "energy that devices were told to draw less in the event"),
    number("missing", "", "flow above the limit at the worst step, in limit_unit; empty where the target is met"),
    number("gap_pct", "%", "value of the plan over the optimum of the linear programme"),
    count("called", "devices that the event may use"),
    count("told", "devices that were told something"),
    number("metered_kwh", "kWh", "energy of all participants in the event"),
    number("without_event_kwh", "kWh", "the same without the event"),
    number("baseline_kwh", "kWh", "sum of the baselines of participants"),
    number("measured_kwh", "kWh", "baselines less what was metered"),
    number("regression_kwh", "kWh", "regression baseline of all participants together"),
    number("regression_se_kwh", "kWh", "its standard error"),
    number("incentives", "", "paid"),
    number("penalties", "", "taken"),
];

const DEVICES: &[Column] = &[
    text("device", "name"),
    text("class", "ev, water_heater, hvac or battery"),
    text("program", "subscribed to"),
    number("base_kwh", "kWh", "energy of the day without events"),
    number("event_kwh", "kWh", "energy of the day with events"),
    number("curtailed_kwh", "kWh", "less in the steps of events"),
    number("prepared_kwh", "kWh", "more before the first event"),
    number("rebounded_kwh", "kWh", "more in all other steps"),
    number("shifted_kwh", "kWh", "curtailed and drawn at another time"),
    number("saved_kwh", "kWh", "not drawn at all"),
    number("largest_deviation", "", "largest difference of the state: kelvin, or kWh of a vehicle or battery"),
    number("residual_kwh", "kWh", "of the books: energies by states less energies by powers"),
];

const STEPS: &[Column] = &[
    text("at", "beginning of the step"),
    number("temperature_c", "degC", "outside"),
    number("devices_before_kw", "kW", "all devices without events"),
    number("devices_after_kw", "kW", "all devices with events"),
    number("source_before_kw", "kW", "delivered by the sources without events"),
    number("source_after_kw", "kW", "delivered by the sources with events"),
    number("first_target_before", "", "flow of the first event's target without events, kW or kVA"),
    number("first_target_after", "", "flow of the first event's target with events, kW or kVA"),
    number("v_min_before_pu", "pu", "lowest voltage without events"),
    number("v_min_after_pu", "pu", "lowest voltage with events"),
];

const PARTICIPANTS: &[Column] = &[
    text("event", "name of the event"),
    text("device", "participant"),
    text("program", "under which it is called"),
    number("asked_kwh", "kWh", "told to draw less by so much"),
    number("metered_kwh", "kWh", "drawn in the event"),
    number("without_event_kwh", "kWh", "drawn in the same hours without the event"),
    number("baseline_kwh", "kWh", "by its days before; empty where too few count"),
    number("baseline_se_kwh", "kWh", "standard error, of a regression"),
    number("measured_kwh", "kWh", "baseline less what was metered"),
    number("incentive", "", "paid"),
    number("penalty", "", "taken"),
];

impl FlexibilityResult {
    /// Events, devices, steps, participants.
    pub fn tables(&self) -> Vec<Table> {
        let n = |x: f64| Value::maybe(Some(x));
        let events = self.events.iter().map(|e| {
            let p = &e.performance;
            vec![
                Value::text(&e.name),
                Value::text(&e.limit.element),
                n(e.limit.value),
                Value::text(e.limit.unit.word()),
                n(e.before),
                n(e.after),
                n(e.later_before),
                n(e.later_after),
                n(e.rebound_kw),
                n(e.asked_kwh),
                Value::maybe(e.missing.as_ref().map(|m| m.over)),
                n(e.gap_pct),
                Value::Count(e.n_called as u64),
                Value::Count(e.n_told as u64),
                n(p.metered_kwh),
                n(p.without_event_kwh),
                Value::maybe(p.baseline_kwh),
                Value::maybe(p.measured_kwh),
                Value::maybe(p.regression_kwh),
                Value::maybe(p.regression_se_kwh),
                n(p.incentives),
                n(p.penalties),
            ]
        });
        let devices = self.devices.iter().map(|d| {
            let words = [Value::text(&d.device), Value::text(d.class.word()), Value::text(d.program.clone().unwrap_or_default())];
            let figures = [d.base_kwh, d.event_kwh, d.curtailed_kwh, d.prepared_kwh, d.rebounded_kwh, d.shifted_kwh, d.saved_kwh];
            words.into_iter().chain(figures.map(n)).chain([n(d.largest_deviation), n(d.residual_kwh)]).collect()
        });
        let steps = self.steps.iter().map(|s| {
            vec![
                Value::text(s.at.to_string()),
                n(s.temperature_c),
                n(s.devices_before_kw),
                n(s.devices_after_kw),
                n(s.before.source_kw),
                n(s.after.source_kw),
                Value::maybe(s.before.targets.first().copied()),
                Value::maybe(s.after.targets.first().copied()),
                n(s.before.v_min_pu),
                n(s.after.v_min_pu),
            ]
        });
        let participants = self.performance.participants.iter().map(|p| {
            vec![
                Value::text(&p.event),
                Value::text(&p.device),
                Value::text(&p.program),
                n(p.asked_kwh),
                n(p.metered_kwh),
                n(p.without_event_kwh),
                Value::maybe(p.baseline_kwh),
                Value::maybe(p.baseline_se_kwh),
                Value::maybe(p.measured_kwh),
                Value::maybe(p.payment.map(|p| p.incentive)),
                Value::maybe(p.payment.map(|p| p.penalty)),
            ]
        });
        vec![
            Table { name: "events", meaning: "events of the day", columns: EVENTS, rows: events.collect() },
            Table { name: "devices", meaning: "books of each device", columns: DEVICES, rows: devices.collect() },
            Table { name: "steps", meaning: "the day step by step", columns: STEPS, rows: steps.collect() },
            Table {
                name: "participants",
                meaning: "measured performance and payments",
                columns: PARTICIPANTS,
                rows: participants.collect(),
            },
        ]
    }
}
