//! A self-contained study as a stream of records.
//!
//! A study file can be large and most of it is display data, so it is never held as one tree: the text is walked once, and only a record
//! (a section with its devices, a node, a catalogue entry …) is built as a small tree, handed on and let go. Nothing outside the file is
//! ever read: a document type, and with it every entity of its own, is refused. Depth, size of a record and size of a text are limited.

use super::unpack;
use crate::ImportError;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use network::{Diagnostic, SourceRef};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;
use std::sync::Arc;

/// What a file may cost. The defaults are far above real studies, which are a few megabytes and a dozen levels deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XmlLimits {
    /// Bytes of the text after unpacking.
    pub bytes: usize,
    /// Elements within one another.
    pub depth: usize,
    /// Elements of one record.
    pub record_elements: usize,
    /// Bytes of the text of one element.
    pub text_bytes: usize,
}

impl Default for XmlLimits {
    fn default() -> Self {
        Self { bytes: 2 << 30, depth: 64, record_elements: 500_000, text_bytes: 1 << 20 }
    }
}

/// An element with what is in it. Names are without prefixes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Element {
    pub name: String,
    /// The text directly in it, trimmed.
    pub text: String,
    /// Its `xsi:type`, which tells kinds of values apart.
    pub kind: String,
    /// Line on which it begins.
    pub line: u32,
    pub children: Vec<Element>,
}

impl Element {
    /// The first child of this name, in either case.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// The element at a path of names with slashes.
    pub fn at(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |element, name| element.child(name))
    }

    /// The children of the child named `list` that are named `item`, with whatever stands for the list if it is left out.
    pub fn items<'a>(&'a self, list: &str, item: &'a str) -> impl Iterator<Item = &'a Element> {
        let holder = self.child(list).unwrap_or(self);
        holder.children.iter().filter(move |c| c.name.eq_ignore_ascii_case(item))
    }

    /// The text at the first of the paths that has one.
    pub fn text_at(&self, paths: &[&str]) -> Option<&str> {
        paths.iter().filter_map(|path| self.at(path)).map(|e| e.text.as_str()).find(|t| !t.is_empty())
    }
}

/// One level outside any record: its name and the texts of its leaves so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Level {
    pub name: String,
    pub leaves: Vec<(String, String)>,
}

/// What the walk found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct XmlSummary {
    /// Local name of the outermost element.
    pub root: String,
    /// `Version` and `Revision` of the study, from attributes or children of the root.
    pub version: String,
    pub revision: String,
    /// Elements left out on purpose (display, harmonics, run options) by name.
    pub left_out: Vec<(String, usize)>,
}

/// Leaves kept of one level outside records.
const LEAVES_MAX: usize = 256;

/// Elements that carry display or results of nothing, dropped with all that is in them.
const LEFT_OUT: [&str; 12] = [
    "Tag",
    "Tags",
    "SymbolDBs",
    "Studies",
    "TopoConfigurations",
    "GraphicalElements",
    "BackgroundMaps",
    "Structures",
    "CoincidenceFactors",
    "HarmonicOrders",
    "HarmonicModel",
    "OptimalPowerFlowNode",
];

/// True for an element that is handed on as a record.
fn is_record(name: &str, parent: &str) -> bool {
    let record = |n: &str| name.eq_ignore_ascii_case(n);
    if record("Topo") || record("Section") || record("ConsumerClass") || record("LoadModelInformation") || record("LoadModel") {
        return true;
    }
    if record("Node") || record("Source") || record("Load") || record("IntermediateNode") || record("Substation") {
        // These words also stand for other things deeper down; here they are entries of a list.
        return parent.len() == name.len() + 1 && parent.to_ascii_lowercase() == format!("{}s", name.to_ascii_lowercase());
    }
    let upper = name.as_bytes();
    upper.len() > 2 && upper.ends_with(b"DB")
}

