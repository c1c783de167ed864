//! Steps down a slope.
//!
//! ```text
//! SGD    v = μ v + g,                         p -= η v                               Polyak's momentum
//! Adam   m = β1 m + (1 - β1) g,  s = β2 s + (1 - β2) g²,  at step t:
//!        p -= η [ (m / (1 - β1^t)) / (sqrt(s / (1 - β2^t)) + ε) + λ p ]              Kingma and Ba (2015); λ as Loshchilov and Hutter (2019)
//! ```

use super::real::Real;
use serde::{Deserialize, Serialize};

/// Which steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Sgd { momentum: f64 },
    Adam { beta_1: f64, beta_2: f64, epsilon: f64, decay: f64 },
}

impl Method {
    /// Adam with its authors' figures and no decay of weights.
    pub const ADAM: Self = Self::Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, decay: 0.0 };
}

/// What is remembered from step to step.
#[derive(Clone, Debug)]
pub struct Optimiser<T> {
    method: Method,
    first: Vec<T>,
    second: Vec<T>,
    steps: i32,
}

impl<T: Real> Optimiser<T> {
    /// For so many parameters.
    pub fn new(method: Method, parameters: usize) -> Self {
        let second = if matches!(method, Method::Adam { .. }) { parameters } else { 0 };
        Self { method, first: vec![T::ZERO; parameters], second: vec![T::ZERO; second], steps: 0 }
    }

    /// One step of size `rate` against the gradient.
    pub fn step(&mut self, parameters: &mut [T], gradient: &[T], rate: f64) {
        self.steps += 1;
        match self.method {
            Method::Sgd { momentum } => {
                let (momentum, rate) = (T::of(momentum), T::of(rate));
                for ((p, &g), v) in parameters.iter_mut().zip(gradient).zip(&mut self.first) {
                    *v = momentum * *v + g;
                    *p = *p - rate * *v;
                }
            }
            Method::Adam { beta_1, beta_2, epsilon, decay } => {
                let mean = T::of(1.0 / (1.0 - beta_1.powi(self.steps)));
                let spread = T::of(1.0 / (1.0 - beta_2.powi(self.steps)));
                let (keep_1, take_1) = (T::of(beta_1), T::of(1.0 - beta_1));
                let (keep_2, take_2) = (T::of(beta_2), T::of(1.0 - beta_2));
                let (rate, epsilon, decay) = (T::of(rate), T::of(epsilon), T::of(decay));
                for (((p, &g), m), s) in parameters.iter_mut().zip(gradient).zip(&mut self.first).zip(&mut self.second) {
                    *m = keep_1 * *m + take_1 * g;
                    *s = keep_2 * *s + take_2 * g * g;
                    *p = *p - rate * (*m * mean / ((*s * spread).sqrt() + epsilon) + decay * *p);
                }
            }
        }
    }
}

/// Shortens a gradient that is longer than `most`; returns how long it was.
pub fn clip<T: Real>(gradient: &mut [T], most: f64) -> f64 {
    let length = gradient.iter().map(|g| g.wide() * g.wide()).sum::<f64>().sqrt();
    if length > most {
        let factor = T::of(most / length);
        for g in gradient {
            *g = *g * factor;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_worked_by_hand() {
        let mut p = [1.0f64, -2.0];
        let mut sgd = Optimiser::new(Method::Sgd { momentum: 0.5 }, 2);
        sgd.step(&mut p, &[1.0, 4.0], 0.1);
        sgd.step(&mut p, &[1.0, 0.0], 0.1);
        assert!((p[0] - 0.75).abs() < 1e-15 && (p[1] + 2.6).abs() < 1e-15, "{p:?}");
        // Adam's first step is the rate against the sign; after gradients 1 and -1: m = -0.01, s = 0.001999, corrected by 0.19 and 0.001999.
        let mut p = [1.0f64];
        let mut adam = Optimiser::new(Method::ADAM, 1);
        adam.step(&mut p, &[1.0], 0.1);
        assert!((p[0] - 0.9).abs() < 1e-8, "{p:?}");
        adam.step(&mut p, &[-1.0], 0.1);
        assert!((p[0] - (0.9 + 0.1 * (0.01 / 0.19))).abs() < 1e-8, "{p:?}");
    }

    #[test]
    fn long_gradients_are_shortened_and_short_ones_left() {
        let mut g = [3.0f32, 4.0];
        assert_eq!(clip(&mut g, 10.0), 5.0);
        assert_eq!(g, [3.0, 4.0]);
        assert_eq!(clip(&mut g, 1.0), 5.0);
        assert!((g[0] - 0.6).abs() < 1e-6 && (g[1] - 0.8).abs() < 1e-6);
    }
}
