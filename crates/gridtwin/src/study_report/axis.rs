//! Axes of charts: values to places, with ticks at round numbers.

/// An axis: values to places, with ticks at round numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    pub from: f64,
    pub to: f64,
    /// Distance of ticks.
    pub step: f64,
    /// Places of `from` and `to`.
    pub at: [f64; 2],
}

impl Axis {
    /// An axis that holds `least` to `most`, widened to round numbers, with about `ticks` of them.
    pub fn around(least: f64, most: f64, ticks: usize, at: [f64; 2]) -> Self {
        let (least, most) = if least.is_finite() && most.is_finite() && most >= least { (least, most) } else { (0.0, 1.0) };
        let span = if most > least { most - least } else { least.abs().max(1.0) * 0.1 };
        let raw = span / ticks.max(1) as f64;
        let power = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].iter().map(|m| m * power).find(|s| *s >= raw * 0.999).unwrap_or(10.0 * power);
        let from = (least / step).floor() * step;
        let to = (most / step).ceil() * step;
        let to = if to > from { to } else { from + step };
        Self { from, to, step, at }
    }

    pub fn place(&self, value: f64) -> f64 {
        self.at[0] + (value - self.from) / (self.to - self.from) * (self.at[1] - self.at[0])
    }

    pub fn ticks(&self) -> impl Iterator<Item = f64> + '_ {
        let n = ((self.to - self.from) / self.step).round() as usize;
        (0..=n).map(|i| self.from + i as f64 * self.step)
    }

    /// A tick as text, with the digits that the distance of ticks has.
    pub fn label(&self, value: f64) -> String {
        // Beyond two digits, 2.5 needs one more than its power of ten.
        let digits = (0..6).find(|d| ((self.step * 10_f64.powi(*d)).round() - self.step * 10_f64.powi(*d)).abs() < 1e-6).unwrap_or(6);
        crate::number::fixed(value, digits as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_the_values() {
        let axis = Axis::around(0.943, 1.052, 5, [0.0, 100.0]);
        assert!(axis.from <= 0.943 && axis.to >= 1.052, "{axis:?}");
        assert_eq!(
            axis.ticks().map(|t| axis.label(t)).collect::<Vec<_>>(),
            ["0.925", "0.950", "0.975", "1.000", "1.025", "1.050", "1.075"]
        );
        assert!((axis.place(1.0) - 50.0).abs() < 1e-9);
        let flat = Axis::around(5.0, 5.0, 4, [0.0, 1.0]);
        assert!(flat.to > flat.from);
        let none = Axis::around(f64::INFINITY, f64::NEG_INFINITY, 4, [0.0, 1.0]);
        assert_eq!((none.from, none.to), (0.0, 1.0));
    }
}
