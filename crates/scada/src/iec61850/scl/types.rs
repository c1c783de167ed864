//! Data type templates: types of nodes, objects, attributes and enumerations, and the trees that they make.

use super::findings::{Findings, nearest};
use super::model::{Attribute, Enumeration, Kind, Node};
use super::xml::Element;
use iec61850_model::{DataAttributeType as Basic, FC, MmsValue};
use network::Diagnostic;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Types within one another. The standard's classes need seven.
const DEPTH_MAX: usize = 24;
/// Nodes of all trees together: types may multiply one another without end.
const NODES_MAX: usize = 2_000_000;
/// Elements of one array.
const COUNT_MAX: u32 = 65_535;

/// A kind of type in the words of the file, for findings.
#[derive(Clone, Copy)]
enum Of {
    Node,
    Object,
    Attribute,
    Enumeration,
}

impl Of {
    fn element(self) -> &'static str {
        match self {
            Of::Node => "LNodeType",
            Of::Object => "DOType",
            Of::Attribute => "DAType",
            Of::Enumeration => "EnumType",
        }
    }
}

pub(super) struct Types<'a> {
    nodes: HashMap<&'a str, &'a Element>,
    objects: HashMap<&'a str, &'a Element>,
    attributes: HashMap<&'a str, &'a Element>,
    enumerations: HashMap<&'a str, Arc<Enumeration>>,
    made: usize,
}

impl<'a> Types<'a> {
    /// Indexes the templates; a name that is given twice keeps its first meaning.
    pub fn new(templates: Option<&'a Element>, findings: &mut Findings) -> Self {
        let mut types =
            Self { nodes: HashMap::new(), objects: HashMap::new(), attributes: HashMap::new(), enumerations: HashMap::new(), made: 0 };
        let Some(templates) = templates else { return types };
        for element in &templates.children {
            let id = element.attribute("id");
            let map = match element.name.as_str() {
                "LNodeType" => &mut types.nodes,
                "DOType" => &mut types.objects,
                "DAType" => &mut types.attributes,
                "EnumType" => {
                    let read = enumeration(element, findings);
                    if types.enumerations.contains_key(id) {
                        findings.add(element.line, duplicate("EnumType", id));
                    } else {
                        types.enumerations.insert(id, Arc::new(read));
                    }
                    continue;
                }
                _ => continue,
            };
            if id.is_empty() {
                findings.add(element.line, missing_name(&element.name, "id"));
            } else if map.contains_key(id) {
                findings.add(element.line, duplicate(&element.name, id));
            } else {
                map.insert(id, element);
            }
        }
        types
    }

    /// The data objects of a logical node of this type; empty when there is no such type.
    pub fn objects_of(&mut self, id: &str, line: u32, findings: &mut Findings) -> Vec<Node> {
        let Some(element) = self.nodes.get(id).copied() else {
            self.missing(Of::Node, id, line, findings);
            return Vec::new();
        };
        let mut seen = HashSet::new();
        let mut objects = Vec::new();
        for child in element.all("DO") {
            if fresh(child, &mut seen, "DO", id, findings) {
                objects.extend(self.object(child, None, 1, findings));
            }
        }
        objects
    }

    fn object(&mut self, element: &'a Element, array: Option<u32>, depth: usize, findings: &mut Findings) -> Option<Node> {
        let id = element.attribute("type");
        let Some(template) = self.objects.get(id).copied() else {
            self.missing(Of::Object, id, element.line, findings);
            return None;
        };
        self.bounded(depth, id, element.line, findings)?;
        let mut node = Node {
            name: element.attribute("name").to_owned(),
            kind: Kind::Object { cdc: template.attribute("cdc").to_owned() },
            count: array,
            description: element.attribute("desc").to_owned(),
            children: Vec::new(),
            line: element.line,
        };
        let mut seen = HashSet::new();
        for child in &template.children {
            match child.name.as_str() {
                "SDO" if fresh(child, &mut seen, "SDO", id, findings) => {
                    let count = count(child, template, findings);
                    node.children.extend(self.object(child, count, depth + 1, findings));
                }
                "DA" if fresh(child, &mut seen, "DA", id, findings) => {
                    let Ok(fc) = FC::parse(child.attribute("fc")) else {
                        findings.add(
                            child.line,
                            Diagnostic::error(
                                "SCL.TYPE.UNKNOWN_FC",
                                format!("attribute \"{}\" has no known functional constraint", child.attribute("name")),
                            )
                            .detail(format!("fc is \"{}\" in DOType \"{id}\".", child.attribute("fc")))
                            .hint("write one of ST, MX, SP, SV, CF, DC, SG, SE, SR, OR, BL, EX, CO"),
                        );
                        continue;
                    };
                    node.children.extend(self.attribute(child, template, fc, None, depth + 1, findings));
                }
                _ => {}
            }
        }
        Some(node)
    }

