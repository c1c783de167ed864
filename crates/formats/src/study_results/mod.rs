//! Results of studies made in other programs, as figures to set ours against.
//!
//! Such tables are put together by whoever exports them: keys (section, device, node), phases in columns or in rows, units in headers
//! or nowhere. [`read`] finds out which column is what, says so, and takes a saved [`Mapping`] instead; [`StudyResults::join`] finds the
//! buses and elements of a network that the rows are about. Result files of this program and voltages exported by OpenDSS are known.

mod header;
mod join;
mod profile;
mod xml_table;

pub use join::Joined;
pub use profile::{Certainty, Guess, Mapping, SectionEnd, Unit, ValueColumn};
pub use xml_table::read_xml;

use crate::table::{self, Row, Table, TableOptions};
use crate::{FileSource, ImportError};
use header::{Key, Kind, key_of, known_but_unused, phase_of, quantity_of, value_of};
use network::{Diagnostic, Quantity, Reject, SourceRef, StudyFigure};
use std::path::Path;

/// What a row is about, as the table writes it. Several may be told; the nearest to the figure counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// `bus` or `bus.node`.
    pub node: String,
    pub section: String,
    pub device: String,
    /// `class.name`.
    pub element: String,
    pub feeder: String,
}

/// One figure of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultFigure {
    pub subject: Subject,
    pub phase: Option<u32>,
    pub quantity: Quantity,
    pub value: f64,
    pub source: SourceRef,
}

/// A table of results that has been understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StudyResults {
    pub figures: Vec<ResultFigure>,
    /// What each column was read as.
    pub guesses: Vec<Guess>,
    /// The mapping that reads the table again in this way, to be kept as a profile.
    pub mapping: Mapping,
    /// Headers of columns that are not used.
    pub unused: Vec<String>,
    pub diagnostics: Vec<Diagnostic>,
    pub rejects: Vec<Reject>,
}

impl StudyResults {
    /// The figures under the words of the table, for use without a network: node, else element, device, section.
    pub fn unjoined(&self) -> Vec<StudyFigure> {
        let subject =
            |s: &Subject| [&s.node, &s.element, &s.device, &s.section].into_iter().find(|t| !t.is_empty()).cloned().unwrap_or_default();
        let figure = |f: &ResultFigure| StudyFigure {
            subject: subject(&f.subject).to_lowercase(),
            phase: f.phase,
            quantity: f.quantity,
            value: f.value,
            source: f.source.clone(),
        };
        self.figures.iter().map(figure).collect()
    }
}

/// Reads the results in a file: delimited text, a workbook or XML, packed with gzip or not.
///
/// # Errors
/// A file that is none of these, and whatever [`read`] refuses.
pub fn read_file(
    files: &dyn FileSource,
    path: &Path,
    options: &TableOptions,
    mapping: Option<&Mapping>,
) -> Result<StudyResults, ImportError> {
    let name = path.display().to_string();
    let bytes = files.read(path).map_err(|e| {
        Diagnostic::error("CYME.RESULTS.MISSING", "the results cannot be read")
            .at(&SourceRef::new(name.as_str(), 0))
            .detail(format!("{e}."))
            .hint("correct the path")
    })?;
    read(&table_of(&bytes, &name, options)?, mapping)
}

/// The table in a file's bytes.
fn table_of(bytes: &[u8], name: &str, options: &TableOptions) -> Result<Table, ImportError> {
    let unpacked;
    let plain = if table::is_gzip(bytes) {
        unpacked = table::gunzip(bytes, name, options.limits.bytes)?;
        &unpacked[..]
    } else {
        bytes
    };
    let first = plain.iter().copied().filter(|b| !b.is_ascii_whitespace() && !matches!(b, 0 | 0xEF | 0xBB | 0xBF | 0xFE | 0xFF)).take(1);
    if first.eq([b'<']) {
        return read_xml(plain, name, &options.limits);
    }
    // Exports of OpenDSS leave out cells at the end of a row.
    table::read_bytes(plain, name, &TableOptions { pad_short_rows: true, ..options.clone() })
}

