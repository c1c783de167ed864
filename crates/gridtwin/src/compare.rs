//! `gridtwin compare`: a solution against the results of another program, or against the solution of another model.
//!
//! Both sides become figures: a bus or element, a phase, a quantity, a value. What one side has and the
//! other lacks is counted, never taken for agreement.

use crate::cli::{CompareArguments, Controls, Mode, ModelArguments};
use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::{count, g12};
use crate::report::{paragraph, section};
use crate::result_folder::write_whole;
use crate::tables::push_line;
use crate::text::{self, Style, Table};
use crate::{solve, transmission};
use formats::ModelFormat;
use formats::study_results::{self, Certainty, Guess, Mapping};
use formats::table::TableOptions;
use network::{Diagnostic, Quantity, StudyFigure};
use powerflow::newton;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use store::project::Project;

/// Rows listed of a quantity, worst first.
const WORST: usize = 10;

/// What two values are compared under.
type Key = (String, Option<u32>, Quantity);

/// One pair of values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    pub subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<u32>,
    pub quantity: Quantity,
    pub ours: f64,
    pub theirs: f64,
    /// Ours less theirs.
    pub difference: f64,
}

/// How one quantity agrees.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    pub quantity: Quantity,
    pub unit: &'static str,
    pub compared: usize,
    pub rmse: f64,
    pub mean: f64,
    pub max: f64,
    /// Largest differences first.
    pub worst: Vec<Pair>,
}

/// A comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    pub model: String,
    pub against: String,
    pub agreements: Vec<Agreement>,
    /// Figures of the other side for which ours has nothing.
    pub only_theirs: usize,
    /// Buses of ours for which the other side has no voltage.
    pub buses_not_compared: usize,
    /// Subjects of results that are no bus or element of the model.
    pub unmatched: usize,
    /// Losses of the two sides, kW, where both are solutions.
    pub losses_kw: Option<(f64, f64)>,
    pub guesses: Vec<String>,
    pub diagnostics: Vec<Diagnostic>,
    #[serde(skip)]
    pub pairs: Vec<Pair>,
}

/// Figures of a solved model.
struct Solved {
    figures: Vec<StudyFigure>,
    losses_kw: f64,
}

/// Runs the command. Returns whether the voltages agree within the limit asked for.
///
/// # Errors
/// A model that cannot be read or does not solve, results that cannot be read, nothing to compare.
pub fn run(arguments: &CompareArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let mut model = Model::prepare(&arguments.model)?;
    let ours = solve_model(&mut model, arguments)?;
    let mut comparison = match &arguments.against {
        None if arguments.baseline.is_some() || model.figures.is_empty() && Project::is_project(&arguments.model.model) => {
            with_baseline(&model, &ours, arguments)?
        }
        None if model.figures.is_empty() => {
            let what = Diagnostic::error("COMPARE.RESULTS.NONE", format!("{} brings no results of a study", model.name));
            return Err(what.hint("name a table of results or another model with --against").into());
        }
        None => {
            let theirs = model.figures.clone();
            compare(&ours.figures, &theirs, &model.name, "the results that came with the model")
        }
        Some(path) if is_model(path) => {
            if arguments.keep.is_some() {
                return Err(not_kept("--against names a model, and a baseline is made of a table of results"));
            }
            let other_arguments =
                ModelArguments { model: path.clone(), dss: Vec::new(), network: None, network_version: None, ..arguments.model.clone() };
            let mut other = Model::prepare(&other_arguments)?;
            let theirs = solve_model(&mut other, arguments)?;
            let mut comparison = compare(&ours.figures, &theirs.figures, &model.name, &other.name);
            comparison.losses_kw = Some((ours.losses_kw, theirs.losses_kw));
            comparison
        }
        Some(path) => with_results(&model, &ours, path, arguments)?,
    };
    if comparison.pairs.is_empty() {
        let what = Diagnostic::error(
            "COMPARE.NOTHING.SHARED",
            format!("{} and {} have no figure in common", comparison.model, comparison.against),
        );
        let detail = format!(
            "{} of the other side, {} not found in the model.",
            count(comparison.only_theirs, "figure"),
            count(comparison.unmatched, "name")
        );
        return Err(what.detail(detail).hint("look whether names of buses agree, or map the columns with --results-mapping").into());
    }
    comparison.diagnostics.splice(0..0, model.diagnostics.clone());
    if let Some(path) = &arguments.out {
        write_whole(path, &pairs_csv(&comparison.pairs))?;
    }
    if arguments.json {
        console.json(&comparison)?;
    } else {
        console.print(&comparison.render(console.style))?;
    }
    let worst = comparison.agreements.iter().find(|a| a.quantity == Quantity::VPu).map_or(0.0, |a| a.max);
    match arguments.max_pu {
        Some(limit) if worst > limit => {
            let what = Diagnostic::error(
                "COMPARE.VOLTAGE.DIFFERS",
                format!("voltages differ by up to {worst:.2e} pu, more than the {limit:.2e} pu asked for"),
            );
            console.warn(&[what]);
            Ok(false)
        }
        _ => Ok(true),
    }
}

