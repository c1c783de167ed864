//! By what results are judged: figures that people may change. The defaults are the tables of document 000 (bvNexus Integration Package v2,
//! "Validation Criteria Summary"), read as `docs/methods/acceptance.md` says.

use crate::Diagnostic;
use serde::{Deserialize, Serialize};

/// A band in which a value passes, its ends included; outside it fails.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    pub min: f64,
    pub max: f64,
}

/// Below `warning` a value passes, from there to `fail`, both included, it is a warning, above it fails.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpperLimit {
    pub warning: f64,
    pub fail: f64,
}

/// What the RAM results have to reach; the target included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RamTarget {
    /// Fraction.
    pub availability_min: f64,
    /// From here up to the target it is a warning; absent: there is no such band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_warning_min: Option<f64>,
    pub downtime_h_max: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_warning_h_max: Option<f64>,
}

/// The first look, at the design alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Screening {
    /// Rated power of all sources over the load.
    pub capacity_ratio_min: f64,
    /// The same with the largest unit out.
    pub n1_capacity_ratio_min: f64,
}

/// How far figures of one row may differ before the row is flagged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// Given and recomputed duty, percent points.
    pub duty_points: f64,
    /// kV over rated kV against per unit.
    pub voltage_pu: f64,
    /// Downtime against availability, percent.
    pub downtime_pct: f64,
    /// Reactive power of loads against their power factor, percent.
    pub load_q_pct: f64,
}

/// The breaker's own test, for the duty with direct current in it (IEEE C37.010): asymmetry at contact parting.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AsymmetricDuty {
    pub x_r_of_test: f64,
    /// Cycles from the fault to the parting of contacts.
    pub cycles: f64,
}

/// Ratings that can be bought, rising.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandardRatings {
    pub breaker_ka: Vec<f64>,
    pub branch_mva: Vec<f64>,
    /// Compensation is proposed in whole steps of this.
    pub compensation_step_mvar: f64,
    /// Redundancy is not raised beyond this number of spare units.
    pub redundancy_max: u32,
}

/// All criteria.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Criteria {
    pub screening: Screening,
    pub load_flow_voltage_pu: Band,
    pub loading_pct: UpperLimit,
    pub duty_pct: UpperLimit,
    pub x_r_ratio: UpperLimit,
    pub power_flow_voltage_pu: Band,
    pub angle_deg: UpperLimit,
    pub ram: RamTarget,
    /// Block of the RAM results that is judged.
    pub system_block: String,
    pub consistency: Consistency,
    pub asymmetric_duty: AsymmetricDuty,
    pub standard: StandardRatings,
}

impl Default for Criteria {
    fn default() -> Self {
        Self {
            screening: Screening { capacity_ratio_min: 1.0, n1_capacity_ratio_min: 1.0 },
            load_flow_voltage_pu: Band { min: 0.95, max: 1.05 },
            loading_pct: UpperLimit { warning: 80.0, fail: 100.0 },
            duty_pct: UpperLimit { warning: 80.0, fail: 100.0 },
            x_r_ratio: UpperLimit { warning: 15.0, fail: 25.0 },
            power_flow_voltage_pu: Band { min: 0.95, max: 1.05 },
            angle_deg: UpperLimit { warning: 30.0, fail: 60.0 },
            ram: RamTarget { availability_min: 0.9995, availability_warning_min: None, downtime_h_max: 4.38, downtime_warning_h_max: None },
            system_block: "SYSTEM".to_owned(),
            consistency: Consistency { duty_points: 0.2, voltage_pu: 0.005, downtime_pct: 1.0, load_q_pct: 2.0 },
            asymmetric_duty: AsymmetricDuty { x_r_of_test: 17.0, cycles: 0.5 },
            standard: StandardRatings {
                // IEC 62271-1, preferred rated short-circuit breaking currents (the R10 series).
                breaker_ka: vec![12.5, 16.0, 20.0, 25.0, 31.5, 40.0, 50.0, 63.0, 80.0, 100.0],
                // The R10 series of preferred numbers (ISO 3), by which transformers are rated (IEC 60076-1).
                branch_mva: vec![
                    1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0, 10.0, 12.5, 16.0, 20.0, 25.0, 31.5, 40.0, 50.0, 63.0, 80.0, 100.0,
                    125.0, 160.0, 200.0, 250.0, 315.0, 400.0, 500.0,
                ],
                compensation_step_mvar: 1.0,
                redundancy_max: 3,
            },
        }
    }
}

