//! A series solved in batches is the series solved one step at a time: voltages within 1e-9 per unit, the same actions of controls at the
//! same hours; and both are what single solutions give that know nothing of a series.

mod common;

use gridtwin::model::Model;
use network::{ControlMode, SolutionMode};
use num_complex::Complex64;
use powerflow::series::{SeriesPath, run_series_by};
use powerflow::{Observer, State, Step};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

const LIMIT_PU: f64 = 1e-9;

struct Feeder {
    name: &'static str,
    master: PathBuf,
    setup: Vec<&'static str>,
    mode: SolutionMode,
    steps: u32,
    step_s: f64,
    /// Loads sit where their law jumps, so that perhaps no step comes out of a batch.
    jumps: bool,
}

/// Voltages of every step.
#[derive(Default)]
struct Record {
    v: Vec<Vec<Complex64>>,
    unsettled: usize,
}

impl Observer for Record {
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        self.v.push(step.state.voltages().to_vec());
        self.unsettled += usize::from(!step.progress.settled());
        ControlFlow::Continue(())
    }
}

fn state(feeder: &Feeder, controls: ControlMode) -> State {
    let setup: Vec<String> = feeder.setup.iter().map(|s| (*s).to_owned()).collect();
    let mut model = Model::read_with(&feeder.master, &setup, false).unwrap_or_else(|f| panic!("{}: {:?}", feeder.name, f.diagnostics));
    let o = &mut model.network.options;
    (o.mode, o.control_mode, o.step_s) = (feeder.mode, controls, feeder.step_s);
    (o.hour, o.second, o.tolerance_pu, o.max_iterations, o.max_control_iterations) = (0, 0.0, 1e-10, 500, 200);
    model.session.series_state(&model.network, true).expect("the circuit compiles")
}

/// Largest distance of two records, per unit of each node's base.
fn distance_pu(a: &Record, b: &Record, state: &State) -> f64 {
    assert_eq!(a.v.len(), b.v.len());
    let circuit = state.circuit();
    let mut largest = 0.0_f64;
    for (a, b) in a.v.iter().zip(&b.v) {
        for n in 1..=circuit.n_nodes() {
            let base_v = 1e3 * circuit.kv_base_ln(n as u32);
            let base_v = if base_v > 0.0 { base_v } else { a[n].norm().max(1.0) };
            let d = (a[n] - b[n]).norm() / base_v;
            assert!(d.is_finite());
            largest = largest.max(d);
        }
    }
    largest
}

fn holds(feeder: &Feeder) {
    for controls in [ControlMode::Off, ControlMode::Static, ControlMode::Time] {
        let start = state(feeder, controls);
        let run = |path| {
            let (mut state, mut record) = (start.clone(), Record::default());
            let report = run_series_by(path, &mut state, feeder.steps, &mut record).expect("the series runs");
            if path == SeriesPath::Stepwise || !feeder.jumps {
                assert_eq!(report.batched > 0, path == SeriesPath::Batched, "{}: {report:?}", feeder.name);
            }
            (state, record)
        };
        let (batched_state, batched) = run(SeriesPath::Batched);
        let (stepwise_state, stepwise) = run(SeriesPath::Stepwise);
        let (mut single_state, mut single) = (start.clone(), Record::default());
        for _ in 0..feeder.steps {
            // A run of one step takes no series' short cuts.
            run_series_by(SeriesPath::Stepwise, &mut single_state, 1, &mut single).expect("the step runs");
        }
        let name = format!("{}, controls {controls:?}", feeder.name);
        let unsettled = [batched.unsettled, stepwise.unsettled, single.unsettled];
        assert_eq!(unsettled, [0; 3], "{name}: steps that did not settle, in batches, stepwise and singly");
        assert_eq!(batched_state.events(), stepwise_state.events(), "{name}: other actions in batches");
        assert_eq!(batched_state.events(), single_state.events(), "{name}: other actions in single solutions");
        let (a, b) = (distance_pu(&batched, &stepwise, &start), distance_pu(&batched, &single, &start));
        assert!(a <= LIMIT_PU && b <= LIMIT_PU, "{name}: {a:.1e} pu from single steps, {b:.1e} pu from single solutions");
    }
}

fn shipped(name: &'static str, master: &str, setup: Vec<&'static str>, steps: u32, step_s: f64) -> Feeder {
    Feeder { name, master: common::root().join("models").join(master), setup, mode: SolutionMode::Daily, steps, step_s, jumps: false }
}

/// Two shapes that do not keep step with each other, so that loads differ in more than one factor.
const SHAPES: [&str; 2] = [
    "New LoadShape.home npts=24 interval=1 mult=(0.45 0.4 0.38 0.37 0.38 0.42 0.55 0.7 0.68 0.6 0.58 0.6 0.62 0.6 0.6 0.65 0.75 0.9 1.0 0.98 0.9 0.8 0.65 0.5)",
    "New LoadShape.shop npts=7 interval=2 mult=(0.2 0.35 0.9 1.0 0.95 0.6 0.3) qmult=(0.3 0.3 0.8 1.1 0.9 0.5 0.4)",
];

