//! The simulated plant: a substation that lives by the clock it is handed.
//!
//! ```text
//! model, register, relays ─► Plant ─ step(dt) ─► loads and weather (day) ─► grid solved (grid) ─► relays ─► breakers ─► events
//!                              ▲                 frequency of the grid        │                              │
//!   commands, faults, scenarios                  tap changers, fans ◄─────────┴─► temperatures, gas, wear ◄──┘
//!                                                                             └─► points: true and measured values
//! ```
//!
//! A step of up to a second is cut where something moves: while a fault burns or a breaker is on its way, it goes in pieces of [`FINE_S`], while a
//! relay has picked up otherwise, of 20 ms; the network is solved whenever something in it changed. No socket, no clock, no global: the same settings, seed, steps
//! and commands give the same plant to the last bit. [`Plant::snapshot`] and [`Plant::restore`] bring a training back to its start.
//!
//! `docs/methods/plant.md` derives what is computed.

pub mod condition;
pub mod curves;
pub mod day;
pub mod defects;
pub mod devices;
pub mod event;
pub mod frequency;
pub mod grid;
pub mod host;
pub mod points;
pub mod random;
pub mod relays;
pub mod scenario;
pub mod service;

use condition::{Gases, Wear};
use day::Customers;
use defects::{Defect, DefectKind, Effects, Site};
pub use event::{Event, EventKind};
use frequency::Frequency;
use grid::{ShortCircuit, Solved};
use network::calendar::days_from_civil;
use network::{BusId, ElementId, ElementKind, EquipmentKind, Network, RelayFunction, Station, StationRelay};
use points::Point;
use powerflow::CircuitError;
use powerflow::fault_study::FaultType;
pub use powerflow::thermal;
use relays::{Act, Bays, RelayState, View, is_closed};
pub use scenario::{Running, ScenarioKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use thermal::Thermal;

/// Length of a piece of a step while something moves, s.
pub const FINE_S: f64 = 0.005;

/// Length of a piece while a relay has picked up without a fault, or the frequency is far off, s.
const CALM_S: f64 = 0.02;

/// Deviation of the frequency from which on relays look often, Hz.
const WATCHED_HZ: f64 = 0.3;

/// Longest arc of an interruption, s: half a period and a little.
const ARC_S: f64 = 0.012;

/// Time without voltage after which the arc of a transient fault does not strike again, s.
const ARC_OUT_S: f64 = 0.3;

/// Least current, A, at which opening is an interruption and an isolator would draw an arc.
const NO_LOAD_A: f64 = 1.0;

/// Iterations and tolerance of the plant's solutions: a training has no second try.
const MAX_ITERATIONS: u32 = 200;
const TOLERANCE_PU: f64 = 1e-8;

/// Why there is no plant, or a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum PlantError {
    #[error("the station has no {what}")]
    Missing { what: String },
    #[error("the station knows no {kind} \"{name}\"")]
    Unknown { kind: &'static str, name: String },
    #[error("{subject} is interlocked: {why}")]
    Interlocked { subject: String, why: String },
    #[error("{what} is {value}, and must lie between {low} and {high}")]
    OutOfRange { what: &'static str, value: f64, low: f64, high: f64 },
    #[error("scenario {running} runs already")]
    Busy { running: &'static str },
    #[error(transparent)]
    Circuit(#[from] CircuitError),
}

/// What a plant is started with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlantSettings {
    pub seed: u64,
    /// Clock at the start, seconds since 1970-01-01 of the station's local time.
    pub start_s: f64,
    /// Loads, weather, frequency and instruments are noisy.
    pub noise: bool,
}

impl Default for PlantSettings {
    fn default() -> Self {
        // The first of March 2026, eight in the morning.
        Self { seed: 1, start_s: 1_772_352_000.0, noise: true }
    }
}

/// A command of the operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// A breaker or an isolator, by its element's name.
    Switch {
        element: String,
        close: bool,
    },
    /// One step of a tap changer; it leaves automatic control.
    Tap {
        transformer: String,
        up: bool,
    },
    TapAutomatic {
        transformer: String,
        automatic: bool,
    },
    /// A short circuit at a bus: `3ph`, `slg`, `ll`, `llg`. Without a duration it stays until it is cleared, or with `transient` until its bus has
    /// been dead for 0.3 s.
    Fault {
        bus: String,
        kind: String,
        phases: Vec<u32>,
        r_ohm: f64,
        #[serde(default)]
        duration_s: Option<f64>,
        #[serde(default)]
        transient: bool,
    },
    ClearFaults,
    Begin {
        scenario: ScenarioKind,
    },
    /// Ends the scenario that runs.
    End,
    /// Makes a breaker ignore its orders, or mends it.
    Stick {
        breaker: String,
        stuck: bool,
    },
    /// A defect of an asset, or of the instrument of a point, that grows to its full extent within so many hours ([`defects`]).
    Defect {
        subject: String,
        kind: DefectKind,
        #[serde(default)]
        grows_h: f64,
    },
    /// Mends every defect of an asset or instrument.
    Mend {
        subject: String,
    },
}

/// A fault that stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActiveFault {
    pub circuit: ShortCircuit,
    pub until_s: Option<f64>,
    pub transient: bool,
    /// Since when its bus is without voltage, s.
    dead_since_s: Option<f64>,
}

/// An order that is on its way to the contacts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    switch: ElementId,
    close: bool,
    at_s: f64,
    cause: String,
}

/// State of a tap changer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TapChanger {
    pub transformer: ElementId,
    pub winding: usize,
    pub control: usize,
    pub automatic: bool,
    pub operations: u64,
    /// Since when the voltage is out of the band, and to which side.
    out_since_s: Option<(f64, bool)>,
    busy_until_s: f64,
}

