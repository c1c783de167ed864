//! What cannot be studied is said, all at once.

mod stability_cases;

use network::dynamics::Dynamics;
use network::{BusId, Diagnostic, ElementId, ElementKind};
use num_complex::Complex64;
use stability_cases::{branch, bus, case, dynamics, records};
use studies::stability::{Action, ClearingBounds, Event, FaultKind, LoadModel, Options, Place, WithoutRecord, prepare};

fn codes(found: &[Diagnostic]) -> Vec<&str> {
    let mut codes: Vec<&str> = found.iter().map(|d| d.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

fn refused(dynamics: &Dynamics) -> Vec<Diagnostic> {
    prepare(&case("stability-ieee9"), dynamics, &Options::default()).expect_err("it is refused")
}

#[test]
fn all_faults_of_records_come_at_once() {
    let text = "1 'GENROU' 1 8.96 0.04 0.31 0.06 0.0 0.0 0.146 0.0969 0.2 0.0969 0.04 0.03 0.3 0.1 /\n\
                1 'SEXS' 1 0.1 -10 0 0.05 5 -5 /\n1 'TGOV1' 1 0.0 0.5 0.0 1.0 2.1 0.0 0 /\n\
                2 'GENCLS' 1 5 -1 /\n2 'IEEET1' 1 0 20 0.2 5 -5 1 0.3 0.06 0.35 0 2 0.1 1 0.2 /\n\
                2 'GENCLS' 1 5 0 /\n8 'GENCLS' 1 5 0 /\n";
    let wanted = [
        "STABILITY.EXCITER.GAIN",
        "STABILITY.EXCITER.LIMITS",
        "STABILITY.EXCITER.NO_FIELD",
        "STABILITY.EXCITER.SATURATION",
        "STABILITY.EXCITER.TIME_CONSTANT",
        "STABILITY.GOVERNOR.DROOP",
        "STABILITY.GOVERNOR.LIMITS",
        "STABILITY.GOVERNOR.TIME_CONSTANT",
        "STABILITY.MACHINE.DAMPING",
        "STABILITY.MACHINE.INERTIA",
        "STABILITY.MACHINE.NO_RECORD",
        "STABILITY.MACHINE.REACTANCES",
        "STABILITY.MACHINE.SATURATION",
        "STABILITY.RECORD.NO_MACHINE",
        "STABILITY.RECORD.TWICE",
    ];
    let found = refused(&records(text));
    assert_eq!(codes(&found), wanted);
    assert!(found.iter().all(|d| d.source.is_some()), "every one says where");
}

#[test]
fn time_constants_of_machines_must_be_there() {
    let text = "1 'GENROU' 1 0 0.04 0.31 0.06 5 0.0 0.146 0.0969 0.06 0.0969 0.04 0.03 0 0 /\n2 'TWOAXIS' 1 6 -1 6.4 0 0.9 0.86 0.12 0.2 0 0 /\n\
                3 'GENSAL' 1 5 0.04 0 3 0 1.3 1.2 0.18 0.1 0.09 0 0 /\n";
    let found = refused(&records(text));
    assert_eq!(codes(&found), ["STABILITY.MACHINE.TIME_CONSTANT"]);
    assert_eq!(found.len(), 3);
}

#[test]
fn a_start_beyond_a_limit_is_refused() {
    let text = "1 'GENCLS' 1 5 0 /\n2 'GENROU' 1 6.0 0.04 0.535 0.06 6.4 0 0.8958 0.8645 0.1198 0.1969 0.089 0.06 0 0 /\n3 'GENCLS' 1 5 0 /\n\
                2 'SEXS' 1 0.1 10 100 0.05 -1 1.2 /\n2 'TGOV1' 1 0.05 0.5 1.0 0 2 7 0 /\n";
    let found = refused(&records(text));
    assert_eq!(codes(&found), ["STABILITY.LIMIT.AT_START"]);
    assert_eq!(found.len(), 2, "the field voltage and the valve");
}

#[test]
fn a_power_flow_without_solution_is_refused() {
    let mut network = case("stability-ieee9");
    network.power_loads.iter_mut().for_each(|l| l.p_mw *= 10.0);
    let found = prepare(&network, &dynamics("stability-ieee9/classical.dyr"), &Options::default()).expect_err("no solution");
    assert_eq!(found[0].code, "STABILITY.POWERFLOW.UNSOLVED");
    assert!(found.len() > 1, "and why");
}

#[test]
fn options_out_of_range_are_refused_together() {
    let options = Options {
        step_s: 0.0,
        load_threshold_pu: 2.0,
        loads: LoadModel::Zip { p: [1.0, 0.5, 0.0], q: [1.0, 0.0, 0.0] },
        ..Options::default()
    };
    let found = prepare(&case("stability-ieee9"), &dynamics("stability-ieee9/classical.dyr"), &options).expect_err("it is refused");
    assert_eq!(codes(&found), ["STABILITY.OPTION.RANGE"]);
    assert!(found.len() >= 3);
}

#[test]
fn machines_without_a_record_may_stand_as_admittances() {
    let records = records("1 'GENCLS' 1 23.64 0 /\n2 'GENCLS' 1 6.4 0 /\n");
    let options = Options { without_record: WithoutRecord::Admittance, duration_s: 1.0, ..Options::default() };
    let study = prepare(&case("stability-ieee9"), &records, &options).unwrap();
    assert_eq!(codes(&study.findings), ["STABILITY.DEVICE.ADMITTANCE", "STABILITY.MACHINE.NO_RECORD"]);
    let run = study.run(&[]).unwrap();
    assert!(run.verdict.stable && (run.verdict.final_hz - 60.0).abs() < 1e-9);
}

#[test]
fn events_that_cannot_be_are_refused_together() {
    let network = case("stability-ieee9");
    let study = prepare(&network, &dynamics("stability-ieee9/classical.dyr"), &Options::default()).unwrap();
    let fault = |place, z| Action::Fault { place, kind: FaultKind::ThreePhase, z_fault_pu: Complex64::new(z, 0.0) };
    let line = branch(&network, "5-7-1");
    let load = ElementId::new(ElementKind::PowerLoad, 0);
    let actions = [
        (-1.0, fault(Place::Bus(bus(&network, 7)), 0.0)),
        (1.0, fault(Place::Bus(BusId(99)), 0.0)),
        (1.0, fault(Place::Line { branch: line, fraction: 1.0 }, 0.0)),
        (1.0, fault(Place::Line { branch: load, fraction: 0.5 }, -1.0)),
        (1.0, Action::Open { branch: load }),
        (1.0, Action::TripMachine { machine: ElementId::new(ElementKind::Machine, 9) }),
    ];
    let events = actions.map(|(t_s, action)| Event { t_s, action });
    let found = study.run(&events).expect_err("they cannot be");
    let wanted = [
        "STABILITY.EVENT.BRANCH",
        "STABILITY.EVENT.BUS",
        "STABILITY.EVENT.FRACTION",
        "STABILITY.EVENT.IMPEDANCE",
        "STABILITY.EVENT.MACHINE",
        "STABILITY.EVENT.TIME",
    ];
    assert_eq!(codes(&found), wanted);
    let bounds = ClearingBounds { low_s: 0.5, high_s: 0.2, tolerance_s: 1e-4 };
    let found = study.critical_clearing(&|_| Vec::new(), &bounds).expect_err("bounds the wrong way round");
    assert_eq!(codes(&found), ["STABILITY.CLEARING.BOUNDS"]);
}
