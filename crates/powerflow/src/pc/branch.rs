//! Branches of an element between two of its conductors.

use super::PcError;
use crate::dense::CMatrix;
use network::{Common, Connection};
use num_complex::Complex64;

/// The branches of an element: their conductors, and the number of conductors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Branches {
    /// Conductors (from, to) of each branch, 0-based.
    pub pairs: Vec<(u8, u8)>,
    pub n_conductors: usize,
    pub connection: Connection,
}

impl Branches {
    /// Branches of an element with one terminal.
    ///
    /// Wye: phase to the last conductor. Delta: phase to the next one; one and two phases have a conductor more than phases and are
    /// open chains, more phases close the ring.
    pub fn new(element: &str, common: &Common, connection: Connection) -> Result<Self, PcError> {
        let n = common.n_phases;
        if n == 0 || n > 100 {
            return Err(PcError::Phases { element: element.to_owned(), n_phases: n });
        }
        let expected = match connection {
            Connection::Wye => n + 1,
            Connection::Delta if n <= 2 => n + 1,
            Connection::Delta => n,
        };
        let found = common.n_conductors();
        if found != expected {
            return Err(PcError::Conductors { element: element.to_owned(), n_phases: n, expected, found });
        }
        let to = |i: usize| match connection {
            Connection::Wye => n,
            Connection::Delta => (i + 1) % expected,
        };
        Ok(Self { pairs: (0..n).map(|i| (i as u8, to(i) as u8)).collect(), n_conductors: expected, connection })
    }

    /// Voltage of branch `k`.
    #[inline]
    pub fn voltage(&self, k: usize, nodes: &[u32], v: &[Complex64]) -> Complex64 {
        let (a, b) = self.pairs[k];
        v[nodes[a as usize] as usize] - v[nodes[b as usize] as usize]
    }

    /// Admittance matrix with `y` in every branch.
    pub fn matrix(&self, y: Complex64) -> CMatrix {
        let mut m = CMatrix::square(self.n_conductors);
        for &(a, b) in &self.pairs {
            m.add_branch(a as usize, b as usize, y);
        }
        m
    }

    /// Adds a current that flows from the first to the second conductor of branch `k` to `currents` by conductor.
    #[inline]
    pub fn add_to_conductors(&self, k: usize, current: Complex64, currents: &mut [Complex64]) {
        let (a, b) = self.pairs[k];
        currents[a as usize] += current;
        currents[b as usize] -= current;
    }

    /// Adds a current that flows from the first to the second conductor of branch `k` to `currents` by node.
    #[inline]
    pub fn add_to_nodes(&self, k: usize, current: Complex64, nodes: &[u32], currents: &mut [Complex64]) {
        let (a, b) = self.pairs[k];
        currents[nodes[a as usize] as usize] += current;
        currents[nodes[b as usize] as usize] -= current;
    }
}

/// Voltage that a branch's law refers to, V. Line to neutral for two- and three-phase wye; as rated for delta and one phase.
pub(crate) fn branch_base_v(element: &str, kv: f64, n_phases: usize, connection: Connection) -> Result<f64, PcError> {
    if !(kv.is_finite() && kv > 0.0) {
        return Err(PcError::RatedVoltage { element: element.to_owned(), kv });
    }
    Ok(match (connection, n_phases) {
        (Connection::Wye, 2 | 3) => kv * (1000.0 / 3f64.sqrt()),
        _ => kv * 1000.0,
    })
}
