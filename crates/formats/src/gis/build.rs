//! From layers and a mapping to a network.
//!
//! ```text
//! layers + tables ─► joins, conditions ─► items with attributes (units, catalogues, defaults)
//!                                             └─► topology: buses ─► voltages ─► elements + assets + ledger
//! ```
//!
//! Every feature becomes an asset. One whose electrical data are complete becomes an element too; one that lacks
//! data stays in the network as an unmodelled element, so that its connection is there, and an error tells what
//! is missing. Values that do not read make rejects.

use super::build_elements as elements;
use super::layer::{Feature, Field, FieldKind, Layer, LayerOptions, Value, describe_values, lon_lat, read_layers};
use super::mapping::{
    Attribute, Attributes, Catalogue, FieldSpec, LayerKind, LayerMapping, Mapping, Unreadable, VectorGroup, name_matches, read_closed,
    read_default, read_in_service, read_phases, read_value, read_vector_group,
};
use super::mapping_guess::complete;
use super::topology::{self, Joined, Role, Section, Thing, Tolerance, Topology};
use crate::table::{self, Table, TableOptions};
use crate::{FileSource, ImportError};
use network::{
    Alias, Asset, AssetKind, BusId, Common, Connection, Diagnostic, Disposition, ElementId, Imported, Interpolation, LeadLag, Ledger,
    LedgerEntry, LineImpedance, LoadShape, LoadShapeId, LonLat, Network, Rating, Reject, Shapes, SourceRef, Terminal, Unmodelled,
};
use num_complex::Complex64;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Most features that become a network.
const FEATURES: usize = 5_000_000;

/// How a map is read into a network.
#[derive(Clone, Debug, Default)]
pub struct GisOptions {
    /// The mapping file; what it leaves out is guessed.
    pub mapping_file: Option<PathBuf>,
    /// A mapping that is at hand, instead of a file.
    pub mapping: Option<Mapping>,
    /// Folder from which a mapping's tables are found, when it is at hand.
    pub folder: Option<PathBuf>,
    pub layers: LayerOptions,
}

/// Reads a map (anything that [`read_layers`] reads) into a network.
///
/// # Errors
/// A file that does not read, or a mapping that does not fit the layers.
pub fn read(files: &dyn FileSource, path: &Path, options: &GisOptions) -> Result<Imported, ImportError> {
    read_with_mapping(files, path, options).map(|(imported, _)| imported)
}

/// As [`read`], with the mapping as it was used, guesses and all.
///
/// # Errors
/// As [`read`].
pub fn read_with_mapping(files: &dyn FileSource, path: &Path, options: &GisOptions) -> Result<(Imported, Mapping), ImportError> {
    read_paths(files, &[path.to_path_buf()], options)
}

/// Reads a map that is spread over several files or folders into one network.
///
/// # Errors
/// As [`read`].
pub fn read_paths(files: &dyn FileSource, paths: &[PathBuf], options: &GisOptions) -> Result<(Imported, Mapping), ImportError> {
    let (mapping, folder) = match (&options.mapping, &options.mapping_file) {
        (Some(mapping), _) => (mapping.clone(), options.folder.clone().unwrap_or_default()),
        (None, Some(file)) => (read_mapping(files, file)?, file.parent().map(Path::to_path_buf).unwrap_or_default()),
        (None, None) => (Mapping::default(), PathBuf::new()),
    };
    let mut layers = Vec::new();
    for path in paths {
        layers.extend(read_layers(files, path, &options.layers)?);
    }
    for layer in &mut layers {
        if layer.features.iter().any(|f| f.geometry.is_some()) {
            layer.into_wgs84()?;
        }
    }
    let (tables, profiles) = read_tables(files, &folder, &mapping)?;
    layers.extend(tables);
    let name = paths.first().and_then(|p| p.file_stem()).map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    network_of(layers, &mapping, &profiles, &name)
}

/// Reads a mapping file.
///
/// # Errors
/// When it cannot be read, or is no mapping.
pub fn read_mapping(files: &dyn FileSource, file: &Path) -> Result<Mapping, ImportError> {
    let name = file.to_string_lossy();
    let bytes = files
        .read(file)
        .map_err(|e| ImportError::from(Diagnostic::error("GIS.MAPPING.MISSING", format!("the mapping file {name} cannot be read: {e}"))))?;
    let (text, _) = table::decode(&bytes, &name, Some("utf-8"))?;
    Mapping::from_yaml(&text, &name)
}

/// Tables by the names that a mapping gives them.
pub(super) type NamedTables = Vec<(String, Table)>;

/// Rows of the ledger by field, kind of disposition and its words: how often, and where first.
type LedgerRows = BTreeMap<(String, u8, String), (Disposition, usize, Option<SourceRef>)>;

/// The tables that a mapping names: those of profiles as they are, the others as layers without shapes.
pub(super) fn read_tables(files: &dyn FileSource, folder: &Path, mapping: &Mapping) -> Result<(Vec<Layer>, NamedTables), ImportError> {
    let (mut layers, mut profiles) = (Vec::new(), Vec::new());
    for t in &mapping.tables {
        let path = folder.join(&t.path);
        let table = table::read(files, &path, &TableOptions::default())?;
        if mapping.profiles.iter().any(|p| p.table.eq_ignore_ascii_case(&t.name)) {
            profiles.push((t.name.clone(), table));
        } else {
            layers.push(layer_of_table(&t.name, table));
        }
    }
    Ok((layers, profiles))
}

/// A table as a layer whose features have no shape.
pub fn layer_of_table(name: &str, table: Table) -> Layer {
    let mut layer = Layer::new(name, table.at(0));
    layer.fields = table.headers.iter().map(|h| Field::new(h.as_str(), FieldKind::Text)).collect();
    layer.rejects = table.rejects.clone();
    layer.diagnostics = table.diagnostics.clone();
    let file: std::sync::Arc<str> = table.name.as_str().into();
    layer.features = table
        .rows
        .into_iter()
        .enumerate()
        .map(|(i, row)| Feature {
            id: i as u64 + 1,
            geometry: None,
            values: row.cells.iter().map(|c| if c.trim().is_empty() { Value::Null } else { Value::text(c.as_str()) }).collect(),
            source: SourceRef { file: file.clone(), line: row.line },
        })
        .collect();
    layer
}

/// One feature with its attributes.
struct Item {
    kind: LayerKind,
    layer: usize,
    id: String,
    name: String,
    attributes: Attributes,
    phases: Option<[bool; 3]>,
    parts: Vec<Vec<LonLat>>,
    source: SourceRef,
    /// Fields that no attribute took.
    rest: BTreeMap<String, String>,
    in_service: bool,
    /// By phase.
    closed: [bool; 3],
    closed_ends: [bool; 2],
    /// A load or plant between the phases, without a way to the earth.
    delta: bool,
}

impl Item {
    fn number(&self, attribute: Attribute) -> Option<f64> {
        self.attributes.number(attribute)
    }

    fn text(&self, attribute: Attribute) -> Option<&str> {
        self.attributes.text(attribute)
    }

    /// Line to line.
    fn kv(&self) -> Option<f64> {
        self.number(Attribute::Kv).or_else(|| self.number(Attribute::KvLn).map(|v| v * 3f64.sqrt()))
    }

    fn kv2(&self) -> Option<f64> {
        self.number(Attribute::Kv2).or_else(|| self.number(Attribute::Kv2Ln).map(|v| v * 3f64.sqrt()))
    }

    fn place(&self) -> Option<LonLat> {
        self.parts.first().and_then(|p| p.first()).copied()
    }

    fn label(&self) -> String {
        format!("{}.{}", class_of(self.kind), self.name)
    }
}

/// Class of the element, or kind of the asset.
fn class_of(kind: LayerKind) -> &'static str {
    match kind {
        LayerKind::Line | LayerKind::Switch | LayerKind::Fuse | LayerKind::Recloser | LayerKind::Breaker => "line",
        LayerKind::Transformer | LayerKind::Regulator => "transformer",
        LayerKind::Capacitor => "capacitor",
        LayerKind::Load | LayerKind::Meter => "load",
        LayerKind::Generator => "generator",
        LayerKind::Pv => "pvsystem",
        LayerKind::Source => "vsource",
        other => other.name(),
    }
}

fn asset_kind(kind: LayerKind) -> AssetKind {
    match kind {
        LayerKind::Bus => AssetKind::Bus,
        LayerKind::Line => AssetKind::Conductor,
        LayerKind::Switch => AssetKind::Switch,
        LayerKind::Fuse => AssetKind::Fuse,
        LayerKind::Recloser => AssetKind::Recloser,
        LayerKind::Breaker => AssetKind::Breaker,
        LayerKind::Transformer => AssetKind::Transformer,
        LayerKind::Regulator => AssetKind::Regulator,
        LayerKind::Capacitor => AssetKind::Capacitor,
        LayerKind::Load => AssetKind::Load,
        LayerKind::Meter => AssetKind::Meter,
        LayerKind::Generator | LayerKind::Pv => AssetKind::Generator,
        LayerKind::Source | LayerKind::Substation => AssetKind::Substation,
        LayerKind::Pole => AssetKind::Pole,
        LayerKind::Structure | LayerKind::Other | LayerKind::Ignore => AssetKind::Other,
    }
}

/// Findings of one kind, told once with their number and the first of them.
struct Repeated {
    finding: Diagnostic,
    count: usize,
    examples: Vec<String>,
}

struct Builder {
    mapping: Mapping,
    frequency_hz: f64,
    out: Imported,
    repeated: BTreeMap<(String, String), Repeated>,
    ledger: LedgerRows,
    line_types: HashMap<String, Attributes>,
    transformer_types: HashMap<String, Attributes>,
    shapes: HashMap<String, Option<LoadShapeId>>,
    bus_ids: Vec<Option<BusId>>,
    /// Base of the line-to-neutral voltage of each bus of the topology, kV.
    base_ln: Vec<Option<f64>>,
}

