//! The linear programme of an event: who draws less when, at least cost or with least energy curtailed.
//!
//! Around what each device `d` would do by itself, with mean power `b` in each slot `t` of `h` hours and the state that follows from it, the differences are
//! linear, because the equation of the state is (`super::device`):
//!
//! ```text
//! power               p = b - c + r                      0 <= c <= c_max (0 outside events),  0 <= r <= r_max
//! state               δ' = a δ - γ c + ρ r               δ = 0 at the beginning
//! comfort             lo <= δ' <= hi                      with 0 inside: nobody is worse off by doing nothing
//! return              δ at the end = u - v                u, v >= 0 count as energy not returned
//! target, each slot   sum of s_d (c - r) + missing >= f - L     f the solved flow, s_d what a kilowatt of the device changes it by
//! floor, each bus     sum of (c - r) <= room
//! least               sum of cost c h
//! ```
//!
//! If targets can be met and all states returned, that is all. Else the aims come one after the other, each held at its optimum: least missing, least not
//! returned, least energy of the last priority, of the last but one, …, least cost.

use good_lp::{Expression, ProblemVariables, ResolutionError, Solution, SolverModel, Variable, constraint, microlp, variable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Least {
    /// Incentives and what curtailing is worth to owners.
    Cost,
    #[default]
    CurtailedEnergy,
}

/// A device in a step. Powers in kW, states in the unit of the device.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Slot {
    pub c_max: f64,
    pub r_max: f64,
    pub decay: f64,
    /// Change of the state by a kilowatt less, downwards, and by one more.
    pub per_c: f64,
    pub per_r: f64,
    /// Bounds of the difference at the end of the step.
    pub lo: f64,
    pub hi: f64,
}

/// A device that can be asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flexible {
    pub slots: Vec<Slot>,
    /// Of a kilowatt-hour less.
    pub cost_per_kwh: f64,
    pub priority: u32,
    /// Kilowatt-hours of a unit of state where it has to be returned.
    pub returned: Option<f64>,
}

impl Flexible {
    /// Takes rounding of an answer out of the states: what leads a little beyond a bound is given up in that very step. What leads further is
    /// left for [`Programme::verify`] to refuse.
    fn hold(&self, less_kw: &mut [f64], more_kw: &mut [f64]) {
        const LITTLE: f64 = 1e-2;
        let mut x = 0.0;
        for (s, (less, more)) in self.slots.iter().zip(less_kw.iter_mut().zip(more_kw)) {
            let at = s.decay * x - s.per_c * *less + s.per_r * *more;
            let mut beyond = (at - s.hi.max(0.0)).max(0.0) + (at - s.lo.min(0.0)).min(0.0);
            if beyond.abs() < LITTLE {
                if s.per_r * beyond > 0.0 {
                    let cut = (beyond / s.per_r).min(*more);
                    *more -= cut;
                    beyond -= cut * s.per_r;
                }
                if s.per_c * beyond < 0.0 {
                    *less -= (beyond / -s.per_c).min(*less);
                }
            }
            x = s.decay * x - s.per_c * *less + s.per_r * *more;
        }
    }
}

/// A limit in a step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub slot: usize,
    pub need_kw: f64,
    /// One a device; what a kilowatt less there takes from the flow.
    pub per_kw: Vec<f64>,
}

/// Power that devices of a bus may give up together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Floor {
    pub slot: usize,
    pub members: Vec<usize>,
    pub room_kw: f64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Programme {
    pub step_h: f64,
    pub flexibles: Vec<Flexible>,
    pub rows: Vec<Row>,
    pub floors: Vec<Floor>,
}

/// An answer: kilowatts less and more of each device in each slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub less_kw: Vec<Vec<f64>>,
    pub more_kw: Vec<Vec<f64>>,
    /// One a row: how much of the need is not met.
    pub missing_kw: Vec<f64>,
    pub not_returned_kwh: f64,
}

/// So that nobody is curtailed in vain where it costs nothing; a millionth of a unit of currency for a kilowatt-hour.
const IDLE_COST: f64 = 1e-6;

/// What the solver may be off by, relative to the larger of the number and 1.
const CLOSE: f64 = 1e-7;

