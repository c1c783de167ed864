//! Measurement documents: a table with a row a measurement, read from CSV or a workbook and written as CSV.
//!
//! | column | is |
//! | --- | --- |
//! | `quantity` | `v_v`, `v_kv`, `v_pu`, `v_angle_deg`, `i_a`, `i_angle_deg`, `p_kw`, `p_mw`, `q_kvar`, `q_mvar` |
//! | `element` | `class.name`, or the name of a bus for a voltage |
//! | `terminal` | counted from 1; empty for the first, and for a bus |
//! | `phase` | node at the bus (`1`, `2`, ... or `A`, `B`, `C`); two of them (`AB`, `1-2`) for a voltage between phases; empty for all phases of a power |
//! | `value` | in the unit that the quantity names |
//! | `sigma` | standard deviation in that unit, or |
//! | `class` | accuracy class of the chain (0.1, 0.2, 0.5, 1), with `rated_a` of the current transformer where it is known |
//! | `pseudo` | `yes` for what a load profile says |
//! | `name` | of the point; the place by default |

use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::number::g12;
use formats::table::{self, Columns, Row, Table, TableOptions, WantedColumn};
use network::{Diagnostic, Network};
use powerflow::Circuit;
use powerflow::estimation::{Grid, Measurement, MeterClass, Quantity, Site};
use std::path::Path;

const fn column(field: &'static str, aliases: &'static [&'static str], required: bool) -> WantedColumn {
    WantedColumn { field, aliases, required }
}

const COLUMNS: &[WantedColumn] = &[
    column("quantity", &["measurand"], true),
    column("element", &["place"], true),
    column("terminal", &[], false),
    column("phase", &["node"], false),
    column("value", &[], true),
    column("sigma", &["standard_deviation"], false),
    column("class", &["accuracy_class"], false),
    column("rated_a", &[], false),
    column("pseudo", &["is_pseudo"], false),
    column("name", &["point"], false),
];

/// Quantity of a word, and what one of its unit is in V, A, W, var or rad; 0 stands for per unit of the bus.
fn quantity(word: &str) -> Option<(Quantity, f64)> {
    Some(match word {
        "v_v" => (Quantity::VoltageMagnitude, 1.0),
        "v_kv" => (Quantity::VoltageMagnitude, 1e3),
        "v_pu" => (Quantity::VoltageMagnitude, 0.0),
        "v_angle_deg" => (Quantity::VoltageAngle, 1f64.to_radians()),
        "i_a" => (Quantity::CurrentMagnitude, 1.0),
        "i_angle_deg" => (Quantity::CurrentAngle, 1f64.to_radians()),
        "p_kw" => (Quantity::ActivePower, 1e3),
        "p_mw" => (Quantity::ActivePower, 1e6),
        "q_kvar" => (Quantity::ReactivePower, 1e3),
        "q_mvar" => (Quantity::ReactivePower, 1e6),
        _ => return None,
    })
}

/// Nodes at a bus that a phase names: none, one or two.
fn nodes(text: &str) -> Option<Vec<u32>> {
    let parts: Vec<String> = match text.split_once('-') {
        Some((a, b)) => vec![a.trim().to_owned(), b.trim().to_owned()],
        None if text.chars().all(|c| c.is_ascii_alphabetic()) => text.chars().map(String::from).collect(),
        None => vec![text.trim().to_owned()],
    };
    let node = |word: &String| match word.to_ascii_uppercase().as_str() {
        "A" => Some(1),
        "B" => Some(2),
        "C" => Some(3),
        "N" => Some(4),
        number => number.parse().ok().filter(|n| *n > 0),
    };
    (parts.len() <= 2).then(|| parts.iter().map(node).collect()).flatten()
}

/// What a row says of its place, before it is looked up.
struct Place<'a> {
    element: &'a str,
    terminal: usize,
    nodes: Vec<u32>,
}

