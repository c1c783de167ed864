//! `gridtwin bench`: warm solves of one compiled model, by the contract of `bench/README.md`; with `--steps` a time series ([`series`]),
//! of a transmission case its balanced power flow ([`transmission`]).
//!
//! The model is read, compiled and solved once, untimed. Then the load multiplier takes the next of
//! a list before every solve, so that each has work to do and starts from the one before. The clock
//! is the processor time of this process, so that other programs do not count.

pub mod flop_rate;
pub mod series;
pub mod transmission;

use crate::cli::{BenchArguments, Mode};
use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::model::Model;
use crate::result_folder::cannot;
use crate::solve;
use crate::tables::push_line;
use cpu_time::ProcessTime;
use formats::ModelFormat;
use network::Diagnostic;
use powerflow::State;
use serde::Serialize;
use std::path::Path;

/// What the timed solves took.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub circuit: String,
    pub nodes: usize,
    pub solves: u32,
    /// Processor time of the solves, s.
    pub cpu_s: f64,
    pub solves_per_cpu_s: f64,
    /// Sums over the solves.
    pub iterations: u64,
    pub control_iterations: u64,
}

/// Runs the command.
///
/// # Errors
/// A model that cannot be read or solved; a solve that does not settle.
pub fn run(arguments: &BenchArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    if let Some(steps) = arguments.series.steps {
        return series::run(arguments, steps, console);
    }
    if formats::detect::detect(&DiskFiles::default(), &arguments.model.model) == ModelFormat::Psse {
        return transmission::run(arguments, console);
    }
    let mut model = Model::prepare(&arguments.model)?;
    solve::set_options(&mut model.network.options, Mode::Snapshot, Some(arguments.controls), &arguments.iteration);
    let mut state = solve::solve(&mut model)?.state().clone();
    let base = state.options.load_multiplier;
    let (mut iterations, mut control_iterations) = (0, 0);
    let start = ProcessTime::now();
    for (k, multiplier) in (1..=arguments.solves).zip(arguments.loadmult.iter().cycle()) {
        state.options.load_multiplier = base * multiplier;
        let progress = state.solve_moment().map_err(|e| Failure::from(e.diagnostic()))?;
        if !progress.settled() {
            return Err(unsettled(k, *multiplier, progress.convergence.last_change_pu));
        }
        iterations += u64::from(progress.iterations);
        control_iterations += u64::from(progress.control_iterations);
    }
    let cpu_s = start.elapsed().as_secs_f64();
    if let Some(path) = &arguments.nodes_out {
        write_nodes(path, &state)?;
    }
    let figures = Figures {
        circuit: model.network.name.clone(),
        nodes: state.circuit().n_nodes(),
        solves: arguments.solves,
        cpu_s,
        solves_per_cpu_s: f64::from(arguments.solves) / cpu_s.max(1e-9),
        iterations,
        control_iterations,
    };
    if arguments.json {
        return console.json(&figures);
    }
    let each = |n: u64| n as f64 / f64::from(figures.solves);
    console.print(&format!(
        "{}, {} nodes: {} solves in {:.3} s of processor time, {:.0} per second; {:.1} iterations and {:.1} control iterations each\n",
        figures.circuit,
        figures.nodes,
        figures.solves,
        figures.cpu_s,
        figures.solves_per_cpu_s,
        each(iterations),
        each(control_iterations)
    ))
}

fn unsettled(solve: u32, multiplier: f64, change_pu: f64) -> Failure {
    Failure::from(
        Diagnostic::error("SOLVE.BENCH.UNSETTLED", format!("solve {solve} did not settle"))
            .detail(format!("Load multiplier {multiplier}; the largest voltage change was still {change_pu:.2e} pu."))
            .hint("`gridtwin solve` with `--dss 'set loadmult=…'` says where and why; --max-iterations raises the limit."),
    )
}

fn write_nodes(path: &Path, state: &State) -> Result<(), Failure> {
    let circuit = state.circuit();
    let mut text = String::from("node,kvbase_ln,v_re,v_im\n");
    for (n, v) in (1..).zip(&state.voltages()[1..]) {
        push_line(&mut text, &[&circuit.node_name(n)], [circuit.kv_base_ln(n), v.re, v.im]);
    }
    std::fs::write(path, text).map_err(|e| cannot("write", path, &e))
}
