//! What every reader of a file format gives.

use crate::{Diagnostic, Ledger, Network, SourceRef};
use serde::{Deserialize, Serialize};

/// A record that could not be used, kept as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reject {
    pub source: SourceRef,
    pub reason: String,
    /// The record as written, shortened where it is very long.
    pub text: String,
}

/// A quantity that a study of another program reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Per unit of the base of the line-to-neutral voltage.
    VPu,
    /// Line to neutral, volts.
    VVolt,
    VAngleDeg,
    IA,
    PKw,
    QKvar,
    LoadingPct,
    LossKw,
}

/// One figure of a study made elsewhere, to be set against ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyFigure {
    /// Bus, or `class.name` of an element, as the network names them.
    pub subject: String,
    /// 1, 2, 3; none for all phases together.
    pub phase: Option<u32>,
    pub quantity: Quantity,
    pub value: f64,
    pub source: SourceRef,
}

/// What reading gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    pub network: Network,
    /// Findings of the reader; the checks of the network come after.
    pub diagnostics: Vec<Diagnostic>,
    pub ledger: Ledger,
    /// Records that were not used.
    pub rejects: Vec<Reject>,
    /// Records read, by section, table or layer, in the order of the source.
    pub counts: Vec<(String, usize)>,
    /// Results of studies that came with the model.
    pub figures: Vec<StudyFigure>,
}
