//! Switching: what becomes of a network when switches move, and which of them to move.
//!
//! ```text
//! settled state ─► Operator (operator.rs): move switches, solve, judge ─► Condition
//!       │                     ▲
//!       └─► Zones (zones.rs) ─┤─ isolate.rs: what an outage takes
//!                             ├─ restore.rs: supply for what it parted, over forests of zones (forests.rs)
//!                             └─ reconfigure.rs: the tree with least losses or overloads, over the trees of radial.rs
//! ```
//!
//! Methods, sources and limits: `docs/methods/switching.md`.

pub mod apply;
pub mod forests;
pub mod isolate;
pub mod operator;
pub mod radial;
pub mod reconfigure;
pub mod restore;
pub mod supply;
pub mod tables;
pub mod zones;

pub use isolate::Isolation;
pub use operator::{Condition, Operation, Operator, Solved, Spot, Violation, usual_criteria};
pub use radial::Radial;
pub use reconfigure::{Aim, Hour, Reconfiguration, ReconfigureError, ReconfigureOptions, reconfigure};
pub use restore::{Reason, Restoration, RestoreOptions, Search, restore};
pub use zones::{Switches, Zones};
