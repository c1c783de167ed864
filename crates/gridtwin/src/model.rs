//! From a model in any format to a network that may be solved: read, commands of the command line, preflight.

use crate::cli::{ImportArguments, ModelArguments};
use crate::failure::Failure;
use crate::model_files::{ModelFiles, is_remote};
use crate::qsts::files::{HashCache, HashedFiles};
use formats::opendss::{FileSource, NotExecuted, ReadOptions};
use formats::{ModelFormat, ModelOptions};
use network::{Diagnostic, Imported, Ledger, Network, Reject, Severity, StudyFigure};
use powerflow::Session;
use std::path::Path;
use store::project::Project;

/// A model that was read, with the engine that its script has already used.
pub struct Model {
    /// As named on the command line.
    pub name: String,
    /// None for a network out of a project's store.
    pub format: Option<ModelFormat>,
    pub network: Network,
    /// Carries what the script's own solves left in converters and controls.
    pub session: Session,
    /// Findings of reading and, after [`Model::preflight`], of the checks.
    pub diagnostics: Vec<Diagnostic>,
    pub not_executed: Vec<NotExecuted>,
    /// What became of what the source said.
    pub ledger: Ledger,
    /// Records that were not used.
    pub rejects: Vec<Reject>,
    /// Records read, by section, table or layer.
    pub counts: Vec<(String, usize)>,
    /// Results of studies that came with the model.
    pub figures: Vec<StudyFigure>,
}

impl Model {
    /// Reads a model from disk and runs the commands that came with it.
    ///
    /// # Errors
    /// What keeps it from being read, as findings with file and line.
    pub fn read(arguments: &ModelArguments) -> Result<Self, Failure> {
        if Project::is_project(&arguments.model) {
            return Self::of_project(arguments);
        }
        Self::read_any(&ModelFiles::default(), &arguments.model, &arguments.dss, arguments.lenient, &arguments.import)
    }

    /// Reads a model of any format with files from elsewhere; `commands` are for scripts.
    ///
    /// # Errors
    /// As [`Model::read`].
    pub fn read_any(
        files: &dyn FileSource,
        path: &Path,
        commands: &[String],
        lenient: bool,
        import: &ImportArguments,
    ) -> Result<Self, Failure> {
        match formats::detect(files, path) {
            ModelFormat::OpenDss => Self::read_from(files, path, commands, lenient),
            format => {
                if let Some(command) = commands.first() {
                    let what = Diagnostic::error(
                        "READ.COMMAND.NO_SCRIPT",
                        format!("\"{command}\" is a script command, and the model is {format}"),
                    );
                    return Err(what.hint("leave --dss out; it is for OpenDSS models").into());
                }
                let imported = formats::model::read(format, files, path, &import_options(import, lenient))?;
                Ok(Self::from_imported(path.display().to_string(), Some(format), imported))
            }
        }
    }

    /// As [`Model::read`], with files from elsewhere, and a hash of all that was read.
    ///
    /// # Errors
    /// As [`Model::read`].
    pub fn read_hashed(files: &ModelFiles, arguments: &ModelArguments) -> Result<(Self, String), Failure> {
        let path = files.at(&arguments.model);
        if !is_remote(&path) && Project::is_project(&path) {
            let (network, version) = (arguments.network.as_deref(), arguments.network_version);
            let digest = Project::open(&path)?.version(network, version)?.digest;
            return Ok((Self::of_version(&path, network, version)?, digest));
        }
        let cache = HashCache::new(files.clone());
        let hashed = HashedFiles::new(&cache);
        let model = Self::read_any(&hashed, &arguments.model, &arguments.dss, arguments.lenient, &arguments.import)?;
        Ok((model, hashed.hash()))
    }

    /// A network out of a project: the one and version asked for, the newest otherwise.
    fn of_project(arguments: &ModelArguments) -> Result<Self, Failure> {
        Self::of_version(&arguments.model, arguments.network.as_deref(), arguments.network_version)
    }

