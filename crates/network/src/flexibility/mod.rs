//! Programs of flexible demand: who may be asked to draw less, when, how often and for what; the devices that can; the events that ask.
//!
//! Times of day are `HH:MM`, powers are positive where they are drawn. A day begins at 00:00 and has 24 hours; `step_min` cuts it into equal steps.
//! The mathematics is in `studies::flexibility`, the page is `docs/methods/flexibility.md`.

mod check;

use serde::{Deserialize, Serialize};

/// Minutes of a day.
pub const DAY_MIN: u32 = 1440;

/// What one litre of water takes up, kWh per kelvin: 4.186 kJ/(kg K) at a kilogram a litre.
pub const WATER_KWH_PER_LITRE_K: f64 = 4.186 / 3600.0;

/// A time of day, from 00:00 to 24:00, written `HH:MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClockTime {
    minute: u32,
}

impl ClockTime {
    /// The time of a minute of the day; times past midnight end at 24:00.
    pub fn from_minute(minute: u32) -> Self {
        Self { minute: minute.min(DAY_MIN) }
    }

    /// Minutes since midnight.
    pub fn minute(self) -> u32 {
        self.minute
    }
}

impl TryFrom<String> for ClockTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fault = || format!("\"{text}\" is no time of day; write HH:MM from \"00:00\" to \"24:00\", in quotes");
        let (h, m) = text.trim().split_once(':').ok_or_else(fault)?;
        let digits = |s: &str| (s.len() <= 2 && s.chars().all(|c| c.is_ascii_digit())).then(|| s.parse::<u32>().ok()).flatten();
        let (h, m) = digits(h).zip(digits(m).filter(|m| *m < 60)).ok_or_else(fault)?;
        let minute = h * 60 + m;
        if minute <= DAY_MIN { Ok(Self { minute }) } else { Err(fault()) }
    }
}

impl From<ClockTime> for String {
    fn from(t: ClockTime) -> Self {
        t.to_string()
    }
}

impl std::fmt::Display for ClockTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.minute / 60, self.minute % 60)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    pub fn is_weekend(self) -> bool {
        matches!(self, Self::Saturday | Self::Sunday)
    }
}

/// When events of a program may be: wholly inside one window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Every day where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    pub from: ClockTime,
    pub to: ClockTime,
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceClass {
    Ev,
    WaterHeater,
    Hvac,
    Battery,
}

impl DeviceClass {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ev => "ev",
            Self::WaterHeater => "water_heater",
            Self::Hvac => "hvac",
            Self::Battery => "battery",
        }
    }
}

/// A demand flexibility program: the rules of a contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    pub name: String,
    /// An event lowers no subscribed bus below this power, loads of the model included, kW.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_power_kw: Option<f64>,
    /// During an event devices of the program draw at this power factor or at their own, whichever is nearer to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_pf: Option<f64>,
    /// Any time where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// From the announcement to the start, minutes.
    #[serde(default)]
    pub notice_min: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration_min: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_events_per_day: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_events_per_season: Option<u32>,
    /// Events of the season before this day.
    #[serde(default)]
    pub events_this_season: u32,
    /// Between the end of an event and the start of the next, minutes.
    #[serde(default)]
    pub min_rest_min: u32,
    /// Programs of a lower number are used up before those of a higher one are called.
    #[serde(default)]
    pub priority: u32,
    /// Classes of devices that it may use; all where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<DeviceClass>,
    /// Paid for each kilowatt-hour that a participant draws less than its baseline.
    #[serde(default)]
    pub incentive_per_kwh: f64,
    /// Paid to each participant for each event, whatever it did.
    #[serde(default)]
    pub incentive_per_event: f64,
    /// Taken for each kilowatt-hour that was asked for and not delivered.
    #[serde(default)]
    pub penalty_per_kwh: f64,
}

/// A rule of a program that does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFault {
    /// Of [`Program`].
    pub field: &'static str,
    pub message: String,
    pub hint: &'static str,
}

impl Program {
    /// A program without rules.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            min_power_kw: None,
            target_pf: None,
            windows: Vec::new(),
            notice_min: 0,
            max_duration_min: None,
            max_events_per_day: None,
            max_events_per_season: None,
            events_this_season: 0,
            min_rest_min: 0,
            priority: 0,
            classes: Vec::new(),
            incentive_per_kwh: 0.0,
            incentive_per_event: 0.0,
            penalty_per_kwh: 0.0,
        }
    }
}

/// An electric vehicle at its charger. It charges at full power from its arrival until it has what it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ev {
    pub charger_kw: f64,
    /// Into the battery, until the departure.
    pub energy_needed_kwh: f64,
    pub arrival: ClockTime,
    /// Not later than the arrival: on the next day.
    pub departure: ClockTime,
    /// Battery over grid, above 0 up to 1.
    pub efficiency: f64,
    /// What may be missing at the departure because of events, kWh.
    #[serde(default)]
    pub shortfall_max_kwh: f64,
}

/// Hot water that is taken, evenly over its duration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draw {
    pub at: ClockTime,
    pub litres: f64,
    pub duration_min: u32,
}

/// A mixed tank with an element and a thermostat: on below `set_point_c - dead_band_k`, off at `set_point_c`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaterHeater {
    pub litres: f64,
    pub element_kw: f64,
    pub set_point_c: f64,
    /// 0: the element is modulated to hold the set point.
    pub dead_band_k: f64,
    /// Of the tank to its room.
    pub loss_w_per_k: f64,
    pub ambient_c: f64,
    pub inlet_c: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub draws: Vec<Draw>,
    /// No event lets the water become colder.
    pub comfort_min_c: f64,
    /// At 00:00; the set point where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_c: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HvacMode {
    #[default]
    Cooling,
    Heating,
}

