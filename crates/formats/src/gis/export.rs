//! A network as GeoJSON and as plain tables, and back.
//!
//! Both carriers hold the same rows. Every field of an element that is a single value has a column of its own, under the
//! field's name (`common.` is left out); terminals are `bus1`, `nodes1`, `open1` and so on, with buses by their names; what
//! is a list or a record is one JSON text, in the column `data`. A column is never there twice: what is changed in it is
//! what is read. Numbers are written with as many digits as give the same number again.
//!
//! ```text
//! tables   network.csv (field, value)   buses.csv   lines.csv  loads.csv … (one a class)   line_codes.csv … (catalogues)
//! GeoJSON  one FeatureCollection: a feature for each bus, element and asset with its row as properties,
//!          "gridtwin": network.csv and the catalogues
//! ```
//!
//! Ids within a row (a load's shape, a line's code) are numbers of rows of the catalogue, counted from 0; the column
//! `index` of each file is checked against the row's own number, so that a removed row is found. What is written is read
//! back and compared before it is handed out: a network that does not survive (a number that is not finite) is an error.

use super::layer::shorten;
use crate::table::{self, Table, TableOptions};
use crate::{FileSource, ImportError};
use network::{BusId, Diagnostic, Imported, Network, SourceRef};
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::path::Path;

/// Version of both carriers.
pub const EXPORT_VERSION: u64 = 1;

/// What [`write_csv`] gives.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenFile {
    pub name: String,
    pub text: String,
}

/// Fields of a network that hold vectors of elements, with the name of their class.
const CLASSES: &[&str] = &[
    "voltage_sources",
    "current_sources",
    "lines",
    "transformers",
    "capacitors",
    "reactors",
    "faults",
    "gic_transformers",
    "gic_lines",
    "loads",
    "generators",
    "pv_systems",
    "storages",
    "induction_machines",
    "regulator_controls",
    "capacitor_controls",
    "inverter_controls",
    "exponential_controls",
    "storage_controllers",
    "switch_controls",
    "fuses",
    "relays",
    "reclosers",
    "monitors",
    "energy_meters",
    "sensors",
    "unmodelled",
    "ac_branches",
    "power_transformers",
    "power_loads",
    "fixed_shunts",
    "machines",
    "switched_shunts",
    "two_terminal_dcs",
    "vsc_dcs",
    "multi_terminal_dcs",
    "facts_devices",
    "power_motors",
];

/// Fields of a network that hold catalogues.
const CATALOGUES: &[&str] = &[
    "line_codes",
    "line_geometries",
    "line_spacings",
    "conductors",
    "transformer_codes",
    "load_shapes",
    "temperature_shapes",
    "price_shapes",
    "growth_shapes",
    "xy_curves",
    "tcc_curves",
    "spectra",
];

/// One row: columns by name, in order.
type Row = Map<String, Json>;

/// All rows of a network.
struct Rows {
    /// `network`, then one entry for each class, catalogue, `buses` and `assets` that has rows.
    network: Row,
    tables: Vec<(String, Vec<Row>)>,
}

fn refuse(what: String) -> ImportError {
    Diagnostic::error("GIS.EXPORT.REFUSED", what)
        .hint("Numbers have to be finite to be written; the checks of the network name the element.")
        .into()
}

fn object(value: Json, what: &str) -> Result<Row, ImportError> {
    match value {
        Json::Object(map) => Ok(map),
        _ => Err(refuse(format!("{what} is no record"))),
    }
}

fn is_single(value: &Json) -> bool {
    matches!(value, Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_))
}

/// Nodes as `1.2.3`.
fn node_text(nodes: &Json) -> String {
    nodes.as_array().into_iter().flatten().map(|n| n.to_string()).collect::<Vec<_>>().join(".")
}

