//! Exact results: the closed forms of the case, the plant of a design, speed.

use super::{block, case, component, diagrams, figure, rows, text};
use network::Severity;
use network::availability::{Block, BlockKind, Diagram, Switching};
use studies::availability::{ExactOptions, Reading, analyse, eta_h, reliability_over_time};

fn near(found: f64, expected: f64, relative: f64, what: &str) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{what}: {found:e} for {expected:e}");
}

#[test]
fn closed_forms_come_out() {
    let folder = case("availability-diagrams");
    let relative = figure(&text(&folder.join("case.toml")), "relative");
    let diagrams = diagrams();
    let expected = text(&folder.join("expected.csv"));
    let all = rows(&expected);
    assert_eq!(all.len(), 34);
    for row in all {
        let [name, what, value] = row[..] else { panic!("{row:?}") };
        let (expected, label) = (value.parse::<f64>().unwrap(), format!("{name} {what}"));
        let diagram = &diagrams[name];
        if what == "reliability_8760" || what == "mean_life_h" {
            let r = reliability_over_time(diagram, &[8760.0], Reading::Count).unwrap();
            near(if what == "mean_life_h" { r.mean_h } else { r.points[0].1 }, expected, relative, &label);
            continue;
        }
        let e = analyse(diagram, &ExactOptions::default()).unwrap_or_else(|e| panic!("{label}: {:?}", e.findings));
        let s = e.system();
        match what {
            // What is missing to 1 is what matters of an availability.
            "availability" => {
                near(s.unavailability, 1.0 - expected, relative, &label);
                near(s.availability, expected, 1e-14, &label);
            }
            "unavailability" => near(s.unavailability, expected, relative, &label),
            "failures_per_year" => near(s.failures_per_year.unwrap(), expected, relative, &label),
            "mean_up_h" => near(s.mean_up_h.unwrap(), expected, relative, &label),
            "mean_down_h" => near(s.mean_down_h.unwrap(), expected, relative, &label),
            "cut_set_sum" => near(e.cut_set_sum, expected, relative, &label),
            _ => panic!("{label}"),
        }
    }
    near(eta_h(17520.0, 1.5), 19_407.467_573_416_918, 1e-13, "scale of a mean");
}

/// The readings of the notes on the design's tables: units counted against capacity added up.
#[test]
fn counting_and_adding_up_come_to_opposite_verdicts_on_the_plant() {
    let all = diagrams();
    let printed = |x: f64, value: f64, half_unit: f64| assert!((x - value).abs() <= half_unit, "{x} for {value}");
    // From the availability as printed, 0.9973, and from the times.
    printed(analyse(&all["9of10_printed"], &ExactOptions::default()).unwrap().system().availability, 0.999_676_64, 5e-9);
    let e = analyse(&all["plant"], &ExactOptions::default()).unwrap();
    let counted = e.block("THERMAL_GEN").unwrap();
    printed(counted.availability, 0.999_668_93, 5e-9);
    printed(counted.downtime_h_per_year, 2.90, 5e-3);
    let by_capacity = e.by_capacity.iter().find(|f| f.id == "THERMAL_GEN").unwrap();
    printed(by_capacity.availability, 0.994_54, 5e-6);
    printed(by_capacity.downtime_h_per_year, 47.8, 0.05);
    assert_eq!((counted.meets_target, by_capacity.meets_target), (Some(true), Some(false)));
    let electrical = e.block("ELECTRICAL").unwrap();
    printed(electrical.availability, 0.998_768_38, 5e-9);
    printed(electrical.downtime_h_per_year, 10.79, 5e-3);
    printed(e.system().availability, 0.998_437_72, 5e-9);
    printed(e.system().downtime_h_per_year, 13.69, 5e-3);
    assert_eq!(e.system().meets_target, Some(false));
    let told: Vec<_> = e.findings.iter().map(|d| (d.code.as_str(), d.element.as_deref(), d.severity)).collect();
    // The plant as a whole fails in both readings, so it is not told of.
    assert_eq!(told, [("RAM.VERDICT.COUNT_AGAINST_CAPACITY", Some("THERMAL_GEN"), Severity::Warning)]);
    assert!(e.findings[0].detail.as_ref().unwrap().contains("0.99454186"), "{:?}", e.findings);
    let with_battery = analyse(&all["plant_battery"], &ExactOptions::default()).unwrap();
    let f = with_battery.by_capacity.iter().find(|f| f.id == "THERMAL_GEN").unwrap();
    printed(f.availability, 0.999_990_4, 5e-8);
    printed(f.downtime_h_per_year, 0.084, 5e-4);
    // The battery does not count where units are counted, and a target that only the capacity meets is told of too.
    assert_eq!(with_battery.block("THERMAL_GEN").unwrap().availability, counted.availability);
    assert!(with_battery.findings.is_empty(), "{:?}", with_battery.findings);
    let strict = ExactOptions { target_availability: Some(0.9999), ..ExactOptions::default() };
    assert_eq!(analyse(&all["plant_battery"], &strict).unwrap().findings[0].code, "RAM.VERDICT.COUNT_AGAINST_CAPACITY");
    let mut perfect = all["plant_battery"].clone();
    perfect.components.iter_mut().find(|c| c.id == "BESS_01").unwrap().mtbf_h = Some(1e9);
    let f = analyse(&perfect, &ExactOptions::default()).unwrap().by_capacity[0].availability;
    printed(f, 0.999_991_4, 5e-8);
}

