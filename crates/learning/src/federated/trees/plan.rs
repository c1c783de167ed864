//! What all sites know before the first tree, and what they are asked on the way.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::super::digest::Digest;
use super::super::linear::Scale;
use crate::boosting::bins::Cuts;
use crate::boosting::grow::{Division, Limits};
use crate::tree::Tree;

/// What is said of a row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One of so many classes, by its number from 0.
    Classes(u32),
    /// A number; what is off by more than `limit` counts as off by `limit` (the gradient of Huber's loss), and numbers beyond it as `limit` in the first answer.
    Number {
        /// In the unit of the number.
        limit: f64,
    },
}

/// What is agreed before anything is sent. Every site holds the same, and refuses questions of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The physical range of every feature, in its order. Values are taken raw; those beyond a range count as in its last cell, NaN as missing.
    pub scales: Vec<Scale>,
    /// Equal cells a range is parted into for counting, 8 to 4096.
    pub cells: u32,
    /// Bins a feature, 2 to 255.
    pub bins: u32,
    /// What is said of a row.
    pub target: Target,
    /// Trees a class.
    pub trees: u32,
    /// What part of a tree's values counts.
    pub learning_rate: f64,
    /// What a tree may become.
    pub limits: Limits,
    /// Trees a class after which sites judge and a version is released.
    pub trees_per_version: u32,
}

/// What is wrong with a plan.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum PlanFault {
    /// A number.
    #[error("{name} is {value}; it has to be {range}")]
    Number {
        /// Which.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// A feature without a usable range.
    #[error(
        "the range of feature {feature} (\"{name}\") is {low} to {high}; it has to ascend by finite numbers, above 0 where it is by logarithm, wide enough for its cells"
    )]
    Range {
        /// Its number.
        feature: usize,
        /// Its name.
        name: String,
        /// As given.
        low: f64,
        /// As given.
        high: f64,
    },
}

impl Plan {
    /// Everything that is wrong with it, at once.
    pub fn faults(&self) -> Vec<PlanFault> {
        let mut faults = Vec::new();
        let mut number = |name, value: f64, range, fits: bool| {
            if !(fits && value.is_finite()) {
                faults.push(PlanFault::Number { name, value, range });
            }
        };
        number("the number of features", self.scales.len() as f64, "1 to 4096", (1..=4096).contains(&self.scales.len()));
        number("cells", f64::from(self.cells), "8 to 4096", (8..=4096).contains(&self.cells));
        number("bins", f64::from(self.bins), "2 to 255", (2..=255).contains(&self.bins));
        number("trees", f64::from(self.trees), "1 to 10000", (1..=10_000).contains(&self.trees));
        number("trees_per_version", f64::from(self.trees_per_version), "1 or more", self.trees_per_version >= 1);
        let rate = self.learning_rate;
        number("learning_rate", rate, "above 0 and at most 1", rate > 0.0 && rate <= 1.0);
        let limits = self.limits;
        number("depth", limits.depth as f64, "1 to 16", (1..=16).contains(&limits.depth));
        for (name, value) in [("lambda", limits.lambda), ("gamma", limits.gamma), ("least_hessian", limits.least_hessian)] {
            number(name, value, "0 or more", value >= 0.0);
        }
        match self.target {
            Target::Classes(classes) => number("classes", f64::from(classes), "2 to 256", (2..=256).contains(&classes)),
            Target::Number { limit } => number("limit", limit, "above 0 and at most 1e9", limit > 0.0 && limit <= 1e9),
        }
        if (8..=4096).contains(&self.cells) {
            for (feature, scale) in self.scales.iter().enumerate() {
                let ascends = scale.low.is_finite()
                    && scale.high.is_finite()
                    && scale.low < scale.high
                    && (!scale.logarithmic || scale.low > 0.0)
                    && self.edges(feature).is_sorted_by(|a, b| a < b);
                if !ascends {
                    faults.push(PlanFault::Range { feature, name: scale.name.clone(), low: scale.low, high: scale.high });
                }
            }
        }
        faults
    }

