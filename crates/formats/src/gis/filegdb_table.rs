//! One table of a file geodatabase: its columns, where its rows stand, and what a row holds.
//!
//! The layout is Esri's own and not published; this follows the reverse-engineered specification of E. Rouault
//! and N. Dawson ("FGDB Spec"), which describes the versions of ArcGIS 9 and 10 and the 64-bit object numbers of
//! ArcGIS Pro 3.2. A `.gdbtable` is a header of 40 bytes, a description of the columns, and rows: length (u32;
//! negative where the row is deleted), one bit a nullable column that is set where it is null, then the values
//! in the order of the columns. A `.gdbtablx` holds the place of every row in blocks of 1024 of four to six bytes
//! a row, zero where there is none; a bitmap behind them tells which blocks are there at all.

use crate::gis::layer::{FieldKind, Limits, Value};
use jiff::civil;
use std::ops::Range;

/// Bytes read one after the other; every step tells whether there were enough.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Cursor<'a> {
        Cursor { bytes, at }
    }

    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(n)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    pub fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.take(2).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take(4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.take(8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes)
    }

    pub fn f64(&mut self) -> Option<f64> {
        self.u64().map(f64::from_bits)
    }

    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    pub fn var_u64(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// As [`Cursor::var_u64`] with a sign in the second bit of the first byte.
    pub fn var_i64(&mut self) -> Option<i64> {
        let first = self.u8()?;
        let mut value = u64::from(first & 0x3f);
        let mut more = first & 0x80 != 0;
        let mut shift = 6;
        while more {
            if shift > 62 {
                return None;
            }
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            more = byte & 0x80 != 0;
            shift += 7;
        }
        let value = i64::try_from(value).ok()?;
        Some(if first & 0x40 != 0 { -value } else { value })
    }

    pub fn var_len(&mut self) -> Option<usize> {
        usize::try_from(self.var_u64()?).ok().filter(|n| *n <= self.bytes.len())
    }

    /// UTF-16 text of as many units.
    pub fn utf16(&mut self, units: usize) -> Option<String> {
        let bytes = self.take(units.checked_mul(2)?)?;
        Some(utf16(bytes))
    }
}

pub(crate) fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect();
    String::from_utf16_lossy(&units)
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int16,
    Int32,
    Float32,
    Float64,
    Text,
    DateTime,
    ObjectId,
    Geometry,
    Binary,
    /// A picture: its path, a number in a table of pictures, or its bytes.
    RasterPath,
    RasterNumber,
    RasterBytes,
    Guid,
    Xml,
    Int64,
    Date,
    Time,
    /// Local time and its offset from UTC in minutes.
    DateTimeOffset,
}

impl Kind {
    pub fn field_kind(self) -> Option<FieldKind> {
        Some(match self {
            Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::ObjectId => FieldKind::Integer,
            Kind::Float32 | Kind::Float64 => FieldKind::Real,
            Kind::Text | Kind::Xml => FieldKind::Text,
            Kind::DateTime | Kind::DateTimeOffset => FieldKind::DateTime,
            Kind::Date => FieldKind::Date,
            Kind::Time => FieldKind::Time,
            Kind::Guid => FieldKind::Guid,
            Kind::Geometry | Kind::Binary | Kind::RasterPath | Kind::RasterNumber | Kind::RasterBytes => return None,
        })
    }
}

/// A column as the table describes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub name: String,
    pub alias: String,
    pub kind: Kind,
    pub nullable: bool,
}

/// The grid on which a table keeps its coordinates: ordinate = whole number / scale + origin.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grid {
    pub wkt: String,
    pub x_origin: f64,
    pub y_origin: f64,
    pub scale: f64,
}

/// A table that has been opened. Rows are not looked at yet.
pub(crate) struct Table<'a> {
    bytes: &'a [u8],
    pub columns: Vec<Column>,
    pub grid: Option<Grid>,
    /// Object number and byte of every row that the index names.
    pub rows: Vec<(u64, usize)>,
    /// Rows that the header tells.
    pub told: u64,
    /// Whether object numbers are those of the source.
    pub exact_numbers: bool,
    utf8: bool,
    null_bytes: usize,
}

/// Why a table is not opened.
pub(crate) enum Refused {
    Unreadable(String),
    IndexMissing,
    TooMany(String),
}

/// A value of a row.
pub(crate) enum Cell {
    Value(Value),
    /// Bytes of the file that hold a geometry.
    Geometry(Range<usize>),
    /// What is there but is no value of a layer: bytes, pictures.
    Left,
    /// Text that is not what it should be.
    Unreadable(String),
    /// A date with its offset, brought to UTC.
    Shifted(Value),
}

