//! `gridtwin restoration`: how supply comes back after an outage, step by step.

use super::arguments::RestorationArguments;
use super::report::{heaviest, loading, operation, operations, violation, voltage};
use super::{
    base_finding, criteria, elements, is_emergency, isolation, refuse_transmission, refused, restore_options, settled, write_network,
};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::{count, fixed};
use crate::report::{paragraph, section};
use crate::result_folder::ResultFolder;
use crate::study_tables;
use crate::text::{Style, Table};
use network::Diagnostic;
use serde_json::{Value as Json, json};
use std::fmt::Write;
use studies::switching::{Condition, Operator, Reason, Restoration, restore};

/// Files that a run may write; the last one is the sign that all are whole.
pub const FILES: &[&str] = &["steps.csv", "steps.parquet", "refused.csv", "refused.parquet", "summary.json"];

/// What the study found of a model.
pub struct Answer {
    pub moment: String,
    pub base: Condition,
    pub restoration: Restoration,
    pub tables: Vec<studies::table::Table>,
    pub summary: Json,
}

/// Runs the command.
///
/// # Errors
/// A model that cannot be read, that a check refuses, that does not settle; an element that it does not have; a file that cannot be written.
pub fn run(arguments: &RestorationArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let folder = arguments.answer.out.as_deref().map(|dir| ResultFolder::prepare(dir, FILES)).transpose()?;
    let mut model = Model::prepare(&arguments.model)?;
    let answer = study(arguments, &mut model)?;
    console.warn(&model.diagnostics);
    if let Some(path) = &arguments.write {
        let r = &answer.restoration;
        let moved: Vec<_> = r.outage.iter().chain(&r.isolation).chain(&r.operations).copied().collect();
        write_network(&model.network, &moved, &r.removed, path)?;
    }
    let mut written = String::new();
    if let (Some(folder), Some(dir)) = (&folder, &arguments.answer.out) {
        let n = study_tables::write(folder, FILES, &answer.tables, &answer.summary, arguments.answer.format)?;
        written = format!("wrote {} to {}\n", count(n, "file"), dir.display());
    }
    if arguments.answer.json {
        return console.json(&study_tables::as_json(&answer.tables, answer.summary));
    }
    console.print(&(render(&model, &answer, is_emergency(&arguments.state), console.style) + &written))
}

/// Studies a model that a check has let pass; what is found on the way stands in its findings.
///
/// # Errors
/// A model that is no distribution network or does not settle; an element that it does not have.
pub fn study(arguments: &RestorationArguments, model: &mut Model) -> Result<Answer, Failure> {
    refuse_transmission(model)?;
    let out = elements(model, &arguments.outage)?;
    let moments = settled(model, &arguments.state, &arguments.hour)?;
    let Some(at) = moments.first() else { return Err(refused(model, Vec::new())) };
    let moment = at.label();
    let options = restore_options(&arguments.search, isolation(arguments.isolation), arguments.told);
    let limits = criteria(&arguments.state);
    let found = Operator::new(&at.state, &limits, is_emergency(&arguments.state))
        .and_then(|operator| Ok((restore(&operator, &out, &options)?, (*operator.base_condition).clone())));
    let (restoration, base) = match found {
        Ok(found) => found,
        Err(e) => return Err(refused(model, vec![e.diagnostic()])),
    };
    model.diagnostics.extend(base_finding(&moment, base.n_kept));
    let notes = findings(&restoration, model);
    model.diagnostics.extend(notes);
    let tables = restoration.tables(&model.network).to_vec();
    let summary = summary(model, &moment, &base, &restoration);
    Ok(Answer { moment, base, restoration, tables, summary })
}

/// What a reader should know before anything else.
fn findings(r: &Restoration, model: &Model) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let name = r.name(&model.network);
    if r.isolated.unserved_kw <= 1e-6 && r.isolated.unserved_customers == 0.0 {
        found.push(Diagnostic::note("SWITCHING.OUTAGE.NOTHING", "the outage interrupts nobody").element(name));
        return found;
    }
    let healthy_kw = r.isolated.unserved_kw - r.faulted_kw;
    if r.n_ties == 0 && healthy_kw > 1e-6 {
        found.push(
            Diagnostic::warning("SWITCHING.TIE.NONE", "no open switch leads to what the outage parts from its source")
                .element(name)
                .detail(format!("{} kW wait for the repair.", fixed(r.restored.unserved_kw, 1)))
                .hint("Put ties into the model as open switches, or count lines as switches with --switches lines."),
        );
    } else if !r.is_exact && r.gap_kw > 1e-6 {
        found.push(
            Diagnostic::warning("SWITCHING.SEARCH.HEURISTIC", "there may be a better plan")
                .element(name)
                .detail(format!("At most {} kW more could be served; plans were not all listed or solved.", fixed(r.gap_kw, 1)))
                .hint("Raise --max-plans and --max-solved."),
        );
    }
    found
}

