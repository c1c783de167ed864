//! Is there enough generation: loss of load by convolution.
//!
//! Units are available or not, independently. The capacity that is out has the distribution `P`, made unit by unit of capacity `C` and forced outage rate
//! `q` (Billinton and Allan, Reliability Evaluation of Power Systems, 1996, chapter 2):
//!
//! ```text
//! p(X) <- (1 - q) p(X) + q p(X - C)                       probability that exactly X is out
//! LOLE = sum over hours of P(capacity - X < load)         h a year; over days with their peaks: days a year
//! LOEE = sum over hours of sum over X of p(X) max(0, load - (capacity - X))        MWh a year
//! ```
//!
//! Capacities are kept as whole kilowatts on a grid of their greatest common divisor, so nothing is rounded; with the network taken as one bus. A load that is
//! just met is not lost.

use super::AvailabilityError;
use crate::table::{Column, Table, Value, number, text};
use network::Diagnostic;

/// Steps of the grid of capacities, at most.
const STEPS_MAX: i64 = 5_000_000;

/// A generating unit.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratingUnit {
    pub id: String,
    pub capacity_mw: f64,
    /// Probability that it is out when it is wanted: MTTR / (MTTF + MTTR).
    pub forced_outage_rate: f64,
    /// Mean time to repair, h; for the simulation.
    pub mttr_h: Option<f64>,
}

/// Shape of a year of load, in percent of the peak of what it is part of: weeks of the year, days of the week, hours of the day.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadModel {
    /// Peak of each week, % of the year's.
    pub weekly_pct: Vec<f64>,
    /// Peak of each day from Monday, % of the week's.
    pub daily_pct: [f64; 7],
    /// For sets of weeks (from 1): hours of a weekday and of a day of the weekend, % of the day's peak.
    pub seasons: Vec<Season>,
}

/// Hours of a day in some weeks.
#[derive(Clone, Debug, PartialEq)]
pub struct Season {
    pub weeks: Vec<u32>,
    pub weekday_pct: [f64; 24],
    pub weekend_pct: [f64; 24],
}

impl LoadModel {
    /// Load of each hour from Monday of week 1, MW.
    ///
    /// # Errors
    /// A week that is in no season or several, percentages that are none.
    pub fn hours(&self, peak_mw: f64) -> Result<Vec<f64>, AvailabilityError> {
        let mut findings = Vec::new();
        let mut fault = |what: String, hint: &str| findings.push(Diagnostic::error("RAM.ADEQUACY.LOAD", what).hint(hint));
        if !(peak_mw > 0.0 && peak_mw.is_finite()) {
            fault(format!("the peak load is {peak_mw} MW"), "Give MW above 0.");
        }
        let days = self.seasons.iter().flat_map(|s| s.weekday_pct.iter().chain(&s.weekend_pct));
        if self.weekly_pct.is_empty() || self.weekly_pct.iter().chain(&self.daily_pct).chain(days).any(|p| !(*p >= 0.0 && *p <= 100.0)) {
            fault("a percentage of the load model lies outside of 0 to 100".to_owned(), "Give parts of the peak, and at least one week.");
        }
        let weeks = 1..=self.weekly_pct.len() as u32;
        let wrong: Vec<String> =
            weeks.filter(|w| self.seasons.iter().filter(|s| s.weeks.contains(w)).count() != 1).map(|w| w.to_string()).collect();
        if !wrong.is_empty() {
            fault(format!("weeks that belong to no season or to several: {}", wrong.join(", ")), "Name each week once.");
        }
        if !findings.is_empty() {
            return Err(findings.into());
        }
        let mut hours = Vec::with_capacity(self.weekly_pct.len() * 168);
        for (w, weekly) in self.weekly_pct.iter().enumerate() {
            let Some(season) = self.seasons.iter().find(|s| s.weeks.contains(&(w as u32 + 1))) else { continue };
            for (d, daily) in self.daily_pct.iter().enumerate() {
                let shape = if d < 5 { &season.weekday_pct } else { &season.weekend_pct };
                hours.extend(shape.iter().map(|h| peak_mw * weekly * daily * h * 1e-6));
            }
        }
        Ok(hours)
    }
}

