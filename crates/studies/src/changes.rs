//! Changes of a network that planners make: other conductors and sizes, second circuits, capacitors, regulators, batteries, set points. One
//! place for all studies, so that a fix that is ranked is the fix that a scenario builds.
//!
//! Standard sizes of transformers are the preferred ratings of IEEE C57.12.00. A transformer of another size keeps its impedances and losses in
//! percent; what it has in ampere grows with the size, what it has in ohm falls with it.

use crate::synthetic::elements;
use network::graph::nominal_kv_ll;
use network::{
    BusId, Common, Connection, DispatchMode, ElementId, Graph, LineCodeData, LineCodeId, LineImpedance, MonitoredPhase, Network, SourceRef,
    StorageController, StorageDispatch, Terminal,
};
use std::collections::HashSet;

/// Preferred kVA ratings of transformers.
const SIZES_ONE_PHASE: [f64; 16] =
    [5.0, 10.0, 15.0, 25.0, 37.5, 50.0, 75.0, 100.0, 167.0, 250.0, 333.0, 500.0, 667.0, 833.0, 1250.0, 1667.0];
const SIZES_THREE_PHASE: [f64; 22] = [
    15.0, 30.0, 45.0, 75.0, 112.5, 150.0, 225.0, 300.0, 500.0, 750.0, 1000.0, 1500.0, 2000.0, 2500.0, 3750.0, 5000.0, 7500.0, 10_000.0,
    12_000.0, 15_000.0, 20_000.0, 25_000.0,
];

/// Names that are taken, `class.name` in lower case.
#[derive(Clone, Debug)]
pub struct Names(HashSet<String>);

