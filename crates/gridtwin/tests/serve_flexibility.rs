//! The addresses of document 002 as its users call them: every example, what is refused, copies that do not touch one another, and what is left
//! after the server was killed.

#[path = "common/web.rs"]
mod web;

use serde_json::{Value, json};
use web::{Client, Server};

/// Every example of the document, in its order; both bodies where it gives two.
fn examples() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("POST", "/run_simulation", json!({})),
        ("POST", "/modify_load_neighbourhood", json!({ "neighbourhood": 1, "factor": 0.8 })),
        ("POST", "/modify_load_household", json!({ "bus_name": "1", "load_name": "Load_1", "new_kw": 5.0, "new_kvar": 1.0 })),
        (
            "POST",
            "/add_generator",
            json!({ "bus_name": "1", "kv": 0.48, "kw": 50.0, "kvar": 10.0, "model": 1, "vmin_pu": 0.9, "vmax_pu": 1.1 }),
        ),
        ("POST", "/add_device", json!({ "bus_name": "1", "device_name": "EV_Charger_1", "kw": 7.2, "kvar": 1.4, "pf": 0.98 })),
        ("POST", "/disconnect_device", json!({ "bus_name": "1", "device_name": "EV_Charger_1" })),
        ("POST", "/register_dfp", json!({ "name": "peak_shaving", "min_power_kw": 100.0, "target_pf": 0.95 })),
        ("PUT", "/update_dfp", json!({ "name": "peak_shaving", "min_power_kw": 120.0, "target_pf": 0.98 })),
        ("POST", "/subscribe_dfp", json!({ "bus_name": "1", "dfp_number": 1 })),
        ("POST", "/execute_dfp", json!({ "dfp_name": "peak_shaving" })),
        ("POST", "/unsubscribe_dfp", json!({ "bus_name": "1", "dfp_number": 1 })),
        ("DELETE", "/delete_dfp", json!({ "name": "peak_shaving" })),
        ("POST", "/modify_load_household", json!({ "bus_name": "1", "factor": 0.9 })),
        ("POST", "/add_generator", json!({ "bus_name": "1", "kw": 100, "phases": 3 })),
        ("POST", "/add_device", json!({ "bus_name": "1", "device_name": "EV_Charger_1", "kw": 7.5, "phases": 1 })),
        ("POST", "/run_simulation", json!({})),
    ]
}

fn bus(state: &Value, name: &str) -> Value {
    let all = state["buses"].as_array().expect("buses");
    all.iter().find(|b| b["name"] == name).unwrap_or_else(|| panic!("no bus {name}")).clone()
}

fn total_kw(client: &Client, desk: &str) -> f64 {
    client.ok(&format!("/get_state?desk={desk}"))["total_power_kw"].as_f64().expect("a power")
}

#[test]
fn every_example_of_the_document_is_answered_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-auth"]);
    let client = server.client("");
    let before = client.ok("/get_state");
    assert_eq!((before["converged"].as_bool(), before["buses"].as_array().unwrap().len()), (Some(true), 130));
    for (method, path, body) in examples() {
        let (status, answer) = client.send_json(method, path, &body);
        assert_eq!(status, 200, "{method} {path} {body}: {answer}");
        assert_eq!((&answer["status"], &answer["power_flow"]["converged"]), (&json!("success"), &json!(true)), "{path}: {answer}");
    }
    let state = client.ok("/get_state");
    let of_bus = bus(&state, "1");
    // The household was set to 5 kW and 1 kvar, then to 0.9 of it; a charger and two generators stand beside it.
    assert_eq!(of_bus["loads"][0]["asked_kw"], json!(4.5));
    assert_eq!((of_bus["devices"].as_array().unwrap().len(), of_bus["generators"].as_array().unwrap().len()), (1, 2));
    assert!((of_bus["generators"][0]["p_kw"].as_f64().unwrap() - 50.0).abs() < 1e-2);
    assert_eq!(state["dfps"], json!([]));
    // A curl line without a body runs, too.
    let (status, _, _) = client.send("POST", "/run_simulation", None);
    assert_eq!(status, 200);

    // The four files, on disk and by address.
    let results = dir.path().join("desks/anyone/default/results_api");
    for (file, told) in [
        ("latest_api_results.txt", "Total circuit power"),
        ("management_log.txt", "modify_load_neighbourhood"),
        ("dfp_registry.txt", "none is registered"),
        ("dfps_logs.txt", "subscribe_dfp: bus 1 is subscribed to program peak_shaving (1)"),
    ] {
        let on_disk = std::fs::read_to_string(results.join(file)).unwrap();
        assert!(on_disk.contains(told), "{file}: {on_disk}");
        let (status, kind, bytes) = client.send("GET", &format!("/api/desks/default/results_api/{file}"), None);
        assert_eq!((status, kind.as_str(), bytes), (200, "text/plain; charset=utf-8", on_disk.into_bytes()));
    }
    // The model as it stands is a script of its own, with what was added.
    let (status, _, script) = client.send("GET", "/api/desks/default/model.dss", None);
    let script = String::from_utf8(script).unwrap().to_lowercase();
    assert!(status == 200 && script.contains("device_1_ev_charger_1") && script.contains("gen_1_1_transformer"), "{script}");
}

