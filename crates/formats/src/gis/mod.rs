//! Maps of assets: vector files of any kind become [`layer::Layer`]s, and layers become a network.

mod archive;
pub mod crs;
mod crs_wkt;
mod dbf;
mod dbf_text;
pub mod geojson;
mod geometry;
pub mod layer;
pub mod shapefile;
mod sources;

pub use crs::Crs;
pub use geojson::write_geojson;
pub use layer::{Feature, Field, FieldKind, Geometry, Layer, LayerOptions, Value, read_layers};
