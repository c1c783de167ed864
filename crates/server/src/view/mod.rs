//! One version of a network made ready for looking at: positions, index for searching, topology, findings by element.
//!
//! A [`View`] is built once from `Project::network`, never changed, and shared by all requests that ask for the version ([`Views`]). Elements
//! are numbered by their place in `Network::order` and buses by theirs in `Network::buses`; both stay the same for as long as the version
//! exists, so that a client may put values of a study beside positions that it fetched once.

mod cache;
mod detail;
mod geometry;
mod mvt;
mod quantities;
mod search;
mod shelf;
mod tiles;
mod units;

#[cfg(test)]
mod tests;

pub use cache::Views;
pub use detail::{Attribute, CatalogueEntry, attributes, catalogue_of, element_attributes};
pub use quantities::Quantity as NetworkQuantity;
pub use search::{Found, Subject};
pub use shelf::Shelf;
pub use tiles::TileAt;
pub use units::unit_of;

use network::graph::{is_conducting, nominal_kv_ll};
use network::layout::{Layout, Placement, element_path, element_place, is_line_kind, layout};
use network::{BusId, Diagnostic, ElementId, ElementKind, Graph, LengthUnit, Network, Tree};
use rstar::RTree;
use rstar::primitives::{GeomWithData, Rectangle};
use std::collections::{HashMap, HashSet};
use store::project::{Contents, VersionInfo};

/// Raised when positions, tiles or texts of the same version come out otherwise than before.
const REVISION: u32 = 1;
/// Classes that a byte can number; further ones share the last number.
const CLASSES_MAX: usize = 255;
/// Features up to which a network is small: it may be asked for as one GeoJSON.
pub const SMALL_MAX: usize = 20_000;

/// A piece of a line that the map draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Number of the element.
    pub element: u32,
    /// Points in [`View::positions`].
    pub from: u32,
    pub to: u32,
}

/// An element that the map marks with a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    pub element: u32,
    pub at: [f64; 2],
}

type Boxed = GeomWithData<Rectangle<[f64; 2]>, u32>;

/// One version of a network, ready for looking at.
#[derive(Debug)]
pub struct View {
    pub info: VersionInfo,
    pub network: Network,
    pub graph: Graph,
    pub layout: Layout,
    pub contents: Contents,
    pub findings: Vec<Diagnostic>,
    /// Buses as the sources supply them, through closed links.
    pub supply: Tree,
    /// Shortest way along the grid from a source to each bus, km; not a number where lengths have no unit or the bus no supply.
    pub distance_km: Vec<f64>,
    /// Names of classes by their numbers.
    pub classes: Vec<String>,
    pub feeders: Vec<String>,
    /// By number of the element.
    pub class_of: Vec<u8>,
    pub feeder_of: Vec<u16>,
    /// Base voltage line to line, kV; not a number where unknown.
    pub kv_of: Vec<f32>,
    /// Bit 0 phase A (node 1), bit 1 B, bit 2 C, bit 3 any other node.
    pub phases_of: Vec<u8>,
    pub bus_kv: Vec<f32>,
    pub bus_phases: Vec<u8>,
    /// Longitude and latitude of all points of all pieces.
    pub positions: Vec<[f64; 2]>,
    pub pieces: Vec<Piece>,
    pub marks: Vec<Mark>,
    /// West, south, east, north.
    pub bounds: Option<[f64; 4]>,
    search: search::Index,
    /// Numbers by identity: elements, buses, assets.
    by_id: HashMap<Box<str>, Subject>,
    number_of: HashMap<ElementId, u32>,
    /// Elements out of service or with an open end.
    open: HashSet<u32>,
    findings_of: HashMap<Box<str>, Vec<u32>>,
    tree_of_pieces: RTree<Boxed>,
    tree_of_marks: RTree<Boxed>,
    tree_of_buses: RTree<Boxed>,
    kept: cache::Kept,
}

/// Phases of nodes as bits.
fn phase_bits(nodes: &[u32]) -> u8 {
    nodes.iter().fold(0, |bits, node| bits | [0, 1, 2, 4].get(*node as usize).copied().unwrap_or(8))
}

/// Phases of bits as letters: `ABC`, `A`, `BN`.
pub fn phase_letters(bits: u8) -> String {
    "ABCN".chars().enumerate().filter(|(i, _)| bits & (1 << i) != 0).map(|(_, c)| c).collect()
}

/// Numbers texts in the order in which they come.
struct Numbering {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
    max: usize,
}

impl Numbering {
    fn new(max: usize) -> Self {
        Self { names: Vec::new(), numbers: HashMap::new(), max }
    }

    fn number(&mut self, name: &str) -> usize {
        if let Some(&n) = self.numbers.get(name) {
            return n;
        }
        if self.names.len() == self.max {
            return self.max - 1;
        }
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), self.names.len() - 1);
        self.names.len() - 1
    }
}

