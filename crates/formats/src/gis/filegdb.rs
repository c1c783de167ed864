//! Esri file geodatabases: a folder of tables, read without Esri's or GDAL's libraries.
//!
//! The table a00000001 lists the names of all tables; the one in row n stands in `a%08x.gdbtable`. Names that
//! begin with `GDB_` are the catalogue's own. `GDB_Items` holds an XML text for every layer and domain: aliases,
//! subtypes, and the coded values that whole numbers in the rows stand for.

use crate::gis::crs::Crs;
use crate::gis::filegdb_geometry::decode;
use crate::gis::filegdb_table::{BadRow, Cell, Kind, Refused, Table};
use crate::gis::filegdb_xml::{Catalogue, read_item};
use crate::gis::layer::{Feature, Field, FieldKind, Layer, LayerOptions, Value, describe_values, shorten, too_many_values};
use crate::gis::shapefile::unreadable_file;
use crate::{FileSource, ImportError};
use network::{Diagnostic, Disposition, Reject, SourceRef};
use std::path::Path;

/// The name that Esri writes in place of WKT where a layer has no reference system.
const NO_SYSTEM: &str = "{B286C06B-0879-11D2-AACA-00C04FA33C20}";

/// Reads the layers and tables of a geodatabase by the path of its folder.
///
/// # Errors
/// `GIS.GDB.*`: a table that is damaged, cut off, compressed or of an unknown version. Rows whose values or
/// geometry make no sense are rejects of their layer.
pub fn read(files: &dyn FileSource, path: &Path, options: &LayerOptions) -> Result<Vec<Layer>, ImportError> {
    let names = files.list_dir(path).map_err(|e| unreadable_file(path, &e))?;
    let listed = Folder { files, path, names: &names, options };
    let catalogue_bytes = listed.table(1)?.ok_or_else(|| listed.refuse(1, "its list of tables (a00000001.gdbtable) is missing"))?;
    let index = listed.index(1)?;
    let tables = listed.open(1, "the list of tables", &catalogue_bytes, index.as_deref())?;
    let name_column = tables.columns.iter().position(|c| c.name.eq_ignore_ascii_case("Name") && c.kind == Kind::Text);
    let Some(name_column) = name_column else { return Err(listed.refuse(1, "its list of tables has no names").into()) };
    let mut layers = Vec::new();
    let mut wanted: Vec<(u64, String)> = Vec::new();
    let mut items = None;
    for &(number, at) in &tables.rows {
        let Ok(cells) = tables.row(at) else { continue };
        let Some(Cell::Value(Value::Text(name))) = cells.into_iter().nth(name_column) else { continue };
        if name.eq_ignore_ascii_case("GDB_Items") {
            items = Some(number);
        } else if !name.to_uppercase().starts_with("GDB_") {
            wanted.push((number, name.to_string()));
        }
    }
    if wanted.len() > options.limits.layers {
        let message = format!("the geodatabase has more than {} layers", options.limits.layers);
        return Err(Diagnostic::error("GIS.LIMIT.EXCEEDED", message).at(&listed.source(1)).hint("name the layers that are needed").into());
    }
    let mut findings = Vec::new();
    let catalogue = items.map(|number| listed.items(number, &mut findings)).unwrap_or_default();
    let mut errors = Vec::new();
    for (number, name) in wanted {
        if !options.layers.is_empty() && !options.layers.iter().any(|l| l.eq_ignore_ascii_case(&name)) {
            continue;
        }
        match listed.layer(number, &name, &catalogue) {
            Ok(layer) => layers.push(layer),
            Err(e) => errors.extend(e.diagnostics),
        }
    }
    if !errors.is_empty() {
        return Err(ImportError::new(errors));
    }
    if let Some(first) = layers.first_mut() {
        first.diagnostics.extend(findings);
    }
    Ok(layers)
}

struct Folder<'a> {
    files: &'a dyn FileSource,
    path: &'a Path,
    names: &'a [String],
    options: &'a LayerOptions,
}

fn file_name(number: u64, extension: &str) -> String {
    format!("a{number:08x}.{extension}")
}