#[test]
fn what_does_not_do_is_refused_with_its_field_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-auth"]);
    let client = server.client("");
    for (method, path, body) in
        examples().into_iter().filter(|(_, p, _)| ["/register_dfp", "/subscribe_dfp", "/add_device"].contains(p)).take(3)
    {
        assert_eq!(client.send_json(method, path, &body).0, 200, "{path}");
    }
    let before = client.ok("/get_state");
    for (method, path, body, field) in [
        ("POST", "/modify_load_neighbourhood", json!({ "neighbourhood": 99, "factor": 0.8 }), "neighbourhood"),
        ("POST", "/modify_load_neighbourhood", json!({ "neighbourhood": 1, "factor": -0.8 }), "factor"),
        ("POST", "/modify_load_neighbourhood", json!({ "neighbourhood": "one", "factor": 0.8 }), "neighbourhood"),
        ("POST", "/modify_load_neighbourhood", json!({ "neighbourhood": 1 }), "factor"),
        ("POST", "/modify_load_household", json!({ "bus_name": "nowhere", "factor": 0.9 }), "bus_name"),
        ("POST", "/modify_load_household", json!({ "bus_name": 1, "factor": 0.9 }), "bus_name"),
        ("POST", "/modify_load_household", json!({ "bus_name": "1", "new_kw": -5 }), "new_kw"),
        ("POST", "/add_generator", json!({ "bus_name": "1", "kw": "much" }), "kw"),
        ("POST", "/add_generator", json!({ "bus_name": "1", "kw": 1, "colour": "red" }), "colour"),
        ("POST", "/add_generator", json!({ "bus_name": "2", "kw": 1, "phases": 3 }), "phases"),
        ("POST", "/add_device", json!({ "bus_name": "1", "device_name": "EV_Charger_1", "kw": 7.2 }), "device_name"),
        ("POST", "/add_device", json!({ "bus_name": "1", "device_name": "x", "kw": 7.2, "pf": 1.5 }), "pf"),
        ("POST", "/add_device", json!({ "bus_name": "1", "device_name": "x", "kw": -7.2 }), "kw"),
        ("POST", "/disconnect_device", json!({ "bus_name": "1", "device_name": "none" }), "device_name"),
        ("POST", "/register_dfp", json!({ "name": "peak_shaving", "min_power_kw": 1, "target_pf": 1 }), "name"),
        ("POST", "/register_dfp", json!({ "name": "other", "min_power_kw": 1, "target_pf": 0 }), "target_pf"),
        ("PUT", "/update_dfp", json!({ "name": "unknown", "target_pf": 0.9 }), "name"),
        ("DELETE", "/delete_dfp", json!({ "name": "unknown" }), "name"),
        ("POST", "/subscribe_dfp", json!({ "bus_name": "1", "dfp_number": 1 }), "bus_name"),
        ("POST", "/subscribe_dfp", json!({ "bus_name": "1", "dfp_number": -1 }), "dfp_number"),
        ("POST", "/unsubscribe_dfp", json!({ "bus_name": "1", "dfp_number": 7 }), "dfp_number"),
        ("POST", "/execute_dfp", json!({ "dfp_name": "unknown" }), "dfp_name"),
        ("POST", "/execute_dfp", json!([]), ""),
    ] {
        let (status, problem) = client.send_json(method, path, &body);
        assert_eq!(status, 422, "{path} {body}: {problem}");
        assert_eq!(problem["field"], json!(field), "{path} {body}: {problem}");
        assert!(problem["title"].as_str().is_some_and(|t| t.len() > 5), "{problem}");
    }
    let (status, _) = client.send_bytes("POST", "/register_dfp", b"{}");
    assert_eq!(status, 415);
    let (status, _, body) = client.send("POST", "/register_dfp", Some(("application/json", b"{\"name\":")));
    assert_eq!(status, 400, "{}", String::from_utf8_lossy(&body));
    assert_eq!(client.send("GET", "/register_dfp", None).0, 405);
    let (status, problem) = client.get("/get_state?desk=unknown");
    assert_eq!((status, &problem["field"]), (404, &json!("desk")));
    assert_eq!(client.get("/get_state?desk=../x").0, 422);
    assert_eq!(client.ok("/get_state"), before);
}

