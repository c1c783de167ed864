//! The catalogue: what elements are made from.

use crate::{ConductorId, LengthUnit, LineSpacingId, Rating, Reliability, TransformerThermal, Winding};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// Electrical data of a kind of line, per unit of length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineCode {
    pub name: String,
    pub n_phases: usize,
    pub unit: LengthUnit,
    pub base_frequency_hz: f64,
    pub data: LineCodeData,
    pub rating: Rating,
    pub reliability: Reliability,
    pub earth_r_ohm: f64,
    pub earth_x_ohm: f64,
    pub rho_ohm_m: f64,
    /// Conductor that is the neutral, 1-based; 0 none.
    pub neutral: usize,
    pub line_type: String,
}

/// Impedance and capacitance (nF) of a line code, per its unit of length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineCodeData {
    Sequence {
        z1_ohm: Complex64,
        z0_ohm: Complex64,
        c1_nf: f64,
        c0_nf: f64,
    },
    /// Row-major, `n_phases` square.
    Matrix {
        z_ohm: Vec<Complex64>,
        c_nf: Vec<f64>,
    },
}

/// A bare wire or cable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conductor {
    pub name: String,
    pub r_dc_ohm: f64,
    pub r_ac_ohm: f64,
    /// Unit that the resistances are per.
    pub r_unit: LengthUnit,
    pub gmr: f64,
    pub gmr_unit: LengthUnit,
    pub radius: f64,
    pub radius_unit: LengthUnit,
    /// Radius for capacitance, in `radius_unit`; `radius` where negative.
    pub capacitance_radius: f64,
    pub rating: Rating,
    pub cable: Option<Cable>,
}

/// What a cable has around its core; lengths in the conductor's `radius_unit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cable {
    pub relative_permittivity: f64,
    pub insulation_thickness: f64,
    pub insulation_diameter: f64,
    pub cable_diameter: f64,
    pub shield: CableShield,
}

/// The metal around a cable's insulation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CableShield {
    /// Concentric strands. `gmr` in the conductor's `gmr_unit`, resistance per its `r_unit`.
    ConcentricNeutral { n_strands: u32, strand_diameter: f64, strand_gmr: f64, strand_r_ohm: f64 },
    /// Lapped tape.
    Tape { shield_diameter: f64, tape_thickness: f64, tape_lap_pct: f64 },
}

/// Positions on a pole or in a trench.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineSpacing {
    pub name: String,
    pub n_conductors: usize,
    pub n_phases: usize,
    pub unit: LengthUnit,
    /// Across and up; below ground negative.
    pub x: Vec<f64>,
    pub h: Vec<f64>,
}

/// Positions together with the conductors at them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineGeometry {
    pub name: String,
    pub n_conductors: usize,
    pub n_phases: usize,
    pub conductors: Vec<GeometryConductor>,
    /// Eliminate the conductors past the phases.
    pub reduce: bool,
    pub rating: Rating,
    pub spacing: Option<LineSpacingId>,
    pub line_type: String,
}

/// One position of a geometry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeometryConductor {
    pub conductor: ConductorId,
    pub x: f64,
    pub h: f64,
    pub unit: LengthUnit,
}

/// Electrical data of a kind of transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransformerCode {
    pub name: String,
    pub n_phases: usize,
    pub windings: Vec<Winding>,
    pub x_sc_pct: Vec<f64>,
    pub no_load_loss_pct: f64,
    pub load_loss_pct: f64,
    pub magnetising_pct: f64,
    pub antifloat_ppm: f64,
    pub normal_kva: f64,
    pub emergency_kva: f64,
    pub thermal: TransformerThermal,
}
