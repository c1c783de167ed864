//! Things that are there but carry no current in the model: poles, meters, structures, and what a
//! source knows of an element beyond its electrical data.

use crate::{BusId, ElementId, SourceRef};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longitude and latitude, WGS 84, degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LonLat {
    pub lon_deg: f64,
    pub lat_deg: f64,
}

/// Mean radius of the earth (IUGG), metres.
const EARTH_RADIUS_M: f64 = 6_371_008.8;

impl LonLat {
    pub fn new(lon_deg: f64, lat_deg: f64) -> Self {
        Self { lon_deg, lat_deg }
    }

    /// Great-circle distance (haversine) in metres.
    pub fn distance_m(self, other: Self) -> f64 {
        let (a, b) = (self.lat_deg.to_radians(), other.lat_deg.to_radians());
        let half_lat = ((b - a) / 2.0).sin();
        let half_lon = ((other.lon_deg - self.lon_deg).to_radians() / 2.0).sin();
        let h = half_lat * half_lat + a.cos() * b.cos() * half_lon * half_lon;
        2.0 * EARTH_RADIUS_M * h.sqrt().min(1.0).asin()
    }
}

/// Name of the same thing in another system.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Alias {
    /// System or file kind, such as `gis`, `cyme`, `ami`.
    pub system: String,
    pub id: String,
}

/// What an asset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    Pole,
    /// Service point or revenue meter.
    Meter,
    Conductor,
    Transformer,
    Switch,
    Fuse,
    Recloser,
    Breaker,
    Capacitor,
    Regulator,
    Generator,
    Substation,
    Bus,
    Load,
    Other,
}

/// One record of an asset system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    /// Identity in its source; unique within `kind` of one network.
    pub id: String,
    pub kind: AssetKind,
    /// One point, or the points of a line; WGS 84.
    pub route: Vec<LonLat>,
    /// Values by the source's field names, as written.
    pub attributes: BTreeMap<String, String>,
    /// The electrical element that it is.
    pub element: Option<ElementId>,
    /// The bus at which it stands.
    pub bus: Option<BusId>,
    pub feeder: String,
    pub source: SourceRef,
}
