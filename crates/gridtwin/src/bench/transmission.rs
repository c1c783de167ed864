//! `gridtwin bench CASE.raw`: flat-start solutions of one compiled transmission case.
//!
//! The case is read, compiled and solved once, untimed. Every timed solution begins again with the flat start, regulation as stored, and ends at the
//! tolerance; ordering and analysis are those of the compilation. The clock is the processor time of this process.

use crate::cli::BenchArguments;
use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::result_folder::cannot;
use crate::tables::push_line;
use cpu_time::ProcessTime;
use formats::psse::{ReadOptions, read};
use network::Diagnostic;
use powerflow::newton::{BusState, Case, Options};
use serde::Serialize;
use std::path::Path;

/// What the timed solves took.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub case: String,
    pub buses: usize,
    pub nodes: usize,
    pub admittance_entries: usize,
    pub factor_blocks: usize,
    pub solves: u32,
    pub iterations: u32,
    pub compile_s: f64,
    pub cpu_s: f64,
    pub us_per_solve: f64,
}

/// Runs the command.
///
/// # Errors
/// A case that cannot be read, compiled or solved.
pub fn run(arguments: &BenchArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let path = &arguments.model.model;
    let options = ReadOptions { lenient: arguments.model.lenient, ..ReadOptions::default() };
    let imported = read(&DiskFiles::default(), path, &options).map_err(|e| Failure::new(e.diagnostics))?;
    let start = ProcessTime::now();
    let mut case = Case::compile(&imported.network).map_err(|e| Failure::from(e.diagnostic()))?;
    let compile_s = start.elapsed().as_secs_f64();
    let options = Options {
        tolerance_pu: arguments.iteration.tolerance.unwrap_or(Options::default().tolerance_pu),
        max_iterations: arguments.iteration.max_iterations.unwrap_or(Options::default().max_iterations),
        ..Options::default()
    };
    let unsettled = || {
        Failure::from(
            Diagnostic::error("SOLVE.BENCH.UNSETTLED", "a solve did not settle")
                .hint("`gridtwin solve` says where and why; --max-iterations raises the limit."),
        )
    };
    let iterations = case.iterate(&options).ok_or_else(unsettled)?;
    let start = ProcessTime::now();
    for _ in 0..arguments.solves {
        case.iterate(&options).ok_or_else(unsettled)?;
    }
    let cpu_s = start.elapsed().as_secs_f64();
    if let Some(folder) = &arguments.equations_out {
        write_equations(folder, &mut case)?;
    }
    let (admittance_entries, factor_blocks) = case.sizes();
    let figures = Figures {
        case: path.display().to_string(),
        buses: imported.network.buses.len(),
        nodes: case.n_nodes(),
        admittance_entries,
        factor_blocks,
        solves: arguments.solves,
        iterations,
        compile_s,
        cpu_s,
        us_per_solve: cpu_s / f64::from(arguments.solves) * 1e6,
    };
    if arguments.json {
        return console.json(&figures);
    }
    console.print(&format!(
        "{}, {} buses: {} flat-start solves in {:.3} s of processor time, {:.1} us each; {} iterations, compiled in {:.1} ms\n",
        figures.case,
        figures.buses,
        figures.solves,
        figures.cpu_s,
        figures.us_per_solve,
        figures.iterations,
        figures.compile_s * 1e3
    ))
}

fn write_equations(folder: &Path, case: &mut Case<'_>) -> Result<(), Failure> {
    let solution = case.node_voltages().to_vec();
    let Some(equations) = case.equations() else {
        return Err(Failure::from(
            Diagnostic::error("SOLVE.BENCH.EQUATIONS", "the equations of this case are more than admittances and constant powers")
                .hint("Loads of constant current, direct-current links and motors have laws of their own; take a case without them."),
        ));
    };
    std::fs::create_dir_all(folder).map_err(|e| cannot("make", folder, &e))?;
    let mut text = String::from("row,column,g_pu,b_pu\n");
    for (row, column, y) in &equations.admittance {
        push_line(&mut text, &[&row.to_string(), &column.to_string()], [y.re, y.im]);
    }
    let path = folder.join("admittance.csv");
    std::fs::write(&path, text).map_err(|e| cannot("write", &path, &e))?;
    let mut text = String::from("node,held,p_pu,q_pu,start_re,start_im,v_re,v_im\n");
    for (i, v) in solution.iter().enumerate() {
        let held = match equations.held[i] {
            BusState::Swing => "swing",
            BusState::Generator => "generator",
            _ => "load",
        };
        let (s, v0) = (equations.power[i], equations.start[i]);
        push_line(&mut text, &[&i.to_string(), held], [s.re, s.im, v0.re, v0.im, v.re, v.im]);
    }
    let path = folder.join("nodes.csv");
    std::fs::write(&path, text).map_err(|e| cannot("write", &path, &e))
}
