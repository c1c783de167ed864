//! What happens in the plant, in the order of time.

use serde::{Deserialize, Serialize};

/// Kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    FaultOn,
    FaultOff,
    PickedUp,
    DroppedOut,
    Tripped,
    /// A breaker got an order, by a relay or by hand.
    Ordered,
    Opened,
    Closed,
    /// A breaker did not follow its order.
    Failed,
    TapMoved,
    Fans,
    DefectBegan,
    Mended,
    ScenarioBegan,
    ScenarioEnded,
    /// The network has no solution with what is asked of it.
    Unsolved,
    /// The computer was slower than the plant; time was left out.
    Late,
    /// A training was set back.
    Restored,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds of the plant's clock.
    pub time_s: f64,
    pub kind: EventKind,
    /// Relay, breaker, transformer, bus or scenario.
    pub subject: String,
    /// Why, with the value that was seen.
    pub cause: String,
}
