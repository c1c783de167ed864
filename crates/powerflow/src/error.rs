//! What can stop a circuit from being built or solved, in terms of the model.

use crate::sparse::SparseError;
use network::{Diagnostic, ElementId, Network, SourceRef};
use std::error::Error;

/// An element and where it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// `class.name`.
    pub element: String,
    pub source: SourceRef,
}

impl Place {
    pub fn of(network: &Network, id: ElementId) -> Self {
        Self { element: network.full_name(id), source: network.common(id).source.clone() }
    }
}

/// A circuit cannot be built or factored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CircuitError {
    /// Nothing holds the voltage anywhere.
    #[error("the circuit has no enabled source")]
    NoSource,
    /// The data of an element give no admittance.
    #[error("{}: {reason}", .place.element)]
    Element { place: Place, reason: Box<dyn Error + Send + Sync> },
    /// The system admittance is singular.
    #[error("the system admittance is singular at node {node}")]
    Singular { node: String, elements: Vec<Place> },
    /// An admittance at this node is not a finite number.
    #[error("an admittance at node {node} is not a finite number")]
    NonFinite { node: String, elements: Vec<Place> },
    /// The matrix routines were used wrongly or its size is beyond them.
    #[error(transparent)]
    Sparse(#[from] SparseError),
    /// The mode is known but not solved by this engine.
    #[error("solution mode {mode} is not supported")]
    UnsupportedMode { mode: String },
    /// The model asks for more work than the session does.
    #[error("the model has {asked} {quantity}, more than the limit of {limit}")]
    Beyond { quantity: &'static str, asked: u64, limit: u64 },
    /// A bus that was asked for does not exist.
    #[error("bus {bus} does not exist in the solved circuit")]
    UnknownBus { bus: String },
}

impl CircuitError {
    /// The error as a finding with a stable code.
    pub fn diagnostic(&self) -> Diagnostic {
        let places = |elements: &[Place]| {
            let names: Vec<_> = elements
                .iter()
                .take(5)
                .map(|p| if p.source.is_known() { format!("{} ({})", p.element, p.source) } else { p.element.clone() })
                .collect();
            format!("Elements at this node: {}.", if names.is_empty() { "none".to_owned() } else { names.join(", ") })
        };
        match self {
            Self::NoSource => Diagnostic::error("SOLVE.CIRCUIT.NO_SOURCE", self.to_string())
                .detail("Without a source no voltage is defined.")
                .hint("Enable or add a Vsource; `New Circuit.name` makes one."),
            Self::Element { place, reason } => {
                let mut d = Diagnostic::error("SOLVE.ELEMENT.NO_ADMITTANCE", reason.to_string()).element(&place.element).at(&place.source);
                let mut cause = reason.source();
                let mut causes = Vec::new();
                while let Some(c) = cause {
                    causes.push(c.to_string());
                    cause = c.source();
                }
                if !causes.is_empty() {
                    d = d.detail(causes.join("; "));
                }
                d.hint("Correct the element's data, or disable it.")
            }
            Self::Singular { elements, .. } => {
                let mut d = Diagnostic::error("SOLVE.MATRIX.SINGULAR", self.to_string())
                    .detail(places(elements))
                    .hint("Connect the node to the rest, ground a floating neutral, or give the element at it a finite impedance.");
                if let Some(p) = elements.first() {
                    d = d.element(&p.element).at(&p.source);
                }
                d
            }
            Self::NonFinite { elements, .. } => {
                let mut d = Diagnostic::error("SOLVE.MATRIX.NOT_FINITE", self.to_string())
                    .detail(places(elements))
                    .hint("One of these elements has a zero or overflowing impedance.");
                if let Some(p) = elements.first() {
                    d = d.element(&p.element).at(&p.source);
                }
                d
            }
            Self::Sparse(e) => Diagnostic::error("SOLVE.MATRIX.FAILED", e.to_string()),
            Self::UnsupportedMode { .. } => Diagnostic::error("SOLVE.MODE.UNSUPPORTED", self.to_string())
                .hint("Use mode snapshot, direct, faultstudy, daily, yearly, dutycycle or time."),
            Self::Beyond { .. } => Diagnostic::error("SOLVE.SESSION.BEYOND_LIMIT", self.to_string())
                .hint("Solve it where the limits are wider, or make it smaller."),
            Self::UnknownBus { .. } => {
                Diagnostic::error("SOLVE.BUS.UNKNOWN", self.to_string()).hint("Bus names are listed in nodes.csv of `gridtwin solve`.")
            }
        }
    }
}