    /// A version of a network out of the project in a folder: the only network and the newest version unless they are told.
    ///
    /// # Errors
    /// No such project, network or version.
    pub fn of_version(dir: &Path, network: Option<&str>, version: Option<u64>) -> Result<Self, Failure> {
        let stored = Project::open(dir)?.network(network, version)?;
        let v = &stored.info;
        let name = format!("{}, {} version {}", dir.display(), v.network, v.number);
        let mut imported = stored.imported;
        // The checks are made anew before the network is solved; what they found at the import would be told twice.
        imported.diagnostics.retain(|d| !d.code.starts_with("CHECK."));
        Ok(Self::from_imported(name, None, imported))
    }

    /// The model of a reader's result.
    pub fn from_imported(name: String, format: Option<ModelFormat>, imported: Imported) -> Self {
        Self {
            name,
            format,
            network: imported.network,
            session: Session::new(),
            diagnostics: imported.diagnostics,
            not_executed: Vec::new(),
            ledger: imported.ledger,
            rejects: imported.rejects,
            counts: imported.counts,
            figures: imported.figures,
        }
    }

    /// Reads the script `path`, runs `commands`; `lenient` goes on without what cannot be honoured.
    ///
    /// # Errors
    /// As [`Model::read`].
    pub fn read_with(path: &Path, commands: &[String], lenient: bool) -> Result<Self, Failure> {
        Self::read_from(&ModelFiles::default(), path, commands, lenient)
    }

    /// As [`Model::read_with`], with files from elsewhere.
    ///
    /// # Errors
    /// As [`Model::read`].
    pub fn read_from(files: &dyn FileSource, path: &Path, commands: &[String], lenient: bool) -> Result<Self, Failure> {
        let mut session = Session::new();
        let options = ReadOptions { lenient, commands: commands.to_vec() };
        let outcome = formats::opendss::read(files, path, &mut session, &options).map_err(|e| Failure::new(e.diagnostics))?;
        let imported = Imported {
            network: outcome.network,
            diagnostics: outcome.report.diagnostics,
            ledger: outcome.report.ledger,
            ..Imported::default()
        };
        let model = Self::from_imported(path.display().to_string(), Some(ModelFormat::OpenDss), imported);
        Ok(Self { session, not_executed: outcome.report.not_executed, ..model })
    }

    /// Checks the network and adds the findings.
    ///
    /// # Errors
    /// All findings, when one of them is an error; with `lenient` errors count as warnings and nothing is refused.
    pub fn preflight(&mut self, lenient: bool) -> Result<(), Failure> {
        let mut found = network::check::check(&self.network);
        if lenient {
            for d in found.iter_mut().filter(|d| d.severity == Severity::Error) {
                d.severity = Severity::Warning;
            }
        }
        let refused = found.iter().any(|d| d.severity == Severity::Error);
        self.diagnostics.extend(found);
        if refused { Err(Failure::new(std::mem::take(&mut self.diagnostics))) } else { Ok(()) }
    }

    /// As [`Model::prepare`], with a hash of all that was read.
    ///
    /// # Errors
    /// As [`Model::prepare`].
    pub fn prepare_hashed(arguments: &ModelArguments) -> Result<(Self, String), Failure> {
        let (mut model, hash) = Self::read_hashed(&ModelFiles::default(), arguments)?;
        model.preflight(arguments.lenient)?;
        Ok((model, hash))
    }

    /// Reads and checks, ready to be solved.
    ///
    /// # Errors
    /// As [`Model::read`] and [`Model::preflight`].
    pub fn prepare(arguments: &ModelArguments) -> Result<Self, Failure> {
        let mut model = Self::read(arguments)?;
        model.preflight(arguments.lenient)?;
        Ok(model)
    }
}

/// What the command line says of a model that is no script.
pub fn import_options(arguments: &ImportArguments, lenient: bool) -> ModelOptions {
    ModelOptions {
        lenient,
        mapping: arguments.mapping.clone(),
        crs: arguments.crs.clone(),
        feeders: arguments.feeder.clone(),
        load_model: arguments.load_model.clone(),
        corrections: arguments.fix.clone(),
        controls_act: arguments.controls_act,
        lon_lat: arguments.lon_lat,
    }
}
