//! Vector tiles of a view.
//!
//! A tile with few features shows them as they are, their routes simplified to what its scale can show. One with many is generalised in steps
//! until it is small: ends of lines are moved onto a grid, what falls onto one another is drawn once (so that what hangs together still does),
//! and equipment of one cell of the grid becomes one point that says how many it stands for. What supplies and switches is kept longest.

use super::mvt::{EXTENT, Kind, Layer, Value, clip, simplify};
use super::{View, mercator, phase_letters};
use network::ElementKind;
use rstar::AABB;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Zooms that can be asked for.
pub const ZOOM_MAX: u32 = 22;
/// Bytes of a tile before it is compressed.
const BYTES_MAX: usize = 480_000;
/// Features of a layer that a tile shows as they are.
const EXACT_MAX: usize = 6_000;
/// What a tile shows beyond its border, in its units, so that symbols at the border are whole.
const BUFFER: f64 = 64.0;

/// A tile that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileAt {
    pub z: u32,
    pub x: u32,
    pub y: u32,
}

impl TileAt {
    /// None where there is no such tile.
    pub fn new(z: u32, x: u32, y: u32) -> Option<Self> {
        (z <= ZOOM_MAX && u64::from(x) < 1 << z && u64::from(y) < 1 << z).then_some(Self { z, x, y })
    }

    /// Place in the tile's units of a place on the map of the world.
    fn units(self, m: [f64; 2]) -> [f64; 2] {
        let side = f64::from(1_u32 << self.z);
        [(m[0] * side - f64::from(self.x)) * f64::from(EXTENT), (m[1] * side - f64::from(self.y)) * f64::from(EXTENT)]
    }

    fn envelope(self) -> AABB<[f64; 2]> {
        let side = f64::from(1_u32 << self.z);
        let margin = BUFFER / f64::from(EXTENT);
        let low = [(f64::from(self.x) - margin) / side, (f64::from(self.y) - margin) / side];
        let high = [(f64::from(self.x) + 1.0 + margin) / side, (f64::from(self.y) + 1.0 + margin) / side];
        AABB::from_corners(low, high)
    }
}

/// Equipment that stays in sight when there is much: lower is more important.
fn importance(view: &View, element: u32) -> u8 {
    match view.network.order[element as usize].kind {
        ElementKind::VoltageSource | ElementKind::Machine => 0,
        ElementKind::PowerTransformer => 1,
        ElementKind::Transformer => {
            let t = &view.network.transformers[view.network.order[element as usize].index()];
            let kva = t.windings.first().map_or(0.0, |w| w.kva);
            if t.is_substation || kva >= 1000.0 { 1 } else { 4 }
        }
        ElementKind::RegulatorControl | ElementKind::Capacitor | ElementKind::SwitchedShunt | ElementKind::Recloser => 2,
        ElementKind::Line | ElementKind::Relay | ElementKind::Generator | ElementKind::Storage | ElementKind::FactsDevice => 3,
        _ => 5,
    }
}

impl View {
    /// The tile as it is sent: gzip. Empty where nothing lies in it.
    pub fn tile(&self, at: TileAt) -> Arc<[u8]> {
        self.kept.get_or(&format!("tile {}/{}/{}", at.z, at.x, at.y), || {
            let tile = self.encode_tile(at);
            if tile.is_empty() { tile } else { gzip(&tile) }
        })
    }

    /// The tile before it is compressed.
    pub(super) fn encode_tile(&self, at: TileAt) -> Vec<u8> {
        let area = at.envelope();
        let mut pieces: Vec<u32> = self.tree_of_pieces.locate_in_envelope_intersecting(area).map(|p| p.data).collect();
        let mut marks: Vec<u32> = self.tree_of_marks.locate_in_envelope_intersecting(area).map(|p| p.data).collect();
        let mut buses: Vec<u32> = self.tree_of_buses.locate_in_envelope_intersecting(area).map(|p| p.data).collect();
        if pieces.is_empty() && marks.is_empty() && buses.is_empty() {
            return Vec::new();
        }
        pieces.sort_unstable();
        marks.sort_unstable();
        buses.sort_unstable();
        let mut tile = Vec::new();
        let third = BYTES_MAX / 3;
        shrink(third, pieces.len(), |grid| self.lines(at, &pieces, grid)).finish(&mut tile);
        shrink(third, marks.len(), |grid| self.nodes(at, &marks, grid)).finish(&mut tile);
        shrink(third, buses.len(), |grid| self.buses(at, &buses, grid)).finish(&mut tile);
        tile
    }

