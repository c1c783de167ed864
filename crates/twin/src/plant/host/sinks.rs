//! From the plant's values to the devices that serve them.
//!
//! Statuses go first, one by one in the order in which they changed and with the time of the change; then the values at the end of the step.
//! Electrical values without a solution keep what they showed and are invalid.

use crate::plant::devices::{Form, Served};
use scada::UtcTime;
use scada::iec61850::goose::Publishing;
use scada::iec61850::layout::quality_for;
use scada::iec61850::server::{Server, ServerError};
use scada::iec61850::{MmsValue, utc_octets};
use scada::point::{DoublePoint, Flags, Quality, Value, ValueKind};
use scada::simulate::{Image, Place};
use std::collections::HashMap;
use std::sync::Arc;

/// Seconds between two readings of energies on the 104: a station tells every change of a counter by itself, and energies change always.
const COUNTED_S: f64 = 60.0;

/// A status that changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Change {
    pub point: usize,
    pub on: bool,
    pub at: UtcTime,
}

/// Names of a point's value, quality and time in the model.
struct Items {
    value: String,
    quality: String,
    time: String,
}

/// The IEC 61850 server with the names of all points.
pub(super) struct Model {
    pub server: Server,
    items: Vec<Items>,
    /// Float values as they were last set.
    shown: Vec<f64>,
}

impl Model {
    pub(super) fn new(server: Server, points: &[Served]) -> Self {
        let items = points.iter().map(items).collect();
        Self { server, items, shown: vec![f64::NAN; points.len()] }
    }
}

fn items(p: &Served) -> Items {
    let (fc, value) = match p.form {
        Form::Float => ("MX", "mag$f"),
        Form::Counter => ("ST", "actVal"),
        Form::Single | Form::Double | Form::Step => ("ST", "stVal"),
    };
    let object = format!("{}${fc}${}", p.reference.node(), p.reference.object);
    Items { value: format!("{object}${value}"), quality: format!("{object}$q"), time: format!("{object}$t") }
}

/// Frames of trips and positions.
pub(super) struct Frames {
    pub publishing: Publishing,
    /// Points of the members, in their order.
    pub members: Vec<usize>,
}

/// Everything that shows the plant's values.
#[derive(Default)]
pub(super) struct Sinks {
    /// Images of the devices of Modbus and 104; points are in the order of the catalogue.
    pub images: Vec<Arc<Image>>,
    pub model: Option<Model>,
    pub frames: Option<Frames>,
    /// Whether the model's values were valid when they were last set.
    valid: HashMap<usize, bool>,
    /// Statuses as they were last shown, by point; empty before the first time.
    states: Vec<f64>,
    /// When energies were last told as counters.
    counted: Option<UtcTime>,
}

fn value(form: Form, x: f64) -> Value {
    match form {
        Form::Float => Value::Float(x),
        Form::Single => Value::Bool(x != 0.0),
        Form::Double => Value::DoublePoint(if x != 0.0 { DoublePoint::On } else { DoublePoint::Off }),
        Form::Step => Value::Step { position: x.round() as i32, moving: false },
        Form::Counter => Value::Counter { count: x.round() as i64, sequence: 0, carry: false, adjusted: false },
    }
}

pub(super) fn mms(form: Form, x: f64) -> MmsValue {
    match form {
        Form::Float => MmsValue::Float32(x as f32),
        Form::Single => MmsValue::Boolean(x != 0.0),
        Form::Double => MmsValue::BitString { padding: 6, data: vec![if x != 0.0 { 0x80 } else { 0x40 }] },
        Form::Step | Form::Counter => MmsValue::Integer(x.round() as i64),
    }
}

/// A value as the image of a device takes it: a register knows whole numbers, and a coil no positions.
fn fitting(value: Value, kind: ValueKind) -> Value {
    match (kind, value) {
        (ValueKind::Integer, Value::Counter { count, .. }) => Value::Integer(count),
        (ValueKind::Integer, Value::Step { position, .. }) => Value::Integer(i64::from(position)),
        (ValueKind::Bool, v @ Value::DoublePoint(_)) => Value::Bool(v.as_bool().unwrap_or(false)),
        (_, v) => v,
    }
}