    fn attribute(
        &mut self,
        element: &'a Element,
        within: &'a Element,
        fc: FC,
        of: Option<&Attribute>,
        depth: usize,
        findings: &mut Findings,
    ) -> Option<Node> {
        let name = element.attribute("name");
        self.bounded(depth, name, element.line, findings)?;
        let word = element.attribute("bType");
        let Some(basic) = basic_type(word) else {
            findings.add(
                element.line,
                Diagnostic::error("SCL.TYPE.UNKNOWN_BASIC", format!("attribute \"{name}\" has no known basic type"))
                    .detail(format!("bType is \"{word}\" in {} \"{}\".", within.name, within.attribute("id")))
                    .hint(match nearest(word, BASIC.iter().map(|(n, _)| *n)) {
                        Some(near) => format!("did you mean {near}?"),
                        None => "write a basic type of IEC 61850-6, such as BOOLEAN, INT32, FLOAT32, Enum, Struct".to_owned(),
                    }),
            );
            return None;
        };
        let id = element.attribute("type");
        let mut enumeration = None;
        if basic == Basic::Enumerated {
            match self.enumerations.get(id) {
                Some(found) => enumeration = Some(found.clone()),
                None => self.missing(Of::Enumeration, id, element.line, findings),
            }
        }
        // Parts of a structure trigger as the structure does.
        let flag = |key: &str, of: Option<bool>| of.unwrap_or(false) || element.attribute(key) == "true" || element.attribute(key) == "1";
        let mut made = Attribute {
            fc,
            basic,
            enumeration,
            on_data_change: flag("dchg", of.map(|a| a.on_data_change)),
            on_quality_change: flag("qchg", of.map(|a| a.on_quality_change)),
            on_data_update: flag("dupd", of.map(|a| a.on_data_update)),
            value: None,
            group_values: Vec::new(),
        };
        let mut children = Vec::new();
        if basic == Basic::Constructed {
            let Some(template) = self.attributes.get(id).copied() else {
                self.missing(Of::Attribute, id, element.line, findings);
                return None;
            };
            let mut seen = HashSet::new();
            for child in template.all("BDA") {
                if fresh(child, &mut seen, "BDA", id, findings) {
                    children.extend(self.attribute(child, template, fc, Some(&made), depth + 1, findings));
                }
            }
        } else {
            set_values(&mut made, element, name, findings);
        }
        Some(Node {
            name: name.to_owned(),
            kind: Kind::Attribute(Box::new(made)),
            count: count(element, within, findings),
            description: element.attribute("desc").to_owned(),
            children,
            line: element.line,
        })
    }

    fn bounded(&mut self, depth: usize, id: &str, line: u32, findings: &mut Findings) -> Option<()> {
        self.made += 1;
        if depth > DEPTH_MAX {
            findings.add(
                line,
                Diagnostic::error("SCL.TYPE.LOOP", format!("type \"{id}\" contains itself, or stands too deep"))
                    .detail(format!("Types stand more than {DEPTH_MAX} levels within one another."))
                    .hint("remove the part that leads back to the type"),
            );
            return None;
        }
        if self.made > NODES_MAX {
            findings.add(
                line,
                Diagnostic::error("SCL.FILE.TOO_LARGE", "the types make more attributes than the limit")
                    .detail(format!("At most {NODES_MAX} are made; those after them are left out."))
                    .hint("export fewer devices into one file"),
            );
            return None;
        }
        Some(())
    }

    fn missing(&self, of: Of, id: &str, line: u32, findings: &mut Findings) {
        let near = match of {
            Of::Node => nearest(id, self.nodes.keys().copied()),
            Of::Object => nearest(id, self.objects.keys().copied()),
            Of::Attribute => nearest(id, self.attributes.keys().copied()),
            Of::Enumeration => nearest(id, self.enumerations.keys().copied()),
        };
        findings.add(
            line,
            Diagnostic::error("SCL.TYPE.MISSING", format!("there is no {} \"{id}\"", of.element()))
                .detail("What is of this type is left out; the rest of the model stands.")
                .hint(match near {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("add the {} to the DataTypeTemplates", of.element()),
                }),
        );
    }
}

fn enumeration(element: &Element, findings: &mut Findings) -> Enumeration {
    let mut read = Enumeration { id: element.attribute("id").to_owned(), values: Vec::new() };
    for value in element.all("EnumVal") {
        match value.attribute("ord").trim().parse::<i32>() {
            Ok(ord) if read.values.iter().any(|(o, _)| *o == ord) => {
                findings.add(value.line, duplicate(&format!("number in EnumType \"{}\":", read.id), &ord.to_string()));
            }
            Ok(ord) => read.values.push((ord, value.text.clone())),
            Err(_) => findings.add(value.line, unreadable("ord", value.attribute("ord"), "a whole number")),
        }
    }
    read
}

