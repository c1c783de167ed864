//! The work in a project through the command as people run it, on SQLite and on PostgreSQL alike: decisions that outlive imports, the map of
//! meters, readings and their sums, outages, weather, kept results, and the quality of all of it.

mod common;

#[path = "common/feeder.rs"]
mod feeder;

use common::{gridtwin, root, text};
use feeder::{COORDINATES, FEEDER};
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A place for one test: a folder, and for PostgreSQL a name in the shared database that no other test uses.
struct Site {
    folder: tempfile::TempDir,
    database: Option<String>,
}

impl Site {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, content: &str) -> String {
        fs::write(self.folder.path().join(name), content).unwrap();
        self.path(name)
    }

    /// A project with the feeder as network `north`.
    fn project(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        self.write("coords.csv", COORDINATES);
        let model = self.write("feeder.dss", FEEDER);
        let project = self.path("p");
        let mut new = vec!["project", "new", &project];
        // Projects of one database are told apart by their names.
        let name = format!("work {} {}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        if let Some(url) = &self.database {
            new.extend(["--database", url, "--name", &name]);
        }
        done(&new);
        done(&["project", "import", &project, &model, "--name", "north", "--author", "ada"]);
        project
    }
}

/// Runs a test on SQLite, and on the PostgreSQL server of `GRIDTWIN_TEST_POSTGRES`.
fn everywhere(test: impl Fn(&Site)) {
    test(&Site { folder: tempfile::tempdir().unwrap(), database: None });
    match std::env::var("GRIDTWIN_TEST_POSTGRES").ok().filter(|url| !url.is_empty()) {
        Some(url) => test(&Site { folder: tempfile::tempdir().unwrap(), database: Some(url) }),
        None => {
            let is_set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0" && v != "false");
            assert!(!is_set("CI") && !is_set("GRIDTWIN_REQUIRE_POSTGRES"), "this run must test with PostgreSQL; `make test` starts one");
            eprintln!("NOT TESTED WITH POSTGRESQL: GRIDTWIN_TEST_POSTGRES names no server; `make test` starts one");
        }
    }
}

fn done(arguments: &[&str]) -> String {
    let output = gridtwin(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&done(&[arguments, &["--json"]].concat())).unwrap_or_else(|e| panic!("{arguments:?}: {e}"))
}

