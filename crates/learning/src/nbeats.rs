//! N-BEATS: forecasts by blocks that each explain a part of the past and of the time to come.
//!
//! Oreshkin, Carpov, Chapados and Bengio, *N-BEATS: neural basis expansion analysis for interpretable time series forecasting* (ICLR 2020). A block is a dense
//! network `F` with weights θ of two bases for its answer; what it explains of the past is taken away before the next block looks, and what it says of the time to
//! come is added up:
//!
//! ```text
//! θ = F(x_l) = [θ_b, θ_f]      x_{l+1} = x_l - θ_b B_b      ŷ = Σ_l θ_f B_f
//!
//! trend        t^p, p = 0 … degree                  t from 0 to 1 over the window, over the horizon
//! seasonality  1/2, cos 2πkt/P, sin 2πkt/P, k = 1 … harmonics   t steps from the origin, P the longest season
//! generic      the values themselves
//! ```
//!
//! All blocks of a trend or seasonality stack share their weights, as in the paper. Since the bases are fixed, `ŷ` comes apart into a trend and a seasonality: they
//! are given with each forecast.
//!
//! **Scale.** A window of the past is brought to mean 0 and deviation 1 of its own, and its forecast back; the loss is the absolute error in units of the series
//! (weights are the windows' deviations), which is what MASE measures. **Ensemble.** Members differ in the length of their window and in their seed; the forecast is
//! their mean. **Intervals** are split conformal, step by step of the horizon: of `n` windows held out at the end of the series the `⌈(n + 1) level⌉`-th smallest
//! `|error| / deviation of the window` bounds the next one with that probability, as far as the days to come are like those held out (Vovk et al., 2005; windows
//! overlap, so it holds on the mean of many days rather than for each). With [`NBeatsOptions::refit`] members are then trained again on all of the series: their
//! errors are those of models that knew less.
//!
//! Training is on windows of all series given, one thread a member at a time; the same seed gives the same model on any number of threads.

mod plan;

use crate::forecast::{FitError, Forecast, Forecaster, Interval, check, varied};
use crate::net::{Course, NetError, TrainOptions, descend};
use plan::{Plan, Work};
use serde::{Deserialize, Serialize};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Share of the range of what was trained on by which a history may pass it without a warning.
const MARGIN: f64 = 0.1;

/// What the blocks of a stack are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Powers of time up to `degree`.
    Trend {
        degree: usize,
    },
    /// Waves of `period` steps over 1, 2, … `harmonics`.
    Seasonality {
        period: usize,
        harmonics: usize,
    },
    Generic,
}

/// Blocks with one basis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    pub basis: Basis,
    pub blocks: usize,
    /// Hidden layers of a block, and their width.
    pub layers: usize,
    pub width: usize,
    /// Whether the blocks share one set of weights.
    pub shared: bool,
}

/// What is trained, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NBeatsOptions {
    /// Steps ahead.
    pub horizon: usize,
    /// Steps of the window that members look at; each length has `members` of them.
    pub lookbacks: Vec<usize>,
    pub members: usize,
    pub stacks: Vec<Stack>,
    /// Steps of a season whose last cycle is the forecast that the blocks mend; none for the paper's form, where they begin with nothing.
    pub repeat: Option<usize>,
    /// Steps from window to window that is trained on. It should share no factor with the season: a stride of 6 hours would show the model four hours of the day
    /// alone.
    pub stride: usize,
    /// Its seed is the first member's.
    pub train: TrainOptions,
    /// Windows at the end of each series that intervals are made from; 0 for none.
    pub calibration: usize,
    /// Share of values that is to lie within the interval.
    pub level: f64,
    /// Whether members are trained again on all of the series once the intervals are known.
    pub refit: bool,
}

impl NBeatsOptions {
    /// A week of hours to a day: trend and seasonality, as the paper's interpretable form but narrower, for series of months rather than many thousands of series.
    pub fn week_to_day() -> Self {
        let stack = |basis, width| Stack { basis, blocks: 3, layers: 4, width, shared: true };
        Self {
            horizon: 24,
            lookbacks: vec![168],
            members: 4,
            stacks: vec![stack(Basis::Trend { degree: 2 }, 64), stack(Basis::Seasonality { period: 24, harmonics: 11 }, 128)],
            repeat: None,
            stride: 1,
            train: TrainOptions { epochs: 120, batch_rows: 64, rate: 1e-3, falling_rate: true, clip: Some(1.0), ..TrainOptions::default() },
            calibration: 168,
            level: 0.9,
            refit: true,
        }
    }

