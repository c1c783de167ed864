//! The design of an on-site power system: what a plant designer hands to other tools and gets judged.
//!
//! A [`Design`] is a document of ratings: machines, storage, feeders, transformers, cables, loads, breakers, and what is known of their reliability.
//! It is no second model of the grid: [`Design::network`] makes the [`Network`](crate::Network) of it that is solved, and
//! [`Design::scenario_network`] the one of a scenario. What other tools need beyond that (machine reactances, sequence values, breaker ratings,
//! MTBF and MTTR, blocks of the reliability diagram) is data here.
//!
//! Conventions: powers in MW and Mvar, voltages line to line in kV; a machine's reactances are per unit on its own MVA and kV; identifiers are
//! compared as they are written.
//!
//! * `check` looks a design over and tells all faults at once;
//! * `case` makes the transmission case of it;
//! * `scenario` lists base cases and outages and dispatches them;
//! * `fingerprint` tells two designs apart;
//! * `sizing` says what a plant may be made of, for the study that finds the cheapest that passes;
//! * `criteria`, `results` are what results are judged by, and what other tools found.

mod case;
mod check;
pub mod criteria;
mod fingerprint;
pub mod pictures;
pub mod ram;
pub mod results;
mod scenario;
mod sha256;
pub mod sizing;

pub use scenario::{Dispatch, N2Rule, Scenario, ScenarioRules, ScenarioType};
pub use sha256::sha256_hex;

use serde::{Deserialize, Serialize};

/// Whether a piece of equipment takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Online,
    Offline,
}

impl Status {
    pub fn is_online(self) -> bool {
        self == Self::Online
    }

    /// As tables write it.
    pub fn word(self) -> &'static str {
        if self.is_online() { "Online" } else { "Offline" }
    }
}

/// How a star point is earthed; impedances in ohms.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
pub enum Earthing {
    #[default]
    Isolated,
    Solid,
    Impedance {
        r_ohm: f64,
        x_ohm: f64,
    },
}

/// A busbar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignBus {
    pub id: String,
    pub name: String,
    /// In the RAW file; when absent the digits of the identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// In the RAW file, 12 characters; when absent the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_name: Option<String>,
    pub rated_kv: f64,
}

impl DesignBus {
    /// Number in a transmission case: as told, else the digits of the identifier.
    pub fn case_number(&self) -> Option<u32> {
        let digits = || self.id.chars().filter(char::is_ascii_digit).collect::<String>().parse().ok();
        self.number.or_else(digits).filter(|n| (1..=999_997).contains(n))
    }
}

/// What drives a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrimeMover {
    ReciprocatingEngine,
    GasTurbine,
    SteamTurbine,
    Hydro,
}

impl PrimeMover {
    /// Short word of identifiers and its plural of sentences.
    pub(crate) fn short(self) -> (&'static str, &'static str) {
        match self {
            Self::ReciprocatingEngine => ("RECIP", "Recips"),
            Self::GasTurbine => ("GT", "GTs"),
            Self::SteamTurbine => ("ST", "STs"),
            Self::Hydro => ("HYDRO", "Hydros"),
        }
    }
}

/// A synchronous generator with its prime mover. Reactances and resistance per unit on its own MVA and kV.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignGenerator {
    pub id: String,
    pub name: String,
    /// In the names of scenarios; when absent the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_name: Option<String>,
    pub prime_mover: PrimeMover,
    pub bus: String,
    pub rated_kv: f64,
    pub rated_mw: f64,
    /// When absent MW over power factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rated_mva: Option<f64>,
    pub rated_pf: f64,
    #[serde(default)]
    pub p_min_mw: f64,
    pub q_max_mvar: f64,
    pub q_min_mvar: f64,
    #[serde(default = "one")]
    pub v_set_pu: f64,
    #[serde(default)]
    pub ra_pu: f64,
    pub xd_pu: f64,
    pub xd_prime_pu: f64,
    pub xd_double_prime_pu: f64,
    /// Negative and zero sequence; absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x2_pu: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x0_pu: Option<f64>,
    pub h_inertia_s: f64,
    #[serde(default)]
    pub earthing: Earthing,
    #[serde(default)]
    pub redundancy_group: String,
    #[serde(default)]
    pub status: Status,
}

fn one() -> f64 {
    1.0
}

impl DesignGenerator {
    /// Rated apparent power, MVA.
    pub fn mva(&self) -> f64 {
        self.rated_mva.unwrap_or(self.rated_mw / self.rated_pf)
    }
}

