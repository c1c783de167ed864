//! Names of everything in a network that something else may refer to, each only once.

use super::database::plain;
use network::{ElementId, ElementKind, Network};
use std::collections::{HashMap, HashSet};

/// Kinds of ids, and the vectors of the network that they count in.
const IDS: [(&str, &str); 13] = [
    ("BusId", "buses"),
    ("LineCodeId", "line_codes"),
    ("LineGeometryId", "line_geometries"),
    ("LineSpacingId", "line_spacings"),
    ("ConductorId", "conductors"),
    ("TransformerCodeId", "transformer_codes"),
    ("LoadShapeId", "load_shapes"),
    ("TemperatureShapeId", "temperature_shapes"),
    ("PriceShapeId", "price_shapes"),
    ("GrowthShapeId", "growth_shapes"),
    ("XyCurveId", "xy_curves"),
    ("TccCurveId", "tcc_curves"),
    ("SpectrumId", "spectra"),
];

/// Name of an id's kind as its element is written: `line`, `ac_branch`.
pub(crate) fn kind_word(kind: ElementKind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(word)) => word,
        _ => kind.class().to_owned(),
    }
}

/// The vector that ids of a kind count in.
pub(crate) fn section_of_id(id: &str) -> Option<&'static str> {
    IDS.iter().find(|(name, _)| *name == id).map(|(_, section)| *section)
}

/// Makes names unique: the second of a name gets `#2`. Sources may have two elements of one name, references must not.
#[derive(Default)]
pub(crate) struct Unique(HashSet<String>);

impl Unique {
    pub(crate) fn name(&mut self, name: &str) -> String {
        let name = plain(name);
        let mut unique = name.clone();
        let mut n = 1;
        while self.0.contains(&unique) {
            n += 1;
            unique = format!("{name}#{n}");
        }
        self.0.insert(unique.clone());
        unique
    }
}

/// Names by kind and position.
pub(crate) struct Names {
    entries: HashMap<&'static str, Vec<String>>,
    elements: HashMap<String, Vec<String>>,
}

impl Names {
    pub(crate) fn new(network: &Network) -> Self {
        fn unique<'n>(names: impl Iterator<Item = &'n String>) -> Vec<String> {
            let mut seen = Unique::default();
            names.map(|n| seen.name(n)).collect()
        }
        let n = network;
        let entries = HashMap::from([
            ("BusId", unique(n.buses.iter().map(|b| &b.name))),
            ("LineCodeId", unique(n.line_codes.iter().map(|c| &c.name))),
            ("LineGeometryId", unique(n.line_geometries.iter().map(|c| &c.name))),
            ("LineSpacingId", unique(n.line_spacings.iter().map(|c| &c.name))),
            ("ConductorId", unique(n.conductors.iter().map(|c| &c.name))),
            ("TransformerCodeId", unique(n.transformer_codes.iter().map(|c| &c.name))),
            ("LoadShapeId", unique(n.load_shapes.iter().map(|c| &c.name))),
            ("TemperatureShapeId", unique(n.temperature_shapes.iter().map(|c| &c.name))),
            ("PriceShapeId", unique(n.price_shapes.iter().map(|c| &c.name))),
            ("GrowthShapeId", unique(n.growth_shapes.iter().map(|c| &c.name))),
            ("XyCurveId", unique(n.xy_curves.iter().map(|c| &c.name))),
            ("TccCurveId", unique(n.tcc_curves.iter().map(|c| &c.name))),
            ("SpectrumId", unique(n.spectra.iter().map(|c| &c.name))),
        ]);
        let mut seen = Unique::default();
        let elements = ElementKind::ALL
            .iter()
            .map(|&kind| (kind_word(kind), (0..n.count(kind)).map(|i| seen.name(&n.full_name(ElementId::new(kind, i)))).collect()))
            .collect();
        Self { entries, elements }
    }

    /// Whether a newtype of this name is an id.
    pub(crate) fn is_id(newtype: &str) -> bool {
        section_of_id(newtype).is_some()
    }

    /// Name of the entry that an id stands for.
    pub(crate) fn entry(&self, id: &str, index: usize) -> Option<&str> {
        self.entries.get(id)?.get(index).map(String::as_str)
    }

    /// Name of an entry of a vector.
    pub(crate) fn of_section(&self, section: &str, index: usize) -> Option<&str> {
        let (id, _) = IDS.iter().find(|(_, s)| *s == section)?;
        self.entry(id, index)
    }

    /// `class.name` of an element.
    pub(crate) fn element(&self, kind: &str, index: usize) -> Option<&str> {
        self.elements.get(kind)?.get(index).map(String::as_str)
    }
}
