//! What service does to equipment: gas in oil, worn contacts, leaking gas, vibration, bushings.
//!
//! **Dissolved gas.** Paper and oil give off gas the faster the hotter they are. The model takes ageing's own law: a gas grows by
//! `r F_AA` ul/l a year, with `F_AA` of IEEE C57.91 at the hot spot (of top oil and 30 K for the gases of the oil's slow decay) and `r` its
//! increase of a year at 110 C (H2 35, CH4 10, C2H6 5, C2H4 32, CO 260, CO2 1700, C2H2 0). The law and `r` are this plant's choice; `r` is of the
//! size that IEC 60599 calls typical for power transformers, and was not compared with its text. It tells a warm transformer from a cool one; what an
//! incipient fault adds is among the defects ([`super::defects`]).
//!
//! **Contacts.** Every interruption at current `I` takes `(I/I_b)^2 / N` of the contacts' life, `I_b` the rated breaking current and `N` the number
//! of full interruptions that the maker allows; it adds `I^2 t` of the arc to a sum.
//!
//! **SF6.** Density falls by the leak rate. Pressure gauges read `p = p20 (T/293 K)` absolute; density switches act on `p20`. The gas is at ambient and
//! 15 K (I/In)^2 more, the rise being this plant's choice.
//!
//! **Vibration.** Garcia, Burgos and Alonso (IEEE Transactions on Power Delivery 21, 2006): tank vibration at twice the frequency of the grid is
//! `(a + b oil) I^2 + c U^2`, from windings and core. The coefficients are this plant's: 2.0 and 0.01 per K and 1.5 mm/s^2 at rated current and voltage.
//!
//! **Bushings.** The capacitance `C1` carries `w C1 U`; its dissipation is 0.35 % at 20 C and 0.004 % more a kelvin.

use super::thermal::ageing_acceleration;
use serde::{Deserialize, Serialize};

/// Gases in the order of [`Gases`].
pub const GAS_NAMES: [&str; 7] = ["h2", "ch4", "c2h6", "c2h4", "c2h2", "co", "co2"];

/// Increase at 110 C, ul/l a year.
const GAS_RATE: [f64; 7] = [35.0, 10.0, 5.0, 32.0, 0.0, 260.0, 1700.0];

/// Whether a gas comes from the oil in bulk rather than from the hottest paper.
const FROM_OIL: [bool; 7] = [true, true, true, false, false, false, false];

pub const HOURS_A_YEAR: f64 = 8766.0;

/// Rise that the oil next to the winding has over top oil in the law for the oil's own gases, K.
const OIL_FILM_K: f64 = 30.0;

/// Gas dissolved in oil, ul/l.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gases(pub [f64; 7]);

impl Gases {
    /// Increases now, ul/l a year.
    pub fn rates(top_oil_c: f64, hot_spot_c: f64) -> [f64; 7] {
        std::array::from_fn(|k| GAS_RATE[k] * ageing_acceleration(if FROM_OIL[k] { top_oil_c + OIL_FILM_K } else { hot_spot_c }))
    }

    /// Goes on for `dt_h` with what ageing gives off, and `more` of a defect, ul/l a year.
    pub fn advance(&mut self, top_oil_c: f64, hot_spot_c: f64, more: &[f64; 7], dt_h: f64) {
        for ((gas, rate), more) in self.0.iter_mut().zip(Self::rates(top_oil_c, hot_spot_c)).zip(more) {
            *gas += (rate + more) * dt_h / HOURS_A_YEAR;
        }
    }

    /// Total dissolved combustible gas: all but carbon dioxide.
    pub fn combustible(&self) -> f64 {
        self.0[..6].iter().sum()
    }
}

/// Wear of one breaker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wear {
    pub operations: u64,
    /// Sum of the arcs by pole, kA^2 s.
    pub i2t_ka2s: [f64; 3],
    /// Used part of the contacts' life by pole.
    pub contact_used: [f64; 3],
    /// Largest current ever interrupted, A.
    pub largest_a: f64,
    /// Pressure at 20 C, bar absolute.
    pub sf6_bar_20c: f64,
}

