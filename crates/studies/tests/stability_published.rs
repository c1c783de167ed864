//! Transient stability against published figures: the nine-bus system of Anderson and Fouad, the two-area system of Kundur.

mod stability_cases;

use stability_cases::{branch, bus, case, dynamics, machine};
use studies::stability::{Action, Clearing, ClearingBounds, Event, LoadModel, Options, bus_fault, prepare};
use studies::table::Value;

fn first(table: &studies::table::Table, machine: usize, column: usize) -> f64 {
    match table.rows[machine][column] {
        Value::Number(x) => x,
        _ => panic!("a number"),
    }
}

#[test]
fn nine_buses_start_and_critical_clearing() {
    let network = case("stability-ieee9");
    let options = Options { duration_s: 2.0, ..Options::default() };
    let study = prepare(&network, &dynamics("stability-ieee9/classical.dyr"), &options).unwrap();
    // Anderson and Fouad, example 2.6: 1.0566 at 2.2717 degrees, 1.0502 at 19.7315, 1.0170 at 13.1752, from a power flow printed to 0.1 Mvar, which
    // makes 0.01 degrees.
    let run = study.run(&bus_fault(bus(&network, 7), 0.0, 5.0 / 60.0, Some(branch(&network, "5-7-1")))).unwrap();
    let table = run.trajectories.machine_table();
    for (k, (e, angle)) in [(1.0566, 2.2717), (1.0502, 19.7315), (1.0170, 13.1752)].into_iter().enumerate() {
        assert!((first(&table, k, 5) - e).abs() < 1e-4, "{}", first(&table, k, 5));
        assert!((first(&table, k, 2) - angle).abs() < 1e-2, "{}", first(&table, k, 2));
    }
    // Cleared after five cycles the system is stable; the largest difference, of machines 2 and 1, is about 85 degrees after about 0.43 s.
    let v = &run.verdict;
    assert!(v.stable && (v.angle_deg - 85.0).abs() < 1.0 && (v.angle_s - 0.43).abs() < 0.02, "{v:?}");
    let events = |t: f64| bus_fault(bus(&network, 7), 0.0, t, Some(branch(&network, "5-7-1")));
    let bounds = ClearingBounds { low_s: 0.1, high_s: 0.3, tolerance_s: 1e-3 };
    let Clearing::Bracket { stable_s, unstable_s, .. } = study.critical_clearing(&events, &bounds).unwrap() else { panic!("a bracket") };
    assert!(stable_s > 0.160 && unstable_s < 0.165, "{stable_s} {unstable_s}");
}

#[test]
fn two_areas_swing_between_them_as_published() {
    // Kundur, table E12.3, manual excitation: the mode between the areas has 0.545 Hz and a damping ratio of 0.032, with active parts of loads of
    // constant current and reactive parts of constant impedance.
    let network = case("stability-kundur");
    let options = Options {
        step_s: 0.01,
        duration_s: 25.0,
        sample_s: 0.02,
        loads: LoadModel::Zip { p: [0.0, 1.0, 0.0], q: [1.0, 0.0, 0.0] },
        ..Options::default()
    };
    let study = prepare(&network, &dynamics("stability-kundur/manual.dyr"), &options).unwrap();
    // A small push: a step of load for 0.3 s.
    let at = bus(&network, 7);
    let step = |t_s, p_mw| Event { t_s, action: Action::LoadStep { bus: at, p_mw, q_mvar: 0.0 } };
    let run = study.run(&[step(0.5, 50.0), step(0.8, -50.0)]).unwrap();
    let damping = run.verdict.damping.clone().expect("a swing");
    assert!((damping.frequency_hz - 0.545).abs() < 0.01 && (damping.ratio - 0.032).abs() < 0.006, "{damping:?}");
}

#[test]
fn a_machine_that_is_lost_leaves_the_others_with_less_frequency() {
    let network = case("stability-kundur");
    let options = Options { step_s: 0.01, duration_s: 5.0, ..Options::default() };
    let study = prepare(&network, &dynamics("stability-kundur/sexs_tgov1.dyr"), &options).unwrap();
    let lost = machine(&network, 1);
    let run = study.run(&[Event { t_s: 1.0, action: Action::TripMachine { machine: lost } }]).unwrap();
    // 700 MW are lost; 6.5 + 6.175 + 6.175 s of 900 MVA are left, and loads that fall with their voltage help: the rate is at most that without help.
    let most = 60.0 * 700.0 / (2.0 * 900.0 * (6.5 + 6.175 + 6.175));
    let rate = run.verdict.rocof_hz_per_s.expect("a rate");
    assert!(rate < 0.0 && rate.abs() < most && rate.abs() > 0.3 * most, "{rate} Hz/s, at most {most}");
    assert!(run.verdict.nadir_hz < 59.9, "{:?}", run.verdict);
    let last = run.trajectories.machine_table().rows.iter().filter(|r| r[0] == Value::Number(5.0)).count();
    assert_eq!(last, 3, "the lost machine has no rows");
}

#[test]
fn a_line_that_is_reclosed_swings_less_than_one_that_stays_open() {
    let network = case("stability-ieee9");
    let study = prepare(&network, &dynamics("stability-ieee9/two_axis.dyr"), &Options { duration_s: 3.0, ..Options::default() }).unwrap();
    let line = branch(&network, "5-7-1");
    // Well below the critical time, 0.0837 s with these machines and exciters.
    let mut events = bus_fault(bus(&network, 7), 0.1, 0.05, Some(line));
    let open = study.run(&events).unwrap();
    events.push(Event { t_s: 0.45, action: Action::Close { branch: line } });
    let reclosed = study.run(&events).unwrap();
    assert!(open.verdict.stable && reclosed.verdict.stable, "{:?}", open.verdict);
    // After reclosing the network is that of the start, to which the swings return.
    let spread = |run: &studies::stability::Run| match run.trajectories.system_table().rows.last().map(|r| r[2].clone()) {
        Some(Value::Number(x)) => x,
        _ => panic!("a spread"),
    };
    assert!(reclosed.verdict.angle_deg <= open.verdict.angle_deg && spread(&open) != spread(&reclosed));
    assert!(open.certificate.mismatch_pu < 1e-8 && reclosed.certificate.mismatch_pu < 1e-8);
}
