//! Scenarios of a design: base cases at several loads, the loss of each unit, the loss of two; and what each makes of the design.
//!
//! Dispatch, one rule for all: the load and the plant's own load, less what PV plants and batteries are set to, is shared among the generators
//! online in proportion to their rated MW, between their least and rated power. What they cannot carry the batteries online take, up to their rated
//! MW; a grid feed online takes what is left in either direction, within its rated MW. What still lacks is told as a shortfall and stays with the
//! machine of the swing bus, whose power then shows it. Losses are carried by the swing bus.

use super::{Design, Status, reactive_mvar};
use crate::{Diagnostic, Network};
use serde::{Deserialize, Serialize};

/// What kind of case a scenario is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScenarioType {
    Normal,
    #[serde(rename = "N-1 Contingency")]
    N1,
    #[serde(rename = "N-2 Contingency")]
    N2,
}

impl ScenarioType {
    /// As tables write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::N1 => "N-1 Contingency",
            Self::N2 => "N-2 Contingency",
        }
    }
}

/// One case to be studied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub scenario_id: String,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ScenarioType,
    pub load_mw: f64,
    pub load_pf: f64,
    #[serde(default)]
    pub tripped_equipment: Vec<String>,
    #[serde(default)]
    pub description: String,
}

/// Which pairs are lost together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum N2Rule {
    None,
    /// The two largest units.
    #[default]
    LargestTwo,
    /// Every pair of one redundancy group.
    WithinGroups,
    All,
}

/// How scenarios are listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScenarioRules {
    /// Percent of the load, a base case each.
    pub base_load_pct: Vec<f64>,
    /// The loss of each generating unit at full load.
    pub n1: bool,
    pub n2: N2Rule,
    /// Cases besides those of the rules.
    pub also: Vec<Scenario>,
}

impl Default for ScenarioRules {
    fn default() -> Self {
        Self { base_load_pct: vec![100.0, 75.0, 50.0], n1: true, n2: N2Rule::default(), also: Vec::new() }
    }
}

/// What a dispatch came to, MW.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Dispatch {
    /// Served and own load, motors included.
    pub demand_mw: f64,
    pub generators_mw: f64,
    pub batteries_mw: f64,
    pub pv_mw: f64,
    pub grid_mw: f64,
    /// What nobody can carry.
    pub shortfall_mw: f64,
    /// What nobody can take.
    pub surplus_mw: f64,
}

/// A unit that trips: identifier, name in sentences, MW, redundancy group, word of its kind.
struct Unit<'a> {
    id: &'a str,
    name: &'a str,
    mw: f64,
    group: &'a str,
    kind: (&'static str, &'static str),
}

