//! What a configuration file says, with types resolved: devices, their data, data sets, control blocks and addresses.
//!
//! Every logical node carries its own tree of data with the values of its instances, so that nothing has to be looked up afterwards. Places
//! in the file (`line`, from 1) are kept for findings. Names are those of IEC 61850-6; functional constraints, basic types and values are
//! the types of the protocol library, so that a model can be served and compared with a device without translation.

use iec61850_model::{DataAttributeType, FC, MmsValue};
use std::sync::Arc;

/// A file as read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scl {
    pub header: Header,
    pub edition: Edition,
    pub ieds: Vec<Ied>,
    pub communication: Vec<ConnectedAccessPoint>,
    /// Uses of logical nodes by the primary equipment of the substation.
    pub assets: Vec<AssetUse>,
    /// Private parts and elements of foreign namespaces that were left out.
    pub left_out: usize,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    pub id: String,
    pub version: String,
    pub revision: String,
    pub tool: String,
}

/// Edition of the language. Files without a version are of edition 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edition {
    /// `2003` or `2007`; empty in edition 1.
    pub version: String,
    pub revision: String,
    pub release: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ied {
    pub name: String,
    pub manufacturer: String,
    pub kind: String,
    pub description: String,
    pub access_points: Vec<AccessPoint>,
    /// `owner` and `resvTms` of its report settings: whether report control blocks have these attributes.
    pub has_owner: bool,
    pub has_resv_tms: bool,
    pub line: u32,
}

impl Ied {
    /// The logical devices of all access points.
    pub fn devices(&self) -> impl Iterator<Item = &LogicalDevice> {
        self.access_points.iter().flat_map(|a| &a.devices)
    }

