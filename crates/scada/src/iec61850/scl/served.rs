//! The model of a simulated device, from a configuration file.

use super::model::{Attribute, Ied, Kind, LogicalDevice, LogicalNode, Node, ReportControl, Scl};
use iec61850_model::{
    DataAttribute, DataAttributeType, DataObject, DataSet, DataSetEntry, DoChild, GooseControlBlock, IedModel, IedModelBuilder,
    LogicalDevice as ServedDevice, LogicalNodeBuilder, MmsValue, ReportControlBlock, SettingGroupControlBlock, TrgOps, cb::OptFlds,
};

/// Attributes of one device that are held at most.
const LEAVES_MAX: usize = 4_000_000;

/// Why a device of a file cannot be served.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    #[error("the file has no IED \"{name}\"; it has {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    UnknownIed { name: String, known: Vec<String> },
    #[error("IED \"{ied}\" has no logical device, so there is nothing to serve")]
    NoDevice { ied: String },
    #[error("logical device \"{device}\" of IED \"{ied}\" has no LN0")]
    NoZeroNode { ied: String, device: String },
    #[error("IED \"{ied}\" would have {leaves} attributes with its arrays; at most {LEAVES_MAX} are served")]
    TooLarge { ied: String, leaves: usize },
    #[error("IED \"{ied}\" cannot be served: {reason}")]
    Model { ied: String, reason: String },
}

