//! The scenario of a query as a file that `formats::scenario` reads.
//!
//! A layer of a scenario *adds* customers to those that the network has. So a penetration that is asked for becomes what is missing to it:
//!
//! ```text
//! target   = p   |   f (network + base scenario)   |   network + base scenario + points
//! layer    = target - network            must not be negative: no layer takes away what the model has
//! ```
//!
//! What the base scenario adds and the question does not speak of stays as it is. Where nothing is known of the network itself a penetration
//! that is told outright is taken as the layer's, and the file says so.

use super::form::{Adoption, Change, Event, Layer, Query, Weather};
use super::words::{figure, in_words};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use thiserror::Error;

/// Share of customers that have something, percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Installed {
    /// In the network itself.
    pub in_network_pct: f64,
    /// Added by the scenario that counts as the present.
    pub in_scenario_pct: f64,
}

/// An extreme day of the year's weather.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExtremeDay {
    /// `MM-DD`
    pub day: String,
    /// Highest temperature of the hottest, lowest of the coldest day, C.
    pub temperature_c: f64,
}

/// What relative words refer to, as far as the project knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Present {
    pub ev: Option<Installed>,
    pub solar: Option<Installed>,
    pub storage: Option<Installed>,
    pub electrification: Option<Installed>,
    /// File of weather of the year of the load shapes, as the scenario shall name it.
    pub weather_file: Option<String>,
    /// Years that the file holds.
    pub weather_years: Vec<i32>,
    /// Weather of the synthetic utility of this seed, where there is no file.
    pub synthetic_seed: Option<u64>,
    pub hottest: Option<ExtremeDay>,
    pub coldest: Option<ExtremeDay>,
}

