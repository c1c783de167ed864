//! Branch and bound over radial configurations.
//!
//! # Derivation
//!
//! Every loop must be open somewhere. A node of the search has some lines open and some held closed; its bound is that of `bound`. Lines whose
//! opening would raise the bound to the best known value are held closed. Of the graph in which what is held closed is drawn together the shortest
//! loop is taken; in each better configuration one of its lines is open. The first child opens the line with the least rise, the second holds that
//! one closed and opens the next, and so on: the children share no configuration and leave none out. A loop of lines held closed has none.
//!
//! Where all loops are open there is one tree. Its own bound is taken first, by sweeps, and only where that is below the best known value the power
//! flow of the whole network is asked. So the answer is proven up to [`PROOF`] once all nodes are done; where they are too many, the least bound of
//! what was not looked at still holds for everything.

use super::bound::{Loops, Meshed, Ways};
use crate::switching::radial::Ask;
use crate::switching::zones::Sets;
use std::collections::VecDeque;

/// Part of the best value within which two configurations are not told apart.
pub const PROOF: f64 = 1e-7;

/// How a search went.
#[derive(Clone, Debug, PartialEq)]
pub struct Searched {
    /// No admissible configuration is better than this, kW.
    pub bound_kw: f64,
    /// Bound before anything was branched on, kW.
    pub root_kw: f64,
    /// All nodes were done.
    pub is_whole: bool,
    pub n_nodes: u64,
    /// Trees whose own bound was taken, and those whose power flow was asked.
    pub n_trees: u64,
    pub n_asked: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Free,
    Closed,
    Open,
}

struct Search<'a, E> {
    ways: &'a Ways,
    loops: Loops,
    n_switches: usize,
    add_kw: f64,
    best_kw: f64,
    left_kw: f64,
    max_nodes: u64,
    done: Searched,
    ask: &'a mut Ask<'a, f64, E>,
}

/// Searches the best radial configuration.
///
/// `best_kw` is the value of a configuration that is known already. `ask` solves one, given by switch as closed or open, and gives its value where it
/// is admissible; it keeps the best itself. None where the ways do not hang together.
///
/// # Errors
/// Those of `ask`.
pub fn search<E>(ways: &Ways, n_switches: usize, best_kw: f64, max_nodes: u64, ask: &mut Ask<'_, f64, E>) -> Result<Option<Searched>, E> {
    let Some((loops, flow)) = ways.meshed(&|w| w.cost_kw_per_a2) else { return Ok(None) };
    let add_kw = ways.losses_add_kw();
    let root_kw = flow.cost_kw + add_kw;
    let done = Searched { bound_kw: root_kw, root_kw, is_whole: false, n_nodes: 0, n_trees: 0, n_asked: 0 };
    let mut search = Search { ways, loops, n_switches, add_kw, best_kw, left_kw: f64::INFINITY, max_nodes, done, ask };
    let fates = ways.ways.iter().map(|w| if w.switch.is_some() { Fate::Free } else { Fate::Closed }).collect();
    search.go(&flow, fates)?;
    let is_whole = search.left_kw == f64::INFINITY;
    // What was pruned lies no farther below the best than the proof tells apart.
    let bound_kw = search.left_kw.min(search.best_kw * (1.0 - PROOF)).max(root_kw.min(search.best_kw));
    Ok(Some(Searched { bound_kw, is_whole, ..search.done }))
}

