//! Weather over time at a place.

use crate::LonLat;
use serde::{Deserialize, Serialize};

/// What a column of weather is; the unit is part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeatherQuantity {
    /// At 2 m.
    TemperatureC,
    DewPointC,
    RelativeHumidityPct,
    /// At 10 m, mean.
    WindSpeedMS,
    WindGustMS,
    WindDirectionDeg,
    CloudCoverPct,
    PressureHPa,
    PrecipitationMm,
    /// Global horizontal irradiance, mean of the hour before.
    GhiWM2,
    /// Direct normal irradiance, mean of the hour before.
    DniWM2,
    /// Diffuse horizontal irradiance, mean of the hour before.
    DhiWM2,
}

impl WeatherQuantity {
    /// Name of its column, unit last.
    pub fn column(self) -> &'static str {
        match self {
            Self::TemperatureC => "temperature_c",
            Self::DewPointC => "dew_point_c",
            Self::RelativeHumidityPct => "relative_humidity_pct",
            Self::WindSpeedMS => "wind_speed_m_s",
            Self::WindGustMS => "wind_gust_m_s",
            Self::WindDirectionDeg => "wind_direction_deg",
            Self::CloudCoverPct => "cloud_cover_pct",
            Self::PressureHPa => "pressure_hpa",
            Self::PrecipitationMm => "precipitation_mm",
            Self::GhiWM2 => "ghi_w_m2",
            Self::DniWM2 => "dni_w_m2",
            Self::DhiWM2 => "dhi_w_m2",
        }
    }

    /// Smallest and largest value that weather can have; outside it is an error of the source.
    pub fn bounds(self) -> (f64, f64) {
        match self {
            Self::TemperatureC | Self::DewPointC => (-95.0, 65.0),
            Self::RelativeHumidityPct => (0.0, 110.0),
            Self::CloudCoverPct => (0.0, 100.0),
            Self::WindSpeedMS | Self::WindGustMS => (0.0, 120.0),
            Self::WindDirectionDeg => (0.0, 360.0),
            Self::PressureHPa => (300.0, 1100.0),
            Self::PrecipitationMm => (0.0, 500.0),
            // Sensors read a little below zero at night, and above the solar constant beside bright clouds.
            Self::GhiWM2 | Self::DniWM2 | Self::DhiWM2 => (-15.0, 1600.0),
        }
    }
}

/// Values of one quantity, one an instant; none where the source has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeatherColumn {
    pub quantity: WeatherQuantity,
    pub values: Vec<Option<f64>>,
}

/// Weather at one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weather {
    /// Station, file or service.
    pub name: String,
    pub place: LonLat,
    pub elevation_m: Option<f64>,
    /// Seconds east of UTC of the place's standard time, where the source says so.
    pub utc_offset_s: i32,
    /// Seconds since 1970-01-01T00:00 UTC, rising. Means are of the interval that ends then.
    pub utc_s: Vec<i64>,
    pub columns: Vec<WeatherColumn>,
    /// The years of a typical year are put together from several ones.
    pub typical_year: bool,
}

impl Weather {
    /// Values of a quantity, if the source has it.
    pub fn column(&self, quantity: WeatherQuantity) -> Option<&[Option<f64>]> {
        self.columns.iter().find(|c| c.quantity == quantity).map(|c| c.values.as_slice())
    }
}
