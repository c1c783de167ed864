//! What was done on a desk, entry by entry, and the four texts that are made of it.

use super::programs::{further_rules, further_text};
use super::{Act, Action, Change, Desk, Report};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// One thing that was done. An undo is an entry of its own, whose changes are the inverse ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1.
    pub seq: u64,
    /// RFC 3339.
    pub at: String,
    pub user: String,
    /// None for an undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// Entry that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u64>,
    pub message: String,
    #[serde(default)]
    pub changes: Vec<Change>,
    #[serde(default)]
    pub acts: Vec<Act>,
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Entry {
    /// Whether it belongs into the log of the programs.
    pub fn is_of_programs(&self) -> bool {
        self.action.as_ref().is_some_and(Action::is_of_programs)
            || self.changes.iter().any(|c| matches!(c, Change::Program { .. } | Change::Programmed { .. }))
    }
}

/// The latest entry that changed something and was not taken back.
pub fn last_to_undo(entries: &[Entry]) -> Option<&Entry> {
    let undone: BTreeSet<u64> = entries.iter().filter_map(|e| e.undoes).collect();
    entries.iter().rev().find(|e| e.undoes.is_none() && !e.changes.is_empty() && !undone.contains(&e.seq))
}

/// The changes that take an entry back, the last first.
pub fn undoing(entry: &Entry) -> Vec<Change> {
    entry.changes.iter().rev().map(Change::inverse).collect()
}

/// Lines of `management_log.txt` for an entry, and of `dfps_logs.txt` where it is of programs.
pub fn log_lines(entry: &Entry) -> String {
    let name = entry.action.as_ref().map_or("undo", |a| a.name());
    let mut out = String::new();
    let _ = writeln!(out, "{} #{} {} {name}: {}", entry.at, entry.seq, entry.user, entry.message);
    for act in &entry.acts {
        let _ = writeln!(out, "    {}: {} -> {}", act.subject, act.cause, act.effect);
    }
    for change in &entry.changes {
        let _ = writeln!(out, "    {}", told(change));
    }
    for note in &entry.notes {
        let _ = writeln!(out, "    note: {note}");
    }
    out
}

fn told(change: &Change) -> String {
    fn pair<T>(subject: &str, before: Option<&T>, after: Option<&T>, say: impl Fn(&T) -> String) -> String {
        let say = |value: Option<&T>| value.map_or_else(|| "none".to_owned(), &say);
        format!("{subject}: {} -> {}", say(before), say(after))
    }
    match change {
        Change::Load { key, before, after } => pair(&format!("setting of load {key}"), before.as_ref(), after.as_ref(), |s| {
            let stated = s.stated.map_or_else(String::new, |(p, q)| format!("{p:.6} kW, {q:.6} kvar, "));
            format!("{stated}factor {}", s.factor)
        }),
        Change::Generator { key, before, after } => pair(&format!("generator {key}"), before.as_ref(), after.as_ref(), |g| {
            format!("{} kW, {} kvar at bus {}, delivering {:.2} %", g.kw, g.kvar, g.bus, g.share * 100.0)
        }),
        Change::Device { before, after, .. } => {
            let name = after.as_ref().or(before.as_ref()).map_or("", |d| d.name.as_str());
            let say = |d: &super::PlacedDevice| format!("{} kW, {:.6} kvar at bus {}", d.kw, d.kvar, d.bus);
            pair(&format!("device {name}"), before.as_ref(), after.as_ref(), say)
        }
        Change::Program { key, before, after } => pair(&format!("program {key}"), before.as_ref(), after.as_ref(), |p| {
            let buses: Vec<&str> = p.buses.iter().map(String::as_str).collect();
            let (name, further) = (&p.rules.name, further_text(&p.rules));
            format!("{name}, {} kW, power factor {}, buses [{}]{further}", p.min_power_kw(), p.target_pf(), buses.join(", "))
        }),
        Change::Programmed { key, before, after } => {
            let (program, bus) = key.split_once('/').unwrap_or(("", key));
            pair(&format!("left by program {program} at bus {bus}"), before.as_ref(), after.as_ref(), share)
        }
        Change::Managed { key, before, after } => {
            pair(&format!("left by management in neighbourhood {key}"), before.as_ref(), after.as_ref(), share)
        }
    }
}

fn share(of: &super::Share) -> String {
    format!("{:.4} % of kW, {:.4} % of kvar", of.p * 100.0, of.q * 100.0)
}

