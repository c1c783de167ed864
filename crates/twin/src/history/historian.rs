//! What a history can do, whatever keeps it.

use super::error::HistoryError;
use super::event::{Event, EventFilter, EventPage, Page};
use super::history::{Condition, EventTicket, Ticket};
use super::maintain::Maintained;
use super::points::PointEntry;
use super::query::{Answer, Query, States};
use super::sample::{Entry, PointId, Sample};
use scada::UtcTime;

/// A history of points and events. Calls may wait for a disk or a database; none of them reads a clock.
pub trait Historian: Send + Sync {
    /// The number of a point, which it keeps for ever. A new one is durable before this returns.
    ///
    /// # Errors
    /// `UnitChanged` when it is recorded in another unit; a name that is none; a disk that fails.
    fn point(&self, name: &str, unit: &str) -> Result<PointId, HistoryError>;

    /// All points that have a number.
    fn points(&self) -> Vec<PointEntry>;

    /// Hands in samples, in any order; the ticket says when they are durable, and at once which of them are not taken and why.
    ///
    /// # Errors
    /// `QueueFull` when too much waits already, `Closed`. Nothing has been taken then.
    fn append(&self, samples: Vec<Sample>, now: UtcTime) -> Result<Ticket, HistoryError>;

    /// Hands in events; the ticket says when they are durable, and their numbers.
    ///
    /// # Errors
    /// As [`Historian::append`], and `EventTooLong`.
    fn append_events(&self, events: &[Event]) -> Result<EventTicket, HistoryError>;

    /// Values of points over a range.
    ///
    /// # Errors
    /// `EmptyRange`, `UnknownPoint`. Files that cannot be read are findings of the answer, which holds what could be.
    fn query(&self, query: &Query) -> Result<Answer, HistoryError>;

    /// The newest value of a point, by its own time.
    fn last(&self, point: PointId) -> Option<Entry>;

    /// What every point was at an instant: the last value at or before it, with its own time.
    ///
    /// # Errors
    /// None today; files that cannot be read are findings.
    fn states_at(&self, at: UtcTime) -> Result<States, HistoryError>;

    /// A page of the events that match.
    ///
    /// # Errors
    /// A disk that cannot be read.
    fn events(&self, filter: &EventFilter, page: Page) -> Result<EventPage, HistoryError>;

    /// Sums up what is over, merges, and removes what is past its time. To be called every few seconds, from a thread that may wait.
    ///
    /// # Errors
    /// A disk that fails; what was done before it is done, and the next call goes on.
    fn maintain(&self, now: UtcTime) -> Result<Maintained, HistoryError>;

    /// Whether it records.
    fn condition(&self) -> Condition;
}
