//! Maps of assets: vector files of any kind become [`layer::Layer`]s, and layers become a network.

pub mod crs;
pub mod layer;

pub use crs::Crs;
pub use layer::{Feature, Field, FieldKind, Geometry, Layer, LayerOptions, Value, read_layers};
