//! The text carrier: files of sections, usually three (network, equipment, load), recognised by their content.
//!
//! ```text
//! [SECTION NAME]                 any case
//! FORMAT_X=column,column,…       may come again within a section: rows belong to the one above
//! value,value,…                  no quoting; short rows lack their last columns
//! WORD=value,…                   a row of FORMAT_WORD: `FEEDER=` opens a network in [SECTION]
//! [SI] | [IMPERIAL]              unit system of the file
//! ```

mod sections;

use super::lower::{CarrierReport, Options, lower};
use super::model::{Feeder, Layout, Model, OtherRecord, Section, Units, is_absent};
use crate::{FileSource, ImportError};
use network::{Diagnostic, Disposition, Imported, Reject, Severity, SourceRef};
use sections::{Kind, Sink};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest file read, bytes.
const MAX_BYTES: usize = 1 << 30;
/// Most files of a folder that are looked into.
const MAX_FILES: usize = 256;
/// Findings of one code after which the rest is only counted.
const MAX_FINDINGS_A_CODE: usize = 50;
/// Longest text kept of a rejected record, characters.
const MAX_REJECT: usize = 400;

/// Whether bytes look like a CYME text export.
pub fn is_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(65_536)];
    let text = decode(head).0;
    let mut general = false;
    let mut in_brackets = false;
    let mut format = false;
    for line in text.lines().map(str::trim) {
        let upper = line.to_ascii_uppercase();
        general |= upper.starts_with("CYME_VERSION=") || upper.starts_with("CYMDIST_REVISION=");
        in_brackets |= section_name(line).is_some();
        format |= upper.starts_with("FORMAT_") && upper.contains('=');
    }
    in_brackets && (general || format)
}

/// Reads a study from its text files.
///
/// # Inputs
/// * `path` - a folder with the files of one study, or any one of them; the others are found beside it by their content.
///
/// # Returns
/// The network, findings, ledger, rejected records and counts by section.
///
/// # Errors
/// `CYME.FILES.*` when the files of a study are not there or several studies compete, and what [`lower`] refuses.
pub fn read(files: &dyn FileSource, path: &Path, options: &Options) -> Result<Imported, ImportError> {
    let (model, report) = read_model(files, path)?;
    lower(&model, options, report)
}

/// Reads the records of a study, without making a network of them.
///
/// # Errors
/// As [`read`].
pub fn read_model(files: &dyn FileSource, path: &Path) -> Result<(Model, CarrierReport), ImportError> {
    let mut study = study_files(files, path)?;
    let mut reader = TextReader::default();
    // The version of any file is that of the study.
    reader.model.version = study.iter().map(|f| f.head.version.clone()).find(|v| !v.is_empty()).unwrap_or_default();
    let told: Vec<bool> = study.iter().filter_map(|f| f.head.imperial).collect();
    if told.contains(&true) && told.contains(&false) {
        let list: Vec<String> = study.iter().map(|f| format!("{} {}", f.name, unit_word(f.head.imperial))).collect();
        reader.find(
            Diagnostic::note("CYME.TEXT.UNITS_DIFFER", "the files of the study are in different unit systems")
                .detail(format!("{}. Each is read in its own.", list.join(", "))),
        );
    }
    for file in &mut study {
        let imperial = match file.head.imperial {
            Some(imperial) => imperial,
            None => {
                let assumed = told.first().copied().unwrap_or(false);
                let word = if assumed { "imperial" } else { "SI" };
                let source = SourceRef::new(file.name.clone(), 0);
                reader.find(
                    Diagnostic::warning("CYME.TEXT.UNIT_MISSING", format!("the file tells no unit system and is read as {word}"))
                        .at(&source)
                        .hint("Put a line [SI] or [IMPERIAL] at the top of the file."),
                );
                let disposition =
                    Disposition::Defaulted { value: word.to_owned(), reason: "the file has neither [SI] nor [IMPERIAL]".to_owned() };
                reader.report.ledger.record("general.units", disposition, Some(&source));
                assumed
            }
        };
        let units = Units { imperial, xml: false, text_v5: is_v5(&reader.model.version) };
        reader.model.units = units;
        if file.code_page {
            reader.find(
                Diagnostic::note("CYME.TEXT.CODE_PAGE", "the file is not UTF-8 and is read as Windows code page 1252")
                    .at(&SourceRef::new(file.name.clone(), 0))
                    .hint("If names have wrong letters, convert the file to UTF-8."),
            );
        }
        let text = std::mem::take(&mut file.text);
        reader.file(&file.name, &text, units);
    }
    reader.finish();
    Ok((reader.model, reader.report))
}