/// A column of values that is used.
#[derive(Clone, Debug)]
struct Value {
    column: usize,
    quantity: Quantity,
    phase: Option<u32>,
    /// All phases together, whatever the row says.
    total: bool,
    factor: f64,
}

/// Columns that are used.
#[derive(Clone, Debug, Default)]
struct Layout {
    node: Option<usize>,
    section: Option<usize>,
    device: Option<usize>,
    element: Option<usize>,
    feeder: Option<usize>,
    phase: Option<usize>,
    values: Vec<Value>,
}

/// Understands a table of results.
///
/// # Errors
/// A mapping that names headers that are not there, a table without a key or without a value that is understood, and a unit that neither
/// header nor values tell.
pub fn read(table: &Table, mapping: Option<&Mapping>) -> Result<StudyResults, ImportError> {
    let mut results = StudyResults { diagnostics: table.diagnostics.clone(), rejects: table.rejects.clone(), ..StudyResults::default() };
    if own_nodes(table, &mut results) || opendss_voltages(table, &mut results) {
        return Ok(results);
    }
    let decimal_comma = match mapping.and_then(|m| m.decimal_comma) {
        Some(told) => told,
        None => has_decimal_commas(table)?,
    };
    results.mapping.decimal_comma = decimal_comma.then_some(true);
    let layout = match mapping {
        Some(mapping) if !mapping.values.is_empty() => told(table, mapping, &mut results)?,
        _ => guessed(table, mapping, decimal_comma, &mut results)?,
    };
    rows(table, &layout, decimal_comma, &mut results);
    check_units(table, &layout, &mut results);
    Ok(results)
}

fn at(table: &Table) -> SourceRef {
    SourceRef::new(table.name.as_str(), 0)
}

fn column_of(table: &Table, header: &str) -> Result<usize, ImportError> {
    let exact = table.headers.iter().position(|h| h == header);
    exact.or_else(|| table.headers.iter().position(|h| header::plain(h) == header::plain(header))).ok_or_else(|| {
        Diagnostic::error("CYME.RESULTS.NO_COLUMN", format!("the results have no column \"{header}\", which the profile names"))
            .at(&at(table))
            .detail(format!("Columns: {}.", table.headers.join(", ")))
            .hint("correct the profile, or read without one")
            .into()
    })
}

/// The layout that a mapping tells in full.
fn told(table: &Table, mapping: &Mapping, results: &mut StudyResults) -> Result<Layout, ImportError> {
    let mut layout = Layout::default();
    let mut used = vec![false; table.headers.len()];
    let mut key = |name: &Option<String>, word: &str, results: &mut StudyResults| -> Result<Option<usize>, ImportError> {
        let Some(header) = name else { return Ok(None) };
        let column = column_of(table, header)?;
        used[column] = true;
        results.guesses.push(Guess { header: table.headers[column].clone(), meaning: word.to_owned(), certainty: Certainty::Told });
        Ok(Some(column))
    };
    layout.node = key(&mapping.node, "node", results)?;
    layout.section = key(&mapping.section, "section", results)?;
    layout.device = key(&mapping.device, "device", results)?;
    layout.element = key(&mapping.element, "element", results)?;
    layout.feeder = key(&mapping.feeder, "feeder", results)?;
    layout.phase = key(&mapping.phase, "phase", results)?;
    for (header, value) in &mapping.values {
        let column = column_of(table, header)?;
        let Some(factor) = value.unit.factor(value.quantity) else {
            return Err(Diagnostic::error(
                "CYME.RESULTS.UNIT_MISFIT",
                format!("the profile gives \"{header}\" a unit that its quantity does not have"),
            )
            .at(&at(table))
            .detail(format!("{:?} in {}.", value.quantity, value.unit.word()))
            .hint("correct the profile")
            .into());
        };
        if value.phase.is_some_and(|p| !(1..=3).contains(&p)) {
            return Err(Diagnostic::error("CYME.RESULTS.PROFILE", format!("the profile gives \"{header}\" a phase that is not 1, 2 or 3"))
                .at(&at(table))
                .into());
        }
        used[column] = true;
        results.guesses.push(Guess {
            header: table.headers[column].clone(),
            meaning: meaning(value.quantity, value.phase, value.unit),
            certainty: Certainty::Told,
        });
        layout.values.push(Value { column, quantity: value.quantity, phase: value.phase, total: false, factor });
    }
    results.unused = table.headers.iter().zip(&used).filter(|(h, used)| !**used && !h.is_empty()).map(|(h, _)| h.clone()).collect();
    results.mapping = Mapping { decimal_comma: results.mapping.decimal_comma, ..mapping.clone() };
    require(table, &layout)?;
    Ok(layout)
}

