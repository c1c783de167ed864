//! What the commands about federated training can be asked.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub struct FederatedArguments {
    #[command(subcommand)]
    pub command: FederatedCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum FederatedCommand {
    /// Run the coordinator until all rounds are done; it goes on where it was when it is started again
    Coordinator(RunArguments),
    /// Take part with a table that stays here, until all rounds are done
    Participant(RunArguments),
    /// Make keys, certificates and settings for trying out: a coordinator and some sites in one folder
    Keys(KeysArguments),
    /// Where a coordinator or a participant is: rounds, sites, bytes, epsilon, accuracy
    Status(StatusArguments),
}

#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    /// Settings (TOML); docs/methods/learning-federated.md has all of them
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Go on after a halt that people have looked at
    #[arg(long)]
    pub go_on: bool,
}

#[derive(Debug, Clone, Args)]
pub struct KeysArguments {
    /// Folder to write into; it must not hold keys yet
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Name of a site; repeat for each, three at least
    #[arg(long = "site", value_name = "NAME", required = true)]
    pub sites: Vec<String>,
    /// Where the coordinator will listen and the sites will find it
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:7420")]
    pub address: String,
}

#[derive(Debug, Clone, Args)]
pub struct StatusArguments {
    /// Settings of the coordinator or participant
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}
