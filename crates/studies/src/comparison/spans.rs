//! Sets of steps as runs of them.

use std::collections::BTreeSet;

/// A set of steps: runs from the first step to the one behind the last, in order, none touching another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<(u32, u32)>);

impl Spans {
    /// The union of runs, in any order.
    pub fn of(mut runs: Vec<(u32, u32)>) -> Self {
        runs.retain(|(a, b)| a < b);
        runs.sort_unstable();
        let mut spans: Vec<(u32, u32)> = Vec::with_capacity(runs.len());
        for (a, b) in runs {
            match spans.last_mut() {
                Some(last) if a <= last.1 => last.1 = last.1.max(b),
                _ => spans.push((a, b)),
            }
        }
        Self(spans)
    }

    /// Number of steps.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|(a, b)| b - a).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// First step and number of steps of each run.
    pub fn runs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.0.iter().map(|&(a, b)| (a, b - a))
    }

    pub fn steps(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|&(a, b)| a..b)
    }

    /// Steps of both.
    pub fn and(&self, other: &Self) -> Self {
        let (mut i, mut j, mut out) = (0, 0, Vec::new());
        while let (Some(&(a, b)), Some(&(c, d))) = (self.0.get(i), other.0.get(j)) {
            if a.max(c) < b.min(d) {
                out.push((a.max(c), b.min(d)));
            }
            if b <= d {
                i += 1;
            } else {
                j += 1;
            }
        }
        Self(out)
    }

    /// Steps of this that the other has not.
    pub fn minus(&self, other: &Self) -> Self {
        let (mut out, mut j) = (Vec::new(), 0);
        for &(a, b) in &self.0 {
            let mut at = a;
            while j < other.0.len() && other.0[j].1 <= at {
                j += 1;
            }
            let mut k = j;
            while k < other.0.len() && other.0[k].0 < b {
                let (c, d) = other.0[k];
                if at < c {
                    out.push((at, c));
                }
                at = at.max(d);
                k += 1;
            }
            if at < b {
                out.push((at, b));
            }
        }
        Self(out)
    }

    /// Steps of this that are none of some.
    pub fn without(&self, steps: &BTreeSet<u32>) -> Self {
        if steps.is_empty() {
            return self.clone();
        }
        self.minus(&Self::of(steps.iter().map(|&s| (s, s.saturating_add(1))).collect()))
    }

    /// Steps before one.
    pub fn before(&self, end: u32) -> Self {
        Self(self.0.iter().filter(|(a, _)| *a < end).map(|&(a, b)| (a, b.min(end))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All pairs of sets over seven steps, against sets of numbers.
    #[test]
    fn they_are_sets() {
        let of = |bits: u32| Spans::of((0..7).filter(|i| bits & (1 << i) != 0).map(|i| (i, i + 1)).collect());
        let bits = |s: &Spans| s.steps().fold(0_u32, |m, i| m | (1 << i));
        for a in 0..128 {
            assert_eq!(bits(&of(a)), a);
            assert_eq!(of(a).len(), a.count_ones());
            for b in 0..128 {
                let (x, y) = (of(a), of(b));
                for (found, expected) in [(x.and(&y), a & b), (x.minus(&y), a & !b)] {
                    assert_eq!(bits(&found), expected, "{a:b} {b:b}");
                    assert!(found.0.windows(2).all(|w| w[0].1 < w[1].0), "runs touch: {found:?}");
                }
            }
            assert_eq!(bits(&of(a).before(3)), a & 7);
        }
        assert_eq!(Spans::of(vec![(5, 9), (1, 3), (2, 4), (7, 7)]).0, [(1, 4), (5, 9)]);
    }
}
