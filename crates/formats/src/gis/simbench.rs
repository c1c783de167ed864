//! Grids of the SimBench data set: a folder of tables with semicolons.
//!
//! A SimBench grid is node-breaker data: lines and transformers end at *auxiliary* nodes, and a switch joins each to
//! its busbar. An auxiliary node with one switch and one element is folded into the switch: the element ends at the
//! busbar, and an open switch opens that end. Everything else is the general path of maps with the mapping
//! [`MAPPING`]. Conventions: power in MW and Mvar, lengths in km, `b` in µS/km at 50 Hz, losses of transformers in kW,
//! `va0` the angle by which the low side lags; data are those of the positive sequence.
//!
//! Source: S. Meinecke et al., "SimBench – A benchmark dataset of electric power systems to compare innovative solutions
//! based on power flow analysis", Energies 13 (2020) 3290, and the data set's documentation.

use super::build::{layer_of_table, network_of};
use super::layer::{Layer, Value};
use super::mapping::Mapping;
use crate::table::{self, Table, TableOptions};
use crate::{FileSource, ImportError};
use network::{Diagnostic, Disposition, Imported, SourceRef};
use std::collections::HashMap;
use std::path::Path;

/// What the tables of a SimBench grid mean.
pub const MAPPING: &str = include_str!("simbench.yaml");

/// Tables that a grid needs.
const NEEDED: [&str; 4] = ["Node", "Line", "LineType", "ExternalNet"];

/// Tables with elements that have no counterpart here.
const REFUSED: [&str; 5] = ["Storage", "PowerPlant", "Transformer3W", "Shunt", "DCLine"];

/// Tables that are read but carry nothing of the network.
const NOT_USED: [&str; 4] = ["Measurement", "StudyCases", "Substation", "StorageProfile"];

/// Whether a folder holds the tables of a SimBench grid.
pub fn is_simbench(files: &dyn FileSource, folder: &Path) -> bool {
    files.list_dir(folder).is_ok_and(|names| NEEDED.iter().all(|t| find(&names, t).is_some()))
}

fn find<'a>(names: &'a [String], table: &str) -> Option<&'a str> {
    let wanted = [format!("{table}.csv"), format!("{table}.csv.gz")];
    names.iter().map(String::as_str).find(|n| wanted.iter().any(|w| w.eq_ignore_ascii_case(n)))
}

/// Reads the tables of a SimBench grid.
///
/// # Errors
/// A folder without the needed tables, a table that does not read, or a column that is not there.
pub fn read(files: &dyn FileSource, folder: &Path) -> Result<Imported, ImportError> {
    let names = files.list_dir(folder).map_err(|e| {
        ImportError::from(Diagnostic::error("GIS.SIMBENCH.TABLE", format!("the folder {} cannot be read: {e}", folder.display())))
    })?;
    let mut mapping = Mapping::from_yaml(MAPPING, "simbench.yaml")?;
    let (mut layers, mut profiles): (Vec<Layer>, Vec<(String, Table)>) = (Vec::new(), Vec::new());
    let mut out = Imported::default();
    let load = |table: &str| -> Result<Option<Table>, ImportError> {
        match find(&names, table) {
            Some(name) => {
                table::read(files, &folder.join(name), &TableOptions { delimiter: Some(';'), ..TableOptions::default() }).map(Some)
            }
            None if NEEDED.contains(&table) => {
                let what = format!("a SimBench grid has a table {table}.csv, which is not in {}", folder.display());
                Err(Diagnostic::error("GIS.SIMBENCH.TABLE", what).hint("Name the folder that holds all tables of the grid.").into())
            }
            None => Ok(None),
        }
    };
    for name in ["Node", "Line", "LineType", "ExternalNet", "Coordinates", "Switch", "Transformer", "TransformerType", "Load", "RES"] {
        match load(name)? {
            Some(table) => layers.push(layer_of_table(name, table)),
            // A grid may be without; its mapping then has nothing to find.
            None => {
                mapping.layers.retain(|l| l.layer != name);
                mapping.transformer_types.retain(|c| c.table.as_deref() != Some(name));
                for l in &mut mapping.layers {
                    l.joins.retain(|j| j.table != name);
                    if name == "Coordinates" {
                        l.fields.retain(|_, s| !s.field.iter().any(|f| f == "lon" || f == "lat"));
                    }
                    if name == "Switch" {
                        l.fields.retain(|_, s| !s.field.iter().any(|f| f.starts_with("cond_")));
                        l.fields.values_mut().for_each(|s| s.field.retain(|f| !f.starts_with("main_")));
                    }
                }
            }
        }
    }
    for name in ["LoadProfile", "RESProfile"] {
        match load(name)? {
            Some(table) => profiles.push((name.to_owned(), table)),
            None => mapping.profiles.retain(|p| p.table != name),
        }
    }
    for name in REFUSED {
        let Some(table) = load(name)?.filter(|t| !t.rows.is_empty()) else { continue };
        let what = format!("{} rows of {name} have no counterpart and are left out", table.rows.len());
        let d = Diagnostic::error("GIS.SIMBENCH.UNSUPPORTED", what).at(&table.at(table.rows[0].line));
        out.diagnostics.push(d.hint("Results differ from those of the whole grid."));
        for row in &table.rows {
            out.rejects.push(network::Reject {
                source: table.at(row.line),
                reason: format!("no counterpart for {name}"),
                text: row.cells.join(";"),
            });
        }
    }
    for name in NOT_USED {
        if let Some(file) = find(&names, name) {
            let reason = "it tells nothing of the network's elements".to_owned();
            let source = SourceRef::new(folder.join(file).to_string_lossy().as_ref(), 0);
            out.ledger.record(&format!("{name}.(table)"), Disposition::Dropped { reason }, Some(&source));
        }
    }
    out.ledger.record(
        "Transformer.autoTap",
        Disposition::Dropped { reason: "the tables give no set point of tap changers; taps stay at tappos".into() },
        None,
    );
    fold(&mut layers);
    let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let (mut imported, _) = network_of(layers, &mapping, &profiles, &name)?;
    imported.diagnostics.extend(out.diagnostics);
    imported.diagnostics.sort_by_key(|d| std::cmp::Reverse(d.severity));
    imported.rejects.extend(out.rejects);
    imported.ledger.entries.extend(out.ledger.entries);
    imported.counts.extend(profiles.iter().map(|(name, t)| (name.clone(), t.rows.len())));
    Ok(imported)
}