/// Why a row gives no values.
pub(crate) enum BadRow {
    Deleted,
    /// Beyond the end of the file.
    Cut,
    Broken(String),
}

impl<'a> Table<'a> {
    pub fn open(bytes: &'a [u8], index: Option<&[u8]>, limits: &Limits) -> Result<Table<'a>, Refused> {
        let bad = |what: &str| Refused::Unreadable(what.to_owned());
        let mut header = Cursor::new(bytes, 0);
        let version = header.u32().ok_or_else(|| bad("it has no header"))?;
        let told = match version {
            3 => Cursor::new(bytes, 4).u32().filter(|n| *n <= i32::MAX as u32).map(u64::from),
            4 => Cursor::new(bytes, 16).u64().filter(|n| *n <= i64::MAX as u64),
            _ => return Err(Refused::Unreadable(format!("its version is {version}, and 3 and 4 are read"))),
        };
        let told = told.ok_or_else(|| bad("its number of rows makes no sense"))?;
        let description =
            Cursor::new(bytes, 32).u64().and_then(|at| usize::try_from(at).ok()).ok_or_else(|| bad("its header is cut off"))?;
        let (columns, grid, utf8) = describe(bytes, description, limits)?;
        let nullable = columns.iter().filter(|c| c.nullable).count();
        let mut table = Table { bytes, columns, grid, rows: Vec::new(), told, exact_numbers: true, utf8, null_bytes: nullable.div_ceil(8) };
        match index {
            Some(index) => table.read_index(index, version, limits)?,
            None if told > 0 => return Err(Refused::IndexMissing),
            None => {}
        }
        Ok(table)
    }

    fn read_index(&mut self, index: &[u8], version: u32, limits: &Limits) -> Result<(), Refused> {
        let bad = |what: &str| Refused::Unreadable(format!("its index (.gdbtablx) {what}"));
        let mut c = Cursor::new(index, 0);
        let own = c.u32().ok_or_else(|| bad("is empty"))?;
        if own != version {
            return Err(bad(&format!("has version {own}, and the table {version}")));
        }
        let (blocks, mut total, width);
        if version == 3 {
            blocks = u64::from(c.u32().ok_or_else(|| bad("is cut off"))?);
            total = u64::from(c.u32().ok_or_else(|| bad("is cut off"))?);
            width = c.u32().ok_or_else(|| bad("is cut off"))?;
        } else {
            blocks = c.u64().ok_or_else(|| bad("is cut off"))?;
            total = 0;
            width = c.u32().ok_or_else(|| bad("is cut off"))?;
        }
        if !(4..=6).contains(&width) {
            return Err(bad(&format!("gives a row {width} bytes, and 4 to 6 make sense")));
        }
        let width = width as usize;
        let trailer = usize::try_from(blocks)
            .ok()
            .and_then(|n| n.checked_mul(1024 * width))
            .and_then(|n| n.checked_add(16))
            .filter(|at| *at <= index.len());
        let trailer = trailer.ok_or_else(|| bad(&format!("tells {blocks} blocks of 1024 rows and has {} bytes", index.len())))?;
        if blocks == 0 {
            return Ok(());
        }
        let blocks = blocks as usize;
        let mut map: Option<&[u8]> = None;
        let mut t = Cursor::new(index, trailer);
        if version == 3 {
            let (words, bits, again, _) = match (t.u32(), t.u32(), t.u32(), t.u32()) {
                (Some(a), Some(b), Some(c), Some(d)) => (a, b as usize, c as usize, d),
                _ => return Err(bad("is cut off behind its blocks")),
            };
            if again != blocks {
                return Err(bad("tells its number of blocks in two ways"));
            }
            if words != 0 {
                map = Some(t.take(bits.div_ceil(8)).ok_or_else(|| bad("has a map of blocks that is cut off"))?);
                if total > bits as u64 * 1024 {
                    return Err(bad("tells more rows than its map has room for"));
                }
            }
        } else {
            total = t.u64().ok_or_else(|| bad("is cut off behind its blocks"))?;
            let size = t.u32().ok_or_else(|| bad("is cut off behind its blocks"))? as usize;
            // A first map of 32768 bytes with marks around it is understood; a table that needs more is so
            // sparse that its object numbers are lost, and its rows are not.
            const MAP: usize = 32_768;
            if size == 22 + MAP + 52 {
                let section = t.take(size).ok_or_else(|| bad("has a map of blocks that is cut off"))?;
                let known =
                    section.starts_with(&[1, 0, 1, 0, 0, 0]) && section[22 + MAP..].starts_with(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
                if known {
                    map = Some(&section[22..22 + MAP]);
                }
            }
            if size != 0 && map.is_none() {
                self.exact_numbers = false;
                total = blocks as u64 * 1024;
            }
        }
        let spans: Box<dyn Iterator<Item = usize>> = match map {
            Some(map) => Box::new((0..map.len() * 8).filter(|b| map[b / 8] >> (b % 8) & 1 == 1)),
            None => Box::new(0..blocks),
        };
        for (stored, block) in spans.enumerate() {
            if stored >= blocks {
                return Err(bad("maps more blocks than it holds"));
            }
            let start = 16 + stored * 1024 * width;
            let Some(entries) = index.get(start..start + 1024 * width) else { return Err(bad("is cut off within a block")) };
            for (k, entry) in entries.chunks_exact(width).enumerate() {
                let row = block as u64 * 1024 + k as u64;
                if row >= total {
                    break;
                }
                let at = entry.iter().rev().fold(0u64, |at, b| at << 8 | u64::from(*b));
                if at != 0 {
                    if self.rows.len() >= limits.features {
                        return Err(Refused::TooMany(format!("it has more than {} rows", limits.features)));
                    }
                    self.rows.push((row + 1, usize::try_from(at).unwrap_or(usize::MAX)));
                }
            }
        }
        Ok(())
    }

    /// Bytes of the row that stands at a byte, zero where it is deleted or beyond the end.
    pub fn length(&self, at: usize) -> usize {
        Cursor::new(self.bytes, at).u32().filter(|n| n & 0x8000_0000 == 0).map_or(0, |n| n as usize)
    }

    /// The values of the row that stands at a byte.
    pub fn row(&self, at: usize) -> Result<Vec<Cell>, BadRow> {
        let mut c = Cursor::new(self.bytes, at);
        let length = c.u32().ok_or(BadRow::Cut)?;
        if length & 0x8000_0000 != 0 {
            return Err(BadRow::Deleted);
        }
        let start = c.at;
        let end = start.checked_add(length as usize).filter(|end| *end <= self.bytes.len()).ok_or(BadRow::Cut)?;
        let broken = |what: &str| BadRow::Broken(what.to_owned());
        let mut c = Cursor::new(&self.bytes[..end], start);
        let nulls = c.take(self.null_bytes).ok_or_else(|| broken("the row is too short for its marks of null values"))?;
        let mut nullable = 0;
        let mut cells = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            if column.nullable {
                let null = nulls.get(nullable / 8).is_some_and(|b| b >> (nullable % 8) & 1 == 1);
                nullable += 1;
                if null {
                    cells.push(Cell::Value(Value::Null));
                    continue;
                }
            }
            let cell =
                self.cell(column, &mut c).ok_or_else(|| BadRow::Broken(format!("the row ends within the value of {:?}", column.name)))?;
            cells.push(cell);
        }
        Ok(cells)
    }

    fn cell(&self, column: &Column, c: &mut Cursor<'_>) -> Option<Cell> {
        let value = match column.kind {
            Kind::ObjectId => Value::Null,
            Kind::Int16 => Value::Integer(i64::from(c.u16()? as i16)),
            Kind::Int32 => Value::Integer(i64::from(c.u32()? as i32)),
            Kind::Int64 => Value::Integer(c.u64()? as i64),
            Kind::Float32 => return Some(real(f64::from(f32::from_bits(c.u32()?)))),
            Kind::Float64 => return Some(real(c.f64()?)),
            Kind::DateTime => {
                let days = c.f64()?;
                return Some(date_time(days).map_or_else(|| unreadable_days(days), |t| Cell::Value(Value::DateTime(t))));
            }
            Kind::Date => {
                let days = c.f64()?;
                return Some(date_time(days).map_or_else(|| unreadable_days(days), |t| Cell::Value(Value::Date(t.date()))));
            }
            Kind::Time => {
                let days = c.f64()?;
                let time = Some(days).filter(|d| (0.0..=1.0).contains(d)).and_then(date_time);
                return Some(time.map_or_else(|| unreadable_days(days), |t| Cell::Value(Value::Time(t.time()))));
            }
            Kind::DateTimeOffset => {
                let days = c.f64()?;
                let minutes = i64::from(c.u16()? as i16);
                let span = jiff::Span::new().try_minutes(-minutes).ok();
                let utc = date_time(days).zip(span).and_then(|(t, span)| t.checked_add(span).ok());
                return Some(utc.map_or_else(|| unreadable_days(days), |t| Cell::Shifted(Value::DateTime(t))));
            }
            Kind::Guid => {
                let b = c.take(16)?;
                Value::text(format!(
                    "{{{:02X}{:02X}{:02X}{:02X}-{:02X}{:02X}-{:02X}{:02X}-{:02X}{:02X}-{:02X}{:02X}{:02X}{:02X}{:02X}{:02X}}}",
                    b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]
                ))
            }
            Kind::Text | Kind::Xml => {
                let length = c.var_len()?;
                let bytes = c.take(length)?;
                if self.utf8 || column.kind == Kind::Xml {
                    match std::str::from_utf8(bytes) {
                        Ok(text) => Value::text(text),
                        Err(_) => return Some(Cell::Unreadable(String::from_utf8_lossy(bytes).into_owned())),
                    }
                } else {
                    Value::text(utf16(bytes))
                }
            }
            Kind::Geometry => {
                let length = c.var_len()?;
                let start = c.at;
                c.take(length)?;
                return Some(Cell::Geometry(start..start + length));
            }
            Kind::Binary | Kind::RasterPath | Kind::RasterBytes => {
                let length = c.var_len()?;
                c.take(length)?;
                return Some(Cell::Left);
            }
            Kind::RasterNumber => {
                c.u32()?;
                return Some(Cell::Left);
            }
        };
        Some(Cell::Value(value))
    }

