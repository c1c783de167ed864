//! One model as another: a transmission case in three phases, a feeder in the positive sequence.
//!
//! ```text
//! Network (transmission case) + newton::Solution ─► to_three_phase ──► Network, Ledger, findings
//! Network (three phases)      + Solution         ─► to_transmission ─► Network, Ledger, findings
//! ```
//!
//! Neither changes its network or solves anything but what it needs. `docs/methods/equivalents.md` derives both.

mod positive_sequence;

pub use crate::newton::{MachineForm, to_three_phase};
pub use positive_sequence::{TransmissionOptions, Unbalance, to_transmission};

use network::{Diagnostic, Ledger, Network};
use std::collections::HashSet;

/// A network made of another, and what became of its values.
#[derive(Clone, Debug)]
pub struct Converted {
    pub network: Network,
    pub ledger: Ledger,
    pub diagnostics: Vec<Diagnostic>,
    /// Of a feeder: how far its case is from it.
    pub unbalance: Option<Unbalance>,
}

/// Why a network has no equivalent of the other kind.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", .diagnostics.first().map_or_else(|| "the network has no equivalent".to_owned(), ToString::to_string))]
pub struct ConversionError {
    pub diagnostics: Vec<Diagnostic>,
}

impl From<Diagnostic> for ConversionError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic] }
    }
}

/// Names in use, by class.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    taken: HashSet<(&'static str, String)>,
}

impl Names {
    /// A name that every format can hold: lower case, letters, digits, `_` and `-`.
    pub fn plain(name: &str) -> String {
        let plain: String =
            name.trim().to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect();
        if plain.is_empty() { "_".to_owned() } else { plain }
    }

    /// The name, or the name with a number where it is taken.
    pub fn free(&mut self, class: &'static str, name: &str) -> String {
        let base = Self::plain(name);
        let mut found = base.clone();
        let mut n = 1u32;
        while !self.taken.insert((class, found.clone())) {
            n += 1;
            found = format!("{base}_{n}");
        }
        found
    }
}
