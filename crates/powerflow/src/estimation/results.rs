//! What an estimation gives: every voltage and every current with its deviation and where it comes from, the certificate, the findings.

use super::estimator::{EstimationError, Estimator, Known, Run, Test};
use super::grid::Grid;
use super::measurement::{Idle, Quantity, Site};
use super::system::element_columns;
use super::tableau::{NONE, Origin};
use crate::circuit::NodeNumber;
use network::Diagnostic;
use num_complex::Complex64;

/// A voltage known worse than this, per unit, is not given although measurements determine it.
const V_SIGMA_MAX_PU: f64 = 3.0;
/// Likewise a current, of the base on which a typical meter's deviation is 0.01.
const I_SIGMA_MAX_PU: f64 = 100.0;
/// A voltage or current smaller than this has no direction: of such a one both parts must be determined, and not its size alone.
const SIZE_MIN_PU: f64 = 1e-3;

/// How an estimation ended.
#[derive(Debug)]
pub enum Outcome {
    Settled(Box<Estimate>),
    Unsettled(Box<Unsettled>),
}

impl Outcome {
    /// The estimate, or what is known of why there is none.
    ///
    /// # Errors
    /// `Unsettled` when the iteration did not come to rest, or more is in error than may be left out.
    pub fn settled(self) -> Result<Estimate, Box<Unsettled>> {
        match self {
            Self::Settled(e) => Ok(*e),
            Self::Unsettled(u) => Err(u),
        }
    }
}

/// What was recomputed from the last state, by which to trust it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct EstimateCertificate {
    pub converged: bool,
    pub iterations: u32,
    /// By how many σ the last step moved a measurement's computed value at most.
    pub last_step_sigma: f64,
    /// Largest component of the gradient times the deviation of its unknown, and where: the distance from the minimum, in σ.
    pub gradient_sigma: f64,
    pub gradient_at: String,
    /// Largest residual of an exact equation, per unit of its scaled coefficients, and where.
    pub equation_pu: f64,
    pub equation_at: String,
    /// Largest sum of the currents at a node, A, and where.
    pub mismatch_a: f64,
    pub mismatch_at: String,
    /// Sum of the squares of the weighted residuals.
    pub objective: f64,
    /// Sum of the shares of variance that the residuals keep: measurements less what they determine.
    pub degrees_of_freedom: f64,
    /// What the objective exceeds with the probability of a false alarm, and the probability of exceeding the one at hand.
    pub chi_square_limit: f64,
    pub probability: f64,
    /// Normalised residual beyond which a measurement is found in error.
    pub residual_limit: f64,
    /// Measurements that took part to the end.
    pub n_measurements: usize,
}

impl EstimateCertificate {
    /// Whether the measurements that took part agree with each other as their deviations promise.
    pub fn is_plausible(&self) -> bool {
        // Without redundancy there is nothing to agree.
        self.objective <= self.chi_square_limit || self.degrees_of_freedom < 0.5
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A measurement of it took part.
    Measured,
    /// It follows from measurements elsewhere.
    Estimated,
    /// It would not be determined without pseudo-measurements.
    Pseudo,
    /// Nothing determines it.
    NotObservable,
    /// No source feeds it.
    Dead,
}

impl Status {
    /// The word used in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Estimated => "estimated",
            Self::Pseudo => "pseudo",
            Self::NotObservable => "not_observable",
            Self::Dead => "dead",
        }
    }
}

/// Voltage of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeEstimate {
    pub node: NodeNumber,
    pub status: Status,
    /// Magnitude and its deviation, V; `None` where nothing determines it, (0, 0) where dead.
    pub v_v: Option<(f64, f64)>,
    /// Angle and its deviation, rad; `None` where nothing determines it.
    pub angle_rad: Option<(f64, f64)>,
    /// Island of observability, counted from 1: within one, flows are known; 0 for a node of none.
    pub island: u32,
}

/// What flows into one conductor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow {
    /// Magnitude and its deviation, A.
    pub i_a: f64,
    pub i_sigma_a: f64,
    /// Angle and its deviation, rad, counted as that of the voltages; `None` where nothing determines it, or nothing flows.
    pub i_angle_rad: Option<(f64, f64)>,
    /// Power and its deviation, W and var.
    pub p_w: f64,
    pub p_sigma_w: f64,
    pub q_var: f64,
    pub q_sigma_var: f64,
}

