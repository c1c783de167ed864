//! A generated medium-voltage network: every line a switch, some of them open.
//!
//! Where buses stand and what they draw is planned by [`plan`](super::plan). What the plan says becomes elements with the impedances of
//! `synthetic::catalogue`: lines are transposed, so that they have the positive sequence `z_s - z_m` and the zero sequence `z_s + 2 z_m` of their
//! pole head (`z_s`, `z_m`: means of the diagonal and of the rest of its matrix); their charging, below 1 kvar/km, is left out. Generators are
//! sources whose busbar is held by the station's regulator. Loads are of constant power; PV plants give their rated power in a snapshot.

use super::OperationsError;
use super::plan::{KV, SPACING_KM, Wires, plan};
use crate::synthetic::build::{DEFAULT_DAY, load_shape};
use crate::synthetic::catalogue::{PRIMARY, line_codes, overhead_name};
use crate::synthetic::elements::{common, load, pv_system, source};
use network::{
    BusId, EarthModel, LengthUnit, Line, LineCodeData, LineImpedance, LoadShapeId, Network, Rating, Reliability, Shapes, Terminal,
};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// Set-point of the busbars of the generators.
const BUSBAR_PU: f64 = 1.02;
/// Short-circuit power of a busbar that its regulator holds: as good as stiff, MVA.
const BUSBAR_MVA: f64 = 1e8;
/// Buses beyond which no network is made: planning takes the third power.
pub const MOST_NODES: u32 = 500;
/// Loops for each bus where none are asked for, and the least: published systems for reconfiguration have 5 on 33 buses, 15 on 118, 21 on 136.
const TIES_PER_NODE: f64 = 0.15;
const LEAST_TIES: u32 = 4;

/// What network is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerateOptions {
    pub nodes: u32,
    /// Of the nodes.
    pub generators: u32,
    /// Lines that stand open; none: a seventh of the nodes, at least 4.
    pub ties: Option<u32>,
    pub seed: u64,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self { nodes: 8, generators: 2, ties: None, seed: 1 }
    }
}

/// Positive-sequence impedances, ohm/km, and ratings, A, of the conductors; with the zero sequence.
fn conductors() -> (Wires, Vec<Complex64>) {
    let codes = line_codes();
    let (mut wires, mut zero) = (Vec::new(), Vec::new());
    for (w, wire) in PRIMARY.iter().enumerate() {
        let name = overhead_name(w, 3);
        let Some(LineCodeData::Matrix { z_ohm, .. }) = codes.iter().find(|c| c.name == name).map(|c| &c.data) else { continue };
        let own = (z_ohm[0] + z_ohm[4] + z_ohm[8]) / 3.0;
        let mutual = (z_ohm[1] + z_ohm[2] + z_ohm[5]) / 3.0;
        let z1 = own - mutual;
        wires.push((z1.re, z1.im, wire.rating_a));
        zero.push(own + 2.0 * mutual);
    }
    (wires, zero)
}

