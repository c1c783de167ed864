//! The server as programs use it: every route of its document with too little, a model's way from the upload to its results, and what is
//! left when it is stopped or killed in between.

mod common;

#[path = "common/feeder.rs"]
mod feeder;
#[path = "common/web.rs"]
mod web;

use common::{gridtwin, root, text, token};
use feeder::{COORDINATES, FEEDER};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;
use web::{Client, Server};

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
    let tokens: Vec<String> = ["ven", "viewer", "operator", "engineer", "admin"].iter().map(|r| token(dir.path(), r)).collect();
    let server = Server::start(dir.path(), &[]);
    // The document itself is for everyone, and so is the question who one is.
    let document = server.client("").ok("/api/openapi.json");
    let nobody = server.client("").ok("/api/session");
    assert_eq!((&nobody["user"], &nobody["role"], &nobody["csrf"]), (&Value::Null, &Value::Null, &Value::Null), "{nobody}");
    assert_eq!(server.client(&tokens[2]).ok("/api/session")["role"], "operator");
    assert_eq!(server.client("gt_0").get("/api/session").0, 401);
    let roles = ["ven", "viewer", "operator", "engineer", "admin"];
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
                let open = ["/health", "/metrics", "/api/health", "/api/login", "/api/first-admin", "/api/session"];
                // Where clients of OpenADR get the right to ask.
                let oauth = ["/auth/token", "/openadr3/3.1.0/auth/token", "/openadr3/3.1.0/auth/server"];
                if oauth.contains(&path.as_str()) {
                    continue;
                }
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

/// A project with the small feeder under two names; in the second source two loads are called otherwise and a line is three times as long.
fn two_sources(client: &Client, name: &str) {
    assert_eq!(client.post("/api/projects", &json!({ "name": name })).0, 201);
    let study = FEEDER
        .replace("circuit.north", "circuit.study")
        .replace("line.main bus1=head bus2=p1 linecode=ug length=0.5", "line.main bus1=head bus2=p1 linecode=ug length=1.5")
        .replace("load.m4", "load.x4")
        .replace("load.m5", "load.x5");
    for (network, model) in [("north", FEEDER), ("study", study.as_str())] {
        let upload = client.upload(&[("feeder.dss", model.as_bytes()), ("coords.csv", COORDINATES.as_bytes())]);
        client.done(&json!({ "kind": "import", "project": name, "params": { "upload": upload, "network": network } }));
    }
}

fn items(page: &Value) -> &[Value] {
    page["items"].as_array().map_or(&[], Vec::as_slice)
}

fn counted(of: &Value, name: &str) -> u64 {
    let found = of.as_array().and_then(|all| all.iter().find(|c| c["name"] == name)).and_then(|c| c["count"].as_u64());
    found.unwrap_or(0)
}