/// Everything of the plant that time and commands change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlantState {
    pub time_s: f64,
    pub network: Network,
    pub frequency: Frequency,
    pub ambient_c: f64,
    pub thermal: BTreeMap<String, Thermal>,
    pub gases: BTreeMap<String, Gases>,
    /// By name of the breaker's element.
    pub wear: BTreeMap<String, Wear>,
    /// Operations of isolators.
    pub isolator_operations: BTreeMap<String, u64>,
    pub taps: Vec<TapChanger>,
    pub faults: Vec<ActiveFault>,
    pub relays: Vec<RelayState>,
    pub stuck: Vec<ElementId>,
    #[serde(default)]
    pub defects: Vec<Defect>,
    pub running: Option<Running>,
    orders: Vec<Order>,
    /// Breakers that were ordered to open and have not: when, s.
    ordered_open: Vec<(ElementId, f64)>,
    /// The grid's voltage and the region's load over their own.
    source_factor: f64,
    region_factor: f64,
    /// Active energy by bay, kWh, and reactive, kvarh: taken and given.
    pub energy: BTreeMap<String, [f64; 4]>,
    fine_ticks: u64,
    pub settled: bool,
}

/// A simulated substation.
#[derive(Clone, Debug)]
pub struct Plant {
    pub settings: PlantSettings,
    pub station: Station,
    pub relays: Vec<StationRelay>,
    bays: Bays,
    /// Loads with their customers and stated power, kW and kvar.
    loads: Vec<(usize, Customers, f64, f64)>,
    source_v_pu: f64,
    points: Vec<Point>,
    state: PlantState,
    solved: Solved,
    events: Vec<Event>,
}

impl Plant {
    /// A plant at its start: loads of the hour, temperatures as if it had carried them for long, gas and wear since commissioning.
    ///
    /// # Errors
    /// A station without breakers, transformers or a source, and a network that cannot be solved.
    pub fn new(mut network: Network, station: Station, relays: Vec<StationRelay>, settings: PlantSettings) -> Result<Self, PlantError> {
        network.options.max_iterations = MAX_ITERATIONS;
        network.options.tolerance_pu = TOLERANCE_PU;
        let breakers: Vec<ElementId> = station.of_kind(EquipmentKind::Breaker).filter_map(|b| b.parts.first()).map(|p| p.element).collect();
        let isolators: Vec<ElementId> =
            station.of_kind(EquipmentKind::IsolatorSet).flat_map(|e| e.parts.iter().map(|p| p.element)).collect();
        let busbars: Vec<BusId> = station.of_kind(EquipmentKind::Busbar).filter_map(|b| b.bus).collect();
        for (what, count) in [("breakers", breakers.len()), ("busbars", busbars.len()), ("source", network.voltage_sources.len())] {
            if count == 0 {
                return Err(PlantError::Missing { what: what.to_owned() });
            }
        }
        let bays = Bays::new(&network, busbars, &breakers, &isolators);
        let loads = network.loads.iter().enumerate().map(|(i, l)| (i, customers(&l.common.name, l.kv, l.p_kw), l.p_kw, l.q_kvar)).collect();
        let source_v_pu = network.voltage_sources[0].v_pu;
        let frequency = Frequency::new(network.options.frequency_hz);
        let mut plant_state = PlantState {
            time_s: settings.start_s,
            frequency,
            ambient_c: 0.0,
            thermal: BTreeMap::new(),
            gases: BTreeMap::new(),
            wear: BTreeMap::new(),
            isolator_operations: BTreeMap::new(),
            taps: tap_changers(&network),
            faults: Vec::new(),
            relays: vec![RelayState::default(); relays.len()],
            stuck: Vec::new(),
            defects: Vec::new(),
            running: None,
            orders: Vec::new(),
            ordered_open: Vec::new(),
            source_factor: 1.0,
            region_factor: 1.0,
            energy: BTreeMap::new(),
            fine_ticks: 0,
            settled: false,
            network,
        };
        for e in station.of_kind(EquipmentKind::Breaker) {
            let Some(part) = e.parts.first() else { continue };
            let years = years_since(&e.commissioned, settings.start_s);
            let mut wear = Wear::new(e.rated("sf6_rated_bar"));
            wear.leak(e.rated("sf6_leak_pct_per_year"), years * 8766.0);
            plant_state.wear.insert(plant_state.network.full_name(part.element), wear);
        }
        let solved = Solved::new(&plant_state.network, &[], None)?;
        let mut plant = Self {
            settings,
            station,
            relays,
            bays,
            loads,
            source_v_pu,
            points: Vec::new(),
            state: plant_state,
            solved,
            events: Vec::new(),
        };
        plant.set_weather_and_loads();
        plant.solve()?;
        plant.settle_taps()?;
        plant.settle_temperatures();
        plant.points = points::list(&plant);
        plant.events.clear();
        Ok(plant)
    }

    pub fn state(&self) -> &PlantState {
        &self.state
    }

    pub fn network(&self) -> &Network {
        &self.state.network
    }

    pub fn solved(&self) -> &Solved {
        &self.solved
    }

    pub fn bays(&self) -> &Bays {
        &self.bays
    }

    /// All points of the plant, in a fixed order.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// True values of all points now.
    pub fn true_values(&self) -> Vec<f64> {
        points::values(self)
    }

    /// Measured values of all points now: the true ones with the error of their instruments.
    pub fn measured_values(&self) -> Vec<f64> {
        points::measured(self)
    }

    /// Events since they were last taken.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The plant's state, to come back to.
    pub fn snapshot(&self) -> PlantState {
        self.state.clone()
    }

    /// Goes back to a state of this plant.
    ///
    /// # Errors
    /// A network that cannot be solved.
    pub fn restore(&mut self, state: PlantState) -> Result<(), PlantError> {
        self.state = state;
        // A state that was written and read has lost the index of its buses.
        self.state.network.index_buses();
        self.events.clear();
        // From no voltages, so that a restored plant does not depend on where it came from.
        let faults: Vec<ShortCircuit> = self.state.faults.iter().map(|f| f.circuit.clone()).collect();
        let solved = Solved::new(&self.state.network, &faults, None);
        self.state.settled = solved.as_ref().is_ok_and(|s| s.settled);
        self.solved = solved?;
        Ok(())
    }

    fn event(&mut self, kind: EventKind, subject: impl Into<String>, cause: impl Into<String>) {
        self.events.push(Event { time_s: self.state.time_s, kind, subject: subject.into(), cause: cause.into() });
    }

