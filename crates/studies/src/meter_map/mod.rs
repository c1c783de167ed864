//! Which transformer a meter hangs on.
//!
//! # Method
//! An identity in the data wins. Otherwise the candidates of a meter are the nearest transformers; each gets a score, the logarithm of
//! how likely the evidence is if the meter hangs there, up to a constant:
//!
//! ```text
//! score(t) = - d / L                                      distance d; service drops have lengths of the order of L
//!            - ln((1 - e) (F - 1) / e)   if feeders differ    a share e of the labels is wrong, F feeders
//!            - ln((1 - e) 2 / e)         if phases differ
//!            + c                         if the secondary conductors lead there
//!            - w (u - u0)                if its demand u, as a share of its rating, is above u0
//!            + k artanh(r)               r: correlation of the meter's voltage with that of the others on t
//! ```
//!
//! Voltages enter as what is left when the mean of the feeder is taken away, since all meters of a feeder share that. Distances are taken
//! against the others of the same meter, because only differences of scores matter; probabilities are `exp(score)` over their sum.
//! Demand and voltage depend on who else hangs there, so that the assignment is repeated until nothing changes.
//!
//! The probability of the best and what speaks against it give the confidence; the figures of [`Options`] are practice, not taken from
//! one document, and the confusion table on synthetic utilities shows how right they are: `docs/methods/meter-map.md`.

mod confusion;
mod sites;

pub use confusion::{Confusion, Outcome};
pub use sites::sites_of;

use network::{Diagnostic, LonLat};
use rstar::RTree;
use rstar::primitives::GeomWithData;
use std::collections::{BTreeSet, HashMap};

/// A transformer that may have meters.
#[derive(Clone, Debug, PartialEq)]
pub struct TransformerSite {
    pub id: String,
    pub place: LonLat,
    /// Empty when not known.
    pub feeder: String,
    /// Phases A, B, C as bits 1, 2, 4; 0 when not known.
    pub phases: u8,
    pub kva: Option<f64>,
}

/// A meter, with what is known of its place in the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterSite {
    pub id: String,
    pub place: Option<LonLat>,
    pub feeder: String,
    pub phases: u8,
    /// The transformer that the data name.
    pub transformer: Option<String>,
    /// The transformer to which the secondary conductors lead.
    pub traced: Option<String>,
    /// Its share of the transformer's peak, kW.
    pub demand_kw: Option<f64>,
}

/// Voltages of meters at common times, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voltages {
    pub steps: usize,
    /// Row of each meter, by its index; none: no voltages.
    pub row: Vec<Option<usize>>,
    /// Not a number where there is no value.
    pub values: Vec<f32>,
}

/// A decision of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    pub meter: String,
    /// Empty: the meter hangs on none of them.
    pub transformer: String,
    pub who: String,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub candidates: usize,
    /// Transformers further away are no candidates, m.
    pub max_distance_m: f64,
    /// L above, m.
    pub service_length_m: f64,
    /// e above.
    pub wrong_label: f64,
    /// c above.
    pub traced_score: f64,
    /// u0 and w above.
    pub overload: f64,
    pub overload_score: f64,
    /// k above.
    pub voltage_score: f64,
    pub high: f64,
    pub medium: f64,
    pub max_rounds: usize,
    pub power_factor: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            candidates: 8,
            max_distance_m: 400.0,
            service_length_m: 12.0,
            wrong_label: 0.02,
            traced_score: 8.0,
            overload: 1.5,
            overload_score: 2.0,
            voltage_score: 4.0,
            high: 0.95,
            medium: 0.75,
            max_rounds: 12,
            power_factor: 0.95,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    Low,
    Medium,
    High,
}

impl Confidence {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Where an assignment comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// No candidate.
    None,
    Inferred,
    /// The secondary conductors lead there.
    Traced,
    /// The data name it.
    Explicit,
    Override,
}

impl Method {
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Inferred => "inferred",
            Self::Traced => "traced",
            Self::Explicit => "explicit",
            Self::Override => "override",
        }
    }
}

/// What is found for one meter.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// Index of the transformer.
    pub transformer: Option<usize>,
    pub method: Method,
    pub confidence: Confidence,
    pub probability: f64,
    pub distance_m: Option<f64>,
    /// The next best, with its probability and distance.
    pub second: Option<(usize, f64, f64)>,
    /// Correlation of its voltage with the others on the transformer.
    pub correlation: Option<f64>,
    /// Sentences without full stops.
    pub reasons: Vec<String>,
}

