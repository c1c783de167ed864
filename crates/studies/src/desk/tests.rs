//! On the IEEE 123-node feeder that ships, and on a line whose flows have closed forms.

use super::journal::{Entry, last_to_undo, undoing};
use super::*;
use crate::synthetic::random::Random;
use formats::neighbourhoods;
use network::neighbourhood::{FeederLimits, Neighbourhood};
use std::path::Path;

const AT: &str = "2026-07-01T12:00:00Z";

fn ieee123() -> Desk {
    let files = formats::samples::ieee123();
    let master = Path::new(formats::samples::IEEE123_MASTER);
    let read = formats::opendss::read(&files, master, &mut Session::new(), &formats::opendss::ReadOptions::default()).unwrap();
    let zones = neighbourhoods::read(formats::samples::IEEE123_NEIGHBOURHOODS, "n").unwrap();
    Desk::new(Arc::new(read.network), zones).unwrap()
}

fn of_script(script: &str, zones: Neighbourhoods) -> Desk {
    let files = formats::MemoryFiles::new().with("m.dss", script);
    let read = formats::opendss::read(&files, Path::new("m.dss"), &mut Session::new(), &formats::opendss::ReadOptions::default());
    Desk::new(Arc::new(read.unwrap().network), zones).unwrap()
}

/// One bus behind a stiff source and a short line: what a load asks it draws.
fn stiff(kva: f64) -> Desk {
    let script = "Clear\nNew Circuit.c basekv=4.16 pu=1.0 bus1=a MVAsc3=1e9 MVAsc1=1e9\n\
        New Line.l bus1=a bus2=b length=0.001 r1=0.001 x1=0.001 r0=0.001 x0=0.001 c1=0 c0=0\n\
        New Load.one bus1=b phases=3 kV=4.16 kW=300 kvar=400\nSet VoltageBases=[4.16]\nCalcVoltageBases\nSolve\n";
    let zone = Neighbourhood { pincode: 7, buses: vec!["b".into()], transformer_bus: "b".into(), transformer: None, kva: Some(kva) };
    let limits = FeederLimits { power_factor_min: 0.1, ..FeederLimits::default() };
    of_script(script, Neighbourhoods { limits, neighbourhoods: vec![zone] })
}

fn done(desk: &mut Desk, action: &Action) -> Step {
    let step = desk.ask(action, AT).unwrap_or_else(|e| panic!("{action:?}: {e:?}"));
    desk.take(&step);
    step
}

fn fields(desk: &Desk, action: &Action) -> Vec<&'static str> {
    match desk.ask(action, AT) {
        Err(Refusal::Faults(faults)) => faults.iter().map(|f| f.field).collect(),
        other => panic!("{action:?}: {other:?}"),
    }
}

fn household(bus: &str, load: Option<&str>, new_kw: Option<f64>, new_kvar: Option<f64>, factor: Option<f64>) -> Action {
    Action::ModifyLoadHousehold { bus_name: bus.into(), load_name: load.map(Into::into), new_kw, new_kvar, factor }
}

fn generator(bus: &str, kw: f64) -> Action {
    let none = None;
    Action::AddGenerator { bus_name: bus.into(), kw, kv: none, kvar: none, model: None, vmin_pu: none, vmax_pu: none, phases: None }
}

fn device(bus: &str, name: &str, kw: f64, kvar: Option<f64>, pf: Option<f64>, phases: Option<u32>) -> Action {
    Action::AddDevice { bus_name: bus.into(), device_name: name.into(), kw, kvar, pf, phases }
}

fn register(name: &str, min_power_kw: f64, target_pf: f64) -> Action {
    Action::RegisterDfp { name: name.into(), min_power_kw, target_pf, rules: ProgramRules::default() }
}

fn update(name: &str, min_power_kw: Option<f64>, target_pf: Option<f64>, rules: ProgramRules) -> Action {
    Action::UpdateDfp { name: name.into(), min_power_kw, target_pf, rules }
}

/// As a request or a journal has it.
fn further(json: &str) -> ProgramRules {
    serde_json::from_str(json).unwrap()
}

fn bus<'a>(report: &'a Report, name: &str) -> &'a BusReport {
    report.buses.iter().find(|b| b.name == name).unwrap()
}

