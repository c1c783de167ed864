//! The report of `gridtwin operations`.

use super::{OperationsArguments, Run};
use crate::number::{count, fixed};
use crate::report::{paragraph, section};
use crate::text::{Style, Table};
use learning::routing::Shown;
use studies::operations::{Proof, Value};

/// Alerts and routes that are shown.
const SHOWN: usize = 12;
/// What a gap is held against, percent, in the tally of several seeds.
const WITHIN_PCT: f64 = 2.0;

pub(super) fn all(arguments: &OperationsArguments, runs: &[Run], style: Style) -> String {
    match runs {
        [run] => one(run, style),
        runs => several(arguments, runs, style),
    }
}

fn proof(run: &Run) -> String {
    let o = &run.optimum;
    let bounded =
        format!("{} of branch and bound, {} bounded", count(o.n_nodes as usize, "node"), count(o.n_bounded as usize, "configuration"));
    match (o.proof, o.gap_pct) {
        (Proof::Bounded, _) => format!("proven: no configuration is better ({bounded})"),
        (Proof::Enumerated, _) => "proven: every configuration was solved".to_owned(),
        (Proof::Gap, Some(gap)) => format!("not proven: at most {} % above the optimum ({bounded})", fixed(gap, 3)),
        _ => "not proven, and no gap is known".to_owned(),
    }
}

fn gap(pct: Option<f64>) -> String {
    pct.map_or_else(|| "refused".to_owned(), |pct| fixed(pct, 2))
}

fn one(run: &Run, style: Style) -> String {
    let (f, o) = (&run.figures, &run.optimum);
    let pct = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| fixed(x, 2));
    let mut text = format!("{}\n", style.bold(&run.view.network));
    paragraph(
        &mut text,
        &format!(
            "{}, {}, {} of them open. Demand {} kW; losses {} kW, {} % of what is delivered: transmission {}, distribution {}, technical {} kW. Renewable {} %.",
            count(run.view.nodes.len(), "node"),
            count(run.view.edges.len(), "edge"),
            run.view.edges.iter().filter(|e| !e.is_closed).count(),
            fixed(f.demand_kw, 1),
            fixed(f.losses.total_kw, 3),
            pct(f.losses_pct),
            fixed(f.losses.transmission_kw, 3),
            fixed(f.losses.distribution_kw, 3),
            fixed(f.losses.technical_kw, 3),
            pct(f.renewable_pct),
        ),
    );
    paragraph(
        &mut text,
        &format!(
            "Mean risk of the edges {}. Load of the next hour by the daily profile {} kW.",
            run.scores.mean_of_edges().map_or_else(|| "-".to_owned(), |r| fixed(r, 3)),
            run.forecast.hours.first().map_or_else(|| "-".to_owned(), |h| fixed(h.p_kw, 1)),
        ),
    );
    section(&mut text, style, "Which switches stand open", |out| {
        let mut table = Table::new(&["<by", ">losses kW", ">risk kW", ">objective kW", ">above best %", "<open"]);
        let mut row = |by: &str, value: Option<Value>, open: &[String]| {
            let [losses, risk, objective, above] = match value {
                Some(v) => [
                    fixed(v.losses_kw, 3),
                    fixed(v.risk_kw, 3),
                    fixed(v.objective_kw(), 3),
                    if v.is_admissible { fixed(o.above_pct(v.objective_kw()), 2) } else { "refused".into() },
                ],
                None => ["-".into(), "-".into(), "no solution".into(), "-".into()],
            };
            let short = if open.len() > 6 { format!("{} and {} more", open[..6].join(" "), open.len() - 6) } else { open.join(" ") };
            table.row([by.into(), losses, risk, objective, above, short.replace("line.", "")]);
        };
        row("today's switches", Some(o.today.value), &o.today.open);
        if let Some(l) = &run.learned {
            let mut learnt = |by: &str, shown: &Shown| row(by, shown.value, &shown.open);
            learnt("random policy, best episode", &l.random.best);
            learnt("policy before learning", &l.first_greedy);
            learnt("policy after learning", &l.greedy);
            learnt("learning, best episode", &l.best_episode);
        }
        row("branch exchange", Some(o.exchange.value), &o.exchange.open);
        row("best", Some(o.best.value), &o.best.open);
        out.push_str(&table.render());
    });
    let mut after = format!("The best is {}, in {} s.", proof(run), fixed(run.optimum_s, 2));
    if let Some(bound) = o.lower_bound_kw {
        after += &format!(" Lower bound {} kW", fixed(bound, 3));
        after += &o.meshed_bound_kw.map_or_else(|| ".".to_owned(), |kw| format!("; with all loops closed {} kW.", fixed(kw, 3)));
    }
    if let Some(n) = o.n_configurations {
        after += &format!(" There are {} radial configurations.", if n < 1e6 { fixed(n, 0) } else { format!("{n:.1e}") });
    }
    paragraph(&mut text, &after);
    if let Some(l) = &run.learned {
        paragraph(
            &mut text,
            &format!(
                "{} in {} s, {} solved. A random policy is {} % above the best on average, {} of its episodes admissible.",
                count(l.episodes.len(), "episode"),
                fixed(run.learning_s, 2),
                count(l.n_solved, "configuration"),
                gap(l.random.mean_gap_pct),
                l.random.n_admissible,
            ),
        );
    }
    section(&mut text, style, "Routes in the best configuration", |out| {
        let mut table = Table::new(&["<load", "<source", "<over"]);
        for route in run.routes.iter().take(SHOWN) {
            table.row([route.load_bus.clone(), route.source_bus.clone(), route.elements.join(" ").replace("line.", "")]);
        }
        out.push_str(&table.render());
        if run.routes.len() > SHOWN {
            out.push_str(&format!("  and {} more, see --json\n", run.routes.len() - SHOWN));
        }
    });
    if !run.alerts.is_empty() {
        section(&mut text, style, "Alerts with today's switches", |out| {
            let mut table = Table::new(&["<what", "<where", ">value", ">limit", "<unit"]);
            for a in run.alerts.iter().take(SHOWN) {
                let what = format!("{:?}", a.kind).to_lowercase();
                table.row([what, a.at.clone(), fixed(a.value, 3), fixed(a.limit, 3), a.unit.clone()]);
            }
            out.push_str(&table.render());
        });
    }
    text
}

