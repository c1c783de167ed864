//! Protection: what each relay makes of the phasors, with its timers.
//!
//! **Differential, transformers (87T).** Currents of the bays from busbar to transformer, per unit of the rating at the winding's voltage. A wye winding
//! loses its zero sequence; beside a delta first winding it is turned back by 30 degrees (`(Ia - Ic)/sqrt 3` where it leads, `(Ia - Ib)/sqrt 3`
//! where it lags). Operating current `|I1 + I2|`, restraint `(|I1| + |I2|)/2`; it picks up above `pickup` and above the slope, the second
//! one beyond the knee; above `unrestrained` whatever the restraint.
//!
//! **Differential, busbars (87B).** Sum of the currents of all bays that are switched to the busbar, against the sum of their magnitudes.
//!
//! **Distance (21).** Six loops: `(Va - Vb)/(Ia - Ib)` and `Va/(Ia + 3 k0 I0)`; inside a mho circle of diameter `Zr` when
//! `|Z - Zr/2| <= |Zr|/2`. A loop counts above 100 A.
//!
//! **Overcurrent (50/51, 50N/51N)** by [`super::curves`]; earth stages see `3 I0`. **27/59** see the lowest and the highest line-to-line voltage;
//! a dead busbar (below 0.1 pu) is no undervoltage. **81** needs half the voltage. **50BF** starts with a trip order and the current above its pickup.
//!
//! Relays without a time of their own need [`RELAY_S`] to decide.

use super::curves;
use super::grid::{Solved, sequences};
use network::{BusId, Connection, CurrentStage, ElementId, LeadLag, Network, RelayFunction, StationRelay, Threshold};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// Shortest time of a decision, s.
pub const RELAY_S: f64 = 0.02;

/// Least current of a distance loop, A.
const DISTANCE_LEAST_A: f64 = 100.0;

/// One timer of a relay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timer {
    /// Phase, loop, zone or stage.
    pub name: String,
    pub picked_up: bool,
    pub tripped: bool,
    /// Trips at one.
    pub turned: f64,
    /// What it measured last, in the unit of its setting; `None` where no loop of a distance relay is inside.
    pub seen: Option<f64>,
}

/// The timers of a relay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RelayState {
    pub timers: Vec<Timer>,
}

impl RelayState {
    pub fn picked_up(&self) -> bool {
        self.timers.iter().any(|t| t.picked_up)
    }

    pub fn tripped(&self) -> bool {
        self.timers.iter().any(|t| t.tripped)
    }
}

/// What a relay did.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    PickedUp { timer: String, seen: f64 },
    DroppedOut { timer: String },
    Tripped { timer: String, seen: f64 },
}

/// What the plant tells relays besides phasors.
pub struct View<'a> {
    pub network: &'a Network,
    pub solved: &'a Solved,
    pub frequency_hz: f64,
    pub bays: &'a Bays,
    /// Breakers that have an order to open and when it came, s.
    pub ordered: &'a dyn Fn(ElementId) -> bool,
}

/// How a timer turns: at what share of its time a step of `dt` lasts.
enum Pace {
    /// Not picked up: back to zero.
    Rest,
    Definite(f64),
    Curve(network::InverseCurve, f64, f64),
}

/// Lets a relay see the plant for `dt_s`.
pub fn advance(relay: &StationRelay, state: &mut RelayState, view: &View<'_>, dt_s: f64) -> Vec<Act> {
    let seen = measure(relay, view);
    if state.timers.len() != seen.len() {
        state.timers = seen.iter().map(|s| Timer { name: s.0.clone(), ..Timer::default() }).collect();
    }
    let mut acts = Vec::new();
    for (timer, (_, value, pace)) in state.timers.iter_mut().zip(seen) {
        timer.seen = value.is_finite().then_some(value);
        let now = match &pace {
            Pace::Rest => false,
            Pace::Definite(_) => true,
            Pace::Curve(_, multiple, _) => *multiple > 1.0,
        };
        if now && !timer.picked_up {
            acts.push(Act::PickedUp { timer: timer.name.clone(), seen: value });
        } else if !now && timer.picked_up {
            acts.push(Act::DroppedOut { timer: timer.name.clone() });
        }
        timer.picked_up = now;
        timer.turned = match pace {
            Pace::Rest => 0.0,
            Pace::Definite(time_s) => timer.turned + dt_s / time_s.max(RELAY_S),
            Pace::Curve(curve, multiple, time) => curves::turn(curve, timer.turned, multiple, time, dt_s),
        };
        if !now {
            timer.tripped = false;
        } else if timer.turned >= 1.0 - 1e-9 && !timer.tripped {
            timer.tripped = true;
            acts.push(Act::Tripped { timer: timer.name.clone(), seen: value });
        }
    }
    acts
}

