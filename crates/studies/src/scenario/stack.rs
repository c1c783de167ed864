//! Lays the layers upon a network.
//!
//! Layers count in the order of the file, with four rules: all waves first make the one weather of the year; mandates and interconnection
//! caps count for all layers of their kind, wherever they stand; batteries see the loads and the sun of all other layers; volt-var goes on
//! the inverters of all layers. What a rule changes is told.

use super::allocation::{Adopter, adopters, stream};
use super::courses::{Courses, factor_kw, nominal_load_kw, shape};
use super::customers::Sites;
use super::ledger::{LayerRecord, LedgerRow, StackLedger, peak};
use super::prepare::{CUT_OUT, Prepared};
use super::sessions::{Tally, add, vehicle};
use crate::changes::{Names, word};
use crate::synthetic::elements;
use network::scenario::{
    AdoptionPoint, Allocation, EvLayer, InterconnectionCap, LayerKind, Mandated, Scenario, SolarLayer, TouPolicy, adoption_pct,
};
use network::{Diagnostic, ElementId, ElementKind, LoadShapeId, LoadStatus, Network, Severity, Shapes};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A network with all layers upon it.
#[derive(Clone, Debug)]
pub struct Stacked {
    pub network: Network,
    pub ledger: StackLedger,
    /// Conflicts with the rule that resolved them, and what is worth knowing.
    pub findings: Vec<Diagnostic>,
}

/// A photovoltaic system of an adopter.
#[derive(Clone, Copy, Debug)]
struct Roof {
    adopter: Adopter,
    orientation: usize,
    dc_kw: f64,
}

/// AC power that a cap has let through, kW.
#[derive(Default)]
struct LetThrough {
    by_transformer: HashMap<usize, f64>,
    by_feeder: HashMap<String, f64>,
}

/// Load that vehicles or heat pumps added, which tariffs may move.
pub(super) struct Added {
    pub layer: usize,
    pub site: usize,
    pub load: usize,
    pub units: u32,
    pub is_ev: bool,
    pub course: Vec<f64>,
}

/// Photovoltaics at a site: what they give, kW a step.
pub(super) struct Sun {
    pub site: usize,
    pub unit: usize,
    pub year: Arc<[f64]>,
    pub dc_kw: f64,
}

pub(super) struct Stack<'p> {
    pub prepared: &'p Prepared,
    pub network: Network,
    pub sites: Sites,
    pub courses: Courses,
    pub records: Vec<LayerRecord>,
    pub findings: Vec<Diagnostic>,
    pub added: Vec<Added>,
    pub suns: Vec<Sun>,
    /// New batteries: position among the network's, and site.
    pub stores: Vec<(usize, usize)>,
    pub(super) names: Names,
    shape_names: HashSet<String>,
    capped: HashMap<String, LetThrough>,
    base_kw: Vec<f64>,
}

