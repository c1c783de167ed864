//! What a query becomes: English, SQL over the lake, and a scenario file that the reader of scenario files accepts.

use formats::MemoryFiles;
use learning::questions::{
    Calendar, Context, ExtremeDay, Installed, Kind, NoScenario, NoSql, Outcome, Present, Query, Run, in_words, read, scenario_file, sql,
};
use learning::recommend::{FeederResult, PastRun, Rate, Rates, Reason, RecommendError, Situation, recommend};
use network::scenario::{LayerKind, Scenario};
use proptest::prelude::*;

fn context() -> Context {
    let feeders = ["FDR-1", "FDR-2", "FDR-7", "FDR-12"].map(str::to_owned).to_vec();
    Context { feeders, elements: Vec::new(), studies: vec!["base".to_owned(), "high_ev".to_owned()], today: Some("2024-03-15".to_owned()) }
}

fn query(text: &str) -> Query {
    match read(text, &context()) {
        Outcome::Understood(r) => r.query,
        other => panic!("{text}: {other:?}"),
    }
}

fn present() -> Present {
    let installed = |in_network_pct, in_scenario_pct| Some(Installed { in_network_pct, in_scenario_pct });
    Present {
        ev: installed(2.0, 8.0),
        solar: installed(0.0, 12.0),
        storage: None,
        electrification: installed(0.0, 0.0),
        weather_file: None,
        weather_years: Vec::new(),
        synthetic_seed: Some(1),
        hottest: Some(ExtremeDay { day: "08-20".to_owned(), temperature_c: 36.5 }),
        coldest: Some(ExtremeDay { day: "01-14".to_owned(), temperature_c: -18.0 }),
    }
}

/// What the reader makes of a scenario file: no error and no warning may come.
fn accepted(file: &str) -> Scenario {
    let files = MemoryFiles::new().with("asked.yaml", file.as_bytes().to_vec());
    let import = formats::scenario::read(&files, std::path::Path::new("asked.yaml"));
    assert!(import.is_sound() && import.diagnostics.is_empty(), "{:?}\n{file}", import.diagnostics);
    import.scenario.unwrap()
}

