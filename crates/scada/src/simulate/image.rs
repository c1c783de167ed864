//! Values of a plant, as its devices hold them.

use crate::document::{DeviceSpec, ProtocolSpec};
use crate::iec104::map::ObjectAddress;
use crate::iec104::{EventLog, LoggedEvent, Told, asdu::cause};
use crate::modbus::map::Table;
use crate::point::{DeadbandState, DoublePoint, ElementRef, Flags, PointSpec, Quality, Value, ValueKind};
use crate::time::UtcTime;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Events that a device keeps while nobody listens.
const MAX_EVENTS: usize = 10_000;

/// A value that a device holds, in the unit of its point.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub value: Value,
    pub quality: Quality,
    pub time: UtcTime,
}

/// Acts on commands.
pub trait Plant: Send + Sync + 'static {
    /// Carries out a command on a point, `value` being in its unit, and sets in the image what changes by it. A step command is a bool: up or
    /// down.
    ///
    /// # Errors
    /// Why it is refused.
    fn command(&self, image: &Image, place: Place, value: &Value) -> Result<(), String>;
}

/// A plant in which every command is followed at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Follows;

impl Plant for Follows {
    fn command(&self, image: &Image, place: Place, value: &Value) -> Result<(), String> {
        let spec = image.point(place).ok_or("no such point")?;
        let value = match (spec.kind, value) {
            (ValueKind::DoublePoint, v) => match v.as_bool() {
                Some(true) => Value::DoublePoint(DoublePoint::On),
                Some(false) => Value::DoublePoint(DoublePoint::Off),
                None => return Err("a breaker is on or off".to_owned()),
            },
            (ValueKind::Step, v) => {
                let by = if v.as_bool().ok_or("a step is up or down")? { 1 } else { -1 };
                let now = image.get(place).and_then(|c| c.value.as_f64()).unwrap_or(0.0) as i32;
                Value::Step { position: now + by, moving: false }
            }
            (_, v) => v.clone(),
        };
        image.set_caused(place, value, Quality::GOOD, UtcTime::now(), cause::RETURN_REMOTE);
        Ok(())
    }
}

/// A point of an image: positions of device and point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub device: usize,
    pub point: usize,
}

struct Held {
    spec: DeviceSpec,
    cells: Mutex<Vec<(Cell, DeadbandState)>>,
    /// Registers to the point that they are of.
    pub(super) registers: HashMap<(Table, u16), usize>,
    objects: HashMap<ObjectAddress, usize>,
    commands: HashMap<ObjectAddress, usize>,
    /// Powers of ten in scale registers.
    exponents: Mutex<HashMap<u16, i16>>,
    events: EventLog,
}

/// Devices with their points and values.
pub struct Image {
    devices: Vec<Held>,
    by_name: HashMap<String, Place>,
}

fn first_value(kind: ValueKind) -> Value {
    match kind {
        ValueKind::Bool => Value::Bool(false),
        ValueKind::DoublePoint => Value::DoublePoint(DoublePoint::Intermediate),
        ValueKind::Integer => Value::Integer(0),
        ValueKind::Float => Value::Float(0.0),
        ValueKind::Step => Value::Step { position: 0, moving: false },
        ValueKind::Bits => Value::Bits(0),
        ValueKind::Counter => Value::Counter { count: 0, sequence: 0, carry: false, adjusted: false },
        ValueKind::Text => Value::Text("".into()),
    }
}

impl Image {
    /// From a sound document. Nothing has a value yet: everything is invalid.
    pub fn new(devices: &[DeviceSpec]) -> Self {
        let now = UtcTime::now();
        let mut by_name = HashMap::new();
        let mut held = Vec::with_capacity(devices.len());
        for (d, spec) in devices.iter().enumerate() {
            let mut registers = HashMap::new();
            let mut objects = HashMap::new();
            let mut commands = HashMap::new();
            let mut exponents = HashMap::new();
            for (p, point) in spec.points.iter().enumerate() {
                by_name.insert(point.name.to_lowercase(), Place { device: d, point: p });
                match &spec.protocol {
                    ProtocolSpec::Modbus(map) => {
                        let Some(at) = map.points.get(p) else { continue };
                        let (start, end) = at.span();
                        // Several points may be bits of one register; whoever reads it asks all of them.
                        registers.extend((start..end).map(|r| ((at.at.table, r as u16), p)));
                        exponents.extend(at.scale_register.map(|r| (r, 0)));
                    }
                    ProtocolSpec::Iec104(map) => {
                        let Some(at) = map.points.get(p) else { continue };
                        objects.insert(at.at, p);
                        commands.extend(at.command.map(|(to, _)| (to, p)));
                    }
                    ProtocolSpec::Iec61850(_) => {}
                }
            }
            let cell = |p: &PointSpec| {
                let cell = Cell { value: first_value(p.kind), quality: Quality::invalid(Flags::NONE), time: now };
                (cell, DeadbandState::default())
            };
            held.push(Held {
                cells: Mutex::new(spec.points.iter().map(cell).collect()),
                spec: spec.clone(),
                registers,
                objects,
                commands,
                exponents: Mutex::new(exponents),
                events: EventLog::new(MAX_EVENTS),
            });
        }
        Self { devices: held, by_name }
    }

    pub fn device(&self, id: &str) -> Option<usize> {
        self.devices.iter().position(|d| d.spec.id.eq_ignore_ascii_case(id))
    }

