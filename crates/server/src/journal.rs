//! A file of entries, a line of JSON each, that only grows: what stands there was acknowledged or is the last, cut off, line.
//!
//! Lines are handed to the system, not forced onto the disk: they outlive the program, not a power failure of the machine.

use crate::problem::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    place: PathBuf,
    file: File,
    /// Bytes of whole lines.
    length: u64,
}

/// The problem of a file that cannot be used.
pub fn failed(what: &str, place: &Path, e: &io::Error) -> Problem {
    Problem::internal(format!("cannot {what} {}: {e}", place.display()))
}

impl Journal {
    /// Opens a journal with all its entries; one that is not there is made. A line that was cut off is taken away.
    ///
    /// # Errors
    /// A file that cannot be read or written; a line that is damaged, with its number.
    pub fn open<T: DeserializeOwned>(place: PathBuf) -> Result<(Self, Vec<T>), Problem> {
        let text = match fs::read(&place) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(failed("read", &place, &e)),
        };
        // What follows the last end of a line was never acknowledged.
        let length = text.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let lines = text[..length].split(|b| *b == b'\n').enumerate().filter(|(_, l)| !l.is_empty());
        let read = |(i, line): (usize, &[u8])| {
            serde_json::from_slice(line).map_err(|e| Problem::internal(format!("{} is damaged at line {}: {e}", place.display(), i + 1)))
        };
        let entries = lines.map(read).collect::<Result<Vec<T>, _>>()?;
        let file = OpenOptions::new().create(true).append(true).open(&place).map_err(|e| failed("open", &place, &e))?;
        if length < text.len() {
            file.set_len(length as u64).map_err(|e| failed("mend", &place, &e))?;
        }
        Ok((Self { place, file, length: length as u64 }, entries))
    }

    /// Adds entries: all of them, or none.
    ///
    /// # Errors
    /// A file that cannot be written; it is as it was then.
    pub fn append<T: Serialize>(&mut self, entries: &[T]) -> Result<(), Problem> {
        let lines = lines(entries)?;
        if let Err(e) = self.file.write_all(&lines) {
            let _ = self.file.set_len(self.length);
            return Err(failed("write", &self.place, &e));
        }
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Puts these entries in place of all.
    ///
    /// # Errors
    /// A file that cannot be written; it is as it was then.
    pub fn replace<T: Serialize>(&mut self, entries: &[T]) -> Result<(), Problem> {
        let lines = lines(entries)?;
        store::files::write_whole(&self.place, &lines).map_err(Problem::internal)?;
        self.file = OpenOptions::new().append(true).open(&self.place).map_err(|e| failed("open", &self.place, &e))?;
        self.length = lines.len() as u64;
        Ok(())
    }
}

fn lines<T: Serialize>(entries: &[T]) -> Result<Vec<u8>, Problem> {
    let mut lines = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut lines, entry).map_err(Problem::internal)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_off_line_is_taken_away_and_a_damaged_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("j.jsonl");
        let (mut journal, none) = Journal::open::<u32>(place.clone()).unwrap();
        assert!(none.is_empty());
        journal.append(&[1, 2]).unwrap();
        fs::write(&place, [fs::read(&place).unwrap(), b"12".to_vec()].concat()).unwrap();
        let (mut journal, all) = Journal::open::<u32>(place.clone()).unwrap();
        assert_eq!(all, [1, 2]);
        journal.append(&[3]).unwrap();
        journal.replace(&[3]).unwrap();
        journal.append(&[4]).unwrap();
        assert_eq!(Journal::open::<u32>(place.clone()).unwrap().1, [3, 4]);
        fs::write(&place, "1\nx\n").unwrap();
        assert!(Journal::open::<u32>(place).is_err());
    }
}
