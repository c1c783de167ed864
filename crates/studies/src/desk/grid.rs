//! The network that is solved: the model, and what was tried upon it.

use super::state::{PlacedDevice, PlacedGenerator};
use super::{Desk, DeskState, Share};
use crate::changes::{Names, phases_of};
use crate::synthetic::elements;
use network::{BusId, Common, Connection, Generator, LoadBasis, Network, Shapes, Terminal, signed_power_factor};
use std::collections::HashMap;

/// Name of a device among the loads.
pub(super) fn device_name(device: &PlacedDevice) -> String {
    crate::changes::word(&format!("device_{}_{}", device.bus, device.name))
}

/// What programs and management left of the demand, bus by bus.
struct Left<'a> {
    desk: &'a Desk,
    state: &'a DeskState,
    /// The least share that a program left a bus, by its name.
    by_programs: HashMap<&'a str, Share>,
}

impl<'a> Left<'a> {
    fn new(desk: &'a Desk, state: &'a DeskState) -> Self {
        let mut by_programs = HashMap::new();
        for (key, share) in &state.programmed {
            let Some((number, bus)) = key.split_once('/') else { continue };
            if number.parse().is_ok_and(|n: u32| state.programs.contains_key(&n)) {
                by_programs.entry(bus).and_modify(|s: &mut Share| *s = s.least(*share)).or_insert(*share);
            }
        }
        Self { desk, state, by_programs }
    }

    fn at(&self, bus: BusId) -> Share {
        let by_programs = self.by_programs.get(self.desk.base.bus(bus).name.as_str()).copied().unwrap_or(Share::WHOLE);
        let zone = self.desk.zone_of.get(&bus).map(|z| self.desk.zones.neighbourhoods[*z].pincode);
        by_programs.times(zone.and_then(|z| self.state.managed.get(&z)).copied().unwrap_or(Share::WHOLE))
    }
}

/// The network of a state. Elements that are added stand behind those of the model.
pub(super) fn build(desk: &Desk, state: &DeskState) -> Network {
    let mut network = (*desk.base).clone();
    let left = Left::new(desk, state);
    for (i, load) in network.loads.iter_mut().enumerate().filter(|(_, l)| l.common.enabled) {
        let share = left.at(load.common.terminals[0].bus);
        let is_set = state.loads.contains_key(&load.common.name);
        if !is_set && share == Share::WHOLE {
            continue;
        }
        let (p, q) = desk.load_asked(state, i);
        (load.p_kw, load.q_kvar) = (p * share.p, q * share.q);
        load.power_factor = signed_power_factor(load.p_kw, load.q_kvar);
        (load.q_follows_pf, load.basis) = (false, LoadBasis::Given);
    }
    let mut names = Names::of(&network);
    for device in state.devices.values() {
        add_device(&left, &mut network, &mut names, device);
    }
    for (name, generator) in &state.generators {
        add_generator(&mut network, &mut names, name, generator);
    }
    network
}

fn add_device(left: &Left<'_>, network: &mut Network, names: &mut Names, device: &PlacedDevice) {
    let Some(bus) = network.bus_id(&device.bus) else { return };
    let share = left.at(bus);
    let n = device.nodes.len();
    let name = names.free("load", &device_name(device));
    let terminal = Terminal::new(bus, [&device.nodes[..], &[0]].concat());
    let mut load = elements::load(name, terminal, n, device.kv, device.kw * share.p, 1.0, 1, Shapes::default());
    load.q_kvar = device.kvar * share.q;
    load.power_factor = signed_power_factor(load.p_kw, load.q_kvar);
    load.q_follows_pf = false;
    load.common.base_frequency_hz = network.options.base_frequency_hz;
    network.add(load);
}

fn add_generator(network: &mut Network, names: &mut Names, name: &str, of: &PlacedGenerator) {
    let Some(at) = network.bus_id(&of.bus) else { return };
    let hz = network.options.base_frequency_hz;
    let n = of.nodes.len();
    let mut bus = at;
    if let Some(kva) = of.transformer_kva {
        let phases = phases_of(network, at);
        let stem = format!("{name}_lv");
        let low = (1..).map(|i| if i == 1 { stem.clone() } else { format!("{stem}_{i}") }).find(|b| network.bus_id(b).is_none());
        let (xy, place, kv_base_ln) = (network.bus(at).xy, network.bus(at).latitude_longitude_deg, network.bus(at).kv_base_ln);
        bus = network.bus_or_add(&low.unwrap_or(stem));
        let kv_ln = if n == 1 { of.kv } else { of.kv / 3f64.sqrt() };
        let b = &mut network.buses[bus.index()];
        (b.kv_base_ln, b.xy, b.latitude_longitude_deg) = (kv_ln, xy, place);
        let conductors = [&of.nodes[..], &[0]].concat();
        conductors.iter().filter(|c| **c > 0).for_each(|c| network.note_node(bus, *c));
        let high_kv = if n == 1 || phases.len() == 1 { kv_base_ln } else { kv_base_ln * 3f64.sqrt() };
        // Losses and short-circuit voltage of the synthetic utility's solar plants.
        let windings = vec![elements::winding(high_kv, kva, Connection::Wye, 0.5), elements::winding(of.kv, kva, Connection::Wye, 0.5)];
        let terminals = vec![Terminal::new(at, conductors.clone()), Terminal::new(bus, conductors)];
        let unit_name = names.free("transformer", &format!("{name}_transformer"));
        let mut unit = elements::transformer(unit_name, n, terminals, windings, vec![5.75], 0.15, 0.5);
        unit.common.base_frequency_hz = hz;
        network.add(unit);
    }
    let mut common = Common::new(names.free("generator", name), n);
    common.terminals = vec![Terminal::new(bus, [&of.nodes[..], &[0]].concat())];
    common.base_frequency_hz = hz;
    let (p, q) = (of.kw * of.share, of.kvar * of.share);
    let kva = (1.2 * of.kw.hypot(of.kvar)).max(1e-3);
    network.add(Generator {
        model: of.model,
        v_min_pu: of.v_min_pu,
        v_max_pu: of.v_max_pu,
        ..Generator::constant_power(common, of.kv, p, q, kva, Shapes::default())
    });
}