fn refused(arguments: &[&str], code: &str) {
    let output = gridtwin(arguments);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(code), "{told}");
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn decisions_about_matches_outlive_imports() {
    everywhere(|site| {
        let project = site.project();
        // The other source: the same grid under other names, one line three times as long.
        let other = FEEDER
            .replace("circuit.north", "circuit.study")
            .replace("line.main bus1=head bus2=p1 linecode=ug length=0.5", "line.main bus1=head bus2=p1 linecode=ug length=1.5")
            .replace("load.m4", "load.x4")
            .replace("load.m5", "load.x5");
        let other = site.write("study.dss", &other);
        done(&["project", "import", &project, &other, "--name", "study"]);
        let pair = ["project", "reconcile", &project, "--network", "north", "--with", "study"];
        let found = json(&pair);
        let partner =
            |found: &Value, a: &str| rows(&found["matches"]).iter().find(|m| m["a"] == a).map(|m| (m["b"].clone(), m["method"].clone()));
        assert_eq!(partner(&found, "line:main"), Some(("line:main".into(), "identity".into())));
        let conflict = rows(&found["conflicts"]).iter().find(|c| c["a"] == "line:main").expect("the length is in conflict");
        assert_eq!((&conflict["kind"], &conflict["value_a"]), (&"length".into(), &"500.0 m".into()));

        let decide = |more: &[&str]| {
            done(&[&["project", "decide", &project, "--network", "north", "--with", "study", "--author", "kim"], more].concat())
        };
        decide(&["--force", "load:m4=load:x5", "--note", "seen on site"]);
        let table =
            site.write("decisions.csv", "decision,a,b,note,author\nreject,line:main,line:main,two lines,bo\nforce,load:m5,load:x4,,\n");
        decide(&["--matches", &table]);
        let found = json(&pair);
        assert_eq!(partner(&found, "load:m4"), Some(("load:x5".into(), "override".into())));
        assert_eq!(partner(&found, "load:m5"), Some(("load:x4".into(), "override".into())));
        assert_ne!(partner(&found, "line:main").map(|p| p.0), Some("line:main".into()));
        assert_eq!(found["decisions"], 3);
        // The other way round they hold, too.
        let turned = json(&["project", "reconcile", &project, "--network", "study", "--with", "north"]);
        assert_eq!(partner(&turned, "load:x5"), Some(("load:m4".into(), "override".into())));

        // A new version of one side: the decisions hold, and the older pair stays.
        done(&["project", "import", &project, &other, "--name", "study", "--dss", "edit line.end length=0.2"]);
        let quality = gridtwin(&["project", "quality", &project, "--format", "json"]);
        let quality: Value = serde_json::from_slice(&quality.stdout).unwrap();
        assert!(rows(&quality["findings"]).iter().any(|d| d["code"] == "QUALITY.MATCH.OLD"), "{quality}");
        assert_eq!(partner(&json(&pair), "load:m4"), Some(("load:x5".into(), "override".into())));
        let kept = json(&["project", "reconcile", &project, "--list"]);
        let versions: Vec<_> = rows(&kept).iter().map(|r| (r["a"].clone(), r["b"].clone())).collect();
        let of = |n: u64, name: &str| serde_json::json!([name, n]);
        assert_eq!(versions, [(of(1, "north"), of(1, "study")), (of(1, "north"), of(2, "study")), (of(1, "study"), of(1, "north"))]);

        // Taken back, it is as if nobody had said it; the log has it all.
        decide(&["--withdraw", "line:main=line:main"]);
        assert_eq!(partner(&json(&pair), "line:main").map(|p| p.0), Some("line:main".into()));
        refused(
            &["project", "decide", &project, "--network", "north", "--with", "study", "--withdraw", "a:1=b:2"],
            "PROJECT.DECISION.NONE",
        );
        refused(
            &["project", "decide", &project, "--network", "north", "--with", "nobody", "--accept", "a:1=b:2"],
            "PROJECT.NETWORK.UNKNOWN",
        );
        let bad = site.write("bad.csv", "decision,a,b\naccept,load:m1,load:m1\nmaybe,load:m2,load:m2\n");
        refused(
            &["project", "decide", &project, "--network", "north", "--with", "study", "--matches", &bad],
            "PROJECT.DECISION.UNREADABLE",
        );
        let in_force = done(&["project", "decisions", &project, "--format", "csv"]);
        assert_eq!(in_force.lines().count(), 3, "{in_force}");
        assert!(in_force.contains("load:m4 of north and load:x5 of study") && in_force.contains(",kim,seen on site,"), "{in_force}");
        let log = done(&["project", "decisions", &project, "--kind", "matches", "--all", "--format", "csv"]);
        assert!(log.lines().count() == 5 && log.contains(",bo,two lines,"), "{log}");
    });
}

/// Readings of five meters over two days, a quarter of an hour each; m2 has a gap of one value.
fn readings(first_day: u32, days: u32, kwh: f64) -> String {
    let mut csv = String::from("meter,time_end,kWh\n");
    for m in 1..=5 {
        for q in 1..=96 * days {
            let (day, minute) = (first_day + (q - 1) / 96, (q % 96) * 15);
            let day = if minute == 0 { day + 1 } else { day };
            if (m, q) != (2, 50) {
                writeln!(csv, "m{m},2016-07-{day:02} {:02}:{:02},{kwh}", minute / 60, minute % 60).unwrap();
            }
        }
    }
    csv
}

