//! `gridtwin check`: the findings about a model as text, JSON or SARIF.

use crate::cli::{CheckArguments, CheckFormat};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::text;
use network::{Diagnostic, Severity};
use serde_json::{Value, json};

/// Runs the command: all findings go out, whatever their number.
///
/// # Returns
/// Whether the model may be solved: none of the findings is an error.
///
/// # Errors
/// A stream that cannot be written.
pub fn run(arguments: &CheckArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let name = arguments.model.model.display().to_string();
    let findings = match Model::read(&arguments.model) {
        Err(failure) => failure.diagnostics,
        Ok(mut model) => match model.preflight(arguments.model.lenient) {
            Err(failure) => failure.diagnostics,
            Ok(()) => model.diagnostics,
        },
    };
    match arguments.format {
        CheckFormat::Text => console.print(&as_text(&name, &findings, console.style))?,
        CheckFormat::Json => console.json(&as_json(&name, &findings))?,
        CheckFormat::Sarif => console.json(&as_sarif(&findings))?,
    }
    Ok(findings.iter().all(|d| d.severity != Severity::Error))
}

fn as_text(name: &str, findings: &[Diagnostic], style: text::Style) -> String {
    if findings.is_empty() {
        return format!("{name}: no findings\n");
    }
    let mut text = text::all_diagnostics(findings, style);
    text.push_str(&format!("{name}: {}\n", text::tally(findings)));
    text
}

fn as_json(name: &str, findings: &[Diagnostic]) -> Value {
    let n = |severity| findings.iter().filter(|d| d.severity == severity).count();
    json!({
        "model": name,
        "errors": n(Severity::Error),
        "warnings": n(Severity::Warning),
        "notes": n(Severity::Note),
        "findings": findings,
    })
}

/// SARIF 2.1.0: one run, one rule for each code that occurs.
fn as_sarif(findings: &[Diagnostic]) -> Value {
    let mut codes: Vec<&str> = findings.iter().map(|d| d.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes.iter().map(|code| json!({ "id": code })).collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|d| {
            let parts = [Some(&d.message), d.detail.as_ref(), d.hint.as_ref()];
            let text = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("\n");
            let mut result = json!({
                "ruleId": d.code,
                "ruleIndex": codes.binary_search(&d.code.as_str()).expect("every code is listed"),
                "level": d.severity,
                "message": { "text": text },
            });
            let mut location = serde_json::Map::new();
            if let Some(source) = &d.source {
                let mut place = json!({ "artifactLocation": { "uri": uri(&source.file) } });
                // SARIF counts lines from 1; a finding about a whole file has no region.
                if source.line > 0 {
                    place["region"] = json!({ "startLine": source.line });
                }
                location.insert("physicalLocation".to_owned(), place);
            }
            if let Some(element) = &d.element {
                location.insert("logicalLocations".to_owned(), json!([{ "fullyQualifiedName": element }]));
            }
            if !location.is_empty() {
                result["locations"] = json!([location]);
            }
            result
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "gridtwin", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A path as a relative or `file` reference: bytes that a URI does not allow are escaped.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::SourceRef;

    #[test]
    fn sarif_places_a_finding() {
        let findings = [
            Diagnostic::warning("CHECK.B", "b").detail("why").hint("what"),
            Diagnostic::error("CHECK.A", "a").element("load.x").at(&SourceRef::new("a b.dss", 6)),
        ];
        let sarif = as_sarif(&findings);
        let run = &sarif["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"], json!([{ "id": "CHECK.A" }, { "id": "CHECK.B" }]));
        assert_eq!(run["results"][0]["level"], "warning");
        assert_eq!(run["results"][0]["message"]["text"], "b\nwhy\nwhat");
        assert_eq!(run["results"][0].get("locations"), None);
        let location = &run["results"][1]["locations"][0];
        assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "a%20b.dss");
        assert_eq!(location["physicalLocation"]["region"]["startLine"], 6);
        assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "load.x");
    }
}
