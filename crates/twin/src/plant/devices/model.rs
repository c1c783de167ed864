//! The IEC 61850 model of a plant: one IED with a logical device for each part of the station, a node for each place, a data object for each
//! point.
//!
//! | logical device | of | nodes |
//! |---|---|---|
//! | `BAY` | bays and their breakers | `MMXU` flows and voltages, `MMTR` energy, `CSWI` position and command, `XCBR` breaker, `SIMG` gas |
//! | `ISO` | isolators | `CSWI` position and command, `XSWI` counters |
//! | `TRF` | transformers | `MMXU` windings, `YPTR` temperatures and life, `SIML` gas in oil, `ATCC` taps, `ZBSH` bushings, `PDIF` differential currents |
//! | `LIN`, `BUS`, `STN`, `INS` | line ends, busbars, station, voltage transformers | `MMXU`, `TVTR` |
//! | `PROT` | relays | the class of the function, an instance for each timer: `Str` picked up, `Op` tripped, `Seen` what it sees, `Turned` its timer |
//!
//! Places are prefixes of their nodes. The model states positions of breakers and trips in a GOOSE data set too.

use super::{Act, DevicesError, Form, Reference, Served};
use crate::plant::Plant;
use crate::plant::points::{Group, Point};
use network::RelayFunction;
use scada::iec61850::scl::{ControlModel, Device, Goose, MulticastAddress, Signal, SignalKind, generate};
use std::collections::HashMap;

/// Name of the plant's IED.
pub const IED: &str = "PLANT";

/// The GOOSE control block: logical device, node and name.
pub const GOOSE_BLOCK: &str = "PROT/LLN0.gcbTrips";

/// Members that fit a frame: a state is six octets at most, and a frame 1,500 with some 150 of its own.
const GOOSE_MEMBERS_MAX: usize = 220;

/// Data objects whose name is not made from the quantity's words.
const NAMED: [(&str, &str); 16] = [
    ("CLOSED", "Pos"),
    ("OPERATIONS", "OpCnt"),
    ("FREQUENCY", "Hz"),
    ("P", "TotW"),
    ("Q", "TotVAr"),
    ("S", "TotVA"),
    ("PF", "TotPF"),
    ("3I0", "IResidual"),
    ("TAP_POSITION", "TapChg"),
    ("TAP_AUTOMATIC", "Auto"),
    ("TAP_OPERATIONS", "TapOpCnt"),
    ("HOT_SPOT_GRADIENT", "HotSpotGrad"),
    ("COMBUSTIBLE_GAS", "CombGas"),
    ("LARGEST_INTERRUPTED", "MaxInterA"),
    ("GAS_TEMPERATURE", "GasTmp"),
    ("LOSSES_KVAR", "LossesKvar"),
];

/// Remembers which names were given.
#[derive(Default)]
pub(super) struct Nodes {
    /// Prefix by logical device and place.
    prefixes: HashMap<(&'static str, String), String>,
    /// Timers of a relay in the order in which they came.
    timers: HashMap<String, Vec<String>>,
}

impl Nodes {
    pub(super) fn reference(&mut self, plant: &Plant, p: &Point, form: Form) -> Reference {
        let place = p.name.strip_suffix(p.quantity.as_str()).and_then(|n| n.strip_suffix('.')).unwrap_or(&p.name).to_owned();
        let device = match p.group {
            Group::Station => "STN",
            Group::Busbar => "BUS",
            Group::Bay => "BAY",
            Group::Isolator => "ISO",
            Group::Transformer => "TRF",
            Group::Line => "LIN",
            Group::Instrument => "INS",
            Group::Relay => "PROT",
        };
        if p.group == Group::Relay {
            let (timer, what) = p.quantity.rsplit_once('.').unwrap_or((&p.quantity, ""));
            let timers = self.timers.entry(place.clone()).or_default();
            let at = timers.iter().position(|t| t == timer).unwrap_or_else(|| {
                timers.push(timer.to_owned());
                timers.len() - 1
            });
            let object = match what {
                "PICKUP" => "Str",
                "TRIP" => "Op",
                "SEEN" => "Seen",
                _ => "Turned",
            };
            let function = plant.relays.iter().find(|r| r.id == place).map(|r| &r.function);
            return Reference {
                device,
                prefix: self.prefix(device, &place),
                class: function.map_or("GGIO", |f| relay_class(f, timer)),
                instance: at as u32 + 1,
                object: object.to_owned(),
            };
        }
        Reference { device, prefix: self.prefix(device, &place), class: class(p, form), instance: 1, object: object(&p.quantity) }
    }

