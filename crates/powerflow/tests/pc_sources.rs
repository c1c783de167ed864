//! Generators, PV systems, storage and induction machines against OpenDSS (`cases/pc/sources.json`).

use network::{AnyElement, Interpolation, LoadShape, LoadShapeId, Network, SolutionMode, StorageMode, TemperatureShape, XyCurve};
use num_complex::Complex64;
use powerflow::pc::{GeneratorModel, InductionMachineModel, Moment, PcError, PvModel, StorageModel};
use serde_json::Value;

const RELATIVE: f64 = 1e-9;

fn data() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../cases/pc/sources.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("cases/pc/sources.json")).expect("JSON")
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn complexes(v: &Value) -> Vec<Complex64> {
    v.as_array().unwrap().iter().map(|c| Complex64::new(c[0].as_f64().unwrap(), c[1].as_f64().unwrap())).collect()
}

/// The shapes and curves of the file, and one element.
fn network(data: &Value, element: impl Into<AnyElement>) -> Network {
    let mut n = Network::new("pc");
    n.bus_or_add("b");
    for (name, s) in data["shapes"].as_object().unwrap() {
        n.load_shapes.push(LoadShape {
            name: name.clone(),
            interval_h: 1.0,
            hours: None,
            p: numbers(&s["p"]).into(),
            q: s["q"].is_array().then(|| numbers(&s["q"]).into()),
            use_actual: s["actual"].as_bool().unwrap_or(false),
            p_base: 0.0,
            q_base: 0.0,
            p_max: 0.0,
            q_max: 0.0,
            mean: 0.0,
            stddev: 0.0,
            interpolation: Interpolation::Average,
        });
    }
    for c in data["curves"].as_array().unwrap() {
        let (x, y) = (numbers(&c[0]).into(), numbers(&c[1]).into());
        n.xy_curves.push(XyCurve { name: String::new(), x, y, x_shift: 0.0, y_shift: 0.0, x_scale: 1.0, y_scale: 1.0 });
    }
    let temperature_c = numbers(&data["temperatures"]).into();
    n.temperature_shapes.push(TemperatureShape { name: "t".into(), interval_h: 1.0, hours: None, temperature_c, mean: 0.0, stddev: 0.0 });
    n.options.default_daily = n.load_shapes.iter().position(|s| s.name == "default").map(LoadShapeId::from);
    // What everything follows where no other shape is named.
    n.options.default_yearly = n.options.default_daily;
    assert!(n.options.default_daily.is_some());
    n.add(element);
    n
}

fn moment<'a>(n: &'a Network, record: &Value, m: &Value) -> Moment<'a> {
    let mut moment = Moment::of_options(n);
    moment.mode = match m["mode"].as_str().unwrap() {
        "daily" => SolutionMode::Daily,
        "yearly" => SolutionMode::Yearly,
        "duty" => SolutionMode::DutyCycle,
        _ => SolutionMode::Snapshot,
    };
    moment.hour = m["hour"].as_f64().unwrap();
    moment.price = m["price"].as_f64().unwrap();
    moment.load_multiplier = m["load_multiplier"].as_f64().unwrap();
    moment.generation_multiplier = if record["class"] == "generator" { 0.8 } else { 1.0 };
    moment.step_h = 1.0;
    moment
}

fn deviation(found: &[Complex64], expected: &[Complex64], floor: f64) -> f64 {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().all(|c| c.is_finite()), "{found:?}");
    let scale = expected.iter().map(|c| c.norm()).fold(floor, f64::max);
    found.iter().zip(expected).map(|(a, b)| (a - b).norm() / scale).fold(0.0, f64::max)
}

/// What one record is checked by: a solution at its clock and voltages, giving currents and matrix.
struct Check<'a> {
    record: &'a Value,
    worst: f64,
    failures: usize,
}

