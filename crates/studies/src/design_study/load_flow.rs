//! Load flows of all scenarios. The loading of a bus is that of the most loaded branch end at it. Machines beyond their ratings are told by themselves.

use network::design::results::{LoadFlowRow, PowerFlowRow, RowOrigin};
use network::design::{Design, Scenario};
use network::{Diagnostic, Network, SourceRef};
use powerflow::newton::{self, BusState, Options, Outcome, Solution};
use std::collections::HashMap;

pub(super) struct Flows {
    pub load_flow: Vec<LoadFlowRow>,
    pub power_flow: Vec<PowerFlowRow>,
    pub n_solved: usize,
    pub n_scenarios: usize,
}

pub(super) fn run(design: &Design, findings: &mut Vec<Diagnostic>) -> Result<Flows, Vec<Diagnostic>> {
    let scenarios = design.scenarios();
    let mut flows = Flows { load_flow: Vec::new(), power_flow: Vec::new(), n_solved: 0, n_scenarios: scenarios.len() };
    let mut faults = Vec::new();
    for scenario in &scenarios {
        let about = format!("scenario.{}", scenario.scenario_id);
        let (network, _) = match design.scenario_network(scenario) {
            Ok(found) => found,
            Err(all) => {
                faults.extend(all);
                continue;
            }
        };
        match newton::solve(&network, &Options::default()) {
            Ok(Outcome::Solved(solution)) => {
                flows.n_solved += 1;
                overload(&network, &solution, scenario, findings);
                rows(design, scenario, &solution, &mut flows, findings);
            }
            Ok(Outcome::Unsolved(unsolved)) => {
                let why = unsolved.diagnostics.first().map_or_else(String::new, |d| d.message.clone());
                let what =
                    Diagnostic::error("EXCHANGE.STUDY.UNSOLVED", format!("the load flow of {} has no solution", scenario.scenario_id));
                let hint = "add capacity or reactive support; nothing passes while a scenario has no solution";
                findings.push(what.element(about).detail(format!("{why}.")).hint(hint));
            }
            Err(e) => findings.push(e.diagnostic().element(about)),
        }
    }
    if faults.is_empty() { Ok(flows) } else { Err(faults) }
}

fn rows(design: &Design, scenario: &Scenario, solution: &Solution, flows: &mut Flows, findings: &mut Vec<Diagnostic>) {
    let origin = || RowOrigin { source: SourceRef::default(), scenario_id: scenario.scenario_id.clone(), ..RowOrigin::default() };
    let loading = loadings(solution);
    for row in &solution.buses {
        let Some(bus) = design.bus_of_number(row.number) else { continue };
        let (Some(v_pu), Some(angle_deg)) = (row.v_pu, row.angle_deg) else {
            let what = Diagnostic::error("EXCHANGE.STUDY.DEAD_BUS", format!("{} has no voltage in {}", bus.id, scenario.scenario_id));
            let hint = "nothing passes while a bus of the design is cut off in a scenario; give it a second way, or leave the scenario out";
            findings.push(what.element(format!("scenario.{}", scenario.scenario_id)).hint(hint));
            continue;
        };
        flows.load_flow.push(LoadFlowRow {
            origin: origin(),
            bus_id: bus.id.clone(),
            bus_name: bus.name.clone(),
            voltage_kv: Some(v_pu * bus.rated_kv),
            voltage_pu: v_pu,
            angle_deg: Some(angle_deg),
            p_mw: Some(row.generation_mw - row.load_mw),
            q_mvar: Some(row.generation_mvar - row.load_mvar),
            loading_pct: loading.get(row.bus.as_str()).copied(),
        });
        flows.power_flow.push(PowerFlowRow {
            origin: origin(),
            bus: row.number,
            name: row.name.clone(),
            vm_pu: v_pu,
            va_deg: angle_deg,
            p_gen_mw: Some(row.generation_mw),
            q_gen_mvar: Some(row.generation_mvar),
            p_load_mw: Some(row.load_mw),
            q_load_mvar: Some(row.load_mvar),
            base_kv: Some(bus.rated_kv),
            is_swing: row.state == BusState::Swing,
        });
    }
}

/// Largest loading at each bus, percent.
fn loadings(solution: &Solution) -> HashMap<&str, f64> {
    let mut most: HashMap<&str, f64> = HashMap::new();
    let mut count = |bus, pct: f64| {
        let at = most.entry(bus).or_insert(0.0);
        *at = at.max(pct);
    };
    for end in &solution.branch_ends {
        if let Some(pct) = end.loading_pct {
            count(&end.bus, pct);
        }
    }
    most
}

/// The machine that is loaded most beyond its rating: a resize of the cable at its bus would not help it, so it is told by itself.
fn overload(network: &Network, solution: &Solution, scenario: &Scenario, findings: &mut Vec<Diagnostic>) {
    let loading = |row: &newton::MachineRow| {
        let machine = network.machines.iter().find(|m| row.element.rsplit_once('.').is_some_and(|(_, name)| name == m.common.name))?;
        (machine.base_mva > 0.0).then(|| (machine.label.clone(), 100.0 * row.p_mw.hypot(row.q_mvar) / machine.base_mva))
    };
    let most = solution.machines.iter().filter_map(loading).max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((unit, pct)) = most.filter(|(_, pct)| *pct > 100.0 + 1e-6) {
        let what = format!("{unit} carries {pct:.1} % of its rating in {}", scenario.scenario_id);
        let hint = "the units that are left do not carry the load: add capacity or reactive support; nothing passes until then";
        findings.push(Diagnostic::error("EXCHANGE.STUDY.OVERLOAD", what).element(format!("scenario.{}", scenario.scenario_id)).hint(hint));
    }
}
