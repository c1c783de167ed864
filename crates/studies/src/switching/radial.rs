//! The radial networks that switches can make.
//!
//! Zones are the vertices of a graph, switches its edges, all sources one vertex, the root. A radial network that supplies everyone is a spanning
//! tree; closing an open switch makes one loop, and opening another switch of it a tree again: a branch exchange. What a tree is worth is the
//! caller's to say.

use super::forests::Edge;
use super::operator::{Operation, Operator};
use super::reconfigure::ReconfigureError;
use super::zones::{Sets, Switches, Zones};
use crate::synthetic::random::Random;
use std::collections::{HashSet, VecDeque};

/// Gives a tree, by edge as closed or open, its score; none where it is out of the question.
pub type Ask<'a, S, E> = dyn FnMut(&[bool]) -> Result<Option<S>, E> + 'a;

/// Zones with supply today, and the switches between them.
#[derive(Clone, Debug)]
pub struct Radial {
    pub zones: Zones,
    /// Vertices; vertex 0 is the root.
    pub n: usize,
    pub edges: Vec<Edge>,
    /// Switch of each edge, by its number in `zones`.
    pub switch: Vec<usize>,
    /// Whether each edge is closed today.
    pub today: Vec<bool>,
    /// Edges at each vertex.
    at: Vec<Vec<usize>>,
    /// Vertex of each zone; none where it has no supply today.
    vertex: Vec<Option<usize>>,
}

impl Radial {
    /// The graph of the network that an operator stands on.
    ///
    /// # Errors
    /// A network that is not radial as its switches stand, or that no exchange can change.
    pub fn new(operator: &Operator, which: Switches) -> Result<Self, ReconfigureError> {
        let zones = Zones::new(operator.base(), which, &HashSet::new());
        if let Some(s) = zones.loop_switch() {
            return Err(ReconfigureError::NotRadial { element: operator.network().full_name(zones.switches[s].element) });
        }
        let reached = zones.reached(|s| zones.switches[s].is_closed, |_| true);
        let mut vertex = vec![None; zones.n];
        zones.sources.iter().for_each(|&z| vertex[z] = Some(0));
        let mut n = 1;
        for z in (0..zones.n).filter(|&z| reached[z]) {
            if vertex[z].is_none() {
                vertex[z] = Some(n);
                n += 1;
            }
        }
        let (mut edges, mut switch) = (Vec::new(), Vec::new());
        for (s, at) in zones.switches.iter().enumerate() {
            if let (Some(a), Some(b)) = (vertex[at.between.0], vertex[at.between.1])
                && a != b
            {
                edges.push(Edge { a, b });
                switch.push(s);
            }
        }
        let today: Vec<bool> = switch.iter().map(|&s| zones.switches[s].is_closed).collect();
        if today.iter().all(|c| *c) {
            return Err(ReconfigureError::NoTie);
        }
        let mut at = vec![Vec::new(); n];
        for (e, edge) in edges.iter().enumerate() {
            at[edge.a].push(e);
            at[edge.b].push(e);
        }
        let radial = Self { zones, n, edges, switch, today, at, vertex };
        if (0..radial.edges.len()).filter(|&e| !radial.today[e]).all(|e| radial.path(&radial.today, e).is_empty()) {
            return Err(ReconfigureError::NoSwitch);
        }
        Ok(radial)
    }

    /// Whether a zone has supply today.
    pub fn is_supplied(&self, zone: usize) -> bool {
        self.vertex[zone].is_some()
    }

    /// Whether closed edges are a spanning tree.
    pub fn is_tree(&self, closed: &[bool]) -> bool {
        let mut sets = Sets::new(self.n);
        let mut n = 1;
        closed.len() == self.edges.len()
            && self.edges.iter().zip(closed).filter(|(_, c)| **c).all(|(e, _)| {
                n += 1;
                sets.join(e.a, e.b)
            })
            && n == self.n
    }

    /// What moves from today's network to another one.
    pub fn operations(&self, closed: &[bool]) -> Vec<Operation> {
        let differs = (0..closed.len()).filter(|&e| closed[e] != self.today[e]);
        differs.map(|e| self.operation(e, closed[e])).collect()
    }

    /// The operation of one edge.
    pub fn operation(&self, edge: usize, close: bool) -> Operation {
        let s = &self.zones.switches[self.switch[edge]];
        Operation { element: s.element, terminal: s.terminal, close }
    }

    /// Closed edges of the loop that closing an edge would make.
    pub fn path(&self, closed: &[bool], edge: usize) -> Vec<usize> {
        let mut parent: Vec<Option<usize>> = vec![None; self.n];
        let mut seen = vec![false; self.n];
        let (from, to) = (self.edges[edge].a, self.edges[edge].b);
        seen[from] = true;
        let mut queue = VecDeque::from([from]);
        while let Some(v) = queue.pop_front() {
            for &e in self.at[v].iter().filter(|e| closed[**e]) {
                let edge = &self.edges[e];
                let other = if edge.a == v { edge.b } else { edge.a };
                if !seen[other] {
                    seen[other] = true;
                    parent[other] = Some(e);
                    queue.push_back(other);
                }
            }
        }
        let mut path = Vec::new();
        let mut at = to;
        while let Some(e) = parent[at] {
            path.push(e);
            at = if self.edges[e].a == at { self.edges[e].b } else { self.edges[e].a };
        }
        path
    }

    /// A tree of random numbers: edges in random order, each taken where it closes no loop.
    pub fn random_tree(&self, random: &mut Random) -> Vec<bool> {
        let mut order: Vec<(f64, usize)> = (0..self.edges.len()).map(|e| (random.unit(), e)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut sets = Sets::new(self.n);
        let mut closed = vec![false; self.edges.len()];
        for (_, e) in order {
            closed[e] = sets.join(self.edges[e].a, self.edges[e].b);
        }
        closed
    }

    /// Makes the exchange that helps most until none does; returns the score reached and the number of exchanges.
    ///
    /// `is_less` ranks; `is_progress` says whether a step is more than rounding, which would never end.
    ///
    /// # Errors
    /// Those of `score`.
    pub fn descend<S: Copy, E>(
        &self,
        closed: &mut [bool],
        from: S,
        score: &mut Ask<'_, S, E>,
        is_less: &dyn Fn(&S, &S) -> bool,
        is_progress: &dyn Fn(&S, &S) -> bool,
    ) -> Result<(S, usize), E> {
        let mut at = from;
        let mut exchanges = 0;
        loop {
            let mut best: Option<(S, usize, usize)> = None;
            for e in 0..closed.len() {
                if closed[e] {
                    continue;
                }
                for f in self.path(closed, e) {
                    (closed[e], closed[f]) = (true, false);
                    let found = score(closed)?;
                    if let Some(found) = found
                        && is_less(&found, best.as_ref().map_or(&at, |b| &b.0))
                    {
                        best = Some((found, e, f));
                    }
                    (closed[e], closed[f]) = (false, true);
                }
            }
            let Some((found, e, f)) = best.filter(|b| is_progress(&at, &b.0)) else { return Ok((at, exchanges)) };
            (closed[e], closed[f]) = (true, false);
            at = found;
            exchanges += 1;
        }
    }
}