#[test]
fn decisions_about_matches_are_kept_and_hold_when_networks_are_matched_again() {
    let dir = tempfile::tempdir().unwrap();
    let [viewer, engineer, admin] = ["viewer", "engineer", "admin"].map(|role| token(dir.path(), role));
    let server = Server::start(dir.path(), &[]);
    let (client, looker) = (server.client(&engineer), server.client(&viewer));
    two_sources(&client, "grid");
    let at = "/api/projects/grid/networks/north/reconciliations/study";
    let (status, answer) = client.get(at);
    assert_eq!((status, &answer["code"]), (404, &"REVIEW.MATCHES.NONE".into()), "{answer}");
    let match_again = || client.done(&json!({ "kind": "reconcile", "project": "grid", "params": { "network": "north", "with": "study" } }));
    let job = match_again();
    assert_eq!((&job["result"]["version"], &job["result"]["decisions"]), (&1.into(), &0.into()), "{job}");
    assert_eq!(client.ok("/api/projects/grid/reconciliations")["items"][0]["with"], "study");

    // The same result as the list and the summary have it.
    let summary = looker.ok(at);
    let all = looker.ok(&format!("{at}/matches?limit=1000"));
    let of_states: u64 = summary["states"].as_array().unwrap().iter().map(|c| c["count"].as_u64().unwrap()).sum();
    assert_eq!((all["total"].as_u64(), summary["pending"].as_u64()), (Some(of_states), Some(0)), "{summary}");
    assert_eq!(counted(&summary["states"], "proposed"), summary["matches"].as_u64().unwrap());
    let state = |query: &str| -> Vec<(Value, Value, Value, bool)> {
        let page = looker.ok(&format!("{at}/matches?limit=1000&{query}"));
        let row = |r: &Value| (r["a"].clone(), r["b"].clone(), r["state"].clone(), r["pending"].as_bool().unwrap());
        items(&page).iter().map(row).collect()
    };
    let row = |a: &str, b: &str, state: &str, pending| (json!(a), json!(b), json!(state), pending);
    assert_eq!(state("search=line:main"), [row("line:main", "line:main", "proposed", false)]);
    // One page after another is the whole, sorted.
    let scores: Vec<f64> = (0..of_states)
        .flat_map(|i| {
            items(&looker.ok(&format!("{at}/matches?sort=-score&limit=1&offset={i}")))
                .iter()
                .map(|r| r["score"].clone())
                .collect::<Vec<_>>()
        })
        .filter_map(|s| s.as_f64())
        .collect();
    assert!(scores.len() > 5 && scores.windows(2).all(|w| w[0] >= w[1]), "{scores:?}");
    // Both sides of a pair, and where they do not agree.
    let pair = looker.ok(&format!("{at}/pair?a=line:main&b=line:main"));
    assert_eq!((&pair["a"]["length_m"], &pair["b"]["length_m"]), (&500.0.into(), &1500.0.into()), "{pair}");
    assert_eq!((&pair["a"]["id"], &pair["conflicts"][0]["kind"]), (&"line.main".into(), &"length".into()), "{pair}");
    assert!(pair["reasons"].as_array().is_some_and(|r| r.iter().any(|r| r["what"] == "identity")), "{pair}");
    assert_eq!(looker.get(&format!("{at}/pair?a=line:nobody")).0, 404);
    assert_eq!(looker.get(&format!("{at}/pair")).0, 400);
    // The nearest of its class first: m4 stands where x4 does.
    let near = looker.ok(&format!("{at}/subjects?side=b&class=load&near=load:m4&search=x"));
    let keys: Vec<&Value> = items(&near).iter().map(|s| &s["key"]).collect();
    assert_eq!((keys, &near["items"][0]["distance_m"]), (vec![&json!("load:x4"), &json!("load:x5")], &0.0.into()), "{near}");

    // Who only looks decides nothing; nor does anyone about what is not there, and then nothing of the request is kept.
    let post = |client: &Client, decisions: Value| {
        client.post(&format!("{at}/decisions"), &json!({ "decisions": decisions, "note": "seen on site" }))
    };
    let force = json!({ "decision": "force", "a": "load:m4", "b": "LOAD:x5" });
    assert_eq!(post(&looker, json!([force])).0, 403);
    let (status, answer) = post(&client, json!([force, { "decision": "accept", "a": "load:m9", "b": "load:x4" }]));
    assert_eq!((status, &answer["field"]), (422, &"decisions[1].a".into()), "{answer}");
    let (status, answer) = post(&client, json!([force, { "decision": "withdraw", "a": "load:m5", "b": "load:x4" }]));
    assert_eq!((status, &answer["code"]), (409, &"PROJECT.DECISION.NONE".into()), "{answer}");
    assert_eq!(looker.ok(at)["decisions"], 0);

    // Given another partner by hand, rejected, accepted: kept at once, told as not applied, and applied when matched again.
    let (status, answer) = post(
        &client,
        json!([
            force,
            { "decision": "reject", "a": "line:main", "b": "line:main" },
            { "decision": "accept", "a": "line:end", "b": "line:end" },
        ]),
    );
    assert_eq!((status, &answer["kept"]), (200, &3.into()), "{answer}");
    assert!(state("search=load:m4").contains(&row("load:m4", "load:x5", "forced", true)), "{:?}", state("search=load:m4"));
    assert_eq!(state("search=line:main"), [row("line:main", "line:main", "rejected", true)]);
    assert_eq!(state("state=accepted"), [row("line:end", "line:end", "accepted", true)]);
    let job = match_again();
    assert_eq!(job["result"]["decisions"], 3, "{job}");
    let summary = looker.ok(at);
    assert_eq!((&summary["pending"], counted(&summary["states"], "forced")), (&0.into(), 1), "{summary}");
    assert!(state("search=load:m4").contains(&row("load:m4", "load:x5", "forced", false)), "{:?}", state("search=load:m4"));
    assert!(state("search=line:main").contains(&row("line:main", "line:main", "rejected", false)), "{:?}", state("search=line:main"));
    let pair = looker.ok(&format!("{at}/pair?a=load:m4&b=load:x5"));
    let made = &pair["decisions"][0];
    assert_eq!((&made["value"], &made["author"], &made["note"]), (&"force".into(), &"engineer".into(), &"seen on site".into()), "{pair}");

    // Taken back it is as if nobody had said it; the command line has the same decisions.
    assert_eq!(post(&client, json!([{ "decision": "withdraw", "a": "line:main", "b": "line:main" }])).1["withdrawn"], 1);
    match_again();
    assert_eq!(state("search=line:main"), [row("line:main", "line:main", "proposed", false)]);
    let listed = gridtwin(&["project", "decisions", dir.path().join("projects/grid").to_str().unwrap(), "--format", "csv"]);
    let listed = text(&listed.stdout);
    assert!(listed.contains("load:m4 of north and load:x5 of study") && listed.contains(",engineer,seen on site,"), "{listed}");
    let log = server.client(&admin).ok("/api/audit?action=review.matches");
    assert_eq!((items(&log).len(), &log["items"][1]["detail"]["decisions"][0]["b"]), (2, &"load:x5".into()), "{log}");
    for wrong in ["state=proposed&limit=0", "sort=colour", "score_min=x"] {
        assert_eq!(looker.get(&format!("{at}/matches?{wrong}")).0, 400, "{wrong}");
    }
}

