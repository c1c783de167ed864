//! Which scenario to run next ([`crate::recommend`]), from rates of growth and the results so far.

use super::common::SEED;
use crate::module::{
    About, Answer, Figure, Input, InputKind, Model, Module, Question, Refused, Setting, SettingKind, Settings, number, text, unfit_for,
};
use crate::questions::{Installed, Present};
use crate::recommend::{FeederResult, Rate, Rates, Reason, Situation, recommend};
use network::Diagnostic;
use studies::table::{Column, Table, Value};

/// See the file's header.
pub struct ScenarioRecommendation;

static ABOUT: About = About {
    id: "scenario-recommendation",
    title: "Which scenario to run next",
    question: "Which scenario would tell most, given how customers adopt new equipment and how near feeders are to their limits?",
    method: "candidates from rates and horizons, ranked by rules that are told with each; nothing is fitted",
    inputs: &[Input {
        name: "results",
        meaning: "a row a feeder of the results so far, as the view feeder_scorecard has them",
        kind: InputKind::Table {
            columns: &[
                text("feeder", "feeder"),
                number("loading_max_pct", "%", "highest loading of any element").optional(),
                number("v_min_pu", "pu", "lowest voltage").optional(),
                number("v_max_pu", "pu", "highest voltage").optional(),
            ],
            others: "",
        },
        needed_to_fit: false,
        needed_to_apply: false,
    }],
    settings: &[
        points("ev_per_year", "points of the share of customers with an electric vehicle that come every year"),
        points("ev_sd", "standard deviation of it"),
        points("solar_per_year", "the same of photovoltaics"),
        points("solar_sd", "standard deviation of it"),
        points("storage_per_year", "the same of storage"),
        points("storage_sd", "standard deviation of it"),
        points("heat_pumps_per_year", "the same of heat pumps"),
        points("heat_pumps_sd", "standard deviation of it"),
        points("load_per_year", "growth of the load, percent a year"),
        points("load_sd", "standard deviation of it"),
        points("ev_now", "share of customers with an electric vehicle today"),
        points("solar_now", "share with photovoltaics today"),
        points("storage_now", "share with storage today"),
        points("heat_pumps_now", "share with heat pumps today"),
        Setting { name: "horizons", kind: SettingKind::Text, default: Some("5,10"), unit: "yr", meaning: "years ahead, parted by commas" },
        SEED,
    ],
    keeps: false,
    page: "learning-narratives",
};

const fn points(name: &'static str, meaning: &'static str) -> Setting {
    Setting { name, kind: SettingKind::Number { low: -100.0, high: 100.0 }, default: None, unit: "%", meaning }
}

const COLUMNS: &[Column] = &[
    studies::table::count("rank", "1 is the most telling"),
    studies::table::text("scenario", "name"),
    studies::table::text("layers", "in words"),
    studies::table::number("score", "", "sum of the reasons' weights"),
    studies::table::text("reasons", "why"),
    studies::table::text("file", "text of the scenario file"),
];

fn rate(s: &Settings, driver: &str) -> Option<Rate> {
    let per_year = s.maybe_number(&format!("{driver}_per_year"))?;
    Some(Rate { per_year, sd: s.maybe_number(&format!("{driver}_sd")).unwrap_or(0.0) })
}

fn installed(s: &Settings, driver: &str) -> Option<Installed> {
    s.maybe_number(&format!("{driver}_now")).map(|share| Installed { in_network_pct: share, ..Installed::default() })
}

fn reason(r: &Reason) -> String {
    match r {
        Reason::NearLimit { feeder, what, value, limit } => format!("{feeder}: {what} is {value:.4} with a limit of {limit}"),
        Reason::Uncertain { what, sd } => format!("{what} is uncertain by {sd:.1} points"),
        Reason::NeverRun => "never run".into(),
        Reason::NetworkChanged { age_d } => format!("the network has changed since it was run {age_d:.0} days ago"),
        Reason::Old { age_d } => format!("run {age_d:.0} days ago"),
        Reason::RunLately { age_d } => format!("run only {age_d:.0} days ago"),
    }
}

