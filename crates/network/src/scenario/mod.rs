//! A scenario as plain data: layers that are stacked in order onto a base network and its load shapes.
//!
//! A scenario is a year of 365 days in local standard time, in steps of [`Scenario::step_min`]; value `k` of a series is the mean of step
//! `k`, counted from 0. The first day is a [`Scenario::first_weekday`], as in the load shapes of the base network. What each parameter
//! means, its unit, limits, default and where the default comes from stand in one table, [`parameters`], from which the reader, the
//! published schema and the page of documentation are made. The structures here hold values that are whole: defaults are filled in.

mod layers;
pub mod parameters;

pub use layers::*;

use crate::{SourceRef, Weather};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Days of a scenario's year.
pub const DAYS: usize = 365;
/// Hours of a scenario's year.
pub const HOURS: usize = 24 * DAYS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    /// Days since Monday.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Where the weather of the year comes from, and where the sun is seen from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeatherSource {
    /// A file of weather, as the scenario names it.
    pub file: Option<String>,
    /// The year to take of a file that holds several.
    pub year: Option<i32>,
    /// Weather of the synthetic utility of this seed.
    pub synthetic_seed: Option<u64>,
    pub latitude_deg: Option<f64>,
    pub longitude_deg: Option<f64>,
    /// Of the load shapes' clock against UTC, without summer time.
    pub utc_offset_h: Option<f64>,
}

/// A rule that says which loads are of a class. A load that several rules fit is of the first one's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassRule {
    pub class: String,
    /// Patterns of names, `*` for anything.
    pub loads: Vec<String>,
    pub shapes: Vec<String>,
    /// Class numbers of the loads.
    pub numbers: Vec<i64>,
}

/// How many customers there are, and of which class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customers {
    /// Where the model counts one customer for a load: peak power of a customer, from which their number follows.
    pub kw_per_customer: Option<f64>,
    pub classes: Vec<ClassRule>,
}

/// One layer: what it is, what it is called, and where it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Unique in a scenario.
    pub name: String,
    pub source: SourceRef,
    pub what: LayerKind,
}

/// A scenario with all its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    pub name: String,
    pub description: String,
    pub seed: u64,
    /// Year in which adoption curves are read.
    pub year: Option<i32>,
    pub first_weekday: Weekday,
    pub step_min: u32,
    pub weather: Option<WeatherSource>,
    pub customers: Customers,
    pub layers: Vec<Layer>,
    /// Where each value was written, by its path such as `layers[0].ev.charger`.
    #[serde(default)]
    pub places: BTreeMap<String, SourceRef>,
}

impl Scenario {
    pub fn step_h(&self) -> f64 {
        f64::from(self.step_min) / 60.0
    }

    /// Number of steps of the year.
    pub fn n_steps(&self) -> usize {
        HOURS * 60 / self.step_min.max(1) as usize
    }

    /// Where a value was written, or the nearest thing around it that was.
    pub fn place(&self, path: &str) -> SourceRef {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return place.clone();
            }
            match path.rfind(['.', '[']) {
                Some(at) => path = &path[..at],
                None => return self.places.get("").cloned().unwrap_or_default(),
            }
        }
    }

    /// As [`Self::place`], of a value in a layer.
    pub fn place_in(&self, layer: usize, path: &str) -> SourceRef {
        let kind = self.layers.get(layer).map_or("", |l| l.what.name());
        let place = self.place(&format!("layers[{layer}].{kind}.{path}"));
        match self.layers.get(layer) {
            Some(l) if !place.is_known() => l.source.clone(),
            _ => place,
        }
    }
}

/// A series that a file gives: kW a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub columns: Vec<(String, Vec<f64>)>,
    pub source: SourceRef,
}

/// What the files that a scenario names hold, by the name that the scenario uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScenarioData {
    pub weather: BTreeMap<String, Weather>,
    pub profiles: BTreeMap<String, Profile>,
    /// Weights of loads by name.
    pub weights: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Whether a name fits a pattern in which `*` stands for any characters; case does not count.
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names() {
        for (pattern, name, expected) in [
            ("c1", "C1", true),
            ("c1", "c12", false),
            ("c*", "c12", true),
            ("*", "", true),
            ("*_0", "c1_0", true),
            ("c*_0", "c_0", true),
            ("ab*ba", "aba", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_place_is_the_nearest_that_is_known() {
        let mut places = BTreeMap::new();
        places.insert(String::new(), SourceRef::new("a.yaml", 1));
        places.insert("layers[0].ev".to_owned(), SourceRef::new("a.yaml", 4));
        places.insert("layers[0].ev.allocation.classes[1]".to_owned(), SourceRef::new("a.yaml", 9));
        let scenario = Scenario {
            name: "x".into(),
            description: String::new(),
            seed: 1,
            year: None,
            first_weekday: Weekday::Monday,
            step_min: 15,
            weather: None,
            customers: Customers { kw_per_customer: None, classes: Vec::new() },
            layers: Vec::new(),
            places,
        };
        assert_eq!(scenario.place("layers[0].ev.allocation.classes[1]").line, 9);
        assert_eq!(scenario.place("layers[0].ev.allocation.classes[0]").line, 4);
        assert_eq!(scenario.place("seed").line, 1);
        assert_eq!((scenario.n_steps(), scenario.step_h()), (35_040, 0.25));
    }
}
