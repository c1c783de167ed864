//! Layers that change the network itself: stations of fast chargers with their transformers, conductors, transformers, capacitors,
//! regulators, batteries, switching.

use super::allocation::stream;
use super::sessions::{Tally, add, station};
use super::stack::Stack;
use super::storage::battery;
use crate::synthetic::elements;
use network::graph::nominal_kv_ll;
use network::scenario::{ChangesLayer, FastChargingLayer, fits};
use network::{
    BusId, Common, Connection, Diagnostic, DispatchMode, ElementId, ElementKind, Graph, LineCodeData, LineImpedance, MonitoredPhase,
    Network, Shapes, StorageController, StorageDispatch, SwitchState, Terminal,
};
use std::collections::HashSet;

/// Ratings of three-phase distribution transformers, kVA (IEEE C57.12.00).
const RATINGS_KVA: [f64; 13] = [75.0, 112.5, 150.0, 225.0, 300.0, 500.0, 750.0, 1000.0, 1500.0, 2000.0, 2500.0, 3750.0, 5000.0];

/// Elements of a kind whose name fits one of the patterns.
pub(super) fn named(network: &Network, kind: ElementKind, patterns: &[String]) -> Vec<ElementId> {
    let bare = |p: &String| p.strip_prefix(kind.class()).and_then(|p| p.strip_prefix('.')).unwrap_or(p).to_owned();
    let patterns: Vec<String> = patterns.iter().map(bare).collect();
    network.ids(kind).filter(|&id| patterns.iter().any(|p| fits(p, &network.common(id).name))).collect()
}

/// Three-phase primary buses: those of the voltage that most buses of three phases above 1 kV have.
fn primary_buses(network: &Network) -> Vec<(BusId, f64)> {
    let graph = Graph::new(network);
    let kv = nominal_kv_ll(network, &graph);
    let tree = graph.reach(&network.supply_buses());
    let supply: HashSet<BusId> = network.supply_buses().into_iter().collect();
    let three = (0..network.buses.len()).map(BusId::from).filter(|&b| {
        tree.is_reached(b) && !supply.contains(&b) && kv[b.index()] > 1.0 && (1..=3).all(|n| network.bus(b).nodes.contains(&n))
    });
    let all: Vec<(BusId, f64)> = three.map(|b| (b, kv[b.index()])).collect();
    let like = |kv: f64| all.iter().filter(|(_, other)| (other / kv - 1.0).abs() < 0.02).count();
    let Some(usual) = all.iter().map(|a| a.1).max_by(|a, b| like(*a).cmp(&like(*b)).then(b.total_cmp(a))) else { return all };
    all.into_iter().filter(|(_, kv)| (kv / usual - 1.0).abs() < 0.02).collect()
}

/// The terminal of all phases of a bus, with the earth as the neutral.
fn phases_of(network: &Network, bus: BusId) -> Vec<u32> {
    let mut nodes: Vec<u32> = network.bus(bus).nodes.iter().copied().filter(|n| (1..=3).contains(n)).collect();
    nodes.sort_unstable();
    nodes
}

