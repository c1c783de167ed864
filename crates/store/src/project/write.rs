//! Parts of a network as JSON that says names where the network says positions.
//!
//! A [`network::BusId`] is a position in a vector: one bus more at the front, and every element behind it would read as changed. So ids are written
//! as the names of what they stand for, and a [`network::SourceRef`] (file and line, which also move without a change of meaning) as a
//! number into a list that is kept beside the text. What is the same in two versions of a network is then the same text.
//!
//! Numbers are written so that they read back to the very bits; what JSON has no number for is a text: `"NaN"`, `"inf"`, `"-inf"`.

use super::database::plain;
use super::names::Names;
use super::node::{Node, write_text};
use network::SourceRef;
use serde::ser::{self, Serialize};
use std::fmt::{self, Write as _};

/// Why a value cannot be written: an id that stands for nothing, or a shape of data that JSON does not have.
#[derive(Debug)]
pub(crate) struct WriteError(pub String);

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WriteError {}

impl ser::Error for WriteError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Where an entry of an outermost list ends in the text and in the sources.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) text: usize,
    pub(crate) sources: usize,
}

/// Writes one value as text.
pub(crate) struct Writer<'a> {
    names: &'a Names,
    pub(crate) text: String,
    /// Sources met, in order; the text has their numbers, which count from 0 within an entry of an outermost list.
    pub(crate) sources: Vec<SourceRef>,
    /// Ends of the entries, when the value is a list.
    pub(crate) marks: Vec<Mark>,
    depth: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(names: &'a Names) -> Self {
        Self { names, text: String::new(), sources: Vec::new(), marks: Vec::new(), depth: 0 }
    }

    /// A value by itself: it is written behind the text, read, and taken away again.
    fn nested(&mut self, value: &(impl Serialize + ?Sized)) -> Result<Node, WriteError> {
        let from = self.text.len();
        value.serialize(&mut *self)?;
        let written = &self.text[from..];
        let node = match written.parse() {
            Ok(n) => Node::Integer(n),
            Err(_) => Node::parse(written).map_err(WriteError)?,
        };
        self.text.truncate(from);
        Ok(node)
    }
}

/// A list, map or structure that is being written.
pub(crate) struct Parts<'w, 'a> {
    writer: &'w mut Writer<'a>,
    is_first: bool,
    close: &'static str,
    /// A structure that is written as something else: its fields are gathered.
    special: Option<Special>,
    is_outermost_list: bool,
}

enum Special {
    Element { kind: Option<String>, index: Option<usize> },
    Source(SourceRef),
}

impl<'w, 'a> Parts<'w, 'a> {
    fn open(writer: &'w mut Writer<'a>, open: &str, close: &'static str, is_list: bool) -> Self {
        writer.text.push_str(open);
        let is_outermost_list = is_list && writer.depth == 0;
        writer.depth += 1;
        Self { writer, is_first: true, close, special: None, is_outermost_list }
    }

    fn separate(&mut self) {
        if !self.is_first {
            self.writer.text.push(',');
        }
        self.is_first = false;
    }

    fn entry(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), WriteError> {
        self.separate();
        value.serialize(&mut *self.writer)?;
        if self.is_outermost_list {
            self.writer.marks.push(Mark { text: self.writer.text.len(), sources: self.writer.sources.len() });
        }
        Ok(())
    }

    fn field(&mut self, key: &str, value: &(impl Serialize + ?Sized)) -> Result<(), WriteError> {
        match &mut self.special {
            None => {
                self.separate();
                write_text(key, &mut self.writer.text);
                self.writer.text.push(':');
                value.serialize(&mut *self.writer)
            }
            Some(Special::Element { kind, index }) => {
                match (key, self.writer.nested(value)?) {
                    ("kind", Node::Text(text)) => *kind = Some(text),
                    ("index", Node::Integer(i)) => *index = usize::try_from(i).ok(),
                    _ => return Err(WriteError(format!("the id of an element has an unknown field \"{key}\""))),
                }
                Ok(())
            }
            Some(Special::Source(source)) => {
                match (key, self.writer.nested(value)?) {
                    ("file", Node::Text(text)) => source.file = plain(&text).into(),
                    ("line", Node::Integer(n)) => source.line = u32::try_from(n).unwrap_or(0),
                    _ => return Err(WriteError(format!("the place in a source has an unknown field \"{key}\""))),
                }
                Ok(())
            }
        }
    }

    fn close(self) -> Result<(), WriteError> {
        self.writer.depth -= 1;
        match self.special {
            None => self.writer.text.push_str(self.close),
            Some(Special::Element { kind: Some(kind), index: Some(index) }) => {
                let Some(name) = self.writer.names.element(&kind, index) else {
                    return Err(WriteError(format!("it refers to {kind} number {index}, which is not there")));
                };
                write_text(name, &mut self.writer.text);
            }
            Some(Special::Element { .. }) => return Err(WriteError("the id of an element lacks a field".into())),
            Some(Special::Source(source)) => {
                let first = self.writer.marks.last().map_or(0, |m| m.sources);
                let number = self.writer.sources.len() - first;
                self.writer.text.push_str(&number.to_string());
                self.writer.sources.push(source);
            }
        }
        Ok(())
    }
}

