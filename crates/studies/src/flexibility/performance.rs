//! Measured performance: baselines of each participant from its days before, what lay below them, what is paid.

use super::FlexibilityOptions;
use super::baseline::{BaselineKind, MeteredDay, Payment, SameDay, fit_regression, high_five_of_ten, settle};
use super::device::{Model, Trace};
use super::dispatch::event_steps;
use network::Diagnostic;
use network::flexibility::{Event, FlexibilityCase};
use serde::Serialize;
use std::collections::BTreeMap;

/// The adjustment to the day compares the hours from four to two before the event, as the programme in [`super::baseline`] does.
const ADJUST_FROM_H: f64 = 4.0;
const ADJUST_TO_H: f64 = 2.0;
const ADJUST_CAP_PCT: f64 = 20.0;

/// Degrees past which buildings are cooled, °C (65 °F, the usual base of degree days).
const BALANCE_C: f64 = 18.3;

/// A participant in an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParticipantPerformance {
    pub event: String,
    pub device: String,
    pub program: String,
    /// Told to draw less by so much, kWh, over the event.
    pub asked_kwh: f64,
    pub metered_kwh: f64,
    /// Without the event, which only a simulation knows.
    pub without_event_kwh: f64,
    /// Absent where too few days count.
    pub baseline_kwh: Option<f64>,
    /// Standard error of the baseline, of a regression.
    pub baseline_se_kwh: Option<f64>,
    pub measured_kwh: Option<f64>,
    pub payment: Option<Payment>,
}

/// An event over all participants.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EventPerformance {
    pub n_participants: usize,
    pub metered_kwh: f64,
    pub without_event_kwh: f64,
    /// Over those who have one.
    pub baseline_kwh: Option<f64>,
    pub measured_kwh: Option<f64>,
    /// The regression of all participants together, and its standard error.
    pub regression_kwh: Option<f64>,
    pub regression_se_kwh: Option<f64>,
    pub incentives: f64,
    pub penalties: f64,
}

/// Performance of all events and participants.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Performance {
    pub events: Vec<EventPerformance>,
    pub participants: Vec<ParticipantPerformance>,
}

fn add(total: &mut Option<f64>, x: Option<f64>) {
    if let Some(x) = x {
        *total = Some(total.unwrap_or(0.0) + x);
    }
}

pub(super) fn measure(
    case: &FlexibilityCase,
    models: &[Model],
    base: &[Trace],
    event: &[Trace],
    asked: &[BTreeMap<usize, f64>],
    options: &FlexibilityOptions,
) -> (Performance, Vec<Diagnostic>) {
    let called: Vec<usize> =
        (0..models.len()).filter(|&d| case.events.iter().any(|e| case.called_under(&case.devices[d], e).is_some())).collect();
    let metered: BTreeMap<usize, Vec<MeteredDay>> = called.iter().map(|&d| (d, past(case, d))).collect();
    let mut performance = Performance::default();
    let mut without = 0;
    for (e, asked) in case.events.iter().zip(asked) {
        let mut total = EventPerformance::default();
        let who: Vec<usize> = called.iter().copied().filter(|&d| case.called_under(&case.devices[d], e).is_some()).collect();
        let steps = event_steps(e, case.day.step_min);
        let in_event = |t: &Trace| -> f64 { t.done[steps.clone()].iter().map(|d| d.energy_kwh).sum() };
        for &d in &who {
            let Some(program) = case.called_under(&case.devices[d], e) else { continue };
            let metered_kwh = in_event(&event[d]);
            let today: Vec<f64> = event[d].done.iter().map(|d| d.energy_kwh).collect();
            let (baseline_kwh, baseline_se_kwh) = baseline(case, e, &metered[&d], &today, options.baseline);
            without += usize::from(baseline_kwh.is_none());
            let asked_kwh = asked.get(&d).copied().unwrap_or(0.0);
            let measured_kwh = baseline_kwh.map(|b| b - metered_kwh);
            let payment = measured_kwh.map(|m| settle(program, asked_kwh, m));
            total.n_participants += 1;
            total.metered_kwh += metered_kwh;
            total.without_event_kwh += in_event(&base[d]);
            add(&mut total.baseline_kwh, baseline_kwh);
            add(&mut total.measured_kwh, measured_kwh);
            let paid = payment.unwrap_or_default();
            total.incentives += paid.incentive;
            total.penalties += paid.penalty;
            performance.participants.push(ParticipantPerformance {
                event: e.name.clone(),
                device: case.devices[d].name.clone(),
                program: program.name.clone(),
                asked_kwh,
                metered_kwh,
                without_event_kwh: in_event(&base[d]),
                baseline_kwh,
                baseline_se_kwh,
                measured_kwh,
                payment,
            });
        }
        let together = sum_of(&who, &metered);
        let today: Vec<f64> = (0..case.day.n_steps()).map(|s| who.iter().map(|&d| event[d].done[s].energy_kwh).sum()).collect();
        (total.regression_kwh, total.regression_se_kwh) = baseline(case, e, &together, &today, BaselineKind::Regression);
        performance.events.push(total);
    }
    let mut findings = Vec::new();
    if without > 0 {
        let what = format!("{without} participants have no baseline and are not settled");
        findings.push(
            Diagnostic::warning("FLEXIBILITY.BASELINE.DAYS", what)
                .detail("Five days before that are of the same kind, without event and holiday, are needed; for a regression three, of different temperatures.")
                .hint("give more `past_days` of the day"),
        );
    }
    (performance, findings)
}

