//! A network as items (buses, elements, entries of the catalogue, assets, options) that are kept by their content, and back.
//!
//! Which vectors there are is taken from the network's own serialisation, so that a new kind of element is kept without a change here.

use super::database::plain;
use super::names::{Names, Unique, kind_word};
use super::node::Node;
use super::read::{NodeReader, Places, ReadError};
use super::write::{WriteError, Writer};
use crate::files::hex;
use network::{Common, ElementId, ElementKind, Network, SourceRef};
use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, IntoDeserializer, Visitor};
use serde::ser::{self, Impossible, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Section of what is no list: name, options, what a transmission case says.
pub(crate) const WHOLE: &str = "network";

/// One thing of one version.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Item {
    /// Vector of the network that it is in.
    pub(crate) section: String,
    /// Position there, from 0.
    pub(crate) position: u32,
    /// Name that references use, unique within the section (and over all elements, which say `class.name`).
    pub(crate) key: String,
    pub(crate) class: String,
    pub(crate) name: String,
    /// Position in the order of creation, of an element.
    pub(crate) creation: Option<u64>,
    /// Names of the buses of its terminals, as a JSON list.
    pub(crate) buses: String,
    pub(crate) kv_ll: Option<f64>,
    /// Nodes of its first terminal: `1.2.3`.
    pub(crate) phases: String,
    pub(crate) feeder: String,
    /// WGS 84, longitude first.
    pub(crate) wkt: Option<String>,
    pub(crate) content: String,
    pub(crate) sources: Vec<SourceRef>,
}

impl Item {
    /// Identity of its content: 128 bits of SHA-256, of which no two contents of any grid will share all.
    pub(crate) fn hash(&self) -> String {
        let mut hash = Sha256::new();
        let kv = self.kv_ll.map_or(String::new(), |x| format!("{:x}", x.to_bits()));
        let wkt = self.wkt.as_deref().unwrap_or_default();
        for part in [&self.section, &self.class, &self.name, &self.buses, &kv, &self.phases, &self.feeder, wkt, &self.content] {
            // The length in front keeps parts from running into one another.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hex(&hash.finalize()[..16])
    }
}

/// Gives the items of a network to `take`, one vector of the network at a time.
///
/// # Errors
/// A network that refers to what is not there, or whose order of creation does not name every element once.
pub(crate) fn of_network(
    network: &Network,
    take: &mut dyn FnMut(Vec<Item>) -> Result<(), super::ProjectError>,
) -> Result<(), super::ProjectError> {
    let inconsistent = |reason: String| super::ProjectError::Inconsistent { reason };
    let mut creation: HashMap<ElementId, u64> = HashMap::with_capacity(network.order.len());
    for (i, &id) in network.order.iter().enumerate() {
        if id.index() >= network.count(id.kind) || creation.insert(id, i as u64).is_some() {
            return Err(inconsistent(format!(
                "its order of elements has {} number {} twice, or without an element",
                id.kind.class(),
                id.index
            )));
        }
    }
    let n_elements: usize = ElementKind::ALL.iter().map(|&k| network.count(k)).sum();
    if n_elements != creation.len() {
        return Err(inconsistent(format!("it has {n_elements} elements, its order of them {}", creation.len())));
    }
    let names = Names::new(network);
    let mut failed = None;
    let splitter = Splitter {
        network,
        names: &names,
        creation: &creation,
        take,
        kinds: ElementKind::ALL.iter(),
        in_elements: false,
        n_whole: 0,
        failed: &mut failed,
    };
    match network.serialize(splitter) {
        Ok(()) => Ok(()),
        Err(e) => Err(failed.unwrap_or_else(|| inconsistent(e.0))),
    }
}

/// Receives the network's fields, one by one.
struct Splitter<'a> {
    network: &'a Network,
    names: &'a Names,
    creation: &'a HashMap<ElementId, u64>,
    take: &'a mut dyn FnMut(Vec<Item>) -> Result<(), super::ProjectError>,
    /// Vectors of elements come in the order of their kinds.
    kinds: std::slice::Iter<'static, ElementKind>,
    /// They stand between the buses and the order.
    in_elements: bool,
    /// Values so far that are no lists.
    n_whole: u32,
    /// A failure of `take`, which is none of the network's.
    failed: &'a mut Option<super::ProjectError>,
}

