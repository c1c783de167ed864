//! Blocks in a row, forwards and back.
//!
//! With `g` the slope of the loss for the forecast and `d_l` that for the residual `x_l`, going from the last block to the first with `d_{L+1} = 0`:
//!
//! ```text
//! slope of θ_l = [-d_{l+1} B_bᵀ, g B_fᵀ]        d_l = d_{l+1} + (what the dense network sends back to its inputs)
//! ```

use super::{Basis, NBeatsOptions};
use crate::net::product::{Panel, Strided, add_product};
use crate::net::{Head, Layout, Loss, NetError, Real, Tape};
use std::f64::consts::TAU;

/// Weights that a block gives for one basis, and that basis row after row; none is the basis of the values themselves.
#[derive(Debug)]
struct Rows<T> {
    weights: usize,
    values: Option<Vec<T>>,
}

impl<T: Real> Rows<T> {
    /// `at(step)` is the time in parts of the window or horizon and in steps from the origin.
    fn new(basis: Basis, steps: usize, at: impl Fn(usize) -> (f64, f64)) -> Self {
        let row = |f: &dyn Fn(f64, f64) -> f64| {
            (0..steps)
                .map(|s| {
                    let (part, step) = at(s);
                    T::of(f(part, step))
                })
                .collect::<Vec<T>>()
        };
        match basis {
            Basis::Trend { degree } => {
                let values = (0..=degree).flat_map(|p| row(&|part, _| part.powi(p as i32))).collect();
                Self { weights: degree + 1, values: Some(values) }
            }
            Basis::Seasonality { period, harmonics } => {
                let mut values = row(&|_, _| 0.5);
                for k in 1..=harmonics {
                    let turn = TAU * k as f64 / period as f64;
                    values.extend(row(&|_, step| (turn * step).cos()));
                    values.extend(row(&|_, step| (turn * step).sin()));
                }
                Self { weights: 2 * harmonics + 1, values: Some(values) }
            }
            Basis::Generic => Self { weights: steps, values: None },
        }
    }

    /// Adds `θ B` of `rows` rows that lie `stride` apart.
    fn expand(&self, theta: &[T], stride: usize, rows: usize, out: &mut [T], panel: &mut Panel<T>) {
        let steps = out.len() / rows;
        match &self.values {
            Some(values) => {
                let theta = Strided { values: theta, row: stride, column: 1 };
                add_product(out, theta, Strided::rows(values, steps), rows, self.weights, steps, panel);
            }
            None => {
                for (out, theta) in out.chunks_exact_mut(steps).zip(theta.chunks(stride)) {
                    out.iter_mut().zip(theta).for_each(|(o, t)| *o += *t);
                }
            }
        }
    }

    /// `slopes Bᵀ`, the slopes of θ.
    fn contract(&self, slopes: &[T], rows: usize, out: &mut Vec<T>, panel: &mut Panel<T>) {
        out.clear();
        match &self.values {
            Some(values) => {
                let steps = slopes.len() / rows;
                out.resize(rows * self.weights, T::ZERO);
                add_product(out, Strided::rows(slopes, steps), Strided::transposed(values, steps), rows, steps, self.weights, panel);
            }
            None => out.extend_from_slice(slopes),
        }
    }
}

#[derive(Debug)]
struct Kind<T> {
    layout: Layout,
    back: Rows<T>,
    ahead: Rows<T>,
}

/// All blocks with their bases; parameters are kept apart.
#[derive(Debug)]
pub struct Plan<T> {
    lookback: usize,
    horizon: usize,
    kinds: Vec<Kind<T>>,
    /// Stack of each block, and where its parameters begin.
    blocks: Vec<(usize, usize)>,
    n_parameters: usize,
}

/// What blocks gave for a batch, used again for the next.
#[derive(Debug)]
pub struct Work<T> {
    tapes: Vec<Tape<T>>,
    residual: Vec<T>,
    /// Forecast by stack.
    parts: Vec<Vec<T>>,
    sum: Vec<T>,
    slopes: Vec<T>,
    theta: [Vec<T>; 3],
    sent_back: Vec<T>,
    panel: Panel<T>,
}

impl<T: Real> Default for Work<T> {
    fn default() -> Self {
        Self {
            tapes: Vec::new(),
            residual: Vec::new(),
            parts: Vec::new(),
            sum: Vec::new(),
            slopes: Vec::new(),
            theta: [Vec::new(), Vec::new(), Vec::new()],
            sent_back: Vec::new(),
            panel: Panel::default(),
        }
    }
}

impl<T: Real> Work<T> {
    /// Forecast of each stack, row after row.
    pub fn parts(&self) -> &[Vec<T>] {
        &self.parts
    }
}

impl<T: Real> Plan<T> {
    pub fn new(options: &NBeatsOptions, lookback: usize) -> Result<Self, NetError> {
        let horizon = options.horizon;
        let mut kinds = Vec::new();
        let mut blocks = Vec::new();
        let mut n_parameters = 0;
        for (index, stack) in options.stacks.iter().enumerate() {
            let back = Rows::new(stack.basis, lookback, |s| (s as f64 / lookback as f64, s as f64 - lookback as f64));
            let ahead = Rows::new(stack.basis, horizon, |s| (s as f64 / horizon as f64, s as f64));
            let layout = Layout::rectified(lookback, &vec![stack.width; stack.layers], back.weights + ahead.weights, Head::Identity)?;
            for block in 0..stack.blocks {
                if block > 0 && !stack.shared {
                    n_parameters += layout.n_parameters();
                }
                blocks.push((index, n_parameters));
            }
            n_parameters += layout.n_parameters();
            kinds.push(Kind { layout, back, ahead });
        }
        Ok(Self { lookback, horizon, kinds, blocks, n_parameters })
    }