/// As [`View::etag`], of a version whose view need not be there.
pub fn etag_of(info: &VersionInfo, of: &str) -> String {
    format!("W/\"{}-{}-{REVISION}-{}-{of}\"", env!("CARGO_PKG_VERSION"), info.digest, info.number)
}

impl View {
    /// Makes a version ready.
    pub fn new(info: VersionInfo, network: Network, findings: Vec<Diagnostic>) -> Self {
        let graph = Graph::new(&network);
        let layout = layout(&network, &graph);
        let contents = Contents::new(&network);
        let supply = graph.reach(&network.supply_buses());
        let distance_km = distances(&network);
        let kv = nominal_kv_ll(&network, &graph);
        let bus_kv: Vec<f32> = kv.iter().map(|kv| if *kv > 0.0 { *kv as f32 } else { f32::NAN }).collect();
        let bus_phases = network.buses.iter().map(|b| phase_bits(&b.nodes)).collect();

        let n = network.order.len();
        let (mut classes, mut feeders) = (Numbering::new(CLASSES_MAX), Numbering::new(usize::from(u16::MAX)));
        let mut class_of = Vec::with_capacity(n);
        let mut feeder_of = Vec::with_capacity(n);
        let mut kv_of = Vec::with_capacity(n);
        let mut phases_of = Vec::with_capacity(n);
        let mut number_of = HashMap::with_capacity(n);
        let mut by_id: HashMap<Box<str>, Subject> = HashMap::with_capacity(n + network.buses.len() + network.assets.len());
        let mut search = search::Builder::default();
        for (i, &id) in network.order.iter().enumerate() {
            let i = i as u32;
            let common = network.common(id);
            let full_name = network.full_name(id);
            let class = full_name.strip_suffix(common.name.as_str()).and_then(|c| c.strip_suffix('.')).unwrap_or(id.kind.class());
            class_of.push(classes.number(class) as u8);
            // What a control belongs to is where its element belongs.
            let subject = if is_conducting(id.kind) { None } else { network.subjects(id).first().copied() };
            let at = subject.filter(|s| is_conducting(s.kind)).map_or(common, |s| network.common(s));
            let feeder = if common.feeder.is_empty() { &at.feeder } else { &common.feeder };
            feeder_of.push(feeders.number(feeder) as u16);
            let terminal = common.terminals.first().or(at.terminals.first());
            kv_of.push(terminal.and_then(|t| bus_kv.get(t.bus.index())).copied().unwrap_or(f32::NAN));
            phases_of.push(terminal.map_or(0, |t| phase_bits(&t.nodes)));
            number_of.insert(id, i);
            let identity = contents.element_name(id).unwrap_or(&full_name);
            search.add(Subject::Element(i), &common.name, identity, &mut |more| {
                more(search::word_of(id.kind));
                common.aliases.iter().for_each(|a| more(&a.id));
                more(feeder);
                if let ElementKind::Line = id.kind {
                    more(&network.lines[id.index()].line_type);
                }
            });
            by_id.entry(identity.into()).or_insert(Subject::Element(i));
        }
        for (i, bus) in network.buses.iter().enumerate() {
            let subject = Subject::Bus(i as u32);
            let identity = format!("bus.{}", bus.name);
            search.add(subject, &bus.name, &identity, &mut |more| {
                if let Some(case) = &bus.transmission {
                    more(&case.name);
                }
            });
            by_id.entry(identity.into()).or_insert(subject);
        }
        for (i, asset) in network.assets.iter().enumerate() {
            let subject = Subject::Asset(i as u32);
            let kind = asset_kind(asset.kind);
            let identity = format!("asset.{kind}.{}", asset.id);
            search.add(subject, &asset.id, &identity, &mut |more| more(&asset.feeder));
            by_id.entry(identity.to_lowercase().into()).or_insert(subject);
        }

        let mut open: HashSet<u32> =
            network.order.iter().enumerate().filter(|(_, id)| !network.in_service(**id)).map(|(i, _)| i as u32).collect();
        open.extend(graph.links.iter().filter(|l| !l.is_closed).filter_map(|l| number_of.get(&l.element)));
        let mut findings_of: HashMap<Box<str>, Vec<u32>> = HashMap::new();
        for (i, finding) in findings.iter().enumerate() {
            if let Some(element) = &finding.element {
                findings_of.entry(element.to_lowercase().into()).or_default().push(i as u32);
            }
        }
        let mut view = Self {
            search: search.finish(),
            classes: classes.names,
            feeders: feeders.names,
            info,
            network,
            graph,
            layout,
            contents,
            findings,
            supply,
            distance_km,
            class_of,
            feeder_of,
            kv_of,
            phases_of,
            bus_kv,
            bus_phases,
            positions: Vec::new(),
            pieces: Vec::new(),
            marks: Vec::new(),
            bounds: None,
            by_id,
            number_of,
            open,
            findings_of,
            tree_of_pieces: RTree::new(),
            tree_of_marks: RTree::new(),
            tree_of_buses: RTree::new(),
            kept: cache::Kept::default(),
        };
        view.draw();
        view
    }

