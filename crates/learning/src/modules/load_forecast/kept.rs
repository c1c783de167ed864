//! What is kept of a feeder, and how it goes on from newer loads.

use super::bounds::{Correction, missed};
use super::tried::{Tried, mean_words};
use super::tries::{BEFORE_H, Choice, ETS_H, LEVEL, NAIVE, WEATHER, ets, warm_forecast, weather_load};
use super::{Course, RECENT_H, WEEK_H};
use crate::forecast::backtest::mean_ahead;
use crate::forecast::{Ets, Forecast, Forecaster, SeasonalNaive};
use crate::metrics::{mean, range};
use crate::modules::hourly::hour_text;
use crate::nbeats::NBeats;
use crate::regression::WeatherLoad;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Share of the range of training by which loads may pass it.
const MARGIN: f64 = 0.1;
/// Hours between the forecasts that are made again to correct bounds, and how far back they go at most.
const AGAIN_H: i64 = 24;
const AGAIN_MOST_H: i64 = 12 * 168;

#[derive(Serialize, Deserialize)]
pub(super) struct Body {
    pub horizon_h: usize,
    pub feeders: BTreeMap<String, Feeder>,
}

#[derive(Serialize, Deserialize)]
enum Kept {
    Naive(SeasonalNaive),
    /// Its first states are those after training.
    Ets(Ets),
    NBeats(NBeats),
    Weather {
        model: WeatherLoad,
        first_h: i64,
    },
}

