//! The report of a solved power flow for people: aligned, every number with its unit, within 100 columns.

use crate::number::{count, fixed};
use crate::text::{self, Style, Table, WIDTH, shorten, wrap};
use crate::view::{NodeVoltage, PowerSum, SolveView};
use network::{ControlMode, SolutionMode};
use std::fmt::Write;

/// Longest element or node name in a table, columns.
const NAME_COLUMNS: usize = 36;

/// The whole report.
pub fn render(view: &SolveView, style: Style) -> String {
    let mut text = String::new();
    let title = format!("{}  ({})", view.circuit, view.model);
    writeln!(text, "{}", style.bold(&title)).expect("writing to a string");
    let elements = view.elements.iter().map(|c| count(c.count, &c.class)).collect::<Vec<_>>().join(", ");
    let size = format!("{} at {}, {} Hz; {elements}", count(view.nodes, "node"), count(view.buses, "bus"), fixed_short(view.frequency_hz));
    paragraph(&mut text, &size);
    section(&mut text, style, "Solution", |out| solution(out, view));
    section(&mut text, style, "Power", |out| power(out, view));
    section(&mut text, style, "Voltages", |out| voltages(out, view));
    section(&mut text, style, "Loading", |out| loading(out, view));
    if !view.regulators.is_empty() {
        section(&mut text, style, "Regulators", |out| regulators(out, view));
    }
    if !view.capacitors.is_empty() {
        section(&mut text, style, "Capacitors", |out| capacitors(out, view));
    }
    if !view.inverters.is_empty() {
        section(&mut text, style, "Inverters", |out| inverters(out, view));
    }
    if !view.open_terminals.is_empty() {
        section(&mut text, style, "Open switches and conductors", |out| open_terminals(out, view));
    }
    let c = &view.certificate;
    if c.islands > 1 || c.dead_nodes > 0 {
        section(&mut text, style, "Islands", |out| islands(out, view));
    }
    if !view.diagnostics.is_empty() {
        let head = format!("Findings: {}", text::tally(&view.diagnostics));
        section(&mut text, style, &head, |out| out.push_str(&text::diagnostics(&view.diagnostics, style)));
    }
    text
}

pub(crate) fn section(text: &mut String, style: Style, head: &str, body: impl FnOnce(&mut String)) {
    writeln!(text, "\n{}", style.bold(head)).expect("writing to a string");
    body(text);
}

pub(crate) fn paragraph(text: &mut String, sentence: &str) {
    for line in wrap(sentence, WIDTH - 2) {
        writeln!(text, "  {line}").expect("writing to a string");
    }
}

