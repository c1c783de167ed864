//! The largest size that keeps every limit, and how it is known that no smaller one crosses any.
//!
//! Sizes are whole steps `k`. Hosting capacity is the step before the first one that crosses a limit, which is what trying step after step
//! finds. A search by brackets finds the same only if it cannot step over a smaller size that crosses a limit while larger ones keep it again,
//! as happens when a regulator acts between them. So an interval whose ends both keep all limits is not taken as kept: it is proven, or split.
//!
//! # Proof of an interval
//!
//! Let taps, banks and switches stand alike at both ends `a < b`, `h = b - a`. A criterion's value is a maximum over nodes or elements of smooth
//! functions `f` of the size, none of which bends downwards by more than `M = max(-f'')`. Each lies below its chord plus what the bend allows,
//! and the chord of each below the chord of the maximum, so that everywhere between
//!
//! ```text
//! value(x) <= u(t) = e_a + s t + M/2 t (h - t),     t = x - a,  s = (e_b - e_a) / h
//! max u = max(e_a, e_b)                             if |s| >= M h / 2
//!       = (e_a + e_b)/2 + M h^2/8 + s^2/(2 M)       otherwise
//! ```
//!
//! with `e` the excess over the limit (minus the margin). `M` is four times the largest downward bend that second differences of the bus's own
//! probes have shown, and never less than a bend that lifts the middle by a fiftieth of the change from end to end. Until three probes
//! have shown a bend, the interval is split. Steep criteria, those that limit, pass by the first line: they grow all the way, so the ends are
//! the worst. Values that fall and rise again (a line first relieved, then loaded backwards) bend upwards, which only helps.
//!
//! Where taps differ between the ends, both ends are solved with the other's positions too (from no resource at all, the states with controls held, which
//! every probe solves first, serve as well). If all four keep all limits, and the bound holds with the worse of both positions at each end, every position
//! between them does too, as long as positions move one way as the size grows. Otherwise the interval is split, down to neighbouring steps if need be.
//!
//! Positions need not move one way: a regulator rests anywhere within its band, and where it comes to rest depends on the way. On the IEEE 123-node feeder
//! one size leaves a tap higher than a smaller and a larger one do, and crosses a limit that both keep. The strict proof therefore demands, wherever a control has
//! acted at an end, that the bound stays away from the limit by what the taps within the widest band can make: that much of the voltage,
//! a hundred times it of the unbalance, twice it of loadings and flows. Where no control has acted at either end, held and free states are the
//! same and nothing is demanded. The quick proof leaves the distance out, for studies of thousands of hours.

use super::criteria::{Criteria, Criterion, N, Readings};
use super::probe::Probe;
use powerflow::{CircuitError, Positions};
use std::collections::BTreeMap;
use std::sync::Arc;

/// By how much bends may exceed those that were seen.
const BEND_MARGIN: f64 = 4.0;

/// Share of the change from end to end by which the middle may always lie above the chord.
const LEAST_BEND: f64 = 0.02;

/// Answers probes of whole steps.
pub trait Steps {
    /// # Errors
    /// A circuit that cannot be factored.
    fn probe(&mut self, k: u32) -> Result<Probe, CircuitError>;

    /// Readings of step 0 at positions that a probe ended with.
    ///
    /// # Errors
    /// As [`Steps::probe`].
    fn nothing_at(&mut self, positions: &Arc<Vec<Positions>>) -> Result<Readings, CircuitError>;

    /// # Errors
    /// As [`Steps::probe`].
    fn probe_at(&mut self, k: u32, positions: &[Positions]) -> Result<Readings, CircuitError>;
}

/// What is taken for proof.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Proof {
    /// Nothing: every step is tried.
    EveryStep,
    /// Distance from the limits by what controls may leave otherwise, pu of voltage, where they have acted.
    Strict { slack_pu: f64 },
    /// Positions move one way.
    Quick,
}

/// Largest downward bends seen of each criterion, per step squared; NaN where none was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Bends([f64; N]);

impl Default for Bends {
    fn default() -> Self {
        Self([f64::NAN; N])
    }
}

/// A search for the first step that crosses a limit.
pub struct Search<'a> {
    steps: &'a mut dyn Steps,
    criteria: &'a Criteria,
    bends: &'a mut Bends,
    proof: Proof,
    seen: BTreeMap<u32, Probe>,
}

