//! Reliability over time without repair, and the mean of Weibull lifetimes.
//!
//! `R(t)` is the probability that the plant has not been down from 0 to `t` when all parts are new at 0 and nothing is repaired. For a monotone
//! function of parts that fail once this is the function at the probabilities of the moment (`super::bdd`), with
//!
//! ```text
//! R_i(t) = exp(-H_i(t))          H_i(t) = t / MTBF,  or  (t / eta)^beta  with  eta = MTBF / Gamma(1 + 1 / beta)  where it is not given
//! ```
//!
//! A common cause of part `b` takes the part `b` of the geometric mean of its components' `H`, and leaves them the rest. Standby blocks follow their chain
//! without repair (exponential lifetimes alone have one). The mean time to failure is the integral of `R`.

use super::AvailabilityError;
use super::bdd::TooLarge;
use super::compile::{About, Compiled, Purpose, too_large};
use super::exact::Reading;
use super::plan::Plan;
use network::Diagnostic;
use network::availability::{Component, Diagram, Lifetime};
use network::gamma::gamma;

/// Scale of Weibull lifetimes with this mean and shape, h.
pub fn eta_h(mean_h: f64, beta: f64) -> f64 {
    mean_h / gamma(1.0 + 1.0 / beta)
}

/// What has been used up of a component's life at `t_h`: `-ln R`.
pub(super) fn hazard(c: &Component, mtbf_h: f64, t_h: f64) -> f64 {
    match c.lifetime {
        Lifetime::Exponential => t_h / mtbf_h,
        Lifetime::Weibull { beta, eta_h: scale } => (t_h / scale.unwrap_or_else(|| eta_h(mtbf_h, beta))).powf(beta),
    }
}

/// Reliability over time.
#[derive(Clone, Debug)]
pub struct OverTime {
    /// Moments and probabilities to have lived to them.
    pub points: Vec<(f64, f64)>,
    /// Mean time to the first failure, h.
    pub mean_h: f64,
    pub findings: Vec<Diagnostic>,
}

