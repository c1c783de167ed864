//! Reading a shapefile ends without a panic whatever the bytes of its parts. The input is the .shp, then, each
//! after a line `%%%`, the .dbf, .shx, .prj and .cpg.

#![no_main]

use formats::MemoryFiles;
use formats::gis::layer::{LayerOptions, read_layers};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let mark = b"\n%%%\n";
    let mut files = MemoryFiles::new();
    let mut rest = bytes;
    for extension in ["shp", "dbf", "shx", "prj", "cpg"] {
        let end = rest.windows(mark.len()).position(|w| w == mark);
        files.add(format!("m/a.{extension}"), end.map_or(rest, |end| &rest[..end]));
        match end {
            Some(end) => rest = &rest[end + mark.len()..],
            None => break,
        }
    }
    if let Ok(layers) = read_layers(&files, Path::new("m/a.shp"), &LayerOptions::default()) {
        for layer in layers {
            assert!(layer.features.iter().all(|f| f.values.len() == layer.fields.len()));
            let _ = layer.to_wgs84();
        }
    }
});
