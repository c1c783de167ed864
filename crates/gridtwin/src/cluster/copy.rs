//! `gridtwin cluster copy`: a folder to object storage and back.

use super::arguments::CopyArguments;
use crate::console::Console;
use crate::failure::Failure;
use crate::model_files::{Kind, ModelFiles, is_remote};
use crate::number::count;
use crate::result_folder::cannot;
use ::cluster::storage::{self, Place};
use network::Diagnostic;
use std::path::{Component, Path, PathBuf};

/// Copies every file, each whole or not at all. Of a results lake the records come last, as a run writes them.
///
/// # Errors
/// Places that are both on disk or both not; files that cannot be read or written.
pub fn run(arguments: &CopyArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let (from, to) = (&arguments.from, &arguments.to);
    let copied = match (is_remote(from), is_remote(to)) {
        (false, true) => up(from, &place(to)?)?,
        (true, false) => down(&place(from)?, to)?,
        _ => {
            return Err(Diagnostic::error("CLUSTER.COPY.PLACES", "one of the two places has to be in object storage, and one not")
                .hint("Write s3://bucket/folder for one of them.")
                .into());
        }
    };
    console.print(&format!("copied {} to {}\n", count(copied, "file"), to.display()))
}

fn place(path: &Path) -> Result<Place, Failure> {
    Ok(Place::of_path(path).expect("it is remote")?)
}

/// Records of a lake make its tables count, so they are the last.
fn is_record(below: &str) -> bool {
    below.starts_with("runs/")
}

fn up(from: &Path, to: &Place) -> Result<usize, Failure> {
    let files = ModelFiles::default();
    let mut all: Vec<(String, PathBuf)> = Vec::new();
    let mut open = vec![from.to_owned()];
    while let Some(dir) = open.pop() {
        for (path, kind) in files.entries(&dir).map_err(|e| cannot("list", &dir, &e))? {
            match kind {
                Kind::Folder => open.push(path),
                Kind::File => {
                    let parts = path.strip_prefix(from).expect("it lies in the folder").components();
                    let below: Vec<_> = parts.map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
                    // What a writing process keeps for itself.
                    if !below.last().is_some_and(|name| ["lock", "lock.json"].contains(&name.as_str()) || name.ends_with(".partial")) {
                        all.push((below.join("/"), path));
                    }
                }
            }
        }
    }
    all.sort_by_key(|(below, _)| (is_record(below), below.clone()));
    for (below, path) in &all {
        let bytes = std::fs::read(path).map_err(|e| cannot("read", path, &e))?;
        storage::put(&to.join(below), bytes)?;
    }
    Ok(all.len())
}

fn down(from: &Place, to: &Path) -> Result<usize, Failure> {
    let mut all = Vec::new();
    for entry in storage::list(from)? {
        let below = entry.place.key.strip_prefix(&from.key).unwrap_or(&entry.place.key).trim_start_matches('/').to_owned();
        // A name that leads elsewhere is no name of ours.
        if below.is_empty() || !Path::new(&below).components().all(|c| matches!(c, Component::Normal(_))) {
            continue;
        }
        all.push((below, entry.place));
    }
    if all.is_empty() {
        return Err(Diagnostic::error("CLUSTER.COPY.NOTHING", format!("{from} holds no files")).hint("Check bucket and folder.").into());
    }
    all.sort_by_key(|(below, _)| (is_record(below), below.clone()));
    for (below, place) in &all {
        let Some(bytes) = storage::get(place)? else {
            let what = Diagnostic::error("CLUSTER.COPY.GONE", format!("{place} went away while it was copied"));
            return Err(what.hint("Copy again when nothing writes there.").into());
        };
        store::files::write_whole(&to.join(below), &bytes)?;
    }
    Ok(all.len())
}
