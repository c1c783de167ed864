//! The server as programs use it: every route of its document with too little, a model's way from the upload to its results, and what is
//! left when it is stopped or killed in between.

mod common;

#[path = "common/web.rs"]
mod web;

use common::{gridtwin, root, text};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;
use web::{Client, Server};

/// A token of a user of this role, whom it makes.
fn token(data: &Path, role: &str) -> String {
    let data = data.to_str().expect("text");
    let made = gridtwin(&["user", "add", role, "--role", role, "--data", data]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let made = gridtwin(&["token", "add", role, "--name", "test", "--data", data]);
    let said = text(&made.stdout) + &text(&made.stderr);
    let at = said.find("gt_").unwrap_or_else(|| panic!("{said}"));
    said[at..].split_whitespace().next().expect("a token").to_owned()
}

fn model(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(root().join("models").join(folder))
        .expect("a model")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "dss" || e == "csv"))
        .map(|p| (p.file_name().expect("a name").to_string_lossy().into_owned(), fs::read(&p).expect("a file")))
        .collect();
    files.sort();
    files
}

fn upload(client: &Client, folder: &str) -> String {
    let files = model(folder);
    client.upload(&files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect::<Vec<_>>())
}

/// A project with a network in it.
fn project(client: &Client, name: &str, folder: &str) {
    assert_eq!(client.post("/api/projects", &json!({ "name": name })).0, 201);
    let upload = upload(client, folder);
    client.done(&json!({ "kind": "import", "project": name, "params": { "upload": upload } }));
}

