//! What there is to choose, and what a choice makes: a design, and its life-cycle cost.
//!
//! ```text
//! cost = layout + sum of units n_u (capital_u * purchases_u + fixed_u * annuity) + classes (count * cost of one) + annuity * energy
//! energy = least of sum of price_u e_u with sum of e_u = demand * 8760 h * load factor, e_u <= n_u P_u a_u f_u 8760 h
//! ```
//!
//! with a_u the availability and f_u the capacity factor: the cheapest energy first.

use super::blocks::{Group, carry};
use super::plant::{Pattern, UnitKind, cables_like, pattern, set_count, transformers_like};
use network::design::Design;
use network::design::ram::{Block, BlockType, YEAR_H};
use network::design::sizing::{Layout, SizingBrief};
use network::{Diagnostic, Severity};
use std::collections::{BTreeSet, HashSet};

/// Deviation from the tap that the design has, per step, so that of two choices that cost the same the design's is taken.
const TAP_COST: f64 = 1.0;

/// What a variable counts or which class it is the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Number of `brief.units[i]`.
    Units(usize),
    /// Places in the lists of classes.
    Breakers(usize),
    Transformers(usize),
    Cables(usize),
    Tap(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub id: String,
    pub what: What,
    pub min: u32,
    pub max: u32,
}

/// A layout and a value for every variable.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Choice {
    pub layout: usize,
    pub values: Vec<u32>,
}

/// A layout as the programme sees it.
pub(super) struct Ground<'b> {
    pub layout: &'b Layout,
    pub design: &'b Design,
    pub demand_mw: f64,
    /// For each of `brief.units`.
    pub patterns: Vec<Option<Pattern>>,
    /// Block that carries the demand.
    carrying: Option<String>,
}

pub(super) struct Problem<'b> {
    pub brief: &'b SizingBrief,
    pub grounds: Vec<Ground<'b>>,
    pub variables: Vec<Variable>,
    system_block: &'b str,
}

/// Present values of a plant, in the brief's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct LifeCycleCost {
    pub capital: f64,
    pub fixed: f64,
    pub energy: f64,
    pub total: f64,
}

/// Components below a block.
fn below<'d>(design: &'d Design, id: &'d str, found: &mut BTreeSet<&'d str>, met: &mut HashSet<&'d str>) {
    let Some(block) = design.blocks.iter().find(|b| b.block_id == id) else {
        found.insert(id);
        return;
    };
    if met.insert(id) {
        block.components.iter().for_each(|c| below(design, c, found, met));
    }
}

fn components_of<'d>(design: &'d Design, id: &'d str) -> BTreeSet<&'d str> {
    let mut found = BTreeSet::new();
    below(design, id, &mut found, &mut HashSet::new());
    found
}

fn refused(code: &str, about: &str, what: String, hint: &str) -> Diagnostic {
    Diagnostic::error(code, what).element(about).hint(hint)
}

/// The smallest block that has all units that carry the load.
fn carrying_block(layout: &Layout, design: &Design, patterns: &[Option<Pattern>], faults: &mut Vec<Diagnostic>) -> Option<String> {
    let units = patterns.iter().flatten().filter(|p| p.kind != UnitKind::Transformer);
    let own: Vec<&str> = units.clone().flat_map(|p| &p.units).map(String::as_str).collect();
    let bays: HashSet<&str> = units.flat_map(|p| &p.bays).flat_map(|b| &b.components).map(String::as_str).collect();
    let in_blocks: BTreeSet<&str> = design.blocks.iter().flat_map(|b| &b.components).map(String::as_str).collect();
    let carrying: Vec<&str> = own.into_iter().filter(|u| in_blocks.contains(u)).collect();
    let holds = |b: &&Block| {
        let all = components_of(design, &b.block_id);
        carrying.iter().all(|u| all.contains(u))
    };
    let least = design.blocks.iter().filter(holds).min_by_key(|b| components_of(design, &b.block_id).len());
    let Some(block) = least.filter(|_| !carrying.is_empty()) else {
        faults.push(refused(
            "EXCHANGE.SIZING.BLOCKS",
            &layout.id,
            "its reliability blocks do not have the units that are sized".to_owned(),
            "list the units in a block of k of n; without blocks no availability is known, and nothing passes",
        ));
        return None;
    };
    let known = |id: &&str| bays.contains(id) || design.components.iter().any(|c| c.component_id == **id && c.capacity_mw.is_some());
    if let Some(other) = components_of(design, &block.block_id).into_iter().find(|id| !known(id)) {
        faults.push(refused(
            "EXCHANGE.SIZING.BLOCKS",
            &block.block_id,
            format!("{other} stands among the units that carry the load, and has no megawatts"),
            "put the units into a block of their own, in series with what all of them need",
        ));
        return None;
    }
    Some(block.block_id.clone())
}

