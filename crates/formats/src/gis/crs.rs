//! Coordinate reference systems.

use crate::ImportError;
use crate::gis::layer::{Coord, Layer};
use network::Diagnostic;

/// A coordinate reference system as a source declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct Crs {
    /// The declaration: WKT, `EPSG:n`, or a proj string.
    pub definition: String,
    /// Name for people.
    pub name: String,
    pub epsg: Option<u32>,
    /// The same as a proj string; none when the declaration is not understood.
    pub proj: Option<String>,
    /// Whether latitude or northing comes first in the file. Readers swap; coordinates in a layer are
    /// always easting first.
    pub northing_first: bool,
}

impl Crs {
    /// Longitude and latitude in degrees on WGS 84.
    pub fn wgs84() -> Crs {
        Crs {
            definition: "EPSG:4326".to_owned(),
            name: "WGS 84".to_owned(),
            epsg: Some(4326),
            proj: Some("+proj=longlat +datum=WGS84 +no_defs".to_owned()),
            northing_first: false,
        }
    }
}

/// From a reference system to WGS 84.
#[derive(Clone, Debug)]
pub struct Projection {
    name: String,
}

impl Projection {
    /// Changes a coordinate of the system to longitude and latitude in degrees.
    pub fn to_lon_lat(&self, _c: &mut Coord) -> Result<(), ImportError> {
        Ok(())
    }

    pub fn is_wgs84(&self) -> bool {
        true
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The projection of a layer.
///
/// # Errors
/// When the layer declares no system, or one that is not understood.
pub fn projection_of(layer: &Layer) -> Result<Projection, ImportError> {
    match &layer.crs {
        Some(crs) if crs.epsg == Some(4326) => Ok(Projection { name: crs.name.clone() }),
        Some(crs) => {
            Err(Diagnostic::error("GIS.CRS.UNKNOWN", format!("the reference system {} is not known", crs.name)).at(&layer.source).into())
        }
        None => Err(Diagnostic::error("GIS.CRS.MISSING", "the layer declares no reference system").at(&layer.source).into()),
    }
}
