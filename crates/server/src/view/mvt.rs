//! Mapbox Vector Tiles, version 2.1 of the specification, as far as lines and points need them.

use std::collections::HashMap;

/// Side of a tile in its own units.
pub(super) const EXTENT: u32 = 4096;

/// A value of a feature.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Float(f32),
    Unsigned(u64),
    Bool(bool),
}

/// A kind of geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Point = 1,
    Line = 2,
}

fn varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn key(field: u32, wire: u32, out: &mut Vec<u8>) {
    varint(u64::from(field << 3 | wire), out);
}

fn bytes(field: u32, content: &[u8], out: &mut Vec<u8>) {
    key(field, 2, out);
    varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

fn zigzag(n: i32) -> u64 {
    u64::from(((n << 1) ^ (n >> 31)) as u32)
}

impl Value {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Text(text) => bytes(1, text.as_bytes(), &mut out),
            Self::Float(x) => {
                key(2, 5, &mut out);
                out.extend_from_slice(&x.to_le_bytes());
            }
            Self::Unsigned(n) => {
                key(5, 0, &mut out);
                varint(*n, &mut out);
            }
            Self::Bool(b) => {
                key(7, 0, &mut out);
                out.push(u8::from(*b));
            }
        }
        out
    }
}

/// One layer that is being written.
pub(super) struct Layer {
    name: &'static str,
    features: Vec<u8>,
    keys: Vec<&'static str>,
    key_numbers: HashMap<&'static str, u64>,
    values: Vec<u8>,
    n_values: u64,
    value_numbers: HashMap<Vec<u8>, u64>,
    n_features: usize,
}

