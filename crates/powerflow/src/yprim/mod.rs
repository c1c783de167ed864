//! Primitive admittances: each element alone, before it is joined to others. Lines, capacitors, reactors, faults, sources and GIC elements
//! are here; transformers, which are retapped often, have a compiled form in [`transformer`].
//!
//! A primitive admittance is the nodal admittance of one element alone: rows and columns are its conductors, terminal by
//! terminal, and `i = Y v` are the currents into it. Most elements here have two terminals and join them, conductor by conductor,
//! with a series admittance `y`, which gives `[[y, -y], [-y, y]]`; shunt parts stand on the diagonal blocks.
//!
//! Each element yields two matrices. [`Primitive::total`] is what a power flow uses. [`Primitive::series`] is what the assignment of voltage
//! bases uses, a solution without loads and shunts: shunt elements leave only a trace there that keeps a bus from floating. Every
//! function is pure: plain values in, matrices out, in SI units at the given frequency.
//!
//! The values are those of OpenDSS (its classes of the same names), and so are its peculiarities, which are named where they occur.

mod auto_transformer;
mod gic;
mod line;
mod shunt;
mod source;
pub mod transformer;

pub use gic::{gic_line, gic_transformer};
pub use line::{EarthReturn, LineData, LineInput, line};
pub use shunt::{
    Capacitor, CapacitorSize, CapacitorStep, Connection, Reactor, ReactorImpedance, capacitor, fault_conductance, fault_matrix, reactor,
};
pub use source::{SequenceImpedance, ShortCircuit, current_source_phasors, ideal_voltage_source, voltage_source, voltage_source_phasors};

use num_complex::Complex64;
use thiserror::Error;

use crate::dense::{CMatrix, DenseError};

/// Admittance that stands for a connection that is open, siemens.
const OPEN_SIEMENS: f64 = 1e-12;

/// Sine of 120 degrees to the six digits that OpenDSS has in its rotation operator.
const SIN_120_DEG: f64 = 0.866_025;

/// Below this frequency OpenDSS takes a study for one of geomagnetic currents: resistances only.
const GIC_FREQUENCY_MAX_HZ: f64 = 0.51;

/// Why an element has no admittance. The caller knows the element's name.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum YprimError {
    /// The impedance cannot be inverted.
    #[error("impedance cannot be inverted: {0}")]
    Matrix(#[from] DenseError),
    /// A value is outside what the element can have.
    #[error("{quantity} must be {expected}, found {found}")]
    Quantity {
        /// Name of the field, with its unit.
        quantity: &'static str,
        /// The range in words.
        expected: &'static str,
        /// The value found.
        found: f64,
    },
    /// Matrices and sequence impedances have no delta form.
    #[error("{what} cannot be connected in delta")]
    NoDelta {
        /// What was given.
        what: &'static str,
    },
    /// A list or matrix has another size than the element needs.
    #[error("{quantity}: {expected} values are needed, found {found}")]
    Count {
        /// Name of the field.
        quantity: &'static str,
        /// Number of values needed.
        expected: usize,
        /// Number of values found.
        found: usize,
    },
}

/// The primitive admittances of one element, siemens; conductors terminal by terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Primitive {
    /// All of the element.
    pub total: CMatrix,
    /// Only what joins its terminals, for the assignment of voltage bases.
    pub series: CMatrix,
}

impl Primitive {
    /// An element that joins its terminals: both matrices are the same.
    fn joining(total: CMatrix) -> Self {
        Self { series: total.clone(), total }
    }

    /// Opens conductors of the element at a terminal, in both matrices; see [`open_conductors`].
    ///
    /// # Errors
    /// As [`open_conductors`].
    pub fn open(&mut self, is_open: &[bool]) -> Result<(), YprimError> {
        open_conductors(&mut self.total, is_open)?;
        open_conductors(&mut self.series, is_open)
    }
}