impl<'a> Search<'a> {
    /// `nothing` is the probe of step 0. `bends` are those seen of the same bus earlier, at other hours.
    pub fn new(steps: &'a mut dyn Steps, criteria: &'a Criteria, bends: &'a mut Bends, proof: Proof, nothing: Probe) -> Self {
        Self { steps, criteria, bends, proof, seen: BTreeMap::from([(0, nothing)]) }
    }

    /// Looks for criteria other than those it was made with, with all that it has seen.
    pub fn with(&mut self, criteria: &'a Criteria) {
        self.criteria = criteria;
    }

    /// What was found at a step that was probed.
    pub fn at(&self, k: u32) -> Option<&Probe> {
        self.seen.get(&k)
    }

    /// The first step up to `last` that crosses a limit, or `None` where all keep them. `guess` is where it is expected.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn first_crossing(&mut self, last: u32, guess: Option<u32>) -> Result<Option<u32>, CircuitError> {
        if self.crosses(0)? {
            return Ok(Some(0));
        }
        if self.proof == Proof::EveryStep {
            for k in 1..=last {
                if self.crosses(k)? {
                    return Ok(Some(k));
                }
            }
            return Ok(None);
        }
        let mut a = 0;
        let mut b = guess.unwrap_or(last.div_ceil(64).min(64)).clamp(1, last.max(1));
        loop {
            if let Some(k) = self.within(a, b, 0)? {
                return Ok(Some(k));
            }
            if b >= last {
                return Ok(None);
            }
            let next = self.extrapolated(a, b);
            a = b;
            b = next.clamp(a + 1, last);
        }
    }

    fn crosses(&mut self, k: u32) -> Result<bool, CircuitError> {
        if !self.seen.contains_key(&k) {
            let probe = self.steps.probe(k)?;
            self.seen.insert(k, probe);
        }
        Ok(self.seen[&k].readings.violates(self.criteria))
    }

    fn margin(&self, k: u32, c: Criterion, limit: f64) -> f64 {
        self.seen[&k].readings.margin(c, limit)
    }

    /// The first step in `(a, b]` that crosses a limit, where `a` keeps all. `slow` counts brackets that hardly shrank.
    fn within(&mut self, a: u32, b: u32, slow: u32) -> Result<Option<u32>, CircuitError> {
        let is_bad = self.crosses(b)?;
        if b == a + 1 {
            return Ok(is_bad.then_some(b));
        }
        if !is_bad && self.is_proven(a, b)? {
            return Ok(None);
        }
        let m = if is_bad && slow < 2 { self.interpolated(a, b) } else { a + (b - a) / 2 };
        if self.crosses(m)? {
            return self.within(a, m, if 2 * (m - a) > b - a { slow + 1 } else { 0 });
        }
        match self.within(a, m, 0)? {
            Some(k) => Ok(Some(k)),
            None => self.within(m, b, if 2 * (b - m) > b - a { slow + 1 } else { 0 }),
        }
    }

    /// Where a straight line between the ends crosses the first limit: the last step before it, strictly inside.
    fn interpolated(&self, a: u32, b: u32) -> u32 {
        let span = f64::from(b - a);
        let mut share = 1.0_f64;
        for (c, limit) in self.criteria.iter() {
            let (from, to) = (self.margin(a, c, limit), self.margin(b, c, limit));
            if to >= 0.0 {
                continue;
            }
            let at = from / (from - to);
            // Where nothing settled, or a value is no number, the middle is as good as any.
            share = share.min(if c == Criterion::Solution || !at.is_finite() { 0.5 } else { at });
        }
        (a + (span * share) as u32).clamp(a + 1, b - 1)
    }

    /// Where the lines through the last two probes cross the first limit, or four times as far where none does.
    fn extrapolated(&self, a: u32, b: u32) -> u32 {
        let h = f64::from(b - a);
        let far = f64::from(b) * 4.0;
        let mut at = far;
        for (c, limit) in self.criteria.iter().filter(|(c, _)| *c != Criterion::Solution) {
            let (from, to) = (self.margin(a, c, limit), self.margin(b, c, limit));
            if from.is_finite() && to.is_finite() && from > to {
                at = at.min(f64::from(b) + to / (from - to) * h);
            }
        }
        // One step beyond, so that the bracket closes.
        (at.min(f64::from(u32::MAX) - 2.0) as u32).saturating_add(1)
    }

    /// Whether no step between two that keep all limits can cross one.
    fn is_proven(&mut self, a: u32, b: u32) -> Result<bool, CircuitError> {
        self.look_at_bends(a, b);
        let (at_a, at_b) = (self.seen[&a].clone(), self.seen[&b].clone());
        let at_rest = &self.seen[&0].positions;
        let slack_pu = match self.proof {
            Proof::Strict { slack_pu } if at_a.positions != *at_rest || at_b.positions != *at_rest => slack_pu,
            _ => 0.0,
        };
        if !self.bound_holds(a, b, &at_a.readings, &at_b.readings, slack_pu) {
            return Ok(false);
        }
        if at_a.positions == at_b.positions {
            return Ok(true);
        }
        if b - a <= 3 {
            return Ok(false);
        }
        let (mut worse_a, mut worse_b) = (at_a.readings, at_b.readings);
        let other_b = if a == 0 { at_b.held } else { self.steps.probe_at(b, &at_a.positions)? };
        if other_b.violates(self.criteria) {
            return Ok(false);
        }
        let other_a = if a == 0 { self.steps.nothing_at(&at_b.positions)? } else { self.steps.probe_at(a, &at_b.positions)? };
        if other_a.violates(self.criteria) {
            return Ok(false);
        }
        worse_a.worsen_by(&other_a);
        worse_b.worsen_by(&other_b);
        Ok(self.bound_holds(a, b, &worse_a, &worse_b, slack_pu))
    }

    /// Distance from its limit that a criterion must keep where controls may rest otherwise by `slack_pu` of voltage.
    fn distance(&self, c: Criterion, limit: f64, at_a: &Readings, at_b: &Readings, slack_pu: f64) -> f64 {
        match c {
            Criterion::OverVoltage | Criterion::UnderVoltage => slack_pu,
            Criterion::VoltageUnbalance => 100.0 * slack_pu,
            Criterion::ThermalLine | Criterion::ThermalTransformer => 2.0 * slack_pu * limit,
            Criterion::ReverseFlowHead | Criterion::ReverseFlowRegulator | Criterion::ReverseFlowTransformer => {
                let size = |r: &Readings| r.of(c).map_or(0.0, |r| r.value.abs());
                2.0 * slack_pu * size(&self.seen[&0].readings).max(size(at_a)).max(size(at_b))
            }
            // Read with controls held, or without any power flow.
            _ => 0.0,
        }
    }

    /// The bound of the chord and the bend, for every criterion.
    fn bound_holds(&self, a: u32, b: u32, at_a: &Readings, at_b: &Readings, slack_pu: f64) -> bool {
        let h = f64::from(b - a);
        self.criteria.iter().filter(|(c, _)| *c != Criterion::Solution).all(|(c, limit)| {
            let (e_a, e_b) = (-at_a.margin(c, limit), -at_b.margin(c, limit));
            if e_a == f64::NEG_INFINITY && e_b == f64::NEG_INFINITY {
                return true;
            }
            let seen = self.bends.0[c as usize];
            if !(e_a.is_finite() && e_b.is_finite() && seen.is_finite()) {
                return false;
            }
            let change = e_b - e_a;
            let bend = (BEND_MARGIN * seen).max(8.0 * LEAST_BEND * change.abs() / (h * h));
            let slope = change / h;
            let highest = if slope.abs() >= bend * h / 2.0 {
                e_a.max(e_b)
            } else {
                (e_a + e_b) / 2.0 + bend * h * h / 8.0 + slope * slope / (2.0 * bend)
            };
            highest <= -self.distance(c, limit, at_a, at_b, slack_pu)
        })
    }

    /// Takes the bends that neighbouring probes of equal positions show, within and next to an interval.
    fn look_at_bends(&mut self, a: u32, b: u32) {
        let from = self.seen.range(..a).next_back().map_or(a, |(k, _)| *k);
        let to = self.seen.range(b + 1..).next().map_or(b, |(k, _)| *k);
        let near: Vec<(f64, &Probe)> = self.seen.range(from..=to).map(|(k, p)| (f64::from(*k), p)).collect();
        let mut bends = self.bends.0;
        for three in near.windows(3) {
            let [(x0, p0), (x1, p1), (x2, p2)] = three else { continue };
            let alike = p0.positions == p1.positions && p1.positions == p2.positions;
            for c in Criterion::ALL {
                // What is read with controls held does not depend on where they come to stand.
                if !alike && !c.is_frozen() && !c.is_of_faults() {
                    continue;
                }
                let value = |p: &Probe| p.readings.margin(c, 0.0);
                let (m0, m1, m2) = (value(p0), value(p1), value(p2));
                if !(m0.is_finite() && m1.is_finite() && m2.is_finite()) {
                    continue;
                }
                // The excess is minus the margin: a margin that bends upwards is an excess that bends downwards.
                let second = 2.0 * ((m2 - m1) / (x2 - x1) - (m1 - m0) / (x1 - x0)) / (x2 - x0);
                let known = &mut bends[c as usize];
                *known = if known.is_nan() { second.max(0.0) } else { known.max(second) };
            }
        }
        self.bends.0 = bends;
    }
}

