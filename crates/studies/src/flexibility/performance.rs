//! Measured performance: baselines of each participant from its days before, what lay below them, what is paid. By the meters of the simulation, or
//! by those of the field.

use super::FlexibilityResult;
use super::baseline::{BaselineKind, MeteredDay, Payment, SameDay, fit_regression, high_five_of_ten, settle};
use super::device::{Model, Trace};
use super::dispatch::event_steps;
use super::result::SetPoints;
use network::Diagnostic;
use network::flexibility::{Event, FlexibilityCase, Program};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The adjustment to the day compares the hours from four to two before the event, as the programme in [`super::baseline`] does.
const ADJUST_FROM_H: f64 = 4.0;
const ADJUST_TO_H: f64 = 2.0;
const ADJUST_CAP_PCT: f64 = 20.0;

/// Degrees past which buildings are cooled, °C (65 °F, the usual base of degree days).
const BALANCE_C: f64 = 18.3;

/// A participant in an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    pub events: Vec<EventPerformance>,
    pub participants: Vec<ParticipantPerformance>,
}

fn add(total: &mut Option<f64>, x: Option<f64>) {
    if let Some(x) = x {
        *total = Some(total.unwrap_or(0.0) + x);
    }
}

/// Energies of the day by device and step, kWh.
#[derive(Clone, Debug)]
pub(super) struct Energies {
    /// Without events, and with them.
    pub without: Vec<Vec<f64>>,
    pub with: Vec<Vec<f64>>,
    /// Asked for less: by event, device and step of the event.
    pub asked: Vec<BTreeMap<usize, Vec<f64>>>,
}

/// Performance by the meters of the simulation.
pub(super) fn measure(case: &FlexibilityCase, energies: &Energies, kind: BaselineKind) -> (Performance, Vec<Diagnostic>) {
    let read = |d: usize, s: usize| Some(energies.with[d][s]);
    let performance = Meters::new(case, energies, &read, kind).performance();
    let without = performance.participants.iter().filter(|p| p.baseline_kwh.is_none()).count();
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

/// Performance and payments by readings of the field.
///
/// # Inputs
/// * `case` - the one that was run, and its `result`.
/// * `metered` - by name of the device, kWh of each step of the day; `None`, or nothing where the row ends: no reading.
///
/// # Returns
/// Participants with a reading in an event. Where some of its steps have none, everything about the participant is of the others: what was metered,
/// asked, and its baseline. The adjustment to the day takes readings, and what the simulation says where there is none. Days before are simulated.
pub fn settle_metered(
    case: &FlexibilityCase,
    result: &FlexibilityResult,
    metered: &BTreeMap<String, Vec<Option<f64>>>,
    baseline: BaselineKind,
) -> Performance {
    let energies = again(case, result);
    let readings: Vec<&[Option<f64>]> = case.devices.iter().map(|d| metered.get(&d.name).map_or(&[][..], Vec::as_slice)).collect();
    let read = |d: usize, s: usize| readings[d].get(s).copied().flatten().filter(|kwh| kwh.is_finite());
    Meters::new(case, &energies, &read, baseline).performance()
}

/// Energies of a run, from what devices were told in it.
pub(super) fn again(case: &FlexibilityCase, result: &FlexibilityResult) -> Energies {
    let (n, h, step_min) = (case.day.n_steps(), case.day.step_h(), case.day.step_min);
    let mut told: BTreeMap<&str, Vec<(usize, &SetPoints)>> = BTreeMap::new();
    for points in &result.set_points {
        told.entry(&points.device).or_default().push(((points.from.minute() / step_min) as usize, points));
    }
    let mut energies = Energies { without: Vec::new(), with: Vec::new(), asked: vec![BTreeMap::new(); case.events.len()] };
    for (d, device) in case.devices.iter().enumerate() {
        let told = told.get(device.name.as_str()).map_or(&[][..], Vec::as_slice);
        let at = |s: usize, of: &dyn Fn(&SetPoints) -> &[f64]| {
            told.iter().find_map(|(from, points)| of(points).get(s.checked_sub(*from)?).copied())
        };
        let model = Model::new(device, &case.day, 0.0);
        let run = |power: &dyn Fn(usize) -> Option<f64>| {
            let mut trace = Trace::new(model.start);
            trace.go_on(&model, n, power);
            trace.energies_kwh()
        };
        energies.without.push(run(&|_| None));
        energies.with.push(run(&|s| at(s, &|p| &p.kw)));
        for (e, asked) in case.events.iter().zip(&mut energies.asked).filter(|(e, _)| case.called_under(device, e).is_some()) {
            let less: Option<Vec<f64>> = event_steps(e, step_min).map(|s| Some(at(s, &|p| &p.less_kw)? * h)).collect();
            if let Some(less) = less {
                asked.insert(d, less);
            }
        }
    }
    energies
}

/// What is measured, by which meters.
struct Meters<'a> {
    case: &'a FlexibilityCase,
    energies: &'a Energies,
    /// By device and step, kWh.
    read: &'a dyn Fn(usize, usize) -> Option<f64>,
    kind: BaselineKind,
    /// Days before of those who are called and have a meter.
    past: BTreeMap<usize, Vec<MeteredDay>>,
}

