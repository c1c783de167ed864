//! Reading GeoJSON ends without a panic whatever the bytes, and what is read can be written and read again.

#![no_main]

use formats::MemoryFiles;
use formats::gis::layer::{LayerOptions, read_layers};
use formats::gis::write_geojson;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let files = MemoryFiles::new().with("a.geojson", bytes);
    let Ok(layers) = read_layers(&files, Path::new("a.geojson"), &LayerOptions::default()) else { return };
    let Ok(text) = write_geojson(&layers) else { return };
    let again = read_layers(&MemoryFiles::new().with("b.geojson", text), Path::new("b.geojson"), &LayerOptions::default());
    let again = again.expect("what was written is GeoJSON");
    assert_eq!(again[0].rejects.len(), 0);
});