#[test]
fn the_feeder_as_it_ships_keeps_its_limits() {
    let mut desk = ieee123();
    let step = done(&mut desk, &Action::RunSimulation { manage: true });
    assert_eq!((step.changes.len(), step.acts.len()), (0, 0), "{:?}", step.acts);
    let report = &step.report;
    assert!((report.summary.total_kw - 3615.0).abs() < 15.0, "{}", report.summary.total_kw);
    // Every load is in a neighbourhood: together they draw what all loads draw.
    let of_zones: f64 = report.neighbourhoods.iter().map(|n| n.load_kw).sum();
    assert!((of_zones - report.load_kw).abs() < 1e-9 * report.load_kw);
    assert!((report.load_kw + report.summary.losses_kw - report.summary.total_kw).abs() < 1e-3);
    assert!(report.neighbourhoods.iter().all(|n| n.loading_pct.unwrap() < 90.0));
}

#[test]
fn factors_are_of_what_is_stated_and_do_not_add_up() {
    let mut desk = ieee123();
    let base = desk.report().unwrap();
    let factor = |f| Action::ModifyLoadNeighbourhood { neighbourhood: 1, factor: f };
    for _ in 0..2 {
        let step = done(&mut desk, &factor(0.8));
        let of_bus = bus(&step.report, "1");
        assert_eq!((of_bus.loads[0].asked_kw, of_bus.loads[0].asked_kvar), (32.0, 16.0));
        assert!((of_bus.p_kw - 32.0).abs() < 1e-3, "{}", of_bus.p_kw);
    }
    // A household of it anew; then the factor is of that.
    done(&mut desk, &household("1", Some("Load_1"), Some(5.0), Some(1.0), None));
    let step = done(&mut desk, &factor(0.5));
    assert_eq!(bus(&step.report, "1").loads[0].asked_kw, 2.5);
    assert_eq!(bus(&step.report, "2").loads[0].asked_kw, 10.0);
    done(&mut desk, &factor(1.0));
    let step = done(&mut desk, &household("1", None, Some(40.0), Some(20.0), None));
    assert!((step.report.summary.total_kw - base.summary.total_kw).abs() < 1e-6);
}

#[test]
fn loads_of_a_bus_share_what_is_set() {
    let mut desk = ieee123();
    let step = done(&mut desk, &household("49", None, Some(70.0), None, None));
    let kw: Vec<f64> = bus(&step.report, "49").loads.iter().map(|l| l.asked_kw).collect();
    assert_eq!(kw, [17.5, 35.0, 17.5]);
    // Without kvar the power factor of each stays.
    let kvar: Vec<f64> = bus(&step.report, "49").loads.iter().map(|l| l.asked_kvar).collect();
    assert_eq!(kvar, [12.5, 25.0, 10.0]);
    done(&mut desk, &household("49", Some("load.49_B"), Some(1.0), Some(-2.0), None));
    let report = desk.report().unwrap();
    let of_b = bus(&report, "49").loads.iter().find(|l| l.name == "49_b").unwrap();
    assert_eq!((of_b.asked_kw, of_b.asked_kvar), (1.0, -2.0));
}

#[test]
fn a_generator_of_another_voltage_has_its_transformer() {
    let mut desk = ieee123();
    let base = desk.report().unwrap();
    let of_document = Action::AddGenerator {
        bus_name: "1".into(),
        kw: 50.0,
        kv: Some(0.48),
        kvar: Some(10.0),
        model: Some(1),
        vmin_pu: Some(0.9),
        vmax_pu: Some(1.1),
        phases: None,
    };
    let step = done(&mut desk, &of_document);
    assert!(step.notes.iter().any(|n| n.contains("transformer of 75 kVA")), "{:?}", step.notes);
    let there = &bus(&step.report, "1").generators[0];
    assert!((there.p_kw - 50.0).abs() < 1e-3 && (there.q_kvar - 10.0).abs() < 1e-3, "{there:?}");
    let less = base.summary.total_kw - step.report.summary.total_kw;
    assert!((48.0..53.0).contains(&less), "{less}");
    // At the bus's own voltage it needs none.
    let step = done(
        &mut desk,
        &Action::AddGenerator {
            bus_name: "1".into(),
            kw: 100.0,
            kv: None,
            kvar: None,
            model: None,
            vmin_pu: None,
            vmax_pu: None,
            phases: Some(3),
        },
    );
    assert!(step.notes.is_empty());
    assert_eq!(desk.state().generators["gen_1_2"].transformer_kva, None);
    let report = desk.report().unwrap();
    assert_eq!(bus(&report, "1").generators.len(), 2);
}

