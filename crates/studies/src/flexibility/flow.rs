//! The grid under the devices: power flow step by step, what a target's flow is, and what a kilowatt at each place changes it by.
//!
//! Devices draw constant power between the conductors of their load, or as a resource at their bus would be joined (`hosting::sites`). The flow of a
//! target is, as in the tables of a solution,
//!
//! ```text
//! transformer, kVA    the largest of its terminals' sum over phases |Σ v i*|          its rating: normal kVA
//! transformer, line   the same, or Re Σ v i*, into the first terminal
//! all                 what the voltage sources deliver, |Σ| or Re Σ
//! ```
//!
//! Sensitivities are differences of solved flows with controls held: one kilowatt less, one kilovar less, place by place.

use super::FlexibilityError;
use crate::hosting::sites::{Joined, Sizes, site_at};
use network::flexibility::{Device, Event, FlexibilityCase};
use network::{BusId, Connection, ControlMode, ElementId, ElementKind, Network, SolutionMode, Transformer};
use num_complex::Complex64;
use powerflow::{NodeNumber, PlacedPower, Session, State, conclude};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Voltages are found closer than a model asks for: differences of flows are taken.
const TOLERANCE_PU: f64 = 1e-9;
const MAX_ITERATIONS: u32 = 500;

/// Where a device says that it stands: at a load, or at a bus with phases.
type At = (Option<String>, Option<String>, Vec<u32>);

/// Conductors between which devices stand.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    branches: Vec<(NodeNumber, NodeNumber)>,
    base_v: f64,
    bus: BusId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitUnit {
    #[serde(rename = "kW")]
    Kw,
    #[serde(rename = "kVA")]
    Kva,
}

impl LimitUnit {
    pub fn word(self) -> &'static str {
        match self {
            Self::Kw => "kW",
            Self::Kva => "kVA",
        }
    }
}

/// What an event holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// `class.name`, or `sources`.
    pub element: String,
    pub value: f64,
    pub unit: LimitUnit,
    /// Position of the element in the circuit and whether it is a transformer; none of the sources.
    #[serde(skip)]
    at: Option<(usize, bool)>,
}

/// The grid in a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepFlow {
    /// Flow of each event's target, in its unit.
    pub targets: Vec<f64>,
    /// Delivered by the sources.
    pub source_kw: f64,
    pub source_kva: f64,
    pub losses_kw: f64,
    pub v_min_pu: f64,
    pub v_max_pu: f64,
    /// Largest mismatch of the solution, recomputed from scratch.
    pub mismatch_va: f64,
}

/// A transformer of the model that is in service.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Watched {
    pub name: String,
    pub rating_kva: Option<f64>,
    /// Position in the circuit.
    index: usize,
}

/// Steps that were solved.
pub(super) struct Walked {
    pub flows: Vec<StepFlow>,
    /// By step, what flows through each transformer of [`Grid::transformers`], kVA.
    pub transformers_kva: Vec<Vec<f64>>,
    /// By step, target and place: what a kilowatt and a kilovar less there take from the flow.
    pub per_kva: Vec<Vec<Vec<(f64, f64)>>>,
    pub end: State,
}

impl Walked {
    /// Nothing solved yet.
    pub fn from(start: &State) -> Self {
        Self { flows: Vec::new(), transformers_kva: Vec::new(), per_kva: Vec::new(), end: start.clone() }
    }

    /// Goes on with the steps that follow.
    pub fn append(&mut self, later: Self) {
        self.flows.extend(later.flows);
        self.transformers_kva.extend(later.transformers_kva);
        self.per_kva.extend(later.per_kva);
        self.end = later.end;
    }
}

/// The network with places of devices and targets of events.
pub(super) struct Grid<'a> {
    case: &'a FlexibilityCase,
    pub start: State,
    places: Vec<Place>,
    pub of_device: Vec<usize>,
    pub limits: Vec<Limit>,
    pub transformers: Vec<Watched>,
    /// Nominal power of the model's loads by bus, kW.
    load_kw: HashMap<BusId, f64>,
}

