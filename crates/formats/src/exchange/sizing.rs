//! The brief of a sizing: YAML or JSON, its layouts inline or in files beside it.

use super::design::read_text;
use super::samples;
use crate::ImportError;
use network::design::sizing::{SizingBrief, layout_element};
use network::{Diagnostic, Severity, SourceRef};

/// Reads a brief with the designs of its layouts, and looks all of it over. `name` is that of the file, for findings; `load` gives the text of a design by
/// its file name.
///
/// # Errors
/// A text that is none, designs that cannot be had or read, and what [`SizingBrief::check`] finds: all at once, with the findings of the designs.
pub fn read_sizing(
    text: &str,
    name: &str,
    mut load: impl FnMut(&str) -> Result<String, Diagnostic>,
) -> Result<(SizingBrief, Vec<Diagnostic>), ImportError> {
    let mut brief: SizingBrief = read_text(text, name, "EXCHANGE.SIZING.UNREADABLE", "brief of a sizing")?;
    let mut findings = Vec::new();
    for layout in &mut brief.layouts {
        let Some(file) = &layout.file else { continue };
        if layout.design.is_some() {
            let what = Diagnostic::error("EXCHANGE.SIZING.VALUE", format!("{} has both a design and a file", layout.id));
            findings.push(what.element("sizing").hint("give one of them"));
            continue;
        }
        match load(file) {
            Ok(text) => match super::read_design(&text, file) {
                Ok((design, found)) => {
                    layout.design = Some(design);
                    findings.extend(found);
                }
                Err(e) => findings.extend(e.diagnostics),
            },
            Err(d) => findings.push(d),
        }
    }
    let is_error = |d: &Diagnostic| d.severity == Severity::Error;
    // A layout whose file was refused is told by that.
    let refused: Vec<String> =
        brief.layouts.iter().filter(|l| l.file.is_some() && l.design.is_none()).map(|l| layout_element(&l.id)).collect();
    let is_told = |d: &Diagnostic| d.code == "EXCHANGE.SIZING.NO_DESIGN" && d.element.as_ref().is_some_and(|e| refused.contains(e));
    let at = SourceRef::new(name, 0);
    let own = brief.check().into_iter().filter(|d| !is_told(d));
    findings.extend(own.map(|d| if d.source.is_none() { d.at(&at) } else { d }));
    if findings.iter().any(is_error) { Err(ImportError::new(findings)) } else { Ok((brief, findings)) }
}

/// A design that the program holds, for the layouts of the sample brief.
///
/// # Errors
/// Another name.
pub fn sample_design(file: &str) -> Result<String, Diagnostic> {
    let known = [("design.yaml", samples::DESIGN), ("design_34kv.yaml", samples::DESIGN_34KV)];
    known.iter().find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned()).ok_or_else(|| {
        let what = Diagnostic::error("EXCHANGE.SIZING.FILE", format!("there is no design \"{file}\" here"));
        what.element("sizing")
            .hint("write the design into the brief, as `design` of its layout; the samples are design.yaml and design_34kv.yaml")
    })
}
