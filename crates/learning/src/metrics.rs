//! Figures that say how good answers are.
//!
//! Every function takes what was (`actual`) and what was said, and refuses to give a figure that is not defined: of no rows, of lists of
//! different lengths, of one class only, of a division by zero. A figure that cannot be had must not look like a good one.
//!
//! Sources: T. Fawcett, "An introduction to ROC analysis" (2006) for the area with ties; R. Hyndman and A. Koehler, "Another look at measures of
//! forecast accuracy" (2006) for MASE; T. Gneiting and A. Raftery, "Strictly proper scoring rules" (2007) for Brier, log and pinball loss;
//! C. Guo and others, "On calibration of modern neural networks" (2017) for the calibration error.

/// Why there is no figure.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    #[error("{found} answers for {expected} rows")]
    Lengths { found: usize, expected: usize },
    #[error("no rows")]
    Empty,
    #[error("the value of row {row} is no finite number")]
    NotFinite { row: usize },
    #[error("all rows are of one class")]
    OneClass,
    #[error("the actual value of row {row} is zero, so no percentage of it can be taken")]
    ZeroActual { row: usize },
    #[error("the actual values do not change, so there is nothing to compare the error with")]
    NoVariation,
    #[error("{name} is {found} and must be {must}")]
    Choice { name: &'static str, found: f64, must: &'static str },
}

type Figure = Result<f64, MetricError>;

fn look(actual: &[f64], said: &[f64]) -> Result<f64, MetricError> {
    if actual.len() != said.len() {
        return Err(MetricError::Lengths { found: said.len(), expected: actual.len() });
    }
    if actual.is_empty() {
        return Err(MetricError::Empty);
    }
    match (0..actual.len()).find(|&i| !(actual[i].is_finite() && said[i].is_finite())) {
        Some(row) => Err(MetricError::NotFinite { row }),
        None => Ok(actual.len() as f64),
    }
}

fn look_classes(actual: &[bool], said: &[f64]) -> Result<f64, MetricError> {
    if actual.len() != said.len() {
        return Err(MetricError::Lengths { found: said.len(), expected: actual.len() });
    }
    if actual.is_empty() {
        return Err(MetricError::Empty);
    }
    match said.iter().position(|s| !s.is_finite()) {
        Some(row) => Err(MetricError::NotFinite { row }),
        None => Ok(actual.len() as f64),
    }
}

/// Rows in descending order of score.
fn descending(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    order
}

/// Area under the curve of true over false positives: the probability that a positive scores above a negative, ties for one half (midranks).
///
/// # Errors
///
/// See [`MetricError`]; one class only.
pub fn auc(actual: &[bool], scores: &[f64]) -> Figure {
    look_classes(actual, scores)?;
    let positive = actual.iter().filter(|&&a| a).count();
    let negative = actual.len() - positive;
    if positive == 0 || negative == 0 {
        return Err(MetricError::OneClass);
    }
    let order = descending(scores);
    // Negatives above each group of ties, and half of those within.
    let (mut above, mut won) = (0.0, 0.0);
    for same in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let p = same.iter().filter(|&&i| actual[i]).count() as f64;
        let n = same.len() as f64 - p;
        won += p * (negative as f64 - above - n / 2.0);
        above += n;
    }
    Ok(won / (positive as f64 * negative as f64))
}

/// Average precision: precision at each threshold, weighted by the recall gained there.
///
/// # Errors
///
/// See [`MetricError`]; no positive at all.
pub fn average_precision(actual: &[bool], scores: &[f64]) -> Figure {
    look_classes(actual, scores)?;
    let positive = actual.iter().filter(|&&a| a).count() as f64;
    if positive == 0.0 {
        return Err(MetricError::OneClass);
    }
    let order = descending(scores);
    let (mut seen, mut hits, mut sum) = (0.0, 0.0, 0.0);
    for same in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let p = same.iter().filter(|&&i| actual[i]).count() as f64;
        seen += same.len() as f64;
        hits += p;
        sum += p / positive * (hits / seen);
    }
    Ok(sum)
}

/// Right and wrong answers of two classes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Confusion {
    pub true_positive: usize,
    pub false_positive: usize,
    pub false_negative: usize,
    pub true_negative: usize,
}