/// A name as models write it: letters, digits and `_`.
pub fn word(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

impl Names {
    pub fn of(network: &Network) -> Self {
        Self(network.order.iter().map(|&id| network.full_name(id).to_lowercase()).collect())
    }

    /// `class.name` that no element has yet, taken from now on.
    pub fn free(&mut self, class: &str, wanted: &str) -> String {
        let wanted = word(wanted);
        let name = (1..)
            .map(|i| if i == 1 { wanted.clone() } else { format!("{wanted}_{i}") })
            .find(|n| !self.0.contains(&format!("{class}.{n}")));
        let name = name.unwrap_or(wanted);
        self.0.insert(format!("{class}.{name}"));
        name
    }
}

/// The next standard size of a transformer; half as much again above the largest.
pub fn next_kva(now: f64, n_phases: usize) -> f64 {
    let sizes: &[f64] = if n_phases >= 3 { &SIZES_THREE_PHASE } else { &SIZES_ONE_PHASE };
    sizes.iter().copied().find(|&s| s > now * 1.001).unwrap_or(now * 1.5)
}

/// Gives a transformer another size.
pub fn resize(network: &mut Network, transformer: usize, kva: f64) {
    let t = &mut network.transformers[transformer];
    let before = t.windings.first().map_or(kva, |w| w.kva);
    let ratio = kva / before.max(1e-9);
    for w in &mut t.windings {
        w.kva *= ratio;
        w.r_dc_ohm /= ratio;
    }
    t.normal_kva *= ratio;
    t.emergency_kva *= ratio;
    t.common.rating.normal_a *= ratio;
    t.common.rating.emergency_a *= ratio;
    t.common.rating.seasonal_a.iter_mut().for_each(|a| *a *= ratio);
    t.ratings_kva.iter_mut().for_each(|k| *k *= ratio);
    t.code = None;
}

/// The line code of the model with as many phases and the next higher rating than a line has.
pub fn next_code(network: &Network, line: usize) -> Option<usize> {
    let line = network.lines.get(line)?;
    let now = line.common.rating.normal_a;
    let larger = network.line_codes.iter().enumerate().filter(|(_, c)| c.n_phases == line.common.n_phases && c.rating.normal_a > now);
    larger.min_by(|a, b| a.1.rating.normal_a.total_cmp(&b.1.rating.normal_a)).map(|(i, _)| i)
}

/// Gives a line the conductors of a line code; whether they have as many phases.
pub fn with_code(network: &mut Network, line: usize, code: usize) -> bool {
    let id = LineCodeId::from(code);
    let code = network.line_codes[code].clone();
    let l = &mut network.lines[line];
    if l.common.n_phases != code.n_phases {
        return false;
    }
    l.impedance = match code.data {
        LineCodeData::Sequence { z1_ohm, z0_ohm, c1_nf, c0_nf } => LineImpedance::Sequence { z1_ohm, z0_ohm, c1_nf, c0_nf },
        LineCodeData::Matrix { z_ohm, c_nf } => LineImpedance::Matrix { z_ohm, c_nf },
    };
    l.unit_factor = code.unit.per_length_factor(l.length_unit);
    (l.earth_r_ohm, l.earth_x_ohm, l.rho_ohm_m) = (code.earth_r_ohm, code.earth_x_ohm, code.rho_ohm_m);
    l.common.rating = code.rating;
    l.line_code = Some(id);
    l.line_type = code.line_type;
    true
}

/// Puts a line like it beside a line.
pub fn second_circuit(network: &mut Network, names: &mut Names, line: usize) -> Option<ElementId> {
    let mut second = network.lines.get(line)?.clone();
    second.common.name = names.free("line", &format!("{}_second", second.common.name));
    Some(network.add(second))
}

/// The phases of a bus.
pub fn phases_of(network: &Network, bus: BusId) -> Vec<u32> {
    let mut nodes: Vec<u32> = network.bus(bus).nodes.iter().copied().filter(|n| (1..=3).contains(n)).collect();
    nodes.sort_unstable();
    nodes
}

/// Rated voltage for an element at so many phases of a bus: line to line, or to neutral of one phase, kV.
fn kv_for(network: &Network, bus: BusId, n_phases: usize) -> f64 {
    let ll = nominal_kv_ll(network, &Graph::new(network))[bus.index()];
    if n_phases == 1 { ll / 3f64.sqrt() } else { ll }
}

/// A bank of shunt capacitors at all phases of a bus, to earth.
pub fn capacitor(network: &mut Network, name: String, bus: BusId, kvar: f64, source: SourceRef) -> ElementId {
    let nodes = phases_of(network, bus);
    let kv = kv_for(network, bus, nodes.len());
    let mut c = elements::capacitor(name, bus, kv, kvar);
    let n = nodes.len();
    let per_phase_kv = if n == 1 { kv } else { kv / 3f64.sqrt() };
    let normal_a = kvar / n as f64 / per_phase_kv * 1.35;
    (c.common.rating.normal_a, c.common.rating.emergency_a) = (normal_a, normal_a * 1.8 / 1.35);
    c.common.n_phases = n;
    c.common.terminals = vec![Terminal::new(bus, nodes), Terminal::new(bus, vec![0; n])];
    c.common.source = source;
    c.common.base_frequency_hz = network.options.base_frequency_hz;
    network.add(c)
}

/// Regulators, one a phase, at the head of a line: the bus of its first terminal, or that of its second.
pub fn regulator(
    network: &mut Network,
    names: &mut Names,
    (wanted, source): (&str, &SourceRef),
    line: usize,
    (kva, v_target_v, band_v): (f64, f64, f64),
) {
    let from = network.lines[line].common.terminals[0].clone();
    let kv_ln = kv_for(network, from.bus, 1);
    let name = names.free("transformer", wanted);
    let bus_name = (1..).map(|i| format!("{name}_{i}")).find(|n| network.bus_id(n).is_none()).unwrap_or_else(|| name.clone());
    let (base, xy, place) = {
        let b = network.bus(from.bus);
        (b.kv_base_ln, b.xy, b.latitude_longitude_deg)
    };
    let middle = network.bus_or_add(&bus_name);
    let b = &mut network.buses[middle.index()];
    (b.kv_base_ln, b.xy, b.latitude_longitude_deg) = (base, xy, place);
    let hz = network.options.base_frequency_hz;
    for &node in from.nodes.iter().filter(|n| (1..=3).contains(*n)) {
        network.note_node(middle, node);
        let terminals = vec![Terminal::new(from.bus, vec![node, 0]), Terminal::new(middle, vec![node, 0])];
        let winding = || elements::winding(kv_ln, kva, Connection::Wye, 0.005);
        let unit_name = names.free("transformer", &format!("{wanted}_{node}"));
        let mut unit = elements::transformer(unit_name.clone(), 1, terminals, vec![winding(), winding()], vec![0.01], 0.0, 0.0);
        unit.bank = name.clone();
        (unit.common.source, unit.common.base_frequency_hz) = (source.clone(), hz);
        let unit = network.add(unit);
        let control_name = names.free("regcontrol", &unit_name);
        let mut control = elements::regulator_control(control_name, unit, v_target_v, band_v, kv_ln * 1000.0 / 120.0, 30.0);
        control.common.source = source.clone();
        network.add(control);
    }
    network.lines[line].common.terminals[0].bus = middle;
}

/// What a battery that shaves a peak is.
#[derive(Clone, Copy, Debug)]
pub struct Shaver {
    pub power_kw: f64,
    pub energy_kwh: f64,
    /// Element whose flow is watched.
    pub watched: ElementId,
    /// It delivers above this flow and charges below that.
    pub target_kw: f64,
    pub charge_below_kw: f64,
}

/// A battery at all phases of a bus with the controller that shaves the peak of an element's flow.
pub fn battery(network: &mut Network, names: &mut Names, (wanted, source): (&str, &SourceRef), bus: BusId, of: Shaver) {
    let nodes = phases_of(network, bus);
    let n = nodes.len();
    let kv = kv_for(network, bus, n);
    let name = names.free("storage", wanted);
    let terminal = Terminal::new(bus, [&nodes[..], &[0]].concat());
    let mut unit = crate::scenario::storage::battery(name.clone(), terminal, n, kv, of.power_kw, of.energy_kwh);
    unit.dispatch = DispatchMode::External;
    unit.energy_stored_kwh = 0.5 * of.energy_kwh;
    unit.common.source = source.clone();
    unit.common.base_frequency_hz = network.options.base_frequency_hz;
    let unit = network.add(unit);
    let name = names.free("storagecontroller", &name);
    let mut control = peak_shaver(name, unit, of);
    control.common.source = source.clone();
    network.add(control);
}

fn peak_shaver(name: String, unit: ElementId, of: Shaver) -> StorageController {
    let Shaver { watched, target_kw, charge_below_kw, .. } = of;
    StorageController {
        common: Common::new(name, 3),
        element: Some(watched),
        terminal: 0,
        monitored_phase: MonitoredPhase::Average,
        units: vec![unit],
        all_units: false,
        weights: vec![1.0],
        kw_target: target_kw,
        kw_target_low: charge_below_kw,
        band_pct: 2.0,
        band_low_pct: 2.0,
        band_kw: None,
        band_low_kw: None,
        half_band: 0.01 * target_kw,
        half_band_low: 0.01 * charge_below_kw,
        discharge_mode: StorageDispatch::PeakShave,
        charge_mode: StorageDispatch::PeakShaveLow,
        discharge_time_h: -1.0,
        charge_time_h: 2.0,
        discharge_rate_pct: 20.0,
        charge_rate_pct: 20.0,
        reserve_pct: 20.0,
        yearly: None,
        daily: None,
        duty: None,
        inhibit_h: 0,
        t_up_h: 0.25,
        t_flat_h: 2.0,
        t_down_h: 0.25,
        kw_threshold: 0.75 * target_kw,
        dispatch_factor: 1.0,
        reset_level: 0.8,
        season_targets_kw: vec![target_kw],
        season_targets_low_kw: vec![charge_below_kw],
    }
}