/// Why a scenario cannot be written.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum NoScenario {
    #[error("the question has no scenario")]
    None,
    #[error("how many customers have {what} at present is not known, and the question is relative to it")]
    PresentUnknown { what: &'static str },
    #[error("{what} would go down to {target_pct} %, and {network_pct} % are in the network, which a scenario does not take away")]
    BelowNetwork { what: &'static str, target_pct: f64, network_pct: f64 },
    #[error("the network has {what} already, and how many of them the {class} customers have is not known")]
    ClassUnknown { what: &'static str, class: String },
    #[error("{what} would go up to {target_pct} %")]
    AboveAll { what: &'static str, target_pct: f64 },
    #[error("the project has no weather of the year, which {what} needs")]
    NoWeather { what: &'static str },
    #[error("the weather has no year {year}")]
    NoWeatherYear { year: i32 },
    #[error("the year's hottest or coldest day is not known, which the wave is laid upon")]
    NoExtremeDay,
    #[error("the year itself reaches {has_c} °C, so {asked_c} °C is no extreme of it")]
    NotExtreme { has_c: f64, asked_c: f64 },
}

/// A scenario file in YAML for the scenario of a query, by name and seed.
///
/// # Errors
/// What is not known of the present and would be needed; nothing is put in its place.
pub fn scenario_file(query: &Query, present: &Present, name: &str, seed: u64) -> Result<String, NoScenario> {
    if query.scenario.is_empty() {
        return Err(NoScenario::None);
    }
    let mut layers = String::new();
    let mut needs_weather = None;
    let kept = [
        ("ev", present.ev, query.scenario.iter().any(|l| matches!(l, Layer::Ev(_)))),
        ("solar", present.solar, query.scenario.iter().any(|l| matches!(l, Layer::Solar(_)))),
        ("storage", present.storage, query.scenario.iter().any(|l| matches!(l, Layer::Storage(_)))),
        ("electrification", present.electrification, query.scenario.iter().any(|l| matches!(l, Layer::Electrification(_)))),
    ];
    for (kind, installed, asked) in kept {
        let stays = installed.map_or(0.0, |i| i.in_scenario_pct);
        if !asked && stays > 0.0 {
            let _ = writeln!(layers, "  - {kind}: {{penetration_pct: {}}}", figure(stays));
            if matches!(kind, "solar" | "electrification") {
                needs_weather = Some(kind);
            }
        }
    }
    for layer in &query.scenario {
        let line = match layer {
            Layer::Ev(a) => adoption("ev", a, present.ev)?,
            Layer::Solar(a) => {
                needs_weather = Some("solar");
                adoption("solar", a, present.solar)?
            }
            Layer::Storage(a) => adoption("storage", a, present.storage)?,
            Layer::Electrification(a) => {
                needs_weather = Some("electrification");
                adoption("electrification", a, present.electrification)?
            }
            Layer::Growth { change_pct } => format!("growth: {{change_pct: {}}}", figure(*change_pct)),
            Layer::Weather(w) => {
                needs_weather = Some("a change of the weather");
                wave(w, present)?
            }
            Layer::FastCharging { stations } => format!("fast_charging: {{stations: {stations}}}"),
            Layer::Tou {} => "policy: {tou: {}}".to_owned(),
            Layer::VoltVar {} => "policy: {volt_var: {}}".to_owned(),
        };
        let _ = writeln!(layers, "  - {line}");
    }
    let text = |s: &str| serde_json::to_string(s).unwrap_or_default();
    let mut yaml = format!("scenario: {}\ndescription: {}\nseed: {seed}\n", text(name), text(&in_words(query)));
    match (&present.weather_file, present.synthetic_seed) {
        (Some(file), _) => {
            let _ = writeln!(yaml, "weather: {{file: {}}}", text(file));
        }
        (None, Some(seed)) => {
            let _ = writeln!(yaml, "weather: {{synthetic_seed: {seed}}}");
        }
        (None, None) => {
            if let Some(what) = needs_weather {
                return Err(NoScenario::NoWeather { what });
            }
        }
    }
    Ok(format!("{yaml}layers:\n{layers}"))
}

fn adoption(kind: &'static str, a: &Adoption, installed: Option<Installed>) -> Result<String, NoScenario> {
    let network_pct = installed.map_or(0.0, |i| i.in_network_pct);
    let now = installed.map(|i| i.in_network_pct + i.in_scenario_pct).ok_or(NoScenario::PresentUnknown { what: kind });
    // The present is known of all customers together.
    if let Some(class) = a.classes.first().filter(|_| network_pct > 0.0) {
        return Err(NoScenario::ClassUnknown { what: kind, class: class.clone() });
    }
    let target_pct = match a.change {
        Change::ToPct(x) => x,
        Change::Times(f) => f * now?,
        Change::Points(x) => x + now?,
    };
    if target_pct > 100.0 {
        return Err(NoScenario::AboveAll { what: kind, target_pct });
    }
    if target_pct < network_pct {
        return Err(NoScenario::BelowNetwork { what: kind, target_pct, network_pct });
    }
    let mut line = format!("{kind}: {{penetration_pct: {}", figure(target_pct - network_pct));
    if let Some(c) = a.charger {
        let _ = write!(line, ", charger: {}", c.word());
    }
    if !a.classes.is_empty() {
        let _ = write!(line, ", allocation: {{classes: [{}]}}", a.classes.join(", "));
    }
    line.push('}');
    if installed.is_none() {
        line += " # what the network itself has is not known, and is taken as none";
    }
    Ok(line)
}

fn wave(w: &Weather, present: &Present) -> Result<String, NoScenario> {
    let (cold, day) = (w.event.is_cold(), matches!(w.event, Event::HotDay | Event::ColdDay));
    let length = w.length_d.or(day.then_some(1.0));
    let length = length.map_or(String::new(), |d| format!(", length_d: {}", figure(d)));
    let form = if day { ", form: step" } else { "" };
    let extreme = if cold { &present.coldest } else { &present.hottest };
    if w.amplitude_c.is_none() && w.peak_c.is_none() {
        // The real extreme of a year, from a file of weather.
        let file = present.weather_file.as_ref().ok_or(NoScenario::NoWeather { what: "the extreme of a year" })?;
        let file = serde_json::to_string(file).unwrap_or_default();
        let pick = if cold { "coldest" } else { "hottest" };
        let year = match w.year {
            Some(year) if !present.weather_years.contains(&year) => return Err(NoScenario::NoWeatherYear { year }),
            Some(year) => format!(", file_year: {year}"),
            None => String::new(),
        };
        return Ok(format!("weather: {{file: {file}{year}, pick: {pick}{length}}}"));
    }
    let extreme = extreme.as_ref().ok_or(NoScenario::NoExtremeDay)?;
    let amplitude = match (w.amplitude_c, w.peak_c) {
        (Some(a), _) => a,
        (None, Some(peak)) => {
            let more = peak - extreme.temperature_c;
            if (cold && more > 0.0) || (!cold && more < 0.0) {
                return Err(NoScenario::NotExtreme { has_c: extreme.temperature_c, asked_c: peak });
            }
            more
        }
        (None, None) => return Err(NoScenario::NoExtremeDay),
    };
    Ok(format!("weather: {{start: {}, amplitude_c: {}{length}{form}}}", extreme.day, figure(amplitude)))
}