impl Splitter<'_> {
    fn items(&mut self, section: &str, writer: &Writer<'_>) -> Result<Vec<Item>, WriteError> {
        let network = self.network;
        // An entry that is a structure begins so; lists of anything else stay one value.
        let is_list_of_things = writer.text == "[]" || (!writer.marks.is_empty() && writer.text.starts_with("[{"));
        if !is_list_of_things {
            self.n_whole += 1;
            return Ok(vec![Item {
                section: WHOLE.into(),
                position: self.n_whole - 1,
                key: section.into(),
                class: WHOLE.into(),
                name: section.into(),
                content: writer.text.clone(),
                sources: writer.sources.clone(),
                ..Item::default()
            }]);
        }
        let kind = if self.in_elements { self.kinds.next().copied() } else { None };
        self.in_elements |= section == "buses";
        if let Some(kind) = kind
            && network.count(kind) != writer.marks.len()
        {
            return Err(WriteError(format!("{section} has {} elements, {} are expected", writer.marks.len(), network.count(kind))));
        }
        let mut unique = Unique::default();
        let (mut text_from, mut sources_from) = (1, 0);
        let mut items = Vec::with_capacity(writer.marks.len());
        for (i, mark) in writer.marks.iter().enumerate() {
            let mut item = Item {
                section: section.into(),
                position: u32::try_from(i).map_err(|_| WriteError(format!("{section} has too many entries")))?,
                content: writer.text[text_from..mark.text].to_owned(),
                sources: writer.sources[sources_from..mark.sources].to_vec(),
                ..Item::default()
            };
            // A comma stands between entries.
            (text_from, sources_from) = (mark.text + 1, mark.sources);
            match kind {
                Some(kind) => self.describe_element(ElementId::new(kind, i), &mut item),
                None => self.describe_entry(i, &mut item, &mut unique)?,
            }
            // What stands in columns of its own must be what the database gives back.
            for text in [&mut item.class, &mut item.name, &mut item.feeder].into_iter().filter(|t| t.contains('\0')) {
                *text = plain(text);
            }
            items.push(item);
        }
        Ok(items)
    }

    fn describe_element(&self, id: ElementId, item: &mut Item) {
        let common = self.network.common(id);
        item.key = self.names.element(&kind_word(id.kind), id.index()).unwrap_or_default().to_owned();
        let full_name = self.network.full_name(id);
        item.class = full_name.strip_suffix(&common.name).and_then(|c| c.strip_suffix('.')).unwrap_or(id.kind.class()).to_owned();
        item.name = common.name.clone();
        item.creation = self.creation.get(&id).copied();
        let buses: Vec<Node> = common
            .terminals
            .iter()
            .filter_map(|t| self.names.of_section("buses", t.bus.index()))
            .map(|name| Node::Text(name.to_owned()))
            .collect();
        item.buses = Node::List(buses).to_text();
        if let Some(terminal) = common.terminals.first() {
            let mut nodes: Vec<u32> = terminal.nodes.iter().copied().filter(|&n| n != 0).collect();
            nodes.sort_unstable();
            nodes.dedup();
            item.phases = nodes.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
            item.kv_ll = self.network.buses.get(terminal.bus.index()).and_then(network::Bus::kv_base_ll);
        }
        item.feeder = common.feeder.clone();
        item.wkt = element_wkt(self.network, common);
    }

    fn describe_entry(&self, index: usize, item: &mut Item, unique: &mut Unique) -> Result<(), WriteError> {
        let network = self.network;
        item.class = class_of_entry(&item.section).to_owned();
        match item.section.as_str() {
            "buses" => {
                let bus = &network.buses[index];
                item.name = bus.name.clone();
                item.kv_ll = bus.kv_base_ll();
                let mut nodes = bus.nodes.clone();
                nodes.sort_unstable();
                item.phases = nodes.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
                item.wkt = place_of_bus(bus).map(|p| wkt(&[p]));
            }
            "assets" => {
                let asset = &network.assets[index];
                item.name = asset.id.clone();
                item.class = serde_json::to_value(asset.kind).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
                item.feeder = asset.feeder.clone();
                let places: Vec<(f64, f64)> = asset.route.iter().map(|p| (p.lon_deg, p.lat_deg)).collect();
                item.wkt = line_or_point(&places);
            }
            "conductors" => {
                let conductor = &network.conductors[index];
                item.name = conductor.name.clone();
                if let Some(cable) = &conductor.cable {
                    let is_tape = matches!(cable.shield, network::CableShield::Tape { .. });
                    item.class = if is_tape { "tsdata" } else { "cndata" }.into();
                }
            }
            _ => {
                let node = Node::parse(&item.content).map_err(WriteError)?;
                let name = ["name", "id", "number"].iter().find_map(|f| node.field(f)).map(|n| match n {
                    Node::Text(text) => text.clone(),
                    other => other.to_text(),
                });
                item.name = name.unwrap_or_else(|| (index + 1).to_string());
            }
        }
        item.key = unique.name(&item.name);
        Ok(())
    }
}

