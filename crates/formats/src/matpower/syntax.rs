//! As much of the language of such files as they use: assignments of matrices, cells and scalars,
//! and the statements with which a case converts its own units.
//!
//! A case of a distribution grid is often given in ohms and kilowatts and ends with lines that make
//! per-unit values of them: to read the matrices alone would be to read wrong numbers. Statements
//! that are not understood and touch the case are therefore errors.

use network::Diagnostic;
use std::collections::{BTreeMap, HashMap};

/// Brackets and operators that may nest in one another.
const MAX_DEPTH: usize = 64;
/// Values that statements may copy in all: a few lines could double a matrix without end.
const MAX_COPIED: usize = 100_000_000;

/// A matrix with the line of each row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    pub rows: Vec<Vec<f64>>,
    pub lines: Vec<u32>,
}

impl Matrix {
    fn scalar(value: f64) -> Self {
        Self { rows: vec![vec![value]], lines: vec![0] }
    }

    fn as_scalar(&self) -> Option<f64> {
        match &self.rows[..] {
            [row] if row.len() == 1 => row.first().copied(),
            _ => None,
        }
    }

    fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        self.rows.iter_mut().flatten().for_each(|v| *v = f(*v));
        self
    }

    fn transposed(&self) -> Self {
        let n = self.rows.first().map_or(0, Vec::len);
        let rows: Vec<Vec<f64>> = (0..n).map(|c| self.rows.iter().filter_map(|r| r.get(c).copied()).collect()).collect();
        let line = self.lines.first().copied().unwrap_or(0);
        Self { lines: vec![line; rows.len()], rows }
    }
}

/// A field of the case.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Matrix(Matrix),
    Text(String),
    /// Texts and numbers of a cell array, row after row.
    Cell(Vec<String>),
}

/// What a file says.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub name: String,
    /// Fields of the case with the line where each is given.
    pub fields: BTreeMap<String, (Value, u32)>,
    pub findings: Vec<Diagnostic>,
    /// Lines of the findings, one each.
    pub finding_lines: Vec<u32>,
}

/// Names for columns, as the case's own functions give them.
const CONSTANTS: [(&str, f64); 58] = [
    ("PQ", 1.0),
    ("PV", 2.0),
    ("REF", 3.0),
    ("NONE", 4.0),
    ("BUS_I", 1.0),
    ("BUS_TYPE", 2.0),
    ("PD", 3.0),
    ("QD", 4.0),
    ("GS", 5.0),
    ("BS", 6.0),
    ("BUS_AREA", 7.0),
    ("VM", 8.0),
    ("VA", 9.0),
    ("BASE_KV", 10.0),
    ("ZONE", 11.0),
    ("VMAX", 12.0),
    ("VMIN", 13.0),
    ("F_BUS", 1.0),
    ("T_BUS", 2.0),
    ("BR_R", 3.0),
    ("BR_X", 4.0),
    ("BR_B", 5.0),
    ("RATE_A", 6.0),
    ("RATE_B", 7.0),
    ("RATE_C", 8.0),
    ("TAP", 9.0),
    ("SHIFT", 10.0),
    ("BR_STATUS", 11.0),
    ("ANGMIN", 12.0),
    ("ANGMAX", 13.0),
    ("PF", 14.0),
    ("QF", 15.0),
    ("PT", 16.0),
    ("QT", 17.0),
    ("GEN_BUS", 1.0),
    ("PG", 2.0),
    ("QG", 3.0),
    ("QMAX", 4.0),
    ("QMIN", 5.0),
    ("VG", 6.0),
    ("MBASE", 7.0),
    ("GEN_STATUS", 8.0),
    ("PMAX", 9.0),
    ("PMIN", 10.0),
    ("PC1", 11.0),
    ("PC2", 12.0),
    ("QC1MIN", 13.0),
    ("QC1MAX", 14.0),
    ("QC2MIN", 15.0),
    ("QC2MAX", 16.0),
    ("RAMP_AGC", 17.0),
    ("RAMP_10", 18.0),
    ("RAMP_30", 19.0),
    ("RAMP_Q", 20.0),
    ("APF", 21.0),
    ("pi", std::f64::consts::PI),
    ("Inf", f64::INFINITY),
    ("inf", f64::INFINITY),
];

