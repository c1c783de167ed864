//! Admittance matrices of made-up feeders, for tests and measurements.
#![allow(dead_code)]

use num_complex::Complex64;
use powerflow::sparse::{Matrix, Pattern, PatternBuilder};
use std::sync::Arc;

/// A small generator of repeatable numbers (xorshift).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n
    }

    /// In -1..1.
    pub fn signed(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    pub fn complex(&mut self) -> Complex64 {
        Complex64::new(self.signed(), self.signed())
    }
}

/// An element: its nodes and its primitive admittance, row by row.
pub struct Element {
    pub nodes: Vec<u32>,
    pub y: Vec<Complex64>,
}

pub struct Feeder {
    pub pattern: Arc<Pattern>,
    pub matrix: Matrix,
    pub elements: Vec<Element>,
    pub slots: Vec<Vec<u32>>,
    /// First node of each bus.
    pub buses: Vec<u32>,
}

/// A radial feeder of about `nodes` nodes with three-phase trunks and
/// single-phase laterals, shunts at every node, a stiff source at the first
/// bus, and `ties` three-phase lines that close loops.
pub fn feeder(nodes: usize, ties: usize, seed: u64) -> Feeder {
    let mut random = Random::new(seed);
    // Node number of each phase of each bus.
    let mut buses: Vec<[Option<u32>; 3]> = vec![[Some(0), Some(1), Some(2)]];
    let mut count = 3u32;
    let mut elements = vec![source()];
    while (count as usize) < nodes {
        // Mostly the last bus goes on; sometimes a branch leaves an older one.
        let from = if random.below(4) > 0 { buses.len() - 1 } else { random.below(buses.len()) };
        let parent = buses[from];
        let present: Vec<usize> = (0..3).filter(|&p| parent[p].is_some()).collect();
        let single = present.len() == 1 || random.below(9) == 0;
        let phases = if single { vec![present[random.below(present.len())]] } else { present };
        let mut bus = [None; 3];
        for &p in &phases {
            bus[p] = Some(count);
            count += 1;
        }
        let ends: Vec<u32> = (phases.iter().filter_map(|&p| parent[p])).chain(phases.iter().filter_map(|&p| bus[p])).collect();
        elements.push(line(&mut random, ends));
        buses.push(bus);
    }
    let full: Vec<usize> = (0..buses.len()).filter(|&b| buses[b].iter().all(Option::is_some)).collect();
    for _ in 0..ties {
        let (a, b) = (full[random.below(full.len())], full[random.below(full.len())]);
        if a != b {
            let ends = buses[a].iter().chain(&buses[b]).filter_map(|&n| n).collect();
            elements.push(line(&mut random, ends));
        }
    }
    for node in 0..count {
        let y = Complex64::new(0.02 + 0.01 * random.signed(), -0.01);
        elements.push(Element { nodes: vec![node], y: vec![y] });
    }
    let firsts = buses.iter().filter_map(|bus| bus.iter().find_map(|&n| n)).collect();
    assemble(count, elements, firsts)
}

pub fn assemble(count: u32, elements: Vec<Element>, buses: Vec<u32>) -> Feeder {
    let mut builder = PatternBuilder::new(count);
    for element in &elements {
        builder.clique(&element.nodes).expect("nodes are numbered");
    }
    let pattern = Arc::new(builder.build().expect("small pattern"));
    let mut matrix = Matrix::zeros(&pattern);
    let mut slots = Vec::new();
    for element in &elements {
        let at = pattern.clique_slots(&element.nodes).expect("in pattern");
        matrix.add_at(&at, &element.y);
        slots.push(at);
    }
    Feeder { pattern, matrix, elements, slots, buses }
}

fn source() -> Element {
    let mut y = vec![Complex64::new(0.0, 0.0); 9];
    for p in 0..3 {
        y[4 * p] = Complex64::new(50.0, -500.0);
    }
    Element { nodes: vec![0, 1, 2], y }
}

/// A line between the first and the second half of `nodes`, with coupled
/// phases; symmetric.
fn line(random: &mut Random, nodes: Vec<u32>) -> Element {
    let k = nodes.len() / 2;
    let scale = 10f64.powf(1.5 + random.signed());
    let mut y = vec![Complex64::new(0.0, 0.0); 4 * k * k];
    for i in 0..k {
        for j in 0..=i {
            let value =
                if i == j { Complex64::new(1.0 + 0.1 * random.signed(), -2.0) } else { Complex64::new(-0.2, 0.4 + 0.05 * random.signed()) }
                    * scale;
            for (i, j) in [(i, j), (j, i)] {
                y[i * 2 * k + j] = value;
                y[(i + k) * 2 * k + j + k] = value;
                y[(i + k) * 2 * k + j] = -value;
                y[i * 2 * k + j + k] = -value;
            }
        }
    }
    Element { nodes, y }
}
