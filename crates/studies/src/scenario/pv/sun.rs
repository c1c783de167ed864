//! Position of the sun.
//!
//! Low-precision formulas of the Astronomical Almanac as Michalsky (Solar Energy 40, 1988, and errata) arranged them, good to 0.01° from
//! 1950 to 2050. With `n` days since noon UTC of 2000-01-01, degrees throughout:
//!
//! ```text
//! mean longitude L = 280.460 + 0.9856474 n,   mean anomaly g = 357.528 + 0.9856003 n
//! ecliptic longitude λ = L + 1.915 sin g + 0.020 sin 2g,   obliquity ε = 23.439 - 0.0000004 n
//! right ascension tan α = cos ε sin λ / cos λ,   sin δ = sin ε sin λ
//! sidereal time at Greenwich θ = 6.697375 h + 0.0657098242 h n + hour UTC,   hour angle H = 15 θ + longitude - α
//! sin a = sin δ sin φ + cos δ cos φ cos H
//! ```

use network::LonLat;

/// Where the sun stands, without refraction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SunPosition {
    pub zenith_deg: f64,
    /// Clockwise from north.
    pub azimuth_deg: f64,
}

impl SunPosition {
    pub fn cos_zenith(self) -> f64 {
        self.zenith_deg.to_radians().cos()
    }
}

/// Position at a place, seconds since 1970-01-01T00:00 UTC.
pub fn position(place: LonLat, utc_s: f64) -> SunPosition {
    // 2000-01-01T12:00 UTC.
    let n = (utc_s - 946_728_000.0) / 86_400.0;
    let hour = (utc_s / 3600.0).rem_euclid(24.0);
    let l = (280.460 + 0.985_647_4 * n).rem_euclid(360.0);
    let g = (357.528 + 0.985_600_3 * n).rem_euclid(360.0).to_radians();
    let lambda = (l + 1.915 * g.sin() + 0.020 * (2.0 * g).sin()).to_radians();
    let epsilon = (23.439 - 0.000_000_4 * n).to_radians();
    let alpha = (epsilon.cos() * lambda.sin()).atan2(lambda.cos());
    let sin_delta = epsilon.sin() * lambda.sin();
    let cos_delta = (1.0 - sin_delta * sin_delta).sqrt();
    let sidereal_h = 6.697_375 + 0.065_709_824_2 * n + hour;
    let h = (15.0 * sidereal_h + place.lon_deg).to_radians() - alpha;
    let (sin_phi, cos_phi) = place.lat_deg.to_radians().sin_cos();
    let sin_a = (sin_delta * sin_phi + cos_delta * cos_phi * h.cos()).clamp(-1.0, 1.0);
    // Components of the sun's direction to the east and to the north.
    let east = -cos_delta * h.sin();
    let north = sin_delta * cos_phi - cos_delta * sin_phi * h.cos();
    SunPosition { zenith_deg: 90.0 - sin_a.asin().to_degrees(), azimuth_deg: east.atan2(north).to_degrees().rem_euclid(360.0) }
}

/// Irradiance beyond the atmosphere, W/m², after Spencer (1971) with the solar constant 1366.1; `day` of the year from 1.
pub fn extraterrestrial_w_per_m2(day: f64) -> f64 {
    let b = 2.0 * std::f64::consts::PI * (day - 1.0) / 365.0;
    let ratio = 1.00011 + 0.034_221 * b.cos() + 0.00128 * b.sin() + 0.000_719 * (2.0 * b).cos() + 7.7e-5 * (2.0 * b).sin();
    1366.1 * ratio
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sun_stands_where_nrel_says() {
        // Reda and Andreas, Solar Position Algorithm (NREL/TP-560-34302), example: 2003-10-17 12:30:30 UTC-7 at 39.742476, -105.1786;
        // topocentric zenith 50.11162 with refraction 0.0139 at that height, azimuth 194.34024.
        let at = position(LonLat::new(-105.1786, 39.742_476), 1_066_419_030.0);
        assert!((at.zenith_deg - (50.111_62 + 0.0139)).abs() < 0.02, "{at:?}");
        assert!((at.azimuth_deg - 194.340_24).abs() < 0.02, "{at:?}");
    }

    #[test]
    fn solstices_and_poles_are_where_they_are() {
        // 2024-06-20T20:51 UTC, June solstice: at local noon on the tropic the sun stands overhead.
        let noon = position(LonLat::new(-132.3, 23.44), 1_718_916_660.0);
        assert!(noon.zenith_deg < 0.5, "{noon:?}");
        for hour in 0..24 {
            let pole = position(LonLat::new(0.0, 90.0), 1_718_841_600.0 + 3600.0 * f64::from(hour));
            assert!((pole.zenith_deg - (90.0 - 23.44)).abs() < 0.05, "{pole:?}");
        }
        assert!((extraterrestrial_w_per_m2(3.0) / extraterrestrial_w_per_m2(185.0) - 1.0685).abs() < 0.003);
    }
}
