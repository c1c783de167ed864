//! Inverse-time characteristics of overcurrent relays.
//!
//! With `M` the current over the pickup:
//!
//! ```text
//! IEC 60255-151    t = TMS k / (M^a - 1)              reset at once below the pickup
//! IEEE C37.112     t = TD (A / (M^p - 1) + B)         reset t = TD tr / (1 - M^2)
//! ```
//!
//! | curve | k or A | a or p | B | tr |
//! |---|---|---|---|---|
//! | IEC standard | 0.14 | 0.02 | | |
//! | IEC very | 13.5 | 1 | | |
//! | IEC extremely | 80 | 2 | | |
//! | IEC long | 120 | 1 | | |
//! | IEEE moderately | 0.0515 | 0.02 | 0.1140 | 4.85 |
//! | IEEE very | 19.61 | 2 | 0.491 | 21.6 |
//! | IEEE extremely | 28.2 | 2 | 0.1217 | 29.1 |
//!
//! A relay whose current moves turns like the disc it imitates: it trips when the integral of `dt / t(M)` reaches one (IEEE C37.112, 4.2).

use network::InverseCurve;

/// Constants `k`, `a`, `B`, `tr` of a curve.
fn constants(curve: InverseCurve) -> (f64, f64, f64, Option<f64>) {
    match curve {
        InverseCurve::IecStandard => (0.14, 0.02, 0.0, None),
        InverseCurve::IecVery => (13.5, 1.0, 0.0, None),
        InverseCurve::IecExtremely => (80.0, 2.0, 0.0, None),
        InverseCurve::IecLong => (120.0, 1.0, 0.0, None),
        InverseCurve::IeeeModerately => (0.0515, 0.02, 0.1140, Some(4.85)),
        InverseCurve::IeeeVery => (19.61, 2.0, 0.491, Some(21.6)),
        InverseCurve::IeeeExtremely => (28.2, 2.0, 0.1217, Some(29.1)),
    }
}

/// Time to trip at `multiple` times the pickup, s; `None` at or below it. `setting` is the time multiplier or dial.
pub fn trip_time_s(curve: InverseCurve, multiple: f64, setting: f64) -> Option<f64> {
    let (k, a, b, _) = constants(curve);
    (multiple > 1.0).then(|| setting * (k / (multiple.powf(a) - 1.0) + b))
}

/// Time of a full reset at `multiple` times the pickup, s; `None` where the curve resets at once.
pub fn reset_time_s(curve: InverseCurve, multiple: f64, setting: f64) -> Option<f64> {
    let reset = constants(curve).3?;
    (multiple < 1.0).then(|| setting * reset / (1.0 - multiple * multiple))
}

/// How far a relay has turned (1 trips) after `dt_s` more at `multiple`.
pub fn turn(curve: InverseCurve, turned: f64, multiple: f64, setting: f64, dt_s: f64) -> f64 {
    if let Some(t) = trip_time_s(curve, multiple, setting) {
        return turned + dt_s / t.max(1e-6);
    }
    match reset_time_s(curve, multiple, setting) {
        Some(t) => (turned - dt_s / t.max(1e-6)).max(0.0),
        None if multiple >= 1.0 => turned,
        None => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values worked by hand from the printed formulas.
    #[test]
    fn times_are_those_of_the_standards() {
        for (curve, multiple, setting, seconds) in [
            (InverseCurve::IecStandard, 10.0, 1.0, 2.970_597),
            (InverseCurve::IecStandard, 2.0, 0.5, 5.014_526),
            (InverseCurve::IecVery, 10.0, 1.0, 1.5),
            (InverseCurve::IecExtremely, 10.0, 1.0, 80.0 / 99.0),
            (InverseCurve::IecLong, 5.0, 0.1, 3.0),
            (InverseCurve::IeeeVery, 10.0, 1.0, 19.61 / 99.0 + 0.491),
            (InverseCurve::IeeeExtremely, 2.0, 3.0, 3.0 * (28.2 / 3.0 + 0.1217)),
            (InverseCurve::IeeeModerately, 10.0, 1.0, 0.0515 / 0.047_128_548 + 0.1140),
        ] {
            let t = trip_time_s(curve, multiple, setting).expect("above the pickup");
            assert!((t - seconds).abs() < 1e-5 * seconds, "{curve:?} {multiple}: {t} and not {seconds}");
        }
        assert_eq!(trip_time_s(InverseCurve::IecVery, 1.0, 1.0), None);
        assert!((reset_time_s(InverseCurve::IeeeVery, 0.0, 2.0).unwrap() - 43.2).abs() < 1e-12);
    }

    #[test]
    fn a_constant_current_trips_at_its_time_and_a_gap_lets_it_fall_back() {
        let t = trip_time_s(InverseCurve::IeeeVery, 4.0, 1.0).unwrap();
        let mut turned = 0.0;
        let mut steps = 0;
        while turned < 1.0 {
            turned = turn(InverseCurve::IeeeVery, turned, 4.0, 1.0, 0.001);
            steps += 1;
        }
        assert!((f64::from(steps) * 0.001 - t).abs() < 0.0021, "{steps} ms and not {t} s");
        assert_eq!(turn(InverseCurve::IecVery, 0.7, 0.9, 1.0, 0.001), 0.0);
        let back = turn(InverseCurve::IeeeVery, 0.7, 0.0, 1.0, 2.16);
        assert!((back - 0.6).abs() < 1e-12, "{back}");
    }
}
