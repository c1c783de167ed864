//! `gridtwin hosting-capacity`: what each bus can host, as a report, as JSON, or as tables and maps in a folder.

pub mod arguments;
mod report;

use crate::cli::TableFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::hands::GiveHands;
use crate::model::Model;
use crate::number::count;
use crate::qsts::feeder::shape_notes;
use crate::result_folder::ResultFolder;
use crate::solve;
use crate::study_tables;
use arguments::{BaseWord, Connection, CriterionWord, DerWord, HostingArguments, HoursWord, MethodWord, ProofWord, RelaxWord, SeriesWord};
use network::{Diagnostic, SolutionMode};
use serde_json::{Map, Value as Json};
use studies::hands::Hands;
use studies::hosting::{
    BaseViolations, Criteria, Criterion, Der, HostingError, HostingOptions, HostingResult, Hours, Joined, Method, ProofOf, Relax, SeriesOf,
    Sizes, Stochastic, maps,
};
use studies::table::Table;
use studies::time_series::TimeSeriesOptions;

/// Tolerance of a probe unless the model or the command line asks for less, per unit: sizes next to a limit differ by little voltage.
const TOLERANCE_PU: f64 = 1e-7;

/// Up to so many buses changes are tried at all of them unless told otherwise, else at so many of those that host least: each change
/// is a grid of its own.
const RELAX_ALL: usize = 200;
const RELAX_SOME: u32 = 20;

/// Every file that a run may write; the last one is the sign that all are whole.
const FILES: &[&str] = &[
    "hosting_capacity.csv",
    "hosting_capacity.parquet",
    "criteria.csv",
    "criteria.parquet",
    "relaxations.csv",
    "relaxations.parquet",
    "envelope.csv",
    "envelope.parquet",
    "moments.csv",
    "moments.parquet",
    "draws.csv",
    "draws.parquet",
    "percentiles.csv",
    "percentiles.parquet",
    "factors.csv",
    "factors.parquet",
    "penetration.csv",
    "penetration.parquet",
    "places.csv",
    "places.parquet",
    "map_california.csv",
    "map_new_york.csv",
    "summary.json",
];

/// What the study found of a model.
pub struct Answer {
    options: HostingOptions,
    pub results: Vec<HostingResult>,
    /// All but the envelopes, see [`HostingResult::envelopes`].
    pub tables: Vec<Table>,
    pub summary: Json,
}

/// Runs the command.
///
/// # Errors
/// A model that cannot be read, that a check refuses, that does not settle; options that no study can have; a file that cannot be written.
pub fn run(arguments: &HostingArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let folder = arguments.out.as_deref().map(|dir| ResultFolder::prepare(dir, FILES)).transpose()?;
    let (model, answer) = asked(arguments, &mut |digest| arguments.hands.hands(digest))?;
    let Answer { results, tables, .. } = &answer;
    console.warn(&model.diagnostics);
    let mut written = 0;
    if let Some(folder) = folder {
        let mut contents = Vec::new();
        let known = |file: String| *FILES.iter().find(|n| **n == file).expect("every table has its file");
        for table in tables {
            // Published maps are CSV.
            let format = if table.name.starts_with("map_") { TableFormat::Csv } else { arguments.format };
            let file = study_tables::file_of(table.name, [table.clone()], format)?;
            contents.extend(file.map(|bytes| (known(study_tables::file_name(table.name, format)), bytes)));
        }
        // Bus by bus: all at once they may be millions of rows.
        let envelope = study_tables::file_of("envelope", results.iter().flat_map(HostingResult::envelopes), arguments.format)?;
        contents.extend(envelope.map(|bytes| (known(study_tables::file_name("envelope", arguments.format)), bytes)));
        contents.push(("summary.json", (serde_json::to_string_pretty(&answer.summary).expect("plain data") + "\n").into_bytes()));
        folder.write_some(&contents)?;
        written = contents.len();
    }
    if arguments.json {
        let mut object = Map::new();
        for table in tables {
            object.insert(table.name.to_owned(), study_tables::json_rows(table).into());
        }
        let envelope: Vec<Json> = results.iter().flat_map(HostingResult::envelopes).flat_map(|t| study_tables::json_rows(&t)).collect();
        if !envelope.is_empty() {
            object.insert("envelope".to_owned(), envelope.into());
        }
        object.insert("summary".to_owned(), answer.summary);
        return console.json(&Json::Object(object));
    }
    match &arguments.out {
        Some(dir) => {
            console.print(&format!("{}wrote {} to {}\n", report::head_lines(&model, results), count(written, "file"), dir.display()))
        }
        None => console.print(&report::render(&model, &answer.options, results, console.style)),
    }
}

