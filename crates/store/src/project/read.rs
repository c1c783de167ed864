//! The reverse of [`super::write`]: JSON with names back to data with positions.

use super::names::section_of_id;
use super::node::Node;
use network::SourceRef;
use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use std::collections::HashMap;
use std::fmt;

/// Why data cannot be read back.
#[derive(Debug)]
pub(crate) struct ReadError(pub String);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Positions by name.
#[derive(Default)]
pub(crate) struct Places {
    /// By section and name.
    pub(crate) entries: HashMap<String, HashMap<String, u32>>,
    /// Kind and position of elements, by `class.name`.
    pub(crate) elements: HashMap<String, (String, u32)>,
}

/// One value on its way into data.
#[derive(Clone, Copy)]
pub(crate) struct NodeReader<'a> {
    pub(crate) node: &'a Node,
    pub(crate) places: &'a Places,
    pub(crate) sources: &'a [SourceRef],
}

impl<'a> NodeReader<'a> {
    fn with(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }
}

impl<'de, 'a> IntoDeserializer<'de, ReadError> for NodeReader<'a> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de, 'a> Deserializer<'de> for NodeReader<'a> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node {
            Node::Null => visitor.visit_unit(),
            Node::Bool(b) => visitor.visit_bool(*b),
            Node::Integer(n) => match (u64::try_from(*n), i64::try_from(*n)) {
                (Ok(n), _) => visitor.visit_u64(n),
                (_, Ok(n)) => visitor.visit_i64(n),
                _ => Err(ReadError(format!("{n} is too large"))),
            },
            Node::Real(x) => visitor.visit_f64(*x),
            Node::Text(text) => visitor.visit_str(text),
            Node::List(list) => {
                let mut seq = SeqDeserializer::new(list.iter().map(|n| self.with(n)));
                let value = visitor.visit_seq(&mut seq)?;
                seq.end()?;
                Ok(value)
            }
            Node::Map(fields) => {
                visitor.visit_map(MapDeserializer::new(fields.iter().map(|(k, v)| (StrDeserializer::<ReadError>::new(k), self.with(v)))))
            }
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node {
            Node::Text(text) => match text.as_str() {
                "NaN" => visitor.visit_f64(f64::NAN),
                "inf" => visitor.visit_f64(f64::INFINITY),
                "-inf" => visitor.visit_f64(f64::NEG_INFINITY),
                _ => Err(ReadError(format!("\"{text}\" is no number"))),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if *self.node == Node::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, ReadError> {
        let Some(section) = section_of_id(name) else { return visitor.visit_newtype_struct(self) };
        let Node::Text(text) = self.node else { return Err(ReadError(format!("a reference to {section} is no name"))) };
        let place = self.places.entries.get(section).and_then(|entries| entries.get(text));
        let place = place.ok_or_else(|| ReadError(format!("there is no \"{text}\" among the {section}")))?;
        visitor.visit_newtype_struct((*place).into_deserializer())
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match (name, self.node) {
            ("ElementId", Node::Text(text)) => {
                let (kind, index) = self.places.elements.get(text).ok_or_else(|| ReadError(format!("there is no element {text}")))?;
                let id = Node::Map(vec![("kind".into(), Node::Text(kind.clone())), ("index".into(), Node::Integer(i128::from(*index)))]);
                NodeReader { node: &id, places: self.places, sources: self.sources }.deserialize_any(visitor)
            }
            ("SourceRef", Node::Integer(n)) => {
                let source = usize::try_from(*n).ok().and_then(|i| self.sources.get(i));
                let source = source.ok_or_else(|| ReadError(format!("source number {n} is missing")))?;
                let fields = Node::Map(vec![
                    ("file".into(), Node::Text(source.file.to_string())),
                    ("line".into(), Node::Integer(i128::from(source.line))),
                ]);
                NodeReader { node: &fields, places: self.places, sources: self.sources }.deserialize_any(visitor)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, ReadError> {
        match self.node {
            Node::Text(text) => visitor.visit_enum(StrDeserializer::<ReadError>::new(text)),
            Node::Map(fields) if fields.len() == 1 => {
                visitor.visit_enum(VariantReader { name: &fields[0].0, content: self.with(&fields[0].1) })
            }
            _ => Err(ReadError("a choice is neither a name nor one named value".into())),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct VariantReader<'a> {
    name: &'a str,
    content: NodeReader<'a>,
}

impl<'de, 'a> de::EnumAccess<'de> for VariantReader<'a> {
    type Error = ReadError;
    type Variant = NodeReader<'a>;
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, NodeReader<'a>), ReadError> {
        let name = seed.deserialize(StrDeserializer::<ReadError>::new(self.name))?;
        Ok((name, self.content))
    }
}

impl<'de, 'a> de::VariantAccess<'de> for NodeReader<'a> {
    type Error = ReadError;
    fn unit_variant(self) -> Result<(), ReadError> {
        Ok(())
    }
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, ReadError> {
        seed.deserialize(self)
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_any(visitor)
    }
    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_any(visitor)
    }
}