    fn lines(&self, at: TileAt, pieces: &[u32], grid: Option<f64>) -> Layer {
        let mut layer = Layer::new("lines");
        let mut drawn: HashSet<[i32; 4]> = HashSet::new();
        let mut ranked: Vec<u32> = pieces.to_vec();
        if grid.is_some() {
            // Of lines that fall onto one another that of the highest voltage and the most phases is drawn.
            let rank = |p: &u32| {
                let e = self.pieces[*p as usize].element as usize;
                let kv = if self.kv_of[e].is_nan() { 0 } else { (self.kv_of[e] * 1000.0) as i64 };
                (std::cmp::Reverse((kv, self.phases_of[e].count_ones())), *p)
            };
            ranked.sort_by_cached_key(rank);
        }
        let ranked_first = ranked.first().copied();
        for p in ranked {
            let piece = self.pieces[p as usize];
            let path = &self.positions[piece.from as usize..piece.to as usize];
            match grid {
                None => {
                    let units: Vec<[f64; 2]> = path.iter().map(|p| at.units(mercator(*p))).collect();
                    let tolerance = if at.z >= 18 { 0.5 } else { 3.0 };
                    let cut = clip(&simplify(&units, tolerance), -BUFFER, f64::from(EXTENT) + BUFFER);
                    let mut paths: Vec<Vec<[i32; 2]>> = cut
                        .iter()
                        .map(|path| {
                            let mut path: Vec<[i32; 2]> = path.iter().map(|p| [p[0].round() as i32, p[1].round() as i32]).collect();
                            path.dedup();
                            path
                        })
                        .collect();
                    paths.retain(|p| p.len() > 1);
                    if paths.is_empty() && !cut.is_empty() {
                        // Shorter than a unit: it is still there to be pointed at.
                        let p = cut[0][0];
                        let p = [p[0].round() as i32, p[1].round() as i32];
                        paths.push(vec![p, [p[0] + 1, p[1]]]);
                    }
                    layer.add(u64::from(piece.element), Kind::Line, &paths, &self.tags(piece.element, true));
                }
                Some(cell) => {
                    let on_grid = |p: [f64; 2]| {
                        let u = at.units(mercator(p));
                        [0, 1].map(|axis| (((u[axis] / cell).floor() + 0.5) * cell) as i32)
                    };
                    let (mut a, b) = (on_grid(path[0]), on_grid(path[path.len() - 1]));
                    let mut way: Vec<[i32; 2]> = Vec::new();
                    for p in path.iter().skip(1).map(|p| on_grid(*p)).chain([b]) {
                        if p == a {
                            continue;
                        }
                        let key = if a < p { [a[0], a[1], p[0], p[1]] } else { [p[0], p[1], a[0], a[1]] };
                        if drawn.insert(key) {
                            if way.last() != Some(&a) {
                                self.put_way(&mut layer, piece.element, &mut way);
                                way.push(a);
                            }
                            way.push(p);
                        }
                        a = p;
                    }
                    self.put_way(&mut layer, piece.element, &mut way);
                }
            }
        }
        if drawn.is_empty()
            && let (Some(_), Some(p)) = (grid, ranked_first)
        {
            // The whole network is smaller than a cell: its foremost line says that it is there.
            let piece = self.pieces[p as usize];
            let at = at.units(mercator(self.positions[piece.from as usize])).map(|u| u.round() as i32);
            layer.add(u64::from(piece.element), Kind::Line, &[vec![at, [at[0] + 1, at[1]]]], &self.tags(piece.element, false));
        }
        layer
    }

    fn put_way(&self, layer: &mut Layer, element: u32, way: &mut Vec<[i32; 2]>) {
        let path = std::mem::take(way);
        if path.len() > 1 {
            let float: Vec<[f64; 2]> = path.iter().map(|p| [f64::from(p[0]), f64::from(p[1])]).collect();
            for cut in clip(&float, -BUFFER, f64::from(EXTENT) + BUFFER) {
                let cut = cut.iter().map(|p| [p[0].round() as i32, p[1].round() as i32]).collect();
                layer.add(u64::from(element), Kind::Line, &[cut], &self.tags(element, false));
            }
        }
    }

