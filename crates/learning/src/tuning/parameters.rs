//! Taps, impedance factors, load factors, the level of the source: what is continuous or has few values in an order.
//!
//! # The cost and its guess
//! With `θ` the parameters, `F(θ) = χ²(θ) + Σ ((θ_i - θ_i0)/τ_i)²`, of which the first comes from a full solution of every moment
//! ([`super::misfit`]) and the second says what is expected before any reading: what the model has, with a deviation `τ_i`. Around a point
//! `θ_k` the predictions are nearly linear in `θ`; with their derivatives `J` by differences of full solves,
//!
//! ```text
//! F(θ) ≈ G(θ) = F(θ_k) + gᵀ d + dᵀ H d,   d = θ - θ_k
//! ```
//!
//! where `H` and `g` follow from `J` with the covariance of the misfit. Bayesian optimisation ([`crate::bayes`]) looks for the least `F` with
//! `G` as its guess: the Gaussian process has only to learn by how much the linearisation is wrong. It begins with the least of `G` on whole
//! steps of the taps, where each factor follows the rounding of the taps. Then the predictions are linearised anew where it ended, until
//! nothing changes.
//!
//! # What the readings tell
//! Under the linearised model `θ` is normal around the least of `G` with covariance `H⁻¹`. Its diagonal is the uncertainty of one parameter
//! with all the others free, so that two taps in series without a meter between them are both unknown though their sum is not. A tap counts
//! as found when the probability that it is the whole step chosen has the confidence asked for; a factor when its deviation, with the taps
//! that were found held at their steps, is below [`FACTOR_SD_MOST`]. All others are not identifiable and stay in the model as they were.

use super::bench::{BenchError, Prediction};
use super::misfit::{Errors, residuals};
use super::readings::{Quantity, Readings};
use crate::bayes::{Cholesky, Minimum, Range, Search, minimise, normal_cdf};
use network::{ElementKind, LineImpedance, Network};

/// Largest deviation with which a factor still counts as known.
pub const FACTOR_SD_MOST: f64 = 0.1;

/// What a parameter is.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Tap of a winding, steps from where the model has it.
    Tap { transformer: usize, winding: usize },
    /// Factor of the series impedance of lines.
    Impedance { lines: Vec<usize> },
    /// Factor of the loads without readings.
    Loads { loads: Vec<usize> },
    /// Factor of the voltage of the sources.
    Source,
}

/// A parameter with its range.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    pub name: String,
    pub what: What,
    /// Value of the model: 0 steps, or a factor of 1.
    pub before: f64,
    pub range: Range,
    /// Deviation that is expected before any reading.
    pub expected_sd: f64,
    /// By how much it is moved to find how the predictions depend on it.
    pub difference: f64,
}

/// Which are sought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sought {
    pub taps: Taps,
    pub impedances: bool,
    pub load_factors: bool,
}

/// Whose taps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taps {
    None,
    /// Transformers with a regulator, and those whose tap is not in the middle.
    Regulators,
    All,
}

