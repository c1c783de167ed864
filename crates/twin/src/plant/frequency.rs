//! Frequency of the grid that the substation hangs on.
//!
//! One equivalent machine and one equivalent turbine (Kundur, *Power System Stability and Control*, section 11.1), deviations in per unit of
//! `f0` and of the grid's load:
//!
//! ```text
//! 2H dw/dt   = p_m - p_lost - D w + noise
//! T_g dp_m/dt = -w / R - p_m
//! ```
//!
//! with `H` = 4 s, `D` = 1, droop `R` = 0.1 over all machines (half of them regulate at 5 %) and `T_g` = 6 s. The constants are this plant's; lost
//! generation settles the frequency at `-p_lost / (D + 1/R)` and passes a lower nadir before. Steps of 10 ms by Euler, a twentieth of the
//! shortest time in the equations.

use super::random;
use serde::{Deserialize, Serialize};

const H_S: f64 = 4.0;
const DAMPING: f64 = 1.0;
const DROOP: f64 = 0.1;
const TURBINE_S: f64 = 6.0;
const STEP_S: f64 = 0.01;
/// Deviation of the imbalance that loads make at random, per unit; it moves over ten seconds.
const NOISE_PU: f64 = 0.003;

/// The grid's frequency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frequency {
    pub nominal_hz: f64,
    /// Deviation, per unit.
    w: f64,
    p_m: f64,
    /// Generation that is missing, per unit of the grid's load.
    pub lost_pu: f64,
    /// Time that was not yet stepped over, s.
    rest_s: f64,
}

impl Frequency {
    pub fn new(nominal_hz: f64) -> Self {
        Self { nominal_hz, w: 0.0, p_m: 0.0, lost_pu: 0.0, rest_s: 0.0 }
    }

    pub fn hz(&self) -> f64 {
        self.nominal_hz * (1.0 + self.w)
    }

    /// Rate of change as a relay sees it, Hz/s.
    pub fn rate_hz_s(&self) -> f64 {
        self.nominal_hz * (self.p_m - self.lost_pu - DAMPING * self.w) / (2.0 * H_S)
    }

    /// Goes on from `time_s` for `dt_s`; no noise with a seed of `None`.
    pub fn advance(&mut self, time_s: f64, dt_s: f64, seed: Option<u64>) {
        self.rest_s += dt_s;
        // Half a step of slack, so that rounding of the sums of steps decides nothing.
        while self.rest_s > STEP_S / 2.0 {
            let noise = seed.map_or(0.0, |s| NOISE_PU * random::course(s, 1, time_s, 10.0));
            let dw = (self.p_m - self.lost_pu - DAMPING * self.w + noise) / (2.0 * H_S);
            let dp = (-self.w / DROOP - self.p_m) / TURBINE_S;
            self.w += STEP_S * dw;
            self.p_m += STEP_S * dp;
            self.rest_s -= STEP_S;
        }
    }

    /// Generation that must be lost for the frequency to fall just to `hz`, per unit: the equations are linear, so that one trial tells.
    pub fn loss_for_nadir(&self, hz: f64) -> f64 {
        let mut trial = Self { lost_pu: 0.01, ..Self::new(self.nominal_hz) };
        let mut lowest = trial.nominal_hz;
        for k in 0..6000 {
            trial.advance(f64::from(k) * STEP_S, STEP_S, None);
            lowest = lowest.min(trial.hz());
        }
        0.01 * (self.nominal_hz - hz) / (self.nominal_hz - lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_generation_settles_where_droop_and_damping_say() {
        let mut f = Frequency { lost_pu: 0.05, ..Frequency::new(50.0) };
        f.advance(0.0, 300.0, None);
        let settled = 50.0 * (1.0 - 0.05 / (DAMPING + 1.0 / DROOP));
        assert!((f.hz() - settled).abs() < 1e-6, "{} and not {settled}", f.hz());
    }

    /// The first slope is that of the inertia alone.
    #[test]
    fn it_begins_to_fall_by_its_inertia() {
        let mut f = Frequency { lost_pu: 0.08, ..Frequency::new(50.0) };
        f.advance(0.0, 0.02, None);
        let slope = (f.hz() - 50.0) / 0.02;
        assert!((slope + 50.0 * 0.08 / (2.0 * H_S)).abs() < 0.01, "{slope}");
    }

    #[test]
    fn a_wanted_nadir_is_reached() {
        let mut f = Frequency::new(50.0);
        f.lost_pu = f.loss_for_nadir(49.2);
        let lowest = (0..6000)
            .map(|_| {
                f.advance(0.0, 0.01, None);
                f.hz()
            })
            .fold(50.0, f64::min);
        assert!((lowest - 49.2).abs() < 1e-6, "{lowest}");
    }
}
