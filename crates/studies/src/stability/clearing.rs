//! The critical clearing time: the longest that a disturbance may last without loss of synchronism.
//!
//! Bisection over the clearing time. What it rests on is a bracket: a time with which a whole run was stable and a longer one with which it was not, both
//! told with all trials. Between the bounds stability need not change only once (a machine may survive its first swing and fall out in the second);
//! the bracket is true all the same, and the trials show a change that is not the only one.

use super::event::Event;
use super::prepare::Study;
use super::verdict::Ended;
use network::Diagnostic;

/// Where the time is sought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClearingBounds {
    pub low_s: f64,
    pub high_s: f64,
    /// Width of the bracket at which the search ends, s.
    pub tolerance_s: f64,
}

impl Default for ClearingBounds {
    fn default() -> Self {
        Self { low_s: 0.0, high_s: 1.0, tolerance_s: 1e-4 }
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    pub clearing_s: f64,
    pub stable: bool,
    /// When synchronism, or the solution, was lost.
    pub lost_s: Option<f64>,
    pub angle_deg: f64,
}

/// What the search found; trials in the order in which they were made.
#[derive(Clone, Debug, PartialEq)]
pub enum Clearing {
    /// Stable with `stable_s`, unstable with `unstable_s`.
    Bracket { stable_s: f64, unstable_s: f64, trials: Vec<Trial> },
    /// Stable even at the upper bound.
    Stable { trials: Vec<Trial> },
    /// Unstable even at the lower bound.
    Unstable { trials: Vec<Trial> },
}

impl Study {
    /// Finds the critical clearing time.
    ///
    /// `events` makes the events of a clearing time in seconds (for example [`bus_fault`](super::bus_fault) with it as the duration). Each run lasts as the
    /// options say.
    ///
    /// # Errors
    /// Bounds that are none, and findings on the events.
    pub fn critical_clearing(&self, events: &dyn Fn(f64) -> Vec<Event>, bounds: &ClearingBounds) -> Result<Clearing, Vec<Diagnostic>> {
        let ClearingBounds { low_s, high_s, tolerance_s } = *bounds;
        if !(low_s >= 0.0 && high_s > low_s && high_s.is_finite() && tolerance_s > 1e-9) {
            let finding = Diagnostic::error("STABILITY.CLEARING.BOUNDS", "the bounds of a clearing time are none")
                .detail(format!("From {low_s} s to {high_s} s within {tolerance_s} s."))
                .hint("0 <= low < high, and a tolerance above a nanosecond.");
            return Err(vec![finding]);
        }
        let mut trials = Vec::new();
        let mut stable_at = |clearing_s: f64| -> Result<bool, Vec<Diagnostic>> {
            let run = self.follow(&events(clearing_s), self.options.duration_s, false)?;
            let lost_s = run.verdict.lost_s.or(match run.verdict.ended {
                Ended::NoSolution { t_s, .. } => Some(t_s),
                _ => None,
            });
            trials.push(Trial { clearing_s, stable: run.verdict.stable, lost_s, angle_deg: run.verdict.angle_deg });
            Ok(run.verdict.stable)
        };
        if !stable_at(low_s)? {
            return Ok(Clearing::Unstable { trials });
        }
        if stable_at(high_s)? {
            return Ok(Clearing::Stable { trials });
        }
        let (mut low, mut high) = (low_s, high_s);
        while high - low > tolerance_s {
            let middle = low + (high - low) / 2.0;
            if stable_at(middle)? { low = middle } else { high = middle }
        }
        Ok(Clearing::Bracket { stable_s: low, unstable_s: high, trials })
    }
}
