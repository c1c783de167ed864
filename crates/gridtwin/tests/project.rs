//! `gridtwin project` as people meet it, and every model of this project through a project and back.

mod common;

use common::{golden, gridtwin, root, text};
use gridtwin::model::Model;
use network::{ElementKind, Imported};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use store::project::{Creation, NewVersion, Project};

const IEEE13: &str = "models/ieee13/ieee13.dss";

/// An empty folder of a test, and its name.
fn scratch(name: &str) -> (PathBuf, String) {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("project").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("the folder can be made");
    let name = dir.to_str().expect("a name in Unicode").to_owned();
    (dir, name)
}

/// What differs from one run to the next: moments, folders, versions of the database.
fn masked(output: &str, dir: &str) -> String {
    let mut masked = String::new();
    for line in output.replace(dir, "DIR").lines() {
        let words: Vec<String> = line
            .split(' ')
            .map(|word| {
                let bare = word.trim_matches(|c: char| "(),:".contains(c));
                let is_moment = bare.len() == 20 && bare.ends_with('Z') && bare.as_bytes()[10] == b'T';
                if is_moment { word.replace(bare, "2026-01-31T12:00:00Z") } else { word.to_owned() }
            })
            .collect();
        let line = words.join(" ");
        let line = match line.split_once("SQLite ") {
            Some((head, tail)) => format!("{head}SQLite #{}", tail.find(',').map_or("", |at| &tail[at..])),
            None => line,
        };
        masked += &line;
        masked.push('\n');
    }
    masked
}

fn done(arguments: &[&str]) -> String {
    let output = gridtwin(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_project_from_its_beginning() {
    let (dir, all) = scratch("whole");
    let project = format!("{all}/north");
    let mut story = String::new();
    let mut say = |arguments: &[&str]| {
        let shown: Vec<String> = arguments.iter().map(|a| if a.contains(' ') { format!("'{a}'") } else { (*a).to_owned() }).collect();
        story += &format!("$ gridtwin {}\n{}\n", shown.join(" "), done(arguments));
    };
    say(&["project", "new", &project, "--note", "feeders of the northern district"]);
    say(&["project", "list", &all]);
    say(&["project", "info", &project]);
    let import = ["project", "import", &project, IEEE13, "--author", "ada"];
    say(&[&import[..], &["--note", "as received"]].concat());
    say(&import);
    say(&[
        &import[..],
        &[
            "--note",
            "line rebuilt",
            "--dss",
            "edit line.650_632 length=3000",
            "--dss",
            "new load.shop bus1=680 phases=3 kv=4.16 kw=75 pf=0.95",
        ],
    ]
    .concat());
    say(&["project", "import", &project, "models/ieee37/ieee37.dss", "--name", "feeder 37", "--author", "ada"]);
    say(&["project", "list", &all]);
    say(&["project", "info", &project]);
    say(&["project", "history", &project]);
    say(&["project", "diff", &project, "--network", "ieee13"]);
    say(&["project", "diff", &project, "--network", "ieee13", "--from", "3", "--to", "1", "--format", "csv"]);
    say(&["project", "export", &project, "--network", "ieee13", "--what", "elements"]);
    say(&["project", "check", &project]);
    say(&["project", "upgrade", &project]);
    golden("project.txt", &masked(&story, &all));
    drop(dir);
}

#[test]
fn json_says_the_same() {
    let (_, all) = scratch("json");
    let project = format!("{all}/p");
    done(&["project", "new", &project, "--name", "one"]);
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&done(arguments)).unwrap_or_else(|e| panic!("{arguments:?}: {e}"))
    };
    let made = json(&["project", "import", &project, IEEE13, "--json"]);
    assert_eq!((&made[0]["number"], &made[0]["since"]), (&1.into(), &serde_json::Value::Null));
    assert_eq!(json(&["project", "list", &all, "--json"])["projects"][0]["name"], "one");
    assert_eq!(json(&["project", "info", &project, "--json"])["networks"][0]["buses"], made[0]["buses"]);
    assert_eq!(json(&["project", "history", &project, "--json"])[0]["digest"], made[0]["digest"]);
    assert_eq!(json(&["project", "check", &project, "--json"])["findings"], serde_json::json!([]));
    let made = json(&["project", "import", &project, IEEE13, "--json", "--dss", "edit load.671_abc kw=1200"]);
    assert_eq!(made[0]["since"], serde_json::json!({ "version": 1, "added": 0, "removed": 0, "changed": 1 }));
    let changes = json(&["project", "diff", &project, "--format", "json"]);
    assert_eq!(changes["changes"][0]["subject"], "load.671_abc");
    assert_eq!(changes["changes"][0]["fields"][0]["field"], "p_kw");
    let sources = json(&["project", "export", &project, "--what", "sources", "--format", "json"]);
    let master = sources.as_array().unwrap().iter().find(|s| s["path"].as_str().unwrap().ends_with("ieee13.dss")).expect("the master file");
    assert_eq!(master["sha256"], store::sha256_hex(&fs::read(root().join(IEEE13)).unwrap()));
    for what in ["findings", "rejects", "ledger", "figures"] {
        assert!(json(&["project", "export", &project, "--what", what, "--format", "json"]).is_array());
    }
    let out = format!("{all}/elements.csv");
    assert!(done(&["project", "export", &project, "--out", &out]).is_empty());
    assert!(fs::read_to_string(out).unwrap().starts_with("class,name,buses,kv_ll,phases,feeder,wkt\n"));
}

