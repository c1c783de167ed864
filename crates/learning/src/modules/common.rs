//! What modules have in common, whatever their tables: settings of one name and meaning, words for moments and for what was left out.

use crate::module::{Setting, SettingKind, Wanted, number, text, time};
use network::Diagnostic;
use network::calendar::civil_from_days;

/// Load of feeders through time.
pub const FEEDER_LOADS: &[Wanted] = &[
    time("time", "beginning of the reading"),
    number("kw", "kW", "load").also(&["load_kw", "p_kw", "demand_kw"]),
    text("feeder", "which feeder; one if left out").optional(),
];

/// Where draws begin: the same seed gives the same model.
pub const SEED: Setting = count("seed", 0, u32::MAX as u64, "1", "", "of random draws");

/// Trees of forests.
pub const TREES: Setting = count("trees", 10, 1000, "100", "", "trees of each forest");

/// For modules that count hours and days by the clock of the place.
pub const UTC_OFFSET_H: Setting = measure(
    "utc_offset_h",
    -12.0,
    14.0,
    "0",
    "h",
    "local time less UTC, by which hours and days of the week are counted; whole hours, no summer time",
);

/// Part of the rows, before the latest, that a model's intervals or probabilities are calibrated on; `what` says which of the two.
pub const fn calibrate_part(what: &'static str) -> Setting {
    measure("calibrate_part", 0.05, 0.45, "0.2", "", what)
}

/// Part of the rows that figures are of.
pub const TEST_PART: Setting = measure("test_part", 0.05, 0.45, "0.2", "", "latest part of the rows, which the figures are taken of");

/// A whole number.
pub const fn count(name: &'static str, low: u64, high: u64, default: &'static str, unit: &'static str, meaning: &'static str) -> Setting {
    Setting { name, kind: SettingKind::Count { low, high }, default: Some(default), unit, meaning }
}

/// A number.
pub const fn measure(name: &'static str, low: f64, high: f64, default: &'static str, unit: &'static str, meaning: &'static str) -> Setting {
    Setting { name, kind: SettingKind::Number { low, high }, default: Some(default), unit, meaning }
}

/// A moment as a reader writes it, to the second, UTC.
pub fn moment(utc_s: i64) -> String {
    format!("{}:{:02}Z", minutes(utc_s), utc_s.rem_euclid(60))
}

/// The same to the minute.
pub fn minute(utc_s: i64) -> String {
    minutes(utc_s) + "Z"
}

/// Its day.
pub fn day(utc_s: i64) -> String {
    let (year, month, day) = civil_from_days(utc_s.div_euclid(86_400));
    format!("{year:04}-{month:02}-{day:02}")
}

fn minutes(utc_s: i64) -> String {
    let minute = utc_s.rem_euclid(86_400) / 60;
    format!("{}T{:02}:{:02}", day(utc_s), minute / 60, minute % 60)
}

/// A note about what was left out, and why.
pub fn partial(what: String, why: impl Into<String>, hint: &str) -> Diagnostic {
    Diagnostic::warning("LEARN.DATA.PARTIAL", what).detail(why.into()).hint(hint)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::module::{About, Answer, Frame, InputKind, Model, Module, Question, Refused, Settings, Values, apply, fit};
    use std::collections::BTreeMap;

    /// The wanted columns of an input.
    pub fn wanted(about: &About, input: &str) -> &'static [Wanted] {
        let found = about.inputs.iter().find(|i| i.name == input).expect("an input of the module");
        let InputKind::Table { columns, .. } = found.kind else { panic!("a table") };
        columns
    }

    /// A table of an input by its columns.
    pub fn frame(about: &About, input: &str, columns: Vec<(&str, Values)>) -> Frame {
        let columns = columns.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        Frame::new(&format!("{input}.csv"), wanted(about, input), columns).unwrap()
    }

    pub fn settings(about: &'static About, told: &[(&str, &str)]) -> Settings {
        Settings::read(about.settings, &told.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()).unwrap()
    }

    fn question(tables: Vec<(impl Into<String>, Frame)>, settings: &Settings) -> Question<'_> {
        let tables = tables.into_iter().map(|(n, t)| (n.into(), t)).collect();
        Question { tables, networks: BTreeMap::new(), settings }
    }

    /// Fits to tables.
    pub fn fitted(module: &dyn Module, tables: Vec<(impl Into<String>, Frame)>, told: &[(&str, &str)]) -> Result<Answer, Refused> {
        let settings = settings(module.about(), told);
        fit(module, &question(tables, &settings))
    }

    /// Asks a model, and the same after it went to JSON and back: the answers must be the same.
    pub fn asked(module: &dyn Module, model: &Model, tables: Vec<(impl Into<String>, Frame)>) -> Result<Answer, Refused> {
        let settings = settings(module.about(), &[]);
        let question = question(tables, &settings);
        let back: Model = serde_json::from_str(&serde_json::to_string(model).unwrap()).unwrap();
        assert_eq!(&back, model);
        let (a, b) = (apply(module, model, &question), apply(module, &back, &question));
        match (&a, &b) {
            (Ok(a), Ok(b)) => assert_eq!((&a.headline, &a.tables, &a.figures), (&b.headline, &b.tables, &b.figures)),
            (Err(a), Err(b)) => assert_eq!(a, b),
            _ => panic!("{a:?} {b:?}"),
        }
        a
    }

    #[test]
    fn moments_are_those_of_the_calendar() {
        assert_eq!(moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(moment(1_709_251_199), "2024-02-29T23:59:59Z");
        assert_eq!(moment(-1), "1969-12-31T23:59:59Z");
        assert_eq!((minute(1_709_164_799), minute(1_709_164_800)), ("2024-02-28T23:59Z".into(), "2024-02-29T00:00Z".into()));
        assert_eq!((minute(-1), day(951_868_800)), ("1969-12-31T23:59Z".into(), "2000-03-01".into()));
    }

    /// A setting of one name is one setting: the same bounds and default wherever it stands.
    #[test]
    fn settings_of_one_name_are_one() {
        for known in [SEED, TREES, TEST_PART, calibrate_part("")] {
            let of: Vec<&Setting> =
                crate::modules::MODULES.iter().flat_map(|m| m.about().settings).filter(|s| s.name == known.name).collect();
            assert!(of.len() > 1, "{}", known.name);
            let other = of.iter().filter(|s| s.kind != known.kind || s.default != known.default).count();
            // Anomalies judge by rows of few days and may take more of them.
            assert!(other == 0 || known.name == "test_part" && other == 1, "{}: {other} of {} differ", known.name, of.len());
        }
    }
}