/// The parameters of a network, for readings.
pub(super) fn parameters(network: &Network, readings: &Readings, sought: &Sought, class_pct: f64) -> Vec<Parameter> {
    let mut found = Vec::new();
    let factor = |low: f64, high: f64, sd: f64| (Range { low, high, step: None, scale: 0.3 * sd.min(0.3) }, sd);
    if sought.taps != Taps::None {
        for (i, t) in network.transformers.iter().enumerate().filter(|(_, t)| t.common.enabled) {
            let control = network
                .regulator_controls
                .iter()
                .find(|c| c.transformer.is_some_and(|id| id.kind == ElementKind::Transformer && id.index() == i));
            let moved = t.windings.iter().position(|w| (w.tap_pu - 1.0).abs() > 1e-9);
            let winding = match (control, moved) {
                (Some(c), _) => c.tap_winding,
                (None, Some(w)) => w,
                (None, None) if sought.taps == Taps::All => t.windings.len().saturating_sub(1),
                (None, None) => continue,
            };
            let Some(w) = t.windings.get(winding).filter(|w| w.tap_step_pu() > 0.0) else { continue };
            let step = w.tap_step_pu();
            let low = ((w.tap_min_pu - w.tap_pu) / step - 1e-6).ceil().min(0.0);
            let high = ((w.tap_max_pu - w.tap_pu) / step + 1e-6).floor().max(0.0);
            found.push(Parameter {
                name: format!("transformer.{}", t.common.name),
                what: What::Tap { transformer: i, winding },
                before: 0.0,
                range: Range { low, high, step: Some(1.0), scale: 1.0 },
                expected_sd: 8.0,
                difference: if high >= 1.0 { 1.0 } else { -1.0 },
            });
        }
    }
    if sought.impedances {
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        for (i, l) in network.lines.iter().enumerate().filter(|(_, l)| l.common.enabled && !l.is_switch) {
            let of = match (&l.line_code, &l.impedance) {
                (Some(code), _) => format!("linecode.{}", network.line_codes[code.index()].name),
                (None, LineImpedance::Geometry { geometry }) => format!("linegeometry.{}", network.line_geometries[geometry.index()].name),
                _ => "lines without a code".to_owned(),
            };
            match groups.iter_mut().find(|(name, _)| *name == of) {
                Some((_, lines)) => lines.push(i),
                None => groups.push((of, vec![i])),
            }
        }
        for (name, lines) in groups {
            let (range, expected_sd) = factor(0.4, 2.5, 0.3);
            found.push(Parameter { name, what: What::Impedance { lines }, before: 1.0, range, expected_sd, difference: 0.05 });
        }
    }
    let unmetered: Vec<usize> = (0..network.loads.len()).filter(|&l| network.loads[l].common.enabled && !readings.is_metered(l)).collect();
    if sought.load_factors && !unmetered.is_empty() {
        let (range, expected_sd) = factor(0.1, 4.0, 0.5);
        let name = "loads without readings".to_owned();
        found.push(Parameter { name, what: What::Loads { loads: unmetered }, before: 1.0, range, expected_sd, difference: 0.05 });
    }
    let source_sd = source_sd(readings, class_pct / 100.0 / 3f64.sqrt(), class_pct);
    found.push(Parameter {
        name: "source voltage".into(),
        what: What::Source,
        before: 1.0,
        range: Range { low: 0.9, high: 1.1, step: None, scale: 0.3 * source_sd },
        expected_sd: source_sd,
        difference: 0.005,
    });
    found
}

/// How well the level of the source is known before any other reading: one that is metered as well as the mean of its phases' meters, whose
/// errors show in how far they are apart; another one within what utilities hold.
fn source_sd(readings: &Readings, gain: f64, class_pct: f64) -> f64 {
    match readings.source_phases {
        _ if readings.source_pu.is_none() => 0.015,
        (phases, spread) if phases > 1 => gain.max(spread) / (phases as f64).sqrt(),
        _ => class_pct / 100.0 / 3f64.sqrt(),
    }
}

/// Writes the values that stand in the network; those of loads and source are told apart.
pub(super) fn apply(network: &mut Network, original: &Network, parameters: &[Parameter], values: &[f64]) {
    for (p, &x) in parameters.iter().zip(values) {
        match &p.what {
            What::Tap { transformer, winding } => {
                let before = &original.transformers[*transformer].windings[*winding];
                network.transformers[*transformer].windings[*winding].tap_pu = before.tap_pu + x * before.tap_step_pu();
            }
            What::Impedance { lines } => {
                for &i in lines {
                    let (line, before) = (&mut network.lines[i], &original.lines[i]);
                    line.impedance = before.impedance.clone();
                    line.length = before.length;
                    match &mut line.impedance {
                        LineImpedance::Sequence { z1_ohm, z0_ohm, .. } => {
                            *z1_ohm *= x;
                            *z0_ohm *= x;
                        }
                        LineImpedance::Matrix { z_ohm, .. } => z_ohm.iter_mut().for_each(|z| *z *= x),
                        // What follows from a cross section is longer or shorter.
                        LineImpedance::Geometry { .. } | LineImpedance::Spacing { .. } => line.length *= x,
                    }
                }
            }
            What::Loads { .. } | What::Source => {}
        }
    }
}

