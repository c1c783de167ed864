//! Where buses are drawn: places on the ground where the model has them, its own drawing where it has one, and otherwise a tree.
//!
//! [`layout`] gives every bus a longitude and a latitude and says what kind they are ([`Placement`]):
//!
//! * *geographic*: the model's latitude and longitude, or coordinates that are degrees by their size and by the lengths of its lines;
//! * *schematic*: coordinates of the model that are no degrees, in their own shape, on a made-up map around 0°, 0°;
//! * *automatic*: a tree from each source, left to right, on the same made-up map.
//!
//! Buses without coordinates among others that have them lie between those along the links, or beside the one they hang on.
//!
//! # The tree
//! A bus stands in the column of its number of links from the root. The subtree with the most buses continues straight on, the others are
//! laid alternately above and below it, each as near as the columns that they share allow (Reingold and Tilford's contours). As the order
//! of subtrees is the same in every column, no two links of a tree cross. Loops are closed by straight lines.

use crate::graph::{Graph, Tree};
use crate::{BusId, ElementId, ElementKind, LengthUnit, LonLat, Network};

/// What positions mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Places on the ground.
    Geographic,
    /// The model's own drawing; distances mean nothing.
    Schematic,
    /// Laid out from the topology.
    Automatic,
}

/// Positions of the buses of one network.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub placement: Placement,
    /// Longitude and latitude of each bus, degrees.
    pub buses: Vec<[f64; 2]>,
    /// Buses whose position the model gives.
    pub n_given: usize,
    /// Length of a usual link, degrees of latitude.
    pub typical_link_deg: f64,
}

/// Distance between neighbours of a column, degrees: about 50 m.
const STEP_DEG: f64 = 0.0005;
/// The share of buses with coordinates from which these are the drawing.
const GIVEN_SHARE: f64 = 0.1;
const METRES_PER_DEGREE: f64 = 111_195.0;

/// Positions of all buses. The same network gives the same positions.
pub fn layout(network: &Network, graph: &Graph) -> Layout {
    let n = network.buses.len();
    let enough = |places: &[Option<[f64; 2]>]| {
        let given = places.iter().flatten().count();
        given >= 1 && given as f64 >= GIVEN_SHARE * n as f64 && (given >= 2 || n == 1)
    };
    let of_model = geographic_places(network);
    if enough(&of_model) {
        return complete(network, graph, of_model, Placement::Geographic);
    }
    let drawn = own_coordinates(network);
    if enough(&drawn) {
        if are_degrees(network, &drawn) {
            return complete(network, graph, drawn, Placement::Geographic);
        }
        return complete(network, graph, around_zero(&drawn, n), Placement::Schematic);
    }
    let tree = graph.spanning(&network.supply_buses(), |buses| best_root(network, graph, buses));
    let mut buses = forest(&tree, STEP_DEG);
    centre(&mut buses);
    Layout { placement: Placement::Automatic, buses, n_given: 0, typical_link_deg: STEP_DEG }
}

/// Points through which an element is drawn: its route, or straight between the buses of its first terminals.
pub fn element_path(network: &Network, layout: &Layout, id: ElementId) -> Vec<[f64; 2]> {
    let common = network.common(id);
    if layout.placement == Placement::Geographic && common.route.len() >= 2 {
        let route: Vec<[f64; 2]> = common.route.iter().filter(|p| is_place(p.lon_deg, p.lat_deg)).map(|p| [p.lon_deg, p.lat_deg]).collect();
        if route.len() >= 2 {
            return route;
        }
    }
    let mut path: Vec<[f64; 2]> = Vec::with_capacity(2);
    for t in common.terminals.iter().take(2) {
        if let Some(&at) = layout.buses.get(t.bus.index())
            && path.last() != Some(&at)
        {
            path.push(at);
        }
    }
    path
}

fn is_place(lon: f64, lat: f64) -> bool {
    lon.is_finite() && lat.is_finite() && lon.abs() <= 180.0 && lat.abs() <= 90.0 && !(lon == 0.0 && lat == 0.0)
}

