//! What is at a path: one file, a geodatabase, an archive, or a folder of several.

use crate::gis::crs::Crs;
use crate::gis::layer::{Layer, LayerOptions};
use crate::gis::shapefile::unreadable_file;
use crate::gis::{archive, delimited, filegdb, geojson, shapefile};
use crate::{FileSource, ImportError};
use network::{Diagnostic, Severity, SourceRef};
use std::path::{Path, PathBuf};

/// How deep folders are gone into.
const DEEPEST: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Shapefile,
    /// A .dbf without a .shp beside it.
    Table,
    GeoJson,
    Delimited,
    Geodatabase,
    Archive,
}

fn lower_extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// The kind that the name of a file promises.
fn kind_of_name(path: &Path) -> Option<Kind> {
    Some(match lower_extension(path).as_str() {
        "shp" => Kind::Shapefile,
        "dbf" => Kind::Table,
        "geojson" | "json" | "geojsonl" | "geojsons" | "ndjson" | "jsonl" => Kind::GeoJson,
        "csv" | "tsv" | "txt" | "xlsx" | "xls" => Kind::Delimited,
        "gz" if path.file_stem().is_some_and(|s| lower_extension(Path::new(s)) == "csv") => Kind::Delimited,
        "zip" => Kind::Archive,
        _ => return None,
    })
}

/// Reads every layer at `path`: a shapefile (`.shp`), GeoJSON (`.geojson`, `.json`, one value a line too), a
/// table with coordinates (`.csv`, `.tsv`, `.txt`, `.xlsx`), a file geodatabase (its folder, or zipped), a zip
/// of any of these, or a folder that holds several. Files of other kinds in a folder are passed over.
///
/// # Errors
/// When nothing can be read at `path`, or a file of it is damaged beyond its records; findings of all damaged
/// files come together. Records that cannot be used are rejects of their layer, not errors.
pub fn read_layers(files: &dyn FileSource, path: &Path, options: &LayerOptions) -> Result<Vec<Layer>, ImportError> {
    let mut reading = Reading { options, layers: Vec::new(), errors: Vec::new(), files: 0, forced: options.crs.as_deref().map(Crs::parse) };
    if let Some(crs) = &reading.forced {
        // A wrong option is told once, not for every layer.
        crs.projection()?;
    }
    match files.list_dir(path) {
        Ok(names) if !names.is_empty() => reading.folder(files, path, &names, 0),
        _ => match files.read(path) {
            Ok(bytes) => match kind_of_name(path).or_else(|| kind_of_content(&bytes)) {
                Some(kind) => reading.file(files, path, kind, 0, false),
                None => {
                    let message = format!("{} is of no kind that holds layers", path.display());
                    reading.errors.push(
                        Diagnostic::error("GIS.FILE.UNKNOWN_KIND", message)
                            .hint("name a .shp, .geojson, .csv, .gdb or .zip file, or a folder of them"),
                    );
                }
            },
            Err(e) => reading.errors.push(unreadable_file(path, &e)),
        },
    }
    if reading.errors.iter().any(|d| d.severity == Severity::Error) {
        return Err(ImportError::new(reading.errors));
    }
    if reading.layers.is_empty() {
        let what = if options.layers.is_empty() { "no layer" } else { "no layer of the names asked for" };
        return Err(Diagnostic::error("GIS.LAYER.NONE", format!("there is {what} in {}", path.display()))
            .at(&SourceRef::new(path.to_string_lossy().into_owned(), 0))
            .hint("name a .shp, .geojson, .csv, .gdb or .zip file, or a folder of them")
            .into());
    }
    Ok(reading.layers)
}

fn kind_of_content(bytes: &[u8]) -> Option<Kind> {
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace() && !matches!(b, 0xef | 0xbb | 0xbf));
    match first {
        _ if bytes.starts_with(b"PK\x03\x04") => Some(Kind::Archive),
        _ if bytes.starts_with(&[0, 0, 0x27, 0x0a]) => Some(Kind::Shapefile),
        Some(b'{') => Some(Kind::GeoJson),
        _ => None,
    }
}

struct Reading<'a> {
    options: &'a LayerOptions,
    layers: Vec<Layer>,
    errors: Vec<Diagnostic>,
    files: usize,
    forced: Option<Crs>,
}