fn meaning(quantity: Quantity, phase: Option<u32>, unit: Unit) -> String {
    let name = match quantity {
        Quantity::VPu => "v_pu",
        Quantity::VVolt => "v_volt",
        Quantity::VAngleDeg => "v_angle_deg",
        Quantity::IA => "i_a",
        Quantity::PKw => "p_kw",
        Quantity::QKvar => "q_kvar",
        Quantity::LoadingPct => "loading_pct",
        Quantity::LossKw => "loss_kw",
    };
    match phase {
        Some(phase) => format!("{name} of phase {phase}, from {}", unit.word()),
        None => format!("{name}, from {}", unit.word()),
    }
}

/// Without a key rows belong nowhere; without values there is nothing to compare.
fn require(table: &Table, layout: &Layout) -> Result<(), ImportError> {
    let has_key = layout.node.or(layout.section).or(layout.device).or(layout.element).is_some();
    if has_key && !layout.values.is_empty() {
        return Ok(());
    }
    let (code, message) = match has_key {
        false => ("CYME.RESULTS.NO_KEY", "no column says what a row is about"),
        true => ("CYME.RESULTS.NO_VALUE", "no column holds a quantity that is understood"),
    };
    Err(Diagnostic::new(code, network::Severity::Error, message)
        .at(&at(table))
        .detail(format!("Columns: {}.", table.headers.join(", ")))
        .hint("name the columns in a profile: node, section, device or element, and values by header with quantity, phase and unit")
        .into())
}

