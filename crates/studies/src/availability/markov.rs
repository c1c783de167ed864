//! Units that wait for one another: standby, switching that may fail, fewer crews than failures.
//!
//! # The chain
//!
//! `n` units alike, failure rate `lambda = 1 / MTBF`, repair rate `mu = 1 / MTTR`, `k` required, `r` running as long as there are enough (`r = k` with
//! standby, `r = n` without), `c` crews. A state is the number `j` of failed units and whether the block is *stuck*: a switch did not take over, though
//! units wait. Of the `n - j` that do not fail `r` run and the rest waits, failing `alpha` times as often (0 cold, 1 hot).
//!
//! ```text
//! j    -> j + 1         running rate x p, + waiting rate        taken over (p: success of the switching), or none waits
//! j    -> (j + 1)stuck  running rate x (1 - p)                  where one waits that would have been switched in
//! j    -> j - 1         min(j, c) mu                            the repaired unit is put to work, a stuck block with it
//! stuck -> j            1 / manual time                         switched by hand
//! ```
//!
//! Up are the states that are not stuck with `n - j >= k`. With `pi` the steady state, `A` is the sum of `pi` over them and the frequency of failure the
//! flow of probability from them to the others. For one and one cold this is `A = (1 + rho) / (1 + rho + rho^2)` with one crew, `rho = lambda / mu`
//! (Billinton and Allan, Reliability Evaluation of Engineering Systems, 1992, chapters 8 and 9).
//!
//! The steady state is eliminated state by state without a subtraction (Grassmann, Taksar and Heyman, Operations Research 33, 1985, 1107-1116), so small
//! probabilities have all their digits.
//!
//! Without repair, from all units new, the probability to be up at `t` comes from the same chain by uniformisation: with `q` at least every rate of
//! leaving, `P(t) = sum over m of Poisson(m; q t) P(0) (1 + Q / q)^m`.

/// Units of a group at most: its states are eliminated in a full matrix.
pub const UNITS_MAX: usize = 200;

/// Units that wait for one another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    pub units: usize,
    /// Units without which the block is down.
    pub required: usize,
    /// Units that run while there are enough of them.
    pub running: usize,
    pub crews: usize,
    pub mtbf_h: f64,
    pub mttr_h: f64,
    /// Failure rate of a waiting unit over that of a running one.
    pub standby_factor: f64,
    /// Probability that a waiting unit takes over.
    pub success: f64,
    /// Mean time until someone switches by hand.
    pub manual_h: Option<f64>,
}

/// Steady state of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chain {
    pub availability: f64,
    pub unavailability: f64,
    /// Failures of the block, per hour.
    pub frequency_per_h: f64,
}

/// A state: failed units, and whether a switch did not take over.
type State = (usize, bool);

impl Group {
    /// States that can be, the whole one first.
    fn states(&self) -> Vec<State> {
        let stuck = (1..self.units).filter(|j| self.success < 1.0 && self.units - j >= self.required).map(|j| (j, true));
        (0..=self.units).map(|j| (j, false)).chain(stuck).collect()
    }

    fn is_up(&self, (failed, stuck): State) -> bool {
        !stuck && self.units - failed >= self.required
    }

    /// Rates out of a state, per hour.
    fn rates(&self, (failed, stuck): State, repairs: bool) -> Vec<(State, f64)> {
        let (lambda, good) = (1.0 / self.mtbf_h, self.units - failed);
        let mut out = Vec::new();
        let enough = |j: usize| self.units - j >= self.required;
        let running = if stuck { (self.running - 1).min(good) } else { self.running.min(good) };
        let waiting = good - running;
        let next = |failed: usize, stuck: bool| (failed, stuck && enough(failed));
        if running > 0 {
            let rate = running as f64 * lambda;
            if stuck {
                out.push((next(failed + 1, true), rate));
            } else if waiting > 0 {
                out.push(((failed + 1, false), rate * self.success));
                if self.success < 1.0 {
                    out.push((next(failed + 1, true), rate * (1.0 - self.success)));
                }
            } else {
                out.push(((failed + 1, false), rate));
            }
        }
        if waiting > 0 && self.standby_factor > 0.0 {
            out.push((next(failed + 1, stuck), waiting as f64 * lambda * self.standby_factor));
        }
        if repairs && failed > 0 {
            out.push(((failed - 1, false), failed.min(self.crews) as f64 / self.mttr_h));
        }
        if stuck && let Some(t) = self.manual_h {
            out.push(((failed, false), 1.0 / t));
        }
        out
    }