#[test]
fn devices_come_and_go() {
    let mut desk = ieee123();
    let base = desk.report().unwrap().summary.total_kw;
    let step = done(&mut desk, &device("1", "EV_Charger_1", 7.2, Some(1.4), Some(0.98), None));
    assert_eq!(bus(&step.report, "1").devices[0].set_kvar, 1.4);
    assert_eq!(fields(&desk, &device("1", "ev_charger_1", 1.0, None, None, None)), ["device_name"]);
    let step = done(&mut desk, &device("1", "EV_Charger_2", 7.5, None, Some(0.6), Some(1)));
    // Power factor 0.6: 7.5 kW have 10 kvar.
    assert!((bus(&step.report, "1").devices[1].q_kvar - 10.0).abs() < 1e-4);
    for name in ["EV_Charger_1", "EV_Charger_2"] {
        done(&mut desk, &Action::DisconnectDevice { bus_name: "1".into(), device_name: name.into() });
    }
    assert_eq!(desk.report().unwrap().summary.total_kw, base);
    assert_eq!(fields(&desk, &Action::DisconnectDevice { bus_name: "1".into(), device_name: "EV_Charger_1".into() }), ["device_name"]);
}

#[test]
fn a_program_leaves_its_minimum_and_corrects_the_power_factor() {
    let mut desk = stiff(1e6);
    done(&mut desk, &register("peak", 150.0, 0.8));
    done(&mut desk, &Action::SubscribeDfp { bus_name: "B".into(), dfp_number: 1 });
    let step = done(&mut desk, &Action::ExecuteDfp { dfp_name: "PEAK".into() });
    // 300 kW, 400 kvar: 150 kW are left; at 0.8 they may draw 112.5 kvar.
    let there = bus(&step.report, "b");
    assert!((there.p_kw - 150.0).abs() < 1e-2 && (there.q_kvar - 112.5).abs() < 1e-2, "{} {}", there.p_kw, there.q_kvar);
    assert!(step.acts[0].effect.contains("150.000 kW, 112.500 kvar"), "{:?}", step.acts);
    // Rules that ask for nothing raise nothing.
    done(&mut desk, &update("peak", Some(1000.0), Some(0.5), ProgramRules::default()));
    let step = done(&mut desk, &Action::ExecuteDfp { dfp_name: "peak".into() });
    assert!((bus(&step.report, "b").p_kw - 300.0).abs() < 1e-2);
    // Deleting unsubscribes, says so, and gives the load back.
    done(&mut desk, &update("peak", Some(10.0), None, ProgramRules::default()));
    done(&mut desk, &Action::ExecuteDfp { dfp_name: "peak".into() });
    let step = done(&mut desk, &Action::DeleteDfp { name: "peak".into() });
    assert!(step.message.contains("1 bus was unsubscribed") && step.acts.len() == 1);
    assert!((bus(&step.report, "b").p_kw - 300.0).abs() < 1e-2);
    assert_eq!(desk.state().programmed.len(), 0);
    // Its number is not given again.
    assert!(done(&mut desk, &register("next", 1.0, 1.0)).message.contains("number 2"));
}

const FURTHER: &str = r#"{"windows":[{"days":["monday"],"from":"16:00","to":"21:00"}],"notice_min":60,"max_events_per_day":1,"priority":2,
    "classes":["ev","battery"],"incentive_per_kwh":0.25}"#;

