//! A copy of a history while it is being written.
//!
//! Segments and summaries are never changed, and stay while the copy is made; of the logs as much is copied as had been acknowledged when
//! it began. So the copy is what a history killed at that moment would have left.

use super::error::HistoryError;
use super::files::{make_folder, sync_folder};
use super::history::History;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::PoisonError;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backup {
    pub files: usize,
    pub octets: u64,
    /// Numbers of the last batch of samples and the last event in it; 0 where there is none.
    pub last_sequence: u64,
    pub last_event: u64,
}

impl History {
    /// Copies the history into a new folder. Writing and reading go on; summing up waits.
    ///
    /// # Errors
    /// A folder that holds something already; a disk that fails. What was copied before an error has no `history.json` and is no history.
    pub fn backup(&self, to: &Path) -> Result<Backup, HistoryError> {
        let from = &self.shared.folder;
        make_folder(to)?;
        if fs::read_dir(to).map_err(|e| HistoryError::io("list", to, &e))?.next().is_some() {
            return Err(HistoryError::NotAHistory { path: to.to_owned(), reason: "a backup needs an empty folder".into() });
        }
        let _alone = self.shared.maintaining.lock().unwrap_or_else(PoisonError::into_inner);
        // Everything of one moment, and held so that no file of it goes meanwhile.
        let (segments, carry, frozen, active, rolls, events, numbers) = {
            let state = self.shared.read();
            let rolls: Vec<_> = state.hourly.values().chain(state.daily.values()).map(|f| f.path.clone()).collect();
            let segments: Vec<_> = state.segments.values().flatten().cloned().collect();
            let active = state.active_log.clone().map(|l| (l, state.active_octets));
            let numbers = (state.next_sequence - 1, state.next_event - 1);
            (segments, state.carry.clone(), state.frozen.clone(), active, rolls, state.events.clone(), numbers)
        };
        let mut done = Backup { last_sequence: numbers.0, last_event: numbers.1, ..Backup::default() };
        let mut copy = |path: &Path, octets: Option<u64>| -> Result<(), HistoryError> {
            let place = to.join(path.strip_prefix(from).unwrap_or(path));
            make_folder(place.parent().unwrap_or(to))?;
            done.octets += copied(path, &place, octets).map_err(|e| HistoryError::io("copy", path, &e))?;
            done.files += 1;
            Ok(())
        };
        for segment in segments.iter().chain(&carry) {
            copy(&segment.file.path, Some(segment.octets))?;
        }
        for frozen in &frozen {
            copy(&frozen.log.path, None)?;
        }
        if let Some((log, octets)) = &active {
            copy(&log.path, Some(*octets))?;
        }
        for path in &rolls {
            copy(path, None)?;
        }
        for log in &events {
            copy(&log.path, Some(log.octets))?;
        }
        let kept = from.join("kept.json");
        if kept.exists() {
            copy(&kept, None)?;
        }
        // After the samples: every number that they use has its name.
        let named = self.shared.points().octets;
        copy(&from.join("points.log"), Some(named))?;
        copy(&from.join("history.json"), None)?;
        sync_folder(to)?;
        Ok(done)
    }
}

fn copied(from: &Path, to: &Path, octets: Option<u64>) -> io::Result<u64> {
    let mut source = File::open(from)?.take(octets.unwrap_or(u64::MAX));
    let mut target = File::create(to)?;
    let copied = io::copy(&mut source, &mut target)?;
    if octets.is_some_and(|o| o != copied) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is shorter than what was acknowledged"));
    }
    target.sync_all()?;
    Ok(copied)
}