impl Confusion {
    /// Counts answers.
    ///
    /// # Errors
    ///
    /// Lists of different lengths, no rows.
    pub fn of(actual: &[bool], said: &[bool]) -> Result<Self, MetricError> {
        if actual.len() != said.len() {
            return Err(MetricError::Lengths { found: said.len(), expected: actual.len() });
        }
        if actual.is_empty() {
            return Err(MetricError::Empty);
        }
        let mut c = Self::default();
        for (a, s) in actual.iter().zip(said) {
            *match (a, s) {
                (true, true) => &mut c.true_positive,
                (false, true) => &mut c.false_positive,
                (true, false) => &mut c.false_negative,
                (false, false) => &mut c.true_negative,
            } += 1;
        }
        Ok(c)
    }

    /// Of scores, those not below `threshold` being positive.
    ///
    /// # Errors
    ///
    /// As [`Confusion::of`].
    pub fn at(actual: &[bool], scores: &[f64], threshold: f64) -> Result<Self, MetricError> {
        Self::of(actual, &scores.iter().map(|&s| s >= threshold).collect::<Vec<_>>())
    }

    /// Part of the positive answers that are right; none without a positive answer.
    pub fn precision(&self) -> Option<f64> {
        part(self.true_positive, self.true_positive + self.false_positive)
    }

    /// Part of the positives that were found; none without a positive.
    pub fn recall(&self) -> Option<f64> {
        part(self.true_positive, self.true_positive + self.false_negative)
    }

    /// Harmonic mean of precision and recall: `2 tp / (2 tp + fp + fn)`.
    pub fn f1(&self) -> Option<f64> {
        part(2 * self.true_positive, 2 * self.true_positive + self.false_positive + self.false_negative)
    }

    /// Part of all answers that are right.
    pub fn accuracy(&self) -> Option<f64> {
        let right = self.true_positive + self.true_negative;
        part(right, right + self.false_positive + self.false_negative)
    }
}

fn part(of: usize, all: usize) -> Option<f64> {
    (all > 0).then(|| of as f64 / all as f64)
}

/// Part of the variance that is explained: `1 - sum (a - s)^2 / sum (a - mean a)^2`. Below zero for answers worse than the mean.
///
/// # Errors
///
/// See [`MetricError`]; actual values that do not change.
pub fn r2(actual: &[f64], said: &[f64]) -> Figure {
    let n = look(actual, said)?;
    let mean = actual.iter().sum::<f64>() / n;
    let spread: f64 = actual.iter().map(|a| (a - mean) * (a - mean)).sum();
    if spread == 0.0 {
        return Err(MetricError::NoVariation);
    }
    Ok(1.0 - squares(actual, said) / spread)
}

fn squares(actual: &[f64], said: &[f64]) -> f64 {
    actual.iter().zip(said).map(|(a, s)| (a - s) * (a - s)).sum()
}

/// Mean absolute error, in the unit of the values.
///
/// # Errors
///
/// See [`MetricError`].
pub fn mae(actual: &[f64], said: &[f64]) -> Figure {
    let n = look(actual, said)?;
    Ok(actual.iter().zip(said).map(|(a, s)| (a - s).abs()).sum::<f64>() / n)
}

/// Root of the mean squared error, in the unit of the values.
///
/// # Errors
///
/// See [`MetricError`].
pub fn rmse(actual: &[f64], said: &[f64]) -> Figure {
    let n = look(actual, said)?;
    Ok((squares(actual, said) / n).sqrt())
}

/// Mean absolute error in percent of the actual values.
///
/// # Errors
///
/// See [`MetricError`]; an actual value of zero.
pub fn mape_pct(actual: &[f64], said: &[f64]) -> Figure {
    let n = look(actual, said)?;
    if let Some(row) = actual.iter().position(|a| *a == 0.0) {
        return Err(MetricError::ZeroActual { row });
    }
    Ok(100.0 * actual.iter().zip(said).map(|(a, s)| ((a - s) / a).abs()).sum::<f64>() / n)
}

/// Symmetric mean absolute percentage error, 0 to 200: `200 |a - s| / (|a| + |s|)`, zero where both are zero.
///
/// # Errors
///
/// See [`MetricError`].
pub fn smape_pct(actual: &[f64], said: &[f64]) -> Figure {
    let n = look(actual, said)?;
    let term = |(a, s): (&f64, &f64)| if a == s { 0.0 } else { (a - s).abs() / (a.abs() + s.abs()) };
    Ok(200.0 * actual.iter().zip(said).map(term).sum::<f64>() / n)
}