impl Plan {
    pub fn nothing(programme: &Programme) -> Self {
        let zeros: Vec<Vec<f64>> = programme.flexibles.iter().map(|f| vec![0.0; f.slots.len()]).collect();
        let missing_kw = programme.rows.iter().map(|r| r.need_kw.max(0.0)).collect();
        Self { less_kw: zeros.clone(), more_kw: zeros, missing_kw, not_returned_kwh: 0.0 }
    }

    /// What is least: energy or cost.
    pub fn value(&self, programme: &Programme, least: Least) -> f64 {
        let of = |(f, c): (&Flexible, &Vec<f64>)| c.iter().sum::<f64>() * programme.step_h * weight(f, least);
        programme.flexibles.iter().zip(&self.less_kw).map(of).sum()
    }
}

pub(super) fn weight(f: &Flexible, least: Least) -> f64 {
    match least {
        Least::Cost => f.cost_per_kwh + IDLE_COST,
        Least::CurtailedEnergy => 1.0,
    }
}

#[derive(Clone, Copy, Debug)]
enum Aim {
    Missing,
    NotReturned,
    Priority(u32),
    Value(Least),
}

/// What earlier aims have found.
#[derive(Clone, Debug, Default)]
struct Held {
    /// Most that may be missing in each row; none where it is absent.
    missing_kw: Option<Vec<f64>>,
    /// Aims before this one: anything may be missing, or not be returned.
    is_open: bool,
    not_returned_kwh: f64,
    may_not_return: bool,
    priorities: Vec<(u32, f64)>,
}

fn loosened(x: f64) -> f64 {
    x + CLOSE * x.abs().max(1.0)
}

impl Programme {
    /// The best plan.
    ///
    /// # Errors
    /// The solver's own words where it gives up, and an answer of its own that does not hold when it is put in again.
    pub fn solve(&self, least: Least) -> Result<Plan, String> {
        if self.rows.iter().all(|r| r.need_kw <= 0.0) {
            return Ok(Plan::nothing(self));
        }
        let priorities: BTreeSet<u32> = self.flexibles.iter().map(|f| f.priority).collect();
        // The lowest is free once all others are used as little as can be.
        let later: Vec<u32> = priorities.into_iter().skip(1).rev().collect();
        let mut held = Held::default();
        let first = later.first().map_or(Aim::Value(least), |&p| Aim::Priority(p));
        let mut plan = self.aim(first, &held)?;
        if plan.is_none() {
            held.is_open = true;
            held.may_not_return = true;
            let Some(found) = self.aim(Aim::Missing, &held)? else { return Err("doing nothing is refused".to_owned()) };
            held = Held { missing_kw: Some(found.missing_kw.clone()), may_not_return: true, ..Held::default() };
            let Some(found) = self.aim(Aim::NotReturned, &held)? else { return Err("the least that is missing is refused".to_owned()) };
            held.may_not_return = false;
            held.not_returned_kwh = found.not_returned_kwh;
            plan = if later.is_empty() { None } else { self.aim(first, &held)? };
        }
        for (i, &p) in later.iter().enumerate() {
            let Some(found) = &plan else { return Err("an aim lost what an earlier one had".to_owned()) };
            held.priorities.push((p, self.energy_of(p, &found.less_kw)));
            plan = self.aim(later.get(i + 1).map_or(Aim::Value(least), |&p| Aim::Priority(p)), &held)?;
        }
        if later.is_empty() && plan.is_none() {
            plan = self.aim(Aim::Value(least), &held)?;
        }
        plan.ok_or_else(|| "an aim lost what an earlier one had".to_owned())
    }

    fn energy_of(&self, priority: u32, less_kw: &[Vec<f64>]) -> f64 {
        let of = |(f, c): (&Flexible, &Vec<f64>)| if f.priority == priority { c.iter().sum::<f64>() * self.step_h } else { 0.0 };
        self.flexibles.iter().zip(less_kw).map(of).sum()
    }

