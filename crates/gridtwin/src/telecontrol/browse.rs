//! `gridtwin scada browse`: what a device has, without a document.

use super::arguments::BrowseArguments;
use super::{plain, shown, with_port};
use crate::answer::columns;
use crate::console::Console;
use crate::failure::Failure;
use network::Diagnostic;
use scada::iec104::map::InformationType;
use scada::iec61850::client::{Client, ClientOptions};
use serde_json::json;

fn not_answered(address: &str, why: impl std::fmt::Display) -> Failure {
    Diagnostic::error("DEVICE.READ.NOT_ANSWERED", format!("{address} does not answer as expected"))
        .detail(format!("{why}."))
        .hint("see whether the address and the protocol are right, and the device runs")
        .into()
}

pub async fn run(arguments: &BrowseArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    if let Some(address) = &arguments.iec104 {
        return iec104(&with_port(address, 2404), arguments, console).await;
    }
    if let Some(address) = &arguments.modbus {
        return modbus(&with_port(address, 502), arguments, console).await;
    }
    let address = with_port(arguments.address.as_deref().unwrap_or_default(), 102);
    iec61850(&address, arguments, console).await
}

/// The tree of a server: devices, their variables, data sets and report blocks.
async fn iec61850(address: &str, arguments: &BrowseArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "102"));
    let options = ClientOptions { connect_s: arguments.timeout, request_s: arguments.timeout, ..ClientOptions::default() };
    let port = port.parse().unwrap_or(102);
    let mut client = Client::connect(host.trim_matches(['[', ']']), port, options).await.map_err(|e| not_answered(address, e))?;
    let identity = client.identity().await.ok();
    let found = client.browse().await.map_err(|e| not_answered(address, e))?;
    let _ = client.close().await;
    if arguments.json {
        let devices: Vec<_> = found
            .devices
            .iter()
            .map(|d| json!({"domain": d.domain, "variables": d.variables, "data_sets": d.data_sets, "reports": d.reports}))
            .collect();
        return console.json(&json!({"address": address, "devices": devices}));
    }
    let who = identity.map_or(String::new(), |i| format!(": {} {} {}", i.vendor, i.model, i.revision));
    let mut text = format!("{address}{who}\n");
    for d in &found.devices {
        text.push_str(&format!("{}\n", d.domain));
        for v in &d.variables {
            let parts: Vec<&str> = v.split('$').collect();
            text.push_str(&format!("{}{}\n", "  ".repeat(parts.len()), parts.last().unwrap_or(&"")));
        }
        for s in &d.data_sets {
            text.push_str(&format!("  data set {s}\n"));
        }
        for r in &d.reports {
            text.push_str(&format!("  report {r}\n"));
        }
    }
    console.print(&text)
}

/// What stations tell when they are interrogated.
async fn iec104(address: &str, arguments: &BrowseArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let found = scada::iec104::browse(address, arguments.station, arguments.timeout).await.map_err(|e| not_answered(address, e))?;
    if arguments.json {
        let rows: Vec<_> = found
            .iter()
            .map(|o| {
                let value = plain(Some(&o.value));
                json!({"station": o.station, "object": o.object, "type": o.type_id, "value": value, "quality": o.quality.to_string()})
            })
            .collect();
        return console.json(&rows);
    }
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|o| {
            let [station, object, type_id] = [o.station.to_string(), o.object.to_string(), o.type_id.to_string()];
            vec![station, object, type_id, word(o.type_id).to_owned(), shown(Some(&o.value)), o.quality.to_string()]
        })
        .collect();
    let names = ["station", "object", "type", "", "value", "quality"].map(str::to_owned);
    let mut text = columns(&names, &[true, true, true, false, true, false], &rows);
    text.push_str(&format!("{} objects\n", found.len()));
    console.print(&text)
}

/// The word of a document for a type of telegram.
fn word(type_id: u8) -> &'static str {
    let of = |t: InformationType| [t.type_ids().0, t.type_ids().1].contains(&type_id);
    InformationType::ALL.iter().find(|(_, t)| of(*t)).map_or("", |(word, _)| word)
}

/// What a device answers at the places that are asked for.
async fn modbus(address: &str, arguments: &BrowseArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let found =
        scada::modbus::browse(address, arguments.unit, &arguments.range, arguments.timeout).await.map_err(|e| not_answered(address, e))?;
    if arguments.json {
        let rows: Vec<_> = found
            .iter()
            .map(|p| json!({"table": p.table.name(), "offset": p.offset, "word": p.word.ok(), "exception": p.word.err()}))
            .collect();
        return console.json(&rows);
    }
    let mut text = String::from("table     offset   word     hex\n");
    for p in &found {
        match p.word {
            Ok(word) => text.push_str(&format!("{:<9} {:>6} {word:>6}  0x{word:04x}\n", p.table.name(), p.offset)),
            Err(code) => text.push_str(&format!("{:<9} {:>6}      -  exception {code}\n", p.table.name(), p.offset)),
        }
    }
    let there = found.iter().filter(|p| p.word.is_ok()).count();
    text.push_str(&format!("{there} of {} places answer\n", found.len()));
    console.print(&text)
}
