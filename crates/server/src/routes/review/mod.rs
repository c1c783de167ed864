//! Reviews: what the program proposes and a person decides, for networks matched to one another and for meters and their transformers.
//!
//! ```text
//! jobs reconcile, meter_map ─► kept result ─┐
//!                                           ├─► rows with their state ─► a person ─► decisions ─┐
//! decisions in force ───────────────────────┘                                                   │
//!        ▲                                                                                      │
//!        └──────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A decision is kept at once and holds for whatever is worked out later; the kept result stays what it was until the job runs again. A row
//! says so: it is `pending` as long as the result was made without its decision, or with one that has been taken back.

mod cases;
mod kept;
mod match_decisions;
mod matches;
mod meter_decisions;
mod meters;
mod subjects;

pub(crate) use kept::MeterMaps;
pub(crate) use subjects::Subjects;

use crate::problem::Problem;
use crate::state::App;
use axum::http::StatusCode;
use serde::Serialize;
use store::project::Override;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

/// Decisions of one request at most.
const DECISIONS_MAX: usize = 1000;
/// Characters of a note at most.
const NOTE_MAX: usize = 2000;

pub fn routes() -> OpenApiRouter<App> {
    matches::routes().merge(match_decisions::routes()).merge(meters::routes()).merge(meter_decisions::routes())
}

/// How many rows have a property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Count {
    pub name: String,
    pub count: u64,
}

/// Counts by name, in the order of `names`, then those that are not among them.
fn counts<'a>(names: &[&str], all: impl Iterator<Item = &'a str>) -> Vec<Count> {
    let mut found: Vec<Count> = names.iter().map(|n| Count { name: (*n).to_owned(), count: 0 }).collect();
    for name in all {
        match found.iter_mut().find(|c| c.name == name) {
            Some(c) => c.count += 1,
            None => found.push(Count { name: name.to_owned(), count: 1 }),
        }
    }
    found.retain(|c| c.count > 0);
    found
}

/// What was decided about one subject, as it was decided.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecisionRow {
    /// As asked for: of a pair `accept`, `reject`, `force`; of a meter its transformer, empty for none. None took a decision back.
    pub value: Option<String>,
    pub author: String,
    pub note: String,
    /// RFC 3339.
    pub time_utc: String,
}

impl From<Override> for DecisionRow {
    fn from(o: Override) -> Self {
        Self { value: o.value.as_ref().and_then(|v| v.as_str()).map(str::to_owned), author: o.author, note: o.note, time_utc: o.time_utc }
    }
}

/// What became of a request with decisions.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Decided {
    pub kept: u64,
    /// Decisions that were taken back.
    pub withdrawn: u64,
    /// Rows whose decision is not in the kept result, or that was made with one that has been taken back.
    pub pending: u64,
}

fn unfit(detail: impl Into<String>, field: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "This cannot be decided").code("REVIEW.DECISION.UNFIT").detail(detail).field(field)
}

/// Refuses requests that decide nothing, too much at once, or with too long a note.
fn check_size(n: usize, note: &str) -> Result<(), Problem> {
    if n == 0 {
        return Err(unfit("The request has no decisions.", "decisions"));
    }
    if n > DECISIONS_MAX {
        return Err(unfit(format!("{n} decisions came at once; {DECISIONS_MAX} are taken."), "decisions").hint("Send them in parts."));
    }
    if note.chars().count() > NOTE_MAX {
        return Err(unfit(format!("The note is longer than {NOTE_MAX} characters."), "note"));
    }
    Ok(())
}

/// A text that was asked for, cut to what an answer may show.
fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

/// Words parted by commas; none when nothing is asked for.
fn words(text: Option<&str>) -> Option<Vec<String>> {
    let words: Vec<String> = text?.split(',').map(|w| w.trim().to_lowercase()).filter(|w| !w.is_empty()).collect();
    (!words.is_empty()).then_some(words)
}

fn wrong_sort(key: &str, known: &str) -> Problem {
    Problem::bad_request("The rows cannot be sorted so").detail(format!("\"{}\" is not among {known}.", short(key))).field("sort")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_keep_their_order_and_leave_out_what_is_not_there() {
        let found = counts(&["high", "low", "none"], ["low", "odd", "high", "low"].into_iter());
        let told: Vec<(&str, u64)> = found.iter().map(|c| (c.name.as_str(), c.count)).collect();
        assert_eq!(told, [("high", 1), ("low", 2), ("odd", 1)]);
    }

    #[test]
    fn words_are_parted_by_commas() {
        assert_eq!(words(Some(" A, ,b")), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!((words(Some(" , ")), words(None)), (None, None));
    }

    #[test]
    fn requests_are_bounded() {
        assert!(check_size(1, "").is_ok() && check_size(DECISIONS_MAX, "seen").is_ok());
        for (n, note) in [(0, String::new()), (DECISIONS_MAX + 1, String::new()), (1, "x".repeat(NOTE_MAX + 1))] {
            assert_eq!(check_size(n, &note).unwrap_err().status, 422);
        }
    }
}
