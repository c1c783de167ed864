//! What resources do to fault currents and to the reach of protection.
//!
//! # Derivation
//!
//! An inverter in a fault is a source of current, `c` times its rated current (1.2 unless told). With the impedances `Z` of the network as a
//! fault meets it and its open-circuit voltages `v0`, a bolted fault of all phases of bus `k` carries
//!
//! ```text
//! i_k = Z_kk^-1 v0_k                     without the resource
//! i_k + Z_kk^-1 Z_kj i_j                 with one of current i_j at bus j
//! ```
//!
//! and elsewhere the voltages are `v = v0 - Z_.k i_k`, to which the resource adds `(Z_.j - Z_.k Z_kk^-1 Z_kj) i_j`. The current of a device is
//! its element's admittance times the voltages at its terminals, before and after. The angle of `i_j` is not known (it is the inverter's to
//! choose), so magnitudes are added at their worst: the rise of the fault current is the sum of `|Z_kk^-1 Z_kj i_j| / |i_k|`, and the loss of
//! reach that of `|device current added| / |device current|`, each the worst over phases, faults and devices. All are proportional to the
//! size, so one coefficient a resource and fault says all.
//!
//! Devices are the elements that relays and reclosers watch; without any, the elements at the sources. Faults for the reach are those at the ends of
//! a device's zone: buses below it with nothing below them. Faults for the rise are at every bus of a site.

use super::criteria::{At, Criteria, Criterion, Readings};
use super::sites::Site;
use network::graph::Graph;
use network::{BusId, ElementId, Network};
use num_complex::Complex64;
use powerflow::dense::CMatrix;
use powerflow::fault_study::fault_state;
use powerflow::{CircuitError, NodeNumber, State};
use std::collections::HashSet;
use std::sync::Arc;

/// Coefficients that are kept at most: beyond, memory would be the limit.
const MOST_COEFFICIENTS: usize = 40_000_000;

/// Effects of one kilowatt of each site, percent.
#[derive(Clone, Debug)]
pub struct FaultEffects {
    n_sites: usize,
    rise: Vec<(At, Vec<f32>)>,
    reach: Vec<(At, Vec<f32>)>,
}

/// Why effects on faults cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultEffectsError {
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    #[error("{faults} faults and {sites} places make more coefficients than are kept")]
    TooLarge { faults: usize, sites: usize },
}

/// The voltages that a fault leaves, and the inverse of the impedance at it.
struct Fault {
    nodes: Vec<NodeNumber>,
    columns: Vec<Vec<Complex64>>,
    inverse: CMatrix,
    i_a: Vec<Complex64>,
}

impl FaultEffects {
    /// Effects of resources at sites, of `fault_pu` times their rated current.
    ///
    /// # Errors
    /// A network that cannot be factored; more faults and places than can be kept.
    pub fn new(
        network: &Network,
        before: Option<&State>,
        sites: &[Site],
        criteria: &Criteria,
        fault_pu: f64,
    ) -> Result<Self, FaultEffectsError> {
        let mut state = fault_state(network, before)?;
        let v_oc = state.voltages().to_vec();
        let factor = state.phases_for_one();
        let injected: Vec<Vec<Complex64>> =
            sites.iter().map(|s| unit_response(&mut state, s, &v_oc, fault_pu, factor)).collect::<Result<_, _>>()?;
        let mut effects = Self { n_sites: sites.len(), rise: Vec::new(), reach: Vec::new() };
        let buses: Vec<BusId> = {
            let mut seen = HashSet::new();
            sites.iter().map(|s| s.bus).filter(|b| seen.insert(*b)).collect()
        };
        let devices = if criteria.limit(Criterion::ReachReduction).is_some() { devices(network, &state) } else { Vec::new() };
        let rises = criteria.limit(Criterion::FaultCurrentRise).is_some();
        let n_faults = buses.len() * usize::from(rises) + devices.iter().map(|d| d.ends.len()).sum::<usize>();
        if n_faults.saturating_mul(sites.len()) > MOST_COEFFICIENTS {
            return Err(FaultEffectsError::TooLarge { faults: n_faults, sites: sites.len() });
        }
        if rises {
            for &bus in &buses {
                if let Some(fault) = Fault::at(&mut state, bus, &v_oc)? {
                    effects.rise.push((At::Bus(bus), fault.rise_pct(&injected)));
                }
            }
        }
        for device in &devices {
            for &end in &device.ends {
                if let Some(fault) = Fault::at(&mut state, end, &v_oc)? {
                    effects.reach.push((At::Element(device.id), fault.reach_pct(&mut state, device, &v_oc, &injected)));
                }
            }
        }
        Ok(effects)
    }