impl Reading<'_> {
    fn folder(&mut self, files: &dyn FileSource, path: &Path, names: &[String], depth: usize) {
        if is_geodatabase(names) {
            self.file(files, path, Kind::Geodatabase, depth, true);
            return;
        }
        let mut names: Vec<&String> = names.iter().filter(|n| !n.starts_with('.') && n.as_str() != "__MACOSX").collect();
        names.sort();
        for name in &names {
            if self.too_many(path) {
                return;
            }
            let inside: PathBuf = path.join(name);
            let kind = kind_of_name(&inside);
            // A name says nothing about being a folder, so what has no known ending is tried as one.
            if kind.is_none() || kind == Some(Kind::GeoJson) {
                match files.list_dir(&inside) {
                    Ok(inner) if !inner.is_empty() && depth < DEEPEST => {
                        self.folder(files, &inside, &inner, depth + 1);
                        continue;
                    }
                    _ => {}
                }
            }
            let stem = inside.file_stem().map(|s| s.to_string_lossy().to_lowercase()).unwrap_or_default();
            match kind {
                Some(Kind::Table) if names.iter().any(|n| n.to_lowercase() == format!("{stem}.shp")) => {}
                // Notes and series stand beside maps; they are read when they are named.
                Some(Kind::Delimited) if matches!(lower_extension(&inside).as_str(), "txt" | "gz") => {}
                Some(kind) => self.file(files, &inside, kind, depth, true),
                None => {}
            }
        }
    }

    fn too_many(&mut self, path: &Path) -> bool {
        self.files += 1;
        let limits = &self.options.limits;
        let over = self.files > limits.files || self.layers.len() > limits.layers;
        if over && !self.errors.iter().any(|d| d.code == "GIS.LIMIT.EXCEEDED") {
            self.errors.push(
                Diagnostic::error(
                    "GIS.LIMIT.EXCEEDED",
                    format!("there are more than {} files or {} layers in {}", limits.files, limits.layers, path.display()),
                )
                .hint("name the folder that holds the map alone"),
            );
        }
        over
    }

    fn file(&mut self, files: &dyn FileSource, path: &Path, kind: Kind, depth: usize, in_folder: bool) {
        let read = match kind {
            Kind::Shapefile => shapefile::read(files, path, self.options).map(|l| vec![l]),
            Kind::Table => shapefile::read_table(files, path, self.options).map(|l| vec![l]),
            Kind::GeoJson => files
                .read(path)
                .map_err(|e| unreadable_file(path, &e).into())
                .and_then(|bytes| geojson::read(&bytes, path, self.options))
                .map(|l| vec![l]),
            Kind::Geodatabase => filegdb::read(files, path, self.options),
            Kind::Delimited => delimited::read(files, path, self.options).map(|l| vec![l]),
            Kind::Archive => return self.archive(files, path, depth),
        };
        match read {
            Ok(layers) => {
                for layer in layers {
                    self.take(layer);
                }
            }
            // A folder may hold JSON and text that is no map; named alone it is an error.
            Err(e) if in_folder && e.diagnostics.iter().all(|d| d.code == "GIS.GEOJSON.NOT_GEOJSON") => {}
            Err(e) => self.errors.extend(e.diagnostics),
        }
    }

    fn archive(&mut self, files: &dyn FileSource, path: &Path, depth: usize) {
        if depth >= 2 {
            return;
        }
        let bytes = match files.read(path) {
            Ok(bytes) => bytes,
            Err(e) => return self.errors.push(unreadable_file(path, &e)),
        };
        match archive::unpack(&bytes, path, &self.options.limits) {
            Ok((inside, _)) => {
                drop(bytes);
                let names = inside.list_dir(path).unwrap_or_default();
                self.folder(&inside, path, &names, depth + 1);
            }
            Err(e) => self.errors.extend(e.diagnostics),
        }
    }

    fn take(&mut self, mut layer: Layer) {
        let asked = &self.options.layers;
        if !asked.is_empty() && !asked.iter().any(|name| name.eq_ignore_ascii_case(&layer.name)) {
            return;
        }
        if let Some(forced) = &self.forced {
            let understood = layer.crs.as_ref().is_some_and(|c| c.proj.is_some());
            if self.options.override_crs || !understood {
                layer.crs = Some(forced.clone());
            }
        }
        self.layers.push(layer);
    }
}

/// Whether names of files in a folder are those of a file geodatabase.
fn is_geodatabase(names: &[String]) -> bool {
    names.iter().any(|n| n.eq_ignore_ascii_case("a00000001.gdbtable"))
}
