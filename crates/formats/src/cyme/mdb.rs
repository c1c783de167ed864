//! The database of a study: tables `CYM…` hold the network, tables `CYMEQ…` the catalogue, in one `.mdb` file or in two.
//!
//! The database names a device by its network and number; `CYMSECTIONDEVICE` says on which section it sits and where along it, and a
//! table for each kind of device holds its settings. All tables exist in every database, most of them empty, and their columns change
//! between versions, so everything goes by name. Codes are integers. The unit system is SI.

use super::carrier::{Fields, Filler, rename_generator, rename_three_winding, turn_normal_status};
use super::lower::{Options, lower};
use super::mdb_tables::{Database, MdbLimits, Row, looks_like_database};
use super::model::{Model, Units};
use crate::{FileSource, ImportError};
use network::{Diagnostic, Imported, SourceRef};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Tables of devices with typed records: table, section of the text format, and the integer of its kind where that is known.
const DEVICES: [(&str, &str, Option<i64>); 35] = [
    ("CYMOVERHEADBYPHASE", "OVERHEAD BYPHASE SETTING", Some(3)),
    ("CYMOVERHEADLINE", "OVERHEADLINE SETTING", None),
    ("CYMOVERHEADLINEUNBALANCED", "OVERHEADLINEUNBALANCED SETTING", Some(23)),
    ("CYMUNDERGROUNDLINE", "UNDERGROUNDLINE SETTING", None),
    ("CYMSWITCH", "SWITCH SETTING", Some(13)),
    ("CYMFUSE", "FUSE SETTING", None),
    ("CYMRECLOSER", "RECLOSER SETTING", None),
    ("CYMBREAKER", "BREAKER SETTING", None),
    ("CYMSECTIONALIZER", "SECTIONALIZER SETTING", None),
    ("CYMNETWORKPROTECTOR", "NETWORKPROTECTOR SETTING", None),
    ("CYMLVCB", "LVCB SETTING", None),
    ("CYMMISCELLANEOUS", "MISCELLANEOUS SETTING", None),
    ("CYMTRANSFORMER", "TRANSFORMER SETTING", Some(5)),
    ("CYMTRANSFORMERBYPHASE", "TRANSFORMER BYPHASE SETTING", None),
    ("CYMTHREEWINDINGTRANSFORMER", "THREE WINDING TRANSFORMER SETTING", None),
    ("CYMTHREEWINDAUTOTRANSFORMER", "THREE WINDING TRANSFORMER SETTING", None),
    ("CYMAUTOTRANSFORMER", "AUTOTRANSFORMER SETTING", None),
    ("CYMGROUNDINGTRANSFORMER", "GROUNDING TRANSFORMER SETTING", None),
    ("CYMREGULATOR", "REGULATOR SETTING", Some(4)),
    ("CYMSHUNTCAPACITOR", "SHUNT CAPACITOR SETTING", Some(17)),
    ("CYMSHUNTREACTOR", "SHUNT REACTOR SETTING", None),
    ("CYMSERIESCAPACITOR", "SERIE CAPACITOR SETTING", None),
    ("CYMSERIESREACTOR", "SERIE REACTOR SETTING", None),
    ("CYMPHOTOVOLTAIC", "PHOTOVOLTAIC SETTINGS", None),
    ("CYMELECCONVERTERGENERATOR", "ELECTRONIC CONVERTER GENERATOR SETTING", None),
    ("CYMSYNCHRONOUSGENERATOR", "SYNCHRONOUS GENERATOR SETTING", None),
    ("CYMINDUCTIONGENERATOR", "INDUCTION GENERATOR SETTING", None),
    ("CYMBESS", "BESS SETTINGS", None),
    ("CYMINDUCTIONMOTOR", "INDUCTION MOTOR SETTING", None),
    ("CYMSYNCHRONOUSMOTOR", "SYNCHRONOUS MOTOR SETTING", None),
    ("CYMLOAD", "LOADS", None),
    ("CYMCUSTOMERLOAD", "CUSTOMER LOADS", None),
    ("CYMCONVERTER", "CONVERTER", None),
    ("CYMCONVERTERCONTROLSETTING", "CONVERTER CONTROL SETTING", None),
    ("CYMDGGENERATIONMODEL", "DGGENERATIONMODEL", None),
];

/// Tables of devices without a typed record.
const OTHER_DEVICES: [&str; 25] = [
    "CYMARCFURNACE",
    "CYMBUSWAY",
    "CYMCTYPEFILTER",
    "CYMDCLINK",
    "CYMDOUBLECIRCUITLINE",
    "CYMDOUBLETUNEDFILTER",
    "CYMFREQUENCYDEPENDENTBRANCH",
    "CYMHIGHPASSFILTER",
    "CYMIDEALCONVERTER",
    "CYMMICROTURBINE",
    "CYMMUTUALLYCOUPLED3PHASEBRANCH",
    "CYMNETWORKEQUIVALENT",
    "CYMNONIDEALCONVERTER",
    "CYMPHASESHIFTERTRANSFORMER",
    "CYMREGULATORBYPHASE",
    "CYMRLCBRANCH",
    "CYMSERIESFREQUENCYSOURCE",
    "CYMSHUNTFREQUENCYSOURCE",
    "CYMSINGLETUNEDFILTER",
    "CYMSOFC",
    "CYMSTATCOM",
    "CYMSVC",
    "CYMSWITCHABLESHUNTBANK",
    "CYMUPFC",
    "CYMWECS",
];

