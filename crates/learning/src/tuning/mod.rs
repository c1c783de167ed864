//! Calibration of a distribution network to what its meters read: phases, taps, impedances, load factors.
//!
//! # What is asked
//! A model says at which phase each customer hangs, where the taps stand and how long the lines are. Meters say what really happened. Which
//! changes of the model explain the readings, and what do the readings not tell?
//!
//! # Method
//! The measured powers are placed in the model and every moment is solved ([`bench`]); what the voltage meters read besides has to come out.
//! How badly it does is a likelihood with the errors of the meters' class ([`misfit`]). Two searches take turns until neither changes
//! anything: phases, by candidates from the course of the voltage and judgement by full solves ([`phases`]), and taps, impedance factors,
//! load factors and the level of the source by Bayesian optimisation ([`parameters`]).
//!
//! ```text
//! readings ─► Readings ─► Bench ─► Prediction ─► misfit ─┬─► phases ──────┐
//!     network ─► units, parameters                       └─► parameters ──┴─► findings, changed network
//! ```
//!
//! Nothing is changed that the readings do not tell with the confidence asked for; what they do not tell is said.
//!
//! # Sources
//! Phases from the correlation of voltages: Short 2013 (IEEE Transactions on Smart Grid 4(2)); likelihood and priors are worked out in the
//! files named above. Bayesian optimisation: see [`crate::bayes`].

mod bench;
mod misfit;
mod parameters;
mod phases;
mod readings;
mod units;

pub use bench::BenchError;
pub use parameters::{FACTOR_SD_MOST, Parameter, Sought, Taps, What};
pub use readings::{Channel, MOMENTS_LEAST, Quantity, Reading, ReadingFault, Readings, Where};
pub use units::{Unit, connect, units_of};

use bench::{Bench, Prediction, stripped};
use misfit::{Errors, rms_pct};
use network::Network;
use phases::{How, Placed, World, one_by_one, placed, probabilities, together};

/// How to calibrate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Limit of the error of the meters, percent.
    pub class_pct: f64,
    /// Probability from which a finding counts as told by the readings.
    pub confidence: f64,
    /// Share of units that is expected to have another phase than the model says.
    pub wrong_share: f64,
    pub phases: bool,
    pub sought: Sought,
    /// Evaluations of one Bayesian optimisation.
    pub evaluations: usize,
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            class_pct: 0.5,
            confidence: 0.99,
            wrong_share: 0.05,
            phases: true,
            sought: Sought { taps: Taps::Regulators, impedances: true, load_factors: true },
            evaluations: 25,
            seed: 1,
        }
    }
}

/// What became of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Changed,
    /// The readings tell it, and the model was right.
    Confirmed,
    /// The readings do not tell it; the model keeps what it had.
    NotIdentifiable,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Confirmed => "confirmed",
            Self::NotIdentifiable => "not identifiable",
        }
    }
}

/// A parameter with what was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub name: String,
    /// `phase`, `tap`, `impedance`, `load factor`, `source`.
    pub kind: &'static str,
    pub before: String,
    /// As `before` where it was not changed.
    pub after: String,
    pub status: Status,
    /// Root mean square of the relative voltage residuals, percent: of a phase at its own meters, else at all. Before is with all else as found.
    pub error_before_pct: Option<f64>,
    pub error_after_pct: Option<f64>,
    /// Difference of χ² to the second best value; none where it has no second.
    pub margin: Option<f64>,
    /// Probability of the value.
    pub probability: Option<f64>,
    /// The second best value.
    pub second: String,
    /// Deviation of a factor, or of a tap in steps.
    pub sd: Option<f64>,
    /// In words.
    pub evidence: String,
}

/// One value of the model to change.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// `class.name`.
    pub element: String,
    pub property: &'static str,
    pub before: String,
    pub after: String,
}

/// A calibrated network.
#[derive(Clone, Debug)]
pub struct Calibration {
    pub network: Network,
    pub findings: Vec<Finding>,
    pub edits: Vec<Edit>,
    /// Root mean square of the relative voltage residuals, percent: with the model as it was, and as it is returned.
    pub error_before_pct: f64,
    pub error_after_pct: f64,
    /// With everything at its most likely value, also what is not identifiable by itself.
    pub error_free_pct: f64,
    pub moments: usize,
    pub channels: usize,
    /// Power flows that were solved.
    pub solves: usize,
    /// What the last Bayesian optimisation promised of one more evaluation, in χ².
    pub promised: f64,
    /// Generation that has no readings of its own and was left out.
    pub left_out: Vec<String>,
}

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    #[error("no voltage was read at a load or at a bus other than the source's; give v_pu or v_v of meters")]
    NoVoltage,
    #[error(
        "{found} taps, impedances and factors are too many to tell apart (at most {most}); set taps to \"regulators\" or impedances to false"
    )]
    TooMany { found: usize, most: usize },
    #[error("a transmission case has no phases to calibrate; give a distribution network")]
    Transmission,
    #[error(transparent)]
    Bench(#[from] BenchError),
}

