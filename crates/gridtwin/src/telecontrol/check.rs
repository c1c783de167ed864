//! `gridtwin scada check`: what is wrong with a file, and what is in it.

use super::arguments::CheckArguments;
use super::text_of;
use crate::cli::{ImportArguments, ModelArguments};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use network::{Diagnostic, Severity};
use scada::document::{self, ProtocolSpec, check_elements};
use scada::iec61850::scl;
use serde::Serialize;

#[derive(Serialize)]
struct Counted {
    device: String,
    protocol: String,
    addresses: Vec<String>,
    points: usize,
    commanded: usize,
    without_element: usize,
    without_accuracy: usize,
}

#[derive(Serialize)]
struct Outcome {
    sound: bool,
    devices: Vec<Counted>,
    /// Points that belong to no element of the network.
    unmapped: Vec<String>,
    findings: Vec<Diagnostic>,
}

pub fn run(arguments: &CheckArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let bytes = text_of(&arguments.file)?;
    let name = arguments.file.display().to_string();
    let is_scl = bytes.iter().copied().find(|b| !b.is_ascii_whitespace() && *b < 0x80) == Some(b'<');
    let mut outcome = if is_scl { of_scl(&bytes, &name) } else { of_document(&bytes, &name) };
    if let Some(model) = arguments.model.as_ref().filter(|_| !is_scl) {
        let of_model = ModelArguments {
            model: model.clone(),
            dss: Vec::new(),
            lenient: false,
            network: None,
            network_version: None,
            import: ImportArguments::default(),
        };
        let network = Model::read(&of_model)?.network;
        let devices = document::read(&String::from_utf8_lossy(&bytes), &name).devices;
        outcome.findings.extend(check_elements(&devices, &network));
    }
    outcome.sound = outcome.findings.iter().all(|d| d.severity != Severity::Error);
    let sound = outcome.sound;
    if arguments.json {
        console.json(&outcome)?;
        return Ok(sound);
    }
    console.warn(&outcome.findings);
    let mut text = format!("{name}: {}\n", if sound { "sound" } else { "not sound" });
    for d in &outcome.devices {
        let at = if d.addresses.is_empty() { String::new() } else { format!(" at {}", d.addresses.join(" or ")) };
        let without = match is_scl {
            true => format!("{} of no equipment", d.without_element),
            false => format!("{} without an element, {} without an accuracy", d.without_element, d.without_accuracy),
        };
        text.push_str(&format!("  {} ({}{at}): {} points, {} commanded, {without}\n", d.device, d.protocol, d.points, d.commanded));
    }
    if !outcome.unmapped.is_empty() {
        const SHOWN: usize = 20;
        let more = outcome.unmapped.len().saturating_sub(SHOWN);
        let names = outcome.unmapped.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let what = if is_scl { "points of no equipment" } else { "points about nothing in the network" };
        text.push_str(&format!("{what}: {names}{more}\n"));
    }
    console.print(&text)?;
    Ok(sound)
}

fn of_document(bytes: &[u8], name: &str) -> Outcome {
    let document = document::read(&String::from_utf8_lossy(bytes), name);
    let devices = document.devices.iter().map(|d| Counted {
        device: d.id.clone(),
        protocol: match &d.protocol {
            ProtocolSpec::Modbus(_) => "Modbus TCP",
            ProtocolSpec::Iec104(_) => "IEC 60870-5-104",
            ProtocolSpec::Iec61850(_) => "IEC 61850",
        }
        .to_owned(),
        addresses: d.addresses.clone(),
        points: d.points.len(),
        commanded: d.points.iter().filter(|p| p.control.is_some()).count(),
        without_element: d.points.iter().filter(|p| p.element.is_none()).count(),
        without_accuracy: d.points.iter().filter(|p| p.accuracy.is_none()).count(),
    });
    let unmapped = document.devices.iter().flat_map(|d| &d.points).filter(|p| p.element.is_none()).map(|p| p.name.to_string());
    Outcome { sound: false, devices: devices.collect(), unmapped: unmapped.collect(), findings: document.diagnostics }
}

fn of_scl(bytes: &[u8], name: &str) -> Outcome {
    let (read, findings) = scl::read(bytes, name);
    let devices = read.iter().flat_map(|s| s.ieds.iter().map(move |ied| (s, ied))).map(|(s, ied)| {
        let points = scl::points_of(s, ied);
        Counted {
            device: ied.name.clone(),
            protocol: "IEC 61850, by its configuration file".to_owned(),
            addresses: Vec::new(),
            points: points.len(),
            commanded: points.iter().filter(|p| p.control.is_some()).count(),
            without_element: points.iter().filter(|p| p.assets.is_empty()).count(),
            without_accuracy: points.len(),
        }
    });
    let unmapped = read.iter().flat_map(scl::points).filter(|p| p.assets.is_empty()).map(|p| p.reference());
    Outcome { sound: false, devices: devices.collect(), unmapped: unmapped.collect(), findings }
}