/// Says whether a part has a name that is not taken yet.
fn fresh<'a>(element: &'a Element, seen: &mut HashSet<&'a str>, what: &str, id: &str, findings: &mut Findings) -> bool {
    let name = element.attribute("name");
    if name.is_empty() {
        findings.add(element.line, missing_name(what, "name"));
        return false;
    }
    if !seen.insert(name) {
        findings.add(element.line, duplicate(&format!("{what} in \"{id}\":"), name));
        return false;
    }
    true
}

/// `count` of an array: a number, or the name of an attribute of the same type whose value is the number.
fn count(element: &Element, within: &Element, findings: &mut Findings) -> Option<u32> {
    let word = element.get("count")?.trim();
    let number = match word.parse::<u32>() {
        Ok(n) => Some(n),
        Err(_) => {
            within.children.iter().find(|c| c.attribute("name") == word).and_then(|c| c.child("Val")).and_then(|v| v.text.parse().ok())
        }
    };
    match number {
        Some(0) => None,
        Some(n) if n <= COUNT_MAX => Some(n),
        _ => {
            findings
                .add(element.line, unreadable("count", word, "a number of elements up to 65535, or the name of an attribute that has one"));
            None
        }
    }
}

/// Takes the values that stand in an element for an attribute, of the type or of an instance.
pub(super) fn set_values(attribute: &mut Attribute, element: &Element, name: &str, findings: &mut Findings) {
    for val in element.all("Val") {
        let Some(value) = value_of(attribute, &val.text) else {
            let expected = match &attribute.enumeration {
                Some(e) => format!("a word of EnumType \"{}\"", e.id),
                None => format!("a value of type {}", attribute.basic.type_name()),
            };
            let near = attribute.enumeration.as_ref().and_then(|e| nearest(&val.text, e.values.iter().map(|(_, w)| w.as_str())));
            let mut finding = unreadable(name, &val.text, &expected);
            if let Some(near) = near {
                finding = finding.hint(format!("did you mean \"{near}\"?"));
            }
            findings.add(val.line, finding);
            continue;
        };
        match val.get("sGroup").map(|g| g.parse::<u8>()) {
            None => attribute.value = Some(value),
            Some(Ok(group)) if group > 0 => {
                if group == 1 {
                    attribute.value = Some(value.clone());
                }
                match attribute.group_values.binary_search_by_key(&group, |(g, _)| *g) {
                    Ok(i) => attribute.group_values[i].1 = value,
                    Err(i) => attribute.group_values.insert(i, (group, value)),
                }
            }
            Some(_) => findings.add(val.line, unreadable("sGroup", val.attribute("sGroup"), "the number of a setting group")),
        }
    }
}

/// A value in the words of a file as one of the attribute's type; none when it cannot be one.
fn value_of(attribute: &Attribute, text: &str) -> Option<MmsValue> {
    let text = text.trim();
    let signed = |bits: u32| {
        text.parse::<i64>().ok().filter(|v| bits >= 64 || (*v >= -(1 << (bits - 1)) && *v < 1 << (bits - 1))).map(MmsValue::Integer)
    };
    let unsigned = |bits: u32| text.parse::<u64>().ok().filter(|v| *v < 1 << bits).map(MmsValue::Unsigned);
    let bits = |width: u8, value: u8| Some(MmsValue::BitString { padding: 8 - width, data: vec![value << (8 - width)] });
    match attribute.basic {
        Basic::Boolean => match text {
            "true" | "1" | "TRUE" | "True" => Some(MmsValue::Boolean(true)),
            "false" | "0" | "FALSE" | "False" => Some(MmsValue::Boolean(false)),
            _ => None,
        },
        Basic::Int8 => signed(8),
        Basic::Int16 => signed(16),
        Basic::Int24 => signed(24),
        Basic::Int32 => signed(32),
        Basic::Int64 | Basic::Int128 => signed(64),
        Basic::Int8U => unsigned(8),
        Basic::Int16U => unsigned(16),
        Basic::Int24U => unsigned(24),
        Basic::Int32U => unsigned(32),
        Basic::Float32 => text.parse::<f32>().ok().filter(|v| v.is_finite()).map(MmsValue::Float32),
        Basic::Float64 => text.parse::<f64>().ok().filter(|v| v.is_finite()).map(MmsValue::Float64),
        Basic::Enumerated => {
            let number = match &attribute.enumeration {
                Some(e) => e.number(text).or_else(|| text.parse::<i32>().ok().filter(|n| e.word(i64::from(*n)).is_some())),
                // Without its type, reported already, a number is all that can be read.
                None => text.parse().ok(),
            };
            number.map(|n| MmsValue::Integer(i64::from(n)))
        }
        Basic::CodedEnum => match text {
            "intermediate-state" | "intermediate" | "0" | "stop" => bits(2, 0),
            "off" | "1" | "lower" => bits(2, 1),
            "on" | "2" | "higher" => bits(2, 2),
            "bad-state" | "bad" | "3" | "reserved" => bits(2, 3),
            _ => None,
        },
        Basic::VisibleString(n) => (text.len() <= usize::from(n)).then(|| MmsValue::VisibleString(text.to_owned())),
        Basic::Currency => Some(MmsValue::VisibleString(text.to_owned())),
        Basic::UnicodeString255 => Some(MmsValue::MmsString(text.to_owned())),
        Basic::OctetString(n) => {
            let hex: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
            let bytes: Option<Vec<u8>> = match hex.len() % 2 {
                0 => hex.chunks(2).map(|p| u8::from_str_radix(&p.iter().collect::<String>(), 16).ok()).collect(),
                _ => None,
            };
            bytes.filter(|b| b.len() <= usize::from(n)).map(MmsValue::OctetString)
        }
        // Qualities, times and flags have no settled way of being written: what stands there is their start value, which is none.
        Basic::Quality | Basic::Timestamp | Basic::EntryTime | Basic::Check => Some(MmsValue::default_for(attribute.basic)),
        other => Some(MmsValue::default_for(other)),
    }
}

