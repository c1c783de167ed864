//! Statistics of a run against plain recomputation, step by step, from the voltages alone.

use formats::opendss::{FileSource, ReadOptions, read};
use network::ElementKind;
use num_complex::Complex64;
use powerflow::{Observer, Session, State, Step, run_series};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use studies::time_series::tables::{Row, StepRow};
use studies::time_series::{FeederResult, Keep, Series, TableBatch, TimeSeriesError, TimeSeriesOptions, VoltageLimits, run_feeder};

struct Disk;

impl FileSource for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, dir: &Path) -> std::io::Result<Vec<String>> {
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(name)
}

/// A day shape on every load.
const DAY: &[&str] = &[
    "new loadshape.day npts=24 interval=1 mult=[.45 .42 .4 .4 .42 .5 .62 .75 .8 .82 .85 .88 .9 .9 .92 .95 1.05 1.2 1.3 1.25 1.1 .9 .7 .55]",
    "batchedit load..* daily=day",
];

/// A state ready to step through time.
fn prepared(path: &Path, commands: &[&str], options: &TimeSeriesOptions) -> State {
    let mut session = Session::new();
    let read_options = ReadOptions { lenient: false, commands: commands.iter().map(|&c| c.to_owned()).collect() };
    let mut network = read(&Disk, path, &mut session, &read_options).map_err(|e| e.diagnostics).expect("the model can be read").network;
    options.apply(&mut network.options);
    session.series_state(&network, true).expect("the model can be compiled")
}

fn run(path: &Path, commands: &[&str], options: &TimeSeriesOptions) -> (FeederResult, Vec<TableBatch>) {
    let mut state = prepared(path, commands, options);
    let mut batches = Vec::new();
    let result = run_feeder(&mut state, options, &mut |_| ControlFlow::Continue(()), &mut |b| {
        batches.extend(b);
        ControlFlow::Continue(())
    });
    (result.expect("the feeder runs"), batches)
}

/// Voltages, currents and powers of every settled step, as plain vectors.
#[derive(Default)]
struct Everything {
    hour: Vec<f64>,
    v: Vec<Vec<Complex64>>,
    i: Vec<Vec<Vec<Complex64>>>,
    taps: Vec<HashMap<usize, f64>>,
}

impl Observer for Everything {
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        assert!(step.progress.settled());
        let state = step.state;
        self.hour.push(state.options.hour_f64());
        self.v.push(state.voltages().to_vec());
        self.i.push((0..state.circuit().elements().len()).map(|k| state.element_currents(k)).collect());
        let regulated = state.circuit().network().regulator_controls.iter().enumerate();
        self.taps.push(regulated.map(|(k, c)| (k, state.taps(c.transformer.unwrap()).unwrap()[c.tap_winding])).collect());
        ControlFlow::Continue(())
    }
}

#[track_caller]
fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{what}: {found} for {expected}");
}

