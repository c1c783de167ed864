//! Flexible demand: devices through a day, events that ask them for less, what came back, what is paid.
//!
//! ```text
//! FlexibilityCase + Network
//!   device.rs     each device by its own rule ─► the day without events
//!   flow.rs       power flow of each step ─► flows of targets, sensitivities
//!   dispatch.rs   programme.rs (linear programme) ⇄ power flow, event by event ─► powers that devices are told
//!   device.rs     the day with events: told powers, then their own rules again ─► rebound
//!   books.rs      curtailed, prepared, rebounded, shifted, saved; the residual
//!   baseline.rs   baselines from the days before, measured performance, payments
//! ```
//!
//! The method, its sources and limits are in `docs/methods/flexibility.md`.

pub mod baseline;
mod books;
mod device;
mod dispatch;
mod flow;
#[cfg(test)]
mod optimum;
mod performance;
mod programme;
mod result;
mod sample;
#[cfg(test)]
mod tests;

pub use baseline::{BaselineKind, Payment};
pub use books::{Books, DeviceBooks};
pub use flow::{Limit, LimitUnit, StepFlow};
pub use performance::{EventPerformance, ParticipantPerformance, Performance, settle_metered};
pub use programme::Least;
pub use result::{EventResult, FlexibilityResult, Missing, SetPoints, StepRow, TransformerRow};
pub use sample::{SampleOptions, sample};

use device::{Model, Trace};
use dispatch::{Dispatched, clusters, dispatch, drawn_kva, event_steps};
use flow::{Grid, Walked};
use network::flexibility::{ClockTime, FlexibilityCase};
use network::{Diagnostic, Network, Severity};
use powerflow::{CircuitError, Unsettled};
use std::collections::BTreeMap;