/// `latest_api_results.txt`: the latest simulation run.
pub fn results_text(report: &Report, model: &str, at: &str) -> String {
    let s = &report.summary;
    let v = &report.voltages;
    let mut out = String::new();
    let _ = writeln!(out, "Results of the latest simulation run");
    let _ = writeln!(out, "Model: {model}");
    let _ = writeln!(out, "Time: {at}\n");
    let _ = writeln!(
        out,
        "Power flow: {} ({} iterations, {} control iterations)",
        if s.converged { "converged" } else { "not converged" },
        s.iterations,
        s.control_iterations
    );
    let _ = writeln!(out, "Largest power mismatch: {:.3e} VA at {}", s.certificate.mismatch_va, s.certificate.mismatch_node);
    let _ = writeln!(out, "Total circuit power: {:.3} kW, {:.3} kvar", s.total_kw, s.total_kvar);
    let _ = writeln!(out, "Total losses: {:.3} kW, {:.3} kvar", s.losses_kw, s.losses_kvar);
    let _ = writeln!(out, "Loads and devices: {:.3} kW; generators added: {:.3} kW\n", report.load_kw, report.generation_kw);
    let _ = writeln!(out, "Voltage profile of {} nodes", v.n);
    let _ = writeln!(out, "  least {:.5} pu at {}", v.least_pu, v.least_node);
    let _ = writeln!(out, "  most  {:.5} pu at {}", v.most_pu, v.most_node);
    let _ = writeln!(out, "  mean  {:.5} pu; {} below 0.95 pu, {} above 1.05 pu\n", v.mean_pu, v.n_below, v.n_above);
    let _ = writeln!(out, "Neighbourhoods");
    let _ = writeln!(
        out,
        "{:>9}  {:<16} {:>11} {:>11} {:>11} {:>10} {:>8}",
        "pincode", "transformer", "flow kW", "flow kvar", "flow kVA", "rating kVA", "load %"
    );
    let dash = |x: Option<f64>, digits: usize| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.digits$}"));
    for n in &report.neighbourhoods {
        let _ = writeln!(
            out,
            "{:>9}  {:<16} {:>11.3} {:>11.3} {:>11.3} {:>10} {:>8}",
            n.pincode,
            n.transformer,
            n.p_kw,
            n.q_kvar,
            n.s_kva,
            dash(n.kva, 1),
            dash(n.loading_pct, 2)
        );
    }
    let _ = writeln!(out, "\nBuses");
    let _ = writeln!(out, "{:<12} {:>9} {:>12} {:>12}  voltages (phase: pu, degrees)", "bus", "base kV", "kW", "kvar");
    for b in &report.buses {
        let nodes: Vec<String> = b.nodes.iter().map(|n| format!("{}: {}, {:.2}", n.node, dash(n.v_pu, 5), n.angle_deg)).collect();
        let _ = writeln!(out, "{:<12} {:>9.4} {:>12.3} {:>12.3}  {}", b.name, b.kv_base, b.p_kw, b.q_kvar, nodes.join("; "));
        for (kind, all) in [("load", &b.loads), ("device", &b.devices), ("generator", &b.generators)] {
            for c in all {
                let _ = writeln!(
                    out,
                    "    {kind} {}: {:.3} kW, {:.3} kvar (asked {:.3} kW, {:.3} kvar)",
                    c.name, c.p_kw, c.q_kvar, c.asked_kw, c.asked_kvar
                );
            }
        }
    }
    out
}

/// `dfp_registry.txt`: all programs as they stand.
pub fn registry_text(desk: &Desk) -> String {
    let mut out = String::from("Demand flexibility programs\n");
    if desk.state().programs.is_empty() {
        out.push_str("none is registered\n");
    }
    for (number, p) in &desk.state().programs {
        let buses: Vec<&str> = p.buses.iter().map(String::as_str).collect();
        let _ = writeln!(out, "{number}. {}", p.rules.name);
        let _ = writeln!(out, "    minimum power: {} kW", p.min_power_kw());
        let _ = writeln!(out, "    target power factor: {}", p.target_pf());
        for (label, text) in further_rules(&p.rules) {
            let _ = writeln!(out, "    {label}: {text}");
        }
        let _ = writeln!(out, "    registered: {}", p.registered_at);
        let _ = writeln!(
            out,
            "    subscribed buses ({}): {}",
            buses.len(),
            if buses.is_empty() { "none".to_owned() } else { buses.join(", ") }
        );
    }
    out
}