/// Most parameters that are sought at once.
const PARAMETERS_MOST: usize = 60;

/// χ² below which the first order leaves a phase in doubt.
const IN_DOUBT: f64 = 60.0;

struct Twin<'a> {
    bench: Bench<'a>,
    /// Stripped, with the phases and values of the model as it was.
    base: Network,
    units: Vec<Unit>,
    parameters: Vec<Parameter>,
    values: Vec<f64>,
    at: Vec<usize>,
}

impl Twin<'_> {
    fn solve(&mut self, at: &[usize], values: &[f64]) -> Result<Prediction, BenchError> {
        let mut network = self.base.clone();
        for (u, &c) in self.units.iter().zip(at).filter(|(_, c)| **c != 0) {
            connect(&mut network, u, &u.candidates[0], &u.candidates[c]);
        }
        parameters::apply(&mut network, &self.base, &self.parameters, values);
        let (loads, source) = parameters::factors(&self.parameters, values);
        self.bench.run(&network, loads, source, &self.units)
    }

    /// Where the source is not metered, its course is what all meters have in common.
    fn follow_source(&mut self, prediction: &Prediction) -> bool {
        let r = self.bench.readings;
        if r.source_pu.is_some() {
            return false;
        }
        let mut largest: f64 = 0.0;
        let voltages: Vec<usize> = (0..r.channels.len()).filter(|&i| r.channels[i].quantity == Quantity::Voltage).collect();
        let lefts: Vec<(Vec<f64>, f64)> = voltages
            .iter()
            .map(|&i| {
                let all: Vec<f64> = misfit::residuals(&r.channels[i], &prediction.channels[i]).collect();
                let mean = misfit::left(all.iter().copied()).mean;
                (all, mean)
            })
            .collect();
        for t in 0..r.times_s.len() {
            let mut here: Vec<f64> = lefts.iter().map(|(all, mean)| all[t] - mean).filter(|x| x.is_finite()).collect();
            here.sort_by(f64::total_cmp);
            let Some(&common) = here.get(here.len() / 2) else { continue };
            self.bench.source[t] *= 1.0 + common;
            largest = largest.max(common.abs());
        }
        let mean = self.bench.source.iter().sum::<f64>() / self.bench.source.len() as f64;
        self.bench.source.iter_mut().for_each(|s| *s /= mean);
        largest > 1e-4
    }
}

impl World for Twin<'_> {
    fn predict(&mut self, at: &[usize]) -> Result<Prediction, BenchError> {
        let values = self.values.clone();
        self.solve(at, &values)
    }
}

