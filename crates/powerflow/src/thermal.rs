//! Oil and winding temperatures of a transformer, and what they cost in life.
//!
//! For a plant that steps them by the clock, and for studies of ageing through a year. IEEE C57.91-2011, clauses 5 and 7.
//!
//! With `K` the load over the rating of the cooling stage and `R` the loss ratio:
//!
//! ```text
//! top-oil rise, ultimate     dTO_u = dTO_r ((K^2 R + 1) / (R + 1))^n
//! hot spot over top oil      dH_u  = dH_r K^(2m)
//! both follow                d(t + h) = d_u + (d(t) - d_u) exp(-h / tau)
//! hot spot                   H = ambient + dTO + dH
//! ageing acceleration        F_AA = exp(15000/383 - 15000/(H + 273))
//! loss of life, %            100 F_AA h / 180000 h
//! ```
//!
//! Without fans the rating is the nameplate's natural share `s`; the same rises belong to that load (that is what the share is), and the loss
//! ratio there is `s^2 R`, since load losses go with the square of the load. The time constants stay those of the nameplate, unless the rule of
//! clause 7 for exponents below one is asked for: with `a` and `b` the ultimate and the present rise of the top oil over the rated one
//!
//! ```text
//! tau = tau_R (a - b) / (a^(1/n) - b^(1/n))
//! ```
//!
//! which is `tau_R` for `n = 1`, and shorter while the oil warms up from a light load.

use network::ThermalNameplate;
use serde::{Deserialize, Serialize};

/// Normal insulation life of C57.91, h.
pub const NORMAL_LIFE_H: f64 = 180_000.0;

/// Hottest-spot temperature at which paper ages at its normal rate: of an average winding rise of 65 K, C.
pub const REFERENCE_65_C: f64 = 110.0;
/// The same of an average winding rise of 55 K, C.
pub const REFERENCE_55_C: f64 = 95.0;

/// How the oil's time constant depends on the load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OilTime {
    /// That of the nameplate.
    #[default]
    Constant,
    /// The rule of clause 7 for exponents below one.
    ByRise,
}

/// Temperatures and age of a transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thermal {
    pub top_oil_rise_k: f64,
    pub hot_spot_over_oil_k: f64,
    pub ambient_c: f64,
    pub fans: bool,
    /// Lost part of the normal life, percent.
    pub loss_of_life_pct: f64,
}

impl Thermal {
    /// A transformer that has carried `load_pu` of its full rating for long.
    pub fn settled(plate: &ThermalNameplate, load_pu: f64, ambient_c: f64) -> Self {
        let mut state = Self { top_oil_rise_k: 0.0, hot_spot_over_oil_k: 0.0, ambient_c, fans: false, loss_of_life_pct: 0.0 };
        // Once without fans and, where that is too warm, once with them.
        for _ in 0..2 {
            (state.top_oil_rise_k, state.hot_spot_over_oil_k) = ultimate(plate, load_pu, state.fans);
            if state.top_oil_c() >= plate.fans_on_c {
                state.fans = true;
            }
        }
        state
    }

    pub fn top_oil_c(&self) -> f64 {
        self.ambient_c + self.top_oil_rise_k
    }

    pub fn hot_spot_c(&self) -> f64 {
        self.top_oil_c() + self.hot_spot_over_oil_k
    }

    /// Goes on for `dt_h` with the load (per unit of the full rating) and ambient of the end of the step; ageing is that of its end.
    pub fn advance(&mut self, plate: &ThermalNameplate, load_pu: f64, ambient_c: f64, dt_h: f64) {
        self.advance_by(plate, OilTime::Constant, REFERENCE_65_C, load_pu, ambient_c, dt_h);
    }

    /// [`Thermal::advance`] with a rule for the oil's time constant, and the hot spot at which the paper ages at its normal rate, C.
    pub fn advance_by(&mut self, plate: &ThermalNameplate, oil_time: OilTime, reference_c: f64, load_pu: f64, ambient_c: f64, dt_h: f64) {
        let (oil, winding) = ultimate(plate, load_pu, self.fans);
        let tau_oil_h = match oil_time {
            OilTime::Constant => plate.tau_oil_h,
            OilTime::ByRise => {
                let n = if self.fans { plate.n } else { plate.n_natural };
                plate.tau_oil_h * time_factor(oil / plate.top_oil_rise_k, self.top_oil_rise_k / plate.top_oil_rise_k, n)
            }
        };
        self.ambient_c = ambient_c;
        self.top_oil_rise_k = oil + (self.top_oil_rise_k - oil) * (-dt_h / tau_oil_h).exp();
        self.hot_spot_over_oil_k = winding + (self.hot_spot_over_oil_k - winding) * (-dt_h / plate.tau_winding_h).exp();
        self.fans = if self.fans { self.top_oil_c() > plate.fans_off_c } else { self.top_oil_c() >= plate.fans_on_c };
        self.loss_of_life_pct += ageing_acceleration_from(reference_c, self.hot_spot_c()) * dt_h / NORMAL_LIFE_H * 100.0;
    }
}

