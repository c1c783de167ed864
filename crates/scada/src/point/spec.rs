//! What a point is.

use super::{Deadband, Scaling, ValueKind};
use network::SourceRef;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where in the network a point belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElementRef {
    /// `class.name` of an element, or `bus.name`.
    pub element: Arc<str>,
    /// What of it is measured or set, with the unit last (`p_kw`, `v_ll_kv`, `closed`, `tap_position`).
    pub quantity: Arc<str>,
    /// Terminal of the element, from 1.
    pub terminal: Option<u32>,
    /// `A`, `B`, `C` or `N`; `None` of what is no phase's own.
    pub phase: Option<char>,
}

/// Whether a command has to be announced before it is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    #[default]
    Direct,
    /// Select before operate.
    Select,
}

/// What may be commanded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    pub selection: Selection,
    /// Lowest and highest set-point, in the unit of the point.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Seconds until a command that is not confirmed has failed.
    pub timeout_s: f64,
    /// After a command is confirmed, the point is read again and must show it.
    pub read_back: bool,
}

/// Checks that make a value questionable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checks {
    /// Lowest and highest value that can be, in the unit of the point.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Largest change a second, in the unit of the point.
    pub rate_per_s: Option<f64>,
    /// Seconds for which a measurement may stay the same to the last bit.
    pub flat_s: Option<f64>,
    /// Seconds without a reading after which a value is old; three polls, when that is longer.
    pub stale_s: Option<f64>,
    /// Seconds by which the clock of the source may be ahead of ours.
    pub clock_s: Option<f64>,
    /// Seconds by which a measurement that is told of its own accord may be behind: what is told as new must not be of another time.
    pub late_s: Option<f64>,
}

/// How well an instrument measures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accuracy {
    /// Class: largest deviation, percent of the value.
    ClassPct(f64),
    /// Standard deviation, in the unit of the point.
    Sigma(f64),
}

/// A point, whatever the protocol that carries it. Its address is with the protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointSpec {
    /// Unique among all points of all devices.
    pub name: Arc<str>,
    pub kind: ValueKind,
    pub unit: Option<Arc<str>>,
    pub scaling: Scaling,
    pub deadband: Deadband,
    pub checks: Checks,
    /// Seconds between two readings, when the point is polled.
    pub poll_s: Option<f64>,
    /// Seconds after which a value is told even without a change.
    pub integrity_s: Option<f64>,
    pub control: Option<Control>,
    /// `None` when the document says that there is none.
    pub element: Option<ElementRef>,
    /// Id of the piece of equipment in the register that the point tells about.
    pub asset: Option<Arc<str>>,
    /// `None` when the document does not say, and of what is no measurement.
    pub accuracy: Option<Accuracy>,
    /// Where the document has it.
    pub source: SourceRef,
}

impl PointSpec {
    /// A point with nothing but a name and a kind.
    pub fn new(name: impl Into<Arc<str>>, kind: ValueKind) -> Self {
        Self {
            name: name.into(),
            kind,
            unit: None,
            scaling: Scaling::default(),
            deadband: Deadband::default(),
            checks: Checks::default(),
            poll_s: None,
            integrity_s: None,
            control: None,
            element: None,
            asset: None,
            accuracy: None,
            source: SourceRef::default(),
        }
    }

    /// Age at which a value is old, seconds: three polls or the limit, the longer of the two; `None` of a point that is not polled and has
    /// no limit, which is old only when its connection is lost.
    pub fn stale_s(&self) -> Option<f64> {
        match (self.poll_s.map(|p| 3.0 * p), self.checks.stale_s) {
            (Some(polls), Some(limit)) => Some(polls.max(limit)),
            (polls, limit) => polls.or(limit),
        }
    }
}
