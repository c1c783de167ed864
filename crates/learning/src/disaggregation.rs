//! Photovoltaics behind a meter that shows the difference of load and generation alone.
//!
//! A kilowatt of panels on a plane `k` gives `p_k(t)` by the project's own models of sun, irradiance and modules. The meter shows
//!
//! ```text
//! net_t = load_t - C p_k(t),   C >= 0
//! load_t = a(group of t) + Σ_j b_j w_j(t) + e_t
//! ```
//!
//! where hours of a group are alike in all but the weather: the same hour, both workdays or both weekend days, within the same four weeks; `w_j` are degrees past four
//! temperatures, lagged by three hours. Within a group clouds come and go, and what the meter shows less under a clear sky than under clouds at a like temperature is
//! the panels' work. Group means and `w_j` are taken out of `net` and of every `p_k` (Frisch, Waugh and Lovell); for each plane `C` is then a quotient of two
//! products, and the plane is the one that leaves least. The deviation of `C` counts days as independent and the hours of a day as not (Liang and Zeger, 1986).
//!
//! Panels are said to be there when `C` is at least [`LEAST_T`] deviations and [`LEAST_KW`]; the first is high since the best of many planes is looked at.
//!
//! **What it cannot tell.** Load that answers to light itself (lamps, blinds) counts as panels; panels on several planes come out as one between them; capacity is told
//! for modules with the losses of [`MODULE`], and comes out high or low by as much as the real losses are less or more. Energy suffers less.

use crate::forecast::{FitError, check, varied};
use crate::regression::dot;
use network::LonLat;
use network::scenario::Transposition;
use serde::{Deserialize, Serialize};
use studies::scenario::pv::irradiance::{Plane, erbs, incidence_factor, transpose};
use studies::scenario::pv::module::Module;
use studies::scenario::pv::sun;

/// Deviations of the capacity from which panels are said to be there.
pub const LEAST_T: f64 = 5.0;
/// Capacity from which panels are said to be there, kW.
pub const LEAST_KW: f64 = 0.3;

/// Planes that are tried: tilts, and azimuths clockwise from north.
const TILTS_DEG: [f64; 4] = [10.0, 20.0, 30.0, 45.0];
const AZIMUTHS_DEG: [f64; 7] = [90.0, 120.0, 150.0, 180.0, 210.0, 240.0, 270.0];
/// Temperatures past which degrees count, °C: above, below.
const WARMER_C: [f64; 2] = [18.0, 23.0];
const COLDER_C: [f64; 2] = [15.0, 8.0];
/// Hours of four weeks.
const SEASON_H: usize = 672;
const GROUND_ALBEDO: f64 = 0.2;
/// `b` of ASHRAE's incidence formula.
const INCIDENCE: f64 = 0.05;
/// Wind where none is measured, m/s.
const WIND_M_PER_S: f64 = 2.0;

/// Modules that a kilowatt is told for: PVWatts' losses of 14 %, a DC/AC ratio of 1.2 and an inverter of 96 % (Dobos, NREL/TP-6A20-62641).
pub const MODULE: Module = Module {
    temperature_per_c: -0.0037,
    losses: 0.1408,
    dc_ac_ratio: 1.2,
    inverter_efficiency: 0.96,
    u0_w_per_m2_c: 25.0,
    u1_w_s_per_m3_c: 6.84,
};

/// Weather of consecutive hours at a place.
#[derive(Clone, Copy, Debug)]
pub struct Sky<'a> {
    pub place: LonLat,
    /// When the first hour begins, seconds since 1970-01-01T00:00 UTC.
    pub first_utc_s: i64,
    /// Hours since Monday 00:00, local, of the first hour.
    pub first_hour_of_week: usize,
    pub temperature_c: &'a [f64],
    /// On the horizontal, measured or modelled with its clouds; a clear sky throughout tells panels from habits only by the season.
    pub ghi_w_per_m2: &'a [f64],
}