#[test]
fn meters_from_readings_to_the_balance_of_their_feeder() {
    everywhere(|site| {
        let project = site.project();
        let project = project.as_str();
        // Places say little of m4: halfway between both transformers.
        let places = site.write(
            "meters.csv",
            "meter,lon,lat,bus\nm1,7.50002,45.00002,s1\nm2,7.50003,45.0001,s1\nm3,7.5,45.0001,c1\nm4,7.50138,45.00003,\nm5,7.50141,45.0001,c2\n",
        );
        let kept = json(&["project", "meters", "places", project, &places]);
        assert_eq!((kept[0]["new"].clone(), kept[0]["repeated"].clone()), (5.into(), false.into()));
        assert_eq!(json(&["project", "meters", "places", project, &places])[0]["repeated"], true);
        let map = |more: &[&str]| json(&[&["project", "meters", "map", project], more].concat());
        let of = |map: &Value, meter: &str| {
            let row = rows(&map["meters"]).iter().find(|r| r["meter"] == meter).unwrap().clone();
            (row["transformer"].as_str().map(str::to_owned), row["method"].as_str().unwrap().to_owned())
        };
        let first = map(&[]);
        assert_eq!((&first["number"], &first["is_new"]), (&1.into(), &true.into()));
        assert_eq!(of(&first, "m1"), (Some("t1".into()), "traced".into()));
        assert_eq!(of(&first, "m4"), (Some("t2".into()), "inferred".into()));
        assert_eq!(map(&[])["is_new"], false, "the same again is no new version");

        // A decision, then the network again: it holds by itself.
        done(&["project", "decide", project, "--meter", "m4=t1", "--author", "kim", "--note", "wire seen"]);
        let bulk = site.write("map.csv", "meter,transformer,note,author\nm5,t1,plan 7,bo\n");
        done(&["project", "decide", project, "--meters", &bulk]);
        done(&["project", "import", project, &site.path("feeder.dss"), "--name", "north", "--dss", "edit line.end length=0.2"]);
        let second = map(&[]);
        assert_eq!(
            (of(&second, "m4"), of(&second, "m5")),
            ((Some("t1".into()), "override".into()), (Some("t1".into()), "override".into()))
        );
        done(&["project", "decide", project, "--withdraw-meter", "m5"]);
        assert_eq!(of(&map(&[]), "m5").0, Some("t2".into()));
        refused(&["project", "decide", project, "--withdraw-meter", "m5"], "PROJECT.DECISION.NONE");

        // Two imports that overlap by a day: m1 to m5 draw 4 kW each.
        let one = site.write("one.csv", &readings(1, 2, 1.0));
        let two = site.write("two.csv", &readings(2, 2, 1.0));
        let import = |file: &str| json(&["project", "meters", "import", project, file, "--zone", "UTC"]);
        for file in [&one, &one, &two] {
            let report = import(file);
            assert_eq!(report["feeders"]["north"]["meters"], 5, "{}", report["feeders"]);
        }
        let sums = json(&["project", "meters", "aggregate", project]);
        let north = &sums["feeders"]["north"];
        let kwh = north["delivered_kwh"].as_f64().unwrap();
        assert!((kwh - 5.0 * 4.0 * 72.0).abs() < 1e-9, "three days of 20 kW, each once: {kwh}");
        assert!(sums["feeders"].get("unmapped").is_none(), "{}", sums["feeders"]);
        let lake = store::Lake::open(Path::new(project)).unwrap();
        assert!(lake.check().unwrap().is_empty(), "{:?}", lake.check().unwrap());
        let studies: Vec<String> = lake.studies().unwrap().into_iter().map(|s| s.study).collect();
        assert_eq!(studies.len(), 3, "two imports and the sums: {studies:?}");
        refused(&["project", "meters", "import", project, &one, "--study", "meter-sums"], "PROJECT.METERS.STUDY_TAKEN");

        // The head: a SCADA point that has the feeder's name, 21 kW; the solved feeder loses less than what is missing.
        let mut csv = String::from("point,timestamp,kW\n");
        for q in 0..=96 * 3 {
            writeln!(csv, "NORTH,2016-07-{:02} {:02}:{:02},22.0", 1 + q / 96, (q % 96) * 15 / 60, (q % 96) * 15 % 60).unwrap();
        }
        let head = site.write("head.csv", &csv);
        done(&[
            "project",
            "meters",
            "import",
            project,
            &head,
            "--zone",
            "UTC",
            "--kind",
            "scada",
            "--sum-interval",
            "15",
            "--column",
            "meter=point",
        ]);
        let quality = |project: &str| -> Value {
            let output = gridtwin(&["project", "quality", project, "--format", "json"]);
            serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output.stderr)))
        };
        let report = quality(project);
        let balance = &report["balances"][0];
        assert_eq!(
            (&balance["feeder"], &balance["head"], &balance["decided"]),
            (&"north".into(), &"NORTH".into(), &false.into()),
            "{report}"
        );
        let figure = |name: &str| balance[name].as_f64().unwrap();
        assert!((figure("hours") - 72.0).abs() < 0.51, "{balance}");
        assert!((figure("head_kwh") - 22.0 * figure("hours")).abs() < 1e-6 && (figure("meters_kwh") - 20.0 * figure("hours")).abs() < 1e-6);
        let losses_kwh = figure("losses_kwh");
        assert!(losses_kwh > 0.0 && (figure("unaccounted_kwh") - (2.0 * figure("hours") - losses_kwh)).abs() < 1e-6, "{balance}");
        let codes =
            |report: &Value| -> Vec<String> { rows(&report["findings"]).iter().map(|d| d["code"].as_str().unwrap().to_owned()).collect() };
        assert!(codes(&report).contains(&"QUALITY.ENERGY.UNACCOUNTED".to_owned()), "{:?}", codes(&report));
        assert!(!codes(&report).contains(&"QUALITY.ENERGY.SUMS_OLD".to_owned()), "{:?}", codes(&report));

        // A meter that nobody knows, and a network that has lost a transformer.
        let stranger = site.write("stranger.csv", "meter,time_end,kWh\nx9,2016-07-01 00:15,1\nx9,2016-07-01 00:30,1\n");
        import(&stranger);
        let less: String = FEEDER.lines().filter(|l| !l.contains("transformer.t2")).map(|l| format!("{l}\n")).collect();
        done(&["project", "import", project, &site.write("less.dss", &less), "--name", "north", "--lenient"]);
        let found = codes(&quality(project));
        for code in ["QUALITY.METER.NOT_IN_MAP", "QUALITY.METER.TRANSFORMER_UNKNOWN", "QUALITY.METER.MAP_OLD", "QUALITY.ENERGY.SUMS_OLD"] {
            assert!(found.contains(&code.to_owned()), "{code} is not among {found:?}");
        }
        done(&["project", "decide", project, "--head", "north=m1"]);
        let report = quality(project);
        assert_eq!((&report["balances"][0]["head"], &report["balances"][0]["decided"]), (&"m1".into(), &true.into()));
        assert!(codes(&report).contains(&"QUALITY.ENERGY.MORE_OUT_THAN_IN".to_owned()));
    });
}

