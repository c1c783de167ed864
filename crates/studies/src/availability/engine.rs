//! One history of a plant: what fails when, who repairs it, and how long the plant is down in each year.
//!
//! Events come from a queue by time. A unit that runs uses up the life that was drawn for it, `eta (-ln(1 - x))^(1 / beta)`, hour by hour, one that waits
//! a part of it (the standby factor), one that is down or maintained nothing; after a repair it gets a new one. A repair needs a spare where the unit
//! draws on a stock (each failure orders another one at once), then a crew where there are few, both in the order in which units failed. A common cause
//! is a unit of its own that takes its components out while it is down, as in the exact model. Whether the plant works follows after each event from
//! the same function as there.

use super::HOURS_PER_YEAR;
use super::bdd::{Bdd, Node};
use super::compile::{About, Compiled};
use super::over_time::eta_h;
use super::plan::Plan;
use crate::synthetic::maths::{exp, ln};
use crate::synthetic::random::Random;
use network::availability::{Lifetime, Maintenance, RepairTime};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

/// Number of the stream of random numbers.
const PURPOSE: u64 = 0x7261_6d00;

#[derive(Clone, Copy, Debug)]
enum Life {
    Endless,
    Exponential { mean_h: f64 },
    Weibull { beta: f64, eta_h: f64 },
}

