//! The form that a question is read into: plain data, shown to the user, edited, and run.

use serde::{Deserialize, Serialize};

/// A question: a measure of some objects, under a scenario.
///
/// Fields at their default are left out of the JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    pub measure: Measure,
    /// Kind of the objects that the answer lists or counts.
    pub of: Kind,
    #[serde(default, skip_serializing_if = "Statistic::is_each")]
    pub statistic: Statistic,
    /// Kind that counts are grouped by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Kind>,
    /// Feeders, by their names in the project; all where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeders: Vec<String>,
    /// Single objects of the kind `of`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// All of them must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// What hosting capacity is asked for; the study's own choice where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub der: Option<Der>,
    /// In the currency of the cost catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
    /// Layers that are laid upon the network first; none is the network as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenario: Vec<Layer>,
    /// A study that the project has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study: Option<String>,
    /// Study that the answer is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
}

impl Query {
    /// A measure of a kind of objects, of everything, as it is.
    pub fn new(measure: Measure, of: Kind) -> Self {
        Self {
            measure,
            of,
            statistic: Statistic::Each,
            by: None,
            feeders: Vec::new(),
            names: Vec::new(),
            filters: Vec::new(),
            window: None,
            order: None,
            limit: None,
            der: None,
            budget: None,
            scenario: Vec::new(),
            study: None,
            against: None,
        }
    }
}

/// What is measured; the unit stands last in the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Largest loading.
    LoadingPct,
    LoadingMeanPct,
    LoadingP95Pct,
    OverloadH,
    VMinPu,
    VMaxPu,
    VoltageViolationH,
    UndervoltageH,
    OvervoltageH,
    /// Hours above normal ratings and outside range A, summed over assets.
    ViolationH,
    LossesKwh,
    LossesPct,
    LineLossesKwh,
    TransformerLossesKwh,
    NoLoadLossesKwh,
    PeakKw,
    EnergyKwh,
    /// Mean over largest power, a fraction.
    LoadFactor,
    ReverseKwh,
    UnbalancePct,
    ControlActions,
    UnsettledSteps,
    LineKm,
    HostingCapacityKw,
    SaidiH,
    Saifi,
    UnservedKwh,
    LostLoadKw,
    LostCustomers,
    MitigationCost,
}

/// Unit that a measure is told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureUnit {
    Percent,
    Fraction,
    PerUnit,
    Hours,
    Kilowatt,
    KilowattHour,
    Kilometre,
    Count,
    Cost,
}

impl Measure {
    pub const ALL: [Self; 30] = [
        Self::LoadingPct,
        Self::LoadingMeanPct,
        Self::LoadingP95Pct,
        Self::OverloadH,
        Self::VMinPu,
        Self::VMaxPu,
        Self::VoltageViolationH,
        Self::UndervoltageH,
        Self::OvervoltageH,
        Self::ViolationH,
        Self::LossesKwh,
        Self::LossesPct,
        Self::LineLossesKwh,
        Self::TransformerLossesKwh,
        Self::NoLoadLossesKwh,
        Self::PeakKw,
        Self::EnergyKwh,
        Self::LoadFactor,
        Self::ReverseKwh,
        Self::UnbalancePct,
        Self::ControlActions,
        Self::UnsettledSteps,
        Self::LineKm,
        Self::HostingCapacityKw,
        Self::SaidiH,
        Self::Saifi,
        Self::UnservedKwh,
        Self::LostLoadKw,
        Self::LostCustomers,
        Self::MitigationCost,
    ];

    pub fn unit(self) -> MeasureUnit {
        use MeasureUnit as U;
        match self {
            Self::LoadingPct | Self::LoadingMeanPct | Self::LoadingP95Pct | Self::LossesPct | Self::UnbalancePct => U::Percent,
            Self::LoadFactor => U::Fraction,
            Self::VMinPu | Self::VMaxPu => U::PerUnit,
            Self::OverloadH | Self::VoltageViolationH | Self::UndervoltageH | Self::OvervoltageH | Self::ViolationH | Self::SaidiH => {
                U::Hours
            }
            Self::PeakKw | Self::HostingCapacityKw | Self::LostLoadKw => U::Kilowatt,
            Self::LossesKwh | Self::LineLossesKwh | Self::TransformerLossesKwh | Self::NoLoadLossesKwh => U::KilowattHour,
            Self::EnergyKwh | Self::ReverseKwh | Self::UnservedKwh => U::KilowattHour,
            Self::LineKm => U::Kilometre,
            Self::ControlActions | Self::UnsettledSteps | Self::Saifi | Self::LostCustomers => U::Count,
            Self::MitigationCost => U::Cost,
        }
    }

