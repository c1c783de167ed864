//! `gridtwin simulate plant`: a substation that lives by the clock and is served, until it is told to stop.

pub mod arguments;
pub mod station;

use crate::console::Console;
use crate::failure::Failure;
use crate::result_folder::cannot;
use arguments::{PlantArguments, SimulateArguments, SimulateCommand};
use network::Diagnostic;
use scada::UtcTime;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use twin::plant::devices;
use twin::plant::host::{HostError, HostOptions, Hosted, Told};
use twin::plant::{Plant, PlantError, PlantSettings};

/// Runs the command.
///
/// # Errors
/// A model that is no station, an address that is taken, a file that cannot be written.
pub fn run(arguments: &SimulateArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    match &arguments.command {
        SimulateCommand::Plant(arguments) => plant(arguments, console),
    }
}

fn plant(arguments: &PlantArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let found = station::read(arguments.model.as_deref(), console)?;
    let start_s = arguments.start.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64()));
    let settings = PlantSettings { seed: arguments.seed, start_s, noise: !arguments.no_noise };
    let name = found.station.name.clone();
    let plant = Plant::new(found.network, found.station, found.relays, settings).map_err(failed_plant)?;
    let options = HostOptions {
        interval_s: arguments.interval,
        modbus: arguments.modbus,
        iec104: arguments.iec104,
        iec61850: arguments.iec61850,
        instructor: arguments.instructor,
        goose: arguments.goose.clone(),
        ..HostOptions::new()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(crate::serve::failed_runtime)?;
    runtime.block_on(async {
        let stop = crate::serve::asked_to_stop().map_err(crate::serve::failed_runtime)?;
        let hosted = Hosted::start(plant, options).await.map_err(failed_host)?;
        let told = live(&hosted, &name, arguments, console, stop).await;
        hosted.stop().await;
        told
    })
}

/// Says what is served, then every event, until it is time to stop.
async fn live(
    hosted: &Hosted,
    name: &str,
    arguments: &PlantArguments,
    console: &mut Console<'_>,
    stop: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let mut watched = hosted.handle.watch();
    if let Some(path) = &arguments.follow_document {
        write(path, &hosted.follow_document())?;
    }
    if let Some(path) = &arguments.scl {
        write(path, &hosted.configuration)?;
    }
    let n = hosted.points().len();
    let mut text = format!("{name}: {n} points, a step every {} s\n", arguments.interval);
    for (what, at) in [("Modbus TCP", hosted.modbus), ("IEC 60870-5-104", hosted.iec104), ("IEC 61850", hosted.iec61850)] {
        if let Some(at) = at {
            text.push_str(&format!("  {what:<16} {n} points at {at}\n"));
        }
    }
    if let Some(interface) = &arguments.goose {
        let (sent, all) = (devices::goose_members(hosted.points()).len(), devices::goose_candidates(hosted.points()).len());
        let left = if sent < all { format!("; {} more do not fit a frame and are not sent", all - sent) } else { String::new() };
        text.push_str(&format!("  {:<16} {} on {interface}: {sent} positions and trips{left}\n", "GOOSE", devices::GOOSE_BLOCK));
    }
    if let Some(at) = hosted.instructor {
        text.push_str(&format!("  {:<16} {at}\n", "instructor"));
    }
    console.print(&text)?;
    let mut stop = std::pin::pin!(stop);
    loop {
        let told = tokio::select! {
            () = &mut stop => return Ok(()),
            () = hosted.ended() => return Err(ended()),
            told = watched.recv() => told,
        };
        match told {
            Ok(Told::Event(e)) => {
                let kind = serde_json::to_value(e.event.kind).ok().and_then(|k| k.as_str().map(str::to_owned)).unwrap_or_default();
                console.print(&format!("{} {kind} {}: {}\n", clock(e.utc), e.event.subject, e.event.cause))?;
            }
            Ok(Told::State(_)) => {}
            Err(tokio::sync::broadcast::error::RecvError::Lagged(missed)) => {
                console.note(&format!("{missed} lines were left out, as they could not be printed in time\n"));
            }
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return Ok(()),
        }
    }
}

/// A time to the millisecond, UTC.
fn clock(time: UtcTime) -> String {
    jiff::Timestamp::from_microsecond(time.us).map_or_else(|_| time.us.to_string(), |t| format!("{t:.3}"))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|e| cannot("write", path, &e))
}

fn ended() -> Failure {
    Diagnostic::error("PLANT.RUN.ENDED", "the simulated plant has ended by itself, and is not served any more")
        .detail("A fault of this program; what it said before is above.")
        .hint("Start it again, and report what led to it.")
        .into()
}

fn failed_plant(error: PlantError) -> Failure {
    Diagnostic::error("PLANT.START.NO_STATION", "the station cannot be simulated")
        .detail(format!("{error}."))
        .hint("A plant needs a source, busbars and breakers with their ratings; docs/formats/station.md describes the register.")
        .into()
}

fn failed_host(error: HostError) -> Failure {
    let (code, hint) = match &error {
        HostError::Interval { .. } => ("PLANT.START.INTERVAL", "give seconds from 0.02 to 1 with --interval"),
        HostError::Listen { .. } | HostError::Server(_) => {
            ("PLANT.START.ADDRESS", "another program may hold the port; name another one, or 0 for any. Ports below 1024 need a privilege.")
        }
        HostError::NotLoopback { .. } => ("PLANT.START.NOT_LOOPBACK", "name a loopback address such as 127.0.0.1:7450 with --instructor"),
        HostError::Wire(_) | HostError::GooseSettings(_) => {
            ("PLANT.START.GOOSE", "name an interface that is there, as `ip link` lists them")
        }
        HostError::Devices(_) | HostError::Map { .. } => ("PLANT.START.MAP", "shorten the register, or the names in it"),
        HostError::Thread { .. } => ("PLANT.START.THREAD", "the machine may be out of memory or of processes"),
    };
    Diagnostic::error(code, "the plant cannot be served").detail(format!("{error}.")).hint(hint).into()
}