/// The row of an element.
fn element_row(element: Json, index: usize, order: Option<usize>, network: &Network) -> Result<Row, ImportError> {
    let mut element = object(element, "an element")?;
    let mut row = Row::new();
    let mut data = Row::new();
    row.insert("index".into(), index.into());
    if let Some(order) = order {
        row.insert("order".into(), order.into());
    }
    if let Some(common) = element.shift_remove("common") {
        for (key, value) in object(common, "the common part of an element")? {
            match (key.as_str(), value) {
                ("terminals", Json::Array(terminals)) => {
                    for (k, t) in terminals.into_iter().enumerate() {
                        let t = object(t, "a terminal")?;
                        let bus = t.get("bus").and_then(Json::as_u64).and_then(|b| network.buses.get(b as usize));
                        let bus = bus.ok_or_else(|| refuse("a terminal is at a bus that is not there".into()))?;
                        row.insert(format!("bus{}", k + 1), bus.name.clone().into());
                        row.insert(format!("nodes{}", k + 1), node_text(t.get("nodes").unwrap_or(&Json::Null)).into());
                        let closed: Vec<bool> =
                            t.get("closed").and_then(Json::as_array).into_iter().flatten().map(|c| c.as_bool() == Some(true)).collect();
                        let open = match closed.iter().all(|c| *c) {
                            true => Json::Null,
                            false => Json::String(closed.iter().map(|c| if *c { 'c' } else { 'o' }).collect()),
                        };
                        row.insert(format!("open{}", k + 1), open);
                    }
                }
                ("source", Json::Object(source)) => {
                    row.insert("source_file".into(), source.get("file").cloned().unwrap_or(Json::Null));
                    row.insert("source_line".into(), source.get("line").cloned().unwrap_or(Json::Null));
                }
                // No feeder is an empty cell.
                ("feeder", Json::String(text)) if text.is_empty() => {
                    row.insert(key, Json::Null);
                }
                (_, value) if is_single(&value) => {
                    row.insert(key, value);
                }
                (_, value) => {
                    data.insert(format!("common.{key}"), value);
                }
            }
        }
    }
    for (key, value) in element {
        if is_single(&value) {
            // A class may have a field of the name of a common one.
            let key = if row.contains_key(&key) { format!("own.{key}") } else { key };
            row.insert(key, value);
        } else {
            data.insert(key, value);
        }
    }
    row.insert("data".into(), Json::Object(data));
    Ok(row)
}

/// The element of a row.
fn element_of(mut row: Row, buses: &HashMap<String, usize>) -> Result<(Json, Option<usize>), String> {
    row.shift_remove("index");
    let order = match row.shift_remove("order") {
        None | Some(Json::Null) => None,
        Some(order) => Some(order.as_u64().ok_or("order is no number")? as usize),
    };
    let mut common = Row::new();
    let mut element = Row::new();
    let mut terminals = Vec::new();
    loop {
        let k = terminals.len() + 1;
        let Some(bus) = row.shift_remove(&format!("bus{k}")) else { break };
        let nodes = row.shift_remove(&format!("nodes{k}"));
        let open = row.shift_remove(&format!("open{k}"));
        let Json::String(bus) = bus else {
            // Elements of fewer terminals than others of their class.
            if bus.is_null() {
                continue_terminals(&mut row, k + 1)?;
                break;
            }
            return Err(format!("bus{k} is no name"));
        };
        let id = *buses.get(&bus.trim().to_lowercase()).ok_or_else(|| format!("there is no bus \"{}\"", shorten(&bus)))?;
        let nodes = match nodes {
            Some(Json::String(text)) if !text.is_empty() => text,
            Some(Json::Number(n)) => n.to_string(),
            _ => String::new(),
        };
        let nodes: Vec<u32> = nodes
            .split('.')
            .filter(|t| !t.is_empty())
            .map(|t| t.trim().parse().map_err(|_| format!("nodes{k} is \"{}\"", shorten(&nodes))))
            .collect::<Result<_, String>>()?;
        let open = open.and_then(|o| o.as_str().map(str::to_owned)).unwrap_or_default();
        if !open.is_empty() && (open.len() != nodes.len() || !open.bytes().all(|b| b == b'o' || b == b'c')) {
            return Err(format!("open{k} is \"{}\", which is not one of o and c for each node", shorten(&open)));
        }
        let closed: Vec<Json> = (0..nodes.len()).map(|i| Json::Bool(open.as_bytes().get(i) != Some(&b'o'))).collect();
        let mut t = Row::new();
        t.insert("bus".into(), id.into());
        t.insert("nodes".into(), nodes.into());
        t.insert("closed".into(), closed.into());
        terminals.push(Json::Object(t));
    }
    common.insert("terminals".into(), Json::Array(terminals));
    let mut source = Row::new();
    source.insert(
        "file".into(),
        match row.shift_remove("source_file") {
            Some(Json::String(file)) => Json::String(file),
            _ => Json::String(String::new()),
        },
    );
    source.insert(
        "line".into(),
        match row.shift_remove("source_line") {
            Some(Json::Number(line)) => Json::Number(line),
            _ => 0.into(),
        },
    );
    common.insert("source".into(), Json::Object(source));
    if let Some(data) = row.shift_remove("data") {
        let Json::Object(data) = data else { return Err("data is no JSON record".into()) };
        for (key, value) in data {
            match key.strip_prefix("common.") {
                Some(key) => common.insert(key.to_owned(), value),
                None => element.insert(key, value),
            };
        }
    }
    for (key, value) in row {
        match key.strip_prefix("own.") {
            Some(key) => put(&mut element, key, value)?,
            None if key == "feeder" && value.is_null() => put(&mut common, &key, Json::String(String::new()))?,
            None if ["name", "enabled", "n_phases", "base_frequency_hz", "spectrum", "feeder"].contains(&key.as_str()) => {
                put(&mut common, &key, value)?
            }
            None => put(&mut element, &key, value)?,
        }
    }
    element.insert("common".into(), Json::Object(common));
    Ok((Json::Object(element), order))
}

