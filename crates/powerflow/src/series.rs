//! Steps through time, one after another, shown to whoever keeps something of them.
//!
//! ```text
//! State ──► clock on by one step ──► solve with controls ──► Observer::step ──► stores fill, controls look ahead ──► …
//! ```
//!
//! What is kept of a step is the observer's business: extremes, energies, meters, full series. An observer sees the state of the step
//! itself (its clock, voltages, taps), settled or not.

mod batch;

use crate::error::CircuitError;
use crate::solve::{Convergence, Progress};
use crate::state::{State, clock_after};
use batch::{Batch, Plan};
use network::ControlMode;
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
    /// Steps that came out of a batch as they stand.
    pub batched: u32,
    pub iterations: u64,
    pub control_iterations: u64,
    /// The observer ended the run early.
    pub stopped: bool,
}

/// How a series is solved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeriesPath {
    /// Steps in batches wherever that gives the same answer.
    #[default]
    Batched,
    /// One step at a time.
    Stepwise,
}

/// Solves `number` steps from the state's present clock, in the mode and with the step length of its options.
///
/// A step that does not settle does not end the run: the next one starts from no voltages.
///
/// # Errors
/// A circuit that cannot be factored.
pub fn run_series(state: &mut State, number: u32, observer: &mut dyn Observer) -> Result<SeriesReport, CircuitError> {
    run_series_by(SeriesPath::Batched, state, number, observer)
}

/// As [`run_series`], on a path of the caller's choice.
///
/// # Errors
/// As [`run_series`].
pub fn run_series_by(path: SeriesPath, state: &mut State, number: u32, observer: &mut dyn Observer) -> Result<SeriesReport, CircuitError> {
    if number > 1 {
        state.enter_series(number)?;
    }
    let plan = if path == SeriesPath::Batched && number > 1 { Plan::new(state) } else { None };
    let mut run = Run { state, observer, report: SeriesReport::default(), number, calm: 0, wait: 0, next_wait: SHORTEST_WAIT };
    match plan {
        Some(plan) => run.batches(plan)?,
        None => {
            while run.goes_on() {
                run.step()?
            }
        }
    }
    Ok(run.report)
}

/// Steps in a row without action of a control before the next ones are tried four, and eight, at a time.
const CALM_FOR_FOUR: u32 = 1;
const CALM_FOR_EIGHT: u32 = 4;

/// Steps that are taken singly after a batch of which little could be kept.
const SHORTEST_WAIT: u32 = 8;
const LONGEST_WAIT: u32 = 1024;

/// A series under way.
struct Run<'a> {
    state: &'a mut State,
    observer: &'a mut dyn Observer,
    report: SeriesReport,
    number: u32,
    /// Steps since a control last acted.
    calm: u32,
    /// Steps to take singly, since the last batch was mostly in vain, and how many after the next such batch.
    wait: u32,
    next_wait: u32,
}

impl Run<'_> {
    fn goes_on(&self) -> bool {
        self.report.steps < self.number && !self.report.stopped
    }

    fn batches(&mut self, mut plan: Plan) -> Result<(), CircuitError> {
        let (mut four, mut eight) = (None, None);
        while self.goes_on() {
            if plan.linearisations != self.state.linearisations {
                let Some(other) = Plan::new(self.state) else {
                    self.step()?;
                    continue;
                };
                plan = other;
            }
            let plan = &plan;
            let calm = if self.state.options.control_mode == ControlMode::Off { CALM_FOR_EIGHT } else { self.calm };
            let left = self.number - self.report.steps;
            if self.wait > 0 {
                self.wait -= 1;
                self.step()?;
            } else if !self.state.has_profile || calm < CALM_FOR_FOUR || left < 2 || !self.state.sweeps_trailing() {
                self.step()?;
            } else if calm < CALM_FOR_EIGHT || left < 5 {
                self.batch::<4>(plan, four.get_or_insert_with(|| Batch::new(plan)))?;
            } else {
                self.batch::<8>(plan, eight.get_or_insert_with(|| Batch::new(plan)))?;
            }
        }
        Ok(())
    }

    /// One step by itself.
    fn step(&mut self) -> Result<(), CircuitError> {
        self.state.clock_before_step();
        let progress = self.state.solve_moment()?;
        self.conclude(progress);
        Ok(())
    }

    /// `K` steps on the supposition that no control acts: those up to the first where one does are kept, and that one is carried through.
    fn batch<const K: usize>(&mut self, plan: &Plan, batch: &mut Batch<K>) -> Result<(), CircuitError> {
        let mut times = [(0, 0.0); K];
        let start = (self.state.options.hour, self.state.options.second);
        let mut clock = start;
        let moves_first = self.state.clock_moves_first();
        for time in &mut times {
            let next = clock_after(clock, self.state.options.step_s);
            *time = if moves_first { next } else { clock };
            clock = next;
        }
        batch.solve(plan, self.state, &times)?;
        let lanes = K.min((self.number - self.report.steps) as usize);
        if !batch.settled[..lanes.div_ceil(2)].iter().all(|s| *s) {
            self.wait = self.next_wait;
            self.next_wait = (2 * self.next_wait).min(LONGEST_WAIT);
        } else {
            self.next_wait = SHORTEST_WAIT;
        }
        for lane in 0..lanes {
            (self.state.options.hour, self.state.options.second) = times[lane];
            if !batch.settled[lane] {
                // It may need what a single solution knows of rounding; the clock is moved there again.
                if moves_first {
                    (self.state.options.hour, self.state.options.second) = if lane == 0 { start } else { times[lane - 1] };
                }
                return self.step();
            }
            batch.give(plan, lane, self.state);
            self.state.update_loads();
            let iterations = batch.iterations[lane];
            let convergence = Convergence { settled: true, iterations, last_change_pu: batch.last_change_pu[lane], rounding_limited: 0 };
            let mut progress = Progress { convergence, iterations, control_iterations: 1, controls_settled: true };
            let mut quiet = true;
            if self.state.options.control_mode != ControlMode::Off {
                let done = self.state.options.max_control_iterations > 1 && self.state.iterate_controls(1);
                quiet = done && self.state.stale.is_empty() && !self.state.needs_update;
                if !done {
                    progress = self.state.go_on_with_controls(progress)?;
                } else if !quiet {
                    self.state.refresh()?;
                }
            }
            self.report.batched += u32::from(quiet);
            self.conclude(progress);
            if !quiet || !self.goes_on() {
                break;
            }
        }
        Ok(())
    }

    /// Shows a solved step and ends it.
    fn conclude(&mut self, progress: Progress) {
        let index = self.report.steps;
        self.report.steps += 1;
        self.report.iterations += u64::from(progress.iterations);
        self.report.control_iterations += u64::from(progress.control_iterations);
        self.report.unsettled += u32::from(!progress.settled());
        self.calm = if progress.control_iterations == 1 { self.calm + 1 } else { 0 };
        let flow = self.observer.step(&Step { index, state: self.state, progress });
        self.state.end_of_step();
        if !progress.settled() {
            self.state.forget_profile();
        }
        self.state.clock_after_step();
        self.report.stopped = flow.is_break();
    }
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
