//! From the accuracy class of instrument transformers and meters to standard deviations.
//!
//! A class promises limits: of the ratio error in percent, of the phase displacement in minutes. Within its limit an error may be
//! anywhere, so its deviation is `limit / √3` (rectangular distribution; JCGM 100:2008, 4.3.7). Errors of the voltage transformer, the
//! current transformer and the meter are independent. With `ε` relative deviations and `φ` that of the phase in radians,
//!
//! ```text
//! σ_V = V √(ε_u² + ε_m²)                σ_I = I √(ε_i² + ε_m²)
//! σ_P² = P² (ε_u² + ε_i² + ε_m²) + Q² (φ_u² + φ_i²)
//! σ_Q² = Q² (ε_u² + ε_i² + ε_m²) + P² (φ_u² + φ_i²)
//! ```
//!
//! Limits: IEC 61869-2:2012 table 201 (current, classes 0.1 to 1) and 202 (0.2S, 0.5S), IEC 61869-3:2011 table 301 (voltage). Between the
//! currents of the table the limit runs straight; below the least of them the error in amperes stays what it is there, since no class
//! promises anything further down.

/// Limits of a current transformer: current in percent of rated, ratio error in percent, phase displacement in minutes.
type CurrentLimits = &'static [(f64, f64, f64)];

/// Class of a current transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrentClass {
    C01,
    C02,
    C02S,
    C05,
    C05S,
    C1,
}

impl CurrentClass {
    const ALL: [(Self, &'static str); 6] =
        [(Self::C01, "0.1"), (Self::C02, "0.2"), (Self::C02S, "0.2s"), (Self::C05, "0.5"), (Self::C05S, "0.5s"), (Self::C1, "1")];

    /// The class of a word such as `0.5` or `0.2S`.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, w)| w.eq_ignore_ascii_case(word)).map(|(c, _)| c)
    }

    fn limits(self) -> CurrentLimits {
        match self {
            Self::C01 => &[(5.0, 0.4, 15.0), (20.0, 0.2, 8.0), (100.0, 0.1, 5.0)],
            Self::C02 => &[(5.0, 0.75, 30.0), (20.0, 0.35, 15.0), (100.0, 0.2, 10.0)],
            Self::C02S => &[(1.0, 0.75, 30.0), (5.0, 0.35, 15.0), (20.0, 0.2, 10.0)],
            Self::C05 => &[(5.0, 1.5, 90.0), (20.0, 0.75, 45.0), (100.0, 0.5, 30.0)],
            Self::C05S => &[(1.0, 1.5, 90.0), (5.0, 0.75, 45.0), (20.0, 0.5, 30.0)],
            Self::C1 => &[(5.0, 3.0, 180.0), (20.0, 1.5, 90.0), (100.0, 1.0, 60.0)],
        }
    }

    /// Limit of the ratio error, A, and of the phase displacement, rad, at a current of a transformer rated `rated_a`.
    pub fn limits_at(self, i_a: f64, rated_a: f64) -> (f64, f64) {
        let table = self.limits();
        let percent = 100.0 * i_a / rated_a;
        let minutes = |m: f64| (m / 60.0).to_radians();
        let (first, last) = (table[0], table[table.len() - 1]);
        if percent <= first.0 {
            return (first.1 / 100.0 * first.0 / 100.0 * rated_a, minutes(first.2));
        }
        if percent >= last.0 {
            return (last.1 / 100.0 * i_a, minutes(last.2));
        }
        let at = table.windows(2).find(|w| percent <= w[1].0).map_or((last, last), |w| (w[0], w[1]));
        let share = (percent - at.0.0) / (at.1.0 - at.0.0);
        let between = |a: f64, b: f64| a + (b - a) * share;
        (between(at.0.1, at.1.1) / 100.0 * i_a, minutes(between(at.0.2, at.1.2)))
    }
}

/// Class of a voltage transformer, between 80 and 120 % of its rated voltage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoltageClass {
    C01,
    C02,
    C05,
    C1,
}

impl VoltageClass {
    const ALL: [(Self, &'static str); 4] = [(Self::C01, "0.1"), (Self::C02, "0.2"), (Self::C05, "0.5"), (Self::C1, "1")];

    /// The class of a word such as `0.5`.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, w)| *w == word).map(|(c, _)| c)
    }

    /// Limit of the ratio error as a share, and of the phase displacement, rad.
    pub fn limits(self) -> (f64, f64) {
        let (percent, minutes): (f64, f64) = match self {
            Self::C01 => (0.1, 5.0),
            Self::C02 => (0.2, 10.0),
            Self::C05 => (0.5, 20.0),
            Self::C1 => (1.0, 40.0),
        };
        (percent / 100.0, (minutes / 60.0).to_radians())
    }
}

/// What a measurement goes through: voltage transformer, current transformer, meter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeterClass {
    pub voltage: VoltageClass,
    pub current: CurrentClass,
    /// Limit of the error of the meter or transducer itself, percent of what it reads (IEC 60688, IEC 62053).
    pub meter_percent: f64,
}