/// Reads and studies the model that is asked about.
///
/// # Errors
/// As [`run`], but for files that are written; hands that cannot be had.
pub fn asked(arguments: &HostingArguments, hands: GiveHands<'_>) -> Result<(Model, Answer), Failure> {
    let (mut model, digest) = Model::prepare_hashed(&arguments.model)?;
    let answer = study(arguments, &mut model, hands(&digest)?)?;
    Ok((model, answer))
}

/// Studies a model that a check has let pass; what is found on the way stands in its findings.
///
/// # Errors
/// A model that is no distribution network or does not settle; options that no study can have.
pub fn study(arguments: &HostingArguments, model: &mut Model, hands: Hands) -> Result<Answer, Failure> {
    if model.network.is_transmission() {
        return Err(Diagnostic::error("HOSTING.MODEL.TRANSMISSION", "hosting capacity is a question to a distribution network")
            .detail(format!("{} is a balanced transmission case.", model.name))
            .hint("Write it phase by phase first: gridtwin convert MODEL --to opendss --out FILE.")
            .into());
    }
    let n_buses = if arguments.bus.is_empty() { model.network.buses.len() } else { arguments.bus.len() };
    let options = options_of(arguments, n_buses, hands);
    if arguments.hours != HoursWord::Snapshot {
        let of_series = TimeSeriesOptions {
            mode: options.series.mode,
            steps: options.series.steps,
            step_h: options.series.step_h,
            controls: arguments.controls.map(control_mode),
            tolerance_pu: arguments.iteration.tolerance,
            ..TimeSeriesOptions::default()
        };
        solve::set_limits(&mut model.network.options, true, &arguments.iteration);
        of_series.apply(&mut model.network.options);
        let notes = shape_notes(&model.network, &of_series);
        model.diagnostics.extend(notes);
    } else {
        solve::set_options(&mut model.network.options, crate::cli::Mode::Snapshot, arguments.controls, &arguments.iteration);
    }
    let o = &mut model.network.options;
    if arguments.iteration.tolerance.is_none() {
        o.tolerance_pu = o.tolerance_pu.min(TOLERANCE_PU);
        // A closer solution takes more iterations than the model's author allowed for.
        if arguments.iteration.max_iterations.is_none() {
            o.max_iterations = o.max_iterations.max(solve::MAX_ITERATIONS);
        }
    }
    let start = match model.session.series_state(&model.network, true) {
        Ok(start) => start,
        Err(e) => return Err(refused(model, vec![e.diagnostic()])),
    };
    let mut results = Vec::new();
    for der in ders(&arguments.der) {
        let options = HostingOptions { der, ..options.clone() };
        match studies::hosting::run(start.clone(), &options) {
            Ok(result) => results.push(result),
            Err(e) => {
                let found = diagnostics(&e, model);
                return Err(refused(model, found));
            }
        }
    }
    let found = results.iter().flat_map(findings).collect::<Vec<_>>();
    model.diagnostics.extend(found);
    let tables = all_tables(&results, arguments);
    let summary = report::summary(model, &options, &results);
    Ok(Answer { options, results, tables, summary })
}

fn control_mode(c: crate::cli::Controls) -> network::ControlMode {
    match c {
        crate::cli::Controls::Static => network::ControlMode::Static,
        crate::cli::Controls::Off => network::ControlMode::Off,
    }
}

/// Each kind once, in the order named.
fn ders(words: &[DerWord]) -> Vec<Der> {
    let mut ders = Vec::new();
    for word in words {
        let der = match word {
            DerWord::Generation => Der::Generation,
            DerWord::Load => Der::Load,
            DerWord::Both => Der::Both,
        };
        if !ders.contains(&der) {
            ders.push(der);
        }
    }
    ders
}

