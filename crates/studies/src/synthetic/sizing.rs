//! From a plan to equipment: conductors, substation transformer, capacitors, regulators, switchgear.
//!
//! Flows are those of the hour in which the feeder as a whole draws most, by the shapes of its classes,
//! summed from the ends to the head without losses. The drop along a section is the linear one,
//!
//! ```text
//! dv = (P R + Q X) / V^2        P, Q of a phase; R + jX = z_self - z_mutual where three phases flow
//!                               together, z_self of one phase with its neutral; V line to neutral
//! ```
//!
//! Planning rules: a conductor carries at most 60 % of its rating at that hour; capacitors make up three
//! quarters of the reactive peak in banks at even steps of the reactive flow along the trunk, the first
//! one fixed where the lowest load leaves room for it; a regulator stands on the trunk where its voltage has fallen
//! below [`TRUNK_BELOW_PU`] and what lies beyond would fall below [`REGULATE_BELOW_PU`].

use super::catalogue::{CAPACITOR_KVAR, PRIMARY, SUBSTATION_KVA, cable_name, line_codes, overhead_name, rating_for};
use super::climate::{Climate, CustomerClass, HOURS};
use super::layout::{ABC, Area, Device, Phases, Plan, n_phases};
use super::random::Random;
use network::{CapacitorControlType, LineCode, LineCodeData};
use num_complex::Complex64;

/// Set point of tap changer and regulators, per unit of the nominal voltage.
pub const TARGET_PU: f64 = 1.03;
/// A regulator raises the voltage only where it has fallen below this.
pub const TRUNK_BELOW_PU: f64 = 1.012;
/// Lowest primary voltage at the peak that is left as it is; transformers and drops take some three percent more.
pub const REGULATE_BELOW_PU: f64 = 0.995;
/// Most regulators one after the other.
const REGULATORS_IN_SERIES: u32 = 2;

/// A capacitor bank at a pole.
#[derive(Clone, Copy, Debug)]
pub struct Bank {
    pub pole: usize,
    pub kvar: f64,
    /// `None`: always closed.
    pub control: Option<CapacitorControlType>,
}

/// A solar plant with a transformer of its own at a trunk pole.
#[derive(Clone, Copy, Debug)]
pub struct Plant {
    pub pole: usize,
    pub kw: f64,
}

/// What the flows ask for.
#[derive(Clone, Debug)]
pub struct Sizes {
    pub substation_kva: f64,
    pub banks: Vec<Bank>,
    pub plants: Vec<Plant>,
    /// kVA of each regulator set: three times its units, by pole.
    pub regulator_kva: Vec<(usize, f64)>,
    /// Greatest current of each section at the peak, A.
    pub amps: Vec<f64>,
    /// Peak of the feeder as its classes coincide, kW, without losses.
    pub peak_kw: f64,
    pub peak_hour: usize,
}

/// P + jQ of each phase, kW and kvar.
type Power = [Complex64; 3];

/// Sums what hangs below each pole, its own included. Parents come before children.
fn downstream(plan: &Plan, mut own: Vec<Power>) -> Vec<Power> {
    for i in (1..plan.poles.len()).rev() {
        if let Some(parent) = plan.poles[i].parent {
            let below = own[i];
            own[parent].iter_mut().zip(below).for_each(|(to, s)| *to += s);
        }
    }
    own
}

/// Loads by pole in one hour, without PV.
fn loads(plan: &Plan, climate: &Climate, hour: usize) -> Vec<Power> {
    let mut own = vec![Power::default(); plan.poles.len()];
    for service in &plan.services {
        for drop in &service.drops {
            let p = drop.peak_kw * climate.of(drop.class)[hour];
            let q = p * (1.0 / (drop.power_factor * drop.power_factor) - 1.0).sqrt();
            add(&mut own[service.pole], service.phases, Complex64::new(p, q));
        }
    }
    own
}

fn add(to: &mut Power, phases: Phases, s: Complex64) {
    let share = s / n_phases(phases) as f64;
    (0..3).filter(|p| phases & (1 << p) != 0).for_each(|p| to[p] += share);
}

fn total(s: &Power) -> Complex64 {
    s[0] + s[1] + s[2]
}

/// Hours of the greatest and of the least load of the whole feeder, and the load then, kW.
fn extreme_hours(plan: &Plan, climate: &Climate) -> ((usize, f64), (usize, f64)) {
    let mut by_class = [0.0; CustomerClass::ALL.len()];
    for drop in plan.services.iter().flat_map(|s| &s.drops) {
        by_class[drop.class as usize] += drop.peak_kw;
    }
    let (mut most, mut least) = ((0, 0.0), (0, f64::INFINITY));
    for hour in 0..HOURS {
        let kw: f64 = by_class.iter().zip(&climate.load_pu).map(|(kw, year)| kw * year[hour]).sum();
        if kw > most.1 {
            most = (hour, kw);
        }
        if kw < least.1 {
            least = (hour, kw);
        }
    }
    (most, least)
}

