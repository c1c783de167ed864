//! The report of outages for people, and its summary for programs.

use crate::model::Model;
use crate::number::{count, fixed};
use crate::report::{paragraph, section};
use crate::switching::arguments::ContingencyArguments;
use crate::switching::report::{heaviest, loading, operations, violation, voltage};
use crate::switching::{criteria, is_emergency};
use crate::text::{Style, Table};
use serde_json::{Value as Json, json};
use studies::contingency::{CaseAt, ContingencyResult};
use studies::hosting::Criterion;
use studies::switching::Solved;

/// Outages that a report lists.
const SHOWN: usize = 25;

struct Counts {
    unsolved: usize,
    unserved: usize,
    restored: usize,
    violating: usize,
    harmless: usize,
}

fn counts(result: &ContingencyResult) -> Counts {
    let mut c = Counts { unsolved: 0, unserved: 0, restored: 0, violating: 0, harmless: 0 };
    for case in &result.cases {
        let any = |is: &dyn Fn(&CaseAt) -> bool| case.at.iter().any(is);
        let unsolved = any(&|a| matches!(a.end().solved, Solved::No | Solved::Hunting));
        let unserved = any(&|a| a.end().unserved_kw > 1e-6 || a.end().unserved_customers > 0.0);
        let violating = any(&|a| !a.end().violations.is_empty());
        c.unsolved += usize::from(unsolved);
        c.unserved += usize::from(unserved);
        c.violating += usize::from(violating);
        c.restored += usize::from(any(&|a| a.restoration.as_ref().is_some_and(|r| r.restored_kw() > 1e-6)));
        c.harmless += usize::from(!unsolved && !unserved && !violating);
    }
    c
}

pub fn summary(model: &Model, result: &ContingencyResult) -> Json {
    let c = counts(result);
    let worst = result.cases.first().and_then(|case| Some((case, case.worst()?)));
    json!({
        "circuit": model.network.name,
        "outages": result.cases.len(),
        "pairs_there_are": result.n_pairs,
        "without_solution": c.unsolved,
        "with_power_unserved": c.unserved,
        "with_power_restored": c.restored,
        "with_limits_crossed": c.violating,
        "harmless": c.harmless,
        "worst": worst.map(|(case, at)| json!({ "outage": case.name, "moment": at.moment, "solved": at.end().solved.word(), "unserved_kw": at.end().unserved_kw })),
        "moments": result.base.iter().map(|b| b.0.clone()).collect::<Vec<_>>(),
        "power_flows": result.n_solved,
    })
}

pub fn render(model: &Model, arguments: &ContingencyArguments, result: &ContingencyResult, style: Style) -> String {
    let network = &model.network;
    let emergency = is_emergency(&arguments.state);
    let mut text = format!("{}\n", style.bold(&format!("{}  ({})", network.name, model.name)));
    let limits: Vec<String> = criteria(&arguments.state)
        .iter()
        .skip(1)
        .map(|(c, limit)| format!("{} {} {}", c.name(), crate::report::fixed_short(limit), c.unit()))
        .collect();
    let asked = arguments.state.limit.iter().any(|(c, _)| matches!(c, Criterion::OverVoltage | Criterion::UnderVoltage));
    let own = if result.is_transmission && !asked { " (voltages: a bus's own limits where it has some)" } else { "" };
    paragraph(
        &mut text,
        &format!("Limits: {}{}; a limit that the network crosses anyway counts where it is crossed farther.", limits.join(", "), own),
    );
    let c = counts(result);
    paragraph(
        &mut text,
        &format!(
            "{} at {}, {} solved: {} without a solution, {} with power unserved{}, {} that cross limits, {} harmless.",
            count(result.cases.len(), "outage"),
            count(result.base.len(), "moment"),
            count(result.n_solved as usize, "power flow"),
            c.unsolved,
            c.unserved,
            if arguments.restore { format!(" in the end ({} with supply restored by switching)", c.restored) } else { String::new() },
            c.violating,
            c.harmless
        ),
    );
    section(&mut text, style, "Without any outage", |out| {
        let mut table = Table::new(&["<moment", "<lowest voltage", "<highest voltage", "<heaviest loading", ">limits crossed"]);
        for (moment, _, c) in &result.base {
            table.row([
                moment.clone(),
                voltage(network, c.lowest_v),
                voltage(network, c.highest_v),
                loading(network, heaviest(c), emergency),
                c.n_kept.to_string(),
            ]);
        }
        out.push_str(&table.render());
    });
    section(&mut text, style, "Outages, the worst first", |out| {
        let mut table = Table::new(&[
            "<outage",
            "<moment",
            "<state",
            ">lost kW",
            "<restored by",
            ">unserved kW",
            "<lowest voltage",
            "<heaviest loading",
            "<worst limit crossed",
        ]);
        for case in result.cases.iter().take(SHOWN) {
            let Some(at) = case.worst() else { continue };
            let end = at.end();
            let known = !(result.is_transmission && end.solved == Solved::No);
            let kw = |x: f64| if known { fixed(x, 1) } else { "-".to_owned() };
            let limits = match &end.violations[..] {
                [] => String::new(),
                [one] => violation(network, one),
                [first, rest @ ..] => format!("{} and {} more", violation(network, first), rest.len()),
            };
            table.row([
                case.name.clone(),
                at.moment.clone(),
                if at.note.is_empty() { end.solved.word().to_owned() } else { format!("{} ({})", end.solved.word(), at.note) },
                kw(at.condition.unserved_kw),
                at.restoration.as_ref().map_or(String::new(), |r| operations(network, &r.operations)),
                kw(end.unserved_kw),
                voltage(network, end.lowest_v),
                loading(network, heaviest(end), emergency),
                limits,
            ]);
        }
        out.push_str(&table.render());
        if result.cases.len() > SHOWN {
            out.push_str(&format!("  … and {} more; --out DIR writes them all\n", result.cases.len() - SHOWN));
        }
    });
    text
}
