//! What devices have to know of a plant: its points with their places in each protocol, the documents of the devices, and the configuration
//! file of the IEC 61850 device.
//!
//! ```text
//! Plant ─► Served, one a point ─► served document of each protocol   all points, for the devices themselves
//!                    │         └► document to follow                 each point once, the three protocols sharing them
//!                    └──────────► configuration file (model)         IEC 61850
//! ```
//!
//! Two plants of the same station give the same texts. Places follow from the order of the points, in areas of their own for each part of the
//! station (`docs/scada.md` lists them), so that what is added to one part moves nothing in the others.

mod document;
mod model;
mod quantity;

pub(crate) use document::device;
pub use document::{Addresses, follow, served};
pub use model::{GOOSE_BLOCK, IED, configuration, goose_candidates, goose_members};
pub use quantity::quantity_of;

use super::points::{Accuracy as Instrument, Group, Point, PointKind};
use super::{Command, Plant};
use network::EquipmentKind;
use scada::document::Protocol;
use scada::point::Accuracy;
use std::collections::HashMap;

/// Why a plant cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum DevicesError {
    #[error("the area of {area} holds {limit} points at most, and the station has more")]
    Full { area: &'static str, limit: u32 },
    #[error("the IEC 61850 model cannot be written: {}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Model { faults: Vec<scada::iec61850::scl::GenerateError> },
}

/// How a value goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Float,
    Single,
    /// Two contacts: a breaker or an isolator.
    Double,
    /// Position of a tap changer.
    Step,
    /// Energy in whole kWh or kvarh, operations.
    Counter,
}

/// What a command on a point does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// A switch; a breaker's contacts are waited for.
    Switch {
        element: String,
        is_breaker: bool,
    },
    /// One step up or down, between these positions.
    Tap {
        transformer: String,
        low: i64,
        high: i64,
    },
    TapAutomatic {
        transformer: String,
    },
}

impl Act {
    /// The command that `on` (closed, up, automatic) stands for.
    pub fn command(&self, on: bool) -> Command {
        match self {
            Self::Switch { element, .. } => Command::Switch { element: element.clone(), close: on },
            Self::Tap { transformer, .. } => Command::Tap { transformer: transformer.clone(), up: on },
            Self::TapAutomatic { transformer } => Command::TapAutomatic { transformer: transformer.clone(), automatic: on },
        }
    }
}

/// Where a point is in the IEC 61850 model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Logical device, and node in parts.
    pub device: &'static str,
    pub prefix: String,
    pub class: &'static str,
    pub instance: u32,
    pub object: String,
}

impl Reference {
    /// `IEDLD/LN`.
    pub fn node(&self) -> String {
        format!("{IED}{}/{}{}{}", self.device, self.prefix, self.class, self.instance)
    }
}

/// One point as devices serve it.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    pub name: String,
    /// `class.name` or `bus.name`; none of what belongs to no element.
    pub element: Option<String>,
    pub quantity: String,
    pub terminal: Option<usize>,
    pub phase: Option<char>,
    /// Id of the register.
    pub asset: Option<String>,
    pub accuracy: Option<Accuracy>,
    pub unit: &'static str,
    pub form: Form,
    /// Changes smaller than this need not be told, in the unit of the point; a tenth of the class.
    pub deadband: f64,
    pub act: Option<Act>,
    pub group: Group,
    /// Offset in its table of Modbus.
    pub register: u16,
    /// Object of IEC 60870-5-104; commands go [`COMMANDS`] above it.
    pub object: u32,
    pub reference: Reference,
    /// By which protocol a client follows it.
    pub follow: Protocol,
}

/// Objects of commands above those that they act on.
pub const COMMANDS: u32 = 100_000;

/// First and largest number of offsets or objects in an area.
type Area = (u32, u32);

/// Modbus: float registers of a group (input registers).
fn float_registers(group: Group) -> Area {
    match group {
        Group::Bay => (0, 10_000),
        Group::Transformer => (10_000, 10_000),
        Group::Line => (20_000, 10_000),
        Group::Busbar => (30_000, 8_000),
        Group::Station => (38_000, 2_000),
        Group::Relay => (40_000, 8_000),
        Group::Instrument => (48_000, 4_000),
        Group::Isolator => (52_000, 2_000),
    }
}

const COUNTER_REGISTERS: Area = (54_000, 8_000);

/// 104: floats of a group.
fn float_objects(group: Group) -> Area {
    let number = match group {
        Group::Station => 1,
        Group::Busbar => 2,
        Group::Bay => 3,
        Group::Isolator => 4,
        Group::Transformer => 5,
        Group::Line => 6,
        Group::Instrument => 7,
        Group::Relay => 8,
    };
    (10_000 * number + 1, 9_999)
}

/// Takes places of areas one after the other.
#[derive(Default)]
struct Places {
    next: HashMap<&'static str, u32>,
}

impl Places {
    fn take(&mut self, name: &'static str, (first, size): Area, step: u32) -> Result<u32, DevicesError> {
        let next = self.next.entry(name).or_default();
        let at = *next;
        *next += step;
        if *next > size { Err(DevicesError::Full { area: name, limit: size / step }) } else { Ok(first + at) }
    }
}

/// The points of a plant with their places, in the order of [`Plant::points`].
///
/// # Errors
/// A station with more points than an area holds.
pub fn catalogue(plant: &Plant) -> Result<Vec<Served>, DevicesError> {
    let mut registers = Places::default();
    let mut objects = Places::default();
    let mut nodes = model::Nodes::default();
    plant.points().iter().map(|p| one(plant, p, &mut registers, &mut objects, &mut nodes)).collect()
}

