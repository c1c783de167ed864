//! Narratives: every numeral leads to the cells it is from and has their value, whatever the tables hold.

use learning::narrative::{
    Limits, Narrative, NarrativeError, Sheet, SheetColumn, Source, comparison, hosting_capacity, mitigation, reliability, run_summary,
};
use proptest::prelude::*;
use studies::table::Value;

/// A sheet from text: columns with units in the head, a row a line, cells by blanks; `-` is an empty cell, `_` a blank within a word.
fn sheet(name: &str, text: &str) -> Sheet {
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let columns = lines.next().unwrap().split_whitespace().map(|c| match c.split_once('[') {
        Some((name, unit)) => SheetColumn { name: name.to_owned(), unit: unit.trim_end_matches(']').to_owned() },
        None => SheetColumn { name: c.to_owned(), unit: String::new() },
    });
    let cell = |c: &str| match c {
        "-" => Value::Empty,
        "true" => Value::Flag(true),
        "false" => Value::Flag(false),
        _ if c.starts_with('#') => Value::Count(c[1..].parse().unwrap()),
        _ => c.parse().map_or_else(|_| Value::Text(c.replace('_', " ")), Value::Number),
    };
    let columns: Vec<SheetColumn> = columns.collect();
    Sheet { name: name.to_owned(), columns, rows: lines.map(|l| l.split_whitespace().map(cell).collect()).collect() }
}

fn scorecard() -> Sheet {
    sheet(
        "feeder_scorecard",
        "feeder nodes peak_kw[kW] energy_kwh[kWh] losses_pct[%] v_min_pu[pu] v_max_pu[pu] nodes_outside_a loading_max_pct[%] worst_element overloaded_elements overload_hours[h] unsettled
         FDR-1 #400 4123.4 19876543.2 3.456 0.94996 1.0312 #2 100.04 line.l7 #1 2 #0
         FDR-2 #120 2500 9000000 2.1 0.9312 1.049 #40 143.7 transformer.t9 #5 812.5 #3
         FDR-3 #300 1800 7000000 1.9 0.98 1.02 #0 71 line.a1 #0 0 #0",
    )
}

fn overloads() -> Sheet {
    sheet(
        "thermal_overloads",
        "feeder element loading_max_pct[%] hours_above_normal[h] hours_above_emergency[h]
         FDR-1 line.l7 100.04 2 0
         FDR-2 transformer.t9 143.7 412.5 17",
    )
}

fn voltages() -> Sheet {
    sheet(
        "voltage_violations",
        "feeder ansi_range side nodes node_hours[h] worst_node worst_v_pu[pu]
         FDR-1 A below #2 3 n14.1 0.94996
         FDR-2 A below #40 2203 n77.3 0.9312",
    )
}

fn is_sound(n: &Narrative, sheets: &[Sheet], told: &Limits) {
    let faults = n.faults(sheets, told);
    assert!(faults.is_empty(), "{faults:?}\n{}", n.text());
    // Apart from the library: what has a digit and no source.
    for span in n.sections.iter().flat_map(|s| &s.sentences).flat_map(|s| &s.spans) {
        assert!(span.source.is_some() || !span.text.chars().any(|c| c.is_ascii_digit()), "{span:?}");
    }
    for s in &n.sections {
        assert!(s.sentences.windows(2).all(|w| w[0].importance >= w[1].importance), "{s:?}");
    }
}

