//! Groups of rows and of curves: [`kmeans`] with a choice of their number, [`dbscan`] by density, [`dtw`] for curves that run alike but not at
//! the same time, and [`silhouette`], which says how good groups are.

pub mod dbscan;
pub mod dtw;
pub mod kmeans;
pub mod silhouette;

/// Squared distance of two rows.
pub(crate) fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
