//! Shapes over time and curves over a quantity, as OpenDSS evaluates them.
//!
//! A shape with even spacing `d` has its first value at hour `d`; its last stands for hour 0 and for
//! every whole period `n d`. At hour `t` the value is number `k` counted from 1,
//!
//! ```text
//! k = round(t / d)   (halves to the even number; Edge: rounded down)
//! k = k mod n  if k > n;   k = n  if k = 0
//! ```
//!
//! A shape with hours `h_1 < … < h_n` is straight between its points and repeats with period `h_n`:
//! `t` becomes `t - trunc(t / h_n) h_n` once it is greater than `h_n`. Within 1e-5 h of a point the
//! value is the point's.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What holds between the points of a load shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// Even spacing: the nearest point. Points at given hours: a straight line.
    #[default]
    Average,
    /// The last point passed.
    Edge,
}

/// Multipliers of P and Q over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadShape {
    pub name: String,
    /// Hours between points; 0 when `hours` tells the times.
    pub interval_h: f64,
    pub hours: Option<Arc<[f64]>>,
    pub p: Arc<[f64]>,
    /// Multipliers of Q; those of P where there are none.
    pub q: Option<Arc<[f64]>>,
    /// The values are kW and kvar rather than multipliers.
    pub use_actual: bool,
    /// What normalising divides by; the greatest magnitude where 0.
    pub p_base: f64,
    pub q_base: f64,
    /// The value of greatest magnitude and, unless set, Q at the same point: the size that a load
    /// with actual values reports.
    pub p_max: f64,
    pub q_max: f64,
    pub mean: f64,
    pub stddev: f64,
    pub interpolation: Interpolation,
}

/// Temperature over time, degrees Celsius.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemperatureShape {
    pub name: String,
    pub interval_h: f64,
    pub hours: Option<Arc<[f64]>>,
    pub temperature_c: Arc<[f64]>,
    pub mean: f64,
    pub stddev: f64,
}

/// Price over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriceShape {
    pub name: String,
    pub interval_h: f64,
    pub hours: Option<Arc<[f64]>>,
    pub price: Arc<[f64]>,
    pub mean: f64,
    pub stddev: f64,
}

/// Growth by year: in each year the load is multiplied by that year's factor, which is the one of the
/// latest listed year.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrowthShape {
    pub name: String,
    pub years: Vec<i32>,
    pub multipliers: Vec<f64>,
}

/// A curve through points, straight between them and beyond the ends.
///
/// Shifts and scales belong to OpenDSS's scripting interface; its elements and controls read the
/// points alone, and so does [`XyCurve::y_at`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct XyCurve {
    pub name: String,
    pub x: Arc<[f64]>,
    pub y: Arc<[f64]>,
    pub x_shift: f64,
    pub y_shift: f64,
    pub x_scale: f64,
    pub y_scale: f64,
}

/// Time over multiples of a current.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TccCurve {
    pub name: String,
    pub current: Vec<f64>,
    pub time_s: Vec<f64>,
}

/// Harmonic content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    pub name: String,
    pub harmonic: Vec<f64>,
    pub magnitude_pct: Vec<f64>,
    pub angle_deg: Vec<f64>,
}

/// Hours or units of x within which a point's own value is taken.
const SNAP: f64 = 1e-5;

/// Index of the point of an evenly spaced shape that holds at `hour`; `n` points, at least one.
fn even_index(hour: f64, interval_h: f64, n: usize, interpolation: Interpolation) -> usize {
    let steps = hour / interval_h;
    let number = match interpolation {
        Interpolation::Average => steps.round_ties_even(),
        Interpolation::Edge => steps.floor(),
    };
    let n = n as i64;
    let mut number = number as i64;
    if number > n {
        number %= n;
    }
    (if number <= 0 { n } else { number } - 1) as usize
}

/// Where an hour lies among the hours of points.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Point(usize),
    /// Between points `right - 1` and `right`, at this share of the way.
    Between {
        right: usize,
        share: f64,
    },
    /// Before the first point; the hour relative to it.
    Before(f64),
}

/// The place of `hour` among ascending `hours`, at least one, after the repetition.
fn place(hours: &[f64], hour: f64) -> Place {
    let last = hours[hours.len() - 1];
    let hour = if hour > last && last > 0.0 { hour - (hour / last).trunc() * last } else { hour };
    let i = hours.partition_point(|&h| h <= hour - SNAP);
    match hours.get(i) {
        None => Place::Point(hours.len() - 1),
        Some(h) if (h - hour).abs() < SNAP => Place::Point(i),
        Some(h) if i == 0 => Place::Before(hour / h),
        Some(h) => Place::Between { right: i, share: (hour - hours[i - 1]) / (h - hours[i - 1]) },
    }
}

