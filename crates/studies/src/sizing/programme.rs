//! The mixed-integer programme: the cheapest choice that no constraint excludes.
//!
//! Every variable x of min..max is written by order: binaries u_b = [x >= b] for b = min + 1..max with u_{b+1} <= u_b, so that "at least" and "at most"
//! are one binary each. With l_j the layouts, one of which is 1, P the rating and D the demand:
//!
//! ```text
//! load and reserve     sum of firm P_u x_u >= sum of l_j D_j (1 + reserve)
//! loss of k units      sum of firm P_u x_u - (k t + sum of s_{u,m}) >= sum of l_j D_j,  s_{u,m} >= P_u [x_u >= m] - t,  s, t >= 0,  m = 1..k
//! energy               sum of e_u = sum of l_j D_j load factor 8760 h,  e_u <= E_{j,u} x_u
//! classes              C_g >= (pieces) cost_c - M (2 - l_j - [class of g is c])
//! what was learned     sum over literals >= 1 (- layout)
//! ```
//!
//! The sum of the k largest of some numbers a_i is the least k t + sum of max(0, a_i - t), so the loss of the k largest units is exact.
//! What was learned are clauses (`super::learn`): this is the logic-based Benders decomposition of Hooker and Ottosson, Mathematical Programming 96 (2003).

use super::problem::{Choice, Problem, What};
use good_lp::{Expression, ProblemVariables, ResolutionError, Solution, SolverModel, Variable, constraint, microlp, variable};
use network::design::ram::YEAR_H;

/// Costs in the programme are in millions, energy in GWh: numbers of one size.
const MILLION: f64 = 1e6;
const GWH: f64 = 1e3;

/// What is said of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Bound {
    AtLeast(u32),
    AtMost(u32),
}

/// One of these has to hold, in one layout or in all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Clause {
    pub family: Family,
    /// Layout that it is about; `None`: every.
    pub layout: Option<usize>,
    /// Variable and bound. Empty: the layout itself is excluded.
    pub any: Vec<(usize, Bound)>,
}

/// What a constraint is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Load, reserve, loss of units: known beforehand.
    Capacity,
    LoadFlow,
    FaultLevel,
    Availability,
}

impl Family {
    pub fn words(self) -> &'static str {
        match self {
            Self::Capacity => "load, reserve and loss of units",
            Self::LoadFlow => "voltage and loading",
            Self::FaultLevel => "fault level",
            Self::Availability => "availability",
        }
    }
}

impl Clause {
    /// Whether a choice meets it.
    pub fn holds(&self, choice: &Choice) -> bool {
        self.layout.is_some_and(|l| l != choice.layout)
            || self.any.iter().any(|&(v, bound)| match bound {
                Bound::AtLeast(b) => choice.values[v] >= b,
                Bound::AtMost(b) => choice.values[v] <= b,
            })
    }
}

/// Binaries of one variable.
struct Ordered {
    min: u32,
    steps: Vec<Variable>,
}

impl Ordered {
    fn at_least(&self, b: u32) -> Expression {
        match b.checked_sub(self.min) {
            None | Some(0) => Expression::from(1.0),
            Some(i) => self.steps.get(i as usize - 1).map_or(Expression::from(0.0), |v| Expression::from(*v)),
        }
    }

    fn of(&self, bound: Bound) -> Expression {
        match bound {
            Bound::AtLeast(b) => self.at_least(b),
            Bound::AtMost(b) => 1.0 - self.at_least(b + 1),
        }
    }

    fn value(&self) -> Expression {
        self.steps.iter().fold(Expression::from(f64::from(self.min)), |sum, v| sum + *v)
    }
}

