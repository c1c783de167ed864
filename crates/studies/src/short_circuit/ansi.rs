//! Short-circuit currents by ANSI/IEEE C37.010 (above 1 kV) and C37.13 (low voltage): E/Z with X/R from separate networks.
//!
//! Two networks of the same grid, with other machine reactances:
//!
//! ```text
//! multiplier of X''                                  first cycle   interrupting
//! utility, turbine generators, condensers                1.0           1.0
//! synchronous motors                                     1.0           1.5
//! induction motors above 1000 hp (up to 1800 rpm)
//!   or above 250 hp at 3600 rpm                          1.0           1.5
//! other induction motors from 50 hp                      1.2           3.0
//! below 50 hp                                            1.67          left out
//! ```
//!
//! (hydro machines without damper windings: 0.75 Xd' is given for `xdpp_pu`). Resistances take the same multiplier. `I = E/|Z|` of the complex
//! network; X/R is the reactance of the network of reactances alone over the resistance of that of resistances alone, as C37.010 asks; it lies
//! above X/R of Z. An element without resistance has a millionth of its reactance, since without any the network of resistances has a short.
//!
//! From X/R:
//!
//! ```text
//! peak       √2 I (1 + exp(-2π τ R/X)),  τ = 0.49 - 0.1 exp(-(X/R)/3);  half-cycle form: τ = 0.5
//! rms        I √(1 + 2 exp(-4π C R/X))   at C cycles
//! total-current basis: the latter at contact parting; symmetrical basis: the same over S, not below 1,
//! S = 1.4 1.3 1.2 1.1 1.0 for contact parting after 1, 1.5, 2, 3, 4 cycles
//! C37.13     peak factor(X/R) over peak factor(test X/R), half-cycle form, not below 1
//! ```
//!
//! Remote and local. The standard has curves with and without ac decay. They could not be had as formulas, and none are made up: the factors above
//! are those without ac decay, for all of the current, which is the upper bound. How much of it is local (generators that bring more than 0.4
//! of what they bring to a fault at their terminals, that is, behind less than 1.5 X'') is told beside it.
//!
//! Source: the public descriptions of C37.010, C37.13 and C37.5; no worked example of the standards could be had. Checked by
//! `cases/short-circuit-ansi`.

use super::answer::{FaultKind, Refused};
use super::assemble::assemble;
use super::case::{Case, Element, Kind, MachineKind, Motor, MotorGroup};
use super::check::check;
use super::grid::{Extreme, Grid, Place, Rules};
use super::iec::{phases, sequences};
use super::matrix::{Net, Series};
use super::nets::{Flows, Partials, Sequences, Voltages, flows, impedance, to_earth};
use network::{Diagnostic, Severity};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};
use std::f64::consts::{PI, SQRT_2};

/// Over what an element without resistance is given one.
const LARGEST_X_R: f64 = 1e6;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnsiOptions {
    /// Ids of faulted buses; all in service when empty.
    pub buses: Vec<String>,
    /// Voltage before the fault, per unit.
    pub prefault_pu: f64,
}

impl Default for AnsiOptions {
    fn default() -> Self {
        Self { buses: Vec::new(), prefault_pu: 1.0 }
    }
}

/// A fault in one of the two networks. Currents in kA, rms symmetrical.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnsiFault {
    pub kind: FaultKind,
    /// E/|Z|.
    pub ik_ka: f64,
    /// E over the reactance of the network of reactances.
    pub e_over_x_ka: f64,
    /// From separate networks.
    pub x_r: f64,
    /// From the complex network, for comparison.
    pub x_r_complex: f64,
    /// Loop impedance, ohm: Z1, or (Z1+Z2+Z0)/3.
    pub z_ohm: Complex64,
    #[serde(skip)]
    pub(super) sequence_ka: Sequences,
    #[serde(skip)]
    pub(super) parts: Vec<(Element, u8, Sequences)>,
}