/// Tables of the catalogue: table, section of the text format.
const CATALOGUE: [(&str, &str); 27] = [
    ("CYMEQCONDUCTOR", "CONDUCTOR"),
    ("CYMEQOVERHEADLINE", "LINE"),
    ("CYMEQOVERHEADLINEUNBALANCED", "LINE UNBALANCED"),
    ("CYMEQCABLE", "CABLE"),
    ("CYMEQTRANSFORMER", "TRANSFORMER"),
    ("CYMEQAUTOTRANSFORMER", "AUTOTRANSFORMER"),
    ("CYMEQTHREEWINDINGTRANSFORMER", "THREE WINDING TRANSFORMER"),
    ("CYMEQTHREEWINDAUTOTRANSFORMER", "THREE WINDING TRANSFORMER"),
    ("CYMEQGROUNDINGTRANSFORMER", "GROUNDING TRANSFORMER"),
    ("CYMEQREGULATOR", "REGULATOR"),
    ("CYMEQSOURCE", "SUBSTATION"),
    ("CYMEQSHUNTCAPACITOR", "SHUNT CAPACITOR"),
    ("CYMEQSHUNTREACTOR", "SHUNT REACTOR"),
    ("CYMEQSERIESCAPACITOR", "SERIE CAPACITOR"),
    ("CYMEQSERIESREACTOR", "SERIE REACTOR"),
    ("CYMEQPHOTOVOLTAIC", "PHOTOVOLTAIC"),
    ("CYMEQELECCONVERTERGENERATOR", "ELECTRONIC CONVERTER GENERATOR"),
    ("CYMEQSYNCHRONOUSGENERATOR", "SYNCHRONOUS GENERATOR"),
    ("CYMEQINDUCTIONGENERATOR", "INDUCTION GENERATOR"),
    ("CYMEQBESS", "BESS"),
    ("CYMEQINDUCTIONMOTOR", "INDUCTION MOTOR"),
    ("CYMEQSYNCHRONOUSMOTOR", "SYNCHRONOUS MOTOR"),
    ("CYMEQSWITCH", "SWITCH"),
    ("CYMEQFUSE", "FUSE"),
    ("CYMEQRECLOSER", "RECLOSER"),
    ("CYMEQBREAKER", "BREAKER"),
    ("CYMEQSECTIONALIZER", "SECTIONALIZER"),
];

/// The rest of the catalogue of switching devices.
const CATALOGUE_MORE: [(&str, &str); 3] =
    [("CYMEQNETWORKPROTECTOR", "NETWORKPROTECTOR"), ("CYMEQLVCB", "LVCB"), ("CYMEQMISCELLANEOUS", "MISCELLANEOUS")];

/// Spot and distributed load by the integer of their kind.
const SPOT_LOAD: i64 = 20;
const DISTRIBUTED_LOAD: i64 = 21;

/// What a database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holds {
    pub network: bool,
    pub catalogue: bool,
}

/// Reads a study from its database and makes a network of it.
///
/// `path` is the database, packed with gzip or not. If it holds only a network or only a catalogue, the other half is looked for among
/// the databases in the same folder.
///
/// # Errors
/// Findings: a file that is not a database of this kind, is behind a password or damaged, lacks its other half, or holds no network.
pub fn read(files: &dyn FileSource, path: &Path, options: &Options) -> Result<Imported, ImportError> {
    let (model, report) = read_model(files, path)?;
    lower(&model, options, report)
}

/// The study of a database as it is written, before a network is made of it.
pub fn read_model(files: &dyn FileSource, path: &Path) -> Result<(Model, super::lower::CarrierReport), ImportError> {
    let mut first = open(files, path)?;
    let holds = require(&mut first)?;
    if holds.network && holds.catalogue {
        return fill(vec![first]);
    }
    let other = other_half(files, path, holds)?;
    let both = if holds.network { vec![first, other] } else { vec![other, first] };
    fill(both)
}

fn open(files: &dyn FileSource, path: &Path) -> Result<Database, ImportError> {
    let name: Arc<str> = Arc::from(path.to_string_lossy());
    let bytes = files.read(path).map_err(|e| {
        Diagnostic::error("CYME.FILE.MISSING", "a file of the study cannot be read")
            .at(&SourceRef::new(name.clone(), 0))
            .detail(format!("{e}."))
            .hint("correct the path")
    })?;
    Database::open(bytes, &name, MdbLimits::default())
}

