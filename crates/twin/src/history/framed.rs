//! Logs: records one after the other, each with two checksums.
//!
//! ```text
//! file    magic (8) · version (4) · number (8) · first sequence number (8) · CRC-32 of these 28 (4)
//! record  length (4) · sequence number (8) · CRC-32 of the text (4) · CRC-32 of these 16 (4) · text
//! ```
//!
//! Numbers are little-endian. Where a record is damaged, reading goes on at the next place where both checksums hold, so that one bad
//! octet costs one record; where no such place follows, what is left is the end of a write that was never acknowledged, or damage that
//! cannot be told from it, and its length is told.

use super::error::HistoryError;
use std::ops::Range;
use std::path::Path;

pub(crate) const FILE_HEADER: usize = 32;
pub(crate) const RECORD_HEADER: usize = 20;
pub(crate) const VERSION: u32 = 1;
/// Longest text of a record; a length beyond it is damage.
pub(crate) const TEXT_LONGEST: usize = 1 << 26;

/// The begin of a log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogHeader {
    pub magic: [u8; 8],
    pub number: u64,
    pub first_sequence: u64,
}

impl LogHeader {
    pub(crate) fn encode(self) -> [u8; FILE_HEADER] {
        let mut out = [0; FILE_HEADER];
        out[..8].copy_from_slice(&self.magic);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[12..20].copy_from_slice(&self.number.to_le_bytes());
        out[20..28].copy_from_slice(&self.first_sequence.to_le_bytes());
        let crc = crc32fast::hash(&out[..28]);
        out[28..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub(crate) fn decode(octets: &[u8], magic: [u8; 8], path: &Path) -> Result<Self, HistoryError> {
        let Some(header) = octets.get(..FILE_HEADER) else {
            return Err(HistoryError::damaged(path, octets.len() as u64, "it ends within its header"));
        };
        if crc32fast::hash(&header[..28]) != u32_at(header, 28) {
            return Err(HistoryError::damaged(path, 0, "the checksum of its header does not hold"));
        }
        if header[..8] != magic {
            return Err(HistoryError::damaged(path, 0, "it is another kind of file"));
        }
        let version = u32_at(header, 8);
        if version != VERSION {
            return Err(HistoryError::OtherVersion { path: path.to_owned(), found: version.into(), expected: VERSION.into() });
        }
        Ok(Self { magic, number: u64_at(header, 12), first_sequence: u64_at(header, 20) })
    }
}

pub(crate) fn u32_at(octets: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(octets[at..at + 4].try_into().expect("four octets"))
}

pub(crate) fn u64_at(octets: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(octets[at..at + 8].try_into().expect("eight octets"))
}

/// Appends a record. `crc` is the checksum of `text`.
pub(crate) fn put_record(out: &mut Vec<u8>, sequence: u64, text: &[u8], crc: u32) {
    let start = out.len();
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(sequence.to_le_bytes());
    out.extend(crc.to_le_bytes());
    let header_crc = crc32fast::hash(&out[start..]);
    out.extend(header_crc.to_le_bytes());
    out.extend(text);
}

/// A record whose checksums hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub offset: usize,
    pub sequence: u64,
    pub text: Range<usize>,
}

/// What a log file holds.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub records: Vec<Record>,
    /// Octets between sound records that are none.
    pub damaged: Vec<Range<usize>>,
    /// Where the last sound record ends; what follows is no record.
    pub sound: usize,
}

/// Reads the records of a log file, from `start` on.
pub(crate) fn scan(octets: &[u8], start: usize) -> Scan {
    let mut found = Scan { sound: start, ..Scan::default() };
    let mut at = start;
    let mut broken = None;
    while at + RECORD_HEADER <= octets.len() {
        match record_at(octets, at) {
            Some(record) => {
                if let Some(from) = broken.take() {
                    found.damaged.push(from..at);
                }
                at = record.text.end;
                found.sound = at;
                found.records.push(record);
            }
            None => {
                broken.get_or_insert(at);
                at += 1;
            }
        }
    }
    found
}

fn record_at(octets: &[u8], at: usize) -> Option<Record> {
    let header = octets.get(at..at + RECORD_HEADER)?;
    let length = u32_at(header, 0) as usize;
    if length > TEXT_LONGEST || at + RECORD_HEADER + length > octets.len() || crc32fast::hash(&header[..16]) != u32_at(header, 16) {
        return None;
    }
    let text = at + RECORD_HEADER..at + RECORD_HEADER + length;
    (crc32fast::hash(&octets[text.clone()]) == u32_at(header, 12)).then(|| Record { offset: at, sequence: u64_at(header, 4), text })
}
