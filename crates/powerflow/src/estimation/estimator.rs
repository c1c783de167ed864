//! The estimator: Gauss-Newton steps to rest, then the tests of the measurements, again until none is found in error.

use super::grid::Grid;
use super::measurement::{Idle, Measurement, Quantity, Row, Site};
use super::results::{self, Estimate, EstimateCertificate, GrossError, Outcome, ResidualRow, SwitchDoubt, Unsettled, Unsettling};
use super::statistics;
use super::system::{Covariance, Open, Step, System};
use super::tableau::{NONE, Origin, Tableau};
use crate::sparse::SparseError;
use num_complex::Complex64;
use std::mem::take;
use std::sync::Arc;

/// A measurement whose residual has less than this share of its variance cannot be checked by the others.
const CRITICAL_SHARE: f64 = 1e-5;
/// A multiplier of less variance than this (1 / per unit squared) says nothing: measurements leave its equation alone.
const MULTIPLIER_VARIANCE_MIN: f64 = 1e-3;
/// Largest residual of an exact equation at rest, per unit of its scaled coefficients.
const EQUATION_TOLERANCE: f64 = 1e-9;
/// Largest move of a voltage in one step, per unit.
const STEP_MAX_PU: f64 = 0.5;
/// Two residuals that are this much correlated move together whichever of both is wrong.
const SAME_RESIDUAL: f64 = 0.999;
/// From so many states that did not come to rest the worst contradiction is left out and the iteration begun anew.
const UNFINISHED_MAX: usize = 8;
/// So many switches of the largest multipliers are tried, each with so many steps.
const SWITCHES_TRIED: usize = 16;
const STEPS_OF_TRIAL: u32 = 12;
/// A switch is doubted rather than a measurement when its multiplier is larger by this factor.
const SWITCH_OVER_MEASUREMENT: f64 = 1.01;

/// How to estimate.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub iterations_max: u32,
    /// At rest no measurement's computed value moves by more than this many of its σ.
    pub tolerance_sigma: f64,
    /// Probability that measurements without gross errors are found to have one.
    pub false_alarm: f64,
    /// Gross errors are looked for, and measurements that have one are left out.
    pub removes_bad_data: bool,
    /// At most so many are left out.
    pub removed_max: usize,
    /// Positions of switches are tested too.
    pub doubts_switches: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            iterations_max: 30,
            tolerance_sigma: 1e-4,
            false_alarm: 0.01,
            removes_bad_data: true,
            removed_max: 50,
            doubts_switches: true,
        }
    }
}

/// Nothing can be estimated at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EstimationError {
    /// No measurement has a place in the live network.
    #[error("none of {given} measurements lies on a live part of the network")]
    NoMeasurement { given: usize },
    /// The options make no sense.
    #[error("{option} must be {expected}, found {found}")]
    Option { option: &'static str, expected: &'static str, found: f64 },
    /// The matrix routines gave up.
    #[error(transparent)]
    Sparse(#[from] SparseError),
}

/// A grid and its measurement points, made ready once for any number of values.
#[derive(Debug)]
pub struct Estimator {
    grid: Arc<Grid>,
    pub(super) tableau: Tableau,
    measurements: Vec<Measurement>,
    pub(super) rows: Vec<Option<Row>>,
    idle: Vec<Option<Idle>>,
    system: System,
}

/// What one estimation changes.
pub(super) struct Run<'a> {
    pub estimator: &'a Estimator,
    step: Step<'a>,
    /// Per measurement: takes part.
    pub active: Vec<bool>,
    pub relaxed: Vec<u32>,
    pub x: Vec<f64>,
    pub multipliers: Vec<f64>,
    pub iterations: u32,
    last_step_sigma: f64,
    /// No step was made since the start.
    is_fresh: bool,
    /// Weighted residual and gradient of each measurement.
    pub residual: Vec<f64>,
    /// What each measurement should read, in its unit.
    pub computed: Vec<f64>,
    pub gradient: Vec<Vec<f64>>,
    equation: Vec<f64>,
}

