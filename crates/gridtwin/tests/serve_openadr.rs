//! The top node of OpenADR as its clients use it: access tokens, what each may see and change, a day of flexible demand that is published,
//! reported and settled, and what is left after the server was killed. The shapes are those of OpenADR 3.1.0; a client of another house tries
//! them in `bench/openadr`.

mod common;

#[path = "common/web.rs"]
mod web;

use common::{gridtwin, token};
use serde_json::{Value, json};
use std::path::Path;
use web::{Client, Server};

const BASE: &str = "/openadr3/3.1.0";

/// A user of a role with a name of its own; its token.
fn user(data: &Path, name: &str, role: &str) -> String {
    let data = data.to_str().unwrap();
    assert!(gridtwin(&["user", "add", name, "--role", role, "--data", data]).status.success());
    let made = gridtwin(&["token", "add", name, "--name", "trial", "--role", role, "--data", data]);
    let said = String::from_utf8_lossy(&made.stdout).into_owned() + &String::from_utf8_lossy(&made.stderr);
    said.split_whitespace().find(|w| w.starts_with("gt_")).expect("a token").to_owned()
}

/// Asks for an access token.
fn grant(server: &Server, path: &str, form: &str) -> (u16, Value) {
    let (status, _, body) = server.client("").send("POST", path, Some(("application/x-www-form-urlencoded", form.as_bytes())));
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id: {value}")).to_owned()
}

fn list(client: &Client, kind: &str) -> Vec<Value> {
    client.ok(&format!("{BASE}/{kind}")).as_array().expect("a list").clone()
}

fn made(client: &Client, kind: &str, body: &Value) -> Value {
    let (status, value) = client.post(&format!("{BASE}/{kind}"), body);
    assert_eq!(status, 201, "{kind} {body}: {value}");
    value
}

