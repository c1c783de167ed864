//! Synchronous machines: equations of rotor circuits and stator, and their start from a power flow.
//!
//! All per unit on the machine's base, generator convention, stator transients and the speed's part in the stator voltages neglected. The rotor's
//! quadrature axis stands at `delta` in the synchronously turning frame of the network, so that `V e^(-j(delta - pi/2)) = v_d + j v_q`.
//!
//! Every model gives an electromotive force behind a stator impedance:
//!
//! ```text
//! e_d = v_d + r_a i_d - x_2 i_q          x_1, x_2: reactances behind which e_q, e_d stand
//! e_q = v_q + r_a i_q + x_1 i_d
//! T_e = e_d i_d + e_q i_q + (x_2 - x_1) i_d i_q
//!
//! delta' = omega_0 (omega - 1)           2 H omega' = T_m - T_e - D (omega - 1)
//! ```
//!
//! Classical: `e_q` constant, `e_d = 0`, `x_1 = x_2 = x'_d`.
//!
//! Two-axis: `e_q = E'_q`, `e_d = E'_d`, `x_1 = x'_d`, `x_2 = x'_q`, with the saturation `Sat(e) = e S(e)` of `saturation.rs`
//!
//! ```text
//! T'_d0 E'_q' = E_fd - E'_q - (x_d - x'_d) i_d - Sat(E'_q)
//! T'_q0 E'_d' =      - E'_d + (x_q - x'_q) i_q
//! ```
//!
//! Round rotor, `x_1 = x_2 = x''`, `e_q = psi''_d`, `e_d = -psi''_q`:
//!
//! ```text
//! psi''_d =  (x''-x_l)/(x'_d-x_l) E'_q + (x'_d-x'')/(x'_d-x_l) psi_kd
//! psi''_q = -(x''-x_l)/(x'_q-x_l) E'_d + (x'_q-x'')/(x'_q-x_l) psi_kq
//! T''_d0 psi_kd' = -psi_kd + E'_q - (x'_d-x_l) i_d
//! T''_q0 psi_kq' = -psi_kq - E'_d - (x'_q-x_l) i_q
//! T'_d0 E'_q' = E_fd - E'_q - (x_d-x'_d) [i_d - (x'_d-x'')/(x'_d-x_l)^2 (psi_kd + (x'_d-x_l) i_d - E'_q)] - k psi''_d
//! T'_q0 E'_d' =      - E'_d + (x_q-x'_q) [i_q - (x'_q-x'')/(x'_q-x_l)^2 (psi_kq + (x'_q-x_l) i_q + E'_d)] + k (x_q-x_l)/(x_d-x_l) psi''_q
//! k = Sat(|psi''|) / |psi''|
//! ```
//!
//! Salient poles: the direct axis as above with `Sat(E'_q)` in place of `k psi''_d`, and `T''_q0 psi''_q' = -psi''_q - (x_q - x'') i_q`.
//!
//! Start. With all rates zero the quadrature axis is that of `V + (r_a + j x_Q) I`, where `x_Q = x_q`, or `x'' + (x_q - x'') / (1 + k (x_q-x_l)/(x_d-x_l))` of a
//! saturated round rotor: `|psi''| = |V + (r_a + j x'') I|` does not need the angle. Then all follows without iteration.
//!
//! Source: Sauer and Pai, *Power System Dynamics and Stability* (1998), ch. 3 and 5 (equations 3.148 to 3.159, saturation 3.204 to 3.211); Kundur, *Power
//! System Stability and Control* (1994), ch. 5; block diagrams GENROU and GENSAL as in the public model library of WECC. Torque and power per unit
//! are taken as equal, as those texts do where the speed stays near 1.

use super::saturation::Saturation;
use network::dynamics::{Classical, MachineModel, RoundRotor, SalientPole, TwoAxis};
use num_complex::Complex64;

/// Largest number of states of a machine, angle and speed included.
pub(super) const MACHINE_STATES: usize = 6;

/// A machine ready for integration. States: angle, speed deviation, then those of the model.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub r_a: f64,
    /// Stator reactances behind which the electromotive force stands.
    x_1: f64,
    x_2: f64,
    two_h: f64,
    d: f64,
    omega_0: f64,
    rotor: Rotor,
}

