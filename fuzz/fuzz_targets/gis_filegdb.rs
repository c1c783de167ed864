//! Reading a file geodatabase ends without a panic whatever the bytes. The input is the list of tables, its
//! index, a layer and its index, each parted by a line `%%%`.

#![no_main]

use formats::MemoryFiles;
use formats::gis::layer::{LayerOptions, read_layers};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let mark = b"\n%%%\n";
    let mut files = MemoryFiles::new();
    let mut rest = bytes;
    for name in ["a00000001.gdbtable", "a00000001.gdbtablx", "a00000002.gdbtable", "a00000002.gdbtablx"] {
        let end = rest.windows(mark.len()).position(|w| w == mark);
        files.add(format!("a.gdb/{name}"), end.map_or(rest, |end| &rest[..end]));
        match end {
            Some(end) => rest = &rest[end + mark.len()..],
            None => break,
        }
    }
    if let Ok(layers) = read_layers(&files, Path::new("a.gdb"), &LayerOptions::default()) {
        for layer in layers {
            assert!(layer.features.iter().all(|f| f.values.len() == layer.fields.len()));
            let _ = layer.to_wgs84();
        }
    }
});
