//! What the commands about telecontrol can be asked.

use clap::{ArgGroup, Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub struct ScadaArguments {
    #[command(subcommand)]
    pub command: ScadaCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum ScadaCommand {
    /// Findings of a document of devices or an SCL file, and the points of each device
    Check(CheckArguments),
    /// Connect, read every point once, and print the values
    Read(ReadArguments),
    /// Print changes as they come
    Watch(WatchArguments),
    /// Give a command to a point
    Write(WriteArguments),
    /// What a device has: the tree of an IEC 61850 server, what a 104 station tells, registers of a Modbus device
    Browse(BrowseArguments),
}

#[derive(Debug, Clone, Args)]
pub struct CheckArguments {
    /// Document of devices (YAML, JSON), or SCL file (ICD, CID, IID, SCD)
    pub file: PathBuf,
    /// Model that the points' elements are looked up in
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Which points of which devices.
#[derive(Debug, Clone, Args)]
pub struct ChoiceArguments {
    /// Document of devices
    pub file: PathBuf,
    /// Only this device; repeatable
    #[arg(long, value_name = "ID")]
    pub device: Vec<String>,
    /// Only this point; a * stands for anything; repeatable
    #[arg(long, value_name = "NAME")]
    pub point: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub struct ReadArguments {
    #[command(flatten)]
    pub choice: ChoiceArguments,
    /// Seconds until devices that have not answered are given up
    #[arg(long, value_name = "S", default_value_t = 15.0)]
    pub timeout: f64,
    /// Print as JSON
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print as CSV
    #[arg(long)]
    pub csv: bool,
}

#[derive(Debug, Clone, Args)]
pub struct WatchArguments {
    #[command(flatten)]
    pub choice: ChoiceArguments,
    /// Seconds to watch [default: until Ctrl-C]
    #[arg(long = "for", value_name = "S")]
    pub seconds: Option<f64>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct WriteArguments {
    /// Document of devices
    pub file: PathBuf,
    /// Point to command
    pub point: String,
    /// on, off (or close, open), up, down, or a number
    #[arg(allow_hyphen_values = true)]
    pub value: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
    /// Seconds until a device that has not answered is given up, and nothing sent
    #[arg(long, value_name = "S", default_value_t = 15.0)]
    pub timeout: f64,
    /// Do not ask before the command is given
    #[arg(long)]
    pub yes: bool,
    /// Print the record as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("target").args(["address", "iec104", "modbus"]).required(true))]
pub struct BrowseArguments {
    /// IEC 61850 server, host or host:port (102)
    pub address: Option<String>,
    /// IEC 60870-5-104 station, host or host:port (2404)
    #[arg(long, value_name = "ADDRESS")]
    pub iec104: Option<String>,
    /// Common address of the station [default: all that answer]
    #[arg(long, value_name = "N", requires = "iec104", conflicts_with = "address")]
    pub station: Option<u16>,
    /// Modbus device, host or host:port (502)
    #[arg(long, value_name = "ADDRESS", requires = "range")]
    pub modbus: Option<String>,
    /// Places to try, as holding:0-99; tables are coil, discrete, input and holding; repeatable
    #[arg(long, value_name = "RANGE", requires = "modbus", conflicts_with = "address", value_parser = scada::modbus::Range::parse)]
    pub range: Vec<scada::modbus::Range>,
    /// Unit of the Modbus device
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub unit: u8,
    /// Seconds to wait for a connection, and for an answer
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    pub timeout: f64,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// A reason that says something.
fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say why the command is given".to_owned()),
        said => Ok(said.to_owned()),
    }
}
