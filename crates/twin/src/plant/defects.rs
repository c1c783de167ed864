//! Defects that grow: what goes wrong slowly, before a relay or a limit sees it.
//!
//! A defect grows evenly from nothing to its full extent within the hours that it is given and stays there until it is mended; `s` in 0 … 1 is
//! how far it is. Extents are this plant's choice; which gases a fault in oil gives off follows the zones of Duval's triangle (IEC 60599), by
//! which the ratios of the gases that are added lie in the zone named.
//!
//! | defect | at | what it does |
//! |---|---|---|
//! | `cooling_blocked` | transformer | rises of the top oil 1 + 0.5 s as high: radiators that are dirty or shut |
//! | `fans_failed` | transformer | fans do not start |
//! | `oil_overheating` | transformer | gas of a hot metal joint (T3): a day 4 s CH4, 1 s C2H6, 8 s C2H4, 1.5 s H2, 0.1 s C2H2, ul/l |
//! | `partial_discharge` | transformer | gas of a corona in oil (PD): a day 6 s H2, 0.5 s CH4, ul/l |
//! | `arcing` | transformer | gas of discharges of low energy (D1): a day 3 s H2, 0.5 s CH4, 0.4 s C2H4, 1.6 s C2H2, ul/l |
//! | `loose_winding` | transformer | vibration by the current 1 + 1.5 s as strong |
//! | `bushing_moisture` | transformer | dissipation of the bushings 0.9 s percent more |
//! | `gas_leak` | breaker | SF6 leaks 40 s percent a year more |
//! | `instrument_drift` | point | an instrument shows 1 + 0.05 s of the truth |

use super::condition::HOURS_A_YEAR;
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefectKind {
    CoolingBlocked,
    FansFailed,
    OilOverheating,
    PartialDischarge,
    Arcing,
    LooseWinding,
    BushingMoisture,
    GasLeak,
    InstrumentDrift,
}

/// What a defect can be at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    Transformer,
    Breaker,
    Point,
}

impl DefectKind {
    pub const ALL: [Self; 9] = [
        Self::CoolingBlocked,
        Self::FansFailed,
        Self::OilOverheating,
        Self::PartialDischarge,
        Self::Arcing,
        Self::LooseWinding,
        Self::BushingMoisture,
        Self::GasLeak,
        Self::InstrumentDrift,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::CoolingBlocked => "cooling_blocked",
            Self::FansFailed => "fans_failed",
            Self::OilOverheating => "oil_overheating",
            Self::PartialDischarge => "partial_discharge",
            Self::Arcing => "arcing",
            Self::LooseWinding => "loose_winding",
            Self::BushingMoisture => "bushing_moisture",
            Self::GasLeak => "gas_leak",
            Self::InstrumentDrift => "instrument_drift",
        }
    }

    pub fn site(self) -> Site {
        match self {
            Self::GasLeak => Site::Breaker,
            Self::InstrumentDrift => Site::Point,
            _ => Site::Transformer,
        }
    }

    /// Gas that it gives off at its full extent, ul/l a day, in the order of [`super::condition::GAS_NAMES`].
    fn gas_per_day(self) -> [f64; 7] {
        match self {
            Self::OilOverheating => [1.5, 4.0, 1.0, 8.0, 0.1, 0.0, 0.0],
            Self::PartialDischarge => [6.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0],
            Self::Arcing => [3.0, 0.5, 0.0, 0.4, 1.6, 0.0, 0.0],
            _ => [0.0; 7],
        }
    }
}

/// A defect of one asset, or of the instrument of one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Defect {
    /// Asset of the register, or name of the point.
    pub subject: String,
    pub kind: DefectKind,
    pub since_s: f64,
    /// Time from nothing to the full extent, h; 0 at once.
    pub grows_h: f64,
}

