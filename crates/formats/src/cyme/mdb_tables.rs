//! An Access database as rows by table and column name.
//!
//! The file is handed in as bytes; nothing is opened. Tables are read one at a time, rows one by one, and only the columns that are
//! asked for, so that pictures stored beside the network are never touched.

use super::unpack;
use crate::ImportError;
use jetdb::{CatalogEntry, FileError, ObjectType, PageReader, TableDef, Value};
use network::{Diagnostic, SourceRef};
use std::collections::HashMap;
use std::io::Cursor;
use std::sync::Arc;

/// What a database may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MdbLimits {
    /// Bytes after unpacking. Access itself ends at 2 GiB.
    pub bytes: usize,
    /// Rows of one table.
    pub rows: usize,
}

impl Default for MdbLimits {
    fn default() -> Self {
        Self { bytes: 2 << 30, rows: 20_000_000 }
    }
}

/// An open database.
pub struct Database {
    reader: PageReader,
    /// Tables by name in capitals.
    tables: HashMap<String, CatalogEntry>,
    file: Arc<str>,
    limits: MdbLimits,
}

/// One row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    columns: Arc<HashMap<String, usize>>,
    values: Vec<Value>,
    table: Arc<str>,
    /// Counted from 1.
    pub number: u32,
}

/// Rows of one table and what was not read of it.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub rows: Vec<Row>,
    /// Rows that the file holds but that cannot be read.
    pub unreadable: usize,
}

/// True for bytes that begin as an Access database does, packed or not.
pub fn looks_like_database(bytes: &[u8]) -> bool {
    let head = |b: &[u8]| b.starts_with(&[0, 1, 0, 0]) && b.get(4..15).is_some_and(|n| n == b"Standard Je" || n == b"Standard AC");
    if head(bytes) {
        return true;
    }
    if !bytes.starts_with(&[0x1F, 0x8B]) {
        return false;
    }
    let mut first = Vec::new();
    let unzipped = std::io::Read::read_to_end(&mut std::io::Read::take(flate2::read::MultiGzDecoder::new(bytes), 64), &mut first);
    unzipped.is_ok() && head(&first)
}

impl Database {
    /// Opens a database from its bytes.
    ///
    /// # Errors
    /// A finding that says what is wrong: not a database, one behind a password, one that is damaged or cut off.
    pub fn open(bytes: Vec<u8>, file: &Arc<str>, limits: MdbLimits) -> Result<Self, ImportError> {
        let at = SourceRef::new(file.clone(), 0);
        let bytes = match unpack::unpacked(&bytes, &at, limits.bytes)? {
            std::borrow::Cow::Owned(unpacked) => unpacked,
            std::borrow::Cow::Borrowed(_) => bytes,
        };
        if bytes.len() > limits.bytes {
            return Err(Diagnostic::error("CYME.MDB.TOO_LARGE", "the database is larger than the limit")
                .at(&at)
                .detail(format!("At most {} bytes are read.", limits.bytes))
                .hint("export fewer networks into one database")
                .into());
        }
        let refused = |e: FileError| refusal(&e, &at);
        let mut reader = PageReader::open_reader(Cursor::new(bytes)).map_err(refused)?;
        if has_password(&mut reader) {
            return Err(password(&at, "The header of the database holds a password.").into());
        }
        let entries = jetdb::read_catalog(&mut reader).map_err(refused)?;
        let tables =
            entries.into_iter().filter(|e| matches!(e.object_type, ObjectType::Table)).map(|e| (e.name.to_ascii_uppercase(), e)).collect();
        Ok(Self { reader, tables, file: file.clone(), limits })
    }

    /// Names of the tables in capitals, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.tables.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    pub fn has(&self, table: &str) -> bool {
        self.tables.contains_key(&table.to_ascii_uppercase())
    }

    /// Rows that the description of a table tells; 0 without such a table.
    pub fn row_count(&mut self, table: &str) -> Result<usize, ImportError> {
        let Some(entry) = self.tables.get(&table.to_ascii_uppercase()) else { return Ok(0) };
        let (name, page) = (entry.name.clone(), entry.table_page);
        let definition = jetdb::read_table_def(&mut self.reader, &name, page).map_err(|e| table_damaged(&e, &self.file, &name))?;
        Ok(usize::try_from(definition.num_rows).unwrap_or(usize::MAX))
    }

    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The rows of a table; none if there is no such table. Columns of pictures and other binary data are left out.
    ///
    /// # Errors
    /// A finding when the table's own description or one of its pages cannot be read.
    pub fn rows(&mut self, table: &str) -> Result<Table, ImportError> {
        let Some(entry) = self.tables.get(&table.to_ascii_uppercase()) else { return Ok(Table::default()) };
        let name = entry.name.clone();
        let at = SourceRef::new(format!("{}#{name}", self.file), 0);
        let file = self.file.clone();
        let damaged = |e: FileError| table_damaged(&e, &file, &name);
        let definition: TableDef = jetdb::read_table_def(&mut self.reader, &name, entry.table_page).map_err(damaged)?;
        let wanted: Vec<usize> = (0..definition.columns.len())
            .filter(|i| !matches!(definition.columns[*i].col_type, jetdb::ColumnType::Ole | jetdb::ColumnType::Binary))
            .collect();
        let columns: HashMap<String, usize> = wanted.iter().map(|i| (definition.columns[*i].name.to_ascii_lowercase(), *i)).collect();
        let columns = Arc::new(columns);
        let label: Arc<str> = Arc::from(format!("{}#{name}", self.file));
        let calculated = HashMap::new();
        let mut cursor = jetdb::TableRows::new(&definition, &calculated).with_columns(&wanted);
        let mut rows = Vec::new();
        while let Some(row) = cursor.next_row(&mut self.reader).map_err(damaged)? {
            if rows.len() >= self.limits.rows {
                return Err(Diagnostic::error("CYME.MDB.TOO_MANY_ROWS", "a table of the database has more rows than the limit")
                    .at(&at)
                    .detail(format!("At most {} rows of a table are read.", self.limits.rows))
                    .hint("export fewer networks into one database")
                    .into());
            }
            let number = u32::try_from(rows.len() + 1).unwrap_or(u32::MAX);
            rows.push(Row { columns: columns.clone(), values: row.values, table: label.clone(), number });
        }
        Ok(Table { rows, unreadable: cursor.skipped_rows() })
    }
}