/// The straight line from `a` to `b` at `share` of the way.
fn line(a: f64, b: f64, share: f64) -> f64 {
    a + share * (b - a)
}

impl LoadShape {
    /// Multipliers of P and Q at `hour`, or kW and kvar with `use_actual`.
    ///
    /// Without points both are 1. Without points for Q its multiplier is that of P, and its actual
    /// value zero. Two habits of OpenDSS are kept: before the first of given hours the shape is the
    /// line from zero at hour 0, and with [`Interpolation::Edge`] the multiplier of Q is zero between
    /// points that are given for P alone.
    ///
    /// Method and source: `GetMultAtHour` of DSS C-API 0.14.5; the tests hold its answers.
    pub fn at(&self, hour: f64) -> (f64, f64) {
        let n = self.p.len();
        if n == 0 {
            return (1.0, 1.0);
        }
        let q = self.q.as_deref().filter(|q| q.len() >= n);
        let both = |value: &dyn Fn(&[f64]) -> f64| {
            let p = value(&self.p);
            let q = match q {
                Some(q) => value(q),
                None if self.use_actual => 0.0,
                None => p,
            };
            (p, q)
        };
        if n == 1 {
            return both(&|v| v[0]);
        }
        if self.interval_h > 0.0 {
            let i = even_index(hour, self.interval_h, n, self.interpolation);
            return both(&|v| v[i]);
        }
        let Some(hours) = self.hours.as_deref().and_then(|h| h.get(..n)) else { return both(&|v| v[0]) };
        let place = place(hours, hour);
        match (place, self.interpolation) {
            (Place::Point(i), _) => both(&|v| v[i]),
            (Place::Between { right, share }, Interpolation::Average) => both(&|v| line(v[right - 1], v[right], share)),
            (Place::Before(share), Interpolation::Average) => both(&|v| line(0.0, v[0], share)),
            (Place::Between { right, .. }, Interpolation::Edge) => (self.p[right - 1], q.map_or(0.0, |q| q[right - 1])),
            (Place::Before(_), Interpolation::Edge) => (0.0, 0.0),
        }
    }
}

impl TemperatureShape {
    /// Temperature at `hour`, degrees Celsius; 0 without points. Before the first of given hours the
    /// first straight line goes on.
    pub fn at(&self, hour: f64) -> f64 {
        series_at(&self.temperature_c, self.hours.as_deref(), self.interval_h, hour)
    }
}

impl PriceShape {
    /// Price at `hour`; 0 without points. Before the first of given hours the first straight line goes on.
    pub fn at(&self, hour: f64) -> f64 {
        series_at(&self.price, self.hours.as_deref(), self.interval_h, hour)
    }
}

fn series_at(values: &[f64], hours: Option<&[f64]>, interval_h: f64, hour: f64) -> f64 {
    let n = values.len();
    match n {
        0 => return 0.0,
        1 => return values[0],
        _ => {}
    }
    if interval_h > 0.0 {
        return values[even_index(hour, interval_h, n, Interpolation::Average)];
    }
    let Some(hours) = hours.and_then(|h| h.get(..n)) else { return values[0] };
    match place(hours, hour) {
        Place::Point(i) => values[i],
        Place::Between { right, share } => line(values[right - 1], values[right], share),
        Place::Before(share) => line(values[0], values[1], (share * hours[0] - hours[0]) / (hours[1] - hours[0])),
    }
}

impl XyCurve {
    /// `y` at `x`: on the straight line through the two points next to it, extended beyond the ends.
    ///
    /// From the second point on, a point less than 1e-5 away gives its own `y`. Of two points with
    /// the same `x` the later begins the next line; a line that joins them gives the `y` it ends
    /// with. One point is a constant, none gives 0. `x` must not decrease along the curve.
    ///
    /// Method and source: `GetYValue` of DSS C-API 0.14.5, as it answers without a memory of earlier
    /// questions.
    pub fn y_at(&self, x: f64) -> f64 {
        self.y_at_from(x, &mut 0)
    }

