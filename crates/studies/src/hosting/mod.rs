//! Hosting capacity: how much a resource at each bus may deliver or draw before a limit is crossed.
//!
//! ```text
//! moments (hours.rs) ─► state without resources ─► probes (probe.rs): place, hold controls, let them act ─► readings (sense.rs)
//!                                                       ▲                                                      │
//!        search.rs: which size next, and proof ─────────┘◄──────────── criteria.rs: limits, margins ◄──────────┘
//! ```
//!
//! One probe answers for all methods. They differ in what they ask it: one bus at a time ([`one_bus`], solved or by superposition), or draws of
//! many customers ([`stochastic`]). The methods and their sources are in `docs/methods/hosting-capacity.md`.

pub mod criteria;
pub mod faults;
pub mod hours;
pub mod maps;
pub mod one_bus;
pub mod options;
pub mod probe;
pub mod relax;
pub mod search;
pub mod sense;
pub mod sites;
pub mod stochastic;
pub mod tables;

pub use criteria::{At, Criteria, Criterion, Reading, Readings};
pub use options::{BaseViolations, HostingError, HostingOptions, Hours, Method, ProofOf, Relax, SeriesOf, Stochastic};
pub use probe::{Der, VoltVar};
pub use sites::{Joined, Sizes};

use faults::FaultEffects;
use hours::{Bases, Chosen};
use network::{BusId, Network};
use one_bus::{Crossing, Found, Study};
use powerflow::{Circuit, Outcome, State};
use relax::{Relaxed, Relaxer};
use sense::Sensors;
use serde::{Deserialize, Serialize};
use sites::{Site, Unfit, site_at};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use stochastic::{Customer, Draw, Estimate};

/// What is known of a bus.
#[derive(Clone, Debug)]
pub struct SiteResult {
    pub bus: String,
    pub site: Option<Site>,
    pub unfit: Option<Unfit>,
    /// Nothing where nothing can stand at the bus.
    pub found: Option<Found>,
    pub relaxed: Vec<Relaxed>,
    /// Place of the bus: longitude and latitude, or the model's own coordinates.
    pub xy: Option<(f64, f64)>,
}

impl SiteResult {
    pub fn capacity_kw(&self) -> Option<f64> {
        Some(f64::from(self.found.as_ref()?.k) * self.site.as_ref()?.step_kw)
    }

    pub fn crossing(&self) -> Option<&Crossing> {
        self.found.as_ref()?.crossing.as_ref()
    }

    pub fn status(&self) -> &'static str {
        match (&self.unfit, &self.found) {
            (Some(unfit), _) => unfit.word(),
            (None, Some(f)) if f.base_violates => "base-violates",
            (None, Some(f)) if f.crossing.is_some() => "limited",
            _ => "unlimited",
        }
    }
}

/// Resources at a bus over all draws.
#[derive(Clone, Debug)]
pub struct PlaceOfDraws {
    pub bus: String,
    pub mean_kw: f64,
    pub p5_kw: f64,
    pub p95_kw: f64,
    pub limiting_pct: f64,
}

