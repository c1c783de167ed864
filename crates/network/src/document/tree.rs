//! YAML, and JSON as part of it, as a tree of values that know their lines.

use granit_parser::{Event, Parser, ScalarStyle};
use std::collections::HashMap;

/// Largest document, bytes.
pub const MAX_BYTES: usize = 16 << 20;
/// Values in a tree, with what aliases repeat.
const MAX_NODES: usize = 1 << 20;
/// Levels of a tree.
const MAX_DEPTH: usize = 64;

/// A value and the line, from 1, on which it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub line: u32,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Flag(bool),
    /// Finite.
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its line, and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    pub line: u32,
    pub node: Node,
}

impl Value {
    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Flag(_) => "yes or no",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Why there is no tree.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntaxFault {
    pub line: u32,
    pub what: String,
}

fn fault(line: u32, what: impl Into<String>) -> SyntaxFault {
    SyntaxFault { line, what: what.into() }
}

/// A list or mapping that is being read.
struct Open {
    line: u32,
    anchor: usize,
    parts: Parts,
}

enum Parts {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<(String, u32)> },
}

/// The only document of a text; `None` of a text without one.
///
/// # Errors
/// The first fault of syntax; several documents; keys that are no scalars; too many values or levels.
pub fn parse(text: &str) -> Result<Option<Node>, SyntaxFault> {
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, (Node, usize)> = HashMap::new();
    let mut root: Option<Node> = None;
    let mut documents = 0;
    let mut nodes = 0;
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|e| fault(e.marker().line() as u32, e.to_string()))?;
        let line = span.start.line() as u32;
        let done = match event {
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    return Err(fault(line, "a second document begins here"));
                }
                continue;
            }
            Event::Scalar(text, style, anchor, _) => {
                let value = if style == ScalarStyle::Plain { plain(&text) } else { Value::Text(text.into_owned()) };
                (Node { line, value }, anchor, 1)
            }
            Event::Alias(id) => match anchors.get(&id) {
                Some((node, size)) => (Node { line, value: node.value.clone() }, 0, *size),
                None => return Err(fault(line, "an alias stands within what it repeats")),
            },
            Event::SequenceStart(_, anchor, _) => {
                open.push(Open { line, anchor, parts: Parts::List(Vec::new()) });
                if open.len() > MAX_DEPTH {
                    return Err(fault(line, format!("more than {MAX_DEPTH} levels")));
                }
                continue;
            }
            Event::MappingStart(_, anchor, _) => {
                open.push(Open { line, anchor, parts: Parts::Map { entries: Vec::new(), key: None } });
                if open.len() > MAX_DEPTH {
                    return Err(fault(line, format!("more than {MAX_DEPTH} levels")));
                }
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open { line, anchor, parts: Parts::List(list) }) => (Node { line, value: Value::List(list) }, anchor, 1),
                Some(Open { line, anchor, parts: Parts::Map { entries, .. } }) => {
                    (Node { line, value: Value::Map(merged(entries)) }, anchor, 1)
                }
                None => return Err(fault(line, "an end without a beginning")),
            },
            _ => continue,
        };
        let (node, anchor, size) = done;
        nodes += size;
        if nodes > MAX_NODES {
            return Err(fault(line, format!("more than {MAX_NODES} values")));
        }
        if anchor != 0 {
            anchors.insert(anchor, (node.clone(), count(&node)));
        }
        match open.last_mut().map(|o| &mut o.parts) {
            None => root = Some(node),
            Some(Parts::List(list)) => list.push(node),
            Some(Parts::Map { entries, key }) => match key.take() {
                Some((key, line)) => entries.push(Entry { key, line, node }),
                None => *key = Some((key_text(&node)?, node.line)),
            },
        }
    }
    Ok(root)
}

/// Values in a tree.
fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(list) => list.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|e| count(&e.node)).sum(),
        _ => 0,
    }
}