fn geographic_places(network: &Network) -> Vec<Option<[f64; 2]>> {
    let mut places: Vec<Option<[f64; 2]>> = network
        .buses
        .iter()
        .map(|b| b.latitude_longitude_deg.filter(|&(lat, lon)| is_place(lon, lat)).map(|(lat, lon)| [lon, lat]))
        .collect();
    // A bus without a place of its own at the end of a route lies there.
    for &id in &network.order {
        let common = network.common(id);
        if common.route.len() < 2 || common.terminals.len() < 2 {
            continue;
        }
        let ends = [common.route.first(), common.route.last()];
        for (terminal, end) in common.terminals.iter().zip(ends) {
            let place = end.filter(|p: &&LonLat| is_place(p.lon_deg, p.lat_deg)).map(|p| [p.lon_deg, p.lat_deg]);
            if let Some(bus) = places.get_mut(terminal.bus.index())
                && bus.is_none()
            {
                *bus = place;
            }
        }
    }
    places
}

fn own_coordinates(network: &Network) -> Vec<Option<[f64; 2]>> {
    let mut found: Vec<Option<[f64; 2]>> =
        network.buses.iter().map(|b| b.xy.filter(|(x, y)| x.abs() < 1e12 && y.abs() < 1e12).map(|(x, y)| [x, y])).collect();
    // One bus may stand at the origin; many there have no coordinates.
    if found.iter().flatten().filter(|p| **p == [0.0, 0.0]).count() > 1 {
        found.iter_mut().for_each(|p| *p = p.filter(|p| *p != [0.0, 0.0]));
    }
    found
}

/// Whether coordinates are longitudes and latitudes. The lengths of lines decide where there are any: the way between the ends, taken as
/// degrees, is then about as long. Else numbers of degrees are what has decimals and keeps within a few degrees.
fn are_degrees(network: &Network, drawn: &[Option<[f64; 2]>]) -> bool {
    let places: Vec<[f64; 2]> = drawn.iter().flatten().copied().collect();
    if !places.iter().all(|p| is_place(p[0], p[1])) {
        return false;
    }
    let mut ratios: Vec<f64> = Vec::new();
    for line in network.lines.iter().filter(|l| !l.is_switch && l.length_unit != LengthUnit::None) {
        let ends: Vec<[f64; 2]> = line.common.terminals.iter().filter_map(|t| drawn.get(t.bus.index()).copied().flatten()).collect();
        if let [a, b] = ends[..] {
            let on_ground = LonLat::new(a[0], a[1]).distance_m(LonLat::new(b[0], b[1]));
            let told = line.length * line.length_unit.metres();
            if on_ground > 0.0 && told > 0.0 {
                ratios.push(on_ground / told);
            }
        }
    }
    if !ratios.is_empty() {
        ratios.sort_by(f64::total_cmp);
        return (0.1..10.0).contains(&ratios[ratios.len() / 2]);
    }
    let extent = |axis: usize| {
        let (low, high) = places.iter().fold((f64::MAX, f64::MIN), |(low, high), p| (low.min(p[axis]), high.max(p[axis])));
        high - low
    };
    let fine = places.iter().filter(|p| p.iter().any(|c| (c * 1000.0).fract() != 0.0)).count();
    extent(0) < 10.0 && extent(1) < 10.0 && fine * 10 >= places.len() * 8
}

/// Coordinates of a drawing around 0°, 0°, as large as a grid of so many buses would be.
fn around_zero(drawn: &[Option<[f64; 2]>], n_buses: usize) -> Vec<Option<[f64; 2]>> {
    let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
    for p in drawn.iter().flatten() {
        for axis in 0..2 {
            low[axis] = low[axis].min(p[axis]);
            high[axis] = high[axis].max(p[axis]);
        }
    }
    let extent = (high[0] - low[0]).max(high[1] - low[1]);
    let wanted = STEP_DEG * 2.0 * (n_buses as f64).sqrt();
    let scale = if extent > 0.0 { wanted / extent } else { 1.0 };
    let middle = [low[0] / 2.0 + high[0] / 2.0, low[1] / 2.0 + high[1] / 2.0];
    drawn.iter().map(|p| p.map(|p| [(p[0] - middle[0]) * scale, (p[1] - middle[1]) * scale])).collect()
}

