//! The text of a configuration file as a small tree.
//!
//! Files come from other people's tools and over the network, so nothing outside the text is ever read and nothing in it may cost more
//! than the limits: a document type (and with it every entity of its own) is refused, and size, depth, elements and length of a value are
//! bounded. Elements of foreign namespaces and `Private` parts are left out, with a count, because the standard lets every tool add them.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use network::{Diagnostic, SourceRef};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use std::sync::Arc;

/// The namespace of the language.
pub const NAMESPACE: &str = "http://www.iec.ch/61850/2003/SCL";

/// What a file may cost. The defaults are far above real stations, which have some ten megabytes and fifteen levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes: usize,
    /// Elements within one another.
    pub depth: usize,
    /// Elements altogether.
    pub elements: usize,
    /// Bytes of one text or attribute.
    pub text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 256 << 20, depth: 64, elements: 4_000_000, text_bytes: 1 << 20 }
    }
}

/// An element with what is in it. Names are without prefixes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Element {
    pub name: String,
    /// The text directly in it, trimmed.
    pub text: String,
    /// Line on which it begins, from 1.
    pub line: u32,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
}

impl Element {
    /// The value of an attribute, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The value of an attribute, empty when it is not there.
    pub fn attribute(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    /// The children of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |c| c.name == name)
    }
}

/// A read text.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    pub root: Element,
    /// Elements of foreign namespaces and `Private` parts that were left out, without what is in them.
    pub left_out: usize,
}

/// Reads the bytes of a file.
///
/// # Errors
/// The finding that ends reading: bytes that are no text, text that is not well-formed, a document type or entity, a limit passed.
pub fn parse(bytes: &[u8], file: &str, limits: &Limits) -> Result<Tree, Diagnostic> {
    let name: Arc<str> = file.into();
    if bytes.len() > limits.bytes {
        return Err(Diagnostic::error("SCL.FILE.TOO_LARGE", "the file is larger than the limit")
            .at(&SourceRef::new(name, 0))
            .detail(format!("It has {} bytes; at most {} are read.", bytes.len(), limits.bytes))
            .hint("export one station, or one device, into a file"));
    }
    let text = decode(bytes, &name)?;
    Parser { text: &text, file: name, limits, line: Lines { text: text.as_bytes(), position: 0, line: 1 }, elements: 0, left_out: 0 }.run()
}

fn decode(bytes: &[u8], file: &Arc<str>) -> Result<String, Diagnostic> {
    let encoding = encoding_of(bytes);
    let (text, used, bad) = encoding.decode(bytes);
    if bad {
        return Err(Diagnostic::error("SCL.FILE.ENCODING", "the file holds bytes that its encoding does not have")
            .at(&SourceRef::new(file.clone(), 0))
            .detail(format!("Read as {}.", used.name()))
            .hint("save the file again as UTF-8, or declare the encoding that it has"));
    }
    Ok(text.into_owned())
}

/// Byte order mark, then zero bytes of UTF-16 without one, then the declaration, then UTF-8.
fn encoding_of(bytes: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    match bytes {
        [b'<', 0, ..] => return UTF_16LE,
        [0, b'<', ..] => return UTF_16BE,
        _ => {}
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    let declared = head
        .split_once("encoding")
        .and_then(|(_, rest)| rest.trim_start_matches([' ', '=']).split(['"', '\'']).nth(1))
        .and_then(|label| Encoding::for_label(label.as_bytes()));
    match declared {
        // A declaration that says UTF-16 in bytes that are not is a slip of the tool.
        Some(e) if e == UTF_16LE || e == UTF_16BE => UTF_8,
        Some(e) => e,
        None if std::str::from_utf8(bytes).is_ok() => UTF_8,
        None => WINDOWS_1252,
    }
}

struct Lines<'a> {
    text: &'a [u8],
    position: usize,
    line: u32,
}

impl Lines<'_> {
    /// The line of a position that is not before the last one asked for.
    fn at(&mut self, position: usize) -> u32 {
        let position = position.min(self.text.len());
        if position > self.position {
            let breaks = self.text[self.position..position].iter().filter(|b| **b == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
            self.position = position;
        }
        self.line
    }
}

struct Parser<'a> {
    text: &'a str,
    file: Arc<str>,
    limits: &'a Limits,
    line: Lines<'a>,
    elements: usize,
    left_out: usize,
}

