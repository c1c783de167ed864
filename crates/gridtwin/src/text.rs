//! Plain text for people: columns, wrapped sentences, colour where a terminal shows it.

use network::{Diagnostic, Severity};
use std::collections::HashMap;
use std::fmt::Write;

/// Widest line of any report, columns.
pub const WIDTH: usize = 100;

/// Findings of one code that are printed in full; the rest is counted.
pub const SHOWN_PER_CODE: usize = 10;

/// How text may be dressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    pub colour: bool,
}

impl Style {
    pub const PLAIN: Style = Style { colour: false };

    /// Colour only on a terminal, and not where the environment asks for none (`NO_COLOR`, `TERM=dumb`).
    pub fn for_terminal(is_terminal: bool) -> Style {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()) || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        Style { colour: is_terminal && !refused }
    }

    fn dress(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub fn bold(self, text: &str) -> String {
        self.dress("1", text)
    }

    pub fn severity(self, severity: Severity, text: &str) -> String {
        self.dress(
            match severity {
                Severity::Error => "1;31",
                Severity::Warning => "1;33",
                Severity::Note => "1;34",
            },
            text,
        )
    }
}

/// Splits a sentence at blanks into lines of at most `width` columns; a longer word keeps its line.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut columns = 0;
        for word in paragraph.split_whitespace() {
            let word_columns = word.chars().count();
            if columns > 0 && columns + 1 + word_columns > width {
                lines.push(std::mem::take(&mut line));
                columns = 0;
            }
            if columns > 0 {
                line.push(' ');
                columns += 1;
            }
            line.push_str(word);
            columns += word_columns;
        }
        lines.push(line);
    }
    lines
}

/// At most `width` columns of `text`, its end replaced by dots where it is longer.
pub fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(2)).collect();
    format!("{kept}..")
}

/// One finding: severity, code and message, where, detail, hint.
pub fn diagnostic(d: &Diagnostic, style: Style) -> String {
    let severity = match d.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let head = format!("{severity}[{}]", d.code);
    let element = d.element.as_ref().map_or(String::new(), |e| format!("{e}: "));
    let mut lines = wrap(&format!("{head}: {element}{}", d.message), WIDTH);
    if let Some(first) = lines.first_mut()
        && let Some(rest) = first.strip_prefix(&head)
    {
        *first = format!("{}{}", style.severity(d.severity, &head), rest);
    }
    // A message that runs on is indented like its detail.
    for line in lines.iter_mut().skip(1) {
        line.insert_str(0, "  ");
    }
    if let Some(source) = &d.source {
        lines.push(format!("  at {source}"));
    }
    for text in d.detail.iter() {
        lines.extend(wrap(text, WIDTH - 2).into_iter().map(|l| format!("  {l}")));
    }
    if let Some(hint) = &d.hint {
        lines.extend(wrap(&format!("hint: {hint}"), WIDTH - 2).into_iter().map(|l| format!("  {l}")));
    }
    lines.join("\n")
}

/// Findings in their order, the gravest first, at most [`SHOWN_PER_CODE`] of a code, and what was left out.
pub fn diagnostics(findings: &[Diagnostic], style: Style) -> String {
    some_diagnostics(findings, style, SHOWN_PER_CODE)
}

/// All findings in their order, the gravest first.
pub fn all_diagnostics(findings: &[Diagnostic], style: Style) -> String {
    some_diagnostics(findings, style, usize::MAX)
}

fn some_diagnostics(findings: &[Diagnostic], style: Style, per_code: usize) -> String {
    let mut text = String::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let mut seen: Vec<(&str, usize)> = Vec::new();
        let mut at: HashMap<&str, usize> = HashMap::new();
        for d in findings.iter().filter(|d| d.severity == severity) {
            let i = *at.entry(&d.code).or_insert_with(|| {
                seen.push((&d.code, 0));
                seen.len() - 1
            });
            seen[i].1 += 1;
            if seen[i].1 <= per_code {
                writeln!(text, "{}", diagnostic(d, style)).expect("writing to a string");
            }
        }
        for (code, n) in seen.into_iter().filter(|&(_, n)| n > per_code) {
            writeln!(text, "  and {} more of {code}; `gridtwin check` lists all", n - per_code).expect("writing to a string");
        }
    }
    text
}

