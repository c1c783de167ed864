//! What a case says that it probably does not mean.
//!
//! The checks of every network come elsewhere; these know what a transmission case is.

use network::*;
use std::collections::HashSet;

/// Relative difference of base voltages that a line cannot have between its ends.
const BASE_KV_STEP: f64 = 0.2;

/// Findings about a case that was read.
pub fn check(network: &Network) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    buses(network, &mut findings);
    branches(network, &mut findings);
    transformers(network, &mut findings);
    machines(network, &mut findings);
    findings
}

fn case_bus(network: &Network, common: &Common, terminal: usize) -> Option<(u32, f64)> {
    let bus = network.bus(common.terminals.get(terminal)?.bus).transmission.as_ref()?;
    Some((bus.number, bus.kv_base_ll))
}

fn buses(network: &Network, findings: &mut Vec<Diagnostic>) {
    let in_service = network.machines.iter().filter(|m| m.in_service);
    let with_machine: HashSet<BusId> = in_service.filter_map(|m| m.common.terminals.first()).map(|t| t.bus).collect();
    let vsc = network.vsc_dcs.iter().filter(|d| d.in_service).flat_map(|d| &d.common.terminals);
    let facts = network.facts_devices.iter().filter(|d| d.mode != 0).flat_map(|d| &d.common.terminals);
    let with_control: HashSet<BusId> = vsc.chain(facts).map(|t| t.bus).collect();
    let mut no_base = (0, None);
    let mut swing = false;
    for (i, bus) in network.buses.iter().enumerate() {
        let Some(case) = &bus.transmission else { continue };
        let id = BusId::from(i);
        swing |= case.kind == BusKind::Swing;
        if case.kv_base_ll == 0.0 {
            no_base.0 += 1;
            no_base.1.get_or_insert((case.number, case.source.clone()));
        }
        let held = matches!(case.kind, BusKind::Generator | BusKind::Swing);
        if held && !with_machine.contains(&id) && !with_control.contains(&id) {
            let finding = Diagnostic::warning(
                "RAW.BUS.NO_MACHINE",
                format!("bus {} holds its voltage, but no machine there is in service", case.number),
            );
            let finding = if case.kind == BusKind::Generator {
                finding.detail("It counts as a load bus.").hint("put a machine in service there, or write its IDE as 1")
            } else {
                finding.hint("add the machine that swings, or write the IDE of another bus as 3")
            };
            findings.push(finding.at(&case.source));
        }
        if case.kind == BusKind::Load && with_machine.contains(&id) {
            let message = format!("a machine is in service at bus {}, which is a load bus", case.number);
            let finding = Diagnostic::warning("RAW.BUS.MACHINE_AT_LOAD_BUS", message).at(&case.source);
            findings
                .push(finding.detail("The machine gives its P and Q and holds no voltage.").hint("write the bus's IDE as 2 if it should"));
        }
    }
    if let (n, Some((number, source))) = no_base
        && n > 0
    {
        let message = format!("{n} buses have no base voltage, bus {number} first");
        let finding = Diagnostic::warning("RAW.BUS.NO_BASE_KV", message).at(&source);
        findings.push(finding.detail("Voltages are per unit only there.").hint("give BASKV: transformers in kV and dc lines need it"));
    }
    if !swing {
        let finding = Diagnostic::warning("RAW.BUS.NO_SWING", "no bus is the swing bus");
        findings.push(finding.hint("write the IDE of the bus that holds the angle as 3"));
    }
}

fn branches(network: &Network, findings: &mut Vec<Diagnostic>) {
    let zero = network.transmission.as_ref().map_or(0.0, |c| c.zero_impedance_pu);
    for (i, branch) in network.ac_branches.iter().enumerate() {
        let id = ElementId::new(ElementKind::AcBranch, i);
        let source = &branch.common.source;
        let place = |finding: Diagnostic| finding.element(network.full_name(id)).at(source);
        if branch.r_pu < 0.0 {
            let finding = Diagnostic::warning("RAW.BRANCH.NEGATIVE_R", format!("the resistance is negative: R = {}", branch.r_pu));
            findings.push(place(finding).hint("right only for an equivalent of a reduced grid"));
        }
        if branch.x_pu < 0.0 {
            let finding = Diagnostic::warning("RAW.BRANCH.NEGATIVE_X", format!("the reactance is negative: X = {}", branch.x_pu));
            findings.push(place(finding).hint("right only for a series capacitor or an equivalent"));
        }
        if branch.switching.is_none() && branch.r_pu.hypot(branch.x_pu) <= zero && branch.r_pu == 0.0 {
            let finding = Diagnostic::note("RAW.BRANCH.NO_IMPEDANCE", format!("the branch has no impedance: X = {}", branch.x_pu));
            findings.push(place(finding).detail("Its ends count as one bus.").hint("give it its impedance if it has one"));
        }
        if let (Some((from, from_kv)), Some((to, to_kv))) = (case_bus(network, &branch.common, 0), case_bus(network, &branch.common, 1))
            && from_kv > 0.0
            && to_kv > 0.0
            && (from_kv - to_kv).abs() > BASE_KV_STEP * from_kv.max(to_kv)
        {
            let finding =
                Diagnostic::warning("RAW.BRANCH.BASE_KV", format!("a line joins bus {from} of {from_kv} kV to bus {to} of {to_kv} kV"));
            findings.push(place(finding).hint("correct a base voltage, or model a transformer"));
        }
    }
}