fn not_kept(why: &str) -> Failure {
    Diagnostic::error("COMPARE.BASELINE.NOT_KEPT", format!("the results cannot be kept: {why}"))
        .hint("Give a project as the model, and a table of results with --against.")
        .into()
}

/// Against results that a project keeps.
fn with_baseline(model: &Model, ours: &Solved, arguments: &CompareArguments) -> Result<Comparison, Failure> {
    let dir = &arguments.model.model;
    if !Project::is_project(dir) {
        let what = Diagnostic::error("COMPARE.BASELINE.NONE", format!("{} is no project, and only projects keep baselines", dir.display()));
        return Err(what.hint("Name a table of results with --against.").into());
    }
    let project = Project::open(dir)?;
    let version = project.version(arguments.model.network.as_deref(), arguments.model.network_version)?;
    let Some((info, figures)) = project.baseline(&version.network, arguments.baseline.as_deref())? else {
        let known: Vec<String> = project.baselines(Some(&version.network))?.into_iter().map(|b| b.name).collect();
        let what = match &arguments.baseline {
            Some(name) => Diagnostic::error("COMPARE.BASELINE.NONE", format!("network \"{}\" has no baseline \"{name}\"", version.network)),
            None => Diagnostic::error("COMPARE.RESULTS.NONE", format!("{} brings no results of a study", model.name)),
        };
        let hint = if known.is_empty() {
            "Name a table of results or another model with --against; with --keep NAME the table becomes a baseline.".to_owned()
        } else {
            format!("Baselines of the network: {}.", known.join(", "))
        };
        return Err(what.hint(hint).into());
    };
    let name = format!("baseline {} (of version {}, {})", info.name, info.version, info.note);
    Ok(compare(&ours.figures, &figures, &model.name, &name))
}

/// Keeps results as a baseline of the project's network.
fn keep(arguments: &CompareArguments, name: &str, against: &Path, figures: &[StudyFigure]) -> Result<(), Failure> {
    let dir = &arguments.model.model;
    if !Project::is_project(dir) {
        return Err(not_kept(&format!("{} is no project", dir.display())));
    }
    if figures.is_empty() {
        return Err(not_kept("none of them is of a bus or element of the model"));
    }
    let project = Project::open(dir)?;
    let version = project.version(arguments.model.network.as_deref(), arguments.model.network_version)?;
    let note = against.display().to_string();
    project.put_baseline(&version, name, (&crate::project::now(), &crate::project::author(None), &note), figures)?;
    Ok(())
}

