//! `gridtwin restoration` and `gridtwin reconfigure`, and what they share with `gridtwin contingency`: the network before anything is switched, limits,
//! findings and files.

pub mod arguments;
pub mod reconfigure;
pub mod report;
pub mod restoration;

use crate::cli::{IterationArguments, Mode, TargetFormat};
use crate::convert;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::count;
use crate::qsts::feeder::shape_notes;
use crate::result_folder::{cannot, write_whole};
use crate::solve;
use arguments::{IsolationWord, RatingWord, SearchArguments, SearchWord, SeriesWord, StateArguments, SwitchesWord};
use network::{ControlMode, Diagnostic, ElementId, Network, SolutionMode};
use std::path::Path;
use studies::contingency::{At, ContingencyError, Series, When, list, moments};
use studies::hosting::Criteria;
use studies::switching::{Isolation, Operation, RestoreOptions, Search, Switches, apply, usual_criteria};
use studies::time_series::TimeSeriesOptions;

/// Tolerance unless the model or the command line asks for less, per unit: plans are told apart by small differences.
const TOLERANCE_PU: f64 = 1e-7;

/// The limits that the command line asks for.
pub fn criteria(a: &StateArguments) -> Criteria {
    let mut criteria = if a.criteria.is_empty() { usual_criteria() } else { Criteria::of(&a.criteria) };
    for &(criterion, limit) in &a.limit {
        criteria.set(criterion, limit);
    }
    criteria
}

pub fn is_emergency(a: &StateArguments) -> bool {
    a.rating == RatingWord::Emergency
}

pub fn isolation(word: IsolationWord) -> Isolation {
    match word {
        IsolationWord::Element => Isolation::Element,
        IsolationWord::Switches => Isolation::Switches,
    }
}

pub fn switches(word: SwitchesWord) -> Switches {
    match word {
        SwitchesWord::Marked => Switches::Marked,
        SwitchesWord::Lines => Switches::Lines,
        SwitchesWord::Ends => Switches::Ends,
    }
}

pub fn restore_options(a: &SearchArguments, how: Isolation, told: u16) -> RestoreOptions {
    RestoreOptions {
        isolation: how,
        switches: switches(a.switches),
        search: match a.search {
            SearchWord::Auto => Search::Auto,
            SearchWord::Exact => Search::Exact,
            SearchWord::Heuristic => Search::Heuristic,
        },
        max_plans: a.max_plans as usize,
        max_solved: a.max_solved as usize,
        max_operations: a.limit_operations.map(usize::from),
        told: usize::from(told),
    }
}

/// Solves the network at the moments asked for.
///
/// # Errors
/// A network that does not settle, steps that the series does not have.
pub fn settled(model: &mut Model, a: &StateArguments, when: &When) -> Result<Vec<At>, Failure> {
    let (mode, steps) = match a.series {
        SeriesWord::Yearly => (SolutionMode::Yearly, 8760),
        SeriesWord::Daily => (SolutionMode::Daily, 24),
    };
    let series = Series { mode, steps: a.steps.unwrap_or(steps), step_h: a.step_length_h };
    if *when == When::Snapshot {
        solve::set_options(&mut model.network.options, Mode::Snapshot, a.controls, &a.iteration);
    } else {
        let of_series = TimeSeriesOptions {
            mode: series.mode,
            steps: series.steps,
            step_h: series.step_h,
            controls: a.controls.map(|c| match c {
                crate::cli::Controls::Static => ControlMode::Static,
                crate::cli::Controls::Off => ControlMode::Off,
            }),
            tolerance_pu: a.iteration.tolerance,
            ..TimeSeriesOptions::default()
        };
        solve::set_limits(&mut model.network.options, true, &a.iteration);
        of_series.apply(&mut model.network.options);
        let notes = shape_notes(&model.network, &of_series);
        model.diagnostics.extend(notes);
    }
    let o = &mut model.network.options;
    if a.iteration.tolerance.is_none() {
        o.tolerance_pu = o.tolerance_pu.min(TOLERANCE_PU);
        // A closer solution takes more iterations than the model's author allowed for.
        if a.iteration.max_iterations.is_none() {
            o.max_iterations = o.max_iterations.max(solve::MAX_ITERATIONS);
        }
    }
    let start = match model.session.series_state(&model.network, true) {
        Ok(start) => start,
        Err(e) => return Err(refused(model, vec![e.diagnostic()])),
    };
    moments(start, when, series).map_err(|e| {
        let found = diagnostics(&e, model);
        refused(model, found)
    })
}

