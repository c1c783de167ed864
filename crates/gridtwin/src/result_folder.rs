//! A folder of result files that is either whole or not there.
//!
//! 1. [`ResultFolder::prepare`], before the model is read, makes the folder and removes the files
//!    of these names that an earlier run left: whatever happens next, they cannot be mistaken for
//!    the new result. Nothing else in the folder is touched.
//! 2. [`ResultFolder::write`] writes every file under a temporary name in the same folder, flushes
//!    it to the disk, and only then renames all of them, in the order of the names given. The last
//!    name is the sign that the set is whole.

use crate::failure::Failure;
use network::Diagnostic;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where a run puts its files.
#[derive(Debug)]
pub struct ResultFolder {
    dir: PathBuf,
    names: &'static [&'static str],
}

impl ResultFolder {
    /// Makes the folder and removes what an earlier run left under `names`.
    ///
    /// # Errors
    /// A folder that cannot be made, a file that cannot be removed.
    pub fn prepare(dir: &Path, names: &'static [&'static str]) -> Result<Self, Failure> {
        fs::create_dir_all(dir).map_err(|e| cannot("make the folder", dir, &e))?;
        let folder = Self { dir: dir.to_owned(), names };
        // The sign of wholeness goes first.
        for name in names.iter().rev() {
            remove_if_there(&dir.join(name))?;
        }
        let entries = fs::read_dir(dir).map_err(|e| cannot("list", dir, &e))?;
        for entry in entries.flatten() {
            let file_name = entry.file_name();
            let Some(temporary) = file_name.to_str() else { continue };
            let ours = |name: &&str| {
                temporary
                    .strip_prefix('.')
                    .and_then(|t| t.strip_prefix(*name))
                    .and_then(|t| t.strip_suffix(".partial"))
                    .and_then(|t| t.strip_prefix('.'))
                    .is_some_and(|process| process.parse::<u32>().is_ok())
            };
            if names.iter().any(ours) {
                remove_if_there(&entry.path())?;
            }
        }
        Ok(folder)
    }

    /// Writes some of the files, or none: names with their contents, the last of all names among them as the last.
    ///
    /// # Errors
    /// As [`ResultFolder::write`].
    pub fn write_some(&self, contents: &[(&'static str, Vec<u8>)]) -> Result<(), Failure> {
        assert!(contents.iter().all(|(name, _)| self.names.contains(name)), "names of the folder");
        let temporary = |name: &str| self.dir.join(format!(".{name}.{}.partial", std::process::id()));
        let result = contents.iter().try_for_each(|(name, content)| {
            let path = temporary(name);
            write_through(&path, content).map_err(|e| cannot("write", &path, &e))
        });
        let result = result.and_then(|()| {
            contents.iter().try_for_each(|(name, _)| {
                let to = self.dir.join(name);
                fs::rename(temporary(name), &to).map_err(|e| cannot("rename to", &to, &e))
            })
        });
        if result.is_err() {
            for (name, _) in contents {
                // Best effort: the first error is the one to tell.
                let _ = fs::remove_file(temporary(name));
            }
        }
        result
    }

    /// Writes all files, or none: `contents` in the order of the names.
    ///
    /// # Errors
    /// A file that cannot be written or renamed; temporary files are then removed.
    pub fn write(&self, contents: &[&str]) -> Result<(), Failure> {
        assert_eq!(contents.len(), self.names.len(), "one content for each name");
        self.write_some(&self.names.iter().zip(contents).map(|(name, content)| (*name, content.as_bytes().to_vec())).collect::<Vec<_>>())
    }
}

/// Writes one file that is either whole or not there, in place of an earlier one.
///
/// # Errors
/// A file that cannot be written or renamed.
pub fn write_whole(path: &Path, content: &str) -> Result<(), Failure> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
    let written = write_through(&temporary, content.as_bytes()).map_err(|e| cannot("write", path, &e));
    let done = written.and_then(|()| fs::rename(&temporary, path).map_err(|e| cannot("rename to", path, &e)));
    if done.is_err() {
        // Best effort: the first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    done
}

fn write_through(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn remove_if_there(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(cannot("remove the earlier result", path, &e)),
        _ => Ok(()),
    }
}

/// The failure of one action on one file.
pub(crate) fn cannot(action: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::from(
        Diagnostic::error("OUTPUT.FILE.REFUSED", format!("cannot {action} {}", path.display()))
            .detail(format!("The system says: {error}."))
            .hint(match action {
                "read" => "Check that the name is right and the file may be read.",
                _ => "Check that the folder exists, is writable and has space left, or name another one.",
            }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_results_go_first_and_others_stay() {
        let dir = std::env::temp_dir().join(format!("gridtwin-result-folder-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        for name in ["a.csv", "b.json", "mine.txt", ".a.csv.123.partial", ".a.csv.mine.partial"] {
            fs::write(dir.join(name), "old").unwrap();
        }
        let folder = ResultFolder::prepare(&dir, &["a.csv", "b.json"]).unwrap();
        let left = || {
            let mut names: Vec<String> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(left(), [".a.csv.mine.partial", "mine.txt"]);
        folder.write(&["1", "2"]).unwrap();
        assert_eq!(left(), [".a.csv.mine.partial", "a.csv", "b.json", "mine.txt"]);
        assert_eq!(fs::read_to_string(dir.join("b.json")).unwrap(), "2");
        fs::remove_dir_all(&dir).unwrap();
    }
}
