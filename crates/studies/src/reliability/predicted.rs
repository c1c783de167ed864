//! How reliable supply will be: failure rates laid over the topology.
//!
//! Each element that delivers power fails `λ` times a year and takes `r` hours to repair (`network::Reliability`; a line's rate is by length).
//! The network falls into *zones*, within which nothing can be parted, at the points where it can be: fuses, reclosers, relays and switches.
//! A *region* is what protective devices alone part. Of a lasting failure in zone `z`, in region `R`:
//!
//! ```text
//! cleared      the protective devices around R open: whoever no source reaches without passing R is interrupted
//! isolated     z is parted from the rest, all else is closed again: who is reached without passing z has supply after the switching time s
//! transferred  as isolated, with open switches closed too where that is allowed
//! repaired     everyone else waits for the repair
//!
//! λ_p = Σ λ            interruptions a year of load point p, over the failures that interrupt it
//! U_p = Σ λ min(s, r)  or  Σ λ r         hours a year
//! SAIFI = Σ N_p λ_p / Σ N_p     SAIDI = Σ N_p U_p / Σ N_p     CAIDI = SAIDI / SAIFI
//! ASAI  = 1 - SAIDI / 8760      ENS = Σ L_p U_p, with the mean power L_p
//! ```
//!
//! All failures of a zone have the same effect, so the work grows with zones and not with elements, and closed loops need no care of their own:
//! what a source still reaches is not interrupted. Failures that clear by themselves (`permanent_pct` below 100) interrupt the same customers
//! for a moment where every device on the side of a source closes again by itself (recloser, relay with more than one shot; the breaker of a
//! source is taken for one), and for the switching time where a fuse has to be replaced.
//!
//! The method is that of Allan, Billinton and others for the distribution part of the RBTS (IEEE Transactions on Power Systems 6, 1991,
//! 813-820), whose printed indices `cases/reliability/rbts_bus2` holds. Failures overlap nowhere, devices always do their work, and the means
//! of transfer are not limited: what a transfer loads is for a power flow to say.

use network::{BusId, ElementId, ElementKind, Graph, Network, SwitchState};
use std::collections::{HashMap, HashSet};

/// Hours of the year that availability counts.
pub const HOURS_PER_YEAR: f64 = 8760.0;

/// What is assumed besides the model.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictionOptions {
    /// Hours from a failure until what can be switched has supply again.
    pub switching_h: f64,
    /// Open switches may be closed to supply what is parted from its source.
    pub transfer: bool,
    /// Fuses part the network; a model without them is asked for otherwise.
    pub fuses: bool,
    /// Switches part the network.
    pub switches: bool,
    /// Hours in place of the model's repair times, by kind.
    pub repair_h: Vec<(ElementKind, f64)>,
    /// Factors on failure rates, as those of elements that are loaded more: by element, 1 where it is not named.
    pub stress: HashMap<ElementId, f64>,
}

impl Default for PredictionOptions {
    fn default() -> Self {
        Self { switching_h: 1.0, transfer: true, fuses: true, switches: true, repair_h: Vec::new(), stress: HashMap::new() }
    }
}

/// What is asked for cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PredictionError {
    #[error("{what} is {value} and has to be a number that is not below zero")]
    BadOption { what: &'static str, value: f64 },
    #[error("the network has no source that supplies it")]
    NoSource,
    #[error("no load of the network has customers")]
    NoCustomers,
}

/// A load and what becomes of its supply.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPoint {
    pub load: ElementId,
    pub bus: BusId,
    pub customers: f64,
    /// Mean over the year: nominal power times the mean of the yearly shape, where there is one.
    pub mean_kw: f64,
    pub interruptions_per_yr: f64,
    pub unavailability_h_per_yr: f64,
    pub momentary_per_yr: f64,
    /// No source reaches it as the switches stand; it is in no index.
    pub is_unsupplied: bool,
}

/// An element and what its failures cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    pub element: ElementId,
    /// Lasting failures.
    pub failures_per_yr: f64,
    pub repair_h: f64,
    pub customer_interruptions_per_yr: f64,
    pub customer_hours_per_yr: f64,
    pub energy_kwh_per_yr: f64,
}