/// Class of entries that are no elements; of another section its own name.
fn class_of_entry(section: &str) -> &str {
    match section {
        "buses" => "bus",
        "assets" => "asset",
        "line_codes" => "linecode",
        "line_geometries" => "linegeometry",
        "line_spacings" => "linespacing",
        "conductors" => "wiredata",
        "transformer_codes" => "xfmrcode",
        "load_shapes" => "loadshape",
        "temperature_shapes" => "tshape",
        "price_shapes" => "priceshape",
        "growth_shapes" => "growthshape",
        "xy_curves" => "xycurve",
        "tcc_curves" => "tcc_curve",
        "spectra" => "spectrum",
        other => other,
    }
}

/// Longitude and latitude.
fn place_of_bus(bus: &network::Bus) -> Option<(f64, f64)> {
    let (latitude, longitude) = bus.latitude_longitude_deg?;
    (latitude.is_finite() && longitude.is_finite()).then_some((longitude, latitude))
}

fn element_wkt(network: &Network, common: &Common) -> Option<String> {
    if !common.route.is_empty() {
        let places: Vec<(f64, f64)> = common.route.iter().map(|p| (p.lon_deg, p.lat_deg)).collect();
        return line_or_point(&places);
    }
    let places: Vec<(f64, f64)> =
        common.terminals.iter().filter_map(|t| network.buses.get(t.bus.index())).filter_map(place_of_bus).collect();
    line_or_point(&places)
}

fn line_or_point(places: &[(f64, f64)]) -> Option<String> {
    let mut places: Vec<(f64, f64)> = places.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    places.dedup();
    (!places.is_empty()).then(|| wkt(&places))
}

/// `POINT(lon lat)` or `LINESTRING(lon lat, …)`.
fn wkt(places: &[(f64, f64)]) -> String {
    let points: Vec<String> = places.iter().map(|(x, y)| format!("{x} {y}")).collect();
    format!("{}({})", if points.len() == 1 { "POINT" } else { "LINESTRING" }, points.join(", "))
}

type Never = Impossible<(), WriteError>;

macro_rules! only_structs {
    ($($method:ident($($argument:ty),*) -> $result:ty;)*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$result, WriteError> {
            Err(WriteError("a network is a structure".into()))
        }
    )*};
}

impl<'a> ser::Serializer for Splitter<'a> {
    type Ok = ();
    type Error = WriteError;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Self;
    type SerializeStructVariant = Never;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, WriteError> {
        Ok(self)
    }

    only_structs! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), WriteError> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), WriteError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &'static str, _: u32, _: &'static str, _: &T) -> Result<(), WriteError> {
        Err(WriteError("a network is a structure".into()))
    }
}

impl ser::SerializeStruct for Splitter<'_> {
    type Ok = ();
    type Error = WriteError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), WriteError> {
        // Each element says its own place in the order.
        if key == "order" {
            self.in_elements = false;
            return Ok(());
        }
        let names = self.names;
        let mut writer = Writer::new(names);
        value.serialize(&mut writer).map_err(|e| WriteError(format!("{key}: {}", e.0)))?;
        let items = self.items(key, &writer)?;
        drop(writer);
        (self.take)(items).map_err(|e| {
            *self.failed = Some(e);
            WriteError("it was not taken".into())
        })
    }

    fn end(self) -> Result<(), WriteError> {
        Ok(())
    }
}

/// Puts a network together from its items, in any order.
///
/// # Errors
/// What is missing, twice there, or cannot be read.
pub(crate) fn to_network(items: Vec<Item>) -> Result<Network, String> {
    let mut places = Places::default();
    let kinds: HashMap<&str, ElementKind> = ElementKind::ALL.iter().copied().zip(element_sections()).map(|(k, s)| (s, k)).collect();
    let mut order: BTreeMap<u64, String> = BTreeMap::new();
    let mut sections: HashMap<String, Vec<Item>> = HashMap::new();
    for item in items {
        if let Some(&kind) = kinds.get(item.section.as_str()) {
            let creation = item.creation.ok_or_else(|| format!("{} has no place in the order of elements", item.key))?;
            if order.insert(creation, item.key.clone()).is_some() {
                return Err(format!("{} has the place of another element in their order", item.key));
            }
            places.elements.insert(item.key.clone(), (kind_word(kind), item.position));
        } else {
            places.entries.entry(item.section.clone()).or_default().insert(item.key.clone(), item.position);
        }
        sections.entry(item.section.clone()).or_default().push(item);
    }
    for (section, items) in &mut sections {
        items.sort_by_key(|i| i.position);
        let is_whole = section == WHOLE || items.iter().enumerate().all(|(at, item)| item.position as usize == at);
        let keys: HashSet<&str> = items.iter().map(|i| i.key.as_str()).collect();
        if !is_whole || keys.len() != items.len() {
            return Err(format!("an entry of {section} is missing or twice there"));
        }
    }
    let order = Node::List(order.into_values().map(Node::Text).collect());
    let mut network = Network::deserialize(WholeReader { sections: &sections, order: &order, places: &places }).map_err(|e| e.0)?;
    network.index_buses();
    Ok(network)
}

