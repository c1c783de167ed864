//! A run through time in sentences: the lake's views `feeder_scorecard`, `thermal_overloads` and `voltage_violations`.

use super::{Limits, Line, Narrative, NarrativeError, Sentence, Sheet, Sheets, View, limits, narrative, plural};

/// Assets of one feeder from which on their violations count as systemic; or a tenth of its nodes.
const SYSTEMIC_ASSETS: f64 = 3.0;
const SYSTEMIC_SHARE: f64 = 0.1;

/// What a run through time found.
///
/// # Inputs
/// `feeder_scorecard` with all its columns; `thermal_overloads` and `voltage_violations` where they are at hand, of the same study.
pub fn run_summary(sheets: &[Sheet], told: &Limits) -> Result<Narrative, NarrativeError> {
    let columns: &[&str] = &[
        "feeder",
        "nodes",
        "peak_kw",
        "energy_kwh",
        "losses_pct",
        "v_min_pu",
        "v_max_pu",
        "nodes_outside_a",
        "loading_max_pct",
        "worst_element",
        "overloaded_elements",
        "overload_hours",
        "unsettled",
    ];
    let s = Sheets::new(sheets, &[("feeder_scorecard", columns)])?;
    let card = s.needed("feeder_scorecard");
    let all: Vec<usize> = card.rows().collect();
    Ok(narrative(
        "What the run found",
        vec![
            ("What limits these figures", [limits(told), unsettled(card)].concat()),
            ("Loading", loading(card, s.get("thermal_overloads"))),
            ("Voltage", voltage(card, s.get("voltage_violations"))),
            ("Energy and losses", energy(card, &all)),
        ],
    ))
}

fn unsettled(card: View<'_>) -> Vec<Option<Sentence>> {
    let rows = card.above_zero("unsettled");
    if rows.is_empty() {
        return Vec::new();
    }
    let n = card.sum(&rows, "unsettled") as usize;
    let line = Line::new("").sum(card, &rows, "unsettled").words(plural(n, " step of ", " steps of ")).names(card, &rows, "feeder");
    let words = plural(
        n,
        " did not settle; it stands in no figure, and what it would show is not known.",
        " did not settle; they stand in no figure, and what they would show is not known.",
    );
    vec![line.words(words).done(4.5)]
}

/// Feeders parted into those with violations of many assets and those with few.
fn parted(card: View<'_>, column: &str, of: Option<&str>) -> (Vec<usize>, Vec<usize>) {
    let is_systemic = |r: &usize| {
        let n = card.number(*r, column).unwrap_or(0.0);
        match of.and_then(|c| card.number(*r, c)) {
            Some(all) if all > 0.0 => n / all >= SYSTEMIC_SHARE,
            _ => n >= SYSTEMIC_ASSETS,
        }
    };
    card.above_zero(column).into_iter().partition(is_systemic)
}

fn loading(card: View<'_>, overloads: Option<View<'_>>) -> Vec<Option<Sentence>> {
    let rows = card.above_zero("overloaded_elements");
    let mut all = Vec::new();
    if rows.is_empty() {
        let known: Vec<usize> = card.rows().filter(|r| card.number(*r, "loading_max_pct").is_some()).collect();
        if let Some(r) = card.largest(&known, "loading_max_pct") {
            let line = Line::new("No line or transformer was above its normal rating; the highest loading was ");
            all.push(line.cell(card, r, "loading_max_pct").words(" at ").cell(card, r, "worst_element").words(".").done(1.5));
        }
        return all;
    }
    let n = card.sum(&rows, "overloaded_elements") as usize;
    let line = Line::new("").sum(card, &rows, "overloaded_elements");
    let line = line.words(plural(n, " line or transformer on ", " lines and transformers on "));
    // The verb goes with the elements, of which one feeder may have many.
    let line = line.count(card, &rows, "overloaded_elements").words(plural(rows.len(), " feeder", " feeders"));
    all.push(
        line.words(plural(n, " was", " were"))
            .words(" above the normal rating, for ")
            .sum(card, &rows, "overload_hours")
            .words(" in all.")
            .done(3.9),
    );
    if let Some(r) = card.largest(&rows, "loading_max_pct") {
        let line = Line::new("The heaviest loading was ").cell_with(card, r, "loading_max_pct", "%", Some(100.0));
        all.push(line.words(" at ").cell(card, r, "worst_element").words(" of feeder ").cell(card, r, "feeder").words(".").done(3.8));
    }
    let (systemic, isolated) = parted(card, "overloaded_elements", None);
    let words = Grouped { one: "overload", many: "overloads", extent: "many assets", single: ["a single asset", "single assets"] };
    all.extend(grouped(card, &systemic, &isolated, "overloaded_elements", &words));
    if let Some(o) = overloads.filter(|o| ["element", "feeder", "hours_above_normal", "hours_above_emergency"].iter().all(|c| o.has(c))) {
        let rows: Vec<usize> = o.rows().collect();
        if let Some(r) = o.largest(&rows, "hours_above_normal") {
            let line = Line::new("").cell(o, r, "element").words(" of feeder ").cell(o, r, "feeder");
            all.push(line.words(" was above its rating longest, for ").cell(o, r, "hours_above_normal").words(".").done(3.5));
        }
        let emergency = o.above_zero("hours_above_emergency");
        if !emergency.is_empty() {
            let line = Line::new("").count(o, &emergency, "hours_above_emergency");
            let line = line.words(plural(emergency.len(), " line or transformer was", " lines and transformers were"));
            let line = line.words(" above the emergency rating: ");
            all.push(line.names(o, &emergency, "element").words(".").done(3.95));
        }
    }
    all
}