#[test]
fn decisions_about_meters_are_in_the_next_map() {
    let dir = tempfile::tempdir().unwrap();
    let [viewer, engineer, admin] = ["viewer", "engineer", "admin"].map(|role| token(dir.path(), role));
    let server = Server::start(dir.path(), &[]);
    let (client, looker) = (server.client(&engineer), server.client(&viewer));
    assert_eq!(client.post("/api/projects", &json!({ "name": "grid" })).0, 201);
    let upload = client.upload(&[("feeder.dss", FEEDER.as_bytes()), ("coords.csv", COORDINATES.as_bytes())]);
    client.done(&json!({ "kind": "import", "project": "grid", "params": { "upload": upload, "network": "north" } }));
    let at = "/api/projects/grid/meter-map";
    assert_eq!(client.get(at).1["code"], "REVIEW.METERS.NONE");
    // Places say little of m4: halfway between both transformers.
    let places = "meter,lon,lat,bus\nm1,7.50002,45.00002,s1\nm2,7.50003,45.0001,s1\nm3,7.5,45.0001,c1\nm4,7.50138,45.00003,\nm5,7.50141,45.0001,c2\n";
    let file = dir.path().join("meters.csv");
    fs::write(&file, places).unwrap();
    let project = dir.path().join("projects/grid");
    let kept = gridtwin(&["project", "meters", "places", project.to_str().unwrap(), file.to_str().unwrap()]);
    assert!(kept.status.success(), "{}", text(&kept.stderr));
    let map_again = || client.done(&json!({ "kind": "meter_map", "project": "grid", "params": {} }));
    let job = map_again();
    assert_eq!(
        (&job["result"]["number"], &job["result"]["meters"], &job["result"]["transformers"]),
        (&1.into(), &5.into(), &2.into()),
        "{job}"
    );
    assert_eq!(map_again()["result"]["is_new"], false);

    let summary = looker.ok(at);
    assert_eq!((&summary["meters"], &summary["transformers"], &summary["pending"]), (&5.into(), &2.into(), &0.into()), "{summary}");
    assert_eq!(counted(&summary["methods"], "traced"), 4, "{summary}");
    assert_eq!(looker.ok(&format!("{at}/meters?method=inferred"))["items"][0]["meter"], "m4");
    let m4 = looker.ok(&format!("{at}/meters/m4"));
    assert_eq!(
        (&m4["row"]["transformer"], &m4["site"]["id"], &m4["site"]["network"]),
        (&"t2".into(), &"transformer.t2".into(), &"north".into()),
        "{m4}"
    );
    assert_eq!(
        (&m4["row"]["lon"], &m4["near"][0]["transformer"], &m4["beside"][0]["meter"]),
        (&7.50138.into(), &"t2".into(), &"m5".into()),
        "{m4}"
    );
    // What the map tells of a transformer leads to it.
    assert_eq!(looker.get("/api/projects/grid/networks/north/elements/transformer.t2").0, 200);
    let far = looker.ok(&format!("{at}/transformers?near=m4&search=T1"));
    let metres = far["items"][0]["distance_m"].as_f64().unwrap();
    assert!((100.0..120.0).contains(&metres) && far["total"] == 1, "{far}");

    let post = |client: &Client, decisions: Value| {
        client.post(&format!("{at}/decisions"), &json!({ "decisions": decisions, "note": "wire seen" }))
    };
    let set = |meter: &str, transformer: &str| json!({ "meter": meter, "decision": "set", "transformer": transformer });
    assert_eq!(post(&looker, json!([set("m4", "t1")])).0, 403);
    let (status, answer) = post(&client, json!([set("m4", "t1"), set("m5", "t9")]));
    assert_eq!((status, &answer["field"]), (422, &"decisions[1].transformer".into()), "{answer}");
    assert_eq!(post(&client, json!([{ "meter": "m4", "decision": "withdraw" }])).0, 409);
    let (status, answer) = post(&client, json!([set("m4", "t1"), set("m1", "t1"), { "meter": "m5", "decision": "none" }]));
    assert_eq!((status, &answer["kept"], &answer["pending"]), (200, &3.into(), &3.into()), "{answer}");
    let m4 = looker.ok(&format!("{at}/meters/m4"));
    assert_eq!(
        (&m4["row"]["transformer"], &m4["row"]["state"], &m4["row"]["pending"]),
        (&"t2".into(), &"decided".into(), &true.into()),
        "{m4}"
    );
    assert_eq!((&m4["decided"]["transformer"], &m4["decisions"][0]["note"]), (&"t1".into(), &"wire seen".into()), "{m4}");

    let job = map_again();
    assert_eq!((&job["result"]["number"], &job["result"]["decisions"]), (&2.into(), &3.into()), "{job}");
    let of = |meter: &str| {
        let row = looker.ok(&format!("{at}/meters/{meter}"))["row"].clone();
        (row["transformer"].clone(), row["method"].clone(), row["pending"].clone())
    };
    assert_eq!(of("m4"), ("t1".into(), "override".into(), false.into()));
    assert_eq!(of("m5"), (Value::Null, "override".into(), false.into()));
    assert_eq!(looker.ok(at)["pending"], 0);
    // The map before is as it was.
    assert_eq!(looker.ok(&format!("{at}/meters?number=1&search=m4"))["items"][0]["transformer"], "t2");
    assert_eq!(post(&client, json!([{ "meter": "m5", "decision": "withdraw" }])).1["pending"], 1);
    assert_eq!(map_again()["result"]["decisions"], 2);
    assert_eq!(of("m5").0, "t2");
    assert_eq!(looker.ok("/api/projects/grid/meter-maps")["total"], 3);
    let log = server.client(&admin).ok("/api/audit?action=review.meters");
    assert_eq!((items(&log).len(), &log["items"][1]["detail"]["decisions"][0]["transformer"]), (2, &"t1".into()), "{log}");
    assert_eq!(looker.get(&format!("{at}/meters/m9")).0, 404);
    assert_eq!(looker.get(&format!("{at}?number=9")).0, 404);
}

