//! Diagrams that are wrong: all faults at once, each by its code; failure modes ranked and refused.

use super::{block, component};
use network::availability::{Block, BlockKind, CommonCause, Component, Diagram, FailureMode, Lifetime, Printed, RepairTime};
use network::{Severity, SourceRef};
use studies::availability::{ExactOptions, analyse, check, fmea};

fn good() -> Diagram {
    Diagram {
        components: vec![component("a", 1000.0, 10.0), component("b", 1000.0, 10.0)],
        blocks: vec![block("plant", BlockKind::Parallel, &["a", "b"])],
        ..Diagram::default()
    }
}

fn codes(d: &Diagram) -> Vec<String> {
    let mut codes: Vec<String> = check(d).into_iter().filter(|f| f.severity == Severity::Error).map(|f| f.code).collect();
    codes.sort();
    codes
}

/// What a change of a good diagram is refused for.
fn refused(change: impl Fn(&mut Diagram)) -> Vec<String> {
    let mut d = good();
    change(&mut d);
    let found = codes(&d);
    assert_eq!(analyse(&d, &ExactOptions::default()).is_err(), !found.is_empty());
    found
}

#[test]
fn each_fault_has_its_code() {
    assert!(check(&good()).is_empty());
    let c = |f: &dyn Fn(&mut Component)| refused(|d| f(&mut d.components[0]));
    let b = |f: &dyn Fn(&mut Block)| refused(|d| f(&mut d.blocks[0]));
    assert_eq!(c(&|c| c.id = "b".into()), ["RAM.BLOCK.MEMBER_UNKNOWN", "RAM.ID.DUPLICATE"]);
    assert_eq!(c(&|c| c.id = "plant".into()).first().unwrap(), "RAM.BLOCK.MEMBER_UNKNOWN");
    assert_eq!(refused(|d| d.components.push(Component { id: " ".into(), ..component("x", 1.0, 1.0) })), ["RAM.ID.EMPTY"]);
    for bad in [0.0, -5.0, f64::NAN, f64::INFINITY] {
        assert_eq!(c(&|c| c.mtbf_h = Some(bad)), ["RAM.COMPONENT.MTBF"], "{bad}");
        assert_eq!(c(&|c| c.mttr_h = Some(bad)), ["RAM.COMPONENT.MTTR"], "{bad}");
    }
    assert_eq!(c(&|c| c.mttr_h = None), ["RAM.COMPONENT.NO_MTTR"]);
    assert_eq!(c(&|c| c.mtbf_h = None), ["RAM.COMPONENT.NO_MTBF"]);
    assert_eq!(c(&|c| (c.mtbf_h, c.mttr_h) = (None, None)), ["RAM.COMPONENT.NO_DATA"]);
    for bad in ["0", "-0.1", "1.0001", "99.73"] {
        let only = |c: &mut Component| (c.mtbf_h, c.mttr_h, c.availability) = (None, None, Printed::parse(bad));
        assert_eq!(c(&only), ["RAM.COMPONENT.AVAILABILITY"], "{bad}");
    }
    assert!(c(&|c| (c.mtbf_h, c.mttr_h, c.availability) = (None, None, Printed::parse("99.73%"))).is_empty());
    assert!(c(&|c| c.availability = Printed::parse("0.9901")).is_empty());
    assert_eq!(c(&|c| c.availability = Printed::parse("0.9902")), ["RAM.COMPONENT.AVAILABILITY_DIFFERS"]);
    assert!(c(&|c| c.failure_rate_per_h = Printed::parse("1.0E-03")).is_empty());
    assert_eq!(c(&|c| c.failure_rate_per_h = Printed::parse("1.1E-03")), ["RAM.COMPONENT.RATE_DIFFERS"]);
    assert_eq!(c(&|c| c.failure_rate_per_h = Printed::parse("-1")), ["RAM.COMPONENT.RATE", "RAM.COMPONENT.RATE_DIFFERS"]);
    assert_eq!(c(&|c| c.lifetime = Lifetime::Weibull { beta: 0.0, eta_h: None }), ["RAM.COMPONENT.SHAPE"]);
    assert_eq!(c(&|c| c.lifetime = Lifetime::Weibull { beta: 1.5, eta_h: Some(-1.0) }), ["RAM.COMPONENT.SHAPE"]);
    assert_eq!(c(&|c| c.repair = RepairTime::LogNormal { sigma: -1.0 }), ["RAM.COMPONENT.REPAIR"]);
    assert_eq!(c(&|c| c.capacity_mw = Some(-1.0)), ["RAM.COMPONENT.CAPACITY"]);
    assert_eq!(c(&|c| c.crew = Some("nobody".into())), ["RAM.POOL.UNKNOWN"]);
    assert_eq!(b(&|b| b.members.clear()), ["RAM.BLOCK.EMPTY"]);
    assert_eq!(b(&|b| b.members[1] = "...".into()), ["RAM.BLOCK.ELLIPSIS"]);
    assert_eq!(b(&|b| b.members[1] = "…".into()), ["RAM.BLOCK.ELLIPSIS"]);
    assert_eq!(b(&|b| b.members[1] = "B".into()), ["RAM.BLOCK.MEMBER_UNKNOWN"]);
    assert_eq!(b(&|b| b.members[1] = "a".into()), ["RAM.BLOCK.MEMBER_TWICE"]);
    assert_eq!(b(&|b| b.n_total = Some(3)), ["RAM.BLOCK.N_TOTAL"]);
    assert_eq!(b(&|b| b.k_required = Some(2)), ["RAM.BLOCK.K"]);
    assert_eq!(b(&|b| (b.kind, b.k_required) = (BlockKind::Series, Some(1))), ["RAM.BLOCK.K"]);
    for k in [None, Some(0), Some(3)] {
        assert_eq!(b(&|b| (b.kind, b.k_required) = (BlockKind::ParallelKOfN, k)), ["RAM.BLOCK.K"], "{k:?}");
    }
    assert_eq!(b(&|b| b.capacity_required_mw = Some(5.0)), ["RAM.BLOCK.CAPACITY"]);
    let by_capacity = |b: &mut Block| (b.kind, b.capacity_required_mw) = (BlockKind::ParallelKOfN, Some(5.0));
    assert_eq!(b(&by_capacity), ["RAM.BLOCK.CAPACITY_MISSING"]);
    assert_eq!(refused(|d| d.system = Some("factory".into())), ["RAM.DIAGRAM.SYSTEM"]);
    assert_eq!(refused(|d| d.blocks.push(block("other", BlockKind::Series, &["a"]))), ["RAM.DIAGRAM.SYSTEM"]);
    assert_eq!(refused(|d| d.blocks.clear()), ["RAM.DIAGRAM.EMPTY"]);
    let cause = |beta, members: &[&str]| {
        let members = members.iter().map(|m| (*m).to_owned()).collect();
        refused(|d| d.common_causes.push(CommonCause { id: "cc".into(), beta, members: Vec::clone(&members) }))
    };
    assert_eq!(cause(1.0, &["a", "b"]), ["RAM.CAUSE.BETA", "RAM.CAUSE.BETA", "RAM.CAUSE.BETA"]);
    assert_eq!(cause(0.1, &["a", "plant"]), ["RAM.CAUSE.MEMBER"]);
    assert_eq!(cause(0.1, &[]), ["RAM.CAUSE.MEMBER"]);
    assert!(cause(0.1, &["a", "b"]).is_empty());
}

