//! Monitors: what a meter at one terminal writes down, step by step.
//!
//! A [`Monitors`] is compiled once from a circuit and shared by any number of runs; each run keeps its own rows. The number of a
//! monitor's mode is a quantity (its four low bits) and what is made of it (16, 32 and 64):
//!
//! ```text
//! quantity  0 V and I      1 P and Q      2 tap           3 state variables   4 flicker        5 solution    6 capacitor steps
//!           7 storage      8 winding I    9 losses       10 winding V        11 V and I of all terminals    12 the same, V line to line
//! + 16      symmetrical components 0, 1, 2 of three phases
//! + 32      magnitudes alone                       } together: one number of all phases
//! + 64      positive sequence alone, or the mean (V, I) or sum (P, Q) of the phases
//! ```
//!
//! Voltages are those of the nodes that the terminal's conductors go to, V to earth; currents and powers are positive into the element.
//! A power is `V I*` of one conductor in kW and kvar, of a sequence `3 V I*`; `polar` writes magnitude and degrees. The residual is the
//! sum of the phases (of the components, where there are such).
//!
//! Of a step that did not settle, hour and second are kept and every electrical value is NaN; taps, steps and the solution's own
//! variables are kept as they stood.
//!
//! Source: behaviour of OpenDSS 0.14.5 (Monitor). Columns and their order are OpenDSS's. It differs where a record of OpenDSS does not
//! hold what its header says: see `docs/limits.md`.

mod columns;
mod flicker;
mod sample;
mod variables;

use crate::circuit::{Circuit, NodeNumber};
use crate::element::Model;
use crate::error::Place;
use crate::series::{Observer, Step};
use network::{ElementId, ElementKind, Monitor};
use num_complex::Complex64;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Why a monitor records nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MonitorError {
    #[error("{}: it names no element; give `element=`", .monitor.element)]
    NoElement { monitor: Place },
    #[error("{}: {element} has {n_terminals} terminal(s), and terminal {terminal} is asked for", .monitor.element)]
    Terminal { monitor: Place, element: String, terminal: usize, n_terminals: usize },
    #[error("{}: mode {mode} is of {expected}, and {element} is none; use mode 0 or 1, or name another element", .monitor.element)]
    WrongElement { monitor: Place, element: String, mode: u32, expected: &'static str },
    #[error("{}: mode {mode} has no quantity; modes are 0 to 12, plus 16, 32 or 64", .monitor.element)]
    Mode { monitor: Place, mode: u32 },
}

impl MonitorError {
    /// The monitor that records nothing, and where it was read.
    pub fn monitor(&self) -> &Place {
        match self {
            Self::NoElement { monitor }
            | Self::Terminal { monitor, .. }
            | Self::WrongElement { monitor, .. }
            | Self::Mode { monitor, .. } => monitor,
        }
    }
}

/// What of several phases or components is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Both numbers of every one.
    Whole,
    /// The first number of every one.
    Magnitudes,
    /// Both numbers of the positive sequence, or of all phases together.
    Positive,
    /// The first number of that.
    PositiveMagnitude,
}

/// A quantity, with what is needed to read it.
#[derive(Clone, Debug, PartialEq)]
enum Quantity {
    VoltageCurrent {
        sequence: bool,
        scope: Scope,
        polar: bool,
        residual: bool,
    },
    Power {
        sequence: bool,
        scope: Scope,
        polar: bool,
    },
    Tap,
    Variables,
    /// Line-to-neutral base of the bus, V, and the frequency the meter is made for, Hz.
    Flicker {
        base_v: f64,
        frequency_hz: f64,
    },
    Solution,
    Steps,
    Storage,
    WindingCurrents,
    Losses,
    WindingVoltages,
    Terminals,
    LineToLine,
}

/// Another element at the nodes of a source, whose current the source's own balances.
type Neighbour = u32;

