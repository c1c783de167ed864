//! The report of one feeder through time, for people.

use super::feeder::{Question, Solved};
use super::models::ModelRef;
use crate::number::{count, fixed};
use crate::report::{fixed_short, paragraph, section};
use crate::text::{self, Style, Table, shorten};
use network::{ControlMode, SolutionMode};
use studies::time_series::tables::{ControlStatistics, ElementStatistics, NodeStatistics};
use studies::time_series::{TableBatch, VoltageLimits};

/// Rows of a list of the worst.
const WORST: usize = 10;
/// Longest name in a table, columns.
const NAME: usize = 36;

/// The whole report; full series are told by the number of their rows.
pub fn render(model: &ModelRef, question: &Question, solved: &Solved, series: &[TableBatch], style: Style) -> String {
    let (r, t) = (&solved.result, &solved.result.totals);
    let mut text = format!("{}\n", style.bold(&format!("{}  ({})", solved.circuit, model.master.display())));
    let size = format!(
        "{} at {}, {}, {}, {}",
        count(t.nodes as usize, "node"),
        count(t.buses as usize, "bus"),
        count(t.lines as usize, "line"),
        count(t.transformers as usize, "transformer"),
        count(t.loads as usize, "load")
    );
    paragraph(&mut text, &size);
    section(&mut text, style, "Run", |out| run(out, question, solved));
    section(&mut text, style, "Energy", |out| energy(out, solved));
    section(&mut text, style, "Voltages", |out| voltages(out, &question.options.limits, solved));
    section(&mut text, style, "Loading", |out| loading(out, &r.elements));
    if !r.controls.is_empty() {
        section(&mut text, style, "Controls", |out| controls(out, &r.controls));
    }
    if !r.unsettled.is_empty() {
        section(&mut text, style, "Steps that did not settle", |out| unsettled(out, solved));
    }
    if question.prints_steps {
        section(&mut text, style, "Steps", |out| steps(out, solved));
    }
    if !series.is_empty() {
        section(&mut text, style, "Full series", |out| {
            for table in ["node_series", "element_series"] {
                let rows: usize = series.iter().filter(|b| b.table == table).map(|b| b.batch.num_rows()).sum();
                if rows > 0 {
                    paragraph(out, &format!("{table}: {}; --out DIR writes them", count(rows, "row")));
                }
            }
        });
    }
    if !solved.findings.is_empty() {
        let head = format!("Findings: {}", text::tally(&solved.findings));
        section(&mut text, style, &head, |out| out.push_str(&text::diagnostics(&solved.findings, style)));
    }
    text
}

fn run(out: &mut String, question: &Question, solved: &Solved) {
    let (r, t) = (&solved.result, &solved.result.totals);
    let o = &question.options;
    let mode = match o.mode {
        SolutionMode::Yearly => "yearly",
        SolutionMode::Daily => "daily",
        SolutionMode::DutyCycle => "duty",
        _ => "time",
    };
    let controls = match solved.controls {
        ControlMode::Off => "off",
        ControlMode::Static => "static",
        ControlMode::Event => "by event",
        ControlMode::Time => "by time",
        ControlMode::MultiRate => "multi-rate",
    };
    let mut table = Table::new(&["<", "<"]);
    let settled = if t.unsettled == 0 { "all settled".to_owned() } else { format!("{} did not settle", t.unsettled) };
    let stopped = if r.stopped { format!(", interrupted before {}", o.steps) } else { String::new() };
    table.row(["steps".into(), format!("{} of {}, {settled}{stopped}", t.steps, length(t.step_h))]);
    table.row(["asked for".into(), format!("{mode} shapes, controls {controls}, tolerance {:e} pu", solved.tolerance_pu)]);
    let per = |n: u64| fixed(n as f64 / f64::from(t.steps.max(1)), 1);
    table.row(["iterations".into(), format!("{} ({} a step)", t.iterations, per(t.iterations))]);
    table.row(["control actions".into(), t.control_actions.to_string()]);
    out.push_str(&table.render());
}

/// A step length as it is said.
fn length(hours: f64) -> String {
    let s = hours * 3600.0;
    match s {
        s if s >= 3600.0 && s % 3600.0 == 0.0 => count((s / 3600.0) as usize, "hour"),
        s if s >= 60.0 && (s / 60.0 - (s / 60.0).round()).abs() < 1e-9 => count((s / 60.0).round() as usize, "minute"),
        s => format!("{} s", fixed_short(s)),
    }
}