/// Probabilities of capacity that is out.
#[derive(Clone, Debug, PartialEq)]
pub struct OutageTable {
    pub capacity_mw: f64,
    step_kw: i64,
    capacity_kw: i64,
    /// Of exactly `i` steps out.
    exactly: Vec<f64>,
    /// Of `i` steps out or more.
    at_least: Vec<f64>,
    /// Mean of what is out beyond `i` steps: sum of the probabilities above, in steps.
    beyond: Vec<f64>,
}

/// Indices of a year.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adequacy {
    pub lole_h_per_year: f64,
    /// Expected energy that is not supplied, MWh a year.
    pub loee_mwh_per_year: f64,
    /// Days whose peak is not met; `None` where the load is no whole number of days.
    pub lole_d_per_year: Option<f64>,
    pub capacity_mw: f64,
    pub peak_mw: f64,
    pub energy_mwh: f64,
}

/// All that is wrong with units and load.
pub(super) fn faults(units: &[GeneratingUnit], load_mw: &[f64]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for u in units {
        let mut fault =
            |what: String, hint: &str| findings.push(Diagnostic::error("RAM.ADEQUACY.UNIT", what).element(u.id.clone()).hint(hint));
        if !seen.insert(&u.id) {
            fault("another unit has this id already".to_owned(), "Give each unit an id of its own.");
        }
        if !(u.capacity_mw > 0.0 && u.capacity_mw <= 1e5) {
            fault(format!("the capacity is {} MW", u.capacity_mw), "Give MW above 0.");
        } else if ((u.capacity_mw * 1e3).round() - u.capacity_mw * 1e3).abs() > 1e-6 {
            fault(format!("the capacity of {} MW is no whole number of kW", u.capacity_mw), "Round it to three decimals.");
        }
        if !(0.0..1.0).contains(&u.forced_outage_rate) {
            fault(format!("the forced outage rate is {}", u.forced_outage_rate), "Give a part of time, from 0 and below 1.");
        }
        if u.mttr_h.is_some_and(|t| !(t > 0.0 && t <= 1e6)) {
            fault(format!("the mean time to repair is {:?} h", u.mttr_h), "Give hours above 0.");
        }
    }
    if units.is_empty() {
        findings.push(Diagnostic::error("RAM.ADEQUACY.UNIT", "there are no units").hint("Name at least one."));
    }
    if load_mw.is_empty() || load_mw.iter().any(|l| !(*l >= 0.0 && l.is_finite())) {
        let d = Diagnostic::error("RAM.ADEQUACY.LOAD", "the load has no hours, or an hour that is no number from 0 on");
        findings.push(d.hint("Give the load of each hour in MW."));
    }
    findings
}

impl OutageTable {
    /// # Errors
    /// All faults of the units; capacities that have no common step.
    pub fn new(units: &[GeneratingUnit]) -> Result<Self, AvailabilityError> {
        let findings = faults(units, &[0.0]);
        if !findings.is_empty() {
            return Err(findings.into());
        }
        let kw: Vec<i64> = units.iter().map(|u| (u.capacity_mw * 1e3).round() as i64).collect();
        let step_kw = kw.iter().copied().fold(0, gcd);
        let capacity_kw: i64 = kw.iter().sum();
        if capacity_kw / step_kw > STEPS_MAX {
            let d = Diagnostic::error("RAM.ADEQUACY.STEPS", format!("the capacities have {} kW as their largest common step", step_kw));
            return Err(vec![d.hint("Round them so that they have a larger one.")].into());
        }
        let mut p = vec![1.0];
        for (u, kw) in units.iter().zip(&kw) {
            let (shift, q) = ((kw / step_kw) as usize, u.forced_outage_rate);
            let mut next = vec![0.0; p.len() + shift];
            for (i, x) in p.iter().enumerate() {
                next[i] += (1.0 - q) * x;
                next[i + shift] += q * x;
            }
            p = next;
        }
        // From the rare end, so that small tails keep their digits.
        let mut at_least = vec![0.0; p.len() + 1];
        let mut beyond = vec![0.0; p.len() + 1];
        for i in (0..p.len()).rev() {
            at_least[i] = at_least[i + 1] + p[i];
            beyond[i] = beyond[i + 1] + at_least[i + 1];
        }
        Ok(Self { capacity_mw: capacity_kw as f64 * 1e-3, step_kw, capacity_kw, exactly: p, at_least, beyond })
    }

