//! Bayesian optimisation: the least value of a function that is dear to compute, by a Gaussian process and expected improvement.
//!
//! Of a cost `F(x)` a cheap guess `m(x)` is known (a linearised model, or nothing: 0). What the guess leaves, `y = F - m`, is taken as a
//! Gaussian process of mean 0 with the Matern covariance of smoothness 5/2 (Rasmussen and Williams 2006, equation 4.17), on inputs that are
//! divided by a scale for each of them:
//!
//! ```text
//! k(x, x') = s² c(r),   c(r) = (1 + √5 r + 5 r²/3) exp(-√5 r),   r = |x - x'| / l
//! ```
//!
//! With `C` the matrix of `c` between the points tried and a trace of noise `e` on its diagonal, the process at `x` given what was found is
//! normal (there, 2.25 and 2.26):
//!
//! ```text
//! mean      c(x)ᵀ C⁻¹ y
//! variance  s² (1 - c(x)ᵀ C⁻¹ c(x))
//! ```
//!
//! The variance that makes the data most likely for a given length has the closed form `s² = yᵀ C⁻¹ y / n`, which leaves (there, 2.30)
//!
//! ```text
//! ln p = - n/2 (1 + ln 2π + ln s²) - 1/2 ln |C|
//! ```
//!
//! to be made greatest over `l`, by trying a row of lengths.
//!
//! The next point is the one from which most is to be expected (Mockus 1975; Jones, Schonlau and Welch 1998, equation 15): with the least
//! cost so far `f`, `μ = m(x) + mean`, `σ` the deviation and `z = (f - μ)/σ`
//!
//! ```text
//! EI = E[max(f - F(x), 0)] = (f - μ) Φ(z) + σ φ(z)
//! ```
//!
//! which ends the search when it is next to nothing. Inputs of few values (taps) live on a grid; EI is only asked at points of the grid, so
//! that no point is taken for another that rounds to it.

use studies::synthetic::random::Random;

/// Nugget: what is added to the diagonal, as a share of the variance.
const NUGGET: f64 = 1e-8;

/// `A = L Lᵀ` of a symmetric positive definite matrix.
#[derive(Clone, Debug)]
pub struct Cholesky {
    n: usize,
    /// Lower triangle, row after row, `n` by `n`.
    l: Vec<f64>,
}

impl Cholesky {
    /// Of a matrix row after row; none where it is not positive definite.
    pub fn new(n: usize, a: &[f64]) -> Option<Self> {
        let mut l = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let sum: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
                let rest = a[i * n + j] - sum;
                if i == j {
                    if !(rest.is_finite() && rest > 0.0) {
                        return None;
                    }
                    l[i * n + i] = rest.sqrt();
                } else {
                    l[i * n + j] = rest / l[j * n + j];
                }
            }
        }
        Some(Self { n, l })
    }

    /// `L⁻¹ b`.
    fn forward(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        for i in 0..self.n {
            let sum: f64 = (0..i).map(|k| self.l[i * self.n + k] * x[k]).sum();
            x[i] = (x[i] - sum) / self.l[i * self.n + i];
        }
        x
    }

    /// `A⁻¹ b`.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = self.forward(b);
        for i in (0..self.n).rev() {
            let sum: f64 = (i + 1..self.n).map(|k| self.l[k * self.n + i] * x[k]).sum();
            x[i] = (x[i] - sum) / self.l[i * self.n + i];
        }
        x
    }

    /// `L⁻ᵀ b`: of independent standard normals, one with covariance `A⁻¹`.
    pub fn scatter(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        for i in (0..self.n).rev() {
            let sum: f64 = (i + 1..self.n).map(|k| self.l[k * self.n + i] * x[k]).sum();
            x[i] = (x[i] - sum) / self.l[i * self.n + i];
        }
        x
    }

    pub fn log_determinant(&self) -> f64 {
        2.0 * (0..self.n).map(|i| self.l[i * self.n + i].ln()).sum::<f64>()
    }

    /// Diagonal of `A⁻¹`.
    pub fn inverse_diagonal(&self) -> Vec<f64> {
        let column = |i: usize| {
            let mut e = vec![0.0; self.n];
            e[i] = 1.0;
            self.solve(&e)[i]
        };
        (0..self.n).map(column).collect()
    }
}

