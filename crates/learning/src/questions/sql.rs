//! The SQL of a query over the tables and views of the results lake (`docs/lake.md`). SELECT only.
//!
//! An answer has the columns `feeder`, `object` and `value` (a comparison `value_base`, `value_case` and `change`), or one figure.
//!
//! **Time.** The lake's hours are ends of steps. A step counts where its begin lies in the window, so that "17 to 21" has the hours from 17:00
//! to 21:00 and no more. Of single elements and buses a run keeps no values hour by hour, but the episodes that they spend beyond limits:
//! hours beyond a limit within a window are the overlap of the two, exact; the largest loading within a window is told only where the worst
//! hour of an episode lies in the window, and is empty else. What needs more is refused.

use super::form::{Bound, Kind, Measure, Order, Query, Statistic, Week, Window};
use thiserror::Error;

/// Study that gives a measure which no run through time has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    HostingCapacity,
    Reliability,
    Contingency,
    Mitigation,
}

/// What answers a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub sql: String,
    /// What must be known to read the figures right.
    pub notes: Vec<String>,
}

/// Why a query has no SQL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoSql {
    /// The query is to be given to this study, not to the lake.
    #[error("the answer comes from another study than a run through time")]
    OtherStudy(Run),
    #[error("the question is about {asked}, and the study is of {has}")]
    OtherYear { asked: i32, has: i32 },
    #[error("the question is about {asked}, and which year the study is of is not known")]
    YearUnknown { asked: i32 },
    #[error("which weekday the year begins with is not known")]
    WeekdayUnknown,
    #[error("a run keeps no values of single objects hour by hour; ask for hours beyond a limit, for whole feeders, or for the whole year")]
    NotKept,
    #[error("there is no such measure of such objects")]
    NoSuchMeasure,
}

/// What is known of the study that is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Calendar year of the series, where they are of one.
    pub year: Option<i32>,
    /// Weekday of the first of January, 0 for Monday.
    pub first_weekday: Option<u8>,
}

/// SQL for a query. `study` is the study that has run the query's scenario, or that it names.
///
/// # Errors
/// [`NoSql`]; nothing near is answered in place of what was asked.
pub fn sql(q: &Query, study: &str, calendar: Calendar) -> Result<Answer, NoSql> {
    if let Some(run) = other_study(q.measure) {
        return Err(NoSql::OtherStudy(run));
    }
    let window = spans(q.window.as_ref(), calendar)?;
    let mut notes = Vec::new();
    let study = q.study.as_deref().unwrap_or(study);
    let rows = rows(q, study, window.as_ref())?;
    if window.is_some() && q.measure == Measure::LoadingPct {
        notes.push("loading is empty where an overload has its worst hour outside the window".to_owned());
    }
    if let Some(base) = &q.against {
        let before = self::rows(q, base, window.as_ref())?;
        return Ok(Answer { sql: compared(q, &before, &rows), notes });
    }
    let filters = conditions(q, window.is_some(), "value");
    let filtered = format!("SELECT feeder, object, value FROM ({rows}) AS r{}", where_all(&filters));
    let sql = match q.statistic {
        Statistic::Count if q.by.is_some() => {
            format!("SELECT feeder, count(*) AS value FROM ({filtered}) AS f GROUP BY feeder ORDER BY value DESC, feeder")
        }
        Statistic::Count => format!("SELECT count(*) AS value FROM ({filtered}) AS f"),
        Statistic::Sum => format!("SELECT sum(value) AS value FROM ({filtered}) AS f"),
        Statistic::Mean => format!("SELECT avg(value) AS value FROM ({filtered}) AS f"),
        Statistic::Each => {
            let order = match q.order {
                Some(Order::Highest) => "value DESC NULLS LAST, feeder, object",
                Some(Order::Lowest) => "value ASC NULLS LAST, feeder, object",
                None => "feeder, object",
            };
            let limit = q.limit.map_or(String::new(), |n| format!(" LIMIT {n}"));
            format!("{filtered} ORDER BY {order}{limit}")
        }
    };
    Ok(Answer { sql, notes })
}

fn other_study(m: Measure) -> Option<Run> {
    match m {
        Measure::HostingCapacityKw => Some(Run::HostingCapacity),
        Measure::SaidiH | Measure::Saifi | Measure::UnservedKwh => Some(Run::Reliability),
        Measure::LostLoadKw | Measure::LostCustomers => Some(Run::Contingency),
        Measure::MitigationCost => Some(Run::Mitigation),
        _ => None,
    }
}

