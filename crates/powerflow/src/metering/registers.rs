//! Registers of an energy meter: their names, and how a step is added to them.
//!
//! Let `x` be a power that lasts for a step of `h` hours. A register of energy grows by
//!
//! ```text
//! h x              the power holds for the step (default)
//! h (x + x') / 2   trapezoidal, x' the power of the step before; the first step after a reset adds nothing
//! ```
//!
//! and a register of demand keeps the largest `x` it was shown. The order of the registers, their names and both rules are OpenDSS's
//! (class `EnergyMeter`).

use serde::{Deserialize, Serialize};

/// Voltage bases that a meter tells apart.
pub(super) const N_BASES: usize = 7;
/// Registers that every meter has by the same name.
const N_COMMON: usize = 32;
/// Kinds of registers by voltage base.
const N_BY_BASE: usize = 5;
/// Registers of an energy meter.
pub const N_REGISTERS: usize = N_COMMON + N_BY_BASE * N_BASES;

pub(super) const KWH: usize = 0;
pub(super) const KVARH: usize = 1;
pub(super) const MAX_KW: usize = 2;
pub(super) const MAX_KVA: usize = 3;
pub(super) const ZONE_KWH: usize = 4;
pub(super) const ZONE_KVARH: usize = 5;
pub(super) const ZONE_MAX_KW: usize = 6;
pub(super) const ZONE_MAX_KVA: usize = 7;
pub(super) const OVERLOAD_NORMAL: usize = 8;
pub(super) const OVERLOAD_EMERGENCY: usize = 9;
pub(super) const LOAD_EEN: usize = 10;
pub(super) const LOAD_UE: usize = 11;
pub(super) const LOSSES_KWH: usize = 12;
pub(super) const LOSSES_KVARH: usize = 13;
pub(super) const LOSSES_MAX_KW: usize = 14;
pub(super) const LOSSES_MAX_KVAR: usize = 15;
pub(super) const LOAD_LOSSES_KWH: usize = 16;
pub(super) const LOAD_LOSSES_KVARH: usize = 17;
pub(super) const NO_LOAD_LOSSES_KWH: usize = 18;
pub(super) const NO_LOAD_LOSSES_KVARH: usize = 19;
pub(super) const MAX_LOAD_LOSSES: usize = 20;
pub(super) const MAX_NO_LOAD_LOSSES: usize = 21;
pub(super) const LINE_LOSSES: usize = 22;
pub(super) const TRANSFORMER_LOSSES: usize = 23;
pub(super) const LINE_MODE_LOSSES: usize = 24;
pub(super) const ZERO_MODE_LOSSES: usize = 25;
pub(super) const THREE_PHASE_LOSSES: usize = 26;
pub(super) const FEWER_PHASE_LOSSES: usize = 27;
pub(super) const GEN_KWH: usize = 28;
pub(super) const GEN_KVARH: usize = 29;
pub(super) const GEN_MAX_KW: usize = 30;
pub(super) const GEN_MAX_KVA: usize = 31;
/// First of the groups by voltage base: losses, line losses, load losses and no-load losses of transformers, load.
pub(super) const BASE_LOSSES: usize = N_COMMON;
pub(super) const BASE_LINE_LOSSES: usize = BASE_LOSSES + N_BASES;
pub(super) const BASE_LOAD_LOSSES: usize = BASE_LINE_LOSSES + N_BASES;
pub(super) const BASE_NO_LOAD_LOSSES: usize = BASE_LOAD_LOSSES + N_BASES;
pub(super) const BASE_LOAD: usize = BASE_NO_LOAD_LOSSES + N_BASES;

const COMMON_NAMES: [&str; N_COMMON] = [
    "kWh",
    "kvarh",
    "Max kW",
    "Max kVA",
    "Zone kWh",
    "Zone kvarh",
    "Zone Max kW",
    "Zone Max kVA",
    "Overload kWh Normal",
    "Overload kWh Emerg",
    "Load EEN",
    "Load UE",
    "Zone Losses kWh",
    "Zone Losses kvarh",
    "Zone Max kW Losses",
    "Zone Max kvar Losses",
    "Load Losses kWh",
    "Load Losses kvarh",
    "No Load Losses kWh",
    "No Load Losses kvarh",
    "Max kW Load Losses",
    "Max kW No Load Losses",
    "Line Losses",
    "Transformer Losses",
    "Line Mode Line Losses",
    "Zero Mode Line Losses",
    "3-phase Line Losses",
    "1- and 2-phase Line Losses",
    "Gen kWh",
    "Gen kvarh",
    "Gen Max kW",
    "Gen Max kVA",
];

const BY_BASE_NAMES: [&str; N_BY_BASE] = ["Losses", "Line Loss", "Load Loss", "No Load Loss", "Load Energy"];

/// Registers that keep a maximum rather than a sum.
const fn is_maximum(register: usize) -> bool {
    matches!(
        register,
        MAX_KW
            | MAX_KVA
            | ZONE_MAX_KW
            | ZONE_MAX_KVA
            | LOSSES_MAX_KW
            | LOSSES_MAX_KVAR
            | MAX_LOAD_LOSSES
            | MAX_NO_LOAD_LOSSES
            | GEN_MAX_KW
            | GEN_MAX_KVA
    )
}

