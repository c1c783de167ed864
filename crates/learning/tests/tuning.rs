//! Calibration of networks whose true phases and taps are known, because they were planted.
//!
//! The truth is solved apart from what calibrates: each moment by a session of the true model with its loads set, compiled anew. Meters read
//! it with errors of class 0.5; the model given to the calibration has other phases, taps and impedances than the truth.

use formats::opendss::{FileSource, ReadOptions, read};
use learning::tuning::{Calibration, Options, Reading, Readings, Sought, Status, Taps, Unit, calibrate, connect, units_of};
use network::{ControlMode, LoadModel, Network, SolutionMode};
use powerflow::Session;
use std::path::Path;
use studies::synthetic::random::Random;

struct Disk;

impl FileSource for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, dir: &Path) -> std::io::Result<Vec<String>> {
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

fn model(path: &Path) -> Network {
    let mut network =
        read(&Disk, path, &mut Session::new(), &ReadOptions::default()).map_err(|e| e.diagnostics).expect("the model can be read").network;
    let o = &mut network.options;
    (o.mode, o.control_mode, o.tolerance_pu, o.max_iterations) = (SolutionMode::Snapshot, ControlMode::Off, 1e-8, 200);
    for l in &mut network.loads {
        // What a load takes is what its meter reads, whatever the voltage.
        (l.model, l.v_min_pu, l.v_low_pu, l.v_max_pu) = (LoadModel::ConstantPq, 0.6, 0.5, 1.5);
    }
    network
}

fn ieee(name: &str) -> Network {
    model(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(name).join(format!("{name}.dss")))
}

/// How meters err.
#[derive(Clone, Copy, Debug)]
enum Noise {
    None,
    /// Each reading anew, anywhere within the class.
    Each,
    /// Each meter for ever, anywhere within the class, and a tenth of a percent each reading.
    Standing,
}

/// What is metered: voltage and powers of a share of the loads, voltage of the source, power into an element at the head if one is named.
#[derive(Clone, Copy, Debug)]
struct Meters {
    noise: Noise,
    share: f64,
    head: &'static str,
}

/// What every meter reads of the truth.
fn readings(truth: &Network, moments: usize, seed: u64, &Meters { noise, share, head }: &Meters) -> Vec<Reading> {
    const CLASS: f64 = 0.005;
    let mut rows = Vec::new();
    let mut random = Random::new(seed, 1, 0);
    let habits: Vec<(f64, f64)> = truth.loads.iter().map(|_| (random.between(0.3, 0.7), random.between(0.0, 24.0))).collect();
    let gains: Vec<[f64; 3]> = truth.loads.iter().map(|_| [0; 3].map(|_| random.between(-CLASS, CLASS))).collect();
    let metered: Vec<bool> = truth.loads.iter().map(|_| random.chance(share)).collect();
    let head_gain = [0; 3].map(|_| random.between(-CLASS, CLASS));
    let source_v_pu = truth.voltage_sources[0].v_pu;
    let mut network = truth.clone();
    let mut session = Session::new();
    for t in 0..moments {
        let hour = t as f64 * 24.0 / 24.0;
        for (i, l) in network.loads.iter_mut().enumerate() {
            let (mean, peak) = habits[i];
            let course = 1.0 + 0.5 * ((hour - peak) / 24.0 * std::f64::consts::TAU).cos();
            let share = mean * course * random.log_normal(1.0, 0.25);
            (l.p_kw, l.q_kvar) = (truth.loads[i].p_kw * share, truth.loads[i].q_kvar * share * random.between(0.8, 1.2));
        }
        network.voltage_sources[0].v_pu = source_v_pu * (1.0 + 0.01 * (hour / 24.0 * 12.0).sin() + 0.002 * random.normal());
        session.solve_network(&network, false).expect("the truth can be solved");
        let state = session.last_state().expect("a solution");
        let (circuit, v) = (state.circuit(), state.voltages());
        let mut err = |gain: f64| {
            1.0 + match noise {
                Noise::None => 0.0,
                Noise::Each => random.between(-CLASS, CLASS),
                Noise::Standing => gain + 0.001 * random.normal(),
            }
        };
        for (i, l) in network.loads.iter().enumerate().filter(|(i, _)| metered[*i]) {
            let terminal = &l.common.terminals[0];
            let node = |k: usize| terminal.nodes.get(k).map_or(0, |&n| if n == 0 { 0 } else { circuit.node_number(terminal.bus, n) });
            let n = l.common.n_phases;
            let is_delta = l.connection == network::Connection::Delta;
            let of = |k: usize| {
                if is_delta { v[node(k) as usize] - v[node((k + 1) % terminal.nodes.len()) as usize] } else { v[node(k) as usize] }
            };
            let base_v = if is_delta || n == 1 { l.kv * 1000.0 } else { l.kv * 1000.0 / 3f64.sqrt() };
            let v_pu = (0..n).map(|k| of(k).norm() / base_v).sum::<f64>() / n as f64;
            rows.push(Reading {
                time_s: t as i64 * 3600,
                element: format!("load.{}", l.common.name),
                v_pu: v_pu * err(gains[i][0]),
                v_v: f64::NAN,
                p_kw: l.p_kw * err(gains[i][1]),
                q_kvar: l.q_kvar * err(gains[i][2]),
                ..Reading::default()
            });
        }
        let source = network.voltage_sources[0].common.terminals[0].bus;
        for (k, gain) in head_gain.iter().enumerate() {
            let node = circuit.node_number(source, k as u32 + 1);
            rows.push(Reading {
                time_s: t as i64 * 3600,
                bus: network.bus(source).name.clone(),
                phase: Some(k as u32 + 1),
                v_pu: v[node as usize].norm() / (1000.0 * network.bus(source).kv_base_ln) * err(*gain),
                v_v: f64::NAN,
                p_kw: f64::NAN,
                q_kvar: f64::NAN,
                ..Reading::default()
            });
        }
        if !head.is_empty() {
            let id = network.find(head).expect("the head");
            let index = circuit.index_of(id).expect("it carries current");
            let (e, i) = (&circuit.elements()[index], state.element_currents(index));
            let s: (f64, f64) =
                (0..e.n_conductors).map(|k| v[e.nodes[k] as usize] * i[k].conj()).fold((0.0, 0.0), |a, s| (a.0 + s.re, a.1 + s.im));
            let nan = f64::NAN;
            let (p_kw, q_kvar) = (s.0 / 1000.0 * err(0.0), s.1 / 1000.0 * err(0.0));
            rows.push(Reading { time_s: t as i64 * 3600, element: head.into(), v_pu: nan, v_v: nan, p_kw, q_kvar, ..Reading::default() });
        }
    }
    rows
}

/// What was done to the truth to get the model.
#[derive(Debug, Default)]
struct Planted {
    /// Name of the unit in the model, and the nodes that it truly has.
    phases: Vec<(String, Vec<u32>)>,
    /// Transformer and its true tap.
    taps: Vec<(String, f64)>,
    /// Line code and the factor that leads back to the truth.
    impedances: Vec<(String, f64)>,
}

/// The model: the truth with wrong phases, taps and impedances.
fn plant(truth: &Network, n_phases: usize, n_taps: usize, n_codes: usize, seed: u64) -> (Network, Planted) {
    let mut random = Random::new(seed, 2, 0);
    let (mut network, mut planted) = (truth.clone(), Planted::default());
    let units: Vec<Unit> = units_of(truth).into_iter().filter(|u| !u.loads.is_empty()).collect();
    let mut left: Vec<usize> = (0..units.len()).collect();
    for _ in 0..n_phases.min(units.len()) {
        let u = &units[left.swap_remove(random.whole(0, left.len() as i32 - 1) as usize)];
        let to = &u.candidates[random.whole(1, u.candidates.len() as i32 - 1) as usize];
        connect(&mut network, u, &u.candidates[0], to);
        planted.phases.push((u.name.clone(), u.candidates[0].clone()));
    }
    let regulated: Vec<(usize, usize)> =
        truth.regulator_controls.iter().filter_map(|c| Some((c.transformer?.index(), c.tap_winding))).collect();
    let mut left: Vec<usize> = (0..regulated.len()).collect();
    for _ in 0..n_taps.min(regulated.len()) {
        let (t, w) = regulated[left.swap_remove(random.whole(0, left.len() as i32 - 1) as usize)];
        let winding = &mut network.transformers[t].windings[w];
        let by = f64::from(random.whole(1, 4)) * if random.chance(0.5) { 1.0 } else { -1.0 } * winding.tap_step_pu();
        let by = if (winding.tap_min_pu..=winding.tap_max_pu).contains(&(winding.tap_pu + by)) { by } else { -by };
        planted.taps.push((format!("transformer.{}", truth.transformers[t].common.name), winding.tap_pu));
        winding.tap_pu += by;
    }
    let mut left: Vec<usize> =
        (0..truth.line_codes.len()).filter(|c| truth.lines.iter().any(|l| l.line_code.is_some_and(|i| i.index() == *c))).collect();
    for _ in 0..n_codes.min(left.len()) {
        let code = left.swap_remove(random.whole(0, left.len() as i32 - 1) as usize);
        let factor = if random.chance(0.5) { 1.4 } else { 0.7 };
        for l in network.lines.iter_mut().filter(|l| l.line_code.is_some_and(|i| i.index() == code)) {
            match &mut l.impedance {
                network::LineImpedance::Matrix { z_ohm, .. } => z_ohm.iter_mut().for_each(|z| *z *= factor),
                network::LineImpedance::Sequence { z1_ohm, z0_ohm, .. } => {
                    *z1_ohm *= factor;
                    *z0_ohm *= factor;
                }
                _ => {}
            }
        }
        planted.impedances.push((format!("linecode.{}", truth.line_codes[code].name), 1.0 / factor));
    }
    (network, planted)
}

/// Counts over seeds.
#[derive(Clone, Copy, Debug, Default)]
struct Score {
    phases: usize,
    phases_found: usize,
    phases_untold: usize,
    phases_false: usize,
    phases_other: usize,
    taps: usize,
    taps_found: usize,
    taps_untold: usize,
    taps_false: usize,
    taps_other: usize,
    codes_planted: usize,
    codes_changed_rightly: usize,
    codes_changed_wrongly: usize,
    codes_untold: usize,
}

impl Score {
    fn add(&mut self, c: &Calibration, planted: &Planted, truth: &Network) {
        let nodes = |n: &[u32]| n.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        for f in &c.findings {
            let (is_changed, is_untold) = (f.status == Status::Changed, f.status == Status::NotIdentifiable);
            match f.kind {
                "phase" => match planted.phases.iter().find(|p| p.0 == f.name) {
                    Some((_, true_nodes)) => {
                        self.phases += 1;
                        self.phases_found += usize::from(is_changed && f.after == nodes(true_nodes));
                        self.phases_untold += usize::from(is_untold);
                        if !(is_changed && f.after == nodes(true_nodes)) {
                            println!("    missed: {f:?}");
                        }
                    }
                    None => {
                        self.phases_other += 1;
                        self.phases_false += usize::from(is_changed);
                        if is_changed {
                            println!("    false: {f:?}");
                        }
                    }
                },
                "tap" => {
                    let i = truth.transformers.iter().position(|t| format!("transformer.{}", t.common.name) == f.name).unwrap();
                    let is_right = c.network.transformers[i]
                        .windings
                        .iter()
                        .zip(&truth.transformers[i].windings)
                        .all(|(a, b)| (a.tap_pu - b.tap_pu).abs() < 1e-6);
                    if planted.taps.iter().any(|p| p.0 == f.name) {
                        self.taps += 1;
                        self.taps_found += usize::from(is_changed && is_right);
                        self.taps_untold += usize::from(is_untold);
                        if !is_right {
                            println!("    missed: {f:?}");
                        }
                    } else {
                        self.taps_other += 1;
                        self.taps_false += usize::from(is_changed);
                        if is_changed {
                            println!("    false: {f:?}");
                        }
                    }
                }
                "impedance" => {
                    let truth = planted.impedances.iter().find(|p| p.0 == f.name).map(|p| p.1);
                    let after: f64 = f.after.parse().unwrap();
                    let sd = f.sd.unwrap();
                    self.codes_planted += usize::from(truth.is_some());
                    self.codes_untold += usize::from(truth.is_some() && is_untold);
                    let is_right = (after - truth.unwrap_or(1.0)).abs() < 3.0 * sd;
                    if is_changed {
                        if is_right && truth.is_some() {
                            self.codes_changed_rightly += 1;
                        } else {
                            self.codes_changed_wrongly += 1;
                            println!("    impedance, truth {:.3}: {f:?}", truth.unwrap_or(1.0));
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

fn run(
    truth: &Network,
    seeds: std::ops::Range<u64>,
    counts: (usize, usize, usize),
    moments: usize,
    meters: Meters,
    options: &Options,
) -> Score {
    let mut score = Score::default();
    for seed in seeds {
        let (given, planted) = plant(truth, counts.0, counts.1, counts.2, seed);
        let rows = readings(truth, moments, seed, &meters);
        let readings = Readings::new(&given, &rows, moments).expect("readings");
        let begun = std::time::Instant::now();
        let c = calibrate(&given, &readings, &Options { seed, ..*options }).expect("a calibration");
        println!(
            "  seed {seed}: {:.3} % -> {:.3} % ({:.3} % free), {} power flows, {:.2} s",
            c.error_before_pct,
            c.error_after_pct,
            c.error_free_pct,
            c.solves,
            begun.elapsed().as_secs_f64()
        );
        score.add(&c, &planted, truth);
    }
    println!("{meters:?}, {moments} moments: {score:?}");
    score
}

#[test]
fn units_of_the_123_node_feeder_are_what_a_reader_sees() {
    let network = ieee("ieee123");
    let units = units_of(&network);
    let of = |name: &str| units.iter().find(|u| u.name == name).unwrap_or_else(|| panic!("no {name}"));
    // Load 1 hangs on a main of three phases; load 2 behind a line of phase B; 5 and 6 behind the line from 3 to 5, which is behind 1-3.
    assert_eq!(of("load.1_a").candidates, [[1], [2], [3]]);
    let lateral = of("line.1_2");
    assert!(lateral.is_lateral && lateral.candidates[0] == [2], "{lateral:?}");
    assert_eq!(lateral.loads.iter().map(|&l| network.loads[l].common.name.as_str()).collect::<Vec<_>>(), ["2_b"]);
    let names: Vec<&str> = of("line.1_3").loads.iter().map(|&l| network.loads[l].common.name.as_str()).collect();
    assert_eq!(names, ["4_c", "5_c", "6_c"]);
    // A regulator in a lateral of phase A goes with it.
    assert!(units.iter().any(|u| u.is_lateral && u.moves.iter().any(|(id, _)| network.full_name(*id) == "transformer.reg2a")));
    // There and back is the same network.
    for u in &units {
        let mut moved = network.clone();
        connect(&mut moved, u, &u.candidates[0], &u.candidates[1]);
        assert_ne!(
            moved.order.iter().map(|&id| moved.common(id).terminals.clone()).collect::<Vec<_>>(),
            network.order.iter().map(|&id| network.common(id).terminals.clone()).collect::<Vec<_>>()
        );
        connect(&mut moved, u, &u.candidates[1], &u.candidates[0]);
        for &id in &network.order {
            assert_eq!(moved.common(id).terminals, network.common(id).terminals, "{}", u.name);
        }
    }
    println!("{} units, {} of them laterals", units.len(), units.iter().filter(|u| u.is_lateral).count());
}

/// All loads, with errors that come anew with each reading.
const ALL: Meters = Meters { noise: Noise::Each, share: 1.0, head: "" };

/// Seeds of a test: a few, or as many as GRIDTWIN_TUNING_SEEDS says, from GRIDTWIN_TUNING_FIRST on.
fn seeds(few: u64) -> std::ops::Range<u64> {
    let told = |name: &str, or: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(or);
    let first = told("GRIDTWIN_TUNING_FIRST", 0);
    first..first + told("GRIDTWIN_TUNING_SEEDS", few)
}

/// Phases and taps with errors of class 0.5 that come anew with each reading.
#[test]
fn planted_phases_and_taps_of_the_123_node_feeder_are_found() {
    let s = run(&ieee("ieee123"), seeds(4), (8, 2, 1), 36, ALL, &Options::default());
    assert!(s.phases_found * 10 >= s.phases * 9 && s.phases_false * 100 <= s.phases_other, "{s:?}");
    assert!(s.taps_found * 10 >= s.taps * 9 && s.taps_false * 20 <= s.taps_other, "{s:?}");
}

/// The same with meters whose errors stay: phases are found all the same; taps with few meters on one side cannot be told, and are not guessed.
#[test]
fn standing_errors_hide_taps_but_no_phases() {
    let s = run(&ieee("ieee123"), seeds(2), (8, 2, 0), 36, Meters { noise: Noise::Standing, ..ALL }, &Options::default());
    assert!(s.phases_found * 10 >= s.phases * 9 && s.phases_false * 100 <= s.phases_other, "{s:?}");
    assert!(s.taps_found + s.taps_untold == s.taps && s.taps_false == 0, "{s:?}");
}

/// The long rural feeder with two regulators in series, seven loads in ten metered, and a meter at its head: what nobody meters moves the
/// voltages more than the meters err, so that little can be told. What cannot must not be guessed.
#[test]
fn loads_without_meters_hide_taps_and_do_not_make_them_guessed() {
    let options = Options::default();
    let s = run(&ieee("ieee34"), seeds(3), (2, 2, 0), 48, Meters { share: 0.7, head: "transformer.substation", ..ALL }, &options);
    assert!(s.taps_found + s.taps_untold == s.taps && s.taps_false == 0, "{s:?}");
    assert!(s.phases_found + s.phases_untold == s.phases && s.phases_false * 50 <= s.phases_other, "{s:?}");
}

/// The low voltage feeder of the IEEE (55 customers, 906 buses), where it is at hand.
#[test]
#[ignore = "a minute; asked for by name"]
fn phases_of_the_european_low_voltage_feeder_are_found() {
    let folder = std::env::var_os("GRIDTWIN_FEEDERS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/feeders"), std::path::PathBuf::from);
    let path = folder.join("european_lv/Master.dss");
    if !path.exists() {
        println!("{} is not there: skipped", path.display());
        return;
    }
    let options = Options { sought: Sought { taps: Taps::None, impedances: false, load_factors: false }, ..Options::default() };
    let s = run(&model(&path), seeds(1), (6, 0, 0), 96, ALL, &options);
    assert!(s.phases_found * 10 >= s.phases * 9 && s.phases_false * 100 <= s.phases_other, "{s:?}");
}

/// A model that is right, read without errors, comes out to five digits and is left as it is: bench and truth are solved apart.
#[test]
fn a_right_model_read_without_errors_is_left_as_it_is() {
    let truth = ieee("ieee123");
    let rows = readings(&truth, 24, 3, &Meters { noise: Noise::None, share: 1.0, head: "" });
    let r = Readings::new(&truth, &rows, 24).unwrap();
    let c = calibrate(&truth, &r, &Options::default()).unwrap();
    println!("without errors: {:.5} % before, {:.5} % after", c.error_before_pct, c.error_after_pct);
    assert!(c.error_before_pct < 1e-3 && c.edits.is_empty(), "{:?}", c.edits);
}
