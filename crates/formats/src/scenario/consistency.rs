//! What belongs together within a scenario, without a network.

use network::scenario::{LayerKind, PolicyLayer, Scenario, ScenarioData, SolarLayer, WeatherLayer};
use network::{Diagnostic, SourceRef};

/// Days of the months of a year of 365.
const MONTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The day of the year, from 0, of `MM-DD`.
pub fn day_of_year(text: &str) -> Option<u32> {
    let (month, day) = text.split_once('-')?;
    let number = |s: &str| (s.len() <= 2 && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse::<u32>().ok()).flatten();
    let (month, day) = (number(month)?, number(day)?);
    let length = *MONTHS.get(month.checked_sub(1)? as usize)?;
    (1..=length).contains(&day).then(|| MONTHS[..month as usize - 1].iter().sum::<u32>() + day - 1)
}

struct Checker<'a> {
    scenario: &'a Scenario,
    data: &'a ScenarioData,
    findings: &'a mut Vec<Diagnostic>,
}

pub(super) fn check(scenario: &Scenario, data: &ScenarioData, findings: &mut Vec<Diagnostic>) {
    let mut c = Checker { scenario, data, findings };
    if 60 % scenario.step_min.max(1) != 0 {
        c.error(
            &scenario.place("step_min"),
            "SCENARIO.VALUE.UNKNOWN",
            format!("step_min is {}", scenario.step_min),
            "choose a divisor of 60",
        );
    }
    if let Some(w) = &scenario.weather {
        if w.file.is_some() && w.synthetic_seed.is_some() {
            let what = "weather has both a file and a synthetic seed".to_owned();
            c.error(&scenario.place("weather"), "SCENARIO.PARAMETER.CONFLICT", what, "say one of them");
        }
        if w.latitude_deg.is_some() != w.longitude_deg.is_some() {
            let what = "a place needs latitude_deg and longitude_deg".to_owned();
            c.error(&scenario.place("weather"), "SCENARIO.PARAMETER.MISSING", what, "say both or none");
        }
    }
    if scenario.layers.is_empty() {
        let what = Diagnostic::warning("SCENARIO.LAYER.NONE", "the scenario has no layer, so it changes nothing");
        c.findings.push(what.at(&scenario.place("")).hint("add `layers:`"));
    }
    for i in 0..scenario.layers.len() {
        c.layer(i);
    }
}

