//! An induction machine in the steady state: what it draws at a voltage and a power at its shaft or terminals.
//!
//! ```text
//!  o── Ra + jXa ──┬── jX3 ──┬── R1/s + jX1 ──┐
//!                jXm        └── R2/s + jX2 ──┤
//!  o──────────────┴──────────────────────────┘
//! ```
//!
//! per unit on the machine's base power and rated voltage; the second cage is absent where its data say so. At slip `s` the impedance gives the
//! current, the power through the gap is that of the rotor's resistances over the slip, and the shaft takes `(1 - s)` of it. The slip is the one
//! nearest synchronism at which the machine has the power asked for; beyond the greatest power it can have there is none: it stalls.

use network::PowerMotor;
use num_complex::Complex64;

/// A cage of this resistance or reactance and more is none (the default of the data format).
const NO_CAGE: f64 = 999.0;

/// What a motor draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MotorState {
    pub p_mw: f64,
    pub q_mvar: f64,
    pub slip: f64,
}

/// Whether the data have a rotor: a machine that names a standard design instead leaves its circuit to tables that cases do not hold.
pub fn has_circuit(m: &PowerMotor) -> bool {
    m.r_1_pu > 0.0 && m.r_1_pu < NO_CAGE && m.x_1_pu < NO_CAGE || m.r_2_pu > 0.0 && m.r_2_pu < NO_CAGE && m.x_2_pu < NO_CAGE
}

/// The machine's impedance per unit, and the part of its power that crosses the gap.
fn impedance(m: &PowerMotor, s: f64) -> (Complex64, f64) {
    let cage = |r: f64, x: f64| Complex64::new(r / s, x);
    let is_there = |r: f64, x: f64| r > 0.0 && r < NO_CAGE && x < NO_CAGE;
    let cages = [(m.r_1_pu, m.x_1_pu), (m.r_2_pu, m.x_2_pu)];
    let admittance: Complex64 = cages.iter().filter(|c| is_there(c.0, c.1)).map(|c| cage(c.0, c.1).inv()).sum();
    let rotor = Complex64::new(0.0, m.x_3_pu) + admittance.inv();
    let gap = if m.x_m_pu > 0.0 { (rotor.inv() + Complex64::new(0.0, m.x_m_pu).inv()).inv() } else { rotor };
    let z = Complex64::new(m.r_a_pu, m.x_a_pu) + gap;
    (z, gap.re / z.re)
}

/// Electrical power drawn and power at the shaft, per unit at voltage 1.
fn powers(m: &PowerMotor, s: f64) -> (Complex64, f64) {
    let (z, gap) = impedance(m, s);
    let power = z.conj().inv();
    (power, power.re * gap * (1.0 - s))
}