#[test]
fn a_run_is_told_with_what_limits_it_first() {
    let sheets = [scorecard(), overloads(), voltages()];
    let told = Limits {
        failed: Some(vec!["FDR-9".to_owned()]),
        is_surrogate: false,
        missing: vec!["readings of the meters of a week".to_owned()],
    };
    let n = run_summary(&sheets, &told).unwrap();
    is_sound(&n, &sheets, &told);
    let text = n.text();
    println!("{text}");
    assert_eq!(n.sections[0].heading, "What limits these figures");
    for words in [
        "1 feeder failed and is in no figure: FDR-9.",
        "3 steps of FDR-2 did not settle",
        "6 lines and transformers on 2 feeders were above the normal rating",
        "The heaviest loading was 144 % at transformer.t9 of feeder FDR-2.",
        "On FDR-2 the overloads are systemic",
        "On FDR-1 the overload is isolated",
        "1 line or transformer was above the emergency rating: transformer.t9.",
        "The lowest voltage was 0.931 pu at node n77.3 of feeder FDR-2",
        "Missing: readings of the meters of a week.",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

/// 100.04 % is above its limit and 0.94996 pu below; neither may be told as the limit.
#[test]
fn figures_are_not_rounded_onto_their_limit() {
    let mut card = scorecard();
    card.rows.remove(1);
    let mut v = voltages();
    v.rows.remove(1);
    let sheets = [card, v];
    let text = run_summary(&sheets, &Limits::default()).unwrap().text();
    assert!(text.contains("100.04 %") && text.contains("0.94996 pu"), "{text}");
}

#[test]
fn a_sound_network_is_told_as_such() {
    let mut card = scorecard();
    card.rows.drain(..2);
    let sheets = [card];
    let n = run_summary(&sheets, &Limits::default()).unwrap();
    is_sound(&n, &sheets, &Limits::default());
    let text = n.text();
    assert!(
        text.contains("No line or transformer was above its normal rating") && text.contains("All voltages stayed within range A"),
        "{text}"
    );
    assert!(!text.contains("What limits"), "{text}");
}

/// A card of feeders of 400 nodes; for each: steps that did not settle, overloaded elements, nodes outside of range A.
fn counted(feeders: &[(u64, u64, u64)]) -> Sheet {
    let mut card = scorecard();
    let template = card.rows[2].clone();
    card.rows = feeders
        .iter()
        .enumerate()
        .map(|(i, (unsettled, overloaded, outside))| {
            let mut r = template.clone();
            (r[0], r[1]) = (Value::Text(format!("F{i}")), Value::Count(400));
            (r[7], r[10], r[12]) = (Value::Count(*outside), Value::Count(*overloaded), Value::Count(*unsettled));
            r[11] = Value::Number(*overloaded as f64);
            r
        })
        .collect();
    card
}

/// Verbs and nouns go with what is counted: none, one and many, of one feeder and of several.
#[test]
fn sentences_of_a_run_go_with_their_counts() {
    let none = "No line or transformer was above its normal rating; the highest loading was 71 % at line.a1.";
    // Counts, and words that have to be there.
    type Case<'a> = (&'a [(u64, u64, u64)], &'a [&'a str]);
    let cases: [Case<'_>; 6] = [
        (&[(0, 0, 0)], &[none, "All voltages stayed within range A", " were supplied to 1 feeder."]),
        (
            &[(1, 1, 1)],
            &[
                "1 step of F0 did not settle; it stands in no figure, and what it would show is not known.",
                "1 line or transformer on 1 feeder was above the normal rating, for 1 h in all.",
                "On F0 the overload is isolated: it concerns a single asset (1 in all).",
                "1 node on 1 feeder was outside voltage range A at some time.",
                "On F0 the voltage outside range A is isolated: it concerns a single node (1 in all).",
            ],
        ),
        (
            &[(2, 2, 3), (0, 0, 0)],
            &[
                "2 steps of F0 did not settle; they stand in no figure, and what they would show is not known.",
                "2 lines and transformers on 1 feeder were above the normal rating, for 2 h in all.",
                "On F0 the overloads are isolated: they concern single assets (2 together).",
                "3 nodes on 1 feeder were outside voltage range A at some time.",
                "On F0 the voltages outside range A are isolated: they concern single nodes (3 together).",
                " were supplied to 2 feeders.",
            ],
        ),
        (
            &[(1, 1, 1), (1, 1, 1)],
            &[
                "2 steps of F0 and F1 did not settle; they stand",
                "2 lines and transformers on 2 feeders were above the normal rating, for 2 h in all.",
                "On F0 and F1 the overloads are isolated: they concern single assets (2 together).",
                "2 nodes on 2 feeders were outside voltage range A at some time.",
            ],
        ),
        (
            &[(0, 5, 40)],
            &[
                "5 lines and transformers on 1 feeder were above the normal rating",
                "On F0 the overloads are systemic: they concern many assets of the feeder (5 together).",
                "On F0 the voltages outside range A are systemic: they concern a tenth of the nodes or more of the feeder (40 together).",
            ],
        ),
        (
            &[(0, 5, 0), (0, 4, 0)],
            &["On F0 and F1 the overloads are systemic: they concern many assets of each of these feeders (9 together)."],
        ),
    ];
    for (feeders, sentences) in cases {
        let sheets = [counted(feeders)];
        let n = run_summary(&sheets, &Limits::default()).unwrap();
        is_sound(&n, &sheets, &Limits::default());
        let text = n.text();
        for words in sentences {
            assert!(text.contains(words), "{words}\n{text}");
        }
    }
    // Without a feeder nothing is told.
    assert!(run_summary(&[counted(&[])], &Limits::default()).unwrap().sections.is_empty());
    let one = sheet(
        "thermal_overloads",
        "feeder element loading_max_pct[%] hours_above_normal[h] hours_above_emergency[h]
         F0 line.l7 130 2 1
         F0 line.l8 140 3 2",
    );
    let text = run_summary(&[counted(&[(0, 2, 0)]), one], &Limits::default()).unwrap().text();
    assert!(text.contains("2 lines and transformers were above the emergency rating: line.l7 and line.l8."), "{text}");
}

