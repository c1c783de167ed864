//! Statistics over feeders, beside the ranges that published ones lie in.

use super::Summary;

/// Least, median, mean, 95th percentile and greatest of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub min: f64,
    pub median: f64,
    pub mean: f64,
    pub p95: f64,
    pub max: f64,
}

impl Spread {
    /// `None` of nothing.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        values.sort_by(f64::total_cmp);
        let n = values.len();
        let at = |share: f64| values[(((n - 1) as f64) * share).round() as usize];
        let median = if n % 2 == 1 { values[n / 2] } else { (values[n / 2 - 1] + values[n / 2]) / 2.0 };
        Some(Self { min: values[0], median, mean: values.iter().sum::<f64>() / n as f64, p95: at(0.95), max: values[n - 1] })
    }
}

/// A figure of a feeder, with the range in which published feeders have it.
pub struct Range {
    pub title: &'static str,
    pub unit: &'static str,
    pub decimals: usize,
    pub of: fn(&Summary) -> f64,
    /// Bounds of the median; `None` of a figure that is only printed.
    pub published: Option<(f64, f64)>,
}

/// The figures that are printed. The sources of the ranges are in `docs/synthetic-utility.md`.
///
/// Sizes range from the IEEE 123-node to the IEEE 8500-node feeder. What does not depend on size (customers a node, power
/// a customer) lies between the values of the three published feeders that have customers of their own: EPRI's circuit 5
/// and J1, and the IEEE 8500-node feeder.
pub fn ranges() -> Vec<Range> {
    let range = |title, unit, decimals, of, published| Range { title, unit, decimals, of, published };
    fn per(value: f64, count: f64) -> f64 {
        value / count.max(1.0)
    }
    vec![
        range("nodes", "", 0, |s| s.nodes as f64, Some((278.0, 8531.0))),
        range("primary lines", "km", 1, |s| s.length_km, Some((11.9, 169.9))),
        range("trunk", "km", 1, |s| s.trunk_km, Some((1.6, 16.1))),
        range("one- and two-phase share", "%", 0, |s| 100.0 * s.lateral_share, None),
        range("customers", "", 0, |s| f64::from(s.customers), None),
        range("customers a node", "", 2, |s| per(f64::from(s.customers), s.nodes as f64), Some((0.14, 0.40))),
        range("primary m a customer", "", 0, |s| per(1000.0 * s.length_km, f64::from(s.customers)), Some((34.5, 144.4))),
        range("customers a transformer", "", 2, |s| per(f64::from(s.customers), s.service_transformers as f64), Some((1.0, 2.35))),
        range("service transformers", "kVA", 0, |s| s.service_kva, None),
        range("service kVA a customer", "", 1, |s| per(s.service_kva, f64::from(s.customers)), Some((11.9, 24.0))),
        range("connected kW a customer", "", 1, |s| per(s.connected_kw, f64::from(s.customers)), Some((5.1, 9.2))),
        range("peak", "kW", 0, |s| s.peak_kw, None),
        range("current at the head", "A", 0, |s| s.head_a, Some((0.0, 400.0))),
        range("regulator sets", "", 1, |s| s.regulators as f64, None),
        range("capacitor banks", "", 1, |s| s.capacitors as f64, None),
        range("photovoltaics", "kW", 0, |s| s.pv_kw, None),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::Utility;
    use super::*;

    #[test]
    fn spreads_are_those_of_the_values() {
        let spread = Spread::of((1..=100).rev().map(f64::from).collect()).unwrap();
        assert_eq!((spread.min, spread.median, spread.mean, spread.max), (1.0, 50.5, 50.5, 100.0));
        assert_eq!(spread.p95, 95.0);
        assert!(Spread::of(Vec::new()).is_none());
    }

    #[test]
    fn medians_lie_in_the_published_ranges() {
        for seed in [1, 2] {
            let utility = Utility::new(seed);
            let summaries: Vec<Summary> = (0..200).map(|k| utility.feeder(k).summary).collect();
            for range in ranges() {
                let spread = Spread::of(summaries.iter().map(range.of).collect()).unwrap();
                if let Some((low, high)) = range.published {
                    assert!((low..=high).contains(&spread.median), "seed {seed}: {}: {spread:?} against {low} to {high}", range.title);
                }
                if range.title == "nodes" {
                    assert!(spread.median >= 500.0 && spread.min >= 100.0 && spread.max > 2.0 * spread.median, "{spread:?}");
                }
            }
        }
    }
}
