//! What a run means: synchronism, frequency, damping.
//!
//! Synchronism is lost when two machines of one island are further apart than a limit, 180 degrees unless told otherwise. Machines of different islands
//! are not compared.
//!
//! Frequency is that of the centre of inertia of the island with most inertia. Its rate of change is the largest mean rate over 500 ms after the first
//! event, the window that network codes use; it has settled when it stays within 20 mHz of its last value, at least a second before the end.
//!
//! Damping. Of the machine that swings widest against its centre of inertia after the last event, successive extremes `e_k` differ by
//! `A_k = |e_(k+1) - e_k|`, in which a constant offset has no part. A swing of damping ratio `ζ` has `ln(A_k / A_(k+1)) = π ζ / sqrt(1 - ζ²)`; `A_k` of the last
//! half of the extremes gives it, where one swing is left of several. It is an estimate, of one mode.

use super::step::Moving;
use super::trajectory::Trajectories;
use std::f64::consts::PI;

/// Window of the rate of change of frequency, s.
const RATE_WINDOW_S: f64 = 0.5;
/// Band in which a frequency counts as settled, Hz.
const SETTLED_HZ: f64 = 0.02;
/// Differences of extremes below this are no swing, radians.
const SMALLEST_SWING: f64 = 1e-4;

/// How a run came to its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// All of its time.
    Whole,
    /// Synchronism was lost, and the options stop there.
    Unstable,
    /// The equations have no solution that the iteration finds; the voltage moved most at `bus`.
    NoSolution { t_s: f64, bus: String },
}

/// A swing that dies away, or grows.
#[derive(Clone, Debug, PartialEq)]
pub struct Damping {
    pub machine: String,
    pub frequency_hz: f64,
    /// Of critical damping; negative: it grows.
    pub ratio: f64,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Synchronism was kept to the end, and there was a solution all the time.
    pub stable: bool,
    pub ended: Ended,
    pub end_s: f64,
    /// When synchronism was lost.
    pub lost_s: Option<f64>,
    /// Largest difference of two machines' angles in one island, its machines and moment.
    pub angle_deg: f64,
    pub angle_machines: Option<(String, String)>,
    pub angle_s: f64,
    /// Least and greatest frequency, and when.
    pub nadir_hz: f64,
    pub nadir_s: f64,
    pub zenith_hz: f64,
    pub zenith_s: f64,
    /// Last frequency.
    pub final_hz: f64,
    /// Largest rate, with its sign; none where the run ended within its window.
    pub rocof_hz_per_s: Option<f64>,
    /// From the last event until the frequency stays near its last value; none where it does not.
    pub settling_s: Option<f64>,
    /// Of the dominating swing; none where there is none, or no trajectory was kept.
    pub damping: Option<Damping>,
}

/// Follows a run step by step.
pub(super) struct Follow {
    f_0: f64,
    limit: f64,
    first_event: Option<f64>,
    lost_s: Option<f64>,
    angle: f64,
    angle_s: f64,
    pair: Option<(String, String)>,
    frequency: Vec<(f64, f64)>,
}

impl Follow {
    pub fn new(f_0: f64, limit_deg: f64, first_event: Option<f64>) -> Self {
        Self { f_0, limit: limit_deg.to_radians(), first_event, lost_s: None, angle: 0.0, angle_s: 0.0, pair: None, frequency: Vec::new() }
    }

    /// Notes a moment; true when synchronism is lost.
    pub fn note(&mut self, t: f64, units: &[Moving], island: &[u32]) -> bool {
        let of = |u: &Moving| island[u.node as usize];
        for (k, u) in units.iter().enumerate() {
            // Once an island: at its first unit.
            if units[..k].iter().any(|o| of(o) == of(u)) {
                continue;
            }
            let here = || units.iter().filter(|o| of(o) == of(u));
            let (Some(low), Some(high)) =
                (here().min_by(|a, b| a.x[0].total_cmp(&b.x[0])), here().max_by(|a, b| a.x[0].total_cmp(&b.x[0])))
            else {
                continue;
            };
            let spread = high.x[0] - low.x[0];
            if spread > self.angle {
                (self.angle, self.angle_s) = (spread, t);
                self.pair = Some((high.unit.name.clone(), low.unit.name.clone()));
            }
            if spread > self.limit && self.lost_s.is_none() {
                self.lost_s = Some(t);
            }
        }
        // The island with most inertia.
        let inertia = |u: &Moving| if u.unit.machine.is_infinite() { f64::INFINITY } else { u.unit.machine.h_s() * u.unit.base_mva };
        let mut best = (f64::NEG_INFINITY, 0.0);
        for (k, u) in units.iter().enumerate() {
            if units[..k].iter().any(|o| of(o) == of(u)) {
                continue;
            }
            let (mut sum, mut weighted) = (0.0, 0.0);
            for o in units.iter().filter(|o| of(o) == of(u)) {
                sum += inertia(o);
                weighted += if inertia(o) == f64::INFINITY { 0.0 } else { inertia(o) * o.x[1] };
            }
            let speed = if sum == f64::INFINITY { 0.0 } else { weighted / sum };
            if sum > best.0 {
                best = (sum, speed);
            }
        }
        if !units.is_empty() {
            self.frequency.push((t, self.f_0 * (1.0 + best.1)));
        }
        self.lost_s.is_some()
    }