#[test]
fn statistics_are_those_of_the_full_series() {
    let options = TimeSeriesOptions {
        mode: network::SolutionMode::Daily,
        steps: 53,
        // So narrow that there are violations of every kind.
        limits: VoltageLimits { a_low_pu: 0.985, a_high_pu: 1.02, b_low_pu: 0.975, b_high_pu: 1.04 },
        tolerance_pu: Some(1e-8),
        ..TimeSeriesOptions::default()
    };
    // One rating so low that the line is beyond it for part of the day.
    let mut commands = DAY.to_vec();
    commands.push("line.8_13.normamps=150");
    commands.push("line.8_13.emergamps=200");
    let path = model("ieee123/ieee123.dss");
    let (result, batches) = run(&path, &commands, &options);
    assert!(batches.is_empty(), "no full series was asked for");
    let mut state = prepared(&path, &commands, &options);
    let mut all = Everything::default();
    let report = run_series(&mut state, options.steps, &mut all).unwrap();
    let circuit = state.circuit();
    let network = circuit.network();
    assert_eq!(result.totals.steps, 53);
    assert_eq!((result.totals.iterations, result.totals.control_iterations), (report.iterations, report.control_iterations));
    assert!(result.unsettled.is_empty());

    // Nodes.
    let mut violations = [0.0; 4];
    for row in &result.nodes {
        let bus = network.bus_id(&row.bus).unwrap();
        let number = circuit.node_number(bus, u32::from(row.phase)) as usize;
        let v: Vec<f64> = all.v.iter().map(|v| v[number].norm() / (row.kv_base_ln * 1e3)).collect();
        let (low, high) = (v.iter().copied().fold(f64::INFINITY, f64::min), v.iter().copied().fold(0.0, f64::max));
        close(row.v_min_pu.unwrap(), low, &row.node);
        close(row.v_max_pu.unwrap(), high, &row.node);
        close(row.v_mean_pu.unwrap(), v.iter().sum::<f64>() / 53.0, &row.node);
        // Hours of equal load have equal voltages but for rounding, so the voltage at the hour is compared and not the hour.
        let at = |hour: f64| v[all.hour.iter().position(|&h| h == hour).expect("an hour of the run")];
        close(at(row.v_min_hour.unwrap()), low, &row.node);
        close(at(row.v_max_hour.unwrap()), high, &row.node);
        let mut sorted = v.clone();
        sorted.sort_by(f64::total_cmp);
        for (found, share) in [(row.v_p01_pu, 0.01), (row.v_p05_pu, 0.05), (row.v_p50_pu, 0.5), (row.v_p95_pu, 0.95), (row.v_p99_pu, 0.99)]
        {
            let (below, above) = (sorted[(share * 53.0f64).ceil() as usize - 1], sorted[((share * 53.0) as usize).min(52)]);
            let found = found.unwrap();
            assert!(found > below - 2e-4 && found < above + 2e-4, "{} {share}: {found} for {below} to {above}", row.node);
        }
        let hours = |is: &dyn Fn(f64) -> bool| v.iter().filter(|&&v| is(v)).count() as f64;
        assert_eq!(row.hours_below_a, hours(&|v| v < 0.985), "{}", row.node);
        assert_eq!(row.hours_above_a, hours(&|v| v > 1.02), "{}", row.node);
        assert_eq!(row.hours_below_b, hours(&|v| v < 0.975), "{}", row.node);
        assert_eq!(row.hours_above_b, hours(&|v| v > 1.04), "{}", row.node);
        for (sum, hours) in violations.iter_mut().zip([row.hours_below_a, row.hours_above_a, row.hours_below_b, row.hours_above_b]) {
            *sum += hours;
        }
    }
    assert!(violations.iter().all(|&h| h > 10.0), "the test exercises little: {violations:?}");
    assert_eq!(result.nodes.len(), circuit.reported().iter().filter(|&&n| circuit.kv_base_ln(n) > 0.0).count());

    // Elements.
    let (mut lines, mut transformers) = (vec![0.0; 53], vec![0.0; 53]);
    let mut losses = vec![0.0; 53];
    let mut overloaded = 0.0;
    for row in &result.elements {
        let id = network.find(&row.element).unwrap();
        let index = circuit.index_of(id).unwrap();
        let e = &circuit.elements()[index];
        let (n, phases) = (e.n_conductors, network.common(id).n_phases);
        let power = |t: usize, terminal: usize| {
            let conductors = terminal * n..(terminal + 1) * n;
            conductors.map(|k| all.v[t][e.nodes[k] as usize] * all.i[t][index][k].conj()).sum::<Complex64>()
        };
        let phase_currents =
            |t: usize, terminal: usize| (0..phases).map(move |c| terminal * n + c).map(|k| all.i[t][index][k].norm()).collect::<Vec<_>>();
        let largest = |x: Vec<f64>| x.into_iter().fold(0.0, f64::max);
        let mut loading = Vec::new();
        let (mut forward, mut reverse, mut lost) = (0.0, 0.0, 0.0);
        let mut s_max: f64 = 0.0;
        let mut unbalance = Vec::new();
        let rated_a = match id.kind {
            ElementKind::Transformer => {
                let w = &network.transformers[id.index()].windings[0];
                w.kva / phases as f64 / if phases == 1 { w.kv } else { w.kv / 3f64.sqrt() }
            }
            _ => row.rating_a.unwrap(),
        };
        for t in 0..53 {
            let s = (0..e.n_terminals).map(|terminal| power(t, terminal).norm()).fold(0.0, f64::max);
            let i = (0..e.n_terminals).map(|terminal| largest(phase_currents(t, terminal))).fold(0.0, f64::max);
            s_max = s_max.max(s);
            loading.push(match row.rating_kva {
                Some(kva) => s / kva / 10.0,
                None => i / row.rating_a.unwrap() * 100.0,
            });
            let p = power(t, 0).re;
            forward += p.max(0.0) / 1e3;
            reverse += (-p).max(0.0) / 1e3;
            let p: f64 = (0..e.n_terminals).map(|terminal| power(t, terminal).re / 1e3).sum();
            lost += p;
            losses[t] += p;
            match id.kind {
                ElementKind::Line => lines[t] += p,
                ElementKind::Transformer => transformers[t] += p,
                _ => {}
            }
            let i = phase_currents(t, 0);
            let mean = i.iter().sum::<f64>() / phases as f64;
            if phases > 1 && mean >= 0.1 * rated_a {
                unbalance.push(i.iter().map(|i| (i - mean).abs()).fold(0.0, f64::max) / mean * 100.0);
            }
        }
        let highest = loading.iter().copied().fold(0.0, f64::max);
        // A closed switch is a difference of nearly equal voltages times a great admittance: digits are lost there.
        let near = |found: f64, expected: f64, what: &str| {
            assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{} {what}: {found} for {expected}", row.element);
        };
        near(row.loading_max_pct.unwrap(), highest, "loading");
        near(row.loading_mean_pct.unwrap(), loading.iter().sum::<f64>() / 53.0, "mean loading");
        near(row.energy_kwh, forward, "energy");
        near(row.energy_reverse_kwh, reverse, "reverse energy");
        near(row.losses_kwh, lost, "losses");
        near(row.s_max_kva, s_max / 1e3, "apparent power");
        assert_eq!(row.hours_above_normal, loading.iter().filter(|&&l| l > 100.0).count() as f64, "{}", row.element);
        let emergency = row.emergency_pct.unwrap();
        assert_eq!(row.hours_above_emergency, loading.iter().filter(|&&l| l > emergency).count() as f64, "{}", row.element);
        overloaded += row.hours_above_normal;
        assert_eq!(row.unbalance_max_pct.is_some(), !unbalance.is_empty(), "{}", row.element);
        if let Some(found) = row.unbalance_max_pct {
            near(found, unbalance.iter().copied().fold(0.0, f64::max), "unbalance");
            near(row.unbalance_mean_pct.unwrap(), unbalance.iter().sum::<f64>() / unbalance.len() as f64, "mean unbalance");
        }
        let mut sorted = loading.clone();
        sorted.sort_by(f64::total_cmp);
        let found = row.loading_p95_pct.unwrap();
        assert!(found > sorted[50] - 0.25 && found < sorted[51] + 0.25, "{}: {found} for {} to {}", row.element, sorted[50], sorted[51]);
    }
    assert!(overloaded > 10.0, "the overloaded line is not");

    // Steps.
    for (t, row) in result.steps.iter().enumerate() {
        assert_eq!((row.step as usize, row.hour, row.converged), (t, all.hour[t], true));
        // Regulators of next to no impedance lose next to nothing, and that to a few digits.
        let lost = |found: f64, expected: f64, what: &str| {
            assert!((found - expected).abs() < 1e-8 * losses[t], "{what}: {found} for {expected}");
        };
        lost(row.line_losses_kw.unwrap(), lines[t], "line losses");
        lost(row.transformer_losses_kw.unwrap(), transformers[t], "transformer losses");
        lost(row.losses_kw.unwrap(), losses[t], "losses");
        let (mut source, mut loads) = (Complex64::ZERO, 0.0);
        let mut others = 0.0;
        for (index, e) in circuit.elements().iter().enumerate() {
            let s =
                |range: std::ops::Range<usize>| range.map(|k| all.v[t][e.nodes[k] as usize] * all.i[t][index][k].conj()).sum::<Complex64>();
            match e.id.kind {
                ElementKind::VoltageSource => source -= s(0..e.n_conductors),
                ElementKind::Load => loads += s(0..e.nodes.len()).re,
                ElementKind::Capacitor => others += s(0..e.nodes.len()).re,
                _ => {}
            }
        }
        let within = |found: f64, expected: f64, what: &str| {
            assert!((found - expected).abs() < 1e-6 * source.norm(), "{what}: {found} for {expected}")
        };
        within(row.source_kw.unwrap() * 1e3, source.re, "source");
        within(row.source_kvar.unwrap() * 1e3, source.im, "source vars");
        within(row.load_kw.unwrap() * 1e3, loads, "loads");
        // What the sources deliver, the loads draw and the elements lose; the tolerance is that of the iteration.
        within(source.re, loads + losses[t] * 1e3 + others, "balance");
        let lowest = result.nodes.iter().map(|n| {
            let number = circuit.node_number(network.bus_id(&n.bus).unwrap(), u32::from(n.phase)) as usize;
            all.v[t][number].norm() / (n.kv_base_ln * 1e3)
        });
        close(row.v_min_pu.unwrap(), lowest.fold(f64::INFINITY, f64::min), "lowest voltage");
    }
    let lost: f64 = losses.iter().sum();
    assert!((result.totals.losses_kwh - lost).abs() < 1e-8 * lost, "{} for {lost}", result.totals.losses_kwh);
    let peak = result.steps.iter().max_by(|a, b| a.source_kw.partial_cmp(&b.source_kw).unwrap()).unwrap();
    assert_eq!((result.totals.peak_kw, result.totals.peak_hour), (peak.source_kw, Some(peak.hour)));

    // Controls.
    let mut moved = 0;
    for (k, c) in network.regulator_controls.iter().enumerate() {
        let row = result.controls.iter().find(|r| *r.control == format!("regcontrol.{}", c.common.name)).unwrap();
        let taps: Vec<f64> = all.taps.iter().map(|t| ((t[&k] - 1.0) / 0.00625).round()).collect();
        assert_eq!(row.last, taps.last().copied());
        assert!(row.lowest.unwrap() <= taps.iter().copied().fold(f64::INFINITY, f64::min));
        assert!(row.highest.unwrap() >= taps.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        moved += row.actions;
    }
    assert!(moved > 20, "{moved}");
    assert_eq!(u64::from(moved), result.totals.control_actions);
    assert_eq!(result.steps.iter().map(|s| u64::from(s.control_actions)).sum::<u64>(), result.totals.control_actions);

    // Episodes.
    let hours = |kind: &str| result.episodes.iter().filter(|e| &*e.kind == kind).map(|e| e.hours).sum::<f64>();
    assert_eq!([hours("below_a"), hours("above_a"), hours("below_b"), hours("above_b")], violations);
    assert_eq!(hours("overload"), overloaded);
    let worst = result.episodes.iter().filter(|e| &*e.kind == "below_b").map(|e| e.worst_value).fold(f64::INFINITY, f64::min);
    assert_eq!(Some(worst), result.totals.v_min_pu);
}

#[test]
fn full_series_hold_every_step_of_what_was_named() {
    let path = model("ieee123/ieee123.dss");
    let named = |names: &[&str]| {
        let series = Series::Named(names.iter().map(|&n| n.to_owned()).collect());
        let keep = Keep { steps: true, statistics: false, episodes: false, meters: false, monitors: false, series };
        TimeSeriesOptions { mode: network::SolutionMode::Daily, steps: 10, keep, ..TimeSeriesOptions::default() }
    };
    let options = named(&["no such thing"]);
    let mut state = prepared(&path, DAY, &options);
    let names: Vec<String> = state.circuit().network().buses.iter().map(|b| b.name.clone()).collect();
    let wrong = run_feeder(&mut state, &options, &mut |_| ControlFlow::Continue(()), &mut |_| ControlFlow::Continue(()));
    assert!(matches!(wrong, Err(TimeSeriesError::Series(_))), "{wrong:?}");
    let bus = names[3].clone();
    let line = state.circuit().network().full_name(state.circuit().network().ids(ElementKind::Line).next().unwrap());
    let options = named(&[&bus.to_uppercase(), &line, &bus]);
    let (result, batches) = run(&path, DAY, &options);
    assert_eq!(result.steps.len(), 10);
    assert!(result.nodes.is_empty() && result.episodes.is_empty());
    let rows = |table: &str| batches.iter().filter(|b| b.table == table).map(|b| b.batch.num_rows()).sum::<usize>();
    let nodes = state.circuit().bus_nodes(state.circuit().network().bus_id(&names[3]).unwrap()).len();
    assert_eq!(rows("node_series"), 10 * nodes, "a bus that is named twice is kept once");
    let index = state.circuit().index_of(state.circuit().network().find(&line).unwrap()).unwrap();
    assert_eq!(rows("element_series"), 10 * state.circuit().elements()[index].nodes.len());
    let all = Keep { series: Series::All, ..options.keep.clone() };
    let (_, batches) = run(&path, DAY, &TimeSeriesOptions { keep: all, ..options });
    let rows = |table: &str| batches.iter().filter(|b| b.table == table).map(|b| b.batch.num_rows()).sum::<usize>();
    assert_eq!(rows("node_series"), 10 * state.circuit().n_nodes());
}

#[test]
fn a_step_that_does_not_settle_is_told_and_kept_out() {
    // Forty times the load for two hours of the day: no voltage carries that.
    for limit in ["set maxiterations=15", "set maxiterations=2000"] {
        unsettled_steps(limit);
    }
}

/// With many iterations allowed, voltages run away until they are no numbers; nothing of that may reach the steps that follow.
fn unsettled_steps(limit: &str) {
    let day = "new loadshape.day npts=6 interval=1 mult=[1 1 40 40 1 1]";
    let commands = [day, "batchedit load..* daily=day vminpu=0.01 vlowpu=0.0", limit];
    let options = TimeSeriesOptions { mode: network::SolutionMode::Daily, steps: 6, ..TimeSeriesOptions::default() };
    let (result, _) = run(&model("ieee13/ieee13.dss"), &commands, &options);
    assert_eq!(result.totals.unsettled, 2, "{:?}", result.steps);
    assert_eq!(result.unsettled.iter().map(|u| (u.step, u.hour)).collect::<Vec<_>>(), [(2, 3.0), (3, 4.0)]);
    assert!(result.unsettled.iter().all(|u| u.worst_node.is_some()));
    let kept: Vec<&StepRow> = result.steps.iter().filter(|s| s.converged).collect();
    assert_eq!(kept.len(), 4);
    assert!(result.steps[2].source_kw.is_none() && result.steps[2].v_min_pu.is_none() && result.steps[2].worst_node.is_some());
    let peak = kept.iter().filter_map(|s| s.source_kw).fold(0.0, f64::max);
    assert_eq!(result.totals.peak_kw, Some(peak));
    assert!(result.nodes.iter().all(|n| n.steps == 4 && n.v_min_pu.unwrap() > 0.8), "{:?}", result.totals);
    let batch = StepRow::batch(&result.steps);
    assert_eq!(batch.column_by_name("source_kw").unwrap().null_count(), 2);
}

#[test]
fn meters_and_monitors_of_the_model_are_kept() {
    let keep = Keep { monitors: true, ..Keep::default() };
    let options = TimeSeriesOptions { mode: network::SolutionMode::Daily, steps: 24, keep, ..TimeSeriesOptions::default() };
    let mut commands = DAY.to_vec();
    commands.push("new energymeter.head element=line.13_18");
    commands.push("new monitor.power element=line.13_18 mode=1 ppolar=no");
    commands.push("new monitor.wrong element=line.13_18 mode=2");
    let (result, _) = run(&model("ieee123/ieee123.dss"), &commands, &options);
    let row = result.elements.iter().find(|e| &*e.element == "line.13_18").unwrap();
    let energy = result.meters.iter().find(|m| m.register_number == 1).unwrap();
    assert_eq!((&*energy.meter, &*energy.register), ("head", "kWh"));
    assert!((energy.value - (row.energy_kwh - row.energy_reverse_kwh)).abs() < 1e-6 * energy.value, "{energy:?}, {row:?}");
    let tables = result.tables(&options.keep);
    let monitors: Vec<&TableBatch> = tables.iter().filter(|t| t.table == "monitors").collect();
    // Three phases, P and Q, a day.
    assert_eq!(monitors.iter().map(|m| m.batch.num_rows()).sum::<usize>(), 3 * 2 * 24);
    assert_eq!(result.refused_monitors.len(), 1);
    assert!(run(&model("ieee123/ieee123.dss"), &commands, &TimeSeriesOptions { keep: Keep::default(), ..options }).0.monitors.is_empty());
}

#[test]
fn a_run_ends_where_it_is_told_to() {
    let options = TimeSeriesOptions { mode: network::SolutionMode::Daily, steps: 100, ..TimeSeriesOptions::default() };
    let mut state = prepared(&model("ieee13/ieee13.dss"), &[], &options);
    let mut stop = |done: u32| if done == 13 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let result = run_feeder(&mut state, &options, &mut stop, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(result.stopped);
    assert_eq!((result.totals.steps, result.steps.len()), (13, 13));
}

#[test]
fn settings_that_no_run_can_have_are_refused() {
    let good = TimeSeriesOptions::default();
    good.check().unwrap();
    for bad in [
        TimeSeriesOptions { steps: 0, ..good.clone() },
        TimeSeriesOptions { step_h: 0.0, ..good.clone() },
        TimeSeriesOptions { step_h: -1.0, ..good.clone() },
        TimeSeriesOptions { step_h: f64::NAN, ..good.clone() },
        TimeSeriesOptions { tolerance_pu: Some(-1e-6), ..good.clone() },
        TimeSeriesOptions { limits: VoltageLimits { a_low_pu: f64::NAN, ..VoltageLimits::default() }, ..good.clone() },
    ] {
        assert!(bad.check().is_err(), "{bad:?}");
    }
}
