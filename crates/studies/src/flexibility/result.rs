//! What the study says: events, steps, devices, and their tables.

use super::FlexibilityOptions;
use super::books::{Books, DeviceBooks, total};
use super::device::{Model, Trace};
use super::dispatch::{Cluster, Dispatched, event_steps};
use super::flow::{Limit, StepFlow, Walked, Watched};
use super::performance::{EventPerformance, Performance};
use super::programme::Least;
use crate::table::{Column, Table, Value, count, number, text};
use network::Diagnostic;
use network::flexibility::{ClockTime, FlexibilityCase};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A flow counts as above its limit from this times the limit on: a thousandth of a percent is rounding of the last power flow.
const OVER: f64 = 1.0 + 1e-5;

/// Snap-back is looked for in so many hours after an event.
const REBOUND_H: f64 = 6.0;

/// A target that was not met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Missing {
    /// Beginning of the worst step.
    pub at: ClockTime,
    /// In the unit of the limit.
    pub over: f64,
}

/// An event in figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    pub at: ClockTime,
    pub temperature_c: f64,
    pub devices_before_kw: f64,
    pub devices_after_kw: f64,
    pub before: StepFlow,
    pub after: StepFlow,
}

/// A transformer over the day, without and with the events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransformerRow {
    /// Its name without its class.
    pub transformer: String,
    /// Normal rating; none where the model has none.
    pub rating_kva: Option<f64>,
    /// Largest flow, and the beginning of the first step with it, within a thousandth of a percent.
    pub before_kva: f64,
    pub before_at: ClockTime,
    pub after_kva: f64,
    pub after_at: ClockTime,
    /// Of the rating.
    pub before_pct: Option<f64>,
    pub after_pct: Option<f64>,
    /// Minutes with the flow above the rating.
    pub over_before_min: u32,
    pub over_after_min: u32,
}

/// What a device is told, from the beginning of preparation to the end of recovery of events whose minutes overlap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetPoints {
    /// The first of these events that may call it.
    pub event: String,
    pub device: String,
    /// Under which it is called.
    pub program: String,
    pub from: ClockTime,
    pub step_min: u32,
    /// Power that it shall draw in each step, kW; below 0 a battery delivers.
    pub kw: Vec<f64>,
    /// What of its own power was asked of it in each step, kW.
    pub less_kw: Vec<f64>,
}

