//! `gridtwin info`: what is in a model, and what of it was not used.

use crate::cli::{InfoArguments, ModelArguments};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::count;
use crate::text::{Style, Table, WIDTH, shorten, tally, wrap};
use crate::view::{ClassCount, class_counts};
use network::{Diagnostic, Disposition, Network, SourceRef};
use serde::Serialize;
use std::fmt::Write;

/// Places listed of each kind in the text; the JSON has all.
const SHOWN: usize = 20;

/// What a model holds.
#[derive(Clone, Debug, Serialize)]
pub struct Info {
    pub circuit: String,
    pub model: String,
    /// Format in which it came; none out of a project.
    pub format: Option<String>,
    pub buses: usize,
    pub nodes: usize,
    pub buses_with_voltage_base: usize,
    pub buses_with_coordinates: usize,
    /// Elements by class.
    pub elements: Vec<ElementCount>,
    /// Entries of the catalogue, shapes and curves, by class.
    pub catalogue: Vec<ClassCount>,
    /// Records of the source, by section, table or layer; scripts have none.
    pub records: Vec<RecordCount>,
    /// Records that were not used.
    pub rejected: usize,
    /// Figures of studies that came with the model.
    pub study_figures: usize,
    pub assets: usize,
    /// Commands that were accepted and not carried out.
    pub not_executed: Vec<NotExecutedRow>,
    /// Properties and options that were read and that nothing uses.
    pub ignored: Vec<IgnoredRow>,
    pub diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ElementCount {
    pub class: String,
    pub count: usize,
    pub disabled: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordCount {
    pub group: String,
    pub count: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotExecutedRow {
    pub command: String,
    pub text: String,
    pub source: SourceRef,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IgnoredRow {
    /// `class.property`.
    pub field: String,
    pub count: usize,
    pub reason: String,
    /// Where it came first.
    pub first: Option<SourceRef>,
}

/// Runs the command.
///
/// # Errors
/// A model that cannot be read.
pub fn run(arguments: &InfoArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let mut model = read(&arguments.model)?;
    // Findings are part of what there is to know; whether they keep the model from being solved is for `check` and `solve`.
    let diagnostics = match model.preflight(arguments.model.lenient) {
        Ok(()) => std::mem::take(&mut model.diagnostics),
        Err(refused) => refused.diagnostics,
    };
    let info = Info::new(&model, diagnostics);
    if arguments.json { console.json(&info) } else { console.print(&info.render(console.style)) }
}

/// Reads the model; where records of it are refused, what can be read of it, with the refusals among its findings.
///
/// # Errors
/// A model of which nothing can be read.
fn read(arguments: &ModelArguments) -> Result<Model, Failure> {
    let refused = match Model::read(arguments) {
        Ok(model) => return Ok(model),
        Err(refused) => refused,
    };
    match Model::read(&ModelArguments { lenient: true, ..arguments.clone() }) {
        Ok(mut model) if model.format != Some(formats::ModelFormat::OpenDss) => {
            model.diagnostics = refused.diagnostics;
            Ok(model)
        }
        _ => Err(refused),
    }
}

impl Info {
    pub fn new(model: &Model, diagnostics: Vec<Diagnostic>) -> Self {
        let network = &model.network;
        let enabled = class_counts(network, true);
        let elements = class_counts(network, false)
            .into_iter()
            .map(|c| {
                let running = enabled.iter().find(|e| e.class == c.class).map_or(0, |e| e.count);
                ElementCount { class: c.class, count: c.count, disabled: c.count - running }
            })
            .collect();
        let ignored = model.ledger.entries.iter().filter_map(|e| match &e.disposition {
            Disposition::Dropped { reason } => {
                Some(IgnoredRow { field: e.field.clone(), count: e.count, reason: reason.clone(), first: e.first.clone() })
            }
            _ => None,
        });
        Self {
            circuit: network.name.clone(),
            model: model.name.clone(),
            format: model.format.map(|f| f.to_string()),
            buses: network.buses.len(),
            nodes: network.buses.iter().map(|b| b.nodes.len()).sum(),
            buses_with_voltage_base: network.buses.iter().filter(|b| b.kv_base_ln > 0.0).count(),
            buses_with_coordinates: network.buses.iter().filter(|b| b.xy.is_some() || b.latitude_longitude_deg.is_some()).count(),
            elements,
            catalogue: catalogue(network),
            records: model.counts.iter().map(|(group, count)| RecordCount { group: group.clone(), count: *count }).collect(),
            rejected: model.rejects.len(),
            study_figures: model.figures.len(),
            assets: network.assets.len(),
            not_executed: model
                .not_executed
                .iter()
                .map(|n| NotExecutedRow { command: n.command.to_string(), text: n.text.clone(), source: n.source.clone() })
                .collect(),
            ignored: ignored.collect(),
            diagnostics,
        }
    }

    /// The text for people.
    pub fn render(&self, style: Style) -> String {
        let mut text = style.bold(&format!("{}  ({})", self.circuit, self.model)) + "\n";
        let mut say = |line: String| writeln!(text, "{line}").expect("writing to a string");
        say(format!(
            "  {} at {}; {} with a voltage base, {} with coordinates",
            count(self.nodes, "node"),
            count(self.buses, "bus"),
            self.buses_with_voltage_base,
            self.buses_with_coordinates
        ));
        let mut table = Table::new(&["<class", ">elements", ">disabled"]);
        for e in &self.elements {
            let disabled = if e.disabled > 0 { e.disabled.to_string() } else { String::new() };
            table.row([e.class.clone(), e.count.to_string(), disabled]);
        }
        say(format!("\n{}\n{}", style.bold("Elements"), table.render().trim_end_matches('\n')));
        if !self.catalogue.is_empty() {
            let mut table = Table::new(&["<class", ">entries"]);
            for c in &self.catalogue {
                table.row([c.class.clone(), c.count.to_string()]);
            }
            say(format!("\n{}\n{}", style.bold("Catalogue, shapes and curves"), table.render().trim_end_matches('\n')));
        }
        let is_script = self.format.as_deref().is_some_and(|f| f == formats::ModelFormat::OpenDss.to_string());
        if !self.records.is_empty() {
            let mut table = Table::new(&["<record", ">read"]);
            for r in self.records.iter().filter(|r| r.count > 0) {
                table.row([r.group.clone(), r.count.to_string()]);
            }
            let format = self.format.as_deref().unwrap_or("project");
            say(format!("\n{}\n{}", style.bold(&format!("Records ({format})")), table.render().trim_end_matches('\n')));
            say(format!("  {} not used", count(self.rejected, "record")));
        }
        if self.assets > 0 {
            say(format!("  {} of a map", count(self.assets, "asset")));
        }
        if self.study_figures > 0 {
            say(format!(
                "  {} of a study made elsewhere (`gridtwin compare` sets the solution against them)",
                count(self.study_figures, "figure")
            ));
        }
        if is_script {
            say(format!("\n{}", style.bold("Commands not carried out")));
            if self.not_executed.is_empty() {
                say("  none".to_owned());
            }
        }
        for n in self.not_executed.iter().take(SHOWN) {
            say(format!("  {}", shorten(&format!("{}: {}", n.source, n.text), WIDTH - 2)));
        }
        if self.not_executed.len() > SHOWN {
            say(format!("  and {} more; --json lists all", self.not_executed.len() - SHOWN));
        }
        say(format!("\n{}", style.bold("Read and not used")));
        if self.ignored.is_empty() {
            say("  nothing".to_owned());
        }
        for i in self.ignored.iter().take(SHOWN) {
            let place = i.first.as_ref().map_or(String::new(), |s| format!(", first at {s}"));
            let sentence = format!("{} ({}{place}): {}", i.field, count(i.count, "time"), i.reason);
            for (n, line) in wrap(&sentence, WIDTH - 4).into_iter().enumerate() {
                say(format!("{}{line}", if n == 0 { "  " } else { "    " }));
            }
        }
        if self.ignored.len() > SHOWN {
            say(format!("  and {} more; --json lists all", self.ignored.len() - SHOWN));
        }
        if !self.diagnostics.is_empty() {
            say(format!("\n{} (`gridtwin check` lists them)", style.bold(&format!("Findings: {}", tally(&self.diagnostics)))));
        }
        text
    }
}

fn catalogue(network: &Network) -> Vec<ClassCount> {
    let cables = |concentric: bool| {
        let shield = |c: &network::Conductor| c.cable.as_ref().map(|c| matches!(c.shield, network::CableShield::ConcentricNeutral { .. }));
        network.conductors.iter().filter(|c| shield(c) == Some(concentric)).count()
    };
    [
        ("linecode", network.line_codes.len()),
        ("linegeometry", network.line_geometries.len()),
        ("linespacing", network.line_spacings.len()),
        ("wiredata", network.conductors.iter().filter(|c| c.cable.is_none()).count()),
        ("cndata", cables(true)),
        ("tsdata", cables(false)),
        ("xfmrcode", network.transformer_codes.len()),
        ("loadshape", network.load_shapes.len()),
        ("tshape", network.temperature_shapes.len()),
        ("priceshape", network.price_shapes.len()),
        ("growthshape", network.growth_shapes.len()),
        ("xycurve", network.xy_curves.len()),
        ("tcc_curve", network.tcc_curves.len()),
        ("spectrum", network.spectra.len()),
    ]
    .into_iter()
    .filter(|&(_, count)| count > 0)
    .map(|(class, count)| ClassCount { class: class.to_owned(), count })
    .collect()
}