/// Makes a network of layers and tables that are longitudes and latitudes already.
///
/// # Errors
/// A mapping that names layers, tables or fields that are not there.
pub fn network_of(
    mut layers: Vec<Layer>,
    mapping: &Mapping,
    profiles: &[(String, Table)],
    name: &str,
) -> Result<(Imported, Mapping), ImportError> {
    let features: usize = layers.iter().map(|l| l.features.len()).sum();
    if features > FEATURES {
        let what = format!("the layers have {features} features, more than {FEATURES}");
        return Err(Diagnostic::error("GIS.NETWORK.TOO_LARGE", what).hint("Split the map by feeder or district.").into());
    }
    let mut out = Imported::default();
    for layer in &mut layers {
        out.counts.push((layer.name.clone(), layer.features.len()));
        out.diagnostics.append(&mut layer.diagnostics);
        out.rejects.append(&mut layer.rejects);
        out.ledger.entries.append(&mut layer.ledger.entries);
    }
    let (mapping, guesses) = complete(mapping, &layers);
    out.diagnostics.extend(guesses);
    let frequency_hz = match mapping.frequency_hz {
        Some(f) => f,
        None => {
            let d = Diagnostic::warning("GIS.MAPPING.FREQUENCY", "the mapping does not tell the frequency; 60 Hz is taken");
            out.diagnostics.push(d.hint("Write frequency_hz in the mapping: charging of lines and the engine's time base follow from it."));
            let disposition = Disposition::Defaulted { value: "60".into(), reason: "the mapping does not tell it".into() };
            out.ledger.record("network.frequency_hz", disposition, None);
            60.0
        }
    };
    out.network = Network::new(mapping.name.clone().unwrap_or_else(|| name.to_owned()));
    out.network.options.base_frequency_hz = frequency_hz;
    out.network.options.frequency_hz = frequency_hz;
    let mut b = Builder {
        mapping,
        frequency_hz,
        out,
        repeated: BTreeMap::new(),
        ledger: BTreeMap::new(),
        line_types: HashMap::new(),
        transformer_types: HashMap::new(),
        shapes: HashMap::new(),
        bus_ids: Vec::new(),
        base_ln: Vec::new(),
    };
    b.line_types = b.catalogue(&b.mapping.line_types.clone(), &layers)?;
    b.transformer_types = b.catalogue(&b.mapping.transformer_types.clone(), &layers)?;
    let items = b.items(&layers)?;
    let things: Vec<Thing> = items.iter().map(thing).collect();
    let c = &b.mapping.connectivity;
    let topology = topology::join(&things, Tolerance { same_m: c.tolerance_m, near_miss_m: c.near_miss_m, split_lines: c.split_lines });
    drop(things);
    b.build(&items, &topology, &layers, profiles);
    Ok(b.finish(topology))
}

/// An item as the topology sees it.
fn thing(item: &Item) -> Thing {
    let named = |a: Attribute| item.text(a).map(|t| t.trim().to_lowercase()).filter(|t| !t.is_empty());
    let is_line = item.parts.iter().any(|p| p.len() >= 2);
    let both = named(Attribute::From).is_some() && named(Attribute::To).is_some();
    let role = match item.kind {
        LayerKind::Bus => Role::Bus,
        LayerKind::Line => Role::Branch,
        LayerKind::Transformer => Role::Transformer,
        LayerKind::Source => Role::Source,
        k if k.is_branch() => {
            if is_line || both {
                Role::Branch
            } else {
                Role::Device
            }
        }
        _ => Role::Shunt,
    };
    let names = match role {
        Role::Branch | Role::Transformer => [named(Attribute::From).or_else(|| named(Attribute::Bus)), named(Attribute::To)],
        Role::Bus => [Some(item.name.clone()), None],
        _ => [named(Attribute::Bus).or_else(|| named(Attribute::From)), None],
    };
    let carries = item.kind.is_branch() || item.kind.is_shunt() || item.kind == LayerKind::Bus;
    let present = carries && item.in_service;
    Thing {
        role,
        label: item.label(),
        id: item.name.clone(),
        // What carries nothing takes no part in the topology.
        parts: if present { item.parts.clone() } else { Vec::new() },
        names: if present { names } else { [None, None] },
        kv: [item.kv(), item.kv2()],
        phases: item.phases,
        feeder: item.text(Attribute::Feeder).map(str::to_owned),
        closed: item.closed.iter().any(|c| *c) && item.closed_ends.iter().all(|c| *c),
        fed_by: if present { item.text(Attribute::Transformer).map(str::to_owned) } else { None },
        source: item.source.clone(),
    }
}

/// Values of the columns of joined tables, by row.
struct JoinedColumns {
    fields: Vec<Field>,
    values: Vec<Vec<Value>>,
}

impl Builder {
    fn count(&mut self, field: &str, disposition: Disposition, source: Option<&SourceRef>) {
        let (rank, text) = match &disposition {
            Disposition::Kept => (0, String::new()),
            Disposition::Converted { formula } => (1, formula.clone()),
            Disposition::Defaulted { value, reason } => (2, format!("{value}: {reason}")),
            Disposition::Dropped { reason } => (3, reason.clone()),
        };
        self.ledger.entry((field.to_owned(), rank, text)).or_insert_with(|| (disposition, 0, source.cloned())).1 += 1;
    }

    /// A finding that many records may share: `key` tells which of them are one.
    fn repeat(&mut self, key: &str, example: &str, finding: Diagnostic) {
        let entry = self.repeated.entry((finding.code.clone(), key.to_owned())).or_insert_with(|| Repeated {
            finding,
            count: 0,
            examples: Vec::new(),
        });
        entry.count += 1;
        if entry.examples.len() < 5 {
            entry.examples.push(example.to_owned());
        }
    }

    fn catalogue(&mut self, catalogues: &[Catalogue], layers: &[Layer]) -> Result<HashMap<String, Attributes>, ImportError> {
        let mut all: HashMap<String, Attributes> = HashMap::new();
        for c in catalogues {
            for (name, values) in &c.entries {
                let mut entry = Attributes::default();
                for (&attribute, scalar) in values {
                    match read_default(attribute, scalar, None, self.frequency_hz) {
                        Some(reading) => entry.set(attribute, reading),
                        None => {
                            let what = format!("{} of catalogue entry \"{name}\" is {:?}", attribute.name(), scalar.text());
                            return Err(Diagnostic::error("GIS.MAPPING.VALUE", what).into());
                        }
                    }
                }
                all.insert(name.trim().to_lowercase(), entry);
            }
            let Some(table) = &c.table else { continue };
            let layer = find_layer(layers, table)?;
            for f in &layer.features {
                let read = match self.attributes(layer, &c.fields, &[], f, &layer.name.clone()) {
                    Ok(read) => read,
                    Err(u) => {
                        self.unreadable(layer, f, &u);
                        continue;
                    }
                };
                let Some(id) = read.text(Attribute::Id).map(|t| t.trim().to_lowercase()) else { continue };
                all.entry(id).or_default().fill_from(&read);
            }
        }
        Ok(all)
    }

    fn unreadable(&mut self, layer: &Layer, feature: &Feature, u: &Unreadable) {
        let what = format!("{}.{} holds \"{}\", which is no {}", layer.name, u.field, super::layer::shorten(&u.value), u.expected);
        let key = format!("{}.{}", layer.name, u.field);
        let example = format!("\"{}\" at {}", super::layer::shorten(&u.value), feature.source);
        let d = Diagnostic::error("GIS.VALUE.UNFIT", what).at(&feature.source);
        let d =
            d.hint(format!("Correct it, give its unit, or list what it stands for under values of {} in the mapping.", u.attribute.name()));
        self.repeat(&key, &example, d);
        let text = describe_values(&layer.fields, &feature.values);
        self.out.rejects.push(Reject { source: feature.source.clone(), reason: format!("{}: no {}", u.field, u.expected), text });
    }

    /// Attributes of a feature by the fields of the mapping; fields beyond those of the layer are joined ones.
    fn attributes(
        &mut self,
        layer: &Layer,
        fields: &BTreeMap<Attribute, FieldSpec>,
        joined: &[(&Field, &Value)],
        feature: &Feature,
        ledger_name: &str,
    ) -> Result<Attributes, Unreadable> {
        let mut read = Attributes::default();
        for (&attribute, spec) in fields {
            let mut found = None;
            for name in &spec.field {
                let (field, value, meaning) = match joined.iter().find(|(f, _)| f.name.eq_ignore_ascii_case(name)) {
                    Some((field, value)) => (*field, *value, None),
                    None => {
                        let Some(at) = layer.field_index(name) else { continue };
                        let Some(value) = feature.values.get(at) else { continue };
                        (&layer.fields[at], value, layer.meaning(feature, at))
                    }
                };
                if let Some(reading) = read_value(attribute, spec, field, value, meaning, self.frequency_hz)? {
                    found = Some(reading);
                    let disposition = match (&spec.unit, meaning) {
                        (Some(unit), _) => Disposition::Converted { formula: format!("{unit} to {}", attribute.quantity().unit()) },
                        (None, Some(_)) => Disposition::Converted { formula: "code to what its domain says".into() },
                        (None, None) => Disposition::Kept,
                    };
                    self.count(&format!("{ledger_name}.{}", field.name), disposition, Some(&feature.source));
                    break;
                }
            }
            if found.is_none()
                && let Some(default) = &spec.default
            {
                found = read_default(attribute, default, spec.unit.as_deref(), self.frequency_hz);
                if found.is_none() {
                    return Err(Unreadable {
                        attribute,
                        field: attribute.name().to_owned(),
                        value: default.text(),
                        expected: attribute.quantity().unit(),
                    });
                }
                let reason = spec.reason.clone().unwrap_or_default();
                let disposition = Disposition::Defaulted { value: default.text(), reason };
                self.count(&format!("{ledger_name}.{}", attribute.name()), disposition, Some(&feature.source));
            }
            if let Some(reading) = found {
                read.set(attribute, reading);
            }
        }
        Ok(read)
    }

