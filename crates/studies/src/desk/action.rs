//! What a person may ask of a feeder, and what is wrong with it.
//!
//! Every check of an action is made before anything is changed, and all faults are told at once.

use network::flexibility::{DeviceClass, Program, Window};
use serde::{Deserialize, Serialize};

/// What is asked. Where two ways of saying a thing exist, one of them is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Solves, and lets automatic management act.
    RunSimulation {
        manage: bool,
    },
    ModifyLoadNeighbourhood {
        neighbourhood: u32,
        factor: f64,
    },
    ModifyLoadHousehold {
        bus_name: String,
        load_name: Option<String>,
        new_kw: Option<f64>,
        new_kvar: Option<f64>,
        factor: Option<f64>,
    },
    AddGenerator {
        bus_name: String,
        kw: f64,
        kv: Option<f64>,
        kvar: Option<f64>,
        model: Option<u32>,
        vmin_pu: Option<f64>,
        vmax_pu: Option<f64>,
        phases: Option<u32>,
    },
    AddDevice {
        bus_name: String,
        device_name: String,
        kw: f64,
        kvar: Option<f64>,
        pf: Option<f64>,
        phases: Option<u32>,
    },
    DisconnectDevice {
        bus_name: String,
        device_name: String,
    },
    RegisterDfp {
        name: String,
        min_power_kw: f64,
        target_pf: f64,
        #[serde(default, skip_serializing_if = "ProgramRules::is_empty")]
        rules: ProgramRules,
    },
    UpdateDfp {
        name: String,
        min_power_kw: Option<f64>,
        target_pf: Option<f64>,
        #[serde(default, skip_serializing_if = "ProgramRules::is_empty")]
        rules: ProgramRules,
    },
    DeleteDfp {
        name: String,
    },
    SubscribeDfp {
        bus_name: String,
        dfp_number: u32,
    },
    UnsubscribeDfp {
        bus_name: String,
        dfp_number: u32,
    },
    ExecuteDfp {
        dfp_name: String,
    },
}

/// Rules of a program beside its least power and power factor, as [`Program`] has them. What is not given stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProgramRules {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Vec<Window>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_min: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration_min: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_events_per_day: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_events_per_season: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_this_season: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_rest_min: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<DeviceClass>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incentive_per_kwh: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incentive_per_event: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub penalty_per_kwh: Option<f64>,
}

impl ProgramRules {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Sets what is given.
    pub fn set(&self, program: &mut Program) {
        fn put<T: Clone>(to: &mut T, given: &Option<T>) {
            if let Some(value) = given {
                to.clone_from(value);
            }
        }
        put(&mut program.windows, &self.windows);
        put(&mut program.notice_min, &self.notice_min);
        put(&mut program.events_this_season, &self.events_this_season);
        put(&mut program.min_rest_min, &self.min_rest_min);
        put(&mut program.priority, &self.priority);
        put(&mut program.classes, &self.classes);
        put(&mut program.incentive_per_kwh, &self.incentive_per_kwh);
        put(&mut program.incentive_per_event, &self.incentive_per_event);
        put(&mut program.penalty_per_kwh, &self.penalty_per_kwh);
        program.max_duration_min = self.max_duration_min.or(program.max_duration_min);
        program.max_events_per_day = self.max_events_per_day.or(program.max_events_per_day);
        program.max_events_per_season = self.max_events_per_season.or(program.max_events_per_season);
    }
}

impl Action {
    /// Whether it belongs into the log of the programs.
    pub fn is_of_programs(&self) -> bool {
        matches!(
            self,
            Self::RegisterDfp { .. }
                | Self::UpdateDfp { .. }
                | Self::DeleteDfp { .. }
                | Self::SubscribeDfp { .. }
                | Self::UnsubscribeDfp { .. }
                | Self::ExecuteDfp { .. }
        )
    }

    /// Its name, as addresses have it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunSimulation { .. } => "run_simulation",
            Self::ModifyLoadNeighbourhood { .. } => "modify_load_neighbourhood",
            Self::ModifyLoadHousehold { .. } => "modify_load_household",
            Self::AddGenerator { .. } => "add_generator",
            Self::AddDevice { .. } => "add_device",
            Self::DisconnectDevice { .. } => "disconnect_device",
            Self::RegisterDfp { .. } => "register_dfp",
            Self::UpdateDfp { .. } => "update_dfp",
            Self::DeleteDfp { .. } => "delete_dfp",
            Self::SubscribeDfp { .. } => "subscribe_dfp",
            Self::UnsubscribeDfp { .. } => "unsubscribe_dfp",
            Self::ExecuteDfp { .. } => "execute_dfp",
        }
    }
}

/// One thing that is wrong with what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Key of the request.
    pub field: &'static str,
    pub message: String,
    pub hint: String,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The request does not do.
    #[error("{}", .0.first().map_or("the request does not do", |f| f.message.as_str()))]
    Faults(Vec<Fault>),
    /// The feeder has no solution with it.
    #[error("{message}")]
    Unsolved { message: String, hint: String },
}

/// Collects faults.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub fn add(&mut self, field: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.0.push(Fault { field, message: message.into(), hint: hint.into() });
    }

    /// Tells whether a number is finite and within bounds, and says so where it is not.
    pub fn within(&mut self, field: &'static str, value: f64, (least, most): (f64, f64), unit: &str) -> bool {
        let is = value.is_finite() && (least..=most).contains(&value);
        if !is {
            self.add(field, format!("{field} is {value}"), format!("give a number from {least} to {most}{unit}"));
        }
        is
    }

    /// A power factor: above 0, at most 1.
    pub fn power_factor(&mut self, field: &'static str, value: f64) -> bool {
        let is = value > 0.0 && value <= 1.0;
        if !is {
            self.add(field, format!("{field} is {value}"), "a power factor is above 0 and at most 1");
        }
        is
    }

    /// A name that can stand in files and models.
    pub fn name(&mut self, field: &'static str, value: &str) -> bool {
        let is = !value.trim().is_empty() && value.len() <= 60 && value.chars().all(|c| c.is_alphanumeric() || "_- ".contains(c));
        if !is {
            self.add(field, format!("{field} is \"{}\"", shown(value)), "give 1 to 60 letters, digits, blanks, _ or -");
        }
        is
    }

    pub fn refusal(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::Faults(self.0)) }
    }
}

/// A text as messages show it: not endless.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
