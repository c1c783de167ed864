//! The day of the plant: loads by the hour, weather, and their noise.
//!
//! Hourly values of a load are joined by straight lines; they are parts of the load that the model states and this plant's own choice: industry
//! in two shifts, shops by day, a region with a morning and an evening peak. Noise stands upon them: a slow course of 1 % over ten minutes and a
//! quick one of 0.3 % over five seconds, of its own for every load. The year has a warm season, 6 K above the mean at the end of May and as much
//! below it six months later, in which shops and the region draw 1.2 % more for every kelvin (fans, cooling). No day of the week is unlike another.

use super::random;

/// Parts of the stated load at full hours of the day.
const INDUSTRY: [f64; 24] = [
    0.62, 0.60, 0.60, 0.60, 0.62, 0.70, 0.85, 0.95, 1.0, 1.0, 0.99, 0.97, 0.92, 0.97, 0.99, 0.98, 0.95, 0.92, 0.90, 0.88, 0.86, 0.82, 0.72,
    0.65,
];
const SHOPS: [f64; 24] = [
    0.30, 0.28, 0.27, 0.27, 0.28, 0.33, 0.42, 0.58, 0.75, 0.90, 0.96, 0.99, 1.0, 1.0, 0.99, 0.98, 0.97, 0.98, 1.0, 0.97, 0.85, 0.66, 0.47,
    0.36,
];
const REGION: [f64; 24] = [
    0.64, 0.60, 0.58, 0.57, 0.59, 0.66, 0.78, 0.88, 0.91, 0.89, 0.87, 0.86, 0.85, 0.84, 0.84, 0.85, 0.88, 0.94, 1.0, 1.0, 0.97, 0.90, 0.80,
    0.71,
];

/// What kind of customers a load stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Customers {
    Industry,
    Shops,
    Region,
}

/// Part of its stated load that a load draws at a time of day, without noise.
pub fn part_of_day(customers: Customers, second_of_day: f64) -> f64 {
    let table = match customers {
        Customers::Industry => &INDUSTRY,
        Customers::Shops => &SHOPS,
        Customers::Region => &REGION,
    };
    let hour = second_of_day.rem_euclid(86_400.0) / 3600.0;
    let (i, part) = (hour.floor() as usize % 24, hour.fract());
    table[i] + (table[(i + 1) % 24] - table[i]) * part
}

/// The same with the noise of load number `load`.
pub fn part_now(customers: Customers, time_s: f64, seed: u64, load: u64) -> f64 {
    let noise = 0.01 * random::course(seed, 100 + load, time_s, 600.0) + 0.003 * random::course(seed, 200 + load, time_s, 5.0);
    part_of_day(customers, time_s) * part_of_year(customers, time_s) * (1.0 + noise)
}

/// How much more than on the first of March a load draws for the season.
pub fn part_of_year(customers: Customers, time_s: f64) -> f64 {
    match customers {
        Customers::Industry => 1.0,
        Customers::Shops | Customers::Region => 1.0 + 0.012 * season_k(time_s),
    }
}

/// What the season adds to the air's temperature, K: nothing on the first of March, most at the end of May.
pub fn season_k(time_s: f64) -> f64 {
    /// The first of March 2026, s.
    const SPRING_S: f64 = 1_772_323_200.0;
    6.0 * (std::f64::consts::TAU * (time_s - SPRING_S) / (365.2425 * 86_400.0)).sin()
}

/// Air temperature, C: 30 and 7 K either way, warmest at three in the afternoon, with the season, and half a kelvin of weather over half an hour.
pub fn ambient_c(time_s: f64, seed: u64) -> f64 {
    let angle = std::f64::consts::TAU * (time_s / 86_400.0 - 15.0 / 24.0);
    30.0 + 7.0 * angle.cos() + season_k(time_s) + 0.5 * random::course(seed, 2, time_s, 1800.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_joined_and_noise_is_small() {
        assert_eq!(part_of_day(Customers::Region, 18.0 * 3600.0), 1.0);
        assert!((part_of_day(Customers::Industry, 6.5 * 3600.0) - 0.90).abs() < 1e-12);
        assert_eq!(part_of_day(Customers::Shops, 86_400.0 * 3.0), 0.30);
        for second in (0..86_400).step_by(977) {
            let second = f64::from(second);
            let calm = part_of_day(Customers::Shops, second) * part_of_year(Customers::Shops, second);
            let noisy = part_now(Customers::Shops, second, 5, 1);
            assert!((noisy / calm - 1.0).abs() < 0.06, "{second}: {calm} {noisy}");
        }
        let (spring, summer) = (1_772_323_200.0, 1_772_323_200.0 + 91.31 * 86_400.0);
        assert!(season_k(spring).abs() < 1e-9 && (season_k(summer) - 6.0).abs() < 1e-6);
        assert!((part_of_year(Customers::Region, summer) - 1.072).abs() < 1e-6 && part_of_year(Customers::Industry, summer) == 1.0);
        let warm = ambient_c(15.0 * 3600.0, 5) - ambient_c(3.0 * 3600.0, 5);
        assert!((warm - 14.0).abs() < 4.0, "{warm}");
    }
}
