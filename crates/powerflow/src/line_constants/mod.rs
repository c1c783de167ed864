//! Line constants: series impedance and shunt admittance of a line from its conductors and their places.
//!
//! # Overhead lines
//! For conductors `i`, `j` at distance `D_ij`, with `Ze` the earth return and `Zi` the inside of the conductor (see `earth`),
//!
//! * `Z_ii = Zi + jωμ0/2π · ln(1/GMR_i) + Ze_ii`, where the reactance of `Zi` is dropped, because the GMR holds it. That is
//!   for 40 Hz < f < 1 kHz; outside, `Zi` is whole and the radius stands in for the GMR;
//! * `Z_ij = jωμ0/2π · ln(1/D_ij) + Ze_ij`.
//!
//! The shunt admittance is the inverse of Maxwell's potential coefficients over perfect earth, `D'_ij` being the distance to the image:
//! `Y = P⁻¹`, `P_ii = -j/(2π e0 ω) · ln(2 y_i / r_i)`, `P_ij = -j/(2π e0 ω) · ln(D'_ij / D_ij)`.
//!
//! # Cables
//! A line with a sheathed conductor is a cable line. Every phase has a sheath, which is one more conductor at the place of its core and is
//! reduced out at once, as both its ends are grounded. For a concentric neutral of `k` strands at radius `R` around the core
//! (W. H. Kersting, *Distribution System Modeling and Analysis*, ch. 4): resistance `r_strand / k`,
//! `GMR = (GMR_strand · k · R^(k-1))^(1/k)`, distance `R` to its own core, `(D^k - R^k)^(1/k)` to any other core or bare neutral, and
//! `D` to another sheath. For a tape shield: resistance `0.3183 ρ / (d t √(50/(100 - lap)))` with `ρ = 2.3718e-8` ohm metre for copper tape,
//! GMR and distance to its own core `(d - t)/2`, and `D` to all others.
//!
//! The capacitance of a cable is that of its insulation only, `Y_ii = jω 2π e0 e_r / ln(r_out/r_in)`; there is none between phases,
//! and bare neutrals have none. Without semiconducting layer (`Epri10`) the denominator is `ln(R/r_in) - ln(k r_strand/R)/k`.
//!
//! # Neutrals
//! [`LineConstants::reduced`] grounds all but the first conductors: Kron reduction of `Z`, leading block of `Y`.
//!
//! Method and constants are those of OpenDSS (classes LineConstants, CNLineConstants and TSLineConstants).

mod conductor;
mod earth;

pub use conductor::{Compatibility, ConcentricNeutral, Conductor, EarthModel, Insulation, Settings, Sheath, TapeShield};

use num_complex::Complex64;
use thiserror::Error;

use crate::dense::{CMatrix, DenseError};
use earth::{E0, MU0, TWO_PI, earth_impedance, internal_impedance};

/// Resistivity of a copper tape shield, ohm metre.
const RHO_TAPE_SHIELD_OHM_M: f64 = 2.3718e-8;
/// One over pi, to the four digits of the published formula for the resistance of a tape shield.
#[allow(clippy::approx_constant)]
const TAPE_SHIELD_FACTOR: f64 = 0.3183;

/// Why the constants of a line cannot be computed. Conductors are counted from 0.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum LineConstantsError {
    /// No phases, or more phases than conductors.
    #[error("{n_phases} phases do not fit {n_conductors} conductors")]
    PhaseCount {
        /// Phases asked for.
        n_phases: usize,
        /// Conductors given.
        n_conductors: usize,
    },
    /// A quantity of a conductor is out of its range.
    #[error("conductor {conductor}: {quantity} must be {expected}, found {found}")]
    Quantity {
        /// 0-based index of the conductor.
        conductor: usize,
        /// Name of the field, with its unit.
        quantity: &'static str,
        /// The range in words.
        expected: &'static str,
        /// The value found.
        found: f64,
    },
    /// Frequency or earth resistivity is not a positive number.
    #[error("{quantity} must be positive, found {found}")]
    Setting {
        /// Name of the field, with its unit.
        quantity: &'static str,
        /// The value found.
        found: f64,
    },
    /// A conductor of an overhead line is at ground level or below.
    #[error("conductor {conductor}: height above ground must be positive, found {y_m} m")]
    NotAboveGround {
        /// 0-based index of the conductor.
        conductor: usize,
        /// Its height, metre.
        y_m: f64,
    },
    /// Two conductors overlap.
    #[error("conductors {first} and {second} occupy the same space: {distance_m} m apart, radii add to {radii_m} m")]
    SameSpace {
        /// 0-based index of the one.
        first: usize,
        /// 0-based index of the other.
        second: usize,
        /// Distance of their axes, metre.
        distance_m: f64,
        /// Sum of their radii, metre.
        radii_m: f64,
    },
    /// A phase conductor is bare in a line that has cables.
    #[error("conductor {conductor} is a bare phase conductor among cables")]
    BarePhaseAmongCables {
        /// 0-based index of the conductor.
        conductor: usize,
    },
    /// The matrix of potential coefficients or of impedances cannot be inverted or reduced.
    #[error("line matrix: {0}")]
    Matrix(#[from] DenseError),
}

