//! Which format a model is in: by what it holds first, by its name where that leaves it open.

use crate::table::is_gzip;
use crate::{FileSource, gis};
use std::fmt;
use std::path::Path;

/// A format in which models of networks come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModelFormat {
    /// OpenDSS script.
    OpenDss,
    /// PSS/E RAW or RAWX.
    Psse,
    /// MATPOWER case.
    Matpower,
    /// CYME text export: network, equipment and load files.
    CymeText,
    /// CYME study in XML.
    CymeXml,
    /// CYME database (.mdb, .accdb).
    CymeDatabase,
    /// Layers of a map, or the mapping that describes them.
    Gis,
    /// Tables of a SimBench grid.
    SimBench,
    /// Tables of a network as this program writes them, a file a class.
    Tables,
    /// A network as GeoJSON, as this program writes it.
    NetworkGeoJson,
}

impl fmt::Display for ModelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenDss => "OpenDSS",
            Self::Psse => "PSS/E",
            Self::Matpower => "MATPOWER",
            Self::CymeText => "CYME text",
            Self::CymeXml => "CYME XML",
            Self::CymeDatabase => "CYME database",
            Self::Gis => "GIS",
            Self::SimBench => "SimBench",
            Self::Tables => "tables",
            Self::NetworkGeoJson => "GeoJSON of a network",
        })
    }
}

/// Bytes at the beginning of a file that are looked at.
const HEAD: usize = 64 << 10;

/// The format of the model at `path`, a file or a folder. A file that shows no sign of another format is taken for a script,
/// whose reader says what is wrong with it.
pub fn detect(files: &dyn FileSource, path: &Path) -> ModelFormat {
    match files.read(path) {
        Ok(bytes) => detect_file(&bytes, path),
        Err(_) => detect_folder(files, path),
    }
}

fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

fn detect_file(bytes: &[u8], path: &Path) -> ModelFormat {
    let unpacked;
    let (bytes, inner) = if is_gzip(bytes) {
        // Only the head is wanted: a file whose rest is damaged is refused by its reader, not here.
        unpacked = head_of_gzip(bytes);
        (unpacked.as_slice(), path.with_extension(""))
    } else {
        (bytes, path.to_path_buf())
    };
    let head = &bytes[..bytes.len().min(HEAD)];
    let extension = extension(&inner);
    // Jet and ACE databases begin with this word behind four bytes.
    if head.get(4..).is_some_and(|h| h.starts_with(b"Standard Jet DB") || h.starts_with(b"Standard ACE DB")) {
        return ModelFormat::CymeDatabase;
    }
    // Who calls a file a script is told what of it is none.
    if extension == "dss" {
        return ModelFormat::OpenDss;
    }
    if head.starts_with(b"PK\x03\x04") {
        return ModelFormat::Gis;
    }
    if gis::is_network_geojson(head) {
        return ModelFormat::NetworkGeoJson;
    }
    match extension.as_str() {
        "raw" | "rawx" => return ModelFormat::Psse,
        "m" => return ModelFormat::Matpower,
        "mdb" | "accdb" => return ModelFormat::CymeDatabase,
        "sxst" => return ModelFormat::CymeXml,
        "shp" | "geojson" | "gdb" | "yaml" | "yml" => return ModelFormat::Gis,
        _ => {}
    }
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('<') {
        return ModelFormat::CymeXml;
    }
    if text.starts_with('{') {
        return if text.contains("\"network\"") { ModelFormat::Psse } else { ModelFormat::Gis };
    }
    if text.contains("mpc.") && text.contains("function") {
        return ModelFormat::Matpower;
    }
    if is_cyme_text(text) {
        return ModelFormat::CymeText;
    }
    if is_raw(text) {
        return ModelFormat::Psse;
    }
    if extension == "csv" { ModelFormat::Gis } else { ModelFormat::OpenDss }
}

fn head_of_gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut head = Vec::new();
    // What was unpacked before damage is kept.
    let _ = flate2::read::MultiGzDecoder::new(bytes).take(HEAD as u64).read_to_end(&mut head);
    head
}