#[test]
fn outages_twice_are_outages_once() {
    everywhere(|site| {
        let project = site.project();
        let table = root().join("cases/outages/four_years/outages.csv").display().to_string();
        let direct = json(&["outages", &table, "--customers", "5000"]);
        let import = || json(&["project", "outages", "import", &project, &table])[0].clone();
        let first = import();
        assert!(first["new"].as_u64().unwrap() > 100 && first["repeated"] == false, "{first}");
        let again = import();
        assert_eq!((&again["new"], &again["changed"], &again["repeated"]), (&0.into(), &0.into(), &true.into()));
        let report = json(&["project", "outages", "report", &project, "--customers", "5000"]);
        assert_eq!(report["years"], direct["years"], "the indices of what is kept are those of the file");

        // A later file: one event corrected, one new, one row that cannot be read.
        let more = site.write(
            "more.csv",
            "Incident Number,Off Time,Time Restored,Customers Affected,Primary Cause Code,Feeder ID,Device,Longitude,Latitude\n\
             N1,8/1/2025 5:00 AM,8/1/2025 6:00 AM,10,Tree,north,fu9,7.5,45.0\n\
             N2,8/2/2025 5:00 AM,8/2/2025 6:00 AM,10,Tree,north,line.main,7.5,45.0\n\
             N3,someday,8/2/2025 6:00 AM,10,Tree,north,line.main,7.5,45.0\n",
        );
        let next = json(&["project", "outages", "import", &project, &more])[0].clone();
        assert_eq!((&next["new"], &next["rejected"]), (&2.into(), &1.into()));
        let rejects = fs::read_to_string(next["rejects_file"].as_str().unwrap()).unwrap();
        assert!(rejects.contains("someday"), "{rejects}");
        let report = json(&["project", "outages", "report", &project, "--customers", "5000", "--year", "2025"]);
        assert_eq!(report["years"][0]["all"]["cmi"], 1200.0);
        let output = gridtwin(&["project", "quality", &project, "--format", "geojson"]);
        let map: Value = serde_json::from_slice(&output.stdout).unwrap();
        let unknown: Vec<&Value> =
            rows(&map["features"]).iter().filter(|f| f["properties"]["code"] == "QUALITY.OUTAGE.DEVICE_UNKNOWN").collect();
        assert_eq!(unknown.len(), 1, "line.main is there: {unknown:?}");
        assert_eq!((&unknown[0]["properties"]["element"], &unknown[0]["geometry"]["coordinates"][0]), (&"fu9".into(), &7.5.into()));
        let text = text(&gridtwin(&["project", "quality", &project]).stdout);
        assert!(text.contains("QUALITY.OUTAGE.FEEDER_UNKNOWN") && text.contains("Data quality of project"), "{text}");
        refused(&["project", "outages", "report", &site.path("nowhere"), "--customers", "1"], "PROJECT.FOLDER.NOT_A_PROJECT");
    });
}

