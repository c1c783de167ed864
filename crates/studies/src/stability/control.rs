//! Exciters and governors: block diagrams as equations, and their start.
//!
//! SEXS (simplified excitation, lead-lag and amplifier), `V_t` the terminal voltage, limits on the state itself (non-windup):
//!
//! ```text
//! u = V_ref - V_t             T_B x' = u - x              y = x + T_A/T_B (u - x)
//! T_E E_fd' = K y - E_fd                                  E_min <= E_fd <= E_max
//! ```
//!
//! IEEE type 1 (IEEET1), the regulator's limits non-windup, `Sat(e) = e S(e)`:
//!
//! ```text
//! T_R V_m' = V_t - V_m
//! T_A V_R' = K_A (V_ref - V_m - V_f) - V_R                V_Rmin <= V_R <= V_Rmax
//! T_E E_fd' = V_R - K_E E_fd - Sat(E_fd)
//! T_F w' = E_fd - w           V_f = K_F / T_F (E_fd - w)
//! ```
//!
//! TGOV1 (steam), `w` the speed deviation, the valve's limits non-windup:
//!
//! ```text
//! T_1 x_1' = (P_ref - w) / R - x_1                        V_min <= x_1 <= V_max
//! T_3 x_2' = x_1 - x_2        P_m = x_2 + T_2/T_3 (x_1 - x_2) - D_t w
//! ```
//!
//! GAST (gas turbine), the lower of speed and temperature control taken, the valve's limits non-windup:
//!
//! ```text
//! T_1 x_1' = min(P_ref - w/R, A_T + K_T (A_T - x_3)) - x_1   V_min <= x_1 <= V_max
//! T_2 x_2' = x_1 - x_2        T_3 x_3' = x_2 - x_3        P_m = x_2 - D_turb w
//! ```
//!
//! A time constant of 0 makes its row an equation without a rate; a lead-lag without a lag passes its input on.
//!
//! Source: IEEE Committee Report, *Computer Representation of Excitation Systems*, IEEE Trans. PAS-87 (1968), type 1; block diagrams SEXS, IEEET1,
//! TGOV1 and GAST as in the model sheets of PSS/E.

use super::saturation::Saturation;
use network::dynamics::{ExciterModel, Gast, GovernorModel, IeeeType1, Sexs, Tgov1};

/// A limit that a start would break.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LimitAtStart {
    pub quantity: &'static str,
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Masses (time constants) of states and their limits.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub masses: Vec<f64>,
    pub limits: Vec<Option<(f64, f64)>>,
}

/// What gives the field voltage.
#[derive(Clone, Debug)]
pub(super) enum Exciter {
    Constant { efd: f64 },
    Sexs { p: Sexs, v_ref: f64 },
    Type1 { p: IeeeType1, saturation: Saturation, k_e: f64, v_ref: f64 },
}

fn within(quantity: &'static str, value: f64, low: f64, high: f64) -> Result<(), LimitAtStart> {
    // A machine that a power flow left exactly at its limit is at rest there.
    let slack = 1e-9 * (1.0 + value.abs());
    if value >= low - slack && value <= high + slack { Ok(()) } else { Err(LimitAtStart { quantity, value, low, high }) }
}

impl Exciter {
    /// The exciter at rest with field voltage `efd` and terminal voltage `v_t`, and its states.
    pub fn start(model: Option<&ExciterModel>, efd: f64, v_t: f64) -> Result<(Self, Vec<f64>), LimitAtStart> {
        match model {
            None => Ok((Self::Constant { efd }, Vec::new())),
            Some(ExciterModel::Sexs(p)) => {
                within("field voltage", efd, p.efd_min_pu, p.efd_max_pu)?;
                let u = efd / p.k;
                Ok((Self::Sexs { p: *p, v_ref: v_t + u }, vec![u, efd]))
            }
            Some(ExciterModel::IeeeType1(p)) => {
                let saturation = Saturation::of_exciter(&p.saturation).unwrap_or(Saturation::None);
                let k_e = if p.k_e == 0.0 && efd != 0.0 { -saturation.excitation(efd) / efd } else { p.k_e };
                let v_r = k_e * efd + saturation.excitation(efd);
                within("regulator output", v_r, p.v_r_min_pu, p.v_r_max_pu)?;
                Ok((Self::Type1 { p: *p, saturation, k_e, v_ref: v_t + v_r / p.k_a }, vec![v_t, v_r, efd, efd]))
            }
        }
    }

