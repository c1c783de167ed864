//! What would relax the limit that binds: single changes to the resource or the grid, each solved again.
//!
//! | change | tried where the limit is |
//! |---|---|
//! | volt-var after IEEE 1547-2018, category B | voltage, change of voltage, excursion; of resources that deliver |
//! | power factor 0.95, absorbing | the same |
//! | set point of the regulators on the way to the source, one tap lower or higher | over- or under-voltage |
//! | the next fixed tap (2.5 %) of the nearest transformer without a regulator | over- or under-voltage, where no regulator is on the way |
//! | a second circuit beside the line with the largest drop on the way | voltage, change of voltage, unbalance |
//! | a second circuit beside the line that binds; the next larger conductor of the model's own catalogue for it | line loading |
//! | the next standard size of the transformer that binds | transformer loading |
//!
//! The capacities that changes bring are found by the quick proof of [`super::search`].
//!
//! A changed grid begins with taps and banks where the unchanged one has them and settles first. Limits of flows backwards and of protection are none that a reinforcement of this kind relaxes; nothing is tried for them.

use super::criteria::Criterion;
use super::faults::FaultEffects;
use super::hours::Moment;
use super::one_bus::{Crossing, Found, Study};
use super::options::HostingError;
use super::probe::{Der, VoltVar};
use super::sense::Sensors;
use super::sites::Site;
use crate::changes;
use network::graph::{Graph, Tree};
use network::{BusId, ElementId, ElementKind, Network};
use powerflow::{Circuit, CircuitError, State};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// One change.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    VoltVar,
    Absorbing(f64),
    /// Regulators on the way from a bus, by so many taps.
    Regulators(BusId, f64),
    /// Fixed tap of a transformer's winding, by so much.
    FixedTap(ElementId, usize, f64),
    SecondCircuit(ElementId),
    NextConductor(ElementId),
    NextSize(ElementId),
}

/// What a change brings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Relaxed {
    /// What was changed, in words.
    pub change: String,
    pub capacity_kw: f64,
    pub gain_kw: f64,
    /// What limits then; `None` where the largest size fits.
    pub crossing: Option<Crossing>,
    /// The changed grid did not settle without resources.
    pub unsettled: bool,
}

/// A changed grid, ready for probes.
struct Changed<'a> {
    study: Study<'a>,
    base: State,
}

/// Tries changes at one moment.
pub struct Relaxer<'a, 'b> {
    study: &'b Study<'a>,
    moment: Moment,
    base: &'b State,
    graph: Graph,
    tree: Tree,
    changed: HashMap<String, Option<Changed<'a>>>,
}

impl<'a, 'b> Relaxer<'a, 'b> {
    /// `base` is the settled state without resources at the moment.
    pub fn new(study: &'b Study<'a>, base: &'b State, moment: Moment) -> Self {
        let network = base.circuit().network();
        let graph = Graph::new(network);
        let tree = graph.reach(&network.supply_buses());
        Self { study, moment, base, graph, tree, changed: HashMap::new() }
    }

