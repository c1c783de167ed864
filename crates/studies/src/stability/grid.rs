//! The network between the machines at one moment: an admittance matrix in which loads of constant impedance, faults and switched branches are included.
//!
//! Two-ports, taps, star points and joined buses are those of `powerflow::newton`, compiled anew for every state of switches, so that a power flow and
//! a study of stability cannot differ in them. Loads and devices with laws of their own are taken out before and come back as admittances or as
//! currents (`load.rs`). Which row of the matrix a bus has is read off by giving every bus a stored voltage of its own.
//!
//! A line with a fault at the share `f` of its length is two pi sections, `f (r, x, b)` and `(1 - f) (r, x, b)`, with a node between them. A bolted
//! fault holds its node at zero voltage: its row of the equations is `V = 0`. So does a part of the network without a machine.

use super::event::{Place, Topology};
use network::{BusId, BusKind, Diagnostic, ElementId, ElementKind, Network, TransformerStatus};
use num_complex::Complex64;
use powerflow::newton::Case;
use powerflow::sparse::{Pattern, Symbolic};
use std::sync::Arc;

/// The network of one state of switches and faults.
#[derive(Debug)]
pub(super) struct Grid {
    pub symbolic: Arc<Symbolic>,
    /// By slot of the pattern.
    pub y: Vec<Complex64>,
    /// None: the bus is no part of it.
    pub node_of_bus: Vec<Option<u32>>,
    /// The voltage of these nodes is zero.
    pub grounded: Vec<bool>,
    /// Number of the island that a node belongs to.
    pub island: Vec<u32>,
}

impl Grid {
    pub fn n(&self) -> usize {
        self.grounded.len()
    }

    pub fn pattern(&self) -> &Arc<Pattern> {
        self.symbolic.pattern()
    }

    /// `Y v`.
    pub fn currents(&self, v: &[Complex64], out: &mut [Complex64]) {
        let pattern = self.pattern();
        let mut slot = 0;
        for (row, out) in out.iter_mut().enumerate() {
            let columns = pattern.row(row as u32);
            *out = columns.iter().zip(&self.y[slot..slot + columns.len()]).map(|(c, y)| y * v[*c as usize]).sum();
            slot += columns.len();
        }
    }
}

/// The network that every state is made from: loads, converters, controllers and motors taken out, every bus marked by a voltage of its own.
#[derive(Debug)]
pub(super) struct Site {
    network: Network,
    pub s_base: f64,
}

/// Mark of a bus, exact in binary.
fn mark(i: usize) -> f64 {
    1.0 + (i + 1) as f64 / (1u64 << 32) as f64
}

impl Site {
    /// `alive`: buses that have a voltage at the start.
    pub fn new(network: &Network, alive: &[bool]) -> Self {
        let mut site = network.clone();
        for (i, bus) in site.buses.iter_mut().enumerate() {
            if let Some(t) = &mut bus.transmission {
                // Every bus holds its voltage, so that no island is left out.
                t.kind = if alive[i] { BusKind::Swing } else { BusKind::Isolated };
                (t.v_pu, t.angle_deg) = (mark(i), 0.0);
            }
        }
        site.power_loads.iter_mut().for_each(|l| l.in_service = false);
        site.machines.iter_mut().for_each(|m| m.in_service = false);
        site.power_motors.iter_mut().for_each(|m| m.in_service = false);
        let kinds = [ElementKind::TwoTerminalDc, ElementKind::MultiTerminalDc, ElementKind::VscDc, ElementKind::FactsDevice];
        let devices: Vec<ElementId> = kinds.into_iter().flat_map(|kind| site.ids(kind)).collect();
        for id in devices {
            site.common_mut(id).enabled = false;
        }
        for t in &mut site.power_transformers {
            (t.v_star_pu, t.angle_star_deg) = (3.0, 0.0);
        }
        let s_base = site.transmission.as_ref().map_or(100.0, |t| t.s_base_mva);
        Self { network: site, s_base }
    }

