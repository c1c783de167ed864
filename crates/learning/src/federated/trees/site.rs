//! A site's side: its rows, which it counts, sums and divides as it is told.

use super::super::average::{AverageError, Score};
use super::super::federation::{Federation, Site as Place};
use super::super::site::{Judgement, Model, Question, SiteError, SiteModel, Update};
use super::ensemble::{Ensemble, good_cuts, good_trees};
use super::growing::{Absorbed, Growing};
use super::plan::{Ask, Plan, Target, Task};
use crate::boosting::Objective;
use crate::boosting::bins::{Cuts, MISSING};
use crate::boosting::grow::{Division, Histogram};
use crate::boosting::site::Site;
use crate::matrix::Matrix;
use crate::tree::Tree;

/// Rows with what is to be said of each; NaN is a missing value.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeRows {
    features: Matrix,
    target: Vec<f64>,
}

impl TreeRows {
    /// Rows of raw features in their units, and as many targets.
    ///
    /// # Errors
    ///
    /// `Shape` without rows, with other lengths or other features than the plan's; `Value` for infinity, a target that is none, a class that there is not.
    pub fn new(plan: &Plan, features: Matrix, target: Vec<f64>) -> Result<Self, AverageError> {
        if features.rows() != target.len() || target.is_empty() {
            return Err(AverageError::Shape { what: "rows with a target", given: target.len(), needed: features.rows().max(1) });
        }
        if features.columns() != plan.scales.len() {
            return Err(AverageError::Shape { what: "features", given: features.columns(), needed: plan.scales.len() });
        }
        for (row, &y) in target.iter().enumerate() {
            if let Some(column) = features.row(row).iter().position(|v| v.is_infinite()) {
                return Err(AverageError::Value { row, what: format!("feature {column}"), value: features.at(row, column) });
            }
            let fits = match plan.target {
                Target::Classes(classes) => y >= 0.0 && y < f64::from(classes) && y.fract() == 0.0,
                Target::Number { .. } => y.is_finite(),
            };
            if !fits {
                return Err(AverageError::Value { row, what: "the target".to_owned(), value: y });
            }
        }
        Ok(Self { features, target })
    }

    /// The features.
    pub fn features(&self) -> &Matrix {
        &self.features
    }

    /// The targets.
    pub fn target(&self) -> &[f64] {
        &self.target
    }
}

/// Rows by bins under the cuts that were agreed, with the trees that were added to them.
struct Binned {
    cuts: Cuts,
    bases: Vec<f64>,
    trees: Vec<Vec<Tree>>,
    chains: Vec<Site>,
}

/// A site with rows to train on and rows kept apart to judge by.
pub struct TreeSite {
    plan: Plan,
    rows: TreeRows,
    held_out: TreeRows,
    released: Ensemble,
    alone: Option<Score>,
    binned: Option<Binned>,
}

fn rows_error(what: &str) -> SiteError {
    SiteError::Rows { what: what.to_owned() }
}

impl TreeSite {
    /// A site. `alone` is how the site's own model, trained on its own rows, does on `held_out`, for comparison.
    pub fn new(plan: Plan, rows: TreeRows, held_out: TreeRows, alone: Option<Score>) -> Self {
        let released = Ensemble::first(&plan);
        Self { plan, rows, held_out, released, alone, binned: None }
    }

    /// The model as last released to the site, or the one without trees.
    pub fn model(&self) -> &Ensemble {
        &self.released
    }