/// The text of a file: unpacked if it is gzip or zip, decoded by its byte order mark, else by what it declares, else as UTF-8.
pub fn decode<'a>(bytes: &'a [u8], file: &SourceRef, limit: usize) -> Result<Cow<'a, str>, ImportError> {
    let bytes = unpack::unpacked(bytes, file, limit)?;
    if bytes.len() > limit {
        return Err(too_large(file, limit).into());
    }
    let encoding = encoding_of(&bytes);
    let decoded = match &bytes {
        Cow::Borrowed(b) => encoding.decode(b),
        Cow::Owned(b) => {
            let (text, used, bad) = encoding.decode(b);
            (Cow::Owned(text.into_owned()), used, bad)
        }
    };
    let (text, used, bad) = decoded;
    if bad {
        return Err(Diagnostic::error("CYME.XML.ENCODING", "the file holds bytes that its encoding does not have")
            .at(file)
            .detail(format!("Read as {}.", used.name()))
            .hint("save the study again, or declare the encoding that it has")
            .into());
    }
    Ok(text)
}

fn too_large(file: &SourceRef, limit: usize) -> Diagnostic {
    Diagnostic::error("CYME.XML.TOO_LARGE", "the study is larger than the limit")
        .at(file)
        .detail(format!("At most {limit} bytes of text are read."))
        .hint("export fewer networks into one file")
}

/// The encoding of the bytes: byte order mark, then zero bytes of UTF-16 without one, then the declaration, then UTF-8.
fn encoding_of(bytes: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    match bytes {
        [b'<', 0, ..] => return UTF_16LE,
        [0, b'<', ..] => return UTF_16BE,
        _ => {}
    }
    let head = &bytes[..bytes.len().min(256)];
    let declared = String::from_utf8_lossy(head)
        .split_once("encoding")
        .and_then(|(before, after)| before.starts_with("<?xml").then(|| after.to_owned()))
        .and_then(|after| {
            let after = after.trim_start().strip_prefix('=')?.trim_start().to_owned();
            let quote = after.chars().next().filter(|c| *c == '"' || *c == '\'')?;
            after[1..].split(quote).next().map(str::to_owned)
        })
        .and_then(|label| Encoding::for_label(label.as_bytes()));
    match declared {
        // A declaration that says UTF-16 in bytes that are not is an old tool's slip.
        Some(e) if e == UTF_16LE || e == UTF_16BE => UTF_8,
        Some(e) => e,
        None if std::str::from_utf8(bytes).is_ok() => UTF_8,
        None => WINDOWS_1252,
    }
}

/// True for text that begins as a study in XML does.
pub fn looks_like_study(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4096)];
    let (text, _, _) = encoding_of(head).decode(head);
    let mut reader = Reader::from_str(&text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => return is_study_root(start.local_name().as_ref()),
            Ok(Event::Decl(_) | Event::Comment(_) | Event::Text(_) | Event::PI(_)) => {}
            _ => return false,
        }
    }
}

/// Outermost elements of self-contained studies and of the parts of old exports.
pub fn is_study_root(name: &str) -> bool {
    ["Cyme", "CymeStudy", "Study", "Networks", "Network", "Equipments", "EquipmentDBs", "ConsumerClasses"]
        .iter()
        .any(|root| name.eq_ignore_ascii_case(root))
}

/// What is done with a record and the levels that it stands in.
pub type Take<'a> = dyn FnMut(&[Level], Element) -> Result<(), ImportError> + 'a;

