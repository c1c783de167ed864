//! The optimum of a realistic programme found a second way: states as variables of their own, and an interior point method in place of the simplex.
//!
//! ```text
//! least cᵀx,  A x = b,  x + w = u,  x, w >= 0          most bᵀy - uᵀv,  Aᵀy + z - v = c,  z, v >= 0
//! A D Aᵀ dy = rp + A D g,   dx = D (Aᵀ dy - g),   D = 1/(z/x + v/w),   g = rd - rxz/x + (rwv - v ru)/w
//! ```
//!
//! Mehrotra, "On the Implementation of a Primal-Dual Interior Point Method", SIAM Journal on Optimization 2 (1992).

use super::device::{Model, Trace};
use super::dispatch::{clusters, dispatch, drawn_kva};
use super::flow::Grid;
use super::programme::{Least, Programme, weight};
use super::tests::one_transformer;
use super::{FlexibilityOptions, SampleOptions, run, sample};
use network::flexibility::{ClockTime, FlexibilityCase, Target};

/// A linear programme by columns.
#[derive(Default)]
struct Linear {
    columns: Vec<Vec<(usize, f64)>>,
    cost: Vec<f64>,
    upper: Vec<f64>,
    right: Vec<f64>,
}

impl Linear {
    fn column(&mut self, cost: f64, upper: f64) -> usize {
        self.columns.push(Vec::new());
        self.cost.push(cost);
        self.upper.push(upper);
        self.columns.len() - 1
    }

    /// Every target met and every state returned.
    fn of(p: &Programme, least: Least) -> Self {
        let mut of = Self { right: p.rows.iter().map(|r| r.need_kw).collect(), ..Self::default() };
        for i in 0..p.rows.len() {
            let surplus = of.column(0.0, f64::INFINITY);
            of.columns[surplus].push((i, -1.0));
        }
        for (d, f) in p.flexibles.iter().enumerate() {
            // Column, sign and origin of the state before: state = origin + sign × column.
            let mut before: Option<(usize, f64, f64)> = None;
            for (t, s) in f.slots.iter().enumerate() {
                let (lo, hi) = (s.lo.min(0.0), s.hi.max(0.0));
                let mut law = Vec::new();
                for (max, cost, to_flow, to_state) in [(s.c_max, weight(f, least) * p.step_h, 1.0, s.per_c), (s.r_max, 0.0, -1.0, -s.per_r)]
                {
                    if max > 0.0 {
                        let done = of.column(cost, max);
                        let rows = p.rows.iter().enumerate().filter(|(_, r)| r.slot == t);
                        of.columns[done].extend(rows.map(|(i, r)| (i, to_flow * r.per_kw[d])));
                        law.push((done, to_state));
                    }
                }
                let mut right = 0.0;
                if let Some((column, sign, origin)) = before {
                    law.push((column, -s.decay * sign));
                    right += s.decay * origin;
                }
                let is_zero = f.returned.is_some() && t + 1 == f.slots.len() || hi - lo <= 0.0;
                before = None;
                if !law.is_empty() && !is_zero {
                    let (sign, origin) = if lo.is_finite() { (1.0, lo) } else { (-1.0, hi) };
                    let state = of.column(0.0, hi - lo);
                    law.push((state, sign));
                    right -= origin;
                    before = Some((state, sign, origin));
                }
                if !law.is_empty() {
                    let row = of.right.len();
                    of.right.push(right);
                    law.into_iter().for_each(|(column, k)| of.columns[column].push((row, k)));
                }
            }
        }
        of
    }

