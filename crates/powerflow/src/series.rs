//! Steps through time, one after another, shown to whoever keeps something of them.
//!
//! ```text
//! State ──► clock on by one step ──► solve with controls ──► Observer::step ──► stores fill, controls look ahead ──► …
//! ```
//!
//! What is kept of a step is the observer's business: extremes, energies, meters, full series. An observer sees the state of the step
//! itself (its clock, voltages, taps), settled or not.

use crate::error::CircuitError;
use crate::solve::Progress;
use crate::state::State;
use std::ops::ControlFlow;
use std::sync::Arc;

/// One step of a series, solved.
#[derive(Debug)]
pub struct Step<'a> {
    /// Number of the step within the run, from 0.
    pub index: u32,
    /// The solution; `state.options` holds the time of the step.
    pub state: &'a State,
    /// How the step ended. Of a step that did not settle nothing but this may be kept.
    pub progress: Progress,
}

/// Keeps something of every step.
pub trait Observer {
    /// Looks at a step; breaks to end the run after it.
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<()>;
}

/// How a run went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeriesReport {
    /// Steps that were solved, settled or not.
    pub steps: u32,
    pub unsettled: u32,
    pub iterations: u64,
    pub control_iterations: u64,
    /// The observer ended the run early.
    pub stopped: bool,
}

/// Solves `number` steps from the state's present clock, in the mode and with the step length of its options.
///
/// A step that does not settle does not end the run: the next one starts from no voltages.
///
/// # Errors
/// A circuit that cannot be factored.
pub fn run_series(state: &mut State, number: u32, observer: &mut dyn Observer) -> Result<SeriesReport, CircuitError> {
    let mut report = SeriesReport::default();
    if number > 1 && std::env::var("PLAIN").is_err() {
        state.enter_series(number)?;
    }
    for index in 0..number {
        state.advance_clock();
        let progress = state.solve_moment()?;
        report.steps += 1;
        report.iterations += u64::from(progress.iterations);
        report.control_iterations += u64::from(progress.control_iterations);
        report.unsettled += u32::from(!progress.settled());
        let flow = observer.step(&Step { index, state, progress });
        state.end_of_step();
        if !progress.settled() {
            state.forget_profile();
        }
        if flow.is_break() {
            report.stopped = true;
            break;
        }
    }
    Ok(report)
}

/// Steps of a series at which its loads are looked at to choose their admittances.
const SAMPLES: u32 = 24;

impl State {
    /// Prepares for many steps: the matrix gets admittances that suit the series, and the iteration leaves out nodes without injection.
    fn enter_series(&mut self, number: u32) -> Result<(), CircuitError> {
        let now = (self.options.hour, self.options.second);
        let circuit = Arc::clone(&self.circuit);
        let mut typical = vec![(0.0, 0.0); circuit.loads().len()];
        let mut scratch = self.loads.clone();
        let samples = number.min(SAMPLES);
        for k in 0..samples {
            let step = 1 + u64::from(k) * u64::from(number) / u64::from(samples);
            let seconds = now.0 as f64 * 3600.0 + now.1 + step as f64 * self.options.step_s;
            (self.options.hour, self.options.second) = ((seconds / 3600.0).floor() as i64, seconds.rem_euclid(3600.0));
            let moment = self.moment();
            for ((model, state), sum) in circuit.loads().iter().zip(&mut scratch).zip(&mut typical) {
                model.update(state, &moment);
                sum.0 += state.p_w / f64::from(samples);
                sum.1 += state.q_var / f64::from(samples);
            }
        }
        (self.options.hour, self.options.second) = now;
        self.balance_loads(&typical);
        self.in_series = true;
        self.build()
    }
}
