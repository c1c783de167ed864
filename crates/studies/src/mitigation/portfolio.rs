//! The set of changes that mends most under a budget: a mixed-integer programme chooses, the engine decides.

use super::candidates::Fix;
use super::{Candidate, Cluster, Course, MitigationError, MitigationOptions, Portfolio, course};
use good_lp::{Expression, ProblemVariables, Solution, SolverModel, constraint, microlp, variable};
use network::Network;
use std::collections::HashMap;

/// Hours that decide nothing.
const EQUAL_H: f64 = 1e-9;

/// Sets that were solved, and what it takes to solve one more.
struct Sets<'a> {
    network: &'a Network,
    candidates: &'a [Candidate],
    options: &'a MitigationOptions,
    budget: f64,
    solved: HashMap<Vec<usize>, Course>,
    tries: usize,
}

impl Sets<'_> {
    fn cost(&self, set: &[usize]) -> f64 {
        set.iter().map(|&c| self.candidates[c].cost).sum()
    }

    fn may_be(&self, set: &[usize]) -> bool {
        let fix = |c: usize| &self.candidates[c].fix;
        self.cost(set) <= self.budget && set.iter().enumerate().all(|(i, &a)| set[i + 1..].iter().all(|&b| goes_with(fix(a), fix(b))))
    }

    /// The series of a set; none when there have been enough.
    fn solve(&mut self, set: &[usize]) -> Result<Option<Course>, MitigationError> {
        if let Some(known) = self.solved.get(set) {
            return Ok(Some(known.clone()));
        }
        if self.tries == 0 {
            return Ok(None);
        }
        self.tries -= 1;
        let mut changed = self.network.clone();
        set.iter().for_each(|&c| {
            self.candidates[c].fix.apply(&mut changed);
        });
        let (after, _) = course(&changed, self.options)?;
        self.solved.insert(set.to_vec(), after.clone());
        Ok(Some(after))
    }

    /// Every set that may be, unless they are more than `most`.
    fn all(&self, useful: &[usize], most: usize) -> Option<Vec<Vec<usize>>> {
        let mut all: Vec<Vec<usize>> = vec![Vec::new()];
        for &c in useful {
            let with: Vec<Vec<usize>> =
                all.iter().map(|s| s.iter().copied().chain([c]).collect()).filter(|s: &Vec<usize>| self.may_be(s)).collect();
            all.extend(with);
            if all.len() > most {
                return None;
            }
        }
        Some(all)
    }

    /// Sets one step from a set: one change more, one other in place of one, one less; what is cheap for an hour comes first.
    fn beside(&self, set: &[usize], useful: &[usize]) -> Vec<Vec<usize>> {
        let sorted = |mut s: Vec<usize>| {
            s.sort_unstable();
            s
        };
        let others = || useful.iter().copied().filter(|c| !set.contains(c));
        let without = |gone: usize| set.iter().copied().filter(move |&c| c != gone);
        let more = others().map(|c| set.iter().copied().chain([c]).collect());
        let fewer = set.iter().rev().map(|&gone| without(gone).collect());
        let other = set.iter().rev().flat_map(|&gone| others().map(move |c| without(gone).chain([c]).collect()));
        more.chain(fewer).chain(other).map(sorted).filter(|s| self.may_be(s)).collect()
    }
}

