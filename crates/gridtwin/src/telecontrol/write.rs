//! `gridtwin scada write`: a command, given through the one way that commands have, and its record.

use super::arguments::WriteArguments;
use super::follow::{start, told};
use super::{chosen, clock, devices, waited};
use crate::console::Console;
use crate::failure::Failure;
use network::Diagnostic;
use scada::document::DeviceSpec;
use scada::point::{PointSpec, Value, ValueKind};
use scada::supervision::EventKind;
use scada::telecontrol::{NoInterlock, Order, Originator, Record, Telecontrol};
use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;
use tokio::time::Instant;

/// How long a device may take until it has been read.
const READY_WITHIN: Duration = Duration::from_secs(30);

pub fn run(arguments: &WriteArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let devices = chosen(devices(&arguments.file, console)?, &[], std::slice::from_ref(&arguments.point))?;
    let point = devices.iter().flat_map(|d| &d.points).find(|p| p.name.eq_ignore_ascii_case(&arguments.point)).ok_or_else(|| {
        Failure::from(
            Diagnostic::error("DEVICE.CHOICE.UNKNOWN", format!("\"{}\" is no one point", arguments.point)).hint("write its whole name"),
        )
    })?;
    let value = value(point, &arguments.value)?;
    if point.control.is_none() {
        let what = Diagnostic::error("DEVICE.WRITE.NO_CONTROL", format!("point \"{}\" takes no commands", point.name));
        return Err(what.hint("a point that does has `control:` in the document").into());
    }
    if !arguments.yes && !confirmed(point, &devices, &value, console)? {
        return Ok(false);
    }
    let record = waited(give(&devices, point, value, arguments))?;
    let done = record.outcome.is_ok();
    if arguments.json {
        console.json(&record)?;
    } else {
        console.print(&text(&record))?;
    }
    Ok(done)
}

fn value(point: &PointSpec, text: &str) -> Result<Value, Failure> {
    let word = text.to_lowercase();
    let read = match (point.kind, word.as_str()) {
        (ValueKind::Bool | ValueKind::DoublePoint | ValueKind::Step, "on" | "close" | "closed" | "true" | "1" | "up") => {
            Some(Value::Bool(true))
        }
        (ValueKind::Bool | ValueKind::DoublePoint | ValueKind::Step, "off" | "open" | "false" | "0" | "down") => Some(Value::Bool(false)),
        (ValueKind::Bool | ValueKind::DoublePoint | ValueKind::Step, _) => None,
        (ValueKind::Integer, w) => w.parse().ok().map(Value::Integer),
        (ValueKind::Bits, w) => {
            w.strip_prefix("0x").map_or_else(|| w.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok()).map(Value::Bits)
        }
        (_, w) => w.parse::<f64>().ok().filter(|x| x.is_finite()).map(Value::Float),
    };
    read.ok_or_else(|| {
        let hint = match point.kind {
            ValueKind::Step => "write up or down",
            ValueKind::Bool | ValueKind::DoublePoint => "write on or off (close or open)",
            _ => "write a number in the unit of the point",
        };
        Diagnostic::error("DEVICE.WRITE.VALUE", format!("\"{text}\" is no value for point \"{}\"", point.name)).hint(hint).into()
    })
}

/// Asks on a terminal; refuses where there is nobody to ask.
fn confirmed(point: &PointSpec, devices: &[DeviceSpec], value: &Value, console: &mut Console<'_>) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        let what = Diagnostic::error("DEVICE.WRITE.NOT_CONFIRMED", "the command was not given: nobody is there to confirm it");
        return Err(what.hint("add --yes where no terminal is").into());
    }
    let at = devices.first().map_or(String::new(), |d| format!(" at {} ({})", d.id, d.addresses.join(", ")));
    let _ = write!(console.errors, "Command {} to {value}{at}? Write yes: ", point.name);
    let _ = console.errors.flush();
    let mut line = String::new();
    let _ = std::io::stdin().lock().read_line(&mut line);
    Ok(line.trim().eq_ignore_ascii_case("yes"))
}

async fn give(devices: &[DeviceSpec], point: &PointSpec, value: Value, arguments: &WriteArguments) -> Result<Record, Failure> {
    let (supervisor, mut receiver, _) = start(devices);
    let telecontrol = Telecontrol::new(&supervisor, NoInterlock);
    let end = Instant::now() + READY_WITHIN;
    let mut why = "it does not answer".to_owned();
    loop {
        match tokio::time::timeout_at(end, receiver.recv()).await {
            Ok(Some(batch)) => {
                if batch.events.iter().any(|e| e.kind == EventKind::Recovered) {
                    break;
                }
                why = batch.events.iter().rev().find_map(|e| told(&e.kind)).unwrap_or(why);
            }
            _ => {
                supervisor.stop().await;
                let what = Diagnostic::error("DEVICE.READ.NOT_ANSWERED", "the device was not read, and nothing was sent");
                return Err(what.detail(format!("{why}.")).hint("see whether the address is right and the device runs").into());
            }
        }
    }
    let user = ["USER", "LOGNAME"].iter().find_map(|v| std::env::var(v).ok()).unwrap_or_else(|| "command line".to_owned());
    let by = Originator { user, reason: arguments.reason.clone() };
    let record = telecontrol.execute(Order { point: point.name.to_string(), value, by }).await;
    supervisor.stop().await;
    Ok(record)
}

fn text(record: &Record) -> String {
    let shown = |state: &Option<(Option<Value>, scada::point::Quality)>| match state {
        Some((Some(value), quality)) => format!("{value} ({quality})"),
        _ => "nothing".to_owned(),
    };
    let mut text = format!(
        "{} {} to {} by {}: {}\n",
        clock(record.asked),
        record.point,
        record.wanted,
        record.by.user,
        record.failure.as_deref().unwrap_or("done")
    );
    text.push_str(&format!("  reason {}\n  before {}\n  after  {}\n", record.by.reason, shown(&record.before), shown(&record.after)));
    if let Some(said) = &record.said {
        text.push_str(&format!("  the device said: {said}\n"));
    }
    text.push_str(&format!("  ended  {}\n", clock(record.ended)));
    text
}