/// Mean absolute error over that of repeating the value of one season before, within the training series. Below one is better than that.
///
/// # Errors
///
/// See [`MetricError`]; a training series no longer than a season, or one that repeats itself exactly.
pub fn mase(actual: &[f64], said: &[f64], training: &[f64], season: usize) -> Figure {
    look(actual, said)?;
    if season == 0 || training.len() <= season {
        return Err(MetricError::Choice {
            name: "the season",
            found: season as f64,
            must: "at least 1 and shorter than the training series",
        });
    }
    if let Some(row) = training.iter().position(|v| !v.is_finite()) {
        return Err(MetricError::NotFinite { row });
    }
    let naive = mae(&training[season..], &training[..training.len() - season])?;
    if naive == 0.0 {
        return Err(MetricError::NoVariation);
    }
    Ok(mae(actual, said)? / naive)
}

/// Mean pinball loss of answers that are to be the `quantile` (0 to 1), in the unit of the values.
///
/// # Errors
///
/// See [`MetricError`]; a quantile that is not between 0 and 1.
pub fn pinball(actual: &[f64], said: &[f64], quantile: f64) -> Figure {
    let n = look(actual, said)?;
    if !(quantile > 0.0 && quantile < 1.0) {
        return Err(MetricError::Choice { name: "the quantile", found: quantile, must: "between 0 and 1" });
    }
    let loss = |(a, s): (&f64, &f64)| if a >= s { quantile * (a - s) } else { (1.0 - quantile) * (s - a) };
    Ok(actual.iter().zip(said).map(loss).sum::<f64>() / n)
}

/// The mean; 0 of none.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Least and greatest value; infinite, the wrong way round, of none.
pub fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |r, v| (r.0.min(*v), r.1.max(*v)))
}

/// The middle value, of an even number the mean of the middle two; 0 of none. Leaves the values in rising order.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n.is_multiple_of(2) => 0.5 * (values[middle - 1] + values[middle]),
        _ => values[middle],
    }
}

/// The same of those that are finite; none where none is.
pub fn median_of(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut known: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
    (!known.is_empty()).then(|| median(&mut known))
}

fn look_probabilities(actual: &[bool], said: &[f64]) -> Result<f64, MetricError> {
    let n = look_classes(actual, said)?;
    match said.iter().find(|s| !(0.0..=1.0).contains(*s)) {
        Some(&found) => Err(MetricError::Choice { name: "a probability", found, must: "from 0 to 1" }),
        None => Ok(n),
    }
}

/// Mean squared distance of probabilities from what came, 0 to 1.
///
/// # Errors
///
/// See [`MetricError`]; a probability outside of 0 to 1.
pub fn brier(actual: &[bool], said: &[f64]) -> Figure {
    let n = look_probabilities(actual, said)?;
    Ok(actual.iter().zip(said).map(|(&a, s)| (f64::from(u8::from(a)) - s).powi(2)).sum::<f64>() / n)
}

/// Mean negative logarithm of the probability that was given to what came, nats. Probabilities are kept `2^-52` away from 0 and 1, so that one
/// sure and wrong answer costs 36 and not everything.
///
/// # Errors
///
/// See [`MetricError`]; a probability outside of 0 to 1.
pub fn log_loss(actual: &[bool], said: &[f64]) -> Figure {
    let n = look_probabilities(actual, said)?;
    let term = |(&a, &s): (&bool, &f64)| {
        let s = s.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        if a { -s.ln() } else { -(1.0 - s).ln() }
    };
    Ok(actual.iter().zip(said).map(term).sum::<f64>() / n)
}

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reliability {
    pub rows: usize,
    pub mean_said: f64,
    /// Part of the rows that were positive.
    pub came: f64,
}

/// Rows by their probability in `bins` bins of equal width; bins without rows are left out.
///
/// # Errors
///
/// See [`MetricError`]; a probability outside of 0 to 1, no bins.
pub fn reliability(actual: &[bool], said: &[f64], bins: usize) -> Result<Vec<Reliability>, MetricError> {
    look_probabilities(actual, said)?;
    if bins == 0 {
        return Err(MetricError::Choice { name: "the number of bins", found: 0.0, must: "at least 1" });
    }
    let mut sums = vec![(0usize, 0.0, 0.0); bins];
    for (&a, &s) in actual.iter().zip(said) {
        let bin = &mut sums[((s * bins as f64) as usize).min(bins - 1)];
        bin.0 += 1;
        bin.1 += s;
        bin.2 += f64::from(u8::from(a));
    }
    Ok(sums
        .into_iter()
        .filter(|s| s.0 > 0)
        .map(|(rows, said, came)| Reliability { rows, mean_said: said / rows as f64, came: came / rows as f64 })
        .collect())
}

