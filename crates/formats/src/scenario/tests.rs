use super::read::{defaults_of, kind_of};
use super::*;
use crate::MemoryFiles;
use network::Severity;
use network::scenario::LayerKind;
use network::scenario::parameters::LAYERS;
use std::path::Path;

fn read_text(text: &str) -> ScenarioImport {
    read(&MemoryFiles::new().with("s.yaml", text), Path::new("s.yaml"))
}

/// Code and line of every finding.
fn found(import: &ScenarioImport) -> Vec<(String, u32)> {
    import.diagnostics.iter().map(|d| (d.code.clone(), d.source.as_ref().map_or(0, |s| s.line))).collect()
}

#[test]
fn the_table_fits_the_structures() {
    for section in LAYERS {
        assert_eq!(kind_of(section, defaults_of(section)).name(), section.name);
    }
    let import = read_text(
        "scenario: x\nweather: {synthetic_seed: 1}\ncustomers: {classes: [{class: a, loads: [b]}]}\nlayers:\n- growth: {change_pct: 1}\n",
    );
    assert!(import.is_sound(), "{:?}", import.diagnostics);
}

#[test]
fn a_scenario_is_read_with_its_defaults() {
    let text = "scenario: High EV\nseed: 7\nweather: {synthetic_seed: 1}\nlayers:\n  - ev:\n      penetration_pct: 30 %\n      charger: level2\n      \
                allocation: {classes: [residential]}\n  - solar: {penetration_pct: 20, name: roofs}\n  - ev: {penetration_pct: 1, power_kw: 7200 W}\n";
    let import = read_text(text);
    assert!(import.is_sound(), "{:?}", import.diagnostics);
    let scenario = import.scenario.unwrap();
    assert_eq!((scenario.name.as_str(), scenario.seed, scenario.step_min), ("High EV", 7, 60));
    let names: Vec<&str> = scenario.layers.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["ev", "roofs", "ev_2"]);
    let LayerKind::Ev(ev) = &scenario.layers[0].what else { panic!("{:?}", scenario.layers[0]) };
    assert_eq!((ev.penetration_pct, ev.charger.power_kw(), ev.consumption_kwh_per_km), (Some(30.0), 7.2, 0.19));
    assert_eq!(ev.allocation.classes, ["residential"]);
    let LayerKind::Solar(solar) = &scenario.layers[1].what else { panic!("{:?}", scenario.layers[1]) };
    assert_eq!((solar.orientations.len(), solar.orientations[0].weight), (3, 2.0));
    let LayerKind::Ev(second) = &scenario.layers[2].what else { panic!("{:?}", scenario.layers[2]) };
    assert_eq!(second.power_kw, Some(7.2));
    assert_eq!(scenario.place_in(0, "charger").line, 7);
    assert_eq!(scenario.place_in(0, "allocation.classes[0]").line, 8);
    // JSON is the same.
    let json = serde_json::json!({
        "scenario": "High EV", "seed": 7, "weather": { "synthetic_seed": 1 },
        "layers": [{ "ev": { "penetration_pct": 30, "charger": "level2", "allocation": { "classes": ["residential"] } } },
                   { "solar": { "penetration_pct": 20, "name": "roofs" } }, { "ev": { "penetration_pct": 1, "power_kw": 7.2 } }],
    });
    let from_json = read_text(&serde_json::to_string_pretty(&json).unwrap()).scenario.unwrap();
    let kinds = |s: &network::scenario::Scenario| s.layers.iter().map(|l| l.what.clone()).collect::<Vec<_>>();
    assert_eq!(kinds(&from_json), kinds(&scenario));
}