    /// Probability that so much is out or more, MW.
    pub fn out_at_least(&self, mw: f64) -> f64 {
        let i = (mw * 1e3 / self.step_kw as f64 - 1e-9).ceil().max(0.0) as usize;
        self.at_least.get(i).copied().unwrap_or(0.0)
    }

    /// Probability that the load is not met, and the mean of what is not met, MW.
    pub fn lost(&self, load_mw: f64) -> (f64, f64) {
        // Lost where more than `reserve` is out: from the first whole step above it.
        let reserve = (self.capacity_kw as f64 - load_mw * 1e3) / self.step_kw as f64;
        if reserve < 0.0 {
            // More load than there is: what is missing anyway, and all that is out.
            return (1.0, (-reserve + self.beyond[0]) * self.step_kw as f64 * 1e-3);
        }
        let first = (reserve + 1e-9).floor() as usize + 1;
        let Some(p) = self.at_least.get(first) else { return (0.0, 0.0) };
        let steps = self.beyond[first] + p * (first as f64 - reserve);
        (*p, steps.max(0.0) * self.step_kw as f64 * 1e-3)
    }

    /// The table: what is out, how probable exactly that and that or more is; outages of no probability are left out.
    pub fn table(&self) -> Table {
        const COLUMNS: &[Column] = &[
            number("out_mw", "MW", "capacity that is out"),
            number("in_service_mw", "MW", "capacity that is in service"),
            number("probability", "", "probability that exactly so much is out"),
            number("cumulative", "", "probability that so much is out or more"),
        ];
        let row = |(i, p): (usize, &f64)| {
            let out = i as f64 * self.step_kw as f64 * 1e-3;
            [out, self.capacity_mw - out, *p, self.at_least[i]].map(Value::Number).to_vec()
        };
        let rows = self.exactly.iter().enumerate().filter(|(_, p)| **p > 0.0).map(row).collect();
        Table { name: "capacity_outage", meaning: "probability of capacity that is out", columns: COLUMNS, rows }
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Indices of a year of hourly load.
///
/// # Errors
/// All faults of units and load (`RAM.ADEQUACY.…`).
pub fn adequacy(units: &[GeneratingUnit], load_mw: &[f64]) -> Result<Adequacy, AvailabilityError> {
    let findings = faults(units, load_mw);
    if !findings.is_empty() {
        return Err(findings.into());
    }
    let table = OutageTable::new(units)?;
    let (mut lole, mut loee) = (0.0, 0.0);
    for l in load_mw {
        let (p, mw) = table.lost(*l);
        lole += p;
        loee += mw;
    }
    let peak = |l: &[f64]| l.iter().copied().fold(0.0, f64::max);
    let days = load_mw.len().is_multiple_of(24).then(|| load_mw.chunks(24).map(|d| table.lost(peak(d)).0).sum());
    Ok(Adequacy {
        lole_h_per_year: lole,
        loee_mwh_per_year: loee,
        lole_d_per_year: days,
        capacity_mw: table.capacity_mw,
        peak_mw: peak(load_mw),
        energy_mwh: load_mw.iter().sum(),
    })
}

/// Indices as a table.
pub fn table(name: &str, a: &Adequacy) -> Table {
    const COLUMNS: &[Column] = &[
        text("system", "system"),
        number("capacity_mw", "MW", "capacity of all units"),
        number("peak_mw", "MW", "largest load"),
        number("energy_mwh", "MWh", "energy asked for in the year"),
        number("lole_h_per_year", "h/yr", "hours in which the load is not met"),
        number("loee_mwh_per_year", "MWh/yr", "energy that is not supplied"),
        number("lole_d_per_year", "d/yr", "days whose peak is not met"),
    ];
    let numbers = [a.capacity_mw, a.peak_mw, a.energy_mwh, a.lole_h_per_year, a.loee_mwh_per_year].map(Value::Number);
    let row = std::iter::once(Value::text(name)).chain(numbers).chain([Value::maybe(a.lole_d_per_year)]).collect();
    Table { name: "adequacy", meaning: "generation against load over a year", columns: COLUMNS, rows: vec![row] }
}