    fn check(&self) -> Result<(), FitError> {
        let counts = [
            ("horizon", self.horizon),
            ("members", self.members),
            ("stride", self.stride),
            ("the number of stacks", self.stacks.len()),
            ("the number of lookbacks", self.lookbacks.len()),
            ("a lookback", self.lookbacks.iter().copied().min().unwrap_or(0)),
            ("blocks of a stack", self.stacks.iter().map(|s| s.blocks).min().unwrap_or(0)),
            ("layers of a block", self.stacks.iter().map(|s| s.layers).min().unwrap_or(0)),
            ("the width of a layer", self.stacks.iter().map(|s| s.width).min().unwrap_or(0)),
        ];
        for (what, found) in counts {
            if found == 0 {
                return Err(FitError::Option { what, needed: "at least 1", found: "0".into() });
            }
        }
        if self.lookbacks.contains(&1) {
            return Err(FitError::Option { what: "a lookback", needed: "at least 2", found: "1".into() });
        }
        if let Some(period) = self.repeat.filter(|&p| p == 0 || self.lookbacks.iter().any(|&l| l < p)) {
            return Err(FitError::Option {
                what: "the season that is repeated",
                needed: "from 1 to the shortest lookback",
                found: period.to_string(),
            });
        }
        for stack in &self.stacks {
            if let Basis::Seasonality { period, harmonics } = stack.basis
                && (harmonics == 0 || 2 * harmonics > period)
            {
                let found = format!("{harmonics} of a period of {period} steps");
                return Err(FitError::Option { what: "harmonics", needed: "at least 1 and at most half the period", found });
            }
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(FitError::Option { what: "level", needed: "between 0 and 1", found: self.level.to_string() });
        }
        if self.calibration > 0 && rank(self.calibration, self.level) > self.calibration {
            let found = format!("{} at level {}", self.calibration, self.level);
            return Err(FitError::Option { what: "windows of calibration", needed: "at least level / (1 - level), or 0", found });
        }
        Ok(())
    }
}

/// Which of `n` errors in rising order bounds the next with probability `level`.
fn rank(n: usize, level: f64) -> usize {
    // A hair less than the product, so that 0.9 of 9 + 1 is the ninth.
    (((n + 1) as f64 * level) - 1e-9).ceil() as usize
}

/// Trained parameters for one length of window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    pub lookback: usize,
    pub parameters: Vec<f32>,
    /// Mean loss of each epoch, in deviations of a window.
    pub course: Course,
}

/// A trained ensemble.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NBeats {
    pub options: NBeatsOptions,
    pub members: Vec<Member>,
    /// Least and greatest value that was trained on.
    pub low: f64,
    pub high: f64,
    /// Windows that it was trained on, by the first length.
    pub windows: usize,
    /// By step of the horizon: errors of the windows held out in their deviations, rising.
    pub errors: Vec<Vec<f32>>,
}

/// Where a window begins, and what it is brought to scale by.
#[derive(Clone, Copy, Debug)]
struct Window {
    series: usize,
    start: usize,
    mean: f64,
    deviation: f64,
    /// Deviation over the mean one of the series.
    weight: f32,
}

/// Mean and deviation of a window; a window without any has a thousandth of its mean.
fn scale_of(window: &[f64]) -> (f64, f64) {
    let n = window.len() as f64;
    let mean = window.iter().sum::<f64>() / n;
    let deviation = (window.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
    (mean, deviation.max(1e-3 * mean.abs()).max(1e-12))
}

fn windows(series: &[&[f64]], lookback: usize, horizon: usize, stride: usize) -> Vec<Window> {
    let mut all = Vec::new();
    for (index, values) in series.iter().enumerate() {
        let first = all.len();
        let last = values.len() - lookback - horizon;
        // The latest window is always among them.
        for start in (last % stride..=last).step_by(stride) {
            let (mean, deviation) = scale_of(&values[start..start + lookback]);
            all.push(Window { series: index, start, mean, deviation, weight: 1.0 });
        }
        let usual = all[first..].iter().map(|w| w.deviation).sum::<f64>() / (all.len() - first) as f64;
        for w in &mut all[first..] {
            w.weight = (w.deviation / usual) as f32;
        }
    }
    all
}

fn train_member(series: &[&[f64]], options: &NBeatsOptions, lookback: usize, seed: u64) -> Result<Member, NetError> {
    let plan = Plan::new(options, lookback)?;
    let all = windows(series, lookback, options.horizon, options.stride);
    let mut parameters: Vec<f32> = plan.first_parameters(seed);
    let mut work = Work::default();
    let (mut inputs, mut targets, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    let slope = |p: &[f32], rows: &[usize], gradient: &mut [f32]| {
        inputs.clear();
        targets.clear();
        weights.clear();
        for &row in rows {
            let w = &all[row];
            let values = &series[w.series][w.start..];
            let scaled = |v: &f64| ((v - w.mean) / w.deviation) as f32;
            inputs.extend(values[..lookback].iter().map(scaled));
            let ahead = &values[lookback..lookback + options.horizon];
            match options.repeat {
                Some(period) => targets
                    .extend(ahead.iter().enumerate().map(|(h, v)| ((v - values[lookback - period + h % period]) / w.deviation) as f32)),
                None => targets.extend(ahead.iter().map(scaled)),
            }
            weights.push(w.weight);
        }
        plan.slope(p, &inputs, &targets, &weights, &mut work, gradient)
    };
    let train = TrainOptions { seed, ..options.train };
    let course = descend(&mut parameters, all.len(), &train, None, slope, None::<fn(&[f32]) -> f64>)?;
    Ok(Member { lookback, parameters, course })
}

/// Trains members of several jobs (series, lookback, seed), `threads` at a time.
fn train_all(jobs: &[(Vec<&[f64]>, usize, u64)], options: &NBeatsOptions, threads: usize) -> Result<Vec<Member>, NetError> {
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Result<Member, NetError>>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                while let Some((job, place)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| jobs.get(i).zip(done.get(i))) {
                    let found = train_member(&job.0, options, job.1, job.2);
                    if let Ok(mut place) = place.lock() {
                        *place = Some(found);
                    }
                }
            });
        }
    });
    done.into_iter().map(|place| place.into_inner().ok().flatten().unwrap_or(Err(NetError::NoRows))).collect()
}

