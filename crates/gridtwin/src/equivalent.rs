//! A model as the kind of network that a format holds: a transmission case in three phases, a feeder in the positive sequence.

use crate::cli::{IterationArguments, Mode, TargetFormat};
use crate::failure::Failure;
use crate::model::Model;
use network::{Diagnostic, Network, Severity};
use powerflow::equivalent::{Converted, MachineForm, TransmissionOptions, to_three_phase, to_transmission};
use powerflow::newton;
use powerflow::{Outcome, Session};

/// Tolerance of solutions that an equivalent is made of, per unit.
const TOLERANCE_PU: f64 = 1e-10;

/// Where the equivalent stays this near to the case, it has its voltages, per unit and degrees.
const SAME: (f64, f64) = (1e-5, 1e-3);

/// How far the three-phase network of a case is from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviation {
    pub buses: usize,
    pub v_pu: f64,
    pub v_bus: String,
    pub angle_deg: f64,
    pub angle_bus: String,
}

/// The network that the format can hold, made of the model; none where the model's own is of that kind.
///
/// # Errors
/// A model that does not solve, or that has no equivalent.
pub fn of_model(
    model: &mut Model,
    to: TargetFormat,
    balanced: bool,
    form: Option<MachineForm>,
    lenient: bool,
) -> Result<Option<Converted>, Failure> {
    let wants_case = matches!(to, TargetFormat::Raw33 | TargetFormat::Raw34 | TargetFormat::Raw35 | TargetFormat::Matpower);
    let wants_phases = matches!(to, TargetFormat::Opendss | TargetFormat::Cyme);
    if model.network.is_transmission() && wants_phases {
        return three_phase(&model.network, form).map(Some);
    }
    if model.network.is_transmission() || !wants_case {
        return Ok(None);
    }
    model.preflight(lenient)?;
    let iteration = IterationArguments { tolerance: Some(TOLERANCE_PU), max_iterations: None, max_control_iterations: None };
    crate::solve::set_options(&mut model.network.options, Mode::Snapshot, None, &iteration);
    let solution = crate::solve::solve(model)?;
    let converted = to_transmission(&solution, TransmissionOptions { balanced }).map_err(|e| Failure::new(e.diagnostics))?;
    Ok(Some(converted))
}

/// A case in three phases, solved to see that it has the voltages of the case.
///
/// Without a `form` machines are of constant power where the network then settles at the voltages of the case, and sources otherwise.
///
/// # Errors
/// A case that does not solve or has no equivalent.
pub fn three_phase(network: &Network, form: Option<MachineForm>) -> Result<Converted, Failure> {
    let options = newton::Options { tolerance_pu: TOLERANCE_PU, ..newton::Options::default() };
    let solution = crate::transmission::solve_network(network, &options).map_err(Failure::new)?;
    let forms = form.map_or(vec![MachineForm::Power, MachineForm::Source], |f| vec![f]);
    let mut best = None;
    for form in forms {
        let mut converted = to_three_phase(network, &solution, form).map_err(|e| Failure::new(e.diagnostics))?;
        let found = confirm(deviation(&solution, &converted.network), form);
        let confirmed = found.severity == Severity::Note;
        converted.diagnostics.push(found);
        best = Some(converted);
        if confirmed {
            break;
        }
    }
    Ok(best.expect("there is a form"))
}

fn confirm(deviation: Result<Deviation, Vec<Diagnostic>>, form: MachineForm) -> Diagnostic {
    let machines = match form {
        MachineForm::Power => "Machines are of constant power",
        MachineForm::Source => "Machines that hold a voltage are sources behind their impedance",
    };
    match deviation {
        Ok(d) => {
            let detail = format!(
                "{machines}. Solved phase by phase, {} buses differ by at most {:.1e} pu ({}) and {:.1e} degrees ({}).",
                d.buses, d.v_pu, d.v_bus, d.angle_deg, d.angle_bus
            );
            if d.v_pu <= SAME.0 && d.angle_deg <= SAME.1 {
                Diagnostic::note("CONVERT.CASE.CONFIRMED", "the three-phase network has the voltages of the case").detail(detail)
            } else {
                Diagnostic::warning("CONVERT.CASE.DIFFERS", "the three-phase network does not have the voltages of the case")
                    .detail(detail)
                    .hint("Compare the two with `gridtwin compare` before you use the result.")
            }
        }
        Err(found) => {
            let why = found.first().map_or_else(String::new, |d| d.message.clone());
            Diagnostic::warning("CONVERT.CASE.NOT_SETTLED", "the three-phase network does not settle")
                .detail(format!("{machines}. Its voltages could not be set against those of the case: {why}."))
                .hint("Solve it in a program that iterates by Newton's method on powers, or see what draws most beside what it is fed by.")
        }
    }
}

/// Solves the three-phase network and sets all phases of its buses against the case.
///
/// # Errors
/// Why it does not settle.
pub fn deviation(case: &newton::Solution, network: &Network) -> Result<Deviation, Vec<Diagnostic>> {
    let solution = match Session::new().solve_network(network, true) {
        Ok(Outcome::Settled(solution)) => *solution,
        Ok(Outcome::Unsettled(unsettled)) => return Err(unsettled.forensics.diagnostics()),
        Err(error) => return Err(vec![error.diagnostic()]),
    };
    let mut nodes: std::collections::HashMap<String, Vec<(String, f64, f64)>> = std::collections::HashMap::new();
    for row in solution.nodes() {
        if let Some(v) = row.v_pu {
            nodes.entry(row.bus).or_default().push((row.node, v, row.angle_deg));
        }
    }
    let mut d = Deviation { buses: 0, v_pu: 0.0, v_bus: String::new(), angle_deg: 0.0, angle_bus: String::new() };
    for row in &case.buses {
        let (Some(v), Some(angle)) = (row.v_pu, row.angle_deg) else { continue };
        let Some(found) = nodes.get(&row.bus) else { continue };
        d.buses += 1;
        for (node, v_node, angle_node) in found {
            let turn = match node.rsplit('.').next() {
                Some("1") => 0.0,
                Some("2") => -120.0,
                Some("3") => 120.0,
                _ => continue,
            };
            let dv = (v - v_node).abs();
            let da = ((angle_node - turn - angle + 180.0).rem_euclid(360.0) - 180.0).abs();
            if dv > d.v_pu || d.v_bus.is_empty() {
                (d.v_pu, d.v_bus) = (dv, row.bus.clone());
            }
            if da > d.angle_deg || d.angle_bus.is_empty() {
                (d.angle_deg, d.angle_bus) = (da, row.bus.clone());
            }
        }
    }
    Ok(d)
}
