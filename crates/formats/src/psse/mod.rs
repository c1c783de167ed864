//! PSS/E cases: RAW (versions 23 and 29 to 36) and RAWX (35 on), plain or gzip.
//!
//! [`read`] fills the kinds of [`network::transmission`]: values stay in the units and codes in which
//! they were written, so that nothing is lost between reading and writing.
//!
//! * `lex` makes items of lines, `layout` says which fields a record has in each version, `record`
//!   gives them by name;
//! * `raw` walks through a text file, `rawx` through the JSON form; both hand records to
//! * `lower`, which makes elements of them and refuses what cannot be used;
//! * `check` looks over what came of it;
//! * `dyr` reads the dynamic data of machines (DYR), which stand in a file of their own;
//! * `write` writes versions 33, 34 and 35 by the same layouts;
//! * `electrical` works out the codes of transformers.

mod check;
pub mod dyr;
pub(crate) mod electrical;
mod layout;
mod lex;
mod lower;
mod raw;
mod rawx;
mod record;
mod write;

pub(crate) use lower::default_winding;
pub use write::{WriteError, WriteOptions, write};

use crate::files::FileSource;
use crate::import::ImportError;
use network::{Diagnostic, Imported, SourceRef};
use std::borrow::Cow;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// How a case is read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadOptions {
    /// Records that cannot be used are warnings instead of errors.
    pub lenient: bool,
    /// Longest file, bytes, after it was unpacked.
    pub max_bytes: u64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { lenient: false, max_bytes: 256 << 20 }
    }
}

/// Reads a RAW or RAWX file.
///
/// The network's buses bear their numbers as names and have nodes 1, 2, 3; elements are called after
/// their buses and identifier (`101-102-1`). `counts` are the records of each group as the file has
/// them, used or not; a record that could not be used is in `rejects` and has an error among the
/// diagnostics.
///
/// # Errors
/// When the file cannot be read at all: not there, not a case, of an unknown version, without buses.
pub fn read(files: &dyn FileSource, path: &Path, options: &ReadOptions) -> Result<Imported, ImportError> {
    let file: Arc<str> = path.to_string_lossy().into();
    let at = SourceRef::new(file.clone(), 0);
    let bytes = files
        .read(path)
        .map_err(|e| Diagnostic::error("RAW.FILE.MISSING", format!("the file cannot be read: {e}")).at(&at).hint("correct the path"))?;
    let bytes = unpack(bytes, options.max_bytes, &at)?;
    let text = decode(&bytes, &at)?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
        rawx::read(&text, &file, &name, options)
    } else {
        raw::read(&text, &file, &name, options)
    }
}

/// The bytes look like a RAW or RAWX file. `name` is the file's name; it decides where the content
/// says too little.
pub fn looks_like(bytes: &[u8], name: &str) -> bool {
    let lower = name.to_lowercase();
    let lower = lower.strip_suffix(".gz").unwrap_or(&lower);
    let named = lower.ends_with(".raw") || lower.ends_with(".rawx");
    let head: Cow<'_, [u8]> = if bytes.starts_with(&GZIP) {
        let mut head = Vec::new();
        let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(HEAD_BYTES);
        // A damaged stream still shows its beginning; the reader says what is wrong with it.
        let _ = reader.read_to_end(&mut head);
        Cow::Owned(head)
    } else {
        Cow::Borrowed(&bytes[..bytes.len().min(HEAD_BYTES as usize)])
    };
    if head.contains(&0) {
        return false;
    }
    let head = String::from_utf8_lossy(&head);
    let head = head.trim_start_matches('\u{feff}');
    if head.trim_start().starts_with('{') {
        return head.contains("\"network\"") && (head.contains("\"caseid\"") || (named && head.contains("\"fields\"")));
    }
    raw::looks_like(head, named)
}

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// As much of a file as is looked at to tell its kind.
const HEAD_BYTES: u64 = 8192;

fn unpack(bytes: Vec<u8>, max_bytes: u64, at: &SourceRef) -> Result<Vec<u8>, ImportError> {
    let too_large = || {
        let message = format!("the file is longer than {} MB", max_bytes >> 20);
        ImportError::from(Diagnostic::error("RAW.FILE.TOO_LARGE", message).at(at).hint("read a part of the case, or raise the limit"))
    };
    if !bytes.starts_with(&GZIP) {
        return if bytes.len() as u64 > max_bytes { Err(too_large()) } else { Ok(bytes) };
    }
    let mut plain = Vec::new();
    let unpacked = flate2::read::MultiGzDecoder::new(&bytes[..]).take(max_bytes + 1).read_to_end(&mut plain);
    if plain.len() as u64 > max_bytes {
        return Err(too_large());
    }
    unpacked.map_err(|e| {
        let finding = Diagnostic::error("RAW.FILE.GZIP", "the compressed file is damaged").at(at);
        finding.detail(format!("After {} bytes: {e}.", plain.len())).hint("copy the file again")
    })?;
    Ok(plain)
}

fn decode<'a>(bytes: &'a [u8], at: &SourceRef) -> Result<Cow<'a, str>, ImportError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Diagnostic::error("RAW.FILE.EMPTY", "the file holds nothing").at(at).hint("copy the file again").into());
    }
    let text = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding.decode(bytes).0,
        None => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            // Windows-1252 holds Latin-1, in which such names are written.
            Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
        },
    };
    if text.contains('\0') {
        let finding = Diagnostic::error("RAW.FILE.BINARY", "the file is not text").at(at);
        return Err(finding.hint("a saved case (.sav) cannot be read: write it as RAW from the program that made it").into());
    }
    Ok(text)
}