/// Factors of the loads without readings, and of the source.
pub(super) fn factors(parameters: &[Parameter], values: &[f64]) -> (f64, f64) {
    let of = |is: fn(&What) -> bool| parameters.iter().zip(values).find(|(p, _)| is(&p.what)).map_or(1.0, |(_, x)| *x);
    (of(|w| matches!(w, What::Loads { .. })), of(|w| matches!(w, What::Source)))
}

/// The linearised cost around a point.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    at: Vec<f64>,
    cost: f64,
    gradient: Vec<f64>,
    /// Row after row.
    hessian: Vec<f64>,
    /// Least point, and deviation of each parameter around it.
    pub least: Vec<f64>,
    pub sd: Vec<f64>,
}

/// The part of the cost that is expected before any reading.
fn expected(parameters: &[Parameter], x: &[f64]) -> f64 {
    parameters.iter().zip(x).map(|(p, x)| ((x - p.before) / p.expected_sd).powi(2)).sum()
}

/// Solves the network with values of the parameters.
pub(super) type Solve<'a> = dyn FnMut(&[f64]) -> Result<Prediction, BenchError> + 'a;

impl Linear {
    fn new(
        parameters: &[Parameter],
        readings: &Readings,
        (errors, class_pct): (&Errors, f64),
        at: &[f64],
        here: &Prediction,
        solve: &mut Solve<'_>,
    ) -> Result<Self, BenchError> {
        let n = parameters.len();
        let mut derivatives: Vec<Vec<Vec<f64>>> = Vec::with_capacity(n);
        for (i, p) in parameters.iter().enumerate() {
            let mut x = at.to_vec();
            let by = if (p.range.low..=p.range.high).contains(&(x[i] + p.difference)) { p.difference } else { -p.difference };
            x[i] += by;
            let there = solve(&x)?;
            let per = |(i, c): (usize, &super::readings::Channel)| -> Vec<f64> {
                there.channels[i].iter().zip(&here.channels[i]).map(|(a, b)| (a - b) / c.scale / by).collect()
            };
            derivatives.push(readings.channels.iter().enumerate().map(per).collect());
        }
        let (mut gradient, mut hessian) = (vec![0.0; n], vec![0.0; n * n]);
        // Sums over the channels of a moment, for the error that all voltages share.
        let moments = readings.times_s.len();
        let (mut r_sums, mut a_sums, mut d_sums) = (vec![0.0; moments], vec![0.0; moments], vec![vec![0.0; moments]; n]);
        for (k, c) in readings.channels.iter().enumerate() {
            let r: Vec<f64> = residuals(c, &here.channels[k]).collect();
            let seen: Vec<usize> = (0..r.len()).filter(|&t| r[t].is_finite() && derivatives.iter().all(|d| d[k][t].is_finite())).collect();
            if seen.is_empty() {
                continue;
            }
            let (m, s2, w) = (seen.len() as f64, errors.scatter[k].powi(2), errors.weight[k]);
            let level = 1.0 / (errors.standing(c, class_pct).powi(2) + s2 / m);
            let mean = |x: &[f64]| seen.iter().map(|&t| x[t]).sum::<f64>() / m;
            let r_mean = mean(&r);
            let means: Vec<f64> = derivatives.iter().map(|d| mean(&d[k])).collect();
            if c.quantity == Quantity::Voltage {
                for &t in &seen {
                    r_sums[t] += w / s2 * (r[t] - r_mean);
                    a_sums[t] += w / s2;
                    for i in 0..n {
                        d_sums[i][t] += w / s2 * (derivatives[i][k][t] - means[i]);
                    }
                }
            }
            for i in 0..n {
                let around: f64 = seen.iter().map(|&t| (derivatives[i][k][t] - means[i]) * (r[t] - r_mean)).sum();
                gradient[i] -= 2.0 * w * (around / s2 + level * means[i] * r_mean);
                for j in 0..=i {
                    let around: f64 = seen.iter().map(|&t| (derivatives[i][k][t] - means[i]) * (derivatives[j][k][t] - means[j])).sum();
                    hessian[i * n + j] += w * (around / s2 + level * means[i] * means[j]);
                }
            }
        }
        let shares: Vec<f64> = a_sums.iter().map(|a| errors.common_share(*a)).collect();
        for i in 0..n {
            gradient[i] += 2.0 * (0..moments).map(|t| shares[t] * d_sums[i][t] * r_sums[t]).sum::<f64>();
            for j in 0..=i {
                hessian[i * n + j] -= (0..moments).map(|t| shares[t] * d_sums[i][t] * d_sums[j][t]).sum::<f64>();
            }
        }
        for (i, p) in parameters.iter().enumerate() {
            let weight = 1.0 / p.expected_sd.powi(2);
            gradient[i] += 2.0 * weight * (at[i] - p.before);
            hessian[i * n + i] += weight;
            for j in 0..i {
                hessian[j * n + i] = hessian[i * n + j];
            }
        }
        let cost = errors.misfit(readings, &here.channels, true, class_pct) + expected(parameters, at);
        // The expectation makes it positive definite.
        let factor = Cholesky::new(n, &hessian).expect("a positive definite matrix");
        let step = factor.solve(&gradient);
        let least = at.iter().zip(&step).map(|(x, s)| x - 0.5 * s).collect();
        let sd = factor.inverse_diagonal().into_iter().map(f64::sqrt).collect();
        Ok(Self { at: at.to_vec(), cost, gradient, hessian, least, sd })
    }

