//! The observer of a run: fills blocks of settled steps, has them measured, and keeps what was asked for.
//!
//! ```text
//! step ──► settled? ──yes──► block of 8 steps ──► elements, nodes ──► sums, extremes, histograms, episodes
//!             │                    ▲ ended early when a control changes an admittance
//!             └──no──► counted with its worst node; nothing else of it is kept
//! ```
//!
//! Nothing is allocated in a step but rows of episodes and of full series.

use super::Sink;
use super::block::{Block, LANES};
use super::branches::Branches;
use super::controls::ControlWatch;
use super::nodes::Nodes;
use super::options::TimeSeriesOptions;
use super::series::FullSeries;
use super::sources::Sources;
use super::tables::UnsettledRow;
use num_complex::Complex64;
use powerflow::metering::energy_meter::{EnergyMeterState, EnergyMeters};
use powerflow::metering::monitor::Monitors;
use powerflow::{NodeNumber, Observer, State, Step};
use std::ops::ControlFlow;

/// One row of the steps, with nodes as numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct StepRecord {
    pub step: u32,
    pub hour: f64,
    pub converged: bool,
    pub iterations: u32,
    pub control_iterations: u32,
    pub control_actions: u32,
    pub source_va: Complex64,
    pub load_w: f64,
    pub losses_w: f64,
    pub line_losses_w: f64,
    pub transformer_losses_w: f64,
    pub no_load_losses_w: f64,
    pub v_min_pu: f64,
    pub v_max_pu: f64,
    pub v_min_node: NodeNumber,
    pub v_max_node: NodeNumber,
    pub worst_node: NodeNumber,
}

/// Sums over the settled steps.
#[derive(Clone, Copy, Debug)]
pub struct Sums {
    pub source_w: f64,
    pub load_w: f64,
    pub losses_w: f64,
    pub line_losses_w: f64,
    pub transformer_losses_w: f64,
    pub no_load_losses_w: f64,
    pub settled: u32,
    pub iterations: u64,
    pub control_iterations: u64,
    pub control_actions: u64,
    /// (W, hour).
    pub peak: (f64, f64),
    pub lowest_w: f64,
    /// (pu, hour, node).
    pub v_min: (f64, f64, NodeNumber),
    pub v_max: (f64, f64, NodeNumber),
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            source_w: 0.0,
            load_w: 0.0,
            losses_w: 0.0,
            line_losses_w: 0.0,
            transformer_losses_w: 0.0,
            no_load_losses_w: 0.0,
            settled: 0,
            iterations: 0,
            control_iterations: 0,
            control_actions: 0,
            peak: (f64::NEG_INFINITY, 0.0),
            lowest_w: f64::INFINITY,
            v_min: (f64::INFINITY, 0.0, 0),
            v_max: (f64::NEG_INFINITY, 0.0, 0),
        }
    }
}

/// What is compiled from the first settled step.
struct Measures {
    branches: Branches,
    nodes: Nodes,
    sources: Sources,
    /// Positions of the loads.
    loads: Vec<usize>,
}

/// Keeps what was asked for of a run.
pub struct Recorder<'a> {
    options: &'a TimeSeriesOptions,
    watch: &'a mut dyn FnMut(u32) -> ControlFlow<()>,
    sink: Sink<'a>,
    measures: Option<Measures>,
    block: Block,
    /// Steps of the block under way.
    pending: [StepRecord; LANES],
    pub controls: ControlWatch,
    pub series: Option<FullSeries>,
    pub meters: Option<(EnergyMeters, EnergyMeterState)>,
    pub monitors: Option<Monitors>,
    pub records: Vec<StepRecord>,
    pub sums: Sums,
    pub unsettled: Vec<UnsettledRow>,
    /// The sink wants no more, or the run was told to stop.
    pub stopped: bool,
}

impl<'a> Recorder<'a> {
    /// A recorder for a run of `state`.
    pub fn new(
        state: &State,
        options: &'a TimeSeriesOptions,
        series: Option<FullSeries>,
        meters: Option<EnergyMeters>,
        watch: &'a mut dyn FnMut(u32) -> ControlFlow<()>,
        sink: Sink<'a>,
    ) -> Self {
        let rows = if options.keep.steps { options.steps as usize } else { 0 };
        Self {
            options,
            watch,
            sink,
            measures: None,
            block: Block::new(state.circuit().n_nodes()),
            pending: [StepRecord::default(); LANES],
            controls: ControlWatch::new(state),
            series,
            meters: meters.map(|m| {
                let registers = m.reset();
                (m, registers)
            }),
            monitors: options.keep.monitors.then(|| {
                let mut monitors = Monitors::compile(state.circuit());
                monitors.reserve(options.steps as usize);
                monitors
            }),
            records: Vec::with_capacity(rows),
            sums: Sums::default(),
            unsettled: Vec::new(),
            stopped: false,
        }
    }

