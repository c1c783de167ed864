//! `gridtwin reconfigure`: the radial network with the least losses or overloads.

use super::arguments::{AimWord, ReconfigureArguments};
use super::report::{heaviest, loading, operation, violation, voltage};
use super::{base_finding, criteria, is_emergency, refuse_transmission, refused, settled, switches, write_network};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::{count, fixed};
use crate::report::{paragraph, section};
use crate::result_folder::ResultFolder;
use crate::study_tables;
use crate::text::{Style, Table};
use network::Diagnostic;
use powerflow::CircuitError;
use serde_json::{Value as Json, json};
use studies::contingency::When;
use studies::switching::reconfigure::Score;
use studies::switching::{Aim, Hour, Operator, Reconfiguration, ReconfigureError, ReconfigureOptions, reconfigure};

/// Files that a run may write; the last one is the sign that all are whole.
pub const FILES: &[&str] = &["moves.csv", "moves.parquet", "starts.csv", "starts.parquet", "summary.json"];

/// What the study found of a model.
pub struct Answer {
    pub hours: Vec<Hour>,
    pub found: Reconfiguration,
    pub tables: Vec<studies::table::Table>,
    pub summary: Json,
}

/// Runs the command.
///
/// # Errors
/// A model that cannot be read, that a check refuses, that does not settle, that is not radial or has no ties; a file that cannot be written.
pub fn run(arguments: &ReconfigureArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let folder = arguments.answer.out.as_deref().map(|dir| ResultFolder::prepare(dir, FILES)).transpose()?;
    let mut model = Model::prepare(&arguments.model)?;
    let answer = study(arguments, &mut model)?;
    console.warn(&model.diagnostics);
    if let Some(path) = &arguments.write {
        write_network(&model.network, &answer.found.operations(), &[], path)?;
    }
    let mut written = String::new();
    if let (Some(folder), Some(dir)) = (&folder, &arguments.answer.out) {
        let n = study_tables::write(folder, FILES, &answer.tables, &answer.summary, arguments.answer.format)?;
        written = format!("wrote {} to {}\n", count(n, "file"), dir.display());
    }
    if arguments.answer.json {
        return console.json(&study_tables::as_json(&answer.tables, answer.summary));
    }
    console.print(&(render(&model, arguments, &answer, console.style) + &written))
}

/// Studies a model that a check has let pass; what is found on the way stands in its findings.
///
/// # Errors
/// As [`run`], but for files.
pub fn study(arguments: &ReconfigureArguments, model: &mut Model) -> Result<Answer, Failure> {
    refuse_transmission(model)?;
    let moments = settled(model, &arguments.state, &arguments.hours)?;
    let limits = criteria(&arguments.state);
    let step_h = if arguments.hours == When::Snapshot { 1.0 } else { arguments.state.step_length_h };
    let hours: Result<Vec<Hour>, CircuitError> = moments
        .iter()
        .map(|m| Ok(Hour { label: m.label(), hours: step_h, operator: Operator::new(&m.state, &limits, is_emergency(&arguments.state))? }))
        .collect();
    let mut hours = match hours {
        Ok(hours) if !hours.is_empty() => hours,
        Ok(_) => return Err(refused(model, Vec::new())),
        Err(e) => return Err(refused(model, vec![e.diagnostic()])),
    };
    let options = ReconfigureOptions {
        aim: match arguments.aim {
            AimWord::Losses => Aim::Losses,
            AimWord::Overload => Aim::Overload,
        },
        switches: switches(arguments.switches),
        max_operations: arguments.limit_operations.map(usize::from),
        keep_limits: !arguments.no_limits,
        random_starts: arguments.starts,
        seed: arguments.seed,
        max_trees: arguments.max_trees as usize,
    };
    let found = match reconfigure(&mut hours, &options) {
        Ok(found) => found,
        Err(e) => {
            let what = diagnostic(&e);
            return Err(refused(model, vec![what]));
        }
    };
    for h in &hours {
        model.diagnostics.extend(base_finding(&h.label, h.operator.base_condition.n_kept));
    }
    if !found.is_exact {
        let trees = if found.n_trees.is_finite() { format!("{:.0}", found.n_trees) } else { "uncounted".to_owned() };
        model.diagnostics.push(
            Diagnostic::note("SWITCHING.SEARCH.DESCENT", "the network found is the best of the descents, not proven to be the best of all")
                .detail(format!("There are {trees} radial networks."))
                .hint("Raise --max-trees to solve all of them, or --starts for more descents."),
        );
    }
    let tables = found.tables(&model.network, &hours).to_vec();
    let summary = summary(model, &found, &hours);
    Ok(Answer { hours, found, tables, summary })
}

/// Why there is nothing to reconfigure, as a finding.
pub(crate) fn diagnostic(error: &ReconfigureError) -> Diagnostic {
    let text = error.to_string();
    match error {
        ReconfigureError::Circuit(e) => e.diagnostic(),
        ReconfigureError::NotRadial { .. } => Diagnostic::error("SWITCHING.MODEL.NOT_RADIAL", text)
            .hint("Open a switch of the loop in the model, or leave switches out that are none."),
        ReconfigureError::NoTie => {
            Diagnostic::error("SWITCHING.TIE.NONE", text).hint("Put ties into the model as open switches between parts that have supply.")
        }
        ReconfigureError::NoSwitch => Diagnostic::error("SWITCHING.SWITCH.NONE", text)
            .hint("Mark the switches of the loops (switch=yes, swtcontrol), or count lines as switches with --switches lines."),
        _ => Diagnostic::error("SWITCHING.SWITCH.NONE", text),
    }
}

