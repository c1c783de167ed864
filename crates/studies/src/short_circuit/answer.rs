//! What a study by IEC 60909-0 is asked and what it answers, as plain data.

use super::case::Element;
use super::grid::Extreme;
use super::nets::{Partials, Sequences};
use network::Diagnostic;
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// A kind of fault. Line-earth is on phase a, the others are on b and c.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    ThreePhase,
    LineLine,
    LineLineEarth,
    LineEarth,
}

impl FaultKind {
    pub const ALL: [Self; 4] = [Self::ThreePhase, Self::LineLine, Self::LineLineEarth, Self::LineEarth];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::ThreePhase => "three-phase",
            Self::LineLine => "line-line",
            Self::LineLineEarth => "line-line-earth",
            Self::LineEarth => "line-earth",
        }
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    pub extreme: Extreme,
    pub faults: Vec<FaultKind>,
    /// Ids of faulted buses; all in service when empty.
    pub buses: Vec<String>,
    /// Asynchronous motors in studies of largest currents; they never count for smallest ones.
    pub motors: bool,
    /// Least time to contact parting, s.
    pub t_min_s: f64,
    /// Duration for the thermal current, s.
    pub t_k_s: f64,
    /// n of the thermal current in place of that from Ik''/Ik; 1 far from generators.
    pub n: Option<f64>,
    /// Times at which the dc part is told, s, besides `t_min_s`.
    pub dc_times_s: Vec<f64>,
    pub partials: Partials,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            extreme: Extreme::Max,
            faults: FaultKind::ALL.to_vec(),
            buses: Vec::new(),
            motors: true,
            t_min_s: 0.1,
            t_k_s: 1.0,
            n: None,
            dc_times_s: Vec::new(),
            partials: Partials::AtFault,
        }
    }
}

/// A part of a fault current that an element brings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partial {
    pub element: Element,
    pub id: String,
    /// Which end of the element: 0 for the first bus (from, hv), 1, 2.
    pub terminal: u8,
    pub at_fault: bool,
    /// Out of the element at this end, kA at the nominal voltage of its bus: positive, negative, zero sequence, turned by the vector groups
    /// between the fault and the end.
    pub sequence_ka: Sequences,
    /// Sizes in phases a, b, c, kA.
    pub phases_ka: [f64; 3],
}

/// Dc part at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DcPart {
    pub t_s: f64,
    /// kA.
    pub dc_ka: f64,
    /// R/X that it decays with, at nominal frequency.
    pub r_x: f64,
}

/// A fault at a bus. Currents in kA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    pub kind: FaultKind,
    /// Initial symmetrical current of the phase with the most.
    pub ik_ka: f64,
    /// Initial current into the earth, 3 I0.
    pub earth_ka: f64,
    /// √3 Un Ik'', MVA.
    pub sk_mva: f64,
    /// Of `ik_ka`, what converters bring.
    pub of_converters_ka: f64,
    pub kappa_b: f64,
    pub kappa_c: f64,
    pub ip_b_ka: f64,
    pub ip_c_ka: f64,
    /// The peak to go by.
    pub ip_ka: f64,
    /// Symmetrical breaking current at `t_min_s`.
    pub ib_ka: f64,
    /// Asymmetrical breaking current, √(Ib² + idc²).
    pub ib_asymmetrical_ka: f64,
    /// Dc parts, the first at `t_min_s`.
    pub dc: Vec<DcPart>,
    /// Steady-state current; none for smallest currents where a generator that alone feeds a side has no `xd_sat_pu`.
    pub ik_steady_ka: Option<f64>,
    pub m: f64,
    pub n: f64,
    /// Thermal equivalent current over `t_k_s`.
    pub ith_ka: f64,
    pub sequence_ka: Sequences,
    /// Sizes in phases a, b, c.
    pub phases_ka: [f64; 3],
    pub partials: Vec<Partial>,
}

/// Faults at a bus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BusFaults {
    pub bus: String,
    pub kv: f64,
    pub c: f64,
    /// Whether sources share ways to the fault.
    pub meshed: bool,
    /// Impedances seen from the fault, ohm, with the corrections that hold there.
    pub z1_ohm: Complex64,
    pub z2_ohm: Complex64,
    /// None where no path leads to earth.
    pub z0_ohm: Option<Complex64>,
    pub faults: Vec<Fault>,
    /// Breaking and making currents by side, for breakers: see `duty`.
    #[serde(skip)]
    pub(super) sides: Vec<SideCurrents>,
}

/// What one side of a three-phase fault brings at contact parting.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SideCurrents {
    pub elements: Vec<(Element, u8)>,
    pub ik_ka: f64,
    pub ib_ka: f64,
    pub ip_ka: f64,
    /// Breaking current as a phasor, per unit at the fault.
    pub ib: Complex64,
}

/// A study's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    pub extreme: Extreme,
    pub t_min_s: f64,
    pub t_k_s: f64,
    pub buses: Vec<BusFaults>,
    /// Warnings and notes.
    pub findings: Vec<Diagnostic>,
}

/// A case that cannot be computed, with all that is wrong with it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the case has {} errors", .findings.iter().filter(|d| d.severity == network::Severity::Error).count())]
pub struct Refused {
    pub findings: Vec<Diagnostic>,
}
