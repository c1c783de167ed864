//! A mitigation study in sentences: its tables `clusters`, `candidates` and, where there is a budget, `portfolio`.

use super::{Limits, Line, Narrative, NarrativeError, Sentence, Sheet, Sheets, View, limits, narrative, plural};

/// What is wrong, what mends it at what cost, and what is left.
pub fn mitigation(sheets: &[Sheet], told: &Limits) -> Result<Narrative, NarrativeError> {
    let clusters: &[&str] = &["cluster", "kind", "violations", "hours", "worst", "best_change", "best_mended_h", "left_h"];
    let candidates: &[&str] = &["rank", "change", "cost", "benefit_h", "mended_h", "new_h", "cost_per_h", "chosen"];
    let s = Sheets::new(sheets, &[("clusters", clusters), ("candidates", candidates)])?;
    let (k, c) = (s.needed("clusters"), s.needed("candidates"));
    let mut doubts = limits(told);
    let mut effect = Vec::new();
    if let Some(p) = s.get("portfolio").filter(|p| ["figure", "before", "after", "unit"].iter().all(|x| p.has(x))) {
        portfolio(p, c, &mut effect, &mut doubts);
    }
    let sections = vec![
        ("What limits these figures", doubts),
        ("What is wrong", causes(k)),
        ("What mends it", cures(c)),
        ("What the chosen changes do together", effect),
    ];
    Ok(narrative("Mitigation", sections))
}

fn causes(k: View<'_>) -> Vec<Option<Sentence>> {
    let rows: Vec<usize> = k.rows().collect();
    if rows.is_empty() {
        return vec![Line::new("Nothing is beyond a limit; there is nothing to mend.").done(3.0)];
    }
    let n = k.sum(&rows, "violations") as usize;
    let words = plural(n, " element or node is beyond limits for ", " elements and nodes are beyond limits for ");
    let line = Line::new("").sum(k, &rows, "violations").words(words).sum(k, &rows, "hours");
    let mut all = vec![
        line.words(", in ").count(k, &rows, "cluster").words(plural(rows.len(), " cluster.", " clusters of one cause each.")).done(3.9),
    ];
    // Systemic is what concerns several things that hang together.
    for (i, r) in rows.iter().take(3).enumerate() {
        let many = k.number(*r, "violations").is_some_and(|n| n >= 3.0);
        let line = Line::new("Cluster ").cell(k, *r, "cluster").words(" (").cell(k, *r, "kind").words(", around ").cell(k, *r, "worst");
        let line = line.words(if many { ") is systemic: " } else { ") is isolated: " }).cell(k, *r, "violations");
        let n = k.number(*r, "violations").unwrap_or(0.0) as usize;
        all.push(line.words(plural(n, " thing for ", " things for ")).cell(k, *r, "hours").words(".").done(3.8 - 0.1 * i as f64));
    }
    let uncured: Vec<usize> = rows.iter().copied().filter(|r| k.text(*r, "best_change").is_none()).collect();
    if !uncured.is_empty() {
        let line = Line::new("For ").count(k, &uncured, "cluster").words(plural(uncured.len(), " cluster", " clusters"));
        all.push(line.words(" no change was found that helps.").done(3.95));
    }
    all
}

fn cures(c: View<'_>) -> Vec<Option<Sentence>> {
    let useful = c.above_zero("benefit_h");
    let mut all = Vec::new();
    if let Some(r) = c.smallest(&useful, "cost_per_h") {
        let line = Line::new("The cheapest hour is bought by ").cell(c, r, "change").words(": ").cell(c, r, "benefit_h");
        all.push(line.words(" less for ").cell(c, r, "cost").words(", which is ").cell(c, r, "cost_per_h").words(" an hour.").done(2.9));
    }
    if let Some(r) = c.largest(&useful, "benefit_h") {
        let line = Line::new("Most is mended by ").cell(c, r, "change").words(", ").cell(c, r, "benefit_h").words(" for ");
        all.push(line.cell(c, r, "cost").words(".").done(2.8));
    }
    let harmful: Vec<usize> = c.rows().filter(|r| c.number(*r, "benefit_h").is_some_and(|b| b < 0.0)).collect();
    if !harmful.is_empty() {
        let line = Line::new("").count(c, &harmful, "benefit_h").words(plural(harmful.len(), " change does", " changes do"));
        all.push(line.words(" more harm than good: ").names(c, &harmful, "change").words(".").done(2.5));
    }
    let of_none: Vec<usize> = c.rows().filter(|r| c.number(*r, "benefit_h") == Some(0.0)).collect();
    if !of_none.is_empty() {
        let line = Line::new("").count(c, &of_none, "benefit_h").words(plural(
            of_none.len(),
            " change that was tried brings",
            " changes that were tried bring",
        ));
        all.push(line.words(" nothing.").done(2.1));
    }
    all
}

fn portfolio(p: View<'_>, c: View<'_>, effect: &mut Vec<Option<Sentence>>, doubts: &mut Vec<Option<Sentence>>) {
    let chosen: Vec<usize> = c.rows().filter(|r| matches!(c.value(*r, "chosen"), Some(studies::table::Value::Flag(true)))).collect();
    if !chosen.is_empty() {
        let line = Line::new("Chosen: ").names(c, &chosen, "change").words(", for ").sum(c, &chosen, "cost").words(" together.");
        effect.push(line.done(2.95));
    }
    for r in p.rows() {
        let (Some(figure), Some(before), Some(after)) = (p.text(r, "figure"), p.number(r, "before"), p.number(r, "after")) else {
            continue;
        };
        let unit = p.text(r, "unit").unwrap_or_default();
        if figure.contains("did not settle") {
            if before > 0.0 || after > 0.0 {
                let line = Line::new("Steps that did not settle and stand in no figure: ").cell_with(p, r, "before", "", None);
                doubts.push(line.words(" before and ").cell_with(p, r, "after", "", None).words(" after the changes.").done(4.5));
            }
            continue;
        }
        let way = if after < before { " goes down from " } else { " goes up from " };
        let importance = if figure.starts_with("hours") { 2.9 } else { 2.3 };
        let line = if after == before {
            Line::new("The figure ").cell(p, r, "figure").words(" stays at ").cell_with(p, r, "before", unit, None)
        } else {
            let line = Line::new("The figure ").cell(p, r, "figure").words(way).cell_with(p, r, "before", unit, None).words(" to ");
            line.cell_with(p, r, "after", unit, None).words(", by ").change(p, r, "before", "after", unit)
        };
        effect.push(line.words(".").done(importance));
    }
}