    /// The name of a logical device on the wire: its functional name, or the IED's name and its instance.
    pub fn domain(&self, device: &LogicalDevice) -> String {
        match device.ld_name.as_str() {
            "" => format!("{}{}", self.name, device.inst),
            name => name.to_owned(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccessPoint {
    pub name: String,
    pub devices: Vec<LogicalDevice>,
    pub line: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogicalDevice {
    pub inst: String,
    /// Functional name, empty when it has none.
    pub ld_name: String,
    pub description: String,
    pub nodes: Vec<LogicalNode>,
    pub line: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogicalNode {
    pub prefix: String,
    pub class: String,
    pub inst: String,
    pub type_id: String,
    pub description: String,
    /// Data objects in the order of the type.
    pub objects: Vec<Node>,
    pub data_sets: Vec<DataSet>,
    pub reports: Vec<ReportControl>,
    pub gooses: Vec<GooseControl>,
    pub samples: Vec<SampledControl>,
    pub setting_groups: Option<SettingGroups>,
    pub inputs: Vec<ExternalReference>,
    pub line: u32,
}

impl LogicalNode {
    /// Prefix, class and instance run together, as references write it.
    pub fn name(&self) -> String {
        format!("{}{}{}", self.prefix, self.class, self.inst)
    }

    /// The node at a path of names from a data object downward.
    pub fn at<'a>(&self, mut path: impl Iterator<Item = &'a str>) -> Option<&Node> {
        let first = path.next()?;
        path.try_fold(self.objects.iter().find(|o| o.name == first)?, |node, name| node.child(name))
    }
}

/// A data object, a part of one, or an attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub name: String,
    pub kind: Kind,
    /// Number of elements when it is an array; `children` are those of one element.
    pub count: Option<u32>,
    pub description: String,
    pub children: Vec<Node>,
    /// Line of its type.
    pub line: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A data object or sub-object with its common data class.
    Object {
        cdc: String,
    },
    Attribute(Box<Attribute>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    pub fc: FC,
    pub basic: DataAttributeType,
    /// Words of an enumeration with their numbers.
    pub enumeration: Option<Arc<Enumeration>>,
    pub on_data_change: bool,
    pub on_quality_change: bool,
    pub on_data_update: bool,
    /// Value that the type or the instance gives; of setting group 1 when each group has its own.
    pub value: Option<MmsValue>,
    /// Values of setting groups, by number.
    pub group_values: Vec<(u8, MmsValue)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Enumeration {
    pub id: String,
    pub values: Vec<(i32, String)>,
}

impl Enumeration {
    pub fn number(&self, word: &str) -> Option<i32> {
        self.values.iter().find(|(_, w)| w == word).map(|(n, _)| *n)
    }

    pub fn word(&self, number: i64) -> Option<&str> {
        self.values.iter().find(|(n, _)| i64::from(*n) == number).map(|(_, w)| w.as_str())
    }
}

impl Node {
    pub fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|c| c.name == name)
    }

    pub fn attribute(&self) -> Option<&Attribute> {
        match &self.kind {
            Kind::Attribute(a) => Some(a),
            Kind::Object { .. } => None,
        }
    }

    pub fn cdc(&self) -> Option<&str> {
        match &self.kind {
            Kind::Object { cdc } => Some(cdc),
            Kind::Attribute(_) => None,
        }
    }

    /// True when an attribute of this functional constraint is in it.
    pub fn has(&self, fc: FC) -> bool {
        match &self.kind {
            Kind::Attribute(a) => a.fc == fc,
            Kind::Object { .. } => self.children.iter().any(|c| c.has(fc)),
        }
    }

    /// Values that it is on the wire: itself as a structure or leaf counts one for each leaf.
    pub fn leaves(&self) -> usize {
        let each = if self.children.is_empty() { 1 } else { self.children.iter().map(Node::leaves).sum() };
        each.saturating_mul(self.count.unwrap_or(1) as usize)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DataSet {
    pub name: String,
    pub members: Vec<Member>,
    pub line: u32,
}

/// A member of a data set: an attribute, or all of one functional constraint in an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Instance of the logical device; that of the data set when the file says none.
    pub ld_inst: String,
    /// Prefix, class and instance run together.
    pub node: String,
    pub fc: FC,
    /// Names from the data object downward.
    pub path: Vec<String>,
    /// Element of the first array on the path.
    pub index: Option<u32>,
    /// False when nothing of the model stands under this reference.
    pub resolved: bool,
    pub line: u32,
}

impl Member {
    /// Name of the variable on the wire, without its domain: `LN$FC$DO$DA`.
    pub fn item(&self) -> String {
        format!("{}${}${}", self.node, self.fc, self.path.join("$"))
    }

    /// Reference as people write it: `LD/LN.DO.DA [FC]`, with the instance of the logical device.
    pub fn reference(&self) -> String {
        format!("{}/{}.{} [{}]", self.ld_inst, self.node, self.path.join("."), self.fc)
    }
}

/// A report control block, which has as many instances as clients may enable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportControl {
    pub name: String,
    pub description: String,
    pub buffered: bool,
    pub rpt_id: String,
    /// Name of a data set of the same logical node; empty when none is set.
    pub data_set: String,
    pub conf_rev: u32,
    pub buf_time_ms: u32,
    pub integrity_ms: u32,
    pub indexed: bool,
    pub instances: u32,
    pub triggers: Triggers,
    pub fields: ReportFields,
    pub line: u32,
}

impl ReportControl {
    /// Names of its instances: with a number of two digits when it is indexed.
    pub fn instance_names(&self) -> Vec<String> {
        match self.indexed {
            true => (1..=self.instances.clamp(1, 99)).map(|i| format!("{}{i:02}", self.name)).collect(),
            false => vec![self.name.clone()],
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Triggers {
    pub data_change: bool,
    pub quality_change: bool,
    pub data_update: bool,
    pub integrity: bool,
    pub general_interrogation: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportFields {
    pub sequence_number: bool,
    pub time_stamp: bool,
    pub reason: bool,
    pub data_set: bool,
    pub data_reference: bool,
    pub buffer_overflow: bool,
    pub entry_id: bool,
    pub conf_rev: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct GooseControl {
    pub name: String,
    pub description: String,
    /// `appID` of the file, which is the `goID` of the message.
    pub go_id: String,
    pub data_set: String,
    pub conf_rev: u32,
    pub fixed_offsets: bool,
    /// Where it is sent, when the communication section says so.
    pub address: Option<MulticastAddress>,
    pub line: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampledControl {
    pub name: String,
    pub sv_id: String,
    pub data_set: String,
    pub conf_rev: u32,
    pub samples_per_period: u32,
    pub samples_per_message: u32,
    pub address: Option<MulticastAddress>,
    pub line: u32,
}

/// Ethernet address of GOOSE or sampled values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MulticastAddress {
    pub mac: [u8; 6],
    pub app_id: u16,
    pub vlan_id: u16,
    pub vlan_priority: u8,
    pub min_time_ms: Option<u32>,
    pub max_time_ms: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SettingGroups {
    pub groups: u32,
    pub active: u32,
}

/// Data that a logical node takes from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalReference {
    pub ied: String,
    pub ld_inst: String,
    pub node: String,
    pub object: String,
    pub attribute: String,
    /// `GOOSE`, `Report`, `SMV` or `Poll`; empty when the file says none.
    pub service: String,
    /// Control block that brings it, as `LD/LN.name`; empty when the file says none.
    pub control_block: String,
    /// Where the device keeps it.
    pub internal_address: String,
    pub line: u32,
}

/// Address of an access point in a subnetwork.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectedAccessPoint {
    pub subnetwork: String,
    pub subnetwork_kind: String,
    pub ied: String,
    pub access_point: String,
    /// Parameters as the file has them: `IP`, `OSI-TSEL` …
    pub parameters: Vec<(String, String)>,
    pub line: u32,
}

impl ConnectedAccessPoint {
    pub fn parameter(&self, kind: &str) -> Option<&str> {
        self.parameters.iter().find(|(k, _)| k == kind).map(|(_, v)| v.as_str())
    }
}

/// A logical node that stands for a piece of primary equipment, bay, voltage level or substation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetUse {
    /// Names from the substation downward with slashes: `AA1/E1/Q01/QA1`.
    pub path: String,
    /// Code of the equipment (`CBR`, `DIS`, `PTR` …), or the kind of the container in words.
    pub equipment: String,
    pub ied: String,
    pub ld_inst: String,
    pub node: String,
    pub line: u32,
}
