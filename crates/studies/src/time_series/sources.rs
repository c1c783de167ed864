//! Power that the sources deliver, step by step.
//!
//! The current of a stiff source is its admittance times a difference of voltages in their last digits. What all other elements draw at its
//! nodes is the same current by Kirchhoff's law; the more exact of both is chosen at the first settled step, by the rounding that each
//! carries, and kept.

use network::ElementKind;
use num_complex::Complex64;
use powerflow::State;

#[derive(Clone, Debug)]
struct Source {
    index: usize,
    /// Nodes of the first terminal.
    nodes: Vec<u32>,
    /// Other elements at these nodes; empty where the source's own current counts.
    others: Vec<usize>,
}

/// The sources of a circuit.
#[derive(Clone, Debug)]
pub struct Sources {
    sources: Vec<Source>,
    scratch: Vec<Complex64>,
    phase_factor: f64,
}

impl Sources {
    /// Compiles the sources of a settled state.
    pub fn new(state: &State) -> Self {
        let elements = state.circuit().elements();
        let is_source = |kind| matches!(kind, ElementKind::VoltageSource | ElementKind::CurrentSource);
        let mut sources = Vec::new();
        for (index, e) in elements.iter().enumerate().filter(|(_, e)| is_source(e.id.kind)) {
            let (nodes, second) = (e.nodes[..e.n_conductors].to_vec(), &e.nodes[e.n_conductors..]);
            let mut others = Vec::new();
            if e.id.kind == ElementKind::VoltageSource && second.iter().all(|&n| n == 0) && !nodes.contains(&0) {
                others.extend((0..elements.len()).filter(|&o| o != index && elements[o].nodes.iter().any(|n| nodes.contains(n))));
                let mut noise = vec![0.0; nodes.len()];
                for &o in &others {
                    for (n, rounding) in elements[o].nodes.iter().zip(state.current_rounding_a(o)) {
                        if let Some(at) = nodes.iter().position(|k| k == n) {
                            noise[at] += rounding;
                        }
                    }
                }
                let own = state.current_rounding_a(index);
                if noise.iter().zip(&own).any(|(noise, own)| noise >= own) {
                    others.clear();
                }
            }
            sources.push(Source { index, nodes, others });
        }
        let order = elements.iter().map(|e| e.nodes.len()).max().unwrap_or(0);
        Self { sources, scratch: vec![Complex64::ZERO; order], phase_factor: state.power_factor_of_phases() }
    }

    /// Power that all sources deliver at their first terminals, VA.
    pub fn delivered_va(&mut self, state: &State) -> Complex64 {
        let v = state.voltages();
        let elements = state.circuit().elements();
        let mut total = Complex64::ZERO;
        for source in &self.sources {
            if source.others.is_empty() {
                state.currents_into(source.index, &mut self.scratch);
                for (&n, i) in source.nodes.iter().zip(&self.scratch) {
                    total -= v[n as usize] * i.conj();
                }
            }
            for &other in &source.others {
                state.currents_into(other, &mut self.scratch);
                for (n, i) in elements[other].nodes.iter().zip(&self.scratch).filter(|(n, _)| source.nodes.contains(n)) {
                    total += v[*n as usize] * i.conj();
                }
            }
        }
        total * self.phase_factor
    }
}
