//! A day of flexible demand for people.

use crate::number::{count, fixed};
use crate::text::{Style, Table};
use network::flexibility::FlexibilityCase;
use std::fmt::Write;
use studies::flexibility::{EventResult, FlexibilityResult, Least};

/// The report of a run.
pub fn render(model: &str, case: &FlexibilityCase, r: &FlexibilityResult, style: Style) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} on {model}: {} devices, {} programs, {} events, steps of {} minutes",
        style.bold(&r.case),
        case.devices.len(),
        case.programs.len(),
        case.events.len(),
        case.day.step_min
    );
    for e in &r.events {
        out.push('\n');
        event(&mut out, e, style);
    }
    let b = &r.books;
    let _ = writeln!(out, "\n{}", style.bold("Books of the day, all devices"));
    let mut table = Table::new(&["", "kWh"]);
    for (what, kwh) in [
        ("drawn without events", b.base_kwh),
        ("drawn with events", b.event_kwh),
        ("curtailed in events", b.curtailed_kwh),
        ("prepared before", b.prepared_kwh),
        ("rebounded after", b.rebounded_kwh),
        ("shifted", b.shifted_kwh),
        ("saved", b.saved_kwh),
    ] {
        table.row([what.to_owned(), fixed(kwh, 3)]);
    }
    out.push_str(&table.render());
    let _ =
        writeln!(out, "residual of the books {:.1e} kWh, the largest of a device {:.1e} kWh", b.residual_kwh.abs(), b.largest_residual_kwh);
    let _ = writeln!(out, "largest mismatch of the power flows {:.1e} VA", r.mismatch_va);
    out
}

fn event(out: &mut String, e: &EventResult, style: Style) {
    let unit = e.limit.unit.word();
    let _ = writeln!(out, "{}", style.bold(&format!("Event {}, {} to {}", e.name, e.start, e.end)));
    let _ = writeln!(out, "{} called, {} told; limit {} {unit}", count(e.n_called, "device"), e.n_told, fixed(e.limit.value, 1));
    let mut table = Table::new(&[e.limit.element.as_str(), "without", "with", ""]);
    let pct = |x: f64| if e.limit.value > 0.0 { format!("{} %", fixed(x / e.limit.value * 100.0, 1)) } else { String::new() };
    table.row([
        format!("largest flow in the event, {unit}"),
        fixed(e.before, 2),
        fixed(e.after, 2),
        format!("{} to {}", pct(e.before), pct(e.after)),
    ]);
    table.row(["minutes above the limit".to_owned(), e.over_before_min.to_string(), e.over_after_min.to_string(), String::new()]);
    table.row([format!("largest flow in six hours after, {unit}"), fixed(e.later_before, 2), fixed(e.later_after, 2), String::new()]);
    table.row(["lowest voltage, pu".to_owned(), fixed(e.lowest_v_before_pu, 4), fixed(e.lowest_v_after_pu, 4), String::new()]);
    out.push_str(&table.render());
    let (what, measure) = match e.least {
        Least::CurtailedEnergy => ("curtailed energy", "kWh"),
        Least::Cost => ("cost", ""),
    };
    let _ = writeln!(
        out,
        "{what} {} {measure}, optimum of the linear programme {} {measure}: gap {} % after {} rounds",
        fixed(e.value, 3),
        fixed(e.optimum, 3),
        fixed(e.gap_pct, 3),
        e.rounds
    );
    if let Some(m) = &e.missing {
        let _ = writeln!(out, "{}: {} {unit} too much at {}", style.bold("target missed"), fixed(m.over, 2), m.at);
    }
    let _ = writeln!(out, "rebound up to {} kW at {}", fixed(e.rebound_kw, 1), e.rebound_at);
    let _ = writeln!(
        out,
        "comfort: {} K beyond the bands, {} kWh lacking in vehicles beyond what is allowed",
        fixed(e.beyond_comfort_k, 3),
        fixed(e.beyond_shortfall_kwh, 3)
    );
    if e.not_returned_kwh > 1e-6 {
        let _ = writeln!(out, "not returned within the recovery: {} kWh", fixed(e.not_returned_kwh, 2));
    }
    let p = &e.performance;
    let maybe = |x: Option<f64>| x.map_or("-".to_owned(), |x| fixed(x, 2));
    let mut table = Table::new(&["energy in the event", "kWh"]);
    table.row(["asked to draw less".to_owned(), fixed(e.asked_kwh, 2)]);
    table.row(["metered".to_owned(), fixed(p.metered_kwh, 2)]);
    table.row(["without the event".to_owned(), fixed(p.without_event_kwh, 2)]);
    table.row(["baselines of participants".to_owned(), maybe(p.baseline_kwh)]);
    table.row(["measured reduction".to_owned(), maybe(p.measured_kwh)]);
    let se = p.regression_se_kwh.map_or(String::new(), |se| format!(" (standard error {})", fixed(se, 2)));
    table.row([format!("regression of all together{se}"), maybe(p.regression_kwh)]);
    out.push_str(&table.render());
    let _ = writeln!(out, "paid {}, taken {}", fixed(p.incentives, 2), fixed(p.penalties, 2));
}
