//! What a project keeps of the work on its versions, on SQLite and on PostgreSQL alike: matches, maps, records, baselines, decisions.

mod project_support;

use network::{
    InterruptionKind, LonLat, Moment, OutageStep, Quantity, Reject, SourceRef, StudyFigure, Weather, WeatherColumn, WeatherQuantity,
};
use project_support::{NOON, everywhere, feeder, imported};
use serde_json::{Value, json};
use store::project::decisions::{Decision, PairDecision, Signed};
use store::project::{
    MeterMapRow, MeterMapSite, MeterPlaceRecord, NewRecords, NewVersion, Override, Project, Reconciled, SourceFile, StoredConflict,
    StoredMatch, VersionInfo,
};

const LATER: &str = "2026-02-01T12:00:00Z";

fn version(project: &Project, network: &str, n: usize) -> VersionInfo {
    project.import(&NewVersion::new(network, &imported(feeder(n)), NOON)).unwrap()
}

fn records<'a>(sha256: &str, rejects: &'a [Reject]) -> NewRecords<'a> {
    let source = SourceFile { path: "in.csv".into(), sha256: sha256.into(), bytes: 12 };
    NewRecords { time_utc: NOON, author: "ada", source, options: json!({ "zone": "UTC" }), rejects }
}

#[test]
fn a_reconciliation_is_kept_with_its_pair_of_versions() {
    everywhere(|site| {
        let project = site.project("pairs");
        let (a, b) = (version(&project, "gis", 3), version(&project, "study", 3));
        let mut found = Reconciled {
            matches: vec![StoredMatch {
                a: "line:1".into(),
                b: "line:l1".into(),
                class: "line".into(),
                method: "place".into(),
                score: 0.1 + 0.2,
                distance_m: None,
                tie: Some("line:l2".into()),
                reasons: json!([{ "what": "place", "score": 0.5, "text": "1.0 m apart" }]),
            }],
            conflicts: vec![StoredConflict {
                kind: "length".into(),
                a: "line:1".into(),
                b: "line:l1".into(),
                value_a: "10 m".into(),
                value_b: "20 m".into(),
                place: Some(LonLat::new(7.5, 45.25)),
            }],
            only_a: vec!["load:a".into(), "load:b".into()],
            only_b: Vec::new(),
        };
        assert!(project.reconciliation(&a, &b).unwrap().is_none());
        project.put_reconciliation(&a, &b, (NOON, "ada"), &json!({ "radius_m": 60.0 }), &found).unwrap();
        assert_eq!(project.reconciliation(&a, &b).unwrap().unwrap().1, found);
        let brief = project.reconciliation_in_brief(&a, &b).unwrap().unwrap();
        assert_eq!((brief.matches.len(), brief.matches[0].score), (found.matches.len(), found.matches[0].score));
        assert_eq!((&brief.conflicts, &brief.only_a, &brief.only_b), (&found.conflicts, &found.only_a, &found.only_b));
        assert_eq!(project.match_reasons(&brief.info, 0).unwrap(), found.matches[0].reasons);
        // The same pair again takes its place, another version of one side stands beside it.
        found.only_a.pop();
        project.put_reconciliation(&a, &b, (LATER, "bo"), &Value::Null, &found).unwrap();
        let b2 = version(&project, "study", 4);
        project.put_reconciliation(&a, &b2, (LATER, "bo"), &Value::Null, &found).unwrap();
        let listed = site.open("pairs").reconciliations().unwrap();
        let pairs: Vec<_> = listed.iter().map(|r| (r.a.1, r.b.1, r.only_a, r.author.as_str())).collect();
        assert_eq!(pairs, [(1, 1, 1, "bo"), (1, 2, 1, "bo")]);
    });
}

