//! Binary decision diagrams: what a plant does, as a function of which of its parts work.
//!
//! A function of `n` truths is a node: the constants 0 (down) and 1 (up), or "if variable `v` works then `hi` else `lo`", where variables come in
//! one order on all ways, a node with `hi = lo` is that one, and no two nodes are alike (Bryant, IEEE Transactions on Computers C-35, 1986,
//! 677-691). Each function then has one node, and a component that several blocks name is one variable, decided once: what is shared is never
//! counted twice. With independent variables, `a` the probability that one works and `u = 1 - a`, one pass from the constants up gives
//!
//! ```text
//! Q(0) = 1,  Q(1) = 0,  Q(v, lo, hi) = u_v Q(lo) + a_v Q(hi)          probability to be down, a sum of positive terms
//! ```
//!
//! and one pass down, with the weight `W` of a node the probability of getting to it, gives the Birnbaum importance of all variables at once:
//! `I_v = sum of W (Q(lo) - Q(hi))` over the nodes of `v`. Functions of block diagrams are monotone: more parts working never hurts.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// A node; children have smaller numbers than their parents.
pub(super) type Node = u32;
pub(super) const DOWN: Node = 0;
pub(super) const UP: Node = 1;

/// Nodes at most: 12 bytes each, with their tables some hundred megabytes.
pub(super) const NODES_MAX: usize = 2_000_000;
/// Variables at most: work goes as deep as there are variables.
pub(super) const VARIABLES_MAX: usize = 2_000;