/// Rises of top oil over ambient and of the hot spot over top oil that a load would reach, K.
fn ultimate(plate: &ThermalNameplate, load_pu: f64, fans: bool) -> (f64, f64) {
    let (k, ratio, n, m) = if fans {
        (load_pu, plate.loss_ratio, plate.n, plate.m)
    } else {
        let s = plate.natural_share;
        (load_pu / s, s * s * plate.loss_ratio, plate.n_natural, plate.m_natural)
    };
    let oil = plate.top_oil_rise_k * ((k * k * ratio + 1.0) / (ratio + 1.0)).powf(n);
    (oil, plate.hot_spot_gradient_k * k.powf(2.0 * m))
}

/// Time constant over the nameplate's, of ultimate rise `a` and present rise `b` over the rated one.
fn time_factor(a: f64, b: f64, n: f64) -> f64 {
    // Where nothing changes the limit of the quotient holds: n a^(1 - 1/n).
    if (a - b).abs() < 1e-6 * a.max(b) {
        return n * a.powf(1.0 - 1.0 / n);
    }
    (a - b) / (a.powf(1.0 / n) - b.powf(1.0 / n))
}

/// How much faster paper ages than at 110 C.
pub fn ageing_acceleration(hot_spot_c: f64) -> f64 {
    ageing_acceleration_from(REFERENCE_65_C, hot_spot_c)
}

/// How much faster paper ages than at its reference temperature, C.
pub fn ageing_acceleration_from(reference_c: f64, hot_spot_c: f64) -> f64 {
    (15_000.0 / (reference_c + 273.0) - 15_000.0 / (hot_spot_c + 273.0)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plate() -> ThermalNameplate {
        ThermalNameplate {
            top_oil_rise_k: 55.0,
            hot_spot_gradient_k: 25.0,
            loss_ratio: 6.0,
            tau_oil_h: 3.0,
            tau_winding_h: 0.08,
            n: 0.8,
            m: 0.8,
            n_natural: 0.8,
            m_natural: 0.8,
            natural_share: 1.0,
            fans_on_c: 500.0,
            fans_off_c: 400.0,
            oil_litre: 10_000.0,
        }
    }

    #[test]
    fn ageing_follows_its_law() {
        // exp(15000/383 - 15000/(H + 273)), computed by another program.
        for (c, f) in [(110.0, 1.0), (120.0, 2.708_925), (98.0, 0.281_738_5), (140.0, 17.199_465)] {
            assert!((ageing_acceleration(c) - f).abs() < 1e-6 * f, "{c}: {}", ageing_acceleration(c));
        }
    }

    #[test]
    fn the_time_constant_by_rise_is_that_of_the_nameplate_for_an_exponent_of_one() {
        assert!((time_factor(1.3, 0.4, 1.0) - 1.0).abs() < 1e-12 && (time_factor(0.7, 0.7, 1.0) - 1.0).abs() < 1e-12);
        // Continuous where nothing changes.
        let near = time_factor(0.8 + 1e-5, 0.8, 0.8);
        assert!((near - time_factor(0.8, 0.8, 0.8)).abs() < 1e-4, "{near}");
    }

    /// A step of load has a closed form.
    #[test]
    fn a_step_follows_the_exponential_whatever_the_step_length() {
        let plate = plate();
        let from = Thermal::settled(&plate, 0.5, 30.0);
        let end = Thermal::settled(&plate, 1.2, 30.0);
        for steps in [1, 10, 3600] {
            let mut s = from.clone();
            for _ in 0..steps {
                s.advance(&plate, 1.2, 30.0, 2.0 / f64::from(steps));
            }
            let oil = end.top_oil_rise_k + (from.top_oil_rise_k - end.top_oil_rise_k) * (-2.0_f64 / 3.0).exp();
            assert!((s.top_oil_rise_k - oil).abs() < 1e-9, "{steps} steps: {} and not {oil}", s.top_oil_rise_k);
        }
    }

    #[test]
    fn fans_start_and_stop_with_a_gap_and_cool() {
        let plate = ThermalNameplate { natural_share: 0.6, fans_on_c: 65.0, fans_off_c: 55.0, ..plate() };
        let warm = Thermal::settled(&plate, 0.9, 30.0);
        assert!(warm.fans && Thermal { fans: false, ..warm.clone() }.fans != warm.fans);
        let natural = ultimate(&plate, 0.9, false).0;
        assert!(warm.top_oil_rise_k < natural, "{} and {natural}", warm.top_oil_rise_k);
        // The same rise belongs to the rating of each stage.
        assert!((ultimate(&plate, 0.6, false).0 - 55.0).abs() < 1e-12 && (ultimate(&plate, 1.0, true).0 - 55.0).abs() < 1e-12);
    }
}
