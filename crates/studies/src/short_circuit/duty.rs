//! Duty of circuit breakers: what a breaker itself has to make, carry and break, against its ratings.
//!
//! A breaker in series with an element sees two faults: one just behind it on the element, fed by everything else at the bus, and one on the bus,
//! fed by the element alone. The larger of both is its duty, not the current of the whole bus:
//!
//! ```text
//! I(bus side) = | I_fault - I_element |      I(element side) = | I_element |        by phases, the largest
//! ```
//!
//! IEC (60909-0 with 62271-100, 60947-2): breaking current at the breaker's own contact parting time; where each side has its own sources (no way
//! shared) the sides' decayed currents are added, elsewhere, and where converters feed, the initial current stands for it, which is the upper
//! bound. Peak with each side's κ. Asymmetrical breaking current √(Ib² + idc²) against `I √(1 + 2 p²)`, p the rated dc part (exp(-t/45 ms) when not
//! told), above 1 kV only. Thermal current against `Icw √(tcw/Tk)`, no more than Icw where Tk is shorter.
//!
//! ANSI: interrupting network times the remote factor for the breaker's basis; close-and-latch from the first-cycle network; low-voltage breakers
//! by the first-cycle current times the C37.13 factor. See `ansi`.
//!
//! Figures only: what passes is for others to say.

use super::ansi::{self, AnsiOptions, AnsiStudy};
use super::answer::{BusFaults, Fault, FaultKind, Options, Refused, SideCurrents};
use super::case::{Breaker, BreakerStandard, Case, Element};
use super::iec::{self, phases};
use super::nets::{Partials, Sequences};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};
use std::f64::consts::SQRT_2;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Symmetrical breaking or interrupting current, rms.
    Breaking,
    /// With its dc part, rms.
    AsymmetricalBreaking,
    /// Making, or close-and-latch, peak.
    Peak,
    /// Thermal, rms over the duration.
    Thermal,
}

impl Quantity {
    pub fn name(self) -> &'static str {
        match self {
            Self::Breaking => "breaking",
            Self::AsymmetricalBreaking => "asymmetrical breaking",
            Self::Peak => "peak",
            Self::Thermal => "thermal",
        }
    }
}

/// Where the fault is that governs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultSide {
    /// Behind the breaker on its element: the rest of the bus feeds it.
    Element,
    /// On the bus: the element feeds it.
    Bus,
    /// The breaker has no element: the whole current of the bus.
    Whole,
}

impl FaultSide {
    pub fn name(self) -> &'static str {
        match self {
            Self::Element => "on the element",
            Self::Bus => "on the bus",
            Self::Whole => "whole bus",
        }
    }
}

/// A comparison. kA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub quantity: Quantity,
    /// What the breaker has to do, with all factors.
    pub duty_ka: f64,
    pub rating_ka: f64,
    pub duty_pct: f64,
    /// Rating less duty.
    pub margin_ka: f64,
    pub fault: FaultKind,
    pub side: FaultSide,
    /// The factor from the symmetrical current to the duty; 1 for a plain rms current.
    pub factor: f64,
    /// X/R behind `factor`; none where it does not enter.
    pub x_r: Option<f64>,
}

/// A breaker with its comparisons; none where its bus is not fed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Duty {
    pub breaker: String,
    pub bus: String,
    pub element: Option<String>,
    pub standard: BreakerStandard,
    pub rated_kv: f64,
    pub bus_kv: f64,
    pub contact_parting_s: f64,
    pub comparisons: Vec<Comparison>,
}

impl Duty {
    /// The comparison with the largest duty.
    pub fn governing(&self) -> Option<&Comparison> {
        self.comparisons.iter().max_by(|a, b| a.duty_pct.total_cmp(&b.duty_pct))
    }
}

/// A current with where it comes from.
#[derive(Clone, Copy)]
struct Candidate {
    ka: f64,
    fault: FaultKind,
    side: FaultSide,
    factor: f64,
    x_r: Option<f64>,
}

fn keep_largest(best: &mut Option<Candidate>, c: Candidate) {
    if best.is_none_or(|b| c.ka > b.ka) {
        *best = Some(c);
    }
}

fn comparison(quantity: Quantity, best: Option<Candidate>, rating_ka: Option<f64>) -> Option<Comparison> {
    let (c, rating_ka) = (best?, rating_ka?);
    let duty_pct = 100.0 * c.ka / rating_ka;
    let margin_ka = rating_ka - c.ka;
    Some(Comparison { quantity, duty_ka: c.ka, rating_ka, duty_pct, margin_ka, fault: c.fault, side: c.side, factor: c.factor, x_r: c.x_r })
}

