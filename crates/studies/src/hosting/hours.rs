//! The moments at which limits must hold: the solutions without resources that probes start from.
//!
//! Of a few moments the states are kept. Of a whole series they are not: whoever needs them steps through the series, which costs little beside
//! the probes and gives every thread the same states.

use super::criteria::{Criteria, Criterion, Readings};
use super::options::{HostingError, HostingOptions, Hours};
use super::sense::Sensors;
use network::{LoadShape, Network};
use powerflow::{CircuitError, Observer, Outcome, State, Step, conclude, run_series};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// One moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Step of the series, counted from 1; `None` of a snapshot.
    pub step: Option<u32>,
    /// Hour on the model's clock; `None` of a snapshot.
    pub hour: Option<f64>,
    /// Output of a resource for one kilowatt of size.
    pub output: f64,
}

/// Why a moment was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    pub moment: Moment,
    pub why: Vec<&'static str>,
    /// Power out of the sources without resources, kW; `None` where it did not settle.
    pub net_kw: Option<f64>,
}

/// States without resources.
pub enum Bases {
    Kept(Vec<(Moment, Option<State>)>),
    Series { start: Box<State>, steps: u32, profile: Option<LoadShape> },
}

/// Takes a moment and its state without resources, `None` where it did not settle.
pub type Show<'a> = &'a mut dyn FnMut(Moment, Option<&State>) -> Result<(), CircuitError>;

/// Takes a step of a series.
type ShowStep<'a> = &'a mut dyn FnMut(&Step<'_>) -> Result<ControlFlow<()>, CircuitError>;

/// Shows every step to a closure that may fail.
struct Each<'a> {
    show: ShowStep<'a>,
    failed: Option<CircuitError>,
}

impl Observer for Each<'_> {
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        match (self.show)(step) {
            Ok(flow) => flow,
            Err(e) => {
                self.failed = Some(e);
                ControlFlow::Break(())
            }
        }
    }
}

fn each_step(start: &State, steps: u32, show: ShowStep<'_>) -> Result<(), CircuitError> {
    let mut state = start.clone();
    let mut each = Each { show, failed: None };
    run_series(&mut state, steps, &mut each)?;
    each.failed.map_or(Ok(()), Err)
}

fn moment_of(step: &Step<'_>, profile: Option<&LoadShape>) -> Moment {
    let hour = step.state.options.hour_f64();
    Moment { step: Some(step.index + 1), hour: Some(hour), output: profile.map_or(1.0, |p| p.at(hour).0) }
}

/// The load shape that the output of resources follows.
pub fn profile_of(network: &Network, options: &HostingOptions) -> Result<Option<LoadShape>, HostingError> {
    let Some(name) = &options.profile else { return Ok(None) };
    let found = network.load_shapes.iter().find(|s| s.name.eq_ignore_ascii_case(name));
    found.cloned().map(Some).ok_or_else(|| HostingError::UnknownProfile { profile: name.clone() })
}

impl Bases {
    /// Solves what the options ask for without resources. `start` is a prepared state, of a snapshot or at the beginning of the series.
    ///
    /// Of a snapshot that does not settle nothing can be said; steps of a series that do not settle are kept as such.
    ///
    /// # Errors
    /// As [`HostingError`].
    pub fn new(start: State, sensors: &Sensors, options: &HostingOptions) -> Result<(Self, Vec<Chosen>), HostingError> {
        let profile = profile_of(start.circuit().network(), options)?;
        let steps = options.series.steps;
        match &options.hours {
            Hours::Snapshot => {
                let (state, net_kw) = snapshot(start)?;
                let moment = Moment { step: None, hour: None, output: 1.0 };
                Ok((Self::Kept(vec![(moment, Some(state))]), vec![Chosen { moment, why: vec!["snapshot"], net_kw: Some(net_kw) }]))
            }
            Hours::All => Ok((Self::Series { start: Box::new(start), steps, profile }, Vec::new())),
            Hours::Chosen(wanted) => {
                if let Some(&step) = wanted.iter().find(|&&s| s == 0 || s > steps) {
                    return Err(HostingError::UnknownStep { step, steps });
                }
                let wanted = wanted.iter().map(|&s| (s, vec!["chosen"])).collect();
                Ok(keep(&start, &wanted, profile.as_ref())?)
            }
            Hours::Binding => {
                let wanted = extremes(&start, steps, sensors, profile.as_ref())?;
                Ok(keep(&start, &wanted, profile.as_ref())?)
            }
        }
    }