impl Checker<'_> {
    fn error(&mut self, at: &SourceRef, code: &str, what: String, hint: &str) {
        self.findings.push(Diagnostic::error(code, what).at(at).hint(hint));
    }

    fn needs_weather(&mut self, i: usize, why: &str) {
        if self.scenario.weather.is_none() {
            let at = self.scenario.layers[i].source.clone();
            let what = format!("layer {} needs the weather of the year {why}", self.scenario.layers[i].name);
            self.error(&at, "SCENARIO.WEATHER.MISSING", what, "add `weather:` with a file or a synthetic_seed at the top");
        }
    }

    fn layer(&mut self, i: usize) {
        let scenario = self.scenario;
        let at = |path: &str| scenario.place_in(i, path);
        let adoption = match &scenario.layers[i].what {
            LayerKind::Ev(l) => Some((&l.adoption, l.penetration_pct)),
            LayerKind::Solar(l) => Some((&l.adoption, l.penetration_pct)),
            LayerKind::Storage(l) => Some((&l.adoption, l.penetration_pct)),
            LayerKind::Electrification(l) => Some((&l.adoption, l.penetration_pct)),
            _ => None,
        };
        if let Some((points, penetration)) = adoption.filter(|(points, _)| !points.is_empty()) {
            if penetration.is_some() {
                let what = "both penetration_pct and adoption are told".to_owned();
                self.error(&at("adoption"), "SCENARIO.PARAMETER.CONFLICT", what, "say one of them");
            }
            if scenario.year.is_none() {
                let what = "an adoption curve needs the year of the scenario".to_owned();
                self.error(&at("adoption"), "SCENARIO.PARAMETER.MISSING", what, "add `year:` at the top");
            }
            if points.windows(2).any(|w| w[1].year <= w[0].year) {
                let what = "the years of the adoption curve do not rise".to_owned();
                self.error(&at("adoption"), "SCENARIO.VALUE.ORDER", what, "put them in order, each once");
            }
        }
        match &scenario.layers[i].what {
            LayerKind::Ev(l) => {
                for (name, weights) in
                    [("arrival_weekday_weights", &l.arrival_weekday_weights), ("arrival_weekend_weights", &l.arrival_weekend_weights)]
                {
                    if weights.as_ref().is_some_and(|w| w.iter().sum::<f64>() <= 0.0) {
                        self.error(&at(name), "SCENARIO.VALUE.RANGE", format!("all of {name} are 0"), "give an hour a weight");
                    }
                }
                if let Some(file) = &l.profile_csv {
                    self.profile(i, file);
                }
            }
            LayerKind::FastCharging(l) if l.arrival_weights.iter().sum::<f64>() <= 0.0 => {
                let what = "all of arrival_weights are 0".to_owned();
                self.error(&at("arrival_weights"), "SCENARIO.VALUE.RANGE", what, "give an hour a weight");
            }
            LayerKind::Solar(l) => self.solar(i, l),
            LayerKind::Electrification(_) => self.needs_weather(i, "to know how much heat is needed"),
            LayerKind::Weather(l) => self.wave(i, l),
            LayerKind::Policy(l) => self.policy(i, l),
            _ => {}
        }
    }

    fn profile(&mut self, i: usize, file: &str) {
        let Some(profile) = self.data.profiles.get(file) else { return };
        let per_day = self.scenario.n_steps() / 365;
        let n = profile.columns.first().map_or(0, |c| c.1.len());
        let allowed: &[usize] = if profile.columns.len() == 2 { &[per_day] } else { &[per_day, 7 * per_day, 365 * per_day] };
        if !allowed.contains(&n) {
            let wanted: Vec<String> = allowed.iter().map(usize::to_string).collect();
            let what = format!("the profile {file} has {n} rows, not {}", wanted.join(" or "));
            let named = self.scenario.place_in(i, "profile_csv");
            let d = Diagnostic::error("SCENARIO.VALUE.LENGTH", what)
                .at(&profile.source)
                .detail(format!("Named at {named}; a step has {} minutes.", self.scenario.step_min));
            self.findings.push(d.hint("give a row for each step of a day, a week or a year"));
        }
    }

    fn solar(&mut self, i: usize, l: &SolarLayer) {
        let at = |path: &str| self.scenario.place_in(i, path);
        self.needs_weather(i, "to know how the sun shines");
        if l.size_min_kw > l.size_max_kw {
            let (at, what) =
                (at("size_min_kw"), format!("size_min_kw is {}, more than size_max_kw, which is {}", l.size_min_kw, l.size_max_kw));
            self.error(&at, "SCENARIO.VALUE.ORDER", what, "the least size comes first");
        }
        if l.orientations.is_empty() {
            let at = at("orientations");
            self.error(&at, "SCENARIO.VALUE.LENGTH", "there is no orientation".to_owned(), "give one at least");
        }
    }

    fn wave(&mut self, i: usize, l: &WeatherLayer) {
        let at = |path: &str| self.scenario.place_in(i, path);
        self.needs_weather(i, "that it changes");
        if l.amplitude_c.is_some() && l.file.is_some() {
            let at = at("file");
            self.error(&at, "SCENARIO.PARAMETER.CONFLICT", "both amplitude_c and file are told".to_owned(), "say one of them");
        }
        if l.start.is_none() && l.pick.is_none() {
            let at = at("start");
            self.error(
                &at,
                "SCENARIO.PARAMETER.MISSING",
                "the wave needs its first day".to_owned(),
                "add `start: MM-DD`, or `pick:` with a file",
            );
        }
        if l.pick.is_some() && l.file.is_none() {
            let at = at("pick");
            self.error(&at, "SCENARIO.PARAMETER.MISSING", "pick needs a file".to_owned(), "add `file:`, or a start");
        }
    }

    fn policy(&mut self, i: usize, l: &PolicyLayer) {
        let at = |path: &str| self.scenario.place_in(i, path);
        if let Some(t) = &l.tou
            && t.peak_from_h == t.peak_to_h
        {
            let at = at("tou.peak_to_h");
            self.error(&at, "SCENARIO.VALUE.ORDER", "the peak has no length".to_owned(), "let it end at another hour");
        }
        if let Some(v) = &l.volt_var {
            if v.v_pu.windows(2).any(|w| w[1] <= w[0]) {
                let at = at("volt_var.v_pu");
                self.error(&at, "SCENARIO.VALUE.ORDER", "the voltages of the curve do not rise".to_owned(), "put them in order");
            }
            if v.q_pct.windows(2).any(|w| w[1] > w[0]) {
                let at = at("volt_var.q_pct");
                self.error(
                    &at,
                    "SCENARIO.VALUE.ORDER",
                    "the vars of the curve rise with the voltage".to_owned(),
                    "low voltages come first, where vars are given",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_year() {
        assert_eq!(day_of_year("01-01"), Some(0));
        assert_eq!(day_of_year("03-01"), Some(59));
        assert_eq!(day_of_year("12-31"), Some(364));
        assert_eq!(day_of_year("7-4"), Some(184));
        for text in ["02-29", "13-01", "00-10", "1-0", "x", "07-1x", "07", "-", "007-01"] {
            assert_eq!(day_of_year(text), None, "{text}");
        }
    }
}