/// One conductor of one terminal; those at earth are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowEstimate {
    pub element: usize,
    /// Both counted from 0.
    pub terminal: usize,
    pub conductor: usize,
    pub node: NodeNumber,
    pub status: Status,
    /// `None` where nothing determines it.
    pub flow: Option<Flow>,
}

/// Power that an element between buses burns.
#[derive(Clone, Debug, PartialEq)]
pub struct LossEstimate {
    pub element: usize,
    /// Power and its deviation, W; `None` where a current of it is not observable.
    pub p_w: Option<(f64, f64)>,
}

/// How a measurement fared.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasurementResult {
    /// What it should read, and the deviation of that, in its unit; `None` when its place is not observable or it is idle.
    pub estimated: Option<(f64, f64)>,
    /// Measured less estimated, in the measurement's unit.
    pub residual: Option<f64>,
    /// Residual over its own deviation; `None` for critical ones and those that took no part.
    pub normalised_residual: Option<f64>,
    /// Share of its variance that the residual keeps.
    pub redundancy: Option<f64>,
    pub role: Role,
}

/// What became of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Took part and is checked by others.
    Checked,
    /// Took part, but nothing checks it: an error of it cannot be found.
    Critical,
    /// Found in error and left out.
    Removed,
    /// On a dead part.
    Dead,
    /// No number.
    NoNumber,
    /// No such place.
    NoPlace,
}

impl Role {
    /// The word used in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::Critical => "critical",
            Self::Removed => "removed",
            Self::Dead => "dead",
            Self::NoNumber => "no_number",
            Self::NoPlace => "no_place",
        }
    }
}

/// A measurement found in error.
#[derive(Clone, Debug, PartialEq)]
pub struct GrossError {
    pub measurement: usize,
    /// When it was found.
    pub normalised_residual: f64,
    /// Measured less what the others say, and the deviation of that, in the measurement's unit; `None` when those that are left do not
    /// determine what it measures.
    pub error: Option<(f64, f64)>,
    /// Measurements whose error would look the same.
    pub alike: Vec<usize>,
}

/// A switch whose told position the measurements contradict.
#[derive(Clone, Debug, PartialEq)]
pub struct SwitchDoubt {
    pub element: usize,
    pub told_closed: bool,
    pub normalised_multiplier: f64,
    /// Switches in series, of which each may be the wrong one as well.
    pub alike: Vec<usize>,
    /// Largest current through it, and largest voltage across it, once its position is left open; A and V. `None` where measurements
    /// do not determine them, and before the end.
    pub i_a: Option<f64>,
    pub v_across_v: Option<f64>,
}

impl SwitchDoubt {
    pub(super) fn new(grid: &Grid, element: usize, size: f64) -> Self {
        let told_closed = grid.elements[element].switch.as_ref().is_some_and(|s| s.iter().all(|c| *c));
        let alike = grid.switches_in_series(element).into_iter().filter(|&k| k != element).collect();
        Self { element, told_closed, normalised_multiplier: size, alike, i_a: None, v_across_v: None }
    }

    /// What measurements say of it.
    fn found(&self) -> String {
        let or_unknown =
            |value: Option<f64>, unit: &str| value.map_or_else(|| "an unknown number of ".to_owned() + unit, |v| format!("{v:.3} {unit}"));
        format!(
            "With its position left open, {} flow through it and {} stand across it; its normalised multiplier was {:.1}.",
            or_unknown(self.i_a, "A"),
            or_unknown(self.v_across_v, "V"),
            self.normalised_multiplier
        )
    }

