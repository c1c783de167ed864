//! What a grid is: the one model that every file format reads into, every
//! study asks, every measurement lands on and every picture draws.
//!
//! A [`Network`] holds buses, elements joined to them by terminals, the
//! catalogue the elements were made from, controls, meters, and the options a
//! model brings for its own solution. It is plain data: nothing here opens a
//! file, reads a clock or solves anything. Connections are typed ids
//! ([`BusId`], [`ElementId`], …) that index vectors of the same network.
//!
//! Conventions
//! * names are kept in lower case, as the distribution world compares them;
//! * node 0 of a bus is the reference earth, nodes 1, 2, 3 the phases, higher
//!   ones neutrals and whatever else a model needs;
//! * loads consume positive, generators inject positive, the flow of an
//!   element is positive into it at the named terminal;
//! * a unit stands last in a field's name (`kv_ll`, `p_kw`, `length`, with its
//!   own [`LengthUnit`], being the exception: line data keep the unit in which
//!   they were written, so that no rounding separates them from their source).

pub mod asset;
pub mod availability;
pub mod calendar;
pub mod catalogue;
pub mod check;
pub mod control;
pub mod cost;
pub mod design;
pub mod diagnostic;
pub mod diagram;
pub mod distance;
pub mod document;
pub mod dynamics;
pub mod element;
pub mod engine;
pub mod flexibility;
pub mod gamma;
pub mod graph;
pub mod ids;
pub mod import;
pub mod layout;
pub mod ledger;
pub mod meter;
pub mod neighbourhood;
pub mod options;
pub mod outage;
pub mod picture;
pub mod reading;
pub mod result_tables;
pub mod scenario;
pub mod shape;
pub mod station;
pub mod transmission;
pub mod units;
pub mod weather;

mod grid;

pub use asset::*;
pub use catalogue::*;
pub use control::*;
pub use diagnostic::{Diagnostic, Severity, SourceRef};
pub use distance::distances_km;
pub use element::*;
pub use engine::{Engine, EngineError, ModeOfChange, OperatingPoint, SolveReport};
pub use graph::{Graph, Link, Tree};
pub use grid::{AnyElement, Bus, Network};
pub use ids::*;
pub use import::*;
pub use ledger::{Disposition, Ledger, LedgerEntry};
pub use meter::*;
pub use options::*;
pub use outage::*;
pub use reading::{Channel, ReadingIndex, ReadingQuality, ReadingSeries, Readings};
pub use result_tables::{ColumnKind, RESULT_TABLES, ResultColumn, ResultTable, result_table};
pub use shape::*;
pub use station::*;
pub use transmission::*;
pub use units::{EarthModel, LengthUnit};
pub use weather::*;