/// A word of letters, digits and underscores.
impl Prepared {
    /// A new network with all layers upon it, and the ledger of what each adds.
    ///
    /// What the network does not have (a class, a bus) is left out with a note; [`Prepared::check`] tells it as an error beforehand.
    ///
    /// # Errors
    /// A network that layers cannot be laid upon, or a result that is no sound network.
    pub fn apply(&self, base: &Network) -> Result<Stacked, Vec<Diagnostic>> {
        if base.is_transmission() {
            let what = Diagnostic::error("SCENARIO.NETWORK.TRANSMISSION", "a transmission case has no customers to lay a scenario upon");
            return Err(vec![what.detail(format!("The network is {}.", base.name)).hint("name a distribution feeder")]);
        }
        let n = self.calendar.n_steps();
        let sites = Sites::new(base, &self.scenario);
        let mut stack = Stack {
            prepared: self,
            network: base.clone(),
            courses: Courses::new(base, self.calendar),
            records: self.scenario.layers.iter().map(|l| LayerRecord::new(&l.name, l.what.name(), n)).collect(),
            findings: self.findings.clone(),
            added: Vec::new(),
            suns: Vec::new(),
            stores: Vec::new(),
            names: Names::of(base),
            shape_names: base.load_shapes.iter().map(|s| s.name.to_lowercase()).collect(),
            capped: HashMap::new(),
            base_kw: nominal_load_kw(base, self.calendar),
            sites,
        };
        for (i, layer) in self.scenario.layers.iter().enumerate() {
            if let Some(a) = layer.what.allocation() {
                let admitted = stack.sites.admitted(base, a);
                stack.records[i].customers = admitted.iter().map(|&s| stack.sites.all[s].customers).sum();
            }
            match &layer.what {
                LayerKind::Ev(l) => stack.vehicles(i, l),
                LayerKind::FastCharging(l) => stack.stations(i, l),
                LayerKind::Solar(l) => stack.solar(i, l),
                LayerKind::Electrification(l) => stack.heat_pumps(i, l),
                LayerKind::Weather(l) => stack.wave(i, l),
                LayerKind::Growth(l) => stack.growth(i, l),
                LayerKind::Policy(l) => {
                    if let Some(tou) = &l.tou {
                        stack.tariff(i, tou, &l.allocation);
                    }
                }
                LayerKind::Changes(l) => stack.changes(i, l),
                LayerKind::Storage(_) => {}
            }
        }
        stack.put_added_loads();
        for (i, layer) in self.scenario.layers.iter().enumerate() {
            if let LayerKind::Storage(l) = &layer.what {
                stack.storage(i, l);
            }
        }
        stack.put_changed_shapes();
        stack.volt_var();
        Ok(stack.finish())
    }
}

