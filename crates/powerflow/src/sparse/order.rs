//! Approximate minimum degree ordering.
//!
//! Eliminating a variable joins all its neighbours into a clique. Writing the
//! cliques out would cost as much memory as the factor at every step, so the
//! graph is kept as a *quotient graph* (Amestoy, Davis, Duff, "An approximate
//! minimum degree ordering algorithm", SIAM J. Matrix Anal. Appl. 17, 1996,
//! and TOMS algorithm 837, 2004). An eliminated pivot `p` becomes an *element*
//! that lists the variables `L_p` of its clique. A variable `i` has a list of
//! elements `E_i` and a list of plain neighbours `A_i`; its true neighbourhood
//! is `A_i ∪ ⋃_{e ∈ E_i} L_e`.
//!
//! One step takes a variable `p` of least degree and
//!
//! 1. forms `L_p = (A_p ∪ ⋃_{e ∈ E_p} L_e) \ {p}`; the elements of `E_p` are
//!    now part of `p` (*absorption*);
//! 2. finds `|L_e \ L_p|` for every element `e` seen from `L_p`, by
//!    subtracting from `|L_e|` the weight of each `i ∈ L_p` that lists `e`;
//! 3. bounds the degree of every `i ∈ L_p` from above by
//!    `d_i = min(d_i + |L_p \ i|, |A_i \ i| + |L_p \ i| + Σ_{e≠p} |L_e \ L_p|)`
//!    and by the number of variables left. An element with `|L_e \ L_p| = 0`
//!    is absorbed although `p` did not touch it (*aggressive absorption*);
//! 4. eliminates at once every `i` whose only neighbourhood is `L_p` (*mass
//!    elimination*), and merges variables with equal lists, found by a hash of
//!    the lists, into one *supervariable* with a weight. The three phases of a
//!    bus usually become one.
//!
//! Rows with more than `max(16, 10 √n)` neighbours are put last beforehand:
//! they would make every degree update long and end up last anyway.
//!
//! The lists of variables only shrink: whenever `p` is added to `E_i`, either
//! `p` leaves `A_i` or an absorbed element leaves `E_i`. Lists of new elements
//! go to the end of the pool. Their total length does not exceed that of the
//! factor, which has to be stored anyway, so no space is reclaimed.
//!
//! Ties are broken by the order in which variables enter a degree list, hence
//! the result depends on nothing but the pattern.

use super::Pattern;

const NONE: u32 = u32::MAX;

/// Lists of variables by approximate degree, doubly linked.
struct DegreeLists {
    head: Vec<u32>,
    next: Vec<u32>,
    prev: Vec<u32>,
    least: usize,
}

impl DegreeLists {
    fn new(n: usize) -> Self {
        DegreeLists { head: vec![NONE; n + 1], next: vec![NONE; n], prev: vec![NONE; n], least: 0 }
    }

    fn insert(&mut self, i: u32, degree: usize) {
        let first = self.head[degree];
        self.next[i as usize] = first;
        self.prev[i as usize] = NONE;
        if first != NONE {
            self.prev[first as usize] = i;
        }
        self.head[degree] = i;
        self.least = self.least.min(degree);
    }

    fn remove(&mut self, i: u32, degree: usize) {
        let (next, prev) = (self.next[i as usize], self.prev[i as usize]);
        if next != NONE {
            self.prev[next as usize] = prev;
        }
        if prev != NONE {
            self.next[prev as usize] = next;
        } else {
            self.head[degree] = next;
        }
    }

    /// Takes a variable of least degree; the lists must not all be empty.
    fn pop(&mut self) -> Option<u32> {
        while self.least < self.head.len() {
            let i = self.head[self.least];
            if i != NONE {
                self.remove(i, self.least);
                return Some(i);
            }
            self.least += 1;
        }
        None
    }
}