/// Makes a network. The same options give the same network.
///
/// # Errors
/// Numbers of which no network can be made; all of them are told.
pub fn generate(options: &GenerateOptions) -> Result<Network, OperationsError> {
    let o = options;
    if !(3..=MOST_NODES).contains(&o.nodes) {
        return Err(OperationsError::option("the number of nodes", format!("between 3 and {MOST_NODES}"), o.nodes));
    }
    if !(1..o.nodes).contains(&o.generators) {
        let needed = format!("between 1 and {}, fewer than the nodes", o.nodes - 1);
        return Err(OperationsError::option("the number of generators", needed, o.generators));
    }
    let most_ties = most_ties(o.nodes, o.generators);
    if let Some(ties) = o.ties.filter(|t| !(1..=most_ties).contains(t)) {
        return Err(OperationsError::option(
            "the number of ties",
            format!("between 1 and {most_ties} for these nodes and generators"),
            ties,
        ));
    }
    let usual = ((f64::from(o.nodes) * TIES_PER_NODE).round() as u32).max(LEAST_TIES).min(most_ties);
    let (wires, zero) = conductors();
    let (places, spans) = plan(o.nodes as usize, o.generators as usize, o.ties.unwrap_or(usual) as usize, o.seed, &wires);
    let mut network = Network::new(format!("grid_{}_{}_{}", o.nodes, o.generators, o.seed));
    shapes(&mut network);
    let buses: Vec<BusId> = places
        .iter()
        .enumerate()
        .map(|(i, p)| {
            let id = network.bus_or_add(&format!("n{}", i + 1));
            let bus = &mut network.buses[id.index()];
            bus.kv_base_ln = KV / 3f64.sqrt();
            bus.xy = Some(((p.x_km / SPACING_KM * 1e3).round() / 1e3, (p.y_km / SPACING_KM * 1e3).round() / 1e3));
            bus.nodes = vec![1, 2, 3];
            id
        })
        .collect();
    let at = |i: usize| Terminal::new(buses[i], vec![1, 2, 3]);
    // A wye has its neutral at the earth.
    let wye = |i: usize| Terminal::new(buses[i], vec![1, 2, 3, 0]);
    let z = Complex64::new(0.0, KV * KV / BUSBAR_MVA);
    for (g, i) in (0..places.len()).filter(|&i| places[i].is_generator).enumerate() {
        let mut busbar = source(buses[i], KV, BUSBAR_PU, z, z);
        busbar.common.name = if g == 0 { "source".into() } else { format!("source{}", g + 1) };
        network.add(busbar);
    }
    for (s, span) in spans.iter().enumerate() {
        let mut c = common(format!("l{}", s + 1), 3, vec![at(span.from), at(span.to)]);
        c.terminals[0].closed.fill(span.is_closed);
        let rating_a = wires[span.wire].2;
        c.rating = Rating { normal_a: rating_a, emergency_a: 1.25 * rating_a, seasonal_a: Vec::new() };
        c.reliability = Reliability { fault_rate: span.faults, permanent_pct: 20.0, repair_h: 3.0 };
        let z1_ohm = Complex64::new(wires[span.wire].0, wires[span.wire].1);
        network.add(Line {
            common: c,
            length: span.length_km,
            length_unit: LengthUnit::Kilometre,
            unit_factor: 1.0,
            impedance: LineImpedance::Sequence { z1_ohm, z0_ohm: zero[span.wire], c1_nf: 0.0, c0_nf: 0.0 },
            earth_r_ohm: 0.01805,
            earth_x_ohm: 0.155081,
            rho_ohm_m: 100.0,
            earth_model: EarthModel::Deri,
            is_switch: true,
            line_code: None,
            line_type: PRIMARY[span.wire].name.into(),
        });
    }
    let everyday = Shapes { yearly: None, daily: Some(LoadShapeId(0)), duty: None };
    let clear_day = Shapes { yearly: None, daily: Some(LoadShapeId(1)), duty: None };
    for (i, p) in places.iter().enumerate().filter(|(_, p)| p.p_kw > 0.0) {
        let pf = p.p_kw / p.p_kw.hypot(p.q_kvar);
        let mut demand = load(format!("d{}", i + 1), wye(i), 3, KV, p.p_kw, pf, 1, everyday);
        demand.q_kvar = p.q_kvar;
        network.add(demand);
        if p.pv_kw > 0.0 {
            let mut pv = pv_system(format!("pv{}", i + 1), wye(i), 3, KV, p.pv_kw, p.pv_kw);
            pv.shapes = clear_day;
            network.add(pv);
        }
    }
    Ok(network)
}

/// Pairs of buses that are not joined already, pairs of generators left out.
fn most_ties(nodes: u32, generators: u32) -> u32 {
    nodes * (nodes - 1) / 2 - generators * (generators - 1) / 2 - (nodes - generators)
}

/// The day of loads, which is that of loads that say nothing of their own in every OpenDSS circuit, and that of a PV plant: the sine of the sun's
/// elevation at the equinox over that of its noon.
fn shapes(network: &mut Network) {
    let sun: Vec<f64> = (1..=24).map(|hour| (std::f64::consts::PI * (f64::from(hour) - 6.0) / 12.0).sin().max(0.0)).collect();
    network.load_shapes.push(load_shape("default", &DEFAULT_DAY));
    network.load_shapes.push(load_shape("clear_day", &sun));
    let o = &mut network.options;
    (o.default_daily, o.default_yearly) = (Some(LoadShapeId(0)), Some(LoadShapeId(0)));
    o.voltage_bases_kv = vec![KV];
    (o.tolerance_pu, o.max_iterations, o.max_iterations_given) = (1e-9, 500, true);
}
