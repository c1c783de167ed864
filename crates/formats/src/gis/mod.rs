//! Maps of assets: vector files of any kind become [`layer::Layer`]s, and layers become a network.

mod archive;
pub mod build;
mod build_elements;
pub mod crs;
mod crs_wkt;
mod dbf;
mod dbf_text;
pub mod delimited;
pub mod export;
pub mod filegdb;
mod filegdb_geometry;
mod filegdb_table;
mod filegdb_xml;
pub mod geojson;
mod geometry;
pub mod layer;
pub mod mapping;
pub mod mapping_guess;
pub mod shapefile;
pub mod simbench;
mod sources;
pub mod topology;
mod wkt;

pub use build::{GisOptions, network_of, read, read_mapping, read_paths, read_with_mapping};
pub use crs::Crs;
pub use export::{is_network_geojson, is_tables, read_csv, read_geojson};
pub use geojson::write_geojson;
pub use layer::{Feature, Field, FieldKind, Geometry, Layer, LayerOptions, Value, read_layers};
pub use mapping::Mapping;