/// The bus that a part without source is drawn from: of the highest voltage, then with the most links.
fn best_root(network: &Network, graph: &Graph, buses: &[BusId]) -> BusId {
    let rank = |b: &BusId| (network.bus(*b).kv_base_ll().unwrap_or(0.0), graph.links_at(*b).len());
    let mut best = buses[0];
    for b in buses {
        let (a, c) = (rank(b), rank(&best));
        if a.0.total_cmp(&c.0).then(a.1.cmp(&c.1)).then(best.cmp(b)) == std::cmp::Ordering::Greater {
            best = *b;
        }
    }
    best
}

/// Gives a position to buses that have none.
fn complete(network: &Network, graph: &Graph, given: Vec<Option<[f64; 2]>>, placement: Placement) -> Layout {
    let n_given = given.iter().flatten().count();
    let mut lengths: Vec<f64> =
        graph.links.iter().filter_map(|l| Some(distance(given[l.from.index()]?, given[l.to.index()]?))).filter(|d| *d > 0.0).collect();
    lengths.sort_by(f64::total_cmp);
    let typical_link_deg = lengths.get(lengths.len() / 2).copied().unwrap_or(STEP_DEG);
    // Services are short: 5 to 30 m on the ground.
    let stub = match placement {
        Placement::Geographic => (0.3 * typical_link_deg).clamp(5.0 / METRES_PER_DEGREE, 30.0 / METRES_PER_DEGREE),
        _ => 0.3 * typical_link_deg,
    };
    // Trees grow from buses with a position, so that each bus without one has such an ancestor.
    let roots: Vec<BusId> = {
        let supply = network.supply_buses();
        let with_place = |b: &BusId| given[b.index()].is_some();
        supply.iter().copied().filter(with_place).collect()
    };
    let tree = graph.spanning(&roots, |buses| {
        buses.iter().copied().find(|b| given[b.index()].is_some()).unwrap_or_else(|| best_root(network, graph, buses))
    });
    let mut placed = given.clone();
    // The nearest bus with a position below each one without: links to it, and where it is.
    let mut below: Vec<Option<(u32, [f64; 2])>> = vec![None; placed.len()];
    for &bus in tree.order.iter().rev() {
        let here = given[bus.index()].map(|p| (0, p)).or(below[bus.index()]);
        if let (Some((parent, _)), Some((steps, place))) = (tree.parent[bus.index()], here)
            && below[parent.index()].is_none_or(|(best, _)| steps + 1 < best)
        {
            below[parent.index()] = Some((steps + 1, place));
        }
    }
    let mut stubs_at: Vec<u32> = vec![0; placed.len()];
    let mut unplaced: Vec<BusId> = Vec::new();
    for &bus in &tree.order {
        if placed[bus.index()].is_some() {
            continue;
        }
        let Some((parent, at)) = tree.parent[bus.index()].and_then(|(p, _)| Some((p, placed[p.index()]?))) else {
            unplaced.push(bus);
            continue;
        };
        placed[bus.index()] = Some(match below[bus.index()] {
            // One step of those that lead from the parent to the next position; the parent was placed in the same way.
            Some((steps, to)) => {
                let share = 1.0 / f64::from(steps + 1);
                [at[0] + (to[0] - at[0]) * share, at[1] + (to[1] - at[1]) * share]
            }
            None => {
                let k = f64::from(stubs_at[parent.index()]);
                stubs_at[parent.index()] += 1;
                let grandparent = tree.parent[parent.index()].and_then(|(g, _)| placed[g.index()]).filter(|g| *g != at);
                let onward = grandparent.map_or(0.0, |g| (at[1] - g[1]).atan2(at[0] - g[0]));
                // On a chain straight on; the first stub of a bus to its side, the others around it by the golden angle.
                let is_chain = given[parent.index()].is_none();
                let angle = onward + if is_chain { 0.0 } else { std::f64::consts::FRAC_PI_2 } + k * 2.399_963;
                let reach = stub * (1.0 + k / 12.0);
                [at[0] + reach * angle.cos() / lon_scale(at[1]), at[1] + reach * angle.sin()]
            }
        });
    }
    if !unplaced.is_empty() {
        beside(&tree, &mut placed, &unplaced, typical_link_deg);
    }
    Layout { placement, buses: placed.into_iter().map(|p| p.unwrap_or([0.0, 0.0])).collect(), n_given, typical_link_deg }
}