    /// Lets `dt_s` pass (at most 1 s; longer times are steps of their own).
    ///
    /// # Errors
    /// A network that cannot be compiled or factored; one that does not settle is an event and [`PlantState::settled`].
    pub fn step(&mut self, dt_s: f64) -> Result<(), PlantError> {
        if !(dt_s > 0.0 && dt_s <= 1.0) {
            return Err(PlantError::OutOfRange { what: "a step, s,", value: dt_s, low: 0.0, high: 1.0 });
        }
        let end = self.state.time_s + dt_s;
        self.set_weather_and_loads();
        self.lead_scenario();
        self.solve()?;
        while self.state.time_s < end - 1e-9 {
            let piece = self.piece_s().min(end - self.state.time_s);
            let changed = self.advance(piece);
            if changed {
                self.solve()?;
            }
        }
        self.state.time_s = end;
        self.age(dt_s);
        if self.tap_changers_act() {
            self.solve()?;
        }
        Ok(())
    }

    /// Lets a calm time pass at once (at most an hour): loads and weather of its end, taps that have settled, temperatures, gas, leaks and
    /// energy of the whole time. Nothing trips and no scenario is led, since no relay looks.
    ///
    /// # Errors
    /// As [`Plant::step`]; a plant with a fault, an order under way or a scenario is not calm.
    pub fn pass(&mut self, dt_s: f64) -> Result<(), PlantError> {
        if !(dt_s > 0.0 && dt_s <= 3600.0) {
            return Err(PlantError::OutOfRange { what: "a calm time, s,", value: dt_s, low: 0.0, high: 3600.0 });
        }
        if let Some(running) = &self.state.running {
            return Err(PlantError::Busy { running: running.kind.word() });
        }
        if !self.state.faults.is_empty() || !self.state.orders.is_empty() {
            let why = "a fault stands or a switch is on its way".to_owned();
            return Err(PlantError::Interlocked { subject: "calm time".to_owned(), why });
        }
        self.state.time_s += dt_s;
        self.set_weather_and_loads();
        self.solve()?;
        self.move_taps("by its control")?;
        let seed = self.settings.noise.then_some(self.settings.seed);
        self.state.frequency.advance(self.state.time_s, 1.0, seed);
        // Fans have two positions: what they do within the time decides where the oil ends.
        let pieces = (dt_s / 300.0).ceil().max(1.0);
        for _ in 0..pieces as usize {
            self.age(dt_s / pieces);
        }
        Ok(())
    }

    /// How far time may go at once: to the end of the step when all is calm.
    fn piece_s(&self) -> f64 {
        let now = self.state.time_s;
        let burns = |f: &ActiveFault| f.transient || self.current_at(f.circuit.bus) > NO_LOAD_A;
        if !self.state.ordered_open.is_empty() || self.state.faults.iter().any(burns) {
            return FINE_S;
        }
        let apart = (self.state.frequency.hz() - self.state.frequency.nominal_hz).abs();
        let watched = apart > WATCHED_HZ || self.state.relays.iter().any(RelayState::picked_up);
        let moments = self.state.faults.iter().filter_map(|f| f.until_s).chain(self.state.orders.iter().map(|o| o.at_s));
        let ends = moments.map(|at_s| (at_s - now).max(FINE_S)).fold(f64::INFINITY, f64::min);
        if watched { CALM_S.min(ends) } else { ends }
    }

    /// A piece of a step at constant phasors; whether the network changed at its end.
    fn advance(&mut self, dt_s: f64) -> bool {
        let seed = self.settings.noise.then_some(self.settings.seed);
        self.state.frequency.advance(self.state.time_s, dt_s, seed);
        let ordered: Vec<ElementId> = self.state.ordered_open.iter().map(|(b, _)| *b).collect();
        let mut acts = Vec::new();
        if self.state.settled {
            let is_ordered = |b: ElementId| ordered.contains(&b);
            let view = View {
                network: &self.state.network,
                solved: &self.solved,
                frequency_hz: self.state.frequency.hz(),
                bays: &self.bays,
                ordered: &is_ordered,
            };
            for (k, (relay, state)) in self.relays.iter().zip(&mut self.state.relays).enumerate() {
                acts.extend(relays::advance(relay, state, &view, dt_s).into_iter().map(|a| (k, a)));
            }
        }
        self.state.time_s += dt_s;
        for (k, act) in acts {
            self.follow(k, act);
        }
        let switched = self.carry_out_orders();
        let cleared = self.faults_end();
        switched | cleared
    }

    /// What follows from an act of a relay.
    fn follow(&mut self, relay: usize, act: Act) {
        let id = self.relays[relay].id.clone();
        match act {
            Act::PickedUp { timer, seen } => self.event(EventKind::PickedUp, id, format!("{timer} at {}", few(seen))),
            Act::DroppedOut { timer } => self.event(EventKind::DroppedOut, id, timer),
            Act::Tripped { timer, seen } => {
                self.event(EventKind::Tripped, id.clone(), format!("{timer} at {}", few(seen)));
                let mut trips = self.relays[relay].trips.clone();
                match &self.relays[relay].function {
                    RelayFunction::BusbarDifferential { bus, .. } => {
                        let zone = self.bays.zone(&self.state.network, *bus);
                        trips.extend(self.bays.breakers_on(&self.state.network, &zone));
                    }
                    RelayFunction::BreakerFailure { breaker, .. } => trips.extend(self.bays.neighbours(&self.state.network, *breaker)),
                    _ => {}
                }
                let mut done = Vec::new();
                for breaker in trips {
                    if !done.contains(&breaker) && is_closed(&self.state.network, breaker) {
                        self.order_open(breaker, &format!("{id} {timer}"));
                    }
                    done.push(breaker);
                }
            }
        }
    }

    fn order_open(&mut self, breaker: ElementId, cause: &str) {
        if self.state.orders.iter().any(|o| o.switch == breaker && !o.close) {
            return;
        }
        let name = self.state.network.full_name(breaker);
        if !self.state.ordered_open.iter().any(|(b, _)| *b == breaker) {
            self.state.ordered_open.push((breaker, self.state.time_s));
            self.event(EventKind::Ordered, name, format!("open: {cause}"));
        }
        let at_s = self.state.time_s + self.operate_s(breaker, false);
        self.state.orders.retain(|o| o.switch != breaker);
        self.state.orders.push(Order { switch: breaker, close: false, at_s, cause: cause.to_owned() });
    }

