//! What limits hosting capacity: the criteria, their limits, and what a probe read of each.
//!
//! Every criterion has one value a probe, the worst over all nodes or elements that it looks at, and one limit. The value of all but
//! [`Criterion::UnderVoltage`] must not lie above its limit, that of under-voltage not below.
//!
//! Sources of the limits that hold unless others are given: voltages, ANSI C84.1 range A (0.95 to 1.05 pu of the service voltage); change of
//! voltage, 3 % above 1 kV and 5 % at or below, the steps that IEEE 1547-2018 (clause 7.2.2, rapid voltage changes) allows a resource at
//! medium and at low voltage and that EPRI (3002011009, "Impact Factors, Methods, and Considerations for Calculating and Applying Hosting
//! Capacity", 2018) names for primary and secondary; unbalance, 3 % after ANSI C84.1 annex C; loading, the normal rating; change of a
//! regulated voltage, half of the regulator's bandwidth, rise of fault currents 10 % and loss of reach 10 %, EPRI as above; power backwards,
//! none at all, as the operational-flexibility limit of California's integration capacity analysis (CPUC R.14-08-013) has it.

use network::{BusId, ElementId};
use serde::{Deserialize, Serialize};

/// One thing that may limit hosting capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// The power flow and its controls settle. Always on: without a solution nothing else can be said.
    Solution,
    /// Highest voltage, pu.
    OverVoltage,
    /// Lowest voltage, pu.
    UnderVoltage,
    /// Largest change of a voltage when the resource comes on and no control acts, pu, at nodes above 1 kV.
    VoltageDeviation,
    /// The same at nodes of 1 kV and less.
    VoltageDeviationLv,
    /// Largest deviation of a line-to-line voltage from the mean of the three, percent, at buses of three phases.
    VoltageUnbalance,
    /// Largest phase current of a line, percent of its normal rating.
    ThermalLine,
    /// Largest power of a transformer, percent of its normal rating.
    ThermalTransformer,
    /// Power back into the sources, kW.
    ReverseFlowHead,
    /// Power back through a regulator, kW.
    ReverseFlowRegulator,
    /// Power back through a transformer that is no regulator, kW.
    ReverseFlowTransformer,
    /// Change of a regulated voltage when the resource comes on and no control acts, percent of the regulator's bandwidth.
    RegulatorExcursion,
    /// What the resource adds to a three-phase fault, percent of the current without it.
    FaultCurrentRise,
    /// What the resource takes from the current of a device that protects a zone, percent, for faults at the ends of the zone.
    ReachReduction,
}

/// Share of a limit by which a value that crosses it without resources may grow and not be called worse.
pub const SLACK: f64 = 1e-3;

/// Number of criteria.
pub const N: usize = 14;

impl Criterion {
    pub const ALL: [Self; N] = [
        Self::Solution,
        Self::OverVoltage,
        Self::UnderVoltage,
        Self::VoltageDeviation,
        Self::VoltageDeviationLv,
        Self::VoltageUnbalance,
        Self::ThermalLine,
        Self::ThermalTransformer,
        Self::ReverseFlowHead,
        Self::ReverseFlowRegulator,
        Self::ReverseFlowTransformer,
        Self::RegulatorExcursion,
        Self::FaultCurrentRise,
        Self::ReachReduction,
    ];

