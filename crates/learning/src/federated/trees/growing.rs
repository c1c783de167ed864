//! The coordinator's side: from sums to cuts, from sums to trees.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::super::digest::Digest;
use super::super::federation::Site;
use super::super::site::{Model, Question};
use super::ensemble::Ensemble;
use super::plan::{Ask, Plan, PlanFault, Target, Task, packed};
use crate::boosting::bins::{Cuts, MISSING};
use crate::boosting::grow::{Division, Grower, Histogram};
use crate::tree::Tree;

/// Fewer rows than these in all sites together teach nothing.
const LEAST_ROWS: f64 = 20.0;

/// What a sum led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absorbed {
    /// The next sum can be asked for.
    More,
    /// A site that the tree is of was missing: the level was dropped, and the tree stays with so many levels of questions.
    Shortened {
        /// Levels.
        levels: usize,
    },
    /// A candidate is there to be judged.
    Ready,
}

/// The trees of one round on their way, one of each chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Progress {
    growers: Vec<Grower>,
    /// By chain, by level.
    divisions: Vec<Vec<Vec<Division>>>,
    /// The sites that the sums so far are of; none before the first.
    cohort: Option<BTreeSet<Site>>,
}

/// Cuts and first answers, as counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Counted {
    cuts: Cuts,
    bases: Vec<f64>,
}

/// Trees that grow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growing {
    plan: Plan,
    released: Ensemble,
    /// Digest of `released` as it travels.
    after: Digest,
    counted: Option<Counted>,
    since: Vec<Vec<Tree>>,
    /// Gain by feature of all trees, those since among them.
    gains: Vec<f64>,
    progress: Option<Progress>,
    /// A round of trees found nothing to split, so that no later one will.
    exhausted: bool,
}

fn travelling(model: &Ensemble) -> Model {
    Model::Trees(Box::new(model.clone()))
}

