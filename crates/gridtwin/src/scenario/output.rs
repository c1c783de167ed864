//! The files of a stacked network: an OpenDSS model with its shapes, and the ledger.
//!
//! ```text
//! DIR/master.dss, buscoords.csv     the stacked network
//! DIR/shapes/*.dbl                  its load and temperature shapes
//! DIR/ledger.csv                    a row for each load and layer
//! DIR/profiles.csv                  a row for each step: base, layers, stacked, kW
//! DIR/ledger.json                   figures and facts of the layers; written last, so it is the sign that all is there
//! ```

use crate::failure::Failure;
use crate::number::g12;
use crate::result_folder::{cannot, write_whole};
use formats::opendss::{WriteOptions, write::COORDINATES_FILE, write::write as write_opendss};
use network::Diagnostic;
use serde_json::json;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use studies::scenario::{StackLedger, Stacked};

/// Name of the file of a shape.
fn shape_file(name: &str) -> String {
    let word: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' }).collect();
    format!("shapes/{word}.dbl")
}

/// Writes all files and returns their paths.
///
/// # Errors
/// A file that cannot be written, a network that no script can say.
pub fn write(stacked: &Stacked, dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let shapes = dir.join("shapes");
    fs::create_dir_all(&shapes).map_err(|e| cannot("make the folder", &shapes, &e))?;
    let sign = dir.join("ledger.json");
    if sign.exists() {
        fs::remove_file(&sign).map_err(|e| cannot("remove", &sign, &e))?;
    }
    let n = &stacked.network;
    // Names that differ only in what a file name cannot have stay in the script.
    let mut files: Vec<String> = n.load_shapes.iter().map(|s| shape_file(&s.name)).collect();
    files.extend(n.temperature_shapes.iter().map(|s| shape_file(&s.name)));
    let own = |name: &str| {
        let file = shape_file(name);
        let even = n.load_shapes.iter().find(|s| s.name == name).map(|s| s.hours.is_none() && s.q.is_none());
        let even = even.or_else(|| n.temperature_shapes.iter().find(|s| s.name == name).map(|s| s.hours.is_none())).unwrap_or(false);
        (even && files.iter().filter(|f| **f == file).count() == 1).then_some(file)
    };
    let written = write_opendss(n, &WriteOptions { shape_file: Some(&own) }).map_err(|e| {
        Failure::from(Diagnostic::error("OUTPUT.OPENDSS.UNWRITABLE", "the stacked network cannot be written").detail(e.to_string()))
    })?;
    let series = n.load_shapes.iter().map(|s| (&s.name, &s.p)).chain(n.temperature_shapes.iter().map(|s| (&s.name, &s.temperature_c)));
    for (name, values) in series {
        if let Some(file) = own(name) {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let path = dir.join(file);
            fs::write(&path, bytes).map_err(|e| cannot("write", &path, &e))?;
        }
    }
    let mut paths = Vec::new();
    let mut put = |name: &str, text: &str| -> Result<(), Failure> {
        let path = dir.join(name);
        write_whole(&path, text)?;
        paths.push(path);
        Ok(())
    };
    if let Some(text) = &written.coordinates {
        put(COORDINATES_FILE, text)?;
    }
    put("master.dss", &written.master)?;
    put("ledger.csv", &rows_csv(&stacked.ledger))?;
    put("profiles.csv", &profiles_csv(&stacked.ledger))?;
    let facts: Vec<_> = stacked.ledger.layers.iter().map(|l| json!({ "layer": l.layer, "facts": l.facts })).collect();
    let figures = json!({ "figures": super::record(&stacked.ledger), "facts": facts, "findings": stacked.findings });
    put("ledger.json", &(serde_json::to_string_pretty(&figures).expect("figures are plain data") + "\n"))?;
    Ok(paths)
}

fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// A row for each load and layer.
pub fn rows_csv(ledger: &StackLedger) -> String {
    let mut text = String::from("layer,element,load,transformer,customer_class,units,energy_kwh,peak_kw,peak_hour\n");
    for r in ledger.layers.iter().flat_map(|l| &l.rows) {
        let words = [&r.layer, &r.element, &r.load, &r.transformer, &r.customer_class].map(|w| cell(w)).join(",");
        let hour = (r.peak_step + 1) as f64 * ledger.step_h;
        let _ = writeln!(text, "{words},{},{},{},{}", r.units, g12(r.energy_kwh), g12(r.peak_kw), g12(hour));
    }
    text
}

/// A row for each step.
pub fn profiles_csv(ledger: &StackLedger) -> String {
    let mut text = String::from("step,hour,base_kw");
    for l in &ledger.layers {
        let _ = write!(text, ",{}", cell(&format!("{}_kw", l.layer)));
    }
    text.push_str(",stacked_kw\n");
    for k in 0..ledger.base_kw.len() {
        let _ = write!(text, "{k},{},{}", g12((k + 1) as f64 * ledger.step_h), g12(ledger.base_kw[k]));
        for l in &ledger.layers {
            let _ = write!(text, ",{}", g12(l.profile_kw[k]));
        }
        let _ = writeln!(text, ",{}", g12(ledger.stacked_kw[k]));
    }
    text
}