/// Standard normal distribution function, by the series of erf (Abramowitz and Stegun 7.1.6) and, beyond 2, Laplace's continued fraction
/// (7.1.14).
pub fn normal_cdf(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let upper = if x < 2.0 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
            if term < 1e-18 * sum {
                break;
            }
        }
        0.5 - 0.5 * std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
    } else {
        let fraction = (1..=160).rev().fold(x, |fraction, n| x + f64::from(n) / 2.0 / fraction);
        0.5 * (-x * x).exp() / (fraction * std::f64::consts::PI.sqrt())
    };
    if z > 0.0 { 1.0 - upper } else { upper }
}

fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()
}

/// Expected improvement on the cost `least` where the cost is normal with this mean and deviation.
pub fn expected_improvement(least: f64, mean: f64, sd: f64) -> f64 {
    if sd <= 0.0 {
        return (least - mean).max(0.0);
    }
    let z = (least - mean) / sd;
    ((least - mean) * normal_cdf(z) + sd * normal_density(z)).max(0.0)
}

/// A Gaussian process given what was found.
#[derive(Clone, Debug)]
pub struct Process {
    points: Vec<Vec<f64>>,
    scale: Vec<f64>,
    length: f64,
    variance: f64,
    factor: Cholesky,
    /// `C⁻¹ y`.
    weights: Vec<f64>,
}

impl Process {
    /// With the length, of those tried, for which the data are most likely. None without points, or where they cannot be told apart.
    pub fn fit(points: &[Vec<f64>], y: &[f64], scale: &[f64], lengths: &[f64]) -> Option<Self> {
        let tried = lengths.iter().filter_map(|&length| Self::with_length(points, y, scale, length));
        tried.map(|p| (p.log_likelihood(), p)).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, p)| p)
    }

    /// With a given length.
    pub fn with_length(points: &[Vec<f64>], y: &[f64], scale: &[f64], length: f64) -> Option<Self> {
        let n = points.len();
        if n == 0 {
            return None;
        }
        let mut c = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..n {
                c[i * n + j] = correlation(&points[i], &points[j], scale, length) + if i == j { NUGGET } else { 0.0 };
            }
        }
        let factor = Cholesky::new(n, &c)?;
        let weights = factor.solve(y);
        let variance = y.iter().zip(&weights).map(|(y, w)| y * w).sum::<f64>().max(1e-300) / n as f64;
        Some(Self { points: points.to_vec(), scale: scale.to_vec(), length, variance, factor, weights })
    }

    /// Mean and deviation at a point.
    pub fn at(&self, x: &[f64]) -> (f64, f64) {
        let c: Vec<f64> = self.points.iter().map(|p| correlation(p, x, &self.scale, self.length)).collect();
        let mean = c.iter().zip(&self.weights).map(|(c, w)| c * w).sum();
        let known: f64 = self.factor.forward(&c).iter().map(|v| v * v).sum();
        (mean, (self.variance * (1.0 - known).max(0.0)).sqrt())
    }

    /// Of what was found, at the variance that makes it greatest.
    pub fn log_likelihood(&self) -> f64 {
        let n = self.points.len() as f64;
        -0.5 * n * (1.0 + std::f64::consts::TAU.ln() + self.variance.ln()) - 0.5 * self.factor.log_determinant()
    }

    pub fn length(&self) -> f64 {
        self.length
    }
}

fn correlation(a: &[f64], b: &[f64], scale: &[f64], length: f64) -> f64 {
    let squares: f64 = a.iter().zip(b).zip(scale).map(|((a, b), s)| ((a - b) / s).powi(2)).sum();
    let r = squares.sqrt() / length * 5f64.sqrt();
    (1.0 + r + r * r / 3.0) * (-r).exp()
}

/// An input of the cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub low: f64,
    pub high: f64,
    /// Distance between the values that it may have, counted from 0; none where it is continuous.
    pub step: Option<f64>,
    /// A distance over which the cost changes much: what the process divides by, and how far proposals spread.
    pub scale: f64,
}