/// Calibrates a network to readings.
///
/// # Errors
/// Readings without voltages; a network that cannot be solved with the measured powers; too many parameters.
pub fn calibrate(network: &Network, readings: &Readings, options: &Options) -> Result<Calibration, CalibrationError> {
    if network.is_transmission() {
        return Err(CalibrationError::Transmission);
    }
    let moments = readings.times_s.len();
    if !readings.channels.iter().any(|c| c.quantity == Quantity::Voltage) {
        return Err(CalibrationError::NoVoltage);
    }
    let base = stripped(network, moments);
    let units = if options.phases { units_of(network) } else { Vec::new() };
    let parameters = parameters::parameters(network, readings, &options.sought, options.class_pct);
    if parameters.len() > PARAMETERS_MOST {
        return Err(CalibrationError::TooMany { found: parameters.len(), most: PARAMETERS_MOST });
    }
    let v_pu = network.voltage_sources.first().map_or(1.0, |s| s.v_pu);
    let source = readings.source_pu.as_ref().map_or_else(|| vec![1.0; moments], |v| v.iter().map(|v| v / v_pu).collect());
    let mut placed = placed(readings, &units);
    let values: Vec<f64> = parameters.iter().map(|p| p.before).collect();
    let before = values.clone();
    let at = vec![0; units.len()];
    let bench = Bench { readings, source, solves: 0 };
    let mut twin = Twin { bench, base, units, parameters, values, at };

    let mut prediction = twin.solve(&twin.at.clone(), &before)?;
    let error_before_pct = rms_pct(readings, &prediction.channels, |_| true).unwrap_or(f64::NAN);
    let mut found;
    let mut round = 0;
    loop {
        let how = How {
            class_pct: options.class_pct,
            confidence: options.confidence,
            wrong: options.wrong_share,
            with_level: round > 0,
            free: if round > 0 { twin.parameters.len() } else { 0 },
        };
        for _ in 0..3 {
            if !twin.follow_source(&prediction) {
                break;
            }
            prediction = twin.solve(&at_of(&placed), &twin.values.clone())?;
        }
        let mut moved = together(&mut twin, readings, &mut placed, &mut prediction, &how)?;
        // One by one only with the levels about right.
        if round > 0 {
            moved |= one_by_one(&mut twin, readings, &mut placed, &mut prediction, &how, IN_DOUBT)?;
        }
        twin.at = at_of(&placed);
        let start = twin.values.clone();
        found = {
            let (at, mut parameters) = (twin.at.clone(), twin.parameters.clone());
            let mut solve = |x: &[f64]| twin.solve(&at, x);
            parameters::search(&mut parameters, readings, options.class_pct, &start, (options.evaluations, options.seed), &mut solve)?
        };
        let is_still =
            twin.parameters.iter().zip(found.values.iter().zip(&start)).all(|(p, (a, b))| (a - b).abs() < 0.1 * p.expected_sd.min(1.0));
        twin.values.clone_from(&found.values);
        prediction = found.prediction.clone();
        round += 1;
        if round >= 2 && !moved && is_still || round >= 8 {
            break;
        }
    }
    let error_free_pct = rms_pct(readings, &prediction.channels, |_| true).unwrap_or(f64::NAN);
    let mut findings = phase_findings(&mut twin, network, readings, &placed, &prediction, options)?;
    let (mut of_parameters, kept) = parameter_findings(&mut twin, network, readings, &found, options)?;
    findings.append(&mut of_parameters);

    let (network_after, edits) = changed(network, &twin, &findings, &placed, &kept);
    let at_kept: Vec<usize> =
        findings[..placed.len()].iter().zip(&placed).map(|(f, p)| if f.status == Status::Changed { p.at } else { 0 }).collect();
    let after = twin.solve(&at_kept, &kept)?;
    let error_after_pct = rms_pct(readings, &after.channels, |_| true).unwrap_or(f64::NAN);
    Ok(Calibration {
        network: network_after,
        findings,
        edits,
        error_before_pct,
        error_after_pct,
        error_free_pct,
        moments,
        channels: readings.channels.len(),
        solves: twin.bench.solves,
        promised: found.promised,
        left_out: generation(network),
    })
}

fn at_of(placed: &[Placed]) -> Vec<usize> {
    placed.iter().map(|p| p.at).collect()
}

/// Generation in service, which the bench leaves out.
fn generation(network: &Network) -> Vec<String> {
    use network::ElementKind as K;
    let is_one = |id: &&network::ElementId| matches!(id.kind, K::Generator | K::PvSystem | K::Storage | K::InductionMachine);
    network.order.iter().filter(is_one).filter(|id| network.in_service(**id)).map(|&id| network.full_name(id)).collect()
}