fn quoted(s: &str) -> String {
    format!("'{}'", s.replace('\'', "''"))
}

fn where_all(conditions: &[String]) -> String {
    if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) }
}

/// Conditions of the filters on a column.
fn conditions(q: &Query, windowed: bool, column: &str) -> Vec<String> {
    // Within a window an overload is one by its episode; its value may be unknown.
    if windowed && q.measure == Measure::LoadingPct && q.of != Kind::Feeder {
        return Vec::new();
    }
    let one = |b: Bound| match b {
        Bound::Above(x) => format!("{column} > {x}"),
        Bound::Below(x) => format!("{column} < {x}"),
        Bound::AtLeast(x) => format!("{column} >= {x}"),
        Bound::AtMost(x) => format!("{column} <= {x}"),
    };
    q.filters.iter().map(|f| one(f.bound)).collect()
}

/// Two studies side by side; what only one has is empty in the other.
fn compared(q: &Query, base: &str, case: &str) -> String {
    let joined = format!(
        "SELECT coalesce(c.feeder, b.feeder) AS feeder, coalesce(c.object, b.object) AS object, b.value AS value_base, c.value AS value_case, \
         c.value - b.value AS change FROM ({base}) AS b FULL OUTER JOIN ({case}) AS c ON b.feeder = c.feeder AND b.object = c.object"
    );
    let filters: Vec<String> =
        conditions(q, false, "value_case").iter().zip(conditions(q, false, "value_base")).map(|(c, b)| format!("({c} OR {b})")).collect();
    let order = match q.order {
        Some(Order::Highest) => "value_case DESC NULLS LAST, feeder, object",
        Some(Order::Lowest) => "value_case ASC NULLS LAST, feeder, object",
        None => "feeder, object",
    };
    let filtered = format!("SELECT * FROM ({joined}) AS j{}", where_all(&filters));
    match q.statistic {
        Statistic::Count => {
            let side = |column: &str| {
                let all = conditions(q, false, column);
                let test = if all.is_empty() { format!("{column} IS NOT NULL") } else { all.join(" AND ") };
                format!("sum(CASE WHEN {test} THEN 1 ELSE 0 END) AS {column}")
            };
            format!("SELECT {}, {} FROM ({joined}) AS j", side("value_base"), side("value_case"))
        }
        Statistic::Sum => format!("SELECT sum(value_base) AS value_base, sum(value_case) AS value_case FROM ({filtered}) AS f"),
        Statistic::Mean => format!("SELECT avg(value_base) AS value_base, avg(value_case) AS value_case FROM ({filtered}) AS f"),
        Statistic::Each => {
            let limit = q.limit.map_or(String::new(), |n| format!(" LIMIT {n}"));
            format!("{filtered} ORDER BY {order}{limit}")
        }
    }
}

/// Rows of `feeder`, `object`, `value` of one study.
fn rows(q: &Query, study: &str, window: Option<&Spans>) -> Result<String, NoSql> {
    let mut keep = vec![format!("study = {}", quoted(study))];
    if !q.feeders.is_empty() {
        keep.push(format!("feeder IN ({})", q.feeders.iter().map(|f| quoted(f)).collect::<Vec<_>>().join(", ")));
    }
    match window {
        None => whole_year(q, &keep),
        Some(w) if q.of == Kind::Feeder && !is_of_episodes(q.measure) => of_steps(q.measure, &keep, w),
        Some(w) => of_episodes(q, &keep, w),
    }
}

/// Conditions that choose the kind and the names of elements.
fn element_conditions(q: &Query, column: &str) -> Vec<String> {
    let mut all = Vec::new();
    let class = match q.of {
        Kind::Transformer => Some("transformer"),
        Kind::Line => Some("line"),
        _ => None,
    };
    if let Some(c) = class {
        all.push(format!("{column} LIKE '{c}.%'"));
    }
    if !q.names.is_empty() {
        let name = |n: &String| {
            let n = n.to_lowercase();
            quoted(&match class {
                Some(c) if !n.starts_with(&format!("{c}.")) => format!("{c}.{n}"),
                _ => n,
            })
        };
        all.push(format!("lower({column}) IN ({})", q.names.iter().map(name).collect::<Vec<_>>().join(", ")));
    }
    all
}

fn bus_conditions(q: &Query) -> Vec<String> {
    let names: Vec<String> = q.names.iter().map(|n| quoted(&n.to_lowercase())).collect();
    if names.is_empty() { Vec::new() } else { vec![format!("lower(bus) IN ({})", names.join(", "))] }
}

