//! What is joined to what, from node names where they are given and from coordinates where not.
//!
//! ```text
//! things ─► free ends and points ─► clusters (closer than the tolerance) ─► voltage levels within a cluster = nodes
//!              │                                                              │
//!              └─ ends and devices upon a line between its ends: it is split ─┘
//! nodes ─► traced from the sources ─► devices that stand at a node open it: the side of the supply against the rest
//! ```
//!
//! # Distances
//!
//! Between two points close to each other, on the ellipsoid of WGS 84 with `e² = f (2 - f)`:
//!
//! ```text
//! M = a (1 - e²) / (1 - e² sin²φ)^(3/2)      radius of curvature in the meridian
//! N = a / (1 - e² sin²φ)^(1/2)               across it
//! d² = (M Δφ)² + (N cos φ Δλ)²               at the middle latitude φ
//! ```
//!
//! which is good to a millionth for the lengths of spans. Method: any text of geodesy, such as Torge, *Geodesy*, section 4.

use super::layer::shorten;
use network::{Diagnostic, LonLat, SourceRef};
use rstar::{AABB, RTree, RTreeObject};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// Semi-major axis and flattening of the WGS 84 ellipsoid.
const A_M: f64 = 6_378_137.0;
const F: f64 = 1.0 / 298.257_223_563;

/// Findings of one code that are listed one by one; the rest is counted.
const LISTED: usize = 2_000;

/// Voltages that differ by less than this share are one level.
const SAME_LEVEL: f64 = 0.05;

/// Metres of a degree of latitude and of longitude.
fn metres_per_degree(lat_deg: f64) -> (f64, f64) {
    let (sin, cos) = lat_deg.to_radians().sin_cos();
    let e2 = F * (2.0 - F);
    let w2 = 1.0 - e2 * sin * sin;
    let radian = std::f64::consts::PI / 180.0;
    (A_M * (1.0 - e2) / (w2 * w2.sqrt()) * radian, A_M / w2.sqrt() * cos * radian)
}

/// Distance of two points close to each other, metres.
pub fn distance_m(a: LonLat, b: LonLat) -> f64 {
    let (lat, lon) = metres_per_degree(0.5 * (a.lat_deg + b.lat_deg));
    ((b.lat_deg - a.lat_deg) * lat).hypot((b.lon_deg - a.lon_deg) * lon)
}

/// Length of a line, metres.
pub fn length_m(line: &[LonLat]) -> f64 {
    line.windows(2).map(|w| distance_m(w[0], w[1])).sum()
}

/// Distance of a point from a segment, metres, and the share of the segment at its foot.
fn distance_to_segment_m(p: LonLat, a: LonLat, b: LonLat) -> (f64, f64) {
    let (lat, lon) = metres_per_degree(p.lat_deg);
    let (ax, ay) = ((a.lon_deg - p.lon_deg) * lon, (a.lat_deg - p.lat_deg) * lat);
    let (dx, dy) = ((b.lon_deg - a.lon_deg) * lon, (b.lat_deg - a.lat_deg) * lat);
    let square = dx * dx + dy * dy;
    let share = if square > 0.0 { (-(ax * dx + ay * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
    ((ax + share * dx).hypot(ay + share * dy), share)
}

/// What a thing does to the nodes it stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// From one node to another along its shape; also switches that are drawn as lines or name two nodes.
    Branch,
    /// Drawn as a point, but carries current through: opens the node it stands at.
    Device,
    Transformer,
    /// Stands at one node.
    Shunt,
    Source,
    /// Names a node.
    Bus,
}

/// One piece of equipment as the topology sees it.
#[derive(Clone, Debug)]
pub struct Thing {
    pub role: Role,
    /// `class.id`, for findings.
    pub label: String,
    /// Short, for names of buses.
    pub id: String,
    /// Parts of a line, one point, or nothing.
    pub parts: Vec<Vec<LonLat>>,
    /// Names of nodes, where attributes give them; the second for branches and transformers.
    pub names: [Option<String>; 2],
    pub kv: [Option<f64>; 2],
    pub phases: Option<[bool; 3]>,
    pub feeder: Option<String>,
    /// Open devices and branches carry the trace only when nothing else does.
    pub closed: bool,
    /// The `id` of the transformer that feeds it.
    pub fed_by: Option<String>,
    pub source: SourceRef,
}

/// A piece of a branch between two buses.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    pub buses: [usize; 2],
    pub route: Vec<LonLat>,
    /// Length along the shape, metres; 0 without one.
    pub length_m: f64,
    /// Share of the whole thing's length.
    pub share: f64,
}

/// Where a thing came to stand.
#[derive(Clone, Debug, PartialEq)]
pub enum Joined {
    Branch(Vec<Section>),
    /// Devices and transformers: the buses of their two ends.
    Through([usize; 2]),
    At(usize),
    /// Nowhere: it has neither a place nor a node.
    Nowhere,
}

/// A bus that was found or named.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundBus {
    pub name: String,
    pub place: Option<LonLat>,
    /// Line to line, where what stands there tells it.
    pub kv: Option<f64>,
}

/// What came of joining.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    pub buses: Vec<FoundBus>,
    /// As many as things.
    pub joined: Vec<Joined>,
    /// Feeder of each thing: its own, or that of what feeds it.
    pub feeders: Vec<Option<String>>,
    pub diagnostics: Vec<Diagnostic>,
    /// Nodes made from coordinates.
    pub clusters: usize,
    /// Lines split between their ends.
    pub splits: usize,
}

/// How far apart what belongs together may be.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    pub same_m: f64,
    pub near_miss_m: f64,
    pub split_lines: bool,
}

/// Findings with a limit for each code.
#[derive(Default)]
struct Findings {
    listed: Vec<Diagnostic>,
    beyond: BTreeMap<String, (Diagnostic, usize)>,
    counts: HashMap<String, usize>,
}

impl Findings {
    fn push(&mut self, d: Diagnostic) {
        let n = self.counts.entry(d.code.clone()).or_insert(0);
        *n += 1;
        if *n <= LISTED {
            self.listed.push(d);
        } else {
            self.beyond.entry(d.code.clone()).or_insert((d, 0)).1 += 1;
        }
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        for (mut d, n) in self.beyond.into_values() {
            d.detail = Some(format!("{n} more of this kind are not listed one by one; this is the first of them."));
            self.listed.push(d);
        }
        self.listed
    }
}

