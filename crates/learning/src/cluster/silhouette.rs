//! How much nearer rows are to their own group than to the next.
//!
//! ```text
//! s_i = (b_i - a_i) / max(a_i, b_i)     a: mean distance to the others of its group, b: least mean distance to another group; alone: 0
//! ```
//!
//! Source: P. Rousseeuw, "Silhouettes", Journal of Computational and Applied Mathematics 20 (1987).

use crate::cluster::squared;
use crate::matrix::Matrix;

/// The value of every row, -1 to 1, from distances between rows. Rows of no group (none) have none. None at all for fewer than two groups.
pub fn of_distances(labels: &[Option<usize>], distance: impl Fn(usize, usize) -> f64) -> Option<Vec<Option<f64>>> {
    let groups = labels.iter().flatten().max()? + 1;
    let mut sizes = vec![0usize; groups];
    labels.iter().flatten().for_each(|&g| sizes[g] += 1);
    if sizes.iter().filter(|s| **s > 0).count() < 2 {
        return None;
    }
    let mut sums = vec![0.0; groups];
    let mut value = |i: usize| {
        let own = labels[i]?;
        if sizes[own] == 1 {
            return Some(0.0);
        }
        sums.fill(0.0);
        for (j, group) in labels.iter().enumerate() {
            if let Some(group) = group.filter(|_| j != i) {
                sums[group] += distance(i, j);
            }
        }
        let a = sums[own] / (sizes[own] - 1) as f64;
        let other = (0..groups).filter(|&g| g != own && sizes[g] > 0);
        let b = other.map(|g| sums[g] / sizes[g] as f64).fold(f64::INFINITY, f64::min);
        // Rows that all lie on one spot are no nearer to either.
        Some(if a.max(b) > 0.0 { (b - a) / a.max(b) } else { 0.0 })
    };
    Some((0..labels.len()).map(&mut value).collect())
}

/// The mean value of rows by straight distance; none for fewer than two groups.
pub fn mean(x: &Matrix, labels: &[usize]) -> Option<f64> {
    if labels.len() != x.rows() {
        return None;
    }
    let labels: Vec<Option<usize>> = labels.iter().copied().map(Some).collect();
    let values = of_distances(&labels, |i, j| squared(x.row(i), x.row(j)).sqrt())?;
    Some(values.iter().flatten().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_hand() {
        // On a line: 0, 1 and 4, 6, and one alone at 20.
        let x = Matrix::from_values(1, vec![0.0, 1.0, 4.0, 6.0, 20.0]);
        let labels = [Some(0), Some(0), Some(1), Some(1), Some(2)];
        let values = of_distances(&labels, |i, j| (x.at(i, 0) - x.at(j, 0)).abs()).unwrap();
        let by_hand = [(5.0 - 1.0) / 5.0, (4.0 - 1.0) / 4.0, (3.5 - 2.0) / 3.5, (5.5 - 2.0) / 5.5, 0.0];
        for (v, h) in values.iter().zip(by_hand) {
            assert!((v.unwrap() - h).abs() < 1e-12);
        }
        assert!((mean(&x, &[0, 0, 1, 1, 2]).unwrap() - by_hand.iter().sum::<f64>() / 5.0).abs() < 1e-12);
        assert_eq!(mean(&x, &[0; 5]), None);
        assert_eq!(mean(&x, &[0, 1]), None);
        let noise = of_distances(&[Some(0), Some(0), None, Some(1), None], |i, j| (x.at(i, 0) - x.at(j, 0)).abs()).unwrap();
        assert_eq!((noise[2], noise[0]), (None, Some(5.0 / 6.0)));
    }
}
