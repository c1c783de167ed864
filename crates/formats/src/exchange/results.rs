//! Results of other tools, read and checked against the design that they are of.
//!
//! Reading goes on after a fault: all faults come at once, with row and column, and with a fault nothing is imported.

use super::headers::{Layout, ResultKind};
use super::number::{self, Mark};
use super::{MANIFEST, Manifest, read_manifest};
use crate::table::{self, Table, TableOptions};
use crate::{ImportError, MemoryFiles, psse};
use calamine::Reader;
use network::design::Design;
use network::design::results::{LoadFlowRow, PowerFlowRow, RamRow, Results, RowOrigin, ShortCircuitRow};
use network::{BusKind, Diagnostic, Network, SourceRef};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Cursor;
use std::path::Path;

/// A file as it was handed over.
#[derive(Clone, Debug)]
pub struct ResultFile<'a> {
    pub name: &'a str,
    pub bytes: &'a [u8],
}

/// Results, and what is worth knowing about them.
#[derive(Clone, Debug, Default)]
pub struct ImportedResults {
    pub results: Results,
    /// File or sheet, and what it was found to be.
    pub found: Vec<(String, ResultKind)>,
    pub findings: Vec<Diagnostic>,
}

/// Rows above a header that are looked over: titles of a report.
const TITLE_ROWS: u32 = 8;
/// Availability as a fraction up to 1, as percent from here on.
const PERCENT_FROM: f64 = 50.0;
/// Faults that are told of one file; the count of the rest is told too.
const FAULTS: usize = 200;

struct Import<'a> {
    design: &'a Design,
    results: Results,
    found: Vec<(String, ResultKind)>,
    findings: Vec<Diagnostic>,
    faults: Vec<Diagnostic>,
    scenarios: HashSet<String>,
}

