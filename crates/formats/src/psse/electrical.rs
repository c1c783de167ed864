//! What a transmission transformer is electrically: per unit on the system base and the buses' base
//! voltages, whatever the codes of its record.
//!
//! With ideal taps `t_i` (per unit of the bus, angle `a_i`) at the bus sides:
//!
//! * ratio: CW 1 `t = WINDV`, 2 `t = WINDV / BASKV`, 3 `t = WINDV NOMV / BASKV`;
//! * impedance, between the taps: CZ 1 as written; 2 `Z S / SBASE`; 3 `R = W / 1e6 / SBASE`, `X = sqrt(|Z|^2 - R^2)`, then as 2. NOMV has no part in it: a tap
//!   at the nominal voltage is `NOMV / BASKV`, whose square the impedance has at the bus already;
//! * magnetising: CM 1 `G + jB` as written; 2 `G = W / 1e6 / S`, `|Y| = I SBASE / S`,
//!   `B = -sqrt(|Y|^2 - G^2)`, both times `(BASKV / NOMV)^2`;
//! * three windings: a star, `Z1 = (Z12 + Z31 - Z23) / 2` and so on round;
//! * the correction table's factor at the present ratio or angle.
//!
//! Facts from the program's data format; equations confirmed on solved cases of every code.

use network::*;
use num_complex::Complex64;

/// A leg between a bus and the far side (the other bus, or the star point).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    pub z_pu: Complex64,
    /// Ideal ratio at the bus.
    pub ratio: f64,
    pub angle_deg: f64,
}

/// A transformer of two windings: impedance, ratios at both ends, magnetising admittance at winding 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoWinding {
    pub z_pu: Complex64,
    pub ratios: [f64; 2],
    pub angle_deg: f64,
}

fn base_kv(network: &Network, transformer: &PowerTransformer, winding: usize) -> f64 {
    let bus = transformer.common.terminals.get(winding).map(|t| network.bus(t.bus));
    bus.and_then(|b| b.transmission.as_ref()).map_or(0.0, |b| b.kv_base_ll)
}

/// Ratio of a winding, per unit of its bus's base voltage.
pub fn ratio(network: &Network, transformer: &PowerTransformer, winding: usize) -> f64 {
    let Some(w) = transformer.windings.get(winding) else { return 1.0 };
    let kv = base_kv(network, transformer, winding);
    let nominal = if w.kv_nominal > 0.0 { w.kv_nominal } else { kv };
    match transformer.ratio_code {
        RatioCode::BusBase => w.ratio,
        RatioCode::Kilovolt if kv > 0.0 => w.ratio / kv,
        RatioCode::NominalVoltage if kv > 0.0 => w.ratio * nominal / kv,
        _ => w.ratio,
    }
}

fn pair(network: &Network, transformer: &PowerTransformer, index: usize) -> Complex64 {
    let s_base = network.transmission.as_ref().map_or(100.0, |c| c.s_base_mva);
    let Some(z) = transformer.impedances.get(index) else { return Complex64::ZERO };
    let own = if z.s_base_mva > 0.0 { z.s_base_mva } else { s_base };
    let to_system = s_base / own;
    match transformer.impedance_code {
        ImpedanceCode::SystemBase => Complex64::new(z.r, z.x),
        ImpedanceCode::WindingBase => Complex64::new(z.r, z.x) * to_system,
        ImpedanceCode::LossAndMagnitude => {
            let r = z.r / 1e6 / own;
            Complex64::new(r, (z.x * z.x - r * r).max(0.0).sqrt()) * to_system
        }
    }
}

/// Factor of a winding's correction table at its present ratio or angle.
fn correction(network: &Network, transformer: &PowerTransformer, winding: usize) -> Complex64 {
    let one = Complex64::new(1.0, 0.0);
    let Some(w) = transformer.windings.get(winding).filter(|w| w.correction != 0) else { return one };
    let table = network.transmission.iter().flat_map(|c| &c.corrections).find(|t| t.number == w.correction);
    let Some(table) = table else { return one };
    // A table over angles spans more than ratios do.
    let over_angle = table.points.iter().any(|(t, _)| *t <= 0.0 || *t > 3.0);
    let at = if over_angle { w.angle_deg } else { ratio(network, transformer, winding) };
    let points = &table.points;
    match points.iter().position(|(t, _)| *t >= at) {
        Some(0) => points[0].1,
        Some(i) => {
            let ((t0, f0), (t1, f1)) = (points[i - 1], points[i]);
            f0 + (f1 - f0) * ((at - t0) / (t1 - t0))
        }
        None => points.last().map_or(one, |p| p.1),
    }
}

/// Magnetising admittance at winding 1's bus, per unit.
pub fn magnetising(network: &Network, transformer: &PowerTransformer) -> Complex64 {
    let s_base = network.transmission.as_ref().map_or(100.0, |c| c.s_base_mva);
    match transformer.magnetising_code {
        MagnetisingCode::SystemBase => Complex64::new(transformer.mag1, transformer.mag2),
        MagnetisingCode::LossAndCurrent => {
            let own = transformer.impedances.first().map_or(s_base, |z| if z.s_base_mva > 0.0 { z.s_base_mva } else { s_base });
            let kv = base_kv(network, transformer, 0);
            let nominal = transformer.windings.first().map_or(0.0, |w| w.kv_nominal);
            let voltage = if kv > 0.0 && nominal > 0.0 { kv / nominal } else { 1.0 };
            let g = transformer.mag1 / 1e6 / s_base;
            let y = transformer.mag2 * own / s_base;
            Complex64::new(g, -(y * y - g * g).max(0.0).sqrt()) * (voltage * voltage)
        }
    }
}

/// A transformer of two windings.
pub fn two_winding(network: &Network, transformer: &PowerTransformer) -> TwoWinding {
    TwoWinding {
        z_pu: pair(network, transformer, 0) * correction(network, transformer, 0),
        ratios: [ratio(network, transformer, 0), ratio(network, transformer, 1)],
        angle_deg: transformer.windings.first().map_or(0.0, |w| w.angle_deg) - transformer.windings.get(1).map_or(0.0, |w| w.angle_deg),
    }
}

/// The star of a transformer of three windings, a leg a winding.
pub fn star(network: &Network, transformer: &PowerTransformer) -> [Leg; 3] {
    let mut pairs = [0, 1, 2].map(|i| pair(network, transformer, i));
    let factors = [0, 1, 2].map(|w| correction(network, transformer, w));
    if transformer.correct_pairs {
        pairs = [0, 1, 2].map(|i| pairs[i] * factors[i]);
    }
    let [z12, z23, z31] = pairs;
    let z = [(z12 + z31 - z23) / 2.0, (z12 + z23 - z31) / 2.0, (z23 + z31 - z12) / 2.0];
    [0, 1, 2].map(|w| Leg {
        z_pu: if transformer.correct_pairs { z[w] } else { z[w] * factors[w] },
        ratio: ratio(network, transformer, w),
        angle_deg: transformer.windings.get(w).map_or(0.0, |w| w.angle_deg),
    })
}