    pub(super) fn fill(&mut self, run: &Run, known: &Known) {
        let (e, t) = (&run.estimator.grid().elements[self.element], &run.estimator.tableau);
        let (mut i_a, mut v_across_v) = (Some(0.0f64), Some(0.0f64));
        for c in 0..e.n_conductors {
            let i = t.current[self.element][c];
            if i != NONE {
                let is_known = (0..2).all(|part| known.open.determines(&[2 * i + part], &[1.0]));
                i_a = i_a.filter(|_| is_known).map(|a| a.max(run.value(i).norm()));
            }
            let [a, b] = [c, e.n_conductors + c].map(|k| t.voltage[e.nodes[k] as usize]);
            if a != NONE && b != NONE {
                let (u, w) = (t.unit[a as usize], t.unit[b as usize]);
                let is_known = (0..2).all(|part| known.open.determines(&[2 * a + part, 2 * b + part], &[u, -w]));
                v_across_v = v_across_v.filter(|_| is_known).map(|v| v.max((run.value(a) - run.value(b)).norm()));
            }
        }
        (self.i_a, self.v_across_v) = (i_a, v_across_v);
    }
}

/// The estimated state.
#[derive(Debug)]
pub struct Estimate {
    pub certificate: EstimateCertificate,
    /// In the order in which nodes are reported.
    pub nodes: Vec<NodeEstimate>,
    pub flows: Vec<FlowEstimate>,
    pub losses: Vec<LossEstimate>,
    /// Of all elements between buses and its deviation, W; `None` when one of them is not observable.
    pub total_loss_w: Option<(f64, f64)>,
    /// By measurement.
    pub measurements: Vec<MeasurementResult>,
    /// In the order in which they were found.
    pub gross_errors: Vec<GrossError>,
    pub switch_doubts: Vec<SwitchDoubt>,
    /// Islands of observability that have more than one node.
    pub n_islands: u32,
    pub(super) voltages: Vec<Complex64>,
}

/// Why there are no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unsettling {
    /// The iteration did not come to rest.
    NotAtRest,
    /// It did, but after as many as may be left out still more measurements contradict each other.
    Contradictory,
}

/// The estimation did not end with a state that the measurements agree on: there are no values.
#[derive(Debug)]
pub struct Unsettled {
    pub why: Unsettling,
    pub certificate: EstimateCertificate,
    /// The largest weighted residuals at the last state, largest first.
    pub worst: Vec<ResidualRow>,
    /// Found on the way.
    pub gross_errors: Vec<GrossError>,
    pub switch_doubts: Vec<SwitchDoubt>,
}

/// A measurement and its residual in σ.
#[derive(Clone, Debug, PartialEq)]
pub struct ResidualRow {
    pub measurement: usize,
    pub residual_sigma: f64,
}

pub(super) fn origin_name(grid: &Grid, origin: Origin) -> String {
    match origin {
        Origin::Node(n) | Origin::Angle(n) => grid.names[n as usize].clone(),
        Origin::Element(e) | Origin::Device(e) | Origin::Switch { element: e, .. } => grid.elements[e as usize].name.clone(),
    }
}

pub(super) fn unknown_name(estimator: &Estimator, unknown: u32) -> String {
    let (grid, tableau) = (estimator.grid(), &estimator.tableau);
    if let Some(node) = tableau.voltage.iter().position(|&v| v == unknown) {
        return grid.names[node].clone();
    }
    tableau.current.iter().position(|c| c.contains(&unknown)).map_or_else(String::new, |e| grid.elements[e].name.clone())
}

/// Deviations of magnitude and angle (times the magnitude), per unit, of a complex unknown; `None` for what is not determined.
///
/// The magnitude counts as known only with a direction, or with both parts where it is nothing.
fn polar_sigma(known: &Known, unknown: u32, x: &[f64], max: f64) -> (Option<f64>, Option<f64>) {
    let columns = [2 * unknown, 2 * unknown + 1];
    let value = Complex64::new(x[columns[0] as usize], x[columns[1] as usize]);
    let has_direction = value.norm() > SIZE_MIN_PU;
    let direction = if has_direction { value / value.norm() } else { Complex64::ONE };
    let form = |re: f64, im: f64| known.sigma(&columns, &[re, im]).filter(|s| *s < max);
    let (along, across) = (form(direction.re, direction.im), form(-direction.im, direction.re));
    match (along, across) {
        (Some(_), Some(_)) => (along, across.filter(|_| has_direction)),
        // Of nothing a part alone says nothing.
        _ if !has_direction => (None, None),
        (along, _) => (along, None),
    }
}

