//! `gridtwin stability`: what machines do in the seconds after a fault, a trip or a step of load.

use crate::answer::short;
use crate::cli::{ModelArguments, TableFormat};
use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::model::Model;
use crate::result_folder::cannot;
use crate::study_tables;
use clap::Args;
use formats::opendss::FileSource;
use formats::psse::dyr;
use network::{BusId, Diagnostic, ElementId, ElementKind, Network};
use num_complex::Complex64;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;
use store::files::write_whole;
use studies::stability::{Action, Clearing, ClearingBounds, Ended, Event, FaultKind, LoadModel, Options, Place, Run, Trial, prepare};

#[derive(Debug, Clone, Args)]
pub struct StabilityArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Dynamic data of machines and controls (PSS/E DYR)
    #[arg(long, value_name = "FILE")]
    pub dyr: PathBuf,
    /// Three-phase fault at this bus
    #[arg(long, value_name = "BUS", conflicts_with = "line_fault")]
    pub fault: Option<String>,
    /// Three-phase fault on this line, as FROM-TO-CIRCUIT, cleared by opening it
    #[arg(long, value_name = "LINE")]
    pub line_fault: Option<String>,
    /// Where on the line, as a share of its length from its first bus
    #[arg(long, value_name = "X", default_value_t = 0.5, requires = "line_fault")]
    pub share: f64,
    /// Reactance of the fault, per unit of the system base; 0: bolted
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pub fault_x_pu: f64,
    /// When it comes, s
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub at: f64,
    /// How long it lasts, s
    #[arg(long, value_name = "S", default_value_t = 0.1)]
    pub clear: f64,
    /// Branch that opens when the fault is cleared, as FROM-TO-CIRCUIT; repeatable
    #[arg(long, value_name = "BRANCH")]
    pub open: Vec<String>,
    /// Machine that is tripped, by its bus
    #[arg(long, value_name = "BUS")]
    pub trip: Option<String>,
    /// Step of load: BUS=MW or BUS=MW,MVAR
    #[arg(long, value_name = "BUS=MW")]
    pub load_step: Option<String>,
    /// Find the critical clearing time of the fault between 0 and this, s
    #[arg(long, value_name = "S")]
    pub critical: Option<f64>,
    /// Length of the run, s
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    pub duration: f64,
    /// Step of time, s
    #[arg(long, value_name = "S", default_value_t = 0.002)]
    pub step: f64,
    /// Loads keep the kinds that the case stores, instead of becoming admittances
    #[arg(long)]
    pub loads_as_stored: bool,
    /// Folder for the trajectories: machines.csv, buses.csv, system.csv
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

fn unknown(what: &str, name: &str, hint: &str) -> Failure {
    Diagnostic::error("STABILITY.EVENT.UNKNOWN", format!("the case has no {what} {name}")).hint(hint).into()
}

fn bus(network: &Network, name: &str) -> Result<BusId, Failure> {
    network.bus_id(name).ok_or_else(|| unknown("bus", name, "name it by its number, as the case does"))
}

fn branch(network: &Network, name: &str) -> Result<ElementId, Failure> {
    let same = |id: &ElementId| network.common(*id).name.eq_ignore_ascii_case(name);
    let mut ids = network.ids(ElementKind::AcBranch).chain(network.ids(ElementKind::PowerTransformer));
    ids.find(same).ok_or_else(|| unknown("branch", name, "name it by its buses and circuit, as 5-7-1"))
}

fn load_step(network: &Network, text: &str, t_s: f64) -> Result<Event, Failure> {
    let read = || {
        let (at, power) = text.split_once('=')?;
        let (p, q) = power.split_once(',').unwrap_or((power, "0"));
        Some((at.trim(), p.trim().parse().ok()?, q.trim().parse().ok()?))
    };
    let Some((at, p_mw, q_mvar)) = read() else {
        let what = Diagnostic::error("STABILITY.EVENT.UNKNOWN", format!("\"{text}\" is no step of load"));
        return Err(what.hint("write it as BUS=MW or BUS=MW,MVAR, such as 5=20,5").into());
    };
    Ok(Event { t_s, action: Action::LoadStep { bus: bus(network, at)?, p_mw, q_mvar } })
}