    /// Bytes of the file.
    pub fn slice(&self, range: Range<usize>) -> &'a [u8] {
        self.bytes.get(range).unwrap_or_default()
    }
}

fn real(value: f64) -> Cell {
    // Esri writes a real that is none as NaN in older tables.
    if value.is_nan() {
        Cell::Value(Value::Null)
    } else if value.is_finite() {
        Cell::Value(Value::Real(value))
    } else {
        Cell::Unreadable(value.to_string())
    }
}

fn unreadable_days(days: f64) -> Cell {
    Cell::Unreadable(format!("{days} days"))
}

/// A number of days since 30 December 1899, to the millisecond.
fn date_time(days: f64) -> Option<civil::DateTime> {
    if !(-700_000.0..3_000_000.0).contains(&days) {
        return None;
    }
    let ms = (days * 86_400_000.0).round() as i64;
    civil::date(1899, 12, 30).at(0, 0, 0, 0).checked_add(jiff::Span::new().try_milliseconds(ms).ok()?).ok()
}

/// Columns, the grid of the geometry, and whether texts are UTF-8.
fn describe(bytes: &[u8], at: usize, limits: &Limits) -> Result<(Vec<Column>, Option<Grid>, bool), Refused> {
    let bad = |what: String| Refused::Unreadable(what);
    let cut = || Refused::Unreadable("the description of its columns is cut off".to_owned());
    let mut c = Cursor::new(bytes, at);
    let length = c.u32().ok_or_else(cut)? as usize;
    let end = (at + 4).checked_add(length).filter(|end| *end <= bytes.len()).ok_or_else(cut)?;
    let mut c = Cursor::new(&bytes[..end], at + 4);
    c.u32().ok_or_else(cut)?;
    let flags = c.take(4).ok_or_else(cut)?;
    let utf8 = flags[1] & 1 != 0;
    let (has_m, has_z) = (flags[3] & 0x40 != 0, flags[3] & 0x80 != 0);
    let count = usize::from(c.u16().ok_or_else(cut)?);
    if count > limits.fields {
        return Err(Refused::TooMany(format!("it has {count} columns, more than the limit of {}", limits.fields)));
    }
    let mut columns = Vec::with_capacity(count);
    let mut grid = None;
    for _ in 0..count {
        let units = usize::from(c.u8().ok_or_else(cut)?);
        let name = c.utf16(units).ok_or_else(cut)?;
        let units = usize::from(c.u8().ok_or_else(cut)?);
        let alias = c.utf16(units).ok_or_else(cut)?;
        let code = c.u8().ok_or_else(cut)?;
        let mut kind = match code {
            0 => Kind::Int16,
            1 => Kind::Int32,
            2 => Kind::Float32,
            3 => Kind::Float64,
            4 => Kind::Text,
            5 => Kind::DateTime,
            6 => Kind::ObjectId,
            7 => Kind::Geometry,
            8 => Kind::Binary,
            9 => Kind::RasterBytes,
            10 | 11 => Kind::Guid,
            12 => Kind::Xml,
            13 => Kind::Int64,
            14 => Kind::Date,
            15 => Kind::Time,
            16 => Kind::DateTimeOffset,
            _ => return Err(bad(format!("the column {name:?} is of a kind ({code}) that is not known"))),
        };
        let mut nullable = false;
        match kind {
            Kind::Geometry | Kind::RasterBytes => {
                c.u8().ok_or_else(cut)?;
                nullable = c.u8().ok_or_else(cut)? & 1 != 0;
                if kind == Kind::RasterBytes {
                    let units = usize::from(c.u8().ok_or_else(cut)?);
                    c.utf16(units).ok_or_else(cut)?;
                }
                let wkt = usize::from(c.u16().ok_or_else(cut)?);
                let wkt = c.utf16(wkt / 2).ok_or_else(cut)?;
                let flags = c.u8().ok_or_else(cut)?;
                let (own_m, own_z) = (flags & 2 != 0, flags & 4 != 0);
                let mut own = Grid { wkt, x_origin: 0.0, y_origin: 0.0, scale: 1.0 };
                if kind == Kind::Geometry || flags > 0 {
                    own.x_origin = c.f64().ok_or_else(cut)?;
                    own.y_origin = c.f64().ok_or_else(cut)?;
                    own.scale = c.f64().ok_or_else(cut)?;
                    // Origin and scale of m and z, the tolerance of x and y, those of m and z.
                    c.take(16 * (usize::from(own_m) + usize::from(own_z)) + 8 + 8 * (usize::from(own_m) + usize::from(own_z)))
                        .ok_or_else(cut)?;
                }
                if kind == Kind::RasterBytes {
                    kind = match c.u8().ok_or_else(cut)? {
                        0 => Kind::RasterPath,
                        1 => Kind::RasterNumber,
                        2 => Kind::RasterBytes,
                        other => return Err(bad(format!("the column {name:?} holds pictures of a kind ({other}) that is not known"))),
                    };
                } else {
                    if !(own.scale.is_finite() && own.scale > 0.0 && own.x_origin.is_finite() && own.y_origin.is_finite()) {
                        return Err(bad(format!(
                            "its coordinates have the scale {} and the origin {}, {}",
                            own.scale, own.x_origin, own.y_origin
                        )));
                    }
                    if grid.is_some() {
                        return Err(bad("it has two columns of geometry".to_owned()));
                    }
                    c.take(32 + 16 * (usize::from(has_z) + usize::from(has_m)) + 1).ok_or_else(cut)?;
                    let grids = c.u32().ok_or_else(cut)? as usize;
                    if grids > 3 {
                        return Err(bad(format!("it tells {grids} levels of a spatial index, and has three at most")));
                    }
                    c.take(8 * grids).ok_or_else(cut)?;
                    grid = Some(own);
                }
            }
            Kind::Text => {
                c.u32().ok_or_else(cut)?;
                let flags = c.u8().ok_or_else(cut)?;
                let default = c.var_len().ok_or_else(cut)?;
                nullable = flags & 1 != 0;
                if flags & 4 != 0 {
                    c.take(default).ok_or_else(cut)?;
                }
            }
            Kind::ObjectId | Kind::Binary | Kind::Guid | Kind::Xml => {
                c.u8().ok_or_else(cut)?;
                nullable = c.u8().ok_or_else(cut)? & 1 != 0;
            }
            _ => {
                c.u8().ok_or_else(cut)?;
                let flags = c.u8().ok_or_else(cut)?;
                let default = usize::from(c.u8().ok_or_else(cut)?);
                nullable |= flags & 1 != 0;
                if flags & 4 != 0 {
                    c.take(default).ok_or_else(cut)?;
                }
            }
        }
        columns.push(Column { name, alias, kind, nullable });
    }
    Ok((columns, grid, utf8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_varying_length_are_read_and_bounded() {
        assert_eq!(Cursor::new(&[0x96, 0x01], 0).var_u64(), Some(150));
        assert_eq!(Cursor::new(&[0xc1, 0x01], 0).var_i64(), Some(-65));
        assert_eq!(Cursor::new(&[0x41], 0).var_i64(), Some(-1));
        assert_eq!(Cursor::new(&[0xff; 20], 0).var_u64(), None);
        assert_eq!(Cursor::new(&[0xff; 20], 0).var_i64(), None);
        assert_eq!(Cursor::new(&[0x80], 0).var_u64(), None);
    }

    #[test]
    fn days_count_from_the_end_of_1899() {
        assert_eq!(date_time(25569.0).unwrap().to_string(), "1970-01-01T00:00:00");
        assert_eq!(date_time(41214.5).unwrap().to_string(), "2012-11-01T12:00:00");
        assert_eq!(date_time(f64::NAN), None);
        assert_eq!(date_time(1e9), None);
    }
}