    /// The answer to a question, every number a multiple of `step`, which is a power of two.
    ///
    /// # Errors
    ///
    /// `Rows` for a question of another plan, after another model, or with cuts, trees or divisions that cannot be.
    pub fn sums(&mut self, ask: &Ask, step: f64) -> Result<Vec<f64>, SiteError> {
        if ask.plan != self.plan {
            return Err(rows_error("the question is of another plan than the one agreed upon"));
        }
        match &ask.task {
            Task::Count => Ok(self.count(step)),
            Task::Sum { after, cuts, bases, since, divisions, wanted } => {
                let (columns, chains) = (self.plan.scales.len(), self.plan.chains());
                if *after != Model::Trees(Box::new(self.released.clone())).digest() {
                    return Err(rows_error("the question follows another model than the one released last"));
                }
                let sound = good_cuts(cuts, columns)
                    && bases.len() == chains
                    && bases.iter().all(|b| b.is_finite())
                    && good_trees(since, columns, chains)
                    && divisions.len() == chains
                    && wanted.len() == chains
                    && divisions.iter().zip(wanted).all(|(divisions, wanted)| good_course(divisions, wanted, cuts));
                if !sound {
                    return Err(rows_error("cuts, trees or divisions of the question cannot be"));
                }
                self.follow(cuts, bases, since);
                Ok(self.histograms(divisions, wanted, step))
            }
        }
    }

    fn count(&self, step: f64) -> Vec<f64> {
        let plan = &self.plan;
        let mut counts = vec![0.0; plan.counted()];
        let cells = plan.cells as usize;
        for feature in 0..plan.scales.len() {
            let edges = plan.edges(feature);
            let part = &mut counts[feature * (cells + 1)..][..cells + 1];
            for value in self.rows.features.column(feature) {
                part[if value.is_nan() { cells } else { edges.partition_point(|e| *e < value) }] += 1.0;
            }
        }
        let of_target = &mut counts[plan.scales.len() * (cells + 1)..];
        for &y in &self.rows.target {
            match plan.target {
                Target::Classes(_) => of_target[y as usize] += 1.0,
                Target::Number { limit } => of_target[0] += (y.clamp(-limit, limit) / step).round() * step,
            }
        }
        counts
    }

    /// Brings the margins of the own rows up to the trees released and those since.
    fn follow(&mut self, cuts: &Cuts, bases: &[f64], since: &[Vec<Tree>]) {
        let all: Vec<&Vec<Tree>> = self.released.trees.iter().chain(since).collect();
        let goes_on = self.binned.as_ref().is_some_and(|b| {
            b.cuts == *cuts && b.bases == bases && b.trees.len() <= all.len() && b.trees.iter().zip(&all).all(|(a, b)| a == *b)
        });
        if !goes_on {
            let of_chain = |chain: usize| -> Vec<f64> {
                let class = if self.plan.chains() == 1 { 1.0 } else { chain as f64 };
                let one = |&y: &f64| match self.plan.target {
                    Target::Classes(_) => f64::from(u8::from(y == class)),
                    Target::Number { .. } => y,
                };
                self.rows.target.iter().map(one).collect()
            };
            let chain = |(chain, base): (usize, &f64)| Site::new(&self.rows.features, &of_chain(chain), cuts, *base);
            let chains = bases.iter().enumerate().map(chain).collect();
            self.binned = Some(Binned { cuts: cuts.clone(), bases: bases.to_vec(), trees: Vec::new(), chains });
        }
        let Some(binned) = &mut self.binned else { return };
        for round in &all[binned.trees.len()..] {
            for (tree, chain) in round.iter().zip(&mut binned.chains) {
                chain.follow(tree, &self.rows.features);
            }
            binned.trees.push((*round).clone());
        }
    }

    fn histograms(&mut self, divisions: &[Vec<Vec<Division>>], wanted: &[Vec<usize>], step: f64) -> Vec<f64> {
        let Some(binned) = &mut self.binned else { return Vec::new() };
        let objective = match self.plan.target {
            Target::Classes(_) => Objective::Logistic,
            Target::Number { .. } => Objective::SquaredError,
        };
        let columns: Vec<usize> = (0..self.plan.scales.len()).collect();
        let mut values = Vec::new();
        for ((chain, divisions), wanted) in binned.chains.iter_mut().zip(divisions).zip(wanted) {
            if wanted.is_empty() {
                continue;
            }
            chain.start(objective, (0..self.rows.target.len() as u32).collect());
            chain.round_gradients(self.plan.per_row(), step);
            divisions.iter().for_each(|level| chain.divide(level));
            for &node in wanted {
                pack(&chain.histogram(node, &columns), &binned.cuts, &mut values);
            }
        }
        values
    }
}