impl Check<'_> {
    fn compare(&mut self, what: &str, k: usize, found: &[Complex64], expected: &Value, floor: f64) {
        let d = deviation(found, &complexes(expected), floor);
        self.worst = self.worst.max(d);
        if d >= RELATIVE {
            if self.failures == 0 {
                println!(
                    "{what} of step {k} differs by {d:.1e}: found {found:.4?}\n expected {expected}\n {}\n {}",
                    self.record["command"], self.record["steps"][k]["moment"]
                );
            }
            self.failures += 1;
        }
    }
}

fn run(class: &str, mut one: impl FnMut(&Value, &Value, &mut Check)) {
    let data = data();
    let (mut n, mut bad, mut worst) = (0, 0, 0f64);
    for record in data["records"].as_array().unwrap().iter().filter(|r| r["class"] == class) {
        let mut check = Check { record, worst: 0.0, failures: 0 };
        one(&data, record, &mut check);
        n += 1;
        bad += usize::from(check.failures > 0);
        worst = worst.max(check.worst);
    }
    println!("{class}: {n} records, {bad} differ, worst {worst:.1e}");
    assert!(n >= 24 && bad == 0, "{class}: {bad} of {n} differ");
}

/// Voltages by node: the earth, then nodes 1 to 4.
fn voltages(step: &Value) -> Vec<Complex64> {
    let mut v = vec![Complex64::ZERO];
    v.extend(complexes(&step["v"]));
    v
}

fn nodes(record: &Value) -> Vec<u32> {
    numbers(&record["element"]["common"]["terminals"][0]["nodes"]).iter().map(|&x| x as u32).collect()
}

/// The element of a record. The scripts of these cases say the phases before the rated voltage, so that the base voltage follows from
/// both: line to neutral for two and three phases.
fn element<T: serde::de::DeserializeOwned>(record: &Value) -> T {
    let mut element = record["element"].clone();
    if let Some(kv) = element["kv"].as_f64() {
        let several = matches!(element["common"]["n_phases"].as_u64(), Some(2 | 3));
        element["base_v"] = (if several { kv * (1000.0 / 3f64.sqrt()) } else { kv * 1000.0 }).into();
    }
    serde_json::from_value(element).unwrap()
}

#[test]
fn generators_agree_with_opendss() {
    run("generator", |data, record, check| {
        let n = network(data, element::<network::Generator>(record));
        let model = GeneratorModel::compile(&n, 0).unwrap();
        let mut state = model.initial_state();
        let nodes = nodes(record);
        for (k, step) in record["steps"].as_array().unwrap().iter().enumerate() {
            let moment = moment(&n, record, &step["moment"]);
            let v = voltages(step);
            let mut i = vec![Complex64::ZERO; nodes.len()];
            if k == 0 {
                model.linearise(&mut state, &moment);
            } else {
                model.update(&mut state, &moment);
            }
            if model.regulates_voltage() {
                // The stiff source drives the vars to a bound: far from the target they get there within some injections.
                model.start_regulation(&mut state, 1e6);
                let mut injection = vec![Complex64::ZERO; 5];
                for _ in 0..40 {
                    model.inject(&mut state, &nodes, &v, &mut injection);
                }
            } else if k == 0 {
                check.compare("matrix", k, model.yprim(&state, &moment).as_slice(), &step["yprim"], 1e-12);
            }
            model.currents(&state, &nodes, &v, &mut i);
            check.compare("current", k, &i, &step["i"], 1e-9);
        }
    });
}

#[test]
fn pv_systems_agree_with_opendss() {
    run("pvsystem", |data, record, check| {
        let n = network(data, element::<network::PvSystem>(record));
        let model = PvModel::compile(&n, 0).unwrap();
        let mut state = model.initial_state();
        let nodes = nodes(record);
        for (k, step) in record["steps"].as_array().unwrap().iter().enumerate() {
            let moment = moment(&n, record, &step["moment"]);
            let v = voltages(step);
            let mut i = vec![Complex64::ZERO; nodes.len()];
            if k == 0 {
                model.linearise(&mut state, &moment);
                check.compare("matrix", k, model.yprim(&state, &moment).as_slice(), &step["yprim"], 1e-9);
            } else {
                model.update(&mut state, &moment);
            }
            model.currents(&state, &nodes, &v, &mut i);
            check.compare("current", k, &i, &step["i"], 1e-6);
        }
    });
}