/// Impedance and admittance of a metre of line.
#[derive(Debug, Clone, PartialEq)]
pub struct LineConstants {
    /// Series impedance, conductors x conductors, ohm per metre.
    pub z_ohm_per_m: CMatrix,
    /// Shunt admittance, conductors x conductors, siemens per metre.
    pub y_siemens_per_m: CMatrix,
    /// Frequency of both, hertz.
    pub frequency_hz: f64,
}

impl LineConstants {
    /// The same line with all conductors after the first `n_kept` grounded and reduced out.
    ///
    /// # Errors
    /// `Matrix` when `n_kept` exceeds the conductors, or when a conductor to reduce has no impedance.
    pub fn reduced(&self, n_kept: usize) -> Result<Self, LineConstantsError> {
        let z_ohm_per_m = self.z_ohm_per_m.kron_to(n_kept)?;
        Ok(Self { z_ohm_per_m, y_siemens_per_m: self.y_siemens_per_m.leading(n_kept), frequency_hz: self.frequency_hz })
    }

    /// Shunt capacitance, farad per metre.
    #[must_use]
    pub fn c_farad_per_m(&self, i: usize, j: usize) -> f64 {
        self.y_siemens_per_m[(i, j)].im / (TWO_PI * self.frequency_hz)
    }
}

/// Computes the constants of a line with all its conductors; cable sheaths are already reduced out.
///
/// # Inputs
/// * `conductors` - the cross section, phases first.
/// * `n_phases` - how many of them are phases; decides which conductors of a cable line have sheaths.
/// * `settings` - frequency, earth, and whose numbers to reproduce.
///
/// # Returns
/// Matrices of the order of `conductors`; see [`LineConstants::reduced`] for phases only.
///
/// # Errors
/// [`LineConstantsError`], naming the conductor at fault.
pub fn line_constants(conductors: &[Conductor], n_phases: usize, settings: &Settings) -> Result<LineConstants, LineConstantsError> {
    check_settings(settings)?;
    if n_phases == 0 || n_phases > conductors.len() {
        return Err(LineConstantsError::PhaseCount { n_phases, n_conductors: conductors.len() });
    }
    let is_cable = conductors.iter().any(|c| c.sheath != Sheath::Bare);
    check_conductors(conductors, n_phases, is_cable, settings)?;
    check_places(conductors, n_phases, is_cable)?;

    let (z_ohm_per_m, y_siemens_per_m) = if is_cable {
        let sheaths =
            conductors[..n_phases].iter().enumerate().map(|(i, c)| SheathConductor::new(i, c, settings)).collect::<Result<Vec<_>, _>>()?;
        (cable_impedance(conductors, &sheaths, settings)?, cable_admittance(conductors.len(), &sheaths, settings))
    } else {
        (bare_impedance(conductors, settings, conductors.len()), overhead_admittance(conductors, settings)?)
    };
    Ok(LineConstants { z_ohm_per_m, y_siemens_per_m, frequency_hz: settings.frequency_hz })
}

/// Impedances among the conductors proper, in the upper left corner of a matrix of order `order`.
fn bare_impedance(conductors: &[Conductor], settings: &Settings, order: usize) -> CMatrix {
    let per_log = log_factor(settings);
    let uses_gmr = settings.frequency_hz > 40.0 && settings.frequency_hz < 1000.0;
    let mut z = CMatrix::square(order);
    for (i, a) in conductors.iter().enumerate() {
        let mut inside = internal_impedance(a, settings);
        let own_radius_m = if uses_gmr {
            inside.im = 0.0;
            a.gmr_m
        } else {
            a.radius_m
        };
        z[(i, i)] = inside + per_log * (1.0 / own_radius_m).ln() + earth_impedance(a, a, true, settings);
        for (j, b) in conductors.iter().enumerate().take(i) {
            let mutual = per_log * (1.0 / distance_m(a, b)).ln() + earth_impedance(a, b, false, settings);
            z.set_symmetric(i, j, mutual);
        }
    }
    z
}