/// Orders the rows of a symmetric pattern so that elimination in that order
/// fills in little. Returns `n` row numbers, first pivot first.
pub fn approximate_minimum_degree(pattern: &Pattern) -> Vec<u32> {
    let n = pattern.order();
    // Lists of variables and elements: `pool[start[i]..][..len[i]]`, of which
    // the first `elements[i]` are elements and the rest plain neighbours.
    let mut pool: Vec<u32> = Vec::with_capacity(2 * pattern.entries());
    let mut start = vec![0u32; n];
    let mut len = vec![0u32; n];
    let mut elements = vec![0u32; n];
    for i in 0..n as u32 {
        start[i as usize] = pool.len() as u32;
        pool.extend(pattern.row(i).iter().filter(|&&j| j != i));
        len[i as usize] = pool.len() as u32 - start[i as usize];
    }
    // Degree of a variable (approximate) or of an element (weight of L_e).
    let mut degree: Vec<usize> = len.iter().map(|&l| l as usize).collect();
    // Weight: number of rows a supervariable stands for; negative while it is
    // in the clique being formed; zero once merged, eliminated or set aside.
    let mut weight = vec![1i64; n];
    let mut alive_element = vec![false; n];
    // Marks of step 2 (|L_e \ L_p| + mark) and of the list comparison.
    let mut seen = vec![0u64; n];
    let mut mark = 1u64;
    // Rows that follow a supervariable in the ordering, as linked chains.
    let mut follower = vec![NONE; n];
    let mut chain_end: Vec<u32> = (0..n as u32).collect();
    let mut lists = DegreeLists::new(n);
    let mut order: Vec<u32> = Vec::with_capacity(n);
    let mut kept: Vec<u32> = Vec::new();
    let mut candidates: Vec<(u64, u32)> = Vec::new();

    let dense_from = ((10.0 * (n as f64).sqrt()) as usize).max(16);
    let mut dense: Vec<u32> = Vec::new();
    for i in (0..n as u32).rev() {
        if degree[i as usize] > dense_from {
            weight[i as usize] = 0;
            dense.push(i);
        } else {
            lists.insert(i, degree[i as usize]);
        }
    }
    dense.sort_by_key(|&i| (degree[i as usize], i));
    let mut left = (n - dense.len()) as i64;

    while left > 0 {
        let Some(p) = lists.pop() else { break };
        let pu = p as usize;
        let mut pivot_weight = weight[pu];
        left -= pivot_weight;
        weight[pu] = 0;

        // 1. The clique of p.
        let clique_start = pool.len();
        let mut clique_weight = 0i64;
        let take =
            |range: std::ops::Range<usize>, pool: &mut Vec<u32>, weight: &mut [i64], lists: &mut DegreeLists, clique_weight: &mut i64| {
                for q in range {
                    let i = pool[q];
                    let w = weight[i as usize];
                    if w > 0 {
                        *clique_weight += w;
                        weight[i as usize] = -w;
                        lists.remove(i, degree[i as usize]);
                        pool.push(i);
                    }
                }
            };
        let own = start[pu] as usize..(start[pu] + len[pu]) as usize;
        let split = own.start + elements[pu] as usize;
        take(split..own.end, &mut pool, &mut weight, &mut lists, &mut clique_weight);
        for q in own.start..split {
            let e = pool[q] as usize;
            if alive_element[e] {
                let range = start[e] as usize..(start[e] + len[e]) as usize;
                take(range, &mut pool, &mut weight, &mut lists, &mut clique_weight);
                alive_element[e] = false;
            }
        }
        let clique_end = pool.len();
        alive_element[pu] = true;
        start[pu] = clique_start as u32;

        // 2. |L_e \ L_p| of every element met from the clique.
        for q in clique_start..clique_end {
            let i = pool[q] as usize;
            let w = (-weight[i]) as u64;
            let first = start[i] as usize;
            for &e in &pool[first..first + elements[i] as usize] {
                let e = e as usize;
                if !alive_element[e] {
                    continue;
                }
                if seen[e] < mark {
                    seen[e] = mark + degree[e] as u64;
                }
                seen[e] -= w;
            }
        }

        // 3. Degrees, shrunken lists, and variables to eliminate with p.
        candidates.clear();
        for q in clique_start..clique_end {
            let i = pool[q] as usize;
            let w = -weight[i];
            let first = start[i] as usize;
            let split = first + elements[i] as usize;
            let end = first + len[i] as usize;
            let mut bound = 0u64;
            let mut hash = 0u64;
            kept.clear();
            kept.push(p);
            for &e in &pool[first..split] {
                if !alive_element[e as usize] {
                    continue;
                }
                let outside = seen[e as usize] - mark;
                if outside > 0 {
                    bound += outside;
                    hash += e as u64;
                    kept.push(e);
                } else {
                    alive_element[e as usize] = false;
                }
            }
            let kept_elements = kept.len();
            for &j in &pool[split..end] {
                if weight[j as usize] > 0 {
                    bound += weight[j as usize] as u64;
                    hash += j as u64;
                    kept.push(j);
                }
            }
            if bound == 0 {
                pivot_weight += w;
                left -= w;
                clique_weight -= w;
                weight[i] = 0;
                join(&mut follower, &mut chain_end, p, i as u32);
                continue;
            }
            degree[i] = degree[i].min(bound as usize);
            pool[first..first + kept.len()].copy_from_slice(&kept);
            elements[i] = kept_elements as u32;
            len[i] = kept.len() as u32;
            candidates.push((hash, i as u32));
        }
        // Every value of `seen` from this step stays below the new mark.
        mark += n as u64 + 1;

        // 4. Variables with equal lists. Sorting keeps equal hashes together
        // and, being stable, the order of the clique within them.
        candidates.sort_by_key(|&(hash, _)| hash);
        let mut at = 0;
        while at < candidates.len() {
            let group_end = candidates[at..].iter().position(|c| c.0 != candidates[at].0).map_or(candidates.len(), |d| at + d);
            while at + 1 < group_end {
                let i = candidates[at].1 as usize;
                if weight[i] == 0 {
                    at += 1;
                    continue;
                }
                let list = |k: usize| start[k] as usize + 1..(start[k] + len[k]) as usize;
                for &x in &pool[list(i)] {
                    seen[x as usize] = mark;
                }
                for c in at + 1..group_end {
                    let j = candidates[c].1 as usize;
                    if weight[j] != 0
                        && len[j] == len[i]
                        && elements[j] == elements[i]
                        && pool[list(j)].iter().all(|&x| seen[x as usize] == mark)
                    {
                        weight[i] += weight[j];
                        weight[j] = 0;
                        join(&mut follower, &mut chain_end, i as u32, j as u32);
                    }
                }
                mark += 1;
                at += 1;
            }
            at = group_end;
        }

        // The clique keeps its live variables, which go back to the lists.
        let mut end = clique_start;
        for q in clique_start..clique_end {
            let i = pool[q] as usize;
            if weight[i] == 0 {
                continue;
            }
            let w = -weight[i];
            weight[i] = w;
            let d = (degree[i] as i64 + clique_weight - w).min(left - w).max(0);
            degree[i] = d as usize;
            lists.insert(i as u32, degree[i]);
            pool[end] = i as u32;
            end += 1;
        }
        pool.truncate(end);
        len[pu] = (end - clique_start) as u32;
        degree[pu] = clique_weight as usize;
        if end == clique_start {
            alive_element[pu] = false;
        }
        debug_assert!(pivot_weight > 0);

        let mut row = p;
        while row != NONE {
            order.push(row);
            row = follower[row as usize];
        }
    }
    order.extend(dense);
    order
}

/// Appends the chain of rows led by `j` to the chain led by `i`.
fn join(follower: &mut [u32], chain_end: &mut [u32], i: u32, j: u32) {
    follower[chain_end[i as usize] as usize] = j;
    chain_end[i as usize] = chain_end[j as usize];
}
