//! `gridtwin meters`: interval readings into a lake, and the map from meters to transformers.

pub mod arguments;
pub(crate) mod import;
pub(crate) mod map;
pub(crate) mod places;
pub(crate) mod scratch;

use crate::console::Console;
use crate::failure::Failure;
use arguments::{MetersArguments, MetersCommand};
use formats::meters::{DateOrder, Kind, MeterReader, Options, ReadingSink, Role, StampSide, Summary, Zone, read_parquet};
use network::{Diagnostic, ReadingQuality, SourceRef};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// Files that cannot be read or understood, a lake that cannot be written.
pub fn run(arguments: &MetersArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    match &arguments.command {
        MetersCommand::Import(a) => import::run(a, console),
        MetersCommand::Map(a) => map::run(a, console),
    }
}

/// Options of the reader as the command line says them.
pub(crate) fn reader_options(a: &arguments::ReadingArguments) -> Result<Options, Failure> {
    let zone = match &a.zone {
        None => None,
        Some(text) => Some(Zone::parse(text).map_err(|_| {
            Failure::from(
                Diagnostic::error("METERS.ZONE.UNKNOWN", format!("there is no time zone \"{text}\""))
                    .hint("Name one as America/Chicago, standard:America/Chicago, +10:00 or UTC."),
            )
        })?),
    };
    let mut columns = Vec::new();
    for text in &a.columns {
        let parsed = text.split_once('=').and_then(|(role, name)| Some((Role::parse(role)?, name.trim().to_owned())));
        columns.push(parsed.ok_or_else(|| {
            Failure::from(
                Diagnostic::error("METERS.OPTION.UNREADABLE", format!("\"{text}\" tells no column")).hint(
                    "Write ROLE=NAME; roles are meter, time, date, clock, channel, unit, quality, interval, register, value, ignore.",
                ),
            )
        })?);
    }
    let mut qualities = Vec::new();
    for text in &a.qualities {
        let quality = |word: &str| match word.trim().to_ascii_lowercase().as_str() {
            "actual" => Some(ReadingQuality::Actual),
            "estimated" => Some(ReadingQuality::Estimated),
            "substituted" => Some(ReadingQuality::Substituted),
            "missing" => Some(ReadingQuality::Missing),
            _ => None,
        };
        let parsed = text.split_once('=').and_then(|(code, word)| Some((code.trim().to_owned(), quality(word)?)));
        qualities.push(parsed.ok_or_else(|| {
            Failure::from(
                Diagnostic::error("METERS.OPTION.UNREADABLE", format!("\"{text}\" tells no quality"))
                    .hint("Write CODE=actual, estimated, substituted or missing."),
            )
        })?);
    }
    Ok(Options {
        zone,
        side: a.stamp.map(|s| match s {
            arguments::Stamp::Start => StampSide::Start,
            arguments::Stamp::End => StampSide::End,
        }),
        interval_s: a.interval_min.map(|m| m * 60),
        order: a.dates.map(|d| match d {
            arguments::Dates::Mdy => DateOrder::MonthFirst,
            arguments::Dates::Dmy => DateOrder::DayFirst,
        }),
        kind: a.kind.map(|k| match k {
            arguments::SeriesKind::Meter => Kind::Meter,
            arguments::SeriesKind::Scada => Kind::Scada,
        }),
        unit: a.unit.clone(),
        columns,
        qualities,
        ..Options::default()
    })
}

fn cannot_open(path: &Path, e: &std::io::Error) -> Failure {
    Failure::from(
        Diagnostic::error("METERS.FILE.UNREADABLE", "the file cannot be opened")
            .at(&SourceRef::new(path.display().to_string(), 0))
            .detail(format!("The system says: {e}."))
            .hint("Correct the path."),
    )
}

/// Reads one file from disk, Parquet or text.
fn read_file(reader: &mut MeterReader, path: &Path, sink: &mut dyn ReadingSink) -> Result<Summary, Failure> {
    let name = path.display().to_string();
    let metadata = std::fs::metadata(path).map_err(|e| cannot_open(path, &e))?;
    if !metadata.is_file() {
        return Err(cannot_open(path, &std::io::Error::other("not a plain file")));
    }
    let mut file = File::open(path).map_err(|e| cannot_open(path, &e))?;
    let mut magic = [0u8; 4];
    let parquet = file.read_exact(&mut magic).is_ok() && &magic == b"PAR1";
    let result = if parquet {
        read_parquet(reader, file, &name, sink)
    } else {
        let mut file = File::open(path).map_err(|e| cannot_open(path, &e))?;
        reader.read(&mut file, &name, sink)
    };
    result.map_err(|e| Failure::new(e.diagnostics))
}
