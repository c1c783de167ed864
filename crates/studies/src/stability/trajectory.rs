//! Trajectories: what was sampled, and tables of it.
//!
//! The angle that machines are told against is that of the centre of inertia of their island, `δ_COI = Σ H_i S_i δ_i / Σ H_i S_i`, and its frequency
//! `f_0 (1 + Σ H_i S_i Δω_i / Σ H_i S_i)`; an infinite bus, where there is one, is that centre. The frequency of a bus is the rate of its voltage's angle
//! between samples, through a lag of 50 ms; across an event, where the angle jumps, it is kept.

use super::prepare::Study;
use crate::table::{Column, Table, Value, number, text};
use num_complex::Complex64;
use std::f64::consts::{PI, TAU};

/// Lag of the measured frequency of a bus, s.
const FREQUENCY_LAG_S: f64 = 0.05;
/// A bus below this voltage has no frequency, per unit.
const V_MEASURABLE_PU: f64 = 0.05;

/// A machine at a moment: radians, per unit on its base, MVA.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MachineSample {
    pub angle: f64,
    pub speed: f64,
    pub e_q: f64,
    pub efd: f64,
    pub mechanical: f64,
    pub electrical: f64,
    pub power: Complex64,
    pub island: u32,
}

/// A moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub t_s: f64,
    /// The same moment as the sample before, after an event.
    pub after_event: bool,
    /// None: tripped.
    pub machines: Vec<Option<MachineSample>>,
    pub buses: Vec<Option<Complex64>>,
}

/// What was sampled.
#[derive(Clone, Debug)]
pub struct Trajectories {
    frequency_hz: f64,
    machines: Vec<String>,
    /// Inertia in MW s; infinite for an infinite bus.
    inertia: Vec<f64>,
    buses: Vec<String>,
    pub(super) samples: Vec<Sample>,
}

/// Columns of the table of machines.
pub const MACHINE_COLUMNS: &[Column] = &[
    number("t_s", "s", "time from the start; the moment of an event stands twice, before and after it"),
    text("machine", "machine"),
    number("angle_deg", "deg", "rotor angle in the frame that turns with the nominal frequency"),
    number("angle_coi_deg", "deg", "rotor angle against the centre of inertia of its island"),
    number("speed_pu", "pu", "speed of the rotor"),
    number("e_q_pu", "pu", "transient electromotive force of the quadrature axis; the constant one of a classical machine"),
    number("efd_pu", "pu", "field voltage"),
    number("pm_pu", "pu", "mechanical torque on the machine's base"),
    number("pe_pu", "pu", "electrical torque on the machine's base, armature losses included"),
    number("p_mw", "MW", "active power at the terminals"),
    number("q_mvar", "Mvar", "reactive power at the terminals"),
];

/// Columns of the table of buses.
pub const BUS_COLUMNS: &[Column] = &[
    number("t_s", "s", "time from the start; the moment of an event stands twice, before and after it"),
    text("bus", "bus"),
    number("v_pu", "pu", "voltage, positive sequence"),
    number("angle_deg", "deg", "angle in the frame that turns with the nominal frequency"),
    number("frequency_hz", "Hz", "frequency of the voltage, through a lag of 50 ms; empty below 0.05 per unit of voltage"),
];

/// Columns of the table of the system.
pub const SYSTEM_COLUMNS: &[Column] = &[
    number("t_s", "s", "time from the start; the moment of an event stands twice, before and after it"),
    number("frequency_hz", "Hz", "frequency of the centre of inertia of the island with most inertia"),
    number("angle_spread_deg", "deg", "largest difference of two machines' angles in one island"),
];

/// Centre of inertia of one island at a moment.
struct Centre {
    angle: f64,
    speed: f64,
    inertia: f64,
}

impl Trajectories {
    pub(super) fn new(study: &Study) -> Self {
        let inertia = |u: &super::unit::Unit| if u.machine.is_infinite() { f64::INFINITY } else { u.machine.h_s() * u.base_mva };
        Self {
            frequency_hz: study.frequency_hz,
            machines: study.machines().map(str::to_owned).collect(),
            inertia: study.units.iter().map(|(u, _)| inertia(u)).collect(),
            buses: study.network.buses.iter().map(|b| b.name.clone()).collect(),
            samples: Vec::new(),
        }
    }

    /// Moments sampled, s; that of an event stands twice.
    pub fn times_s(&self) -> impl Iterator<Item = f64> {
        self.samples.iter().map(|s| s.t_s)
    }

    /// Names of the machines.
    pub fn machines(&self) -> &[String] {
        &self.machines
    }

