//! How far estimates of panels lie off, by panels that were planted in loads where the truth is then known.
//!
//! The deviation that [`Disaggregator`] tells is that of noise alone: that the best of 28 planes was chosen, that losses are others than taken for granted, that panels lie
//! on two planes, that clouds over the roof are not those of the station is not in it. So panels are drawn whose planes, losses and clouds scatter as those of real roofs do,
//! and are planted in loads of the place: the meters without panels, or where these are few, what is left of the others without theirs (whose own error then
//! counts once more, which makes intervals wider and not narrower). Each is estimated as a customer is, and scores
//!
//! ```text
//! s = |truth / found - 1| / w(t),      w(t) = sqrt(1 / t² + r²),     t the capacity in deviations, r = 0.05 of capacities, 0.03 of energies
//! ```
//!
//! With `q` the conformal quantile of the scores ([`crate::conformal`]) a customer's interval is `found (1 ∓ q w(t))`: it holds the truth with the probability that is
//! promised if the customer is like the planted ones. `r` is no claim, it only says that small capacities err by noise and large ones by the rest; `q` takes up what it
//! gets wrong. Energy in *other weather* is scored by estimates from one half of the time against the planted energy in the other half.

use super::{Disaggregation, Disaggregator, MODULE, Sky, unit_power_kw};
use crate::conformal::Conformal;
use studies::scenario::pv::irradiance::Plane;
use studies::scenario::pv::module::Module;
use studies::synthetic::random::Random;

const PURPOSE: u64 = 0x7061_6e65_6c73;
const REST_CAPACITY: f64 = 0.05;
const REST_ENERGY: f64 = 0.03;
/// One roof in so many has panels on two planes.
const TWO_PLANES: f64 = 1.0 / 6.0;
/// Deviation of the roof's irradiance from the station's: of all hours together, and of each hour.
const STATION: f64 = 0.03;
const CLOUDS: f64 = 0.10;

/// What is planted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlantOptions {
    pub count: usize,
    /// Capacities are drawn between these, evenly by their logarithm, kW.
    pub least_kw: f64,
    pub most_kw: f64,
    pub seed: u64,
}

/// Scores of one planted roof.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trial {
    /// Place in the list of loads.
    pub load: usize,
    /// None where the panels were not told.
    pub capacity: Option<f64>,
    pub energy: Option<f64>,
    /// Energy in the half of the time that the estimate has not seen.
    pub elsewhere: Vec<f64>,
}

/// Half width of a capacity's interval before the quantile, as a share of it; `t` is the capacity in deviations.
pub fn width_capacity(t: f64) -> f64 {
    (1.0 / t).hypot(REST_CAPACITY)
}

/// The same of an energy.
pub fn width_energy(t: f64) -> f64 {
    (1.0 / t).hypot(REST_ENERGY)
}

/// Plants panels in loads (kW, the hours of `sky`) and estimates them. `halves` are of the first and the second part of the same hours.
pub fn trials(
    place: &Disaggregator,
    halves: Option<[&Disaggregator; 2]>,
    sky: &Sky,
    loads: &[&[f64]],
    options: &PlantOptions,
) -> Vec<Trial> {
    let n = sky.ghi_w_per_m2.len();
    (0..options.count)
        .filter(|_| !loads.is_empty())
        .map(|i| {
            let load = i % loads.len();
            let (pv, capacity_kw) = roof(sky, options, i as u64);
            let net: Vec<f64> = loads[load].iter().zip(&pv).map(|(l, p)| l - p).collect();
            let mut trial = Trial { load, ..Trial::default() };
            let energy = |from: usize, to: usize| pv[from..to].iter().sum::<f64>();
            if let Some((found, told)) = place.estimate(&net).ok().and_then(|d| Some((d.t, d.pv?))) {
                trial.capacity = Some((capacity_kw / told.capacity_kw - 1.0).abs() / width_capacity(found));
                trial.energy = Some((energy(0, n) / told.energy_kwh - 1.0).abs() / width_energy(found));
            }
            if let Some([first, second]) = halves {
                let middle = first.groups.len();
                let parts = [(first, 0..middle, middle..n), (second, middle..n, 0..middle)];
                for (place, own, other) in parts {
                    let Some(d) = place.estimate(&net[own]).ok().filter(|d| d.pv.is_some()) else { continue };
                    if let Some(score) = elsewhere(&d, sky, other.clone(), energy(other.start, other.end)) {
                        trial.elsewhere.push(score);
                    }
                }
            }
            trial
        })
        .collect()
}