impl NBeats {
    /// Trains on one series or several at once, each long enough for a window with what follows it, and for the windows held out.
    ///
    /// # Errors
    /// Series too short, not finite or constant; options that make no sense; training that diverges.
    pub fn fit(series: &[&[f64]], options: &NBeatsOptions, threads: usize) -> Result<Self, FitError> {
        options.check()?;
        if series.is_empty() {
            return Err(FitError::TooShort { what: "the list of series".into(), needed: 1, found: 0 });
        }
        let longest = options.lookbacks.iter().copied().max().unwrap_or(0);
        let needed = longest + options.horizon + options.calibration + 1;
        for (i, values) in series.iter().enumerate() {
            let what = format!("series {}", i + 1);
            check(&what, values, needed)?;
            varied(&what, values)?;
        }
        // Nothing that the windows held out are asked for is trained on.
        let cut = |values: &&'_ [f64]| values.len() - options.horizon - options.calibration + 1;
        let early: Vec<&[f64]> = series.iter().map(|values| &values[..cut(values)]).collect();
        let members: Vec<(usize, u64)> = options
            .lookbacks
            .iter()
            .flat_map(|&lookback| (0..options.members).map(move |m| (lookback, m as u64)))
            .enumerate()
            .map(|(i, (lookback, _))| (lookback, options.train.seed.wrapping_add(i as u64)))
            .collect();
        let calibrated = options.calibration > 0;
        let mut jobs: Vec<(Vec<&[f64]>, usize, u64)> = Vec::new();
        if calibrated {
            jobs.extend(members.iter().map(|&(lookback, seed)| (early.clone(), lookback, seed)));
        }
        if options.refit || !calibrated {
            jobs.extend(members.iter().map(|&(lookback, seed)| (series.to_vec(), lookback, seed)));
        }
        let mut trained = train_all(&jobs, options, threads)?;
        let last = trained.split_off(trained.len() - members.len());
        let values = || series.iter().flat_map(|s| s.iter().copied());
        let first = options.lookbacks[0];
        let used = if options.refit || !calibrated { series } else { &early };
        let mut model = Self {
            options: options.clone(),
            members: if trained.is_empty() { last.clone() } else { trained },
            low: values().fold(f64::INFINITY, f64::min),
            high: values().fold(f64::NEG_INFINITY, f64::max),
            windows: windows(used, first, options.horizon, options.stride).len(),
            errors: Vec::new(),
        };
        if calibrated {
            model.errors = model.held_out(series)?;
        }
        model.members = last;
        Ok(model)
    }

    /// Errors of the windows at the ends of the series, in their deviations, by step and rising.
    fn held_out(&self, series: &[&[f64]]) -> Result<Vec<Vec<f32>>, FitError> {
        let o = &self.options;
        let mut errors = vec![Vec::new(); o.horizon];
        for values in series {
            for origin in values.len() - o.horizon - o.calibration + 1..=values.len() - o.horizon {
                let (_, deviation) = self.scale(&values[..origin]);
                let (found, _) = self.answer(&values[..origin])?;
                for (h, e) in errors.iter_mut().enumerate() {
                    e.push(((values[origin + h] - found[h]).abs() / deviation) as f32);
                }
            }
        }
        errors.iter_mut().for_each(|e| e.sort_by(f32::total_cmp));
        Ok(errors)
    }

    /// Mean and deviation of the window of the first length.
    fn scale(&self, history: &[f64]) -> (f64, f64) {
        scale_of(&history[history.len() - self.options.lookbacks[0]..])
    }