/// Makes sure that a database is one of CYME's, of a version that is known, and says which half of a study it holds.
///
/// Every such database has all tables, used or not, so that a half is told by rows and not by tables.
fn require(database: &mut Database) -> Result<Holds, ImportError> {
    let at = SourceRef::new(database.file().clone(), 0);
    let has_network_tables = database.has("CYMNETWORK");
    let has_catalogue_tables = database.names().iter().any(|n| n.starts_with("CYMEQ"));
    let mut missing = Vec::new();
    if !database.has("CYMSCHEMAVERSION") {
        missing.push("CYMSCHEMAVERSION");
    }
    if !has_network_tables && !has_catalogue_tables {
        missing.push("CYMNETWORK or any CYMEQ table");
    }
    if !missing.is_empty() {
        let tables = database.names();
        return Err(Diagnostic::error("CYME.MDB.NOT_CYME", "the database lacks tables that every CYME database has")
            .at(&at)
            .detail(format!(
                "Missing: {}. Its catalogue lists {} tables{}.",
                missing.join("; "),
                tables.len(),
                if tables.iter().any(|t| t.starts_with("CYM")) { "" } else { ", none of CYME's" }
            ))
            .hint("if it is CYME's, it is damaged: a copy that was treated as text loses bytes; copy it again as binary data")
            .into());
    }
    let versions = database.rows("CYMSCHEMAVERSION")?;
    let known = versions.rows.iter().filter_map(|r| r.get("Version")?.parse::<i64>().ok()).any(|v| (30_000..130_000).contains(&v));
    if !known {
        let found: Vec<String> = versions.rows.iter().filter_map(|r| r.get("Version")).collect();
        return Err(Diagnostic::error("CYME.MDB.VERSION", "the database is of an unknown version")
            .at(&SourceRef::new(format!("{}#CYMSCHEMAVERSION", database.file()), 0))
            .detail(match found.is_empty() {
                true => "CYMSCHEMAVERSION tells no version; 30000 to 129999 are known, 50401 stands for 5.04.".to_owned(),
                false => format!("CYMSCHEMAVERSION tells {}; 30000 to 129999 are known, 50401 stands for 5.04.", found.join(", ")),
            })
            .hint("export the study as text or as a self-contained study")
            .into());
    }
    let network = has_network_tables && !database.rows("CYMSECTION")?.rows.is_empty();
    let catalogue = ["CYMEQCONDUCTOR", "CYMEQOVERHEADLINE", "CYMEQCABLE", "CYMEQTRANSFORMER", "CYMEQOVERHEADLINEUNBALANCED"];
    let mut has_catalogue = false;
    for table in catalogue {
        has_catalogue = has_catalogue || !database.rows(table)?.rows.is_empty();
    }
    if !network && !has_catalogue {
        return Err(Diagnostic::error("CYME.MDB.EMPTY", "the database holds neither a section nor equipment")
            .at(&at)
            .hint("name the database that the study uses; CYME makes empty ones as templates")
            .into());
    }
    Ok(Holds { network, catalogue: has_catalogue })
}

/// Databases of a folder looked at for the other half of a study.
const NEIGHBOURS_MAX: usize = 50;

fn other_half(files: &dyn FileSource, path: &Path, holds: Holds) -> Result<Database, ImportError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let own = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut names = files.list_dir(folder).unwrap_or_default();
    names.sort();
    let candidates = names.iter().filter(|n| {
        let lower = n.to_ascii_lowercase();
        **n != own && (lower.ends_with(".mdb") || lower.ends_with(".mdb.gz") || lower.ends_with(".accdb"))
    });
    let mut found: Vec<(PathBuf, Database)> = Vec::new();
    for name in candidates.take(NEIGHBOURS_MAX) {
        let candidate = folder.join(name);
        let Ok(mut database) = open(files, &candidate) else { continue };
        if let Ok(other) = require(&mut database)
            && ((holds.network && other.catalogue && !other.network) || (holds.catalogue && other.network && !other.catalogue))
        {
            found.push((candidate, database));
        }
    }
    let (has, lacks) = if holds.network { ("a network", "catalogue") } else { ("a catalogue", "network") };
    let at = SourceRef::new(path.to_string_lossy(), 0);
    if found.len() > 1 {
        let names: Vec<String> = found.iter().map(|(p, _)| p.display().to_string()).collect();
        return Err(Diagnostic::error("CYME.MDB.HALF_AMBIGUOUS", "several databases could be the other half of the study")
            .at(&at)
            .detail(format!("It holds {has}; the {lacks} could be {}.", names.join(" or ")))
            .hint("put the two databases of the study alone into a folder")
            .into());
    }
    found.pop().map(|(_, database)| database).ok_or_else(|| {
        Diagnostic::error("CYME.MDB.HALF_MISSING", "the other half of the study is missing")
            .at(&at)
            .detail(format!("The database holds {has} and no {lacks}, and no database in its folder does."))
            .hint("put the network database and the equipment database of the study into one folder")
            .into()
    })
}

/// Where a device sits.
#[derive(Clone, Debug)]
struct Place {
    kind: Option<i64>,
    section: String,
    location: Option<String>,
}

/// Places of devices by network and device number.
type Places = HashMap<(String, String), Vec<Place>>;

/// Reads rows of tables from whichever of the databases has them.
struct Tables {
    databases: Vec<Database>,
    read: HashSet<String>,
}

impl Tables {
    /// The rows of a table in all databases, with a warning for those that cannot be read.
    fn rows(&mut self, table: &str, filler: &mut Filler) -> Result<Vec<Row>, ImportError> {
        let mut rows = Vec::new();
        for database in &mut self.databases {
            let found = database.rows(table)?;
            if found.unreadable > 0 {
                filler.note(
                    Diagnostic::error("CYME.MDB.ROWS_DAMAGED", "rows of a table cannot be read")
                        .at(&SourceRef::new(format!("{}#{table}", database.file()), 0))
                        .detail(format!("{} of {} rows are damaged and left out.", found.unreadable, found.unreadable + found.rows.len()))
                        .hint("compact and repair the database with Access, or export it again"),
                );
            }
            rows.extend(found.rows);
        }
        if !rows.is_empty() {
            filler.count(table, rows.len());
        }
        self.read.insert(table.to_owned());
        Ok(rows)
    }
}

