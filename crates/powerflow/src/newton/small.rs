//! Small dense real systems: direct-current networks and the sensitivities of controls.

/// Solves `a x = b` by elimination with row pivoting; `a` is row by row, `b` becomes `x`. `false` where `a` is singular to working precision.
pub fn solve_dense(a: &mut [f64], b: &mut [f64]) -> bool {
    let n = b.len();
    if a.len() != n * n {
        return false;
    }
    let scale: Vec<f64> = (0..n).map(|i| a[i * n..(i + 1) * n].iter().fold(0.0f64, |m, x| m.max(x.abs()))).collect();
    let mut rows: Vec<usize> = (0..n).collect();
    for k in 0..n {
        // Pivots are compared in units of their own row, for rows count in different units.
        let size = |r: usize| if scale[r] > 0.0 { a[r * n + k].abs() / scale[r] } else { 0.0 };
        let p = (k..n).max_by(|&i, &j| size(rows[i]).total_cmp(&size(rows[j]))).unwrap_or(k);
        let best = size(rows[p]);
        if !(best > 1e-13 && best.is_finite()) {
            return false;
        }
        rows.swap(k, p);
        let pivot_row = rows[k];
        for &r in &rows[k + 1..] {
            let factor = a[r * n + k] / a[pivot_row * n + k];
            if factor != 0.0 {
                for c in k..n {
                    a[r * n + c] -= factor * a[pivot_row * n + c];
                }
                b[r] -= factor * b[pivot_row];
            }
        }
    }
    let mut x = vec![0.0; n];
    for k in (0..n).rev() {
        let r = rows[k];
        let sum: f64 = (k + 1..n).map(|c| a[r * n + c] * x[c]).sum();
        x[k] = (b[r] - sum) / a[r * n + k];
    }
    b.copy_from_slice(&x);
    b.iter().all(|x| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::solve_dense;

    #[test]
    fn solves_with_pivoting_and_sees_singularity() {
        let mut a = vec![0.0, 2.0, 1.0, 1.0, 1e-6, 0.0, 3.0, 0.0, 1e6];
        let x = [1.0, -2.0, 3.0];
        let mut b: Vec<f64> = (0..3).map(|i| (0..3).map(|j| a[i * 3 + j] * x[j]).sum()).collect();
        assert!(solve_dense(&mut a, &mut b));
        for (x, b) in x.iter().zip(&b) {
            assert!((x - b).abs() < 1e-9, "{x} {b}");
        }
        assert!(!solve_dense(&mut [1.0, 2.0, 2.0, 4.0], &mut [1.0, 2.0]));
        assert!(!solve_dense(&mut [1.0], &mut [1.0, 2.0]));
        assert!(!solve_dense(&mut [f64::NAN], &mut [1.0]));
    }
}
