//! What both sides of a GOOSE message have to agree on.

use crate::iec61850::scl::{DataSet, Ied, Kind, Member, MulticastAddress, Node, Scl};
use iec61850_model::{DataAttributeType, FC, MmsValue};

/// Identity, address and shape of the messages of one control block.
#[derive(Clone, Debug, PartialEq)]
pub struct GooseSettings {
    /// `IEDLD/LLN0$GO$name`.
    pub control_block: String,
    pub go_id: String,
    /// `IEDLD/LLN0$name`.
    pub data_set: String,
    pub conf_rev: u32,
    pub address: MulticastAddress,
    /// A value of the type of every member; the start values of a publisher.
    pub members: Vec<MmsValue>,
}

/// Why a control block of a file cannot be sent or received.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    #[error("IED \"{ied}\" has no GOOSE control block {block}")]
    Unknown { ied: String, block: String },
    #[error("{block} has no address in the Communication section")]
    NoAddress { block: String },
    #[error("{block} has no data set")]
    NoDataSet { block: String },
    #[error("member {member} of {block} is not in the model")]
    Member { block: String, member: String },
}

impl GooseSettings {
    /// The settings of a control block `LD/LLN0.name` of a configuration file.
    ///
    /// # Errors
    /// [`SettingsError`] when the file does not say all that is needed.
    pub fn of(scl: &Scl, ied: &str, block: &str) -> Result<Self, SettingsError> {
        let unknown = || SettingsError::Unknown { ied: ied.to_owned(), block: block.to_owned() };
        let found = scl.ieds.iter().find(|i| i.name == ied).ok_or_else(unknown)?;
        let (path, name) = block.rsplit_once('.').ok_or_else(unknown)?;
        let (ld, node) = path.split_once('/').ok_or_else(unknown)?;
        let device = found.devices().find(|d| d.inst == ld).ok_or_else(unknown)?;
        let node = device.nodes.iter().find(|n| n.name() == node).ok_or_else(unknown)?;
        let control = node.gooses.iter().find(|g| g.name == name).ok_or_else(unknown)?;
        let address = control.address.ok_or_else(|| SettingsError::NoAddress { block: block.to_owned() })?;
        let set: &DataSet = node
            .data_sets
            .iter()
            .find(|d| d.name == control.data_set)
            .ok_or_else(|| SettingsError::NoDataSet { block: block.to_owned() })?;
        let members = set
            .members
            .iter()
            .map(|m| member_value(found, m).ok_or_else(|| SettingsError::Member { block: block.to_owned(), member: m.reference() }))
            .collect::<Result<_, _>>()?;
        let domain = found.domain(device);
        Ok(Self {
            control_block: format!("{domain}/{}$GO${name}", node.name()),
            go_id: control.go_id.clone(),
            data_set: format!("{domain}/{}${}", node.name(), control.data_set),
            conf_rev: control.conf_rev,
            address,
            members,
        })
    }
}

/// The start value of a member; none for one that is not there, or an element of an array.
fn member_value(ied: &Ied, member: &Member) -> Option<MmsValue> {
    if member.index.is_some() {
        return None;
    }
    let node = ied.devices().find(|d| d.inst == member.ld_inst)?.nodes.iter().find(|n| n.name() == member.node)?;
    node_value(node.at(member.path.iter().map(String::as_str))?, member.fc)
}

fn node_value(node: &Node, fc: FC) -> Option<MmsValue> {
    let one = match &node.kind {
        Kind::Object { .. } => MmsValue::Structure(node.children.iter().filter_map(|c| node_value(c, fc)).collect()),
        Kind::Attribute(a) if a.fc != fc => return None,
        Kind::Attribute(a) if a.basic == DataAttributeType::Constructed => {
            MmsValue::Structure(node.children.iter().filter_map(|c| node_value(c, fc)).collect())
        }
        Kind::Attribute(a) => a.value.clone().unwrap_or_else(|| MmsValue::default_for(a.basic)),
    };
    if matches!(&one, MmsValue::Structure(parts) if parts.is_empty()) {
        return None;
    }
    Some(match node.count {
        Some(n) => MmsValue::Array(vec![one; n as usize]),
        None => one,
    })
}
