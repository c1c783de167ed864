//! A feeder through time: what is kept of thousands of steps.
//!
//! ```text
//! Network + options ─► State ─► run_series ─► Recorder ─► rows of tables ─► record batches
//!                                               │   statistics on the fly, in blocks of steps
//!                                               └─► full series of chosen nodes and elements, batch by batch
//! ```
//!
//! Statistics need memory by nodes and elements, never by steps; see [`histogram`] for percentiles. What each table holds is said in
//! [`tables`]. A step that did not settle is counted and told, and stands in no statistic.

pub mod block;
pub mod branches;
pub mod controls;
pub mod episodes;
pub mod histogram;
pub mod nodes;
mod options;
mod recorder;
mod series;
mod sources;
pub mod tables;

pub use episodes::Limit;
pub use options::{Keep, OptionError, Series, TimeSeriesOptions, VoltageLimits};

use arrow_array::RecordBatch;
use episodes::Episode;
use network::{ElementId, ElementKind, Line, Network, Terminal};
use powerflow::metering::energy_meter::{EnergyMeterError, EnergyMeters};
use powerflow::metering::monitor::{MonitorError, MonitorTable, Monitors};
use powerflow::{CircuitError, NodeNumber, State, run_series};
use recorder::{Recorder, StepRecord};
use series::FullSeries;
use std::ops::ControlFlow;
use std::sync::Arc;
use tables::{
    ControlStatistics, ElementStatistics, EpisodeRow, FeederTotals, MeterRow, MonitorRow, NodeStatistics, Row, StepRow, Text, UnsettledRow,
};

/// Part of a table.
#[derive(Clone, Debug)]
pub struct TableBatch {
    pub table: &'static str,
    pub batch: RecordBatch,
}

/// Takes batches of full series while the run goes on; breaks to end it.
pub type Sink<'a> = &'a mut dyn FnMut(Vec<TableBatch>) -> ControlFlow<()>;

