//! Segments: the samples of one hour in a file that is never changed.
//!
//! ```text
//! header  magic (8) · version (4) · hour (8) · first generation (8) · last generation (8) · CRC-32 (4)                     40 octets
//! blocks  one after the other, by point, then by generation and time
//! index   an entry a block: point (4) · samples (4) · offset (8) · length (4) · CRC-32 of the block (4) · first time (8) ·
//!         last time (8) · CRC-32 of the entry (4)                                                                           44 octets
//! footer  magic (8) · offset of the index (8) · blocks (8) · samples (8) · first time (8) · last time (8) · last sequence number (8) ·
//!         CRC-32 (4)                                                                                                        60 octets
//! ```
//!
//! The index is sorted by point and each entry stands for itself, so that the blocks of one point are found by halving, without reading
//! the entries of others; whatever is read has been checked. The generation is the number of the log that the samples came through:
//! of two samples of the same point and time the one of the later generation counts, and within a block the later one.

use super::block::{self, BLOCK_MAX};
use super::error::HistoryError;
use super::files::{DiskFaults, OwnedFile, put_in_place, temporary_of};
use super::framed::{u32_at, u64_at};
use super::sample::{Entry, PointId};
use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 8] = *b"GTHSEG\r\n";
const END_MAGIC: [u8; 8] = *b"GTHEND\r\n";
const VERSION: u32 = 1;
const HEADER: usize = 40;
const INDEX_ENTRY: usize = 44;
const FOOTER: usize = 60;
/// Longest block: 4096 samples of the longest text, and some.
const BLOCK_OCTETS_MAX: u32 = 1 << 29;

/// Where one block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub point: PointId,
    pub samples: u32,
    pub offset: u64,
    pub length: u32,
    pub crc: u32,
    pub first_us: i64,
    pub last_us: i64,
}

impl IndexEntry {
    fn encode(&self) -> [u8; INDEX_ENTRY] {
        let mut out = [0; INDEX_ENTRY];
        out[..4].copy_from_slice(&self.point.0.to_le_bytes());
        out[4..8].copy_from_slice(&self.samples.to_le_bytes());
        out[8..16].copy_from_slice(&self.offset.to_le_bytes());
        out[16..20].copy_from_slice(&self.length.to_le_bytes());
        out[20..24].copy_from_slice(&self.crc.to_le_bytes());
        out[24..32].copy_from_slice(&self.first_us.to_le_bytes());
        out[32..40].copy_from_slice(&self.last_us.to_le_bytes());
        let crc = crc32fast::hash(&out[..40]);
        out[40..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    fn decode(octets: &[u8]) -> Option<Self> {
        (crc32fast::hash(&octets[..40]) == u32_at(octets, 40)).then(|| Self {
            point: PointId(u32_at(octets, 0)),
            samples: u32_at(octets, 4),
            offset: u64_at(octets, 8),
            length: u32_at(octets, 16),
            crc: u32_at(octets, 20),
            first_us: u64_at(octets, 24) as i64,
            last_us: u64_at(octets, 32) as i64,
        })
    }
}

/// A segment that is whole: what its header and footer say.
#[derive(Debug)]
pub(crate) struct Segment {
    pub file: OwnedFile,
    /// Hours since 1970.
    pub hour: i64,
    pub generations: (u64, u64),
    pub samples: u64,
    pub last_sequence: u64,
    pub octets: u64,
    index_offset: u64,
    blocks: u64,
}

impl Segment {
    /// Reads header and footer.
    ///
    /// # Errors
    /// `Damaged` with the place; a file that cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self, HistoryError> {
        let io = |e: std::io::Error| HistoryError::io("read", path, &e);
        let mut file = File::open(path).map_err(io)?;
        let octets = file.metadata().map_err(io)?.len();
        if octets < (HEADER + FOOTER) as u64 {
            return Err(HistoryError::damaged(path, octets, "it is shorter than any segment"));
        }
        let mut header = [0; HEADER];
        file.read_exact(&mut header).map_err(io)?;
        if crc32fast::hash(&header[..36]) != u32_at(&header, 36) || header[..8] != MAGIC {
            return Err(HistoryError::damaged(path, 0, "its header is none"));
        }
        let version = u32_at(&header, 8);
        if version != VERSION {
            return Err(HistoryError::OtherVersion { path: path.to_owned(), found: version.into(), expected: VERSION.into() });
        }
        let end = octets - FOOTER as u64;
        let mut footer = [0; FOOTER];
        file.seek(SeekFrom::Start(end)).and_then(|_| file.read_exact(&mut footer)).map_err(io)?;
        if crc32fast::hash(&footer[..56]) != u32_at(&footer, 56) || footer[..8] != END_MAGIC {
            return Err(HistoryError::damaged(path, end, "its footer is none"));
        }
        let (index_offset, blocks) = (u64_at(&footer, 8), u64_at(&footer, 16));
        let expected = blocks.checked_mul(INDEX_ENTRY as u64).and_then(|n| n.checked_add(index_offset));
        if index_offset < HEADER as u64 || expected != Some(end) {
            return Err(HistoryError::damaged(path, end, "its index is not where the footer says"));
        }
        Ok(Self {
            file: OwnedFile::new(path.to_owned()),
            hour: u64_at(&header, 12) as i64,
            generations: (u64_at(&header, 20), u64_at(&header, 28)),
            samples: u64_at(&footer, 24),
            last_sequence: u64_at(&footer, 48),
            octets,
            index_offset,
            blocks,
        })
    }

    pub(crate) fn reader(&self) -> Result<SegmentReader<'_>, HistoryError> {
        let file = File::open(&self.file.path).map_err(|e| HistoryError::io("read", &self.file.path, &e))?;
        Ok(SegmentReader { segment: self, file })
    }

