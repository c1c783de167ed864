//! What the backtest of a feeder found: which method is kept, or the mean of which, and how good that is later.
//!
//! **The choice.** The method `b` with the least mean error at the choosing origins is taken, and with it every method that is not surely behind it: with `d_i` the MASE of the
//! method less that of `b` at choosing origin `i`, the lower bound of a block bootstrap of the mean of `d` (blocks as long as two forecasts overlap and a day of
//! weather, one-sided 90 %; [`crate::blocks`]) is not above 0. Which of several level methods is the better one later is chance, and taking the one that was ahead by a little
//! takes that chance with all of the load; their plain mean errs never more than they do on average, and less as far as they err in different hours.
//! Equal weights, since weights estimated from so few independent days cost more than they bring. The week before is a method like the others: it goes in where
//! nothing is surely better, and is out otherwise.
//!
//! Sources: J. Bates, C. Granger, "The combination of forecasts", Operational Research Quarterly 20 (1969); for equal weights, J. Smith, K. Wallis, "A simple explanation
//! of the forecast combination puzzle", Oxford Bulletin of Economics and Statistics 71 (2009); for averaging what cannot be told from the best, J. Samuels, R. Sekkel, "Model
//! confidence sets and forecast combination", International Journal of Forecasting 33 (2017), after P. Hansen, A. Lunde, J. Nason, Econometrica 79 (2011).

use super::Course;
use super::bounds::{Errors, Walk};
use super::tries::{LEVEL, MEAN, Try};
use crate::blocks::mean_interval;
use crate::forecast::ModelScore;
use crate::metrics::{mae, mean, rmse as rmse_of};
use crate::module::Reliable;
use crate::modules::hourly::HOUR_S;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How sure it has to be that a method is behind the best, to both sides: one-sided 90 %.
const SURE: f64 = 0.8;

/// All methods of one feeder.
pub(super) struct Tried {
    /// Last the mean of several members, if there are several.
    pub tries: Vec<Try>,
    pub chosen: usize,
    /// The method that is kept, or those whose mean is.
    pub members: Vec<usize>,
    pub series: Arc<[f64]>,
    pub horizon_h: usize,
    pub scale: f64,
    pub origins: Vec<usize>,
    /// Places in `origins`: those that choose, and those that the figures are of; at all of them every compared method answered.
    pub choosing: Vec<usize>,
    pub judged: Vec<usize>,
    /// All places that are judged if they are answered.
    pub later: Vec<usize>,
}

impl Tried {
    /// What is kept, in words.
    pub fn words(&self) -> String {
        self.title(self.chosen)
    }

    /// A method in words.
    pub fn title(&self, i: usize) -> String {
        if self.tries[i].name == MEAN { mean_words(&self.names()) } else { self.tries[i].name.to_owned() }
    }