/// Words for violations of a kind.
struct Grouped {
    one: &'static str,
    many: &'static str,
    /// How much of a feeder is systemic.
    extent: &'static str,
    /// What one isolated violation concerns, and what several do.
    single: [&'static str; 2],
}

/// Where violations are many on a feeder, and where few.
fn grouped(card: View<'_>, systemic: &[usize], isolated: &[usize], column: &str, w: &Grouped) -> Vec<Option<Sentence>> {
    let mut all = Vec::new();
    for (rows, kind, importance) in [(systemic, "systemic", 3.6), (isolated, "isolated", 3.3)] {
        if rows.is_empty() {
            continue;
        }
        let n = card.sum(rows, column) as usize;
        let line = Line::new("On ").names(card, rows, "feeder").words(" the ").words(plural(n, w.one, w.many));
        let line = line.words(plural(n, " is ", " are ")).words(kind).words(plural(n, ": it concerns ", ": they concern "));
        let line = if kind == "systemic" {
            line.words(w.extent).words(plural(rows.len(), " of the feeder (", " of each of these feeders ("))
        } else {
            line.words(plural(n, w.single[0], w.single[1])).words(" (")
        };
        all.push(line.sum(card, rows, column).words(plural(n, " in all).", " together).")).done(importance));
    }
    all
}

fn voltage(card: View<'_>, violations: Option<View<'_>>) -> Vec<Option<Sentence>> {
    let rows = card.above_zero("nodes_outside_a");
    let known: Vec<usize> = card.rows().filter(|r| card.number(*r, "v_min_pu").is_some()).collect();
    let mut all = Vec::new();
    if rows.is_empty() {
        if let (Some(low), Some(high)) = (card.smallest(&known, "v_min_pu"), card.largest(&known, "v_max_pu")) {
            let line = Line::new("All voltages stayed within range A, between ").cell(card, low, "v_min_pu").words(" and ");
            all.push(line.cell(card, high, "v_max_pu").words(".").done(1.4));
        }
        return all;
    }
    let n = card.sum(&rows, "nodes_outside_a") as usize;
    let line = Line::new("").sum(card, &rows, "nodes_outside_a").words(plural(n, " node on ", " nodes on "));
    let line = line.count(card, &rows, "nodes_outside_a").words(plural(rows.len(), " feeder", " feeders"));
    all.push(line.words(plural(n, " was", " were")).words(" outside voltage range A at some time.").done(3.85));
    let (systemic, isolated) = parted(card, "nodes_outside_a", Some("nodes"));
    let words = Grouped {
        one: "voltage outside range A",
        many: "voltages outside range A",
        extent: "a tenth of the nodes or more",
        single: ["a single node", "single nodes"],
    };
    all.extend(grouped(card, &systemic, &isolated, "nodes_outside_a", &words));
    let Some(v) =
        violations.filter(|v| ["feeder", "ansi_range", "side", "node_hours", "worst_node", "worst_v_pu"].iter().all(|c| v.has(c)))
    else {
        return all;
    };
    for (side, words, low) in [("below", "The lowest voltage was ", true), ("above", "The highest voltage was ", false)] {
        let of_side: Vec<usize> = v.of_word("side", side).into_iter().filter(|r| v.text(*r, "ansi_range") == Some("A")).collect();
        let worst = if low { v.smallest(&of_side, "worst_v_pu") } else { v.largest(&of_side, "worst_v_pu") };
        let Some(r) = worst else { continue };
        let limit = Some(if low { 0.95 } else { 1.05 });
        let line =
            Line::new(words).cell_with(v, r, "worst_v_pu", "pu", limit).words(" at node ").cell(v, r, "worst_node").words(" of feeder ");
        let line = line.cell(v, r, "feeder").words("; nodes were ").words(side).words(" range A for ");
        all.push(line.sum(v, &of_side, "node_hours").words(" in all.").done(3.7));
    }
    all
}

fn energy(card: View<'_>, rows: &[usize]) -> Vec<Option<Sentence>> {
    let mut all = Vec::new();
    if let Some(r) = card.largest(rows, "peak_kw") {
        let line = Line::new(if rows.len() == 1 { "The peak was " } else { "The highest peak was " });
        all.push(line.cell(card, r, "peak_kw").words(" on feeder ").cell(card, r, "feeder").words(".").done(1.3));
    }
    if let Some(r) = card.largest(rows, "losses_pct") {
        let line = Line::new(if rows.len() == 1 { "Losses were " } else { "Losses were highest on feeder " });
        let line = if rows.len() == 1 { line } else { line.cell(card, r, "feeder").words(", with ") };
        all.push(line.cell(card, r, "losses_pct").words(" of the energy supplied.").done(1.2));
    }
    let line = Line::new("").sum(card, rows, "energy_kwh").words(" were supplied to ").count(card, rows, "feeder").words(plural(
        rows.len(),
        " feeder.",
        " feeders.",
    ));
    all.push(line.done(1.1));
    all
}