    /// A place as a prefix: at most 11 letters and digits after a letter. What does not fit is numbered.
    fn prefix(&mut self, device: &'static str, place: &str) -> String {
        let key = (device, place.to_owned());
        if let Some(found) = self.prefixes.get(&key) {
            return found.clone();
        }
        let short = place.strip_prefix("CB-").filter(|_| device == "BAY").unwrap_or(place);
        let mut made: String = short.chars().filter_map(prefix_letter).collect();
        if !made.starts_with(|c: char| c.is_ascii_alphabetic()) {
            made.insert(0, 'R');
        }
        // A bay and its breaker share a prefix; their nodes are of other classes.
        let is_taken = self.prefixes.iter().any(|((d, p), m)| *d == device && *m == made && p.trim_start_matches("CB-") != short);
        if made.len() > 11 || is_taken {
            made = format!("P{}", self.prefixes.len() + 1);
        }
        self.prefixes.insert(key, made.clone());
        made
    }
}

fn prefix_letter(c: char) -> Option<char> {
    match c {
        c if c.is_ascii_alphanumeric() => Some(c),
        '-' | '_' | ' ' => Some('_'),
        _ => None,
    }
}

fn relay_class(function: &RelayFunction, timer: &str) -> &'static str {
    match function {
        RelayFunction::TransformerDifferential { .. } | RelayFunction::BusbarDifferential { .. } => "PDIF",
        RelayFunction::Distance { .. } => "PDIS",
        RelayFunction::Overcurrent { .. } => "PTOC",
        RelayFunction::Voltage { .. } => {
            if timer.starts_with("27") {
                "PTUV"
            } else {
                "PTOV"
            }
        }
        RelayFunction::Frequency { .. } => {
            if timer.starts_with("81U") {
                "PTUF"
            } else {
                "PTOF"
            }
        }
        RelayFunction::BreakerFailure { .. } => "RBRF",
    }
}

fn class(p: &Point, form: Form) -> &'static str {
    let words = p.quantity.as_str();
    let begins = |all: &[&str]| all.iter().any(|w| words.starts_with(w));
    match p.group {
        _ if form == Form::Double => "CSWI",
        Group::Isolator => "XSWI",
        Group::Bay if form == Form::Counter && begins(&["ENERGY", "REACTIVE"]) => "MMTR",
        Group::Bay if begins(&["SF6", "GAS_"]) => "SIMG",
        Group::Bay if begins(&["ORDERED", "OPERATIONS", "LARGEST", "I2T", "CONTACT"]) => "XCBR",
        Group::Transformer if begins(&["TAP_"]) => "ATCC",
        Group::Transformer if begins(&["GAS", "COMBUSTIBLE"]) => "SIML",
        Group::Transformer if begins(&["BUSHING", "TAN_"]) => "ZBSH",
        Group::Transformer if begins(&["I_DIFF", "I_RESTRAINT"]) => "PDIF",
        Group::Transformer if p.terminal == 0 => "YPTR",
        Group::Instrument => "TVTR",
        _ => "MMXU",
    }
}

/// A data object's name: the words of the quantity run together, each with a capital; at most twelve letters.
fn object(quantity: &str) -> String {
    if let Some((_, name)) = NAMED.iter().find(|(q, _)| *q == quantity) {
        return (*name).to_owned();
    }
    let mut out = String::new();
    for word in quantity.split(['_', '.']) {
        let keeps = matches!(word, "A" | "B" | "C" | "AB" | "BC" | "CA");
        let mut letters = word.chars();
        out.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        out.extend(letters.map(|c| if keeps { c } else { c.to_ascii_lowercase() }));
    }
    if !out.starts_with(|c: char| c.is_ascii_alphabetic()) {
        out.insert(0, 'X');
    }
    out.truncate(12);
    out
}