fn unit_word(imperial: Option<bool>) -> &'static str {
    match imperial {
        Some(true) => "IMPERIAL",
        Some(false) => "SI",
        None => "no unit system",
    }
}

fn is_v5(version: &str) -> bool {
    version.trim().split('.').next().and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major < 8)
}

/// UTF-8 (with or without mark), UTF-16 with mark, or Windows code page 1252. Second: the code page was assumed.
fn decode(bytes: &[u8]) -> (String, bool) {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        return (encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned(), false);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(), true),
    }
}

/// The name in `[NAME]`.
fn section_name(line: &str) -> Option<&str> {
    let inside = line.strip_prefix('[')?.strip_suffix(']')?.trim();
    (!inside.is_empty() && inside.len() < 80).then_some(inside)
}

/// What the section lines and `[GENERAL]` of a file tell.
#[derive(Default)]
struct Head {
    version: String,
    date: String,
    imperial: Option<bool>,
    network: bool,
    equipment: bool,
    load: bool,
}

impl Head {
    fn of(text: &str) -> Head {
        let mut head = Head::default();
        let mut kind = Kind::Unknown;
        for line in text.lines().map(str::trim) {
            if let Some(name) = section_name(line) {
                let key = sections::key(name);
                match key.as_str() {
                    "SI" => head.imperial = head.imperial.or(Some(false)),
                    "IMPERIAL" => head.imperial = head.imperial.or(Some(true)),
                    _ => {}
                }
                kind = sections::kind(&key);
                match kind {
                    Kind::Network => head.network |= key == "SECTION",
                    Kind::Equipment => head.equipment = true,
                    Kind::Load => head.load = true,
                    Kind::General | Kind::Tag | Kind::Unknown => {}
                }
            } else if kind == Kind::General
                && let Some((name, value)) = line.split_once('=')
            {
                match name.trim().to_ascii_uppercase().as_str() {
                    "CYME_VERSION" => head.version = value.trim().to_owned(),
                    "DATE" => head.date = value.trim().to_owned(),
                    _ => {}
                }
            }
        }
        head
    }
}

struct StudyFile {
    name: Arc<str>,
    path: PathBuf,
    text: String,
    head: Head,
    code_page: bool,
}

fn load_file(files: &dyn FileSource, path: &Path) -> Result<Option<StudyFile>, ImportError> {
    let name: Arc<str> = path.to_string_lossy().as_ref().into();
    let bytes = files.read(path).map_err(|e| {
        ImportError::from(
            Diagnostic::error("CYME.FILES.UNREADABLE", format!("the file cannot be read: {e}")).at(&SourceRef::new(name.clone(), 0)),
        )
    })?;
    if bytes.len() > MAX_BYTES {
        let finding =
            Diagnostic::error("CYME.FILES.TOO_LARGE", format!("the file has {} bytes; at most {MAX_BYTES} are read", bytes.len()));
        return Err(finding.at(&SourceRef::new(name, 0)).into());
    }
    if !is_text(&bytes) {
        return Ok(None);
    }
    let (text, code_page) = decode(&bytes);
    let head = Head::of(&text);
    Ok(Some(StudyFile { name, path: path.to_owned(), text, head, code_page }))
}

/// The files of the study that `path` is, or is one of: at most one of each role besides the named one.
fn study_files(files: &dyn FileSource, path: &Path) -> Result<Vec<StudyFile>, ImportError> {
    let at = SourceRef::new(path.to_string_lossy().as_ref(), 0);
    let folder = files.list_dir(path).ok().filter(|names| !names.is_empty());
    if let Some(names) = folder {
        let found = folder_files(files, path, names, None)?;
        if !found.iter().any(|f| f.head.network) {
            let finding = Diagnostic::error("CYME.FILES.NO_NETWORK", "the folder has no CYME text file with a [SECTION] section")
                .at(&at)
                .hint("Export the network from CYME as ASCII (network, equipment and load files) into one folder.");
            return Err(finding.into());
        }
        let networks = found.iter().filter(|f| f.head.network).count();
        if networks > 1 {
            return Err(ambiguous(&at, "network", found.iter().filter(|f| f.head.network)));
        }
        let first = found.iter().position(|f| f.head.network).unwrap_or(0);
        return complete(found, first, &at);
    }
    let Some(named) = load_file(files, path)? else {
        let finding = Diagnostic::error("CYME.FILES.NOT_CYME", "the file is no CYME text export")
            .at(&at)
            .detail("Sections in brackets with FORMAT_ lines, and CYME_VERSION in [GENERAL], are looked for.");
        return Err(finding.into());
    };
    if named.head.network && named.head.equipment && named.head.load {
        return Ok(vec![named]);
    }
    let dir = path.parent().unwrap_or(Path::new(""));
    let names = files.list_dir(dir).unwrap_or_default();
    let mut all = vec![named];
    all.extend(folder_files(files, dir, names, Some(path))?);
    complete(all, 0, &at)
}