type Seen = (String, f64, Pace);

fn when(condition: bool, time_s: f64) -> Pace {
    if condition { Pace::Definite(time_s) } else { Pace::Rest }
}

const PHASES: [&str; 3] = ["A", "B", "C"];

fn measure(relay: &StationRelay, view: &View<'_>) -> Vec<Seen> {
    match &relay.function {
        RelayFunction::TransformerDifferential { transformer, pickup_pu, slope_1_pct, knee_pu, slope_2_pct, unrestrained_pu } => {
            let (operating, restraint) = transformer_differential(view.network, view.solved, *transformer, &relay.trips);
            (0..3)
                .map(|k| {
                    let (op, re) = (operating[k], restraint[k]);
                    let first = slope_1_pct / 100.0 * re.min(*knee_pu);
                    let limit = pickup_pu.max(first + slope_2_pct / 100.0 * (re - knee_pu).max(0.0));
                    (format!("87T {}", PHASES[k]), op, when(op > limit || op > *unrestrained_pu, 0.0))
                })
                .collect()
        }
        RelayFunction::BusbarDifferential { bus, pickup_a, slope_pct } => {
            let (operating, restraint) = view.bays.busbar_currents(view.network, view.solved, *bus);
            (0..3)
                .map(|k| {
                    let on = operating[k] > *pickup_a && operating[k] > slope_pct / 100.0 * restraint[k];
                    (format!("87B {}", PHASES[k]), operating[k], when(on, 0.0))
                })
                .collect()
        }
        RelayFunction::Distance { at, zones, k0_magnitude, k0_angle_deg } => {
            let terminal = at.terminal.unwrap_or(0);
            let bus = view.network.common(at.element).terminals[terminal].bus;
            let k0 = Complex64::from_polar(*k0_magnitude, k0_angle_deg.to_radians());
            let loops = loops(view.solved.v(bus), view.solved.i(at.element, terminal), k0);
            let mut seen = Vec::new();
            for (number, zone) in zones.iter().enumerate() {
                // The nearest loop inside tells for the zone.
                let reach = Complex64::from_polar(zone.reach_ohm, zone.angle_deg.to_radians());
                let inside = |z: Complex64| (z - reach / 2.0).norm() <= reach.norm() / 2.0 + 1e-9;
                let hit = loops.iter().filter(|(_, z)| z.is_some_and(inside)).filter_map(|(_, z)| *z);
                let nearest = hit.map(|z| z.norm()).fold(f64::INFINITY, f64::min);
                seen.push((format!("21 zone {}", number + 1), nearest, when(nearest.is_finite(), zone.time_s)));
            }
            seen
        }
        RelayFunction::Overcurrent { at, phase, earth } => {
            let i = view.solved.i(at.element, at.terminal.unwrap_or(0));
            let largest = i.iter().map(|i| i.norm()).fold(0.0, f64::max);
            let residual = 3.0 * sequences(i)[0].norm();
            let of = |word: &str, stages: &[CurrentStage], value: f64| -> Vec<Seen> {
                stages
                    .iter()
                    .enumerate()
                    .map(|(n, s)| {
                        let (code, pace) = match s.curve {
                            None => (50, when(value > s.pickup_a, s.time)),
                            Some(curve) => (51, Pace::Curve(curve, value / s.pickup_a, s.time)),
                        };
                        (format!("{code}{word} stage {}", n + 1), value, pace)
                    })
                    .collect()
            };
            let mut seen = of("", phase, largest);
            seen.extend(of("N", earth, residual));
            seen
        }
        RelayFunction::Voltage { bus, under, over } => {
            let v = view.solved.v(*bus);
            let base = view.solved.base_v(*bus) * 3.0_f64.sqrt();
            let line = [v[0] - v[1], v[1] - v[2], v[2] - v[0]].map(|v| v.norm() / base);
            let (low, high) = (line.iter().copied().fold(f64::INFINITY, f64::min), line.iter().copied().fold(0.0, f64::max));
            thresholds("27", under, low, |x, t| x < t && high > 0.1).chain(thresholds("59", over, high, |x, t| x > t)).collect()
        }
        RelayFunction::Frequency { bus, under, over } => {
            let alive = view.solved.v(*bus).iter().all(|v| v.norm() > 0.5 * view.solved.base_v(*bus));
            let f = view.frequency_hz;
            thresholds("81U", under, f, |x, t| alive && x < t).chain(thresholds("81O", over, f, |x, t| alive && x > t)).collect()
        }
        RelayFunction::BreakerFailure { breaker, pickup_a, time_s } => {
            let i = view.solved.i(*breaker, 0).iter().map(|i| i.norm()).fold(0.0, f64::max);
            vec![("50BF".to_owned(), i, when((view.ordered)(*breaker) && i > *pickup_a, *time_s))]
        }
    }
}

