//! MATPOWER cases: `.m` files of version 2.
//!
//! [`read`] fills the kinds of [`network::transmission`]; [`write`] writes such a network. The tables
//! `bus`, `gen`, `branch` and `dcline` are what a power flow needs; others are kept as text.
//!
//! How values map, after MATPOWER's manual: a branch with a ratio or a shift is a transformer with its
//! tap at the from bus, `T = TAP exp(j SHIFT)`; demands and shunts are elements of their own.

mod lower;
mod syntax;
mod write;

use crate::files::FileSource;
use crate::import::ImportError;
use network::{Diagnostic, Imported, SourceRef};
use std::path::Path;
use std::sync::Arc;

pub use write::write;

/// How a case is read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadOptions {
    /// Rows that cannot be used are warnings instead of errors.
    pub lenient: bool,
    /// Longest file, bytes.
    pub max_bytes: u64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { lenient: false, max_bytes: 64 << 20 }
    }
}

/// Reads a case. The network's buses bear their numbers as names; `counts` are the rows of each table.
///
/// # Errors
/// When the file cannot be read at all: not there, not text, without `bus`, of version 1.
pub fn read(files: &dyn FileSource, path: &Path, options: &ReadOptions) -> Result<Imported, ImportError> {
    let file: Arc<str> = path.to_string_lossy().into();
    let at = SourceRef::new(file.clone(), 0);
    let bytes = files.read(path).map_err(|e| {
        Diagnostic::error("MATPOWER.FILE.MISSING", format!("the file cannot be read: {e}")).at(&at).hint("correct the path")
    })?;
    if bytes.len() as u64 > options.max_bytes {
        let message = format!("the file is longer than {} MB", options.max_bytes >> 20);
        return Err(Diagnostic::error("MATPOWER.FILE.TOO_LARGE", message).at(&at).hint("raise the limit").into());
    }
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => std::borrow::Cow::Borrowed(text),
        // Comments hold names in Latin-1.
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes).0,
    };
    if text.contains('\0') {
        let finding = Diagnostic::error("MATPOWER.FILE.BINARY", "the file is not text").at(&at);
        return Err(finding.hint("a .mat file cannot be read: save the case as .m").into());
    }
    let script = syntax::parse(text.trim_start_matches('\u{feff}'));
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    lower::lower(script, &file, &stem, options)
}

/// The bytes look like a case. `name` is the file's name.
pub fn looks_like(bytes: &[u8], name: &str) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(65_536)]);
    let named = name.to_lowercase().ends_with(".m");
    let mut statements = head.lines().map(str::trim).filter(|l| !l.starts_with('%') && !l.is_empty());
    let assigns = |l: &str| l.starts_with("mpc.") && l.contains('=');
    statements.clone().any(assigns) || (named && statements.next().is_some_and(|l| l.starts_with("function") && l.contains("baseMVA")))
}
