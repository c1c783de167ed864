//! Files of a script on disk: the one place where a model is read from the file system.

use formats::opendss::FileSource;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest file that is read, bytes: a year of one-second shapes fits, a disk image given by mistake does not.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// Files on disk, refused when they are no plain files or larger than a limit.
#[derive(Debug, Clone, Copy)]
pub struct DiskFiles {
    pub max_bytes: u64,
}

impl Default for DiskFiles {
    fn default() -> Self {
        Self { max_bytes: MAX_FILE_BYTES }
    }
}

impl DiskFiles {
    fn too_large(&self) -> io::Error {
        io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than the limit of {} MiB for one file", self.max_bytes >> 20))
    }
}

impl FileSource for DiskFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        // A pipe or a device would block or never end, so the kind is looked at before it is opened.
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "a folder, not a file"));
        }
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file"));
        }
        if metadata.len() > self.max_bytes {
            return Err(self.too_large());
        }
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        // The file may grow while it is read, so the limit holds for what comes, too.
        File::open(path)?.take(self.max_bytes + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > self.max_bytes {
            return Err(self.too_large());
        }
        Ok(bytes)
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        // The empty path is the working directory, as it is for a file named without a folder.
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_a_large_file_are_refused() {
        let files = DiskFiles { max_bytes: 8 };
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(files.read(here).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(files.read(&here.join("Cargo.toml")).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(files.read(&here.join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(files.list_dir(here).unwrap().contains(&"Cargo.toml".to_owned()));
    }
}
