//! What outlives a process, on disk: the coordinator's journal, a site's memory, the page that `status` reads.

use learning::federated::node::Journal;
use serde::Serialize;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Writes a file wholly or not at all: whenever the power fails, the old one or the new one is there.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<File> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    // The name is on the disk when its folder is.
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
    }
    Ok(file)
}

/// A journal in a file.
pub(super) struct DiskJournal {
    path: PathBuf,
    file: Option<File>,
}

impl DiskJournal {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None }
    }
}

impl Journal for DiskJournal {
    fn begin(&mut self, entry: &[u8]) -> io::Result<()> {
        replace(&self.path, entry)?;
        self.file = Some(OpenOptions::new().append(true).open(&self.path)?);
        Ok(())
    }

    fn add(&mut self, entry: &[u8]) -> io::Result<()> {
        let file = self.file.as_mut().ok_or_else(|| io::Error::other("the journal was not begun"))?;
        file.write_all(entry)?;
        file.sync_data()
    }
}

/// Writes a page when it has changed, every half second at most.
pub(super) async fn write_page<T: Serialize + Clone>(path: PathBuf, mut pages: tokio::sync::watch::Receiver<T>) {
    let pause = Duration::from_millis(500);
    loop {
        let written = Instant::now();
        let page = pages.borrow_and_update().clone();
        if let Ok(text) = serde_json::to_vec_pretty(&page) {
            // A page that cannot be written stops no federation; `status` tells how old it is.
            let _ = replace(&path, &text);
        }
        if pages.changed().await.is_err() {
            return;
        }
        tokio::time::sleep(pause.saturating_sub(written.elapsed())).await;
    }
}