/// One monitor, compiled.
#[derive(Clone, Debug)]
struct Watch {
    id: ElementId,
    name: String,
    element: ElementId,
    element_name: String,
    mode: u32,
    /// Position in the circuit's elements; `None` of one that is out of service or carries no current.
    index: Option<usize>,
    /// 0-based.
    terminal: usize,
    n_terminals: usize,
    n_phases: usize,
    n_conductors: usize,
    /// Node of each conductor of the terminal.
    nodes: Box<[NodeNumber]>,
    neighbours: Box<[Neighbour]>,
    quantity: Quantity,
    columns: Vec<String>,
    variables: variables::Source,
}

/// What does not change from run to run.
#[derive(Debug)]
struct Plan {
    watches: Vec<Watch>,
    refused: Vec<MonitorError>,
    /// Conductors of the largest element that is looked at.
    largest_order: usize,
}

/// Rows of one monitor.
#[derive(Clone, Debug, Default)]
struct Log {
    hour: Vec<i64>,
    second: Vec<f64>,
    /// Row by row.
    values: Vec<f64>,
}

/// Room for the numbers of one row on their way.
#[derive(Clone, Debug, Default)]
struct Scratch {
    v: Vec<Complex64>,
    i: Vec<Complex64>,
    other: Vec<Complex64>,
    balance: Vec<Complex64>,
    noise: Vec<f64>,
}

impl Scratch {
    fn new(order: usize) -> Self {
        // Currents at both ends of every winding are more than the conductors.
        let zeros = || vec![Complex64::ZERO; 2 * order];
        Self { v: zeros(), i: zeros(), other: zeros(), balance: zeros(), noise: vec![0.0; order] }
    }
}

/// The monitors of a circuit, and what they have recorded in one run.
///
/// As an [`Observer`] it records every step.
#[derive(Clone, Debug)]
pub struct Monitors {
    plan: Arc<Plan>,
    logs: Vec<Log>,
    scratch: Scratch,
    /// Control iterations since the beginning, each of which is a solution.
    solutions: u64,
}

/// What one monitor recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct MonitorTable {
    /// Name of the monitor, without class.
    pub name: String,
    /// `class.name` of the element, and its terminal from 1.
    pub element: String,
    pub terminal: usize,
    pub mode: u32,
    /// Headers of the values, as OpenDSS names them; hour and second stand before them.
    pub columns: Vec<String>,
    /// Whole hours of the clock, and seconds within the hour, one a row.
    pub hour: Vec<i64>,
    pub second: Vec<f64>,
    /// Column by column, as many as there are headers; NaN where a step did not settle.
    pub values: Vec<Vec<f64>>,
}

impl MonitorTable {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.hour.len()
    }
}

impl Monitors {
    /// Compiles the enabled monitors of a circuit's network. Those that can record nothing are listed in [`Self::refused`].
    pub fn compile(circuit: &Circuit) -> Self {
        let network = circuit.network();
        let (mut watches, mut refused) = (Vec::new(), Vec::new());
        for id in network.ids(ElementKind::Monitor) {
            let monitor = &network.monitors[id.index()];
            if monitor.common.enabled {
                match Watch::compile(circuit, id, monitor) {
                    Ok(watch) => watches.push(watch),
                    Err(error) => refused.push(error),
                }
            }
        }
        let order = |i: usize| circuit.elements()[i].order();
        let looked_at = watches.iter().flat_map(|w| w.index.into_iter().chain(w.neighbours.iter().map(|&n| n as usize)));
        let largest_order = looked_at.map(order).chain(watches.iter().map(|w| w.n_terminals * w.n_conductors)).max().unwrap_or(0);
        Self::of_plan(Arc::new(Plan { watches, refused, largest_order }))
    }

    fn of_plan(plan: Arc<Plan>) -> Self {
        let logs = vec![Log::default(); plan.watches.len()];
        Self { logs, scratch: Scratch::new(plan.largest_order), solutions: 0, plan }
    }