impl Wear {
    pub fn new(sf6_bar_20c: f64) -> Self {
        Self { operations: 0, i2t_ka2s: [0.0; 3], contact_used: [0.0; 3], largest_a: 0.0, sf6_bar_20c }
    }

    /// One interruption of the currents of the poles, A, with an arc of `arc_s`.
    pub fn interrupt(&mut self, i_a: [f64; 3], arc_s: f64, breaking_ka: f64, full_operations: f64) {
        for (pole, i) in i_a.into_iter().enumerate() {
            let ka = i / 1e3;
            self.i2t_ka2s[pole] += ka * ka * arc_s;
            self.contact_used[pole] += (ka / breaking_ka).powi(2) / full_operations;
            self.largest_a = self.largest_a.max(i);
        }
    }

    pub fn leak(&mut self, pct_per_year: f64, dt_h: f64) {
        self.sf6_bar_20c *= (-pct_per_year / 100.0 * dt_h / HOURS_A_YEAR).exp();
    }

    /// What a gauge shows at a gas temperature, bar absolute.
    pub fn sf6_gauge_bar(&self, gas_c: f64) -> f64 {
        self.sf6_bar_20c * (gas_c + 273.15) / 293.15
    }
}

/// Temperature of a breaker's gas, C.
pub fn gas_c(ambient_c: f64, i_over_rated: f64) -> f64 {
    ambient_c + 15.0 * i_over_rated * i_over_rated
}

/// Vibration of a tank at twice the frequency, mm/s^2; `winding` is how much stronger than a sound one's that of the windings is.
pub fn vibration_mm_s2(i_pu: f64, v_pu: f64, top_oil_c: f64, winding: f64) -> f64 {
    winding * (2.0 + 0.01 * top_oil_c) * i_pu * i_pu + 1.5 * v_pu * v_pu
}

/// Dissipation factor of a bushing, percent.
pub fn bushing_tan_delta_pct(temperature_c: f64) -> f64 {
    0.35 + 0.004 * (temperature_c - 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_at_110_degrees_gives_the_increase_of_the_law() {
        let mut g = Gases::default();
        for _ in 0..8766 {
            g.advance(80.0, 110.0, &[0.0; 7], 1.0);
        }
        for (got, rate) in g.0.iter().zip(GAS_RATE) {
            assert!((got - rate).abs() < 1e-9 * rate.max(1.0), "{got} and not {rate}");
        }
        assert!((g.combustible() - (35.0 + 10.0 + 5.0 + 32.0 + 260.0)).abs() < 1e-6);
    }

    #[test]
    fn so_many_full_interruptions_use_the_contacts_up() {
        let mut w = Wear::new(7.0);
        for _ in 0..20 {
            w.interrupt([40_000.0, 20_000.0, 0.0], 0.01, 40.0, 20.0);
        }
        assert!((w.contact_used[0] - 1.0).abs() < 1e-12 && (w.contact_used[1] - 0.25).abs() < 1e-12 && w.contact_used[2] == 0.0);
        assert!((w.i2t_ka2s[0] - 20.0 * 16.0).abs() < 1e-9 && w.largest_a == 40_000.0);
    }

    #[test]
    fn gas_leaks_by_its_rate_and_gauges_follow_the_temperature() {
        let mut w = Wear::new(7.0);
        for _ in 0..1000 {
            w.leak(0.5, 8.766);
        }
        assert!((w.sf6_bar_20c - 7.0 * (-0.005_f64).exp()).abs() < 1e-9);
        assert!((Wear::new(7.0).sf6_gauge_bar(20.0) - 7.0).abs() < 1e-12 && Wear::new(7.0).sf6_gauge_bar(40.0) > 7.4);
    }
}
