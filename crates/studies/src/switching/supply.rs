//! Which nodes have supply.
//!
//! Conductors of a line are coupled, so the admittance joins a phase that nothing feeds to those beside it: a dead phase of a live line has a few
//! millivolts, and is no phase with supply. So supply follows conductors from the sources:
//!
//! ```text
//! line, series reactor or capacitor   conductor k of one terminal to conductor k of the other, where both are closed
//! transformer                         all its windings with each other
//! ```
//!
//! and a node counts only where it has at least a tenth of its base voltage besides: a winding whose own phase is dead brings next to nothing.

use network::ElementKind;
use powerflow::State;
use std::collections::VecDeque;

/// Voltage below which a node has no supply, per unit of its base.
const LEAST_PU: f64 = 0.1;

/// Whether each node has supply, by node number; the earth has none. Voltages count where the state is `solved`.
pub fn supplied(state: &State, solved: bool) -> Vec<bool> {
    let circuit = state.circuit();
    let network = circuit.network();
    let mut next: Vec<Vec<u32>> = vec![Vec::new(); circuit.n_nodes() + 1];
    let mut join = |a: u32, b: u32| {
        if a != 0 && b != 0 && a != b {
            next[a as usize].push(b);
            next[b as usize].push(a);
        }
    };
    let mut has = vec![false; circuit.n_nodes() + 1];
    let mut queue = VecDeque::new();
    for e in circuit.elements() {
        let n = e.n_conductors;
        let is_closed = |k: usize| state.is_closed(e.id, k / n, k % n);
        match e.id.kind {
            ElementKind::Transformer => {
                let mut closed = (0..e.nodes.len()).filter(|&k| e.nodes[k] != 0 && is_closed(k));
                if let Some(first) = closed.next() {
                    closed.for_each(|k| join(e.nodes[first], e.nodes[k]));
                }
            }
            ElementKind::Line | ElementKind::Reactor | ElementKind::Capacitor | ElementKind::GicLine | ElementKind::Fault => {
                for k in 0..n.min(e.nodes.len().saturating_sub(n)) {
                    if is_closed(k) && is_closed(n + k) {
                        join(e.nodes[k], e.nodes[n + k]);
                    }
                }
            }
            ElementKind::VoltageSource | ElementKind::CurrentSource => {
                for k in (0..e.nodes.len()).filter(|&k| e.nodes[k] != 0 && is_closed(k)) {
                    if !std::mem::replace(&mut has[e.nodes[k] as usize], true) {
                        queue.push_back(e.nodes[k]);
                    }
                }
            }
            _ => {}
        }
    }
    while let Some(at) = queue.pop_front() {
        for &n in &next[at as usize] {
            if !std::mem::replace(&mut has[n as usize], true) {
                queue.push_back(n);
            }
        }
    }
    if solved {
        let v = state.voltages();
        for (n, has) in has.iter_mut().enumerate().skip(1) {
            let base_v = network.bus(circuit.node(n as u32).bus).kv_base_ln * 1e3;
            // A neutral has next to no voltage and is fed all the same; nobody is supplied between it and earth.
            let is_phase = (1..=3).contains(&circuit.node(n as u32).at_bus);
            if *has && is_phase && base_v > 0.0 && v[n].norm() < LEAST_PU * base_v {
                *has = false;
            }
        }
    }
    has
}
