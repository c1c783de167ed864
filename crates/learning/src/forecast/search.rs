//! The least value of a function of a few variables, by the simplex of Nelder and Mead (1965).
//!
//! The worst of `n + 1` points is reflected in the middle of the others (1), and the step is doubled (2), halved (1/2) or halved on the near side (-1/2) by what
//! is found; where nothing helps, all points move halfway to the best. Figures are those of Lagarias et al. (1998).

/// The point with the least value found, and that value. `start` with one step a variable makes the first simplex; ends when all values of the simplex lie within
/// `tolerance` times the best or after `most` values.
pub fn least(start: &[f64], steps: &[f64], tolerance: f64, most: usize, mut value: impl FnMut(&[f64]) -> f64) -> (Vec<f64>, f64) {
    let n = start.len();
    let mut of = |p: &[f64]| {
        let v = value(p);
        if v.is_nan() { f64::INFINITY } else { v }
    };
    let mut simplex: Vec<(Vec<f64>, f64)> = Vec::with_capacity(n + 1);
    simplex.push((start.to_vec(), of(start)));
    for i in 0..n {
        let mut p = start.to_vec();
        p[i] += steps[i];
        let v = of(&p);
        simplex.push((p, v));
    }
    let mut used = n + 1;
    while used < most {
        simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (best, worst) = (simplex[0].1, simplex[n].1);
        if worst - best <= tolerance * best.abs() {
            break;
        }
        let middle: Vec<f64> = (0..n).map(|i| simplex[..n].iter().map(|s| s.0[i]).sum::<f64>() / n as f64).collect();
        let mut at = |factor: f64| {
            let p: Vec<f64> = (0..n).map(|i| middle[i] + factor * (middle[i] - simplex[n].0[i])).collect();
            let v = of(&p);
            used += 1;
            (p, v)
        };
        let reflected = at(1.0);
        let next = if reflected.1 < best {
            let further = at(2.0);
            if further.1 < reflected.1 { further } else { reflected }
        } else if reflected.1 < simplex[n - 1].1 {
            reflected
        } else if reflected.1 < worst {
            let outside = at(0.5);
            if outside.1 <= reflected.1 { outside } else { (Vec::new(), f64::INFINITY) }
        } else {
            let inside = at(-0.5);
            if inside.1 < worst { inside } else { (Vec::new(), f64::INFINITY) }
        };
        if next.0.is_empty() {
            let anchor = simplex[0].0.clone();
            for (p, v) in &mut simplex[1..] {
                p.iter_mut().zip(&anchor).for_each(|(x, a)| *x = a + 0.5 * (*x - a));
                *v = of(p);
                used += 1;
            }
        } else {
            simplex[n] = next;
        }
    }
    simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
    simplex.swap_remove(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottom_of_a_bent_valley_is_found() {
        // Rosenbrock's function is 0 at (1, 1).
        let (at, value) = least(&[-1.2, 1.0], &[0.1, 0.1], 0.0, 400, |p| (1.0 - p[0]).powi(2) + 100.0 * (p[1] - p[0] * p[0]).powi(2));
        assert!(value < 1e-12 && (at[0] - 1.0).abs() < 1e-5 && (at[1] - 1.0).abs() < 1e-5, "{at:?} {value}");
        // Where the function has no value nothing is found.
        let (at, _) = least(&[0.5], &[0.1], 1e-12, 200, |p| if p[0] < 0.0 { f64::NAN } else { (p[0] + 1.0).powi(2) });
        assert!((0.0..1e-4).contains(&at[0]), "{at:?}");
    }
}