impl Estimator {
    /// Makes a grid and its measurement points ready.
    ///
    /// Measurements that cannot take part (no place, no number, a dead place) are kept and told in the estimate.
    ///
    /// # Errors
    /// `NoMeasurement` when none takes part.
    pub fn new(grid: &Arc<Grid>, measurements: Vec<Measurement>) -> Result<Self, EstimationError> {
        let s_base = power_base(grid, &measurements);
        let mut has_angle: Vec<u32> = Vec::new();
        for m in measurements.iter().filter(|m| m.quantity.is_angle() && m.value.is_finite() && m.sigma > 0.0) {
            if let Some(node) = node_of(grid, m.site).filter(|&n| grid.is_live(n)) {
                has_angle.push(grid.island[node as usize]);
            }
        }
        let tableau = Tableau::new(grid, s_base, |island| has_angle.contains(&island));
        let (mut rows, mut idle) = (Vec::with_capacity(measurements.len()), Vec::with_capacity(measurements.len()));
        for m in &measurements {
            let row = Row::new(grid, &tableau, m);
            idle.push(row.as_ref().err().copied());
            rows.push(row.ok());
        }
        if rows.iter().all(Option::is_none) {
            return Err(EstimationError::NoMeasurement { given: measurements.len() });
        }
        let system = System::new(grid, &tableau, &rows)?;
        Ok(Self { grid: Arc::clone(grid), tableau, measurements, rows, idle, system })
    }

    pub fn grid(&self) -> &Arc<Grid> {
        &self.grid
    }

    pub fn measurements(&self) -> &[Measurement] {
        &self.measurements
    }

    /// Order of the system that each step solves, and entries of its factor.
    pub fn size(&self) -> (usize, usize) {
        (self.system.order(), self.system.factor_entries())
    }

    /// Why a measurement takes no part.
    pub fn idle(&self, measurement: usize) -> Option<Idle> {
        self.idle.get(measurement).copied().flatten()
    }

    /// Gives a point another value, as the next sample does. One that is no finite number is left out until the next.
    pub fn set_value(&mut self, measurement: usize, value: f64) {
        self.measurements[measurement].value = value;
    }

    /// Gives a point another deviation, in the unit of its value; one that is not positive is not taken.
    pub fn set_sigma(&mut self, measurement: usize, sigma: f64) {
        if sigma.is_finite() && sigma > 0.0 {
            self.measurements[measurement].sigma = sigma;
        }
    }

    /// Estimates the state.
    ///
    /// # Inputs
    /// * `start` - node voltages, V by node number, as an earlier estimate has them; the grid's own start if `None`.
    ///
    /// # Returns
    /// The estimate with its certificate; an iteration that did not come to rest is of another kind and has no values.
    ///
    /// # Errors
    /// Options without sense; a system that cannot be factored, which takes numbers that are not finite.
    ///
    /// # Method and source
    /// Weighted least squares with exact equations: see [`crate::estimation`]. Checked by `cases/estimation`.
    pub fn estimate(&self, options: &Options, start: Option<&[Complex64]>) -> Result<Outcome, EstimationError> {
        let sane = |option, expected, found: f64, holds: bool| {
            if holds { Ok(()) } else { Err(EstimationError::Option { option, expected, found }) }
        };
        sane("false_alarm", "between 0 and 1", options.false_alarm, options.false_alarm > 0.0 && options.false_alarm < 1.0)?;
        sane("tolerance_sigma", "greater than 0", options.tolerance_sigma, options.tolerance_sigma > 0.0)?;
        let mut run = Run::new(self, start);
        let mut gross: Vec<GrossError> = Vec::new();
        let mut doubts: Vec<SwitchDoubt> = Vec::new();
        match self.search(&mut run, &mut gross, &mut doubts, options, start) {
            // Where steps have run away, rounding leaves nothing of the hold: that is no rest, and no fault of what was asked.
            Err(EstimationError::Sparse(SparseError::Singular { .. } | SparseError::NonFinite { .. })) => {
                Ok(Outcome::Unsettled(Box::new(run.unsettled(Unsettling::NotAtRest, gross, doubts))))
            }
            other => other,
        }
    }

