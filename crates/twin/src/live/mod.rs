//! The live twin: points upon the network, the state that they make likely, and what follows from it.
//!
//! ```text
//! devices ─► Supervisor ─ batches ─► values ─┬─► history (every value that is told)
//!                                            ├─► alarms ─ journal ─► history's events ─► listeners
//!                                            └─► every second: switches and taps upon the network, estimate ─► metrics, health ─► Moment
//! orders ─► verdict (the switched network is solved) ─► telecontrol ─► record ─► history's events
//! ```
//!
//! [`Site`] is what is followed, [`Twin`] follows it. [`view`] is what it shows. `docs/twin.md` defines every figure.

pub mod condition;
mod control;
mod estimate;
pub mod health;
pub mod improve;
mod interlock;
mod moment;
pub mod outlook;
pub mod points;
mod question;
pub mod record;
mod rules;
mod trend;
mod twin;
pub mod view;
mod work;
mod writing;

pub use twin::{Change, Changes, Comparison, Excess, Order, OrderError, Settings, Site, Told, Twin, TwinError, Unsupplied, Verdict};
