//! The state of the network, from the values that points hold: switches and taps as they are told, then weighted least squares.
//!
//! One [`Follower`] keeps what needs to be made only when the topology changes: the grid, the estimator with its order of elimination, and the
//! voltages without load. A measurement that is not good takes no part until it is good again.

use super::points::{Map, Role, sigma_si};
use network::{ElementId, ElementKind, Network};
use num_complex::Complex64;
use powerflow::estimation::{Estimate, Estimator, Grid, Measurement, Options, Outcome, Quantity, Site};
use powerflow::{Circuit, State};
use scada::UtcTime;
use scada::point::{DoublePoint, Quality, Validity, Value};
use std::sync::Arc;
use std::time::Instant;

/// What a point holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub value: Option<Value>,
    pub quality: Quality,
    /// The source's, or that of receipt.
    pub time: UtcTime,
    pub received: UtcTime,
}

impl Held {
    /// The value as a number, when it can be used.
    pub fn good(&self) -> Option<f64> {
        (self.quality.validity == Validity::Good).then(|| self.value.as_ref().and_then(Value::as_f64)).flatten().filter(|v| v.is_finite())
    }

    /// The position that it tells, however old: a switch stays where it was.
    pub fn position(&self) -> Option<bool> {
        match self.value.as_ref()? {
            Value::DoublePoint(DoublePoint::On) => Some(true),
            Value::DoublePoint(DoublePoint::Off) => Some(false),
            Value::DoublePoint(_) => None,
            other => other.as_bool(),
        }
    }
}

/// What has to be the same for an estimator to be used again.
#[derive(Clone, Debug, Default, PartialEq)]
struct Key {
    closed: Vec<bool>,
    taps: Vec<(ElementId, usize, u64)>,
    /// Angles that can be used: they decide what angles are counted from.
    angles: Vec<bool>,
}

/// What an estimation gave, with what it was made of.
pub struct Reading {
    pub outcome: Result<Box<Estimate>, String>,
    pub grid: Arc<Grid>,
    /// Point of each measurement.
    pub points: Vec<usize>,
    pub measurements: Vec<Measurement>,
    pub used: usize,
    /// Node voltages without load, V by node number.
    pub no_load: Vec<Complex64>,
    pub certificate: Option<powerflow::estimation::EstimateCertificate>,
    pub took_ms: f64,
}

/// Follows the state of one network.
pub struct Follower {
    circuit: Arc<Circuit>,
    map: Arc<Map>,
    state: State,
    /// The same, for others, as it was when switches or taps changed last.
    told: Arc<State>,
    /// Point, its element.
    switches: Vec<(usize, ElementId)>,
    /// Point, element, winding, whether it tells a position in place of a ratio.
    taps: Vec<(usize, ElementId, usize, bool)>,
    /// Point, quantity, site, factor to SI, rated value in SI, partner in P and Q.
    sites: Vec<Place>,
    key: Option<Key>,
    estimator: Option<Estimator>,
    no_load: Vec<Complex64>,
    last: Option<Vec<Complex64>>,
    options: Options,
}

struct Place {
    point: usize,
    quantity: Quantity,
    site: Site,
    to_si: f64,
    rated: f64,
    /// The other one of P and Q at the same site.
    partner: Option<usize>,
}

impl Follower {
    /// # Errors
    /// A network that cannot be compiled.
    pub fn new(circuit: &Arc<Circuit>, grid: &Grid, map: &Arc<Map>) -> Result<Self, powerflow::CircuitError> {
        let network = circuit.network();
        let state = State::new(circuit)?;
        let mut follower = Self {
            circuit: circuit.clone(),
            map: map.clone(),
            told: Arc::new(state.clone()),
            state,
            switches: Vec::new(),
            taps: Vec::new(),
            sites: Vec::new(),
            key: None,
            estimator: None,
            no_load: Vec::new(),
            last: None,
            options: Options::default(),
        };
        for (point, mapped) in map.points.iter().enumerate() {
            match mapped.role {
                Role::Switch(id) => follower.switches.push((point, id)),
                Role::Tap(id, winding) => follower.taps.push((point, id, winding, true)),
                Role::TapRatio(id, winding) => follower.taps.push((point, id, winding, false)),
                Role::Measurement { quantity, site, to_si } => {
                    let rated = rated_si(network, grid, quantity, site);
                    follower.sites.push(Place { point, quantity, site, to_si, rated, partner: None });
                }
                _ => {}
            }
        }
        for k in 0..follower.sites.len() {
            let other = match follower.sites[k].quantity {
                Quantity::ActivePower => Quantity::ReactivePower,
                Quantity::ReactivePower => Quantity::ActivePower,
                _ => continue,
            };
            let site = follower.sites[k].site;
            follower.sites[k].partner = follower.sites.iter().position(|p| p.site == site && p.quantity == other);
        }
        Ok(follower)
    }

