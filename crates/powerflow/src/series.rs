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