fn energy(out: &mut String, solved: &Solved) {
    let t = &solved.result.totals;
    let digits = match t.energy_kwh.abs().max(t.load_energy_kwh) {
        x if x >= 1e5 => 0,
        x if x >= 1e2 => 1,
        _ => 3,
    };
    let share = |x: f64| if t.energy_kwh > 0.0 { format!("{} %", fixed(x / t.energy_kwh * 100.0, 2)) } else { String::new() };
    let mut table = Table::new(&["<", ">kWh", ">of the sources'"]);
    table.row(["from the sources".into(), fixed(t.energy_kwh, digits), String::new()]);
    table.row(["into loads".into(), fixed(t.load_energy_kwh, digits), share(t.load_energy_kwh)]);
    table.row(["losses".into(), fixed(t.losses_kwh, digits), share(t.losses_kwh)]);
    table.row(["  lines".into(), fixed(t.line_losses_kwh, digits), share(t.line_losses_kwh)]);
    table.row(["  transformers".into(), fixed(t.transformer_losses_kwh, digits), share(t.transformer_losses_kwh)]);
    table.row(["    of which at no load".into(), fixed(t.no_load_losses_kwh, digits), share(t.no_load_losses_kwh)]);
    out.push_str(&table.render());
    if let (Some(peak), Some(hour), Some(lowest)) = (t.peak_kw, t.peak_hour, t.lowest_kw) {
        let mean = t.energy_kwh / (f64::from(t.steps - t.unsettled) * t.step_h);
        let factor = if peak > 0.0 { format!(", load factor {}", fixed(mean / peak, 3)) } else { String::new() };
        paragraph(out, &format!("peak {} kW at hour {}, lowest {} kW{factor}", fixed(peak, 1), fixed_short(hour), fixed(lowest, 1)));
    }
}

fn voltages(out: &mut String, limits: &VoltageLimits, solved: &Solved) {
    let (r, t) = (&solved.result, &solved.result.totals);
    let (Some(low), Some(high)) = (t.v_min_pu, t.v_max_pu) else {
        return paragraph(out, "no node has a voltage base; `calcvoltagebases` in the model would assign them");
    };
    let at = |node: &Option<studies::time_series::tables::Text>, hour: Option<f64>| {
        format!("at {}, hour {}", node.as_deref().unwrap_or("no node"), fixed_short(hour.unwrap_or(0.0)))
    };
    paragraph(out, &format!("lowest {} pu {}", fixed(low, 4), at(&t.v_min_node, t.v_min_hour)));
    paragraph(out, &format!("highest {} pu {}", fixed(high, 4), at(&t.v_max_node, t.v_max_hour)));
    if r.nodes.is_empty() {
        return;
    }
    let mut table = Table::new(&["<", ">from pu", ">to pu", ">nodes below", ">hours", ">nodes above", ">hours"]);
    let mut row = |range: &str, low: f64, high: f64, below: fn(&NodeStatistics) -> f64, above: fn(&NodeStatistics) -> f64| {
        let nodes = |hours: fn(&NodeStatistics) -> f64| r.nodes.iter().filter(|n| hours(n) > 0.0).count().to_string();
        let sum = |hours: fn(&NodeStatistics) -> f64| fixed_short(r.nodes.iter().map(hours).sum::<f64>());
        table.row([range.into(), fixed(low, 4), fixed(high, 4), nodes(below), sum(below), nodes(above), sum(above)]);
    };
    row("range A", limits.a_low_pu, limits.a_high_pu, |n| n.hours_below_a, |n| n.hours_above_a);
    row("range B", limits.b_low_pu, limits.b_high_pu, |n| n.hours_below_b, |n| n.hours_above_b);
    out.push_str(&table.render());
    let beyond = |n: &NodeStatistics| n.hours_below_a + n.hours_above_a;
    let mut worst: Vec<&NodeStatistics> = r.nodes.iter().filter(|n| beyond(n) > 0.0).collect();
    if worst.is_empty() {
        return;
    }
    worst.sort_by(|a, b| beyond(b).total_cmp(&beyond(a)));
    paragraph(out, &format!("{} outside range A for some time{}", count(worst.len(), "node"), shown(worst.len())));
    let mut table = Table::new(&["<node", ">hours below", ">hours above", ">lowest pu", ">mean pu", ">highest pu"]);
    for n in worst.iter().take(WORST) {
        let v = |v: Option<f64>| v.map_or(String::new(), |v| fixed(v, 4));
        let hours = |h: f64| fixed_short(h);
        table.row([shorten(&n.node, NAME), hours(n.hours_below_a), hours(n.hours_above_a), v(n.v_min_pu), v(n.v_mean_pu), v(n.v_max_pu)]);
    }
    out.push_str(&table.render());
}

