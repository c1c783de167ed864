//! Contingencies of a transmission case: the same rows, from the balanced Newton power flow.
//!
//! The base solution is put into the case as its stored one, and every outage starts from it; where nothing is found from there, from a flat start, from
//! the angles of the linear power flow and from the linear network. With controls as stored a machine holds the base's voltage without limit of its
//! vars; with controls active it holds its set point within its limits.
//!
//! * An outage of the last machine at a swing bus leaves no reference there: the bus of the largest machine in service (by its power limit, then its
//!   rating) becomes the swing bus, which the row's note says.
//! * An island without a swing bus has no supply, whatever machines stand in it: its loads are unserved.
//! * A bus is judged by its own normal limits of voltage where it has some and no others were asked for; loadings are those of the first rating, or of
//!   the last one that is there with `emergency`.
//! * Customers are not known.

use super::{Case, CaseAt, ContingencyError, ContingencyOptions, ContingencyResult, Selection, check, list, sort};
use crate::hosting::criteria::{Criteria, Criterion, SLACK};
use crate::switching::operator::{Condition, Extreme, Solved, Spot, Violation};
use network::{BusKind, ElementId, ElementKind, Network};
use powerflow::newton::{self, BusState, Options, Outcome, Solution, Start};
use std::collections::HashMap;

/// The base, and what every outage is held against.
struct Base {
    network: Network,
    options: Options,
    /// Power of the loads by bus, kW.
    load_kw: Vec<f64>,
    crossed: HashMap<(Criterion, Spot), f64>,
    criteria: Criteria,
    own_voltage_limits: bool,
    emergency: bool,
}

/// Solves from the starts in turn.
fn solve(network: &Network, options: &Options, starts: &[Start]) -> Result<Option<Box<Solution>>, ContingencyError> {
    for &start in starts {
        let options = Options { start, seek_solvable: false, ..*options };
        match newton::solve(network, &options) {
            Ok(Outcome::Solved(solution)) => return Ok(Some(solution)),
            Ok(Outcome::Unsolved(_)) => {}
            // Without a swing bus nothing has supply.
            Err(newton::CaseError::NoSwing) => return Err(ContingencyError::Nothing),
            Err(error) => return Err(ContingencyError::Unsolved(vec![error.diagnostic()])),
        }
    }
    Ok(None)
}

/// The outages of single elements: those selected that are in service and of which a bus is fed, in the order of the model.
fn singles(network: &Network, solution: &Solution, selection: &Selection) -> Result<Vec<ElementId>, ContingencyError> {
    let mut is_fed = vec![false; network.buses.len()];
    solution.buses.iter().filter(|b| b.v_pu.is_some()).for_each(|b| is_fed[b.id.index()] = true);
    let mut found: Vec<ElementId> = Vec::new();
    for name in &selection.elements {
        let id = list::find(network, name)?;
        if !found.contains(&id) {
            found.push(id);
        }
    }
    let wanted = |id: &ElementId| match id.kind {
        ElementKind::AcBranch => selection.lines,
        ElementKind::PowerTransformer => selection.transformers,
        ElementKind::Machine => selection.generators || selection.sources,
        _ => false,
    };
    for id in network.order.iter().copied().filter(wanted) {
        let fed = network.common(id).terminals.iter().any(|t| is_fed[t.bus.index()]);
        if network.in_service(id) && fed && !found.contains(&id) {
            found.push(id);
        }
    }
    if found.is_empty() { Err(ContingencyError::Nothing) } else { Ok(found) }
}

/// Studies outages of a transmission case.
///
/// # Returns
/// The same answers whatever the number of threads.
///
/// # Errors
/// As [`ContingencyError`].
pub fn run(network: &Network, solver: &Options, options: &ContingencyOptions) -> Result<ContingencyResult, ContingencyError> {
    check(&options.criteria)?;
    let starts = [Start::Flat, Start::Dc, Start::Linear, Start::Stored];
    let Some(solution) = solve(network, solver, &starts)? else {
        let last = Options { start: Start::Flat, ..*solver };
        let found = match newton::solve(network, &last) {
            Ok(Outcome::Unsolved(u)) => u.diagnostics,
            Ok(Outcome::Solved(_)) => Vec::new(),
            Err(e) => vec![e.diagnostic()],
        };
        return Err(ContingencyError::Unsolved(found));
    };
    let outages = singles(network, &solution, &options.selection)?;
    let mut stored = network.clone();
    let mut load_kw = vec![0.0; network.buses.len()];
    for row in &solution.buses {
        load_kw[row.id.index()] = (row.load_mw * 1e3).max(0.0);
        if let (Some(t), Some(v), Some(a)) = (&mut stored.buses[row.id.index()].transmission, row.v_pu, row.angle_deg) {
            (t.v_pu, t.angle_deg) = (v, a);
        }
    }
    let mut base = Base {
        network: stored,
        options: *solver,
        load_kw,
        crossed: HashMap::new(),
        criteria: options.criteria.clone(),
        own_voltage_limits: options.own_voltage_limits,
        emergency: options.emergency,
    };
    let mut before = base.read(&base.network, &solution);
    base.crossed = before.violations.drain(..).map(|v| ((v.criterion, v.at), v.value)).collect();
    before.n_kept = base.crossed.len();
    let work = |outages: &[Vec<ElementId>]| -> Result<Vec<Case>, ContingencyError> {
        options.hands.map(outages.len(), |part| {
            let mut network = base.network.clone();
            part.iter().map(|&k| base.one(&mut network, &outages[k])).collect()
        })
    };
    let mut cases = work(&outages.iter().map(|&id| vec![id]).collect::<Vec<_>>())?;
    let n_pairs = outages.len() * outages.len().saturating_sub(1) / 2;
    if options.pairs > 0 {
        let pairs = list::pairs(&cases.iter().collect::<Vec<_>>(), options.pairs as usize);
        cases.extend(work(&pairs)?);
    }
    let n_solved = cases.len() as u64 + 1;
    sort(&mut cases);
    Ok(ContingencyResult { base: vec![("snapshot".to_owned(), vec!["snapshot"], before)], cases, n_pairs, n_solved, is_transmission: true })
}