#[test]
fn decisions_stand_in_the_order_in_which_they_were_made_until_they_are_withdrawn() {
    everywhere(|site| {
        let project = site.project("decisions");
        let one = |subject: &str, value: Option<&str>| Override {
            kind: "meter_map".into(),
            subject: subject.into(),
            value: value.map(Value::from),
            author: "ada".into(),
            note: "seen on site".into(),
            time_utc: NOON.into(),
        };
        project.add_overrides(&[one("m2", Some("t1")), one("m1", Some("t1")), one("m2", Some("t2"))]).unwrap();
        let in_force = |project: &Project| -> Vec<(String, Value)> {
            project.overrides_in_order("meter_map").unwrap().into_iter().map(|o| (o.subject, o.value.unwrap())).collect()
        };
        assert_eq!(in_force(&project), [("m1".into(), json!("t1")), ("m2".into(), json!("t2"))]);
        project.add_overrides(&[one("m1", None)]).unwrap();
        assert_eq!(in_force(&site.open("decisions")), [("m2".into(), json!("t2"))]);
        assert_eq!(project.override_log("meter_map").unwrap().len(), 4, "what was withdrawn stays as history");
        assert!(project.override_log("reconciliation").unwrap().is_empty());

        // All or none: the second takes back what is not there.
        let signed = |decision| Signed { decision, author: "kim".into(), note: String::new() };
        let meter = |meter: &str, transformer: Option<&str>| {
            signed(Decision::Meter { meter: meter.into(), transformer: transformer.map(str::to_owned) })
        };
        let refused = project.decide(&[meter("m3", Some("t1")), meter("m1", None)], LATER).unwrap_err();
        assert_eq!(refused.diagnostic().code, "PROJECT.DECISION.NONE");
        assert_eq!(in_force(&project), [("m2".into(), json!("t2"))]);
        project.decide(&[meter("m3", Some("")), meter("m2", None)], LATER).unwrap();
        let meters: Vec<_> = project.meters_in_force().unwrap().into_iter().map(|m| (m.meter, m.transformer, m.author)).collect();
        assert_eq!(meters, [("m3".into(), String::new(), "kim".into())]);
        // A pair is found from either side.
        let networks = ("study".to_owned(), "gis".to_owned());
        let pair = Decision::Pair { networks, a: "line:A".into(), b: "line:b".into(), decision: Some(PairDecision::Force) };
        project.decide(&[signed(pair)], LATER).unwrap();
        let of = |a: &str, b: &str| project.pairs_in_force(a, b).unwrap().into_iter().map(|p| (p.a, p.b)).collect::<Vec<_>>();
        assert_eq!(of("study", "gis"), [("line:a".to_owned(), "line:b".to_owned())]);
        assert_eq!(of("gis", "study"), [("line:b".to_owned(), "line:a".to_owned())]);
        assert!(of("gis", "gis").is_empty());
    });
}

fn step(event: &str, start_s: i64, device: &str) -> OutageStep {
    OutageStep {
        event: event.into(),
        start: Moment { utc_s: start_s, day: (start_s / 86_400) as i32 },
        restored: Some(Moment { utc_s: start_s + 3600, day: (start_s / 86_400) as i32 }),
        customers: 12.0,
        kind: InterruptionKind::Unplanned,
        feeder: "north".into(),
        substation: String::new(),
        device: device.into(),
        device_type: "fuse".into(),
        phases: "ABC".into(),
        cause: "tree".into(),
        cause_secondary: String::new(),
        weather: "wind".into(),
        comments: "a \"quoted\" word".into(),
        place: Some(LonLat::new(7.5, 45.25)),
        ci_given: None,
        cmi_given: Some(720.0),
        source: SourceRef::new("outages.csv", 2),
    }
}

