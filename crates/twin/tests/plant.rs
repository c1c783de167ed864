//! The simulated plant on the substation of the repository: protection, scenarios, temperatures, points, snapshots.

mod common;

use common::{root, substation, text};
use formats::station::{read_equipment, read_relays};
use network::{EquipmentKind, Network, Severity, Station, StationRelay, ThermalNameplate};
use serde::Deserialize;
use std::collections::HashSet;
use std::time::Instant;
use twin::plant::defects::DefectKind;
use twin::plant::points::{Accuracy, PointKind};
use twin::plant::thermal::{Thermal, ageing_acceleration};
use twin::plant::{Command, Event, EventKind, Plant, PlantError, PlantSettings, ScenarioKind, curves};

fn parts() -> (Network, Station, Vec<StationRelay>) {
    let network = substation();
    let station = read_equipment(&text("models/ehv-400-220/assets.yaml"), "assets.yaml", &network);
    assert!(station.findings.iter().all(|d| d.severity == Severity::Note), "{:?}", station.findings);
    let relays = read_relays(&text("models/ehv-400-220/protection.yaml"), "protection.yaml", &network);
    assert!(relays.findings.is_empty(), "{:?}", relays.findings);
    (network, station.value.expect("a station"), relays.value.expect("relays"))
}

fn plant(noise: bool) -> Plant {
    let (network, station, relays) = parts();
    Plant::new(network, station, relays, PlantSettings { noise, ..PlantSettings::default() }).expect("a plant")
}

fn run(plant: &mut Plant, seconds: f64, dt_s: f64) -> Vec<Event> {
    let steps = (seconds / dt_s).round() as usize;
    for _ in 0..steps {
        plant.step(dt_s).expect("a step");
    }
    plant.take_events()
}

fn fault(bus: &str, kind: &str, phases: &[u32], r_ohm: f64) -> Command {
    Command::Fault { bus: bus.into(), kind: kind.into(), phases: phases.to_vec(), r_ohm, duration_s: None, transient: false }
}

fn opened(events: &[Event]) -> Vec<&str> {
    let mut names: Vec<&str> = events.iter().filter(|e| e.kind == EventKind::Opened).map(|e| e.subject.as_str()).collect();
    names.sort_unstable();
    names
}

fn first<'a>(events: &'a [Event], kind: EventKind, subject: &str) -> &'a Event {
    events.iter().find(|e| e.kind == kind && e.subject == subject).unwrap_or_else(|| panic!("no {kind:?} of {subject} in {events:#?}"))
}

fn value(plant: &Plant, name: &str) -> f64 {
    let at = plant.points().iter().position(|p| p.name == name).unwrap_or_else(|| panic!("no point {name}"));
    plant.true_values()[at]
}

#[test]
fn the_register_has_76_pieces_and_every_switch_of_the_station() {
    let (network, station, relays) = parts();
    assert_eq!(station.equipment.len(), 76);
    let counts = EquipmentKind::ALL.map(|k| (k.word(), station.of_kind(k).count()));
    let expected = [2, 2, 22, 13, 6, 8, 6, 6, 2, 2, 6, 1];
    assert_eq!(counts.map(|c| c.1), expected, "{counts:?}");
    let listed: HashSet<_> = station.equipment.iter().flat_map(|e| &e.parts).map(|p| p.element).collect();
    let missing: Vec<String> = (0..network.lines.len())
        .map(|i| network::ElementId::new(network::ElementKind::Line, i))
        .filter(|id| network.lines[id.index()].is_switch && !listed.contains(id))
        .map(|id| network.full_name(id))
        .collect();
    assert_eq!(missing, ["line.q0_grid"], "the breaker at the far end belongs to another station");
    assert_eq!(relays.len(), 59);
}