impl Place<'_> {
    /// The site, or what does not exist.
    fn site(&self, network: &Network, circuit: &Circuit, grid: &Grid, quantity: Quantity) -> Result<Site, String> {
        if self.element.contains('.') {
            let element = grid.element(self.element).ok_or_else(|| format!("The model has no enabled element \"{}\".", self.element))?;
            let e = &grid.elements[element];
            if self.terminal == 0 || self.terminal > e.n_terminals() {
                return Err(format!("{} has {} terminals, not {}.", self.element, e.n_terminals(), self.terminal));
            }
            let terminal = self.terminal - 1;
            let first = terminal * e.n_conductors;
            let conductor = |at_bus: u32| {
                let of = |c: &usize| e.nodes[first + c] != 0 && circuit.node(e.nodes[first + c]).at_bus == at_bus;
                (0..e.n_conductors).find(of).ok_or_else(|| format!("Terminal {} of {} has no node {at_bus}.", self.terminal, self.element))
            };
            return match self.nodes[..] {
                [] if matches!(quantity, Quantity::ActivePower | Quantity::ReactivePower) => Ok(Site::Terminal { element, terminal }),
                [] => Err("A voltage or a current is that of one phase; the phase is missing.".to_owned()),
                [one] => Ok(Site::Conductor { element, terminal, conductor: conductor(one)? }),
                [a, b] if quantity.is_voltage() => Ok(Site::Between(e.nodes[first + conductor(a)?], e.nodes[first + conductor(b)?])),
                _ => Err("Two phases make sense for a voltage alone.".to_owned()),
            };
        }
        let bus = network.bus_id(&self.element.to_lowercase()).ok_or_else(|| format!("The model has no bus \"{}\".", self.element))?;
        let node = |at_bus: u32| match circuit.node_number(bus, at_bus) {
            0 => Err(format!("Bus \"{}\" has no node {at_bus}.", self.element)),
            n => Ok(n),
        };
        match self.nodes[..] {
            [one] if quantity.is_voltage() => Ok(Site::Node(node(one)?)),
            [one] if !matches!(quantity, Quantity::CurrentMagnitude | Quantity::CurrentAngle) => Ok(Site::Drawn(node(one)?)),
            [a, b] if quantity.is_voltage() => Ok(Site::Between(node(a)?, node(b)?)),
            [] => Err("The phase is missing.".to_owned()),
            _ => Err("A current flows into an element; name it as class.name.".to_owned()),
        }
    }
}

/// A row before its deviation is known.
struct Half {
    measurement: Measurement,
    unit: f64,
    class: Option<MeterClass>,
    rated_a: Option<f64>,
}

/// Reads a document.
///
/// # Errors
/// Every fault of every row at once.
pub fn read(path: &Path, circuit: &Circuit, grid: &Grid) -> Result<Vec<Measurement>, Failure> {
    let options = TableOptions { pad_short_rows: true, ..TableOptions::default() };
    let table = table::read(&DiskFiles::default(), path, &options).map_err(|e| Failure::new(e.diagnostics))?;
    let columns = Columns::find(&table, COLUMNS, &Default::default()).map_err(|e| Failure::new(e.diagnostics))?;
    let mut faults: Vec<Diagnostic> = table.diagnostics.clone();
    for reject in &table.rejects {
        faults.push(
            Diagnostic::error("ESTIMATION.DOCUMENT.ROW", "a row does not fit the header")
                .at(&reject.source)
                .hint("Give as many cells as the header has."),
        );
    }
    let mut halves = Vec::new();
    for row in &table.rows {
        match half(&table, row, &columns, circuit, grid) {
            Ok(half) => halves.push((row.line, half)),
            Err(found) => faults.extend(found),
        }
    }
    let mut measurements: Vec<Measurement> = halves.iter().map(|(_, h)| h.measurement.clone()).collect();
    for (k, (line, h)) in halves.iter().enumerate() {
        let Some(class) = h.class else { continue };
        measurements[k].sigma = deviation(&measurements, k, &class, h.rated_a, grid);
        if measurements[k].sigma.is_nan() || measurements[k].sigma <= 0.0 {
            faults.push(
                Diagnostic::error("ESTIMATION.DOCUMENT.DEVIATION", "a class gives this measurement no deviation")
                    .at(&table.at(*line))
                    .detail(format!(
                        "Class and value {} {} give a deviation of 0.",
                        h.measurement.value / h.unit,
                        h.measurement.quantity.word()
                    ))
                    .hint("Give sigma, or rated_a of the current transformer."),
            );
        }
    }
    if measurements.is_empty() && faults.is_empty() {
        faults.push(
            Diagnostic::error("ESTIMATION.DOCUMENT.EMPTY", format!("{} has no measurement", path.display()))
                .hint("Give one row a measurement; docs/methods/state-estimation.md tells the columns."),
        );
    }
    if faults.iter().any(|d| d.severity == network::Severity::Error) { Err(Failure::new(faults)) } else { Ok(measurements) }
}