    pub fn spec(&self, device: usize) -> Option<&DeviceSpec> {
        self.devices.get(device).map(|d| &d.spec)
    }

    pub fn place(&self, name: &str) -> Option<Place> {
        self.by_name.get(&name.to_lowercase()).copied()
    }

    pub fn point(&self, place: Place) -> Option<&PointSpec> {
        self.devices.get(place.device)?.spec.points.get(place.point)
    }

    /// Every point with what it means in the network.
    pub fn places(&self) -> impl Iterator<Item = (Place, &PointSpec)> {
        let of = |(device, held): (usize, &'_ Held)| (device, held.spec.points.len());
        let sizes: Vec<(usize, usize)> = self.devices.iter().enumerate().map(of).collect();
        sizes
            .into_iter()
            .flat_map(|(device, n)| (0..n).map(move |point| Place { device, point }))
            .filter_map(|p| self.point(p).map(|s| (p, s)))
    }

    /// Points that are about the same as `wanted`, whatever device tells them.
    pub fn places_of(&self, wanted: &ElementRef) -> Vec<Place> {
        self.places().filter(|(_, s)| s.element.as_ref() == Some(wanted)).map(|(p, _)| p).collect()
    }

    fn cells(&self, device: usize) -> Option<MutexGuard<'_, Vec<(Cell, DeadbandState)>>> {
        Some(self.devices.get(device)?.cells.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn get(&self, place: Place) -> Option<Cell> {
        self.cells(place.device)?.get(place.point).map(|(c, _)| c.clone())
    }

    /// Values of a whole device at one instant.
    pub(super) fn snapshot(&self, device: usize) -> Vec<Cell> {
        self.cells(device).map(|cells| cells.iter().map(|(c, _)| c.clone()).collect()).unwrap_or_default()
    }

    /// Sets a value, in the unit of the point; a change that passes the deadband becomes an event. `false` when there is no such point or the
    /// value is of another kind.
    pub fn set(&self, place: Place, value: Value, quality: Quality, time: UtcTime) -> bool {
        self.set_caused(place, value, quality, time, cause::SPONTANEOUS)
    }

    /// As [`Image::set`], for a change that a command brought about.
    pub fn set_caused(&self, place: Place, value: Value, quality: Quality, time: UtcTime, why: u8) -> bool {
        let Some(held) = self.devices.get(place.device) else { return false };
        let Some(spec) = held.spec.points.get(place.point) else { return false };
        let is_number = |k| matches!(k, ValueKind::Integer | ValueKind::Float | ValueKind::Counter);
        if value.kind() != spec.kind && !(is_number(value.kind()) && is_number(spec.kind)) {
            return false;
        }
        let Some(mut cells) = self.cells(place.device) else { return false };
        let Some((cell, deadband)) = cells.get_mut(place.point) else { return false };
        let is_event = match value.as_f64().filter(|_| value.is_measurement()) {
            Some(x) => {
                let passes = deadband.passes(spec.deadband, x, time) || cell.quality != quality;
                if passes {
                    deadband.tell(x, time);
                }
                passes
            }
            None => cell.value != value || cell.quality != quality,
        };
        *cell = Cell { value, quality, time };
        if is_event
            && let ProtocolSpec::Iec104(map) = &held.spec.protocol
            && let Some(at) = map.points.get(place.point)
        {
            // Within the lock, so that events are in the order in which the values were set.
            let told = told(spec, at.at.object, at.information, cell);
            held.events.push(LoggedEvent { station: at.at.station, told, time, cause: why });
        }
        true
    }

    /// Sets the power of ten in a scale register. `false` when no point is scaled by it.
    pub fn set_exponent(&self, device: usize, register: u16, power: i16) -> bool {
        let Some(held) = self.devices.get(device) else { return false };
        match held.exponents.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&register) {
            Some(held) => {
                *held = power;
                true
            }
            None => false,
        }
    }

    pub(super) fn exponent(&self, device: usize, register: u16) -> Option<i16> {
        self.devices.get(device)?.exponents.lock().unwrap_or_else(PoisonError::into_inner).get(&register).copied()
    }

    pub(super) fn register(&self, device: usize, table: Table, register: u16) -> Option<usize> {
        self.devices.get(device)?.registers.get(&(table, register)).copied()
    }

    pub(super) fn object(&self, device: usize, at: ObjectAddress) -> Option<usize> {
        self.devices.get(device)?.objects.get(&at).copied()
    }

    pub(super) fn command_object(&self, device: usize, at: ObjectAddress) -> Option<usize> {
        self.devices.get(device)?.commands.get(&at).copied()
    }

    /// Events of a device that wait or were told; `None` when there is no such device.
    pub fn events(&self, device: usize) -> Option<&EventLog> {
        self.devices.get(device).map(|d| &d.events)
    }
}

/// A cell as a station tells it, in the counts of the device.
pub(super) fn told(spec: &PointSpec, object: u32, information: crate::iec104::map::InformationType, cell: &Cell) -> Told {
    let raw = spec.scaling.to_raw(&cell.value);
    let value = match (spec.kind, raw) {
        (ValueKind::Counter, v) if v.kind() != ValueKind::Counter => {
            let count = v.as_f64().unwrap_or(0.0).round() as i64;
            Value::Counter { count, sequence: 0, carry: false, adjusted: false }
        }
        (_, v) => v,
    };
    Told { object, information, value, quality: cell.quality }
}