    /// Steady state with repair.
    pub fn solve(&self) -> Chain {
        let states = self.states();
        let n = states.len();
        let at = |s: State| states.iter().position(|x| *x == s);
        let mut rate = vec![vec![0.0; n]; n];
        for (i, s) in states.iter().enumerate() {
            for (to, r) in self.rates(*s, true) {
                if let Some(j) = at(to) {
                    rate[i][j] += r;
                }
            }
        }
        let pi = steady(rate.clone());
        let up: Vec<bool> = states.iter().map(|s| self.is_up(*s)).collect();
        let sum = |wanted: bool| pi.iter().zip(&up).filter(|(_, u)| **u == wanted).map(|(p, _)| *p).sum::<f64>();
        let lost = |i: usize| rate[i].iter().zip(&up).filter(|(_, u)| !**u).map(|(r, _)| *r).sum::<f64>();
        let frequency_per_h = (0..n).filter(|i| up[*i]).map(|i| pi[i] * lost(i)).sum();
        Chain { availability: sum(true), unavailability: sum(false), frequency_per_h }
    }

    /// Probability that the block has not yet been down at `t_h` hours, with all units new at 0 and none repaired; exponential lifetimes.
    ///
    /// `None` where so many units live so short a time that the sum would be too long.
    pub fn survives(&self, t_h: f64) -> Option<f64> {
        let states = self.states();
        let n = states.len();
        // A block that has been down has not survived, whatever is switched by hand later.
        let moves: Vec<Vec<(usize, f64)>> = states
            .iter()
            .map(|s| {
                let out = if self.is_up(*s) { self.rates(*s, false) } else { Vec::new() };
                out.into_iter().filter_map(|(to, r)| states.iter().position(|x| *x == to).map(|j| (j, r))).collect()
            })
            .collect();
        let q = moves.iter().map(|m| m.iter().map(|x| x.1).sum::<f64>()).fold(0.0, f64::max);
        let mean = q * t_h;
        if mean > 1e6 {
            return None;
        }
        let mut p = vec![0.0; n];
        p[0] = 1.0;
        let up = |p: &[f64]| p.iter().zip(&states).filter(|(_, s)| self.is_up(**s)).map(|(p, _)| *p).sum::<f64>();
        // Weights by their logarithms, so that none underflows before its time.
        let (mut log_weight, mut sum, mut m) = (-mean, 0.0, 0.0_f64);
        loop {
            let live = up(&p);
            sum += log_weight.exp() * live;
            m += 1.0;
            log_weight += mean.ln() - m.ln();
            if mean == 0.0 || live < 1e-300 || (m > mean && log_weight < -60.0) {
                return Some(sum.clamp(0.0, 1.0));
            }
            let mut next = p.clone();
            for (i, out) in moves.iter().enumerate() {
                for (j, r) in out {
                    next[i] -= p[i] * r / q;
                    next[*j] += p[i] * r / q;
                }
            }
            next.iter_mut().for_each(|x| *x = x.max(0.0));
            p = next;
        }
    }
}