#[test]
fn points_are_many_unique_and_within_their_ranges() {
    let mut plant = plant(true);
    run(&mut plant, 2.0, 1.0);
    let points = plant.points();
    assert!(points.len() >= 2500, "{} points", points.len());
    let names: HashSet<&str> = points.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names.len(), points.len(), "names are unique");
    let (truth, measured) = (plant.true_values(), plant.measured_values());
    let mut odd = Vec::new();
    let (mut errors, mut n) = (0.0, 0.0);
    for ((p, &x), &m) in points.iter().zip(&truth).zip(&measured) {
        // An impedance that no loop sees is the only value that is none.
        if !x.is_finite() && !p.name.starts_with("21-") {
            odd.push(format!("{} is {x}", p.name));
        } else if x < p.low - 1e-9 || x > p.high + 1e-9 {
            odd.push(format!("{} is {x}, out of {} to {}", p.name, p.low, p.high));
        }
        match (p.kind, p.accuracy) {
            (PointKind::Status | PointKind::Counter, _) | (_, Accuracy::Exact) => assert_eq!(x, m, "{}", p.name),
            (_, Accuracy::Relative(c)) if x.abs() > 0.2 * p.high.abs() / 20.0 && x.is_finite() => {
                errors += ((m - x) / x / (c / 100.0)).powi(2);
                n += 1.0;
            }
            _ => {}
        }
    }
    assert!(odd.is_empty(), "{odd:#?}");
    // Deviations of a half and a sixth of the class together: 0.527 of it.
    let rms = (errors / n).sqrt();
    assert!(n > 300.0 && (rms - 0.527).abs() < 0.08, "{rms} of the class over {n} points");
    println!("{} points; errors {rms:.3} of the class over {n}", points.len());
}

#[test]
fn a_quiet_day_trips_nothing_and_a_step_is_quick() {
    let mut plant = plant(true);
    let begun = Instant::now();
    let events = run(&mut plant, 120.0, 1.0);
    println!("{:.2} ms a step of a second", begun.elapsed().as_secs_f64() * 1e3 / 120.0);
    let loud: Vec<&Event> = events.iter().filter(|e| !matches!(e.kind, EventKind::TapMoved | EventKind::Fans)).collect();
    assert!(loud.is_empty(), "{loud:#?}");
    // Every hour of the day from its own start.
    for hour in 0..24 {
        let (network, station, relays) = parts();
        let start_s = PlantSettings::default().start_s + 3600.0 * f64::from(hour);
        let mut plant = Plant::new(network, station, relays, PlantSettings { start_s, ..PlantSettings::default() }).expect("a plant");
        let events = run(&mut plant, 3.0, 1.0);
        assert!(events.iter().all(|e| matches!(e.kind, EventKind::TapMoved | EventKind::Fans)), "{hour}: {events:#?}");
        for bus in ["BB41", "BB42", "BB21", "BB22", "BB31", "BB32"] {
            let (v, base) = (value(&plant, &format!("{bus}.V.AB")), [400.0, 220.0, 33.0]["423".find(&bus[2..3]).unwrap()]);
            assert!((v / base - 1.0).abs() < 0.05, "{hour} h, {bus}: {v} kV");
        }
    }
}

#[test]
fn a_fault_on_a_feeder_is_cleared_by_its_distance_relay_alone_and_in_order() {
    for (kind, phases) in [("3ph", &[1, 2, 3][..]), ("slg", &[2]), ("ll", &[3, 1]), ("llg", &[1, 2])] {
        let mut plant = plant(false);
        plant.command(&fault("f21_220", kind, phases, 0.01)).unwrap();
        let events = run(&mut plant, 2.0, 1.0);
        assert_eq!(opened(&events), ["line.q0_f21"], "{kind}: {events:#?}");
        let begun = first(&events, EventKind::FaultOn, "f21_220").time_s;
        let pickup = first(&events, EventKind::PickedUp, "21-F21").time_s;
        let trip = first(&events, EventKind::Tripped, "21-F21");
        let open = first(&events, EventKind::Opened, "line.q0_f21").time_s;
        assert!(begun <= pickup && pickup < trip.time_s && trip.time_s < open, "{events:#?}");
        assert!(trip.cause.starts_with("21 zone 1"), "{trip:?}");
        // The relay's 20 ms, the breaker's 25 ms, and a piece of a step for each.
        assert!(open - begun < 0.02 + 0.025 + 0.0151, "{kind}: {} s", open - begun);
        let times: Vec<f64> = events.iter().map(|e| e.time_s).collect();
        assert!(times.windows(2).all(|w| w[0] <= w[1]), "in the order of time");
        assert!(value(&plant, "CB-F21.I2T.A") > 0.0 || kind == "slg");
        assert_eq!(value(&plant, "CB-F21.OPERATIONS"), 1.0);
    }
}