fn refused(client: &Client, method: &str, path: &str, body: &Value) -> (u16, String) {
    let (status, value) = client.send_json(method, &format!("{BASE}/{path}"), body);
    assert!(value["title"].is_string() && value["status"] == json!(status), "{method} {path}: {value}");
    (status, value["field"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn an_access_token_is_given_for_a_token_and_ends_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let secret = user(dir.path(), "home", "ven");
    let server = Server::start(dir.path(), &[]);
    let told = server.client("").ok(&format!("{BASE}/auth/server"));
    assert!(told["tokenURL"].as_str().unwrap().ends_with("/openadr3/3.1.0/auth/token"), "{told}");
    let form = |id: &str, secret: &str| format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    for path in ["/auth/token", "/openadr3/3.1.0/auth/token"] {
        let (status, given) = grant(&server, path, &form("home", &secret));
        assert_eq!((status, &given["token_type"], &given["expires_in"]), (200, &json!("Bearer"), &json!(3600)), "{given}");
        let client = server.client(given["access_token"].as_str().unwrap());
        assert!(list(&client, "programs").is_empty());
        // It is of the role ven, and no page of the program is for it.
        assert_eq!(client.get("/api/projects").0, 403);
    }
    assert_eq!(
        grant(&server, "/auth/token", &form("home", "gt_wrong")),
        (401, json!({ "error": "invalid_client", "error_description": "client_id is a user, client_secret a token of that user" }))
    );
    assert_eq!(grant(&server, "/auth/token", &form("other", &secret)).0, 401);
    assert_eq!(grant(&server, "/auth/token", "grant_type=password").1["error"], "unsupported_grant_type");
    assert_eq!(grant(&server, "/auth/token", "").1["error"], "invalid_request");
    // A signature of another life, time or number is none.
    let given = grant(&server, "/auth/token", &form("home", &secret)).1["access_token"].as_str().unwrap().to_owned();
    let mut parts: Vec<&str> = given.split('_').collect();
    parts[2] = "99999999999999";
    for bad in [parts.join("_"), given.replace("gta_1", "gta_2"), given[..given.len() - 1].to_owned() + "g"] {
        assert_eq!(server.client(&bad).get(&format!("{BASE}/programs")).0, 401, "{bad}");
    }
    // It outlives the server, and ends with its token.
    server.kill();
    let admin = token(dir.path(), "admin");
    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.client(&given).get(&format!("{BASE}/programs")).0, 200);
    let row =
        server.client(&admin).ok("/api/tokens")["items"].as_array().unwrap().iter().find(|t| t["user"] == "home").unwrap()["id"].clone();
    assert_eq!(server.client(&admin).send("DELETE", &format!("/api/tokens/{row}"), None).0, 204);
    assert_eq!(server.client(&given).get(&format!("{BASE}/programs")).0, 401);
}

#[test]
fn what_a_client_sees_and_may_write_and_what_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let [operator, viewer] = ["operator", "viewer"].map(|r| token(dir.path(), r));
    let (home, other) = (user(dir.path(), "home", "ven"), user(dir.path(), "other", "ven"));
    let server = Server::start(dir.path(), &[]);
    let [operator, viewer, home, other] = [operator, viewer, home, other].map(|t| server.client(&t));
    let program = made(&operator, "programs", &json!({ "objectType": "PROGRAM", "programName": "peak", "targets": ["north"] }));
    assert!(program["createdDateTime"].as_str().unwrap().ends_with('Z') && program["objectType"] == "PROGRAM", "{program}");
    let event = made(
        &operator,
        "events",
        &json!({ "programID": id(&program), "targets": ["north", "south"], "intervalPeriod": { "start": "2026-07-16T17:00:00-07:00", "duration": "PT1H" },
            "intervals": [{ "id": 0, "payloads": [{ "type": "SIMPLE", "values": [1] }] }] }),
    );
    let ven = made(&home, "vens", &json!({ "objectType": "VEN_VEN_REQUEST", "venName": "home" }));
    assert_eq!((&ven["clientID"], &ven["objectType"], &ven["targets"]), (&json!("home"), &json!("VEN"), &json!([])), "{ven}");
    assert!(list(&home, "events").is_empty() && list(&viewer, "events").len() == 1);
    let granted = json!({ "objectType": "BL_VEN_REQUEST", "clientID": "home", "venName": "home", "targets": ["north"] });
    assert_eq!(operator.send_json("PUT", &format!("{BASE}/vens/{}", id(&ven)), &granted).0, 200);
    // Of the targets it sees those that it was granted.
    assert_eq!(list(&home, "events")[0]["targets"], json!(["north"]));
    assert!(list(&other, "events").is_empty() && list(&other, "vens").is_empty());
    assert_eq!(home.ok(&format!("{BASE}/events?targets=south")), json!([]));
    let resource = made(&home, "resources", &json!({ "objectType": "VEN_RESOURCE_REQUEST", "resourceName": "heater" }));
    assert_eq!(resource["venID"], ven["id"]);
    let report = made(&home, "reports", &json!({ "eventID": id(&event), "clientName": "home", "resources": [] }));

    let at = |kind: &str, of: &Value| format!("{kind}/{}", id(of));
    let nothing = json!({});
    assert_eq!(refused(&home, "POST", "programs", &json!({ "programName": "mine" })).0, 403);
    assert_eq!(refused(&home, "PUT", &at("events", &event), &json!({ "programID": id(&program) })).0, 403);
    assert_eq!(refused(&viewer, "POST", "vens", &json!({ "venName": "looker" })).0, 403);
    assert_eq!(refused(&other, "PUT", &at("vens", &ven), &json!({ "venName": "x" })).0, 404);
    assert_eq!(refused(&other, "DELETE", &at("reports", &report), &nothing).0, 404);
    assert_eq!(
        refused(&other, "POST", "reports", &json!({ "eventID": id(&event), "clientName": "o", "resources": [] })),
        (400, "eventID".into())
    );
    assert_eq!(refused(&other, "POST", "resources", &json!({ "resourceName": "r" })), (400, "venID".into()));
    assert_eq!(refused(&other, "POST", "vens", &json!({ "venName": "home" })), (409, "venName".into()));
    assert_eq!(refused(&home, "POST", "resources", &json!({ "resourceName": "heater" })), (409, "resourceName".into()));
    assert_eq!(refused(&operator, "POST", "programs", &json!({ "programName": "peak" })), (409, "programName".into()));
    assert_eq!(refused(&operator, "POST", "programs", &json!({ "programName": 7 })), (400, "programName".into()));
    assert_eq!(refused(&operator, "POST", "programs", &nothing), (400, "programName".into()));
    assert_eq!(refused(&operator, "POST", "events", &json!({ "programID": "p-0" })), (400, "programID".into()));
    let bad = json!({ "programID": id(&program), "intervals": [{ "id": 0, "payloads": [{ "type": "PRICE", "values": ["dear"] }] }] });
    assert_eq!(refused(&operator, "POST", "events", &bad), (400, "intervals[0].payloads[0].values[0]".into()));
    assert_eq!(refused(&operator, "DELETE", &at("programs", &program), &nothing), (409, "id".into()));
    assert_eq!(refused(&operator, "DELETE", &at("events", &event), &nothing), (409, "id".into()));
    assert_eq!(operator.get(&format!("{BASE}/events?limit=x")).0, 400);
    assert_eq!(operator.send("POST", &format!("{BASE}/programs"), Some(("application/json", b"[1"))).0, 400);
    assert_eq!(operator.send("POST", &format!("{BASE}/programs"), Some(("text/plain", b"{}"))).0, 415);
    // Nothing of it changed anything, and all is there after the server was killed.
    let state = |c: &Client| ["programs", "events", "vens", "resources", "reports"].map(|k| c.ok(&format!("{BASE}/{k}")));
    let before = state(&operator);
    assert_eq!(before.iter().map(|k| k.as_array().unwrap().len()).collect::<Vec<_>>(), [1, 1, 1, 1, 1]);
    server.kill();
    let server = Server::start(dir.path(), &[]);
    let again = server.client(&token(dir.path(), "admin"));
    assert_eq!(state(&again), before);
}