/// A stack for a synthetic feeder.
const STACKED: &str = "\
scenario: vehicles and sun
seed: 3
weather: {synthetic_seed: 1}
layers:
  - ev: {penetration_pct: 60, allocation: {classes: [residential]}}
  - solar: {penetration_pct: 30, allocation: {classes: [residential]}}
";

/// An answer's table as rows.
fn rows(client: &Client, project: &str, job: &Value, table: &str) -> Vec<Value> {
    let id = job["result"]["analysis"].as_str().unwrap_or_else(|| panic!("{job}"));
    let page = client.ok(&format!("/api/projects/{project}/analyses/{id}/tables/{table}?limit=1000"));
    page["items"].as_array().unwrap_or_else(|| panic!("{page}")).clone()
}

#[test]
fn a_scenario_is_written_saved_run_and_compared() {
    let dir = tempfile::tempdir().unwrap();
    let token = token(dir.path(), "engineer");
    let server = Server::start(dir.path(), &[]);
    let client = server.client(&token);
    client.done(&json!({ "kind": "demo", "project": "plan", "params": { "feeders": 1, "seed": 1, "hours": 48 } }));
    let networks = client.ok("/api/projects/plan/networks");
    let names: Vec<&str> = items(&networks).iter().filter_map(|n| n["name"].as_str()).collect();
    let feeder = *names.iter().find(|n| **n != "ieee123").unwrap_or_else(|| panic!("{networks}"));

    // A draft with a slip: the line and the nearest name. Nothing outside of the project's files can be named.
    let draft = "/api/projects/plan/scenario-draft";
    let slip = STACKED.replace("penetration_pct: 60", "penetrations_pct: 60");
    let (status, looked) = client.post(draft, &json!({ "text": slip }));
    assert_eq!((status, &looked["sound"]), (200, &false.into()), "{looked}");
    let finding = looked["findings"].as_array().unwrap().iter().find(|f| f["severity"] == "error").unwrap_or_else(|| panic!("{looked}"));
    assert_eq!(finding["source"]["line"], 5, "{finding}");
    assert!(finding.to_string().contains("penetration_pct"), "{finding}");
    for place in ["/etc/passwd", "../project.db", "../../users.db"] {
        let outside = STACKED.replace("{synthetic_seed: 1}", &format!("{{file: \"{place}\"}}"));
        let (_, looked) = client.post(draft, &json!({ "text": outside }));
        assert_eq!(looked["sound"], false, "{place}: {looked}");
    }
    // A sound one on the network: the stack is base and layers, and the week is of the courses that the figures are of.
    let (status, looked) = client.post(draft, &json!({ "text": STACKED, "network": feeder }));
    assert_eq!((status, &looked["sound"], &looked["title"]), (200, &true.into(), &"vehicles and sun".into()), "{looked}");
    let preview = &looked["preview"];
    assert!(preview["residual"].as_f64().unwrap() < 1e-9, "{}", preview["residual"]);
    let energy = |of: &Value| of["energy_kwh"].as_f64().unwrap_or_else(|| panic!("{of}"));
    let figures = &preview["figures"];
    let layers: f64 = figures["layers"].as_array().unwrap().iter().map(&energy).sum();
    assert!((energy(&figures["base"]) + layers - energy(&figures["stacked"])).abs() < 1e-6 * energy(&figures["base"]), "{figures}");
    assert_eq!(preview["stacked"]["week_kw"].as_array().unwrap().len(), 168);
    assert_eq!(preview["base"]["daily"]["largest_kw"].as_array().unwrap().len(), 365);

    // Versions: none is overwritten, none with errors is kept.
    let place = "/api/projects/plan/scenarios/evening";
    let save = |text: &str, base: u64| client.send_json("PUT", place, &json!({ "text": text, "base": base, "note": "why" }));
    assert_eq!(save(&slip, 0).0, 422);
    assert_eq!(client.send("GET", place, None).0, 404);
    let (status, first) = save(STACKED, 0);
    assert_eq!((status, &first["version"], &first["layers"][0]["kind"]), (200, &1.into(), &"ev".into()), "{first}");
    assert_eq!(save(STACKED, 0).0, 409);
    let more = STACKED.replace("penetration_pct: 30", "penetration_pct: 50");
    assert_eq!(save(&more, 1).1["version"], 2);
    assert_eq!(client.ok(&format!("{place}?version=1"))["text"], STACKED);
    assert_eq!(client.ok(&format!("{place}/versions")).as_array().unwrap().len(), 2);

    // Files that it names are kept with the version, whatever becomes of them.
    let part = "layers:\n  - growth: {change_pct: 10}\n";
    assert_eq!(client.send_bytes("PUT", "/api/projects/plan/scenario-files/part.yaml", part.as_bytes()).0, 200);
    assert_eq!(client.send_bytes("PUT", "/api/projects/plan/scenario-files/..%2Fpart.yaml", part.as_bytes()).0, 422);
    let whole = "scenario: with a part\ninclude: part.yaml\nweather: {synthetic_seed: 1}\nlayers: []\n";
    let (status, kept) = client.send_json("PUT", "/api/projects/plan/scenarios/parts", &json!({ "text": whole, "base": 0 }));
    assert_eq!((status, &kept["files"][0]), (200, &"part.yaml".into()), "{kept}");
    assert_eq!(client.send("DELETE", "/api/projects/plan/scenario-files/part.yaml", None).0, 204);

    // A study with it, beside the base that the demonstration made.
    for (study, scenario) in [("ev", "evening"), ("grown, parts", "parts")] {
        client.done(&json!({ "kind": "solve_year", "project": "plan",
            "params": { "study": study, "network": feeder, "hours": 48, "scenario": { "name": scenario } } }));
    }
    let detail = client.ok("/api/projects/plan/runs/ev");
    assert_eq!(detail["options"]["scenario"]["name"], "vehicles and sun", "{detail}");
    assert_eq!(detail["scenario"], json!({ "name": "evening", "version": 2 }), "{detail}");
    // An hour that is solved again is that of the study with its scenario, not that of the network alone.
    let series = client.ok(&format!("/api/projects/plan/runs/ev/series?network={feeder}"));
    let kw = series["values"][18].as_f64().unwrap_or_else(|| panic!("{series}"));
    let (status, hour) = client.post("/api/projects/plan/runs/ev/hour", &json!({ "hour": 19, "network": feeder }));
    assert_eq!(status, 200, "{hour}");
    assert!((hour["p_kw"].as_f64().unwrap() - kw).abs() < 1e-6 * kw, "{} {kw}", hour["p_kw"]);
    let base = client.ok(&format!("/api/projects/plan/runs/base/series?network={feeder}"));
    assert!((kw - base["values"][18].as_f64().unwrap()).abs() > 1.0, "vehicles draw nothing at seven in the evening");

    // What is new and what is mended adds up, and is what the command says.
    let job = client.done(
        &json!({ "kind": "comparison", "project": "plan", "params": { "base": "base", "with": ["ev", "grown, parts"], "network": feeder } }),
    );
    let changes = rows(&client, "plan", &job, "assets");
    let id = job["result"]["analysis"].as_str().unwrap();
    // Names with commas are names.
    let of_one = client.ok(&format!("/api/projects/plan/analyses/{id}/tables/feeders?filter=case=grown%5C,%20parts"));
    assert_eq!(of_one["total"], 1, "{of_one}");
    let layers = client.ok(&format!("/api/projects/plan/networks/{feeder}/values"));
    assert!(layers["quantities"].is_array(), "{layers}");
    let number = |r: &Value, key: &str| r[key].as_f64().unwrap_or_else(|| panic!("{key} of {r}"));
    for r in &changes {
        let sum = number(r, "base_h") + number(r, "new_h") - number(r, "mended_h");
        assert!((sum - number(r, "case_h")).abs() < 1e-9, "{r}");
    }
    let id = job["result"]["analysis"].as_str().unwrap();
    let summary = client.ok(&format!("/api/projects/plan/analyses/{id}"))["summary"].clone();
    let projects = dir.path().join("projects/plan");
    let command = gridtwin(&[
        "comparison",
        projects.to_str().unwrap(),
        "--base",
        "base",
        "--with",
        "ev",
        "--with",
        "grown, parts",
        "--feeder",
        feeder,
        "--json",
    ]);
    assert!(command.status.success(), "{}", text(&command.stderr));
    assert_eq!(serde_json::from_str::<Value>(&text(&command.stdout)).unwrap(), summary);
    let energy = |case: usize, of: &str| summary["cases"][case][of]["energy_kwh"].as_f64().unwrap();
    assert!(energy(1, "totals_case") > 1.05 * energy(1, "totals_base"), "{summary}");
    let refused = client
        .failed(&json!({ "kind": "comparison", "project": "plan", "params": { "base": "base", "with": ["ev"], "network": "ieee123" } }));
    assert!(refused.to_string().contains("COMPARISON.FEEDER.UNKNOWN"), "{refused}");

    // What it adds, load by load, is what the preview said; a sweep answers in order.
    let job = client.done(
        &json!({ "kind": "scenario", "project": "plan", "params": { "scenario": { "name": "evening", "version": 1 }, "network": feeder } }),
    );
    let of_layers = rows(&client, "plan", &job, "layers");
    assert_eq!((&of_layers[1]["layer"], &of_layers[1]["energy_kwh"]), (&"ev".into(), &figures["layers"][0]["energy_kwh"]), "{of_layers:?}");
    let loads: f64 = rows(&client, "plan", &job, "loads").iter().filter(|r| r["layer"] == "ev").map(|r| number(r, "energy_kwh")).sum();
    assert!((loads - number(&of_layers[1], "energy_kwh")).abs() < 1e-6 * loads, "{loads}");
    let job = client.done(&json!({ "kind": "sweep", "project": "plan", "params": {
        "scenario": { "name": "evening" }, "network": feeder, "vary": ["ev.penetration_pct=0,50,100"], "from_hour": 12, "hours": 12 } }));
    let samples = rows(&client, "plan", &job, "samples");
    let energies: Vec<f64> = samples.iter().map(|r| number(r, "energy_kwh")).collect();
    assert!(energies.len() == 3 && energies[0] < energies[1] && energies[1] < energies[2], "{energies:?}");

    // What the project no longer has is told.
    assert_eq!(client.send("DELETE", place, None).0, 204);
    let (status, gone) =
        client.post("/api/jobs", &json!({ "kind": "solve_year", "project": "plan", "params": { "scenario": { "name": "evening" } } }));
    assert_eq!((status, &gone["code"]), (404, &"SCENARIO.PROJECT.UNKNOWN".into()), "{gone}");
}