#[test]
fn storage_agrees_with_opendss() {
    run("storage", |data, record, check| {
        let n = network(data, element::<network::Storage>(record));
        let model = StorageModel::compile(&n, 0).unwrap();
        let mut state = model.initial_state();
        let nodes = nodes(record);
        for (k, step) in record["steps"].as_array().unwrap().iter().enumerate() {
            let moment = moment(&n, record, &step["moment"]);
            let v = voltages(step);
            let mut i = vec![Complex64::ZERO; nodes.len()];
            if k == 0 {
                model.linearise(&mut state, &moment);
                check.compare("matrix", k, model.yprim(&state, &moment).as_slice(), &step["yprim"], 1e-9);
            } else {
                model.update(&mut state, &moment);
            }
            model.currents(&state, &nodes, &v, &mut i);
            check.compare("current", k, &i, &step["i"], 1e-6);
            if moment.mode != SolutionMode::Snapshot {
                model.advance(&mut state, &n, &nodes, &v, moment.step_h);
            }
            let expected = Value::from(vec![Value::from(vec![step["kwh"].as_f64().unwrap(), step["state"].as_f64().unwrap()])]);
            let mode = match state.mode {
                StorageMode::Charging => -1.0,
                StorageMode::Idling => 0.0,
                StorageMode::Discharging => 1.0,
            };
            check.compare("energy and state", k, &[Complex64::new(state.stored_kwh, mode)], &expected, 1.0);
        }
    });
}

#[test]
fn induction_machines_agree_with_opendss() {
    run("indmach012", |data, record, check| {
        let n = network(data, element::<network::InductionMachine>(record));
        let model = InductionMachineModel::compile(&n, 0).unwrap();
        let mut state = model.initial_state();
        let nodes = nodes(record);
        let step = &record["steps"][0];
        let moment = moment(&n, record, &step["moment"]);
        let v = voltages(step);
        model.linearise(&mut state, &moment);
        check.compare("matrix", 0, model.yprim(&state, &moment).as_slice(), &step["yprim"], 1e-12);
        let mut injection = vec![Complex64::ZERO; 5];
        for _ in 0..100 {
            model.inject(&mut state, &nodes, &v, &mut injection);
        }
        let mut i = vec![Complex64::ZERO; 3];
        model.currents(&state, &nodes, &v, &mut i);
        check.compare("current", 0, &i, &step["i"], 1e-9);
    });
}

#[test]
fn bad_sources_are_typed_errors() {
    let data = data();
    let of = |class: &str| data["records"].as_array().unwrap().iter().find(|r| r["class"] == class).unwrap().clone();
    let mut g = element::<network::Generator>(&of("generator"));
    g.model = 6;
    assert!(matches!(GeneratorModel::compile(&network(&data, g), 0), Err(PcError::Model { model: 6, .. })));
    let mut pv = element::<network::PvSystem>(&of("pvsystem"));
    pv.inverter.grid_forming = true;
    assert!(matches!(PvModel::compile(&network(&data, pv.clone()), 0), Err(PcError::Unsupported { .. })));
    pv.inverter.grid_forming = false;
    pv.inverter.kva = 0.0;
    assert!(matches!(PvModel::compile(&network(&data, pv), 0), Err(PcError::Rating { quantity: "kVA", .. })));
    let mut s = element::<network::Storage>(&of("storage"));
    s.kv = f64::NAN;
    assert!(matches!(StorageModel::compile(&network(&data, s), 0), Err(PcError::RatedVoltage { .. })));
    let mut m = element::<network::InductionMachine>(&of("indmach012"));
    m.common.n_phases = 1;
    assert!(matches!(InductionMachineModel::compile(&network(&data, m), 0), Err(PcError::Phases { n_phases: 1, .. })));
}