struct Parser<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
    line: u32,
    variables: HashMap<String, Matrix>,
    /// Name of the structure that the function gives back.
    case: String,
    script: Script,
    copied: usize,
}

/// What went wrong, and whether it touches the case.
struct Trouble(String);

type Parsed<T> = Result<T, Trouble>;

fn trouble<T>(text: impl Into<String>) -> Parsed<T> {
    Err(Trouble(text.into()))
}

/// Reads a file's statements.
pub fn parse(text: &str) -> Script {
    let variables = CONSTANTS.iter().map(|(name, value)| ((*name).to_owned(), Matrix::scalar(*value))).collect();
    let mut parser =
        Parser { bytes: text.as_bytes(), text, at: 0, line: 1, variables, case: "mpc".into(), script: Script::default(), copied: 0 };
    parser.statements();
    parser.script
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        if byte == b'\n' {
            self.line += 1;
        }
        Some(byte)
    }

    fn rest_of_line(&mut self) {
        while self.peek().is_some_and(|b| b != b'\n') {
            self.at += 1;
        }
    }

    /// A line that holds only `%{` opens a comment of many lines.
    fn block_comment(&mut self) -> bool {
        let start = self.text.get(..self.at).and_then(|t| t.rfind('\n')).map_or(0, |n| n + 1);
        let end = self.text.get(self.at..).and_then(|t| t.find('\n')).map_or(self.text.len(), |n| self.at + n);
        if self.text.get(start..end).map(str::trim) != Some("%{") {
            return false;
        }
        let mut depth = 0;
        while self.at < self.bytes.len() {
            let end = self.text.get(self.at..).and_then(|t| t.find('\n')).map_or(self.text.len(), |n| self.at + n);
            match self.text.get(self.at..end).map(str::trim) {
                Some("%{") => depth += 1,
                Some("%}") => depth -= 1,
                _ => {}
            }
            self.at = end;
            if depth == 0 {
                return true;
            }
            self.bump();
        }
        true
    }

    /// Blanks, comments and continued lines; line ends too if `lines`.
    fn blanks(&mut self, lines: bool) {
        loop {
            match self.peek() {
                Some(b'\n') if lines => {
                    self.bump();
                }
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'%' | b'#') => {
                    if !self.block_comment() {
                        self.rest_of_line();
                    }
                }
                Some(b'.') if self.bytes.get(self.at..self.at + 3) == Some(b"...") => {
                    self.rest_of_line();
                    self.bump();
                }
                _ => return,
            }
        }
    }

    fn word(&mut self) -> Option<String> {
        let start = self.at;
        if !self.peek().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') {
            return None;
        }
        while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.at += 1;
        }
        self.text.get(start..self.at).map(str::to_owned)
    }

    fn found(&mut self, finding: Diagnostic, line: u32) {
        self.script.findings.push(finding);
        self.script.finding_lines.push(line);
    }

    fn statements(&mut self) {
        loop {
            self.blanks(true);
            while matches!(self.peek(), Some(b';' | b',')) {
                self.at += 1;
                self.blanks(true);
            }
            if self.peek().is_none() {
                return;
            }
            let (start, line) = (self.at, self.line);
            if let Err(Trouble(detail)) = self.statement() {
                let first: String = self.text.get(start..).unwrap_or("").chars().take_while(|c| *c != '\n').take(80).collect();
                self.skip_statement();
                let end = self.at.min(self.text.len());
                let whole = self.text.get(start..end).unwrap_or("");
                let touches = whole.contains(&format!("{}.", self.case)) || whole.contains(&format!("{} =", self.case));
                let finding = if touches {
                    let finding =
                        Diagnostic::error("MATPOWER.STATEMENT.REFUSED", format!("a statement about the case is not understood: {first}"));
                    finding.hint("run the case where it was made and save its matrices plainly")
                } else {
                    let finding = Diagnostic::warning(
                        "MATPOWER.STATEMENT.IGNORED",
                        format!("a statement is not understood and has no effect: {first}"),
                    );
                    finding.hint("see that it does not change the case")
                };
                self.found(finding.detail(detail), line);
            }
            // Whatever is wrong, the next turn begins further on.
            if self.at == start {
                self.bump();
            }
        }
    }

    /// To the end of a statement that is not understood: beyond its brackets, to the line's end.
    fn skip_statement(&mut self) {
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'[' | b'{' | b'(' => depth += 1,
                b']' | b'}' | b')' => depth = depth.saturating_sub(1),
                b'%' | b'#' => {
                    self.rest_of_line();
                    continue;
                }
                b'.' if self.bytes.get(self.at..self.at + 3) == Some(b"...") => {
                    self.rest_of_line();
                    self.bump();
                    continue;
                }
                b'\n' if depth == 0 => return,
                _ => {}
            }
            self.bump();
        }
    }

    fn end_of_statement(&mut self) -> Parsed<()> {
        self.blanks(false);
        match self.peek() {
            None | Some(b';' | b',' | b'\n') => Ok(()),
            Some(other) => trouble(format!("\"{}\" is unexpected there.", char::from(other))),
        }
    }

    fn statement(&mut self) -> Parsed<()> {
        if self.peek() == Some(b'[') {
            return self.names_of_columns();
        }
        let line = self.line;
        let Some(word) = self.word() else { return trouble("It does not begin with a name.") };
        match word.as_str() {
            "function" => return self.function(),
            // Constants that are known here anyway; words that end a function.
            "define_constants" | "end" | "endfunction" | "return" | "clear" => {
                self.rest_of_line();
                return Ok(());
            }
            _ => {}
        }
        if word == self.case && self.peek() == Some(b'.') {
            self.at += 1;
            let Some(field) = self.word() else { return trouble("A field's name is missing.") };
            self.blanks(false);
            return match self.peek() {
                Some(b'(') => self.assign_part(&field),
                Some(b'=') => {
                    self.at += 1;
                    let value = self.value()?;
                    self.end_of_statement()?;
                    if let Some((Value::Matrix(old), at)) = self.script.fields.get(&field)
                        && old.rows.len() > 1
                    {
                        let message = format!("{}.{field} is given twice, first in line {at}", self.case);
                        let finding = Diagnostic::warning("MATPOWER.FIELD.TWICE", message).detail("The later one is used.");
                        self.found(finding.hint("remove one of the two"), line);
                    }
                    self.script.fields.insert(field, (value, line));
                    Ok(())
                }
                _ => trouble("It is not an assignment."),
            };
        }
        self.blanks(false);
        if self.peek() != Some(b'=') || self.peek_at(1) == Some(b'=') {
            return trouble("It is not an assignment.");
        }
        self.at += 1;
        self.blanks(false);
        let value = self.expression(false, 0)?;
        self.end_of_statement()?;
        self.variables.insert(word, value);
        Ok(())
    }

    fn function(&mut self) -> Parsed<()> {
        self.blanks(false);
        if self.peek() == Some(b'[') {
            self.rest_of_line();
            let finding =
                Diagnostic::error("MATPOWER.FILE.VERSION", "the case is of version 1: its function gives matrices, not one structure");
            let line = self.line;
            self.found(finding.hint("load it and save it as version 2 with the program that it is for"), line);
            return Ok(());
        }
        let first = self.word();
        self.blanks(false);
        if self.peek() == Some(b'=') {
            self.at += 1;
            self.blanks(false);
            self.script.name = self.word().unwrap_or_default();
            self.case = first.unwrap_or_else(|| "mpc".into());
        }
        self.rest_of_line();
        Ok(())
    }

    /// `[PQ, PV, ...] = idx_bus;` names columns, all of which are known.
    fn names_of_columns(&mut self) -> Parsed<()> {
        while self.peek().is_some_and(|b| b != b']') {
            self.bump();
        }
        self.bump();
        self.blanks(false);
        if self.peek() != Some(b'=') {
            return trouble("It is not an assignment.");
        }
        self.at += 1;
        self.blanks(false);
        match self.word().as_deref() {
            Some("idx_bus" | "idx_brch" | "idx_gen" | "idx_cost" | "idx_dcline" | "idx_area") => self.end_of_statement(),
            _ => trouble("Only names of columns can be assigned together."),
        }
    }

    /// A value on the right of a field.
    fn value(&mut self) -> Parsed<Value> {
        self.blanks(false);
        match self.peek() {
            Some(quote @ (b'\'' | b'"')) => Ok(Value::Text(self.text_in(quote)?)),
            Some(b'{') => Ok(Value::Cell(self.cell()?)),
            _ => Ok(Value::Matrix(self.expression(false, 0)?)),
        }
    }

    fn text_in(&mut self, quote: u8) -> Parsed<String> {
        self.at += 1;
        let mut text = String::new();
        let mut start = self.at;
        loop {
            match self.peek() {
                None | Some(b'\n') => return trouble("A quote is not closed."),
                Some(b) if b == quote => {
                    text.push_str(self.text.get(start..self.at).unwrap_or(""));
                    self.at += 1;
                    // A doubled quote stands for one.
                    if self.peek() == Some(quote) {
                        text.push(char::from(quote));
                        self.at += 1;
                        start = self.at;
                    } else {
                        return Ok(text);
                    }
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn cell(&mut self) -> Parsed<Vec<String>> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks(true);
            match self.peek() {
                None => return trouble("A brace is not closed."),
                Some(b'}') => {
                    self.at += 1;
                    return Ok(items);
                }
                Some(b';' | b',') => self.at += 1,
                Some(quote @ (b'\'' | b'"')) => items.push(self.text_in(quote)?),
                _ => {
                    let value = self.expression(true, 0)?;
                    items.push(value.rows.iter().flatten().map(f64::to_string).collect::<Vec<_>>().join(" "));
                }
            }
        }
    }

    fn matrix(&mut self, depth: usize) -> Parsed<Matrix> {
        self.at += 1;
        let mut matrix = Matrix::default();
        let mut row: Vec<f64> = Vec::new();
        let mut line = self.line;
        loop {
            self.blanks(false);
            match self.peek() {
                None => return trouble("A bracket is not closed."),
                Some(b']' | b';' | b'\n') => {
                    let closing = self.peek() == Some(b']');
                    if !row.is_empty() {
                        matrix.rows.push(std::mem::take(&mut row));
                        matrix.lines.push(line);
                    }
                    self.bump();
                    line = self.line;
                    if closing {
                        return Ok(matrix);
                    }
                }
                Some(b',') => self.at += 1,
                _ => {
                    if row.is_empty() {
                        line = self.line;
                    }
                    // Nearly all are plain numbers.
                    if let Some(number) = self.plain_number() {
                        row.push(number);
                    } else {
                        row.extend(self.expression(true, depth + 1)?.rows.into_iter().flatten());
                    }
                }
            }
        }
    }

    /// A number that is followed by a separator.
    fn plain_number(&mut self) -> Option<f64> {
        let rest = self.bytes.get(self.at..)?;
        let n = rest.iter().take_while(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b',' | b';' | b']' | b'%')).count();
        let word = self.text.get(self.at..self.at + n)?;
        if !word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E')) {
            return None;
        }
        // `1 + 2`: an operator may follow the blank.
        let after = rest.get(n..)?;
        let blanks = after.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        if matches!(after.get(blanks), Some(b'*' | b'/' | b'^' | b'\''))
            || (matches!(after.get(blanks), Some(b'+' | b'-')) && matches!(after.get(blanks + 1), Some(b' ' | b'\t')))
        {
            return None;
        }
        let number = word.parse().ok()?;
        self.at += n;
        Some(number)
    }

    fn expression(&mut self, in_matrix: bool, depth: usize) -> Parsed<Matrix> {
        if depth > MAX_DEPTH {
            return trouble("It is nested too deeply.");
        }
        let mut left = self.product(in_matrix, depth)?;
        loop {
            let Some(operator) = self.operator(in_matrix, b"+-") else { return Ok(left) };
            let right = self.product(in_matrix, depth)?;
            left = combine(left, &right, operator)?;
        }
    }

    /// The operator that comes next, if it is one of these. Within a matrix a sign that touches what
    /// follows and not what stands before begins a new element.
    fn operator(&mut self, in_matrix: bool, wanted: &[u8]) -> Option<u8> {
        let start = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let spaced = self.at > start;
        // `.*` and `./` go element by element, as all does here.
        let dotted = self.peek() == Some(b'.') && matches!(self.peek_at(1), Some(b'*' | b'/' | b'^'));
        let byte = if dotted { self.peek_at(1) } else { self.peek() };
        let sign = matches!(byte, Some(b'+' | b'-'));
        let next_blank = matches!(self.peek_at(1), Some(b' ' | b'\t'));
        match byte.filter(|b| wanted.contains(b)) {
            Some(byte) if !(in_matrix && sign && spaced && !next_blank) => {
                self.at += if dotted { 2 } else { 1 };
                Some(byte)
            }
            _ => {
                self.at = start;
                None
            }
        }
    }

    fn product(&mut self, in_matrix: bool, depth: usize) -> Parsed<Matrix> {
        let mut left = self.power(in_matrix, depth)?;
        while let Some(operator) = self.operator(in_matrix, b"*/") {
            let right = self.power(in_matrix, depth)?;
            left = combine(left, &right, operator)?;
        }
        Ok(left)
    }

    fn power(&mut self, in_matrix: bool, depth: usize) -> Parsed<Matrix> {
        self.blanks(false);
        // A sign binds less than a power.
        match self.peek() {
            Some(b'-') => {
                self.at += 1;
                if depth > MAX_DEPTH {
                    return trouble("It is nested too deeply.");
                }
                return Ok(self.power(in_matrix, depth + 1)?.map(|v| -v));
            }
            Some(b'+') => {
                self.at += 1;
                if depth > MAX_DEPTH {
                    return trouble("It is nested too deeply.");
                }
                return self.power(in_matrix, depth + 1);
            }
            _ => {}
        }
        let mut left = self.atom(depth)?;
        while let Some(operator) = self.operator(in_matrix, b"^") {
            self.blanks(false);
            let negative = self.peek() == Some(b'-');
            if negative {
                self.at += 1;
            }
            let right = self.atom(depth)?.map(|v| if negative { -v } else { v });
            left = combine(left, &right, operator)?;
        }
        Ok(left)
    }

    fn atom(&mut self, depth: usize) -> Parsed<Matrix> {
        self.blanks(false);
        let value = match self.peek() {
            Some(b'(') => {
                self.at += 1;
                let value = self.expression(false, depth + 1)?;
                self.close(b')')?;
                value
            }
            Some(b'[') => self.matrix(depth + 1)?,
            Some(b) if b.is_ascii_digit() || b == b'.' => Matrix::scalar(self.number()?),
            _ => self.named(depth)?,
        };
        if self.peek() == Some(b'\'') {
            self.at += 1;
            return Ok(value.transposed());
        }
        Ok(value)
    }

    fn close(&mut self, bracket: u8) -> Parsed<()> {
        self.blanks(false);
        if self.peek() == Some(bracket) {
            self.at += 1;
            return Ok(());
        }
        trouble(format!("\"{}\" is missing.", char::from(bracket)))
    }

    fn number(&mut self) -> Parsed<f64> {
        let start = self.at;
        let digits = |p: &mut Self| {
            while p.peek().is_some_and(|b| b.is_ascii_digit()) {
                p.at += 1;
            }
        };
        digits(self);
        // A dot before an operator belongs to the operator.
        if self.peek() == Some(b'.') && !matches!(self.peek_at(1), Some(b'*' | b'/' | b'^' | b'\'')) {
            self.at += 1;
            digits(self);
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.peek_at(1), Some(b'+' | b'-')));
            if self.peek_at(1 + sign).is_some_and(|b| b.is_ascii_digit()) {
                self.at += 1 + sign;
                digits(self);
            }
        }
        let word = self.text.get(start..self.at).unwrap_or("");
        word.parse().or_else(|_| trouble(format!("\"{word}\" is not a number.")))
    }

    /// A variable, a field of the case or a part of it, or a function of one value.
    fn named(&mut self, depth: usize) -> Parsed<Matrix> {
        let Some(word) = self.word() else {
            let shown: String = self.text.get(self.at..).unwrap_or("").chars().take(1).collect();
            return trouble(format!("\"{}\" is unexpected there.", shown.escape_default()));
        };
        if word == self.case && self.peek() == Some(b'.') {
            self.at += 1;
            let field = self.word().unwrap_or_default();
            let Some((Value::Matrix(matrix), _)) = self.script.fields.get(&field) else {
                return trouble(format!("{word}.{field} is not given before."));
            };
            let size = matrix.rows.iter().map(Vec::len).sum::<usize>();
            let matrix = matrix.clone();
            self.copies(size)?;
            if self.peek() != Some(b'(') {
                return Ok(matrix);
            }
            let (rows, columns) = self.indices(&matrix, depth)?;
            let part = rows.iter().map(|r| columns.iter().map(|c| matrix.rows[*r][*c]).collect()).collect();
            return Ok(Matrix { lines: vec![0; rows.len()], rows: part });
        }
        if matches!(word.as_str(), "NaN" | "nan") {
            return Ok(Matrix::scalar(f64::NAN));
        }
        let function: Option<fn(f64) -> f64> = match word.as_str() {
            "sin" => Some(f64::sin),
            "cos" => Some(f64::cos),
            "tan" => Some(f64::tan),
            "acos" => Some(f64::acos),
            "asin" => Some(f64::asin),
            "atan" => Some(f64::atan),
            "sqrt" => Some(f64::sqrt),
            "abs" => Some(f64::abs),
            _ => None,
        };
        if let Some(function) = function
            && self.peek() == Some(b'(')
        {
            self.at += 1;
            let value = self.expression(false, depth + 1)?;
            self.close(b')')?;
            return Ok(value.map(function));
        }
        let size = self.variables.get(&word).map_or(0, |m| m.rows.iter().map(Vec::len).sum());
        self.copies(size)?;
        let Some(value) = self.variables.get(&word).cloned() else { return trouble(format!("\"{word}\" is not known.")) };
        if self.peek() == Some(b'(') {
            return trouble(format!("Parts of \"{word}\" are not read."));
        }
        Ok(value)
    }

    /// Rows and columns of `(rows, columns)`, from 0, all within the matrix.
    fn indices(&mut self, matrix: &Matrix, depth: usize) -> Parsed<(Vec<usize>, Vec<usize>)> {
        self.at += 1;
        let n_columns = matrix.rows.iter().map(Vec::len).min().unwrap_or(0);
        let rows = self.index(matrix.rows.len(), depth)?;
        self.close(b',')?;
        let columns = self.index(n_columns, depth)?;
        self.close(b')')?;
        Ok((rows, columns))
    }

    /// Counts values that are copied.
    fn copies(&mut self, n: usize) -> Parsed<()> {
        self.copied = self.copied.saturating_add(n);
        if self.copied > MAX_COPIED { trouble("The statements copy more values than a case has.") } else { Ok(()) }
    }

    fn index(&mut self, n: usize, depth: usize) -> Parsed<Vec<usize>> {
        self.blanks(false);
        if self.peek() == Some(b':') {
            self.at += 1;
            return Ok((0..n).collect());
        }
        let value = self.expression(false, depth + 1)?;
        let inside = |v: &f64| (v.fract() == 0.0 && *v >= 1.0 && *v <= n as f64).then_some(*v as usize - 1);
        let found: Option<Vec<usize>> = value.rows.iter().flatten().map(inside).collect();
        found.map_or_else(|| trouble("An index lies outside of the matrix."), Ok)
    }

    /// `mpc.bus(:, [PD QD]) = …`
    fn assign_part(&mut self, field: &str) -> Parsed<()> {
        let Some((Value::Matrix(matrix), _)) = self.script.fields.get(field) else {
            return trouble(format!("{}.{field} is not given before.", self.case));
        };
        let size = matrix.rows.iter().map(Vec::len).sum::<usize>();
        let matrix = matrix.clone();
        self.copies(size)?;
        let (rows, columns) = self.indices(&matrix, 0)?;
        self.blanks(false);
        if self.peek() != Some(b'=') {
            return trouble("It is not an assignment.");
        }
        self.at += 1;
        let value = self.expression(false, 0)?;
        self.end_of_statement()?;
        let scalar = value.as_scalar();
        if scalar.is_none() && (value.rows.len() != rows.len() || value.rows.iter().any(|r| r.len() != columns.len())) {
            return trouble("The two sides are of different size.");
        }
        if let Some((Value::Matrix(matrix), _)) = self.script.fields.get_mut(field) {
            for (i, r) in rows.iter().enumerate() {
                for (j, c) in columns.iter().enumerate() {
                    matrix.rows[*r][*c] = scalar.unwrap_or_else(|| value.rows[i][j]);
                }
            }
        }
        Ok(())
    }
}