#[test]
fn everything_wrong_is_told_at_once_with_its_line() {
    let text = "\
scenario: bad
sead: 3
layers:
  - ev:
      penetration_pct: 130
      chrager: level2
      power_kw: 7.2 hp
      arrival_weekday_weights: [1, 2, 3]
      allocation:
        clases: [residential]
  - sollar: {penetration_pct: 20}
  - storage:
      penetration_pct: lots
      strategy: self_consumtion
  - electrification: {}
  - policy:
      volt_var: {v_pu: [0.92, 0.98, 1.02]}
  - weather: {amplitude_c: 6}
";
    let import = read_text(text);
    let expected: &[(&str, u32)] = &[
        ("SCENARIO.PARAMETER.UNKNOWN", 2),
        ("SCENARIO.VALUE.RANGE", 5),
        ("SCENARIO.PARAMETER.UNKNOWN", 6),
        ("SCENARIO.UNIT.UNKNOWN", 7),
        ("SCENARIO.VALUE.LENGTH", 8),
        ("SCENARIO.PARAMETER.UNKNOWN", 10),
        ("SCENARIO.LAYER.UNKNOWN", 11),
        ("SCENARIO.VALUE.TYPE", 13),
        ("SCENARIO.VALUE.UNKNOWN", 14),
        ("SCENARIO.PARAMETER.MISSING", 15),
        ("SCENARIO.WEATHER.MISSING", 15),
        ("SCENARIO.VALUE.LENGTH", 17),
        ("SCENARIO.WEATHER.MISSING", 18),
        ("SCENARIO.PARAMETER.MISSING", 18),
    ];
    let expected: Vec<(String, u32)> = expected.iter().map(|(c, l)| ((*c).to_owned(), *l)).collect();
    assert_eq!(found(&import), expected, "{:#?}", import.diagnostics);
    let hint =
        |line: u32| import.diagnostics.iter().find(|d| d.source.as_ref().unwrap().line == line).and_then(|d| d.hint.clone()).unwrap();
    assert_eq!(hint(2), "\"seed\" is nearest");
    assert_eq!(hint(6), "\"charger\" is nearest");
    assert_eq!(hint(7), "units: kw, w, mw");
    assert_eq!(hint(11), "\"solar\" is nearest");
    assert!(import.diagnostics[1].message.contains("130"), "{}", import.diagnostics[1]);
    assert!(!import.is_sound());
}

#[test]
fn includes_stack_below_and_do_not_go_in_circles() {
    let files = MemoryFiles::new()
        .with("d/main.yaml", "scenario: main\ninclude: [sub/base.yaml]\nseed: 9\nlayers:\n- growth: {change_pct: 2}\n")
        .with("d/sub/base.yaml", "seed: 1\nyear: 2030\ninclude: ../more.yaml\nlayers:\n- ev: {penetration_pct: 10, profile_csv: ev.csv}\n")
        .with("d/sub/ev.csv", format!("kw\n{}", "1.5\n".repeat(24)))
        .with("d/more.yaml", "layers:\n- growth: {change_pct: 1, name: first}\n");
    let import = read(&files, Path::new("d/main.yaml"));
    assert!(import.is_sound(), "{:#?}", import.diagnostics);
    let scenario = import.scenario.unwrap();
    assert_eq!(scenario.layers.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["first", "ev", "growth"]);
    assert_eq!((scenario.seed, scenario.year), (9, Some(2030)));
    assert_eq!(import.data.profiles["d/sub/ev.csv"].columns[0].1.len(), 24);
    assert_eq!(import.files.len(), 4);

    let circle = MemoryFiles::new()
        .with("a.yaml", "scenario: a\ninclude:\n  - b.yaml\nlayers:\n- growth: {change_pct: 1}\n")
        .with("b.yaml", "\ninclude: a.yaml\n");
    let import = read(&circle, Path::new("a.yaml"));
    let finding = &import.diagnostics[0];
    assert_eq!((finding.code.as_str(), finding.source.as_ref().unwrap().to_string().as_str()), ("SCENARIO.INCLUDE.CIRCLE", "b.yaml:2"));
    assert_eq!(finding.detail.as_deref(), Some("a.yaml includes b.yaml includes a.yaml."));
}

#[test]
fn files_of_data_are_checked() {
    let scenario = "scenario: x\nlayers:\n- ev:\n    penetration_pct: 1\n    profile_csv: p.csv\n    allocation: {weights_csv: w.csv}\n";
    let with = |profile: &str, weights: &str| {
        let files = MemoryFiles::new().with("s.yaml", scenario).with("p.csv", profile).with("w.csv", weights);
        read(&files, Path::new("s.yaml"))
    };
    let import = with(&"1,2\n".repeat(24), "load,weight\nC1,2\nc2,0\n");
    assert!(import.is_sound(), "{:#?}", import.diagnostics);
    assert_eq!(import.data.weights["w.csv"]["c1"], 2.0);
    assert_eq!(found(&with(&"1\n".repeat(23), "a,1\n")), [("SCENARIO.VALUE.LENGTH".to_owned(), 1)]);
    assert_eq!(found(&with("1\n2\n-3\n", "a,1\n")), [("SCENARIO.FILE.UNREADABLE".to_owned(), 3)]);
    assert_eq!(found(&with(&"1\n".repeat(24), "a,1\nb,x\n")), [("SCENARIO.FILE.UNREADABLE".to_owned(), 2)]);
    let missing = read(&MemoryFiles::new().with("s.yaml", scenario), Path::new("s.yaml"));
    assert_eq!(found(&missing), [("SCENARIO.FILE.MISSING".to_owned(), 5), ("SCENARIO.FILE.MISSING".to_owned(), 6)]);
}

