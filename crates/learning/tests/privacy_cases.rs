//! Epsilon as an independent accountant states it: `cases/learning-privacy`.

use std::path::Path;

use learning::federated::accountant::Accountant;

#[test]
fn epsilon_is_that_of_another_accountant_on_the_same_orders_and_above_a_tighter_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/learning-privacy/rounds");
    let case: toml::Table = std::fs::read_to_string(folder.join("case.toml")).unwrap().parse().unwrap();
    let tolerance = |name: &str| case["tolerance"][name].as_float().unwrap();
    let mut reader = csv::Reader::from_path(folder.join("expected/epsilon.csv")).unwrap();
    let (mut rows, mut tighter, mut worst) = (0, 0, 0.0f64);
    for row in reader.records() {
        let row = row.unwrap();
        let number = |i: usize| row[i].parse::<f64>().unwrap();
        let mut accountant = Accountant::new();
        accountant.add_rounds(number(0) as u64, number(1), number(2)).unwrap();
        let epsilon = accountant.epsilon(number(3)).unwrap();
        let expected = number(4);
        let difference = (epsilon - expected).abs() / expected.abs().max(1e-3);
        assert!(difference <= tolerance("epsilon_rdp_relative"), "{row:?}: {epsilon}");
        worst = worst.max(difference);
        if !row[5].is_empty() {
            assert!(epsilon >= number(5) - tolerance("epsilon_pld_slack"), "{row:?}: {epsilon}");
            tighter += 1;
        }
        rows += 1;
    }
    println!("{rows} figures, {tighter} of them with a tighter bound; greatest relative difference {worst:.2e}");
    assert!(rows >= 150 && tighter >= 90);
}