impl Layer {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            features: Vec::new(),
            keys: Vec::new(),
            key_numbers: HashMap::new(),
            values: Vec::new(),
            n_values: 0,
            value_numbers: HashMap::new(),
            n_features: 0,
        }
    }

    /// Bytes of the layer so far.
    pub(super) fn len(&self) -> usize {
        self.features.len() + self.values.len() + 100
    }

    /// Adds a feature: paths of at least two points each, or points.
    pub(super) fn add(&mut self, id: u64, kind: Kind, paths: &[Vec<[i32; 2]>], tags: &[(&'static str, Value)]) {
        let mut geometry = Vec::new();
        let (mut at, command) = ([0_i32; 2], |id: u64, n: u64| id | n << 3);
        let mut move_by = |to: [i32; 2], out: &mut Vec<u8>| {
            varint(zigzag(to[0] - at[0]), out);
            varint(zigzag(to[1] - at[1]), out);
            at = to;
        };
        for path in paths.iter().filter(|p| !p.is_empty()) {
            varint(command(1, 1), &mut geometry);
            move_by(path[0], &mut geometry);
            if kind == Kind::Line {
                varint(command(2, path.len() as u64 - 1), &mut geometry);
                path[1..].iter().for_each(|p| move_by(*p, &mut geometry));
            }
        }
        if geometry.is_empty() {
            return;
        }
        let mut numbers = Vec::new();
        for (name, value) in tags {
            let next = self.keys.len() as u64;
            let key_number = *self.key_numbers.entry(name).or_insert_with(|| {
                self.keys.push(name);
                next
            });
            let encoded = value.encode();
            let value_number = match self.value_numbers.get(&encoded) {
                Some(n) => *n,
                None => {
                    bytes(4, &encoded, &mut self.values);
                    self.value_numbers.insert(encoded, self.n_values);
                    self.n_values += 1;
                    self.n_values - 1
                }
            };
            varint(key_number, &mut numbers);
            varint(value_number, &mut numbers);
        }
        let mut feature = Vec::with_capacity(geometry.len() + numbers.len() + 16);
        key(1, 0, &mut feature);
        varint(id, &mut feature);
        bytes(2, &numbers, &mut feature);
        key(3, 0, &mut feature);
        varint(kind as u64, &mut feature);
        bytes(4, &geometry, &mut feature);
        bytes(2, &feature, &mut self.features);
        self.n_features += 1;
    }

    /// Appends the layer to a tile; one without features is left out.
    pub(super) fn finish(self, tile: &mut Vec<u8>) {
        if self.n_features == 0 {
            return;
        }
        let mut layer = Vec::with_capacity(self.len());
        key(15, 0, &mut layer);
        varint(2, &mut layer);
        bytes(1, self.name.as_bytes(), &mut layer);
        layer.extend_from_slice(&self.features);
        self.keys.iter().for_each(|k| bytes(3, k.as_bytes(), &mut layer));
        layer.extend_from_slice(&self.values);
        key(5, 0, &mut layer);
        varint(u64::from(EXTENT), &mut layer);
        bytes(3, &layer, tile);
    }
}

/// The pieces of a path that lie within a square from `low` to `high` (Liang and Barsky, segment by segment).
pub(super) fn clip(path: &[[f64; 2]], low: f64, high: f64) -> Vec<Vec<[f64; 2]>> {
    let mut pieces: Vec<Vec<[f64; 2]>> = Vec::new();
    let mut open: Vec<[f64; 2]> = Vec::new();
    for w in path.windows(2) {
        let [a, b] = [w[0], w[1]];
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        let mut is_inside = true;
        for axis in 0..2 {
            let d = b[axis] - a[axis];
            for (p, q) in [(-d, a[axis] - low), (d, high - a[axis])] {
                if p == 0.0 {
                    is_inside &= q >= 0.0;
                } else if p < 0.0 {
                    enter = enter.max(q / p);
                } else {
                    leave = leave.min(q / p);
                }
            }
        }
        let at = |t: f64| [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
        if !is_inside || enter > leave {
            if open.len() > 1 {
                pieces.push(std::mem::take(&mut open));
            }
            open.clear();
            continue;
        }
        if enter > 0.0 || open.is_empty() {
            if open.len() > 1 {
                pieces.push(std::mem::take(&mut open));
            }
            open = vec![if enter > 0.0 { at(enter) } else { a }];
        }
        open.push(if leave < 1.0 { at(leave) } else { b });
        if leave < 1.0 {
            pieces.push(std::mem::take(&mut open));
        }
    }
    if open.len() > 1 {
        pieces.push(open);
    }
    pieces
}

/// Leaves out points that lie within `tolerance` of the way between those that stay (Douglas and Peucker).
pub(super) fn simplify(path: &[[f64; 2]], tolerance: f64) -> Vec<[f64; 2]> {
    if path.len() < 3 {
        return path.to_vec();
    }
    let mut keep = vec![false; path.len()];
    (keep[0], keep[path.len() - 1]) = (true, true);
    let mut open = vec![(0, path.len() - 1)];
    while let Some((from, to)) = open.pop() {
        let (a, b) = (path[from], path[to]);
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let length2 = dx * dx + dy * dy;
        let off = |p: [f64; 2]| {
            let t = if length2 > 0.0 { (((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length2).clamp(0.0, 1.0) } else { 0.0 };
            (p[0] - a[0] - t * dx).hypot(p[1] - a[1] - t * dy)
        };
        let farthest = (from + 1..to).map(|i| (off(path[i]), i)).max_by(|x, y| x.0.total_cmp(&y.0));
        if let Some((distance, i)) = farthest
            && distance > tolerance
        {
            keep[i] = true;
            open.push((from, i));
            open.push((i, to));
        }
    }
    path.iter().zip(keep).filter(|(_, k)| *k).map(|(p, _)| *p).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_at_the_border_and_come_back_in() {
        let path = [[-10.0, 5.0], [5.0, 5.0], [5.0, 20.0], [8.0, 20.0], [8.0, 5.0]];
        let pieces = clip(&path, 0.0, 10.0);
        assert_eq!(pieces, [vec![[0.0, 5.0], [5.0, 5.0], [5.0, 10.0]], vec![[8.0, 10.0], [8.0, 5.0]]]);
        assert!(clip(&[[-5.0, -5.0], [20.0, -1.0]], 0.0, 10.0).is_empty());
        assert_eq!(clip(&[[-5.0, 5.0], [15.0, 5.0]], 0.0, 10.0), [vec![[0.0, 5.0], [10.0, 5.0]]]);
    }

    #[test]
    fn simplifying_keeps_ends_and_corners() {
        let path = [[0.0, 0.0], [1.0, 0.1], [2.0, 0.0], [2.0, 5.0]];
        assert_eq!(simplify(&path, 0.5), [[0.0, 0.0], [2.0, 0.0], [2.0, 5.0]]);
        assert_eq!(simplify(&path, 0.01), path);
    }
}
