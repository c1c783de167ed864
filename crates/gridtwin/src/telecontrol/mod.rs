//! `gridtwin scada`: documents of devices checked, and devices read, watched, commanded and browsed.

pub mod arguments;
mod browse;
mod check;
mod follow;
mod write;

use crate::console::Console;
use crate::failure::Failure;
use arguments::{ScadaArguments, ScadaCommand};
use network::Diagnostic;
use scada::document::{self, DeviceSpec, ProtocolSpec};
use std::path::Path;

/// Runs the command. False for a document with errors, or when not all could be read or done.
///
/// # Errors
/// A file that cannot be read, a document that is not sound, a device that is not there.
pub fn run(arguments: &ScadaArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    match &arguments.command {
        ScadaCommand::Check(a) => check::run(a, console),
        ScadaCommand::Read(a) => waited(follow::read(a, console)),
        ScadaCommand::Watch(a) => waited(follow::watch(a, console)).map(|()| true),
        ScadaCommand::Write(a) => write::run(a, console),
        ScadaCommand::Browse(a) => waited(browse::run(a, console)).map(|()| true),
    }
}

fn waited<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(crate::serve::failed_runtime)?;
    runtime.block_on(work)
}

fn text_of(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| crate::result_folder::cannot("read", path, &e))
}

/// The devices of a sound document.
fn devices(path: &Path, console: &mut Console<'_>) -> Result<Vec<DeviceSpec>, Failure> {
    let text = String::from_utf8_lossy(&text_of(path)?).into_owned();
    let document = document::read(&text, &path.display().to_string());
    if !document.is_sound() {
        return Err(Failure::new(document.diagnostics));
    }
    console.warn(&document.diagnostics);
    Ok(document.devices)
}

/// Only the points that are wanted, with the devices that have them.
fn chosen(devices: Vec<DeviceSpec>, ids: &[String], names: &[String]) -> Result<Vec<DeviceSpec>, Failure> {
    for id in ids {
        if !devices.iter().any(|d| d.id.eq_ignore_ascii_case(id)) {
            let known: Vec<&str> = devices.iter().map(|d| d.id.as_str()).collect();
            let what = Diagnostic::error("DEVICE.CHOICE.UNKNOWN", format!("the document has no device \"{id}\""));
            return Err(what.hint(format!("it has {}", known.join(", "))).into());
        }
    }
    for name in names {
        if !devices.iter().flat_map(|d| &d.points).any(|p| fits(&p.name, name)) {
            let all: Vec<&str> = devices.iter().flat_map(|d| &d.points).map(|p| &*p.name).collect();
            let near = network::document::nearest(name, &all).map_or(String::new(), |n| format!("the nearest is \"{n}\""));
            let what = Diagnostic::error("DEVICE.CHOICE.UNKNOWN", format!("the document has no point \"{name}\""));
            return Err(if near.is_empty() { what } else { what.hint(near) }.into());
        }
    }
    let mut out = Vec::new();
    for mut device in devices {
        if !ids.is_empty() && !ids.iter().any(|id| device.id.eq_ignore_ascii_case(id)) {
            continue;
        }
        if !names.is_empty() {
            let keep: Vec<bool> = device.points.iter().map(|p| names.iter().any(|n| fits(&p.name, n))).collect();
            let mut at = keep.iter();
            device.points.retain(|_| *at.next().unwrap_or(&false));
            let mut at = keep.iter();
            match &mut device.protocol {
                ProtocolSpec::Modbus(map) => map.points.retain(|_| *at.next().unwrap_or(&false)),
                ProtocolSpec::Iec104(map) => map.points.retain(|_| *at.next().unwrap_or(&false)),
                ProtocolSpec::Iec61850(map) => map.retain(|_| *at.next().unwrap_or(&false)),
            }
        }
        if !device.points.is_empty() {
            out.push(device);
        }
    }
    Ok(out)
}

/// Whether a name fits a pattern in which `*` stands for anything; small and capital letters are the same.
fn fits(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.to_lowercase(), pattern.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Host and port, with the protocol's port where none is given.
fn with_port(address: &str, port: u16) -> String {
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(v6) => format!("[{v6}]:{port}"),
        Err(_) if address.rsplit_once(':').is_some_and(|(_, p)| p.parse::<u16>().is_ok()) => address.to_owned(),
        Err(_) => format!("{address}:{port}"),
    }
}

/// A time to the millisecond, UTC.
fn clock(time: scada::UtcTime) -> String {
    jiff::Timestamp::from_microsecond(time.us).map_or_else(|_| time.us.to_string(), |t| format!("{t:.3}"))
}

#[cfg(test)]
mod tests {
    use super::{fits, with_port};

    #[test]
    fn patterns_fit() {
        for (name, pattern, does) in [
            ("L41.V.A", "l41.v.a", true),
            ("L41.V.A", "L41.*", true),
            ("L41.V.A", "*.A", true),
            ("L41.V.A", "L*V*A", true),
            ("L41.V.A", "*", true),
            ("L41.V.A", "L41", false),
            ("L41.V.A", "*B", false),
            ("L41.V.A", "L41.V.A*x", false),
        ] {
            assert_eq!(fits(name, pattern), does, "{name} {pattern}");
        }
    }

    #[test]
    fn ports_are_added() {
        for (given, address) in
            [("host", "host:102"), ("host:5", "host:5"), ("::1", "[::1]:102"), ("[::1]:7", "[::1]:7"), ("10.0.0.1", "10.0.0.1:102")]
        {
            assert_eq!(with_port(given, 102), address);
        }
    }
}
