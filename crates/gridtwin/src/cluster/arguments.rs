//! What the commands about clusters can be asked.

use clap::{Args, Subcommand};
use std::net::IpAddr;
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub struct ClusterArguments {
    #[command(subcommand)]
    pub command: ClusterCommand,
}

/// The words of a study.
#[derive(Debug, Clone, Args)]
pub struct PartsArguments {
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

#[derive(Debug, Clone, Subcommand)]
pub enum ClusterCommand {
    /// Run the scheduler, which hands the feeders of studies to workers
    Scheduler(SchedulerArguments),
    /// Run a worker, which solves feeders
    Worker(WorkerArguments),
    /// Copy a folder to or from object storage: models there, a results lake back
    Copy(CopyArguments),
}

#[derive(Debug, Clone, Args)]
pub struct SchedulerArguments {
    /// Address to listen on; others than the loopback need a network that is closed to strangers
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// Port to listen on; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 50050)]
    pub port: u16,
    /// Name or address under which workers reach it [default: the address, or the machine's name]
    #[arg(long, value_name = "HOST")]
    pub advertise: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct WorkerArguments {
    /// The scheduler, df://HOST:PORT
    #[arg(long, value_name = "URL", default_value = "df://127.0.0.1:50050")]
    pub scheduler: String,
    /// Feeders that run side by side [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub slots: Option<u16>,
    /// Address to listen on; others than the loopback need a network that is closed to strangers
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// The first of two ports to listen on; 0 takes any free ones
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
    /// Name or address under which scheduler and clients reach it [default: the address that the scheduler sees]
    #[arg(long, value_name = "HOST")]
    pub advertise: Option<String>,
    /// Folder for what it hands back [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    pub work_dir: Option<PathBuf>,
    /// Seconds that it tries to reach the scheduler at the start
    #[arg(long, value_name = "S", default_value_t = 30)]
    pub wait: u64,
}

#[derive(Debug, Clone, Args)]
pub struct CopyArguments {
    /// Folder, or s3://BUCKET/FOLDER
    #[arg(value_name = "FROM")]
    pub from: PathBuf,
    /// Folder, or s3://BUCKET/FOLDER; one of the two is in object storage
    #[arg(value_name = "TO")]
    pub to: PathBuf,
}