impl Parser<'_> {
    fn here(&self) -> SourceRef {
        SourceRef::new(self.file.clone(), self.line.line)
    }

    fn run(mut self) -> Result<Tree, Diagnostic> {
        let mut reader = NsReader::from_str(self.text);
        let mut open: Vec<Element> = Vec::new();
        let mut root: Option<Element> = None;
        // Depth within a subtree that is left out.
        let mut skipped = 0usize;
        loop {
            let begun = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            // The bytes of the tag begin where the last event ended.
            self.line.at(begun);
            let event = match reader.read_resolved_event() {
                Ok((namespace, event)) => (is_ours(&namespace), event.into_owned()),
                Err(e) => {
                    let at = usize::try_from(reader.error_position()).unwrap_or(begun);
                    self.line.at(at);
                    return Err(Diagnostic::error("SCL.FILE.NOT_XML", "the text is not well-formed XML")
                        .at(&self.here())
                        .detail(format!("{e}."))
                        .hint("export the file again; it may be cut off"));
                }
            };
            let (start, empty) = match event {
                (_, Event::End(_)) => {
                    if skipped > 0 {
                        skipped -= 1;
                    } else if let Some(mut done) = open.pop() {
                        done.text = done.text.trim().to_owned();
                        match open.last_mut() {
                            Some(parent) => parent.children.push(done),
                            None => root = Some(done),
                        }
                    }
                    continue;
                }
                (_, Event::Text(piece)) => {
                    if skipped == 0 {
                        self.push(&mut open, &piece.xml10_content())?;
                    }
                    continue;
                }
                (_, Event::CData(piece)) => {
                    if skipped == 0 {
                        self.push(&mut open, &piece.xml10_content())?;
                    }
                    continue;
                }
                (_, Event::GeneralRef(reference)) => {
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
                        return Err(self.entity());
                    };
                    if skipped == 0 {
                        self.push(&mut open, c.encode_utf8(&mut [0; 4]))?;
                    }
                    continue;
                }
                (_, Event::DocType(_)) => {
                    return Err(Diagnostic::error("SCL.FILE.DTD", "the file declares a document type")
                        .at(&self.here())
                        .detail("A document type can define entities that grow without limit or read other files; a configuration file has none.")
                        .hint("remove the line that begins with <!DOCTYPE"));
                }
                (_, Event::Eof) => break,
                (_, Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => continue,
                (ours, Event::Start(start)) => ((start, ours), false),
                (ours, Event::Empty(start)) => ((start, ours), true),
            };
            let (start, ours) = start;
            if open.len() + skipped >= self.limits.depth {
                return Err(Diagnostic::error("SCL.FILE.TOO_LARGE", "elements stand deeper within one another than the limit")
                    .at(&self.here())
                    .detail(format!("At most {} levels are read.", self.limits.depth))
                    .hint("the file may be damaged; export it again"));
            }
            if skipped > 0 {
                skipped += usize::from(!empty);
                continue;
            }
            if !ours || start.local_name().as_ref() == "Private" {
                self.left_out += 1;
                if open.is_empty() {
                    return Err(not_scl(&self.here(), start.local_name().as_ref()));
                }
                skipped = usize::from(!empty);
                continue;
            }
            self.elements += 1;
            if self.elements > self.limits.elements {
                return Err(Diagnostic::error("SCL.FILE.TOO_LARGE", "the file holds more elements than the limit")
                    .at(&self.here())
                    .detail(format!("At most {} elements are read.", self.limits.elements))
                    .hint("export one station, or one device, into a file"));
            }
            let element = self.element(&start)?;
            if root.is_some() {
                return Err(Diagnostic::error("SCL.FILE.NOT_XML", "the text goes on after its outermost element")
                    .at(&self.here())
                    .hint("keep one SCL element in a file"));
            }
            if open.is_empty() && element.name != "SCL" {
                return Err(not_scl(&self.here(), &element.name));
            }
            match (empty, open.last_mut()) {
                (false, _) => open.push(element),
                (true, Some(parent)) => parent.children.push(element),
                (true, None) => root = Some(element),
            }
        }
        self.line.at(self.text.len());
        match root {
            Some(root) if open.is_empty() && skipped == 0 => Ok(Tree { root, left_out: self.left_out }),
            _ => Err(Diagnostic::error(
                "SCL.FILE.NOT_XML",
                if open.is_empty() { "the file holds no XML element" } else { "the file ends within an element" },
            )
            .at(&self.here())
            .hint("copy the file again; it is empty or cut off")),
        }
    }

    fn element(&self, start: &BytesStart<'_>) -> Result<Element, Diagnostic> {
        let mut element = Element { name: start.local_name().as_ref().to_owned(), line: self.line.line, ..Element::default() };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|e| {
                Diagnostic::error("SCL.FILE.NOT_XML", "an attribute cannot be read")
                    .at(&self.here())
                    .detail(format!("{e}."))
                    .hint("write attributes as name=\"value\", each once")
            })?;
            // Attributes with a prefix belong to other languages, but for their declarations nothing is lost.
            if attribute.key.prefix().is_some() || attribute.key.as_ref() == "xmlns" {
                continue;
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| self.entity())?;
            self.bounded(value.len())?;
            element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        Ok(element)
    }

    fn push(&self, open: &mut [Element], piece: &str) -> Result<(), Diagnostic> {
        let Some(element) = open.last_mut() else { return Ok(()) };
        if element.text.is_empty() && piece.trim().is_empty() {
            return Ok(());
        }
        self.bounded(element.text.len() + piece.len())?;
        element.text.push_str(piece);
        Ok(())
    }

    fn bounded(&self, bytes: usize) -> Result<(), Diagnostic> {
        if bytes <= self.limits.text_bytes {
            return Ok(());
        }
        Err(Diagnostic::error("SCL.FILE.TOO_LARGE", "a text or attribute is longer than the limit")
            .at(&self.here())
            .detail(format!("At most {} bytes are read.", self.limits.text_bytes))
            .hint("the file may be damaged; export it again"))
    }

    fn entity(&self) -> Diagnostic {
        Diagnostic::error("SCL.FILE.ENTITY", "the text uses an entity that XML itself does not have")
            .at(&self.here())
            .hint("write the characters out; entities of a file's own are not expanded")
    }
}

/// True for the language's namespace and for none at all, as some tools write.
fn is_ours(namespace: &ResolveResult<'_>) -> bool {
    match namespace {
        ResolveResult::Unbound => true,
        ResolveResult::Bound(name) => AsRef::<str>::as_ref(&name.0) == NAMESPACE,
        ResolveResult::Unknown(_) => false,
    }
}

fn not_scl(at: &SourceRef, found: &str) -> Diagnostic {
    let shown: String = found.chars().take(40).collect();
    Diagnostic::error("SCL.FILE.NOT_SCL", "the file is no configuration of IEC 61850-6")
        .at(at)
        .detail(format!("Its outermost element is <{shown}>, not <SCL> of {NAMESPACE}."))
        .hint("name an ICD, CID, IID or SCD file")
}
