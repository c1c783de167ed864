//! The report of a study of hosting capacity for people, and its summary for programs.

use crate::model::Model;
use crate::number::{count, fixed};
use crate::report::{fixed_short, paragraph, section};
use crate::text::{Style, Table, shorten};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use studies::hosting::{HostingOptions, HostingResult, Hours, SiteResult};

/// Buses that a report lists.
const SHOWN: usize = 25;

/// One line a kind of resource.
pub fn head_lines(model: &Model, results: &[HostingResult]) -> String {
    let mut text = String::new();
    for r in results {
        let found = match &r.draws {
            Some(d) => {
                let figure = |name: &str| d.figures.iter().find(|f| f.0 == name).map_or(f64::NAN, |f| f.1.value);
                format!(
                    "mean {} kW, P5 {} kW, P95 {} kW over {}",
                    short(figure("mean")),
                    short(figure("p5")),
                    short(figure("p95")),
                    count(d.draws.len(), "draw")
                )
            }
            None => {
                let kw = capacities(r);
                let (low, high) = (kw.iter().copied().fold(f64::INFINITY, f64::min), kw.iter().copied().fold(0.0, f64::max));
                format!("{} to {} kW at {}", short(low), short(high), count(kw.len(), "bus"))
            }
        };
        writeln!(text, "{}: {} for {}, {found}", model.network.name, r.method.word(), r.der.word()).expect("writing to a string");
    }
    text
}

fn short(x: f64) -> String {
    if x.is_finite() { fixed_short((x * 10.0).round() / 10.0) } else { "-".to_owned() }
}

fn capacities(r: &HostingResult) -> Vec<f64> {
    r.sites.iter().filter_map(SiteResult::capacity_kw).collect()
}

/// The whole report.
pub fn render(model: &Model, options: &HostingOptions, results: &[HostingResult], style: Style) -> String {
    let mut text = String::new();
    let title = format!("{}  ({})", model.network.name, model.name);
    writeln!(text, "{}", style.bold(&title)).expect("writing to a string");
    let moments = match &options.hours {
        Hours::Snapshot => "the model's operating point".to_owned(),
        Hours::All => format!("all {} of the series", count(options.series.steps as usize, "step")),
        Hours::Binding => "the binding steps of the series".to_owned(),
        Hours::Chosen(s) => format!("{} of the series", count(s.len(), "step")),
    };
    let criteria: Vec<String> =
        options.criteria.iter().skip(1).map(|(c, limit)| format!("{} {} {}", c.name(), fixed_short(limit), c.unit())).collect();
    paragraph(&mut text, &format!("Hosting capacity at {moments}. Limits: {}.", criteria.join(", ")));
    for r in results {
        match &r.draws {
            Some(_) => draws(&mut text, r, style),
            None => buses(&mut text, r, style),
        }
        moments_table(&mut text, r, style);
    }
    text
}

