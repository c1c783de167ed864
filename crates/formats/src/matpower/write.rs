//! A transmission case as a MATPOWER case of version 2.
//!
//! The tables know less than the network: a bus has one demand and one shunt, a transformer one tap
//! and no magnetising branch. What is electrically the same is converted exactly (parallel elements
//! added, magnetising branches and line shunts put at the buses, three windings as a star with a bus
//! of its own, impedances with their codes and tables worked out); what is not is in the ledger, or
//! is refused where the solution would be another.

use crate::psse::WriteError;
use crate::psse::electrical;
use network::*;
use num_complex::Complex64;
use std::fmt::Write;

/// A row of the table of branches.
struct Branch {
    from: u32,
    to: u32,
    z_pu: Complex64,
    b_pu: f64,
    ratings_mva: [f64; 3],
    tap: f64,
    shift_deg: f64,
    in_service: bool,
}

/// Writes a network as the text of a case, and tells what was converted or left out. `name` is the
/// function's name; it must be a word of letters and digits.
///
/// # Errors
/// For a network that is no transmission case; for dc lines, FACTS devices and induction machines in
/// service, which the format does not know; for values that are not finite.
pub fn write(network: &Network, name: &str) -> Result<(String, Ledger), WriteError> {
    let Some(case) = network.transmission.as_deref() else {
        let finding = Diagnostic::error("MATPOWER.WRITE.NOT_TRANSMISSION", "the network is not a transmission case");
        return Err(finding.hint("only a balanced network can be written so, after it was converted to a transmission case").into());
    };
    unsupported(network)?;
    let mut ledger = Ledger::default();
    let n = network.buses.len();
    let mut demand = vec![Complex64::ZERO; n];
    let mut shunt = vec![Complex64::ZERO; n];
    let s_base = case.s_base_mva;
    let terminal = |common: &Common, i: usize| common.terminals.get(i).map(|t| t.bus.index());
    let v = |i: usize| network.buses.get(i).and_then(|b| b.transmission.as_ref()).map_or(1.0, |b| b.v_pu);
    let mut converted = |field: &str, formula: &str, source: &SourceRef| {
        ledger.record(field, Disposition::Converted { formula: formula.to_owned() }, Some(source));
    };
    for l in network.power_loads.iter().filter(|l| l.in_service && l.common.enabled) {
        let Some(i) = terminal(&l.common, 0) else { continue };
        demand[i] += Complex64::new(l.p_mw, l.q_mvar);
        if l.p_current_mw != 0.0 || l.q_current_mvar != 0.0 {
            demand[i] += Complex64::new(l.p_current_mw, l.q_current_mvar) * v(i);
            converted("load of constant current", "constant power at the bus's stored voltage", &l.common.source);
        }
        if l.p_admittance_mw != 0.0 || l.q_admittance_mvar != 0.0 {
            shunt[i] += Complex64::new(l.p_admittance_mw, l.q_admittance_mvar);
            converted("load of constant admittance", "shunt at the bus", &l.common.source);
        }
        if l.dg_in_service && (l.dg_p_mw != 0.0 || l.dg_q_mvar != 0.0) {
            demand[i] -= Complex64::new(l.dg_p_mw, l.dg_q_mvar);
            converted("generation at a load", "subtracted from its demand", &l.common.source);
        }
    }
    for s in network.fixed_shunts.iter().filter(|s| s.in_service && s.common.enabled) {
        if let Some(i) = terminal(&s.common, 0) {
            shunt[i] += Complex64::new(s.g_mw, s.b_mvar);
        }
    }
    for s in network.switched_shunts.iter().filter(|s| s.in_service && s.common.enabled) {
        if let Some(i) = terminal(&s.common, 0) {
            shunt[i] += Complex64::new(0.0, s.b_mvar);
            converted("switched shunt", "fixed at its present admittance", &s.common.source);
        }
    }
    let number = |bus: BusId| network.bus(bus).transmission.as_ref().map_or(0, |b| b.number);
    let at = |common: &Common, i: usize| common.terminals.get(i).map_or(0, |t| number(t.bus));
    let three = |ratings: &[f64]| [0, 1, 2].map(|i| ratings.get(i).copied().unwrap_or(0.0));
    let mut branches = Vec::new();
    for b in &network.ac_branches {
        let in_service = b.in_service && b.common.enabled;
        let mut z = Complex64::new(b.r_pu, b.x_pu);
        if z == Complex64::ZERO {
            z.im = 1e-4;
            converted("branch without impedance", "X = 0.0001", &b.common.source);
        }
        for (i, y) in [(0, b.y_from_pu), (1, b.y_to_pu)] {
            if let Some(i) = terminal(&b.common, i)
                && y != Complex64::ZERO
                && in_service
            {
                shunt[i] += y * s_base;
                converted("line shunt", "shunt at the bus", &b.common.source);
            }
        }
        branches.push(Branch {
            from: at(&b.common, 0),
            to: at(&b.common, 1),
            z_pu: z,
            b_pu: b.b_pu,
            ratings_mva: three(&b.ratings_mva),
            tap: 0.0,
            shift_deg: 0.0,
            in_service,
        });
    }
    // Star points of three windings get numbers beyond all others.
    let mut next = network.buses.iter().filter_map(|b| b.transmission.as_ref()).map(|b| b.number).max().unwrap_or(0);
    let mut stars = Vec::new();
    for t in &network.power_transformers {
        let in_service = t.status != TransformerStatus::Out && t.common.enabled;
        let magnetising = electrical::magnetising(network, t);
        if magnetising != Complex64::ZERO
            && in_service
            && let Some(i) = terminal(&t.common, 0)
        {
            shunt[i] += magnetising * s_base;
            converted("magnetising branch", "shunt at the bus of winding 1", &t.common.source);
        }
        if t.windings.iter().any(|w| w.control.mode != WindingControlMode::Fixed && !w.control.locked) {
            converted("tap or phase control", "fixed at its present position", &t.common.source);
        }
        let ratings = |w: usize| three(t.windings.get(w).map_or(&[], |w| &w.ratings_mva));
        if t.windings.len() == 3 {
            next += 1;
            stars.push((next, t, in_service));
            converted("transformer of three windings", "three branches from a star bus of its own", &t.common.source);
            for (w, leg) in electrical::star(network, t).into_iter().enumerate() {
                let out = matches!(t.status, TransformerStatus::WindingOut(k) if usize::from(k) == w + 1);
                branches.push(Branch {
                    from: at(&t.common, w),
                    to: next,
                    z_pu: if leg.z_pu == Complex64::ZERO { Complex64::new(0.0, 1e-4) } else { leg.z_pu },
                    b_pu: 0.0,
                    ratings_mva: ratings(w),
                    tap: leg.ratio,
                    shift_deg: leg.angle_deg,
                    in_service: in_service && !out,
                });
            }
            continue;
        }
        // y / t2^2 with the tap t1 / t2 is the same as y with both taps.
        let two = electrical::two_winding(network, t);
        let plain = two.ratios[1] == 1.0 && t.impedance_code == ImpedanceCode::SystemBase && t.ratio_code == RatioCode::BusBase;
        if !plain {
            converted("transformer", "impedance on the system base and bus voltages, one tap at the from bus", &t.common.source);
        }
        branches.push(Branch {
            from: at(&t.common, 0),
            to: at(&t.common, 1),
            z_pu: two.z_pu * (two.ratios[1] * two.ratios[1]),
            b_pu: 0.0,
            ratings_mva: ratings(0),
            tap: two.ratios[0] / two.ratios[1],
            shift_deg: two.angle_deg,
            in_service,
        });
    }

    let word: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let word = if word.starts_with(|c: char| c.is_ascii_alphabetic()) { word } else { format!("case_{word}") };
    let mut text = format!("function mpc = {word}\n");
    for title in case.titles.iter().filter(|t| !t.trim().is_empty()) {
        let _ = writeln!(text, "%   {}", title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim());
    }
    let _ = writeln!(text, "\nmpc.version = '2';\nmpc.baseMVA = {s_base:?};\n");
    text.push_str("%\tbus_i\ttype\tPd\tQd\tGs\tBs\tarea\tVm\tVa\tbaseKV\tzone\tVmax\tVmin\nmpc.bus = [\n");
    let zero = |x: f64| if x == 0.0 { 0.0 } else { x };
    for (i, bus) in network.buses.iter().enumerate() {
        let Some(b) = &bus.transmission else { continue };
        let kind = match b.kind {
            BusKind::Load => 1,
            BusKind::Generator => 2,
            BusKind::Swing => 3,
            BusKind::Isolated => 4,
        };
        let (d, s) = (demand[i], shunt[i]);
        let _ = writeln!(
            text,
            "\t{}\t{kind}\t{:?}\t{:?}\t{:?}\t{:?}\t{}\t{:?}\t{:?}\t{:?}\t{}\t{:?}\t{:?};",
            b.number,
            zero(d.re),
            zero(d.im),
            zero(s.re),
            zero(s.im),
            b.area,
            b.v_pu,
            b.angle_deg,
            b.kv_base_ll,
            b.zone,
            b.v_max_normal_pu,
            b.v_min_normal_pu
        );
    }
    for (number, t, in_service) in &stars {
        let kind = if *in_service { 1 } else { 4 };
        let first = t.common.terminals.first().and_then(|t| network.bus(t.bus).transmission.as_ref());
        let (area, zone, kv) = first.map_or((1, 1, 0.0), |b| (b.area, b.zone, b.kv_base_ll));
        let (v_pu, angle) = (t.v_star_pu, t.angle_star_deg);
        let _ = writeln!(text, "\t{number}\t{kind}\t0.0\t0.0\t0.0\t0.0\t{area}\t{v_pu:?}\t{angle:?}\t{kv:?}\t{zone}\t1.1\t0.9;");
    }
    text.push_str("];\n\n%\tbus\tPg\tQg\tQmax\tQmin\tVg\tmBase\tstatus\tPmax\tPmin\nmpc.gen = [\n");
    for m in &network.machines {
        let own = m.common.terminals.first().map(|t| t.bus);
        let mut v_set = m.v_set_pu;
        if m.regulated_bus.is_some() && m.regulated_bus != own {
            v_set = own.map_or(v_set, |b| v(b.index()));
            ledger.record(
                "machine.regulated bus",
                Disposition::Converted { formula: "holds its own bus at the stored voltage".into() },
                Some(&m.common.source),
            );
        }
        let _ = writeln!(
            text,
            "\t{}\t{:?}\t{:?}\t{:?}\t{:?}\t{v_set:?}\t{:?}\t{}\t{:?}\t{:?};",
            at(&m.common, 0),
            m.p_mw,
            m.q_mvar,
            m.q_max_mvar,
            m.q_min_mvar,
            m.base_mva,
            u8::from(m.in_service && m.common.enabled),
            m.p_max_mw,
            m.p_min_mw
        );
    }
    text.push_str("];\n\n%\tfbus\ttbus\tr\tx\tb\trateA\trateB\trateC\tratio\tangle\tstatus\tangmin\tangmax\nmpc.branch = [\n");
    for b in &branches {
        let [a, bb, c] = b.ratings_mva;
        let (from, to, status) = (b.from, b.to, u8::from(b.in_service));
        let (r, x) = (zero(b.z_pu.re), zero(b.z_pu.im));
        let (charging, tap, shift) = (b.b_pu, b.tap, zero(b.shift_deg));
        let _ =
            writeln!(text, "\t{from}\t{to}\t{r:?}\t{x:?}\t{charging:?}\t{a:?}\t{bb:?}\t{c:?}\t{tap:?}\t{shift:?}\t{status}\t-360\t360;");
    }
    text.push_str("];\n");
    // The numbers are the text's only words of their kind.
    if [" NaN", "\tNaN", "\tinf", "\t-inf"].iter().any(|w| text.contains(w)) {
        let finding = Diagnostic::error("MATPOWER.WRITE.NOT_FINITE", "a value of the network is not a finite number");
        return Err(finding.hint("correct the value").into());
    }
    kept(network, case, &mut text, &mut ledger);
    names(network, stars.len(), &mut text);
    Ok((text, ledger))
}