fn half(table: &Table, row: &Row, columns: &Columns, circuit: &Circuit, grid: &Grid) -> Result<Half, Vec<Diagnostic>> {
    let at = table.at(row.line);
    let mut faults = Vec::new();
    let cell = |field: &str| columns.cell(row, field).trim().to_owned();
    let mut number = |field: &str| -> Option<f64> {
        let text = cell(field);
        if text.is_empty() {
            return None;
        }
        let value = text.parse::<f64>().ok().filter(|v| v.is_finite());
        if value.is_none() {
            faults.push(
                Diagnostic::error("ESTIMATION.DOCUMENT.NUMBER", format!("column {field} holds no number"))
                    .at(&at)
                    .detail(format!("It holds \"{text}\"."))
                    .hint("Correct the cell."),
            );
        }
        value
    };
    let (value, sigma, rated_a) = (number("value"), number("sigma"), number("rated_a"));
    if value.is_none() && cell("value").is_empty() {
        faults.push(
            Diagnostic::error("ESTIMATION.DOCUMENT.NUMBER", "column value is empty")
                .at(&at)
                .hint("Leave out the row of a point without a value."),
        );
    }
    let word = cell("quantity").to_lowercase();
    let known = quantity(&word);
    if known.is_none() {
        faults.push(
            Diagnostic::error("ESTIMATION.DOCUMENT.QUANTITY", format!("\"{word}\" is no quantity"))
                .at(&at)
                .hint("Use v_v, v_kv, v_pu, v_angle_deg, i_a, i_angle_deg, p_kw, p_mw, q_kvar or q_mvar."),
        );
    }
    let class_word = cell("class");
    let class = MeterClass::of_word(&class_word);
    if class.is_none() && !class_word.is_empty() {
        faults.push(
            Diagnostic::error("ESTIMATION.DOCUMENT.CLASS", format!("\"{class_word}\" is no accuracy class"))
                .at(&at)
                .hint("Use 0.1, 0.2, 0.5 or 1, or give sigma."),
        );
    }
    if sigma.is_some_and(|s| s <= 0.0) || (cell("sigma").is_empty() && class_word.is_empty()) || rated_a.is_some_and(|r| r <= 0.0) {
        faults.push(
            Diagnostic::error("ESTIMATION.DOCUMENT.DEVIATION", "a measurement needs a deviation greater than zero")
                .at(&at)
                .hint("Give sigma in the unit of the value, or a class; rated_a, where given, is greater than zero."),
        );
    }
    let pseudo = cell("pseudo").to_lowercase();
    if !["", "yes", "no", "true", "false", "1", "0"].contains(&pseudo.as_str()) {
        faults.push(
            Diagnostic::error("ESTIMATION.DOCUMENT.PSEUDO", format!("\"{pseudo}\" is neither yes nor no")).at(&at).hint("Write yes or no."),
        );
    }
    let (element, terminal, phase) = (cell("element"), cell("terminal"), cell("phase"));
    let terminal_number = if terminal.is_empty() { Some(1) } else { terminal.parse::<usize>().ok() };
    let at_bus = if phase.is_empty() { Some(Vec::new()) } else { nodes(&phase) };
    let mut refuse = |detail: String| {
        faults.push(
            Diagnostic::error("ESTIMATION.DOCUMENT.PLACE", format!("\"{element} {terminal} {phase}\" is no place in the model"))
                .at(&at)
                .detail(detail)
                .hint("Name class.name with terminal and phase, or a bus with its phase for a voltage."),
        );
    };
    let mut site = None;
    match (known, terminal_number, at_bus) {
        (_, None, _) => refuse("The terminal is no number.".to_owned()),
        (_, _, None) => refuse("The phase is neither a node nor A, B, C, N, nor two of them.".to_owned()),
        (Some((quantity, _)), Some(terminal), Some(nodes)) => {
            let place = Place { element: &element, terminal, nodes };
            match place.site(circuit.network(), circuit, grid, quantity) {
                Ok(s) => site = Some(s),
                Err(detail) => refuse(detail),
            }
        }
        _ => {}
    }
    let (Some((quantity, unit)), Some(site), Some(value), true) = (known, site, value, faults.is_empty()) else { return Err(faults) };
    let unit = match (unit, site) {
        (0.0, Site::Node(n) | Site::Between(n, _)) => {
            grid.v_base[n as usize] * if matches!(site, Site::Between(..)) { 3f64.sqrt() } else { 1.0 }
        }
        (0.0, Site::Conductor { element, terminal, conductor }) => {
            let e = &grid.elements[element];
            grid.v_base[e.nodes[terminal * e.n_conductors + conductor] as usize]
        }
        _ => unit,
    };
    let name = match cell("name") {
        name if name.is_empty() => format!("{word} {element} {terminal} {phase}").split_whitespace().collect::<Vec<_>>().join(" "),
        name => name,
    };
    let sigma = sigma.map_or(0.0, |s| s * unit);
    let is_pseudo = ["yes", "true", "1"].contains(&pseudo.as_str());
    let measurement = Measurement { name, quantity, site, value: value * unit, sigma, is_pseudo };
    Ok(Half { measurement, unit, class: class.filter(|_| sigma == 0.0), rated_a })
}