#[cfg(test)]
mod tests {
    use super::super::criteria::At;
    use super::*;

    /// A made-up criterion of the step, probed and counted.
    struct Made<F: Fn(f64) -> f64>(F, u32);

    impl<F: Fn(f64) -> f64> Steps for Made<F> {
        fn probe(&mut self, k: u32) -> Result<Probe, CircuitError> {
            self.1 += 1;
            let mut readings = Readings::settled();
            readings.worsen(Criterion::OverVoltage, (self.0)(f64::from(k)), At::Everywhere);
            Ok(Probe { readings, held: readings, positions: Arc::new(Vec::new()) })
        }

        fn nothing_at(&mut self, _positions: &Arc<Vec<Positions>>) -> Result<Readings, CircuitError> {
            Ok(self.probe(0)?.readings)
        }

        fn probe_at(&mut self, k: u32, _positions: &[Positions]) -> Result<Readings, CircuitError> {
            Ok(self.probe(k)?.readings)
        }
    }

    fn both(f: impl Fn(f64) -> f64 + Copy, last: u32, guess: Option<u32>) -> (Option<u32>, Option<u32>, u32) {
        let criteria = Criteria::of(&[Criterion::OverVoltage]);
        let run = |every| {
            let mut made = Made(f, 0);
            let nothing = made.probe(0).unwrap();
            let mut bends = Bends::default();
            let mut search = Search::new(&mut made, &criteria, &mut bends, if every { Proof::EveryStep } else { Proof::Quick }, nothing);
            let found = search.first_crossing(last, guess).unwrap();
            (found, made.1)
        };
        let (fast, n) = run(false);
        (fast, run(true).0, n)
    }