impl Folder<'_> {
    fn source(&self, number: u64) -> SourceRef {
        SourceRef::new(self.path.join(file_name(number, "gdbtable")).to_string_lossy().into_owned(), 0)
    }

    fn refuse(&self, number: u64, what: &str) -> Diagnostic {
        Diagnostic::error("GIS.GDB.UNREADABLE", "the geodatabase cannot be read")
            .at(&self.source(number))
            .detail(format!("In {}: {what}.", file_name(number, "gdbtable")))
            .hint("copy the geodatabase again with all its files, or export its layers as shapefiles or GeoJSON")
    }

    fn file(&self, number: u64, extension: &str) -> Result<Option<Vec<u8>>, ImportError> {
        let wanted = file_name(number, extension);
        let Some(name) = self.names.iter().find(|n| n.eq_ignore_ascii_case(&wanted)) else { return Ok(None) };
        let path = self.path.join(name);
        self.files.read(&path).map(Some).map_err(|e| unreadable_file(&path, &e).into())
    }

    fn table(&self, number: u64) -> Result<Option<Vec<u8>>, ImportError> {
        self.file(number, "gdbtable")
    }

    fn index(&self, number: u64) -> Result<Option<Vec<u8>>, ImportError> {
        self.file(number, "gdbtablx")
    }

    fn open<'a>(&self, number: u64, name: &str, bytes: &'a [u8], index: Option<&[u8]>) -> Result<Table<'a>, ImportError> {
        Table::open(bytes, index, &self.options.limits).map_err(|refused| match refused {
            Refused::Unreadable(what) => self.refuse(number, &format!("in {name}, {what}")).into(),
            Refused::TooMany(what) => Diagnostic::error("GIS.LIMIT.EXCEEDED", format!("{name}: {what}"))
                .at(&self.source(number))
                .hint("export the part that is needed")
                .into(),
            Refused::IndexMissing => Diagnostic::error("GIS.GDB.INDEX_MISSING", format!("the index of {name} is missing"))
                .at(&self.source(number))
                .detail(format!(
                    "The table has rows, and without {} it cannot be told where they stand and which are deleted.",
                    file_name(number, "gdbtablx")
                ))
                .hint("copy the geodatabase again with all its files")
                .into(),
        })
    }

    /// Domains, aliases and subtypes. What cannot be read is told and left out: the layers are whole without.
    fn items(&self, number: u64, findings: &mut Vec<Diagnostic>) -> Catalogue {
        let mut catalogue = Catalogue::default();
        let told = |what: String| {
            Diagnostic::warning("GIS.GDB.CATALOGUE", "the catalogue of the geodatabase cannot be read whole")
                .at(&self.source(number))
                .detail(format!("{what}. Coded values, aliases and subtypes may be missing."))
                .hint("copy the geodatabase again with all its files")
        };
        let bytes = match (self.table(number), self.index(number)) {
            (Ok(Some(bytes)), Ok(index)) => (bytes, index),
            _ => {
                findings.push(told(format!("{} is missing", file_name(number, "gdbtable"))));
                return catalogue;
            }
        };
        let table = match self.open(number, "GDB_Items", &bytes.0, bytes.1.as_deref()) {
            Ok(table) => table,
            Err(e) => {
                findings.push(told(e.to_string()));
                return catalogue;
            }
        };
        let find = |name: &str| table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(name));
        let Some(definition) = find("Definition") else {
            findings.push(told("GDB_Items has no column Definition".to_owned()));
            return catalogue;
        };
        let mut bad = 0;
        for &(_, at) in &table.rows {
            match table.row(at) {
                Ok(mut cells) => {
                    if let Some(Cell::Value(Value::Text(xml))) = cells.get_mut(definition)
                        && read_item(xml, &mut catalogue).is_err()
                    {
                        bad += 1;
                    }
                }
                Err(BadRow::Deleted) => {}
                Err(_) => bad += 1,
            }
        }
        if bad > 0 {
            findings.push(told(format!("{bad} of its items are not readable")));
        }
        catalogue
    }

    fn layer(&self, number: u64, name: &str, catalogue: &Catalogue) -> Result<Layer, ImportError> {
        let Some(bytes) = self.table(number)? else {
            let compressed =
                self.names.iter().any(|n| n.to_lowercase().starts_with(&format!("a{number:08x}.")) && n.to_lowercase().ends_with("cdf"));
            let why = if compressed {
                "is compressed (.cdf), which is not read; uncompress the geodatabase"
            } else {
                "has no file in the geodatabase"
            };
            return Err(self.refuse(number, &format!("the layer {name:?} {why}")).into());
        };
        let index = self.index(number)?;
        let table = self.open(number, &format!("the layer {name:?}"), &bytes, index.as_deref())?;
        let mut layer = Layer::new(name, self.source(number));
        let class = catalogue.class(name);
        let mut fields: Vec<Option<usize>> = Vec::new();
        for column in &table.columns {
            fields.push(column.kind.field_kind().map(|kind| {
                let mut field = Field::new(column.name.clone(), kind);
                field.alias = Some(column.alias.clone()).filter(|a| !a.is_empty() && *a != column.name);
                layer.fields.push(field);
                layer.fields.len() - 1
            }));
        }
        if let Some(class) = class {
            catalogue.apply(class, &mut layer);
        }
        if let Some(grid) = &table.grid
            && !grid.wkt.trim().is_empty()
            && grid.wkt.trim() != NO_SYSTEM
        {
            layer.crs = Some(Crs::parse(grid.wkt.trim()));
        }
        let mut counts = Counts {
            left: vec![0; table.columns.len()],
            shifted: vec![0; table.columns.len()],
            unreadable: vec![(0, String::new(), 0); table.columns.len()],
            ..Counts::default()
        };
        if too_many_values(table.rows.len(), layer.fields.len(), bytes.len()) {
            return Err(self
                .refuse(
                    number,
                    &format!(
                        "the layer {name:?} tells {} rows of {} fields in {} bytes",
                        table.rows.len(),
                        layer.fields.len(),
                        bytes.len()
                    ),
                )
                .into());
        }
        let mut taken = 0usize;
        for &(id, at) in &table.rows {
            // Rows do not share bytes; an index that says so would make much of little.
            taken = taken.saturating_add(table.length(at));
            if taken > bytes.len() {
                return Err(self.refuse(number, &format!("the index of the layer {name:?} puts rows on top of one another")).into());
            }
            let source = SourceRef::new(layer.source.file.clone(), u32::try_from(id).unwrap_or(u32::MAX));
            let cells = match table.row(at) {
                Ok(cells) => cells,
                Err(BadRow::Deleted) => {
                    counts.deleted += 1;
                    continue;
                }
                Err(BadRow::Cut) => {
                    return Err(Diagnostic::error("GIS.GDB.TRUNCATED", format!("the table of the layer {name:?} ends within row {id}"))
                        .at(&source)
                        .detail(format!("The row begins at byte {at}; the file has {} bytes.", bytes.len()))
                        .hint("copy the geodatabase again with all its files")
                        .into());
                }
                Err(BadRow::Broken(what)) => {
                    layer.rejects.push(Reject { source, reason: format!("row {id}: {what}"), text: String::new() });
                    continue;
                }
            };
            self.feature(&mut layer, &table, &fields, id, source, cells, &mut counts);
        }
        let read = layer.features.len() + layer.rejects.len();
        if read as u64 != table.told {
            layer.diagnostics.push(
                Diagnostic::warning(
                    "GIS.GDB.COUNT_MISMATCH",
                    format!("the table of the layer {name:?} tells {} rows, and {read} are there", table.told),
                )
                .at(&layer.source)
                .hint("copy the geodatabase again, and see whether features are missing"),
            );
        }
        if !table.exact_numbers {
            layer.diagnostics.push(
                Diagnostic::warning("GIS.GDB.ROW_NUMBERS", format!("the object numbers of the layer {name:?} are not known exactly"))
                    .at(&layer.source)
                    .detail("The map of its blocks is of a kind that is not understood; rows are numbered as they are stored.")
                    .hint("use another field as the identity of its features"),
            );
        }
        counts.tell(&mut layer, &table, &fields);
        Ok(layer)
    }

    fn feature(
        &self,
        layer: &mut Layer,
        table: &Table<'_>,
        fields: &[Option<usize>],
        id: u64,
        source: SourceRef,
        cells: Vec<Cell>,
        counts: &mut Counts,
    ) {
        let mut values = vec![Value::Null; layer.fields.len()];
        let mut geometry = None;
        let mut fault = None;
        for (k, cell) in cells.into_iter().enumerate() {
            let value = match cell {
                Cell::Value(_) if table.columns[k].kind == Kind::ObjectId => Value::Integer(i64::try_from(id).unwrap_or(i64::MAX)),
                Cell::Value(value) => value,
                Cell::Shifted(value) => {
                    counts.shifted[k] += 1;
                    value
                }
                Cell::Left => {
                    counts.left[k] += 1;
                    continue;
                }
                Cell::Unreadable(text) => {
                    let seen = &mut counts.unreadable[k];
                    if seen.0 == 0 {
                        *seen = (0, shorten(&text), source.line);
                    }
                    seen.0 += 1;
                    Value::text(text)
                }
                Cell::Geometry(range) => {
                    let Some(grid) = &table.grid else { continue };
                    match decode(table.slice(range), grid) {
                        Ok(decoded) => {
                            counts.z += usize::from(decoded.z);
                            counts.m += usize::from(decoded.m);
                            counts.curves += decoded.curves;
                            geometry = decoded.geometry;
                        }
                        Err(reason) => fault = Some(reason),
                    }
                    continue;
                }
            };
            if let Some(slot) = fields.get(k).copied().flatten().and_then(|at| values.get_mut(at)) {
                *slot = value;
            }
        }
        match fault {
            Some(reason) => {
                let text = describe_values(&layer.fields, &values);
                layer.rejects.push(Reject { source, reason: format!("row {id}: {reason}"), text });
            }
            None => layer.features.push(Feature { id, geometry, values, source }),
        }
    }
}

