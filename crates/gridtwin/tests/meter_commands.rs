//! `gridtwin meters`: cases of interval readings, the lake that an import leaves, and the map of a street.

mod common;

use common::{gridtwin, root, text};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn json(arguments: &[&str]) -> Value {
    let output = gridtwin(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the report is JSON")
}

/// Deviations of a report from what a case expects, by path.
fn compare(path: &str, expected: &toml::Value, found: &Value, faults: &mut Vec<String>, compared: &mut usize) {
    match expected {
        toml::Value::Table(t) => t.iter().for_each(|(k, v)| compare(&format!("{path}.{k}"), v, &found[k], faults, compared)),
        toml::Value::String(s) => {
            *compared += 1;
            if found.as_str() != Some(s) {
                faults.push(format!("{path}: {found} instead of {s}"));
            }
        }
        number => {
            *compared += 1;
            let want = number.as_float().or(number.as_integer().map(|i| i as f64)).expect("a number");
            let near = found.as_f64().is_some_and(|f| (f - want).abs() <= 1e-9 * want.abs().max(1.0));
            if !near {
                faults.push(format!("{path}: {found} instead of {want}"));
            }
        }
    }
}

#[test]
fn cases_of_interval_readings() {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(root().join("cases/interval_readings")).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    assert!(folders.len() >= 5, "only {} cases", folders.len());
    let mut faults = Vec::new();
    for folder in folders {
        let case: toml::Value = toml::from_str(&std::fs::read_to_string(folder.join("case.toml")).unwrap()).unwrap();
        let listed = |key: &str| -> Vec<String> { case[key].as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect() };
        let mut arguments: Vec<String> = vec!["meters".into(), "import".into(), "--json".into()];
        arguments.extend(listed("files").iter().map(|f| folder.join(f).display().to_string()));
        let rejects = tempfile::tempdir().unwrap();
        arguments.extend(["--rejects".to_owned(), rejects.path().join("r.csv").display().to_string()]);
        let mut after_map = false;
        for a in listed("arguments") {
            arguments.push(if after_map { folder.join(&a).display().to_string() } else { a.clone() });
            after_map = a == "--map";
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut report = json(&arguments);
        let rejected: u64 = report["files"].as_array().unwrap().iter().map(|f| f["rejected"].as_u64().unwrap()).sum();
        report["rejected"] = serde_json::json!({ "rows": rejected });
        let mut compared = 0;
        compare(&folder.file_name().unwrap().to_string_lossy(), &case["expected"], &report, &mut faults, &mut compared);
        assert!(compared >= 4, "{} compares {compared} figures", folder.display());
        let kept = std::fs::read_to_string(rejects.path().join("r.csv")).map_or(0, |t| t.lines().count() - 1);
        assert_eq!(kept as u64, rejected, "{}: rejects", folder.display());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_import_leaves_whole_tables_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let case = root().join("cases/interval_readings/faults_of_readings");
    let path = |name: &str| case.join(name).display().to_string();
    let out = dir.path().display().to_string();
    let report = json(&[
        "meters",
        "import",
        &path("readings.csv"),
        "--map",
        &path("map.csv"),
        "--zone",
        "UTC",
        "--out",
        &out,
        "--keep-meters",
        "--json",
    ]);
    assert_eq!(report["feeders"]["f1"]["meters"], 1);
    let lake = store::Lake::open(dir.path()).unwrap();
    let tables = lake.tables().unwrap();
    for table in ["meter_intervals", "transformer_intervals", "feeder_intervals", "meter_quality"] {
        assert!(tables.contains(table), "{tables:?}");
    }
    let mut flags = std::collections::BTreeMap::new();
    lake.read("meter_intervals", None, &mut |batch| {
        use arrow_array::cast::AsArray;
        for flag in batch.column_by_name("flag").unwrap().as_string::<i32>().iter().flatten() {
            *flags.entry(flag.to_owned()).or_insert(0) += 1;
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(flags.into_iter().collect::<Vec<_>>(), [("estimated".to_owned(), 25), ("validated".to_owned(), 1991)]);
    assert!(lake.check().unwrap().is_empty());
    assert_eq!(std::fs::read_to_string(dir.path().join("rejects-meters.csv")).unwrap().lines().count(), 3);

    // A second file that cannot be understood keeps the first one out, too.
    let other = tempfile::tempdir().unwrap();
    let bad = other.path().join("bad.csv");
    std::fs::write(&bad, "colour,size\nred,1\n").unwrap();
    let out = other.path().join("lake").display().to_string();
    let refused = gridtwin(&["meters", "import", &path("readings.csv"), &bad.display().to_string(), "--zone", "UTC", "--out", &out]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("METERS.COLUMN.MISSING"));
    assert!(!Path::new(&out).join("lake").exists());
    assert!(std::fs::read_dir(&out).unwrap().all(|e| !e.unwrap().file_name().to_string_lossy().contains("scratch")));
}

#[test]
fn the_map_of_a_street_with_overrides_that_stay() {
    let case = root().join("cases/meter_map/street");
    let path = |name: &str| case.join(name).display().to_string();
    let dir = tempfile::tempdir().unwrap();
    let within = |name: &str| dir.path().join(name).display().to_string();
    let (meters, transformers) = (path("meters.csv"), path("transformers.csv"));
    let plain = json(&["meters", "map", "--meters", &meters, "--transformers", &transformers, "--ignore-explicit", "--json"]);
    let right = |level: &str| plain["confusion"][level]["right"].as_u64().unwrap();
    assert_eq!(right("high") + right("medium") + right("low"), 18);
    assert_eq!((plain["confusion"]["high"]["wrong"].as_u64(), right("high")), (Some(0), 17));

    let overrides = within("overrides.csv");
    std::fs::copy(path("overrides.csv"), &overrides).unwrap();
    let (out, log) = (within("map.csv"), within("log.csv"));
    let first = [
        "meters",
        "map",
        "--meters",
        &meters,
        "--transformers",
        &transformers,
        "--overrides",
        &overrides,
        "--set",
        "M01=T2",
        "--who",
        "kim",
        "--reason",
        "plan",
        "--log",
        &log,
        "--out",
        &out,
        "--json",
    ];
    let report = json(&first);
    assert_eq!(report["overrides"].as_array().unwrap().len(), 2);
    assert!(report["diagnostics"].as_array().unwrap().iter().any(|d| d["code"] == "MAP.OVERRIDE.UNKNOWN_METER"));
    let again = json(&["meters", "map", "--meters", &meters, "--transformers", &transformers, "--overrides", &overrides, "--json"]);
    let of = |report: &Value, meter: &str| {
        let rows = report["meters"].as_array().unwrap();
        rows.iter().find(|r| r["meter"] == meter).map(|r| (r["transformer"].clone(), r["method"].clone())).unwrap()
    };
    assert_eq!(of(&again, "M01"), ("T2".into(), "override".into()));
    assert_eq!(of(&again, "M00"), ("T1".into(), "override".into()));
    assert_eq!(of(&again, "M02"), ("T0".into(), "explicit".into()));
    assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), 3);
    // The map that is written is the one that an import reads.
    let map = std::fs::read_to_string(&out).unwrap();
    assert!(map.starts_with("meter,transformer,feeder,") && map.contains("\nM01,T2,F1,override,high,"), "{map}");
}