fn set_service(network: &mut Network, id: ElementId, on: bool) {
    let i = id.index();
    match id.kind {
        ElementKind::AcBranch => network.ac_branches[i].in_service = on,
        ElementKind::Machine => network.machines[i].in_service = on,
        ElementKind::PowerLoad => network.power_loads[i].in_service = on,
        ElementKind::FixedShunt => network.fixed_shunts[i].in_service = on,
        ElementKind::SwitchedShunt => network.switched_shunts[i].in_service = on,
        _ => network.common_mut(id).enabled = on,
    }
}

impl Base {
    fn one(&self, network: &mut Network, elements: &[ElementId]) -> Result<Case, ContingencyError> {
        // A transformer's status has more than two values: it is put back as it was.
        let transformers: Vec<_> = elements
            .iter()
            .filter(|id| id.kind == ElementKind::PowerTransformer)
            .map(|id| (id.index(), network.power_transformers[id.index()].status))
            .collect();
        let before: Vec<(ElementId, bool, bool)> =
            elements.iter().map(|&id| (id, network.in_service(id), network.common(id).enabled)).collect();
        for &id in elements {
            set_service(network, id, false);
        }
        transformers.iter().for_each(|&(i, _)| network.power_transformers[i].status = network::TransformerStatus::Out);
        let (kinds, note) = self.move_swing(network, elements);
        let outcome = solve(network, &self.options, &[Start::Stored, Start::Flat, Start::Dc, Start::Linear]);
        let condition = match outcome {
            Ok(Some(solution)) => Ok(self.read(network, &solution)),
            Ok(None) => Ok(Condition::unsolved()),
            Err(ContingencyError::Nothing) => Ok(Condition { unserved_kw: self.load_kw.iter().sum(), ..Condition::dead() }),
            Err(e) => Err(e),
        };
        for &(id, in_service, enabled) in before.iter().rev() {
            set_service(network, id, in_service);
            network.common_mut(id).enabled = enabled;
        }
        for (i, status) in transformers {
            network.power_transformers[i].status = status;
        }
        for (bus, kind) in kinds {
            if let Some(t) = &mut network.buses[bus].transmission {
                t.kind = kind;
            }
        }
        let at = CaseAt { moment: "snapshot".to_owned(), condition: condition?, restoration: None, note };
        Ok(Case { elements: elements.to_vec(), name: list::name(&self.network, elements), at: vec![at] })
    }

    /// Gives the reference to another bus where the outage takes the last machine of a swing bus. What was changed, and the note.
    fn move_swing(&self, network: &mut Network, elements: &[ElementId]) -> (Vec<(usize, BusKind)>, String) {
        let mut changed = Vec::new();
        let mut note = String::new();
        for &id in elements.iter().filter(|id| id.kind == ElementKind::Machine) {
            let Some(bus) = network.common(id).terminals.first().map(|t| t.bus.index()) else { continue };
            let kind = network.buses[bus].transmission.as_ref().map_or(BusKind::Load, |t| t.kind);
            let at = |m: &network::Machine| m.common.terminals.first().map(|t| t.bus.index());
            if kind != BusKind::Swing || network.machines.iter().any(|m| m.in_service && at(m) == Some(bus)) {
                continue;
            }
            let size = |m: &network::Machine| (m.p_max_mw.max(m.p_mw), m.base_mva);
            let holds = |bus: usize| network.buses[bus].transmission.as_ref().is_some_and(|t| t.kind == BusKind::Generator);
            let next = network
                .machines
                .iter()
                .filter(|m| m.in_service && m.common.enabled && at(m).is_some_and(&holds))
                .max_by(|a, b| size(a).0.total_cmp(&size(b).0).then(size(a).1.total_cmp(&size(b).1)));
            let next = next.and_then(at);
            let mut put = |bus: usize, to: BusKind| {
                if let Some(t) = &mut network.buses[bus].transmission {
                    changed.push((bus, t.kind));
                    t.kind = to;
                }
            };
            put(bus, BusKind::Load);
            match next {
                Some(next) => {
                    put(next, BusKind::Swing);
                    note = format!("bus {} is the swing bus", network.buses[next].name);
                }
                None => note = "no machine is left that could be the swing bus".to_owned(),
            }
        }
        changed.reverse();
        (changed, note)
    }