/// The layout guessed from headers and values, with whatever keys a mapping tells.
fn guessed(table: &Table, mapping: Option<&Mapping>, decimal_comma: bool, results: &mut StudyResults) -> Result<Layout, ImportError> {
    let mut layout = Layout::default();
    let mut taken: Vec<(Quantity, Option<u32>, bool)> = Vec::new();
    let none = Mapping::default();
    let mapping = mapping.unwrap_or(&none);
    let mut keys: Vec<(Key, usize)> = Vec::new();
    for (header, key) in [
        (&mapping.node, Key::Node),
        (&mapping.section, Key::Section),
        (&mapping.device, Key::Device),
        (&mapping.element, Key::Element),
        (&mapping.feeder, Key::Feeder),
        (&mapping.phase, Key::Phase),
    ] {
        if let Some(header) = header {
            keys.push((key, column_of(table, header)?));
        }
    }
    let told_keys = keys.len();
    for (column, header) in table.headers.iter().enumerate() {
        if let Some(key) = key_of(header)
            && !keys.iter().any(|(k, c)| *k == key || *c == column)
        {
            keys.push((key, column));
        }
    }
    // Voltages are those of the end that current flows to.
    let ends: Vec<Key> = keys.iter().map(|(k, _)| *k).collect();
    for (i, (key, column)) in keys.iter().enumerate() {
        let (slot, word) = match key {
            Key::Node => (&mut layout.node, "node"),
            Key::ToNode if !ends.contains(&Key::Node) => (&mut layout.node, "node"),
            Key::FromNode if !ends.contains(&Key::Node) && !ends.contains(&Key::ToNode) => (&mut layout.node, "node"),
            Key::FromNode | Key::ToNode => {
                results.unused.push(table.headers[*column].clone());
                continue;
            }
            Key::Section => (&mut layout.section, "section"),
            Key::Device => (&mut layout.device, "device"),
            Key::Element => (&mut layout.element, "element"),
            Key::Feeder => (&mut layout.feeder, "feeder"),
            Key::Phase => (&mut layout.phase, "phase"),
        };
        *slot = Some(*column);
        let certainty = if i < told_keys { Certainty::Told } else { Certainty::Header };
        results.guesses.push(Guess { header: table.headers[*column].clone(), meaning: word.to_owned(), certainty });
    }
    for (column, header) in table.headers.iter().enumerate() {
        if keys.iter().any(|(_, c)| *c == column) || header.is_empty() {
            continue;
        }
        let leave = |reason: &str, results: &mut StudyResults| {
            results.unused.push(header.clone());
            results.guesses.push(Guess { header: header.clone(), meaning: format!("not used: {reason}"), certainty: Certainty::Header });
        };
        if let Some(reason) = known_but_unused(header) {
            leave(reason, results);
            continue;
        }
        let Some((value, sure)) = value_of(header).filter(|(v, _)| v.kind != Kind::Base) else {
            leave("not known", results);
            continue;
        };
        let mut certainty = if sure { Certainty::Header } else { Certainty::Guess };
        let unit = match value.unit {
            Some(unit) => unit,
            None => {
                certainty = Certainty::Guess;
                match default_unit(table, column, value.kind, decimal_comma, results)? {
                    Some(unit) => unit,
                    None => {
                        leave("no values", results);
                        continue;
                    }
                }
            }
        };
        let quantity = quantity_of(value.kind, unit);
        let factor = quantity.and_then(|q| unit.factor(q));
        let (Some(quantity), Some(factor)) = (quantity, factor) else {
            leave(&format!("the quantity has no unit {}", unit.word()), results);
            continue;
        };
        if taken.contains(&(quantity, value.phase, value.total)) {
            leave("another column tells the same; name this one in a profile to have it instead", results);
            continue;
        }
        taken.push((quantity, value.phase, value.total));
        results.guesses.push(Guess { header: header.clone(), meaning: meaning(quantity, value.phase, unit), certainty });
        results.mapping.values.insert(header.clone(), ValueColumn { quantity, phase: value.phase, unit });
        layout.values.push(Value { column, quantity, phase: value.phase, total: value.total, factor });
    }
    let name = |column: Option<usize>| column.map(|c| table.headers[c].clone());
    let found = &mut results.mapping;
    (found.node, found.section, found.device) = (name(layout.node), name(layout.section), name(layout.device));
    (found.element, found.feeder, found.phase) = (name(layout.element), name(layout.feeder), name(layout.phase));
    found.section_end = mapping.section_end;
    require(table, &layout)?;
    Ok(layout)
}

/// The unit of a column whose header tells none: the usual one, for voltages by the size of the values.
fn default_unit(
    table: &Table,
    column: usize,
    kind: Kind,
    decimal_comma: bool,
    results: &mut StudyResults,
) -> Result<Option<Unit>, ImportError> {
    Ok(Some(match kind {
        Kind::VoltageAngle => Unit::Degree,
        Kind::Current => Unit::Ampere,
        Kind::ActivePower | Kind::Loss | Kind::Power => Unit::Kilowatt,
        Kind::ReactivePower => Unit::Kilovar,
        Kind::Loading => Unit::Percent,
        Kind::Base => return Ok(None),
        Kind::Voltage => {
            let Some(middle) = middle_of(table, column, decimal_comma) else { return Ok(None) };
            let unit = match middle {
                x if (0.3..=2.0).contains(&x) => Unit::PerUnit,
                // Reports of CYME give voltages in percent of nominal. Low voltages to neutral in volts are larger than that, but for those
                // of 100 to 200 V, which no size tells apart.
                x if (30.0..=150.0).contains(&x) => Unit::Percent,
                _ => {
                    return Err(Diagnostic::error(
                        "CYME.RESULTS.UNIT_UNKNOWN",
                        format!("the unit of \"{}\" is not told", table.headers[column]),
                    )
                    .at(&at(table))
                    .detail(format!(
                        "The header has none, and a middle value of {middle} could be volts or kilovolts, to neutral or between phases."
                    ))
                    .hint("name the column in a profile with its unit: %, pu, V or kV")
                    .into());
                }
            };
            results.diagnostics.push(
                Diagnostic::warning(
                    "CYME.RESULTS.UNIT_GUESSED",
                    format!("the unit of \"{}\" is guessed from its values", table.headers[column]),
                )
                .at(&at(table))
                .detail(format!("A middle value of {middle} is read as {}.", unit.word()))
                .hint("name the column in a profile with its unit to be sure"),
            );
            unit
        }
    }))
}

