//! The model of a station with the register of its equipment and the settings of its relays.

use crate::cli::{ImportArguments, ModelArguments};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::result_folder::cannot;
use formats::station::{Read, read_equipment, read_relays};
use network::{Diagnostic, Network, Severity, Station, StationRelay};
use std::path::{Path, PathBuf};

/// The station that ships.
const SHIPPED: &str = "models/ehv-400-220.dss";

pub struct Found {
    pub network: Network,
    pub station: Station,
    pub relays: Vec<StationRelay>,
}

/// Reads the model that is named, or the one that ships.
///
/// # Errors
/// No model, files that are missing beside it or have errors.
pub fn read(model: Option<&Path>, console: &mut Console<'_>) -> Result<Found, Failure> {
    let path = match model {
        Some(path) => path.to_owned(),
        None => shipped()?,
    };
    let arguments = ModelArguments {
        model: path.clone(),
        dss: Vec::new(),
        lenient: false,
        network: None,
        network_version: None,
        import: ImportArguments::default(),
    };
    let model = Model::prepare(&arguments)?;
    let (equipment, protection) = (beside(&path, "assets.yaml")?, beside(&path, "protection.yaml")?);
    let text = |path: &Path| std::fs::read_to_string(path).map_err(|e| cannot("read", path, &e));
    let station = read_equipment(&text(&equipment)?, &equipment.display().to_string(), &model.network);
    let relays = read_relays(&text(&protection)?, &protection.display().to_string(), &model.network);
    let mut findings = model.diagnostics;
    let (station, relays) = (taken(station, &mut findings), taken(relays, &mut findings));
    // Notes are about what is in order.
    findings.retain(|d| d.severity != Severity::Note);
    match (station, relays) {
        (Some(station), Some(relays)) => {
            console.warn(&findings);
            Ok(Found { network: model.network, station, relays })
        }
        _ => Err(Failure::new(findings)),
    }
}

fn taken<T>(read: Read<T>, findings: &mut Vec<Diagnostic>) -> Option<T> {
    findings.extend(read.findings);
    read.value
}

/// The shipped model, in the working folder or beside the program.
fn shipped() -> Result<PathBuf, Failure> {
    let beside_program = std::env::current_exe().ok().and_then(|p| p.parent().map(|dir| dir.join(SHIPPED)));
    [Some(PathBuf::from(SHIPPED)), beside_program].into_iter().flatten().find(|p| p.is_file()).ok_or_else(|| {
        Diagnostic::error("PLANT.MODEL.MISSING", "there is no model to simulate")
            .detail(format!("None is named, and there is no {SHIPPED} in this folder or beside the program."))
            .hint("Name a model: gridtwin simulate plant path/to/station.dss --modbus 127.0.0.1:1502.")
            .into()
    })
}

/// A file beside the model, or in the folder that has the model's name.
fn beside(model: &Path, name: &str) -> Result<PathBuf, Failure> {
    let places = [model.with_file_name(name), model.with_extension("").join(name)];
    places.iter().find(|p| p.is_file()).cloned().ok_or_else(|| {
        Diagnostic::error("PLANT.STATION.MISSING", format!("the station has no {name}"))
            .detail(format!("Neither {} nor {} is there.", places[0].display(), places[1].display()))
            .hint("Write the register and the relays' settings as docs/formats/station.md says.")
            .into()
    })
}
