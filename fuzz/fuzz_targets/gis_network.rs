//! Any bytes as a mapping file, as a GeoJSON network, and as one table of a network: never a panic.
#![no_main]

use formats::MemoryFiles;
use formats::gis::export::{read_csv, read_geojson};
use formats::gis::{GisOptions, Mapping, read};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

const LINE: &str = r#"{"type":"Feature","properties":{"id":"a","ph":7},"geometry":{"type":"LineString","coordinates":[[8,50],[8.001,50]]}}"#;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(mapping) = Mapping::from_yaml(text, "m.yaml") {
            let files = MemoryFiles::new().with("lines.geojson", LINE);
            let _ = read(&files, Path::new("lines.geojson"), &GisOptions { mapping: Some(mapping), ..GisOptions::default() });
        }
    }
    let files = MemoryFiles::new()
        .with("map.geojson", data)
        .with("t/network.csv", "field,value\nversion,1\n")
        .with("t/buses.csv", data);
    let _ = read_geojson(&files, Path::new("map.geojson"));
    let _ = read(&files, Path::new("map.geojson"), &GisOptions::default());
    let _ = read_csv(&files, Path::new("t"));
});