fn key_text(node: &Node) -> Result<String, SyntaxFault> {
    match &node.value {
        Value::Text(text) => Ok(text.clone()),
        Value::Null => Ok("null".to_owned()),
        Value::Flag(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::List(_) | Value::Map(_) => Err(fault(node.line, "a key is no word")),
    }
}

/// Puts the entries of `<<` where the mapping has none of that key.
fn merged(entries: Vec<Entry>) -> Vec<Entry> {
    if entries.iter().all(|e| e.key != "<<") {
        return entries;
    }
    let (merges, mut own): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|e| e.key == "<<");
    for merge in merges {
        let maps = match merge.node.value {
            Value::List(list) => list,
            _ => vec![merge.node],
        };
        for map in maps {
            match map.value {
                Value::Map(inner) => {
                    for entry in inner {
                        if own.iter().all(|e| e.key != entry.key) {
                            own.push(entry);
                        }
                    }
                }
                // Told later as a parameter that does not exist.
                _ => own.push(Entry { key: "<<".to_owned(), line: merge.line, node: map }),
            }
        }
    }
    own
}

/// An unquoted scalar by the core schema of YAML 1.2. Infinities and what is no number stay texts.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Flag(true),
        "false" | "False" | "FALSE" => return Value::Flag(false),
        _ => {}
    }
    let is_number = text.bytes().any(|b| b.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    match text.parse::<f64>() {
        Ok(number) if is_number && number.is_finite() => Value::Number(number),
        _ => Value::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &Value) -> String {
        match value {
            Value::List(list) => format!("[{}]", list.iter().map(|n| text(&n.value)).collect::<Vec<_>>().join(" ")),
            Value::Map(map) => {
                format!("{{{}}}", map.iter().map(|e| format!("{}@{}={}", e.key, e.line, text(&e.node.value))).collect::<Vec<_>>().join(" "))
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn yaml_and_json_give_the_same_values_with_their_lines() {
        let yaml = parse("a: 1\nb:\n  - x\n  - '2'\n  - ~\nc: {d: true}\n").unwrap().unwrap();
        assert_eq!(text(&yaml.value), "{a@1=Number(1.0) b@2=[Text(\"x\") Text(\"2\") Null] c@6={d@6=Flag(true)}}");
        let json = parse("{\n\t\"a\": 1,\n\t\"b\": [\"x\",\n\t\"2\", null],\n\t\"c\": {\"d\": true}\n}\n").unwrap().unwrap();
        assert_eq!(text(&json.value), "{a@2=Number(1.0) b@3=[Text(\"x\") Text(\"2\") Null] c@5={d@5=Flag(true)}}");
    }

    #[test]
    fn anchors_repeat_and_merge() {
        let tree = parse("base: &b {x: 1, y: 2}\none:\n  <<: *b\n  y: 3\ntwo: *b\n").unwrap().unwrap();
        assert_eq!(
            text(&tree.value),
            "{base@1={x@1=Number(1.0) y@1=Number(2.0)} one@2={y@4=Number(3.0) x@1=Number(1.0)} two@5={x@1=Number(1.0) y@1=Number(2.0)}}"
        );
    }

    #[test]
    fn faults_have_lines_and_bombs_do_not_explode() {
        assert_eq!(parse("a: 1\nb: [1, 2\nc: 3\n").unwrap_err().line, 3);
        assert_eq!(parse("a: 1\n---\nb: 2\n").unwrap_err().line, 2);
        assert_eq!(parse("[1]: 2\n").unwrap_err().what, "a key is no word");
        assert_eq!(parse("").unwrap(), None);
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let of = vec![format!("*a{}", i - 1); 10].join(", ");
            bomb += &format!("a{i}: &a{i} [{of}]\n");
        }
        assert!(parse(&bomb).unwrap_err().what.contains("values"));
        assert!(parse(&"[".repeat(100)).is_err());
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        for (text, value) in [
            ("1e3", Value::Number(1000.0)),
            ("-.5", Value::Number(-0.5)),
            ("7.2 kW", Value::Text("7.2 kW".into())),
            (".inf", Value::Text(".inf".into())),
            ("nan", Value::Text("nan".into())),
            ("1e999", Value::Text("1e999".into())),
            ("07-10", Value::Text("07-10".into())),
            ("2030", Value::Number(2030.0)),
        ] {
            assert_eq!(plain(text), value, "{text}");
        }
    }
}