/// Elements in service that the format has no table for.
fn unsupported(network: &Network) -> Result<(), WriteError> {
    let two = network.two_terminal_dcs.iter().filter(|d| d.control != DcControl::Blocked).map(|d| (&d.common, ElementKind::TwoTerminalDc));
    let vsc = network.vsc_dcs.iter().filter(|d| d.in_service).map(|d| (&d.common, ElementKind::VscDc));
    let many =
        network.multi_terminal_dcs.iter().filter(|d| d.control != DcControl::Blocked).map(|d| (&d.common, ElementKind::MultiTerminalDc));
    let facts = network.facts_devices.iter().filter(|d| d.mode != 0).map(|d| (&d.common, ElementKind::FactsDevice));
    let motors = network.power_motors.iter().filter(|m| m.in_service).map(|m| (&m.common, ElementKind::PowerMotor));
    let all = two.chain(vsc).chain(many).chain(facts).chain(motors).filter(|(common, _)| common.enabled);
    let found: Vec<Diagnostic> = all
        .take(10)
        .map(|(common, kind)| {
            let finding = Diagnostic::error("MATPOWER.WRITE.ELEMENT", "the format does not know this element");
            let finding = finding.element(format!("{}.{}", kind.class(), common.name)).at(&common.source);
            finding.hint("take it out of service, or put loads in its place")
        })
        .collect();
    if found.is_empty() { Ok(()) } else { Err(WriteError { diagnostics: found }) }
}