/// Whether a path is a model rather than a table of results.
fn is_model(path: &Path) -> bool {
    if Project::is_project(path) || path.is_dir() {
        return true;
    }
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    // A CYME study in XML and a table of results in XML differ in what they hold; tables are never studies.
    match ending.as_str() {
        "csv" | "tsv" | "xlsx" | "xls" => false,
        _ => match formats::detect(&DiskFiles::default(), path) {
            ModelFormat::CymeXml => {
                let bytes = std::fs::read(path).unwrap_or_default();
                String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]).contains("<Cyme")
            }
            _ => true,
        },
    }
}

fn solve_model(model: &mut Model, arguments: &CompareArguments) -> Result<Solved, Failure> {
    if model.network.is_transmission() {
        let controls = if arguments.controls == Some(Controls::Static) { newton::Controls::Active } else { newton::Controls::Locked };
        let defaults = newton::Options::default();
        let options =
            newton::Options { controls, tolerance_pu: arguments.iteration.tolerance.unwrap_or(defaults.tolerance_pu), ..defaults };
        let solution = transmission::solve_network(&model.network, &options).map_err(Failure::new)?;
        return Ok(of_transmission(&solution));
    }
    solve::set_options(&mut model.network.options, Mode::Snapshot, arguments.controls, &arguments.iteration);
    let solution = solve::solve(model)?;
    let mut figures = Vec::new();
    let figure = |subject: &str, phase, quantity, value| StudyFigure {
        subject: subject.to_owned(),
        phase,
        quantity,
        value,
        source: Default::default(),
    };
    for row in solution.nodes() {
        let Some((bus, node)) = row.node.rsplit_once('.') else { continue };
        let phase = node.parse().ok();
        if let Some(v_pu) = row.v_pu {
            figures.push(figure(bus, phase, Quantity::VPu, v_pu));
        }
        figures.push(figure(bus, phase, Quantity::VVolt, row.v_v.norm()));
        figures.push(figure(bus, phase, Quantity::VAngleDeg, row.angle_deg));
    }
    for row in solution.loadings() {
        figures.push(figure(&row.element, None, Quantity::LoadingPct, row.loading_pct));
    }
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for row in solution.elements().iter().filter(|r| r.terminal == 1) {
        let phase = row.node.rsplit_once('.').and_then(|(_, n)| n.parse::<u32>().ok()).filter(|n| (1..=3).contains(n));
        let sum = sums.entry(row.element.clone()).or_default();
        *sum = (sum.0 + row.p_kw, sum.1 + row.q_kvar);
        if let Some(phase) = phase {
            figures.push(figure(&row.element, Some(phase), Quantity::IA, row.i_a.norm()));
            figures.push(figure(&row.element, Some(phase), Quantity::PKw, row.p_kw));
            figures.push(figure(&row.element, Some(phase), Quantity::QKvar, row.q_kvar));
        }
    }
    for (element, (p_kw, q_kvar)) in sums {
        figures.push(figure(&element, None, Quantity::PKw, p_kw));
        figures.push(figure(&element, None, Quantity::QKvar, q_kvar));
    }
    Ok(Solved { figures, losses_kw: solution.losses_kva().re })
}

fn of_transmission(solution: &newton::Solution) -> Solved {
    let figure = |subject: &str, quantity, value| StudyFigure {
        subject: subject.to_owned(),
        phase: None,
        quantity,
        value,
        source: Default::default(),
    };
    let mut figures = Vec::new();
    for row in &solution.buses {
        if let Some((v_pu, angle_deg)) = row.v_pu.zip(row.angle_deg) {
            figures.push(figure(&row.bus, Quantity::VPu, v_pu));
            figures.push(figure(&row.bus, Quantity::VAngleDeg, angle_deg));
        }
    }
    for row in solution.branch_ends.iter().filter(|r| r.terminal == 1) {
        if let Some((p_mw, q_mvar)) = row.p_mw.zip(row.q_mvar) {
            figures.push(figure(&row.element, Quantity::PKw, 1000.0 * p_mw));
            figures.push(figure(&row.element, Quantity::QKvar, 1000.0 * q_mvar));
        }
        if let Some(loading_pct) = row.loading_pct {
            figures.push(figure(&row.element, Quantity::LoadingPct, loading_pct));
        }
    }
    Solved { figures, losses_kw: 1000.0 * solution.certificate.losses_mw }
}

