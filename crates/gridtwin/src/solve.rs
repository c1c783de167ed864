//! `gridtwin solve`: one power flow, as a report, as JSON, or as result files.

use crate::cli::{Controls, IterationArguments, Mode, SolveArguments};
use crate::console::Console;
use crate::element_rows::element_rows;
use crate::failure::Failure;
use crate::model::Model;
use crate::result_folder::ResultFolder;
use crate::tables::{self, SOLVE_FILES};
use crate::view::{Rows, SolveView};
use crate::{number, report};
use network::{ControlMode, SolutionMode, SolutionOptions};
use powerflow::{Outcome, Solution};

/// Iterations of one power flow where neither the model nor the command line names a limit.
pub const MAX_ITERATIONS: u32 = 2000;

/// Control iterations where neither the model nor the command line names a limit.
pub const MAX_CONTROL_ITERATIONS: u32 = 500;

/// Runs the command.
///
/// # Errors
/// A model that cannot be read, that a check refuses, that does not settle; a file that cannot be written.
pub fn run(arguments: &SolveArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    // Before anything can fail, so that an earlier result is not taken for this one.
    let folder = arguments.out.as_deref().map(|dir| ResultFolder::prepare(dir, SOLVE_FILES)).transpose()?;
    if let Some(dir) = &arguments.out {
        ResultFolder::prepare(dir, crate::transmission::FILES)?;
    }
    let mut model = Model::prepare(&arguments.model)?;
    if model.network.is_transmission() {
        drop(folder);
        return crate::transmission::run(&model, arguments, console);
    }
    set_options(&mut model.network.options, arguments.mode, arguments.controls, &arguments.iteration);
    let solution = solve(&mut model)?;
    if let Some(folder) = folder {
        let summary = serde_json::to_string_pretty(&solution.summary()).expect("a summary is plain data") + "\n";
        folder.write(&[
            &tables::nodes_csv(&solution.nodes()),
            &tables::elements_csv(&element_rows(&model.network, &solution)),
            &summary,
        ])?;
    }
    let view = view(&model, &solution);
    if arguments.json {
        console.warn(&model.diagnostics);
        console.json(&view)
    } else if let Some(dir) = &arguments.out {
        console.warn(&model.diagnostics);
        let c = &view.certificate;
        console.print(&format!(
            "{}: settled in {}, {}; wrote {} to {}\n",
            view.circuit,
            number::count(c.iterations as usize, "iteration"),
            number::count(c.control_iterations as usize, "control iteration"),
            SOLVE_FILES.join(", "),
            dir.display()
        ))
    } else {
        console.print(&report::render(&view, console.style))
    }
}

/// Options of the final solution: a snapshot that starts afresh, as `set mode=snapshot` makes it.
///
/// The limits are the model's own where it names them and the command line asks for nothing that
/// they were not meant for; they are raised to [`MAX_ITERATIONS`] and [`MAX_CONTROL_ITERATIONS`]
/// otherwise. Limits on the command line always hold.
pub fn set_options(options: &mut SolutionOptions, mode: Mode, controls: Option<Controls>, iteration: &IterationArguments) {
    options.mode = match mode {
        Mode::Snapshot => SolutionMode::Snapshot,
        Mode::Direct => SolutionMode::Direct,
    };
    options.hour = 0;
    options.second = 0.0;
    options.number = 1;
    set_limits(options, controls.is_some(), iteration);
    match controls {
        Some(Controls::Off) => options.control_mode = ControlMode::Off,
        Some(Controls::Static) => options.control_mode = ControlMode::Static,
        None => {}
    }
}

/// Tolerance and limits of the iteration, see [`set_options`]; `controls_asked` when the command line says how controls act.
pub fn set_limits(options: &mut SolutionOptions, controls_asked: bool, iteration: &IterationArguments) {
    let as_the_model_says = iteration.tolerance.is_none() && !controls_asked;
    let limit = |explicit: Option<u32>, present: u32, given: bool, least: u32| match explicit {
        Some(limit) => limit,
        None if as_the_model_says && given => present,
        None => present.max(least),
    };
    options.max_iterations = limit(iteration.max_iterations, options.max_iterations, options.max_iterations_given, MAX_ITERATIONS);
    options.max_control_iterations = limit(
        iteration.max_control_iterations,
        options.max_control_iterations,
        options.max_control_iterations_given,
        MAX_CONTROL_ITERATIONS,
    );
    if let Some(tolerance) = iteration.tolerance {
        options.tolerance_pu = tolerance;
    }
}

/// Solves the model afresh with its present options.
///
/// # Errors
/// A network that cannot be compiled; a solution that did not settle, with the evidence.
pub fn solve(model: &mut Model) -> Result<Solution, Failure> {
    let refuse = |model: &mut Model, found: Vec<network::Diagnostic>| {
        let mut diagnostics = std::mem::take(&mut model.diagnostics);
        diagnostics.extend(found);
        Failure::new(diagnostics)
    };
    match model.session.solve_network(&model.network, true) {
        Ok(Outcome::Settled(solution)) => Ok(*solution),
        Ok(Outcome::Unsettled(unsettled)) => Err(refuse(model, unsettled.forensics.diagnostics())),
        Err(error) => Err(refuse(model, vec![error.diagnostic()])),
    }
}

/// The figures of a solution of the model.
pub fn view(model: &Model, solution: &Solution) -> SolveView {
    let (state, losses) = (solution.state(), solution.losses_kva());
    let is_closed = |id, terminal, conductor| state.circuit().index_of(id).is_none() || state.is_closed(id, terminal, conductor);
    let rows = Rows {
        nodes: &solution.nodes(),
        terminals: &solution.elements(),
        loadings: &solution.loadings(),
        regulators: solution.regulators(),
        capacitors: solution.capacitors(),
        inverters: solution.inverters(),
        certificate: solution.certificate(),
        losses_kw: losses.re,
        losses_kvar: losses.im,
        is_closed: &is_closed,
    };
    SolveView::new(&model.network, &model.name, rows, model.diagnostics.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(given: bool, controls: Option<Controls>, iteration: IterationArguments) -> (u32, u32) {
        let mut options = SolutionOptions {
            max_iterations: 20,
            max_iterations_given: given,
            max_control_iterations: 30,
            max_control_iterations_given: given,
            hour: 7,
            ..Default::default()
        };
        set_options(&mut options, Mode::Snapshot, controls, &iteration);
        assert_eq!(options.hour, 0);
        (options.max_iterations, options.max_control_iterations)
    }

    #[test]
    fn limits_are_the_models_only_where_it_names_them() {
        let none = IterationArguments::default();
        assert_eq!(limits(true, None, none), (20, 30));
        assert_eq!(limits(false, None, none), (MAX_ITERATIONS, MAX_CONTROL_ITERATIONS));
        assert_eq!(limits(true, Some(Controls::Off), none), (MAX_ITERATIONS, MAX_CONTROL_ITERATIONS));
        let tight = IterationArguments { tolerance: Some(1e-9), ..none };
        assert_eq!(limits(true, None, tight), (MAX_ITERATIONS, MAX_CONTROL_ITERATIONS));
        let explicit = IterationArguments { max_iterations: Some(3), ..tight };
        assert_eq!(limits(true, None, explicit), (3, MAX_CONTROL_ITERATIONS));
    }
}