fn shown(n: usize) -> String {
    if n > WORST { format!(", the worst {WORST}:") } else { ":".to_owned() }
}

fn loading(out: &mut String, elements: &[ElementStatistics]) {
    let mut worst: Vec<&ElementStatistics> = elements.iter().filter(|e| e.loading_max_pct.is_some()).collect();
    worst.sort_by(|a, b| b.loading_max_pct.partial_cmp(&a.loading_max_pct).expect("loadings are numbers"));
    let Some(first) = worst.first() else { return paragraph(out, "no element with a rating was measured") };
    let over = worst.iter().filter(|e| e.hours_above_normal > 0.0).count();
    let of = count(worst.len(), "rated element");
    if over == 0 {
        let highest = fixed(first.loading_max_pct.unwrap_or(0.0), 1);
        paragraph(out, &format!("nothing above its rating; highest of {of}: {} with {highest} %", first.element));
    } else {
        paragraph(out, &format!("{over} of {of} above the rating for some time"));
    }
    let mut table = Table::new(&["<element", ">highest", ">at hour", ">mean", ">95 %", ">hours over", ">losses kWh"]);
    for e in worst.iter().take(WORST) {
        let pct = |x: Option<f64>| x.map_or(String::new(), |x| format!("{} %", fixed(x, 1)));
        table.row([
            shorten(&e.element, NAME),
            pct(e.loading_max_pct),
            fixed_short(e.loading_max_hour.unwrap_or(0.0)),
            pct(e.loading_mean_pct),
            pct(e.loading_p95_pct),
            fixed_short(e.hours_above_normal),
            fixed(e.losses_kwh, 1),
        ]);
    }
    out.push_str(&table.render());
}

fn controls(out: &mut String, controls: &[ControlStatistics]) {
    let mut table = Table::new(&["<control", "<element", ">actions", ">lowest", ">highest", ">final"]);
    let mut busiest: Vec<&ControlStatistics> = controls.iter().collect();
    busiest.sort_by_key(|c| std::cmp::Reverse(c.actions));
    for c in busiest.iter().take(2 * WORST) {
        let position = |x: Option<f64>| x.map_or(String::new(), fixed_short);
        table.row([
            shorten(&c.control, NAME),
            shorten(c.element.as_deref().unwrap_or("several"), NAME),
            c.actions.to_string(),
            position(c.lowest),
            position(c.highest),
            position(c.last),
        ]);
    }
    out.push_str(&table.render());
    if controls.len() > 2 * WORST {
        paragraph(out, &format!("and {} more with fewer actions", controls.len() - 2 * WORST));
    }
}

fn unsettled(out: &mut String, solved: &Solved) {
    let rows = &solved.result.unsettled;
    paragraph(out, "They stand in no other figure of this report.");
    let mut table = Table::new(&[">hour", ">iterations", ">control iterations", "<farthest from balance"]);
    for u in rows.iter().take(WORST) {
        let node = u.worst_node.as_deref().unwrap_or("");
        table.row([fixed_short(u.hour), u.iterations.to_string(), u.control_iterations.to_string(), node.to_owned()]);
    }
    out.push_str(&table.render());
    if rows.len() > WORST {
        paragraph(out, &format!("and {} more", rows.len() - WORST));
    }
}

fn steps(out: &mut String, solved: &Solved) {
    let mut table =
        Table::new(&[">hour", ">source kW", ">kvar", ">loads kW", ">losses kW", ">lowest pu", "<at", ">highest pu", "<at", ">actions"]);
    for s in &solved.result.steps {
        let number = |x: Option<f64>, digits: usize| x.map_or("-".to_owned(), |x| fixed(x, digits));
        let node = |n: &Option<studies::time_series::tables::Text>| shorten(n.as_deref().unwrap_or("-"), 14);
        table.row([
            fixed_short(s.hour),
            number(s.source_kw, 2),
            number(s.source_kvar, 2),
            number(s.load_kw, 2),
            number(s.losses_kw, 2),
            number(s.v_min_pu, 4),
            node(&s.v_min_node),
            number(s.v_max_pu, 4),
            node(&s.v_max_node),
            s.control_actions.to_string(),
        ]);
    }
    out.push_str(&table.render());
}