    /// Time from an order to the contacts, s. A breaker of another station takes as long as the fastest here.
    fn operate_s(&self, switch: ElementId, close: bool) -> f64 {
        match self.equipment_of(switch) {
            Some(e) if e.kind == EquipmentKind::Breaker => e.rated(if close { "close_ms" } else { "open_ms" }) / 1e3,
            Some(e) if e.kind == EquipmentKind::IsolatorSet => e.rated("operate_s"),
            _ => 0.02,
        }
    }

    /// The breaker or isolator set that a switch belongs to.
    pub fn equipment_of(&self, switch: ElementId) -> Option<&network::Equipment> {
        self.station
            .equipment
            .iter()
            .find(|e| matches!(e.kind, EquipmentKind::Breaker | EquipmentKind::IsolatorSet) && e.parts.iter().any(|p| p.element == switch))
    }

    fn carry_out_orders(&mut self) -> bool {
        let now = self.state.time_s;
        let (mut due, waiting): (Vec<Order>, Vec<Order>) =
            std::mem::take(&mut self.state.orders).into_iter().partition(|o| o.at_s <= now + 1e-9);
        self.state.orders = waiting;
        due.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        let mut changed = false;
        for order in due {
            changed |= self.operate(&order);
        }
        // An order is over when the breaker is open, or when it stuck and the current has gone by another way.
        let (network, solved, orders) = (&self.state.network, &self.solved, &self.state.orders);
        let burns = |b: ElementId| solved.i(b, 0).iter().any(|i| i.norm() > NO_LOAD_A);
        self.state
            .ordered_open
            .retain(|(b, since)| is_closed(network, *b) && (orders.iter().any(|o| o.switch == *b) || burns(*b) || now - since < 1.0));
        changed
    }

    /// Contacts move, unless the breaker sticks or its gas is too thin.
    fn operate(&mut self, order: &Order) -> bool {
        let name = self.state.network.full_name(order.switch);
        let word = if order.close { "close" } else { "open" };
        if self.state.stuck.contains(&order.switch) {
            self.event(EventKind::Failed, name, format!("it did not {word}: {}", order.cause));
            return false;
        }
        let i = self.solved.i(order.switch, 0).map(|i| i.norm());
        let equipment = self.equipment_of(order.switch).cloned();
        if let Some(e) = equipment.as_ref().filter(|e| e.kind == EquipmentKind::Breaker)
            && let Some(wear) = self.state.wear.get_mut(&name)
        {
            if wear.sf6_bar_20c < e.rated("sf6_lockout_bar") {
                let bar = wear.sf6_bar_20c;
                self.event(EventKind::Failed, name, format!("it is locked out: SF6 at {bar:.2} bar"));
                return false;
            }
            wear.operations += 1;
            if !order.close && i.iter().any(|&i| i > NO_LOAD_A) {
                wear.interrupt(i, ARC_S, e.rated("breaking_ka"), e.rated("full_breaking_operations"));
            }
        } else if equipment.is_some() {
            *self.state.isolator_operations.entry(name.clone()).or_default() += 1;
        }
        for terminal in &mut self.state.network.common_mut(order.switch).terminals {
            terminal.closed.fill(true);
        }
        if !order.close {
            self.state.network.common_mut(order.switch).terminals[0].closed.fill(false);
        }
        let largest = i.into_iter().fold(0.0, f64::max);
        let kind = if order.close { EventKind::Closed } else { EventKind::Opened };
        self.event(kind, name, format!("{} at {} A", order.cause, few(largest)));
        true
    }

    fn faults_end(&mut self) -> bool {
        let now = self.state.time_s;
        // A bolted three-phase fault has no voltage while it burns either: the currents at its bus must be gone too.
        let dead = |f: &ActiveFault| {
            let bus = f.circuit.bus;
            let silent = self.solved.v(bus).iter().all(|v| v.norm() < 0.02 * self.solved.base_v(bus));
            self.state.settled && silent && self.current_at(bus) <= NO_LOAD_A
        };
        let is_dead: Vec<bool> = self.state.faults.iter().map(dead).collect();
        for (f, dead) in self.state.faults.iter_mut().zip(is_dead) {
            f.dead_since_s = if dead { f.dead_since_s.or(Some(now)) } else { None };
        }
        let is_over = |f: &ActiveFault| {
            f.until_s.is_some_and(|u| now >= u - 1e-9)
                || (f.transient && f.dead_since_s.is_some_and(|since| now - since >= ARC_OUT_S - 1e-9))
        };
        let over: Vec<bool> = self.state.faults.iter().map(is_over).collect();
        let mut changed = false;
        for k in (0..over.len()).rev().filter(|&k| over[k]) {
            let f = self.state.faults.remove(k);
            let bus = self.state.network.bus(f.circuit.bus).name.clone();
            let cause = if f.until_s.is_some_and(|u| now >= u - 1e-9) { "its time is over" } else { "the arc went out" };
            self.event(EventKind::FaultOff, bus, cause);
            changed = true;
        }
        changed
    }

    /// Largest current of an element at a bus that stands between buses, A.
    fn current_at(&self, bus: BusId) -> f64 {
        let network = &self.state.network;
        let mut largest = 0.0_f64;
        for &id in &network.order {
            if !matches!(id.kind, ElementKind::Line | ElementKind::Transformer) {
                continue;
            }
            for (t, terminal) in network.common(id).terminals.iter().enumerate().filter(|(_, t)| t.bus == bus) {
                let i = self.solved.i(id, t).iter().map(|i| i.norm()).fold(0.0, f64::max);
                largest = largest.max(if terminal.nodes.is_empty() { 0.0 } else { i });
            }
        }
        largest
    }

    fn solve(&mut self) -> Result<(), PlantError> {
        let faults: Vec<ShortCircuit> = self.state.faults.iter().map(|f| f.circuit.clone()).collect();
        let solved = Solved::new(&self.state.network, &faults, Some(&self.solved));
        // Where there is not even a system to solve, the values of before are not those of now.
        self.state.settled &= solved.is_ok();
        self.solved = solved?;
        let settled = self.solved.settled;
        if !settled && self.state.settled {
            self.event(EventKind::Unsolved, "network", "no voltages carry these loads; values are not valid");
        }
        self.state.settled = settled;
        Ok(())
    }