/// Finds the slip and what is drawn at `v_pu` of a bus with base `kv_bus` (line to line).
///
/// # Errors
/// A sentence that says why there is no operating point: no data, or a stall.
pub fn operate(m: &PowerMotor, v_pu: f64, kv_bus: f64) -> Result<MotorState, String> {
    let kv_rated = if m.kv_rated > 0.0 { m.kv_rated } else { kv_bus };
    let u = if kv_bus > 0.0 { v_pu * kv_bus / kv_rated } else { v_pu };
    if !(m.base_mva > 0.0 && has_circuit(m) && u > 0.0) {
        return Err("its base power or voltage is not positive, or it has no rotor".into());
    }
    let goal = m.p_set / m.base_mva / (u * u);
    let sign = if goal < 0.0 { -1.0 } else { 1.0 };
    let at_shaft = m.power_code != 2;
    let power = |s: f64| {
        let (drawn, shaft) = powers(m, sign * s);
        sign * if at_shaft { shaft } else { drawn.re }
    };
    let goal = goal.abs();
    // The power rises from synchronism to its greatest value; steps of a tenth find the rise, halving the slip.
    let (mut low, mut high) = (1e-9, 1e-9);
    if power(low) < goal {
        loop {
            let next = high * 1.1;
            if next > 1.0 || power(next) < power(high) && power(next) < goal {
                return Err(format!("it stalls: it cannot have {} MW at {v_pu:.4} per unit of voltage", m.p_set));
            }
            (low, high) = (high, next);
            if power(high) >= goal {
                break;
            }
        }
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if power(middle) < goal { low = middle } else { high = middle }
        }
    }
    let slip = sign * 0.5 * (low + high);
    let drawn = powers(m, slip).0 * (u * u * m.base_mva);
    if !drawn.is_finite() {
        return Err("its data give no finite power".into());
    }
    Ok(MotorState { p_mw: drawn.re, q_mvar: drawn.im, slip })
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::Common;

    fn motor() -> PowerMotor {
        PowerMotor {
            common: Common::new("m", 3),
            id: "1".into(),
            label: String::new(),
            in_service: true,
            scale_code: 1,
            design: 0,
            area: 1,
            zone: 1,
            owner: 1,
            torque_code: 1,
            base_code: 1,
            base_mva: 10.0,
            kv_rated: 0.0,
            power_code: 1,
            p_set: 8.0,
            h_s: 1.0,
            load_a: 1.0,
            load_b: 1.0,
            load_d: 1.0,
            load_e: 0.0,
            r_a_pu: 0.0,
            x_a_pu: 0.0,
            x_m_pu: 3.0,
            r_1_pu: 0.02,
            x_1_pu: 0.2,
            r_2_pu: 999.0,
            x_2_pu: 999.0,
            x_3_pu: 0.0,
            saturation: [0.0; 7],
        }
    }

    /// Without a stator impedance the rotor current is v / |r/s + jx|, so the slip solves a quadratic.
    #[test]
    fn slip_of_a_machine_without_stator_has_a_closed_form() {
        let m = PowerMotor { power_code: 2, ..motor() };
        let s = operate(&m, 1.0, 11.0).unwrap();
        // p = (r/s) / ((r/s)² + x²): y = r/s solves p y² - y + p x² = 0, the larger root.
        let (p, x) = (0.8f64, 0.2f64);
        let y = (1.0 + (1.0 - 4.0 * p * p * x * x).sqrt()) / (2.0 * p);
        assert!((s.slip - 0.02 / y).abs() < 1e-12, "{s:?}");
        assert!((s.p_mw - 8.0).abs() < 1e-9);
        let q = 10.0 * (x / (y * y + x * x) + 1.0 / 3.0);
        assert!((s.q_mvar - q).abs() < 1e-9);
        let shaft = operate(&motor(), 1.0, 11.0).unwrap();
        assert!((shaft.p_mw * (1.0 - shaft.slip) - 8.0).abs() < 1e-9, "without stator losses the gap takes all");
    }

    #[test]
    fn generators_run_above_synchronism_and_weak_buses_stall() {
        let generator = PowerMotor { p_set: -8.0, ..motor() };
        let s = operate(&generator, 1.0, 11.0).unwrap();
        assert!(s.slip < 0.0 && s.p_mw < 0.0 && s.q_mvar > 0.0, "{s:?}");
        assert!(operate(&motor(), 0.4, 11.0).unwrap_err().contains("stalls"));
        assert!(operate(&PowerMotor { base_mva: 0.0, ..motor() }, 1.0, 11.0).is_err());
    }

    #[test]
    fn a_second_cage_in_parallel_draws_more_reactive_power_at_standstill_only() {
        let double = PowerMotor { r_2_pu: 0.1, x_2_pu: 0.1, ..motor() };
        let (one, two) = (operate(&motor(), 1.0, 11.0).unwrap(), operate(&double, 1.0, 11.0).unwrap());
        assert!(two.slip < one.slip, "two cages carry the power at less slip: {one:?} {two:?}");
    }
}
