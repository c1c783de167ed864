//! Irradiance on the ground, taken apart and thrown onto a plane.
//!
//! Erbs, Klein and Duffie (1982): with clearness `k = GHI / (E0 cos z)` the diffuse share of GHI is
//!
//! ```text
//! 1 - 0.09 k                                              k <= 0.22
//! 0.9511 - 0.1604 k + 4.388 k² - 16.638 k³ + 12.336 k⁴    0.22 < k <= 0.8
//! 0.165                                                   k > 0.8
//! ```
//!
//! On a plane of tilt β with the sun at incidence θ, with albedo ρ:
//!
//! ```text
//! direct   DNI max(0, cos θ)
//! ground   ρ GHI (1 - cos β)/2
//! sky, isotropic   DHI (1 + cos β)/2
//! sky, Hay and Davies (1980)   DHI [A max(0, cos θ)/max(cos z, 0.01745) + (1 - A)(1 + cos β)/2],  A = DNI/E0
//! ```

use super::sun::SunPosition;
use network::scenario::Transposition;

/// Beyond this zenith no direct light is derived from GHI: it would be a quotient of two small numbers.
const MAX_ZENITH_DEG: f64 = 87.0;
/// Cosine of the zenith below which the clearness counts with this value.
const MIN_COS_ZENITH: f64 = 0.065;

/// Irradiance on the horizontal, W/m²; direct normal and diffuse.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Irradiance {
    pub ghi: f64,
    pub dni: f64,
    pub dhi: f64,
}

/// Takes GHI apart by Erbs' correlation; `e0` beyond the atmosphere, W/m².
pub fn erbs(ghi: f64, sun: SunPosition, e0: f64) -> Irradiance {
    let ghi = ghi.max(0.0);
    let cos_z = sun.cos_zenith();
    let k = (ghi / (e0 * cos_z.max(MIN_COS_ZENITH))).clamp(0.0, 1.0);
    let share = if k <= 0.22 {
        1.0 - 0.09 * k
    } else if k <= 0.8 {
        0.9511 - 0.1604 * k + 4.388 * k * k - 16.638 * k.powi(3) + 12.336 * k.powi(4)
    } else {
        0.165
    };
    let dhi = share * ghi;
    let dni = (ghi - dhi) / cos_z;
    if sun.zenith_deg > MAX_ZENITH_DEG || !(0.0..=f64::MAX).contains(&dni) {
        Irradiance { ghi, dni: 0.0, dhi: ghi }
    } else {
        Irradiance { ghi, dni, dhi }
    }
}

/// A plane that light falls on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    pub tilt_deg: f64,
    /// Clockwise from north.
    pub azimuth_deg: f64,
}

impl Plane {
    /// Cosine of the angle between the sun and the plane's normal.
    pub fn cos_incidence(self, sun: SunPosition) -> f64 {
        let (tilt, zenith) = (self.tilt_deg.to_radians(), sun.zenith_deg.to_radians());
        let azimuth = (sun.azimuth_deg - self.azimuth_deg).to_radians();
        (tilt.cos() * zenith.cos() + tilt.sin() * zenith.sin() * azimuth.cos()).clamp(-1.0, 1.0)
    }
}

/// Light on a plane, W/m²: direct, and from sky and ground.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OnPlane {
    pub direct: f64,
    pub diffuse: f64,
}

/// Throws irradiance onto a plane.
pub fn transpose(light: Irradiance, sun: SunPosition, e0: f64, plane: Plane, albedo: f64, model: Transposition) -> OnPlane {
    let cos_i = plane.cos_incidence(sun).max(0.0);
    let cos_tilt = plane.tilt_deg.to_radians().cos();
    let isotropic = light.dhi * (1.0 + cos_tilt) / 2.0;
    let sky = match model {
        Transposition::Isotropic => isotropic,
        Transposition::HayDavies => {
            let a = (light.dni / e0).clamp(0.0, 1.0);
            a * light.dhi * cos_i / sun.cos_zenith().max(0.017_45) + (1.0 - a) * isotropic
        }
    };
    OnPlane { direct: light.dni * cos_i, diffuse: sky + albedo * light.ghi * (1.0 - cos_tilt) / 2.0 }
}

/// Share of direct light that passes the glass at an incidence, by ASHRAE's formula `1 - b (1/cos θ - 1)`.
pub fn incidence_factor(cos_incidence: f64, b: f64) -> f64 {
    if cos_incidence <= 0.0 { 0.0 } else { (1.0 - b * (1.0 / cos_incidence - 1.0)).max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole() {
        let sun = SunPosition { zenith_deg: 40.0, azimuth_deg: 150.0 };
        for ghi in [0.0, 50.0, 300.0, 700.0, 1000.0] {
            let light = erbs(ghi, sun, 1367.0);
            assert!((light.dni * sun.cos_zenith() + light.dhi - ghi).abs() < 1e-9, "{light:?}");
            // A horizontal plane sees what the ground sees.
            let flat = Plane { tilt_deg: 0.0, azimuth_deg: 180.0 };
            for model in [Transposition::Isotropic, Transposition::HayDavies] {
                let on = transpose(light, sun, 1367.0, flat, 0.2, model);
                assert!((on.direct + on.diffuse - ghi).abs() < 1e-9, "{on:?}");
            }
        }
        // Under heavy clouds nearly all is diffuse, in clear sky a sixth.
        assert!(erbs(100.0, sun, 1367.0).dhi > 98.0);
        assert!((erbs(900.0, sun, 1367.0).dhi / 900.0 - 0.165).abs() < 1e-12);
    }

    #[test]
    fn a_plane_that_faces_the_sun_has_no_incidence() {
        let sun = SunPosition { zenith_deg: 35.0, azimuth_deg: 200.0 };
        assert!((Plane { tilt_deg: 35.0, azimuth_deg: 200.0 }.cos_incidence(sun) - 1.0).abs() < 1e-12);
        assert_eq!((incidence_factor(1.0, 0.05), incidence_factor(0.0, 0.05)), (1.0, 0.0));
        assert!((incidence_factor(0.5, 0.05) - 0.95).abs() < 1e-12);
    }
}
