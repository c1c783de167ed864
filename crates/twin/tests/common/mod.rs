//! The substation of the repository, for the tests of this crate.

#![allow(dead_code)]

use formats::FileSource;
use formats::opendss::{ReadOptions, read};
use network::Network;
use powerflow::Session;
use std::io;
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository is there")
}

/// Files on disk, for the reader of scripts.
struct Disk;

impl FileSource for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

pub fn text(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The network of a script after further commands.
///
/// # Panics
/// When it does not read.
pub fn network_of(master: &Path, commands: &[String]) -> Network {
    let options = ReadOptions { commands: commands.to_vec(), ..ReadOptions::default() };
    match read(&Disk, master, &mut Session::new(), &options) {
        Ok(outcome) => outcome.network,
        Err(e) => panic!("{}: {:?}", master.display(), e.diagnostics),
    }
}

pub fn substation() -> Network {
    network_of(&root().join("models/ehv-400-220.dss"), &[])
}
