//! What a device can tell and be told, as points.
//!
//! A point is the value of a data object: `stVal` of a status, `mag.f` of a measurement, magnitude and angle of a phasor, and so on, with the
//! quality `q` and time `t` beside it. The values are found by name and functional constraint in the order below, which covers the common
//! data classes of IEC 61850-7-3 without a table of them; classes of other parts (IEC 61400-25) follow the same names.

use super::model::{AssetUse, Ied, Kind, LogicalDevice, LogicalNode, Node, Scl};
use iec61850_model::{DataAttributeType, FC, MmsValue};
use std::collections::HashMap;
use std::sync::Arc;

/// Paths of values in a data object, and whether those after the first found of the group are left out.
const VALUES: [(&[&str], FC); 16] = [
    (&["stVal"], FC::St),
    (&["general"], FC::St),
    (&["phsA"], FC::St),
    (&["phsB"], FC::St),
    (&["phsC"], FC::St),
    (&["neut"], FC::St),
    (&["actVal"], FC::St),
    (&["frVal"], FC::St),
    (&["valWTr", "posVal"], FC::St),
    (&["mag", "f"], FC::Mx),
    (&["mag", "i"], FC::Mx),
    (&["cVal", "mag", "f"], FC::Mx),
    (&["cVal", "ang", "f"], FC::Mx),
    (&["mxVal", "f"], FC::Mx),
    (&["setVal"], FC::Sp),
    (&["setMag", "f"], FC::Sp),
];

/// How a data object is commanded (`ctlModel` of IEC 61850-7-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControlModel {
    StatusOnly,
    DirectNormal,
    SboNormal,
    DirectEnhanced,
    SboEnhanced,
}

impl ControlModel {
    pub const fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            0 => Self::StatusOnly,
            1 => Self::DirectNormal,
            2 => Self::SboNormal,
            3 => Self::DirectEnhanced,
            4 => Self::SboEnhanced,
            _ => return None,
        })
    }

    /// The word of the standard's enumeration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::StatusOnly => "status-only",
            Self::DirectNormal => "direct-with-normal-security",
            Self::SboNormal => "sbo-with-normal-security",
            Self::DirectEnhanced => "direct-with-enhanced-security",
            Self::SboEnhanced => "sbo-with-enhanced-security",
        }
    }

    pub const fn selects(self) -> bool {
        matches!(self, Self::SboNormal | Self::SboEnhanced)
    }

    pub const fn is_enhanced(self) -> bool {
        matches!(self, Self::DirectEnhanced | Self::SboEnhanced)
    }
}

/// A value of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub ied: Arc<str>,
    /// Name of the logical device on the wire.
    pub domain: Arc<str>,
    /// Prefix, class and instance of the logical node run together.
    pub node: Arc<str>,
    /// Names of the data object and its sub-objects, joined with points: `PhV.phsA`.
    pub object: String,
    /// Names of the attribute below the object, joined with points: `cVal.mag.f`.
    pub attribute: String,
    pub fc: FC,
    pub cdc: String,
    pub basic: DataAttributeType,
    /// Words of an enumerated value with their numbers.
    pub words: Vec<(i32, String)>,
    /// Symbol of the SI unit; empty when the file gives none.
    pub unit: String,
    /// Power of ten that the unit stands in: 3 for kV.
    pub unit_power: i32,
    pub description: String,
    pub has_quality: bool,
    pub has_time: bool,
    /// How it is commanded; none for what cannot be.
    pub control: Option<ControlModel>,
    /// True when a command carries a time of its own (`operTm`).
    pub control_has_time: bool,
    /// Primary equipment that its logical node stands for: `AA1/E1/Q01/QA1`.
    pub assets: Vec<Arc<str>>,
    /// Line of the logical node.
    pub line: u32,
}

impl Point {
    /// Reference of the data object: `IEDLD/LN.DO`.
    pub fn object_reference(&self) -> String {
        format!("{}/{}.{}", self.domain, self.node, self.object)
    }

    /// Reference of the value: `IEDLD/LN.DO.DA`, without its functional constraint.
    pub fn reference(&self) -> String {
        format!("{}/{}.{}.{}", self.domain, self.node, self.object, self.attribute)
    }

    /// Name of the variable on the wire: `LN$FC$DO$DA`.
    pub fn item(&self) -> String {
        format!("{}${}${}${}", self.node, self.fc, self.object.replace('.', "$"), self.attribute.replace('.', "$"))
    }
}

/// The points of all devices of a file, in its order.
pub fn points(scl: &Scl) -> Vec<Point> {
    scl.ieds.iter().flat_map(|ied| points_of(scl, ied)).collect()
}