impl Life {
    fn draw(self, random: &mut Random) -> f64 {
        let x = -ln(1.0 - random.unit());
        match self {
            Self::Endless => f64::INFINITY,
            Self::Exponential { mean_h } => mean_h * x,
            Self::Weibull { beta, eta_h } => eta_h * exp((ln(x.max(1e-300)) / beta).max(-600.0)),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Unit {
    life: Life,
    repair: RepairTime,
    mttr_h: f64,
    crew: Option<usize>,
    spares: Option<usize>,
    variable: Option<u32>,
    group: Option<usize>,
    maintenance: Option<(Maintenance, f64)>,
}

/// Units of which some wait.
#[derive(Clone, Debug)]
struct Group {
    variable: Option<u32>,
    units: Vec<usize>,
    required: usize,
    success: f64,
    factor: f64,
    manual_h: Option<f64>,
}

/// What histories have in common.
pub(super) struct Model {
    bdd: Bdd,
    system: Node,
    variables: usize,
    units: Vec<Unit>,
    groups: Vec<Group>,
    crews: Vec<u32>,
    /// On the shelf, and lead time in hours.
    spares: Vec<(u32, f64)>,
    years: u32,
    warm_up_years: u32,
    seed: u64,
}

/// What became of the plant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct History {
    /// Hours down in each year after the warm-up.
    pub down_h: Vec<f64>,
    pub failures: u32,
}

impl Model {
    pub fn new(plan: &Plan<'_>, compiled: Compiled, system: Node, years: u32, warm_up_years: u32, seed: u64) -> Self {
        let mut groups = Vec::new();
        let mut group_of = vec![None; plan.diagram.components.len()];
        for about in &compiled.events {
            if let About::Chain(b) = about {
                let s = plan.block(*b).switching.unwrap_or_default();
                let units = plan.components_of(*b).unwrap_or_default();
                units.iter().for_each(|i| group_of[*i] = Some(groups.len()));
                groups.push(Group {
                    variable: compiled.variable(*about),
                    units,
                    required: plan.k_of(*b).unwrap_or(1),
                    success: s.success,
                    factor: s.standby_factor,
                    manual_h: s.manual_h,
                });
            }
        }
        let maintained = plan.diagram.components.iter().filter(|c| c.maintenance.is_some()).count();
        let mut turn = 0;
        let mut units: Vec<Unit> = Vec::new();
        for (i, c) in plan.diagram.components.iter().enumerate() {
            let own = plan.own_means[i].times_h;
            let life = match (own, c.lifetime) {
                (None, _) => Life::Endless,
                (Some((mean_h, _)), Lifetime::Exponential) => Life::Exponential { mean_h },
                (Some((mean_h, _)), Lifetime::Weibull { beta, eta_h: given }) => {
                    // A common cause leaves the unit a longer mean: its scale grows alike.
                    let longer = plan.means[i].times_h.map_or(1.0, |(whole, _)| mean_h / whole);
                    Life::Weibull { beta, eta_h: given.map_or_else(|| eta_h(mean_h, beta), |eta| eta * longer) }
                }
            };
            let maintenance = c.maintenance.map(|m| {
                turn += 1;
                let even = m.interval_h * (f64::from(turn) - 0.5) / maintained as f64;
                (m, m.first_h.unwrap_or(even))
            });
            units.push(Unit {
                life,
                repair: c.repair,
                mttr_h: own.map_or(0.0, |t| t.1),
                crew: plan.crew_of[i],
                spares: plan.spares_of[i],
                variable: compiled.variable(About::Component(i)),
                group: group_of[i],
                maintenance,
            });
        }
        for (g, cause) in plan.causes.iter().enumerate() {
            units.push(Unit {
                life: cause.means.times_h.map_or(Life::Endless, |(mean_h, _)| Life::Exponential { mean_h }),
                repair: RepairTime::Exponential,
                mttr_h: cause.means.times_h.map_or(0.0, |t| t.1),
                crew: None,
                spares: None,
                variable: compiled.variable(About::Cause(g)),
                group: None,
                maintenance: None,
            });
        }
        Self {
            system,
            variables: compiled.events.len(),
            units,
            groups,
            crews: plan.diagram.crews.iter().map(|c| c.number).collect(),
            spares: plan.diagram.spares.iter().map(|s| (s.number, s.lead_time_h)).collect(),
            years,
            warm_up_years,
            seed,
            bdd: compiled.bdd,
        }
    }

    /// The history of this number.
    pub fn run(&self, number: usize) -> History {
        Course::new(self, number).run()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Fails { unit: usize, version: u32 },
    Repaired { unit: usize },
    Delivered { stock: usize },
    MaintenanceBegins { unit: usize },
    MaintenanceEnds { unit: usize },
    SwitchedByHand { group: usize, version: u32 },
}

/// An event in the queue: the earliest first, of one moment the first that was put in.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Event {
    at_h: f64,
    number: u64,
    what: What,
}

impl Eq for Event {}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at_h.total_cmp(&self.at_h).then_with(|| other.number.cmp(&self.number))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Good,
    Failed,
    Maintained,
}

#[derive(Clone, Copy, Debug)]
struct Now {
    status: Status,
    /// Life that is left, and how fast it goes, since when.
    left_h: f64,
    rate: f64,
    since_h: f64,
    /// Of the failure in the queue that counts.
    version: u32,
    /// Of a standby group: does not wait.
    runs: bool,
}

struct Course<'m> {
    m: &'m Model,
    random: Random,
    queue: BinaryHeap<Event>,
    put: u64,
    now_h: f64,
    units: Vec<Now>,
    works: Vec<bool>,
    stuck: Vec<Option<u32>>,
    versions: u32,
    busy: Vec<u32>,
    waits_for_crew: Vec<VecDeque<usize>>,
    stock: Vec<u32>,
    waits_for_spare: Vec<VecDeque<usize>>,
    down_since_h: Option<f64>,
    history: History,
}

impl<'m> Course<'m> {
    fn new(m: &'m Model, number: usize) -> Self {
        let new = Now { status: Status::Good, left_h: 0.0, rate: 0.0, since_h: 0.0, version: 0, runs: false };
        Self {
            m,
            random: Random::new(m.seed, PURPOSE, number as u64),
            queue: BinaryHeap::new(),
            put: 0,
            now_h: 0.0,
            units: vec![new; m.units.len()],
            works: vec![true; m.variables],
            stuck: vec![None; m.groups.len()],
            versions: 0,
            busy: vec![0; m.crews.len()],
            waits_for_crew: vec![VecDeque::new(); m.crews.len()],
            stock: m.spares.iter().map(|s| s.0).collect(),
            waits_for_spare: vec![VecDeque::new(); m.spares.len()],
            down_since_h: None,
            history: History { down_h: vec![0.0; m.years as usize], failures: 0 },
        }
    }

