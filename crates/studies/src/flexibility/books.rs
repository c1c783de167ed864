//! The books: what an event took from each device, what came back, and whether it all adds up.
//!
//! With `b` the energy of a step without events and `e` with them, over the whole day and for each device:
//!
//! ```text
//! curtailed  = sum over steps of its events of (b - e)        may be below 0 in a step: what it took back within the event counts
//! prepared   = sum over steps before its first event of (e - b)
//! rebounded  = sum over all other steps of (e - b)            snap-back
//! shifted    = the smaller of curtailed and prepared + rebounded, not below 0
//! saved      = curtailed - prepared - rebounded               less leaves a tank that was colder, a house that was warmer, a car that lacks something
//! residual   = (base - event) - (curtailed - prepared - rebounded)
//! ```
//!
//! The first bracket is taken from states (stored and drained energy, `super::device`), the second from powers: the residual is zero only if
//! every step of every device obeys its equation, in both runs.

use super::device::Trace;
use network::flexibility::{Device, DeviceClass};
use serde::{Deserialize, Serialize};

/// One device over the day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceBooks {
    pub device: String,
    pub class: DeviceClass,
    pub program: Option<String>,
    /// Without events, and with them.
    pub base_kwh: f64,
    pub event_kwh: f64,
    pub curtailed_kwh: f64,
    pub prepared_kwh: f64,
    pub rebounded_kwh: f64,
    pub shifted_kwh: f64,
    pub saved_kwh: f64,
    /// How far the state was from that without events: kelvin, or kilowatt-hours in a battery.
    pub largest_deviation: f64,
    pub residual_kwh: f64,
}

/// All devices together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Books {
    pub base_kwh: f64,
    pub event_kwh: f64,
    pub curtailed_kwh: f64,
    pub prepared_kwh: f64,
    pub rebounded_kwh: f64,
    pub shifted_kwh: f64,
    pub saved_kwh: f64,
    /// Of the sums, and the largest of a device.
    pub residual_kwh: f64,
    pub largest_residual_kwh: f64,
}

/// Books of a device; `in_event` marks the steps of events that may use it.
pub(super) fn of_device(device: &Device, base: &Trace, event: &Trace, in_event: &[bool]) -> DeviceBooks {
    let first = in_event.iter().position(|e| *e).unwrap_or(in_event.len());
    let (mut curtailed_kwh, mut prepared_kwh, mut rebounded_kwh) = (0.0, 0.0, 0.0);
    for (s, (b, e)) in base.done.iter().zip(&event.done).enumerate() {
        let less = b.energy_kwh - e.energy_kwh;
        if in_event[s] {
            curtailed_kwh += less;
        } else if s < first {
            prepared_kwh -= less;
        } else {
            rebounded_kwh -= less;
        }
    }
    let from_states = |t: &Trace| -> f64 { t.done.iter().map(|d| d.stored_kwh + d.drained_kwh).sum() };
    let saved_kwh = curtailed_kwh - prepared_kwh - rebounded_kwh;
    let apart = base.at.iter().zip(&event.at).map(|(b, e)| (b.x - e.x).abs());
    DeviceBooks {
        device: device.name.clone(),
        class: device.class(),
        program: device.program.clone(),
        base_kwh: base.energy_kwh(),
        event_kwh: event.energy_kwh(),
        curtailed_kwh,
        prepared_kwh,
        rebounded_kwh,
        shifted_kwh: curtailed_kwh.min(prepared_kwh + rebounded_kwh).max(0.0),
        saved_kwh,
        largest_deviation: apart.fold(0.0, f64::max),
        residual_kwh: from_states(base) - from_states(event) - saved_kwh,
    }
}

pub(super) fn total(devices: &[DeviceBooks]) -> Books {
    let mut t = Books::default();
    for d in devices {
        t.base_kwh += d.base_kwh;
        t.event_kwh += d.event_kwh;
        t.curtailed_kwh += d.curtailed_kwh;
        t.prepared_kwh += d.prepared_kwh;
        t.rebounded_kwh += d.rebounded_kwh;
        t.shifted_kwh += d.shifted_kwh;
        t.saved_kwh += d.saved_kwh;
        t.residual_kwh += d.residual_kwh;
        t.largest_residual_kwh = t.largest_residual_kwh.max(d.residual_kwh.abs());
    }
    t
}
