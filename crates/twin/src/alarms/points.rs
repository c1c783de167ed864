//! The points that rules may name, with what is needed to judge a rule before it runs.

use super::rule::StateWord;
use scada::UtcTime;
use scada::point::{Flags, Quality, Update, Value};
use scada::point::{PointSpec, ValueKind};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// Position in a [`PointTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PointIndex(pub u32);

/// Position among the devices of a [`PointTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceIndex(pub u32);

/// A point as rules see it.
#[derive(Clone, Debug, PartialEq)]
pub struct PointEntry {
    pub name: Arc<str>,
    pub device: DeviceIndex,
    pub kind: ValueKind,
    pub unit: Option<Arc<str>>,
    /// Beyond these a value is questionable, so that no limit there can ever be passed by a good one.
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub asset: Option<Arc<str>>,
    pub asset_type: Option<Arc<str>>,
    pub element: Option<Arc<str>>,
    pub quantity: Option<Arc<str>>,
}

impl PointEntry {
    /// It can be compared with a limit.
    pub fn is_number(&self) -> bool {
        matches!(self.kind, ValueKind::Float | ValueKind::Integer | ValueKind::Counter | ValueKind::Step)
    }

    /// It can be in the state that a rule names.
    pub fn can_be(&self, word: &StateWord) -> bool {
        match word {
            StateWord::On | StateWord::Off => matches!(self.kind, ValueKind::Bool | ValueKind::DoublePoint),
            StateWord::Intermediate | StateWord::Bad => self.kind == ValueKind::DoublePoint,
            StateWord::Number(_) => self.is_number() || self.kind == ValueKind::Bits,
            StateWord::Text(_) => self.kind == ValueKind::Text,
        }
    }
}

/// All points, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct PointTable {
    entries: Vec<PointEntry>,
    devices: Vec<Arc<str>>,
    by_name: HashMap<Arc<str>, PointIndex>,
    by_device: HashMap<Arc<str>, DeviceIndex>,
}

impl PointTable {
    pub fn device(&mut self, id: &str) -> DeviceIndex {
        if let Some(known) = self.by_device.get(id) {
            return *known;
        }
        let index = DeviceIndex(self.devices.len() as u32);
        let id: Arc<str> = id.into();
        self.devices.push(id.clone());
        self.by_device.insert(id, index);
        index
    }

    /// Adds a point of a device. A name that is there already keeps its first place.
    pub fn add(&mut self, device: &str, spec: &PointSpec) -> PointIndex {
        let device = self.device(device);
        let entry = PointEntry {
            name: spec.name.clone(),
            device,
            // A number that is scaled comes as a float.
            kind: match spec.kind {
                ValueKind::Integer | ValueKind::Counter if !spec.scaling.is_identity() => ValueKind::Float,
                kind => kind,
            },
            unit: spec.unit.clone(),
            low: spec.checks.low,
            high: spec.checks.high,
            asset: None,
            asset_type: None,
            element: spec.element.as_ref().map(|e| e.element.clone()),
            quantity: spec.element.as_ref().map(|e| e.quantity.clone()),
        };
        self.add_entry(entry)
    }

    pub fn add_entry(&mut self, entry: PointEntry) -> PointIndex {
        if let Some(known) = self.by_name.get(&entry.name) {
            return *known;
        }
        let index = PointIndex(self.entries.len() as u32);
        self.by_name.insert(entry.name.clone(), index);
        self.entries.push(entry);
        index
    }

    /// Says to which asset, of which type, a point belongs.
    pub fn set_asset(&mut self, point: PointIndex, asset: &str, asset_type: &str) {
        let entry = &mut self.entries[point.0 as usize];
        (entry.asset, entry.asset_type) = (Some(asset.into()), Some(asset_type.into()));
    }

    pub fn find(&self, name: &str) -> Option<PointIndex> {
        self.by_name.get(name).copied()
    }

    pub fn find_device(&self, id: &str) -> Option<DeviceIndex> {
        self.by_device.get(id).copied()
    }

    pub fn entry(&self, point: PointIndex) -> &PointEntry {
        &self.entries[point.0 as usize]
    }

    pub fn device_id(&self, device: DeviceIndex) -> &Arc<str> {
        &self.devices[device.0 as usize]
    }

    pub fn entries(&self) -> impl Iterator<Item = (PointIndex, &PointEntry)> {
        self.entries.iter().enumerate().map(|(i, e)| (PointIndex(i as u32), e))
    }

    pub fn device_ids(&self) -> &[Arc<str>] {
        &self.devices
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// What is known of a point: the newest update.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// `None` when none has ever come, or what came is no finite number.
    pub value: Option<Value>,
    pub quality: Quality,
    /// When it was so, by the best clock there is.
    pub time: UtcTime,
}

impl Sample {
    pub fn new(value: Value, quality: Quality, time: UtcTime) -> Self {
        match value {
            Value::Float(x) if !x.is_finite() => Self { value: None, quality: Quality::invalid(quality.flags | Flags::OVERFLOW), time },
            value => Self { value: Some(value), quality, time },
        }
    }

    /// A value that may raise or clear an alarm. One under test says nothing about the plant.
    pub fn usable(&self) -> Option<&Value> {
        self.value.as_ref().filter(|_| self.quality.is_good() && !self.quality.flags.has(Flags::TEST))
    }
}

impl From<&Update> for Sample {
    fn from(update: &Update) -> Self {
        match &update.value {
            Some(value) => Self::new(value.clone(), update.quality, update.time),
            None => Self { value: None, quality: update.quality.worsened(scada::point::Validity::Invalid, Flags::NONE), time: update.time },
        }
    }
}
