//! `gridtwin scada read` and `watch`: devices followed for a round, or for as long as one likes.

use super::arguments::{ReadArguments, WatchArguments};
use super::{chosen, clock, devices, is_wanted, plain, shown};
use crate::answer::columns;
use crate::console::Console;
use crate::failure::Failure;
use crate::tables::push_field;
use network::Diagnostic;
use scada::document::DeviceSpec;
use scada::point::{PointSpec, Update};
use scada::supervision::{Batch, EventKind, Supervisor, supervised};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Batches that wait for the printer.
const BATCHES: usize = 256;

pub(super) type Points = HashMap<Arc<str>, Vec<PointSpec>>;

/// Starts following devices.
pub(super) fn start(devices: &[DeviceSpec]) -> (Supervisor, mpsc::Receiver<Batch>, Points) {
    let (supervisor, receiver) = Supervisor::start(devices.iter().filter_map(supervised).collect(), BATCHES);
    (supervisor, receiver, devices.iter().map(|d| (d.id.as_str().into(), d.points.clone())).collect())
}

fn row(device: &str, spec: &PointSpec, update: &Update) -> Value {
    json!({
        "point": &*spec.name,
        "device": device,
        "value": plain(update.value.as_ref()),
        "unit": spec.unit.as_deref(),
        "quality": update.quality.to_string(),
        "time": clock(update.time),
    })
}

/// One round.
///
/// # Errors
/// A document that is not sound, or has no such device or point.
pub async fn read(arguments: &ReadArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let devices = chosen(devices(&arguments.choice.file, console)?, &arguments.choice.device, &arguments.choice.point)?;
    let (supervisor, mut receiver, points) = start(&devices);
    let end = Instant::now() + Duration::from_secs_f64(arguments.timeout.clamp(0.1, 3600.0));
    let mut newest: HashMap<(Arc<str>, usize), Update> = HashMap::new();
    let mut recovered: HashSet<Arc<str>> = HashSet::new();
    let mut why: BTreeMap<Arc<str>, String> = BTreeMap::new();
    // Recovered says that all was asked for; what a device does not have comes as invalid before that.
    while recovered.len() < devices.len() {
        let Ok(Some(batch)) = tokio::time::timeout_at(end, receiver.recv()).await else { break };
        for update in batch.updates {
            newest.insert((batch.device.clone(), update.point), update);
        }
        for event in batch.events {
            if event.kind == EventKind::Recovered {
                recovered.insert(batch.device.clone());
            } else {
                why.insert(batch.device.clone(), event.kind.to_string());
            }
        }
    }
    supervisor.stop().await;
    let mut findings = Vec::new();
    for d in devices.iter().filter(|d| !recovered.contains(d.id.as_str())) {
        let why = why.get(d.id.as_str()).cloned().unwrap_or_else(|| "it does not answer".to_owned());
        let what =
            Diagnostic::error("DEVICE.READ.NOT_ANSWERED", format!("device \"{}\" was not read within {} s", d.id, arguments.timeout));
        findings.push(
            what.detail(format!("{why}.")).hint("see whether the address is right and the device runs, or give it longer with --timeout"),
        );
    }
    let names = &arguments.choice.point;
    let rows: Vec<(&DeviceSpec, usize)> = devices
        .iter()
        .flat_map(|d| (0..d.points.len()).map(move |k| (d, k)))
        .filter(|(d, k)| is_wanted(&d.points[*k].name, names))
        .collect();
    let total = rows.len();
    let of = |d: &DeviceSpec, k: usize| {
        let key: (Arc<str>, usize) = (d.id.as_str().into(), k);
        newest.get(&key)
    };
    let found: Vec<(&DeviceSpec, &PointSpec, &Update)> =
        rows.into_iter().filter_map(|(d, k)| of(d, k).map(|u| (d, &points[d.id.as_str()][k], u))).collect();
    if arguments.json {
        console.json(&found.iter().map(|(d, p, u)| row(&d.id, p, u)).collect::<Vec<_>>())?;
    } else if arguments.csv {
        let mut text = String::from("point,device,value,unit,quality,time\n");
        for (d, p, u) in &found {
            let value = u.value.as_ref().map_or_else(String::new, ToString::to_string);
            for (i, field) in
                [&*p.name, &d.id, &value, p.unit.as_deref().unwrap_or(""), &u.quality.to_string(), &clock(u.time)].into_iter().enumerate()
            {
                if i > 0 {
                    text.push(',');
                }
                push_field(&mut text, field);
            }
            text.push('\n');
        }
        console.print(&text)?;
    } else {
        let rows: Vec<Vec<String>> = found
            .iter()
            .map(|(_, p, u)| {
                let unit = p.unit.as_deref().unwrap_or("").to_owned();
                vec![p.name.to_string(), shown(u.value.as_ref()), unit, u.quality.to_string(), clock(u.time)]
            })
            .collect();
        let names = ["point", "value", "unit", "quality", "time"].map(str::to_owned);
        let mut text = columns(&names, &[false, true, false, false, false], &rows);
        text.push_str(&format!("{} of {total} points\n", found.len()));
        console.print(&text)?;
    }
    console.warn(&findings);
    Ok(findings.is_empty())
}

/// Changes as they come.
///
/// # Errors
/// As [`read`].
pub async fn watch(arguments: &WatchArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let devices = chosen(devices(&arguments.choice.file, console)?, &arguments.choice.device, &arguments.choice.point)?;
    let mut stop = std::pin::pin!(crate::serve::asked_to_stop().map_err(crate::serve::failed_runtime)?);
    let (supervisor, mut receiver, points) = start(&devices);
    let end = arguments.seconds.map(|s| Instant::now() + Duration::from_secs_f64(s.clamp(0.0, 1e9)));
    loop {
        let batch = tokio::select! {
            () = &mut stop => break,
            () = async { match end { Some(end) => tokio::time::sleep_until(end).await, None => std::future::pending().await } } => break,
            batch = receiver.recv() => match batch {
                Some(batch) => batch,
                None => break,
            },
        };
        let (mut text, mut last) = (String::new(), String::new());
        for event in &batch.events {
            let what = event.kind.to_string();
            // That all has been read is said after what was read.
            let into = if event.kind == EventKind::Recovered { &mut last } else { &mut text };
            match arguments.json {
                true => into.push_str(&format!("{}\n", json!({"device": &*batch.device, "time": clock(event.time), "event": what}))),
                false => into.push_str(&format!("{} {}: {what}\n", clock(event.time), batch.device)),
            }
        }
        for update in &batch.updates {
            let spec = points.get(&batch.device).and_then(|p| p.get(update.point));
            let Some(spec) = spec.filter(|s| is_wanted(&s.name, &arguments.choice.point)) else { continue };
            match arguments.json {
                true => text.push_str(&format!("{}\n", row(&batch.device, spec, update))),
                false => {
                    let unit = spec.unit.as_deref().map_or(String::new(), |u| format!(" {u}"));
                    let quality = if update.quality.is_good() { String::new() } else { format!(" ({})", update.quality) };
                    text.push_str(&format!("{} {} {}{unit}{quality}\n", clock(update.time), spec.name, shown(update.value.as_ref())));
                }
            }
        }
        text.push_str(&last);
        console.print(&text)?;
    }
    supervisor.stop().await;
    Ok(())
}
