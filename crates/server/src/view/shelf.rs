//! Answers about large networks that are kept as files, so that a server that has just started need not read the network to show it.
//!
//! They follow from the version and the program alone: the name of a file is made from both, a folder holds those of one build of the
//! program, and the folders of others are removed when one is written. A file begins with the hash of what follows, and counts as missing without it.

use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

/// Bytes of all files of a project together; beyond them the oldest go.
const BYTES_MAX: u64 = 2 << 30;
const HASH: usize = 32;

/// Where those of a project are kept; nowhere when the build of the program cannot be told.
#[derive(Debug)]
pub struct Shelf(Option<PathBuf>);

/// Which build of the program this is: length and time of its file.
fn stamp() -> Option<&'static str> {
    static STAMP: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let file = std::env::current_exe().and_then(fs::metadata).ok()?;
        let changed = file.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(format!("{:x}-{:x}", file.len(), changed.as_nanos()))
    };
    STAMP.get_or_init(read).as_deref()
}

impl Shelf {
    /// The shelf in a project's folder.
    pub fn of(project: &Path) -> Self {
        Self(stamp().map(|s| project.join("cache").join(s)))
    }

    /// Removes what other builds of the program have kept.
    fn forget_others(&self) {
        let Some((all, own)) = self.0.as_ref().and_then(|dir| Some((dir.parent()?, dir.file_name()?))) else { return };
        for folder in fs::read_dir(all).into_iter().flatten().flatten() {
            if folder.file_name() != own {
                // It only takes room; the next answer that is kept tries again.
                let _ = fs::remove_dir_all(folder.path());
            }
        }
    }

    fn place(&self, key: &str) -> Option<PathBuf> {
        self.0.as_ref().map(|dir| dir.join(store::sha256_hex(key.as_bytes())))
    }

    /// What was kept under a name.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        let mut bytes = fs::read(self.place(key)?).ok()?;
        let is_whole = bytes.len() >= HASH && Sha256::digest(&bytes[HASH..])[..] == bytes[..HASH];
        is_whole.then(|| bytes.split_off(HASH))
    }

    /// Keeps an answer. Where it cannot be kept it is made anew the next time.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        let Some(place) = self.place(key) else { return };
        let mut content = Sha256::digest(bytes).to_vec();
        content.extend_from_slice(bytes);
        if let Err(e) = store::files::write_whole(&place, &content) {
            tracing::warn!("an answer cannot be kept: {e}");
        }
        self.forget_others();
        self.make_room();
    }

    fn make_room(&self) {
        let Some(dir) = &self.0 else { return };
        let mut files: Vec<(SystemTime, u64, PathBuf)> = fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|f| f.metadata().ok().and_then(|m| Some((m.modified().ok()?, m.len(), f.path()))))
            .collect();
        let mut bytes: u64 = files.iter().map(|f| f.1).sum();
        files.sort();
        for (_, length, path) in files {
            if bytes <= BYTES_MAX {
                break;
            }
            let _ = fs::remove_file(path);
            bytes -= length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_what_is_damaged_does_not() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir_all(data.path().join("cache/of-another-build")).unwrap();
        let shelf = Shelf::of(data.path());
        assert_eq!(shelf.get("a"), None);
        shelf.put("a", b"answer");
        assert!(!data.path().join("cache/of-another-build").exists());
        assert_eq!(Shelf::of(data.path()).get("a").as_deref(), Some(&b"answer"[..]));
        let file = shelf.place("a").unwrap();
        let mut bytes = fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&file, bytes).unwrap();
        assert_eq!(shelf.get("a"), None);
    }
}
