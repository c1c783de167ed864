//! Configuration files of IEC 61850-6 (ICD, CID, IID, SCD).
//!
//! ```text
//! bytes ─► xml (bounded tree) ─► types (templates) ─► read ─► Scl ─► points      what can be measured and commanded
//!                                                              └──► served      the model of a simulated device
//! points ─► generate ─► a text that reads back to them
//! ```

mod address;
mod findings;
mod generate;
mod model;
mod points;
mod read;
mod served;
mod types;
pub mod xml;

pub use address::mac_address;
pub use generate::{Device, GenerateError, Goose, Report, Signal, SignalKind, generate};
pub use model::*;
pub use points::{ControlModel, Point, points, points_of};
pub use read::{read, read_within};
pub use served::{ServeError, served_model};