fn several(arguments: &OperationsArguments, runs: &[Run], style: Style) -> String {
    let of = match &arguments.model {
        Some(path) => path.display().to_string(),
        None => format!("{} with {}", count(arguments.nodes as usize, "node"), count(arguments.generators as usize, "generator")),
    };
    let mut text = format!("{}\n\n", style.bold(&format!("{of}, {}", count(runs.len(), "seed"))));
    let mut table = Table::new(&[
        ">seed",
        ">best kW",
        "<proof",
        ">today %",
        ">exchange %",
        ">random mean %",
        ">random best %",
        ">before %",
        ">policy %",
        ">best episode %",
        ">optimum s",
        ">learning s",
    ]);
    for run in runs {
        let o = &run.optimum;
        let learned = run.learned.as_ref();
        let of = |shown: fn(&learning::routing::Learned) -> Option<f64>| learned.map_or_else(|| "-".to_owned(), |l| gap(shown(l)));
        table.cells(vec![
            run.seed.to_string(),
            fixed(o.best.value.objective_kw(), 3),
            format!("{:?}", o.proof).to_lowercase(),
            fixed(o.above_pct(o.today.value.objective_kw()), 2),
            fixed(o.above_pct(o.exchange.value.objective_kw()), 2),
            of(|l| l.random.mean_gap_pct),
            of(|l| l.random.best.gap_pct),
            of(|l| l.first_greedy.gap_pct),
            of(|l| l.greedy.gap_pct),
            of(|l| l.best_episode.gap_pct),
            fixed(run.optimum_s, 2),
            fixed(run.learning_s, 2),
        ]);
    }
    text.push_str(&table.render());
    if runs.iter().all(|r| r.learned.is_some()) {
        let gaps: Vec<Option<f64>> = runs.iter().map(|r| r.learned.as_ref().and_then(|l| l.greedy.gap_pct)).collect();
        let within = gaps.iter().filter(|g| g.is_some_and(|g| g <= WITHIN_PCT)).count();
        let largest = gaps.iter().map(|g| g.unwrap_or(f64::INFINITY)).fold(0.0, f64::max);
        let proven = runs.iter().filter(|r| r.optimum.is_exact()).count();
        paragraph(
            &mut text,
            &format!(
                "The policy after learning is within {} % of the best in {within} of {}; farthest {} %. The best is proven in {proven} of {}.",
                fixed(WITHIN_PCT, 0),
                runs.len(),
                if largest.is_finite() { fixed(largest, 2) } else { "refused".into() },
                runs.len(),
            ),
        );
    }
    text
}
