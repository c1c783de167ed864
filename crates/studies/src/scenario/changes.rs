//! Layers that change the network itself: stations of fast chargers with their transformers, conductors, transformers, capacitors,
//! regulators, batteries, switching.

use super::allocation::stream;
use super::sessions::{Tally, add, station};
use super::stack::Stack;
use crate::changes;
use crate::synthetic::elements;
use network::graph::nominal_kv_ll;
use network::scenario::{ChangesLayer, FastChargingLayer, fits};
use network::{BusId, Connection, Diagnostic, ElementId, ElementKind, Graph, Network, Shapes, SwitchState, Terminal};
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
        let name = self.names.free("transformer", &wanted);
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
        let load_name = self.names.free("load", &wanted);
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
                changes::resize(&mut self.network, id.index(), t.kva);
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
                    let wanted = format!("{}_{}", layer.name, b.bus);
                    let of = changes::Shaver {
                        power_kw: b.power_kw,
                        energy_kwh: b.energy_kwh,
                        watched,
                        target_kw: b.target_kw,
                        charge_below_kw: b.charge_below_kw,
                    };
                    changes::battery(&mut self.network, &mut self.names, (&wanted, &layer.source), bus, of);
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
        if changes::with_code(&mut self.network, line, code) {
            self.records[index].units += 1;
            return;
        }
        let (l, code) = (&self.network.lines[line], &self.network.line_codes[code]);
        let at = self.prepared.scenario.place_in(index, path);
        let what = format!("line.{} has {} phases, line code {} {}", l.common.name, l.common.n_phases, code.name, code.n_phases);
        self.findings.push(
            Diagnostic::warning("SCENARIO.LINE.PHASES", what).at(&at).hint("name a line code of as many phases; the line stays as it is"),
        );
    }

    fn capacitor(&mut self, index: usize, bus: BusId, kvar: f64) {
        let layer = self.prepared.scenario.layers[index].clone();
        let name = self.names.free("capacitor", &format!("{}_{}", layer.name, self.network.bus(bus).name));
        changes::capacitor(&mut self.network, name, bus, kvar, layer.source);
        self.records[index].units += 1;
    }

    fn regulator(&mut self, index: usize, line: usize, kva: f64, v_target_v: f64, band_v: f64) {
        let layer = self.prepared.scenario.layers[index].clone();
        let wanted = format!("{}_{}", layer.name, self.network.lines[line].common.name);
        changes::regulator(&mut self.network, &mut self.names, (&wanted, &layer.source), line, (kva, v_target_v, band_v));
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