impl Defect {
    /// How far it is, 0 … 1.
    pub fn extent(&self, time_s: f64) -> f64 {
        let hours = (time_s - self.since_s) / 3600.0;
        if hours < 0.0 {
            0.0
        } else if self.grows_h > 0.0 {
            (hours / self.grows_h).min(1.0)
        } else {
            1.0
        }
    }
}

/// What the defects of one subject come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effects {
    pub oil_rise_factor: f64,
    pub fans_work: bool,
    /// ul/l a year, as the law of ageing gives it too.
    pub gas_per_year: [f64; 7],
    pub winding_vibration_factor: f64,
    pub tan_delta_more_pct: f64,
    pub leak_more_pct_per_year: f64,
    pub shown_factor: f64,
}

impl Effects {
    /// Of a sound subject.
    pub const NONE: Self = Self {
        oil_rise_factor: 1.0,
        fans_work: true,
        gas_per_year: [0.0; 7],
        winding_vibration_factor: 1.0,
        tan_delta_more_pct: 0.0,
        leak_more_pct_per_year: 0.0,
        shown_factor: 1.0,
    };

    pub fn of(defects: &[Defect], subject: &str, time_s: f64) -> Self {
        let mut effects = Self::NONE;
        for defect in defects.iter().filter(|d| d.subject == subject) {
            let s = defect.extent(time_s);
            match defect.kind {
                DefectKind::CoolingBlocked => effects.oil_rise_factor *= 1.0 + 0.5 * s,
                DefectKind::FansFailed => effects.fans_work &= s <= 0.0,
                DefectKind::LooseWinding => effects.winding_vibration_factor *= 1.0 + 1.5 * s,
                DefectKind::BushingMoisture => effects.tan_delta_more_pct += 0.9 * s,
                DefectKind::GasLeak => effects.leak_more_pct_per_year += 40.0 * s,
                DefectKind::InstrumentDrift => effects.shown_factor *= 1.0 + 0.05 * s,
                DefectKind::OilOverheating | DefectKind::PartialDischarge | DefectKind::Arcing => {
                    for (sum, rate) in effects.gas_per_year.iter_mut().zip(defect.kind.gas_per_day()) {
                        *sum += s * rate * HOURS_A_YEAR / 24.0;
                    }
                }
            }
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_grows_evenly_and_stays() {
        let d = Defect { subject: "T1".into(), kind: DefectKind::CoolingBlocked, since_s: 7200.0, grows_h: 10.0 };
        let at = |h: f64| Effects::of(std::slice::from_ref(&d), "T1", h * 3600.0).oil_rise_factor;
        assert_eq!([at(0.0), at(2.0), at(7.0), at(12.0), at(100.0)], [1.0, 1.0, 1.25, 1.5, 1.5]);
        assert_eq!(Effects::of(&[d], "T2", 1e9), Effects::NONE);
        let sudden = Defect { subject: "T1".into(), kind: DefectKind::FansFailed, since_s: 0.0, grows_h: 0.0 };
        assert!(!Effects::of(&[sudden], "T1", 0.0).fans_work);
    }

    /// The zones of the triangle, by the shares of CH4, C2H4 and C2H2 in their sum, percent (IEC 60599, annex B).
    #[test]
    fn gases_lie_in_the_zones_of_duvals_triangle() {
        let shares = |kind: DefectKind| {
            let g = kind.gas_per_day();
            let sum = g[1] + g[3] + g[4];
            [g[1], g[3], g[4]].map(|x| 100.0 * x / sum)
        };
        let [_, c2h4, c2h2] = shares(DefectKind::OilOverheating);
        assert!(c2h4 > 50.0 && c2h2 < 15.0, "T3");
        let [ch4, ..] = shares(DefectKind::PartialDischarge);
        assert!(ch4 > 98.0, "PD");
        let [_, c2h4, c2h2] = shares(DefectKind::Arcing);
        assert!(c2h4 < 23.0 && c2h2 > 13.0, "D1");
    }
}