impl Row {
    /// The value of a column as text: nothing for an empty one and for `NULL` and blanks.
    pub fn get(&self, column: &str) -> Option<String> {
        let index = match self.columns.get(column) {
            Some(index) => index,
            None => self.columns.get(&column.to_ascii_lowercase())?,
        };
        let text = match self.values.get(*index)? {
            Value::Bool(b) => u8::from(*b).to_string(),
            Value::Byte(n) => n.to_string(),
            Value::Int(n) => n.to_string(),
            Value::Long(n) => n.to_string(),
            Value::BigInt(n) => n.to_string(),
            // The shortest decimal that is the stored single, so that 2.4 stays 2.4.
            Value::Float(x) => x.to_string(),
            Value::Double(x) => x.to_string(),
            Value::Timestamp(x) => x.to_string(),
            Value::Text(s) | Value::Money(s) | Value::Numeric(s) | Value::Guid(s) | Value::DateTimeExtended(s) => {
                let s = s.trim();
                if s.is_empty() {
                    return None;
                }
                s.to_owned()
            }
            // Nothing there, or bytes.
            _ => return None,
        };
        Some(text)
    }

    /// Columns that hold something, in lower case and in the order of the table, with their values.
    pub fn named(&self) -> impl Iterator<Item = (&str, String)> {
        let mut columns: Vec<(&String, usize)> = self.columns.iter().map(|(name, i)| (name, *i)).collect();
        columns.sort_unstable_by_key(|(_, i)| *i);
        columns.into_iter().filter_map(|(name, _)| Some((name.as_str(), self.get(name)?)))
    }

    pub fn source(&self) -> SourceRef {
        SourceRef::new(self.table.clone(), self.number)
    }
}

/// Why a file does not open, in words.
fn refusal(error: &FileError, at: &SourceRef) -> Diagnostic {
    match error {
        FileError::PasswordRequired | FileError::InvalidPassword | FileError::UnsupportedEncryption { .. } => {
            password(at, &format!("{error}."))
        }
        FileError::FileTooSmall { .. } | FileError::PageOutOfRange { .. } => {
            Diagnostic::error("CYME.MDB.TRUNCATED", "the database ends before what its pages point to")
                .at(at)
                .detail(format!("{error}."))
                .hint("copy the file again; it must be copied as binary data")
        }
        FileError::Format(_) => Diagnostic::error("CYME.MDB.NOT_ACCESS", "the file is not an Access database")
            .at(at)
            .detail(format!("{error}."))
            .hint("name an .mdb file; text exports and studies in XML are recognised by what they hold"),
        _ => Diagnostic::error("CYME.MDB.DAMAGED", "the database is damaged")
            .at(at)
            .detail(format!("{error}."))
            .hint("compact and repair it with Access, or export it again"),
    }
}

fn table_damaged(error: &FileError, file: &Arc<str>, table: &str) -> Diagnostic {
    Diagnostic::error("CYME.MDB.TABLE_DAMAGED", "a table of the database cannot be read")
        .at(&SourceRef::new(format!("{file}#{table}"), 0))
        .detail(format!("{error}."))
        .hint("compact and repair the database with Access, or export it again")
}

fn password(at: &SourceRef, detail: &str) -> Diagnostic {
    Diagnostic::error("CYME.MDB.PASSWORD", "the database is behind a password")
        .at(at)
        .detail(detail)
        .hint("save a copy without a password and name that")
}

/// True when the header of an `.mdb` holds a password. Jet 3 keeps up to 20 bytes at 0x42. Jet 4 keeps up to 40 there, each masked
/// with a byte of the whole days of the date of creation, a double at 0x72; without a password the masked bytes are the mask itself.
fn has_password(reader: &mut PageReader) -> bool {
    let version = reader.header().version;
    if version.is_accdb() {
        // Such files are encrypted as a whole, which opening has found out.
        return false;
    }
    let Ok(header) = reader.read_page(0) else { return false };
    if version.is_jet3() {
        return header.get(0x42..0x56).is_some_and(|bytes| bytes.iter().any(|b| *b != 0));
    }
    let (Some(bytes), Some(date)) = (header.get(0x42..0x6A), header.get(0x72..0x7A)) else { return false };
    let days = <[u8; 8]>::try_from(date).map_or(0.0, f64::from_le_bytes);
    let mask = (days as i32).to_le_bytes();
    bytes.iter().zip(mask.iter().cycle()).any(|(byte, mask)| byte ^ mask != 0)
}
