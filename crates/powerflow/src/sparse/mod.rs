//! Sparse linear algebra made for grids: matrices whose pattern is symmetric
//! and never changes while their values change often.
//!
//! The flow is `Pattern -> Symbolic -> Factor -> solve`:
//!
//! ```text
//! element cliques -> Pattern ----------------> Matrix (values by slot)
//!                       |                         |
//!                       +-> Symbolic (ordering,   |
//!                           elimination tree,     v
//!                           pattern of L) ----> Factor -> solve_in_place
//!                                                         solve_many
//!                                                         solve_refined
//! ```
//!
//! A circuit builds the pattern once, asks it once for the slots of every
//! element's primitive matrix, and afterwards assembles values without any
//! search. `Factor` chooses the method by itself: LDLᵀ for a complex-symmetric
//! matrix, LU on the same pattern for unsymmetric values, and LU with row
//! pivoting when the fixed pivot sequence does not give an accurate factor.
//!
//! ```
//! use std::sync::Arc;
//! use num_complex::Complex64;
//! use powerflow::sparse::{Factor, GROUND, Matrix, PatternBuilder, Symbolic, Work};
//!
//! # fn main() -> Result<(), powerflow::sparse::SparseError> {
//! // Two elements: a line between nodes 0 and 1, a shunt from node 1 to ground.
//! let elements: [&[u32]; 2] = [&[0, 1], &[1, GROUND]];
//! let mut builder = PatternBuilder::new(2);
//! for nodes in elements {
//!     builder.clique(nodes)?;
//! }
//! let pattern = Arc::new(builder.build()?);
//!
//! // Once: the slots of each primitive matrix, row by row.
//! let slots: Vec<Vec<u32>> = elements
//!     .iter()
//!     .map(|nodes| pattern.clique_slots(nodes))
//!     .collect::<Result<_, _>>()?;
//!
//! // As often as values change: assemble by slot.
//! let y = Complex64::new(1.0, -3.0);
//! let primitives = [[y, -y, -y, y]; 2];
//! let mut matrix = Matrix::zeros(&pattern);
//! for (slots, primitive) in slots.iter().zip(&primitives) {
//!     matrix.add_at(slots, primitive);
//! }
//!
//! // Once per pattern: the ordering. Then a factor, and solutions in place.
//! let symbolic = Arc::new(Symbolic::new(&pattern)?);
//! let mut factor = Factor::new(&symbolic, &matrix)?;
//! let mut work = Work::new();
//! let mut v = vec![Complex64::new(1.0, 0.0), Complex64::new(0.0, 0.0)];
//! factor.solve_in_place(&mut v, &mut work)?;
//! assert!((v[1] - 1.0 / y).norm() < 1e-12);
//!
//! // The shunt doubles: only node 1 has changed entries.
//! matrix.add_at(&slots[1], &primitives[1]);
//! factor.refactor_changed(&matrix, &[1])?;
//! # Ok(())
//! # }
//! ```
//!
//! Results on one machine repeat bit for bit; machines with and without fused
//! multiply-add differ in the last bits.
//!
//! Invariants: nothing here knows of nodes, phases or elements; indices in the
//! interface are always the caller's, the fill-reducing permutation stays
//! inside.

mod block;
mod factor;
mod fixed;
mod lanes;
mod ldlt;
mod lu;
mod matrix;
mod order;
mod pattern;
mod pivot;
mod quiet;
mod scalar;
mod selected;
mod symbolic;

pub use block::{Block, BlockLu};
pub use factor::{Factor, Method, Quality, factor};
pub use lanes::Lanes;
pub use ldlt::Ldlt;
pub use lu::Lu;
pub use matrix::Matrix;
pub use order::approximate_minimum_degree;
pub use pattern::{GROUND, NO_SLOT, Pattern, PatternBuilder};
pub use pivot::PivotLu;
pub use quiet::quiet_first;
pub use scalar::{Scalar, Work};
pub use selected::SelectedInverse;
pub use symbolic::Symbolic;

/// What can be wrong with a pattern, a matrix or a right-hand side.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SparseError {
    /// The matrix is singular to working precision. `row` is the row, in the
    /// caller's numbering, at which nothing was left to divide by: an empty
    /// row itself, else one row of the group that floats.
    #[error("matrix is singular at row {row}")]
    Singular { row: u32 },
    /// A value of this row is infinite or not a number.
    #[error("row {row} holds a value that is not finite")]
    NonFinite { row: u32 },
    /// Values of this row differ from their mirrors where a method needs
    /// symmetry.
    #[error("row {row} is not symmetric to its column")]
    Unsymmetric { row: u32 },
    /// The last factorisation failed, so there is nothing to solve with.
    #[error("the matrix is not factored")]
    NotFactored,
    /// An entry lies outside the matrix.
    #[error("entry ({row}, {column}) lies outside a matrix of order {order}")]
    OutOfRange { row: u32, column: u32, order: u32 },
    /// An entry that was asked for is not part of the pattern.
    #[error("entry ({row}, {column}) is not in the pattern")]
    NotInPattern { row: u32, column: u32 },
    /// A slice does not have the length that the matrix asks for.
    #[error("expected {expected} entries, got {got}")]
    Length { expected: usize, got: usize },
    /// The matrix was built on another pattern than the analysis.
    #[error("the matrix and the analysis do not share one pattern")]
    OtherPattern,
    /// The order, the pattern or the factor exceeds 32-bit indices.
    #[error("{entries} entries exceed 32-bit indices")]
    TooLarge { entries: u64 },
}