    /// The same monitors with nothing recorded.
    pub fn fresh(&self) -> Self {
        Self::of_plan(Arc::clone(&self.plan))
    }

    /// Makes room for as many more rows, so that recording them does not allocate.
    pub fn reserve(&mut self, steps: usize) {
        for (log, watch) in self.logs.iter_mut().zip(&self.plan.watches) {
            log.hour.reserve(steps);
            log.second.reserve(steps);
            log.values.reserve(steps * watch.columns.len());
        }
    }

    /// Monitors that record nothing, and why.
    pub fn refused(&self) -> &[MonitorError] {
        &self.plan.refused
    }

    /// Monitors that record, in the order of the network.
    pub fn ids(&self) -> impl Iterator<Item = ElementId> + '_ {
        self.plan.watches.iter().map(|w| w.id)
    }

    pub fn len(&self) -> usize {
        self.plan.watches.len()
    }

    pub fn is_empty(&self) -> bool {
        self.plan.watches.is_empty()
    }

    /// Records one step.
    pub fn sample(&mut self, step: &Step<'_>) {
        self.solutions += u64::from(step.progress.control_iterations);
        let settled = step.progress.settled();
        for (watch, log) in self.plan.watches.iter().zip(&mut self.logs) {
            log.hour.push(step.state.options.hour);
            log.second.push(step.state.options.second);
            let row = log.values.len();
            if settled || watch.quantity.is_position() {
                watch.read(step, self.solutions, &mut self.scratch, &mut log.values);
            }
            // What did not settle has no values; a row that came out short is one of nothing to tell.
            log.values.resize(row + watch.columns.len(), f64::NAN);
        }
    }

    /// What a monitor recorded; `None` of one that does not record.
    pub fn table(&self, id: ElementId) -> Option<MonitorTable> {
        let k = self.plan.watches.iter().position(|w| w.id == id)?;
        Some(self.plan.watches[k].table(&self.logs[k]))
    }

    /// What all monitors recorded, in the order of the network.
    pub fn tables(&self) -> Vec<MonitorTable> {
        self.plan.watches.iter().zip(&self.logs).map(|(watch, log)| watch.table(log)).collect()
    }
}

impl Observer for Monitors {
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        self.sample(step);
        ControlFlow::Continue(())
    }
}

impl Quantity {
    /// Where something stands rather than what flows: known also of a step that did not settle.
    fn is_position(&self) -> bool {
        matches!(self, Self::Tap | Self::Steps | Self::Solution)
    }
}

const SEQUENCE: u32 = 16;
const MAGNITUDE: u32 = 32;
const POSITIVE: u32 = 64;