/// A battery behind its converter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignBattery {
    pub id: String,
    pub name: String,
    pub bus: String,
    pub rated_kv: f64,
    pub rated_mw: f64,
    pub rated_mva: f64,
    pub energy_mwh: f64,
    /// Injected in base cases; a scenario that is short of generation takes more.
    #[serde(default)]
    pub p_mw: f64,
    /// It holds the voltage of its bus within its rating; otherwise it runs at power factor 1.
    #[serde(default)]
    pub holds_voltage: bool,
    #[serde(default = "one")]
    pub v_set_pu: f64,
    /// Current into a short circuit, per unit of its rated current.
    #[serde(default = "one")]
    pub i_sc_pu: f64,
    #[serde(default)]
    pub redundancy_group: String,
    #[serde(default)]
    pub status: Status,
}

/// A photovoltaic plant at power factor 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignPv {
    pub id: String,
    pub name: String,
    pub bus: String,
    pub rated_kv: f64,
    pub rated_mw: f64,
    pub rated_mva: f64,
    /// Injected in base cases.
    #[serde(default)]
    pub p_mw: f64,
    #[serde(default = "one")]
    pub i_sc_pu: f64,
    #[serde(default)]
    pub status: Status,
}

/// A connection to the grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignGridFeed {
    pub id: String,
    pub name: String,
    pub bus: String,
    pub rated_kv: f64,
    /// Contracted power, either way.
    pub rated_mw: f64,
    /// Short-circuit power, three-phase.
    pub s_sc_max_mva: f64,
    pub s_sc_min_mva: f64,
    pub x_r_ratio: f64,
    /// Zero over positive sequence.
    #[serde(default = "one")]
    pub z0_z1_ratio: f64,
    #[serde(default = "one")]
    pub v_set_pu: f64,
    #[serde(default)]
    pub status: Status,
}

/// A transformer of two windings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignTransformer {
    pub id: String,
    pub name: String,
    pub hv_bus: String,
    pub lv_bus: String,
    pub rated_mva: f64,
    pub hv_kv: f64,
    pub lv_kv: f64,
    /// Short-circuit voltage, percent of rated.
    pub uk_pct: f64,
    #[serde(default)]
    pub load_loss_kw: f64,
    #[serde(default)]
    pub no_load_loss_kw: f64,
    /// Exciting current, percent of rated.
    #[serde(default)]
    pub i0_pct: f64,
    /// Short-circuit voltage of the zero sequence; absent: as `uk_pct`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uk0_pct: Option<f64>,
    #[serde(default)]
    pub vector_group: String,
    /// Position of the tap at the high side, percent of `hv_kv`.
    #[serde(default)]
    pub tap_pct: f64,
    #[serde(default)]
    pub has_tap_changer: bool,
    #[serde(default)]
    pub hv_earthing: Earthing,
    #[serde(default)]
    pub lv_earthing: Earthing,
    #[serde(default)]
    pub status: Status,
}

/// A cable or bus duct.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignCable {
    pub id: String,
    pub name: String,
    pub from_bus: String,
    pub to_bus: String,
    pub length_km: f64,
    /// Of one circuit.
    pub r1_ohm_per_km: f64,
    pub x1_ohm_per_km: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r0_ohm_per_km: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x0_ohm_per_km: Option<f64>,
    #[serde(default)]
    pub c1_nf_per_km: f64,
    #[serde(default = "one_circuit")]
    pub n_parallel: u32,
    /// All circuits together.
    pub rated_mva: f64,
    #[serde(default)]
    pub status: Status,
}

fn one_circuit() -> u32 {
    1
}

/// A load of constant power.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignLoad {
    pub id: String,
    pub name: String,
    pub bus: String,
    pub p_mw: f64,
    /// Lagging.
    pub pf: f64,
    /// The plant's own: scenarios neither count nor scale it.
    #[serde(default)]
    pub auxiliary: bool,
    #[serde(default)]
    pub status: Status,
}

/// A large asynchronous motor: a load in the power flow, a source in a short circuit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignMotor {
    pub id: String,
    pub name: String,
    pub bus: String,
    pub rated_kv: f64,
    /// At the shaft.
    pub rated_mw: f64,
    pub efficiency: f64,
    pub rated_pf: f64,
    /// Locked-rotor over rated current, and the ratio R over X then.
    pub locked_rotor_ratio: f64,
    pub r_over_x: f64,
    pub n_pole_pairs: u32,
    #[serde(default)]
    pub status: Status,
}