    /// As [`XyCurve::y_at`], with the memory that DSS C-API 0.14.5 keeps in each curve: the search
    /// begins after `place` (0 at first), the point found last, unless `x` lies before it. So a point
    /// that `x` has already passed is not given when `x` comes within 1e-5 of it.
    pub fn y_at_from(&self, x: f64, place: &mut usize) -> f64 {
        let n = self.x.len().min(self.y.len());
        let (xs, ys) = (&self.x[..n], &self.y[..n]);
        match n {
            0 => return 0.0,
            1 => return ys[0],
            _ => {}
        }
        let through = |at: usize, from: usize| {
            let run = xs[at] - xs[from];
            if run != 0.0 { ys[from] + (x - xs[from]) / run * (ys[at] - ys[from]) } else { ys[at] }
        };
        if *place >= n || xs[*place] > x {
            *place = 0;
        }
        if *place == 0 && xs[0] > x {
            return through(0, 1);
        }
        for i in *place + 1..n {
            if (xs[i] - x).abs() < SNAP {
                *place = i;
                return ys[i];
            }
            if xs[i] > x {
                *place = i - 1;
                return through(i, i - 1);
            }
        }
        *place = n - 2;
        through(n - 1, n - 2)
    }

    /// Slope and intercept of the line that holds at `x`, the end lines reaching beyond the ends;
    /// zero for fewer than two points. `place` as in [`XyCurve::y_at_from`].
    pub fn line_at_from(&self, x: f64, place: &mut usize) -> (f64, f64) {
        let n = self.x.len().min(self.y.len());
        if n < 2 {
            return (0.0, 0.0);
        }
        let (xs, ys) = (&self.x[..n], &self.y[..n]);
        let line = |i: usize| {
            let slope = (ys[i] - ys[i - 1]) / (xs[i] - xs[i - 1]);
            (slope, ys[i] - slope * xs[i])
        };
        if *place >= n || xs[*place] > x {
            *place = 0;
        }
        if *place == 0 && xs[0] > x {
            return line(1);
        }
        match (*place + 1..n).find(|&i| xs[i] > x) {
            Some(i) => {
                *place = i - 1;
                line(i)
            }
            None => line(n - 1),
        }
    }

    /// `x` at which the curve has the value `y`: on the first line that reaches it, else on the end
    /// line nearer to it. One point is a constant, none gives 0.
    pub fn x_at(&self, y: f64) -> f64 {
        let n = self.x.len().min(self.y.len());
        let (xs, ys) = (&self.x[..n], &self.y[..n]);
        match n {
            0 => return 0.0,
            1 => return xs[0],
            _ => {}
        }
        let on_line = |i: usize| {
            let run = ys[i] - ys[i + 1];
            if run != 0.0 { xs[i + 1] + (y - ys[i + 1]) / run * (xs[i] - xs[i + 1]) } else { xs[i] }
        };
        let reaches = |&i: &usize| (ys[i]..=ys[i + 1]).contains(&y) || (ys[i + 1]..=ys[i]).contains(&y);
        if let Some(i) = (0..n - 1).find(reaches) {
            return on_line(i);
        }
        let before_first = if ys[0] <= ys[n - 1] { y <= ys[0] } else { y >= ys[0] };
        on_line(if before_first { 0 } else { n - 2 })
    }
}

