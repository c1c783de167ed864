//! What the sun gives: from a year of weather to the power of panels behind an inverter.
//!
//! ```text
//! place, time ─► sun (sun.rs) ─► GHI apart into direct and diffuse (irradiance.rs, Erbs) ─► plane of the panel (isotropic or Hay-Davies)
//!             ─► cells (Faiman) ─► DC power (linear in irradiance and temperature) ─► inverter with its limit (PVWatts)
//! ```
//!
//! Checked against pvlib on the same weather: `cases/solar`.

pub mod irradiance;
pub mod module;
pub mod sun;
