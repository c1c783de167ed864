//! How many floating-point operations a second one thread of this machine does at most.
//!
//! The kernel is fused multiply-adds alone, on registers alone: twelve independent sums, more than latency times units of any present
//! processor, each a vector of the widest registers there are. A fused multiply-add counts as two operations a lane. What a solver
//! reaches is always less, for it has to load what it computes with.

use cpu_time::ThreadTime;
use std::hint::black_box;

/// Independent sums.
const SUMS: usize = 12;

/// Multiply-adds of each sum in one timed block: long against the clock's resolution.
const ROUNDS: usize = 1 << 22;

/// Blocks, of which the fastest counts: the first ones find the processor's clock low, others may be disturbed.
const BLOCKS: usize = 6;

/// Operations per second in double precision, of one thread.
pub fn flop_per_s() -> f64 {
    (0..BLOCKS).map(|_| block()).fold(0.0, f64::max)
}

fn block() -> f64 {
    let start = ThreadTime::now();
    let lanes = black_box(run(black_box(0.999_999), black_box(1e-9)));
    let seconds = start.elapsed().as_secs_f64();
    (2 * lanes * SUMS * ROUNDS) as f64 / seconds.max(1e-9)
}

/// Runs the widest kernel there is; gives the lanes of its vectors.
fn run(factor: f64, addend: f64) -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the feature.
            black_box(unsafe { x86::wide(factor, addend) });
            return 8;
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features.
            black_box(unsafe { x86::half(factor, addend) });
            return 4;
        }
    }
    let mut sums: [f64; SUMS] = std::array::from_fn(|k| k as f64);
    for _ in 0..ROUNDS {
        for s in &mut sums {
            // Fused only where the target has it without asking; a call into a library would measure the call.
            *s = if cfg!(target_feature = "fma") || cfg!(target_arch = "aarch64") {
                s.mul_add(factor, addend)
            } else {
                *s * factor + addend
            };
        }
    }
    black_box(sums);
    1
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{ROUNDS, SUMS};
    use std::arch::x86_64::{__m256d, __m512d, _mm256_fmadd_pd, _mm256_set1_pd, _mm512_fmadd_pd, _mm512_set1_pd};

    #[target_feature(enable = "avx512f")]
    pub fn wide(factor: f64, addend: f64) -> [__m512d; SUMS] {
        let (factor, addend) = (_mm512_set1_pd(factor), _mm512_set1_pd(addend));
        let mut sums = [addend; SUMS];
        for _ in 0..ROUNDS {
            for s in &mut sums {
                *s = _mm512_fmadd_pd(*s, factor, addend);
            }
        }
        sums
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn half(factor: f64, addend: f64) -> [__m256d; SUMS] {
        let (factor, addend) = (_mm256_set1_pd(factor), _mm256_set1_pd(addend));
        let mut sums = [addend; SUMS];
        for _ in 0..ROUNDS {
            for s in &mut sums {
                *s = _mm256_fmadd_pd(*s, factor, addend);
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_one_that_a_processor_can_have() {
        let rate = flop_per_s();
        // 100 MHz of one operation a cycle, and 10 GHz of two units with eight lanes of multiply-adds.
        assert!((1e8..4e11).contains(&rate), "{rate:e}");
    }
}