    /// Shows each moment with its state, `None` where it did not settle.
    ///
    /// # Errors
    /// What `show` fails with, and circuits that cannot be factored.
    pub fn each(&self, show: Show<'_>) -> Result<(), CircuitError> {
        match self {
            Self::Kept(kept) => kept.iter().try_for_each(|(moment, state)| show(*moment, state.as_ref())),
            Self::Series { start, steps, profile } => each_step(start, *steps, &mut |step| {
                let settled = step.progress.settled();
                show(moment_of(step, profile.as_ref()), settled.then_some(step.state))?;
                Ok(ControlFlow::Continue(()))
            }),
        }
    }
}

/// The settled state of a moment and the power out of the sources, kW.
pub fn snapshot(mut state: State) -> Result<(State, f64), HostingError> {
    let progress = state.solve_moment()?;
    match conclude(&state, &progress) {
        Outcome::Settled(_) => {
            let net_kw = state.delivered_kva().re;
            Ok((state, net_kw))
        }
        Outcome::Unsettled(unsettled) => Err(HostingError::Unsettled(unsettled)),
    }
}

/// The states of some steps, with why they were wanted.
fn keep(
    start: &State,
    wanted: &BTreeMap<u32, Vec<&'static str>>,
    profile: Option<&LoadShape>,
) -> Result<(Bases, Vec<Chosen>), CircuitError> {
    let last = wanted.keys().next_back().copied().unwrap_or(1);
    let (mut kept, mut chosen) = (Vec::new(), Vec::new());
    each_step(start, last, &mut |step| {
        let moment = moment_of(step, profile);
        if let Some(why) = wanted.get(&(step.index + 1)) {
            let settled = step.progress.settled();
            let net_kw = settled.then(|| step.state.delivered_kva().re);
            chosen.push(Chosen { moment, why: why.clone(), net_kw });
            kept.push((moment, settled.then(|| step.state.clone())));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((Bases::Kept(kept), chosen))
}

/// The steps at which something is extreme without resources.
fn extremes(
    start: &State,
    steps: u32,
    sensors: &Sensors,
    profile: Option<&LoadShape>,
) -> Result<BTreeMap<u32, Vec<&'static str>>, CircuitError> {
    let looked_at = [
        (Criterion::OverVoltage, "highest voltage"),
        (Criterion::UnderVoltage, "lowest voltage"),
        (Criterion::VoltageUnbalance, "largest unbalance"),
        (Criterion::ThermalLine, "largest line loading"),
        (Criterion::ThermalTransformer, "largest transformer loading"),
    ];
    let criteria = Criteria::of(&looked_at.map(|l| l.0));
    // Why, and the figure whose largest value is looked for, by step.
    let mut figures: Vec<(&'static str, Vec<f64>)> = looked_at.iter().map(|l| (l.1, Vec::new())).collect();
    let (mut net_kw, mut outputs, mut unsettled) = (Vec::new(), Vec::new(), Vec::new());
    each_step(start, steps, &mut |step| {
        outputs.push(moment_of(step, profile).output);
        if !step.progress.settled() {
            unsettled.push(step.index + 1);
            net_kw.push(f64::NAN);
            figures.iter_mut().for_each(|f| f.1.push(f64::NAN));
            return Ok(ControlFlow::Continue(()));
        }
        let mut readings = Readings::settled();
        sensors.read(step.state, &criteria, &mut readings);
        for ((c, _), figure) in looked_at.iter().zip(&mut figures) {
            figure.1.push(readings.of(*c).map_or(f64::NAN, |r| -c.margin(r.value, 0.0)));
        }
        net_kw.push(step.state.delivered_kva().re);
        Ok(ControlFlow::Continue(()))
    })?;
    let peak_kw = net_kw.iter().copied().filter(|x| x.is_finite()).fold(0.0, f64::max);
    figures.push(("lowest net load", net_kw.iter().map(|x| -x).collect()));
    figures.push(("highest net load", net_kw.clone()));
    if profile.is_some() {
        // A resource as large as the peak: where it leaves least, and where it asks most.
        figures.push(("lowest net load with output", net_kw.iter().zip(&outputs).map(|(n, o)| o * peak_kw - n).collect()));
        figures.push(("highest net load with output", net_kw.iter().zip(&outputs).map(|(n, o)| o * peak_kw + n).collect()));
    }
    let mut wanted: BTreeMap<u32, Vec<&'static str>> = BTreeMap::new();
    for (why, figure) in &figures {
        let best = figure.iter().enumerate().filter(|(_, x)| x.is_finite()).max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
        if let Some((at, _)) = best {
            wanted.entry(at as u32 + 1).or_default().push(why);
        }
    }
    for step in unsettled {
        wanted.entry(step).or_default().push("no solution");
    }
    Ok(wanted)
}