/// Nodes as they are written after the bus: `.1`, `.2.3`.
fn nodes_text(nodes: &[u32]) -> String {
    nodes.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

fn phase_findings(
    twin: &mut Twin<'_>,
    network: &Network,
    readings: &Readings,
    placed: &[Placed],
    prediction: &Prediction,
    options: &Options,
) -> Result<Vec<Finding>, BenchError> {
    let errors = Errors::of(readings, &prediction.channels, options.class_pct, twin.parameters.len());
    let mut findings = Vec::with_capacity(placed.len());
    for (u, p) in placed.iter().enumerate() {
        let unit = twin.units[u].clone();
        let text = |c: usize| nodes_text(&unit.candidates[c]);
        let mut finding = Finding {
            name: unit.name.clone(),
            kind: "phase",
            before: text(0),
            after: text(0),
            status: Status::NotIdentifiable,
            error_before_pct: None,
            error_after_pct: None,
            margin: None,
            probability: None,
            second: String::new(),
            sd: None,
            evidence: String::new(),
        };
        if p.channels.is_empty() {
            finding.evidence = "no voltage was read at its loads".into();
            findings.push(finding);
            continue;
        }
        let misfits = if p.misfits.is_empty() { phases::first_order(readings, prediction, u, p, &errors, true) } else { p.misfits.clone() };
        let chance = probabilities(&misfits, options.wrong_share);
        let second = (0..misfits.len()).filter(|&c| c != p.at).min_by(|&a, &b| misfits[a].total_cmp(&misfits[b])).unwrap_or(0);
        let own = |i: usize| p.channels.contains(&i);
        finding.error_after_pct = rms_pct(readings, &prediction.channels, own);
        finding.error_before_pct = finding.error_after_pct;
        finding.margin = Some(misfits[second] - misfits[p.at]).filter(|m| m.is_finite());
        finding.probability = Some(chance[p.at]);
        finding.second = text(second);
        let is_told = chance[p.at] >= options.confidence;
        finding.status = match (is_told, p.at) {
            (false, _) => Status::NotIdentifiable,
            (true, 0) => Status::Confirmed,
            (true, _) => Status::Changed,
        };
        if finding.status == Status::Changed {
            let mut at = at_of(placed);
            at[u] = 0;
            let back = twin.predict(&at)?;
            finding.error_before_pct = rms_pct(readings, &back.channels, own);
            finding.after = text(p.at);
        }
        let by = if p.is_exact { "full power flows" } else { "the first order" };
        finding.evidence = match finding.status {
            Status::NotIdentifiable => {
                format!("{} and {} explain the {} meters about equally well, by {by}", text(p.at), text(second), p.channels.len())
            }
            _ => format!("{} meters at {}, by {by}", p.channels.len(), network.bus(unit.head).name),
        };
        findings.push(finding);
    }
    Ok(findings)
}

/// Findings about taps and factors, and the values with which the network is given back.
fn parameter_findings(
    twin: &mut Twin<'_>,
    network: &Network,
    readings: &Readings,
    found: &parameters::Found,
    options: &Options,
) -> Result<(Vec<Finding>, Vec<f64>), BenchError> {
    let at = twin.at.clone();
    let list = twin.parameters.clone();
    let is_step = |i: usize| list[i].range.step.is_some();
    // Steps that are told are held there; all else, steps that are not told among it, goes where it is most likely then.
    let told: Vec<(bool, f64)> = (0..list.len())
        .map(|i| parameters::told(&list[i], found.values[i], found.linear.least[i], found.linear.sd[i], options.confidence))
        .collect();
    let held: Vec<(usize, f64)> = (0..list.len()).filter(|&i| is_step(i) && told[i].0).map(|i| (i, found.values[i])).collect();
    let (free, free_sd) = found.linear.with_held(&held);
    let within = |x: &[f64]| -> Vec<f64> { x.iter().zip(&list).map(|(x, p)| x.clamp(p.range.low, p.range.high)).collect() };
    let free = within(&free);
    let prediction = twin.solve(&at, &free)?;
    let errors = Errors::of(readings, &prediction.channels, options.class_pct, list.len());
    let least = errors.misfit(readings, &prediction.channels, true, options.class_pct);
    let error_after = rms_pct(readings, &prediction.channels, |_| true);
    let (mut findings, mut kept) = (Vec::new(), Vec::new());
    for (i, p) in list.iter().enumerate() {
        let is_step = is_step(i);
        let (value, sd) = if is_step { (found.values[i], found.linear.sd[i]) } else { (free[i], free_sd[i]) };
        let (mut is_told, mut probability) = if is_step { told[i] } else { parameters::told(p, value, value, sd, options.confidence) };
        let is_other = if is_step { value != p.before } else { probability >= options.confidence };
        // The second best: the nearest other step, or the model's own value, the others adapted; solved in full.
        let other = if !is_step {
            p.before
        } else if found.linear.least[i] > value {
            value + 1.0
        } else {
            value - 1.0
        };
        let other = other.clamp(p.range.low, p.range.high);
        let mut margin = None;
        if is_told && (is_other || is_step) && other != value {
            let others: Vec<(usize, f64)> = held.iter().copied().filter(|h| h.0 != i).chain([(i, other)]).collect();
            let x = within(&found.linear.with_held(&others).0);
            margin = twin.solve(&at, &x).ok().map(|p| errors.misfit(readings, &p.channels, true, options.class_pct) - least);
        }
        // The full solve has the last word on the linearised one.
        if is_step && margin.is_some_and(|m| m <= 0.0) {
            (is_told, probability) = (false, probability.min(0.5));
        }
        let status = match (is_told, is_other) {
            (false, _) => Status::NotIdentifiable,
            (true, true) => Status::Changed,
            (true, false) => Status::Confirmed,
        };
        let text = |x: f64| match &p.what {
            What::Tap { transformer, winding } => {
                let w = &network.transformers[*transformer].windings[*winding];
                format!("{:.5} pu", w.tap_pu + x * w.tap_step_pu())
            }
            _ => format!("{x:.3}"),
        };
        let mut error_before = error_after;
        if status == Status::Changed {
            let mut x = free.clone();
            x[i] = p.before;
            let back = twin.solve(&at, &x)?;
            error_before = rms_pct(readings, &back.channels, |_| true);
        }
        kept.push(if status == Status::Changed { value } else { p.before });
        let unit = if is_step { "steps" } else { "as a factor" };
        let evidence = match status {
            Status::NotIdentifiable if is_step => {
                format!("known to {sd:.2} steps with all else free; {:.1} steps would be most likely", found.linear.least[i])
            }
            Status::NotIdentifiable => format!("known to {sd:.2} with all else free, {FACTOR_SD_MOST} is asked for"),
            _ => format!("known to {sd:.3} {unit} with all else free"),
        };
        findings.push(Finding {
            name: p.name.clone(),
            kind: match p.what {
                What::Tap { .. } => "tap",
                What::Impedance { .. } => "impedance",
                What::Loads { .. } => "load factor",
                What::Source => "source",
            },
            before: text(p.before),
            after: text(if status == Status::Changed { value } else { p.before }),
            status,
            error_before_pct: error_before,
            error_after_pct: error_after,
            margin,
            probability: is_step.then_some(probability),
            second: if margin.is_some() { text(other) } else { String::new() },
            sd: Some(sd),
            evidence,
        });
    }
    Ok((findings, kept))
}

/// The network with all that was found to be otherwise, and the values that were changed.
fn changed(network: &Network, twin: &Twin<'_>, findings: &[Finding], placed: &[Placed], kept: &[f64]) -> (Network, Vec<Edit>) {
    let mut after = network.clone();
    for ((u, p), f) in twin.units.iter().zip(placed).zip(findings) {
        if f.status == Status::Changed {
            connect(&mut after, u, &u.candidates[0], &u.candidates[p.at]);
        }
    }
    parameters::apply(&mut after, network, &twin.parameters, kept);
    for (p, &x) in twin.parameters.iter().zip(kept) {
        match &p.what {
            What::Loads { loads } => {
                for &l in loads {
                    after.loads[l].p_kw *= x;
                    after.loads[l].q_kvar *= x;
                }
            }
            What::Source => after.voltage_sources.iter_mut().for_each(|s| s.v_pu *= x),
            _ => {}
        }
    }
    let mut edits = Vec::new();
    for &id in &network.order {
        let name = network.full_name(id);
        let mut note = |property: &'static str, before: String, after: String| {
            if before != after {
                edits.push(Edit { element: name.clone(), property, before, after });
            }
        };
        for (t, property) in network.common(id).terminals.iter().zip(["bus1", "bus2", "bus3", "bus4"]).enumerate().map(|(k, (_, p))| (k, p))
        {
            let text = |n: &Network| {
                let t = &n.common(id).terminals[t];
                format!("{}.{}", n.bus(t.bus).name, nodes_text(&t.nodes))
            };
            note(property, text(network), text(&after));
        }
        match id.kind {
            network::ElementKind::Transformer => {
                let of = |n: &Network| {
                    n.transformers[id.index()].windings.iter().map(|w| format!("{:.6}", w.tap_pu)).collect::<Vec<_>>().join(" ")
                };
                note("taps", of(network), of(&after));
            }
            network::ElementKind::Line => {
                let of = |n: &Network| match &n.lines[id.index()].impedance {
                    network::LineImpedance::Sequence { z1_ohm, .. } => format!("z1 {:.6} + j{:.6} ohm", z1_ohm.re, z1_ohm.im),
                    network::LineImpedance::Matrix { z_ohm, .. } => {
                        z_ohm.first().map_or_else(String::new, |z| format!("z11 {:.6} + j{:.6} ohm", z.re, z.im))
                    }
                    _ => format!("{:.6}", n.lines[id.index()].length),
                };
                note("impedance", of(network), of(&after));
            }
            network::ElementKind::Load => {
                let of = |n: &Network| format!("{:.4} kW {:.4} kvar", n.loads[id.index()].p_kw, n.loads[id.index()].q_kvar);
                note("power", of(network), of(&after));
            }
            network::ElementKind::VoltageSource => {
                let of = |n: &Network| format!("{:.5}", n.voltage_sources[id.index()].v_pu);
                note("pu", of(network), of(&after));
            }
            _ => {}
        }
    }
    (after, edits)
}