    fn read(&self, network: &Network, solution: &Solution) -> Condition {
        let mut c = Condition::unsolved();
        c.solved = Solved::Yes;
        c.islands_dead = solution.certificate.dead_islands;
        c.islands_fed = solution.certificate.islands.saturating_sub(solution.certificate.dead_islands);
        c.losses_kw = Some(solution.certificate.losses_mw * 1e3);
        c.mismatch_va = Some(solution.certificate.mismatch_mw.abs().hypot(solution.certificate.mismatch_mvar.abs()) * 1e6);
        let mut found: Vec<(Criterion, Spot, f64, f64)> = Vec::new();
        let keep = |worst: &mut Extreme, value: f64, spot: Spot, sign: f64| {
            if worst.is_none_or(|(w, _)| sign * (value - w) > 0.0) {
                *worst = Some((value, spot));
            }
        };
        for row in &solution.buses {
            let Some(v) = row.v_pu.filter(|_| !matches!(row.state, BusState::Dead | BusState::Isolated)) else {
                c.unserved_kw += self.load_kw[row.id.index()];
                continue;
            };
            let spot = Spot::Bus(row.id);
            keep(&mut c.highest_v, v, spot, 1.0);
            keep(&mut c.lowest_v, v, spot, -1.0);
            let own = network.bus(row.id).transmission.as_ref().filter(|_| self.own_voltage_limits);
            let own = own.map(|t| (t.v_max_normal_pu, t.v_min_normal_pu)).filter(|(high, low)| *high > *low && *low > 0.0);
            for (criterion, own) in [(Criterion::OverVoltage, own.map(|o| o.0)), (Criterion::UnderVoltage, own.map(|o| o.1))] {
                if let Some(limit) = self.criteria.limit(criterion) {
                    found.push((criterion, spot, v, own.unwrap_or(limit)));
                }
            }
        }
        for row in &solution.branch_ends {
            let Some(pct) = row.loading_pct.map(|pct| pct * self.normal_over_used(network, row.id, usize::from(row.terminal))) else {
                continue;
            };
            let spot = Spot::Element(row.id);
            let is_line = row.id.kind == ElementKind::AcBranch;
            let (worst, criterion) =
                if is_line { (&mut c.line_pct, Criterion::ThermalLine) } else { (&mut c.transformer_pct, Criterion::ThermalTransformer) };
            keep(worst, pct, spot, 1.0);
            c.overload_pct += (pct - 100.0).max(0.0);
            if let Some(limit) = self.criteria.limit(criterion) {
                found.push((criterion, spot, pct, limit));
            }
        }
        let mut worst_of: HashMap<(Criterion, Spot), Violation> = HashMap::new();
        for (criterion, at, value, limit) in found {
            if criterion.margin(value, limit) >= 0.0 {
                continue;
            }
            let before = self.crossed.get(&(criterion, at)).copied();
            let v = Violation { criterion, at, value, limit, before };
            // Both ends of a branch are one place: the worse counts.
            let known = worst_of.entry((criterion, at)).or_insert(v);
            if criterion.margin(value, known.value) < 0.0 {
                *known = v;
            }
        }
        for v in worst_of.into_values() {
            let is_worse = v.before.is_none_or(|b| v.criterion.margin(v.value, b) < -SLACK * v.limit.abs());
            if is_worse { c.violations.push(v) } else { c.n_kept += 1 }
        }
        c.violations.sort_by(|a, b| b.excess().total_cmp(&a.excess()).then_with(|| (a.criterion, a.at).cmp(&(b.criterion, b.at))));
        c
    }

    /// The first rating over the one that counts.
    fn normal_over_used(&self, network: &Network, id: ElementId, terminal: usize) -> f64 {
        if !self.emergency {
            return 1.0;
        }
        let ratings = match id.kind {
            ElementKind::AcBranch => &network.ac_branches[id.index()].ratings_mva,
            ElementKind::PowerTransformer => match network.power_transformers[id.index()].windings.get(terminal.saturating_sub(1)) {
                Some(w) => &w.ratings_mva,
                None => return 1.0,
            },
            _ => return 1.0,
        };
        let first = ratings.first().copied().unwrap_or(0.0);
        let last = ratings.iter().copied().filter(|r| *r > 0.0).take(3).last().unwrap_or(0.0);
        if first > 0.0 && last > first { first / last } else { 1.0 }
    }
}