/// `2 errors, 1 warning`, or nothing where there is nothing.
pub fn tally(findings: &[Diagnostic]) -> String {
    let n = |severity| findings.iter().filter(|d| d.severity == severity).count();
    if findings.is_empty() {
        return "none".to_owned();
    }
    [(n(Severity::Error), "error"), (n(Severity::Warning), "warning"), (n(Severity::Note), "note")]
        .into_iter()
        .filter(|&(n, _)| n > 0)
        .map(|(n, noun)| crate::number::count(n, noun))
        .collect::<Vec<_>>()
        .join(", ")
}

/// On which side a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Rows of text in aligned columns, indented by two.
#[derive(Clone, Debug)]
pub struct Table {
    heads: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// `<name` is a left column, `>name` a right one.
    pub fn new(heads: &[&str]) -> Self {
        let heads = heads
            .iter()
            .map(|h| match h.strip_prefix('>') {
                Some(name) => (name.to_owned(), Align::Right),
                None => (h.strip_prefix('<').unwrap_or(h).to_owned(), Align::Left),
            })
            .collect();
        Self { heads, rows: Vec::new() }
    }

    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.cells(cells.into());
    }

    /// A row of a table whose columns are only known when it is made.
    pub fn cells(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.heads.len(), "one cell for each column");
        self.rows.push(cells);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Head and rows, each line ended. A table without any head has no head line.
    pub fn render(&self) -> String {
        let width = |c: usize| {
            let cells = self.rows.iter().map(|r| r[c].chars().count());
            cells.chain([self.heads[c].0.chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::from("  ");
            for (c, cell) in cells.enumerate() {
                if c > 0 {
                    line.push_str("  ");
                }
                let pad = " ".repeat(widths[c] - cell.chars().count());
                match self.heads[c].1 {
                    Align::Left => line.extend([cell, &pad]),
                    Align::Right => line.extend([pad.as_str(), cell]),
                }
            }
            line.truncate(line.trim_end().len());
            line.push('\n');
            line
        };
        let mut text = String::new();
        if self.heads.iter().any(|(h, _)| !h.is_empty()) {
            text.push_str(&line(&mut self.heads.iter().map(|(h, _)| h.as_str())));
        }
        for row in &self.rows {
            text.push_str(&line(&mut row.iter().map(String::as_str)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::SourceRef;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["<node", ">pu"]);
        table.row(["a.1".into(), "1.0312".into()]);
        table.row(["longer.1".into(), "0.9".into()]);
        assert_eq!(table.render(), "  node          pu\n  a.1       1.0312\n  longer.1     0.9\n");
    }

    #[test]
    fn a_finding_reads_as_three_parts() {
        let d = Diagnostic::warning("CHECK.LOAD.KV_BASE", "rated voltage does not fit its bus")
            .element("load.shop")
            .at(&SourceRef::new("a.dss", 6))
            .detail("word ".repeat(30))
            .hint("Set kV.");
        let text = diagnostic(&d, Style::PLAIN);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "warning[CHECK.LOAD.KV_BASE]: load.shop: rated voltage does not fit its bus");
        assert_eq!(lines[1], "  at a.dss:6");
        assert!(lines.iter().all(|l| l.len() <= WIDTH), "{text}");
        assert_eq!(*lines.last().unwrap(), "  hint: Set kV.");
        assert!(diagnostic(&d, Style { colour: true }).starts_with("\x1b[1;33mwarning[CHECK.LOAD.KV_BASE]\x1b[0m: load.shop"));
    }

    #[test]
    fn many_findings_of_a_code_are_counted() {
        let findings: Vec<Diagnostic> = (0..13).map(|i| Diagnostic::warning("A.B.C", format!("w{i}"))).collect();
        let text = diagnostics(&findings, Style::PLAIN);
        assert!(text.contains("w9") && !text.contains("w10"));
        assert!(text.ends_with("  and 3 more of A.B.C; `gridtwin check` lists all\n"));
        assert_eq!(tally(&findings), "13 warnings");
    }
}
