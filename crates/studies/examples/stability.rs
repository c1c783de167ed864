//! Transient stability of a PSS/E case: trajectories of its machines, or of its buses, as CSV.
//!
//! ```text
//! stability CASE.raw CASE.dyr [--fault-x X] [--fault BUS START DURATION] [--line-fault BRANCH SHARE START DURATION] [--open BRANCH T] [--close BRANCH T]
//!           [--trip BUS T] [--load BUS T MW MVAR] [--duration S] [--step S] [--sample S] [--as-stored] [--buses] [--keep-on] [--critical LOW HIGH]
//! ```
//!
//! `--fault` is a three-phase fault at a bus, bolted unless a reactance (per unit) comes before it; branches are called by their buses and circuit, `5-7-1`. `--critical` seeks the critical clearing
//! time of the first fault, with the branches of `--open` opened at its clearing. The verdict goes to standard error.

use formats::MemoryFiles;
use formats::psse::{ReadOptions, dyr, read};
use network::{BusId, Diagnostic, ElementId, ElementKind, Network};
use num_complex::Complex64;
use std::path::Path;
use studies::stability::{Action, ClearingBounds, Event, FaultKind, LoadModel, Options, Place, prepare};
use studies::table::{Table, Value};

type Anyhow<T> = Result<T, Box<dyn std::error::Error>>;

fn all(found: &[Diagnostic]) -> Box<dyn std::error::Error> {
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n").into()
}

fn csv(table: &Table) -> String {
    let mut text = table.columns.iter().map(|c| c.name).collect::<Vec<_>>().join(",");
    for row in &table.rows {
        let cell = |v: &Value| match v {
            Value::Empty => String::new(),
            Value::Text(t) => t.clone(),
            Value::Number(x) => format!("{x}"),
            Value::Count(n) => n.to_string(),
            Value::Flag(b) => b.to_string(),
        };
        text.push('\n');
        text.push_str(&row.iter().map(cell).collect::<Vec<_>>().join(","));
    }
    text
}

fn main() -> Anyhow<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [raw, dynamic, rest @ ..] = arguments.as_slice() else { return Err("stability CASE.raw CASE.dyr …".into()) };
    let files = MemoryFiles::new().with("case.raw", std::fs::read(raw)?);
    let network = read(&files, Path::new("case.raw"), &ReadOptions::default()).map_err(|e| e.to_string())?.network;
    let records = dyr::read(&std::fs::read(dynamic)?, dynamic);
    records.diagnostics.iter().for_each(|d| eprintln!("{d}"));

    let mut options = Options::default();
    let (mut events, mut buses, mut critical, mut x) = (Vec::new(), false, None, 0.0);
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        let mut next = || words.next().map(String::as_str).ok_or("a value is missing");
        match word.as_str() {
            "--fault-x" => x = next()?.parse()?,
            "--fault" => fault(&mut events, x, Place::Bus(bus(&network, next()?)?), next()?.parse()?, next()?.parse()?),
            "--line-fault" => {
                let place = Place::Line { branch: branch(&network, next()?)?, fraction: next()?.parse()? };
                fault(&mut events, x, place, next()?.parse()?, next()?.parse()?);
            }
            "--open" => {
                let action = Action::Open { branch: branch(&network, next()?)? };
                events.push(Event { t_s: next()?.parse()?, action });
            }
            "--close" => {
                let action = Action::Close { branch: branch(&network, next()?)? };
                events.push(Event { t_s: next()?.parse()?, action });
            }
            "--trip" => {
                let at = bus(&network, next()?)?;
                let machine =
                    network.ids(ElementKind::Machine).find(|id| network.common(*id).terminals[0].bus == at).ok_or("no machine")?;
                events.push(Event { t_s: next()?.parse()?, action: Action::TripMachine { machine } });
            }
            "--load" => {
                let (bus, t_s) = (bus(&network, next()?)?, next()?.parse()?);
                events.push(Event { t_s, action: Action::LoadStep { bus, p_mw: next()?.parse()?, q_mvar: next()?.parse()? } });
            }
            "--duration" => options.duration_s = next()?.parse()?,
            "--step" => options.step_s = next()?.parse()?,
            "--sample" => options.sample_s = next()?.parse()?,
            "--as-stored" => options.loads = LoadModel::AsStored,
            "--buses" => buses = true,
            "--keep-on" => options.stop_when_unstable = false,
            "--critical" => critical = Some((next()?.parse()?, next()?.parse()?)),
            other => return Err(format!("{other} is no option").into()),
        }
    }
    let study = prepare(&network, &records.dynamics, &options).map_err(|f| all(&f))?;
    study.findings.iter().for_each(|d| eprintln!("{d}"));
    if let Some((low_s, high_s)) = critical {
        let start = events.first().map_or(0.0, |e| e.t_s);
        // All that comes after the fault comes at its clearing.
        let at = |t: f64| events.iter().map(|e| Event { t_s: if e.t_s > start { start + t } else { e.t_s }, ..*e }).collect::<Vec<_>>();
        let found = study.critical_clearing(&at, &ClearingBounds { low_s, high_s, ..ClearingBounds::default() }).map_err(|f| all(&f))?;
        println!("{found:#?}");
        return Ok(());
    }
    let run = study.run(&events).map_err(|f| all(&f))?;
    eprintln!("{:#?}\n{:?}", run.verdict, run.certificate);
    println!("{}", csv(&if buses { run.trajectories.bus_table() } else { run.trajectories.machine_table() }));
    Ok(())
}

fn fault(events: &mut Vec<Event>, x: f64, place: Place, t_s: f64, duration_s: f64) {
    let action = Action::Fault { place, kind: FaultKind::ThreePhase, z_fault_pu: Complex64::new(0.0, x) };
    events.extend([Event { t_s, action }, Event { t_s: t_s + duration_s, action: Action::Clear { place } }]);
}

fn bus(network: &Network, number: &str) -> Anyhow<BusId> {
    network.bus_id(number).ok_or_else(|| format!("no bus {number}").into())
}

fn branch(network: &Network, name: &str) -> Anyhow<ElementId> {
    let mut ids = network.ids(ElementKind::AcBranch).chain(network.ids(ElementKind::PowerTransformer));
    ids.find(|id| network.common(*id).name == name).ok_or_else(|| format!("no branch {name}").into())
}