/// The cheapest choice; `None` where there is none. `without` leaves a family of constraints out.
///
/// # Errors
/// The solver's own words where it gives up.
pub(super) fn solve(problem: &Problem<'_>, clauses: &[Clause], without: Option<Family>) -> Result<Option<Choice>, String> {
    let mut variables = ProblemVariables::new();
    let layouts: Vec<Variable> = problem.grounds.iter().map(|_| variables.add(variable().binary())).collect();
    let x: Vec<Ordered> = problem
        .variables
        .iter()
        .map(|v| Ordered { min: v.min, steps: (v.min..v.max).map(|_| variables.add(variable().binary())).collect() })
        .collect();
    let e = &problem.brief.economics;
    let mut rows = Vec::new();
    let mut cost = Expression::from(0.0);
    rows.push(constraint!(layouts.iter().map(|l| Expression::from(*l)).sum::<Expression>() == 1.0));
    for o in &x {
        for w in o.steps.windows(2) {
            rows.push(constraint!(w[1] <= w[0]));
        }
    }
    for (j, g) in problem.grounds.iter().enumerate() {
        cost += g.layout.capital_cost / MILLION * layouts[j];
    }
    let demand = |scale: f64| -> Expression { problem.grounds.iter().zip(&layouts).map(|(g, l)| g.demand_mw * scale * *l).sum() };
    let mut firm = Expression::from(0.0);
    let mut losses: Vec<Expression> = Vec::new();
    let mut energy = Expression::from(0.0);
    let n_k = problem.brief.requirements.n_k;
    for (v, o) in problem.variables.iter().zip(&x) {
        let What::Units(u) = v.what else { continue };
        let (kind, mw) = problem.plate(u);
        let (capital, fixed) = problem.unit_cost(u);
        cost += (capital + fixed) / MILLION * o.value();
        if problem.is_firm(u, kind) {
            firm += mw * o.value();
            losses.extend((1..=n_k.min(v.max)).map(|m| mw * o.at_least(m)));
        }
        for (g, l) in problem.grounds.iter().zip(&layouts) {
            // What a layout does not have cannot be built there; what has to be rules the layout out.
            if g.patterns[u].is_none() {
                rows.push(constraint!(o.value() <= f64::from(v.max) * (1.0 - *l)));
            }
        }
        if let Some(price) = problem.brief.units[u].energy_cost_per_mwh {
            let taken = variables.add(variable().min(0.0));
            energy += taken;
            cost += price * GWH * e.annuity() / MILLION * taken;
            let most = problem.grounds.iter().enumerate().map(|(j, _)| problem.energy_mwh(j, u)).fold(0.0, f64::max);
            rows.push(constraint!(taken <= most / GWH * o.value()));
            for (j, l) in layouts.iter().enumerate() {
                let here = problem.energy_mwh(j, u);
                if here < most {
                    let room = (most - here) / GWH * f64::from(v.max);
                    rows.push(constraint!(taken <= here / GWH * o.value() + room * (1.0 - *l)));
                }
            }
        }
    }
    // Without any price nothing is said of energy.
    if problem.brief.units.iter().any(|u| u.energy_cost_per_mwh.is_some()) {
        rows.push(constraint!(energy == demand(e.load_factor * YEAR_H / GWH)));
    }
    if without != Some(Family::Capacity) {
        let reserve = 1.0 + problem.brief.requirements.reserve_pct / 100.0;
        rows.push(constraint!(firm.clone() >= demand(reserve)));
        if n_k > 0 && !losses.is_empty() {
            let t = variables.add(variable().min(0.0));
            let mut lost = f64::from(n_k) * t;
            for loss in losses {
                let s = variables.add(variable().min(0.0));
                rows.push(constraint!(s >= loss - t));
                lost += s;
            }
            rows.push(constraint!(firm - lost >= demand(1.0)));
        }
    }
    for (v, o) in problem.variables.iter().zip(&x) {
        let classes = problem.class_costs(v.what);
        let is = |c: usize| o.at_least(c as u32) - o.at_least(c as u32 + 1);
        if let What::Tap(t) = v.what {
            let of_tap = variables.add(variable().min(0.0));
            cost += of_tap;
            for (j, l) in layouts.iter().enumerate() {
                let costs = problem.tap_cost(j, t);
                let most = costs.iter().copied().fold(0.0, f64::max) / MILLION;
                let here: Expression = costs.iter().enumerate().map(|(c, cost)| *cost / MILLION * is(c)).sum();
                rows.push(constraint!(of_tap >= here - most * (1.0 - *l)));
            }
        }
        if classes.is_empty() {
            continue;
        }
        let of_class = variables.add(variable().min(0.0));
        cost += of_class;
        for (j, l) in layouts.iter().enumerate() {
            let (base, each) = problem.pieces(j, v.what);
            let mut pieces = Expression::from(base);
            let mut most = base;
            for (other, count) in problem.variables.iter().zip(&x) {
                if let What::Units(u) = other.what {
                    pieces += each[u] * count.value();
                    most += each[u] * f64::from(other.max);
                }
            }
            for (c, of_one) in classes.iter().enumerate() {
                let price = of_one / MILLION;
                rows.push(constraint!(of_class >= price * pieces.clone() - price * most * (2.0 - *l - is(c))));
            }
        }
    }
    for clause in clauses.iter().filter(|c| Some(c.family) != without) {
        let any: Expression = clause.any.iter().map(|&(v, bound)| x[v].of(bound)).sum();
        let least = clause.layout.map_or(Expression::from(1.0), |j| Expression::from(layouts[j]));
        rows.push(constraint!(any >= least));
    }
    let mut model = variables.minimise(cost).using(microlp);
    for row in rows {
        model = model.with(row);
    }
    let solution = match model.solve() {
        Ok(solution) => solution,
        Err(ResolutionError::Infeasible) => return Ok(None),
        Err(e) => return Err(e.to_string()),
    };
    let is_one = |v: &Variable| solution.value(*v) > 0.5;
    let Some(layout) = layouts.iter().position(is_one) else { return Err("no layout was chosen".to_owned()) };
    let values = x.iter().map(|o| o.min + o.steps.iter().filter(|v| is_one(v)).count() as u32).collect();
    Ok(Some(Choice { layout, values }))
}

/// Whether a choice has what is known beforehand: firm power for load and reserve, and after the loss of the largest units.
pub(super) fn has_capacity(problem: &Problem<'_>, choice: &Choice) -> bool {
    let demand = problem.grounds[choice.layout].demand_mw;
    let mut units: Vec<f64> = Vec::new();
    for (v, &n) in problem.variables.iter().zip(&choice.values) {
        if let What::Units(u) = v.what {
            let (kind, mw) = problem.plate(u);
            if problem.is_firm(u, kind) {
                units.extend(std::iter::repeat_n(mw, n as usize));
            }
        }
    }
    units.sort_by(|a, b| b.total_cmp(a));
    let all: f64 = units.iter().sum();
    let lost: f64 = units.iter().take(problem.brief.requirements.n_k as usize).sum();
    let close = 1e-6 * demand.max(1.0);
    all >= demand * (1.0 + problem.brief.requirements.reserve_pct / 100.0) - close && all - lost >= demand - close
}
