//! Where violations lie together: groups of buses in violation, and whether they are more together than chance would have them.
//!
//! ```text
//! buses in violation ─► DBSCAN on metres ─► groups and single ones
//!                    └► d = mean distance to the nearest other bus in violation
//!                       as many buses drawn from the feeder's own, N times ─► p = (1 + #{d_drawn <= d}) / (1 + N)
//! ```
//!
//! The test draws from the feeder's own buses and not from the plane: buses stand along streets, so that any of them look clustered
//! on a map. A small `p` says that the violations are closer to each other than buses of this feeder are; then they are *systemic* if a
//! group was found, with one cause worth looking for. Without a group they are *isolated*. What lies between is *undecided*.
//!
//! Distance is straight, in metres; two buses that lie side by side on different laterals count as near. Sources: DBSCAN in
//! [`crate::cluster::dbscan`]; the p-value with its one added, B. Phipson and G. Smyth, Statistical Applications in Genetics and Molecular
//! Biology 9 (2010), article 39.

use crate::cluster::dbscan::dbscan;
use crate::guard::FitError;
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};
use studies::synthetic::random::Random;
use thiserror::Error;

/// Mean radius of the earth, m (IUGG).
const EARTH_M: f64 = 6_371_008.8;
/// The stream of random numbers.
const PURPOSE: u64 = 0x5350_4154;

/// A bus of the feeder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub bus: String,
    pub x_m: f64,
    pub y_m: f64,
    /// Hours in violation; 0 for a bus without one.
    pub hours: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpatialOptions {
    /// How near buses of one group are, m. Without it half as much again as the median distance of the feeder's buses to their
    /// `least - 1`-nearest neighbour, a choice.
    pub reach_m: Option<f64>,
    /// Buses in violation within reach (itself counted) that make a group.
    pub least: usize,
    pub draws: u32,
    /// Largest p of what counts as together.
    pub level: f64,
    pub seed: u64,
}

impl Default for SpatialOptions {
    fn default() -> Self {
        Self { reach_m: None, least: 3, draws: 999, level: 0.05, seed: 1 }
    }
}

/// Buses in violation that lie together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Places in the list of buses.
    pub members: Vec<usize>,
    /// Hours of all of them.
    pub hours: f64,
    /// Mean place, m.
    pub x_m: f64,
    pub y_m: f64,
    /// Farthest member from it, m.
    pub radius_m: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Together beyond chance, and a group was found.
    Systemic,
    /// No group.
    Isolated,
    /// A group that chance may have made.
    Undecided,
}

