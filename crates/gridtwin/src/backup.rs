//! `gridtwin backup` and `restore`: a data folder as one archive, and back.

use crate::cli::{BackupArguments, RestoreArguments};
use crate::console::Console;
use crate::failure::Failure;
use crate::number::count;
use server::moment::{now_ms, rfc3339};
use std::path::Path;
use store::backup::{self as archive, Backup, BackupError};

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        error.diagnostic().into()
    }
}

/// Bytes with the unit that leaves one to three digits before the point.
fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

fn files(backup: &Backup) -> String {
    format!("{}, {}", count(backup.files.len(), "file"), size(backup.bytes()))
}

fn notes(backup: &Backup, console: &mut Console<'_>) {
    for database in &backup.databases {
        console.note(&format!(
            "NOTE: the tables of {database} are on their server and not in the archive: keep them with pg_dump, taken right before or after.\n"
        ));
    }
    for feeder in &backup.left_out {
        console.note(&format!("NOTE: {feeder} was being written the whole time and is left out; --resume solves it again.\n"));
    }
}

/// Runs `gridtwin backup`.
///
/// # Errors
/// No such folder, an archive that is there already, files that cannot be read or written.
pub fn backup(arguments: &BackupArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let made_utc = rfc3339(now_ms());
    let made = archive::backup(&arguments.data, &arguments.out, arguments.force, env!("CARGO_PKG_VERSION"), &made_utc, &mut |_| {})?;
    notes(&made, console);
    let bytes = std::fs::metadata(&arguments.out).map_or(0, |m| m.len());
    console.print(&format!("{}: {} as {}\n", arguments.out.display(), files(&made), size(bytes)))
}

/// Runs `gridtwin restore`.
///
/// # Errors
/// No backup, a damaged one, a folder that holds something.
pub fn restore(arguments: &RestoreArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let told = |list: &Backup| format!("{} of {}, made by GridTwin {}", files(list), list.made_utc, list.program);
    match &arguments.data {
        Some(data) => {
            let list = archive::restore(&arguments.archive, Path::new(data), &mut |_| {})?;
            notes(&list, console);
            console.print(&format!("{}: {}\n", data.display(), told(&list)))
        }
        None => {
            let list = archive::verify(&arguments.archive, &mut |_| {})?;
            notes(&list, console);
            console.print(&format!("{} is whole: {}\n", arguments.archive.display(), told(&list)))
        }
    }
}
