//! Layers, and what goes through them forwards and back.

use super::loss::{sigmoid, softmax};
use super::product::{Panel, Strided, add_product};
use super::{NetError, Real};
use serde::{Deserialize, Serialize};
use studies::synthetic::random::Random;

/// Purpose of the random numbers of first weights.
const WEIGHTS: u64 = 0x6e65_7431;

/// What a layer does to its sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    Identity,
    Relu,
    Sigmoid,
}

/// What makes answers of scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    Identity,
    /// Each score a probability of its own.
    Sigmoid,
    /// Scores of one choice among all.
    Softmax,
}

/// A dense layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    pub outputs: usize,
    pub activation: Activation,
}

/// Layers without their parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    pub inputs: usize,
    pub layers: Vec<Layer>,
    pub head: Head,
}

/// What the layers gave for a batch, kept for the way back. One is used again for the next batch.
#[derive(Clone, Debug, Default)]
pub struct Tape<T> {
    rows: usize,
    /// Inputs, then the outputs of each layer.
    values: Vec<Vec<T>>,
    /// Slopes of the layer at hand and of the one below.
    slopes: [Vec<T>; 2],
    panel: Panel<T>,
}

impl<T: Real> Tape<T> {
    /// Scores of the batch, row after row.
    pub fn scores(&self) -> &[T] {
        self.values.last().map_or(&[], Vec::as_slice)
    }
}

impl Layout {
    /// Layers of these widths with rectifiers between them, and scores without one.
    ///
    /// # Errors
    /// A layer without inputs or outputs.
    pub fn rectified(inputs: usize, hidden: &[usize], outputs: usize, head: Head) -> Result<Self, NetError> {
        let mut layers: Vec<Layer> = hidden.iter().map(|&outputs| Layer { outputs, activation: Activation::Relu }).collect();
        layers.push(Layer { outputs, activation: Activation::Identity });
        let layout = Self { inputs, layers, head };
        layout.check()?;
        Ok(layout)
    }

    /// # Errors
    /// No layer, or one without inputs or outputs.
    pub fn check(&self) -> Result<(), NetError> {
        if self.inputs == 0 || self.layers.is_empty() || self.layers.iter().any(|l| l.outputs == 0) {
            let widths: Vec<usize> = std::iter::once(self.inputs).chain(self.layers.iter().map(|l| l.outputs)).collect();
            return Err(NetError::Option {
                what: "widths of the layers",
                needed: "an input and at least one layer, none of width 0",
                found: format!("{widths:?}"),
            });
        }
        Ok(())
    }