fn code_of<'a>(codes: &'a [LineCode], plan: &Plan, pole: usize) -> Option<&'a LineCode> {
    let p = &plan.poles[pole];
    let name = line_code_name(p.wire, p.phases, p.underground);
    codes.iter().find(|c| c.name == name)
}

/// Name of the code of a section.
pub fn line_code_name(wire: usize, phases: Phases, underground: bool) -> String {
    match (underground, n_phases(phases)) {
        (true, 1) => cable_name(1),
        (true, 3) => cable_name(3),
        (_, n) => overhead_name(wire, n),
    }
}

/// R + jX of a kilometre as the drop of one phase sees it.
fn drop_impedance(code: &LineCode) -> Complex64 {
    let LineCodeData::Matrix { z_ohm, .. } = &code.data else { return Complex64::ZERO };
    if code.n_phases == 3 { z_ohm[0] - (z_ohm[1] + z_ohm[2]) / 2.0 } else { z_ohm[0] }
}

/// Chooses all sizes; sets conductors and devices of the plan's poles.
pub fn size(plan: &mut Plan, climate: &Climate, random: &mut Random) -> Sizes {
    let ((peak_hour, peak_kw), (least_hour, _)) = extreme_hours(plan, climate);
    let v_ln = plan.site.kv * 1000.0 / 3f64.sqrt();
    let flows = downstream(plan, loads(plan, climate, peak_hour));
    let amps: Vec<f64> = flows.iter().map(|s| s.iter().map(|s| s.norm() * 1000.0 / v_ln).fold(0.0, f64::max)).collect();

    let thinnest_trunk = match plan.site.area {
        Area::Urban => 4,
        Area::Suburban => 4,
        Area::Rural => 3,
    };
    let head_amps = amps[0];
    for (pole, &a) in plan.poles.iter_mut().zip(&amps) {
        let least = match (pole.trunk, n_phases(pole.phases)) {
            // The far end of a trunk is thinner than its head.
            (true, _) if a < 0.2 * head_amps => thinnest_trunk - 1,
            (true, _) => thinnest_trunk,
            (false, 3) => 2,
            (false, _) => usize::from(plan.site.area != Area::Rural),
        };
        let needed = PRIMARY.iter().position(|w| 0.6 * w.rating_a >= a).unwrap_or(PRIMARY.len() - 1);
        pole.wire = needed.max(least);
    }

    let banks = banks(plan, &flows, &loads(plan, climate, least_hour), random);
    let plants = plants(plan, peak_kw, random);
    place_switchgear(plan, &flows);
    let regulator_kva = place_regulators(plan, climate, peak_hour, &banks, v_ln);
    let head = total(&flows[0]);
    let substation_kva = rating_for(&SUBSTATION_KVA, head.norm() * 1.05 / random.between(0.55, 0.9));
    Sizes { substation_kva, banks, plants, regulator_kva, amps, peak_kw, peak_hour }
}

/// Trunk poles of three phases, from the head on, by what flows into them.
fn trunk(plan: &Plan) -> impl Iterator<Item = usize> + '_ {
    (1..plan.poles.len()).filter(|&i| plan.poles[i].trunk && plan.poles[i].phases == ABC)
}

fn banks(plan: &Plan, at_peak: &[Power], at_least: &[Power], random: &mut Random) -> Vec<Bank> {
    let q_peak = total(&at_peak[0]).im;
    let q_least: f64 = at_least.iter().map(|s| total(s).im).sum();
    let wanted = 0.75 * q_peak;
    if wanted < CAPACITOR_KVAR[0] {
        return Vec::new();
    }
    let n = ((wanted / 700.0).ceil() as usize).clamp(1, 4);
    // Rounded down: the feeder stays a little inductive.
    let kvar = CAPACITOR_KVAR.iter().copied().rev().find(|&k| k <= wanted / n as f64).unwrap_or(CAPACITOR_KVAR[0]);
    let mut banks: Vec<Bank> = Vec::new();
    for k in 1..=n {
        let aim = q_peak * k as f64 / (n as f64 + 1.0);
        let distance = |i: usize| (total(&at_peak[i]).im - aim).abs();
        let free = trunk(plan).filter(|&i| banks.iter().all(|b| b.pole != i));
        let Some(pole) = free.min_by(|&a, &b| distance(a).total_cmp(&distance(b))) else { break };
        let control = if k == 1 && kvar <= q_least {
            None
        } else {
            Some(random.weighted(&[
                (0.5, CapacitorControlType::Kvar),
                (0.25, CapacitorControlType::Voltage),
                (0.25, CapacitorControlType::Time),
            ]))
        };
        banks.push(Bank { pole, kvar, control });
    }
    banks
}