    fn aim(&self, aim: Aim, held: &Held) -> Result<Option<Plan>, String> {
        let h = self.step_h;
        let mut variables = ProblemVariables::new();
        let mut rows = Vec::new();
        let mut goal = Expression::from(0.0);
        let mut not_returned = Expression::from(0.0);
        let mut add = |max: f64| (max > 0.0).then(|| variables.add(variable().min(0.0).max(max)));
        let less: Vec<Vec<Option<Variable>>> = self.flexibles.iter().map(|f| f.slots.iter().map(|s| add(s.c_max)).collect()).collect();
        let more: Vec<Vec<Option<Variable>>> = self.flexibles.iter().map(|f| f.slots.iter().map(|s| add(s.r_max)).collect()).collect();
        let returns = held.may_not_return || held.not_returned_kwh > 0.0;
        for (d, f) in self.flexibles.iter().enumerate() {
            // The state is written out as a sum of what was done, not as a variable: doing nothing then meets every row but the targets, and the
            // simplex method has only these to mend.
            let mut state: Vec<(Variable, f64)> = Vec::new();
            // How far it can be driven at all. Most bounds are out of reach and need no row.
            let (mut lowest, mut highest): (f64, f64) = (0.0, 0.0);
            let last = f.slots.len() - 1;
            for (t, s) in f.slots.iter().enumerate() {
                state.iter_mut().for_each(|(_, k)| *k *= s.decay);
                (lowest, highest) = (lowest * s.decay, highest * s.decay);
                let done = [(less[d][t], -s.per_c, s.c_max), (more[d][t], s.per_r, s.r_max)];
                for (v, k, max) in done {
                    if let Some(v) = v {
                        state.push((v, k));
                        lowest += (k * max).min(0.0);
                        highest += (k * max).max(0.0);
                    }
                }
                let sum = || -> Expression { state.iter().map(|&(v, k)| k * v).sum() };
                let (lo, hi) = (s.lo.min(0.0), s.hi.max(0.0));
                if lowest < lo {
                    rows.push(constraint!(sum() >= lo));
                }
                if highest > hi {
                    rows.push(constraint!(sum() <= hi));
                }
                if let Some(kwh) = f.returned.filter(|_| t == last && !state.is_empty()) {
                    // What has to be returned is zero, or is counted.
                    if returns {
                        let (u, v) = (variables.add(variable().min(0.0)), variables.add(variable().min(0.0)));
                        rows.push(constraint!(sum() == u - v));
                        not_returned += kwh * u + kwh * v;
                    } else {
                        rows.push(constraint!(sum() == 0.0));
                    }
                }
            }
        }
        let mut missing: Vec<Option<Variable>> = vec![None; self.rows.len()];
        for (i, row) in self.rows.iter().enumerate() {
            let mut sum = Expression::from(0.0);
            for (d, &s) in row.per_kw.iter().enumerate() {
                if let Some(c) = less[d][row.slot] {
                    sum += s * c;
                }
                if let Some(r) = more[d][row.slot] {
                    sum += -s * r;
                }
            }
            let most = if held.is_open { row.need_kw.max(0.0) } else { held.missing_kw.as_ref().map_or(0.0, |m| m[i]) };
            if most > 0.0 {
                let m = variables.add(variable().min(0.0).max(if held.is_open { f64::INFINITY } else { loosened(most) }));
                sum += m;
                missing[i] = Some(m);
            }
            rows.push(constraint!(sum >= row.need_kw));
        }
        for floor in &self.floors {
            let mut sum = Expression::from(0.0);
            for &d in &floor.members {
                if let Some(c) = less[d][floor.slot] {
                    sum += c;
                }
                if let Some(r) = more[d][floor.slot] {
                    sum += -1.0 * r;
                }
            }
            rows.push(constraint!(sum <= floor.room_kw.max(0.0)));
        }
        if returns && !held.may_not_return {
            rows.push(constraint!(not_returned.clone() <= loosened(held.not_returned_kwh)));
        }
        let energy = |priority: u32| -> Expression {
            let of = self.flexibles.iter().zip(&less).filter(|(f, _)| f.priority == priority);
            of.flat_map(|(_, c)| c.iter().flatten()).map(|c| h * *c).sum()
        };
        for &(priority, kwh) in &held.priorities {
            rows.push(constraint!(energy(priority) <= loosened(kwh)));
        }
        match aim {
            Aim::Missing => missing.iter().flatten().for_each(|m| goal += *m),
            Aim::NotReturned => goal += not_returned.clone(),
            Aim::Priority(p) => goal += energy(p),
            Aim::Value(least) => {
                for (f, c) in self.flexibles.iter().zip(&less) {
                    c.iter().flatten().for_each(|c| goal += weight(f, least) * h * *c);
                }
            }
        }
        let mut model = variables.minimise(goal).using(microlp);
        for row in rows {
            model = model.with(row);
        }
        let solution = match model.solve() {
            Ok(solution) => solution,
            Err(ResolutionError::Infeasible) => return Ok(None),
            Err(e) => return Err(e.to_string()),
        };
        // Rounding below zero, or above a bound, is not handed on.
        let kilowatts = |of: &[Vec<Option<Variable>>], max: &dyn Fn(&Slot) -> f64| -> Vec<Vec<f64>> {
            let one = |(v, s): (&Option<Variable>, &Slot)| v.map_or(0.0, |v| solution.value(v).clamp(0.0, max(s)));
            of.iter().zip(&self.flexibles).map(|(vs, f)| vs.iter().zip(&f.slots).map(one).collect()).collect()
        };
        let (mut less_kw, mut more_kw) = (kilowatts(&less, &|s| s.c_max), kilowatts(&more, &|s| s.r_max));
        for (d, f) in self.flexibles.iter().enumerate() {
            f.hold(&mut less_kw[d], &mut more_kw[d]);
        }
        let missing_kw = missing.iter().map(|m| m.map_or(0.0, |m| solution.value(m).max(0.0))).collect();
        let not_returned_kwh = self.not_returned(&less_kw, &more_kw);
        let plan = Plan { less_kw, more_kw, missing_kw, not_returned_kwh };
        self.verify(&plan)?;
        Ok(Some(plan))
    }

