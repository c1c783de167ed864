//! Reactive limits, remote regulation, ratios, phase shifts, banks and converter taps, around the iteration.
//!
//! Every round solves the power flow and then looks at what regulates. A machine that holds its own bus's voltage is a held magnitude until its reactive
//! power leaves its limits; then it gives the limit, until the voltage passes the set point on the side that lets it hold again. Machines that hold
//! another bus's voltage give reactive power in proportion to their shares; the iteration itself finds how much (see `iterate`). All other regulation is one number `u` each (a
//! ratio, a shift, a susceptance) with one quantity `g` to be brought to a value or into a band. At the solution `F(x, u) = 0`
//!
//! ```text
//! dg/du = ∂g/∂u - ∂g/∂x (∂F/∂x)⁻¹ ∂F/∂u
//! ```
//!
//! costs one solution with the factor of the Jacobian for each `u`; the small system of all `dg/du` gives the moves of all that regulate together. Moves
//! in steps are rounded to whole ones. What goes to and fro is stopped where it is and told.

use super::dc;
use super::grid::{DeviceState, Grid, Law, NodeIndex, NodeType, Unit};
use super::iterate::{Border, Effort, Point, Stop};
use super::results::{ControlMove, QState};
use super::small::solve_dense;
use super::solve::{Case, holder_id};
use super::transformer::{WindingBus, control_unit, shifts_phase};
use crate::certificate::LimitHit;
use network::{ElementId, ElementKind, Network, WindingControlMode};
use std::collections::HashMap;

/// Reactive power beyond a limit that counts, per unit.
const LIMIT_TOLERANCE: f64 = 1e-6;
/// Reactive power from a limit that counts as at it where stored values are rounded, per unit.
const NEAR_LIMIT: f64 = 1e-2;
/// Voltage off a set point that counts, per unit.
const VOLTAGE_TOLERANCE: f64 = 1e-6;
/// Times that a machine may go back from a limit, and reversals of a control in steps.
const RETURNS: u32 = 3;
const REVERSALS: u32 = 2;
/// Controls that move in one round.
const MOVES_AT_ONCE: usize = 300;
/// Steps that one control moves in one round.
const STEPS_AT_ONCE: f64 = 8.0;
/// Positions of a bank that are told apart.
const MOST_LEVELS: usize = 10_000;