/// Power of a kilowatt of panels, kW, hour by hour.
pub fn unit_power_kw(sky: &Sky, plane: Plane, module: &Module) -> Vec<f64> {
    (0..sky.ghi_w_per_m2.len())
        .map(|k| {
            let middle = sky.first_utc_s as f64 + 3600.0 * (k as f64 + 0.5);
            let ghi = sky.ghi_w_per_m2[k];
            if ghi <= 0.0 {
                return 0.0;
            }
            let at = sun::position(sky.place, middle);
            let day = (middle / 86_400.0).rem_euclid(365.2425) + 1.0;
            let e0 = sun::extraterrestrial_w_per_m2(day);
            let on = transpose(erbs(ghi, at, e0), at, e0, plane, GROUND_ALBEDO, Transposition::HayDavies);
            let effective = on.direct * incidence_factor(plane.cos_incidence(at), INCIDENCE) + on.diffuse;
            let cell_c = module.cell_c(on.direct + on.diffuse, sky.temperature_c[k], WIND_M_PER_S);
            module.ac_kw(module.dc_kw(effective, cell_c))
        })
        .collect()
}

/// Panels found behind a meter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PvEstimate {
    pub capacity_kw: f64,
    /// 1.96 deviations of noise to both sides; what modules and planes leave open comes on top ([`planted`] has both).
    pub low_kw: f64,
    pub high_kw: f64,
    pub tilt_deg: f64,
    pub azimuth_deg: f64,
    pub energy_kwh: f64,
}

/// What is said of a meter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disaggregation {
    /// None: no panels.
    pub pv: Option<PvEstimate>,
    /// Capacity of the best plane in its deviations, whatever is said.
    pub t: f64,
    /// Least load of the meter, kW; below 0 it feeds in, which load alone does not.
    pub least_net_kw: f64,
    /// Power of the panels, kW; zeros without any.
    pub pv_kw: Vec<f64>,
    /// Load behind the meter, kW.
    pub load_kw: Vec<f64>,
}

/// One plane, and its power with group means and temperature taken out.
struct Candidate {
    plane: Plane,
    power_kw: Vec<f64>,
    swept: Vec<f64>,
    square: f64,
}

/// Everything that the meters of one place share.
pub struct Disaggregator {
    groups: Vec<usize>,
    n_groups: usize,
    /// Orthonormal directions of temperature.
    warmth: Vec<Vec<f64>>,
    candidates: Vec<Candidate>,
    first_hour_of_week: usize,
}

fn demeaned(values: &[f64], groups: &[usize], n: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); n];
    for (v, &g) in values.iter().zip(groups) {
        sums[g] = (sums[g].0 + v, sums[g].1 + 1.0);
    }
    values.iter().zip(groups).map(|(v, &g)| v - sums[g].0 / sums[g].1).collect()
}

fn without(mut values: Vec<f64>, directions: &[Vec<f64>]) -> Vec<f64> {
    for d in directions {
        let along = dot(&values, d);
        values.iter_mut().zip(d).for_each(|(v, d)| *v -= along * d);
    }
    values
}

impl Disaggregator {
    /// Prepares a place: at least eight weeks of weather.
    ///
    /// # Errors
    /// Too little weather, lengths that differ, values that are no finite numbers, irradiance that never changes.
    pub fn new(sky: &Sky) -> Result<Self, FitError> {
        check("the irradiance", sky.ghi_w_per_m2, 2 * SEASON_H)?;
        check("the temperature", sky.temperature_c, 2 * SEASON_H)?;
        let hours = sky.ghi_w_per_m2.len();
        if sky.temperature_c.len() != hours {
            return Err(FitError::Length { what: "the temperature".into(), expected: hours, found: sky.temperature_c.len() });
        }
        varied("the irradiance", sky.ghi_w_per_m2)?;
        // The last weeks count to the season before them when they are fewer than four.
        let seasons = hours / SEASON_H;
        let group = |t: usize| {
            let of_week = (sky.first_hour_of_week + t) % 168;
            ((t / SEASON_H).min(seasons - 1) * 2 + usize::from(of_week >= 120)) * 24 + of_week % 24
        };
        let groups: Vec<usize> = (0..hours).map(group).collect();
        let n_groups = seasons * 48;
        let keep = 1.0 - (-1.0f64 / 3.0).exp();
        let mut s = sky.temperature_c[0];
        let lagged: Vec<f64> = sky
            .temperature_c
            .iter()
            .map(|t| {
                s += keep * (t - s);
                s
            })
            .collect();
        let mut warmth: Vec<Vec<f64>> = Vec::new();
        let warmer = WARMER_C.iter().map(|&c| lagged.iter().map(|s| (s - c).max(0.0)).collect::<Vec<f64>>());
        let colder = COLDER_C.iter().map(|&c| lagged.iter().map(|s| (c - s).max(0.0)).collect::<Vec<f64>>());
        for values in warmer.chain(colder) {
            let plain = demeaned(&values, &groups, n_groups);
            let size = dot(&plain, &plain);
            let left = without(plain, &warmth);
            let length = dot(&left, &left).sqrt();
            if length * length > 1e-6 * size && size > 0.0 {
                warmth.push(left.iter().map(|v| v / length).collect());
            }
        }
        let mut candidates = Vec::with_capacity(TILTS_DEG.len() * AZIMUTHS_DEG.len());
        for tilt_deg in TILTS_DEG {
            for azimuth_deg in AZIMUTHS_DEG {
                let plane = Plane { tilt_deg, azimuth_deg };
                let power_kw = unit_power_kw(sky, plane, &MODULE);
                let swept = without(demeaned(&power_kw, &groups, n_groups), &warmth);
                let square = dot(&swept, &swept);
                candidates.push(Candidate { plane, power_kw, swept, square });
            }
        }
        if candidates.iter().all(|c| c.square <= 0.0) {
            return Err(FitError::Constant { what: "irradiance within like hours".into(), value: 0.0 });
        }
        Ok(Self { groups, n_groups, warmth, candidates, first_hour_of_week: sky.first_hour_of_week })
    }

