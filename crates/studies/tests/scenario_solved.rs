//! What the layers of a scenario add to the nominal load is what their elements draw when the stacked network is solved.

use arrow_array::{Array, Float64Array, StringArray, UInt32Array};
use formats::MemoryFiles;
use powerflow::Session;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use studies::scenario::{Prepared, Stacked};
use studies::synthetic::Utility;
use studies::time_series::{Keep, Series, TimeSeriesOptions, run_feeder};

const SCENARIO: &str = "\
scenario: solved
seed: 11
weather: {synthetic_seed: 1}
layers:
  - ev: {penetration_pct: 30, allocation: {classes: [residential]}}
  - solar: {penetration_pct: 30, allocation: {classes: [residential]}}
  - storage: {penetration_pct: 100, with_solar_only: true}
  - storage: {penetration_pct: 10, strategy: time_of_use, name: arbitrage}
  - electrification: {penetration_pct: 10}
";

fn stacked() -> Stacked {
    let import = formats::scenario::read(&MemoryFiles::new().with("s.yaml", SCENARIO), Path::new("s.yaml"));
    assert!(import.is_sound(), "{:#?}", import.diagnostics);
    let prepared = Prepared::new(import.scenario.unwrap(), import.data).unwrap();
    prepared.apply(&Utility::new(1).feeder(0).network).unwrap()
}

#[test]
fn elements_draw_what_the_ledger_says() {
    let stacked = stacked();
    let mut network = stacked.network.clone();
    // A few elements of each layer, two weeks in summer, so that batteries fill and empty.
    let mut rows = Vec::new();
    for layer in &stacked.ledger.layers {
        assert!(layer.rows.len() >= 3, "{}", layer.layer);
        rows.extend(layer.rows.iter().take(3).map(|r| (layer.layer.clone(), r.element.clone())));
    }
    let names: Vec<String> = rows.iter().map(|r| r.1.clone()).collect();
    let options = TimeSeriesOptions {
        steps: 336,
        start_hour: 0,
        controls: Some(network::ControlMode::Static),
        keep: Keep { steps: true, statistics: false, episodes: false, meters: false, monitors: false, series: Series::Named(names) },
        ..TimeSeriesOptions::default()
    };
    options.apply(&mut network.options);
    let mut state = Session::new().series_state(&network, true).unwrap();
    let mut drawn: HashMap<(String, u32), f64> = HashMap::new();
    let result = run_feeder(&mut state, &options, &mut |_| ControlFlow::Continue(()), &mut |batches| {
        for b in batches.into_iter().filter(|b| b.table == "element_series") {
            let column = |name: &str| b.batch.column_by_name(name).unwrap_or_else(|| panic!("no {name}")).clone();
            let (step, element, p) = (column("step"), column("element"), column("p_kw"));
            let step = step.as_any().downcast_ref::<UInt32Array>().unwrap();
            let p = p.as_any().downcast_ref::<Float64Array>().unwrap();
            let element = arrow_array::cast::AsArray::as_dictionary_opt::<arrow_array::types::Int32Type>(&element)
                .map(|d| d.downcast_dict::<StringArray>().unwrap().into_iter().map(|t| t.unwrap().to_owned()).collect::<Vec<_>>())
                .unwrap_or_else(|| {
                    let texts = element.as_any().downcast_ref::<StringArray>().unwrap();
                    (0..texts.len()).map(|i| texts.value(i).to_owned()).collect()
                });
            for i in 0..step.len() {
                *drawn.entry((element[i].clone(), step.value(i))).or_insert(0.0) += p.value(i);
            }
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(result.unsettled.len(), 0);
    let ledger = &stacked.ledger;
    for (layer, element) in rows {
        let id = stacked.network.find(&element).unwrap();
        let common = stacked.network.common(id);
        let shape = |shapes: &network::Shapes| stacked.network.load_shapes[shapes.yearly.unwrap().index()].p.clone();
        let nominal: Vec<f64> = match id.kind {
            network::ElementKind::Load => shape(&stacked.network.loads[id.index()].shapes).to_vec(),
            network::ElementKind::PvSystem => {
                let pv = &stacked.network.pv_systems[id.index()];
                shape(&pv.shapes).iter().map(|v| -v * pv.p_mpp_kw).collect()
            }
            _ => {
                let store = &stacked.network.storages[id.index()];
                shape(&store.shapes).iter().map(|v| -v * store.p_rated_kw).collect()
            }
        };
        let mut most = 0.0f64;
        for k in 0..336u32 {
            let found = drawn.get(&(element.clone(), k)).copied().unwrap_or_else(|| panic!("{element} has no step {k}"));
            let expected = nominal[k as usize];
            most = most.max(expected.abs());
            assert!((found - expected).abs() < 2e-3 * expected.abs().max(0.5), "{layer} {} step {k}: {found} for {expected}", common.name);
        }
        let row = ledger.layers.iter().flat_map(|l| &l.rows).find(|r| r.element == element).unwrap();
        let energy: f64 = nominal.iter().sum();
        assert!((energy - row.energy_kwh).abs() < 1e-9 * row.energy_kwh.abs().max(100.0), "{element}: {energy} {}", row.energy_kwh);
        assert!(most > 0.0 || layer == "storage", "{element} does nothing in two weeks");
    }
}