/// Deviations of active and reactive power of a conductor, per unit; `None` when one of both is not determined.
fn power_sigma(known: &Known, v: u32, i: u32, x: &[f64]) -> Option<(f64, f64)> {
    let columns = [2 * v, 2 * v + 1, 2 * i, 2 * i + 1];
    let [e, f, a, b] = columns.map(|c| x[c as usize]);
    let sigma = |c: [f64; 4]| known.sigma(&columns, &c).filter(|s| *s < I_SIGMA_MAX_PU);
    Some((sigma([a, b, e, f])?, sigma([-b, a, f, -e])?))
}

/// Power of a conductor, per unit.
fn conductor_power(run: &Run, v: u32, i: u32) -> Complex64 {
    let at = |u: u32| Complex64::new(run.x[2 * u as usize], run.x[2 * u as usize + 1]);
    at(v) * at(i).conj()
}

/// Gradient of the power that an element burns, per unit, by its columns.
fn loss_gradient(run: &Run, element: usize, columns: &[u32]) -> (f64, Vec<f64>) {
    let (grid, t) = (run.estimator.grid(), &run.estimator.tableau);
    let mut gradient = vec![0.0; columns.len()];
    let mut sum = 0.0;
    for (&node, &i) in grid.elements[element].nodes.iter().zip(&t.current[element]) {
        let v = t.voltage[node as usize];
        if i == NONE || v == NONE {
            continue;
        }
        for part in 0..2 {
            let (a, b) = (2 * v + part, 2 * i + part);
            sum += run.x[a as usize] * run.x[b as usize];
            for (column, other) in [(a, b), (b, a)] {
                if let Ok(at) = columns.binary_search(&column) {
                    gradient[at] += run.x[other as usize];
                }
            }
        }
    }
    (sum, gradient)
}

fn root(parent: &mut [u32], mut i: u32) -> u32 {
    while parent[i as usize] != i {
        parent[i as usize] = parent[parent[i as usize] as usize];
        i = parent[i as usize];
    }
    i
}