    /// Fills positions, pieces and marks.
    fn draw(&mut self) {
        let network = &self.network;
        let mut ring: HashMap<u32, u32> = HashMap::new();
        let radius = (0.12 * self.layout.typical_link_deg).min(match self.layout.placement {
            Placement::Geographic => 3.0 / 111_195.0,
            _ => f64::MAX,
        });
        for (i, &id) in network.order.iter().enumerate() {
            let element = i as u32;
            let common = network.common(id);
            if is_conducting(id.kind) {
                let mut put = |path: &[[f64; 2]]| {
                    if path.len() >= 2 {
                        let from = self.positions.len() as u32;
                        self.positions.extend_from_slice(path);
                        self.pieces.push(Piece { element, from, to: self.positions.len() as u32 });
                    }
                };
                put(&element_path(network, &self.layout, id));
                // Further windings and converters are drawn from the first terminal.
                let bus = |k: usize| common.terminals.get(k).and_then(|t| self.layout.buses.get(t.bus.index())).copied();
                for k in 2..common.terminals.len() {
                    if let (Some(a), Some(b)) = (bus(0), bus(k))
                        && a != b
                    {
                        put(&[a, b]);
                    }
                }
                if is_line_kind(id.kind) && !(id.kind == ElementKind::Line && network.lines[id.index()].is_switch) {
                    continue;
                }
            }
            let Some(mut at) = element_place(network, &self.layout, id) else { continue };
            // What stands at one place is set around it, so that each can be pointed at.
            let key = common.terminals.first().map_or(u32::MAX, |t| t.bus.0);
            let has_own_place = is_conducting(id.kind) && common.terminals.iter().any(|t| t.bus.0 != key);
            if !has_own_place && key != u32::MAX {
                let k = ring.entry(key).or_insert(0);
                let turn = f64::from(*k) * 2.399_963;
                let reach = radius * (1.0 + f64::from(*k) / 8.0).min(4.0);
                *k += 1;
                at = [at[0] + reach * turn.cos(), at[1] + reach * turn.sin()];
            }
            self.marks.push(Mark { element, at });
        }
        let mut bounds = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
        let all = self.positions.iter().chain(self.marks.iter().map(|m| &m.at)).chain(&self.layout.buses);
        for p in all {
            bounds = [bounds[0].min(p[0]), bounds[1].min(p[1]), bounds[2].max(p[0]), bounds[3].max(p[1])];
        }
        self.bounds = (bounds[0] <= bounds[2]).then_some(bounds);
        let point = |p: [f64; 2], i: usize| Boxed::new(Rectangle::from_corners(mercator(p), mercator(p)), i as u32);
        self.tree_of_marks = RTree::bulk_load(self.marks.iter().enumerate().map(|(i, m)| point(m.at, i)).collect());
        self.tree_of_buses = RTree::bulk_load(self.layout.buses.iter().enumerate().map(|(i, p)| point(*p, i)).collect());
        let of_piece = |(i, piece): (usize, &Piece)| {
            let mut corners = [[f64::MAX; 2], [f64::MIN; 2]];
            for p in &self.positions[piece.from as usize..piece.to as usize] {
                let m = mercator(*p);
                for axis in 0..2 {
                    corners[0][axis] = corners[0][axis].min(m[axis]);
                    corners[1][axis] = corners[1][axis].max(m[axis]);
                }
            }
            Boxed::new(Rectangle::from_corners(corners[0], corners[1]), i as u32)
        };
        self.tree_of_pieces = RTree::bulk_load(self.pieces.iter().enumerate().map(of_piece).collect());
    }

    /// Number of an element, by its `class.name` in any case.
    pub fn element(&self, full_name: &str) -> Option<u32> {
        match self.subject(full_name)? {
            Subject::Element(i) => Some(i),
            _ => None,
        }
    }

    /// Number of a bus, by its name in any case.
    pub fn bus(&self, name: &str) -> Option<u32> {
        self.network.bus_id(name).map(|b| b.0)
    }

    /// What an identity stands for: `class.name`, `bus.name`, `asset.kind.id`, or `@12` for the element of that number.
    pub fn subject(&self, id: &str) -> Option<Subject> {
        if let Some(number) = id.strip_prefix('@') {
            let i: u32 = number.parse().ok()?;
            return (usize::try_from(i).ok()? < self.network.order.len()).then_some(Subject::Element(i));
        }
        self.by_id.get(id).or_else(|| self.by_id.get(id.to_lowercase().as_str())).copied()
    }