/// A number as short as it can be told without rounding it, as for options and ratings.
pub(crate) fn fixed_short(x: f64) -> String {
    let text = fixed(x, 6);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn name(text: &str) -> String {
    shorten(text, NAME_COLUMNS)
}

fn solution(text: &mut String, view: &SolveView) {
    let c = &view.certificate;
    let mode = match view.mode {
        SolutionMode::Direct => "linear network, loads as admittances".to_owned(),
        _ => {
            let controls = match view.controls {
                ControlMode::Off => "off",
                ControlMode::Static => "static",
                ControlMode::Event => "by event",
                ControlMode::Time => "by time",
                ControlMode::MultiRate => "multi-rate",
            };
            format!("snapshot, controls {controls}, tolerance {:e} pu", c.tolerance_pu)
        }
    };
    let mut table = Table::new(&["<", "<"]);
    table.row([
        if c.settled { "settled in" } else { "not settled after" }.to_owned(),
        format!("{}, {}", count(c.iterations as usize, "iteration"), count(c.control_iterations as usize, "control iteration")),
    ]);
    table.row(["asked for".to_owned(), mode]);
    let place = if c.mismatch_node.is_empty() { String::new() } else { format!(" at {}", c.mismatch_node) };
    table.row([
        "largest mismatch".to_owned(),
        format!("{} VA{place}, recomputed from scratch ({:.0e} of the power exchanged)", two_digits(c.mismatch_va), c.mismatch_relative),
    ]);
    table.row(["power balance".to_owned(), format!("{} kW, {} kvar left over", two_digits(c.balance_kw), two_digits(c.balance_kvar))]);
    text.push_str(&table.render());
    if !c.hunting.is_empty() {
        paragraph(text, &format!("controls that still wanted to act: {}", c.hunting.join(", ")));
    }
    for hit in c.limits_hit.iter().take(10) {
        paragraph(text, &format!("at its limit: {}, {}", hit.element, hit.limit));
    }
    if c.limits_hit.len() > 10 {
        paragraph(text, &format!("and {} more at their limits", c.limits_hit.len() - 10));
    }
}

/// Digits after the point that suit powers up to `largest` kW.
fn power_digits(largest: f64) -> usize {
    match largest {
        x if x >= 100_000.0 => 0,
        x if x >= 1_000.0 => 1,
        x if x >= 10.0 => 2,
        _ => 4,
    }
}

fn power(text: &mut String, view: &SolveView) {
    let p = &view.power;
    let sums = [&p.sources, &p.generation, &p.loads, &p.shunts];
    let digits = power_digits(sums.iter().flat_map(|s| [s.p_kw.abs(), s.q_kvar.abs()]).fold(0.0, f64::max));
    let mut table = Table::new(&["<", ">kW", ">kvar", "<"]);
    let mut row = |what: &str, sum: &PowerSum, noun: &str| {
        if sum.count > 0 {
            table.row([what.to_owned(), fixed(sum.p_kw, digits), fixed(sum.q_kvar, digits), count(sum.count, noun)]);
        }
    };
    row("from the sources", &p.sources, "source");
    row("from generation and storage", &p.generation, "unit");
    row("into loads", &p.loads, "load");
    row("into shunt capacitors and reactors", &p.shunts, "shunt");
    let share = p.losses_pct.map_or(String::new(), |pct| format!("{} % of the power that comes in", fixed(pct, 2)));
    table.row(["losses".to_owned(), fixed(p.losses_kw, digits), fixed(p.losses_kvar, digits), share]);
    text.push_str(&table.render());
}

fn kv(x: f64) -> String {
    // Bases such as 0.12 or 12.47 kV are read back from 120.0000001: five digits show what was meant.
    let digits = if x >= 100.0 { 1 } else { 3 };
    let text = fixed(x, digits);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn voltages(text: &mut String, view: &SolveView) {
    if view.voltage_levels.is_empty() {
        paragraph(text, "no node has a voltage base; `calcvoltagebases` in the model would assign them");
    } else {
        let mut table = Table::new(&[">kV L-L", ">kV L-N", ">nodes", ">lowest pu", "<at", ">highest pu", "<at"]);
        for level in &view.voltage_levels {
            table.row([
                kv(level.kv_base_ll),
                kv(level.kv_base_ln),
                level.nodes.to_string(),
                fixed(level.lowest.v_pu, 4),
                shorten(&level.lowest.node, 20),
                fixed(level.highest.v_pu, 4),
                shorten(&level.highest.node, 20),
            ]);
        }
        text.push_str(&table.render());
    }
    if view.nodes_without_base > 0 && !view.voltage_levels.is_empty() {
        paragraph(text, &format!("{} without a voltage base not counted", count(view.nodes_without_base, "node")));
    }
    let band = &view.normal_band;
    if band.of == 0 {
        return;
    }
    let limits = format!("outside {} to {} pu", fixed_short(band.low_pu), fixed_short(band.high_pu));
    let n = band.below + band.above;
    if n == 0 {
        paragraph(text, &format!("no node {limits}"));
        return;
    }
    let shown = if n > band.worst.len() { format!(", the worst {}:", band.worst.len()) } else { ":".to_owned() };
    paragraph(text, &format!("{n} of {} {limits}, {} below, {} above{shown}", count(band.of, "node"), band.below, band.above));
    let mut table = Table::new(&["<node", ">kV L-N", ">V", ">pu", "<"]);
    for NodeVoltage { node, v_pu, kv_base_ln } in &band.worst {
        let beyond = if *v_pu < band.low_pu { band.low_pu - v_pu } else { v_pu - band.high_pu };
        let side = if *v_pu < band.low_pu { "below" } else { "above" };
        table.row([
            name(node),
            kv(*kv_base_ln),
            fixed(v_pu * kv_base_ln * 1e3, 1),
            fixed(*v_pu, 4),
            format!("{} pu {side}", fixed(beyond, 4)),
        ]);
    }
    text.push_str(&table.render());
}

fn loading(text: &mut String, view: &SolveView) {
    let l = &view.loading;
    if l.of == 0 {
        paragraph(text, "no element has a rating");
        return;
    }
    let shown = if l.overloaded == 0 {
        let worst = &l.worst[0];
        paragraph(
            text,
            &format!(
                "nothing above its normal rating; highest of {}: {} with {} %",
                count(l.of, "rated element"),
                worst.element,
                fixed(worst.loading_pct, 1)
            ),
        );
        return;
    } else if l.overloaded > l.worst.len() {
        format!(", the worst {}:", l.worst.len())
    } else {
        ":".to_owned()
    };
    paragraph(text, &format!("{} of {} above the normal rating{shown}", l.overloaded, count(l.of, "rated element")));
    let mut table = Table::new(&["<element", ">loading", ">value", ">rating", "<"]);
    for row in l.worst.iter().filter(|r| r.loading_pct > 100.0) {
        table.row([
            name(&row.element),
            format!("{} %", fixed(row.loading_pct, 1)),
            fixed(row.value, 1),
            fixed(row.limit, 1),
            row.unit.to_string(),
        ]);
    }
    text.push_str(&table.render());
}

fn regulators(text: &mut String, view: &SolveView) {
    let mut table = Table::new(&["<control", "<transformer", ">winding", ">tap position", ">tap pu", "<"]);
    for r in &view.regulators {
        table.row([
            name(&r.control),
            name(&r.transformer),
            r.winding.to_string(),
            format!("{:+}", r.tap_position),
            fixed(r.tap_pu, 5),
            if r.at_limit { "at its limit" } else { "" }.to_owned(),
        ]);
    }
    text.push_str(&table.render());
}

fn capacitors(text: &mut String, view: &SolveView) {
    let mut table = Table::new(&["<capacitor", ">steps closed"]);
    for c in &view.capacitors {
        let closed = c.steps.iter().filter(|&&s| s).count();
        table.row([name(&c.capacitor), format!("{closed} of {}", c.steps.len())]);
    }
    text.push_str(&table.render());
}

fn inverters(text: &mut String, view: &SolveView) {
    let largest = view.inverters.iter().flat_map(|i| [i.p_kw.abs(), i.q_kvar.abs()]).fold(0.0, f64::max);
    let digits = power_digits(largest).max(1);
    let mut table = Table::new(&["<unit", ">injects kW", ">kvar", ">rated kVA"]);
    for i in view.inverters.iter().take(20) {
        table.row([name(&i.element), fixed(i.p_kw, digits), fixed(i.q_kvar, digits), fixed_short(i.kva_rating)]);
    }
    text.push_str(&table.render());
    if view.inverters.len() > 20 {
        paragraph(text, &format!("and {} more", view.inverters.len() - 20));
    }
}

fn open_terminals(text: &mut String, view: &SolveView) {
    let mut table = Table::new(&["<element", "<at bus", "<open"]);
    for o in view.open_terminals.iter().take(20) {
        let conductors = o.conductors.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let what = if o.all { "all conductors".to_owned() } else { format!("conductor {conductors}") };
        table.row([name(&o.element), shorten(&o.bus, 24), format!("{what} of terminal {}", o.terminal)]);
    }
    text.push_str(&table.render());
    if view.open_terminals.len() > 20 {
        paragraph(text, &format!("and {} more", view.open_terminals.len() - 20));
    }
}

fn islands(text: &mut String, view: &SolveView) {
    let c = &view.certificate;
    paragraph(text, &format!("{}, {} with a source", count(c.islands, "island"), c.islands_fed));
    if c.dead_nodes > 0 {
        let more = c.dead_nodes - c.dead_node_names.len().min(c.dead_nodes);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        paragraph(text, &format!("{} without supply: {}{rest}", count(c.dead_nodes, "node"), c.dead_node_names.join(", ")));
    }
}

/// Two digits of a number that may be tiny.
fn two_digits(x: f64) -> String {
    match x.abs() {
        0.0 => "0".to_owned(),
        size if size >= 10.0 => format!("{x:.0}"),
        size if size >= 1.0 => format!("{x:.1}"),
        size if size >= 0.01 => format!("{x:.*}", if size >= 0.1 { 2 } else { 3 }),
        _ => format!("{x:.1e}"),
    }
}