fn told(guess: &Guess) -> String {
    let sure = match guess.certainty {
        Certainty::Guess => " (a guess: check it)",
        _ => "",
    };
    format!("{}: {}{sure}", guess.header, guess.meaning)
}

fn with_results(model: &Model, ours: &Solved, path: &Path, arguments: &CompareArguments) -> Result<Comparison, Failure> {
    let mapping = match &arguments.results_mapping {
        None => None,
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|e| {
                Failure::from(
                    Diagnostic::error("COMPARE.MAPPING.MISSING", format!("the mapping {} cannot be read", file.display()))
                        .detail(format!("{e}.")),
                )
            })?;
            Some(Mapping::from_yaml(&text)?)
        }
    };
    let options = TableOptions { sheet: arguments.sheet.clone(), ..TableOptions::default() };
    let results = study_results::read_file(&DiskFiles::default(), path, &options, mapping.as_ref())?;
    let joined = results.join(&model.network);
    if let Some(name) = &arguments.keep {
        keep(arguments, name, path, &joined.figures)?;
    }
    let mut comparison = compare(&ours.figures, &joined.figures, &model.name, &path.display().to_string());
    comparison.unmatched = joined.unmatched;
    comparison.guesses = results.guesses.iter().map(told).collect();
    comparison.diagnostics = results.diagnostics.into_iter().chain(joined.diagnostics).collect();
    Ok(comparison)
}

/// Pairs the figures of both sides.
pub fn compare(ours: &[StudyFigure], theirs: &[StudyFigure], model: &str, against: &str) -> Comparison {
    let key = |f: &StudyFigure| -> Key { (f.subject.to_lowercase(), f.phase, f.quantity) };
    let own: HashMap<Key, f64> = ours.iter().map(|f| (key(f), f.value)).collect();
    let mut pairs = Vec::new();
    let mut only_theirs = 0;
    let mut their_buses = std::collections::HashSet::new();
    for f in theirs {
        if matches!(f.quantity, Quantity::VPu | Quantity::VVolt) {
            their_buses.insert(f.subject.to_lowercase());
        }
        match own.get(&key(f)) {
            None => only_theirs += 1,
            Some(&ours) => {
                let mut difference = ours - f.value;
                if f.quantity == Quantity::VAngleDeg {
                    difference = (difference + 180.0).rem_euclid(360.0) - 180.0;
                }
                pairs.push(Pair { subject: f.subject.clone(), phase: f.phase, quantity: f.quantity, ours, theirs: f.value, difference });
            }
        }
    }
    let own_buses: std::collections::HashSet<String> =
        ours.iter().filter(|f| f.quantity == Quantity::VPu).map(|f| f.subject.to_lowercase()).collect();
    let mut agreements = Vec::new();
    for quantity in [
        Quantity::VPu,
        Quantity::VVolt,
        Quantity::VAngleDeg,
        Quantity::LoadingPct,
        Quantity::IA,
        Quantity::PKw,
        Quantity::QKvar,
        Quantity::LossKw,
    ] {
        let mut of: Vec<&Pair> = pairs.iter().filter(|p| p.quantity == quantity).collect();
        if of.is_empty() {
            continue;
        }
        of.sort_by(|a, b| b.difference.abs().total_cmp(&a.difference.abs()));
        let n = of.len() as f64;
        agreements.push(Agreement {
            quantity,
            unit: unit(quantity),
            compared: of.len(),
            rmse: (of.iter().map(|p| p.difference * p.difference).sum::<f64>() / n).sqrt(),
            mean: of.iter().map(|p| p.difference).sum::<f64>() / n,
            max: of[0].difference.abs(),
            worst: of.iter().take(WORST).map(|p| (*p).clone()).collect(),
        });
    }
    Comparison {
        model: model.to_owned(),
        against: against.to_owned(),
        agreements,
        only_theirs,
        buses_not_compared: own_buses.difference(&their_buses).count(),
        unmatched: 0,
        losses_kw: None,
        guesses: Vec::new(),
        diagnostics: Vec::new(),
        pairs,
    }
}