impl Sinks {
    /// Shows changes and then the values of all points; `values` are in the order of `points`.
    ///
    /// # Errors
    /// A value that the IEC 61850 model does not take, which means that it is not the model of these points.
    pub(super) fn show(&mut self, points: &[Served], changes: &[Change], values: &[f64], now: UtcTime) -> Result<(), ServerError> {
        let is_first = self.states.is_empty();
        if is_first {
            self.states = values.to_vec();
        }
        for c in changes {
            self.states[c.point] = if c.on { 1.0 } else { 0.0 };
            self.one(points, c.point, if c.on { 1.0 } else { 0.0 }, c.at)?;
            self.send(points, *c);
        }
        let counts = self.counted.is_none_or(|t| !(0.0..COUNTED_S).contains(&now.seconds_since(t)));
        if counts {
            self.counted = Some(now);
        }
        let mut batch: Vec<(usize, f64, Quality)> = Vec::new();
        for (k, (p, &x)) in points.iter().zip(values).enumerate() {
            // Statuses went by their changes.
            if !is_first && matches!(p.form, Form::Single | Form::Double) {
                continue;
            }
            let quality = if x.is_finite() { Quality::GOOD } else { Quality::invalid(Flags::NONE) };
            for image in &self.images {
                let place = Place { device: 0, point: k };
                let Some(spec) = image.point(place) else { continue };
                if !counts && spec.kind == ValueKind::Counter && matches!(p.unit, "kWh" | "kvarh") {
                    continue;
                }
                let shown = match x.is_finite() {
                    true => fitting(value(p.form, x), spec.kind),
                    false => image.get(place).map_or_else(|| value(p.form, 0.0), |c| c.value),
                };
                image.set(place, shown, quality, now);
            }
            batch.push((k, x, quality));
        }
        let Some(model) = &mut self.model else { return Ok(()) };
        let octets = MmsValue::UtcTime(utc_octets(now));
        let mut set: Vec<(&str, MmsValue)> = Vec::new();
        for (k, x, quality) in batch {
            let p = &points[k];
            let was_valid = self.valid.insert(k, x.is_finite());
            // What is no number is told like any change.
            let change = (x - model.shown[k]).abs();
            let moved = change.is_nan() || change >= p.deadband || p.form != Form::Float && x != model.shown[k];
            if was_valid == Some(x.is_finite()) && !(moved && x.is_finite()) {
                continue;
            }
            let items = &model.items[k];
            if x.is_finite() {
                model.shown[k] = x;
                set.push((&items.value, mms(p.form, x)));
            }
            set.push((&items.quality, quality_for(quality)));
            set.push((&items.time, octets.clone()));
        }
        // The time stands before the value that it stamps is told.
        set.sort_by_key(|(_, v)| !matches!(v, MmsValue::UtcTime(_)));
        model.server.set(set)
    }

    /// One status at the time of its change.
    fn one(&mut self, points: &[Served], k: usize, x: f64, at: UtcTime) -> Result<(), ServerError> {
        let p = &points[k];
        for image in &self.images {
            let place = Place { device: 0, point: k };
            let Some(spec) = image.point(place) else { continue };
            image.set(place, fitting(value(p.form, x), spec.kind), Quality::GOOD, at);
        }
        let Some(model) = &self.model else { return Ok(()) };
        let items = &model.items[k];
        model.server.set([
            (items.time.as_str(), MmsValue::UtcTime(utc_octets(at))),
            (items.quality.as_str(), quality_for(Quality::GOOD)),
            (items.value.as_str(), mms(p.form, x)),
        ])
    }

    /// A frame for a change of one of its members; the others are as they were shown last.
    fn send(&self, points: &[Served], change: Change) {
        let Some(frames) = self.frames.as_ref().filter(|f| f.members.contains(&change.point)) else { return };
        frames.publishing.change(frames.members.iter().map(|&k| mms(points[k].form, self.states[k])).collect());
    }
}
