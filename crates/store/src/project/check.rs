//! Is a project whole.

use super::error::ProjectError;
use super::{Dialect, Project};
use network::Diagnostic;

impl Project {
    /// Looks at everything that is kept: the database itself, every version read back, the files beside it.
    ///
    /// # Returns
    /// Findings; none when all is as it was written.
    ///
    /// # Errors
    /// A database that cannot be read at all.
    pub fn check(&self) -> Result<Vec<Diagnostic>, ProjectError> {
        let mut findings = Vec::new();
        let is_sqlite = self.database().dialect() == Dialect::Sqlite;
        if is_sqlite {
            let place = self.database().place().to_owned();
            let told = self.database().rows("PRAGMA integrity_check(20)", &[])?;
            for line in told.iter().map(|r| r.text(0)).filter(|line| line != "ok") {
                findings.push(ProjectError::Damaged { place: place.clone(), reason: line }.diagnostic());
            }
        }
        for version in self.history(None)? {
            match self.network(Some(&version.network), Some(version.number)) {
                Ok(_) => {}
                Err(e @ ProjectError::VersionDamaged { .. }) => findings.push(e.diagnostic()),
                Err(e) => return Err(e),
            }
            let path = self.rejects_path(&version);
            if version.rejects > 0 && !path.is_file() {
                findings.push(
                    Diagnostic::warning(
                        "PROJECT.REJECTS.MISSING",
                        format!(
                            "the file of the records that version {} of network \"{}\" rejected is missing",
                            version.number, version.network
                        ),
                    )
                    .detail(format!("It was {}.", path.display()))
                    .hint("The database has the records: the next import writes the file anew, or `gridtwin project export` does."),
                );
            }
        }
        Ok(findings)
    }
}