#[test]
fn what_is_refused_says_why() {
    let (dir, all) = scratch("refused");
    let project = format!("{all}/p");
    let refused = |arguments: &[&str], code: &str, part: &str| {
        let output = gridtwin(arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(output.stdout.is_empty() && told.contains(code) && told.contains(part), "{told}");
    };
    refused(&["project", "info", "models"], "PROJECT.FOLDER.NOT_A_PROJECT", "gridtwin project new");
    refused(&["project", "list", "nowhere"], "PROJECT.FOLDER.REFUSED", "nowhere");
    refused(&["project", "new", &project, "--name", " "], "PROJECT.NAME.REFUSED", "empty");
    refused(&["project", "new", &project, "--database", "mysql://h/d"], "PROJECT.DATABASE.ADDRESS", "postgres://");
    refused(
        &["project", "new", &project, "--database", "postgres://u:secret@127.0.0.1:9/d"],
        "PROJECT.DATABASE.UNREACHABLE",
        "postgres://u@127",
    );
    done(&["project", "new", &project]);
    refused(&["project", "new", &project], "PROJECT.FOLDER.EXISTS", "already");
    refused(&["project", "diff", &project], "PROJECT.NETWORK.UNKNOWN", "Nothing has been imported yet");
    refused(&["project", "import", &project, "cases/broken/missing_redirect/network.dss"], "READ.FILE", "");
    refused(&["project", "import", &project, IEEE13, "models/ieee37/ieee37.dss", "--name", "x"], "PROJECT.IMPORT.ONE_NAME", "one by one");
    refused(&["project", "import", &project, "cases/broken/load_on_unknown_bus/network.dss", "--strict"], "CHECK.", "");
    assert!(done(&["project", "history", &project]).contains("Nothing has been imported yet"));
    done(&["project", "import", &project, IEEE13]);
    refused(&["project", "diff", &project], "PROJECT.DIFF.FIRST_VERSION", "--other");
    refused(&["project", "diff", &project, "--to", "4"], "PROJECT.VERSION.UNKNOWN", "from 1 to 1");
    refused(&["project", "history", &project, "--network", "y"], "PROJECT.NETWORK.UNKNOWN", "ieee13");
    refused(&["project", "export", &project, "--what", "ledger", "--format", "geojson"], "PROJECT.EXPORT.NO_PLACES", "");
    let database = dir.join("p/project.db");
    let mut bytes = fs::read(&database).unwrap();
    bytes[..64].fill(7);
    fs::write(&database, bytes).unwrap();
    refused(&["project", "info", &project], "PROJECT.DATABASE.DAMAGED", "copy");
    let output = gridtwin(&["project", "list", &all]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("PROJECT.DATABASE.DAMAGED"));
}

/// Models of the project and of its cases.
fn models(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of models") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            models(&path, found);
        } else if path.extension().is_some_and(|e| e == "dss") {
            found.push(path);
        }
    }
}

#[test]
fn every_model_comes_back_as_it_was() {
    let (dir, _) = scratch("models");
    let mut files = Vec::new();
    for folder in ["models", "cases/control", "cases/meters", "cases/monitors", "cases/pc", "cases/regression", "cases/exceptions"] {
        models(&root().join(folder), &mut files);
    }
    files.sort();
    let project = Project::create(&dir, &Creation::new("models", "2026-01-31T12:00:00Z")).unwrap();
    let (mut kinds, mut kept) = (BTreeSet::new(), 0);
    for file in &files {
        // Parts of models cannot be read alone.
        let Ok(model) = Model::read_with(file, &[], true) else { continue };
        let imported = Imported { network: model.network, diagnostics: model.diagnostics, ledger: model.ledger, ..Imported::default() };
        if imported.network.buses.is_empty() {
            continue;
        }
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        project.import(&NewVersion::new(&name, &imported, "2026-01-31T12:00:00Z")).unwrap_or_else(|e| panic!("{name}: {e}"));
        let back = project.network(Some(&name), None).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(back.imported == imported, "{name} came back changed");
        kinds.extend(ElementKind::ALL.iter().filter(|&&k| imported.network.count(k) > 0).map(|k| k.class()));
        kept += 1;
    }
    println!("{kept} of {} files; kinds: {kinds:?}", files.len());
    assert!(kept >= 30 && kinds.len() >= 15, "{kept} models, {kinds:?}");
}
