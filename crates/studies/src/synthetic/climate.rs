//! A year of weather, and what customers of each class draw in it.
//!
//! The year has 8760 hours and begins on a Monday; value `k` (from 0) is the mean of hour `k` to `k + 1`.
//! The place is continental, at [`LATITUDE_DEG`]. Temperature is
//!
//! ```text
//! T = 12 - 14 cos(2π (day - 20) / 365) + w + (5 - 3 c) cos(2π (hour - 15) / 24)
//! w: a first-order process of days, 0.72 from day to day, 4.2 °C standard deviation (weather fronts)
//! c: cloud cover of the day, 0 to 1, and of the hour around it
//! ```
//!
//! Irradiance is that of a clear sky, `sin(elevation)^1.15` kW/m², times what the clouds let through,
//! `1 - 0.75 c^3.4` (Kasten and Czeplak, 1980). A load class follows a table of the hours of workdays and
//! free days, plus cooling and heating in proportion to the degrees past a balance temperature, of a
//! temperature smoothed over some hours, since buildings store heat. Every shape is scaled so that its
//! largest value is 1: a load's nominal power is its own share of the yearly peak of its class.

use super::maths::{cos, exp, ln, round_to, sin};
use super::random::Random;
use std::f64::consts::{PI, TAU};

/// Hours of the year.
pub const HOURS: usize = 8760;

/// Latitude of the utility, degrees north.
pub const LATITUDE_DEG: f64 = 39.6;

/// What kind of customer a load stands for, and so which shape it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CustomerClass {
    /// House with gas heating and air conditioning.
    ResidentialGas,
    /// House with electric heating.
    ResidentialElectric,
    /// Flat.
    ResidentialSmall,
    Office,
    Retail,
    Food,
    School,
    IndustrialOneShift,
    IndustrialThreeShift,
    Irrigation,
    Dairy,
}

impl CustomerClass {
    pub const ALL: [Self; 11] = [
        Self::ResidentialGas,
        Self::ResidentialElectric,
        Self::ResidentialSmall,
        Self::Office,
        Self::Retail,
        Self::Food,
        Self::School,
        Self::IndustrialOneShift,
        Self::IndustrialThreeShift,
        Self::Irrigation,
        Self::Dairy,
    ];

    /// Name of the class's load shape.
    pub fn shape_name(self) -> &'static str {
        match self {
            Self::ResidentialGas => "residential_gas",
            Self::ResidentialElectric => "residential_electric",
            Self::ResidentialSmall => "residential_small",
            Self::Office => "office",
            Self::Retail => "retail",
            Self::Food => "food",
            Self::School => "school",
            Self::IndustrialOneShift => "industrial_one_shift",
            Self::IndustrialThreeShift => "industrial_three_shift",
            Self::Irrigation => "irrigation",
            Self::Dairy => "dairy",
        }
    }

    /// Sector for statistics.
    pub fn sector(self) -> &'static str {
        match self {
            Self::ResidentialGas | Self::ResidentialElectric | Self::ResidentialSmall => "residential",
            Self::Office | Self::Retail | Self::Food | Self::School => "commercial",
            Self::IndustrialOneShift | Self::IndustrialThreeShift => "industrial",
            Self::Irrigation | Self::Dairy => "agricultural",
        }
    }
}

/// Name of the irradiance shape of PV systems.
pub const IRRADIANCE_SHAPE: &str = "irradiance";
/// Name of the temperature shape of PV panels.
pub const PANEL_TEMPERATURE_SHAPE: &str = "panel_temperature";

/// A year of weather and of classes' loads.
#[derive(Clone, Debug, PartialEq)]
pub struct Climate {
    /// Of the air, degrees Celsius, one decimal.
    pub temperature_c: Vec<f64>,
    /// On the ground, kW/m².
    pub irradiance: Vec<f64>,
    /// Of PV panels: air plus 25 °C at full sun.
    pub panel_temperature_c: Vec<f64>,
    /// By class, in the order of [`CustomerClass::ALL`]; per unit of the largest.
    pub load_pu: Vec<Vec<f64>>,
}