/// The function has more nodes than fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// A hash for small whole numbers, fast and not guarded against malice: what it hashes are positions.
#[derive(Default)]
pub(super) struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_u32(u32::from(*b)));
    }
    fn write_u32(&mut self, x: u32) {
        self.0 = (self.0.rotate_left(23) ^ u64::from(x)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

pub(super) type Table<K, V> = HashMap<K, V, BuildHasherDefault<Mix>>;

/// All nodes of all functions.
pub(super) struct Bdd {
    variable: Vec<u32>,
    lo: Vec<Node>,
    hi: Vec<Node>,
    unique: Table<(u32, Node, Node), Node>,
    chosen: Table<(Node, Node, Node), Node>,
    at_most: usize,
}

/// No variable: below all others.
const LEAF: u32 = u32::MAX;

impl Bdd {
    pub fn new() -> Self {
        Self {
            variable: vec![LEAF; 2],
            lo: vec![DOWN, UP],
            hi: vec![DOWN, UP],
            unique: Table::default(),
            chosen: Table::default(),
            at_most: NODES_MAX,
        }
    }

    pub fn nodes(&self) -> usize {
        self.variable.len()
    }

    /// Variable of a node that is no constant, and where it leads when that fails and works.
    pub fn at(&self, f: Node) -> (u32, Node, Node) {
        (self.variable[f as usize], self.lo[f as usize], self.hi[f as usize])
    }

    fn node(&mut self, variable: u32, lo: Node, hi: Node) -> Result<Node, TooLarge> {
        if lo == hi {
            return Ok(lo);
        }
        if let Some(&f) = self.unique.get(&(variable, lo, hi)) {
            return Ok(f);
        }
        let f = self.variable.len();
        if f >= self.at_most {
            return Err(TooLarge);
        }
        self.variable.push(variable);
        self.lo.push(lo);
        self.hi.push(hi);
        self.unique.insert((variable, lo, hi), f as Node);
        Ok(f as Node)
    }

    /// The variable itself: up where it works.
    pub fn works(&mut self, variable: u32) -> Result<Node, TooLarge> {
        self.node(variable, DOWN, UP)
    }

    fn cofactor(&self, f: Node, variable: u32) -> (Node, Node) {
        let i = f as usize;
        if self.variable[i] == variable { (self.lo[i], self.hi[i]) } else { (f, f) }
    }

    /// `g` where `f` is up, `h` where it is down.
    pub fn choose(&mut self, f: Node, g: Node, h: Node) -> Result<Node, TooLarge> {
        match (f, g, h) {
            (UP, _, _) => return Ok(g),
            (DOWN, _, _) => return Ok(h),
            (_, UP, DOWN) => return Ok(f),
            _ if g == h => return Ok(g),
            _ => {}
        }
        if let Some(&found) = self.chosen.get(&(f, g, h)) {
            return Ok(found);
        }
        let v = self.variable[f as usize].min(self.variable[g as usize]).min(self.variable[h as usize]);
        let ((f0, f1), (g0, g1), (h0, h1)) = (self.cofactor(f, v), self.cofactor(g, v), self.cofactor(h, v));
        let lo = self.choose(f0, g0, h0)?;
        let hi = self.choose(f1, g1, h1)?;
        let found = self.node(v, lo, hi)?;
        self.chosen.insert((f, g, h), found);
        Ok(found)
    }

    pub fn and(&mut self, f: Node, g: Node) -> Result<Node, TooLarge> {
        self.choose(f, g, DOWN)
    }

    pub fn or(&mut self, f: Node, g: Node) -> Result<Node, TooLarge> {
        self.choose(f, UP, g)
    }

    pub fn not(&mut self, f: Node) -> Result<Node, TooLarge> {
        self.choose(f, DOWN, UP)
    }

    /// `f` with one variable held working or failed.
    pub fn held(&mut self, f: Node, variable: u32, works: bool) -> Result<Node, TooLarge> {
        let mut known = Table::default();
        self.held_below(f, variable, works, &mut known)
    }

    fn held_below(&mut self, f: Node, variable: u32, works: bool, known: &mut Table<u32, Node>) -> Result<Node, TooLarge> {
        let (v, lo, hi) = self.at(f);
        // Leaves have the largest number of all.
        if v > variable {
            return Ok(f);
        }
        if v == variable {
            return Ok(if works { hi } else { lo });
        }
        if let Some(&found) = known.get(&f) {
            return Ok(found);
        }
        let lo = self.held_below(lo, variable, works, known)?;
        let hi = self.held_below(hi, variable, works, known)?;
        let found = self.node(v, lo, hi)?;
        known.insert(f, found);
        Ok(found)
    }

    /// Up wherever `f` is up with as many failed parts or fewer of them: its closure under further failures.
    pub fn with_more_failures(&mut self, f: Node, known: &mut Table<u32, Node>) -> Result<Node, TooLarge> {
        if f <= UP {
            return Ok(f);
        }
        if let Some(&found) = known.get(&f) {
            return Ok(found);
        }
        let (v, lo, hi) = self.at(f);
        let hi = self.with_more_failures(hi, known)?;
        let lo = self.with_more_failures(lo, known)?;
        let lo = self.or(lo, hi)?;
        let found = self.node(v, lo, hi)?;
        known.insert(f, found);
        Ok(found)
    }

    /// Up where the items that are up weigh `need` together, or more.
    ///
    /// Items are decided one after another; all needs between two sums that items can have give the same function, so that it is made once for
    /// the whole interval (Abio and others, Journal of Artificial Intelligence Research 45, 2012, 443-480).
    pub fn at_least(&mut self, items: &[(Node, i64)], need: i64) -> Result<Node, TooLarge> {
        let mut rest = vec![0; items.len() + 1];
        for (i, (_, w)) in items.iter().enumerate().rev() {
            rest[i] = rest[i + 1] + w;
        }
        let mut known = vec![BTreeMap::new(); items.len()];
        Ok(self.at_least_from(items, &rest, 0, need, &mut known)?.0)
    }

    /// The function, and the needs `low < need <= high` that have it.
    fn at_least_from(
        &mut self,
        items: &[(Node, i64)],
        rest: &[i64],
        i: usize,
        need: i64,
        known: &mut [BTreeMap<i64, (Node, i64)>],
    ) -> Result<Span, TooLarge> {
        if need <= 0 {
            return Ok((UP, i64::MIN, 0));
        }
        if need > rest[i] {
            return Ok((DOWN, rest[i], i64::MAX));
        }
        // By the highest need; spans of one item do not overlap.
        if let Some((high, (f, low))) = known[i].range(need..).next()
            && *low < need
        {
            return Ok((*f, *low, *high));
        }
        let (f, w) = items[i];
        let (with, low1, high1) = self.at_least_from(items, rest, i + 1, need - w, known)?;
        let (without, low0, high0) = self.at_least_from(items, rest, i + 1, need, known)?;
        let found = self.choose(f, with, without)?;
        let span = (found, low0.max(low1.saturating_add(w)), high0.min(high1.saturating_add(w)));
        known[i].insert(span.2, (span.0, span.1));
        Ok(span)
    }

    /// Probability of each node to be down, given the probabilities of each variable to work and to fail.
    pub fn down(&self, works: &[f64], fails: &[f64]) -> Vec<f64> {
        let mut q = vec![0.0; self.nodes()];
        q[DOWN as usize] = 1.0;
        for i in 2..self.nodes() {
            let v = self.variable[i] as usize;
            q[i] = fails[v] * q[self.lo[i] as usize] + works[v] * q[self.hi[i] as usize];
        }
        q
    }

    /// Probability of one node to be up, as a sum of positive terms.
    pub fn up(&self, f: Node, works: &[f64], fails: &[f64]) -> f64 {
        let mut p = vec![0.0; f as usize + 2];
        p[UP as usize] = 1.0;
        for i in 2..=f as usize {
            let v = self.variable[i] as usize;
            p[i] = fails[v] * p[self.lo[i] as usize] + works[v] * p[self.hi[i] as usize];
        }
        p[f as usize]
    }

    /// Birnbaum importance of every variable for `f`; `q` from [`Self::down`].
    pub fn birnbaum(&self, f: Node, q: &[f64], works: &[f64], fails: &[f64]) -> Vec<f64> {
        let mut importance = vec![0.0; works.len()];
        let mut weight = vec![0.0; f as usize + 2];
        weight[f as usize] = 1.0;
        for i in (2..=f as usize).rev() {
            let w = weight[i];
            if w == 0.0 {
                continue;
            }
            let (v, lo, hi) = (self.variable[i] as usize, self.lo[i] as usize, self.hi[i] as usize);
            importance[v] += w * (q[lo] - q[hi]);
            weight[lo] += w * fails[v];
            weight[hi] += w * works[v];
        }
        importance
    }

    /// True where `f` is up when the variables are as told.
    pub fn is_up(&self, f: Node, works: impl Fn(u32) -> bool) -> bool {
        let mut at = f;
        while at > UP {
            let (v, lo, hi) = self.at(at);
            at = if works(v) { hi } else { lo };
        }
        at == UP
    }
}

type Span = (Node, i64, i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_weights_is_the_sum_for_every_need() {
        let weights = [50, 50, 18, 18, 18, 7, 30];
        let mut b = Bdd::new();
        let items: Vec<(Node, i64)> = weights.iter().enumerate().map(|(i, w)| (b.works(i as u32).unwrap(), *w)).collect();
        for need in -1..195 {
            let f = b.at_least(&items, need).unwrap();
            for state in 0..1 << weights.len() {
                let sum: i64 = weights.iter().enumerate().filter(|(i, _)| state >> i & 1 == 1).map(|(_, w)| w).sum();
                assert_eq!(b.is_up(f, |v| state >> v & 1 == 1), sum >= need, "{need} {state:b}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let mut b = Bdd::new();
        b.at_most = 10;
        let all: Vec<(Node, i64)> = (0..7).map(|i| (b.works(i).unwrap(), 1)).collect();
        assert_eq!(b.at_least(&all, 4), Err(TooLarge));
    }
}