fn find(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

fn unite(parent: &mut [usize], a: usize, b: usize) {
    let (a, b) = (find(parent, a), find(parent, b));
    // The earlier one leads, so that the outcome does not depend on the order of joining.
    if a != b {
        let (low, high) = (a.min(b), a.max(b));
        parent[high] = low;
    }
}

fn same_level(a: f64, b: f64) -> bool {
    (a - b).abs() <= SAME_LEVEL * a.abs().max(b.abs())
}

fn may_join(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same_level(a, b),
        _ => true,
    }
}

/// One straight piece of a branch, in a plane whose unit is about a metre.
struct Piece {
    thing: usize,
    run: usize,
    index: usize,
    low: [f64; 2],
    high: [f64; 2],
}

impl RTreeObject for Piece {
    type Envelope = AABB<[f64; 2]>;
    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.low, self.high)
    }
}

/// The plane in which neighbours are looked for.
struct Plane {
    lat: f64,
    lon: f64,
    /// How much longer a metre may look in the plane than on the ground.
    stretch: f64,
}

impl Plane {
    fn new(points: impl Iterator<Item = LonLat>) -> Plane {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for p in points {
            low = low.min(p.lat_deg);
            high = high.max(p.lat_deg);
        }
        if low > high {
            (low, high) = (0.0, 0.0);
        }
        let (lat, lon) = metres_per_degree(0.5 * (low + high));
        let narrowest = metres_per_degree(low).1.min(metres_per_degree(high).1).max(1.0);
        Plane { lat, lon: lon.max(1.0), stretch: (lon / narrowest).clamp(1.0, 1e3) * 1.02 }
    }

    fn xy(&self, p: LonLat) -> [f64; 2] {
        [p.lon_deg * self.lon, p.lat_deg * self.lat]
    }

    fn window(&self, p: LonLat, radius_m: f64) -> AABB<[f64; 2]> {
        let [x, y] = self.xy(p);
        let r = radius_m * self.stretch + 1e-6;
        AABB::from_corners([x - r, y - r], [x + r, y + r])
    }
}

/// A run of a branch: points without a gap.
#[derive(Clone, Debug)]
struct Run {
    thing: usize,
    points: Vec<LonLat>,
    /// Point numbers of its two ends.
    ends: [usize; 2],
    /// Distance along the run and the cluster joined there.
    splits: Vec<(f64, usize)>,
}

/// A point that takes part in clustering.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    thing: usize,
    at: LonLat,
}

/// One end of something at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Incidence {
    /// End 0 or 1 of section `1`.
    Section(usize, usize),
    /// End of a transformer.
    Transformer(usize, usize),
    Shunt(usize),
}

struct RawSection {
    thing: usize,
    nodes: [usize; 2],
    route: Vec<LonLat>,
    length_m: f64,
}

#[derive(Clone, Debug)]
struct Node {
    name: String,
    place: Option<LonLat>,
    kv: Option<f64>,
    /// Ends and shunts that stand here.
    incidences: Vec<Incidence>,
    devices: Vec<usize>,
    free: bool,
}

struct Builder<'a> {
    things: &'a [Thing],
    tolerance: Tolerance,
    findings: Findings,
    nodes: Vec<Node>,
    by_name: HashMap<String, usize>,
    used_names: HashSet<String>,
    sections: Vec<RawSection>,
    /// Nodes of transformers, devices (the first) and what stands at one.
    places: Vec<[Option<usize>; 2]>,
}

/// Joins things.
///
/// Cost: near-linear in the number of points of all shapes.
pub fn join(things: &[Thing], tolerance: Tolerance) -> Topology {
    let mut b = Builder {
        things,
        tolerance,
        findings: Findings::default(),
        nodes: Vec::new(),
        by_name: HashMap::new(),
        used_names: HashSet::new(),
        sections: Vec::new(),
        places: vec![[None; 2]; things.len()],
    };
    b.named();
    let (clusters, splits) = b.by_coordinates();
    b.incidences();
    b.dangling();
    let trace = b.trace();
    b.finish(&trace, clusters, splits)
}