impl Climate {
    /// The year that a seed gives.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 1, 0);
        let mut temperature_c = Vec::with_capacity(HOURS);
        let mut irradiance = Vec::with_capacity(HOURS);
        let (mut front, mut sky) = (0.0, 0.0);
        for day in 0..HOURS / 24 {
            front = 0.72 * front + 4.2 * (1.0f64 - 0.72 * 0.72).sqrt() * random.normal();
            sky = 0.55 * sky + (1.0f64 - 0.55 * 0.55).sqrt() * random.normal();
            let day_cloud = (0.42 + 0.32 * sky).clamp(0.0, 1.0);
            let season = 12.0 - 14.0 * cos(TAU * (day as f64 - 20.0) / 365.0);
            let declination = 23.45f64.to_radians() * sin(TAU * (284.0 + day as f64) / 365.0);
            for hour in 0..24 {
                let middle = hour as f64 + 0.5;
                let cloud = (day_cloud + 0.18 * random.normal() * day_cloud).clamp(0.0, 1.0);
                let air = season + front + (5.0 - 3.0 * day_cloud) * cos(TAU * (middle - 15.0) / 24.0);
                temperature_c.push(round_to(air, 1));
                let latitude = LATITUDE_DEG.to_radians();
                let hour_angle = PI / 12.0 * (middle - 12.0);
                let height = sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(hour_angle);
                let clear = if height > 0.01 { power(height, 1.15) } else { 0.0 };
                let through = if cloud > 0.0 { 1.0 - 0.75 * power(cloud, 3.4) } else { 1.0 };
                irradiance.push(round_to(clear * through, 4));
            }
        }
        let panel_temperature_c = temperature_c.iter().zip(&irradiance).map(|(t, g)| round_to(t + 25.0 * g, 1)).collect();
        let load_pu = CustomerClass::ALL.iter().map(|&class| class_year(class, &temperature_c, seed)).collect();
        Self { temperature_c, irradiance, panel_temperature_c, load_pu }
    }

    /// Shape of a class, per unit of its yearly peak.
    pub fn of(&self, class: CustomerClass) -> &[f64] {
        &self.load_pu[class as usize]
    }
}

/// `x^y` of a positive `x`.
fn power(x: f64, y: f64) -> f64 {
    exp(y * ln(x))
}

/// How a class answers to hours and weather.
struct Habit {
    workday: [f64; 24],
    free_day: [f64; 24],
    /// Added per degree above and below the balance temperatures.
    cooling_per_c: f64,
    heating_per_c: f64,
    /// Whether cooling and heating follow the hours of use rather than all day.
    by_use: bool,
}

const COOL_ABOVE_C: f64 = 19.0;
const HEAT_BELOW_C: f64 = 15.0;

/// Residential use without heating and cooling, kW a house.
const HOME: [f64; 24] = [
    0.46, 0.42, 0.40, 0.39, 0.41, 0.52, 0.74, 0.86, 0.72, 0.62, 0.58, 0.58, 0.60, 0.58, 0.58, 0.64, 0.82, 1.12, 1.30, 1.34, 1.26, 1.08,
    0.82, 0.60,
];
const HOME_FREE: [f64; 24] = [
    0.52, 0.46, 0.42, 0.40, 0.40, 0.44, 0.54, 0.70, 0.86, 0.94, 0.96, 0.96, 0.94, 0.90, 0.86, 0.88, 0.98, 1.18, 1.32, 1.34, 1.26, 1.08,
    0.86, 0.66,
];

/// `high` from one hour to another, `low` outside, with an hour of passage.
fn hours(low: f64, high: f64, from: usize, to: usize) -> [f64; 24] {
    std::array::from_fn(|h| {
        if (from..to).contains(&h) {
            high
        } else if h + 1 == from || h == to {
            (low + high) / 2.0
        } else {
            low
        }
    })
}