    /// Edges between the cells of a feature, in its unit: one less than cells.
    pub fn edges(&self, feature: usize) -> Vec<f64> {
        let scale = &self.scales[feature];
        let part = |cell: u32| f64::from(cell) / f64::from(self.cells);
        let edge = |cell: u32| {
            if scale.logarithmic {
                (scale.low.ln() + (scale.high.ln() - scale.low.ln()) * part(cell)).exp()
            } else {
                scale.low + (scale.high - scale.low) * part(cell)
            }
        };
        (1..self.cells).map(edge).collect()
    }

    /// Trees that are grown side by side.
    pub fn chains(&self) -> usize {
        match self.target {
            Target::Classes(classes) if classes > 2 => classes as usize,
            _ => 1,
        }
    }

    /// The greatest magnitude of a row's gradient or hessian, or of its part in a count.
    pub fn per_row(&self) -> f64 {
        match self.target {
            Target::Classes(_) => 1.0,
            Target::Number { limit } => limit.max(1.0),
        }
    }

    /// Numbers of a count: cells and missing ones of each feature, then rows by class or the sum of targets.
    pub(super) fn counted(&self) -> usize {
        let of_target = match self.target {
            Target::Classes(classes) => classes as usize,
            Target::Number { .. } => 1,
        };
        self.scales.len() * (self.cells as usize + 1) + of_target
    }

    /// Cuts between about equally many of the counted rows, at most `bins - 1` of them, each an edge between two cells that have rows.
    pub fn cuts_of(&self, feature: usize, counts: &[u64]) -> Vec<f64> {
        let edges = self.edges(feature);
        let groups: Vec<(usize, u64)> = counts.iter().copied().enumerate().filter(|(_, n)| *n > 0).collect();
        let few = groups.len() <= self.bins as usize;
        let (mut left, mut bins_left, mut held) = (groups.iter().map(|g| g.1).sum::<u64>(), u64::from(self.bins), 0);
        let mut cuts = Vec::new();
        for pair in groups.windows(2) {
            held += pair[0].1;
            // What is left is shared anew after every bin, since a cell that holds much fills a bin of its own; the bin ends where it is nearest to its share.
            if few || (2 * held + pair[1].1) * bins_left >= 2 * left {
                // Half way to the next cell that has rows: edge `e` lies between the cells `e` and `e + 1`.
                cuts.push(edges[(pair[0].0 + pair[1].0 - 1) / 2]);
                left -= held;
                bins_left -= 1;
                held = 0;
                if bins_left == 1 && !few {
                    break;
                }
            }
        }
        cuts
    }
}

/// A question about trees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// What was agreed; a site that agreed to something else refuses.
    pub plan: Plan,
    /// What is to be summed.
    pub task: Task,
}

/// What is to be summed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Task {
    /// Rows by cell.
    Count,
    /// Gradients and hessians of nodes by bin.
    Sum {
        /// The model that the trees follow, which every site was given before.
        after: Digest,
        /// The cuts that came out of the count.
        cuts: Cuts,
        /// The first answer of each chain.
        bases: Vec<f64>,
        /// Trees since then, a list of one a chain each.
        since: Vec<Vec<Tree>>,
        /// By chain: the divisions of the levels so far.
        divisions: Vec<Vec<Vec<Division>>>,
        /// By chain: nodes whose histograms are asked for.
        wanted: Vec<Vec<usize>>,
    },
}

/// Numbers that the histogram of one node takes: gradient and hessian of every bin, and of the missing.
pub(super) fn packed(cuts: &Cuts) -> usize {
    (0..cuts.features()).map(|f| 2 * (cuts.of_feature(f).len() + 2)).sum()
}

impl Ask {
    /// How many numbers the answer has.
    pub fn values(&self) -> usize {
        match &self.task {
            Task::Count => self.plan.counted(),
            Task::Sum { cuts, wanted, .. } => wanted.iter().map(Vec::len).sum::<usize>() * packed(cuts),
        }
    }
}