/// How events are dispatched and settled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FlexibilityOptions {
    pub least: Least,
    /// By which participants are paid.
    pub baseline: BaselineKind,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum FlexibilityError {
    /// What is wrong with the document, all at once.
    #[error("the document of flexible demand has faults")]
    Document(Vec<Diagnostic>),
    /// Device and reason.
    #[error("{} devices have no place in the network", .0.len())]
    Places(Vec<(String, String)>),
    #[error("the target of event {event} cannot be followed: {why}")]
    Target { event: String, why: String },
    #[error("the power flow of step {step} does not settle")]
    Unsettled { step: usize, unsettled: Box<Unsettled> },
    #[error("the flow of step {step} does not answer to a device")]
    NoSensitivity { step: usize },
    #[error("the linear programme could not be solved: {0}")]
    Solver(String),
    #[error("programme and power flow did not agree within {rounds} rounds")]
    Rounds { rounds: u32, over: f64, gap: f64 },
    #[error(transparent)]
    Circuit(#[from] CircuitError),
}

impl FlexibilityError {
    /// As findings; `case` gives times their names.
    pub fn diagnostics(&self, case: &FlexibilityCase) -> Vec<Diagnostic> {
        let time = |step: usize| ClockTime::from_minute(step as u32 * case.day.step_min);
        match self {
            Self::Document(found) => found.clone(),
            Self::Places(faults) => faults
                .iter()
                .map(|(device, why)| {
                    Diagnostic::error("FLEXIBILITY.DEVICE.PLACE", format!("device {device}: {why}"))
                        .hint("name a load, or a bus and phases that it has")
                })
                .collect(),
            Self::Target { .. } => {
                vec![
                    Diagnostic::error("FLEXIBILITY.TARGET.UNKNOWN", self.to_string())
                        .hint("name a transformer or line that carries current"),
                ]
            }
            Self::Unsettled { step, unsettled } => {
                let mut found = unsettled.forensics.diagnostics();
                let what = Diagnostic::error("FLEXIBILITY.FLOW.UNSETTLED", format!("the power flow at {} does not settle", time(*step)));
                found.push(what.hint("see whether gridtwin solve settles; fewer or smaller devices may be what the feeder can carry"));
                found
            }
            Self::NoSensitivity { step } => {
                let what = format!("the flow at {} does not answer to a device", time(*step));
                vec![Diagnostic::error("FLEXIBILITY.FLOW.SENSITIVITY", what).hint("see whether the feeder is close to its largest load")]
            }
            Self::Solver(words) => vec![
                Diagnostic::error("FLEXIBILITY.PROGRAMME.SOLVER", "the linear programme could not be solved")
                    .detail(format!("The solver says: {words}."))
                    .hint("shorten events or take longer steps: the programme becomes smaller"),
            ],
            Self::Rounds { rounds, over, gap } => vec![
                Diagnostic::error("FLEXIBILITY.PROGRAMME.ROUNDS", "programme and power flow do not agree")
                    .detail(format!(
                        "After {rounds} rounds the flow is {over:.3} above its limit and the plan {:.3} % from its optimum.",
                        gap * 100.0
                    ))
                    .hint("controls that act within the event move the flow by jumps; raise the limit a little, or let recovery be longer"),
            ],
            Self::Circuit(e) => vec![e.diagnostic()],
        }
    }
}

/// Runs a day of flexible demand.
///
/// # Inputs
/// * `network` - devices draw on top of its loads; its options say how it is solved.
/// * `case` - programs, devices, events, the day (`network::flexibility`).
///
/// # Returns
/// The day without and with events, event by event, device by device, with books and payments. A target that cannot be met is a result:
/// [`EventResult::missing`] says how much, and when.
///
/// # Errors
/// [`FlexibilityError`]: a document with faults, devices without a place, a power flow that does not settle. Nothing is changed.
///
/// # Method and source
/// `docs/methods/flexibility.md`. Checked by the tests of this module: closed forms, enumeration, balances.
pub fn run(network: &Network, case: &FlexibilityCase, options: &FlexibilityOptions) -> Result<FlexibilityResult, FlexibilityError> {
    let mut faults = case.check();
    faults.extend(case.check_against(network));
    if faults.iter().any(|d| d.severity == Severity::Error) {
        return Err(FlexibilityError::Document(faults));
    }
    let n = case.day.n_steps();
    let h = case.day.step_h();
    let models: Vec<Model> = case.devices.iter().map(|d| Model::new(d, &case.day, 0.0)).collect();
    let by_itself = |mut trace: Trace, model: &Model, end: usize| {
        trace.go_on(model, end, |_| None);
        trace
    };
    let base: Vec<Trace> = models.iter().map(|m| by_itself(Trace::new(m.start), m, n)).collect();
    let grid = Grid::new(network, case)?;
    let without = FlexibilityCase { events: Vec::new(), ..case.clone() };
    let base_powers = |step: usize| drawn_kva(&without, &grid, step, |d| base[d].power_kw(step, h));
    let base_walked = grid.walk(&grid.start, 0..n, &base_powers, None)?;

    let mut traces: Vec<Trace> = models.iter().map(|m| Trace::new(m.start)).collect();
    let mut walked = Walked::from(&grid.start);
    let mut dispatched: Vec<(dispatch::Cluster, Dispatched)> = Vec::new();
    let mut at = 0;
    let go_on = |walked: &mut Walked, traces: &[Trace], steps: std::ops::Range<usize>| -> Result<(), FlexibilityError> {
        let powers = |step: usize| drawn_kva(case, &grid, step, |d| traces[d].power_kw(step, h));
        let later = grid.walk(&walked.end, steps, &powers, None)?;
        walked.append(later);
        Ok(())
    };
    for cluster in clusters(case) {
        for (trace, model) in traces.iter_mut().zip(&models) {
            trace.go_on(model, cluster.steps.start, |_| None);
        }
        go_on(&mut walked, &traces, at..cluster.steps.start)?;
        let own: Vec<Trace> = traces.iter().zip(&models).map(|(t, m)| by_itself(t.clone(), m, cluster.steps.end)).collect();
        let found = dispatch(case, &grid, &models, &cluster, &own, &walked.end, options.least)?;
        for (d, (trace, model)) in traces.iter_mut().zip(&models).enumerate() {
            let told = found.told_kw.get(&d);
            trace.go_on(model, cluster.steps.end, |s| told.map(|kw| kw[s - cluster.steps.start]));
        }
        go_on(&mut walked, &traces, cluster.steps.clone())?;
        at = cluster.steps.end;
        dispatched.push((cluster, found));
    }
    for (trace, model) in traces.iter_mut().zip(&models) {
        trace.go_on(model, n, |_| None);
    }
    go_on(&mut walked, &traces, at..n)?;

    let masks: Vec<Vec<bool>> = case.devices.iter().map(|d| mask(case, d, n)).collect();
    let devices: Vec<DeviceBooks> =
        (0..models.len()).map(|d| books::of_device(&case.devices[d], &base[d], &traces[d], &masks[d])).collect();
    let asked = asked_kwh(case, &dispatched, h);
    let energies = |traces: &[Trace]| traces.iter().map(Trace::energies_kwh).collect();
    let energies = performance::Energies { without: energies(&base), with: energies(&traces), asked };
    let (performance, findings) = performance::measure(case, &energies, options.baseline);
    let run = result::Run {
        case,
        models: &models,
        base: &base,
        traces: &traces,
        base_flows: &base_walked,
        flows: &walked,
        limits: &grid.limits,
        transformers: &grid.transformers,
        dispatched: &dispatched,
        asked: &energies.asked,
    };
    Ok(run.result(devices, performance, findings, options))
}

/// Steps in which an event may use a device.
fn mask(case: &FlexibilityCase, d: &network::flexibility::Device, n: usize) -> Vec<bool> {
    let mut mask = vec![false; n];
    for e in case.events.iter().filter(|e| case.called_under(d, e).is_some()) {
        mask[event_steps(e, case.day.step_min)].fill(true);
    }
    mask
}

/// Kilowatt-hours less that devices were told, by event, device and step of the event: what falls into its own steps.
fn asked_kwh(case: &FlexibilityCase, dispatched: &[(dispatch::Cluster, Dispatched)], h: f64) -> Vec<BTreeMap<usize, Vec<f64>>> {
    let mut asked = vec![BTreeMap::new(); case.events.len()];
    for (cluster, found) in dispatched {
        for &e in &cluster.events {
            let event = &case.events[e];
            let steps = event_steps(event, case.day.step_min);
            for (&d, less) in found.less_kw.iter().filter(|(d, _)| case.called_under(&case.devices[**d], event).is_some()) {
                asked[e].insert(d, steps.clone().map(|s| less[s - cluster.steps.start] * h).collect());
            }
        }
    }
    asked
}
