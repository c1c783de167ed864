//! Documents of flexible demand: programs, devices, events and a day, as YAML or JSON with the names of `network::flexibility`.

use crate::ImportError;
use crate::exchange::read_document;
use network::flexibility::FlexibilityCase;
use network::{Diagnostic, Network, Severity, SourceRef};

const HINT: &str = "docs/methods/flexibility.md lists the fields; models/ieee123/flexibility.yaml is a sample";

/// Reads a document and looks it over, alone and against the network where one is given. `name` is that of the file, for findings.
///
/// # Errors
/// A text that is none, at its first fault; then everything that [`FlexibilityCase::check`] and [`FlexibilityCase::check_against`] find, at once.
pub fn read_flexibility(text: &str, name: &str, network: Option<&Network>) -> Result<(FlexibilityCase, Vec<Diagnostic>), ImportError> {
    let case = parse_flexibility(text, name)?;
    let at = SourceRef::new(name, 0);
    let mut findings = case.check();
    findings.extend(network.map(|n| case.check_against(n)).unwrap_or_default());
    let findings: Vec<Diagnostic> = findings.into_iter().map(|d| if d.source.is_none() { d.at(&at) } else { d }).collect();
    if findings.iter().any(|d| d.severity == Severity::Error) { Err(ImportError::new(findings)) } else { Ok((case, findings)) }
}

/// Reads a document without looking it over: more programs may come to it.
///
/// # Errors
/// A text that is none, at its first fault.
pub fn parse_flexibility(text: &str, name: &str) -> Result<FlexibilityCase, ImportError> {
    read_document(text, name, "FLEXIBILITY.FILE.UNREADABLE", "document of flexible demand", HINT)
}

/// A document as YAML, which [`read_flexibility`] reads back equal.
///
/// # Errors
/// The writer's own words; plain data does not make it fail.
pub fn write_flexibility(case: &FlexibilityCase) -> Result<String, String> {
    serde_saphyr::to_string(case).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "
name: small
day:
  weekday: thursday
  step_min: 15
  temperature_c: [20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 30, 30, 30, 30, 30, 30, 30, 30, 20, 20, 20, 20]
programs:
  - name: peak_shaving
    min_power_kw: 100.0
    target_pf: 0.95
    windows: [{ days: [thursday, friday], from: \"14:00\", to: \"21:00\" }]
devices:
  - name: car
    bus: b
    phases: [1]
    program: peak_shaving
    unit:
      ev: { charger_kw: 7.2, energy_needed_kwh: 10, arrival: \"17:30\", departure: \"07:00\", efficiency: 0.9 }
events:
  - name: first
    programs: [peak_shaving]
    start: \"17:00\"
    duration_min: 120
    target: { limit_kw: 50 }
";

    #[test]
    fn a_document_comes_back_equal() {
        let (case, findings) = read_flexibility(SMALL, "small.yaml", None).map_err(|e| e.diagnostics).expect("it is sound");
        assert!(findings.is_empty());
        assert_eq!(case.programs[0].min_power_kw, Some(100.0));
        assert_eq!(case.events[0].end_min(), 19 * 60);
        let text = write_flexibility(&case).expect("written");
        assert_eq!(read_flexibility(&text, "again.yaml", None).map_err(|e| e.diagnostics).expect("read back").0, case);
        let json = serde_json::to_string(&case).expect("plain data");
        assert_eq!(read_flexibility(&json, "again.json", None).map_err(|e| e.diagnostics).expect("read back").0, case);
    }

    #[test]
    fn faults_are_told_with_file_and_line() {
        let found = |text: &str| read_flexibility(text, "x.yaml", None).expect_err("it is refused").diagnostics;
        let unknown = found(&SMALL.replace("    phases: [1]", "    phase: [1]"));
        assert_eq!(unknown[0].code, "FLEXIBILITY.FILE.UNREADABLE");
        assert!(unknown[0].detail.as_ref().is_some_and(|d| d.contains("phase")), "{unknown:?}");
        assert!(unknown[0].source.as_ref().is_some_and(|s| &*s.file == "x.yaml" && s.line > 0), "{unknown:?}");
        for bad in ["24:30", "7", "17:60", "noon"] {
            let text = SMALL.replace("17:30", bad);
            assert!(found(&text)[0].detail.as_ref().is_some_and(|d| d.contains("time of day")), "{bad}");
        }
        let several = found(&SMALL.replace("target_pf: 0.95", "target_pf: 1.5").replace("charger_kw: 7.2", "charger_kw: -7.2"));
        assert_eq!(several.len(), 2, "{several:?}");
    }
}
