//! Layers that the weather drives: waves upon the present load, heat pumps; and growth.

use super::allocation::stream;
use super::calendar::Calendar;
use super::prepare::Change;
use super::response::Response;
use super::stack::Stack;
use network::Diagnostic;
use network::scenario::{ElectrificationLayer, GrowthLayer, HOURS, Mandated, WeatherLayer};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Means of hours of a course of steps.
fn hourly(course: &[f64], calendar: Calendar) -> Vec<f64> {
    let n = calendar.steps_per_hour;
    course.chunks(n).map(|c| c.iter().sum::<f64>() / n as f64).collect()
}

/// Electric power of a heat pump in a house that loses a kW of heat for each degree, kW.
///
/// ```text
/// heat Q = max(0, Tb - T);  the pump gives at most C (1 - s (8.3 - T)) of it, resistances the rest where there are any
/// P = Q_pump / COP(T) + Q_rest,   COP straight through its values at 8.3 and -8.3 °C, not below a least value
/// ```
pub fn heat_pump_kw(l: &ElectrificationLayer, temperature_c: f64) -> f64 {
    let heat = (l.balance_c - temperature_c).max(0.0);
    // The capacity of a house of median loss, for one of 1 kW/°C.
    let capacity = l.capacity_kw / l.heat_loss_kw_per_c * (1.0 - l.capacity_pct_per_c / 100.0 * (8.3 - temperature_c)).max(0.0);
    let slope = (l.cop_at_8_3_c - l.cop_at_minus_8_3_c) / 16.6;
    let cop = (l.cop_at_8_3_c + slope * (temperature_c - 8.3)).max(l.cop_min);
    let pumped = heat.min(capacity);
    pumped / cop + if l.backup { heat - pumped } else { 0.0 }
}