    fn set_weather_and_loads(&mut self) {
        let (seed, time) = (self.settings.seed, self.state.time_s);
        let ambient = day::ambient_c(time, seed);
        self.state.ambient_c = ambient;
        for (n, &(load, customers, p_kw, q_kvar)) in self.loads.iter().enumerate() {
            let part = match self.settings.noise {
                true => day::part_now(customers, time, seed, n as u64),
                false => day::part_of_day(customers, time),
            };
            let part = part * if customers == Customers::Region { self.state.region_factor } else { 1.0 };
            let l = &mut self.state.network.loads[load];
            (l.p_kw, l.q_kvar) = (p_kw * part, q_kvar * part);
        }
        self.state.network.voltage_sources[0].v_pu = self.source_v_pu * self.state.source_factor;
    }

    /// Leads voltage or load one step nearer to the target of the scenario that runs, and ends it in its time.
    fn lead_scenario(&mut self) {
        let Some(running) = self.state.running.clone() else { return };
        let since = self.state.time_s - running.since_s;
        if running.kind.duration_s().is_some_and(|d| since >= d - 1e-9) {
            self.end_scenario("its time is over");
            return;
        }
        match running.kind {
            ScenarioKind::Overvoltage400kv => {
                let Some(bus) = self.bays.busbars.iter().copied().find(|&b| self.solved.base_v(b) > 200e3) else { return };
                let v = self.solved.v(bus)[0].norm() * 3.0_f64.sqrt();
                if v > 0.5 * 420e3 {
                    // Five seconds to the target.
                    let rate = (0.2 * (since + 1.0)).min(1.0);
                    self.state.source_factor = (self.state.source_factor * (1.0 + rate * (420e3 / v - 1.0))).clamp(0.9, 1.2);
                }
            }
            ScenarioKind::TransformerOverload => {
                let Some(t1) =
                    self.station.of_kind(EquipmentKind::PowerTransformer).next().and_then(|e| e.parts.first()).map(|p| p.element)
                else {
                    return;
                };
                let s = points::terminal_power(&self.state.network, &self.solved, t1, 0).norm();
                let target = 1.1 * self.state.network.transformers[t1.index()].windings[0].kva * 1e3;
                if s > 0.05 * target && since > 1.0 {
                    self.state.region_factor = (self.state.region_factor * (1.0 + 0.3 * (target / s - 1.0))).clamp(0.2, 2.5);
                }
            }
            ScenarioKind::FrequencyDeviation | ScenarioKind::CircuitBreakerFailure => {}
        }
        self.set_weather_and_loads();
    }

    fn end_scenario(&mut self, cause: &str) {
        let Some(running) = self.state.running.take() else { return };
        match running.kind {
            ScenarioKind::Overvoltage400kv => self.state.source_factor = 1.0,
            ScenarioKind::TransformerOverload => self.state.region_factor = 1.0,
            ScenarioKind::FrequencyDeviation => self.state.frequency.lost_pu = 0.0,
            ScenarioKind::CircuitBreakerFailure => {
                self.state.faults.clear();
                self.state.stuck.clear();
            }
        }
        self.event(EventKind::ScenarioEnded, running.kind.word(), cause);
        self.set_weather_and_loads();
    }

    /// Carries out a command of the operator.
    ///
    /// # Errors
    /// A name that the plant does not have, a value out of range, an isolator that would break or make load, a scenario while another runs.
    pub fn command(&mut self, command: &Command) -> Result<(), PlantError> {
        match command {
            Command::Switch { element, close } => self.switch(element, *close)?,
            Command::Tap { transformer, up } => {
                let k = self.tap_changer(transformer)?;
                self.state.taps[k].automatic = false;
                self.move_tap(k, *up, "by hand");
            }
            Command::TapAutomatic { transformer, automatic } => {
                let k = self.tap_changer(transformer)?;
                self.state.taps[k].automatic = *automatic;
            }
            Command::Fault { bus, kind, phases, r_ohm, duration_s, transient } => {
                self.inject(bus, kind, phases, *r_ohm, *duration_s, *transient)?;
            }
            Command::ClearFaults => {
                for f in std::mem::take(&mut self.state.faults) {
                    let bus = self.state.network.bus(f.circuit.bus).name.clone();
                    self.event(EventKind::FaultOff, bus, "by hand");
                }
            }
            Command::Begin { scenario } => self.begin(*scenario)?,
            Command::End => self.end_scenario("by hand"),
            Command::Stick { breaker, stuck } => {
                let id = self.breaker(breaker)?;
                self.state.stuck.retain(|&b| b != id);
                if *stuck {
                    self.state.stuck.push(id);
                }
            }
            Command::Defect { subject, kind, grows_h } => self.begin_defect(subject, *kind, *grows_h)?,
            Command::Mend { subject } => {
                let before = self.state.defects.len();
                self.state.defects.retain(|d| !d.subject.eq_ignore_ascii_case(subject));
                if self.state.defects.len() == before {
                    return Err(PlantError::Unknown { kind: "defect of", name: subject.clone() });
                }
                self.event(EventKind::Mended, subject.as_str(), "by hand");
            }
        }
        self.solve()
    }

    fn begin_defect(&mut self, subject: &str, kind: DefectKind, grows_h: f64) -> Result<(), PlantError> {
        if !(0.0..=87_660.0).contains(&grows_h) {
            return Err(PlantError::OutOfRange { what: "the time in which a defect grows, h,", value: grows_h, low: 0.0, high: 87_660.0 });
        }
        let (word, mut names): (_, Box<dyn Iterator<Item = String>>) = match kind.site() {
            Site::Transformer => ("transformer", Box::new(self.transformers().into_iter().map(|t| t.0))),
            Site::Breaker => ("breaker", Box::new(self.station.of_kind(EquipmentKind::Breaker).map(|e| e.id.clone()))),
            Site::Point => ("point", Box::new(self.points.iter().map(|p| p.name.clone()))),
        };
        let Some(name) = names.find(|n| n.eq_ignore_ascii_case(subject)) else {
            return Err(PlantError::Unknown { kind: word, name: subject.to_owned() });
        };
        drop(names);
        self.state.defects.retain(|d| d.subject != name || d.kind != kind);
        self.state.defects.push(Defect { subject: name.clone(), kind, since_s: self.state.time_s, grows_h });
        self.event(EventKind::DefectBegan, name, format!("{} within {grows_h} h", kind.word()));
        Ok(())
    }