/// Score of the energy that an estimate comes to in other hours.
fn elsewhere(found: &Disaggregation, sky: &Sky, hours: std::ops::Range<usize>, truth_kwh: f64) -> Option<f64> {
    let told = found.pv.as_ref()?;
    let there = Sky {
        first_utc_s: sky.first_utc_s + 3600 * hours.start as i64,
        temperature_c: &sky.temperature_c[hours.clone()],
        ghi_w_per_m2: &sky.ghi_w_per_m2[hours],
        ..*sky
    };
    let plane = Plane { tilt_deg: told.tilt_deg, azimuth_deg: told.azimuth_deg };
    let said: f64 = told.capacity_kw * unit_power_kw(&there, plane, &MODULE).iter().sum::<f64>();
    (said > 0.0).then(|| (truth_kwh / said - 1.0).abs() / width_energy(found.t))
}

/// Power of panels as roofs have them, kW, and their capacity.
fn roof(sky: &Sky, options: &PlantOptions, index: u64) -> (Vec<f64>, f64) {
    let mut random = Random::new(options.seed, PURPOSE, index);
    let (low, high) = (options.least_kw.ln(), options.most_kw.ln());
    let capacity_kw = if high > low { random.between(low, high).exp() } else { options.least_kw };
    let plane = Plane { tilt_deg: random.between(5.0, 50.0), azimuth_deg: random.between(80.0, 280.0) };
    let module = Module {
        losses: random.between(0.10, 0.18),
        temperature_per_c: random.between(-0.0045, -0.003),
        dc_ac_ratio: random.between(1.05, 1.3),
        ..MODULE
    };
    let other = random
        .chance(TWO_PLANES)
        .then(|| Plane { tilt_deg: plane.tilt_deg, azimuth_deg: 80.0 + (plane.azimuth_deg - 80.0 + 90.0) % 200.0 });
    let station = 1.0 + STATION * random.normal();
    let ghi: Vec<f64> = sky.ghi_w_per_m2.iter().map(|g| g * (station * (1.0 + CLOUDS * random.normal())).clamp(0.5, 1.4)).collect();
    let there = Sky { ghi_w_per_m2: &ghi, ..*sky };
    let one = unit_power_kw(&there, plane, &module);
    let unit: Vec<f64> = match other {
        Some(other) => one.iter().zip(unit_power_kw(&there, other, &module)).map(|(a, b)| 0.5 * (a + b)).collect(),
        None => one,
    };
    (unit.iter().map(|p| capacity_kw * p).collect(), capacity_kw)
}

/// Which of a trial's scores.
pub type Pick = fn(&Trial) -> Vec<f64>;

/// The scores of some trials.
pub fn scores<'a>(trials: impl Iterator<Item = &'a Trial>, pick: Pick) -> Vec<f64> {
    trials.flat_map(pick).filter(|s| s.is_finite()).collect()
}

/// What a share `level` of roofs stays below; none for too few scores.
pub fn quantile(scores: &[f64], level: f64) -> Option<f64> {
    Conformal::split(scores, &vec![0.0; scores.len()], 1.0 - level).ok().map(|c| c.widen)
}

/// Share of roofs that intervals of a level hold, loads of one half being judged by quantiles of the other: per score whether it was held, and the load that it is of.
pub fn held(trials: &[Trial], pick: Pick, level: f64) -> Vec<(u32, bool)> {
    let mut all = Vec::new();
    for side in [0, 1] {
        let (own, other): (Vec<&Trial>, Vec<&Trial>) = trials.iter().partition(|t| t.load % 2 == side);
        let Some(q) = quantile(&scores(other.into_iter(), pick), level) else { continue };
        for t in own {
            all.extend(pick(t).into_iter().map(|s| (t.load as u32, s <= q)));
        }
    }
    all
}