fn whole_year(q: &Query, keep: &[String]) -> Result<String, NoSql> {
    use Measure as M;
    let by_feeder =
        |view: &str, column: &str| Ok(format!("SELECT feeder, feeder AS object, {column} AS value FROM {view}{}", where_all(keep)));
    let by_element = |column: &str| {
        let all = [keep, &element_conditions(q, "element"), &[format!("{column} IS NOT NULL")]].concat();
        Ok(format!("SELECT feeder, element AS object, {column} AS value FROM element_statistics{}", where_all(&all)))
    };
    let element = matches!(q.of, Kind::Transformer | Kind::Line | Kind::Element);
    match (q.measure, q.of) {
        (M::LoadingPct, _) if element => by_element("loading_max_pct"),
        (M::LoadingPct, Kind::Feeder) => by_feeder("feeder_scorecard", "loading_max_pct"),
        (M::LoadingMeanPct, _) if element => by_element("loading_mean_pct"),
        (M::LoadingP95Pct, _) if element => by_element("loading_p95_pct"),
        (M::OverloadH, _) if element => by_element("hours_above_normal"),
        (M::OverloadH, Kind::Feeder) => by_feeder("feeder_scorecard", "overload_hours"),
        (M::UnbalancePct, _) if element => by_element("unbalance_max_pct"),
        (M::UnbalancePct, Kind::Feeder) => Ok(format!(
            "SELECT feeder, feeder AS object, max(unbalance_max_pct) AS value FROM element_statistics{} GROUP BY feeder",
            where_all(keep)
        )),
        (M::VMinPu, Kind::Bus) => of_buses(q, keep, "voltage_profile", "v_min_pu"),
        (M::VMaxPu, Kind::Bus) => of_buses(q, keep, "voltage_profile", "v_max_pu"),
        (M::VMinPu, Kind::Feeder) => by_feeder("feeder_scorecard", "v_min_pu"),
        (M::VMaxPu, Kind::Feeder) => by_feeder("feeder_scorecard", "v_max_pu"),
        (M::VoltageViolationH | M::UndervoltageH | M::OvervoltageH, _) => {
            let hours = match q.measure {
                M::UndervoltageH => "hours_below_a",
                M::OvervoltageH => "hours_above_a",
                _ => "hours_below_a + hours_above_a",
            };
            match q.of {
                // Of a bus the node that is beyond the limits longest, of a feeder all nodes together.
                Kind::Bus => Ok(format!(
                    "SELECT feeder, bus AS object, max({hours}) AS value FROM node_statistics{} GROUP BY feeder, bus",
                    where_all(&[keep, &bus_conditions(q)].concat())
                )),
                Kind::Feeder => Ok(format!(
                    "SELECT feeder, feeder AS object, sum({hours}) AS value FROM node_statistics{} GROUP BY feeder",
                    where_all(keep)
                )),
                _ => Err(NoSql::NoSuchMeasure),
            }
        }
        (M::ViolationH, Kind::Feeder) => Ok(format!(
            "SELECT feeder, feeder AS object, sum(h) AS value FROM (SELECT feeder, hours_above_normal AS h FROM element_statistics{0} UNION ALL \
             SELECT feeder, hours_below_a + hours_above_a AS h FROM node_statistics{0}) AS all_hours GROUP BY feeder",
            where_all(keep)
        )),
        (M::LossesKwh, _) if element => by_element("losses_kwh"),
        (M::NoLoadLossesKwh, _) if element => by_element("no_load_losses_kwh"),
        (M::EnergyKwh, _) if element => by_element("energy_kwh"),
        (M::ReverseKwh, _) if element => by_element("energy_reverse_kwh"),
        (M::LossesKwh, Kind::Feeder) => by_feeder("losses", "losses_kwh"),
        (M::LossesPct, Kind::Feeder) => by_feeder("losses", "losses_pct"),
        (M::LineLossesKwh, Kind::Feeder) => by_feeder("losses", "line_losses_kwh"),
        (M::TransformerLossesKwh, Kind::Feeder) => by_feeder("losses", "transformer_losses_kwh"),
        (M::NoLoadLossesKwh, Kind::Feeder) => by_feeder("losses", "no_load_losses_kwh"),
        (M::PeakKw, Kind::Feeder) => by_feeder("feeder_scorecard", "peak_kw"),
        (M::EnergyKwh, Kind::Feeder) => by_feeder("feeder_scorecard", "energy_kwh"),
        (M::LoadFactor, Kind::Feeder) => by_feeder("feeder_scorecard", "load_factor"),
        (M::ControlActions, Kind::Feeder) => by_feeder("feeder_scorecard", "control_actions"),
        (M::UnsettledSteps, Kind::Feeder) => by_feeder("feeder_scorecard", "unsettled"),
        (M::LineKm, Kind::Feeder) => by_feeder("feeder_scorecard", "line_km"),
        (M::ReverseKwh, Kind::Feeder) => of_steps(q.measure, keep, &Spans::default()),
        _ => Err(NoSql::NoSuchMeasure),
    }
}