/// Expected calibration error: mean distance between probability and frequency over bins of equal width, weighted by rows.
///
/// # Errors
///
/// As [`reliability`].
pub fn calibration_error(actual: &[bool], said: &[f64], bins: usize) -> Figure {
    let n = actual.len() as f64;
    Ok(reliability(actual, said, bins)?.iter().map(|b| b.rows as f64 / n * (b.mean_said - b.came).abs()).sum())
}

/// The same in `bins` bins of equally many rows, which tells more where all probabilities are small. Rows of one probability may part.
///
/// # Errors
///
/// As [`reliability`].
pub fn reliability_by_count(actual: &[bool], said: &[f64], bins: usize) -> Result<Vec<Reliability>, MetricError> {
    look_probabilities(actual, said)?;
    if bins == 0 {
        return Err(MetricError::Choice { name: "the number of bins", found: 0.0, must: "at least 1" });
    }
    let mut order = descending(said);
    order.reverse();
    let n = order.len();
    let bin = |b: usize| &order[b * n / bins..(b + 1) * n / bins];
    let mean = |rows: &[usize]| {
        let of = rows.len() as f64;
        let came = rows.iter().filter(|&&i| actual[i]).count() as f64;
        Reliability { rows: rows.len(), mean_said: rows.iter().map(|&i| said[i]).sum::<f64>() / of, came: came / of }
    };
    Ok((0..bins).map(bin).filter(|rows| !rows.is_empty()).map(mean).collect())
}

/// Expected calibration error over bins of equally many rows.
///
/// # Errors
///
/// As [`reliability`].
pub fn calibration_error_by_count(actual: &[bool], said: &[f64], bins: usize) -> Figure {
    let n = actual.len() as f64;
    Ok(reliability_by_count(actual, said, bins)?.iter().map(|b| b.rows as f64 / n * (b.mean_said - b.came).abs()).sum())
}