    /// Whether a command would be carried out now; nothing changes.
    ///
    /// # Errors
    /// As [`Plant::command`].
    pub fn check(&self, command: &Command) -> Result<(), PlantError> {
        self.clone().command(command)
    }

    /// Position of a tap changer by its transformer: steps from the middle.
    pub fn tap_position(&self, transformer: &str) -> Option<i64> {
        let t = &self.state.taps[self.tap_changer(transformer).ok()?];
        let w = &self.state.network.transformers[t.transformer.index()].windings[t.winding];
        Some(((w.tap_pu - (w.tap_max_pu + w.tap_min_pu) / 2.0) / w.tap_step_pu()).round() as i64)
    }

    /// Lowest and highest position of a tap changer.
    pub fn tap_range(&self, transformer: &str) -> Option<(i64, i64)> {
        let t = &self.state.taps[self.tap_changer(transformer).ok()?];
        let w = &self.state.network.transformers[t.transformer.index()].windings[t.winding];
        let half = ((w.tap_max_pu - w.tap_min_pu) / 2.0 / w.tap_step_pu()).round() as i64;
        Some((-half, half))
    }

    /// Whether a breaker or isolator is closed; `None` of what is no switch.
    pub fn is_closed(&self, element: &str) -> Option<bool> {
        let id = self.state.network.find(element)?;
        (id.kind == ElementKind::Line && self.state.network.lines[id.index()].is_switch).then(|| is_closed(&self.state.network, id))
    }

    /// When the next of the orders reaches its contacts, s of the plant's clock.
    pub fn next_due_s(&self) -> Option<f64> {
        self.state.orders.iter().map(|o| o.at_s).min_by(f64::total_cmp)
    }

    fn breaker(&self, name: &str) -> Result<ElementId, PlantError> {
        let found = self.state.network.find(name).filter(|&id| self.bays.of_breaker(id).is_some());
        found.ok_or_else(|| PlantError::Unknown { kind: "breaker", name: name.to_owned() })
    }

    fn switch(&mut self, name: &str, close: bool) -> Result<(), PlantError> {
        let unknown = || PlantError::Unknown { kind: "switch", name: name.to_owned() };
        let id = self.state.network.find(name).ok_or_else(unknown)?;
        let equipment = self.equipment_of(id).ok_or_else(unknown)?;
        let is_breaker = equipment.kind == EquipmentKind::Breaker;
        if is_closed(&self.state.network, id) == close {
            return Ok(());
        }
        if is_breaker && !close {
            self.order_open(id, "by hand");
            return Ok(());
        }
        if !is_breaker {
            self.check_isolator(id, name)?;
        }
        let at_s = self.state.time_s + self.operate_s(id, close);
        self.state.orders.retain(|o| o.switch != id);
        self.state.orders.push(Order { switch: id, close, at_s, cause: "by hand".to_owned() });
        self.event(EventKind::Ordered, name, if close { "close: by hand" } else { "open: by hand" });
        Ok(())
    }

    /// An isolator moves without load only: with its breaker open, or to change busbars while a closed coupler joins them and the bay stays on one.
    fn check_isolator(&self, id: ElementId, name: &str) -> Result<(), PlantError> {
        let network = &self.state.network;
        let refuse = |why: &str| Err(PlantError::Interlocked { subject: name.to_owned(), why: why.to_owned() });
        let Some(bay) = self.bays.of_isolator(id) else { return refuse("it belongs to no bay") };
        if !is_closed(network, bay.breaker) {
            // The breaker must also stay open until the isolator is there.
            return match self.state.orders.iter().any(|o| o.switch == bay.breaker) {
                true => refuse("its breaker is on its way"),
                false => Ok(()),
            };
        }
        let is_bus_isolator = bay.to_busbars.iter().any(|(q, _, _)| *q == Some(id));
        let other_closed = bay.to_busbars.iter().any(|(q, _, side)| {
            q.is_some_and(|q| q != id && is_closed(network, q)) && bay.to_busbars.iter().any(|(mine, _, s)| *mine == Some(id) && s == side)
        });
        let coupled = self.bays.bays.iter().any(|c| {
            let on: Vec<BusId> = self.bays.switched_to(network, c).map(|(b, _)| b).collect();
            let mine: Vec<BusId> = bay.to_busbars.iter().map(|(_, b, _)| *b).collect();
            c.breaker != bay.breaker && is_closed(network, c.breaker) && mine.len() == 2 && mine.iter().all(|b| on.contains(b))
        });
        if is_bus_isolator && other_closed && coupled {
            return Ok(());
        }
        refuse("its breaker is closed; open it first, or change busbars with the coupler closed")
    }

    fn inject(
        &mut self,
        bus: &str,
        kind: &str,
        phases: &[u32],
        r_ohm: f64,
        duration_s: Option<f64>,
        transient: bool,
    ) -> Result<(), PlantError> {
        let id = self.state.network.bus_id(bus).ok_or_else(|| PlantError::Unknown { kind: "bus", name: bus.to_owned() })?;
        let fault = FaultType::of_word(kind).ok_or_else(|| PlantError::Unknown { kind: "fault type", name: kind.to_owned() })?;
        let wanted = match fault {
            FaultType::ThreePhase => 3,
            FaultType::LineGround => 1,
            FaultType::LineLine | FaultType::LineLineGround => 2,
        };
        let mut sorted = phases.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != wanted || phases.len() != wanted || sorted.iter().any(|p| !(1..=3).contains(p)) {
            return Err(PlantError::Unknown { kind: "set of phases for this fault", name: format!("{phases:?}") });
        }
        if !(1e-6..=1e4).contains(&r_ohm) {
            return Err(PlantError::OutOfRange { what: "the fault's resistance, ohm,", value: r_ohm, low: 1e-6, high: 1e4 });
        }
        if let Some(value) = duration_s.filter(|d| !(*d > 0.0 && *d <= 3600.0)) {
            return Err(PlantError::OutOfRange { what: "the fault's duration, s,", value, low: 0.0, high: 3600.0 });
        }
        self.state.faults.push(ActiveFault {
            circuit: ShortCircuit { bus: id, kind: kind.to_owned(), phases: phases.to_vec(), r_ohm },
            until_s: duration_s.map(|d| self.state.time_s + d),
            transient,
            dead_since_s: None,
        });
        self.event(EventKind::FaultOn, bus, format!("{kind} {phases:?}, {r_ohm} ohm"));
        Ok(())
    }