/// Chooses among the candidates that bring something; none where there is none.
pub(super) fn choose(
    network: &Network,
    base: &Course,
    clusters: &[Cluster],
    candidates: &[Candidate],
    options: &MitigationOptions,
) -> Result<Option<Portfolio>, MitigationError> {
    let useful: Vec<usize> = (0..candidates.len()).filter(|&c| candidates[c].benefit_h() > 0.0).collect();
    if useful.is_empty() {
        return Ok(None);
    }
    let budget = options.budget.unwrap_or(f64::INFINITY);
    let mut chosen = programme(clusters, candidates, &useful, budget)?;
    chosen.sort_unstable();
    let taken = |k: usize| chosen.iter().map(|&c| candidates[c].mended_h[k]).sum::<f64>().min(clusters[k].hours);
    let expected_h = (0..clusters.len()).map(taken).sum::<f64>();
    let mut solved: HashMap<Vec<usize>, Course> = useful.iter().map(|&c| (vec![c], candidates[c].course.clone())).collect();
    solved.insert(Vec::new(), base.clone());
    let mut sets = Sets { network, candidates, options, budget, solved, tries: options.sets_max };
    let Some(mut now) = sets.solve(&chosen)? else { return Ok(None) };
    let is_better = |set: (&Course, f64), than: (&Course, f64)| {
        let gain = than.0.total_h() - set.0.total_h();
        set.0.unsettled <= than.0.unsettled && (gain > EQUAL_H || (gain >= -EQUAL_H && set.1 < than.1))
    };
    // Where they are few, every set is solved, and the best of them is the best there is.
    let all = sets.all(&useful, options.sets_max);
    for set in all.iter().flatten() {
        let Some(after) = sets.solve(set)? else { break };
        if is_better((&after, sets.cost(set)), (&now, sets.cost(&chosen))) {
            (chosen, now) = (set.clone(), after);
        }
    }
    'better: while all.is_none() {
        let cost = sets.cost(&chosen);
        for set in sets.beside(&chosen, &useful) {
            let cheaper = sets.cost(&set) < cost;
            // Nothing is left to mend: only what costs less is worth a look.
            if now.total_h() <= EQUAL_H && !cheaper {
                continue;
            }
            let Some(after) = sets.solve(&set)? else { break 'better };
            if is_better((&after, sets.cost(&set)), (&now, cost)) {
                (chosen, now) = (set, after);
                continue 'better;
            }
        }
        break;
    }
    if chosen.is_empty() || now.total_h() >= base.total_h() - EQUAL_H {
        return Ok(None);
    }
    Ok(Some(Portfolio { cost: sets.cost(&chosen), chosen, expected_h, is_best: all.is_some(), course: now }))
}

fn goes_with(a: &Fix, b: &Fix) -> bool {
    let touched = a.touches();
    !b.touches().iter().any(|t| touched.contains(t))
}

/// The mixed-integer programme; places among the candidates. First the most hours, then of all sets that give as many the cheapest: one objective
/// with two weights would leave the cost to the solver's tolerance.
fn programme(clusters: &[Cluster], candidates: &[Candidate], useful: &[usize], budget: f64) -> Result<Vec<usize>, MitigationError> {
    let (_, most) = solved(clusters, candidates, useful, budget, None)?;
    // A millionth of an hour is left to the solver's tolerance.
    let least = most - 1e-6 * most.abs().max(1.0);
    solved(clusters, candidates, useful, budget, Some(least)).map(|found| found.0)
}

/// The set of most hours; with `least_h` the cheapest that takes so many. Returns it and its hours.
fn solved(
    clusters: &[Cluster],
    candidates: &[Candidate],
    useful: &[usize],
    budget: f64,
    least_h: Option<f64>,
) -> Result<(Vec<usize>, f64), MitigationError> {
    let mut variables = ProblemVariables::new();
    let x: Vec<_> = useful.iter().map(|_| variables.add(variable().binary())).collect();
    let y: Vec<_> = clusters.iter().map(|c| variables.add(variable().min(0.0).max(c.hours))).collect();
    let largest = useful.iter().map(|&c| candidates[c].cost).fold(0.0, f64::max).max(1e-9);
    let mut hours = Expression::from(0.0);
    for v in &y {
        hours += *v;
    }
    for (v, &c) in x.iter().zip(useful) {
        hours -= candidates[c].new_h * *v;
    }
    // Costs as shares of the largest, so that both kinds of objective are of a size.
    let cost: Expression = x.iter().zip(useful).map(|(x, &c)| candidates[c].cost / largest * *x).sum();
    let objective = if least_h.is_some() { -cost.clone() } else { hours.clone() };
    let mut model = variables.maximise(objective).using(microlp);
    for (k, v) in y.iter().enumerate() {
        let taken: Expression = x.iter().zip(useful).map(|(x, &c)| candidates[c].mended_h[k] * *x).sum();
        model = model.with(constraint!(*v <= taken));
    }
    if budget.is_finite() {
        model = model.with(constraint!(cost <= budget / largest));
    }
    if let Some(least) = least_h {
        model = model.with(constraint!(hours.clone() >= least));
    }
    for i in 0..useful.len() {
        for j in i + 1..useful.len() {
            if !goes_with(&candidates[useful[i]].fix, &candidates[useful[j]].fix) {
                model = model.with(constraint!(x[i] + x[j] <= 1.0));
            }
        }
    }
    let solution = model.solve().map_err(|e| MitigationError::Solver { reason: e.to_string() })?;
    let mut chosen: Vec<usize> = x.iter().zip(useful).filter(|(x, _)| solution.value(**x) > 0.5).map(|(_, &c)| c).collect();
    // The solver's tolerance must not overspend.
    while chosen.iter().map(|&c| candidates[c].cost).sum::<f64>() > budget {
        chosen.pop();
    }
    Ok((chosen, hours.eval_with(&solution)))
}
