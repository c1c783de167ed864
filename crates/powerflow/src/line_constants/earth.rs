//! Impedance of the earth return, and impedance inside a conductor.
//!
//! With `D` the distance of two conductors and `D'` the distance of one to the image of the other, the series impedance of a pair is
//! `jωμ0/2π · ln(D'/D) + Zc`, where `Zc` is Carson's correction for imperfect earth. The caller adds `jωμ0/2π · ln(1/D)`; the
//! functions here give the rest, `jωμ0/2π · ln D' + Zc`, for each model:
//!
//! * **Carson, first terms.** `Zc` is cut after its logarithm, and the heights cancel:
//!   `ωμ0/8 + jωμ0/2π · ln(658.5 √(ρ/f))`, 658.5 in metres.
//! * **Carson's series** in `m = 2.8099e-3 D' √(f/ρ)` and the angle `θ` of the image (0 for the own image), as in N. Tleis, *Power
//!   Systems Modelling and Fault Analysis*, ch. 3:
//!   `Re = π/8 - b1 m cos θ + b2 m² (ln(e^c2/m) cos 2θ + θ sin 2θ) + b3 m³ cos 3θ - d4 m⁴ cos 4θ`,
//!   `Im = ½ ln(1.85138/m) + b1 m cos θ - d2 m² cos 2θ + b3 m³ cos 3θ - b4 m⁴ (ln(e^c4/m) cos 4θ + θ sin 4θ) + ½ ln D'`,
//!   both times `ωμ0/π`.
//! * **Deri** (A. Deri, G. Tevan, A. Semlyen, A. Castanheira, 1981): a mirror at the complex depth `p = 1/√(jωμ0/ρ)`, so that
//!   `D'` becomes `√((y_i + y_j + 2p)² + (x_i - x_j)²)`.
//!
//! The constants are the rounded ones of OpenDSS, since agreement to the last digits is the aim.

use num_complex::Complex64;

use super::conductor::{Compatibility, Conductor, EarthModel, Settings};

/// Permeability of vacuum, henry per metre.
pub(super) const MU0: f64 = 12.56637e-7;
/// Permittivity of vacuum, farad per metre.
pub(super) const E0: f64 = 8.854e-12;
/// Two pi, to the ten digits that OpenDSS uses here.
#[allow(clippy::approx_constant)]
pub(super) const TWO_PI: f64 = 6.283_185_307;

const CARSON_DEPTH_CLASSIC: f64 = 658.5;
const CARSON_DEPTH_EPRI10: f64 = 658.85;

/// Above this magnitude the ratio of the Bessel functions is 1.
const BESSEL_ARGUMENT_MAX: f64 = 35.0;
/// Bessel series end with the first term below this.
const BESSEL_TERM_MIN: f64 = 1e-10;
const BESSEL_TERMS_MAX: u32 = 1000;

/// `jωμ0/2π · ln D' + Zc` of two conductors, or of one with its own image when `same`, in ohm per metre.
pub(super) fn earth_impedance(a: &Conductor, b: &Conductor, same: bool, settings: &Settings) -> Complex64 {
    let omega = TWO_PI * settings.frequency_hz;
    let per_log = omega * MU0 / TWO_PI;
    let (height_a, height_b) = (a.y_m.abs(), b.y_m.abs());
    let offset = a.x_m - b.x_m;
    match settings.earth_model {
        EarthModel::Carson => {
            let depth = match settings.compatibility {
                Compatibility::Classic => CARSON_DEPTH_CLASSIC,
                Compatibility::Epri10 => CARSON_DEPTH_EPRI10,
            };
            let rho_per_hz = settings.rho_ohm_m / settings.frequency_hz;
            Complex64::new(omega * MU0 / 8.0, per_log * (depth * rho_per_hz.sqrt()).ln())
        }
        EarthModel::FullCarson => {
            let (distance, theta) = if same {
                (2.0 * height_a, 0.0)
            } else {
                let heights = height_a + height_b;
                let distance = heights.hypot(offset);
                (distance, (heights / distance).clamp(-1.0, 1.0).acos())
            };
            let correction = carson_series(distance, theta, settings);
            correction * (omega * MU0 / std::f64::consts::PI)
        }
        EarthModel::Deri => {
            let depth = Complex64::new(0.0, omega * MU0 / settings.rho_ohm_m).sqrt().inv();
            let image = if same {
                (depth + height_a) * 2.0
            } else {
                let vertical = depth * 2.0 + height_a + height_b;
                (vertical * vertical + offset * offset).sqrt()
            };
            Complex64::new(0.0, per_log) * image.ln()
        }
    }
}

/// Carson's series over `ωμ0/π`, with `½ ln D'` added.
fn carson_series(distance_m: f64, theta: f64, settings: &Settings) -> Complex64 {
    let b1 = 1.0 / (3.0 * std::f64::consts::SQRT_2);
    let b2 = 1.0 / 16.0;
    let b3 = b1 / 3.0 / 5.0;
    let b4 = b2 / 4.0 / 6.0;
    let d2 = b2 * std::f64::consts::PI / 4.0;
    let d4 = b4 * std::f64::consts::PI / 4.0;
    let c2: f64 = 1.365_931_5;
    let c4: f64 = c2 + 1.0 / 4.0 + 1.0 / 6.0;

    let m = 2.8099e-3 * distance_m * (settings.frequency_hz / settings.rho_ohm_m).sqrt();
    let (m2, m3, m4) = (m * m, m * m * m, m * m * m * m);
    let (cos1, cos2, cos3, cos4) = (theta.cos(), (2.0 * theta).cos(), (3.0 * theta).cos(), (4.0 * theta).cos());
    let re =
        std::f64::consts::FRAC_PI_8 - b1 * m * cos1 + b2 * m2 * ((c2.exp() / m).ln() * cos2 + theta * (2.0 * theta).sin()) + b3 * m3 * cos3
            - d4 * m4 * cos4;
    let im = 0.5 * (1.85138 / m).ln() + b1 * m * cos1 - d2 * m2 * cos2 + b3 * m3 * cos3
        - b4 * m4 * ((c4.exp() / m).ln() * cos4 + theta * (4.0 * theta).sin())
        + 0.5 * distance_m.ln();
    Complex64::new(re, im)
}

