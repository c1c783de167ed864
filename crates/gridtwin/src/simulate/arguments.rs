//! What the simulated plant can be asked for.

use clap::{ArgGroup, Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub struct SimulateArguments {
    #[command(subcommand)]
    pub command: SimulateCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum SimulateCommand {
    /// A substation that lives by the clock and is served over Modbus, IEC 60870-5-104 and IEC 61850
    Plant(Box<PlantArguments>),
}

#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("protocols").args(["modbus", "iec104", "iec61850"]).required(true).multiple(true))]
pub struct PlantArguments {
    /// Model of the station, with assets.yaml and protection.yaml beside it or in the folder of its name [default:
    /// models/ehv-400-220.dss]
    pub model: Option<PathBuf>,
    /// Serve Modbus TCP here; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub modbus: Option<SocketAddr>,
    /// Serve IEC 60870-5-104 here
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub iec104: Option<SocketAddr>,
    /// Serve IEC 61850 here
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub iec61850: Option<SocketAddr>,
    /// Take the instructor's commands here, on a loopback address: faults, scenarios, snapshots
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub instructor: Option<SocketAddr>,
    /// Send positions and trips as GOOSE on this network interface
    #[arg(long, value_name = "INTERFACE")]
    pub goose: Option<String>,
    /// Seconds between two steps, 0.02 to 1
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub interval: f64,
    /// Seed of loads, weather and instruments
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Loads, weather, frequency and instruments without noise
    #[arg(long)]
    pub no_noise: bool,
    /// The station's local time at the start, as 2026-03-01T08:00 [default: what this computer's clock says, in UTC]
    #[arg(long, value_name = "TIME", value_parser = local_time)]
    pub start: Option<f64>,
    /// Write the document by which a client follows the plant, with the addresses that are served
    #[arg(long, value_name = "FILE")]
    pub follow_document: Option<PathBuf>,
    /// Write the configuration file of the IEC 61850 device (CID)
    #[arg(long, value_name = "FILE")]
    pub scl: Option<PathBuf>,
}

/// Seconds since 1970-01-01 of a local time.
fn local_time(text: &str) -> Result<f64, String> {
    let read = text.parse::<jiff::civil::DateTime>().map_err(|e| format!("{e}; write it as 2026-03-01T08:00"))?;
    let zoned = read.to_zoned(jiff::tz::TimeZone::UTC).map_err(|e| e.to_string())?;
    Ok(zoned.timestamp().as_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::local_time;

    #[test]
    fn times_are_read_as_they_stand() {
        assert_eq!(local_time("1970-01-02T00:00"), Ok(86_400.0));
        assert_eq!(local_time("2026-03-01T08:00:00"), Ok(1_772_352_000.0));
        assert!(local_time("noon").is_err());
    }
}