    /// The changes for what binds at a site, solved again.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn at(&mut self, site: usize, found: &Found) -> Result<Vec<Relaxed>, HostingError> {
        let Some(crossing) = found.crossing else { return Ok(Vec::new()) };
        let step_kw = self.study.sites[site].step_kw;
        let now_kw = f64::from(found.k) * step_kw;
        let mut all = Vec::new();
        for change in self.changes(site, found, &crossing)? {
            let Some((words, result)) = self.tried(change, site, found.k)? else { continue };
            let relaxed = match result {
                Some(found) => {
                    let capacity_kw = f64::from(found.k) * step_kw;
                    Relaxed { change: words, capacity_kw, gain_kw: capacity_kw - now_kw, crossing: found.crossing, unsettled: false }
                }
                None => Relaxed { change: words, capacity_kw: 0.0, gain_kw: -now_kw, crossing: None, unsettled: true },
            };
            all.push(relaxed);
        }
        Ok(all)
    }

    fn changes(&self, site: usize, found: &Found, crossing: &Crossing) -> Result<Vec<Change>, CircuitError> {
        use Criterion as C;
        let bus = self.study.sites[site].bus;
        let mut changes = Vec::new();
        let delivers = self.study.options.der != Der::Load;
        let element = match crossing.reading.at {
            super::criteria::At::Element(id) => Some(id),
            _ => None,
        };
        let of_voltage = matches!(
            crossing.criterion,
            C::OverVoltage | C::UnderVoltage | C::VoltageDeviation | C::VoltageDeviationLv | C::VoltageUnbalance | C::RegulatorExcursion
        );
        if of_voltage && delivers && crossing.criterion != C::UnderVoltage {
            changes.extend([Change::VoltVar, Change::Absorbing(0.95)]);
        }
        if matches!(crossing.criterion, C::OverVoltage | C::UnderVoltage) {
            let way = if crossing.criterion == C::OverVoltage { -1.0 } else { 1.0 };
            let at = self.bus_of(crossing).unwrap_or(bus);
            if !self.regulators_on_way(at).is_empty() {
                changes.push(Change::Regulators(at, way));
            } else if let Some((id, winding)) = self.fixed_transformer(at) {
                changes.push(Change::FixedTap(id, winding, way * 0.025));
            }
        }
        if of_voltage && crossing.criterion != C::RegulatorExcursion {
            changes.extend(self.line_of_largest_drop(site, found)?.map(Change::SecondCircuit));
        }
        match (crossing.criterion, element) {
            (C::ThermalLine, Some(id)) if id.kind == ElementKind::Line => {
                changes.extend([Change::NextConductor(id), Change::SecondCircuit(id)])
            }
            (C::ThermalTransformer, Some(id)) => changes.push(Change::NextSize(id)),
            _ => {}
        }
        Ok(changes)
    }

    fn bus_of(&self, crossing: &Crossing) -> Option<BusId> {
        match crossing.reading.at {
            super::criteria::At::Node(n) => Some(self.base.circuit().node(n).bus),
            super::criteria::At::Bus(bus) => Some(bus),
            _ => None,
        }
    }

    /// Elements on the way from a bus to its source, those beside them between the same buses included.
    fn on_way(&self, bus: BusId) -> Vec<ElementId> {
        let mut found = Vec::new();
        for (_, link) in self.tree.to_root(bus) {
            let link = self.graph.links[link as usize];
            let ends = [link.from, link.to];
            for &other in self.graph.links_at(link.from) {
                let other = self.graph.links[other as usize];
                if other.is_closed && ends.contains(&other.from) && ends.contains(&other.to) {
                    found.push(other.element);
                }
            }
        }
        found
    }

    /// Regulator controls on the way, by position.
    fn regulators_on_way(&self, bus: BusId) -> Vec<usize> {
        let way = self.on_way(bus);
        let controls = self.base.circuit().network().regulator_controls.iter().enumerate();
        controls.filter(|(_, c)| c.common.enabled && c.transformer.is_some_and(|t| way.contains(&t))).map(|(i, _)| i).collect()
    }

    /// The nearest transformer on the way without a regulator, and the winding away from the source.
    fn fixed_transformer(&self, bus: BusId) -> Option<(ElementId, usize)> {
        let network = self.base.circuit().network();
        let id = self.on_way(bus).into_iter().find(|id| id.kind == ElementKind::Transformer)?;
        let terminals = &network.common(id).terminals;
        let far = (0..terminals.len()).max_by_key(|&t| self.tree.depth[terminals[t].bus.index()])?;
        Some((id, far))
    }

    /// The line on the way whose voltage changes most at the size found.
    fn line_of_largest_drop(&self, site: usize, found: &Found) -> Result<Option<ElementId>, CircuitError> {
        let mut prober = self.study.prober(self.base, self.study.behaviour(self.moment.output));
        let kw = f64::from(found.k.max(1)) * self.study.sites[site].step_kw;
        prober.probe(&[(site, kw)])?;
        let circuit = self.base.circuit();
        let (v0, v) = (self.base.voltages(), prober.state().voltages());
        let drop = |id: ElementId| {
            let e = &circuit.elements()[circuit.index_of(id)?];
            let across = |k: usize| {
                let (a, b) = (e.nodes[k] as usize, e.nodes[e.n_conductors + k] as usize);
                ((v[a] - v[b]) - (v0[a] - v0[b])).norm()
            };
            (e.n_terminals == 2).then(|| (0..e.n_conductors).map(across).fold(0.0, f64::max))
        };
        let lines = self.on_way(self.study.sites[site].bus).into_iter().filter(|id| id.kind == ElementKind::Line);
        let best = lines.filter_map(|id| Some((drop(id)?, id))).max_by(|a, b| a.0.total_cmp(&b.0));
        Ok(best.filter(|b| b.0 > 0.0).map(|b| b.1))
    }

    /// A change in words and what it brings; nothing where it cannot be made.
    fn tried(&mut self, change: Change, site: usize, k: u32) -> Result<Option<(String, Option<Found>)>, HostingError> {
        let mut behaviour = self.study.behaviour(self.moment.output);
        let words = match change {
            Change::VoltVar => {
                behaviour.volt_var = Some(VoltVar::category_b());
                Some("volt-var, IEEE 1547-2018 category B".to_owned())
            }
            Change::Absorbing(pf) => {
                behaviour.q_per_p = -(1.0 / (pf * pf) - 1.0_f64).sqrt();
                Some(format!("power factor {pf}, absorbing"))
            }
            _ => None,
        };
        if let Some(words) = words {
            let mut prober = self.study.prober(self.base, behaviour);
            prober.criteria = self.study.criteria_at(&prober.base_readings);
            let study = Study { is_changed: true, ..self.study.clone() };
            let found = study.search_with(prober, site, self.moment, Some(k.max(1)))?;
            return Ok(Some((words, Some(found))));
        }
        let mut network = Network::clone(self.base.circuit().network());
        let Some(words) = self.apply(change, &mut network) else { return Ok(None) };
        if !self.changed.contains_key(&words) {
            let changed = changed_grid(self.study, self.base, network)?;
            self.changed.insert(words.clone(), changed);
        }
        let Some(changed) = &self.changed[&words] else { return Ok(Some((words, None))) };
        let mut prober = changed.study.prober(&changed.base, behaviour);
        prober.criteria = changed.study.criteria_at(&prober.base_readings);
        let found = changed.study.search_with(prober, site, self.moment, Some(k.max(1)))?;
        Ok(Some((words, Some(found))))
    }

    /// Makes a change in a network; `None` where it cannot be made.
    fn apply(&self, change: Change, network: &mut Network) -> Option<String> {
        match change {
            Change::VoltVar | Change::Absorbing(_) => None,
            Change::Regulators(bus, taps) => {
                let mut names = Vec::new();
                for i in self.regulators_on_way(bus) {
                    let c = &mut network.regulator_controls[i];
                    let step = c.transformer.map_or(0.0, |t| network.transformers[t.index()].windings[c.tap_winding].tap_step_pu());
                    if step > 0.0 {
                        c.forward.v_target_v *= 1.0 + taps * step;
                        names.push(c.common.name.clone());
                    }
                }
                let way = if taps < 0.0 { "lower" } else { "higher" };
                names.sort();
                (!names.is_empty()).then(|| format!("set point one tap {way}: {}", names.join(", ")))
            }
            Change::FixedTap(id, winding, by) => {
                let w = &mut network.transformers[id.index()].windings[winding];
                let tap_pu = (w.tap_pu + by).clamp(w.tap_min_pu, w.tap_max_pu);
                if (tap_pu - w.tap_pu).abs() < 1e-9 {
                    return None;
                }
                w.tap_pu = tap_pu;
                Some(format!("fixed tap {tap_pu:.4} of winding {} of {}", winding + 1, network.full_name(id)))
            }
            Change::SecondCircuit(id) => {
                let words = format!("second circuit beside {}", network.full_name(id));
                let mut names = changes::Names::of(network);
                changes::second_circuit(network, &mut names, id.index()).map(|_| words)
            }
            Change::NextConductor(id) => next_conductor(network, id),
            Change::NextSize(id) => next_size(network, id),
        }
    }
}