    fn times(&self, x: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.right.len()];
        self.columns.iter().zip(x).for_each(|(c, x)| c.iter().for_each(|(i, k)| sum[*i] += k * x));
        sum
    }

    fn transposed(&self, y: &[f64]) -> Vec<f64> {
        self.columns.iter().map(|c| c.iter().map(|(i, k)| k * y[*i]).sum()).collect()
    }

    /// Cholesky's factor of `A D Aᵀ`, row by row.
    fn factor(&self, d: &[f64]) -> Vec<Vec<f64>> {
        let m = self.right.len();
        let mut l: Vec<Vec<f64>> = (0..m).map(|i| vec![0.0; i + 1]).collect();
        for (c, d) in self.columns.iter().zip(d) {
            for (i, a) in c {
                for (j, b) in c.iter().filter(|(j, _)| j <= i) {
                    l[*i][*j] += a * b * d;
                }
            }
        }
        for i in 0..m {
            let (above, rest) = l.split_at_mut(i);
            let row = &mut rest[0];
            for (j, other) in above.iter().enumerate() {
                let sum: f64 = row[..j].iter().zip(other).map(|(a, b)| a * b).sum();
                row[j] = (row[j] - sum) / other[j];
            }
            let square = row[i] - row[..i].iter().map(|a| a * a).sum::<f64>();
            // A row that follows from others.
            row[i] = if square > 1e-13 * row[i] { square.sqrt() } else { 1e64 };
        }
        l
    }

    /// Least value, and the value of the dual problem, which lies below every other plan's.
    fn solve(&self) -> (f64, f64) {
        let (n, m) = (self.cost.len(), self.right.len());
        let bounded: Vec<bool> = self.upper.iter().map(|u| u.is_finite()).collect();
        let mut x: Vec<f64> = self.upper.iter().map(|u| (0.5 * u).min(1.0)).collect();
        let mut w: Vec<f64> = (0..n).map(|i| if bounded[i] { self.upper[i] - x[i] } else { 1.0 }).collect();
        let (mut y, mut z) = (vec![0.0; m], vec![1.0; n]);
        let mut v: Vec<f64> = bounded.iter().map(|b| f64::from(u8::from(*b))).collect();
        let pairs = (n + bounded.iter().filter(|b| **b).count()) as f64;
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        for _ in 0..200 {
            let rp: Vec<f64> = self.times(&x).iter().zip(&self.right).map(|(ax, b)| b - ax).collect();
            let ay = self.transposed(&y);
            let rd: Vec<f64> = (0..n).map(|i| self.cost[i] - ay[i] - z[i] + v[i]).collect();
            let ru: Vec<f64> = (0..n).map(|i| if bounded[i] { self.upper[i] - x[i] - w[i] } else { 0.0 }).collect();
            let mu = (dot(&x, &z) + dot(&w, &v)) / pairs;
            let off = [&rp, &rd, &ru].into_iter().flatten().fold(0.0_f64, |most, r| most.max(r.abs()));
            if off < 1e-9 && mu * pairs < 1e-9 * dot(&self.cost, &x).abs().max(1e-3) {
                break;
            }
            let d: Vec<f64> = (0..n).map(|i| 1.0 / (z[i] / x[i] + v[i] / w[i])).collect();
            let l = self.factor(&d);
            let direction = |rxz: &[f64], rwv: &[f64]| {
                let g: Vec<f64> = (0..n).map(|i| rd[i] - rxz[i] / x[i] + (rwv[i] - v[i] * ru[i]) / w[i]).collect();
                let dg: Vec<f64> = g.iter().zip(&d).map(|(g, d)| g * d).collect();
                let mut dy: Vec<f64> = self.times(&dg).iter().zip(&rp).map(|(a, r)| a + r).collect();
                for (i, row) in l.iter().enumerate() {
                    dy[i] = (dy[i] - dot(&row[..i], &dy[..i])) / row[i];
                }
                for (i, row) in l.iter().enumerate().rev() {
                    dy[i] /= row[i];
                    let (head, tail) = dy.split_at_mut(i);
                    head.iter_mut().zip(row).for_each(|(a, k)| *a -= k * tail[0]);
                }
                let ady = self.transposed(&dy);
                let dx: Vec<f64> = (0..n).map(|i| d[i] * (ady[i] - g[i])).collect();
                let dw: Vec<f64> = (0..n).map(|i| if bounded[i] { ru[i] - dx[i] } else { 0.0 }).collect();
                let dz: Vec<f64> = (0..n).map(|i| (rxz[i] - z[i] * dx[i]) / x[i]).collect();
                let dv: Vec<f64> = (0..n).map(|i| if bounded[i] { (rwv[i] - v[i] * dw[i]) / w[i] } else { 0.0 }).collect();
                (dx, dy, dz, dw, dv)
            };
            let longest = |at: [&[f64]; 2], by: [&[f64]; 2]| -> f64 {
                let ratios = at.into_iter().flatten().zip(by.into_iter().flatten()).filter(|(_, d)| **d < 0.0).map(|(a, d)| -a / d);
                ratios.fold(1.0, f64::min)
            };
            let affine = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| -a * b).collect() };
            let (dx, _, dz, dw, dv) = direction(&affine(&x, &z), &affine(&w, &v));
            let (p, q) = (longest([&x, &w], [&dx, &dw]), longest([&z, &v], [&dz, &dv]));
            let moved =
                |a: &[f64], da: &[f64], b: &[f64], db: &[f64]| -> f64 { (0..n).map(|i| (a[i] + p * da[i]) * (b[i] + q * db[i])).sum() };
            let sigma = ((moved(&x, &dx, &z, &dz) + moved(&w, &dw, &v, &dv)) / pairs / mu).powi(3);
            let rxz: Vec<f64> = (0..n).map(|i| sigma * mu - x[i] * z[i] - dx[i] * dz[i]).collect();
            let rwv: Vec<f64> = (0..n).map(|i| if bounded[i] { sigma * mu - w[i] * v[i] - dw[i] * dv[i] } else { 0.0 }).collect();
            let (dx, dy, dz, dw, dv) = direction(&rxz, &rwv);
            let (p, q) = (0.9995 * longest([&x, &w], [&dx, &dw]), 0.9995 * longest([&z, &v], [&dz, &dv]));
            for (to, by, step) in [(&mut x, dx, p), (&mut w, dw, p), (&mut z, dz, q), (&mut v, dv, q), (&mut y, dy, q)] {
                to.iter_mut().zip(by).for_each(|(a, b)| *a += step * b);
            }
        }
        let above: f64 = (0..n).filter(|i| bounded[*i]).map(|i| self.upper[i] * v[i]).sum();
        (dot(&self.cost, &x), dot(&self.right, &y) - above)
    }
}