    /// The network in a state; `shunts` are admittances at buses, `sources` the buses with machines.
    ///
    /// # Errors
    /// A finding where the network cannot be compiled.
    pub fn grid(&self, topology: &Topology, shunts: &[(BusId, Complex64)], sources: &[BusId]) -> Result<Grid, Diagnostic> {
        let mut network = self.network.clone();
        let split: Vec<(ElementId, f64, Complex64)> = topology
            .faults
            .iter()
            .filter_map(|f| match f.place {
                Place::Line { branch, fraction } if !topology.open.contains(&branch) => Some((branch, fraction, f.z_pu)),
                _ => None,
            })
            .collect();
        topology.closed.iter().for_each(|&id| set_service(&mut network, id, true));
        topology.open.iter().for_each(|&id| set_service(&mut network, id, false));
        split.iter().for_each(|&(id, ..)| set_service(&mut network, id, false));
        let mut case = Case::compile(&network).map_err(|e| e.diagnostic())?;
        let marks: std::collections::HashMap<u64, u32> =
            case.node_voltages().iter().enumerate().map(|(node, v)| (v.re.to_bits(), node as u32)).collect();
        let node_of_bus: Vec<Option<u32>> = case.voltages().iter().map(|v| v.and_then(|v| marks.get(&v.re.to_bits()).copied())).collect();
        let n_case = case.n_nodes();
        let equations = case.equations().ok_or_else(|| {
            Diagnostic::error("STABILITY.NETWORK.EQUATIONS", "the network is more than admittances")
                .hint("report the case: loads and devices should have been taken out")
        })?;
        let node = |bus: BusId| node_of_bus[bus.index()];
        let mut entries = equations.admittance;
        let mut n = n_case as u32;
        let mut bolted = Vec::new();
        for (place, z) in topology.faults.iter().map(|f| (f.place, f.z_pu)) {
            let Place::Bus(bus) = place else { continue };
            let Some(at) = node(bus) else { continue };
            if z == Complex64::ZERO { bolted.push(at) } else { entries.push((at, at, 1.0 / z)) }
        }
        // Faults of one line, by their place on it.
        let mut lines: Vec<(ElementId, Vec<(f64, Complex64)>)> = Vec::new();
        for (id, fraction, z) in split {
            match lines.iter_mut().find(|(line, _)| *line == id) {
                Some((_, faults)) => faults.push((fraction, z)),
                None => lines.push((id, vec![(fraction, z)])),
            }
        }
        for (id, mut faults) in lines {
            let b = &network.ac_branches[id.index()];
            let ends = [b.common.terminals[0].bus, b.common.terminals[1].bus].map(node);
            let [Some(from), Some(to)] = ends else { continue };
            faults.sort_by(|a, b| a.0.total_cmp(&b.0));
            entries.extend([(from, from, b.y_from_pu), (to, to, b.y_to_pu)]);
            let (z, charging) = (Complex64::new(b.r_pu, b.x_pu), Complex64::new(0.0, b.b_pu / 2.0));
            let mut section = |a: u32, c: u32, share: f64| {
                let y = 1.0 / (z * share);
                entries.extend([(a, a, y + charging * share), (c, c, y + charging * share), (a, c, -y), (c, a, -y)]);
            };
            let (mut last, mut done) = (from, 0.0);
            let mut points: Vec<(u32, Complex64)> = Vec::new();
            for (fraction, z) in faults {
                if fraction > done || points.is_empty() {
                    section(last, n, fraction - done);
                    (last, done, n) = (n, fraction, n + 1);
                }
                points.push((last, z));
            }
            section(last, to, 1.0 - done);
            for (at, z) in points {
                if z == Complex64::ZERO { bolted.push(at) } else { entries.push((at, at, 1.0 / z)) }
            }
        }
        for &(bus, y) in shunts {
            if let Some(at) = node(bus) {
                entries.push((at, at, y));
            }
        }

        let failed = |e: powerflow::sparse::SparseError| Diagnostic::error("STABILITY.NETWORK.MATRIX", e.to_string());
        let pattern = Arc::new(Pattern::new(n, entries.iter().map(|e| (e.0, e.1))).map_err(failed)?);
        let mut y = vec![Complex64::ZERO; pattern.entries()];
        for &(row, column, value) in &entries {
            if !value.is_finite() {
                return Err(Diagnostic::error("STABILITY.NETWORK.MATRIX", "an admittance is not a finite number"));
            }
            if let Some(slot) = pattern.slot(row, column) {
                y[slot as usize] += value;
            }
        }
        let island = islands(&pattern, &y);
        let mut alive = vec![false; n as usize];
        for at in sources.iter().filter_map(|&bus| node(bus)) {
            alive[island[at as usize] as usize] = true;
        }
        let mut grounded: Vec<bool> = island.iter().map(|&i| !alive[i as usize]).collect();
        bolted.into_iter().for_each(|at| grounded[at as usize] = true);
        let symbolic = Arc::new(Symbolic::new(&pattern).map_err(failed)?);
        Ok(Grid { symbolic, y, node_of_bus, grounded, island })
    }
}

fn set_service(network: &mut Network, id: ElementId, closed: bool) {
    match id.kind {
        ElementKind::AcBranch => network.ac_branches[id.index()].in_service = closed,
        ElementKind::PowerTransformer => {
            network.power_transformers[id.index()].status = if closed { TransformerStatus::In } else { TransformerStatus::Out };
        }
        _ => {}
    }
}

/// The island of every node, called after its lowest node.
fn islands(pattern: &Pattern, y: &[Complex64]) -> Vec<u32> {
    let n = pattern.order();
    let mut island = vec![u32::MAX; n];
    let mut stack = Vec::new();
    for start in 0..n as u32 {
        if island[start as usize] != u32::MAX {
            continue;
        }
        island[start as usize] = start;
        stack.push(start);
        while let Some(at) = stack.pop() {
            let slots = pattern.row_slots(at).unwrap_or(0..0);
            for (&to, slot) in pattern.row(at).iter().zip(slots) {
                if y[slot] != Complex64::ZERO && island[to as usize] == u32::MAX {
                    island[to as usize] = start;
                    stack.push(to);
                }
            }
        }
    }
    island
}