    /// Identity of an element, a bus or an asset, that [`View::subject`] finds.
    pub fn id_of(&self, subject: Subject) -> String {
        match subject {
            Subject::Element(i) => {
                let id = self.network.order[i as usize];
                self.contents.element_name(id).map_or_else(|| self.network.full_name(id), str::to_owned)
            }
            Subject::Bus(i) => format!("bus.{}", self.network.buses[i as usize].name),
            Subject::Asset(i) => {
                let asset = &self.network.assets[i as usize];
                format!("asset.{}.{}", asset_kind(asset.kind), asset.id)
            }
        }
    }

    pub fn number(&self, id: ElementId) -> Option<u32> {
        self.number_of.get(&id).copied()
    }

    pub fn class(&self, element: u32) -> &str {
        &self.classes[usize::from(self.class_of[element as usize])]
    }

    pub fn feeder(&self, element: u32) -> &str {
        &self.feeders[usize::from(self.feeder_of[element as usize])]
    }

    /// Findings whose subject has one of these names.
    pub fn findings_of(&self, names: &[&str]) -> Vec<&Diagnostic> {
        let mut numbers: Vec<u32> =
            names.iter().filter_map(|n| self.findings_of.get(n.to_lowercase().as_str())).flatten().copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.iter().map(|i| &self.findings[*i as usize]).collect()
    }

    /// Things that fit a search, best first.
    pub fn find(&self, words: &str) -> Vec<Found> {
        self.search.find(words)
    }

    /// Things that the map draws.
    pub fn n_features(&self) -> usize {
        self.pieces.len() + self.marks.len() + self.network.buses.len()
    }

    /// Identity of what a request for this version answers, for `ETag`. Program, view and version make it.
    pub fn etag(&self, of: &str) -> String {
        etag_of(&self.info, of)
    }

    /// Memory that it takes, bytes, roughly.
    pub fn bytes(&self) -> usize {
        let n = &self.network;
        let shapes: usize = n.load_shapes.iter().map(|s| s.p.len() * 16).sum::<usize>()
            + n.temperature_shapes.iter().map(|s| s.temperature_c.len() * 8).sum::<usize>();
        let assets: usize = n.assets.iter().map(|a| 200 + a.attributes.len() * 80 + a.route.len() * 16).sum();
        n.order.len() * 1800
            + n.buses.len() * 600
            + self.positions.len() * 16
            + self.search.bytes()
            + self.findings.len() * 400
            + shapes
            + assets
    }
}

/// Way along the grid from the source to each bus, km. Where the length of a line has no unit, and in a transmission case, nothing is said
/// rather than something wrong.
fn distances(network: &Network) -> Vec<f64> {
    let is_unknown = |l: &network::Line| l.common.enabled && !l.is_switch && l.length_unit == LengthUnit::None;
    if network.is_transmission() || network.lines.iter().any(is_unknown) {
        return vec![f64::NAN; network.buses.len()];
    }
    network::distance::distances_km(network).into_iter().map(|km| km.unwrap_or(f64::NAN)).collect()
}

/// Length of what joins two buses, km: 0 of a transformer; not a number of a line without unit.
pub fn link_km(network: &Network, id: ElementId) -> f64 {
    match id.kind {
        ElementKind::Line => {
            let line = &network.lines[id.index()];
            match line.length_unit {
                _ if line.is_switch => 0.0,
                LengthUnit::None => f64::NAN,
                unit => line.length * unit.metres() / 1000.0,
            }
        }
        // A transmission case says the length in whatever unit its author liked.
        ElementKind::AcBranch => f64::NAN,
        _ => 0.0,
    }
}

/// Word of an asset's kind, as identities have it.
pub fn asset_kind(kind: network::AssetKind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "asset".into(),
    }
}

/// Place on the map of the world, 0 to 1 from west to east and from north to south (Web Mercator).
pub fn mercator(place: [f64; 2]) -> [f64; 2] {
    let lat = place[1].clamp(-85.051_128_779_806_6, 85.051_128_779_806_6).to_radians();
    let y = 0.5 - (std::f64::consts::FRAC_PI_4 + lat / 2.0).tan().ln() / std::f64::consts::TAU;
    [place[0] / 360.0 + 0.5, y.clamp(0.0, 1.0)]
}

/// Buses of an element's terminals, each once.
pub fn buses_of(network: &Network, id: ElementId) -> Vec<BusId> {
    let mut buses = Vec::new();
    for t in &network.common(id).terminals {
        if !buses.contains(&t.bus) && t.bus.index() < network.buses.len() {
            buses.push(t.bus);
        }
    }
    buses
}