/// Walks the text and hands every record to `take` with the levels that it stands in, outermost first.
///
/// # Errors
/// The finding that ends reading: text that is not XML, a document type or entity, a limit passed, or what `take` answers.
pub fn walk(text: &str, file: &Arc<str>, limits: &XmlLimits, take: &mut Take<'_>) -> Result<XmlSummary, ImportError> {
    let mut reader = Reader::from_str(text);
    let mut lines = Lines { text: text.as_bytes(), position: 0, line: 1 };
    let mut summary = XmlSummary::default();
    let mut levels: Vec<Level> = Vec::new();
    let mut open: Vec<Element> = Vec::new();
    let mut elements = 0usize;
    // Depth within a subtree that is left out.
    let mut skipped = 0usize;
    // Text of the innermost level outside records, for its parent's leaves.
    let mut loose = String::new();
    let mut leaf = false;
    loop {
        let begun = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event().map_err(|e| {
            let at = usize::try_from(reader.error_position()).unwrap_or(begun);
            Diagnostic::error("CYME.XML.MALFORMED", "the text is not well-formed XML")
                .at(&SourceRef::new(file.clone(), Lines { text: text.as_bytes(), position: 0, line: 1 }.at(at)))
                .detail(format!("{e}."))
                .hint("save the study again; the file may be cut off")
        })?;
        let line = lines.at(begun);
        let here = || SourceRef::new(file.clone(), line);
        let (start, empty) = match event {
            Event::Start(start) => (start, false),
            Event::Empty(start) => (start, true),
            Event::End(_) => {
                if skipped > 0 {
                    skipped -= 1;
                    if skipped > 0 {
                        continue;
                    }
                } else if let Some(mut element) = open.pop() {
                    trim(&mut element.text);
                    close(element, &mut open, &levels, &mut elements, take)?;
                } else {
                    let level = levels.pop();
                    finish_level(level, leaf, &loose, &mut levels, &mut summary);
                    leaf = false;
                }
                loose.clear();
                continue;
            }
            Event::Text(piece) => {
                if skipped == 0 {
                    push_text(&piece.xml10_content(), &mut open, &mut loose, limits, &here)?;
                }
                continue;
            }
            Event::CData(piece) => {
                if skipped == 0 {
                    push_text(&piece.xml10_content(), &mut open, &mut loose, limits, &here)?;
                }
                continue;
            }
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref() {
                    Ok(Some(c)) => Some(c),
                    Ok(None) => match reference.xml10_content().as_ref() {
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "amp" => Some('&'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => None,
                    },
                    Err(_) => None,
                };
                let Some(c) = resolved else {
                    return Err(Diagnostic::error("CYME.XML.ENTITY", "the text uses an entity that XML itself does not have")
                        .at(&here())
                        .detail(format!("The entity is `&{};`.", shortened(&reference.xml10_content())))
                        .hint("write the characters out; entities of a file's own are not expanded")
                        .into());
                };
                if skipped == 0 {
                    push_text(c.encode_utf8(&mut [0; 4]), &mut open, &mut loose, limits, &here)?;
                }
                continue;
            }
            Event::DocType(_) => {
                return Err(Diagnostic::error("CYME.XML.DOCTYPE", "the file declares a document type")
                    .at(&here())
                    .detail("A document type can define entities that grow without limit or read other files; a study has none.")
                    .hint("remove the line that begins with <!DOCTYPE")
                    .into());
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
        };
        if skipped > 0 {
            skipped += usize::from(!empty);
            if skipped + levels.len() + open.len() > limits.depth {
                return Err(too_deep(&here(), limits.depth).into());
            }
            continue;
        }
        let name = start.local_name().as_ref().to_owned();
        if levels.len() + open.len() >= limits.depth {
            return Err(too_deep(&here(), limits.depth).into());
        }
        if summary.root.is_empty() && levels.is_empty() {
            summary.root.clone_from(&name);
            summary.version = attribute(&start, "Version");
            summary.revision = attribute(&start, "Revision");
        }
        if LEFT_OUT.iter().any(|n| name.eq_ignore_ascii_case(n)) {
            match summary.left_out.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(&name)) {
                Some((_, count)) => *count += 1,
                None => summary.left_out.push((name, 1)),
            }
            skipped = usize::from(!empty);
            continue;
        }
        loose.clear();
        let parent = levels.last().map_or("", |l| l.name.as_str());
        if open.is_empty() && !is_record(&name, parent) {
            if empty {
                continue;
            }
            leaf = true;
            levels.push(Level { name, leaves: Vec::new() });
            continue;
        }
        elements += 1;
        if elements > limits.record_elements {
            return Err(Diagnostic::error("CYME.XML.RECORD_TOO_LARGE", "one record holds more elements than the limit")
                .at(&here())
                .detail(format!("At most {} elements are read in one record.", limits.record_elements))
                .hint("the file may be damaged; save the study again")
                .into());
        }
        let element = Element { kind: attribute(&start, "type"), name, line, ..Element::default() };
        if empty {
            close(element, &mut open, &levels, &mut elements, take)?;
        } else {
            open.push(element);
        }
    }
    if skipped + levels.len() + open.len() > 0 || summary.root.is_empty() {
        let (message, hint) = match summary.root.is_empty() {
            true => ("the file holds no XML element", "name a study saved as XML"),
            false => ("the file ends within an element", "copy the file again; it is cut off"),
        };
        return Err(Diagnostic::error("CYME.XML.TRUNCATED", message)
            .at(&SourceRef::new(file.clone(), lines.at(text.len())))
            .hint(hint)
            .into());
    }
    Ok(summary)
}

