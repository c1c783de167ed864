//! The program as people meet it: reports, files, exit status, messages.

mod common;

use common::{golden, gridtwin, root, text};
use std::fs;
use std::path::PathBuf;

const IEEE13: &str = "models/ieee13/ieee13.dss";

/// A folder of its own for a test, empty.
fn scratch(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("the folder can be made");
    dir
}

/// Numbers in scientific notation are rounding noise in these texts; they are masked.
fn masked(text: &str) -> String {
    let is_noise = |word: &str| {
        let number = word.trim_matches(|c: char| "(),".contains(c));
        number.contains("e-") && number.parse::<f64>().is_ok_and(|x| x.abs() < 1e-2) && number != "1e-4"
    };
    let mut masked = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let words: Vec<&str> = words.into_iter().map(|w| if is_noise(w) { "#" } else { w }).collect();
        masked += words.join(" ").trim_end();
        masked.push('\n');
    }
    masked
}

#[test]
fn the_report_of_ieee13() {
    let output = gridtwin(&["solve", IEEE13]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    for line in report.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(!report.contains('\x1b'), "colour where there is no terminal");
    golden("solve_ieee13.txt", &masked(&report));
}

#[test]
fn the_fault_table_of_ieee13() {
    let output = gridtwin(&["faults", IEEE13, "--bus", "671", "--bus", "611"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    golden("faults_ieee13.txt", &text(&output.stdout));
}

#[test]
fn what_is_in_ieee13() {
    let output = gridtwin(&["info", IEEE13]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    golden("info_ieee13.txt", &text(&output.stdout));
}

#[test]
fn json_holds_what_the_report_says() {
    let output = gridtwin(&["solve", IEEE13, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["certificate"]["settled"], true);
    assert_eq!(json["nodes"], 41);
    let losses = json["power"]["losses_kw"].as_f64().unwrap();
    assert!((losses - 112.39).abs() < 0.01, "{losses}");
    assert!(json["certificate"]["mismatch_relative"].as_f64().unwrap() < 1e-3);
}

#[test]
fn result_files_have_the_reference_columns_and_replace_earlier_ones() {
    let dir = scratch("solve-out");
    let out = dir.to_str().unwrap();
    fs::write(dir.join("nodes.csv"), "stale").unwrap();
    let output = gridtwin(&["solve", IEEE13, "--out", out, "--controls", "off", "--tolerance", "1e-9"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let head = |name: &str| fs::read_to_string(dir.join(name)).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(head("nodes.csv"), "node,kvbase_ln,v_re,v_im,v_pu,angle_deg");
    assert_eq!(head("elements.csv"), "element,terminal,conductor,node,i_re,i_im,p_kw,q_kvar");
    let summary: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("summary.json")).unwrap()).unwrap();
    for key in ["converged", "iterations", "control_iterations", "total_kw", "total_kvar", "losses_kw", "losses_kvar", "tolerance"] {
        assert!(!summary[key].is_null(), "{key} is missing in {summary}");
    }
    assert_eq!(summary["controlmode"], "off");
    assert_eq!(summary["tolerance"], 1e-9);
    let names: Vec<String> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn a_failed_run_leaves_no_earlier_result() {
    let dir = scratch("solve-failed");
    let out = dir.to_str().unwrap();
    for name in ["nodes.csv", "elements.csv", "summary.json", "notes.txt"] {
        fs::write(dir.join(name), "stale").unwrap();
    }
    let output = gridtwin(&["solve", "cases/broken/cannot_converge/network.dss", "--out", out]);
    assert_eq!(output.status.code(), Some(1));
    let names: Vec<String> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names, ["notes.txt"]);
}

#[test]
fn fault_files_have_the_reference_columns() {
    let dir = scratch("faults-out");
    let output = gridtwin(&["faults", IEEE13, "--out", dir.to_str().unwrap(), "--bus", "671"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let faults = fs::read_to_string(dir.join("faults.csv")).unwrap();
    let rows: Vec<&str> = faults.lines().collect();
    assert_eq!(rows[0], "bus,type,nodes,converged,\"i_re,i_im per faulted conductor...\"");
    let keys: Vec<String> = rows[1..].iter().map(|r| r.splitn(4, ',').take(3).collect::<Vec<_>>().join(",")).collect();
    assert_eq!(keys, ["671,slg,1", "671,slg,2", "671,slg,3", "671,ll,1.2", "671,ll,2.3", "671,ll,3.1", "671,3ph,1.2.3"]);
    let study = fs::read_to_string(dir.join("faultstudy.csv")).unwrap();
    assert_eq!(study.lines().next().unwrap(), "bus,node,voc_re,voc_im,isc_all_re,isc_all_im,\"zsc_row(re,im)...\"");
    assert_eq!(study.lines().count(), 4);
}

#[test]
fn messages_name_file_line_and_remedy() {
    for (name, command) in [("undefined_linecode", "solve"), ("load_on_unknown_bus", "solve")] {
        let output = gridtwin(&[command, &format!("cases/broken/{name}/network.dss")]);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        golden(&format!("{command}_{name}.txt"), &text(&output.stderr));
    }
    let output = gridtwin(&["faults", IEEE13, "--bus", "67"]);
    assert_eq!(output.status.code(), Some(1));
    golden("faults_unknown_bus.txt", &text(&output.stderr));
    let output = gridtwin(&["solve", "models/none.dss"]);
    assert_eq!(output.status.code(), Some(1));
    golden("solve_missing_file.txt", &text(&output.stderr));
}

#[test]
fn check_lists_findings_in_three_formats() {
    let model = "cases/broken/load_on_unknown_bus/network.dss";
    let output = gridtwin(&["check", model]);
    assert_eq!(output.status.code(), Some(1));
    golden("check_load_on_unknown_bus.txt", &text(&output.stdout));
    let json: serde_json::Value = serde_json::from_slice(&gridtwin(&["check", model, "--format", "json"]).stdout).unwrap();
    assert!(json["errors"].as_u64().unwrap() >= 1, "{json}");
    let sarif: serde_json::Value = serde_json::from_slice(&gridtwin(&["check", model, "--format", "sarif"]).stdout).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let place = |r: &serde_json::Value| r["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64();
    assert!(results.iter().any(|r| place(r) == Some(6)), "{sarif}");
    let output = gridtwin(&["check", IEEE13]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn wrong_usage_is_status_two() {
    for arguments in
        [&[][..], &["solve"], &["solve", IEEE13, "--tolerance", "0"], &["polish", IEEE13], &["faults", IEEE13, "--type", "4ph"]]
    {
        let output = gridtwin(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let output = gridtwin(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), format!("gridtwin {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn commands_run_after_the_model_is_read() {
    let losses = |arguments: &[&str]| {
        let output = gridtwin(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        json["power"]["losses_kw"].as_f64().unwrap()
    };
    let full = losses(&["solve", IEEE13, "--json"]);
    let half = losses(&["solve", IEEE13, "--json", "--dss", "set loadmult=0.5", "--dss", "edit load.671_abc status=variable"]);
    assert!(half < 0.5 * full, "{half} {full}");
    let output = gridtwin(&["solve", IEEE13, "--dss", "edit line.nowhere length=2"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn bench_counts_its_solves() {
    let dir = scratch("bench");
    let nodes = dir.join("nodes.csv");
    let output = gridtwin(&["bench", IEEE13, "--controls", "off", "--solves", "6", "--json", "--nodes-out", nodes.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["solves"], 6);
    assert!(json["cpu_s"].as_f64().unwrap() > 0.0);
    assert!(json["iterations"].as_u64().unwrap() >= 12);
    assert!(json["control_iterations"].as_u64().unwrap() >= 6);
    assert_eq!(fs::read_to_string(nodes).unwrap().lines().count(), 42);
}

#[test]
fn commands_in_the_documents_exist() {
    use clap::Parser;
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let mut pages = vec![root().join("README.md"), root().join("ARCHITECTURE.md"), root().join("bench/README.md")];
    let mut open = vec![root().join("docs")];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("docs are there") {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                pages.push(path);
            }
        }
    }
    let mut commands = 0;
    for page in pages {
        let content = fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
        let mut shell = false;
        for line in content.lines() {
            match line.trim() {
                "```sh" => shell = true,
                "```" => shell = false,
                _ => {}
            }
            let line = line.split(" #").next().unwrap_or("").trim();
            let words = shell_words(line);
            let (Some(program), true) = (words.first(), shell) else { continue };
            let at = format!("{}: {line}", page.display());
            match program.as_str() {
                "make" => {
                    let target = words.iter().skip(1).find(|w| !w.contains('=')).map_or("help", String::as_str);
                    assert!(makefile.lines().any(|l| l.starts_with(&format!("{target}:"))), "{at}: no such target");
                }
                "gridtwin" => {
                    if let Err(e) = gridtwin::cli::Cli::try_parse_from(&words) {
                        assert!(!e.use_stderr(), "{at}: {e}");
                    }
                    for model in words.iter().filter(|w| w.starts_with("models/")) {
                        assert!(root().join(model).is_file(), "{at}: no file {model}");
                    }
                }
                _ => continue,
            }
            commands += 1;
        }
    }
    assert!(commands >= 8, "only {commands} commands were found in the documents");
}

/// Words of a command line, with quotes.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => (quote, begun) = (Some(c), true),
            (None, ' ') => {
                if begun {
                    words.push(std::mem::take(&mut word));
                    begun = false;
                }
            }
            (_, c) => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}