impl Builder<'_> {
    fn node(&mut self, name: String, place: Option<LonLat>, kv: Option<f64>, free: bool) -> usize {
        self.used_names.insert(name.clone());
        self.nodes.push(Node { name, place, kv, incidences: Vec::new(), devices: Vec::new(), free });
        self.nodes.len() - 1
    }

    /// The node of a name that an attribute gives.
    fn named_node(&mut self, name: &str, place: Option<LonLat>, kv: Option<f64>) -> usize {
        let key = name.trim().to_lowercase();
        if let Some(&n) = self.by_name.get(&key) {
            let node = &mut self.nodes[n];
            node.place = node.place.or(place);
            node.kv = node.kv.or(kv);
            return n;
        }
        let n = self.node(key.clone(), place, kv, false);
        self.by_name.insert(key, n);
        n
    }

    /// Nodes that attributes name: buses first, whose places and voltages are their own.
    fn named(&mut self) {
        let things = self.things;
        for (i, t) in things.iter().enumerate().filter(|(_, t)| t.role == Role::Bus) {
            let place = t.parts.first().and_then(|p| p.first()).copied();
            let name = t.names[0].clone().unwrap_or_else(|| t.id.clone());
            if let Some(&first) = self.by_name.get(&name.trim().to_lowercase()) {
                let mut d = Diagnostic::warning("GIS.ID.DUPLICATE", format!("a second bus is called \"{name}\""))
                    .element(t.label.as_str())
                    .at(&t.source);
                d.place = place;
                self.findings.push(d.hint("Give each bus a name of its own; the second one was taken for the first."));
                self.places[i][0] = Some(first);
                continue;
            }
            let n = self.named_node(&name, place, t.kv[0]);
            self.places[i][0] = Some(n);
        }
        for (i, t) in things.iter().enumerate().filter(|(_, t)| t.role != Role::Bus) {
            for k in 0..2 {
                let Some(name) = t.names[k].as_deref().filter(|n| !n.trim().is_empty()) else { continue };
                let place = match (k, t.parts.first(), t.parts.last()) {
                    (0, Some(first), _) => first.first().copied(),
                    (_, _, Some(last)) => last.last().copied(),
                    _ => None,
                };
                let n = self.named_node(name, place, t.kv[k]);
                self.places[i][k] = Some(n);
            }
        }
    }

    fn by_coordinates(&mut self) -> (usize, usize) {
        let things = self.things;
        let plane = Plane::new(things.iter().flat_map(|t| t.parts.iter().flatten().copied()));
        let mut anchors: Vec<Anchor> = Vec::new();
        let mut runs: Vec<Run> = Vec::new();
        for (i, t) in things.iter().enumerate() {
            match t.role {
                Role::Branch => self.runs_of(i, &mut anchors, &mut runs),
                Role::Bus => {
                    if let Some(&at) = t.parts.first().and_then(|p| p.first()) {
                        anchors.push(Anchor { thing: i, at });
                    }
                }
                Role::Device | Role::Transformer | Role::Shunt | Role::Source => {
                    let placed = self.places[i][0].is_some() && (t.role != Role::Transformer || self.places[i][1].is_some());
                    if let Some(&at) = t.parts.first().and_then(|p| p.first())
                        && !placed
                        && t.fed_by.is_none()
                    {
                        anchors.push(Anchor { thing: i, at });
                    }
                }
            }
        }
        // Buses alone join nothing.
        if anchors.iter().all(|a| things[a.thing].role == Role::Bus)
            && runs.iter().all(|r| self.places[r.thing].iter().all(Option::is_some))
        {
            self.named_sections(&runs);
            return (0, 0);
        }
        let cluster_of = self.cluster(&anchors, &plane);
        let tree = RTree::bulk_load(pieces(&runs, &plane));
        let splits = if self.tolerance.split_lines { self.split(&anchors, &cluster_of, &mut runs, &tree, &plane) } else { 0 };
        self.crossings(&runs, &tree);
        let n = self.levels(&anchors, &cluster_of, &runs);
        self.near_misses(&anchors, &runs, &tree, &plane);
        (n, splits)
    }

    /// Brings the parts of a branch together, and lists its free ends.
    fn runs_of(&mut self, i: usize, anchors: &mut Vec<Anchor>, runs: &mut Vec<Run>) {
        let t = &self.things[i];
        let mut chains: Vec<Vec<LonLat>> = Vec::new();
        for part in t.parts.iter().filter(|p| p.len() >= 2) {
            let near = |a: LonLat, b: LonLat| distance_m(a, b) <= self.tolerance.same_m;
            match chains.last_mut() {
                Some(chain) if near(chain[chain.len() - 1], part[0]) => chain.extend_from_slice(&part[1..]),
                Some(chain) if near(chain[chain.len() - 1], part[part.len() - 1]) => chain.extend(part.iter().rev().skip(1)),
                _ => chains.push(part.clone()),
            }
        }
        if chains.len() > 1 {
            let d = Diagnostic::warning("GIS.LINE.MULTIPART", format!("its {} parts do not join", chains.len()));
            let d = d.element(t.label.as_str()).at(&t.source).place(chains[0][0]);
            self.findings.push(d.hint(
                "Each part was taken as a piece of the line between its own ends; join them in the map, or give each its own feature.",
            ));
        }
        let one = chains.len() == 1;
        for points in chains {
            let named = if one { [self.places[i][0], self.places[i][1]] } else { [None; 2] };
            let ends = [points[0], points[points.len() - 1]];
            let mut at = [usize::MAX; 2];
            for k in 0..2 {
                if named[k].is_none() {
                    at[k] = anchors.len();
                    anchors.push(Anchor { thing: i, at: ends[k] });
                }
            }
            runs.push(Run { thing: i, points, ends: at, splits: Vec::new() });
        }
    }

    /// Groups points closer than the tolerance. Returns for each anchor the first anchor of its group.
    fn cluster(&mut self, anchors: &[Anchor], plane: &Plane) -> Vec<usize> {
        let tolerance = self.tolerance.same_m;
        let cell = (tolerance * plane.stretch).max(1e-3);
        let mut cells: HashMap<(i64, i64), Vec<usize>> = HashMap::new();
        let key = |p: LonLat| {
            let [x, y] = plane.xy(p);
            ((x / cell).floor() as i64, (y / cell).floor() as i64)
        };
        let mut parent: Vec<usize> = (0..anchors.len()).collect();
        let mut exact: HashMap<(u64, u64), usize> = HashMap::new();
        for (i, a) in anchors.iter().enumerate() {
            // Points at the very same coordinates, of which there may be any number, count once.
            let bits = (a.at.lon_deg.to_bits(), a.at.lat_deg.to_bits());
            if let Some(&first) = exact.get(&bits) {
                unite(&mut parent, first, i);
                continue;
            }
            exact.insert(bits, i);
            let (cx, cy) = key(a.at);
            for dx in -1..=1 {
                for dy in -1..=1 {
                    for &other in cells.get(&(cx.saturating_add(dx), cy.saturating_add(dy))).into_iter().flatten() {
                        if distance_m(a.at, anchors[other].at) <= tolerance {
                            unite(&mut parent, other, i);
                        }
                    }
                }
            }
            cells.entry((cx, cy)).or_default().push(i);
        }
        let roots: Vec<usize> = (0..anchors.len()).map(|i| find(&mut parent, i)).collect();
        // Points may be joined in a chain, each near the next: what is spread wide is told.
        let mut told = HashSet::new();
        for (i, &root) in roots.iter().enumerate() {
            let apart = distance_m(anchors[i].at, anchors[root].at);
            if apart > 2.0 * tolerance.max(1e-3) && told.insert(root) {
                let t = &self.things[anchors[i].thing];
                let d = Diagnostic::warning("GIS.NODE.SPREAD", format!("points {apart:.2} m apart were joined in a chain of near points"));
                let d = d.element(t.label.as_str()).at(&t.source).place(anchors[i].at);
                self.findings.push(d.hint("The tolerance is too wide for this map: make connectivity.tolerance_m smaller."));
            }
        }
        roots
    }

    /// Splits runs where a free end or a point of another thing lies upon them. Returns the number of splits.
    fn split(&mut self, anchors: &[Anchor], cluster_of: &[usize], runs: &mut [Run], tree: &RTree<Piece>, plane: &Plane) -> usize {
        let tolerance = self.tolerance.same_m;
        let mut splits: Vec<(usize, f64, usize)> = Vec::new();
        let mut seen: HashSet<(usize, usize)> = HashSet::new();
        for (i, a) in anchors.iter().enumerate() {
            let t = &self.things[a.thing];
            if t.role == Role::Bus {
                continue;
            }
            let cluster = cluster_of[i];
            for piece in tree.locate_in_envelope_intersecting(plane.window(a.at, tolerance)) {
                let run = &runs[piece.run];
                if run.thing == a.thing || seen.contains(&(piece.run, cluster)) {
                    continue;
                }
                let other = &self.things[run.thing];
                let fits = may_join(t.kv[0], other.kv[0]) || (t.role == Role::Transformer && may_join(t.kv[1], other.kv[0]));
                if !fits {
                    continue;
                }
                let (p, q) = (run.points[piece.index], run.points[piece.index + 1]);
                let (distance, share) = distance_to_segment_m(a.at, p, q);
                if distance > tolerance {
                    continue;
                }
                // At an end of the run it is joined already, or joins it there.
                let ends = [run.points[0], run.points[run.points.len() - 1]];
                if ends.iter().any(|&e| distance_m(e, a.at) <= tolerance) {
                    continue;
                }
                let already = run.ends.iter().any(|&e| e != usize::MAX && cluster_of[e] == cluster);
                if already {
                    continue;
                }
                seen.insert((piece.run, cluster));
                let before: f64 = run.points[..=piece.index].windows(2).map(|w| distance_m(w[0], w[1])).sum();
                splits.push((piece.run, before + share * distance_m(p, q), cluster));
            }
        }
        splits.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        let n = splits.len();
        for (run, at, cluster) in splits {
            runs[run].splits.push((at, cluster));
        }
        n
    }

    /// Lines of one level that cross between their ends without a node.
    fn crossings(&mut self, runs: &[Run], tree: &RTree<Piece>) {
        let mut told: HashSet<(usize, usize)> = HashSet::new();
        for piece in tree {
            for other in tree.locate_in_envelope_intersecting(piece.envelope()) {
                if (other.run, other.index) <= (piece.run, piece.index) || other.thing == piece.thing {
                    continue;
                }
                let (a, b) = (&runs[piece.run], &runs[other.run]);
                let (t, u) = (&self.things[a.thing], &self.things[b.thing]);
                let pair = (a.thing.min(b.thing), a.thing.max(b.thing));
                if !may_join(t.kv[0], u.kv[0]) || told.contains(&pair) {
                    continue;
                }
                let Some(place) =
                    intersection(a.points[piece.index], a.points[piece.index + 1], b.points[other.index], b.points[other.index + 1])
                else {
                    continue;
                };
                // A node nearby is a connection, not a crossing.
                let near = |run: &Run| {
                    let ends = [run.points[0], run.points[run.points.len() - 1]];
                    ends.iter().any(|&e| distance_m(e, place) <= 2.0 * self.tolerance.same_m.max(0.01))
                        || run
                            .splits
                            .iter()
                            .any(|&(at, _)| distance_m(point_along(&run.points, at), place) <= 2.0 * self.tolerance.same_m.max(0.01))
                };
                if near(a) || near(b) {
                    continue;
                }
                told.insert(pair);
                let d = Diagnostic::note("GIS.LINE.CROSSING", format!("it crosses {} without a node", u.label));
                let d = d.element(t.label.as_str()).at(&t.source).place(place);
                self.findings.push(d.hint("Nothing joins them there; if they are joined, let one end at the other."));
            }
        }
    }

    /// Voltage levels within clusters become nodes; runs become sections between them.
    fn levels(&mut self, anchors: &[Anchor], cluster_of: &[usize], runs: &[Run]) -> usize {
        let things = self.things;
        #[derive(Default)]
        struct Cluster {
            buses: Vec<usize>,
            /// Voltages known of what stands there, highest first.
            kv: Vec<f64>,
            place: Option<LonLat>,
            used: bool,
        }
        let mut clusters: HashMap<usize, Cluster> = HashMap::new();
        let add_level = |c: &mut Cluster, kv: Option<f64>| {
            if let Some(kv) = kv.filter(|v| *v > 0.0)
                && !c.kv.iter().any(|&k| same_level(k, kv))
            {
                c.kv.push(kv);
            }
        };
        for (i, a) in anchors.iter().enumerate() {
            let t = &things[a.thing];
            let c = clusters.entry(cluster_of[i]).or_default();
            c.place.get_or_insert(a.at);
            match t.role {
                Role::Bus => c.buses.push(a.thing),
                Role::Transformer => {
                    c.used = true;
                    add_level(c, t.kv[0]);
                }
                _ => {
                    c.used = true;
                    add_level(c, t.kv[0]);
                }
            }
        }
        for run in runs {
            for &(_, cluster) in &run.splits {
                add_level(clusters.entry(cluster).or_default(), things[run.thing].kv[0]);
            }
        }
        let mut made: HashMap<(usize, usize), usize> = HashMap::new();
        let mut order: Vec<usize> = clusters.iter().filter(|(_, c)| c.used).map(|(&k, _)| k).collect();
        order.sort_unstable();
        for &key in &order {
            let Some(c) = clusters.get_mut(&key) else { continue };
            c.kv.sort_by(|a, b| b.total_cmp(a));
            let place = c.place.unwrap_or(LonLat::new(0.0, 0.0));
            let levels: Vec<Option<f64>> = if c.kv.is_empty() { vec![None] } else { c.kv.iter().copied().map(Some).collect() };
            let several = levels.len() > 1;
            let (buses, levels_of) = (c.buses.clone(), levels);
            for (k, kv) in levels_of.into_iter().enumerate() {
                // A bus of the map that stands here and fits gives its name.
                let fitting: Vec<usize> = buses.iter().copied().filter(|&b| may_join(things[b].kv[0], kv)).collect();
                let bus = fitting.first().and_then(|&b| self.places[b][0]);
                if fitting.len() > 1 {
                    let t = &things[fitting[1]];
                    let d = Diagnostic::warning("GIS.NODE.BUSES", format!("{} buses stand at one place", fitting.len()));
                    let d = d.element(t.label.as_str()).at(&t.source).place(place);
                    self.findings.push(d.hint("What ends there was joined to the first of them; give lines the names of their buses."));
                }
                let node = match bus {
                    Some(n) => n,
                    None => {
                        let name = self.free_name(place, if several { kv } else { None });
                        self.node(name, Some(place), kv, true)
                    }
                };
                self.nodes[node].kv = self.nodes[node].kv.or(kv);
                made.insert((key, k), node);
            }
        }
        // The node of a voltage within a cluster.
        let pick = |clusters: &HashMap<usize, Cluster>, key: usize, kv: Option<f64>, lowest: bool| -> Option<usize> {
            let c = clusters.get(&key)?;
            let k = match kv.and_then(|kv| c.kv.iter().position(|&k| same_level(k, kv))) {
                Some(k) => k,
                None if lowest => c.kv.len().saturating_sub(1),
                None => 0,
            };
            made.get(&(key, k)).copied()
        };
        let mut unknown_levels = Vec::new();
        for (i, a) in anchors.iter().enumerate() {
            let t = &things[a.thing];
            let several = clusters.get(&cluster_of[i]).is_some_and(|c| c.kv.len() > 1);
            match t.role {
                Role::Bus | Role::Branch => {}
                Role::Transformer => {
                    if self.places[a.thing][0].is_none() {
                        self.places[a.thing][0] = pick(&clusters, cluster_of[i], t.kv[0], false);
                    }
                    if self.places[a.thing][1].is_none() {
                        // The other side: a level of its voltage if lines of it end here, else its own bus (made later).
                        let c = clusters.get(&cluster_of[i]);
                        let first = self.places[a.thing][0];
                        let level = t.kv[1].and_then(|kv| c?.kv.iter().position(|&k| same_level(k, kv)));
                        self.places[a.thing][1] = level.and_then(|k| made.get(&(cluster_of[i], k)).copied()).filter(|&n| Some(n) != first);
                    }
                }
                _ => {
                    let consumer = t.role == Role::Shunt;
                    if several && t.kv[0].is_none() {
                        unknown_levels.push((a.thing, a.at));
                    }
                    if self.places[a.thing][0].is_none() {
                        self.places[a.thing][0] = pick(&clusters, cluster_of[i], t.kv[0], consumer);
                    }
                }
            }
        }
        for run in runs {
            let t = &things[run.thing];
            let total = length_m(&run.points);
            let mut marks: Vec<(f64, Option<usize>)> = Vec::with_capacity(run.splits.len() + 2);
            for k in 0..2 {
                let node = match run.ends[k] {
                    usize::MAX => self.places[run.thing][k],
                    anchor => {
                        if t.kv[0].is_none() && clusters.get(&cluster_of[anchor]).is_some_and(|c| c.kv.len() > 1) {
                            unknown_levels.push((run.thing, anchors[anchor].at));
                        }
                        pick(&clusters, cluster_of[anchor], t.kv[0], false)
                    }
                };
                marks.push((if k == 0 { 0.0 } else { total }, node));
            }
            let splits = run.splits.iter().map(|&(at, cluster)| (at, pick(&clusters, cluster, t.kv[0], false)));
            marks.splice(1..1, splits);
            for w in marks.windows(2) {
                let (Some(a), Some(b)) = (w[0].1, w[1].1) else { continue };
                let route = cut(&run.points, w[0].0, w[1].0);
                self.sections.push(RawSection { thing: run.thing, nodes: [a, b], length_m: length_m(&route), route });
            }
        }
        for (thing, at) in unknown_levels {
            let t = &things[thing];
            let d = Diagnostic::warning("GIS.NODE.VOLTAGE_UNKNOWN", "several voltages meet where it stands, and its own is not told");
            let d = d.element(t.label.as_str()).at(&t.source).place(at);
            self.findings.push(d.hint("Map its voltage, or give the names of its nodes."));
        }
        // Things without a shape that name both nodes.
        self.shapeless();
        order.len()
    }

    /// Sections of runs all of whose ends attributes name.
    fn named_sections(&mut self, runs: &[Run]) {
        for run in runs {
            if let [Some(a), Some(b)] = self.places[run.thing] {
                let total = length_m(&run.points);
                self.sections.push(RawSection { thing: run.thing, nodes: [a, b], route: run.points.clone(), length_m: total });
            }
        }
        self.shapeless();
    }

    fn shapeless(&mut self) {
        let drawn: HashSet<usize> = self.sections.iter().map(|s| s.thing).collect();
        for (i, t) in self.things.iter().enumerate() {
            if t.role == Role::Branch
                && !drawn.contains(&i)
                && let [Some(a), Some(b)] = self.places[i]
            {
                self.sections.push(RawSection { thing: i, nodes: [a, b], route: Vec::new(), length_m: 0.0 });
            }
        }
        self.sections.sort_by_key(|s| s.thing);
    }

    fn free_name(&self, place: LonLat, kv: Option<f64>) -> String {
        // Millionths of a degree are about a tenth of a metre; the name stays when the map is delivered again.
        let degrees = |v: f64| format!("{:.6}", v.abs()).replace('.', "");
        let side = |v: f64, plus: char, minus: char| if v < 0.0 { minus } else { plus };
        let mut name = format!(
            "{}{}{}{}",
            side(place.lon_deg, 'e', 'w'),
            degrees(place.lon_deg),
            side(place.lat_deg, 'n', 's'),
            degrees(place.lat_deg)
        );
        if let Some(kv) = kv {
            name.push_str(&format!("_{}v", (kv * 1000.0).round()));
        }
        let mut n = 2;
        let base = name.clone();
        while self.used_names.contains(&name) {
            name = format!("{base}_{n}");
            n += 1;
        }
        name
    }

    /// Gives transformers their second bus and what they feed its node, and lists what stands at each node.
    fn incidences(&mut self) {
        let things = self.things;
        let mut secondary: HashMap<String, usize> = HashMap::new();
        for (i, t) in things.iter().enumerate().filter(|(_, t)| t.role == Role::Transformer) {
            if self.places[i][0].is_some() && self.places[i][1].is_none() {
                let place = t.parts.first().and_then(|p| p.first()).copied();
                let mut name = format!("{}_2", t.id.trim().to_lowercase());
                let mut n = 2;
                while self.used_names.contains(&name) {
                    n += 1;
                    name = format!("{}_{n}", t.id.trim().to_lowercase());
                }
                let node = self.node(name, place, t.kv[1], false);
                self.places[i][1] = Some(node);
            }
            if let Some(node) = self.places[i][1] {
                secondary.insert(t.id.trim().to_lowercase(), node);
            }
        }
        for (i, t) in things.iter().enumerate() {
            if matches!(t.role, Role::Shunt | Role::Source)
                && self.places[i][0].is_none()
                && let Some(by) = &t.fed_by
            {
                self.places[i][0] = secondary.get(&by.trim().to_lowercase()).copied();
                if self.places[i][0].is_none() {
                    let mut d =
                        Diagnostic::warning("GIS.LOAD.TRANSFORMER_UNKNOWN", format!("no transformer is called \"{}\"", shorten(by)));
                    d.place = t.parts.first().and_then(|p| p.first()).copied();
                    let d = d.element(t.label.as_str()).at(&t.source);
                    self.findings.push(d.hint("Correct the id of its transformer, or add the transformer; it is joined to nothing."));
                }
            }
        }
        for (k, s) in self.sections.iter().enumerate() {
            for end in 0..2 {
                self.nodes[s.nodes[end]].incidences.push(Incidence::Section(k, end));
            }
        }
        for (i, t) in things.iter().enumerate() {
            match t.role {
                Role::Transformer => {
                    for k in 0..2 {
                        if let Some(n) = self.places[i][k] {
                            self.nodes[n].incidences.push(Incidence::Transformer(i, k));
                        }
                    }
                }
                Role::Device => {
                    if let Some(n) = self.places[i][0] {
                        self.nodes[n].devices.push(i);
                    }
                }
                Role::Shunt | Role::Source => {
                    if let Some(n) = self.places[i][0] {
                        self.nodes[n].incidences.push(Incidence::Shunt(i));
                    }
                }
                Role::Branch | Role::Bus => {}
            }
        }
    }

    /// Free ends at which nothing else stands, lines of no length, and lines drawn twice.
    fn dangling(&mut self) {
        let mut twice: HashMap<([usize; 2], i64, i64, i64), usize> = HashMap::new();
        for k in 0..self.sections.len() {
            let s = &self.sections[k];
            let t = &self.things[s.thing];
            if !s.route.is_empty() && s.nodes[0] == s.nodes[1] {
                let mut d =
                    Diagnostic::warning("GIS.LINE.ZERO_LENGTH", format!("both of its ends are one place; it is {:.3} m long", s.length_m));
                d.place = s.route.first().copied();
                let d = d.element(t.label.as_str()).at(&t.source);
                self.findings.push(d.hint("It was left out; correct its shape, or make the tolerance smaller."));
            }
            if s.route.len() >= 2 {
                let mut nodes = s.nodes;
                nodes.sort_unstable();
                let middle = point_along(&s.route, 0.5 * s.length_m);
                let cell = |v: f64| (v * 1e6).round() as i64;
                let key = (nodes, (s.length_m * 10.0).round() as i64, cell(middle.lon_deg), cell(middle.lat_deg));
                if let Some(&first) = twice.get(&key) {
                    let other = &self.things[self.sections[first].thing];
                    let same = other.phases == t.phases && may_join(other.kv[0], t.kv[0]) && other.role == t.role;
                    if same && self.sections[first].thing != s.thing {
                        let d =
                            Diagnostic::warning("GIS.LINE.DUPLICATE", format!("it has the course, phases and voltage of {}", other.label));
                        let d = d.element(t.label.as_str()).at(&t.source).place(middle);
                        self.findings.push(d.hint("Both are kept, which halves the impedance; remove one if it was drawn twice."));
                    }
                } else {
                    twice.insert(key, k);
                }
            }
            for end in 0..2 {
                let s = &self.sections[k];
                let node = &self.nodes[s.nodes[end]];
                if node.incidences.len() == 1 && node.free {
                    let t = &self.things[s.thing];
                    let mut d = Diagnostic::note("GIS.LINE.DANGLING", "nothing else stands at one of its ends");
                    d.place = node.place;
                    let d = d.element(t.label.as_str()).at(&t.source);
                    self.findings.push(d.hint("It ends there, or what it should meet is farther than the tolerance."));
                }
            }
        }
    }

    /// Dangling ends with a neighbour just beyond the tolerance.
    fn near_misses(&mut self, anchors: &[Anchor], runs: &[Run], tree: &RTree<Piece>, plane: &Plane) {
        let (same, near) = (self.tolerance.same_m, self.tolerance.near_miss_m);
        if near <= same {
            return;
        }
        let mut at_node: HashMap<usize, u32> = HashMap::new();
        for s in &self.sections {
            for n in s.nodes {
                *at_node.entry(n).or_insert(0) += 1;
            }
        }
        for (i, t) in self.things.iter().enumerate() {
            if !matches!(t.role, Role::Branch | Role::Bus) {
                for n in self.places[i].into_iter().flatten() {
                    *at_node.entry(n).or_insert(0) += 1;
                }
            }
        }
        let mut ends: HashMap<usize, Vec<usize>> = HashMap::new();
        for (k, s) in self.sections.iter().enumerate() {
            ends.entry(s.thing).or_default().push(k);
        }
        for run in runs {
            for k in 0..2 {
                let anchor = run.ends[k];
                if anchor == usize::MAX {
                    continue;
                }
                let at = anchors[anchor].at;
                // The section of the run that ends here.
                let sections = ends.get(&run.thing).map_or(&[][..], Vec::as_slice);
                let node = sections
                    .iter()
                    .flat_map(|&s| self.sections[s].nodes)
                    .find(|&n| self.nodes[n].place.is_some_and(|p| distance_m(p, at) <= same.max(1e-3)));
                let Some(node) = node else { continue };
                if at_node.get(&node).copied().unwrap_or(0) > 1 {
                    continue;
                }
                let kv = self.things[run.thing].kv[0];
                let mut best: Option<(f64, usize)> = None;
                for piece in tree.locate_in_envelope_intersecting(plane.window(at, near)) {
                    let other = &runs[piece.run];
                    if other.thing == run.thing || !may_join(kv, self.things[other.thing].kv[0]) {
                        continue;
                    }
                    let (d, _) = distance_to_segment_m(at, other.points[piece.index], other.points[piece.index + 1]);
                    if d > same && d <= near && best.is_none_or(|(b, _)| d < b) {
                        best = Some((d, other.thing));
                    }
                }
                if let Some((d, other)) = best {
                    let t = &self.things[run.thing];
                    let text = format!("its end misses {} by {d:.2} m", self.things[other].label);
                    let d = Diagnostic::warning("GIS.LINE.NEAR_MISS", text).element(t.label.as_str()).at(&t.source).place(at);
                    self.findings.push(d.hint(format!("The tolerance is {same} m: widen it, or move the end, if they are joined.")));
                }
            }
        }
    }

    /// Walks from the sources: first through what is closed, then through what is open.
    fn trace(&mut self) -> Trace {
        let mut trace = Trace {
            parent: vec![None; self.nodes.len()],
            reached: vec![false; self.nodes.len()],
            against: Vec::new(),
            feeder: vec![None; self.nodes.len()],
            feeder_of: self.things.iter().map(|t| t.feeder.clone()).collect(),
        };
        let mut phases: Vec<[bool; 3]> = vec![[false; 3]; self.nodes.len()];
        let mut queue: VecDeque<usize> = VecDeque::new();
        let mut distinct: Vec<Option<String>> = vec![None; self.nodes.len()];
        for (i, t) in self.things.iter().enumerate().filter(|(_, t)| t.role == Role::Source) {
            if let Some(n) = self.places[i][0] {
                if !trace.reached[n] {
                    queue.push_back(n);
                }
                trace.reached[n] = true;
                trace.parent[n] = Some(Incidence::Shunt(i));
                trace.feeder[n] = t.feeder.clone();
                let own = t.phases.unwrap_or([true; 3]);
                for p in 0..3 {
                    phases[n][p] |= own[p];
                }
            }
        }
        // What is open waits until everything that closed ways reach is reached.
        let mut open: VecDeque<(usize, usize)> = VecDeque::new();
        loop {
            let (n, only) = match queue.pop_front() {
                Some(n) => (n, None),
                None => match open.pop_front() {
                    Some((n, k)) => (n, Some(k)),
                    None => break,
                },
            };
            let passes = self.nodes[n].devices.iter().all(|&d| self.things[d].closed);
            let range = only.map_or(0..self.nodes[n].incidences.len(), |k| k..k + 1);
            for k in range {
                let (thing, other, far) = match self.nodes[n].incidences[k] {
                    Incidence::Section(s, end) => {
                        let raw = &self.sections[s];
                        (raw.thing, raw.nodes[1 - end], Incidence::Section(s, 1 - end))
                    }
                    Incidence::Transformer(i, end) => match self.places[i][1 - end] {
                        Some(other) => (i, other, Incidence::Transformer(i, 1 - end)),
                        None => continue,
                    },
                    Incidence::Shunt(i) => {
                        if let Some(p) = self.things[i].phases {
                            self.check_phases(i, p, phases[n], self.nodes[n].place);
                        }
                        if trace.feeder_of[i].is_none() {
                            trace.feeder_of[i].clone_from(&trace.feeder[n]);
                        }
                        continue;
                    }
                };
                let t = &self.things[thing];
                let closed = t.closed && passes;
                if trace.reached[other] {
                    continue;
                }
                if !closed && only.is_none() {
                    open.push_back((n, k));
                    continue;
                }
                trace.reached[other] = true;
                trace.parent[other] = Some(far);
                let own = t.phases.unwrap_or(phases[n]);
                if t.phases.is_some() {
                    self.check_phases(thing, own, phases[n], self.nodes[n].place);
                }
                let t = &self.things[thing];
                phases[other] = std::array::from_fn(|p| own[p] && phases[n][p]);
                match (&t.feeder, &distinct[n]) {
                    (Some(own), Some(before)) if own != before && closed && t.role != Role::Transformer => {
                        let text = format!("it belongs to feeder \"{own}\" but is fed from \"{before}\"");
                        let mut d = Diagnostic::warning("GIS.FEEDER.MIXED", text).element(t.label.as_str()).at(&t.source);
                        d.place = self.nodes[n].place;
                        let hint = "A switch between the feeders is missing or closed, or the feeder of one of them is wrong.";
                        self.findings.push(d.hint(hint));
                    }
                    _ => {}
                }
                // Behind a transformer another grid begins, whose feeders have names of their own.
                distinct[other] = if t.role == Role::Transformer { None } else { t.feeder.clone().or_else(|| distinct[n].clone()) };
                trace.feeder[other] = t.feeder.clone().or_else(|| trace.feeder[n].clone());
                if trace.feeder_of[thing].is_none() {
                    trace.feeder_of[thing].clone_from(&trace.feeder[n]);
                }
                if let Incidence::Section(s, 0) = far
                    && self.sections[s].route.len() >= 2
                {
                    trace.against.push(s);
                }
                queue.push_back(other);
            }
            for d in self.nodes[n].devices.clone() {
                if trace.feeder_of[d].is_none() {
                    trace.feeder_of[d].clone_from(&trace.feeder[n]);
                }
            }
        }
        for &s in &trace.against {
            let raw = &self.sections[s];
            let t = &self.things[raw.thing];
            let mut d = Diagnostic::note("GIS.LINE.AGAINST_FLOW", "it is drawn from its far end towards the supply");
            d.place = raw.route.first().copied();
            self.findings.push(d.element(t.label.as_str()).at(&t.source));
        }
        self.unreachable(&trace);
        trace
    }

    fn check_phases(&mut self, thing: usize, own: [bool; 3], there: [bool; 3], place: Option<LonLat>) {
        if (0..3).any(|p| own[p] && !there[p]) {
            let t = &self.things[thing];
            let text = format!("it has phases {} where only {} arrive", phase_letters(own), phase_letters(there));
            let mut d = Diagnostic::warning("GIS.PHASE.DISCONTINUOUS", text).element(t.label.as_str()).at(&t.source);
            d.place = place;
            self.findings.push(d.hint("Correct its phases, or those of what feeds it; the missing phase is dead from here on."));
        }
    }

    /// Groups of nodes that no source reaches, even with everything closed.
    fn unreachable(&mut self, trace: &Trace) {
        if !trace.reached.iter().any(|r| *r) {
            return;
        }
        let mut seen = trace.reached.clone();
        for start in 0..self.nodes.len() {
            if seen[start] || self.nodes[start].incidences.is_empty() {
                continue;
            }
            let (mut nodes, mut branches) = (0usize, HashSet::new());
            let mut stack = vec![start];
            seen[start] = true;
            let mut first: Option<usize> = None;
            while let Some(n) = stack.pop() {
                nodes += 1;
                for &incidence in &self.nodes[n].incidences {
                    let (thing, others) = match incidence {
                        Incidence::Section(s, _) => (self.sections[s].thing, self.sections[s].nodes.map(Some)),
                        Incidence::Transformer(i, _) => (i, self.places[i]),
                        Incidence::Shunt(i) => (i, [None; 2]),
                    };
                    first.get_or_insert(thing);
                    branches.insert(thing);
                    for other in others.into_iter().flatten() {
                        if !seen[other] {
                            seen[other] = true;
                            stack.push(other);
                        }
                    }
                }
            }
            let Some(first) = first else { continue };
            let t = &self.things[first];
            let text = format!("a part of {} elements at {nodes} buses has no way to a source", branches.len());
            let mut d = Diagnostic::warning("GIS.PART.UNREACHABLE", text).element(t.label.as_str()).at(&t.source);
            d.place = self.nodes[start].place;
            self.findings.push(
                d.detail(format!("{} is one of them.", t.label)).hint("Join it where its ends miss their neighbours, or tell its source."),
            );
        }
    }

    /// Opens nodes at their devices, and says where everything stands.
    fn finish(mut self, trace: &Trace, clusters: usize, splits: usize) -> Topology {
        let things = self.things;
        // The bus of each end: that of its node, unless a device stands between.
        let mut bus_of: HashMap<Incidence, usize> = HashMap::new();
        let mut device_buses: HashMap<usize, [usize; 2]> = HashMap::new();
        for n in 0..self.nodes.len() {
            if self.nodes[n].devices.is_empty() {
                continue;
            }
            let node = self.nodes[n].clone();
            let ends: Vec<Incidence> = node.incidences.clone();
            let upstream: Option<Incidence> = trace.parent[n].filter(|p| ends.contains(p));
            let up = match upstream {
                Some(up) => Some(up),
                // Nothing feeds it: with two ends it stands between them, with more nobody knows.
                None => ends.iter().copied().find(|e| !matches!(e, Incidence::Shunt(_))).or_else(|| ends.first().copied()),
            };
            let d0 = &things[node.devices[0]];
            if ends.len() < 2 {
                let mut d = Diagnostic::warning("GIS.DEVICE.NOT_BETWEEN", "fewer than two ends meet where it stands");
                d.place = node.place;
                let d = d.element(d0.label.as_str()).at(&d0.source);
                self.findings.push(d.hint("It connects nothing; move it onto the line that it opens."));
            } else if upstream.is_none() && ends.len() > 2 {
                let mut d = Diagnostic::warning(
                    "GIS.DEVICE.SIDE_UNKNOWN",
                    format!("{} ends meet where it stands, and none leads to a source", ends.len()),
                );
                d.place = node.place;
                let d = d.element(d0.label.as_str()).at(&d0.source);
                self.findings.push(d.hint("The first of them was taken as one side and the rest as the other; name its nodes."));
            }
            let mut before = n;
            for &device in &node.devices {
                let base = format!("{}_{}", node.name, things[device].id.trim().to_lowercase());
                let mut name = base.clone();
                let mut k = 2;
                while self.used_names.contains(&name) {
                    name = format!("{base}_{k}");
                    k += 1;
                }
                let after = self.node(name, node.place, node.kv, false);
                device_buses.insert(device, [before, after]);
                before = after;
            }
            for &e in &ends {
                if Some(e) != up {
                    bus_of.insert(e, before);
                }
            }
        }
        let mut joined = Vec::with_capacity(things.len());
        let mut by_thing: HashMap<usize, Vec<usize>> = HashMap::new();
        for (k, s) in self.sections.iter().enumerate() {
            by_thing.entry(s.thing).or_default().push(k);
        }
        for (i, t) in things.iter().enumerate() {
            let at = |e: Incidence, node: Option<usize>| bus_of.get(&e).copied().or(node);
            joined.push(match t.role {
                Role::Branch => match by_thing.get(&i) {
                    None => Joined::Nowhere,
                    Some(sections) => {
                        let total: f64 = sections.iter().map(|&k| self.sections[k].length_m).sum();
                        Joined::Branch(
                            sections
                                .iter()
                                .map(|&k| {
                                    let s = &self.sections[k];
                                    let bus = |end: usize| bus_of.get(&Incidence::Section(k, end)).copied().unwrap_or(s.nodes[end]);
                                    let share = if total > 0.0 { s.length_m / total } else { 1.0 / sections.len() as f64 };
                                    Section { buses: [bus(0), bus(1)], route: s.route.clone(), length_m: s.length_m, share }
                                })
                                .collect(),
                        )
                    }
                },
                Role::Device => device_buses.get(&i).map_or(Joined::Nowhere, |b| Joined::Through(*b)),
                Role::Transformer => {
                    let ends = [0, 1].map(|k| at(Incidence::Transformer(i, k), self.places[i][k]));
                    match ends {
                        [Some(a), Some(b)] => Joined::Through([a, b]),
                        _ => Joined::Nowhere,
                    }
                }
                Role::Shunt | Role::Source => at(Incidence::Shunt(i), self.places[i][0]).map_or(Joined::Nowhere, Joined::At),
                Role::Bus => self.places[i][0].map_or(Joined::Nowhere, Joined::At),
            });
        }
        let buses = self.nodes.into_iter().map(|n| FoundBus { name: n.name, place: n.place, kv: n.kv }).collect();
        Topology { buses, joined, feeders: trace.feeder_of.clone(), diagnostics: self.findings.finish(), clusters, splits }
    }
}