/// A day on the IEEE 123-node feeder: run, published, reported as told, settled.
#[test]
fn a_day_is_published_reported_and_settled() {
    let dir = tempfile::tempdir().unwrap();
    let engineer = token(dir.path(), "engineer");
    let home = user(dir.path(), "home", "ven");
    let server = Server::start(dir.path(), &[]);
    let (engineer, home) = (server.client(&engineer), server.client(&home));
    let day = "/api/desks/default/day";
    assert_eq!((engineer.get(day).0, engineer.post(&format!("{day}/run"), &json!({})).0), (404, 404));
    let wrong = |path: &str, body: Value| {
        let (status, value) = engineer.post(&format!("{day}/{path}"), &body);
        (status, value["field"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(wrong("sample", json!({ "devices": 0 })), (422, "devices".into()));
    assert_eq!(wrong("sample", json!({ "devices": 5, "step_min": 7 })), (422, "step_min".into()));
    assert_eq!(wrong("sample", json!({ "devices": 5, "bus": "nowhere" })), (422, "document".into()));
    let (status, made) = engineer.post(&format!("{day}/sample"), &json!({ "devices": 80, "bus": "610", "target": "transformer.xfm1" }));
    assert_eq!((status, made["case"]["devices"].as_array().unwrap().len(), &made["result"]), (200, 80, &Value::Null), "{made}");
    // A document that does not do leaves the one before.
    let (status, problem) = engineer.send_json("PUT", day, &json!({ "document": "name: x\nday: 1\n" }));
    assert_eq!((status, problem["field"].as_str()), (422, Some("document")), "{problem}");
    assert!(!problem["findings"].as_array().unwrap().is_empty());
    assert_eq!(engineer.ok(day)["document"], made["document"]);
    assert_eq!(wrong("publish", json!({ "starts": "2026-07-16T00:00:00-07:00" })).0, 409);
    let (status, ran) = engineer.post(&format!("{day}/run"), &json!({}));
    assert_eq!((status, &ran["result"]["is_stale"]), (200, &json!(false)), "{}", ran["title"]);
    let event = &ran["result"]["events"][0];
    let figure = |v: &Value, key: &str| v[key].as_f64().unwrap_or_else(|| panic!("{key}: {v}"));
    let limit = figure(&event["limit"], "value");
    assert!(figure(event, "before") > 1.1 * limit && figure(event, "after") <= 1.0002 * limit, "{event}");
    assert!(figure(event, "gap_pct").abs() < 1.0 && figure(event, "rebound_kw") > 1.0, "{event}");
    // Every transformer has its row, and that of the event says what the event says.
    let rows = ran["result"]["transformers"].as_array().unwrap();
    let xfm1 = rows.iter().find(|r| r["transformer"] == "xfm1").unwrap_or_else(|| panic!("{rows:?}"));
    assert!((figure(xfm1, "before_kva") - figure(event, "before")).abs() < 1e-9 * limit, "{xfm1} {event}");
    assert!(figure(xfm1, "over_before_min") > 0.0 && xfm1["over_after_min"] == json!(0), "{xfm1}");
    // Once the desk has changed, the result says that it is of before.
    assert_eq!(engineer.post("/modify_load_household", &json!({ "bus_name": "1", "factor": 0.9 })).0, 200);
    assert_eq!(engineer.ok(day)["result"]["is_stale"], json!(true));
    assert_eq!(wrong("publish", json!({ "starts": "2026-07-16T00:00:00-07:00" })).0, 409);
    assert_eq!(engineer.post(&format!("{day}/run"), &json!({})).0, 200);
    assert_eq!(wrong("publish", json!({ "starts": "noon" })), (422, "starts".into()));
    let (status, published) = engineer.post(&format!("{day}/publish"), &json!({ "starts": "2026-07-16T00:00:00-07:00" }));
    assert_eq!((status, &published["starts"]), (200, &json!("2026-07-16T07:00:00Z")), "{published}");
    let n = published["events"].as_u64().unwrap() as usize;
    let events = list(&engineer, "events");
    assert!(n > 1 && events.len() == n && list(&home, "events").is_empty());

    // The node is granted all devices and does what it is told.
    let targets: Vec<&Value> = events.iter().map(|e| &e["targets"][0]).collect();
    made_ven(&engineer, &targets);
    let told = list(&home, "events");
    assert_eq!(told.len(), n);
    for e in &told {
        let kw = |i: &Value| i["payloads"][0]["values"][0].as_f64().unwrap();
        let energies = e["intervals"].as_array().unwrap().iter();
        let intervals: Vec<Value> =
            energies.map(|i| json!({ "id": i["id"], "payloads": [{ "type": "USAGE", "values": [kw(i) * 0.25] }] })).collect();
        let resources = json!([{ "resourceName": e["targets"][0], "intervalPeriod": e["intervalPeriod"], "intervals": intervals }]);
        made_report(&home, e, &resources);
    }
    let measured = engineer.ok(&format!("{day}/measured"));
    assert_eq!((&measured["reports"], &measured["left_out"]), (&json!(n), &json!(0)), "{measured}");
    let by_simulation = engineer.ok(day)["result"]["performance"]["participants"].as_array().unwrap().clone();
    let participants = measured["participants"].as_array().unwrap();
    assert_eq!(participants.len(), n);
    for p in participants {
        let same = by_simulation.iter().find(|s| s["device"] == p["device"]).unwrap();
        for key in ["metered_kwh", "baseline_kwh", "measured_kwh", "asked_kwh"] {
            assert!((figure(p, key) - figure(same, key)).abs() < 1e-6, "{key}: {p} {same}");
        }
    }
    // What was reported is not thrown away by publishing anew, unless that is said.
    let again = json!({ "starts": "2026-07-17T00:00:00-07:00" });
    assert_eq!(wrong("publish", again.clone()), (409, "replace".into()));
    let mut replacing = again;
    replacing["replace"] = json!(true);
    assert_eq!(engineer.post(&format!("{day}/publish"), &replacing).0, 200);
    assert_eq!((list(&engineer, "events").len(), list(&engineer, "reports").len()), (n, 0));
    assert_eq!(engineer.send("DELETE", day, None).0, 204);
    assert_eq!(engineer.get(day).0, 404);
}

fn made_ven(engineer: &Client, targets: &[&Value]) {
    made(engineer, "vens", &json!({ "objectType": "BL_VEN_REQUEST", "clientID": "home", "venName": "home", "targets": targets }));
}

fn made_report(home: &Client, event: &Value, resources: &Value) {
    made(
        home,
        "reports",
        &json!({ "eventID": event["id"], "clientName": "home", "resources": resources,
        "payloadDescriptors": [{ "payloadType": "USAGE", "units": "KWH" }] }),
    );
}

/// Programs that are registered on the desk, and the buses that are subscribed to them, take part in its day.
#[test]
fn programs_of_the_desk_take_part_in_its_day() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-auth"]);
    let client = server.client("");
    let rules = json!({ "name": "evening", "min_power_kw": 0.0, "target_pf": 0.98, "windows": [{ "from": "16:00", "to": "21:00" }],
        "max_duration_min": 180, "incentive_per_kwh": 0.5, "classes": ["battery", "ev"] });
    assert_eq!(client.post("/register_dfp", &rules).0, 200);
    let mut wrong = rules.clone();
    (wrong["name"], wrong["incentive_per_kwh"]) = (json!("other"), json!(-1.0));
    let (status, problem) = client.post("/register_dfp", &wrong);
    assert_eq!((status, problem["field"].as_str()), (422, Some("incentive_per_kwh")), "{problem}");
    assert_eq!(client.send_json("PUT", "/update_dfp", &json!({ "name": "evening", "notice_min": 60 })).0, 200);
    let dfp = client.ok("/get_state")["dfps"][0].clone();
    assert_eq!(
        (&dfp["notice_min"], &dfp["max_duration_min"], &dfp["windows"][0]["from"]),
        (&json!(60), &json!(180), &json!("16:00")),
        "{dfp}"
    );
    assert_eq!(client.post("/subscribe_dfp", &json!({ "bus_name": "610", "dfp_number": 1 })).0, 200);
    let mut document = json!({
        "name": "an evening",
        "day": { "weekday": "thursday", "step_min": 15, "temperature_c": vec![30.0; 24] },
        "devices": [{ "name": "battery", "bus": "610", "unit": { "battery": { "power_kw": 20.0, "energy_kwh": 40.0, "efficiency": 0.9, "reserve_kwh": 0.0, "initial_kwh": 40.0 } } }],
        "events": [{ "name": "call", "programs": ["evening"], "start": "17:00", "duration_min": 60, "target": { "element": "transformer.xfm1", "limit_kva": 1.0 } }],
    });
    let put = |document: &Value| client.send_json("PUT", "/api/desks/default/day", &json!({ "document": document.to_string() }));
    let (status, day) = put(&document);
    assert_eq!((status, &day["case"]["devices"][0]["program"]), (200, &json!("evening")), "{day}");
    let (status, ran) = client.post("/api/desks/default/day/run", &json!({}));
    assert_eq!(status, 200, "{ran}");
    // Nothing but the battery stands there: it delivers what it can, and the target, which cannot be met, says so.
    assert_eq!(ran["result"]["events"][0]["n_called"], json!(1), "{}", ran["result"]["events"][0]);
    // What the program does not allow is refused with the finding.
    document["events"][0]["start"] = json!("21:00");
    let (status, problem) = put(&document);
    assert_eq!((status, problem["findings"][0]["code"].as_str()), (422, Some("FLEXIBILITY.EVENT.RULE")), "{problem}");
}