    pub fn shape(&self) -> Shape {
        match self {
            Self::Constant { .. } => Shape::default(),
            Self::Sexs { p, .. } => Shape { masses: vec![p.t_b_s, p.t_e_s], limits: vec![None, Some((p.efd_min_pu, p.efd_max_pu))] },
            Self::Type1 { p, .. } => Shape {
                masses: vec![p.t_r_s, p.t_a_s, p.t_e_s, p.t_f_s],
                limits: vec![None, Some((p.v_r_min_pu, p.v_r_max_pu)), None, None],
            },
        }
    }

    pub fn efd(&self, x: &[f64]) -> f64 {
        match self {
            Self::Constant { efd } => *efd,
            Self::Sexs { .. } => x[1],
            Self::Type1 { .. } => x[2],
        }
    }

    /// Rates times masses at terminal voltage `v_t`.
    pub fn rates(&self, x: &[f64], v_t: f64, f: &mut [f64]) {
        match self {
            Self::Constant { .. } => {}
            Self::Sexs { p, v_ref } => {
                let u = v_ref - v_t;
                let y = if p.t_b_s > 0.0 { x[0] + p.t_a_over_t_b * (u - x[0]) } else { u };
                f[0] = u - x[0];
                f[1] = p.k * y - x[1];
            }
            Self::Type1 { p, saturation, k_e, v_ref } => {
                let feedback = if p.t_f_s > 0.0 { p.k_f / p.t_f_s * (x[2] - x[3]) } else { 0.0 };
                f[0] = v_t - x[0];
                f[1] = p.k_a * (v_ref - x[0] - feedback) - x[1];
                f[2] = x[1] - k_e * x[2] - saturation.excitation(x[2]);
                f[3] = x[2] - x[3];
            }
        }
    }
}

/// What gives the mechanical torque.
#[derive(Clone, Debug)]
pub(super) enum Governor {
    Constant { torque: f64 },
    Tgov1 { p: Tgov1, p_ref: f64 },
    Gast { p: Gast, p_ref: f64 },
}

impl Governor {
    /// The governor at rest with mechanical torque `torque`, and its states.
    pub fn start(model: Option<&GovernorModel>, torque: f64) -> Result<(Self, Vec<f64>), LimitAtStart> {
        match model {
            None => Ok((Self::Constant { torque }, Vec::new())),
            Some(GovernorModel::Tgov1(p)) => {
                within("valve", torque, p.v_min_pu, p.v_max_pu)?;
                Ok((Self::Tgov1 { p: *p, p_ref: torque * p.r_pu }, vec![torque, torque]))
            }
            Some(GovernorModel::Gast(p)) => {
                within("valve", torque, p.v_min_pu, p.v_max_pu)?;
                within("exhaust temperature control", torque, f64::NEG_INFINITY, p.a_t_pu + p.k_t * (p.a_t_pu - torque))?;
                Ok((Self::Gast { p: *p, p_ref: torque }, vec![torque, torque, torque]))
            }
        }
    }

    pub fn shape(&self) -> Shape {
        match self {
            Self::Constant { .. } => Shape::default(),
            Self::Tgov1 { p, .. } => Shape { masses: vec![p.t_1_s, p.t_3_s], limits: vec![Some((p.v_min_pu, p.v_max_pu)), None] },
            Self::Gast { p, .. } => {
                Shape { masses: vec![p.t_1_s, p.t_2_s, p.t_3_s], limits: vec![Some((p.v_min_pu, p.v_max_pu)), None, None] }
            }
        }
    }

    /// Mechanical torque at speed deviation `w`.
    pub fn torque(&self, x: &[f64], w: f64) -> f64 {
        match self {
            Self::Constant { torque } => *torque,
            Self::Tgov1 { p, .. } => {
                let turbine = if p.t_3_s > 0.0 { x[1] + p.t_2_s / p.t_3_s * (x[0] - x[1]) } else { x[0] };
                turbine - p.d_turbine_pu * w
            }
            Self::Gast { p, .. } => x[1] - p.d_turbine_pu * w,
        }
    }