/// A fault study's matrix and open-circuit voltages behind sources of 1 + j2 ohm at each node.
#[test]
fn fault_study_agrees_with_opendss() {
    let data = data();
    let mut worst = 0f64;
    let records = data["faults"].as_array().unwrap();
    for record in records {
        let nodes = nodes(record);
        let v = voltages(record);
        let mut injection = vec![Complex64::ZERO; 5];
        let yprim = match record["class"].as_str().unwrap() {
            "generator" => {
                let n = network(&data, element::<network::Generator>(record));
                let model = GeneratorModel::compile(&n, 0).unwrap();
                let mut state = model.initial_state();
                let before = moment(&n, record, &record["moment"]);
                model.linearise(&mut state, &before);
                model.enter_dynamics(&mut state, "generator.e", &nodes, &v).unwrap();
                let now = Moment { mode: SolutionMode::FaultStudy, ..before };
                model.linearise(&mut state, &now);
                model.inject(&mut state, &nodes, &v, &mut injection);
                model.yprim(&state, &now)
            }
            "pvsystem" => {
                let n = network(&data, element::<network::PvSystem>(record));
                let model = PvModel::compile(&n, 0).unwrap();
                let mut state = model.initial_state();
                let before = moment(&n, record, &record["moment"]);
                model.linearise(&mut state, &before);
                model.enter_dynamics(&mut state, &nodes, &v);
                let now = Moment { mode: SolutionMode::FaultStudy, ..before };
                model.linearise(&mut state, &now);
                model.inject(&state, &nodes, &v, &mut injection);
                model.yprim(&state, &now)
            }
            "storage" => {
                let n = network(&data, element::<network::Storage>(record));
                let model = StorageModel::compile(&n, 0).unwrap();
                let mut state = model.initial_state();
                let before = moment(&n, record, &record["moment"]);
                model.linearise(&mut state, &before);
                model.enter_dynamics(&mut state);
                let now = Moment { mode: SolutionMode::FaultStudy, ..before };
                model.linearise(&mut state, &now);
                model.inject(&state, &nodes, &v, &mut injection);
                model.yprim(&state, &now)
            }
            _ => {
                let n = network(&data, element::<network::InductionMachine>(record));
                let model = InductionMachineModel::compile(&n, 0).unwrap();
                let mut state = model.initial_state();
                let before = moment(&n, record, &record["moment"]);
                model.linearise(&mut state, &before);
                let mut dump = vec![Complex64::ZERO; 5];
                for _ in 0..100 {
                    model.inject(&mut state, &nodes, &v, &mut dump);
                }
                let now = Moment { mode: SolutionMode::FaultStudy, ..before };
                model.linearise(&mut state, &now);
                model.inject(&mut state, &nodes, &v, &mut injection);
                model.yprim(&state, &now)
            }
        };
        let by_matrix = deviation(yprim.as_slice(), &complexes(&record["yprim"]), 1e-12);
        // Y V = E / Z + injection at the four nodes.
        let source_s = Complex64::new(1.0, 2.0).inv();
        let mut y = powerflow::dense::CMatrix::from_diagonal(&[source_s; 4]);
        for (a, &row) in nodes.iter().enumerate() {
            for (b, &col) in nodes.iter().enumerate() {
                if row > 0 && col > 0 {
                    y[(row as usize - 1, col as usize - 1)] += yprim[(a, b)];
                }
            }
        }
        let right: Vec<Complex64> = complexes(&record["sources"]).iter().zip(&injection[1..]).map(|(e, i)| e * source_s + i).collect();
        let found = y.lu().unwrap().solve(&right).unwrap();
        let by_voltage = deviation(&found, &complexes(&record["voc"]), 1.0);
        worst = worst.max(by_matrix).max(by_voltage);
        assert!(
            by_matrix < RELATIVE && by_voltage < RELATIVE,
            "matrix {by_matrix:.1e} voltage {by_voltage:.1e}: {}\n{found:.3?}\n{}",
            record["command"],
            record["voc"]
        );
    }
    println!("{} fault studies, worst {worst:.1e}", records.len());
    assert_eq!(records.len(), 40);
}