/// What happens, with a fault that lasts so long.
fn events(a: &StabilityArguments, network: &Network, clear_s: f64) -> Result<Vec<Event>, Failure> {
    let place = match (&a.fault, &a.line_fault) {
        (Some(name), _) => Some(Place::Bus(bus(network, name)?)),
        (None, Some(name)) => Some(Place::Line { branch: branch(network, name)?, fraction: a.share }),
        (None, None) => None,
    };
    let mut all = Vec::new();
    let cleared = a.at + clear_s;
    if let Some(place) = place {
        let action = Action::Fault { place, kind: FaultKind::ThreePhase, z_fault_pu: Complex64::new(0.0, a.fault_x_pu) };
        all.push(Event { t_s: a.at, action });
        match place {
            // A fault on a line goes with it.
            Place::Line { branch, .. } => all.push(Event { t_s: cleared, action: Action::Open { branch } }),
            Place::Bus(_) => all.push(Event { t_s: cleared, action: Action::Clear { place } }),
        }
    }
    for name in &a.open {
        let t_s = if place.is_some() { cleared } else { a.at };
        all.push(Event { t_s, action: Action::Open { branch: branch(network, name)? } });
    }
    if let Some(name) = &a.trip {
        let at = bus(network, name)?;
        let of_bus = |id: &ElementId| network.in_service(*id) && network.common(*id).terminals.first().is_some_and(|t| t.bus == at);
        let machine = network.ids(ElementKind::Machine).find(of_bus);
        let machine = machine.ok_or_else(|| unknown("machine in service at bus", name, "name the bus of a machine"))?;
        all.push(Event { t_s: a.at, action: Action::TripMachine { machine } });
    }
    if let Some(text) = &a.load_step {
        all.push(load_step(network, text, a.at)?);
    }
    Ok(all)
}

/// Runs the command. False where synchronism is lost, or nothing can be found stable.
///
/// # Errors
/// A case or data that cannot be read, machines without data, events that cannot be: all findings at once.
pub fn run(arguments: &StabilityArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let mut model = Model::prepare(&arguments.model)?;
    let bytes = DiskFiles::default().read(&arguments.dyr).map_err(|e| cannot("read", &arguments.dyr, &e))?;
    let records = dyr::read(&bytes, &arguments.dyr.display().to_string());
    model.diagnostics.extend(records.diagnostics);
    let options = Options {
        step_s: arguments.step,
        duration_s: arguments.duration,
        loads: if arguments.loads_as_stored { LoadModel::AsStored } else { LoadModel::Impedance },
        ..Options::default()
    };
    let study = prepare(&model.network, &records.dynamics, &options);
    let study = study.map_err(|faults| Failure::new(model.diagnostics.iter().cloned().chain(faults).collect()))?;
    model.diagnostics.extend(study.findings.iter().cloned());
    // Names that the case does not have are told before anything runs.
    let all = events(arguments, &model.network, arguments.clear)?;
    console.warn(&model.diagnostics);
    if let Some(high_s) = arguments.critical {
        let Some(_) = arguments.fault.as_ref().or(arguments.line_fault.as_ref()) else {
            let what = Diagnostic::error("STABILITY.CLEARING.NO_FAULT", "there is no fault whose clearing time could be critical");
            return Err(what.hint("add --fault BUS or --line-fault LINE").into());
        };
        let of = |clear_s: f64| events(arguments, &model.network, clear_s).unwrap_or_default();
        let bounds = ClearingBounds { high_s, ..ClearingBounds::default() };
        let found = study.critical_clearing(&of, &bounds).map_err(Failure::new)?;
        if arguments.json {
            console.json(&clearing_json(&found))?
        } else {
            console.print(&clearing(&found))?
        }
        return Ok(!matches!(found, Clearing::Unstable { .. }));
    }
    let run = study.run(&all).map_err(Failure::new)?;
    if let Some(dir) = &arguments.out {
        std::fs::create_dir_all(dir).map_err(|e| cannot("make", dir, &e))?;
        for table in [run.trajectories.machine_table(), run.trajectories.bus_table(), run.trajectories.system_table()] {
            let name = study_tables::file_name(table.name, TableFormat::Csv);
            if let Some(content) = study_tables::file_of(table.name, [table], TableFormat::Csv)? {
                write_whole(&dir.join(name), &content)?;
            }
        }
    }
    if arguments.json {
        console.json(&verdict_json(&run))?
    } else {
        console.print(&shown(&run, all.len()))?
    }
    Ok(run.verdict.stable)
}

