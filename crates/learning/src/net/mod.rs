//! Small dense networks, trained by exact gradients.
//!
//! A layer takes rows `x` to `φ(x W + b)`. With `z = x W + b` and the slope `δ = ∂loss/∂z` of the layer above known, the chain rule gives
//!
//! ```text
//! ∂loss/∂W = xᵀ δ      ∂loss/∂b = Σ rows of δ      ∂loss/∂x = δ Wᵀ,  times φ'(z) elementwise for the layer below
//! ```
//!
//! where `φ'` follows from what the layer gave: 1, `[y > 0]` or `y (1 - y)`. All rows of a batch go through at once ([`product`]).
//!
//! All weights and biases are **one flat vector**: layer after layer, in each the weights of its first input, of its second, …, then the biases. It can be read, set,
//! averaged, clipped or sent as it is.
//!
//! ```text
//! Layout (layers) + parameters ─► scores of rows ─► Loss ─► gradient ─► Optimiser ─► parameters
//! ```
//!
//! [`descend`] holds the loop of epochs and batches for anything with parameters and a gradient; [`Network`] is a layout with its parameters. The same seed gives
//! the same network bit by bit.

mod layout;
mod loss;
mod optimiser;
pub mod product;
mod real;
mod train;

pub use layout::{Activation, Head, Layer, Layout, Tape};
pub use loss::{Loss, sigmoid, softmax};
pub use optimiser::{Method, Optimiser, clip};
pub use real::Real;
pub use train::{Course, Examples, Network, Proximal, TrainOptions, descend};

use thiserror::Error;

/// Why a network was not made or trained.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum NetError {
    #[error("{what}: {found} values where {expected} are needed")]
    Length { what: &'static str, expected: usize, found: usize },
    #[error("{what} hold a value that is no finite number in row {row}")]
    NotFinite { what: &'static str, row: usize },
    #[error("{what} must be {needed}, not {found}")]
    Option { what: &'static str, needed: &'static str, found: String },
    #[error("there are no rows to train on")]
    NoRows,
    #[error("the loss is no finite number in epoch {epoch}: the steps are too long for these values; lower the rate or scale the inputs")]
    Diverged { epoch: usize },
}

#[cfg(test)]
mod tests;