/// The tables of a state at rest.
#[allow(clippy::too_many_arguments)]
pub(super) fn collect(
    run: &Run,
    known: &Known,
    only_measured: Option<&Known>,
    total_loss_variance: f64,
    certificate: EstimateCertificate,
    test: Test,
    gross_errors: Vec<GrossError>,
    switch_doubts: Vec<SwitchDoubt>,
) -> Estimate {
    let estimator = run.estimator;
    let (grid, t) = (estimator.grid(), &estimator.tableau);
    let mut voltages = grid.start.clone();
    let factor = grid.phase_factor;
    let watt = t.s_base * factor;
    // Measured sites in sets, for the many that ask.
    let mut voltage_sites = vec![false; grid.names.len()];
    let mut flow_sites: std::collections::HashSet<(usize, usize, usize)> = std::collections::HashSet::new();
    for (_, m) in estimator.measurements().iter().enumerate().filter(|(k, m)| run.active[*k] && !m.is_pseudo) {
        match (m.quantity, m.site) {
            (Quantity::VoltageMagnitude, Site::Node(n)) => voltage_sites[n as usize] = true,
            (Quantity::VoltageMagnitude, Site::Conductor { element, terminal, conductor }) => {
                let e = &grid.elements[element];
                voltage_sites[e.nodes[terminal * e.n_conductors + conductor] as usize] = true;
            }
            (Quantity::ActivePower | Quantity::CurrentMagnitude, Site::Conductor { element, terminal, conductor }) => {
                flow_sites.insert((element, terminal, conductor));
            }
            _ => {}
        }
    }
    let mut nodes = Vec::with_capacity(grid.reported.len());
    for &n in &grid.reported {
        let unknown = t.voltage[n as usize];
        if unknown == NONE {
            nodes.push(NodeEstimate { node: n, status: Status::Dead, v_v: Some((0.0, 0.0)), angle_rad: None, island: 0 });
            continue;
        }
        let v = run.value(unknown);
        voltages[n as usize] = v;
        let unit = t.unit[unknown as usize];
        let (along, across) = polar_sigma(known, unknown, &run.x, V_SIGMA_MAX_PU);
        let from_pseudo = only_measured.is_some_and(|k| polar_sigma(k, unknown, &run.x, V_SIGMA_MAX_PU).0.is_none());
        let status = match (along, from_pseudo) {
            (None, _) => Status::NotObservable,
            (_, true) => Status::Pseudo,
            _ if voltage_sites[n as usize] => Status::Measured,
            _ => Status::Estimated,
        };
        nodes.push(NodeEstimate {
            node: n,
            status,
            v_v: along.map(|sigma| (v.norm(), sigma * unit)),
            angle_rad: across.map(|sigma| (v.arg(), sigma * unit / v.norm())),
            island: 0,
        });
    }
    let mut parent: Vec<u32> = (0..grid.names.len() as u32).collect();
    let mut flows = Vec::new();
    let mut losses = Vec::new();
    let mut total_loss = Some(0.0);
    for (k, e) in grid.elements.iter().enumerate() {
        let mut all_known = true;
        let mut live: Vec<u32> = Vec::new();
        for (at, (&node, &i)) in e.nodes.iter().zip(&t.current[k]).enumerate() {
            if node == 0 {
                continue;
            }
            let (terminal, conductor) = (at / e.n_conductors, at % e.n_conductors);
            if i == NONE {
                flows.push(FlowEstimate { element: k, terminal, conductor, node, status: Status::Dead, flow: None });
                continue;
            }
            live.push(node);
            let v = t.voltage[node as usize];
            let current = run.value(i);
            let power = conductor_power(run, v, i);
            let unit = t.unit[i as usize];
            // Of a conductor without voltage both powers are nothing, whatever flows.
            let of = |known: &Known| {
                let (along, across) = polar_sigma(known, i, &run.x, I_SIGMA_MAX_PU);
                Some((power_sigma(known, v, i, &run.x)?, along?, across))
            };
            let sigmas = of(known);
            let from_pseudo = only_measured.is_some_and(|known| of(known).is_none());
            let status = match (sigmas, from_pseudo) {
                (None, _) => Status::NotObservable,
                (_, true) => Status::Pseudo,
                _ if flow_sites.contains(&(k, terminal, conductor)) => Status::Measured,
                _ => Status::Estimated,
            };
            all_known &= sigmas.is_some();
            let flow = sigmas.map(|((p, q), along, across)| Flow {
                i_a: current.norm(),
                i_sigma_a: along * unit,
                i_angle_rad: across.map(|sigma| (current.arg(), sigma * unit / current.norm())),
                p_w: power.re * watt,
                p_sigma_w: p * watt,
                q_var: power.im * watt,
                q_sigma_var: q * watt,
            });
            flows.push(FlowEstimate { element: k, terminal, conductor, node, status, flow });
        }
        if e.y.is_some() && all_known {
            for pair in live.windows(2) {
                let (a, b) = (root(&mut parent, pair[0]), root(&mut parent, pair[1]));
                parent[a.max(b) as usize] = a.min(b);
            }
        }
        if e.is_series && e.y.is_some() && !live.is_empty() {
            let columns = element_columns(t, k, &e.nodes);
            let (sum, gradient) = loss_gradient(run, k, &columns);
            let sigma = known.sigma(&columns, &gradient).filter(|_| all_known);
            total_loss = total_loss.filter(|_| sigma.is_some()).map(|l: f64| l + sum * watt);
            losses.push(LossEstimate { element: k, p_w: sigma.map(|sigma| (sum * watt, sigma * watt)) });
        }
    }
    // Islands of more than one node, in the order of the nodes.
    let labels: Vec<u32> = (0..parent.len() as u32).map(|n| root(&mut parent, n)).collect();
    let mut size = vec![0u32; parent.len()];
    nodes.iter().filter(|n| n.status != Status::Dead).for_each(|n| size[labels[n.node as usize] as usize] += 1);
    let mut number = vec![0u32; parent.len()];
    let mut n_islands = 0;
    for node in nodes.iter_mut().filter(|n| n.status != Status::Dead) {
        let label = labels[node.node as usize] as usize;
        if number[label] == 0 && size[label] > 1 {
            n_islands += 1;
            number[label] = n_islands;
        }
        node.island = number[label];
    }
    let measurements = estimator
        .measurements()
        .iter()
        .enumerate()
        .map(|(k, m)| {
            let role = match estimator.idle(k) {
                Some(Idle::Dead) => Role::Dead,
                Some(Idle::NoNumber) => Role::NoNumber,
                Some(Idle::NoPlace) => Role::NoPlace,
                None if !m.value.is_finite() => Role::NoNumber,
                None if !run.active[k] => Role::Removed,
                None if test.normalised[k].is_none() => Role::Critical,
                None => Role::Checked,
            };
            // What was left out may be all that saw its place.
            let row = estimator.rows[k].as_ref().filter(|_| m.value.is_finite());
            let sigma = row.and_then(|row| known.sigma(&row.columns, &run.gradient[k]));
            MeasurementResult {
                estimated: sigma.map(|sigma| (run.computed[k], sigma * m.sigma)),
                residual: sigma.map(|_| if m.quantity.is_angle() { run.residual[k] * m.sigma } else { m.value - run.computed[k] }),
                normalised_residual: test.normalised[k],
                redundancy: test.share[k],
                role,
            }
        })
        .collect();
    let total_loss_w = total_loss.map(|l| (l, total_loss_variance.max(0.0).sqrt() * watt));
    Estimate { certificate, nodes, flows, losses, total_loss_w, measurements, gross_errors, switch_doubts, n_islands, voltages }
}