fn overhead_admittance(conductors: &[Conductor], settings: &Settings) -> Result<CMatrix, LineConstantsError> {
    let potential_factor = -1.0 / TWO_PI / E0 / (TWO_PI * settings.frequency_hz);
    let mut potential = CMatrix::square(conductors.len());
    for (i, a) in conductors.iter().enumerate() {
        let radius_m = a.cap_radius_m.unwrap_or(a.radius_m);
        potential[(i, i)] = Complex64::new(0.0, potential_factor * (2.0 * a.y_m / radius_m).ln());
        for (j, b) in conductors.iter().enumerate().take(i) {
            let image_m = (a.x_m - b.x_m).hypot(a.y_m + b.y_m);
            let mutual = potential_factor * (image_m / distance_m(a, b)).ln();
            potential.set_symmetric(i, j, Complex64::new(0.0, mutual));
        }
    }
    Ok(potential.inverse()?)
}

/// The sheath of one phase as a conductor of its own.
struct SheathConductor {
    r_ohm_per_m: f64,
    gmr_m: f64,
    /// Distance to its own core.
    radius_m: f64,
    /// Strands of a concentric neutral; `None` for a tape shield.
    strands: Option<f64>,
    /// `2π e0 e_r / ln(…)` of the insulation, farad per metre.
    c_farad_per_m: f64,
}

impl SheathConductor {
    fn new(index: usize, core: &Conductor, settings: &Settings) -> Result<Self, LineConstantsError> {
        match &core.sheath {
            Sheath::Bare => Err(LineConstantsError::BarePhaseAmongCables { conductor: index }),
            Sheath::ConcentricNeutral(neutral) => {
                let strands = f64::from(neutral.strands);
                let radius_m = 0.5 * (neutral.cable_diameter_m - neutral.strand_diameter_m);
                let gmr_m = (neutral.strand_gmr_m * strands * radius_m.powf(strands - 1.0)).powf(1.0 / strands);
                let (inner_m, outer_m) = insulation_radii(&neutral.insulation);
                let log = match settings.compatibility {
                    Compatibility::Classic => (outer_m / inner_m).ln(),
                    Compatibility::Epri10 => {
                        let strand_radius_m = 0.5 * neutral.strand_diameter_m;
                        (radius_m / inner_m).ln() - (strands * strand_radius_m / radius_m).ln() / strands
                    }
                };
                Ok(Self {
                    r_ohm_per_m: neutral.strand_r_ohm_per_m / strands,
                    gmr_m,
                    radius_m,
                    strands: Some(strands),
                    c_farad_per_m: TWO_PI * E0 * neutral.insulation.relative_permittivity / log,
                })
            }
            Sheath::TapeShield(shield) => {
                let lap = (50.0 / (100.0 - shield.tape_lap_pct)).sqrt();
                let section = shield.shield_diameter_m * shield.tape_layer_m * lap;
                let radius_m = 0.5 * (shield.shield_diameter_m - shield.tape_layer_m);
                let (inner_m, outer_m) = insulation_radii(&shield.insulation);
                Ok(Self {
                    r_ohm_per_m: TAPE_SHIELD_FACTOR * RHO_TAPE_SHIELD_OHM_M / section,
                    gmr_m: radius_m,
                    radius_m,
                    strands: None,
                    c_farad_per_m: TWO_PI * E0 * shield.insulation.relative_permittivity / (outer_m / inner_m).ln(),
                })
            }
        }
    }

    /// Mean distance of the sheath to another core or bare neutral whose axis is `axis_distance_m` away.
    fn distance_to_other_m(&self, axis_distance_m: f64) -> f64 {
        match self.strands {
            Some(k) => (axis_distance_m.powf(k) - self.radius_m.powf(k)).powf(1.0 / k),
            None => axis_distance_m,
        }
    }
}

