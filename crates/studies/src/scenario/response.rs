//! How a load shape answers to temperature.
//!
//! A shape `y` is explained by the hour of the day and the kind of day, and by the degrees past two balance temperatures:
//!
//! ```text
//! y_t = a(hour, workday or weekend) + c max(0, s_t - Tc) + h max(0, Th - s_t),   c, h >= 0
//! s_t = s_{t-1} + (1 - e^{-1/τ}) (T_t - s_{t-1})                                  buildings store heat
//! ```
//!
//! `a` is taken out by subtracting the mean of each group from `y` and from the two regressors (Frisch, Waugh and Lovell), `c` and `h`
//! follow from two normal equations, and `Tc`, `Th`, `τ` are those of a grid that leave the least squares. A fit that explains less than
//! [`LEAST_R2`] of what hours and days leave is no answer: the shape does not follow temperature.
//!
//! A wave then moves the shape by the difference of the two terms with the temperatures after and before it, and by nothing else.

use super::calendar::Calendar;
use network::scenario::HOURS;
use std::sync::Arc;

/// Share of the variance within hours and days that a fit must explain.
pub const LEAST_R2: f64 = 0.05;

/// Balance temperatures and time constants that are tried.
const COOL_C: [f64; 8] = [14.0, 16.0, 18.0, 19.0, 20.0, 21.0, 22.0, 24.0];
const HEAT_C: [f64; 8] = [6.0, 9.0, 11.0, 13.0, 14.0, 15.0, 16.0, 18.0];
const TAU_H: [f64; 4] = [0.0, 3.0, 8.0, 24.0];

/// An answer to temperature, per unit of the shape for a degree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Response {
    pub cooling_per_c: f64,
    pub heating_per_c: f64,
    pub cool_above_c: f64,
    pub heat_below_c: f64,
    pub tau_h: f64,
    /// Share of the variance that it explains; none of a response that was told.
    pub r2: Option<f64>,
}

impl Response {
    pub const NONE: Self = Self { cooling_per_c: 0.0, heating_per_c: 0.0, cool_above_c: 20.0, heat_below_c: 15.0, tau_h: 0.0, r2: None };

    /// Change of the shape, hour by hour, when the temperature goes from `before` to `after`.
    pub fn change(&self, before: &[f64], after: &[f64]) -> Vec<f64> {
        if self.cooling_per_c == 0.0 && self.heating_per_c == 0.0 {
            return vec![0.0; before.len()];
        }
        let (b, a) = (smoothed(before, self.tau_h), smoothed(after, self.tau_h));
        let of = |s: f64| self.cooling_per_c * (s - self.cool_above_c).max(0.0) + self.heating_per_c * (self.heat_below_c - s).max(0.0);
        b.iter().zip(&a).map(|(&b, &a)| if a == b { 0.0 } else { of(a) - of(b) }).collect()
    }
}

/// First-order lag; the year before was like this one.
fn smoothed(t: &[f64], tau_h: f64) -> Vec<f64> {
    if tau_h <= 0.0 || t.is_empty() {
        return t.to_vec();
    }
    let alpha = 1.0 - (-1.0 / tau_h).exp();
    let mut s = t[0];
    for value in &t[t.len().saturating_sub(240)..] {
        s += alpha * (value - s);
    }
    t.iter()
        .map(|value| {
            s += alpha * (value - s);
            s
        })
        .collect()
}

