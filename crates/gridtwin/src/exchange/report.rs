//! A design judged, as a report: its pictures, stages with margins, what has to change, breakers, availability, rounds of a sizing.

use super::shown::{availability_rows, breaker_rows, chosen, millions, value};
use crate::answer::short;
use crate::failure::Failure;
use crate::study_report::{Form, Page, form_of};
use network::Diagnostic;
use network::design::sizing::SizingBrief;
use network::design::{Design, pictures};
use std::path::Path;
use store::files::write_whole;
use studies::acceptance::{Acceptance, Stage};
use studies::design_study::OwnStudies;
use studies::sizing::Sizing;

/// Rows of a table at most; the tables of `--out` have all.
const ROWS: usize = 200;

/// Writes a report in the form that the ending of its name tells.
///
/// # Errors
/// An ending that is no form of a text with pictures, a file that cannot be written.
pub(super) fn write(
    path: &Path,
    design: &Design,
    acceptance: &Acceptance,
    own: Option<&OwnStudies>,
    rounds: Option<(&Sizing, &SizingBrief)>,
) -> Result<(), Failure> {
    let form = form_of(path)?;
    if matches!(form, Form::Csv | Form::Workbook) {
        let what = Diagnostic::error("OUTPUT.REPORT.FORM", "a report of a design is a text with pictures");
        return Err(what.hint("end its name in .html, .pdf, .md or .txt; tables are written by --out").into());
    }
    let mut page = Page::new(form, &design.name);
    let mut facts = vec![
        ("overall", acceptance.overall.word().to_owned()),
        ("fingerprint", design.fingerprint()),
        ("load", format!("{} MW at power factor {}", short(design.load_mw()), short(design.load_pf()))),
    ];
    if !design.description.is_empty() {
        facts.push(("description", design.description.clone()));
    }
    if let Some(own) = own {
        facts.push(("scenarios solved", format!("{} of {}", own.n_solved, own.n_scenarios)));
    }
    if let Some((cost, brief)) = rounds.and_then(|(s, b)| s.rounds.last().and_then(|r| r.cost).map(|c| (c, b))) {
        facts.push(("life-cycle cost", millions(cost.total, brief)));
    }
    page.facts(&facts);
    if let Ok(drawing) = pictures::single_line(design) {
        page.picture(&drawing);
    }
    if let Some(drawing) = pictures::blocks(design) {
        page.picture(&drawing);
    }
    acceptance.stages.iter().for_each(|s| stage(&mut page, s));
    if !acceptance.updates.is_empty() {
        page.section("What has to change", "Constraints of the next round.");
        let row = |u: &studies::acceptance::ConstraintUpdate| {
            vec![u.parameter.to_owned(), u.subject.clone(), value(u.old, u.unit), value(u.new, u.unit), u.reason.clone()]
        };
        table(&mut page, &["parameter", "of", "now", "then", "because"], &[2, 3], acceptance.updates.iter().map(row));
    }
    if let Some(own) = own {
        studies(&mut page, own);
    }
    if let Some((sized, brief)) = rounds {
        page.section("Rounds", "Each is the cheapest plant that nothing learned before excludes; the last passes.");
        let row = |r: &studies::sizing::Round| {
            let cost = r.cost.map_or_else(|| "as given".to_owned(), |c| millions(c.total, brief));
            let lines = |all: Vec<String>| all.join("; ");
            let failed = r.failures.iter().map(ToString::to_string).collect();
            let learned = r.learned.iter().map(|l| l.words.clone()).collect();
            vec![r.number.to_string(), r.layout.clone(), cost, chosen(&r.chosen), lines(failed), lines(learned)]
        };
        table(&mut page, &["round", "layout", "cost", "units and classes", "failed", "so the next"], &[0], sized.rounds.iter().map(row));
    }
    let bytes =
        page.finish().map_err(|reason| Diagnostic::error("OUTPUT.REPORT.REFUSED", "the report cannot be written").detail(reason))?;
    Ok(write_whole(path, &bytes)?)
}

fn table(page: &mut Page, names: &[&str], numbers: &[usize], rows: impl Iterator<Item = Vec<String>>) {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let numbers: Vec<bool> = (0..names.len()).map(|i| numbers.contains(&i)).collect();
    let mut rows: Vec<Vec<String>> = rows.take(ROWS + 1).collect();
    let is_cut = rows.len() > ROWS;
    rows.truncate(ROWS);
    page.table(&names, &numbers, &rows);
    if is_cut {
        page.paragraph(&format!("The first {ROWS}; the tables of --out have all."));
    }
}

fn stage(page: &mut Page, stage: &Stage) {
    page.section(&format!("Stage {} {}: {}", stage.id, stage.title, stage.verdict.word()), "");
    let row = |m: &studies::acceptance::Metric| {
        let at =
            m.governing.as_ref().map_or_else(String::new, |r| [r.subject.as_str(), r.scenario_id.as_str()].join(" ").trim().to_owned());
        vec![m.name.to_owned(), value(m.value, m.unit), value(m.margin, m.unit), m.verdict.word().to_owned(), at, m.limit.clone()]
    };
    if stage.metrics.is_empty() {
        page.paragraph("Not run.");
    } else {
        table(page, &["figure", "value", "margin", "verdict", "governed by", "limit"], &[1, 2], stage.metrics.iter().map(row));
    }
    for m in stage.metrics.iter().filter(|m| !m.failed.is_empty()) {
        let rows: Vec<String> = m.failed.iter().take(30).map(|r| format!("{} {}", r.subject, value(Some(r.value), m.unit))).collect();
        let more = m.failed.len().saturating_sub(30);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        page.paragraph(&format!("{} of {} failed: {}{more}. {}.", m.failed.len(), m.name, rows.join(", "), m.action));
    }
    stage.findings.iter().for_each(|f| page.paragraph(&f.message));
}

fn studies(page: &mut Page, own: &OwnStudies) {
    if !own.duties.is_empty() {
        page.section("Breakers", "Largest duty of each by the currents that it has to break, IEC 60909.");
        table(
            page,
            &["breaker", "bus", "before", "duty kA", "rated kA", "duty %", "fault"],
            &[3, 4, 5],
            breaker_rows(own).into_iter().map(Vec::from),
        );
    }
    if let Some(ram) = &own.ram {
        page.section("Availability", "Exactly, by count and where it differs by capacity.");
        let names = ["block", "reading", "availability", "h/yr down", "failures/yr", "mean up h", "mean down h"];
        table(page, &names, &[2, 3, 4, 5, 6], availability_rows(ram).into_iter().map(Vec::from));
    }
}