/// The median of the values of a column that are not zero.
fn middle_of(table: &Table, column: usize, decimal_comma: bool) -> Option<f64> {
    let mut values: Vec<f64> =
        table.rows.iter().filter_map(|r| number(r.cells.get(column)?, decimal_comma).ok()?).map(f64::abs).filter(|v| *v > 0.0).collect();
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let (_, value, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*value)
}

/// Whether the numbers of a table have decimal commas.
fn has_decimal_commas(table: &Table) -> Result<bool, ImportError> {
    let numeric = |cell: &str| !cell.is_empty() && cell.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '.' | '-' | '+'));
    let (mut commas, mut points, mut sure) = (0usize, 0usize, 0usize);
    let mut example: Option<(u32, String)> = None;
    for row in &table.rows {
        for cell in row.cells.iter().map(|c| c.trim()).filter(|c| numeric(c)) {
            let (comma, point) = (cell.rfind(','), cell.rfind('.'));
            match (comma, point) {
                (Some(c), Some(p)) => {
                    // Both: the last one is the decimal sign.
                    if c > p { sure += 1 } else { points += 1 }
                }
                (Some(c), None) => {
                    commas += 1;
                    let behind = cell.len() - c - 1;
                    let before = cell[..c].trim_start_matches(['-', '+']);
                    let groups = cell.matches(',').count();
                    // `1,234` may be a group of thousands; anything else is not.
                    if groups == 1 && (behind != 3 || before.len() > 3 || before.starts_with('0')) {
                        sure += 1;
                    }
                    example.get_or_insert((row.line, cell.to_owned()));
                }
                (None, Some(_)) => points += 1,
                (None, None) => {}
            }
        }
    }
    if sure > 0 {
        return Ok(true);
    }
    match example {
        Some((line, cell)) if commas > 0 && points == 0 => {
            Err(Diagnostic::error("CYME.RESULTS.DECIMAL_SIGN", "numbers with commas can be read in two ways")
                .at(&table.at(line))
                .detail(format!("`{cell}` is more than a thousand, or has a decimal comma; nothing in the table decides it."))
                .hint("give decimal_comma in a profile")
                .into())
        }
        _ => Ok(false),
    }
}

/// The number in a cell: none where it is empty or says that there is none, an error where it cannot be read.
fn number(cell: &str, decimal_comma: bool) -> Result<Option<f64>, ()> {
    let cell = cell.trim();
    let word = cell.to_ascii_lowercase();
    if ["", "-", "--", "---", "n/a", "na", "nan", "null", "none", "#n/a"].contains(&word.as_str()) {
        return Ok(None);
    }
    let text: String = match decimal_comma {
        true => cell.chars().filter(|c| *c != '.' && *c != ' ').map(|c| if c == ',' { '.' } else { c }).collect(),
        false => cell.chars().filter(|c| *c != ',').collect(),
    };
    let text = text.strip_suffix('%').unwrap_or(&text).trim();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some(value)),
        _ => Err(()),
    }
}

fn rows(table: &Table, layout: &Layout, decimal_comma: bool, results: &mut StudyResults) {
    let mut bad = 0usize;
    for row in &table.rows {
        if let Err(reason) = row_figures(table, row, layout, decimal_comma, &mut results.figures) {
            bad += 1;
            results.rejects.push(reject(table, row, reason));
        }
    }
    if bad > 0 {
        results.diagnostics.push(
            Diagnostic::warning("CYME.RESULTS.ROWS_REJECTED", "rows of the results cannot be read and are put aside")
                .at(&at(table))
                .detail(format!("{bad} of {} rows.", table.rows.len()))
                .hint("see the rejects for each with its reason"),
        );
    }
}