/// By hand: two sources of 3 at costs 1 and 2 for a need of 4 cost 3 + 2.
#[test]
fn the_interior_point_finds_a_corner() {
    let linear = Linear {
        columns: vec![vec![(0, 1.0)], vec![(0, 1.0)], vec![(0, -1.0)]],
        cost: vec![1.0, 2.0, 0.0],
        upper: vec![3.0, 3.0, f64::INFINITY],
        right: vec![4.0],
    };
    let (least, dual) = linear.solve();
    assert!((least - 5.0).abs() < 1e-7 && (dual - 5.0).abs() < 1e-7, "{least} {dual}");
}

/// Forty devices of all classes behind a transformer, an event of twelve steps about the peak and eight to recover: the last programme of the dispatch.
#[test]
fn a_realistic_programme_has_the_same_optimum_by_another_method() {
    let network = one_transformer();
    let target = Target { element: Some("transformer.t".to_owned()), limit_kw: None, limit_kva: None };
    let options = SampleOptions { n_devices: 40, seed: 7, step_min: 15, bus: None, target: Some(target) };
    let mut case = sample(&network, &options);
    // One aim: all programs are of one priority.
    case.programs.iter_mut().for_each(|p| p.priority = 0);
    let quiet = run(&network, &FlexibilityCase { events: Vec::new(), ..case.clone() }, &FlexibilityOptions::default()).expect("a day");
    let flow: Vec<f64> = quiet.steps.iter().map(|s| s.before.source_kva).collect();
    let most = |steps: std::ops::Range<usize>| flow[steps].iter().copied().fold(0.0, f64::max);
    let peak = (56..82).max_by(|&a, &b| flow[a].total_cmp(&flow[b])).expect("steps");
    // A tenth below the peak, or what flows in the hours of recovery, which nobody is told to draw less in.
    let limit_kva = (0.9 * flow[peak]).max(1.02 * most(peak + 6..peak + 14));
    (case.events[0].start, case.events[0].target.limit_kva) = (ClockTime::from_minute((peak as u32 - 6) * 15), Some(limit_kva));
    let h = case.day.step_h();
    let grid = Grid::new(&network, &case).expect("places");
    let models: Vec<Model> = case.devices.iter().map(|d| Model::new(d, &case.day, 0.0)).collect();
    let cluster = clusters(&case).remove(0);
    let by_itself = |model: &Model| {
        let mut trace = Trace::new(model.start);
        trace.go_on(model, cluster.steps.end, |_| None);
        trace
    };
    let own: Vec<Trace> = models.iter().map(by_itself).collect();
    let powers = |step: usize| drawn_kva(&case, &grid, step, |d| own[d].power_kw(step, h));
    let before = grid.walk(&grid.start, 0..cluster.steps.start, &powers, None).expect("a solved morning").end;
    for least in [Least::CurtailedEnergy, Least::Cost] {
        let found = dispatch(&case, &grid, &models, &cluster, &own, &before, least).expect("a plan");
        let p = &found.programme;
        let plan = p.solve(least).expect("solved");
        assert!(p.flexibles.len() >= 20 && p.rows.len() == 20 && p.floors.is_empty(), "{} devices", p.flexibles.len());
        assert!(plan.missing_kw.iter().sum::<f64>() == 0.0 && plan.not_returned_kwh < 1e-6, "{:?}", plan.missing_kw);
        let value = plan.value(p, least);
        let (primal, dual) = Linear::of(p, least).solve();
        assert!(value > 1.0 && (found.optimum - value).abs() < 1e-9 * value);
        assert!((primal - value).abs() < 1e-6 * value && (dual - value).abs() < 1e-6 * value, "{value}, {primal}, {dual}");
    }
}
