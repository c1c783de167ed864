//! Diagrams as files have them: read, looked over and studied; the sample against closed forms, and faults of the text and of its sense in one list.

use formats::exchange::{read_diagram, samples};
use network::Severity;
use network::availability::Diagram;
use studies::availability::{ExactOptions, SimulationOptions, analyse, check, simulate};
use studies::hands::Hands;

fn sound(text: &str, file: &str) -> Diagram {
    let read = read_diagram(text, file);
    let all = read.located(check(&read.diagram));
    assert!(all.iter().all(|d| d.severity != Severity::Error), "{all:#?}");
    read.diagram
}

/// Two of three with one crew: states by failed units, each repaired at one rate whatever their number.
fn two_of_three_one_crew(mtbf_h: f64, mttr_h: f64) -> f64 {
    let rho = mttr_h / mtbf_h;
    let states = [1.0, 3.0 * rho, 6.0 * rho * rho, 6.0 * rho * rho * rho];
    (states[0] + states[1]) / states.iter().sum::<f64>()
}

#[test]
fn the_sample_is_its_closed_forms() {
    let mut diagram = sound(samples::DIAGRAM, samples::DIAGRAM_NAME);
    let exact = analyse(&diagram, &ExactOptions::default()).unwrap();
    let of = |mtbf: f64, mttr: f64| mtbf / (mtbf + mttr);
    let generation = two_of_three_one_crew(2000.0, 60.0);
    let transformer = 168.0 / (175_200.0 + 168.0);
    let feeders = of(87_600.0, 24.0) * (1.0 - transformer * transformer);
    let pump = 40.0 / 8040.0;
    // The common part takes both, the rest of each has to come together.
    let cooling = (1.0 - 0.05 * pump) * (1.0 - (0.95 * pump) * (0.95 * pump));
    let controls = of(40_000.0, 8.0);
    let expected =
        [("GENERATION", generation), ("FEEDERS", feeders), ("COOLING", cooling), ("PLANT", generation * feeders * cooling * controls)];
    for (id, a) in expected {
        let found = exact.blocks.iter().find(|b| b.id == id).unwrap().availability;
        assert!((found - a).abs() < 1e-12, "{id}: {found} is not {a}");
    }
    // Spares are left out of that, and it is told.
    let codes: Vec<&str> = exact.findings.iter().map(|d| d.code.as_str()).collect();
    assert!(codes.contains(&"RAM.EXACT.SPARES"), "{codes:?}");
    // Simulated with a full shelf it comes to the same; four half widths of 95 % are nearly eight standard deviations.
    let options = SimulationOptions { seed: 5, histories: 400, mission_years: 20, warm_up_years: 5, ..SimulationOptions::default() };
    diagram.spares[0].number = 1000;
    let s = simulate(&diagram, &options, &Hands::Threads(2)).unwrap().availability;
    let a = expected[3].1;
    assert!((s.mean - a).abs() < 2.0 * (s.high - s.low) && s.high - s.low < 2e-3, "{s:?} around {a}");
}

/// Nothing on the shelf: each repair waits for what was ordered when it failed, so that the mean time down is lead time and repair.
#[test]
fn an_empty_shelf_adds_its_lead_time() {
    let diagram = sound(
        "components:\n- {id: A, mtbf_h: 1000, mttr_h: 20, spares: S}\nblocks:\n- {id: P, kind: SERIES, members: [A]}\n\
         spares:\n- {id: S, number: 0, lead_time_h: 130}\n",
        "shelf.yaml",
    );
    let options = SimulationOptions { seed: 1, histories: 400, mission_years: 20, warm_up_years: 1, ..SimulationOptions::default() };
    let s = simulate(&diagram, &options, &Hands::Threads(2)).unwrap().availability;
    assert!((s.mean - 1000.0 / 1150.0).abs() < (s.high - s.low) && s.high - s.low < 0.01, "{s:?}");
}

#[test]
fn faults_of_sense_and_text_are_told_together_with_their_lines() {
    let text = "components:\n\
                - {id: A, availability: 1.2}\n\
                - {id: B, mtbf_h: 100, mttr_h: 5}\n\
                - {id: B, mtbf_h: 100, mttr_h: 5}\n\
                - {id: C, mtbf_h: 100, mttr_h: 5, crew: nobody}\n\
                - {id: D, mtbf_h: soon}\n\
                blocks:\n\
                - {id: TOP, kind: SERIES, members: [LOOP, A, D, TYPO]}\n\
                - {id: LOOP, kind: SERIES, members: [MORE, B]}\n\
                - {id: MORE, kind: PARALLEL_K_OF_N, k_required: 3, members: [LOOP, C]}\n\
                spares:\n\
                - {id: S, number: 1, lead_time_h: -5}\n";
    let read = read_diagram(text, "bad.yaml");
    let all = read.located(check(&read.diagram));
    let told: Vec<(&str, u32)> = all.iter().map(|d| (d.code.as_str(), d.source.as_ref().unwrap().line)).collect();
    let expected = [
        ("RAM.COMPONENT.AVAILABILITY", 2),
        ("RAM.ID.DUPLICATE", 4),
        ("RAM.POOL.UNKNOWN", 5),
        ("EXCHANGE.DIAGRAM.KIND", 6),
        ("RAM.BLOCK.MEMBER_UNKNOWN", 8),
        ("RAM.BLOCK.CYCLE", 9),
        ("RAM.BLOCK.K", 10),
        ("RAM.POOL.LEAD_TIME", 12),
    ];
    assert_eq!(told, expected, "{all:#?}");
}
