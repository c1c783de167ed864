//! Loads against OpenDSS: currents and primitive admittance at imposed voltages (`cases/pc/loads.json`).

use network::{
    Common, Connection, GrowthShape, GrowthShapeId, Interpolation, Load, LoadBasis, LoadModel as Law, LoadShape, LoadShapeId, LoadStatus,
    Network, Shapes, SolutionMode, Terminal,
};
use num_complex::Complex64;
use powerflow::pc::{LoadBank, LoadModel, LoadState, Moment, PcError};
use serde_json::Value;

const RELATIVE: f64 = 1e-9;

fn data() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../cases/pc/loads.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("cases/pc/loads.json")).expect("JSON")
}

fn number(p: &Value, key: &str) -> f64 {
    p[key].as_f64().unwrap_or_else(|| panic!("{key} in {p}"))
}

fn complexes(v: &Value) -> Vec<Complex64> {
    v.as_array().unwrap().iter().map(|c| Complex64::new(c[0].as_f64().unwrap(), c[1].as_f64().unwrap())).collect()
}

/// A network with the shapes of the file and no load yet.
fn network(data: &Value) -> Network {
    let mut n = Network::new("pc");
    n.bus_or_add("b");
    for (name, s) in data["shapes"].as_object().unwrap() {
        let values = |key: &str| s[key].as_array().map(|v| v.iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>());
        n.load_shapes.push(LoadShape {
            name: name.clone(),
            interval_h: 1.0,
            hours: None,
            p: values("p").unwrap().into(),
            q: values("q").map(Into::into),
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
    n.growth_shapes.push(GrowthShape { name: "g".into(), years: vec![1, 3, 6], multipliers: vec![1.02, 1.05, 1.01] });
    n
}

fn load(n: &Network, record: &Value) -> Load {
    let p = &record["params"];
    let mut common = Common::new("l", number(p, "phases") as usize);
    let nodes: Vec<u32> = record["nodes"].as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as u32).collect();
    common.terminals.push(Terminal::new(n.bus_id("b").unwrap(), nodes));
    let shape = |name: &Value| -> Option<LoadShapeId> {
        n.load_shapes.iter().position(|s| Some(s.name.as_str()) == name.as_str()).map(LoadShapeId::from)
    };
    let zipv = p["zipv"].as_array().map(|z| std::array::from_fn(|k| z[k].as_f64().unwrap()));
    Load {
        common,
        connection: if p["connection"] == "delta" { Connection::Delta } else { Connection::Wye },
        kv: number(p, "kv"),
        p_kw: number(p, "p_kw"),
        q_kvar: number(p, "q_kvar"),
        power_factor: p["pf"].as_f64().unwrap_or(1.0),
        q_follows_pf: p["pf"].is_number(),
        model: match number(p, "model") as i32 {
            1 => Law::ConstantPq,
            2 => Law::ConstantZ,
            3 => Law::Motor,
            4 => Law::Cvr,
            5 => Law::ConstantI,
            6 => Law::ConstantPFixedQ,
            7 => Law::ConstantPFixedX,
            _ => Law::Zip,
        },
        unknown_model: None,
        basis: LoadBasis::Given,
        status: match p["status"].as_str() {
            Some("fixed") => LoadStatus::Fixed,
            Some("exempt") => LoadStatus::Exempt,
            _ => LoadStatus::Variable,
        },
        class: 1,
        n_customers: 1,
        v_min_pu: number(p, "vminpu"),
        v_max_pu: number(p, "vmaxpu"),
        v_low_pu: number(p, "vlowpu"),
        v_min_normal_pu: 0.0,
        v_min_emergency_pu: 0.0,
        cvr_p_exponent: number(p, "cvrwatts"),
        cvr_q_exponent: number(p, "cvrvars"),
        cvr_curve: shape(&p["cvrcurve"]),
        zipv,
        r_neutral_ohm: number(p, "rneut"),
        x_neutral_ohm: number(p, "xneut"),
        shapes: Shapes { yearly: shape(&p["shapes"]["yearly"]), daily: shape(&p["shapes"]["daily"]), duty: shape(&p["shapes"]["duty"]) },
        growth: p["growth"].is_boolean().then_some(GrowthShapeId(0)),
        mean_pct: 50.0,
        stddev_pct: 10.0,
        series_rl_pct: 50.0,
        relative_weight: 1.0,
        x_harmonic_pu: 0.0,
        xr_harmonic: 6.0,
    }
}

fn snapshot(n: &Network) -> Moment<'_> {
    Moment::of_options(n)
}

fn moment<'a>(n: &'a Network, m: &Value) -> Moment<'a> {
    let mut moment = snapshot(n);
    if m.is_object() {
        moment.mode = match m["mode"].as_str().unwrap() {
            "daily" => SolutionMode::Daily,
            "yearly" => SolutionMode::Yearly,
            "duty" => SolutionMode::DutyCycle,
            "direct" => SolutionMode::Direct,
            "ld1" => SolutionMode::LoadDuration1,
            "peakday" => SolutionMode::PeakDay,
            _ => SolutionMode::Snapshot,
        };
        moment.hour = number(m, "hour");
        moment.year = number(m, "year") as i32;
        moment.load_multiplier = number(m, "load_multiplier");
    }
    moment
}

/// Node voltages with the earth first; the record gives them by conductor.
fn node_voltages(record: &Value) -> (Vec<u32>, Vec<Complex64>) {
    let nodes: Vec<u32> = record["nodes"].as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as u32).collect();
    let mut v = vec![Complex64::ZERO; 5];
    for (node, value) in nodes.iter().zip(complexes(&record["v"])) {
        v[*node as usize] = value;
    }
    (nodes, v)
}