#[test]
fn a_cycle_is_told_with_its_way_and_its_row() {
    let mut d = good();
    d.blocks[0].members.push("x".into());
    for (id, member, line) in [("x", "y", 7), ("y", "z", 8), ("z", "x", 9)] {
        d.blocks.push(Block { source: SourceRef::new("rbd.csv", line), ..block(id, BlockKind::Series, &["a", member]) });
    }
    let found = check(&d);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].code, "RAM.BLOCK.CYCLE");
    assert_eq!(found[0].detail.as_deref(), Some("x > y > z > x."));
    assert_eq!(found[0].source, Some(SourceRef::new("rbd.csv", 7)));
    let itself = Diagram { blocks: vec![block("plant", BlockKind::Series, &["a", "b", "plant"])], system: Some("plant".into()), ..good() };
    assert_eq!(check(&itself)[0].detail.as_deref(), Some("plant > plant."));
    // Blocks within blocks, very deep, end no program.
    let mut deep = good();
    for i in 0..20_000 {
        let below = if i == 0 { "plant".to_owned() } else { format!("d{}", i - 1) };
        deep.blocks.push(block(&format!("d{i}"), BlockKind::Series, &[&below]));
    }
    let options = ExactOptions { importance: false, ..ExactOptions::default() };
    assert_eq!(analyse(&deep, &options).unwrap().blocks.len(), 20_001);
}

#[test]
fn all_faults_come_at_once() {
    let mut d = good();
    d.components[0].mtbf_h = Some(-1.0);
    d.components[1].availability = Printed::parse("1.5");
    d.blocks[0].members.push("...".into());
    d.blocks[0].n_total = Some(10);
    d.blocks.push(block("plant", BlockKind::Series, &["ghost"]));
    let found = codes(&d);
    for code in [
        "RAM.BLOCK.ELLIPSIS",
        "RAM.BLOCK.MEMBER_UNKNOWN",
        "RAM.BLOCK.N_TOTAL",
        "RAM.COMPONENT.AVAILABILITY",
        "RAM.COMPONENT.MTBF",
        "RAM.ID.DUPLICATE",
    ] {
        assert!(found.iter().any(|c| c == code), "{code} is missing of {found:?}");
    }
    assert!(check(&d).iter().all(|f| f.hint.is_some()));
}