    /// Columns that joins bring to the features of a layer.
    fn join(&mut self, layer: &Layer, mapping: &LayerMapping, layers: &[Layer]) -> Result<JoinedColumns, ImportError> {
        let mut columns = JoinedColumns { fields: Vec::new(), values: vec![Vec::new(); layer.features.len()] };
        for join in &mapping.joins {
            let table = find_layer(layers, &join.table)?;
            let missing = |column: &str| {
                ImportError::from(
                    Diagnostic::error("GIS.MAPPING.FIELD", format!("table {} has no column \"{column}\"", table.name))
                        .at(&table.source)
                        .hint(format!("Its columns are {}.", names_of(&table.fields))),
                )
            };
            let on = table.field_index(&join.on).ok_or_else(|| missing(&join.on))?;
            let take: Vec<(String, usize)> = join
                .take
                .iter()
                .map(|(new, column)| table.field_index(column).map(|i| (new.clone(), i)).ok_or_else(|| missing(column)))
                .collect::<Result<_, _>>()?;
            let mut rows: HashMap<String, usize> = HashMap::with_capacity(table.features.len());
            for (i, f) in table.features.iter().enumerate() {
                let key = f.values.get(on).map(|v| v.to_string().trim().to_lowercase()).unwrap_or_default();
                if key.is_empty() {
                    continue;
                }
                if rows.insert(key.clone(), i).is_some() {
                    let d = Diagnostic::warning(
                        "GIS.JOIN.AMBIGUOUS",
                        format!("several rows of {} have the same \"{}\"; the last counts", table.name, join.on),
                    );
                    self.repeat(&table.name, &key, d.at(&f.source).hint("Give each row a key of its own."));
                }
            }
            let own = layer.field_index(&join.key);
            let earlier = columns.fields.iter().position(|f| f.name.eq_ignore_ascii_case(&join.key));
            if own.is_none() && earlier.is_none() {
                let what = format!("layer {} has no field \"{}\" to join {} by", layer.name, join.key, join.table);
                return Err(Diagnostic::error("GIS.MAPPING.FIELD", what)
                    .hint(format!("Its fields are {}.", names_of(&layer.fields)))
                    .into());
            }
            for (feature, values) in layer.features.iter().zip(&mut columns.values) {
                let key = match (earlier, own) {
                    (Some(at), _) => values.get(at),
                    (None, Some(at)) => feature.values.get(at),
                    _ => None,
                };
                let row = key.and_then(|k| rows.get(&k.to_string().trim().to_lowercase())).and_then(|&i| table.features.get(i));
                for (_, at) in &take {
                    values.push(row.and_then(|r| r.values.get(*at)).cloned().unwrap_or_default());
                }
            }
            for (new, at) in take {
                let mut field = table.fields[at].clone();
                field.name = new;
                columns.fields.push(field);
            }
        }
        Ok(columns)
    }

    fn items(&mut self, layers: &[Layer]) -> Result<Vec<Item>, ImportError> {
        let mut items = Vec::new();
        let mut names: HashMap<(&'static str, String), (usize, usize)> = HashMap::new();
        for mapping in self.mapping.layers.clone() {
            if mapping.kind == LayerKind::Ignore {
                continue;
            }
            let mut matched = false;
            // A layer of the very name leaves out those that differ in case, such as a table `RES` beside a layer `res`.
            let exact = layers.iter().any(|l| l.name == mapping.layer);
            for (l, layer) in layers
                .iter()
                .enumerate()
                .filter(|(_, l)| if exact { l.name == mapping.layer } else { name_matches(&mapping.layer, &l.name) })
            {
                matched = true;
                let columns = self.join(layer, &mapping, layers)?;
                check_fields(layer, &mapping, &columns.fields)?;
                self.layer_items(l, layer, &mapping, &columns, &mut names, &mut items);
            }
            if !matched && mapping.guess.is_none() {
                let names = layers.iter().map(|l| l.name.as_str()).collect::<Vec<_>>().join(", ");
                let d = Diagnostic::error("GIS.MAPPING.LAYER", format!("no layer is called \"{}\"", mapping.layer));
                return Err(d.hint(format!("The layers are {names}.")).into());
            }
        }
        Ok(items)
    }

    fn layer_items(
        &mut self,
        l: usize,
        layer: &Layer,
        mapping: &LayerMapping,
        columns: &JoinedColumns,
        names: &mut HashMap<(&'static str, String), (usize, usize)>,
        items: &mut Vec<Item>,
    ) {
        let taken: HashSet<String> = mapping.fields.values().flat_map(|s| &s.field).map(|f| f.to_lowercase()).collect();
        for (feature, extra) in layer.features.iter().zip(&columns.values) {
            let joined: Vec<(&Field, &Value)> = columns.fields.iter().zip(extra).collect();
            let wanted = mapping.conditions.iter().all(|c| {
                let found = joined.iter().find(|(f, _)| f.name.eq_ignore_ascii_case(&c.field)).map(|(_, v)| (*v, None));
                let own = || layer.field_index(&c.field).and_then(|at| Some((feature.values.get(at)?, layer.meaning(feature, at))));
                found.or_else(own).is_some_and(|(value, meaning)| c.holds(value, meaning))
            });
            if !wanted {
                self.count(
                    &format!("{}.(as {})", layer.name, mapping.kind.name()),
                    Disposition::Dropped { reason: "it does not meet the conditions".into() },
                    Some(&feature.source),
                );
                continue;
            }
            let mut attributes = match self.attributes(layer, &mapping.fields, &joined, feature, &layer.name) {
                Ok(read) => read,
                Err(u) => {
                    self.unreadable(layer, feature, &u);
                    continue;
                }
            };
            let catalogue = match mapping.kind {
                LayerKind::Transformer | LayerKind::Regulator => &self.transformer_types,
                _ => &self.line_types,
            };
            if let Some(entry) = attributes.text(Attribute::Type).and_then(|t| catalogue.get(&t.trim().to_lowercase())) {
                let entry = entry.clone();
                attributes.fill_from(&entry);
            }
            let id = match attributes.text(Attribute::Id).map(str::trim).filter(|t| !t.is_empty()) {
                Some(id) => id.to_owned(),
                None => {
                    let disposition = Disposition::Defaulted { value: "layer and number".into(), reason: "no field tells its id".into() };
                    self.count(&format!("{}.id", layer.name), disposition, Some(&feature.source));
                    format!("{}_{}", layer.name, feature.id)
                }
            };
            let class = class_of(mapping.kind);
            let mut name = id.to_lowercase();
            match names.get(&(class, name.clone())) {
                Some(&(other, first)) if other == l => {
                    let d =
                        Diagnostic::error("GIS.ID.DUPLICATE", format!("a second {} of the layer has the id \"{id}\"", mapping.kind.name()));
                    let first: &Item = &items[first];
                    let same = first.parts == parts_of(feature) && first.attributes == attributes;
                    let d = d.at(&feature.source).element(format!("{class}.{name}"));
                    let mut d = d.detail(format!("The first stands at {}{}.", first.source, if same { " and is equal to it" } else { "" }));
                    d.place = parts_of(feature).first().and_then(|p| p.first()).copied();
                    self.out.diagnostics.push(d.hint("The second was left out; give each its own id, or map another field."));
                    let text = describe_values(&layer.fields, &feature.values);
                    self.out.rejects.push(Reject { source: feature.source.clone(), reason: format!("the id {id} is there already"), text });
                    continue;
                }
                Some(_) => name = format!("{}_{name}", layer.name.to_lowercase()),
                None => {}
            }
            names.entry((class, name.clone())).or_insert((l, items.len()));
            let item = Item {
                kind: mapping.kind,
                layer: l,
                id,
                name,
                phases: None,
                parts: {
                    let parts = parts_of(feature);
                    match (parts.is_empty(), attributes.number(Attribute::Lon), attributes.number(Attribute::Lat)) {
                        (true, Some(lon), Some(lat)) if (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat) => {
                            vec![vec![LonLat::new(lon, lat)]]
                        }
                        _ => parts,
                    }
                },
                source: feature.source.clone(),
                rest: rest_of(layer, feature, &taken),
                in_service: true,
                closed: [true; 3],
                closed_ends: [true; 2],
                delta: false,
                attributes,
            };
            match self.states(item) {
                Ok(item) => items.push(item),
                Err((field, value, expected)) => {
                    let attribute = Attribute::ALL.iter().copied().find(|a| a.name() == field).unwrap_or(Attribute::Id);
                    let own = mapping.fields.get(&attribute).and_then(|s| s.field.first()).cloned().unwrap_or_else(|| field.to_owned());
                    self.unreadable(layer, feature, &Unreadable { attribute, field: own, value, expected });
                }
            }
        }
    }

    /// Reads the texts of an item that stand for states.
    fn states(&mut self, mut item: Item) -> Result<Item, (&'static str, String, &'static str)> {
        if let Some(text) = item.text(Attribute::Phases) {
            match read_phases(text) {
                Some(phases) => item.phases = Some(phases),
                None => return Err(("phases", text.to_owned(), "phases (letters, or the mask A=4, B=2, C=1)")),
            }
        }
        let closed = |a: Attribute| -> Result<Option<bool>, (&'static str, String, &'static str)> {
            match item.text(a) {
                None => Ok(None),
                Some(text) => read_closed(text).map(Some).ok_or_else(|| (a.name(), text.to_owned(), "position (open or closed)")),
            }
        };
        let whole = closed(Attribute::NormalPosition)?;
        let by_phase = [closed(Attribute::NormalPositionA)?, closed(Attribute::NormalPositionB)?, closed(Attribute::NormalPositionC)?];
        let ends = [closed(Attribute::ClosedFrom)?.unwrap_or(true), closed(Attribute::ClosedTo)?.unwrap_or(true)];
        item.closed = std::array::from_fn(|p| by_phase[p].or(whole).unwrap_or(true));
        item.closed_ends = ends;
        item.delta = match item.text(Attribute::Connection).map(|t| t.trim().to_lowercase()) {
            None => false,
            Some(t) if ["delta", "d", "ll", "line to line"].contains(&t.as_str()) => true,
            Some(t) if ["wye", "y", "yn", "star", "yg", "wye grounded", "ln"].contains(&t.as_str()) => false,
            Some(t) => return Err(("connection", t, "connection (wye or delta)")),
        };
        if let Some(status) = item.text(Attribute::Status).map(str::to_owned) {
            match read_in_service(&status) {
                Some(in_service) => item.in_service = in_service,
                None => {
                    let d = Diagnostic::warning(
                        "GIS.STATUS.UNKNOWN",
                        format!("the status \"{status}\" is not known; it is taken as in service"),
                    );
                    let d = d.at(&item.source).hint("List it under values of status in the mapping: in service or out of service.");
                    self.repeat(&status, &item.label(), d);
                }
            }
        }
        Ok(item)
    }
}

fn parts_of(feature: &Feature) -> Vec<Vec<LonLat>> {
    match &feature.geometry {
        None => Vec::new(),
        Some(g) => {
            let points = |c: &[super::layer::Coord]| c.iter().map(|&c| lon_lat(c)).collect::<Vec<_>>();
            match g {
                super::layer::Geometry::Polygon(_) | super::layer::Geometry::MultiPolygon(_) => {
                    // A pad or building stands for the middle of its outer ring.
                    let Some(ring) = g.parts().first().copied().map(points) else { return Vec::new() };
                    let n = ring.len().max(1) as f64;
                    let sum = ring.iter().fold((0.0, 0.0), |s, p| (s.0 + p.lon_deg, s.1 + p.lat_deg));
                    vec![vec![LonLat::new(sum.0 / n, sum.1 / n)]]
                }
                _ => g.parts().into_iter().map(points).filter(|p| !p.is_empty()).collect(),
            }
        }
    }
}

/// Values of the fields that no attribute took.
fn rest_of(layer: &Layer, feature: &Feature, taken: &HashSet<String>) -> BTreeMap<String, String> {
    let fields = layer.fields.iter().zip(&feature.values).enumerate();
    fields
        .filter(|(_, (f, v))| !v.is_null() && !taken.contains(&f.name.to_lowercase()))
        .map(|(i, (f, v))| (f.name.clone(), layer.meaning(feature, i).map_or_else(|| v.to_string(), str::to_owned)))
        .collect()
}

fn names_of(fields: &[Field]) -> String {
    fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn find_layer<'a>(layers: &'a [Layer], name: &str) -> Result<&'a Layer, ImportError> {
    let exact = layers.iter().find(|l| l.name == name);
    exact.or_else(|| layers.iter().find(|l| l.name.eq_ignore_ascii_case(name))).ok_or_else(|| {
        let names = layers.iter().map(|l| l.name.as_str()).collect::<Vec<_>>().join(", ");
        Diagnostic::error("GIS.MAPPING.TABLE", format!("no table or layer is called \"{name}\"")).hint(format!("There are {names}.")).into()
    })
}

/// Every attribute's fields are there, at least one of each.
fn check_fields(layer: &Layer, mapping: &LayerMapping, joined: &[Field]) -> Result<(), ImportError> {
    let there = |name: &str| layer.field_index(name).is_some() || joined.iter().any(|f| f.name.eq_ignore_ascii_case(name));
    let of_attributes = mapping.fields.iter().filter(|(_, s)| !s.field.is_empty() && !s.field.iter().any(|f| there(f)));
    let mut faults: Vec<Diagnostic> = of_attributes
        .map(|(a, s)| {
            Diagnostic::error(
                "GIS.MAPPING.FIELD",
                format!("layer {} has no field \"{}\" for {}", layer.name, s.field.join("\" or \""), a.name()),
            )
        })
        .collect();
    let of_conditions = mapping.conditions.iter().filter(|c| !there(&c.field));
    faults.extend(
        of_conditions.map(|c| {
            Diagnostic::error("GIS.MAPPING.FIELD", format!("layer {} has no field \"{}\" for its condition", layer.name, c.field))
        }),
    );
    match faults.is_empty() {
        true => Ok(()),
        false => Err(ImportError::new(
            faults.into_iter().map(|d| d.at(&layer.source).hint(format!("Its fields are {}.", names_of(&layer.fields)))).collect(),
        )),
    }
}

/// Nodes 1 to 3 of the phases that are there.
fn nodes_of(phases: [bool; 3]) -> Vec<u32> {
    (1..=3).filter(|&n| phases[n as usize - 1]).collect()
}

/// What an element still lacks: words for the finding.
type Missing = Vec<&'static str>;

impl Builder {
    fn build(&mut self, items: &[Item], topology: &Topology, layers: &[Layer], profiles: &[(String, Table)]) {
        self.voltages(items, topology);
        self.buses(topology);
        let mut made: Vec<(Option<ElementId>, Option<BusId>)> = vec![(None, None); items.len()];
        // Branches first: what stands at a bus may take its phases from them.
        for pass in 0..3 {
            for (i, item) in items.iter().enumerate() {
                let rank = match item.kind {
                    LayerKind::Source => 0,
                    k if k.is_branch() => 1,
                    _ => 2,
                };
                if rank == pass {
                    made[i] = self.element(item, &topology.joined[i], topology.feeders[i].as_deref(), profiles);
                }
            }
        }
        for (item, (element, bus)) in items.iter().zip(made) {
            self.asset(item, element, bus, &layers[item.layer].name);
        }
        if !items.iter().any(|i| i.kind == LayerKind::Source && i.in_service) {
            let d = Diagnostic::error("GIS.SOURCE.MISSING", "no layer is a source, so nothing feeds the network");
            self.out
                .diagnostics
                .push(d.hint("Map the layer of substations or feeder heads with kind: source, its bus, voltage and strength."));
        }
    }