fn of_condition(model: &Model, c: &Condition) -> Json {
    let extreme = |x: studies::switching::operator::Extreme| x.map(|(value, at)| json!({ "value": value, "at": at.name(&model.network) }));
    json!({
        "solved": c.solved.word(),
        "unserved_kw": c.unserved_kw,
        "unserved_customers": c.unserved_customers,
        "v_min_pu": extreme(c.lowest_v),
        "v_max_pu": extreme(c.highest_v),
        "line_pct": extreme(c.line_pct),
        "transformer_pct": extreme(c.transformer_pct),
        "losses_kw": c.losses_kw,
        "violations": c.violations.len(),
        "mismatch_va": c.mismatch_va,
    })
}

fn summary(model: &Model, moment: &str, base: &Condition, r: &Restoration) -> Json {
    let words = |all: &[studies::switching::Operation]| all.iter().map(|o| operation(&model.network, o)).collect::<Vec<_>>();
    json!({
        "circuit": model.network.name,
        "outage": r.name(&model.network),
        "moment": moment,
        "isolation": words(&r.isolation),
        "taken_out": r.removed.iter().map(|&id| model.network.full_name(id)).collect::<Vec<_>>(),
        "before": of_condition(model, base),
        "isolated": of_condition(model, &r.isolated),
        "faulted_kw": r.faulted_kw,
        "faulted_customers": r.faulted_customers,
        "ties": r.n_ties,
        "operations": words(&r.operations),
        "restored": of_condition(model, &r.restored),
        "restored_kw": r.restored_kw(),
        "is_exact": r.is_exact,
        "gap_kw": r.gap_kw,
        "plans": r.n_plans,
        "power_flows": r.n_solved,
    })
}

fn render(model: &Model, answer: &Answer, emergency: bool, style: Style) -> String {
    let (r, network) = (&answer.restoration, &model.network);
    let mut text = format!("{}\n", style.bold(&format!("{}  ({})", network.name, model.name)));
    paragraph(
        &mut text,
        &format!(
            "Outage of {} at {}: {} kW and {} customers lose supply. {}",
            r.name(network),
            answer.moment,
            fixed(r.isolated.unserved_kw, 1),
            fixed(r.isolated.unserved_customers, 0),
            if r.faulted_kw > 0.0 {
                format!("{} kW of them lie within the isolated zone and wait for the repair.", fixed(r.faulted_kw, 1))
            } else {
                String::new()
            }
        ),
    );
    let search = if r.is_exact { "exact".to_owned() } else { format!("at most {} kW from the best", fixed(r.gap_kw, 1)) };
    paragraph(
        &mut text,
        &format!(
            "Restored: {} kW; without supply in the end: {} kW, {} customers. Search {search}: {}, {} solved.",
            fixed(r.restored_kw(), 1),
            fixed(r.restored.unserved_kw, 1),
            fixed(r.restored.unserved_customers, 0),
            count(r.n_plans, "plan"),
            count(r.n_solved as usize, "power flow")
        ),
    );
    section(&mut text, style, "Steps", |out| {
        let mut table = Table::new(&[">", "<step", "<stage", ">unserved kW", "<lowest voltage", "<heaviest loading", "<limits"]);
        let row = |c: &Condition| [fixed(c.unserved_kw, 1), voltage(network, c.lowest_v), loading(network, heaviest(c), emergency)];
        let [kw, v, i] = row(&answer.base);
        table.row(["0".into(), "before the outage".into(), String::new(), kw, v, i, String::new()]);
        if r.isolation.is_empty() {
            let [kw, v, i] = row(&r.isolated);
            table.row(["".into(), "with the outage".into(), "outage".into(), kw, v, i, String::new()]);
        }
        for (k, s) in r.steps.iter().enumerate() {
            let [kw, v, i] = s.condition.as_ref().map_or_else(|| std::array::from_fn(|_| String::new()), row);
            let kept = match &s.condition {
                None => "",
                Some(_) if s.is_within => "kept",
                Some(_) => "crossed",
            };
            table.row([(k + 1).to_string(), operation(network, &s.operation), s.stage.word().into(), kw, v, i, kept.into()]);
        }
        out.push_str(&table.render());
    });
    if !r.refused.is_empty() {
        section(&mut text, style, "Refused plans, those that would serve most first", |out| {
            let mut table = Table::new(&["<plan", ">unserved kW", "<why"]);
            for refused in &r.refused {
                let why = match &refused.reason {
                    Reason::Violates(v, 1) => violation(network, v),
                    Reason::Violates(v, n) => format!("{} and {} more", violation(network, v), n - 1),
                    Reason::NotSolved(s) => s.word().to_owned(),
                    Reason::Worse { losses_kw } => {
                        format!("feasible, but worse{}", losses_kw.map_or(String::new(), |kw| format!(": {} kW of losses", fixed(kw, 2))))
                    }
                };
                table.row([operations(network, &refused.operations), fixed(refused.unserved_kw, 1), why]);
            }
            out.push_str(&table.render());
        });
    }
    if !r.restored.violations.is_empty() {
        section(&mut text, style, "Limits crossed in the end that were kept before", |out| {
            for v in &r.restored.violations {
                writeln!(out, "  {}", violation(network, v)).expect("writing to a string");
            }
        });
    }
    text
}