/// Indices of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    pub customers: f64,
    pub saifi_per_yr: f64,
    pub saidi_h_per_yr: f64,
    pub maifi_per_yr: f64,
    /// Energy not supplied.
    pub ens_kwh_per_yr: f64,
    /// Zones that can be parted, and regions that clear failures.
    pub zones: usize,
    pub regions: usize,
    /// Customers that have no supply as the switches stand.
    pub customers_unsupplied: f64,
    /// In the order of the model.
    pub load_points: Vec<LoadPoint>,
    /// Most customer hours first.
    pub contributions: Vec<Contribution>,
}

impl Prediction {
    /// None where nothing fails.
    pub fn caidi_h(&self) -> Option<f64> {
        (self.saifi_per_yr > 0.0).then(|| self.saidi_h_per_yr / self.saifi_per_yr)
    }

    /// Share of the year with supply.
    pub fn asai(&self) -> f64 {
        1.0 - self.saidi_h_per_yr / HOURS_PER_YEAR
    }

    /// Energy not supplied a customer.
    pub fn aens_kwh(&self) -> f64 {
        self.ens_kwh_per_yr / self.customers
    }
}

/// Where an element stands at a bus.
#[derive(Clone, Copy, Debug)]
struct Edge {
    bus: usize,
    body: usize,
    is_closed: bool,
    isolates: bool,
    protects: bool,
    recloses: bool,
}

/// Disjoint sets of nodes.
struct Sets(Vec<u32>);

impl Sets {
    fn new(n: usize) -> Self {
        Self((0..n as u32).collect())
    }