fn habit(class: CustomerClass) -> Habit {
    use CustomerClass as C;
    let habit = |workday, free_day, cooling_per_c, heating_per_c, by_use| Habit { workday, free_day, cooling_per_c, heating_per_c, by_use };
    match class {
        C::ResidentialGas => habit(HOME, HOME_FREE, 0.125, 0.012, false),
        C::ResidentialElectric => habit(HOME, HOME_FREE, 0.12, 0.085, false),
        C::ResidentialSmall => habit(HOME.map(|x| 0.62 * x), HOME_FREE.map(|x| 0.62 * x), 0.05, 0.02, false),
        C::Office => habit(hours(0.34, 1.0, 7, 18), hours(0.32, 0.42, 9, 15), 0.026, 0.006, true),
        C::Retail => habit(hours(0.28, 0.95, 9, 21), hours(0.28, 1.0, 10, 20), 0.03, 0.004, true),
        C::Food => habit(hours(0.70, 0.98, 6, 22), hours(0.70, 0.96, 7, 22), 0.012, 0.002, false),
        C::School => habit(hours(0.25, 1.0, 7, 16), [0.22; 24], 0.016, 0.005, true),
        C::IndustrialOneShift => habit(hours(0.18, 1.0, 6, 16), [0.16; 24], 0.004, 0.002, true),
        C::IndustrialThreeShift => habit(hours(0.88, 1.0, 7, 19), [0.78; 24], 0.003, 0.0, false),
        C::Irrigation => habit([0.03; 24], [0.03; 24], 0.0, 0.0, false),
        C::Dairy => {
            let milking: [f64; 24] = std::array::from_fn(|h| if matches!(h, 4..=7 | 15..=18) { 1.0 } else { 0.42 });
            habit(milking, milking, 0.012, 0.003, false)
        }
    }
}

fn class_year(class: CustomerClass, temperature_c: &[f64], seed: u64) -> Vec<f64> {
    let mut random = Random::new(seed, 2, class as u64);
    let habit = habit(class);
    let mut smoothed = temperature_c[0];
    let mut pumping = false;
    let mut year = Vec::with_capacity(HOURS);
    for (hour, &air) in temperature_c.iter().enumerate() {
        let (day, hour_of_day) = (hour / 24, hour % 24);
        smoothed += 0.28 * (air - smoothed);
        let free_day = day % 7 >= 5;
        let holidays = class == CustomerClass::School && (158..236).contains(&day);
        let table = if free_day || holidays { &habit.free_day } else { &habit.workday };
        let mut value = table[hour_of_day];
        let use_share = if habit.by_use { value } else { 1.0 };
        value += use_share
            * (habit.cooling_per_c * (smoothed - COOL_ABOVE_C).max(0.0) + habit.heating_per_c * (HEAT_BELOW_C - smoothed).max(0.0));
        if class == CustomerClass::Irrigation {
            // Pumps run for whole half days in the dry season, more often when it is hot.
            if hour % 12 == 6 {
                pumping = (135..255).contains(&day) && random.chance(((smoothed - 12.0) / 16.0).clamp(0.0, 0.9));
            }
            value += if pumping { 0.95 } else { 0.0 };
        }
        year.push(value * (1.0 + 0.02 * random.normal()));
    }
    let peak = year.iter().copied().fold(0.0, f64::max);
    year.iter().map(|v| round_to((v / peak).max(0.01), 4)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_has_seasons_nights_and_peaks() {
        let climate = Climate::new(1);
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let (january, july) = (&climate.temperature_c[..31 * 24], &climate.temperature_c[181 * 24..212 * 24]);
        assert!(mean(july) - mean(january) > 15.0, "{} {}", mean(january), mean(july));
        assert!(climate.irradiance.iter().skip(1).step_by(24).all(|&g| g == 0.0), "no sun at one in the morning");
        assert!(climate.irradiance.iter().copied().fold(0.0, f64::max) > 0.8);
        assert!(climate.irradiance.iter().all(|g| (0.0..=1.1).contains(g)));
        for class in CustomerClass::ALL {
            let year = climate.of(class);
            assert_eq!(year.len(), HOURS);
            assert_eq!(year.iter().copied().fold(0.0, f64::max), 1.0, "{class:?}");
            assert!(year.iter().all(|&v| (0.01..=1.0).contains(&v)), "{class:?}");
        }
        // A house with gas peaks in the heat, one with electric heating draws most in winter.
        let share = |class, from: usize, to: usize| mean(&climate.of(class)[from * 24..to * 24]) / mean(climate.of(class));
        assert!(share(CustomerClass::ResidentialGas, 181, 212) > 1.15);
        assert!(share(CustomerClass::ResidentialElectric, 0, 31) > 1.15);
        assert_eq!(climate, Climate::new(1));
        assert_ne!(climate.temperature_c, Climate::new(2).temperature_c);
    }
}