fn of_buses(q: &Query, keep: &[String], view: &str, column: &str) -> Result<String, NoSql> {
    let all = [keep, &bus_conditions(q), &[format!("{column} IS NOT NULL")]].concat();
    Ok(format!("SELECT feeder, bus AS object, {column} AS value FROM {view}{}", where_all(&all)))
}

/// Feeders' figures from their steps within a window.
fn of_steps(measure: Measure, keep: &[String], window: &Spans) -> Result<String, NoSql> {
    let energy = |column: &str| format!("sum({column}) * max(step_h)");
    let value = match measure {
        Measure::PeakKw => "max(source_kw)".to_owned(),
        Measure::EnergyKwh => energy("source_kw"),
        Measure::LossesKwh => energy("losses_kw"),
        Measure::LineLossesKwh => energy("line_losses_kw"),
        Measure::TransformerLossesKwh => energy("transformer_losses_kw"),
        Measure::NoLoadLossesKwh => energy("no_load_losses_kw"),
        Measure::LossesPct => "100 * sum(losses_kw) / nullif(sum(source_kw), 0)".to_owned(),
        Measure::LoadFactor => "avg(source_kw) / nullif(max(source_kw), 0)".to_owned(),
        Measure::ReverseKwh => energy("CASE WHEN source_kw < 0 THEN -source_kw ELSE 0 END"),
        Measure::VMinPu => "min(v_min_pu)".to_owned(),
        Measure::VMaxPu => "max(v_max_pu)".to_owned(),
        Measure::ControlActions => "sum(control_actions)".to_owned(),
        Measure::UnsettledSteps => "sum(CASE WHEN converged THEN 0 ELSE 1 END)".to_owned(),
        _ => return Err(NoSql::NotKept),
    };
    let condition = window.condition("(s.hour - t.step_h)");
    let qualified: Vec<String> = keep.iter().map(|k| format!("s.{k}")).chain(condition).collect();
    Ok(format!(
        "SELECT s.feeder AS feeder, s.feeder AS object, {value} AS value FROM steps AS s JOIN (SELECT study AS t_study, feeder AS t_feeder, step_h \
         FROM feeder_totals) AS t ON s.study = t.t_study AND s.feeder = t.t_feeder{} GROUP BY s.feeder",
        where_all(&qualified)
    ))
}

fn is_of_episodes(m: Measure) -> bool {
    matches!(m, Measure::OverloadH | Measure::VoltageViolationH | Measure::UndervoltageH | Measure::OvervoltageH | Measure::ViolationH)
}

