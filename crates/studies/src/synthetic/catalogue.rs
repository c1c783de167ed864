//! What lines and transformers of the utility are made of.
//!
//! Overhead impedances come from Carson's equations as Kersting shortens them (60 Hz, 100 ohm m), in ohm
//! per mile, with the neutral eliminated:
//!
//! ```text
//! z_ii = r_i + 0.09530 + j 0.12134 (ln(1 / GMR_i) + 7.93402)      GMR in feet
//! z_ij =       0.09530 + j 0.12134 (ln(1 / D_ij)  + 7.93402)      D in feet
//! z    = z_pp - z_pn z_np / z_nn
//! ```
//!
//! Conductor data are those of Kersting, *Distribution System Modeling and Analysis*, appendix A; the pole
//! head is that of the IEEE test feeders' spacing 500 (three phases 2.5 and 4.5 ft apart on a crossarm,
//! neutral 4 ft below). Capacitances are the usual 10 nF/km of positive and 4 nF/km of zero sequence of
//! such lines. Cables have the impedances of a 15 kV concentric-neutral cable of aluminium 250 kcmil
//! (three phases) and a tape-shielded one of 1/0 (one phase), configurations 606 and 607 of the IEEE
//! 13-node feeder. Triplex drops: two insulated conductors twisted with a bare neutral, by the same
//! equations.

use super::maths::{ln, round_to};
use network::{LengthUnit, LineCode, LineCodeData, Rating, Reliability};
use num_complex::Complex64;

const KM_PER_MILE: f64 = 1.609344;

/// A bare or covered conductor.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    pub name: &'static str,
    pub r_ohm_per_mile: f64,
    pub gmr_ft: f64,
    pub rating_a: f64,
}

/// Overhead primary conductors, thin to thick.
pub const PRIMARY: [Wire; 6] = [
    Wire { name: "acsr_4", r_ohm_per_mile: 2.57, gmr_ft: 0.00437, rating_a: 140.0 },
    Wire { name: "acsr_2", r_ohm_per_mile: 1.69, gmr_ft: 0.00418, rating_a: 180.0 },
    Wire { name: "acsr_1_0", r_ohm_per_mile: 1.12, gmr_ft: 0.00446, rating_a: 230.0 },
    Wire { name: "acsr_4_0", r_ohm_per_mile: 0.592, gmr_ft: 0.00814, rating_a: 340.0 },
    Wire { name: "acsr_336", r_ohm_per_mile: 0.306, gmr_ft: 0.0244, rating_a: 530.0 },
    Wire { name: "acsr_556", r_ohm_per_mile: 0.1859, gmr_ft: 0.0313, rating_a: 730.0 },
];

/// Triplex drops, thin to thick, with the conductor's diameter and insulation in inches.
pub const TRIPLEX: [(Wire, f64, f64); 4] = [
    (Wire { name: "triplex_2", r_ohm_per_mile: 1.541, gmr_ft: 0.0088, rating_a: 120.0 }, 0.292, 0.045),
    (Wire { name: "triplex_1_0", r_ohm_per_mile: 0.97, gmr_ft: 0.0111, rating_a: 165.0 }, 0.368, 0.06),
    (Wire { name: "triplex_4_0", r_ohm_per_mile: 0.484, gmr_ft: 0.0158, rating_a: 250.0 }, 0.522, 0.06),
    (Wire { name: "triplex_350", r_ohm_per_mile: 0.294, gmr_ft: 0.0214, rating_a: 340.0 }, 0.681, 0.08),
];

/// Ratings of one-phase service transformers, kVA.
pub const ONE_PHASE_KVA: [f64; 8] = [10.0, 15.0, 25.0, 37.5, 50.0, 75.0, 100.0, 167.0];
/// Ratings of three-phase service transformers, kVA.
pub const THREE_PHASE_KVA: [f64; 11] = [30.0, 45.0, 75.0, 112.5, 150.0, 225.0, 300.0, 500.0, 750.0, 1000.0, 1500.0];
/// Ratings of substation transformers, kVA.
pub const SUBSTATION_KVA: [f64; 7] = [2500.0, 3750.0, 5000.0, 7500.0, 10000.0, 15000.0, 20000.0];
/// Ratings of capacitor banks, kvar.
pub const CAPACITOR_KVAR: [f64; 6] = [150.0, 300.0, 450.0, 600.0, 900.0, 1200.0];