impl Watch {
    fn compile(circuit: &Circuit, id: ElementId, monitor: &Monitor) -> Result<Self, MonitorError> {
        let network = circuit.network();
        let place = || Place::of(network, id);
        let element = monitor.element.ok_or_else(|| MonitorError::NoElement { monitor: place() })?;
        let common = network.common(element);
        let terminal = common.terminals.get(monitor.terminal).ok_or_else(|| MonitorError::Terminal {
            monitor: place(),
            element: network.full_name(element),
            terminal: monitor.terminal + 1,
            n_terminals: common.terminals.len(),
        })?;
        let n_phases = common.n_phases;
        let of_kind = |kinds: &[ElementKind], expected| match kinds.contains(&element.kind) {
            true => Ok(()),
            false => {
                Err(MonitorError::WrongElement { monitor: place(), element: network.full_name(element), mode: monitor.mode, expected })
            }
        };
        let scope = match (monitor.mode & MAGNITUDE != 0, monitor.mode & POSITIVE != 0) {
            (false, false) => Scope::Whole,
            (true, false) => Scope::Magnitudes,
            (false, true) => Scope::Positive,
            (true, true) => Scope::PositiveMagnitude,
        };
        let sequence = monitor.mode & SEQUENCE != 0 && n_phases == 3;
        let quantity = match monitor.mode & 15 {
            0 => Quantity::VoltageCurrent { sequence, scope, polar: monitor.vi_polar, residual: monitor.residual },
            1 => Quantity::Power { sequence, scope, polar: monitor.p_polar },
            2 => of_kind(&[ElementKind::Transformer], "a transformer").map(|()| Quantity::Tap)?,
            3 => {
                use ElementKind::{Generator, InductionMachine, Load, PvSystem, Storage};
                of_kind(&[Load, Generator, PvSystem, Storage, InductionMachine], "a load, generator, inverter or machine")?;
                Quantity::Variables
            }
            4 => {
                Quantity::Flicker { base_v: network.bus(terminal.bus).kv_base_ln * 1000.0, frequency_hz: monitor.common.base_frequency_hz }
            }
            5 => Quantity::Solution,
            6 => of_kind(&[ElementKind::Capacitor], "a capacitor").map(|()| Quantity::Steps)?,
            7 => of_kind(&[ElementKind::Storage], "a storage unit").map(|()| Quantity::Storage)?,
            8 => of_kind(&[ElementKind::Transformer], "a transformer").map(|()| Quantity::WindingCurrents)?,
            9 => Quantity::Losses,
            10 => of_kind(&[ElementKind::Transformer], "a transformer").map(|()| Quantity::WindingVoltages)?,
            11 => Quantity::Terminals,
            12 => Quantity::LineToLine,
            _ => return Err(MonitorError::Mode { monitor: place(), mode: monitor.mode }),
        };
        let index = circuit.index_of(element);
        let n_conductors = common.n_conductors();
        // Not those of the compiled element: the far end of an autotransformer's series winding is earth here.
        let nodes = terminal.nodes.iter().map(|&n| circuit.node_number(terminal.bus, n)).collect();
        let mut watch = Self {
            id,
            name: monitor.common.name.clone(),
            element,
            element_name: network.full_name(element),
            mode: monitor.mode,
            index,
            terminal: monitor.terminal,
            n_terminals: common.terminals.len(),
            n_phases,
            n_conductors,
            nodes,
            neighbours: neighbours(circuit, index),
            variables: variables::Source::of(circuit, element),
            quantity,
            columns: Vec::new(),
        };
        watch.columns = watch.headers(network);
        Ok(watch)
    }

    fn table(&self, log: &Log) -> MonitorTable {
        let n = self.columns.len();
        let mut values: Vec<Vec<f64>> = (0..n).map(|k| log.values.iter().skip(k).step_by(n.max(1)).copied().collect()).collect();
        if let Quantity::Flicker { base_v, frequency_hz } = self.quantity {
            let time_s: Vec<f64> = log.hour.iter().zip(&log.second).map(|(&h, s)| h as f64 * 3600.0 + s).collect();
            for pair in values.chunks_exact_mut(2) {
                flicker::flicker(&time_s, base_v, frequency_hz, pair);
            }
        }
        MonitorTable {
            name: self.name.clone(),
            element: self.element_name.clone(),
            terminal: self.terminal + 1,
            mode: self.mode,
            columns: self.columns.clone(),
            hour: log.hour.clone(),
            second: log.second.clone(),
            values,
        }
    }
}

/// Elements that share the nodes of a source; none of any other element.
fn neighbours(circuit: &Circuit, index: Option<usize>) -> Box<[Neighbour]> {
    let Some(index) = index else { return Box::default() };
    let source = &circuit.elements()[index];
    if !matches!(source.model, Model::Source(_)) {
        return Box::default();
    }
    let (first, second) = source.nodes.split_at(source.n_conductors);
    if second.iter().any(|&n| n != 0) || first.contains(&0) {
        return Box::default();
    }
    let touches = |i: usize| circuit.elements()[i].nodes.iter().any(|n| first.contains(n));
    (0..circuit.elements().len()).filter(|&i| i != index && touches(i)).map(|i| i as Neighbour).collect()
}