/// Hours beyond limits within a window: the overlap of the episodes with it.
fn of_episodes(q: &Query, keep: &[String], window: &Spans) -> Result<String, NoSql> {
    use Measure as M;
    let kinds = match q.measure {
        M::OverloadH => "'overload'",
        M::LoadingPct => {
            let plain = matches!(q.filters.as_slice(), [f] if f.bound == Bound::Above(100.0));
            // The largest loading of an episode may lie outside the window: its value is not always known, so nothing is made of it.
            let listed = matches!(q.statistic, Statistic::Each | Statistic::Count) && q.order.is_none() && q.against.is_none();
            if !plain || !listed || q.of == Kind::Feeder {
                return Err(NoSql::NotKept);
            }
            "'overload'"
        }
        M::UndervoltageH => "'below_a'",
        M::OvervoltageH => "'above_a'",
        M::VoltageViolationH => "'below_a', 'above_a'",
        M::ViolationH => "'overload', 'below_a', 'above_a'",
        _ => return Err(NoSql::NotKept),
    };
    // A node is its bus and a number.
    let object = match q.of {
        Kind::Feeder => "e.feeder",
        Kind::Bus => "regexp_replace(e.asset, '\\.[0-9]+$', '')",
        _ => "e.asset",
    };
    let mut all: Vec<String> = keep.iter().map(|k| format!("e.{k}")).collect();
    all.push(format!("e.kind IN ({kinds})"));
    match q.of {
        Kind::Bus if !q.names.is_empty() => {
            let names: Vec<String> = q.names.iter().map(|n| quoted(&n.to_lowercase())).collect();
            all.push(format!("lower({object}) IN ({})", names.join(", ")));
        }
        Kind::Transformer | Kind::Line | Kind::Element => all.extend(element_conditions(q, "e.asset")),
        _ => {}
    }
    let overlap = "least(e.start_hour - t.step_h + e.hours, w.until) - greatest(e.start_hour - t.step_h, w.since)";
    all.push(format!("{overlap} > 0"));
    let spans = window.values();
    let from = format!(
        "FROM episodes AS e JOIN (SELECT study AS t_study, feeder AS t_feeder, step_h FROM feeder_totals) AS t ON e.study = t.t_study AND \
         e.feeder = t.t_feeder CROSS JOIN (VALUES {spans}) AS w(since, until)"
    );
    if q.measure == M::LoadingPct {
        let inside = "e.worst_hour - t.step_h >= w.since AND e.worst_hour - t.step_h < w.until";
        return Ok(format!(
            "SELECT e.feeder AS feeder, {object} AS object, max(CASE WHEN {inside} THEN e.worst_value END) AS value {from}{} GROUP BY e.feeder, e.asset",
            where_all(&all)
        ));
    }
    let each = format!("SELECT e.feeder AS feeder, {object} AS object, e.asset AS asset, {overlap} AS h {from}{}", where_all(&all));
    // What has no episode has no hours, and is there: "the fewest" are among them.
    let nothing = match q.of {
        Kind::Feeder => format!("SELECT feeder, feeder AS object, feeder AS asset, 0.0 AS h FROM feeder_totals{}", where_all(keep)),
        Kind::Bus => {
            let all = [keep, &bus_conditions(q)].concat();
            format!("SELECT feeder, bus AS object, node AS asset, 0.0 AS h FROM node_statistics{}", where_all(&all))
        }
        _ => {
            let all = [keep, &element_conditions(q, "element")].concat();
            format!("SELECT feeder, element AS object, element AS asset, 0.0 AS h FROM element_statistics{}", where_all(&all))
        }
    };
    let nodes =
        format!("SELECT feeder, object, asset, sum(h) AS h FROM ({each} UNION ALL {nothing}) AS spells GROUP BY feeder, object, asset");
    // Of a bus the node that is beyond the limits longest; of a feeder all assets together.
    let gather = if q.of == Kind::Feeder { "sum" } else { "max" };
    Ok(format!("SELECT feeder, object, {gather}(h) AS value FROM ({nodes}) AS nodes GROUP BY feeder, object"))
}

/// Parts of the year, hours from its begin; none is all of it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Spans(Vec<(f64, f64)>);

impl Spans {
    fn condition(&self, hour: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        // Begins of steps are multiples of the step but for the last bits.
        let one = |(a, b): &(f64, f64)| format!("({hour} >= {a} - 1e-6 AND {hour} < {b} - 1e-6)");
        Some(format!("({})", self.0.iter().map(one).collect::<Vec<_>>().join(" OR ")))
    }

    fn values(&self) -> String {
        let all = if self.0.is_empty() { vec![(0.0, 8760.0)] } else { self.0.clone() };
        all.iter().map(|(a, b)| format!("({a:.4}, {b:.4})")).collect::<Vec<_>>().join(", ")
    }
}

const LENGTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Day of the year, from 0, of `MM-DD`.
fn day_of_year(text: &str) -> Option<u32> {
    let (month, day) = text.split_once('-')?;
    let (month, day) = (month.parse::<usize>().ok()?, day.parse::<u32>().ok()?);
    let length = *LENGTHS.get(month.checked_sub(1)?)?;
    (1..=length).contains(&day).then(|| LENGTHS[..month - 1].iter().sum::<u32>() + day - 1)
}