/// Columns of further terminals are empty where one is.
fn continue_terminals(row: &mut Row, from: usize) -> Result<(), String> {
    let mut k = from;
    while let Some(bus) = row.shift_remove(&format!("bus{k}")) {
        row.shift_remove(&format!("nodes{k}"));
        row.shift_remove(&format!("open{k}"));
        if !bus.is_null() {
            return Err(format!("bus{k} is given, but an earlier one is not"));
        }
        k += 1;
    }
    Ok(())
}

/// A row of a catalogue, of buses or of assets: single values in columns, the rest as JSON.
fn plain_row(value: Json, index: usize) -> Result<Row, ImportError> {
    let mut row = Row::new();
    let mut data = Row::new();
    row.insert("index".into(), index.into());
    for (key, value) in object(value, "a row")? {
        if is_single(&value) {
            row.insert(key, value);
        } else {
            data.insert(key, value);
        }
    }
    row.insert("data".into(), Json::Object(data));
    Ok(row)
}

fn plain_of(mut row: Row) -> Result<Json, String> {
    row.shift_remove("index");
    let mut value = Row::new();
    if let Some(data) = row.shift_remove("data") {
        let Json::Object(data) = data else { return Err("data is no JSON record".into()) };
        value.extend(data);
    }
    for (key, cell) in row {
        put(&mut value, &key, cell)?;
    }
    Ok(Json::Object(value))
}

/// Takes a cell over. A field that is a record in some rows and nothing in others has a column, which is empty in rows whose
/// `data` holds the record.
fn put(record: &mut Row, key: &str, cell: Json) -> Result<(), String> {
    match record.get(key) {
        Some(_) if cell.is_null() => {}
        Some(_) => return Err(format!("{key} is given in its column and in data")),
        None => {
            record.insert(key.to_owned(), cell);
        }
    }
    Ok(())
}

fn rows_of(network: &Network) -> Result<Rows, ImportError> {
    let whole = serde_json::to_value(network).map_err(|e| refuse(format!("the network cannot be written: {e}")))?;
    let mut whole = object(whole, "the network")?;
    let order: HashMap<(usize, usize), usize> =
        network.order.iter().enumerate().map(|(at, id)| ((id.kind as usize, id.index()), at)).collect();
    let mut tables = Vec::new();
    let take = |whole: &mut Row, name: &str| match whole.shift_remove(name) {
        Some(Json::Array(rows)) => rows,
        _ => Vec::new(),
    };
    let buses = take(&mut whole, "buses");
    tables.push(("buses".to_owned(), buses.into_iter().enumerate().map(|(i, b)| plain_row(b, i)).collect::<Result<Vec<_>, _>>()?));
    for (kind, class) in CLASSES.iter().enumerate() {
        let elements = take(&mut whole, class);
        let rows: Vec<Row> = elements
            .into_iter()
            .enumerate()
            .map(|(i, e)| element_row(e, i, order.get(&(kind, i)).copied(), network))
            .collect::<Result<_, _>>()?;
        if !rows.is_empty() {
            tables.push(((*class).to_owned(), rows));
        }
    }
    for name in CATALOGUES.iter().chain(&["assets"]) {
        let entries = take(&mut whole, name);
        let rows: Vec<Row> = entries.into_iter().enumerate().map(|(i, e)| plain_row(e, i)).collect::<Result<_, _>>()?;
        if !rows.is_empty() {
            tables.push(((*name).to_owned(), rows));
        }
    }
    whole.shift_remove("order");
    let mut head = Row::new();
    head.insert("version".into(), EXPORT_VERSION.into());
    head.extend(whole);
    Ok(Rows { network: head, tables })
}

