//! What a line is made of: conductors, cable sheaths, and the earth below.

use serde::{Deserialize, Serialize};

/// One conductor at its place in the cross section of a line. Phase conductors come first in a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conductor {
    /// Resistance to direct current, ohm per metre. The Deri model derives the resistance at frequency from it.
    pub r_dc_ohm_per_m: f64,
    /// Resistance to alternating current, ohm per metre; used by both Carson models.
    pub r_ac_ohm_per_m: f64,
    /// Geometric mean radius, metre; used between 40 Hz and 1 kHz.
    pub gmr_m: f64,
    /// Outer radius, metre; used outside 40 Hz to 1 kHz, and to find overlapping conductors.
    pub radius_m: f64,
    /// Radius for the capacitance, metre; `None` is `radius_m`. A bundle replaced by one conductor has a larger one.
    pub cap_radius_m: Option<f64>,
    /// Horizontal position, metre.
    pub x_m: f64,
    /// Height above ground, metre; negative below ground (cables only).
    pub y_m: f64,
    /// What surrounds the conductor.
    pub sheath: Sheath,
}

impl Conductor {
    /// A bare round wire known by its GMR and resistance only: radius `gmr / 0.7788`, alternating-current resistance 1.02 times
    /// the one to direct current.
    #[must_use]
    pub fn round_wire(r_dc_ohm_per_m: f64, gmr_m: f64, x_m: f64, y_m: f64) -> Self {
        Self {
            r_dc_ohm_per_m,
            r_ac_ohm_per_m: 1.02 * r_dc_ohm_per_m,
            gmr_m,
            radius_m: gmr_m / 0.7788,
            cap_radius_m: None,
            x_m,
            y_m,
            sheath: Sheath::Bare,
        }
    }
}

/// What surrounds a conductor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Sheath {
    /// Nothing: a bare wire.
    Bare,
    /// Insulation and a concentric neutral of round strands.
    ConcentricNeutral(ConcentricNeutral),
    /// Insulation and an overlapping tape shield.
    TapeShield(TapeShield),
}

/// The insulation of a cable, between two screens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Insulation {
    /// Relative permittivity (2.3 for the usual polyethylene).
    pub relative_permittivity: f64,
    /// Thickness of the insulation, metre.
    pub layer_m: f64,
    /// Diameter over the insulation, metre.
    pub diameter_m: f64,
}

/// Concentric neutral of a cable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConcentricNeutral {
    /// The insulation below the neutral.
    pub insulation: Insulation,
    /// Diameter over the cable, to the outside of the strands, metre.
    pub cable_diameter_m: f64,
    /// Number of strands, at least 2.
    pub strands: u32,
    /// Diameter of one strand, metre.
    pub strand_diameter_m: f64,
    /// Geometric mean radius of one strand, metre.
    pub strand_gmr_m: f64,
    /// Resistance of one strand, ohm per metre.
    pub strand_r_ohm_per_m: f64,
}

/// Copper tape shield of a cable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TapeShield {
    /// The insulation below the shield.
    pub insulation: Insulation,
    /// Diameter over the shield, metre.
    pub shield_diameter_m: f64,
    /// Thickness of the tape, metre.
    pub tape_layer_m: f64,
    /// Overlap of the tape, percent of its width, below 100.
    pub tape_lap_pct: f64,
    /// Diameter over the cable, metre; used only to find overlapping conductors.
    pub cable_diameter_m: f64,
}

/// Model of the return through the earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum EarthModel {
    /// Carson's formula cut to its first terms: the same earth term for all conductors.
    Carson,
    /// Carson's series up to the fourth power of the distance.
    FullCarson,
    /// Complex depth of Deri and others, with the skin effect inside the conductors. The default of OpenDSS.
    #[default]
    Deri,
}

/// Whose numbers to reproduce where engines differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Compatibility {
    /// OpenDSS 9 and DSS C-API 0.14.
    #[default]
    Classic,
    /// EPRI's OpenDSS 10.1: another constant in [`EarthModel::Carson`], and concentric neutrals without semiconducting layer.
    Epri10,
}

/// Surroundings and choices of a calculation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Frequency, hertz.
    pub frequency_hz: f64,
    /// Resistivity of the earth, ohm metre.
    pub rho_ohm_m: f64,
    /// Model of the return through the earth.
    pub earth_model: EarthModel,
    /// Whose numbers to reproduce.
    pub compatibility: Compatibility,
}

impl Default for Settings {
    /// 60 Hz, 100 ohm metre, Deri, classic.
    fn default() -> Self {
        Self { frequency_hz: 60.0, rho_ohm_m: 100.0, earth_model: EarthModel::Deri, compatibility: Compatibility::Classic }
    }
}