impl<'p> Stack<'p> {
    pub fn scenario(&self) -> &'p Scenario {
        &self.prepared.scenario
    }

    /// A new shape under a name that is free.
    pub fn add_shape(&mut self, wanted: &str, p: Arc<[f64]>, q: Option<Arc<[f64]>>, actual: bool) -> LoadShapeId {
        let wanted = word(wanted);
        let name = (1..).map(|i| if i == 1 { wanted.clone() } else { format!("{wanted}_{i}") }).find(|n| !self.shape_names.contains(n));
        let name = name.unwrap_or(wanted);
        self.shape_names.insert(name.clone());
        self.network.load_shapes.push(shape(name, p, q, actual, self.prepared.calendar.step_h()));
        LoadShapeId::from(self.network.load_shapes.len() - 1)
    }

    pub fn transformer_name(&self, transformer: Option<usize>) -> String {
        transformer.map_or(String::new(), |t| self.network.full_name(ElementId::new(ElementKind::Transformer, t)))
    }

    /// Share of customers that a layer reaches, after its adoption curve and mandates.
    pub fn share(&mut self, index: usize, penetration: Option<f64>, adoption: &[AdoptionPoint], kind: Mandated) -> f64 {
        let told = |l: &LayerKind| -> Option<f64> {
            let (pct, points) = match (kind, l) {
                (Mandated::Ev, LayerKind::Ev(l)) => (l.penetration_pct, &l.adoption),
                (Mandated::Solar, LayerKind::Solar(l)) => (l.penetration_pct, &l.adoption),
                (Mandated::Storage, LayerKind::Storage(l)) => (l.penetration_pct, &l.adoption),
                (Mandated::Electrification, LayerKind::Electrification(l)) => (l.penetration_pct, &l.adoption),
                _ => return None,
            };
            pct.or_else(|| adoption_pct(points, self.scenario().year?))
        };
        let own = penetration.or_else(|| adoption_pct(adoption, self.scenario().year?)).unwrap_or(0.0);
        let together: f64 = self.scenario().layers.iter().filter_map(|l| told(&l.what)).sum();
        let mandates = self.scenario().layers.iter().filter_map(|l| match &l.what {
            LayerKind::Policy(p) => p.mandate.filter(|m| m.layer == kind).map(|m| (l, m.penetration_pct)),
            _ => None,
        });
        let Some((layer, least)) = mandates.max_by(|a, b| a.1.total_cmp(&b.1)) else { return own / 100.0 };
        if together >= least {
            return own / 100.0;
        }
        let n = self.scenario().layers.iter().filter(|l| told(&l.what).is_some()).count().max(1);
        let raised = if together > 0.0 { own * least / together } else { least / n as f64 };
        let (name, policy, at) = (self.scenario().layers[index].name.clone(), layer.name.clone(), layer.source.clone());
        let what = Diagnostic::note("SCENARIO.CONFLICT.MANDATE", format!("{name} asks for {own} %, the mandate {policy} for {least} %"));
        self.findings.push(what.at(&at).detail(format!("The mandate holds: {name} reaches {raised} %.")));
        self.records[index].facts.push(format!("raised from {own} % to {raised} % by {policy}"));
        (raised / 100.0).min(1.0)
    }

    /// Adopters of a layer among the sites that its allocation and `may` admit.
    pub fn choose(&mut self, index: usize, share: f64, a: &Allocation, may: impl Fn(usize) -> bool) -> Vec<Adopter> {
        let admitted: Vec<usize> = self.sites.admitted(&self.network, a).into_iter().filter(|&s| may(s)).collect();
        let scenario = self.scenario();
        let (chosen, total) = adopters(&self.sites, &admitted, share, scenario.seed, &scenario.layers[index].name, a, &self.prepared.data);
        self.records[index].customers = total;
        self.records[index].units += chosen.len() as u32;
        chosen
    }

    /// Accounts a course to a layer.
    pub fn account(&mut self, index: usize, element: String, site: Option<usize>, units: u32, course: &[f64]) {
        let step_h = self.prepared.calendar.step_h();
        let (peak_step, peak_kw) = peak(course);
        let (load, transformer, class) = match site.map(|s| &self.sites.all[s]) {
            Some(s) => (s.name.clone(), self.transformer_name(s.transformer), s.class.clone()),
            None => (String::new(), String::new(), String::new()),
        };
        let record = &mut self.records[index];
        for (total, v) in record.profile_kw.iter_mut().zip(course) {
            *total += v;
        }
        let energy_kwh = course.iter().sum::<f64>() * step_h;
        record.energy_kwh += energy_kwh;
        let layer = record.layer.clone();
        record.rows.push(LedgerRow { layer, element, load, transformer, customer_class: class, units, energy_kwh, peak_kw, peak_step });
    }

    fn vehicles(&mut self, index: usize, l: &EvLayer) {
        let share = self.share(index, l.penetration_pct, &l.adoption, Mandated::Ev);
        let chosen = self.choose(index, share, &l.allocation, |_| true);
        let calendar = self.prepared.calendar;
        let season = self.prepared.season(l);
        let power_kw = l.power_kw.unwrap_or(l.charger.power_kw());
        let (seed, layer) = (self.scenario().seed, self.scenario().layers[index].name.clone());
        let profile = l.profile_csv.as_ref().and_then(|f| self.prepared.data.profiles.get(f)).cloned();
        let mut tally = Tally::default();
        for group in chosen.chunk_by(|a, b| a.site == b.site) {
            let site = group[0].site;
            let units = group.len() as u32 * l.vehicles_per_adopter as u32;
            let mut course = vec![0.0; calendar.n_steps()];
            match &profile {
                Some(profile) => {
                    for (k, c) in course.iter_mut().enumerate() {
                        *c = f64::from(units) * profile_at(profile, calendar, k);
                    }
                }
                None => {
                    let s = &self.sites.all[site];
                    for adopter in group {
                        for v in 0..l.vehicles_per_adopter as u64 {
                            let number = u64::from(adopter.customer) * 64 + v;
                            let mut random = stream(seed, "sessions", &[&s.feeder, &s.name, &layer], number);
                            let of = vehicle(l, power_kw, calendar, &season, &mut random, &mut |session| {
                                add(&mut course, session, calendar.step_h())
                            });
                            tally.add(&of);
                        }
                    }
                }
            }
            let wanted = format!("{layer}_{}", self.sites.all[site].name);
            let load = self.new_load(&wanted, site, l.power_factor);
            self.added.push(Added { layer: index, site, load, units, is_ev: true, course: course.clone() });
            let element = self.network.full_name(ElementId::new(ElementKind::Load, load));
            self.account(index, element, Some(site), units, &course);
        }
        let record = &mut self.records[index];
        record.units *= l.vehicles_per_adopter as u32;
        if profile.is_some() {
            record.facts.push(format!("{} vehicles by {}", record.units, l.profile_csv.as_deref().unwrap_or_default()));
        } else {
            record.facts.push(format!(
                "{} sessions of {} vehicles at {power_kw} kW: {:.3} kWh; charged elsewhere {:.3} kWh",
                tally.sessions, record.units, tally.energy_kwh, tally.elsewhere_kwh
            ));
            if self.prepared.temperature_c.is_none() {
                record.facts.push("without weather: no season".to_owned());
            }
        }
    }

    /// A load that draws nothing yet, at the terminals of a site's load.
    fn new_load(&mut self, wanted: &str, site: usize, power_factor: f64) -> usize {
        let host = self.network.loads[self.sites.all[site].load].clone();
        let name = self.names.free("load", wanted);
        let terminal = host.common.terminals[0].clone();
        let mut load = elements::load(name, terminal, host.common.n_phases, host.kv, 0.0, power_factor, 1, Shapes::default());
        load.connection = host.connection;
        load.class = host.class;
        load.common.feeder = host.common.feeder;
        load.common.base_frequency_hz = host.common.base_frequency_hz;
        load.common.spectrum = host.common.spectrum;
        load.r_neutral_ohm = host.r_neutral_ohm;
        load.x_neutral_ohm = host.x_neutral_ohm;
        load.common.source = self.scenario().layers.first().map(|l| l.source.clone()).unwrap_or_default();
        self.network.add(load).index()
    }

    /// Adds a load with a course of its own, to be put into the network at the end.
    pub fn add_load(&mut self, index: usize, site: usize, units: u32, power_factor: f64, course: Vec<f64>) {
        let wanted = format!("{}_{}", self.scenario().layers[index].name, self.sites.all[site].name);
        let load = self.new_load(&wanted, site, power_factor);
        let element = self.network.full_name(ElementId::new(ElementKind::Load, load));
        self.account(index, element, Some(site), units, &course);
        self.added.push(Added { layer: index, site, load, units, is_ev: false, course });
    }

    /// Gives the new loads their final courses.
    fn put_added_loads(&mut self) {
        for added in std::mem::take(&mut self.added) {
            let peak_kw = added.course.iter().copied().fold(0.0, f64::max);
            let name = format!("shape_{}", self.network.loads[added.load].common.name);
            let id = self.add_shape(&name, added.course.clone().into(), None, true);
            let load = &mut self.network.loads[added.load];
            load.shapes = Shapes { yearly: Some(id), daily: Some(id), duty: None };
            load.p_kw = peak_kw;
            load.q_kvar = peak_kw * (1.0 / (load.power_factor * load.power_factor) - 1.0).sqrt();
            load.common.source = self.prepared.scenario.layers[added.layer].source.clone();
            load.n_customers = 1;
            self.added.push(added);
        }
    }

    /// Gives the loads whose course was changed a shape of their own kind.
    fn put_changed_shapes(&mut self) {
        let mut made: HashMap<usize, LoadShapeId> = HashMap::new();
        for load in 0..self.courses.of_load.len() {
            let course = self.courses.of_load[load];
            if course == self.courses.base_of_load[load] {
                continue;
            }
            let id = match made.get(&course) {
                Some(id) => *id,
                None => {
                    let c = self.courses.all[course].clone();
                    let id = self.add_shape(&format!("{}_stacked", c.name), c.p, c.q, c.actual);
                    made.insert(course, id);
                    id
                }
            };
            self.network.loads[load].shapes.yearly = Some(id);
        }
    }

    /// Accounts the change of courses of loads.
    pub fn account_changes(&mut self, index: usize, pairs: Vec<(usize, usize, Vec<usize>)>) {
        let step_h = self.prepared.calendar.step_h();
        let site_of: HashMap<usize, usize> = self.sites.all.iter().enumerate().map(|(i, s)| (s.load, i)).collect();
        for (old, new, loads) in pairs {
            if old == new {
                continue;
            }
            let (before, after) = (self.courses.all[old].p.clone(), self.courses.all[new].p.clone());
            let actual = self.courses.all[new].actual;
            let change: Vec<f64> = after.iter().zip(before.iter()).map(|(a, b)| a - b).collect();
            let (peak_step, peak_change) = peak(&change);
            let sum: f64 = change.iter().sum();
            let mut together = 0.0;
            for load in loads {
                let l = &self.network.loads[load];
                let kw = factor_kw(&self.network, l, actual);
                together += kw;
                let Some(site) = site_of.get(&load).map(|&s| &self.sites.all[s]) else { continue };
                let row = LedgerRow {
                    layer: self.records[index].layer.clone(),
                    element: format!("load.{}", l.common.name),
                    load: site.name.clone(),
                    transformer: self.transformer_name(site.transformer),
                    customer_class: site.class.clone(),
                    units: site.customers,
                    energy_kwh: kw * sum * step_h,
                    peak_kw: kw * peak_change,
                    peak_step,
                };
                self.records[index].units += site.customers;
                self.records[index].rows.push(row);
            }
            let record = &mut self.records[index];
            record.energy_kwh += together * sum * step_h;
            for (total, c) in record.profile_kw.iter_mut().zip(&change) {
                *total += together * c;
            }
        }
    }

    /// Loads of sites whose course may be changed: those that follow the year at all.
    pub fn movable(&self, admitted: &[usize]) -> Vec<usize> {
        admitted.iter().map(|&s| self.sites.all[s].load).filter(|&l| self.network.loads[l].status != LoadStatus::Fixed).collect()
    }

    fn tariff(&mut self, index: usize, tou: &TouPolicy, a: &Allocation) {
        let admitted = self.sites.admitted(&self.network, a);
        let loads = self.movable(&admitted);
        let calendar = self.prepared.calendar;
        let pairs = self.courses.change(&loads, |c| super::tariff::shifted(&c.p, tou, calendar));
        self.account_changes(index, pairs);
        if tou.ev_shift_pct > 0.0 {
            let admitted: HashSet<usize> = admitted.into_iter().collect();
            for i in 0..self.added.len() {
                if !self.added[i].is_ev || !admitted.contains(&self.added[i].site) {
                    continue;
                }
                let before = &self.added[i].course;
                let after = super::tariff::moved(before, tou, calendar, tou.ev_shift_pct / 100.0);
                let change: Vec<f64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
                let (site, load, units) = (self.added[i].site, self.added[i].load, self.added[i].units);
                self.added[i].course = after;
                let element = self.network.full_name(ElementId::new(ElementKind::Load, load));
                self.account(index, element, Some(site), units, &change);
            }
        }
        let record = &mut self.records[index];
        let moved: f64 = record.profile_kw.iter().map(|p| p.max(0.0)).sum::<f64>() * calendar.step_h();
        record.facts.push(format!("{moved:.3} kWh moved to other steps; net {:.6} kWh", record.energy_kwh));
    }

    fn solar(&mut self, index: usize, l: &SolarLayer) {
        let share = self.share(index, l.penetration_pct, &l.adoption, Mandated::Solar);
        let chosen = self.choose(index, share, &l.allocation, |_| true);
        let seed = self.scenario().seed;
        let layer = self.scenario().layers[index].name.clone();
        let choices: Vec<(f64, usize)> = l.orientations.iter().map(|o| o.weight).zip(0..).collect();
        let mut roofs: Vec<Roof> = Vec::with_capacity(chosen.len());
        for adopter in chosen {
            let s = &self.sites.all[adopter.site];
            let mut random = stream(seed, "roofs", &[&s.feeder, &s.name, &layer], u64::from(adopter.customer));
            let drawn = random.log_normal(l.size_median_kw, l.size_sigma);
            let of_peak = l.size_of_peak_pct.map(|pct| {
                let load = &self.network.loads[s.load];
                load.p_kw.abs() / f64::from(s.customers) * pct / 100.0
            });
            let dc_kw = of_peak.unwrap_or(drawn).clamp(l.size_min_kw, l.size_max_kw);
            roofs.push(Roof { adopter, orientation: random.weighted(&choices), dc_kw });
        }
        self.cap(index, l.dc_ac_ratio, &mut roofs);
        self.records[index].units = roofs.len() as u32;
        // One element for the systems of a load that face the same way.
        roofs.sort_by_key(|r| (r.adopter.site, r.orientation, r.adopter.customer));
        let mut shapes: HashMap<usize, LoadShapeId> = HashMap::new();
        let mut dc_total = 0.0;
        for group in roofs.chunk_by(|a, b| (a.adopter.site, a.orientation) == (b.adopter.site, b.orientation)) {
            let (site, orientation) = (group[0].adopter.site, group[0].orientation);
            let dc_kw: f64 = group.iter().map(|r| r.dc_kw).sum();
            dc_total += dc_kw;
            let Some(year) = self.prepared.suns[index].get(orientation).cloned() else { continue };
            let shape = match shapes.get(&orientation) {
                Some(id) => *id,
                None => {
                    let id = self.add_shape(&format!("{layer}_{}", orientation + 1), year.clone(), None, false);
                    shapes.insert(orientation, id);
                    id
                }
            };
            let host = self.network.loads[self.sites.all[site].load].clone();
            let name = self.names.free("pvsystem", &format!("{layer}_{}_{}", self.sites.all[site].name, orientation + 1));
            let terminal = host.common.terminals[0].clone();
            let n_phases = host.common.n_phases;
            let mut pv = elements::pv_system(name, terminal, n_phases, host.kv, dc_kw, dc_kw / l.dc_ac_ratio);
            pv.connection = host.connection;
            pv.base_v = if n_phases > 1 { host.kv * 1000.0 / 3f64.sqrt() } else { host.kv * 1000.0 };
            (pv.inverter.cut_in_pct, pv.inverter.cut_out_pct) = (50.0 * CUT_OUT, 50.0 * CUT_OUT);
            pv.inverter.var_follow_inverter = true;
            pv.shapes = Shapes { yearly: Some(shape), daily: Some(shape), duty: None };
            pv.common.feeder = host.common.feeder;
            pv.common.base_frequency_hz = host.common.base_frequency_hz;
            pv.common.source = self.scenario().layers[index].source.clone();
            let unit = self.network.add(pv).index();
            let course: Vec<f64> = year.iter().map(|p| -dc_kw * p).collect();
            let element = self.network.full_name(ElementId::new(ElementKind::PvSystem, unit));
            self.account(index, element, Some(site), group.len() as u32, &course);
            self.suns.push(Sun { site, unit, year, dc_kw });
        }
        let per_kw = if dc_total > 0.0 { -self.records[index].energy_kwh / dc_total } else { 0.0 };
        let record = &mut self.records[index];
        record.facts.push(format!("{} systems, {dc_total:.3} kW DC, {per_kw:.1} kWh a year for a kW", record.units));
    }

    /// Makes systems smaller or leaves them out until all caps are kept; the lowest keys stay.
    fn cap(&mut self, index: usize, dc_ac_ratio: f64, roofs: &mut Vec<Roof>) {
        let caps: Vec<(String, InterconnectionCap, Allocation)> = self
            .scenario()
            .layers
            .iter()
            .filter_map(|l| match &l.what {
                LayerKind::Policy(p) => p.interconnection_cap.map(|c| (l.name.clone(), c, p.allocation.clone())),
                _ => None,
            })
            .collect();
        let peak_kw = peak(&self.base_kw).1.abs();
        let step = |roofs: &Vec<Roof>| (roofs.len(), roofs.iter().map(|r| r.dc_kw).sum::<f64>());
        for (policy, cap, allocation) in caps {
            let before = step(roofs);
            let admitted: HashSet<usize> = self.sites.admitted(&self.network, &allocation).into_iter().collect();
            if let Some(limit) = cap.per_customer_kw {
                for r in roofs.iter_mut().filter(|r| admitted.contains(&r.adopter.site)) {
                    r.dc_kw = r.dc_kw.min(limit * dc_ac_ratio);
                }
                roofs.retain(|r| r.dc_kw > 0.0);
            }
            roofs.sort_by(|a, b| {
                a.adopter
                    .key
                    .total_cmp(&b.adopter.key)
                    .then((a.adopter.site, a.adopter.customer).cmp(&(b.adopter.site, b.adopter.customer)))
            });
            let (sites, network) = (&self.sites, &self.network);
            let LetThrough { by_transformer, by_feeder } = self.capped.entry(policy.clone()).or_default();
            roofs.retain(|r| {
                if !admitted.contains(&r.adopter.site) {
                    return true;
                }
                let (s, ac) = (&sites.all[r.adopter.site], r.dc_kw / dc_ac_ratio);
                let of_transformer = s.transformer.map_or(0.0, |t| by_transformer.get(&t).copied().unwrap_or(0.0));
                let of_feeder = by_feeder.get(&s.feeder).copied().unwrap_or(0.0);
                let kva = s.transformer.and_then(|t| network.transformers[t].windings.first()).map(|w| w.kva);
                let transformer_full = cap.per_transformer_pct.zip(kva).is_some_and(|(pct, kva)| of_transformer + ac > pct / 100.0 * kva);
                let feeder_full = cap.per_feeder_peak_pct.is_some_and(|pct| of_feeder + ac > pct / 100.0 * peak_kw);
                if transformer_full || feeder_full {
                    return false;
                }
                if let Some(t) = s.transformer {
                    *by_transformer.entry(t).or_insert(0.0) += ac;
                }
                *by_feeder.entry(s.feeder.clone()).or_insert(0.0) += ac;
                true
            });
            let after = step(roofs);
            if after != before {
                let layer = &self.prepared.scenario.layers[index];
                let told = format!("of {} systems with {:.1} kW DC {} with {:.1} kW are built", before.0, before.1, after.0, after.1);
                let what = Diagnostic::note("SCENARIO.CONFLICT.CAP", format!("{} wants more than {policy} lets connect", layer.name));
                self.findings.push(what.at(&layer.source).detail(format!("The cap holds: {told}, those with the lowest keys.")));
                self.records[index].facts.push(format!("cap {policy}: {told}"));
            }
        }
    }

    fn finish(mut self) -> Stacked {
        let calendar = self.prepared.calendar;
        let mut stacked_kw = nominal_load_kw(&self.network, calendar);
        for sun in &self.suns {
            // From the element itself: panel power through its shape, not beyond the inverter.
            let pv = &self.network.pv_systems[sun.unit];
            let Some(shape) = pv.shapes.yearly.map(|id| &self.network.load_shapes[id.index()]) else { continue };
            for (total, factor) in stacked_kw.iter_mut().zip(shape.p.iter()) {
                *total -= (pv.irradiance * factor * pv.p_mpp_kw).min(pv.inverter.kva);
            }
        }
        for (unit, _) in &self.stores {
            let store = &self.network.storages[*unit];
            let Some(shape) = store.shapes.yearly.map(|id| &self.network.load_shapes[id.index()]) else { continue };
            for (total, factor) in stacked_kw.iter_mut().zip(shape.p.iter()) {
                *total -= factor * store.p_rated_kw;
            }
        }
        for record in &mut self.records {
            record.facts.retain(|f| !f.is_empty());
        }
        let mut seen = HashSet::new();
        self.findings.retain(|f| seen.insert(f.to_string()));
        self.findings.sort_by_key(|f| std::cmp::Reverse(f.severity == Severity::Error));
        let ledger = StackLedger {
            network: self.network.name.clone(),
            scenario: self.scenario().name.clone(),
            step_h: calendar.step_h(),
            base_kw: self.base_kw,
            layers: self.records,
            stacked_kw,
        };
        Stacked { network: self.network, ledger, findings: self.findings }
    }
}

/// kW of a vehicle by a profile that a file gives: of a day, a day and a weekend day, a week from Monday, or the year.
fn profile_at(profile: &network::scenario::Profile, calendar: super::calendar::Calendar, step: usize) -> f64 {
    let per_day = calendar.steps_per_day();
    let (day, of_day) = (calendar.day(step), step % per_day);
    let column = usize::from(profile.columns.len() == 2 && calendar.is_weekend(day));
    let values = &profile.columns[column].1;
    let at = match values.len() {
        n if n == per_day => of_day,
        n if n == 7 * per_day => calendar.weekday(day) * per_day + of_day,
        _ => step,
    };
    values.get(at).copied().unwrap_or(0.0)
}