impl<'a> Meters<'a> {
    fn new(case: &'a FlexibilityCase, energies: &'a Energies, read: &'a dyn Fn(usize, usize) -> Option<f64>, kind: BaselineKind) -> Self {
        let is_called = |d: usize| case.events.iter().any(|e| case.called_under(&case.devices[d], e).is_some());
        let is_read = |d: usize| (0..case.day.n_steps()).any(|s| read(d, s).is_some());
        let who = (0..case.devices.len()).filter(|&d| is_called(d) && is_read(d));
        Self { case, energies, read, kind, past: who.map(|d| (d, past(case, d))).collect() }
    }

    fn performance(&self) -> Performance {
        let mut performance = Performance::default();
        for (i, e) in self.case.events.iter().enumerate() {
            let mut total = EventPerformance::default();
            // With the steps that count.
            let mut who: Vec<(usize, Vec<usize>)> = Vec::new();
            for &d in self.past.keys() {
                let Some(program) = self.case.called_under(&self.case.devices[d], e) else { continue };
                let counted: Vec<usize> = event_steps(e, self.case.day.step_min).filter(|&s| (self.read)(d, s).is_some()).collect();
                if counted.is_empty() {
                    continue;
                }
                let p = self.participant(i, d, program, &counted);
                total.n_participants += 1;
                total.metered_kwh += p.metered_kwh;
                total.without_event_kwh += p.without_event_kwh;
                add(&mut total.baseline_kwh, p.baseline_kwh);
                add(&mut total.measured_kwh, p.measured_kwh);
                let paid = p.payment.unwrap_or_default();
                total.incentives += paid.incentive;
                total.penalties += paid.penalty;
                performance.participants.push(p);
                who.push((d, counted));
            }
            (total.regression_kwh, total.regression_se_kwh) = self.together(e, &who);
            performance.events.push(total);
        }
        performance
    }

    fn participant(&self, event: usize, d: usize, program: &Program, counted: &[usize]) -> ParticipantPerformance {
        let (case, energies) = (self.case, self.energies);
        let e = &case.events[event];
        let start = event_steps(e, case.day.step_min).start;
        let metered_kwh = counted.iter().filter_map(|&s| (self.read)(d, s)).sum();
        let without_event_kwh = counted.iter().map(|&s| energies.without[d][s]).sum();
        let asked = energies.asked[event].get(&d);
        let asked_kwh = asked.map_or(0.0, |kwh| counted.iter().map(|s| kwh[s - start]).sum());
        let today: Vec<f64> = energies.with[d].iter().enumerate().map(|(s, simulated)| (self.read)(d, s).unwrap_or(*simulated)).collect();
        let (baseline_kwh, baseline_se_kwh) = baseline(case, e, &self.past[&d], &today, self.kind, counted);
        let measured_kwh = baseline_kwh.map(|b| b - metered_kwh);
        ParticipantPerformance {
            event: e.name.clone(),
            device: case.devices[d].name.clone(),
            program: program.name.clone(),
            asked_kwh,
            metered_kwh,
            without_event_kwh,
            baseline_kwh,
            baseline_se_kwh,
            measured_kwh,
            payment: measured_kwh.map(|m| settle(program, asked_kwh, m)),
        }
    }

    /// The regression of all participants together. Where their steps differ it is the sum of their own, which least squares make the same, but errors
    /// that hang together from one participant to the next are not known: there is no standard error.
    fn together(&self, e: &Event, who: &[(usize, Vec<usize>)]) -> (Option<f64>, Option<f64>) {
        let Some((_, first)) = who.first() else { return (None, None) };
        let regression = |days: &[MeteredDay], counted: &[usize]| baseline(self.case, e, days, &[], BaselineKind::Regression, counted);
        if who.iter().all(|(_, counted)| counted == first) {
            return regression(&sum_of(who.iter().filter_map(|(d, _)| self.past.get(d))), first);
        }
        (who.iter().map(|(d, counted)| regression(&self.past[d], counted).0).sum(), None)
    }
}

/// Baseline of some steps of an event, and its standard error where it has one.
fn baseline(
    case: &FlexibilityCase,
    e: &Event,
    days: &[MeteredDay],
    today: &[f64],
    kind: BaselineKind,
    counted: &[usize],
) -> (Option<f64>, Option<f64>) {
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
            (found.map(|b| counted.iter().map(|&s| b.energy_kwh[s]).sum()), None)
        }
        BaselineKind::Regression => {
            let outside: Vec<f64> = (0..case.day.n_steps()).map(|s| case.day.temperature_at(s)).collect();
            match fit_regression(days, is_free, BALANCE_C) {
                Some(r) => {
                    let predicted = r.predict(&outside);
                    (Some(counted.iter().map(|&s| predicted[s]).sum()), Some(r.sum_se(&outside, counted)))
                }
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

fn sum_of<'a>(mut all: impl Iterator<Item = &'a Vec<MeteredDay>>) -> Vec<MeteredDay> {
    let Some(first) = all.next() else { return Vec::new() };
    let mut sum = first.clone();
    for days in all {
        for (total, day) in sum.iter_mut().zip(days) {
            total.energy_kwh.iter_mut().zip(&day.energy_kwh).for_each(|(a, b)| *a += b);
        }
    }
    sum
}
