//! Flickermeter on voltage magnitudes: IEC 61000-4-15 without its lamp's carrier.
//!
//! The magnitudes of one phase, per unit of the bus, pass a high pass at 0.05 Hz, the weighting of lamp, eye and brain
//!
//! ```text
//! H(s) = k w1 s / (s² + 2 λ s + w1²) · (1 + s/w2) / ((1 + s/w3)(1 + s/w4))
//! ```
//!
//! a square, and a low pass of 0.3 s; the result times 1/1.285e-6 is the sensation of flicker. Every ten minutes its distribution gives
//!
//! ```text
//! Pst = √(0.0314 P0.1 + 0.0525 P1s + 0.0657 P3s + 0.28 P10s + 0.08 P50s)
//! ```
//!
//! with `Px` the level exceeded for x percent of the time and `s` the means of neighbouring ones. The filters are discretised by the
//! bilinear transformation at the distance of the first two samples; each begins at rest. Coefficients are those of the 230 V lamp at
//! 50 Hz, of the 120 V lamp otherwise. Both gains are divided by 0.783, with which the rectangular changes of the standard's table give
//! Pst = 1 within 5 % (OpenDSS's source divides that of 120 V alone, so that its Pst of 230 V would be a fifth too low).
//!
//! Samples further apart than about 5 ms blur fast changes, and what happens between two samples is not seen at all.

/// Time over which one Pst is taken, s.
const PST_S: f64 = 600.0;

/// Sensation of one squared per-unit of the filtered voltage.
const SCALE: f64 = 1.0 / 1.285e-6;

/// Coefficients of the weighting filter.
struct Lamp {
    k: f64,
    lambda: f64,
    w: [f64; 4],
}

fn radians(hz: f64) -> f64 {
    2.0 * std::f64::consts::PI * hz
}

impl Lamp {
    fn of(frequency_hz: f64) -> Self {
        let (k, lambda, w) = if frequency_hz == 50.0 {
            (1.74802 / 0.783, 4.05981, [9.15494, 2.27979, 1.22535, 21.9])
        } else {
            (1.6357 / 0.783, 4.167375, [9.077169, 2.939902, 1.394468, 17.31512])
        };
        Self { k, lambda: radians(lambda), w: w.map(radians) }
    }
}

/// `y_j = (Σ b_i x_(j-i) - Σ a_i y_(j-i)) / a_0`, at rest before there are as many samples as coefficients.
fn filter<const N: usize>(x: &[f64], b: [f64; N], a: [f64; N]) -> Vec<f64> {
    let mut y = vec![0.0_f64; x.len()];
    for j in N - 1..x.len() {
        let mut sum = 0.0_f64;
        for i in 0..N {
            sum += b[i] * x[j - i];
        }
        for i in 1..N {
            sum -= a[i] * y[j - i];
        }
        y[j] = (1.0 / a[0]) * sum;
    }
    y
}

/// Level that is exceeded for `pct` percent of the sorted `levels`, between two of them in proportion.
fn exceeded(levels: &[f64], pct: f64) -> f64 {
    let place = 0.01 * (100.0 - pct) * levels.len() as f64;
    let low = (place as usize).min(levels.len() - 1);
    let high = (low + 1).min(levels.len() - 1);
    levels[low] + place.fract() * (levels[high] - levels[low])
}

fn pst(levels: &mut [f64]) -> f64 {
    levels.sort_unstable_by(f64::total_cmp);
    let mean = |pct: &[f64]| pct.iter().map(|&p| exceeded(levels, p)).sum::<f64>() / pct.len() as f64;
    let (p50, p10) = (mean(&[30.0, 50.0, 80.0]), mean(&[6.0, 8.0, 10.0, 13.0, 17.0]));
    let (p3, p1, p01) = (mean(&[2.2, 3.0, 4.0]), mean(&[0.7, 1.0, 1.5]), exceeded(levels, 0.1));
    (0.0314 * p01 + 0.0525 * p1 + 0.0657 * p3 + 0.28 * p10 + 0.08 * p50).sqrt()
}

