//! The plant's network solved: voltages at buses and currents of elements as phasors, with faults in it.
//!
//! What the plant changes (loads, switches, taps, the source) it changes in its [`Network`]; each solution compiles that anew, which costs less than
//! the solution is worth and leaves one place where the state of the plant stands. Faults are elements that only the solved copy has. The start
//! is the last solution's voltages.

use network::{BusId, Common, ControlMode, ElementId, Fault, Network, SolutionMode, Terminal};
use num_complex::Complex64;
use powerflow::fault_study::FaultType;
use powerflow::{Circuit, CircuitError, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A short circuit in the plant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShortCircuit {
    pub bus: BusId,
    /// Word of the type, as `powerflow::fault_study::FaultType` has it: `3ph`, `slg`, `ll`, `llg`.
    pub kind: String,
    /// Faulted phases, 1 to 3.
    pub phases: Vec<u32>,
    pub r_ohm: f64,
}

impl ShortCircuit {
    /// The element that stands for it.
    fn element(&self, number: usize) -> Fault {
        let line_line = self.kind == FaultType::LineLine.word();
        let (from, to): (Vec<u32>, Vec<u32>) = match line_line {
            true => (vec![self.phases[0]], vec![self.phases[1]]),
            false => (self.phases.clone(), vec![0; self.phases.len()]),
        };
        let mut common = Common::new(format!("plant_fault_{number}"), from.len());
        common.terminals = vec![Terminal::new(self.bus, from), Terminal::new(self.bus, to)];
        Fault { common, r_ohm: self.r_ohm, g_siemens: None, stddev_pct: 0.0, on_time_s: 0.0, temporary: false, min_a: 0.0 }
    }
}

/// A solution of the plant.
#[derive(Clone, Debug)]
pub struct Solved {
    state: State,
    /// Voltages to earth by bus and phase, V.
    v: Vec<[Complex64; 3]>,
    pub settled: bool,
    pub iterations: u32,
}

impl Solved {
    /// Solves the network with faults, starting from `before`.
    ///
    /// # Errors
    /// A network that cannot be compiled or factored.
    pub fn new(network: &Network, faults: &[ShortCircuit], before: Option<&Self>) -> Result<Self, CircuitError> {
        let mut network = network.clone();
        network.options.mode = SolutionMode::Snapshot;
        network.options.control_mode = ControlMode::Off;
        for (number, fault) in faults.iter().enumerate() {
            network.add(fault.element(number));
        }
        let circuit = Arc::new(Circuit::compile(Arc::new(network))?);
        let mut state = State::new(&circuit)?;
        if let Some(before) = before.filter(|b| b.settled) {
            let mut v = vec![Complex64::ZERO; circuit.n_nodes() + 1];
            let old = before.state.circuit();
            for (i, node) in circuit.nodes().iter().enumerate() {
                let n = old.node_number(node.bus, node.at_bus);
                v[i + 1] = if n == 0 { Complex64::ZERO } else { before.state.voltages()[n as usize] };
            }
            state.set_voltages(&v);
        }
        let mut progress = state.solve_moment()?;
        if !progress.settled() {
            // A start far away may lead nowhere: once more from loads as admittances.
            state.forget_profile();
            progress = state.solve_moment()?;
        }
        let of_phase = |bus: BusId, phase: u32| match circuit.node_number(bus, phase) {
            0 => Complex64::ZERO,
            n => state.voltages()[n as usize],
        };
        let v = (0..circuit.network().buses.len()).map(|b| [1, 2, 3].map(|phase| of_phase(BusId::from(b), phase))).collect();
        Ok(Self { settled: progress.settled(), iterations: progress.iterations, v, state })
    }

    /// Voltages to earth, V.
    pub fn v(&self, bus: BusId) -> [Complex64; 3] {
        self.v[bus.index()]
    }

    /// Currents into an element at a terminal (0-based), A.
    pub fn i(&self, element: ElementId, terminal: usize) -> [Complex64; 3] {
        let Some(index) = self.state.circuit().index_of(element) else { return [Complex64::ZERO; 3] };
        let all = self.state.element_currents(index);
        let n = self.state.circuit().elements()[index].n_conductors;
        std::array::from_fn(|k| all.get(terminal * n + k).copied().filter(|_| k < n).unwrap_or_default())
    }

    /// Voltage base of a bus, V line to neutral.
    pub fn base_v(&self, bus: BusId) -> f64 {
        self.state.circuit().network().bus(bus).kv_base_ln * 1e3
    }

    /// Losses and what the source delivers, kVA.
    pub fn losses_and_supply_kva(&self) -> (Complex64, Complex64) {
        (self.state.losses_kva(), self.state.delivered_kva())
    }
}

/// Symmetrical components 0, 1, 2 (Fortescue).
pub fn sequences(abc: [Complex64; 3]) -> [Complex64; 3] {
    let a = Complex64::from_polar(1.0, 120.0_f64.to_radians());
    let [x, y, z] = abc;
    [(x + y + z) / 3.0, (x + a * y + a * a * z) / 3.0, (x + a * a * y + a * z) / 3.0]
}