fn transformers(network: &Network, findings: &mut Vec<Diagnostic>) {
    let tables: HashSet<u32> = network.transmission.iter().flat_map(|c| &c.corrections).map(|t| t.number).collect();
    for (i, transformer) in network.power_transformers.iter().enumerate() {
        let id = ElementId::new(ElementKind::PowerTransformer, i);
        let source = &transformer.common.source;
        let place = |finding: Diagnostic| finding.element(network.full_name(id)).at(source);
        let two = transformer.windings.len() == 2;
        for (pair, z) in ["1-2", "2-3", "3-1"].iter().zip(&transformer.impedances) {
            if z.r < 0.0 && two {
                let finding = Diagnostic::warning(
                    "RAW.TRANSFORMER.NEGATIVE_R",
                    format!("the resistance between windings {pair} is negative: {}", z.r),
                );
                findings.push(place(finding).hint("right only for an equivalent of a reduced grid"));
            }
            if z.x < 0.0 {
                let finding = Diagnostic::warning(
                    "RAW.TRANSFORMER.NEGATIVE_X",
                    format!("the reactance between windings {pair} is negative: {}", z.x),
                );
                findings.push(place(finding).hint("right only for an equivalent of a reduced grid"));
            }
            if z.x == 0.0 && z.r == 0.0 {
                let finding = Diagnostic::warning("RAW.TRANSFORMER.NO_IMPEDANCE", format!("there is no impedance between windings {pair}"));
                findings.push(place(finding).hint("give R and X"));
            }
            if transformer.impedance_code == ImpedanceCode::LossAndMagnitude
                && z.s_base_mva > 0.0
                && (z.r / 1e6 / z.s_base_mva).abs() > z.x.abs()
            {
                let finding =
                    Diagnostic::warning("RAW.TRANSFORMER.LOSS", format!("the loss of windings {pair} is more than their impedance allows"));
                let finding = place(finding).detail(format!("{} W on {} MVA is more than |Z| = {} per unit.", z.r, z.s_base_mva, z.x));
                findings.push(finding.hint("with CZ = 3 the first value is W, the second |Z| per unit"));
            }
        }
        for (w, winding) in transformer.windings.iter().enumerate() {
            if winding.correction != 0 && !tables.contains(&winding.correction) {
                let message =
                    format!("winding {} names impedance correction table {}, which the file does not have", w + 1, winding.correction);
                let finding = Diagnostic::warning("RAW.TRANSFORMER.NO_TABLE", message);
                findings.push(place(finding).detail("The impedance is not corrected.").hint("add the table, or write TAB as 0"));
            }
            let kv = case_bus(network, &transformer.common, w).map_or(0.0, |(_, kv)| kv);
            let per_unit = match transformer.ratio_code {
                RatioCode::BusBase => winding.ratio,
                RatioCode::Kilovolt if kv > 0.0 => winding.ratio / kv,
                RatioCode::NominalVoltage if kv > 0.0 && winding.kv_nominal > 0.0 => winding.ratio * winding.kv_nominal / kv,
                RatioCode::NominalVoltage if kv > 0.0 => winding.ratio,
                _ => {
                    let message = format!("the ratio of winding {} is in kV, but its bus has no base voltage", w + 1);
                    findings.push(place(Diagnostic::warning("RAW.TRANSFORMER.NO_BASE_KV", message)).hint("give the bus its BASKV"));
                    continue;
                }
            };
            if !(0.5..=2.0).contains(&per_unit) {
                let message = format!("the ratio of winding {} is {per_unit:.4} per unit of its bus's base voltage", w + 1);
                let finding = Diagnostic::warning("RAW.TRANSFORMER.RATIO", message);
                findings.push(place(finding).hint("see that CW fits WINDV: 1 per unit of the bus, 2 kV, 3 per unit of NOMV"));
            }
        }
    }
}

fn machines(network: &Network, findings: &mut Vec<Diagnostic>) {
    for (i, machine) in network.machines.iter().enumerate() {
        let id = ElementId::new(ElementKind::Machine, i);
        let limits = [("reactive", machine.q_min_mvar, machine.q_max_mvar), ("active", machine.p_min_mw, machine.p_max_mw)];
        for (what, low, high) in limits {
            if low > high {
                let finding = Diagnostic::warning(
                    "RAW.MACHINE.LIMITS",
                    format!("the lower limit of {what} power is above the upper: {low} and {high}"),
                );
                findings.push(finding.element(network.full_name(id)).at(&machine.common.source).hint("see that the two are not exchanged"));
            }
        }
        if machine.in_service && !(0.5..=1.5).contains(&machine.v_set_pu) {
            let finding = Diagnostic::warning("RAW.MACHINE.VOLTAGE", format!("the machine is to hold {} per unit", machine.v_set_pu));
            findings
                .push(finding.element(network.full_name(id)).at(&machine.common.source).hint("VS is per unit of the bus's base voltage"));
        }
    }
}