/// Hands a closed element to its parent, or on as a record.
fn close(element: Element, open: &mut [Element], levels: &[Level], elements: &mut usize, take: &mut Take<'_>) -> Result<(), ImportError> {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => {
            *elements = 0;
            take(levels, element)?;
        }
    }
    Ok(())
}

/// A level outside records has ended: if it held nothing but text, it is a leaf of the level around it.
fn finish_level(level: Option<Level>, leaf: bool, loose: &str, levels: &mut [Level], summary: &mut XmlSummary) {
    let (Some(level), true) = (level, leaf) else { return };
    let value = loose.trim();
    let depth = levels.len();
    let Some(parent) = levels.last_mut() else { return };
    if value.is_empty() || parent.leaves.len() >= LEAVES_MAX {
        return;
    }
    if depth == 1 && level.name.eq_ignore_ascii_case("Version") && summary.version.is_empty() {
        value.clone_into(&mut summary.version);
    }
    if depth == 1 && level.name.eq_ignore_ascii_case("Revision") && summary.revision.is_empty() {
        value.clone_into(&mut summary.revision);
    }
    parent.leaves.push((level.name, value.to_owned()));
}

fn push_text(
    piece: &str,
    open: &mut [Element],
    loose: &mut String,
    limits: &XmlLimits,
    here: &dyn Fn() -> SourceRef,
) -> Result<(), ImportError> {
    let text = match open.last_mut() {
        Some(element) => &mut element.text,
        None => loose,
    };
    if text.is_empty() && piece.trim().is_empty() {
        return Ok(());
    }
    if text.len() + piece.len() > limits.text_bytes {
        return Err(Diagnostic::error("CYME.XML.TEXT_TOO_LONG", "the text of one element is longer than the limit")
            .at(&here())
            .detail(format!("At most {} bytes are read in one element.", limits.text_bytes))
            .hint("the file may be damaged; save the study again")
            .into());
    }
    text.push_str(piece);
    Ok(())
}

fn too_deep(at: &SourceRef, depth: usize) -> Diagnostic {
    Diagnostic::error("CYME.XML.TOO_DEEP", "elements stand deeper within one another than the limit")
        .at(at)
        .detail(format!("At most {depth} levels are read."))
        .hint("no study is that deep; the file is not one, or is damaged")
}

/// The value of the first attribute with this local name; empty without one.
fn attribute(start: &BytesStart<'_>, local: &str) -> String {
    start
        .attributes()
        .flatten()
        .filter(|a| a.key.local_name().as_ref().eq_ignore_ascii_case(local))
        .find_map(|a| a.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok().map(|v| v.trim().to_owned()))
        .unwrap_or_default()
}