/// The smallest of ascending ratings that reaches `needed`, or the largest there is.
pub fn rating_for(ratings: &[f64], needed: f64) -> f64 {
    ratings.iter().copied().find(|&r| r >= needed).unwrap_or(ratings[ratings.len() - 1])
}

fn own(r_ohm_per_mile: f64, gmr_ft: f64) -> Complex64 {
    Complex64::new(r_ohm_per_mile + 0.0953, 0.12134 * (ln(1.0 / gmr_ft) + 7.93402))
}

fn mutual(distance_ft: f64) -> Complex64 {
    Complex64::new(0.0953, 0.12134 * (ln(1.0 / distance_ft) + 7.93402))
}

/// Phase impedances per km with the neutral eliminated: `phases` wires at these positions (ft), neutral at its own.
fn reduced(phase: &Wire, at: &[(f64, f64)], neutral: &Wire, neutral_at: (f64, f64)) -> Vec<Complex64> {
    let n = at.len();
    let distance = |a: (f64, f64), b: (f64, f64)| ((a.0 - b.0) * (a.0 - b.0) + (a.1 - b.1) * (a.1 - b.1)).sqrt();
    let z_nn = own(neutral.r_ohm_per_mile, neutral.gmr_ft);
    let to_neutral: Vec<Complex64> = at.iter().map(|&p| mutual(distance(p, neutral_at))).collect();
    let mut z = Vec::with_capacity(n * n);
    for i in 0..n {
        for j in 0..n {
            let z_ij = if i == j { own(phase.r_ohm_per_mile, phase.gmr_ft) } else { mutual(distance(at[i], at[j])) };
            let kron = (z_ij - to_neutral[i] * to_neutral[j] / z_nn) / KM_PER_MILE;
            z.push(Complex64::new(round_to(kron.re, 6), round_to(kron.im, 6)));
        }
    }
    z
}

fn code(name: String, n_phases: usize, z_ohm: Vec<Complex64>, c_nf: Vec<f64>, rating_a: f64, line_type: &str) -> LineCode {
    LineCode {
        name,
        n_phases,
        unit: LengthUnit::Kilometre,
        base_frequency_hz: 60.0,
        data: LineCodeData::Matrix { z_ohm, c_nf },
        rating: Rating { normal_a: rating_a, emergency_a: round_to(1.25 * rating_a, 1), seasonal_a: Vec::new() },
        reliability: Reliability { fault_rate: 0.1, permanent_pct: 20.0, repair_h: 3.0 },
        earth_r_ohm: 0.01805,
        earth_x_ohm: 0.155081,
        rho_ohm_m: 100.0,
        neutral: n_phases,
        line_type: line_type.to_owned(),
    }
}

fn square(n: usize, diagonal: f64, other: f64) -> Vec<f64> {
    (0..n * n).map(|i| if i / n == i % n { diagonal } else { other }).collect()
}

/// Name of the line code of an overhead line.
pub fn overhead_name(wire: usize, n_phases: usize) -> String {
    format!("oh{n_phases}_{}", PRIMARY[wire].name)
}

/// Name of the line code of a primary cable: of three phases or of one.
pub fn cable_name(n_phases: usize) -> String {
    format!("ug{n_phases}")
}