    /// The state with switches and taps as they were told last.
    pub fn state(&self) -> &Arc<State> {
        &self.told
    }

    /// Estimates from what the points hold.
    pub fn estimate(&mut self, values: &[Held]) -> Reading {
        let begun = Instant::now();
        for &(point, id) in &self.switches {
            // On its way or contradictory: it counts as where it was.
            if let Some(closed) = values[point].position() {
                // Loads and machines have one end.
                let n = self.circuit.network().common(id).terminals.len();
                (0..n).for_each(|t| self.state.set_closed(id, t, None, closed));
            }
        }
        for &(point, id, winding, is_position) in &self.taps {
            let Some(told) = values[point].value.as_ref().and_then(Value::as_f64).filter(|v| v.is_finite()) else { continue };
            let w = &self.circuit.network().transformers[id.index()].windings[winding];
            let tap = if is_position { (w.tap_max_pu + w.tap_min_pu) / 2.0 + told * w.tap_step_pu() } else { told };
            // A ratio is measured; a position is exact. What lies beyond the changer's range is no position.
            if tap >= w.tap_min_pu - 1e-6 && tap <= w.tap_max_pu + 1e-6 {
                let step = w.tap_step_pu();
                let tap = if step > 0.0 { w.tap_min_pu + ((tap - w.tap_min_pu) / step).round() * step } else { tap };
                self.state.set_tap(id, winding, tap);
            }
        }
        let good: Vec<Option<f64>> = self.sites.iter().map(|p| values[p.point].good().map(|v| v * p.to_si)).collect();
        let key = Key {
            closed: self.switches.iter().map(|&(_, id)| self.state.is_closed(id, 0, 0)).collect(),
            taps: self.taps.iter().map(|&(_, id, w, _)| (id, w, self.state.taps(id).map_or(0, |t| t[w].to_bits()))).collect(),
            angles: self.sites.iter().zip(&good).filter(|(p, _)| p.quantity.is_angle()).map(|(_, v)| v.is_some()).collect(),
        };
        if self.key.as_ref() != Some(&key) {
            if let Err(why) = self.rebuild(&good) {
                return self.nothing(why, begun);
            }
            self.key = Some(key);
        }
        let Some(estimator) = &mut self.estimator else {
            return self.nothing("no measurement lies on a live part of the network".to_owned(), begun);
        };
        let mut used = 0;
        for (k, place) in self.sites.iter().enumerate() {
            let value = good[k].unwrap_or(f64::NAN);
            let size = value.abs().hypot(place.partner.and_then(|p| good[p]).unwrap_or(0.0));
            let spec = &self.map.points[place.point].spec;
            estimator.set_value(k, value);
            estimator.set_sigma(k, sigma_si(spec, place.quantity, place.to_si, size, place.rated));
            used += usize::from(good[k].is_some() && estimator.idle(k).is_none());
        }
        // Where the network needs no measurement (a part that no source feeds) there is a solution without one, and it says nothing.
        if used == 0 {
            self.last = None;
            return self.nothing("no measurement is good".to_owned(), begun);
        }
        let estimated = estimator.estimate(&self.options, self.last.as_deref());
        let (grid, measurements) = (estimator.grid().clone(), estimator.measurements().to_vec());
        let mut certificate = None;
        let outcome = match estimated {
            Ok(Outcome::Settled(estimate)) => {
                self.last = Some(estimate.start().to_vec());
                certificate = Some(estimate.certificate.clone());
                Ok(estimate)
            }
            Ok(Outcome::Unsettled(u)) => {
                // The next one begins afresh: a start that led nowhere is no help.
                self.last = None;
                certificate = Some(u.certificate.clone());
                let d = u.diagnostic(estimator);
                Err(d.detail.map_or(d.message.clone(), |detail| format!("{}. {detail}", d.message)))
            }
            Err(e) => {
                self.last = None;
                Err(e.to_string())
            }
        };
        Reading {
            outcome,
            grid,
            points: self.sites.iter().map(|p| p.point).collect(),
            measurements,
            used,
            no_load: self.no_load.clone(),
            certificate,
            took_ms: begun.elapsed().as_secs_f64() * 1e3,
        }
    }