/// Faults at a bus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnsiBus {
    pub bus: String,
    pub kv: f64,
    pub first_cycle: Vec<AnsiFault>,
    pub interrupting: Vec<AnsiFault>,
    /// Part of the three-phase interrupting current that does not come from local generators, 0 to 1.
    pub remote_part: f64,
    /// Peak of the three-phase first-cycle current with the standard's fitted time, kA.
    pub peak_ka: f64,
    /// The same by the half-cycle form.
    pub peak_half_cycle_ka: f64,
    /// Asymmetrical rms at half a cycle.
    pub asymmetrical_ka: f64,
    /// 1.6 times the first-cycle current: the older momentary duty.
    pub momentary_1_6_ka: f64,
}

/// A study's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnsiStudy {
    pub buses: Vec<AnsiBus>,
    pub findings: Vec<Diagnostic>,
}

/// Peak factor over the rms symmetrical current, half-cycle form.
pub fn peak_factor_half_cycle(x_r: f64) -> f64 {
    SQRT_2 * (1.0 + (-PI / x_r).exp())
}

/// Peak factor with the time of the peak fitted to X/R.
pub fn peak_factor(x_r: f64) -> f64 {
    let tau = 0.49 - 0.1 * (-x_r / 3.0).exp();
    SQRT_2 * (1.0 + (-2.0 * PI * tau / x_r).exp())
}

/// Asymmetrical over symmetrical rms current, `cycles` after the beginning: also the remote factor on a total-current basis.
pub fn asymmetrical_factor(x_r: f64, cycles: f64) -> f64 {
    (1.0 + 2.0 * (-4.0 * PI * cycles / x_r).exp()).sqrt()
}

/// S of a symmetrically rated breaker by its contact parting, cycles; between the standard's times that of the later one, which gives the
/// larger duty.
pub fn asymmetry_rating(cycles: f64) -> f64 {
    [(1.0, 1.4), (1.5, 1.3), (2.0, 1.2), (3.0, 1.1)].into_iter().find(|(c, _)| cycles <= c + 1e-9).map_or(1.0, |(_, s)| s)
}

/// Remote factor for a symmetrically rated breaker.
pub fn symmetrical_factor(x_r: f64, cycles: f64) -> f64 {
    (asymmetrical_factor(x_r, cycles) / asymmetry_rating(cycles)).max(1.0)
}

/// C37.13: multiplying factor of a low-voltage breaker tested at `test_x_r`.
pub fn low_voltage_factor(x_r: f64, test_x_r: f64) -> f64 {
    (peak_factor_half_cycle(x_r) / peak_factor_half_cycle(test_x_r)).max(1.0)
}

/// Row of the table of multipliers, by power and synchronous speed.
pub fn motor_group(m: &Motor, f_hz: f64) -> MotorGroup {
    m.ansi_group.unwrap_or_else(|| {
        let hp = m.mechanical_mw() * 1e3 / 0.745_699_871_582_270_2;
        let rpm = 60.0 * f_hz / f64::from(m.pole_pairs);
        // Two-pole machines at either frequency run above the 1800 rpm of the table's first row.
        let large = if rpm > 1800.0 { 250.0 } else { 1000.0 };
        match () {
            () if hp > large => MotorGroup::Large,
            () if hp >= 50.0 => MotorGroup::Medium,
            () => MotorGroup::Small,
        }
    })
}

/// Multipliers (first cycle, interrupting) of a source; none is left out.
fn multipliers(case: &Case, e: Element) -> (f64, Option<f64>) {
    match e.kind {
        Kind::Generator if case.generators[e.index].kind == MachineKind::SynchronousMotor => (1.0, Some(1.5)),
        Kind::Motor => match motor_group(&case.motors[e.index], case.f_hz.unwrap_or(60.0)) {
            MotorGroup::Large => (1.0, Some(1.5)),
            MotorGroup::Medium => (1.2, Some(3.0)),
            MotorGroup::Small => (1.67, None),
        },
        _ => (1.0, Some(1.0)),
    }
}

/// A grid in one of the two networks, with its factors: complex, reactances, resistances, each in positive and zero sequence.
struct Network {
    grid: Grid,
    nets: [[Net; 2]; 3],
    negative: Net,
}

