//! An image as an IEC 60870-5-104 station.

use super::image::{Image, Place, Plant, told};
use crate::document::ProtocolSpec;
use crate::iec104::asdu::{CommandValue, normalised};
use crate::iec104::map::{Iec104Spec, InformationType, ObjectAddress};
use crate::iec104::{Answer, EventLog, Order, Station, Told};
use crate::point::{DoublePoint, Selection, Value};
use crate::time::UtcTime;
use std::sync::Arc;

/// Telegrams of an interrogation of the whole station; of group n, 20 + n.
const STATION: u8 = 20;
/// Counters in general.
const GENERAL: u8 = 5;

pub struct Iec104Image<P> {
    pub image: Arc<Image>,
    pub plant: Arc<P>,
    pub device: usize,
    /// Of a device that is not there.
    pub no_events: EventLog,
}

impl<P> Iec104Image<P> {
    fn map(&self) -> Option<&Iec104Spec> {
        match &self.image.spec(self.device)?.protocol {
            ProtocolSpec::Iec104(map) => Some(map),
            _ => None,
        }
    }

    /// Points of a station, in the order of their types and addresses, so that they fill telegrams.
    fn values(&self, station: u16, wanted: impl Fn(InformationType) -> bool) -> Vec<Told> {
        let (Some(map), Some(spec)) = (self.map(), self.image.spec(self.device)) else { return Vec::new() };
        let cells = self.image.snapshot(self.device);
        let of_station = |p: &crate::iec104::map::Iec104Point| p.at.station == station && wanted(p.information);
        let mut all: Vec<Told> = (map.points.iter().zip(&spec.points).zip(&cells))
            .filter(|((p, _), _)| of_station(p))
            .map(|((p, s), c)| told(s, p.at.object, p.information, c))
            .collect();
        all.sort_by_key(|t| (t.information.type_ids().0, t.object));
        all
    }
}

impl<P: Plant> Station for Iec104Image<P> {
    fn addresses(&self) -> Vec<u16> {
        self.map().map(Iec104Spec::stations).unwrap_or_default()
    }

    fn interrogate(&self, station: u16, qualifier: u8) -> Vec<Told> {
        // Group 1 is contacts, 2 positions and bits, 3 measurements; there are no others.
        let group = |t: InformationType| match t {
            InformationType::Single | InformationType::Double => 21,
            InformationType::Step | InformationType::Bits => 22,
            _ => 23,
        };
        self.values(station, |t| t != InformationType::Counter && (qualifier == STATION || qualifier == group(t)))
    }

    fn counters(&self, station: u16, group: u8) -> Vec<Told> {
        // All counters are of group 1.
        self.values(station, |t| t == InformationType::Counter && (group == GENERAL || group == 1))
    }

    fn read(&self, station: u16, object: u32) -> Option<Told> {
        let point = self.image.object(self.device, ObjectAddress { station, object })?;
        let place = Place { device: self.device, point };
        let at = self.map()?.points.get(point)?;
        Some(told(self.image.point(place)?, object, at.information, &self.image.get(place)?))
    }

    fn needs_selection(&self, station: u16, object: u32) -> bool {
        let point = self.image.command_object(self.device, ObjectAddress { station, object });
        let spec = point.and_then(|point| self.image.point(Place { device: self.device, point }));
        spec.and_then(|s| s.control).is_some_and(|c| c.selection == Selection::Select)
    }

    fn order(&self, order: Order) -> Answer {
        let at = ObjectAddress { station: order.station, object: order.object };
        let Some(point) = self.image.command_object(self.device, at) else { return Answer::UnknownObject };
        let place = Place { device: self.device, point };
        let command = self.map().and_then(|m| m.points.get(point)).and_then(|p| p.command);
        let (Some(spec), Some((_, kind))) = (self.image.point(place), command) else { return Answer::UnknownObject };
        if kind.type_id() != order.type_id {
            return Answer::WrongType;
        }
        let Some(control) = spec.control else { return Answer::Refused };
        let value = match order.value {
            CommandValue::Single(on) => Value::Bool(on),
            CommandValue::Double(DoublePoint::On) => Value::Bool(true),
            CommandValue::Double(DoublePoint::Off) => Value::Bool(false),
            CommandValue::Double(_) => return Answer::Refused,
            CommandValue::Step(up) => Value::Bool(up),
            CommandValue::Normalised(n) => spec.scaling.to_unit(&Value::Float(normalised(n))),
            CommandValue::Scaled(n) => spec.scaling.to_unit(&Value::Integer(i64::from(n))),
            CommandValue::Float(x) => spec.scaling.to_unit(&Value::Float(f64::from(x))),
            CommandValue::Bits(bits) => Value::Bits(bits),
        };
        if let Value::Float(x) = value
            && !(x.is_finite() && control.low.is_none_or(|l| x >= l) && control.high.is_none_or(|h| x <= h))
        {
            return Answer::Refused;
        }
        if order.is_select {
            return Answer::Done;
        }
        match self.plant.command(&self.image, place, &value) {
            Ok(()) => Answer::Done,
            Err(_) => Answer::Refused,
        }
    }

    fn set_clock(&self, _: u16, time: Option<UtcTime>) -> bool {
        // The image runs on the clock of this computer; a time that can be read is taken note of, and nothing is set.
        time.is_some()
    }

    fn events(&self) -> &EventLog {
        self.image.events(self.device).unwrap_or(&self.no_events)
    }
}
