//! A model of a network in any format but a script: one call for whoever has a path and wants a network.
//!
//! Scripts ([`crate::opendss`]) are apart because they solve while they are read, and need an engine for it.

use crate::cyme::{self, Correction};
use crate::detect::ModelFormat;
use crate::gis::{self, GisOptions, LayerOptions};
use crate::{FileSource, ImportError, matpower, psse};
use network::{Diagnostic, Imported, SourceRef};
use std::path::{Path, PathBuf};

/// What the caller says of a model that its files leave open.
#[derive(Clone, Debug, Default)]
pub struct ModelOptions {
    /// Records that cannot be used are warnings.
    pub lenient: bool,
    /// Mapping of layers and fields (GIS).
    pub mapping: Option<PathBuf>,
    /// Reference system of layers that declare none (GIS).
    pub crs: Option<String>,
    /// Feeders or networks to read; empty: all (CYME).
    pub feeders: Vec<String>,
    /// Load model (CYME).
    pub load_model: Option<String>,
    /// Corrections asked for (CYME).
    pub corrections: Vec<Correction>,
    /// Controls act instead of keeping their saved positions (CYME).
    pub controls_act: bool,
    /// Coordinates are longitude and latitude (CYME).
    pub lon_lat: bool,
}

/// Reads a model of a format other than OpenDSS.
///
/// # Errors
/// What keeps it from being read, with file and line or record.
pub fn read(format: ModelFormat, files: &dyn FileSource, path: &Path, options: &ModelOptions) -> Result<Imported, ImportError> {
    let cyme_options = || cyme::Options {
        feeders: options.feeders.clone(),
        load_model: options.load_model.clone(),
        corrections: options.corrections.clone(),
        lenient: options.lenient,
        controls_act: options.controls_act,
        lon_lat: options.lon_lat,
    };
    match format {
        ModelFormat::OpenDss => Err(Diagnostic::error("READ.FORMAT.SCRIPT", "a script is read with an engine that solves on its way")
            .at(&SourceRef::new(path.to_string_lossy(), 0))
            .into()),
        ModelFormat::Psse => psse::read(files, path, &psse::ReadOptions { lenient: options.lenient, ..psse::ReadOptions::default() }),
        ModelFormat::CymeXml => cyme::xml::read(files, path, &cyme_options()),
        ModelFormat::CymeDatabase => cyme::mdb::read(files, path, &cyme_options()),
        ModelFormat::SimBench => gis::simbench::read(files, path),
        ModelFormat::Tables => gis::read_csv(files, path),
        ModelFormat::NetworkGeoJson => gis::read_geojson(files, path),
        ModelFormat::CymeText => cyme::text::read(files, path, &cyme_options()),
        ModelFormat::Matpower => {
            matpower::read(files, path, &matpower::ReadOptions { lenient: options.lenient, ..matpower::ReadOptions::default() })
        }
        ModelFormat::Gis => {
            let is_mapping = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"));
            // A mapping alone stands for the layers beside it.
            let folder = path.parent().unwrap_or(Path::new(""));
            let (layers, mapping) = if is_mapping { (folder, Some(path.to_path_buf())) } else { (path, options.mapping.clone()) };
            let layer_options = LayerOptions { crs: options.crs.clone(), ..LayerOptions::default() };
            gis::read(files, layers, &GisOptions { mapping_file: mapping, layers: layer_options, ..GisOptions::default() })
        }
    }
}