struct Trace {
    /// The end by which a node was reached.
    parent: Vec<Option<Incidence>>,
    reached: Vec<bool>,
    /// Sections walked from their second end to their first.
    against: Vec<usize>,
    feeder: Vec<Option<String>>,
    feeder_of: Vec<Option<String>>,
}

/// Letters of phases, for findings.
pub fn phase_letters(phases: [bool; 3]) -> String {
    let text: String = ['A', 'B', 'C'].into_iter().zip(phases).filter(|(_, p)| *p).map(|(c, _)| c).collect();
    if text.is_empty() { "none".to_owned() } else { text }
}

fn pieces(runs: &[Run], plane: &Plane) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (r, run) in runs.iter().enumerate() {
        for (index, w) in run.points.windows(2).enumerate() {
            let (a, b) = (plane.xy(w[0]), plane.xy(w[1]));
            let (low, high) = ([a[0].min(b[0]), a[1].min(b[1])], [a[0].max(b[0]), a[1].max(b[1])]);
            pieces.push(Piece { thing: run.thing, run: r, index, low, high });
        }
    }
    pieces
}

/// Where two segments cross within both, if they do.
fn intersection(a: LonLat, b: LonLat, c: LonLat, d: LonLat) -> Option<LonLat> {
    let (rx, ry) = (b.lon_deg - a.lon_deg, b.lat_deg - a.lat_deg);
    let (sx, sy) = (d.lon_deg - c.lon_deg, d.lat_deg - c.lat_deg);
    let cross = rx * sy - ry * sx;
    if cross == 0.0 {
        return None;
    }
    let (qx, qy) = (c.lon_deg - a.lon_deg, c.lat_deg - a.lat_deg);
    let t = (qx * sy - qy * sx) / cross;
    let u = (qx * ry - qy * rx) / cross;
    ((0.0..=1.0).contains(&t) && (0.0..=1.0).contains(&u)).then(|| LonLat::new(a.lon_deg + t * rx, a.lat_deg + t * ry))
}

/// The point `at` metres along a line.
fn point_along(line: &[LonLat], at: f64) -> LonLat {
    let mut passed = 0.0;
    for w in line.windows(2) {
        let d = distance_m(w[0], w[1]);
        if passed + d >= at && d > 0.0 {
            let s = ((at - passed) / d).clamp(0.0, 1.0);
            return LonLat::new(w[0].lon_deg + s * (w[1].lon_deg - w[0].lon_deg), w[0].lat_deg + s * (w[1].lat_deg - w[0].lat_deg));
        }
        passed += d;
    }
    line.last().copied().unwrap_or(LonLat::new(0.0, 0.0))
}

/// The part of a line between two distances along it.
fn cut(line: &[LonLat], from: f64, to: f64) -> Vec<LonLat> {
    let total = length_m(line);
    if from <= 0.0 && to >= total {
        return line.to_vec();
    }
    let mut part = vec![point_along(line, from)];
    let mut passed = 0.0;
    for w in line.windows(2) {
        passed += distance_m(w[0], w[1]);
        if passed > from && passed < to {
            part.push(w[1]);
        }
    }
    part.push(point_along(line, to));
    part
}