#[test]
fn regulators_and_capacitors_on_the_123_node_feeder() {
    let setup = vec![SHAPES[0], SHAPES[1], "batchedit load..* daily=home", "batchedit load.s4.* daily=shop"];
    holds(&shipped("ieee123", "ieee123/ieee123.dss", setup, 96, 900.0));
}

#[test]
fn loads_of_all_models_with_sun_and_a_generator() {
    let setup = vec![
        SHAPES[0],
        SHAPES[1],
        "New LoadShape.sun npts=24 interval=1 mult=(0 0 0 0 0 0.02 0.1 0.3 0.5 0.7 0.85 0.95 1 0.97 0.9 0.75 0.55 0.3 0.1 0.01 0 0 0 0)",
        "New Tshape.warm npts=24 interval=1 temp=(12 11 11 10 10 11 13 16 19 22 25 27 29 30 30 29 27 24 21 19 17 15 14 13)",
        "New XYCurve.panel npts=3 xarray=(0 25 75) yarray=(1.1 1 0.8)",
        "New XYCurve.eff npts=4 xarray=(0.1 0.2 0.4 1) yarray=(0.86 0.9 0.93 0.97)",
        "batchedit load..* daily=home",
        "New Load.m2 bus1=671.1.2.3 phases=3 kv=4.16 kw=90 pf=0.95 model=2 daily=shop",
        "New Load.m3 bus1=671.1.2.3 phases=3 kv=4.16 kw=60 pf=0.9 model=3 daily=shop",
        "New Load.m4 bus1=675.2 phases=1 kv=2.4 kw=60 pf=0.9 model=4 cvrwatts=0.8 cvrvars=2.6 daily=shop",
        "New Load.m5 bus1=675.1.2 phases=1 kv=4.16 conn=delta kw=60 pf=0.97 model=5 daily=shop",
        "New Load.m8 bus1=675.3 phases=1 kv=2.4 kw=40 pf=0.9 model=8 zipv=(0.3 0.3 0.4 0.2 0.5 0.3 0.6) daily=shop",
        "New Load.actual bus1=675.1 phases=1 kv=2.4 kw=40 pf=0.9 daily=real",
        "New PVSystem.pv bus1=675.1.2.3 phases=3 kv=4.16 kva=400 pmpp=380 irradiance=1 pf=0.98 %cutin=5 %cutout=5 effcurve=eff p-tcurve=panel daily=sun tdaily=warm",
        "New Generator.g bus1=680.1.2.3 phases=3 kv=4.16 kw=100 pf=0.9 model=1 daily=shop",
    ];
    let mut setup = setup;
    setup.insert(2, "New LoadShape.real npts=6 interval=1 useactual=yes mult=(10 20 35 50 30 15) qmult=(2 4 9 12 6 3)");
    holds(&shipped("ieee13 with everything", "ieee13/ieee13.dss", setup, 60, 1800.0));
}

/// One conductor of a lateral is open: its phase beyond hangs on the load between the phases, whose own admittance the iteration needs.
#[test]
fn a_phase_that_hangs_on_a_load() {
    let lateral = [
        "New Line.spur bus1=671.1.2 bus2=spur.1.2 phases=2 length=2 units=kft r1=.3 x1=.4 r0=.6 x0=1.2 c1=3 c0=2",
        "New Line.end bus1=spur.1.2 bus2=end.1.2 phases=2 length=1 units=kft r1=.3 x1=.4 r0=.6 x0=1.2 c1=3 c0=2",
        "New Load.across bus1=end.1.2 phases=1 kv=4.16 kw=30 pf=0.9 daily=home",
        "Open Line.end 1 1",
    ];
    let setup = [SHAPES[0]].into_iter().chain(lateral).chain(["batchedit load..* daily=home"]).collect();
    holds(&shipped("ieee13 with an open conductor", "ieee13/ieee13.dss", setup, 48, 1800.0));
}

/// The feeders of the reference folder, where it is there.
#[test]
fn larger_feeders() {
    let Some(folder) = common::feeders() else { return };
    let at = |path: &str| -> PathBuf { Path::new(&folder).join(path) };
    let feeders = [
        Feeder {
            name: "ckt5",
            master: at("ckt5/Master_ckt5.dss"),
            setup: vec![],
            mode: SolutionMode::Yearly,
            steps: 60,
            step_s: 3600.0,
            jumps: true,
        },
        Feeder {
            name: "ieee8500",
            master: at("ieee8500/Master.dss"),
            setup: vec!["redirect LoadShape1.DSS", "batchedit load..* yearly=loadshape1"],
            mode: SolutionMode::Yearly,
            steps: 40,
            step_s: 3600.0,
            jumps: false,
        },
    ];
    for feeder in feeders {
        holds(&feeder);
    }
}