/// The study that the command line asks for.
fn options_of(a: &HostingArguments, n_buses: usize, hands: Hands) -> HostingOptions {
    let mut criteria = match &a.criteria[..] {
        [] => Criteria::default(),
        words if words.contains(&CriterionWord::All) => Criteria::of(&Criterion::ALL),
        words => {
            let one = |w: &CriterionWord| if let CriterionWord::One(c) = w { Some(*c) } else { None };
            Criteria::of(&words.iter().filter_map(one).collect::<Vec<_>>())
        }
    };
    for &(criterion, limit) in &a.limit {
        criteria.set(criterion, limit);
    }
    let (mode, steps) = match a.series {
        SeriesWord::Yearly => (SolutionMode::Yearly, 8760),
        SeriesWord::Daily => (SolutionMode::Daily, 24),
    };
    HostingOptions {
        method: match a.method {
            MethodWord::Iterative => Method::Iterative,
            MethodWord::Stochastic => Method::Stochastic,
            MethodWord::Streamlined => Method::Streamlined,
        },
        der: Der::Generation,
        criteria,
        base_violations: match a.base_violations {
            BaseWord::Zero => BaseViolations::Zero,
            BaseWord::NotWorse => BaseViolations::NotWorse,
        },
        buses: a.bus.iter().map(|b| b.trim().to_lowercase()).collect(),
        sizes: Sizes { step_kw: a.step_kw, max_kw: a.max_kw },
        joined: match a.connection {
            Connection::Auto => None,
            Connection::Wye => Some(Joined::Wye),
            Connection::Delta => Some(Joined::Delta),
        },
        power_factor: a.power_factor,
        hours: match &a.hours {
            HoursWord::Snapshot => Hours::Snapshot,
            HoursWord::Binding => Hours::Binding,
            HoursWord::All => Hours::All,
            HoursWord::Chosen(steps) => Hours::Chosen(steps.clone()),
        },
        series: SeriesOf { mode, steps: a.steps.unwrap_or(steps), step_h: a.step_length_h },
        profile: a.profile.clone(),
        envelope: a.envelope,
        proof: match a.proof {
            Some(ProofWord::Strict) => ProofOf::Strict,
            Some(ProofWord::Quick) => ProofOf::Quick,
            Some(ProofWord::EveryStep) => ProofOf::EveryStep,
            None if a.hours == HoursWord::All => ProofOf::Quick,
            None => ProofOf::Strict,
        },
        each_criterion: a.each_criterion,
        stochastic: Stochastic {
            seed: a.seed,
            draws: a.draws,
            size_kw: a.size,
            of_load: a.size_of_load,
            levels: a.levels,
            rounds: a.rounds,
        },
        relax: match a.relax {
            Some(RelaxWord::None) => Relax::None,
            Some(RelaxWord::All) => Relax::All,
            Some(RelaxWord::Worst(n)) => Relax::Worst(n),
            None if n_buses <= RELAX_ALL => Relax::All,
            None => Relax::Worst(RELAX_SOME),
        },
        fault_pu: a.fault_current,
        hands,
    }
}

fn refused(model: &mut Model, found: Vec<Diagnostic>) -> Failure {
    let mut diagnostics = std::mem::take(&mut model.diagnostics);
    diagnostics.extend(found);
    Failure::new(diagnostics)
}

