//! Training by epochs and batches.

use super::layout::{Layout, Tape};
use super::loss::Loss;
use super::optimiser::{Method, Optimiser, clip};
use super::{NetError, Real};
use serde::{Deserialize, Serialize};
use studies::synthetic::random::Random;

/// Purpose of the random numbers that order rows.
const ORDER: u64 = 0x6e65_7432;

/// Rows that an answer is asked for at once.
const ANSWER_ROWS: usize = 256;

/// Rows with what is known of them.
#[derive(Clone, Copy, Debug)]
pub struct Examples<'a, T> {
    /// Row after row.
    pub inputs: &'a [T],
    /// As many a row as the loss takes ([`Loss::targets`]).
    pub targets: &'a [T],
    /// One a row; 1 where none are given.
    pub weights: Option<&'a [T]>,
}

/// How a training goes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainOptions {
    pub epochs: usize,
    pub batch_rows: usize,
    pub method: Method,
    pub rate: f64,
    /// Lets the rate fall to 0 over the epochs along half a cosine.
    pub falling_rate: bool,
    /// Greatest length of a gradient.
    pub clip: Option<f64>,
    /// Epochs without a better loss of the rows held out after which it ends, at the best parameters.
    pub patience: Option<usize>,
    pub seed: u64,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self { epochs: 50, batch_rows: 64, method: Method::ADAM, rate: 1e-3, falling_rate: false, clip: None, patience: None, seed: 0 }
    }
}

/// Pull to given parameters: `mu / 2 · |p - anchor|²` is added to the loss, as FedProx does (Li et al., 2020).
pub type Proximal<'a, T> = Option<(&'a [T], T)>;

/// How a training went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// Mean loss of the rows in each epoch, on the way, without the pull of a proximal term.
    pub losses: Vec<f64>,
    /// Loss of the rows held out after each epoch; empty without any.
    pub held_out: Vec<f64>,
    /// The epoch, from 0, whose parameters were kept.
    pub kept_epoch: usize,
}

/// Trains any parameters whose gradient can be told.
///
/// `slope(parameters, rows, gradient)` adds the gradient of the mean loss of the chosen rows to `gradient`, which is 0, and returns that loss; `held_out(parameters)`
/// is the loss of rows not trained on. With patience and `held_out` the best parameters are kept, else the last.
///
/// # Errors
/// [`NetError::Diverged`] when a loss is no finite number, the parameters being as they were; options that make no sense; no rows.
pub fn descend<T: Real>(
    parameters: &mut Vec<T>,
    rows: usize,
    options: &TrainOptions,
    proximal: Proximal<T>,
    mut slope: impl FnMut(&[T], &[usize], &mut [T]) -> f64,
    mut held_out: Option<impl FnMut(&[T]) -> f64>,
) -> Result<Course, NetError> {
    if rows == 0 {
        return Err(NetError::NoRows);
    }
    if options.batch_rows == 0 {
        return Err(NetError::Option { what: "batch_rows", needed: "at least 1", found: "0".into() });
    }
    if !(options.rate.is_finite() && options.rate > 0.0) {
        return Err(NetError::Option { what: "rate", needed: "greater than 0", found: options.rate.to_string() });
    }
    if let Some((anchor, _)) = proximal.filter(|(anchor, _)| anchor.len() != parameters.len()) {
        return Err(NetError::Length { what: "parameters to stay near", expected: parameters.len(), found: anchor.len() });
    }
    let mut at = parameters.clone();
    let mut kept: Option<(f64, Vec<T>)> = None;
    let mut optimiser = Optimiser::new(options.method, at.len());
    let mut gradient = vec![T::ZERO; at.len()];
    let mut order: Vec<usize> = (0..rows).collect();
    let mut course = Course::default();
    for epoch in 0..options.epochs {
        let mut random = Random::new(options.seed, ORDER, epoch as u64);
        for i in (1..rows).rev() {
            order.swap(i, (random.unit() * (i + 1) as f64) as usize);
        }
        let done = epoch as f64 / options.epochs as f64;
        let rate = options.rate * if options.falling_rate { 0.5 + 0.5 * (std::f64::consts::PI * done).cos() } else { 1.0 };
        let mut sum = 0.0;
        for batch in order.chunks(options.batch_rows) {
            gradient.fill(T::ZERO);
            sum += batch.len() as f64 * slope(&at, batch, &mut gradient);
            if let Some((anchor, mu)) = proximal {
                for ((g, &p), &a) in gradient.iter_mut().zip(&at).zip(anchor) {
                    *g += mu * (p - a);
                }
            }
            if let Some(most) = options.clip {
                clip(&mut gradient, most);
            }
            optimiser.step(&mut at, &gradient, rate);
        }
        if !sum.is_finite() {
            return Err(NetError::Diverged { epoch });
        }
        course.losses.push(sum / rows as f64);
        course.kept_epoch = epoch;
        if let Some(loss) = held_out.as_mut() {
            let loss = loss(&at);
            if !loss.is_finite() {
                return Err(NetError::Diverged { epoch });
            }
            course.held_out.push(loss);
            let Some(patience) = options.patience else { continue };
            if kept.as_ref().is_none_or(|(best, _)| loss < *best) {
                kept = Some((loss, at.clone()));
            } else {
                let best = course.held_out.iter().position(|l| Some(*l) == kept.as_ref().map(|k| k.0)).unwrap_or(epoch);
                course.kept_epoch = best;
                if epoch - best >= patience {
                    break;
                }
            }
        }
    }
    if !at.iter().all(|p| p.is_finite()) {
        return Err(NetError::Diverged { epoch: course.losses.len().saturating_sub(1) });
    }
    *parameters = kept.map_or(at, |(_, best)| best);
    Ok(course)
}