/// Tables of the format that were kept as text.
fn kept(network: &Network, case: &TransmissionCase, text: &mut String, ledger: &mut Ledger) {
    for record in &case.kept {
        let field = record.group.strip_prefix("matpower ").filter(|f| f.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        let machines = network.machines.len();
        let fits = match field {
            // Rows that go with the machines, which may have become more or fewer.
            Some("gencost") => record.lines.len() == machines || record.lines.len() == 2 * machines,
            Some("gentype" | "genfuel" | "gen_name") => record.lines.len() == machines,
            Some(_) => true,
            None => false,
        };
        let Some(field) = field.filter(|_| fits) else {
            let reason = "the format has no such table, or its rows no longer fit the machines".to_owned();
            ledger.record(&record.group, Disposition::Dropped { reason }, Some(&record.source));
            continue;
        };
        let (open, close) = if record.lines.first().is_some_and(|l| l.starts_with('\'')) { ('{', '}') } else { ('[', ']') };
        let _ = writeln!(text, "\nmpc.{field} = {open}");
        for line in &record.lines {
            let _ = writeln!(text, "\t{line};");
        }
        let _ = writeln!(text, "{close};");
    }
}

fn names(network: &Network, n_stars: usize, text: &mut String) {
    let all: Vec<&str> = network.buses.iter().filter_map(|b| b.transmission.as_ref()).map(|b| b.name.as_str()).collect();
    if all.iter().all(|n| n.is_empty()) {
        return;
    }
    text.push_str("\nmpc.bus_name = {\n");
    for name in all.into_iter().chain(std::iter::repeat_n("star", n_stars)) {
        let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(text, "\t'{}';", name.replace('\'', "''"));
    }
    text.push_str("};\n");
}
