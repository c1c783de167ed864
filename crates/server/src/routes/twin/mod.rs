//! The plant that is followed. docs/twin.md says what the figures are, docs/server.md which address gives what.

mod alarms;
mod control;
mod drawing;
mod events;
mod history;
mod maintenance;
mod now;
mod points;
mod rules;
mod training;
mod versions;
mod what_if;

pub(super) use alarms::{AlarmAction, acknowledging, act};
pub(super) use control::carry_out;
pub(super) use drawing::{carriers, ends};
pub(super) use events::{AlarmsOf, Asked as AskedEvents, collect as collect_events};
pub(super) use history::recorded;
pub(super) use points::value_of;
pub(super) use training::{SCENARIO_END, scenario_begin, state, tell};
pub(super) use versions::{NewVersion, keep, turn_to};
pub(super) use what_if::{changes_of, is_settled, told as told_comparison};

use crate::problem::Problem;
use crate::state::App;
use utoipa_axum::router::OpenApiRouter;

pub fn routes() -> OpenApiRouter<App> {
    now::routes()
        .merge(drawing::routes())
        .merge(points::routes())
        .merge(history::routes())
        .merge(control::routes())
        .merge(what_if::routes())
        .merge(alarms::routes())
        .merge(rules::routes())
        .merge(events::routes())
        .merge(maintenance::routes())
        .merge(training::routes())
        .merge(versions::routes())
}

/// Longest text that somebody writes as reason, comment or note, characters.
pub(super) const TEXT_MAX: usize = 2_000;
/// Names in one request at most.
pub(super) const NAMES_MAX: usize = 1_000;

/// Times that can be meant, ms since 1970: the years 1900 to 2200. Beyond them lengths of ranges and microseconds leave 64 bits.
const TIMES_MS: std::ops::Range<i64> = -2_208_988_800_000..7_258_118_400_000;

/// A time of the wire that can be meant.
///
/// # Errors
/// One before 1900 or after 2200.
pub(super) fn meant_ms(field: &str, ms: i64) -> Result<i64, Problem> {
    if TIMES_MS.contains(&ms) {
        return Ok(ms);
    }
    Err(Problem::bad_request("A time is out of range")
        .detail(format!("`{field}` is {ms} ms since 1970; it has to lie between the years 1900 and 2200."))
        .hint("Send milliseconds since 1970, not seconds or microseconds.")
        .field(field))
}

/// A time of the wire: RFC 3339, a day, or milliseconds since 1970; as milliseconds.
pub(super) fn time_of(field: &str, text: &str) -> Result<i64, Problem> {
    let text = text.trim();
    let ms = text.parse::<i64>().ok().or_else(|| crate::moment::parse(text)).ok_or_else(|| {
        Problem::bad_request("A time cannot be read")
            .detail(format!("`{field}` is \"{}\".", text.chars().take(40).collect::<String>()))
            .hint("Write 2026-01-31T12:00:00Z, a day, or milliseconds since 1970.")
            .field(field)
    })?;
    meant_ms(field, ms)
}

/// Parameters of an address in their order, some of them several times.
pub(super) struct Pairs(pub(super) Vec<(String, String)>);

impl Pairs {
    /// The only value of a key; an empty one is none.
    pub(super) fn one(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, v)| k == key && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    pub(super) fn all(&self, key: &str) -> Vec<&str> {
        self.0.iter().filter(|(k, v)| k == key && !v.is_empty()).map(|(_, v)| v.as_str()).collect()
    }

    pub(super) fn time_ms(&self, key: &str) -> Result<Option<i64>, Problem> {
        self.one(key).map(|text| time_of(key, text)).transpose()
    }

    pub(super) fn whole(&self, key: &str, low: u64, high: u64) -> Result<Option<u64>, Problem> {
        let Some(text) = self.one(key) else { return Ok(None) };
        match text.parse::<u64>() {
            Ok(n) if (low..=high).contains(&n) => Ok(Some(n)),
            _ => Err(Problem::bad_request("A number is out of range")
                .detail(format!("`{key}` is \"{}\"; it can be {low} to {high}.", text.chars().take(40).collect::<String>()))
                .field(key)),
        }
    }

    /// A range of time; `to` is now unless told, `from` some time before it.
    pub(super) fn range_ms(&self, usual_ms: i64) -> Result<(i64, i64), Problem> {
        let to = self.time_ms("to")?.unwrap_or_else(crate::moment::now_ms);
        let from = self.time_ms("from")?.unwrap_or_else(|| to.saturating_sub(usual_ms));
        if from < to {
            Ok((from, to))
        } else {
            Err(Problem::bad_request("The range ends before it begins, or is of no length").field("from").hint("`from` comes before `to`."))
        }
    }

    /// One of some words.
    pub(super) fn word<'a>(&self, key: &str, words: &[&'a str]) -> Result<Option<&'a str>, Problem> {
        let Some(text) = self.one(key) else { return Ok(None) };
        words.iter().find(|w| **w == text).copied().map(Some).ok_or_else(|| {
            Problem::bad_request("A word is not known")
                .detail(format!("`{key}` is \"{}\".", text.chars().take(40).collect::<String>()))
                .hint(format!("Choose from {}.", words.join(", ")))
                .field(key)
        })
    }
}

/// A text that somebody writes.
pub(super) fn text(field: &'static str, text: &str, needed: bool) -> Result<String, Problem> {
    let text = text.trim();
    let refused =
        |title: &str, hint: String| Err(Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, title).field(field).hint(hint));
    if needed && text.is_empty() {
        return refused("A reason is needed", format!("Say in `{field}` why; it is kept with the event."));
    }
    if text.chars().count() > TEXT_MAX {
        return refused("A text is too long", format!("Use at most {TEXT_MAX} characters."));
    }
    Ok(text.to_owned())
}

/// Who did something, for the record of the plant.
pub(super) fn originator(caller: &crate::access::Caller, reason: String) -> scada::telecontrol::Originator {
    scada::telecontrol::Originator { user: caller.user.clone(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> Result<(i64, i64), Problem> {
        Pairs(vec![("from".into(), from.into()), ("to".into(), to.into())]).range_ms(1_000)
    }

    #[test]
    fn no_range_is_longer_than_64_bits_can_tell() {
        assert_eq!(range("2026-01-31", "2026-02-01").unwrap(), (1_769_817_600_000, 1_769_904_000_000));
        assert_eq!(range("", "5000").unwrap(), (4_000, 5_000));
        // Its length, and its ends in microseconds, would overflow.
        for (from, to) in [("-9223372036854775808", "9223372036854775807"), ("0", "1769904000000000"), ("1000-01-01", "2026-01-01")] {
            let refused = range(from, to).expect_err(from);
            assert_eq!((refused.status, refused.title.as_str()), (400, "A time is out of range"), "{from} {to}");
        }
        assert_eq!(range("5", "5").unwrap_err().field.as_deref(), Some("from"));
    }
}
