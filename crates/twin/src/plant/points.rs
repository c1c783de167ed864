//! Everything that can be measured in the plant: a list of points, their true values, and what instruments make of them.
//!
//! True values follow from the solved phasors, the temperatures, the wear and the relays; no point has a value of its own. Electrical points are
//! `NaN` while the network has no solution. A measured value is
//!
//! ```text
//! relative class c %    x (1 + c/2 % g) + c/6 % max(|x|, 5 % of the rated current) n
//! absolute deviation s  x + s/2 g + s n
//! ```
//!
//! with `g` drawn once for every instrument (its error of adjustment) and `n` for every step, both standard normal: most instruments stay within
//! their class. Statuses and counters are exact. Sign: power is positive from the busbar into the bay, or into the element at the terminal.

use super::condition::{self, GAS_NAMES, Gases};
use super::defects::DefectKind;
use super::grid::{Solved, sequences};
use super::relays::{is_closed, transformer_differential};
use super::{Plant, random, thermal};
use network::{BusId, ElementId, ElementKind, EquipmentKind, Network, RelayFunction};
use num_complex::Complex64;
use serde::Serialize;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PointKind {
    Measurement,
    /// 1 on or closed, 0 off or open.
    Status,
    Counter,
}

/// How well an instrument measures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Accuracy {
    Exact,
    /// Class, percent.
    Relative(f64),
    /// Standard deviation, in the point's unit.
    Absolute(f64),
}

/// Part of the station that a point tells about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    #[default]
    Station,
    Busbar,
    /// Flows and voltages at a breaker, and the breaker itself.
    Bay,
    Isolator,
    Transformer,
    /// Both ends of lines and feeders.
    Line,
    Instrument,
    Relay,
}

/// One point.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Unique: place, quantity, phase.
    pub name: String,
    pub group: Group,
    /// What the name says after its place: `V.AB`, `TOP_OIL`.
    pub quantity: String,
    pub unit: &'static str,
    pub kind: PointKind,
    /// Equipment of the register; empty for what belongs to none.
    pub equipment: String,
    /// Element or bus of the network.
    pub element: String,
    /// Terminal of the element, from 1; 0 for none.
    pub terminal: usize,
    pub low: f64,
    pub high: f64,
    pub accuracy: Accuracy,
    #[serde(skip)]
    source: Source,
}

