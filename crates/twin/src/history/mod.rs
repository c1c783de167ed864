//! The history of points and events: every value that was acknowledged, for as long as it is to be kept.
//!
//! ```text
//! append ─► queue ─► writer thread: log, flushed ─► acknowledged ─► memory ─► segments of an hour ─► summaries of hours and days
//!                                                                     └──────── queries ◄──┴───────────────┘
//! ```
//!
//! [`Historian`] is what a history can do, whatever keeps it; [`History`] keeps it in a folder of its own. Nothing here waits on a task or
//! reads a clock: the time is handed in. What the files look like is told in `docs/history.md` and at the head of [`segment`](self).
//!
//! # Example
//! ```
//! use scada::{UtcTime, point::{Quality, Value}};
//! use twin::history::{Historian, History, Options, Query, Resolution, Rows, Sample};
//! # let dir = tempfile::tempdir().unwrap();
//! let history = History::open(dir.path(), Options::default())?;
//! let voltage = history.point("bus 4/voltage", "kV")?;
//! let now = UtcTime::from_ms(1_790_000_000_000);
//! let ticket = history.append(vec![Sample::new(voltage, now, Value::Float(402.5), Quality::GOOD)], now)?;
//! assert!(ticket.refused.is_empty());
//! ticket.wait()?; // it is on the disk
//! let asked = Query::one(voltage, UtcTime::from_us(now.us - 1_000_000), UtcTime::from_us(now.us + 1), Resolution::Raw, now);
//! let answer = history.query(&asked)?;
//! assert!(matches!(&answer.series[0].rows, Rows::Raw(entries) if entries[0].value == Some(Value::Float(402.5))));
//! # Ok::<(), twin::history::HistoryError>(())
//! ```

mod backup;
mod bits;
mod block;
mod database;
mod error;
mod event;
mod files;
mod framed;
mod historian;
#[allow(clippy::module_inception)]
mod history;
pub mod line_protocol;
mod maintain;
mod memtable;
mod options;
mod points;
mod query;
mod rollup;
mod sample;
mod segment;
mod snapshot;
mod state;
mod writer;

pub use backup::Backup;
pub use database::DatabaseHistory;
pub use error::HistoryError;
pub use event::{EVENT_MAX, Event, EventFilter, EventPage, Page, RecordedEvent};
pub use files::DiskFaults;
pub(crate) use files::write_whole;
pub use historian::Historian;
pub use history::{Condition, EventTicket, History, Refusal, Refused, Ticket};
pub use maintain::Maintained;
pub use options::{Options, Retention};
pub use points::{NAME_MAX, PointEntry};
pub use query::{Answer, Query, Resolution, Rows, Series, Standing, States};
pub use rollup::{Bucket, Newest};
pub use sample::{Entry, PointId, Sample, TEXT_MAX, TIME_END, TIME_MIN};
pub use writer::Receipt;

pub(crate) const HOUR_US: i64 = 3_600_000_000;
pub(crate) const DAY_HOURS: i64 = 24;
pub(crate) const DAY_US: i64 = DAY_HOURS * HOUR_US;

/// Reads octets as each kind of file that a history is made of: whatever they are, an answer or an error. For fuzzing.
#[doc(hidden)]
pub fn read_any(octets: &[u8]) {
    let _ = sample::decode_batch(octets);
    let n = octets.first().map_or(0, |b| usize::from(*b) * 17);
    if let Some(entries) = block::decode(octets, n) {
        let again = block::encode(&entries);
        let back = block::decode(&again, entries.len()).expect("a block that was just made");
        assert!(back.iter().zip(&entries).all(|(a, b)| a.same_bits(b)));
    }
    let scan = framed::scan(octets, 0);
    assert!(scan.records.iter().all(|r| r.text.end <= octets.len()));
    let _ = framed::LogHeader::decode(octets, state::LOG_MAGIC, std::path::Path::new("fuzzed"));
}

/// Reads a file as a segment and as a summary, everything in it: whatever it is, an answer or an error. For fuzzing.
#[doc(hidden)]
pub fn read_any_file(path: &std::path::Path) {
    if let Ok(segment) = segment::Segment::open(path) {
        let _ = segment.verify();
        if let Ok(mut reader) = segment.reader() {
            let _ = reader.find(PointId(1));
        }
    }
    if let Ok(file) = rollup::RollupFile::open(path) {
        let _ = file.all();
        let _ = file.find(PointId(1));
    }
}
