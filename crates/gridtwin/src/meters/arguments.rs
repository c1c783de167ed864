//! What the commands about meters can be asked.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub struct MetersArguments {
    #[command(subcommand)]
    pub command: MetersCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum MetersCommand {
    /// Read interval readings and SCADA series, check and complete them, add them up to transformers and feeders
    Import(ImportArguments),
    /// Find the transformer of every meter, with confidence and reasons
    Map(MapArguments),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stamp {
    /// Times name the beginning of intervals
    Start,
    /// Times name the end of intervals
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dates {
    /// 7/1/2016 is the first of July
    Mdy,
    /// 7/1/2016 is the seventh of January
    Dmy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeriesKind {
    /// Amounts and means of intervals
    Meter,
    /// Values at moments
    Scada,
}

/// How files of readings are read.
#[derive(Debug, Clone, Default, Args)]
pub struct ReadingArguments {
    /// Zone of the clocks: an IANA name, standard:NAME for its standard time all year, an offset as +10:00, or UTC
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// What a time names [default: as the header says, or as the first times look]
    #[arg(long, value_enum)]
    pub stamp: Option<Stamp>,
    /// Length of the intervals, minutes [default: from the first times]
    #[arg(long = "interval", value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub interval_min: Option<u32>,
    /// Order of day and month where the year stands last [default: from the first dates]
    #[arg(long, value_enum)]
    pub dates: Option<Dates>,
    /// Kind of series [default: from the header]
    #[arg(long, value_enum)]
    pub kind: Option<SeriesKind>,
    /// Unit of values whose columns tell none
    #[arg(long, value_name = "UNIT")]
    pub unit: Option<String>,
    /// A column by its role: meter, time, date, clock, channel, unit, quality, interval, register, value, ignore; repeatable
    #[arg(long = "column", value_name = "ROLE=NAME")]
    pub columns: Vec<String>,
    /// What a quality code means: actual, estimated, substituted, missing; repeatable
    #[arg(long = "quality", value_name = "CODE=MEANING")]
    pub qualities: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub struct ImportArguments {
    /// Files of readings: CSV (long or wide), NEM12, Parquet; gzip around text
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArguments,
    /// Table with the transformer and feeder of each meter, as `gridtwin meters map` writes it
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// Feeder of meters for which the map names none
    #[arg(long, value_name = "NAME", default_value = studies::metering::UNMAPPED)]
    pub feeder: String,
    /// Interval of the sums, minutes [default: that of the readings]
    #[arg(long = "sum-interval", value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub sum_interval_min: Option<u32>,
    /// Rating of services for which the map tells none, kW: readings above 1.5 times of it are refused
    #[arg(long, value_name = "KW")]
    pub rating_kw: Option<f64>,
    /// Leave gaps as they are
    #[arg(long)]
    pub no_estimate: bool,
    /// Keep every interval of every meter, with its flag and rule
    #[arg(long, requires = "out")]
    pub keep_meters: bool,
    /// Write tables into the results lake of this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Name of the study within the lake
    #[arg(long, value_name = "NAME", default_value = "meters")]
    pub study: String,
    /// Write rows that cannot be used into this file [default: DIR/rejects-STUDY.csv with --out]
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct MapArguments {
    /// Table of meters: meter, lon, lat; and feeder, phase, transformer, bus, demand_kw where they are known
    #[arg(long, value_name = "FILE")]
    pub meters: PathBuf,
    /// Table of transformers: transformer, lon, lat; and feeder, phase, kva
    #[arg(long, value_name = "FILE", required_unless_present = "models")]
    pub transformers: Option<PathBuf>,
    /// Models whose service transformers and secondary lines are used, OpenDSS master files; repeatable
    #[arg(long = "model", value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    /// Readings with voltages; repeatable
    #[arg(long = "voltages", value_name = "FILE")]
    pub voltages: Vec<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArguments,
    /// Steps of voltages that are used, from the first one on
    #[arg(long, value_name = "N", default_value_t = 2688, value_parser = clap::value_parser!(u32).range(16..=40_000))]
    pub voltage_steps: u32,
    /// Decisions of people: meter, transformer, who, reason
    #[arg(long, value_name = "FILE")]
    pub overrides: Option<PathBuf>,
    /// One decision, METER=TRANSFORMER; it is added to the file of --overrides, so that it holds next time, too
    #[arg(long = "set", value_name = "METER=TRANSFORMER", requires = "overrides")]
    pub set: Vec<String>,
    /// Who decides
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub who: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
    /// Add what overrides change to this file, with the time
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Infer although the data name a transformer
    #[arg(long)]
    pub ignore_explicit: bool,
    /// Set the map against the true one: a table of meter and transformer; with --ignore-explicit the data's own where no file is given
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
    /// Nearest transformers that are looked at
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub candidates: u16,
    /// Transformers further away are none, m
    #[arg(long, value_name = "M", default_value_t = 400.0)]
    pub max_distance_m: f64,
    /// Write the map into this file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}
