//! Readings of meters, put side by side by moment.

use network::{BusId, ElementId, ElementKind, Network};
use std::collections::{BTreeMap, BTreeSet};

/// What stands at a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Where {
    /// A load, by its place among the network's loads.
    Load(usize),
    Bus(BusId),
    /// The first terminal of a line, transformer or other element that power flows through.
    Through(ElementId),
}

/// One row of the readings as it was given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    pub time_s: i64,
    /// Bus, or load or other element as `class.name` (a load may go without its class); one of the two.
    pub bus: String,
    pub element: String,
    pub phase: Option<u32>,
    /// NaN where not read. Per unit of a load's rated voltage or a bus's base.
    pub v_pu: f64,
    pub v_v: f64,
    pub p_kw: f64,
    pub q_kvar: f64,
}

/// What a channel measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Per unit.
    Voltage,
    /// kW, kvar into the element.
    Active,
    Reactive,
}

/// One quantity of one meter, which the model has to explain.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    pub name: String,
    pub place: Where,
    pub phase: Option<u32>,
    pub quantity: Quantity,
    /// By moment; NaN where not read.
    pub measured: Vec<f64>,
    /// What residuals are divided by: mean magnitude of what was measured.
    pub scale: f64,
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Readings {
    pub times_s: Vec<i64>,
    pub channels: Vec<Channel>,
    /// Measured voltage of the source's bus, per unit, by moment; none where it was not read at each.
    pub source_pu: Option<Vec<f64>>,
    /// Phases of the source's bus that were read, and the standard deviation of their mean voltages, relative.
    pub source_phases: (usize, f64),
    /// Power of each load by moment, as measured; NaN where not.
    p_kw: Vec<Vec<f64>>,
    q_kvar: Vec<Vec<f64>>,
    /// Power of each load of the model, none where it is out of service.
    rated: Vec<Option<(f64, f64)>>,
    /// What metered loads take of their rated power, by moment.
    use_of_rated: Vec<f64>,
}