#[test]
fn desks_do_not_touch_one_another_and_outlive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-auth"]);
    let client = server.client("");
    let base = total_kw(&client, "default");
    for name in ["a", "b"] {
        let (status, desk) = client.post("/api/desks", &json!({ "name": name }));
        assert_eq!((status, &desk["neighbourhoods"]), (201, &json!(14)), "{desk}");
    }
    assert_eq!(client.post("/api/desks", &json!({ "name": "a" })).0, 409);
    assert_eq!(client.post("/api/desks", &json!({ "name": "a b" })).0, 422);
    let (status, problem) = client
        .post("/api/desks", &json!({ "name": "c", "neighbourhoods": "neighbourhoods: [{pincode: 1, buses: [zz], transformer_bus: yy}]" }));
    assert!(status == 422 && problem["findings"].as_array().unwrap().len() == 2, "{problem}");
    let (status, problem) = client.post("/api/desks", &json!({ "name": "c", "project": "none" }));
    assert_eq!((status, &problem["field"]), (404, &json!("project")));

    assert_eq!(client.post("/modify_load_neighbourhood?desk=a", &json!({ "neighbourhood": 6, "factor": 0.5 })).0, 200);
    assert_eq!(client.post("/add_device?desk=b", &json!({ "bus_name": "48", "device_name": "pump", "kw": 50 })).0, 200);
    let (a, b) = (total_kw(&client, "a"), total_kw(&client, "b"));
    assert!((total_kw(&client, "default") - base).abs() < 1e-9 && a < base - 200.0 && b > base + 45.0, "{base} {a} {b}");

    // Killed: what was answered is there; a line that was cut off is not.
    server.kill();
    let journal = dir.path().join("desks/anyone/b/journal.jsonl");
    let mut text = std::fs::read(&journal).unwrap();
    text.extend_from_slice(b"{\"seq\":2,\"at\":\"20");
    std::fs::write(&journal, text).unwrap();
    let server = Server::start(dir.path(), &["--no-auth"]);
    let client = server.client("");
    assert_eq!((total_kw(&client, "a"), total_kw(&client, "b")), (a, b));
    let desks = client.ok("/api/desks");
    let names: Vec<&str> = desks["desks"].as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b", "default"]);

    // Undone, step by step, and no further.
    assert_eq!(client.post("/register_dfp?desk=b", &json!({ "name": "p", "min_power_kw": 10, "target_pf": 0.9 })).0, 200);
    let (status, undone) = client.post("/api/desks/b/undo", &json!({}));
    assert!(status == 200 && undone["message"].as_str().unwrap().contains("program p"), "{undone}");
    assert_eq!(client.post("/api/desks/b/undo", &json!({})).0, 200);
    assert!((total_kw(&client, "b") - base).abs() < 1e-9);
    assert_eq!(client.post("/api/desks/b/undo", &json!({})).0, 409);
    assert_eq!(client.ok("/api/desks/b/journal")["total"], json!(4));
    let (status, _, _) = client.send("DELETE", "/api/desks/b", None);
    assert_eq!((status, client.get("/get_state?desk=b").0), (204, 404));
}

#[test]
fn a_hundred_desks_work_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-auth"]);
    let totals: Vec<(usize, f64)> = std::thread::scope(|scope| {
        let work = |i: usize| {
            let server = &server;
            move || {
                let (client, name) = (server.client(""), format!("desk{i}"));
                assert_eq!(client.post("/api/desks", &json!({ "name": name })).0, 201);
                for k in 1..=3 {
                    let body = json!({ "bus_name": "48", "new_kw": 10 * i + k, "new_kvar": 0 });
                    let (status, answer) = client.post(&format!("/modify_load_household?desk={name}"), &body);
                    assert_eq!(status, 200, "{answer}");
                }
                let state = client.ok(&format!("/get_state?desk={name}"));
                (i, bus(&state, "48")["loads"][0]["asked_kw"].as_f64().unwrap())
            }
        };
        let all: Vec<_> = (0..100).map(|i| scope.spawn(work(i))).collect();
        all.into_iter().map(|t| t.join().unwrap()).collect()
    });
    for (i, kw) in totals {
        assert_eq!(kw, (10 * i + 3) as f64, "desk {i} has its own load");
    }
}

