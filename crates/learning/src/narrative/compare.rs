//! A comparison of studies in sentences: the tables `feeders` and `assets` of `studies::comparison`.

use super::{Limits, Line, Narrative, NarrativeError, Sentence, Sheet, Sheets, View, limits, narrative, plural};

/// What a case has that its base has not.
pub fn comparison(sheets: &[Sheet], told: &Limits) -> Result<Narrative, NarrativeError> {
    let feeders: &[&str] =
        &["feeder", "case", "new", "worsened", "added", "same", "eased", "mended", "gone", "new_h", "mended_h", "steps_left_out"];
    let assets: &[&str] =
        &["asset", "feeder", "case", "limit", "became", "base_h", "case_h", "worst_base", "worst_case", "limit_value", "unit"];
    let s = Sheets::new(sheets, &[("feeders", feeders), ("assets", assets)])?;
    let (f, a) = (s.needed("feeders"), s.needed("assets"));
    let mut cases: Vec<&str> = f.rows().filter_map(|r| f.text(r, "case")).collect();
    cases.dedup();
    let left_out = f.above_zero("steps_left_out");
    let mut doubts = limits(told);
    if !left_out.is_empty() {
        let n = f.sum(&left_out, "steps_left_out") as usize;
        let line =
            Line::new("").sum(f, &left_out, "steps_left_out").words(plural(n, " step of ", " steps of ")).names(f, &left_out, "feeder");
        let counts = plural(
            n,
            " did not settle in one of the studies and counts in neither.",
            " did not settle in one of the studies and count in neither.",
        );
        doubts.push(line.words(counts).done(4.5));
    }
    let mut sections: Vec<(&str, Vec<Option<Sentence>>)> = vec![("What limits these figures", doubts)];
    let (mut worse, mut better, mut same) = (Vec::new(), Vec::new(), Vec::new());
    for case in cases {
        let of_case = |v: View<'_>, r: &usize| v.text(*r, "case") == Some(case);
        let rows: Vec<usize> = f.rows().filter(|r| of_case(f, r)).collect();
        let (got_worse, got_better) = (changes(f, a, &rows, case, true), changes(f, a, &rows, case, false));
        if got_worse.is_empty() && got_better.is_empty() {
            let line = Line::new("").cell(f, rows[0], "case").words(" passes no limit that the base does not pass, and mends none.");
            same.push(line.done(2.1));
        }
        worse.extend(got_worse);
        better.extend(got_better);
    }
    sections.extend([("New and worse", worse), ("Mended and eased", better), ("Unchanged", same)]);
    Ok(narrative("What changes against the base", sections))
}

fn changes(f: View<'_>, a: View<'_>, rows: &[usize], case: &str, worse: bool) -> Vec<Option<Sentence>> {
    let (first, second, hours) = if worse { ("new", "worsened", "new_h") } else { ("mended", "eased", "mended_h") };
    let with = |column: &str| -> Vec<usize> { rows.iter().copied().filter(|r| f.number(*r, column).is_some_and(|x| x > 0.0)).collect() };
    let (of_first, of_second) = (with(first), with(second));
    let mut all = Vec::new();
    let rank = if worse { 3.0 } else { 2.0 };
    let n = |rows: &[usize], column: &str| f.sum(rows, column) as usize;
    if !of_first.is_empty() {
        let line = Line::new("In ").cell(f, of_first[0], "case").words(", ").sum(f, &of_first, first);
        let line = line.words(plural(n(&of_first, first), " limit of an asset is ", " limits of assets are "));
        let line = line.words(if worse { "newly passed" } else { "no longer passed" }).words(" on ").names(f, &of_first, "feeder");
        all.push(
            line.words(", ")
                .sum(f, &of_first, hours)
                .words(if worse { " beyond limits that the base did not have." } else { " less." })
                .done(rank + 0.9),
        );
    }
    if !of_second.is_empty() {
        let line = Line::new("In ").cell(f, of_second[0], "case").words(", ").sum(f, &of_second, second);
        let line = line.words(plural(n(&of_second, second), " limit is", " limits are")).words(" passed ");
        let line = line.words(if worse { "longer or farther than in the base, on " } else { "for less time or less far, on " });
        all.push(line.names(f, &of_second, "feeder").words(".").done(rank + 0.7));
    }
    // The asset with most hours more, or less.
    let words: &[&str] = if worse { &["new", "worsened"] } else { &["mended", "eased"] };
    let mine = |r: &usize| a.text(*r, "case") == Some(case) && a.text(*r, "became").is_some_and(|b| words.contains(&b));
    let gain = |r: usize| {
        let (b, c) = (a.number(r, "base_h").unwrap_or(0.0), a.number(r, "case_h").unwrap_or(0.0));
        if worse { c - b } else { b - c }
    };
    let worst = a.rows().filter(mine).max_by(|x, y| gain(*x).total_cmp(&gain(*y)).then(y.cmp(x)));
    if let Some(r) = worst.filter(|r| gain(*r) > 0.0) {
        let line = Line::new("The largest change is at ").cell(a, r, "asset").words(" of feeder ").cell(a, r, "feeder").words(" (");
        let line = line.words(limit_words(a.text(r, "limit").unwrap_or_default())).words("): from ");
        let line = line.cell(a, r, "base_h").words(" to ").cell(a, r, "case_h");
        let worst_case = a.number(r, "worst_case").filter(|_| worse);
        let line = match worst_case {
            Some(_) => {
                let unit = a.text(r, "unit").unwrap_or_default();
                line.words(", with ").cell_with(a, r, "worst_case", unit, a.number(r, "limit_value")).words(" at the worst")
            }
            None => line,
        };
        all.push(line.words(".").done(rank + 0.5));
    }
    all
}

fn limit_words(limit: &str) -> &'static str {
    match limit {
        "overload" => "above the normal rating",
        "over_emergency" => "above the emergency rating",
        "below_a" => "below voltage range A",
        "above_a" => "above voltage range A",
        "below_b" => "below voltage range B",
        "above_b" => "above voltage range B",
        _ => "beyond a limit",
    }
}
