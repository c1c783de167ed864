//! Time-of-use tariffs: what they do to the course of a day.
//!
//! On a day on which the tariff holds, with `P` the energy in the peak window and `O` that outside it, the elasticity of substitution σ
//! gives `P'/O' = (P/O) r^-σ` for the price ratio `r`, and the elasticity of energy ε gives `P' + O' = (P + O) m^ε` with `m` the mean
//! price of the day (peak price `r`, else 1, weighted by energy) over the price before. The price before is 1: only the peak becomes
//! dearer. Within both windows the course keeps its form. Loads outside the tariff (participation) keep theirs.

use super::calendar::Calendar;
use network::scenario::TouPolicy;

/// Days on which the tariff holds.
fn holds(tou: &TouPolicy, calendar: Calendar, day: usize) -> bool {
    let month = Calendar::month(day);
    let in_season = if tou.first_month <= tou.last_month {
        (tou.first_month..=tou.last_month).contains(&month)
    } else {
        month >= tou.first_month || month <= tou.last_month
    };
    in_season && !(tou.weekdays_only && calendar.is_weekend(day))
}

fn is_peak(tou: &TouPolicy, calendar: Calendar, step: usize) -> bool {
    Calendar::in_window(calendar.hour_of_day(step), tou.peak_from_h, tou.peak_to_h)
}

/// Scales peak and other steps of each day by what `factors` says of their energies.
fn by_day(course: &[f64], tou: &TouPolicy, calendar: Calendar, factors: impl Fn(f64, f64) -> (f64, f64)) -> Vec<f64> {
    let mut out = course.to_vec();
    let per_day = calendar.steps_per_day();
    for day in 0..course.len() / per_day {
        if !holds(tou, calendar, day) {
            continue;
        }
        let steps = day * per_day..(day + 1) * per_day;
        let (mut peak, mut other) = (0.0, 0.0);
        for k in steps.clone() {
            *if is_peak(tou, calendar, k) { &mut peak } else { &mut other } += course[k];
        }
        // Without energy on one side there is nothing to move, or nowhere to move it.
        if peak <= 0.0 || other <= 0.0 {
            continue;
        }
        let (at_peak, at_other) = factors(peak, other);
        for k in steps {
            out[k] *= if is_peak(tou, calendar, k) { at_peak } else { at_other };
        }
    }
    out
}

/// The course of a load under the tariff.
pub fn shifted(course: &[f64], tou: &TouPolicy, calendar: Calendar) -> Vec<f64> {
    let participation = tou.participation_pct / 100.0;
    if let Some(shift) = tou.shift_pct {
        return moved(course, tou, calendar, participation * shift / 100.0);
    }
    by_day(course, tou, calendar, |peak, other| {
        let ratio = peak / other * tou.price_ratio.powf(-tou.substitution_elasticity);
        let mean_price = (tou.price_ratio * peak + other) / (peak + other);
        let energy = (peak + other) * mean_price.powf(tou.energy_elasticity);
        let (new_peak, new_other) = (energy * ratio / (1.0 + ratio), energy / (1.0 + ratio));
        (1.0 + participation * (new_peak / peak - 1.0), 1.0 + participation * (new_other / other - 1.0))
    })
}

/// The course with a share of the peak energy moved to the other steps of the day, in proportion to what they have.
pub fn moved(course: &[f64], tou: &TouPolicy, calendar: Calendar, share: f64) -> Vec<f64> {
    by_day(course, tou, calendar, |peak, other| (1.0 - share, 1.0 + share * peak / other))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{empty, layer};
    use super::*;
    use network::scenario::LayerKind;

    fn tou(text: &str) -> TouPolicy {
        match layer(&format!("policy: {{tou: {{{text}}}}}")) {
            LayerKind::Policy(p) => p.tou.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn course() -> Vec<f64> {
        (0..8760).map(|k| 1.0 + ((k % 24) as f64 - 12.0).abs() / 10.0 + (k / 24) as f64 / 1000.0).collect()
    }

    #[test]
    fn energy_of_each_day_stays_and_the_ratio_follows_the_elasticity() {
        let calendar = Calendar::new(&empty());
        let t = tou("price_ratio: 3, substitution_elasticity: 0.1");
        let (before, after) = (course(), shifted(&course(), &t, calendar));
        for day in 0..365 {
            let sum = |c: &[f64], r: std::ops::Range<usize>| c[24 * day..24 * day + 24][r].iter().sum::<f64>();
            assert!((sum(&before, 0..24) / sum(&after, 0..24) - 1.0).abs() < 1e-12);
            let ratio = |c: &[f64]| sum(c, 16..21) / (sum(c, 0..16) + sum(c, 21..24));
            let expected = if day % 7 < 5 { 3f64.powf(-0.1) } else { 1.0 };
            assert!((ratio(&after) / ratio(&before) - expected).abs() < 1e-12, "day {day}");
        }
    }

    #[test]
    fn shares_months_and_participation() {
        let calendar = Calendar::new(&empty());
        let sum = |c: &[f64]| c.iter().sum::<f64>();
        let t = tou("shift_pct: 50, participation_pct: 20, first_month: 6, last_month: 9, weekdays_only: false");
        let after = shifted(&course(), &t, calendar);
        assert!((sum(&after) / sum(&course()) - 1.0).abs() < 1e-12);
        assert_eq!(after[..24 * 151], course()[..24 * 151]);
        let k = 24 * 160 + 18;
        assert!((after[k] / course()[k] - 0.9).abs() < 1e-12);
        // A dearer mean price takes energy away where it is elastic.
        let elastic = shifted(&course(), &tou("energy_elasticity: -0.1"), calendar);
        assert!(sum(&elastic) < 0.99 * sum(&course()));
        // A window over midnight.
        let night = shifted(&course(), &tou("peak_from_h: 22, peak_to_h: 6, shift_pct: 100"), calendar);
        assert!(night[23] == 0.0 && night[3] == 0.0 && night[12] > course()[12]);
    }
}