    /// Names of the members.
    pub fn names(&self) -> Vec<&'static str> {
        self.members.iter().map(|&i| self.tries[i].name).collect()
    }

    /// Part that a method has in what is kept.
    pub fn weight(&self, i: usize) -> f64 {
        if i == self.chosen {
            1.0
        } else if self.members.contains(&i) {
            1.0 / self.members.len() as f64
        } else {
            0.0
        }
    }

    /// The methods that can be kept.
    fn candidates(&self) -> Vec<usize> {
        (0..self.tries.len()).filter(|&i| self.tries[i].may_be_chosen && self.score(i).is_some() && self.tries[i].name != MEAN).collect()
    }

    /// The one with the least error at the choosing origins.
    pub fn best(&self) -> usize {
        let error = |i: usize| self.choosing_mase(i).unwrap_or(f64::INFINITY);
        self.candidates().into_iter().min_by(|&a, &b| error(a).total_cmp(&error(b))).unwrap_or(0)
    }

    /// The best and those that are not surely behind it. With too few origins to tell, all are.
    pub fn not_behind(&self) -> Vec<usize> {
        let best = self.best();
        self.candidates().into_iter().filter(|&i| i == best || self.behind(i).is_none_or(|b| b <= 0.0)).collect()
    }

    pub fn score(&self, i: usize) -> Option<&ModelScore> {
        self.tries[i].compared()
    }

    /// Truth and forecast at some origins, of all leads or one.
    fn pairs(&self, i: usize, origins: &[usize], lead: Option<usize>) -> (Vec<f64>, Vec<f64>) {
        let Some(score) = self.score(i) else { return Default::default() };
        let leads = lead.map_or(0..self.horizon_h, |l| l..l + 1);
        let answered = origins.iter().filter_map(|&o| Some((self.origins[o], score.ahead[o].as_ref()?)));
        answered.flat_map(|(from, said)| leads.clone().map(move |l| (self.series[from + l], said[l]))).unzip()
    }

    /// All origins of the backtest.
    pub fn origins(&self) -> usize {
        self.origins.len()
    }

    /// Origins of the judged part at which not every compared method answered, and all of that part.
    pub fn not_judged(&self) -> (usize, usize) {
        (self.later.len() - self.judged.len(), self.later.len())
    }

    pub fn mase(&self, i: usize, origins: &[usize]) -> Option<f64> {
        let (actual, said) = self.pairs(i, origins, None);
        Some(mae(&actual, &said).ok()? / self.scale)
    }

    pub fn choosing_mase(&self, i: usize) -> Option<f64> {
        self.mase(i, &self.choosing)
    }

    /// Origins that choose.
    pub fn choosing(&self) -> usize {
        self.choosing.len()
    }

    /// By how much the MASE of a method surely is above that of the best at the choosing origins: above 0 it has no part. None of the best, or where there are too
    /// few origins.
    pub fn behind(&self, i: usize) -> Option<f64> {
        let best = self.best();
        let (own, of_best) = (self.score(i)?, self.score(best)?);
        let more: Vec<f64> = self.choosing.iter().filter_map(|&o| Some(own.mase_by_origin[o]? - of_best.mase_by_origin[o]?)).collect();
        // Of a short past shorter blocks are all that there are.
        let (low, _) = mean_interval(&more, self.block().min(more.len() / 4), SURE)?;
        Some(low).filter(|_| i != best)
    }

    /// Origins that go along with each other: the days that forecasts share, and a day of weather.
    fn block(&self) -> usize {
        let stride = self.origins.get(1).zip(self.origins.first()).map_or(1, |(b, a)| b - a);
        (self.horizon_h.max(24) + 24).div_ceil(stride)
    }

    pub fn judged_mase(&self, i: usize) -> Option<f64> {
        self.mase(i, &self.judged)
    }

    pub fn judged_rmse(&self, i: usize) -> Option<f64> {
        let (actual, said) = self.pairs(i, &self.judged, None);
        rmse_of(&actual, &said).ok()
    }

    pub fn lead_rmse(&self, lead: usize) -> Option<f64> {
        let (actual, said) = self.pairs(self.chosen, &self.judged, Some(lead));
        rmse_of(&actual, &said).ok()
    }

    /// Whether the chosen method has less error than repeating the week before, where it was not chosen by.
    pub fn beats(&self) -> bool {
        match (self.judged_mase(self.chosen), self.judged_mase(0)) {
            (Some(a), Some(b)) => a < b,
            _ => false,
        }
    }

    /// Errors of what is kept, gone through with bounds of a level.
    fn walk(&self, level: f64) -> Option<Walk> {
        let score = self.score(self.chosen)?;
        let error = |(&o, said): (&usize, &Option<Vec<f64>>)| {
            let said = said.as_ref()?;
            Some(said.iter().zip(&self.series[o..]).map(|(s, y)| (s - y).abs()).collect())
        };
        let by_origin = self.origins.iter().zip(&score.ahead).map(error).collect();
        Some(Errors { origins: &self.origins, horizon: self.horizon_h, by_origin }.walk(level, self.series.len()))
    }

    /// By how much forecasts after the last hour are widened at each lead, for the kept model.
    pub fn widen_kw(&self) -> Option<Vec<f64>> {
        self.walk(LEVEL)?.widths
    }

    /// Share of judged hours within the bounds that were known at their origins, and their number.
    fn held(&self, level: f64) -> Option<(f64, usize)> {
        let walk = self.walk(level)?;
        let held: Vec<f64> = self.judged.iter().filter_map(|&o| walk.held[o]).collect();
        (!held.is_empty()).then(|| (mean(&held), held.len() * self.horizon_h))
    }

    /// The same of this feeder alone, of the level that answers have.
    pub fn held_share(&self) -> Option<f64> {
        self.held(LEVEL).map(|h| h.0)
    }

    pub fn judged_s(&self, course: &Course) -> [i64; 2] {
        let at = |i: usize| (course.first_h + i as i64) * HOUR_S;
        let first = self.judged.first().map_or(self.series.len(), |&o| self.origins[o]);
        [at(first), at(self.series.len())]
    }
}

/// Several methods in words.
pub(super) fn mean_words(names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match &names[..] {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("mean of {} and {last}", first.join(", ")),
    }
}

/// A function that gives bounds of a mean.
type Bounds = fn(&[f64], usize, f64) -> Option<(f64, f64)>;

/// MASE of the chosen methods and of the naive one, mean of feeders, with an interval over days.
pub(super) fn overall(found: &BTreeMap<String, Tried>, bounds: Bounds) -> (f64, f64, Option<(f64, f64)>) {
    let of = |pick: &dyn Fn(&Tried) -> usize| mean(&found.values().filter_map(|t| t.judged_mase(pick(t))).collect::<Vec<f64>>());
    // Feeders err together in time: what is drawn is the mean over them, counted from the last origin, of origins that are judged for all.
    let shortest = found.values().map(|t| t.later.len()).min().unwrap_or(0);
    let by_origin: Vec<f64> = (0..shortest)
        .filter_map(|k| {
            let at = |t: &Tried| {
                let origin = t.later[t.later.len() - shortest + k];
                t.judged.binary_search(&origin).ok().and_then(|_| t.score(t.chosen)?.mase_by_origin[origin])
            };
            Some(mean(&found.values().map(at).collect::<Option<Vec<f64>>>()?))
        })
        .collect();
    let first = found.values().next();
    let block = first.map_or(1, Tried::block);
    (of(&|t| t.chosen), of(&|_| 0), bounds(&by_origin, block, 0.95))
}

/// Root of the mean squared error of all feeders, chosen and naive.
pub(super) fn rmse(found: &BTreeMap<String, Tried>) -> (f64, f64) {
    let of = |pick: &dyn Fn(&Tried) -> usize| {
        let squares: Vec<f64> = found.values().filter_map(|t| t.judged_rmse(pick(t))).map(|r| r * r).collect();
        mean(&squares).sqrt()
    };
    (of(&|t| t.chosen), of(&|_| 0))
}

/// Share that bounds of several levels hold.
pub(super) fn calibration(found: &BTreeMap<String, Tried>) -> Vec<Reliable> {
    [0.5, 0.8, LEVEL]
        .into_iter()
        .filter_map(|said| {
            let held: Vec<(f64, usize)> = found.values().filter_map(|t| t.held(said)).collect();
            let rows: usize = held.iter().map(|h| h.1).sum();
            (rows > 0).then(|| Reliable { said, came: held.iter().map(|h| h.0 * h.1 as f64).sum::<f64>() / rows as f64, rows })
        })
        .collect()
}
