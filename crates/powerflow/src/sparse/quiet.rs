//! An elimination order that puts rows without injection first.
//!
//! Where the right-hand side of an iteration is zero in most rows, and only the
//! other rows' values decide how it goes on, the quiet rows can be eliminated
//! once and left out of the sweeps: with the rows ordered quiet first,
//!
//! ```text
//! | A  B | |x_q|   |0|          L_22 D_22 L_22ᵀ x_a = b
//! |      | |   | = | |    ⟹
//! | Bᵀ C | |x_a|   |b|          (the trailing part of the factor of the whole)
//! ```
//!
//! so that forward and backward sweeps over the trailing columns give `x_a`, and one backward sweep over the leading ones gives `x_q` when it
//! is asked for. Eliminating a row joins its neighbours, and the trailing part pays for that: groups of quiet rows (the phases of a bus) are taken
//! greedily, cheapest first, as long as the entries that they add to the trailing part are no more than those that they take out of it.

use super::{Pattern, PatternBuilder, SparseError, approximate_minimum_degree};
use std::collections::BTreeSet;

/// Entries that a group may add beyond those it removes, a row: what a row's own work in a sweep is worth.
const ROW_WORTH: i64 = 1;

/// Groups with more neighbours than this are not looked at: they would join too many.
const MOST_NEIGHBOURS: usize = 32;

/// The graph that is left, as sorted lists of neighbours.
struct Graph {
    neighbours: Vec<Vec<u32>>,
}

impl Graph {
    /// Rows next to the group but not in it, and what its elimination adds less what it removes.
    fn cost(&self, group: &[u32], around: &mut Vec<u32>) -> Option<i64> {
        around.clear();
        let mut removed = 0;
        for &i in group {
            for &j in &self.neighbours[i as usize] {
                if group.contains(&j) {
                    // Seen from both ends.
                    removed += i64::from(j > i);
                } else {
                    removed += 1;
                    around.push(j);
                }
            }
        }
        around.sort_unstable();
        around.dedup();
        if around.len() > MOST_NEIGHBOURS {
            return None;
        }
        let joined: usize = around.iter().map(|&u| common(&self.neighbours[u as usize], around)).sum();
        let pairs = around.len() * around.len().saturating_sub(1);
        Some((pairs as i64 - joined as i64) / 2 - removed)
    }

    fn eliminate(&mut self, group: &[u32], around: &[u32]) {
        for &u in around {
            let list = &mut self.neighbours[u as usize];
            list.retain(|j| !group.contains(j));
            list.extend(around.iter().filter(|&&j| j != u));
            list.sort_unstable();
            list.dedup();
        }
        for &i in group {
            self.neighbours[i as usize] = Vec::new();
        }
    }
}

/// Number of values that two sorted lists share.
fn common(a: &[u32], b: &[u32]) -> usize {
    let (mut i, mut j, mut n) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                n += 1;
                i += 1;
                j += 1;
            }
        }
    }
    n
}

/// An order of all rows, and how many at its head are quiet rows that the rest can do without.
///
/// `groups` are disjoint lists of rows that are quiet; rows in none of them are never put first. The rest is ordered by approximate minimum
/// degree.
///
/// # Errors
/// `TooLarge` when what is left exceeds 32-bit slots.
pub fn quiet_first(pattern: &Pattern, groups: &[Vec<u32>]) -> Result<(Vec<u32>, usize), SparseError> {
    let n = pattern.order();
    let neighbours = (0..n as u32).map(|i| pattern.row(i).iter().copied().filter(|&j| j != i).collect()).collect();
    let mut graph = Graph { neighbours };
    let mut group_of = vec![u32::MAX; n];
    for (g, rows) in groups.iter().enumerate() {
        for &i in rows {
            group_of[i as usize] = g as u32;
        }
    }
    let mut order = Vec::with_capacity(n);
    let mut around = Vec::new();
    let mut queue = BTreeSet::new();
    let mut cost_of: Vec<Option<i64>> = vec![None; groups.len()];
    let worth = |rows: &[u32]| ROW_WORTH * rows.len() as i64;
    for (g, rows) in groups.iter().enumerate() {
        cost_of[g] = graph.cost(rows, &mut around).map(|c| c - worth(rows));
        queue.extend(cost_of[g].map(|c| (c, g as u32)));
    }
    while let Some((cost, g)) = queue.pop_first() {
        if cost > 0 {
            break;
        }
        let rows = &groups[g as usize];
        graph.cost(rows, &mut around);
        graph.eliminate(rows, &around);
        order.extend_from_slice(rows);
        cost_of[g as usize] = None;
        let mut touched: Vec<u32> = around.iter().map(|&u| group_of[u as usize]).filter(|&g| g != u32::MAX).collect();
        touched.sort_unstable();
        touched.dedup();
        for t in touched {
            let rows = &groups[t as usize];
            if let Some(old) = cost_of[t as usize] {
                queue.remove(&(old, t));
            }
            cost_of[t as usize] = graph.cost(rows, &mut around).map(|c| c - worth(rows));
            queue.extend(cost_of[t as usize].map(|c| (c, t)));
        }
    }
    let n_quiet = order.len();
    let mut place = vec![u32::MAX; n];
    let mut rest = Vec::with_capacity(n - n_quiet);
    let mut is_left = vec![true; n];
    for &i in &order {
        is_left[i as usize] = false;
    }
    for i in (0..n as u32).filter(|&i| is_left[i as usize]) {
        place[i as usize] = rest.len() as u32;
        rest.push(i);
    }
    let mut builder = PatternBuilder::new(rest.len() as u32);
    for &i in &rest {
        for &j in graph.neighbours[i as usize].iter().filter(|&&j| j < i) {
            builder.entry(place[i as usize], place[j as usize])?;
        }
    }
    order.extend(approximate_minimum_degree(&builder.build()?).into_iter().map(|k| rest[k as usize]));
    Ok((order, n_quiet))
}
