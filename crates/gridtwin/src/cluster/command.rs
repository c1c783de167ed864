//! `gridtwin cluster scheduler` and `gridtwin cluster worker`.

use super::arguments::{ClusterArguments, ClusterCommand, SchedulerArguments, WorkerArguments};
use super::work::Studies;
use crate::console::Console;
use crate::failure::Failure;
use crate::number::count;
use crate::qsts::interrupt;
use ::cluster::Address;
use ::cluster::scheduler::{self, SchedulerOptions};
use ::cluster::worker::{self, WorkerOptions};
use network::Diagnostic;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Runs the command until it is told to end.
///
/// # Errors
/// Addresses and ports that cannot be listened on, a scheduler that does not answer.
pub fn run(arguments: &ClusterArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    log_to_stderr();
    match &arguments.command {
        ClusterCommand::Scheduler(a) => run_scheduler(a, console),
        ClusterCommand::Worker(a) => run_worker(a, console),
        ClusterCommand::Copy(a) => super::copy::run(a, console),
    }
}

/// The address of a scheduler.
///
/// # Errors
/// Text that is none.
pub(super) fn address(text: &str) -> Result<Address, Failure> {
    text.parse().map_err(|reason: String| {
        let what = Diagnostic::error("CLUSTER.ADDRESS.FORM", format!("\"{text}\" is no address of a scheduler"));
        Failure::from(what.detail(format!("What is wrong: {reason}.")).hint("Write df://HOST:PORT, such as df://grid-1:50050."))
    })
}

fn run_scheduler(a: &SchedulerArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    open_to_strangers("scheduler", a.bind, console);
    let options = SchedulerOptions { bind: a.bind, port: a.port, advertise: a.advertise.clone() };
    interrupt::watch();
    let stop = async {
        while !interrupt::asked() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    Ok(scheduler::run(
        &options,
        &mut |bound| console.note(&format!("scheduler of version {} listens on {bound}\n", super::work::VERSION)),
        stop,
    )?)
}

fn run_worker(a: &WorkerArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    open_to_strangers("worker", a.bind, console);
    let slots = a.slots.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let options = WorkerOptions {
        name: worker::name(),
        scheduler: address(&a.scheduler)?,
        slots,
        bind: a.bind,
        port: a.port,
        advertise: a.advertise.clone(),
        work_dir: a.work_dir.clone(),
        wait: Duration::from_secs(a.wait),
    };
    let text = format!(
        "worker {} of version {} takes {} side by side from {}\n",
        worker::name(),
        super::work::VERSION,
        count(slots, "feeder"),
        options.scheduler
    );
    Ok(worker::run(&options, Arc::new(Studies::default()), &mut || console.note(&text))?)
}

/// Says loudly that whoever reaches the port can have work done.
fn open_to_strangers(what: &str, bind: IpAddr, console: &mut Console<'_>) {
    if bind.is_loopback() {
        return;
    }
    let finding = Diagnostic::warning("CLUSTER.BIND.OPEN", format!("the {what} listens on {bind}, and asks nobody who they are"))
        .detail("Whoever reaches its ports can have studies run with the rights of this process, and read their outcomes.")
        .hint("Let a firewall, a private network or a network policy keep strangers out (docs/cluster.md).");
    console.warn(&[finding]);
}

/// Log lines of the engine go to the error stream; `RUST_LOG` says which.
fn log_to_stderr() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // A subscriber that is there already, as in tests, stays.
    let _ = log.try_init();
}