    fn find(&mut self, mut i: usize) -> usize {
        while self.0[i] as usize != i {
            let up = self.0[self.0[i] as usize];
            self.0[i] = up;
            i = up as usize;
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        // The lowest number leads, so that numbers follow the model.
        self.0[a.max(b)] = a.min(b) as u32;
    }

    /// Numbers of the sets from 0, in the order of their first members.
    fn numbers(mut self) -> (Vec<usize>, usize) {
        let mut number = HashMap::new();
        let of = (0..self.0.len())
            .map(|i| {
                let root = self.find(i);
                let next = number.len();
                *number.entry(root).or_insert(next)
            })
            .collect();
        (of, number.len())
    }
}

/// What the devices at the terminals of elements do.
struct Devices {
    /// By element and terminal: it protects; it closes again by itself.
    protection: HashMap<(ElementId, usize), bool>,
    switches: HashSet<ElementId>,
}

impl Devices {
    fn of(network: &Network, options: &PredictionOptions) -> Self {
        let mut protection = HashMap::new();
        let mut switches = HashSet::new();
        let mut put = |p: &network::Protection, recloses: bool, switched: bool| {
            if let Some(element) = p.switched.or(p.monitored).filter(|_| switched) {
                let terminal = if p.switched.is_some() { p.switched_terminal } else { p.monitored_terminal };
                let place = protection.entry((element, terminal)).or_insert(recloses);
                *place = *place && recloses;
            }
        };
        network.fuses.iter().for_each(|d| put(&d.protection, false, options.fuses && d.common.enabled));
        network.reclosers.iter().for_each(|d| put(&d.protection, true, d.common.enabled));
        network.relays.iter().for_each(|d| put(&d.protection, d.shots > 1, d.common.enabled));
        switches.extend(network.switch_controls.iter().filter(|c| c.common.enabled).filter_map(|c| c.switched));
        switches.extend(network.ids(ElementKind::Line).filter(|id| network.lines[id.index()].is_switch));
        Self { protection, switches }
    }
}

/// The network as zones.
struct Zones {
    n: usize,
    /// By node: buses, then bodies of links.
    of_node: Vec<usize>,
    region_of: Vec<usize>,
    n_regions: usize,
    /// Zone at the other side, whether the way is closed. Ways that no switch makes are none.
    ways: Vec<Vec<(usize, bool)>>,
    sources: Vec<usize>,
    /// By region: zones beyond the protective devices around it, and whether the device closes again by itself.
    borders: Vec<Vec<(usize, bool)>>,
    bodies: HashMap<ElementId, usize>,
}

impl Zones {
    fn new(network: &Network, options: &PredictionOptions) -> Self {
        let graph = Graph::new(network);
        let devices = Devices::of(network, options);
        let held = held_open(network);
        let n_buses = graph.n_buses();
        let mut bodies: HashMap<ElementId, usize> = HashMap::new();
        let mut edges: Vec<Edge> = Vec::new();
        let mut seen: HashSet<(ElementId, u16)> = HashSet::new();
        for link in &graph.links {
            if !network.in_service(link.element) {
                continue;
            }
            let next = n_buses + bodies.len();
            let body = *bodies.entry(link.element).or_insert(next);
            let has_own = (0..network.common(link.element).terminals.len()).any(|t| devices.protection.contains_key(&(link.element, t)));
            for (terminal, bus) in [(link.from_terminal, link.from), (link.to_terminal, link.to)] {
                if !seen.insert((link.element, terminal)) {
                    continue;
                }
                let device = devices.protection.get(&(link.element, usize::from(terminal))).copied();
                // A switch stands at its first terminal, unless a device says where.
                let is_switch = devices.switches.contains(&link.element) && terminal == 0 && !has_own;
                let t = &network.common(link.element).terminals[usize::from(terminal)];
                let is_open = !t.closed.is_empty() && t.closed.iter().all(|c| !c) || held.contains(&(link.element, usize::from(terminal)));
                edges.push(Edge {
                    bus: bus.index(),
                    body,
                    is_closed: !is_open,
                    // What stands open can be opened: it is a switch, whatever the model calls it.
                    isolates: device.is_some() || options.switches && is_switch || is_open,
                    protects: device.is_some(),
                    recloses: device.unwrap_or(true),
                });
            }
        }
        let n_nodes = n_buses + bodies.len();
        let (mut zones, mut regions) = (Sets::new(n_nodes), Sets::new(n_nodes));
        for e in edges.iter().filter(|e| e.is_closed) {
            if !e.isolates {
                zones.join(e.bus, e.body);
            }
            if !e.protects {
                regions.join(e.bus, e.body);
            }
        }
        let (of_node, n) = zones.numbers();
        let (regions, n_regions) = regions.numbers();
        let mut region_of = vec![0; n];
        for (node, zone) in of_node.iter().enumerate() {
            region_of[*zone] = regions[node];
        }
        let mut ways = vec![Vec::new(); n];
        let mut borders = vec![Vec::new(); n_regions];
        for e in &edges {
            let (a, b) = (of_node[e.bus], of_node[e.body]);
            if a != b {
                ways[a].push((b, e.is_closed));
                ways[b].push((a, e.is_closed));
            }
            if e.protects && e.is_closed {
                borders[region_of[a]].push((b, e.recloses));
                borders[region_of[b]].push((a, e.recloses));
            }
        }
        let mut sources: Vec<usize> = network.supply_buses().iter().map(|b| of_node[b.index()]).collect();
        sources.sort_unstable();
        sources.dedup();
        Self { n, of_node, region_of, n_regions, ways, sources, borders, bodies }
    }