    /// Reads everything: every entry, block and sample. The first fault is the error.
    pub(crate) fn verify(&self) -> Result<(), HistoryError> {
        let mut reader = self.reader()?;
        let index = reader.index()?;
        let (mut samples, mut at) = (0, HEADER as u64);
        for entry in &index {
            if entry.offset != at {
                return Err(HistoryError::damaged(&self.file.path, at, "the blocks do not follow one another"));
            }
            at += u64::from(entry.length);
            samples += reader.block(entry)?.len() as u64;
        }
        if at != self.index_offset || samples != self.samples {
            return Err(HistoryError::damaged(&self.file.path, at, "its blocks are not what the footer says"));
        }
        Ok(())
    }
}

/// An open segment.
pub(crate) struct SegmentReader<'a> {
    segment: &'a Segment,
    file: File,
}

impl SegmentReader<'_> {
    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), HistoryError> {
        let path = &self.segment.file.path;
        self.file.seek(SeekFrom::Start(offset)).and_then(|_| self.file.read_exact(into)).map_err(|e| HistoryError::io("read", path, &e))
    }

    fn entry_offset(&self, i: u64) -> u64 {
        self.segment.index_offset + i * INDEX_ENTRY as u64
    }

    fn checked(&self, octets: &[u8], i: u64) -> Result<IndexEntry, HistoryError> {
        let entry = IndexEntry::decode(octets)
            .ok_or_else(|| HistoryError::damaged(&self.segment.file.path, self.entry_offset(i), "an entry of its index is none"))?;
        let end = entry.offset.checked_add(entry.length.into());
        if entry.offset < HEADER as u64 || end.is_none_or(|e| e > self.segment.index_offset) || entry.length > BLOCK_OCTETS_MAX {
            return Err(HistoryError::damaged(&self.segment.file.path, self.entry_offset(i), "a block is not where the index says"));
        }
        Ok(entry)
    }

    fn entries(&mut self, from: u64, count: u64) -> Result<Vec<IndexEntry>, HistoryError> {
        let mut octets = vec![0; count as usize * INDEX_ENTRY];
        self.read(self.entry_offset(from), &mut octets)?;
        octets.chunks_exact(INDEX_ENTRY).zip(from..).map(|(o, i)| self.checked(o, i)).collect()
    }

    /// The whole index, sorted by point.
    pub(crate) fn index(&mut self) -> Result<Vec<IndexEntry>, HistoryError> {
        let index = self.entries(0, self.segment.blocks)?;
        match index.windows(2).position(|w| w[0].point > w[1].point) {
            Some(i) => Err(HistoryError::damaged(&self.segment.file.path, self.entry_offset(i as u64 + 1), "the index is not sorted")),
            None => Ok(index),
        }
    }

    /// The blocks of one point, found by halving.
    pub(crate) fn find(&mut self, point: PointId) -> Result<Vec<IndexEntry>, HistoryError> {
        /// Entries that are read at once.
        const TOGETHER: u64 = 64;
        let (mut low, mut high) = (0, self.segment.blocks);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.entries(middle, 1)?[0].point < point {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut found = Vec::new();
        while low < self.segment.blocks {
            let next = self.entries(low, TOGETHER.min(self.segment.blocks - low))?;
            low += next.len() as u64;
            let (read, before) = (next.len(), found.len());
            found.extend(next.into_iter().take_while(|e| e.point == point));
            if found.len() - before < read {
                break;
            }
        }
        Ok(found)
    }

    /// The octets of a block, their checksum held.
    pub(crate) fn octets(&mut self, entry: &IndexEntry) -> Result<Vec<u8>, HistoryError> {
        let mut octets = vec![0; entry.length as usize];
        self.read(entry.offset, &mut octets)?;
        if crc32fast::hash(&octets) != entry.crc {
            return Err(HistoryError::damaged(&self.segment.file.path, entry.offset, "the checksum of a block does not hold"));
        }
        Ok(octets)
    }

    /// The samples of a block.
    pub(crate) fn block(&mut self, entry: &IndexEntry) -> Result<Vec<Entry>, HistoryError> {
        let octets = self.octets(entry)?;
        block::decode(&octets, entry.samples as usize)
            .filter(|b| b.first().is_some_and(|e| e.time.us == entry.first_us) && b.last().is_some_and(|e| e.time.us == entry.last_us))
            .ok_or_else(|| HistoryError::damaged(&self.segment.file.path, entry.offset, "a block is none"))
    }
}