fn reject(table: &Table, row: &Row, reason: String) -> Reject {
    Reject { source: table.at(row.line), reason, text: row.cells.join(",").chars().take(2000).collect() }
}

/// The figures of one row; all or none.
fn row_figures(table: &Table, row: &Row, layout: &Layout, decimal_comma: bool, into: &mut Vec<ResultFigure>) -> Result<(), String> {
    let cell = |column: Option<usize>| column.and_then(|c| row.cells.get(c)).map_or("", |c| c.trim());
    let subject = Subject {
        node: cell(layout.node).to_owned(),
        section: cell(layout.section).to_owned(),
        device: cell(layout.device).to_owned(),
        element: cell(layout.element).to_owned(),
        feeder: cell(layout.feeder).to_owned(),
    };
    if [&subject.node, &subject.section, &subject.device, &subject.element].into_iter().all(String::is_empty) {
        // Lines below a table, such as totals and empty ones, have no key.
        return Err("nothing says what the row is about".to_owned());
    }
    let row_phase = match cell(layout.phase) {
        "" => None,
        word => match phase_of(word) {
            Some(0) => None,
            Some(phase) => Some(phase),
            None => return Err(format!("the phase cannot be read: `{word}`")),
        },
    };
    let begun = into.len();
    for value in &layout.values {
        let text = row.cells.get(value.column).map_or("", |c| c.trim());
        match number(text, decimal_comma) {
            Ok(None) => {}
            Ok(Some(x)) => into.push(ResultFigure {
                subject: subject.clone(),
                phase: if value.total { None } else { value.phase.or(row_phase) },
                quantity: value.quantity,
                value: x * value.factor,
                source: table.at(row.line),
            }),
            Err(()) => {
                into.truncate(begun);
                return Err(format!("{} cannot be read: `{text}`", table.headers[value.column]));
            }
        }
    }
    Ok(())
}