/// Baseline of the hours of an event, and its standard error where it has one.
fn baseline(case: &FlexibilityCase, e: &Event, days: &[MeteredDay], today: &[f64], kind: BaselineKind) -> (Option<f64>, Option<f64>) {
    let steps = event_steps(e, case.day.step_min);
    let is_free = case.day.weekday.is_weekend();
    match kind {
        BaselineKind::HighFiveOfTen => {
            let before = |hours: f64| steps.start.saturating_sub((hours / case.day.step_h()).round() as usize);
            // Not within hours in which devices were already told something.
            let end = before(ADJUST_TO_H).min(steps.start - (e.prepare_min / case.day.step_min) as usize);
            let same_day = SameDay { intervals: before(ADJUST_FROM_H)..end, cap_pct: ADJUST_CAP_PCT };
            let same_day = (same_day.intervals.start < same_day.intervals.end).then_some(same_day);
            let found = high_five_of_ten(days, is_free, &steps, today, same_day.as_ref());
            (found.map(|b| b.energy_kwh[steps.clone()].iter().sum()), None)
        }
        BaselineKind::Regression => {
            let outside: Vec<f64> = (0..case.day.n_steps()).map(|s| case.day.temperature_at(s)).collect();
            match fit_regression(days, is_free, BALANCE_C) {
                Some(r) => (Some(r.predict(&outside)[steps.clone()].iter().sum()), Some(r.sum_se(&outside, &steps))),
                None => (None, None),
            }
        }
    }
}

/// What a device's meter said on the days before: the device by its own rule at their temperatures.
fn past(case: &FlexibilityCase, d: usize) -> Vec<MeteredDay> {
    let day = |past: &network::flexibility::PastDay| {
        let model = Model::new(&case.devices[d], &case.day, past.temperature_shift_k);
        let mut trace = Trace::new(model.start);
        trace.go_on(&model, case.day.n_steps(), |_| None);
        MeteredDay {
            is_weekend: past.weekday.is_weekend(),
            is_holiday: past.is_holiday,
            is_event_day: past.is_event_day,
            temperature_c: (0..case.day.n_steps()).map(|s| case.day.temperature_at(s) + past.temperature_shift_k).collect(),
            energy_kwh: trace.done.iter().map(|d| d.energy_kwh).collect(),
        }
    };
    case.day.past_days.iter().map(day).collect()
}

fn sum_of(who: &[usize], metered: &BTreeMap<usize, Vec<MeteredDay>>) -> Vec<MeteredDay> {
    let Some(first) = who.first() else { return Vec::new() };
    let mut sum = metered[first].clone();
    for d in &who[1..] {
        for (total, day) in sum.iter_mut().zip(&metered[d]) {
            total.energy_kwh.iter_mut().zip(&day.energy_kwh).for_each(|(a, b)| *a += b);
        }
    }
    sum
}