/// Opens conductors of an element: no current enters there any more.
///
/// Each open conductor is Kron-reduced out of the rest (its diagonal entry taken as 1e-12 S where it is zero), in the order of
/// the conductors; its row and column become zero but for 1e-12 S on the diagonal. If anything was open, the other diagonal entries
/// get 1e-12 S too, so that an element open at one end does not leave a node floating.
///
/// `is_open` has one entry for each row of `y`, terminal by terminal.
///
/// # Errors
/// `Count` when `is_open` does not fit, `Matrix` when `y` is not square.
pub fn open_conductors(y: &mut CMatrix, is_open: &[bool]) -> Result<(), YprimError> {
    if !y.is_square() {
        return Err(DenseError::NotSquare { rows: y.rows(), cols: y.cols() }.into());
    }
    let order = y.rows();
    if is_open.len() != order {
        return Err(YprimError::Count { quantity: "is_open", expected: order, found: is_open.len() });
    }
    if !is_open.contains(&true) {
        return Ok(());
    }
    let floor = Complex64::new(OPEN_SIEMENS, 0.0);
    let mut is_gone = vec![false; order];
    for open in (0..order).filter(|i| is_open[*i]) {
        is_gone[open] = true;
        let mut pivot = y[(open, open)];
        if pivot.norm() == 0.0 {
            pivot.re = OPEN_SIEMENS;
        }
        // Upper triangle only, mirrored: the reduction of an unsymmetric matrix comes out symmetric, as in OpenDSS.
        for i in (0..order).filter(|i| !is_gone[*i]) {
            let to_open = y[(i, open)];
            for j in (i..order).filter(|j| !is_gone[*j]) {
                let reduced = y[(i, j)] - to_open * y[(open, j)] / pivot;
                y.set_symmetric(i, j, reduced);
            }
        }
        for i in 0..order {
            y.set_symmetric(i, open, Complex64::ZERO);
        }
        y[(open, open)] = floor;
    }
    for i in (0..order).filter(|i| !is_open[*i]) {
        y[(i, i)] += floor;
    }
    Ok(())
}

/// `[[y, -y], [-yᵀ, y]]`. The transpose matters for unsymmetric data only; OpenDSS writes these elements so.
fn join_terminals(y: &CMatrix) -> CMatrix {
    let n = y.rows();
    let mut total = CMatrix::square(2 * n);
    for i in 0..n {
        for j in 0..n {
            total[(i, j)] = y[(i, j)];
            total[(i + n, j + n)] = y[(i, j)];
            total.set_symmetric(i, j + n, -y[(i, j)]);
        }
    }
    total
}

/// `[[y, -y], [-y, y]]`, the true form for unsymmetric data.
fn join_terminals_exactly(y: &CMatrix) -> CMatrix {
    let n = y.rows();
    let mut total = CMatrix::square(2 * n);
    total.add_block(0, 0, y, 1.0);
    total.add_block(n, n, y, 1.0);
    total.add_block(0, n, y, -1.0);
    total.add_block(n, 0, y, -1.0);
    total
}

/// The same admittance `y` in each phase between two terminals.
fn join_phases(n_phases: usize, y: Complex64) -> CMatrix {
    join_terminals(&CMatrix::from_diagonal(&vec![y; n_phases]))
}

/// The diagonal of a shunt element times `factor`: its trace in the series matrix.
fn diagonal_trace(total: &CMatrix, factor: f64) -> CMatrix {
    let diagonal: Vec<Complex64> = (0..total.rows()).map(|i| total[(i, i)] * factor).collect();
    CMatrix::from_diagonal(&diagonal)
}

/// Phase matrix of a three-phase element with sequence impedances `z1`, `z2`, `z0`:
/// own `(z0 + z1 + z2)/3`, and the two mutual ones `(z0 + a² z1 + a z2)/3` and `(z0 + a z1 + a² z2)/3` in cyclic order.
fn sequence_to_phase(z1: Complex64, z2: Complex64, z0: Complex64) -> CMatrix {
    let a = Complex64::new(-0.5, SIN_120_DEG);
    let a2 = a * a;
    let own = (z2 + z1 + z0) / 3.0;
    let behind = (a2 * z1 + a * z2 + z0) / 3.0;
    let ahead = (a2 * z2 + a * z1 + z0) / 3.0;
    CMatrix::from_fn(3, 3, |i, j| match (3 + i - j) % 3 {
        0 => own,
        1 => behind,
        _ => ahead,
    })
}

fn require(holds: bool, quantity: &'static str, expected: &'static str, found: f64) -> Result<(), YprimError> {
    if holds { Ok(()) } else { Err(YprimError::Quantity { quantity, expected, found }) }
}

fn require_positive(quantity: &'static str, found: f64) -> Result<(), YprimError> {
    require(found.is_finite() && found > 0.0, quantity, "positive", found)
}

fn require_count(quantity: &'static str, expected: usize, found: usize) -> Result<(), YprimError> {
    if expected == found { Ok(()) } else { Err(YprimError::Count { quantity, expected, found }) }
}

#[cfg(test)]
mod tests;
