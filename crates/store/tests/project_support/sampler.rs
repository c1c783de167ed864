//! Networks with something in every field: a deserialiser that makes up what is asked for.
//!
//! So a kind of element that is added to the network is in these tests from its first day.

use network::{ElementId, ElementKind, Network};
use serde::Deserialize;
use serde::de::value::{Error, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, VariantAccess, Visitor};
use std::cell::Cell;

/// Entries of every list that ids point into.
pub const ENTRIES: usize = 3;

const REALS: [f64; 9] = [0.1, -0.0, 1e300, 5e-324, f64::INFINITY, 1.0 / 3.0, -7.25, f64::NEG_INFINITY, 12_345_678_901_234_567_000.0];
const TEXTS: [&str; 5] = ["plain", "with \"quotes\", commas; and\nlines", "漢字 é", "", "O'Neil\\path"];

/// A network that has [`ENTRIES`] of everything, with values that depend on the seed.
pub fn network(seed: u64) -> Network {
    let next = Cell::new(seed.wrapping_mul(2).wrapping_add(1));
    let mut network = Network::deserialize(Sampler { next: &next, kind: Kind::Plain }).expect("everything can be made up");
    // Names that differ, but for one of each class that has the name of another.
    for (i, bus) in network.buses.iter_mut().enumerate() {
        bus.name = format!("bus {i}");
    }
    for &kind in ElementKind::ALL {
        for i in 0..ENTRIES {
            network.common_mut(ElementId::new(kind, i)).name = format!("e{}", i.min(1));
        }
    }
    // An order that is not that of the kinds.
    let all: Vec<ElementId> = (0..ENTRIES).flat_map(|i| ElementKind::ALL.iter().map(move |&k| ElementId::new(k, i))).collect();
    network.order = all;
    network.index_buses();
    network
}

#[derive(Clone, Copy)]
enum Kind {
    Plain,
    /// Number below [`ENTRIES`].
    Index,
}

#[derive(Clone, Copy)]
struct Sampler<'s> {
    next: &'s Cell<u64>,
    kind: Kind,
}

impl Sampler<'_> {
    fn number(&self, below: usize) -> usize {
        let state = self.next.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.next.set(state);
        (state >> 33) as usize % below
    }

    fn plain(self) -> Self {
        Self { kind: Kind::Plain, ..self }
    }
}

impl<'de, 's> IntoDeserializer<'de, Error> for Sampler<'s> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $kind:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let below = match self.kind { Kind::Index => ENTRIES, Kind::Plain => 100 };
            visitor.$visit(self.number(below) as $kind)
        }
    )*};
}

impl<'de, 's> Deserializer<'de> for Sampler<'s> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("a type that does not say what it wants"))
    }

    integers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.number(2) == 1)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f32(self.number(100) as f32)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(REALS[self.number(REALS.len())])
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_char(['R', 'I', 'é'][self.number(3)])
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(TEXTS[self.number(TEXTS.len())])
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.number(5) == 0 { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        let kind = if name.ends_with("Id") { Kind::Index } else { Kind::Plain };
        visitor.visit_newtype_struct(Self { kind, ..self })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let inner = Self { kind: if name == "ElementId" { Kind::Index } else { Kind::Plain }, ..self };
        visitor.visit_map(MapDeserializer::new(fields.iter().map(|f| (StrDeserializer::<Error>::new(f), inner))))
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, variants: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        let variant = variants[self.number(variants.len())];
        visitor.visit_enum(Variant(variant, self.plain()))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new((0..ENTRIES).map(|_| self.plain())))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new((0..length).map(|_| self.plain())))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let keys = ["owner", "height \"ft\""];
        visitor.visit_map(MapDeserializer::new(keys.into_iter().map(|k| (StrDeserializer::<Error>::new(k), self.plain()))))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    serde::forward_to_deserialize_any! { bytes byte_buf unit unit_struct tuple_struct ignored_any }
}

struct Variant<'s>(&'static str, Sampler<'s>);

impl<'de, 's> EnumAccess<'de> for Variant<'s> {
    type Error = Error;
    type Variant = Sampler<'s>;
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Sampler<'s>), Error> {
        Ok((seed.deserialize(StrDeserializer::<Error>::new(self.0))?, self.1))
    }
}

impl<'de> VariantAccess<'de> for Sampler<'_> {
    type Error = Error;
    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self)
    }
    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_tuple(length, visitor)
    }
    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.deserialize_struct("", fields, visitor)
    }
}