/// The line code of the model with the next higher rating, put in a line's place.
fn next_conductor(network: &mut Network, id: ElementId) -> Option<String> {
    let code = changes::next_code(network, id.index())?;
    let words = format!(
        "conductor {} ({} A) in {}",
        network.line_codes[code].name,
        network.line_codes[code].rating.normal_a,
        network.full_name(id)
    );
    changes::with_code(network, id.index(), code).then_some(words)
}

/// A transformer with the next standard rating and the same impedance in percent.
fn next_size(network: &mut Network, id: ElementId) -> Option<String> {
    let t = network.transformers.get(id.index())?;
    let now = t.windings.first()?.kva;
    let next = changes::next_kva(now, t.common.n_phases);
    changes::resize(network, id.index(), next);
    Some(format!("{next} kVA in place of {now} kVA: {}", network.full_name(id)))
}

/// A changed network at the moment of `base`, settled; `None` where it does not settle.
fn changed_grid<'a>(study: &Study<'a>, base: &State, mut network: Network) -> Result<Option<Changed<'a>>, HostingError> {
    network.options = base.options.clone();
    let circuit = Arc::new(Circuit::compile(Arc::new(network))?);
    let mut state = State::new(&circuit)?;
    // A fixed tap that was changed stands in the network; regulators go on from where they stood.
    let regulated: Vec<ElementId> = circuit.network().regulator_controls.iter().filter_map(|c| c.transformer).collect();
    for id in regulated {
        if let Some(taps) = base.taps(id) {
            for (winding, &tap) in taps.to_vec().iter().enumerate() {
                state.set_tap(id, winding, tap);
            }
        }
    }
    for id in circuit.network().ids(ElementKind::Capacitor) {
        if let Some(steps) = base.capacitor_steps(id) {
            let steps = steps.to_vec();
            state.set_capacitor_steps(id, &steps);
        }
    }
    let progress = state.solve_moment()?;
    if !progress.settled() {
        return Ok(None);
    }
    let mut trial = state.clone();
    let sensors = Arc::new(Sensors::new(&mut trial)?);
    let sites: Arc<[Site]> = study.sites.iter().map(|s| s.renumbered(base.circuit(), &circuit)).collect();
    let faults = match &study.faults {
        Some(_) => {
            let o = study.options;
            Some(Arc::new(FaultEffects::new(circuit.network(), None, &sites, &o.criteria, o.fault_pu)?))
        }
        None => None,
    };
    Ok(Some(Changed { study: Study { sensors, sites, faults, options: study.options, is_changed: true }, base: state }))
}
