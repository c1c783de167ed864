//! Shapefiles: geometry (.shp), its index (.shx), attributes (.dbf), reference system (.prj), encoding (.cpg).
//!
//! After the ESRI Shapefile Technical Description (1998). The main file has a header of 100 bytes: code 9994
//! (big-endian), length in 16-bit words (big-endian, at 24), version 1000 and kind of shape (little-endian, at
//! 28 and 32); then records, each with its number and length in words (big-endian) and a shape. The index has
//! the same header and, a record, offset and length in words. The n-th record of the index, of the attributes
//! and of the shapes belong together, so every disagreement of their numbers is told.

use crate::gis::crs::Crs;
use crate::gis::dbf;
use crate::gis::geometry::{fault, footprint, line_from_parts, polygons_from_rings};
use crate::gis::layer::{Coord, Feature, Geometry, Layer, LayerOptions, describe_values};
use crate::{FileSource, ImportError};
use network::{Diagnostic, Disposition, Reject, SourceRef};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const HEADER: usize = 100;
/// Values below mean that there is no measure (the specification's "no data").
const NO_DATA: f64 = -1e38;

fn be_u32(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize)
}

fn le_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn le_f64(bytes: &[u8], at: usize) -> Option<f64> {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map(f64::from_le_bytes)
}

/// The name of a kind of shape; none when there is no such kind.
fn kind_name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0 => "Null",
        1 => "Point",
        3 => "PolyLine",
        5 => "Polygon",
        8 => "MultiPoint",
        11 => "PointZ",
        13 => "PolyLineZ",
        15 => "PolygonZ",
        18 => "MultiPointZ",
        21 => "PointM",
        23 => "PolyLineM",
        25 => "PolygonM",
        28 => "MultiPointM",
        31 => "MultiPatch",
        _ => return None,
    })
}