impl<E> Search<'_, E> {
    fn is_beaten(&self, bound_kw: f64) -> bool {
        bound_kw >= self.best_kw * (1.0 - PROOF)
    }

    fn go(&mut self, flow: &Meshed, mut fates: Vec<Fate>) -> Result<(), E> {
        self.done.n_nodes += 1;
        if flow.n_loops == 0 {
            return self.tree(&fates);
        }
        let here_kw = flow.cost_kw + self.add_kw;
        let mut rises: Vec<f64> = Vec::with_capacity(fates.len());
        for (e, fate) in fates.iter_mut().enumerate() {
            let rise = if *fate == Fate::Free { self.loops.rise_kw(flow, e) } else { f64::INFINITY };
            rises.push(rise);
            if *fate == Fate::Free && self.is_beaten(here_kw + rise) {
                *fate = Fate::Closed;
            }
        }
        let Some(mut ring) = self.shortest_loop(&fates) else { return Ok(()) };
        ring.sort_by(|&a, &b| rises[a].total_cmp(&rises[b]).then(a.cmp(&b)));
        for e in ring {
            let child_kw = here_kw + rises[e];
            if !self.is_beaten(child_kw) {
                if self.done.n_nodes >= self.max_nodes {
                    self.left_kw = self.left_kw.min(child_kw);
                } else {
                    let mut child = fates.clone();
                    child[e] = Fate::Open;
                    let opened = self.loops.opened(flow, e);
                    self.go(&opened, child)?;
                }
            }
            fates[e] = Fate::Closed;
        }
        Ok(())
    }

    /// Free ways of a shortest loop of the graph in which what is held closed is drawn together; none where what is held closed has a loop.
    fn shortest_loop(&self, fates: &[Fate]) -> Option<Vec<usize>> {
        let ways = &self.ways.ways;
        let mut sets = Sets::new(self.ways.n());
        for (w, _) in ways.iter().zip(fates).filter(|(_, f)| **f == Fate::Closed) {
            if !sets.join(w.a, w.b) {
                return None;
            }
        }
        let free: Vec<(usize, usize, usize)> =
            (0..ways.len()).filter(|&e| fates[e] == Fate::Free).map(|e| (e, sets.find(ways[e].a), sets.find(ways[e].b))).collect();
        if let Some(&(e, ..)) = free.iter().find(|(_, a, b)| a == b) {
            return Some(vec![e]);
        }
        let mut at: Vec<Vec<usize>> = vec![Vec::new(); self.ways.n()];
        for (k, &(_, a, b)) in free.iter().enumerate() {
            at[a].push(k);
            at[b].push(k);
        }
        let mut best: Option<Vec<usize>> = None;
        let mut by: Vec<Option<usize>> = vec![None; self.ways.n()];
        let mut hops = vec![usize::MAX; self.ways.n()];
        for (k, &(e, from, to)) in free.iter().enumerate() {
            let shortest = best.as_ref().map_or(usize::MAX, Vec::len);
            if shortest <= 2 {
                break;
            }
            by.fill(None);
            hops.fill(usize::MAX);
            hops[from] = 0;
            let mut queue = VecDeque::from([from]);
            while let Some(v) = queue.pop_front() {
                if v == to || hops[v] + 2 >= shortest {
                    break;
                }
                for &j in at[v].iter().filter(|&&j| j != k) {
                    let next = if free[j].1 == v { free[j].2 } else { free[j].1 };
                    if hops[next] == usize::MAX {
                        hops[next] = hops[v] + 1;
                        by[next] = Some(j);
                        queue.push_back(next);
                    }
                }
            }
            if hops[to] == usize::MAX || hops[to] + 1 >= shortest {
                continue;
            }
            let mut ring = vec![e];
            let mut v = to;
            while let Some(j) = by[v] {
                ring.push(free[j].0);
                v = if free[j].1 == v { free[j].2 } else { free[j].1 };
            }
            best = Some(ring);
        }
        best
    }

    fn tree(&mut self, fates: &[Fate]) -> Result<(), E> {
        self.done.n_trees += 1;
        let own = self.ways.of_tree(&|e| fates[e] != Fate::Open);
        if own.is_none_or(|own| self.is_beaten(own)) {
            return Ok(());
        }
        self.done.n_asked += 1;
        let mut closed = vec![true; self.n_switches];
        for (w, _) in self.ways.ways.iter().zip(fates).filter(|(_, f)| **f == Fate::Open) {
            if let Some(s) = w.switch {
                closed[s] = false;
            }
        }
        if let Some(value) = (self.ask)(&closed)? {
            self.best_kw = self.best_kw.min(value);
        }
        Ok(())
    }
}