#[test]
fn differential_protection_knows_inside_from_outside() {
    for (bus, relay, breakers) in [
        ("t1_400", "87T-T1", ["line.q0_t1h", "line.q0_t1l"]),
        ("t2_220", "87T-T2", ["line.q0_t2h", "line.q0_t2l"]),
        ("d1_220", "87T-D1", ["line.q0_d1h", "line.q0_d1l"]),
        ("d2_33", "87T-D2", ["line.q0_d2h", "line.q0_d2l"]),
    ] {
        for (kind, phases) in [("3ph", &[1, 2, 3][..]), ("slg", &[1]), ("ll", &[1, 2])] {
            let mut plant = plant(false);
            plant.command(&fault(bus, kind, phases, 0.01)).unwrap();
            let events = run(&mut plant, 1.0, 1.0);
            assert_eq!(opened(&events), breakers, "{kind} at {bus}: {events:#?}");
            first(&events, EventKind::Tripped, relay);
        }
    }
    // Faults outside: no transformer differential trips.
    for bus in ["bb41", "bb21", "bb31", "f22_220", "f31_33"] {
        for (kind, phases) in [("3ph", &[1, 2, 3][..]), ("slg", &[1]), ("llg", &[2, 3])] {
            let mut plant = plant(false);
            plant.command(&fault(bus, kind, phases, 0.01)).unwrap();
            let events = run(&mut plant, 0.5, 0.5);
            let wrong: Vec<&Event> = events.iter().filter(|e| e.kind == EventKind::Tripped && e.subject.starts_with("87T")).collect();
            assert!(wrong.is_empty(), "{kind} at {bus}: {wrong:#?}");
        }
    }
}

#[test]
fn a_busbar_fault_takes_its_busbar_and_leaves_the_other() {
    for kind in [("3ph", vec![1, 2, 3]), ("slg", vec![3])] {
        let mut plant = plant(false);
        plant.command(&fault("bb21", kind.0, &kind.1, 0.01)).unwrap();
        let events = run(&mut plant, 1.0, 1.0);
        assert_eq!(opened(&events), ["line.q0_bc2", "line.q0_d1h", "line.q0_f21", "line.q0_r21", "line.q0_t1l"], "{events:#?}");
        assert!(value(&plant, "BB22.V.A") > 110.0 && value(&plant, "BB21.V.A") < 0.1);
    }
}

#[test]
fn a_breaker_that_fails_is_backed_up_by_its_busbar() {
    let mut plant = plant(false);
    plant.command(&Command::Begin { scenario: ScenarioKind::CircuitBreakerFailure }).unwrap();
    let events = run(&mut plant, 2.0, 1.0);
    first(&events, EventKind::Failed, "line.q0_f21");
    let trip = first(&events, EventKind::Tripped, "50BF-F21");
    let ordered = first(&events, EventKind::Ordered, "line.q0_f21");
    // 200 ms after the order, and two pieces of a step.
    assert!((trip.time_s - ordered.time_s - 0.2).abs() < 0.0101, "{} s", trip.time_s - ordered.time_s);
    assert_eq!(opened(&events), ["line.q0_bc2", "line.q0_d1h", "line.q0_r21", "line.q0_t1l"], "{events:#?}");
    assert!(value(&plant, "BB22.V.A") > 110.0, "the other busbar goes on");
    plant.command(&Command::End).unwrap();
    assert!(plant.state().faults.is_empty() && plant.state().running.is_none());
}

#[test]
fn every_fault_at_any_bus_is_cleared() {
    let buses = [
        "grid_l", "l41_line", "bb41", "bb42", "t2_400", "r41_400", "t1_220", "bb22", "r21_220", "f22_end", "d2_220", "bb31", "bb32",
        "d1_33", "f32_end", "f33_33", "c31_33",
    ];
    for bus in buses {
        for (kind, phases) in [("3ph", &[1, 2, 3][..]), ("slg", &[1]), ("ll", &[1, 2]), ("llg", &[2, 3])] {
            let mut plant = plant(false);
            plant.command(&fault(bus, kind, phases, 0.01)).unwrap();
            let events = run(&mut plant, 6.0, 1.0);
            assert!(plant.state().settled, "{kind} at {bus}");
            let id = plant.network().bus_id(bus).unwrap();
            let v = plant.solved().v(id);
            let dead = phases.iter().all(|p| v[*p as usize - 1].norm() < 0.01 * plant.solved().base_v(id));
            // A delta winding without supply stands at what little its capacitance gives; all else is without voltage.
            let pair = kind == "ll" && (v[0] - v[1]).norm() < 0.01 * plant.solved().base_v(id);
            let others = v.iter().all(|v| v.norm() < 0.02 * plant.solved().base_v(id));
            assert!((dead || pair) && others, "{kind} at {bus} still burns: {v:?} {events:#?}");
        }
    }
}