    fn run(mut self) -> History {
        let m = self.m;
        let end = f64::from(m.years + m.warm_up_years) * HOURS_PER_YEAR;
        let warm = f64::from(m.warm_up_years) * HOURS_PER_YEAR;
        for i in 0..m.units.len() {
            self.units[i].left_h = m.units[i].life.draw(&mut self.random);
            if m.units[i].group.is_none() {
                self.go(i, 1.0);
            }
            if let Some((_, first)) = m.units[i].maintenance {
                self.put(first, What::MaintenanceBegins { unit: i });
            }
        }
        (0..m.groups.len()).for_each(|g| self.settle(g, false));
        self.judge(warm);
        while let Some(event) = self.queue.pop() {
            if event.at_h >= end {
                break;
            }
            self.now_h = event.at_h;
            self.happens(event.what);
            self.judge(warm);
        }
        self.now_h = end;
        self.close(warm);
        self.history
    }

    fn put(&mut self, at_h: f64, what: What) {
        self.put += 1;
        self.queue.push(Event { at_h, number: self.put, what });
    }

    /// Life goes at another rate from now on.
    fn go(&mut self, i: usize, rate: f64) {
        let now_h = self.now_h;
        let u = &mut self.units[i];
        if u.rate > 0.0 {
            u.left_h = (u.left_h - (now_h - u.since_h) * u.rate).max(0.0);
        }
        (u.rate, u.since_h) = (rate, now_h);
        u.version = u.version.wrapping_add(1);
        let (version, at) = (u.version, now_h + u.left_h / rate);
        if rate > 0.0 && at.is_finite() {
            self.put(at, What::Fails { unit: i, version });
        }
    }

    fn happens(&mut self, what: What) {
        match what {
            What::Fails { unit, version } => {
                if self.units[unit].version == version && self.units[unit].status == Status::Good {
                    self.fails(unit);
                }
            }
            What::Repaired { unit } => {
                if let Some(crew) = self.m.units[unit].crew {
                    self.busy[crew] -= 1;
                    if let Some(next) = self.waits_for_crew[crew].pop_front() {
                        self.repair(next);
                    }
                }
                self.units[unit].left_h = self.m.units[unit].life.draw(&mut self.random);
                self.is_back(unit);
            }
            What::Delivered { stock } => match self.waits_for_spare[stock].pop_front() {
                Some(unit) => self.call_crew(unit),
                None => self.stock[stock] += 1,
            },
            What::MaintenanceBegins { unit } => {
                let Some((plan, _)) = self.m.units[unit].maintenance else { return };
                self.put(self.now_h + plan.interval_h, What::MaintenanceBegins { unit });
                // What is being repaired already is left in peace until the next time.
                if self.units[unit].status == Status::Good {
                    self.go(unit, 0.0);
                    self.units[unit].status = Status::Maintained;
                    self.put(self.now_h + plan.duration_h, What::MaintenanceEnds { unit });
                    self.is_gone(unit, false);
                }
            }
            What::MaintenanceEnds { unit } => {
                if self.m.units[unit].maintenance.is_some_and(|(plan, _)| plan.renews) {
                    self.units[unit].left_h = self.m.units[unit].life.draw(&mut self.random);
                }
                self.is_back(unit);
            }
            What::SwitchedByHand { group, version } => {
                if self.stuck[group] == Some(version) {
                    self.stuck[group] = None;
                    self.settle(group, false);
                }
            }
        }
    }

    fn fails(&mut self, unit: usize) {
        self.go(unit, 0.0);
        self.units[unit].status = Status::Failed;
        match self.m.units[unit].spares {
            Some(stock) => {
                self.put(self.now_h + self.m.spares[stock].1, What::Delivered { stock });
                if self.stock[stock] > 0 {
                    self.stock[stock] -= 1;
                    self.call_crew(unit);
                } else {
                    self.waits_for_spare[stock].push_back(unit);
                }
            }
            None => self.call_crew(unit),
        }
        self.is_gone(unit, true);
    }