    #[test]
    fn a_line_and_a_parabola_are_found_in_few_probes() {
        let (fast, slow, n) = both(|x| 1.0 + 1e-4 * x, 5000, None);
        assert_eq!((fast, slow), (Some(501), Some(501)));
        assert!(n < 12, "{n}");
        let (fast, slow, n) = both(|x| 1.0 + 2e-4 * x - 1e-8 * x * x, 5000, None);
        assert_eq!(fast, slow);
        assert!(n < 20, "{n}");
    }

    #[test]
    fn a_hill_between_two_good_steps_is_found_from_any_guess() {
        // Above the limit between 275 and 335 and nowhere else.
        let hill = |x: f64| 1.051 - 1.1e-6 * (x - 305.0) * (x - 305.0);
        for guess in [None, Some(1), Some(100), Some(300), Some(1000), Some(2000)] {
            let (fast, slow, _) = both(hill, 2000, guess);
            assert_eq!(fast, slow, "{guess:?}");
            assert_eq!(slow, Some(275));
        }
    }

    #[test]
    fn no_crossing_is_no_answer_and_a_crossing_at_nothing_is_step_zero() {
        assert_eq!(both(|x| 1.0 - 1e-6 * x, 900, None).0, None);
        assert_eq!(both(|_| 1.06, 900, None).0, Some(0));
        assert_eq!(both(|x| 1.0 + 0.2 * x, 1, None).0, Some(1));
    }
}
