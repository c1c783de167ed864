//! What of a scenario is the same for every network: the weather, how waves change it, what panels give, seasons.

use super::calendar::Calendar;
use super::pv::irradiance::{Irradiance, Plane, erbs, incidence_factor, transpose};
use super::pv::module::Module;
use super::pv::sun::{extraterrestrial_w_per_m2, position};
use super::response::Fitter;
use super::sessions::season_factor;
use super::weather::{self, Wave, YearWeather};
use network::calendar::days_from_civil;
use network::scenario::{DAYS, EvLayer, HOURS, LayerKind, Scenario, ScenarioData, SolarLayer};
use network::{Diagnostic, Severity};
use std::sync::Arc;

/// AC power below which an inverter is off, of its rating.
pub const CUT_OUT: f64 = 0.001;

/// Temperatures of the year before and after a wave, °C.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub before: Arc<[f64]>,
    pub after: Arc<[f64]>,
}

/// A scenario ready to be laid upon networks.
#[derive(Debug)]
pub struct Prepared {
    pub scenario: Arc<Scenario>,
    pub data: Arc<ScenarioData>,
    pub(super) calendar: Calendar,
    /// Before any wave.
    pub(super) weather: Option<YearWeather>,
    /// Temperatures before and after each weather layer; none for other layers.
    pub(super) waves: Vec<Option<Change>>,
    /// Words for each wave.
    pub(super) stories: Vec<Option<String>>,
    /// With all waves.
    pub(super) temperature_c: Option<Arc<[f64]>>,
    pub(super) fitter: Option<Fitter>,
    /// AC power of a kW of panels by orientation, for solar layers.
    pub(super) suns: Vec<Vec<Arc<[f64]>>>,
    /// What resolved conflicts among the layers, and what is worth knowing.
    pub findings: Vec<Diagnostic>,
}

impl Prepared {
    /// Works out what does not depend on a network.
    ///
    /// # Errors
    /// All that is missing of the weather.
    pub fn new(scenario: impl Into<Arc<Scenario>>, data: impl Into<Arc<ScenarioData>>) -> Result<Self, Vec<Diagnostic>> {
        let (scenario, data): (Arc<Scenario>, Arc<ScenarioData>) = (scenario.into(), data.into());
        let calendar = Calendar::new(&scenario);
        let mut errors = Vec::new();
        let base = weather::base(&scenario, &data).unwrap_or_else(|e| {
            errors.push(e);
            None
        });
        let mut findings = Vec::new();
        let mut waves = Vec::new();
        let mut stories = Vec::new();
        let mut present = base.as_ref().map(|b| b.temperature_c.clone());
        let mut earlier: Vec<(usize, Wave)> = Vec::new();
        for (i, layer) in scenario.layers.iter().enumerate() {
            let (mut pair, mut story) = (None, None);
            if let (LayerKind::Weather(l), Some(base), Some(before)) = (&layer.what, &base, &present) {
                match weather::wave(&scenario, i, l, base, &data) {
                    Ok(wave) => {
                        for (j, other) in &earlier {
                            let both = (0..HOURS).filter(|&h| other.covers(h) && wave.covers(h)).count();
                            if both > 0 {
                                let (a, b) = (&scenario.layers[*j].name, &layer.name);
                                let what = Diagnostic::note("SCENARIO.CONFLICT.WEATHER", format!("{a} and {b} overlap in {both} hours"));
                                findings.push(what.at(&layer.source).detail(format!("In these hours {b} holds: the later layer.")));
                            }
                        }
                        let after = wave.upon(before);
                        pair = Some(Change { before: before.clone(), after: after.clone() });
                        story = Some(wave.story.clone());
                        present = Some(after);
                        earlier.push((i, wave));
                    }
                    Err(e) => errors.push(e),
                }
            }
            waves.push(pair);
            stories.push(story);
        }
        conflicts(&scenario, &mut findings);
        let has_wave = waves.iter().any(Option::is_some);
        let fitter = base.as_ref().filter(|_| has_wave).map(|b| Fitter::new(&b.temperature_c, calendar));
        let mut prepared = Self {
            scenario: scenario.clone(),
            data,
            calendar,
            weather: base,
            waves,
            stories,
            temperature_c: present,
            fitter,
            suns: Vec::new(),
            findings,
        };
        for (i, layer) in scenario.layers.iter().enumerate() {
            let mut suns = Vec::new();
            if let LayerKind::Solar(l) = &layer.what {
                match prepared.suns_of(i, l) {
                    Ok(found) => suns = found,
                    Err(e) => errors.push(*e),
                }
            }
            prepared.suns.push(suns);
        }
        if errors.iter().any(|e| e.severity == Severity::Error) { Err(errors) } else { Ok(prepared) }
    }

    /// The year of a kW of panels for each orientation.
    fn suns_of(&self, index: usize, layer: &SolarLayer) -> Result<Vec<Arc<[f64]>>, Box<Diagnostic>> {
        let Some(weather) = &self.weather else { return Ok(Vec::new()) };
        let at = self.scenario.place_in(index, "");
        if weather.ghi_w_per_m2.is_none() {
            let what = Diagnostic::error(
                "SCENARIO.WEATHER.UNUSABLE",
                format!("layer {} needs irradiance, which the weather lacks", self.scenario.layers[index].name),
            );
            return Err(Box::new(what.at(&at).hint("name a file of weather with ghi_w_m2 for the whole year")));
        }
        let mut weather = weather.clone();
        if let Some(t) = &self.temperature_c {
            weather.temperature_c = t.clone();
        }
        let planes = layer.orientations.iter().map(|o| Plane { tilt_deg: o.tilt_deg, azimuth_deg: o.azimuth_deg });
        Ok(planes.map(|plane| panel_year(layer, &weather, plane, self.calendar.steps_per_hour).into()).collect())
    }

