//! `gridtwin faults`: short-circuit currents at every bus, as a table, as JSON, or as result files.
//!
//! Two methods stand side by side, as in the reference data. `faultstudy.csv` holds what each bus
//! offers a fault: open-circuit voltages and the short-circuit impedance between its nodes, loads as
//! admittances and machines behind their transient impedance. `faults.csv`, the table and the JSON
//! hold faults put one by one into the power flow, controls off, with all loads in place.

use crate::cli::{FaultArguments, FaultKind};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::{count, fixed};
use crate::result_folder::ResultFolder;
use crate::tables::{FAULT_FILES, push_line};
use crate::text::{Style, Table, shorten};
use network::{Diagnostic, Network, SolutionMode};
use powerflow::CircuitError;
use powerflow::fault_study::{self, BusFault, FaultCases, FaultRow, FaultType};
use serde::Serialize;

/// Tolerance and iteration limit of each faulted power flow, those of the reference data.
const TOLERANCE_PU: f64 = 1e-9;
const MAX_ITERATIONS: u32 = 500;

/// Kinds of fault in `faults.csv` unless the command line names some: those of the reference data.
const FILE_KINDS: [FaultKind; 3] = [FaultKind::Slg, FaultKind::Ll, FaultKind::ThreePhase];

/// Kinds of fault in the table unless the command line names some.
const TABLE_KINDS: [FaultKind; 4] = [FaultKind::ThreePhase, FaultKind::Slg, FaultKind::Ll, FaultKind::Llg];

fn fault_type(kind: FaultKind) -> FaultType {
    match kind {
        FaultKind::ThreePhase => FaultType::ThreePhase,
        FaultKind::Slg => FaultType::LineGround,
        FaultKind::Ll => FaultType::LineLine,
        FaultKind::Llg => FaultType::LineLineGround,
    }
}

/// Runs the command.
///
/// # Errors
/// A model that cannot be read, that a check refuses, that cannot be factored; a bus it does not have.
pub fn run(arguments: &FaultArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let folder = arguments.out.as_deref().map(|dir| ResultFolder::prepare(dir, FAULT_FILES)).transpose()?;
    let mut model = Model::prepare(&arguments.model)?;
    let buses: Vec<String> = arguments.bus.iter().map(|b| b.trim().to_lowercase()).collect();
    if let Some(missing) = buses.iter().find(|b| model.network.bus_id(b).is_none()) {
        return Err(unknown_bus(&model.network, missing));
    }
    let kinds = match (&arguments.kinds[..], &folder) {
        ([], Some(_)) => &FILE_KINDS[..],
        ([], None) => &TABLE_KINDS[..],
        (named, _) => named,
    };
    let mut types = Vec::new();
    for t in kinds.iter().map(|&k| fault_type(k)) {
        if !types.contains(&t) {
            types.push(t);
        }
    }
    let rows = solve(&mut model, &FaultCases { buses: buses.clone(), types: types.clone(), r_ohm: arguments.r })?;
    warn_unsettled(&mut model, &rows);
    if let Some(folder) = folder {
        let study = study(&model)?;
        let wanted: Vec<&BusFault> = study.iter().filter(|b| buses.is_empty() || buses.contains(&b.bus)).collect();
        folder.write(&[&study_csv(&wanted), &faults_csv(&rows)])?;
    }
    let view = FaultView::new(&model, arguments.r, &types, &rows);
    console.warn(&model.diagnostics);
    if arguments.json {
        console.json(&view)
    } else if let Some(dir) = &arguments.out {
        let faults = count(rows.len(), "fault");
        console.print(&format!("{}: {faults}; wrote {} to {}\n", view.circuit, FAULT_FILES.join(", "), dir.display()))
    } else {
        console.print(&view.render(console.style))
    }
}