/// An override that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    pub meter: String,
    pub before: String,
    pub after: String,
    pub who: String,
    pub reason: String,
}

/// The map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeterMap {
    /// Of each meter, in the order given.
    pub assignments: Vec<Assignment>,
    pub rounds: usize,
    pub log: Vec<LogEntry>,
    pub diagnostics: Vec<Diagnostic>,
}

/// One candidate of a meter.
#[derive(Clone, Debug)]
struct Candidate {
    transformer: usize,
    distance_m: f64,
    /// What does not depend on the other meters.
    fixed: f64,
    feeder_differs: bool,
    phase_differs: bool,
    traced: bool,
    score: f64,
    correlation: Option<f64>,
}

/// Infers the map.
///
/// # Inputs
/// * `transformers`, `meters` - places in WGS 84; what is empty or none is not known and says nothing.
/// * `voltages` - where there are some.
/// * `overrides` - decisions of people, applied last, the last one of a meter wins.
///
/// # Returns
/// An assignment a meter, in their order; findings on identities that do not exist, meters without place or candidate.
///
/// # Method and source
/// See the module. Cost O(m log t) for candidates, O(m c n) a round for voltages of n steps and c candidates.
pub fn infer(
    transformers: &[TransformerSite],
    meters: &[MeterSite],
    voltages: Option<&Voltages>,
    options: &Options,
    overrides: &[Override],
) -> MeterMap {
    let mut map = MeterMap::default();
    let by_id: HashMap<&str, usize> = transformers.iter().enumerate().map(|(i, t)| (t.id.as_str(), i)).collect();
    let plane = Plane::around(transformers.iter().map(|t| t.place));
    let tree = RTree::bulk_load(transformers.iter().enumerate().map(|(i, t)| GeomWithData::new(plane.xy(t.place), i)).collect());
    let n_feeders = transformers.iter().map(|t| t.feeder.as_str()).filter(|f| !f.is_empty()).collect::<BTreeSet<_>>().len();
    let mut missing = Missing::default();

    let mut fixed: Vec<Option<usize>> = vec![None; meters.len()];
    let mut candidates: Vec<Vec<Candidate>> = Vec::with_capacity(meters.len());
    for (m, meter) in meters.iter().enumerate() {
        if let Some(id) = meter.transformer.as_deref().filter(|id| !id.is_empty()) {
            match by_id.get(id) {
                Some(&t) => fixed[m] = Some(t),
                None => missing.explicit.push(format!("{} → {id}", meter.id)),
            }
        }
        let traced = meter.traced.as_deref().and_then(|id| by_id.get(id)).copied();
        let mut list = Vec::new();
        match meter.place {
            Some(place) => {
                let at = plane.xy(place);
                let near = tree.nearest_neighbor_iter(at).take(options.candidates.max(1)).map(|g| g.data);
                list.extend(near.filter(|&t| place.distance_m(transformers[t].place) <= options.max_distance_m));
            }
            None => missing.place.push(meter.id.clone()),
        }
        if let Some(t) = traced
            && !list.contains(&t)
        {
            list.push(t);
        }
        let of = |t: usize| candidate(&transformers[t], t, meter, traced, n_feeders, options);
        candidates.push(list.into_iter().map(of).collect());
    }

    let residuals = voltages.map(|v| residuals(v, meters));
    let mut choice: Vec<Option<usize>> =
        (0..meters.len()).map(|m| fixed[m].or_else(|| best(&candidates[m]).map(|c| c.transformer))).collect();
    for round in 1..=options.max_rounds.max(1) {
        map.rounds = round;
        let demand = demands(transformers.len(), meters, &choice, options);
        let groups = residuals.as_ref().map(|r| Groups::new(transformers.len(), r, &choice));
        for (m, list) in candidates.iter_mut().enumerate() {
            let own_kva = meters[m].demand_kw.unwrap_or(0.0) / options.power_factor;
            for c in list.iter_mut() {
                c.score = c.fixed;
                if let (Some(kva), Some(own)) = (transformers[c.transformer].kva.filter(|k| *k > 0.0), meters[m].demand_kw) {
                    let here = choice[m] == Some(c.transformer);
                    let total = demand[c.transformer] + if here { 0.0 } else { own_kva };
                    let share = total / kva;
                    if own > 0.0 && share > options.overload {
                        c.score -= options.overload_score * (share - options.overload).min(3.0);
                    }
                }
                c.correlation = groups.as_ref().and_then(|g| g.correlation(m, c.transformer, choice[m]));
                if let Some(r) = c.correlation {
                    c.score += options.voltage_score * r.clamp(-0.999, 0.999).atanh();
                }
            }
            // A candidate whose voltages are not known stands where an average one would.
            let known: Vec<f64> =
                list.iter().filter_map(|c| c.correlation).map(|r| options.voltage_score * r.clamp(-0.999, 0.999).atanh()).collect();
            if !known.is_empty() && known.len() < list.len() {
                let middle = known.iter().sum::<f64>() / known.len() as f64;
                list.iter_mut().filter(|c| c.correlation.is_none()).for_each(|c| c.score += middle);
            }
        }
        let mut changed = 0;
        for m in 0..meters.len() {
            if fixed[m].is_some() {
                continue;
            }
            let new = best(&candidates[m]).map(|c| c.transformer);
            // Half of those that want to move stay a round, so that two neighbours do not change places for ever.
            if new != choice[m] && (round % 2 == 0 || m % 2 == round / 2 % 2 || round == 1) {
                choice[m] = new;
                changed += 1;
            }
        }
        if changed == 0 && round > 1 {
            break;
        }
    }

    for (m, meter) in meters.iter().enumerate() {
        let assignment = match fixed[m] {
            Some(t) => explicit(meter, t, &transformers[t], &candidates[m], options),
            None => judged(meter, choice[m], &candidates[m], transformers, options),
        };
        if assignment.transformer.is_none() && meter.place.is_some() {
            missing.candidate.push(meter.id.clone());
        }
        map.assignments.push(assignment);
    }
    missing.report(&mut map.diagnostics, options);
    apply(&mut map, transformers, meters, &by_id, overrides);
    map
}

