//! Readings of meters and of SCADA points over time: what a reader of such files hands on.
//!
//! A reading belongs to a series, which is one quantity of one meter (and register) at one interval
//! length. Its time is the instant at which its interval ends, in seconds since 1970-01-01T00:00:00Z,
//! so that no time zone and no daylight saving is left in it.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a series measures, in its unit after conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Energy of the interval from the grid to the customer, kWh.
    DeliveredKwh,
    /// Energy of the interval from the customer into the grid, kWh.
    ReceivedKwh,
    /// Energy of the interval, delivered less received, kWh.
    NetKwh,
    DeliveredKvarh,
    ReceivedKvarh,
    /// Standing of a register that only counts up, kWh; the energy is the difference of two.
    DeliveredRegisterKwh,
    ReceivedRegisterKwh,
    /// Volts as the meter measures them.
    VoltageV,
    CurrentA,
    /// Power at a moment, as SCADA gives it.
    PKw,
    QKvar,
    /// Line-to-line voltage at a moment, kV.
    VoltageKv,
    Tap,
    /// Position of a switch or a state, as a number.
    Status,
}

impl Channel {
    pub const ALL: [Self; 14] = [
        Self::DeliveredKwh,
        Self::ReceivedKwh,
        Self::NetKwh,
        Self::DeliveredKvarh,
        Self::ReceivedKvarh,
        Self::DeliveredRegisterKwh,
        Self::ReceivedRegisterKwh,
        Self::VoltageV,
        Self::CurrentA,
        Self::PKw,
        Self::QKvar,
        Self::VoltageKv,
        Self::Tap,
        Self::Status,
    ];

    /// The channel as tables write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeliveredKwh => "delivered_kwh",
            Self::ReceivedKwh => "received_kwh",
            Self::NetKwh => "net_kwh",
            Self::DeliveredKvarh => "delivered_kvarh",
            Self::ReceivedKvarh => "received_kvarh",
            Self::DeliveredRegisterKwh => "delivered_register_kwh",
            Self::ReceivedRegisterKwh => "received_register_kwh",
            Self::VoltageV => "voltage_v",
            Self::CurrentA => "current_a",
            Self::PKw => "p_kw",
            Self::QKvar => "q_kvar",
            Self::VoltageKv => "voltage_kv",
            Self::Tap => "tap",
            Self::Status => "status",
        }
    }

    /// Whether the value is an amount of its interval, so that intervals add up.
    pub const fn is_energy(self) -> bool {
        matches!(self, Self::DeliveredKwh | Self::ReceivedKwh | Self::NetKwh | Self::DeliveredKvarh | Self::ReceivedKvarh)
    }

    /// Whether the value is the standing of a register.
    pub const fn is_register(self) -> bool {
        matches!(self, Self::DeliveredRegisterKwh | Self::ReceivedRegisterKwh)
    }
}

/// What the source says of a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ReadingQuality {
    /// There is no value.
    #[default]
    Missing = 0,
    /// Estimated by whoever delivered it.
    Estimated = 1,
    /// As the meter measured it.
    Actual = 2,
    /// Put in place of a reading by whoever delivered it.
    Substituted = 3,
}

/// One series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReadingSeries {
    /// Index of the meter or device among the names.
    pub meter: u32,
    pub channel: Channel,
    /// Register of the meter, where the source names several of one channel; they add up.
    pub register: Arc<str>,
    /// Length of the interval; 0 of values at moments without one.
    pub interval_s: u32,
}

/// Readings side by side: the four vectors have one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// Index of the series.
    pub series: Vec<u32>,
    /// End of the interval, or the moment, seconds since 1970 UTC.
    pub end_s: Vec<i64>,
    /// In the unit of the channel; not a number where there is none.
    pub value: Vec<f64>,
    pub quality: Vec<ReadingQuality>,
}

impl Readings {
    pub fn len(&self) -> usize {
        self.series.len()
    }

    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    #[inline]
    pub fn push(&mut self, series: u32, end_s: i64, value: f64, quality: ReadingQuality) {
        self.series.push(series);
        self.end_s.push(end_s);
        self.value.push(value);
        self.quality.push(quality);
    }

    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Keeps the first `len` readings.
    pub fn truncate(&mut self, len: usize) {
        self.series.truncate(len);
        self.end_s.truncate(len);
        self.value.truncate(len);
        self.quality.truncate(len);
    }
}

/// Names of meters and the series met so far; both only grow while a source is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadingIndex {
    pub meters: Vec<Arc<str>>,
    pub series: Vec<ReadingSeries>,
}