impl Module for ScenarioRecommendation {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let s = question.settings;
        let horizons: Result<Vec<u32>, _> = s.text("horizons").split(',').map(|h| h.trim().parse::<u32>()).collect();
        let horizons_yr = horizons.map_err(|_| {
            vec![Diagnostic::error("LEARN.SETTING.VALUE", format!("horizons cannot be \"{}\"", s.text("horizons"))).hint("Write 5,10.")]
        })?;
        let results = question.tables.get("results").map_or_else(Vec::new, |t| {
            let of = |name: &str, k: usize| t.maybe_number(name).map(|v| v[k]).filter(|v| v.is_finite());
            let one = |k: usize| FeederResult {
                feeder: t.text("feeder")[k].clone(),
                loading_max_pct: of("loading_max_pct", k),
                v_min_pu: of("v_min_pu", k),
                v_max_pu: of("v_max_pu", k),
            };
            (0..t.rows()).map(one).collect()
        });
        let situation = Situation {
            results,
            runs: Vec::new(),
            rates: Rates {
                ev: rate(s, "ev"),
                solar: rate(s, "solar"),
                storage: rate(s, "storage"),
                electrification: rate(s, "heat_pumps"),
                load: rate(s, "load"),
            },
            present: Present {
                ev: installed(s, "ev"),
                solar: installed(s, "solar"),
                storage: installed(s, "storage"),
                electrification: installed(s, "heat_pumps"),
                ..Present::default()
            },
            horizons_yr,
            seed: s.count("seed") as u64,
        };
        let found = recommend(&situation).map_err(|e| unfit_for("the rates", &e))?;
        let row = |(k, r): (usize, &crate::recommend::Recommendation)| {
            let reasons: Vec<String> = r.reasons.iter().map(reason).collect();
            vec![
                Value::Count(k as u64 + 1),
                Value::text(r.name.clone()),
                Value::text(r.words.clone()),
                Value::Number(r.score),
                Value::text(reasons.join("; ")),
                Value::text(r.file.clone()),
            ]
        };
        let rows: Vec<Vec<Value>> = found.ranked.iter().enumerate().map(row).collect();
        let headline = found.ranked.first().map_or_else(
            || "No scenario can be written.".to_owned(),
            |r| format!("Run \"{}\" next: {}.", r.name, r.reasons.iter().map(reason).collect::<Vec<_>>().join("; ")),
        );
        let left_out = found.left_out.iter().map(|(name, why)| {
            Diagnostic::warning("LEARN.DATA.PARTIAL", format!("a candidate cannot be written: {name}")).detail(format!("{why}."))
        });
        Ok(Answer {
            headline,
            figures: vec![Figure { name: "candidates", unit: "", value: rows.len() as f64, meaning: "scenarios that were ranked" }],
            notes: left_out.collect(),
            tables: vec![Table { name: "recommendations", meaning: "scenarios to run, the most telling first", columns: COLUMNS, rows }],
            model: None,
        })
    }

    fn apply(&self, _: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        self.fit(question)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::fit;
    use std::collections::BTreeMap;

    fn asked(told: &[(&str, &str)]) -> Result<Answer, Refused> {
        let told: BTreeMap<String, String> = told.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let settings = Settings::read(ABOUT.settings, &told)?;
        fit(&ScenarioRecommendation, &Question { tables: BTreeMap::new(), networks: BTreeMap::new(), settings: &settings })
    }

    #[test]
    fn rates_become_scenarios_with_reasons_and_files() {
        let answer = asked(&[("ev_per_year", "3"), ("ev_sd", "1"), ("load_per_year", "1"), ("horizons", "10")]).unwrap();
        let first = &answer.tables[0].rows[0];
        assert!(matches!(&first[5], Value::Text(file) if file.contains("ev")), "{first:?}");
        assert!(answer.tables[0].rows.len() >= 4 && answer.headline.contains("never run"), "{}", answer.headline);
        assert_eq!(asked(&[]).unwrap_err()[0].code, "LEARN.DATA.UNFIT");
        assert_eq!(asked(&[("horizons", "soon"), ("ev_per_year", "1")]).unwrap_err()[0].code, "LEARN.SETTING.VALUE");
    }
}