#[test]
fn every_route_refuses_who_may_not() {
    let dir = tempfile::tempdir().unwrap();
    let tokens: Vec<String> = ["viewer", "operator", "engineer", "admin"].iter().map(|r| token(dir.path(), r)).collect();
    let server = Server::start(dir.path(), &[]);
    // The document itself is for everyone.
    let document = server.client("").ok("/api/openapi.json");
    let roles = ["viewer", "operator", "engineer", "admin"];
    let (mut protected, mut faults) = (0, Vec::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in
            item.as_object().unwrap().iter().filter(|(m, _)| ["get", "put", "post", "delete", "patch"].contains(&m.as_str()))
        {
            let method = method.to_uppercase();
            // Names that would be fine, so that only the right to ask is missing.
            let at: String = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/");
            let role = operation["security"].as_array().and_then(|s| s.first()).and_then(|s| s["session"][0].as_str().map(str::to_owned));
            let Some(role) = role else {
                let open = ["/health", "/metrics", "/api/health", "/api/login", "/api/first-admin"];
                if !open.contains(&path.as_str()) {
                    faults.push(format!("{method} {path} asks for no role"));
                }
                continue;
            };
            protected += 1;
            let body = operation.get("requestBody").map(|_| ("application/json", b"{}".as_slice()));
            for wrong in ["", "gt_0000000000000000000000000000000000000000000000000000"] {
                let (status, kind, _) = server.client(wrong).send(&method, &at, body);
                if status != 401 || !kind.starts_with("application/problem+json") {
                    faults.push(format!("{method} {path} answers {status} {kind} without login"));
                }
            }
            let needed = roles.iter().position(|r| *r == role).expect("a role");
            for (token, has) in tokens[..needed].iter().zip(roles) {
                let (status, kind, _) = server.client(token).send(&method, &at, body);
                if status != 403 || !kind.starts_with("application/problem+json") {
                    faults.push(format!("{method} {path} for {role} answers {status} {kind} to {has}"));
                }
            }
            // Who has the role is not refused for it: of what is looked at only, so that nothing is changed here.
            if method == "GET" && path != "/api/ws" {
                let (status, _, _) = server.client(&tokens[needed]).send(&method, &at, None);
                if [401, 403].contains(&status) || status >= 500 && status != 501 {
                    faults.push(format!("{method} {path} answers {status} to {role}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(protected > 50, "only {protected} routes were tried");
}

#[test]
fn a_model_goes_from_the_upload_to_its_results() {
    let dir = tempfile::tempdir().unwrap();
    let token = token(dir.path(), "engineer");
    let server = Server::start(dir.path(), &[]);
    let client = server.client(&token);
    project(&client, "north", "ieee13");
    let networks = client.ok("/api/projects/north/networks");
    assert_eq!((&networks["items"][0]["buses"], &networks["total"]), (&16.into(), &1.into()), "{networks}");

    // What the map shows without a study: 3466 kW of load stand in the feeder's published tables.
    let values = "/api/projects/north/networks/ieee13/values";
    let told = client.ok(values);
    let load = told["quantities"].as_array().unwrap().iter().find(|q| q["name"] == "load_kw").unwrap_or_else(|| panic!("{told}"));
    assert_eq!((&load["of"], &load["unit"]), (&"bus".into(), &"kW".into()));
    assert!((load["total"].as_f64().unwrap() - 3466.0).abs() < 1e-3, "{load}");
    let (status, _, bytes) = client.send("GET", &format!("{values}?quantity=load_kw"), None);
    let sum: f32 = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).filter(|x| x.is_finite()).sum();
    assert_eq!((status, bytes.len()), (200, 4 * 16));
    assert!((f64::from(sum) - 3466.0).abs() < 1e-2, "{sum}");
    assert_eq!(client.send("GET", &format!("{values}?quantity=weight_kg"), None).0, 400);

    // The same figures as the command gives for the same model.
    client.done(&json!({ "kind": "solve_year", "project": "north", "params": { "study": "base", "hours": 24, "tolerance_pu": 1e-9 } }));
    let summary = client.ok("/api/projects/north/runs/base/summary");
    let lake = dir.path().join("lake");
    let model = root().join("models/ieee13/ieee13.dss");
    let solved = gridtwin(&[
        "qsts",
        model.to_str().unwrap(),
        "--steps",
        "24",
        "--tolerance",
        "1e-9",
        "--study",
        "base",
        "--out",
        lake.to_str().unwrap(),
    ]);
    assert!(solved.status.success(), "{}", text(&solved.stderr));
    let report = dir.path().join("report.csv");
    let written = gridtwin(&["report", lake.to_str().unwrap(), "--out", report.to_str().unwrap()]);
    assert!(written.status.success(), "{}", text(&written.stderr));
    let energy = summary["totals"]["energy_kwh"].as_f64().unwrap();
    let figures = fs::read_to_string(report).unwrap();
    let of_command = figures.lines().find_map(|l| l.strip_prefix("feeder_scorecard,ieee13,,energy_kwh,kWh,"));
    let of_command: f64 = of_command.unwrap_or_else(|| panic!("{figures}")).parse().unwrap();
    assert!((energy - of_command).abs() < 1e-6 * energy, "{energy} {of_command}");

    // One hour, solved again, is that of the study.
    let (status, hour) = client.post("/api/projects/north/runs/base/hour", &json!({ "hour": 5 }));
    assert_eq!(status, 200, "{hour}");
    assert!(hour["nodes"].as_array().unwrap().len() >= 41, "{hour}");
    // A report as a workbook is a file that is there.
    let job = client.done(&json!({ "kind": "report", "project": "north", "params": { "run": "base", "format": "xlsx" } }));
    let name = job["result"]["files"][0].as_str().unwrap_or_else(|| panic!("{job}"));
    let (status, _, bytes) = client.send("GET", &format!("/api/jobs/{}/files/{name}", job["id"].as_str().unwrap()), None);
    assert_eq!((status, &bytes[..2]), (200, &b"PK"[..]));

    // A backup that is taken now has all of it.
    let archive = dir.path().parent().unwrap().join(format!("{}.zip", dir.path().file_name().unwrap().to_string_lossy()));
    let back = tempfile::tempdir().unwrap();
    let restored = back.path().join("data");
    for arguments in [
        vec!["backup", dir.path().to_str().unwrap(), "--out", archive.to_str().unwrap()],
        vec!["restore", archive.to_str().unwrap(), "--check"],
        vec!["restore", archive.to_str().unwrap(), "--data", restored.to_str().unwrap()],
    ] {
        let output = gridtwin(&arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let (took, ended_well) = server.stop();
    assert!(ended_well && took < Duration::from_secs(12), "it took {took:?} to stop");
    let other = Server::start(&restored, &[]);
    assert_eq!(other.client(&token).ok("/api/projects/north/runs/base/summary"), summary);
    let checked = gridtwin(&["lake", "check", restored.join("projects/north").to_str().unwrap()]);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    drop(other);

    // An archive of which a byte has changed is refused, and leaves nothing.
    let mut bytes = fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(&archive, bytes).unwrap();
    let place = back.path().join("other");
    let refused = gridtwin(&["restore", archive.to_str().unwrap(), "--data", place.to_str().unwrap()]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("BACKUP.FILE."), "{}", text(&refused.stderr));
    assert_eq!(fs::read_dir(back.path()).unwrap().count(), 1, "nothing but the first restored folder");
    fs::remove_file(archive).unwrap();
}

#[test]
fn a_killed_server_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let token = token(dir.path(), "engineer");
    let server = Server::start(dir.path(), &[]);
    let client = server.client(&token);
    project(&client, "north", "ieee123");
    // An import and a study are under way when the server goes.
    let upload = upload(&client, "ieee13");
    let study = client.begin(&json!({ "kind": "solve_year", "project": "north", "params": { "study": "year", "hours": 2000 } }));
    let import = client.begin(&json!({ "kind": "import", "project": "north", "params": { "upload": upload } }));
    server.wait_for(|| client.ok(&format!("/api/jobs/{study}"))["state"] == "running", "the study to run");
    server.kill();

    let server = Server::start(dir.path(), &[]);
    let client = server.client(&token);
    for id in [&study, &import] {
        let job = client.end_of(id);
        assert_eq!(job["state"], "done", "{job}");
    }
    let networks = client.ok("/api/projects/north/networks");
    let all: Vec<(&Value, &Value)> = networks["items"].as_array().unwrap().iter().map(|n| (&n["name"], &n["versions"])).collect();
    let (one, names) = (json!(1), [json!("ieee123"), json!("ieee13")]);
    assert_eq!(all, [(&names[0], &one), (&names[1], &one)], "an import is made once");
    let summary = client.ok("/api/projects/north/runs/year/summary");
    assert_eq!((&summary["totals"]["steps"], &summary["feeders_done"]), (&2000.into(), &1.into()), "{summary}");
    assert_eq!(client.ok("/api/jobs")["total"], 3);

    // A job that is cancelled ends within a second, and one that waits does not begin.
    let long = client.begin(&json!({ "kind": "solve_year", "project": "north", "params": { "study": "long", "hours": 8760 } }));
    server.wait_for(|| client.ok(&format!("/api/jobs/{long}"))["state"] == "running", "the study to run");
    let begin = std::time::Instant::now();
    assert_eq!(client.post(&format!("/api/jobs/{long}/cancel"), &json!({})).0, 200);
    let job = client.end_of(&long);
    assert_eq!(job["state"], "cancelled", "{job}");
    assert!(begin.elapsed() < Duration::from_secs(3), "it took {:?}", begin.elapsed());
}
