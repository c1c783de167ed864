//! Groups of rows that lie close together, however shaped; what lies alone belongs to none.
//!
//! A row with at least `least` rows within `reach` of it, itself counted, is a core. Cores within reach of each other are one group, with
//! all that any of them reaches. Groups are numbered by their first core; a row at the edge of two belongs to the one with the lower number.
//!
//! Neighbours are looked for among the rows whose value in the widest column is within reach, so that the work grows with the square of the rows
//! only where all lie within reach of each other in that column.
//!
//! Source: M. Ester, H.-P. Kriegel, J. Sander, X. Xu, "A density-based algorithm for discovering clusters", KDD 1996.

use crate::cluster::squared;
use crate::guard::{Faults, FitError, Needs, table_faults};
use crate::matrix::Matrix;

/// Groups by density.
#[derive(Clone, Debug, PartialEq)]
pub struct Dbscan {
    /// Group of each row; none for rows that lie alone.
    pub labels: Vec<Option<usize>>,
    /// Whether each row is a core.
    pub core: Vec<bool>,
    pub groups: usize,
}

/// Finds groups of rows within `reach` (in the unit of the columns, which should be one and the same) of each other.
///
/// # Errors
///
/// No rows, values that are not finite, a reach that is not positive, `least` of zero.
pub fn dbscan(x: &Matrix, reach: f64, least: usize) -> Result<Dbscan, FitError> {
    let mut faults = Faults::default();
    table_faults(x, Needs { rows: 1, missing: false, varying: false }, &mut faults);
    faults.choice(reach > 0.0 && reach.is_finite(), "the reach", reach, "above zero");
    faults.choice(least > 0, "the rows of a core", least as f64, "at least 1");
    faults.none()?;
    let n = x.rows();
    let widest = (0..x.columns()).max_by(|&a, &b| width(x, a).total_cmp(&width(x, b))).unwrap_or(0);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_unstable_by(|&a, &b| x.at(a, widest).total_cmp(&x.at(b, widest)).then(a.cmp(&b)));
    let along: Vec<f64> = order.iter().map(|&i| x.at(i, widest)).collect();
    let neighbours = |row: usize, found: &mut Vec<usize>| {
        found.clear();
        let at = x.at(row, widest);
        // A hair further, since the distance itself is rounded otherwise than this difference.
        let margin = reach * (1.0 + 1e-12);
        let from = along.partition_point(|v| *v < at - margin);
        let to = along.partition_point(|v| *v <= at + margin);
        found.extend(order[from..to].iter().copied().filter(|&other| squared(x.row(row), x.row(other)).sqrt() <= reach));
    };
    let mut found = Vec::new();
    let core: Vec<bool> = (0..n)
        .map(|row| {
            neighbours(row, &mut found);
            found.len() >= least
        })
        .collect();
    let mut labels: Vec<Option<usize>> = vec![None; n];
    let mut groups = 0;
    let mut open = Vec::new();
    for first in 0..n {
        if !core[first] || labels[first].is_some() {
            continue;
        }
        labels[first] = Some(groups);
        open.push(first);
        while let Some(row) = open.pop() {
            neighbours(row, &mut found);
            for &other in &found {
                if labels[other].is_none() {
                    labels[other] = Some(groups);
                    if core[other] {
                        open.push(other);
                    }
                }
            }
        }
        groups += 1;
    }
    Ok(Dbscan { labels, core, groups })
}

fn width(x: &Matrix, column: usize) -> f64 {
    let (low, high) = x.column(column).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    high - low
}

#[cfg(test)]
mod tests {
    use super::*;
    use studies::synthetic::random::Random;

    #[test]
    fn groups_edges_and_loners_by_hand() {
        // Cores need three: 1, 2, 3 are cores, 0 and 4 edges; 10, 11 are two and no group; 20, 21, 22 a group with one core.
        let x = Matrix::from_values(1, vec![21.0, 22.0, 20.0, 0.0, 1.0, 2.0, 3.0, 4.0, 10.0, 11.0]);
        let found = dbscan(&x, 1.0, 3).unwrap();
        let g = |k: usize| Some(k);
        assert_eq!(found.labels, [g(0), g(0), g(0), g(1), g(1), g(1), g(1), g(1), None, None]);
        assert_eq!(found.core, [true, false, false, false, true, true, true, false, false, false]);
        assert_eq!(found.groups, 2);
    }

    #[test]
    fn groups_are_the_connected_cores_of_all_pairs() {
        let mut r = Random::new(2, 0, 0);
        for _ in 0..20 {
            let n = 80;
            let x = Matrix::from_values(3, (0..3 * n).map(|_| r.unit()).collect());
            let (reach, least) = (0.2, 4);
            let found = dbscan(&x, reach, least).unwrap();
            let near = |a: usize, b: usize| squared(x.row(a), x.row(b)).sqrt() <= reach;
            let core: Vec<bool> = (0..n).map(|a| (0..n).filter(|&b| near(a, b)).count() >= least).collect();
            assert_eq!(core, found.core);
            // Labels of cores spread until nothing changes.
            let mut label: Vec<usize> = (0..n).collect();
            for _ in 0..n {
                for a in 0..n {
                    for b in 0..n {
                        if core[a] && core[b] && near(a, b) {
                            label[a] = label[a].min(label[b]);
                        }
                    }
                }
            }
            for a in 0..n {
                for b in 0..n {
                    if core[a] && core[b] {
                        assert_eq!(label[a] == label[b], found.labels[a] == found.labels[b]);
                    }
                }
                let edge: Vec<usize> = (0..n).filter(|&b| core[b] && near(a, b)).filter_map(|b| found.labels[b]).collect();
                assert_eq!(found.labels[a], edge.into_iter().min());
            }
        }
    }

    #[test]
    fn bad_choices_are_refused() {
        let x = Matrix::from_values(1, vec![1.0, f64::NAN]);
        assert_eq!(dbscan(&x, 0.0, 0).unwrap_err().faults.len(), 3);
        assert!(dbscan(&Matrix::new(2), 1.0, 1).is_err());
    }
}