    /// Factor of the season of a layer's vehicles by day; 1 without weather.
    pub(super) fn season(&self, layer: &EvLayer) -> Vec<f64> {
        match &self.temperature_c {
            Some(t) => (0..DAYS).map(|d| season_factor(layer, t[24 * d..24 * d + 24].iter().sum::<f64>() / 24.0)).collect(),
            None => vec![1.0; DAYS],
        }
    }
}

/// AC power of a kW of panels, mean of each step, kW; below the inverter's cut-out zero.
///
/// The sun stands for a step where it is in its middle; irradiance is that of the hour.
pub fn panel_year(layer: &SolarLayer, weather: &YearWeather, plane: Plane, steps_per_hour: usize) -> Vec<f64> {
    let Some(ghi) = &weather.ghi_w_per_m2 else { return vec![0.0; HOURS * steps_per_hour] };
    let module = Module {
        temperature_per_c: layer.temperature_pct_per_c / 100.0,
        losses: layer.losses_pct / 100.0,
        dc_ac_ratio: layer.dc_ac_ratio,
        inverter_efficiency: layer.inverter_efficiency_pct / 100.0,
        u0_w_per_m2_c: layer.faiman_u0_w_per_m2_c,
        u1_w_s_per_m3_c: layer.faiman_u1_w_s_per_m3_c,
    };
    let cut_out = CUT_OUT / layer.dc_ac_ratio;
    let begin = days_from_civil(i64::from(weather.sun_year), 1, 1) as f64 * 86_400.0 - weather.utc_offset_h * 3600.0;
    let leap = days_from_civil(i64::from(weather.sun_year), 3, 1) - days_from_civil(i64::from(weather.sun_year), 2, 28) == 2;
    (0..HOURS * steps_per_hour)
        .map(|k| {
            let hour = k / steps_per_hour;
            if ghi[hour] <= 0.0 {
                return 0.0;
            }
            // The 29th of February is not in the scenario's year.
            let skipped = if leap && hour / 24 >= 59 { 86_400.0 } else { 0.0 };
            let sun = position(weather.place, begin + skipped + (k as f64 + 0.5) * 3600.0 / steps_per_hour as f64);
            if sun.zenith_deg >= 90.0 {
                return 0.0;
            }
            let e0 = extraterrestrial_w_per_m2((hour / 24 + 1) as f64);
            let light = match (&weather.dni_w_per_m2, &weather.dhi_w_per_m2) {
                (Some(dni), Some(dhi)) => Irradiance { ghi: ghi[hour], dni: dni[hour].max(0.0), dhi: dhi[hour].max(0.0) },
                _ => erbs(ghi[hour], sun, e0),
            };
            let on = transpose(light, sun, e0, plane, layer.albedo_pct / 100.0, layer.transposition);
            let effective = on.direct * incidence_factor(plane.cos_incidence(sun), layer.incidence_b) + on.diffuse;
            let wind = weather.wind_m_per_s.as_ref().map_or(layer.wind_speed_m_per_s, |w| w[hour].max(0.0));
            let cell_c = module.cell_c(on.direct + on.diffuse, weather.temperature_c[hour], wind);
            let ac = module.ac_kw(module.dc_kw(effective, cell_c));
            if ac < cut_out { 0.0 } else { ac }
        })
        .collect()
}

/// Conflicts that the layers alone show, with the rule that resolves them.
fn conflicts(scenario: &Scenario, findings: &mut Vec<Diagnostic>) {
    let policies = || scenario.layers.iter().filter_map(|l| if let LayerKind::Policy(p) = &l.what { Some((l, p)) } else { None });
    let volt_var: Vec<_> = policies().filter(|(_, p)| p.volt_var.is_some()).collect();
    if let [.., (before, _), (last, _)] = volt_var[..] {
        let what =
            Diagnostic::note("SCENARIO.CONFLICT.VOLT_VAR", format!("{} and {} both ask for a volt-var function", before.name, last.name));
        findings.push(what.at(&last.source).detail("An inverter has one: that of the later layer holds."));
    }
    let tariffs: Vec<_> = policies().filter_map(|(l, p)| p.tou.as_ref().map(|t| (l, p, t))).collect();
    for (i, (a, pa, ta)) in tariffs.iter().enumerate() {
        for (b, pb, tb) in &tariffs[i + 1..] {
            let months = |first: i64, last: i64| {
                (1..=12).filter(move |m| if first <= last { (first..=last).contains(m) } else { *m >= first || *m <= last })
            };
            let share_month = months(ta.first_month, ta.last_month).any(|m| months(tb.first_month, tb.last_month).any(|n| m == n));
            let both_full = ta.participation_pct + tb.participation_pct > 100.0;
            if share_month && both_full && pa.allocation == pb.allocation {
                let what = Diagnostic::warning(
                    "SCENARIO.CONFLICT.TARIFF",
                    format!("{} and {} are tariffs for the same loads at the same time", a.name, b.name),
                );
                findings.push(
                    what.at(&b.source).detail("The later acts on what the earlier leaves.").hint("let them share the loads, or the months"),
                );
            }
        }
    }
}