/// Unit and power of ten as IEC 61850-7-3 has them; empty for a unit that it does not have.
fn unit(unit: &str) -> (&'static str, i8) {
    match unit {
        "kV" => ("V", 3),
        "V" => ("V", 0),
        "A" => ("A", 0),
        "mA" => ("A", -3),
        "kW" => ("W", 3),
        "kvar" => ("VAr", 3),
        "kVA" => ("VA", 3),
        "pf" => ("cos_phi", 0),
        "deg" => ("deg", 0),
        "Hz" => ("Hz", 0),
        "°C" => ("°C", 0),
        "K" => ("K", 0),
        "ohm" => ("ohm", 0),
        "ul/l" => ("ppm", 0),
        "mm/s2" => ("m/s²", -3),
        _ => ("", 0),
    }
}

/// Positions of breakers, then trips of relays: what the GOOSE data set holds.
pub fn goose_members(points: &[Served]) -> Vec<usize> {
    let mut members = goose_candidates(points);
    members.truncate(GOOSE_MEMBERS_MAX);
    members
}

/// Positions of breakers and trips, also those that no frame has room for.
pub fn goose_candidates(points: &[Served]) -> Vec<usize> {
    let is_trip = |p: &Served| p.group == Group::Relay && p.reference.object == "Op";
    let is_breaker = |p: &Served| matches!(p.act, Some(Act::Switch { is_breaker: true, .. }));
    let breakers = (0..points.len()).filter(|&i| is_breaker(&points[i]));
    let trips = (0..points.len()).filter(|&i| is_trip(&points[i]));
    breakers.chain(trips).collect()
}

/// The configuration file (CID) of the plant's device, reached at `ip`.
///
/// # Errors
/// Names that IEC 61850 does not allow, or two points in one place: all of them at once.
pub fn configuration(points: &[Served], ip: &str) -> Result<String, DevicesError> {
    let signals: Vec<Signal> = points.iter().map(signal).collect();
    let (device, name) = GOOSE_BLOCK.split_once("/LLN0.").unwrap_or(("PROT", "gcbTrips"));
    let goose = Goose {
        device: device.to_owned(),
        name: name.to_owned(),
        data_set: "Trips".to_owned(),
        members: goose_members(points),
        address: MulticastAddress {
            mac: [0x01, 0x0C, 0xCD, 0x01, 0x00, 0x01],
            app_id: 0x0001,
            vlan_id: 0,
            vlan_priority: 4,
            min_time_ms: Some(4),
            max_time_ms: Some(1000),
        },
    };
    let has_goose = signals.iter().any(|s| s.device == device) && !goose.members.is_empty();
    let device = Device {
        name: IED.to_owned(),
        description: "Simulated plant".to_owned(),
        ip: ip.to_owned(),
        integrity_ms: 0,
        clients: 4,
        signals,
        goose: Some(goose).filter(|_| has_goose),
    };
    generate(&device).map(|(text, _)| text).map_err(|faults| DevicesError::Model { faults })
}

fn signal(p: &Served) -> Signal {
    let (unit, unit_power) = unit(p.unit);
    let kind = match p.form {
        Form::Float => SignalKind::Measured,
        Form::Single => SignalKind::Single,
        Form::Double => SignalKind::Double,
        Form::Step => SignalKind::Integer,
        Form::Counter => SignalKind::Counter,
    };
    let control = p.act.as_ref().map(|act| match act {
        Act::Switch { .. } => ControlModel::SboEnhanced,
        Act::Tap { .. } | Act::TapAutomatic { .. } => ControlModel::DirectEnhanced,
    });
    let no_unit = if unit.is_empty() && !matches!(p.unit, "" | "1" | "pu") { format!(", {}", p.unit) } else { String::new() };
    Signal {
        device: p.reference.device.to_owned(),
        prefix: p.reference.prefix.clone(),
        class: p.reference.class.to_owned(),
        instance: p.reference.instance,
        object: p.reference.object.clone(),
        kind,
        description: format!("{}{no_unit}", p.name),
        unit: unit.to_owned(),
        unit_power,
        control,
        asset: String::new(),
    }
}
