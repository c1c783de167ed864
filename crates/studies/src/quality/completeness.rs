//! Which values are there.

use super::place_of;
use network::{Common, ElementId, ElementKind, LineImpedance, Network};
use serde::Serialize;

/// How many elements of a class have a value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Completeness {
    pub class: String,
    pub value: &'static str,
    pub have: usize,
    pub of: usize,
    /// Studies need it; its absence is a finding.
    pub matters: bool,
    pub first_without: Vec<String>,
}

/// Names listed of elements that lack a value.
const LISTED: usize = 5;

/// A value that elements of a kind should have.
struct Wanted {
    kind: ElementKind,
    value: &'static str,
    matters: bool,
    has: fn(&Network, ElementId) -> bool,
}

fn common(network: &Network, id: ElementId) -> &Common {
    network.common(id)
}

fn has_place(network: &Network, id: ElementId) -> bool {
    common(network, id).terminals.first().is_some_and(|t| place_of(network, t.bus).is_some() || network.bus(t.bus).xy.is_some())
}

fn has_feeder(network: &Network, id: ElementId) -> bool {
    !common(network, id).feeder.is_empty()
}

const WANTED: &[Wanted] = &[
    Wanted {
        kind: ElementKind::Line,
        value: "current rating",
        matters: true,
        has: |n, id| n.lines[id.index()].is_switch || common(n, id).rating.normal_a > 0.0,
    },
    Wanted {
        kind: ElementKind::Line,
        value: "zero-sequence impedance of its own",
        matters: false,
        has: |n, id| has_zero_sequence(&n.lines[id.index()].impedance),
    },
    Wanted { kind: ElementKind::Line, value: "feeder", matters: false, has: has_feeder },
    Wanted { kind: ElementKind::Line, value: "position", matters: false, has: has_place },
    Wanted {
        kind: ElementKind::Transformer,
        value: "rated power",
        matters: true,
        has: |n, id| n.transformers[id.index()].windings.iter().all(|w| w.kva > 0.0),
    },
    Wanted {
        kind: ElementKind::Transformer,
        value: "short-circuit impedance",
        matters: true,
        has: |n, id| n.transformers[id.index()].x_sc_pct.iter().any(|&x| x != 0.0),
    },
    Wanted {
        kind: ElementKind::Transformer,
        value: "no-load losses",
        matters: false,
        has: |n, id| n.transformers[id.index()].no_load_loss_pct > 0.0,
    },
    Wanted { kind: ElementKind::Transformer, value: "feeder", matters: false, has: has_feeder },
    Wanted { kind: ElementKind::Transformer, value: "position", matters: false, has: has_place },
    Wanted {
        kind: ElementKind::Load,
        value: "power",
        matters: false,
        has: |n, id| n.loads[id.index()].p_kw != 0.0 || n.loads[id.index()].q_kvar != 0.0,
    },
    Wanted { kind: ElementKind::Load, value: "customers", matters: false, has: |n, id| n.loads[id.index()].n_customers > 0 },
    Wanted {
        kind: ElementKind::Load,
        value: "shape over time",
        matters: false,
        has: |n, id| {
            let s = &n.loads[id.index()].shapes;
            s.yearly.is_some() || s.daily.is_some()
        },
    },
    Wanted { kind: ElementKind::Load, value: "position", matters: false, has: has_place },
    Wanted { kind: ElementKind::Capacitor, value: "position", matters: false, has: has_place },
    Wanted {
        kind: ElementKind::PvSystem,
        value: "inverter rating",
        matters: true,
        has: |n, id| n.pv_systems[id.index()].inverter.kva > 0.0,
    },
    Wanted {
        kind: ElementKind::AcBranch,
        value: "rating",
        matters: true,
        has: |n, id| {
            let b = &n.ac_branches[id.index()];
            b.switching.is_some() || b.ratings_mva.iter().any(|&r| r > 0.0)
        },
    },
    Wanted {
        kind: ElementKind::PowerTransformer,
        value: "rating",
        matters: true,
        has: |n, id| n.power_transformers[id.index()].windings.iter().any(|w| w.ratings_mva.iter().any(|&r| r > 0.0)),
    },
];

/// Whether zero and positive sequence differ: data made from one sequence alone have them equal.
fn has_zero_sequence(impedance: &LineImpedance) -> bool {
    match impedance {
        LineImpedance::Sequence { z1_ohm, z0_ohm, .. } => z1_ohm != z0_ohm,
        _ => true,
    }
}

pub(super) fn of(network: &Network) -> Vec<Completeness> {
    let mut found = Vec::new();
    for w in WANTED {
        let ids: Vec<ElementId> = network.ids(w.kind).filter(|&id| network.common(id).enabled).collect();
        if ids.is_empty() {
            continue;
        }
        let without: Vec<ElementId> = ids.iter().copied().filter(|&id| !(w.has)(network, id)).collect();
        found.push(Completeness {
            class: w.kind.class().to_owned(),
            value: w.value,
            have: ids.len() - without.len(),
            of: ids.len(),
            matters: w.matters,
            first_without: without.iter().take(LISTED).map(|&id| network.full_name(id)).collect(),
        });
    }
    found
}
