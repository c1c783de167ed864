//! A feeder as it stands: solved, bus by bus and neighbourhood by neighbourhood.
//!
//! Powers are those of the solution, not those asked: a load of constant impedance draws what its voltage gives it.

use super::grid::device_name;
use super::state::PlacedDevice;
use super::{Desk, DeskState};
use network::LoadModel;
use network::neighbourhood::Neighbourhood;
use powerflow::{Solution, Summary};
use serde::Serialize;
use std::collections::BTreeMap;

/// Share of its power by which a load of constant power may differ before that is told.
const OFF_MODEL: f64 = 0.01;

/// A solved feeder.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub summary: Summary,
    pub voltages: Voltages,
    /// Drawn by loads and devices, delivered by generators that were added.
    pub load_kw: f64,
    pub generation_kw: f64,
    /// Loads of constant power that draw otherwise, for their voltage is outside the range of their model.
    pub n_off_model: usize,
    pub buses: Vec<BusReport>,
    pub neighbourhoods: Vec<NeighbourhoodReport>,
}

/// Voltages of all nodes with a base, per unit.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Voltages {
    pub n: usize,
    pub least_pu: f64,
    pub least_node: String,
    pub most_pu: f64,
    pub most_node: String,
    pub mean_pu: f64,
    /// Below 0.95 and above 1.05.
    pub n_below: usize,
    pub n_above: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct BusReport {
    pub name: String,
    /// Line to line, kV.
    pub kv_base: f64,
    pub neighbourhood: Option<u32>,
    pub nodes: Vec<NodeVoltage>,
    /// Drawn by loads and devices less what generators deliver.
    pub p_kw: f64,
    pub q_kvar: f64,
    pub loads: Vec<Connected>,
    pub devices: Vec<Connected>,
    pub generators: Vec<Connected>,
    /// Numbers of the programs that it is subscribed to.
    pub dfps: Vec<u32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct NodeVoltage {
    pub node: u32,
    pub v_pu: Option<f64>,
    pub angle_deg: f64,
}

/// Something at a bus.
#[derive(Clone, Debug, Serialize)]
pub struct Connected {
    pub name: String,
    /// Asked for, before programs and management.
    pub asked_kw: f64,
    pub asked_kvar: f64,
    /// Set in the model that is solved.
    pub set_kw: f64,
    pub set_kvar: f64,
    /// Solved: drawn by loads and devices, delivered by generators.
    pub p_kw: f64,
    pub q_kvar: f64,
}

/// A neighbourhood and the transformer that supplies it.
#[derive(Clone, Debug, Serialize)]
pub struct NeighbourhoodReport {
    pub pincode: u32,
    pub transformer: String,
    pub kva: Option<f64>,
    /// What flows towards the neighbourhood.
    pub p_kw: f64,
    pub q_kvar: f64,
    pub s_kva: f64,
    pub loading_pct: Option<f64>,
    /// Demand of its loads and devices alone.
    pub load_kw: f64,
    pub load_kvar: f64,
    pub generation_kw: f64,
    /// What management left of the demand.
    pub share: f64,
}

/// Rating and flow of a neighbourhood's transformer; powers in kW and kvar.
pub(super) struct Supply {
    pub kva: Option<f64>,
    /// Towards the neighbourhood: of the model's transformer, else demand less generation.
    pub flow: (f64, f64),
    pub demand: (f64, f64),
    /// Delivered by generators that were added.
    pub generation: (f64, f64),
}

type Powers = BTreeMap<String, (f64, f64)>;

/// Power into each element, kW and kvar, at its first terminal.
fn powers(solution: &Solution) -> Powers {
    let mut powers = Powers::new();
    for row in solution.elements().into_iter().filter(|r| r.terminal == 1) {
        let of = powers.entry(row.element).or_default();
        *of = (of.0 + row.p_kw, of.1 + row.q_kvar);
    }
    powers
}

/// What supplies each neighbourhood, in their order.
pub(super) fn supplies(desk: &Desk, state: &DeskState, solution: &Solution) -> Vec<Supply> {
    let powers = powers(solution);
    let zones = &desk.zones.neighbourhoods;
    let mut all: Vec<Supply> =
        zones.iter().map(|z| Supply { kva: rating(desk, z), flow: (0.0, 0.0), demand: (0.0, 0.0), generation: (0.0, 0.0) }).collect();
    let at = |bus: &str| desk.base.bus_id(bus).and_then(|b| desk.zone_of.get(&b).copied());
    let add = |to: &mut (f64, f64), of: (f64, f64), sign: f64| *to = (to.0 + sign * of.0, to.1 + sign * of.1);
    for load in desk.base.loads.iter().filter(|l| l.common.enabled) {
        let zone = desk.zone_of.get(&load.common.terminals[0].bus);
        if let (Some(zone), Some(p)) = (zone, powers.get(&format!("load.{}", load.common.name))) {
            add(&mut all[*zone].demand, *p, 1.0);
        }
    }
    for device in state.devices.values() {
        if let (Some(zone), Some(p)) = (at(&device.bus), powers.get(&format!("load.{}", device_name(device)))) {
            add(&mut all[zone].demand, *p, 1.0);
        }
    }
    for (name, generator) in &state.generators {
        // What comes through its own transformer, where it has one.
        let element =
            if generator.transformer_kva.is_some() { format!("transformer.{name}_transformer") } else { format!("generator.{name}") };
        if let (Some(zone), Some(p)) = (at(&generator.bus), powers.get(&element)) {
            add(&mut all[zone].generation, *p, -1.0);
        }
    }
    for (supply, zone) in all.iter_mut().zip(zones) {
        let of_model = zone.transformer.as_ref().and_then(|t| powers.get(&format!("transformer.{}", t.to_lowercase())));
        let (d, g) = (supply.demand, supply.generation);
        supply.flow = of_model.copied().unwrap_or((d.0 - g.0, d.1 - g.1));
    }
    all
}

/// Rating of the transformer of a neighbourhood, kVA.
fn rating(desk: &Desk, zone: &Neighbourhood) -> Option<f64> {
    zone.kva.or_else(|| {
        let name = zone.transformer.as_ref()?.to_lowercase();
        let t = desk.base.transformers.iter().find(|t| t.common.name == name)?;
        Some(if t.normal_kva > 0.0 { t.normal_kva } else { t.windings[0].kva })
    })
}

pub(super) fn report(desk: &Desk, state: &DeskState, solution: &Solution) -> Report {
    let summary = solution.summary();
    let network = solution.state().circuit().network().clone();
    let powers = powers(solution);
    let mut buses: Vec<BusReport> = Vec::with_capacity(network.buses.len());
    let mut place: BTreeMap<String, usize> = BTreeMap::new();
    let mut voltages = Voltages { least_pu: f64::INFINITY, most_pu: f64::NEG_INFINITY, ..Voltages::default() };
    for row in solution.nodes() {
        let at = *place.entry(row.bus.clone()).or_insert_with(|| {
            let id = network.bus_id(&row.bus);
            let zone = desk.base.bus_id(&row.bus).and_then(|b| desk.zone_of.get(&b));
            buses.push(BusReport {
                name: row.bus.clone(),
                kv_base: id.and_then(|b| network.bus(b).kv_base_ll()).unwrap_or(0.0),
                neighbourhood: zone.map(|z| desk.zones.neighbourhoods[*z].pincode),
                nodes: Vec::new(),
                p_kw: 0.0,
                q_kvar: 0.0,
                loads: Vec::new(),
                devices: Vec::new(),
                generators: Vec::new(),
                dfps: state.programs.iter().filter(|(_, p)| p.buses.contains(&row.bus)).map(|(n, _)| *n).collect(),
            });
            buses.len() - 1
        });
        let node = row.node.rsplit('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        buses[at].nodes.push(NodeVoltage { node, v_pu: row.v_pu, angle_deg: row.angle_deg });
        let Some(v_pu) = row.v_pu else { continue };
        voltages.n += 1;
        voltages.mean_pu += v_pu;
        voltages.n_below += usize::from(v_pu < 0.95);
        voltages.n_above += usize::from(v_pu > 1.05);
        if v_pu < voltages.least_pu {
            (voltages.least_pu, voltages.least_node) = (v_pu, row.node.clone());
        }
        if v_pu > voltages.most_pu {
            (voltages.most_pu, voltages.most_node) = (v_pu, row.node);
        }
    }
    voltages.mean_pu /= voltages.n.max(1) as f64;
    if voltages.n == 0 {
        voltages = Voltages::default();
    }
    let (mut load_kw, mut generation_kw, mut n_off_model) = (0.0, 0.0, 0);
    // They stand behind the loads of the model in this order, but for those whose bus a newer model does not have.
    let devices: Vec<&PlacedDevice> = state.devices.values().filter(|d| desk.base.bus_id(&d.bus).is_some()).collect();
    let solved = |element: &str| powers.get(element).copied().unwrap_or((0.0, 0.0));
    for (i, load) in network.loads.iter().enumerate().filter(|(_, l)| l.common.enabled) {
        let Some(&at) = place.get(&network.bus(load.common.terminals[0].bus).name) else { continue };
        let p = solved(&format!("load.{}", load.common.name));
        load_kw += p.0;
        n_off_model += usize::from(load.model == LoadModel::ConstantPq && (p.0 - load.p_kw).abs() > OFF_MODEL * load.p_kw.abs());
        let bus = &mut buses[at];
        (bus.p_kw, bus.q_kvar) = (bus.p_kw + p.0, bus.q_kvar + p.1);
        let placed = i.checked_sub(desk.base.loads.len()).and_then(|k| devices.get(k).copied());
        let (asked, name) = match placed {
            Some(d) => ((d.kw, d.kvar), d.name.clone()),
            None => (desk.load_asked(state, i.min(desk.base.loads.len().saturating_sub(1))), load.common.name.clone()),
        };
        let connected =
            Connected { name, asked_kw: asked.0, asked_kvar: asked.1, set_kw: load.p_kw, set_kvar: load.q_kvar, p_kw: p.0, q_kvar: p.1 };
        if placed.is_some() { bus.devices.push(connected) } else { bus.loads.push(connected) }
    }
    for (name, g) in &state.generators {
        let Some(&at) = place.get(&g.bus) else { continue };
        let p = solved(&format!("generator.{name}"));
        generation_kw -= p.0;
        let bus = &mut buses[at];
        (bus.p_kw, bus.q_kvar) = (bus.p_kw + p.0, bus.q_kvar + p.1);
        bus.generators.push(Connected {
            name: name.clone(),
            asked_kw: g.kw,
            asked_kvar: g.kvar,
            set_kw: g.kw * g.share,
            set_kvar: g.kvar * g.share,
            p_kw: -p.0,
            q_kvar: -p.1,
        });
    }
    let neighbourhoods = supplies(desk, state, solution)
        .into_iter()
        .zip(&desk.zones.neighbourhoods)
        .map(|(s, z)| {
            let (p_kw, q_kvar) = s.flow;
            let s_kva = p_kw.hypot(q_kvar);
            NeighbourhoodReport {
                pincode: z.pincode,
                transformer: z.transformer.clone().unwrap_or_else(|| format!("at bus {}", z.transformer_bus)),
                kva: s.kva,
                p_kw,
                q_kvar,
                s_kva,
                loading_pct: s.kva.filter(|k| *k > 0.0).map(|k| s_kva / k * 100.0),
                load_kw: s.demand.0,
                load_kvar: s.demand.1,
                generation_kw: s.generation.0,
                share: state.managed.get(&z.pincode).map_or(1.0, |s| s.p),
            }
        })
        .collect();
    Report { summary, voltages, load_kw, generation_kw, n_off_model, buses, neighbourhoods }
}