fn cable_impedance(conductors: &[Conductor], sheaths: &[SheathConductor], settings: &Settings) -> Result<CMatrix, LineConstantsError> {
    let n = conductors.len();
    let per_log = log_factor(settings);
    let mut z = bare_impedance(conductors, settings, n + sheaths.len());
    for (i, sheath) in sheaths.iter().enumerate() {
        let place = &conductors[i];
        let row = n + i;
        z[(row, row)] =
            Complex64::new(sheath.r_ohm_per_m, 0.0) + per_log * (1.0 / sheath.gmr_m).ln() + earth_impedance(place, place, true, settings);
        for (j, other) in conductors[..i].iter().enumerate() {
            let mutual = per_log * (1.0 / distance_m(place, other)).ln() + earth_impedance(place, other, false, settings);
            z.set_symmetric(row, n + j, mutual);
        }
        for (j, other) in conductors.iter().enumerate() {
            let mean_m = if i == j {
                sheath.radius_m
            } else {
                let axes_m = distance_m(place, other);
                let mean_m = sheath.distance_to_other_m(axes_m);
                if mean_m.is_nan() || mean_m <= 0.0 {
                    return Err(LineConstantsError::SameSpace { first: i, second: j, distance_m: axes_m, radii_m: sheath.radius_m });
                }
                mean_m
            };
            let mutual = per_log * (1.0 / mean_m).ln() + earth_impedance(place, other, i == j, settings);
            z.set_symmetric(row, j, mutual);
        }
    }
    Ok(z.kron_to(n)?)
}

fn cable_admittance(n_conductors: usize, sheaths: &[SheathConductor], settings: &Settings) -> CMatrix {
    let omega = TWO_PI * settings.frequency_hz;
    let mut y = CMatrix::square(n_conductors);
    for (i, sheath) in sheaths.iter().enumerate() {
        y[(i, i)] = Complex64::new(0.0, omega * sheath.c_farad_per_m);
    }
    y
}

/// `jωμ0/2π`, ohm per metre and unit of the logarithm.
fn log_factor(settings: &Settings) -> Complex64 {
    let omega = TWO_PI * settings.frequency_hz;
    Complex64::new(0.0, omega * MU0 / TWO_PI)
}

fn distance_m(a: &Conductor, b: &Conductor) -> f64 {
    (a.x_m - b.x_m).hypot(a.y_m - b.y_m)
}

/// Inner and outer radius of the insulation, metre.
fn insulation_radii(insulation: &Insulation) -> (f64, f64) {
    let outer_m = 0.5 * insulation.diameter_m;
    (outer_m - insulation.layer_m, outer_m)
}

fn check_settings(settings: &Settings) -> Result<(), LineConstantsError> {
    let positive = [("frequency_hz", settings.frequency_hz), ("rho_ohm_m", settings.rho_ohm_m)];
    for (quantity, found) in positive {
        if !(found.is_finite() && found > 0.0) {
            return Err(LineConstantsError::Setting { quantity, found });
        }
    }
    Ok(())
}

fn check_conductors(conductors: &[Conductor], n_phases: usize, is_cable: bool, settings: &Settings) -> Result<(), LineConstantsError> {
    for (index, conductor) in conductors.iter().enumerate() {
        let check = Check { conductor: index };
        check.finite("x_m", conductor.x_m)?;
        check.finite("y_m", conductor.y_m)?;
        if settings.earth_model == EarthModel::Deri {
            check.not_negative("r_dc_ohm_per_m", conductor.r_dc_ohm_per_m)?;
        } else {
            check.finite("r_ac_ohm_per_m", conductor.r_ac_ohm_per_m)?;
        }
        check.positive("gmr_m", conductor.gmr_m)?;
        check.positive("radius_m", conductor.radius_m)?;
        if let Some(cap_radius_m) = conductor.cap_radius_m {
            check.positive("cap_radius_m", cap_radius_m)?;
        }
        if is_cable && settings.earth_model == EarthModel::FullCarson && conductor.y_m == 0.0 {
            // Carson's series starts with the logarithm of the distance to the image.
            return Err(LineConstantsError::NotAboveGround { conductor: index, y_m: conductor.y_m });
        }
        if index < n_phases {
            match &conductor.sheath {
                Sheath::Bare => {}
                Sheath::ConcentricNeutral(neutral) => check.concentric_neutral(neutral)?,
                Sheath::TapeShield(shield) => check.tape_shield(shield)?,
            }
        }
    }
    Ok(())
}