/// The points of one device.
pub fn points_of(scl: &Scl, ied: &Ied) -> Vec<Point> {
    let mut uses: HashMap<(&str, &str), Vec<&AssetUse>> = HashMap::new();
    for used in scl.assets.iter().filter(|a| a.ied == ied.name) {
        uses.entry((&used.ld_inst, &used.node)).or_default().push(used);
    }
    let mut found = Vec::new();
    let name: Arc<str> = ied.name.as_str().into();
    for device in ied.devices() {
        let domain: Arc<str> = ied.domain(device).into();
        for node in &device.nodes {
            let node_name = node.name();
            let assets = uses
                .get(&(device.inst.as_str(), node_name.as_str()))
                .map_or(Vec::new(), |u| u.iter().map(|a| a.path.as_str().into()).collect());
            let base = Base { ied: &name, domain: &domain, node: node_name.as_str().into(), assets, of: node, device };
            for object in &node.objects {
                collect(&base, object, object.name.clone(), object, &mut found);
            }
        }
    }
    found
}

struct Base<'a> {
    ied: &'a Arc<str>,
    domain: &'a Arc<str>,
    node: Arc<str>,
    assets: Vec<Arc<str>>,
    of: &'a LogicalNode,
    device: &'a LogicalDevice,
}

/// The values of an object and its sub-objects; `top` is the data object, which holds the control model. Elements of arrays are no points.
fn collect(base: &Base<'_>, object: &Node, path: String, top: &Node, found: &mut Vec<Point>) {
    let Kind::Object { cdc } = &object.kind else { return };
    if object.count.is_some() {
        return;
    }
    let is_indication = matches!(cdc.as_str(), "ACT" | "ACD");
    let mut seen_main = false;
    for (names, fc) in VALUES {
        let in_phases = matches!(names[0], "phsA" | "phsB" | "phsC" | "neut");
        if in_phases && !is_indication || (names[..] == ["mag", "i"] && seen_main) {
            continue;
        }
        let mut at = object;
        let Some(leaf) = names.iter().try_for_each(|n| at.child(n).map(|c| at = c)).map(|()| at) else { continue };
        let Some(attribute) = leaf.attribute().filter(|a| a.fc == fc && leaf.children.is_empty() && leaf.count.is_none()) else { continue };
        seen_main = true;
        let (unit, unit_power) = if names.contains(&"ang") { ("deg".to_owned(), 0) } else { unit_of(object) };
        let control =
            if path == top.name && (names[0] == "stVal" || names[0] == "mxVal" || names[0] == "valWTr") { control_of(top) } else { None };
        found.push(Point {
            ied: base.ied.clone(),
            domain: base.domain.clone(),
            node: base.node.clone(),
            object: path.clone(),
            attribute: names.join("."),
            fc,
            cdc: cdc.clone(),
            basic: attribute.basic,
            words: attribute.enumeration.as_ref().map_or(Vec::new(), |e| e.values.clone()),
            unit,
            unit_power,
            description: describe(base, object),
            has_quality: object.child("q").is_some_and(|q| q.attribute().is_some_and(|a| a.fc == fc)),
            has_time: object.child("t").is_some_and(|t| t.attribute().is_some_and(|a| a.fc == fc)),
            control,
            control_has_time: control.is_some() && top.child("Oper").is_some_and(|o| o.child("operTm").is_some()),
            assets: base.assets.clone(),
            line: base.of.line,
        });
    }
    for child in &object.children {
        if child.cdc().is_some() {
            collect(base, child, format!("{path}.{}", child.name), top, found);
        }
    }
}

/// The nearest description: of the object, its value `d`, the node, the device.
fn describe(base: &Base<'_>, object: &Node) -> String {
    let own = match object.child("d").and_then(Node::attribute).and_then(|a| a.value.as_ref()) {
        Some(MmsValue::VisibleString(text) | MmsValue::MmsString(text)) => text.as_str(),
        _ => "",
    };
    [object.description.as_str(), own, &base.of.description, &base.device.description]
        .into_iter()
        .find(|d| !d.is_empty())
        .unwrap_or_default()
        .to_owned()
}

/// What `ctlModel` and `Oper` say; none without both, and none when it is for status only.
fn control_of(object: &Node) -> Option<ControlModel> {
    object.child("Oper")?;
    match object.child("ctlModel")?.attribute()?.value {
        Some(MmsValue::Integer(n)) => ControlModel::from_number(n).filter(|m| *m != ControlModel::StatusOnly),
        _ => None,
    }
}

fn unit_of(object: &Node) -> (String, i32) {
    let Some(units) = object.child("units") else { return (String::new(), 0) };
    let word = |name: &str| {
        let attribute = units.child(name)?.attribute()?;
        match (&attribute.value, &attribute.enumeration) {
            (Some(MmsValue::Integer(n)), Some(e)) => Some((*n, e.word(*n)?.to_owned())),
            _ => None,
        }
    };
    let power = word("multiplier").map_or(0, |(n, _)| i32::try_from(n).unwrap_or(0));
    (word("SIUnit").map_or(String::new(), |(_, w)| w), power)
}