#[test]
fn a_file_of_outages_twice_changes_nothing_and_a_correction_replaces() {
    everywhere(|site| {
        let project = site.project("outages");
        let open = OutageStep { restored: None, ..step("2", 90_000, "f2") };
        // Two rows that are equal in all things are two steps.
        let mut steps = vec![step("1", 1_000, "f1"), step("1", 1_000, "f1"), open];
        let rejects = [Reject { source: SourceRef::new("outages.csv", 9), reason: "it has no start".into(), text: ",,".into() }];
        let first = project.put_outages(&records("aa", &rejects), &steps).unwrap();
        assert_eq!((first.new, first.changed, first.same, first.rejected, first.repeated), (3, 0, 0, 1, false));
        let kept = std::fs::read_to_string(first.rejects_file.unwrap()).unwrap();
        assert!(kept.contains("it has no start"), "{kept}");
        let back = site.open("outages").outages().unwrap();
        assert_eq!(back, steps);

        let again = project.put_outages(&records("aa", &rejects), &steps).unwrap();
        assert_eq!((again.new, again.changed, again.same, again.repeated), (0, 0, 3, true));
        assert_eq!((project.outages().unwrap().len(), project.record_imports().unwrap().len()), (3, 1));

        // Restored meanwhile, and one line further down; the others as before; one more.
        steps[2].restored = Some(Moment { utc_s: 93_000, day: 1 });
        steps.iter_mut().for_each(|s| s.source.line += 1);
        steps.push(step("3", 200_000, ""));
        let next = project.put_outages(&records("bb", &[]), &steps).unwrap();
        assert_eq!((next.new, next.changed, next.same, next.repeated), (1, 1, 2, false));
        let back = project.outages().unwrap();
        assert_eq!((back.len(), back[2].restored.map(|m| m.utc_s)), (4, Some(93_000)));
    });
}

#[test]
fn weather_is_completed_and_corrected_by_the_moment() {
    everywhere(|site| {
        let project = site.project("weather");
        let series = |values: &[(i64, Option<f64>)]| Weather {
            name: "station".into(),
            place: LonLat::new(13.4, 52.52),
            elevation_m: Some(38.0),
            utc_offset_s: 3600,
            utc_s: values.iter().map(|v| v.0).collect(),
            columns: vec![WeatherColumn { quantity: WeatherQuantity::TemperatureC, values: values.iter().map(|v| v.1).collect() }],
            typical_year: false,
        };
        let first = series(&[(0, Some(1.5)), (3600, None), (7200, Some(-3.25))]);
        assert_eq!(project.put_weather(&records("aa", &[]), std::slice::from_ref(&first)).unwrap().new, 3);
        assert_eq!(project.weather().unwrap(), std::slice::from_ref(&first));
        assert!(project.put_weather(&records("aa", &[]), &[first]).unwrap().repeated);
        // What was missing comes, what is missing now stays, what differs is replaced.
        let import =
            project.put_weather(&records("bb", &[]), &[series(&[(0, None), (3600, Some(2.0)), (7200, Some(4.0)), (10_800, Some(5.0))])]);
        let import = import.unwrap();
        assert_eq!((import.new, import.changed, import.same), (1, 2, 1));
        let back = site.open("weather").weather().unwrap();
        assert_eq!(back[0].columns[0].values, [Some(1.5), Some(2.0), Some(4.0), Some(5.0)]);
        let typical = Weather { typical_year: true, ..series(&[(0, Some(9.0))]) };
        project.put_weather(&records("cc", &[]), &[typical]).unwrap();
        assert_eq!(project.weather().unwrap().len(), 2, "a typical year is a series of its own");
    });
}

