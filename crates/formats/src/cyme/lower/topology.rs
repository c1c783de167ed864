//! Sections, and the chains of links that their devices make.

use super::super::codes::{Location, Phases};
use super::super::model::*;
use super::{Lowering, lower_case};
use network::{BusId, Diagnostic};
use std::collections::{HashMap, HashSet, VecDeque};

/// A section that is read.
pub(super) struct Span<'a> {
    pub section: &'a Section,
    pub from: BusId,
    pub to: BusId,
    /// Bus in the middle of its line, where something stands there.
    pub middle: Option<BusId>,
    pub phases: Phases,
}

/// What stands between two buses.
#[derive(Clone, Copy)]
pub(super) enum Series<'a> {
    ByPhase(&'a OverheadByPhase),
    Unbalanced(&'a OverheadUnbalanced),
    Line(&'a OverheadLine),
    Cable(&'a UndergroundLine),
    Switch(SwitchKind, &'a SwitchSetting),
    Transformer(&'a TransformerSetting),
    ByPhaseTransformer(&'a TransformerByPhase),
    ThreeWinding(&'a ThreeWindingSetting),
    Auto(&'a AutoTransformerSetting),
    Regulator(&'a RegulatorSetting),
    Capacitor(&'a SeriesSetting),
    Reactor(&'a SeriesSetting),
    /// Nothing: the nodes are one.
    Joint,
}

/// One series device between two buses of a span.
pub(super) struct Link<'a> {
    pub span: usize,
    pub from: BusId,
    pub to: BusId,
    pub series: Series<'a>,
    /// Share of the line's length.
    pub share: f64,
    /// Counted from 0 along the halves of one line.
    pub half: usize,
}

pub(super) struct Topology<'a> {
    pub spans: Vec<Span<'a>>,
    pub links: Vec<Link<'a>>,
    /// Spans by section id in lower case.
    pub by_section: HashMap<String, usize>,
    /// Sections of networks that are not read.
    pub left_out: HashSet<String>,
    /// Buses by node id in lower case.
    pub bus_of_node: HashMap<String, BusId>,
}

/// Devices of one section.
#[derive(Default)]
struct Devices<'a> {
    lines: Vec<Series<'a>>,
    series: Vec<(Location, Series<'a>)>,
    shunt_in_middle: bool,
}

impl<'a> Series<'a> {
    /// Section, device number, catalogue id and whether the device is disconnected.
    pub fn identity(self) -> (&'a str, &'a str, bool) {
        match self {
            Series::ByPhase(d) => (&d.section, &d.device_number, d.disconnected),
            Series::Unbalanced(d) => (&d.section, &d.device_number, d.disconnected),
            Series::Line(d) => (&d.section, &d.device_number, d.disconnected),
            Series::Cable(d) => (&d.section, &d.device_number, d.disconnected),
            Series::Switch(_, d) => (&d.section, &d.device_number, d.disconnected),
            Series::Transformer(d) => (&d.section, &d.device_number, d.disconnected),
            Series::ByPhaseTransformer(d) => (&d.section, &d.device_number, d.disconnected),
            Series::ThreeWinding(d) => (&d.section, &d.device_number, d.disconnected),
            Series::Auto(d) => (&d.section, &d.device_number, d.disconnected),
            Series::Regulator(d) => (&d.section, &d.device_number, d.disconnected),
            Series::Capacitor(d) | Series::Reactor(d) => (&d.section, &d.device_number, d.disconnected),
            Series::Joint => ("", "", false),
        }
    }

    pub fn source(self) -> Option<&'a network::SourceRef> {
        Some(match self {
            Series::ByPhase(d) => &d.source,
            Series::Unbalanced(d) => &d.source,
            Series::Line(d) => &d.source,
            Series::Cable(d) => &d.source,
            Series::Switch(_, d) => &d.source,
            Series::Transformer(d) => &d.source,
            Series::ByPhaseTransformer(d) => &d.source,
            Series::ThreeWinding(d) => &d.source,
            Series::Auto(d) => &d.source,
            Series::Regulator(d) => &d.source,
            Series::Capacitor(d) | Series::Reactor(d) => &d.source,
            Series::Joint => return None,
        })
    }

    fn length_m(self) -> Option<f64> {
        match self {
            Series::ByPhase(d) => d.length_m,
            Series::Unbalanced(d) => d.length_m,
            Series::Line(d) => d.length_m,
            Series::Cable(d) => d.length_m,
            _ => None,
        }
    }

    /// Whether current can pass at present, in some phase.
    fn conducts(self) -> bool {
        match self {
            Series::Switch(_, d) => !d.disconnected && !closed_phases(d).is_none(),
            other => !other.identity().2,
        }
    }

    /// The node on the side of winding 1, where the device tells it.
    pub fn first_node(self) -> &'a str {
        match self {
            Series::Transformer(d) => &d.from_node,
            Series::ByPhaseTransformer(d) => &d.from_node,
            Series::ThreeWinding(d) => &d.from_node,
            Series::Auto(d) => &d.from_node,
            Series::Regulator(d) => &d.from_node,
            _ => "",
        }
    }
}

/// Phases that a switch joins: as told, otherwise all or none by its normal status.
pub(super) fn closed_phases(switch: &SwitchSetting) -> Phases {
    match (switch.closed_phase, switch.normally_open) {
        (Some(phases), _) => phases,
        (None, Some(true)) => Phases::NONE,
        (None, _) => Phases::ABC,
    }
}

impl<'a> Topology<'a> {
    /// Buses and links of the sections that are read.
    pub fn of(low: &mut Lowering<'a>) -> Topology<'a> {
        let model = low.model;
        let mut topology = Topology {
            spans: Vec::new(),
            links: Vec::new(),
            by_section: HashMap::new(),
            left_out: HashSet::new(),
            bus_of_node: HashMap::new(),
        };
        let mut taken: HashSet<String> = HashSet::new();
        for section in &model.sections {
            if !low.is_chosen(&section.network) {
                topology.left_out.insert(lower_case(&section.id));
                continue;
            }
            topology.span(low, section, &mut taken);
        }
        let devices = topology.devices(low);
        for (i, devices) in devices.into_iter().enumerate() {
            topology.chain(low, i, devices, &mut taken);
        }
        topology
    }

    fn bus(&mut self, low: &mut Lowering<'a>, node: &str, taken: &mut HashSet<String>) -> BusId {
        let key = lower_case(node);
        if let Some(&bus) = self.bus_of_node.get(&key) {
            return bus;
        }
        // Points separate bus and node in the scripts that a network may be written to.
        let mut name: String = key.chars().map(|c| if c == '.' || c.is_control() || c == '"' { '_' } else { c }).collect();
        if name != key {
            low.converted("node.nodeid", "points and quotes become underscores", &network::SourceRef::default());
        }
        while taken.contains(&name) {
            name.push('_');
        }
        taken.insert(name.clone());
        let bus = low.out.network.bus_or_add(&name);
        self.bus_of_node.insert(key, bus);
        bus
    }

    fn inner_bus(&mut self, low: &mut Lowering<'a>, section: &str, taken: &mut HashSet<String>) -> BusId {
        let clean: String = lower_case(section).chars().map(|c| if c == '.' || c.is_control() || c == '"' { '_' } else { c }).collect();
        let mut n = 1;
        loop {
            let name = format!("{clean}_in{n}");
            if taken.insert(name.clone()) {
                return low.out.network.bus_or_add(&name);
            }
            n += 1;
        }
    }

    fn span(&mut self, low: &mut Lowering<'a>, section: &'a Section, taken: &mut HashSet<String>) {
        let key = lower_case(&section.id);
        let about =
            |code: &str, message: String| Diagnostic::error(code, message).element(format!("section {}", section.id)).at(&section.source);
        if section.id.is_empty() || section.from_node.is_empty() || section.to_node.is_empty() {
            low.find(about("CYME.SECTION.INCOMPLETE", "a section lacks its id or one of its nodes".to_owned()));
            low.reject(&section.source, "a section without id or nodes", section.id.clone());
            return;
        }
        if self.by_section.contains_key(&key) {
            low.find(
                about("CYME.SECTION.DUPLICATE", format!("section {:?} comes again", section.id))
                    .hint("Section ids are unique in a study; remove one of the two."),
            );
            low.reject(&section.source, "a section with the id of another", section.id.clone());
            return;
        }
        let phases = match section.phases {
            Some(phases) if !phases.is_none() => phases,
            _ => {
                low.find(about("CYME.SECTION.NO_PHASES", format!("section {:?} has no phases", section.id)));
                low.reject(&section.source, "a section without phases", section.id.clone());
                return;
            }
        };
        let from = self.bus(low, &section.from_node, taken);
        let to = self.bus(low, &section.to_node, taken);
        if from == to {
            low.find(
                Diagnostic::warning(
                    "CYME.SECTION.SAME_NODE",
                    format!("both ends of section {:?} are node {:?}", section.id, section.from_node),
                )
                .at(&section.source)
                .hint("A line or switch on it carries nothing; loads and capacitors on it stay at the node."),
            );
        }
        self.by_section.insert(key, self.spans.len());
        self.spans.push(Span { section, from, to, middle: None, phases });
    }

    /// The span of a section that a record names; a finding where there is none.
    pub fn span_of(&self, low: &mut Lowering<'a>, class: &str, section: &str, device: &str, source: &network::SourceRef) -> Option<usize> {
        let key = lower_case(section);
        let found = self.by_section.get(&key).copied();
        if found.is_none() && !self.left_out.contains(&key) {
            low.find(
                Diagnostic::error("CYME.DEVICE.NO_SECTION", format!("a device stands on section {section:?}, which is not there"))
                    .element(format!("{class}.{}", lower_case(device)))
                    .at(source)
                    .hint("Correct the SectionID, or export the network that has the section."),
            );
            low.reject(source, format!("no section {section:?}"), device);
        }
        found
    }

    /// Where a shunt at this place of a section is connected.
    pub fn shunt_bus(&self, span: usize, location: Location) -> BusId {
        let span = &self.spans[span];
        match location {
            Location::From => span.from,
            Location::Middle => span.middle.unwrap_or(span.to),
            Location::To => span.to,
        }
    }

    fn devices(&mut self, low: &mut Lowering<'a>) -> Vec<Devices<'a>> {
        let model = low.model;
        let mut devices: Vec<Devices<'a>> = (0..self.spans.len()).map(|_| Devices::default()).collect();
        let mut lines: Vec<Series<'a>> = Vec::new();
        lines.extend(model.overhead_by_phase.iter().map(Series::ByPhase));
        lines.extend(model.overhead_unbalanced.iter().map(Series::Unbalanced));
        lines.extend(model.overhead_lines.iter().map(Series::Line));
        lines.extend(model.underground_lines.iter().map(Series::Cable));
        for line in lines {
            let (section, device, _) = line.identity();
            if let Some(i) = self.span_of(low, "line", section, device, line.source().unwrap_or(&Default::default())) {
                devices[i].lines.push(line);
            }
        }
        let place = |location: Option<Location>| location.unwrap_or_default();
        let mut series: Vec<(Location, &'static str, Series<'a>)> = Vec::new();
        series.extend(model.switches.iter().map(|(kind, d)| (place(d.location), "line", Series::Switch(*kind, d))));
        series.extend(model.regulators.iter().map(|d| (place(d.location), "transformer", Series::Regulator(d))));
        series.extend(model.transformers.iter().map(|d| (place(d.location), "transformer", Series::Transformer(d))));
        series.extend(model.transformers_by_phase.iter().map(|d| (place(d.location), "transformer", Series::ByPhaseTransformer(d))));
        series.extend(model.three_winding_transformers.iter().map(|d| (place(d.location), "transformer", Series::ThreeWinding(d))));
        series.extend(model.autotransformers.iter().map(|d| (place(d.location), "transformer", Series::Auto(d))));
        series.extend(model.series_capacitors.iter().map(|d| (place(d.location), "capacitor", Series::Capacitor(d))));
        series.extend(model.series_reactors.iter().map(|d| (place(d.location), "reactor", Series::Reactor(d))));
        for (location, class, series) in series {
            let (section, device, _) = series.identity();
            if let Some(i) = self.span_of(low, class, section, device, series.source().unwrap_or(&Default::default())) {
                devices[i].series.push((location, series));
            }
        }
        // Shunts are looked up again later; here it only matters whether one stands in the middle of a line.
        let mut middle = |section: &str, location: Location| {
            if location == Location::Middle
                && let Some(&i) = self.by_section.get(&lower_case(section))
            {
                devices[i].shunt_in_middle = true;
            }
        };
        for load in &model.loads {
            let distributed = load.load_type.to_ascii_uppercase().starts_with("DISTR") || load.load_type.trim() == "21";
            middle(&load.section, if distributed { Location::Middle } else { place(load.location) });
        }
        model.shunt_capacitors.iter().for_each(|d| middle(&d.section, place(d.location)));
        model.shunt_reactors.iter().for_each(|d| middle(&d.section, place(d.location)));
        model.photovoltaics.iter().for_each(|d| middle(&d.section, place(d.location)));
        model.generators.iter().for_each(|(_, d)| middle(&d.section, place(d.location)));
        model.bess.iter().for_each(|d| middle(&d.section, place(d.location)));
        devices
    }

    /// Strings the devices of a section between its nodes.
    fn chain(&mut self, low: &mut Lowering<'a>, i: usize, devices: Devices<'a>, taken: &mut HashSet<String>) {
        let (from, to, section) = (self.spans[i].from, self.spans[i].to, self.spans[i].section);
        if from == to {
            return;
        }
        if devices.lines.len() > 1 {
            low.find(
                Diagnostic::error("CYME.SECTION.TWO_LINES", format!("section {:?} has {} lines", section.id, devices.lines.len()))
                    .at(&section.source)
                    .hint("A section has one line or cable; keep one of the settings."),
            );
        }
        let at = |place: Location| devices.series.iter().filter(move |(l, _)| *l == place).map(|(_, s)| (*s, 1.0, 0));
        let line = devices.lines.first().copied();
        let has_length = line.and_then(Series::length_m).is_some_and(|m| m > 0.0);
        let in_middle = devices.series.iter().any(|(l, _)| *l == Location::Middle);
        let mut row: Vec<(Series<'a>, f64, usize)> = at(Location::From).collect();
        let mut middle_after = None;
        match line {
            Some(line) if has_length && (in_middle || devices.shunt_in_middle) => {
                row.push((line, 0.5, 0));
                middle_after = devices.shunt_in_middle.then_some(row.len());
                row.extend(at(Location::Middle));
                row.push((line, 0.5, 1));
            }
            line => {
                row.extend(line.map(|line| (line, 1.0, 0)));
                row.extend(at(Location::Middle));
            }
        }
        row.extend(at(Location::To));
        if row.is_empty() {
            row.push((Series::Joint, 1.0, 0));
        }
        let n = row.len();
        let mut here = from;
        for (k, (series, share, half)) in row.into_iter().enumerate() {
            let next = if k + 1 == n { to } else { self.inner_bus(low, &section.id, taken) };
            // The device's own first side is the end of the section that it names.
            self.links.push(Link { span: i, from: here, to: next, series, share, half });
            here = next;
            if middle_after == Some(k + 1) {
                self.spans[i].middle = Some(here);
            }
        }
    }

    /// Buses that closed links join to each other: label of each bus.
    pub fn islands(&self, n_buses: usize) -> Vec<usize> {
        fn root(labels: &mut [usize], mut i: usize) -> usize {
            while labels[i] != i {
                labels[i] = labels[labels[i]];
                i = labels[i];
            }
            i
        }
        let mut labels: Vec<usize> = (0..n_buses).collect();
        for link in self.links.iter().filter(|l| l.series.conducts()) {
            let (a, b) = (root(&mut labels, link.from.index()), root(&mut labels, link.to.index()));
            labels[a] = b;
        }
        (0..n_buses).map(|i| root(&mut labels, i)).collect()
    }
}

impl<'a> Lowering<'a> {
    /// Spreads nominal voltages from where they are known, over closed links first.
    pub(super) fn spread_voltages(&mut self, topology: &Topology<'a>) {
        let n = self.out.network.buses.len();
        self.base_ln_kv.resize(n, 0.0);
        let mut at_bus: Vec<Vec<usize>> = vec![Vec::new(); n];
        for (i, link) in topology.links.iter().enumerate() {
            at_bus[link.from.index()].push(i);
            at_bus[link.to.index()].push(i);
        }
        for open_too in [false, true] {
            let mut queue: VecDeque<BusId> = (0..n).filter(|&i| self.base_ln_kv[i] > 0.0).map(BusId::from).collect();
            while let Some(bus) = queue.pop_front() {
                for &i in &at_bus[bus.index()] {
                    let link = &topology.links[i];
                    if !open_too && !link.series.conducts() {
                        continue;
                    }
                    let other = if link.from == bus { link.to } else { link.from };
                    if self.base_ln_kv[other.index()] > 0.0 {
                        continue;
                    }
                    let here = self.base_ln_kv[bus.index()];
                    let there = self.voltage_across(topology, link, bus, here);
                    if there > 0.0 && there.is_finite() {
                        self.base_ln_kv[other.index()] = there;
                        queue.push_back(other);
                    }
                }
            }
        }
        for node in &self.model.nodes {
            let Some(kv) = node.user_base_kv.filter(|kv| *kv > 0.0) else { continue };
            if let Some(bus) = topology.bus_of_node.get(&lower_case(&node.id)) {
                self.base_ln_kv[bus.index()] = kv / 3f64.sqrt();
                self.kept("node.userdefinedbasevoltage");
            }
        }
    }

    /// Places of the nodes, as drawn.
    pub(super) fn coordinates(&mut self, topology: &Topology<'a>) {
        let middle = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some((a + b) / 2.0),
            (a, _) => a,
        };
        for node in &self.model.nodes {
            let Some(&bus) = topology.bus_of_node.get(&lower_case(&node.id)) else { continue };
            let (Some(x), Some(y)) = (middle(node.x, node.x2), middle(node.y, node.y2)) else { continue };
            let place = self.lon_lat(x, y);
            let bus = &mut self.out.network.buses[bus.index()];
            bus.xy = Some((x, y));
            bus.latitude_longitude_deg = place.map(|p| (p.lat_deg, p.lon_deg));
        }
        if !self.model.intermediate_nodes.is_empty() && !self.options.lon_lat {
            let source = self.model.intermediate_nodes[0].source.clone();
            self.dropped("intermediate nodes", "no coordinate system was told: drawing coordinates have no place on the ground", &source);
        }
    }

    /// Bends of a section from its first to its second node; empty where coordinates have no place on the ground.
    pub(super) fn route(&self, bends: &HashMap<String, Vec<&'a IntermediateNode>>, section: &str) -> Vec<network::LonLat> {
        let Some(bends) = bends.get(&lower_case(section)) else { return Vec::new() };
        bends.iter().filter_map(|b| self.lon_lat(b.x?, b.y?)).collect()
    }
}