/// All line codes of the utility.
pub fn line_codes() -> Vec<LineCode> {
    let mut codes = Vec::new();
    // Positions across and up, ft: two on the crossarm's one side, one on its other.
    let head = [(0.0, 28.0), (2.5, 28.0), (7.0, 28.0)];
    for (w, wire) in PRIMARY.iter().enumerate() {
        // The neutral is a size or two thinner on heavy lines.
        let neutral = &PRIMARY[match w {
            5 => 3,
            4 => 3,
            3 => 2,
            w => w,
        }];
        for n in 1..=3usize {
            let at: &[(f64, f64)] = match n {
                1 => &[(0.5, 29.0)],
                2 => &[head[0], head[2]],
                _ => &head,
            };
            let z = reduced(wire, at, neutral, (4.0, 24.0));
            let c = match n {
                1 => vec![7.5],
                2 => square(2, 8.0, -1.5),
                _ => square(3, 8.0, -2.0),
            };
            codes.push(code(overhead_name(w, n), n, z, c, wire.rating_a, "oh"));
        }
    }
    let per_km = |r: f64, x: f64| Complex64::new(round_to(r / KM_PER_MILE, 6), round_to(x / KM_PER_MILE, 6));
    let (d, e, m, k) = (per_km(0.7982, 0.4463), per_km(0.7891, 0.4041), per_km(0.3192, 0.0328), per_km(0.2849, -0.0143));
    // 96.8979 and 88.9912 µS a mile at 60 Hz.
    let nf = |us_per_mile: f64| round_to(us_per_mile * 1000.0 / (std::f64::consts::TAU * 60.0) / KM_PER_MILE, 3);
    codes.push(code(cable_name(3), 3, vec![d, m, k, m, e, m, k, m, d], square(3, nf(96.8979), 0.0), 260.0, "ug"));
    codes.push(code(cable_name(1), 1, vec![per_km(1.3425, 0.5124)], vec![nf(88.9912)], 165.0, "ug"));
    for (wire, diameter_in, insulation_in) in &TRIPLEX {
        let apart = (diameter_in + 2.0 * insulation_in) / 12.0;
        let to_neutral = (diameter_in + insulation_in) / 12.0;
        // The neutral lies in the groove between the two.
        let depth = (to_neutral * to_neutral - apart * apart / 4.0).sqrt();
        let z = reduced(wire, &[(0.0, 0.0), (apart, 0.0)], wire, (apart / 2.0, -depth));
        codes.push(code(wire.name.to_owned(), 2, z, square(2, 10.0, -8.0), wire.rating_a, "oh"));
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impedances_are_those_of_published_lines() {
        let codes = line_codes();
        // Configuration of the IEEE 4-node feeder: 336.4 ACSR with a 4/0 neutral; 0.4576+j1.0780 ohm a mile of its own.
        let line = codes.iter().find(|c| c.name == "oh3_acsr_336").unwrap();
        let LineCodeData::Matrix { z_ohm, .. } = &line.data else { panic!("matrix") };
        assert!((z_ohm[0] * KM_PER_MILE - Complex64::new(0.4576, 1.0780)).norm() < 2e-3, "{}", z_ohm[0] * KM_PER_MILE);
        assert!((z_ohm[1] * KM_PER_MILE - Complex64::new(0.1560, 0.5017)).norm() < 2e-3, "{}", z_ohm[1] * KM_PER_MILE);
        let triplex = codes.iter().find(|c| c.name == "triplex_1_0").unwrap();
        let LineCodeData::Matrix { z_ohm, .. } = &triplex.data else { panic!("matrix") };
        // Kersting, example 11.1: 1/0 triplex, 1.5304+j0.6132 and 0.5574+j0.4461 ohm a mile.
        assert!((z_ohm[0] * KM_PER_MILE - Complex64::new(1.5304, 0.6132)).norm() < 0.02, "{}", z_ohm[0] * KM_PER_MILE);
        assert!((z_ohm[1] * KM_PER_MILE - Complex64::new(0.5574, 0.4461)).norm() < 0.02, "{}", z_ohm[1] * KM_PER_MILE);
    }

    #[test]
    fn ratings_are_chosen_upwards() {
        assert_eq!(rating_for(&ONE_PHASE_KVA, 25.0), 25.0);
        assert_eq!(rating_for(&ONE_PHASE_KVA, 25.1), 37.5);
        assert_eq!(rating_for(&ONE_PHASE_KVA, 1e6), 167.0);
    }
}
