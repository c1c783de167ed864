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
use network::scenario::fits;
use scada::document::{self, DeviceSpec, ProtocolSpec};
use scada::point::Value;
use serde_json::Value as Json;
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
    std::fs::read(path).map_err(|e| {
        let what = Diagnostic::error("DEVICE.DOCUMENT.FILE", format!("{} cannot be read", path.display()));
        what.detail(format!("The system says: {e}.")).hint("see whether the name is right and the file may be read").into()
    })
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

/// Whether a point is among those that are wanted; all are when none is named.
fn is_wanted(name: &str, names: &[String]) -> bool {
    names.is_empty() || names.iter().any(|n| fits(n, name))
}

/// The devices that have points that are wanted, with these points only. A station of the 104 keeps all: it tells every object whatever is
/// wanted of it, and those that no point is for would be remarked upon.
fn chosen(devices: Vec<DeviceSpec>, ids: &[String], names: &[String]) -> Result<Vec<DeviceSpec>, Failure> {
    for id in ids {
        if !devices.iter().any(|d| d.id.eq_ignore_ascii_case(id)) {
            let known: Vec<&str> = devices.iter().map(|d| d.id.as_str()).collect();
            let what = Diagnostic::error("DEVICE.CHOICE.UNKNOWN", format!("the document has no device \"{id}\""));
            return Err(what.hint(format!("it has {}", known.join(", "))).into());
        }
    }
    for name in names {
        if !devices.iter().flat_map(|d| &d.points).any(|p| fits(name, &p.name)) {
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
        let keep: Vec<bool> = device.points.iter().map(|p| is_wanted(&p.name, names)).collect();
        if !keep.contains(&true) {
            continue;
        }
        let mut at = keep.iter();
        let was_kept = match &mut device.protocol {
            ProtocolSpec::Modbus(map) => {
                map.points.retain(|_| *at.next().unwrap_or(&false));
                keep
            }
            ProtocolSpec::Iec61850(map) => {
                map.retain(|_| *at.next().unwrap_or(&false));
                keep
            }
            ProtocolSpec::Iec104(_) => vec![true; keep.len()],
        };
        let mut at = was_kept.iter();
        device.points.retain(|_| *at.next().unwrap_or(&false));
        out.push(device);
    }
    Ok(out)
}

/// Host and port, with the protocol's port where none is given.
fn with_port(address: &str, port: u16) -> String {
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(v6) => format!("[{v6}]:{port}"),
        Err(_) if address.rsplit_once(':').is_some_and(|(_, p)| p.parse::<u16>().is_ok()) => address.to_owned(),
        Err(_) => format!("{address}:{port}"),
    }
}

/// A value for people: numbers with seven significant digits.
fn shown(value: Option<&Value>) -> String {
    match value {
        Some(Value::Float(x)) => crate::answer::short(*x),
        Some(other) => other.to_string(),
        None => "-".to_owned(),
    }
}

/// A value for programs: numbers and contacts as such, positions of two contacts as words.
fn plain(value: Option<&Value>) -> Json {
    match value {
        None => Json::Null,
        Some(Value::Bool(on)) => (*on).into(),
        Some(Value::Integer(i)) => (*i).into(),
        Some(Value::Float(x)) => (*x).into(),
        Some(Value::Step { position, .. }) => (*position).into(),
        Some(Value::Bits(bits)) => (*bits).into(),
        Some(Value::Counter { count, .. }) => (*count).into(),
        Some(other @ (Value::DoublePoint(_) | Value::Text(_))) => other.to_string().into(),
    }
}

/// A time to the millisecond, UTC.
fn clock(time: scada::UtcTime) -> String {
    jiff::Timestamp::from_microsecond(time.us).map_or_else(|_| time.us.to_string(), |t| format!("{t:.3}"))
}

#[cfg(test)]
mod tests {
    use super::with_port;

    #[test]
    fn ports_are_added() {
        for (given, address) in
            [("host", "host:102"), ("host:5", "host:5"), ("::1", "[::1]:102"), ("[::1]:7", "[::1]:7"), ("10.0.0.1", "10.0.0.1:102")]
        {
            assert_eq!(with_port(given, 102), address);
        }
    }
}