    fn call_crew(&mut self, unit: usize) {
        match self.m.units[unit].crew {
            Some(crew) if self.busy[crew] >= self.m.crews[crew] => self.waits_for_crew[crew].push_back(unit),
            _ => self.repair(unit),
        }
    }

    fn repair(&mut self, unit: usize) {
        let u = self.m.units[unit];
        if let Some(crew) = u.crew {
            self.busy[crew] += 1;
        }
        let hours = match u.repair {
            RepairTime::Exponential => -u.mttr_h * ln(1.0 - self.random.unit()),
            // The median that gives this mean.
            RepairTime::LogNormal { sigma } => self.random.log_normal(u.mttr_h * exp(-0.5 * sigma * sigma), sigma),
            RepairTime::Constant => u.mttr_h,
        };
        self.put(self.now_h + hours, What::Repaired { unit });
    }

    fn is_gone(&mut self, unit: usize, by_failure: bool) {
        match self.m.units[unit].group {
            Some(g) => self.settle(g, by_failure),
            None => self.show(self.m.units[unit].variable, false),
        }
    }

    fn is_back(&mut self, unit: usize) {
        self.units[unit].status = Status::Good;
        match self.m.units[unit].group {
            Some(g) => {
                // Whoever brings it back puts the block to work with it.
                self.stuck[g] = None;
                self.settle(g, false);
            }
            None => {
                self.go(unit, 1.0);
                self.show(self.m.units[unit].variable, true);
            }
        }
    }

    fn show(&mut self, variable: Option<u32>, works: bool) {
        if let Some(v) = variable {
            self.works[v as usize] = works;
        }
    }

    /// Says who of a standby group runs; after a failure the one that takes over has to be switched in.
    fn settle(&mut self, group: usize, by_failure: bool) {
        let g = &self.m.groups[group];
        let is_good = |course: &Self, i: usize| course.units[i].status == Status::Good;
        for &i in &g.units {
            let good = is_good(self, i);
            self.units[i].runs &= good;
        }
        let mut running = g.units.iter().filter(|i| self.units[**i].runs).count();
        for &i in &g.units {
            if !is_good(self, i) || self.units[i].runs {
                continue;
            }
            let position = running + usize::from(self.stuck[group].is_some());
            let mut starts = position < g.required;
            if starts && by_failure && self.stuck[group].is_none() && g.success < 1.0 && !self.random.chance(g.success) {
                starts = false;
                self.versions = self.versions.wrapping_add(1);
                self.stuck[group] = Some(self.versions);
                if let Some(mean) = g.manual_h {
                    let hours = -mean * ln(1.0 - self.random.unit());
                    self.put(self.now_h + hours, What::SwitchedByHand { group, version: self.versions });
                }
            }
            if starts {
                running += 1;
                self.units[i].runs = true;
                self.go(i, 1.0);
            } else {
                self.go(i, g.factor);
            }
        }
        self.show(g.variable, running >= g.required);
    }

    /// Looks whether the plant works.
    fn judge(&mut self, warm: f64) {
        let up = self.m.bdd.is_up(self.m.system, |v| self.works[v as usize]);
        match (up, self.down_since_h) {
            (false, None) => {
                self.down_since_h = Some(self.now_h);
                if self.now_h >= warm {
                    self.history.failures += 1;
                }
            }
            (true, Some(_)) => self.close(warm),
            _ => {}
        }
    }

    /// Counts what has been down until now.
    fn close(&mut self, warm: f64) {
        let Some(from) = self.down_since_h.take() else { return };
        let mut from = (from - warm).max(0.0);
        let to = self.now_h - warm;
        while from < to {
            let year = ((from / HOURS_PER_YEAR).floor() as usize).min(self.history.down_h.len() - 1);
            let turn = (year as f64 + 1.0) * HOURS_PER_YEAR;
            let until = if year + 1 == self.history.down_h.len() { to } else { to.min(turn) };
            self.history.down_h[year] += until - from;
            from = until;
        }
    }
}
