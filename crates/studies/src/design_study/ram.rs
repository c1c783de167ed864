//! The reliability of a design as a diagram, and figures as rows of a RAM analysis.

use crate::acceptance::k_of_n::carries_the_load;
use crate::availability::Exact;
use crate::availability::fmea::defaults;
use network::SourceRef;
use network::availability::{Block, BlockKind, Component, Diagram, FailureMode, Lifetime, Maintenance};
use network::design::Design;
use network::design::ram::{BlockType, FailureDistribution};
use network::design::results::{RamRow, RowOrigin};

/// The design's diagram. A block of k of n whose units say what they can carry is asked for the load's megawatts too, with the batteries counted beside
/// the units, so that both readings stand side by side.
pub fn diagram(design: &Design) -> Diagram {
    let components = design
        .components
        .iter()
        .map(|c| Component {
            id: c.component_id.clone(),
            name: c.component_name.clone(),
            kind: c.component_type.clone(),
            mtbf_h: Some(c.mtbf_h),
            mttr_h: Some(c.mttr_h),
            lifetime: match c.distribution {
                FailureDistribution::Exponential => Lifetime::Exponential,
                FailureDistribution::Weibull => Lifetime::Weibull { beta: c.weibull_beta, eta_h: c.weibull_eta_h },
            },
            capacity_mw: c.capacity_mw,
            redundancy_group: Some(c.redundancy_group.clone()).filter(|g| !g.is_empty()),
            maintenance: None::<Maintenance>,
            ..Component::default()
        })
        .collect();
    let capacity = |id: &String| design.components.iter().find(|c| c.component_id == *id).and_then(|c| c.capacity_mw);
    let blocks = design
        .blocks
        .iter()
        .map(|b| {
            let kind = match b.block_type {
                BlockType::Series => BlockKind::Series,
                BlockType::Parallel => BlockKind::Parallel,
                BlockType::ParallelKOfN => BlockKind::ParallelKOfN,
                BlockType::Standby => BlockKind::Standby,
            };
            let is_of_units = carries_the_load(design, b) && b.components.iter().all(|c| capacity(c).is_some());
            Block {
                id: b.block_id.clone(),
                name: b.block_name.clone(),
                kind,
                members: b.components.clone(),
                k_required: Some(b.k_required),
                n_total: Some(b.n_total),
                capacity_required_mw: is_of_units.then(|| design.load_mw()),
                description: b.description.clone(),
                ..Block::default()
            }
        })
        .collect();
    Diagram { components, blocks, ..Diagram::default() }
}

/// Failure modes of a design; a component without any has the usual ones of its kind, which say so.
pub fn failure_modes(design: &Design, diagram: &Diagram) -> Vec<FailureMode> {
    let own = design.failure_modes.iter().map(|m| FailureMode {
        component_id: m.component_id.clone(),
        failure_mode: m.failure_mode.clone(),
        cause: m.failure_cause.clone(),
        local_effect: m.local_effect.clone(),
        system_effect: m.system_effect.clone(),
        severity: m.severity,
        occurrence: m.occurrence,
        detection: m.detection,
        rpn: None,
        mitigation: m.mitigation.clone(),
        recommended_action: m.recommended_action.clone(),
        basis: "design".to_owned(),
        source: SourceRef::default(),
    });
    let usual = defaults(diagram).into_iter().filter(|d| !design.failure_modes.iter().any(|m| m.component_id == d.component_id));
    own.chain(usual).collect()
}

pub(crate) fn rows(exact: &Exact) -> Vec<RamRow> {
    exact
        .blocks
        .iter()
        .map(|f| RamRow {
            origin: RowOrigin::default(),
            block_id: f.id.clone(),
            block_name: f.name.clone(),
            availability: f.availability,
            availability_rounding: 0.0,
            mtbf_h: f.mean_up_h,
            mttr_h: f.mean_down_h,
            annual_downtime_h: Some(f.downtime_h_per_year),
            failures_per_year: f.failures_per_year,
        })
        .collect()
}