#[test]
fn a_map_is_a_version_when_it_says_something_new() {
    everywhere(|site| {
        let project = site.project("maps");
        let v = [version(&project, "north", 3), version(&project, "south", 2)];
        let row = |meter: &str, transformer: Option<&str>| MeterMapRow {
            meter: meter.into(),
            transformer: transformer.map(str::to_owned),
            feeder: "north".into(),
            method: "inferred".into(),
            confidence: "high".into(),
            probability: 0.987,
            distance_m: Some(12.5),
            second_transformer: None,
            second_probability: None,
            second_distance_m: None,
            correlation: None,
            place: (meter == "m1").then(|| LonLat::new(7.5, 45.0)),
            reasons: vec!["nearest".into(), "same phase, same feeder".into()],
        };
        let place_of = |transformer: &str| MeterMapSite {
            transformer: transformer.into(),
            network: "north".into(),
            element: transformer.into(),
            feeder: "north".into(),
            phases: 1,
            kva: Some(50.0),
            place: LonLat::new(7.5001, 45.0),
        };
        let sites = [place_of("t1"), place_of("t2")];
        let put = |rows: &[MeterMapRow]| project.put_meter_map(&v, (NOON, "ada"), &json!({ "candidates": 8 }), rows, &sites).unwrap();
        let rows = [row("m1", Some("t1")), row("m2", None)];
        assert!(project.meter_map(None).unwrap().is_none());
        assert_eq!((put(&rows), put(&rows)), ((1, true), (1, false)));
        assert_eq!(put(&[row("m1", Some("t2")), row("m2", None)]), (2, true));
        let (info, back) = site.open("maps").meter_map(Some(1)).unwrap().unwrap();
        assert_eq!((back.as_slice(), info.meters), (rows.as_slice(), 2));
        assert_eq!(info.versions, [("north".into(), 1), ("south".into(), 1)]);
        assert_eq!(project.meter_map(None).unwrap().unwrap().1[0].transformer.as_deref(), Some("t2"));
        let brief = project.meter_map_in_brief(project.meter_map_info(Some(1)).unwrap().unwrap()).unwrap();
        assert!(project.meter_map_info(Some(9)).unwrap().is_none());
        assert_eq!((brief.sites.as_slice(), brief.rows[0].place), (sites.as_slice(), rows[0].place));
        assert!(brief.rows[0].reasons.is_empty());
        let reasons = project.meter_map_reasons(&brief.info, &["m1", "nobody"]).unwrap();
        assert_eq!((reasons.len(), &reasons["m1"]), (1, &rows[0].reasons));

        let place = |meter: &str, bus: Option<&str>| MeterPlaceRecord {
            meter: meter.into(),
            place: Some(LonLat::new(7.5, 45.25)),
            feeder: "north".into(),
            phases: 5,
            transformer: None,
            bus: bus.map(str::to_owned),
            demand_kw: Some(3.5),
            source: SourceRef::new("meters.csv", 2),
        };
        let import =
            project.put_meter_places(&records("aa", &[]), &[place("m1", None), place("m2", None), place("m1", Some("b1"))]).unwrap();
        assert_eq!((import.new, project.meter_places().unwrap()), (2, vec![place("m1", Some("b1")), place("m2", None)]));
        let import = project.put_meter_places(&records("bb", &[]), &[place("m1", Some("b2")), place("m2", None)]).unwrap();
        assert_eq!((import.new, import.changed, import.same), (0, 1, 1));
    });
}

#[test]
fn a_baseline_belongs_to_a_network_and_is_replaced_by_name() {
    everywhere(|site| {
        let project = site.project("baselines");
        let (north, south) = (version(&project, "north", 3), version(&project, "south", 3));
        let figure = |value| StudyFigure {
            subject: "b1".into(),
            phase: Some(2),
            quantity: Quantity::VPu,
            value,
            source: SourceRef::new("results.csv", 7),
        };
        let put = |v: &VersionInfo, name: &str, value: f64| project.put_baseline(v, name, (NOON, "ada", "results.csv"), &[figure(value)]);
        put(&north, "cyme", 1.0).unwrap();
        put(&north, "cyme", 0.1 + 0.2).unwrap();
        put(&north, "measured", 0.98).unwrap();
        assert!(put(&north, " ", 1.0).is_err());
        let open = site.open("baselines");
        assert_eq!(open.baseline("north", Some("cyme")).unwrap().unwrap().1, [figure(0.1 + 0.2)]);
        assert_eq!(open.baseline("north", None).unwrap().unwrap().0.name, "measured", "the newest when none is named");
        assert!(open.baseline(&south.network, None).unwrap().is_none());
        assert_eq!(open.baselines(None).unwrap().len(), 2);
        site.statement("baselines", "DELETE FROM baseline_figures");
        assert!(open.baseline("north", None).is_err(), "figures that have gone are told");
    });
}