    fn centre(&self, sample: &Sample, island: u32) -> Centre {
        let mut sum = Centre { angle: 0.0, speed: 0.0, inertia: 0.0 };
        for (m, &inertia) in sample.machines.iter().zip(&self.inertia) {
            let Some(m) = m.filter(|m| m.island == island) else { continue };
            if inertia == f64::INFINITY {
                return Centre { angle: m.angle, speed: m.speed, inertia };
            }
            sum.angle += inertia * m.angle;
            sum.speed += inertia * m.speed;
            sum.inertia += inertia;
        }
        Centre { angle: sum.angle / sum.inertia, speed: sum.speed / sum.inertia, inertia: sum.inertia }
    }

    /// Rotor angle against the centre of inertia, radians, of machine `k` at every moment: none after it was tripped.
    pub(super) fn swing(&self, k: usize) -> Vec<(f64, Option<f64>)> {
        let at = |s: &Sample| (s.t_s, s.machines[k].map(|m| m.angle - self.centre(s, m.island).angle));
        self.samples.iter().map(at).collect()
    }

    /// Machines through time; columns [`MACHINE_COLUMNS`].
    pub fn machine_table(&self) -> Table {
        let mut rows = Vec::with_capacity(self.samples.len() * self.machines.len());
        for s in &self.samples {
            for (name, m) in self.machines.iter().zip(&s.machines) {
                let Some(m) = m else { continue };
                let centre = self.centre(s, m.island);
                rows.push(vec![
                    Value::Number(s.t_s),
                    Value::text(name),
                    Value::maybe(Some(m.angle.to_degrees())),
                    Value::maybe(Some((m.angle - centre.angle).to_degrees())),
                    Value::maybe(Some(1.0 + m.speed)),
                    Value::maybe(Some(m.e_q)),
                    Value::maybe(Some(m.efd)),
                    Value::maybe(Some(m.mechanical)),
                    Value::maybe(Some(m.electrical)),
                    Value::maybe(Some(m.power.re)),
                    Value::maybe(Some(m.power.im)),
                ]);
            }
        }
        Table { name: "stability_machines", meaning: "machines through time", columns: MACHINE_COLUMNS, rows }
    }

    /// Buses through time; columns [`BUS_COLUMNS`].
    pub fn bus_table(&self) -> Table {
        let mut rows = Vec::new();
        let mut deviation = vec![0.0f64; self.buses.len()];
        for (i, s) in self.samples.iter().enumerate() {
            let last = i.checked_sub(1).map(|i| &self.samples[i]);
            for (k, (name, v)) in self.buses.iter().zip(&s.buses).enumerate() {
                let Some(v) = v else { continue };
                let mut frequency = None;
                if v.norm() >= V_MEASURABLE_PU {
                    let before = last.filter(|l| !s.after_event && l.t_s < s.t_s).and_then(|l| Some((l.t_s, l.buses[k]?)));
                    if let Some((t, before)) = before.filter(|b| b.1.norm() >= V_MEASURABLE_PU) {
                        let dt = s.t_s - t;
                        let turned = (v.arg() - before.arg() + PI).rem_euclid(TAU) - PI;
                        deviation[k] += (1.0 - (-dt / FREQUENCY_LAG_S).exp()) * (turned / (TAU * dt) - deviation[k]);
                    }
                    frequency = Some(self.frequency_hz + deviation[k]);
                }
                rows.push(vec![
                    Value::Number(s.t_s),
                    Value::text(name),
                    Value::maybe(Some(v.norm())),
                    Value::maybe(Some(v.arg().to_degrees())),
                    Value::maybe(frequency),
                ]);
            }
        }
        Table { name: "stability_buses", meaning: "buses through time", columns: BUS_COLUMNS, rows }
    }

    /// The system through time; columns [`SYSTEM_COLUMNS`].
    pub fn system_table(&self) -> Table {
        let row = |s: &Sample| {
            let mut islands: Vec<u32> = s.machines.iter().flatten().map(|m| m.island).collect();
            islands.sort_unstable();
            islands.dedup();
            let largest = islands.iter().map(|&i| self.centre(s, i)).max_by(|a, b| a.inertia.total_cmp(&b.inertia));
            let spread = islands.iter().map(|&i| {
                let angles = s.machines.iter().flatten().filter(|m| m.island == i).map(|m| m.angle);
                let (low, high) = angles.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), a| (l.min(a), h.max(a)));
                high - low
            });
            vec![
                Value::Number(s.t_s),
                Value::maybe(largest.map(|c| self.frequency_hz * (1.0 + c.speed))),
                Value::maybe(spread.reduce(f64::max).map(f64::to_degrees)),
            ]
        };
        Table {
            name: "stability_system",
            meaning: "the system through time",
            columns: SYSTEM_COLUMNS,
            rows: self.samples.iter().map(row).collect(),
        }
    }
}