impl Criteria {
    /// The default with the warning band of 99.90 to 99.95 % (4.38 to 8.76 h) that the public description of the package mentions.
    pub fn with_ram_warning_band() -> Self {
        let mut all = Self::default();
        all.ram.availability_warning_min = Some(0.999);
        all.ram.downtime_warning_h_max = Some(8.76);
        all
    }

    /// What is wrong with the figures, all at once.
    pub fn check(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut expect = |right: bool, field: &str, what: &str| {
            if !right {
                let finding = Diagnostic::error("EXCHANGE.CRITERIA.VALUE", format!("{field}: {what}"));
                found.push(finding.element("criteria").hint("correct the figure in the document of criteria"));
            }
        };
        for (field, band) in [("load_flow_voltage_pu", self.load_flow_voltage_pu), ("power_flow_voltage_pu", self.power_flow_voltage_pu)] {
            expect(
                band.min.is_finite() && band.max.is_finite() && 0.0 < band.min && band.min < band.max,
                field,
                "min has to be above 0 and below max",
            );
        }
        for (field, l) in
            [("loading_pct", self.loading_pct), ("duty_pct", self.duty_pct), ("x_r_ratio", self.x_r_ratio), ("angle_deg", self.angle_deg)]
        {
            let right = l.warning.is_finite() && l.fail.is_finite() && 0.0 < l.warning && l.warning <= l.fail;
            expect(right, field, "warning has to be above 0 and at most fail");
        }
        let fraction = |a: f64| a > 0.0 && a <= 1.0;
        expect(fraction(self.ram.availability_min), "ram.availability_min", "a fraction above 0 up to 1, not percent");
        let warning = self.ram.availability_warning_min;
        expect(
            warning.is_none_or(|w| fraction(w) && w <= self.ram.availability_min),
            "ram.availability_warning_min",
            "a fraction at most the target",
        );
        expect(self.ram.downtime_h_max >= 0.0 && self.ram.downtime_h_max.is_finite(), "ram.downtime_h_max", "hours of 0 or more");
        let warning = self.ram.downtime_warning_h_max;
        expect(
            warning.is_none_or(|w| w.is_finite() && w >= self.ram.downtime_h_max),
            "ram.downtime_warning_h_max",
            "hours of at least the target",
        );
        let ratios = [self.screening.capacity_ratio_min, self.screening.n1_capacity_ratio_min];
        expect(ratios.iter().all(|r| r.is_finite() && *r >= 0.0), "screening", "ratios of 0 or more");
        let c = self.consistency;
        let all = [c.duty_points, c.voltage_pu, c.downtime_pct, c.load_q_pct];
        expect(all.iter().all(|t| t.is_finite() && *t >= 0.0), "consistency", "tolerances of 0 or more");
        let a = self.asymmetric_duty;
        expect(a.x_r_of_test > 0.0 && a.cycles >= 0.0 && a.cycles.is_finite(), "asymmetric_duty", "X/R above 0, cycles of 0 or more");
        for (field, list) in [("standard.breaker_ka", &self.standard.breaker_ka), ("standard.branch_mva", &self.standard.branch_mva)] {
            let rising = list.windows(2).all(|w| w[0] < w[1]);
            expect(rising && list.iter().all(|r| r.is_finite() && *r > 0.0), field, "ratings above 0, rising");
        }
        expect(self.standard.compensation_step_mvar > 0.0, "standard.compensation_step_mvar", "a step above 0");
        expect(!self.system_block.trim().is_empty(), "system_block", "the block that is judged has to be named");
        found
    }
}