#[test]
fn a_program_has_all_rules_of_a_contract() {
    let mut desk = stiff(1e6);
    let registered = Action::RegisterDfp { name: "peak".into(), min_power_kw: 150.0, target_pf: 0.8, rules: further(FURTHER) };
    let step = done(&mut desk, &registered);
    assert!(step.message.contains("windows: monday 16:00 to 21:00; notice: 60 min"), "{}", step.message);
    // What is given is set, everything else stays.
    done(&mut desk, &update("peak", None, Some(0.9), further(r#"{"notice_min":120,"max_duration_min":90}"#)));
    let rules = &desk.state().programs[&1].rules;
    assert_eq!((rules.min_power_kw, rules.target_pf, rules.notice_min), (Some(150.0), Some(0.9), 120));
    assert_eq!((rules.max_duration_min, rules.max_events_per_day, rules.priority), (Some(90), Some(1), 2));
    assert_eq!((rules.windows.len(), rules.classes.len(), rules.incentive_per_kwh), (1, 2, 0.25));
    let text = journal::registry_text(&desk);
    for line in ["    minimum power: 150 kW", "    windows: monday 16:00 to 21:00", "    devices: ev, battery", "    paid a kWh: 0.25"] {
        assert!(text.lines().any(|l| l == line), "{line} is not in {text}");
    }
    // A journal keeps the program and the request whole.
    let state: DeskState = serde_json::from_str(&serde_json::to_string(desk.state()).unwrap()).unwrap();
    assert_eq!(state, *desk.state());
    for change in &step.changes {
        assert_eq!(serde_json::from_str::<Change>(&serde_json::to_string(change).unwrap()).unwrap(), *change);
    }
    assert_eq!(serde_json::from_str::<Action>(&serde_json::to_string(&registered).unwrap()).unwrap(), registered);
    // A rule of an event is nothing that is executed.
    assert_eq!(done(&mut desk, &update("peak", None, None, further(r#"{"priority":1}"#))).notes.len(), 0);
    let bad =
        further(r#"{"windows":[{"from":"21:00","to":"16:00"}],"incentive_per_kwh":-1,"incentive_per_event":-1,"penalty_per_kwh":-1}"#);
    let wanted = ["windows", "incentive_per_kwh", "incentive_per_event", "penalty_per_kwh"];
    assert_eq!(fields(&desk, &update("peak", None, None, bad)), wanted);
}

#[test]
fn journals_of_two_rules_are_still_read() {
    let line = r#"{"seq":1,"at":"2026-05-01T08:00:00Z","user":"u","action":{"action":"register_dfp","name":"old","min_power_kw":10.0,
        "target_pf":0.9},"message":"m","changes":[{"of":"program","key":1,"after":{"name":"old","min_power_kw":10.0,"target_pf":0.9,
        "registered_at":"2026-05-01T08:00:00Z","buses":["b"]}}]}"#;
    let entry: Entry = serde_json::from_str(line).unwrap();
    let mut desk = stiff(1e6);
    desk.restore(&entry.changes);
    let old = &desk.state().programs[&1];
    let rules =
        network::flexibility::Program { min_power_kw: Some(10.0), target_pf: Some(0.9), ..network::flexibility::Program::new("old") };
    assert_eq!((&old.rules, old.buses.contains("b")), (&rules, true));
    assert!((bus(&done(&mut desk, &Action::ExecuteDfp { dfp_name: "old".into() }).report, "b").p_kw - 10.0).abs() < 1e-2);
}

/// Two programs of a desk on a day: one that the document has with other rules, one that it does not have. Devices at a subscribed bus come in by
/// their class.
#[test]
fn programs_of_a_desk_take_part_in_a_day() {
    use crate::flexibility::{FlexibilityOptions, SampleOptions, run, sample};
    use network::flexibility::{DeviceClass, Target};
    let mut desk = ieee123();
    let register =
        |name: &str, rules: &str| Action::RegisterDfp { name: name.into(), min_power_kw: 0.0, target_pf: 1.0, rules: further(rules) };
    done(&mut desk, &register("COOLING", r#"{"incentive_per_kwh":9.5,"classes":["hvac"]}"#));
    done(&mut desk, &register("garage", r#"{"classes":["ev"]}"#));
    for number in [1, 2] {
        done(&mut desk, &Action::SubscribeDfp { bus_name: "48".into(), dfp_number: number });
    }
    done(&mut desk, &household("48", None, None, None, Some(0.5)));
    let target = Target { element: None, limit_kw: Some(1e6), limit_kva: None };
    let options = SampleOptions { n_devices: 24, seed: 5, step_min: 60, bus: None, target: Some(target) };
    let mut document = sample(&desk.network(), &options);
    let at_48 = |l: &&network::Load| desk.base.bus(l.common.terminals[0].bus).name == "48";
    let name = desk.base.loads.iter().find(at_48).unwrap().common.name.to_uppercase();
    for d in &mut document.devices {
        (d.load, d.bus, d.program) = (Some(name.clone()), None, None);
    }
    (document.devices[0].load, document.devices[0].bus) = (None, Some("48".into()));
    (document.devices[1].load, document.devices[1].bus) = (None, Some("49".into()));
    document.devices[2].program = Some("batteries".into());
    document.events[0].programs = vec!["cooling".into(), "Garage".into()];
    let case = desk.day_case(document.clone());
    let names: Vec<&str> = case.programs.iter().map(|p| p.name.as_str()).collect();
    // In its place, under the name that the document's events and devices know.
    assert_eq!(names, ["batteries", "hot_water_and_vehicles", "cooling", "garage"]);
    assert_eq!((case.programs[2].incentive_per_kwh, case.programs[2].notice_min), (9.5, 0));
    assert_eq!(case.events[0].programs, ["cooling", "garage"]);
    for (i, d) in case.devices.iter().enumerate() {
        let wanted = match (i, d.class()) {
            (1, _) => None,
            (2, _) => Some("batteries"),
            (_, DeviceClass::Hvac) => Some("cooling"),
            (_, DeviceClass::Ev) => Some("garage"),
            _ => None,
        };
        assert_eq!(d.program.as_deref(), wanted, "{}", d.name);
    }
    let day = run(&desk.network(), &case, &FlexibilityOptions::default()).map_err(|e| e.diagnostics(&case)).unwrap();
    assert!(day.events[0].n_called > 5 && day.events[0].missing.is_none());
    // Half of what stands in the model at bus 48 is there.
    let of_model = run(&desk.base, &case, &FlexibilityOptions::default()).map_err(|e| e.diagnostics(&case)).unwrap();
    assert!(of_model.steps[12].before.source_kw > day.steps[12].before.source_kw + 10.0);
}

/// Several neighbourhoods of the feeder at once, whose loads are of all models, with regulators between.
#[test]
fn all_overloaded_neighbourhoods_end_at_their_ratings() {
    let mut desk = ieee123();
    let all: Vec<u32> = desk.zones.neighbourhoods.iter().map(|z| z.pincode).collect();
    for n in all {
        done(&mut desk, &Action::ModifyLoadNeighbourhood { neighbourhood: n, factor: 1.5 });
    }
    let started = std::time::Instant::now();
    let step = done(&mut desk, &Action::RunSimulation { manage: true });
    println!("managed in {} ms: {:?}", started.elapsed().as_millis(), step.acts);
    let lowered: Vec<&NeighbourhoodReport> = step.report.neighbourhoods.iter().filter(|n| n.share < 1.0).collect();
    assert!(lowered.len() > 3, "{}", lowered.len());
    for n in &step.report.neighbourhoods {
        assert!(n.loading_pct.unwrap() <= 100.0 * (1.0 + 1e-6), "{n:?}");
    }
    for n in lowered {
        assert!(n.loading_pct.unwrap() >= 100.0 * (1.0 - 1e-4), "{n:?}");
    }
    // Management that begins anew ends at the same.
    let again = desk.ask(&Action::RunSimulation { manage: true }, AT).unwrap();
    assert_eq!(again.changes.len(), 0);
}

/// A weak line to loads of constant impedance, of mixed models, or with a regulator between: the flow ends at the rating, not below it.
#[test]
fn management_ends_at_the_rating_whatever_the_load_model() {
    let zip = "model=8 zipv=[0.5 0.3 0.2 0.6 0.3 0.1 0.5]";
    let regulator = "New Transformer.r phases=3 windings=2 buses=[b d] kvs=[4.16 4.16] kvas=[5000 5000] xhl=0.1 %rs=[0.01 0.01]\n\
        New RegControl.r transformer=r winding=2 vreg=120 band=2 ptratio=20 delay=15\n";
    for (model, to, extra) in [("model=2", "b", ""), (zip, "b", ""), ("model=5", "b", ""), ("model=2", "d", regulator)] {
        let script = format!(
            "Clear\nNew Circuit.c basekv=4.16 pu=1.03 bus1=a MVAsc3=20 MVAsc1=20\n\
            New Line.l bus1=a bus2=b length=1 r1=0.6 x1=1.2 r0=0.9 x0=2 c1=0 c0=0\n{extra}\
            New Load.one bus1={to} phases=3 kV=4.16 kW=900 kvar=400 vminpu=0.5 vmaxpu=1.5 {model}\n\
            Set VoltageBases=[4.16]\nCalcVoltageBases\nSolve\n"
        );
        let zone = Neighbourhood { pincode: 7, buses: vec![to.into()], transformer_bus: "a".into(), transformer: None, kva: Some(500.0) };
        let limits = FeederLimits { power_factor_min: 0.1, ..FeederLimits::default() };
        let mut desk = of_script(&script, Neighbourhoods { limits, neighbourhoods: vec![zone] });
        assert!(desk.report().unwrap().neighbourhoods[0].s_kva > 600.0);
        let step = done(&mut desk, &Action::RunSimulation { manage: true });
        let there = &step.report.neighbourhoods[0];
        assert!(there.s_kva <= 500.0 * (1.0 + 1e-6) && there.share > 0.3, "{model}: {there:?}");
        // A regulator that steps between leaves a gap that no share closes.
        let least = if extra.is_empty() { 500.0 * (1.0 - 1e-5) } else { 495.0 };
        assert!(there.s_kva >= least, "{model} {extra}: {there:?}");
        assert_eq!(step.acts.len(), 1, "{:?}", step.acts);
    }
}

#[test]
fn an_overloaded_transformer_is_brought_to_its_rating_by_the_least_curtailment() {
    // 300 + j400 kVA are 500 kVA; through 250 kVA half of it may flow.
    let mut desk = stiff(250.0);
    let step = done(&mut desk, &Action::RunSimulation { manage: true });
    assert_eq!(step.acts.len(), 1, "{:?}", step.acts);
    let zone = &step.report.neighbourhoods[0];
    assert!((zone.s_kva - 250.0).abs() < 1e-3 && (zone.share - 0.5).abs() < 1e-4, "{zone:?}");
    // A generator of 150 kW beside it: |(300 s - 150) + j 400 s| = 250 has one root between 0 and 1.
    done(&mut desk, &generator("b", 150.0));
    let step = done(&mut desk, &Action::RunSimulation { manage: true });
    let (a, b, c) = (250_000.0_f64, -45_000.0, 150.0 * 150.0 - 250.0 * 250.0);
    let s = (-b + (b * b - a * c).sqrt()) / a;
    assert!((step.report.neighbourhoods[0].share - s).abs() < 1e-3, "{} {s}", step.report.neighbourhoods[0].share);
    assert!((step.report.neighbourhoods[0].s_kva - 250.0).abs() < 1e-2);
    // Without need nothing is curtailed.
    done(&mut desk, &household("b", None, None, None, Some(0.1)));
    let step = done(&mut desk, &Action::RunSimulation { manage: true });
    assert_eq!(desk.state().managed.len(), 0, "{:?}", step.acts);
}

#[test]
fn no_power_flows_back_into_the_supply() {
    let mut desk = stiff(1e6);
    let asked = done(&mut desk, &generator("b", 900.0));
    assert!((asked.report.summary.total_kw + 600.0).abs() < 0.1, "{}", asked.report.summary.total_kw);
    let step = done(&mut desk, &Action::RunSimulation { manage: true });
    assert!(step.report.summary.total_kw.abs() < 2e-3, "{}", step.report.summary.total_kw);
    // 300 kW of load and no losses to speak of: a third is delivered.
    assert!((desk.state().generators["gen_b_1"].share - 1.0 / 3.0).abs() < 1e-4);
    assert!(step.acts[0].cause.contains("flow back"), "{:?}", step.acts);
}

#[test]
fn generation_that_lifts_the_voltage_is_curtailed_to_the_limit() {
    let mut desk = ieee123();
    // The rating of the neighbourhood's transformer would come first.
    Arc::make_mut(&mut desk.zones).neighbourhoods[13].kva = None;
    let before = desk.report().unwrap();
    let of = |r: &Report| bus(r, "114").nodes.iter().filter_map(|n| n.v_pu).fold(0.0, f64::max);
    assert!(of(&before) < 1.05);
    let raised = done(&mut desk, &generator("114", 1500.0));
    assert!(of(&raised.report) > 1.05, "{}", of(&raised.report));
    let step = done(&mut desk, &Action::RunSimulation { manage: true });
    assert!(of(&step.report) <= 1.05 * (1.0 + 2e-6), "{}", of(&step.report));
    let share = desk.state().generators["gen_114_1"].share;
    assert!(share > 0.05 && share < 1.0, "{share}: {:?}", step.acts);
}

#[test]
fn a_poor_power_factor_is_compensated_to_the_least() {
    let mut desk = stiff(1e6);
    Arc::make_mut(&mut desk.zones).limits.power_factor_min = 0.8;
    let step = done(&mut desk, &Action::RunSimulation { manage: true });
    let there = bus(&step.report, "b");
    assert!((there.p_kw - 300.0).abs() < 1e-2 && (there.q_kvar - 225.0).abs() < 1e-2, "{} {}", there.p_kw, there.q_kvar);
}

#[test]
fn what_does_not_do_is_told_field_by_field_and_changes_nothing() {
    let mut desk = ieee123();
    done(&mut desk, &register("p", 1.0, 0.9));
    done(&mut desk, &Action::SubscribeDfp { bus_name: "1".into(), dfp_number: 1 });
    let before = desk.state().clone();
    let program = |name: &str| name.to_owned();
    for (action, wanted) in [
        (Action::ModifyLoadNeighbourhood { neighbourhood: 99, factor: -1.0 }, &["neighbourhood", "factor"][..]),
        (Action::ModifyLoadNeighbourhood { neighbourhood: 1, factor: f64::NAN }, &["factor"]),
        (household("nowhere", None, Some(1.0), None, None), &["bus_name"]),
        (household("3", None, Some(1.0), None, None), &["bus_name"]),
        (household("1", Some("other"), Some(1.0), None, None), &["load_name"]),
        (household("1", None, None, None, None), &["factor"]),
        (household("1", None, None, Some(1.0), None), &["new_kw"]),
        (household("1", None, Some(1.0), None, Some(1.0)), &["factor"]),
        (household("1", None, Some(-5.0), Some(f64::INFINITY), None), &["new_kw", "new_kvar"]),
        (generator("nowhere", -1.0), &["bus_name", "kw"]),
        (device("1", "", -1.0, None, Some(1.2), Some(4)), &["phases", "device_name", "kw", "pf"]),
        (device("2", "d", 1.0, None, None, Some(3)), &["phases"]),
        (device("1", "d", 10.0, Some(10.0), Some(0.98), None), &["pf"]),
        (register("P", 1.0, 0.9), &["name"]),
        (register("q", -1.0, 0.0), &["min_power_kw", "target_pf"]),
        (register("a/b", 1.0, 1.0), &["name"]),
        (update("x", None, None, ProgramRules::default()), &["name", "min_power_kw"]),
        (Action::DeleteDfp { name: program("x") }, &["name"]),
        (Action::SubscribeDfp { bus_name: "x".into(), dfp_number: 9 }, &["bus_name", "dfp_number"]),
        (Action::SubscribeDfp { bus_name: "1".into(), dfp_number: 1 }, &["bus_name"]),
        (Action::UnsubscribeDfp { bus_name: "2".into(), dfp_number: 1 }, &["bus_name"]),
        (Action::ExecuteDfp { dfp_name: program("x") }, &["dfp_name"]),
    ] {
        assert_eq!(fields(&desk, &action), wanted, "{action:?}");
        assert_eq!(*desk.state(), before);
    }
    // A load that the feeder cannot supply draws by its model far less than it asks for, and that is told.
    let step = desk.ask(&household("114", None, Some(200_000.0), Some(100_000.0), None), AT).unwrap();
    assert!(step.notes.iter().any(|n| n.contains("draw more or less than they ask for")), "{:?}", step.notes);
    assert_eq!(*desk.state(), before);
}

/// A random action, sensible and not.
fn any(random: &mut Random) -> Action {
    let buses = ["1", "2", "35", "48", "49", "76", "114", "nowhere"];
    let b = buses[random.whole(0, 7) as usize].to_owned();
    let kw = random.between(-5.0, 80.0);
    let name = format!("d{}", random.whole(0, 3));
    match random.whole(0, 10) {
        0 => Action::RunSimulation { manage: random.chance(0.5) },
        1 => Action::ModifyLoadNeighbourhood { neighbourhood: random.whole(0, 15) as u32, factor: random.between(-0.2, 3.0) },
        2 => household(&b, None, Some(kw), Some(kw / 3.0), None),
        3 => household(&b, None, None, None, Some(random.between(0.0, 2.0))),
        4 => generator(&b, 5.0 * kw),
        5 | 6 => device(&b, &name, kw, None, Some(random.between(0.5, 1.1)), None),
        7 => Action::DisconnectDevice { bus_name: b, device_name: name },
        8 => register(&name, kw, random.between(0.7, 1.05)),
        9 => Action::SubscribeDfp { bus_name: b, dfp_number: random.whole(1, 4) as u32 },
        _ => {
            if random.chance(0.3) {
                Action::DeleteDfp { name }
            } else {
                Action::ExecuteDfp { dfp_name: name }
            }
        }
    }
}

#[test]
fn undoing_everything_leads_back_and_a_journal_leads_to_the_same() {
    for seed in 0..3 {
        let mut random = Random::new(seed, 77, 0);
        let mut desk = ieee123();
        let mut entries: Vec<Entry> = Vec::new();
        for i in 0..60 {
            let action = any(&mut random);
            let before = desk.state().clone();
            let Ok(step) = desk.ask(&action, AT) else {
                assert_eq!(*desk.state(), before);
                continue;
            };
            desk.take(&step);
            let (message, changes) = (step.message, step.changes);
            let entry = Entry {
                seq: i + 1,
                at: AT.into(),
                user: "u".into(),
                action: Some(action),
                undoes: None,
                message,
                changes,
                acts: Vec::new(),
                notes: Vec::new(),
            };
            // As a journal keeps it.
            entries.push(serde_json::from_str(&serde_json::to_string(&entry).unwrap()).unwrap());
        }
        let mut again = ieee123();
        entries.iter().for_each(|e| again.restore(&e.changes));
        assert_eq!(again.state(), desk.state());
        assert_eq!(again.report().unwrap().summary.total_kw, desk.report().unwrap().summary.total_kw);
        let mut n = 0;
        while let Some(last) = last_to_undo(&entries) {
            let changes = undoing(last);
            desk.restore(&changes);
            let undo = Entry { seq: entries.len() as u64 + 1000, undoes: Some(last.seq), changes, action: None, ..last.clone() };
            entries.push(undo);
            n += 1;
        }
        assert!(n > 15, "{n}");
        let left = DeskState { last_program: 0, ..desk.state().clone() };
        assert_eq!(left, DeskState::default());
    }
}

#[test]
fn transformers_make_neighbourhoods() {
    let script = "Clear\nNew Circuit.c basekv=12.47 bus1=a\n\
        New Line.l1 bus1=a bus2=b length=1\nNew Line.l2 bus1=b bus2=c length=1\n\
        New Transformer.t1 phases=3 windings=2 buses=[b d] kvs=[12.47 0.48] kvas=[150 150] xhl=4\n\
        New Transformer.t2 phases=3 windings=2 buses=[c e] kvs=[12.47 0.48] kvas=[75 75] xhl=4\n\
        New Line.s bus1=d bus2=f length=0.05\nNew Load.x bus1=f kV=0.48 kW=60 kvar=20\nNew Load.y bus1=e kV=0.48 kW=20 kvar=5\n\
        Set VoltageBases=[12.47 0.48]\nCalcVoltageBases\nSolve\n";
    let mut desk = of_script(script, Neighbourhoods::default());
    let zones = of_transformers(&desk.base);
    let told: Vec<(u32, Vec<&str>, &str)> = zones
        .neighbourhoods
        .iter()
        .map(|z| (z.pincode, z.buses.iter().map(String::as_str).collect(), z.transformer_bus.as_str()))
        .collect();
    assert_eq!(told, [(1, vec!["d", "f"], "b"), (2, vec!["e"], "c")]);
    desk = Desk::new(desk.base.clone(), zones).unwrap();
    let zone = desk.report().unwrap().neighbourhoods.remove(0);
    // Its transformer's own flow, with its losses: more than the load of 60 kW.
    assert!(zone.p_kw > 60.0 && zone.p_kw < 63.0, "{zone:?}");
    let faulty = Neighbourhoods {
        neighbourhoods: vec![
            Neighbourhood {
                pincode: 1,
                buses: vec!["d".into(), "zz".into()],
                transformer_bus: "b".into(),
                transformer: Some("t9".into()),
                kva: Some(-1.0),
            },
            Neighbourhood { pincode: 1, buses: vec!["D".into()], transformer_bus: "b".into(), transformer: None, kva: None },
        ],
        limits: FeederLimits { power_factor_min: 0.0, ..FeederLimits::default() },
    };
    assert_eq!(check_neighbourhoods(&desk.base, &faulty).len(), 6, "{:?}", check_neighbourhoods(&desk.base, &faulty));
}