impl MeterClass {
    /// Transformers and meter all of one class: `0.1`, `0.2`, `0.5` or `1`.
    pub fn of_word(word: &str) -> Option<Self> {
        let (voltage, current) = (VoltageClass::of_word(word)?, CurrentClass::of_word(word)?);
        word.parse().ok().map(|meter_percent| Self { voltage, current, meter_percent })
    }

    fn meter(&self) -> f64 {
        self.meter_percent / 100.0 / 3f64.sqrt()
    }

    /// Deviation of a voltage, V.
    pub fn sigma_v(&self, v_v: f64) -> f64 {
        v_v.abs() * (self.voltage.limits().0 / 3f64.sqrt()).hypot(self.meter())
    }

    /// Deviation of a current, A, through a transformer rated `rated_a`.
    pub fn sigma_i(&self, i_a: f64, rated_a: f64) -> f64 {
        let (ratio_a, _) = self.current.limits_at(i_a.abs(), rated_a);
        (ratio_a / 3f64.sqrt()).hypot(i_a * self.meter())
    }

    /// Deviations of active and reactive power, W and var, at a voltage and a current through a transformer rated `rated_a`.
    pub fn sigma_pq(&self, p_w: f64, q_var: f64, v_v: f64, i_a: f64, rated_a: f64) -> (f64, f64) {
        let third = 1.0 / 3f64.sqrt();
        let (v_ratio, v_phase) = self.voltage.limits();
        let (i_ratio_a, i_phase) = self.current.limits_at(i_a.abs(), rated_a);
        // What the current transformer adds near no load does not shrink with the power.
        let floor_w = v_v.abs() * i_ratio_a * third;
        let s = p_w.hypot(q_var);
        let shared = (v_ratio * third).hypot(self.meter());
        let phase = (v_phase * third).hypot(i_phase * third);
        let of = |own: f64, other: f64| {
            let of_current = if s > 0.0 { floor_w * (own / s).abs() } else { floor_w };
            let sigma = (own * shared).hypot(of_current).hypot(other * phase);
            // The least that can be told: a tenth of what the ratio of the current transformer promises.
            sigma.max(0.1 * floor_w)
        };
        (of(p_w, q_var), of(q_var, p_w))
    }
}

/// The smallest rated current, A, of the preferred series (10, 12.5, 15, 20, 25, 30, 40, 50, 60, 75 and their decimal multiples;
/// IEC 61869-2:2012, 5.201) that is not below `i_a`.
pub(super) fn preferred_rated_a(i_a: f64) -> f64 {
    const SERIES: [f64; 10] = [1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.5];
    // Nothing is built for less.
    if !(i_a.is_finite() && i_a > 5.0) {
        return 5.0;
    }
    let decade = 10f64.powf(i_a.log10().floor());
    SERIES.iter().map(|s| s * decade).find(|r| *r >= i_a * (1.0 - 1e-12)).unwrap_or(10.0 * decade)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_follow_the_tables() {
        let (ratio_a, phase) = CurrentClass::C05.limits_at(100.0, 100.0);
        assert!((ratio_a - 0.5).abs() < 1e-12 && (phase.to_degrees() * 60.0 - 30.0).abs() < 1e-9);
        let (ratio_a, phase) = CurrentClass::C05.limits_at(5.0, 100.0);
        assert!((ratio_a - 0.075).abs() < 1e-12 && (phase.to_degrees() * 60.0 - 90.0).abs() < 1e-9);
        // Half way between 20 % and 100 %.
        let (ratio_a, _) = CurrentClass::C02.limits_at(60.0, 100.0);
        assert!((ratio_a - 0.6 * 0.275).abs() < 1e-12, "{ratio_a}");
        // Below the table amperes stay.
        assert_eq!(CurrentClass::C1.limits_at(0.0, 100.0).0, CurrentClass::C1.limits_at(5.0, 100.0).0);
        assert_eq!([0.0, 7.0, 11.0, 100.0, 101.0, 800.0].map(preferred_rated_a), [5.0, 7.5, 12.5, 100.0, 125.0, 1000.0]);
    }

    #[test]
    fn power_at_low_power_factor_is_known_badly() {
        let Some(class) = MeterClass::of_word("0.5") else { panic!("a class") };
        // P = 100 W beside Q = 1000 var: the phase displacements of 20' and 30' turn vars into watts.
        let i = 1005.0 / 100.0;
        let (p, q) = class.sigma_pq(100.0, 1000.0, 100.0, i, i);
        let phase = (20f64 / 60.0).to_radians().hypot((30f64 / 60.0).to_radians()) / 3f64.sqrt();
        assert!(p > 1000.0 * phase * 0.999 && p < 1000.0 * phase * 1.02, "{p}");
        assert!(q > 1000.0 * 0.005 && q < 1000.0 * 0.0051, "{q}");
    }
}