/// CYME text files directly in a folder, without `except`.
fn folder_files(files: &dyn FileSource, dir: &Path, names: Vec<String>, except: Option<&Path>) -> Result<Vec<StudyFile>, ImportError> {
    let mut found = Vec::new();
    let mut looked = 0;
    let own_name = except.and_then(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned());
    let own_extension = except.and_then(|p| p.extension()).map(|e| e.to_string_lossy().to_lowercase());
    for name in names {
        if own_name.as_deref() == Some(name.as_str()) {
            continue;
        }
        let extension = Path::new(&name).extension().map(|e| e.to_string_lossy().to_lowercase());
        let plausible = matches!(extension.as_deref(), None | Some("txt" | "asc" | "dat" | "net" | "eqp" | "ld" | "sec" | "cym"))
            || extension == own_extension;
        if !plausible {
            continue;
        }
        looked += 1;
        if looked > MAX_FILES {
            break;
        }
        // A folder or a file that cannot be read beside the study is not part of it.
        if let Ok(Some(file)) = load_file(files, &dir.join(&name)) {
            found.push(file);
        }
    }
    Ok(found)
}

fn ambiguous<'a>(at: &SourceRef, role: &str, files: impl Iterator<Item = &'a StudyFile>) -> ImportError {
    let names: Vec<&str> = files.map(|f| &*f.name).collect();
    Diagnostic::error("CYME.FILES.AMBIGUOUS", format!("several {role} files could belong to the study"))
        .at(at)
        .detail(names.join(", "))
        .hint("Name the network file itself, or keep the files of one study in a folder of their own.")
        .into()
}

/// The file at `first` and, for each role it lacks, the one other file that has it. Of several, those of the same date count,
/// then those whose name begins most like it.
fn complete(mut all: Vec<StudyFile>, first: usize, at: &SourceRef) -> Result<Vec<StudyFile>, ImportError> {
    let mut chosen = vec![first];
    for role in ["network", "equipment", "load"] {
        let has = |head: &Head| match role {
            "network" => head.network,
            "equipment" => head.equipment,
            _ => head.load,
        };
        if chosen.iter().any(|&i| has(&all[i].head)) {
            continue;
        }
        let mut candidates: Vec<usize> = (0..all.len()).filter(|i| !chosen.contains(i) && has(&all[*i].head)).collect();
        if candidates.len() > 1 {
            let date = &all[first].head.date;
            let same_date: Vec<usize> = candidates.iter().copied().filter(|&i| !date.is_empty() && all[i].head.date == *date).collect();
            if !same_date.is_empty() {
                candidates = same_date;
            }
        }
        if candidates.len() > 1 {
            let likeness = |i: usize| common_prefix(&all[first].path, &all[i].path);
            let best = candidates.iter().map(|&i| likeness(i)).max().unwrap_or(0);
            candidates.retain(|&i| likeness(i) == best && best > 0);
        }
        match candidates.as_slice() {
            [one] => chosen.push(*one),
            [] if role == "network" => {
                let finding = Diagnostic::error("CYME.FILES.NO_NETWORK", "no file with a [SECTION] section is beside the file")
                    .at(at)
                    .hint("Keep the network, equipment and load files of a study in one folder.");
                return Err(finding.into());
            }
            [] => {}
            _ => return Err(ambiguous(at, role, candidates.iter().map(|&i| &all[i]))),
        }
    }
    chosen.sort_unstable();
    let mut index = 0;
    all.retain(|_| {
        index += 1;
        chosen.contains(&(index - 1))
    });
    Ok(all)
}

fn common_prefix(a: &Path, b: &Path) -> usize {
    let name = |p: &Path| p.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    name(a).chars().zip(name(b).chars()).take_while(|(x, y)| x == y).count()
}

/// Columns of a FORMAT line and what its rows become.
struct Format {
    columns: Vec<String>,
    layout: Option<Layout>,
    /// The last column takes what commas in it split off.
    last_is_free: bool,
}