/// A layout with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Network<T: Real = f32> {
    layout: Layout,
    parameters: Vec<T>,
}

impl<T: Real> Network<T> {
    /// With the first parameters that the seed gives.
    ///
    /// # Errors
    /// No layer, or one without inputs or outputs.
    pub fn new(layout: Layout, seed: u64) -> Result<Self, NetError> {
        layout.check()?;
        let parameters = layout.first_parameters(seed);
        Ok(Self { layout, parameters })
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// All weights and biases, in the order that the module tells.
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// # Errors
    /// Another number of parameters, or one that is no finite number.
    pub fn set_parameters(&mut self, parameters: &[T]) -> Result<(), NetError> {
        if parameters.len() != self.parameters.len() {
            return Err(NetError::Length { what: "parameters", expected: self.parameters.len(), found: parameters.len() });
        }
        if let Some(row) = parameters.iter().position(|p| !p.is_finite()) {
            return Err(NetError::NotFinite { what: "parameters", row });
        }
        self.parameters.copy_from_slice(parameters);
        Ok(())
    }

    /// Answers to rows: scores made probabilities by the head where it has one.
    ///
    /// # Errors
    /// Rows that are not whole, or a value that is no finite number.
    pub fn predict(&self, inputs: &[T]) -> Result<Vec<T>, NetError> {
        whole("inputs", inputs, self.layout.inputs, None)?;
        let mut tape = Tape::default();
        let mut answers = Vec::with_capacity(inputs.len() / self.layout.inputs * self.layout.outputs());
        for chunk in inputs.chunks(ANSWER_ROWS * self.layout.inputs) {
            self.layout.forward(&self.parameters, chunk, &mut tape);
            answers.extend_from_slice(tape.scores());
        }
        self.layout.answer(&mut answers);
        Ok(answers)
    }

    /// Mean loss of rows.
    ///
    /// # Errors
    /// Lengths that do not fit, or a value that is no finite number.
    pub fn loss(&self, loss: &Loss, examples: &Examples<T>) -> Result<f64, NetError> {
        let rows = self.check(loss, examples)?;
        let mut tape = Tape::default();
        Ok(self.mean_loss(loss, examples, rows, &self.parameters, &mut tape))
    }

    /// Gradient of the mean loss of all rows, and that loss.
    ///
    /// # Errors
    /// Lengths that do not fit, or a value that is no finite number.
    pub fn gradient(&self, loss: &Loss, examples: &Examples<T>) -> Result<(f64, Vec<T>), NetError> {
        let rows = self.check(loss, examples)?;
        let all: Vec<usize> = (0..rows).collect();
        let mut gradient = vec![T::ZERO; self.parameters.len()];
        let value = Batch::default().slope(&self.layout, loss, examples, &self.parameters, &all, &mut gradient);
        Ok((value, gradient))
    }

    /// Gradient of each row on its own, told row by row with its loss: what must be clipped before it is added up, for differential privacy.
    ///
    /// # Errors
    /// Lengths that do not fit, or a value that is no finite number.
    pub fn gradient_of_each(
        &self,
        loss: &Loss,
        examples: &Examples<T>,
        mut told: impl FnMut(usize, f64, &mut [T]),
    ) -> Result<(), NetError> {
        let rows = self.check(loss, examples)?;
        let mut gradient = vec![T::ZERO; self.parameters.len()];
        let mut batch = Batch::default();
        for row in 0..rows {
            gradient.fill(T::ZERO);
            let value = batch.slope(&self.layout, loss, examples, &self.parameters, &[row], &mut gradient);
            told(row, value, &mut gradient);
        }
        Ok(())
    }

    /// Trains from the present parameters on.
    ///
    /// With `held_out` and [`TrainOptions::patience`] it stops early and keeps the best parameters. A `proximal` pull holds the parameters near given ones.
    ///
    /// # Errors
    /// Lengths that do not fit, values that are no finite numbers, no rows, options that make no sense, [`NetError::Diverged`]: the network is then as it was.
    pub fn train_epochs(
        &mut self,
        loss: &Loss,
        examples: &Examples<T>,
        held_out: Option<&Examples<T>>,
        options: &TrainOptions,
        proximal: Proximal<T>,
    ) -> Result<Course, NetError> {
        let rows = self.check(loss, examples)?;
        let held_rows = held_out.map(|h| self.check(loss, h)).transpose()?;
        let mut parameters = std::mem::take(&mut self.parameters);
        let (mut batch, mut tape) = (Batch::default(), Tape::default());
        let this = &*self;
        let held = held_out.zip(held_rows).map(|(h, n)| move |p: &[T]| this.mean_loss(loss, h, n, p, &mut tape));
        let slope = |p: &[T], chosen: &[usize], g: &mut [T]| batch.slope(&this.layout, loss, examples, p, chosen, g);
        let course = descend(&mut parameters, rows, options, proximal, slope, held);
        self.parameters = parameters;
        course
    }

    fn mean_loss(&self, loss: &Loss, examples: &Examples<T>, rows: usize, parameters: &[T], tape: &mut Tape<T>) -> f64 {
        let (inputs, outputs) = (self.layout.inputs, self.layout.outputs());
        let targets = examples.targets.len() / rows;
        let mut slope = vec![T::ZERO; outputs];
        let mut sum = 0.0;
        for from in (0..rows).step_by(ANSWER_ROWS) {
            let n = ANSWER_ROWS.min(rows - from);
            self.layout.forward(parameters, &examples.inputs[from * inputs..(from + n) * inputs], tape);
            for (i, scores) in tape.scores().chunks_exact(outputs).enumerate() {
                let row = from + i;
                let weight = examples.weights.map_or(1.0, |w| w[row].wide());
                sum += weight * loss.row(scores, &examples.targets[row * targets..][..targets], T::ZERO, &mut slope);
            }
        }
        sum / rows as f64
    }

    /// Checks rows; returns how many there are.
    fn check(&self, loss: &Loss, examples: &Examples<T>) -> Result<usize, NetError> {
        let rows = whole("inputs", examples.inputs, self.layout.inputs, None)?;
        if rows == 0 {
            return Err(NetError::NoRows);
        }
        let Some(targets) = loss.targets(self.layout.outputs()) else {
            let found = format!("{} scores", self.layout.outputs());
            return Err(NetError::Option { what: "scores of a loss of quantiles", needed: "a multiple of its levels", found });
        };
        if let Loss::Quantiles(levels) = loss
            && let Some(level) = levels.iter().find(|q| !(**q > 0.0 && **q < 1.0))
        {
            return Err(NetError::Option { what: "a level", needed: "between 0 and 1", found: level.to_string() });
        }
        whole("targets", examples.targets, targets, Some(rows))?;
        if let Some(weights) = examples.weights {
            whole("weights", weights, 1, Some(rows))?;
        }
        Ok(rows)
    }
}

/// Checks that values are finite and fill whole rows, and how many.
fn whole<T: Real>(what: &'static str, values: &[T], width: usize, rows: Option<usize>) -> Result<usize, NetError> {
    let expected = rows.map_or(values.len().div_ceil(width) * width, |n| n * width);
    if values.len() != expected {
        return Err(NetError::Length { what, expected, found: values.len() });
    }
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(NetError::NotFinite { what, row: at / width }),
        None => Ok(values.len() / width),
    }
}