fn best(list: &[Candidate]) -> Option<&Candidate> {
    list.iter().max_by(|a, b| a.score.total_cmp(&b.score).then(b.distance_m.total_cmp(&a.distance_m)))
}

fn candidate(
    t: &TransformerSite,
    index: usize,
    meter: &MeterSite,
    traced: Option<usize>,
    n_feeders: usize,
    options: &Options,
) -> Candidate {
    let distance_m = meter.place.map_or(0.0, |p| p.distance_m(t.place));
    let odds = ((1.0 - options.wrong_label) / options.wrong_label).ln();
    let feeder_differs = !meter.feeder.is_empty() && !t.feeder.is_empty() && !meter.feeder.eq_ignore_ascii_case(&t.feeder);
    let phase_differs = meter.phases != 0 && t.phases != 0 && meter.phases & t.phases != meter.phases;
    let traced_here = traced == Some(index);
    let mut fixed = -distance_m / options.service_length_m;
    if feeder_differs {
        fixed -= odds + (n_feeders.saturating_sub(1).max(1) as f64).ln();
    }
    if phase_differs {
        fixed -= odds + 2f64.ln();
    }
    if traced_here {
        fixed += options.traced_score;
    }
    Candidate { transformer: index, distance_m, fixed, feeder_differs, phase_differs, traced: traced_here, score: fixed, correlation: None }
}

fn demands(n: usize, meters: &[MeterSite], choice: &[Option<usize>], options: &Options) -> Vec<f64> {
    let mut kva = vec![0.0; n];
    for (meter, t) in meters.iter().zip(choice) {
        if let (Some(t), Some(kw)) = (t, meter.demand_kw) {
            kva[*t] += kw / options.power_factor;
        }
    }
    kva
}