    #[cfg(test)]
    pub fn n_parameters(&self) -> usize {
        self.n_parameters
    }

    /// First parameters of all blocks; the last layer's are lessened, so that the sum over a basis is not large at the start.
    pub fn first_parameters(&self, seed: u64) -> Vec<T> {
        let mut all = vec![T::ZERO; self.n_parameters];
        for (i, &(stack, at)) in self.blocks.iter().enumerate() {
            if i > 0 && self.blocks[i - 1].1 == at {
                continue;
            }
            let layout = &self.kinds[stack].layout;
            // Streams of members and blocks must not be those of one another.
            let mut own: Vec<T> = layout.first_parameters(seed.wrapping_mul(0x9e37_79b9).wrapping_add(i as u64));
            let outputs = layout.outputs();
            let last = (layout.layers[layout.layers.len() - 2].outputs + 1) * outputs;
            let less = T::of(1.0 / (outputs as f64).sqrt());
            let from = own.len() - last;
            own[from..].iter_mut().for_each(|p| *p = *p * less);
            all[at..at + own.len()].copy_from_slice(&own);
        }
        all
    }

    fn own<'p>(&self, parameters: &'p [T], block: usize) -> &'p [T] {
        let (stack, at) = self.blocks[block];
        &parameters[at..at + self.kinds[stack].layout.n_parameters()]
    }

    /// Sends windows through all blocks; forecasts by stack are in the work.
    pub fn forward(&self, parameters: &[T], inputs: &[T], work: &mut Work<T>) {
        let rows = inputs.len() / self.lookback;
        work.tapes.resize_with(self.blocks.len(), Tape::default);
        work.residual.clear();
        work.residual.extend_from_slice(inputs);
        work.parts.resize(self.kinds.len(), Vec::new());
        for part in &mut work.parts {
            part.clear();
            part.resize(rows * self.horizon, T::ZERO);
        }
        let explained = &mut work.sent_back;
        for (block, &(stack, _)) in self.blocks.iter().enumerate() {
            let kind = &self.kinds[stack];
            let tape = &mut work.tapes[block];
            kind.layout.forward(self.own(parameters, block), &work.residual, tape);
            let (theta, stride) = (tape.scores(), kind.layout.outputs());
            explained.clear();
            explained.resize(rows * self.lookback, T::ZERO);
            kind.back.expand(theta, stride, rows, explained, &mut work.panel);
            work.residual.iter_mut().zip(explained.iter()).for_each(|(x, b)| *x = *x - *b);
            kind.ahead.expand(&theta[kind.back.weights..], stride, rows, &mut work.parts[stack], &mut work.panel);
        }
    }

    /// Adds the gradient of the weighted mean absolute error of a batch; returns that error.
    pub fn slope(&self, parameters: &[T], inputs: &[T], targets: &[T], weights: &[T], work: &mut Work<T>, gradient: &mut [T]) -> f64 {
        let rows = weights.len();
        self.forward(parameters, inputs, work);
        work.sum.clear();
        work.sum.resize(rows * self.horizon, T::ZERO);
        for part in &work.parts {
            work.sum.iter_mut().zip(part).for_each(|(s, p)| *s += *p);
        }
        work.slopes.resize(rows * self.horizon, T::ZERO);
        let share = T::ONE / T::of(rows as f64);
        let mut loss = 0.0;
        let h = self.horizon;
        for (row, &weight) in weights.iter().enumerate() {
            let span = row * h..(row + 1) * h;
            let slope = &mut work.slopes[span.clone()];
            loss += weight.wide() * Loss::Absolute.row(&work.sum[span.clone()], &targets[span], weight * share, slope);
        }
        // `residual` now takes the slopes of the residual.
        work.residual.fill(T::ZERO);
        for (block, &(stack, at)) in self.blocks.iter().enumerate().rev() {
            let kind = &self.kinds[stack];
            let [of_back, of_ahead, both] = &mut work.theta;
            kind.back.contract(&work.residual, rows, of_back, &mut work.panel);
            kind.ahead.contract(&work.slopes, rows, of_ahead, &mut work.panel);
            both.clear();
            for (b, a) in of_back.chunks_exact(kind.back.weights).zip(of_ahead.chunks_exact(kind.ahead.weights)) {
                both.extend(b.iter().map(|d| -*d));
                both.extend_from_slice(a);
            }
            let own = &mut gradient[at..at + kind.layout.n_parameters()];
            let wanted = (block > 0).then_some(&mut work.sent_back);
            kind.layout.backward(self.own(parameters, block), &mut work.tapes[block], both, own, wanted);
            if block > 0 {
                work.residual.iter_mut().zip(&work.sent_back).for_each(|(d, s)| *d += *s);
            }
        }
        loss / rows as f64
    }
}
