//! JSON as a tree that keeps numbers to the last bit and fields in their order.

/// Deepest nesting that is read: data of a network has less than ten levels, and a text from elsewhere must not exhaust the stack.
const DEPTH_MAX: usize = 96;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Integer(i128),
    Real(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { text, bytes: text.as_bytes(), at: 0 };
        let node = reader.value(0)?;
        reader.blanks();
        if reader.at == text.len() { Ok(node) } else { Err(reader.fault("something follows the value")) }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Node> {
        match self {
            Self::Map(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// As JSON.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Self::Integer(n) => out.push_str(&n.to_string()),
            Self::Real(x) => out.push_str(&format!("{x:?}")),
            Self::Text(text) => write_text(text, out),
            Self::List(list) => {
                out.push('[');
                for (i, entry) in list.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    entry.write(out);
                }
                out.push(']');
            }
            Self::Map(fields) => {
                out.push('{');
                for (i, (key, value)) in fields.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    write_text(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// As a value of the library that prints JSON.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(*b),
            Self::Integer(n) => i64::try_from(*n).map_or_else(|_| Value::from(*n as f64), Value::from),
            Self::Real(x) => Value::from(*x),
            Self::Text(text) => Value::from(text.as_str()),
            Self::List(list) => list.iter().map(Node::to_json).collect(),
            Self::Map(fields) => Value::Object(fields.iter().map(|(k, v)| (k.clone(), v.to_json())).collect()),
        }
    }
}

/// Appends a text in quotes, with what JSON wants escaped.
pub(crate) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    if !text.bytes().any(|b| b < b' ' || matches!(b, b'"' | b'\\')) {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn fault(&self, what: &str) -> String {
        format!("{what} at byte {} of {}", self.at, self.text.len())
    }

    fn blanks(&mut self) {
        while self.bytes.get(self.at).is_some_and(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.blanks();
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn word(&mut self, word: &str, node: Node) -> Result<Node, String> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            Ok(node)
        } else {
            Err(self.fault("an unknown word"))
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, String> {
        if depth > DEPTH_MAX {
            return Err(self.fault("too deep a nesting"));
        }
        match self.peek() {
            None => Err(self.fault("the end instead of a value")),
            Some(b'n') => self.word("null", Node::Null),
            Some(b't') => self.word("true", Node::Bool(true)),
            Some(b'f') => self.word("false", Node::Bool(false)),
            Some(b'"') => self.string().map(Node::Text),
            Some(b'[') => {
                self.at += 1;
                let mut list = Vec::new();
                if self.take(b']') {
                    return Ok(Node::List(list));
                }
                loop {
                    list.push(self.value(depth + 1)?);
                    if self.take(b']') {
                        return Ok(Node::List(list));
                    }
                    if !self.take(b',') {
                        return Err(self.fault("neither a comma nor the end of a list"));
                    }
                }
            }
            Some(b'{') => {
                self.at += 1;
                let mut fields = Vec::new();
                if self.take(b'}') {
                    return Ok(Node::Map(fields));
                }
                loop {
                    if self.peek() != Some(b'"') {
                        return Err(self.fault("no name of a field"));
                    }
                    let key = self.string()?;
                    if !self.take(b':') {
                        return Err(self.fault("no colon after a name"));
                    }
                    fields.push((key, self.value(depth + 1)?));
                    if self.take(b'}') {
                        return Ok(Node::Map(fields));
                    }
                    if !self.take(b',') {
                        return Err(self.fault("neither a comma nor the end of a map"));
                    }
                }
            }
            Some(_) => self.number(),
        }
    }

    fn number(&mut self) -> Result<Node, String> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let word = self.text.get(start..self.at).unwrap_or_default();
        let node = if word.contains(['.', 'e', 'E']) {
            word.parse().ok().filter(|x: &f64| x.is_finite()).map(Node::Real)
        } else {
            word.parse().ok().map(Node::Integer)
        };
        node.ok_or_else(|| self.fault("no number"))
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(stop) = rest.find(['"', '\\']) else { return Err(self.fault("a text without an end")) };
            text.push_str(&rest[..stop]);
            self.at += stop + 1;
            if rest[stop..].starts_with('"') {
                return Ok(text);
            }
            let Some(&escape) = self.bytes.get(self.at) else { return Err(self.fault("a text without an end")) };
            self.at += 1;
            match escape {
                b'"' | b'\\' | b'/' => text.push(char::from(escape)),
                b'n' => text.push('\n'),
                b'r' => text.push('\r'),
                b't' => text.push('\t'),
                b'b' => text.push('\u{8}'),
                b'f' => text.push('\u{c}'),
                b'u' => {
                    let digits = self.text.get(self.at..self.at + 4).unwrap_or_default();
                    let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                    text.push(c.ok_or_else(|| self.fault("no character"))?);
                    self.at += 4;
                }
                _ => return Err(self.fault("an unknown escape")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_to_the_same_bits() {
        for x in [0.1, -0.0, 1e300, 5e-324, f64::MAX, 1.0 / 3.0, 12_345_678_901_234_567_890.0, 1e16, 123.0] {
            let Node::Real(y) = Node::parse(&Node::Real(x).to_text()).unwrap() else { panic!("{x}") };
            assert_eq!(x.to_bits(), y.to_bits());
        }
        let text = "a \"b\" \\ \n\r\t \u{0} \u{1f} é 漢 🜁";
        let node = Node::Map(vec![
            ("k".into(), Node::List(vec![Node::Text(text.into()), Node::Null, Node::Bool(true)])),
            ("n".into(), Node::Integer(u64::MAX.into())),
            ("".into(), Node::Map(vec![])),
        ]);
        assert_eq!(Node::parse(&node.to_text()).unwrap(), node);
        assert_eq!(
            Node::parse(" { \"a\" : [ 1 , -2.5e3 ] } ").unwrap().field("a"),
            Some(&Node::List(vec![Node::Integer(1), Node::Real(-2500.0)]))
        );
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "[1", "[1 2]", "{\"a\" 1}", "{a:1}", "\"", "\"\\", "\"\\u12", "\"\\q\"", "nul", "1 2", "--1", "1e999", "é"] {
            assert!(Node::parse(text).is_err(), "{text}");
        }
        assert!(Node::parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn changed_texts_do_not_panic() {
        let whole =
            r#"{"common":{"name":"a \u00e9\n","terminals":[{"bus":"b","nodes":[1,2]}]},"kv":-4.16e-3,"on":true,"no":null,"源":"漢"}"#;
        let mut seed: u64 = 7;
        let mut next = |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % n
        };
        let mut refused = 0;
        for _ in 0..2_000 {
            let mut chars: Vec<char> = whole.chars().collect();
            for _ in 0..1 + next(3) {
                if chars.is_empty() {
                    break;
                }
                let at = next(chars.len());
                match next(3) {
                    0 => drop(chars.remove(at)),
                    1 => chars.insert(at, ['"', '{', ']', '\\', ',', '9', 'é', '\u{0}'][next(8)]),
                    _ => chars.truncate(at.max(1)),
                }
            }
            refused += usize::from(Node::parse(&chars.into_iter().collect::<String>()).is_err());
        }
        assert!(refused > 500, "{refused}");
    }
}