/// Reliability of the plant without repair at moments, h, and its mean time to failure.
///
/// # Errors
/// Faults of the diagram; a component that says its availability alone; standby of Weibull lifetimes or of unlike units; moments below zero.
pub fn reliability_over_time(diagram: &Diagram, hours: &[f64], reading: Reading) -> Result<OverTime, AvailabilityError> {
    let (plan, mut findings) = Plan::new(diagram)?;
    let mut grave = Vec::new();
    if hours.iter().any(|t| !(*t >= 0.0 && t.is_finite())) {
        let d = Diagnostic::error("RAM.OPTION.HOURS", "a moment is no number of hours from 0 on");
        grave.push(d.hint("Give hours, 0 or more."));
    }
    let mut mtbf = vec![1.0; diagram.components.len()];
    for (i, c) in diagram.components.iter().enumerate() {
        match plan.means[i].times_h {
            Some((t, _)) => mtbf[i] = t,
            None => {
                let d = Diagnostic::error("RAM.OVER_TIME.NO_MTBF", "how often it fails is not given, so how long it lives is unknown");
                grave.push(d.element(c.id.clone()).at(&c.source).hint("Give MTBF and MTTR."));
            }
        }
    }
    let mut quiet = Vec::new();
    let compiled = Compiled::new(&plan, Purpose::Unrepaired, &mut quiet);
    let mut c = match compiled {
        Ok(c) => c,
        Err(more) => {
            findings.extend(grave);
            findings.extend(more);
            return Err(findings.into());
        }
    };
    let mut groups = vec![None; plan.members.len()];
    for e in c.events.clone() {
        if let About::Chain(b) = e {
            let block = plan.block(b);
            let components = plan.components_of(b).unwrap_or_default();
            if components.iter().any(|i| !plan.is_exponential(*i)) {
                let d = Diagnostic::error("RAM.OVER_TIME.STANDBY", "standby of Weibull lifetimes has no closed form over time");
                grave.push(d.element(block.id.clone()).at(&block.source).hint("Simulate it, or give its members exponential lifetimes."));
            }
            groups[b] = super::compile::unrepaired_group(&plan, b);
        }
    }
    if !grave.is_empty() {
        findings.extend(grave);
        return Err(findings.into());
    }
    let refuse = |findings: &[Diagnostic]| {
        let all: Vec<Diagnostic> = findings.iter().cloned().chain([too_large(&plan)]).collect();
        AvailabilityError::from(all)
    };
    let system = c.blocks(&plan, reading, None).map_err(|TooLarge| refuse(&findings))?[plan.system];
    let at = |t: f64| {
        let used: Vec<f64> = diagram.components.iter().enumerate().map(|(i, x)| hazard(x, mtbf[i], t)).collect();
        let lives = |e: &About| match e {
            About::Component(i) => {
                let own = 1.0 - plan.causes_of[*i].iter().map(|g| plan.causes[*g].beta).sum::<f64>();
                (-own * used[*i]).exp()
            }
            About::Cause(g) => {
                let cause = &plan.causes[*g];
                let logs: f64 = cause.members.iter().map(|i| used[*i].ln()).sum();
                (-cause.beta * (logs / cause.members.len() as f64).exp()).exp()
            }
            About::Chain(b) => groups[*b].and_then(|g: super::markov::Group| g.survives(t)).unwrap_or(0.0),
        };
        let works: Vec<f64> = c.events.iter().map(lives).collect();
        let fails: Vec<f64> = works.iter().map(|a| 1.0 - a).collect();
        c.bdd.up(system, &works, &fails)
    };
    let points = hours.iter().map(|t| (*t, at(*t))).collect();
    Ok(OverTime { points, mean_h: mean(&at, &mtbf), findings })
}

/// Integral of a function that falls from 1 to 0.
///
/// The end of life is found by doubling; up to it Gauss's rule of eight points is applied to pieces that are halved until halving changes nothing.
fn mean(at: &dyn Fn(f64) -> f64, mtbf: &[f64]) -> f64 {
    let mut end = mtbf.iter().copied().fold(f64::INFINITY, f64::min).clamp(1e-6, 1e9) * 1e-3;
    while at(end) > 1e-14 && end < 1e13 {
        end *= 2.0;
    }
    // From short times to long ones: lives differ by orders of magnitude.
    let mut edges = vec![0.0];
    let mut t = end / 2f64.powi(30);
    while t < end {
        edges.push(t);
        t *= 2.0;
    }
    edges.push(end);
    edges.windows(2).map(|w| piece(at, w[0], w[1], rule(at, w[0], w[1]), 12)).sum()
}

fn piece(at: &dyn Fn(f64) -> f64, from: f64, to: f64, whole: f64, deeper: u32) -> f64 {
    let middle = 0.5 * (from + to);
    let (left, right) = (rule(at, from, middle), rule(at, middle, to));
    if deeper == 0 || (left + right - whole).abs() <= 1e-13 * (to + whole.abs()) {
        return left + right;
    }
    piece(at, from, middle, left, deeper - 1) + piece(at, middle, to, right, deeper - 1)
}

/// Gauss's rule of eight points (Abramowitz and Stegun, table 25.4).
fn rule(at: &dyn Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    const X: [f64; 4] = [0.183_434_642_495_649_8, 0.525_532_409_916_329, 0.796_666_477_413_626_7, 0.960_289_856_497_536_2];
    const W: [f64; 4] = [0.362_683_783_378_362, 0.313_706_645_877_887_3, 0.222_381_034_453_374_5, 0.101_228_536_290_376_26];
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    half * X.iter().zip(W).map(|(x, w)| w * (at(middle - half * x) + at(middle + half * x))).sum::<f64>()
}