    /// Measures the steps that still wait and ends all episodes.
    pub fn finish(&mut self) {
        self.flush();
        if let Some(m) = &mut self.measures {
            m.branches.end_episodes();
            m.nodes.end_episodes();
        }
    }

    pub fn branches(&self) -> Option<&Branches> {
        self.measures.as_ref().map(|m| &m.branches)
    }

    pub fn nodes(&self) -> Option<&Nodes> {
        self.measures.as_ref().map(|m| &m.nodes)
    }

    fn flush(&mut self) {
        let n = self.block.n;
        let Some(m) = self.measures.as_mut().filter(|_| n > 0) else { return };
        let losses = m.branches.measure(&self.block);
        let v = m.nodes.measure(&self.block);
        let sums = &mut self.sums;
        for (t, r) in self.pending[..n].iter_mut().enumerate() {
            r.losses_w = losses.total[t];
            r.line_losses_w = losses.lines[t];
            r.transformer_losses_w = losses.transformers[t];
            r.no_load_losses_w = losses.no_load[t];
            (r.v_min_pu, r.v_min_node) = (v.v_min_pu[t], v.v_min_node[t]);
            (r.v_max_pu, r.v_max_node) = (v.v_max_pu[t], v.v_max_node[t]);
            sums.settled += 1;
            sums.source_w += r.source_va.re;
            sums.load_w += r.load_w;
            sums.losses_w += r.losses_w;
            sums.line_losses_w += r.line_losses_w;
            sums.transformer_losses_w += r.transformer_losses_w;
            sums.no_load_losses_w += r.no_load_losses_w;
            sums.lowest_w = sums.lowest_w.min(r.source_va.re);
            if r.source_va.re > sums.peak.0 {
                sums.peak = (r.source_va.re, r.hour);
            }
            if r.v_min_pu < sums.v_min.0 {
                sums.v_min = (r.v_min_pu, r.hour, r.v_min_node);
            }
            if r.v_max_pu > sums.v_max.0 {
                sums.v_max = (r.v_max_pu, r.hour, r.v_max_node);
            }
        }
        if self.options.keep.steps {
            self.records.extend_from_slice(&self.pending[..n]);
        }
        self.block.n = 0;
    }

    fn compile(&self, state: &State) -> Measures {
        let keep = &self.options.keep;
        let steps = self.options.steps;
        let elements = state.circuit().elements().iter().enumerate();
        Measures {
            branches: Branches::new(state, steps, keep.statistics, keep.episodes),
            nodes: Nodes::new(state, &self.options.limits, steps, keep.statistics, keep.episodes),
            sources: Sources::new(state),
            loads: elements.filter(|(_, e)| e.id.kind == network::ElementKind::Load).map(|(i, _)| i).collect(),
        }
    }
}

impl Observer for Recorder<'_> {
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        let state = step.state;
        let hour = state.options.hour_f64();
        let control_actions = self.controls.step(state);
        if let Some(monitors) = &mut self.monitors {
            monitors.sample(step);
        }
        let mut record = StepRecord {
            step: step.index,
            hour,
            converged: step.progress.settled(),
            iterations: step.progress.iterations,
            control_iterations: step.progress.control_iterations,
            control_actions,
            ..StepRecord::default()
        };
        self.sums.iterations += u64::from(record.iterations);
        self.sums.control_iterations += u64::from(record.control_iterations);
        self.sums.control_actions += u64::from(control_actions);
        if record.converged {
            if self.measures.is_none() {
                self.measures = Some(self.compile(state));
            }
            if self.measures.as_ref().is_some_and(|m| !m.branches.are_current(state)) {
                self.flush();
                self.measures.iter_mut().for_each(|m| m.branches.update(state));
            }
            let m = self.measures.as_mut().expect("compiled above");
            record.source_va = m.sources.delivered_va(state);
            record.load_w = m.loads.iter().map(|&index| state.load_va(index).re).sum();
            self.pending[self.block.n] = record;
            let is_full = self.block.push(step.index, hour, state.voltages());
            if is_full {
                self.flush();
            }
            if let Some((meters, registers)) = &mut self.meters {
                meters.sample(registers, state);
            }
            if let Some(series) = &mut self.series {
                series.step(step.index, hour, state);
                if series.is_full() && (self.sink)(series.take()).is_break() {
                    self.stopped = true;
                }
            }
        } else {
            self.flush();
            if let Some(m) = &mut self.measures {
                m.branches.end_episodes();
                m.nodes.end_episodes();
            }
            record.worst_node = state.node_of_largest_mismatch();
            self.unsettled.push(UnsettledRow {
                step: step.index,
                hour,
                iterations: record.iterations,
                control_iterations: record.control_iterations,
                worst_node: (record.worst_node != 0).then(|| state.circuit().node_name(record.worst_node).into()),
            });
            if self.options.keep.steps {
                self.records.push(record);
            }
        }
        if (self.watch)(step.index + 1).is_break() {
            self.stopped = true;
        }
        if self.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