/// Largest difference, relative to the largest expected entry.
fn deviation(found: &[Complex64], expected: &[Complex64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().all(|c| c.is_finite()), "{found:?}");
    let scale = expected.iter().map(|c| c.norm()).fold(1e-12, f64::max);
    found.iter().zip(expected).map(|(a, b)| (a - b).norm() / scale).fold(0.0, f64::max)
}

fn compare(group: &str) -> (usize, f64) {
    let data = data();
    let mut worst = 0f64;
    let records = data[group].as_array().unwrap();
    for record in records {
        let mut n = network(&data);
        let l = load(&n, record);
        n.add(l);
        let moment = moment(&n, &record["moment"]);
        let model = LoadModel::compile(&n, 0).unwrap();
        let mut state = model.initial_state();
        model.linearise(&mut state, &moment);
        let (nodes, v) = node_voltages(record);
        let mut i = vec![Complex64::ZERO; nodes.len()];
        model.currents(&state, &nodes, &v, &mut i);
        let yprim = model.yprim(&state, &moment);
        if moment.mode == SolutionMode::Direct {
            // Reported currents of a direct solution are those of the admittance.
            let by_conductor: Vec<Complex64> = nodes.iter().map(|&k| v[k as usize]).collect();
            i = yprim.mul_vec(&by_conductor);
        }
        let by_current = deviation(&i, &complexes(&record["i"]));
        // A load-duration curve moves on from the hour at which the matrix was built.
        let built_now = moment.mode != SolutionMode::LoadDuration1;
        let by_yprim = if !built_now { 0.0 } else { deviation(yprim.as_slice(), &complexes(&record["yprim"])) };
        assert!(by_current < RELATIVE && by_yprim < RELATIVE, "{by_current:.1e} {by_yprim:.1e} {} {}", record["params"], record["moment"]);
        worst = worst.max(by_current).max(by_yprim);
    }
    (records.len(), worst)
}

#[test]
fn laws_agree_with_opendss() {
    let (n, worst) = compare("laws");
    println!("{n} loads, worst {worst:.1e}");
    assert_eq!(n, 240);
}

#[test]
fn moments_agree_with_opendss() {
    let (n, worst) = compare("moments");
    println!("{n} loads, worst {worst:.1e}");
    assert_eq!(n, 96);
}

/// The arrays give what the loads one by one give, and that is `Yprim v - i(v)`.
#[test]
fn bank_equals_single_loads() {
    let data = data();
    let mut n = network(&data);
    let records = data["laws"].as_array().unwrap();
    for record in records {
        let l = load(&n, record);
        n.add(l);
    }
    let later = Moment { load_multiplier: 0.7, ..snapshot(&n) };
    let models: Vec<_> = (0..records.len()).map(|k| LoadModel::compile(&n, k).unwrap()).collect();
    let mut states: Vec<LoadState> = models.iter().map(LoadModel::initial_state).collect();
    let wiring: Vec<Vec<u32>> = records.iter().map(|r| node_voltages(r).0).collect();
    let nodes: Vec<Option<&[u32]>> = wiring.iter().enumerate().map(|(k, w)| (k != 5).then_some(w.as_slice())).collect();
    let mut bank = LoadBank::new(&models, &nodes);
    assert!(bank.len() > records.len());
    for (step, moment) in [snapshot(&n), later].iter().enumerate() {
        for (model, state) in models.iter().zip(&mut states) {
            if step == 0 {
                model.linearise(state, moment);
            } else {
                model.update(state, moment);
            }
        }
        states[7].open = step == 1;
        bank.refresh(&models, &states);
        for record in records.iter().step_by(11) {
            let (_, v) = node_voltages(record);
            let mut expected = vec![Complex64::ZERO; 5];
            let mut from_currents = [Complex64::ZERO; 5];
            for k in (0..records.len()).filter(|&k| k != 5) {
                models[k].inject(&states[k], &wiring[k], &v, &mut expected);
                if states[k].open {
                    continue;
                }
                let own: Vec<Complex64> = wiring[k].iter().map(|&m| v[m as usize]).collect();
                let mut i = vec![Complex64::ZERO; own.len()];
                models[k].currents(&states[k], &wiring[k], &v, &mut i);
                let linear = models[k].yprim(&states[k], moment).mul_vec(&own);
                for (c, &node) in wiring[k].iter().enumerate() {
                    from_currents[node as usize] += linear[c] - i[c];
                }
            }
            let mut found = vec![Complex64::ZERO; 5];
            bank.inject_all(&models, &states, &v, &mut found);
            // The bank sums in another order; what is compared is large against single terms' rounding.
            assert!(deviation(&found[1..], &expected[1..]) < 1e-12);
            assert!(deviation(&from_currents[1..], &expected[1..]) < 1e-9);
        }
    }
}

#[test]
fn bad_loads_are_typed_errors() {
    let data = data();
    let record = &data["laws"][0];
    let mut n = network(&data);
    let mut l = load(&n, record);
    l.kv = 0.0;
    n.add(l);
    let mut l = load(&n, record);
    l.model = Law::Zip;
    l.zipv = None;
    n.add(l);
    let mut l = load(&n, record);
    l.common.terminals[0].nodes.push(3);
    n.add(l);
    assert!(matches!(LoadModel::compile(&n, 0), Err(PcError::RatedVoltage { kv: 0.0, .. })));
    assert!(matches!(LoadModel::compile(&n, 1), Err(PcError::Missing { property: "zipv", .. })));
    assert!(matches!(LoadModel::compile(&n, 2), Err(PcError::Conductors { .. })));
    assert!(matches!(LoadModel::compile(&n, 3), Err(PcError::Index { .. })));
}