#[derive(Clone, Copy, Debug)]
pub(super) struct Rounds {
    pub tolerance: f64,
    pub max_iterations: u32,
    pub max_rounds: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HoldState {
    /// The magnitude of its own bus is held.
    Local,
    /// It gives its share of what holds another bus.
    Shared,
    AtMaximum,
    AtMinimum,
}

/// The units at a node that hold a voltage.
#[derive(Clone, Debug)]
struct Hold {
    node: usize,
    element: ElementId,
    q_min: f64,
    q_max: f64,
    share: f64,
    group: usize,
    state: HoldState,
    returns: u32,
    hunting: bool,
}

/// All that holds the voltage of one node.
#[derive(Clone, Debug)]
struct Group {
    target: usize,
    v_set: f64,
    members: Vec<usize>,
    /// Something other than the node's own units alone.
    remote: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Actuator {
    Ratio { port: usize },
    Angle { port: usize },
    Bank { bank: usize },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    Voltage {
        node: usize,
    },
    /// Power into the first end of a port.
    Flow {
        port: usize,
        reactive: bool,
    },
}

#[derive(Clone, Debug)]
enum Positions {
    Continuous,
    Step(f64),
    /// Ascending.
    Levels(Vec<f64>),
}

/// A ratio, a shift or a bank.
#[derive(Clone, Debug)]
struct Scalar {
    element: ElementId,
    actuator: Actuator,
    target: Target,
    low: f64,
    high: f64,
    value: f64,
    before: f64,
    min: f64,
    max: f64,
    positions: Positions,
    reversals: u32,
    last_sign: f64,
    hunting: bool,
    /// Sign of the deviation that it can do nothing more about.
    exhausted: f64,
}

/// Everything that regulates.
#[derive(Clone, Debug)]
pub(super) struct Regulation {
    holds: Vec<Hold>,
    hold_of_node: HashMap<NodeIndex, usize>,
    groups: Vec<Group>,
    swing: Vec<(usize, f64)>,
    scalars: Vec<Scalar>,
    converter_moves: Vec<(usize, usize, f64, u32)>,
}

impl Regulation {
    pub fn new(network: &Network, grid: &Grid) -> Self {
        let mut r = Self {
            holds: Vec::new(),
            hold_of_node: HashMap::new(),
            groups: Vec::new(),
            swing: Vec::new(),
            scalars: Vec::new(),
            converter_moves: Vec::new(),
        };
        let mut group_of: HashMap<usize, usize> = HashMap::new();
        let mut units_of: Vec<(NodeIndex, Vec<Unit>)> = Vec::new();
        let mut place: HashMap<NodeIndex, usize> = HashMap::new();
        for u in grid.units.iter().filter(|u| u.holds) {
            let k = *place.entry(u.node).or_insert_with(|| {
                units_of.push((u.node, Vec::new()));
                units_of.len() - 1
            });
            units_of[k].1.push(*u);
        }
        for (node, units) in units_of {
            let first = units[0];
            let i = node as usize;
            match grid.node_type[i] {
                NodeType::Dead | NodeType::Load => continue,
                NodeType::Swing => {
                    // A swing bus holds its own voltage: its set point, or the stored one where the point is meant for another bus.
                    r.swing.push((i, if first.regulated == node { first.v_set } else { grid.v_stored[i].0 }));
                    continue;
                }
                NodeType::Generator => {}
            }
            let mut target = first.regulated as usize;
            let mut v_set = first.v_set;
            if target != i && matches!(grid.node_type[target], NodeType::Swing | NodeType::Dead) {
                // Another bus holds that voltage already.
                (target, v_set) = (i, grid.v_stored[i].0);
            }
            let group = *group_of.entry(target).or_insert_with(|| {
                r.groups.push(Group { target, v_set, members: Vec::new(), remote: false });
                r.groups.len() - 1
            });
            let (q_min, q_max) = units.iter().fold((0.0, 0.0), |(a, b), u| (a + u.q_min, b + u.q_max));
            r.hold_of_node.insert(node, r.holds.len());
            r.groups[group].members.push(r.holds.len());
            r.groups[group].remote |= target != i || r.groups[group].members.len() > 1;
            let state = if q_max - q_min < LIMIT_TOLERANCE { HoldState::AtMaximum } else { HoldState::Local };
            let share = units.iter().map(|u| u.share).sum();
            r.holds.push(Hold { node: i, element: holder_id(first.holder), q_min, q_max, share, group, state, returns: 0, hunting: false });
        }
        r.add_windings(network, grid);
        r.add_banks(network, grid);
        for (k, d) in grid.devices.iter().enumerate() {
            if let Law::TwoTerminal { taps, .. } = d.law {
                r.converter_moves.extend([(k, 0, taps[0], 0), (k, 1, taps[1], 0)]);
            }
        }
        r
    }

    fn add_windings(&mut self, network: &Network, grid: &Grid) {
        for (port, p) in grid.ports.iter().enumerate() {
            let (ElementKind::PowerTransformer, Some(leg), Some(w)) = (p.element.kind, &p.leg, p.terminals[0]) else { continue };
            let t = &network.power_transformers[p.element.index()];
            let Some(winding) = t.windings.get(usize::from(w)) else { continue };
            let c = &winding.control;
            let usable = c.band_min.is_finite() && c.band_max.is_finite() && c.band_max >= c.band_min && c.max > c.min;
            if c.locked || !usable || grid.node_type[p.nodes[0] as usize] == NodeType::Dead {
                continue;
            }
            let target = match c.mode {
                WindingControlMode::Voltage => {
                    // A control that names no bus does not act.
                    let Some(node) = c.bus.map(|b| grid.node_of_bus[b.index()]).filter(|&n| (n as usize) < grid.n()) else { continue };
                    Target::Voltage { node: node as usize }
                }
                WindingControlMode::ReactiveFlow => Target::Flow { port, reactive: true },
                WindingControlMode::ActiveFlow => Target::Flow { port, reactive: false },
                WindingControlMode::Fixed | WindingControlMode::DcLine | WindingControlMode::AsymmetricActiveFlow => continue,
            };
            let angle = shifts_phase(c.mode);
            let terminal_bus = &network.buses[t.common.terminals[usize::from(w)].bus.index()];
            let bus = WindingBus { name: String::new(), kv: terminal_bus.transmission.as_ref().map_or(0.0, |b| b.kv_base_ll) };
            let unit = if angle { 1f64.to_radians() } else { control_unit(t, winding, &bus) };
            let scale = if matches!(target, Target::Flow { .. }) { 1.0 / grid.s_base } else { 1.0 };
            let (min, max) = (c.min * unit, c.max * unit);
            let positions = if angle || c.n_positions < 2 {
                Positions::Continuous
            } else {
                Positions::Step((max - min) / f64::from(c.n_positions - 1))
            };
            let value = if angle { leg.angle_rad } else { leg.ratio };
            self.scalars.push(Scalar {
                element: p.element,
                actuator: if angle { Actuator::Angle { port } } else { Actuator::Ratio { port } },
                target,
                low: c.band_min * scale,
                high: c.band_max * scale,
                value,
                before: value,
                min: min.min(value),
                max: max.max(value),
                positions,
                reversals: 0,
                last_sign: 0.0,
                hunting: false,
                exhausted: 0.0,
            });
        }
    }