/// Whether divisions and wanted nodes could have come out of growing a tree.
fn good_course(divisions: &[Vec<Division>], wanted: &[usize], cuts: &Cuts) -> bool {
    let mut leaf = vec![true];
    for d in divisions.iter().flatten() {
        if d.left != leaf.len() || d.feature >= cuts.features() || !leaf.get(d.node).copied().unwrap_or(false) {
            return false;
        }
        leaf[d.node] = false;
        leaf.extend([true, true]);
    }
    let mut asked = vec![false; leaf.len()];
    wanted.iter().all(|&node| node < leaf.len() && leaf[node] && !std::mem::replace(&mut asked[node], true))
}

/// The used bins of a histogram, one feature after another: its bins, then the missing.
pub(super) fn pack(histogram: &Histogram, cuts: &Cuts, values: &mut Vec<f64>) {
    for feature in 0..cuts.features() {
        let column = histogram.column(feature);
        for bin in &column[..=cuts.of_feature(feature).len()] {
            values.extend_from_slice(bin);
        }
        values.extend_from_slice(&column[usize::from(MISSING)]);
    }
}

impl SiteModel for TreeSite {
    fn update(&mut self, federation: &Federation, _: Place, _: u64, question: &Question) -> Result<Update, SiteError> {
        let Question::Trees(ask) = question else { return Err(SiteError::Kind) };
        let coding = question.coding(federation).map_err(|e| SiteError::Rows { what: e.to_string() })?;
        let values = self.sums(ask, coding.step())?;
        Ok(Update { values, weight: self.rows.target.len() as u64 })
    }

    fn judge(&mut self, candidate: &Model) -> Result<Judgement, SiteError> {
        let Model::Trees(candidate) = candidate else { return Err(SiteError::Kind) };
        candidate.check(&self.plan).map_err(|e| SiteError::Rows { what: e.to_string() })?;
        let score = |model: &Ensemble| model.score(&self.held_out).map_err(|e| SiteError::Rows { what: e.to_string() });
        Ok(Judgement { before: score(&self.released)?, after: score(candidate)?, alone: self.alone })
    }

    fn release(&mut self, model: &Model) -> Result<(), SiteError> {
        let Model::Trees(model) = model else { return Err(SiteError::Kind) };
        model.check(&self.plan).map_err(|e| SiteError::Rows { what: e.to_string() })?;
        self.released = (**model).clone();
        Ok(())
    }
}

/// The same trees of one place that has all rows: what a federation of these rows is compared with, and what a site has alone.
///
/// # Errors
///
/// `Rows` for a plan or rows from which no tree can be grown.
pub fn in_one_place(plan: &Plan, rows: &TreeRows, step: f64) -> Result<Ensemble, SiteError> {
    let error = |what: String| SiteError::Rows { what };
    let mut growing =
        Growing::new(plan.clone()).map_err(|faults| error(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
    let mut site = TreeSite::new(plan.clone(), rows.clone(), rows.clone(), None);
    let all = std::collections::BTreeSet::from([Place(0)]);
    while !growing.done() {
        let Question::Trees(ask) = growing.question() else { return Err(SiteError::Kind) };
        let sums = site.sums(&ask, step)?;
        let (next, absorbed) = growing.after(&sums, rows.target.len() as f64, &all).map_err(error)?;
        growing = next;
        if absorbed == Absorbed::Ready {
            growing.accept();
            site.release(&growing.model())?;
        }
    }
    Ok(growing.released().clone())
}