#[test]
fn outages_and_switches_are_studied_as_jobs() {
    let dir = tempfile::tempdir().unwrap();
    let token = token(dir.path(), "engineer");
    let server = Server::start(dir.path(), &[]);
    let client = server.client(&token);
    project(&client, "north", "ieee123");
    let ask = |kind: &str, params: Value| client.done(&json!({ "kind": kind, "project": "north", "params": params }));
    let job = ask("contingency", json!({ "lines": true }));
    let elements = rows(&client, "north", &job, "elements");
    // All lines are there, and those behind which nobody is lose nothing.
    assert!(elements.len() > 100 && elements.iter().any(|r| r["lost_kw"] == 0.0), "{}", elements.len());
    let worst = elements.iter().map(|r| r["lost_kw"].as_f64().unwrap()).fold(0.0, f64::max);
    // The head of the feeder carries all that the loads draw.
    let (_, solved) = client.post("/api/projects/north/networks/ieee123/solve", &json!({ "tolerance_pu": 1e-8 }));
    let drawn = solved["p_kw"].as_f64().unwrap() - solved["losses_kw"].as_f64().unwrap();
    assert!((worst - drawn).abs() < 0.05, "{worst} {drawn}");
    let id = job["result"]["analysis"].as_str().unwrap();
    let layers = client.ok("/api/projects/north/networks/ieee123/values");
    let name = format!("{id}~elements~lost_kw");
    assert!(layers["quantities"].as_array().unwrap().iter().any(|q| q["name"] == name.as_str()), "{layers}");
    let (status, _, bytes) = client.send("GET", &format!("/api/projects/north/networks/ieee123/values?quantity={name}"), None);
    let largest = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).filter(|x| x.is_finite()).fold(0.0, f32::max);
    assert_eq!((status, largest), (200, worst as f32));

    let job = ask("restoration", json!({ "outage": [elements[0]["element"]] }));
    assert!(!rows(&client, "north", &job, "steps").is_empty());
    let job = ask("reconfiguration", json!({ "max_trees": 200 }));
    let id = job["result"]["analysis"].as_str().unwrap();
    let summary = client.ok(&format!("/api/projects/north/analyses/{id}"))["summary"].clone();
    assert!(summary["found"]["losses_kwh"].as_f64() <= summary["today"]["losses_kwh"].as_f64(), "{summary}");
    let unknown = client.failed(&json!({ "kind": "restoration", "project": "north", "params": { "outage": ["line.nowhere"] } }));
    assert!(unknown.to_string().contains("CONTINGENCY.ELEMENT.UNKNOWN"), "{unknown}");
}