#[test]
fn an_inverse_time_relay_trips_at_the_time_of_its_curve() {
    let mut plant = plant(false);
    plant.command(&fault("f33_33", "3ph", &[1, 2, 3], 12.0)).unwrap();
    let i = value(&plant, "F33.I.A").max(value(&plant, "F33.I.B")).max(value(&plant, "F33.I.C"));
    let expected = curves::trip_time_s(network::InverseCurve::IecVery, i / 380.0, 0.1).expect("above the pickup");
    let events = run(&mut plant, 4.0, 1.0);
    let (begun, trip) = (first(&events, EventKind::FaultOn, "f33_33").time_s, first(&events, EventKind::Tripped, "51-F33"));
    println!("{i:.0} A: {:.3} s and by the curve {expected:.3} s", trip.time_s - begun);
    // The network's voltage moves a little with loads and taps.
    assert!((trip.time_s - begun - expected).abs() < 0.006 + 0.01 * expected, "{} s and not {expected} s", trip.time_s - begun);
    assert!(trip.cause.contains("stage 1"), "{trip:?}");
}

#[test]
fn overvoltage_reaches_420_kv_and_goes_after_30_seconds() {
    let mut plant = plant(true);
    let before = value(&plant, "BB41.V.AB");
    plant.command(&Command::Begin { scenario: ScenarioKind::Overvoltage400kv }).unwrap();
    run(&mut plant, 20.0, 1.0);
    let v = value(&plant, "BB41.V.AB");
    assert!((v - 420.0).abs() < 1.0, "{v} kV");
    let busy = plant.command(&Command::Begin { scenario: ScenarioKind::FrequencyDeviation });
    assert!(matches!(busy, Err(PlantError::Busy { .. })));
    let events = run(&mut plant, 15.0, 1.0);
    first(&events, EventKind::ScenarioEnded, "overvoltage_400kv");
    let v = value(&plant, "BB41.V.AB");
    assert!((v - before).abs() < 4.0, "{v} kV after {before} kV");
}

#[test]
fn an_overloaded_transformer_carries_346_mva_and_warms() {
    let mut plant = plant(true);
    let (oil, spot) = (value(&plant, "T1.TOP_OIL"), value(&plant, "T1.HOT_SPOT"));
    plant.command(&Command::Begin { scenario: ScenarioKind::TransformerOverload }).unwrap();
    run(&mut plant, 60.0, 1.0);
    let s = value(&plant, "T1.HV.S") / 1e3;
    assert!((s - 346.5).abs() < 3.5, "{s} MVA");
    let events = run(&mut plant, 55.0, 1.0);
    let (hotter, warmer) = (value(&plant, "T1.HOT_SPOT"), value(&plant, "T1.TOP_OIL"));
    assert!(hotter > spot + 2.0 && warmer > oil && hotter - spot > warmer - oil, "{spot} {hotter}, {oil} {warmer}");
    assert!(events.iter().all(|e| e.kind != EventKind::Tripped), "{events:#?}");
    let events = run(&mut plant, 10.0, 1.0);
    first(&events, EventKind::ScenarioEnded, "transformer_overload");
    assert!(value(&plant, "T1.HV.S") / 1e3 < 340.0);
}

#[test]
fn the_frequency_falls_to_49_2_hertz_and_sheds_load() {
    let mut plant = plant(false);
    plant.command(&Command::Begin { scenario: ScenarioKind::FrequencyDeviation }).unwrap();
    let mut lowest = 50.0_f64;
    let mut events = Vec::new();
    for _ in 0..100 {
        events.extend(run(&mut plant, 0.5, 0.5));
        lowest = lowest.min(value(&plant, "STATION.FREQUENCY"));
    }
    assert!((lowest - 49.2).abs() < 0.02, "{lowest} Hz");
    assert_eq!(opened(&events), ["line.q0_f32", "line.q0_f34"], "{events:#?}");
    first(&events, EventKind::Tripped, "81-1");
    run(&mut plant, 100.0, 1.0);
    let after = value(&plant, "STATION.FREQUENCY");
    assert!((after - 50.0).abs() < 0.05, "{after} Hz");
}