/// Element by element; a scalar goes with every element.
fn combine(left: Matrix, right: &Matrix, operator: u8) -> Parsed<Matrix> {
    let apply = |a: f64, b: f64| match operator {
        b'+' => a + b,
        b'-' => a - b,
        b'*' => a * b,
        b'/' => a / b,
        _ => a.powf(b),
    };
    if let Some(b) = right.as_scalar() {
        return Ok(left.map(|a| apply(a, b)));
    }
    if let Some(a) = left.as_scalar() {
        return if operator == b'/' { trouble("A number cannot be divided by a matrix.") } else { Ok(right.clone().map(|b| apply(a, b))) };
    }
    let same = left.rows.len() == right.rows.len() && left.rows.iter().zip(&right.rows).all(|(l, r)| l.len() == r.len());
    if !same {
        return trouble("The two sides are of different size.");
    }
    let mut left = left;
    for (l, r) in left.rows.iter_mut().zip(&right.rows) {
        for (a, b) in l.iter_mut().zip(r) {
            *a = apply(*a, *b);
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(script: &Script, field: &str) -> Vec<Vec<f64>> {
        match &script.fields[field].0 {
            Value::Matrix(m) => m.rows.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn matrices_in_all_their_ways() {
        let script = parse(
            "function mpc = t\nmpc.version = '2';\nmpc.a = [1 -2, 3;  % comment ]\n 4 5 - 1 6/3; ...\n -Inf 1e-3 .5\n];\n\
             mpc.b = [1 2\n3 4]';\nmpc.c = 1/3;\n%{\nmpc.c = 7;\n%}\nmpc.names = {'A''s'; \"b\"};",
        );
        assert!(script.findings.is_empty(), "{:?}", script.findings);
        assert_eq!(matrix(&script, "a"), [vec![1.0, -2.0, 3.0], vec![4.0, 4.0, 2.0], vec![f64::NEG_INFINITY, 1e-3, 0.5]]);
        assert_eq!(matrix(&script, "b"), [vec![1.0, 3.0], vec![2.0, 4.0]]);
        assert_eq!(matrix(&script, "c"), [vec![1.0 / 3.0]]);
        assert_eq!(script.fields["names"].0, Value::Cell(vec!["A's".into(), "b".into()]));
        assert_eq!(script.fields["version"].0, Value::Text("2".into()));
    }

    #[test]
    fn a_case_converts_its_units() {
        let script = parse(
            "mpc.baseMVA = 10;\nmpc.bus = [1 3 100 60 0 0 1 1 0 12.66; 2 1 90 40 0 0 1 1 0 12.66];\nmpc.branch = [1 2 0.0922 0.047];\n\
             [PQ, PV, ...\n REF] = idx_bus;\ndefine_constants;\nVbase = mpc.bus(1, BASE_KV) * 1e3;\nSbase = mpc.baseMVA * 1e6;\n\
             mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (Vbase^2 / Sbase);\npf = 0.8;\n\
             mpc.bus(:, QD) = mpc.bus(:, PD) * sin(acos(pf));\nmpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;\n",
        );
        assert!(script.findings.is_empty(), "{:?}", script.findings);
        let base = 12_660.0_f64.powi(2) / 10e6;
        assert!((matrix(&script, "branch")[0][2] - 0.0922 / base).abs() < 1e-15);
        let bus = matrix(&script, "bus");
        assert!((bus[0][2] - 0.1).abs() < 1e-15 && (bus[1][3] - 0.09 * 0.6).abs() < 1e-12, "{bus:?}");
    }

    #[test]
    fn what_is_not_understood_is_told() {
        let script = parse("mpc.bus = [1 2];\nmpc.bus(3, :) = 4;\nfor k = 1:3\nmpc.bus = scale(mpc.bus);\ndisp('x')\n");
        let codes: Vec<&str> = script.findings.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(
            codes,
            ["MATPOWER.STATEMENT.REFUSED", "MATPOWER.STATEMENT.IGNORED", "MATPOWER.STATEMENT.REFUSED", "MATPOWER.STATEMENT.IGNORED"]
        );
        assert_eq!(script.finding_lines, [2, 3, 4, 5]);
    }

    #[test]
    fn nesting_has_an_end() {
        for text in [
            format!("mpc.a = {}1;", "(".repeat(100_000)),
            format!("mpc.a = {}1;", "-".repeat(100_000)),
            format!("mpc.a = {}", "[".repeat(100_000)),
        ] {
            assert_eq!(parse(&text).findings.len(), 1);
        }
    }
}