#[test]
fn the_operations_desk_answers_the_addresses_of_document_004() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-auth"]);
    let client = server.client("");
    assert_eq!(client.get("/health").0, 200);
    for root in ["/grid", "/api/grid"] {
        let state = client.ok(&format!("{root}/state"));
        assert_eq!(state["nodes"].as_array().unwrap().len(), 8, "{state}");
        assert_eq!(state["nodes"].as_array().unwrap().iter().filter(|n| n["type"] == "generator").count(), 2);
        for edge in state["edges"].as_array().unwrap().iter().filter(|e| e["closed"] == true) {
            for key in ["current_a", "temperature_c", "risk_score", "resistance_ohm", "loading_pct"] {
                assert!(edge[key].is_number(), "{key}: {edge}");
            }
        }
        let done = client.post(&format!("{root}/optimize"), &json!({}));
        assert_eq!(done.0, 200, "{}", done.1);
        let (chosen, best) = (&done.1["chosen"], &done.1["optimum"]);
        assert_eq!(chosen["routes"].as_array().unwrap().len(), 6, "a way for each load: {chosen}");
        let objective = |p: &Value| p["objective_kw"].as_f64().unwrap();
        assert!(objective(chosen) >= objective(best) * (1.0 - 1e-9) && chosen["gap_pct"].as_f64().unwrap() >= -1e-6);
        assert!(["bounded", "enumerated"].contains(&done.1["proof"].as_str().unwrap()), "{}", done.1["proof"]);
        assert_eq!(client.ok(&format!("{root}/paths"))["chosen"], *chosen);
        assert!(client.ok(&format!("{root}/risk"))["edges"].as_array().unwrap().iter().all(|e| e["origin"] == "rule"));
        let id = state["nodes"][3]["id"].as_str().unwrap();
        assert_eq!(client.ok(&format!("{root}/node/{id}"))["node"]["id"], json!(id));
        assert_eq!(client.get(&format!("{root}/node/none")).0, 404);
        let statistics = client.ok(&format!("{root}/statistics"));
        assert_eq!(statistics["forecast"]["hours"].as_array().unwrap().len(), 24);
        let parts = &statistics["losses"];
        let part = |name: &str| parts[name].as_f64().unwrap();
        assert!((part("transmission_kw") + part("distribution_kw") + part("technical_kw") - part("total_kw")).abs() < 1e-9, "{parts}");
    }
    // Both are one desk: two hours and two episodes were played.
    let loss = client.ok("/grid/loss");
    assert_eq!((loss["history"].as_array().unwrap().len(), &loss["step"]), (2, &json!(2)));
    // Learning goes on at the hour as it is, and comes near the optimum.
    let (status, done) = client.post("/grid/optimize", &json!({ "episodes": 500, "advance": false }));
    assert!(status == 200 && done["chosen"]["gap_pct"].as_f64().unwrap() < 2.0, "{}", done["chosen"]);
    for (body, field) in [
        (json!({ "nodes": 2 }), "nodes"),
        (json!({ "nodes": 121 }), "nodes"),
        (json!({ "nodes": 8, "generators": 8 }), "generators"),
        (json!({ "risk_weight": -1 }), "risk_weight"),
        (json!({ "learning_rate": 0 }), "learning_rate"),
        (json!({ "seed": "x" }), "seed"),
        (json!({ "network": "x" }), "project"),
    ] {
        let (status, problem) = client.post("/api/grid/setup", &body);
        assert_eq!((status, &problem["field"]), (422, &json!(field)), "{body}: {problem}");
    }
    assert_eq!(client.post("/grid/optimize", &json!({ "episodes": 0 })).0, 422);
    assert_eq!(client.ok("/grid/loss")["history"].as_array().unwrap().len(), 3);
    let (status, other) = client.post("/api/grid/setup", &json!({ "nodes": 20, "generators": 3, "seed": 4 }));
    assert!(status == 200 && other["nodes"].as_array().unwrap().len() == 20, "{other}");
}