    fn begin(&mut self, kind: ScenarioKind) -> Result<(), PlantError> {
        if let Some(running) = &self.state.running {
            return Err(PlantError::Busy { running: running.kind.word() });
        }
        match kind {
            ScenarioKind::Overvoltage400kv => {}
            ScenarioKind::TransformerOverload => {
                let second = self.station.of_kind(EquipmentKind::PowerTransformer).nth(1).and_then(|e| e.parts.first()).map(|p| p.element);
                let Some(second) = second else { return Err(PlantError::Missing { what: "second power transformer".to_owned() }) };
                let differential = self
                    .relays
                    .iter()
                    .find(|r| matches!(r.function, RelayFunction::TransformerDifferential { transformer, .. } if transformer == second));
                for breaker in differential.map(|r| r.trips.clone()).unwrap_or_default() {
                    self.order_open(breaker, "switched off for the scenario");
                }
            }
            ScenarioKind::FrequencyDeviation => {
                let now = self.state.frequency.clone();
                self.state.frequency.lost_pu = now.loss_for_nadir(49.2);
            }
            ScenarioKind::CircuitBreakerFailure => {
                // The first feeder that a distance relay of this station guards: its breaker sticks, and a fault comes at its first bus.
                let found = self.relays.iter().find_map(|r| match (&r.function, r.trips.first()) {
                    (RelayFunction::Distance { at, .. }, Some(&b)) if self.bays.of_breaker(b).is_some() => Some((at.element, b)),
                    _ => None,
                });
                let Some((line, breaker)) = found else {
                    return Err(PlantError::Missing { what: "feeder with distance protection".to_owned() });
                };
                self.state.stuck.push(breaker);
                let far = self.state.network.common(line).terminals[1].bus;
                let bus = self.state.network.bus(far).name.clone();
                self.inject(&bus, FaultType::ThreePhase.word(), &[1, 2, 3], 0.1, None, false)?;
            }
        }
        self.state.running = Some(Running { kind, since_s: self.state.time_s });
        self.event(EventKind::ScenarioBegan, kind.word(), "by hand");
        Ok(())
    }

    fn tap_changer(&self, transformer: &str) -> Result<usize, PlantError> {
        let found = self.state.taps.iter().position(|t| self.state.network.full_name(t.transformer) == transformer.to_lowercase());
        found.ok_or_else(|| PlantError::Unknown { kind: "tap changer", name: transformer.to_owned() })
    }

    /// Moves a tap by one step unless it stands at its end.
    fn move_tap(&mut self, k: usize, up: bool, cause: &str) -> bool {
        let t = self.state.taps[k].clone();
        let w = &mut self.state.network.transformers[t.transformer.index()].windings[t.winding];
        let to = w.tap_pu + if up { 1.0 } else { -1.0 } * w.tap_step_pu();
        if to > w.tap_max_pu + 1e-9 || to < w.tap_min_pu - 1e-9 {
            return false;
        }
        w.tap_pu = to;
        self.state.taps[k].operations += 1;
        let name = self.state.network.full_name(t.transformer);
        self.event(EventKind::TapMoved, name, format!("{} to {to:.4} {cause}", if up { "up" } else { "down" }));
        true
    }

    /// How far the regulated voltage is from its target, V at the relay, and the half band.
    fn tap_error(&self, t: &TapChanger) -> Option<(f64, f64)> {
        let c = &self.state.network.regulator_controls[t.control];
        let bus = self.state.network.common(t.transformer).terminals[c.winding].bus;
        let v = self.solved.v(bus).map(|v| v.norm());
        let mean = (v[0] + v[1] + v[2]) / 3.0;
        // Without voltage a tap changer stands still.
        (mean > 0.7 * self.solved.base_v(bus)).then(|| (mean / c.pt_ratio - c.forward.v_target_v, c.forward.band_v / 2.0))
    }

    /// Tap changers wait for their delay outside the band, then move step by step.
    fn tap_changers_act(&mut self) -> bool {
        if !self.state.settled {
            return false;
        }
        let now = self.state.time_s;
        let mut moved = false;
        for k in 0..self.state.taps.len() {
            let t = self.state.taps[k].clone();
            let out = self.tap_error(&t).filter(|(e, half)| t.automatic && e.abs() > *half).map(|(e, _)| e < 0.0);
            let since = match (out, t.out_since_s) {
                (None, _) => None,
                (Some(low), Some((since, was))) if low == was => Some((since, low)),
                (Some(low), _) => Some((now, low)),
            };
            self.state.taps[k].out_since_s = since;
            let Some((since, low)) = since else { continue };
            let c = &self.state.network.regulator_controls[t.control];
            let (delay, tap_delay) = (c.delay_s, c.tap_delay_s);
            if now - since >= delay - 1e-9 && now >= t.busy_until_s - 1e-9 {
                self.state.taps[k].busy_until_s = now + tap_delay;
                moved |= self.move_tap(k, low, "by its control");
            }
        }
        moved
    }

    /// Taps as they stand after long: moved one step at a time until all are within their bands.
    fn settle_taps(&mut self) -> Result<(), PlantError> {
        self.move_taps("before the start")?;
        self.state.taps.iter_mut().for_each(|t| t.operations = 0);
        Ok(())
    }

    fn move_taps(&mut self, cause: &str) -> Result<(), PlantError> {
        for _ in 0..64 {
            let mut moved = false;
            for k in 0..self.state.taps.len() {
                let tap = self.state.taps[k].clone();
                if let Some((e, half)) = self.tap_error(&tap).filter(|_| tap.automatic)
                    && e.abs() > half
                {
                    moved |= self.move_tap(k, e < 0.0, cause);
                }
            }
            if !moved {
                break;
            }
            self.solve()?;
        }
        Ok(())
    }