    /// The base of each bus, kV line to neutral.
    ///
    /// What the map says of buses and lines counts first (line to line, over √3), then the windings of transformers and the
    /// voltage of sources; what is left follows along lines. Behind a single-phase transformer the voltage that is told is that
    /// across the winding, and the base itself.
    fn voltages(&mut self, items: &[Item], topology: &Topology) {
        let n = topology.buses.len();
        let mut told: Vec<Option<f64>> = topology.buses.iter().map(|b| b.kv).collect();
        let mut single: Vec<Option<f64>> = vec![None; n];
        let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); n];
        for (item, joined) in items.iter().zip(&topology.joined) {
            let one_phase = item.phases.is_some_and(|p| p.iter().filter(|x| **x).count() == 1);
            match (item.kind, joined) {
                (LayerKind::Transformer, Joined::Through([a, b])) => {
                    if one_phase {
                        single[*b] = item.number(Attribute::Kv2Ln).or_else(|| item.number(Attribute::Kv2));
                    }
                    let winding = |kv: Option<f64>, bus: &mut Option<f64>| {
                        if bus.is_none() {
                            *bus = kv;
                        }
                    };
                    if !one_phase {
                        winding(item.kv(), &mut told[*a]);
                        winding(item.kv2(), &mut told[*b]);
                    }
                }
                (_, Joined::Branch(sections)) => {
                    for s in sections {
                        for k in 0..2 {
                            told[s.buses[k]] = told[s.buses[k]].or(item.kv());
                            neighbours[s.buses[k]].push(s.buses[1 - k]);
                        }
                    }
                }
                (_, Joined::Through([a, b])) => {
                    neighbours[*a].push(*b);
                    neighbours[*b].push(*a);
                    told[*a] = told[*a].or(item.kv());
                }
                (LayerKind::Source, Joined::At(bus)) => told[*bus] = told[*bus].or(item.kv()),
                _ => {}
            }
        }
        let flood = |known: &mut Vec<Option<f64>>| {
            let mut stack: Vec<usize> = (0..n).filter(|&i| known[i].is_some()).collect();
            while let Some(i) = stack.pop() {
                for &j in &neighbours[i] {
                    if known[j].is_none() {
                        known[j] = known[i];
                        stack.push(j);
                    }
                }
            }
        };
        flood(&mut single);
        flood(&mut told);
        self.base_ln = (0..n).map(|i| single[i].or(told[i].map(|kv| kv / 3f64.sqrt()))).collect();
        for (item, joined) in items.iter().zip(&topology.joined) {
            let (Some(kv), Some(bus)) = (
                item.kv(),
                match joined {
                    Joined::Branch(sections) => sections.first().map(|s| s.buses[0]),
                    Joined::At(bus) => Some(*bus),
                    _ => None,
                },
            ) else {
                continue;
            };
            let Some(base) = self.base_ln[bus] else { continue };
            let fits = |v: f64| (v / base - 1.0).abs() < 0.06;
            if !fits(kv / 3f64.sqrt()) && !fits(kv) {
                let d = Diagnostic::warning(
                    "GIS.BUS.VOLTAGE",
                    format!("it is rated {kv} kV where bus \"{}\" has {:.4} kV line to line", topology.buses[bus].name, base * 3f64.sqrt()),
                );
                let mut d = d.element(item.label()).at(&item.source);
                d.place = item.place();
                self.out.diagnostics.push(d.hint("A transformer is missing between them, or one of the voltages is wrong."));
            }
        }
    }

    fn buses(&mut self, topology: &Topology) {
        let mut used = vec![false; topology.buses.len()];
        for joined in &topology.joined {
            match joined {
                Joined::Branch(sections) => sections.iter().flat_map(|s| s.buses).for_each(|b| used[b] = true),
                Joined::Through(ends) => ends.iter().for_each(|&b| used[b] = true),
                Joined::At(bus) => used[*bus] = true,
                Joined::Nowhere => {}
            }
        }
        for (i, found) in topology.buses.iter().enumerate() {
            if !used[i] {
                self.bus_ids.push(None);
                continue;
            }
            let id = self.out.network.bus_or_add(&found.name);
            let bus = &mut self.out.network.buses[id.index()];
            bus.kv_base_ln = self.base_ln[i].unwrap_or(0.0);
            bus.xy = found.place.map(|p| (p.lon_deg, p.lat_deg));
            bus.latitude_longitude_deg = found.place.map(|p| (p.lat_deg, p.lon_deg));
            self.bus_ids.push(Some(id));
        }
        let mut bases: Vec<f64> = self.base_ln.iter().flatten().map(|v| (v * 3f64.sqrt() * 1e6).round() / 1e6).collect();
        bases.sort_by(|a, b| b.total_cmp(a));
        bases.dedup();
        bases.truncate(64);
        self.out.network.options.voltage_bases_kv = bases;
    }

    fn terminal(&mut self, bus: usize, nodes: Vec<u32>, closed: &[bool]) -> Option<Terminal> {
        let id = self.bus_ids.get(bus).copied().flatten()?;
        nodes.iter().for_each(|&n| self.out.network.note_node(id, n));
        let mut terminal = Terminal::new(id, nodes);
        for (c, &is) in terminal.closed.iter_mut().zip(closed) {
            *c = is;
        }
        Some(terminal)
    }

    fn common(&self, item: &Item, name: String, n_phases: usize, terminals: Vec<Terminal>, feeder: Option<&str>) -> Common {
        let mut common = Common::new(name, n_phases);
        common.terminals = terminals;
        common.base_frequency_hz = self.frequency_hz;
        common.feeder = feeder.unwrap_or_default().to_owned();
        common.aliases.push(Alias { system: self.mapping.system.clone(), id: item.id.clone() });
        if let Some(alias) = item.text(Attribute::Alias) {
            common.aliases.push(Alias { system: format!("{}_global", self.mapping.system), id: alias.to_owned() });
        }
        common.source = item.source.clone();
        let normal_a = item.number(Attribute::RatingA).unwrap_or(0.0);
        common.rating = Rating { normal_a, emergency_a: item.number(Attribute::EmergencyA).unwrap_or(normal_a), seasonal_a: Vec::new() };
        common
    }

    /// Phases of what stands at a bus: its own, or all that arrive there.
    fn phases_at(&mut self, item: &Item, bus: usize) -> Option<[bool; 3]> {
        if item.phases.is_some() {
            return item.phases;
        }
        let id = self.bus_ids.get(bus).copied().flatten()?;
        let nodes = &self.out.network.bus(id).nodes;
        let phases: [bool; 3] = std::array::from_fn(|p| nodes.contains(&(p as u32 + 1)));
        if phases == [false; 3] {
            return None;
        }
        let disposition = Disposition::Defaulted { value: "those of its bus".into(), reason: "no field tells its phases".into() };
        self.count(&format!("{}.phases", item.kind.name()), disposition, Some(&item.source));
        Some(phases)
    }

    fn element(
        &mut self,
        item: &Item,
        joined: &Joined,
        feeder: Option<&str>,
        profiles: &[(String, Table)],
    ) -> (Option<ElementId>, Option<BusId>) {
        let bus_of = |b: &Self, bus: usize| b.bus_ids.get(bus).copied().flatten();
        if item.kind == LayerKind::Bus {
            return (None, if let Joined::At(bus) = joined { bus_of(self, *bus) } else { None });
        }
        if !(item.kind.is_branch() || item.kind.is_shunt()) {
            return (None, None);
        }
        if !item.in_service {
            let reason = "it is not in service".to_owned();
            self.count(&format!("{}.(element)", item.kind.name()), Disposition::Dropped { reason }, Some(&item.source));
            return (None, None);
        }
        match joined {
            Joined::Nowhere => {
                // A meter without a power is an asset whose transformer is found elsewhere.
                let quiet = item.kind == LayerKind::Meter && !item.attributes.has(Attribute::PKw) && !item.attributes.has(Attribute::SKva);
                if !quiet {
                    let d =
                        Diagnostic::error("GIS.ELEMENT.NOWHERE", format!("a {} has neither a place nor names of nodes", item.kind.name()));
                    let d = d.at(&item.source).hint("Map its nodes, or give it a shape; it is in no network.");
                    self.repeat(item.kind.name(), &item.label(), d);
                }
                (None, None)
            }
            Joined::Branch(sections) => {
                let mut first = None;
                let mut bus = None;
                for (k, section) in sections.iter().enumerate() {
                    if section.buses[0] == section.buses[1] {
                        let reason = "both of its ends are one bus".to_owned();
                        self.out.rejects.push(Reject { source: item.source.clone(), reason, text: item.label() });
                        continue;
                    }
                    let name = if k == 0 { item.name.clone() } else { format!("{}_s{}", item.name, k + 1) };
                    let id = self.branch(item, section, name, feeder);
                    first = first.or(id);
                    bus = bus.or_else(|| bus_of(self, section.buses[0]));
                }
                (first, bus)
            }
            Joined::Through(ends) => {
                let bus = bus_of(self, ends[0]);
                let id = match item.kind {
                    LayerKind::Transformer => self.transformer(item, *ends, feeder),
                    _ => {
                        let section = Section { buses: *ends, route: Vec::new(), length_m: 0.0, share: 1.0 };
                        self.branch(item, &section, item.name.clone(), feeder)
                    }
                };
                (id, bus)
            }
            Joined::At(bus) => (self.shunt(item, *bus, feeder, profiles), bus_of(self, *bus)),
        }
    }

    /// Keeps an element without its electrical data, and tells what it lacks.
    fn lacking(
        &mut self,
        item: &Item,
        name: String,
        missing: &Missing,
        terminals: Vec<Terminal>,
        route: Vec<LonLat>,
        feeder: Option<&str>,
    ) -> Option<ElementId> {
        let what = missing.join(", ");
        let key = format!("{} {} {what}", item.kind.name(), item.text(Attribute::Type).unwrap_or_default());
        let of_type = item.text(Attribute::Type).map(|t| format!(" of type \"{t}\"")).unwrap_or_default();
        let text = format!("a {}{of_type} has no {what}", item.kind.name());
        let mut d = Diagnostic::error("GIS.ELEMENT.NO_DATA", text).element(item.label()).at(&item.source);
        d.place = item.place();
        let hint = "Map the fields, add the type to the catalogue, or give defaults with a reason; it is in the network without its electrical data.";
        self.repeat(&key, &item.label(), d.hint(hint));
        let n = terminals.first().map_or(0, |t| t.nodes.len());
        let mut common = self.common(item, name, n, terminals, feeder);
        common.route = route;
        let properties = item.rest.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        Some(self.out.network.add(Unmodelled { common, class: class_of(item.kind).to_owned(), properties, affects_power_flow: true }))
    }

    fn branch(&mut self, item: &Item, section: &Section, name: String, feeder: Option<&str>) -> Option<ElementId> {
        if item.kind == LayerKind::Regulator {
            return self.regulator(item, section.buses, name, feeder);
        }
        let mut missing: Missing = Vec::new();
        let phases = match item.phases {
            Some(p) => p,
            None if item.kind.is_switching() => {
                self.phases_at(item, section.buses[0]).or_else(|| self.phases_at(item, section.buses[1])).unwrap_or([false; 3])
            }
            None => [false; 3],
        };
        if phases == [false; 3] {
            missing.push("phases");
        }
        let nodes = nodes_of(phases);
        let is_closed: Vec<bool> = nodes.iter().map(|&n| item.closed[n as usize - 1]).collect();
        let at_end = |k: usize| is_closed.iter().map(|c| *c && item.closed_ends[k]).collect::<Vec<_>>();
        let (from, to) = (at_end(0), vec![item.closed_ends[1]; nodes.len()]);
        let terminals: Vec<Terminal> =
            [self.terminal(section.buses[0], nodes.clone(), &from), self.terminal(section.buses[1], nodes.clone(), &to)]
                .into_iter()
                .flatten()
                .collect();
        if item.kind.is_switching() {
            if !missing.is_empty() {
                return self.lacking(item, name, &missing, terminals, section.route.clone(), feeder);
            }
            let mut common = self.common(item, name, nodes.len(), terminals, feeder);
            common.route.clone_from(&section.route);
            return Some(self.out.network.add(elements::switch(common, item.kind.name())));
        }
        let own_m = item.number(Attribute::Length);
        let length_m = match own_m {
            Some(m) => m * section.share,
            None => {
                if section.length_m > 0.0 {
                    let disposition = Disposition::Converted { formula: "length of the shape on the ellipsoid".into() };
                    self.count("line.length", disposition, Some(&item.source));
                }
                section.length_m
            }
        };
        if own_m.is_some_and(|m| m <= 0.0) {
            let mut d = Diagnostic::error("GIS.VALUE.RANGE", format!("its length is {} m", own_m.unwrap_or_default()))
                .element(item.label())
                .at(&item.source);
            d.place = item.place();
            self.out.diagnostics.push(d.hint("Correct the length, or leave it empty so that the shape tells it."));
            missing.push("length above zero");
        } else if length_m <= 0.0 {
            missing.push("length");
        }
        if let Some(m) = own_m
            && section.length_m > 0.0
        {
            let drawn = section.length_m;
            let given = m * section.share;
            if (drawn - given).abs() > 100.0 && !(1.0 / 3.0..=3.0).contains(&(given / drawn)) {
                let mut d = Diagnostic::warning(
                    "GIS.LINE.LENGTH",
                    format!("a line is {given:.0} m long by its attribute and {drawn:.0} m by its shape"),
                );
                d = d.element(item.label()).at(&item.source);
                d.place = item.place();
                self.repeat("length", &item.label(), d.hint("Check the unit of the length; the attribute counts."));
            }
        }
        let (r1, x1) = (item.number(Attribute::R1), item.number(Attribute::X1));
        if r1.is_none() {
            missing.push("resistance");
        }
        if x1.is_none() {
            missing.push("reactance");
        }
        let c1 = item.number(Attribute::C1).unwrap_or_else(|| {
            let disposition = Disposition::Defaulted { value: "0".into(), reason: "no capacitance is told".into() };
            self.count("line.c1", disposition, Some(&item.source));
            0.0
        });
        let z0 = self.zero_sequence(item, r1.unwrap_or(0.0), x1.unwrap_or(0.0), c1, nodes.len());
        if z0.is_none() {
            missing.push("zero-sequence impedance");
        }
        if r1.is_some_and(|v| v < 0.0) || item.number(Attribute::C1).is_some_and(|v| v < 0.0) {
            let what = format!("its resistance is {} ohm/km and its capacitance {c1} nF/km", r1.unwrap_or_default());
            let d = Diagnostic::error("GIS.VALUE.RANGE", what).element(item.label()).at(&item.source);
            self.out.diagnostics.push(d.hint("No line has negative ones; correct its type."));
            missing.push("resistance and capacitance that are not negative");
        }
        let (Some(r1), Some(x1), Some((r0, x0, c0)), true) = (r1, x1, z0, missing.is_empty() && terminals.len() == 2) else {
            return self.lacking(item, name, &missing, terminals, section.route.clone(), feeder);
        };
        let mut common = self.common(item, name, nodes.len(), terminals, feeder);
        common.route.clone_from(&section.route);
        let impedance = LineImpedance::Sequence { z1_ohm: Complex64::new(r1, x1), z0_ohm: Complex64::new(r0, x0), c1_nf: c1, c0_nf: c0 };
        Some(self.out.network.add(elements::line(common, length_m / 1000.0, impedance, item.text(Attribute::Type).unwrap_or_default())))
    }

    /// Zero-sequence data of a line: its own, else by the mapping's factors.
    fn zero_sequence(&mut self, item: &Item, r1: f64, x1: f64, c1: f64, n_phases: usize) -> Option<(f64, f64, f64)> {
        let own = (item.number(Attribute::R0), item.number(Attribute::X0));
        if let (Some(r0), Some(x0)) = own {
            let c0 = item.number(Attribute::C0).unwrap_or(c1);
            return Some((r0, x0, c0));
        }
        if let Some(z) = self.mapping.zero_sequence.clone() {
            let value = format!("r0 = {} r1, x0 = {} x1, c0 = {} c1", z.r0_over_r1, z.x0_over_x1, z.c0_over_c1);
            self.count("line.zero_sequence", Disposition::Defaulted { value, reason: z.reason }, Some(&item.source));
            return Some((z.r0_over_r1 * r1, z.x0_over_x1 * x1, z.c0_over_c1 * c1));
        }
        // One phase alone: what is told is its own loop, whatever it is called.
        (n_phases == 1).then(|| {
            let disposition = Disposition::Defaulted { value: "r0 = r1, x0 = x1".into(), reason: "one phase has one impedance".into() };
            self.count("line.zero_sequence", disposition, Some(&item.source));
            (r1, x1, c1)
        })
    }

    fn transformer(&mut self, item: &Item, ends: [usize; 2], feeder: Option<&str>) -> Option<ElementId> {
        let mut missing: Missing = Vec::new();
        let phases = self.phases_at(item, ends[0]).unwrap_or([false; 3]);
        if phases == [false; 3] {
            missing.push("phases");
        }
        let nodes = nodes_of(phases);
        let n = nodes.len();
        let Some(kva) = item.number(Attribute::Kva).filter(|v| *v > 0.0) else {
            missing.push("rated kVA");
            return self.bare_transformer(item, ends, nodes, &missing, feeder);
        };
        let kv =
            [item.kv().or(self.base_ln[ends[0]].map(|v| v * 3f64.sqrt())), item.kv2().or(self.base_ln[ends[1]].map(|v| v * 3f64.sqrt()))];
        if kv[0].is_none_or(|v| v <= 0.0) {
            missing.push("voltage of its first winding");
        }
        if kv[1].is_none_or(|v| v <= 0.0) {
            missing.push("voltage of its second winding");
        }
        let r_pct = item.number(Attribute::RPct).or_else(|| item.number(Attribute::LoadLossKw).map(|kw| kw / kva * 100.0));
        let z_pct = item.number(Attribute::ZPct);
        if z_pct.is_none_or(|z| z <= 0.0) {
            missing.push("short-circuit voltage");
        }
        if r_pct.is_none() {
            missing.push("load losses");
        }
        let (Some(kv1), Some(kv2), Some(z_pct), Some(r_pct), true) = (kv[0], kv[1], z_pct, r_pct, missing.is_empty()) else {
            return self.bare_transformer(item, ends, nodes, &missing, feeder);
        };
        let x2 = z_pct * z_pct - r_pct * r_pct;
        if r_pct < 0.0 || x2 <= 0.0 {
            let d = Diagnostic::error(
                "GIS.VALUE.RANGE",
                format!("its short-circuit voltage is {z_pct} % and the resistive part of it {r_pct} %"),
            );
            self.out.diagnostics.push(
                d.element(item.label()).at(&item.source).hint("The part has to lie between zero and the whole; check units and columns."),
            );
            missing.push("reactance");
            return self.bare_transformer(item, ends, nodes, &missing, feeder);
        }
        let group = match self.vector_group(item, n) {
            Ok(group) => group,
            Err(what) => {
                missing.push(what);
                return self.bare_transformer(item, ends, nodes, &missing, feeder);
            }
        };
        let no_load = item.number(Attribute::NoLoadLossPct).or_else(|| item.number(Attribute::NoLoadLossKw).map(|kw| kw / kva * 100.0));
        if no_load.is_none() {
            let disposition = Disposition::Defaulted { value: "0".into(), reason: "no no-load losses are told".into() };
            self.count("transformer.no_load_loss", disposition, Some(&item.source));
        }
        let no_load = no_load.unwrap_or(0.0);
        let i0 = item.number(Attribute::NoLoadCurrentPct).unwrap_or(no_load);
        let magnetising = (i0 * i0 - no_load * no_load).max(0.0).sqrt();
        // Across the winding of one phase, line to line otherwise.
        let winding_kv = |kv: f64, own_ln: Option<f64>, bus: usize, second: bool| -> f64 {
            if n > 1 {
                return kv;
            }
            if let Some(ln) = own_ln {
                return ln;
            }
            match self.base_ln[bus] {
                Some(base) if (kv / base - 1.0).abs() < 0.1 => kv,
                Some(base) if (kv / base / 3f64.sqrt() - 1.0).abs() < 0.1 => kv / 3f64.sqrt(),
                _ if second => kv,
                _ => kv / 3f64.sqrt(),
            }
        };
        let kv1 = winding_kv(kv1, item.number(Attribute::KvLn), ends[0], false);
        let kv2 = winding_kv(kv2, item.number(Attribute::Kv2Ln), ends[1], true);
        let connection = |delta: bool| if delta { Connection::Delta } else { Connection::Wye };
        let mut windings = vec![
            elements::winding(connection(group.delta[0]), kv1, kva, 0.5 * r_pct),
            elements::winding(connection(group.delta[1]), kv2, kva, 0.5 * r_pct),
        ];
        if !self.taps(item, &mut windings) {
            missing.push("tap step");
            return self.bare_transformer(item, ends, nodes, &missing, feeder);
        }
        // Delta against wye turns by 30 degrees, the order of the phases by thirds of a turn.
        let lead = group.delta[0] != group.delta[1] && matches!(group.clock, 3 | 7 | 11);
        let after = if group.delta[0] == group.delta[1] {
            group.clock
        } else if lead {
            (group.clock + 1) % 12
        } else {
            (group.clock + 11) % 12
        };
        let mut second = nodes.clone();
        if n == 3 {
            second.rotate_right(usize::from(after / 4));
        }
        let neutral = |delta: bool, earthed: bool| if delta || earthed || n < 3 { 0 } else { 4 };
        let mut first = nodes;
        first.push(neutral(group.delta[0], group.earthed[0]));
        second.push(neutral(group.delta[1], group.earthed[1]));
        let terminals: Vec<Terminal> = [(ends[0], first), (ends[1], second)]
            .into_iter()
            .enumerate()
            .filter_map(|(k, (bus, nodes))| {
                let mut closed = vec![item.closed_ends[k]; nodes.len()];
                if let Some(neutral) = closed.last_mut() {
                    *neutral = true;
                }
                self.terminal(bus, nodes, &closed)
            })
            .collect();
        if terminals.len() != 2 {
            return None;
        }
        let mut common = self.common(item, item.name.clone(), n, terminals, feeder);
        if common.rating.normal_a == 0.0 {
            let amps = kva / n as f64 / if n > 1 { kv1 / 3f64.sqrt() } else { kv1 };
            common.rating = Rating { normal_a: amps, emergency_a: amps, seasonal_a: Vec::new() };
        }
        let mut t = elements::transformer(common, windings, x2.sqrt(), no_load, magnetising);
        t.lead_lag = if lead { LeadLag::Lead } else { LeadLag::Lag };
        Some(self.out.network.add(t))
    }

    fn bare_transformer(
        &mut self,
        item: &Item,
        ends: [usize; 2],
        nodes: Vec<u32>,
        missing: &Missing,
        feeder: Option<&str>,
    ) -> Option<ElementId> {
        let closed = vec![true; nodes.len()];
        let terminals = ends.into_iter().filter_map(|bus| self.terminal(bus, nodes.clone(), &closed)).collect();
        self.lacking(item, item.name.clone(), missing, terminals, Vec::new(), feeder)
    }

    /// Vector group of a transformer by its text, else by its phase shift.
    fn vector_group(&mut self, item: &Item, n_phases: usize) -> Result<VectorGroup, &'static str> {
        let earthed_wye = VectorGroup { delta: [false; 2], earthed: [true; 2], clock: 0 };
        if n_phases < 3 {
            return Ok(earthed_wye);
        }
        let group = match item.text(Attribute::VectorGroup).map(read_vector_group) {
            Some(Ok(group)) => group,
            Some(Err(_)) => return Err("connection without zigzag winding"),
            None => None,
        };
        let shift = item.number(Attribute::PhaseShiftDeg).map(|d| d.rem_euclid(360.0) / 30.0);
        let clock = match shift {
            Some(c) if (c - c.round()).abs() > 1e-6 => return Err("phase shift that is a multiple of 30 degrees"),
            Some(c) => Some(c.round() as u8 % 12),
            None => None,
        };
        let group = match (group, clock) {
            (Some(group), Some(clock)) if group.clock != clock => {
                let what = format!("its vector group says clock {} and its phase shift {}", group.clock, clock);
                let d = Diagnostic::warning("GIS.TRANSFORMER.GROUP", what).element(item.label()).at(&item.source);
                self.out.diagnostics.push(d.hint("Correct one of them; the vector group was taken."));
                group
            }
            (Some(group), _) => group,
            (None, Some(clock)) => {
                let group = VectorGroup { delta: [clock % 2 == 1, false], earthed: [clock.is_multiple_of(2), true], clock };
                let value = if clock % 2 == 1 { "delta, then wye earthed" } else { "wye earthed on both sides" };
                let disposition =
                    Disposition::Defaulted { value: value.into(), reason: "the phase shift tells the clock but not the connection".into() };
                self.count("transformer.vector_group", disposition, Some(&item.source));
                group
            }
            (None, None) => return Err("vector group or phase shift"),
        };
        let turned = group.delta[0] != group.delta[1];
        match (turned, group.clock % 2 == 1) {
            (true, true) => Ok(group),
            (false, false) if group.clock.is_multiple_of(4) => Ok(group),
            (false, false) => Err("vector group that the order of the phases can make (clock 0, 4 or 8)"),
            _ => Err("vector group whose clock fits its connection"),
        }
    }

    /// Sets taps; false where a position is told without the step.
    fn taps(&mut self, item: &Item, windings: &mut [network::Winding]) -> bool {
        let position = item.number(Attribute::TapPosition).unwrap_or(0.0);
        let neutral = item.number(Attribute::TapNeutral).unwrap_or(0.0);
        let step = item.number(Attribute::TapStepPct);
        let side = match item.text(Attribute::TapSide).map(|t| t.trim().to_lowercase()) {
            Some(t) if ["lv", "2", "to", "secondary", "low"].contains(&t.as_str()) => 1,
            _ => 0,
        };
        let Some(winding) = windings.get_mut(side) else { return true };
        if let Some(tap) = item.number(Attribute::TapPu) {
            winding.tap_pu = tap;
        }
        let Some(step) = step else { return position == neutral };
        winding.tap_pu *= 1.0 + (position - neutral) * step / 100.0;
        if let (Some(low), Some(high)) = (item.number(Attribute::TapMin), item.number(Attribute::TapMax))
            && high > low
            && (high - low) < 1000.0
        {
            winding.tap_min_pu = 1.0 + (low - neutral) * step / 100.0;
            winding.tap_max_pu = 1.0 + (high - neutral) * step / 100.0;
            winding.n_taps = (high - low).round() as u32;
        }
        true
    }

    /// A line regulator: one unit a phase, ratio one, with a control where its set point is told.
    fn regulator(&mut self, item: &Item, ends: [usize; 2], name: String, feeder: Option<&str>) -> Option<ElementId> {
        let mut missing: Missing = Vec::new();
        let phases = self.phases_at(item, ends[0]).or_else(|| self.phases_at(item, ends[1])).unwrap_or([false; 3]);
        let nodes = nodes_of(phases);
        let base = self.base_ln[ends[0]].or(self.base_ln[ends[1]]);
        if nodes.is_empty() {
            missing.push("phases");
        }
        if base.is_none() {
            missing.push("voltage");
        }
        let kva = item.number(Attribute::Kva).or_else(|| Some(item.number(Attribute::RatingA)? * base?)).filter(|v| *v > 0.0);
        if kva.is_none() {
            missing.push("rated kVA or current");
        }
        let z_pct = item.number(Attribute::ZPct);
        if z_pct.is_none_or(|z| z <= 0.0) {
            missing.push("impedance");
        }
        let (Some(base), Some(kva), Some(z_pct), true) = (base, kva, z_pct, missing.is_empty()) else {
            let closed = vec![true; nodes.len()];
            let terminals = ends.into_iter().filter_map(|bus| self.terminal(bus, nodes.clone(), &closed)).collect();
            return self.lacking(item, name, &missing, terminals, Vec::new(), feeder);
        };
        let r_pct = item.number(Attribute::RPct).unwrap_or(0.0).clamp(0.0, z_pct);
        let mut first = None;
        for &node in &nodes {
            let terminals: Vec<Terminal> = ends.into_iter().filter_map(|bus| self.terminal(bus, vec![node, 0], &[true, true])).collect();
            let letter = ["a", "b", "c"][node as usize - 1];
            let unit_name = if nodes.len() == 1 { name.clone() } else { format!("{name}{letter}") };
            let common = self.common(item, unit_name.clone(), 1, terminals, feeder);
            let windings = vec![
                elements::winding(Connection::Wye, base, kva, 0.5 * r_pct),
                elements::winding(Connection::Wye, base, kva, 0.5 * r_pct),
            ];
            let x = (z_pct * z_pct - r_pct * r_pct).max(0.0).sqrt();
            let mut t = elements::transformer(common, windings, x.max(1e-6), 0.0, 0.0);
            t.bank.clone_from(&name);
            let id = self.out.network.add(t);
            first = first.or(Some(id));
            match item.number(Attribute::VTarget) {
                Some(target) => {
                    let band = item.number(Attribute::VBand).unwrap_or_else(|| {
                        let disposition = Disposition::Defaulted { value: "2".into(), reason: "no bandwidth is told".into() };
                        self.count("regulator.v_band_120", disposition, Some(&item.source));
                        2.0
                    });
                    let mut common = Common::new(unit_name, 1);
                    common.base_frequency_hz = self.frequency_hz;
                    common.source = item.source.clone();
                    self.out.network.add(elements::regulator_control(common, id, target, band, base * 1000.0 / 120.0));
                }
                None => {
                    let d = Diagnostic::warning("GIS.REGULATOR.NO_SETTING", "a regulator has no set point, so its tap stays at neutral")
                        .at(&item.source);
                    self.repeat("regulator", &item.label(), d.hint("Map v_target_120, or give a default with a reason."));
                }
            }
        }
        first
    }

    fn shunt(&mut self, item: &Item, bus: usize, feeder: Option<&str>, profiles: &[(String, Table)]) -> Option<ElementId> {
        if item.kind == LayerKind::Meter && !item.attributes.has(Attribute::PKw) && !item.attributes.has(Attribute::SKva) {
            return None;
        }
        let mut missing: Missing = Vec::new();
        let phases = match item.kind {
            LayerKind::Source => item.phases.or(Some([true; 3])),
            _ => self.phases_at(item, bus),
        };
        let nodes = nodes_of(phases.unwrap_or([false; 3]));
        if nodes.is_empty() {
            missing.push("phases");
        }
        let base = self.base_ln[bus];
        if base.is_none_or(|v| v <= 0.0) {
            missing.push("voltage of its bus");
        }
        let n = nodes.len();
        let kv = base.map_or(0.0, |b| if n > 1 { b * 3f64.sqrt() } else { b });
        let shapes = self.profile(item, profiles);
        // Between the phases there has to be more than one.
        let delta = item.delta && n == 3;
        let connection = if delta { Connection::Delta } else { Connection::Wye };
        let mut earthed = nodes.clone();
        if !delta {
            earthed.push(0);
        }
        let closed = vec![true; earthed.len()];
        let power = self.power(item);
        match item.kind {
            LayerKind::Load | LayerKind::Meter | LayerKind::Generator | LayerKind::Pv => {
                if power.is_none() {
                    missing.push("power (p_kw, or s_kva and power_factor)");
                }
                let terminals: Vec<Terminal> = self.terminal(bus, earthed, &closed).into_iter().collect();
                let (Some((p, q)), true) = (power, missing.is_empty()) else {
                    return self.lacking(item, item.name.clone(), &missing, terminals, Vec::new(), feeder);
                };
                let common = self.common(item, item.name.clone(), n, terminals, feeder);
                let kva = item.number(Attribute::Kva).or(item.number(Attribute::SKva)).unwrap_or(0.0).max(p.hypot(q));
                Some(match item.kind {
                    LayerKind::Generator => {
                        self.out.network.add(network::Generator { connection, ..elements::generator(common, kv, p, q, kva, shapes) })
                    }
                    LayerKind::Pv => {
                        self.out.network.add(network::PvSystem { connection, ..elements::pv_system(common, kv, p, q, kva, shapes) })
                    }
                    _ => {
                        let customers = item.number(Attribute::Customers).filter(|c| (0.0..1e9).contains(c)).map_or_else(
                            || {
                                let disposition =
                                    Disposition::Defaulted { value: "1".into(), reason: "no number of customers is told".into() };
                                self.count("load.customers", disposition, Some(&item.source));
                                1
                            },
                            |c| c.round() as u32,
                        );
                        self.out.network.add(network::Load { connection, ..elements::load(common, kv, p, q, customers, shapes) })
                    }
                })
            }
            LayerKind::Capacitor => {
                let kvar = item.number(Attribute::Kvar).filter(|k| *k > 0.0);
                if kvar.is_none() {
                    missing.push("kvar above zero");
                }
                let zeros = vec![0; n];
                let terminals: Vec<Terminal> =
                    [self.terminal(bus, nodes.clone(), &closed), self.terminal(bus, zeros, &closed)].into_iter().flatten().collect();
                let (Some(kvar), true) = (kvar, missing.is_empty()) else {
                    return self.lacking(item, item.name.clone(), &missing, terminals, Vec::new(), feeder);
                };
                let mut common = self.common(item, item.name.clone(), n, terminals, feeder);
                if common.rating.normal_a == 0.0 {
                    let amps = kvar / n as f64 / base.unwrap_or(1.0);
                    common.rating = Rating { normal_a: 1.35 * amps, emergency_a: 1.8 * amps, seasonal_a: Vec::new() };
                }
                Some(self.out.network.add(elements::capacitor(common, kv, kvar, item.closed.iter().all(|c| *c))))
            }
            LayerKind::Source => {
                let v_pu = item.number(Attribute::VPu).filter(|v| *v > 0.0);
                if v_pu.is_none() {
                    missing.push("voltage in per unit");
                }
                let stiff = item.text(Attribute::Stiff).and_then(read_closed) == Some(true);
                let mva = item.number(Attribute::ShortCircuitMva).filter(|m| *m > 0.0);
                let base_kv = item.kv().unwrap_or(kv);
                let z1 = match mva {
                    Some(mva) => {
                        let z = base_kv * base_kv / mva;
                        match item.number(Attribute::XOverR) {
                            Some(xr) => Some(Complex64::new(1.0, xr) * (z / (1.0 + xr * xr).sqrt())),
                            None => {
                                let disposition = Disposition::Defaulted {
                                    value: "purely reactive".into(),
                                    reason: "no ratio of reactance to resistance is told".into(),
                                };
                                self.count("source.x_over_r", disposition, Some(&item.source));
                                Some(Complex64::new(0.0, z))
                            }
                        }
                    }
                    None => None,
                };
                if z1.is_none() && !stiff {
                    missing.push("short-circuit power (or stiff: yes)");
                }
                let zeros = vec![0; n];
                let terminals: Vec<Terminal> =
                    [self.terminal(bus, nodes.clone(), &closed), self.terminal(bus, zeros, &closed)].into_iter().flatten().collect();
                let (Some(v_pu), true) = (v_pu, missing.is_empty()) else {
                    return self.lacking(item, item.name.clone(), &missing, terminals, Vec::new(), feeder);
                };
                let common = self.common(item, item.name.clone(), n, terminals, feeder);
                let angle = item.number(Attribute::AngleDeg).unwrap_or(0.0);
                Some(self.out.network.add(elements::source(common, base_kv, v_pu, angle, z1, None)))
            }
            _ => None,
        }
    }

    /// Active and reactive power of a load or plant, kW and kvar.
    fn power(&mut self, item: &Item) -> Option<(f64, f64)> {
        let pf = item.number(Attribute::PowerFactor).filter(|f| f.abs() <= 1.0 && *f != 0.0);
        let p = match (item.number(Attribute::PKw), item.number(Attribute::SKva), pf) {
            (Some(p), _, _) => p,
            (None, Some(s), Some(pf)) => s * pf.abs(),
            _ => return None,
        };
        let q = match (item.number(Attribute::QKvar), pf) {
            (Some(q), _) => q,
            (None, Some(pf)) => p * (1.0 / (pf * pf) - 1.0).max(0.0).sqrt() * pf.signum(),
            (None, None) => {
                let disposition =
                    Disposition::Defaulted { value: "0".into(), reason: "neither reactive power nor power factor is told".into() };
                self.count(&format!("{}.q_kvar", item.kind.name()), disposition, Some(&item.source));
                0.0
            }
        };
        Some((p, q))
    }

    /// Shapes of the profile that an item names.
    ///
    /// A table's first row is hour 0, and a shape's last value is what holds at hour 0 and at every whole period.
    fn profile(&mut self, item: &Item, profiles: &[(String, Table)]) -> Shapes {
        let Some(name) = item.text(Attribute::Profile).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()) else {
            return Shapes::default();
        };
        if profiles.is_empty() {
            return Shapes::default();
        }
        let key = format!("{} {}", item.kind.name(), name.to_lowercase());
        if !self.shapes.contains_key(&key) {
            let shape = self.read_profile(&name, item.kind, profiles);
            let id = shape.map(|s| {
                self.out.network.load_shapes.push(s);
                LoadShapeId::from(self.out.network.load_shapes.len() - 1)
            });
            if id.is_none() {
                let d = Diagnostic::warning("GIS.PROFILE.MISSING", format!("no table of profiles has a readable column for \"{name}\""));
                self.out
                    .diagnostics
                    .push(d.at(&item.source).hint("Its loads keep their power at all times; add the column, or correct the name."));
            }
            self.shapes.insert(key.clone(), id);
        }
        Shapes { yearly: self.shapes.get(&key).copied().flatten(), daily: None, duty: None }
    }

    fn read_profile(&mut self, name: &str, kind: LayerKind, profiles: &[(String, Table)]) -> Option<LoadShape> {
        for spec in self.mapping.profiles.clone() {
            if !(spec.kinds.is_empty() || spec.kinds.contains(&kind)) {
                continue;
            }
            let Some((_, table)) = profiles.iter().find(|(n, _)| n.eq_ignore_ascii_case(&spec.table)) else { continue };
            let index = |suffix: &str| table.headers.iter().position(|h| h.eq_ignore_ascii_case(&format!("{name}{suffix}")));
            let Some(p) = index(&spec.p_suffix) else { continue };
            let mut series = |column: usize| -> Option<Vec<f64>> {
                let mut values = Vec::with_capacity(table.rows.len());
                for row in &table.rows {
                    match row.cells.get(column).and_then(|c| c.trim().parse::<f64>().ok()).filter(|v| v.is_finite()) {
                        Some(v) => values.push(v),
                        None => {
                            let d = Diagnostic::error("GIS.PROFILE.VALUE", format!("a value of profile \"{name}\" is no number"));
                            self.out.diagnostics.push(d.at(&table.at(row.line)).hint("Correct the cell; the profile is not used."));
                            return None;
                        }
                    }
                }
                if values.is_empty() {
                    return None;
                }
                values.rotate_left(1);
                Some(values)
            };
            let p = series(p)?;
            let q = match spec.q_suffix.as_deref().and_then(index) {
                Some(q) => Some(series(q)?),
                None => None,
            };
            let n = p.len() as f64;
            let mean = p.iter().sum::<f64>() / n;
            let stddev = if p.len() > 1 { (p.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt() } else { 0.0 };
            return Some(LoadShape {
                name: name.to_lowercase(),
                interval_h: spec.interval_h,
                hours: None,
                p_max: p.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                q_max: 0.0,
                p: p.into(),
                q: q.map(Into::into),
                use_actual: false,
                p_base: 0.0,
                q_base: 0.0,
                mean,
                stddev,
                interpolation: Interpolation::Average,
            });
        }
        None
    }

    fn asset(&mut self, item: &Item, element: Option<ElementId>, bus: Option<BusId>, layer: &str) {
        let mut attributes = item.rest.clone();
        for (attribute, key) in [
            (Attribute::Type, "type"),
            (Attribute::Transformer, "transformer"),
            (Attribute::Phases, "phases"),
            (Attribute::From, "from"),
            (Attribute::To, "to"),
            (Attribute::Bus, "bus"),
            (Attribute::Status, "status"),
            (Attribute::Alias, "alias"),
        ] {
            if let Some(text) = item.text(attribute) {
                attributes.entry(key.to_owned()).or_insert_with(|| text.to_owned());
            }
        }
        for attribute in [Attribute::Kva, Attribute::Kvar, Attribute::PKw, Attribute::Length, Attribute::Customers] {
            if let Some(v) = item.number(attribute) {
                attributes.entry(attribute.name().to_owned()).or_insert_with(|| v.to_string());
            }
        }
        if let Some(kv) = item.kv() {
            attributes.entry("kv".to_owned()).or_insert_with(|| kv.to_string());
        }
        attributes.entry("layer".to_owned()).or_insert_with(|| layer.to_owned());
        self.out.network.assets.push(Asset {
            // The id as its layer has it, unless another layer has the same.
            id: if item.name == item.id.to_lowercase() { item.id.clone() } else { item.name.clone() },
            kind: asset_kind(item.kind),
            route: item.parts.iter().flatten().copied().collect(),
            attributes,
            element,
            bus,
            feeder: item.text(Attribute::Feeder).unwrap_or_default().to_owned(),
            source: item.source.clone(),
        });
    }

    fn finish(mut self, topology: Topology) -> (Imported, Mapping) {
        self.out.diagnostics.extend(topology.diagnostics);
        for r in std::mem::take(&mut self.repeated).into_values() {
            let mut d = r.finding;
            if r.count > 1 {
                let own = d.detail.take().map(|t| format!("{t} ")).unwrap_or_default();
                d.detail = Some(format!(
                    "{own}{} times: {}{}",
                    r.count,
                    r.examples.join(", "),
                    if r.count > r.examples.len() { ", …" } else { "." }
                ));
            }
            self.out.diagnostics.push(d);
        }
        let mut ledger: Ledger = std::mem::take(&mut self.out.ledger);
        ledger.entries.extend(self.ledger.into_iter().map(|((field, ..), (disposition, count, first))| LedgerEntry {
            field,
            disposition,
            count,
            first,
        }));
        self.out.ledger = ledger;
        self.out.diagnostics.sort_by_key(|d| std::cmp::Reverse(d.severity));
        (self.out, self.mapping)
    }
}