fn buses(text: &mut String, r: &HostingResult, style: Style) {
    let head = format!("{} for {}", r.method.word(), r.der.word());
    section(text, style, &head, |out| {
        let kw = capacities(r);
        let mut sorted = kw.clone();
        sorted.sort_by(f64::total_cmp);
        let median = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN);
        let (low, high) = (sorted.first().copied().unwrap_or(f64::NAN), sorted.last().copied().unwrap_or(f64::NAN));
        paragraph(
            out,
            &format!("{}: lowest {} kW, median {} kW, highest {} kW", count(kw.len(), "bus"), short(low), short(median), short(high)),
        );
        let mut limits: BTreeMap<&str, usize> = BTreeMap::new();
        for s in r.sites.iter().filter(|s| s.found.is_some()) {
            *limits.entry(s.crossing().map_or("the largest size", |c| c.criterion.name())).or_default() += 1;
        }
        let mut limits: Vec<_> = limits.into_iter().collect();
        limits.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let words: Vec<String> = limits.iter().map(|(name, n)| format!("{name} at {}", count(*n, "bus"))).collect();
        paragraph(out, &format!("limited by {}", words.join(", ")));
        paragraph(out, &work(r));
        let mut order: Vec<&SiteResult> = r.sites.iter().filter(|s| s.found.is_some()).collect();
        order.sort_by(|a, b| a.capacity_kw().partial_cmp(&b.capacity_kw()).unwrap_or(std::cmp::Ordering::Equal));
        let mut table = Table::new(&["<bus", "<phases", ">kW", "<limited by", ">value", ">limit", "<at", "<step"]);
        for s in order.iter().take(SHOWN) {
            let c = s.crossing();
            table.row([
                shorten(&s.bus, 16),
                s.site.as_ref().map_or_else(String::new, |s| s.phase_letters()),
                short(s.capacity_kw().unwrap_or(f64::NAN)),
                c.map_or_else(|| s.status().to_owned(), |c| c.criterion.name().to_owned()),
                c.map_or_else(String::new, |c| fixed(c.reading.value, 3)),
                c.map_or_else(String::new, |c| fixed_short(c.limit)),
                c.map_or_else(String::new, |c| shorten(&r.name_of(c.reading.at), 18)),
                c.and_then(|c| c.moment.step).map_or_else(String::new, |s| s.to_string()),
            ]);
        }
        out.push_str(&table.render());
        if order.len() > SHOWN {
            paragraph(out, &format!("and {} that host more; --out DIR writes all", order.len() - SHOWN));
        }
    });
    relaxations(text, r, style);
}

/// The best change at each of the buses that host least.
fn relaxations(text: &mut String, r: &HostingResult, style: Style) {
    let mut best: Vec<_> = r
        .sites
        .iter()
        .filter_map(|s| {
            let gains = s.relaxed.iter().filter(|r| !r.unsettled && r.gain_kw > 0.0);
            Some((s, gains.max_by(|a, b| a.gain_kw.total_cmp(&b.gain_kw))?))
        })
        .collect();
    if best.is_empty() {
        return;
    }
    best.sort_by(|a, b| a.0.capacity_kw().partial_cmp(&b.0.capacity_kw()).unwrap_or(std::cmp::Ordering::Equal));
    section(text, style, "What would relax the limit most, solved again", |out| {
        let mut table = Table::new(&["<bus", "<change", ">kW now", ">then", "<then limited by"]);
        for (s, b) in best.iter().take(SHOWN) {
            table.row([
                shorten(&s.bus, 16),
                shorten(&b.change, 40),
                short(s.capacity_kw().unwrap_or(f64::NAN)),
                short(b.capacity_kw),
                b.crossing.map_or("", |c| c.criterion.name()).to_owned(),
            ]);
        }
        out.push_str(&table.render());
        if best.len() > SHOWN {
            paragraph(out, &format!("and {} more", best.len() - SHOWN));
        }
    });
}

fn work(r: &HostingResult) -> String {
    let what = match r.method {
        studies::hosting::Method::Streamlined => "triangular solution",
        _ => "power flow",
    };
    let certified = match r.mismatch_va {
        Some(va) => format!("; largest mismatch of {} at the capacities: {va:.2e} VA", count(r.n_certified, "solution")),
        None => String::new(),
    };
    format!("{}{certified}", count(r.n_solved as usize, what))
}