#[test]
fn what_counts_for_nothing_and_contradicts_is_warned_of() {
    let mut d = good();
    d.components.push(component("spare", 1000.0, 10.0));
    d.components[0].lifetime = Lifetime::Weibull { beta: 1.5, eta_h: Some(1000.0) };
    let found: Vec<String> = check(&d).into_iter().map(|f| f.code).collect();
    assert_eq!(found, ["RAM.COMPONENT.ETA_DIFFERS", "RAM.COMPONENT.UNUSED"]);
    assert!(analyse(&d, &ExactOptions::default()).is_ok());
}

fn mode(id: &str, marks: [u32; 3], rpn: Option<u32>) -> FailureMode {
    let [severity, occurrence, detection] = marks;
    FailureMode { component_id: id.into(), failure_mode: "stops".into(), severity, occurrence, detection, rpn, ..FailureMode::default() }
}

#[test]
fn failure_modes_are_ranked_and_wrong_ones_refused() {
    let rows = [mode("a", [5, 4, 3], Some(60)), mode("b", [9, 2, 6], None), mode("a", [3, 4, 5], None), mode("b", [10, 1, 1], Some(10))];
    let ranked = fmea::rank(&rows, Some(&good())).unwrap();
    let told: Vec<_> = ranked.iter().map(|r| (r.rank, r.rpn, r.mode.severity, r.is_severe)).collect();
    assert_eq!(told, [(1, 108, 9, true), (2, 60, 5, false), (2, 60, 3, false), (4, 10, 10, true)]);
    let wrong = [
        mode("a", [5, 4, 3], Some(61)),
        mode("ghost", [0, 11, 5], None),
        FailureMode { failure_mode: " ".into(), ..mode("a", [1, 1, 1], None) },
    ];
    let found = fmea::rank(&wrong, Some(&good())).unwrap_err().findings;
    let codes: Vec<&str> = found.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["RAM.FMEA.RPN", "RAM.FMEA.MARK", "RAM.FMEA.COMPONENT", "RAM.FMEA.MODE"]);
    assert!(found[0].element.as_deref().unwrap().contains("row 1") && found[0].message.contains("60"));
    assert_eq!(fmea::rank(&wrong[1..2], None).unwrap_err().findings.len(), 1);
}

#[test]
fn first_drafts_say_that_nobody_verified_them() {
    let kinds = ["RECIPROCATING_ENGINE", "GAS_TURBINE", "TRANSFORMER", "SWITCHGEAR", "BATTERY", "SUBSTATION_AUTOMATION"];
    let components =
        kinds.iter().enumerate().map(|(i, k)| Component { kind: (*k).to_owned(), ..component(&format!("c{i}"), 1.0, 1.0) }).collect();
    let d = Diagram { components, ..Diagram::default() };
    let rows = fmea::defaults(&d);
    assert!(rows.iter().all(|r| r.basis == "typical, unverified"));
    for (i, _) in kinds.iter().enumerate().take(5) {
        assert!(rows.iter().filter(|r| r.component_id == format!("c{i}")).count() >= 2, "{}", kinds[i]);
    }
    // Nothing is known of this one, and its row says so.
    assert_eq!(rows.iter().filter(|r| r.component_id == "c5").map(|r| r.cause.as_str()).collect::<Vec<_>>(), ["not analysed yet"]);
    assert_eq!(fmea::rank(&rows, Some(&d)).unwrap().len(), rows.len());
}

#[test]
fn what_would_take_for_ever_is_refused() {
    let mut d = good();
    d.components[0].maintenance =
        Some(network::availability::Maintenance { interval_h: 1e-6, duration_h: 1e-7, first_h: None, renews: false });
    let options = studies::availability::SimulationOptions::default();
    let e = studies::availability::simulate(&d, &options, &studies::hands::Hands::Threads(1)).unwrap_err();
    assert_eq!(e.findings[0].code, "RAM.SIMULATION.OPTIONS");
    let ids: Vec<String> = (0..300).map(|i| format!("u{i}")).collect();
    let many = Diagram {
        components: ids.iter().map(|id| component(id, 1000.0, 10.0)).collect(),
        blocks: vec![Block { id: "plant".into(), kind: BlockKind::Standby, members: ids, ..Block::default() }],
        ..Diagram::default()
    };
    assert_eq!(analyse(&many, &ExactOptions::default()).unwrap_err().findings[0].code, "RAM.DIAGRAM.TOO_LARGE");
}