    /// Scores a row.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(self.inputs, |l| l.outputs)
    }

    /// How many weights and biases there are.
    pub fn n_parameters(&self) -> usize {
        self.spans().iter().map(|(inputs, layer, _)| (inputs + 1) * layer.outputs).sum()
    }

    /// Inputs of each layer, the layer, and where its parameters begin.
    fn spans(&self) -> Vec<(usize, Layer, usize)> {
        let mut inputs = self.inputs;
        let mut at = 0;
        let span = |&layer: &Layer| {
            let span = (inputs, layer, at);
            at += (inputs + 1) * layer.outputs;
            inputs = layer.outputs;
            span
        };
        self.layers.iter().map(span).collect()
    }

    /// First parameters: weights before a rectifier normal with variance `2 / inputs` (He et al., 2015), others even within `sqrt(6 / (inputs + outputs))`
    /// (Glorot and Bengio, 2010); biases 0.
    pub fn first_parameters<T: Real>(&self, seed: u64) -> Vec<T> {
        let mut parameters = Vec::with_capacity(self.n_parameters());
        for (index, (inputs, layer, _)) in self.spans().into_iter().enumerate() {
            let mut random = Random::new(seed, WEIGHTS, index as u64);
            for _ in 0..inputs * layer.outputs {
                let weight = if layer.activation == Activation::Relu {
                    random.normal() * (2.0 / inputs as f64).sqrt()
                } else {
                    let most = (6.0 / (inputs + layer.outputs) as f64).sqrt();
                    random.between(-most, most)
                };
                parameters.push(T::of(weight));
            }
            parameters.resize(parameters.len() + layer.outputs, T::ZERO);
        }
        parameters
    }

    /// Sends rows through the layers; the scores are in the tape.
    ///
    /// # Panics
    ///
    /// When the inputs do not fill whole rows or the parameters are not as many as the layers have.
    pub fn forward<T: Real>(&self, parameters: &[T], inputs: &[T], tape: &mut Tape<T>) {
        assert_eq!(parameters.len(), self.n_parameters(), "parameters of other layers");
        assert!(inputs.len().is_multiple_of(self.inputs), "rows that are not whole");
        let rows = inputs.len() / self.inputs;
        tape.rows = rows;
        tape.values.resize(self.layers.len() + 1, Vec::new());
        tape.values[0].clear();
        tape.values[0].extend_from_slice(inputs);
        for (index, (width, layer, at)) in self.spans().into_iter().enumerate() {
            let (weights, rest) = parameters[at..].split_at(width * layer.outputs);
            let biases = &rest[..layer.outputs];
            let (below, above) = tape.values.split_at_mut(index + 1);
            let out = &mut above[0];
            out.clear();
            for _ in 0..rows {
                out.extend_from_slice(biases);
            }
            let (x, w) = (Strided::rows(&below[index], width), Strided::rows(weights, layer.outputs));
            add_product(out, x, w, rows, width, layer.outputs, &mut tape.panel);
            match layer.activation {
                Activation::Identity => {}
                Activation::Relu => out.iter_mut().for_each(|y| *y = y.greater(T::ZERO)),
                Activation::Sigmoid => out.iter_mut().for_each(|y| *y = sigmoid(*y)),
            }
        }
    }

    /// Takes the slopes of the scores back through the layers: adds the slopes of the parameters to `gradient`, and writes those of the inputs where they are
    /// wanted. The tape is that of [`forward`](Self::forward) with the same parameters.
    ///
    /// # Panics
    ///
    /// When a slice has another length than the tape says.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        tape: &mut Tape<T>,
        score_slopes: &[T],
        gradient: &mut [T],
        input_slopes: Option<&mut Vec<T>>,
    ) {
        assert_eq!(score_slopes.len(), tape.rows * self.outputs(), "slopes of another batch");
        assert_eq!(gradient.len(), self.n_parameters(), "a gradient of other layers");
        let rows = tape.rows;
        let [here, below] = &mut tape.slopes;
        here.clear();
        here.extend_from_slice(score_slopes);
        for (index, (width, layer, at)) in self.spans().into_iter().enumerate().rev() {
            let out = &tape.values[index + 1];
            match layer.activation {
                Activation::Identity => {}
                Activation::Relu => here.iter_mut().zip(out).for_each(|(d, &y)| {
                    if y <= T::ZERO {
                        *d = T::ZERO;
                    }
                }),
                Activation::Sigmoid => here.iter_mut().zip(out).for_each(|(d, &y)| *d = *d * y * (T::ONE - y)),
            }
            let n = layer.outputs;
            let (of_weights, rest) = gradient[at..].split_at_mut(width * n);
            add_product(
                of_weights,
                Strided::transposed(&tape.values[index], width),
                Strided::rows(here, n),
                width,
                rows,
                n,
                &mut tape.panel,
            );
            for row in here.chunks_exact(n) {
                for (b, &d) in rest.iter_mut().zip(row) {
                    *b += d;
                }
            }
            if index == 0 && input_slopes.is_none() {
                return;
            }
            below.clear();
            below.resize(rows * width, T::ZERO);
            let weights = &parameters[at..][..width * n];
            add_product(below, Strided::rows(here, n), Strided::transposed(weights, n), rows, n, width, &mut tape.panel);
            std::mem::swap(here, below);
        }
        if let Some(slopes) = input_slopes {
            slopes.clear();
            slopes.extend_from_slice(here);
        }
    }

    /// Makes answers of scores, in place.
    pub fn answer<T: Real>(&self, scores: &mut [T]) {
        match self.head {
            Head::Identity => {}
            Head::Sigmoid => scores.iter_mut().for_each(|s| *s = sigmoid(*s)),
            Head::Softmax => scores.chunks_exact_mut(self.outputs()).for_each(softmax),
        }
    }
}