fn explicit(meter: &MeterSite, t: usize, site: &TransformerSite, list: &[Candidate], options: &Options) -> Assignment {
    let distance_m = meter.place.map(|p| p.distance_m(site.place));
    let mut reasons = vec!["the data name it".to_owned()];
    let mut confidence = Confidence::High;
    if let Some(d) = distance_m.filter(|d| *d > options.max_distance_m) {
        confidence = Confidence::Medium;
        reasons.push(format!("but it stands {d:.0} m away"));
    }
    if !meter.feeder.is_empty() && !site.feeder.is_empty() && !meter.feeder.eq_ignore_ascii_case(&site.feeder) {
        confidence = Confidence::Medium;
        reasons.push(format!("but the meter is said to be on feeder {}, the transformer on {}", meter.feeder, site.feeder));
    }
    let correlation = list.iter().find(|c| c.transformer == t).and_then(|c| c.correlation);
    Assignment {
        transformer: Some(t),
        method: Method::Explicit,
        confidence,
        probability: 1.0,
        distance_m,
        second: None,
        correlation,
        reasons,
    }
}

fn judged(meter: &MeterSite, choice: Option<usize>, list: &[Candidate], transformers: &[TransformerSite], options: &Options) -> Assignment {
    let Some(chosen) = choice.and_then(|t| list.iter().find(|c| c.transformer == t)) else {
        let reason =
            if meter.place.is_none() { "it has no place and the data name no transformer" } else { "no transformer is near enough" };
        return Assignment {
            transformer: None,
            method: Method::None,
            confidence: Confidence::Low,
            probability: 0.0,
            distance_m: None,
            second: None,
            correlation: None,
            reasons: vec![reason.to_owned()],
        };
    };
    let top = list.iter().map(|c| c.score).fold(f64::MIN, f64::max);
    let total: f64 = list.iter().map(|c| (c.score - top).exp()).sum();
    let probability = |c: &Candidate| (c.score - top).exp() / total;
    let second = list.iter().filter(|c| c.transformer != chosen.transformer).max_by(|a, b| a.score.total_cmp(&b.score));
    let p = probability(chosen);
    let mut confidence = if p >= options.high {
        Confidence::High
    } else if p >= options.medium {
        Confidence::Medium
    } else {
        Confidence::Low
    };
    let mut reasons = Vec::new();
    let lower = |confidence: &mut Confidence, to: Confidence| *confidence = (*confidence).min(to);
    if meter.place.is_some() {
        match second {
            Some(s) => reasons.push(format!("{:.0} m away, the next likely one {:.0} m", chosen.distance_m, s.distance_m)),
            None => reasons.push(format!("{:.0} m away, the only one near", chosen.distance_m)),
        }
    }
    if chosen.traced {
        reasons.push("secondary conductors lead there".to_owned());
    } else if list.iter().any(|c| c.traced) {
        reasons.push("secondary conductors lead elsewhere".to_owned());
        lower(&mut confidence, Confidence::Low);
    }
    let site = &transformers[chosen.transformer];
    if chosen.feeder_differs {
        reasons.push(format!("its feeder {} is not the meter's {}", site.feeder, meter.feeder));
        lower(&mut confidence, Confidence::Medium);
    } else if !meter.feeder.is_empty() && !site.feeder.is_empty() {
        reasons.push("same feeder".to_owned());
    }
    if chosen.phase_differs {
        reasons.push("its phases do not have the meter's".to_owned());
        lower(&mut confidence, Confidence::Medium);
    } else if meter.phases != 0 && site.phases != 0 {
        reasons.push("phases fit".to_owned());
    }
    if let Some(r) = chosen.correlation {
        reasons.push(format!("voltages correlate by {r:.2} with its other meters"));
        if r < 0.2 {
            lower(&mut confidence, Confidence::Medium);
        }
    }
    if let (Some(kva), Some(kw)) = (site.kva, meter.demand_kw)
        && kw / options.power_factor > options.overload * kva
    {
        reasons.push(format!("its {kva:.0} kVA are too small for the meter alone"));
        lower(&mut confidence, Confidence::Low);
    }
    if !chosen.traced && chosen.distance_m > 10.0 * options.service_length_m && chosen.correlation.is_none() {
        reasons.push("further away than service drops are long".to_owned());
        lower(&mut confidence, Confidence::Medium);
    }
    Assignment {
        transformer: Some(chosen.transformer),
        method: if chosen.traced { Method::Traced } else { Method::Inferred },
        confidence,
        probability: p,
        distance_m: meter.place.map(|_| chosen.distance_m),
        second: second.map(|s| (s.transformer, probability(s), s.distance_m)),
        correlation: chosen.correlation,
        reasons,
    }
}

#[derive(Default)]
struct Missing {
    explicit: Vec<String>,
    place: Vec<String>,
    candidate: Vec<String>,
}