impl<'a> Grid<'a> {
    pub fn new(network: &Network, case: &'a FlexibilityCase) -> Result<Self, FlexibilityError> {
        let mut network = network.clone();
        let o = &mut network.options;
        o.mode = if case.day.load_profile_pu.is_some() { SolutionMode::Snapshot } else { SolutionMode::Daily };
        o.tolerance_pu = o.tolerance_pu.min(TOLERANCE_PU);
        o.max_iterations = o.max_iterations.max(MAX_ITERATIONS);
        (o.hour, o.second, o.step_s, o.number) = (0, 0.0, f64::from(case.day.step_min) * 60.0, 1);
        let start = Session::new().series_state(&network, true)?;
        let mut built = start.clone();
        built.refresh()?;
        let fed = built.fed_nodes();
        let mut grid = Self {
            case,
            transformers: transformers_of(&network, &start),
            start,
            places: Vec::new(),
            of_device: Vec::new(),
            limits: Vec::new(),
            load_kw: HashMap::new(),
        };
        for l in network.loads.iter().filter(|l| l.common.enabled) {
            if let Some(t) = l.common.terminals.first() {
                *grid.load_kw.entry(t.bus).or_default() += l.p_kw;
            }
        }
        let mut known: HashMap<At, Result<usize, String>> = HashMap::new();
        let mut faults = Vec::new();
        for d in &case.devices {
            let key = (d.load.clone(), d.bus.clone(), d.phases.clone());
            let found = match known.get(&key) {
                Some(found) => found.clone(),
                None => {
                    let found = place_of(&network, &mut built, &fed, d)?.map(|p| grid.place(p));
                    known.insert(key, found.clone());
                    found
                }
            };
            match found {
                Ok(place) => grid.of_device.push(place),
                Err(why) => faults.push((d.name.clone(), why)),
            }
        }
        if !faults.is_empty() {
            return Err(FlexibilityError::Places(faults));
        }
        for e in &case.events {
            grid.limits.push(limit_of(&network, &grid.start, e)?);
        }
        Ok(grid)
    }

    /// The number of a place; the same conductors are one.
    fn place(&mut self, place: Place) -> usize {
        if let Some(i) = self.places.iter().position(|p| *p == place) {
            return i;
        }
        self.places.push(place);
        self.places.len() - 1
    }

    pub fn n_places(&self) -> usize {
        self.places.len()
    }

    /// Bus of a device and what the model's loads draw there in a step at nominal voltage, kW.
    pub fn bus_load_kw(&self, device: usize, step: usize) -> (BusId, f64) {
        let bus = self.places[self.of_device[device]].bus;
        let nominal = self.load_kw.get(&bus).copied().unwrap_or(0.0);
        let factor = self.case.day.load_profile_pu.as_ref().map_or(1.0, |p| p[self.hour_of(step)]);
        (bus, nominal * factor)
    }

    fn hour_of(&self, step: usize) -> usize {
        (step as u32 * self.case.day.step_min / 60) as usize % 24
    }

    fn set_clock(&self, state: &mut State, step: usize) {
        let end_min = (step as u32 + 1) * self.case.day.step_min;
        (state.options.hour, state.options.second) = (i64::from(end_min / 60), f64::from(end_min % 60) * 60.0);
        if let Some(profile) = &self.case.day.load_profile_pu {
            // Of the model as it is, times the hour.
            state.options.load_multiplier = self.start.options.load_multiplier * profile[self.hour_of(step)];
        }
    }

    fn powers(&self, drawn_kva: &[Complex64], factor: f64) -> Vec<PlacedPower> {
        let mut powers = Vec::with_capacity(self.places.len());
        for (place, s) in self.places.iter().zip(drawn_kva) {
            let s_va = -*s * 1e3 / (place.branches.len() as f64 * factor);
            powers.extend(place.branches.iter().map(|&(from, to)| PlacedPower { from, to, base_v: place.base_v, s_va }));
        }
        powers
    }