fn spans(window: Option<&Window>, calendar: Calendar) -> Result<Option<Spans>, NoSql> {
    let Some(w) = window else { return Ok(None) };
    match (w.year, calendar.year) {
        (Some(asked), None) => return Err(NoSql::YearUnknown { asked }),
        (Some(asked), Some(has)) if asked != has => return Err(NoSql::OtherYear { asked, has }),
        _ => {}
    }
    if w.days.is_none() && w.week.is_none() && w.hours.is_none() {
        return Ok(None);
    }
    let ends = match &w.days {
        Some([a, b]) => day_of_year(a).zip(day_of_year(b)),
        None => Some((0, 364)),
    };
    let (first, last) = ends.ok_or(NoSql::NotKept)?;
    let inside = |d: u32| if first <= last { (first..=last).contains(&d) } else { d >= first || d <= last };
    let weekday = |d: u32| calendar.first_weekday.map(|f| (u32::from(f) + d) % 7);
    let mut parts: Vec<(f64, f64)> = Vec::new();
    for d in (0..365).filter(|d| inside(*d)) {
        match w.week {
            None => {}
            Some(week) => {
                let weekend = weekday(d).ok_or(NoSql::WeekdayUnknown)? >= 5;
                if weekend != (week == Week::Weekends) {
                    continue;
                }
            }
        }
        let start = 24.0 * f64::from(d);
        let of_day = match w.hours {
            None => vec![(0.0, 24.0)],
            Some([a, b]) if a < b => vec![(a, b)],
            // Over midnight: both ends of each of the days.
            Some([a, b]) => vec![(0.0, b), (a, 24.0)],
        };
        for (a, b) in of_day.into_iter().filter(|(a, b)| b > a) {
            match parts.last_mut() {
                Some(p) if (p.1 - (start + a)).abs() < 1e-9 => p.1 = start + b,
                _ => parts.push((start + a, start + b)),
            }
        }
    }
    Ok(Some(Spans(parts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: Option<[&str; 2]>, week: Option<Week>, hours: Option<[f64; 2]>) -> Window {
        Window { year: None, days: days.map(|d| d.map(str::to_owned)), week, hours }
    }

    #[test]
    fn windows_become_spans_of_hours() {
        let calendar = Calendar { year: Some(2023), first_weekday: Some(6) };
        let spans = |w: Window| spans(Some(&w), calendar).unwrap().unwrap().0;
        assert_eq!(spans(window(Some(["08-01", "08-31"]), None, None)), [(212.0 * 24.0, 243.0 * 24.0)]);
        let evenings = spans(window(Some(["08-01", "08-02"]), None, Some([17.0, 21.0])));
        assert_eq!(evenings, [(212.0 * 24.0 + 17.0, 212.0 * 24.0 + 21.0), (213.0 * 24.0 + 17.0, 213.0 * 24.0 + 21.0)]);
        // Winter goes over the end of the year: two spans, 90 days.
        let winter = spans(window(Some(["12-01", "02-28"]), None, None));
        assert_eq!((winter.len(), winter.iter().map(|(a, b)| b - a).sum::<f64>()), (2, 90.0 * 24.0));
        // 2023 began with a Sunday: 53 of them and 52 Saturdays.
        let weekends = spans(window(None, Some(Week::Weekends), None));
        assert_eq!(weekends.iter().map(|(a, b)| b - a).sum::<f64>(), 105.0 * 24.0);
        // Over midnight.
        let night = spans(window(Some(["03-01", "03-01"]), None, Some([22.0, 6.0])));
        assert_eq!(night.iter().map(|(a, b)| b - a).sum::<f64>(), 8.0);
    }

    #[test]
    fn what_a_run_does_not_keep_is_refused() {
        let mut q = Query::new(Measure::LoadingPct, Kind::Transformer);
        q.window = Some(window(Some(["07-01", "07-31"]), None, None));
        assert_eq!(sql(&q, "base", Calendar::default()), Err(NoSql::NotKept));
        q.window = Some(Window { year: Some(2023), ..Window::default() });
        assert_eq!(sql(&q, "base", Calendar::default()), Err(NoSql::YearUnknown { asked: 2023 }));
        let other = Calendar { year: Some(2022), first_weekday: None };
        assert_eq!(sql(&q, "base", other), Err(NoSql::OtherYear { asked: 2023, has: 2022 }));
        let hosting = Query::new(Measure::HostingCapacityKw, Kind::Feeder);
        assert_eq!(sql(&hosting, "base", Calendar::default()), Err(NoSql::OtherStudy(Run::HostingCapacity)));
    }

    #[test]
    fn names_cannot_leave_their_quotes() {
        let mut q = Query::new(Measure::PeakKw, Kind::Feeder);
        q.feeders = vec!["x'; DROP TABLE steps; --".to_owned()];
        let text = sql(&q, "it's", Calendar::default()).unwrap().sql;
        assert!(text.contains("'x''; DROP TABLE steps; --'") && text.contains("'it''s'"), "{text}");
    }
}
