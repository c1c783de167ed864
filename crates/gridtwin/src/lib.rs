//! The `gridtwin` program as a library, so that tests can call its parts.
//!
//! ```text
//! command line (cli) ─► model on disk (disk_files, model) ─► powerflow ─► figures (view) ─► report, JSON
//!                                                                  └► result files (tables, result_folder)
//! ```
//!
//! This crate is the only one that opens files and prints.

pub mod accounts;
pub mod answer;
pub mod ask;
pub mod backup;
pub mod bench;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod compare;
pub mod comparison;
pub mod console;
pub mod contingency;
pub mod convert;
pub mod disk_files;
pub mod element_rows;
pub mod equivalent;
pub mod estimate;
pub mod exchange;
pub mod failure;
pub mod faults;
pub mod federated;
pub mod flexibility;
pub mod hands;
pub mod hosting;
pub mod info;
pub mod lake;
pub mod lake_place;
pub mod learn;
pub mod meters;
pub mod mitigate;
pub mod model;
pub mod model_files;
pub mod number;
pub mod operations;
pub mod outages;
pub mod project;
pub mod qsts;
pub mod quality;
pub mod reconcile;
pub mod reliability;
pub mod report;
pub mod result_folder;
pub mod scenario;
pub mod serve;
pub mod simulate;
pub mod solve;
pub mod sql;
pub mod stability;
pub mod study_report;
pub mod study_tables;
pub mod switching;
pub mod synth;
pub mod tables;
pub mod telecontrol;
pub mod text;
pub mod transmission;
pub mod view;
pub mod weather;
pub mod worker;

use cli::{Cli, Command};
use console::Console;

/// Runs one command and returns the exit status: 0 done, 1 refused, unsettled or with errors found, 130 interrupted.
pub fn run(cli: &Cli, console: &mut Console<'_>) -> u8 {
    if let Some(url) = cli.command.whole_on_cluster() {
        return cluster::whole(url, console).unwrap_or_else(|failure| {
            console.warn(&failure.diagnostics);
            if qsts::interrupt::asked() { 130 } else { 1 }
        });
    }
    let result = match &cli.command {
        Command::Solve(arguments) => solve::run(arguments, console).map(|()| true),
        Command::Faults(arguments) => faults::run(arguments, console).map(|()| true),
        Command::HostingCapacity(arguments) => hosting::run(arguments, console).map(|()| true),
        Command::Mitigate(arguments) => mitigate::run(arguments, console).map(|()| true),
        Command::Contingency(arguments) => contingency::run(arguments, console).map(|()| true),
        Command::Restoration(arguments) => switching::restoration::run(arguments, console).map(|()| true),
        Command::Reconfigure(arguments) => switching::reconfigure::run(arguments, console).map(|()| true),
        Command::Operations(arguments) => operations::run(arguments, console).map(|()| true),
        Command::Estimate(arguments) => estimate::run(arguments, console).map(|()| true),
        Command::Check(arguments) => check::run(arguments, console),
        Command::Info(arguments) => info::run(arguments, console).map(|()| true),
        Command::Bench(arguments) => bench::run(arguments, console).map(|()| true),
        Command::Synth(arguments) => synth::run(arguments, console).map(|()| true),
        Command::Qsts(arguments) => return qsts::run(arguments, console),
        Command::Scenario(arguments) => scenario::run(arguments, console),
        Command::Federated(arguments) => federated::run(arguments, console),
        Command::Stability(arguments) => stability::run(arguments, console),
        Command::Exchange(arguments) => exchange::run(arguments, console),
        Command::Flexibility(arguments) => flexibility::run(arguments, console),
        Command::Learn(arguments) => learn::run(arguments, console).map(|()| true),
        Command::Ask(arguments) => ask::run(arguments, console).map(|()| true),
        Command::Sql(arguments) => sql::run(arguments, console).map(|()| true),
        Command::Report(arguments) => study_report::run(arguments, console).map(|()| true),
        Command::Lake(arguments) => lake::run(arguments, console),
        Command::Reconcile(arguments) => reconcile::run(arguments, console).map(|()| true),
        Command::Compare(arguments) => compare::run(arguments, console),
        Command::Comparison(arguments) => comparison::run(arguments, console).map(|()| true),
        Command::Convert(arguments) => convert::run(arguments, console).map(|()| true),
        Command::Quality(arguments) => quality::run(arguments, console),
        Command::Reliability(arguments) => reliability::run(arguments, console).map(|()| true),
        Command::Outages(arguments) => outages::run(arguments, console).map(|()| true),
        Command::Weather(arguments) => weather::run(arguments, console).map(|()| true),
        Command::Project(arguments) => project::run(arguments, console),
        Command::Cluster(arguments) => cluster::run(arguments, console).map(|()| true),
        Command::Serve(arguments) => serve::run(arguments, console).map(|()| true),
        Command::Scada(arguments) => telecontrol::run(arguments, console),
        Command::Simulate(arguments) => simulate::run(arguments, console).map(|()| true),
        Command::Backup(arguments) => backup::backup(arguments, console).map(|()| true),
        Command::Restore(arguments) => backup::restore(arguments, console).map(|()| true),
        Command::User(arguments) => accounts::user(arguments, console).map(|()| true),
        Command::Token(arguments) => accounts::token(arguments, console).map(|()| true),
        Command::Audit(arguments) => accounts::audit(arguments, console),
        Command::Meters(arguments) => meters::run(arguments, console).map(|()| true),
        Command::Worker => return worker::run(),
        Command::Parts(arguments) => return cluster::parts(arguments),
    };
    match result {
        Ok(sound) => u8::from(!sound),
        Err(failure) => {
            console.warn(&failure.diagnostics);
            if qsts::interrupt::asked() { 130 } else { 1 }
        }
    }
}