/// Degrees of latitude that a degree of longitude is worth.
fn lon_scale(lat_deg: f64) -> f64 {
    lat_deg.to_radians().cos().max(0.05)
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    ((a[0] - b[0]) * lon_scale(a[1])).hypot(a[1] - b[1])
}

/// Parts of which no bus has a position: as trees, below all that has one.
fn beside(tree: &Tree, placed: &mut [Option<[f64; 2]>], unplaced: &[BusId], step: f64) {
    let is_unplaced = {
        let mut flags = vec![false; placed.len()];
        unplaced.iter().for_each(|b| flags[b.index()] = true);
        flags
    };
    let mut part = tree.clone();
    part.order.retain(|b| is_unplaced[b.index()]);
    let laid = forest(&part, step);
    let (mut west, mut south) = (f64::MAX, f64::MAX);
    for p in placed.iter().flatten() {
        west = west.min(p[0]);
        south = south.min(p[1]);
    }
    let north = unplaced.iter().map(|b| laid[b.index()][1]).fold(f64::MIN, f64::max);
    for b in unplaced {
        let p = laid[b.index()];
        placed[b.index()] = Some([west + p[0] / lon_scale(south), (south - 2.0 * step + p[1] - north).max(-89.0)]);
    }
}

fn centre(buses: &mut [[f64; 2]]) {
    let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
    for p in buses.iter() {
        for axis in 0..2 {
            low[axis] = low[axis].min(p[axis]);
            high[axis] = high[axis].max(p[axis]);
        }
    }
    let extent = (high[0] - low[0]).max(high[1] - low[1]);
    // A drawing larger than the map is made to fit.
    let scale = if extent > 60.0 { 60.0 / extent } else { 1.0 };
    for p in buses {
        for axis in 0..2 {
            p[axis] = (p[axis] - (low[axis] + high[axis]) / 2.0) * scale;
        }
    }
}

/// Lowest and highest place taken in each column of a subtree, the farthest column first so that columns can be put in front cheaply.
#[derive(Clone, Debug, Default)]
struct Contour {
    low: Vec<f64>,
    high: Vec<f64>,
    /// Added to all of them.
    shift: f64,
}

impl Contour {
    fn len(&self) -> usize {
        self.low.len()
    }
}

/// What a node takes below and above its place in its own column, by the places of its children.
pub(crate) type HalfWidth<'a> = &'a dyn Fn(usize, &[f64]) -> (f64, f64);

/// Places across the direction of growth of nodes that form trees; `children` in the order of the tree. `half_width(node)` is what a node
/// takes up to each side in its own column. Returns a place relative to its parent's for each node; 0 for roots.
///
/// Cost: each column of the shallower of two subtrees is looked at once when they are joined, which is linear in the number of nodes.
pub(crate) fn offsets(
    order: &[usize],
    children: &[Vec<usize>],
    gap: f64,
    straight: bool,
    half_width: HalfWidth<'_>,
) -> (Vec<f64>, Vec<(f64, f64)>) {
    let n = children.len();
    let mut offset = vec![0.0; n];
    let mut size = vec![1_usize; n];
    let mut contours: Vec<Contour> = vec![Contour::default(); n];
    let mut extent = vec![(0.0, 0.0); n];
    for &node in order.iter().rev() {
        let below = &children[node];
        let mut sorted: Vec<usize> = below.clone();
        if straight {
            sorted.sort_by_key(|c| std::cmp::Reverse((contours[*c].len(), size[*c])));
        }
        let mut joined = Contour::default();
        for (k, &child) in sorted.iter().enumerate() {
            size[node] += size[child];
            let taken = std::mem::take(&mut contours[child]);
            // The tallest child stays at its parent's height, the others go below and above it in turn; or all to one side.
            let upward = !straight || k % 2 == 1;
            let shared = joined.len().min(taken.len());
            let (mine, theirs) = (joined.len() - shared, taken.len() - shared);
            let mut place = 0.0;
            for i in 0..shared {
                let (a, b) = (mine + i, theirs + i);
                let needed = if upward {
                    joined.high[a] + joined.shift - (taken.low[b] + taken.shift) + gap
                } else {
                    joined.low[a] + joined.shift - (taken.high[b] + taken.shift) - gap
                };
                place = if i == 0 {
                    needed
                } else if upward {
                    f64::max(place, needed)
                } else {
                    f64::min(place, needed)
                };
            }
            offset[child] = place;
            let move_by = taken.shift + place;
            joined = if taken.len() > joined.len() {
                // The deeper one is kept and the columns that both have are widened.
                let mut kept = Contour { shift: move_by, ..taken };
                for i in 0..shared {
                    let (low, high) = (joined.low[mine + i] + joined.shift, joined.high[mine + i] + joined.shift);
                    let at = theirs + i;
                    kept.low[at] = kept.low[at].min(low - kept.shift);
                    kept.high[at] = kept.high[at].max(high - kept.shift);
                }
                kept
            } else {
                for i in 0..shared {
                    let (low, high) = (taken.low[theirs + i] + move_by, taken.high[theirs + i] + move_by);
                    let at = mine + i;
                    joined.low[at] = joined.low[at].min(low - joined.shift);
                    joined.high[at] = joined.high[at].max(high - joined.shift);
                }
                joined
            };
        }
        if !straight && !below.is_empty() {
            // The parent stands over the middle of its children.
            let middle = (offset[below[0]] + offset[below[below.len() - 1]]) / 2.0;
            below.iter().for_each(|&c| offset[c] -= middle);
            joined.shift -= middle;
        }
        let at: Vec<f64> = below.iter().map(|&c| offset[c]).collect();
        let (low, high) = half_width(node, &at);
        extent[node] = (low, high);
        joined.low.push(low - joined.shift);
        joined.high.push(high - joined.shift);
        contours[node] = joined;
    }
    (offset, extent)
}