    /// Zones that sources reach over ways that are closed (over open ones too, where `all`), through zones that `may` be passed.
    fn reached(&self, all: bool, may: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut reached = vec![false; self.n];
        let mut next: Vec<usize> = self.sources.iter().copied().filter(|z| may(*z)).collect();
        next.iter().for_each(|z| reached[*z] = true);
        while let Some(zone) = next.pop() {
            for &(other, is_closed) in &self.ways[zone] {
                if (is_closed || all) && !reached[other] && may(other) {
                    reached[other] = true;
                    next.push(other);
                }
            }
        }
        reached
    }
}

/// Terminals that switch controls hold open.
fn held_open(network: &Network) -> HashSet<(ElementId, usize)> {
    let open = network.switch_controls.iter().filter(|c| c.common.enabled && c.state == SwitchState::Open);
    open.filter_map(|c| c.switched.map(|element| (element, c.terminal))).collect()
}

/// What stands in a zone.
#[derive(Clone, Copy, Debug, Default)]
struct Stands {
    customers: f64,
    mean_kw: f64,
}

/// Says which loads have no supply after the failure of an element, its isolation and the best transfer that keeps the limits.
pub type Transfers<'a> = &'a mut dyn FnMut(ElementId) -> HashSet<ElementId>;

/// Predicts the indices of a network, transfers taken for possible.
///
/// # Errors
/// Options that are no numbers of the kind; a network without source or without customers.
pub fn predict(network: &Network, options: &PredictionOptions) -> Result<Prediction, PredictionError> {
    predict_checked(network, options, None)
}

/// As [`predict`], with transfers that are asked about, once for each zone in which something fails and whose loss a transfer could mend.
///
/// # Errors
/// As [`predict`].
pub fn predict_checked(
    network: &Network,
    options: &PredictionOptions,
    mut transfers: Option<Transfers<'_>>,
) -> Result<Prediction, PredictionError> {
    let numbers = [("the switching time", options.switching_h)].into_iter();
    let numbers = numbers.chain(options.repair_h.iter().map(|(_, h)| ("a repair time", *h)));
    for (what, value) in numbers.chain(options.stress.values().map(|f| ("a factor on failures", *f))) {
        if !(value.is_finite() && value >= 0.0) {
            return Err(PredictionError::BadOption { what, value });
        }
    }
    if network.supply_buses().is_empty() {
        return Err(PredictionError::NoSource);
    }
    let zones = Zones::new(network, options);
    let base = zones.reached(false, |_| true);
    let mut stands = vec![Stands::default(); zones.n];
    let mut load_points: Vec<LoadPoint> = Vec::new();
    let mut loads_of: Vec<Vec<ElementId>> = vec![Vec::new(); zones.n];
    for id in network.ids(ElementKind::Load).filter(|id| network.in_service(*id)) {
        let load = &network.loads[id.index()];
        let Some(bus) = load.common.terminals.first().map(|t| t.bus) else { continue };
        let zone = zones.of_node[bus.index()];
        let mean = load.shapes.yearly.map(|s| &network.load_shapes[s.index()]).filter(|s| !s.p.is_empty()).map(|s| {
            let mean = s.p.iter().sum::<f64>() / s.p.len() as f64;
            if s.use_actual { mean } else { mean * load.p_kw }
        });
        let point = LoadPoint {
            load: id,
            bus,
            customers: f64::from(load.n_customers),
            mean_kw: mean.unwrap_or(load.p_kw),
            interruptions_per_yr: 0.0,
            unavailability_h_per_yr: 0.0,
            momentary_per_yr: 0.0,
            is_unsupplied: !base[zone],
        };
        loads_of[zone].push(id);
        if !point.is_unsupplied {
            stands[zone].customers += point.customers;
            stands[zone].mean_kw += point.mean_kw;
        }
        load_points.push(point);
    }
    let customers: f64 = stands.iter().map(|s| s.customers).sum();
    if customers <= 0.0 {
        return Err(PredictionError::NoCustomers);
    }

    // Failures by zone.
    struct Failing {
        element: ElementId,
        lasting_per_yr: f64,
        passing_per_yr: f64,
        repair_h: f64,
    }
    let mut failing: Vec<Vec<Failing>> = (0..zones.n).map(|_| Vec::new()).collect();
    for &element in &network.order {
        let Some(&body) = zones.bodies.get(&element) else { continue };
        let common = network.common(element);
        let by_length = if element.kind == ElementKind::Line { network.lines[element.index()].length } else { 1.0 };
        let stress = options.stress.get(&element).copied().unwrap_or(1.0);
        let rate = common.reliability.fault_rate * by_length * stress;
        let lasting = (common.reliability.permanent_pct / 100.0).clamp(0.0, 1.0);
        let own = options.repair_h.iter().rev().find(|(kind, _)| *kind == element.kind).map(|(_, h)| *h);
        if rate > 0.0 {
            failing[zones.of_node[body]].push(Failing {
                element,
                lasting_per_yr: rate * lasting,
                passing_per_yr: rate * (1.0 - lasting),
                repair_h: own.unwrap_or(common.reliability.repair_h),
            });
        }
    }

    let (mut interruptions, mut hours, mut momentary) = (vec![0.0; zones.n], vec![0.0; zones.n], vec![0.0; zones.n]);
    let mut contributions = Vec::new();
    for zone in 0..zones.n {
        let here = &failing[zone];
        // A zone without supply is dead already.
        if here.is_empty() || !base[zone] {
            continue;
        }
        let region = zones.region_of[zone];
        let held = zones.reached(false, |z| zones.region_of[z] != region);
        let isolated = zones.reached(false, |z| z != zone);
        let transferred = if options.transfer { zones.reached(true, |z| z != zone) } else { Vec::new() };
        let lost: Vec<usize> = (0..zones.n).filter(|&z| base[z] && !held[z]).collect();
        let is_reached = |z: usize| transferred.get(z).copied().unwrap_or(false);
        let unserved = match &mut transfers {
            Some(ask) if lost.iter().any(|&z| !isolated[z] && is_reached(z)) => ask(here[0].element),
            _ => HashSet::new(),
        };
        let is_switched = |z: usize| isolated[z] || is_reached(z) && !loads_of[z].iter().any(|l| unserved.contains(l));
        // Devices on the side of a source carry the current of the failure. Where the region holds a source, its own breaker clears.
        let recloses = zones.borders[region].iter().filter(|(beyond, _)| held[*beyond]).all(|(_, recloses)| *recloses);
        let (mut switched, mut waiting) = (Stands::default(), Stands::default());
        let (mut rate, mut by_switching, mut by_repair, mut passing) = (0.0, 0.0, 0.0, 0.0);
        for f in here {
            rate += f.lasting_per_yr;
            by_switching += f.lasting_per_yr * options.switching_h.min(f.repair_h);
            by_repair += f.lasting_per_yr * f.repair_h;
            passing += f.passing_per_yr;
        }
        for &z in &lost {
            let sum = if is_switched(z) { &mut switched } else { &mut waiting };
            sum.customers += stands[z].customers;
            sum.mean_kw += stands[z].mean_kw;
            interruptions[z] += rate;
            hours[z] += if is_switched(z) { by_switching } else { by_repair };
            if recloses {
                momentary[z] += passing;
            } else {
                // A fuse has to be replaced first.
                interruptions[z] += passing;
                hours[z] += passing * options.switching_h;
            }
        }
        let fused = if recloses { 0.0 } else { 1.0 };
        let cost = |f: &Failing, of: fn(&Stands) -> f64| {
            let by = f.lasting_per_yr * (of(&switched) * options.switching_h.min(f.repair_h) + of(&waiting) * f.repair_h);
            by + fused * f.passing_per_yr * options.switching_h * (of(&switched) + of(&waiting))
        };
        contributions.extend(here.iter().map(|f| Contribution {
            element: f.element,
            failures_per_yr: f.lasting_per_yr,
            repair_h: f.repair_h,
            customer_interruptions_per_yr: (f.lasting_per_yr + fused * f.passing_per_yr) * (switched.customers + waiting.customers),
            customer_hours_per_yr: cost(f, |s| s.customers),
            energy_kwh_per_yr: cost(f, |s| s.mean_kw),
        }));
    }
    for point in load_points.iter_mut().filter(|p| !p.is_unsupplied) {
        let zone = zones.of_node[point.bus.index()];
        point.interruptions_per_yr = interruptions[zone];
        point.unavailability_h_per_yr = hours[zone];
        point.momentary_per_yr = momentary[zone];
    }
    contributions.sort_by(|a, b| b.customer_hours_per_yr.total_cmp(&a.customer_hours_per_yr));
    let sum = |of: fn(&LoadPoint) -> f64| load_points.iter().filter(|p| !p.is_unsupplied).map(of).sum::<f64>();
    Ok(Prediction {
        customers,
        saifi_per_yr: sum(|p| p.customers * p.interruptions_per_yr) / customers,
        saidi_h_per_yr: sum(|p| p.customers * p.unavailability_h_per_yr) / customers,
        maifi_per_yr: sum(|p| p.customers * p.momentary_per_yr) / customers,
        ens_kwh_per_yr: sum(|p| p.mean_kw * p.unavailability_h_per_yr),
        zones: zones.n,
        regions: zones.n_regions,
        customers_unsupplied: load_points.iter().filter(|p| p.is_unsupplied).map(|p| p.customers).sum(),
        load_points,
        contributions,
    })
}
