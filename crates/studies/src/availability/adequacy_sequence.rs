//! Generation against load by sequential simulation, year by year.
//!
//! Each unit is in service and out in turn, with exponential times of means `MTTR (1 - q) / q` and `MTTR`, from a state drawn from steady state: every hour then
//! has the probabilities of the convolution, and the mean over years has its results as its limit. Capacity is looked at on the hour. What convolution does not
//! give comes out besides: how often load is lost, how long that lasts, and how unlike years are.

use super::AvailabilityError;
use super::adequacy::{GeneratingUnit, faults};
use super::statistics::Interval;
use crate::hands::Hands;
use crate::synthetic::maths::ln;
use crate::synthetic::random::Random;
use network::Diagnostic;
use serde::{Deserialize, Serialize};

/// Number of the stream of random numbers.
const PURPOSE: u64 = 0x6c6f_6c65;
const YEARS_MIN: u32 = 20;
const YEARS_MAX: u32 = 1_000_000;

/// A simulated year.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdequacyYear {
    pub lost_h: f64,
    pub lost_mwh: f64,
    /// Days whose peak is not met.
    pub lost_d: f64,
    /// Times that load began to be lost.
    pub times: f64,
}

/// Means over the years with their intervals.
#[derive(Clone, Debug)]
pub struct AdequacySimulated {
    pub lole_h_per_year: Interval,
    pub loee_mwh_per_year: Interval,
    /// Where the load is a whole number of days.
    pub lole_d_per_year: Option<Interval>,
    pub times_per_year: Interval,
    pub years: Vec<AdequacyYear>,
}

/// Simulates years of hourly load.
///
/// # Errors
/// All faults of units and load; a unit that may be out and has no time to repair; too few or too many years.
pub fn simulate_adequacy(
    units: &[GeneratingUnit],
    load_mw: &[f64],
    years: u32,
    seed: u64,
    hands: &Hands,
) -> Result<AdequacySimulated, AvailabilityError> {
    let mut findings = faults(units, load_mw);
    for u in units.iter().filter(|u| u.forced_outage_rate > 0.0 && u.mttr_h.is_none()) {
        let d = Diagnostic::error("RAM.ADEQUACY.NO_MTTR", "how long a repair takes is not given, so it cannot be simulated");
        findings.push(d.element(u.id.clone()).hint("Give the mean time to repair."));
    }
    if !(YEARS_MIN..=YEARS_MAX).contains(&years) {
        let d = Diagnostic::error("RAM.ADEQUACY.YEARS", format!("{years} years are too few or too many"));
        findings.push(d.hint(format!("Ask for {YEARS_MIN} to {YEARS_MAX} years.")));
    }
    if !findings.is_empty() {
        return Err(findings.into());
    }
    let work = |numbers: &[usize]| Ok::<_, AvailabilityError>(numbers.iter().map(|n| year(units, load_mw, seed, *n)).collect());
    let all: Vec<AdequacyYear> = hands.map(years as usize, work)?;
    let interval = |of: fn(&AdequacyYear) -> f64| Interval::of(&all.iter().map(of).collect::<Vec<_>>());
    Ok(AdequacySimulated {
        lole_h_per_year: interval(|y| y.lost_h),
        loee_mwh_per_year: interval(|y| y.lost_mwh),
        lole_d_per_year: load_mw.len().is_multiple_of(24).then(|| interval(|y| y.lost_d)),
        times_per_year: interval(|y| y.times),
        years: all,
    })
}

fn year(units: &[GeneratingUnit], load_mw: &[f64], seed: u64, number: usize) -> AdequacyYear {
    let mut random = Random::new(seed, PURPOSE, number as u64);
    let hours = load_mw.len();
    // In whole kilowatts, so that a load just met is seen to be met whatever the order of the sums.
    let kw = |mw: f64| (mw * 1e3).round() as i64;
    let capacity: i64 = units.iter().map(|u| kw(u.capacity_mw)).sum();
    let mut there = vec![capacity; hours];
    for u in units.iter().filter(|u| u.forced_outage_rate > 0.0) {
        let (q, repair) = (u.forced_outage_rate, u.mttr_h.unwrap_or(1.0));
        let good = repair * (1.0 - q) / q;
        let mut is_out = random.chance(q);
        let mut t = 0.0;
        while t < hours as f64 {
            let lasts = -ln(1.0 - random.unit()) * if is_out { repair } else { good };
            if is_out {
                let to = ((t + lasts).ceil() as usize).min(hours);
                for h in &mut there[(t.ceil() as usize).min(to)..to] {
                    *h -= kw(u.capacity_mw);
                }
            }
            t += lasts;
            is_out = !is_out;
        }
    }
    let missing = |h: usize| (load_mw[h] - there[h] as f64 * 1e-3).max(0.0);
    // The same slack as of the convolution: a billionth of a kilowatt is no load.
    let is_lost = |h: usize, load: f64| load * 1e3 - there[h] as f64 > 1e-6;
    let mut found = AdequacyYear { lost_h: 0.0, lost_mwh: 0.0, lost_d: 0.0, times: 0.0 };
    let mut before = false;
    for (h, l) in load_mw.iter().enumerate() {
        let lost = is_lost(h, *l);
        if lost {
            found.lost_h += 1.0;
            found.lost_mwh += missing(h);
        }
        found.times += f64::from(u8::from(lost && !before));
        before = lost;
    }
    for (d, day) in load_mw.chunks(24).enumerate() {
        let (at, peak) = day.iter().copied().enumerate().fold((0, -1.0), |m, (i, l)| if l > m.1 { (i, l) } else { m });
        found.lost_d += f64::from(u8::from(is_lost(d * 24 + at, peak)));
    }
    found
}
