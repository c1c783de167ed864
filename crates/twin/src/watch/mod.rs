//! What service does to equipment, seen before a limit is passed: figures of a day by asset, and detectors that are fitted to sound days.
//!
//! ```text
//! readings of hours ─► figures of days (day) ─► detector (fitted to sound days, set by later ones) ─► odd days ─► alarms ─► events judged
//! ```
//!
//! Three kinds of figures are made of the same readings: what the instruments showed ([`Figures::Shown`]), how far that is from the same asset's
//! last four weeks ([`Figures::Change`]), and how far it is from what physics expects of the load and the air of the same hours
//! ([`Figures::Residual`]). Two kinds of detectors take each: an isolation forest, and the largest deviation of a single figure.

pub mod day;
pub mod detect;
pub mod judge;

pub use day::{Days, Figures, days_of};
pub use detect::{Detector, Method, WatchError};
pub use judge::{Alarm, Judged, judge};