/// Reads result files of a design: CSV and XLSX by their headers, RAW with solved voltages. A `manifest.json` among them, or one handed in, says of
/// which design they are.
///
/// # Errors
/// Everything that keeps any of the files from being used, all at once: nothing is imported then.
pub fn read_results(design: &Design, files: &[ResultFile<'_>], manifest: Option<&Manifest>) -> Result<ImportedResults, ImportError> {
    let scenarios = design.scenarios().into_iter().map(|s| s.scenario_id).collect();
    let mut import = Import { design, results: Results::default(), found: Vec::new(), findings: Vec::new(), faults: Vec::new(), scenarios };
    if let Some(manifest) = manifest {
        import.manifest(manifest, MANIFEST);
    }
    for file in files {
        let before = import.faults.len();
        import.file(file);
        let more = import.faults.len() - before;
        if more > FAULTS {
            import.faults.truncate(before + FAULTS);
            let what = format!("{} more faults of this file are not listed", more - FAULTS);
            import
                .faults
                .push(Diagnostic::error("EXCHANGE.RESULT.MORE", what).at(&SourceRef::new(file.name, 0)).hint("mend those above first"));
        }
    }
    if import.faults.is_empty() && import.results.is_empty() {
        let what = Diagnostic::error("EXCHANGE.RESULT.NONE", "no file holds results");
        import.faults.push(
            what.hint("give tables of an ETAP load flow or short circuit, a PSS/E power flow, a Windchill analysis, or a solved RAW"),
        );
    }
    if !import.faults.is_empty() {
        import.faults.append(&mut import.findings);
        return Err(ImportError::new(import.faults));
    }
    Ok(ImportedResults { results: import.results, found: import.found, findings: import.findings })
}

impl Import<'_> {
    fn manifest(&mut self, manifest: &Manifest, name: &str) {
        let at = SourceRef::new(name, 0);
        let pairs = [
            ("electrical data", &manifest.fingerprint, self.design.fingerprint()),
            ("reliability data", &manifest.ram_fingerprint, self.design.ram_fingerprint()),
        ];
        for (what, theirs, ours) in pairs {
            if *theirs != ours {
                let finding = Diagnostic::error("EXCHANGE.RESULT.OTHER_DESIGN", format!("the results are of a design with other {what}"));
                let cut = |s: &str| s.chars().take(16).collect::<String>();
                let detail = format!(
                    "The manifest of \"{}\" has {}, this design \"{}\" has {}.",
                    manifest.design,
                    cut(theirs),
                    self.design.name,
                    cut(&ours)
                );
                self.faults
                    .push(finding.at(&at).detail(detail).hint("give the design that was exported, or export this one and study it again"));
            }
        }
    }

    fn file(&mut self, file: &ResultFile<'_>) {
        let base = file.name.rsplit(['/', '\\']).next().unwrap_or(file.name);
        if base.eq_ignore_ascii_case(MANIFEST) {
            match read_manifest(file.bytes, file.name) {
                Ok(manifest) => self.manifest(&manifest, file.name),
                Err(e) => self.faults.extend(e.diagnostics),
            }
        } else if psse::looks_like(file.bytes, file.name) {
            self.raw(file);
        } else if file.bytes.starts_with(b"PK\x03\x04") {
            self.workbook(file);
        } else {
            let mark = match table::decode(file.bytes, file.name, None) {
                Ok((text, _)) if table::sniff_delimiter(&text) == ';' => Mark::Comma,
                _ => Mark::Dot,
            };
            match header(file, None) {
                Ok((table, layout)) => self.table(&table, &layout, mark),
                Err(faults) => self.faults.extend(faults),
            }
        }
    }

    /// Every sheet with results, the first of each kind.
    fn workbook(&mut self, file: &ResultFile<'_>) {
        // The table reader unpacks within limits before anything is parsed, and refuses what is no workbook.
        if let Err(e) = table::read_bytes(file.bytes, file.name, &TableOptions::default())
            && e.diagnostics.iter().any(|d| d.code.starts_with("TABLE.WORKBOOK.") || d.code == "TABLE.FILE.TOO_LARGE")
        {
            self.faults.extend(e.diagnostics);
            return;
        }
        let sheets = match calamine::Xlsx::new(Cursor::new(file.bytes)) {
            Ok(book) => book.sheet_names().to_vec(),
            Err(_) => Vec::new(),
        };
        let mut kinds = HashSet::new();
        let mut faults = Vec::new();
        for sheet in &sheets {
            match header(file, Some(sheet)) {
                Ok((table, layout)) => {
                    if kinds.insert(layout.kind) {
                        self.table(&table, &layout, Mark::Dot);
                    } else {
                        let what = format!("a second sheet of {} results is not read", layout.kind.words());
                        self.findings.push(
                            Diagnostic::warning("EXCHANGE.RESULT.SHEET", what).at(&table.at(0)).hint("put it into a file of its own"),
                        );
                    }
                }
                Err(found) => faults.extend(found),
            }
        }
        if kinds.is_empty() {
            self.faults.extend(faults);
        }
    }

    fn table(&mut self, table: &Table, layout: &Layout, mark: Mark) {
        let before = self.faults.len();
        for reject in &table.rejects {
            let what = Diagnostic::error("EXCHANGE.RESULT.ROW", format!("the row has {}", reject.reason));
            self.faults.push(what.at(&reject.source).hint("look for an unquoted delimiter, or a missing cell"));
        }
        for (field, headers) in &layout.repeated {
            let what = format!("columns {} all mean {field}", headers.join(", "));
            let finding = Diagnostic::error("EXCHANGE.RESULT.COLUMN_REPEATED", what);
            self.faults.push(finding.at(&table.at(0)).hint("keep one of them, or rename the others"));
        }
        for (header, unit, field) in &layout.units {
            let finding =
                Diagnostic::error("EXCHANGE.RESULT.UNIT", format!("column \"{header}\" is in \"{unit}\", which is no unit of {field}"));
            self.faults.push(finding.at(&table.at(0)).hint("give the column in a unit of that quantity"));
        }
        if self.found.iter().any(|(_, k)| *k == layout.kind) {
            let what = format!("there are {} results already", layout.kind.words());
            let finding = Diagnostic::error("EXCHANGE.RESULT.KIND_REPEATED", what);
            self.faults.push(
                finding.at(&table.at(0)).hint("give one file of each kind; several scenarios stand in one table with a column Scenario_ID"),
            );
        }
        self.found.push((table.name.clone(), layout.kind));
        if !layout.unused.is_empty() {
            let names: Vec<&str> = layout.unused.iter().map(|&c| table.headers[c].as_str()).filter(|h| !h.is_empty()).collect();
            if !names.is_empty() {
                let finding = Diagnostic::note("EXCHANGE.RESULT.COLUMN_KEPT", "columns are kept but not judged");
                self.findings.push(finding.at(&table.at(0)).detail(format!("{}.", names.join(", "))));
            }
        }
        let rows: Vec<Cells<'_>> = table.rows.iter().map(|row| Cells { table, layout, line: row.line, cells: &row.cells, mark }).collect();
        if rows.is_empty() {
            let finding = Diagnostic::error("EXCHANGE.RESULT.EMPTY", "the table has a header but no row");
            self.faults.push(finding.at(&table.at(0)).hint("export the results again"));
        }
        match layout.kind {
            ResultKind::LoadFlow => self.load_flow(&rows, table),
            ResultKind::ShortCircuit => self.short_circuit(&rows, table),
            ResultKind::PowerFlow => self.power_flow(&rows, table),
            ResultKind::Ram => self.ram(&rows, table),
        }
        if self.faults.len() == before {
            self.findings.extend(table.diagnostics.iter().cloned());
        }
    }

    fn fault(&mut self, code: &str, at: SourceRef, what: String, hint: &str) {
        self.faults.push(Diagnostic::error(code, what).at(&at).hint(hint));
    }

    /// A number of a row; `None` when it has none or it is at fault.
    fn number(&mut self, row: &Cells<'_>, name: &str, required: bool) -> Option<f64> {
        match row.number(name) {
            Ok(Some(read)) => Some(read.value),
            Ok(None) => {
                if required {
                    let what = format!("column {} is empty", row.header(name));
                    self.fault("EXCHANGE.RESULT.CELL_EMPTY", row.at(), what, "every row needs it");
                }
                None
            }
            Err(what) => {
                let what = format!("column {}: \"{}\": {what}", row.header(name), clip(row.text(name)));
                self.fault(
                    "EXCHANGE.RESULT.NUMBER",
                    row.at(),
                    what,
                    "give a plain number with a decimal dot, without thousands separators",
                );
                None
            }
        }
    }

    /// A number that cannot be below 0.
    fn magnitude(&mut self, row: &Cells<'_>, name: &str, required: bool) -> Option<f64> {
        let value = self.number(row, name, required)?;
        if value < 0.0 {
            let what = format!("column {} is {value}, below 0", row.header(name));
            self.fault("EXCHANGE.RESULT.NEGATIVE", row.at(), what, "a magnitude has no sign: look for exchanged columns");
            return None;
        }
        Some(value)
    }

    fn origin(&mut self, row: &Cells<'_>) -> RowOrigin {
        let scenario_id = row.text("scenario_id").to_owned();
        if !scenario_id.is_empty() && !self.scenarios.contains(&scenario_id) {
            let what = format!("scenario \"{}\" is none of the design", clip(&scenario_id));
            self.fault("EXCHANGE.RESULT.SCENARIO_UNKNOWN", row.at(), what, "use the identifiers of the exported scenarios");
        }
        let extra = row.layout.unused.iter().map(|&c| (row.table.headers[c].clone(), row.cells[c].clone()));
        let extra: BTreeMap<String, String> = extra.filter(|(h, v)| !h.is_empty() && !v.is_empty()).collect();
        RowOrigin { source: row.at(), scenario_id, extra }
    }

    /// Bus of a row as the design calls it: its identifier, in any case.
    fn bus(&mut self, row: &Cells<'_>) -> Option<String> {
        let id = row.text("bus_id");
        if id.is_empty() {
            let what = format!("column {} is empty", row.header("bus_id"));
            self.fault("EXCHANGE.RESULT.CELL_EMPTY", row.at(), what, "every row needs it");
            return None;
        }
        let found = self.design.buses.iter().find(|b| b.id.eq_ignore_ascii_case(id)).map(|b| b.id.clone());
        if found.is_none() {
            let known: Vec<&str> = self.design.buses.iter().map(|b| b.id.as_str()).take(6).collect();
            let what = format!("column {}: bus \"{}\" does not exist in the design", row.header("bus_id"), clip(id));
            self.fault(
                "EXCHANGE.RESULT.BUS_UNKNOWN",
                row.at(),
                what,
                &format!("are these results of another design? it has {}, ..", known.join(", ")),
            );
        }
        found
    }

    fn once(&mut self, seen: &mut HashMap<String, u32>, row: &Cells<'_>, key: String, what: &str) {
        if let Some(first) = seen.insert(key, row.line) {
            let message = format!("{what} stands in row {first} already");
            self.fault(
                "EXCHANGE.RESULT.REPEATED",
                row.at(),
                message,
                "keep one row for each, or tell scenarios apart in a column Scenario_ID",
            );
        }
    }

    fn load_flow(&mut self, rows: &[Cells<'_>], table: &Table) {
        let (mut all, mut seen) = (Vec::new(), HashMap::new());
        for row in rows {
            let bus = self.bus(row);
            let origin = self.origin(row);
            let (kv, pu) = (self.magnitude(row, "voltage_kv", false), self.magnitude(row, "voltage_pu", false));
            let rated_kv = bus.as_deref().and_then(|b| self.design.bus(b)).map(|b| b.rated_kv);
            let voltage_pu = pu.or_else(|| Some(kv? / rated_kv?));
            if voltage_pu.is_none() && row.text("voltage_pu").is_empty() && row.text("voltage_kv").is_empty() {
                self.fault(
                    "EXCHANGE.RESULT.CELL_EMPTY",
                    row.at(),
                    "the row has no voltage".to_owned(),
                    "every row needs Voltage_pu or Voltage_kV",
                );
            }
            let (angle_deg, p_mw) = (self.number(row, "angle_deg", false), self.number(row, "p_mw", false));
            let (q_mvar, loading_pct) = (self.number(row, "q_mvar", false), self.magnitude(row, "loading_pct", false));
            let (Some(bus_id), Some(voltage_pu)) = (bus, voltage_pu) else { continue };
            self.once(&mut seen, row, format!("{}\n{bus_id}", origin.scenario_id), &format!("bus {bus_id}"));
            let bus_name = row.text("bus_name").to_owned();
            all.push(LoadFlowRow { origin, bus_id, bus_name, voltage_kv: kv, voltage_pu, angle_deg, p_mw, q_mvar, loading_pct });
        }
        self.missing_buses(all.iter().map(|r| r.bus_id.as_str()).collect(), table);
        self.results.load_flow = Some(all);
    }

    fn short_circuit(&mut self, rows: &[Cells<'_>], table: &Table) {
        let (mut all, mut seen) = (Vec::new(), HashMap::new());
        for row in rows {
            let bus = self.bus(row);
            let origin = self.origin(row);
            let fault_type = row.text("fault_type").to_owned();
            let isc = self.magnitude(row, "isc_ka", true);
            let (x_r_ratio, breaker_rating_ka) = (self.magnitude(row, "x_r_ratio", false), self.magnitude(row, "breaker_rating_ka", false));
            let (duty_pct, isc_mva) = (self.magnitude(row, "duty_pct", false), self.magnitude(row, "isc_mva", false));
            if breaker_rating_ka == Some(0.0) {
                let what = format!("column {} is 0", row.header("breaker_rating_ka"));
                self.fault(
                    "EXCHANGE.RESULT.RATING",
                    row.at(),
                    what,
                    "a breaker's rating is above 0; leave the cell empty where there is no breaker",
                );
            }
            let (Some(bus_id), Some(isc_ka)) = (bus, isc) else { continue };
            self.once(
                &mut seen,
                row,
                format!("{}\n{bus_id}\n{}", origin.scenario_id, fault_type.to_lowercase()),
                &format!("{fault_type} at {bus_id}"),
            );
            let bus_name = row.text("bus_name").to_owned();
            all.push(ShortCircuitRow { origin, bus_id, bus_name, fault_type, isc_ka, x_r_ratio, breaker_rating_ka, duty_pct, isc_mva });
        }
        self.missing_buses(all.iter().map(|r| r.bus_id.as_str()).collect(), table);
        self.results.short_circuit = Some(all);
    }

    fn power_flow(&mut self, rows: &[Cells<'_>], table: &Table) {
        let (mut all, mut seen) = (Vec::new(), HashMap::new());
        for row in rows {
            let origin = self.origin(row);
            let number = self.number(row, "bus", true).filter(|n| n.fract() == 0.0 && (1.0..=999_999.0).contains(n)).map(|n| n as u32);
            let known = number.and_then(|n| self.design.bus_of_number(n)).is_some();
            if !known && !row.text("bus").is_empty() {
                let what = format!("column {}: bus \"{}\" does not exist in the design", row.header("bus"), clip(row.text("bus")));
                self.fault(
                    "EXCHANGE.RESULT.BUS_UNKNOWN",
                    row.at(),
                    what,
                    "are these results of another design? a bus is told by its number",
                );
            }
            let (vm, va) = (self.magnitude(row, "vm_pu", true), self.number(row, "va_deg", true));
            let [p_gen_mw, q_gen_mvar, p_load_mw, q_load_mvar] =
                ["p_gen_mw", "q_gen_mvar", "p_load_mw", "q_load_mvar"].map(|name| self.number(row, name, false));
            let base_kv = self.magnitude(row, "base_kv", false);
            let (Some(bus), Some(vm_pu), Some(va_deg), true) = (number, vm, va, known) else { continue };
            self.once(&mut seen, row, format!("{}\n{bus}", origin.scenario_id), &format!("bus {bus}"));
            let name = row.text("name").to_owned();
            let found =
                PowerFlowRow { origin, bus, name, vm_pu, va_deg, p_gen_mw, q_gen_mvar, p_load_mw, q_load_mvar, base_kv, is_swing: false };
            self.base_voltage(&found);
            all.push(found);
        }
        self.missing_buses(all.iter().filter_map(|r| self.design.bus_of_number(r.bus)).map(|b| b.id.as_str()).collect(), table);
        self.results.power_flow = Some(all);
    }

    fn base_voltage(&mut self, row: &PowerFlowRow) {
        let Some((kv, bus)) = row.base_kv.zip(self.design.bus_of_number(row.bus)) else { return };
        if kv > 0.0 && (kv / bus.rated_kv - 1.0).abs() > 0.01 {
            let what = format!("bus {} has a base of {kv} kV where the design has {} kV", row.bus, bus.rated_kv);
            self.fault(
                "EXCHANGE.RESULT.BASE_KV",
                row.origin.source.clone(),
                what,
                "are these results of another design? or is a unit wrong?",
            );
        }
    }

    fn ram(&mut self, rows: &[Cells<'_>], _: &Table) {
        let (mut all, mut seen) = (Vec::new(), HashMap::new());
        for row in rows {
            let origin = self.origin(row);
            let id = row.text("block_id").to_owned();
            if id.is_empty() {
                let what = format!("column {} is empty", row.header("block_id"));
                self.fault("EXCHANGE.RESULT.CELL_EMPTY", row.at(), what, "every row needs it");
            } else if !self.design.blocks.is_empty() && self.design.blocks.iter().all(|b| b.block_id != id) {
                let known: Vec<&str> = self.design.blocks.iter().map(|b| b.block_id.as_str()).collect();
                let what = format!("column {}: block \"{}\" does not exist in the design", row.header("block_id"), clip(&id));
                self.fault(
                    "EXCHANGE.RESULT.BLOCK_UNKNOWN",
                    row.at(),
                    what,
                    &format!("are these results of another design? it has {}", known.join(", ")),
                );
            } else {
                self.once(&mut seen, row, id.clone(), &format!("block {id}"));
            }
            let availability = self.availability(row);
            let (mtbf_h, mttr_h) = (self.magnitude(row, "mtbf_h", false), self.magnitude(row, "mttr_h", false));
            let (annual_downtime_h, failures_per_year) =
                (self.magnitude(row, "annual_downtime_h", false), self.magnitude(row, "failures_per_year", false));
            let Some((availability, availability_rounding)) = availability else { continue };
            let block_name = row.text("block_name").to_owned();
            all.push(RamRow {
                origin,
                block_id: id,
                block_name,
                availability,
                availability_rounding,
                mtbf_h,
                mttr_h,
                annual_downtime_h,
                failures_per_year,
            });
        }
        self.results.ram = Some(all);
    }

    /// A fraction if at most 1, else percent from 50 to 100; never multiplied twice.
    fn availability(&mut self, row: &Cells<'_>) -> Option<(f64, f64)> {
        self.number(row, "availability", true)?;
        let read = row.number("availability").ok().flatten()?;
        let (value, half) = (read.value, read.rounding);
        if value > 0.0 && value <= 1.0 && !read.percent {
            return Some((value, half));
        }
        if (PERCENT_FROM..=100.0).contains(&value) {
            return Some((value / 100.0, half / 100.0));
        }
        let what = format!("column {} is {value}, which is no availability", row.header("availability"));
        self.fault("EXCHANGE.RESULT.AVAILABILITY", row.at(), what, "give a fraction above 0 up to 1, or percent from 50 to 100");
        None
    }

    fn missing_buses(&mut self, met: HashSet<&str>, table: &Table) {
        let missing: Vec<&str> = self.design.buses.iter().map(|b| b.id.as_str()).filter(|b| !met.contains(b)).collect();
        if !missing.is_empty() {
            let finding = Diagnostic::warning("EXCHANGE.RESULT.BUS_MISSING", format!("{} buses of the design have no row", missing.len()));
            let some: Vec<&str> = missing.iter().copied().take(10).collect();
            self.findings.push(finding.at(&table.at(0)).detail(format!("{}.", some.join(", "))).hint("what is not there is not judged"));
        }
    }

    /// A RAW file with the voltages of a solution.
    fn raw(&mut self, file: &ResultFile<'_>) {
        let files = MemoryFiles::new().with(file.name, file.bytes);
        let imported = match psse::read(&files, Path::new(file.name), &psse::ReadOptions::default()) {
            Ok(imported) => imported,
            Err(e) => return self.faults.extend(e.diagnostics),
        };
        let errors: Vec<Diagnostic> = imported.diagnostics.iter().filter(|d| d.severity == network::Severity::Error).cloned().collect();
        if !errors.is_empty() {
            return self.faults.extend(errors);
        }
        if self.found.iter().any(|(_, k)| *k == ResultKind::PowerFlow) {
            let what = format!("there are {} results already", ResultKind::PowerFlow.words());
            self.fault("EXCHANGE.RESULT.KIND_REPEATED", SourceRef::new(file.name, 0), what, "give one file of each kind");
        }
        self.found.push((file.name.to_owned(), ResultKind::PowerFlow));
        let rows = power_flow_rows(&imported.network);
        for row in &rows {
            if self.design.bus_of_number(row.bus).is_none() {
                let what = format!("bus {} does not exist in the design", row.bus);
                self.fault(
                    "EXCHANGE.RESULT.BUS_UNKNOWN",
                    row.origin.source.clone(),
                    what,
                    "is this a case of another design? a bus is told by its number",
                );
            }
            self.base_voltage(row);
        }
        let table = Table { name: file.name.to_owned(), ..Table::default() };
        self.missing_buses(rows.iter().filter_map(|r| self.design.bus_of_number(r.bus)).map(|b| b.id.as_str()).collect(), &table);
        if rows.iter().all(|r| r.va_deg == 0.0) {
            let finding = Diagnostic::warning("EXCHANGE.RESULT.NOT_SOLVED", "all angles are 0: the case seems not to be solved");
            self.findings.push(finding.at(&table.at(0)).hint("solve it in the other tool and save it with its voltages"));
        }
        self.results.power_flow = Some(rows);
    }
}

/// Buses of a case with their stored voltages, and sums of machines and loads in service.
pub fn power_flow_rows(network: &Network) -> Vec<PowerFlowRow> {
    let mut sums: HashMap<network::BusId, [f64; 4]> = HashMap::new();
    for m in network.machines.iter().filter(|m| m.in_service && m.common.enabled) {
        if let Some(t) = m.common.terminals.first() {
            let s = sums.entry(t.bus).or_default();
            (s[0], s[1]) = (s[0] + m.p_mw, s[1] + m.q_mvar);
        }
    }
    for l in network.power_loads.iter().filter(|l| l.in_service && l.common.enabled) {
        if let Some(t) = l.common.terminals.first() {
            let s = sums.entry(t.bus).or_default();
            (s[2], s[3]) = (s[2] + l.p_mw, s[3] + l.q_mvar);
        }
    }
    let buses = network.buses.iter().enumerate().filter_map(|(i, b)| Some((network::BusId::from(i), b.transmission.as_deref()?)));
    let live = buses.filter(|(_, b)| b.kind != BusKind::Isolated);
    live.map(|(id, b)| {
        let [p_gen, q_gen, p_load, q_load] = sums.get(&id).copied().unwrap_or_default();
        PowerFlowRow {
            origin: RowOrigin { source: b.source.clone(), ..RowOrigin::default() },
            bus: b.number,
            name: b.name.trim().to_owned(),
            vm_pu: b.v_pu,
            va_deg: b.angle_deg,
            p_gen_mw: Some(p_gen),
            q_gen_mvar: Some(q_gen),
            p_load_mw: Some(p_load),
            q_load_mvar: Some(q_load),
            base_kv: Some(b.kv_base_ll),
            is_swing: b.kind == BusKind::Swing,
        }
    })
    .collect()
}

fn clip(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Finds the header of a table: its first row, else one below titles.
fn header(file: &ResultFile<'_>, sheet: Option<&str>) -> Result<(Table, Layout), Vec<Diagnostic>> {
    let sheet = sheet.map(str::to_owned);
    let read = |header_line| {
        table::read_bytes(file.bytes, file.name, &TableOptions { sheet: sheet.clone(), header_line, ..TableOptions::default() })
    };
    let first = read(None);
    if let Ok(table) = &first
        && let Some(layout) = Layout::find(&table.headers)
    {
        return Ok((table.clone(), layout));
    }
    let mut above: Option<(u32, Vec<String>)> = None;
    for line in 1..=TITLE_ROWS {
        let Ok(mut table) = read(Some(line)) else { continue };
        if let Some(layout) = Layout::find(&table.headers) {
            let what = format!("the header stands in row {line}; rows above it are passed over");
            table
                .diagnostics
                .push(Diagnostic::warning("EXCHANGE.RESULT.TITLE_ROWS", what).at(&table.at(line)).hint("begin the table with its header"));
            return Ok((table, layout));
        }
        // Two rows that only together name the columns: a header merged over several.
        if let Some((at, upper)) = &above {
            let mut carried = String::new();
            let both: Vec<String> = (0..upper.len().max(table.headers.len()))
                .map(|c| {
                    let top = upper.get(c).map_or("", String::as_str);
                    if !top.is_empty() {
                        carried = top.to_owned();
                    }
                    match table.headers.get(c).map_or("", String::as_str) {
                        "" => carried.clone(),
                        low => format!("{carried} ({low})"),
                    }
                })
                .collect();
            if Layout::find(&both).is_some() {
                let what = format!("the header is merged over rows {at} and {line}");
                let finding = Diagnostic::error("EXCHANGE.RESULT.MERGED_HEADER", what).at(&table.at(line));
                return Err(vec![finding.hint("unmerge it: one row, with a name in each column")]);
            }
        }
        above = Some((line, table.headers.clone()));
    }
    match first {
        Err(e) => Err(e.diagnostics),
        Ok(table) => {
            let finding = match Layout::nearest(&table.headers) {
                Some(near) => {
                    let mut detail = format!("It looks like {} results, but has no column {}.", near.kind.words(), near.missing.join(", "));
                    for (header, unit, field) in &near.units {
                        detail.push_str(&format!(" Column \"{header}\" is in \"{unit}\", which is no unit of {field}."));
                    }
                    Diagnostic::error("EXCHANGE.RESULT.COLUMN_MISSING", "columns are missing").detail(detail)
                }
                None => {
                    let headers: Vec<String> = table.headers.iter().take(12).map(|h| clip(h)).collect();
                    let what = "the table is none of the results that are read";
                    Diagnostic::error("EXCHANGE.RESULT.UNKNOWN", what).detail(format!("Its columns: {}.", headers.join(", ")))
                }
            };
            let hint = "docs/formats/exchange.md lists the columns of each table; a voltage needs its unit (pu, kV or %)";
            Err(vec![finding.at(&table.at(0)).hint(hint)])
        }
    }
}

/// The cells of a row, by field.
struct Cells<'a> {
    table: &'a Table,
    layout: &'a Layout,
    line: u32,
    cells: &'a [String],
    mark: Mark,
}

impl Cells<'_> {
    fn at(&self) -> SourceRef {
        self.table.at(self.line)
    }

    fn header(&self, name: &str) -> &str {
        self.layout.column(name).map_or("", |(c, _)| &self.table.headers[c])
    }

    fn text(&self, name: &str) -> &str {
        self.layout.column(name).and_then(|(c, _)| self.cells.get(c)).map_or("", |t| t.trim())
    }

    fn number(&self, name: &str) -> Result<Option<number::Read>, String> {
        let Some((_, factor)) = self.layout.column(name) else { return Ok(None) };
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        let read = number::read(text, self.mark)?;
        Ok(Some(number::Read { value: read.value * factor, rounding: read.rounding * factor, ..read }))
    }
}