fn text(value: Option<&Value>) -> String {
    value.map(|v| v.to_string().trim().to_lowercase()).unwrap_or_default()
}

/// Parts the switches into those that are folded into the end of one element (`EndSwitch`) and those that stay (`Switch`),
/// and turns each so that its second node is the auxiliary one. An auxiliary node of several elements is made a busbar.
fn fold(layers: &mut Vec<Layer>) {
    let index = |layers: &[Layer], name: &str| layers.iter().position(|l| l.name == name);
    let (Some(nodes), Some(switches)) = (index(layers, "Node"), index(layers, "Switch")) else { return };
    let mut uses: HashMap<String, usize> = HashMap::new();
    for (table, columns) in [
        ("Line", &["nodeA", "nodeB"][..]),
        ("Transformer", &["nodeHV", "nodeLV"]),
        ("Load", &["node"]),
        ("RES", &["node"]),
        ("ExternalNet", &["node"]),
    ] {
        let Some(layer) = index(layers, table).map(|i| &layers[i]) else { continue };
        for column in columns {
            let Some(at) = layer.field_index(column) else { continue };
            for f in &layer.features {
                *uses.entry(text(f.values.get(at))).or_insert(0) += 1;
            }
        }
    }
    let mut auxiliary: HashMap<String, bool> = HashMap::new();
    if let (Some(id), Some(kind)) = (layers[nodes].field_index("id"), layers[nodes].field_index("type")) {
        for f in &layers[nodes].features {
            auxiliary.insert(text(f.values.get(id)), text(f.values.get(kind)) == "auxiliary");
        }
    }
    let mut at_switches: HashMap<String, usize> = HashMap::new();
    let (Some(a), Some(b)) = (layers[switches].field_index("nodeA"), layers[switches].field_index("nodeB")) else { return };
    for f in &layers[switches].features {
        for at in [a, b] {
            *at_switches.entry(text(f.values.get(at))).or_insert(0) += 1;
        }
    }
    let folds = |node: &str| {
        auxiliary.get(node) == Some(&true) && uses.get(node).copied().unwrap_or(0) == 1 && at_switches.get(node).copied().unwrap_or(0) == 1
    };
    let mut ends = Layer::new("EndSwitch", layers[switches].source.clone());
    ends.fields.clone_from(&layers[switches].fields);
    let mut rest = Vec::new();
    for mut f in std::mem::take(&mut layers[switches].features) {
        let (first, second) = (text(f.values.get(a)), text(f.values.get(b)));
        if folds(&first) && !folds(&second) {
            f.values.swap(a, b);
        }
        match folds(&first) || folds(&second) {
            // Both folded would leave the elements without a bus: such a switch stays.
            true if !(folds(&first) && folds(&second)) => ends.features.push(f),
            _ => rest.push(f),
        }
    }
    layers[switches].features = rest;
    // What was not folded away is a bus of its own.
    let folded: std::collections::HashSet<String> = ends.features.iter().map(|f| text(f.values.get(b))).collect();
    if let (Some(id), Some(kind)) = (layers[nodes].field_index("id"), layers[nodes].field_index("type")) {
        for f in &mut layers[nodes].features {
            let is_folded = folded.contains(&text(f.values.get(id)));
            if let Some(value) = f.values.get_mut(kind)
                && !is_folded
                && text(Some(value)) == "auxiliary"
            {
                *value = Value::text("node");
            }
        }
    }
    layers.push(ends);
}
