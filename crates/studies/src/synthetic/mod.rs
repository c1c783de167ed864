//! A utility that does not exist: radial distribution feeders for demonstrations, tests and benchmarks.
//!
//! ```text
//! seed ─► Climate (a year of weather, shapes of customer classes)
//!   └───► for feeder k: Site ─► layout (streets, poles, services) ─► sizing (flows, conductors, controls) ─► Network + Summary
//! ```
//!
//! Feeder `k` follows from the seed and `k` alone, so a utility of ten feeders is the beginning of one of
//! a thousand. All arithmetic is exactly rounded (see [`maths`]): the same seed gives the same bytes on
//! every machine. Statistics and where their ranges come from: `docs/synthetic-utility.md`.

pub mod build;
pub mod catalogue;
pub mod climate;
pub(crate) mod elements;
pub mod layout;
pub mod maths;
pub mod random;
pub mod sizing;
pub mod statistics;

pub use build::SharedShapes;
pub use climate::Climate;
pub use statistics::{Range, Spread, ranges};

use layout::{Plan, Site, grow, n_phases};
use network::Network;
use random::Random;
use sizing::{Sizes, size};

/// The town in the middle of the utility, which is no real one, and its place.
pub const TOWN: &str = "Larkmoor";
pub const ORIGIN_LATITUDE_DEG: f64 = 39.6;
pub const ORIGIN_LONGITUDE_DEG: f64 = -98.9;

/// Feeders that leave one substation.
const FEEDERS_PER_SUBSTATION: u64 = 4;

/// Median and log-normal spread of the number of nodes that a feeder is grown to, and its limits.
const NODES_MEDIAN: f64 = 560.0;
const NODES_SIGMA: f64 = 0.52;
const NODES_LEAST: f64 = 110.0;
const NODES_MOST: f64 = 6000.0;

/// Share of feeders whose load has grown past what their equipment was chosen for, and the factor.
const OUTGROWN_SHARE: f64 = 0.14;
const OUTGROWN_BY: (f64, f64) = (1.15, 1.5);

/// What all feeders of a seed share.
#[derive(Clone, Debug)]
pub struct Utility {
    seed: u64,
    pub climate: Climate,
    pub shapes: SharedShapes,
}

/// One feeder and its figures.
#[derive(Clone, Debug)]
pub struct Feeder {
    pub network: Network,
    pub summary: Summary,
}

/// Figures of a feeder.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub name: String,
    /// From 1.
    pub substation: u64,
    pub area: &'static str,
    pub kv: f64,
    /// Nodes as the engine counts them.
    pub nodes: usize,
    pub buses: usize,
    pub customers: u32,
    pub loads: usize,
    pub service_transformers: usize,
    /// Sum of the ratings of service transformers.
    pub service_kva: f64,
    pub substation_kva: f64,
    /// Sum of the loads' nominal powers, each at its own class's peak.
    pub connected_kw: f64,
    /// Current at the head at the peak, A a phase, without losses.
    pub head_a: f64,
    /// Primary lines, and the trunk among them.
    pub length_km: f64,
    pub trunk_km: f64,
    /// Share of the primary length that is of one or two phases.
    pub lateral_share: f64,
    /// Greatest load of the hour, without losses and PV.
    pub peak_kw: f64,
    /// Hour of the year, from 0, of the peak.
    pub peak_hour: usize,
    pub regulators: usize,
    pub capacitors: usize,
    pub capacitor_kvar: f64,
    pub pv_kw: f64,
    pub longitude_deg: f64,
    pub latitude_deg: f64,
}

impl Utility {
    /// The utility of a seed.
    pub fn new(seed: u64) -> Self {
        let climate = Climate::new(seed);
        let shapes = SharedShapes::new(&climate);
        Self { seed, climate, shapes }
    }

    /// Feeder `index`, from 0.
    pub fn feeder(&self, index: u64) -> Feeder {
        let substation = index / FEEDERS_PER_SUBSTATION;
        let site = Site::new(self.seed, substation);
        let mut random = Random::new(self.seed, 4, index);
        let mut n_nodes = random.log_normal(NODES_MEDIAN, NODES_SIGMA).clamp(NODES_LEAST, NODES_MOST);
        if site.kv < 5.0 {
            // At 4 kV a feeder cannot reach as many.
            n_nodes = n_nodes.min(700.0);
        }
        let mut plan = grow(&mut random, site, (index % FEEDERS_PER_SUBSTATION) as u8, n_nodes as usize);
        let mut sizes = size(&mut plan, &self.climate, &mut random);
        if random.chance(OUTGROWN_SHARE) {
            outgrow(&mut plan, &mut sizes, random.between(OUTGROWN_BY.0, OUTGROWN_BY.1));
        }
        let name = format!("f{:04}", index + 1);
        let network = build::build(&name, &plan, &sizes, &self.shapes);
        let summary = summarise(name, substation + 1, &plan, &sizes, &network);
        Feeder { network, summary }
    }
}

/// Lets all loads grow; the equipment stays.
fn outgrow(plan: &mut Plan, sizes: &mut Sizes, factor: f64) {
    for drop in plan.services.iter_mut().flat_map(|s| &mut s.drops) {
        drop.peak_kw = maths::round_to(drop.peak_kw * factor, 2);
    }
    sizes.peak_kw *= factor;
    sizes.amps.iter_mut().for_each(|a| *a *= factor);
}

fn summarise(name: String, substation: u64, plan: &Plan, sizes: &Sizes, network: &Network) -> Summary {
    let length = |of: &dyn Fn(&layout::Pole) -> bool| plan.poles.iter().filter(|p| of(p)).map(|p| p.length_km).sum::<f64>();
    let length_km = length(&|_| true);
    let head = network.bus_id("sub").and_then(|id| network.bus(id).xy).unwrap_or_default();
    let drops = || plan.services.iter().flat_map(|s| &s.drops);
    Summary {
        name,
        substation,
        area: plan.site.area.name(),
        kv: plan.site.kv,
        nodes: network.buses.iter().map(|b| b.nodes.len()).sum(),
        buses: network.buses.len(),
        customers: drops().map(|d| d.customers).sum(),
        loads: network.loads.len(),
        service_transformers: plan.services.len(),
        service_kva: plan.services.iter().map(|s| s.kva).sum(),
        substation_kva: sizes.substation_kva,
        connected_kw: drops().map(|d| d.peak_kw).sum(),
        head_a: sizes.amps.first().copied().unwrap_or_default(),
        length_km,
        trunk_km: length(&|p| p.trunk),
        lateral_share: length(&|p| n_phases(p.phases) < 3) / length_km.max(1e-9),
        peak_kw: sizes.peak_kw,
        peak_hour: sizes.peak_hour,
        regulators: sizes.regulator_kva.len(),
        capacitors: sizes.banks.len(),
        // A sum of nothing is -0.
        capacitor_kvar: sizes.banks.iter().map(|b| b.kvar).sum::<f64>() + 0.0,
        pv_kw: drops().map(|d| d.pv_kw).sum::<f64>() + sizes.plants.iter().map(|p| p.kw).sum::<f64>() + 0.0,
        longitude_deg: head.0,
        latitude_deg: head.1,
    }
}