fn plants(plan: &Plan, peak_kw: f64, random: &mut Random) -> Vec<Plant> {
    let likely = plan.site.area != Area::Urban && plan.site.kv > 5.0 && random.chance(0.08);
    let poles: Vec<usize> = trunk(plan).collect();
    if !likely || poles.is_empty() {
        return Vec::new();
    }
    let pole = poles[random.whole(poles.len() as i32 / 2, poles.len() as i32 - 1) as usize];
    let kw = (random.between(0.15, 0.5) * peak_kw / 50.0).round() * 50.0;
    if kw < 100.0 { Vec::new() } else { vec![Plant { pole, kw: kw.min(1400.0) }] }
}

/// A recloser where half of a long trunk's load lies beyond, switches at a third and two thirds of its poles.
fn place_switchgear(plan: &mut Plan, flows: &[Power]) {
    let poles: Vec<usize> = trunk(plan).collect();
    let length_km: f64 = poles.iter().map(|&i| plan.poles[i].length_km).sum();
    let head_kw = total(&flows[0]).re;
    if plan.site.area != Area::Urban && length_km > 3.0 {
        let beyond = |i: usize| (total(&flows[i]).re / head_kw - 0.5).abs();
        if let Some(i) = poles.iter().copied().skip(1).min_by(|&a, &b| beyond(a).total_cmp(&beyond(b))) {
            plan.poles[i].device = Device::Recloser;
        }
    }
    for k in [1, 2] {
        let at = poles.len() * k / 3;
        if let Some(&i) = poles.get(at).filter(|_| at > 1)
            && plan.poles[i].device == Device::None
        {
            plan.poles[i].device = Device::Switch;
        }
    }
}

/// Estimated voltages from the head on; sets regulators, gives their sizes.
fn place_regulators(plan: &mut Plan, climate: &Climate, peak_hour: usize, banks: &[Bank], v_ln: f64) -> Vec<(usize, f64)> {
    let codes = line_codes();
    let mut own = loads(plan, climate, peak_hour);
    for bank in banks {
        add(&mut own[bank.pole], ABC, Complex64::new(0.0, -bank.kvar));
    }
    let flows = downstream(plan, own);
    let drops: Vec<[f64; 3]> = (0..plan.poles.len())
        .map(|i| {
            let z = code_of(&codes, plan, i).map_or(Complex64::ZERO, drop_impedance) * plan.poles[i].length_km;
            flows[i].map(|s| 1000.0 * (s.re * z.re + s.im * z.im) / (v_ln * v_ln))
        })
        .collect();
    // Greatest drop from a pole to anything that hangs on it.
    let mut beyond = vec![[0.0f64; 3]; plan.poles.len()];
    for i in (1..plan.poles.len()).rev() {
        if let Some(parent) = plan.poles[i].parent {
            for p in (0..3).filter(|p| plan.poles[i].phases & (1 << p) != 0) {
                beyond[parent][p] = beyond[parent][p].max(beyond[i][p] + drops[i][p]);
            }
        }
    }
    let mut v = vec![[TARGET_PU; 3]; plan.poles.len()];
    let mut in_series = vec![0; plan.poles.len()];
    let mut placed = Vec::new();
    for i in 1..plan.poles.len() {
        let Some(parent) = plan.poles[i].parent else { continue };
        let mut before = v[parent];
        in_series[i] = in_series[parent];
        let pole = &plan.poles[i];
        let three = pole.phases == ABC && pole.trunk && pole.device == Device::None;
        let lowest_here = (0..3).map(|p| before[p] - drops[i][p]).fold(f64::INFINITY, f64::min);
        let lowest = (0..3).map(|p| before[p] - drops[i][p] - beyond[i][p]).fold(f64::INFINITY, f64::min);
        if three && lowest_here < TRUNK_BELOW_PU && lowest < REGULATE_BELOW_PU && in_series[i] < REGULATORS_IN_SERIES {
            plan.poles[i].device = Device::Regulator;
            before = [TARGET_PU; 3];
            in_series[i] += 1;
            let unit_kva = flows[i].iter().map(|s| s.norm()).fold(0.0, f64::max);
            let rating = rating_for(&[50.0, 100.0, 167.0, 250.0, 333.0, 500.0, 667.0, 1000.0, 1667.0, 2500.0, 4000.0], 1.5 * unit_kva);
            placed.push((i, rating));
        }
        for p in 0..3 {
            v[i][p] = before[p] - drops[i][p];
        }
    }
    placed
}