impl Network {
    fn new(case: &Case, base: &Grid, is_interrupting: bool) -> Result<Self, powerflow::sparse::SparseError> {
        let mut grid = base.clone();
        grid.sources.retain_mut(|s| {
            let (first, later) = multipliers(case, s.positive.element);
            let Some(k) = (if is_interrupting { later } else { Some(first) }) else { return false };
            s.positive.z *= k;
            s.negative *= k;
            s.peak *= k;
            true
        });
        let n = grid.kv.len();
        let part = |z: Complex64, which: usize| match which {
            0 => z,
            1 => Complex64::new(z.im, 0.0),
            _ => Complex64::new(z.re.max(z.im.abs() / LARGEST_X_R), 0.0),
        };
        let series = |list: &[super::grid::Branch], which: usize| -> Vec<Series> {
            list.iter().map(|b| Series { a: b.a, b: b.b, ratio: b.ratio, z: part(impedance(b, Place::Network), which) }).collect()
        };
        let positive = |which: usize| {
            let shunts: Vec<_> = grid.sources.iter().map(|s| (s.positive.node, part(s.positive.z, which))).collect();
            Net::new(n, &series(&grid.branches, which), &shunts)
        };
        let zero = |which: usize| {
            let shunts: Vec<_> = grid.zero_shunts.iter().map(|s| (s.node, part(to_earth(s, Place::Network), which))).collect();
            Net::new(n, &series(&grid.zero_branches, which), &shunts)
        };
        let nets = [[positive(0)?, zero(0)?], [positive(1)?, zero(1)?], [positive(2)?, zero(2)?]];
        let shunts: Vec<_> = grid.sources.iter().map(|s| (s.positive.node, s.negative)).collect();
        let negative = Net::new(n, &series(&grid.branches, 0), &shunts)?;
        Ok(Self { nets, negative, grid })
    }

    /// Three-phase and, where there is a path, line-earth fault at a node; none when it is not fed.
    fn faults(&self, node: usize, e: f64) -> Option<(Vec<AnsiFault>, Flows)> {
        let grid = &self.grid;
        let c1 = self.nets[0][0].column(node)?;
        let c2 = self.negative.column(node)?;
        let c0 = self.nets[0][1].column(node);
        let alone = |which: usize, sequence: usize| self.nets[which][sequence].column(node).map(|c| c[node].re);
        let (x1, r1) = (alone(1, 0)?, alone(2, 0)?);
        let (z1, z2, z0) = (c1[node], c2[node], c0.as_ref().map(|c| c[node]));
        let base = grid.base_ka(node);
        let ohm = grid.kv[node] * grid.kv[node];
        let none = vec![Complex64::default(); grid.converters.len()];
        let columns = [Some(&c1), Some(&c2), c0.as_ref()];
        let mut sources = Flows::new();
        let mut make = |kind: FaultKind, z: Complex64, x: f64, r: f64, share: f64| {
            let i = sequences(kind, e, z1, z2, z0);
            let u = std::array::from_fn(|s| columns[s].map(|c| c.iter().map(|z| -z * i[s]).collect::<Vec<_>>()));
            let found = flows(grid, Place::Network, node, Partials::Sources, &Voltages { u, converters: &none });
            let parts =
                found.iter().filter(|(_, (n, _))| *n == node).map(|(&(element, t), (_, i))| (element, t, i.map(|i| i * base))).collect();
            let ik_ka = phases(i)[0].norm() * base;
            if kind == FaultKind::ThreePhase {
                sources = found;
            }
            AnsiFault {
                kind,
                ik_ka,
                e_over_x_ka: e * share / x * base,
                x_r: x / r,
                x_r_complex: z.im / z.re,
                z_ohm: z / share * ohm,
                sequence_ka: i.map(|i| i * base),
                parts,
            }
        };
        let mut all = vec![make(FaultKind::ThreePhase, z1, x1, r1, 1.0)];
        if let (Some(z0), Some(x0), Some(r0)) = (z0, alone(1, 1), alone(2, 1)) {
            // Resistance and reactance of the negative sequence are those of the positive one in the separate networks.
            all.push(make(FaultKind::LineEarth, z1 + z2 + z0, 2.0 * x1 + x0, 2.0 * r1 + r0, 3.0));
        }
        Some((all, sources))
    }
}