#[test]
fn isolators_never_break_load() {
    let mut plant = plant(false);
    let isolator = |name: &str, close| Command::Switch { element: name.into(), close };
    let refused = plant.command(&isolator("line.q9_f21", false));
    assert!(matches!(refused, Err(PlantError::Interlocked { .. })), "{refused:?}");
    assert!(matches!(plant.command(&isolator("line.q1_t2h", false)), Err(PlantError::Interlocked { .. })));
    // To the other busbar while the coupler is closed: first closed, then opened.
    plant.command(&isolator("line.q2_t2h", true)).unwrap();
    run(&mut plant, 14.0, 1.0);
    assert_eq!(value(&plant, "Q2_T2H.CLOSED"), 1.0);
    plant.command(&isolator("line.q1_t2h", false)).unwrap();
    let events = run(&mut plant, 14.0, 1.0);
    assert_eq!((value(&plant, "Q1_T2H.CLOSED"), value(&plant, "CB-T2H.CLOSED")), (0.0, 1.0));
    assert!(events.iter().all(|e| e.kind != EventKind::Tripped), "{events:#?}");
    // With the breaker open it moves freely.
    plant.command(&isolator("line.q0_f21", false)).unwrap();
    run(&mut plant, 1.0, 1.0);
    plant.command(&isolator("line.q9_f21", false)).unwrap();
    run(&mut plant, 13.0, 1.0);
    assert_eq!((value(&plant, "CB-F21.CLOSED"), value(&plant, "Q9_F21.CLOSED")), (0.0, 0.0));
    for (name, what) in [("line.l41", "a line"), ("line.nothing", "nothing")] {
        assert!(matches!(plant.command(&isolator(name, false)), Err(PlantError::Unknown { .. })), "{what}");
    }
}

#[test]
fn tap_changers_wait_for_their_delay() {
    let mut plant = plant(false);
    let before = value(&plant, "T1.TAP_POSITION");
    // Without the capacitors and one transformer the 220 kV side falls out of its band.
    for name in ["line.q0_t2h", "line.q0_t2l", "line.q0_c31", "line.q0_c32"] {
        plant.command(&Command::Switch { element: name.into(), close: false }).unwrap();
    }
    let mut moved = Vec::new();
    for _ in 0..90 {
        moved.extend(run(&mut plant, 1.0, 1.0).into_iter().filter(|e| e.kind == EventKind::TapMoved && e.subject == "transformer.t1"));
    }
    let start = PlantSettings::default().start_s;
    assert!(!moved.is_empty() && moved[0].time_s - start >= 30.0, "{moved:#?}");
    assert!(moved.windows(2).all(|w| w[1].time_s - w[0].time_s >= 5.0 - 1e-6), "{moved:#?}");
    assert_eq!(value(&plant, "T1.TAP_POSITION"), before + moved.len() as f64);
    let v = value(&plant, "BB21.V.AB") / 220.0;
    assert!((v - 1.0).abs() < 0.02, "{v} pu");
    plant.command(&Command::Tap { transformer: "transformer.t1".into(), up: false }).unwrap();
    assert_eq!(value(&plant, "T1.TAP_AUTOMATIC"), 0.0);
}