macro_rules! integers {
    ($($method:ident: $kind:ty),*) => {$(
        fn $method(self, value: $kind) -> Result<(), WriteError> {
            write!(self.text, "{value}").map_err(|e| WriteError(e.to_string()))
        }
    )*};
}

impl<'w, 'a> ser::Serializer for &'w mut Writer<'a> {
    type Ok = ();
    type Error = WriteError;
    type SerializeSeq = Parts<'w, 'a>;
    type SerializeTuple = Parts<'w, 'a>;
    type SerializeTupleStruct = Parts<'w, 'a>;
    type SerializeTupleVariant = Parts<'w, 'a>;
    type SerializeMap = Parts<'w, 'a>;
    type SerializeStruct = Parts<'w, 'a>;
    type SerializeStructVariant = Parts<'w, 'a>;

    integers!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_bool: bool
    );

    fn serialize_f32(self, value: f32) -> Result<(), WriteError> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), WriteError> {
        // The shortest digits that read back to the same bits.
        let written = if value.is_finite() { write!(self.text, "{value:?}") } else { write!(self.text, "\"{value}\"") };
        written.map_err(|e| WriteError(e.to_string()))
    }

    fn serialize_char(self, value: char) -> Result<(), WriteError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), WriteError> {
        write_text(value, &mut self.text);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), WriteError> {
        Err(WriteError("bytes have no form in JSON".into()))
    }

    fn serialize_none(self) -> Result<(), WriteError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), WriteError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), WriteError> {
        self.text.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), WriteError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), WriteError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), WriteError> {
        if !Names::is_id(name) {
            return value.serialize(self);
        }
        let Node::Integer(index) = self.nested(value)? else { return Err(WriteError(format!("{name} holds no number"))) };
        let found = usize::try_from(index).ok().and_then(|i| self.names.entry(name, i));
        let Some(text) = found else {
            return Err(WriteError(format!("it refers to number {index} of the kind {name}, which is not there")));
        };
        write_text(text, &mut self.text);
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), WriteError> {
        self.text.push('{');
        write_text(variant, &mut self.text);
        self.text.push(':');
        self.depth += 1;
        value.serialize(&mut *self)?;
        self.depth -= 1;
        self.text.push('}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'w, 'a>, WriteError> {
        Ok(Parts::open(self, "[", "]", true))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'w, 'a>, WriteError> {
        Ok(Parts::open(self, "[", "]", false))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'w, 'a>, WriteError> {
        Ok(Parts::open(self, "[", "]", false))
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Parts<'w, 'a>, WriteError> {
        self.text.push('{');
        write_text(variant, &mut self.text);
        Ok(Parts::open(self, ":[", "]}", false))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'w, 'a>, WriteError> {
        Ok(Parts::open(self, "{", "}", false))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts<'w, 'a>, WriteError> {
        let special = match name {
            "ElementId" => Some(Special::Element { kind: None, index: None }),
            "SourceRef" => Some(Special::Source(SourceRef::default())),
            _ => None,
        };
        let mut parts = Parts::open(self, if special.is_some() { "" } else { "{" }, "}", false);
        parts.special = special;
        Ok(parts)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Parts<'w, 'a>, WriteError> {
        self.text.push('{');
        write_text(variant, &mut self.text);
        Ok(Parts::open(self, ":{", "}}", false))
    }
}

impl ser::SerializeSeq for Parts<'_, '_> {
    type Ok = ();
    type Error = WriteError;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        self.entry(value)
    }
    fn end(self) -> Result<(), WriteError> {
        self.close()
    }
}

impl ser::SerializeTuple for Parts<'_, '_> {
    type Ok = ();
    type Error = WriteError;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        self.entry(value)
    }
    fn end(self) -> Result<(), WriteError> {
        self.close()
    }
}

impl ser::SerializeTupleStruct for Parts<'_, '_> {
    type Ok = ();
    type Error = WriteError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        self.entry(value)
    }
    fn end(self) -> Result<(), WriteError> {
        self.close()
    }
}

impl ser::SerializeTupleVariant for Parts<'_, '_> {
    type Ok = ();
    type Error = WriteError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        self.entry(value)
    }
    fn end(self) -> Result<(), WriteError> {
        self.close()
    }
}

impl ser::SerializeMap for Parts<'_, '_> {
    type Ok = ();
    type Error = WriteError;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), WriteError> {
        self.separate();
        match self.writer.nested(key)? {
            Node::Text(text) => write_text(&text, &mut self.writer.text),
            Node::Integer(n) => write_text(&n.to_string(), &mut self.writer.text),
            _ => return Err(WriteError("a key of a map is no text".into())),
        }
        self.writer.text.push(':');
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        value.serialize(&mut *self.writer)
    }
    fn end(self) -> Result<(), WriteError> {
        self.close()
    }
}

impl ser::SerializeStruct for Parts<'_, '_> {
    type Ok = ();
    type Error = WriteError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), WriteError> {
        self.field(key, value)
    }
    fn end(self) -> Result<(), WriteError> {
        self.close()
    }
}

impl ser::SerializeStructVariant for Parts<'_, '_> {
    type Ok = ();
    type Error = WriteError;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), WriteError> {
        self.field(key, value)
    }
    fn end(self) -> Result<(), WriteError> {
        self.close()
    }
}
