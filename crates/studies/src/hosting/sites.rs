//! Where resources can stand: buses with their phases, the branches that a resource there has, and steps and bounds of its size.
//!
//! A resource on two or three phases stands between each phase and earth, on one phase likewise. Where nothing ties the bus to earth (behind a
//! delta winding, or with an ungrounded source) that is no connection at all: there it stands between the phases. Whether a bus is tied is
//! read from the network itself: one ampere shared by all phases and returning through earth meets `|Z0|`, one ampere from the first phase to
//! the second meets `2 |Z1|`. Of a bus that nothing ties to earth the first is a thousand and more times the half of the second.

use network::{BusId, Network};
use num_complex::Complex64;
use powerflow::{Circuit, CircuitError, NodeNumber, PlacedPower, State};

/// `|Z0| / |Z1|` from which a bus counts as not tied to earth. Solidly and impedance earthed systems lie below 100, traces of
/// admittance that keep a delta from floating give a million.
const UNTIED_RATIO: f64 = 1e3;

/// How a resource is joined to its bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// Between each phase and earth.
    Wye,
    /// Between phases.
    Delta,
}

impl Joined {
    pub fn word(self) -> &'static str {
        match self {
            Self::Wye => "wye",
            Self::Delta => "delta",
        }
    }
}

/// Why nothing can stand at a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// No source feeds it.
    Isolated,
    /// It has none of the nodes 1 to 3.
    NoPhase,
    /// No voltage base is assigned.
    NoBase,
    /// One phase that nothing ties to earth.
    NoReturn,
}

impl Unfit {
    pub fn word(self) -> &'static str {
        match self {
            Self::Isolated => "isolated",
            Self::NoPhase => "no-phase",
            Self::NoBase => "no-base",
            Self::NoReturn => "no-return",
        }
    }
}

/// A place for a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    pub bus: BusId,
    /// Nodes of the phases at the bus.
    pub phases: Vec<u32>,
    pub joined: Joined,
    /// Line to line, kV; of a one-phase bus to earth.
    pub kv: f64,
    /// Base of a branch's voltage, V.
    pub base_v: f64,
    /// Ends of each branch; the power is shared evenly.
    pub branches: Vec<(NodeNumber, NodeNumber)>,
    /// Step of the size, kW, and the largest number of steps.
    pub step_kw: f64,
    pub n_steps: u32,
}

impl Site {
    /// The branches at one kilowatt and kilovoltampere: `s_kva` is shared among them.
    pub fn powers(&self, s_kva: Complex64, phases_for_one: f64, out: &mut Vec<PlacedPower>) {
        let s_va = s_kva * 1e3 / (self.branches.len() as f64 * phases_for_one);
        out.extend(self.branches.iter().map(|&(from, to)| PlacedPower { from, to, base_v: self.base_v, s_va }));
    }

    /// The same place in another circuit of the same buses.
    pub fn renumbered(&self, from: &Circuit, to: &Circuit) -> Self {
        let number = |n: NodeNumber| {
            let node = from.node(n);
            if n == 0 { 0 } else { to.node_number(node.bus, node.at_bus) }
        };
        let branches = self.branches.iter().map(|&(a, b)| (number(a), number(b))).collect();
        Self { branches, ..self.clone() }
    }

    /// `abc`, `ac` and the like.
    pub fn phase_letters(&self) -> String {
        phase_letters(&self.phases)
    }
}

/// Letters of phase nodes: 1 is a, 2 is b, 3 is c.
pub fn phase_letters(nodes: &[u32]) -> String {
    let mut nodes = nodes.to_vec();
    nodes.sort_unstable();
    nodes.iter().filter_map(|n| char::from_digit(n + 9, 36).filter(|_| (1..=3).contains(n))).collect()
}

/// Steps and bounds of sizes, kW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes {
    /// Step; 10 kW above 1 kV and 1 kW below where none is given.
    pub step_kw: Option<f64>,
    /// Largest size; 50 MW above 1 kV and 2 MW below where none is given.
    pub max_kw: Option<f64>,
}

