//! Noise without a state: the value of a channel at a tick is a hash of seed, channel and tick, so that a plant that goes back in time sees
//! the same noise again. The hash is the finaliser of splitmix64 (Steele, Lea and Flood 2014); normal values by Box and Muller.

/// A hash of three numbers.
fn hash(seed: u64, channel: u64, tick: u64) -> u64 {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let golden = 0x9e37_79b9_7f4a_7c15_u64;
    mix(mix(mix(seed.wrapping_add(golden)) ^ channel.wrapping_mul(golden)).wrapping_add(tick.wrapping_mul(golden)))
}

/// Uniform in (0, 1).
pub fn uniform(seed: u64, channel: u64, tick: u64) -> f64 {
    ((hash(seed, channel, tick) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// Normal with mean 0 and deviation 1.
pub fn normal(seed: u64, channel: u64, tick: u64) -> f64 {
    let (a, b) = (uniform(seed, channel, tick), uniform(seed, channel ^ 0x5555_0000_0000_0000, tick));
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// A course without jumps: normal values every `period_s`, joined by a cosine.
pub fn course(seed: u64, channel: u64, time_s: f64, period_s: f64) -> f64 {
    let at = time_s / period_s;
    let (tick, part) = (at.floor(), at - at.floor());
    let (a, b) = (normal(seed, channel, tick as i64 as u64), normal(seed, channel, (tick as i64 + 1) as u64));
    a + (b - a) * (1.0 - (std::f64::consts::PI * part).cos()) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_normal_and_repeat() {
        let n = 20_000;
        let v: Vec<f64> = (0..n).map(|t| normal(7, 3, t)).collect();
        let mean = v.iter().sum::<f64>() / n as f64;
        let variance = v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        // Four standard errors of a mean and a variance of so many values.
        assert!(mean.abs() < 4.0 / (n as f64).sqrt() && (variance - 1.0).abs() < 4.0 * (2.0 / n as f64).sqrt(), "{mean} {variance}");
        assert_eq!(v[5], normal(7, 3, 5));
        assert_ne!(v[5], normal(8, 3, 5));
        assert_eq!(course(1, 2, 30.0, 10.0), normal(1, 2, 3));
    }
}
