//! Tables for Windchill's import wizard: components, blocks of the diagram, failure modes, and the tree of the system.
//!
//! The wizard maps columns of a text file or workbook to fields; columns after those of document 000 are the ones its public description adds. The
//! tree table has what the wizard needs to build a system tree: a level or parent, and a flag that tells parts (1) from assemblies (0).

use super::sheet::{Cell, Sheet, at_least, fixed, scientific};
use network::design::Design;
use network::design::ram::{Block, FailureDistribution};
use network::{Disposition, Ledger};

pub const COMPONENTS: [&str; 15] = [
    "Component_ID",
    "Component_Name",
    "Component_Type",
    "MTBF_Hours",
    "MTTR_Hours",
    "Failure_Rate_Per_Hour",
    "Availability",
    "Distribution",
    "Weibull_Beta",
    "Subsystem",
    "Redundancy_Group",
    "Capacity_MW",
    "Weibull_Eta",
    "Operating_Hours_Per_Year",
    "PM_Interval_Hours",
];

pub const BLOCKS: [&str; 8] =
    ["Block_ID", "Block_Name", "Block_Type", "Components", "K_Required", "N_Total", "Description", "Parent_Block"];

pub const FMEA: [&str; 11] = [
    "Component_ID",
    "Failure_Mode",
    "Failure_Cause",
    "Local_Effect",
    "System_Effect",
    "Severity",
    "Occurrence",
    "Detection",
    "RPN",
    "Mitigation",
    "Recommended_Action",
];

pub const TREE: [&str; 8] = ["Level", "Part_Flag", "Name", "Part_Number", "Quantity", "MTBF_Hours", "MTTR_Hours", "Parent_ID"];

/// How the distribution is written.
pub(super) fn distribution_word(d: FailureDistribution) -> &'static str {
    match d {
        FailureDistribution::Exponential => "Exponential",
        FailureDistribution::Weibull => "Weibull",
    }
}

/// Data of the components. Rate and availability follow from MTBF and MTTR and are rounded as the document has them.
pub fn components(design: &Design) -> Sheet {
    let row = |c: &network::design::ram::ComponentData| {
        let number = |x: Option<f64>, n| x.map_or(Cell::Empty, |x| at_least(x, n));
        let weibull = c.distribution == FailureDistribution::Weibull;
        vec![
            c.component_id.as_str().into(),
            c.component_name.as_str().into(),
            c.component_type.as_str().into(),
            at_least(c.mtbf_h, 0),
            at_least(c.mttr_h, 0),
            scientific(c.failure_rate_per_h()),
            fixed(c.availability(), 4),
            distribution_word(c.distribution).into(),
            at_least(c.weibull_beta, 1),
            c.subsystem.as_str().into(),
            c.redundancy_group.as_str().into(),
            number(c.capacity_mw, 1),
            if weibull { c.weibull_eta_h.map_or_else(|| fixed(c.eta_h(), 1), |eta| at_least(eta, 1)) } else { Cell::Empty },
            at_least(c.operating_hours_per_year, 0),
            number(c.pm_interval_h, 0),
        ]
    };
    Sheet { name: "Component_Data", headers: COMPONENTS.to_vec(), rows: design.components.iter().map(row).collect() }
}

/// The block that lists a part, the first one.
fn parent<'d>(design: &'d Design, id: &str) -> Option<&'d Block> {
    design.blocks.iter().find(|b| b.components.iter().any(|c| c == id))
}

/// Blocks of the diagram.
pub fn blocks(design: &Design) -> Sheet {
    let row = |b: &Block| {
        let mut cells: Vec<Cell> = [b.block_id.as_str(), &b.block_name, b.block_type.word()].map(Cell::from).into();
        cells.extend([Cell::from(b.components.join(",")), b.k_required.into(), b.n_total.into()]);
        cells.extend([Cell::from(b.description.as_str()), parent(design, &b.block_id).map_or("", |p| p.block_id.as_str()).into()]);
        cells
    };
    Sheet { name: "RBD_Structure", headers: BLOCKS.to_vec(), rows: design.blocks.iter().map(row).collect() }
}

