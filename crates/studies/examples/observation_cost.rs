//! What watching a run costs a step: `observation_cost MODEL.dss STEPS [DSS COMMAND]…`.
//!
//! The same steps are solved twice, once with an observer that keeps nothing and once with all statistics; the difference is the cost.

use formats::opendss::{FileSource, ReadOptions, read};
use powerflow::{Observer, Session, State, Step, run_series};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;
use studies::time_series::{TimeSeriesOptions, run_feeder};

struct Disk;

impl FileSource for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, dir: &Path) -> std::io::Result<Vec<String>> {
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

struct Nothing;

impl Observer for Nothing {
    fn step(&mut self, _: &Step<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, steps, commands @ ..] = &arguments[..] else { return Err("MODEL and STEPS are needed".into()) };
    let options = TimeSeriesOptions { steps: steps.parse()?, ..TimeSeriesOptions::default() };
    let prepare = || -> Result<State, Box<dyn std::error::Error>> {
        let mut session = Session::new();
        let read_options = ReadOptions { lenient: false, commands: commands.to_vec() };
        let mut network = read(&Disk, Path::new(path), &mut session, &read_options).map_err(|e| format!("{:?}", e.diagnostics))?.network;
        options.apply(&mut network.options);
        Ok(session.series_state(&network, true)?)
    };
    let mut state = prepare()?;
    let nodes = state.circuit().n_nodes();
    let start = Instant::now();
    run_series(&mut state, options.steps, &mut Nothing)?;
    let bare = start.elapsed();
    let mut state = prepare()?;
    let start = Instant::now();
    let result = run_feeder(&mut state, &options, &mut |_| ControlFlow::Continue(()), &mut |_| ControlFlow::Continue(()))?;
    let watched = start.elapsed();
    let us = |d: std::time::Duration| d.as_secs_f64() * 1e6 / f64::from(options.steps);
    println!(
        "{nodes} nodes, {} elements: {:.2} us a step bare, {:.2} us watched, {:.2} us for watching; {} control actions, {} episodes",
        result.totals.elements,
        us(bare),
        us(watched),
        us(watched) - us(bare),
        result.totals.control_actions,
        result.episodes.len()
    );
    Ok(())
}