/// Solves faults in the power flow, from the taps and steps that the model's script left.
///
/// # Errors
/// A network that cannot be factored.
pub fn solve(model: &mut Model, cases: &FaultCases) -> Result<Vec<FaultRow>, Failure> {
    let options = &mut model.network.options;
    options.mode = SolutionMode::Snapshot;
    options.tolerance_pu = TOLERANCE_PU;
    options.max_iterations = MAX_ITERATIONS;
    fault_study::faults(&model.network, cases).map_err(|e| refused(&e))
}

/// What every bus offers a fault.
///
/// # Errors
/// A network that cannot be factored.
pub fn study(model: &Model) -> Result<Vec<BusFault>, Failure> {
    fault_study::fault_study(&model.network, model.session.last_state()).map_err(|e| refused(&e))
}

fn refused(error: &CircuitError) -> Failure {
    Failure::from(error.diagnostic())
}

fn unknown_bus(network: &Network, missing: &str) -> Failure {
    let mut near: Vec<&str> =
        network.buses.iter().map(|b| b.name.as_str()).filter(|b| b.contains(missing) || missing.contains(b)).collect();
    near.truncate(5);
    let hint = if near.is_empty() { "Name one of the model's buses.".to_owned() } else { format!("Perhaps one of {}.", near.join(", ")) };
    Failure::from(
        Diagnostic::error("FAULT.BUS.UNKNOWN", format!("bus \"{missing}\" is not in the model"))
            .detail(format!("The model has {}.", count(network.buses.len(), "bus")))
            .hint(hint),
    )
}

fn warn_unsettled(model: &mut Model, rows: &[FaultRow]) {
    for row in rows.iter().filter(|r| !r.converged) {
        let nodes = row.nodes.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        model.diagnostics.push(
            Diagnostic::warning(
                "FAULT.POWER_FLOW.UNSETTLED",
                format!("a {} fault at {}.{nodes} did not settle", row.fault.word(), row.bus),
            )
            .detail(format!("After {MAX_ITERATIONS} iterations voltages still move by more than {TOLERANCE_PU:e} pu; no current is given."))
            .hint("Loads that keep their power at low voltage (Vminpu) are the usual cause."),
        );
    }
}

/// `faultstudy.csv`: open-circuit voltage, current with all nodes of the bus faulted together, and a row of impedances, for each node.
pub fn study_csv(buses: &[&BusFault]) -> String {
    let mut text = String::from("bus,node,voc_re,voc_im,isc_all_re,isc_all_im,\"zsc_row(re,im)...\"\n");
    for b in buses {
        for (k, node) in b.nodes.iter().enumerate() {
            let i = b.i_sc_all_a.as_ref().map(|i| i[k]);
            let node = node.to_string();
            let z = (0..b.nodes.len()).map(|c| b.z_sc_ohm[(k, c)]).flat_map(|z| [z.re, z.im]);
            match i {
                Some(i) => push_line(&mut text, &[&b.bus, &node], [b.v_oc[k].re, b.v_oc[k].im, i.re, i.im].into_iter().chain(z)),
                None => {
                    let (re, im) = (crate::number::g12(b.v_oc[k].re), crate::number::g12(b.v_oc[k].im));
                    push_line(&mut text, &[&b.bus, &node, &re, &im, "", ""], z);
                }
            }
        }
    }
    text
}

/// `faults.csv`: current of each faulted conductor; a fault that did not settle has none.
pub fn faults_csv(rows: &[FaultRow]) -> String {
    let mut text = String::from("bus,type,nodes,converged,\"i_re,i_im per faulted conductor...\"\n");
    for r in rows {
        let nodes = r.nodes.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        let currents = if r.converged { &r.i_a[..] } else { &[] };
        let converged = if r.converged { "1" } else { "0" };
        push_line(&mut text, &[&r.bus, r.fault.word(), &nodes, converged], currents.iter().flat_map(|i| [i.re, i.im]));
    }
    text
}