fn largest(i: Sequences) -> f64 {
    phases(i).map(Complex64::norm).into_iter().fold(0.0, f64::max)
}

fn less(a: Sequences, b: Sequences) -> Sequences {
    std::array::from_fn(|s| a[s] - b[s])
}

/// Terminal of a breaker's element at its bus.
fn terminal(case: &Case, b: &Breaker) -> Option<(Element, u8)> {
    let e = case.element(b.element.as_deref()?)?;
    let at = case.bus_index(&b.bus)?;
    case.buses_of(e).iter().position(|&x| x == at).map(|t| (e, t as u8))
}

fn empty(case: &Case, b: &Breaker) -> Duty {
    Duty {
        breaker: b.id.clone(),
        bus: b.bus.clone(),
        element: b.element.clone(),
        standard: b.standard,
        rated_kv: b.rated_kv,
        bus_kv: case.bus_index(&b.bus).map_or(f64::NAN, |i| case.buses[i].kv),
        contact_parting_s: b.contact_parting_s,
        comparisons: Vec::new(),
    }
}

/// Duties of all breakers of a case, each by the standard it is rated by, in their order.
///
/// `options` is for IEC breakers; its buses, faults, partial currents and `t_min_s` are chosen here.
///
/// # Errors
/// As [`iec::run`] and [`ansi::run`].
pub fn judge(case: &Case, options: &Options, ansi_options: &AnsiOptions) -> Result<Vec<Duty>, Refused> {
    let mut duties: Vec<Duty> = case.breakers.iter().map(|b| empty(case, b)).collect();
    let is_iec = |b: &Breaker| b.standard == BreakerStandard::Iec;
    let mut times: Vec<f64> = case.breakers.iter().filter(|b| is_iec(b)).map(|b| b.contact_parting_s).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let buses =
        |keep: &dyn Fn(&Breaker) -> bool| -> Vec<String> { case.breakers.iter().filter(|b| keep(b)).map(|b| b.bus.clone()).collect() };
    for t in times {
        let own = |b: &Breaker| is_iec(b) && b.contact_parting_s == t;
        // A breaker that parts at once breaks the initial current.
        let t_min_s = t.max(1e-6);
        let partials = Partials::AtFault;
        let asked = Options { buses: buses(&own), faults: FaultKind::ALL.to_vec(), t_min_s, partials, ..options.clone() };
        let study = iec::run(case, &asked)?;
        for (b, duty) in case.breakers.iter().zip(&mut duties).filter(|(b, _)| own(b)) {
            if let Some(at) = study.buses.iter().find(|f| f.bus.eq_ignore_ascii_case(&b.bus)) {
                duty.comparisons = by_iec(case, b, at, options.t_k_s);
            }
        }
    }
    if case.breakers.iter().any(|b| !is_iec(b)) {
        let asked = AnsiOptions { buses: buses(&|b| !is_iec(b)), ..ansi_options.clone() };
        let study = ansi::run(case, &asked)?;
        for (b, duty) in case.breakers.iter().zip(&mut duties).filter(|(b, _)| !is_iec(b)) {
            duty.comparisons = by_ansi(case, b, &study);
        }
    }
    Ok(duties)
}

/// Initial, breaking and peak current of each side of a breaker for a fault.
fn iec_sides(f: &Fault, at: &BusFaults, own: Option<(Element, u8)>) -> Vec<(FaultSide, f64, f64, f64)> {
    let whole = (FaultSide::Whole, f.ik_ka, f.ib_ka, f.ip_ka);
    let Some(own) = own else { return vec![whole] };
    let part = f.partials.iter().find(|p| (p.element, p.terminal) == own).map_or_else(Sequences::default, |p| p.sequence_ka);
    let (of_element, of_rest) = (largest(part), largest(less(f.sequence_ka, part)));
    let kappa = if f.ik_ka > 0.0 { f.ip_ka / (SQRT_2 * f.ik_ka) } else { 2.0 };
    let plain = |side: FaultSide, ik: f64| (side, ik, ik, kappa * SQRT_2 * ik);
    let (mut element, mut rest) = (plain(FaultSide::Bus, of_element), plain(FaultSide::Element, of_rest));
    let is_alone = at.sides.iter().any(|s| s.elements == [own]);
    if f.kind == FaultKind::ThreePhase && f.of_converters_ka == 0.0 {
        if is_alone && !at.meshed {
            let of = |keep: &dyn Fn(bool) -> bool, what: &dyn Fn(&SideCurrents) -> f64| -> f64 {
                at.sides.iter().filter(|s| keep(s.elements == [own])).map(what).sum()
            };
            element = (FaultSide::Bus, of_element, of(&|own| own, &|s| s.ib_ka), of(&|own| own, &|s| s.ip_ka));
            rest = (FaultSide::Element, of_rest, of(&|own| !own, &|s| s.ib_ka), of(&|own| !own, &|s| s.ip_ka));
        } else if let Some(side) = at.sides.iter().find(|s| s.elements == [own]) {
            // The side of the element is its own also where the others are meshed, and has its own peak.
            element = (FaultSide::Bus, of_element, side.ib_ka, side.ip_ka);
        }
    }
    vec![element, rest]
}