/// The snapshot, with controls as the model says.
///
/// # Errors
/// As [`settled`].
pub fn settled_as_told(model: &mut Model) -> Result<Vec<At>, Failure> {
    let arguments = StateArguments {
        criteria: Vec::new(),
        limit: Vec::new(),
        rating: RatingWord::Normal,
        series: SeriesWord::Yearly,
        steps: None,
        step_length_h: 1.0,
        controls: None,
        iteration: IterationArguments::default(),
    };
    settled(model, &arguments, &When::Snapshot)
}

/// A refusal with all that was found before it.
pub fn refused(model: &mut Model, found: Vec<Diagnostic>) -> Failure {
    let mut diagnostics = std::mem::take(&mut model.diagnostics);
    diagnostics.extend(found);
    Failure::new(diagnostics)
}

/// Why a study did not run, as findings.
pub fn diagnostics(error: &ContingencyError, model: &Model) -> Vec<Diagnostic> {
    let text = error.to_string();
    match error {
        ContingencyError::Circuit(e) => vec![e.diagnostic()],
        ContingencyError::Unsettled { evidence, .. } => {
            let mut found = evidence.as_ref().map_or_else(Vec::new, |u| u.forensics.diagnostics());
            found.push(Diagnostic::error("CONTINGENCY.BASE.UNSETTLED", text).hint("Mend the model until gridtwin solve settles."));
            found
        }
        ContingencyError::Unsolved(found) => {
            let mut found = found.clone();
            found.push(Diagnostic::error("CONTINGENCY.BASE.UNSETTLED", text).hint("Mend the case until gridtwin solve settles."));
            found
        }
        ContingencyError::UnknownElement { name } => {
            let near = list::nearest(&model.network, name);
            let hint = match &near[..] {
                [] => "Name an element as class.name, such as line.13_18; gridtwin solve lists them.".to_owned(),
                near => format!("Perhaps one of {}.", near.join(", ")),
            };
            vec![Diagnostic::error("CONTINGENCY.ELEMENT.UNKNOWN", text).hint(hint)]
        }
        ContingencyError::UnknownStep { .. } => {
            vec![Diagnostic::error("CONTINGENCY.HOURS.RANGE", text).hint("Steps count from 1; --steps tells how many there are.")]
        }
        ContingencyError::Hands(e) => e.findings.clone(),
        ContingencyError::Nothing => {
            vec![Diagnostic::error("CONTINGENCY.ELEMENT.NONE", text).hint("Select other kinds, or name elements with --outage.")]
        }
        _ => vec![Diagnostic::error("CONTINGENCY.OPTION.VALUE", text)],
    }
}

/// Switching is a question to a network with switches, phase by phase.
///
/// # Errors
/// A transmission case.
pub fn refuse_transmission(model: &mut Model) -> Result<(), Failure> {
    if !model.network.is_transmission() {
        return Ok(());
    }
    let what = Diagnostic::error("SWITCHING.MODEL.TRANSMISSION", "switching is a question to a distribution network")
        .detail(format!("{} is a balanced transmission case.", model.name))
        .hint("Write it phase by phase first: gridtwin convert MODEL --to opendss --out FILE.");
    Err(refused(model, vec![what]))
}

/// The elements of names.
///
/// # Errors
/// A name that no element has.
pub fn elements(model: &mut Model, names: &[String]) -> Result<Vec<ElementId>, Failure> {
    let mut found = Vec::new();
    for name in names {
        match list::find(&model.network, name) {
            Ok(id) if !found.contains(&id) => found.push(id),
            Ok(_) => {}
            Err(e) => {
                let what = diagnostics(&e, model);
                return Err(refused(model, what));
            }
        }
    }
    Ok(found)
}

/// Limits that the network crosses before anything is switched.
pub fn base_finding(label: &str, n_crossed: usize) -> Option<Diagnostic> {
    (n_crossed > 0).then(|| {
        Diagnostic::warning(
            "CONTINGENCY.BASE.VIOLATES",
            format!("{} crossed before anything is switched ({label})", count(n_crossed, "limit")),
        )
        .detail("They count again only where they are crossed farther.")
        .hint("gridtwin solve shows them; --limit sets others.")
    })
}

/// Writes the network with its switches moved, and without what is out.
///
/// # Errors
/// What has no form in a script, a file that cannot be written.
pub fn write_network(network: &Network, operations: &[Operation], removed: &[ElementId], to: &Path) -> Result<(), Failure> {
    let mut network = network.clone();
    apply::apply(&mut network, operations);
    for &id in removed {
        network.common_mut(id).enabled = false;
    }
    let (files, _) = convert::write(&network, TargetFormat::Opendss, to)?;
    for (path, text) in &files {
        if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
            std::fs::create_dir_all(dir).map_err(|e| cannot("make the folder", dir, &e))?;
        }
        write_whole(path, text)?;
    }
    Ok(())
}