/// Groups, single ones, and what the test says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spatial {
    /// Most hours first.
    pub groups: Vec<Group>,
    pub alone: Vec<usize>,
    pub reach_m: f64,
    /// Mean distance to the nearest other bus in violation, m; none for fewer than two.
    pub nearest_m: Option<f64>,
    /// The same of the draws, their mean, m.
    pub drawn_m: Option<f64>,
    /// None where fewer than three buses, or all, are in violation: then a draw says nothing.
    pub p: Option<f64>,
    pub verdict: Verdict,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SpatialError {
    #[error("bus {bus} has no place or hours that are numbers; leave buses without coordinates out")]
    Place { bus: String },
    #[error("{what} is {value}")]
    Option { what: &'static str, value: f64 },
    #[error("the feeder's {buses} buses are too few to tell how near buses are; give a reach")]
    TooFew { buses: usize },
    #[error(transparent)]
    Fit(#[from] FitError),
}

/// Metres east and north of the mean place, of longitudes and latitudes in degrees. Good to a thousandth within some 50 km.
pub fn project(lon_lat_deg: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let n = lon_lat_deg.len().max(1) as f64;
    let (lon, lat) = lon_lat_deg.iter().fold((0.0, 0.0), |s, p| (s.0 + p.0 / n, s.1 + p.1 / n));
    let shrink = lat.to_radians().cos();
    lon_lat_deg.iter().map(|p| (EARTH_M * (p.0 - lon).to_radians() * shrink, EARTH_M * (p.1 - lat).to_radians())).collect()
}

/// Groups of violations of one feeder, and whether they are together beyond chance.
///
/// `places` are all buses of the feeder that have coordinates. The answer depends on the seed, never on threads.
///
/// # Errors
/// A place that is no number, options out of range, too few buses for a reach of its own.
pub fn spatial(places: &[Place], options: &SpatialOptions) -> Result<Spatial, SpatialError> {
    if let Some(p) = places.iter().find(|p| !(p.x_m.is_finite() && p.y_m.is_finite() && p.hours.is_finite() && p.hours >= 0.0)) {
        return Err(SpatialError::Place { bus: p.bus.clone() });
    }
    let within = |what, value: f64, fits: bool| if fits { Ok(()) } else { Err(SpatialError::Option { what, value }) };
    within("the number of draws", f64::from(options.draws), (19..=100_000).contains(&options.draws))?;
    within("the level", options.level, options.level > 0.0 && options.level < 1.0)?;
    within("the least number of a group", options.least as f64, options.least >= 2)?;
    let reach_m = match options.reach_m {
        Some(r) => r,
        None => usual_reach(places, options.least)?,
    };
    within("the reach, m,", reach_m, reach_m.is_finite() && reach_m > 0.0)?;
    let bad: Vec<usize> = (0..places.len()).filter(|i| places[*i].hours > 0.0).collect();
    let (groups, alone) = groups(places, &bad, reach_m, options.least)?;
    let nearest_m = nearest(places, &bad);
    let tested = bad.len() >= 3 && bad.len() < places.len();
    let (p, drawn_m) = match nearest_m.filter(|_| tested) {
        Some(d) => chance(places, bad.len(), d, options),
        None => (None, None),
    };
    let verdict = match (groups.is_empty(), p) {
        (true, _) => Verdict::Isolated,
        (false, Some(p)) if p <= options.level => Verdict::Systemic,
        // All buses of the feeder are in violation: no draw can tell, and none is needed.
        (false, None) if bad.len() == places.len() => Verdict::Systemic,
        (false, _) => Verdict::Undecided,
    };
    Ok(Spatial { groups, alone, reach_m, nearest_m, drawn_m, p, verdict })
}

fn distance(a: &Place, b: &Place) -> f64 {
    (a.x_m - b.x_m).hypot(a.y_m - b.y_m)
}

fn usual_reach(places: &[Place], least: usize) -> Result<f64, SpatialError> {
    let k = least - 1;
    if places.len() <= k {
        return Err(SpatialError::TooFew { buses: places.len() });
    }
    let of = |i: usize| {
        let mut d: Vec<f64> = (0..places.len()).filter(|j| *j != i).map(|j| distance(&places[i], &places[j])).collect();
        let (_, kth, _) = d.select_nth_unstable_by(k - 1, f64::total_cmp);
        *kth
    };
    let mut all: Vec<f64> = (0..places.len()).map(of).collect();
    let middle = all.len() / 2;
    let (_, median, _) = all.select_nth_unstable_by(middle, f64::total_cmp);
    let reach = 1.5 * *median;
    if reach > 0.0 { Ok(reach) } else { Err(SpatialError::TooFew { buses: places.len() }) }
}

type Groups = (Vec<Group>, Vec<usize>);

fn groups(places: &[Place], bad: &[usize], reach_m: f64, least: usize) -> Result<Groups, SpatialError> {
    if bad.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut x = Matrix::new(2);
    bad.iter().for_each(|i| x.push(&[places[*i].x_m, places[*i].y_m]));
    let found = dbscan(&x, reach_m, least)?;
    let group = |g: usize| {
        let members: Vec<usize> = bad.iter().zip(&found.labels).filter(|(_, l)| **l == Some(g)).map(|(i, _)| *i).collect();
        let n = members.len() as f64;
        let (x_m, y_m) = members.iter().fold((0.0, 0.0), |s, i| (s.0 + places[*i].x_m / n, s.1 + places[*i].y_m / n));
        let radius_m = members.iter().map(|i| (places[*i].x_m - x_m).hypot(places[*i].y_m - y_m)).fold(0.0, f64::max);
        Group { hours: members.iter().map(|i| places[*i].hours).sum(), members, x_m, y_m, radius_m }
    };
    let mut groups: Vec<Group> = (0..found.groups).map(group).collect();
    groups.sort_by(|a, b| b.hours.total_cmp(&a.hours).then(a.members.cmp(&b.members)));
    let alone = bad.iter().zip(&found.labels).filter(|(_, l)| l.is_none()).map(|(i, _)| *i).collect();
    Ok((groups, alone))
}

/// Mean distance of the chosen to the nearest other chosen one.
fn nearest(places: &[Place], chosen: &[usize]) -> Option<f64> {
    if chosen.len() < 2 {
        return None;
    }
    // In order along the longer side the search ends as soon as that coordinate alone is farther than what was found.
    let width = |at: &dyn Fn(&Place) -> f64| {
        let ends = chosen.iter().map(|i| at(&places[*i])).fold((f64::MAX, f64::MIN), |e, v| (e.0.min(v), e.1.max(v)));
        ends.1 - ends.0
    };
    let along_x = width(&|p| p.x_m) >= width(&|p| p.y_m);
    let at = |p: &Place| if along_x { p.x_m } else { p.y_m };
    let mut order = chosen.to_vec();
    order.sort_unstable_by(|a, b| at(&places[*a]).total_cmp(&at(&places[*b])).then(a.cmp(b)));
    let of = |k: usize| {
        let me = &places[order[k]];
        let mut best = f64::INFINITY;
        for other in order[k + 1..].iter().map(|i| &places[*i]) {
            if at(other) - at(me) > best {
                break;
            }
            best = best.min(distance(me, other));
        }
        for other in order[..k].iter().rev().map(|i| &places[*i]) {
            if at(me) - at(other) > best {
                break;
            }
            best = best.min(distance(me, other));
        }
        best
    };
    Some((0..order.len()).map(of).sum::<f64>() / order.len() as f64)
}

/// How often as many buses, drawn at random, are as near to each other; and how near they are in the mean.
fn chance(places: &[Place], n: usize, observed: f64, options: &SpatialOptions) -> (Option<f64>, Option<f64>) {
    let mut pool: Vec<usize> = (0..places.len()).collect();
    let (mut as_near, mut sum) = (0_u32, 0.0);
    for draw in 0..options.draws {
        let mut random = Random::new(options.seed, PURPOSE, u64::from(draw));
        pool.iter_mut().enumerate().for_each(|(i, x)| *x = i);
        // The first n of a Fisher-Yates shuffle.
        for i in 0..n {
            let j = i + ((random.unit() * (pool.len() - i) as f64) as usize).min(pool.len() - i - 1);
            pool.swap(i, j);
        }
        if let Some(d) = nearest(places, &pool[..n]) {
            as_near += u32::from(d <= observed * (1.0 + 1e-12));
            sum += d;
        }
    }
    let p = f64::from(1 + as_near) / f64::from(1 + options.draws);
    (Some(p), Some(sum / f64::from(options.draws)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A street grid of 20 by 20 buses, 50 m apart.
    fn grid(bad: impl Fn(usize, usize) -> bool) -> Vec<Place> {
        let place = |k: usize| {
            let (i, j) = (k % 20, k / 20);
            let hours = if bad(i, j) { 10.0 } else { 0.0 };
            Place { bus: format!("b{k}"), x_m: 50.0 * i as f64, y_m: 50.0 * j as f64, hours }
        };
        (0..400).map(place).collect()
    }

    #[test]
    fn a_block_is_systemic() {
        let s = spatial(&grid(|i, j| (3..6).contains(&i) && (4..8).contains(&j)), &SpatialOptions::default()).unwrap();
        assert_eq!((s.verdict, s.groups.len(), s.alone.len()), (Verdict::Systemic, 1, 0));
        let g = &s.groups[0];
        assert_eq!((g.members.len(), g.hours, g.x_m, g.y_m), (12, 120.0, 200.0, 275.0));
        assert!((g.radius_m - 50_f64.hypot(75.0)).abs() < 1e-9 && s.nearest_m == Some(50.0));
        // Twelve of four hundred at random are never all neighbours.
        assert_eq!(s.p, Some(1.0 / 1000.0));
        assert_eq!(s.reach_m, 75.0);
    }

    #[test]
    fn single_ones_far_apart_are_isolated() {
        let s = spatial(&grid(|i, j| i % 6 == 1 && j % 6 == 1), &SpatialOptions::default()).unwrap();
        assert_eq!((s.verdict, s.groups.len()), (Verdict::Isolated, 0));
        assert!(s.p.unwrap() > 0.9 && s.alone.len() == 16, "{s:?}");
    }

    /// Under the null hypothesis p is even: about a twentieth of random choices are below 0.05.
    #[test]
    fn random_choices_are_rarely_together() {
        let options = SpatialOptions { draws: 199, ..SpatialOptions::default() };
        let mut below = 0;
        for trial in 0..200 {
            let mut random = Random::new(7, 99, trial);
            let mut places = grid(|_, _| false);
            let mut left = 30;
            while left > 0 {
                let k = (random.unit() * 400.0) as usize;
                if places[k].hours == 0.0 {
                    places[k].hours = 1.0;
                    left -= 1;
                }
            }
            below += usize::from(spatial(&places, &options).unwrap().p.unwrap() <= 0.05);
        }
        println!("{below} of 200 random choices at or below 0.05");
        // Binomial with 200 trials and 0.05: 10 expected, more than 22 once in ten thousand.
        assert!(below <= 22, "{below}");
    }

    /// Buses along one road: a run of neighbours in violation is systemic, the same number spread along it is not, though both lie on a line.
    #[test]
    fn the_test_is_against_the_feeders_own_buses() {
        let road = |bad: &dyn Fn(usize) -> bool| -> Vec<Place> {
            (0..100).map(|k| Place { bus: k.to_string(), x_m: 100.0 * k as f64, y_m: 0.0, hours: f64::from(u8::from(bad(k))) }).collect()
        };
        let together = spatial(&road(&|k| (40..50).contains(&k)), &SpatialOptions::default()).unwrap();
        let spread = spatial(&road(&|k| k % 10 == 0), &SpatialOptions::default()).unwrap();
        assert_eq!((together.verdict, spread.verdict), (Verdict::Systemic, Verdict::Isolated));
        // All of them: nothing to draw from.
        let all = spatial(&road(&|_| true), &SpatialOptions::default()).unwrap();
        assert_eq!((all.verdict, all.p), (Verdict::Systemic, None));
        let none = spatial(&road(&|_| false), &SpatialOptions::default()).unwrap();
        assert_eq!((none.verdict, none.groups.len(), none.nearest_m), (Verdict::Isolated, 0, None));
    }

    #[test]
    fn degrees_become_metres() {
        // A minute of latitude is 1853 m on this sphere; at 60 degrees one of longitude is half of it.
        let p = project(&[(10.0, 60.0), (10.0 + 1.0 / 60.0, 60.0), (10.0, 60.0 + 1.0 / 60.0)]);
        assert!(((p[1].0 - p[0].0) / 926.6 - 1.0).abs() < 1e-3 && ((p[2].1 - p[0].1) / 1853.2 - 1.0).abs() < 1e-3, "{p:?}");
    }

    #[test]
    fn bad_input_is_named() {
        let mut places = grid(|i, _| i == 0);
        places[7].x_m = f64::NAN;
        assert_eq!(spatial(&places, &SpatialOptions::default()), Err(SpatialError::Place { bus: "b7".to_owned() }));
        let one = &grid(|_, _| true)[..1];
        assert_eq!(spatial(one, &SpatialOptions::default()), Err(SpatialError::TooFew { buses: 1 }));
        let options = SpatialOptions { draws: 3, ..SpatialOptions::default() };
        assert!(matches!(spatial(&grid(|_, _| true), &options), Err(SpatialError::Option { .. })));
    }
}
