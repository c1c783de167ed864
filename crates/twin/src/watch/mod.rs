//! What service does to equipment, seen before a limit is passed: figures of a day by asset, and detectors that are fitted to sound days.
//!
//! ```text
//! readings of hours ─► figures of days (day) ─► detector (fitted to sound days, set by later ones) ─► odd days ─► alarms ─► events judged
//! ```
//!
//! Two kinds of figures are made of the same readings: what the instruments showed ([`Figures::Shown`]) and how far that is from what physics
//! expects of the load and the air of the same hours ([`Figures::Residual`]). Two kinds of detectors take either: an isolation forest, and the
//! largest deviation of a single figure.

pub mod day;
pub mod detect;
pub mod judge;

pub use day::{Days, Figures, days_of};
pub use detect::{Detector, Method, WatchError};
pub use judge::{Alarm, Judged, judge};
