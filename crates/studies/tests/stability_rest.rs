//! Nothing moves when nothing happens: every model stays at rest for ten seconds, with loads of every kind.

mod stability_cases;

use stability_cases::{case, dynamics, records};
use studies::stability::{LoadModel, Options, prepare};
use studies::table::{Table, Value};

fn value(row: &[Value], k: usize) -> f64 {
    match row[k] {
        Value::Number(x) => x,
        _ => panic!("a number in column {k}"),
    }
}

/// Largest change of a column against its first value of the same subject.
fn drift(table: &Table, column: usize, subjects: usize) -> f64 {
    let changes = table.rows.iter().enumerate().map(|(i, r)| value(r, column) - value(&table.rows[i % subjects], column));
    changes.fold(0.0, |a: f64, b| a.max(b.abs()))
}

#[test]
fn every_model_stays_at_rest() {
    let salient = "1 'GENSAL' 1 8.96 0.04 0.06 23.64 1.0 0.146 0.0969 0.0608 0.04 0.03 0.05 0.3 /\n\
                   2 'GENSAL' 1 6.0 0.04 0.06 6.4 1.0 0.8958 0.8645 0.1198 0.089 0.06 0.05 0.3 /\n\
                   3 'TWOAXIS' 1 5.89 0.0 3.01 2.0 1.3125 1.2578 0.1813 0.25 0.05 0.3 /\n\
                   1 'SEXS' 1 0.1 10 100 0.05 -5 5 /\n2 'IEEET1' 1 0.02 20 0.2 5 -5 0.0 0.314 0.063 0.35 0 1 0.02 2 0.09 /\n\
                   1 'GAST' 1 0.05 0.4 0.1 3 1 2 1 -0.05 0 /\n2 'GAST' 1 0.05 0.4 0.1 3 2.2 2 2 -0.05 0.1 /\n3 'TGOV1' 1 0.05 0 2 0 0 0 0.1 /\n";
    let cases = [
        ("stability-ieee9", dynamics("stability-ieee9/classical.dyr")),
        ("stability-ieee9", dynamics("stability-ieee9/two_axis.dyr")),
        ("stability-ieee9", dynamics("stability-ieee9/detailed.dyr")),
        ("stability-ieee9", records(salient)),
        ("stability-kundur", dynamics("stability-kundur/manual.dyr")),
        ("stability-kundur", dynamics("stability-kundur/sexs_tgov1.dyr")),
    ];
    let loads = [LoadModel::Impedance, LoadModel::AsStored, LoadModel::Zip { p: [0.0, 1.0, 0.0], q: [0.5, 0.2, 0.3] }];
    for (k, (name, dynamics)) in cases.iter().enumerate() {
        let options = Options { step_s: 0.01, sample_s: 0.5, loads: loads[k % 3], ..Options::default() };
        let study = prepare(&case(name), dynamics, &options).unwrap_or_else(|f| panic!("{name} {k}: {f:#?}"));
        let run = study.run(&[]).unwrap();
        assert!(run.verdict.stable && run.certificate.mismatch_pu < 1e-9, "{name} {k}: {:?} {:?}", run.verdict, run.certificate);
        let machines = run.trajectories.machine_table();
        let n = run.trajectories.machines().len();
        for (column, tolerance) in [(2, 1e-7), (4, 1e-9), (5, 1e-9), (6, 1e-9), (7, 1e-9), (8, 1e-9)] {
            let d = drift(&machines, column, n);
            assert!(d < tolerance, "{name} {k}: {} moves by {d}", machines.columns[column].name);
        }
        let buses = run.trajectories.bus_table();
        let n = buses.rows.iter().take_while(|r| value(r, 0) == 0.0).count();
        assert!(drift(&buses, 2, n) < 1e-9, "{name} {k}: voltages move");
    }
}