    /// Solves steps one after another from a state, controls going on from step to step.
    ///
    /// `drawn_kva` gives what each place draws in a step; with `sensitive` places (those that are marked) sensitivities are taken.
    pub fn walk(
        &self,
        from: &State,
        steps: Range<usize>,
        drawn_kva: &dyn Fn(usize) -> Vec<Complex64>,
        sensitive: Option<&[bool]>,
    ) -> Result<Walked, FlexibilityError> {
        let mut state = from.clone();
        let factor = state.phases_for_one();
        let mut walked = Walked::from(from);
        for step in steps {
            self.set_clock(&mut state, step);
            let drawn = drawn_kva(step);
            state.place(&self.powers(&drawn, factor));
            let progress = state.solve_moment()?;
            let outcome = conclude(&state, &progress);
            let solution = outcome.settled().map_err(|unsettled| FlexibilityError::Unsettled { step, unsettled })?;
            let targets = self.read_all(&state);
            let delivered = solution.delivered_kva();
            let (mut v_min_pu, mut v_max_pu) = (f64::INFINITY, f64::NEG_INFINITY);
            for node in solution.nodes() {
                // A phase that no source feeds has no voltage to speak of.
                if let Some(pu) = node.v_pu.filter(|pu| *pu > 1e-3) {
                    v_min_pu = v_min_pu.min(pu);
                    v_max_pu = v_max_pu.max(pu);
                }
            }
            walked.flows.push(StepFlow {
                targets: targets.clone(),
                source_kw: delivered.re,
                source_kva: delivered.norm(),
                losses_kw: solution.losses_kva().re,
                v_min_pu,
                v_max_pu,
                mismatch_va: solution.certificate().mismatch_va,
            });
            walked.transformers_kva.push(self.transformers.iter().map(|u| largest_kva(&state, u.index)).collect());
            if let Some(marked) = sensitive {
                walked.per_kva.push(self.sensitivities(&state, &drawn, &targets, marked, step)?);
            }
        }
        walked.end = state;
        Ok(walked)
    }

    fn sensitivities(
        &self,
        solved: &State,
        drawn: &[Complex64],
        targets: &[f64],
        marked: &[bool],
        step: usize,
    ) -> Result<Vec<Vec<(f64, f64)>>, FlexibilityError> {
        let factor = solved.phases_for_one();
        let mut per_kva = vec![vec![(0.0, 0.0); drawn.len()]; targets.len()];
        let mut work = solved.clone();
        work.options.control_mode = ControlMode::Off;
        for place in (0..drawn.len()).filter(|p| marked[*p]) {
            let mut changes = [Vec::new(), Vec::new()];
            for (change, less) in changes.iter_mut().zip([Complex64::ONE, Complex64::I]) {
                let mut changed = drawn.to_vec();
                changed[place] -= less;
                work.set_voltages(solved.voltages());
                work.place(&self.powers(&changed, factor));
                let progress = work.solve_moment()?;
                if !progress.convergence.settled {
                    let unsettled = conclude(&work, &progress).settled().err();
                    return Err(
                        unsettled.map_or(FlexibilityError::NoSensitivity { step }, |u| FlexibilityError::Unsettled { step, unsettled: u })
                    );
                }
                *change = self.read_all(&work);
            }
            for (t, before) in targets.iter().enumerate() {
                per_kva[t][place] = (before - changes[0][t], before - changes[1][t]);
            }
        }
        Ok(per_kva)
    }

    fn read_all(&self, state: &State) -> Vec<f64> {
        self.limits.iter().map(|l| read(state, l)).collect()
    }
}

/// Power into each terminal, kVA.
fn terminals_kva(state: &State, index: usize) -> Vec<Complex64> {
    let e = &state.circuit().elements()[index];
    let i = state.element_currents(index);
    let power = |k: usize| state.voltages()[e.nodes[k] as usize] * i[k].conj();
    let of = |t: usize| (t * e.n_conductors..(t + 1) * e.n_conductors).map(power).sum::<Complex64>() * state.phases_for_one() / 1e3;
    (0..e.n_terminals).map(of).collect()
}

/// Power into the first terminal, kVA.
fn first_kva(state: &State, index: usize) -> Complex64 {
    terminals_kva(state, index).first().copied().unwrap_or_default()
}

/// The largest apparent power of its terminals, kVA.
fn largest_kva(state: &State, index: usize) -> f64 {
    terminals_kva(state, index).iter().map(|s| s.norm()).fold(0.0, f64::max)
}

fn read(state: &State, limit: &Limit) -> f64 {
    let s = match limit.at {
        Some((index, true)) if limit.unit == LimitUnit::Kva => return largest_kva(state, index),
        Some((index, _)) => first_kva(state, index),
        None => {
            let sources = state.circuit().elements().iter().enumerate().filter(|(_, e)| e.id.kind == ElementKind::VoltageSource);
            -sources.map(|(i, _)| first_kva(state, i)).sum::<Complex64>()
        }
    };
    match limit.unit {
        LimitUnit::Kw => s.re,
        LimitUnit::Kva => s.norm(),
    }
}

fn rating_kva(transformer: &Transformer) -> f64 {
    if transformer.normal_kva > 0.0 { transformer.normal_kva } else { transformer.windings[0].kva }
}