impl Growing {
    /// Nothing counted, nothing grown.
    ///
    /// # Errors
    ///
    /// All faults of the plan.
    pub fn new(plan: Plan) -> Result<Self, Vec<PlanFault>> {
        let faults = plan.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let released = Ensemble::first(&plan);
        let after = travelling(&released).digest();
        let gains = vec![0.0; plan.scales.len()];
        Ok(Self { plan, released, after, counted: None, since: Vec::new(), gains, progress: None, exhausted: false })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The model that counts.
    pub fn released(&self) -> &Ensemble {
        &self.released
    }

    /// The model that counts, as it travels.
    pub fn model(&self) -> Model {
        travelling(&self.released)
    }

    /// The model with the trees since.
    pub fn candidate(&self) -> Ensemble {
        let mut model = self.released.clone();
        if let Some(counted) = &self.counted {
            model.cuts = Some(counted.cuts.clone());
            model.bases.clone_from(&counted.bases);
        }
        model.trees.extend(self.since.iter().cloned());
        let sum: f64 = self.gains.iter().sum();
        if sum > 0.0 {
            model.importance = self.gains.iter().map(|g| g / sum).collect();
        }
        model
    }

    /// Makes the candidate the model that counts.
    pub fn accept(&mut self) {
        self.released = self.candidate();
        self.after = travelling(&self.released).digest();
        self.since.clear();
    }

    /// Forgets the trees since.
    pub fn reject(&mut self) {
        self.since.clear();
        self.progress = None;
    }

    fn grown(&self) -> usize {
        self.released.trees.len() + self.since.len()
    }

    /// Whether a candidate waits to be judged.
    pub fn ready(&self) -> bool {
        let whole = self.since.len() >= self.plan.trees_per_version as usize || self.grown() >= self.plan.trees as usize || self.exhausted;
        !self.since.is_empty() && whole
    }

    /// Whether all trees are grown and released, or no more would gain anything.
    pub fn done(&self) -> bool {
        self.since.is_empty() && (self.exhausted || self.grown() >= self.plan.trees as usize)
    }

    /// Trees a class that are grown, those not yet released among them.
    pub fn trees(&self) -> usize {
        self.grown()
    }

    /// The sites that the tree at hand is of; whoever is there when it is to begin.
    pub fn cohort(&self) -> Option<&BTreeSet<Site>> {
        self.progress.as_ref().and_then(|p| p.cohort.as_ref())
    }

    /// Trees of this round, as far as they will be grown.
    fn seedlings(&self) -> Progress {
        let columns: Vec<usize> = (0..self.plan.scales.len()).collect();
        let chains = self.plan.chains();
        Progress { growers: vec![Grower::new(columns, self.plan.limits); chains], divisions: vec![Vec::new(); chains], cohort: None }
    }

    /// What the sites are asked next.
    pub fn question(&self) -> Question {
        let task = match &self.counted {
            None => Task::Count,
            Some(Counted { cuts, bases }) => {
                let progress = self.progress.clone().unwrap_or_else(|| self.seedlings());
                Task::Sum {
                    after: self.after,
                    cuts: cuts.clone(),
                    bases: bases.clone(),
                    since: self.since.clone(),
                    wanted: progress.growers.iter().map(|g| g.wanted().iter().map(|w| w.node).collect()).collect(),
                    divisions: progress.divisions,
                }
            }
        };
        Question::Trees(Box::new(Ask { plan: self.plan.clone(), task }))
    }

    /// How many numbers the next sum has.
    pub fn values(&self) -> usize {
        let Question::Trees(ask) = self.question() else { return 0 };
        ask.values()
    }

    /// The state after the sum of `rows` rows of these sites.
    ///
    /// # Errors
    ///
    /// In words: what sums of rows cannot be.
    pub fn after(&self, values: &[f64], rows: f64, sites: &BTreeSet<Site>) -> Result<(Self, Absorbed), String> {
        let mut next = self.clone();
        let Some(counted) = &self.counted else {
            next.counted = Some(self.read_counts(values, rows)?);
            return Ok((next, Absorbed::More));
        };
        let mut progress = self.progress.clone().unwrap_or_else(|| self.seedlings());
        if progress.cohort.as_ref().is_some_and(|cohort| cohort != sites) {
            let levels = next.shorten().unwrap_or(0);
            return Ok((next, Absorbed::Shortened { levels }));
        }
        progress.cohort = Some(sites.clone());
        let mut blocks = values.chunks_exact(packed(&counted.cuts));
        for (grower, divisions) in progress.growers.iter_mut().zip(&mut progress.divisions) {
            let wanted = grower.wanted();
            if wanted.is_empty() {
                continue;
            }
            let mut histograms = Vec::new();
            for w in wanted {
                let block = blocks.next().ok_or("fewer sums than were asked for")?;
                histograms.push((w.node, unpack(block, &counted.cuts)));
            }
            divisions.push(grower.supply(&counted.cuts, histograms).map_err(|e| e.to_string())?);
        }
        let over = progress.growers.iter().all(|g| g.wanted().is_empty());
        next.progress = Some(progress);
        if over {
            next.finish();
        }
        let absorbed = if next.ready() { Absorbed::Ready } else { Absorbed::More };
        Ok((next, absorbed))
    }

    /// Leaves the trees at hand as they are grown; how many levels of questions they have.
    pub fn shorten(&mut self) -> Option<usize> {
        let progress = self.progress.as_ref()?;
        let levels = progress.divisions.iter().map(|d| d.iter().filter(|level| !level.is_empty()).count()).max().unwrap_or(0);
        self.finish();
        Some(levels)
    }

    fn finish(&mut self) {
        let Some(progress) = self.progress.take() else { return };
        let mut round = Vec::new();
        for grower in progress.growers {
            let (mut tree, gains) = grower.finish();
            for (feature, gain) in gains {
                self.gains[feature] += gain;
            }
            for node in 0..tree.len() {
                tree.set_value(node, self.plan.learning_rate * tree.values(node)[0]);
            }
            round.push(tree);
        }
        self.exhausted = round.iter().all(|tree| tree.len() == 1);
        self.since.push(round);
    }

    fn read_counts(&self, values: &[f64], rows: f64) -> Result<Counted, String> {
        let plan = &self.plan;
        if values.len() != plan.counted() {
            return Err(format!("{} counts where {} were asked for", values.len(), plan.counted()));
        }
        if rows < LEAST_ROWS {
            return Err(format!("{rows} rows in all sites together; trees need {LEAST_ROWS} at least"));
        }
        let whole = |part: &[f64]| part.iter().all(|c| *c >= 0.0 && c.fract() == 0.0) && part.iter().sum::<f64>() == rows;
        let cells = plan.cells as usize;
        let mut cuts = Vec::new();
        for feature in 0..plan.scales.len() {
            let part = &values[feature * (cells + 1)..][..cells + 1];
            if !whole(part) {
                return Err(format!("the counts of feature {feature} are not those of {rows} rows"));
            }
            let counts: Vec<u64> = part[..cells].iter().map(|c| *c as u64).collect();
            cuts.push(plan.cuts_of(feature, &counts));
        }
        let of_target = &values[plan.scales.len() * (cells + 1)..];
        let bases = match plan.target {
            Target::Number { .. } => vec![of_target[0] / rows],
            Target::Classes(_) if !whole(of_target) => return Err(format!("the counts of classes are not those of {rows} rows")),
            Target::Classes(classes) => {
                // A class without rows, or one of all rows, is given half a row.
                let odds = |n: f64| {
                    let mean = (n / rows).clamp(0.5 / rows, 1.0 - 0.5 / rows);
                    (mean / (1.0 - mean)).ln()
                };
                if classes == 2 { vec![odds(of_target[1])] } else { of_target.iter().map(|n| odds(*n)).collect() }
            }
        };
        let cuts = Cuts::agreed(cuts).map_err(|e| e.to_string())?;
        Ok(Counted { cuts, bases })
    }
}

/// A histogram from its used bins.
fn unpack(values: &[f64], cuts: &Cuts) -> Histogram {
    let mut histogram = Histogram::new(cuts.features());
    let (mut pairs, _) = values.as_chunks::<2>();
    for feature in 0..cuts.features() {
        let bins = cuts.of_feature(feature).len() + 1;
        let column = histogram.column_mut(feature);
        column[..bins].copy_from_slice(&pairs[..bins]);
        column[usize::from(MISSING)] = pairs[bins];
        pairs = &pairs[bins + 1..];
    }
    histogram
}
