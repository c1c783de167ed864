//! `gridtwin scada write`: a command, given through the one way that commands have, and its record.

use super::arguments::WriteArguments;
use super::follow::start;
use super::{chosen, clock, devices, plain, shown, waited};
use crate::console::Console;
use crate::failure::Failure;
use network::Diagnostic;
use scada::document::DeviceSpec;
use scada::point::{PointSpec, Quality, Value, ValueKind};
use scada::supervision::EventKind;
use scada::telecontrol::{NoInterlock, Order, Originator, Record, Telecontrol};
use serde_json::json;
use std::io::{BufRead, IsTerminal};
use std::time::Duration;
use tokio::time::Instant;

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
        console.json(&json(&record))?;
    } else {
        console.print(&text(&record, point))?;
    }
    Ok(done)
}

fn value(point: &PointSpec, text: &str) -> Result<Value, Failure> {
    let word = text.to_lowercase();
    let read = match (point.kind, word.as_str()) {
        (ValueKind::Bool | ValueKind::DoublePoint, "on" | "close" | "closed" | "true" | "1") | (ValueKind::Step, "up") => {
            Some(Value::Bool(true))
        }
        (ValueKind::Bool | ValueKind::DoublePoint, "off" | "open" | "false" | "0") | (ValueKind::Step, "down") => Some(Value::Bool(false)),
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
    let _ = write!(console.errors, "Command {} {}{at}? Write yes: ", point.name, wanted(point, value));
    let _ = console.errors.flush();
    let mut line = String::new();
    let _ = std::io::stdin().lock().read_line(&mut line);
    Ok(line.trim().eq_ignore_ascii_case("yes"))
}

async fn give(devices: &[DeviceSpec], point: &PointSpec, value: Value, arguments: &WriteArguments) -> Result<Record, Failure> {
    let (supervisor, mut receiver, _) = start(devices);
    let telecontrol = Telecontrol::new(&supervisor, NoInterlock);
    let end = Instant::now() + Duration::from_secs_f64(arguments.timeout.clamp(0.1, 3600.0));
    let mut why = "it does not answer".to_owned();
    loop {
        match tokio::time::timeout_at(end, receiver.recv()).await {
            Ok(Some(batch)) => {
                if batch.events.iter().any(|e| e.kind == EventKind::Recovered) {
                    break;
                }
                why = batch.events.last().map_or(why, |e| e.kind.to_string());
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

/// What a point is commanded to, in words.
fn wanted(point: &PointSpec, value: &Value) -> String {
    match (point.kind, value) {
        (ValueKind::Step, Value::Bool(up)) => if *up { "one step up" } else { "one step down" }.to_owned(),
        (_, value) => {
            let unit = point.unit.as_deref().map_or(String::new(), |u| format!(" {u}"));
            format!("to {}{unit}", shown(Some(value)))
        }
    }
}

fn text(record: &Record, point: &PointSpec) -> String {
    let state = |state: &Option<(Option<Value>, Quality)>| match state {
        Some((Some(value), quality)) => format!("{} ({quality})", shown(Some(value))),
        _ => "nothing".to_owned(),
    };
    let mut text = format!(
        "{} {} {} by {}: {}\n",
        clock(record.asked),
        record.point,
        wanted(point, &record.wanted),
        record.by.user,
        record.failure.as_deref().unwrap_or("done")
    );
    text.push_str(&format!("  reason {}\n  before {}\n  after  {}\n", record.by.reason, state(&record.before), state(&record.after)));
    if let Some(said) = &record.said {
        text.push_str(&format!("  the device said: {said}\n"));
    }
    text.push_str(&format!("  ended  {}\n", clock(record.ended)));
    text
}

fn json(record: &Record) -> serde_json::Value {
    let state = |state: &Option<(Option<Value>, Quality)>| {
        state.as_ref().map(|(value, quality)| json!({"value": plain(value.as_ref()), "quality": quality.to_string()}))
    };
    json!({
        "point": record.point,
        "device": record.device.as_deref(),
        "wanted": plain(Some(&record.wanted)),
        "user": record.by.user,
        "reason": record.by.reason,
        "asked": clock(record.asked),
        "ended": clock(record.ended),
        "done": record.outcome.is_ok(),
        "said": record.said,
        "failure": record.failure,
        "before": state(&record.before),
        "after": state(&record.after),
    })
}
