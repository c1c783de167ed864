//! A network at a moment, solved.
//!
//! A step is an hour of the day that the network's own daily shapes run through. Demand and busbar voltages differ from it by noise that follows from
//! the seed and the step alone: what a telemetry shows is always the power flow of the network with these inputs, nothing is made up beside it.

use super::OperationsError;
use crate::synthetic::random::Random;
use network::{Network, SolutionMode};
use powerflow::{Circuit, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Streams of this module among those that draw from a seed.
const DEMAND: u64 = 0x6f70_6473;
const BUSBAR: u64 = 0x6f70_7673;
/// Tolerance of the voltages: configurations are told apart by small differences.
const TOLERANCE_PU: f64 = 1e-9;
const MAX_ITERATIONS: u32 = 500;

/// How far inputs differ from their shapes, evenly to either side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variation {
    /// Of each load's power.
    pub demand_pct: f64,
    /// Of each source's set-point.
    pub source_pct: f64,
}

impl Default for Variation {
    /// Demand ±5 %. Set-points ±1 %, within the bandwidth of a tap changer's regulator: with the fall of voltage on the lines it keeps the telemetry
    /// within ±5 %.
    fn default() -> Self {
        Self { demand_pct: 5.0, source_pct: 1.0 }
    }
}

/// The network as it stands, without shapes and noise.
///
/// # Errors
/// A network without source or solution, a transmission case.
pub fn snapshot(network: &Network) -> Result<State, OperationsError> {
    let mut network = network.clone();
    network.options.mode = SolutionMode::Snapshot;
    settle(network, "the snapshot".into())
}

/// The network at a step of one hour, step 0 being the hour up to one o'clock.
///
/// # Errors
/// As [`snapshot`]; a variation that is no percentage below 100.
pub fn at_step(network: &Network, seed: u64, step: u32, variation: &Variation) -> Result<State, OperationsError> {
    for (what, pct) in [("the variation of demand, %", variation.demand_pct), ("the variation of voltages, %", variation.source_pct)] {
        if !(0.0..100.0).contains(&pct) {
            return Err(OperationsError::option(what, "at least 0 and below 100", pct));
        }
    }
    let mut network = network.clone();
    let factor = |random: &mut Random, pct: f64| 1.0 + random.between(-pct, pct) / 100.0;
    let mut random = Random::new(seed, DEMAND, u64::from(step));
    for load in &mut network.loads {
        let factor = factor(&mut random, variation.demand_pct);
        (load.p_kw, load.q_kvar) = (load.p_kw * factor, load.q_kvar * factor);
    }
    let mut random = Random::new(seed, BUSBAR, u64::from(step));
    // One factor for all: busbars that differ would drive power through a loop while it is closed.
    let of_busbars = factor(&mut random, variation.source_pct);
    network.voltage_sources.iter_mut().for_each(|s| s.v_pu *= of_busbars);
    let o = &mut network.options;
    (o.mode, o.hour, o.second) = (SolutionMode::Daily, i64::from(step) + 1, 0.0);
    settle(network, format!("step {step}"))
}

fn settle(mut network: Network, at: String) -> Result<State, OperationsError> {
    if network.is_transmission() {
        return Err(OperationsError::Transmission);
    }
    let o = &mut network.options;
    o.tolerance_pu = o.tolerance_pu.min(TOLERANCE_PU);
    o.max_iterations = o.max_iterations.max(MAX_ITERATIONS);
    o.max_control_iterations = o.max_control_iterations.max(100);
    let mut state = State::new(&Arc::new(Circuit::compile(Arc::new(network))?))?;
    if state.solve_moment()?.settled() { Ok(state) } else { Err(OperationsError::Unsettled { at }) }
}