/// A segment that is being written, under its temporary name. Dropped before it is finished, it is removed.
pub(crate) struct SegmentWriter<'a> {
    faults: &'a DiskFaults,
    place: PathBuf,
    temporary: PathBuf,
    file: Option<BufWriter<File>>,
    offset: u64,
    index: Vec<IndexEntry>,
    last_sequence: u64,
}

impl<'a> SegmentWriter<'a> {
    pub(crate) fn create(
        place: PathBuf,
        hour: i64,
        generations: (u64, u64),
        last_sequence: u64,
        faults: &'a DiskFaults,
    ) -> Result<Self, HistoryError> {
        let temporary = temporary_of(&place);
        let file = faults.check("write").and_then(|()| File::create(&temporary)).map_err(|e| HistoryError::io("write", &temporary, &e))?;
        let mut writer = Self {
            faults,
            place,
            temporary,
            file: Some(BufWriter::with_capacity(1 << 18, file)),
            offset: 0,
            index: Vec::new(),
            last_sequence,
        };
        let mut header = Vec::with_capacity(HEADER);
        header.extend(MAGIC);
        header.extend(VERSION.to_le_bytes());
        header.extend(hour.to_le_bytes());
        header.extend(generations.0.to_le_bytes());
        header.extend(generations.1.to_le_bytes());
        header.extend(crc32fast::hash(&header).to_le_bytes());
        writer.write(&header)?;
        Ok(writer)
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), HistoryError> {
        let file = self.file.as_mut().expect("the file is open until it is finished");
        file.write_all(octets).map_err(|e| HistoryError::io("write", &self.temporary, &e))?;
        self.offset += octets.len() as u64;
        Ok(())
    }

    /// Samples of a point, sorted by time. Points come in ascending order.
    pub(crate) fn put(&mut self, point: PointId, entries: &[Entry]) -> Result<(), HistoryError> {
        for part in entries.chunks(BLOCK_MAX) {
            let octets = block::encode(part);
            let entry = IndexEntry {
                point,
                samples: part.len() as u32,
                offset: 0,
                length: octets.len() as u32,
                crc: crc32fast::hash(&octets),
                first_us: part[0].time.us,
                last_us: part[part.len() - 1].time.us,
            };
            self.put_octets(entry, &octets)?;
        }
        Ok(())
    }

    /// A block as it stood in another segment.
    pub(crate) fn put_octets(&mut self, entry: IndexEntry, octets: &[u8]) -> Result<(), HistoryError> {
        debug_assert!(self.index.last().is_none_or(|l| l.point <= entry.point));
        self.index.push(IndexEntry { offset: self.offset, ..entry });
        self.write(octets)
    }

    pub(crate) fn finish(mut self) -> Result<Segment, HistoryError> {
        let index_offset = self.offset;
        let index = std::mem::take(&mut self.index);
        for entry in &index {
            self.write(&entry.encode())?;
        }
        let mut footer = Vec::with_capacity(FOOTER);
        footer.extend(END_MAGIC);
        footer.extend(index_offset.to_le_bytes());
        footer.extend((index.len() as u64).to_le_bytes());
        footer.extend(index.iter().map(|e| u64::from(e.samples)).sum::<u64>().to_le_bytes());
        footer.extend(index.iter().map(|e| e.first_us).min().unwrap_or(0).to_le_bytes());
        footer.extend(index.iter().map(|e| e.last_us).max().unwrap_or(0).to_le_bytes());
        footer.extend(self.last_sequence.to_le_bytes());
        footer.extend(crc32fast::hash(&footer).to_le_bytes());
        self.write(&footer)?;
        let buffered = self.file.take().expect("the file is open until it is finished");
        let file = buffered.into_inner().map_err(|e| HistoryError::io("write", &self.temporary, e.error()))?;
        put_in_place(&file, &self.temporary, &self.place, self.faults)?;
        let place = std::mem::take(&mut self.place);
        self.temporary.clear();
        Segment::open(&place)
    }
}

impl Drop for SegmentWriter<'_> {
    fn drop(&mut self) {
        if !self.temporary.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