/// Turns the voltages of one phase into its flicker.
///
/// # Inputs
/// * `time_s` - of the samples, evenly spaced.
/// * `base_v` - line-to-neutral base of the bus.
/// * `frequency_hz` - 50 chooses the European lamp.
/// * `pair` - magnitudes, V, and a column that is overwritten; NaN where a step did not settle, which the filters do not see.
///
/// On return the first column is the instantaneous sensation, the second the last Pst that was complete (0 before the first).
/// All is NaN where there is no base or fewer than three samples.
pub(super) fn flicker(time_s: &[f64], base_v: f64, frequency_hz: f64, pair: &mut [Vec<f64>]) {
    let [sensation, severity] = pair else { return };
    let n = time_s.len();
    if n < 3 || base_v <= 0.0 || time_s[1] <= time_s[0] {
        sensation.fill(f64::NAN);
        severity.fill(f64::NAN);
        return;
    }
    let missing: Vec<bool> = sensation.iter().map(|v| v.is_nan()).collect();
    let mut last = sensation.iter().copied().find(|v| !v.is_nan()).unwrap_or(base_v);
    let v_pu: Vec<f64> = sensation
        .iter()
        .map(|&v| {
            last = if v.is_nan() { last } else { v };
            last / base_v
        })
        .collect();
    let ts = time_s[1] - time_s[0];
    let Lamp { k, lambda, w: [w1, w2, w3, w4] } = Lamp::of(frequency_hz);
    let high = 0.5 * ts * radians(0.05);
    let moving = filter(&v_pu, [1.0, -1.0], [high + 1.0, high - 1.0]);
    let resonance = filter(
        &moving,
        [2.0 * k * w1 * ts, 0.0, -2.0 * k * w1 * ts],
        [w1 * w1 * ts * ts + 4.0 * lambda * ts + 4.0, 2.0 * w1 * w1 * ts * ts - 8.0, w1 * w1 * ts * ts - 4.0 * lambda * ts + 4.0],
    );
    let weighted = filter(
        &resonance,
        [w3 * w4 * (ts * ts * w2 + 2.0 * ts), w3 * w4 * 2.0 * ts * ts * w2, w3 * w4 * (ts * ts * w2 - 2.0 * ts)],
        [
            w2 * (ts * ts * w3 * w4 + 2.0 * ts * (w3 + w4) + 4.0),
            w2 * (2.0 * ts * ts * w3 * w4 - 8.0),
            w2 * (ts * ts * w3 * w4 - 2.0 * ts * (w3 + w4) + 4.0),
        ],
    );
    let squared: Vec<f64> = weighted.iter().map(|w| w * w).collect();
    let slow = 2.0 * 0.3 / ts;
    let level: Vec<f64> = filter(&squared, [1.0, 1.0], [1.0 + slow, 1.0 - slow]).iter().map(|l| SCALE * l).collect();
    let mut window: Vec<f64> = Vec::with_capacity((PST_S / ts) as usize + 2);
    let (mut began_s, mut complete) = (0.0, 0.0_f64);
    for j in 0..n {
        window.push(level[j]);
        if time_s[j] - began_s >= PST_S {
            complete = pst(&mut window);
            window.clear();
            began_s = time_s[j];
        }
        let known = |value: f64| if missing[j] { f64::NAN } else { value };
        (sensation[j], severity[j]) = (known(level[j]), known(complete));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pst of the second ten minutes of a voltage that jumps by `change_pct` percent of its mean, `per_minute` times a minute.
    fn of_rectangular(per_minute: f64, change_pct: f64, frequency_hz: f64) -> f64 {
        let step_s = 0.005;
        let n = (1201.0 / step_s) as usize;
        let time_s: Vec<f64> = (0..n).map(|j| (j + 1) as f64 * step_s).collect();
        let side = |t: f64| if ((t * per_minute / 60.0) as u64).is_multiple_of(2) { 0.5 } else { -0.5 };
        let v = time_s.iter().map(|&t| 230.0 * (1.0 + side(t) * change_pct / 100.0)).collect();
        let mut pair = [v, vec![0.0; n]];
        flicker(&time_s, 230.0, frequency_hz, &mut pair);
        *pair[1].last().unwrap()
    }

    /// Test of the classifier in IEC 61000-4-15: these changes are to give Pst = 1 within 5 %.
    #[test]
    fn rectangular_changes_of_the_standard_give_one() {
        let european = [(1.0, 2.724), (2.0, 2.211), (7.0, 1.459), (39.0, 0.906), (110.0, 0.725), (1620.0, 0.402)];
        let american = [(1.0, 3.166), (2.0, 2.568), (7.0, 1.695), (39.0, 1.044), (110.0, 0.841), (1620.0, 0.547)];
        for (frequency_hz, points) in [(50.0, european), (60.0, american)] {
            for (per_minute, change_pct) in points {
                let pst = of_rectangular(per_minute, change_pct, frequency_hz);
                assert!((pst - 1.0).abs() < 0.05, "{frequency_hz} Hz, {per_minute} changes a minute of {change_pct} %: Pst {pst}");
            }
        }
    }

    #[test]
    fn a_steady_voltage_does_not_flicker_and_gaps_stay_gaps() {
        let time_s: Vec<f64> = (1..=1300).map(|j| j as f64 * 0.5).collect();
        let mut v = vec![7200.0; 1300];
        v[700] = f64::NAN;
        let mut pair = [v, vec![0.0; 1300]];
        flicker(&time_s, 7200.0, 60.0, &mut pair);
        assert!(pair[0][700].is_nan() && pair[1][700].is_nan());
        assert!(pair.iter().flatten().filter(|x| !x.is_nan()).all(|&x| x == 0.0));
    }

    #[test]
    fn without_base_or_series_there_is_no_flicker() {
        let mut pair = [vec![1.0; 5], vec![0.0; 5]];
        flicker(&[0.0, 1.0, 2.0, 3.0, 4.0], 0.0, 60.0, &mut pair);
        assert!(pair.iter().flatten().all(|x| x.is_nan()));
        let mut pair = [vec![1.0; 2], vec![0.0; 2]];
        flicker(&[0.0, 1.0], 7200.0, 60.0, &mut pair);
        assert!(pair.iter().flatten().all(|x| x.is_nan()));
    }
}