#[test]
fn a_transient_fault_goes_out_and_the_breaker_can_be_closed_again() {
    let mut plant = plant(false);
    let command =
        Command::Fault { bus: "f22_end".into(), kind: "3ph".into(), phases: vec![1, 2, 3], r_ohm: 0.1, duration_s: None, transient: true };
    plant.command(&command).unwrap();
    let events = run(&mut plant, 3.0, 1.0);
    assert_eq!(opened(&events), ["line.q0_f22"]);
    let (open, out) = (first(&events, EventKind::Opened, "line.q0_f22").time_s, first(&events, EventKind::FaultOff, "f22_end").time_s);
    assert!((out - open - 0.3).abs() < 0.02, "{} s", out - open);
    plant.command(&Command::Switch { element: "line.q0_f22".into(), close: true }).unwrap();
    let events = run(&mut plant, 2.0, 1.0);
    assert!(events.iter().all(|e| e.kind != EventKind::Tripped), "{events:#?}");
    assert!(value(&plant, "F22.P") > 50e3);
    for wrong in [
        fault("nowhere", "3ph", &[1, 2, 3], 0.1),
        fault("bb41", "arc", &[1], 0.1),
        fault("bb41", "ll", &[1, 1], 0.1),
        fault("bb41", "slg", &[1], 0.0),
    ] {
        assert!(plant.command(&wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_training_can_be_set_back_and_runs_again_to_the_last_bit() {
    let mut plant = plant(true);
    run(&mut plant, 3.0, 1.0);
    let start = plant.snapshot();
    let stored = serde_json::to_string(&start).expect("a text");
    let mut ends = Vec::new();
    for from in [start, serde_json::from_str(&stored).expect("the state again")] {
        plant.restore(from).unwrap();
        plant.command(&fault("f32_33", "slg", &[1], 0.5)).unwrap();
        let events = run(&mut plant, 5.0, 0.5);
        ends.push((events, plant.snapshot(), plant.measured_values().iter().map(|x| x.to_bits()).collect::<Vec<_>>()));
    }
    assert!(ends[0] == ends[1], "both runs are the same");
    assert!(!opened(&ends[0].0).is_empty());
}

#[derive(Deserialize)]
struct DayCase {
    top_oil_rise_k: f64,
    hot_spot_gradient_k: f64,
    loss_ratio: f64,
    n: f64,
    m: f64,
    tau_oil_h: f64,
    tau_winding_h: f64,
    days: u32,
    mean_ageing: f64,
    loss_of_life_pct: f64,
    tolerance: DayTolerance,
}

#[derive(Deserialize)]
struct DayTolerance {
    temperature_c: f64,
    ageing: f64,
    relative: f64,
}

#[test]
fn a_day_of_a_transformer_is_that_of_the_reference() {
    let case: DayCase = toml::from_str(&text("cases/plant/c57_91_day/case.toml")).expect("the case");
    let plate = ThermalNameplate {
        top_oil_rise_k: case.top_oil_rise_k,
        hot_spot_gradient_k: case.hot_spot_gradient_k,
        loss_ratio: case.loss_ratio,
        tau_oil_h: case.tau_oil_h,
        tau_winding_h: case.tau_winding_h,
        n: case.n,
        m: case.m,
        n_natural: case.n,
        m_natural: case.m,
        natural_share: 1.0,
        fans_on_c: 1e3,
        fans_off_c: 9e2,
        oil_litre: 1e4,
    };
    let mut reader = csv::Reader::from_path(root().join("cases/plant/c57_91_day/expected.csv")).expect("the day");
    let hours: Vec<Vec<f64>> = reader.records().map(|r| r.unwrap().iter().map(|x| x.parse().unwrap()).collect()).collect();
    assert_eq!(hours.len(), 24);
    let mut state = Thermal::settled(&plate, hours[23][1], hours[23][2]);
    let mut ageing = 0.0;
    for day in 1..=case.days {
        let lost = state.loss_of_life_pct;
        for h in &hours {
            state.advance(&plate, h[1], h[2], 1.0);
            if day == case.days {
                let (oil, spot, faa) = (state.top_oil_c(), state.hot_spot_c(), ageing_acceleration(state.hot_spot_c()));
                assert!((oil - h[3]).abs() < case.tolerance.temperature_c, "hour {}: {oil} and not {}", h[0], h[3]);
                assert!((spot - h[4]).abs() < case.tolerance.temperature_c, "hour {}: {spot} and not {}", h[0], h[4]);
                assert!((faa - h[5]).abs() < case.tolerance.ageing, "hour {}: {faa} and not {}", h[0], h[5]);
                ageing += faa / 24.0;
            }
        }
        if day == case.days {
            let lost = state.loss_of_life_pct - lost;
            assert!((lost / case.loss_of_life_pct - 1.0).abs() < case.tolerance.relative, "{lost} %");
        }
    }
    assert!((ageing / case.mean_ageing - 1.0).abs() < case.tolerance.relative, "{ageing}");
}

#[test]
fn a_calm_hour_ends_where_a_thousand_small_steps_do() {
    // Three hours after the usual start: at that, the oil stands where fans are just about to stop, and both courses are right.
    let start = || {
        let mut plant = plant(false);
        for _ in 0..6 {
            plant.pass(1800.0).expect("calm");
        }
        plant
    };
    let (mut quick, mut slow) = (start(), start());
    for _ in 0..12 {
        quick.pass(300.0).expect("calm");
        run(&mut slow, 300.0, 1.0);
    }
    // Loads go up within the five minutes; the quick one takes those of their end for all of them.
    for (name, limit) in [("T1.TOP_OIL", 0.3), ("T1.HOT_SPOT", 0.6), ("D1.TOP_OIL", 0.3), ("T1.GAS.H2", 0.01), ("T1.HV.V1", 0.3)] {
        let (a, b) = (value(&quick, name), value(&slow, name));
        assert!((a - b).abs() < limit, "{name}: {a} and {b}");
    }
    assert_eq!(quick.state().time_s, slow.state().time_s);
    let stays = |r: Result<(), PlantError>| assert!(r.is_err(), "time with a fault is not calm");
    quick.command(&fault("f21_220", "slg", &[1], 0.1)).expect("a fault");
    stays(quick.pass(300.0));
    stays(slow.pass(3601.0));
}

#[test]
fn defects_grow_are_seen_by_their_instruments_and_are_mended() {
    let begin = |subject: &str, kind: DefectKind, grows_h: f64| Command::Defect { subject: subject.into(), kind, grows_h };
    let mut sound = plant(false);
    let mut sick = plant(false);
    for (subject, kind) in [
        ("T1", DefectKind::CoolingBlocked),
        ("T2", DefectKind::Arcing),
        ("T2", DefectKind::LooseWinding),
        ("D1", DefectKind::BushingMoisture),
        ("D2", DefectKind::FansFailed),
        ("CB-F21", DefectKind::GasLeak),
    ] {
        sick.command(&begin(subject, kind, 240.0)).unwrap_or_else(|e| panic!("{subject} {kind:?}: {e}"));
    }
    sick.command(&begin("D1.TOP_OIL", DefectKind::InstrumentDrift, 0.0)).expect("a point");
    assert!(sick.take_events().iter().filter(|e| e.kind == EventKind::DefectBegan).count() == 7);
    for _ in 0..20 * 24 {
        sound.pass(3600.0).expect("calm");
        sick.pass(3600.0).expect("calm");
    }
    let apart = |name: &str| value(&sick, name) - value(&sound, name);
    // Ten days of growth and ten at the full extent: 15 full days.
    assert!((apart("T2.GAS.C2H2") - 15.0 * 1.6).abs() < 0.1, "{}", apart("T2.GAS.C2H2"));
    assert!((apart("T2.GAS.H2") - 15.0 * 3.0).abs() < 0.2, "{}", apart("T2.GAS.H2"));
    assert!(apart("T1.TOP_OIL") > 3.0 && apart("T1.GAS.C2H4") > 0.0 && apart("T1.VIBRATION_2F") >= 0.0, "{}", apart("T1.TOP_OIL"));
    assert!(apart("T2.VIBRATION_2F") > 0.1 && (apart("D1.TAN_DELTA") - 0.9).abs() < 1e-9);
    assert!(value(&sick, "CB-F21.SF6_20C") < 0.985 * value(&sound, "CB-F21.SF6_20C"), "{}", apart("CB-F21.SF6_20C"));
    assert!(apart("D1.TOP_OIL").abs() < 1e-9, "the oil itself is as warm as ever");
    let shown = |p: &Plant| p.measured_values()[p.points().iter().position(|x| x.name == "D1.TOP_OIL").expect("a point")];
    assert!((shown(&sick) / shown(&sound) - 1.05).abs() < 1e-9);
    sick.command(&Command::Mend { subject: "D1.TOP_OIL".into() }).expect("it has a defect");
    assert!((shown(&sick) - shown(&sound)).abs() < 1e-9);
    for wrong in [
        begin("T9", DefectKind::Arcing, 1.0),
        begin("CB-F21", DefectKind::Arcing, 1.0),
        begin("T1", DefectKind::GasLeak, 1.0),
        begin("T1", DefectKind::Arcing, -1.0),
        begin("T1", DefectKind::Arcing, f64::NAN),
        Command::Mend { subject: "T9".into() },
    ] {
        assert!(sick.command(&wrong).is_err(), "{wrong:?}");
    }
}
