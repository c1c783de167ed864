//! Pauses between attempts to connect.
//!
//! The n-th pause is `first · 2^(n−1)`, at most `longest`, times a number from 0.75 to 1.25 that differs from device to device and from
//! attempt to attempt, so that a hundred devices behind one broken switch do not all come back in one instant.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Backoff {
    first_s: f64,
    longest_s: f64,
    attempts: u32,
    state: u64,
}

impl Backoff {
    /// `seed` names the device: the same one gives the same pauses.
    pub fn new(first_s: f64, longest_s: f64, seed: &str) -> Self {
        // FNV-1a.
        let state = seed.bytes().fold(0xCBF2_9CE4_8422_2325, |h: u64, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3));
        Self { first_s, longest_s, attempts: 0, state }
    }

    /// SplitMix64.
    fn draw(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ z >> 31) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let doubled = self.first_s * 2f64.powi(self.attempts.min(30) as i32);
        self.attempts = self.attempts.saturating_add(1);
        Duration::from_secs_f64((doubled.min(self.longest_s) * (0.75 + 0.5 * self.draw())).max(0.001))
    }

    /// The device answered.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_start_anew() {
        let mut backoff = Backoff::new(0.5, 5.0, "bay-1");
        for middle in [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0] {
            let pause = backoff.pause().as_secs_f64();
            assert!((0.75 * middle..=1.25 * middle).contains(&pause), "{pause} for {middle}");
        }
        backoff.reset();
        assert!(backoff.pause().as_secs_f64() <= 0.625);
        let of = |seed: &str| Backoff::new(1.0, 9.0, seed).pause();
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
    }
}
