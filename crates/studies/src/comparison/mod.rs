//! What one run through time has that another has not: violations that are new, worse, less or mended, by asset and step.
//!
//! A run keeps, for each asset and each limit, the episodes that the asset spends beyond it: unbroken runs of steps. So the steps beyond a
//! limit are a set, `B` of the base and `C` of the case. Steps that did not settle in either run say nothing of either, and leave both sets.
//! Then
//!
//! ```text
//! new       C \ B
//! mended    B \ C
//! remaining B ∩ C
//! ```
//!
//! and an asset is, for one limit, the first of these that holds:
//!
//! ```text
//! added      the base has no such asset               gone       the case has no such asset
//! new        B is empty                               mended     C is empty
//! worsened   C has more steps, or goes farther        eased      C has fewer steps, or goes less far
//! same       neither
//! ```
//!
//! "Farther" is told by the worst value of all the asset's episodes, with a tolerance of [`TOLERANCE_PCT`] for loadings and [`TOLERANCE_PU`]
//! for voltages, which is above what the end of an iteration leaves open. Where one of the two grew and the other fell the asset counts as
//! worsened: an engineer must look at it.

mod spans;
mod tables;

pub use crate::time_series::Limit;
pub use spans::Spans;
pub use tables::{asset_table, bus_table, element_table, feeder_table, hour_table, span_table};

use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Loadings closer than this are the same, %.
pub const TOLERANCE_PCT: f64 = 0.01;

/// Voltages closer than this are the same, per unit.
pub const TOLERANCE_PU: f64 = 1e-5;

/// Values of a limit closer than this are the same.
fn tolerance(limit: Limit) -> f64 {
    if limit.is_thermal() { TOLERANCE_PCT } else { TOLERANCE_PU }
}

/// An unbroken time beyond a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    pub limit: Limit,
    /// Element as `line.l1`, or node as `bus.1`.
    pub asset: String,
    /// First step, and how many.
    pub first: u32,
    pub steps: u32,
    /// Value farthest beyond the limit, % or per unit, and its step.
    pub worst: f64,
    pub worst_step: u32,
    pub limit_value: f64,
}

/// What one run says of one feeder.
#[derive(Clone, Debug, Default)]
pub struct Side {
    pub episodes: Vec<Episode>,
    /// Steps that did not settle.
    pub unsettled: BTreeSet<u32>,
    /// Elements and nodes that there are; nothing where the run did not keep them.
    pub assets: Option<HashSet<String>>,
}

/// What became of an asset and a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Became {
    New,
    Worsened,
    Added,
    Same,
    Eased,
    Mended,
    Gone,
}

impl Became {
    pub const ALL: [Self; 7] = [Self::New, Self::Worsened, Self::Added, Self::Same, Self::Eased, Self::Mended, Self::Gone];

    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Worsened => "worsened",
            Self::Added => "added",
            Self::Same => "same",
            Self::Eased => "eased",
            Self::Mended => "mended",
            Self::Gone => "gone",
        }
    }
}

/// One asset and one limit in two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub asset: String,
    pub limit: Limit,
    pub became: Became,
    pub base_steps: u32,
    pub case_steps: u32,
    pub new: Spans,
    pub mended: Spans,
    pub remaining: Spans,
    /// Values farthest beyond the limit; none where a run never is.
    pub worst_base: Option<f64>,
    pub worst_case: Option<f64>,
    /// The limit itself, that of the case where it is there.
    pub limit_value: f64,
}

/// A feeder in two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct FeederComparison {
    pub feeder: String,
    /// Name of the run that is compared with the base.
    pub case: String,
    /// What changed most comes first.
    pub changes: Vec<Change>,
    /// Steps that did not settle in one of the runs or both, and count in neither.
    pub steps_left_out: usize,
}

#[derive(Default)]
struct One {
    spans: Vec<(u32, u32)>,
    worst: Option<f64>,
    limit_value: f64,
}

