//! Routing learnt by trial: REINFORCE over the switches of a radial network.
//!
//! ```text
//! Routing (studies::operations): what a configuration is worth ─┐
//! policy.rs: which line of each loop to open ─► episode ────────┴─► reward ─► learner.rs: gradient ─► policy
//! ```
//!
//! Beside the policy stand, under the same number of episodes, a policy that chooses evenly, and what [`studies::operations::optimum`] gives: today's
//! network, branch exchange, and the optimum with its proof. Where the policy does not beat them its figures say so. Method, sources and limits:
//! `docs/methods/operations.md`.

mod forecast;
mod learner;
mod policy;

#[cfg(test)]
mod tests;

pub use forecast::history_forecast;
pub use learner::{Episode, Learned, Learner, RandomPolicy, Shown, learn};
pub use policy::{LearnOptions, Policy};

use crate::net::NetError;
use powerflow::CircuitError;
use studies::operations::OperationsError;

/// Why nothing was learnt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    #[error(transparent)]
    Operations(#[from] OperationsError),
}