fn one(plant: &Plant, p: &Point, registers: &mut Places, objects: &mut Places, nodes: &mut model::Nodes) -> Result<Served, DevicesError> {
    let act = act_of(plant, p);
    let form = match (p.kind, p.unit) {
        (_, "1") if p.quantity == "TAP_POSITION" => Form::Step,
        (PointKind::Counter, _) | (_, "kWh" | "kvarh") => Form::Counter,
        (PointKind::Status, _) if p.quantity == "CLOSED" => Form::Double,
        (PointKind::Status, _) => Form::Single,
        (PointKind::Measurement, _) => Form::Float,
    };
    let register = match (form, &act) {
        (Form::Float, _) => registers.take(area_name(p.group), float_registers(p.group), 2)?,
        (Form::Counter, _) => registers.take("counters", COUNTER_REGISTERS, 2)?,
        (Form::Step, _) => registers.take("tap positions", (0, 1000), 1)?,
        (_, Some(Act::Switch { is_breaker: true, .. })) => registers.take("breakers", (0, 1000), 1)?,
        (_, Some(Act::Switch { .. })) => registers.take("isolators", (1000, 1000), 1)?,
        (_, Some(_)) => registers.take("switches of controls", (2000, 1000), 1)?,
        (_, None) => registers.take("statuses", (0, 10_000), 1)?,
    };
    let object = match (form, &act) {
        (Form::Float, _) => objects.take(area_name(p.group), float_objects(p.group), 1)?,
        (Form::Counter, _) => objects.take("counters", (90_001, 9_999), 1)?,
        (Form::Step, _) => objects.take("tap positions", (501, 399), 1)?,
        (_, Some(Act::Switch { is_breaker: true, .. })) => objects.take("breakers", (1, 199), 1)?,
        (_, Some(Act::Switch { .. })) => objects.take("isolators", (201, 299), 1)?,
        (_, Some(_)) => objects.take("switches of controls", (901, 99), 1)?,
        (_, None) => objects.take("statuses", (1001, 8_999), 1)?,
    };
    let (quantity, phase) = quantity_of(&p.quantity, p.unit);
    let element = match p.element.as_str() {
        "" => None,
        bus if matches!(p.group, Group::Busbar | Group::Instrument) => Some(format!("bus.{bus}")),
        element => Some(element.to_owned()),
    };
    let accuracy = match p.accuracy {
        Instrument::Relative(class) => Some(Accuracy::ClassPct(class)),
        Instrument::Absolute(sigma) if sigma > 0.0 => Some(Accuracy::Sigma(sigma)),
        Instrument::Absolute(_) | Instrument::Exact => None,
    };
    let deadband = match (form, p.accuracy) {
        (Form::Float, Instrument::Relative(class)) => class / 1000.0 * usual(p),
        // Twice the standard deviation is what a class would be.
        (Form::Float, Instrument::Absolute(sigma)) => sigma / 5.0,
        _ => 0.0,
    };
    Ok(Served {
        name: p.name.clone(),
        terminal: Some(p.terminal).filter(|t| *t > 0 && element.is_some()),
        element,
        quantity,
        phase,
        asset: Some(p.equipment.clone()).filter(|e| !e.is_empty()),
        accuracy,
        unit: if p.unit == "C" { "°C" } else { p.unit },
        form,
        deadband,
        follow: follow_by(p),
        act,
        group: p.group,
        register: u16::try_from(register).unwrap_or(u16::MAX),
        object,
        reference: nodes.reference(plant, p, form),
    })
}

fn area_name(group: Group) -> &'static str {
    match group {
        Group::Station => "station",
        Group::Busbar => "busbars",
        Group::Bay => "bays",
        Group::Isolator => "isolators",
        Group::Transformer => "transformers",
        Group::Line => "lines",
        Group::Instrument => "instruments",
        Group::Relay => "relays",
    }
}

/// The usual size of a value, of which a class is a part.
fn usual(p: &Point) -> f64 {
    // The range of what a relay sees is anything; on a calm day it is some hundred amperes, about nominal voltage and frequency.
    if p.quantity.ends_with(".SEEN") {
        return match p.unit {
            "A" => 100.0,
            "ohm" => 10.0,
            _ => 1.0,
        };
    }
    match p.unit {
        // Ranges have room for faults, or for what never comes.
        "A" => p.high / 20.0,
        "%" | "ul/l" | "ul/l/a" | "kA2s" => 100.0,
        "pu" => 1.0,
        "ohm" => 10.0,
        "mm/s2" => 3.0,
        "kW" | "kvar" if p.group == Group::Station => 1e5,
        _ => p.high / 1.5,
    }
}

fn follow_by(p: &Point) -> Protocol {
    match p.group {
        Group::Bay => Protocol::Iec61850,
        Group::Isolator if p.quantity == "OPERATIONS" => Protocol::Modbus,
        Group::Transformer if p.quantity.starts_with("TAP_") => Protocol::Iec104,
        Group::Transformer | Group::Instrument => Protocol::Modbus,
        Group::Station | Group::Busbar | Group::Relay | Group::Isolator | Group::Line => Protocol::Iec104,
    }
}

fn act_of(plant: &Plant, p: &Point) -> Option<Act> {
    let transformer = || p.element.clone();
    match p.quantity.as_str() {
        "CLOSED" => {
            let equipment = plant.equipment_of(plant.network().find(&p.element)?)?;
            Some(Act::Switch { element: p.element.clone(), is_breaker: equipment.kind == EquipmentKind::Breaker })
        }
        "TAP_POSITION" => {
            let (low, high) = plant.tap_range(&p.element)?;
            Some(Act::Tap { transformer: transformer(), low, high })
        }
        "TAP_AUTOMATIC" => Some(Act::TapAutomatic { transformer: transformer() }),
        _ => None,
    }
}