fn fill(databases: Vec<Database>) -> Result<(Model, super::lower::CarrierReport), ImportError> {
    let mut filler = Filler::new(Units::default());
    let mut tables = Tables { databases, read: HashSet::new() };
    version(&mut tables, &mut filler)?;
    topology(&mut tables, &mut filler)?;
    let places = places(&mut tables, &mut filler)?;
    devices(&mut tables, &mut filler, &places)?;
    for (table, section) in [
        ("CYMCONSUMERCLASS", "CUSTOMER CLASS"),
        ("CYMLOADMODEL", "LOAD MODEL INFORMATION"),
        ("CYMAUTOTAPCHANGINGEXTST", "AUTO TAP CHANGING EXTENSION"),
    ] {
        for row in tables.rows(table, &mut filler)? {
            let mut fields = fields_of(&row);
            for (name, of) in [
                ("ActivationDelayFirstTap", "ActivationDelayFirstTap_s"),
                ("ActivationDelaySubTap", "ActivationDelaySubTaps_s"),
                ("MechanismDelay", "MechanismDelay_s"),
            ] {
                fields.also(name, of);
            }
            filler.add(section, &fields);
        }
    }
    equivalent_loads(&mut tables, &mut filler)?;
    catalogue(&mut tables, &mut filler)?;
    left_out(&mut tables, &mut filler)?;
    Ok(filler.finish())
}

/// All columns of a row under their own names.
fn fields_of(row: &Row) -> Fields {
    let mut fields = Fields::new(row.source());
    for (name, value) in row.named() {
        fields.put(name, &value);
    }
    fields
}

fn version(tables: &mut Tables, filler: &mut Filler) -> Result<(), ImportError> {
    for row in tables.rows("CYMSCHEMAVERSION", filler)? {
        let Some(number) = row.get("Version").and_then(|v| v.parse::<i64>().ok()) else { continue };
        let version = format!("{}.{:02}", number / 10_000, number / 100 % 100);
        if filler.model.version.is_empty() {
            if number / 10_000 != 5 {
                filler.note(
                    Diagnostic::note("CYME.MDB.VERSION_UNTRIED", "the layout of this version has not been tried")
                        .at(&row.source())
                        .detail(format!("The database is of version {version}; 5.04 has been. Columns are found by name."))
                        .hint("compare the counts of records with those of the study"),
                );
            }
            filler.model.version = version;
        }
    }
    Ok(())
}

fn topology(tables: &mut Tables, filler: &mut Filler) -> Result<(), ImportError> {
    let heads = tables.rows("CYMHEADNODE", filler)?;
    let head_of: HashMap<String, String> = heads.iter().filter_map(|r| Some((r.get("NetworkId")?, r.get("NodeId")?))).collect();
    for row in tables.rows("CYMNETWORK", filler)? {
        let mut fields = fields_of(&row);
        if let Some(head) = row.get("NetworkId").and_then(|id| head_of.get(&id)) {
            fields.put("HeadNodeID", head);
        }
        // 0 is a feeder; the other integers are not known, so they stay.
        if fields.get("NetworkType") == Some("0") {
            fields.set("NetworkType", "FEEDER");
        }
        filler.add("FEEDER", &fields);
    }
    for row in heads {
        filler.add("HEADNODES", &fields_of(&row));
    }
    let mut bars: HashMap<(Option<String>, String), Row> = HashMap::new();
    for row in tables.rows("CYMBUSDISPLAY", filler)? {
        if let Some(node) = row.get("NodeId") {
            bars.insert((row.get("NetworkId"), node), row);
        }
    }
    for row in tables.rows("CYMNODE", filler)? {
        let mut fields = fields_of(&row);
        if let Some(bar) = row.get("NodeId").and_then(|node| bars.get(&(row.get("NetworkId"), node))) {
            for (name, column) in [("CoordX1", "X1"), ("CoordY1", "Y1"), ("CoordX2", "X2"), ("CoordY2", "Y2")] {
                fields.put(name, &bar.get(column).unwrap_or_default());
            }
        }
        filler.add("NODE", &fields);
    }
    for row in tables.rows("CYMSOURCE", filler)? {
        filler.add("SOURCE", &fields_of(&row));
    }
    for row in tables.rows("CYMEQUIVALENTSOURCE", filler)? {
        let mut fields = fields_of(&row);
        fields.also("LoadModelName", "LoadModelId");
        filler.add("SOURCE EQUIVALENT", &fields);
    }
    for row in tables.rows("CYMSECTION", filler)? {
        let fields = fields_of(&row);
        if let Some(missing) = ["SectionId", "FromNodeId", "ToNodeId", "Phase"].into_iter().find(|c| fields.get(c).is_none()) {
            filler.note(
                Diagnostic::error("CYME.SECTION.INCOMPLETE", "a section lacks what makes it one")
                    .at(&fields.source)
                    .detail(format!("{missing} is empty or not there."))
                    .hint("correct the section in CYME and export again"),
            );
            filler.reject(&fields, format!("{missing} is empty or not there"));
            continue;
        }
        filler.add("SECTION", &fields);
    }
    for table in ["CYMINTERMEDIATEPOINT", "CYMSECTIONPOINT"] {
        for row in tables.rows(table, filler)? {
            let mut fields = fields_of(&row);
            fields.also("SeqNumber", "PointIndex");
            filler.add("INTERMEDIATE NODES", &fields);
        }
    }
    Ok(())
}