/// Vectors of elements, in the order of their kinds.
fn element_sections() -> Vec<&'static str> {
    struct Fields(Vec<&'static str>);
    impl<'de> Deserializer<'de> for &mut Fields {
        type Error = ReadError;
        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ReadError> {
            Err(ReadError(String::new()))
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, ReadError> {
            self.0 = fields.to_vec();
            Err(ReadError(String::new()))
        }
        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
            tuple_struct map enum identifier ignored_any
        }
    }
    let mut fields = Fields(Vec::new());
    // It always fails: only the names of the fields are asked for.
    let _ = Network::deserialize(&mut fields);
    fields.0.into_iter().skip_while(|f| *f != "buses").skip(1).take_while(|f| *f != "order").collect()
}

/// A network's fields, from its items.
struct WholeReader<'a> {
    sections: &'a HashMap<String, Vec<Item>>,
    order: &'a Node,
    places: &'a Places,
}

impl<'de, 'a> Deserializer<'de> for WholeReader<'a> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ReadError> {
        Err(ReadError("a network is a structure".into()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let whole = self.sections.get(WHOLE).map_or(&[][..], Vec::as_slice);
        let entries = fields.iter().map(|&field| {
            let value = if field == "order" {
                FieldReader::Order(self.order, self.places)
            } else if let Some(item) = whole.iter().find(|i| i.key == field) {
                FieldReader::Value(item, self.places)
            } else {
                // A vector without entries leaves no trace, nor does one that was not known yet.
                FieldReader::Section(self.sections.get(field).map_or(&[][..], Vec::as_slice), self.places)
            };
            (StrDeserializer::<ReadError>::new(field), value)
        });
        visitor.visit_map(MapDeserializer::new(entries))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

#[derive(Clone, Copy)]
enum FieldReader<'a> {
    Order(&'a Node, &'a Places),
    Value(&'a Item, &'a Places),
    Section(&'a [Item], &'a Places),
}

impl<'de, 'a> IntoDeserializer<'de, ReadError> for FieldReader<'a> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads one value out of an item's text.
macro_rules! from_item {
    ($item:expr, $places:expr, $reader:ident => $body:expr) => {{
        let item = $item;
        let node = Node::parse(&item.content).map_err(|e| ReadError(format!("{}: {e}", item.key)))?;
        let $reader = NodeReader { node: &node, places: $places, sources: &item.sources };
        $body.map_err(|e| ReadError(format!("{}: {e}", item.key)))
    }};
}

impl<'de, 'a> Deserializer<'de> for FieldReader<'a> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Self::Order(node, places) => NodeReader { node, places, sources: &[] }.deserialize_any(visitor),
            Self::Value(item, places) => from_item!(item, places, reader => reader.deserialize_any(visitor)),
            Self::Section(items, places) => visitor.visit_seq(SeqDeserializer::new(items.iter().map(|i| ItemReader(i, places)))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Self::Value(item, places) => from_item!(item, places, reader => reader.deserialize_option(visitor)),
            Self::Section([], _) => visitor.visit_none(),
            other => visitor.visit_some(other),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self {
            Self::Value(item, places) => from_item!(item, places, reader => reader.deserialize_struct(name, fields, visitor)),
            other => other.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

#[derive(Clone, Copy)]
struct ItemReader<'a>(&'a Item, &'a Places);

impl<'de, 'a> IntoDeserializer<'de, ReadError> for ItemReader<'a> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de, 'a> Deserializer<'de> for ItemReader<'a> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        from_item!(self.0, self.1, reader => reader.deserialize_any(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        from_item!(self.0, self.1, reader => reader.deserialize_struct(name, fields, visitor))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}