impl Design {
    fn tripping_units(&self) -> Vec<Unit<'_>> {
        let generators = self.generators.iter().filter(|g| g.status.is_online()).map(|g| Unit {
            id: &g.id,
            name: g.short_name.as_deref().unwrap_or(&g.name),
            mw: g.rated_mw,
            group: &g.redundancy_group,
            kind: g.prime_mover.short(),
        });
        let batteries = self.batteries.iter().filter(|b| b.status.is_online()).map(|b| Unit {
            id: &b.id,
            name: &b.name,
            mw: b.rated_mw,
            group: &b.redundancy_group,
            kind: ("BESS", "batteries"),
        });
        let feeds = self.grid_feeds.iter().filter(|g| g.status.is_online()).map(|g| Unit {
            id: &g.id,
            name: &g.name,
            mw: g.rated_mw,
            group: "",
            kind: ("GRID", "grid feeds"),
        });
        generators.chain(batteries).chain(feeds).collect()
    }

    /// The scenarios of the rules: base cases, the loss of each generating unit, of pairs, and those listed besides.
    pub fn scenarios(&self) -> Vec<Scenario> {
        let (load, pf) = (self.load_mw(), rounded(self.load_pf()));
        let mut all: Vec<Scenario> = Vec::new();
        for pct in &self.scenario_rules.base_load_pct {
            all.push(Scenario {
                scenario_id: format!("BASE_{pct}"),
                name: format!("Base Case - {pct}% Load"),
                kind: ScenarioType::Normal,
                load_mw: rounded(load * pct / 100.0),
                load_pf: pf,
                tripped_equipment: Vec::new(),
                description: "All equipment online".to_owned(),
            });
        }
        let units = self.tripping_units();
        let short = |id: &str| id.strip_prefix("GEN_").unwrap_or(id).to_owned();
        let outage = |scenario_id, name, kind, tripped_equipment, description: &str| Scenario {
            scenario_id,
            name,
            kind,
            load_mw: rounded(load),
            load_pf: pf,
            tripped_equipment,
            description: description.to_owned(),
        };
        if self.scenario_rules.n1 {
            all.extend(units.iter().map(|u| {
                let (id, name) = (format!("N1_{}", short(u.id)), format!("N-1: {} Trip", u.name));
                outage(id, name, ScenarioType::N1, vec![u.id.to_owned()], "Single contingency")
            }));
        }
        for (a, b) in self.pairs(&units) {
            let both = a.kind == b.kind && units.iter().filter(|u| u.kind == a.kind).count() == 2;
            let (id, name) = if both {
                (format!("N2_{}_BOTH", a.kind.0), format!("N-2: Both {} Trip", a.kind.1))
            } else {
                (format!("N2_{}_{}", short(a.id), short(b.id)), format!("N-2: {} and {} Trip", a.name, b.name))
            };
            all.push(outage(id, name, ScenarioType::N2, vec![a.id.to_owned(), b.id.to_owned()], "Double contingency"));
        }
        all.extend(self.scenario_rules.also.iter().cloned());
        all
    }

    fn pairs<'u, 'd>(&self, units: &'u [Unit<'d>]) -> Vec<(&'u Unit<'d>, &'u Unit<'d>)> {
        let every = move || units.iter().enumerate().flat_map(move |(i, a)| units[i + 1..].iter().map(move |b| (a, b)));
        match self.scenario_rules.n2 {
            N2Rule::None => Vec::new(),
            N2Rule::All => every().collect(),
            N2Rule::WithinGroups => every().filter(|(a, b)| !a.group.is_empty() && a.group == b.group).collect(),
            N2Rule::LargestTwo => {
                let mut order: Vec<usize> = (0..units.len()).collect();
                order.sort_by(|&i, &j| units[j].mw.total_cmp(&units[i].mw));
                match order[..] {
                    [i, j, ..] => vec![(&units[i.min(j)], &units[i.max(j)])],
                    _ => Vec::new(),
                }
            }
        }
    }

    /// The design as a scenario has it: units tripped, the load scaled to its MW and power factor.
    ///
    /// # Errors
    /// Equipment that does not exist, a load or power factor that is none, no unit left that gives power: all at once.
    pub fn in_scenario(&self, scenario: &Scenario) -> Result<Design, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        let about = format!("scenario.{}", scenario.scenario_id);
        let mut design = self.clone();
        for id in &scenario.tripped_equipment {
            if !design.trip(id) {
                let what = Diagnostic::error("EXCHANGE.SCENARIO.UNIT", format!("\"{id}\" is tripped but the design has no such unit"));
                faults.push(
                    what.element(about.as_str())
                        .hint("name a generator, battery, PV plant, grid feed, transformer or cable by its identifier"),
                );
            }
        }
        if !(scenario.load_mw.is_finite() && scenario.load_mw >= 0.0 && scenario.load_pf > 0.0 && scenario.load_pf <= 1.0) {
            let what = format!("a load of {} MW at power factor {} is impossible", scenario.load_mw, scenario.load_pf);
            faults.push(
                Diagnostic::error("EXCHANGE.SCENARIO.LOAD", what)
                    .element(about.as_str())
                    .hint("MW of 0 or more, power factor above 0 up to 1"),
            );
        }
        let base = self.load_mw();
        if base <= 0.0 && scenario.load_mw > 0.0 {
            let what = Diagnostic::error("EXCHANGE.SCENARIO.LOAD", "there is no load in the design that could be scaled");
            faults.push(what.element(about.as_str()).hint("give the design a load that is online and not auxiliary"));
        }
        if design.sources_by_rank().is_empty() {
            let what =
                Diagnostic::error("EXCHANGE.SCENARIO.ALL_TRIPPED", "no unit is left that could supply the load and hold the voltage");
            faults.push(what.element(about.as_str()).hint("leave at least one generator, grid feed or voltage-holding battery online"));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        for load in design.loads.iter_mut().filter(|l| l.status.is_online() && !l.auxiliary) {
            load.p_mw *= if base > 0.0 { scenario.load_mw / base } else { 0.0 };
            load.pf = scenario.load_pf;
        }
        Ok(design)
    }

    fn trip(&mut self, id: &str) -> bool {
        let mut found = false;
        macro_rules! trip {
            ($($list:ident),*) => {$(for unit in self.$list.iter_mut().filter(|u| u.id == id) { unit.status = Status::Offline; found = true; })*};
        }
        trip!(generators, batteries, pv_plants, grid_feeds, transformers, cables);
        found
    }

    /// The network of a scenario, dispatched.
    ///
    /// # Errors
    /// As [`Design::in_scenario`] and [`Design::network`].
    pub fn scenario_network(&self, scenario: &Scenario) -> Result<(Network, Dispatch), Vec<Diagnostic>> {
        let design = self.in_scenario(scenario)?;
        Ok((design.network()?, design.dispatch().0))
    }

    /// Sums and what each generator and battery gives, MW, in the order of their lists; offline ones 0.
    pub(super) fn dispatch(&self) -> (Dispatch, Vec<f64>, Vec<f64>) {
        let loads: f64 = self.loads.iter().filter(|l| l.status.is_online()).map(|l| l.p_mw).sum();
        let motors: f64 = self.motors.iter().filter(|m| m.status.is_online()).map(|m| m.rated_mw / m.efficiency).sum();
        let pv: f64 = self.pv_plants.iter().filter(|p| p.status.is_online()).map(|p| p.p_mw).sum();
        let demand = loads + motors;
        let mut batteries: Vec<f64> = self.batteries.iter().map(|b| if b.status.is_online() { b.p_mw } else { 0.0 }).collect();
        let wanted = demand - pv - batteries.iter().sum::<f64>();
        let generators = self.share(wanted);
        let given: f64 = generators.iter().sum();
        let mut rest = wanted - given;
        for (p, b) in batteries.iter_mut().zip(&self.batteries).filter(|(_, b)| b.status.is_online()) {
            // Only what lacks is taken from them: a surplus is not charged into a battery whose state of charge nobody knows.
            let more = rest.clamp(0.0, (b.rated_mw - *p).max(0.0));
            *p += more;
            rest -= more;
        }
        let most: f64 = self.grid_feeds.iter().filter(|g| g.status.is_online()).map(|g| g.rated_mw).sum();
        let grid = rest.clamp(-most, most);
        rest -= grid;
        let small = 1e-9 * demand.abs().max(1.0);
        let dispatch = Dispatch {
            demand_mw: demand,
            generators_mw: given,
            batteries_mw: batteries.iter().sum(),
            pv_mw: pv,
            grid_mw: grid,
            shortfall_mw: if rest > small { rest } else { 0.0 },
            surplus_mw: if rest < -small { -rest } else { 0.0 },
        };
        (dispatch, generators, batteries)
    }

    /// Shares a power among generators in proportion to their rating; those that would fall below their least or above their rated power stay there.
    fn share(&self, wanted: f64) -> Vec<f64> {
        let limits: Vec<(f64, f64)> =
            self.generators.iter().map(|g| if g.status.is_online() { (g.p_min_mw, g.rated_mw) } else { (0.0, 0.0) }).collect();
        let at = |level: f64| limits.iter().map(|(least, most)| (level * most).clamp(least.min(*most), *most)).collect::<Vec<f64>>();
        let total = |level: f64| at(level).iter().sum::<f64>();
        // The sum rises with the level from all least to all rated powers.
        let (mut low, mut high) = (0.0, 1.0);
        if wanted >= total(high) {
            return at(high);
        }
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if total(middle) < wanted { low = middle } else { high = middle }
        }
        at(high)
    }
}

/// To nine decimals: 0.95 that went through a sine is 0.95 again.
fn rounded(x: f64) -> f64 {
    (x * 1e9).round() / 1e9
}

/// Mvar of a load as the case has it.
pub(super) fn load_mvar(load: &super::DesignLoad) -> f64 {
    reactive_mvar(load.p_mw, load.pf)
}