    /// The grid and the estimator for switches and taps as they stand now.
    fn rebuild(&mut self, good: &[Option<f64>]) -> Result<(), String> {
        (self.estimator, self.last, self.key) = (None, None, None);
        self.told = Arc::new(self.state.clone());
        let grid = Arc::new(Grid::of_state(&self.state).map_err(|e| e.to_string())?);
        self.no_load = without_load(&self.state).map_err(|e| e.to_string())?;
        let measurements = self.sites.iter().zip(good).map(|(p, value)| {
            let spec = &self.map.points[p.point].spec;
            let size = p.rated.max(1.0);
            // A place for every point: one that cannot be used now is left out by its value, not by its absence. An angle that cannot be used
            // must not be what angles are counted from.
            let value = if p.quantity.is_angle() { value.unwrap_or(f64::NAN) } else { size };
            let sigma = sigma_si(spec, p.quantity, p.to_si, size, p.rated);
            Measurement { name: spec.name.to_string(), quantity: p.quantity, site: p.site, value, sigma, is_pseudo: false }
        });
        self.estimator = Estimator::new(&grid, measurements.collect()).ok();
        Ok(())
    }

    fn nothing(&self, why: String, begun: Instant) -> Reading {
        Reading {
            outcome: Err(why),
            grid: Arc::new(Grid::per_unit(&[])),
            points: Vec::new(),
            measurements: Vec::new(),
            used: 0,
            no_load: Vec::new(),
            certificate: None,
            took_ms: begun.elapsed().as_secs_f64() * 1e3,
        }
    }
}

/// Rated value of what is measured, SI; 0 when the network has none.
fn rated_si(network: &Network, grid: &Grid, quantity: Quantity, site: Site) -> f64 {
    let base = |node: u32| grid.v_base[node as usize];
    let amperes = |element: usize, terminal: usize| {
        let Some(id) = grid.elements[element].id else { return 0.0 };
        if id.kind == ElementKind::Transformer {
            let t = &network.transformers[id.index()];
            return t.windings.get(terminal).map_or(0.0, |w| w.kva / (3f64.sqrt() * w.kv));
        }
        network.common(id).rating.normal_a.max(0.0)
    };
    let first_node = |element: usize, terminal: usize| {
        let e = &grid.elements[element];
        let at = terminal * e.n_conductors..(terminal + 1) * e.n_conductors;
        e.nodes[at].iter().copied().find(|n| *n != 0).unwrap_or(0)
    };
    match (quantity, site) {
        (Quantity::VoltageAngle | Quantity::CurrentAngle, _) => 0.0,
        (Quantity::VoltageMagnitude, Site::Between(a, _)) => 3f64.sqrt() * base(a),
        (Quantity::VoltageMagnitude, Site::Node(n) | Site::Drawn(n)) => base(n),
        (Quantity::VoltageMagnitude, Site::Conductor { element, terminal, .. } | Site::Terminal { element, terminal }) => {
            base(first_node(element, terminal))
        }
        (Quantity::CurrentMagnitude, Site::Conductor { element, terminal, .. } | Site::Terminal { element, terminal }) => {
            amperes(element, terminal)
        }
        (Quantity::ActivePower | Quantity::ReactivePower, Site::Conductor { element, terminal, .. }) => {
            base(first_node(element, terminal)) * amperes(element, terminal)
        }
        (Quantity::ActivePower | Quantity::ReactivePower, Site::Terminal { element, terminal }) => {
            3.0 * base(first_node(element, terminal)) * amperes(element, terminal)
        }
        _ => 0.0,
    }
}

/// Node voltages with the loads and generators gone and everything else as it stands, V by node number.
///
/// # Errors
/// A network that cannot be factored.
pub(super) fn without_load(state: &State) -> Result<Vec<Complex64>, powerflow::CircuitError> {
    let circuit = state.circuit();
    let mut network = Network::clone(circuit.network());
    for load in &mut network.loads {
        (load.p_kw, load.q_kvar) = (0.0, 0.0);
    }
    for generator in &mut network.generators {
        generator.common.enabled = false;
    }
    let empty = Arc::new(Circuit::compile(Arc::new(network))?);
    let mut bare = State::new(&empty)?;
    for e in circuit.elements() {
        for t in 0..e.n_terminals {
            for c in 0..e.n_conductors {
                if !state.is_closed(e.id, t, c) {
                    bare.set_closed(e.id, t, Some(c), false);
                }
            }
        }
        if let Some(taps) = state.taps(e.id) {
            for (w, tap) in taps.iter().copied().enumerate() {
                bare.set_tap(e.id, w, tap);
            }
        }
        if let Some(steps) = state.capacitor_steps(e.id) {
            bare.set_capacitor_steps(e.id, steps);
        }
    }
    if !bare.solve_moment()?.settled() {
        return Ok(vec![Complex64::new(f64::NAN, f64::NAN); circuit.n_nodes() + 1]);
    }
    let mut v = vec![Complex64::ZERO; circuit.n_nodes() + 1];
    for (i, node) in circuit.nodes().iter().enumerate() {
        let n = empty.node_number(node.bus, node.at_bus);
        if n != 0 {
            v[i + 1] = bare.voltages()[n as usize];
        }
    }
    Ok(v)
}