/// A section name in brackets on a line of its own, and a FORMAT line or a version.
fn is_cyme_text(text: &str) -> bool {
    let bracketed = text.lines().take(200).any(|l| l.trim().starts_with('[') && l.trim().ends_with(']'));
    let upper = text.to_uppercase();
    bracketed && (upper.contains("FORMAT_") || upper.contains("CYME_VERSION"))
}

/// First line of a RAW file: a change code of 0 or 1, then the base power.
fn is_raw(text: &str) -> bool {
    let Some(first) = text.lines().find(|l| !l.trim_start().starts_with("@!")) else { return false };
    let data = first.split('/').next().unwrap_or_default();
    let mut items = data.split([',', ' ', '\t']).filter(|w| !w.is_empty());
    let code = items.next();
    let base = items.next().and_then(|w| w.parse::<f64>().ok());
    matches!(code, Some("0" | "1")) && base.is_some_and(|b| b > 0.0) && text.lines().count() > 3
}

fn detect_folder(files: &dyn FileSource, path: &Path) -> ModelFormat {
    let Ok(names) = files.list_dir(path) else { return ModelFormat::OpenDss };
    let has = |wanted: &[&str]| names.iter().any(|n| wanted.contains(&extension(Path::new(n)).as_str()));
    if gis::is_tables(files, path) {
        return ModelFormat::Tables;
    }
    if gis::simbench::is_simbench(files, path) {
        return ModelFormat::SimBench;
    }
    if has(&["gdbtable", "shp", "geojson", "gdb"]) {
        return ModelFormat::Gis;
    }
    let text = names.iter().filter(|n| ["txt", "asc", ""].contains(&extension(Path::new(n)).as_str()));
    let cyme =
        text.take(20).any(|n| files.read(&path.join(n)).is_ok_and(|b| is_cyme_text(&String::from_utf8_lossy(&b[..b.len().min(HEAD)]))));
    if cyme {
        return ModelFormat::CymeText;
    }
    if has(&["sxst", "xml"]) {
        return ModelFormat::CymeXml;
    }
    if has(&["mdb", "accdb"]) {
        return ModelFormat::CymeDatabase;
    }
    if has(&["csv"]) { ModelFormat::Gis } else { ModelFormat::OpenDss }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryFiles;

    #[test]
    fn models_are_known_by_what_they_hold() {
        let files = MemoryFiles::new()
            .with("a.txt", "[GENERAL]\r\nDATE=1\r\nCYME_VERSION=8.00\r\n")
            .with("case", "0, 100.0, 33 / x\ntitle\n\n1,'A',1.0\n0 /\n")
            .with("old.raw", "0 100.000\n")
            .with("c.txt", "function mpc = case9\nmpc.version = '2';\n")
            .with("m.bin", b"\0\x01\0\0Standard Jet DB\0".to_vec())
            .with("s.txt", "\u{feff}<?xml version=\"1.0\"?><Cyme/>")
            .with("g.json", "{\"type\": \"FeatureCollection\", \"features\": []}")
            .with("r.json", "{\"network\": {\"bus\": {}}}")
            .with("x.dss", "clear")
            .with("script", "New Circuit.a\n")
            .with("cyme/load.txt", "[LOADS]\nFORMAT_LOADS=A,B\n")
            .with("grid/Node.csv", "id;type\n")
            .with("grid/Line.csv", "id\n")
            .with("grid/LineType.csv", "id\n")
            .with("grid/ExternalNet.csv", "id\n")
            .with("layers/poles.shp", b"\0\0\x27\x0a".to_vec());
        let cases = [
            ("a.txt", ModelFormat::CymeText),
            ("case", ModelFormat::Psse),
            ("old.raw", ModelFormat::Psse),
            ("c.txt", ModelFormat::Matpower),
            ("m.bin", ModelFormat::CymeDatabase),
            ("s.txt", ModelFormat::CymeXml),
            ("g.json", ModelFormat::Gis),
            ("r.json", ModelFormat::Psse),
            ("x.dss", ModelFormat::OpenDss),
            ("script", ModelFormat::OpenDss),
            ("none", ModelFormat::OpenDss),
            ("cyme", ModelFormat::CymeText),
            ("layers", ModelFormat::Gis),
            ("grid", ModelFormat::SimBench),
        ];
        for (path, expected) in cases {
            assert_eq!(detect(&files, Path::new(path)), expected, "{path}");
        }
    }
}
