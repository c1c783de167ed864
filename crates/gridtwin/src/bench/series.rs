//! Steps of a time series per second, and how far that is from what one pass over the factor per iteration would allow.
//!
//! The limit. An iteration of the fixed point solves with the factor L D Lᵀ, of which it sweeps `m` entries below the diagonal and `n`
//! pivots (the quiet nodes were eliminated before). Per right-hand side each entry takes one complex multiply-add forward and one backward,
//! 8 operations each, and each pivot one complex product, 6:
//!
//! ```text
//! flop per iteration = 16 m + 6 n        limit, steps/s = flop/s of the machine / (flop per iteration × iterations per step)
//! ```
//!
//! The machine's rate is measured in the same process ([`flop_rate`]). What lies between the limit and the figure is the loads' own laws,
//! the check of convergence, the quiet nodes' voltages, controls, and memory.
//!
//! Reading, compiling and the first factor are not timed; choosing admittances for the series is. The timed run has an observer that keeps
//! nothing. What `--out-series` and `--nodes-out` write comes from a second run of the same steps, untimed.

use super::flop_rate;
use crate::cli::{BenchArguments, BenchSeries, Mode};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::result_folder::cannot;
use crate::solve;
use crate::tables::push_line;
use cpu_time::ProcessTime;
use network::SolutionMode;
use powerflow::series::{SeriesPath, SeriesReport, run_series_by};
use powerflow::{CircuitError, Observer, State, Step};
use serde::Serialize;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;

/// What the timed series took.
#[derive(Clone, Debug, Serialize)]
pub struct SeriesFigures {
    pub circuit: String,
    pub nodes: usize,
    /// Steps of one copy.
    pub steps: u32,
    /// Copies, each on its thread.
    pub threads: u32,
    pub stepwise: bool,
    /// Of all threads together, s.
    pub cpu_s: f64,
    /// From the start of the first to the end of the last, s.
    pub wall_s: f64,
    pub steps_per_cpu_s: f64,
    pub steps_per_wall_s: f64,
    /// Sums over the steps of one copy.
    pub iterations: u64,
    pub control_iterations: u64,
    pub unsettled: u32,
    /// Share of the steps that came out of batches.
    pub batched_share: f64,
    /// Nodes that take no part in the iteration.
    pub quiet_nodes: usize,
    /// Entries of the factor below its diagonal, and those that an iteration sweeps.
    pub factor_entries: usize,
    pub swept_entries: usize,
    pub flop_per_iteration: u64,
    /// Of one thread of this machine.
    pub flop_per_s: f64,
    /// Steps per second of one thread if an iteration were its pass over the factor alone, at the machine's rate.
    pub limit_steps_per_s: f64,
    pub share_of_limit: f64,
}

/// Runs the series and prints its figures.
///
/// # Errors
/// A model that cannot be read or compiled; a file that cannot be written.
pub fn run(arguments: &BenchArguments, steps: u32, console: &mut Console<'_>) -> Result<(), Failure> {
    let series = &arguments.series;
    let state = prepare(arguments)?;
    let path = if series.stepwise { SeriesPath::Stepwise } else { SeriesPath::Batched };
    let circuit = state.circuit();
    let (quiet_nodes, factor_entries, swept_entries) = circuit.factor_size();
    let flop_per_iteration = (16 * swept_entries + 6 * (circuit.n_nodes() - quiet_nodes)) as u64;
    let flop_per_s = flop_rate::flop_per_s();
    let timed = time(&state, path, steps, series.threads).map_err(|e| Failure::from(e.diagnostic()))?;
    let all = f64::from(steps) * f64::from(series.threads);
    let iterations_per_step = timed.report.iterations as f64 / f64::from(steps);
    let limit_steps_per_s = flop_per_s / (flop_per_iteration as f64 * iterations_per_step).max(1.0);
    let steps_per_cpu_s = all / timed.cpu_s.max(1e-9);
    let figures = SeriesFigures {
        circuit: circuit.network().name.clone(),
        nodes: circuit.n_nodes(),
        steps,
        threads: series.threads,
        stepwise: series.stepwise,
        cpu_s: timed.cpu_s,
        wall_s: timed.wall_s,
        steps_per_cpu_s,
        steps_per_wall_s: all / timed.wall_s.max(1e-9),
        iterations: timed.report.iterations,
        control_iterations: timed.report.control_iterations,
        unsettled: timed.report.unsettled,
        batched_share: f64::from(timed.report.batched) / f64::from(steps),
        quiet_nodes,
        factor_entries,
        swept_entries,
        flop_per_iteration,
        flop_per_s,
        limit_steps_per_s,
        share_of_limit: steps_per_cpu_s / limit_steps_per_s,
    };
    write_records(arguments, state, path, steps)?;
    if arguments.json { console.json(&figures) } else { console.print(&text(&figures)) }
}

/// The state before the first step.
fn prepare(arguments: &BenchArguments) -> Result<State, Failure> {
    let mut model = Model::prepare(&arguments.model)?;
    let options = &mut model.network.options;
    solve::set_options(options, Mode::Snapshot, Some(arguments.controls), &arguments.iteration);
    options.mode = match arguments.series.series {
        BenchSeries::Yearly => SolutionMode::Yearly,
        BenchSeries::Daily => SolutionMode::Daily,
    };
    options.step_s = arguments.series.step_s;
    model.session.series_state(&model.network, true).map_err(|e| Failure::from(e.diagnostic()))
}

