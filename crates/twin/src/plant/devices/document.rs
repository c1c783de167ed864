//! Documents of the plant's devices, in the form of `docs/scada.md`.

use super::{Act, COMMANDS, Form, Served};
use scada::document::Protocol;
use scada::point::Accuracy;
use std::fmt::Write as _;

/// Devices of the plant's documents.
const MODBUS: &str = "plant-modbus";
const IEC104: &str = "plant-iec104";
const IEC61850: &str = "plant-iec61850";

/// Where the devices of a plant are; `host:port` each, none for a protocol that is not served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    pub modbus: Option<String>,
    pub iec104: Option<String>,
    pub iec61850: Option<String>,
}

impl Addresses {
    fn of(&self, protocol: Protocol) -> Option<&str> {
        match protocol {
            Protocol::Modbus => self.modbus.as_deref(),
            Protocol::Iec104 => self.iec104.as_deref(),
            Protocol::Iec61850 => self.iec61850.as_deref(),
        }
    }

    /// The protocol that is wanted, or the first that is served.
    fn or_served(&self, wanted: Protocol) -> Option<Protocol> {
        [wanted, Protocol::Iec61850, Protocol::Iec104, Protocol::Modbus].into_iter().find(|p| self.of(*p).is_some())
    }
}

/// Name of a protocol's device in the documents.
pub(crate) fn device(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Modbus => MODBUS,
        Protocol::Iec104 => IEC104,
        Protocol::Iec61850 => IEC61850,
    }
}

/// The document of one device with all points, as the device itself serves them.
///
/// On the 104 a change of a measurement is told from half the class on: the noise of an instrument is a sixth of it, and a deadband within
/// the noise would fill the station's log of events with noise and push the breakers' out.
pub fn served(points: &[Served], protocol: Protocol) -> String {
    let mut out = String::from("devices:\n");
    head(&mut out, protocol, "127.0.0.1");
    for p in points {
        let factor = if protocol == Protocol::Iec104 { 5.0 } else { 1.0 };
        point(&mut out, p, protocol, factor * p.deadband);
    }
    out
}

/// The document that a client follows the plant by: every point once, the protocols sharing them. Points of a protocol that is not served go
/// to another one.
pub fn follow(points: &[Served], addresses: &Addresses) -> String {
    let mut out = String::from(
        "# The points of a simulated plant, as `gridtwin serve` follows them. Written by `gridtwin simulate plant --follow-document`.\ndevices:\n",
    );
    for protocol in [Protocol::Iec61850, Protocol::Modbus, Protocol::Iec104] {
        let mine: Vec<&Served> = points.iter().filter(|p| addresses.or_served(p.follow) == Some(protocol)).collect();
        let (false, Some(address)) = (mine.is_empty(), addresses.of(protocol)) else { continue };
        head(&mut out, protocol, address);
        for p in mine {
            point(&mut out, p, protocol, p.deadband);
        }
    }
    out
}

fn head(out: &mut String, protocol: Protocol, address: &str) {
    // The standard's times of the 104 notice a silent wire after half a minute; next to the station a third of that is enough.
    let (word, keys) = match protocol {
        Protocol::Modbus => ("modbus", "    unit: 1\n    poll_s: 1\n"),
        Protocol::Iec104 => {
            ("iec104", "    common_address: 1\n    t1_s: 5\n    t2_s: 2\n    t3_s: 5\n    interrogate_s: 300\n    counters_s: 60\n")
        }
        Protocol::Iec61850 => ("iec61850", "    timeout_s: 5\n"),
    };
    let _ = write!(out, "  - id: {}\n    protocol: {word}\n    address: {}\n{keys}    points:\n", device(protocol), quoted(address));
}

/// A text as YAML and JSON have it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn point(out: &mut String, p: &Served, protocol: Protocol, deadband: f64) {
    let (address, kind) = place(p, protocol);
    let _ = write!(out, "      - {{name: {}, address: {}, type: {kind}", quoted(&p.name), quoted(&address));
    if !matches!(p.unit, "" | "1" | "pf") {
        let _ = write!(out, ", unit: {}", quoted(p.unit));
    }
    match &p.element {
        None => out.push_str(", element: none"),
        Some(element) => {
            let _ = write!(out, ", element: {}, quantity: {}", quoted(element), quoted(&p.quantity));
            if let Some(terminal) = p.terminal {
                let _ = write!(out, ", terminal: {terminal}");
            }
            if let Some(phase) = p.phase {
                let _ = write!(out, ", phase: {phase}");
            }
        }
    }
    if let Some(asset) = &p.asset {
        let _ = write!(out, ", asset: {}", quoted(asset));
    }
    match p.accuracy {
        Some(Accuracy::ClassPct(class)) => {
            let _ = write!(out, ", accuracy: {{class_pct: {class}}}");
        }
        Some(Accuracy::Sigma(sigma)) => {
            let _ = write!(out, ", accuracy: {{sigma: {sigma}}}");
        }
        None => {}
    }
    if deadband > 0.0 {
        // Three digits are enough to leave noise out.
        let digits = format!("{deadband:.2e}").parse::<f64>().unwrap_or(deadband);
        let _ = write!(out, ", deadband: {digits}");
    }
    if protocol == Protocol::Modbus && p.form == Form::Float {
        out.push_str(", sunspec: true");
    }
    if let Some(act) = &p.act {
        let _ = write!(out, ", control: {{{}}}", control(p, act, protocol));
    }
    out.push_str("}\n");
}

/// Address and type.
fn place(p: &Served, protocol: Protocol) -> (String, &'static str) {
    match protocol {
        Protocol::Modbus => match (p.form, &p.act) {
            (Form::Float, _) => (format!("input:{}", p.register), "float32"),
            (Form::Counter, _) => (format!("input:{}", p.register), "uint32"),
            (Form::Step, _) => (format!("holding:{}", p.register), "int16"),
            (_, Some(_)) => (format!("coil:{}", p.register), "bool"),
            (_, None) => (format!("discrete:{}", p.register), "bool"),
        },
        Protocol::Iec104 => {
            let kind = match p.form {
                Form::Float => "float",
                Form::Single => "single",
                Form::Double => "double",
                Form::Step => "step",
                Form::Counter => "counter",
            };
            (p.object.to_string(), kind)
        }
        Protocol::Iec61850 => {
            let (attribute, fc, kind) = match p.form {
                Form::Float => ("mag.f", "MX", "float"),
                Form::Single => ("stVal", "ST", "bool"),
                Form::Double => ("stVal", "ST", "double_point"),
                Form::Step => ("stVal", "ST", "integer"),
                Form::Counter => ("actVal", "ST", "counter"),
            };
            (format!("{}.{}.{attribute}[{fc}]", p.reference.node(), p.reference.object), kind)
        }
    }
}

fn control(p: &Served, act: &Act, protocol: Protocol) -> String {
    let limits = match act {
        // A step command of the 104 is up or down.
        Act::Tap { low, high, .. } if protocol != Protocol::Iec104 => format!("low: {low}, high: {high}, "),
        _ => String::new(),
    };
    let selects = matches!(act, Act::Switch { .. });
    // An isolator takes seconds; its position comes when it is there.
    let reads_back = !matches!(act, Act::Switch { is_breaker: false, .. });
    match protocol {
        Protocol::Modbus => format!("{limits}read_back: {reads_back}"),
        Protocol::Iec104 => format!("select: {selects}, address: {}", COMMANDS + p.object),
        Protocol::Iec61850 => format!("{limits}select: {selects}, read_back: {reads_back}"),
    }
}