    /// Adds what resources (site, kW) do.
    pub fn read(&self, placed: &[(usize, f64)], criteria: &Criteria, readings: &mut Readings) {
        for (criterion, effects) in [(Criterion::FaultCurrentRise, &self.rise), (Criterion::ReachReduction, &self.reach)] {
            if criteria.limit(criterion).is_none() {
                continue;
            }
            for (at, of_site) in effects {
                let pct: f64 = placed.iter().filter(|p| p.0 < self.n_sites).map(|&(site, kw)| f64::from(of_site[site]) * kw).sum();
                readings.worsen(criterion, pct, *at);
            }
        }
    }
}

/// Voltages that the fault current of a site of one kilowatt causes, in phase with its voltages.
fn unit_response(state: &mut State, site: &Site, v_oc: &[Complex64], fault_pu: f64, factor: f64) -> Result<Vec<Complex64>, CircuitError> {
    let rated_a = 1e3 / (site.branches.len() as f64 * factor * site.base_v);
    let mut injected = Vec::new();
    for &(from, to) in &site.branches {
        let v = v_oc[from as usize] - v_oc[to as usize];
        let i = if v.norm() > 0.0 { v / v.norm() * rated_a * fault_pu } else { Complex64::ZERO };
        injected.extend([(from, i), (to, -i)]);
    }
    state.response(&injected)
}

impl Fault {
    /// A bolted fault of all fed phases of a bus; `None` where there is nothing to short.
    fn at(state: &mut State, bus: BusId, v_oc: &[Complex64]) -> Result<Option<Self>, CircuitError> {
        let circuit = Arc::clone(state.circuit());
        let nodes: Vec<NodeNumber> =
            circuit.bus_nodes(bus).iter().filter(|(at, n)| (1..=3).contains(at) && v_oc[*n as usize].norm() > 0.0).map(|p| p.1).collect();
        if nodes.is_empty() {
            return Ok(None);
        }
        let columns: Vec<Vec<Complex64>> = nodes.iter().map(|&n| state.response(&[(n, Complex64::ONE)])).collect::<Result<_, _>>()?;
        let z = CMatrix::from_fn(nodes.len(), nodes.len(), |r, c| columns[c][nodes[r] as usize]);
        let Ok(inverse) = z.inverse() else { return Ok(None) };
        let i_a = inverse.mul_vec(&nodes.iter().map(|&n| v_oc[n as usize]).collect::<Vec<_>>());
        Ok(Some(Self { nodes, columns, inverse, i_a }))
    }

    /// Current that voltages at the faulted nodes drive into the fault.
    fn into(&self, v: &[Complex64]) -> Vec<Complex64> {
        self.inverse.mul_vec(&self.nodes.iter().map(|&n| v[n as usize]).collect::<Vec<_>>())
    }

    fn rise_pct(&self, injected: &[Vec<Complex64>]) -> Vec<f32> {
        let of = |v: &Vec<Complex64>| {
            let added = self.into(v);
            let shares = added.iter().zip(&self.i_a).filter(|(_, i)| i.norm() > 0.0).map(|(a, i)| a.norm() / i.norm());
            (shares.fold(0.0, f64::max) * 100.0) as f32
        };
        injected.iter().map(of).collect()
    }