/// The day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlexibilityResult {
    pub case: String,
    pub events: Vec<EventResult>,
    pub books: Books,
    pub devices: Vec<DeviceBooks>,
    pub steps: Vec<StepRow>,
    pub transformers: Vec<TransformerRow>,
    pub set_points: Vec<SetPoints>,
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
    pub base_flows: &'a Walked,
    pub flows: &'a Walked,
    pub limits: &'a [Limit],
    pub transformers: &'a [Watched],
    pub dispatched: &'a [(Cluster, Dispatched)],
    pub asked: &'a [BTreeMap<usize, Vec<f64>>],
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
        let mismatch_va = largest(self.base_flows.flows.iter().chain(&self.flows.flows).map(|f| f.mismatch_va));
        FlexibilityResult {
            case: self.case.name.clone(),
            events,
            books: total(&devices),
            devices,
            steps: self.steps(),
            transformers: self.transformers(),
            set_points: self.set_points(),
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
            before: self.base_flows.flows[s].clone(),
            after: self.flows.flows[s].clone(),
        };
        (0..self.case.day.n_steps()).map(row).collect()
    }

    fn transformers(&self) -> Vec<TransformerRow> {
        let highest = |walked: &Walked, u: usize| {
            let kva = largest(walked.transformers_kva.iter().map(|flows| flows[u]));
            // Rounding of the last power flow does not tell which of two equal steps is first.
            let first = walked.transformers_kva.iter().position(|flows| flows[u] * OVER >= kva);
            (first.unwrap_or_default(), kva)
        };
        let row = |(u, unit): (usize, &Watched)| {
            let ((before, before_kva), (after, after_kva)) = (highest(self.base_flows, u), highest(self.flows, u));
            let rating = unit.rating_kva;
            let over = |walked: &Walked| {
                let n = rating.map_or(0, |kva| walked.transformers_kva.iter().filter(|flows| flows[u] > kva * OVER).count());
                n as u32 * self.case.day.step_min
            };
            TransformerRow {
                transformer: unit.name.clone(),
                rating_kva: rating,
                before_kva,
                before_at: self.time(before),
                after_kva,
                after_at: self.time(after),
                before_pct: rating.map(|kva| before_kva / kva * 100.0),
                after_pct: rating.map(|kva| after_kva / kva * 100.0),
                over_before_min: over(self.base_flows),
                over_after_min: over(self.flows),
            }
        };
        self.transformers.iter().enumerate().map(row).collect()
    }

    fn set_points(&self) -> Vec<SetPoints> {
        let mut all = Vec::new();
        for (cluster, found) in self.dispatched {
            for (&d, kw) in &found.told_kw {
                let device = &self.case.devices[d];
                let called = |&e: &usize| self.case.called_under(device, &self.case.events[e]).map(|p| (&self.case.events[e], p));
                let Some((event, program)) = cluster.events.iter().find_map(called) else { continue };
                all.push(SetPoints {
                    event: event.name.clone(),
                    device: device.name.clone(),
                    program: program.name.clone(),
                    from: self.time(cluster.steps.start),
                    step_min: self.case.day.step_min,
                    kw: kw.clone(),
                    less_kw: found.less_kw.get(&d).cloned().unwrap_or_default(),
                });
            }
        }
        all
    }

    fn event(&self, e: usize, performance: EventPerformance, options: &FlexibilityOptions) -> EventResult {
        let event = &self.case.events[e];
        let day = &self.case.day;
        let limit = &self.limits[e];
        let steps = event_steps(event, day.step_min);
        let later = steps.end..day.n_steps().min(steps.end + (REBOUND_H / day.step_h()).round() as usize);
        let flow = |flows: &[StepFlow], s: usize| flows[s].targets[e];
        let (without, with) = (&self.base_flows.flows[..], &self.flows.flows[..]);
        let over = |flows: &[StepFlow]| steps.clone().filter(|&s| flow(flows, s) > limit.value * OVER).count() as u32 * day.step_min;
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
            before: largest(steps.clone().map(|s| flow(without, s))),
            after: largest(steps.clone().map(|s| flow(with, s))),
            over_before_min: over(without),
            over_after_min: over(with),
            later_before: later.clone().map(|s| flow(without, s)).fold(0.0, f64::max),
            later_after: later.clone().map(|s| flow(with, s)).fold(0.0, f64::max),
            rebound_kw: worst.map_or(0.0, rebound),
            rebound_at: self.time(worst.unwrap_or(steps.end)),
            n_called: performance.n_participants,
            n_told: found.map_or(0, |f| f.told_kw.keys().filter(|d| told(d)).count()),
            asked_kwh: self.asked[e].values().flatten().fold(0.0, |sum, kwh| sum + kwh),
            missing: found.and_then(|f| f.missing.get(&e)).map(|&(s, over)| Missing { at: self.time(s), over }),
            least: options.least,
            value,
            optimum,
            gap_pct: if optimum.abs() > 1e-9 { (value - optimum) / optimum * 100.0 } else { 0.0 },
            rounds: found.map_or(0, |f| f.rounds),
            not_returned_kwh: found.map_or(0.0, |f| f.not_returned_kwh),
            beyond_comfort_k,
            beyond_shortfall_kwh,
            lowest_v_before_pu: lowest(without),
            lowest_v_after_pu: lowest(with),
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

const TRANSFORMERS: &[Column] = &[
    text("transformer", "name"),
    number("rating_kva", "kVA", "normal rating; empty where the model has none"),
    number("before_kva", "kVA", "largest flow of the day without events"),
    text("before_at", "beginning of the step with it"),
    number("after_kva", "kVA", "largest flow of the day with events"),
    text("after_at", "beginning of the step with it"),
    number("before_pct", "%", "largest flow without events over the rating"),
    number("after_pct", "%", "largest flow with events over the rating"),
    count("over_before_min", "minutes above the rating without events"),
    count("over_after_min", "minutes above the rating with events"),
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
    /// Events, devices, steps, participants, transformers.
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
        let transformers = self.transformers.iter().map(|t| {
            vec![
                Value::text(&t.transformer),
                Value::maybe(t.rating_kva),
                n(t.before_kva),
                Value::text(t.before_at.to_string()),
                n(t.after_kva),
                Value::text(t.after_at.to_string()),
                Value::maybe(t.before_pct),
                Value::maybe(t.after_pct),
                Value::Count(u64::from(t.over_before_min)),
                Value::Count(u64::from(t.over_after_min)),
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
            Table {
                name: "transformers",
                meaning: "largest flow of each transformer",
                columns: TRANSFORMERS,
                rows: transformers.collect(),
            },
        ]
    }
}
