//! `gridtwin lake check`: is a results lake whole, and what is the checksum of what it says.

use crate::answer;
use crate::cli::{LakeArguments, LakeCommand};
use crate::console::Console;
use crate::failure::Failure;
use network::Diagnostic;
use serde_json::json;
use store::Lake;

/// Returns whether everything is whole.
///
/// # Errors
/// No lake there; one that cannot be read.
pub fn run(arguments: &LakeArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let LakeCommand::Check(check) = &arguments.command;
    let lake = Lake::open(&check.dir)?;
    let faults = lake.check()?;
    // Of a lake that is not whole there is no checksum to tell.
    let sums = if faults.is_empty() {
        let mut sums = Vec::new();
        for table in lake.tables()? {
            sums.push(lake.checksum(&table, check.study.as_deref())?);
        }
        sums
    } else {
        Vec::new()
    };
    if check.json {
        let list: Vec<_> = sums.iter().map(|s| json!({ "table": s.table, "rows": s.rows, "checksum": s.checksum })).collect();
        let found: Vec<_> = faults.iter().map(|f| json!({ "path": f.path, "reason": f.reason })).collect();
        console.json(&json!({ "whole": faults.is_empty(), "tables": list, "faults": found }))?;
    } else if faults.is_empty() {
        let names = ["table", "rows", "checksum of the sorted content"].map(String::from);
        let rows: Vec<Vec<String>> = sums.iter().map(|s| vec![s.table.clone(), s.rows.to_string(), s.checksum.clone()]).collect();
        console.print(&answer::columns(&names, &[false, true, false], &rows))?;
    }
    let findings: Vec<Diagnostic> = faults
        .iter()
        .map(|f| {
            Diagnostic::error("OUTPUT.LAKE.TORN", format!("{} is not as a run committed it", f.path.display()))
                .detail(format!("What is wrong: {}.", f.reason))
                .hint("Run the study again with --resume: what is torn is set aside and made anew.")
        })
        .collect();
    console.warn(&findings);
    Ok(faults.is_empty())
}
