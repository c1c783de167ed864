//! `gridtwin bench --steps`: what it counts, and what it writes of the steps.

mod common;

use common::{gridtwin, text};

const MODEL: &str = "models/ieee123/ieee123.dss";
const SHAPE: [&str; 4] = [
    "--dss",
    "new loadshape.day npts=24 interval=1 mult=(.5 .48 .47 .46 .47 .5 .6 .7 .75 .8 .82 .85 .86 .84 .83 .85 .9 .95 1 .98 .9 .8 .7 .6)",
    "--dss",
    "batchedit load..* daily=day",
];

fn bench(more: &[&str]) -> serde_json::Value {
    let arguments = [&["bench", MODEL, "--steps", "48", "--series", "daily", "--tolerance", "1e-8", "--json"][..], &SHAPE, more].concat();
    let output = gridtwin(&arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the figures are JSON")
}

/// Columns of a written table, by its head.
fn read(path: &std::path::Path) -> (Vec<String>, Vec<Vec<String>>) {
    let content = std::fs::read_to_string(path).expect("it was written");
    let mut lines = content.lines().map(|l| l.split(',').map(str::to_owned).collect::<Vec<_>>());
    (lines.next().expect("a head"), lines.collect())
}

#[test]
fn written_steps_are_the_same_in_batches_and_one_at_a_time() {
    let dir = std::env::temp_dir().join(format!("gridtwin-series-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    for controls in ["off", "static"] {
        let mut written = Vec::new();
        for path in [&[][..], &["--stepwise"][..]] {
            let (series, nodes) = (dir.join("series.csv"), dir.join("nodes.csv"));
            let files = ["--out-series", series.to_str().unwrap(), "--nodes-out", nodes.to_str().unwrap(), "--sample-every", "12"];
            let figures = bench(&[&["--controls", controls][..], path, &files].concat());
            assert_eq!((&figures["steps"], &figures["unsettled"]), (&48.into(), &0.into()), "{figures}");
            assert_eq!(figures["batched_share"].as_f64().unwrap() > 0.0, path.is_empty(), "{figures}");
            let per_iteration = 16 * figures["swept_entries"].as_u64().unwrap()
                + 6 * (figures["nodes"].as_u64().unwrap() - figures["quiet_nodes"].as_u64().unwrap());
            assert_eq!(figures["flop_per_iteration"], per_iteration, "{figures}");
            let share = figures["share_of_limit"].as_f64().unwrap();
            assert!(share > 0.0 && share < 1.0, "no solver beats its own limit: {figures}");
            written.push((read(&series), read(&nodes)));
        }
        let ((head, rows), (_, nodes)) = &written[0];
        assert_eq!((rows.len(), nodes.len()), (48, 4 * 274));
        let numbers = |k: usize, names: &[&str]| -> Vec<f64> {
            let (head, rows) = &written[k].0;
            let columns: Vec<_> =
                names.iter().map(|n| head.iter().position(|h| h == n).unwrap_or_else(|| panic!("no column {n}"))).collect();
            rows.iter().flat_map(|r| columns.iter().map(|&c| r[c].parse::<f64>().unwrap())).collect()
        };
        let hours = numbers(0, &["hour"]);
        assert!(hours.iter().zip(1..).all(|(h, n)| *h == f64::from(n)), "{head:?} {hours:?}");
        for (columns, relative) in [(["source_kw", "losses_kw"], 1e-5), (["v_min_pu", "v_max_pu"], 1e-7)] {
            for (a, b) in numbers(0, &columns).iter().zip(numbers(1, &columns)) {
                assert!((a - b).abs() <= relative * b.abs(), "{controls}, {columns:?}: {a} in batches, {b} one at a time");
            }
        }
        assert!(numbers(0, &["v_min_pu"]).iter().all(|v| (0.8..1.1).contains(v)));
        let least = numbers(0, &["source_kw"]).into_iter().fold(f64::INFINITY, f64::min);
        let most = numbers(0, &["source_kw"]).into_iter().fold(0.0, f64::max);
        assert!(most > 1.5 * least, "the shape is followed: {least} to {most} kW");
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn copies_on_threads_count_as_steps() {
    let figures = bench(&["--controls", "off", "--threads", "2"]);
    let (cpu_s, rate) = (figures["cpu_s"].as_f64().unwrap(), figures["steps_per_cpu_s"].as_f64().unwrap());
    assert!((rate * cpu_s - 96.0).abs() < 1e-6, "{figures}");
}

#[test]
fn options_of_a_series_need_steps() {
    for words in [&["--stepwise"][..], &["--threads", "2"], &["--series", "daily"], &["--steps", "2", "--solves", "3"], &["--steps", "0"]] {
        let output = gridtwin(&[&["bench", MODEL][..], words].concat());
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", text(&output.stderr));
    }
}
