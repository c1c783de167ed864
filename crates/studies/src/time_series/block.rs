//! A few steps side by side, so that what is measured of them fills vector registers.

use num_complex::Complex64;
use powerflow::sparse::Lanes;

/// Steps side by side.
pub const LANES: usize = 8;

/// One quantity of every step of a block.
pub type Lane = [f64; LANES];

/// Voltages and times of up to [`LANES`] settled steps.
#[derive(Clone, Debug)]
pub struct Block {
    /// Voltages by node number, V to earth; the first is the earth.
    pub v: Vec<Lanes<LANES>>,
    /// Clock of each step, h.
    pub hour: Lane,
    /// Number of each step within the run.
    pub step: [u32; LANES],
    /// Steps that are there; lanes beyond hold what was there before.
    pub n: usize,
}

impl Block {
    /// An empty block for `n_nodes` nodes besides the earth.
    pub fn new(n_nodes: usize) -> Self {
        Self { v: vec![Lanes::ZERO; n_nodes + 1], hour: [0.0; LANES], step: [0; LANES], n: 0 }
    }

    /// Adds a step; true when the block is full then.
    pub fn push(&mut self, step: u32, hour: f64, voltages: &[Complex64]) -> bool {
        let lane = self.n;
        for (lanes, v) in self.v.iter_mut().zip(voltages) {
            lanes.re[lane] = v.re;
            lanes.im[lane] = v.im;
        }
        (self.hour[lane], self.step[lane]) = (hour, step);
        self.n += 1;
        self.n == LANES
    }
}

/// Whether the kernels may use AVX2 and FMA.
pub fn has_fma() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// `a b + c` in one rounding where the processor has it.
#[inline(always)]
pub fn multiply_add<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}