/// A circuit breaker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignBreaker {
    pub id: String,
    pub name: String,
    pub bus: String,
    /// Equipment in whose feeder it stands; empty for one of the busbar itself.
    #[serde(default)]
    pub protects: String,
    pub rated_kv: f64,
    pub rated_a: f64,
    /// Symmetrical breaking current.
    pub breaking_ka: f64,
    /// Making current, peak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub making_peak_ka: Option<f64>,
    /// Contact parting time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parting_ms: Option<f64>,
}

/// An on-site power system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Design {
    pub name: String,
    pub description: String,
    pub frequency_hz: f64,
    /// Base of the transmission case.
    pub s_base_mva: f64,
    pub buses: Vec<DesignBus>,
    pub generators: Vec<DesignGenerator>,
    pub batteries: Vec<DesignBattery>,
    pub pv_plants: Vec<DesignPv>,
    pub grid_feeds: Vec<DesignGridFeed>,
    pub transformers: Vec<DesignTransformer>,
    pub cables: Vec<DesignCable>,
    pub loads: Vec<DesignLoad>,
    pub motors: Vec<DesignMotor>,
    pub breakers: Vec<DesignBreaker>,
    pub components: Vec<ram::ComponentData>,
    pub blocks: Vec<ram::Block>,
    pub failure_modes: Vec<ram::FailureMode>,
    pub scenario_rules: ScenarioRules,
}

impl Design {
    pub fn bus(&self, id: &str) -> Option<&DesignBus> {
        self.buses.iter().find(|b| b.id == id)
    }

    pub fn bus_of_number(&self, number: u32) -> Option<&DesignBus> {
        self.buses.iter().find(|b| b.case_number() == Some(number))
    }

    /// Load that scenarios scale, MW: online, without the plant's own.
    pub fn load_mw(&self) -> f64 {
        self.served().map(|l| l.p_mw).sum()
    }

    /// Power factor of that load; 1 without any.
    pub fn load_pf(&self) -> f64 {
        let (p, q) = self.served().fold((0.0, 0.0), |(p, q), l| (p + l.p_mw, q + reactive_mvar(l.p_mw, l.pf)));
        if p > 0.0 { p / f64::hypot(p, q) } else { 1.0 }
    }

    fn served(&self) -> impl Iterator<Item = &DesignLoad> {
        self.loads.iter().filter(|l| l.status.is_online() && !l.auxiliary)
    }

    /// Identifiers of what a scenario may trip: generators, batteries, PV plants, grid feeds, transformers, cables.
    pub fn unit_ids(&self) -> impl Iterator<Item = &str> {
        let machines = self.generators.iter().map(|g| &g.id).chain(self.batteries.iter().map(|b| &b.id));
        let feeds = self.pv_plants.iter().map(|p| &p.id).chain(self.grid_feeds.iter().map(|g| &g.id));
        let lines = self.transformers.iter().map(|t| &t.id).chain(self.cables.iter().map(|c| &c.id));
        machines.chain(feeds).chain(lines).map(String::as_str)
    }

    /// The bus whose angle is the reference: that of the first grid feed online, else of the largest generator online, else of a battery that holds
    /// its voltage.
    pub fn swing_bus(&self) -> Option<&str> {
        self.sources_by_rank().first().map(|(bus, _)| *bus)
    }

    /// Buses of what can hold a voltage, with the power of each: grid feeds first, then generators and batteries by size; of equal ones the first.
    fn sources_by_rank(&self) -> Vec<(&str, f64)> {
        let feeds = self.grid_feeds.iter().filter(|g| g.status.is_online()).map(|g| (0, g.bus.as_str(), g.rated_mw));
        let machines = self.generators.iter().filter(|g| g.status.is_online()).map(|g| (1, g.bus.as_str(), g.mva()));
        let held = self.batteries.iter().filter(|b| b.status.is_online() && b.holds_voltage);
        let batteries = held.map(|b| (2, b.bus.as_str(), b.rated_mva));
        let mut all: Vec<(u32, &str, f64)> = feeds.chain(machines).chain(batteries).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0).then(b.2.total_cmp(&a.2)));
        all.into_iter().map(|(_, bus, mw)| (bus, mw)).collect()
    }
}

/// Reactive power of a load, Mvar: P tan(acos pf).
pub fn reactive_mvar(p_mw: f64, pf: f64) -> f64 {
    p_mw * (1.0 - pf * pf).max(0.0).sqrt() / pf
}

#[cfg(test)]
mod tests;