/// A file beside another with another extension, in either case.
fn beside(files: &dyn FileSource, names: &[String], path: &Path, extension: &str) -> Result<Option<(PathBuf, Vec<u8>)>, ImportError> {
    let stem = path.file_stem().map(|s| s.to_string_lossy().to_lowercase()).unwrap_or_default();
    let wanted = format!("{stem}.{extension}");
    let Some(name) = names.iter().find(|n| n.to_lowercase() == wanted) else { return Ok(None) };
    let found = path.with_file_name(name);
    match files.read(&found) {
        Ok(bytes) => Ok(Some((found, bytes))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(unreadable_file(&found, &e).into()),
    }
}

/// The finding of a file that the source does not give.
pub(crate) fn unreadable_file(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error("GIS.FILE.UNREADABLE", format!("{} cannot be read", path.display()))
        .detail(format!("{error}."))
        .hint("check the path and the permissions")
}

struct Shape {
    /// Byte of the record's header.
    at: usize,
    number: usize,
    /// Bytes of the content.
    from: usize,
    to: usize,
}

/// Reads a shapefile by the path of its .shp.
///
/// # Errors
/// Findings `GIS.SHAPEFILE.*`, `GIS.DBF.*`, `GIS.TEXT.*`: a file that is cut off, no shapefile, or whose parts
/// disagree in their number of records. A record whose shape makes no sense is a reject.
pub fn read(files: &dyn FileSource, path: &Path, options: &LayerOptions) -> Result<Layer, ImportError> {
    let shp = files.read(path).map_err(|e| unreadable_file(path, &e))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let names = files.list_dir(folder).unwrap_or_default();
    let file: Arc<str> = path.to_string_lossy().into();
    let source = SourceRef::new(file.clone(), 0);
    let name = path.file_stem().map_or_else(|| "layer".to_owned(), |s| s.to_string_lossy().into_owned());
    let mut layer = Layer::new(name, source.clone());

    let header_kind = header(&shp, &file)?;
    let shx = beside(files, &names, path, "shx")?;
    let shapes = match &shx {
        Some((shx_path, shx)) => by_index(&shp, shx, &file, &shx_path.to_string_lossy(), &mut layer.diagnostics)?,
        None => {
            layer.diagnostics.push(
                Diagnostic::warning("GIS.SHAPEFILE.SHX_MISSING", "the index (.shx) is missing; records are read one after the other")
                    .at(&source)
                    .hint("put the .shx file beside the .shp; without it, records that were edited in place may come out of order"),
            );
            in_order(&shp, &file)?
        }
    };
    if shapes.len() > options.limits.features {
        return Err(Diagnostic::error("GIS.LIMIT.EXCEEDED", format!("the layer has more than {} features", options.limits.features))
            .at(&source)
            .hint("split the layer")
            .into());
    }

    layer.crs = match beside(files, &names, path, "prj")? {
        Some((_, prj)) => {
            Some(Crs::parse(String::from_utf8_lossy(&prj).trim_start_matches('\u{feff}').trim())).filter(|c| !c.definition.is_empty())
        }
        None => None,
    };
    let cpg = beside(files, &names, path, "cpg")?;
    let cpg = cpg.as_ref().map(|(path, bytes)| (String::from_utf8_lossy(bytes).into_owned(), path.to_string_lossy().into_owned()));
    let declared = cpg.as_ref().map(|(label, path)| (label.as_str(), path.as_str())).filter(|(label, _)| !label.trim().is_empty());
    let mut rows = None;
    match beside(files, &names, path, "dbf")? {
        Some((dbf_path, bytes)) => {
            let dbf_file: Arc<str> = dbf_path.to_string_lossy().into();
            let table = dbf::read(&bytes, &dbf_file, declared, options.encoding.as_deref(), &options.limits)?;
            if table.rows.len() != shapes.len() {
                let (shapes, rows) = (shapes.len(), table.rows.len());
                return Err(Diagnostic::error("GIS.SHAPEFILE.COUNT_MISMATCH", format!("{shapes} shapes and {rows} rows of attributes"))
                    .at(&source)
                    .detail("Shapes and attributes belong together by their number alone, so with unequal numbers none can be trusted.")
                    .hint("export the layer again, or copy the .shp, .shx and .dbf files of one export")
                    .into());
            }
            layer.fields = table.fields;
            layer.diagnostics.extend(table.diagnostics);
            for mut entry in table.ledger.entries {
                entry.field = format!("{}.{}", layer.name, entry.field);
                layer.ledger.entries.push(entry);
            }
            rows = Some(table.rows);
        }
        None => layer.diagnostics.push(
            Diagnostic::warning("GIS.SHAPEFILE.DBF_MISSING", "the attributes (.dbf) are missing; features have a place and nothing else")
                .at(&source)
                .hint("put the .dbf file beside the .shp"),
        ),
    }

    let mut rows = rows.map(Vec::into_iter);
    let (mut z, mut m, mut null, mut deleted) = (0, 0, 0, 0);
    let mut other_kinds: Option<(SourceRef, usize, u32)> = None;
    for (k, shape) in shapes.iter().enumerate() {
        let row = rows.as_mut().and_then(Iterator::next);
        let at = SourceRef::new(file.clone(), u32::try_from(k + 1).unwrap_or(u32::MAX));
        let values = match row {
            Some(row) if row.deleted => {
                deleted += 1;
                continue;
            }
            Some(row) => row.values,
            None => Vec::new(),
        };
        let content = &shp[shape.from..shape.to];
        let kind = le_u32(content, 0);
        if let Some(kind) = kind
            && kind != 0
            && kind != header_kind
            && kind_name(kind).is_some()
        {
            other_kinds.get_or_insert((at.clone(), 0, kind)).1 += 1;
        }
        match decode(content) {
            Ok(decoded) => {
                z += usize::from(decoded.z);
                m += usize::from(decoded.m);
                null += usize::from(decoded.geometry.is_none());
                layer.features.push(Feature { id: k as u64 + 1, geometry: decoded.geometry, values, source: at });
            }
            Err(reason) => {
                let text = describe_values(&layer.fields, &values);
                layer.rejects.push(Reject { source: at, reason: format!("record {} at byte {}: {reason}", shape.number, shape.at), text });
            }
        }
    }
    if let Some((at, count, kind)) = other_kinds {
        let names = (kind_name(header_kind).unwrap_or("?"), kind_name(kind).unwrap_or("?"));
        layer.diagnostics.push(
            Diagnostic::warning("GIS.SHAPEFILE.MIXED_SHAPES", format!("{count} records are not of the kind of the file, {}", names.0))
                .at(&at)
                .detail(format!(
                    "The first of them is a {}. The format allows one kind a file; they are read as what they say they are.",
                    names.1
                ))
                .hint("export points, lines and polygons as layers of their own"),
        );
    }
    let field = format!("{}.geometry", layer.name);
    let dropped = |reason: &str| Disposition::Dropped { reason: reason.to_owned() };
    layer.record_many(&format!("{field}.z"), dropped("heights are not part of a network"), z, None);
    layer.record_many(&format!("{field}.m"), dropped("measures along lines are not part of a network"), m, None);
    layer.record_many(&field, dropped("a null shape: the feature has no place"), null, None);
    let table = layer.name.clone();
    layer.record_many(&table, dropped("the record is marked as deleted in the .dbf file"), deleted, None);
    Ok(layer)
}

/// Reads a .dbf alone: a table whose rows have no place.
pub(crate) fn read_table(files: &dyn FileSource, path: &Path, options: &LayerOptions) -> Result<Layer, ImportError> {
    let bytes = files.read(path).map_err(|e| unreadable_file(path, &e))?;
    let names = files.list_dir(path.parent().unwrap_or(Path::new(""))).unwrap_or_default();
    let file: Arc<str> = path.to_string_lossy().into();
    let name = path.file_stem().map_or_else(|| "table".to_owned(), |s| s.to_string_lossy().into_owned());
    let cpg = beside(files, &names, path, "cpg")?;
    let cpg = cpg.as_ref().map(|(path, bytes)| (String::from_utf8_lossy(bytes).into_owned(), path.to_string_lossy().into_owned()));
    let declared = cpg.as_ref().map(|(label, path)| (label.as_str(), path.as_str())).filter(|(label, _)| !label.trim().is_empty());
    let table = dbf::read(&bytes, &file, declared, options.encoding.as_deref(), &options.limits)?;
    let mut layer = Layer::new(name, SourceRef::new(file.clone(), 0));
    layer.fields = table.fields;
    layer.diagnostics = table.diagnostics;
    layer.ledger = table.ledger;
    let mut deleted = 0;
    for (k, row) in table.rows.into_iter().enumerate() {
        if row.deleted {
            deleted += 1;
            continue;
        }
        let source = SourceRef::new(file.clone(), u32::try_from(k + 1).unwrap_or(u32::MAX));
        layer.features.push(Feature { id: k as u64 + 1, geometry: None, values: row.values, source });
    }
    let name = layer.name.clone();
    layer.record_many(&name, Disposition::Dropped { reason: "the record is marked as deleted".to_owned() }, deleted, None);
    Ok(layer)
}

/// Checks the header and gives the kind of shape of the file.
fn header(shp: &[u8], file: &Arc<str>) -> Result<u32, ImportError> {
    let source = SourceRef::new(file.clone(), 0);
    let bad = |detail: String| {
        Diagnostic::error("GIS.SHAPEFILE.UNREADABLE", "the file is no shapefile, or its header is damaged")
            .at(&source)
            .detail(detail)
            .hint("export the layer again")
    };
    let (Some(code), Some(words), Some(version), Some(kind)) = (be_u32(shp, 0), be_u32(shp, 24), le_u32(shp, 28), le_u32(shp, 32)) else {
        return Err(bad(format!("It has {} bytes, and its header alone takes {HEADER}.", shp.len())).into());
    };
    if shp.len() < HEADER {
        return Err(bad(format!("It has {} bytes, and its header alone takes {HEADER}.", shp.len())).into());
    }
    if code != 9994 || version != 1000 {
        return Err(bad(format!("Code {code} and version {version}, where 9994 and 1000 are due.")).into());
    }
    if kind_name(kind).is_none() {
        return Err(bad(format!("The kind of shape {kind} is unknown.")).into());
    }
    let told = words.saturating_mul(2);
    if told > shp.len() {
        let (number, at) = last_record(shp);
        return Err(Diagnostic::error("GIS.SHAPEFILE.TRUNCATED", format!("the file ends within record {number}"))
            .at(&SourceRef::new(file.clone(), u32::try_from(number).unwrap_or(u32::MAX)))
            .detail(format!("Its header tells {told} bytes; it ends at byte {}, and record {number} begins at byte {at}.", shp.len()))
            .hint("copy or export the file again")
            .into());
    }
    Ok(kind)
}

/// Number, counted from 1, and place of the record within which the file ends.
fn last_record(shp: &[u8]) -> (usize, usize) {
    let (mut number, mut at) = (1, HEADER);
    while let Some(words) = be_u32(shp, at + 4) {
        let next = at.saturating_add(8).saturating_add(words.saturating_mul(2));
        if next > shp.len() {
            break;
        }
        at = next;
        number += 1;
    }
    (number, at)
}

/// Records as the index tells.
fn by_index(shp: &[u8], shx: &[u8], file: &Arc<str>, shx_file: &str, findings: &mut Vec<Diagnostic>) -> Result<Vec<Shape>, ImportError> {
    let source = SourceRef::new(shx_file, 0);
    let bad = |detail: String| {
        Diagnostic::error("GIS.SHAPEFILE.BAD_INDEX", "the index (.shx) does not fit the shapes")
            .at(&source)
            .detail(detail)
            .hint("copy the .shp and .shx files of one export, or remove the .shx file to read the records in order")
    };
    if shx.len() < HEADER || be_u32(shx, 0) != Some(9994) {
        return Err(bad(format!("It has {} bytes and no header of an index.", shx.len())).into());
    }
    let told = be_u32(shx, 24).unwrap_or(0).saturating_mul(2);
    if told > shx.len() || !(told.max(HEADER) - HEADER).is_multiple_of(8) {
        return Err(bad(format!("Its header tells {told} bytes, and it has {}.", shx.len())).into());
    }
    let count = (told.max(HEADER) - HEADER) / 8;
    let mut shapes = Vec::with_capacity(count);
    let mut misnumbered = 0;
    let mut taken = 0usize;
    for k in 0..count {
        let entry = HEADER + 8 * k;
        let (Some(offset), Some(words)) = (be_u32(shx, entry), be_u32(shx, entry + 4)) else {
            return Err(bad(format!("Entry {} is not whole.", k + 1)).into());
        };
        let at = offset.saturating_mul(2);
        let (Some(number), Some(own_words)) = (be_u32(shp, at), be_u32(shp, at.saturating_add(4))) else {
            return Err(Diagnostic::error("GIS.SHAPEFILE.TRUNCATED", format!("record {} lies beyond the end of the file", k + 1))
                .at(&SourceRef::new(file.clone(), u32::try_from(k + 1).unwrap_or(u32::MAX)))
                .detail(format!("The index puts it at byte {at}; the file ends at byte {}.", shp.len()))
                .hint("copy or export the files again")
                .into());
        };
        if at < HEADER || own_words != words {
            return Err(bad(format!(
                "Entry {} tells {} bytes at byte {at}; the record there tells {}.",
                k + 1,
                words.saturating_mul(2),
                own_words.saturating_mul(2)
            ))
            .into());
        }
        let to = (at + 8).saturating_add(words.saturating_mul(2));
        if to > shp.len() {
            return Err(Diagnostic::error("GIS.SHAPEFILE.TRUNCATED", format!("the file ends within record {}", k + 1))
                .at(&SourceRef::new(file.clone(), u32::try_from(k + 1).unwrap_or(u32::MAX)))
                .detail(format!("The record begins at byte {at} and takes {} bytes; the file ends at byte {}.", to - at, shp.len()))
                .hint("copy or export the files again")
                .into());
        }
        taken = taken.saturating_add(to - at);
        if taken > shp.len() {
            return Err(bad(format!("Entry {} puts its record on top of others.", k + 1)).into());
        }
        misnumbered += usize::from(number != k + 1);
        shapes.push(Shape { at, number: k + 1, from: at + 8, to });
    }
    if misnumbered > 0 {
        findings.push(
            Diagnostic::warning(
                "GIS.SHAPEFILE.RECORD_NUMBERS",
                format!("{misnumbered} records carry another number than their place in the index"),
            )
            .at(&SourceRef::new(file.clone(), 0))
            .detail("Shapes and attributes are joined by their place in the index.")
            .hint("see that the attributes fit their shapes"),
        );
    }
    // Records that no entry of the index names are not part of the layer, but their number may tell of a slip.
    let in_file = in_order(shp, file).map(|s| s.len());
    if let Ok(in_file) = in_file
        && in_file != shapes.len()
    {
        findings.push(
            Diagnostic::warning(
                "GIS.SHAPEFILE.INDEX_COUNT",
                format!("the index tells {} records, and the file holds {in_file}", shapes.len()),
            )
            .at(&source)
            .detail("The index counts: records that were edited in place leave others behind.")
            .hint("copy the .shp and .shx files of one export if features are missing"),
        );
    }
    Ok(shapes)
}

/// Records one after the other.
fn in_order(shp: &[u8], file: &Arc<str>) -> Result<Vec<Shape>, ImportError> {
    let end = be_u32(shp, 24).unwrap_or(0).saturating_mul(2).min(shp.len());
    let mut shapes = Vec::new();
    let mut at = HEADER;
    while at < end {
        let number = shapes.len() + 1;
        let to = be_u32(shp, at + 4).map(|words| (at + 8).saturating_add(words.saturating_mul(2)));
        match to {
            Some(to) if to <= end => {
                shapes.push(Shape { at, number, from: at + 8, to });
                at = to;
            }
            _ => {
                return Err(Diagnostic::error("GIS.SHAPEFILE.TRUNCATED", format!("the file ends within record {number}"))
                    .at(&SourceRef::new(file.clone(), u32::try_from(number).unwrap_or(u32::MAX)))
                    .detail(format!(
                        "The record begins at byte {at} and tells to end at byte {}; the shapes end at byte {end}.",
                        to.unwrap_or(at + 8)
                    ))
                    .hint("copy or export the file again")
                    .into());
            }
        }
    }
    Ok(shapes)
}

struct Decoded {
    geometry: Option<Geometry>,
    z: bool,
    m: bool,
}

fn decode(content: &[u8]) -> Result<Decoded, String> {
    let kind = le_u32(content, 0).ok_or("it is too short for a kind of shape")?;
    let short = || format!("its {} bytes are too few for what it tells", content.len());
    let point = |at: usize| -> Result<Coord, String> {
        match (le_f64(content, at), le_f64(content, at + 8)) {
            (Some(x), Some(y)) => Ok([x, y]),
            _ => Err(short()),
        }
    };
    let points = |at: usize, count: usize| -> Result<Vec<Coord>, String> {
        let end = count.checked_mul(16).and_then(|n| n.checked_add(at)).filter(|end| *end <= content.len());
        let bytes = end.and_then(|end| content.get(at..end)).ok_or_else(short)?;
        Ok(bytes.chunks_exact(16).filter_map(|c| Some([le_f64(c, 0)?, le_f64(c, 8)?])).collect())
    };
    let has_z = matches!(kind, 11 | 13 | 15 | 18 | 31);
    // A measure is optional where there are heights, so the room behind them tells.
    let mut has_m = matches!(kind, 21 | 23 | 25 | 28);
    let geometry = match kind {
        0 => None,
        1 | 11 | 21 => {
            has_m = match kind {
                11 => le_f64(content, 28).is_some_and(|m| m > NO_DATA),
                _ => has_m,
            };
            Some(Geometry::Point(point(4)?))
        }
        8 | 18 | 28 => {
            let count = le_u32(content, 36).ok_or_else(short)? as usize;
            let all = points(40, count)?;
            (!all.is_empty()).then_some(Geometry::MultiPoint(all))
        }
        3 | 5 | 13 | 15 | 23 | 25 => {
            let (parts, count) = match (le_u32(content, 36), le_u32(content, 40)) {
                (Some(parts), Some(count)) => (parts as usize, count as usize),
                _ => return Err(short()),
            };
            let starts = parts.checked_mul(4).and_then(|n| n.checked_add(44)).and_then(|end| content.get(44..end)).ok_or_else(short)?;
            let starts: Vec<usize> = starts.chunks_exact(4).filter_map(|c| le_u32(c, 0)).map(|s| s as usize).collect();
            let all = points(44 + 4 * parts, count)?;
            if count > 0 && starts.first() != Some(&0) {
                return Err("its first part does not begin with its first point".to_owned());
            }
            let mut runs = Vec::with_capacity(parts);
            for (k, &start) in starts.iter().enumerate() {
                let end = starts.get(k + 1).copied().unwrap_or(count);
                let run = all.get(start..end).ok_or_else(|| format!("part {} goes from point {start} to {end} of {count}", k + 1))?;
                if !run.is_empty() {
                    runs.push(run.to_vec());
                }
            }
            if has_z {
                let with_m = 44 + 4 * parts + 16 * count + 2 * (16 + 8 * count);
                has_m = content.len() >= with_m && count > 0;
            }
            if matches!(kind, 3 | 13 | 23) { line_from_parts(runs) } else { polygons_from_rings(runs) }
        }
        31 => {
            let (parts, count) = match (le_u32(content, 36), le_u32(content, 40)) {
                (Some(parts), Some(count)) => (parts as usize, count as usize),
                _ => return Err(short()),
            };
            let ends = parts.checked_mul(8).and_then(|n| n.checked_add(44)).and_then(|end| content.get(44..end)).ok_or_else(short)?;
            let (starts, kinds) = ends.split_at(4 * parts);
            let word = |bytes: &[u8], k: usize| le_u32(bytes, 4 * k);
            let all = points(44 + 8 * parts, count)?;
            let mut runs = Vec::with_capacity(parts);
            for k in 0..parts {
                let start = word(starts, k).ok_or_else(short)? as usize;
                let end = word(starts, k + 1).map_or(count, |n| n as usize);
                let run = all.get(start..end).ok_or_else(|| format!("part {} goes from point {start} to {end} of {count}", k + 1))?;
                runs.push((word(kinds, k).ok_or_else(short)?, run.to_vec()));
            }
            footprint(runs)?
        }
        _ => return Err(format!("the kind of shape {kind} is unknown")),
    };
    if let Some(geometry) = &geometry {
        if geometry.coords().any(|c| c[0] < NO_DATA || c[1] < NO_DATA) {
            return Err("an ordinate means that there is none".to_owned());
        }
        if let Some(fault) = fault(geometry) {
            return Err(fault);
        }
    }
    Ok(Decoded { z: has_z && geometry.is_some(), m: has_m && geometry.is_some(), geometry })
}
