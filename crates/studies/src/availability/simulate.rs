//! Availability by simulation: many histories of the plant, side by side.
//!
//! Each history has its own stream of random numbers from the seed and its number, and results are put together in the order of numbers, so that the
//! answer is the same bit by bit on any number of threads. It takes what the exact result leaves out: Weibull lifetimes of units that wait, crews that
//! are busy, spares that run out, planned maintenance, and how unlike years are.

use super::bdd::TooLarge;
use super::compile::{Compiled, Purpose, too_large};
use super::engine::{History, Model};
use super::exact::Reading;
use super::plan::Plan;
use super::statistics::{Simulated, summarise};
use super::{AvailabilityError, HOURS_PER_YEAR};
use crate::hands::Hands;
use network::Diagnostic;
use network::availability::Diagram;

/// Histories at least: an interval of fewer says nothing.
const HISTORIES_MIN: u32 = 20;
/// Years of all histories together, at most.
const YEARS_MAX: u64 = 20_000_000;
/// Events of all histories together, at most.
const EVENTS_MAX: f64 = 5e9;

/// How to simulate.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulationOptions {
    pub seed: u64,
    pub histories: u32,
    /// Years of each history that count.
    pub mission_years: u32,
    /// Years before them that do not: all is new at the beginning, and what wears out fails less in the first years.
    pub warm_up_years: u32,
    pub reading: Reading,
    /// Least availability that is good enough.
    pub target_availability: Option<f64>,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        Self { seed: 1, histories: 1000, mission_years: 20, warm_up_years: 0, reading: Reading::Count, target_availability: Some(0.9995) }
    }
}

/// Simulates a diagram.
///
/// # Errors
/// All faults of the diagram; options that make no sense (`RAM.SIMULATION.OPTIONS`); a component that does not say how often it fails; parts that were
/// not done elsewhere.
pub fn simulate(diagram: &Diagram, options: &SimulationOptions, hands: &Hands) -> Result<Simulated, AvailabilityError> {
    let (plan, mut findings) = Plan::new(diagram)?;
    let mut grave = Vec::new();
    let years = u64::from(options.histories) * (u64::from(options.mission_years) + u64::from(options.warm_up_years));
    if options.histories < HISTORIES_MIN || options.mission_years == 0 || years > YEARS_MAX {
        let d = Diagnostic::error("RAM.SIMULATION.OPTIONS", "so many histories of so many years cannot be simulated");
        let d = d.detail(format!("{} histories of {} years, {} before.", options.histories, options.mission_years, options.warm_up_years));
        grave.push(d.hint(format!("Ask for at least {HISTORIES_MIN} histories of a year or more, and {YEARS_MAX} years in all at most.")));
    }
    let hours = years as f64 * HOURS_PER_YEAR;
    let maintained = diagram.components.iter().filter_map(|c| c.maintenance).map(|m| 1.0 / m.interval_h);
    let events: f64 = plan.means.iter().filter_map(|m| m.frequency_per_h()).chain(maintained).sum::<f64>() * hours;
    if events > EVENTS_MAX {
        let d = Diagnostic::error("RAM.SIMULATION.OPTIONS", format!("{events:.1e} failures and maintenances would have to be simulated"));
        grave.push(d.hint("Ask for fewer histories or years."));
    }
    for (c, m) in diagram.components.iter().zip(&plan.means) {
        if m.frequency_per_h().is_none() {
            let d = Diagnostic::error("RAM.SIMULATION.NO_MTBF", "how often it fails is not given, so it cannot be simulated");
            grave.push(d.element(c.id.clone()).at(&c.source).hint("Give MTBF and MTTR."));
        }
    }
    let compiled = match Compiled::new(&plan, Purpose::Moments, &mut findings) {
        Ok(c) => Some(c),
        Err(more) => {
            grave.extend(more);
            None
        }
    };
    let (true, Some(mut compiled)) = (grave.is_empty(), compiled) else {
        findings.extend(grave);
        return Err(findings.into());
    };
    let system = match compiled.blocks(&plan, options.reading, None) {
        Ok(blocks) => blocks[plan.system],
        Err(TooLarge) => {
            findings.push(too_large(&plan));
            return Err(findings.into());
        }
    };
    let model = Model::new(&plan, compiled, system, options.mission_years, options.warm_up_years, options.seed);
    let work = |numbers: &[usize]| Ok::<_, AvailabilityError>(numbers.iter().map(|n| model.run(*n)).collect::<Vec<History>>());
    let histories = hands.map(options.histories as usize, work)?;
    Ok(summarise(&histories, options, findings))
}