/// Subtracts from each value the mean of its group.
fn demean(values: &[f64], group: &[u8]) -> Vec<f64> {
    let mut sums = [(0.0, 0.0); 48];
    for (v, &g) in values.iter().zip(group) {
        let s = &mut sums[g as usize];
        *s = (s.0 + v, s.1 + 1.0);
    }
    values.iter().zip(group).map(|(v, &g)| v - sums[g as usize].0 / sums[g as usize].1).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Regressors of one time constant, and their products.
#[derive(Debug)]
struct Regressors {
    tau_h: f64,
    cool: Vec<Vec<f64>>,
    heat: Vec<Vec<f64>>,
    cool_cool: Vec<f64>,
    heat_heat: Vec<f64>,
    cool_heat: Vec<Vec<f64>>,
}

/// Fits shapes to the temperatures of one year.
#[derive(Debug)]
pub struct Fitter {
    group: Vec<u8>,
    regressors: Vec<Regressors>,
}

impl Fitter {
    /// `temperature_c`: 8760 hours.
    pub fn new(temperature_c: &Arc<[f64]>, calendar: Calendar) -> Self {
        let group: Vec<u8> = (0..HOURS).map(|k| (k % 24 + 24 * usize::from(calendar.is_weekend(k / 24))) as u8).collect();
        let regressors = TAU_H
            .iter()
            .map(|&tau_h| {
                let s = smoothed(temperature_c, tau_h);
                let of = |f: &dyn Fn(f64) -> f64| demean(&s.iter().map(|&s| f(s)).collect::<Vec<f64>>(), &group);
                let cool: Vec<Vec<f64>> = COOL_C.iter().map(|&c| of(&|s| (s - c).max(0.0))).collect();
                let heat: Vec<Vec<f64>> = HEAT_C.iter().map(|&h| of(&|s| (h - s).max(0.0))).collect();
                Regressors {
                    tau_h,
                    cool_cool: cool.iter().map(|x| dot(x, x)).collect(),
                    heat_heat: heat.iter().map(|x| dot(x, x)).collect(),
                    cool_heat: cool.iter().map(|c| heat.iter().map(|h| dot(c, h)).collect()).collect(),
                    cool,
                    heat,
                }
            })
            .collect();
        Self { group, regressors }
    }

    /// The response of a shape of 8760 hours; [`Response::NONE`] with its `r2` where temperature explains next to nothing.
    pub fn fit(&self, shape: &[f64]) -> Response {
        let y = demean(shape, &self.group);
        let yy = dot(&y, &y);
        let mut best = Response { r2: Some(0.0), ..Response::NONE };
        if yy <= 1e-12 * shape.iter().map(|v| v * v).sum::<f64>() {
            return best;
        }
        for r in &self.regressors {
            let yc: Vec<f64> = r.cool.iter().map(|x| dot(x, &y)).collect();
            let yh: Vec<f64> = r.heat.iter().map(|x| dot(x, &y)).collect();
            for i in 0..COOL_C.len() {
                for j in 0..HEAT_C.len() {
                    if HEAT_C[j] > COOL_C[i] {
                        continue;
                    }
                    let (c, h) = slopes(r.cool_cool[i], r.heat_heat[j], r.cool_heat[i][j], yc[i], yh[j]);
                    let explained =
                        2.0 * (c * yc[i] + h * yh[j]) - (c * c * r.cool_cool[i] + h * h * r.heat_heat[j] + 2.0 * c * h * r.cool_heat[i][j]);
                    let r2 = explained / yy;
                    if r2 > best.r2.unwrap_or(0.0) + 1e-12 {
                        best = Response {
                            cooling_per_c: c,
                            heating_per_c: h,
                            cool_above_c: COOL_C[i],
                            heat_below_c: HEAT_C[j],
                            tau_h: r.tau_h,
                            r2: Some(r2),
                        };
                    }
                }
            }
        }
        if best.r2.unwrap_or(0.0) < LEAST_R2 { Response { r2: best.r2, ..Response::NONE } } else { best }
    }
}

/// Least squares of two slopes that are not negative, from the sums of squares and products of both regressors (`c`, `h`) and with the answer (`y`).
pub fn slopes(cc: f64, hh: f64, ch: f64, yc: f64, yh: f64) -> (f64, f64) {
    let alone = |xx: f64, xy: f64| if xx > 0.0 { (xy / xx).max(0.0) } else { 0.0 };
    let det = cc * hh - ch * ch;
    if det > 1e-9 * cc * hh && det > 0.0 {
        let (c, h) = ((yc * hh - yh * ch) / det, (yh * cc - yc * ch) / det);
        if c >= 0.0 && h >= 0.0 {
            return (c, h);
        }
    }
    // On the border one of them is zero: the one that explains less.
    let (c, h) = (alone(cc, yc), alone(hh, yh));
    if c * yc >= h * yh { (c, 0.0) } else { (0.0, h) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::climate::{Climate, CustomerClass};

    fn calendar() -> Calendar {
        let scenario = super::super::tests::empty();
        Calendar::new(&scenario)
    }

    #[test]
    fn a_made_up_answer_is_found_again() {
        let climate = Climate::new(3);
        let t: Arc<[f64]> = climate.temperature_c.clone().into();
        let s = smoothed(&t, 3.0);
        let shape: Vec<f64> = (0..HOURS)
            .map(|k| 0.4 + 0.2 * f64::from(u8::from(k % 24 > 16)) + 0.031 * (s[k] - 19.0).max(0.0) + 0.012 * (13.0 - s[k]).max(0.0))
            .collect();
        let found = Fitter::new(&t, calendar()).fit(&shape);
        assert_eq!((found.cool_above_c, found.heat_below_c, found.tau_h), (19.0, 13.0, 3.0), "{found:?}");
        assert!((found.cooling_per_c - 0.031).abs() < 1e-9 && (found.heating_per_c - 0.012).abs() < 1e-9, "{found:?}");
        assert!(found.r2.unwrap() > 0.999_999);
        // A wave of 5 °C for the whole of a hot spell moves it by 5 · 0.031 in the end.
        let after: Vec<f64> = t.iter().enumerate().map(|(k, t)| if (4600..4800).contains(&k) { t.max(25.0) + 5.0 } else { *t }).collect();
        let before: Vec<f64> = t.iter().enumerate().map(|(k, t)| if (4600..4800).contains(&k) { t.max(25.0) } else { *t }).collect();
        let change = found.change(&before, &after);
        assert!((change[4799] - 0.155).abs() < 1e-6 && change[4599] == 0.0, "{}", change[4799]);
    }

    #[test]
    fn classes_answer_as_their_habits_say() {
        let climate = Climate::new(1);
        let t: Arc<[f64]> = climate.temperature_c.clone().into();
        let fitter = Fitter::new(&t, calendar());
        // A house with gas heating: 0.125 kW a degree above 19 °C of a peak that the shape is scaled by.
        let gas = fitter.fit(climate.of(CustomerClass::ResidentialGas));
        assert!(gas.cooling_per_c > 5.0 * gas.heating_per_c && gas.r2.unwrap() > 0.8, "{gas:?}");
        assert!((18.0..=20.0).contains(&gas.cool_above_c) && gas.tau_h == 3.0, "{gas:?}");
        let electric = fitter.fit(climate.of(CustomerClass::ResidentialElectric));
        assert!(electric.heating_per_c > 0.4 * electric.cooling_per_c && electric.r2.unwrap() > 0.8, "{electric:?}");
        let industry = fitter.fit(climate.of(CustomerClass::IndustrialThreeShift));
        assert!(industry.cooling_per_c < 0.01, "{industry:?}");
        assert_eq!(fitter.fit(&vec![0.5; HOURS]), Response { r2: Some(0.0), ..Response::NONE });
    }
}