impl Stack<'_> {
    /// How the shape of a course answers to temperature.
    fn response(&self, l: &WeatherLayer, origin: usize) -> Response {
        let course = &self.courses.all[origin].p;
        match &self.prepared.fitter {
            Some(fitter) if l.fit => fitter.fit(&hourly(course, self.prepared.calendar)),
            _ => {
                let mean = course.iter().sum::<f64>() / course.len() as f64;
                Response {
                    cooling_per_c: mean * l.cooling_pct_per_c / 100.0,
                    heating_per_c: mean * l.heating_pct_per_c / 100.0,
                    cool_above_c: l.cooling_above_c,
                    heat_below_c: l.heating_below_c,
                    tau_h: 0.0,
                    r2: None,
                }
            }
        }
    }

    pub(super) fn wave(&mut self, index: usize, l: &WeatherLayer) {
        let Some(Change { before, after }) = self.prepared.waves[index].clone() else { return };
        let admitted = self.sites.admitted(&self.network, &l.allocation);
        let loads = self.movable(&admitted);
        let mut responses: HashMap<usize, Response> = HashMap::new();
        let (mut unmoved, mut facts) = (0, Vec::new());
        for &load in &loads {
            let origin = self.courses.all[self.courses.of_load[load]].origin;
            if let Entry::Vacant(place) = responses.entry(origin) {
                let r = self.response(l, origin);
                let name = &self.courses.all[origin].name;
                facts.push(match r.r2 {
                    Some(r2) if r.cooling_per_c == 0.0 && r.heating_per_c == 0.0 => {
                        format!("{name}: temperature explains {:.0} % beyond hours and days, so it does not move", 100.0 * r2)
                    }
                    Some(r2) => format!(
                        "{name}: fitted, +{:.4} for a degree above {} °C, +{:.4} below {} °C, lag {} h, R² {r2:.2}",
                        r.cooling_per_c, r.cool_above_c, r.heating_per_c, r.heat_below_c, r.tau_h
                    ),
                    None => format!(
                        "{name}: as the layer says, +{:.4} above {} °C, +{:.4} below {} °C",
                        r.cooling_per_c, r.cool_above_c, r.heating_per_c, r.heat_below_c
                    ),
                });
                place.insert(r);
            }
            let r = responses[&origin];
            unmoved += usize::from(r.cooling_per_c == 0.0 && r.heating_per_c == 0.0);
        }
        if l.fit && !loads.is_empty() && unmoved == loads.len() {
            let layer = &self.prepared.scenario.layers[index];
            let what =
                Diagnostic::warning("SCENARIO.WEATHER.NO_RESPONSE", format!("{} moves no load of {}", layer.name, self.network.name));
            let what = what
                .at(&layer.source)
                .detail("The yearly shapes of its loads do not follow the temperature of the scenario's weather, or there are none.");
            self.findings.push(what.hint("give the weather of the year that the shapes are of, or say `fit: false` with slopes"));
        }
        let n = self.prepared.calendar.steps_per_hour;
        let mut changes: HashMap<usize, Vec<f64>> = HashMap::new();
        let pairs = self.courses.change(&loads, |c| {
            let change = changes.entry(c.origin).or_insert_with(|| responses[&c.origin].change(&before, &after));
            // A load does not turn into a source.
            c.p.iter().enumerate().map(|(k, &p)| if p >= 0.0 { (p + change[k / n]).max(0.0) } else { p + change[k / n] }).collect()
        });
        self.account_changes(index, pairs);
        let story = self.prepared.stories[index].clone().unwrap_or_default();
        self.records[index].facts.push(story);
        self.records[index].facts.extend(facts);
    }

    pub(super) fn heat_pumps(&mut self, index: usize, l: &ElectrificationLayer) {
        let Some(t) = self.prepared.temperature_c.clone() else { return };
        let share = self.share(index, l.penetration_pct, &l.adoption, Mandated::Electrification);
        let chosen = self.choose(index, share, &l.allocation, |_| true);
        let seed = self.prepared.scenario.seed;
        let layer = self.prepared.scenario.layers[index].name.clone();
        let n = self.prepared.calendar.steps_per_hour;
        let unit: Vec<f64> = (0..HOURS).map(|h| heat_pump_kw(l, t[h])).collect();
        let mut losses = 0.0;
        for group in chosen.chunk_by(|a, b| a.site == b.site) {
            let site = group[0].site;
            let s = &self.sites.all[site];
            let loss: f64 = group
                .iter()
                .map(|a| {
                    stream(seed, "houses", &[&s.feeder, &s.name, &layer], u64::from(a.customer))
                        .log_normal(l.heat_loss_kw_per_c, l.heat_loss_sigma)
                })
                .sum();
            losses += loss;
            let course = (0..HOURS * n).map(|k| loss * unit[k / n]).collect();
            self.add_load(index, site, group.len() as u32, l.power_factor, course);
        }
        let record = &mut self.records[index];
        record.facts.push(format!("{} houses, {losses:.3} kW/°C of heat loss together", record.units));
    }

    pub(super) fn growth(&mut self, index: usize, l: &GrowthLayer) {
        let admitted = self.sites.admitted(&self.network, &l.allocation);
        let loads = self.movable(&admitted);
        let factor = 1.0 + l.change_pct / 100.0;
        let pairs = self.courses.change(&loads, |c| c.p.iter().map(|p| p * factor).collect());
        self.account_changes(index, pairs);
        let fixed = admitted.len() - loads.len();
        let told = if fixed > 0 { format!("{fixed} fixed loads stay as they are") } else { String::new() };
        self.records[index].facts.push(told);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::layer;
    use super::*;
    use network::scenario::LayerKind;

    #[test]
    fn a_heat_pump_worked_by_hand() {
        let LayerKind::Electrification(l) = layer("electrification: {penetration_pct: 1}") else { panic!() };
        assert_eq!(heat_pump_kw(&l, 16.0), 0.0);
        // At 8.3 °C: 7.7 kW of heat for 1 kW/°C over 3.5.
        assert!((heat_pump_kw(&l, 8.3) - 7.7 / 3.5).abs() < 1e-12);
        // At -8.3 °C the pump of a house of 1 kW/°C gives 50 (1 - 0.249) = 37.55 kW, more than the 24.3 that are needed.
        assert!((heat_pump_kw(&l, -8.3) - 24.3 / 2.4).abs() < 1e-12);
        // At -30 °C: 46 kW needed, 50 (1 - 0.5745) = 21.275 from the pump at COP 1.3 (the line would say 0.96), the rest from resistances.
        assert!((heat_pump_kw(&l, -30.0) - (21.275 / 1.3 + 46.0 - 21.275)).abs() < 1e-9);
    }
}