/// Failure modes; a component without one has a row to be filled in.
pub fn failure_modes(design: &Design) -> Sheet {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for m in &design.failure_modes {
        let words = [m.component_id.as_str(), &m.failure_mode, &m.failure_cause, &m.local_effect, &m.system_effect].map(Cell::from);
        let scores = [m.severity, m.occurrence, m.detection, m.rpn()].map(Cell::from);
        let rest = [m.mitigation.as_str(), &m.recommended_action].map(Cell::from);
        rows.push(words.into_iter().chain(scores).chain(rest).collect());
    }
    for c in design.components.iter().filter(|c| design.failure_modes.iter().all(|m| m.component_id != c.component_id)) {
        rows.push(std::iter::once(Cell::from(c.component_id.as_str())).chain(std::iter::repeat_n(Cell::Empty, FMEA.len() - 1)).collect());
    }
    Sheet { name: "FMEA_Template", headers: FMEA.to_vec(), rows }
}

/// The tree of the system: assemblies from the blocks, parts from the components, each once, under the first block that lists it.
pub fn tree(design: &Design) -> Sheet {
    let mut rows = Vec::new();
    let roots = design.blocks.iter().filter(|b| parent(design, &b.block_id).is_none());
    let mut open: Vec<(&str, u32, &str)> = roots.map(|b| (b.block_id.as_str(), 1, "")).collect();
    open.reverse();
    let mut met = std::collections::HashSet::new();
    while let Some((id, level, above)) = open.pop() {
        if !met.insert(id) {
            continue;
        }
        if let Some(b) = design.blocks.iter().find(|b| b.block_id == id) {
            let words = [Cell::from(level), Cell::from(0u32), b.block_name.as_str().into(), id.into(), Cell::from(1u32)];
            rows.push(words.into_iter().chain([Cell::Empty, Cell::Empty, above.into()]).collect());
            open.extend(b.components.iter().rev().map(|c| (c.as_str(), level + 1, id)));
        } else if let Some(c) = design.components.iter().find(|c| c.component_id == id) {
            let words = [Cell::from(level), Cell::from(1u32), c.component_name.as_str().into(), id.into(), Cell::from(1u32)];
            rows.push(words.into_iter().chain([at_least(c.mtbf_h, 0), at_least(c.mttr_h, 0), above.into()]).collect());
        }
    }
    for c in design.components.iter().filter(|c| !met.contains(c.component_id.as_str())) {
        let words =
            [Cell::from(1u32), Cell::from(1u32), c.component_name.as_str().into(), c.component_id.as_str().into(), Cell::from(1u32)];
        rows.push(words.into_iter().chain([at_least(c.mtbf_h, 0), at_least(c.mttr_h, 0), Cell::Empty]).collect());
    }
    Sheet { name: "System_Tree", headers: TREE.to_vec(), rows }
}

/// What is converted, and what the tables have no place for.
pub fn ledger(design: &Design, ledger: &mut Ledger) {
    for c in &design.components {
        let at = network::SourceRef::new(c.component_id.as_str(), 0);
        let mut converted = |field: &str, formula: &str| {
            ledger.record(field, Disposition::Converted { formula: formula.to_owned() }, Some(&at));
        };
        converted("component.failure_rate", "1 / MTBF, three digits");
        converted("component.availability", "MTBF / (MTBF + MTTR), four decimals");
        if c.distribution == FailureDistribution::Weibull && c.weibull_eta_h.is_none() {
            converted("component.weibull_eta", "MTBF / gamma(1 + 1/beta), one decimal");
        }
    }
    for b in &design.blocks {
        if design.blocks.iter().filter(|o| o.components.contains(&b.block_id)).count() > 1 {
            let reason = "the table has one parent a block; the first is written".to_owned();
            ledger.record("block.parent", Disposition::Dropped { reason }, Some(&network::SourceRef::new(b.block_id.as_str(), 0)));
        }
    }
    let reason = "a RAM analysis has no place for them".to_owned();
    ledger.record("buses, machines, cables, transformers, loads, breakers", Disposition::Dropped { reason }, None);
}