impl Missing {
    fn report(&self, out: &mut Vec<Diagnostic>, options: &Options) {
        let list = |all: &[String]| {
            let shown = all.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
            format!("{}: {shown}{}.", all.len(), if all.len() > 5 { ", …" } else { "" })
        };
        if !self.explicit.is_empty() {
            out.push(
                Diagnostic::warning("MAP.EXPLICIT.UNKNOWN", "meters name transformers that do not exist")
                    .detail(list(&self.explicit))
                    .hint("Correct the identities; these meters are mapped by inference."),
            );
        }
        if !self.place.is_empty() {
            out.push(
                Diagnostic::warning("MAP.METER.NO_PLACE", "meters have no place")
                    .detail(list(&self.place))
                    .hint("Give their coordinates, or their transformers."),
            );
        }
        if !self.candidate.is_empty() {
            out.push(
                Diagnostic::warning("MAP.METER.NO_CANDIDATE", "no transformer is near these meters")
                    .detail(format!("None within {} m of {}", options.max_distance_m, list(&self.candidate)))
                    .hint("See whether transformers are missing, or the coordinates are in another system."),
            );
        }
    }
}

fn apply(map: &mut MeterMap, transformers: &[TransformerSite], meters: &[MeterSite], by_id: &HashMap<&str, usize>, overrides: &[Override]) {
    let by_meter: HashMap<&str, usize> = meters.iter().enumerate().map(|(i, m)| (m.id.as_str(), i)).collect();
    for o in overrides {
        let Some(&m) = by_meter.get(o.meter.as_str()) else {
            map.diagnostics.push(
                Diagnostic::warning("MAP.OVERRIDE.UNKNOWN_METER", "an override names a meter that does not exist")
                    .detail(format!("Meter \"{}\".", o.meter))
                    .hint("Correct the list of overrides."),
            );
            continue;
        };
        let target = match (o.transformer.is_empty(), by_id.get(o.transformer.as_str())) {
            (true, _) => None,
            (false, Some(&t)) => Some(t),
            (false, None) => {
                map.diagnostics.push(
                    Diagnostic::warning("MAP.OVERRIDE.UNKNOWN_TRANSFORMER", "an override names a transformer that does not exist")
                        .detail(format!("Meter \"{}\", transformer \"{}\"; the override is not applied.", o.meter, o.transformer))
                        .hint("Correct the list of overrides."),
                );
                continue;
            }
        };
        let name = |t: Option<usize>| t.map_or_else(String::new, |t| transformers[t].id.clone());
        let a = &mut map.assignments[m];
        map.log.push(LogEntry {
            meter: o.meter.clone(),
            before: name(a.transformer),
            after: o.transformer.clone(),
            who: o.who.clone(),
            reason: o.reason.clone(),
        });
        let distance_m = target.and_then(|t| meters[m].place.map(|p| p.distance_m(transformers[t].place)));
        let who = if o.who.is_empty() { "somebody".to_owned() } else { o.who.clone() };
        let reason = if o.reason.is_empty() { String::new() } else { format!(": {}", o.reason) };
        *a = Assignment {
            transformer: target,
            method: Method::Override,
            confidence: Confidence::High,
            probability: 1.0,
            distance_m,
            second: None,
            correlation: a.correlation,
            reasons: vec![format!("set by {who}{reason}")],
        };
    }
}

/// Metres on a plane around a place, for nearest neighbours; distances that count are taken on the sphere.
struct Plane {
    middle: LonLat,
    east: f64,
    north: f64,
}

impl Plane {
    fn around(places: impl Iterator<Item = LonLat>) -> Self {
        let (mut lon, mut lat, mut n) = (0.0, 0.0, 0.0);
        for p in places {
            lon += p.lon_deg;
            lat += p.lat_deg;
            n += 1.0;
        }
        let middle = if n > 0.0 { LonLat::new(lon / n, lat / n) } else { LonLat::new(0.0, 0.0) };
        let north = 111_195.0;
        Self { middle, east: north * middle.lat_deg.to_radians().cos().max(1e-6), north }
    }

    fn xy(&self, p: LonLat) -> [f64; 2] {
        [(p.lon_deg - self.middle.lon_deg) * self.east, (p.lat_deg - self.middle.lat_deg) * self.north]
    }
}

