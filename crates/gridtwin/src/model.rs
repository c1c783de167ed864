//! From a model file to a network that may be solved: read, commands of the command line, preflight.

use crate::cli::ModelArguments;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use formats::opendss::{FileSource, NotExecuted, ReadOptions};
use network::{Diagnostic, Ledger, Network, Severity};
use powerflow::Session;
use std::path::Path;

/// A model that was read, with the engine that its script has already used.
pub struct Model {
    /// As named on the command line.
    pub name: String,
    pub network: Network,
    /// Carries what the script's own solves left in converters and controls.
    pub session: Session,
    /// Findings of reading and, after [`Model::preflight`], of the checks.
    pub diagnostics: Vec<Diagnostic>,
    pub not_executed: Vec<NotExecuted>,
    /// What the script said and nothing uses.
    pub ledger: Ledger,
}

impl Model {
    /// Reads a model from disk and runs the commands that came with it.
    ///
    /// # Errors
    /// What keeps it from being read, as findings with file and line.
    pub fn read(arguments: &ModelArguments) -> Result<Self, Failure> {
        Self::read_with(&arguments.model, &arguments.dss, arguments.lenient)
    }

    /// Reads `path`, runs `commands`; `lenient` goes on without what cannot be honoured.
    ///
    /// # Errors
    /// As [`Model::read`].
    pub fn read_with(path: &Path, commands: &[String], lenient: bool) -> Result<Self, Failure> {
        Self::read_from(&DiskFiles::default(), path, commands, lenient)
    }

    /// As [`Model::read_with`], with files from elsewhere.
    ///
    /// # Errors
    /// As [`Model::read`].
    pub fn read_from(files: &dyn FileSource, path: &Path, commands: &[String], lenient: bool) -> Result<Self, Failure> {
        let mut session = Session::new();
        let options = ReadOptions { lenient, commands: commands.to_vec() };
        let outcome = formats::opendss::read(files, path, &mut session, &options).map_err(|e| Failure::new(e.diagnostics))?;
        Ok(Self {
            name: path.display().to_string(),
            network: outcome.network,
            session,
            diagnostics: outcome.report.diagnostics,
            not_executed: outcome.report.not_executed,
            ledger: outcome.report.ledger,
        })
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