    /// What is behind a meter; `net_kw` is load less generation, of the hours of the weather.
    ///
    /// # Errors
    /// Another number of hours, values that are no finite numbers or all the same.
    pub fn estimate(&self, net_kw: &[f64]) -> Result<Disaggregation, FitError> {
        if net_kw.len() != self.groups.len() {
            return Err(FitError::Length { what: "the meter".into(), expected: self.groups.len(), found: net_kw.len() });
        }
        check("the meter", net_kw, 1)?;
        varied("the meter", net_kw)?;
        let y = without(demeaned(net_kw, &self.groups, self.n_groups), &self.warmth);
        let mut best: Option<(f64, f64, &Candidate)> = None;
        for c in self.candidates.iter().filter(|c| c.square > 0.0) {
            let along = -dot(&c.swept, &y);
            let explained = along.max(0.0) * along.max(0.0) / c.square;
            if best.as_ref().is_none_or(|b| explained > b.0) {
                best = Some((explained, along.max(0.0) / c.square, c));
            }
        }
        let least_net_kw = net_kw.iter().copied().fold(f64::INFINITY, f64::min);
        let none = Disaggregation { pv: None, t: 0.0, least_net_kw, pv_kw: vec![0.0; net_kw.len()], load_kw: net_kw.to_vec() };
        let Some((_, capacity_kw, found)) = best else { return Ok(none) };
        let mut by_day = 0.0;
        let mut sum = 0.0;
        for (t, (x, y)) in found.swept.iter().zip(&y).enumerate() {
            if t > 0 && (self.first_hour_of_week + t).is_multiple_of(24) {
                by_day += sum * sum;
                sum = 0.0;
            }
            sum += x * (y + capacity_kw * x);
        }
        by_day += sum * sum;
        let deviation = by_day.sqrt() / found.square;
        let t = if capacity_kw > 0.0 { capacity_kw / deviation.max(f64::MIN_POSITIVE) } else { 0.0 };
        if t < LEAST_T || capacity_kw < LEAST_KW {
            return Ok(Disaggregation { t, ..none });
        }
        let pv_kw: Vec<f64> = found.power_kw.iter().map(|p| capacity_kw * p).collect();
        Ok(Disaggregation {
            pv: Some(PvEstimate {
                capacity_kw,
                low_kw: (capacity_kw - 1.96 * deviation).max(0.0),
                high_kw: capacity_kw + 1.96 * deviation,
                tilt_deg: found.plane.tilt_deg,
                azimuth_deg: found.plane.azimuth_deg,
                energy_kwh: pv_kw.iter().sum(),
            }),
            t,
            least_net_kw,
            load_kw: net_kw.iter().zip(&pv_kw).map(|(n, p)| n + p).collect(),
            pv_kw,
        })
    }
}

pub mod planted;

#[cfg(test)]
mod tests;
