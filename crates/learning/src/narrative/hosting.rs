//! A study of hosting capacity in sentences: `hosting_capacity`, and where they are there `percentiles`, `factors` and `relaxations`.

use super::{Limits, Line, Narrative, NarrativeError, Sentence, Sheet, Sheets, View, limits, narrative, plural};

/// How much the buses or the feeder can take, and what binds.
///
/// Needs `hosting_capacity` (iterative, streamlined) or `percentiles` (stochastic).
pub fn hosting_capacity(sheets: &[Sheet], told: &Limits) -> Result<Narrative, NarrativeError> {
    let by_bus: &[&str] = &["bus", "der", "status", "hosting_capacity_kw", "criterion", "element"];
    let by_draws: &[&str] = &["der", "figure", "hosting_capacity_kw", "at_least"];
    let is_stochastic = sheets.iter().any(|s| s.name == "percentiles");
    let needed = if is_stochastic { ("percentiles", by_draws) } else { ("hosting_capacity", by_bus) };
    let s = Sheets::new(sheets, &[needed])?;
    let mut doubts = limits(told);
    let (mut capacity, mut binds, mut relax) = (Vec::new(), Vec::new(), Vec::new());
    if is_stochastic {
        draws(s.needed("percentiles"), &mut capacity);
        if let Some(f) = s.get("factors").filter(|f| ["criterion", "draws", "share_pct"].iter().all(|c| f.has(c))) {
            let rows: Vec<usize> = f.rows().collect();
            if let Some(r) = f.largest(&rows, "share_pct") {
                let line = Line::new("Most often a draw is ended by ").cell(f, r, "criterion").words(", in ");
                binds.push(line.cell(f, r, "share_pct").words(" of the draws.").done(2.5));
            }
        }
    } else {
        let h = s.needed("hosting_capacity");
        buses(h, &mut capacity, &mut binds, &mut doubts);
        if let Some(r) = s.get("relaxations").filter(|r| ["bus", "change", "gain_kw", "hosting_capacity_kw"].iter().all(|c| r.has(c))) {
            relaxed(r, &mut relax);
        }
    }
    let sections =
        vec![("What limits these figures", doubts), ("Capacity", capacity), ("What binds", binds), ("What would relax it", relax)];
    Ok(narrative("How much can be hosted", sections))
}

fn buses(h: View<'_>, capacity: &mut Vec<Option<Sentence>>, binds: &mut Vec<Option<Sentence>>, doubts: &mut Vec<Option<Sentence>>) {
    let all: Vec<usize> = h.rows().filter(|r| h.number(*r, "hosting_capacity_kw").is_some()).collect();
    let violated = h.of_word("status", "base-violates");
    if !violated.is_empty() {
        let line = Line::new("At ").count(h, &violated, "status").words(plural(violated.len(), " bus", " buses"));
        doubts.push(
            line.words(" a limit is crossed without any resource, which makes the capacity nothing there: ")
                .names(h, &violated, "bus")
                .words(".")
                .done(3.9),
        );
    }
    let open = h.of_word("status", "unlimited");
    if !open.is_empty() {
        let line = Line::new("At ").count(h, &open, "status").words(plural(open.len(), " bus", " buses"));
        doubts.push(line.words(" the largest size that was tried fits; the capacity is at least so large.").done(2.2));
    }
    if let (Some(low), Some(high)) = (h.smallest(&all, "hosting_capacity_kw"), h.largest(&all, "hosting_capacity_kw")) {
        if all.len() == 1 {
            capacity.push(Line::new("Bus ").cell(h, low, "bus").words(" takes ").cell(h, low, "hosting_capacity_kw").words(".").done(3.0));
        }
        let line = Line::new("Of ").count(h, &all, "hosting_capacity_kw").words(" buses ");
        let line = line.cell(h, low, "bus").words(" takes least, ").cell(h, low, "hosting_capacity_kw").words(", and ");
        let line = line.cell(h, high, "bus").words(" most, ").cell(h, high, "hosting_capacity_kw");
        if all.len() > 1 {
            capacity.push(line.words("; each is told for one bus alone, they do not add up.").done(3.0));
        }
    }
    let mut criteria: Vec<&str> = all.iter().filter_map(|r| h.text(*r, "criterion")).collect();
    criteria.sort_unstable();
    criteria.dedup();
    for criterion in criteria {
        let rows: Vec<usize> = all.iter().copied().filter(|r| h.text(*r, "criterion") == Some(criterion)).collect();
        let line = Line::new("").cell(h, rows[0], "criterion").words(" binds at ").count(h, &rows, "criterion");
        let line = line.words(plural(rows.len(), " bus: ", " buses: ")).names(h, &rows, "bus").words(".");
        binds.push(line.done(2.0 + 0.9 * rows.len() as f64 / all.len().max(1) as f64));
    }
}

fn draws(p: View<'_>, capacity: &mut Vec<Option<Sentence>>) {
    for (figure, words) in
        [("p50", "Half of the draws host more than "), ("p5", "Nearly all of the draws, all but a twentieth, host at least ")]
    {
        for r in p.of_word("figure", figure) {
            let line = Line::new(words).cell(p, r, "hosting_capacity_kw").words(" of ").cell(p, r, "der");
            let bound = matches!(p.value(r, "at_least"), Some(studies::table::Value::Flag(true)));
            let line = if bound { line.words("; some draws found no limit, so this is a lower bound") } else { line };
            capacity.push(line.words(".").done(if figure == "p5" { 3.1 } else { 3.0 }));
        }
    }
}

fn relaxed(x: View<'_>, relax: &mut Vec<Option<Sentence>>) {
    let useful = x.above_zero("gain_kw");
    if let Some(r) = x.largest(&useful, "gain_kw") {
        let line = Line::new("Most is gained at ").cell(x, r, "bus").words(" by ").cell(x, r, "change").words(": ");
        let line = line.cell(x, r, "gain_kw").words(" more, ").cell(x, r, "hosting_capacity_kw").words(" in all");
        relax.push(line.words(", before the next limit binds.").done(1.9));
    }
    let vain: Vec<usize> = x.rows().filter(|r| x.number(*r, "gain_kw") == Some(0.0)).collect();
    if !vain.is_empty() {
        let line = Line::new("").count(x, &vain, "gain_kw").words(plural(vain.len(), " change brings", " changes bring"));
        relax.push(line.words(" nothing.").done(1.2));
    }
}