fn places(tables: &mut Tables, filler: &mut Filler) -> Result<Places, ImportError> {
    let mut places = Places::new();
    for row in tables.rows("CYMSECTIONDEVICE", filler)? {
        let (Some(number), Some(section)) = (row.get("DeviceNumber"), row.get("SectionId")) else {
            let fields = fields_of(&row);
            filler.reject(&fields, "device number or section is empty".to_owned());
            continue;
        };
        let place = Place { kind: row.get("DeviceType").and_then(|k| k.parse().ok()), section, location: row.get("Location") };
        places.entry((row.get("NetworkId").unwrap_or_default(), number)).or_default().push(place);
    }
    Ok(places)
}

/// The integers of the kinds of devices: those known, those that the rows tell, and those that follow where a number is used once.
fn learn_kinds(rows: &[(usize, Vec<Row>)], places: &Places) -> Vec<Option<i64>> {
    let mut kinds: Vec<Option<i64>> = DEVICES.iter().map(|(_, _, kind)| *kind).collect();
    for (device, rows) in rows {
        if kinds[*device].is_some() {
            continue;
        }
        let mut votes: BTreeMap<i64, usize> = BTreeMap::new();
        for row in rows.iter().take(1000) {
            let told = row.get("DeviceType").and_then(|k| k.parse().ok());
            let only = || match places.get(&key(row)).map(Vec::as_slice) {
                Some([place]) => place.kind,
                _ => None,
            };
            if let Some(kind) = told.or_else(only) {
                *votes.entry(kind).or_default() += 1;
            }
        }
        kinds[*device] = votes.into_iter().max_by_key(|(_, n)| *n).map(|(kind, _)| kind);
    }
    kinds
}

fn key(row: &Row) -> (String, String) {
    (row.get("NetworkId").unwrap_or_default(), row.get("DeviceNumber").unwrap_or_default())
}

/// Settings of line-drop compensation and of tap changers, by network and device number.
struct Extras {
    forward: HashMap<(String, String), Row>,
    reverse: HashMap<(String, String), Row>,
    tap_changers: HashMap<(String, String), Row>,
    generation: HashSet<String>,
}

fn devices(tables: &mut Tables, filler: &mut Filler, places: &Places) -> Result<(), ImportError> {
    let mut extras = Extras { forward: HashMap::new(), reverse: HashMap::new(), tap_changers: HashMap::new(), generation: HashSet::new() };
    for row in tables.rows("CYMLDCSETTINGS", filler)? {
        let forward = row.get("Forward").is_none_or(|f| f != "0");
        if forward { &mut extras.forward } else { &mut extras.reverse }.insert(key(&row), row);
    }
    for row in tables.rows("CYMLOADTAPCHANGER", filler)? {
        extras.tap_changers.insert(key(&row), row);
    }
    let mut all: Vec<(usize, Vec<Row>)> = Vec::new();
    for (device, (table, _, _)) in DEVICES.iter().enumerate() {
        let rows = tables.rows(table, filler)?;
        if *table == "CYMDGGENERATIONMODEL" {
            extras.generation.extend(rows.iter().filter_map(|r| r.get("DeviceNumber")));
        }
        all.push((device, rows));
    }
    let kinds = learn_kinds(&all, places);
    let mut used: HashSet<(String, String, Option<i64>)> = HashSet::new();
    for (device, rows) in all {
        let (table, section, _) = DEVICES[device];
        for row in rows {
            let mut fields = fields_of(&row);
            if row.get("DeviceNumber").is_none() {
                filler.reject(&fields, "the device has no number".to_owned());
                continue;
            }
            // Records by device and not by section.
            if ["CONVERTER", "CONVERTER CONTROL SETTING", "DGGENERATIONMODEL"].contains(&section) {
                fields.also("LoadModelName", "LoadModelId");
                filler.add(section, &fields);
                continue;
            }
            let told = row.get("DeviceType").and_then(|k| k.parse().ok());
            let Some(place) = place_of(places, &row, told.or(kinds[device])) else {
                filler.note(
                    Diagnostic::warning("CYME.MDB.DEVICE_WITHOUT_SECTION", "a device sits on no section")
                        .at(&fields.source)
                        .detail(format!("CYMSECTIONDEVICE has no row for device `{}` of network `{}`.", key(&row).1, key(&row).0))
                        .hint("the device is left out and kept among the rejects"),
                );
                filler.reject(&fields, "CYMSECTIONDEVICE does not name a section for it".to_owned());
                continue;
            };
            let (network, number) = key(&row);
            used.insert((network, number, place.kind));
            fields.set("SectionID", &place.section);
            if let Some(location) = &place.location {
                fields.set("Location", location);
            }
            translate(table, &row, place, &extras, &mut fields);
            filler.add(section, &fields);
            if ["CYMPHOTOVOLTAIC", "CYMWECS"].contains(&table) && !extras.generation.contains(&key(&row).1) {
                // The database of version 5 keeps the generation with the device.
                filler.add("DGGENERATIONMODEL", &fields);
            }
        }
    }
    for table in OTHER_DEVICES {
        for row in tables.rows(table, filler)? {
            let mut fields = fields_of(&row);
            let Some(place) = place_of(places, &row, None) else {
                filler.reject(&fields, "CYMSECTIONDEVICE does not name a section for it".to_owned());
                continue;
            };
            let (network, number) = key(&row);
            used.insert((network, number, place.kind));
            fields.set("SectionID", &place.section);
            filler.add_other(table.strip_prefix("CYM").unwrap_or(table), fields);
        }
    }
    without_record(filler, places, &used);
    Ok(())
}

