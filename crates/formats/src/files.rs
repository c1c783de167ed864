//! Files as a script names them: handed in, found without regard to case.

use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Where the files of a script come from. Paths are what [`Finder::find`] makes of the master's
/// path and the names in the scripts.
pub trait FileSource {
    /// The whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Names of the files and folders directly in a folder.
    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>>;
}

/// Files held in memory, for tests and uploads.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles {
    files: HashMap<PathBuf, Vec<u8>>,
}

impl MemoryFiles {
    pub fn new() -> MemoryFiles {
        MemoryFiles::default()
    }

    pub fn add(&mut self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) -> &mut MemoryFiles {
        self.files.insert(normalise(path.as_ref()), bytes.into());
        self
    }

    pub fn with(mut self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) -> MemoryFiles {
        self.add(path, bytes);
        self
    }
}

impl FileSource for MemoryFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.get(&normalise(path)).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        let dir = normalise(dir);
        let mut names: Vec<String> = self
            .files
            .keys()
            .filter_map(|path| path.strip_prefix(&dir).ok())
            .filter_map(|inside| inside.components().next())
            .map(|first| first.as_os_str().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }
}

/// Finds files named in a script, remembering what the folders hold.
pub(crate) struct Finder<'a> {
    source: &'a dyn FileSource,
    folders: HashMap<PathBuf, Vec<String>>,
}

impl<'a> Finder<'a> {
    pub fn new(source: &'a dyn FileSource) -> Finder<'a> {
        Finder { source, folders: HashMap::new() }
    }

    /// The path that `name`, as a file in folder `dir` says it, stands for, and its bytes.
    /// Back-slashes are taken as slashes; each part matches in either case if not exactly.
    pub fn find(&mut self, dir: &Path, name: &str) -> io::Result<(PathBuf, Vec<u8>)> {
        let wanted = join(dir, name);
        match self.source.read(&wanted) {
            Ok(bytes) => return Ok((wanted, bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound || e.kind() == io::ErrorKind::NotADirectory => {}
            Err(e) => return Err(e),
        }
        let found = self.match_case(dir, &wanted).ok_or(io::ErrorKind::NotFound)?;
        let bytes = self.source.read(&found)?;
        Ok((found, bytes))
    }

    /// The existing path that is `wanted` but for case. The part it has in common with `dir`, which
    /// exists, is taken as it is.
    fn match_case(&mut self, dir: &Path, wanted: &Path) -> Option<PathBuf> {
        let dir = normalise(dir);
        let shared: PathBuf = dir.components().zip(wanted.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
        let mut found = shared.clone();
        for part in wanted.strip_prefix(&shared).ok()?.components() {
            let Component::Normal(part) = part else {
                found.push(part);
                continue;
            };
            let part = part.to_string_lossy();
            let names = match self.folders.get(&found) {
                Some(names) => names,
                None => {
                    let names = self.source.list_dir(&found).unwrap_or_default();
                    self.folders.entry(found.clone()).or_insert(names)
                }
            };
            let same = names.iter().find(|n| **n == part);
            let lower = part.to_lowercase();
            let name = same.or_else(|| names.iter().find(|n| n.to_lowercase() == lower))?;
            found.push(name);
        }
        Some(found)
    }
}

/// The path of `name` seen from folder `dir`.
pub(crate) fn join(dir: &Path, name: &str) -> PathBuf {
    normalise(&dir.join(name.trim().replace('\\', "/")))
}

/// The path without `.` parts and with `..` parts worked out as far as they can be.
fn normalise(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                let last = parts.components().next_back();
                if matches!(last, Some(Component::Normal(_))) {
                    parts.pop();
                } else if !matches!(last, Some(Component::RootDir)) {
                    parts.push("..");
                }
            }
            _ => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_in_either_case_part_by_part() {
        let files = MemoryFiles::new().with("model/Sub/Lines.DSS", "x").with("other/a.dss", "y");
        let mut finder = Finder::new(&files);
        let find = |finder: &mut Finder<'_>, dir: &str, name: &str| {
            finder.find(Path::new(dir), name).map(|(path, _)| path.to_string_lossy().into_owned())
        };
        assert_eq!(find(&mut finder, "model", "sub\\lines.dss").unwrap(), "model/Sub/Lines.DSS");
        assert_eq!(find(&mut finder, "model/Sub", "./LINES.dss").unwrap(), "model/Sub/Lines.DSS");
        assert_eq!(find(&mut finder, "model/Sub", "../../OTHER/a.dss").unwrap(), "other/a.dss");
        assert_eq!(find(&mut finder, "model", "none.dss").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(find(&mut finder, "model", "../../../x").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