fn score(s: &Score) -> Json {
    json!({
        "hours_unsolved": s.unsolved,
        "losses_kwh": (s.unsolved == 0).then_some(s.losses_kwh),
        "overload_pct": (s.unsolved == 0).then_some(s.overload_pct),
    })
}

fn summary(model: &Model, r: &Reconfiguration, hours: &[Hour]) -> Json {
    let of_hour = |(k, h): (usize, &Hour)| {
        let (a, b) = (&r.conditions_today[k], &r.conditions_found[k]);
        let pu = |c: &studies::switching::Condition| c.lowest_v.map(|x| x.0);
        json!({
            "moment": h.label,
            "hours": h.hours,
            "losses_today_kw": a.losses_kw,
            "losses_found_kw": b.losses_kw,
            "v_min_today_pu": pu(a),
            "v_min_found_pu": pu(b),
            "line_today_pct": a.line_pct.map(|x| x.0),
            "line_found_pct": b.line_pct.map(|x| x.0),
            "violations_found": b.violations.len(),
            "mismatch_va": b.mismatch_va,
        })
    };
    json!({
        "circuit": model.network.name,
        "today": score(&r.today),
        "found": score(&r.found),
        "open_today": r.open_today,
        "open_found": r.open_found,
        "operations": r.operations().iter().map(|o| operation(&model.network, o)).collect::<Vec<_>>(),
        "is_exact": r.is_exact,
        "trees": r.n_trees.is_finite().then_some(r.n_trees),
        "power_flows": r.n_solved,
        "hours": hours.iter().enumerate().map(of_hour).collect::<Vec<_>>(),
    })
}

fn render(model: &Model, arguments: &ReconfigureArguments, answer: &Answer, style: Style) -> String {
    let (r, network) = (&answer.found, &model.network);
    let emergency = is_emergency(&arguments.state);
    let unit = if arguments.hours == When::Snapshot { "kW" } else { "kWh" };
    let mut text = format!("{}\n", style.bold(&format!("{}  ({})", network.name, model.name)));
    let saved = r.today.losses_kwh - r.found.losses_kwh;
    let share = if r.today.losses_kwh > 0.0 { 100.0 * saved / r.today.losses_kwh } else { 0.0 };
    paragraph(
        &mut text,
        &format!(
            "Losses {} {unit} today, {} {unit} after {} ({} % less). Overload {} % today, {} % after, summed over elements{}.",
            fixed(r.today.losses_kwh, 2),
            fixed(r.found.losses_kwh, 2),
            count(r.moves.len(), "operation"),
            fixed(share, 1),
            fixed(r.today.overload_pct, 1),
            fixed(r.found.overload_pct, 1),
            if answer.hours.len() > 1 { " and hours" } else { "" }
        ),
    );
    let proof = if r.is_exact { "all of them solved: none is better" } else { "descents alone: not proven" };
    let trees = if r.n_trees.is_finite() { format!("{:.0}", r.n_trees) } else { "uncounted".to_owned() };
    paragraph(&mut text, &format!("{trees} radial networks, {proof}; {} solved.", count(r.n_solved as usize, "power flow")));
    paragraph(&mut text, &format!("Open today: {}. Open after: {}.", r.open_today.join(", "), r.open_found.join(", ")));
    if r.moves.is_empty() {
        paragraph(&mut text, "No radial network is better than today's.");
    } else {
        section(&mut text, style, "Steps, each closed before one of its loop is opened", |out| {
            let mut table = Table::new(&[">", "<step", "<moment", ">losses kW", "<lowest voltage", "<heaviest loading", "<limits"]);
            let mut row = |k: String, step: String, h: &Hour, c: &studies::switching::Condition| {
                let limits = match &c.violations[..] {
                    [] => "kept".to_owned(),
                    [one] => violation(network, one),
                    [first, rest @ ..] => format!("{} and {} more", violation(network, first), rest.len()),
                };
                table.row([
                    k,
                    step,
                    h.label.clone(),
                    c.losses_kw.map_or_else(|| c.solved.word().to_owned(), |kw| fixed(kw, 2)),
                    voltage(network, c.lowest_v),
                    loading(network, heaviest(c), emergency),
                    limits,
                ]);
            };
            for (c, h) in r.conditions_today.iter().zip(&answer.hours) {
                row("0".into(), "today".into(), h, c);
            }
            for (k, m) in r.moves.iter().enumerate() {
                for (c, h) in m.conditions.iter().zip(&answer.hours) {
                    row((k + 1).to_string(), operation(network, &m.operation), h, c);
                }
            }
            out.push_str(&table.render());
        });
    }
    section(&mut text, style, "Descents", |out| {
        let mut table = Table::new(&["<from", &format!(">losses {unit}"), ">exchanges", "<open at the end"]);
        for d in &r.descents {
            let losses = if d.to.unsolved == 0 { fixed(d.to.losses_kwh, 2) } else { "no solution".to_owned() };
            table.row([d.start.clone(), losses, d.exchanges.to_string(), d.open.join(", ")]);
        }
        out.push_str(&table.render());
    });
    text
}