/// The place of a device. Where its number is used by several kinds of devices, the kind decides.
fn place_of<'a>(places: &'a Places, row: &Row, kind: Option<i64>) -> Option<&'a Place> {
    let found = places.get(&key(row))?;
    match found.as_slice() {
        [only] => Some(only),
        several => several.iter().find(|p| kind.is_some() && p.kind == kind),
    }
}

/// Devices on sections of which no table has a record.
fn without_record(filler: &mut Filler, places: &Places, used: &HashSet<(String, String, Option<i64>)>) {
    let mut missing: Vec<(&str, &str, Option<i64>, &str)> = places
        .iter()
        .flat_map(|((network, number), places)| places.iter().map(move |p| (network.as_str(), number.as_str(), p.kind, p.section.as_str())))
        .filter(|(network, number, kind, _)| !used.contains(&((*network).to_owned(), (*number).to_owned(), *kind)))
        .collect();
    missing.sort_unstable();
    let Some((network, number, kind, section)) = missing.first() else { return };
    filler.note(
        Diagnostic::warning("CYME.MDB.DEVICE_WITHOUT_RECORD", "devices on sections have no record of their own")
            .detail(format!(
                "{} in all; the first is `{number}` on section `{section}` of network `{network}`, kind {}.",
                missing.len(),
                kind.map_or("not told".to_owned(), |k| k.to_string())
            ))
            .hint("their tables are empty or of a kind that is not read; such sections conduct as if the devices were not there"),
    );
}

/// Puts what the database writes otherwise under the names and codes of the text format.
fn translate(table: &str, row: &Row, place: &Place, extras: &Extras, fields: &mut Fields) {
    match table {
        "CYMSWITCH" | "CYMFUSE" | "CYMRECLOSER" | "CYMBREAKER" | "CYMSECTIONALIZER" | "CYMNETWORKPROTECTOR" | "CYMLVCB" => {
            turn_normal_status(fields)
        }
        "CYMLOAD" | "CYMCUSTOMERLOAD" => {
            let kind = row.get("DeviceType").and_then(|k| k.parse().ok()).or(place.kind);
            match kind {
                Some(SPOT_LOAD) => fields.set("LoadType", "SPOT"),
                Some(DISTRIBUTED_LOAD) => fields.set("LoadType", "DISTRIBUTED"),
                _ => fields,
            };
        }
        "CYMREGULATOR" => {
            if let Some(forward) = extras.forward.get(&key(row)) {
                for (name, column) in [
                    ("VsetA", "SetVoltageA"),
                    ("VsetB", "SetVoltageB"),
                    ("VsetC", "SetVoltageC"),
                    ("RsetA", "RsetA"),
                    ("RsetB", "RsetB"),
                    ("RsetC", "RsetC"),
                    ("XsetA", "XsetA"),
                    ("XsetB", "XsetB"),
                    ("XsetC", "XsetC"),
                ] {
                    fields.put(name, &forward.get(column).unwrap_or_default());
                }
            }
            if let Some(reverse) = extras.reverse.get(&key(row)) {
                for (name, column) in [("RevVsetA", "SetVoltageA"), ("RevRsetA", "RsetA"), ("RevXsetA", "XsetA")] {
                    fields.put(name, &reverse.get(column).unwrap_or_default());
                }
            }
        }
        "CYMTRANSFORMER" => {
            if fields.get("OpenYDConfiguration") == Some("0") {
                fields.set("OpenYDConfiguration", "NONE");
            }
            if let Some(changer) = extras.tap_changers.get(&key(row)) {
                for (name, column) in [
                    ("SettingOption", "SettingOption"),
                    ("SetPoint", "SetPoint"),
                    ("ControlType", "ControlType"),
                    ("LowerBandWidth", "LowerBandwidth"),
                    ("UpperBandWidth", "UpperBandwidth"),
                    ("TapLocation", "TapLocation"),
                    ("InitialTapPosition", "InitialTapPosition"),
                    ("Tap", "TapSetting"),
                    ("MaxBuck", "Buck"),
                    ("MaxBoost", "Boost"),
                    ("CT", "CTPrimaryRating"),
                    ("PT", "PTRatio"),
                    ("Rset", "RSetting"),
                    ("Xset", "XSetting"),
                    ("PhaseON", "ControlStatus"),
                ] {
                    fields.put(name, &changer.get(column).unwrap_or_default());
                }
            }
        }
        "CYMTRANSFORMERBYPHASE" => {
            for (name, of) in [
                ("FromNodeID", "FeedingNode"),
                ("RgPrim", "PrimaryRg"),
                ("XgPrim", "PrimaryXg"),
                ("RgSec", "SecondaryRg"),
                ("XgSec", "SecondaryXg"),
            ] {
                fields.also(name, of);
            }
        }
        "CYMGROUNDINGTRANSFORMER" => {
            fields.also("Rg", "Rg_ohms").also("Xg", "Xg_ohms");
        }
        "CYMTHREEWINDINGTRANSFORMER" | "CYMTHREEWINDAUTOTRANSFORMER" => {
            for (name, of) in [
                ("PrimaryBaseVoltage", "SystemBaseVoltage_Primary"),
                ("SecondaryBaseVoltage", "SystemBaseVoltage_Secondary"),
                ("TertiaryBaseVoltage", "SystemBaseVoltage_Tertiary"),
            ] {
                fields.also(name, of);
            }
        }
        "CYMELECCONVERTERGENERATOR" | "CYMSYNCHRONOUSGENERATOR" | "CYMINDUCTIONGENERATOR" => rename_generator(fields),
        _ => {}
    }
}