impl<'b> Problem<'b> {
    /// # Errors
    /// What keeps the brief from being a problem: patterns that no layout has, units that differ between layouts, blocks that do not fit. All at once.
    pub fn new(brief: &'b SizingBrief, system_block: &'b str) -> Result<Self, Vec<Diagnostic>> {
        let mut faults = brief.check();
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut grounds = Vec::new();
        for layout in &brief.layouts {
            let Some(design) = &layout.design else { continue };
            let patterns: Vec<Option<Pattern>> = brief.units.iter().map(|u| pattern(design, &u.like)).collect();
            let carrying = carrying_block(layout, design, &patterns, &mut faults);
            grounds.push(Ground { layout, design, demand_mw: design.base_dispatch().demand_mw, patterns, carrying });
        }
        for (i, u) in brief.units.iter().enumerate() {
            let mut found = grounds.iter().filter_map(|g| g.patterns[i].as_ref());
            match found.next() {
                None => faults.push(refused(
                    "EXCHANGE.SIZING.PATTERN",
                    &u.id,
                    format!("no layout has \"{}\"", u.like),
                    "name a generator, battery, PV plant, grid feed or transformer of a design by its identifier",
                )),
                Some(first) => {
                    if found.any(|p| p.kind != first.kind || (p.rated_mw - first.rated_mw).abs() > 1e-9) {
                        let what = format!("\"{}\" is rated otherwise in another layout", u.like);
                        faults.push(refused(
                            "EXCHANGE.SIZING.PATTERN",
                            &u.id,
                            what,
                            "give what differs another identifier, and a choice of its own",
                        ));
                    }
                }
            }
        }
        let mut of_branches: Vec<(&str, &str, bool)> = Vec::new();
        for (id, like) in brief.transformers.iter().map(|t| (&t.id, &t.like)).chain(brief.taps.iter().map(|t| (&t.id, &t.like))) {
            of_branches.push((id, like, grounds.iter().any(|g| !transformers_like(g.design, like).is_empty())));
        }
        of_branches.extend(
            brief
                .cables
                .iter()
                .map(|c| (c.id.as_str(), c.like.as_str(), grounds.iter().any(|g| !cables_like(g.design, &c.like).is_empty()))),
        );
        for (id, like, known) in of_branches {
            if !known {
                let what = format!("no layout has \"{like}\"");
                faults.push(refused("EXCHANGE.SIZING.PATTERN", id, what, "name a transformer or cable of a design by its identifier"));
            }
        }
        for b in &brief.breakers {
            if !grounds.iter().any(|g| g.design.breakers.iter().any(|x| is_of_level(x.rated_kv, b.rated_kv))) {
                let what = format!("no layout has breakers of {} kV", b.rated_kv);
                faults.push(refused("EXCHANGE.SIZING.PATTERN", &b.id, what, "rated_kv is that of the breakers, line to line"));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut variables = Vec::new();
        let mut add = |id: &str, what, min, max| variables.push(Variable { id: id.to_owned(), what, min, max });
        let last = |n: usize| n.saturating_sub(1) as u32;
        for (i, u) in brief.units.iter().enumerate() {
            let is_transformer = grounds.iter().any(|g| g.patterns[i].as_ref().is_some_and(|p| p.kind == UnitKind::Transformer));
            add(&u.id, What::Units(i), if is_transformer { u.min.max(u.needed) } else { u.min }, u.max);
        }
        brief.breakers.iter().enumerate().for_each(|(i, b)| add(&b.id, What::Breakers(i), 0, last(b.classes.len())));
        brief.transformers.iter().enumerate().for_each(|(i, t)| add(&t.id, What::Transformers(i), 0, last(t.classes.len())));
        brief.cables.iter().enumerate().for_each(|(i, c)| add(&c.id, What::Cables(i), 0, last(c.classes.len())));
        brief.taps.iter().enumerate().for_each(|(i, t)| add(&t.id, What::Tap(i), 0, last(t.tap_pct.len())));
        Ok(Self { brief, grounds, variables, system_block })
    }

    /// Whether a unit counts for load, reserve and the loss of units.
    pub fn is_firm(&self, unit: usize, kind: UnitKind) -> bool {
        let by_kind = matches!(kind, UnitKind::Generator | UnitKind::GridFeed);
        kind != UnitKind::Transformer && self.brief.units[unit].firm.unwrap_or(by_kind)
    }

    /// Kind and rating of a unit, in whatever layout has it.
    pub fn plate(&self, unit: usize) -> (UnitKind, f64) {
        let mut found = self.grounds.iter().filter_map(|g| g.patterns[unit].as_ref());
        found.next().map_or((UnitKind::Generator, 0.0), |p| (p.kind, p.rated_mw))
    }

    /// Variables of units that meet a condition.
    pub fn units(&self, is: impl Fn(UnitKind) -> bool) -> Vec<usize> {
        let wanted = |v: &Variable| matches!(v.what, What::Units(u) if is(self.plate(u).0));
        (0..self.variables.len()).filter(|&v| wanted(&self.variables[v])).collect()
    }

    /// Most energy of one unit in a year, MWh.
    pub fn energy_mwh(&self, layout: usize, unit: usize) -> f64 {
        let u = &self.brief.units[unit];
        let p = self.grounds[layout].patterns[unit].as_ref();
        p.filter(|_| u.energy_cost_per_mwh.is_some()).map_or(0.0, |p| p.rated_mw * p.availability * u.capacity_factor * YEAR_H)
    }

    /// Present value of one unit without energy: capital with what is bought anew, and fixed cost.
    pub fn unit_cost(&self, unit: usize) -> (f64, f64) {
        let (u, e) = (&self.brief.units[unit], &self.brief.economics);
        (u.capital_cost * e.purchases(u.life_years), u.fixed_cost_per_year * e.annuity())
    }

    /// Cost of one piece in each class.
    pub fn class_costs(&self, what: What) -> Vec<f64> {
        match what {
            What::Breakers(i) => self.brief.breakers[i].classes.iter().map(|c| c.cost).collect(),
            What::Transformers(i) => self.brief.transformers[i].classes.iter().map(|c| c.cost).collect(),
            What::Cables(i) => self.brief.cables[i].classes.iter().map(|c| c.cost).collect(),
            What::Units(_) | What::Tap(_) => Vec::new(),
        }
    }

    /// Pieces that a class is of in a layout: without any unit that is sized, and with each one of a unit. Copies are taken from the units in turn; units
    /// of one kind have like bays, so the first stands for all.
    pub fn pieces(&self, layout: usize, what: What) -> (f64, Vec<f64>) {
        let ground = &self.grounds[layout];
        let d = ground.design;
        let ids: HashSet<&str> = match what {
            What::Breakers(i) => {
                let kv = self.brief.breakers[i].rated_kv;
                d.breakers.iter().filter(|b| is_of_level(b.rated_kv, kv)).map(|b| b.id.as_str()).collect()
            }
            What::Transformers(i) => {
                transformers_like(d, &self.brief.transformers[i].like).into_iter().map(|t| d.transformers[t].id.as_str()).collect()
            }
            What::Cables(i) => cables_like(d, &self.brief.cables[i].like).into_iter().map(|c| d.cables[c].id.as_str()).collect(),
            What::Tap(i) => {
                let all = transformers_like(d, &self.brief.taps[i].like);
                all.into_iter().map(|t| d.transformers[t].id.as_str()).collect()
            }
            What::Units(_) => HashSet::new(),
        };
        let in_bay = |p: &Pattern, i: usize| {
            let bay = &p.bays[i];
            let all = bay.branches.iter().chain(&bay.breakers).chain(std::iter::once(&p.units[i]));
            all.filter(|id| ids.contains(id.as_str())).count() as f64
        };
        let of_units: f64 = ground.patterns.iter().flatten().map(|p| (0..p.units.len()).map(|i| in_bay(p, i)).sum::<f64>()).sum();
        let each = ground.patterns.iter().map(|p| p.as_ref().map_or(0.0, |p| in_bay(p, 0))).collect();
        (ids.len() as f64 - of_units, each)
    }

    /// Whether a variable has any part in a plant: what a layout has not, or has no piece of with these numbers of units, changes nothing.
    pub fn matters(&self, choice: &Choice, variable: usize) -> bool {
        match self.variables[variable].what {
            What::Units(u) => self.grounds[choice.layout].patterns[u].is_some(),
            what => self.pieces_of(choice, what) > 0.0,
        }
    }

    /// Pieces that a class is of in a plant.
    fn pieces_of(&self, choice: &Choice, what: What) -> f64 {
        let (base, each) = self.pieces(choice.layout, what);
        base + each.iter().enumerate().map(|(u, n)| n * f64::from(self.count(choice, u))).sum::<f64>()
    }

    pub fn tap_cost(&self, layout: usize, tap: usize) -> Vec<f64> {
        let choice = &self.brief.taps[tap];
        let own = self.grounds[layout].design.transformers.iter().find(|t| t.id == choice.like).map_or(0.0, |t| t.tap_pct);
        choice.tap_pct.iter().map(|t| TAP_COST * (t - own).abs()).collect()
    }

    fn count(&self, choice: &Choice, unit: usize) -> u32 {
        let at = self.variables.iter().position(|v| v.what == What::Units(unit));
        at.map_or(0, |v| choice.values[v])
    }

    /// Life-cycle cost of a choice.
    pub fn cost(&self, choice: &Choice) -> LifeCycleCost {
        let ground = &self.grounds[choice.layout];
        let e = &self.brief.economics;
        let mut cost = LifeCycleCost { capital: ground.layout.capital_cost, ..LifeCycleCost::default() };
        let mut offers: Vec<(f64, f64)> = Vec::new();
        for (v, &value) in self.variables.iter().zip(&choice.values) {
            match v.what {
                What::Units(u) => {
                    let (capital, fixed) = self.unit_cost(u);
                    cost.capital += capital * f64::from(value);
                    cost.fixed += fixed * f64::from(value);
                    if let Some(price) = self.brief.units[u].energy_cost_per_mwh {
                        offers.push((price, self.energy_mwh(choice.layout, u) * f64::from(value)));
                    }
                }
                What::Tap(t) => cost.capital += self.tap_cost(choice.layout, t)[value as usize],
                what => {
                    cost.capital += self.pieces_of(choice, what) * self.class_costs(what)[value as usize];
                }
            }
        }
        offers.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut left = ground.demand_mw * YEAR_H * e.load_factor;
        for (price, most) in offers {
            let taken = left.min(most);
            cost.energy += price * taken * e.annuity();
            left -= taken;
        }
        cost.total = cost.capital + cost.fixed + cost.energy;
        cost
    }

    /// The design of a choice.
    ///
    /// # Errors
    /// What the design's check finds, numbers that run out, mixes of units that are too many.
    pub fn build(&self, choice: &Choice) -> Result<Design, Vec<Diagnostic>> {
        let ground = &self.grounds[choice.layout];
        let mut design = ground.design.clone();
        design.name.clone_from(&self.brief.name);
        let words: Vec<String> = self.words(choice).into_iter().map(|c| format!("{} {}", c.id, c.value)).collect();
        design.description = format!("Layout {}: {}", ground.layout.id, words.join(", "));
        // Classes first: copies take them from their pattern.
        for (v, &value) in self.variables.iter().zip(&choice.values) {
            self.set_class(ground.design, &mut design, v.what, value as usize);
        }
        let mut stand: Vec<Vec<(String, Vec<String>)>> = Vec::new();
        for (i, p) in ground.patterns.iter().enumerate() {
            let units = match p {
                Some(p) => set_count(&mut design, p, self.count(choice, i)).map_err(|d| vec![d])?,
                None => Vec::new(),
            };
            stand.push(units);
        }
        self.write_blocks(ground, &mut design, &stand).map_err(|d| vec![d])?;
        let faults: Vec<Diagnostic> = design.check().into_iter().filter(|d| d.severity == Severity::Error).collect();
        if faults.is_empty() { Ok(design) } else { Err(faults) }
    }

    fn set_class(&self, pattern: &Design, design: &mut Design, what: What, at: usize) {
        match what {
            What::Units(_) => {}
            What::Breakers(i) => {
                let choice = &self.brief.breakers[i];
                let ka = choice.classes[at].breaking_ka;
                // Rated peak over rated symmetrical current (IEC 62271-1): 2.5 at 50 Hz, 2.6 at 60 Hz.
                let peak = if design.frequency_hz > 55.0 { 2.6 } else { 2.5 };
                for b in design.breakers.iter_mut().filter(|b| is_of_level(b.rated_kv, choice.rated_kv)) {
                    b.breaking_ka = ka;
                    b.making_peak_ka = b.making_peak_ka.map(|_| peak * ka);
                }
            }
            What::Transformers(i) => {
                let choice = &self.brief.transformers[i];
                for t in transformers_like(pattern, &choice.like) {
                    let t = &mut design.transformers[t];
                    let ratio = choice.classes[at].rated_mva / t.rated_mva;
                    t.rated_mva *= ratio;
                    t.load_loss_kw *= ratio;
                    t.no_load_loss_kw *= ratio;
                }
            }
            What::Cables(i) => {
                let choice = &self.brief.cables[i];
                for c in cables_like(pattern, &choice.like) {
                    let c = &mut design.cables[c];
                    let n = choice.classes[at].n_parallel;
                    c.rated_mva *= f64::from(n) / f64::from(c.n_parallel);
                    c.n_parallel = n;
                }
            }
            What::Tap(i) => {
                let choice = &self.brief.taps[i];
                for t in transformers_like(pattern, &choice.like) {
                    design.transformers[t].tap_pct = choice.tap_pct[at];
                }
            }
        }
    }

    fn write_blocks(&self, ground: &Ground<'_>, design: &mut Design, stand: &[Vec<(String, Vec<String>)>]) -> Result<(), Diagnostic> {
        let reachable = |d: &Design| -> HashSet<String> {
            let mut met = HashSet::new();
            below(d, self.system_block, &mut BTreeSet::new(), &mut met);
            met.into_iter().map(str::to_owned).collect()
        };
        let before = reachable(ground.design);
        let carrying: BTreeSet<&str> = ground.carrying.as_deref().map(|id| components_of(ground.design, id)).unwrap_or_default();
        let mut groups: Vec<Group> = Vec::new();
        let mut series: Vec<Block> = Vec::new();
        let mut known: HashSet<&str> = HashSet::new();
        for ((i, choice), pattern) in self.brief.units.iter().enumerate().zip(&ground.patterns) {
            let Some(p) = pattern else { continue };
            known.extend(p.bays.iter().flat_map(|b| &b.components).map(String::as_str));
            if p.kind == UnitKind::Transformer {
                spare(design, &choice.id, choice.needed, &p.units, &stand[i]);
                continue;
            }
            if !p.units.iter().any(|u| carrying.contains(u.as_str())) {
                continue;
            }
            let component = ground.design.components.iter().find(|c| c.component_id == p.units[0]);
            let capacity_mw = component.and_then(|c| c.capacity_mw).unwrap_or(p.rated_mw);
            let mut parts = Vec::new();
            for (unit, components) in &stand[i] {
                // A part of the bay counts where the design's own blocks have it.
                if components.len() == 1 {
                    parts.push(components[0].clone());
                } else {
                    let n = components.len() as u32;
                    let id = format!("UNIT_{unit}");
                    series.push(Block {
                        block_id: id.clone(),
                        block_name: format!("{unit} with its bay"),
                        block_type: BlockType::Series,
                        components: components.clone(),
                        k_required: n,
                        n_total: n,
                        description: String::new(),
                    });
                    parts.push(id);
                }
            }
            groups.push(Group { id: choice.id.clone(), capacity_mw, parts });
        }
        // Units that are not sized stay, in groups of one capacity.
        for id in carrying.iter().filter(|id| !known.contains(**id)) {
            let capacity = ground.design.components.iter().find(|c| c.component_id == **id).and_then(|c| c.capacity_mw);
            if let Some(capacity_mw) = capacity {
                let name = format!("OTHER_{}", capacity_mw.to_string().replace('.', "_"));
                match groups.iter_mut().find(|g| g.id == name) {
                    Some(g) => g.parts.push((*id).to_owned()),
                    None => groups.push(Group { id: name, capacity_mw, parts: vec![(*id).to_owned()] }),
                }
            }
        }
        let own: HashSet<String> = series.iter().map(|s| s.block_id.clone()).collect();
        design.blocks.retain(|b| !own.contains(&b.block_id));
        design.blocks.splice(0..0, series);
        if let Some(id) = &ground.carrying {
            carry(design, id, &groups, ground.demand_mw)?;
        }
        let after = reachable(design);
        design.blocks.retain(|b| after.contains(&b.block_id) || !before.contains(&b.block_id));
        let parts: HashSet<String> = design.blocks.iter().flat_map(|b| b.components.iter().cloned()).collect();
        // A block of a bay that nothing lists would be a plant of its own.
        design.blocks.retain(|b| !own.contains(&b.block_id) || parts.contains(&b.block_id));
        Ok(())
    }

    /// A value of a variable in words.
    pub fn chosen(&self, variable: usize, value: u32) -> Chosen {
        let (v, at) = (&self.variables[variable], value as usize);
        let (value, unit) = match v.what {
            What::Units(_) => (f64::from(value), "units"),
            What::Breakers(i) => (self.brief.breakers[i].classes[at].breaking_ka, "kA"),
            What::Transformers(i) => (self.brief.transformers[i].classes[at].rated_mva, "MVA"),
            What::Cables(i) => (f64::from(self.brief.cables[i].classes[at].n_parallel), "circuits"),
            What::Tap(i) => (self.brief.taps[i].tap_pct[at], "%"),
        };
        Chosen { id: v.id.clone(), value, unit }
    }

    /// A choice in words: what has a part in it.
    pub fn words(&self, choice: &Choice) -> Vec<Chosen> {
        let there = (0..self.variables.len()).filter(|&v| self.matters(choice, v));
        there.map(|v| self.chosen(v, choice.values[v])).collect()
    }
}

/// What was chosen.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Chosen {
    /// Of the choice in the brief.
    pub id: String,
    pub value: f64,
    pub unit: &'static str,
}

/// Whether a rated voltage is that of a level.
pub(super) fn is_of_level(rated_kv: f64, level_kv: f64) -> bool {
    (rated_kv / level_kv - 1.0).abs() < 1e-6
}

/// Transformers that stand in for one another: `needed` of them.
fn spare(design: &mut Design, name: &str, needed: u32, old: &[String], stand: &[(String, Vec<String>)]) {
    let units: Vec<String> =
        stand.iter().map(|(u, _)| u.clone()).filter(|u| design.components.iter().any(|c| c.component_id == *u)).collect();
    let n = units.len() as u32;
    let Some(at) = design.blocks.iter().position(|b| b.components.iter().any(|c| old.contains(c))) else { return };
    let k_of_n = |id: String, block_name: String| Block {
        block_id: id,
        block_name,
        block_type: BlockType::ParallelKOfN,
        components: units.clone(),
        k_required: needed.min(n),
        n_total: n,
        description: "Spares".to_owned(),
    };
    let block = &mut design.blocks[at];
    if block.block_type == BlockType::ParallelKOfN && block.components.iter().all(|c| old.contains(c)) {
        *block = Block { description: block.description.clone(), ..k_of_n(block.block_id.clone(), block.block_name.clone()) };
        return;
    }
    if n <= 1 {
        return;
    }
    let id = format!("{}_{name}", block.block_id);
    let place = block.components.iter().position(|c| old.contains(c)).unwrap_or(0);
    block.components.retain(|c| !old.contains(c));
    block.components.insert(place.min(block.components.len()), id.clone());
    block.n_total = block.components.len() as u32;
    block.k_required = block.k_of_type().unwrap_or(block.k_required.min(block.n_total));
    let new = k_of_n(id, format!("{needed} of {n} {name}"));
    design.blocks.insert(at, new);
}