/// Trees of all roots, the roots at the left, on shelves below one another.
fn forest(tree: &Tree, step: f64) -> Vec<[f64; 2]> {
    let n = tree.parent.len();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); n];
    for &bus in &tree.order {
        if let Some((parent, _)) = tree.parent[bus.index()] {
            children[parent.index()].push(bus.index());
        }
    }
    let order: Vec<usize> = tree.order.iter().map(|b| b.index()).collect();
    let (offset, _) = offsets(&order, &children, 1.0, true, &|_, _| (0.0, 0.0));
    let mut at = vec![[0.0_f64; 2]; n];
    struct Part {
        buses: Vec<usize>,
        low: f64,
        high: f64,
        depth: f64,
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut part_of = vec![usize::MAX; n];
    for &bus in &order {
        let part = match tree.parent[bus] {
            Some((parent, _)) => {
                at[bus] = [f64::from(tree.depth[bus]), at[parent.index()][1] + offset[bus]];
                part_of[parent.index()]
            }
            None => {
                parts.push(Part { buses: Vec::new(), low: 0.0, high: 0.0, depth: 0.0 });
                parts.len() - 1
            }
        };
        part_of[bus] = part;
        let part = &mut parts[part];
        part.buses.push(bus);
        part.low = part.low.min(at[bus][1]);
        part.high = part.high.max(at[bus][1]);
        part.depth = part.depth.max(at[bus][0]);
    }
    // A column is as wide as makes a part about as broad as it is high.
    let column = |p: &Part| if p.depth > 0.0 { (1.4 * (p.high - p.low) / p.depth).clamp(1.0, 12.0) } else { 1.0 };
    let area: f64 = parts.iter().map(|p| (p.depth * column(p) + 3.0) * (p.high - p.low + 3.0)).sum();
    let widest = parts.iter().map(|p| p.depth * column(p) + 3.0).fold(0.0, f64::max);
    let shelf = (area.sqrt() * 1.4).max(widest);
    let (mut x, mut y, mut tallest) = (0.0, 0.0, 0.0_f64);
    for part in &parts {
        let (width, height, column) = (part.depth * column(part) + 3.0, part.high - part.low + 3.0, column(part));
        if x > 0.0 && x + width > shelf {
            (x, y, tallest) = (0.0, y - tallest, 0.0);
        }
        for &bus in &part.buses {
            at[bus] = [(x + at[bus][0] * column) * step, (y - (part.high - at[bus][1])) * step];
        }
        x += width;
        tallest = tallest.max(height);
    }
    at
}