impl Range {
    /// The value nearest to `x` that the input may have.
    pub fn snap(&self, x: f64) -> f64 {
        let x = match self.step {
            Some(step) => {
                let (low, high) = ((self.low / step).ceil(), (self.high / step).floor());
                (x / step).round().clamp(low, high.max(low)) * step
            }
            None => x.clamp(self.low, self.high),
        };
        // No negative zero: it would be another point than zero.
        x + 0.0
    }
}

/// How long to search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// Evaluations of the cost, the starting points among them.
    pub evaluations: usize,
    /// Points at which EI is asked, for each evaluation.
    pub proposals: usize,
    /// The search ends when no point promises more than this.
    pub enough: f64,
    pub seed: u64,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimum {
    pub x: Vec<f64>,
    pub cost: f64,
    /// Every point tried, in order, with its cost.
    pub tried: Vec<(Vec<f64>, f64)>,
    /// Greatest expected improvement at the end: what one more evaluation promised.
    pub promised: f64,
}

/// Finds the least cost. `guess` is the cheap guess of the cost; `start` are points to begin with, snapped; a cost that is not finite
/// (a power flow that does not settle) is taken as worse than the worst.
///
/// # Panics
/// Without starting points.
pub fn minimise(
    ranges: &[Range],
    start: &[Vec<f64>],
    guess: impl Fn(&[f64]) -> f64,
    mut cost: impl FnMut(&[f64]) -> f64,
    search: &Search,
) -> Minimum {
    const LENGTHS: [f64; 8] = [0.3, 0.6, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
    let snap = |x: &[f64]| -> Vec<f64> { x.iter().zip(ranges).map(|(x, r)| r.snap(*x)).collect() };
    let mut random = Random::new(search.seed, 77, 0);
    let mut tried: Vec<(Vec<f64>, f64)> = Vec::new();
    let mut evaluate = |x: Vec<f64>, tried: &mut Vec<(Vec<f64>, f64)>| {
        if !tried.iter().any(|(t, _)| *t == x) {
            let found = cost(&x);
            let worst = tried.iter().map(|(_, f)| *f).fold(0.0, f64::max);
            tried.push((x, if found.is_finite() { found } else { 2.0 * worst + 1.0 }));
        }
    };
    for x in start {
        evaluate(snap(x), &mut tried);
    }
    let scale: Vec<f64> = ranges.iter().map(|r| r.scale).collect();
    let mut promised = f64::INFINITY;
    while tried.len() < search.evaluations {
        let (best, least) = tried.iter().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(x, f)| (x.clone(), *f)).expect("a starting point");
        let points: Vec<Vec<f64>> = tried.iter().map(|(x, _)| x.clone()).collect();
        let rest: Vec<f64> = tried.iter().map(|(x, f)| f - guess(x)).collect();
        let Some(process) = Process::fit(&points, &rest, &scale, &LENGTHS) else { break };
        let improvement = |x: &[f64]| {
            let (mean, sd) = process.at(x);
            expected_improvement(least, guess(x) + mean, sd)
        };
        let mut next: Option<(Vec<f64>, f64)> = None;
        for k in 0..search.proposals {
            let draw = |(i, r): (usize, &Range), random: &mut Random| match k % 4 {
                0 => random.between(r.low, r.high),
                1 => best[i] + 0.3 * r.scale * random.normal(),
                _ => best[i] + r.scale * random.normal(),
            };
            let x: Vec<f64> = ranges.iter().enumerate().map(|ir| draw(ir, &mut random)).collect();
            let x = snap(&x);
            let ei = improvement(&x);
            if next.as_ref().is_none_or(|(_, e)| ei > *e) && !points.contains(&x) {
                next = Some((x, ei));
            }
        }
        // One input after another, by ever smaller steps, as long as more is promised.
        if let Some((mut x, mut ei)) = next.take() {
            let mut width = 1.0;
            while width > 0.01 {
                let mut moved = false;
                for i in 0..ranges.len() {
                    for sign in [-1.0, 1.0] {
                        let mut other = x.clone();
                        let least_step = ranges[i].step.unwrap_or(0.0);
                        other[i] = ranges[i].snap(x[i] + sign * (width * ranges[i].scale).max(least_step));
                        let e = improvement(&other);
                        if e > ei && !points.contains(&other) {
                            (x, ei, moved) = (other, e, true);
                        }
                    }
                }
                if !moved {
                    width *= 0.5;
                }
            }
            next = Some((x, ei));
        }
        let Some((x, ei)) = next else { break };
        promised = ei;
        if ei < search.enough {
            break;
        }
        evaluate(x, &mut tried);
    }
    let (x, cost) = tried.iter().min_by(|a, b| a.1.total_cmp(&b.1)).cloned().expect("a starting point");
    Minimum { x, cost, tried, promised }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_factored_solved_and_its_determinant_told() {
        let a = [4.0, 2.0, 2.0, 3.0];
        let c = Cholesky::new(2, &a).unwrap();
        let x = c.solve(&[2.0, 5.0]);
        assert!((x[0] + 0.5).abs() < 1e-14 && (x[1] - 2.0).abs() < 1e-14, "{x:?}");
        assert!((c.log_determinant() - 8f64.ln()).abs() < 1e-14);
        let d = c.inverse_diagonal();
        assert!((d[0] - 0.375).abs() < 1e-14 && (d[1] - 0.5).abs() < 1e-14);
        // L Lᵀ scatter: the square of each column of L⁻ᵀ adds to the inverse.
        let (u, v) = (c.scatter(&[1.0, 0.0]), c.scatter(&[0.0, 1.0]));
        assert!((u[0] * u[0] + v[0] * v[0] - 0.375).abs() < 1e-14);
        assert!(Cholesky::new(2, &[1.0, 2.0, 2.0, 1.0]).is_none() && Cholesky::new(1, &[f64::NAN]).is_none());
    }

    #[test]
    fn the_normal_distribution_is_that_of_the_tables() {
        for (z, p) in [(0.0, 0.5), (1.0, 0.841_344_746_068_542_9), (-1.96, 0.024_997_895_148_220_435), (3.0, 0.998_650_101_968_369_9)] {
            assert!((normal_cdf(z) - p).abs() < 1e-14, "{z}: {}", normal_cdf(z));
        }
        assert!((normal_cdf(-10.0) / 7.619_853_024_160_527e-24 - 1.0).abs() < 1e-10);
    }

    /// One point: mean `c y`, variance `y² (1 - c²)`, with the variance of the process `y²` (`n = 1`).
    #[test]
    fn one_point_gives_the_closed_form() {
        let p = Process::with_length(&[vec![0.0]], &[2.0], &[1.0], 1.5).unwrap();
        let r: f64 = 0.9 / 1.5 * 5f64.sqrt();
        let c = (1.0 + r + r * r / 3.0) * (-r).exp();
        let (mean, sd) = p.at(&[0.9]);
        assert!((mean - 2.0 * c).abs() < 1e-6 && (sd - 2.0 * (1.0 - c * c).sqrt()).abs() < 1e-6);
        assert!((p.log_likelihood() + 0.5 * (1.0 + std::f64::consts::TAU.ln() + 4f64.ln())).abs() < 1e-7);
    }

    /// Two points: the inverse of a 2 by 2 matrix by hand.
    #[test]
    fn two_points_give_the_closed_form() {
        let y = [1.0, -0.5];
        let p = Process::with_length(&[vec![0.0, 0.0], vec![1.0, 2.0]], &y, &[1.0, 2.0], 1.0).unwrap();
        let c = |r: f64| (1.0 + 5f64.sqrt() * r + 5.0 * r * r / 3.0) * (-(5f64.sqrt()) * r).exp();
        let rho = c(2f64.sqrt());
        let det = 1.0 - rho * rho;
        let w = [(y[0] - rho * y[1]) / det, (y[1] - rho * y[0]) / det];
        let s2 = (y[0] * w[0] + y[1] * w[1]) / 2.0;
        // Half way in the scaled inputs.
        let k = c(0.5f64.sqrt());
        let known = 2.0 * k * k * (1.0 - rho) / det;
        let (mean, sd) = p.at(&[0.5, 1.0]);
        assert!((mean - k * (w[0] + w[1])).abs() < 1e-6, "{mean}");
        assert!((sd - (s2 * (1.0 - known)).sqrt()).abs() < 1e-6, "{sd}");
        let ln_p = -(1.0 + std::f64::consts::TAU.ln() + s2.ln()) - 0.5 * det.ln();
        assert!((p.log_likelihood() - ln_p).abs() < 1e-6);
        // At a point tried it knows.
        let (mean, sd) = p.at(&[1.0, 2.0]);
        assert!((mean + 0.5).abs() < 1e-6 && sd < 1e-3);
    }

    /// The closed form against its integral, by 200 000 rectangles.
    #[test]
    fn expected_improvement_is_its_integral() {
        for (least, mean, sd) in [(1.0, 1.0, 0.5), (0.0, 1.0, 0.7), (2.0, 0.5, 0.1)] {
            let (n, reach) = (200_000, 12.0);
            let step = 2.0 * reach * sd / f64::from(n);
            let of = |k: i32| {
                let f = mean - reach * sd + (f64::from(k) + 0.5) * step;
                (least - f).max(0.0) * normal_density((f - mean) / sd) / sd * step
            };
            let sum: f64 = (0..n).map(of).sum();
            let ei = expected_improvement(least, mean, sd);
            assert!((ei - sum).abs() < 1e-8, "{ei} {sum}");
        }
        assert_eq!(expected_improvement(3.0, 1.0, 0.0), 2.0);
        assert_eq!(expected_improvement(1.0, 3.0, 0.0), 0.0);
    }

    fn bowl(x: &[f64]) -> f64 {
        // Branin's function; its least value is 0.397887.
        let (a, b) = (x[0], x[1]);
        let pi = std::f64::consts::PI;
        (b - 5.1 / (4.0 * pi * pi) * a * a + 5.0 / pi * a - 6.0).powi(2) + 10.0 * (1.0 - 1.0 / (8.0 * pi)) * a.cos() + 10.0
    }

    #[test]
    fn the_least_value_of_branin_is_found_in_sixty_evaluations() {
        let ranges = [Range { low: -5.0, high: 10.0, step: None, scale: 4.0 }, Range { low: 0.0, high: 15.0, step: None, scale: 4.0 }];
        let start: Vec<Vec<f64>> = vec![vec![0.0, 5.0], vec![8.0, 12.0], vec![-3.0, 2.0], vec![5.0, 9.0]];
        for seed in 0..3 {
            let search = Search { evaluations: 60, proposals: 400, enough: 1e-6, seed };
            let found = minimise(&ranges, &start, |_| 0.0, bowl, &search);
            println!("Branin, seed {seed}: {} after {} evaluations, promised {:.1e}", found.cost, found.tried.len(), found.promised);
            assert!(found.cost < 0.397_887 + 0.01, "{found:?}");
        }
    }

    /// On a grid the best point of all is found, and a guess that is right makes the search end at once.
    #[test]
    fn inputs_of_few_values_stay_on_their_grid() {
        let ranges = [Range { low: -16.0, high: 16.0, step: Some(1.0), scale: 3.0 }, Range { low: 0.5, high: 2.0, step: None, scale: 0.2 }];
        let cost = |x: &[f64]| 3.0 * (x[0] - 4.4).powi(2) + 50.0 * (x[1] - 1.2).powi(2) + 0.3 * (x[0] * 1.7).sin();
        let search = Search { evaluations: 40, proposals: 300, enough: 1e-4, seed: 1 };
        let blind = minimise(&ranges, &[vec![0.0, 1.0]], |_| 0.0, cost, &search);
        assert!(blind.tried.iter().all(|(x, _)| x[0] == x[0].round() && x[0].abs() <= 16.0), "{blind:?}");
        assert!(blind.x[0] == 4.0 && (blind.x[1] - 1.2).abs() < 0.02, "{blind:?}");
        let told = minimise(&ranges, &[vec![0.0, 1.0]], cost, cost, &search);
        assert!(told.x[0] == 4.0 && told.tried.len() <= 8, "{told:?}");
    }

    #[test]
    fn a_cost_that_is_no_number_is_only_a_bad_place() {
        let ranges = [Range { low: -1.0, high: 1.0, step: None, scale: 0.5 }];
        let cost = |x: &[f64]| if x[0] > 0.5 { f64::NAN } else { (x[0] - 0.2).powi(2) };
        let found =
            minimise(&ranges, &[vec![0.9], vec![-0.9]], |_| 0.0, cost, &Search { evaluations: 30, proposals: 100, enough: 1e-9, seed: 3 });
        assert!((found.x[0] - 0.2).abs() < 0.02, "{found:?}");
    }
}