/// Voltages in per unit that cannot be: the unit told is probably another.
fn check_units(table: &Table, layout: &Layout, results: &mut StudyResults) {
    for value in layout.values.iter().filter(|v| v.quantity == Quantity::VPu) {
        let mut values: Vec<f64> = results
            .figures
            .iter()
            .filter(|f| f.quantity == Quantity::VPu && (value.phase.is_none() || f.phase == value.phase))
            .map(|f| f.value)
            .filter(|v| *v != 0.0)
            .collect();
        if values.is_empty() {
            continue;
        }
        let middle = values.len() / 2;
        let (_, typical, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
        if !(0.3..=3.0).contains(&typical.abs()) {
            results.diagnostics.push(
                Diagnostic::warning(
                    "CYME.RESULTS.UNIT_DOUBTFUL",
                    format!("the voltages of \"{}\" are far from nominal", table.headers[value.column]),
                )
                .at(&at(table))
                .detail(format!("A middle value is {typical} per unit."))
                .hint("the unit in the header is probably not that of the values; name the column in a profile with its unit"),
            );
        }
    }
}

/// `nodes.csv` of this program: volts in two parts, per unit where the base is known.
fn own_nodes(table: &Table, results: &mut StudyResults) -> bool {
    let headers: Vec<&str> = table.headers.iter().map(|h| h.trim()).collect();
    if headers != ["node", "kvbase_ln", "v_re", "v_im", "v_pu", "angle_deg"] {
        return false;
    }
    for row in &table.rows {
        let numbers: Option<Vec<f64>> = row.cells.iter().skip(1).map(|c| c.trim().parse().ok().filter(|v: &f64| v.is_finite())).collect();
        let (Some(node), Some(&[base, re, im, v_pu, angle])) = (row.cells.first().filter(|n| !n.is_empty()), numbers.as_deref()) else {
            results.rejects.push(reject(table, row, "a number cannot be read".to_owned()));
            continue;
        };
        let subject = Subject { node: node.clone(), ..Subject::default() };
        let mut push = |quantity, value| {
            results.figures.push(ResultFigure { subject: subject.clone(), phase: None, quantity, value, source: table.at(row.line) });
        };
        push(Quantity::VVolt, re.hypot(im));
        push(Quantity::VAngleDeg, angle);
        // Without a base the file says 0 per unit, which is no figure.
        if base > 0.0 {
            push(Quantity::VPu, v_pu);
        }
    }
    for (header, meaning) in
        [("node", "node"), ("v_re", "v_volt with v_im"), ("v_pu", "v_pu where a base is known"), ("angle_deg", "v_angle_deg")]
    {
        results.guesses.push(Guess { header: header.to_owned(), meaning: meaning.to_owned(), certainty: Certainty::Header });
    }
    results.mapping.node = Some("node".to_owned());
    report_known_rejects(table, results);
    true
}

/// Voltages as OpenDSS exports them: a row a bus, and for each of its nodes number, volts, angle and per unit.
fn opendss_voltages(table: &Table, results: &mut StudyResults) -> bool {
    let headers: Vec<String> = table.headers.iter().map(|h| header::plain(h)).collect();
    if headers.len() < 6 || headers[0] != "bus" || headers[1] != "basekv" || headers[2] != "node1" || headers[3] != "magnitude1" {
        return false;
    }
    let column = |word: &str, slot: usize| headers.iter().position(|h| *h == format!("{word}{slot}"));
    let slots: Vec<[Option<usize>; 4]> = (1..=headers.len())
        .map(|i| [column("node", i), column("magnitude", i), column("angle", i), column("pu", i)])
        .take_while(|s| s[0].is_some() && s[1].is_some())
        .collect();
    for row in &table.rows {
        let cell = |column: Option<usize>| column.and_then(|c| row.cells.get(c)).map_or("", |c| c.trim());
        let bus = cell(Some(0)).trim_matches('"').trim().to_owned();
        let begun = results.figures.len();
        let mut fault = bus.is_empty().then(|| "the bus is not named".to_owned());
        let base: f64 = cell(Some(1)).parse().unwrap_or(0.0);
        for slot in &slots {
            let node = cell(slot[0]);
            // Slots without a node are 0, or left out at the end of the row.
            if node.is_empty() || node == "0" {
                continue;
            }
            let Ok(phase) = node.parse::<u32>() else {
                fault = Some(format!("a node number cannot be read: `{node}`"));
                break;
            };
            let subject = Subject { node: bus.clone(), ..Subject::default() };
            for (quantity, column) in [(Quantity::VVolt, slot[1]), (Quantity::VAngleDeg, slot[2]), (Quantity::VPu, slot[3])] {
                let text = cell(column);
                if text.is_empty() || (quantity == Quantity::VPu && base <= 0.0) {
                    continue;
                }
                match text.parse::<f64>() {
                    Ok(value) if value.is_finite() => {
                        results.figures.push(ResultFigure {
                            subject: subject.clone(),
                            phase: Some(phase),
                            quantity,
                            value,
                            source: table.at(row.line),
                        });
                    }
                    _ => fault = Some(format!("a number cannot be read: `{text}`")),
                }
            }
        }
        if let Some(reason) = fault {
            results.figures.truncate(begun);
            results.rejects.push(reject(table, row, reason));
        }
    }
    for (header, meaning) in [
        ("Bus", "node"),
        ("Node1 …", "phase"),
        ("Magnitude1 …", "v_volt"),
        ("Angle1 …", "v_angle_deg"),
        ("pu1 …", "v_pu where a base is known"),
    ] {
        results.guesses.push(Guess { header: header.to_owned(), meaning: meaning.to_owned(), certainty: Certainty::Header });
    }
    results.mapping.node = Some(table.headers[0].clone());
    report_known_rejects(table, results);
    true
}

fn report_known_rejects(table: &Table, results: &mut StudyResults) {
    let bad = results.rejects.len() - table.rejects.len();
    if bad > 0 {
        results.diagnostics.push(
            Diagnostic::warning("CYME.RESULTS.ROWS_REJECTED", "rows of the results cannot be read and are put aside")
                .at(&at(table))
                .detail(format!("{bad} of {} rows.", table.rows.len()))
                .hint("see the rejects for each with its reason"),
        );
    }
}
