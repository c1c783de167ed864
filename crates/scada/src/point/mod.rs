//! The point model: one for all protocols.
//!
//! ```text
//! device ─► Reading (raw value, quality, source time) ─► PointState: scaling, checks, substitution, deadband ─► Update
//! ```
//!
//! A [`PointSpec`] says what a point is and never changes; a [`PointState`] holds what came in. Nothing is thrown away that an operator may
//! have to see: a substituted point keeps the value of the process beside it, and a value that is not good is still the last one that came.

mod deadband;
mod quality;
mod spec;
mod state;
mod value;

pub use deadband::{Deadband, DeadbandState};
pub use quality::{Flags, Quality, TimeQuality, Validity};
pub use spec::{Accuracy, Checks, Control, ElementRef, PointSpec, Selection};
pub use state::{Cause, PointState, Reading, Update};
pub use value::{DoublePoint, Scaling, Value, ValueKind};