/// Overlap test. Neutral conductors of a cable line count with the radius over their sheath, phases with that of their core.
fn check_places(conductors: &[Conductor], n_phases: usize, is_cable: bool) -> Result<(), LineConstantsError> {
    let radius_m = |index: usize| {
        let conductor = &conductors[index];
        if !is_cable || index < n_phases {
            return conductor.radius_m;
        }
        match &conductor.sheath {
            Sheath::Bare => 0.0,
            Sheath::ConcentricNeutral(neutral) => 0.5 * neutral.cable_diameter_m,
            Sheath::TapeShield(shield) => 0.5 * shield.cable_diameter_m,
        }
    };
    for (first, a) in conductors.iter().enumerate() {
        if !is_cable && a.y_m <= 0.0 {
            return Err(LineConstantsError::NotAboveGround { conductor: first, y_m: a.y_m });
        }
        for (second, b) in conductors.iter().enumerate().skip(first + 1) {
            let axes_m = distance_m(a, b);
            let radii_m = radius_m(first) + radius_m(second);
            if axes_m < radii_m || axes_m == 0.0 {
                return Err(LineConstantsError::SameSpace { first, second, distance_m: axes_m, radii_m });
            }
        }
    }
    Ok(())
}

/// Range checks that name the conductor.
struct Check {
    conductor: usize,
}

impl Check {
    fn require(&self, holds: bool, quantity: &'static str, expected: &'static str, found: f64) -> Result<(), LineConstantsError> {
        if holds {
            return Ok(());
        }
        Err(LineConstantsError::Quantity { conductor: self.conductor, quantity, expected, found })
    }

    fn finite(&self, quantity: &'static str, found: f64) -> Result<(), LineConstantsError> {
        self.require(found.is_finite(), quantity, "a finite number", found)
    }

    fn positive(&self, quantity: &'static str, found: f64) -> Result<(), LineConstantsError> {
        let holds = found.is_finite() && found > 0.0;
        self.require(holds, quantity, "positive", found)
    }

    fn not_negative(&self, quantity: &'static str, found: f64) -> Result<(), LineConstantsError> {
        let holds = found.is_finite() && found >= 0.0;
        self.require(holds, quantity, "zero or positive", found)
    }

    fn insulation(&self, insulation: &Insulation) -> Result<(), LineConstantsError> {
        self.positive("relative_permittivity", insulation.relative_permittivity)?;
        self.positive("layer_m", insulation.layer_m)?;
        self.positive("diameter_m", insulation.diameter_m)?;
        let (inner_m, _) = insulation_radii(insulation);
        let expected = "less than half the diameter over the insulation";
        self.require(inner_m > 0.0, "layer_m", expected, insulation.layer_m)
    }

    fn concentric_neutral(&self, neutral: &ConcentricNeutral) -> Result<(), LineConstantsError> {
        self.insulation(&neutral.insulation)?;
        let strands = f64::from(neutral.strands);
        self.require(strands >= 2.0, "strands", "at least 2", strands)?;
        self.positive("strand_diameter_m", neutral.strand_diameter_m)?;
        self.positive("strand_gmr_m", neutral.strand_gmr_m)?;
        self.finite("strand_r_ohm_per_m", neutral.strand_r_ohm_per_m)?;
        let radius_m = 0.5 * (neutral.cable_diameter_m - neutral.strand_diameter_m);
        let expected = "more than the strand diameter";
        let found = neutral.cable_diameter_m;
        self.require(radius_m > 0.0, "cable_diameter_m", expected, found)
    }

    fn tape_shield(&self, shield: &TapeShield) -> Result<(), LineConstantsError> {
        self.insulation(&shield.insulation)?;
        self.positive("shield_diameter_m", shield.shield_diameter_m)?;
        self.positive("tape_layer_m", shield.tape_layer_m)?;
        let lap = shield.tape_lap_pct;
        self.require(lap < 100.0, "tape_lap_pct", "below 100", lap)?;
        let radius_m = 0.5 * (shield.shield_diameter_m - shield.tape_layer_m);
        let expected = "more than the thickness of the tape";
        let found = shield.shield_diameter_m;
        self.require(radius_m > 0.0, "shield_diameter_m", expected, found)
    }
}

#[cfg(test)]
mod tests;