/// Part of the actual values within their intervals, ends included, and the mean width.
///
/// # Errors
///
/// See [`MetricError`].
pub fn coverage(actual: &[f64], low: &[f64], high: &[f64]) -> Result<(f64, f64), MetricError> {
    let n = look(actual, low)?;
    look(actual, high)?;
    let within = (0..actual.len()).filter(|&i| low[i] <= actual[i] && actual[i] <= high[i]).count();
    let width: f64 = low.iter().zip(high).map(|(l, h)| h - l).sum();
    Ok((within as f64 / n, width / n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: Figure, b: f64) {
        let a = a.unwrap();
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }

    #[test]
    fn bins_of_equal_counts_are_those_by_hand() {
        // Ascending 0.1 0.1 0.2 | 0.3 0.4 0.9: one of three and two of three came.
        let said = [0.9, 0.1, 0.3, 0.1, 0.4, 0.2];
        let came = [true, false, false, true, true, false];
        let bins = reliability_by_count(&came, &said, 2).unwrap();
        assert_eq!(bins.iter().map(|b| b.rows).collect::<Vec<_>>(), [3, 3]);
        assert!((bins[0].mean_said - 0.4 / 3.0).abs() < 1e-12 && (bins[0].came - 1.0 / 3.0).abs() < 1e-12);
        assert!((bins[1].mean_said - 1.6 / 3.0).abs() < 1e-12 && (bins[1].came - 2.0 / 3.0).abs() < 1e-12);
        let error = calibration_error_by_count(&came, &said, 2).unwrap();
        assert!((error - 0.5 * (0.6 / 3.0 + 0.4 / 3.0)).abs() < 1e-12, "{error}");
        // More bins than rows: one each.
        assert_eq!(reliability_by_count(&came, &said, 10).unwrap().len(), 6);
        assert!(reliability_by_count(&came, &[1.5; 6], 2).is_err());
    }

    #[test]
    fn area_by_hand_with_ties() {
        // Pairs: (0.8, 0.8) half, (0.8, 0.3) one, (0.3, 0.8) none, (0.3, 0.3) half, and 0.9 above both.
        near(auc(&[true, true, true, false, false], &[0.9, 0.8, 0.3, 0.8, 0.3]), (2.0 + 1.5 + 0.5) / 6.0);
        near(auc(&[true, false], &[1.0, 0.0]), 1.0);
        near(auc(&[true, false], &[0.0, 1.0]), 0.0);
        near(auc(&[true, false, false], &[0.5, 0.5, 0.5]), 0.5);
        assert_eq!(auc(&[true, true], &[0.5, 0.5]), Err(MetricError::OneClass));
        assert_eq!(auc(&[true], &[0.5, 0.5]), Err(MetricError::Lengths { found: 2, expected: 1 }));
        assert_eq!(auc(&[true, false], &[0.5, f64::NAN]), Err(MetricError::NotFinite { row: 1 }));
    }

    #[test]
    fn precision_by_hand() {
        // Thresholds 0.9: 1 of 1; 0.8: 2 of 3, with two ties; 0.3: 3 of 4.
        near(average_precision(&[true, true, false, true], &[0.9, 0.8, 0.8, 0.3]), 1.0 / 3.0 + 2.0 / 9.0 + 0.25);
        let c = Confusion::at(&[true, true, false, true, false], &[0.9, 0.8, 0.8, 0.3, 0.1], 0.5).unwrap();
        assert_eq!(c, Confusion { true_positive: 2, false_positive: 1, false_negative: 1, true_negative: 1 });
        assert_eq!((c.precision(), c.recall(), c.f1(), c.accuracy()), (Some(2.0 / 3.0), Some(2.0 / 3.0), Some(2.0 / 3.0), Some(0.6)));
        assert_eq!(Confusion::default().precision(), None);
    }

    #[test]
    fn errors_by_hand() {
        let (a, s) = ([1.0, 2.0, 4.0], [2.0, 2.0, 2.0]);
        near(mae(&a, &s), 1.0);
        near(rmse(&a, &s), (5.0f64 / 3.0).sqrt());
        near(r2(&a, &s), 1.0 - 5.0 / (14.0 / 3.0));
        near(mape_pct(&a, &s), 50.0);
        near(smape_pct(&a, &s), 200.0 * (1.0 / 3.0 + 2.0 / 6.0) / 3.0);
        near(smape_pct(&[0.0], &[0.0]), 0.0);
        near(pinball(&a, &s, 0.9), (0.1 + 1.8) / 3.0);
        // Within training the value of two before errs by 2 and 1.
        near(mase(&a, &s, &[1.0, 2.0, 3.0, 1.0], 2), 1.0 / 1.5);
        assert_eq!(mape_pct(&[1.0, 0.0], &[1.0, 1.0]), Err(MetricError::ZeroActual { row: 1 }));
        assert_eq!(r2(&[1.0, 1.0], &[1.0, 2.0]), Err(MetricError::NoVariation));
        assert_eq!(mae(&[], &[]), Err(MetricError::Empty));
        assert!(mase(&a, &s, &[1.0, 2.0], 2).is_err());
        assert_eq!(mase(&a, &s, &[1.0, 2.0, 1.0, 2.0], 2), Err(MetricError::NoVariation));
    }

    #[test]
    fn medians_by_hand() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&mut [7.0]), 7.0);
        assert_eq!(median(&mut []), 0.0);
        assert_eq!(median_of([f64::NAN, 2.0, f64::INFINITY, 5.0]), Some(3.5));
        assert_eq!(median_of([f64::NAN]), None);
        assert_eq!((mean(&[1.0, 2.0, 6.0]), mean(&[]), range(&[2.0, -1.0, 3.0])), (3.0, 0.0, (-1.0, 3.0)));
    }

    #[test]
    fn probabilities_by_hand() {
        let (a, s) = ([true, false, true], [0.8, 0.3, 0.6]);
        near(brier(&a, &s), (0.04 + 0.09 + 0.16) / 3.0);
        near(log_loss(&a, &s), -(0.8f64.ln() + 0.7f64.ln() + 0.6f64.ln()) / 3.0);
        near(log_loss(&[true], &[0.0]), 52.0 * std::f64::consts::LN_2);
        // Two bins: 0.3 with none of one, 0.6 and 0.8 with two of two.
        near(calibration_error(&a, &s, 2), (0.3 + 2.0 * 0.3) / 3.0);
        assert!(brier(&[true], &[1.1]).is_err());
        assert_eq!(coverage(&[1.0, 2.0, 3.0], &[1.0, 0.0, 4.0], &[2.0, 1.0, 5.0]), Ok((1.0 / 3.0, 1.0)));
    }
}