    fn add_banks(&mut self, network: &Network, grid: &Grid) {
        for (bank, b) in grid.banks.iter().enumerate() {
            let Some(continuous) = Grid::bank_moves(network, b) else { continue };
            let s = &network.switched_shunts[b.index];
            let node =
                s.regulated_bus.map(|id| grid.node_of_bus[id.index()]).filter(|&n| (n as usize) < grid.n()).unwrap_or(b.node) as usize;
            if !(s.v_high_pu >= s.v_low_pu && s.v_low_pu > 0.0) || grid.node_type[b.node as usize] == NodeType::Dead {
                continue;
            }
            let blocks: Vec<(u32, f64)> = s
                .blocks
                .iter()
                .filter(|x| x.in_service && x.n_steps > 0 && x.b_mvar.is_finite() && x.b_mvar != 0.0)
                .map(|x| (x.n_steps, x.b_mvar / grid.s_base))
                .collect();
            let mut levels = bank_levels(&blocks, s.adjustment == 1);
            let (Some(&min), Some(&max)) = (levels.first(), levels.last()) else { continue };
            if max - min <= 0.0 {
                continue;
            }
            if !levels.iter().any(|l| (l - b.b).abs() < 1e-9) {
                levels.push(b.b);
                levels.sort_by(f64::total_cmp);
            }
            self.scalars.push(Scalar {
                element: ElementId::new(ElementKind::SwitchedShunt, b.index),
                actuator: Actuator::Bank { bank },
                target: Target::Voltage { node },
                low: s.v_low_pu,
                high: s.v_high_pu,
                value: b.b,
                before: b.b,
                min: min.min(b.b),
                max: max.max(b.b),
                positions: if continuous { Positions::Continuous } else { Positions::Levels(levels) },
                reversals: 0,
                last_sign: 0.0,
                hunting: false,
                exhausted: 0.0,
            });
        }
    }

    /// Magnitudes that are held at the start.
    pub fn start(&self, point: &mut super::iterate::Point, flat: bool) {
        for &(node, v) in &self.swing {
            point.v[node] = v;
        }
        for h in &self.holds {
            let g = &self.groups[h.group];
            if !g.remote || flat {
                point.v[h.node] = g.v_set;
            }
        }
    }

    pub fn state_of(&self, node: NodeIndex) -> QState {
        match self.hold_of_node.get(&node).map(|&h| self.holds[h].state) {
            Some(HoldState::AtMaximum) => QState::AtMaximum,
            Some(HoldState::AtMinimum) => QState::AtMinimum,
            _ => QState::Holding,
        }
    }

    pub fn hunting(&self, network: &Network) -> Vec<String> {
        let scalars = self.scalars.iter().filter(|s| s.hunting).map(|s| s.element);
        scalars.chain(self.holds.iter().filter(|h| h.hunting).map(|h| h.element)).map(|id| network.full_name(id)).collect()
    }

    pub fn limits(&self, network: &Network) -> Vec<LimitHit> {
        let what = |s: &Scalar| match s.actuator {
            Actuator::Ratio { .. } => "last position of its taps",
            Actuator::Angle { .. } => "end of its phase shift",
            Actuator::Bank { .. } => "last block of its bank",
        };
        self.scalars
            .iter()
            .filter(|s| s.exhausted != 0.0)
            .map(|s| LimitHit { element: network.full_name(s.element), limit: what(s).to_owned() })
            .collect()
    }