    /// Settles, leaves out what contradicts, and settles again, until what is left agrees.
    fn search(
        &self,
        run: &mut Run<'_>,
        gross: &mut Vec<GrossError>,
        doubts: &mut Vec<SwitchDoubt>,
        options: &Options,
        start: Option<&[Complex64]>,
    ) -> Result<Outcome, EstimationError> {
        let (mut readmitted, mut unfinished) = (false, 0);
        loop {
            let at_rest = run.settle(options)?;
            let may_go_on = options.removes_bad_data && unfinished < UNFINISHED_MAX && run.is_finite();
            if !at_rest && !may_go_on {
                return Ok(Outcome::Unsettled(Box::new(run.unsettled(Unsettling::NotAtRest, take(gross), take(doubts)))));
            }
            let covariance = run.covariance()?;
            let test = run.test(&covariance, options);
            let worst_residual = test.worst.map_or(0.0, |(_, size)| size);
            let worst_switch = test.worst_switch.map_or(0.0, |(_, size)| size);
            let contradicted = options.removes_bad_data && worst_residual.max(worst_switch) > test.limit;
            if contradicted && gross.len() + doubts.len() < options.removed_max {
                match (test.worst_switch, test.worst) {
                    (Some((element, size)), _) if size > worst_residual * SWITCH_OVER_MEASUREMENT => {
                        let element = run.best_switch(element, &test, options, start)?;
                        let size = test.switches.iter().find(|s| s.0 == element).map_or(size, |s| s.1);
                        run.relax(element);
                        doubts.push(SwitchDoubt::new(&self.grid, element, size));
                    }
                    (_, Some((at, size))) => {
                        let alike = run.alike(at, &covariance)?;
                        run.active[at] = false;
                        gross.push(GrossError { measurement: at, normalised_residual: size, error: None, alike });
                    }
                    _ => {}
                }
                // Where contradictions are so large that steps overshoot, what the last state says is no more than a hint, but the
                // rest is tested again, and what was left out wrongly comes back.
                if !at_rest {
                    unfinished += 1;
                    run.restart(start);
                }
                continue;
            }
            if !at_rest || contradicted {
                let why = if at_rest { Unsettling::Contradictory } else { Unsettling::NotAtRest };
                return Ok(Outcome::Unsettled(Box::new(run.unsettled(why, take(gross), take(doubts)))));
            }
            // What was left out because another's error had smeared over it comes back.
            if !readmitted && gross.len() + doubts.len() > 1 {
                readmitted = true;
                let known = Known { covariance, open: run.open_directions()? };
                let before = gross.len() + doubts.len();
                gross.retain(|g| {
                    let back = run.seen_from_outside(g.measurement, &known).is_some_and(|(error, sigma)| error.abs() < test.limit * sigma);
                    run.active[g.measurement] |= back;
                    !back
                });
                run.spare_switches(options, doubts, gross.len())?;
                if gross.len() + doubts.len() < before {
                    continue;
                }
                // The trials with switches have moved the state.
                if !run.settle(options)? {
                    return Ok(Outcome::Unsettled(Box::new(run.unsettled(Unsettling::NotAtRest, take(gross), take(doubts)))));
                }
            }
            let covariance = run.covariance()?;
            let test = run.test(&covariance, options);
            let loss_variance = results::total_loss_variance(run)?;
            let certificate = run.certificate(&covariance, &test, true);
            let known = Known { covariance, open: run.open_directions()? };
            for g in gross.iter_mut() {
                let unit = self.measurements[g.measurement].sigma;
                g.error = run.seen_from_outside(g.measurement, &known).map(|(error, sigma)| (error * unit, sigma * unit));
            }
            for d in doubts.iter_mut() {
                d.fill(run, &known);
            }
            // What would be known without pseudo-measurements.
            let only_measured = run.without_pseudo()?;
            return Ok(Outcome::Settled(Box::new(results::collect(
                run,
                &known,
                only_measured.as_ref(),
                loss_variance,
                certificate,
                test,
                take(gross),
                take(doubts),
            ))));
        }
    }
}

/// What measurements say of the unknowns: how exactly, and which directions they leave open.
pub(super) struct Known {
    pub covariance: Covariance,
    pub open: Open,
}

impl Known {
    /// Deviation of a linear form, per unit; `None` when nothing determines it or rounding has left no variance to speak of.
    pub fn sigma(&self, columns: &[u32], coefficients: &[f64]) -> Option<f64> {
        /// What rounding may take from the variance of what is exact.
        const ROUNDING: f64 = 1e-9;
        let variance = self.covariance.of_form(columns, coefficients);
        (self.open.determines(columns, coefficients) && variance > -ROUNDING).then(|| variance.max(0.0).sqrt())
    }
}

/// The measured node of a site, the first of several.
fn node_of(grid: &Grid, site: Site) -> Option<u32> {
    match site {
        Site::Node(n) | Site::Between(n, _) | Site::Drawn(n) => Some(n),
        Site::Conductor { element, terminal, conductor } => {
            let e = grid.elements.get(element)?;
            e.nodes.get(terminal * e.n_conductors + conductor).copied()
        }
        Site::Terminal { element, terminal } => {
            let e = grid.elements.get(element)?;
            e.nodes.get(terminal * e.n_conductors).copied()
        }
    }
    .filter(|&n| (n as usize) < grid.names.len())
}

