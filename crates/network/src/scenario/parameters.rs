//! The table of a scenario's parameters: name, form, limits, default, meaning, and where the default comes from.
//!
//! The reader checks files against this table and fills its defaults in, the schema and the page of documentation are written from it.
//! The structures of [`super`] have no defaults of their own, so that nothing can differ from what stands here.

mod table;

pub use table::{LAYERS, SCENARIO};

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// A number between two bounds, both allowed.
    Number(f64, f64),
    /// As [`Form::Number`], without the lower bound itself.
    Above(f64, f64),
    Whole(i64, i64),
    Flag,
    /// Text that is not empty.
    Text,
    /// Text, which may be empty.
    AnyText,
    Choice(&'static [&'static str]),
    /// A day of the year, `MM-DD`.
    Day,
    /// Path of a file, from the folder of the scenario's own.
    File(FileKind),
    /// Numbers between two bounds, as many as one of these lengths says; any number of them where there is none.
    Numbers {
        lengths: &'static [usize],
        min: f64,
        max: f64,
    },
    Wholes,
    /// Texts, each a pattern or a name.
    Texts,
    /// Numbers of 0 and more by name.
    Weights,
    Object(&'static Section),
    Objects(&'static Section),
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Weather,
    /// Columns of kW.
    Profile,
    /// Names and weights.
    Weights,
}

/// One parameter. Its unit is the end of its name.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub form: Form,
    /// As JSON; `None` where a file must say it.
    pub default: Option<&'static str>,
    pub meaning: &'static str,
    /// Where the default comes from; empty where it is no figure.
    pub source: &'static str,
}

/// An object and its parameters.
#[derive(Debug)]
pub struct Section {
    pub name: &'static str,
    pub meaning: &'static str,
    pub parameters: &'static [Parameter],
    /// Parameters of which at least one must be told.
    pub one_of: &'static [&'static [&'static str]],
}

impl PartialEq for Section {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Section {
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|p| p.name == name)
    }
}

/// A unit that ends a parameter's name, and how others are turned into it: words, factor, offset (`value * factor + offset`).
#[derive(Debug)]
pub struct Unit {
    pub suffix: &'static str,
    pub shown: &'static str,
    pub others: &'static [(&'static [&'static str], f64, f64)],
}

/// Units of parameters, longer endings first.
pub const UNITS: &[Unit] = &[
    Unit { suffix: "_pct_per_c", shown: "%/°C", others: &[(&["%/°c", "%/c", "%/k"], 1.0, 0.0)] },
    Unit {
        suffix: "_kw_per_c", shown: "kW/°C", others: &[(&["kw/°c", "kw/c", "kw/k"], 1.0, 0.0), (&["w/°c", "w/c", "w/k"], 1e-3, 0.0)]
    },
    Unit {
        suffix: "_kwh_per_km",
        shown: "kWh/km",
        others: &[(&["kwh/km"], 1.0, 0.0), (&["wh/km"], 1e-3, 0.0), (&["kwh/100km"], 1e-2, 0.0), (&["kwh/mi"], 1.0 / 1.609_344, 0.0)],
    },
    Unit { suffix: "_w_per_m2_c", shown: "W/(m² °C)", others: &[(&["w/m²/°c", "w/m2/c", "w/m2/k"], 1.0, 0.0)] },
    Unit { suffix: "_w_s_per_m3_c", shown: "W s/(m³ °C)", others: &[(&["w*s/m3/c", "w*s/m3/k"], 1.0, 0.0)] },
    Unit { suffix: "_m_per_s", shown: "m/s", others: &[(&["m/s"], 1.0, 0.0), (&["km/h"], 1.0 / 3.6, 0.0), (&["mph"], 0.447_04, 0.0)] },
    Unit { suffix: "_kwh", shown: "kWh", others: &[(&["kwh"], 1.0, 0.0), (&["wh"], 1e-3, 0.0), (&["mwh"], 1e3, 0.0)] },
    Unit { suffix: "_kvar", shown: "kvar", others: &[(&["kvar"], 1.0, 0.0), (&["var"], 1e-3, 0.0), (&["mvar"], 1e3, 0.0)] },
    Unit { suffix: "_kva", shown: "kVA", others: &[(&["kva"], 1.0, 0.0), (&["va"], 1e-3, 0.0), (&["mva"], 1e3, 0.0)] },
    Unit {
        suffix: "_min",
        shown: "min",
        others: &[(&["min", "minutes"], 1.0, 0.0), (&["h", "hours"], 60.0, 0.0), (&["s"], 1.0 / 60.0, 0.0)],
    },
    Unit { suffix: "_deg", shown: "°", others: &[(&["°", "deg", "degrees"], 1.0, 0.0), (&["rad"], 57.295_779_513_082_32, 0.0)] },
    Unit { suffix: "_pct", shown: "%", others: &[(&["%", "pct", "percent"], 1.0, 0.0)] },
    Unit { suffix: "_kw", shown: "kW", others: &[(&["kw"], 1.0, 0.0), (&["w"], 1e-3, 0.0), (&["mw"], 1e3, 0.0)] },
    Unit { suffix: "_kv", shown: "kV", others: &[(&["kv"], 1.0, 0.0), (&["v"], 1e-3, 0.0)] },
    Unit { suffix: "_km", shown: "km", others: &[(&["km"], 1.0, 0.0), (&["m"], 1e-3, 0.0), (&["mi", "miles"], 1.609_344, 0.0)] },
    Unit { suffix: "_pu", shown: "pu", others: &[(&["pu"], 1.0, 0.0), (&["%"], 1e-2, 0.0)] },
    Unit {
        suffix: "_h",
        shown: "h",
        others: &[(&["h", "hours"], 1.0, 0.0), (&["min", "minutes"], 1.0 / 60.0, 0.0), (&["d", "days"], 24.0, 0.0)],
    },
    Unit { suffix: "_d", shown: "d", others: &[(&["d", "days"], 1.0, 0.0), (&["h", "hours"], 1.0 / 24.0, 0.0), (&["weeks"], 7.0, 0.0)] },
    Unit { suffix: "_c", shown: "°C", others: &[(&["°c", "c", "k"], 1.0, 0.0), (&["°f", "f"], 5.0 / 9.0, -160.0 / 9.0)] },
    Unit { suffix: "_v", shown: "V", others: &[(&["v"], 1.0, 0.0), (&["kv"], 1e3, 0.0)] },
];

impl Parameter {
    /// The unit that ends the name.
    pub fn unit(&self) -> Option<&'static Unit> {
        UNITS.iter().find(|u| self.name.ends_with(u.suffix))
    }