/// Voltages without the mean of their feeder, scaled to mean 0 and length 1; what is missing is 0.
struct Residuals<'a> {
    steps: usize,
    row: &'a [Option<usize>],
    values: Vec<f32>,
}

fn residuals<'a>(v: &'a Voltages, meters: &[MeterSite]) -> Residuals<'a> {
    let n = v.steps;
    let mut feeders: HashMap<&str, Vec<usize>> = HashMap::new();
    for (m, meter) in meters.iter().enumerate() {
        if let Some(Some(r)) = v.row.get(m) {
            feeders.entry(meter.feeder.as_str()).or_default().push(*r);
        }
    }
    let mut values = v.values.clone();
    for rows in feeders.values() {
        // Meters of other voltage levels are brought to one: each by its own mean.
        let scale: Vec<f64> = rows
            .iter()
            .map(|&r| {
                let row = &v.values[r * n..(r + 1) * n];
                let (sum, count) = row.iter().filter(|x| x.is_finite()).fold((0.0, 0), |(s, c), x| (s + f64::from(*x), c + 1));
                if count > 0 && sum > 0.0 { f64::from(count) / sum } else { 0.0 }
            })
            .collect();
        for k in 0..n {
            let (mut sum, mut count) = (0.0, 0);
            for (&r, s) in rows.iter().zip(&scale) {
                let x = f64::from(v.values[r * n + k]) * s;
                if x.is_finite() && *s > 0.0 {
                    sum += x;
                    count += 1;
                }
            }
            let mean = if count > 0 { sum / f64::from(count) } else { 0.0 };
            for (&r, s) in rows.iter().zip(&scale) {
                values[r * n + k] = (f64::from(v.values[r * n + k]) * s - mean) as f32;
            }
        }
    }
    for row in values.chunks_mut(n.max(1)) {
        standardise(row);
    }
    Residuals { steps: n, row: &v.row, values }
}

fn standardise(row: &mut [f32]) {
    let (sum, count) = row.iter().filter(|x| x.is_finite()).fold((0.0f64, 0u32), |(s, c), x| (s + f64::from(*x), c + 1));
    let mean = if count > 0 { sum / f64::from(count) } else { 0.0 };
    row.iter_mut().for_each(|x| *x = if x.is_finite() { (f64::from(*x) - mean) as f32 } else { 0.0 });
    let length = row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
}

/// Sums of the residuals of the meters of each transformer.
struct Groups<'a, 'b> {
    residuals: &'b Residuals<'a>,
    sums: HashMap<usize, (Vec<f32>, u32)>,
}

impl<'a, 'b> Groups<'a, 'b> {
    fn new(_n: usize, residuals: &'b Residuals<'a>, choice: &[Option<usize>]) -> Self {
        let mut sums: HashMap<usize, (Vec<f32>, u32)> = HashMap::new();
        for (m, t) in choice.iter().enumerate() {
            if let (Some(t), Some(Some(r))) = (t, residuals.row.get(m)) {
                let n = residuals.steps;
                let (sum, count) = sums.entry(*t).or_insert_with(|| (vec![0.0; n], 0));
                sum.iter_mut().zip(&residuals.values[r * n..(r + 1) * n]).for_each(|(s, x)| *s += x);
                *count += 1;
            }
        }
        Self { residuals, sums }
    }

    /// Correlation of a meter with the sum of the others on a transformer.
    fn correlation(&self, m: usize, t: usize, current: Option<usize>) -> Option<f64> {
        let n = self.residuals.steps;
        let row = (*self.residuals.row.get(m)?)?;
        let own = &self.residuals.values[row * n..(row + 1) * n];
        let (sum, count) = self.sums.get(&t)?;
        let inside = current == Some(t);
        if *count <= u32::from(inside) || n < 16 {
            return None;
        }
        let (mut cross, mut length, mut size) = (0.0f64, 0.0f64, 0.0f64);
        for (x, s) in own.iter().zip(sum) {
            let other = f64::from(*s) - if inside { f64::from(*x) } else { 0.0 };
            cross += f64::from(*x) * other;
            length += other * other;
            size += f64::from(*x) * f64::from(*x);
        }
        (length > 0.0 && size > 0.0).then(|| cross / (length * size).sqrt())
    }
}

#[cfg(test)]
mod tests;