/// Deviation that a class gives a measurement, with what the others at its place read.
fn deviation(all: &[Measurement], k: usize, class: &MeterClass, rated_a: Option<f64>, grid: &Grid) -> f64 {
    let m = &all[k];
    let v_base = match m.site {
        Site::Node(n) | Site::Between(n, _) | Site::Drawn(n) => grid.v_base[n as usize],
        Site::Conductor { element, terminal, .. } | Site::Terminal { element, terminal } => {
            let e = &grid.elements[element];
            let at = terminal * e.n_conductors..(terminal + 1) * e.n_conductors;
            e.nodes[at].iter().find(|n| **n != 0).map_or(1.0, |&n| grid.v_base[n as usize])
        }
    };
    let beside = |quantity: Quantity| all.iter().find(|o| o.site == m.site && o.quantity == quantity).map_or(0.0, |o| o.value);
    match m.quantity {
        Quantity::VoltageMagnitude => class.sigma_v(m.value.abs().max(0.1 * v_base)),
        Quantity::CurrentMagnitude => class.sigma_i(m.value, rated_a.unwrap_or_else(|| m.value.abs())),
        Quantity::VoltageAngle => class.voltage.limits().1 / 3f64.sqrt(),
        Quantity::CurrentAngle => class.current.limits_at(beside(Quantity::CurrentMagnitude), rated_a.unwrap_or(1.0)).1 / 3f64.sqrt(),
        Quantity::ActivePower | Quantity::ReactivePower => {
            let (p, q) = (beside(Quantity::ActivePower), beside(Quantity::ReactivePower));
            let phases = if matches!(m.site, Site::Terminal { .. }) { 3.0 } else { 1.0 } * grid.phase_factor;
            let i = p.hypot(q) / (v_base * phases);
            let (of_p, of_q) = class.sigma_pq(p, q, v_base * phases, i, rated_a.unwrap_or(i));
            if m.quantity == Quantity::ActivePower { of_p } else { of_q }
        }
    }
}

/// A document of measurements, to be read again by [`read`].
pub fn document(circuit: &Circuit, grid: &Grid, all: &[Measurement]) -> String {
    let mut text = String::from("quantity,element,terminal,phase,value,sigma,pseudo,name\n");
    let network = circuit.network();
    for m in all {
        let (word, unit) = match m.quantity {
            Quantity::VoltageMagnitude => ("v_v", 1.0),
            Quantity::VoltageAngle => ("v_angle_deg", 1f64.to_radians()),
            Quantity::CurrentMagnitude => ("i_a", 1.0),
            Quantity::CurrentAngle => ("i_angle_deg", 1f64.to_radians()),
            Quantity::ActivePower => ("p_kw", 1e3),
            Quantity::ReactivePower => ("q_kvar", 1e3),
        };
        let bus = |n: u32| (network.bus(circuit.node(n).bus).name.clone(), circuit.node(n).at_bus);
        let (element, terminal, phase) = match m.site {
            Site::Node(n) | Site::Drawn(n) => (bus(n).0, String::new(), bus(n).1.to_string()),
            Site::Between(a, b) => (bus(a).0, String::new(), format!("{}-{}", bus(a).1, bus(b).1)),
            Site::Conductor { element, terminal, conductor } => {
                let e = &grid.elements[element];
                let n = e.nodes[terminal * e.n_conductors + conductor];
                (e.name.clone(), (terminal + 1).to_string(), bus(n).1.to_string())
            }
            Site::Terminal { element, terminal } => (grid.elements[element].name.clone(), (terminal + 1).to_string(), String::new()),
        };
        let pseudo = if m.is_pseudo { "yes" } else { "no" };
        let (value, sigma) = (g12(m.value / unit), g12(m.sigma / unit));
        text.push_str(&format!("{word},{element},{terminal},{phase},{value},{sigma},{pseudo},\"{}\"\n", m.name.replace('"', "'")));
    }
    text
}