    fn states<'a>(&'a self, d: usize, less: &'a [Vec<f64>], more: &'a [Vec<f64>]) -> impl Iterator<Item = (f64, &'a Slot)> {
        self.flexibles[d].slots.iter().enumerate().scan(0.0, move |x, (t, s)| {
            *x = s.decay * *x - s.per_c * less[d][t] + s.per_r * more[d][t];
            Some((*x, s))
        })
    }

    fn not_returned(&self, less: &[Vec<f64>], more: &[Vec<f64>]) -> f64 {
        let last = |d: usize| self.states(d, less, more).last().map_or(0.0, |(x, _)| x.abs());
        self.flexibles.iter().enumerate().filter_map(|(d, f)| Some(f.returned? * last(d))).fold(0.0, |sum, kwh| sum + kwh)
    }

    /// Puts an answer in again: comfort, targets and floors, to a ten-thousandth of a kilowatt or kelvin.
    fn verify(&self, plan: &Plan) -> Result<(), String> {
        const OFF: f64 = 1e-4;
        for d in 0..self.flexibles.len() {
            for (t, (x, s)) in self.states(d, &plan.less_kw, &plan.more_kw).enumerate() {
                if x < s.lo.min(0.0) - OFF || x > s.hi.max(0.0) + OFF {
                    return Err(format!("its answer breaks the bounds {} to {} of device {d} in slot {t}: {x}", s.lo, s.hi));
                }
            }
        }
        let change = |t: usize, d: usize| plan.less_kw[d][t] - plan.more_kw[d][t];
        for (row, missing) in self.rows.iter().zip(&plan.missing_kw) {
            let sum: f64 = row.per_kw.iter().enumerate().map(|(d, s)| s * change(row.slot, d)).sum();
            if sum + missing < row.need_kw - OFF {
                return Err(format!("its answer misses the target of slot {} by {} kW", row.slot, row.need_kw - sum - missing));
            }
        }
        for floor in &self.floors {
            let sum: f64 = floor.members.iter().map(|&d| change(floor.slot, d)).sum();
            if sum > floor.room_kw.max(0.0) + OFF {
                return Err(format!("its answer goes below the floor of slot {} by {} kW", floor.slot, sum - floor.room_kw));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::random::Random;

    fn slot(c_max: f64, r_max: f64) -> Slot {
        Slot { c_max, r_max, decay: 1.0, per_c: 1.0, per_r: 1.0, lo: f64::NEG_INFINITY, hi: f64::INFINITY }
    }

    fn flexible(slots: Vec<Slot>, cost: f64) -> Flexible {
        Flexible { slots, cost_per_kwh: cost, priority: 0, returned: None }
    }

    fn row(slot: usize, need_kw: f64, n: usize) -> Row {
        Row { slot, need_kw, per_kw: vec![1.0; n] }
    }

    /// One transformer, devices of unequal availability and cost, nothing that ties slots: the cheapest first, which is the closed form.
    #[test]
    fn without_states_it_is_the_merit_order() {
        let mut random = Random::new(11, 10, 0);
        for trial in 0..40 {
            let (n, m) = (random.whole(3, 12) as usize, random.whole(1, 6) as usize);
            let flexibles: Vec<Flexible> = (0..n)
                .map(|_| {
                    let slots = (0..m).map(|_| slot(if random.chance(0.7) { random.between(0.0, 7.0) } else { 0.0 }, 0.0)).collect();
                    flexible(slots, random.between(0.1, 2.0))
                })
                .collect();
            let rows: Vec<Row> = (0..m).map(|t| row(t, random.between(-2.0, 25.0), n)).collect();
            let p = Programme { step_h: 0.25, flexibles, rows, floors: Vec::new() };
            let plan = p.solve(Least::Cost).expect("solved");
            let (mut cost, mut energy) = (0.0, 0.0);
            for row in &p.rows {
                let mut left = row.need_kw.max(0.0);
                let mut order: Vec<usize> = (0..n).collect();
                order.sort_by(|&a, &b| p.flexibles[a].cost_per_kwh.total_cmp(&p.flexibles[b].cost_per_kwh));
                for d in order {
                    let c = p.flexibles[d].slots[row.slot].c_max.min(left);
                    left -= c;
                    cost += c * 0.25 * (p.flexibles[d].cost_per_kwh + IDLE_COST);
                    energy += c * 0.25;
                }
                assert!(
                    (plan.missing_kw[row.slot] - left).abs() < 1e-5,
                    "trial {trial}: {} missing, {left} expected",
                    plan.missing_kw[row.slot]
                );
            }
            assert!(
                (plan.value(&p, Least::Cost) - cost).abs() < 1e-5 * cost.max(1.0),
                "trial {trial}: {} {cost}",
                plan.value(&p, Least::Cost)
            );
            assert!((plan.value(&p, Least::CurtailedEnergy) - energy).abs() < 1e-5 * energy.max(1.0), "trial {trial}");
        }
    }

    /// Small cases with states, whole numbers throughout: the least over every whole-numbered plan. The matrix of stores without loss is that of a
    /// network of flows, so that a vertex of whole numbers is optimal.
    #[test]
    fn with_states_it_is_the_least_of_all_plans() {
        let mut random = Random::new(12, 10, 0);
        let mut solvable = 0;
        for trial in 0..60 {
            let m = 3;
            let flexibles: Vec<Flexible> = (0..2)
                .map(|_| {
                    let deep = f64::from(random.whole(1, 3));
                    let slots = (0..m)
                        .map(|t| Slot {
                            c_max: if t < 2 { f64::from(random.whole(0, 3)) } else { 0.0 },
                            r_max: f64::from(random.whole(1, 3)),
                            lo: -deep,
                            hi: 1.0,
                            ..slot(0.0, 0.0)
                        })
                        .collect();
                    Flexible { returned: Some(1.0), ..flexible(slots, f64::from(random.whole(1, 4))) }
                })
                .collect();
            let rows = (0..m).map(|t| row(t, f64::from(if t < 2 { random.whole(0, 3) } else { -random.whole(1, 5) }), 2)).collect();
            let p = Programme { step_h: 1.0, flexibles, rows, floors: Vec::new() };
            let mut best = f64::INFINITY;
            let options = |d: usize| -> Vec<(f64, Vec<f64>)> {
                // (cost, net reduction a slot) of every plan of a device that keeps its bounds and returns.
                let mut found = vec![(0.0, 0.0, Vec::new())];
                for s in &p.flexibles[d].slots {
                    let mut next = Vec::new();
                    for (cost, x, changes) in &found {
                        for c in 0..=s.c_max as i32 {
                            for r in 0..=s.r_max as i32 {
                                let x = x - f64::from(c) + f64::from(r);
                                if x >= s.lo && x <= s.hi {
                                    let mut changes = changes.clone();
                                    changes.push(f64::from(c - r));
                                    next.push((cost + f64::from(c) * weight(&p.flexibles[d], Least::Cost), x, changes));
                                }
                            }
                        }
                    }
                    found = next;
                }
                found.into_iter().filter(|f| f.1 == 0.0).map(|f| (f.0, f.2)).collect()
            };
            let (first, second) = (options(0), options(1));
            for a in &first {
                for b in &second {
                    if p.rows.iter().all(|r| a.1[r.slot] + b.1[r.slot] >= r.need_kw) {
                        best = best.min(a.0 + b.0);
                    }
                }
            }
            let plan = p.solve(Least::Cost).expect("solved");
            let missing: f64 = plan.missing_kw.iter().sum();
            if best.is_finite() {
                solvable += 1;
                assert!(missing < 1e-6 && plan.not_returned_kwh < 1e-6, "trial {trial}: {plan:?}");
                assert!((plan.value(&p, Least::Cost) - best).abs() < 1e-5, "trial {trial}: {} and {best}", plan.value(&p, Least::Cost));
            } else {
                assert!(missing + plan.not_returned_kwh > 0.5, "trial {trial}: {plan:?}");
            }
        }
        assert!((10..55).contains(&solvable), "{solvable} of 60 can be met: both kinds have to occur");
    }

    /// A tank that cools by a tenth an hour and takes at most two kelvin: what it can give is a sum that can be written down.
    #[test]
    fn what_is_missing_is_told_exactly() {
        let s = Slot { c_max: 5.0, r_max: 0.0, decay: 0.9, per_c: 0.5, per_r: 0.5, lo: -2.0, hi: 0.0 };
        let p = Programme {
            step_h: 1.0,
            flexibles: vec![flexible(vec![s; 3], 1.0)],
            rows: (0..3).map(|t| row(t, 3.0, 1)).collect(),
            floors: Vec::new(),
        };
        let plan = p.solve(Least::CurtailedEnergy).expect("solved");
        // δ1 = -c1/2, δ2 = 0.9 δ1 - c2/2 >= -2, δ3 = 0.9 δ2 - c3/2 >= -2. A kilowatt earlier costs a later one nine tenths of itself, so the first is taken
        // whole: c1 = 3, c2 = (2 - 0.45 × 3)/0.5, and what decays from δ2 = -2 in the last hour is all that it can give: c3 = (2 - 1.8)/0.5.
        let given_at_most = 3.0 + 1.3 + 0.4;
        let given: f64 = plan.less_kw[0].iter().sum();
        assert!((given - given_at_most).abs() < 1e-5, "{given}");
        assert!((plan.missing_kw.iter().sum::<f64>() - (9.0 - given_at_most)).abs() < 1e-5, "{:?}", plan.missing_kw);
    }

    /// A program of the second priority gives only what the first cannot, though it is cheaper; a floor binds.
    #[test]
    fn priorities_come_before_cost() {
        let mut flexibles =
            vec![flexible(vec![slot(4.0, 0.0)], 5.0), flexible(vec![slot(9.0, 0.0)], 0.1), flexible(vec![slot(9.0, 0.0)], 0.2)];
        (flexibles[1].priority, flexibles[2].priority) = (1, 1);
        let floors = vec![Floor { slot: 0, members: vec![1], room_kw: 1.0 }];
        let p = Programme { step_h: 1.0, flexibles, rows: vec![row(0, 6.0, 3)], floors };
        let plan = p.solve(Least::Cost).expect("solved");
        let given: Vec<f64> = plan.less_kw.iter().map(|c| c[0]).collect();
        assert!((given[0] - 4.0).abs() < 1e-4 && (given[1] - 1.0).abs() < 1e-4 && (given[2] - 1.0).abs() < 1e-4, "{given:?}");
    }
}