    /// Kind of object that it is of where a question names none.
    pub fn usual_kind(self) -> Kind {
        match self {
            Self::LoadingPct | Self::LoadingMeanPct | Self::LoadingP95Pct | Self::OverloadH | Self::UnbalancePct => Kind::Element,
            Self::LostLoadKw | Self::LostCustomers => Kind::Element,
            Self::VMinPu | Self::VMaxPu | Self::VoltageViolationH | Self::UndervoltageH | Self::OvervoltageH => Kind::Bus,
            _ => Kind::Feeder,
        }
    }

    /// Kinds that have such a measure.
    pub fn fits(self, kind: Kind) -> bool {
        use Kind as K;
        let element = matches!(kind, K::Transformer | K::Line | K::Element);
        match self {
            Self::LoadingPct | Self::OverloadH | Self::LostLoadKw | Self::LostCustomers | Self::UnbalancePct | Self::ReverseKwh => {
                element || kind == K::Feeder
            }
            Self::LoadingMeanPct | Self::LoadingP95Pct => element,
            Self::VMinPu | Self::VMaxPu | Self::VoltageViolationH | Self::UndervoltageH | Self::OvervoltageH => {
                matches!(kind, K::Bus | K::Feeder)
            }
            Self::HostingCapacityKw => matches!(kind, K::Bus | K::Feeder),
            Self::LossesKwh | Self::NoLoadLossesKwh | Self::EnergyKwh => element || kind == K::Feeder,
            _ => kind == K::Feeder,
        }
    }

    /// Whether a large value is the bad one.
    pub fn high_is_bad(self) -> bool {
        !matches!(self, Self::VMinPu | Self::LoadFactor | Self::HostingCapacityKw)
    }
}

/// What kind of thing an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Feeder,
    Transformer,
    Line,
    /// Lines, transformers and other elements between buses.
    Element,
    Bus,
}

/// What is done with the values of the objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Each object has its row.
    #[default]
    Each,
    Count,
    Sum,
    Mean,
}

impl Statistic {
    fn is_each(&self) -> bool {
        *self == Self::Each
    }
}

/// A limit that values must keep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    pub measure: Measure,
    /// In the measure's unit.
    #[serde(flatten)]
    pub bound: Bound,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    Above(f64),
    Below(f64),
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    pub fn value(self) -> f64 {
        match self {
            Self::Above(x) | Self::Below(x) | Self::AtLeast(x) | Self::AtMost(x) => x,
        }
    }
}

/// Part of the year that counts. All parts must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Calendar year that the study must be of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<i32>,
    /// First and last day, `MM-DD`, both inside; may go over the end of the year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<[String; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub week: Option<Week>,
    /// From and to, hours of the clock of the load shapes; may go over midnight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<[f64; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Week {
    Weekdays,
    Weekends,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    Highest,
    Lowest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Der {
    Generation,
    Load,
}

/// A layer of a scenario, as far as words say it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Ev(Adoption),
    Solar(Adoption),
    Storage(Adoption),
    Electrification(Adoption),
    Growth { change_pct: f64 },
    Weather(Weather),
    FastCharging { stations: u32 },
    Tou {},
    VoltVar {},
}

/// How many customers have something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adoption {
    #[serde(flatten)]
    pub change: Change,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charger: Option<Charger>,
    /// Customer classes; all where none is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Penetration, percent.
    ToPct(f64),
    /// Factor of the penetration that the network has.
    Times(f64),
    /// Percentage points above it.
    Points(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Charger {
    #[serde(rename = "level1")]
    Level1,
    #[serde(rename = "level2")]
    Level2,
    #[serde(rename = "level2_48a")]
    Level2At48A,
}

impl Charger {
    /// Its word in scenario files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Level1 => "level1",
            Self::Level2 => "level2",
            Self::Level2At48A => "level2_48a",
        }
    }
}

/// Weather that is laid upon the year.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weather {
    pub event: Event,
    /// Calendar year whose extreme it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<i32>,
    /// Greatest change against the year's own weather, K.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amplitude_c: Option<f64>,
    /// Highest (of cold: lowest) temperature that it reaches, C.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_c: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_d: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    HotDay,
    HeatWave,
    ColdDay,
    ColdSnap,
}

impl Event {
    pub fn is_cold(self) -> bool {
        matches!(self, Self::ColdDay | Self::ColdSnap)
    }
}