/// A building of one resistance and one capacity with a heat pump and a thermostat around `set_point_c`, half the dead band to each side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hvac {
    #[serde(default)]
    pub mode: HvacMode,
    /// Kelvin inside to outside for each kilowatt of heat.
    pub r_k_per_kw: f64,
    pub c_kwh_per_k: f64,
    /// Heat moved over electric power.
    pub cop: f64,
    /// Electric.
    pub rated_kw: f64,
    pub set_point_c: f64,
    /// 0: the unit is modulated to hold the set point.
    pub dead_band_k: f64,
    /// No event lets the room leave this band.
    pub comfort_min_c: f64,
    pub comfort_max_c: f64,
    /// Heat of sun, people and appliances.
    #[serde(default)]
    pub gains_kw: f64,
    /// At 00:00; the set point where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_c: Option<f64>,
}

/// A battery that rests at `initial_kwh` and goes back to it after an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Battery {
    /// Of charging and of discharging, at the grid.
    pub power_kw: f64,
    pub energy_kwh: f64,
    /// Round trip; half of the loss falls on each way.
    pub efficiency: f64,
    /// No event takes it below.
    pub reserve_kwh: f64,
    pub initial_kwh: f64,
}

/// What a device does with its power.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Ev(Ev),
    WaterHeater(WaterHeater),
    Hvac(Hvac),
    Battery(Battery),
}

/// A device. What it draws comes on top of the loads of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    pub name: String,
    /// Load of the model whose bus and phases it shares; or `bus`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<String>,
    /// Phases 1 to 3 at `bus`; all that it has where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<u32>,
    /// Power factor, lagging.
    #[serde(default = "one")]
    pub pf: f64,
    /// Program that it is subscribed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// What a kilowatt-hour less is worth to its owner, beside the incentive.
    #[serde(default)]
    pub curtailment_cost_per_kwh: f64,
    pub unit: Unit,
}

fn one() -> f64 {
    1.0
}

impl Device {
    pub fn class(&self) -> DeviceClass {
        match self.unit {
            Unit::Ev(_) => DeviceClass::Ev,
            Unit::WaterHeater(_) => DeviceClass::WaterHeater,
            Unit::Hvac(_) => DeviceClass::Hvac,
            Unit::Battery(_) => DeviceClass::Battery,
        }
    }

    /// Greatest power that it draws, kW.
    pub fn rated_kw(&self) -> f64 {
        match &self.unit {
            Unit::Ev(u) => u.charger_kw,
            Unit::WaterHeater(u) => u.element_kw,
            Unit::Hvac(u) => u.rated_kw,
            Unit::Battery(u) => u.power_kw,
        }
    }
}

/// What an event has to bring below a limit. Without a limit it is the normal rating of the transformer.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// `class.name` of a transformer or line, the flow into its first terminal; all that the sources deliver where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_kw: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_kva: Option<f64>,
}

/// A call of programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    pub name: String,
    /// Programs that it may call.
    pub programs: Vec<String>,
    pub start: ClockTime,
    pub duration_min: u32,
    /// As late as the notice of its programs allows where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<ClockTime>,
    pub target: Target,
    /// Devices may draw more in these minutes before the start, to draw less in the event.
    #[serde(default)]
    pub prepare_min: u32,
    /// In these minutes after the end devices go back as they are told, and the target holds. 0: each goes back at once by its own rule.
    #[serde(default)]
    pub recovery_min: u32,
}

impl Event {
    /// Minute of the day at which it ends.
    pub fn end_min(&self) -> u32 {
        self.start.minute().saturating_add(self.duration_min)
    }
}

/// A day before, for baselines.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastDay {
    pub weekday: Weekday,
    #[serde(default)]
    pub is_holiday: bool,
    /// An event was called: it does not count for a baseline.
    #[serde(default)]
    pub is_event_day: bool,
    /// Its temperatures over those of the day, K.
    #[serde(default)]
    pub temperature_shift_k: f64,
}

/// The day of the events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Day {
    pub weekday: Weekday,
    /// Divides an hour.
    pub step_min: u32,
    /// Outside, at 00:00, 01:00, …, 23:00; straight between, and to the first again at 24:00.
    pub temperature_c: Vec<f64>,
    /// Multiplier of all loads of the model in each hour of the day; the model's own daily shapes where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_profile_pu: Option<Vec<f64>>,
    /// Days before, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past_days: Vec<PastDay>,
}

impl Day {
    pub fn n_steps(&self) -> usize {
        (DAY_MIN / self.step_min.max(1)) as usize
    }

    pub fn step_h(&self) -> f64 {
        f64::from(self.step_min) / 60.0
    }

    /// Mean temperature outside in a step, °C: that of its middle, since it is straight within an hour.
    pub fn temperature_at(&self, step: usize) -> f64 {
        let hour = (step as f64 + 0.5) * self.step_h();
        let (at, next) = (hour as usize % 24, (hour as usize + 1) % 24);
        let share = hour.fract();
        self.temperature_c[at] * (1.0 - share) + self.temperature_c[next] * share
    }
}

/// All that a study of flexible demand needs besides the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlexibilityCase {
    pub name: String,
    pub day: Day,
    /// On a desk, those that are registered there count too.
    #[serde(default)]
    pub programs: Vec<Program>,
    pub devices: Vec<Device>,
    #[serde(default)]
    pub events: Vec<Event>,
}

impl FlexibilityCase {
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.iter().find(|p| p.name == name)
    }

    /// The program under which an event may use a device.
    pub fn called_under(&self, device: &Device, event: &Event) -> Option<&Program> {
        let name = device.program.as_ref()?;
        let program = self.program(name).filter(|_| event.programs.contains(name))?;
        (program.classes.is_empty() || program.classes.contains(&device.class())).then_some(program)
    }
}
