//! Detectors of odd days.
//!
//! Each figure of each asset is centred and scaled by its median and its median absolute deviation (times 1.4826) over the days of training, so
//! that assets of one type go into one model. A detector then gives each day a score:
//!
//! * [`Method::Forest`]: that of an isolation forest (`learning::isolation`) grown to the scaled days of training;
//! * [`Method::Largest`]: the largest magnitude among the scaled figures.
//!
//! A day is odd when its score is above the highest of the days by which the threshold is set (later ones than those of training, also sound),
//! and for the second method by a margin of a tenth besides. A spread is at least what the instruments can tell ([`Days::least`]): a gas that
//! was never there in training has none of its own.

use super::day::Days;
use learning::isolation::{IsolationForest, Options};
use learning::matrix::Matrix;
use learning::metrics::median;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// How a day gets its score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Forest,
    Largest,
}

/// Why there is no detector, or no score.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    #[error("there are {found} days of training of {asset}; {needed} are needed")]
    Few { asset: String, found: usize, needed: usize },
    #[error("there is no day by which to set the threshold")]
    NoThreshold,
    #[error("{asset} was not there in training")]
    UnknownAsset { asset: String },
    #[error("{asset} has other figures than those of training: {found}, and not {expected}")]
    Figures { asset: String, found: String, expected: String },
    #[error("figure \"{name}\" of {asset} is no number on day {day}")]
    NotFinite { asset: String, name: String, day: usize },
    #[error("the forest could not be grown: {0}")]
    Forest(String),
}

/// Days of training that an asset has to have.
const NEEDED: usize = 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Scale {
    centre: Vec<f64>,
    spread: Vec<f64>,
}

/// A detector for the assets of one type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    pub method: Method,
    names: Vec<String>,
    scales: BTreeMap<String, Scale>,
    forest: Option<IsolationForest>,
    /// Figures that changed in training: a forest can split no others.
    split: Vec<usize>,
    pub threshold: f64,
}

/// A day's score, and what it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    pub day: usize,
    pub score: f64,
    pub odd: bool,
    /// The figure that is furthest from its centre, and by how many spreads.
    pub figure: usize,
    pub spreads: f64,
}

impl Detector {
    /// Fits a detector to the days `training` of all assets and sets its threshold by the days `setting`.
    ///
    /// # Errors
    /// Too few days, figures that are no numbers, assets with other figures.
    pub fn fit(all: &[Days], training: Range<usize>, setting: Range<usize>, method: Method, seed: u64) -> Result<Self, WatchError> {
        let names = all.first().map(|d| d.names.clone()).unwrap_or_default();
        let mut scales = BTreeMap::new();
        for days in all {
            check(days, &names)?;
            let rows: Vec<usize> = (0..days.day.len()).filter(|&k| training.contains(&days.day[k])).collect();
            if rows.len() < NEEDED {
                return Err(WatchError::Few { asset: days.asset.clone(), found: rows.len(), needed: NEEDED });
            }
            let of = |j: usize| rows.iter().map(|&k| days.row(k)[j]).collect::<Vec<f64>>();
            let centre: Vec<f64> = (0..names.len()).map(|j| median(&mut of(j))).collect();
            let spread = (0..names.len())
                .map(|j| {
                    let apart = median(&mut of(j).iter().map(|x| (x - centre[j]).abs()).collect::<Vec<_>>());
                    (1.4826 * apart).max(days.least[j])
                })
                .collect();
            scales.insert(days.asset.clone(), Scale { centre, spread });
        }
        let mut detector = Self { method, names, scales, forest: None, split: Vec::new(), threshold: f64::INFINITY };
        if method == Method::Forest {
            let mut rows: Vec<Vec<f64>> = Vec::new();
            for days in all {
                for k in (0..days.day.len()).filter(|&k| training.contains(&days.day[k])) {
                    rows.push(detector.scaled(days, k)?);
                }
            }
            detector.split = (0..detector.names.len()).filter(|&j| rows.iter().any(|r| r[j] != rows[0][j])).collect();
            let mut table = Matrix::new(detector.split.len());
            rows.iter().for_each(|r| table.push(&detector.chosen(r)));
            let options = Options { trees: 200, sample: 256, seed };
            detector.forest = Some(IsolationForest::fit(&table, &options).map_err(|e| WatchError::Forest(e.to_string()))?);
        }
        let mut highest = f64::NEG_INFINITY;
        for days in all {
            for scored in detector.score(days)?.iter().filter(|s| setting.contains(&s.day)) {
                highest = highest.max(scored.score);
            }
        }
        if !highest.is_finite() {
            return Err(WatchError::NoThreshold);
        }
        detector.threshold = if method == Method::Largest { 1.1 * highest } else { highest };
        Ok(detector)
    }

    /// Names of the figures.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn chosen(&self, row: &[f64]) -> Vec<f64> {
        self.split.iter().map(|&j| row[j]).collect()
    }

    fn scaled(&self, days: &Days, k: usize) -> Result<Vec<f64>, WatchError> {
        let scale = self.scales.get(&days.asset).ok_or_else(|| WatchError::UnknownAsset { asset: days.asset.clone() })?;
        Ok(days.row(k).iter().zip(&scale.centre).zip(&scale.spread).map(|((x, c), s)| (x - c) / s).collect())
    }

    /// Scores of all days of an asset.
    ///
    /// # Errors
    /// An asset that was not there in training; other figures; a figure that is no number.
    pub fn score(&self, days: &Days) -> Result<Vec<Scored>, WatchError> {
        check(days, &self.names)?;
        let mut table = Matrix::new(self.names.len());
        for k in 0..days.day.len() {
            table.push(&self.scaled(days, k)?);
        }
        let scores: Vec<f64> = match &self.forest {
            Some(forest) => {
                let mut split = Matrix::new(self.split.len());
                (0..table.rows()).for_each(|k| split.push(&self.chosen(table.row(k))));
                forest.score(&split).map_err(|e| WatchError::Forest(e.to_string()))?.values
            }
            None => (0..table.rows()).map(|k| table.row(k).iter().fold(0.0_f64, |a, z| a.max(z.abs()))).collect(),
        };
        let scored = days.day.iter().zip(scores).enumerate().map(|(k, (&day, score))| {
            let (figure, spreads) =
                table.row(k).iter().copied().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).unwrap_or((0, 0.0));
            Scored { day, score, odd: score > self.threshold, figure, spreads }
        });
        Ok(scored.collect())
    }
}

fn check(days: &Days, names: &[String]) -> Result<(), WatchError> {
    if days.names != names {
        return Err(WatchError::Figures { asset: days.asset.clone(), found: days.names.join(", "), expected: names.join(", ") });
    }
    let n = names.len().max(1);
    match days.values.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(WatchError::NotFinite {
            asset: days.asset.clone(),
            name: names[at % n].clone(),
            day: days.day.get(at / n).copied().unwrap_or(0),
        }),
        None => Ok(()),
    }
}
