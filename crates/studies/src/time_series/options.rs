//! What a time-series study is asked.

use network::{ControlMode, SolutionMode, SolutionOptions};
use serde::{Deserialize, Serialize};

/// Voltage limits, per unit of the nominal voltage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoltageLimits {
    pub a_low_pu: f64,
    pub a_high_pu: f64,
    pub b_low_pu: f64,
    pub b_high_pu: f64,
}

impl Default for VoltageLimits {
    /// Service voltage at 120 V nominal after ANSI C84.1: range A 114 to 126 V, range B 110 to 127 V.
    fn default() -> Self {
        Self { a_low_pu: 0.95, a_high_pu: 1.05, b_low_pu: 110.0 / 120.0, b_high_pu: 127.0 / 120.0 }
    }
}

/// Of which elements or nodes full series are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Series {
    #[default]
    None,
    /// Elements as `class.name`, buses as `name`, nodes as `name.node`; in any case.
    Named(Vec<String>),
    All,
}

/// What is kept of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Keep {
    /// One row a step.
    pub steps: bool,
    /// Extremes, percentiles, hours beyond limits and energies of every node and element, and of the controls.
    pub statistics: bool,
    /// Runs of steps beyond a limit.
    pub episodes: bool,
    /// Registers of the model's energy meters, in the modes in which they are read.
    pub meters: bool,
    /// Records of the model's monitors: a value a step and channel.
    pub monitors: bool,
    pub series: Series,
}

impl Default for Keep {
    fn default() -> Self {
        Self { steps: true, statistics: true, episodes: true, meters: true, monitors: false, series: Series::None }
    }
}

/// A time-series study of one feeder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeSeriesOptions {
    pub mode: SolutionMode,
    pub steps: u32,
    pub step_h: f64,
    /// Clock before the first step, h.
    pub start_hour: i64,
    /// The model's own where there is none.
    pub controls: Option<ControlMode>,
    /// The model's own but at most [`TOLERANCE_PU`] where there is none.
    pub tolerance_pu: Option<f64>,
    pub keep: Keep,
    pub limits: VoltageLimits,
}

/// Tolerance of a series unless told otherwise, per unit. The 1e-4 that models bring leaves a step up to 2e-4 pu from its solution, and where
/// it stops depends on where it started.
pub const TOLERANCE_PU: f64 = 1e-6;

impl Default for TimeSeriesOptions {
    /// A year of hours.
    fn default() -> Self {
        Self {
            mode: SolutionMode::Yearly,
            steps: 8760,
            step_h: 1.0,
            start_hour: 0,
            controls: None,
            tolerance_pu: None,
            keep: Keep::default(),
            limits: VoltageLimits::default(),
        }
    }
}

impl TimeSeriesOptions {
    /// Sets mode, clock, step length, controls and tolerance of a network's options.
    pub fn apply(&self, options: &mut SolutionOptions) {
        options.mode = self.mode;
        options.hour = self.start_hour;
        options.second = 0.0;
        options.step_s = self.step_h * 3600.0;
        options.number = self.steps;
        if let Some(controls) = self.controls {
            options.control_mode = controls;
        }
        options.tolerance_pu = self.tolerance_pu.unwrap_or(options.tolerance_pu.min(TOLERANCE_PU));
    }

    /// Refuses what cannot be run.
    ///
    /// # Errors
    /// [`OptionError`] with the setting and its value.
    pub fn check(&self) -> Result<(), OptionError> {
        let positive = |setting, value: f64| if value > 0.0 && value.is_finite() { Ok(()) } else { Err(OptionError { setting, value }) };
        positive("number of steps", f64::from(self.steps))?;
        positive("step length in hours", self.step_h)?;
        positive("tolerance in per unit", self.tolerance_pu.unwrap_or(1.0))?;
        let l = self.limits;
        for (setting, value) in [
            ("lower voltage limit of range A", l.a_low_pu),
            ("upper voltage limit of range A", l.a_high_pu),
            ("lower voltage limit of range B", l.b_low_pu),
            ("upper voltage limit of range B", l.b_high_pu),
        ] {
            positive(setting, value)?;
        }
        Ok(())
    }
}

/// A setting that no run can have.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the {setting} is {value}; it has to be a number above zero")]
pub struct OptionError {
    pub setting: &'static str,
    pub value: f64,
}