/// Loads that stand for what hangs on a head node beyond the study. They are zero in ordinary studies.
fn equivalent_loads(tables: &mut Tables, filler: &mut Filler) -> Result<(), ImportError> {
    for row in tables.rows("CYMEQUIVALENTLOAD", filler)? {
        let values = ["LoadValueA1", "LoadValueA2", "LoadValueB1", "LoadValueB2", "LoadValueC1", "LoadValueC2"];
        let active = values.iter().filter_map(|c| row.get(c)).any(|v| v.parse::<f64>() != Ok(0.0));
        if !active {
            continue;
        }
        let fields = fields_of(&row);
        filler.dropped(
            "CYMEQUIVALENTLOAD.LoadValue",
            "a load at the head node that stands for what is not in the study is not modelled",
            1,
            Some(&fields.source),
        );
        filler.note(
            Diagnostic::warning("CYME.LOAD.EQUIVALENT_LEFT_OUT", "the head node carries an equivalent load that is not modelled")
                .at(&fields.source)
                .detail(format!("Node `{}`.", row.get("NodeId").unwrap_or_default()))
                .hint("the source's power is lower by it; voltages behind an ideal source are not changed"),
        );
        filler.reject(&fields, "an equivalent load at a head node is not modelled".to_owned());
    }
    Ok(())
}

fn catalogue(tables: &mut Tables, filler: &mut Filler) -> Result<(), ImportError> {
    let mut changers: HashMap<(String, Option<String>), Row> = HashMap::new();
    for row in tables.rows("CYMEQLOADTAPCHANGER", filler)? {
        if let Some(id) = row.get("EquipmentId") {
            changers.insert((id, row.get("EquipmentType")), row);
        }
    }
    let mut neutrals: HashMap<String, Row> = HashMap::new();
    for row in tables.rows("CYMEQMULTIWIRECONCNEUTCONFIG", filler)? {
        if let Some(id) = row.get("EquipmentId") {
            neutrals.insert(id, row);
        }
    }
    for (table, section) in CATALOGUE.into_iter().chain(CATALOGUE_MORE) {
        for row in tables.rows(table, filler)? {
            let mut fields = fields_of(&row);
            match section {
                "TRANSFORMER" | "AUTOTRANSFORMER" => {
                    // 1 is one phase and 2 three; the text format of version 5 writes the number of phases.
                    if fields.get("PhaseType") == Some("2") {
                        fields.set("PhaseType", "3");
                    }
                    if section == "TRANSFORMER" {
                        tap_changer(&row, &changers, &mut fields);
                    }
                    if section == "AUTOTRANSFORMER" {
                        fields.also("Rg", "GroundingResistanceOhms").also("Xg", "GroundingReactanceOhms");
                    }
                }
                "THREE WINDING TRANSFORMER" => rename_three_winding(&mut fields),
                "GROUNDING TRANSFORMER" => {
                    fields.also("RatedCapacity", "RatedCapacity_kva").also("RatedVoltage", "RatedVoltage_kv");
                }
                "SUBSTATION" => {
                    fields.also("PhaseAngle", "VoltagePhaseAngle").also("Conn", "SourceConfiguration");
                }
                "CABLE" => {
                    if let Some(neutral) = row.get("EquipmentId").and_then(|id| neutrals.get(&id)) {
                        for (name, column) in [
                            ("PhaseCondID", "PhaseConductorId"),
                            ("NeutralCondID", "NeutralConductorId"),
                            ("NeutralWires", "NumberOfNeutralWire"),
                            ("InsulationDielectricConst", "InsulationDielectricConstant"),
                            ("InsulationDiameter", "InsulationDiameter"),
                        ] {
                            fields.put(name, &neutral.get(column).unwrap_or_default());
                        }
                    }
                }
                "ELECTRONIC CONVERTER GENERATOR" | "SYNCHRONOUS GENERATOR" | "INDUCTION GENERATOR" => rename_generator(&mut fields),
                "INDUCTION MOTOR" | "SYNCHRONOUS MOTOR" => {
                    fields.also("Efficiency", "EfficiencyPercent");
                }
                _ => {}
            }
            filler.add(section, &fields);
        }
    }
    spacings(tables, filler)
}

