//! A simulated plant and a server that follows it, as processes: every address of the twin and of document 001 against what the plant says.

mod common;

#[path = "common/plant.rs"]
mod plant;
#[path = "common/web.rs"]
mod web;

use common::{gridtwin, root, token};
use plant::{Plant, Socket, until};
use serde_json::{Value, json};
use std::fs;
use web::{Client, Server};

fn has_keys(of: &Value, keys: &[&str]) {
    let missing: Vec<&&str> = keys.iter().filter(|k| of.get(**k).is_none()).collect();
    let shown: String = of.to_string().chars().take(1_000).collect();
    assert!(missing.is_empty(), "{missing:?} is missing in {shown}");
}

fn number(of: &Value, key: &str) -> f64 {
    of[key].as_f64().unwrap_or_else(|| panic!("{key} is no number in {}", of.to_string().chars().take(1_000).collect::<String>()))
}

fn near(a: f64, b: f64, share: f64, what: &str) {
    assert!((a - b).abs() <= share * b.abs(), "{what}: {a} against {b}");
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default())
}

#[test]
fn without_a_plant_every_address_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let admin = token(dir.path(), "admin");
    let server = Server::start(dir.path(), &[]);
    let client = server.client(&admin);
    let document = client.ok("/api/openapi.json");
    let (mut tried, mut faults) = (0, Vec::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        let operation = &item["get"];
        let is_twin = operation["tags"].as_array().is_some_and(|t| t.iter().any(|t| t == "twin" || t == "substation"));
        if !is_twin || path == "/api/twin/rules-schema" {
            continue;
        }
        let at: String = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/");
        let answer = client.get(&at);
        tried += 1;
        if code(&answer) != (404, "TWIN.NONE") {
            faults.push(format!("{path}: {answer:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(tried > 30, "only {tried} addresses were tried");
    assert_eq!(client.ok("/health")["components"], Value::Null);
}

/// A server that follows a simulated plant, and clients of every role.
struct Followed {
    server: Server,
    plant: Plant,
    viewer: Client,
    operator: Client,
    engineer: Client,
    admin: Client,
    tokens: [String; 4],
    _dir: tempfile::TempDir,
}

fn followed() -> Followed {
    let dir = tempfile::tempdir().unwrap();
    let plant = Plant::start(&dir.path().join("devices.yaml"), &["--no-noise", "--start", "2026-03-01T08:00"]);
    let site = format!(
        "name: Substation under test\nmodel: {}\ndevices: devices.yaml\nsimulated: true\ninstructor: {}\n",
        root().join("models/ehv-400-220.dss").display(),
        plant.instructor
    );
    fs::write(dir.path().join("site.yaml"), site).unwrap();
    let data = dir.path().join("data");
    fs::create_dir_all(&data).unwrap();
    let tokens = ["viewer", "operator", "engineer", "admin"].map(|role| token(&data, role));
    let server = Server::start(&data, &["--twin", dir.path().join("site.yaml").to_str().unwrap()]);
    let [viewer, operator, engineer, admin] = [0, 1, 2, 3].map(|i| server.client(&tokens[i]));
    until(&viewer, "/api/twin/moment", "an estimate of all devices", |m| {
        m["estimate"]["state"] == "settled"
            && m["devices"].as_array().is_some_and(|d| d.len() == 3 && d.iter().all(|d| d["recovered"] == true))
    });
    Followed { server, plant, viewer, operator, engineer, admin, tokens, _dir: dir }
}

#[test]
fn a_plant_is_followed_on_the_wire() {
    let f = followed();
    what_it_is(&f);
    figures_agree_with_the_plant(&f);
    commands_go_through_the_interlock(&f);
    alarms_are_acknowledged_and_told(&f);
    questions_are_solved(&f);
    the_past_is_kept(&f);
    training_passes_through(&f);
    sockets_tell(&f);
    versions_are_kept_and_followed(&f);
    let (took, was_well) = f.server.stop();
    assert!(was_well, "the server did not end well within {took:?}");
}

fn what_it_is(f: &Followed) {
    let twin = f.viewer.ok("/api/twin");
    assert_eq!(
        (&twin["name"], &twin["simulated"], &twin["training"], &twin["devices"]),
        (&json!("Substation under test"), &json!(true), &json!(true), &json!(3))
    );
    assert!(number(&twin, "points") >= 2_500.0 && number(&twin, "frequency_hz") == 50.0);
    assert_eq!(twin["history"]["condition"], "recording");
    let diagram = f.viewer.ok("/api/twin/diagram");
    let levels: Vec<f64> = diagram["levels"].as_array().unwrap().iter().map(|l| number(l, "kv")).collect();
    assert!(levels.windows(2).all(|w| w[0] > w[1]) && [400.0, 220.0, 33.0].iter().all(|kv| levels.contains(kv)), "{levels:?}");
    let elements = diagram["elements"].as_array().unwrap();
    let of = |name: &str| elements.iter().find(|e| e["element"] == name).unwrap_or_else(|| panic!("no {name}"));
    let breaker = of("line.q0_t1h");
    assert_eq!((&breaker["kind"], &breaker["asset"], &breaker["bay"]), (&json!("breaker"), &json!("CB-T1H"), &json!("T1H")));
    assert_eq!((&of("line.q1_t1h")["kind"], &of("transformer.t1")["kind"]), (&json!("isolator"), &json!("transformer")));
    assert_eq!(elements.iter().filter(|e| e["kind"] == "breaker").count(), 22);
    assert!(diagram["buses"].as_array().unwrap().iter().any(|b| b["bus"] == "bb41" && b["busbar"].is_string()));
    assert_eq!(f.viewer.ok("/api/twin/yard")["equipment"].as_array().unwrap().len(), 76);
    let points = f.viewer.ok("/api/twin/points?asset=T1&size=5000");
    assert!(number(&points, "total") > 10.0 && points["points"].as_array().unwrap().iter().all(|p| p["asset"] == "T1"));
    let first = f.viewer.ok("/api/twin/points?size=7&page=2");
    assert_eq!(first["points"].as_array().unwrap().len(), 7);
    // Document 001.
    let data = f.viewer.ok("/api/scada/data");
    assert!(number(&data, "total_points") >= 2_500.0);
    has_keys(&data["data"][0], &["name", "value", "unit", "quality", "timestamp", "asset_id"]);
    let devices = f.viewer.ok("/api/iot/devices");
    assert_eq!((&devices["total_devices"], &devices["online_devices"]), (&json!(3), &json!(3)));
    let assets = f.viewer.ok("/api/assets");
    assert_eq!(assets.as_array().unwrap().len(), 76);
    has_keys(
        &assets[0],
        &[
            "asset_id",
            "asset_type",
            "name",
            "location",
            "commissioned_date",
            "manufacturer",
            "model",
            "rated_voltage_kv",
            "rated_current_a",
            "rated_power_mva",
            "status",
            "health_score",
        ],
    );
    let t1 = f.viewer.ok("/api/assets/t1");
    assert_eq!((&t1["asset_type"], number(&t1, "rated_power_mva")), (&json!("PowerTransformer"), 315.0));
    assert!(number(&t1, "health_score") > 0.0 && !t1["real_time_data"].as_array().unwrap().is_empty());
    assert_eq!(code(&f.viewer.get("/api/assets/T9")), (404, "TWIN.ASSET.UNKNOWN"));
    let topology = f.viewer.ok("/api/circuit/topology");
    has_keys(
        &topology,
        &[
            "circuit_name",
            "frequency",
            "base_kv",
            "total_buses",
            "total_transformers",
            "total_lines",
            "total_loads",
            "total_reactors",
            "total_capacitors",
            "buses",
            "transformers",
            "loads",
        ],
    );
    assert_eq!(
        ["total_transformers", "total_loads", "total_reactors", "total_capacitors"].map(|k| number(&topology, k)),
        // Two banks, and the capacitances of transformers and voltage transformers, which are elements too.
        [4.0, 6.0, 2.0, 10.0]
    );
    has_keys(
        &topology["transformers"][0],
        &["name", "phases", "windings", "buses", "kvas", "kvs", "connections", "percent_r", "percent_x"],
    );
    has_keys(&topology["loads"][0], &["name", "bus", "kv", "kw", "kvar", "power_factor"]);
    near(number(&topology["loads"][0], "power_factor"), 0.9, 1e-3, "power factor of the first load");
    let summary = f.viewer.ok("/api/circuit/components/summary");
    assert_eq!((&summary["transformers"], &summary["total_assets"], &summary["assets"]["breaker"]), (&json!(4), &json!(76), &json!(22)));
    let components = &f.viewer.ok("/health")["components"];
    assert_eq!((&components["scada"], &components["load_flow"], &components["ai_manager"]), (&json!(true), &json!(true), &json!(false)));
    assert!(components["websocket_connections"].is_u64());
}

/// The mean of good values of points of an element, as the devices told them.
fn measured(f: &Followed, element: &str, quantity: &str, terminal: Option<u64>) -> f64 {
    let points = f.viewer.ok(&format!("/api/twin/points?element={element}&size=5000"));
    let fits = |p: &&Value| p["quantity"] == quantity && p["validity"] == "good" && terminal.is_none_or(|t| p["terminal"] == t);
    let values: Vec<f64> = points["points"].as_array().unwrap().iter().filter(fits).filter_map(|p| p["number"].as_f64()).collect();
    assert!(!values.is_empty(), "nothing is measured of {element} {quantity}");
    values.iter().sum::<f64>() / values.len() as f64
}

fn figures_agree_with_the_plant(f: &Followed) {
    let metrics = f.viewer.ok("/api/metrics");
    has_keys(
        &metrics,
        &[
            "timestamp",
            "system_health",
            "total_load",
            "total_power",
            "efficiency",
            "power_factor",
            "voltage_stability",
            "frequency",
            "generation",
            "losses",
            "active_power",
            "reactive_power",
            "apparent_power",
            "voltage_400kv",
            "voltage_220kv",
            "trends",
        ],
    );
    // The plant's instruments are without noise here.
    near(number(&metrics, "voltage_400kv"), measured(f, "bus.bb41", "v_ll_kv", None), 0.005, "voltage of the 400 kV busbar");
    near(number(&metrics, "voltage_220kv"), measured(f, "bus.bb21", "v_ll_kv", None), 0.005, "voltage of the 220 kV busbar");
    near(number(&metrics, "frequency"), 50.0, 0.01, "frequency");
    // What the grid delivers is what loads and losses take.
    let (generation, load, losses) = (number(&metrics, "generation"), number(&metrics, "total_load"), number(&metrics, "losses"));
    near(generation, load + losses, 1e-3, "balance of power");
    near(number(&metrics, "efficiency"), 100.0 * load / generation, 1e-3, "efficiency");
    near(number(&metrics, "apparent_power"), number(&metrics, "reactive_power").hypot(generation), 0.02, "apparent power");
    let moment = f.viewer.ok("/api/twin/moment");
    let t1 = moment["elements"].as_array().unwrap().iter().find(|e| e["element"] == "transformer.t1").unwrap().clone();
    // The larger of its sides over 315 MVA.
    let s = t1["ends"].as_array().unwrap().iter().filter_map(|e| e["s_kva"].as_f64()).fold(0.0, f64::max);
    near(number(&t1, "loading_pct"), 100.0 * s / 315_000.0, 0.01, "loading of transformer 1");
}

fn position(f: &Followed, element: &str) -> Option<bool> {
    let moment = f.viewer.ok("/api/twin/moment");
    moment["switches"].as_array().unwrap().iter().find(|s| s["element"] == element).unwrap_or_else(|| panic!("no {element}"))["closed"]
        .as_bool()
}

fn commands_go_through_the_interlock(f: &Followed) {
    let order = |element: &str, command: &str| json!({ "element": element, "command": command });
    assert_eq!(f.viewer.post("/api/twin/control/check", &order("line.q0_c31", "open")).0, 403);
    assert_eq!(code(&f.operator.post("/api/twin/control/check", &order("line.q0_c39", "open"))), (404, "TWIN.ORDER.UNKNOWN"));
    assert_eq!(code(&f.operator.post("/api/twin/control/check", &order("line.q0_c31", "explode"))), (422, "TWIN.ORDER.COMMAND"));
    assert_eq!(code(&f.operator.post("/api/twin/control/check", &json!({ "command": "open" }))), (422, "TWIN.ORDER.SUBJECT"));
    let checked = |order: &Value| {
        let (status, verdict) = f.operator.post("/api/twin/control/check", order);
        assert_eq!(status, 200, "{verdict}");
        verdict
    };
    let given = |client: &Client, order: &Value, token: &Value, more: Value| {
        let mut body = order.clone();
        let object = body.as_object_mut().unwrap();
        object.insert("reason".into(), "a test".into());
        object.insert("token".into(), token.clone());
        object.extend(more.as_object().unwrap().clone());
        client.post("/api/twin/control", &body)
    };
    // A capacitor may be switched off; the plant itself says that it is.
    let open = order("line.q0_c31", "open");
    let verdict = checked(&open);
    has_keys(&verdict, &["allowed", "findings", "before", "after", "settled", "token"]);
    assert_eq!((&verdict["allowed"], &verdict["settled"]), (&json!(true), &json!(true)), "{verdict}");
    assert_eq!(code(&given(&f.operator, &open, &json!("guessed"), json!({}))), (409, "TWIN.CONTROL.TOKEN"));
    assert!(f.plant.is_closed("line.q0_c31"));
    let (status, done) = given(&f.operator, &open, &verdict["token"], json!({}));
    assert_eq!((status, &done["record"]["failure"]), (200, &Value::Null), "{done}");
    assert!(number(&done["record"], "asked") > 1.7e12 && number(&done["record"], "asked") < 1e14, "times are milliseconds");
    assert!(!f.plant.is_closed("line.q0_c31"));
    until(&f.viewer, "/api/twin/moment", "the position of the breaker", |m| {
        m["switches"].as_array().is_some_and(|s| s.iter().any(|s| s["element"] == "line.q0_c31" && s["closed"] == false))
    });
    assert_eq!(code(&given(&f.operator, &open, &verdict["token"], json!({}))), (409, "TWIN.CONTROL.TOKEN"), "a token counts once");
    // Document 001's way, back to closed.
    let (status, done) = f.operator.post("/api/control", &json!({ "asset_id": "CB-C31", "command": "close" }));
    assert_eq!((status, &done["success"]), (200, &json!(true)), "{done}");
    assert!(f.plant.is_closed("line.q0_c31"));
    // A feeder whose load would be left dark is refused, with the load that would be lost.
    let dark = order("line.q0_f31", "open");
    let verdict = checked(&dark);
    assert_eq!(verdict["allowed"], false, "{verdict}");
    assert!(number(&verdict["after"], "unsupplied_mw") > 1.0 && !verdict["findings"].as_array().unwrap().is_empty(), "{verdict}");
    assert!(verdict["findings"].as_array().unwrap().iter().any(|d| d["code"] == "CONTROL.INTERLOCK.UNSUPPLIED"), "{verdict}");
    assert_eq!(given(&f.operator, &dark, &verdict["token"], json!({ "override": true })).0, 403);
    let verdict = checked(&dark);
    let (status, done) = given(&f.operator, &dark, &verdict["token"], json!({}));
    assert_eq!(status, 200, "{done}");
    assert!(done["record"]["failure"].is_string() && f.plant.is_closed("line.q0_f31"), "{done}");
    let (_, done) = f.operator.post("/api/control", &json!({ "asset_id": "CB-F31", "command": "open" }));
    assert_eq!(done["success"], false, "{done}");
    assert_eq!(position(f, "line.q0_f31"), Some(true));
    // An administrator may, and it is told loudly.
    let (status, verdict) = f.admin.post("/api/twin/control/check", &dark);
    assert_eq!(status, 200);
    let (status, done) = given(&f.admin, &dark, &verdict["token"], json!({ "override": true }));
    assert_eq!((status, &done["record"]["failure"]), (200, &Value::Null), "{done}");
    assert!(!f.plant.is_closed("line.q0_f31"));
    let (_, done) = f.operator.post("/api/control", &json!({ "asset_id": "line.q0_f31", "command": "close", "reason": "back" }));
    assert_eq!(done["success"], true, "{done}");
    // The history and the audit log have it, with who and why.
    let events = f.viewer.ok("/api/twin/events?kind=control");
    let events = events["events"].as_array().unwrap();
    assert!(events.iter().any(|e| e["fields"]["overridden"] == true && e["fields"]["who"] == "admin"), "{events:?}");
    let audit = f.admin.ok("/api/audit?action=twin.");
    let audit = audit["items"].as_array().unwrap();
    assert!(
        audit.iter().any(|a| a["action"] == "twin.control" && a["user"] == "operator" && a["detail"]["outcome"] == "failed"),
        "{audit:?}"
    );
    // A point held by hand shows it.
    let (status, held) = f.operator.post("/api/twin/points/no.such/substitute", &json!({ "value": 1.0, "reason": "a test" }));
    assert_eq!((status, &held["code"]), (404, &json!("TWIN.SUBJECT.UNKNOWN")));
}

fn alarms_are_acknowledged_and_told(f: &Followed) {
    let rule = json!({ "rule_id": "test.frequency", "parameter": "twin.generation_mw", "condition": ">", "threshold_value": 10.0, "severity": "high" });
    assert_eq!(f.operator.post("/api/thresholds", &rule).0, 403);
    let bad =
        json!({ "rule_id": "test.bad", "parameter": "twin.frequenzy_hz", "condition": ">", "threshold_value": 10.0, "severity": "high" });
    let (status, answer) = f.engineer.post("/api/thresholds", &bad);
    assert_eq!((status, answer["findings"][0]["code"].as_str()), (422, Some("ALARM.POINT.UNKNOWN")), "{answer}");
    let before = f.viewer.ok("/api/thresholds");
    let (status, answer) = f.engineer.post("/api/thresholds", &rule);
    assert_eq!(status, 201, "{answer}");
    let after = f.viewer.ok("/api/thresholds");
    assert_eq!(number(&after, "total"), number(&before, "total") + 1.0);
    let alerts = until(&f.viewer, "/api/alerts", "the alert", |a| {
        a["alerts"].as_array().is_some_and(|a| a.iter().any(|a| a["id"] == "test.frequency"))
    });
    let alert = alerts["alerts"].as_array().unwrap().iter().find(|a| a["id"] == "test.frequency").unwrap().clone();
    has_keys(&alert, &["id", "asset_id", "severity", "alert_type", "message", "timestamp", "acknowledged"]);
    assert_eq!((&alert["severity"], &alert["acknowledged"]), (&json!("high"), &json!(false)));
    assert_eq!(f.viewer.post("/api/alerts/test.frequency/acknowledge", &json!({})).0, 403);
    assert_eq!(code(&f.operator.post("/api/alerts/test.none/acknowledge", &json!({}))), (404, "TWIN.ALERT.UNKNOWN"));
    let (status, answer) = f.operator.post("/api/alerts/test.frequency/acknowledge", &json!({ "comment": "seen" }));
    assert_eq!((status, &answer["alert"]["acknowledged"]), (200, &json!(true)), "{answer}");
    assert_eq!(
        code(&f.operator.post("/api/twin/alarms/acknowledge", &json!({ "rules": ["test.frequency"] }))),
        (409, "TWIN.ALARM.REFUSED")
    );
    let alarms = f.viewer.ok("/api/twin/alarms?listed=true");
    has_keys(&alarms, &["alarms", "counts", "groups", "flooded"]);
    let alarm = alarms["alarms"].as_array().unwrap().iter().find(|a| a["rule"] == "test.frequency").unwrap().clone();
    assert_eq!(alarm["state"], "acknowledged");
    assert!(number(&alarm, "raised_at") > 1.7e12 && number(&alarm, "raised_at") < 1e14, "times are milliseconds");
    // Shelved with a reason, and back.
    let shelve = |body: Value| f.operator.post("/api/twin/alarms/shelve", &body);
    assert_eq!(shelve(json!({ "rules": ["test.frequency"], "comment": "x" })).0, 422);
    assert_eq!(code(&shelve(json!({ "rules": ["test.frequency"], "for_s": 60.0 }))), (409, "TWIN.ALARM.REFUSED"));
    assert_eq!(shelve(json!({ "rules": ["test.frequency"], "for_s": 60.0, "comment": "a test" })).0, 200);
    assert_eq!(f.operator.post("/api/twin/alarms/unshelve", &json!({ "rules": ["test.frequency"] })).0, 200);
    // The rules as a document; one with faults changes nothing.
    let rules = f.viewer.ok("/api/twin/rules");
    let yaml = rules["yaml"].as_str().unwrap().to_owned();
    assert!(yaml.contains("test.frequency") && rules["parsed"].is_object());
    let faulty = yaml.replace("twin.frequency_hz", "twin.frequenzy_hz");
    let (status, answer) = f.engineer.send_json("PUT", "/api/twin/rules", &json!({ "yaml": faulty }));
    assert_eq!((status, &answer["code"]), (422, &json!("TWIN.RULES.FAULTY")), "{answer}");
    assert!(answer["findings"][0]["source"]["line"].as_u64().is_some_and(|l| l > 0), "{answer}");
    assert_eq!(f.viewer.ok("/api/twin/rules")["yaml"], yaml.as_str());
    assert_eq!(f.engineer.send_json("PUT", "/api/twin/rules", &json!({ "yaml": yaml })).0, 200);
    let report = f.viewer.ok("/api/twin/alarms/report");
    assert!(number(&report, "shown") >= 1.0 && number(&report, "events_not_understood") == 0.0, "{report}");
    // Maintenance of an asset.
    let now = jiff::Timestamp::now().as_millisecond();
    let plan = json!({ "asset": "T1", "from_ms": now + 3_600_000, "to_ms": now + 7_200_000, "kind": "preventive", "who": "crew 3", "note": "oil" });
    let (status, answer) = f.operator.post("/api/twin/maintenance", &plan);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        code(
            &f.operator
                .post("/api/twin/maintenance", &json!({ "asset": "T9", "from_ms": 1, "to_ms": 2, "kind": "preventive", "who": "x" }))
        ),
        (404, "TWIN.ASSET.UNKNOWN")
    );
    let entries = f.viewer.ok("/api/twin/maintenance");
    let entry = entries["entries"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&entry["asset"], number(&entry, "from")), (&json!("T1"), (now + 3_600_000) as f64));
    assert_eq!(f.operator.post(&format!("/api/twin/maintenance/{}/cancel", entry["id"]), &json!({ "comment": "rain" })).0, 200);
    assert_eq!(
        code(&f.operator.post(&format!("/api/twin/maintenance/{}/finish", entry["id"]), &json!({}))),
        (409, "TWIN.MAINTENANCE.REFUSED")
    );
    // Events in pieces make the whole, and the file has them all.
    let mut pieces = Vec::new();
    let mut page = String::new();
    loop {
        let piece = f.viewer.ok(&format!("/api/twin/events?kind=alarm&size=3{page}"));
        pieces.extend(piece["events"].as_array().unwrap().clone());
        match piece["next"].as_u64() {
            Some(next) => page = format!("&page={next}"),
            None => break,
        }
    }
    let all = f.viewer.ok("/api/twin/events?kind=alarm&size=1000&order=oldest");
    let mut all = all["events"].as_array().unwrap().clone();
    all.reverse();
    assert!(all.len() > 3);
    // What happened meanwhile comes first.
    assert_eq!(pieces, all[all.len() - pieces.len()..], "pieces and the whole");
    let (status, kind, file) = f.viewer.send("GET", "/api/twin/events?kind=alarm&format=csv", None);
    let file = String::from_utf8(file).unwrap();
    assert_eq!((status, kind.as_str()), (200, "text/csv; charset=utf-8"));
    assert!(file.starts_with("sequence,time_utc,") && file.lines().count() > pieces.len(), "{} lines", file.lines().count());
    let logs = f.viewer.ok("/api/historical/system-events?eventType=alarm&severity=high&dateRange=last_24h&searchText=frequency");
    assert!(logs.as_array().is_some_and(|l| !l.is_empty()), "{logs}");
    has_keys(&logs[0], &["id", "timestamp", "event_type", "severity", "asset_id", "message"]);
}

fn questions_are_solved(f: &Followed) {
    let asked = json!({ "changes": [{ "element": "line.q0_f31", "closed": false }] });
    let (status, answer) = f.viewer.post("/api/twin/what-if", &asked);
    assert_eq!((status, &answer["certificate"]["settled"]), (200, &json!(true)), "{answer}");
    let lost = number(&answer["before"]["metrics"], "total_load_mw") - number(&answer["after"]["metrics"], "total_load_mw");
    let verdict = f.operator.post("/api/twin/control/check", &json!({ "element": "line.q0_f31", "command": "open" })).1;
    near(lost, number(&verdict["after"], "unsupplied_mw"), 0.05, "load that is lost");
    assert!(answer["differences"].as_array().unwrap().iter().any(|d| d["quantity"] == "total_load_mw"));
    assert_eq!(
        code(&f.viewer.post("/api/twin/what-if", &json!({ "changes": [{ "element": "line.q0_f39", "closed": false }] }))),
        (404, "TWIN.SUBJECT.UNKNOWN")
    );
    assert!(f.plant.is_closed("line.q0_f31"), "nothing is commanded");
    // A transformer out of service: the other carries the load.
    let (status, answer) = f.viewer.post("/api/simulation", &json!({ "scenario": "contingency", "element": "T2" }));
    assert_eq!((status, &answer["converged"]), (200, &json!(true)), "{answer}");
    let of = |side: &str, name: &str| {
        let elements = answer["results"][side]["elements"].as_array().unwrap();
        number(elements.iter().find(|e| e["element"] == name).unwrap(), "loading_pct")
    };
    assert!(
        of("after", "transformer.t1") > 1.5 * of("before", "transformer.t1"),
        "{} after {}",
        of("after", "transformer.t1"),
        of("before", "transformer.t1")
    );
    // A fault is as large as the program's own study of the model finds it, loads aside.
    let (status, answer) = f.viewer.post("/api/simulation", &json!({ "scenario": "fault", "bus": "bb41", "type": "3ph" }));
    assert_eq!((status, &answer["converged"]), (200, &json!(true)), "{answer}");
    let study = gridtwin(&["faults", "models/ehv-400-220.dss", "--bus", "bb41", "--json"]);
    let study: Value = serde_json::from_slice(&study.stdout).expect("JSON");
    let expected = largest_a(&study, "3ph") / 1000.0;
    near(number(&answer, "fault_current_ka"), expected, 0.05, "fault current at the 400 kV busbar");
    assert_eq!(f.viewer.post("/api/simulation", &json!({ "scenario": "fault", "bus": "bb49" })).0, 404);
    assert_eq!(code(&f.viewer.post("/api/simulation", &json!({ "scenario": "storm" }))), (422, "TWIN.SIMULATION.UNFIT"));
}

/// The largest current of a kind of fault at the only bus of what `gridtwin faults --json` prints.
fn largest_a(study: &Value, kind: &str) -> f64 {
    let types = study["types"].as_array().expect("types of faults");
    let at = types.iter().position(|t| t == kind).unwrap_or_else(|| panic!("no {kind} in {types:?}"));
    number(&study["buses"][0]["currents"][at], "i_a")
}

fn the_past_is_kept(f: &Followed) {
    let load = number(&f.viewer.ok("/api/metrics"), "total_load");
    let raw = until(&f.viewer, "/api/twin/history?point=twin.total_load_mw&resolution=raw", "some seconds of history", |h| {
        h["series"][0]["rows"].as_array().is_some_and(|r| r.len() > 5 && r.last().is_some_and(|last| last[2] == "good"))
    });
    let rows = raw["series"][0]["rows"].as_array().unwrap();
    assert!(rows.windows(2).all(|w| w[0][0].as_i64() < w[1][0].as_i64()));
    near(rows.last().unwrap()[1].as_f64().unwrap(), load, 0.05, "load in the history");
    // Seconds in which a device was late, or a switch under way, are questionable or have no value: never a value without its doubt.
    assert!(rows.iter().all(|row| row[1].is_null() == (row[2] == "invalid")), "{rows:?}");
    assert_eq!(raw["series"][0]["unit"], json!("MW"));
    assert!(!raw["gaps"].as_array().unwrap().is_empty(), "before the start nothing is known");
    let buckets = f.viewer.ok("/api/twin/history?point=twin.total_load_mw&point=twin.losses_mw&resolution=minute");
    let row = buckets["series"][0]["rows"].as_array().unwrap().last().unwrap().clone();
    let [mean, min, max] = [1, 2, 3].map(|i| row[i].as_f64().unwrap());
    assert!(min <= mean && mean <= max && row[4].as_f64().is_some_and(|share| share > 0.0 && share <= 1.0), "{row}");
    assert_eq!(code(&f.viewer.get("/api/twin/history?point=twin.no_such")), (404, "TWIN.HISTORY.UNKNOWN_POINT"));
    assert_eq!(
        code(&f.viewer.get("/api/twin/history?point=twin.losses_mw&resolution=second&from=2020-01-01")),
        (400, "TWIN.HISTORY.TOO_MUCH")
    );
    // A moment that is over, made again from what was kept.
    let at = rows[rows.len() - 2][0].as_i64().unwrap();
    let past = f.viewer.ok(&format!("/api/twin/moment?at={at}"));
    assert_eq!((&past["replayed"], &past["estimate"]["state"]), (&json!(true), &json!("settled")));
    near(number(&past["metrics"], "total_load_mw"), load, 0.05, "load of a moment that is over");
    assert_eq!(code(&f.viewer.get("/api/twin/moment?at=2020-01-01")), (404, "TWIN.HISTORY.NOT_KEPT"));
    // Document 001.
    let energy = f.viewer.ok("/api/historical/energy-consumption?hours=1&tariff_per_kwh=0.1");
    near(number(&energy, "average_mw"), load, 0.05, "mean load");
    near(number(&energy, "total_cost"), number(&energy, "total_energy_mwh") * 100.0, 1e-9, "cost");
    // Intervals are whole minutes: over 60 or 61 of them.
    let hours = number(&energy, "total_energy_mwh") / number(&energy, "average_mw");
    assert!((0.999 * hours / 61.0 * 60.0..=hours * 1.001).contains(&number(&energy, "known_share")), "{energy}");
    assert_eq!(f.viewer.ok("/api/historical/energy-consumption?hours=1")["total_cost"], Value::Null);
    let flow = f.viewer.ok("/api/historical/power-flow?hours=1");
    has_keys(
        &flow["data"][0],
        &["timestamp", "active_power", "reactive_power", "power_factor", "frequency", "voltage_400kv", "voltage_220kv"],
    );
    near(
        number(flow["data"].as_array().unwrap().last().unwrap(), "voltage_400kv"),
        measured(f, "bus.bb41", "v_ll_kv", None),
        0.02,
        "recorded voltage",
    );
    let profile = f.viewer.ok("/api/historical/voltage-profile?hours=1&bus=bb41");
    assert_eq!((profile["buses"].as_array().unwrap().len(), &profile["buses"][0]["bus_name"]), (1, &json!("bb41")));
    assert!(number(&profile["buses"][0]["data"][0], "voltage_pu") > 0.9);
    let health = f.viewer.ok("/api/historical/asset-health?hours=1&asset_id=T1");
    assert!(health["assets"][0]["data"].as_array().is_some_and(|d| !d.is_empty()), "{health}");
    let loading = f.viewer.ok("/api/historical/transformer-loading?hours=1");
    assert_eq!(loading["transformers"].as_array().unwrap().len(), 4);
    assert!(number(&loading["transformers"][0]["data"][0], "loading_percent") > 1.0, "{loading}");
    let trends = f.viewer.ok("/api/historical/metrics/trends?hours=1&metric=total_power,losses");
    has_keys(&trends["metrics"], &["total_power", "losses"]);
    assert!(number(&trends["metrics"]["total_power"], "max") >= number(&trends["metrics"]["total_power"], "min"));
    assert_eq!(f.viewer.get("/api/historical/metrics/trends?metric=luck").0, 400);
}

fn training_passes_through(f: &Followed) {
    let state = f.viewer.ok("/api/twin/training");
    let ids: Vec<&str> = state["scenarios"].as_array().unwrap().iter().filter_map(|s| s["id"].as_str()).collect();
    assert_eq!(ids, ["overvoltage_400kv", "transformer_overload", "frequency_deviation", "circuit_breaker_failure"]);
    has_keys(&state["scenarios"][0], &["name", "description", "impact", "duration_s", "recovery"]);
    assert_eq!(state["running"], Value::Null);
    assert_eq!(f.viewer.post("/api/anomaly/simulate", &json!({ "scenario_id": "frequency_deviation" })).0, 403);
    assert_eq!(code(&f.operator.post("/api/anomaly/simulate", &json!({ "scenario_id": "meteor" }))), (422, "TWIN.TRAINING.REFUSED"));
    let (status, answer) = f.operator.post("/api/anomaly/simulate", &json!({ "scenario_id": "frequency_deviation" }));
    assert_eq!((status, &answer["status"], number(&answer, "duration_s")), (200, &json!("active"), 60.0), "{answer}");
    assert_eq!(f.viewer.ok("/api/twin/training")["running"]["scenario"], "frequency_deviation");
    until(&f.viewer, "/api/metrics", "the frequency to fall", |m| m["frequency"].as_f64().is_some_and(|hz| hz < 49.8));
    assert_eq!(f.operator.post("/api/anomaly/stop", &json!({})).0, 200);
    assert_eq!(f.viewer.ok("/api/twin/training")["running"], Value::Null);
    assert_eq!(code(&f.operator.post("/api/twin/training", &json!({ "command": "state" }))), (422, "TWIN.TRAINING.COMMAND"));
    let events = f.viewer.ok("/api/twin/training/events?since=0");
    assert!(events["events"].as_array().unwrap().iter().any(|e| e["kind"] == "scenario_began"), "{events}");
    let told = f.viewer.ok("/api/twin/events?kind=training");
    assert!(told["events"].as_array().unwrap().iter().any(|e| e["fields"]["who"] == "operator"), "{told}");
}

fn sockets_tell(f: &Followed) {
    assert!(Socket::open(&f.server, "/ws", "gt_0").is_err(), "nobody is told without a login");
    let mut socket = Socket::open(&f.server, "/api/ws", &f.tokens[0]).expect("a WebSocket");
    socket.say(&json!({ "subscribe": ["twin", "twin:alarms", "twin:events"] }));
    let (first, second) = (socket.hear_type("twin"), socket.hear_type("twin"));
    assert!(number(&second["moment"], "sequence") > number(&first["moment"], "sequence"));
    has_keys(&socket.hear_type("twin_alarms"), &["counts", "alarms"]);
    let mut ws = Socket::open(&f.server, "/ws", &f.tokens[1]).expect("a WebSocket");
    let metrics = ws.hear_type("metrics");
    has_keys(&metrics, &["timestamp", "system_health", "total_power", "frequency", "voltage_400kv", "alerts", "predictions"]);
    assert!(metrics["alerts"].as_array().unwrap().iter().any(|a| a["id"] == "test.frequency"));
    ws.say(&json!({ "type": "subscribe", "channels": ["metrics", "alerts", "assets", "gossip"] }));
    let confirmed = ws.hear_type("confirmed");
    assert_eq!((&confirmed["channels"], &confirmed["unknown"]), (&json!(["metrics", "alerts", "assets"]), &json!(["gossip"])));
    has_keys(&ws.hear_type("asset_update")["asset"], &["asset_id", "health_score", "status"]);
    ws.say(&json!({ "type": "control", "asset_id": "CB-C31", "command": "open" }));
    let done = ws.hear_type("acknowledgment");
    assert_eq!(done["success"], true, "{done}");
    assert!(!f.plant.is_closed("line.q0_c31"));
    let event = socket.hear_type("twin_event");
    has_keys(&event["event"], &["sequence", "time_ms", "kind", "severity", "message"]);
    ws.say(&json!({ "type": "control", "asset_id": "CB-C31", "command": "close" }));
    assert_eq!(ws.hear_type("acknowledgment")["success"], true);
    // A viewer looks, and commands nothing.
    let mut viewer = Socket::open(&f.server, "/ws", &f.tokens[0]).expect("a WebSocket");
    viewer.say(&json!({ "type": "control", "asset_id": "CB-C31", "command": "open" }));
    let refused = viewer.hear_type("acknowledgment");
    assert_eq!((&refused["success"], &refused["problem"]["code"]), (&json!(false), &json!("SERVER.ACCESS.ROLE")));
    assert!(f.plant.is_closed("line.q0_c31"));
    viewer.say(&json!("nonsense"));
    viewer.hear_type("error");
}

fn versions_are_kept_and_followed(f: &Followed) {
    let versions = f.viewer.ok("/api/dss/versions");
    assert_eq!((versions["versions"].as_array().unwrap().len(), &versions["active"]), (1, &json!("1")));
    let text = f.viewer.ok("/api/twin/versions/1")["text"].as_str().unwrap().to_owned();
    assert!(text.contains("New Circuit.ehv_400_220") && text.contains("New Load.f31"));
    assert_eq!(f.operator.post("/api/twin/versions", &json!({ "text": text, "description": "x" })).0, 403);
    let (status, answer) = f.engineer.post("/api/twin/versions", &json!({ "changes": "edit load.nowhere kw=1", "description": "wrong" }));
    assert_eq!((status, &answer["code"]), (422, &json!("TWIN.VERSION.FAULTY")), "{answer}");
    let (status, version) =
        f.engineer.post("/api/dss/versions", &json!({ "changes": "edit load.f31 kw=14000", "description": "less load" }));
    assert_eq!((status, &version["version_number"], &version["is_active"]), (201, &json!(2), &json!(false)), "{version}");
    let diff = f.viewer.ok("/api/twin/versions/2/diff?against=1");
    assert_eq!((number(&diff, "removed"), number(&diff, "added")), (0.0, 2.0), "{diff}");
    assert_eq!(f.engineer.get("/api/dss/versions/7/activate").0, 404);
    // It came back from the shelf unacknowledged.
    let (status, answer) = f.operator.post("/api/alerts/test.frequency/acknowledge", &json!({ "comment": "seen again" }));
    assert_eq!((status, &answer["alert"]["acknowledged"]), (200, &json!(true)), "{answer}");
    let started = number(&f.viewer.ok("/api/twin"), "started_ms");
    let (status, active) = f.engineer.get("/api/dss/versions/2/activate");
    assert_eq!((status, &active["is_active"]), (200, &json!(true)), "{active}");
    assert!(number(&f.viewer.ok("/api/twin"), "started_ms") > started, "another twin follows");
    let topology = f.viewer.ok("/api/circuit/topology");
    let load = topology["loads"].as_array().unwrap().iter().find(|l| l["name"] == "f31").unwrap().clone();
    assert_eq!(number(&load, "kw"), 14_000.0);
    until(&f.viewer, "/api/twin/moment", "an estimate with the other version", |m| m["estimate"]["state"] == "settled");
    // Alarms, rules and history go on with it.
    assert!(f.viewer.ok("/api/twin/rules")["yaml"].as_str().unwrap().contains("test.frequency"));
    // Devices connect anew, and the alarm is what it was: neither cleared nor raised by figures of a part of them.
    until(&f.viewer, "/api/twin/moment", "all devices", |m| m["devices"].as_array().unwrap().iter().all(|d| d["recovered"] == true));
    std::thread::sleep(std::time::Duration::from_secs(3));
    let alerts = f.viewer.ok("/api/alerts");
    let alert = alerts["alerts"].as_array().unwrap().iter().find(|a| a["id"] == "test.frequency").unwrap_or_else(|| panic!("{alerts}"));
    assert_eq!(alert["acknowledged"], true, "{alert}");
    assert_eq!(f.engineer.post("/api/twin/versions/1/activate", &json!({})).0, 200);
    assert_eq!(f.viewer.ok("/api/dss/versions")["active"], "1");
}