#[derive(Clone, Debug)]
enum Rotor {
    /// Voltage and speed never change. States: e.
    Infinite,
    /// States: e.
    Classical,
    /// States: E'q, E'd.
    TwoAxis { m: TwoAxis, saturation: Saturation },
    /// States: E'q, E'd, psi kd, psi kq.
    Round { m: RoundRotor, saturation: Saturation },
    /// States: E'q, psi kd, psi''q.
    Salient { m: SalientPole, saturation: Saturation },
}

/// Currents and torque at a state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stator {
    pub i_d: f64,
    pub i_q: f64,
    pub torque: f64,
}

/// Where a machine starts.
#[derive(Clone, Debug)]
pub(super) struct MachineStart {
    pub x: Vec<f64>,
    pub efd: f64,
    pub torque: f64,
}

/// Into the machine's frame: `v_d + j v_q`.
pub(super) fn to_rotor(z: Complex64, delta: f64) -> Complex64 {
    let (sin, cos) = delta.sin_cos();
    // e^(-j(delta - pi/2)) = sin(delta) + j cos(delta).
    z * Complex64::new(sin, cos)
}

/// Out of the machine's frame.
pub(super) fn to_network(z: Complex64, delta: f64) -> Complex64 {
    let (sin, cos) = delta.sin_cos();
    z * Complex64::new(sin, -cos)
}

impl Machine {
    /// The model with what the power flow case tells of its source impedance; data must have passed `check`.
    pub fn new(model: &MachineModel, z_source: Complex64, omega_0: f64) -> Self {
        let curve = |s| Saturation::of_machine(s).unwrap_or(Saturation::None);
        let base = |h_s: f64, d, r: Option<f64>, x_1, x_2, rotor| Self {
            r_a: r.unwrap_or(z_source.re),
            x_1,
            x_2,
            two_h: 2.0 * h_s,
            d,
            omega_0,
            rotor,
        };
        match *model {
            MachineModel::Classical(Classical { h_s, d_pu, r_a_pu, x_d_transient_pu }) => {
                let x = x_d_transient_pu.unwrap_or(z_source.im);
                base(h_s, d_pu, r_a_pu, x, x, if h_s == 0.0 { Rotor::Infinite } else { Rotor::Classical })
            }
            MachineModel::TwoAxis(mut m) => {
                if m.t_q0_transient_s == 0.0 {
                    m.x_q_transient_pu = m.x_q_pu;
                }
                let saturation = curve(&m.saturation);
                base(m.h_s, m.d_pu, m.r_a_pu, m.x_d_transient_pu, m.x_q_transient_pu, Rotor::TwoAxis { m, saturation })
            }
            MachineModel::RoundRotor(m) => {
                let saturation = curve(&m.saturation);
                base(m.h_s, m.d_pu, m.r_a_pu, m.x_subtransient_pu, m.x_subtransient_pu, Rotor::Round { m, saturation })
            }
            MachineModel::SalientPole(m) => {
                let saturation = curve(&m.saturation);
                base(m.h_s, m.d_pu, m.r_a_pu, m.x_subtransient_pu, m.x_subtransient_pu, Rotor::Salient { m, saturation })
            }
        }
    }

    pub fn is_infinite(&self) -> bool {
        matches!(self.rotor, Rotor::Infinite)
    }

    /// Inertia, MW s/MVA.
    pub fn h_s(&self) -> f64 {
        self.two_h / 2.0
    }

    /// Time constant of each state, s: the factor of its rate; 0 where the state follows at once.
    pub fn masses(&self) -> Vec<f64> {
        match &self.rotor {
            Rotor::Infinite => vec![1.0, 1.0, 1.0],
            Rotor::Classical => vec![1.0, self.two_h, 1.0],
            Rotor::TwoAxis { m, .. } => vec![1.0, self.two_h, m.t_d0_transient_s, m.t_q0_transient_s],
            Rotor::Round { m, .. } => {
                vec![1.0, self.two_h, m.t_d0_transient_s, m.t_q0_transient_s, m.t_d0_subtransient_s, m.t_q0_subtransient_s]
            }
            Rotor::Salient { m, .. } => vec![1.0, self.two_h, m.t_d0_transient_s, m.t_d0_subtransient_s, m.t_q0_subtransient_s],
        }
    }