    fn guess(&self, x: &[f64]) -> f64 {
        let d: Vec<f64> = x.iter().zip(&self.at).map(|(x, a)| x - a).collect();
        let n = d.len();
        let first: f64 = self.gradient.iter().zip(&d).map(|(g, d)| g * d).sum();
        let second: f64 = (0..n).map(|i| d[i] * (0..n).map(|j| self.hessian[i * n + j] * d[j]).sum::<f64>()).sum();
        self.cost + first + second
    }

    /// The least point, and the deviations of the rest around it, with some parameters held at values.
    pub fn with_held(&self, held: &[(usize, f64)]) -> (Vec<f64>, Vec<f64>) {
        let n = self.at.len();
        let mut d: Vec<Option<f64>> = vec![None; n];
        for &(i, value) in held {
            d[i] = Some(value - self.at[i]);
        }
        let free: Vec<usize> = (0..n).filter(|&i| d[i].is_none()).collect();
        let m = free.len();
        let mut h = vec![0.0; m * m];
        let mut g = vec![0.0; m];
        for (a, &i) in free.iter().enumerate() {
            let of_held: f64 = (0..n).filter_map(|j| d[j].map(|d| self.hessian[i * n + j] * d)).sum();
            g[a] = -0.5 * self.gradient[i] - of_held;
            for (b, &j) in free.iter().enumerate() {
                h[a * m + b] = self.hessian[i * n + j];
            }
        }
        let factor = Cholesky::new(m, &h).expect("a part of a positive definite matrix");
        let (step, var) = (factor.solve(&g), factor.inverse_diagonal());
        let mut x: Vec<f64> = (0..n).map(|i| self.at[i] + d[i].unwrap_or(0.0)).collect();
        let mut sd = vec![0.0; n];
        for (a, &i) in free.iter().enumerate() {
            x[i] += step[a];
            sd[i] = var[a].sqrt();
        }
        (x, sd)
    }