    /// A difference of temperatures rather than a temperature.
    pub fn is_difference(&self) -> bool {
        self.name == "amplitude_c"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(section: &'static Section, seen: &mut Vec<&'static Section>) {
        if seen.contains(&section) {
            return;
        }
        seen.push(section);
        for p in section.parameters {
            if let Form::Object(inner) | Form::Objects(inner) = p.form {
                every(inner, seen);
            }
        }
    }

    #[test]
    fn names_are_unique_and_meanings_are_told() {
        let mut seen = Vec::new();
        every(&SCENARIO, &mut seen);
        LAYERS.iter().for_each(|l| every(l, &mut seen));
        assert!(seen.len() > 15);
        for section in seen {
            for (i, p) in section.parameters.iter().enumerate() {
                assert!(section.parameters[..i].iter().all(|other| other.name != p.name), "{}.{}", section.name, p.name);
                assert!(p.meaning.len() > 3, "{}.{}", section.name, p.name);
                let is_figure = matches!(p.form, Form::Number(..) | Form::Above(..) | Form::Numbers { .. });
                let is_set = p.default.is_some_and(|d| !matches!(d, "null" | "[]"));
                assert!(!is_figure || !is_set || !p.source.is_empty(), "{}.{}: where does the default come from?", section.name, p.name);
            }
            for group in section.one_of {
                assert!(group.iter().all(|name| section.parameter(name).is_some()), "{}: {group:?}", section.name);
            }
        }
    }

    #[test]
    fn units_are_those_that_names_end_with() {
        let unit =
            |name: &str| SCENARIO.parameter(name).or_else(|| LAYERS.iter().find_map(|l| l.parameter(name))).and_then(Parameter::unit);
        assert_eq!(unit("penetration_pct").map(|u| u.shown), Some("%"));
        assert_eq!(unit("consumption_kwh_per_km").map(|u| u.shown), Some("kWh/km"));
        assert_eq!(unit("cold_pct_per_c").map(|u| u.shown), Some("%/°C"));
        assert_eq!(unit("balance_c").map(|u| u.shown), Some("°C"));
        assert!(unit("charger").is_none());
    }
}