    /// Transient (or constant) electromotive force of the quadrature axis, for tables.
    pub fn e_q(&self, x: &[f64]) -> f64 {
        x[2]
    }

    /// Electromotive force in both axes: `(e_d, e_q)`.
    fn emf(&self, x: &[f64]) -> (f64, f64) {
        match &self.rotor {
            Rotor::Infinite | Rotor::Classical => (0.0, x[2]),
            Rotor::TwoAxis { .. } => (x[3], x[2]),
            Rotor::Round { m, .. } => {
                let (d, q) = (m.x_d_transient_pu - m.x_leakage_pu, m.x_q_transient_pu - m.x_leakage_pu);
                let (near, d_far, q_far) = (
                    m.x_subtransient_pu - m.x_leakage_pu,
                    m.x_d_transient_pu - m.x_subtransient_pu,
                    m.x_q_transient_pu - m.x_subtransient_pu,
                );
                ((near * x[3] - q_far * x[5]) / q, (near * x[2] + d_far * x[4]) / d)
            }
            Rotor::Salient { m, .. } => {
                let d = m.x_d_transient_pu - m.x_leakage_pu;
                let e_q = ((m.x_subtransient_pu - m.x_leakage_pu) * x[2] + (m.x_d_transient_pu - m.x_subtransient_pu) * x[3]) / d;
                (-x[4], e_q)
            }
        }
    }

    /// Currents and torque at terminal voltage `v_d + j v_q`.
    pub fn stator(&self, x: &[f64], v: Complex64) -> Stator {
        let (e_d, e_q) = self.emf(x);
        let (a, b) = (e_d - v.re, e_q - v.im);
        let det = self.r_a * self.r_a + self.x_1 * self.x_2;
        let i_d = (self.r_a * a + self.x_2 * b) / det;
        let i_q = (self.r_a * b - self.x_1 * a) / det;
        Stator { i_d, i_q, torque: e_d * i_d + e_q * i_q + (self.x_2 - self.x_1) * i_d * i_q }
    }

    /// Rates times masses, with field voltage and mechanical torque.
    pub fn rates(&self, x: &[f64], s: &Stator, efd: f64, mechanical: f64, f: &mut [f64]) {
        if self.is_infinite() {
            f[..3].fill(0.0);
            return;
        }
        f[0] = self.omega_0 * x[1];
        f[1] = mechanical - s.torque - self.d * x[1];
        match &self.rotor {
            Rotor::Infinite => {}
            Rotor::Classical => f[2] = 0.0,
            Rotor::TwoAxis { m, saturation } => {
                f[2] = efd - x[2] - (m.x_d_pu - m.x_d_transient_pu) * s.i_d - saturation.excitation(x[2]);
                f[3] = (m.x_q_pu - m.x_q_transient_pu) * s.i_q - x[3];
            }
            Rotor::Round { m, saturation } => {
                let (e_d, e_q) = self.emf(x);
                let size = e_d.hypot(e_q);
                let k = if size > 0.0 { saturation.excitation(size) / size } else { 0.0 };
                let (d, q) = (m.x_d_transient_pu - m.x_leakage_pu, m.x_q_transient_pu - m.x_leakage_pu);
                let in_d = x[4] + d * s.i_d - x[2];
                let in_q = x[5] + q * s.i_q + x[3];
                let field = s.i_d - (m.x_d_transient_pu - m.x_subtransient_pu) / (d * d) * in_d;
                let damper = s.i_q - (m.x_q_transient_pu - m.x_subtransient_pu) / (q * q) * in_q;
                let ratio = (m.x_q_pu - m.x_leakage_pu) / (m.x_d_pu - m.x_leakage_pu);
                f[2] = efd - x[2] - (m.x_d_pu - m.x_d_transient_pu) * field - k * e_q;
                f[3] = (m.x_q_pu - m.x_q_transient_pu) * damper - x[3] - k * ratio * e_d;
                f[4] = -in_d;
                f[5] = -in_q;
            }
            Rotor::Salient { m, saturation } => {
                let d = m.x_d_transient_pu - m.x_leakage_pu;
                let in_d = x[3] + d * s.i_d - x[2];
                let field = s.i_d - (m.x_d_transient_pu - m.x_subtransient_pu) / (d * d) * in_d;
                f[2] = efd - x[2] - (m.x_d_pu - m.x_d_transient_pu) * field - saturation.excitation(x[2]);
                f[3] = -in_d;
                f[4] = -x[4] - (m.x_q_pu - m.x_subtransient_pu) * s.i_q;
            }
        }
    }