#[test]
fn whatever_is_in_a_file_gives_findings() {
    for text in [
        "",
        "x",
        "[]",
        "{}",
        "scenario: [1]",
        "layers: 3",
        "layers: [3]",
        "layers: [{}]",
        "layers: [{ev: 3}]",
        "- a\n- b",
        "\u{0}",
        "a: &a [*a]",
        "scenario: x\nlayers: [{ev: {allocation: {propensity: {a: [1]}}}}]",
        "scenario: x\nstep_min: 7\nlayers: []",
        "? [a]\n: b",
        "include: s.yaml",
        "{\"scenario\": \"x\"",
        "scenario: x\nlayers: [{ev: {adoption: [{year: 2030, penetration_pct: 5}, {year: 2030, penetration_pct: 7}]}}]",
    ] {
        let import = read_text(text);
        assert!(import.diagnostics.iter().any(|d| d.severity >= Severity::Warning), "{text:?}: {:?}", import.diagnostics);
    }
    assert!(!read(&MemoryFiles::new().with("s.yaml", vec![0xff, 0xfe, 0x00]), Path::new("s.yaml")).is_sound());
}

#[test]
fn the_schema_is_made_of_the_table() {
    let schema = json_schema();
    let layers = schema["properties"]["layers"]["items"]["oneOf"].as_array().unwrap();
    assert_eq!(layers.len(), LAYERS.len());
    let ev = &schema["$defs"]["ev"]["properties"];
    assert_eq!(ev["penetration_pct"]["maximum"], 100.0);
    assert_eq!(ev["charger"]["enum"], serde_json::json!(["level1", "level2", "level2_48a"]));
    assert_eq!(ev["charger"]["default"], "level2");
    for section in LAYERS {
        for p in section.parameters {
            assert!(schema["$defs"][section.name]["properties"].get(p.name).is_some(), "{}.{}", section.name, p.name);
        }
    }
}

#[test]
fn mutated_files_never_panic() {
    let text = "scenario: x\nseed: 7\nweather: {synthetic_seed: 1}\ncustomers: {classes: [{class: a, loads: [c*], numbers: [1]}]}\nlayers:\n  - ev: &e\n      penetration_pct: 30 %\n      \
                adoption: [{year: 2030, penetration_pct: 5}]\n      arrival_weekday_weights: [1, 2]\n      allocation: {classes: [b], propensity: {b: 2}, weights_csv: w.csv}\n  - ev: *e\n  - solar: {size_median_kw: 7000 W, \
                orientations: [{tilt_deg: 10, azimuth_deg: 180}]}\n  - policy: {tou: {}, volt_var: {v_pu: [0.9, 1, 1.1, 1.2]}}\n  - weather: {start: 07-10, amplitude_c: 9 °F}\n";
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n.max(1) as u64) as usize
    };
    let pieces: Vec<&[u8]> = vec![
        b"[",
        b"}",
        b": ",
        b"- ",
        b"\n",
        b"&e ",
        b"*e",
        b"<<",
        b"1e999",
        b"-1",
        b"\"",
        b"\xc3\xa9",
        b"\xff",
        b"null",
        b"{}",
        b"include: s.yaml\n",
    ];
    for _ in 0..3000 {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..1 + next(4) {
            let at = next(bytes.len());
            match next(3) {
                0 => bytes.truncate(at),
                1 => {
                    let end = (at + next(12)).min(bytes.len());
                    bytes.drain(at..end);
                }
                _ => {
                    let piece = pieces[next(pieces.len())];
                    bytes.splice(at..at, piece.iter().copied());
                }
            }
        }
        let import = read(&MemoryFiles::new().with("s.yaml", bytes.clone()).with("w.csv", bytes), Path::new("s.yaml"));
        if let Some(scenario) = import.scenario {
            let _ = vary(&scenario, "layers[0].ev.penetration_pct", "40");
        }
    }
}