/// Builds the model that a server holds for one device.
///
/// Data sets with members that are not in the model are left out with the control blocks that name them: a set that is shorter than the file
/// says would shift every value that clients take by position.
///
/// # Errors
/// [`ServeError`] when the device is not there, or has nothing to serve.
pub fn served_model(scl: &Scl, ied: &str) -> Result<IedModel, ServeError> {
    let found = scl.ieds.iter().find(|i| i.name == ied);
    let found =
        found.ok_or_else(|| ServeError::UnknownIed { name: ied.to_owned(), known: scl.ieds.iter().map(|i| i.name.clone()).collect() })?;
    let leaves = found.devices().flat_map(|d| &d.nodes).flat_map(|n| &n.objects).fold(0usize, |sum, o| sum.saturating_add(o.leaves()));
    if leaves > LEAVES_MAX {
        return Err(ServeError::TooLarge { ied: found.name.clone(), leaves });
    }
    if found.devices().next().is_none() {
        return Err(ServeError::NoDevice { ied: found.name.clone() });
    }
    let failed = |reason: String| ServeError::Model { ied: found.name.clone(), reason };
    let mut builder = IedModelBuilder::new(&found.name);
    for device in found.devices() {
        if device.nodes.first().is_none_or(|n| n.class != "LLN0") {
            return Err(ServeError::NoZeroNode { ied: found.name.clone(), device: device.inst.clone() });
        }
        let nodes = device.nodes.iter().map(|n| logical_node(found, device, n)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let mut served = ServedDevice::new(&device.inst, nodes);
        served.ld_name = Some(device.ld_name.clone()).filter(|n| !n.is_empty());
        builder = builder.add_ld(served).map_err(|e| failed(e.to_string()))?;
    }
    builder.build().map_err(|e| failed(e.to_string()))
}

fn logical_node(ied: &Ied, device: &LogicalDevice, node: &LogicalNode) -> Result<iec61850_model::LogicalNode, String> {
    let mut builder = LogicalNodeBuilder::new(&node.prefix, &node.class, &node.inst);
    for object in &node.objects {
        builder = builder.add_do(data_object(object)?);
    }
    let whole = |name: &str| node.data_sets.iter().any(|d| d.name == name && d.members.iter().all(|m| m.resolved));
    for set in node.data_sets.iter().filter(|d| whole(&d.name)) {
        let entries = set
            .members
            .iter()
            .map(|m| {
                let mut entry = DataSetEntry::new(&m.node, m.fc, m.path.clone());
                entry.ld_inst.clone_from(&m.ld_inst);
                entry.array_index = m.index;
                entry
            })
            .collect();
        builder = builder.add_dataset(DataSet::new(&set.name, entries));
    }
    for report in node.reports.iter().filter(|r| r.data_set.is_empty() || whole(&r.data_set)) {
        builder = builder.add_rcb(report_block(ied, device, node, report));
    }
    for goose in node.gooses.iter().filter(|g| whole(&g.data_set)) {
        let mut block = GooseControlBlock::new(&goose.name, &goose.data_set, &goose.go_id);
        block.conf_rev = goose.conf_rev;
        builder = builder.add_gocb(block);
    }
    if let Some(groups) = node.setting_groups.filter(|_| node.class == "LLN0") {
        let mut block = SettingGroupControlBlock::default();
        block.num_of_sg = u8::try_from(groups.groups).unwrap_or(u8::MAX).max(1);
        block.act_sg = u8::try_from(groups.active).unwrap_or(1).clamp(1, block.num_of_sg);
        builder = builder.set_sgcb(block);
    }
    builder.build().map_err(|e| e.to_string())
}

fn report_block(ied: &Ied, device: &LogicalDevice, node: &LogicalNode, report: &ReportControl) -> ReportControlBlock {
    let mut block = ReportControlBlock::new(&report.name, &report.data_set);
    block.is_buffered = report.buffered;
    block.conf_rev = report.conf_rev;
    block.rpt_id = match report.rpt_id.as_str() {
        // Without one a report names its block.
        "" => format!("{}/{}${}${}", ied.domain(device), node.name(), if report.buffered { "BR" } else { "RP" }, report.name),
        id => id.to_owned(),
    };
    let triggers = report.triggers;
    for (on, flag) in [
        (triggers.data_change, TrgOps::DCHG),
        (triggers.quality_change, TrgOps::QCHG),
        (triggers.data_update, TrgOps::DUPD),
        (triggers.integrity, TrgOps::INTEGRITY),
        (triggers.general_interrogation, TrgOps::GI),
    ] {
        if on {
            block.trg_ops = block.trg_ops | flag;
        }
    }
    let fields = report.fields;
    block.opt_flds = OptFlds::NONE;
    for (on, flag) in [
        (fields.sequence_number, OptFlds::SEQ_NUM),
        (fields.time_stamp, OptFlds::TIME_STAMP),
        (fields.reason, OptFlds::REASON),
        (fields.data_set, OptFlds::DATA_SET),
        (fields.data_reference, OptFlds::DATA_REFERENCE),
        (fields.buffer_overflow && report.buffered, OptFlds::BUFFER_OVERFLOW),
        (fields.entry_id && report.buffered, OptFlds::ENTRY_ID),
        (fields.conf_rev, OptFlds::CONF_REV),
    ] {
        if on {
            block.opt_flds |= flag;
        }
    }
    block.buf_tm_ms = report.buf_time_ms;
    block.intg_pd_ms = report.integrity_ms;
    block.indexed = report.indexed;
    block.max_instances = report.instances;
    block.has_owner = ied.has_owner;
    block.has_resv_tms = ied.has_resv_tms;
    block
}

fn data_object(node: &Node) -> Result<DataObject, String> {
    let children = node
        .children
        .iter()
        .map(|c| match &c.kind {
            Kind::Object { .. } => data_object(c).map(DoChild::SubDo),
            Kind::Attribute(a) => data_attribute(c, a).map(DoChild::Da),
        })
        .collect::<Result<_, _>>()?;
    let object = DataObject::new(&node.name, children);
    match node.count {
        Some(n) => DataObject::array(object, n).map_err(|e| e.to_string()),
        None => Ok(object),
    }
}

fn data_attribute(node: &Node, attribute: &Attribute) -> Result<DataAttribute, String> {
    let mut triggers = TrgOps::NONE;
    for (on, flag) in
        [(attribute.on_data_change, TrgOps::DCHG), (attribute.on_quality_change, TrgOps::QCHG), (attribute.on_data_update, TrgOps::DUPD)]
    {
        if on {
            triggers = triggers | flag;
        }
    }
    let mut made = match attribute.basic {
        DataAttributeType::Constructed => {
            let children = node.children.iter().filter_map(|c| c.attribute().map(|a| data_attribute(c, a))).collect::<Result<_, _>>()?;
            let mut made = DataAttribute::constructed(&node.name, attribute.fc, children);
            made.trg_ops = triggers;
            made
        }
        basic => {
            let start = attribute.value.clone().unwrap_or_else(|| MmsValue::default_for(basic));
            DataAttribute::new(&node.name, attribute.fc, basic, triggers, start)
        }
    };
    made.sgroup_values.clone_from(&attribute.group_values);
    match node.count {
        Some(n) => DataAttribute::array(made, n).map_err(|e| e.to_string()),
        None => Ok(made),
    }
}
