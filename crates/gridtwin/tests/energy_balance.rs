//! Energy over a day on the feeders that ship: what enters is used or lost, whoever counts it.
//!
//! A meter at the head of the feeder, monitors at its source and its loads, and the sum of the steps count the same energies on three ways
//! through the code: registers, records, and the tables of a solution.

mod common;

use gridtwin::model::Model;
use network::{ElementKind, Network};
use powerflow::metering::energy_meter::EnergyMeters;
use powerflow::metering::monitor::Monitors;
use powerflow::{Observer, Step, run_series};
use std::ops::ControlFlow;

const STEPS: u32 = 24;

/// Part of the energy that the three may differ by: sums of a few thousand products, and a solution settled to 1e-10.
const PART: f64 = 1e-8;

/// The one element that delivers power from the source's bus, as `class.name`.
fn head(network: &Network) -> String {
    let bus = network.voltage_sources[0].common.terminals[0].bus;
    let heads: Vec<_> = network
        .order
        .iter()
        .filter(|id| matches!(id.kind, ElementKind::Line | ElementKind::Transformer))
        .filter(|&&id| network.common(id).enabled && network.common(id).terminals[0].bus == bus)
        .collect();
    assert_eq!(heads.len(), 1, "the feeder has one head");
    network.full_name(*heads[0])
}

/// Energies that the steps' own solutions add up to, kWh.
#[derive(Default)]
struct Sums {
    loads_kwh: f64,
    losses_kwh: f64,
}

/// Everything that looks at a step.
struct Day<'a> {
    monitors: Monitors,
    meters: powerflow::metering::energy_meter::MeterReader<'a>,
    sums: Sums,
}

impl Observer for Day<'_> {
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        self.monitors.sample(step);
        let state = step.state;
        for (index, e) in state.circuit().elements().iter().enumerate() {
            let mut i = vec![num_complex::Complex64::ZERO; e.nodes.len()];
            state.currents_into(index, &mut i);
            let p_w: f64 = e.nodes.iter().zip(&i).map(|(&n, i)| (state.voltages()[n as usize] * i.conj()).re).sum();
            match e.id.kind {
                ElementKind::Load => self.sums.loads_kwh += p_w / 1e3,
                ElementKind::Line | ElementKind::Transformer | ElementKind::Capacitor | ElementKind::Reactor => {
                    self.sums.losses_kwh += p_w / 1e3;
                }
                _ => {}
            }
        }
        self.meters.step(step)
    }
}

fn day(name: &str) {
    let master = common::root().join("models").join(name).join(format!("{name}.dss"));
    let read = |commands: &[String]| Model::read_with(&master, commands, false).unwrap_or_else(|e| panic!("{name}: {:?}", e.diagnostics));
    let first = read(&[]).network;
    let mut commands = vec![
        "new loadshape.day npts=24 interval=1 mult=(.5 .45 .42 .4 .4 .45 .55 .7 .75 .8 .85 .9 .9 .85 .85 .9 1 1.1 1.15 1.1 1 .85 .7 .6)"
            .to_owned(),
        "batchedit load..* daily=day".to_owned(),
        format!("new energymeter.head element={} terminal=1", head(&first)),
        "new monitor.source element=vsource.source mode=65 ppolar=no".to_owned(),
        format!("new monitor.head element={} terminal=1 mode=1 ppolar=no", head(&first)),
    ];
    let loads = first.loads.iter().filter(|l| l.common.enabled);
    commands.extend(loads.map(|l| format!("new monitor.load_{0} element=load.{0} mode=9", l.common.name)));
    commands.push("set mode=daily stepsize=1h number=24 hour=0 tolerance=1e-10 maxiterations=500 maxcontroliter=200".to_owned());
    let Model { network, mut session, .. } = read(&commands);
    let mut state = session.series_state(&network, true).expect("the feeder compiles");
    let meters = EnergyMeters::compile(state.circuit()).expect("one meter");
    let mut registers = meters.reset();
    let monitors = Monitors::compile(state.circuit());
    assert!(monitors.refused().is_empty(), "{name}: {:?}", monitors.refused());
    let mut observer = Day { monitors, meters: meters.observer(&mut registers), sums: Sums::default() };
    let report = run_series(&mut state, STEPS, &mut observer).expect("the day solves");
    assert_eq!((report.steps, report.unsettled), (STEPS, 0), "{name}");
    let (monitors, sums) = (observer.monitors, observer.sums);
    let register = |wanted: &str| {
        let rows = meters.rows(&registers);
        rows.iter().find(|r| r.meter == "head" && r.register == wanted).unwrap_or_else(|| panic!("register {wanted}")).value
    };
    let tables = monitors.tables();
    let sum_of = |monitor: &str, is_wanted: fn(&str) -> bool| -> f64 {
        let of_monitor = tables.iter().filter(|t| t.name.starts_with(monitor));
        of_monitor.flat_map(|t| t.columns.iter().zip(&t.values).filter(|(c, _)| is_wanted(c)).flat_map(|(_, v)| v)).sum()
    };
    let entered_kwh = register("kWh");
    let same = |what: &str, found: f64, wanted: f64| {
        let apart = (found - wanted).abs() / entered_kwh;
        assert!(apart <= PART, "{name}: {what} {found} kWh, {wanted} kWh elsewhere ({apart:.1e} of what entered)");
    };
    assert!(entered_kwh > 1000.0, "{name}: {entered_kwh} kWh is no day of a feeder");
    same("what the source gave", -sum_of("source", |c| c.starts_with('P')), entered_kwh);
    same("what passed the head", sum_of("head", |c| c.starts_with('P')), entered_kwh);
    same("the loads' records", sum_of("load_", |c| c == "watts") / 1e3, register("Zone kWh"));
    same("the loads of the solutions", sums.loads_kwh, register("Zone kWh"));
    same("the losses of the solutions", sums.losses_kwh, register("Zone Losses kWh"));
    same("what was used and lost", register("Zone kWh") + register("Zone Losses kWh"), entered_kwh);
    assert!(register("Zone Losses kWh") > 0.0 && register("Zone Losses kWh") < 0.2 * entered_kwh, "{name}");
}

#[test]
fn a_day_of_the_13_node_feeder_balances() {
    day("ieee13");
}

#[test]
fn a_day_of_the_34_node_feeder_balances() {
    day("ieee34");
}

#[test]
fn a_day_of_the_37_node_feeder_balances() {
    day("ieee37");
}

#[test]
fn a_day_of_the_123_node_feeder_balances() {
    day("ieee123");
}