/// The tap changer of a transformer of the catalogue: the entry of its identity; of several kinds of equipment, the only one.
fn tap_changer(row: &Row, changers: &HashMap<(String, Option<String>), Row>, fields: &mut Fields) {
    let Some(id) = row.get("EquipmentId") else { return };
    let mut found = changers.iter().filter(|((name, _), _)| *name == id).map(|(_, row)| row);
    let (Some(changer), None) = (found.next(), found.next()) else { return };
    fields.put("IsLTC", "1");
    for (name, column) in [
        ("Taps", "NumberOfTaps"),
        ("LowerBandwidth", "LowerBandwidth"),
        ("UpperBandwidth", "UpperBandwidth"),
        ("MinReg_Range", "MinimumRegulationRange"),
        ("MaxReg_Range", "MaximumRegulationRange"),
    ] {
        fields.put(name, &changer.get(column).unwrap_or_default());
    }
}

/// The integer of spacings of single lines in the table of arrangements; double circuits have another.
const SPACING_KIND: &str = "32";

/// Beginnings of the columns of positions at which a spacing has no conductor: the database holds zeros there, the text format nothing.
fn positions_without_conductor(arrangement: &Row) -> Vec<&'static str> {
    let count = |column: &str| arrangement.get(column).and_then(|n| n.parse::<f64>().ok());
    let mut unused = Vec::new();
    if let Some(phases) = count("NbPhasesPerCircuit") {
        let behind = |n: f64| phases < n;
        unused.extend([("conductorb_", 2.0), ("conductorc_", 3.0)].into_iter().filter(|(_, n)| behind(*n)).map(|(start, _)| start));
    }
    if let Some(neutrals) = count("NbNeutrals") {
        unused.extend(
            [("neutralconductor_", 1.0), ("conductor_n2_", 2.0)].into_iter().filter(|(_, n)| neutrals < *n).map(|(start, _)| start),
        );
    }
    unused
}

fn spacings(tables: &mut Tables, filler: &mut Filler) -> Result<(), ImportError> {
    let mut arranged: HashMap<String, Vec<Row>> = HashMap::new();
    for row in tables.rows("CYMEQGEOMETRICALARRANGEMENT", filler)? {
        if let Some(id) = row.get("EquipmentId") {
            arranged.entry(id).or_default().push(row);
        }
    }
    let mut averaged: HashMap<String, Row> = HashMap::new();
    for row in tables.rows("CYMEQAVERAGEGEOARRANGEMENT", filler)? {
        if let Some(id) = row.get("EquipmentId") {
            averaged.insert(id, row);
        }
    }
    for row in tables.rows("CYMEQOVERHEADSPACINGOFCOND", filler)? {
        let Some(id) = row.get("EquipmentId") else { continue };
        let mut fields = fields_of(&row);
        let flag = |column: &str| row.get(column).is_none_or(|f| f != "0");
        if flag("HasGeometricalArrangement")
            && let Some(rows) = arranged.get(&id)
        {
            let of_kind = rows.iter().find(|r| r.get("EquipmentType").as_deref() == Some(SPACING_KIND));
            if let Some(arrangement) = of_kind.or(if rows.len() == 1 { rows.first() } else { None }) {
                let unused = positions_without_conductor(arrangement);
                for (name, value) in arrangement.named() {
                    if name != "equipmentid" && !unused.iter().any(|start| name.starts_with(start)) {
                        fields.put(name, &value);
                    }
                }
            }
        }
        if flag("HasAverageGeoArrangement")
            && let Some(average) = averaged.get(&id)
        {
            for (name, column) in [
                ("GMDPh-Ph", "GMDPhaseToPhase"),
                ("GMDPh-N", "GMDPhaseToNeutral"),
                ("AvgPhCondHeight", "AveragePhaseConductorHeight"),
                ("AvgNeutralHeight", "AverageNeutralConductorHeight"),
            ] {
                fields.put(name, &average.get(column).unwrap_or_default());
            }
        }
        filler.add("SPACING TABLE FOR LINE", &fields);
    }
    Ok(())
}

/// Tables with rows that the import does not read: dropped, by table.
fn left_out(tables: &mut Tables, filler: &mut Filler) -> Result<(), ImportError> {
    for at in 0..tables.databases.len() {
        let names: Vec<String> = tables.databases[at].names().into_iter().filter(|n| n.starts_with("CYM")).map(str::to_owned).collect();
        for name in names {
            if tables.read.contains(&name) || name == "CYMSCHEMATABLE" {
                continue;
            }
            let n = tables.databases[at].row_count(&name)?;
            if n > 0 {
                let source = SourceRef::new(format!("{}#{name}", tables.databases[at].file()), 0);
                filler.dropped(
                    &name,
                    "the table carries display, protection, harmonics or dynamics, none of which the power flow uses",
                    n,
                    Some(&source),
                );
                filler.count(&name, n);
            }
        }
    }
    Ok(())
}

/// True for bytes that are an Access database.
pub fn is_mdb(bytes: &[u8]) -> bool {
    looks_like_database(bytes)
}