    /// What a feature says of its element; without name where many are drawn as one.
    fn tags(&self, element: u32, with_name: bool) -> Vec<(&'static str, Value)> {
        let e = element as usize;
        let mut tags = vec![
            ("i", Value::Unsigned(u64::from(element))),
            ("class", Value::Text(self.class(element).to_owned())),
            ("phases", Value::Text(phase_letters(self.phases_of[e]))),
        ];
        if self.kv_of[e].is_finite() {
            tags.push(("kv", Value::Float(self.kv_of[e])));
        }
        if with_name {
            tags.push(("name", Value::Text(self.network.common(self.network.order[e]).name.clone())));
        }
        if !self.feeder(element).is_empty() {
            tags.push(("feeder", Value::Text(self.feeder(element).to_owned())));
        }
        tags
    }

    fn nodes(&self, at: TileAt, marks: &[u32], grid: Option<f64>) -> Layer {
        let mut layer = Layer::new("nodes");
        let place = |p: [f64; 2]| {
            let u = at.units(mercator(p));
            [u[0].round() as i32, u[1].round() as i32]
        };
        let Some(cell) = grid else {
            for m in marks {
                let mark = self.marks[*m as usize];
                layer.add(u64::from(mark.element), Kind::Point, &[vec![place(mark.at)]], &self.tags(mark.element, true));
            }
            return layer;
        };
        // By cell: the most important piece of equipment, and how many there are.
        let mut cells: BTreeMap<[i64; 2], (u8, u32, u64)> = BTreeMap::new();
        for m in marks {
            let mark = self.marks[*m as usize];
            let u = at.units(mercator(mark.at));
            // Cells are wider than those of lines: symbols need room.
            let key = [0, 1].map(|axis| (u[axis] / (cell * 8.0)).floor() as i64);
            let rank = importance(self, mark.element);
            let entry = cells.entry(key).or_insert((rank, *m, 0));
            if rank < entry.0 {
                (entry.0, entry.1) = (rank, *m);
            }
            entry.2 += 1;
        }
        for (_, m, n) in cells.into_values() {
            let mark = self.marks[m as usize];
            let mut tags = self.tags(mark.element, n == 1);
            if n > 1 {
                tags.push(("cluster", Value::Bool(true)));
                tags.push(("n", Value::Unsigned(n)));
            }
            layer.add(u64::from(mark.element), Kind::Point, &[vec![place(mark.at)]], &tags);
        }
        layer
    }

    fn buses(&self, at: TileAt, buses: &[u32], grid: Option<f64>) -> Layer {
        let mut layer = Layer::new("buses");
        let mut cells: HashSet<[i64; 2]> = HashSet::new();
        for &b in buses {
            let i = b as usize;
            let u = at.units(mercator(self.layout.buses[i]));
            if let Some(cell) = grid
                && !cells.insert([0, 1].map(|axis| (u[axis] / (cell * 8.0)).floor() as i64))
            {
                continue;
            }
            let mut tags = vec![("i", Value::Unsigned(u64::from(b))), ("phases", Value::Text(phase_letters(self.bus_phases[i])))];
            if self.bus_kv[i].is_finite() {
                tags.push(("kv", Value::Float(self.bus_kv[i])));
            }
            if grid.is_none() {
                tags.push(("name", Value::Text(self.network.buses[i].name.clone())));
            }
            layer.add(u64::from(b), Kind::Point, &[vec![[u[0].round() as i32, u[1].round() as i32]]], &tags);
        }
        layer
    }
}

/// A layer as it is if it is small, else on the finest grid that makes it small.
fn shrink(bytes_max: usize, n: usize, layer: impl Fn(Option<f64>) -> Layer) -> Layer {
    if n <= EXACT_MAX {
        let exact = layer(None);
        if exact.len() <= bytes_max {
            return exact;
        }
    }
    let mut cell = 8.0;
    loop {
        let made = layer(Some(cell));
        if made.len() <= bytes_max || cell >= 1024.0 {
            return made;
        }
        cell *= 2.0;
    }
}

/// Compressed as browsers take it.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 2), flate2::Compression::new(4));
    // Writing into memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
