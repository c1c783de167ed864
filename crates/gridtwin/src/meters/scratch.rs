//! Scratch of the two passes: memory at first, then a file without a name.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use studies::metering::Scratch;

/// Bytes that stay in memory.
const IN_MEMORY: usize = 192 << 20;

/// Keeps the first bytes in memory and the rest in a file, which is removed in the end.
pub struct DiskScratch {
    memory: Vec<u8>,
    file: Option<(File, PathBuf)>,
    /// Bytes of the file.
    in_file: u64,
    /// Where the file stands now.
    at: u64,
    folder: PathBuf,
}

impl DiskScratch {
    /// Scratch in a folder that is there when the first byte is written.
    pub fn new(folder: &Path) -> Self {
        Self { memory: Vec::new(), file: None, in_file: 0, at: 0, folder: folder.to_owned() }
    }
}

impl Scratch for DiskScratch {
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        if self.file.is_none() && self.memory.len() + bytes.len() <= IN_MEMORY {
            let at = self.memory.len() as u64;
            self.memory.extend_from_slice(bytes);
            return Ok(at);
        }
        if self.file.is_none() {
            let path = self.folder.join(format!(".meters.{}.scratch", std::process::id()));
            let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&path)?;
            self.file = Some((file, path));
        }
        let Some((file, _)) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        if self.at != self.in_file {
            self.at = file.seek(SeekFrom::Start(self.in_file))?;
        }
        file.write_all(bytes)?;
        let at = self.memory.len() as u64 + self.in_file;
        self.in_file += bytes.len() as u64;
        self.at = self.in_file;
        Ok(at)
    }

    fn read(&mut self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let memory = self.memory.len() as u64;
        if at < memory {
            let at = at as usize;
            let from = self.memory.get(at..at + into.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            into.copy_from_slice(from);
            return Ok(());
        }
        let Some((file, _)) = &mut self.file else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        file.seek(SeekFrom::Start(at - memory))?;
        file.read_exact(into)?;
        self.at = at - memory + into.len() as u64;
        Ok(())
    }
}

impl Drop for DiskScratch {
    fn drop(&mut self) {
        if let Some((_, path)) = &self.file {
            // A file that cannot be removed bears a name that says what it is.
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_from_memory_and_from_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut scratch = DiskScratch::new(dir.path());
        scratch.memory = vec![7; IN_MEMORY - 10];
        let places: Vec<u64> = (0..20u8).map(|i| scratch.append(&[i; 6]).unwrap()).collect();
        let mut six = [0; 6];
        for i in (0..20u8).rev() {
            scratch.read(places[i as usize], &mut six).unwrap();
            assert_eq!(six, [i; 6]);
            if i == 10 {
                let more = scratch.append(b"abcdef").unwrap();
                scratch.read(more, &mut six).unwrap();
                assert_eq!(&six, b"abcdef");
            }
        }
        assert!(scratch.read(places[19] + 100, &mut six).is_err());
        drop(scratch);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