fn by_iec(case: &Case, b: &Breaker, at: &BusFaults, t_k_s: f64) -> Vec<Comparison> {
    let own = terminal(case, b);
    let (mut breaking, mut asymmetrical, mut peak, mut thermal) = (None, None, None, None);
    for f in at.faults.iter().filter(|f| f.ik_ka > 0.0) {
        for (side, ik, ib, ip) in iec_sides(f, at, own) {
            let dc = &f.dc[0];
            let x_r = Some(1.0 / dc.r_x);
            let idc = dc.dc_ka / f.ik_ka * ik;
            let whole = ib.hypot(idc);
            let factor = |x: f64| if ik > 0.0 { x / ik } else { 1.0 };
            let fault = f.kind;
            keep_largest(&mut breaking, Candidate { ka: ib, fault, side, factor: factor(ib), x_r: None });
            keep_largest(&mut asymmetrical, Candidate { ka: whole, fault, side, factor: factor(whole), x_r });
            keep_largest(&mut peak, Candidate { ka: ip, fault, side, factor: factor(ip), x_r: None });
            let ith = (f.m + f.n).sqrt();
            keep_largest(&mut thermal, Candidate { ka: ith * ik, fault, side, factor: ith, x_r: None });
        }
    }
    let p = b.dc_pct.map_or_else(|| (-b.contact_parting_s / 0.045).exp(), |p| p / 100.0);
    let with_dc = (at.kv > 1.0).then(|| b.interrupting_ka * (1.0 + 2.0 * p * p).sqrt());
    let short_time = b.short_time_ka.map(|i| i * (b.short_time_s.unwrap_or(1.0) / t_k_s).sqrt().min(1.0));
    let all = [
        comparison(Quantity::Breaking, breaking, Some(b.interrupting_ka)),
        comparison(Quantity::AsymmetricalBreaking, asymmetrical, with_dc),
        comparison(Quantity::Peak, peak, b.peak_ka),
        comparison(Quantity::Thermal, thermal, short_time),
    ];
    all.into_iter().flatten().collect()
}

/// X/R at which a low-voltage power circuit breaker is tested (15 % power factor).
const TEST_X_R: f64 = 6.59;

fn by_ansi(case: &Case, b: &Breaker, study: &AnsiStudy) -> Vec<Comparison> {
    let Some(at) = study.buses.iter().find(|x| x.bus.eq_ignore_ascii_case(&b.bus)) else { return Vec::new() };
    let own = terminal(case, b);
    let cycles = b.contact_parting_s * case.f_hz.unwrap_or(60.0);
    let low = b.standard == BreakerStandard::AnsiLowVoltage;
    let mut breaking = None;
    let mut peak = None;
    let sides = |f: &ansi::AnsiFault| -> Vec<(FaultSide, f64)> {
        let Some(own) = own else { return vec![(FaultSide::Whole, f.ik_ka)] };
        let part = f.parts.iter().find(|(e, t, _)| (*e, *t) == own).map_or_else(Sequences::default, |(_, _, i)| *i);
        vec![(FaultSide::Bus, largest(part)), (FaultSide::Element, largest(less(f.sequence_ka, part)))]
    };
    for f in if low { &at.first_cycle } else { &at.interrupting } {
        let factor = match b.standard {
            BreakerStandard::AnsiLowVoltage => ansi::low_voltage_factor(f.x_r, b.test_x_r.unwrap_or(TEST_X_R)),
            BreakerStandard::AnsiTotal => ansi::asymmetrical_factor(f.x_r, cycles),
            _ => ansi::symmetrical_factor(f.x_r, cycles),
        };
        for (side, ka) in sides(f) {
            keep_largest(&mut breaking, Candidate { ka: ka * factor, fault: f.kind, side, factor, x_r: Some(f.x_r) });
        }
    }
    for f in &at.first_cycle {
        let factor = ansi::peak_factor(f.x_r);
        for (side, ka) in sides(f) {
            keep_largest(&mut peak, Candidate { ka: ka * factor, fault: f.kind, side, factor, x_r: Some(f.x_r) });
        }
    }
    let all = [comparison(Quantity::Breaking, breaking, Some(b.interrupting_ka)), comparison(Quantity::Peak, peak, b.peak_ka)];
    all.into_iter().flatten().collect()
}