/// Why a study did not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimeSeriesError {
    #[error(transparent)]
    Option(#[from] OptionError),
    #[error(transparent)]
    Series(#[from] SeriesError),
    #[error(transparent)]
    Meter(#[from] EnergyMeterError),
    #[error(transparent)]
    Circuit(#[from] CircuitError),
}

/// A name of which a full series was asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("\"{name}\" is no element, bus or node of the model")]
pub struct SeriesError {
    pub name: String,
}

/// What is known of a feeder after its run.
#[derive(Clone, Debug)]
pub struct FeederResult {
    pub totals: FeederTotals,
    pub steps: Vec<StepRow>,
    pub nodes: Vec<NodeStatistics>,
    pub elements: Vec<ElementStatistics>,
    pub episodes: Vec<EpisodeRow>,
    pub controls: Vec<ControlStatistics>,
    pub meters: Vec<MeterRow>,
    pub monitors: Vec<MonitorTable>,
    /// Why a monitor recorded nothing.
    pub refused_monitors: Vec<MonitorError>,
    /// The steps that did not settle.
    pub unsettled: Vec<UnsettledRow>,
    /// The run ended before its last step, as it was told to.
    pub stopped: bool,
}

impl FeederResult {
    /// The tables that were asked for; full series went to the sink.
    pub fn tables(&self, keep: &Keep) -> Vec<TableBatch> {
        fn table<R: Row>(rows: &[R]) -> TableBatch {
            TableBatch { table: R::TABLE, batch: R::batch(rows) }
        }
        let mut tables = vec![table(std::slice::from_ref(&self.totals)), table(&self.unsettled)];
        if keep.steps {
            tables.push(table(&self.steps));
        }
        if keep.statistics {
            tables.extend([table(&self.nodes), table(&self.elements), table(&self.controls)]);
        }
        if keep.episodes {
            tables.push(table(&self.episodes));
        }
        if !self.meters.is_empty() {
            tables.push(table(&self.meters));
        }
        tables.extend(self.monitors.iter().map(|m| table(&monitor_rows(m))).filter(|t| t.batch.num_rows() > 0));
        tables
    }
}

/// Runs a feeder through time.
///
/// # Inputs
/// * `state` - prepared by [`powerflow::Session::series_state`] from a network whose options [`TimeSeriesOptions::apply`] has set.
/// * `watch` - is told the number of steps done after each of them; breaks to end the run there.
/// * `sink` - takes the full series, if any are kept.
///
/// # Returns
/// The rows of all tables. A run that was ended early has `stopped` set and holds the steps up to there.
///
/// # Errors
/// Options that no run can have, a name that the model does not know, a meter that cannot be read, a circuit that cannot be factored. A step that does not settle is no
/// error.
pub fn run_feeder(
    state: &mut State,
    options: &TimeSeriesOptions,
    watch: &mut dyn FnMut(u32) -> ControlFlow<()>,
    sink: Sink<'_>,
) -> Result<FeederResult, TimeSeriesError> {
    options.check()?;
    let series = FullSeries::choose(state.circuit(), &options.keep.series)?;
    let meters = if options.keep.meters && EnergyMeters::read_by_default(options.mode) {
        Some(EnergyMeters::compile(state.circuit())?).filter(|m| !m.is_empty())
    } else {
        None
    };
    let mut recorder = Recorder::new(state, options, series, meters, watch, &mut *sink);
    let report = run_series(state, options.steps, &mut recorder)?;
    recorder.finish();
    let rest = recorder.series.as_mut().map(FullSeries::take);
    let result = conclude(state, options, &recorder, report.steps);
    drop(recorder);
    if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
        // The run is over: there is nothing left to end.
        let _ = sink(rest);
    }
    Ok(result)
}

/// Names of a circuit's nodes, each made once.
struct Names<'a> {
    state: &'a State,
    nodes: Vec<Option<Text>>,
}

impl<'a> Names<'a> {
    fn new(state: &'a State) -> Self {
        Self { state, nodes: vec![None; state.circuit().n_nodes() + 1] }
    }

    fn node(&mut self, number: NodeNumber) -> Text {
        self.nodes[number as usize].get_or_insert_with(|| self.state.circuit().node_name(number).into()).clone()
    }

    /// No name for the earth, which stands for no node.
    fn node_if(&mut self, number: NodeNumber) -> Option<Text> {
        (number != 0).then(|| self.node(number))
    }
}

fn conclude(state: &State, options: &TimeSeriesOptions, recorder: &Recorder<'_>, steps: u32) -> FeederResult {
    let mut names = Names::new(state);
    let keep = &options.keep;
    FeederResult {
        totals: totals(state, options, recorder, steps, &mut names),
        steps: recorder.records.iter().map(|r| step_row(r, &mut names)).collect(),
        nodes: if keep.statistics { node_rows(state, options, recorder, &mut names) } else { Vec::new() },
        elements: if keep.statistics { element_rows(state, options, recorder) } else { Vec::new() },
        episodes: if keep.episodes { episode_rows(state, options, recorder, &mut names) } else { Vec::new() },
        controls: if keep.statistics { control_rows(state, recorder) } else { Vec::new() },
        meters: meter_rows(recorder),
        monitors: recorder.monitors.as_ref().map_or_else(Vec::new, Monitors::tables),
        refused_monitors: recorder.monitors.as_ref().map_or_else(Vec::new, |m| m.refused().to_vec()),
        unsettled: recorder.unsettled.clone(),
        stopped: recorder.stopped,
    }
}

fn step_row(r: &StepRecord, names: &mut Names<'_>) -> StepRow {
    let settled = |x: f64| r.converged.then_some(x);
    StepRow {
        step: r.step,
        hour: r.hour,
        converged: r.converged,
        iterations: r.iterations,
        control_iterations: r.control_iterations,
        source_kw: settled(r.source_va.re / 1e3),
        source_kvar: settled(r.source_va.im / 1e3),
        load_kw: settled(r.load_w / 1e3),
        losses_kw: settled(r.losses_w / 1e3),
        line_losses_kw: settled(r.line_losses_w / 1e3),
        transformer_losses_kw: settled(r.transformer_losses_w / 1e3),
        no_load_losses_kw: settled(r.no_load_losses_w / 1e3),
        v_min_pu: settled(r.v_min_pu).filter(|v| v.is_finite()),
        v_min_node: names.node_if(r.v_min_node),
        v_max_pu: settled(r.v_max_pu).filter(|v| v.is_finite()),
        v_max_node: names.node_if(r.v_max_node),
        worst_node: names.node_if(r.worst_node),
        control_actions: r.control_actions,
    }
}

/// Length of the enabled lines, km.
fn line_km(network: &Network) -> f64 {
    network.lines.iter().filter(|l| l.common.enabled).map(Line::length_m).sum::<f64>() / 1e3
}

fn totals(state: &State, options: &TimeSeriesOptions, recorder: &Recorder<'_>, steps: u32, names: &mut Names<'_>) -> FeederTotals {
    let circuit = state.circuit();
    let network = circuit.network();
    let s = &recorder.sums;
    let of_kind = |kind| circuit.elements().iter().filter(|e| e.id.kind == kind).count() as u32;
    let finite = |x: f64| x.is_finite().then_some(x);
    let kwh = |w: f64| w * options.step_h / 1e3;
    FeederTotals {
        nodes: circuit.n_nodes() as u32,
        buses: network.buses.len() as u32,
        elements: circuit.elements().len() as u32,
        lines: of_kind(ElementKind::Line),
        transformers: of_kind(ElementKind::Transformer),
        loads: of_kind(ElementKind::Load),
        line_km: line_km(network),
        transformer_kva: network.transformers.iter().filter(|t| t.common.enabled).filter_map(|t| t.windings.first()).map(|w| w.kva).sum(),
        steps,
        step_h: options.step_h,
        unsettled: recorder.unsettled.len() as u32,
        peak_kw: finite(s.peak.0 / 1e3),
        peak_hour: finite(s.peak.0).map(|_| s.peak.1),
        lowest_kw: finite(s.lowest_w / 1e3),
        energy_kwh: kwh(s.source_w),
        load_energy_kwh: kwh(s.load_w),
        losses_kwh: kwh(s.losses_w),
        line_losses_kwh: kwh(s.line_losses_w),
        transformer_losses_kwh: kwh(s.transformer_losses_w),
        no_load_losses_kwh: kwh(s.no_load_losses_w),
        v_min_pu: finite(s.v_min.0),
        v_min_node: names.node_if(s.v_min.2),
        v_min_hour: finite(s.v_min.0).map(|_| s.v_min.1),
        v_max_pu: finite(s.v_max.0),
        v_max_node: names.node_if(s.v_max.2),
        v_max_hour: finite(s.v_max.0).map(|_| s.v_max.1),
        iterations: s.iterations,
        control_iterations: s.control_iterations,
        control_actions: s.control_actions,
    }
}

fn node_rows(state: &State, options: &TimeSeriesOptions, recorder: &Recorder<'_>, names: &mut Names<'_>) -> Vec<NodeStatistics> {
    let Some(nodes) = recorder.nodes() else { return Vec::new() };
    let circuit = state.circuit();
    let distances_km = network::distances_km(circuit.network());
    let hours = |steps: u32| f64::from(steps) * options.step_h;
    let row = |(k, (&number, m)): (usize, (&NodeNumber, &nodes::NodeMeasured))| {
        let bus = circuit.network().bus(circuit.node(number).bus);
        let seen = |x: f64| (m.steps > 0).then_some(x);
        let shares = [0.01, 0.05, 0.5, 0.95, 0.99];
        let percentiles = nodes.histograms.as_ref().and_then(|h| h.percentiles(k, shares, m.v_min_pu, m.v_max_pu));
        let [p01, p05, p50, p95, p99] = [0, 1, 2, 3, 4].map(|i| percentiles.map(|p| p[i]));
        NodeStatistics {
            node: names.node(number),
            bus: bus.name.as_str().into(),
            phase: circuit.node(number).at_bus.min(255) as u8,
            kv_base_ln: bus.kv_base_ln,
            x: bus.xy.map(|xy| xy.0),
            y: bus.xy.map(|xy| xy.1),
            distance_km: distances_km[circuit.node(number).bus.index()],
            steps: m.steps,
            v_min_pu: seen(m.v_min_pu),
            v_min_hour: seen(m.v_min_hour),
            v_max_pu: seen(m.v_max_pu),
            v_max_hour: seen(m.v_max_hour),
            v_mean_pu: seen(m.v_sum_pu / f64::from(m.steps)),
            v_p01_pu: p01,
            v_p05_pu: p05,
            v_p50_pu: p50,
            v_p95_pu: p95,
            v_p99_pu: p99,
            hours_below_a: hours(m.beyond[0]),
            hours_above_a: hours(m.beyond[1]),
            hours_below_b: hours(m.beyond[2]),
            hours_above_b: hours(m.beyond[3]),
        }
    };
    nodes.numbers.iter().zip(&nodes.measured).enumerate().map(row).collect()
}

fn element_rows(state: &State, options: &TimeSeriesOptions, recorder: &Recorder<'_>) -> Vec<ElementStatistics> {
    let Some(branches) = recorder.branches() else { return Vec::new() };
    let network = state.circuit().network();
    let hours = |steps: u32| f64::from(steps) * options.step_h;
    let kwh = |w: f64| w * options.step_h / 1e3;
    let bus =
        |id: ElementId, terminal: usize| network.common(id).terminals.get(terminal).map(|t: &Terminal| network.bus(t.bus).name.as_str());
    let row = |(k, (info, m)): (usize, (&branches::BranchInfo, &branches::Measured))| {
        let rated = |x: f64| (branches.steps > 0 && (info.rating_a.is_some() || info.rating_kva.is_some())).then_some(x);
        let histograms = branches.histograms.as_ref();
        let percentiles = histograms.and_then(|h| h.percentiles(k, [0.5, 0.95, 0.99], m.loading_min_pct, m.loading_max_pct));
        let [p50, p95, p99] = [0, 1, 2].map(|i| percentiles.map(|p| p[i]));
        let unbalance = |x: f64| (m.unbalance_steps > 0).then_some(x * 100.0);
        ElementStatistics {
            element: network.full_name(info.id).into(),
            kind: info.id.kind.class().into(),
            bus_1: bus(info.id, 0).unwrap_or_default().into(),
            bus_2: bus(info.id, 1).map(Into::into),
            rating_a: info.rating_a,
            rating_kva: info.rating_kva,
            emergency_pct: info.emergency_pct,
            loading_max_pct: rated(m.loading_max_pct),
            loading_max_hour: rated(m.loading_max_hour),
            loading_mean_pct: rated(m.loading_sum_pct / f64::from(branches.steps)),
            loading_p50_pct: p50,
            loading_p95_pct: p95,
            loading_p99_pct: p99,
            hours_above_normal: hours(m.steps_above_normal),
            hours_above_emergency: hours(m.steps_above_emergency),
            energy_kwh: kwh(m.forward_w),
            energy_reverse_kwh: kwh(m.reverse_w),
            losses_kwh: kwh(m.losses_w),
            no_load_losses_kwh: kwh(m.no_load_w),
            s_max_kva: m.s_max_va / 1e3,
            i_max_a: m.i_max_a,
            winding_current_max_pct: rated(m.winding_max_pct),
            unbalance_max_pct: unbalance(m.unbalance_max),
            unbalance_mean_pct: unbalance(m.unbalance_sum / f64::from(m.unbalance_steps)),
        }
    };
    branches.info.iter().zip(&branches.measured).enumerate().map(row).collect()
}

fn episode_rows(state: &State, options: &TimeSeriesOptions, recorder: &Recorder<'_>, names: &mut Names<'_>) -> Vec<EpisodeRow> {
    let network = state.circuit().network();
    let mut kinds: std::collections::HashMap<&str, Text> = std::collections::HashMap::new();
    let mut row = |e: &Episode, asset: Text| EpisodeRow {
        kind: kinds.entry(e.kind.name()).or_insert_with(|| e.kind.name().into()).clone(),
        asset,
        start_hour: e.start_hour,
        hours: f64::from(e.steps) * options.step_h,
        worst_value: e.worst_value,
        worst_hour: e.worst_hour,
        limit: e.limit,
    };
    let mut rows = Vec::new();
    if let Some(branches) = recorder.branches() {
        let elements: Vec<Text> = branches.info.iter().map(|i| network.full_name(i.id).into()).collect();
        rows.extend(branches.episodes.iter().map(|e| row(e, Arc::clone(&elements[e.asset as usize]))));
    }
    if let Some(nodes) = recorder.nodes() {
        rows.extend(nodes.episodes.iter().map(|e| row(e, names.node(nodes.numbers[e.asset as usize]))));
    }
    rows
}

fn meter_rows(recorder: &Recorder<'_>) -> Vec<MeterRow> {
    let Some((meters, registers)) = &recorder.meters else { return Vec::new() };
    let mut rows: Vec<MeterRow> = Vec::new();
    for row in meters.rows(registers) {
        let before = rows.last().filter(|last| *last.meter == row.meter);
        let (meter, register_number) =
            before.map_or_else(|| (row.meter.as_str().into(), 1), |last| (last.meter.clone(), last.register_number + 1));
        rows.push(MeterRow { meter, register_number, register: row.register.as_str().into(), value: row.value });
    }
    rows
}

/// The records of a monitor, channel by channel; what was not recorded of a step that did not settle is left out.
fn monitor_rows(table: &MonitorTable) -> Vec<MonitorRow> {
    let monitor: Text = table.name.as_str().into();
    let mut rows = Vec::with_capacity(table.n_rows() * table.columns.len());
    for (name, values) in table.columns.iter().zip(&table.values) {
        let column: Text = name.trim().into();
        for (step, &value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            let hour = table.hour[step] as f64 + table.second[step] / 3600.0;
            rows.push(MonitorRow { monitor: monitor.clone(), column: column.clone(), step: step as u32, hour, value });
        }
    }
    rows
}

fn control_rows(state: &State, recorder: &Recorder<'_>) -> Vec<ControlStatistics> {
    let network = state.circuit().network();
    let row = |c: &controls::Watched| ControlStatistics {
        control: network.full_name(c.control).into(),
        element: c.element.map(|id| network.full_name(id).into()),
        kind: c.control.kind.class().into(),
        actions: c.actions,
        lowest: c.range.map(|r| r.0),
        highest: c.range.map(|r| r.1),
        last: c.range.map(|r| r.2),
    };
    recorder.controls.controls.iter().map(row).collect()
}
