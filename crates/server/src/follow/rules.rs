//! Rules that were put in force through the server, kept beside the file that the document of the site names.
//!
//! Whoever changes the file means it: then the file counts again, and what was put in force before is set aside.

use network::Diagnostic;
use std::path::{Path, PathBuf};
use store::files::write_whole;
use store::sha256_hex;

fn failed(action: &str, place: &Path, why: impl std::fmt::Display) -> Vec<Diagnostic> {
    vec![
        Diagnostic::error("TWIN.FOLDER.FAILED", format!("cannot {action} {}", place.display()))
            .detail(format!("The system says: {why}."))
            .hint("Check the folder of --data, its rights and the disk."),
    ]
}

pub(super) fn fault(action: &str, place: &Path, why: impl std::fmt::Display) -> Vec<Diagnostic> {
    failed(action, place, why)
}

fn places(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join("rules.yaml"), folder.join("rules.of"))
}

fn hash(text: Option<&str>) -> String {
    sha256_hex(text.unwrap_or_default().as_bytes())
}

/// The rules to begin with: those that were put in force last, unless the file has changed since.
pub(super) fn in_force(folder: &Path, of_file: Option<&str>) -> Result<Option<String>, Vec<Diagnostic>> {
    let (place, mark) = places(folder);
    let read = |place: &Path| match std::fs::read_to_string(place) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed("read", place, e)),
    };
    match (read(&place)?, read(&mark)?) {
        (Some(kept), Some(mark)) if mark.trim() == hash(of_file) => Ok(Some(kept)),
        (Some(_), _) => {
            let aside = folder.join("rules.before.yaml");
            tracing::warn!(aside = %aside.display(), "the file of rules has changed: it counts, and the rules put in force before are set aside");
            std::fs::rename(&place, &aside).map_err(|e| failed("set aside", &place, e))?;
            Ok(of_file.map(str::to_owned))
        }
        (None, _) => Ok(of_file.map(str::to_owned)),
    }
}

/// Keeps rules that are in force now.
pub(super) fn keep(folder: &Path, of_file: Option<&str>, yaml: &str) -> Result<(), Vec<Diagnostic>> {
    let (place, mark) = places(folder);
    // The mark first: without the rules it says nothing, and rules of another mark would be set aside.
    write_whole(&mark, hash(of_file).as_bytes()).map_err(|e| failed("write", &mark, e))?;
    write_whole(&place, yaml.as_bytes()).map_err(|e| failed("write", &place, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_counts_again() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(in_force(dir.path(), Some("a")).unwrap().as_deref(), Some("a"));
        keep(dir.path(), Some("a"), "b").unwrap();
        assert_eq!(in_force(dir.path(), Some("a")).unwrap().as_deref(), Some("b"));
        assert_eq!(in_force(dir.path(), Some("c")).unwrap().as_deref(), Some("c"));
        assert_eq!(std::fs::read_to_string(dir.path().join("rules.before.yaml")).unwrap(), "b");
        assert_eq!(in_force(dir.path(), None).unwrap(), None);
    }
}