const BASIC: [(&str, Basic); 36] = [
    ("BOOLEAN", Basic::Boolean),
    ("INT8", Basic::Int8),
    ("INT16", Basic::Int16),
    ("INT24", Basic::Int24),
    ("INT32", Basic::Int32),
    ("INT64", Basic::Int64),
    ("INT128", Basic::Int128),
    ("INT8U", Basic::Int8U),
    ("INT16U", Basic::Int16U),
    ("INT24U", Basic::Int24U),
    ("INT32U", Basic::Int32U),
    ("FLOAT32", Basic::Float32),
    ("FLOAT64", Basic::Float64),
    ("Enum", Basic::Enumerated),
    ("Dbpos", Basic::CodedEnum),
    ("Tcmd", Basic::CodedEnum),
    ("Quality", Basic::Quality),
    ("Timestamp", Basic::Timestamp),
    ("VisString32", Basic::VisibleString(32)),
    ("VisString64", Basic::VisibleString(64)),
    ("VisString65", Basic::VisibleString(65)),
    ("VisString129", Basic::VisibleString(129)),
    ("VisString255", Basic::VisibleString(255)),
    ("ObjRef", Basic::VisibleString(129)),
    ("Octet6", Basic::OctetString(6)),
    ("Octet16", Basic::OctetString(16)),
    ("Octet64", Basic::OctetString(64)),
    ("EntryID", Basic::OctetString(8)),
    ("Struct", Basic::Constructed),
    ("EntryTime", Basic::EntryTime),
    ("Unicode255", Basic::UnicodeString255),
    ("Check", Basic::Check),
    ("Currency", Basic::Currency),
    ("PhyComAddr", Basic::PhyComAddr),
    ("TrgOps", Basic::TrgOpsBits),
    ("OptFlds", Basic::OptFlds),
];

fn basic_type(word: &str) -> Option<Basic> {
    match word {
        "SvOptFlds" => Some(Basic::SvOptFlds),
        "LogOptFlds" => Some(Basic::LogOptFlds),
        _ => BASIC.iter().find(|(name, _)| *name == word).map(|(_, basic)| *basic),
    }
}

pub(super) fn duplicate(what: &str, name: &str) -> Diagnostic {
    Diagnostic::error("SCL.NAME.DUPLICATE", format!("{what} \"{name}\" is there twice"))
        .detail("The first one counts.")
        .hint("give the second another name, or remove it")
}

pub(super) fn missing_name(what: &str, attribute: &str) -> Diagnostic {
    Diagnostic::error("SCL.NAME.MISSING", format!("an element {what} has no {attribute}"))
        .detail("It is left out.")
        .hint(format!("give it the attribute {attribute}"))
}

pub(super) fn unreadable(what: &str, found: &str, expected: &str) -> Diagnostic {
    let found: String = found.chars().take(60).collect();
    Diagnostic::error("SCL.VALUE.UNREADABLE", format!("{what} is \"{found}\", which is not {expected}"))
        .detail("No value is taken in its place.")
        .hint(format!("write {expected}"))
}