#[test]
fn standby_within_a_plant_is_one_part_of_it() {
    let mut standby = Block {
        switching: Some(Switching { success: 0.9, standby_factor: 0.2, manual_h: Some(2.0) }),
        ..block("pumps", BlockKind::Standby, &["p1", "p2"])
    };
    let alone = Diagram {
        components: vec![component("p1", 2000.0, 50.0), component("p2", 2000.0, 50.0)],
        blocks: vec![standby.clone()],
        ..Diagram::default()
    };
    let s = analyse(&alone, &ExactOptions::default()).unwrap().system().clone();
    let mut plant = alone.clone();
    plant.components.push(component("tank", 10_000.0, 100.0));
    plant.blocks.push(block("plant", BlockKind::Series, &["pumps", "tank"]));
    let e = analyse(&plant, &ExactOptions::default()).unwrap();
    let tank = 10_000.0 / 10_100.0;
    near(e.system().availability, s.availability * tank, 1e-14, "both");
    near(e.system().failures_per_year.unwrap(), s.failures_per_year.unwrap() * tank + s.availability * 8760.0 / 10_100.0, 1e-12, "both");
    assert!(e.importance.iter().any(|i| i.id == "pumps" && i.is_block));
    // A cause that takes out both pumps is a series part of its own.
    let members = vec!["p1".to_owned(), "p2".to_owned()];
    plant.common_causes.push(network::availability::CommonCause { id: "flood".into(), beta: 0.1, members });
    let caused = analyse(&plant, &ExactOptions::default()).unwrap();
    assert!(
        caused
            .cut_sets
            .iter()
            .any(|c| c.events == ["common cause flood"] && (c.unavailability / (0.1 * 50.0 / 2050.0) - 1.0).abs() < 1e-12)
    );
    // Members that differ have no exact result, and are told of.
    plant.components[1].mtbf_h = Some(3000.0);
    assert_eq!(analyse(&plant, &ExactOptions::default()).unwrap_err().findings[0].code, "RAM.STANDBY.UNEQUAL");
    standby.switching = None;
    plant.blocks[0] = standby;
    plant.components[1].mtbf_h = Some(2000.0);
    plant.blocks.push(block("other", BlockKind::Series, &["p1"]));
    plant.blocks[1].members.push("other".into());
    assert_eq!(analyse(&plant, &ExactOptions::default()).unwrap_err().findings[0].code, "RAM.STANDBY.SHARED");
}

/// Halls of a data centre with their own generation, cooling and distribution, and feeds that they share.
fn campus() -> Diagram {
    let mut d = Diagram::default();
    let mut halls = Vec::new();
    let add = |d: &mut Diagram, id: String, mtbf: f64, mttr: f64| {
        d.components.push(component(&id, mtbf, mttr));
        id
    };
    let feeds: Vec<String> = (0..4).map(|i| add(&mut d, format!("feed{i}"), 4000.0, 8.0)).collect();
    for h in 0..14 {
        let some = |d: &mut Diagram, what: &str, n: usize, mtbf: f64, mttr: f64| -> Vec<String> {
            (0..n).map(|i| add(d, format!("h{h}{what}{i}"), mtbf * (1.0 + 0.07 * i as f64), mttr)).collect()
        };
        let (engines, chillers, ups) =
            (some(&mut d, "g", 6, 8760.0, 24.0), some(&mut d, "c", 5, 20_000.0, 48.0), some(&mut d, "u", 3, 50_000.0, 12.0));
        let own = |what: &str, kind, members: Vec<String>, k: Option<u32>| Block {
            id: format!("h{h}{what}"),
            kind,
            members,
            k_required: k,
            ..Block::default()
        };
        d.blocks.push(own("gen", BlockKind::ParallelKOfN, engines, Some(4)));
        d.blocks.push(own("cool", BlockKind::ParallelKOfN, chillers, Some(4)));
        d.blocks.push(own("ups", BlockKind::ParallelKOfN, ups, Some(2)));
        d.blocks.push(own("grid", BlockKind::Parallel, vec![feeds[h % 4].clone(), feeds[(h + 1) % 4].clone()], None));
        d.blocks.push(own("power", BlockKind::Parallel, vec![format!("h{h}gen"), format!("h{h}grid")], None));
        d.blocks.push(own("hall", BlockKind::Series, vec![format!("h{h}power"), format!("h{h}cool"), format!("h{h}ups")], None));
        halls.push(format!("h{h}hall"));
    }
    d.blocks.push(Block { id: "campus".into(), kind: BlockKind::ParallelKOfN, members: halls, k_required: Some(12), ..Block::default() });
    d
}