/// Impedance inside a conductor, ohm per metre.
///
/// Carson's models take the given resistance and the inner reactance `ωμ0/8π` of a round wire without skin effect. Deri's takes a
/// solid round wire with skin effect: with `R` the resistance to direct current and `α = (1+j) √(fμ0/R)` (which is the radius over
/// the depth of penetration), `Z = (1+j)/2 · √(R f μ0) · I0(α)/I1(α)`.
pub(super) fn internal_impedance(conductor: &Conductor, settings: &Settings) -> Complex64 {
    match settings.earth_model {
        EarthModel::Carson | EarthModel::FullCarson => {
            Complex64::new(conductor.r_ac_ohm_per_m, TWO_PI * settings.frequency_hz * MU0 / (8.0 * std::f64::consts::PI))
        }
        EarthModel::Deri => {
            let one_plus_j = Complex64::new(1.0, 1.0);
            let f_mu0 = settings.frequency_hz * MU0;
            let alpha = one_plus_j * (f_mu0 / conductor.r_dc_ohm_per_m).sqrt();
            let ratio = if alpha.norm() > BESSEL_ARGUMENT_MAX { Complex64::new(1.0, 0.0) } else { bessel_i0(alpha) / bessel_i1(alpha) };
            one_plus_j * ratio * ((conductor.r_dc_ohm_per_m * f_mu0).sqrt() / 2.0)
        }
    }
}

/// Modified Bessel function of the first kind and order 0: `Σ (z²/4)^k / k!²`.
fn bessel_i0(z: Complex64) -> Complex64 {
    bessel_series(Complex64::new(1.0, 0.0), z, 0)
}

/// Modified Bessel function of the first kind and order 1: `z/2 Σ (z²/4)^k / (k! (k+1)!)`.
fn bessel_i1(z: Complex64) -> Complex64 {
    bessel_series(z * 0.5, z, 1)
}

/// `first · Σ (z²/4)^k / (k! (k+order)!) · order!`, to the first term below `BESSEL_TERM_MIN`.
fn bessel_series(first: Complex64, z: Complex64, order: u32) -> Complex64 {
    let quarter_square = z * z * 0.25;
    let mut term = first;
    let mut sum = first;
    for k in 1..=BESSEL_TERMS_MAX {
        term = term * quarter_square / f64::from(k * (k + order));
        sum += term;
        // At least two terms, then stop where OpenDSS stops.
        if k > 1 - order && term.norm() < BESSEL_TERM_MIN {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bessel_functions_at_tabulated_arguments() {
        // Abramowitz and Stegun, table 9.8: I0(1), I1(1), I0(5) and I1(5).
        let table = [(1.0, 1.266_065_877_752_008_4, 0.565_159_103_992_485_1), (5.0, 27.239_871_823_604_44, 24.335_642_142_450_53)];
        for (x, i0, i1) in table {
            assert!((bessel_i0(x.into()).re - i0).abs() < 1e-10);
            assert!((bessel_i1(x.into()).re - i1).abs() < 1e-10);
        }
        // On the imaginary axis they are the oscillating functions: I0(jx) = J0(x), I1(jx) = j J1(x), at x = 2.
        let at = Complex64::new(0.0, 2.0);
        assert!((bessel_i0(at) - 0.223_890_779_141_235_67).norm() < 1e-10);
        assert!((bessel_i1(at) - Complex64::new(0.0, 0.576_724_807_756_873_4)).norm() < 1e-10);
    }

    #[test]
    fn skin_effect_vanishes_at_low_frequency() {
        let wire = Conductor::round_wire(1e-4, 0.005, 0.0, 10.0);
        let settings = Settings { frequency_hz: 0.1, ..Settings::default() };
        let z = internal_impedance(&wire, &settings);
        assert!((z.re - 1e-4).abs() < 1e-10);
        let x_round_wire = TWO_PI * 0.1 * MU0 / (8.0 * std::f64::consts::PI);
        assert!((z.im - x_round_wire).abs() < 1e-6 * x_round_wire);
    }

    #[test]
    fn the_three_models_agree_close_to_the_ground() {
        // All three tend to the same value when the heights are small against the depth of penetration.
        let wire = Conductor::round_wire(1e-4, 0.005, 0.0, 0.1);
        let z = |earth_model| earth_impedance(&wire, &wire, true, &Settings { earth_model, ..Settings::default() });
        let (carson, full, deri) = (z(EarthModel::Carson), z(EarthModel::FullCarson), z(EarthModel::Deri));
        assert!((carson - full).norm() < 1e-3 * carson.norm());
        assert!((carson - deri).norm() < 0.03 * carson.norm());
    }
}