/// Why a study did not run, as findings.
fn diagnostics(error: &HostingError, model: &Model) -> Vec<Diagnostic> {
    let text = error.to_string();
    let one = match error {
        HostingError::Circuit(e) => e.diagnostic(),
        HostingError::Unsettled(unsettled) => {
            let mut found = unsettled.forensics.diagnostics();
            found.push(Diagnostic::error("HOSTING.BASE.UNSETTLED", text).hint("Mend the model until gridtwin solve settles."));
            return found;
        }
        HostingError::UnknownBus { bus } => {
            let near: Vec<&str> =
                model.network.buses.iter().map(|b| b.name.as_str()).filter(|b| b.contains(bus) || bus.contains(b)).take(5).collect();
            let hint =
                if near.is_empty() { "Name one of the model's buses.".to_owned() } else { format!("Perhaps one of {}.", near.join(", ")) };
            Diagnostic::error("HOSTING.BUS.UNKNOWN", text)
                .detail(format!("The model has {}.", count(model.network.buses.len(), "bus")))
                .hint(hint)
        }
        HostingError::UnknownProfile { .. } => {
            let names: Vec<&str> = model.network.load_shapes.iter().map(|s| s.name.as_str()).take(10).collect();
            let hint = if names.is_empty() { "The model has none.".to_owned() } else { format!("It has {}.", names.join(", ")) };
            Diagnostic::error("HOSTING.PROFILE.UNKNOWN", text).hint(hint)
        }
        HostingError::UnknownStep { .. } => {
            Diagnostic::error("HOSTING.HOURS.RANGE", text).hint("Steps count from 1; --steps tells how many there are.")
        }
        HostingError::NoSite => Diagnostic::error("HOSTING.BUS.NONE", text)
            .hint("Check that the model has a source and voltage bases (gridtwin check, gridtwin solve)."),
        HostingError::NoCustomer => {
            Diagnostic::error("HOSTING.CUSTOMER.NONE", text).hint("Use --method iterative or streamlined, or name buses that have loads.")
        }
        HostingError::Hands(e) => return e.findings.clone(),
        HostingError::Faults(_) => {
            Diagnostic::error("HOSTING.FAULTS.REFUSED", text).hint("Name fewer buses with --bus, or leave the criteria of faults out.")
        }
        _ => Diagnostic::error("HOSTING.OPTION.VALUE", text),
    };
    vec![one]
}

/// What a reader of the results should know before anything else.
fn findings(result: &HostingResult) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let violated: Vec<_> = result.sites.iter().filter(|s| s.found.as_ref().is_some_and(|f| f.base_violates)).collect();
    let from_draws = result.draws.as_ref().and_then(|d| d.draws.iter().find(|d| d.base_violates)).and_then(|d| d.crossing);
    let crossing = violated.first().and_then(|s| s.crossing().copied()).or(from_draws);
    if let Some(c) = crossing {
        let at = c.moment.step.map_or(String::new(), |s| format!(" at step {s}"));
        let buses = if result.draws.is_some() { String::new() } else { format!("{} can host nothing. ", count(violated.len(), "bus")) };
        found.push(
            Diagnostic::warning("HOSTING.BASE.VIOLATES", format!("a limit is crossed without any {} resource", result.der.word()))
                .element(result.name_of(c.reading.at))
                .detail(format!(
                    "{buses}{} is {:.4} {}{at}, the limit {}.",
                    c.criterion.name(),
                    c.reading.value,
                    c.criterion.unit(),
                    c.limit
                ))
                .hint("Mend the grid, choose another --limit, or ask with --base-violations not-worse what makes nothing worse."),
        );
    }
    let unfit = result.sites.iter().filter(|s| s.unfit.is_some()).count();
    if unfit > 0 {
        found.push(
            Diagnostic::note("HOSTING.BUS.UNFIT", format!("{} cannot take a resource", count(unfit, "bus")))
                .detail("They are not fed, have no phase, no voltage base, or one phase without a return; the table says which."),
        );
    }
    found
}

/// Tables of all kinds of resource, one below the other, and the maps.
fn all_tables(results: &[HostingResult], arguments: &HostingArguments) -> Vec<Table> {
    let mut all: Vec<Table> = Vec::new();
    for table in results.iter().flat_map(HostingResult::tables) {
        match all.iter_mut().find(|t| t.name == table.name) {
            // Moments do not depend on the resource.
            Some(_) if table.name == "moments" => {}
            Some(known) => known.rows.extend(table.rows),
            None => all.push(table),
        }
    }
    if results.iter().all(|r| r.draws.is_none()) {
        let results: Vec<&HostingResult> = results.iter().collect();
        all.push(maps::california(&results, arguments.profile.is_some()));
        all.push(maps::new_york(&results));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use studies::hosting::tables;

    #[test]
    fn every_table_has_its_files() {
        for (name, _) in tables::ALL {
            for form in ["csv", "parquet"] {
                assert!(FILES.contains(&format!("{name}.{form}").as_str()), "{name}.{form}");
            }
        }
    }
}