#[test]
fn two_hundred_nested_components_take_well_under_a_second() {
    let d = campus();
    assert_eq!(d.components.len(), 200);
    let start = std::time::Instant::now();
    let e = analyse(&d, &ExactOptions { importance: false, cut_set_order: 0, ..ExactOptions::default() }).unwrap();
    let figures = start.elapsed();
    let start = std::time::Instant::now();
    let full = analyse(&d, &ExactOptions::default()).unwrap();
    let all = start.elapsed();
    println!(
        "200 components, {} blocks: figures in {figures:?} ({} nodes), with importance and {} cut sets up to order {} in {all:?} ({} nodes)",
        d.blocks.len(),
        e.nodes,
        full.cut_sets.len(),
        full.cut_set_order,
        full.nodes
    );
    assert!(figures.as_secs_f64() < 0.5, "{figures:?}");
    assert_eq!(e.system().unavailability, full.system().unavailability);
    // Without their own generation halls hang on the feeds: shared ones take several out at once, which a product of blocks would not see.
    let mut bare = d.clone();
    bare.system = Some("campus".into());
    bare.blocks.iter_mut().filter(|b| b.id.ends_with("power")).for_each(|b| b.members.retain(|m| m.ends_with("grid")));
    let mut apart = bare.clone();
    for h in 0..14 {
        for m in 0..2 {
            let own = format!("own{h}_{m}");
            apart.components.push(component(&own, 4000.0, 8.0));
            apart.blocks.iter_mut().find(|b| b.id == format!("h{h}grid")).unwrap().members[m] = own;
        }
    }
    let down = |d: &Diagram| analyse(d, &ExactOptions { importance: false, ..ExactOptions::default() }).unwrap().system().unavailability;
    let (shared, apart) = (down(&bare), down(&apart));
    // Four pairs of feeds, of which each takes out three halls or four.
    assert!((shared / (4.0 * (8.0f64 / 4008.0).powi(2)) - 1.0).abs() < 0.01, "{shared}");
    assert!(apart < 1e-3 * shared, "{apart} {shared}");
}

#[test]
fn what_is_too_entangled_is_refused_and_does_not_end_the_program() {
    // Sums of unlike capacities, all needed at once: the diagram of decisions grows beyond any bound.
    let mut d = Diagram::default();
    for i in 0..60_u32 {
        let mut c = component(&format!("c{i}"), 1000.0, 10.0);
        c.capacity_mw = Some(100.0 + f64::from(i * i * 7919 % 10_007) * 0.01);
        d.components.push(c);
    }
    let ids: Vec<&str> = d.components.iter().map(|c| c.id.as_str()).collect();
    d.blocks = vec![Block { capacity_required_mw: Some(4300.0), ..block("all", BlockKind::ParallelKOfN, &ids) }];
    let e = analyse(&d, &ExactOptions { importance: false, cut_set_order: 0, ..ExactOptions::default() });
    assert_eq!(e.unwrap_err().findings.last().unwrap().code, "RAM.DIAGRAM.TOO_LARGE");
}

#[test]
fn reliability_over_time_of_standby_and_common_causes_has_closed_forms() {
    let x: f64 = 0.7;
    let t = x * 1000.0;
    let pair = |kind| Diagram {
        components: vec![component("a", 1000.0, 10.0), component("b", 1000.0, 10.0)],
        blocks: vec![block("s", kind, &["a", "b"])],
        ..Diagram::default()
    };
    let at = |d: &Diagram| reliability_over_time(d, &[0.0, t], Reading::Count).unwrap();
    let cold = at(&pair(BlockKind::Standby));
    near(cold.points[0].1, 1.0, 1e-15, "new");
    near(cold.points[1].1, (-x).exp() * (1.0 + x), 1e-12, "cold standby");
    near(cold.mean_h, 2000.0, 1e-9, "mean of cold standby");
    let mut caused = pair(BlockKind::Parallel);
    caused.common_causes.push(network::availability::CommonCause { id: "c".into(), beta: 0.1, members: vec!["a".into(), "b".into()] });
    let own = (-0.9 * x).exp();
    near(at(&caused).points[1].1, (-0.1 * x).exp() * (1.0 - (1.0 - own) * (1.0 - own)), 1e-12, "common cause");
    let mut standby = pair(BlockKind::Standby);
    standby.common_causes = caused.common_causes.clone();
    near(at(&standby).points[1].1, (-0.1 * x).exp() * own * (1.0 + 0.9 * x), 1e-12, "standby with common cause");
}