fn thresholds<'a>(
    word: &'a str,
    list: &'a [Threshold],
    value: f64,
    passed: impl Fn(f64, f64) -> bool + 'a,
) -> impl Iterator<Item = Seen> + 'a {
    list.iter().enumerate().map(move |(n, t)| (format!("{word} stage {}", n + 1), value, when(passed(value, t.value), t.time_s)))
}

/// Impedances of the six loops, ohm; `None` where the current is too small to say.
pub fn loops(v: [Complex64; 3], i: [Complex64; 3], k0: Complex64) -> [(&'static str, Option<Complex64>); 6] {
    let residual = i[0] + i[1] + i[2];
    let pair = |a: usize, b: usize| ((i[a] - i[b]).norm() > 2.0 * DISTANCE_LEAST_A).then(|| (v[a] - v[b]) / (i[a] - i[b]));
    let earth = |a: usize| {
        let with = i[a] + k0 * residual;
        (i[a].norm() > DISTANCE_LEAST_A && residual.norm() > 0.2 * DISTANCE_LEAST_A).then(|| v[a] / with)
    };
    [("AB", pair(0, 1)), ("BC", pair(1, 2)), ("CA", pair(2, 0)), ("AG", earth(0)), ("BG", earth(1)), ("CG", earth(2))]
}

/// Operating and restraint currents of a transformer's differential protection by phase, per unit of its rating.
///
/// `breakers` are those of the windings in their order; a current runs from the first terminal to the second into the transformer.
pub fn transformer_differential(
    network: &Network,
    solved: &Solved,
    transformer: ElementId,
    breakers: &[ElementId],
) -> ([f64; 3], [f64; 3]) {
    let t = &network.transformers[transformer.index()];
    let first = &t.windings[0];
    let mut sum = [Complex64::ZERO; 3];
    let mut restraint = [0.0; 3];
    for (w, &breaker) in t.windings.iter().zip(breakers) {
        let base_a = first.kva / (3.0_f64.sqrt() * w.kv);
        let i = solved.i(breaker, 0).map(|i| i / base_a);
        let zero = (i[0] + i[1] + i[2]) / 3.0;
        let root = 3.0_f64.sqrt();
        let compensated: [Complex64; 3] = match (first.connection, w.connection) {
            (Connection::Delta, Connection::Wye) if t.lead_lag == LeadLag::Lead => std::array::from_fn(|k| (i[k] - i[(k + 2) % 3]) / root),
            (Connection::Delta, Connection::Wye) => std::array::from_fn(|k| (i[k] - i[(k + 1) % 3]) / root),
            (_, Connection::Wye) => i.map(|i| i - zero),
            (_, Connection::Delta) => i,
        };
        for k in 0..3 {
            sum[k] += compensated[k];
            restraint[k] += compensated[k].norm() / 2.0;
        }
    }
    (sum.map(|s| s.norm()), restraint)
}

/// One breaker with the isolators that join it to busbars.
#[derive(Clone, Debug, PartialEq)]
pub struct Bay {
    pub breaker: ElementId,
    /// Bus isolators of each side of the breaker with their busbars. A breaker of a bay without isolators stands at the bus itself.
    pub to_busbars: Vec<(Option<ElementId>, BusId, usize)>,
    /// The isolator towards line or transformer.
    pub line_isolator: Option<ElementId>,
}

/// The bays of a station, found from the model: a busbar is a bus of the register, a bus isolator a switch between it and a breaker.
#[derive(Clone, Debug, PartialEq)]
pub struct Bays {
    pub bays: Vec<Bay>,
    pub busbars: Vec<BusId>,
}

impl Bays {
    /// Finds the bays of `breakers`; `isolators` are all switches that are none.
    pub fn new(network: &Network, busbars: Vec<BusId>, breakers: &[ElementId], isolators: &[ElementId]) -> Self {
        let end = |id: ElementId, t: usize| network.common(id).terminals[t].bus;
        let bays = breakers
            .iter()
            .map(|&breaker| {
                let mut bay = Bay { breaker, to_busbars: Vec::new(), line_isolator: None };
                for side in 0..2 {
                    let at = end(breaker, side);
                    if busbars.contains(&at) {
                        bay.to_busbars.push((None, at, side));
                    }
                    for &q in isolators {
                        for (near, far) in [(end(q, 0), end(q, 1)), (end(q, 1), end(q, 0))] {
                            if near == at && busbars.contains(&far) {
                                bay.to_busbars.push((Some(q), far, side));
                            } else if near == at {
                                bay.line_isolator = Some(q);
                            }
                        }
                    }
                }
                bay
            })
            .collect();
        Self { bays, busbars }
    }

    pub fn of_breaker(&self, breaker: ElementId) -> Option<&Bay> {
        self.bays.iter().find(|b| b.breaker == breaker)
    }

    pub fn of_isolator(&self, isolator: ElementId) -> Option<&Bay> {
        self.bays.iter().find(|b| b.line_isolator == Some(isolator) || b.to_busbars.iter().any(|(q, _, _)| *q == Some(isolator)))
    }

    /// Busbars that a bay is switched to, with the side of its breaker.
    pub fn switched_to<'a>(&'a self, network: &'a Network, bay: &'a Bay) -> impl Iterator<Item = (BusId, usize)> + 'a {
        bay.to_busbars.iter().filter(|(q, _, _)| q.is_none_or(|q| is_closed(network, q))).map(|&(_, bus, side)| (bus, side))
    }

    /// Breakers of the bays that are switched to the busbars of a breaker, without itself.
    pub fn neighbours(&self, network: &Network, breaker: ElementId) -> Vec<ElementId> {
        let Some(bay) = self.of_breaker(breaker) else { return Vec::new() };
        let on: Vec<BusId> = self.switched_to(network, bay).map(|(bus, _)| bus).collect();
        self.breakers_on(network, &on).into_iter().filter(|&b| b != breaker).collect()
    }

    /// Breakers of the bays that are switched to any of some busbars.
    pub fn breakers_on(&self, network: &Network, busbars: &[BusId]) -> Vec<ElementId> {
        let on = |bay: &&Bay| self.switched_to(network, bay).any(|(bus, _)| busbars.contains(&bus));
        self.bays.iter().filter(on).map(|b| b.breaker).collect()
    }

    /// Busbars that closed isolators join without a breaker between: a bay in transfer makes one zone of two.
    pub fn zone(&self, network: &Network, bus: BusId) -> Vec<BusId> {
        let mut zone = vec![bus];
        for bay in &self.bays {
            for side in 0..2 {
                let joined: Vec<BusId> = self.switched_to(network, bay).filter(|(_, s)| *s == side).map(|(b, _)| b).collect();
                if joined.len() > 1 && joined.iter().any(|b| zone.contains(b)) {
                    zone.extend(joined);
                }
            }
        }
        zone.sort_unstable();
        zone.dedup();
        zone
    }

    /// Magnitudes of the sum of currents that leave a busbar's zone, and sums of their magnitudes, A by phase.
    pub fn busbar_currents(&self, network: &Network, solved: &Solved, bus: BusId) -> ([f64; 3], [f64; 3]) {
        let zone = self.zone(network, bus);
        let (mut sum, mut restraint) = ([Complex64::ZERO; 3], [0.0; 3]);
        for bay in &self.bays {
            let mut sides: Vec<usize> = self.switched_to(network, bay).filter(|(b, _)| zone.contains(b)).map(|(_, s)| s).collect();
            sides.dedup();
            for side in sides {
                let i = solved.i(bay.breaker, side);
                for k in 0..3 {
                    sum[k] += i[k];
                    restraint[k] += i[k].norm();
                }
            }
        }
        (sum.map(|s| s.norm()), restraint)
    }
}

/// Whether a switch is closed on all conductors at both ends.
pub fn is_closed(network: &Network, switch: ElementId) -> bool {
    network.common(switch).terminals.iter().all(|t| t.all_closed())
}