#[derive(Default)]
struct TextReader {
    model: Model,
    report: CarrierReport,
    counts: Vec<(String, usize)>,
    findings: BTreeMap<String, usize>,
    /// Rows of sections that are not known, by name.
    unknown: BTreeMap<String, (usize, SourceRef)>,
    network: String,
}

impl TextReader {
    /// Keeps a finding; of one code only the first many.
    fn find(&mut self, finding: Diagnostic) {
        let n = self.findings.entry(finding.code.clone()).or_default();
        *n += 1;
        if *n <= MAX_FINDINGS_A_CODE {
            self.report.diagnostics.push(finding);
        }
    }

    fn reject(&mut self, source: &SourceRef, reason: String, line: &str) {
        let text = line.chars().take(MAX_REJECT).collect();
        self.report.rejects.push(Reject { source: source.clone(), reason, text });
    }

    fn count(&mut self, section: &str) {
        match self.counts.iter_mut().find(|(name, _)| name == section) {
            Some((_, n)) => *n += 1,
            None => self.counts.push((section.to_owned(), 1)),
        }
    }

    fn file(&mut self, name: &Arc<str>, text: &str, units: Units) {
        let mut section = String::new();
        let mut sink: Option<Sink> = None;
        let mut kind = Kind::Unknown;
        let mut formats: Vec<(String, Format)> = Vec::new();
        let mut current: Option<usize> = None;
        self.network.clear();
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let source = SourceRef { file: name.clone(), line: u32::try_from(i + 1).unwrap_or(u32::MAX) };
            if let Some(found) = section_name(line) {
                section = sections::key(found);
                sink = sections::sink(&section);
                kind = sections::kind(&section);
                formats.clear();
                current = None;
                continue;
            }
            if kind == Kind::General {
                continue;
            }
            let word = line.split_once('=').map(|(word, rest)| (word.trim().to_ascii_uppercase(), rest));
            if let Some((word, rest)) = &word
                && let Some(format) = word.strip_prefix("FORMAT_")
            {
                let columns: Vec<String> = rest.split(',').map(|c| c.trim().to_owned()).collect();
                let layout = match (section.as_str(), format) {
                    ("SECTION", "SECTION") => Some(Layout::of::<Section>(&columns)),
                    ("SECTION", _) => Some(Layout::of::<Feeder>(&columns)),
                    _ => sink.as_ref().map(|s| (s.layout)(&columns)),
                };
                let last = columns.last().map(|c| c.to_ascii_lowercase()).unwrap_or_default();
                let last_is_free = matches!(last.as_str(), "comments" | "description" | "comment" | "name");
                match formats.iter().position(|(f, _)| f == format) {
                    Some(known) => {
                        formats[known].1 = Format { columns, layout, last_is_free };
                        current = Some(known);
                    }
                    None => {
                        formats.push((format.to_owned(), Format { columns, layout, last_is_free }));
                        current = Some(formats.len() - 1);
                    }
                }
                continue;
            }
            if section.is_empty() {
                self.reject(&source, "a row before the first section".to_owned(), line);
                continue;
            }
            // A network line: its own format if there is one, otherwise that of a feeder.
            if section == "SECTION"
                && let Some((word, rest)) = &word
                && !word.is_empty()
                && word.chars().all(|c| c.is_ascii_alphabetic() || c == '_' || c == ' ')
            {
                self.network_line(word, rest, &formats, units, &source, line);
                continue;
            }
            let format = if section == "SECTION" {
                formats.iter().find(|(f, _)| f == "SECTION").map(|(_, f)| f)
            } else {
                current.map(|i| &formats[i].1)
            };
            if kind == Kind::Unknown && sink.is_none() {
                let entry = self.unknown.entry(section.clone()).or_insert((0, source.clone()));
                entry.0 += 1;
                continue;
            }
            let Some(format) = format else {
                self.reject(&source, format!("a row of [{section}] without a FORMAT line above it"), line);
                self.find(
                    Diagnostic::error("CYME.TEXT.NO_FORMAT", format!("a row of [{section}] has no FORMAT line above it"))
                        .at(&source)
                        .hint("Export the file again; a FORMAT_ line names the columns of every section."),
                );
                continue;
            };
            self.count(&section);
            if kind == Kind::Tag {
                continue;
            }
            let mut row: Vec<&str> = if format.last_is_free {
                line.splitn(format.columns.len(), ',').map(str::trim).collect()
            } else {
                line.split(',').map(str::trim).collect()
            };
            while row.len() > format.columns.len() && row.last().is_some_and(|c| is_absent(c)) {
                row.pop();
            }
            if row.len() > format.columns.len() {
                let reason = format!("{} values for {} columns", row.len(), format.columns.len());
                self.unreadable(kind, &section, &reason, &source, line);
                continue;
            }
            match (&sink, &format.layout) {
                (_, Some(layout)) if section == "SECTION" => {
                    let mut faults = Vec::new();
                    let mut record: Section = layout.read(&row, units, source.clone(), &mut faults);
                    if let Some(fault) = faults.first() {
                        let reason = format!("{} is {:?}", fault.field, fault.text);
                        self.unreadable(kind, &section, &reason, &source, line);
                        continue;
                    }
                    if record.network.is_empty() {
                        record.network = self.network.clone();
                    }
                    self.model.sections.push(record);
                }
                (Some(sink), Some(layout)) => {
                    let mut faults = Vec::new();
                    (sink.take)(&mut self.model, layout, &row, units, source.clone(), &mut faults);
                    if let Some(fault) = faults.first() {
                        let reason = format!("{} is {:?}", fault.field, fault.text);
                        self.unreadable(kind, &section, &reason, &source, line);
                    }
                }
                _ => {
                    // A device without a typed form is kept; the catalogue of such devices is only counted.
                    if kind == Kind::Network && format.columns.iter().any(|c| c.eq_ignore_ascii_case("SectionID")) {
                        let fields = format.columns.iter().zip(&row).map(|(c, v)| (c.clone(), (*v).to_owned())).collect();
                        self.model.other_devices.entry(section.clone()).or_default().push(OtherRecord { fields, source });
                    }
                }
            }
        }
    }

    fn network_line(&mut self, word: &str, rest: &str, formats: &[(String, Format)], units: Units, source: &SourceRef, line: &str) {
        self.count("NETWORK");
        let format = formats.iter().find(|(f, _)| f == word).or_else(|| formats.iter().find(|(f, _)| f == "FEEDER"));
        let row: Vec<&str> = rest.split(',').map(str::trim).collect();
        let mut feeder = match format.and_then(|(_, f)| f.layout.as_ref()) {
            Some(layout) => {
                let mut faults = Vec::new();
                let feeder: Feeder = layout.read(&row, units, source.clone(), &mut faults);
                if let Some(fault) = faults.first() {
                    let reason = format!("{} is {:?}", fault.field, fault.text);
                    self.unreadable(Kind::Network, "SECTION", &reason, source, line);
                }
                feeder
            }
            // Without a format the first two values are the network and its head node, as in every known one.
            None => Feeder {
                id: row.first().copied().unwrap_or_default().to_owned(),
                head_node: row.get(1).copied().unwrap_or_default().to_owned(),
                source: source.clone(),
                ..Feeder::default()
            },
        };
        feeder.kind = word.to_owned();
        self.network.clone_from(&feeder.id);
        self.model.feeders.push(feeder);
    }

    /// A record that cannot be read: in the catalogue a warning (it may not be used), elsewhere an error.
    fn unreadable(&mut self, kind: Kind, section: &str, reason: &str, source: &SourceRef, line: &str) {
        self.reject(source, format!("[{section}]: {reason}"), line);
        let severity = if kind == Kind::Equipment { Severity::Warning } else { Severity::Error };
        let finding = Diagnostic::new("CYME.TEXT.UNREADABLE", severity, format!("a record of [{section}] cannot be read: {reason}"))
            .at(source)
            .hint("Correct the value in the study and export it again; the record is left out and kept among the rejects.");
        self.find(finding);
    }

    fn finish(&mut self) {
        for (section, (n, source)) in std::mem::take(&mut self.unknown) {
            self.report.counts.push((section.clone(), n));
            self.report.ledger.record(
                &format!("[{section}]"),
                Disposition::Dropped { reason: "the section is not known".to_owned() },
                Some(&source),
            );
            self.find(
                Diagnostic::note("CYME.TEXT.UNKNOWN_SECTION", format!("[{section}] is not known; its {n} rows are not used"))
                    .at(&source)
                    .hint("If it holds devices or loads of the network, the model lacks them."),
            );
        }
        let mut counts = std::mem::take(&mut self.counts);
        counts.append(&mut self.report.counts);
        self.report.counts = counts;
        for (code, n) in &self.findings {
            if *n > MAX_FINDINGS_A_CODE {
                let rest = n - MAX_FINDINGS_A_CODE;
                self.report.diagnostics.push(Diagnostic::note("CYME.TEXT.MORE_FINDINGS", format!("{rest} more findings {code}")));
            }
        }
    }
}