fn draws(text: &mut String, r: &HostingResult, style: Style) {
    let Some(d) = &r.draws else { return };
    let head = format!("{} for {}, {}", r.method.word(), r.der.word(), count(d.draws.len(), "draw"));
    section(text, style, &head, |out| {
        let mut table = Table::new(&["<figure", ">kW", ">95 % from", ">to", "<"]);
        let side = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| fixed(x, 1));
        for (name, e) in &d.figures {
            let note = if e.at_least { "at least: some draws found no limit" } else { "" };
            table.row([(*name).to_owned(), fixed(e.value, 1), side(e.low), side(e.high), note.to_owned()]);
        }
        out.push_str(&table.render());
        let share = |n: usize| fixed(100.0 * n as f64 / d.draws.len() as f64, 1);
        let words: Vec<String> = d.factors.iter().map(|(name, n)| format!("{name} {} %", share(*n))).collect();
        paragraph(out, &format!("ended by {}", words.join(", ")));
        paragraph(out, &work(r));
    });
    section(text, style, "Places that end most draws", |out| {
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for c in d.draws.iter().filter_map(|d| d.crossing) {
            *places.entry(r.name_of(c.reading.at)).or_default() += 1;
        }
        let mut places: Vec<_> = places.into_iter().collect();
        places.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut table = Table::new(&["<place", ">% of draws"]);
        for (place, n) in places.iter().take(10) {
            table.row([shorten(place, 40), fixed(100.0 * *n as f64 / d.draws.len() as f64, 1)]);
        }
        out.push_str(&table.render());
    });
}

fn moments_table(text: &mut String, r: &HostingResult, style: Style) {
    if r.moments.len() < 2 {
        return;
    }
    section(text, style, "Steps at which limits were held", |out| {
        let mut table = Table::new(&[">step", ">hour", ">output", ">net kW", "<why"]);
        for m in r.moments.iter().take(SHOWN) {
            table.row([
                m.moment.step.map_or_else(String::new, |s| s.to_string()),
                m.moment.hour.map_or_else(String::new, fixed_short),
                fixed(m.moment.output, 3),
                m.net_kw.map_or_else(|| "not settled".to_owned(), |kw| fixed(kw, 1)),
                shorten(&m.why.join(", "), 56),
            ]);
        }
        out.push_str(&table.render());
    });
}

/// The study in one record.
pub fn summary(model: &Model, options: &HostingOptions, results: &[HostingResult]) -> Json {
    let criteria: serde_json::Map<String, Json> =
        options.criteria.iter().skip(1).map(|(c, limit)| (c.name().to_owned(), json!({ "limit": limit, "unit": c.unit() }))).collect();
    let of = |r: &HostingResult| {
        let kw = capacities(r);
        let mut limits: BTreeMap<&str, usize> = BTreeMap::new();
        for s in &r.sites {
            *limits.entry(s.crossing().map_or_else(|| s.status(), |c| c.criterion.name())).or_default() += 1;
        }
        let figures = r.draws.as_ref().map(|d| {
            let one = |(name, e): &(&str, studies::hosting::stochastic::Estimate)| {
                ((*name).to_owned(), json!({ "kw": e.value, "low_kw": e.low, "high_kw": e.high, "at_least": e.at_least }))
            };
            json!({
                "draws": d.draws.len(),
                "figures": d.figures.iter().map(one).collect::<serde_json::Map<_, _>>(),
                "factors": d.factors.iter().map(|(n, k)| ((*n).to_owned(), json!(k))).collect::<serde_json::Map<_, _>>(),
            })
        });
        json!({
            "der": r.der.word(),
            "buses": kw.len(),
            "lowest_kw": kw.iter().copied().reduce(f64::min),
            "highest_kw": kw.iter().copied().reduce(f64::max),
            "limited_by": limits,
            "stochastic": figures,
            "solved": r.n_solved,
            "certified": r.n_certified,
            "mismatch_va": r.mismatch_va,
        })
    };
    json!({
        "circuit": model.network.name,
        "model": model.name,
        "method": options.method.word(),
        "criteria": criteria,
        "power_factor": options.power_factor,
        "seed": options.stochastic.seed,
        "hours": match &options.hours {
            Hours::Snapshot => json!("snapshot"),
            Hours::Binding => json!("binding"),
            Hours::All => json!("all"),
            Hours::Chosen(s) => json!(s),
        },
        "steps": options.series.steps,
        "profile": options.profile,
        "results": results.iter().map(of).collect::<Vec<_>>(),
    })
}
