//! Length units and earth models.

use serde::{Deserialize, Serialize};

/// The unit of a length, or of the length that a per-length value refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthUnit {
    /// No unit was given: the length and the per-length values agree with each other.
    #[default]
    None,
    Mile,
    Kilofoot,
    Kilometre,
    Metre,
    Foot,
    Inch,
    Centimetre,
    Millimetre,
}

impl LengthUnit {
    /// Metres in one of this unit; 1 for [`LengthUnit::None`], which means metres
    /// wherever a geometry forces a choice.
    pub fn metres(self) -> f64 {
        match self {
            Self::None | Self::Metre => 1.0,
            Self::Mile => 1609.344,
            Self::Kilofoot => 304.8,
            Self::Kilometre => 1000.0,
            Self::Foot => 0.3048,
            Self::Inch => 0.0254,
            Self::Centimetre => 0.01,
            Self::Millimetre => 0.001,
        }
    }

    /// Factor that turns a per-`self` value into a per-`other` value; 1 where
    /// either has no unit.
    pub fn per_length_factor(self, other: Self) -> f64 {
        if self == Self::None || other == Self::None || self == other { 1.0 } else { other.metres() / self.metres() }
    }
}

/// How the earth's return path enters a line's series impedance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarthModel {
    /// Carson's formula cut to its first terms.
    Carson,
    /// Carson's series.
    FullCarson,
    /// Deri's complex depth with Bessel internal impedance.
    #[default]
    Deri,
}