/// Variance of the power that all elements between buses burn, per unit squared.
pub(super) fn total_loss_variance(run: &mut Run) -> Result<f64, EstimationError> {
    let mut gradient = vec![0.0; run.x.len()];
    for (k, e) in run.estimator.grid().elements.iter().enumerate().filter(|(_, e)| e.is_series && e.y.is_some()) {
        let columns = element_columns(&run.estimator.tableau, k, &e.nodes);
        let (_, of_element) = loss_gradient(run, k, &columns);
        columns.iter().zip(of_element).for_each(|(&c, g)| gradient[c as usize] += g);
    }
    let times = run.covariance_times(&gradient)?;
    Ok(gradient.iter().zip(times).map(|(g, t)| g * t).sum())
}

impl Estimate {
    /// What the estimation found, as findings with stable codes.
    pub fn diagnostics(&self, estimator: &Estimator) -> Vec<Diagnostic> {
        let grid = estimator.grid();
        let name = |k: usize| estimator.measurements()[k].name.as_str();
        let mut found = Vec::new();
        for g in &self.gross_errors {
            let m = &estimator.measurements()[g.measurement];
            let off = match g.error {
                Some((error, sigma)) => format!("{error:.4} {u} (σ {sigma:.4}) off what the others say", u = m.quantity.unit()),
                None => "at a place that the others no longer determine".to_owned(),
            };
            let mut d =
                Diagnostic::warning("ESTIMATION.MEASUREMENT.GROSS_ERROR", format!("measurement \"{}\" contradicts the others", m.name))
                    .detail(format!(
                        "It reads {:.6} {u}, which is {off}; its normalised residual was {:.1}. It was left out.",
                        m.value,
                        g.normalised_residual,
                        u = m.quantity.unit()
                    ))
                    .hint("Check the transducer, its ratio, sign and scaling.");
            if !g.alike.is_empty() {
                let others: Vec<&str> = g.alike.iter().map(|&k| name(k)).collect();
                d = d.hint(format!("An error of {} would look the same: check these too.", others.join(", ")));
            }
            found.push(d);
        }
        for s in &self.switch_doubts {
            let told = if s.told_closed { "closed" } else { "open" };
            // One wrong position disturbs its neighbours, and which of several doubted ones is wrong is not known.
            let others = if self.switch_doubts.len() > 1 { ", or what another doubted switch is told to be" } else { "" };
            let series: Vec<&str> = s.alike.iter().map(|&k| grid.elements[k].name.as_str()).collect();
            let hint = if series.is_empty() {
                "Check the position that is told.".to_owned()
            } else {
                format!("Check the position that is told, and those of {} in series, which would look the same.", series.join(", "))
            };
            found.push(
                Diagnostic::warning("ESTIMATION.SWITCH.DOUBTED", format!("the measurements contradict that the switch is {told}{others}"))
                    .element(&grid.elements[s.element].name)
                    .detail(s.found())
                    .hint(hint),
            );
        }
        if !self.certificate.is_plausible() {
            found.push(
                Diagnostic::warning("ESTIMATION.FIT.IMPLAUSIBLE", "the measurements agree worse than their deviations promise")
                    .detail(format!(
                        "The sum of squares is {:.1} with {:.1} degrees of freedom; {:.1} would be rare.",
                        self.certificate.objective, self.certificate.degrees_of_freedom, self.certificate.chi_square_limit
                    ))
                    .hint("Deviations may be told too small, or the model differs from the plant."),
            );
        }
        for (k, m) in self.measurements.iter().enumerate() {
            let given = &estimator.measurements()[k];
            match m.role {
                Role::Dead if given.value.abs() > 5.0 * given.sigma && !given.quantity.is_angle() => found.push(
                    Diagnostic::warning(
                        "ESTIMATION.MEASUREMENT.ON_DEAD_PART",
                        format!("measurement \"{}\" reads something on a dead part", given.name),
                    )
                    .detail(format!("It reads {:.6} {} (σ {:.4}) where no source feeds.", given.value, given.quantity.unit(), given.sigma))
                    .hint("A switch on the way may be told open and be closed."),
                ),
                Role::NoNumber => found.push(
                    Diagnostic::warning(
                        "ESTIMATION.MEASUREMENT.NO_NUMBER",
                        format!("measurement \"{}\" has no value or no deviation", given.name),
                    )
                    .hint("It took no part; give a finite value and a deviation greater than zero."),
                ),
                Role::NoPlace => found.push(
                    Diagnostic::error(
                        "ESTIMATION.MEASUREMENT.NO_PLACE",
                        format!("measurement \"{}\" has no place in the network", given.name),
                    )
                    .hint("Name an element, terminal and conductor that exist, and a quantity that they have."),
                ),
                _ => {}
            }
        }
        let critical: Vec<&str> = (0..self.measurements.len()).filter(|&k| self.measurements[k].role == Role::Critical).map(name).collect();
        if !critical.is_empty() {
            found.push(
                Diagnostic::note("ESTIMATION.MEASUREMENT.CRITICAL", format!("{} measurements are checked by no other", critical.len()))
                    .detail(format!("An error of one of them cannot be found: {}.", few(&critical)))
                    .hint("Measure more near them."),
            );
        }
        let unseen: Vec<&str> =
            self.nodes.iter().filter(|n| n.status == Status::NotObservable).map(|n| grid.names[n.node as usize].as_str()).collect();
        if !unseen.is_empty() {
            found.push(
                Diagnostic::warning(
                    "ESTIMATION.NODE.NOT_OBSERVABLE",
                    format!("the measurements do not determine {} node voltages", unseen.len()),
                )
                .detail(format!("Without a value: {}.", few(&unseen)))
                .hint("Measure there, or add pseudo-measurements."),
            );
        }
        found
    }
}

impl Unsettled {
    /// Why there is no estimate.
    pub fn diagnostic(&self, estimator: &Estimator) -> Diagnostic {
        let worst: Vec<String> =
            self.worst.iter().map(|w| format!("{} ({:.0} σ)", estimator.measurements()[w.measurement].name, w.residual_sigma)).collect();
        if self.why == Unsettling::Contradictory {
            let left_out = self.gross_errors.len() + self.switch_doubts.len();
            return Diagnostic::error(
                "ESTIMATION.MEASUREMENT.TOO_MANY_ERRORS",
                "more measurements contradict each other than may be left out",
            )
            .detail(format!("With {left_out} left out those furthest off are {}.", worst.join(", ")))
            .hint("The network or its switches may be told wrongly; check them before the meters.");
        }
        Diagnostic::error("ESTIMATION.ITERATION.NOT_SETTLED", "the estimation did not come to rest")
            .detail(format!("After {} iterations the measurements furthest off are {}.", self.certificate.iterations, worst.join(", ")))
            .hint("Look for a measurement with a wrong sign, unit or place, or a switch told wrongly.")
    }
}

fn few(names: &[&str]) -> String {
    const SHOWN: usize = 10;
    let mut text = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