    /// The word of the command line and of tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Solution => "solution",
            Self::OverVoltage => "over-voltage",
            Self::UnderVoltage => "under-voltage",
            Self::VoltageDeviation => "voltage-deviation",
            Self::VoltageDeviationLv => "voltage-deviation-lv",
            Self::VoltageUnbalance => "voltage-unbalance",
            Self::ThermalLine => "thermal-line",
            Self::ThermalTransformer => "thermal-transformer",
            Self::ReverseFlowHead => "reverse-flow-head",
            Self::ReverseFlowRegulator => "reverse-flow-regulator",
            Self::ReverseFlowTransformer => "reverse-flow-transformer",
            Self::RegulatorExcursion => "regulator-excursion",
            Self::FaultCurrentRise => "fault-current-rise",
            Self::ReachReduction => "reach-reduction",
        }
    }

    /// The criterion of a word; `None` if it is none.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }

    /// Unit of value and limit.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Solution => "1",
            Self::OverVoltage | Self::UnderVoltage | Self::VoltageDeviation | Self::VoltageDeviationLv => "pu",
            Self::ReverseFlowHead | Self::ReverseFlowRegulator | Self::ReverseFlowTransformer => "kW",
            _ => "%",
        }
    }

    /// The limit where none is given.
    pub fn usual_limit(self) -> f64 {
        match self {
            Self::Solution => 0.0,
            Self::OverVoltage => 1.05,
            Self::UnderVoltage => 0.95,
            Self::VoltageDeviation => 0.03,
            Self::VoltageDeviationLv => 0.05,
            Self::VoltageUnbalance => 3.0,
            Self::ThermalLine | Self::ThermalTransformer => 100.0,
            Self::ReverseFlowHead | Self::ReverseFlowRegulator | Self::ReverseFlowTransformer => 0.0,
            Self::RegulatorExcursion => 50.0,
            Self::FaultCurrentRise | Self::ReachReduction => 10.0,
        }
    }

    /// Whether it counts where none is named: power flow, voltages and loadings, but not what a utility has to decide for itself
    /// (flows backwards, regulators, protection).
    pub fn is_usual(self) -> bool {
        (self as usize) <= Self::ThermalTransformer as usize
    }

    /// +1 where values above the limit are the bad ones, -1 where those below are.
    pub fn sign(self) -> f64 {
        if self == Self::UnderVoltage { -1.0 } else { 1.0 }
    }

    /// Distance of a value from its limit, negative beyond it.
    pub fn margin(self, value: f64, limit: f64) -> f64 {
        self.sign() * (limit - value)
    }

    /// Whether it is read with taps, banks and controls held as they were without the resource.
    pub fn is_frozen(self) -> bool {
        matches!(self, Self::VoltageDeviation | Self::VoltageDeviationLv | Self::RegulatorExcursion)
    }

    /// Whether it follows from the size alone, without a power flow.
    pub fn is_of_faults(self) -> bool {
        matches!(self, Self::FaultCurrentRise | Self::ReachReduction)
    }
}

/// Which criteria count, and the limit of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Criteria {
    limits: [Option<f64>; N],
}

impl Default for Criteria {
    /// The usual ones with their usual limits.
    fn default() -> Self {
        Self::of(&Criterion::ALL.into_iter().filter(|c| c.is_usual()).collect::<Vec<_>>())
    }
}

impl Criteria {
    /// These criteria with their usual limits.
    pub fn of(criteria: &[Criterion]) -> Self {
        let mut limits = [None; N];
        limits[Criterion::Solution as usize] = Some(0.0);
        for &c in criteria {
            limits[c as usize] = Some(c.usual_limit());
        }
        Self { limits }
    }

    /// Sets a limit, which turns the criterion on.
    pub fn set(&mut self, criterion: Criterion, limit: f64) {
        if criterion != Criterion::Solution {
            self.limits[criterion as usize] = Some(limit);
        }
    }

    /// The limit, or `None` where the criterion does not count.
    pub fn limit(&self, criterion: Criterion) -> Option<f64> {
        self.limits[criterion as usize]
    }

    /// The criteria that count, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (Criterion, f64)> + '_ {
        Criterion::ALL.into_iter().filter_map(|c| Some((c, self.limits[c as usize]?)))
    }

    /// Limits that are no worse than what the grid has without any resource: where that crosses the limit, its value and a thousandth of the limit
    /// beyond, so that a change in the last digits is not called worse.
    pub(super) fn loosened(&self, base: &Readings) -> Self {
        let mut limits = self.limits;
        for (c, limit) in self.iter() {
            if c != Criterion::Solution
                && let Some(r) = base.of(c)
                && c.margin(r.value, limit) < 0.0
            {
                limits[c as usize] = Some(r.value + c.sign() * SLACK * limit.abs());
            }
        }
        Self { limits }
    }
}

/// Where a value was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum At {
    #[default]
    Everywhere,
    /// Node of the circuit by number.
    Node(u32),
    Bus(BusId),
    Element(ElementId),
}