    /// Load of a transformer over its rating.
    pub fn load_pu(&self, transformer: ElementId) -> f64 {
        let t = &self.state.network.transformers[transformer.index()];
        let s = (0..t.windings.len()).map(|w| points::terminal_power(&self.state.network, &self.solved, transformer, w).norm());
        s.fold(0.0, f64::max) / (t.windings[0].kva * 1e3)
    }

    fn transformers(&self) -> Vec<(String, ElementId, network::ThermalNameplate, String)> {
        let list = self
            .station
            .equipment
            .iter()
            .filter_map(|e| Some((e.id.clone(), e.parts.first()?.element, e.thermal?, e.commissioned.clone())));
        list.collect()
    }

    fn settle_temperatures(&mut self) {
        for (id, element, plate, commissioned) in self.transformers() {
            let mut thermal = Thermal::settled(&plate, self.load_pu(element), self.state.ambient_c);
            let hours = years_since(&commissioned, self.settings.start_s) * 8766.0;
            // It has lived so far as it does now: what is known of its past.
            thermal.loss_of_life_pct = thermal::ageing_acceleration(thermal.hot_spot_c()) * hours / thermal::NORMAL_LIFE_H * 100.0;
            let mut gases = Gases::default();
            gases.advance(thermal.top_oil_c(), thermal.hot_spot_c(), &Effects::NONE.gas_per_year, hours);
            self.state.thermal.insert(id.clone(), thermal);
            self.state.gases.insert(id, gases);
        }
    }

    /// What the defects of an asset or an instrument come to now.
    pub fn effects(&self, subject: &str) -> Effects {
        Effects::of(&self.state.defects, subject, self.state.time_s)
    }

    /// Temperatures, gas, leaks and energy of a step.
    fn age(&mut self, dt_s: f64) {
        let dt_h = dt_s / 3600.0;
        let ambient = self.state.ambient_c;
        for (id, element, mut plate, _) in self.transformers() {
            let load = if self.state.settled { self.load_pu(element) } else { 0.0 };
            let effects = self.effects(&id);
            plate.top_oil_rise_k *= effects.oil_rise_factor;
            if !effects.fans_work {
                (plate.fans_on_c, plate.fans_off_c) = (f64::INFINITY, f64::INFINITY);
            }
            let Some(thermal) = self.state.thermal.get_mut(&id) else { continue };
            let fans = thermal.fans;
            thermal.advance(&plate, load, ambient, dt_h);
            let (now, oil, hot) = (thermal.fans, thermal.top_oil_c(), thermal.hot_spot_c());
            if let Some(gases) = self.state.gases.get_mut(&id) {
                gases.advance(oil, hot, &effects.gas_per_year, dt_h);
            }
            if now != fans {
                self.event(EventKind::Fans, id, format!("{} at {oil:.1} C top oil", if now { "on" } else { "off" }));
            }
        }
        for e in self.station.of_kind(EquipmentKind::Breaker) {
            let Some(part) = e.parts.first() else { continue };
            let name = self.state.network.full_name(part.element);
            let more = Effects::of(&self.state.defects, &e.id, self.state.time_s).leak_more_pct_per_year;
            if let Some(wear) = self.state.wear.get_mut(&name) {
                wear.leak(e.rated("sf6_leak_pct_per_year") + more, dt_h);
            }
            if self.state.settled {
                let s = points::terminal_power(&self.state.network, &self.solved, part.element, 0) / 1e3 * dt_h;
                let sums = self.state.energy.entry(name).or_default();
                for (k, value) in [s.re, -s.re, s.im, -s.im].into_iter().enumerate() {
                    sums[k] += value.max(0.0);
                }
            }
        }
        self.state.fine_ticks += 1;
    }

    /// Number of the step, for the noise of instruments.
    pub(crate) fn tick(&self) -> u64 {
        self.state.fine_ticks
    }

    /// Positions of all switches by name.
    pub fn switches(&self) -> HashMap<String, bool> {
        let n = &self.state.network;
        let all = (0..n.lines.len()).map(|i| ElementId::new(ElementKind::Line, i)).filter(|id| n.lines[id.index()].is_switch);
        all.map(|id| (n.full_name(id), is_closed(n, id))).collect()
    }
}

/// Whom a load serves: above 100 kV the region, else by its size: shops below 10 MW.
fn customers(_name: &str, kv: f64, p_kw: f64) -> Customers {
    match (kv > 100.0, p_kw < 10_000.0) {
        (true, _) => Customers::Region,
        (false, true) => Customers::Shops,
        (false, false) => Customers::Industry,
    }
}

fn tap_changers(network: &Network) -> Vec<TapChanger> {
    let controls = network.regulator_controls.iter().enumerate().filter(|(_, c)| c.common.enabled);
    controls
        .filter_map(|(control, c)| {
            let (transformer, winding) = (c.transformer?, c.tap_winding);
            Some(TapChanger { transformer, winding, control, automatic: true, operations: 0, out_since_s: None, busy_until_s: 0.0 })
        })
        .collect()
}

/// Years from an ISO date to a time of the plant's clock; zero for a date that is none or lies ahead.
fn years_since(date: &str, time_s: f64) -> f64 {
    let parts: Vec<i64> = date.split('-').filter_map(|p| p.parse().ok()).collect();
    let [year, month, day] = parts[..] else { return 0.0 };
    let days = days_from_civil(year, month, day);
    ((time_s / 86_400.0 - days as f64) / 365.25).max(0.0)
}

/// A number with four digits, for people.
fn few(x: f64) -> String {
    if x.abs() >= 1000.0 {
        format!("{x:.0}")
    } else if x.abs() >= 10.0 {
        format!("{x:.1}")
    } else {
        format!("{x:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_counted_from_the_calendar() {
        assert_eq!(years_since("1970-01-01", 0.0), 0.0);
        assert!((years_since("2009-03-14", 1_772_352_000.0) - 16.9644).abs() < 2e-3, "{}", years_since("2009-03-14", 1_772_352_000.0));
        assert_eq!(years_since("soon", 1e9), 0.0);
    }
}