/// The same of the other studies: one and not many.
#[test]
fn sentences_of_single_things_are_in_the_singular() {
    let [mut feeders, assets] = compared();
    (feeders.rows[0][2], feeders.rows[0][11]) = (Value::Count(1), Value::Count(1));
    let text = comparison(&[feeders, assets], &Limits::default()).unwrap().text();
    for words in [
        "1 step of FDR-1 did not settle in one of the studies and counts in neither.",
        "1 limit of an asset is newly passed on FDR-1",
        "1 limit is passed longer or farther than in the base, on FDR-1.",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let [mut capacity, _] = hosted();
    capacity.rows.truncate(1);
    let text = hosting_capacity(&[capacity], &Limits::default()).unwrap().text();
    assert!(text.contains("Bus b1 takes 500 kW.") && !text.contains("takes least"), "{text}");
    let [mut clusters, candidates, _] = mended();
    clusters.rows.remove(0);
    let text = mitigation(&[clusters, candidates], &Limits::default()).unwrap().text();
    assert!(text.contains("1 element or node is beyond limits for 12 h, in 1 cluster."), "{text}");
    let [points, mut elements] = interrupted();
    elements.rows.truncate(1);
    let text = reliability(&[points, elements], &Limits::default()).unwrap().text();
    assert!(
        text.contains("of 200 h a year by the 1 element that fails.") && text.contains("1 element makes half of these hours"),
        "{text}"
    );
}

fn compared() -> [Sheet; 2] {
    let feeders = sheet(
        "feeders",
        "feeder case new worsened added same eased mended gone new_h[h] mended_h[h] steps_left_out
         FDR-1 high_ev #3 #1 #0 #0 #0 #0 #0 120.5 0 #2
         FDR-2 high_ev #0 #0 #0 #4 #1 #2 #0 0 33 #0",
    );
    let assets = sheet(
        "assets",
        "asset feeder case limit became base_h[h] case_h[h] worst_base worst_case limit_value unit
         transformer.t1 FDR-1 high_ev overload new 0 80 - 117.3 100 %
         bus7.2 FDR-1 high_ev below_a worsened 4 44.5 0.949 0.931 0.95 pu
         line.l2 FDR-2 high_ev overload mended 33 0 104 - 100 %",
    );
    [feeders, assets]
}

#[test]
fn a_comparison_tells_new_and_mended() {
    let sheets = compared();
    let n = comparison(&sheets, &Limits::default()).unwrap();
    is_sound(&n, &sheets, &Limits::default());
    let text = n.text();
    println!("{text}");
    for words in [
        "2 steps of FDR-1 did not settle in one of the studies",
        "3 limits of assets are newly passed on FDR-1, 120 h beyond limits that the base did not have.",
        "The largest change is at transformer.t1 of feeder FDR-1 (above the normal rating): from 0 h to 80 h, with 117 % at the worst.",
        "2 limits of assets are no longer passed on FDR-2",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

fn hosted() -> [Sheet; 2] {
    let capacity = sheet(
        "hosting_capacity",
        "bus der status hosting_capacity_kw[kW] criterion element
         b1 generation limited 500 over-voltage b1.1
         b2 generation limited 1250 thermal-line line.l1
         b3 generation base-violates 0 thermal-line line.l9
         b4 generation unlimited 10000 - -",
    );
    let relax = sheet(
        "relaxations",
        "bus der change hosting_capacity_kw[kW] gain_kw[kW]
         b1 generation volt-var 820 320
         b1 generation next_conductor 500 0",
    );
    [capacity, relax]
}

#[test]
fn hosting_capacity_is_told_by_bus_and_by_draws() {
    let sheets = hosted();
    let surrogate = Limits { is_surrogate: true, ..Limits::default() };
    let n = hosting_capacity(&sheets, &surrogate).unwrap();
    is_sound(&n, &sheets, &surrogate);
    let text = n.text();
    println!("{text}");
    for words in [
        "estimates of a fitted model",
        "b3 takes least, 0 kW, and b4 most, 10000 kW",
        "Most is gained at b1 by volt-var: 320 kW more, 820 kW in all",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let draws = [sheet(
        "percentiles",
        "der figure hosting_capacity_kw[kW] low_kw[kW] high_kw[kW] at_least
         generation mean 900 850 950 false
         generation p5 410 380 430 false
         generation p50 880 840 920 true",
    )];
    let n = hosting_capacity(&draws, &Limits::default()).unwrap();
    is_sound(&n, &draws, &Limits::default());
    assert!(
        n.text().contains("Half of the draws host more than 880 kW of generation; some draws found no limit, so this is a lower bound."),
        "{}",
        n.text()
    );
}

fn mended() -> [Sheet; 3] {
    let clusters = sheet(
        "clusters",
        "cluster kind violations hours[h] worst best_change best_mended_h[h] left_h[h]
         #1 overload #4 240.25 line.l1 reconductor_l1 200 10
         #2 low-voltage #1 12 b9.1 - - 12",
    );
    let candidates = sheet(
        "candidates",
        "rank change cost benefit_h[h] mended_h[h] new_h[h] cost_per_h chosen
         #1 reconductor_l1 12000 200 200 0 60 true
         #2 capacitor_300_kvar 9000 -3 0 3 - false",
    );
    let portfolio = sheet(
        "portfolio",
        "figure before after unit
         hours_of_violation 252.25 52.25 h
         lowest_voltage 0.94 0.941 pu
         steps_that_did_not_settle 1 1 -",
    );
    [clusters, candidates, portfolio]
}

#[test]
fn mitigation_is_told_with_what_is_left() {
    let sheets = mended();
    let n = mitigation(&sheets, &Limits::default()).unwrap();
    is_sound(&n, &sheets, &Limits::default());
    let text = n.text();
    println!("{text}");
    for words in [
        "Steps that did not settle and stand in no figure: 1 before and 1 after the changes.",
        "5 elements and nodes are beyond limits for 252 h, in 2 clusters of one cause each.",
        "For 1 cluster no change was found that helps.",
        "The cheapest hour is bought by reconductor l1: 200 h less for 12000, which is 60 an hour.",
        "1 change does more harm than good: capacitor 300 kvar.",
        "The figure hours of violation goes down from 252 h to 52.2 h, by 200 h.",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

fn interrupted() -> [Sheet; 2] {
    let points = sheet(
        "load_points",
        "load bus customers mean_kw[kW] interruptions_per_yr[1/yr] unavailability_h_per_yr[h/yr] momentary_per_yr[1/yr]
         lp1 b1 210 300 0.2482 3.614 0
         lp2 b2 1 500 0.31 0.78 0",
    );
    let elements = sheet(
        "elements",
        "element failures_per_yr[1/yr] repair_h[h] customer_interruptions_per_yr[1/yr] customer_hours_per_yr[h/yr] energy_kwh_per_yr[kWh/yr]
         line.f1 0.05 5 40 200 900
         transformer.t1 0.015 200 3 100 400",
    );
    [points, elements]
}

#[test]
fn reliability_is_told_by_who_and_what() {
    let sheets = interrupted();
    let n = reliability(&sheets, &Limits::default()).unwrap();
    is_sound(&n, &sheets, &Limits::default());
    let text = n.text();
    println!("{text}");
    for words in [
        "Without supply longest is load lp1 at b1: 3.61 h a year, in 0.248 interruptions a year.",
        "Failures of line.f1 cost most: 200 h a year of customers, of 300 h a year by all 2 elements that fail.",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn what_is_missing_or_ragged_is_named_all_at_once() {
    let mut card = scorecard();
    card.columns[2].name = "peak".to_owned();
    card.columns[12].name = "open".to_owned();
    let missing = run_summary(&[card], &Limits::default()).unwrap_err();
    assert_eq!(
        missing,
        NarrativeError::Missing(vec!["column peak_kw of feeder_scorecard".to_owned(), "column unsettled of feeder_scorecard".to_owned()])
    );
    assert_eq!(
        comparison(&[], &Limits::default()).unwrap_err(),
        NarrativeError::Missing(vec!["table feeders".to_owned(), "table assets".to_owned()])
    );
    let mut card = scorecard();
    card.rows[1].pop();
    assert!(matches!(run_summary(&[card], &Limits::default()), Err(NarrativeError::Ragged { row: 1, .. })));
}

/// The check of figures does see a false one.
#[test]
fn a_figure_that_was_changed_is_seen() {
    let sheets = [scorecard(), overloads(), voltages()];
    let good = run_summary(&sheets, &Limits::default()).unwrap();
    let mut seen = 0;
    for (i, section) in good.sections.iter().enumerate() {
        for (j, sentence) in section.sentences.iter().enumerate() {
            for (k, span) in sentence.spans.iter().enumerate() {
                let Some(source) = &span.source else { continue };
                let mut bad = good.clone();
                let text = &mut bad.sections[i].sentences[j].spans[k].text;
                *text =
                    if matches!(source, Source::Cell(_)) && text.parse::<f64>().is_err() && !text.starts_with(|c: char| c.is_ascii_digit())
                    {
                        format!("{text}x")
                    } else {
                        let figure: f64 = text.split(' ').next().unwrap().parse().unwrap();
                        format!("{}", figure * 1.02 + 1.0)
                    };
                assert_eq!(bad.faults(&sheets, &Limits::default()).len(), 1, "{span:?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

/// Columns that the narratives ask for are those that the studies and views have.
#[test]
fn the_columns_are_those_of_the_studies() {
    let tables = [studies::comparison::feeder_table(&[], 1.0), studies::comparison::asset_table(&[], 1.0)];
    let sheets: Vec<Sheet> = tables.iter().map(Sheet::from).collect();
    assert!(comparison(&sheets, &Limits::default()).is_ok());
    let view = |name: &str| {
        let path = format!("{}/../store/src/views/{name}.sql", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let column = |l: &str| {
            let (name, rest) = l.strip_prefix("-- ")?.split_once(" [")?;
            Some(SheetColumn { name: name.to_owned(), unit: rest.split(']').next()?.to_owned() })
        };
        Sheet { name: name.to_owned(), columns: text.lines().filter_map(column).collect(), rows: Vec::new() }
    };
    assert!(run_summary(&[view("feeder_scorecard")], &Limits::default()).is_ok());
    for s in [overloads(), voltages()] {
        let real = view(&s.name);
        assert!(s.columns.iter().all(|c| real.columns.contains(c)), "{}: {:?}", s.name, real.columns);
    }
}

proptest! {
    /// Whatever the figures, each is found again.
    #[test]
    fn figures_are_those_of_the_cells(
        rows in prop::collection::vec((0.0..2e7_f64, 0.5..1.2_f64, 0.0..300.0_f64, 0_u64..500, 0_u64..9, prop::option::of(0.0..9000.0_f64)), 1..8)
    ) {
        let mut card = scorecard();
        let template = card.rows[0].clone();
        card.rows = rows.iter().enumerate().map(|(i, (energy, v, loading, outside, unsettled, hours))| {
            let mut r = template.clone();
            r[0] = Value::Text(format!("F{i}"));
            r[3] = Value::Number(*energy);
            r[5] = Value::Number(*v);
            r[7] = Value::Count(*outside);
            r[8] = Value::Number(*loading);
            r[10] = Value::Count(u64::from(*loading > 100.0));
            r[11] = Value::maybe(*hours);
            r[12] = Value::Count(*unsettled);
            r
        }).collect();
        let sheets = [card];
        let n = run_summary(&sheets, &Limits::default()).unwrap();
        let faults = n.faults(&sheets, &Limits::default());
        prop_assert!(faults.is_empty(), "{:?}", faults);
    }
}