/// What one copy did and what all took.
struct Timed {
    report: SeriesReport,
    cpu_s: f64,
    wall_s: f64,
}

fn time(state: &State, path: SeriesPath, steps: u32, threads: u32) -> Result<Timed, CircuitError> {
    let mut copies = vec![state.clone(); threads as usize];
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    let reports: Vec<_> = std::thread::scope(|scope| {
        let start = |copy| scope.spawn(move || run_series_by(path, copy, steps, &mut Nothing));
        let running: Vec<_> = copies.iter_mut().map(start).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let (cpu_s, wall_s) = (cpu.elapsed().as_secs_f64(), wall.elapsed().as_secs_f64());
    let mut report = SeriesReport::default();
    for one in reports {
        report = one?;
    }
    Ok(Timed { report, cpu_s, wall_s })
}

/// Keeps nothing.
struct Nothing;

impl Observer for Nothing {
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        black_box(step.state.voltages());
        ControlFlow::Continue(())
    }
}

/// Runs the steps once more and writes what was asked for.
fn write_records(arguments: &BenchArguments, mut state: State, path: SeriesPath, steps: u32) -> Result<(), Failure> {
    let (series, nodes) = (arguments.series.out_series.as_deref(), arguments.nodes_out.as_deref());
    if series.is_none() && nodes.is_none() {
        return Ok(());
    }
    let circuit = state.circuit();
    let mut records = Records {
        base_v: (0..=circuit.n_nodes()).map(|n| 1e3 * circuit.kv_base_ln(n as u32)).collect(),
        series: series.map(|_| String::from(SERIES_HEAD)),
        nodes: nodes.map(|_| String::from("step,node,kvbase_ln,v_re,v_im\n")),
        sample_every: arguments.series.sample_every.unwrap_or(steps),
    };
    run_series_by(path, &mut state, steps, &mut records).map_err(|e| Failure::from(e.diagnostic()))?;
    for (file, text) in [(series, &records.series), (nodes, &records.nodes)] {
        if let (Some(file), Some(text)) = (file, text) {
            std::fs::write(file, text).map_err(|e| cannot("write", file, &e))?;
        }
    }
    Ok(())
}

const SERIES_HEAD: &str =
    "step,hour,second,settled,iterations,control_iterations,source_kw,source_kvar,losses_kw,losses_kvar,v_min_pu,v_max_pu\n";

/// Text of every step, and of the nodes at every so many.
struct Records {
    /// By node, 0 where it has none, V.
    base_v: Vec<f64>,
    series: Option<String>,
    nodes: Option<String>,
    sample_every: u32,
}

impl Observer for Records {
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        let (state, number) = (step.state, step.index + 1);
        let circuit = state.circuit();
        if let Some(text) = &mut self.series {
            let per_unit = state.voltages().iter().zip(&self.base_v).filter(|(_, base)| **base > 0.0).map(|(v, base)| v.norm() / base);
            let (low, high) = per_unit.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), v| (low.min(v), high.max(v)));
            let (power, losses) = (state.delivered_kva(), state.losses_kva());
            let o = &state.options;
            let counts = [
                number.to_string(),
                o.hour.to_string(),
                o.second.to_string(),
                step.progress.settled().to_string(),
                step.progress.iterations.to_string(),
                step.progress.control_iterations.to_string(),
            ];
            let counts: Vec<&str> = counts.iter().map(String::as_str).collect();
            push_line(text, &counts, [power.re, power.im, losses.re, losses.im, low, high]);
        }
        if let Some(text) = self.nodes.as_mut().filter(|_| number.is_multiple_of(self.sample_every)) {
            let number = number.to_string();
            for (n, v) in (1..).zip(&state.voltages()[1..]) {
                push_line(text, &[&number, &circuit.node_name(n)], [circuit.kv_base_ln(n), v.re, v.im]);
            }
        }
        ControlFlow::Continue(())
    }
}

fn text(f: &SeriesFigures) -> String {
    let per_step = |n: u64| n as f64 / f64::from(f.steps);
    let mut text = format!(
        "{}, {} nodes, {} steps on {}, {}: {:.0} steps per second of processor time, {:.0} per second\n",
        f.circuit,
        f.nodes,
        f.steps,
        crate::number::count(f.threads as usize, "thread"),
        if f.stepwise { "one step at a time" } else { "in batches" },
        f.steps_per_cpu_s,
        f.steps_per_wall_s
    );
    text += &format!(
        "{:.2} iterations and {:.2} control iterations a step; {:.1} % of the steps out of batches; {} not settled\n",
        per_step(f.iterations),
        per_step(f.control_iterations),
        100.0 * f.batched_share,
        f.unsettled
    );
    text += &format!(
        "{} of {} entries of the factor and {} of {} nodes swept: {} operations an iteration\n",
        f.swept_entries,
        f.factor_entries,
        f.nodes - f.quiet_nodes,
        f.nodes,
        f.flop_per_iteration
    );
    text += &format!(
        "limit at {:.1} Gflop/s: {:.0} steps per second, of which this is {:.1} %\n",
        1e-9 * f.flop_per_s,
        f.limit_steps_per_s,
        100.0 * f.share_of_limit
    );
    text
}