/// Steady state of a chain by its rates.
fn steady(mut rate: Vec<Vec<f64>>) -> Vec<f64> {
    let n = rate.len();
    // Eliminated from the last: what went through it goes where it led.
    let mut out = vec![0.0; n];
    for k in (1..n).rev() {
        let leaving: f64 = rate[k][..k].iter().sum();
        out[k] = leaving;
        if leaving == 0.0 {
            continue;
        }
        for i in 0..k {
            let to_k = rate[i][k];
            if to_k > 0.0 {
                for j in 0..k {
                    if j != i {
                        let through = to_k * rate[k][j] / leaving;
                        rate[i][j] += through;
                    }
                }
            }
        }
    }
    let mut pi = vec![0.0; n];
    pi[0] = 1.0;
    for k in 1..n {
        if out[k] > 0.0 {
            pi[k] = (0..k).map(|i| pi[i] * rate[i][k]).sum::<f64>() / out[k];
        }
    }
    let total: f64 = pi.iter().sum();
    pi.iter_mut().for_each(|p| *p /= total);
    pi
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> Group {
        Group {
            units: 2,
            required: 1,
            running: 1,
            crews: 1,
            mtbf_h: 8760.0,
            mttr_h: 24.0,
            standby_factor: 0.0,
            success: 1.0,
            manual_h: None,
        }
    }

    fn near(a: f64, b: f64, relative: f64) {
        assert!((a / b - 1.0).abs() < relative, "{a} {b}");
    }

    #[test]
    fn pairs_have_their_closed_forms() {
        let rho: f64 = 24.0 / 8760.0;
        let cold = pair().solve();
        near(cold.unavailability, rho * rho / (1.0 + rho + rho * rho), 1e-14);
        // Down from one failed unit on, at the rate of the one that runs.
        near(cold.frequency_per_h, rho / (1.0 + rho + rho * rho) / 8760.0, 1e-14);
        let hot = Group { running: 2, ..pair() }.solve();
        near(hot.unavailability, 2.0 * rho * rho / (1.0 + 2.0 * rho + 2.0 * rho * rho), 1e-14);
        // Two crews and all running: independent units.
        let free = Group { running: 2, crews: 2, ..pair() }.solve();
        let u = 24.0 / 8784.0;
        near(free.unavailability, u * u, 1e-13);
        near(free.frequency_per_h, 2.0 * u * u / 24.0, 1e-13);
        let warm = Group { standby_factor: 1.0, ..pair() }.solve();
        near(warm.unavailability, hot.unavailability, 1e-14);
    }

    #[test]
    fn switching_that_fails_is_a_single_unit() {
        // Nobody switches: a failure is a standstill until the repair, as of one unit alone; from state 1 nothing else is left.
        let never = Group { success: 0.0, ..pair() }.solve();
        near(never.unavailability, 24.0 / 8784.0, 1e-3);
        // A half: by hand worked steady state. From whole: lambda/2 to running on one, lambda/2 to stuck; both back by mu.
        let (l, m) = (1.0 / 8760.0, 1.0 / 24.0);
        let half = Group { success: 0.5, ..pair() }.solve();
        // Balance with p1 (one failed, running), s (stuck), p2: whole = 1; s mu = l/2; p1 (mu + l) = l/2 + p2 mu; p2 mu = p1 l.
        let s = 0.5 * l / m;
        let p1 = 0.5 * l / m;
        let p2 = p1 * l / m;
        near(half.unavailability, (s + p2) / (1.0 + s + p1 + p2), 1e-13);
        near(half.frequency_per_h, (0.5 * l + p1 * l) / (1.0 + s + p1 + p2), 1e-13);
        let by_hand = Group { success: 0.5, manual_h: Some(1e-6), ..pair() }.solve();
        near(by_hand.unavailability, pair().solve().unavailability, 1e-3);
    }

    #[test]
    fn cold_units_without_repair_live_one_after_another() {
        // Erlang: exp(-x) (1 + x + x^2 / 2) with three units.
        for t in [0.0, 100.0, 8760.0, 60_000.0] {
            let x: f64 = t / 8760.0;
            let found = Group { units: 3, ..pair() }.survives(t).unwrap();
            assert!((found - (-x).exp() * (1.0 + x + x * x / 2.0)).abs() < 1e-12, "{t} {found}");
        }
        let x: f64 = 0.3;
        let two_of_three = Group { units: 3, required: 2, running: 3, ..pair() }.survives(0.3 * 8760.0).unwrap();
        let r = (-x).exp();
        assert!((two_of_three - (3.0 * r * r - 2.0 * r * r * r)).abs() < 1e-12);
    }
}
