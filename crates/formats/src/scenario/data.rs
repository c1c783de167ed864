//! The files of data that a scenario names: weather, profiles, weights.

use super::read::Wanted;
use crate::FileSource;
use crate::weather::{self, WeatherOptions};
use network::scenario::parameters::FileKind;
use network::scenario::{Profile, ScenarioData};
use network::{Diagnostic, LonLat, Severity, SourceRef};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Rows of a profile: a leap year of minutes.
const MAX_ROWS: usize = 527_040;

pub(super) fn read(
    files: &dyn FileSource,
    wanted: &[Wanted],
    place: Option<LonLat>,
    findings: &mut Vec<Diagnostic>,
    read_files: &mut Vec<PathBuf>,
) -> ScenarioData {
    let mut data = ScenarioData::default();
    let mut seen: Vec<(FileKind, &str)> = Vec::new();
    for w in wanted {
        if seen.contains(&(w.kind, &w.name)) {
            continue;
        }
        seen.push((w.kind, &w.name));
        let path = Path::new(&w.name);
        let bytes = match files.read(path) {
            Ok(bytes) => bytes,
            Err(e) => {
                let what = Diagnostic::error("SCENARIO.FILE.MISSING", format!("cannot open {}", w.name));
                let what = what.at(&w.at).detail(format!("The system says: {e}."));
                findings.push(what.hint("correct the path, which counts from the folder of the file that names it"));
                continue;
            }
        };
        read_files.push(path.to_path_buf());
        match w.kind {
            FileKind::Weather => match weather::read_bytes(&bytes, &w.name, &WeatherOptions { place, ..WeatherOptions::default() }) {
                Ok(import) => {
                    findings.extend(import.diagnostics.into_iter().filter(|d| d.severity > Severity::Note));
                    if let Some(first) = import.series.into_iter().next() {
                        data.weather.insert(w.name.clone(), first);
                    }
                }
                Err(e) => findings.extend(e.diagnostics),
            },
            FileKind::Profile => {
                if let Some(profile) = profile(&bytes, &w.name, findings) {
                    data.profiles.insert(w.name.clone(), profile);
                }
            }
            FileKind::Weights => {
                if let Some(weights) = weights(&bytes, &w.name, findings) {
                    data.weights.insert(w.name.clone(), weights);
                }
            }
        }
    }
    data
}

fn fault(name: &str, line: u64, what: String, hint: &str) -> Diagnostic {
    Diagnostic::error("SCENARIO.FILE.UNREADABLE", what).at(&SourceRef::new(name, u32::try_from(line).unwrap_or(0))).hint(hint)
}

/// The rows of a table of commas with their lines; `None` with a finding when it is none.
fn rows(bytes: &[u8], name: &str, findings: &mut Vec<Diagnostic>) -> Option<Vec<(u64, Vec<String>)>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).comment(Some(b'#')).from_reader(bytes);
    let mut out = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                if record.iter().any(|cell| !cell.is_empty()) {
                    out.push((line, record.iter().map(str::to_owned).collect()));
                }
            }
            Err(e) => {
                let line = e.position().map_or(0, csv::Position::line);
                findings.push(fault(name, line, format!("the table {name} cannot be read"), "write numbers with commas between them"));
                return None;
            }
        }
        if out.len() > MAX_ROWS + 1 {
            findings.push(fault(name, 0, format!("the table {name} has more than {MAX_ROWS} rows"), "give one year"));
            return None;
        }
    }
    Some(out)
}

/// Columns of kW. A first row that holds no number is the header.
fn profile(bytes: &[u8], name: &str, findings: &mut Vec<Diagnostic>) -> Option<Profile> {
    let rows = rows(bytes, name, findings)?;
    let is_header = rows.first().is_some_and(|(_, cells)| cells.iter().all(|c| c.parse::<f64>().is_err()));
    let (header, body) = rows.split_at(usize::from(is_header));
    let n = body.first().map_or(0, |(_, cells)| cells.len());
    if n == 0 || n > 2 {
        let what = format!("the profile {name} has {n} columns of numbers, not one or two");
        findings.push(fault(name, 1, what, "give kW, or kW of workdays and of weekends"));
        return None;
    }
    let titles = |i: usize| header.first().and_then(|(_, cells)| cells.get(i).cloned()).unwrap_or_else(|| format!("column {}", i + 1));
    let mut columns: Vec<(String, Vec<f64>)> = (0..n).map(|i| (titles(i), Vec::with_capacity(body.len()))).collect();
    for (line, cells) in body {
        for (i, column) in columns.iter_mut().enumerate() {
            let value = cells.get(i).and_then(|c| c.parse::<f64>().ok()).filter(|v| v.is_finite() && (0.0..=1e6).contains(v));
            match value {
                Some(value) if cells.len() == n => column.1.push(value),
                _ => {
                    let what = format!("\"{}\" is no power of a unit", cells.join(","));
                    findings.push(fault(name, *line, what, "each row has as many numbers as the first, of 0 kW and more"));
                    return None;
                }
            }
        }
    }
    Some(Profile { columns, source: SourceRef::new(name, 1) })
}

/// Names and weights.
fn weights(bytes: &[u8], name: &str, findings: &mut Vec<Diagnostic>) -> Option<BTreeMap<String, f64>> {
    let mut out = BTreeMap::new();
    for (i, (line, cells)) in rows(bytes, name, findings)?.into_iter().enumerate() {
        let number = cells.get(1).and_then(|c| c.parse::<f64>().ok());
        match (cells.first(), number) {
            (Some(load), Some(weight)) if weight.is_finite() && weight >= 0.0 && !load.is_empty() => {
                out.insert(load.to_lowercase(), weight);
            }
            _ if i == 0 && number.is_none() => {}
            _ => {
                findings.push(fault(
                    name,
                    line,
                    format!("\"{}\" is no name with a weight", cells.join(",")),
                    "write load,weight, the weight 0 or more",
                ));
                return None;
            }
        }
    }
    Some(out)
}