/// The value of one criterion.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub value: f64,
    pub at: At,
}

/// What was read of all criteria; `None` where one has nothing to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Readings {
    values: [Option<Reading>; N],
}

impl Readings {
    /// No solution: nothing else is known.
    pub fn unsettled() -> Self {
        let mut readings = Self::default();
        readings.values[Criterion::Solution as usize] = Some(Reading { value: 1.0, at: At::Everywhere });
        readings
    }

    pub fn settled() -> Self {
        let mut readings = Self::default();
        readings.values[Criterion::Solution as usize] = Some(Reading { value: 0.0, at: At::Everywhere });
        readings
    }

    pub fn is_settled(&self) -> bool {
        self.of(Criterion::Solution).is_some_and(|r| r.value == 0.0)
    }

    pub fn of(&self, criterion: Criterion) -> Option<Reading> {
        self.values[criterion as usize]
    }

    /// Takes a value if it is worse than the one known so far.
    pub fn worsen(&mut self, criterion: Criterion, value: f64, at: At) {
        let known = &mut self.values[criterion as usize];
        let is_worse = known.is_none_or(|k| criterion.margin(value, k.value) < 0.0 || value.is_nan());
        if is_worse {
            *known = Some(Reading { value, at });
        }
    }

    /// Takes the values of others where they are worse.
    pub fn worsen_by(&mut self, others: &Self) {
        for c in Criterion::ALL {
            if let Some(r) = others.of(c) {
                self.worsen(c, r.value, r.at);
            }
        }
    }

    /// Margin of a criterion under a limit; infinite where it has nothing to look at.
    pub fn margin(&self, criterion: Criterion, limit: f64) -> f64 {
        self.of(criterion).map_or(f64::INFINITY, |r| criterion.margin(r.value, limit))
    }

    /// The criteria whose limits are crossed. A value that is no number crosses its limit.
    pub fn violated<'a>(&'a self, criteria: &'a Criteria) -> impl Iterator<Item = (Criterion, Reading)> + 'a {
        criteria.iter().filter_map(|(c, limit)| {
            let r = self.of(c)?;
            let margin = c.margin(r.value, limit);
            (margin < 0.0 || margin.is_nan()).then_some((c, r))
        })
    }

    pub fn violates(&self, criteria: &Criteria) -> bool {
        self.violated(criteria).next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_and_numbers_are_places() {
        for (i, c) in Criterion::ALL.into_iter().enumerate() {
            assert_eq!(c as usize, i);
            assert_eq!(Criterion::of_name(c.name()), Some(c));
        }
    }

    #[test]
    fn under_voltage_counts_downwards_and_nan_is_a_violation() {
        let criteria = Criteria::default();
        let mut r = Readings::settled();
        r.worsen(Criterion::UnderVoltage, 0.97, At::Node(1));
        r.worsen(Criterion::UnderVoltage, 0.96, At::Node(2));
        r.worsen(Criterion::UnderVoltage, 0.98, At::Node(3));
        assert_eq!(r.of(Criterion::UnderVoltage), Some(Reading { value: 0.96, at: At::Node(2) }));
        assert!(!r.violates(&criteria));
        r.worsen(Criterion::OverVoltage, f64::NAN, At::Node(4));
        assert_eq!(r.violated(&criteria).map(|v| v.0).collect::<Vec<_>>(), [Criterion::OverVoltage]);
        assert_eq!(Readings::unsettled().violated(&criteria).next().unwrap().0, Criterion::Solution);
    }

    #[test]
    fn a_limit_that_the_base_crosses_is_loosened_to_the_base() {
        let criteria = Criteria::of(&[Criterion::OverVoltage, Criterion::UnderVoltage]);
        let mut r = Readings::settled();
        r.worsen(Criterion::OverVoltage, 1.06, At::Node(1));
        r.worsen(Criterion::UnderVoltage, 0.97, At::Node(1));
        let loose = criteria.loosened(&r);
        assert_eq!((loose.limit(Criterion::OverVoltage), loose.limit(Criterion::UnderVoltage)), (Some(1.06 + SLACK * 1.05), Some(0.95)));
        assert!(r.violates(&criteria) && !r.violates(&loose));
    }
}