impl Kept {
    fn name(&self) -> &'static str {
        match self {
            Self::Naive(_) => NAIVE,
            Self::Ets(_) => "ets",
            Self::NBeats(_) => "nbeats",
            Self::Weather { .. } => WEATHER,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Feeder {
    /// Whose mean is the forecast.
    #[serde(default)]
    members: Vec<Kept>,
    /// The only member of models that know no mean.
    #[serde(default, skip_serializing)]
    kept: Option<Kept>,
    pub method: String,
    /// Hour after the last of training.
    pub end_h: i64,
    low_kw: f64,
    high_kw: f64,
    /// Mean of the absolute load.
    mean_kw: f64,
    /// Half width of the bounds by lead; none where too few origins were held out.
    pub widen_kw: Option<Vec<f64>>,
}

/// Load to come.
pub(super) struct Ahead {
    pub from_h: i64,
    /// None where the model was not trained for it.
    pub mean: Vec<Option<f64>>,
    /// Trend and season, where the method has them.
    pub parts: Option<[Vec<f64>; 2]>,
    /// Why hours are missing.
    pub why: Option<String>,
    /// What bounds are multiplied by, after what was missed since training.
    pub drawn: f64,
}

impl Feeder {
    /// Fits what was chosen to all hours.
    pub fn fit(course: &Course, weather: Option<&Course>, tried: &Tried, choice: &Choice) -> Result<Self, String> {
        let values = &course.values;
        let fit = |name: &str| -> Result<Kept, String> {
            Ok(match name {
                NAIVE => Kept::Naive(SeasonalNaive { period: WEEK_H }),
                "ets" => {
                    let (start, model) = ets(values).map_err(|e| e.to_string())?;
                    let first = model.states_after(&values[start..]);
                    Kept::Ets(Ets { first, ..model })
                }
                "nbeats" => Kept::NBeats(choice.nbeats(values).map_err(|e| e.to_string())?),
                _ => {
                    let temperature = weather.and_then(|w| w.between(course.first_h, course.end_h())).ok_or("there are no temperatures")?;
                    let model = weather_load(values, temperature, course.first_h, choice.offset_h).map_err(|e| e.to_string())?;
                    Kept::Weather { model, first_h: course.first_h }
                }
            })
        };
        let members = tried.names().into_iter().map(fit).collect::<Result<Vec<Kept>, String>>()?;
        let (low_kw, high_kw) = range(values);
        let mean_kw = mean(&values.iter().map(|v| v.abs()).collect::<Vec<f64>>());
        let method = mean_words(&tried.names());
        Ok(Self { members, kept: None, method, end_h: course.end_h(), low_kw, high_kw, mean_kw, widen_kw: tried.widen_kw() })
    }

    fn members(&self) -> impl Iterator<Item = &Kept> {
        self.members.iter().chain(&self.kept)
    }

    pub fn needs_weather(&self) -> bool {
        self.members().any(|k| matches!(k, Kept::Weather { .. }))
    }

    pub fn per_unit(&self, kw: f64) -> f64 {
        kw / self.mean_kw.max(f64::MIN_POSITIVE)
    }

    /// Goes on from the end of `course`.
    ///
    /// # Errors
    /// In words, why this feeder is not answered.
    pub fn ahead(&self, course: &Course, weather: Option<&Course>, horizon: usize) -> Result<Ahead, String> {
        let (values, from_h) = (&course.values, course.end_h());
        if from_h < self.end_h {
            return Err(format!("its loads end before {}, which training has seen", hour_text(self.end_h)));
        }
        if values.len() < RECENT_H {
            return Err(format!("{} hours are there, the last {RECENT_H} are needed", values.len()));
        }
        let room = MARGIN * (self.high_kw - self.low_kw);
        let outside = values[values.len() - RECENT_H..].iter().filter(|v| !(self.low_kw - room..=self.high_kw + room).contains(v)).count();
        if outside > 0 {
            return Err(format!("{outside} of its last {RECENT_H} hours lie outside of {:.6} to {:.6} kW", self.low_kw, self.high_kw));
        }
        let mut ahead = self.mean_of_members(values, from_h, course, weather, horizon)?;
        ahead.drawn = self.drawn(course, weather, horizon);
        Ok(ahead)
    }

    /// The mean of the members; an hour that one of them does not answer is not answered.
    fn mean_of_members(
        &self,
        values: &[f64],
        from_h: i64,
        course: &Course,
        weather: Option<&Course>,
        horizon: usize,
    ) -> Result<Ahead, String> {
        let all =
            self.members().map(|k| self.member(k, values, from_h, course, weather, horizon)).collect::<Result<Vec<Ahead>, String>>()?;
        let at = |k: usize| Some(mean(&all.iter().map(|a| a.mean[k]).collect::<Option<Vec<f64>>>()?));
        // Of one member this is it to the last digit.
        let part = |p: usize| mean_ahead(&all.iter().map(|a| Some(&a.parts.as_ref()?[p][..])).collect::<Option<Vec<&[f64]>>>()?);
        let parts = part(0).zip(part(1)).map(|(a, b)| [a, b]);
        Ok(Ahead { from_h, mean: (0..horizon).map(at).collect(), parts, why: all.iter().find_map(|a| a.why.clone()), drawn: 1.0 })
    }

    /// What bounds are multiplied by: forecasts are made again from each day since training, and what they would have missed widens the next ones as in the backtest
    /// ([`super::bounds`]). A forecast by weather is made again from measured temperatures, for those that were forecast are not kept.
    fn drawn(&self, course: &Course, weather: Option<&Course>, horizon: usize) -> f64 {
        let Some(widen) = &self.widen_kw else { return 1.0 };
        let (mut correction, end_h) = (Correction::default(), course.end_h());
        let mut at = self.end_h.max(end_h - AGAIN_MOST_H);
        while at + horizon as i64 <= end_h {
            let past = course.between(course.first_h, at).filter(|v| v.len() >= RECENT_H);
            let said = past.and_then(|values| self.mean_of_members(values, at, course, weather, horizon).ok());
            let came = course.between(at, at + horizon as i64);
            if let Some((said, came)) = said.zip(came) {
                let factor = correction.factor();
                let known: Vec<(f64, f64)> =
                    said.mean.iter().zip(came).zip(widen).filter_map(|((s, y), w)| Some(((s.as_ref()? - y).abs(), *w))).collect();
                let (errors, widths): (Vec<f64>, Vec<f64>) = known.into_iter().unzip();
                if !errors.is_empty() {
                    correction = correction.after(missed(&errors, &widths, factor), LEVEL, AGAIN_H as f64);
                }
            }
            at += AGAIN_H;
        }
        correction.factor()
    }

    /// One method from hour `from_h`, with `values` before it.
    fn member(
        &self,
        kept: &Kept,
        values: &[f64],
        from_h: i64,
        course: &Course,
        weather: Option<&Course>,
        horizon: usize,
    ) -> Result<Ahead, String> {
        let whole = |f: Forecast| {
            let part = |k: usize| f.parts.get(k).map(|p| p.1.clone());
            let parts = part(0).zip(part(1)).filter(|_| f.parts.len() == 2).map(|(a, b)| [a, b]);
            Ahead { from_h, mean: f.mean.into_iter().map(|v| Some(v).filter(|v| v.is_finite())).collect(), parts, why: None, drawn: 1.0 }
        };
        let said = match kept {
            Kept::Naive(m) => m.forecast(values, horizon),
            Kept::NBeats(m) => m.forecast(values, horizon),
            Kept::Ets(m) => {
                let newer = course.between(self.end_h, from_h).filter(|v| v.len() <= ETS_H);
                let newer = newer.ok_or_else(|| {
                    format!(
                        "Holt-Winters goes on from {}, at most {ETS_H} hours; give loads from then on or fit again",
                        hour_text(self.end_h)
                    )
                })?;
                m.forecast(newer, horizon)
            }
            Kept::Weather { model, first_h } => return Self::warm(model, from_h - first_h, values, from_h, weather, horizon),
        };
        said.map(whole).map_err(|e| if self.members().count() > 1 { format!("{}: {e}", kept.name()) } else { e.to_string() })
    }

    /// By temperature; from the first hour on that is beyond training nothing is said, since buildings store heat.
    fn warm(model: &WeatherLoad, n: i64, values: &[f64], from_h: i64, weather: Option<&Course>, horizon: usize) -> Result<Ahead, String> {
        let weather = weather.ok_or("it is forecast by weather, and there is none")?;
        if n > model.hours as i64 + 8784 {
            return Err("training ended more than a year before".into());
        }
        let before = weather
            .between(from_h - BEFORE_H as i64, from_h)
            .ok_or_else(|| format!("temperatures are needed from {BEFORE_H} hours before on"))?;
        let until = weather.end_h().min(from_h + horizon as i64);
        let there = weather.between(from_h, until.max(from_h)).unwrap_or(&[]);
        let margin = model.options.margin_c;
        let fits = |t: &f64| (model.low_c - margin..=model.high_c + margin).contains(t);
        if !before.iter().all(fits) {
            return Err(format!("temperatures before the forecast lie outside of {} to {} C", model.low_c, model.high_c));
        }
        let within = there.iter().position(|t| !fits(t)).unwrap_or(there.len());
        let n = usize::try_from(n).map_err(|_| "its loads end before training begins")?;
        let last = values.last().copied().ok_or("there is no load")?;
        let said = warm_forecast(model, n, last, before, &there[..within]).map_err(|e| e.to_string())?;
        let why = if within == horizon {
            None
        } else if within == there.len() {
            Some(format!("temperatures end at {}", hour_text(until)))
        } else {
            Some(format!("temperatures from {} on lie outside of {} to {} C", hour_text(from_h + within as i64), model.low_c, model.high_c))
        };
        let mean = (0..horizon).map(|k| said.get(k).copied()).collect();
        Ok(Ahead { from_h, mean, parts: None, why, drawn: 1.0 })
    }
}