/// The network of its rows. `file` and line say where a row stands.
fn network_of_rows(rows: Rows, place: &dyn Fn(&str, usize) -> SourceRef) -> Result<Network, ImportError> {
    let fault = |table: &str, i: usize, what: String| {
        ImportError::from(
            Diagnostic::error("GIS.TABLES.ROW", what).at(&place(table, i)).hint("Correct the row; docs/formats/gis.md tells the columns."),
        )
    };
    let mut head = rows.network;
    match head.shift_remove("version").and_then(|v| v.as_u64()) {
        Some(EXPORT_VERSION) => {}
        other => {
            return Err(fault(
                "network",
                0,
                format!("version {} of the tables is not known", other.map_or("none".to_owned(), |v| v.to_string())),
            ));
        }
    }
    let mut buses: HashMap<String, usize> = HashMap::new();
    if let Some((_, rows)) = rows.tables.iter().find(|(n, _)| n == "buses") {
        for (i, row) in rows.iter().enumerate() {
            let name = row.get("name").and_then(Json::as_str).ok_or_else(|| fault("buses", i, "the bus has no name".into()))?;
            if buses.insert(name.trim().to_lowercase(), i).is_some() {
                return Err(fault("buses", i, format!("a second bus is called \"{}\"", shorten(name))));
            }
        }
    }
    let mut whole = Row::new();
    let mut order: Vec<(usize, usize, usize)> = Vec::new();
    for name in ["buses", "assets"].iter().chain(CLASSES).chain(CATALOGUES) {
        whole.insert((*name).to_owned(), Json::Array(Vec::new()));
    }
    for (table, rows) in rows.tables {
        let class = CLASSES.iter().position(|c| *c == table);
        let mut values = Vec::with_capacity(rows.len());
        for (i, row) in rows.into_iter().enumerate() {
            if row.get("index").and_then(Json::as_u64) != Some(i as u64) {
                return Err(fault(&table, i, format!("its index is not {i}: a row is missing, or they are in another order")));
            }
            values.push(match class {
                Some(kind) => {
                    let (value, at) = element_of(row, &buses).map_err(|e| fault(&table, i, e))?;
                    order.push((at.unwrap_or(usize::MAX), kind, i));
                    value
                }
                None => plain_of(row).map_err(|e| fault(&table, i, e))?,
            });
        }
        whole.insert(table, Json::Array(values));
    }
    order.sort_unstable();
    let kinds: Vec<Json> = network::ElementKind::ALL.iter().map(|k| serde_json::to_value(k).unwrap_or(Json::Null)).collect();
    let ids = order.iter().filter_map(|&(_, kind, index)| {
        let mut id = Row::new();
        id.insert("kind".into(), kinds.get(kind)?.clone());
        id.insert("index".into(), index.into());
        Some(Json::Object(id))
    });
    whole.insert("order".into(), Json::Array(ids.collect()));
    whole.extend(head);
    let network: Network = serde_json::from_value(Json::Object(whole)).map_err(|e| {
        ImportError::from(
            Diagnostic::error("GIS.TABLES.VALUE", format!("the rows are no network: {e}"))
                .hint("A column is missing or holds another kind of value."),
        )
    })?;
    rebuilt(network)
}

/// The network with its index of names, every reference within it checked.
fn rebuilt(network: Network) -> Result<Network, ImportError> {
    let fault = |what: String| {
        ImportError::from(Diagnostic::error("GIS.TABLES.REFERENCE", what).hint("Numbers of rows count from 0 within their own table."))
    };
    let mut named = Network::new(network.name.clone());
    for (i, bus) in network.buses.iter().enumerate() {
        let id = named.bus_or_add(&bus.name);
        if id != BusId::from(i) {
            return Err(fault(format!("a second bus is called \"{}\"", bus.name)));
        }
    }
    // The index came with the names; all else is taken over as it is.
    let mut whole = network;
    let buses = std::mem::take(&mut whole.buses);
    named.buses = buses;
    macro_rules! take_over { ($($field:ident),* $(,)?) => { $(named.$field = std::mem::take(&mut whole.$field);)* } }
    take_over!(
        voltage_sources,
        current_sources,
        lines,
        transformers,
        capacitors,
        reactors,
        faults,
        gic_transformers,
        gic_lines,
        loads,
        generators,
        pv_systems,
        storages,
        induction_machines,
        regulator_controls,
        capacitor_controls,
        inverter_controls,
        exponential_controls,
        storage_controllers,
        switch_controls,
        fuses,
        relays,
        reclosers,
        monitors,
        energy_meters,
        sensors,
        unmodelled,
        ac_branches,
        power_transformers,
        power_loads,
        fixed_shunts,
        machines,
        switched_shunts,
        two_terminal_dcs,
        vsc_dcs,
        multi_terminal_dcs,
        facts_devices,
        power_motors,
        order,
        line_codes,
        line_geometries,
        line_spacings,
        conductors,
        transformer_codes,
        load_shapes,
        temperature_shapes,
        price_shapes,
        growth_shapes,
        xy_curves,
        tcc_curves,
        spectra,
        options,
        transmission,
        assets
    );
    references(&named).map_err(fault)?;
    Ok(named)
}