/// Names of the registers of a meter whose zone has these line-to-neutral voltage bases, kV, in the order of the registers.
///
/// A base is named by its line-to-line voltage in three digits; registers without a base are called `Aux`, numbered base by base.
pub(super) fn names(bases_kv_ln: &[f64]) -> Vec<String> {
    let mut names: Vec<String> = COMMON_NAMES.iter().map(|n| (*n).to_owned()).collect();
    for (kind, name) in BY_BASE_NAMES.iter().enumerate() {
        names.extend((0..N_BASES).map(|base| match bases_kv_ln.get(base) {
            Some(kv) => format!("{} kV {name}", three_digits(kv * 3f64.sqrt())),
            None => format!("Aux{}", (base - bases_kv_ln.len()) * N_BY_BASE + kind + 1),
        }));
    }
    names
}

/// A positive number in three significant digits, without trailing zeros.
fn three_digits(value: f64) -> String {
    let exponent: i32 = format!("{value:.2e}").split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    let text = format!("{value:.*}", usize::try_from(2 - exponent).unwrap_or(0));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// What one meter has counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registers {
    values: Vec<f64>,
    /// Powers of the first and of the last step since the reset, for the trapezoidal rule.
    first: Vec<f64>,
    last: Vec<f64>,
    steps: u64,
}

impl Default for Registers {
    fn default() -> Self {
        let mut values = vec![0.0; N_REGISTERS];
        (0..N_REGISTERS).filter(|&r| is_maximum(r)).for_each(|r| values[r] = LEAST);
        Self { values, first: vec![0.0; N_REGISTERS], last: vec![0.0; N_REGISTERS], steps: 0 }
    }
}

/// A maximum that was shown nothing.
const LEAST: f64 = -1e50;

impl Registers {
    /// Takes in one step of `hours`: `step` holds the power, kW, of every register of energy and the candidate of every maximum.
    pub(super) fn add(&mut self, step: &[f64; N_REGISTERS], hours: f64, trapezoidal: bool) {
        for (register, &x) in step.iter().enumerate() {
            let value = &mut self.values[register];
            if is_maximum(register) {
                *value = if x > *value { x } else { *value };
            } else if !trapezoidal {
                *value += hours * x;
            } else if self.steps > 0 {
                *value += 0.5 * hours * (x + self.last[register]);
            }
        }
        if self.steps == 0 {
            self.first.copy_from_slice(step);
        }
        self.last.copy_from_slice(step);
        self.steps += 1;
    }

    /// Goes on with what was counted of later steps: of a run in blocks, as if it had been one.
    ///
    /// `hours` is the length of the first of the later steps.
    pub fn append(&mut self, later: &Self, hours: f64, trapezoidal: bool) {
        if later.steps == 0 {
            return;
        }
        if self.steps == 0 {
            self.clone_from(later);
            return;
        }
        for register in 0..N_REGISTERS {
            let x = later.values[register];
            if is_maximum(register) {
                self.values[register] = self.values[register].max(x);
            } else {
                let between = if trapezoidal { 0.5 * hours * (self.last[register] + later.first[register]) } else { 0.0 };
                self.values[register] += x + between;
            }
        }
        self.last.copy_from_slice(&later.last);
        self.steps += later.steps;
    }

    /// Values in the order of the registers: kWh, kvarh, kW, kvar or kVA as the name says; a maximum of no step is 0.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.values.iter().map(|&v| if v == LEAST { 0.0 } else { v })
    }

    /// Steps that were counted.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_named_in_three_digits_and_the_rest_is_auxiliary() {
        let names = names(&[115.0 / 3f64.sqrt(), 12.47 / 3f64.sqrt(), 0.24 / 3f64.sqrt()]);
        assert_eq!(names.len(), N_REGISTERS);
        let shown = ["115 kV Losses", "12.5 kV Losses", "0.24 kV Losses", "Aux1", "Aux6", "Aux11", "Aux16", "115 kV Line Loss"];
        assert_eq!(names[32..40], shown);
        assert_eq!(names[66], "Aux20");
        assert_eq!(names[61], "12.5 kV Load Energy");
    }

    #[test]
    fn digits_of_odd_bases() {
        let shown: Vec<_> = [0.208, 4.16, 34.5, 230.0, 0.9999, 1200.0].into_iter().map(three_digits).collect();
        assert_eq!(shown, ["0.208", "4.16", "34.5", "230", "1", "1200"]);
    }

    fn step(kw: f64) -> [f64; N_REGISTERS] {
        let mut step = [0.0; N_REGISTERS];
        (step[KWH], step[MAX_KW]) = (kw, kw);
        step
    }

    #[test]
    fn a_power_holds_for_its_step_or_is_joined_by_a_line() {
        let (mut held, mut joined) = (Registers::default(), Registers::default());
        for kw in [4.0, 10.0, -2.0] {
            held.add(&step(kw), 0.5, false);
            joined.add(&step(kw), 0.5, true);
        }
        assert_eq!(held.values[KWH], 6.0);
        assert_eq!(joined.values[KWH], 0.25 * (14.0 + 8.0));
        assert_eq!(held.values[MAX_KW], 10.0);
    }

    #[test]
    fn blocks_joined_are_the_whole() {
        let powers = [4.0, 10.0, -2.0, 3.0, 8.0];
        for trapezoidal in [false, true] {
            let run = |powers: &[f64]| {
                let mut r = Registers::default();
                powers.iter().for_each(|&kw| r.add(&step(kw), 0.5, trapezoidal));
                r
            };
            for cut in 0..=powers.len() {
                let mut joined = run(&powers[..cut]);
                joined.append(&run(&powers[cut..]), 0.5, trapezoidal);
                assert_eq!(joined, run(&powers), "cut before step {cut}");
            }
        }
    }

    #[test]
    fn a_maximum_of_no_step_is_shown_as_nothing() {
        assert!(Registers::default().values().all(|v| v == 0.0));
    }
}
