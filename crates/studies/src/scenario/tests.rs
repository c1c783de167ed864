use super::*;
use crate::synthetic::Utility;
use formats::MemoryFiles;
use network::scenario::{LayerKind, Scenario, ScenarioData};
use network::{Diagnostic, ElementId, ElementKind, Network};
use std::path::Path;

fn read(text: &str) -> (Scenario, ScenarioData) {
    let import = formats::scenario::read(&MemoryFiles::new().with("s.yaml", text), Path::new("s.yaml"));
    assert!(import.is_sound(), "{:#?}", import.diagnostics);
    (import.scenario.unwrap(), import.data)
}

pub fn empty() -> Scenario {
    read("scenario: empty\nlayers: [{growth: {change_pct: 0}}]\n").0
}

/// The layer of a text such as `ev: {penetration_pct: 30}`.
pub fn layer(text: &str) -> LayerKind {
    read(&format!("scenario: x\nweather: {{synthetic_seed: 1}}\nlayers:\n- {text}\n")).0.layers[0].what.clone()
}

fn feeder() -> Network {
    Utility::new(1).feeder(0).network
}

fn stack(text: &str, network: &Network) -> Stacked {
    let (scenario, data) = read(text);
    let prepared = Prepared::new(scenario, data).unwrap();
    assert_eq!(prepared.check(network).iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    prepared.apply(network).unwrap()
}

const ALL: &str = "\
scenario: all
seed: 5
weather: {synthetic_seed: 1}
layers:
  - weather: {start: 07-10, length_d: 8, amplitude_c: 6}
  - growth: {change_pct: 3}
  - ev: {penetration_pct: 30, allocation: {classes: [residential]}}
  - fast_charging: {stations: 1}
  - solar: {penetration_pct: 20, allocation: {classes: [residential]}}
  - storage: {penetration_pct: 20, with_solar_only: true, allocation: {classes: [residential]}}
  - electrification: {penetration_pct: 10, allocation: {classes: [residential]}}
  - policy: {tou: {ev_shift_pct: 40}, volt_var: {}, interconnection_cap: {per_transformer_pct: 60}}
";

#[test]
fn stacked_is_base_plus_layers() {
    let base = feeder();
    for step in ["60", "15"] {
        let stacked = stack(&ALL.replace("seed: 5\n", &format!("seed: 5\nstep_min: {step}\n")), &base);
        let ledger = &stacked.ledger;
        assert!(ledger.residual() < 1e-9, "{}", ledger.residual());
        for l in &ledger.layers {
            let of_rows: f64 = l.rows.iter().map(|r| r.energy_kwh).sum();
            let of_profile: f64 = l.profile_kw.iter().sum::<f64>() * ledger.step_h;
            let scale = l.rows.iter().map(|r| r.energy_kwh.abs()).sum::<f64>().max(1.0);
            assert!(
                (of_rows - l.energy_kwh).abs() < 1e-9 * scale && (of_profile - l.energy_kwh).abs() < 1e-9 * scale,
                "{} {of_rows} {of_profile}",
                l.layer
            );
        }
        let of = |name: &str| ledger.layers.iter().find(|l| l.layer == name).unwrap();
        assert!(
            of("ev").energy_kwh > 0.0
                && of("solar").energy_kwh < 0.0
                && of("electrification").energy_kwh > 0.0
                && of("weather").energy_kwh > 0.0
        );
        assert!(of("policy").energy_kwh.abs() < 1e-6, "tariffs keep the energy: {}", of("policy").energy_kwh);
        assert!(of("storage").energy_kwh > 0.0, "batteries lose energy");
        // What the network's elements say is what the ledger's rows say.
        for r in &of("ev").rows {
            assert!(stacked.network.find(&r.element).is_some(), "{}", r.element);
        }
        assert_eq!(base, feeder(), "the base is not touched");
        let faults: Vec<Diagnostic> =
            network::check::check(&stacked.network).into_iter().filter(|d| d.severity == network::Severity::Error).collect();
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

#[test]
fn vehicles_energy_is_that_of_their_sessions() {
    let stacked = stack("scenario: ev\nweather: {synthetic_seed: 1}\nlayers: [{ev: {penetration_pct: 30}}]\n", &feeder());
    let record = &stacked.ledger.layers[0];
    let told: f64 = record.facts[0].split(": ").nth(1).and_then(|t| t.split(' ').next()).unwrap().parse().unwrap();
    assert!((told - record.energy_kwh).abs() < 1e-3, "{told} {}", record.energy_kwh);
    let of_loads: f64 = record
        .rows
        .iter()
        .map(|r| {
            let load = &stacked.network.loads[stacked.network.find(&r.element).unwrap().index()];
            stacked.network.load_shapes[load.shapes.yearly.unwrap().index()].p.iter().sum::<f64>()
        })
        .sum();
    assert!((of_loads / record.energy_kwh - 1.0).abs() < 1e-12);
    // Three customers of ten have a vehicle; a year of 39.5 km median.
    let share = f64::from(record.units) / f64::from(record.customers);
    assert!((share - 0.3).abs() < 0.5 / f64::from(record.customers) + 1e-12, "{share}");
    let each = record.energy_kwh / f64::from(record.units);
    assert!((2500.0..6500.0).contains(&each), "{each} kWh a vehicle and year");
}

#[test]
fn a_higher_penetration_keeps_the_adopters_of_a_lower_one_whatever_the_order() {
    let of = |network: &Network, pct: u32| {
        let stacked = stack(&format!("scenario: ev\nlayers: [{{ev: {{penetration_pct: {pct}}}}}]\n"), network);
        let mut rows: Vec<(String, u32, f64)> =
            stacked.ledger.layers[0].rows.iter().map(|r| (r.load.clone(), r.units, r.energy_kwh)).collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    };
    let base = feeder();
    let (few, many) = (of(&base, 10), of(&base, 40));
    for (load, units, _) in &few {
        assert!(many.iter().any(|(l, u, _)| l == load && u >= units), "{load}");
    }
    let mut reversed = Network::new(&base.name);
    reversed.clone_from(&base);
    let n = reversed.loads.len();
    reversed.loads.reverse();
    for id in reversed.order.iter_mut().filter(|id| id.kind == ElementKind::Load) {
        *id = ElementId::new(ElementKind::Load, n - 1 - id.index());
    }
    assert_eq!(of(&reversed, 40), many);
}

#[test]
fn classes_transformers_and_weights_say_who_adopts() {
    let base = feeder();
    let with = |a: &str| {
        stack(
            &format!("scenario: ev\nlayers: [{{solar: {{penetration_pct: 20, allocation: {a}}}}}]\nweather: {{synthetic_seed: 1}}\n"),
            &base,
        )
    };
    let residential = with("{classes: [Residential]}");
    assert!(residential.ledger.layers[0].rows.iter().all(|r| r.customer_class == "residential"));
    let one = with("{transformers: [t1*]}");
    assert!(!one.ledger.layers[0].rows.is_empty());
    assert!(one.ledger.layers[0].rows.iter().all(|r| r.transformer.starts_with("transformer.t1")));
    let never = with("{propensity: {residential: 0}}");
    assert!(never.ledger.layers[0].rows.iter().all(|r| r.customer_class != "residential"));
}

#[test]
fn what_does_not_fit_the_network_is_told_at_once() {
    let text = "\
scenario: x
weather: {synthetic_seed: 1}
layers:
  - ev: {penetration_pct: 30, allocation: {classes: [residental]}}
  - solar:
      penetration_pct: 10
      allocation: {loads: [nothing*], feeders: [g*]}
  - changes:
      capacitors: [{bus: nowhere, kvar: 300}]
      reconductor: [{lines: [l9999], line_code: thick}]
  - policy: {mandate: {layer: storage, penetration_pct: 10}}
";
    let (scenario, data) = read(text);
    let prepared = Prepared::new(scenario, data).unwrap();
    let found: Vec<(String, u32)> = prepared.check(&feeder()).iter().map(|d| (d.code.clone(), d.source.as_ref().unwrap().line)).collect();
    let expected = [
        ("SCENARIO.ALLOCATION.NOBODY", 4),
        ("SCENARIO.ALLOCATION.NOBODY", 7),
        ("SCENARIO.ALLOCATION.NOBODY", 7),
        ("SCENARIO.ELEMENT.UNKNOWN", 10),
        ("SCENARIO.ELEMENT.UNKNOWN", 10),
        ("SCENARIO.ELEMENT.UNKNOWN", 9),
        ("SCENARIO.MANDATE.NO_LAYER", 11),
    ];
    assert_eq!(found, expected.map(|(c, l)| (c.to_owned(), l)));
    // Laid upon a network all the same, what is not there changes nothing.
    let stacked = prepared.apply(&feeder()).unwrap();
    assert!(stacked.ledger.layers.iter().all(|l| l.energy_kwh == 0.0));
}

#[test]
fn rules_resolve_conflicts_and_say_so() {
    let text = "\
scenario: x
weather: {synthetic_seed: 1}
layers:
  - solar: {penetration_pct: 60, name: roofs}
  - policy: {interconnection_cap: {per_customer_kw: 3, per_feeder_peak_pct: 10}, name: cap}
  - storage: {penetration_pct: 1}
  - policy: {mandate: {layer: storage, penetration_pct: 20}, name: law}
";
    let base = feeder();
    let stacked = stack(text, &base);
    let codes: Vec<&str> = stacked.findings.iter().map(|d| d.code.as_str()).collect();
    assert!(codes.contains(&"SCENARIO.CONFLICT.CAP") && codes.contains(&"SCENARIO.CONFLICT.MANDATE"), "{codes:?}");
    let ac: f64 = stacked.network.pv_systems[base.pv_systems.len()..].iter().map(|p| p.inverter.kva).sum();
    let peak_kw = peak(&stacked.ledger.base_kw).1;
    assert!(ac <= 0.1 * peak_kw && ac > 0.1 * peak_kw - 3.0, "{ac} of {peak_kw}");
    let of = |name: &str| stacked.ledger.layers.iter().find(|l| l.layer == name).unwrap();
    assert!(of("roofs").rows.iter().all(|r| r.peak_kw.abs() <= 3.0 * f64::from(r.units) + 1e-9));
    let share = f64::from(of("storage").units) / f64::from(of("storage").customers);
    assert!((share - 0.2).abs() < 0.01, "{share}");
}

/// The least that each kind of layer needs.
fn least(kind: &str) -> &'static str {
    match kind {
        "fast_charging" => "stations: 1",
        "weather" => "start: 07-10, amplitude_c: 5",
        "policy" => "tou: {}",
        "growth" => "change_pct: 1",
        "changes" => "capacitors: [{bus: p5, kvar: 300}]",
        _ => "penetration_pct: 50",
    }
}

#[test]
fn every_parameter_at_its_limits_gives_finite_courses_that_add_up() {
    use network::scenario::parameters::{Form, LAYERS, Section};
    let base = feeder();
    let mut tried = 0;
    let mut lay = |text: &str| {
        let import = formats::scenario::read(&MemoryFiles::new().with("s.yaml", text), Path::new("s.yaml"));
        // Some limits do not go together, such as a least size above the largest: then the file is refused.
        if !import.is_sound() {
            return;
        }
        let prepared = Prepared::new(import.scenario.unwrap(), import.data).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        let stacked = prepared.apply(&base).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        let ledger = &stacked.ledger;
        assert!(ledger.stacked_kw.iter().all(|p| p.is_finite()), "{text}");
        assert!(ledger.residual() < 1e-9, "{text}: {}", ledger.residual());
        let faults: Vec<_> =
            network::check::check(&stacked.network).into_iter().filter(|d| d.severity == network::Severity::Error).collect();
        assert!(faults.is_empty(), "{text}: {faults:#?}");
        tried += 1;
    };
    for section in LAYERS {
        let inner = |name: &str, s: &'static Section, out: &mut Vec<String>| {
            for p in s.parameters {
                let (low, high) = match p.form {
                    Form::Number(low, high) => (low, high),
                    Form::Above(low, high) => (low + 1e-3, high),
                    Form::Whole(low, high) => (low as f64, (high as f64).min(60.0)),
                    _ => continue,
                };
                for value in [low, high] {
                    out.push(if name.is_empty() { format!("{}: {value}", p.name) } else { format!("{name}: {{{}: {value}}}", p.name) });
                }
            }
        };
        let mut values = Vec::new();
        inner("", section, &mut values);
        for p in section.parameters {
            if let Form::Object(s) = p.form
                && p.name != "allocation"
            {
                inner(p.name, s, &mut values);
            }
        }
        for value in values {
            let name = value.split(':').next().unwrap();
            let others: Vec<&str> = least(section.name).split(", ").filter(|o| o.split(':').next() != Some(name)).collect();
            let body = others.iter().copied().chain([value.as_str()]).collect::<Vec<_>>().join(", ");
            lay(&format!(
                "scenario: x\nweather: {{synthetic_seed: 1}}\nlayers:\n- solar: {{penetration_pct: 10, name: roofs}}\n- {}: {{{body}, name: tried}}\n",
                section.name
            ));
        }
    }
    assert!(tried > 120, "only {tried} scenarios were sound");
}
