//! The network with its measured powers, solved moment by moment: what the meters would read if the model were right.
//!
//! Loads, generation and controls are taken out of the model; in their stead the measured powers are placed at the nodes where the loads
//! stand, moment by moment, so that one factored matrix serves all moments. Taps, banks and switches stay as they are.

use super::readings::{Channel, Quantity, Readings, Where};
use super::units::Unit;
use network::{Connection, ElementKind, Interpolation, LoadShape, LoadShapeId, LoadSolutionModel, Network, SolutionMode};
use num_complex::Complex64;
use powerflow::{Circuit, CircuitError, NodeNumber, PlacedPower, State};
use std::sync::Arc;

/// What the model says at each moment.
#[derive(Clone, Debug)]
pub(super) struct Prediction {
    /// By channel and moment, in the channel's unit.
    pub channels: Vec<Vec<f64>>,
    /// By unit, candidate and moment: voltage at the head, per unit of its base to earth, over √3 for a pair.
    pub heads: Vec<Vec<Vec<f64>>>,
}

/// Why the model gives no prediction.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("the network cannot be solved: {0}")]
    Circuit(#[from] CircuitError),
    #[error("the power flow of moment {moment} does not settle with the measured powers; check their units and signs")]
    Unsettled { moment: usize },
}

/// A network without what the readings stand for, and how often it was solved.
pub(super) struct Bench<'a> {
    pub readings: &'a Readings,
    /// Voltage of the source by moment, as a factor of what the model says; its mean is 1 where it is not metered.
    pub source: Vec<f64>,
    pub solves: usize,
}

/// Takes loads, generation and all that acts or watches out of a network, and prepares its options.
pub(super) fn stripped(network: &Network, moments: usize) -> Network {
    use ElementKind as K;
    let mut n = network.clone();
    for &id in &network.order {
        let stays = matches!(
            id.kind,
            K::VoltageSource | K::CurrentSource | K::Line | K::Transformer | K::Capacitor | K::Reactor | K::Fault | K::GicLine
        );
        if !stays {
            n.common_mut(id).enabled = false;
        }
    }
    let o = &mut n.options;
    (o.mode, o.hour, o.second, o.year) = (SolutionMode::Yearly, 1, 0.0, 0);
    (o.tolerance_pu, o.max_iterations, o.load_model) = (1e-7, 200, LoadSolutionModel::PowerFlow);
    o.control_mode = network::ControlMode::Off;
    // One shape a source, the last of all; what they hold is told by each run.
    for s in &mut n.voltage_sources {
        let id = LoadShapeId::from(n.load_shapes.len());
        n.load_shapes.push(shape(vec![1.0; moments]));
        s.shapes = network::Shapes { yearly: Some(id), daily: None, duty: None };
    }
    n
}

fn shape(p: Vec<f64>) -> LoadShape {
    LoadShape {
        name: "source".into(),
        interval_h: 0.0,
        hours: Some((1..=p.len()).map(|h| h as f64).collect()),
        p: p.into(),
        q: None,
        use_actual: false,
        p_base: 0.0,
        q_base: 0.0,
        p_max: 0.0,
        q_max: 0.0,
        mean: 0.0,
        stddev: 0.0,
        interpolation: Interpolation::Edge,
    }
}

/// Branches of a load as pairs of nodes at its bus, and the base voltage across each, V.
pub(super) fn branches(network: &Network, load: usize) -> (Vec<(u32, u32)>, f64) {
    let l = &network.loads[load];
    let n = l.common.n_phases;
    let nodes = &l.common.terminals[0].nodes;
    let at = |i: usize| nodes.get(i).copied().unwrap_or(0);
    match l.connection {
        Connection::Wye => {
            let neutral = if nodes.len() > n { at(n) } else { 0 };
            let base_v = if n > 1 { l.kv * 1000.0 / 3f64.sqrt() } else { l.kv * 1000.0 };
            ((0..n).map(|i| (at(i), neutral)).collect(), base_v)
        }
        Connection::Delta if n == 1 => (vec![(at(0), at(1))], l.kv * 1000.0),
        Connection::Delta => ((0..n).map(|i| (at(i), at((i + 1) % nodes.len().max(1)))).collect(), l.kv * 1000.0),
    }
}