    pub fn rates(&self, x: &[f64], w: f64, f: &mut [f64]) {
        match self {
            Self::Constant { .. } => {}
            Self::Tgov1 { p, p_ref } => {
                f[0] = (p_ref - w) / p.r_pu - x[0];
                f[1] = x[0] - x[1];
            }
            Self::Gast { p, p_ref } => {
                let speed = p_ref - w / p.r_pu;
                let temperature = p.a_t_pu + p.k_t * (p.a_t_pu - x[2]);
                f[0] = speed.min(temperature) - x[0];
                f[1] = x[0] - x[1];
                f[2] = x[1] - x[2];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::dynamics::ExciterSaturation;

    fn type_1() -> IeeeType1 {
        IeeeType1 {
            t_r_s: 0.0,
            k_a: 20.0,
            t_a_s: 0.2,
            v_r_max_pu: 5.0,
            v_r_min_pu: -5.0,
            k_e: 1.0,
            t_e_s: 0.314,
            k_f: 0.063,
            t_f_s: 0.35,
            saturation: ExciterSaturation::Exponential { a: 0.0039, b: 1.555 },
        }
    }

    #[test]
    fn controls_start_at_rest() {
        let sexs = Sexs { t_a_over_t_b: 0.1, t_b_s: 10.0, k: 100.0, t_e_s: 0.1, efd_min_pu: -4.0, efd_max_pu: 5.0 };
        for model in
            [ExciterModel::Sexs(sexs), ExciterModel::IeeeType1(type_1()), ExciterModel::IeeeType1(IeeeType1 { k_e: 0.0, ..type_1() })]
        {
            let (e, x) = Exciter::start(Some(&model), 1.8, 1.02).unwrap();
            let mut f = [1.0; 4];
            e.rates(&x, 1.02, &mut f[..x.len()]);
            assert!(f[..x.len()].iter().all(|f| f.abs() < 1e-14), "{}: {f:?}", model.name());
            assert_eq!(e.efd(&x), 1.8);
        }
        let tgov = Tgov1 { r_pu: 0.05, t_1_s: 0.5, v_max_pu: 1.0, v_min_pu: 0.0, t_2_s: 2.0, t_3_s: 7.0, d_turbine_pu: 0.0 };
        let gast =
            Gast { r_pu: 0.05, t_1_s: 0.4, t_2_s: 0.1, t_3_s: 3.0, a_t_pu: 1.0, k_t: 2.0, v_max_pu: 1.0, v_min_pu: 0.0, d_turbine_pu: 0.0 };
        for model in [GovernorModel::Tgov1(tgov), GovernorModel::Gast(gast)] {
            let (g, x) = Governor::start(Some(&model), 0.85).unwrap();
            let mut f = [1.0; 3];
            g.rates(&x, 0.0, &mut f[..x.len()]);
            assert!(f[..x.len()].iter().all(|f| f.abs() < 1e-14), "{}: {f:?}", model.name());
            assert_eq!(g.torque(&x, 0.0), 0.85);
        }
        assert_eq!(Governor::start(Some(&GovernorModel::Tgov1(tgov)), 1.1).unwrap_err().quantity, "valve");
        let hot = GovernorModel::Gast(Gast { v_max_pu: 2.0, ..gast });
        assert_eq!(Governor::start(Some(&hot), 1.1).unwrap_err().quantity, "exhaust temperature control");
        assert!(Exciter::start(Some(&ExciterModel::Sexs(sexs)), 6.0, 1.0).is_err());
    }

    #[test]
    fn an_exciter_constant_of_zero_is_found_so_that_the_regulator_starts_at_zero() {
        let model = ExciterModel::IeeeType1(IeeeType1 { k_e: 0.0, ..type_1() });
        let (_, x) = Exciter::start(Some(&model), 2.0, 1.0).unwrap();
        assert!(x[1].abs() < 1e-15, "{x:?}");
    }
}