/// What keeps rows from being readings.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReadingFault {
    #[error("row {row} names neither a bus nor an element")]
    Nowhere { row: usize },
    #[error("row {row} names bus \"{name}\", which the network does not have")]
    Bus { row: usize, name: String },
    #[error("row {row} names element \"{name}\", which the network does not have; write class.name")]
    Element { row: usize, name: String },
    #[error("row {row}: powers at bus \"{name}\" belong to {loads} loads; name the load in the column element")]
    Power { row: usize, name: String, loads: usize },
    #[error("row {row}: the bus has no voltage base, so that its voltage cannot be told per unit; assign voltage bases in the model")]
    Base { row: usize },
    #[error("row {row}: {name} is there twice for one moment and phase")]
    Twice { row: usize, name: String },
    #[error("row {row}: {value} {unit} is no voltage of {name}")]
    Voltage { row: usize, name: String, value: f64, unit: &'static str },
    #[error("row {row}: phase {phase} is none of 1, 2, 3")]
    Phase { row: usize, phase: u32 },
    #[error("row {row}: {name} is infinite")]
    Infinite { row: usize, name: &'static str },
    #[error("there are {found} moments with voltages; at least {least} are needed")]
    TooFew { found: usize, least: usize },
}

/// Moments that are the least to tell one thing from another.
pub const MOMENTS_LEAST: usize = 12;

impl Readings {
    /// Of rows, at no more than `moments` moments spread evenly over those that there are.
    ///
    /// # Errors
    /// All that is wrong with them, up to 20 faults.
    pub fn new(network: &Network, rows: &[Reading], moments: usize) -> Result<Self, Vec<ReadingFault>> {
        let mut faults = Vec::new();
        let loads: BTreeMap<&str, usize> = network.loads.iter().enumerate().map(|(i, l)| (l.common.name.as_str(), i)).collect();
        let mut elements: BTreeMap<String, ElementId> = BTreeMap::new();
        for &id in &network.order {
            elements.entry(network.full_name(id).to_lowercase()).or_insert(id);
        }
        let source = network.supply_buses().first().copied();
        let mut times: BTreeSet<i64> = rows.iter().filter(|r| r.v_pu.is_finite() || r.v_v.is_finite()).map(|r| r.time_s).collect();
        if times.len() < MOMENTS_LEAST {
            return Err(vec![ReadingFault::TooFew { found: times.len(), least: MOMENTS_LEAST }]);
        }
        if times.len() > moments {
            let all: Vec<i64> = times.iter().copied().collect();
            times = (0..moments).map(|k| all[k * all.len() / moments]).collect();
        }
        let times_s: Vec<i64> = times.into_iter().collect();
        let n = times_s.len();
        let mut p_kw = vec![vec![f64::NAN; n]; network.loads.len()];
        let mut q_kvar = p_kw.clone();
        let mut source_sum = vec![(0.0, 0_u32); n];
        let mut source_by_phase: BTreeMap<Option<u32>, (f64, f64)> = BTreeMap::new();
        let mut channels: BTreeMap<(Where, Option<u32>, u8), Channel> = BTreeMap::new();
        for (i, r) in rows.iter().enumerate() {
            let row = i + 1;
            if faults.len() >= 20 {
                break;
            }
            for (name, x) in [("v_pu", r.v_pu), ("v_v", r.v_v), ("p_kw", r.p_kw), ("q_kvar", r.q_kvar)] {
                if x.is_infinite() {
                    faults.push(ReadingFault::Infinite { row, name });
                }
            }
            if let Some(phase) = r.phase.filter(|p| !(1..=3).contains(p)) {
                faults.push(ReadingFault::Phase { row, phase });
                continue;
            }
            let element = r.element.to_lowercase();
            let place = if !element.is_empty() {
                let id = elements.get(&element).copied();
                match loads.get(element.strip_prefix("load.").unwrap_or(&element)) {
                    Some(&load) if id.is_none_or(|id| id.kind == ElementKind::Load) => Where::Load(load),
                    _ => match id {
                        Some(id) => Where::Through(id),
                        None => {
                            faults.push(ReadingFault::Element { row, name: r.element.clone() });
                            continue;
                        }
                    },
                }
            } else if r.bus.is_empty() {
                faults.push(ReadingFault::Nowhere { row });
                continue;
            } else if let Some(bus) = network.bus_id(&r.bus) {
                Where::Bus(bus)
            } else {
                faults.push(ReadingFault::Bus { row, name: r.bus.clone() });
                continue;
            };
            let Ok(t) = times_s.binary_search(&r.time_s) else { continue };
            let name = if element.is_empty() { r.bus.to_lowercase() } else { element };
            let name = r.phase.map_or(name.clone(), |p| format!("{name} phase {p}"));
            // Voltage.
            let base_v = match place {
                Where::Load(load) => super::bench::branches(network, load).1,
                Where::Bus(bus) => network.bus(bus).kv_base_ln * 1000.0,
                Where::Through(_) => 0.0,
            };
            let (v_pu, value, unit) = if r.v_pu.is_finite() { (r.v_pu, r.v_pu, "pu") } else { (r.v_v / base_v, r.v_v, "V") };
            let has_voltage = r.v_pu.is_finite() || r.v_v.is_finite();
            if has_voltage && !matches!(place, Where::Through(_)) {
                // A dead meter reads 0: an outage tells nothing of the model. Beyond twice the base it is another unit.
                if base_v <= 0.0 {
                    faults.push(ReadingFault::Base { row });
                    continue;
                }
                if !(0.0..2.0).contains(&v_pu) {
                    faults.push(ReadingFault::Voltage { row, name: name.clone(), value, unit });
                    continue;
                }
                if v_pu > 0.5 {
                    if matches!(place, Where::Bus(b) if Some(b) == source) {
                        source_sum[t] = (source_sum[t].0 + v_pu, source_sum[t].1 + 1);
                        let of = source_by_phase.entry(r.phase).or_default();
                        *of = (of.0 + v_pu, of.1 + 1.0);
                    } else {
                        note(&mut channels, (place, r.phase, 0), Quantity::Voltage, &name, (row, t, n), v_pu, &mut faults);
                    }
                }
            }
            // Powers.
            match place {
                Where::Through(_) => {
                    for (k, quantity, x) in [(1, Quantity::Active, r.p_kw), (2, Quantity::Reactive, r.q_kvar)] {
                        if x.is_finite() {
                            note(&mut channels, (place, r.phase, k), quantity, &name, (row, t, n), x, &mut faults);
                        }
                    }
                }
                Where::Load(load) => power(&mut p_kw[load][t], &mut q_kvar[load][t], r),
                Where::Bus(bus) if r.p_kw.is_finite() || r.q_kvar.is_finite() => {
                    let here = |l: &network::Load| {
                        let t = &l.common.terminals[0];
                        l.common.enabled && t.bus == bus && r.phase.is_none_or(|p| t.nodes.contains(&p))
                    };
                    let of: Vec<usize> = (0..network.loads.len()).filter(|&l| here(&network.loads[l])).collect();
                    match of[..] {
                        [load] => power(&mut p_kw[load][t], &mut q_kvar[load][t], r),
                        _ => faults.push(ReadingFault::Power { row, name: r.bus.clone(), loads: of.len() }),
                    }
                }
                Where::Bus(_) => {}
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let rated: Vec<Option<(f64, f64)>> = network.loads.iter().map(|l| l.common.enabled.then_some((l.p_kw, l.q_kvar))).collect();
        // A load that gives P alone has the model's power factor.
        for (l, rated) in rated.iter().enumerate() {
            let ratio = rated.filter(|(p, _)| *p != 0.0).map_or(0.0, |(p, q)| q / p);
            for t in 0..n {
                if p_kw[l][t].is_finite() && !q_kvar[l][t].is_finite() {
                    q_kvar[l][t] = p_kw[l][t] * ratio;
                }
            }
        }
        let use_of_rated = (0..n)
            .map(|t| {
                let metered = (0..rated.len()).filter(|&l| p_kw[l][t].is_finite()).filter_map(|l| rated[l].map(|(p, _)| (p_kw[l][t], p)));
                let (sum, of) = metered.fold((0.0, 0.0), |(a, b), (p, r)| (a + p, b + r));
                if of > 0.0 { sum / of } else { 1.0 }
            })
            .collect();
        let mut channels: Vec<Channel> = channels.into_values().collect();
        for c in &mut channels {
            let of: Vec<f64> = c.measured.iter().copied().filter(|x| x.is_finite()).map(f64::abs).collect();
            c.scale = of.iter().sum::<f64>() / of.len().max(1) as f64;
        }
        channels.retain(|c| c.scale > 0.0);
        let source_pu = source_sum.iter().all(|(_, n)| *n > 0).then(|| source_sum.iter().map(|(s, n)| s / f64::from(*n)).collect());
        let means: Vec<f64> = source_by_phase.values().map(|(s, n)| s / n).collect();
        let mean = means.iter().sum::<f64>() / means.len().max(1) as f64;
        let squares: f64 = means.iter().map(|m| (m / mean - 1.0).powi(2)).sum();
        let source_phases = (means.len(), if means.len() > 1 { (squares / (means.len() - 1) as f64).sqrt() } else { 0.0 });
        Ok(Self { times_s, channels, source_pu, source_phases, p_kw, q_kvar, rated, use_of_rated })
    }

    /// Whether the power of a load is measured at some moment.
    pub fn is_metered(&self, load: usize) -> bool {
        self.p_kw[load].iter().any(|p| p.is_finite())
    }

    /// Power of a load at a moment, kW and kvar; none where it is out of service. One that is not metered takes of its rated power what the
    /// metered ones take of theirs, times the factor.
    pub(super) fn demand(&self, load: usize, t: usize, factor: f64) -> Option<(f64, f64)> {
        let (p, q) = self.rated[load]?;
        if self.p_kw[load][t].is_finite() {
            return Some((self.p_kw[load][t], self.q_kvar[load][t]));
        }
        let share = self.use_of_rated[t] * if self.is_metered(load) { 1.0 } else { factor };
        Some((p * share, q * share))
    }
}

fn power(p: &mut f64, q: &mut f64, r: &Reading) {
    // Readings of several phases of one load add up.
    for (sum, x) in [(p, r.p_kw), (q, r.q_kvar)] {
        if x.is_finite() {
            *sum = if sum.is_finite() { *sum + x } else { x };
        }
    }
}

fn note(
    channels: &mut BTreeMap<(Where, Option<u32>, u8), Channel>,
    key: (Where, Option<u32>, u8),
    quantity: Quantity,
    name: &str,
    (row, t, n): (usize, usize, usize),
    value: f64,
    faults: &mut Vec<ReadingFault>,
) {
    let channel = channels.entry(key).or_insert_with(|| Channel {
        name: name.to_owned(),
        place: key.0,
        phase: key.1,
        quantity,
        measured: vec![f64::NAN; n],
        scale: 0.0,
    });
    if channel.measured[t].is_finite() {
        faults.push(ReadingFault::Twice { row, name: name.to_owned() });
    } else {
        channel.measured[t] = value;
    }
}
