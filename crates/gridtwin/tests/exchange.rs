//! `gridtwin exchange` as people meet it: a design out to three tools, results back and judged, the same studies here, pictures, and what is refused.

mod common;

use common::{gridtwin, root, text};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;

fn told(words: &[&str]) -> (Option<i32>, String, String) {
    let output = gridtwin(&[&["exchange"], words].concat());
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn path(dir: &Path, name: &str) -> String {
    dir.join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_design_goes_out_to_each_tool_with_a_manifest_that_holds() {
    let dir = tempfile::tempdir().unwrap();
    let mut fingerprints = Vec::new();
    for (tool, needed) in [
        ("etap", vec!["ETAP_Equipment_Import.csv", "ETAP_Scenarios.csv", "ETAP_Import.xlsx"]),
        ("psse", vec!["PSSe_Network_v34.raw", "PSSe_Scenarios.csv"]),
        ("windchill", vec!["RAM_Component_Data.csv", "RAM_RBD_Structure.csv", "RAM_FMEA_Template.csv", "Windchill_RAM.xlsx"]),
    ] {
        let (out, zip) = (path(dir.path(), tool), path(dir.path(), &format!("{tool}.zip")));
        let (code, shown, errors) = told(&["export", tool, "--version", "34", "--out", &out, "--zip", &zip]);
        assert_eq!(code, Some(0), "{errors}");
        let manifest: Value = serde_json::from_slice(&std::fs::read(Path::new(&out).join("manifest.json")).unwrap()).unwrap();
        let files = manifest["files"].as_array().unwrap();
        for name in &needed {
            assert!(files.iter().any(|f| f["name"] == *name) && shown.contains(name), "{name} of {tool}: {shown}");
        }
        for file in files {
            let bytes = std::fs::read(Path::new(&out).join(file["name"].as_str().unwrap())).unwrap();
            assert_eq!((file["sha256"].as_str().unwrap(), file["bytes"].as_u64().unwrap()), (&*hex(&bytes), bytes.len() as u64));
        }
        let mut archive = zip::ZipArchive::new(std::fs::File::open(&zip).unwrap()).unwrap();
        assert_eq!(archive.len(), files.len() + 1);
        assert!(archive.by_name("manifest.json").is_ok());
        fingerprints.push(manifest["fingerprint"].clone());
    }
    assert!(fingerprints.windows(2).all(|w| w[0] == w[1]), "{fingerprints:?}");
    // What goes out as a case comes in as one, and solves.
    let raw = path(dir.path(), "psse/PSSe_Network_v34.raw");
    let solved = gridtwin(&["solve", &raw]);
    assert!(solved.status.success(), "{}", text(&solved.stderr));
    let (code, _, errors) = told(&["export", "psse", "--version", "36", "--out", "x"]);
    assert!(code == Some(2) && errors.contains("36"), "{errors}");
}

#[test]
fn sample_results_end_each_in_its_own_way() {
    for (sample, code, stages) in [
        ("all-pass", 0, [("2a", false), ("2b", false), ("3", false)]),
        ("ram-fail", 1, [("2a", false), ("2b", false), ("3", true)]),
        ("voltage-fail", 1, [("2a", true), ("2b", false), ("3", false)]),
        ("short-circuit-fail", 1, [("2a", false), ("2b", true), ("3", false)]),
    ] {
        let (ended, shown, errors) = told(&["validate", sample]);
        assert_eq!(ended, Some(code), "{sample}: {shown}{errors}");
        let (_, json, _) = told(&["validate", sample, "--json"]);
        let answer: Value = serde_json::from_str(&json).expect("JSON");
        for (id, fails) in stages {
            let stage = answer["stages"].as_array().unwrap().iter().find(|s| s["id"] == id).unwrap();
            assert_eq!(stage["verdict"] == "fail", fails, "stage {id} of {sample}: {stage}");
        }
        assert_eq!(answer["updates"].as_array().unwrap().is_empty(), code == 0, "{sample}: {}", answer["updates"]);
    }
    // What is not there is not passed.
    let results = root().join("models/exchange/results/all_pass/ETAP_LoadFlow_Results.csv");
    let (_, shown, _) = told(&["validate", results.to_str().unwrap()]);
    assert!(shown.contains("not run") && shown.contains("overall: not run"), "{shown}");
}

#[test]
fn results_of_another_design_and_odd_files_are_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let folder = root().join("models/exchange/results/all_pass");
    let flow = std::fs::read_to_string(folder.join("ETAP_LoadFlow_Results.csv")).unwrap();
    let (other, twice) = (path(dir.path(), "other.csv"), path(dir.path(), "twice.csv"));
    std::fs::write(&other, flow.replace("BUS_100", "BUS_999").replace("BUS_101", "BUS_998")).unwrap();
    let (code, shown, errors) = told(&["validate", &other]);
    assert!(code == Some(1) && shown.is_empty() && errors.contains("BUS_999") && errors.contains("BUS_998"), "{errors}");
    // A manifest of another design.
    let (design, out) = (path(dir.path(), "design.yaml"), path(dir.path(), "out"));
    let sample = told(&["sample", "design"]).1;
    std::fs::write(&design, sample.replacen("xd_double_prime_pu: 0.18", "xd_double_prime_pu: 0.19", 1)).unwrap();
    assert_eq!(told(&["export", "etap", &design, "--out", &out]).0, Some(0));
    let all = folder.join("ETAP_LoadFlow_Results.csv");
    let (code, shown, errors) = told(&["validate", all.to_str().unwrap(), &path(dir.path(), "out/manifest.json")]);
    assert!(code == Some(1) && shown.is_empty() && errors.contains("EXCHANGE.RESULT.OTHER_DESIGN"), "{errors}");
    let first = flow.lines().take(2).collect::<Vec<_>>().join("\n");
    std::fs::write(&twice, format!("{first}\n{}\n", flow.lines().nth(1).unwrap())).unwrap();
    let (code, shown, errors) = told(&["validate", &twice]);
    assert!(code == Some(1) && shown.is_empty(), "{errors}");
    std::fs::write(&twice, [0xff, 0xfe, 0, 1, 2]).unwrap();
    let (code, _, errors) = told(&["validate", &twice]);
    assert!(code == Some(1) && errors.contains("TABLE.ENCODING.WRONG"), "{errors}");
    let (code, _, errors) = told(&["check", &twice]);
    assert!(code == Some(1) && errors.contains("EXCHANGE.FILE.TEXT"), "{errors}");
    // A design with several faults: all of them at once.
    std::fs::write(&design, sample.replacen("bus: BUS_100", "bus: BUS_77", 1).replacen("rated_mw: 50", "rated_mw: -50", 1)).unwrap();
    let (code, _, errors) = told(&["check", &design]);
    assert!(code == Some(1) && errors.contains("BUS_77") && errors.contains("-50"), "{errors}");
}

#[test]
fn the_same_studies_run_here() {
    let dir = tempfile::tempdir().unwrap();
    let out = path(dir.path(), "tables");
    let begin = std::time::Instant::now();
    let (code, shown, errors) = told(&["study", "--out", &out]);
    println!("{shown}\n{errors}\n{:.1} s", begin.elapsed().as_secs_f64());
    assert!(matches!(code, Some(0 | 1)), "{errors}");
    for words in ["scenarios solved", "Breakers", "Availability", "overall"] {
        assert!(shown.contains(words), "{words} is not in {shown}");
    }
    let (_, json, _) = told(&["study", "--json"]);
    let answer: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(answer["solved"], answer["scenarios"]);
    // The figures of the notes on document 000's plant: 9 of 10 by count, and the load's 200 MW by capacity.
    let blocks = answer["tables"].as_array().unwrap();
    assert!(blocks.iter().any(|t| !t["rows"].as_array().unwrap().is_empty()));
    let ram = answer["results"]["ram"].as_array().unwrap();
    let thermal = ram.iter().find(|b| b["block_id"] == "THERMAL_GEN").expect("the units' block");
    let availability = thermal["availability"].as_f64().unwrap();
    assert!((availability - 0.999_668_93).abs() < 5e-8, "9 of 10: {availability}");
    assert!(std::fs::read_dir(&out).unwrap().count() >= 4);
}

#[test]
fn a_design_is_drawn() {
    let dir = tempfile::tempdir().unwrap();
    for (subject, words) in [("single-line", ["GEN_GT_01", "BUS_200"]), ("blocks", ["THERMAL_GEN", "9 of 10"])] {
        let file = path(dir.path(), &format!("{subject}.svg"));
        let (code, _, errors) = told(&["picture", subject, "--out", &file]);
        assert_eq!(code, Some(0), "{errors}");
        let svg = std::fs::read_to_string(&file).unwrap();
        for word in words {
            assert!(svg.starts_with("<svg") && svg.contains(word), "{word} is not in {subject}");
        }
    }
    assert!(told(&["sample", "criteria"]).1.contains("availability_min"));
}

#[test]
fn a_plant_is_sized_until_everything_passes() {
    let dir = tempfile::tempdir().unwrap();
    let out = path(dir.path(), "sized");
    let started = std::time::Instant::now();
    let (code, shown, errors) = told(&["size", "models/exchange/sizing.yaml", "--out", &out]);
    assert_eq!(code, Some(0), "{shown}{errors}");
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    assert!(
        shown.starts_with("as given, direct")
            && shown.contains("2b FAIL")
            && shown.contains("3 FAIL")
            && shown.contains("all pass in round"),
        "{shown}"
    );
    let rounds = std::fs::read_to_string(Path::new(&out).join("sizing_rounds.csv")).unwrap();
    assert!(rounds.lines().count() > 3 && rounds.lines().last().unwrap().contains("pass"), "{rounds}");
    // The design that comes out passes the same studies when it is asked for by itself, and goes out to all tools.
    let design = path(dir.path(), "sized/design.json");
    let (code, shown, errors) = told(&["study", &design]);
    assert!(code == Some(0) && shown.contains("overall: pass"), "{shown}{errors}");
    for tool in ["etap", "psse", "windchill"] {
        let (code, _, errors) = told(&["export", tool, &design, "--out", &path(dir.path(), tool)]);
        assert_eq!(code, Some(0), "{errors}");
    }
    // The sample of the program is the file; a file that is not beside a brief is told.
    let (code, json, _) = told(&["size", "--json", "--rounds", "1"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["status"], json["rounds"].as_array().unwrap().len()), (Some(1), &Value::from("unsettled"), 2));
    let brief = path(dir.path(), "brief.yaml");
    let text = std::fs::read_to_string(root().join("models/exchange/sizing.yaml")).unwrap();
    std::fs::write(&brief, text.replace("max: 16", "max: 0").replace("load_factor: 0.95", "load_factor: 95")).unwrap();
    let (code, _, errors) = told(&["size", &brief]);
    for word in ["design.yaml", "design_34kv.yaml", "from 0 to 0 units", "load_factor is 95"] {
        assert!(code == Some(1) && errors.contains(word), "{word}: {errors}");
    }
}

#[test]
fn availability_is_told_exactly_and_simulated_and_reports_have_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let out = path(dir.path(), "ram");
    let (code, shown, errors) = told(&["availability", "--histories", "400", "--out", &out]);
    assert_eq!(code, Some(1), "the plant misses its target: {shown}{errors}");
    for word in ["SYSTEM is available to", "MISSED", "Fussell-Vesely", "XFMR_MAIN", "400 histories of 20 years", "typical"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    for table in ["availability_blocks", "availability_importance", "availability_cut_sets", "availability_simulated", "fmea"] {
        assert!(Path::new(&out).join(format!("{table}.csv")).is_file(), "{table}");
    }
    // The design's own failure modes stand beside the usual ones of parts without any.
    assert!(std::fs::read_to_string(Path::new(&out).join("fmea.csv")).unwrap().contains("Internal fault"));
    // The exact figure lies in the interval of the simulation, or close to it: one in twenty may not.
    let (_, json, _) = told(&["availability", "--histories", "2000", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let rows =
        |name: &str| json["tables"].as_array().unwrap().iter().find(|t| t["name"] == name).unwrap()["rows"].as_array().unwrap().clone();
    let system = rows("availability_blocks").into_iter().find(|r| r["id"] == "SYSTEM").unwrap();
    let simulated = rows("availability_simulated").into_iter().find(|r| r["figure"] == "availability").unwrap();
    let of = |row: &Value, key: &str| row[key].as_f64().unwrap_or_else(|| panic!("{key} of {row}"));
    let half = 0.5 * (of(&simulated, "high") - of(&simulated, "low"));
    assert!((of(&system, "availability") - of(&simulated, "mean")).abs() < 2.0 * half, "{system} {simulated}");
    for (form, word) in [("html", "<svg"), ("md", "## Stage 3"), ("txt", "Breakers")] {
        let file = path(dir.path(), &format!("report.{form}"));
        told(&["study", "--report", &file]);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(word) && text.contains("overall"), "{form}: {text}");
    }
    let pdf = path(dir.path(), "report.pdf");
    told(&["validate", "short-circuit-fail", "--report", &pdf]);
    assert!(std::fs::read(&pdf).unwrap().starts_with(b"%PDF"));
    let (code, _, errors) = told(&["study", "--report", &path(dir.path(), "report.csv")]);
    assert!(code == Some(1) && errors.contains(".html"), "{errors}");
}

#[test]
fn a_diagram_of_its_own_is_studied_and_its_faults_are_told_at_once() {
    let sample = root().join("models/exchange/diagram.yaml");
    let (code, shown, errors) = told(&["availability", "--diagram", sample.to_str().unwrap(), "--histories", "400"]);
    assert_eq!(code, Some(0), "{shown}{errors}");
    for word in ["Two of three engines", "PLANT is available to", "simulated", "target 0.99 is met", "GENERATION", "INTAKE"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    // The exact result leaves the spares out: said, and the simulation judges.
    assert!(errors.contains("RAM.EXACT.SPARES"), "{errors}");
    let (_, json, _) = told(&["availability", "--diagram", sample.to_str().unwrap(), "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["target"] == 0.99 && json["judged_by"] == "simulation" && json["is_met"] == true, "{json}");
    let (_, printed, _) = told(&["sample", "diagram"]);
    assert_eq!(printed.trim_end(), std::fs::read_to_string(&sample).unwrap().trim_end());

    let dir = tempfile::tempdir().unwrap();
    let bad = path(dir.path(), "bad.yaml");
    let text = "components:\n- {id: A, availability: 1.2}\n- {id: B, mtbf_h: x}\nblocks:\n- {id: P, kind: SERIES, members: [A, C]}\n";
    std::fs::write(&bad, text).unwrap();
    let (code, _, errors) = told(&["availability", "--diagram", &bad]);
    assert_eq!(code, Some(1), "{errors}");
    for word in ["RAM.COMPONENT.AVAILABILITY", "EXCHANGE.DIAGRAM.KIND", "RAM.BLOCK.MEMBER_UNKNOWN", "bad.yaml:5"] {
        assert!(errors.contains(word), "{word}: {errors}");
    }
    let (code, _, _) = told(&["availability", "models/exchange/design.yaml", "--diagram", &bad]);
    assert_eq!(code, Some(2));
}