impl Bench<'_> {
    /// Solves every moment. `network` is a stripped one; loads without readings are multiplied by `load_factor`, the source's voltage by
    /// `source_factor`.
    pub(super) fn run(
        &mut self,
        network: &Network,
        load_factor: f64,
        source_factor: f64,
        units: &[Unit],
    ) -> Result<Prediction, BenchError> {
        let r = self.readings;
        let moments = r.times_s.len();
        let mut network = network.clone();
        let first = network.load_shapes.len() - network.voltage_sources.len();
        for (i, source) in network.voltage_sources.iter().enumerate() {
            network.load_shapes[first + i] = shape(self.source.iter().map(|f| f * source.v_pu * source_factor).collect());
        }
        let circuit = Arc::new(Circuit::compile(Arc::new(network))?);
        let network = circuit.network();
        let mut state = State::new(&circuit)?;
        // Where loads stand: (from, to, base V, share of the load's power).
        let mut places: Vec<Vec<(NodeNumber, NodeNumber, f64, f64)>> = Vec::with_capacity(network.loads.len());
        for (i, load) in network.loads.iter().enumerate() {
            let (pairs, base_v) = branches(network, i);
            let bus = load.common.terminals[0].bus;
            let number = |n: u32| if n == 0 { 0 } else { circuit.node_number(bus, n) };
            let share = 1.0 / pairs.len().max(1) as f64;
            places.push(pairs.iter().map(|&(a, b)| (number(a), number(b), base_v, share)).collect());
        }
        let mut channels: Vec<Vec<f64>> = r.channels.iter().map(|_| Vec::with_capacity(moments)).collect();
        let mut heads: Vec<Vec<Vec<f64>>> = units.iter().map(|u| vec![Vec::with_capacity(moments); u.candidates.len()]).collect();
        let mut powers = Vec::new();
        for t in 0..moments {
            powers.clear();
            for (i, at) in places.iter().enumerate() {
                let Some((p_kw, q_kvar)) = r.demand(i, t, load_factor) else { continue };
                for &(from, to, base_v, share) in at.iter().filter(|p| p.0 != p.1) {
                    powers.push(PlacedPower { from, to, base_v, s_va: -Complex64::new(p_kw, q_kvar) * 1000.0 * share });
                }
            }
            state.place(&powers);
            (state.options.hour, state.options.second) = (t as i64 + 1, 0.0);
            let progress = state.solve_moment()?;
            self.solves += 1;
            if !progress.convergence.settled {
                return Err(BenchError::Unsettled { moment: t });
            }
            let v = state.voltages();
            for (c, values) in r.channels.iter().zip(&mut channels) {
                values.push(read(c, &state, v, &places));
            }
            for (u, by_candidate) in units.iter().zip(&mut heads) {
                let base_v = network.bus(u.head).kv_base_ln * 1000.0;
                for (nodes, values) in u.candidates.iter().zip(by_candidate) {
                    let at = |n: u32| v[circuit.node_number(u.head, n) as usize];
                    let across = if nodes.len() == 2 { (at(nodes[0]) - at(nodes[1])).norm() / 3f64.sqrt() } else { at(nodes[0]).norm() };
                    values.push(if base_v > 0.0 { across / base_v } else { across });
                }
            }
        }
        Ok(Prediction { channels, heads })
    }
}

/// What a channel's meter reads of a solution.
fn read(c: &Channel, state: &State, v: &[Complex64], places: &[Vec<(NodeNumber, NodeNumber, f64, f64)>]) -> f64 {
    let circuit = state.circuit();
    match (c.place, c.quantity) {
        (Where::Load(load), _) => {
            let of: Vec<f64> = places[load].iter().map(|&(a, b, base, _)| (v[a as usize] - v[b as usize]).norm() / base).collect();
            match c.phase {
                Some(k) if of.len() > 1 => of.get(k as usize - 1).copied().unwrap_or(f64::NAN),
                _ => of.iter().sum::<f64>() / of.len().max(1) as f64,
            }
        }
        (Where::Bus(bus), _) => {
            let base_v = circuit.network().bus(bus).kv_base_ln * 1000.0;
            let at = |n: u32| v[circuit.node_number(bus, n) as usize].norm() / base_v;
            match c.phase {
                Some(n) => at(n),
                None => {
                    let of: Vec<f64> = circuit.bus_nodes(bus).iter().filter(|(n, _)| (1..=3).contains(n)).map(|&(n, _)| at(n)).collect();
                    of.iter().sum::<f64>() / of.len().max(1) as f64
                }
            }
        }
        (Where::Through(id), quantity) => {
            let Some(index) = circuit.index_of(id) else { return f64::NAN };
            let e = &circuit.elements()[index];
            let i = state.element_currents(index);
            let mut s = Complex64::new(0.0, 0.0);
            for k in 0..e.n_conductors {
                let node = e.nodes[k];
                if c.phase.is_none_or(|p| node != 0 && circuit.node(node).at_bus == p) {
                    s += v[node as usize] * i[k].conj();
                }
            }
            if quantity == Quantity::Reactive { s.im / 1000.0 } else { s.re / 1000.0 }
        }
    }
}