/// Largest phase currents by bus.
#[derive(Clone, Debug, Serialize)]
pub struct FaultView {
    pub circuit: String,
    pub model: String,
    /// Resistance from each faulted phase to earth, or between two.
    pub r_ohm: f64,
    pub types: Vec<&'static str>,
    pub buses: Vec<BusCurrents>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Currents at one bus, in the order of the types.
#[derive(Clone, Debug, Serialize)]
pub struct BusCurrents {
    pub bus: String,
    pub kv_base_ll: Option<f64>,
    pub phases: usize,
    pub currents: Vec<Option<LargestCurrent>>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LargestCurrent {
    /// Largest magnitude over the conductors and phases that this type of fault can join.
    pub i_a: f64,
    /// The faulted nodes of that one.
    pub nodes: Vec<u32>,
}

impl FaultView {
    fn new(model: &Model, r_ohm: f64, types: &[FaultType], rows: &[FaultRow]) -> Self {
        let mut buses: Vec<BusCurrents> = Vec::new();
        for row in rows {
            if buses.last().is_none_or(|b| b.bus != row.bus) {
                let bus = model.network.bus_id(&row.bus).map(|id| model.network.bus(id));
                buses.push(BusCurrents {
                    bus: row.bus.clone(),
                    kv_base_ll: bus.map(|b| b.kv_base_ln * 3.0_f64.sqrt()).filter(|&kv| kv > 0.0),
                    phases: bus.map_or(0, |b| b.nodes.iter().filter(|&&n| (1..=3).contains(&n)).count()),
                    currents: vec![None; types.len()],
                });
            }
            let (Some(bus), Some(t)) = (buses.last_mut(), types.iter().position(|&t| t == row.fault)) else { continue };
            if !row.converged {
                continue;
            }
            let i_a = row.i_a.iter().map(|i| i.norm()).fold(0.0, f64::max);
            if bus.currents[t].as_ref().is_none_or(|c| c.i_a < i_a) {
                bus.currents[t] = Some(LargestCurrent { i_a, nodes: row.nodes.clone() });
            }
        }
        Self {
            circuit: model.network.name.clone(),
            model: model.name.clone(),
            r_ohm,
            types: types.iter().map(|t| t.word()).collect(),
            buses,
            diagnostics: model.diagnostics.clone(),
        }
    }

    fn render(&self, style: Style) -> String {
        let mut heads = vec!["<bus".to_owned(), ">kV L-L".to_owned(), ">phases".to_owned()];
        for t in &self.types {
            heads.extend([format!(">{} A", t.to_uppercase()), "<nodes".to_owned()]);
        }
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        let mut table = Table::new(&heads);
        for b in &self.buses {
            let kv = b.kv_base_ll.map_or("-".to_owned(), |kv| fixed(kv, 3));
            let mut cells = vec![shorten(&b.bus, 24), kv, b.phases.to_string()];
            for c in &b.currents {
                let nodes = |c: &LargestCurrent| c.nodes.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
                match c {
                    Some(c) => cells.extend([fixed(c.i_a, 1), nodes(c)]),
                    None => cells.extend(["-".to_owned(), String::new()]),
                }
            }
            table.cells(cells);
        }
        format!(
            "{}\n  largest current of a conductor by type of fault, {} ohm, loads in place, controls as the model left them\n\n{}",
            style.bold(&format!("{}  ({})", self.circuit, self.model)),
            crate::number::g12(self.r_ohm),
            table.render()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_complex::Complex64;

    #[test]
    fn an_unsettled_fault_has_no_current() {
        let row = |converged| FaultRow {
            bus: "b".into(),
            fault: FaultType::LineLine,
            nodes: vec![1, 2],
            converged,
            i_a: vec![Complex64::new(1.5, -2.0)],
        };
        let text = faults_csv(&[row(true), row(false)]);
        assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), ["b,ll,1.2,1,1.5,-2", "b,ll,1.2,0"]);
    }
}