    pub fn moves(&self, network: &Network, grid: &Grid) -> Vec<ControlMove> {
        let mut moves: Vec<ControlMove> = self
            .scalars
            .iter()
            .filter(|s| (s.value - s.before).abs() > 1e-12)
            .map(|s| {
                let (quantity, unit) = match s.actuator {
                    Actuator::Ratio { .. } => ("ratio", 1.0),
                    Actuator::Angle { .. } => ("angle_deg", 1f64.to_degrees()),
                    Actuator::Bank { .. } => ("b_mvar", grid.s_base),
                };
                ControlMove { element: network.full_name(s.element), quantity, before: s.before * unit, after: s.value * unit }
            })
            .collect();
        for &(device, k, before, _) in &self.converter_moves {
            if let Law::TwoTerminal { taps, .. } = grid.devices[device].law
                && taps[k] != before
            {
                let element = network.full_name(grid.devices[device].element);
                moves.push(ControlMove { element, quantity: "converter_tap", before, after: taps[k] });
            }
        }
        moves
    }
}

/// Susceptances that a bank can have, ascending. Blocks are switched in their order, capacitors and reactors apart, or in any combination.
fn bank_levels(blocks: &[(u32, f64)], any: bool) -> Vec<f64> {
    let mut levels = vec![0.0];
    if any {
        for &(n, b) in blocks {
            let base = levels.clone();
            for k in 1..=n {
                if levels.len() + base.len() > MOST_LEVELS {
                    break;
                }
                levels.extend(base.iter().map(|l| l + f64::from(k) * b));
            }
        }
    } else {
        for positive in [true, false] {
            let mut sum = 0.0;
            for &(n, b) in blocks.iter().filter(|x| (x.1 > 0.0) == positive) {
                for _ in 0..n {
                    sum += b;
                    if levels.len() < MOST_LEVELS {
                        levels.push(sum);
                    }
                }
            }
        }
    }
    levels.sort_by(f64::total_cmp);
    levels.dedup_by(|a, b| (*a - *b).abs() < 1e-12);
    levels
}

/// What one round moves together, and the quantity it is to bring to where.
struct Move {
    /// Controls alike of one target: they move by the same amount.
    scalars: Vec<usize>,
    target: Target,
    wish: f64,
}

/// Solves, lets everything regulate, and solves again until nothing moves. Gives the rounds taken.
pub(super) fn settle(
    case: &mut Case<'_>,
    r: &mut Regulation,
    rounds: Rounds,
    effort: &mut Effort,
) -> (u32, Result<(), (Stop, Vec<String>)>) {
    for h in &r.holds {
        if h.state == HoldState::AtMaximum {
            give(case, h.node, h.q_max);
        }
    }
    let mut moving = Vec::new();
    for round in 0..=rounds.max_rounds {
        let begin = (round == 0).then(|| case.point.clone());
        let mut done = case.newton.solve(case.network, &case.grid, &mut case.point, rounds.tolerance, rounds.max_iterations, effort);
        if let (Err(_), Some(begin)) = (&done, begin) {
            done = begin_again(case, r, rounds, begin, effort);
        }
        if let Err(stop) = done {
            return (round, Err((stop, Vec::new())));
        }
        match act(case, r, round == 0) {
            Ok(names) if names.is_empty() => return (round, Ok(())),
            Ok(names) => moving = names,
            Err(stop) => return (round, Err((stop, Vec::new()))),
        }
    }
    (rounds.max_rounds, Err((Stop::IterationLimit, moving)))
}

/// A first solution where set points are far from what machines can hold: first with the stored magnitudes, then from there with the set points; where
/// that fails, with those at their limits that lie beyond them at the stored magnitudes.
fn begin_again(case: &mut Case<'_>, r: &mut Regulation, rounds: Rounds, begin: Point, effort: &mut Effort) -> Result<(), Stop> {
    let solve = |case: &mut Case<'_>, effort: &mut Effort| {
        case.newton.solve(case.network, &case.grid, &mut case.point, rounds.tolerance, rounds.max_iterations, effort)
    };
    case.point = begin;
    let local: Vec<usize> = (0..r.holds.len()).filter(|&k| r.holds[k].state == HoldState::Local).collect();
    for &k in &local {
        hold_voltage(case, r.holds[k].node, case.grid.v_stored[r.holds[k].node].0);
    }
    solve(case, effort)?;
    let stored = case.point.clone();
    let q: Vec<f64> = local.iter().map(|&k| case.newton.mismatch[r.holds[k].node].im).collect();
    let v_set = |r: &Regulation, k: usize| (!r.groups[r.holds[k].group].remote).then(|| r.groups[r.holds[k].group].v_set);
    for &k in &local {
        if let Some(v) = v_set(r, k) {
            hold_voltage(case, r.holds[k].node, v);
        }
    }
    if solve(case, effort).is_ok() {
        return Ok(());
    }
    case.point = stored;
    for (&k, &q) in local.iter().zip(&q) {
        let Some(v) = v_set(r, k) else { continue };
        let h = &mut r.holds[k];
        let at = case.point.v[h.node];
        if q >= h.q_max - NEAR_LIMIT && v > at {
            h.state = HoldState::AtMaximum;
            give(case, h.node, h.q_max);
        } else if q <= h.q_min + NEAR_LIMIT && v < at {
            h.state = HoldState::AtMinimum;
            give(case, h.node, h.q_min);
        } else {
            hold_voltage(case, h.node, v);
        }
    }
    solve(case, effort)
}

/// The node gives a reactive power instead of holding its voltage.
fn give(case: &mut Case<'_>, node: usize, q: f64) {
    case.newton.asked[node][1] = 1.0;
    case.newton.spec[node].im = case.base[node].im + q;
}

fn hold_voltage(case: &mut Case<'_>, node: usize, v: f64) {
    case.newton.asked[node][1] = 0.0;
    case.newton.spec[node].im = case.base[node].im;
    case.point.v[node] = v;
    case.point.phasor[node] = num_complex::Complex64::from_polar(v, case.point.angle[node]);
}

/// One round: names of what moved, none when all is at rest.
fn act(case: &mut Case<'_>, r: &mut Regulation, first: bool) -> Result<Vec<String>, Stop> {
    let mut moved: Vec<ElementId> = Vec::new();
    let q_of = |case: &Case<'_>, node: usize| case.newton.mismatch[node].im + case.newton.spec[node].im - case.base[node].im;

    // What each group's members that share give, by share.
    let loads: Vec<Option<f64>> = r
        .groups
        .iter()
        .map(|g| {
            let sharing: Vec<&Hold> = g.members.iter().map(|&m| &r.holds[m]).filter(|h| h.state == HoldState::Shared).collect();
            let sum: f64 = sharing.iter().map(|h| h.share).sum();
            (!sharing.is_empty()).then(|| sharing.iter().map(|h| q_of(case, h.node)).sum::<f64>() / sum)
        })
        .collect();

    // Machines at their limits.
    for k in 0..r.holds.len() {
        let h = &r.holds[k];
        let (node, state, group) = (h.node, h.state, &r.groups[h.group]);
        let q = q_of(case, node);
        let fixed = h.q_max - h.q_min < LIMIT_TOLERANCE;
        let new = match state {
            HoldState::Local if group.remote => {
                // After the first solution it takes part in holding the other bus.
                if q > h.q_max {
                    HoldState::AtMaximum
                } else if q < h.q_min {
                    HoldState::AtMinimum
                } else {
                    HoldState::Shared
                }
            }
            HoldState::Local if q > h.q_max + LIMIT_TOLERANCE => HoldState::AtMaximum,
            HoldState::Local if q < h.q_min - LIMIT_TOLERANCE => HoldState::AtMinimum,
            HoldState::Shared if q > h.q_max + LIMIT_TOLERANCE => HoldState::AtMaximum,
            HoldState::Shared if q < h.q_min - LIMIT_TOLERANCE => HoldState::AtMinimum,
            HoldState::AtMaximum | HoldState::AtMinimum if !fixed && !first => {
                let upper = state == HoldState::AtMaximum;
                let excess = case.point.v[group.target] - group.v_set;
                let can_return = match loads[h.group] {
                    // Others still hold the voltage: it returns when its part of what they give is within its limits again.
                    Some(load) if upper => h.share * load < h.q_max - LIMIT_TOLERANCE,
                    Some(load) => h.share * load > h.q_min + LIMIT_TOLERANCE,
                    None if upper => excess > VOLTAGE_TOLERANCE,
                    None => excess < -VOLTAGE_TOLERANCE,
                };
                if !can_return || h.hunting {
                    state
                } else if group.remote {
                    HoldState::Shared
                } else {
                    HoldState::Local
                }
            }
            state => state,
        };
        if new == state {
            continue;
        }
        let v_set = group.v_set;
        let h = &mut r.holds[k];
        if matches!(state, HoldState::AtMaximum | HoldState::AtMinimum) {
            h.returns += 1;
            if h.returns > RETURNS {
                h.hunting = true;
                continue;
            }
        }
        h.state = new;
        match new {
            HoldState::AtMaximum => give(case, node, h.q_max),
            HoldState::AtMinimum => give(case, node, h.q_min),
            HoldState::Shared => give(case, node, q),
            HoldState::Local => hold_voltage(case, node, v_set),
        }
        moved.push(h.element);
    }
    let limits_moved = !moved.is_empty();
    if !moved.is_empty() {
        rebuild_borders(case, r);
    }
    let mut moves = Vec::new();
    if !limits_moved {
        scalar_moves(case, r, &mut moves);
    }
    moves.truncate(MOVES_AT_ONCE);
    if !moves.is_empty() {
        moved.extend(carry_out(case, r, &moves)?);
    }
    if moved.is_empty() {
        moved.extend(move_converter_taps(case, r));
    }
    Ok(moved.into_iter().map(|id| case.network.full_name(id)).collect())
}

/// Tells the iteration which groups hold which voltages, and shares out anew what each gives together.
fn rebuild_borders(case: &mut Case<'_>, r: &Regulation) {
    case.newton.borders.clear();
    for g in r.groups.iter().filter(|g| g.remote) {
        let sharing: Vec<&Hold> = g.members.iter().map(|&m| &r.holds[m]).filter(|h| h.state == HoldState::Shared).collect();
        let sum: f64 = sharing.iter().map(|h| h.share).sum();
        let total: f64 = sharing.iter().map(|h| case.newton.spec[h.node].im - case.base[h.node].im).sum();
        for h in &sharing {
            give(case, h.node, total * h.share / sum);
        }
        if !sharing.is_empty() {
            let members = sharing.iter().map(|h| (h.node, h.share / sum)).collect();
            case.newton.borders.push(Border { target: g.target, v_set: g.v_set, members });
        }
    }
}

fn measure(case: &Case<'_>, target: Target) -> f64 {
    match target {
        Target::Voltage { node } => case.point.v[node],
        Target::Flow { port, reactive } => {
            let p = &case.grid.ports[port];
            let s = p.two_port.powers(case.point.phasor[p.nodes[0] as usize], case.point.phasor[p.nodes[1] as usize])[0];
            if reactive { s.im } else { s.re }
        }
    }
}

/// Controls out of their bands.
fn scalar_moves(case: &Case<'_>, r: &mut Regulation, moves: &mut Vec<Move>) {
    let mut at: Vec<(Target, bool, usize)> = Vec::new();
    for k in 0..r.scalars.len() {
        let s = &mut r.scalars[k];
        if s.hunting {
            continue;
        }
        // A voltage that machines hold is not for ratios and banks to move.
        if let Target::Voltage { node } = s.target
            && (case.newton.asked[node][1] == 0.0 || case.newton.borders.iter().any(|b| b.target == node))
        {
            continue;
        }
        let g = measure(case, s.target);
        let slack = 1e-6;
        let error = if g < s.low - slack {
            s.low - g
        } else if g > s.high + slack {
            s.high - g
        } else {
            0.0
        };
        if error == 0.0 {
            s.exhausted = 0.0;
            continue;
        }
        if s.exhausted == error.signum() {
            continue;
        }
        // In steps to the middle of the band, freely to a tenth within.
        let width = s.high - s.low;
        let wish = error + error.signum() * width * if matches!(s.positions, Positions::Continuous) { 0.1 } else { 0.5 };
        let is_bank = matches!(s.actuator, Actuator::Bank { .. });
        let same_target = at.iter().position(|&(t, _, _)| t == s.target);
        match same_target {
            // Transformers side by side move together; other kinds wait for their turn.
            Some(i) if at[i].1 == is_bank && !is_bank => {
                moves[at[i].2].scalars.push(k);
            }
            Some(_) => {}
            None => {
                at.push((s.target, is_bank, moves.len()));
                moves.push(Move { scalars: vec![k], target: s.target, wish });
            }
        }
    }
}

/// Two-port of a scalar's port at another value.
fn port_at(grid: &Grid, actuator: Actuator, value: f64) -> Option<(usize, super::transformer::TwoPort)> {
    let (port, set): (usize, fn(&mut super::transformer::Leg, f64)) = match actuator {
        Actuator::Ratio { port } => (port, |l, v| l.ratio = v),
        Actuator::Angle { port } => (port, |l, v| l.angle_rad = v),
        Actuator::Bank { .. } => return None,
    };
    let mut leg = grid.ports[port].leg.clone()?;
    set(&mut leg, value);
    Some((port, leg.two_port(&grid.tables)))
}

/// Difference by which ratios and shifts are derived.
const ACTUATOR_STEP: f64 = 1e-5;

/// Growth of injections (P, Q a node) for a unit of a scalar, and of the flow at the first end of its own port.
fn injection_growth(case: &Case<'_>, s: &Scalar, rhs: &mut [[f64; 2]]) -> Option<(usize, [f64; 2])> {
    if let Actuator::Bank { bank } = s.actuator {
        let node = case.grid.banks[bank].node as usize;
        rhs[node][1] += case.point.v[node].powi(2);
        return None;
    }
    let (port, up) = port_at(&case.grid, s.actuator, s.value + ACTUATOR_STEP)?;
    let (_, down) = port_at(&case.grid, s.actuator, s.value - ACTUATOR_STEP)?;
    let nodes = case.grid.ports[port].nodes.map(|i| i as usize);
    let v = nodes.map(|i| case.point.phasor[i]);
    let (a, b) = (up.powers(v[0], v[1]), down.powers(v[0], v[1]));
    let slope = |k: usize| (a[k] - b[k]) / (2.0 * ACTUATOR_STEP);
    for k in 0..2 {
        rhs[nodes[k]][0] -= slope(k).re;
        rhs[nodes[k]][1] -= slope(k).im;
    }
    Some((port, [slope(0).re, slope(0).im]))
}

fn carry_out(case: &mut Case<'_>, r: &mut Regulation, moves: &[Move]) -> Result<Vec<ElementId>, Stop> {
    case.newton.factor_at(case.network, &case.grid, &case.point)?;
    let (m, n) = (moves.len(), case.grid.n());
    let mut matrix = vec![0.0; m * m];
    for (c, mv) in moves.iter().enumerate() {
        let mut rhs = vec![[0.0; 2]; n];
        let mut own_flows = Vec::new();
        own_flows.extend(mv.scalars.iter().filter_map(|&k| injection_growth(case, &r.scalars[k], &mut rhs)));
        case.newton.response(&mut rhs).map_err(Stop::Sparse)?;
        for (k, row) in moves.iter().enumerate() {
            matrix[k * m + c] = match row.target {
                Target::Voltage { node } => case.point.v[node] * rhs[node][1],
                Target::Flow { port, reactive } => {
                    let p = &case.grid.ports[port];
                    let nodes = p.nodes.map(|i| i as usize);
                    let flow = |sign: f64| {
                        let v = nodes.map(|i| {
                            let h = sign * ACTUATOR_STEP;
                            num_complex::Complex64::from_polar(case.point.v[i] * (1.0 + h * rhs[i][1]), case.point.angle[i] + h * rhs[i][0])
                        });
                        let s = p.two_port.powers(v[0], v[1])[0];
                        if reactive { s.im } else { s.re }
                    };
                    let own: f64 = own_flows.iter().filter(|f| f.0 == port).map(|f| f.1[usize::from(reactive)]).sum();
                    (flow(1.0) - flow(-1.0)) / (2.0 * ACTUATOR_STEP) + own
                }
            };
        }
    }
    let wishes: Vec<f64> = moves.iter().map(|mv| mv.wish).collect();
    let mut du = wishes.clone();
    if !solve_dense(&mut matrix.clone(), &mut du) {
        // Some controls have the same effect or none: each is then taken by itself.
        for k in 0..m {
            let own = matrix[k * m + k];
            du[k] = if own.abs() > 1e-9 { wishes[k] / own } else { 0.0 };
        }
    }
    let mut moved = Vec::new();
    let mut admittance = false;
    for (k, mv) in moves.iter().enumerate() {
        for &s in &mv.scalars {
            if shift_scalar(case, &mut r.scalars[s], du[k], mv.wish.signum()) {
                moved.push(r.scalars[s].element);
                admittance = true;
            }
        }
    }
    if admittance {
        case.moved = true;
        case.newton.fill_admittance(&case.grid);
    }
    Ok(moved)
}

/// Moves a scalar by about `du`; false where it cannot.
fn shift_scalar(case: &mut Case<'_>, s: &mut Scalar, du: f64, wish_sign: f64) -> bool {
    if du == 0.0 || !du.is_finite() {
        s.exhausted = wish_sign;
        return false;
    }
    let new = match &s.positions {
        Positions::Continuous => s.value + du,
        Positions::Step(step) => {
            s.value
                + step * (du / step).round().clamp(-STEPS_AT_ONCE, STEPS_AT_ONCE)
                + if (du / step).abs() < 0.5 { step.copysign(du) } else { 0.0 }
        }
        Positions::Levels(levels) => {
            let beyond = |l: &&f64| if du > 0.0 { **l > s.value + 1e-9 } else { **l < s.value - 1e-9 };
            let wish = s.value + du;
            match levels.iter().filter(beyond).min_by(|a, b| (**a - wish).abs().total_cmp(&(**b - wish).abs())) {
                Some(&l) => l,
                None => s.value,
            }
        }
    }
    .clamp(s.min, s.max);
    if (new - s.value).abs() < 1e-9 {
        s.exhausted = wish_sign;
        return false;
    }
    let sign = (new - s.value).signum();
    if !matches!(s.positions, Positions::Continuous) && s.last_sign != 0.0 && sign != s.last_sign {
        s.reversals += 1;
        if s.reversals > REVERSALS {
            s.hunting = true;
            return false;
        }
    }
    s.last_sign = sign;
    s.value = new;
    match s.actuator {
        Actuator::Bank { bank } => case.grid.banks[bank].b = new,
        Actuator::Ratio { port } | Actuator::Angle { port } => {
            if let Some((_, two_port)) = port_at(&case.grid, s.actuator, new) {
                let p = &mut case.grid.ports[port];
                p.two_port = two_port;
                if let Some(leg) = &mut p.leg {
                    if matches!(s.actuator, Actuator::Angle { .. }) { leg.angle_rad = new } else { leg.ratio = new }
                }
            }
        }
    }
    true
}

/// Moves of one converter's tap at most.
const CONVERTER_MOVES: u32 = 6;

fn move_converter_taps(case: &mut Case<'_>, r: &mut Regulation) -> Vec<ElementId> {
    let mut moved = Vec::new();
    for (device, k, _, count) in &mut r.converter_moves {
        let Some(DeviceState::Converters(states)) = &case.newton.device_states[*device] else { continue };
        let state = states[*k];
        let d = &mut case.grid.devices[*device];
        let v = case.point.v[d.nodes[*k] as usize];
        if let Law::TwoTerminal { index, taps } = &mut d.law
            && *count < CONVERTER_MOVES
        {
            let link = &case.network.two_terminal_dcs[*index];
            let converter = if *k == 0 { &link.rectifier } else { &link.inverter };
            // What the schedule asks for, which a converter at its least angle cannot reach.
            let current = state.i_dc_a / 1e3;
            let inverter_kv = link.v_schedule_kv - link.r_compounding_ohm * current;
            let v_wish_kv = if *k == 0 { inverter_kv + link.r_ohm * current } else { inverter_kv };
            if let Some(tap) = dc::better_tap(converter, taps[*k], v, v_wish_kv, &state) {
                taps[*k] = tap;
                *count += 1;
                case.moved = true;
                moved.push(d.element);
            }
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::bank_levels;

    #[test]
    fn banks_switch_in_order_or_in_any_combination() {
        let blocks = [(2, 0.1), (1, 0.5), (1, -0.3)];
        let near =
            |a: Vec<f64>, b: &[f64]| assert!(a.len() == b.len() && a.iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-12), "{a:?} {b:?}");
        near(bank_levels(&blocks, false), &[-0.3, 0.0, 0.1, 0.2, 0.7]);
        near(bank_levels(&blocks[..2], true), &[0.0, 0.1, 0.2, 0.5, 0.6, 0.7]);
        assert!(bank_levels(&[(u32::MAX, 0.1)], false).len() <= super::MOST_LEVELS + 1);
    }
}
