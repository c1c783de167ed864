//! Boosted trees of five substations, grown from masked sums over TLS.

use learning::boosting::grow::Limits;
use learning::federated::coding::Coding;
use learning::federated::site::Model;
use learning::federated::trees::{Ensemble, Growing, Plan, Target, TreeRows, TreeSite, in_one_place};

use super::*;

pub fn plan() -> Plan {
    Plan {
        scales: scales(),
        cells: 512,
        bins: 32,
        target: Target::Classes(CLASSES as u32),
        trees: 20,
        learning_rate: 0.3,
        limits: Limits { depth: 3, lambda: 1.0, gamma: 0.0, least_hessian: 0.5 },
        trees_per_version: 5,
    }
}

/// Raw rows, as they are measured.
pub fn tree_rows(plan: &Plan, parts: &[Rows]) -> TreeRows {
    let (mut features, mut target) = (Matrix::new(FEATURES), Vec::new());
    for rows in parts {
        rows.raw.iter().for_each(|row| features.push(row));
        target.extend_from_slice(rows.examples.target());
    }
    TreeRows::new(plan, features, target).unwrap()
}

pub fn own(site: usize) -> Rows {
    rows(seen(site), site, 1)
}

pub fn held_out(site: usize) -> Rows {
    rows(seen(site).map(|n| n.div_ceil(2)), site, 2)
}

#[test]
fn trees_of_five_substations_are_those_of_one_place() {
    let plant = Plant::new(None);
    let plan = plan();
    let step = Coding::of_sums(&plant.federation, plan.per_row()).unwrap().step();
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stop, stopped) = watch::channel(false);
        let alone: Vec<Ensemble> = (0..SITES).map(|i| in_one_place(&plan, &tree_rows(&plan, &[own(i)]), step).unwrap()).collect();
        let coordinator = plant.begin_with(Growing::new(plan.clone()).unwrap(), 1);
        let running = plant.serve(listener, coordinator, stopped.clone());
        let site = |i: usize| {
            let held_out = tree_rows(&plan, &[held_out(i)]);
            let score = alone[i].score(&held_out).unwrap();
            let model = TreeSite::new(plan.clone(), tree_rows(&plan, &[own(i)]), held_out, Some(score));
            plant.join(i, address, model, stopped.clone())
        };
        let sites: Vec<_> = (0..SITES).map(site).collect();
        let coordinator = running.await.unwrap().unwrap();
        assert_eq!(coordinator.status(), Status::Finished, "{:?}", coordinator.entries());
        let Some(Model::Trees(global)) = coordinator.versions().last().unwrap().model.clone() else { panic!("no trees") };

        let all: Vec<Rows> = (0..SITES).map(own).collect();
        let central = in_one_place(&plan, &tree_rows(&plan, &all), step).unwrap();
        assert_eq!(*global, central, "bit for bit");
        let parts: Vec<Rows> = (0..SITES).map(|i| rows([60; CLASSES], i, 9)).collect();
        let test = tree_rows(&plan, &parts);
        let accuracy = |model: &Ensemble| model.score(&test).unwrap().accuracy;
        let recall = |model: &Ensemble| {
            let said = model.classes(test.features()).unwrap();
            let rare: Vec<usize> = (0..said.len()).filter(|&i| test.target()[i] == RARE as f64).collect();
            rare.iter().filter(|&&i| said[i] == RARE).count() as f64 / rare.len() as f64
        };
        let mean = |of: &dyn Fn(&Ensemble) -> f64| alone.iter().map(of).sum::<f64>() / SITES as f64;
        let (alone_accuracy, alone_rare) = (mean(&|m| accuracy(m)), mean(&|m| recall(m)));
        println!("trees, accuracy: global {:.4}, centralised {:.4}, mean local {alone_accuracy:.4}", accuracy(&global), accuracy(&central));
        println!(
            "trees, recall of the rare fault: global {:.4}, centralised {:.4}, mean local {alone_rare:.4}",
            recall(&global),
            recall(&central)
        );
        assert!(accuracy(&global) > alone_accuracy + 0.2 && recall(&global) > alone_rare + 0.2);
        assert!(alone[..4].iter().all(|m| recall(m) == 0.0));
        for site in sites {
            let participant = site.await.unwrap().unwrap();
            assert_eq!(participant.model().model(), &*global);
            let left = participant.memory().traffic.bytes_left(participant.site());
            println!(
                "trees: {} sent {left} bytes in {} sums",
                plant.federation.name_of(participant.site()),
                participant.memory().contributions
            );
            assert_eq!(left, coordinator.traffic().bytes_left(participant.site()));
        }
        // No row and no site's histogram passed in the clear.
        let recording = plant.recording.lock().unwrap();
        assert!(recording.iter().all(|(_, _, bytes)| !matches!(Message::read(bytes).unwrap().body, Body::Update { .. })));
        let traces: BTreeSet<Vec<u8>> = all.iter().flat_map(traces).collect();
        let search = Search::new(&traces);
        let total: usize = recording.iter().map(|(_, _, bytes)| bytes.len()).sum();
        let hits: usize = recording.iter().map(|(_, _, bytes)| search.found(bytes)).sum();
        println!("trees: {} messages, {total} bytes recorded; {} traces of rows looked for, {hits} found", recording.len(), traces.len());
        assert_eq!(hits, 0);
    });
}