/// Transformers in service, regulators among them.
fn transformers_of(network: &Network, state: &State) -> Vec<Watched> {
    let unit = |(i, t): (usize, &Transformer)| {
        let index = state.circuit().index_of(ElementId::new(ElementKind::Transformer, i))?;
        let rating_kva = Some(rating_kva(t)).filter(|kva| *kva > 0.0);
        Some(Watched { name: t.common.name.clone(), rating_kva, index })
    };
    network.transformers.iter().enumerate().filter(|(_, t)| t.common.enabled).filter_map(unit).collect()
}

fn limit_of(network: &Network, state: &State, e: &Event) -> Result<Limit, FlexibilityError> {
    let t = &e.target;
    let missing = |why: &str| FlexibilityError::Target { event: e.name.clone(), why: why.to_owned() };
    let (mut at, mut rating) = (None, None);
    let mut element = "sources".to_owned();
    if let Some(name) = &t.element {
        let id = network.find(name).ok_or_else(|| missing("the element is not in the model"))?;
        let index = state.circuit().index_of(id).ok_or_else(|| missing("the element is switched off or carries no current"))?;
        element = network.full_name(id);
        at = Some((index, id.kind == ElementKind::Transformer));
        if id.kind == ElementKind::Transformer {
            rating = Some(rating_kva(&network.transformers[id.index()]));
        }
    }
    let (value, unit) = match (t.limit_kw, t.limit_kva, rating) {
        (Some(kw), _, _) => (kw, LimitUnit::Kw),
        (None, Some(kva), _) => (kva, LimitUnit::Kva),
        (None, None, Some(kva)) => (kva, LimitUnit::Kva),
        (None, None, None) => return Err(missing("it has no limit")),
    };
    Ok(Limit { element, value, unit, at })
}

/// Where a device stands, or why it cannot.
fn place_of(network: &Network, state: &mut State, fed: &[bool], d: &Device) -> Result<Result<Place, String>, FlexibilityError> {
    let circuit = Arc::clone(state.circuit());
    let (bus, wanted, is_delta) = if let Some(name) = &d.load {
        let Some(load) = network.loads.iter().find(|l| l.common.name.eq_ignore_ascii_case(name)) else {
            return Ok(Err(format!("the model has no load \"{name}\"")));
        };
        let terminal = &load.common.terminals[0];
        let nodes: Vec<u32> = terminal.nodes.iter().copied().filter(|n| (1..=3).contains(n)).collect();
        (terminal.bus, nodes, Some(load.connection == Connection::Delta))
    } else {
        let name = d.bus.as_deref().unwrap_or_default();
        let Some(bus) = network.bus_id(name) else { return Ok(Err(format!("the model has no bus \"{name}\""))) };
        (bus, d.phases.clone(), None)
    };
    let site = match site_at(network, state, fed, bus, &Sizes { step_kw: None, max_kw: None }, None)? {
        Ok(site) => site,
        Err(unfit) => return Ok(Err(format!("nothing can stand at bus \"{}\": {}", network.bus(bus).name, unfit.word()))),
    };
    let mut phases = if wanted.is_empty() { site.phases.clone() } else { wanted };
    phases.sort_unstable();
    phases.dedup();
    let numbers: Vec<NodeNumber> = phases.iter().map(|&p| circuit.node_number(bus, p)).collect();
    if let Some(i) = numbers.iter().position(|&n| n == 0 || !fed[n as usize]) {
        return Ok(Err(format!("no source feeds phase {} of bus \"{}\"", phases[i], network.bus(bus).name)));
    }
    let is_delta = is_delta.unwrap_or(site.joined == Joined::Delta) && (numbers.len() > 1 || site.joined == Joined::Delta);
    let kv_ln = network.bus(bus).kv_base_ln;
    Ok(match (is_delta, &numbers[..]) {
        (false, numbers) => Ok(Place { branches: numbers.iter().map(|&n| (n, 0)).collect(), base_v: kv_ln * 1e3, bus }),
        (true, [a, b]) => Ok(Place { branches: vec![(*a, *b)], base_v: kv_ln * 3f64.sqrt() * 1e3, bus }),
        (true, [a, b, c]) => Ok(Place { branches: vec![(*a, *b), (*b, *c), (*c, *a)], base_v: kv_ln * 3f64.sqrt() * 1e3, bus }),
        (true, _) => Err(format!("bus \"{}\" has no path to earth: a device there needs two phases", network.bus(bus).name)),
    })
}
