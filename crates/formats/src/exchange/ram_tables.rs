//! Windchill's own tables read back: components and blocks, with what one row says twice checked against itself.

use super::number::{self, Mark};
use crate::ImportError;
use crate::table::{self, Table, TableOptions};
use network::design::ram::{Block, BlockType, ComponentData, FailureDistribution, YEAR_H};
use network::{Diagnostic, SourceRef};
use std::collections::HashSet;

/// Columns of a table by the names of [`super::windchill`]; case, blanks and underscores do not count.
struct Reader {
    table: Table,
    mark: Mark,
    faults: Vec<Diagnostic>,
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Reader {
    fn new(bytes: &[u8], name: &str, required: &[&str]) -> Result<Self, ImportError> {
        let table = table::read_bytes(bytes, name, &TableOptions::default())?;
        let mark = match table::decode(bytes, name, None) {
            Ok((text, _)) if !bytes.starts_with(b"PK") && table::sniff_delimiter(&text) == ';' => Mark::Comma,
            _ => Mark::Dot,
        };
        let mut reader = Self { table, mark, faults: Vec::new() };
        let missing: Vec<&str> = required.iter().copied().filter(|r| reader.column(r).is_none()).collect();
        if !missing.is_empty() {
            reader.fault(
                "EXCHANGE.RAM.COLUMN",
                0,
                format!("columns are missing: {}", missing.join(", ")),
                "export the table again with them",
            );
        }
        for reject in &reader.table.rejects {
            let what = Diagnostic::error("EXCHANGE.RAM.ROW", format!("the row has {}", reject.reason)).at(&reject.source);
            reader.faults.push(what.hint("lists of components stand in quotes"));
        }
        Ok(reader)
    }

    fn at(&self, line: u32) -> SourceRef {
        self.table.at(line)
    }

    fn fault(&mut self, code: &str, line: u32, what: String, hint: &str) {
        let finding = Diagnostic::error(code, what).at(&self.at(line)).hint(hint);
        self.faults.push(finding);
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.table.headers.iter().position(|h| plain(h) == plain(name))
    }

    fn text(&self, row: usize, name: &str) -> &str {
        self.column(name).map_or("", |c| self.table.rows[row].cells[c].trim())
    }

    fn number(&mut self, row: usize, name: &str, required: bool) -> Option<number::Read> {
        let line = self.table.rows[row].line;
        let text = self.text(row, name).to_owned();
        if text.is_empty() {
            if required {
                self.fault("EXCHANGE.RAM.VALUE", line, format!("column {name} is empty"), "every row needs it");
            }
            return None;
        }
        match number::read(&text, self.mark) {
            Ok(read) if read.value > 0.0 => Some(read),
            Ok(read) => {
                self.fault("EXCHANGE.RAM.VALUE", line, format!("column {name} is {}", read.value), "a number above 0 is expected");
                None
            }
            Err(what) => {
                self.fault("EXCHANGE.RAM.VALUE", line, format!("column {name}: \"{text}\": {what}"), "a number above 0 is expected");
                None
            }
        }
    }
}

/// Reads component data. Rate and availability, where they are given, have to follow from MTBF and MTTR within half a unit of their last digit.
///
/// # Errors
/// All faults of the table at once.
pub fn read_components(bytes: &[u8], name: &str) -> Result<Vec<ComponentData>, ImportError> {
    let mut r = Reader::new(bytes, name, &["Component_ID", "MTBF_Hours", "MTTR_Hours"])?;
    let (mut all, mut seen) = (Vec::new(), HashSet::new());
    let n_rows = if r.faults.is_empty() { r.table.rows.len() } else { 0 };
    for row in 0..n_rows {
        let line = r.table.rows[row].line;
        let id = r.text(row, "Component_ID").to_owned();
        if id.is_empty() || !seen.insert(id.clone()) {
            r.fault(
                "EXCHANGE.RAM.ID",
                line,
                format!("component \"{id}\" has no identifier of its own"),
                "give every component another identifier",
            );
        }
        let (mtbf, mttr) = (r.number(row, "MTBF_Hours", true), r.number(row, "MTTR_Hours", true));
        let (rate, availability) = (r.number(row, "Failure_Rate_Per_Hour", false), r.number(row, "Availability", false));
        let distribution = match plain(r.text(row, "Distribution")).as_str() {
            "" | "exponential" => FailureDistribution::Exponential,
            "weibull" => FailureDistribution::Weibull,
            other => {
                let what = format!("distribution \"{other}\" is not known");
                r.fault("EXCHANGE.RAM.WORD", line, what, "Exponential or Weibull");
                continue;
            }
        };
        let beta = r.number(row, "Weibull_Beta", false).map_or(1.0, |b| b.value);
        let eta = r.number(row, "Weibull_Eta", false);
        let capacity = r.number(row, "Capacity_MW", false).map(|c| c.value);
        let hours = r.number(row, "Operating_Hours_Per_Year", false).map_or(YEAR_H, |h| h.value);
        let interval = r.number(row, "PM_Interval_Hours", false).map(|h| h.value);
        let (Some(mtbf), Some(mttr)) = (mtbf, mttr) else { continue };
        // A hair more than half a unit, as 0.5 itself is rounded in binary.
        let fits = |given: number::Read, own: f64| (given.value - own).abs() <= given.rounding * 1.000_001;
        if let Some(given) = rate
            && !fits(given, 1.0 / mtbf.value)
        {
            let what = format!("the failure rate is {} but 1 / MTBF is {:.4E} an hour", given.value, 1.0 / mtbf.value);
            r.fault("EXCHANGE.RAM.RATE", line, what, "correct one of the two");
        }
        let own = mtbf.value / (mtbf.value + mttr.value);
        if let Some(given) = availability
            && !fits(given, own)
        {
            let what = format!("the availability is {} but MTBF / (MTBF + MTTR) is {own:.6}", given.value);
            r.fault("EXCHANGE.RAM.AVAILABILITY", line, what, "correct one of the three");
        }
        let word = |column: &str| r.text(row, column).to_owned();
        let data = ComponentData {
            component_id: id,
            component_name: word("Component_Name"),
            component_type: word("Component_Type"),
            mtbf_h: mtbf.value,
            mttr_h: mttr.value,
            distribution,
            weibull_beta: beta,
            weibull_eta_h: None,
            subsystem: word("Subsystem"),
            redundancy_group: word("Redundancy_Group"),
            capacity_mw: capacity,
            operating_hours_per_year: hours,
            pm_interval_h: interval,
        };
        // A scale that follows from the mean is not kept: it would go stale with it.
        let kept = eta.filter(|e| !fits(*e, data.eta_h())).map(|e| e.value);
        all.push(ComponentData { weibull_eta_h: kept, ..data });
    }
    if r.faults.is_empty() { Ok(all) } else { Err(ImportError::new(r.faults)) }
}

/// Reads blocks of the diagram. An ellipsis is no list; K_Required and N_Total have to fit what is listed.
///
/// # Errors
/// All faults of the table at once.
pub fn read_blocks(bytes: &[u8], name: &str) -> Result<Vec<Block>, ImportError> {
    let mut r = Reader::new(bytes, name, &["Block_ID", "Block_Type", "Components", "K_Required", "N_Total"])?;
    let (mut all, mut seen) = (Vec::new(), HashSet::new());
    let n_rows = if r.faults.is_empty() { r.table.rows.len() } else { 0 };
    for row in 0..n_rows {
        let line = r.table.rows[row].line;
        let id = r.text(row, "Block_ID").to_owned();
        if id.is_empty() || !seen.insert(id.clone()) {
            r.fault("EXCHANGE.RAM.ID", line, format!("block \"{id}\" has no identifier of its own"), "give every block another identifier");
        }
        let word = r.text(row, "Block_Type").to_owned();
        let kind = BlockType::ALL.into_iter().find(|t| plain(t.word()) == plain(&word));
        if kind.is_none() {
            let words: Vec<&str> = BlockType::ALL.iter().map(|t| t.word()).collect();
            r.fault("EXCHANGE.RAM.WORD", line, format!("block {id}: type \"{word}\" is not known"), &words.join(", "));
        }
        let components: Vec<String> =
            r.text(row, "Components").split([',', ';']).map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).collect();
        if components.iter().any(|c| c.contains("..") || c.contains('…')) {
            let what = format!("block {id}: its components are an ellipsis, not a list");
            r.fault("EXCHANGE.RAM.ELLIPSIS", line, what, "list every component");
            continue;
        }
        let (k, n) = (r.number(row, "K_Required", true), r.number(row, "N_Total", true));
        let whole = |x: Option<number::Read>| x.map(|x| x.value).filter(|x| x.fract() == 0.0 && *x <= 1e6).map(|x| x as u32);
        let (Some(block_type), Some(k_required), Some(n_total)) = (kind, whole(k), whole(n)) else { continue };
        let (block_name, description) = (r.text(row, "Block_Name").to_owned(), r.text(row, "Description").to_owned());
        let block = Block { block_id: id, block_name, block_type, components, k_required, n_total, description };
        if let Some(what) = block.count_fault() {
            r.fault(
                "EXCHANGE.RAM.COUNT",
                line,
                format!("block {}: {what}", block.block_id),
                "K_Required and N_Total have to fit the list of components",
            );
        }
        all.push(block);
    }
    if r.faults.is_empty() { Ok(all) } else { Err(ImportError::new(r.faults)) }
}