impl Stack<'_> {
    fn unknown(&mut self, index: usize, path: &str, what: String) {
        let at = self.prepared.scenario.place_in(index, path);
        self.findings.push(
            Diagnostic::note("SCENARIO.ELEMENT.ABSENT", format!("{what} is not in {}", self.network.name))
                .at(&at)
                .detail("That part of the layer changes nothing here."),
        );
    }

    pub(super) fn stations(&mut self, index: usize, l: &FastChargingLayer) {
        let calendar = self.prepared.calendar;
        let scenario = &*self.prepared.scenario;
        let layer = scenario.layers[index].name.clone();
        if self.sites.admitted(&self.network, &l.allocation).is_empty() {
            return;
        }
        let wanted = |b: BusId| l.buses.is_empty() || l.buses.iter().any(|p| fits(p, &self.network.bus(b).name));
        let mut places: Vec<(BusId, f64)> = primary_buses(&self.network).into_iter().filter(|(b, _)| wanted(*b)).collect();
        let key = |b: BusId| stream(scenario.seed, "stations", &[&self.network.name, &self.network.bus(b).name, &layer], 0).unit();
        places.sort_by(|a, b| key(a.0).total_cmp(&key(b.0)).then_with(|| self.network.bus(a.0).name.cmp(&self.network.bus(b.0).name)));
        if places.len() < l.stations as usize {
            let what = Diagnostic::warning(
                "SCENARIO.STATION.NO_PLACE",
                format!("{} has {} places for {} stations", self.network.name, places.len(), l.stations),
            );
            self.findings.push(what.at(&scenario.layers[index].source).hint("name other buses, or fewer stations"));
        }
        places.truncate(l.stations as usize);
        let mut tally = Tally::default();
        for (bus, kv) in places {
            let name = self.network.bus(bus).name.clone();
            let mut course = vec![0.0; calendar.n_steps()];
            let mut random = stream(scenario.seed, "station", &[&self.network.name, &name, &layer], 0);
            tally.add(&station(l, calendar, &mut random, &mut |s| add(&mut course, s, calendar.step_h())));
            let most_kw = l.ports_per_station as f64 * l.charger.power_range_kw().1;
            let kva = RATINGS_KVA.iter().copied().find(|k| *k >= most_kw / l.power_factor).unwrap_or(most_kw / l.power_factor);
            let load = self.station_at(index, bus, kv, l.transformer_kv, kva, l.power_factor, &course);
            let element = self.network.full_name(ElementId::new(ElementKind::Load, load));
            self.account(index, element, None, l.ports_per_station as u32, &course);
            self.records[index].units += l.ports_per_station as u32;
        }
        self.records[index].facts.push(format!(
            "{} sessions: {:.3} kWh; {:.3} kWh of drivers who would not wait",
            tally.sessions, tally.energy_kwh, tally.elsewhere_kwh
        ));
    }

    /// A transformer with a load behind it; returns the load.
    fn station_at(&mut self, index: usize, bus: BusId, kv: f64, low_kv: f64, kva: f64, power_factor: f64, course: &[f64]) -> usize {
        let layer = &self.prepared.scenario.layers[index];
        let source = layer.source.clone();
        let wanted = format!("{}_{}", layer.name, self.network.bus(bus).name);
        let name = self.free_name("transformer", &wanted);
        let free = (1..).map(|i| if i == 1 { name.clone() } else { format!("{name}_{i}") }).find(|n| self.network.bus_id(n).is_none());
        let has_base = self.network.bus(bus).kv_base_ln > 0.0;
        let (xy, place) = (self.network.bus(bus).xy, self.network.bus(bus).latitude_longitude_deg);
        let low = self.network.bus_or_add(&free.unwrap_or_else(|| name.clone()));
        let low_bus = &mut self.network.buses[low.index()];
        (low_bus.xy, low_bus.latitude_longitude_deg) = (xy, place);
        low_bus.kv_base_ln = if has_base { low_kv / 3f64.sqrt() } else { 0.0 };
        (1..=3).for_each(|node| self.network.note_node(low, node));
        let terminals = vec![Terminal::new(bus, vec![1, 2, 3, 0]), Terminal::new(low, vec![1, 2, 3, 0])];
        let windings = vec![elements::winding(kv, kva, Connection::Wye, 0.5), elements::winding(low_kv, kva, Connection::Wye, 0.5)];
        let hz = self.network.options.base_frequency_hz;
        let mut transformer = elements::transformer(name.clone(), 3, terminals, windings, vec![5.75], 0.18, 0.5);
        (transformer.common.source, transformer.common.base_frequency_hz) = (source.clone(), hz);
        self.network.add(transformer);
        let peak_kw = course.iter().copied().fold(0.0, f64::max);
        let shape = self.add_shape(&format!("shape_{name}"), course.to_vec().into(), None, true);
        let load_name = self.free_name("load", &wanted);
        let shapes = Shapes { yearly: Some(shape), daily: Some(shape), duty: None };
        let mut load = elements::load(load_name, Terminal::new(low, vec![1, 2, 3, 0]), 3, low_kv, peak_kw, power_factor, 1, shapes);
        (load.common.source, load.common.base_frequency_hz) = (source, hz);
        self.network.add(load).index()
    }

    pub(super) fn changes(&mut self, index: usize, l: &ChangesLayer) {
        for (i, r) in l.reconductor.iter().enumerate() {
            let path = format!("reconductor[{i}]");
            let Some(code) = self.network.line_codes.iter().position(|c| c.name.eq_ignore_ascii_case(&r.line_code)) else {
                self.unknown(index, &path, format!("line code {}", r.line_code));
                continue;
            };
            let lines = named(&self.network, ElementKind::Line, &r.lines);
            if lines.is_empty() {
                self.unknown(index, &path, r.lines.join(", "));
            }
            for id in lines {
                self.reconductor(index, &path, id.index(), code);
            }
        }
        for (i, t) in l.transformers.iter().enumerate() {
            let found = named(&self.network, ElementKind::Transformer, &t.transformers);
            if found.is_empty() {
                self.unknown(index, &format!("transformers[{i}]"), t.transformers.join(", "));
            }
            for id in found {
                self.resize(id.index(), t.kva);
                self.records[index].units += 1;
            }
        }
        for (i, c) in l.capacitors.iter().enumerate() {
            match self.network.bus_id(&c.bus) {
                Some(bus) => self.capacitor(index, bus, c.kvar),
                None => self.unknown(index, &format!("capacitors[{i}].bus"), format!("bus {}", c.bus)),
            }
        }
        for (i, r) in l.regulators.iter().enumerate() {
            match named(&self.network, ElementKind::Line, std::slice::from_ref(&r.line)).first() {
                Some(id) => self.regulator(index, id.index(), r.kva, r.v_target_v, r.band_v),
                None => self.unknown(index, &format!("regulators[{i}].line"), format!("line {}", r.line)),
            }
        }
        for (i, b) in l.batteries.iter().enumerate() {
            let path = format!("batteries[{i}]");
            let (bus, watched) = (self.network.bus_id(&b.bus), self.network.find(&b.watch));
            match (bus, watched) {
                (Some(bus), Some(watched)) => {
                    let layer = self.prepared.scenario.layers[index].clone();
                    let nodes = phases_of(&self.network, bus);
                    let kv = self.kv_for(bus, nodes.len());
                    let name = self.free_name("storage", &format!("{}_{}", layer.name, b.bus));
                    let n = nodes.len();
                    let terminal = Terminal::new(bus, [&nodes[..], &[0]].concat());
                    let mut unit = battery(name.clone(), terminal, n, kv, b.power_kw, b.energy_kwh);
                    unit.dispatch = DispatchMode::External;
                    unit.energy_stored_kwh = 0.5 * b.energy_kwh;
                    unit.common.source = layer.source.clone();
                    unit.common.base_frequency_hz = self.network.options.base_frequency_hz;
                    let unit = self.network.add(unit);
                    let name = self.free_name("storagecontroller", &name);
                    let mut control = peak_shaver(name, watched, unit, b.target_kw, b.charge_below_kw);
                    control.common.source = layer.source;
                    self.network.add(control);
                    self.records[index].units += 1;
                }
                (None, _) => self.unknown(index, &path, format!("bus {}", b.bus)),
                (_, None) => self.unknown(index, &path, b.watch.clone()),
            }
        }
        if let Some(t) = &l.transfer {
            for (names, closed, word) in [(&t.open, false, "open"), (&t.close, true, "close")] {
                for (i, name) in names.iter().enumerate() {
                    let found = named(&self.network, ElementKind::Line, std::slice::from_ref(name));
                    if found.is_empty() {
                        self.unknown(index, &format!("transfer.{word}[{i}]"), format!("line {name}"));
                    }
                    for id in found {
                        self.switch(id, closed);
                        self.records[index].units += 1;
                    }
                }
            }
        }
    }

    fn reconductor(&mut self, index: usize, path: &str, line: usize, code: usize) {
        let code_id = network::LineCodeId::from(code);
        let code = self.network.line_codes[code].clone();
        let l = &self.network.lines[line];
        if l.common.n_phases != code.n_phases {
            let at = self.prepared.scenario.place_in(index, path);
            let what = format!("line.{} has {} phases, line code {} {}", l.common.name, l.common.n_phases, code.name, code.n_phases);
            self.findings.push(
                Diagnostic::warning("SCENARIO.LINE.PHASES", what)
                    .at(&at)
                    .hint("name a line code of as many phases; the line stays as it is"),
            );
            return;
        }
        let l = &mut self.network.lines[line];
        l.impedance = match code.data {
            LineCodeData::Sequence { z1_ohm, z0_ohm, c1_nf, c0_nf } => LineImpedance::Sequence { z1_ohm, z0_ohm, c1_nf, c0_nf },
            LineCodeData::Matrix { z_ohm, c_nf } => LineImpedance::Matrix { z_ohm, c_nf },
        };
        l.unit_factor = code.unit.per_length_factor(l.length_unit);
        (l.earth_r_ohm, l.earth_x_ohm, l.rho_ohm_m) = (code.earth_r_ohm, code.earth_x_ohm, code.rho_ohm_m);
        l.common.rating = code.rating;
        l.line_code = Some(code_id);
        l.line_type = code.line_type;
        self.records[index].units += 1;
    }

    /// Impedances and losses in percent stay; currents and resistances in ohm follow the size.
    fn resize(&mut self, transformer: usize, kva: f64) {
        let t = &mut self.network.transformers[transformer];
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

    /// Rated voltage for an element at so many phases of a bus: line to line, or to neutral of one phase, kV.
    fn kv_for(&self, bus: BusId, n_phases: usize) -> f64 {
        let ll = nominal_kv_ll(&self.network, &Graph::new(&self.network))[bus.index()];
        if n_phases == 1 { ll / 3f64.sqrt() } else { ll }
    }

    fn capacitor(&mut self, index: usize, bus: BusId, kvar: f64) {
        let layer = self.prepared.scenario.layers[index].clone();
        let nodes = phases_of(&self.network, bus);
        let kv = self.kv_for(bus, nodes.len());
        let name = self.free_name("capacitor", &format!("{}_{}", layer.name, self.network.bus(bus).name));
        let mut c = elements::capacitor(name, bus, kv, kvar);
        let n = nodes.len();
        let per_phase_kv = if n == 1 { kv } else { kv / 3f64.sqrt() };
        let normal_a = kvar / n as f64 / per_phase_kv * 1.35;
        (c.common.rating.normal_a, c.common.rating.emergency_a) = (normal_a, normal_a * 1.8 / 1.35);
        c.common.n_phases = n;
        c.common.terminals = vec![Terminal::new(bus, nodes), Terminal::new(bus, vec![0; n])];
        c.common.source = layer.source;
        c.common.base_frequency_hz = self.network.options.base_frequency_hz;
        self.network.add(c);
        self.records[index].units += 1;
    }

    fn regulator(&mut self, index: usize, line: usize, kva: f64, v_target_v: f64, band_v: f64) {
        let layer = self.prepared.scenario.layers[index].clone();
        let from = self.network.lines[line].common.terminals[0].clone();
        let line_name = self.network.lines[line].common.name.clone();
        let kv_ln = self.kv_for(from.bus, 1);
        let wanted = format!("{}_{line_name}", layer.name);
        let name = self.free_name("transformer", &wanted);
        let bus_name = (1..).map(|i| format!("{name}_{i}")).find(|n| self.network.bus_id(n).is_none()).unwrap_or_else(|| name.clone());
        let (base, xy, place) = {
            let b = self.network.bus(from.bus);
            (b.kv_base_ln, b.xy, b.latitude_longitude_deg)
        };
        let middle = self.network.bus_or_add(&bus_name);
        let b = &mut self.network.buses[middle.index()];
        (b.kv_base_ln, b.xy, b.latitude_longitude_deg) = (base, xy, place);
        let hz = self.network.options.base_frequency_hz;
        for &node in from.nodes.iter().filter(|n| (1..=3).contains(*n)) {
            self.network.note_node(middle, node);
            let terminals = vec![Terminal::new(from.bus, vec![node, 0]), Terminal::new(middle, vec![node, 0])];
            let winding = || elements::winding(kv_ln, kva, Connection::Wye, 0.005);
            let unit_name = self.free_name("transformer", &format!("{wanted}_{node}"));
            let mut unit = elements::transformer(unit_name.clone(), 1, terminals, vec![winding(), winding()], vec![0.01], 0.0, 0.0);
            unit.bank = name.clone();
            (unit.common.source, unit.common.base_frequency_hz) = (layer.source.clone(), hz);
            let unit = self.network.add(unit);
            let control_name = self.free_name("regcontrol", &unit_name);
            let mut control = elements::regulator_control(control_name, unit, v_target_v, band_v, kv_ln * 1000.0 / 120.0, 30.0);
            control.common.source = layer.source.clone();
            self.network.add(control);
        }
        self.network.lines[line].common.terminals[0].bus = middle;
        self.records[index].units += 1;
    }

    fn switch(&mut self, id: ElementId, closed: bool) {
        let state = if closed { SwitchState::Closed } else { SwitchState::Open };
        let mut terminals = vec![0];
        if closed {
            terminals = (0..self.network.common(id).terminals.len()).collect();
        }
        for t in terminals {
            self.network.common_mut(id).terminals[t].closed.iter_mut().for_each(|c| *c = closed);
        }
        for control in self.network.switch_controls.iter_mut().filter(|c| c.switched == Some(id)) {
            (control.normal, control.state, control.command) = (state, state, state);
        }
    }
}

fn peak_shaver(name: String, watched: ElementId, unit: ElementId, target_kw: f64, charge_below_kw: f64) -> StorageController {
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
