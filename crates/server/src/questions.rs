//! What a question in plain words may name: the feeders, elements and studies of a lake.

use arrow_array::cast::AsArray;
use learning::questions::{Calendar, Context, Kind, Named};
use std::collections::BTreeSet;
use store::{Lake, StoreError};

/// The names of a lake; without one a question is read with no names.
///
/// # Inputs
/// * `today` - `YYYY-MM-DD`, for "last year".
///
/// # Errors
/// A lake that cannot be read.
pub fn context(lake: Option<&Lake>, today: String) -> Result<Context, StoreError> {
    let mut context = Context { today: Some(today), ..Context::default() };
    let Some(lake) = lake else { return Ok(context) };
    let (mut feeders, mut elements) = (BTreeSet::new(), BTreeSet::new());
    for manifest in lake.studies()? {
        feeders.extend(lake.records(&manifest.study)?.into_iter().map(|r| r.feeder));
        context.studies.push(manifest.study);
    }
    lake.read("element_statistics", None, &mut |batch| {
        let Some(names) = batch.column_by_name("element").and_then(|c| c.as_string_opt::<i32>()) else { return Ok(()) };
        elements.extend(names.iter().flatten().filter_map(|n| {
            let (class, name) = n.split_once('.')?;
            Some((class.to_owned(), name.to_owned()))
        }));
        Ok(())
    })?;
    context.feeders = feeders.into_iter().collect();
    let kind = |class: &str| match class {
        "transformer" => Kind::Transformer,
        "line" => Kind::Line,
        _ => Kind::Element,
    };
    context.elements = elements.into_iter().map(|(class, name)| Named { kind: kind(&class), name }).collect();
    let mut buses = BTreeSet::new();
    lake.read("node_statistics", None, &mut |batch| {
        let Some(names) = batch.column_by_name("bus").and_then(|c| c.as_string_opt::<i32>()) else { return Ok(()) };
        buses.extend(names.iter().flatten().map(str::to_owned));
        Ok(())
    })?;
    context.elements.extend(buses.into_iter().map(|name| Named { kind: Kind::Bus, name }));
    Ok(context)
}

/// The study that a question without one is about: the only one.
pub fn only_study(context: &Context) -> Option<&str> {
    if let [only] = context.studies.as_slice() { Some(only) } else { None }
}

/// The calendar of a year.
pub fn calendar(year: Option<i32>) -> Calendar {
    Calendar { year, first_weekday: year.map(first_weekday) }
}

/// Weekday of the first of January, 0 for Monday.
fn first_weekday(year: i32) -> u8 {
    let year = i16::try_from(year).unwrap_or(2001).clamp(-9999, 9999);
    jiff::civil::date(year, 1, 1).weekday().to_monday_zero_offset().unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::first_weekday;

    #[test]
    fn years_begin_with_the_weekday_of_the_calendar() {
        // 2024 began on a Monday, 2023 on a Sunday, 2026 on a Thursday.
        assert_eq!([2024, 2023, 2026].map(first_weekday), [0, 6, 3]);
    }
}
