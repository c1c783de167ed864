//! Zip archives, unpacked into memory within limits.

use crate::gis::layer::Limits;
use crate::{ImportError, MemoryFiles};
use network::{Diagnostic, SourceRef};
use std::io::{Cursor, Read};
use std::path::{Component, Path, PathBuf};
use zip::ZipArchive;

/// Unpacked size a packed byte may have before an archive is taken for a bomb; geometry and tables stay below a
/// hundred.
const MOST_RATIO: u64 = 1_000;
/// What an archive may unpack to whatever its ratio.
const SMALL: u64 = 16 << 20;

/// The files of an archive, and their names in its order. Entries that would leave the archive (`..`, absolute
/// paths) are refused; folders and what desktop systems add are left out.
///
/// # Errors
/// `GIS.ARCHIVE.UNREADABLE` for a damaged or locked archive, `GIS.ARCHIVE.TOO_LARGE` where it unpacks to more
/// than the limits allow, found before or while unpacking, whatever its headers say.
pub(crate) fn unpack(bytes: &[u8], path: &Path, limits: &Limits) -> Result<(MemoryFiles, Vec<PathBuf>), ImportError> {
    let source = SourceRef::new(path.to_string_lossy().into_owned(), 0);
    let unreadable = |detail: String| {
        Diagnostic::error("GIS.ARCHIVE.UNREADABLE", "the archive cannot be unpacked")
            .at(&source)
            .detail(detail)
            .hint("make the archive again, without a password")
    };
    let too_large = |detail: String| {
        Diagnostic::error("GIS.ARCHIVE.TOO_LARGE", "the archive unpacks to more than the limit")
            .at(&source)
            .detail(detail)
            .hint("unpack it, and read the folder, if its size is right")
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| unreadable(format!("{e}.")))?;
    if archive.len() > limits.files {
        return Err(too_large(format!("It holds {} files; the limit is {}.", archive.len(), limits.files)).into());
    }
    let most = limits.unpacked_bytes.min((bytes.len() as u64).saturating_mul(MOST_RATIO).max(SMALL));
    let mut files = MemoryFiles::new();
    let mut names = Vec::new();
    let mut total = 0u64;
    for at in 0..archive.len() {
        let entry = archive.by_index(at).map_err(|e| unreadable(format!("Entry {}: {e}.", at + 1)))?;
        let name = entry.name().map_err(|e| unreadable(format!("Entry {}: {e}.", at + 1)))?.replace('\\', "/");
        if entry.is_dir() || name.ends_with('/') || name.starts_with("__MACOSX/") || name.ends_with(".DS_Store") {
            continue;
        }
        let inside = PathBuf::from(&name);
        if !inside.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)) || name.contains('\0') {
            return Err(unreadable(format!("Entry {} is called {name:?}, which lies outside the archive.", at + 1)).into());
        }
        let left = most - total;
        let mut content = Vec::new();
        let read = entry.take(left + 1).read_to_end(&mut content).map_err(|e| unreadable(format!("Entry {name:?}: {e}.")))? as u64;
        if read > left {
            return Err(too_large(format!("It has {} bytes, and {name:?} goes beyond {most} bytes unpacked.", bytes.len())).into());
        }
        total += read;
        let full = path.join(&inside);
        files.add(&full, content);
        names.push(full);
    }
    Ok((files, names))
}
