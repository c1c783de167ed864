//! Predicted reliability against published indices, as a user asks for them.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn ask(model: &Path, options: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gridtwin"));
    let output = command.arg("reliability").arg(model).args(options).output().expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn indices(model: &Path, options: &[&str]) -> Value {
    let (done, out, err) = ask(model, &[options, &["--json"]].concat());
    assert!(done, "{err}");
    serde_json::from_str(&out).expect("JSON")
}

fn case(name: &str) -> (PathBuf, Value) {
    let dir = root().join("cases/reliability").join(name);
    let expected = std::fs::read_to_string(dir.join("expected.json")).expect("expected.json");
    (dir.join(format!("{name}.dss")), serde_json::from_str(&expected).expect("JSON"))
}

fn near(found: &Value, expected: &Value, what: &str) {
    let (found, expected) = (found.as_f64().expect("a number"), expected.as_f64().expect("a number"));
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{what}: {found} for {expected}");
}

#[test]
fn indices_of_the_test_system_are_the_printed_ones() {
    let (model, expected) = case("rbts_bus2");
    for case in expected["cases"].as_array().expect("cases") {
        let options: Vec<&str> = case["options"].as_array().expect("options").iter().filter_map(Value::as_str).collect();
        let found = indices(&model, &options);
        for index in ["saifi_per_yr", "saidi_h_per_yr", "caidi_h", "asai", "ens_kwh_per_yr"] {
            near(&found[index], &case[index], &format!("{}, {index}", case["name"]));
        }
    }
    let base = indices(&model, &[]);
    for (index, printed) in expected["printed"].as_object().expect("printed") {
        // As many digits as are printed.
        let text = printed.to_string();
        let digits = text.split_once('.').map_or(0, |(_, d)| d.len());
        assert_eq!(format!("{:.digits$}", base[index].as_f64().expect("a number")), text, "{index}");
    }
    for point in base["load_points"].as_array().expect("load points") {
        let expected = &expected["load_points"][point["load"].as_str().expect("a name")];
        for index in ["interruptions_per_yr", "unavailability_h_per_yr"] {
            near(&point[index], &expected[index], &format!("{}, {index}", point["load"]));
        }
    }
}

#[test]
fn shares_of_elements_add_up_to_the_indices() {
    let (model, _) = case("rbts_bus2");
    let dir = tempfile::tempdir().expect("a folder");
    let out = dir.path().join("out");
    let (done, _, err) = ask(&model, &["--out", out.to_str().expect("a path")]);
    assert!(done, "{err}");
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(out.join("summary.json")).expect("a file")).expect("JSON");
    let elements = std::fs::read_to_string(out.join("elements.csv")).expect("a file");
    let sum = |column: usize| -> f64 {
        elements.lines().skip(1).map(|l| l.split(',').nth(column).expect("a cell").parse::<f64>().expect("a number")).sum()
    };
    let of = |index: &str| whole[index].as_f64().expect("a number");
    for (column, expected) in [(3, of("saifi_per_yr") * 1908.0), (4, of("saidi_h_per_yr") * 1908.0), (5, of("ens_kwh_per_yr"))] {
        assert!((sum(column) - expected).abs() < 1e-6 * expected, "column {column}: {} for {expected}", sum(column));
    }
}

/// One feeder with a recloser at its head and a fused lateral; three quarters of failures clear by themselves.
///
/// By hand, with 0.1 failures a year on each of two lines of unit length, 3 h repair, 1 h switching; 10 customers on the main line, 4 on the
/// lateral. A lasting failure (0.025 a year) of the main line interrupts all 14 for 3 h, of the lateral its 4 for 3 h. A passing one (0.075) of
/// the main line is momentary for all 14; of the lateral it takes the fuse of the 4 customers, for 1 h.
#[test]
fn passing_failures_are_momentary_behind_a_recloser_and_last_behind_a_fuse() {
    let dir = tempfile::tempdir().expect("a folder");
    let model = dir.path().join("feeder.dss");
    std::fs::write(
        &model,
        "Clear\nNew circuit.feeder basekv=12.47 bus1=head\n\
         New line.main bus1=head bus2=a length=1 units=km faultrate=0.1 pctperm=25 repair=3\n\
         New recloser.r monitoredobj=line.main monitoredterm=1 shots=4\n\
         New line.lateral bus1=a bus2=b length=1 units=km faultrate=0.1 pctperm=25 repair=3\n\
         New fuse.f monitoredobj=line.lateral monitoredterm=1\n\
         New load.a bus1=a kv=12.47 kw=100 numcust=10\nNew load.b bus1=b kv=12.47 kw=40 numcust=4\n\
         Set voltagebases=[12.47]\nCalcvoltagebases\n",
    )
    .expect("a file");
    let found = indices(&model, &[]);
    let expect = |index: &str, value: f64| {
        let found = found[index].as_f64().expect("a number");
        assert!((found - value).abs() < 1e-12, "{index}: {found} for {value}");
    };
    expect("saifi_per_yr", (0.025 * 14.0 + (0.025 + 0.075) * 4.0) / 14.0);
    expect("saidi_h_per_yr", (0.025 * 3.0 * 14.0 + (0.025 * 3.0 + 0.075) * 4.0) / 14.0);
    expect("maifi_per_yr", 0.075);
    expect("ens_kwh_per_yr", 0.025 * 3.0 * 140.0 + (0.025 * 3.0 + 0.075) * 40.0);
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let (model, _) = case("rbts_bus2");
    let (done, _, err) = ask(&model, &["--repair-h", "wire=3"]);
    assert!(!done && err.contains("RELIABILITY.OPTION.CLASS"), "{err}");
    let (done, _, err) = ask(&model, &["--switching-h=-1"]);
    assert!(!done && err.contains("zero"), "{err}");
}