    /// Forecast, and the share of each stack in it; levels of windows count to the first trend stack, or to the first stack where there is none.
    fn answer(&self, history: &[f64]) -> Result<(Vec<f64>, Vec<Vec<f64>>), NetError> {
        let o = &self.options;
        let level = o.stacks.iter().position(|s| matches!(s.basis, Basis::Trend { .. })).unwrap_or(0);
        let season = o.stacks.iter().position(|s| matches!(s.basis, Basis::Seasonality { .. })).unwrap_or(level);
        let mut parts = vec![vec![0.0; o.horizon]; o.stacks.len()];
        let share = 1.0 / self.members.len() as f64;
        let mut work = Work::default();
        let mut plan: Option<(usize, Plan<f32>)> = None;
        for member in &self.members {
            if plan.as_ref().is_none_or(|p| p.0 != member.lookback) {
                plan = Some((member.lookback, Plan::new(o, member.lookback)?));
            }
            let Some((_, plan)) = &plan else { continue };
            let window = &history[history.len() - member.lookback..];
            let (mean, deviation) = scale_of(window);
            let inputs: Vec<f32> = window.iter().map(|v| ((v - mean) / deviation) as f32).collect();
            plan.forward(&member.parameters, &inputs, &mut work);
            for (i, (part, found)) in parts.iter_mut().zip(work.parts()).enumerate() {
                let base = if i == level { mean } else { 0.0 };
                for (h, (p, f)) in part.iter_mut().zip(found).enumerate() {
                    let again = o.repeat.filter(|_| i == season).map_or(0.0, |period| window[member.lookback - period + h % period] - mean);
                    *p += share * (base + again + deviation * f64::from(*f));
                }
            }
        }
        let total = (0..o.horizon).map(|h| parts.iter().map(|p| p[h]).sum()).collect();
        Ok((total, parts))
    }

    /// Bounds at any level that the windows held out allow; none without them or where they are too few.
    pub fn interval(&self, history: &[f64], mean: &[f64], level: f64) -> Option<Interval> {
        let n = self.errors.first()?.len();
        let k = rank(n, level);
        if !(level > 0.0 && level < 1.0) || k > n || k == 0 {
            return None;
        }
        let (_, deviation) = self.scale(history);
        let width: Vec<f64> = self.errors.iter().take(mean.len()).map(|e| deviation * f64::from(e[k - 1])).collect();
        let low = mean.iter().zip(&width).map(|(m, w)| m - w).collect();
        let high = mean.iter().zip(&width).map(|(m, w)| m + w).collect();
        Some(Interval { level, low, high })
    }
}

impl Forecaster for NBeats {
    /// Goes on from any history at least as long as the longest window; only that is looked at.
    fn forecast(&self, history: &[f64], horizon: usize) -> Result<Forecast, FitError> {
        let o = &self.options;
        if horizon > o.horizon {
            return Err(FitError::Option { what: "horizon", needed: "no more than the model was trained for", found: horizon.to_string() });
        }
        let longest = o.lookbacks.iter().copied().max().unwrap_or(0);
        if history.len() < longest {
            return Err(FitError::TooShort { what: "the history".into(), needed: longest, found: history.len() });
        }
        let window = &history[history.len() - longest..];
        check("the end of the history", window, longest)?;
        let (mut mean, parts) = self.answer(history)?;
        mean.truncate(horizon);
        let names = names(&o.stacks);
        let parts = names.into_iter().zip(parts).map(|(name, mut part)| {
            part.truncate(horizon);
            (name, part)
        });
        let room = MARGIN * (self.high - self.low);
        let outside = window.iter().filter(|v| !(self.low - room..=self.high + room).contains(v)).count();
        let warnings = if outside > 0 {
            let (low, high) = (self.low, self.high);
            vec![format!(
                "{outside} of the {longest} values looked at lie outside what was trained on, {low:.6} to {high:.6}: this is extrapolation"
            )]
        } else {
            Vec::new()
        };
        Ok(Forecast { interval: self.interval(history, &mean, o.level), parts: parts.collect(), mean, warnings })
    }
}

/// Names of the stacks' parts, with numbers where a kind comes twice.
fn names(stacks: &[Stack]) -> Vec<String> {
    let word = |s: &Stack| match s.basis {
        Basis::Trend { .. } => "trend",
        Basis::Seasonality { .. } => "seasonality",
        Basis::Generic => "generic",
    };
    let number = |i: usize| stacks[..i].iter().filter(|s| word(s) == word(&stacks[i])).count();
    (0..stacks.len())
        .map(|i| if number(i) == 0 { word(&stacks[i]).to_owned() } else { format!("{} {}", word(&stacks[i]), number(i) + 1) })
        .collect()
}

#[cfg(test)]
mod tests;