fn unit(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::VPu => "pu",
        Quantity::VVolt => "V",
        Quantity::VAngleDeg => "degrees",
        Quantity::IA => "A",
        Quantity::PKw | Quantity::LossKw => "kW",
        Quantity::QKvar => "kvar",
        Quantity::LoadingPct => "%",
    }
}

fn words(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::VPu => "voltage",
        Quantity::VVolt => "voltage to earth",
        Quantity::VAngleDeg => "angle of the voltage",
        Quantity::IA => "current",
        Quantity::PKw => "active power",
        Quantity::QKvar => "reactive power",
        Quantity::LoadingPct => "loading",
        Quantity::LossKw => "losses",
    }
}

fn pairs_csv(pairs: &[Pair]) -> String {
    let mut text = String::from("subject,phase,quantity,unit,ours,theirs,difference\n");
    for p in pairs {
        let phase = p.phase.map_or(String::new(), |n| n.to_string());
        push_line(&mut text, &[&p.subject, &phase, words(p.quantity), unit(p.quantity)], [p.ours, p.theirs, p.difference]);
    }
    text
}

impl Comparison {
    /// The text for people: agreement by quantity, then the worst places of voltage and loading.
    pub fn render(&self, style: Style) -> String {
        let mut out = style.bold(&format!("{} against {}", self.model, self.against)) + "\n";
        if !self.guesses.is_empty() {
            section(&mut out, style, "Columns of the results", |out| self.guesses.iter().for_each(|g| paragraph(out, g)));
        }
        section(&mut out, style, "Agreement (ours less theirs)", |out| {
            let mut table = Table::new(&["<", ">compared", ">RMSE", ">mean", ">largest", "<unit"]);
            for a in &self.agreements {
                table.row([
                    words(a.quantity).to_owned(),
                    a.compared.to_string(),
                    short(a.rmse),
                    short(a.mean),
                    short(a.max),
                    a.unit.to_owned(),
                ]);
            }
            out.push_str(&table.render());
            if let Some((ours, theirs)) = self.losses_kw {
                paragraph(out, &format!("losses {} kW against {} kW", short(ours), short(theirs)));
            }
            if self.only_theirs + self.unmatched + self.buses_not_compared > 0 {
                paragraph(
                    out,
                    &format!(
                        "not compared: {} of theirs without one of ours, {} that the model does not have, {} of the model",
                        count(self.only_theirs, "figure"),
                        count(self.unmatched, "name"),
                        count(self.buses_not_compared, "bus")
                    ),
                );
            }
        });
        for a in self.agreements.iter().filter(|a| matches!(a.quantity, Quantity::VPu | Quantity::LoadingPct) || self.agreements.len() == 1)
        {
            section(&mut out, style, &format!("Largest differences of {}, {}", words(a.quantity), a.unit), |out| {
                let mut table = Table::new(&["<", ">phase", ">ours", ">theirs", ">difference"]);
                for p in &a.worst {
                    let phase = p.phase.map_or(String::new(), |n| n.to_string());
                    table.row([p.subject.clone(), phase, format!("{:.6}", p.ours), format!("{:.6}", p.theirs), short(p.difference)]);
                }
                out.push_str(&table.render());
            });
        }
        if !self.diagnostics.is_empty() {
            section(&mut out, style, &format!("Findings: {}", text::tally(&self.diagnostics)), |out| {
                out.push_str(&text::diagnostics(&self.diagnostics, style));
            });
        }
        out
    }
}

/// Three digits are enough for a difference.
fn short(x: f64) -> String {
    if x == 0.0 || (0.01..1e5).contains(&x.abs()) { g12((x * 1e4).round() / 1e4) } else { format!("{x:.2e}") }
}
