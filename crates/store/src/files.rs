//! Files that are whole or not there: written under a temporary name beside their place, flushed to the disk, renamed.

use crate::error::StoreError;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Ends the name of a file that is being written. What a killed run leaves under it is nobody's.
pub(crate) const PARTIAL: &str = ".partial";

/// SHA-256 of some bytes, as 64 hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Length and SHA-256 of a file.
pub fn measure(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut length = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((length, hex(&hash.finalize()))),
            n => {
                hash.update(&buffer[..n]);
                length += n as u64;
            }
        }
    }
}

/// A file under its temporary name, hashed as it is written. Dropped before [`PartialFile::finish`], it is removed.
#[derive(Debug)]
pub struct PartialFile {
    place: PathBuf,
    temporary: PathBuf,
    file: Option<File>,
    hash: Sha256,
    bytes: u64,
    /// Kind and code of the first failure, for a writer in between that tells it only as text.
    failure: Option<io::Error>,
}

impl PartialFile {
    /// Makes the folder of `place` and begins the file.
    ///
    /// # Errors
    /// A folder or file that cannot be made.
    pub fn create(place: &Path) -> Result<Self, StoreError> {
        Self::create_beside(place, "")
    }

    /// As [`PartialFile::create`], with a temporary name of its own for each `writer` who may write the same file at once.
    ///
    /// # Errors
    /// As [`PartialFile::create`].
    pub(crate) fn create_beside(place: &Path, writer: &str) -> Result<Self, StoreError> {
        let folder = place.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|e| StoreError::writing(folder, 0, e))?;
        let mut name = place.file_name().unwrap_or_default().to_owned();
        if !writer.is_empty() {
            name.push(format!(".{writer}"));
        }
        name.push(PARTIAL);
        let temporary = place.with_file_name(name);
        let file = File::create(&temporary).map_err(|e| StoreError::writing(&temporary, 0, e))?;
        Ok(Self { place: place.to_owned(), temporary, file: Some(file), hash: Sha256::new(), bytes: 0, failure: None })
    }

    /// Lets nobody but the owner read it, where the system knows of that.
    ///
    /// # Errors
    /// A file whose rights cannot be changed.
    pub(crate) fn only_for_owner(&self) -> Result<(), StoreError> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let rights = fs::Permissions::from_mode(0o600);
            fs::set_permissions(&self.temporary, rights).map_err(|e| StoreError::writing(&self.temporary, 0, e))?;
        }
        Ok(())
    }

    /// The failure of a write, told with the file's own error where there is one.
    pub fn failed(&mut self, otherwise: impl std::fmt::Display) -> StoreError {
        let source = self.failure.take().unwrap_or_else(|| io::Error::other(otherwise.to_string()));
        StoreError::writing(&self.place, self.bytes, source)
    }

    /// Flushes the file to the disk and puts it in its place.
    ///
    /// # Errors
    /// A disk that takes no more; a place that cannot be replaced.
    pub fn commit(self) -> Result<(), StoreError> {
        self.finish()?.rename()
    }

    /// Takes the file out of a writer that has written its last to it.
    pub fn take(&mut self) -> Self {
        Self {
            place: std::mem::take(&mut self.place),
            temporary: std::mem::take(&mut self.temporary),
            file: self.file.take(),
            hash: std::mem::take(&mut self.hash),
            bytes: self.bytes,
            failure: self.failure.take(),
        }
    }

    /// Flushes the file to the disk. Returns its length and SHA-256; [`Synced::rename`] puts it in its place.
    pub(crate) fn finish(mut self) -> Result<Synced, StoreError> {
        let file = self.file.take().expect("the file is open until it is finished");
        file.sync_data().map_err(|e| StoreError::writing(&self.place, self.bytes, e))?;
        let (place, temporary) = (std::mem::take(&mut self.place), std::mem::take(&mut self.temporary));
        Ok(Synced { place, temporary, bytes: self.bytes, sha256: hex(&self.hash.clone().finalize()) })
    }
}

impl Write for PartialFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let file = self.file.as_mut().ok_or_else(|| io::Error::other("the file has been finished"))?;
        match file.write(buffer) {
            Ok(n) => {
                self.hash.update(&buffer[..n]);
                self.bytes += n as u64;
                Ok(n)
            }
            Err(e) => {
                if self.failure.is_none() && e.kind() != io::ErrorKind::Interrupted {
                    self.failure = Some(e.raw_os_error().map_or_else(|| io::Error::from(e.kind()), io::Error::from_raw_os_error));
                }
                Err(e)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.temporary.as_os_str().is_empty() {
            // Best effort: the error that led here is the one to tell, and the next run sweeps.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// A file that is whole on the disk, still under its temporary name. Dropped, it is removed.
#[derive(Debug)]
pub(crate) struct Synced {
    place: PathBuf,
    temporary: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl Synced {
    pub(crate) fn rename(mut self) -> Result<(), StoreError> {
        fs::rename(&self.temporary, &self.place).map_err(|e| StoreError::io("rename to", &self.place, e))?;
        self.temporary.clear();
        Ok(())
    }

    /// As [`Synced::rename`] where nobody has taken the place; whether it was free. The temporary name goes either way.
    pub(crate) fn link(self) -> Result<bool, StoreError> {
        match fs::hard_link(&self.temporary, &self.place) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(StoreError::io("link to", &self.place, e)),
        }
    }
}

impl Drop for Synced {
    fn drop(&mut self) {
        if !self.temporary.as_os_str().is_empty() {
            // As above.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a small file, whole or not at all.
pub fn write_whole(place: &Path, content: &[u8]) -> Result<(), StoreError> {
    write_whole_beside(place, "", content)
}

/// As [`write_whole`], by one of several who may write the same file at once.
pub(crate) fn write_whole_beside(place: &Path, writer: &str, content: &[u8]) -> Result<(), StoreError> {
    let mut file = PartialFile::create_beside(place, writer)?;
    if let Err(e) = file.write_all(content) {
        return Err(file.failed(e));
    }
    file.commit()
}

/// Writes a small file, whole or not at all, where none is there yet; whether the place was free. Several processes may try at once.
pub(crate) fn write_new(place: &Path, content: &[u8]) -> Result<bool, StoreError> {
    let mut file = PartialFile::create_beside(place, &format!("of-{}", std::process::id()))?;
    if let Err(e) = file.write_all(content) {
        return Err(file.failed(e));
    }
    file.finish()?.link()
}

/// Removes a file; that it is not there is fine.
pub(crate) fn remove(path: &Path) -> Result<bool, StoreError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(e) => Err(StoreError::io("remove", path, e)),
    }
}

/// Entries of a folder, sorted; none where there is no such folder.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(StoreError::io("list", dir, e)),
    };
    let mut paths = entries.map(|e| e.map(|e| e.path()).map_err(|e| StoreError::io("list", dir, e))).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}