#[test]
fn weather_is_kept_once() {
    everywhere(|site| {
        let project = site.project();
        refused(&["project", "outages", "report", &project, "--customers", "1"], "PROJECT.OUTAGES.NONE");
        let file = site.write(
            "weather.csv",
            "time,temperature (C),GHI (W/m2)\n2024-01-01T00:00,1.5,0\n2024-01-01T01:00,,0\n2024-01-01T02:00,-3.25,0\n",
        );
        let import =
            |file: &str| json(&["project", "weather", "import", &project, file, "--lat", "45", "--lon", "7.5", "--time-zone", "UTC"]);
        assert_eq!(import(&file)["new"], 3);
        assert_eq!(import(&file)["repeated"], true);
        let later = site.write("later.csv", "time,temperature (C)\n2024-01-01T01:00,2\n2024-01-01T02:00,\n2024-01-01T03:00,4\n");
        let kept = import(&later);
        assert_eq!((&kept["new"], &kept["changed"], &kept["same"]), (&1.into(), &1.into(), &1.into()));
        let listed = json(&["project", "weather", "list", &project]);
        let temperature = rows(&listed[0]["columns"]).iter().find(|c| c["quantity"] == "temperature_c").unwrap();
        assert_eq!(temperature["values"], serde_json::json!([1.5, 2.0, -3.25, 4.0]));
        assert!(done(&["project", "weather", "list", &project]).contains("4 instants"));
        assert!(done(&["project", "info", &project]).contains("1 place of weather"));
    });
}

#[test]
fn results_are_kept_as_a_baseline() {
    everywhere(|site| {
        let project = site.project();
        refused(&["compare", &project], "COMPARE.RESULTS.NONE");
        let out = site.path("solved");
        done(&["solve", &project, "--out", &out]);
        let voltages = fs::read_dir(&out).unwrap().map(|e| e.unwrap().path()).find(|p| p.ends_with("nodes.csv")).map_or_else(
            || panic!("{:?}", fs::read_dir(&out).unwrap().map(|e| e.unwrap().path()).collect::<Vec<PathBuf>>()),
            |p| p.display().to_string(),
        );
        let first = json(&["compare", &project, "--against", &voltages, "--keep", "solved"]);
        let worst = |report: &Value| {
            let of = rows(&report["agreements"]).iter().find(|a| a["quantity"] == "v_pu").expect("voltages are compared").clone();
            of["max"].as_f64().unwrap()
        };
        assert!(worst(&first) < 1e-6, "{}", worst(&first));
        // A longer line after the next import shows against what was kept.
        done(&["project", "import", &project, &site.path("feeder.dss"), "--name", "north", "--dss", "edit line.main length=30"]);
        let second = json(&["compare", &project]);
        assert!(second["against"].as_str().unwrap().starts_with("baseline solved (of version 1"), "{}", second["against"]);
        assert!(worst(&second) > 1e-5, "{}", worst(&second));
        assert!(worst(&json(&["compare", &project, "--network-version", "1", "--baseline", "solved"])) < 1e-6);
        refused(&["compare", &project, "--baseline", "other"], "COMPARE.BASELINE.NONE");
        refused(&["compare", &site.path("feeder.dss"), "--against", &voltages, "--keep", "x"], "COMPARE.BASELINE.NOT_KEPT");
    });
}
