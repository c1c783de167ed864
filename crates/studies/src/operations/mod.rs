//! Operations of a grid: what it looks like now, what is at risk, and which switches to move.
//!
//! ```text
//! plan.rs ─► generate.rs ─┐
//! any loaded network ─────┴► Network ─► moment.rs: a settled State at a step
//!                                          ├─► view.rs, telemetry.rs, risk.rs, figures.rs    what a desk shows
//!                                          └─► routing.rs: the value of a radial configuration, by power flow
//!                                                 └─► optimum.rs: branch exchange, then branch.rs over the bounds of bound.rs (ways.rs makes them)
//! ```
//!
//! Power takes no route by choice: it follows Kirchhoff's laws. What a desk chooses is which switches are closed; the route of a load is its way to
//! its source in the radial network that they make. Methods, sources and limits: `docs/methods/operations.md`.

pub mod bound;
pub mod branch;
pub mod figures;
pub mod generate;
pub mod moment;
pub mod optimum;
pub mod plan;
pub mod risk;
pub mod routing;
pub mod telemetry;
pub mod view;
pub mod ways;

#[cfg(test)]
mod tests;

pub use figures::{Alert, Figures, HourForecast, LoadForecast, LossBreakdown, Thresholds, alerts, figures, profile_forecast};
pub use generate::{GenerateOptions, generate};
pub use moment::{Variation, at_step, snapshot};
pub use optimum::{Configuration, Optimum, OptimumOptions, Proof, optimum};
pub use risk::{Origin, RiskScore, Scores, scores};
pub use routing::{Route, Routing, RoutingOptions, Value};
pub use telemetry::{EdgeReading, NodeReading, Telemetry, telemetry};
pub use view::{EdgeView, NodeKind, NodeView, View, view};

use crate::switching::ReconfigureError;
use powerflow::CircuitError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperationsError {
    #[error("{what} must be {needed}, not {found}")]
    Option { what: String, needed: String, found: String },
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    #[error("the network has no solution at {at}: its power flow does not settle")]
    Unsettled { at: String },
    #[error("a transmission case has no radial configurations")]
    Transmission,
    #[error(transparent)]
    Graph(#[from] ReconfigureError),
}

impl OperationsError {
    pub(crate) fn option(what: impl Into<String>, needed: impl Into<String>, found: impl ToString) -> Self {
        Self::Option { what: what.into(), needed: needed.into(), found: found.to_string() }
    }
}