    /// States at rest with terminal voltage `v` and current `i` out of the machine, both in the frame of the network.
    pub fn start(&self, v: Complex64, i: Complex64) -> MachineStart {
        let behind = |x: f64| v + Complex64::new(self.r_a, x) * i;
        // The quadrature axis.
        let axis = match &self.rotor {
            Rotor::Infinite | Rotor::Classical => behind(self.x_1),
            Rotor::TwoAxis { m, .. } => behind(m.x_q_pu),
            Rotor::Salient { m, .. } => behind(m.x_q_pu),
            Rotor::Round { m, saturation } => {
                let size = behind(m.x_subtransient_pu).norm();
                let k = if size > 0.0 { saturation.excitation(size) / size } else { 0.0 };
                let ratio = (m.x_q_pu - m.x_leakage_pu) / (m.x_d_pu - m.x_leakage_pu);
                behind(m.x_subtransient_pu + (m.x_q_pu - m.x_subtransient_pu) / (1.0 + k * ratio))
            }
        };
        let delta = axis.arg();
        let (v, i) = (to_rotor(v, delta), to_rotor(i, delta));
        let (i_d, i_q) = (i.re, i.im);
        let e_d = v.re + self.r_a * i_d - self.x_2 * i_q;
        let e_q = v.im + self.r_a * i_q + self.x_1 * i_d;
        let torque = e_d * i_d + e_q * i_q + (self.x_2 - self.x_1) * i_d * i_q;
        let (own, efd) = match &self.rotor {
            Rotor::Infinite | Rotor::Classical => (vec![e_q], e_q),
            Rotor::TwoAxis { m, saturation } => {
                let efd = e_q + (m.x_d_pu - m.x_d_transient_pu) * i_d + saturation.excitation(e_q);
                (vec![e_q, (m.x_q_pu - m.x_q_transient_pu) * i_q], efd)
            }
            Rotor::Round { m, saturation } => {
                let size = e_d.hypot(e_q);
                let k = if size > 0.0 { saturation.excitation(size) / size } else { 0.0 };
                let transient_q = e_q + (m.x_d_transient_pu - m.x_subtransient_pu) * i_d;
                let transient_d = e_d - (m.x_q_transient_pu - m.x_subtransient_pu) * i_q;
                let kd = transient_q - (m.x_d_transient_pu - m.x_leakage_pu) * i_d;
                let kq = -transient_d - (m.x_q_transient_pu - m.x_leakage_pu) * i_q;
                let efd = transient_q + (m.x_d_pu - m.x_d_transient_pu) * i_d + k * e_q;
                (vec![transient_q, transient_d, kd, kq], efd)
            }
            Rotor::Salient { m, saturation } => {
                let transient = e_q + (m.x_d_transient_pu - m.x_subtransient_pu) * i_d;
                let kd = transient - (m.x_d_transient_pu - m.x_leakage_pu) * i_d;
                let efd = transient + (m.x_d_pu - m.x_d_transient_pu) * i_d + saturation.excitation(transient);
                (vec![transient, kd, -(m.x_q_pu - m.x_subtransient_pu) * i_q], efd)
            }
        };
        let mut x = vec![delta, 0.0];
        x.extend(own);
        MachineStart { x, efd, torque }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::dynamics::MachineSaturation;

    fn all() -> Vec<MachineModel> {
        let saturation = MachineSaturation { s_10: 0.05, s_12: 0.3 };
        let two = TwoAxis {
            h_s: 4.0,
            d_pu: 1.0,
            r_a_pu: Some(0.003),
            x_d_pu: 1.8,
            x_q_pu: 1.7,
            x_d_transient_pu: 0.3,
            x_q_transient_pu: 0.55,
            t_d0_transient_s: 8.0,
            t_q0_transient_s: 0.4,
            saturation,
        };
        let round = RoundRotor {
            h_s: 6.5,
            d_pu: 0.0,
            r_a_pu: Some(0.0025),
            x_d_pu: 1.8,
            x_q_pu: 1.7,
            x_d_transient_pu: 0.3,
            x_q_transient_pu: 0.55,
            x_subtransient_pu: 0.25,
            x_leakage_pu: 0.2,
            t_d0_transient_s: 8.0,
            t_d0_subtransient_s: 0.03,
            t_q0_transient_s: 0.4,
            t_q0_subtransient_s: 0.05,
            saturation,
        };
        let salient = SalientPole {
            h_s: 3.0,
            d_pu: 2.0,
            r_a_pu: Some(0.002),
            x_d_pu: 1.0,
            x_q_pu: 0.6,
            x_d_transient_pu: 0.3,
            x_subtransient_pu: 0.2,
            x_leakage_pu: 0.15,
            t_d0_transient_s: 5.0,
            t_d0_subtransient_s: 0.05,
            t_q0_subtransient_s: 0.06,
            saturation,
        };
        let classical = Classical { h_s: 5.0, d_pu: 0.0, r_a_pu: Some(0.01), x_d_transient_pu: Some(0.2) };
        vec![
            MachineModel::Classical(classical),
            MachineModel::Classical(Classical { h_s: 0.0, ..classical }),
            MachineModel::TwoAxis(two),
            MachineModel::TwoAxis(TwoAxis { t_q0_transient_s: 0.0, ..two }),
            MachineModel::RoundRotor(round),
            MachineModel::SalientPole(salient),
        ]
    }

    #[test]
    fn every_model_starts_at_rest_with_the_current_it_was_given() {
        let (v, i) = (Complex64::from_polar(1.03, 0.3), Complex64::from_polar(0.9, -0.15));
        for model in all() {
            let m = Machine::new(&model, Complex64::new(0.0, 0.2), 377.0);
            let start = m.start(v, i);
            assert_eq!(start.x.len(), m.masses().len());
            let s = m.stator(&start.x, to_rotor(v, start.x[0]));
            let back = to_network(Complex64::new(s.i_d, s.i_q), start.x[0]);
            assert!((back - i).norm() < 1e-14, "{}: current {back}", model.name());
            // Power at the terminals and the loss in the armature, by hand.
            let power = (v * i.conj()).re + m.r_a * i.norm_sqr();
            assert!((s.torque - power).abs() < 1e-14 && (start.torque - power).abs() < 1e-14, "{}", model.name());
            let mut f = [0.0; MACHINE_STATES];
            m.rates(&start.x, &s, start.efd, start.torque, &mut f);
            assert!(f.iter().all(|f| f.abs() < 1e-13), "{}: {f:?}", model.name());
        }
    }

    #[test]
    fn field_voltage_of_a_salient_machine_by_its_phasor_diagram() {
        // E_fd = |V + j x_q I| + (x_d - x_q) i_d for an unsaturated machine without resistance, at any model.
        let (v, i) = (Complex64::new(1.0, 0.0), Complex64::new(0.8, -0.6));
        let axis = v + Complex64::new(0.0, 0.6) * i;
        let i_d = i.norm() * (axis.arg() - i.arg()).sin();
        let wanted = axis.norm() + (1.0 - 0.6) * i_d;
        let models = all();
        let MachineModel::SalientPole(m) = models[5] else { panic!("salient") };
        let m = SalientPole { r_a_pu: Some(0.0), saturation: MachineSaturation::default(), ..m };
        let salient = Machine::new(&MachineModel::SalientPole(m), Complex64::ZERO, 377.0).start(v, i);
        assert!((salient.efd - wanted).abs() < 1e-14, "{}", salient.efd);
        assert!((salient.x[0] - axis.arg()).abs() < 1e-15);
    }
}
