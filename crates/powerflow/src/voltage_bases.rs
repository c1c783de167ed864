//! Voltage bases from the zero-load voltages.
//!
//! Sources alone feed the series elements (lines without their capacitance,
//! transformers, whatever joins two buses; all else leaves a trace that keeps
//! its bus from floating). The magnitude at the first node of each bus, as a
//! line-to-line voltage, is compared with the legal bases; the nearest, by
//! ratio, over √3, becomes the bus's line-to-neutral base.
//!
//! Source of the method: OpenDSS, `CalcVoltageBases`; so is the factor 1.732.

use crate::circuit::Circuit;
use crate::error::CircuitError;
use crate::state::State;
use std::sync::Arc;

/// Bases tried where a model names none, kV line to line.
pub const DEFAULT_BASES_KV: [f64; 7] = [0.208, 0.480, 12.47, 24.9, 34.5, 115.0, 230.0];

/// Line-to-neutral base of every bus of the network, kV, in the order of its buses; 0 for a bus without nodes. With it the
/// state at zero load.
///
/// # Errors
/// A network whose series elements cannot be factored.
pub fn voltage_bases(circuit: &Arc<Circuit>) -> Result<(Vec<f64>, State), CircuitError> {
    let network = circuit.network();
    let mut state = State::new(circuit)?;
    state.build_series()?;
    state.inject_sources();
    state.solve_linear()?;
    let legal = if network.options.voltage_bases_kv.is_empty() { &DEFAULT_BASES_KV[..] } else { &network.options.voltage_bases_kv };
    let bases = network
        .buses
        .iter()
        .enumerate()
        .map(|(i, _)| match circuit.bus_nodes(network::BusId::from(i)).first() {
            None => 0.0,
            Some(&(_, node)) => nearest(legal, state.v[node as usize].norm() * 0.001732) / 3.0_f64.sqrt(),
        })
        .collect();
    Ok((bases, state))
}

fn nearest(legal_kv: &[f64], kv: f64) -> f64 {
    let distance = |base: f64| (1.0 - kv / base).abs();
    // The first of equals, as the reference engine takes it.
    let mut best = legal_kv[0];
    for &base in legal_kv.iter().filter(|&&b| b > 0.0) {
        if distance(base) < distance(best) {
            best = base;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn nearest_is_by_ratio() {
        // 5 kV is 4 from 1 and 7 from 12, but 5/12 is the smaller relative distance.
        assert_eq!(nearest(&[1.0, 12.0], 5.0), 12.0);
        assert_eq!(nearest(&[115.0, 4.16, 0.48], 4.3), 4.16);
        assert_eq!(nearest(&[115.0, 4.16, 0.48], 0.0), 115.0);
    }
}