impl Sizes {
    fn at(&self, kv_ll: f64) -> (f64, u32) {
        let (step, max) = if kv_ll > 1.0 { (10.0, 50_000.0) } else { (1.0, 2_000.0) };
        let (step, max) = (self.step_kw.unwrap_or(step), self.max_kw.unwrap_or(max));
        // A bound that is no whole number of steps is not passed.
        let n = (max / step * (1.0 + 1e-12)).floor().min(1e9);
        (step, (n as u32).max(1))
    }
}

/// Finds out how buses are tied to earth.
pub struct Earthing<'a> {
    state: &'a mut State,
}

impl<'a> Earthing<'a> {
    /// `state` is any built state of the circuit; its voltages stay.
    pub fn new(state: &'a mut State) -> Self {
        Self { state }
    }

    /// Whether nothing but traces ties these nodes of a bus to earth.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn is_untied(&mut self, nodes: &[NodeNumber]) -> Result<bool, CircuitError> {
        let Some((&first, rest)) = nodes.split_first() else { return Ok(false) };
        let one = Complex64::ONE;
        if rest.is_empty() {
            // One node: the voltage that an ampere causes, against what the same ampere would cause at a thousandth of the base.
            let v = self.state.response(&[(first, one)])?;
            let base_v = self.state.circuit().kv_base_ln(first) * 1e3;
            // A feeder whose phase gives less than 10 mA into a bolted fault has no return through earth.
            return Ok(base_v > 0.0 && v[first as usize].norm() > base_v * 100.0);
        }
        let share = one / nodes.len() as f64;
        let together: Vec<_> = nodes.iter().map(|&n| (n, share)).collect();
        let v = self.state.response(&together)?;
        let zero = nodes.iter().map(|&n| v[n as usize]).sum::<Complex64>() / nodes.len() as f64;
        let v = self.state.response(&[(first, one), (rest[0], -one)])?;
        let between = (v[first as usize] - v[rest[0] as usize]) / 2.0;
        Ok(zero.norm() > UNTIED_RATIO * between.norm())
    }
}

/// The site at a bus, or why there is none.
///
/// `fed` tells by node number which nodes a source feeds.
///
/// # Errors
/// A circuit that cannot be factored.
pub fn site_at(
    network: &Network,
    state: &mut State,
    fed: &[bool],
    bus: BusId,
    sizes: &Sizes,
    force: Option<Joined>,
) -> Result<Result<Site, Unfit>, CircuitError> {
    let circuit = std::sync::Arc::clone(state.circuit());
    let mut nodes: Vec<(u32, NodeNumber)> = circuit.bus_nodes(bus).iter().copied().filter(|(at, _)| (1..=3).contains(at)).collect();
    nodes.sort_unstable();
    if nodes.is_empty() {
        return Ok(Err(if circuit.bus_nodes(bus).is_empty() { Unfit::Isolated } else { Unfit::NoPhase }));
    }
    nodes.retain(|&(_, n)| fed[n as usize]);
    if nodes.is_empty() {
        return Ok(Err(Unfit::Isolated));
    }
    let kv_ln = network.bus(bus).kv_base_ln;
    if !(kv_ln > 0.0 && kv_ln.is_finite()) {
        return Ok(Err(Unfit::NoBase));
    }
    let numbers: Vec<NodeNumber> = nodes.iter().map(|n| n.1).collect();
    let untied = Earthing::new(state).is_untied(&numbers)?;
    let joined = match force {
        Some(joined) => joined,
        None if untied => Joined::Delta,
        None => Joined::Wye,
    };
    let kv_ll = kv_ln * 3f64.sqrt();
    let (step_kw, n_steps) = sizes.at(kv_ll);
    let (branches, base_v) = match (joined, &numbers[..]) {
        (Joined::Wye, numbers) => (numbers.iter().map(|&n| (n, 0)).collect(), kv_ln * 1e3),
        (Joined::Delta, [a, b, c]) => (vec![(*a, *b), (*b, *c), (*c, *a)], kv_ll * 1e3),
        (Joined::Delta, [a, b]) => (vec![(*a, *b)], kv_ll * 1e3),
        (Joined::Delta, _) => return Ok(Err(Unfit::NoReturn)),
    };
    let kv = if numbers.len() > 1 { kv_ll } else { kv_ln };
    Ok(Ok(Site { bus, phases: nodes.iter().map(|n| n.0).collect(), joined, kv, base_v, branches, step_kw, n_steps }))
}
