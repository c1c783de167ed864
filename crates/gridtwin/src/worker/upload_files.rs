//! The files of an upload, and nothing else of the disk: a model can name any path, and may be hostile.

use crate::disk_files::DiskFiles;
use formats::opendss::FileSource;
use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Files below a folder, by paths relative to it. What leaves the folder, by `..`, as an absolute path or through a link, is not there.
pub struct UploadFiles {
    root: PathBuf,
    disk: DiskFiles,
    /// Files that are not on disk.
    given: HashMap<PathBuf, Vec<u8>>,
}

impl UploadFiles {
    /// # Errors
    /// A folder that is not there.
    pub fn new(root: &Path) -> io::Result<Self> {
        Ok(Self { root: root.canonicalize()?, disk: DiskFiles::default(), given: HashMap::new() })
    }

    /// Adds a file that is not on disk.
    pub fn give(&mut self, path: impl Into<PathBuf>, bytes: Vec<u8>) {
        self.given.insert(path.into(), bytes);
    }

    /// The path without `.` and `..`, when it stays within the folder.
    fn inside(path: &Path) -> Option<PathBuf> {
        let mut clean = PathBuf::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => clean.push(name),
                Component::CurDir => {}
                Component::ParentDir => {
                    if !clean.pop() {
                        return None;
                    }
                }
                Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        Some(clean)
    }

    /// Where a path is on disk.
    fn place(&self, path: &Path) -> io::Result<PathBuf> {
        let outside = || io::Error::new(io::ErrorKind::NotFound, "it is no file of the upload");
        let place = self.root.join(Self::inside(path).ok_or_else(outside)?);
        // Links were not unpacked; one that got here in another way is no way out.
        if place.canonicalize()?.starts_with(&self.root) { Ok(place) } else { Err(outside()) }
    }
}

impl FileSource for UploadFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.given.get(path) {
            return Ok(bytes.clone());
        }
        self.disk.read(&self.place(path)?)
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.disk.list_dir(&self.place(dir)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_folder_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("files");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::write(dir.path().join("secret"), "s").unwrap();
        std::fs::write(root.join("sub/a.dss"), "a").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path().join("secret"), root.join("link")).unwrap();
        let files = UploadFiles::new(&root).unwrap();
        assert_eq!(files.read(Path::new("sub/a.dss")).unwrap(), b"a");
        assert_eq!(files.read(Path::new("sub/../sub/./a.dss")).unwrap(), b"a");
        assert!(files.list_dir(Path::new("")).unwrap().contains(&"sub".to_owned()));
        let secret = dir.path().join("secret");
        for path in ["../secret", "sub/../../secret", "link", "/etc/hostname", secret.to_str().unwrap()] {
            assert!(files.read(Path::new(path)).is_err(), "{path}");
        }
        assert!(files.list_dir(Path::new("..")).is_err());
    }
}