/// Room for one batch, used again for the next.
#[derive(Default)]
struct Batch<T> {
    tape: Tape<T>,
    inputs: Vec<T>,
    slopes: Vec<T>,
}

impl<T: Real> Batch<T> {
    /// Adds the gradient of the mean loss of chosen rows; returns that loss.
    fn slope(&mut self, layout: &Layout, loss: &Loss, examples: &Examples<T>, parameters: &[T], rows: &[usize], gradient: &mut [T]) -> f64 {
        let (inputs, outputs) = (layout.inputs, layout.outputs());
        let targets = examples.targets.len() / (examples.inputs.len() / inputs);
        self.inputs.clear();
        for &row in rows {
            self.inputs.extend_from_slice(&examples.inputs[row * inputs..][..inputs]);
        }
        layout.forward(parameters, &self.inputs, &mut self.tape);
        self.slopes.resize(rows.len() * outputs, T::ZERO);
        let share = T::ONE / T::of(rows.len() as f64);
        let mut sum = 0.0;
        for ((scores, slope), &row) in self.tape.scores().chunks_exact(outputs).zip(self.slopes.chunks_exact_mut(outputs)).zip(rows) {
            let weight = examples.weights.map_or(T::ONE, |w| w[row]);
            sum += weight.wide() * loss.row(scores, &examples.targets[row * targets..][..targets], weight * share, slope);
        }
        layout.backward(parameters, &mut self.tape, &self.slopes, gradient, None);
        sum / rows.len() as f64
    }
}