    pub fn verdict(self, ended: Ended, end_s: f64, last_event: Option<f64>, trajectories: &Trajectories) -> Verdict {
        let first = self.frequency.first().copied().unwrap_or((0.0, self.f_0));
        let by = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let nadir = self.frequency.iter().min_by(by).copied().unwrap_or(first);
        let zenith = self.frequency.iter().rev().max_by(by).copied().unwrap_or(first);
        let last = self.frequency.last().copied().unwrap_or(first);
        let settling_s = last_event.and_then(|event| {
            let outside = self.frequency.iter().rev().find(|f| (f.1 - last.1).abs() > SETTLED_HZ).map_or(event, |f| f.0.max(event));
            (ended == Ended::Whole && outside <= end_s - 1.0).then_some(outside - event)
        });
        let damping = last_event.filter(|_| self.lost_s.is_none()).and_then(|event| damping(trajectories, event));
        Verdict {
            stable: self.lost_s.is_none() && ended == Ended::Whole,
            ended,
            end_s,
            lost_s: self.lost_s,
            angle_deg: self.angle.to_degrees(),
            angle_machines: self.pair,
            angle_s: self.angle_s,
            nadir_hz: nadir.1,
            nadir_s: nadir.0,
            zenith_hz: zenith.1,
            zenith_s: zenith.0,
            final_hz: last.1,
            rocof_hz_per_s: self.first_event.and_then(|event| rate(&self.frequency, event)),
            settling_s,
            damping,
        }
    }
}

/// Largest mean rate over the window, from `event` on.
fn rate(frequency: &[(f64, f64)], event: f64) -> Option<f64> {
    let mut largest: Option<f64> = None;
    let mut j = 0;
    for &(t, f) in frequency.iter().filter(|f| f.0 >= event - 1e-9) {
        while j < frequency.len() && frequency[j].0 < t + RATE_WINDOW_S - 1e-9 {
            j += 1;
        }
        let Some(&(end, g)) = frequency.get(j) else { break };
        let rate = (g - f) / (end - t);
        if largest.is_none_or(|l| rate.abs() > l.abs()) {
            largest = Some(rate);
        }
    }
    largest
}

/// The widest swing after `event`.
fn damping(trajectories: &Trajectories, event: f64) -> Option<Damping> {
    let swings = (0..trajectories.machines().len()).map(|k| {
        let after = trajectories.swing(k).into_iter().filter(|s| s.0 > event + 1e-9).filter_map(|(t, a)| Some((t, a?))).collect::<Vec<_>>();
        let (low, high) = after.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), s| (l.min(s.1), h.max(s.1)));
        (k, high - low, after)
    });
    let (k, _, swing) = swings.filter(|s| s.1.is_finite()).max_by(|a, b| a.1.total_cmp(&b.1))?;
    let (frequency_hz, ratio) = decay(&swing)?;
    Some(Damping { machine: trajectories.machines()[k].clone(), frequency_hz, ratio })
}

/// Frequency and damping ratio of a swing given by (time, angle).
fn decay(swing: &[(f64, f64)]) -> Option<(f64, f64)> {
    let mut extremes: Vec<(f64, f64)> = Vec::new();
    for w in swing.windows(3) {
        let (a, b) = (w[1].1 - w[0].1, w[2].1 - w[1].1);
        if a * b < 0.0 && (w[2].0 - w[1].0 - (w[1].0 - w[0].0)).abs() < 1e-9 {
            // The top of the parabola through three samples.
            let h = w[1].0 - w[0].0;
            let top = -0.5 * (a + b) / (b - a);
            extremes.push((w[1].0 + top * h, w[1].1 - (a + b).powi(2) / (8.0 * (b - a))));
        }
    }
    let mut parts: Vec<(f64, f64)> = extremes.windows(2).map(|w| (w[1].0 - w[0].0, (w[1].1 - w[0].1).abs())).collect();
    if let Some(end) = parts.iter().position(|p| p.1 < SMALLEST_SWING) {
        parts.truncate(end);
    }
    let parts = &parts[parts.len() / 2..];
    if parts.len() < 2 {
        return None;
    }
    let n = parts.len() as f64 - 1.0;
    let fall = (parts[0].1 / parts[parts.len() - 1].1).ln() / n;
    let half = parts.iter().map(|p| p.0).sum::<f64>() / parts.len() as f64;
    Some((0.5 / half, fall / (PI * PI + fall * fall).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_swing_gives_back_its_frequency_and_damping() {
        let (zeta, f) = (0.05, 1.1);
        let w = 2.0 * PI * f;
        let sigma = zeta * w / (1.0f64 - zeta * zeta).sqrt();
        let swing: Vec<_> = (0..1000).map(|i| 0.01 * f64::from(i)).map(|t| (t, 0.3 + 0.5 * (-sigma * t).exp() * (w * t).sin())).collect();
        let (frequency, ratio) = decay(&swing).unwrap();
        assert!((frequency - f).abs() < 1e-3 && (ratio - zeta).abs() < 1e-3, "{frequency} {ratio}");
        let growing: Vec<_> = swing.iter().map(|&(t, _)| (t, 0.01 * (0.2 * t).exp() * (w * t).sin())).collect();
        assert!(decay(&growing).unwrap().1 < -0.02);
        assert_eq!(decay(&swing[..20]), None);
    }

    #[test]
    fn the_rate_of_change_is_that_of_half_a_second() {
        // 1 Hz/s down from 2 s to 2.25 s, then level: over half a second 0.5 Hz/s.
        let f: Vec<_> = (0..400).map(|i| 0.01 * f64::from(i)).map(|t| (t, 50.0 - (t - 2.0).clamp(0.0, 0.25))).collect();
        assert!((rate(&f, 1.0).unwrap() + 0.5).abs() < 1e-9);
        assert_eq!(rate(&f, 3.8), None);
    }
}