#[test]
fn penetrations_become_what_is_missing_to_them() {
    // 10 % have a vehicle, 2 % of them in the network itself: twice as many are 20 %, 18 % of them by the layer.
    let q = query("show me the 3 worst feeders if EV penetration doubles");
    assert_eq!(in_words(&q), "The 3 feeders with the highest hours beyond limits of loading and voltage, under: EV penetration × 2.");
    let s = accepted(&scenario_file(&q, &present(), "EV doubles", 7).unwrap());
    // Solar of the present scenario stays.
    let shares: Vec<(&str, f64)> = s
        .layers
        .iter()
        .map(|l| match &l.what {
            LayerKind::Ev(e) => ("ev", e.penetration_pct.unwrap()),
            LayerKind::Solar(p) => ("solar", p.penetration_pct.unwrap()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(shares, [("solar", 12.0), ("ev", 18.0)]);
    assert_eq!(s.seed, 7);
}

#[test]
fn scenarios_in_words_are_files_that_are_accepted() {
    for text in [
        "what if 30 % of customers charge at level 2",
        "compare base with 20 % more solar",
        "what if half the homes have solar and load grows by 15 %",
        "heat wave of 8 °C for 5 days: overloaded transformers?",
        "what if it is 40 °C",
        "cold snap of 6 °C with 25 % heat pumps, worst five feeders",
        "overvoltage with 50 % solar and volt-var",
        "peak of FDR-1 with a time-of-use tariff",
        "two fast charging stations on each feeder: overloads",
        "what if solar rises by 10 percentage points",
        "what if load drops 5%",
    ] {
        let s = accepted(&scenario_file(&query(text), &present(), text, 1).unwrap());
        assert!(!s.layers.is_empty(), "{text}");
    }
    // 40 °C on the hottest day, which has 36.5: half a trapezoid would not reach it, a step does.
    let s = accepted(&scenario_file(&query("what if it is 40 °C"), &present(), "x", 1).unwrap());
    let LayerKind::Weather(w) = &s.layers.last().unwrap().what else { panic!() };
    assert_eq!((w.amplitude_c, w.length_d, w.start.as_deref()), (Some(3.5), 1.0, Some("08-20")));
}

#[test]
fn what_is_not_known_is_told_and_not_put_in_place() {
    let of = |text: &str, present: &Present| scenario_file(&query(text), present, "x", 1).unwrap_err();
    assert_eq!(of("what if batteries double", &present()), NoScenario::PresentUnknown { what: "storage" });
    assert_eq!(of("what if there are no EVs", &present()), NoScenario::BelowNetwork { what: "ev", target_pct: 0.0, network_pct: 2.0 });
    assert_eq!(of("losses with half as much solar", &Present::default()), NoScenario::PresentUnknown { what: "solar" });
    assert_eq!(of("what if 20 % of homes have solar", &Present::default()), NoScenario::NoWeather { what: "solar" });
    assert_eq!(of("what if it is 30 °C", &present()), NoScenario::NotExtreme { has_c: 36.5, asked_c: 30.0 });
    assert_eq!(of("overloads on the 2019 heat day", &present()), NoScenario::NoWeather { what: "the extreme of a year" });
    let file = Present { weather_file: Some("w.csv".to_owned()), weather_years: vec![2022], ..present() };
    assert_eq!(of("overloads on the 2019 heat day", &file), NoScenario::NoWeatherYear { year: 2019 });
    let s = scenario_file(&query("overloads on the 2022 heat day"), &file, "x", 1).unwrap();
    assert!(s.contains("weather: {file: \"w.csv\", file_year: 2022, pick: hottest, length_d: 1}"), "{s}");
    assert_eq!(of("losses by feeder", &present()), NoScenario::None);
    let homes = NoScenario::ClassUnknown { what: "ev", class: "residential".to_owned() };
    assert_eq!(of("what if 30 % of homes charge at level 2", &present()), homes);
    let seeded = Present { synthetic_seed: Some(1), ..Present::default() };
    let s = scenario_file(&query("what if 30 % of homes charge at level 2"), &seeded, "x", 1).unwrap();
    assert!(s.contains("is not known, and is taken as none"), "{s}");
    accepted(&s);
}

#[test]
fn sql_has_what_was_asked() {
    let calendar = Calendar { year: Some(2023), first_weekday: Some(6) };
    let text = |ask: &str| sql(&query(ask), "base", calendar).unwrap().sql;
    assert_eq!(
        text("Top 10 feeders by losses"),
        "SELECT feeder, object, value FROM (SELECT feeder, feeder AS object, losses_kwh AS value FROM losses WHERE study = 'base') AS r ORDER BY \
         value DESC NULLS LAST, feeder, object LIMIT 10"
    );
    let count = text("how many transformers on FDR-7 are overloaded?");
    for part in ["SELECT count(*)", "element LIKE 'transformer.%'", "feeder IN ('FDR-7')", "value > 100", "study = 'base'"] {
        assert!(count.contains(part), "{part}: {count}");
    }
    // Two evenings of August 2023, beginning with hour 212 * 24 + 17 of the year.
    let violations = text("voltage violations on FDR-12 in August 2023 between 5 and 9 pm");
    for part in ["'below_a', 'above_a'", "(5105.0000, 5109.0000)", "greatest(", "least("] {
        assert!(violations.contains(part), "{part}: {violations}");
    }
    let compared = text("compare the peak of FDR-12 in base and in high_ev");
    for part in ["FULL OUTER JOIN", "study = 'base'", "study = 'high_ev'", "c.value - b.value AS change"] {
        assert!(compared.contains(part), "{part}: {compared}");
    }
    let none = |ask: &str| sql(&query(ask), "base", calendar).unwrap_err();
    assert_eq!(none("losses in 2022"), NoSql::OtherYear { asked: 2022, has: 2023 });
    assert_eq!(none("transformers above 90 % in July"), NoSql::NotKept);
    assert_eq!(none("SAIDI by feeder"), NoSql::OtherStudy(Run::Reliability));
}

/// Every measure of every kind that fits has SQL or a reason, and one statement only.
#[test]
fn every_measure_is_answered_or_refused() {
    use learning::questions::Measure;
    let (mut answered, mut refused) = (0, 0);
    for m in Measure::ALL {
        for k in [Kind::Feeder, Kind::Transformer, Kind::Line, Kind::Element, Kind::Bus] {
            if !m.fits(k) {
                continue;
            }
            match sql(&Query::new(m, k), "base", Calendar::default()) {
                Ok(a) => {
                    assert!(a.sql.starts_with("SELECT ") && !a.sql.contains(';'), "{}", a.sql);
                    answered += 1;
                }
                Err(NoSql::OtherStudy(_)) => refused += 1,
                Err(e) => panic!("{m:?} of {k:?}: {e}"),
            }
        }
    }
    println!("{answered} answered by the lake, {refused} by other studies");
    assert!(answered >= 40 && refused >= 10);
}

fn situation() -> Situation {
    let rate = |per_year, sd| Some(Rate { per_year, sd });
    let result = |feeder: &str, loading, low, high| FeederResult {
        feeder: feeder.to_owned(),
        loading_max_pct: Some(loading),
        v_min_pu: Some(low),
        v_max_pu: Some(high),
    };
    Situation {
        results: vec![result("FDR-1", 60.0, 0.985, 1.048), result("FDR-2", 55.0, 0.99, 1.01)],
        runs: vec![],
        rates: Rates { ev: rate(3.0, 1.0), solar: rate(2.0, 0.5), load: rate(1.0, 0.2), ..Rates::default() },
        present: present(),
        horizons_yr: vec![5],
        seed: 3,
    }
}

#[test]
fn recommended_scenarios_are_accepted_and_have_reasons() {
    let s = situation();
    let r = recommend(&s).unwrap();
    assert_eq!((r.ranked.len(), r.left_out.len()), (6, 0), "{:?}", r.left_out);
    for x in &r.ranked {
        accepted(&x.file);
        assert!(!x.reasons.is_empty() && !x.words.is_empty());
    }
    // The highest voltage is near its limit, which solar pushes up: what has solar comes before what has not.
    let near = |x: &learning::recommend::Recommendation| {
        x.reasons.iter().any(|r| matches!(r, Reason::NearLimit { feeder, limit, .. } if feeder == "FDR-1" && *limit == 1.05))
    };
    assert!(near(&r.ranked[0]), "{:?}", r.ranked[0]);
    let last = r.ranked.last().unwrap();
    assert!(!near(last) && last.name == "load in 5 years", "{last:?}");
    // What was run lately goes to the end; after the network changed it comes up again.
    let first = r.ranked[0].clone();
    let mut ran = s.clone();
    ran.runs = vec![PastRun { scenario: first.scenario.clone(), age_d: 10.0, network_changed: false }];
    let again = recommend(&ran).unwrap();
    let end = again.ranked.last().unwrap();
    assert!(end.name == first.name && end.reasons.contains(&Reason::RunLately { age_d: 10.0 }), "{end:?}");
    ran.runs[0].network_changed = true;
    let place = recommend(&ran).unwrap().ranked.iter().position(|x| x.name == first.name).unwrap();
    assert!(place < 4, "{place}");
}

#[test]
fn recommendations_need_rates_and_numbers() {
    let mut s = situation();
    s.rates = Rates::default();
    assert_eq!(recommend(&s), Err(RecommendError::NoRates));
    let mut s = situation();
    s.horizons_yr.clear();
    assert_eq!(recommend(&s), Err(RecommendError::NoHorizon));
    let mut s = situation();
    s.results[0].v_min_pu = Some(f64::NAN);
    assert!(matches!(recommend(&s), Err(RecommendError::Value { .. })));
    // Without weather the candidates with solar or a heat wave come back with the reason.
    let mut s = situation();
    s.present.synthetic_seed = None;
    let r = recommend(&s).unwrap();
    assert!(r.ranked.is_empty() && r.left_out.len() == 6, "solar of the present scenario needs weather in every candidate");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// No text makes the reader panic, and what it reads it can say, write as JSON and read back.
    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,120}") {
        let _ = read(&text, &context());
    }

    #[test]
    fn any_words_are_read_or_refused(
        words in prop::collection::vec(prop::sample::select(vec![
            "top", "5", "worst", "feeders", "feeder", "7", "transformers", "above", "90", "%", "between", "and", "pm", "ev", "penetration",
            "doubles", "solar", "20", "more", "load", "grows", "by", "in", "august", "2023", "losses", "voltage", "violations", "hot", "day", "heat",
            "wave", "of", "8", "°c", "homes", "charge", "at", "level", "2", "compare", "base", "with", "highest", "first", "how", "many", "overloaded",
            "FDR-12", "peak", "mw", "hosting", "capacity", "for", "pv", "per", "what", "if", "no", "half", "third", "outage", "from", "to", "a", "17:00",
        ]), 1..14)
    ) {
        let text = words.join(" ");
        let readings = match read(&text, &context()) {
            Outcome::Understood(r) => vec![r],
            Outcome::Ambiguous(all) => all,
            Outcome::NotUnderstood(_) => Vec::new(),
        };
        for r in readings {
            prop_assert!(r.words.ends_with('.'));
            let json = serde_json::to_string(&r.query).unwrap();
            prop_assert_eq!(serde_json::from_str::<Query>(&json).unwrap(), r.query.clone());
            let _ = sql(&r.query, "base", Calendar::default());
            if let Ok(file) = scenario_file(&r.query, &present(), "x", 1) {
                accepted(&file);
            }
        }
    }
}