/// Three-phase and line-earth faults in both networks.
///
/// # Errors
/// [`Refused`] with every finding, when one is an error, a bus that is asked for does not exist, or impedances resonate.
///
/// # Method and source
/// ANSI/IEEE C37.010, C37.13; see the head of this file. A frequency that the case does not tell is 60 Hz.
pub fn run(case: &Case, options: &AnsiOptions) -> Result<AnsiStudy, Refused> {
    let mut findings = check(case, Extreme::Max);
    for id in options.buses.iter().filter(|id| case.bus_index(id).is_none()) {
        let d = Diagnostic::error("SHORT.BUS.UNKNOWN", format!("bus \"{id}\" does not exist"));
        findings.push(d.hint("correct the name, or add the bus"));
    }
    if case.converters.iter().any(|c| c.in_service) {
        let d = Diagnostic::warning("SHORT.ANSI.CONVERTERS_LEFT_OUT", "converters are left out of the ANSI networks");
        let d = d.detail("C37.010 has no source of limited current; the currents are those of feeders and machines.");
        findings.push(d.hint("study them by IEC 60909-0, or add their current to the result"));
    }
    if findings.iter().any(|d| d.severity == Severity::Error) {
        return Err(Refused { findings });
    }
    let base = assemble(case, Rules::Ansi, true);
    let both = Network::new(case, &base, false).and_then(|first| Ok((first, Network::new(case, &base, true)?)));
    let (first, later) = match both {
        Ok(both) => both,
        Err(why) => {
            let d = Diagnostic::error("SHORT.CASE.SINGULAR", "the network cannot be solved").detail(format!("{why}."));
            findings.push(d.hint("look for impedances that cancel, or that differ by more than ten powers of ten"));
            return Err(Refused { findings });
        }
    };
    let mut buses = Vec::new();
    for (index, bus) in case.buses.iter().enumerate() {
        let asked = options.buses.is_empty() || options.buses.iter().any(|id| id.eq_ignore_ascii_case(&bus.id));
        let (Some(node), true) = (base.node_of[index], asked) else { continue };
        let e = options.prefault_pu;
        let Some((first_cycle, _)) = first.faults(node, e) else {
            let d = Diagnostic::warning("SHORT.BUS.NOT_FED", format!("no source is connected with bus \"{}\"", bus.id));
            findings.push(d.element(format!("bus.{}", bus.id)).hint("no current is told for it: connect it, or take it out of service"));
            continue;
        };
        // Motors that are left out of the interrupting network may have been all there was.
        let (interrupting, sources) = later.faults(node, e).unwrap_or_default();
        let ik = first_cycle[0].ik_ka;
        let x_r = first_cycle[0].x_r;
        let local: f64 = sources
            .iter()
            .filter(|((element, _), _)| is_local_generator(case, *element))
            .map(|((element, _), (_, i))| {
                let at_terminals =
                    later.grid.sources.iter().find(|s| s.positive.element == *element).map_or(f64::INFINITY, |s| e / s.positive.z.norm());
                // Per-unit currents are alike on both sides of transformers but for ratios off nominal, which do not matter for a part that is told only.
                let own = i[0].norm();
                if own > 0.4 * at_terminals { own } else { 0.0 }
            })
            .sum();
        let whole = interrupting.first().map_or(0.0, |f| f.ik_ka) / base.base_ka(node);
        buses.push(AnsiBus {
            bus: bus.id.clone(),
            kv: bus.kv,
            remote_part: if whole > 0.0 { (1.0 - local / whole).clamp(0.0, 1.0) } else { 1.0 },
            peak_ka: peak_factor(x_r) * ik,
            peak_half_cycle_ka: peak_factor_half_cycle(x_r) * ik,
            asymmetrical_ka: asymmetrical_factor(x_r, 0.5) * ik,
            momentary_1_6_ka: 1.6 * ik,
            first_cycle,
            interrupting,
        });
    }
    Ok(AnsiStudy { buses, findings })
}

fn is_local_generator(case: &Case, e: Element) -> bool {
    e.kind == Kind::Generator && case.generators[e.index].kind != MachineKind::SynchronousMotor
}