fn shown(run: &Run, n_events: usize) -> String {
    let v = &run.verdict;
    let mut text = format!("{} of {} events over {:.3} s\n", if v.stable { "stable" } else { "NOT STABLE" }, n_events, v.end_s);
    match (&v.ended, v.lost_s) {
        (Ended::NoSolution { t_s, bus }, _) => {
            let _ = writeln!(text, "the equations have no solution from {t_s:.4} s on; the voltage moved most at bus {bus}");
        }
        (_, Some(t)) => {
            let _ = writeln!(text, "synchronism is lost at {t:.4} s");
        }
        _ => {}
    }
    if let Some((a, b)) = &v.angle_machines {
        let _ = writeln!(text, "largest difference of angles {:.2} degrees at {:.3} s, between {a} and {b}", v.angle_deg, v.angle_s);
    }
    let _ = writeln!(
        text,
        "frequency from {:.4} Hz at {:.2} s to {:.4} Hz at {:.2} s, {:.4} Hz at the end",
        v.nadir_hz, v.nadir_s, v.zenith_hz, v.zenith_s, v.final_hz
    );
    if let Some(rate) = v.rocof_hz_per_s {
        let _ = writeln!(text, "steepest change of frequency {} Hz/s", short(rate));
    }
    let _ = match v.settling_s {
        Some(t) => writeln!(text, "settled {t:.2} s after the last event"),
        None => writeln!(text, "not settled at the end"),
    };
    if let Some(d) = &v.damping {
        let _ =
            writeln!(text, "the swing of {} at {:.3} Hz is damped with {:.2} % of critical", d.machine, d.frequency_hz, 100.0 * d.ratio);
    }
    let c = &run.certificate;
    let _ = writeln!(
        text,
        "{} steps, {} iterations; largest current unaccounted for {:.1e} pu at {:.3} s",
        c.steps, c.iterations, c.mismatch_pu, c.mismatch_at_s
    );
    text
}

fn verdict_json(run: &Run) -> Value {
    let (v, c) = (&run.verdict, &run.certificate);
    json!({
        "stable": v.stable, "end_s": v.end_s, "lost_s": v.lost_s,
        "no_solution": match &v.ended { Ended::NoSolution { t_s, bus } => json!({ "t_s": t_s, "bus": bus }), _ => Value::Null },
        "angle_deg": v.angle_deg, "angle_s": v.angle_s, "angle_machines": v.angle_machines,
        "nadir_hz": v.nadir_hz, "nadir_s": v.nadir_s, "zenith_hz": v.zenith_hz, "zenith_s": v.zenith_s, "final_hz": v.final_hz,
        "rocof_hz_per_s": v.rocof_hz_per_s, "settling_s": v.settling_s,
        "damping": v.damping.as_ref().map(|d| json!({ "machine": d.machine, "frequency_hz": d.frequency_hz, "ratio": d.ratio })),
        "certificate": { "steps": c.steps, "iterations": c.iterations, "mismatch_pu": c.mismatch_pu, "mismatch_at_s": c.mismatch_at_s },
    })
}

fn clearing(found: &Clearing) -> String {
    let trials = |all: &[Trial]| {
        let last =
            |stable: bool| all.iter().filter(|t| t.stable == stable).map(|t| format!("{:.4}", t.clearing_s)).collect::<Vec<_>>().join(", ");
        format!("  stable with {}\n  not with {}\n", last(true), last(false))
    };
    match found {
        Clearing::Bracket { stable_s, unstable_s, trials: all } => {
            format!("critical clearing time between {stable_s:.4} and {unstable_s:.4} s, by {} runs\n{}", all.len(), trials(all))
        }
        Clearing::Stable { trials: all } => format!("stable even with the longest fault that was tried\n{}", trials(all)),
        Clearing::Unstable { trials: all } => format!("NOT STABLE even with the shortest fault\n{}", trials(all)),
    }
}

fn clearing_json(found: &Clearing) -> Value {
    let rows = |all: &[Trial]| -> Vec<Value> {
        all.iter()
            .map(|t| json!({ "clearing_s": t.clearing_s, "stable": t.stable, "lost_s": t.lost_s, "angle_deg": t.angle_deg }))
            .collect()
    };
    match found {
        Clearing::Bracket { stable_s, unstable_s, trials } => {
            json!({ "stable_s": stable_s, "unstable_s": unstable_s, "trials": rows(trials) })
        }
        Clearing::Stable { trials } | Clearing::Unstable { trials } => {
            json!({ "stable_s": null, "unstable_s": null, "trials": rows(trials) })
        }
    }
}
