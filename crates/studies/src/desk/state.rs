//! What was tried on a feeder: plain data upon the model, and the smallest changes of it.

use network::flexibility::Program;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that differs from the model. Names are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeskState {
    /// By name of the load.
    pub loads: BTreeMap<String, LoadSetting>,
    /// By name.
    pub generators: BTreeMap<String, PlacedGenerator>,
    /// By `bus/name`.
    pub devices: BTreeMap<String, PlacedDevice>,
    pub programs: BTreeMap<u32, Registered>,
    /// What a program left of the demand at a bus, by `program/bus`.
    pub programmed: BTreeMap<String, Share>,
    /// What automatic management left of the demand in a neighbourhood, by its number.
    pub managed: BTreeMap<u32, Share>,
    /// Largest number that a program ever had: numbers are not given twice.
    pub last_program: u32,
}

/// A load that was set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadSetting {
    /// In place of what the model says, kW and kvar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<(f64, f64)>,
    /// Multiplies both.
    pub factor: f64,
}

/// A generator that was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlacedGenerator {
    pub bus: String,
    /// Conductors at the bus.
    pub nodes: Vec<u32>,
    /// Rated voltage, kV: line to line, or to neutral of one phase.
    pub kv: f64,
    pub kw: f64,
    pub kvar: f64,
    pub model: u32,
    pub v_min_pu: f64,
    pub v_max_pu: f64,
    /// Transformer through which it is connected, where its voltage is not that of the bus, kVA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transformer_kva: Option<f64>,
    /// What automatic management lets it deliver, of 1.
    pub share: f64,
}

/// A device that was added: a load of constant power.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlacedDevice {
    pub bus: String,
    /// As it was given.
    pub name: String,
    pub nodes: Vec<u32>,
    pub kv: f64,
    pub kw: f64,
    pub kvar: f64,
}

/// A program with its rules and those who are in it. On a desk `min_power_kw` and `target_pf` are always given: what is drawn above the first
/// is curtailed to it, and a bus is brought up to the second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// Beside the other keys: so journals had `name` and the two rules before there were more.
    #[serde(flatten)]
    pub rules: Program,
    /// RFC 3339.
    pub registered_at: String,
    pub buses: BTreeSet<String>,
}

impl Registered {
    /// Power that it leaves to a bus, kW.
    pub fn min_power_kw(&self) -> f64 {
        self.rules.min_power_kw.unwrap_or(f64::INFINITY)
    }

    /// Power factor that it brings a bus up to.
    pub fn target_pf(&self) -> f64 {
        self.rules.target_pf.unwrap_or(f64::MIN_POSITIVE)
    }
}

/// What is left of a demand.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    pub p: f64,
    pub q: f64,
}

impl Share {
    pub const WHOLE: Self = Self { p: 1.0, q: 1.0 };

    pub fn times(self, other: Self) -> Self {
        Self { p: self.p * other.p, q: self.q * other.q }
    }

    /// The smaller of each.
    pub fn least(self, other: Self) -> Self {
        Self { p: self.p.min(other.p), q: self.q.min(other.q) }
    }
}

/// Key of a device.
pub fn device_key(bus: &str, name: &str) -> String {
    format!("{bus}/{}", name.to_lowercase())
}

/// Key of what a program left at a bus.
pub fn programmed_key(program: u32, bus: &str) -> String {
    format!("{program}/{bus}")
}

macro_rules! changes {
    ($($(#[$doc:meta])* $kind:ident: $map:ident, $key:ty, $value:ty;)*) => {
        /// One entry of the state that came, went or became another: it can be taken back.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "of", rename_all = "snake_case")]
        pub enum Change {
            $($(#[$doc])* $kind {
                key: $key,
                #[serde(default, skip_serializing_if = "Option::is_none")]
                before: Option<$value>,
                #[serde(default, skip_serializing_if = "Option::is_none")]
                after: Option<$value>,
            },)*
        }

        impl Change {
            /// The change that takes this one back.
            #[must_use]
            pub fn inverse(&self) -> Self {
                match self {
                    $(Self::$kind { key, before, after } => Self::$kind { key: key.clone(), before: after.clone(), after: before.clone() },)*
                }
            }
        }

        impl DeskState {
            pub fn apply(&mut self, change: &Change) {
                match change {
                    $(Change::$kind { key, after, .. } => {
                        match after {
                            Some(value) => self.$map.insert(key.clone(), value.clone()),
                            None => self.$map.remove(key),
                        };
                    })*
                }
                self.last_program = self.programs.keys().last().copied().unwrap_or(0).max(self.last_program);
            }

            /// The changes that lead from this state to another.
            pub fn changes_to(&self, other: &Self) -> Vec<Change> {
                let mut changes = Vec::new();
                $({
                    let keys: BTreeSet<&$key> = self.$map.keys().chain(other.$map.keys()).collect();
                    for key in keys {
                        let (before, after) = (self.$map.get(key), other.$map.get(key));
                        if before != after {
                            changes.push(Change::$kind { key: key.clone(), before: before.cloned(), after: after.cloned() });
                        }
                    }
                })*
                changes
            }
        }
    };
}

changes! {
    Load: loads, String, LoadSetting;
    Generator: generators, String, PlacedGenerator;
    Device: devices, String, PlacedDevice;
    Program: programs, u32, Registered;
    Programmed: programmed, String, Share;
    Managed: managed, u32, Share;
}
