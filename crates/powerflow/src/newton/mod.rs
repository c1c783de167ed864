//! The balanced power flow of a transmission case: one phase of the positive sequence, per unit.
//!
//! ```text
//! Network -> Case::compile -> Case::solve -> Outcome: Solution (tables, certificate) or Unsolved (why)
//!            nodes, islands,   Newton-Raphson,
//!            two-ports, units  limits and controls
//! ```
//!
//! What is solved is what [`network::transmission`] holds: lines, transformers in every code of their data, fixed and switched shunts, loads in parts
//! of constant power, current and admittance, machines with limits that hold their own or another bus's voltage, direct-current links of every kind,
//! controllers of flow, induction machines. A compiled [`Case`] keeps its numbering, ordering and analysis through any number of solutions.
//!
//! `docs/methods/newton.md` tells the model and its sources.

mod control;
pub mod dc;
mod grid;
mod iterate;
mod motor;
mod results;
mod small;
mod solve;
mod three_phase;
mod transformer;

pub use grid::CaseError;
pub use motor::MotorState;
pub use results::{
    BranchEndRow, BusRow, BusState, ControlMove, DcRow, MachineRow, MotorRow, Outcome, PowerFlowCertificate, QState, Solution,
    StoredMismatch, Unsolved, WorstBus,
};
pub use solve::{Case, Controls, Equations, Options, Start, solve, stored_mismatch};
pub use three_phase::{MachineForm, to_three_phase};
