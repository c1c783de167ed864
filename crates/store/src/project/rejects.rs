//! Rejected records of an import, as a CSV file beside the database.

use super::error::ProjectError;
use crate::files::PartialFile;
use crate::names;
use network::Reject;
use std::io::Write;
use std::path::{Path, PathBuf};

/// `DIR/rejects/NETWORK-vN.csv`.
pub(super) fn path(dir: &Path, network: &str, number: u64) -> PathBuf {
    dir.join("rejects").join(format!("{}-v{number}.csv", names::encode(network)))
}

/// Writes the file, whole or not at all.
pub(super) fn write(path: &Path, rejects: &[Reject]) -> Result<(), ProjectError> {
    let mut text = String::from("file,line,reason,record\n");
    for r in rejects {
        let cells = [r.source.file.as_ref(), &r.source.line.to_string(), &r.reason, &r.text].map(cell);
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    let mut file = PartialFile::create(path)?;
    if let Err(e) = file.write_all(text.as_bytes()) {
        return Err(file.failed(e).into());
    }
    Ok(file.commit()?)
}

/// A cell after RFC 4180.
fn cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