/// Ids that name nothing, found by walking what is written: field names tell which table an id is of.
fn references(network: &Network) -> Result<(), String> {
    fn walk(value: &Json, key: &str, network: &Network) -> Result<(), String> {
        let within = |n: u64, len: usize| if (n as usize) < len { Ok(()) } else { Err(format!("{key} is {n}, but there are {len} rows")) };
        match value {
            Json::Array(values) => values.iter().try_for_each(|v| walk(v, key, network)),
            Json::Object(map) => {
                if let (2, Some(kind), Some(index)) = (map.len(), map.get("kind"), map.get("index").and_then(Json::as_u64))
                    && let Ok(kind) = serde_json::from_value::<network::ElementKind>(kind.clone())
                {
                    return within(index, network.count(kind));
                }
                map.iter().try_for_each(|(k, v)| walk(v, k, network))
            }
            Json::Number(n) => {
                let Some(n) = n.as_u64() else { return Ok(()) };
                match key {
                    "spectrum" => within(n, network.spectra.len()),
                    "line_code" => within(n, network.line_codes.len()),
                    "geometry" => within(n, network.line_geometries.len()),
                    "spacing" => within(n, network.line_spacings.len()),
                    "conductor" | "conductors" => within(n, network.conductors.len()),
                    "code" => within(n, network.transformer_codes.len()),
                    "yearly" | "daily" | "duty" | "cvr_curve" | "control_signal" | "default_daily" | "default_yearly" => {
                        within(n, network.load_shapes.len())
                    }
                    "t_yearly" | "t_daily" | "t_duty" => within(n, network.temperature_shapes.len()),
                    "growth" | "default_growth" => within(n, network.growth_shapes.len()),
                    "price_curve" => within(n, network.price_shapes.len()),
                    "efficiency" | "p_t_curve" | "r_curve" | "l_curve" | "var_curve" => within(n, network.xy_curves.len()),
                    "bus" => within(n, network.buses.len()),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
    let value = serde_json::to_value(network).map_err(|e| e.to_string())?;
    let Json::Object(map) = &value else { return Ok(()) };
    // Rows of transmission cases have numbers of their own under the same names.
    map.iter().filter(|(k, _)| k.as_str() != "transmission").try_for_each(|(k, v)| walk(v, k, network))
}

fn must_survive(network: &Network, again: &Network) -> Result<(), ImportError> {
    if network == again {
        return Ok(());
    }
    let whole = |n: &Network| serde_json::to_value(n).unwrap_or_default();
    let place = difference(&whole(network), &whole(again), "network").unwrap_or_else(|| "a number that is not finite".to_owned());
    Err(refuse(format!("the network would not read back the same: {place}")))
}

/// The first place at which two values differ, and what stands there.
fn difference(a: &Json, b: &Json, path: &str) -> Option<String> {
    match (a, b) {
        (Json::Object(x), Json::Object(y)) if x.len() == y.len() => {
            x.iter().find_map(|(key, v)| difference(v, y.get(key).unwrap_or(&Json::Null), &format!("{path}.{key}")))
        }
        (Json::Array(x), Json::Array(y)) if x.len() == y.len() => {
            x.iter().zip(y).enumerate().find_map(|(i, (v, w))| difference(v, w, &format!("{path}[{i}]")))
        }
        _ => (a != b).then(|| format!("{path} is {} and would become {}", shorten(&a.to_string()), shorten(&b.to_string()))),
    }
}

/// Writes a network as tables: `network.csv`, `buses.csv`, and one file for each class and catalogue that it has.
///
/// # Errors
/// `GIS.EXPORT.REFUSED` for a network that would not read back the same.
pub fn write_csv(network: &Network) -> Result<Vec<WrittenFile>, ImportError> {
    let rows = rows_of(network)?;
    let mut files = Vec::new();
    let mut head = csv::Writer::from_writer(Vec::new());
    let io = |e: csv::Error| refuse(format!("a table cannot be written: {e}"));
    head.write_record(["field", "value"]).map_err(io)?;
    for (key, value) in &rows.network {
        head.write_record([key.as_str(), &value.to_string()]).map_err(io)?;
    }
    let text = |w: csv::Writer<Vec<u8>>| -> Result<String, ImportError> {
        let bytes = w.into_inner().map_err(|e| refuse(format!("a table cannot be written: {e}")))?;
        String::from_utf8(bytes).map_err(|e| refuse(format!("a table is no text: {e}")))
    };
    files.push(WrittenFile { name: "network.csv".into(), text: text(head)? });
    for (name, rows) in &rows.tables {
        let mut columns: Vec<&str> = Vec::new();
        let mut known: std::collections::HashSet<&str> = std::collections::HashSet::new();
        for row in rows {
            for key in row.keys().filter(|k| k.as_str() != "data") {
                if known.insert(key) {
                    columns.push(key);
                }
            }
        }
        columns.push("data");
        let mut w = csv::Writer::from_writer(Vec::new());
        w.write_record(&columns).map_err(io)?;
        for row in rows {
            let cells = columns.iter().map(|c| match row.get(*c) {
                // A list of nodes is text, though `1.2` looks like a number.
                Some(Json::String(nodes)) if c.starts_with("nodes") => nodes.clone(),
                other => cell_text(other),
            });
            w.write_record(cells).map_err(io)?;
        }
        files.push(WrittenFile { name: format!("{name}.csv"), text: text(w)? });
    }
    let memory = MemoryTables(files.iter().map(|f| (f.name.clone(), f.text.clone())).collect());
    must_survive(network, &read_csv(&memory, Path::new(""))?.network)?;
    Ok(files)
}

/// What stands in a cell. A text that would read as something else stands in quotes, as JSON has them.
fn cell_text(value: Option<&Json>) -> String {
    match value {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => {
            let ambiguous = text.is_empty()
                || text.trim() != text
                || text.starts_with(['"', '{', '['])
                || text.parse::<f64>().is_ok()
                || ["true", "false"].contains(&text.as_str());
            if ambiguous { Json::String(text.clone()).to_string() } else { text.clone() }
        }
        Some(other) => other.to_string(),
    }
}

fn cell_value(text: &str) -> Result<Json, String> {
    if text.is_empty() {
        return Ok(Json::Null);
    }
    if text.starts_with(['"', '{', '[']) {
        return serde_json::from_str(text).map_err(|e| format!("\"{}\" is no JSON: {e}", shorten(text)));
    }
    if ["true", "false"].contains(&text) || text.parse::<f64>().is_ok_and(f64::is_finite) {
        // Written by hand a number may be what JSON does not allow, such as `.5` or `+1`.
        return serde_json::from_str(text).or_else(|_| text.parse::<f64>().map(Json::from).map_err(|e| e.to_string()));
    }
    Ok(Json::String(text.to_owned()))
}

struct MemoryTables(HashMap<String, String>);

impl FileSource for MemoryTables {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        self.0.get(&name).map(|t| t.clone().into_bytes()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }

    fn list_dir(&self, _dir: &Path) -> std::io::Result<Vec<String>> {
        Ok(self.0.keys().cloned().collect())
    }
}

/// Whether a folder holds tables that [`write_csv`] wrote.
pub fn is_tables(files: &dyn FileSource, folder: &Path) -> bool {
    let there = |names: &[String], name: &str| names.iter().any(|n| n == name);
    files.list_dir(folder).is_ok_and(|names| there(&names, "network.csv") && there(&names, "buses.csv"))
}

/// Reads tables that [`write_csv`] wrote, edited perhaps.
///
/// # Errors
/// A table that is missing or does not read, with file and line.
pub fn read_csv(files: &dyn FileSource, folder: &Path) -> Result<Imported, ImportError> {
    let names = files.list_dir(folder).map_err(|e| {
        ImportError::from(Diagnostic::error("GIS.TABLES.MISSING", format!("the folder {} cannot be read: {e}", folder.display())))
    })?;
    let load = |name: &str| -> Result<Option<Table>, ImportError> {
        let file = format!("{name}.csv");
        if !names.contains(&file) {
            return Ok(None);
        }
        let options = TableOptions { delimiter: Some(','), encoding: Some("utf-8".into()), ..TableOptions::default() };
        let table = table::read(files, &folder.join(&file), &options)?;
        match table.rejects.first() {
            // A row that is put aside would move all that come after it.
            Some(reject) => {
                Err(Diagnostic::error("GIS.TABLES.ROW", reject.reason.clone()).at(&reject.source).hint("Correct the row.").into())
            }
            None => Ok(Some(table)),
        }
    };
    let missing = |name: &str| {
        ImportError::from(
            Diagnostic::error("GIS.TABLES.MISSING", format!("{name}.csv is not in {}", folder.display()))
                .hint("Name the folder that holds all tables."),
        )
    };
    let head = load("network")?.ok_or_else(|| missing("network"))?;
    let mut network = Row::new();
    for row in &head.rows {
        let [field, value] = row.cells.as_slice() else { continue };
        let value: Json = serde_json::from_str(value).map_err(|e| {
            ImportError::from(
                Diagnostic::error("GIS.TABLES.ROW", format!("the value of {} is no JSON: {e}", shorten(field))).at(&head.at(row.line)),
            )
        })?;
        network.insert(field.clone(), value);
    }
    let mut imported = Imported::default();
    let mut tables = Vec::new();
    let mut places: HashMap<String, (String, Vec<u32>)> = HashMap::new();
    for name in ["buses"].iter().chain(CLASSES).chain(CATALOGUES).chain(&["assets"]) {
        let Some(table) = load(name)? else {
            if *name == "buses" {
                return Err(missing("buses"));
            }
            continue;
        };
        let mut rows = Vec::with_capacity(table.rows.len());
        for r in &table.rows {
            let mut row = Row::new();
            for (header, cell) in table.headers.iter().zip(&r.cells) {
                let value =
                    cell_value(cell).map_err(|e| ImportError::from(Diagnostic::error("GIS.TABLES.ROW", e).at(&table.at(r.line))))?;
                // An absent field and an empty one read alike: both are none. Nodes are text whatever they look like.
                row.insert(
                    header.clone(),
                    if header.starts_with("nodes") && !cell.is_empty() { Json::String(cell.trim_matches('"').to_owned()) } else { value },
                );
            }
            rows.push(row);
        }
        imported.counts.push(((*name).to_owned(), rows.len()));
        places.insert((*name).to_owned(), (table.name.clone(), table.rows.iter().map(|r| r.line).collect()));
        tables.push(((*name).to_owned(), rows));
    }
    let place = |table: &str, i: usize| match places.get(table) {
        Some((file, lines)) => SourceRef::new(file.as_str(), lines.get(i).copied().unwrap_or(0)),
        None => SourceRef::new(head.name.as_str(), 1),
    };
    imported.network = network_of_rows(Rows { network, tables }, &place)?;
    Ok(imported)
}

/// The geometry of a feature: a point, a line, or none.
fn geometry(points: &[(f64, f64)]) -> Json {
    let coordinate = |p: &(f64, f64)| Json::from(vec![p.0, p.1]);
    match points {
        [] => Json::Null,
        [p] => serde_json::json!({"type": "Point", "coordinates": coordinate(p)}),
        line => serde_json::json!({"type": "LineString", "coordinates": line.iter().map(coordinate).collect::<Vec<_>>()}),
    }
}

/// Writes a network as one GeoJSON text.
///
/// Buses are points, lines and what else has two places are lines (their route, or straight), everything else stands at
/// its bus; what has no place has no geometry, which RFC 7946 allows.
///
/// # Errors
/// As [`write_csv`].
pub fn write_geojson(network: &Network) -> Result<String, ImportError> {
    let rows = rows_of(network)?;
    let place = |id: BusId| network.buses.get(id.index()).and_then(|b| b.latitude_longitude_deg).map(|(lat, lon)| (lon, lat));
    let shape = |table: &str, i: usize| -> Vec<(f64, f64)> {
        match table {
            "buses" => network.buses.get(i).and_then(|b| b.latitude_longitude_deg).map(|(lat, lon)| (lon, lat)).into_iter().collect(),
            "assets" => network.assets.get(i).map(|a| a.route.iter().map(|p| (p.lon_deg, p.lat_deg)).collect()).unwrap_or_default(),
            _ => {
                let Some(kind) = CLASSES.iter().position(|c| *c == table).and_then(|k| network::ElementKind::ALL.get(k)) else {
                    return Vec::new();
                };
                let common = network.common(network::ElementId::new(*kind, i));
                if common.route.len() >= 2 {
                    return common.route.iter().map(|p| (p.lon_deg, p.lat_deg)).collect();
                }
                let mut points: Vec<(f64, f64)> = common.terminals.iter().filter_map(|t| place(t.bus)).collect();
                points.dedup();
                points.truncate(2);
                points
            }
        }
    };
    let mut features = Vec::new();
    let mut catalogues = Row::new();
    for (name, rows) in &rows.tables {
        if CATALOGUES.contains(&name.as_str()) {
            catalogues.insert(name.clone(), Json::Array(rows.iter().cloned().map(Json::Object).collect()));
            continue;
        }
        for (i, row) in rows.iter().enumerate() {
            let mut feature = Row::new();
            feature.insert("type".into(), "Feature".into());
            feature.insert("geometry".into(), geometry(&shape(name, i)));
            let mut properties = Row::new();
            properties.insert("table".into(), name.as_str().into());
            properties.extend(row.clone());
            feature.insert("properties".into(), Json::Object(properties));
            features.push(Json::Object(feature));
        }
    }
    let mut whole = Row::new();
    whole.insert("type".into(), "FeatureCollection".into());
    whole.insert("name".into(), network.name.as_str().into());
    let mut own = Row::new();
    own.insert("network".into(), Json::Object(rows.network));
    own.insert("catalogues".into(), Json::Object(catalogues));
    whole.insert("gridtwin".into(), Json::Object(own));
    whole.insert("features".into(), Json::Array(features));
    let text = Json::Object(whole).to_string();
    must_survive(network, &read_geojson_text(&text, "")?)?;
    Ok(text)
}

/// Whether a text begins as one that [`write_geojson`] wrote.
pub fn is_network_geojson(text: &[u8]) -> bool {
    let head = &text[..text.len().min(4096)];
    let has = |what: &[u8]| memchr::memmem::find(head, what).is_some();
    has(b"\"FeatureCollection\"") && has(b"\"gridtwin\"")
}

/// Reads a GeoJSON file that [`write_geojson`] wrote.
///
/// # Errors
/// A file that cannot be read, or is not one of these.
pub fn read_geojson(files: &dyn FileSource, path: &Path) -> Result<Imported, ImportError> {
    let name = path.to_string_lossy();
    let bytes =
        files.read(path).map_err(|e| ImportError::from(Diagnostic::error("GIS.TABLES.MISSING", format!("{name} cannot be read: {e}"))))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        ImportError::from(Diagnostic::error("GIS.TABLES.VALUE", format!("byte {} of {name} is not UTF-8", e.utf8_error().valid_up_to())))
    })?;
    let network = read_geojson_text(&text, &name)?;
    let counts = vec![
        ("buses".to_owned(), network.buses.len()),
        ("elements".to_owned(), network.order.len()),
        ("assets".to_owned(), network.assets.len()),
    ];
    Ok(Imported { network, counts, ..Imported::default() })
}

fn read_geojson_text(text: &str, file: &str) -> Result<Network, ImportError> {
    let fault = |what: String| ImportError::from(Diagnostic::error("GIS.TABLES.VALUE", what).at(&SourceRef::new(file, 0)));
    // The parser refuses nesting deeper than 128.
    let whole: Json = serde_json::from_str(text).map_err(|e| fault(format!("line {} column {} is no JSON: {e}", e.line(), e.column())))?;
    let Json::Object(mut whole) = whole else { return Err(fault("the file is no FeatureCollection".into())) };
    let Some(Json::Object(mut own)) = whole.shift_remove("gridtwin") else {
        return Err(fault("the file has no member \"gridtwin\", so it is a map and no network".into()));
    };
    let Some(Json::Object(network)) = own.shift_remove("network") else { return Err(fault("the network's own values are missing".into())) };
    let mut tables: Vec<(String, Vec<Row>)> = Vec::new();
    let mut at: HashMap<String, usize> = HashMap::new();
    let Some(Json::Array(features)) = whole.shift_remove("features") else { return Err(fault("the file has no features".into())) };
    for (i, feature) in features.into_iter().enumerate() {
        let Json::Object(mut feature) = feature else { return Err(fault(format!("feature {} is no record", i + 1))) };
        let Some(Json::Object(mut row)) = feature.shift_remove("properties") else {
            return Err(fault(format!("feature {} has no properties", i + 1)));
        };
        let Some(Json::String(table)) = row.shift_remove("table") else {
            return Err(fault(format!("feature {} does not tell its table", i + 1)));
        };
        if !CLASSES.contains(&table.as_str()) && table != "buses" && table != "assets" {
            return Err(fault(format!("feature {} is of table \"{}\", which is not known", i + 1, shorten(&table))));
        }
        let k = *at.entry(table.clone()).or_insert_with(|| {
            tables.push((table, Vec::new()));
            tables.len() - 1
        });
        tables[k].1.push(row);
    }
    if let Some(Json::Object(catalogues)) = own.shift_remove("catalogues") {
        for (name, rows) in catalogues {
            if !CATALOGUES.contains(&name.as_str()) {
                return Err(fault(format!("the catalogue \"{}\" is not known", shorten(&name))));
            }
            let Json::Array(rows) = rows else { return Err(fault(format!("the catalogue {name} is no list"))) };
            let rows = rows.into_iter().map(|r| object(r, "a row of a catalogue")).collect::<Result<_, _>>()?;
            tables.push((name, rows));
        }
    }
    network_of_rows(Rows { network, tables }, &|table, i| SourceRef::new(format!("{file}#{table}"), i as u32))
}