/// The base of powers, VA: a hundred deviations of the typical meter, so that numbers are neither large nor small.
fn power_base(grid: &Grid, measurements: &[Measurement]) -> f64 {
    let size = |m: &Measurement| match m.quantity {
        Quantity::ActivePower | Quantity::ReactivePower => Some(m.sigma / grid.phase_factor),
        Quantity::CurrentMagnitude => node_of(grid, m.site).map(|n| m.sigma * grid.v_base[n as usize]),
        _ => None,
    };
    let mut sizes: Vec<f64> = measurements.iter().filter(|m| !m.is_pseudo).filter_map(size).filter(|s| s.is_finite() && *s > 0.0).collect();
    if sizes.is_empty() {
        sizes = measurements.iter().filter_map(size).filter(|s| s.is_finite() && *s > 0.0).collect();
    }
    sizes.sort_by(f64::total_cmp);
    match sizes.get(sizes.len() / 2) {
        Some(s) => s * 100.0,
        // Voltages alone: any power will do.
        None => grid.v_base.iter().copied().fold(1.0, f64::max) * if grid.v_base.iter().all(|&v| v == 1.0) { 1.0 } else { 100.0 },
    }
}

/// Results of the tests of one state at rest.
pub(super) struct Test {
    /// Share of each measurement's variance that its residual keeps, 0 to 1; `None` for those that take no part.
    pub share: Vec<Option<f64>>,
    pub normalised: Vec<Option<f64>>,
    /// Measurement and size of the largest normalised residual.
    pub worst: Option<(usize, f64)>,
    /// Element and size of the largest normalised multiplier of a switch.
    pub worst_switch: Option<(usize, f64)>,
    /// Every element with a multiplier beyond the limit, largest first.
    pub switches: Vec<(usize, f64)>,
    pub limit: f64,
    pub objective: f64,
    pub degrees_of_freedom: f64,
    pub chi_square_limit: f64,
    pub probability: f64,
}

impl<'a> Run<'a> {
    fn new(estimator: &'a Estimator, start: Option<&[Complex64]>) -> Self {
        let tableau = &estimator.tableau;
        let rows = &estimator.rows;
        Self {
            estimator,
            step: Step::new(&estimator.system),
            active: rows.iter().zip(&estimator.measurements).map(|(r, m)| r.is_some() && m.value.is_finite()).collect(),
            relaxed: Vec::new(),
            x: Self::first_state(estimator, start),
            multipliers: vec![0.0; tableau.equations.len()],
            iterations: 0,
            last_step_sigma: f64::INFINITY,
            is_fresh: true,
            residual: vec![0.0; rows.len()],
            computed: vec![0.0; rows.len()],
            gradient: rows.iter().map(|r| r.as_ref().map_or_else(Vec::new, |r| vec![0.0; r.columns.len()])).collect(),
            equation: vec![0.0; tableau.equations.len()],
        }
    }

    /// The unknowns for given node voltages, or for those of the grid's start.
    fn first_state(estimator: &Estimator, start: Option<&[Complex64]>) -> Vec<f64> {
        let (grid, tableau) = (&estimator.grid, &estimator.tableau);
        let v = start.filter(|s| s.len() == grid.names.len()).unwrap_or(&grid.start);
        let mut x = vec![0.0; 2 * tableau.n_unknowns];
        let mut put = |unknown: u32, value: Complex64| {
            if unknown != NONE {
                let value = value / tableau.unit[unknown as usize];
                (x[2 * unknown as usize], x[2 * unknown as usize + 1]) = (value.re, value.im);
            }
        };
        for (node, &unknown) in tableau.voltage.iter().enumerate() {
            put(unknown, v[node]);
        }
        for (k, e) in grid.elements.iter().enumerate() {
            let Some(y) = &e.y else { continue };
            let at: Vec<Complex64> = e.nodes.iter().map(|&n| if grid.is_live(n) { v[n as usize] } else { Complex64::ZERO }).collect();
            for (&unknown, i) in tableau.current[k].iter().zip(y.mul_vec(&at)) {
                put(unknown, i);
            }
        }
        x
    }

    /// Begins again, with what was left out still left out.
    fn restart(&mut self, start: Option<&[Complex64]>) {
        self.x = Self::first_state(self.estimator, start);
        self.multipliers.fill(0.0);
        self.is_fresh = true;
    }

    fn is_finite(&self) -> bool {
        let of_rows = self.gradient.iter().flatten().chain(&self.residual);
        self.x.iter().chain(&self.multipliers).chain(of_rows).all(|v| v.is_finite())
    }

    /// Residuals and gradients of the measurements, and what is left of the equations, at `x`.
    fn evaluate(&mut self, first: bool) {
        let e = self.estimator;
        for (k, row) in e.rows.iter().enumerate() {
            let Some(row) = row else { continue };
            let m = &e.measurements[k];
            let computed = row.evaluate(&self.x, m, first, &mut self.gradient[k]);
            self.residual[k] = computed.difference / m.sigma;
            self.computed[k] = computed.h;
            self.gradient[k].iter_mut().for_each(|g| *g /= m.sigma);
        }
        for (equation, rest) in e.tableau.equations.iter().zip(&mut self.equation) {
            *rest = equation.terms.iter().map(|&(column, c)| c * self.x[column as usize]).sum();
        }
    }