/// Where an element is marked: in the middle of what it is drawn through, or at its bus.
pub fn element_place(network: &Network, layout: &Layout, id: ElementId) -> Option<[f64; 2]> {
    if !crate::graph::is_conducting(id.kind) {
        let own = network.common(id).terminals.first().and_then(|t| layout.buses.get(t.bus.index())).copied();
        let subject = network.subjects(id).into_iter().find(|s| crate::graph::is_conducting(s.kind));
        return subject.and_then(|s| element_place(network, layout, s)).or(own);
    }
    let path = element_path(network, layout, id);
    middle(&path)
}

/// The point half-way along a path.
pub fn middle(path: &[[f64; 2]]) -> Option<[f64; 2]> {
    let whole: f64 = path.windows(2).map(|w| distance(w[0], w[1])).sum();
    let mut left = whole / 2.0;
    for w in path.windows(2) {
        let length = distance(w[0], w[1]);
        if length >= left && length > 0.0 {
            let share = left / length;
            return Some([w[0][0] + (w[1][0] - w[0][0]) * share, w[0][1] + (w[1][1] - w[0][1]) * share]);
        }
        left -= length;
    }
    path.first().copied()
}

/// Whether an element is drawn as a line: it joins two places.
pub fn is_line_kind(kind: ElementKind) -> bool {
    matches!(kind, ElementKind::Line | ElementKind::AcBranch | ElementKind::GicLine | ElementKind::TwoTerminalDc | ElementKind::VscDc)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Common, EarthModel, Line, LineImpedance, SourceRef, Terminal};
    use num_complex::Complex64;
    use proptest::prelude::*;

    /// A feeder whose bus `i + 1` hangs on bus `parents[i]`, fed at bus 0.
    pub(crate) fn tree_network(parents: &[usize]) -> Network {
        let mut network = Network::new("tree");
        for i in 0..=parents.len() {
            network.bus_or_add(&format!("b{i}"));
        }
        for (i, &p) in parents.iter().enumerate() {
            add_line(&mut network, p, i + 1);
        }
        network
    }

    pub(crate) fn add_line(network: &mut Network, from: usize, to: usize) {
        let mut common = Common::new(format!("l{from}_{to}_{}", network.lines.len()), 3);
        common.terminals = [from, to].map(|b| Terminal::new(BusId::from(b), vec![1, 2, 3])).to_vec();
        common.source = SourceRef::default();
        let zero = Complex64::new(0.1, 0.1);
        network.add(Line {
            common,
            length: 1.0,
            length_unit: LengthUnit::None,
            unit_factor: 1.0,
            impedance: LineImpedance::Sequence { z1_ohm: zero, z0_ohm: zero, c1_nf: 0.0, c0_nf: 0.0 },
            earth_r_ohm: 0.0,
            earth_x_ohm: 0.0,
            rho_ohm_m: 100.0,
            earth_model: EarthModel::Deri,
            is_switch: false,
            line_code: None,
            line_type: String::new(),
        });
    }

    fn side(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
        (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    }

    fn cross(a: [f64; 2], b: [f64; 2], c: [f64; 2], d: [f64; 2]) -> bool {
        side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
    }

    fn crossings(network: &Network, laid: &Layout) -> usize {
        let ends: Vec<_> = network.lines.iter().map(|l| [l.common.terminals[0].bus.index(), l.common.terminals[1].bus.index()]).collect();
        let mut n = 0;
        for (i, a) in ends.iter().enumerate() {
            for b in &ends[i + 1..] {
                if !a.iter().any(|x| b.contains(x)) && cross(laid.buses[a[0]], laid.buses[a[1]], laid.buses[b[0]], laid.buses[b[1]]) {
                    n += 1;
                }
            }
        }
        n
    }

    proptest! {
        #[test]
        fn links_of_a_tree_do_not_cross_and_no_two_buses_share_a_place(
            choices in proptest::collection::vec(0.0..1.0_f64, 1..80), chain in 0.0..1.0_f64
        ) {
            let parents: Vec<usize> = choices.iter().enumerate().map(|(i, c)| {
                if *c < chain { i } else { ((c * 1e6) as usize) % (i + 1) }
            }).collect();
            let network = tree_network(&parents);
            let laid = layout(&network, &Graph::new(&network));
            prop_assert_eq!(laid.placement, Placement::Automatic);
            prop_assert_eq!(crossings(&network, &laid), 0);
            for (i, a) in laid.buses.iter().enumerate() {
                for b in &laid.buses[i + 1..] {
                    prop_assert!((a[0] - b[0]).hypot(a[1] - b[1]) > 0.5 * STEP_DEG);
                }
            }
        }

        #[test]
        fn buses_between_others_lie_between_them(n in 1_usize..9) {
            let mut network = tree_network(&(0..=n).collect::<Vec<_>>());
            network.buses[0].latitude_longitude_deg = Some((51.0, 9.0));
            network.buses[n + 1].latitude_longitude_deg = Some((51.1, 9.2));
            let laid = layout(&network, &Graph::new(&network));
            prop_assert_eq!(laid.placement, Placement::Geographic);
            for i in 0..=n + 1 {
                let share = i as f64 / (n + 1) as f64;
                prop_assert!((laid.buses[i][0] - (9.0 + 0.2 * share)).abs() < 1e-9);
                prop_assert!((laid.buses[i][1] - (51.0 + 0.1 * share)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_loop_and_separate_parts_are_laid_out() {
        let mut network = tree_network(&[0, 1, 2, 0]);
        add_line(&mut network, 3, 4);
        network.bus_or_add("alone");
        let laid = layout(&network, &Graph::new(&network));
        assert!(laid.buses.iter().flatten().all(|c| c.is_finite()));
        // All buses of the loop stand at places of their own, and the bus by itself apart from them.
        for (i, a) in laid.buses.iter().enumerate() {
            assert!(laid.buses[i + 1..].iter().all(|b| a != b), "{i}");
        }
    }

    #[test]
    fn a_drawing_keeps_its_shape() {
        let mut network = tree_network(&[0, 1]);
        for (i, xy) in [(200.0, 400.0), (400.0, 400.0), (400.0, 800.0)].into_iter().enumerate() {
            network.buses[i].xy = Some(xy);
        }
        let laid = layout(&network, &Graph::new(&network));
        assert_eq!(laid.placement, Placement::Schematic);
        let (a, b) = (laid.buses[1][0] - laid.buses[0][0], laid.buses[2][1] - laid.buses[1][1]);
        assert!(a > 0.0 && (b / a - 2.0).abs() < 1e-9);
        assert!(laid.buses.iter().all(|p| p[0].abs() < 1.0 && p[1].abs() < 1.0));
    }

    #[test]
    fn lengths_of_lines_tell_degrees_from_a_drawing() {
        let mut network = tree_network(&[0]);
        network.buses[0].xy = Some((9.0, 51.0));
        network.buses[1].xy = Some((9.0, 51.01));
        network.lines[0].length_unit = LengthUnit::Metre;
        network.lines[0].length = 1112.0;
        assert_eq!(layout(&network, &Graph::new(&network)).placement, Placement::Geographic);
        network.lines[0].length = 20.0;
        assert_eq!(layout(&network, &Graph::new(&network)).placement, Placement::Schematic);
    }

    #[test]
    fn what_hangs_on_a_placed_bus_lies_beside_it() {
        let mut network = tree_network(&[0, 1, 1, 1]);
        network.buses[0].latitude_longitude_deg = Some((51.0, 9.0));
        network.buses[1].latitude_longitude_deg = Some((51.01, 9.0));
        let laid = layout(&network, &Graph::new(&network));
        for i in 2..5 {
            let metres = distance(laid.buses[i], laid.buses[1]) * METRES_PER_DEGREE;
            assert!((4.0..60.0).contains(&metres), "{metres}");
        }
        assert_ne!(laid.buses[2], laid.buses[3]);
    }

    #[test]
    fn a_hundred_thousand_buses_are_laid_out_in_time() {
        // A tree with long trunks and many short twigs, by a fixed rule.
        let parents: Vec<usize> = (0..100_000_usize).map(|i| if i % 3 == 0 { i } else { i - (i * 7919) % (i.min(400) + 1) }).collect();
        let network = tree_network(&parents);
        let graph = Graph::new(&network);
        let begin = std::time::Instant::now();
        let laid = layout(&network, &graph);
        assert!(begin.elapsed().as_secs_f64() < 2.0, "{:?}", begin.elapsed());
        assert_eq!(laid, layout(&network, &graph));
    }
}