/// Where a true value comes from.
#[derive(Clone, Debug, PartialEq)]
enum Source {
    Flow(ElementId, usize, Flow),
    Voltage(BusId, Voltage),
    Frequency,
    Rate,
    Ambient,
    Closed(ElementId),
    Breaker(ElementId, String, Breaker),
    IsolatorOperations(String),
    Energy(String, usize),
    Transformer(String, ElementId, Trafo),
    Differential(usize, usize, bool),
    Busbar(BusId, usize, bool),
    Relay(usize, usize, Timer),
    Instrument(BusId, usize, f64),
    Losses(bool),
    Supply(bool),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flow {
    I(usize),
    Angle(usize),
    Sequence(usize),
    Residual,
    Unbalance,
    P(Option<usize>),
    Q(Option<usize>),
    S(Option<usize>),
    PowerFactor(Option<usize>),
    Loading(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Voltage {
    Phase(usize),
    Line(usize),
    Angle(usize),
    Sequence(usize),
    Unbalance,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Breaker {
    Operations,
    Arcs(usize),
    ContactLeft(usize),
    Largest,
    Sf6At20,
    Sf6Gauge(f64),
    GasC(f64),
    Below(f64),
    Ordered,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trafo {
    TopOil,
    HotSpot,
    OilRise,
    Gradient,
    Ageing,
    LossOfLife,
    Load,
    Fans,
    Gas(usize),
    GasRate(usize),
    Combustible,
    Vibration,
    TapRatio(usize),
    TapPosition(usize),
    TapOperations,
    TapAutomatic,
    BushingMilliamp(usize, usize, f64),
    TanDelta,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Timer {
    PickedUp,
    Tripped,
    Seen,
    Turned,
}

const PHASES: [&str; 3] = ["A", "B", "C"];
const LINES: [&str; 3] = ["AB", "BC", "CA"];

/// Capacitance C1 of a bushing, F.
const BUSHING_C1_F: f64 = 500e-12;

/// Drift of the ratio of a capacitor voltage transformer, part a year: this plant's choice.
const CVT_DRIFT_PER_YEAR: f64 = 2e-4;

/// Three-phase power into an element at a terminal, VA.
pub fn terminal_power(network: &Network, solved: &Solved, element: ElementId, terminal: usize) -> Complex64 {
    phase_powers(network, solved, element, terminal).iter().sum()
}

fn phase_powers(network: &Network, solved: &Solved, element: ElementId, terminal: usize) -> [Complex64; 3] {
    let v = solved.v(network.common(element).terminals[terminal].bus);
    let i = solved.i(element, terminal);
    std::array::from_fn(|k| v[k] * i[k].conj())
}

/// The list of a plant's points.
pub fn list(plant: &Plant) -> Vec<Point> {
    let mut l = List { plant, points: Vec::new(), group: Group::Station };
    l.station();
    l.group = Group::Busbar;
    l.busbars();
    l.group = Group::Bay;
    l.bays();
    l.group = Group::Isolator;
    l.isolators();
    l.group = Group::Transformer;
    l.transformers();
    l.group = Group::Line;
    l.lines();
    l.group = Group::Instrument;
    l.instruments();
    l.group = Group::Relay;
    l.relays();
    l.points
}

struct List<'a> {
    plant: &'a Plant,
    points: Vec<Point>,
    group: Group,
}

/// What the points of one place share.
#[derive(Clone, Default)]
struct Place {
    name: String,
    equipment: String,
    element: String,
    terminal: usize,
}

impl List<'_> {
    fn add(&mut self, place: &Place, quantity: &str, unit: &'static str, (low, high): (f64, f64), accuracy: Accuracy, source: Source) {
        let kind = match (unit, accuracy) {
            ("", _) => PointKind::Status,
            ("1", Accuracy::Exact) => PointKind::Counter,
            _ => PointKind::Measurement,
        };
        self.points.push(Point {
            name: format!("{}.{quantity}", place.name),
            group: self.group,
            quantity: quantity.to_owned(),
            unit,
            kind,
            equipment: place.equipment.clone(),
            element: place.element.clone(),
            terminal: place.terminal,
            low,
            high,
            accuracy,
            source,
        });
    }

    fn status(&mut self, place: &Place, quantity: &str, source: Source) {
        self.add(place, quantity, "", (0.0, 1.0), Accuracy::Exact, source);
    }

    fn station(&mut self) {
        let place = Place { name: "STATION".into(), ..Place::default() };
        self.add(&place, "FREQUENCY", "Hz", (45.0, 55.0), Accuracy::Absolute(0.001), Source::Frequency);
        self.add(&place, "ROCOF", "Hz/s", (-5.0, 5.0), Accuracy::Absolute(0.01), Source::Rate);
        self.add(&place, "AMBIENT", "C", (-20.0, 60.0), Accuracy::Absolute(0.3), Source::Ambient);
        for (word, source) in [
            ("LOSSES_KW", Source::Losses(true)),
            ("LOSSES_KVAR", Source::Losses(false)),
            ("SUPPLY_KW", Source::Supply(true)),
            ("SUPPLY_KVAR", Source::Supply(false)),
        ] {
            let unit = if word.ends_with("KW") { "kW" } else { "kvar" };
            self.add(&place, word, unit, (-1e6, 1e6), Accuracy::Relative(0.5), source);
        }
    }

    fn voltages(&mut self, place: &Place, bus: BusId) {
        let base = self.plant.solved().base_v(bus) / 1e3;
        let class = Accuracy::Relative(0.5);
        for k in 0..3 {
            self.add(place, &format!("V.{}", PHASES[k]), "kV", (0.0, 1.5 * base), class, Source::Voltage(bus, Voltage::Phase(k)));
            let line = 3.0_f64.sqrt() * base;
            self.add(place, &format!("V.{}", LINES[k]), "kV", (0.0, 1.5 * line), class, Source::Voltage(bus, Voltage::Line(k)));
            self.add(
                place,
                &format!("V_ANGLE.{}", PHASES[k]),
                "deg",
                (-180.0, 180.0),
                Accuracy::Absolute(0.1),
                Source::Voltage(bus, Voltage::Angle(k)),
            );
            self.add(place, &format!("V{k}"), "kV", (0.0, 1.5 * base), class, Source::Voltage(bus, Voltage::Sequence(k)));
        }
        self.add(place, "V_UNBALANCE", "%", (0.0, 100.0), Accuracy::Absolute(0.05), Source::Voltage(bus, Voltage::Unbalance));
    }

    /// Currents and powers into an element at a terminal; `rated_a` scales the ranges.
    fn flows(&mut self, place: &Place, element: ElementId, terminal: usize, rated_a: f64, class_pct: f64) {
        let bus = self.plant.network().common(element).terminals[terminal].bus;
        let kva = self.plant.solved().base_v(bus) / 1e3 * rated_a;
        let class = Accuracy::Relative(class_pct);
        let flow = |f: Flow| Source::Flow(element, terminal, f);
        for k in 0..3 {
            self.add(place, &format!("I.{}", PHASES[k]), "A", (0.0, 20.0 * rated_a), class, flow(Flow::I(k)));
            self.add(place, &format!("I_ANGLE.{}", PHASES[k]), "deg", (-180.0, 180.0), Accuracy::Absolute(0.2), flow(Flow::Angle(k)));
            self.add(place, &format!("I{k}"), "A", (0.0, 20.0 * rated_a), class, flow(Flow::Sequence(k)));
        }
        self.add(place, "3I0", "A", (0.0, 20.0 * rated_a), class, flow(Flow::Residual));
        self.add(place, "I_UNBALANCE", "%", (0.0, 1000.0), Accuracy::Absolute(0.2), flow(Flow::Unbalance));
        for k in [Some(0), Some(1), Some(2), None] {
            let end = k.map_or(String::new(), |k| format!(".{}", PHASES[k]));
            let most = if k.is_some() { 1.5 * kva } else { 4.5 * kva };
            self.add(place, &format!("P{end}"), "kW", (-most, most), class, flow(Flow::P(k)));
            self.add(place, &format!("Q{end}"), "kvar", (-most, most), class, flow(Flow::Q(k)));
            self.add(place, &format!("S{end}"), "kVA", (0.0, most), class, flow(Flow::S(k)));
            self.add(place, &format!("PF{end}"), "pf", (-1.0, 1.0), Accuracy::Absolute(0.002), flow(Flow::PowerFactor(k)));
        }
        self.add(place, "LOADING", "%", (0.0, 2000.0), class, flow(Flow::Loading(rated_a)));
    }

    fn busbars(&mut self) {
        let busbars: Vec<(String, BusId)> =
            self.plant.station.of_kind(EquipmentKind::Busbar).filter_map(|e| Some((e.id.clone(), e.bus?))).collect();
        for (id, bus) in busbars {
            let element = self.plant.network().bus(bus).name.clone();
            let place = Place { name: id.clone(), equipment: id, element, terminal: 0 };
            self.voltages(&place, bus);
            self.add(&place, "FREQUENCY", "Hz", (45.0, 55.0), Accuracy::Absolute(0.001), Source::Frequency);
            for k in 0..3 {
                for (word, restraint) in [("I_DIFF", false), ("I_RESTRAINT", true)] {
                    self.add(
                        &place,
                        &format!("{word}.{}", PHASES[k]),
                        "A",
                        (0.0, 1e5),
                        Accuracy::Relative(1.0),
                        Source::Busbar(bus, k, restraint),
                    );
                }
            }
        }
    }

    fn bays(&mut self) {
        let plant = self.plant;
        for e in plant.station.of_kind(EquipmentKind::Breaker) {
            let Some(id) = e.parts.first().map(|p| p.element) else { continue };
            let name = plant.network().full_name(id);
            let place = Place { name: e.bay.clone(), equipment: e.id.clone(), element: name.clone(), terminal: 1 };
            self.flows(&place, id, 0, e.rated("normal_a"), 0.5);
            self.voltages(&place, plant.network().common(id).terminals[0].bus);
            for (k, word) in ["ENERGY_IN", "ENERGY_OUT", "REACTIVE_IN", "REACTIVE_OUT"].into_iter().enumerate() {
                let unit = if k < 2 { "kWh" } else { "kvarh" };
                self.add(&place, word, unit, (0.0, 1e12), Accuracy::Relative(0.2), Source::Energy(name.clone(), k));
            }
            let at = |b: Breaker| Source::Breaker(id, name.clone(), b);
            let cb = Place { name: e.id.clone(), ..place.clone() };
            self.status(&cb, "CLOSED", Source::Closed(id));
            self.status(&cb, "ORDERED_OPEN", at(Breaker::Ordered));
            self.status(&cb, "SF6_ALARM", at(Breaker::Below(e.rated("sf6_alarm_bar"))));
            self.status(&cb, "SF6_LOCKOUT", at(Breaker::Below(e.rated("sf6_lockout_bar"))));
            self.add(&cb, "OPERATIONS", "1", (0.0, 1e6), Accuracy::Exact, at(Breaker::Operations));
            self.add(&cb, "LARGEST_INTERRUPTED", "A", (0.0, 1e5), Accuracy::Relative(1.0), at(Breaker::Largest));
            let rated = e.rated("normal_a");
            self.add(&cb, "SF6_20C", "bar", (0.0, 12.0), Accuracy::Absolute(0.01), at(Breaker::Sf6At20));
            self.add(&cb, "SF6_GAUGE", "bar", (0.0, 12.0), Accuracy::Absolute(0.02), at(Breaker::Sf6Gauge(rated)));
            self.add(&cb, "GAS_TEMPERATURE", "C", (-30.0, 120.0), Accuracy::Absolute(0.5), at(Breaker::GasC(rated)));
            for k in 0..3 {
                self.add(&cb, &format!("I2T.{}", PHASES[k]), "kA2s", (0.0, 1e6), Accuracy::Relative(1.0), at(Breaker::Arcs(k)));
                self.add(
                    &cb,
                    &format!("CONTACT_LIFE.{}", PHASES[k]),
                    "%",
                    (-1000.0, 100.0),
                    Accuracy::Absolute(0.01),
                    at(Breaker::ContactLeft(k)),
                );
            }
        }
    }

    fn isolators(&mut self) {
        let plant = self.plant;
        for e in plant.station.of_kind(EquipmentKind::IsolatorSet) {
            for part in &e.parts {
                let name = plant.network().full_name(part.element);
                let short = name.strip_prefix("line.").unwrap_or(&name).to_uppercase();
                let place = Place { name: short, equipment: e.id.clone(), element: name.clone(), terminal: 0 };
                self.status(&place, "CLOSED", Source::Closed(part.element));
                self.add(&place, "OPERATIONS", "1", (0.0, 1e6), Accuracy::Exact, Source::IsolatorOperations(name));
            }
        }
    }

    fn transformers(&mut self) {
        let plant = self.plant;
        for (id, element, _, _) in plant.transformers() {
            let name = plant.network().full_name(element);
            let t = &plant.network().transformers[element.index()];
            for (w, winding) in t.windings.iter().enumerate() {
                let side = ["HV", "LV", "TV"].get(w).copied().unwrap_or("W");
                let place = Place { name: format!("{id}.{side}"), equipment: id.clone(), element: name.clone(), terminal: w + 1 };
                self.flows(&place, element, w, t.windings[w].kva / (3.0_f64.sqrt() * winding.kv), 0.5);
                self.voltages(&place, t.common.terminals[w].bus);
            }
            let place = Place { name: id.clone(), equipment: id.clone(), element: name, terminal: 0 };
            let at = |x: Trafo| Source::Transformer(id.clone(), element, x);
            for (word, unit, range, sigma, source) in [
                ("TOP_OIL", "C", (-20.0, 150.0), 0.5, Trafo::TopOil),
                ("HOT_SPOT", "C", (-20.0, 250.0), 1.0, Trafo::HotSpot),
                ("TOP_OIL_RISE", "K", (-50.0, 150.0), 0.5, Trafo::OilRise),
                ("HOT_SPOT_GRADIENT", "K", (-50.0, 150.0), 1.0, Trafo::Gradient),
                ("TAN_DELTA", "%", (0.0, 10.0), 0.005, Trafo::TanDelta),
            ] {
                self.add(&place, word, unit, range, Accuracy::Absolute(sigma), at(source));
            }
            for (word, unit, high, source) in [
                ("AGEING", "pu", 1e6, Trafo::Ageing),
                ("LOSS_OF_LIFE", "%", 1e6, Trafo::LossOfLife),
                ("LOAD", "pu", 20.0, Trafo::Load),
                ("COMBUSTIBLE_GAS", "ul/l", 1e6, Trafo::Combustible),
                ("VIBRATION_2F", "mm/s2", 1e3, Trafo::Vibration),
            ] {
                self.add(&place, word, unit, (0.0, high), Accuracy::Relative(1.0), at(source));
            }
            for (k, gas) in GAS_NAMES.iter().enumerate() {
                let gas = gas.to_uppercase();
                self.add(&place, &format!("GAS.{gas}"), "ul/l", (0.0, 1e6), Accuracy::Relative(5.0), at(Trafo::Gas(k)));
                self.add(&place, &format!("GAS_RATE.{gas}"), "ul/l/a", (0.0, 1e6), Accuracy::Relative(5.0), at(Trafo::GasRate(k)));
            }
            self.status(&place, "FANS", at(Trafo::Fans));
            if let Some(tap) = plant.state().taps.iter().position(|x| x.transformer == element) {
                let place = Place { terminal: plant.state().taps[tap].winding + 1, ..place.clone() };
                self.status(&place, "TAP_AUTOMATIC", at(Trafo::TapAutomatic));
                self.add(&place, "TAP_POSITION", "1", (-32.0, 32.0), Accuracy::Exact, at(Trafo::TapPosition(tap)));
                self.add(&place, "TAP_RATIO", "pu", (0.5, 1.5), Accuracy::Absolute(1e-4), at(Trafo::TapRatio(tap)));
                self.add(&place, "TAP_OPERATIONS", "1", (0.0, 1e7), Accuracy::Exact, at(Trafo::TapOperations));
            }
            let omega = std::f64::consts::TAU * plant.network().options.frequency_hz;
            for (w, side) in ["HV", "LV"].into_iter().enumerate() {
                for k in 0..3 {
                    let source = at(Trafo::BushingMilliamp(w, k, omega * BUSHING_C1_F * 1e3));
                    self.add(&place, &format!("BUSHING_{side}.{}", PHASES[k]), "mA", (0.0, 200.0), Accuracy::Relative(1.0), source);
                }
            }
            let differential = plant
                .relays
                .iter()
                .position(|r| matches!(r.function, RelayFunction::TransformerDifferential { transformer, .. } if transformer == element));
            if let Some(relay) = differential {
                for k in 0..3 {
                    for (word, restraint) in [("I_DIFF", false), ("I_RESTRAINT", true)] {
                        let source = Source::Differential(relay, k, restraint);
                        self.add(&place, &format!("{word}.{}", PHASES[k]), "pu", (0.0, 100.0), Accuracy::Relative(1.0), source);
                    }
                }
            }
        }
    }

    /// Both ends of lines and feeders: the far ones report by telecontrol of their own.
    fn lines(&mut self) {
        let plant = self.plant;
        for e in plant.station.equipment.iter().filter(|e| matches!(e.kind, EquipmentKind::Line | EquipmentKind::Feeder)) {
            let Some(line) = e.parts.iter().map(|p| p.element).find(|id| id.kind == ElementKind::Line) else { continue };
            let name = plant.network().full_name(line);
            for terminal in 0..2 {
                let place = Place {
                    name: format!("{}.END{}", e.id, terminal + 1),
                    equipment: e.id.clone(),
                    element: name.clone(),
                    terminal: terminal + 1,
                };
                self.flows(&place, line, terminal, e.rated("normal_a"), 0.5);
                self.voltages(&place, plant.network().common(line).terminals[terminal].bus);
            }
        }
    }

    fn instruments(&mut self) {
        let plant = self.plant;
        for e in plant.station.of_kind(EquipmentKind::VoltageTransformer) {
            let Some(bus) = e.bus else { continue };
            let years = super::years_since(&e.commissioned, plant.settings.start_s);
            let ratio = e.rated("secondary_v") / (e.rated("kv") * 1e3) * (1.0 + CVT_DRIFT_PER_YEAR * years);
            let place = Place { name: e.id.clone(), equipment: e.id.clone(), element: plant.network().bus(bus).name.clone(), terminal: 0 };
            for k in 0..3 {
                let range = (0.0, 1.5 * e.rated("secondary_v"));
                self.add(
                    &place,
                    &format!("SECONDARY.{}", PHASES[k]),
                    "V",
                    range,
                    Accuracy::Relative(0.2),
                    Source::Instrument(bus, k, ratio),
                );
            }
        }
    }

    fn relays(&mut self) {
        let plant = self.plant;
        for (k, relay) in plant.relays.iter().enumerate() {
            let place = Place { name: relay.id.clone(), ..Place::default() };
            for (n, (name, unit)) in timers(&relay.function).into_iter().enumerate() {
                let name = name.replace(' ', "_").to_uppercase();
                self.status(&place, &format!("{name}.PICKUP"), Source::Relay(k, n, Timer::PickedUp));
                self.status(&place, &format!("{name}.TRIP"), Source::Relay(k, n, Timer::Tripped));
                self.add(&place, &format!("{name}.SEEN"), unit, (0.0, 1e6), Accuracy::Relative(1.0), Source::Relay(k, n, Timer::Seen));
                self.add(&place, &format!("{name}.TIMER"), "pu", (0.0, 1e3), Accuracy::Absolute(0.0), Source::Relay(k, n, Timer::Turned));
            }
        }
    }
}

/// Names of a relay's timers, in the order of its evaluation, with the unit of what they see.
fn timers(function: &RelayFunction) -> Vec<(String, &'static str)> {
    let staged = |word: &str, n: usize, unit: &'static str| (0..n).map(|k| (format!("{word} {}", k + 1), unit)).collect::<Vec<_>>();
    match function {
        RelayFunction::TransformerDifferential { .. } => PHASES.map(|p| (format!("87T {p}"), "pu")).to_vec(),
        RelayFunction::BusbarDifferential { .. } => PHASES.map(|p| (format!("87B {p}"), "A")).to_vec(),
        RelayFunction::Distance { zones, .. } => staged("21 zone", zones.len(), "ohm"),
        RelayFunction::Overcurrent { phase, earth, .. } => {
            [staged("phase stage", phase.len(), "A"), staged("earth stage", earth.len(), "A")].concat()
        }
        RelayFunction::Voltage { under, over, .. } => {
            [staged("27 stage", under.len(), "pu"), staged("59 stage", over.len(), "pu")].concat()
        }
        RelayFunction::Frequency { under, over, .. } => {
            [staged("81U stage", under.len(), "Hz"), staged("81O stage", over.len(), "Hz")].concat()
        }
        RelayFunction::BreakerFailure { .. } => vec![("50BF".to_owned(), "A")],
    }
}

/// True values of all points.
pub fn values(plant: &Plant) -> Vec<f64> {
    plant.points().iter().map(|p| value(plant, &p.source)).collect()
}

/// Measured values of all points.
pub fn measured(plant: &Plant) -> Vec<f64> {
    let seed = plant.settings.seed;
    let drifts = plant.state().defects.iter().any(|d| d.kind == DefectKind::InstrumentDrift);
    plant
        .points()
        .iter()
        .zip(values(plant))
        .enumerate()
        .map(|(n, (p, x))| {
            let x = if drifts { x * plant.effects(&p.name).shown_factor } else { x };
            if !plant.settings.noise || x.is_nan() {
                return x;
            }
            let channel = 10_000 + n as u64;
            let (gain, now) = (random::normal(seed, channel, u64::MAX), random::normal(seed, channel, plant.tick()));
            match p.accuracy {
                Accuracy::Exact => x,
                Accuracy::Relative(c) => x * (1.0 + c / 200.0 * gain) + c / 600.0 * x.abs().max(0.05 * scale(p)) * now,
                Accuracy::Absolute(s) => x + s / 2.0 * gain + s * now,
            }
        })
        .collect()
}

/// What a class refers to near zero: the usual value of the range, without its room for faults.
fn scale(p: &Point) -> f64 {
    if p.unit == "A" { p.high.abs() / 20.0 } else { 0.0 }
}

fn value(plant: &Plant, source: &Source) -> f64 {
    let (state, solved, network) = (plant.state(), plant.solved(), plant.network());
    let electrical = |x: f64| if state.settled { x } else { f64::NAN };
    let flag = |on: bool| if on { 1.0 } else { 0.0 };
    match source {
        Source::Flow(element, terminal, what) => electrical(flow(network, solved, *element, *terminal, *what)),
        Source::Voltage(bus, what) => electrical(voltage(solved, *bus, *what)),
        Source::Frequency => state.frequency.hz(),
        Source::Rate => state.frequency.rate_hz_s(),
        Source::Ambient => state.ambient_c,
        Source::Closed(id) => flag(is_closed(network, *id)),
        Source::IsolatorOperations(name) => state.isolator_operations.get(name).copied().unwrap_or(0) as f64,
        Source::Energy(name, k) => state.energy.get(name).map_or(0.0, |e| e[*k]),
        Source::Breaker(id, name, what) => {
            let Some(wear) = state.wear.get(name) else { return f64::NAN };
            let gas_c = |rated: f64| {
                let i = solved.i(*id, 0).iter().map(|i| i.norm()).fold(0.0, f64::max);
                condition::gas_c(state.ambient_c, if state.settled { i / rated } else { 0.0 })
            };
            match *what {
                Breaker::Operations => wear.operations as f64,
                Breaker::Arcs(k) => wear.i2t_ka2s[k],
                Breaker::ContactLeft(k) => 100.0 * (1.0 - wear.contact_used[k]),
                Breaker::Largest => wear.largest_a,
                Breaker::Sf6At20 => wear.sf6_bar_20c,
                Breaker::Sf6Gauge(rated) => wear.sf6_gauge_bar(gas_c(rated)),
                Breaker::GasC(rated) => gas_c(rated),
                Breaker::Below(bar) => flag(wear.sf6_bar_20c < bar),
                Breaker::Ordered => flag(state.ordered_open.iter().any(|(b, _)| b == id)),
            }
        }
        Source::Transformer(id, element, what) => transformer(plant, id, *element, *what),
        Source::Differential(relay, phase, restraint) => {
            let r = &plant.relays[*relay];
            let RelayFunction::TransformerDifferential { transformer, .. } = r.function else { return f64::NAN };
            let (op, re) = transformer_differential(network, solved, transformer, &r.trips);
            electrical(if *restraint { re[*phase] } else { op[*phase] })
        }
        Source::Busbar(bus, phase, restraint) => {
            let (op, re) = plant.bays().busbar_currents(network, solved, *bus);
            electrical(if *restraint { re[*phase] } else { op[*phase] })
        }
        Source::Relay(relay, timer, what) => {
            // Before a relay has looked for the first time it has seen nothing, which is not zero.
            let Some(t) = state.relays[*relay].timers.get(*timer) else { return if matches!(what, Timer::Seen) { f64::NAN } else { 0.0 } };
            match what {
                Timer::PickedUp => flag(t.picked_up),
                Timer::Tripped => flag(t.tripped),
                // No loop inside a zone, no impedance; and without a solution relays do not look.
                Timer::Seen => electrical(t.seen.unwrap_or(f64::NAN)),
                Timer::Turned => t.turned,
            }
        }
        Source::Instrument(bus, phase, ratio) => electrical(solved.v(*bus)[*phase].norm() * ratio),
        Source::Losses(active) => electrical(part(solved.losses_and_supply_kva().0, *active)),
        Source::Supply(active) => electrical(part(solved.losses_and_supply_kva().1, *active)),
    }
}

fn part(s: Complex64, active: bool) -> f64 {
    if active { s.re } else { s.im }
}

fn flow(network: &Network, solved: &Solved, element: ElementId, terminal: usize, what: Flow) -> f64 {
    let i = solved.i(element, terminal);
    let s = |k: Option<usize>| {
        let all = phase_powers(network, solved, element, terminal);
        k.map_or_else(|| all.iter().sum::<Complex64>(), |k| all[k]) / 1e3
    };
    match what {
        Flow::I(k) => i[k].norm(),
        Flow::Angle(k) => i[k].arg().to_degrees(),
        Flow::Sequence(k) => sequences(i)[k].norm(),
        Flow::Residual => 3.0 * sequences(i)[0].norm(),
        Flow::Unbalance => ratio_pct(sequences(i)),
        Flow::P(k) => s(k).re,
        Flow::Q(k) => s(k).im,
        Flow::S(k) => s(k).norm(),
        Flow::PowerFactor(k) => {
            let s = s(k);
            // Without power there is no factor; one watt decides.
            if s.norm() < 1e-3 { 1.0 } else { s.re / s.norm() }
        }
        Flow::Loading(rated) => 100.0 * i.iter().map(|i| i.norm()).fold(0.0, f64::max) / rated,
    }
}

/// Negative over positive sequence, percent; 0 where there is next to nothing.
fn ratio_pct(s: [Complex64; 3]) -> f64 {
    if s[1].norm() < 1e-3 { 0.0 } else { 100.0 * s[2].norm() / s[1].norm() }
}

fn voltage(solved: &Solved, bus: BusId, what: Voltage) -> f64 {
    let v = solved.v(bus);
    match what {
        Voltage::Phase(k) => v[k].norm() / 1e3,
        Voltage::Line(k) => (v[k] - v[(k + 1) % 3]).norm() / 1e3,
        Voltage::Angle(k) => v[k].arg().to_degrees(),
        Voltage::Sequence(k) => sequences(v)[k].norm() / 1e3,
        Voltage::Unbalance => ratio_pct(sequences(v)),
    }
}

fn transformer(plant: &Plant, id: &str, element: ElementId, what: Trafo) -> f64 {
    let state = plant.state();
    let (Some(t), Some(gases)) = (state.thermal.get(id), state.gases.get(id)) else { return f64::NAN };
    let electrical = |x: f64| if state.settled { x } else { f64::NAN };
    let flag = |on: bool| if on { 1.0 } else { 0.0 };
    let network = plant.network();
    match what {
        Trafo::TopOil => t.top_oil_c(),
        Trafo::HotSpot => t.hot_spot_c(),
        Trafo::OilRise => t.top_oil_rise_k,
        Trafo::Gradient => t.hot_spot_over_oil_k,
        Trafo::Ageing => thermal::ageing_acceleration(t.hot_spot_c()),
        Trafo::LossOfLife => t.loss_of_life_pct,
        Trafo::Load => electrical(plant.load_pu(element)),
        Trafo::Fans => flag(t.fans),
        Trafo::Gas(k) => gases.0[k],
        Trafo::GasRate(k) => Gases::rates(t.top_oil_c(), t.hot_spot_c())[k] + plant.effects(id).gas_per_year[k],
        Trafo::Combustible => gases.combustible(),
        Trafo::Vibration => {
            let bus = network.common(element).terminals[0].bus;
            let v = plant.solved().v(bus)[0].norm() / plant.solved().base_v(bus);
            electrical(condition::vibration_mm_s2(plant.load_pu(element), v, t.top_oil_c(), plant.effects(id).winding_vibration_factor))
        }
        Trafo::TapRatio(k) => {
            let tap = &state.taps[k];
            network.transformers[element.index()].windings[tap.winding].tap_pu
        }
        Trafo::TapPosition(k) => {
            let w = &network.transformers[element.index()].windings[state.taps[k].winding];
            ((w.tap_pu - (w.tap_max_pu + w.tap_min_pu) / 2.0) / w.tap_step_pu()).round()
        }
        Trafo::TapOperations => state.taps.iter().find(|x| x.transformer == element).map_or(0.0, |x| x.operations as f64),
        Trafo::TapAutomatic => flag(state.taps.iter().any(|x| x.transformer == element && x.automatic)),
        Trafo::BushingMilliamp(w, k, ma_per_v) => {
            let bus = network.common(element).terminals[w].bus;
            electrical(ma_per_v * plant.solved().v(bus)[k].norm())
        }
        Trafo::TanDelta => condition::bushing_tan_delta_pct(t.ambient_c) + plant.effects(id).tan_delta_more_pct,
    }
}
