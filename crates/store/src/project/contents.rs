//! Things of a network as JSON for people: as a project keeps them, with names where the network has positions.

use super::names::{Names, kind_word};
use super::node::Node;
use super::write::Writer;
use network::{ElementId, Network};
use serde::Serialize;
use serde_json::Value;

/// Names of one network, ready to write things of it.
///
/// What comes out follows the network's own structures: a field that is added there is here.
pub struct Contents {
    names: Names,
}

impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contents")
    }
}

impl Contents {
    pub fn new(network: &Network) -> Self {
        Self { names: Names::new(network) }
    }

    /// Name of an element that references use: `class.name`, with `#2` behind the second of one name.
    pub fn element_name(&self, id: ElementId) -> Option<&str> {
        self.names.element(&kind_word(id.kind), id.index())
    }

    /// An element's own data. Not-numbers and infinities are texts; `source` is left out.
    ///
    /// # Panics
    /// When the id belongs to another network.
    pub fn element(&self, network: &Network, id: ElementId) -> Value {
        struct One<'a>(&'a Network, ElementId);
        impl Serialize for One<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize_element(self.1, serializer)
            }
        }
        self.value(&One(network, id))
    }

    /// Anything of the network: a bus, an asset, an entry of the catalogue.
    pub fn value(&self, thing: &impl Serialize) -> Value {
        let mut writer = Writer::new(&self.names);
        if thing.serialize(&mut writer).is_err() {
            return Value::Null;
        }
        let mut value = Node::parse(&writer.text).map_or(Value::Null, |node| node.to_json());
        without_sources(&mut value);
        value
    }
}

/// Numbers of sources mean nothing outside of the list that they count in.
fn without_sources(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("source");
            fields.values_mut().for_each(without_sources);
        }
        Value::Array(list) => list.iter_mut().for_each(without_sources),
        _ => {}
    }
}
