//! `gridtwin backup` and `restore`: a data folder as one archive, and back.

use crate::cli::{BackupArguments, RestoreArguments};
use crate::console::Console;
use crate::failure::Failure;
use crate::number::count;
use crate::qsts::progress::DRAW;
use server::moment::{now_ms, rfc3339};
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};
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

/// How often a log gets a line.
const TELL: Duration = Duration::from_secs(30);
/// Columns of a path that a terminal shows.
const PATH_COLUMNS: usize = 60;

/// Tells which file is at hand: a line that is drawn anew on a terminal, a line now and then elsewhere.
struct Progress<'c, 'o> {
    console: &'c mut Console<'o>,
    on_terminal: bool,
    files: usize,
    told: Instant,
    /// Columns of the line on the terminal.
    drawn: usize,
}

impl<'c, 'o> Progress<'c, 'o> {
    fn new(console: &'c mut Console<'o>) -> Self {
        Self { console, on_terminal: std::io::stderr().is_terminal(), files: 0, told: Instant::now(), drawn: 0 }
    }

    fn tell(&mut self, path: &str) {
        self.files += 1;
        if self.told.elapsed() < if self.on_terminal { DRAW } else { TELL } {
            return;
        }
        self.told = Instant::now();
        let text = line(self.files, path);
        let columns = text.chars().count();
        if self.on_terminal {
            self.console.note(&format!("\r{text}{}", " ".repeat(self.drawn.saturating_sub(columns))));
            self.drawn = columns;
        } else {
            self.console.note(&format!("{text}\n"));
        }
    }

    /// Takes the line from the terminal, before something else is printed.
    fn clear(self) {
        if self.drawn > 0 {
            self.console.note(&format!("\r{}\r", " ".repeat(self.drawn)));
        }
    }
}

/// The end of a path says more than its begin.
fn line(n: usize, path: &str) -> String {
    let columns = path.chars().count();
    let path = if columns > PATH_COLUMNS {
        format!("…{}", path.chars().skip(columns - PATH_COLUMNS + 1).collect::<String>())
    } else {
        path.to_owned()
    };
    format!("{}: {path}", count(n, "file"))
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
    let mut progress = Progress::new(console);
    let made = archive::backup(&arguments.data, &arguments.out, arguments.force, env!("CARGO_PKG_VERSION"), &made_utc, &mut |path| {
        progress.tell(path);
    });
    progress.clear();
    let made = made?;
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
            let mut progress = Progress::new(console);
            let list = archive::restore(&arguments.archive, Path::new(data), &mut |path| progress.tell(path));
            progress.clear();
            let list = list?;
            notes(&list, console);
            console.print(&format!("{}: {}\n", data.display(), told(&list)))
        }
        None => {
            let mut progress = Progress::new(console);
            let list = archive::verify(&arguments.archive, &mut |path| progress.tell(path));
            progress.clear();
            let list = list?;
            notes(&list, console);
            console.print(&format!("{} is whole: {}\n", arguments.archive.display(), told(&list)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Style;

    #[test]
    fn a_line_has_the_end_of_a_long_path() {
        assert_eq!(line(1, "gridtwin.db"), "1 file: gridtwin.db");
        let told = line(12, &format!("{}/part.parquet", "x".repeat(90)));
        assert!(told.starts_with("12 files: …xxx") && told.ends_with("/part.parquet"), "{told}");
        assert_eq!(told.chars().count(), "12 files: ".len() + PATH_COLUMNS);
    }

    #[test]
    fn a_log_gets_a_line_now_and_then_and_a_terminal_one_that_goes_away() {
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let style = Style::for_terminal(false);
        let mut console = Console { out: &mut out, errors: &mut errors, style, error_style: style };
        let before = Instant::now().checked_sub(TELL).expect("the clock is older than half a minute");
        let mut log = Progress { console: &mut console, on_terminal: false, files: 0, told: before, drawn: 0 };
        log.tell("a");
        log.tell("b");
        log.clear();
        let mut terminal = Progress { console: &mut console, on_terminal: true, files: 0, told: before, drawn: 0 };
        terminal.tell("a");
        terminal.clear();
        let told = String::from_utf8(errors).unwrap();
        assert_eq!(told, format!("1 file: a\n\r1 file: a\r{}\r", " ".repeat("1 file: a".len())));
    }
}