    fn reach_pct(&self, state: &mut State, device: &Device, v_oc: &[Complex64], injected: &[Vec<Complex64>]) -> Vec<f32> {
        let circuit = Arc::clone(state.circuit());
        let e = &circuit.elements()[device.index];
        let phases_of_fault: Vec<u32> = self.nodes.iter().map(|&n| circuit.node(n).at_bus).collect();
        let mut current = |v: Vec<Complex64>| {
            state.set_voltages(&v);
            let i = state.element_currents(device.index);
            i[device.terminal * e.n_conductors..(device.terminal + 1) * e.n_conductors].to_vec()
        };
        let less = |v: &[Complex64], i: &[Complex64]| {
            let mut v = v.to_vec();
            for (column, i) in self.columns.iter().zip(i) {
                v.iter_mut().zip(column).for_each(|(v, z)| *v -= z * i);
            }
            v
        };
        let without = current(less(v_oc, &self.i_a));
        let counts: Vec<bool> = (0..e.n_conductors)
            .map(|k| {
                let n = e.nodes[device.terminal * e.n_conductors + k];
                n != 0 && phases_of_fault.contains(&circuit.node(n).at_bus) && without[k].norm() > 0.0
            })
            .collect();
        let of = |v: &Vec<Complex64>| {
            let added = current(less(v, &self.into(v)));
            let shares = added.iter().zip(&without).zip(&counts).filter(|(_, counts)| **counts).map(|((a, w), _)| a.norm() / w.norm());
            (shares.fold(0.0, f64::max) * 100.0) as f32
        };
        let answer = injected.iter().map(of).collect();
        state.set_voltages(v_oc);
        answer
    }
}

/// An element whose current a device watches.
struct Device {
    id: ElementId,
    index: usize,
    terminal: usize,
    /// Buses at the ends of its zone.
    ends: Vec<BusId>,
}

fn devices(network: &Network, state: &State) -> Vec<Device> {
    let circuit = state.circuit();
    let graph = Graph::new(network);
    let roots = network.supply_buses();
    let tree = graph.reach(&roots);
    let mut watched: Vec<ElementId> = Vec::new();
    watched.extend(network.relays.iter().filter(|r| r.common.enabled).filter_map(|r| r.protection.monitored));
    watched.extend(network.reclosers.iter().filter(|r| r.common.enabled).filter_map(|r| r.protection.monitored));
    if watched.is_empty() {
        let at_sources = roots.iter().flat_map(|&b| graph.links_at(b)).filter(|&&l| graph.links[l as usize].is_closed);
        watched.extend(at_sources.map(|&l| graph.links[l as usize].element));
    }
    let mut seen = HashSet::new();
    watched.retain(|id| seen.insert(*id));
    let children = tree.children();
    let mut found = Vec::new();
    for id in watched {
        let Some(index) = circuit.index_of(id) else { continue };
        let terminals = &network.common(id).terminals;
        let depth = |t: usize| tree.depth[terminals[t].bus.index()];
        let Some(terminal) = (0..terminals.len()).min_by_key(|&t| depth(t)).filter(|&t| depth(t) != u32::MAX) else { continue };
        // The zone begins at the element's far buses, as far as they are reached through it.
        let mut open: Vec<BusId> = terminals
            .iter()
            .map(|t| t.bus)
            .filter(|b| tree.parent[b.index()].is_some_and(|(_, l)| graph.links[l as usize].element == id))
            .collect();
        let mut ends = Vec::new();
        while let Some(bus) = open.pop() {
            let below = &children[bus.index()];
            if below.is_empty() {
                ends.push(bus);
            }
            open.extend(below);
        }
        ends.sort_unstable();
        found.push(Device { id, index, terminal, ends });
    }
    found
}