fn trim(text: &mut String) {
    let trimmed = text.trim();
    if trimmed.len() != text.len() {
        *text = trimmed.to_owned();
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Lines counted along with the walk.
struct Lines<'a> {
    text: &'a [u8],
    position: usize,
    line: u32,
}

impl Lines<'_> {
    /// The line of a byte that is not before the last one asked for.
    fn at(&mut self, position: usize) -> u32 {
        let position = position.min(self.text.len());
        if position > self.position {
            let newlines = memchr::memchr_iter(b'\n', &self.text[self.position..position]).count();
            self.line = self.line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
            self.position = position;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Result<(XmlSummary, Vec<(String, Element)>), ImportError> {
        let mut seen = Vec::new();
        let limits = XmlLimits { depth: 20, record_elements: 100, text_bytes: 1000, ..XmlLimits::default() };
        let summary = walk(text, &Arc::from("study.xml"), &limits, &mut |levels, element| {
            seen.push((levels.iter().map(|l| l.name.as_str()).collect::<Vec<_>>().join("/"), element));
            Ok(())
        })?;
        Ok((summary, seen))
    }

    #[test]
    fn records_come_with_their_lines_and_what_stands_around_them() {
        let text = "<Cyme Version=\"9.0\">\n<Networks><Network><NetworkID>F1</NetworkID>\n<Nodes>\n<Node><NodeID>a &amp; b</NodeID><Tag><Text>x</Text></Tag></Node>\n\
                    <Node><NodeID> <![CDATA[c]]> </NodeID></Node></Nodes></Network></Networks>\n<EquipmentDBs><FuseDB/><n:CableDB xmlns:n='u'/></EquipmentDBs></Cyme>";
        let (summary, seen) = records(text).unwrap();
        assert_eq!((summary.root.as_str(), summary.version.as_str()), ("Cyme", "9.0"));
        assert_eq!(summary.left_out, [("Tag".to_owned(), 1)]);
        assert_eq!(seen.len(), 4);
        assert_eq!(seen[0].0, "Cyme/Networks/Network/Nodes");
        assert_eq!((seen[0].1.line, seen[0].1.text_at(&["ID", "NodeID"])), (4, Some("a & b")));
        assert_eq!(seen[1].1.text_at(&["NodeID"]), Some("c"));
        assert_eq!(seen[3].1.name, "CableDB");
    }

    #[test]
    fn bombs_are_refused() {
        let code = |text: &str| records(text).unwrap_err().diagnostics[0].code.clone();
        assert_eq!(code("<!DOCTYPE c [<!ENTITY a \"aaaa\">]><Cyme>&a;</Cyme>"), "CYME.XML.DOCTYPE");
        assert_eq!(code("<Cyme>&a;</Cyme>"), "CYME.XML.ENTITY");
        assert_eq!(code(&"<Cyme>".repeat(30)), "CYME.XML.TOO_DEEP");
        assert_eq!(code(&format!("<Cyme><Tags>{}", "<x>".repeat(30))), "CYME.XML.TOO_DEEP");
        assert_eq!(code(&format!("<Cyme><Nodes><Node>{}</Node></Nodes></Cyme>", "<x/>".repeat(200))), "CYME.XML.RECORD_TOO_LARGE");
        assert_eq!(code(&format!("<Cyme><Nodes><Node>{}</Node></Nodes></Cyme>", "x".repeat(2000))), "CYME.XML.TEXT_TOO_LONG");
        assert_eq!(code("<Cyme><Nodes><Node></Nodes></Cyme>"), "CYME.XML.MALFORMED");
        assert_eq!(code("<Cyme><Nodes>"), "CYME.XML.TRUNCATED");
        assert_eq!(code("no xml"), "CYME.XML.TRUNCATED");
    }

    #[test]
    fn encodings_are_told_by_mark_by_zeros_and_by_declaration() {
        let file = SourceRef::new("s.xml", 0);
        let text = "<?xml version=\"1.0\" encoding=\"windows-1252\"?><Cyme>\u{e9}</Cyme>";
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked: Vec<u8> = [0xFF, 0xFE].into_iter().chain(utf16.iter().copied()).collect();
        let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        for bytes in [utf16, marked, latin] {
            assert_eq!(decode(&bytes, &file, 1 << 20).unwrap(), text);
        }
        let with_mark = [b"\xEF\xBB\xBF".as_slice(), "<Cyme>\u{e9}</Cyme>".as_bytes()].concat();
        assert_eq!(decode(&with_mark, &file, 1 << 20).unwrap(), "<Cyme>\u{e9}</Cyme>");
        assert!(looks_like_study(&with_mark));
        assert!(!looks_like_study(b"<html></html>"));
        assert_eq!(decode(b"<Cyme/>", &file, 3).unwrap_err().diagnostics[0].code, "CYME.XML.TOO_LARGE");
        assert_eq!(decode(b"\xEF\xBB\xBF<Cyme>\xFF</Cyme>", &file, 1 << 20).unwrap_err().diagnostics[0].code, "CYME.XML.ENCODING");
    }
}