    /// The least point with every stepped parameter on a step: one after another, the surest first, each rounded where the ones before leave it
    /// and the others follow (Babai's rounding of the nearest lattice point). `other` is held at another step than that.
    fn on_steps(&self, parameters: &[Parameter], other: Option<(usize, f64)>) -> Vec<f64> {
        let mut held: Vec<(usize, f64)> = other.into_iter().collect();
        loop {
            let (x, sd) = self.with_held(&held);
            let is_left = |i: &usize| parameters[*i].range.step.is_some() && !held.iter().any(|h| h.0 == *i);
            let Some(i) = (0..x.len()).filter(is_left).min_by(|&a, &b| sd[a].total_cmp(&sd[b])) else {
                return x.iter().zip(parameters).map(|(x, p)| p.range.snap(*x)).collect();
            };
            held.push((i, parameters[i].range.snap(x[i])));
        }
    }

    /// Points to begin a search with: the least one on steps, and those with one of the least sure steps moved by one.
    fn starts(&self, parameters: &[Parameter]) -> Vec<Vec<f64>> {
        let first = self.on_steps(parameters, None);
        let mut doubtful: Vec<usize> = (0..first.len()).filter(|&i| parameters[i].range.step.is_some() && self.sd[i] > 0.1).collect();
        doubtful.sort_by(|&a, &b| self.sd[b].total_cmp(&self.sd[a]));
        let mut starts = vec![first.clone()];
        for &i in doubtful.iter().take(4) {
            let by = if self.least[i] > first[i] { 1.0 } else { -1.0 };
            starts.push(self.on_steps(parameters, Some((i, parameters[i].range.snap(first[i] + by)))));
        }
        starts
    }
}

/// What a search for parameters found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub values: Vec<f64>,
    pub prediction: Prediction,
    /// The linearised cost around it.
    pub linear: Linear,
    /// What one more promised, in χ².
    pub promised: f64,
}

/// Looks for the least cost from `start`.
pub(super) fn search(
    parameters: &mut [Parameter],
    readings: &Readings,
    class_pct: f64,
    start: &[f64],
    (budget, seed): (usize, u64),
    solve: &mut Solve<'_>,
) -> Result<Found, BenchError> {
    let mut values = start.to_vec();
    let mut rounds = 0;
    loop {
        let here = solve(&values)?;
        let errors = Errors::of(readings, &here.channels, class_pct, parameters.len());
        for p in parameters.iter_mut().filter(|p| p.what == What::Source) {
            p.expected_sd = source_sd(readings, errors.gain, class_pct);
        }
        let linear = Linear::new(parameters, readings, (&errors, class_pct), &values, &here, solve)?;
        let ranges: Vec<Range> = parameters
            .iter()
            .zip(&linear.sd)
            .map(|(p, sd)| Range { scale: sd.max(p.range.step.unwrap_or(0.0)).min(p.expected_sd), ..p.range })
            .collect();
        let found: Minimum = {
            let cost = |x: &[f64]| {
                solve(x).map_or(f64::INFINITY, |p| errors.misfit(readings, &p.channels, true, class_pct) + expected(parameters, x))
            };
            let how = Search { evaluations: budget, proposals: 200, enough: 0.05, seed: seed.wrapping_add(rounds) };
            let starts: Vec<Vec<f64>> = std::iter::once(values.clone()).chain(linear.starts(parameters)).collect();
            minimise(&ranges, &starts, |x| linear.guess(x), cost, &how)
        };
        rounds += 1;
        let gained = linear.cost - found.cost;
        let is_settled = gained < 0.5 || rounds >= 6;
        if gained > 0.0 {
            values.clone_from(&found.x);
        }
        if is_settled {
            let prediction = if gained > 0.0 { solve(&values)? } else { here };
            return Ok(Found { values, prediction, linear, promised: found.promised });
        }
    }
}

/// Whether the readings tell a parameter, with the probability of the value chosen (taps) or that it is not the one of before (factors).
pub(super) fn told(p: &Parameter, value: f64, least: f64, sd: f64, confidence: f64) -> (bool, f64) {
    if p.range.step.is_some() {
        let probability = normal_cdf((value + 0.5 - least) / sd) - normal_cdf((value - 0.5 - least) / sd);
        (probability >= confidence, probability)
    } else {
        let z = (least - p.before).abs() / sd;
        (sd <= FACTOR_SD_MOST, 2.0 * normal_cdf(z) - 1.0)
    }
}