/// Spans, worst value and limit of each asset and limit, before `end`. An episode whose worst step lies behind tells no worst value.
fn by_asset(side: &Side, left_out: &BTreeSet<u32>, end: u32) -> BTreeMap<(String, Limit), (Spans, Option<f64>, f64)> {
    let mut found: BTreeMap<(String, Limit), One> = BTreeMap::new();
    for e in side.episodes.iter().filter(|e| e.first < end) {
        let one = found.entry((e.asset.clone(), e.limit)).or_default();
        one.spans.push((e.first, e.first.saturating_add(e.steps)));
        one.limit_value = e.limit_value;
        if e.worst_step < end && one.worst.is_none_or(|w| e.limit.beyond(e.worst, w) > 0.0) {
            one.worst = Some(e.worst);
        }
    }
    found.into_iter().map(|(key, one)| (key, (Spans::of(one.spans).without(left_out).before(end), one.worst, one.limit_value))).collect()
}

/// Compares one feeder of a case with that of the base. Only steps before `end` count, so that runs of different length can be compared.
///
/// # Returns
/// A change for each asset and limit that either run is beyond at some step; what is worst first: new, worsened, added, same, eased, mended,
/// gone, and of each those with the most steps.
pub fn compare(feeder: &str, case: &str, base: &Side, with: &Side, end: u32) -> FeederComparison {
    let left_out: BTreeSet<u32> = base.unsettled.union(&with.unsettled).copied().filter(|s| *s < end).collect();
    let (mut of_base, mut of_case) = (by_asset(base, &left_out, end), by_asset(with, &left_out, end));
    let keys: BTreeSet<(String, Limit)> = of_base.keys().chain(of_case.keys()).cloned().collect();
    let mut changes = Vec::new();
    for key in keys {
        let (b, c) = (of_base.remove(&key), of_case.remove(&key));
        let limit_value = c.as_ref().or(b.as_ref()).map_or(f64::NAN, |x| x.2);
        let (in_base, worst_base) = b.map_or_else(|| (Spans::default(), None), |(s, w, _)| (s, w));
        let (in_case, worst_case) = c.map_or_else(|| (Spans::default(), None), |(s, w, _)| (s, w));
        let (asset, limit) = key;
        let (base_steps, case_steps) = (in_base.len(), in_case.len());
        if base_steps == 0 && case_steps == 0 {
            continue;
        }
        let lacks = |side: &Side| side.assets.as_ref().is_some_and(|all| !all.contains(&asset));
        let farther = match (worst_case, worst_base) {
            (Some(c), Some(b)) => limit.beyond(c, b),
            _ => 0.0,
        };
        let became = if lacks(base) {
            Became::Added
        } else if lacks(with) {
            Became::Gone
        } else if base_steps == 0 {
            Became::New
        } else if case_steps == 0 {
            Became::Mended
        } else if case_steps > base_steps || farther > tolerance(limit) {
            Became::Worsened
        } else if case_steps < base_steps || farther < -tolerance(limit) {
            Became::Eased
        } else {
            Became::Same
        };
        changes.push(Change {
            new: in_case.minus(&in_base),
            mended: in_base.minus(&in_case),
            remaining: in_base.and(&in_case),
            worst_base: worst_base.filter(|_| base_steps > 0),
            worst_case: worst_case.filter(|_| case_steps > 0),
            asset,
            limit,
            became,
            base_steps,
            case_steps,
            limit_value,
        });
    }
    changes.sort_by(|a, b| {
        let moved = |c: &Change| c.new.len() + c.mended.len();
        a.became.cmp(&b.became).then(moved(b).cmp(&moved(a))).then(a.asset.cmp(&b.asset)).then(a.limit.cmp(&b.limit))
    });
    FeederComparison { feeder: feeder.to_owned(), case: case.to_owned(), changes, steps_left_out: left_out.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn episode(limit: Limit, asset: &str, first: u32, steps: u32, worst: f64) -> Episode {
        let limit_value = if limit.is_thermal() { 100.0 } else { 0.95 };
        Episode { limit, asset: asset.into(), first, steps, worst, worst_step: first, limit_value }
    }

    /// Sets of steps counted one by one say the same as spans.
    #[test]
    fn every_step_is_new_mended_or_remaining() {
        let base = Side {
            episodes: vec![episode(Limit::Overload, "line.a", 3, 4, 110.0), episode(Limit::Overload, "line.a", 9, 2, 104.0)],
            ..Side::default()
        };
        let with =
            Side { episodes: vec![episode(Limit::Overload, "line.a", 5, 5, 112.0)], unsettled: BTreeSet::from([6, 20]), ..Side::default() };
        let found = compare("f", "a", &base, &with, 100);
        let [c] = &found.changes[..] else { panic!("one asset") };
        // Base 3 4 5 9 10, case 5 7 8 9: step 6 did not settle in the case.
        assert_eq!((c.base_steps, c.case_steps), (5, 4));
        assert_eq!(c.new.steps().collect::<Vec<_>>(), [7, 8]);
        assert_eq!(c.mended.steps().collect::<Vec<_>>(), [3, 4, 10]);
        assert_eq!(c.remaining.steps().collect::<Vec<_>>(), [5, 9]);
        assert_eq!((c.became, c.worst_base, c.worst_case), (Became::Worsened, Some(110.0), Some(112.0)));
        assert_eq!(found.steps_left_out, 2);
    }

    #[test]
    fn what_became_of_an_asset() {
        let all = ["line.a", "line.b", "n.1", "n.2", "n.3", "line.old"].map(str::to_owned);
        let base = Side {
            episodes: vec![
                episode(Limit::Overload, "line.b", 1, 2, 120.0),
                episode(Limit::BelowA, "n.1", 1, 2, 0.94),
                episode(Limit::BelowA, "n.2", 1, 2, 0.94),
                episode(Limit::BelowA, "n.3", 1, 2, 0.94),
                episode(Limit::Overload, "line.old", 1, 1, 101.0),
            ],
            assets: Some(all.iter().cloned().collect()),
            ..Side::default()
        };
        let with = Side {
            episodes: vec![
                episode(Limit::Overload, "line.a", 1, 2, 120.0),
                episode(Limit::BelowA, "n.1", 1, 2, 0.930),
                // Within the tolerance.
                episode(Limit::BelowA, "n.2", 1, 2, 0.940_005),
                episode(Limit::BelowA, "n.3", 1, 1, 0.94),
                episode(Limit::Overload, "transformer.t9", 1, 1, 101.0),
            ],
            assets: Some(all[..5].iter().cloned().chain(["transformer.t9".to_owned()]).collect()),
            ..Side::default()
        };
        let found = compare("f", "a", &base, &with, 100);
        let told: Vec<_> = found.changes.iter().map(|c| (c.asset.as_str(), c.became.name())).collect();
        assert_eq!(
            told,
            [
                ("line.a", "new"),
                ("n.1", "worsened"),
                ("transformer.t9", "added"),
                ("n.2", "same"),
                ("n.3", "eased"),
                ("line.b", "mended"),
                ("line.old", "gone")
            ]
        );
    }

    #[test]
    fn what_lies_after_the_shorter_run_does_not_count() {
        let base = Side::default();
        let with = Side { episodes: vec![episode(Limit::Overload, "line.a", 22, 5, 120.0)], ..Side::default() };
        let found = compare("f", "a", &base, &with, 24);
        assert_eq!(found.changes[0].new.steps().collect::<Vec<_>>(), [22, 23]);
        assert!(compare("f", "a", &base, &with, 20).changes.is_empty());
        assert!(compare("f", "a", &with, &with, 100).changes.iter().all(|c| c.became == Became::Same && c.new.is_empty()));
    }
}