#[derive(Default)]
struct Counts {
    z: usize,
    m: usize,
    curves: usize,
    deleted: usize,
    left: Vec<usize>,
    shifted: Vec<usize>,
    /// Number, first text, and its row.
    unreadable: Vec<(usize, String, u32)>,
}

impl Counts {
    fn tell(self, layer: &mut Layer, table: &Table<'_>, fields: &[Option<usize>]) {
        let name = layer.name.clone();
        let geometry = format!("{name}.geometry");
        let dropped = |reason: &str| Disposition::Dropped { reason: reason.to_owned() };
        layer.record_many(&format!("{geometry}.z"), dropped("heights are not part of a network"), self.z, None);
        layer.record_many(&format!("{geometry}.m"), dropped("measures along lines are not part of a network"), self.m, None);
        let formula = "a curve drawn as short lines: arcs in steps of at most 4 degrees, Bézier curves in 16".to_owned();
        layer.record_many(&geometry, Disposition::Converted { formula }, self.curves, None);
        layer.record_many(&name, dropped("the row is marked as deleted"), self.deleted, None);
        for (k, column) in table.columns.iter().enumerate() {
            let field = format!("{name}.{}", column.name);
            layer.record_many(&field, dropped("bytes and pictures are no values of a network"), self.left[k], None);
            layer.record_many(&field, Disposition::Converted { formula: "UTC = local time - offset".to_owned() }, self.shifted[k], None);
            let (count, example, row) = &self.unreadable[k];
            if *count > 0 {
                let source = SourceRef::new(layer.source.file.clone(), *row);
                if let Some(field) = fields[k].and_then(|at| layer.fields.get_mut(at)) {
                    field.kind = FieldKind::Mixed;
                }
                layer.diagnostics.push(
                    Diagnostic::warning(
                        "GIS.VALUE.UNREADABLE",
                        format!("{count} values of the field {:?} are not of its kind", column.name),
                    )
                    .at(&source)
                    .detail(format!(
                        "The first is {example:?} in row {row}. They are kept as text; a study that needs a number there will say so."
                    ))
                    .hint("correct the values in the source"),
                );
            }
        }
    }
}