impl GrowthShape {
    /// Factor on the base load in `year`: 1 in year 0 and up to the first listed year, afterwards the
    /// product of the factors of the years from the first listed one to the year before.
    ///
    /// A year takes the factor of the listed year that it is or that came last. A listed year that
    /// is out of order is never reached, nor are those after it.
    pub fn factor(&self, year: i32) -> f64 {
        let n = self.years.len().min(self.multipliers.len());
        if n == 0 || year == 0 {
            return 1.0;
        }
        let mut point = 0;
        let mut factor = 1.0;
        for y in self.years[0]..year {
            if point + 1 < n && self.years[point + 1] == y {
                point += 1;
            }
            factor *= self.multipliers[point];
        }
        factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(interval_h: f64, hours: Option<&[f64]>, p: &[f64]) -> LoadShape {
        LoadShape {
            name: "s".into(),
            interval_h,
            hours: hours.map(Arc::from),
            p: p.into(),
            q: None,
            use_actual: false,
            p_base: 0.0,
            q_base: 0.0,
            p_max: 1.0,
            q_max: 0.0,
            mean: 0.0,
            stddev: 0.0,
            interpolation: Interpolation::Average,
        }
    }

    #[track_caller]
    fn check(shape: &LoadShape, expected: &[(f64, f64, f64)]) {
        for &(hour, p, q) in expected {
            let (found_p, found_q) = shape.at(hour);
            assert!((found_p - p).abs() < 1e-9 && (found_q - q).abs() < 1e-9, "hour {hour}: {found_p}, {found_q}; expected {p}, {q}");
        }
    }

    // All numbers are those of OpenDSS (DSS C-API 0.14.5) for a load of 1 kW and 0.5 kvar that has
    // the shape as its daily one.

    #[test]
    fn even_spacing_takes_the_nearest_point_and_halves_the_even_one() {
        let s = shape(1.0, None, &[1.0, 2.0, 3.0, 4.0]);
        let hours = [0.0, 0.5, 1.0, 1.4, 1.5, 1.6, 2.5, 3.5, 3.6, 4.0, 4.4, 4.5, 4.6, 5.0, 8.0, 8.4, 8.5, 9.0, 0.2, 12.5];
        let values = [4.0, 4.0, 1.0, 1.0, 2.0, 2.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 1.0, 1.0, 4.0, 4.0, 4.0, 1.0, 4.0, 4.0];
        for (hour, value) in hours.into_iter().zip(values) {
            check(&s, &[(hour, value, value)]);
        }
        let thirds = shape(0.3333333333333333, None, &[1.0, 2.0, 3.0, 4.0]);
        for (k, value) in [4.0, 1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0].into_iter().enumerate() {
            check(&thirds, &[(k as f64 / 3.0, value, value)]);
        }
    }

    #[test]
    fn even_spacing_by_edges_takes_the_point_passed() {
        let mut s = shape(1.0, None, &[1.0, 2.0, 3.0, 4.0]);
        s.interpolation = Interpolation::Edge;
        let hours = [0.0, 0.5, 0.9999999, 1.0, 1.4, 1.6, 2.5, 3.6, 4.0, 4.6, 5.0, 8.0, 8.5, 9.0];
        let values = [4.0, 4.0, 4.0, 1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 4.0, 1.0, 4.0, 4.0, 1.0];
        for (hour, value) in hours.into_iter().zip(values) {
            check(&s, &[(hour, value, value)]);
        }
        s.interval_h = 0.25;
        check(&s, &[(0.3, 1.0, 1.0), (0.5, 2.0, 2.0), (1.1, 4.0, 4.0), (1.25, 1.0, 1.0)]);
    }

    #[test]
    fn q_has_its_own_points_or_moves_with_p_or_is_zero() {
        let mut s = shape(1.0, None, &[1.0, 2.0, 3.0]);
        s.q = Some([3.0, 2.0, 1.0].into());
        check(&s, &[(0.0, 3.0, 1.0), (1.0, 1.0, 3.0), (2.0, 2.0, 2.0), (3.0, 3.0, 1.0)]);
        let mut actual = shape(1.0, None, &[10.0, 20.0, 30.0]);
        actual.use_actual = true;
        check(&actual, &[(0.0, 30.0, 0.0), (1.0, 10.0, 0.0)]);
        actual.q = Some([1.0, 2.0, 3.0].into());
        check(&actual, &[(0.0, 30.0, 3.0), (2.0, 20.0, 2.0)]);
        check(&shape(1.0, None, &[0.7]), &[(5.3, 0.7, 0.7)]);
        check(&shape(1.0, None, &[]), &[(5.3, 1.0, 1.0)]);
    }

    #[test]
    fn given_hours_are_joined_by_lines_and_repeat() {
        let s = shape(0.0, Some(&[0.0, 2.0, 4.0, 6.0]), &[1.0, 2.0, 3.0, 4.0]);
        let hours = [0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 6.0, 6.5, 7.0, 12.0, 13.0];
        let values = [1.0, 1.25, 1.5, 2.0, 2.5, 3.5, 4.0, 1.25, 1.5, 1.0, 1.5];
        for (hour, value) in hours.into_iter().zip(values) {
            check(&s, &[(hour, value, value)]);
        }
        let steep = shape(0.0, Some(&[0.0, 2.0, 4.0, 6.0]), &[1.0, 2.0, 30.0, 4.0]);
        check(&steep, &[(2.000005, 2.0, 2.0), (1.999995, 2.0, 2.0), (4.000005, 30.0, 30.0), (2.00002, 2.00028, 2.00028)]);
    }

    #[test]
    fn before_the_first_given_hour_the_line_comes_from_zero() {
        let mut s = shape(0.0, Some(&[1.0, 2.0, 4.0, 6.0]), &[1.0, 2.0, 3.0, 4.0]);
        check(&s, &[(1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), (6.5, 0.5, 0.5), (7.0, 1.0, 1.0), (12.0, 0.0, 0.0)]);
        s.q = Some([5.0, 6.0, 7.0, 8.0].into());
        check(&s, &[(0.5, 0.5, 2.5), (1.5, 1.5, 5.5), (5.0, 3.5, 7.5)]);
    }

    #[test]
    fn given_hours_by_edges_hold_p_and_lose_q_that_has_no_points() {
        let mut s = shape(0.0, Some(&[1.0, 2.0, 4.0, 6.0]), &[1.0, 2.0, 3.0, 4.0]);
        s.interpolation = Interpolation::Edge;
        check(&s, &[(1.0, 1.0, 1.0), (1.5, 1.0, 0.0), (2.0, 2.0, 2.0), (0.5, 0.0, 0.0), (5.0, 3.0, 0.0), (6.0, 4.0, 4.0)]);
        s.q = Some([5.0, 6.0, 7.0, 8.0].into());
        check(&s, &[(1.0, 1.0, 5.0), (1.5, 1.0, 5.0), (0.2, 0.0, 0.0), (3.0, 2.0, 6.0), (5.0, 3.0, 7.0)]);
    }

    fn curve(x: &[f64], y: &[f64]) -> XyCurve {
        XyCurve { name: "c".into(), x: x.into(), y: y.into(), x_shift: 0.0, y_shift: 0.0, x_scale: 1.0, y_scale: 1.0 }
    }

    #[test]
    fn a_curve_goes_on_straight_beyond_its_ends() {
        let c = curve(&[0.0, 1.0, 2.0, 4.0], &[0.0, 10.0, 15.0, 5.0]);
        let x = [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 1.000005, 0.999995, 1.99999 - 1e-9, 2.00002];
        let y = [-10.0, 0.0, 5.0, 10.0, 12.5, 15.0, 10.0, 5.0, 0.0, 10.0, 10.0, 14.999949995, 14.9999];
        for (x, y) in x.into_iter().zip(y) {
            assert!((c.y_at(x) - y).abs() < 1e-9, "x {x}: {}; expected {y}", c.y_at(x));
        }
    }

    #[test]
    fn a_step_belongs_to_its_first_point_and_the_line_after_to_its_second() {
        let c = curve(&[0.0, 1.0, 1.0, 2.0], &[0.0, 10.0, 20.0, 30.0]);
        for (x, y) in [(-1.0, -10.0), (0.5, 5.0), (1.0, 10.0), (1.5, 25.0), (2.0, 30.0), (3.0, 40.0)] {
            assert!((c.y_at(x) - y).abs() < 1e-9, "x {x}: {}; expected {y}", c.y_at(x));
        }
        let first = curve(&[0.0, 0.0, 1.0], &[5.0, 6.0, 7.0]);
        for (x, y) in [(-1.0, 5.0), (0.0, 6.0), (0.5, 6.5), (2.0, 8.0)] {
            assert!((first.y_at(x) - y).abs() < 1e-9, "x {x}: {}; expected {y}", first.y_at(x));
        }
        assert_eq!(curve(&[0.0], &[5.0]).y_at(7.0), 5.0);
        assert_eq!(curve(&[], &[]).y_at(7.0), 0.0);
    }

    #[test]
    fn shifts_and_scales_do_not_move_what_elements_read() {
        // A PV system with a flat efficiency of 0.9 gives 72 of 80 kW, whatever yshift and yscale.
        let mut c = curve(&[0.1, 1.0], &[0.9, 0.9]);
        (c.y_scale, c.y_shift) = (0.5, 0.1);
        assert!((80.0 * c.y_at(0.8) - 72.0).abs() < 1e-9);
    }

    #[test]
    fn growth_multiplies_from_the_year_after_the_first() {
        let g = GrowthShape { name: "g".into(), years: vec![2, 4, 7], multipliers: vec![1.1, 1.2, 1.3] };
        let expected = [1.0, 1.0, 1.0, 1.1, 1.21, 1.452, 1.7424, 2.09088, 2.718144, 3.5335872];
        for (year, factor) in expected.into_iter().enumerate() {
            assert!((g.factor(year as i32) - factor).abs() < 1e-12, "year {year}: {}", g.factor(year as i32));
        }
        assert!((g.factor(44) - 34374.24308179271).abs() < 1e-6);
        let disordered = GrowthShape { name: "g".into(), years: vec![4, 2], multipliers: vec![1.1, 1.05] };
        assert!((disordered.factor(7) - 1.331).abs() < 1e-12);
        let calendar = GrowthShape { name: "g".into(), years: vec![2000, 2005], multipliers: vec![1.1, 1.05] };
        assert!((calendar.factor(2006) - 1.6910355).abs() < 1e-12 && calendar.factor(0) == 1.0);
    }
}