/// What Monte Carlo found.
#[derive(Clone, Debug)]
pub struct DrawResult {
    pub draws: Vec<Draw>,
    /// `mean`, `p5`, `p50`, `p95`.
    pub figures: Vec<(&'static str, Estimate)>,
    /// Draws by the criterion that ended them, most first; `none` where no limit was found.
    pub factors: Vec<(&'static str, usize)>,
    /// Installed kW, and draws that cross a limit with so much in place.
    pub penetration: Vec<(f64, usize)>,
    pub places: Vec<PlaceOfDraws>,
}

/// Answers of a study.
#[derive(Clone, Debug)]
pub struct HostingResult {
    pub method: Method,
    pub der: Der,
    pub circuit: Arc<Circuit>,
    /// Buses in the order of the model; none where customers were drawn.
    pub sites: Vec<SiteResult>,
    pub draws: Option<DrawResult>,
    /// Moments at which limits were held, where they are few.
    pub moments: Vec<Chosen>,
    /// Power flows, or triangular solutions of the streamlined method.
    pub n_solved: u64,
    /// Largest power mismatch of the solutions at the capacities found, recomputed from scratch, VA; `None` where none was solved.
    pub mismatch_va: Option<f64>,
    /// Solutions that were certified so.
    pub n_certified: usize,
}

impl HostingResult {
    /// A place in words.
    pub fn name_of(&self, at: At) -> String {
        let network = self.circuit.network();
        match at {
            At::Everywhere => "source".to_owned(),
            At::Node(n) => self.circuit.node_name(n),
            At::Bus(bus) => network.bus(bus).name.clone(),
            At::Element(id) if network.count(id.kind) > id.index() => network.full_name(id),
            // An element that a change of the grid has added.
            At::Element(id) => format!("{} added", id.kind.class()),
        }
    }
}

/// Runs a study.
///
/// # Inputs
/// * `start` - prepared by [`powerflow::Session::series_state`]: of a snapshot, or at the beginning of the series that the options name.
///
/// # Returns
/// The same answers whatever the number of threads.
///
/// # Errors
/// [`HostingError`]: options that no study can have, a bus or shape that the model does not have, a snapshot that does not settle.
pub fn run(start: State, options: &HostingOptions) -> Result<HostingResult, HostingError> {
    options.check()?;
    let circuit = Arc::clone(start.circuit());
    let network = Arc::clone(circuit.network());
    let mut built = start.clone();
    built.refresh()?;
    let sensors = Arc::new(Sensors::new(&mut built)?);
    let (mut results, sites, customers) = places(&network, &mut built, options)?;
    let is_of_faults = options.criteria.iter().any(|(c, _)| c.is_of_faults());
    let (bases, moments) = Bases::new(start, &sensors, options)?;
    let faults = if is_of_faults {
        let before = match &bases {
            Bases::Kept(kept) => kept.iter().find_map(|k| k.1.as_ref()),
            Bases::Series { .. } => None,
        };
        Some(Arc::new(FaultEffects::new(&network, before, &sites, &options.criteria, options.fault_pu)?))
    } else {
        None
    };
    let study = Study { sensors, sites: Arc::clone(&sites), faults, options, is_changed: false };
    let mut result = HostingResult {
        method: options.method,
        der: options.der,
        circuit: Arc::clone(&circuit),
        sites: Vec::new(),
        draws: None,
        moments,
        n_solved: 0,
        mismatch_va: None,
        n_certified: 0,
    };
    if options.method == Method::Stochastic {
        let draws = options.hands.map(options.stochastic.draws as usize, |part| {
            let numbers: Vec<u32> = part.iter().map(|&i| i as u32).collect();
            Ok::<_, HostingError>(stochastic::draws(&study, &bases, &customers, &numbers)?)
        })?;
        result.n_solved = draws.iter().map(|d| d.n_solved).sum();
        result.draws = Some(summed_up(draws, &study, &result));
        return Ok(result);
    }
    let found = options.hands.map(sites.len(), |part| Ok::<_, HostingError>(study.at_sites(&bases, part)?))?;
    result.n_solved = found.iter().map(|f| f.n_solved).sum();
    let chosen = to_relax(&found, &sites, options);
    if options.method == Method::Iterative {
        let finals = options.hands.map(sites.len(), |part| finals(&study, &bases, &found, &chosen, part))?;
        for f in &finals {
            if let Some(va) = f.mismatch_va {
                result.mismatch_va = Some(result.mismatch_va.unwrap_or(0.0).max(va));
                result.n_certified += 1;
            }
        }
        for (i, f) in finals.into_iter().enumerate() {
            results.of_site(i).relaxed = f.relaxed;
        }
    }
    for (i, f) in found.into_iter().enumerate() {
        results.of_site(i).found = Some(f);
    }
    result.sites = results.rows;
    Ok(result)
}

/// Rows of all buses and where the sites are among them.
struct Rows {
    rows: Vec<SiteResult>,
    at: Vec<usize>,
}

impl Rows {
    fn of_site(&mut self, site: usize) -> &mut SiteResult {
        &mut self.rows[self.at[site]]
    }
}

type Places = (Rows, Arc<[Site]>, Vec<Customer>);

/// Where resources can stand: buses, or customers.
fn places(network: &Network, built: &mut State, options: &HostingOptions) -> Result<Places, HostingError> {
    let fed = built.fed_nodes();
    for bus in &options.buses {
        if network.bus_id(bus).is_none() {
            return Err(HostingError::UnknownBus { bus: bus.clone() });
        }
    }
    let is_wanted = |name: &str| options.buses.is_empty() || options.buses.iter().any(|b| b.eq_ignore_ascii_case(name));
    let mut rows = Rows { rows: Vec::new(), at: Vec::new() };
    let mut sites = Vec::new();
    for (i, bus) in network.buses.iter().enumerate().filter(|(_, b)| is_wanted(&b.name)) {
        let place = site_at(network, built, &fed, BusId::from(i), &options.sizes, options.joined)?;
        let xy = bus.latitude_longitude_deg.map(|(lat, lon)| (lon, lat)).or(bus.xy);
        let (site, unfit) = match place {
            Ok(site) => (Some(site), None),
            Err(unfit) => (None, Some(unfit)),
        };
        if let Some(site) = &site {
            rows.at.push(rows.rows.len());
            sites.push(site.clone());
        }
        rows.rows.push(SiteResult { bus: bus.name.clone(), site, unfit, found: None, relaxed: Vec::new(), xy });
    }
    if sites.is_empty() {
        return Err(HostingError::NoSite);
    }
    let mut customers = Vec::new();
    if options.method == Method::Stochastic {
        let of_bus: HashMap<BusId, usize> = sites.iter().enumerate().map(|(i, s)| (s.bus, i)).collect();
        for load in network.loads.iter().filter(|l| l.common.enabled && l.p_kw > 0.0) {
            let Some(bus) = load.common.terminals.first().map(|t| t.bus) else { continue };
            let Some(&of_bus) = of_bus.get(&bus) else { continue };
            // A customer's resource stands on the customer's own phases.
            let phases: Vec<u32> = load.common.terminals[0].nodes.iter().copied().filter(|n| (1..=3).contains(n)).collect();
            let site = &sites[of_bus];
            let own = (site.joined == Joined::Wye && !phases.is_empty()).then(|| {
                let branches: Vec<_> = phases.iter().map(|&p| (built.circuit().node_number(bus, p), 0)).filter(|b| b.0 != 0).collect();
                Site { phases, branches, ..site.clone() }
            });
            let index = match own.filter(|own| !own.branches.is_empty() && own.branches != site.branches) {
                Some(own) => {
                    sites.push(own);
                    sites.len() - 1
                }
                None => of_bus,
            };
            customers.push(Customer { site: index, load_kw: load.p_kw });
        }
        if customers.is_empty() {
            return Err(HostingError::NoCustomer);
        }
    }
    Ok((rows, sites.into(), customers))
}

/// The sites for which changes are tried.
fn to_relax(found: &[Found], sites: &[Site], options: &HostingOptions) -> Vec<bool> {
    let n = match options.relax {
        Relax::None => 0,
        Relax::Worst(n) => n as usize,
        Relax::All => found.len(),
    };
    let mut order: Vec<usize> = (0..found.len()).filter(|&i| found[i].crossing.is_some()).collect();
    order.sort_by(|&a, &b| {
        let kw = |i: usize| f64::from(found[i].k) * sites[i].step_kw;
        kw(a).total_cmp(&kw(b)).then(a.cmp(&b))
    });
    let mut chosen = vec![false; found.len()];
    order.into_iter().take(n).for_each(|i| chosen[i] = true);
    chosen
}

/// What is done once a site's capacity is known.
#[derive(Serialize, Deserialize)]
struct Final {
    mismatch_va: Option<f64>,
    relaxed: Vec<Relaxed>,
}

/// Certificates of the solutions at the capacities, and changes that would relax them.
fn finals(study: &Study<'_>, bases: &Bases, found: &[Found], relax: &[bool], part: &[usize]) -> Result<Vec<Final>, HostingError> {
    let mut finals: BTreeMap<usize, Final> = part.iter().map(|&i| (i, Final { mismatch_va: None, relaxed: Vec::new() })).collect();
    let mut failed = None;
    bases.each(&mut |moment, base| {
        let (Some(base), None) = (base, &failed) else { return Ok(()) };
        let here: Vec<usize> = part.iter().copied().filter(|&i| found[i].moment.step == moment.step).collect();
        if here.is_empty() {
            return Ok(());
        }
        let mut prober = study.prober(base, study.behaviour(moment.output));
        let mut relaxer = Relaxer::new(study, base, moment);
        for i in here {
            let last = finals.get_mut(&i).expect("every site of the part has its place");
            let kw = f64::from(found[i].k) * study.sites[i].step_kw;
            for &direction in prober.directions() {
                if let Outcome::Settled(solution) = prober.conclude(&[(i, kw)], direction)? {
                    let va = solution.certificate().mismatch_va;
                    last.mismatch_va = Some(last.mismatch_va.unwrap_or(0.0).max(va));
                }
            }
            if relax[i] {
                match relaxer.at(i, &found[i]) {
                    Ok(relaxed) => last.relaxed = relaxed,
                    Err(e) => failed = Some(e),
                }
            }
        }
        Ok(())
    })?;
    match failed {
        Some(e) => Err(e),
        None => Ok(finals.into_values().collect()),
    }
}

/// Statistics of the draws.
fn summed_up(draws: Vec<Draw>, study: &Study<'_>, result: &HostingResult) -> DrawResult {
    let network = result.circuit.network();
    let n = draws.len();
    let mut sorted: Vec<(f64, bool)> = draws.iter().map(|d| (d.capacity_kw, d.crossing.is_none())).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let values: Vec<f64> = sorted.iter().map(|s| s.0).collect();
    let first_open = sorted.iter().position(|s| s.1).unwrap_or(n);
    let mut figures = vec![("mean", stochastic::mean(&values, first_open < n))];
    figures.extend([("p5", 0.05), ("p50", 0.5), ("p95", 0.95)].map(|(name, p)| (name, stochastic::percentile(&values, p, first_open))));
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for d in &draws {
        *counts.entry(d.crossing.map_or("none", |c| c.criterion.name())).or_default() += 1;
    }
    let mut factors: Vec<(&'static str, usize)> = counts.into_iter().collect();
    factors.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let highest = values.last().copied().unwrap_or(0.0);
    let crossing_at = |kw: f64| sorted.iter().filter(|s| !s.1 && s.0 < kw).count();
    let penetration = (0..=40).map(|i| highest * f64::from(i) / 40.0).map(|kw| (kw, crossing_at(kw))).collect();
    let mut at_bus: BTreeMap<BusId, Vec<f64>> = BTreeMap::new();
    let mut ended: BTreeMap<BusId, usize> = BTreeMap::new();
    for (i, d) in draws.iter().enumerate() {
        for &(site, kw) in &d.at_site_kw {
            at_bus.entry(study.sites[site].bus).or_insert_with(|| vec![0.0; n])[i] += kw;
        }
        let bus = match d.crossing.map(|c| c.reading.at) {
            Some(At::Node(node)) => Some(result.circuit.node(node).bus),
            Some(At::Bus(bus)) => Some(bus),
            _ => None,
        };
        if let Some(bus) = bus {
            *ended.entry(bus).or_default() += 1;
            at_bus.entry(bus).or_insert_with(|| vec![0.0; n]);
        }
    }
    let place = |(bus, mut kw): (BusId, Vec<f64>)| {
        kw.sort_by(f64::total_cmp);
        PlaceOfDraws {
            bus: network.bus(bus).name.clone(),
            mean_kw: kw.iter().sum::<f64>() / n as f64,
            p5_kw: stochastic::percentile(&kw, 0.05, n).value,
            p95_kw: stochastic::percentile(&kw, 0.95, n).value,
            limiting_pct: 100.0 * ended.get(&bus).copied().unwrap_or(0) as f64 / n as f64,
        }
    };
    let places = at_bus.into_iter().map(place).collect();
    DrawResult { draws, figures, factors, penetration, places }
}