    /// Sum of squares of the weighted residuals of those that take part.
    pub fn objective(&self) -> f64 {
        self.residual.iter().zip(&self.active).filter(|(_, a)| **a).map(|(r, _)| r * r).sum()
    }

    fn largest_equation(&self) -> (usize, f64) {
        let held = |k: &usize| !self.relaxed.contains(&(*k as u32));
        (0..self.equation.len()).filter(held).map(|k| (k, self.equation[k].abs())).fold((0, 0.0), |a, b| if b.1 > a.1 { b } else { a })
    }

    fn assemble(&mut self) -> Result<(), SparseError> {
        self.step.begin(&self.relaxed);
        for (k, _) in self.active.iter().enumerate().filter(|(_, a)| **a) {
            self.step.add(k, &self.gradient[k]);
        }
        self.step.factor()
    }

    /// Steps to rest; false when it did not come there.
    fn settle(&mut self, options: &Options) -> Result<bool, EstimationError> {
        let (m, n) = (self.equation.len(), self.x.len());
        let mut rhs = vec![0.0; m + n];
        let begun_at = self.iterations;
        self.evaluate(self.is_fresh);
        while self.iterations - begun_at < options.iterations_max {
            let first = std::mem::take(&mut self.is_fresh);
            self.iterations += 1;
            self.assemble()?;
            let relaxed = |k: usize| self.relaxed.contains(&(k as u32));
            for k in 0..m {
                rhs[k] = if relaxed(k) { 0.0 } else { -self.equation[k] };
            }
            rhs[m..].fill(0.0);
            for (equation, multiplier) in self.estimator.tableau.equations.iter().zip(&self.multipliers) {
                for &(column, c) in &equation.terms {
                    rhs[m + column as usize] -= c * multiplier;
                }
            }
            for (k, row) in self.estimator.rows.iter().enumerate().filter(|(k, _)| self.active[*k]) {
                let Some(row) = row else { continue };
                for (&column, g) in row.columns.iter().zip(&self.gradient[k]) {
                    rhs[m + column as usize] -= g * self.residual[k];
                }
            }
            self.step.solve(&mut rhs, &self.relaxed)?;
            if !rhs.iter().all(|v| v.is_finite()) {
                return Ok(false);
            }
            let moved = self.largest_move(&rhs[m..]);
            let before = self.objective();
            let mut share = self.bounded_share(&rhs[m..]);
            self.x.iter_mut().zip(&rhs[m..]).for_each(|(x, d)| *x += share * d);
            self.evaluate(false);
            let least = 1e-3 * share;
            // The first steps go to the equations and may climb; later ones must lower what they minimise.
            while !first
                && self.iterations - begun_at > 1
                && moved > 1.0
                && share > least
                && self.objective() > before * (1.0 + 1e-9) + 1e-6
            {
                self.x.iter_mut().zip(&rhs[m..]).for_each(|(x, d)| *x -= 0.5 * share * d);
                share *= 0.5;
                self.evaluate(false);
            }
            for (multiplier, d) in self.multipliers.iter_mut().zip(&rhs[..m]) {
                *multiplier += share * d;
            }
            self.last_step_sigma = moved;
            if moved < options.tolerance_sigma && self.largest_equation().1 < EQUATION_TOLERANCE {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How much of a step is taken: a voltage that would move by more than half of its base has left where the measurements are nearly linear, and
    /// one that runs away does not come back.
    fn bounded_share(&self, step: &[f64]) -> f64 {
        let voltages = self.estimator.tableau.voltage.iter().filter(|&&v| v != NONE).map(|&v| 2 * v as usize);
        let largest = voltages.map(|at| step[at].hypot(step[at + 1])).fold(0.0, f64::max);
        (STEP_MAX_PU / largest).min(1.0)
    }

    /// By how many of its σ a step moves a measurement at most.
    fn largest_move(&self, step: &[f64]) -> f64 {
        let rows = self.estimator.rows.iter().enumerate().filter(|(k, _)| self.active[*k]);
        let moves = rows.filter_map(|(k, r)| {
            let r = r.as_ref()?;
            Some(r.columns.iter().zip(&self.gradient[k]).map(|(&c, g)| g * step[c as usize]).sum::<f64>().abs())
        });
        moves.fold(0.0, f64::max)
    }

    fn covariance(&mut self) -> Result<Covariance, EstimationError> {
        self.assemble()?;
        Ok(self.step.covariance()?)
    }

    /// Directions that what takes part leaves open. The matrix at rest has to be assembled again before it is used.
    fn open_directions(&mut self) -> Result<Open, EstimationError> {
        let rows = self.gradient.iter().enumerate().filter(|(k, _)| self.active[*k]).map(|(k, g)| (k, g.as_slice()));
        Ok(self.step.open_directions(&self.relaxed, &rows.collect::<Vec<_>>())?)
    }

    /// What is known of the state without pseudo-measurements; `None` where there are none.
    fn without_pseudo(&mut self) -> Result<Option<Known>, EstimationError> {
        let measurements = &self.estimator.measurements;
        if !(0..self.active.len()).any(|k| self.active[k] && measurements[k].is_pseudo) {
            return Ok(None);
        }
        let all = self.active.clone();
        self.active.iter_mut().zip(measurements).for_each(|(a, m)| *a &= !m.is_pseudo);
        let known = self.covariance().and_then(|covariance| Ok(Known { covariance, open: self.open_directions()? }));
        self.active = all;
        known.map(Some)
    }

    /// Variance of a measurement's computed value, in units of its own.
    pub fn computed_variance(&self, k: usize, covariance: &Covariance) -> Option<f64> {
        let row = self.estimator.rows[k].as_ref()?;
        Some(covariance.of_form(&row.columns, &self.gradient[k]))
    }

    /// Normalised residuals, normalised multipliers of switches, and the test of the objective.
    fn test(&self, covariance: &Covariance, options: &Options) -> Test {
        let e = self.estimator;
        let mut test = Test {
            share: vec![None; e.rows.len()],
            normalised: vec![None; e.rows.len()],
            worst: None,
            worst_switch: None,
            switches: Vec::new(),
            limit: 0.0,
            objective: self.objective(),
            degrees_of_freedom: 0.0,
            chi_square_limit: 0.0,
            probability: 1.0,
        };
        let mut testable = 0usize;
        for k in (0..e.rows.len()).filter(|&k| self.active[k]) {
            let Some(variance) = self.computed_variance(k, covariance) else { continue };
            let share = (1.0 - variance).clamp(0.0, 1.0);
            test.share[k] = Some(share);
            test.degrees_of_freedom += share;
            if share < CRITICAL_SHARE {
                continue;
            }
            testable += 1;
            let size = self.residual[k].abs() / share.sqrt();
            test.normalised[k] = Some(size);
            // What a profile said is expected to be wrong.
            if !e.measurements[k].is_pseudo && test.worst.is_none_or(|(_, w)| size > w) {
                test.worst = Some((k, size));
            }
        }
        for (k, equation) in e.tableau.equations.iter().enumerate().filter(|_| options.doubts_switches) {
            let Origin::Switch { element, .. } = equation.origin else { continue };
            let variance = covariance.of_multiplier(k as u32);
            if variance < MULTIPLIER_VARIANCE_MIN || self.relaxed.contains(&(k as u32)) {
                continue;
            }
            testable += 1;
            let size = self.multipliers[k].abs() / variance.sqrt();
            match test.switches.iter_mut().find(|s| s.0 == element as usize) {
                Some(known) => known.1 = known.1.max(size),
                None => test.switches.push((element as usize, size)),
            }
        }
        // Of so many tests together one in 1 / false_alarm sets of good measurements is to fail.
        test.limit = statistics::normal_limit(options.false_alarm / testable.max(1) as f64);
        test.switches.sort_by(|a, b| b.1.total_cmp(&a.1));
        test.worst_switch = test.switches.first().copied();
        test.switches.retain(|s| s.1 > test.limit);
        test.chi_square_limit = statistics::chi_square_limit(options.false_alarm, test.degrees_of_freedom);
        test.probability = statistics::chi_square_beyond(test.objective, test.degrees_of_freedom);
        test
    }

    /// Leaves the position of a switch open: neither equal voltages nor no current. So are those in series, of which each may be the wrong one.
    fn relax(&mut self, element: usize) {
        let open: Vec<usize> = self.position_equations(element).collect();
        for k in open {
            self.relaxed.push(k as u32);
            self.multipliers[k] = 0.0;
        }
    }

    /// Measurements whose residuals move with that of `at`, so that the error may as well be theirs.
    fn alike(&mut self, at: usize, covariance: &Covariance) -> Result<Vec<usize>, EstimationError> {
        let e = self.estimator;
        let (m, n) = (self.equation.len(), self.x.len());
        let Some(row) = &e.rows[at] else { return Ok(Vec::new()) };
        let mut rhs = vec![0.0; m + n];
        for (&column, g) in row.columns.iter().zip(&self.gradient[at]) {
            rhs[m + column as usize] -= g;
        }
        self.step.solve(&mut rhs, &self.relaxed)?;
        let share = |k: usize| self.computed_variance(k, covariance).map_or(0.0, |v| 1.0 - v);
        let own = share(at);
        let mut alike = Vec::new();
        for k in (0..e.rows.len()).filter(|&k| k != at && self.active[k]) {
            let Some(row) = &e.rows[k] else { continue };
            let together: f64 = row.columns.iter().zip(&self.gradient[k]).map(|(&c, g)| g * rhs[m + c as usize]).sum();
            let other = share(k);
            if other > CRITICAL_SHARE && together.abs() > SAME_RESIDUAL * (own * other).sqrt() {
                alike.push(k);
            }
        }
        Ok(alike)
    }

    /// Error of a measurement that takes no part, and its deviation, both in units of its σ; `None` when the others do not determine its place.
    fn seen_from_outside(&self, k: usize, known: &Known) -> Option<(f64, f64)> {
        let row = self.estimator.rows[k].as_ref()?;
        Some((self.residual[k], known.sigma(&row.columns, &self.gradient[k])?.hypot(1.0)))
    }

    /// Equations of the position of a switch and of those in series with it.
    fn position_equations(&self, element: usize) -> impl Iterator<Item = usize> {
        let equations = self.estimator.tableau.equations.iter().enumerate();
        let series = self.estimator.grid.switches_in_series(element);
        equations
            .filter(move |(_, q)| matches!(q.origin, Origin::Switch { element: e, .. } if series.contains(&(e as usize))))
            .map(|(k, _)| k)
    }

    /// The switch whose position, left open, lets the measurements agree best; `worst` when none of those tried comes to rest.
    ///
    /// A position told wrongly makes contradictions so large that multipliers, which look at small changes, need not point at the switch
    /// itself: those with the largest are tried.
    fn best_switch(&mut self, worst: usize, test: &Test, options: &Options, start: Option<&[Complex64]>) -> Result<usize, EstimationError> {
        let before = (self.x.clone(), self.multipliers.clone(), self.relaxed.clone(), self.is_fresh);
        let trial = Options { iterations_max: STEPS_OF_TRIAL, ..options.clone() };
        let mut best = (worst, f64::INFINITY);
        if test.switches.len() > 1 {
            for &(element, _) in test.switches.iter().take(SWITCHES_TRIED) {
                self.relax(element);
                self.restart(start);
                if self.settle(&trial)? && self.objective() < best.1 {
                    best = (element, self.objective());
                }
                self.relaxed.clone_from(&before.2);
            }
        }
        (self.x, self.multipliers, self.relaxed, self.is_fresh) = before;
        self.evaluate(false);
        Ok(best.0)
    }

    /// Takes back doubts of switches without which the measurements agree as well, the first found first, so that what is left is needed.
    ///
    /// The worst multiplier is often that of a neighbour of the switch that was told wrongly, and with a position left open too many the
    /// measurements need not determine what flows there, so that nothing but a trial tells.
    fn spare_switches(&mut self, options: &Options, doubts: &mut Vec<SwitchDoubt>, n_gross: usize) -> Result<(), EstimationError> {
        let mut at = 0;
        while at < doubts.len() && n_gross + doubts.len() > 1 {
            let element = doubts[at].element;
            let before = (self.x.clone(), self.multipliers.clone(), self.relaxed.clone());
            self.tell_again(element);
            self.restart(None);
            let fits = self.settle(options)? && {
                let covariance = self.covariance()?;
                let test = self.test(&covariance, options);
                test.worst.map_or(0.0, |(_, size)| size).max(test.worst_switch.map_or(0.0, |(_, size)| size)) <= test.limit
            };
            if fits {
                doubts.remove(at);
            } else {
                (self.x, self.multipliers, self.relaxed) = before;
                at += 1;
            }
        }
        Ok(())
    }

    /// Takes the position of a switch as told again.
    fn tell_again(&mut self, element: usize) {
        let back: Vec<u32> = self.position_equations(element).map(|k| k as u32).collect();
        self.relaxed.retain(|k| !back.contains(k));
    }

    fn certificate(&self, covariance: &Covariance, test: &Test, converged: bool) -> EstimateCertificate {
        let (gradient, at) = self.largest_gradient(Some(covariance));
        let (equation, rest) = self.largest_equation();
        let e = self.estimator;
        EstimateCertificate {
            converged,
            iterations: self.iterations,
            last_step_sigma: self.last_step_sigma,
            gradient_sigma: gradient,
            gradient_at: at,
            equation_pu: rest,
            equation_at: e.tableau.equations.get(equation).map_or_else(String::new, |q| results::origin_name(&e.grid, q.origin)),
            mismatch_a: self.largest_mismatch().0,
            mismatch_at: self.largest_mismatch().1,
            objective: test.objective,
            degrees_of_freedom: test.degrees_of_freedom,
            chi_square_limit: test.chi_square_limit,
            probability: test.probability,
            residual_limit: test.limit,
            n_measurements: self.active.iter().filter(|a| **a).count(),
        }
    }

    /// Largest component of the gradient of what is minimised, times the deviation of its unknown: how far it is from rest, in σ.
    fn largest_gradient(&self, covariance: Option<&Covariance>) -> (f64, String) {
        let e = self.estimator;
        let mut gradient = vec![0.0; self.x.len()];
        for (k, row) in e.rows.iter().enumerate().filter(|(k, _)| self.active[*k]) {
            let Some(row) = row else { continue };
            for (&c, g) in row.columns.iter().zip(&self.gradient[k]) {
                gradient[c as usize] += g * self.residual[k];
            }
        }
        for (equation, multiplier) in e.tableau.equations.iter().zip(&self.multipliers) {
            for &(c, coefficient) in &equation.terms {
                gradient[c as usize] += coefficient * multiplier;
            }
        }
        let sigma = |c: usize| covariance.map_or(1.0, |v| v.of(c as u32, c as u32).max(0.0).sqrt());
        let sizes = gradient.iter().enumerate().map(|(c, g)| (c, g.abs() * sigma(c)));
        let (at, size) = sizes.fold((0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
        (size, results::unknown_name(e, at as u32 / 2))
    }

    /// Largest sum of the currents at a node, A.
    fn largest_mismatch(&self) -> (f64, String) {
        let e = self.estimator;
        let mut sum = vec![Complex64::ZERO; e.grid.names.len()];
        for (k, element) in e.grid.elements.iter().enumerate() {
            for (&node, &unknown) in element.nodes.iter().zip(&e.tableau.current[k]) {
                sum[node as usize] += self.value(unknown);
            }
        }
        sum[0] = Complex64::ZERO;
        let (at, size) = sum.iter().enumerate().map(|(k, s)| (k, s.norm())).fold((0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
        (size, e.grid.names[at].clone())
    }

    /// A complex unknown in V or A; zero for one that does not exist.
    pub fn value(&self, unknown: u32) -> Complex64 {
        if unknown == NONE {
            return Complex64::ZERO;
        }
        Complex64::new(self.x[2 * unknown as usize], self.x[2 * unknown as usize + 1]) * self.estimator.tableau.unit[unknown as usize]
    }

    /// Solves with the matrix at rest for one right-hand side of unknowns; gives `Cov(x) b`.
    pub fn covariance_times(&mut self, b: &[f64]) -> Result<Vec<f64>, SparseError> {
        let m = self.equation.len();
        let mut rhs = vec![0.0; m + b.len()];
        rhs[m..].iter_mut().zip(b).for_each(|(r, b)| *r = -b);
        self.step.solve(&mut rhs, &self.relaxed)?;
        Ok(rhs.split_off(m))
    }

    fn unsettled(&mut self, why: Unsettling, gross_errors: Vec<GrossError>, switch_doubts: Vec<SwitchDoubt>) -> Unsettled {
        let (gradient, at) = self.largest_gradient(None);
        let (equation, rest) = self.largest_equation();
        let e = self.estimator;
        let mut worst: Vec<usize> = (0..self.active.len()).filter(|&k| self.active[k]).collect();
        worst.sort_by(|&a, &b| self.residual[b].abs().total_cmp(&self.residual[a].abs()));
        Unsettled {
            why,
            certificate: EstimateCertificate {
                converged: why == Unsettling::Contradictory,
                iterations: self.iterations,
                last_step_sigma: self.last_step_sigma,
                gradient_sigma: gradient,
                gradient_at: at,
                equation_pu: rest,
                equation_at: e.tableau.equations.get(equation).map_or_else(String::new, |q| results::origin_name(&e.grid, q.origin)),
                mismatch_a: self.largest_mismatch().0,
                mismatch_at: self.largest_mismatch().1,
                objective: self.objective(),
                degrees_of_freedom: f64::NAN,
                chi_square_limit: f64::NAN,
                probability: f64::NAN,
                residual_limit: f64::NAN,
                n_measurements: self.active.iter().filter(|a| **a).count(),
            },
            worst: worst.into_iter().take(10).map(|k| ResidualRow { measurement: k, residual_sigma: self.residual[k] }).collect(),
            gross_errors,
            switch_doubts,
        }
    }
}

/// What is estimated, from the outside.
impl Estimate {
    /// The estimated node voltages, V by node number, to start the next estimation from: also of nodes that are not observable.
    pub fn start(&self) -> &[Complex64] {
        &self.voltages
    }
}
