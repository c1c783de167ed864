//! Files that come packed: gzip, and zip with one study in it. What a packed file grows to is limited, whatever its headers claim.

use crate::ImportError;
use network::{Diagnostic, SourceRef};
use std::borrow::Cow;
use std::io::{Cursor, Read};

/// The bytes themselves, or what a gzip or zip file holds.
pub fn unpacked<'a>(bytes: &'a [u8], file: &SourceRef, limit: usize) -> Result<Cow<'a, [u8]>, ImportError> {
    if bytes.starts_with(&[0x1F, 0x8B]) {
        return grown(flate2::read::MultiGzDecoder::new(bytes), file, limit).map(Cow::Owned);
    }
    if !bytes.starts_with(b"PK\x03\x04") {
        return Ok(Cow::Borrowed(bytes));
    }
    let damaged = |e: zip::result::ZipError| damaged(file, &e.to_string());
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let studies: Vec<usize> = (0..archive.len())
        .filter(|i| {
            archive.name_for_index(*i).and_then(Result::ok).is_some_and(|name| !name.ends_with('/') && !name.starts_with("__MACOSX"))
        })
        .take(2)
        .collect();
    let [only] = studies[..] else {
        return Err(Diagnostic::error("CYME.FILE.ARCHIVE", "a zip file must hold exactly one study")
            .at(file)
            .hint("unpack it and name the study, or the folder of its files")
            .into());
    };
    let entry = archive.by_index(only).map_err(damaged)?;
    grown(entry, file, limit).map(Cow::Owned)
}

/// All that the reader gives, if it is not more than the limit.
fn grown(reader: impl Read, file: &SourceRef, limit: usize) -> Result<Vec<u8>, ImportError> {
    let mut bytes = Vec::new();
    let room = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(room).read_to_end(&mut bytes).map_err(|e| damaged(file, &e.to_string()))?;
    if bytes.len() > limit {
        return Err(Diagnostic::error("CYME.FILE.PACKED_TOO_LARGE", "the packed file grows beyond the limit")
            .at(file)
            .detail(format!("At most {limit} bytes are unpacked."))
            .hint("unpack the file and name what is in it")
            .into());
    }
    Ok(bytes)
}

fn damaged(file: &SourceRef, error: &str) -> Diagnostic {
    Diagnostic::error("CYME.FILE.PACKED_DAMAGED", "the packed file cannot be unpacked")
        .at(file)
        .detail(format!("{error}."))
        .hint("copy the file again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn packed_files_are_opened_and_bombs_are_not() {
        let file = SourceRef::new("study.gz", 0);
        let small = b"<Cyme/>".as_slice();
        for packed in [small.to_vec(), gzip(small), zipped(&[("study.sxst", small)])] {
            assert_eq!(unpacked(&packed, &file, 100).unwrap().as_ref(), small);
        }
        let zeros = vec![0u8; 1 << 20];
        for bomb in [gzip(&zeros), zipped(&[("study.sxst", &zeros)])] {
            assert_eq!(unpacked(&bomb, &file, 1000).unwrap_err().diagnostics[0].code, "CYME.FILE.PACKED_TOO_LARGE");
        }
        let mut cut = gzip(small);
        cut.truncate(12);
        assert_eq!(unpacked(&cut, &file, 100).unwrap_err().diagnostics[0].code, "CYME.FILE.PACKED_DAMAGED");
        assert_eq!(unpacked(&zipped(&[("a", small), ("b", small)]), &file, 100).unwrap_err().diagnostics[0].code, "CYME.FILE.ARCHIVE");
    }
}
