//! A prediction of reliability in sentences: the tables `load_points` and `elements`.

use super::{Limits, Line, Narrative, NarrativeError, Sheet, Sheets, limits, narrative, plural};

/// Who is interrupted most, and which failures cost most.
pub fn reliability(sheets: &[Sheet], told: &Limits) -> Result<Narrative, NarrativeError> {
    let points: &[&str] = &["load", "bus", "customers", "interruptions_per_yr", "unavailability_h_per_yr"];
    let elements: &[&str] = &["element", "failures_per_yr", "repair_h", "customer_hours_per_yr", "energy_kwh_per_yr"];
    let s = Sheets::new(sheets, &[("load_points", points), ("elements", elements)])?;
    let (p, e) = (s.needed("load_points"), s.needed("elements"));
    let rows: Vec<usize> = p.rows().collect();
    let mut who = Vec::new();
    if let Some(r) = p.largest(&rows, "unavailability_h_per_yr") {
        let line = Line::new("Without supply longest is load ").cell(p, r, "load").words(" at ").cell(p, r, "bus").words(": ");
        who.push(
            line.cell(p, r, "unavailability_h_per_yr")
                .words(", in ")
                .cell_with(p, r, "interruptions_per_yr", "", None)
                .words(" interruptions a year.")
                .done(3.5),
        );
    }
    if let Some(r) = p.smallest(&rows, "unavailability_h_per_yr").filter(|_| rows.len() > 1) {
        let line = Line::new("Best off is load ").cell(p, r, "load").words(" with ").cell(p, r, "unavailability_h_per_yr").words(".");
        who.push(line.done(1.5));
    }
    let all: Vec<usize> = e.rows().collect();
    let total = e.sum(&all, "customer_hours_per_yr");
    let mut what = Vec::new();
    if let Some(r) = e.largest(&all, "customer_hours_per_yr").filter(|_| total > 0.0) {
        let line = Line::new("Failures of ").cell(e, r, "element").words(" cost most: ").cell(e, r, "customer_hours_per_yr");
        let line = line.words(" of customers, of ").sum(e, &all, "customer_hours_per_yr");
        let line = line.words(plural(all.len(), " by the ", " by all ")).count(e, &all, "element");
        what.push(line.words(plural(all.len(), " element that fails.", " elements that fail.")).done(3.4));
        what.push(Line::new("Energy not supplied is ").sum(e, &all, "energy_kwh_per_yr").words(".").done(3.0));
        // How few elements make half of it: systemic where it takes many.
        let mut order = all.clone();
        order.sort_by(|a, b| {
            let of = |r: &usize| e.number(*r, "customer_hours_per_yr").unwrap_or(0.0);
            of(b).total_cmp(&of(a)).then(a.cmp(b))
        });
        let mut sum = 0.0;
        let few: Vec<usize> = order
            .into_iter()
            .take_while(|r| {
                let more = sum < 0.5 * total;
                sum += e.number(*r, "customer_hours_per_yr").unwrap_or(0.0);
                more
            })
            .collect();
        let isolated = few.len() <= (all.len() / 10).max(1);
        let line = Line::new("").count(e, &few, "customer_hours_per_yr").words(plural(few.len(), " element makes", " elements make"));
        let line = line.words(" half of these hours or more: ").names(e, &few, "element");
        let words = if isolated { "; the causes are few." } else { "; the causes are spread over the network." };
        what.push(line.words(words).done(3.2));
    }
    let sections = vec![("What limits these figures", limits(told)), ("Who is interrupted", who), ("What causes it", what)];
    Ok(narrative("Predicted reliability", sections))
}
