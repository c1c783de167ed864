//! A dense network of five substations by FedAvg and by FedProx.

use learning::federated::dense::DenseNet;

use super::*;

fn first() -> DenseNet {
    DenseNet::classifier(FEATURES, &[24], CLASSES, 5).unwrap().bounded(5.0).unwrap()
}

#[test]
fn a_dense_network_of_five_substations_by_fedavg_and_fedprox() {
    for (name, proximal) in [("FedAvg", 0.0), ("FedProx", 0.05)] {
        let plant = Plant::new(None);
        let plan = LocalPlan { proximal, ..local() };
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (_stop, stopped) = watch::channel(false);
            let averaging = Averaging::new(first().parameters(), plan, 1.0, 0.5).unwrap();
            let running = plant.serve(listener, plant.begin_with(averaging, 30), stopped.clone());
            let site = |i: usize| {
                let model = AveragingSite::new(first(), trees::own(i).examples, trees::held_out(i).examples, None);
                plant.join(i, address, model, stopped.clone())
            };
            let sites: Vec<_> = (0..SITES).map(site).collect();
            let coordinator = running.await.unwrap().unwrap();
            assert_eq!(coordinator.status(), Status::Finished, "{:?}", coordinator.entries());
            let mut global = first();
            global.set_parameters(coordinator.parameters()).unwrap();

            let train = |rows: &Examples| {
                let mut model = first();
                model.local_train(rows, &LocalPlan { epochs: 150, ..local() }, 1).unwrap();
                model
            };
            let (mut features, mut target) = (Matrix::new(FEATURES), Vec::new());
            for rows in (0..SITES).map(|i| trees::own(i).examples) {
                (0..rows.target().len()).for_each(|i| features.push(rows.features().row(i)));
                target.extend_from_slice(rows.target());
            }
            let central = train(&Examples::new(features, target).unwrap());
            let alone: Vec<DenseNet> = (0..SITES).map(|i| train(&trees::own(i).examples)).collect();
            let test = everywhere();
            let accuracy = |model: &DenseNet| model.score(&test).unwrap().accuracy;
            let recall = |model: &DenseNet| {
                let said = model.predict(&test).unwrap();
                let rare: Vec<usize> = (0..said.len()).filter(|&i| test.target()[i] == RARE as f64).collect();
                rare.iter().filter(|&&i| said[i] == RARE).count() as f64 / rare.len() as f64
            };
            let mean = |of: &dyn Fn(&DenseNet) -> f64| alone.iter().map(of).sum::<f64>() / SITES as f64;
            let (alone_accuracy, alone_rare) = (mean(&|m| accuracy(m)), mean(&|m| recall(m)));
            println!(
                "{name}, dense: accuracy global {:.4}, centralised {:.4}, mean local {alone_accuracy:.4}; rare fault global {:.4}, centralised {:.4}, mean local \
                 {alone_rare:.4}",
                accuracy(&global),
                accuracy(&central),
                recall(&global),
                recall(&central)
            );
            assert!(accuracy(&central) > 0.9, "the task can be learnt");
            assert!(accuracy(&global) >= 0.95 * accuracy(&central));
            assert!(recall(&global) > alone_rare + 0.2);
            for site in sites {
                assert_eq!(site.await.unwrap().unwrap().model().model(), global);
            }
        });
    }
}
