//! Typed indices into the vectors of one [`Network`](crate::Network).

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub u32);
        impl $name {
            /// Position in the vector that this id indexes.
            #[inline]
            pub fn index(self) -> usize { self.0 as usize }
        }
        impl From<usize> for $name {
            fn from(i: usize) -> Self { Self(u32::try_from(i).expect("more than 2^32 items")) }
        }
    )*};
}

ids! {
    /// A [`Bus`](crate::Bus).
    BusId,
    /// A [`LineCode`](crate::LineCode) of the catalogue.
    LineCodeId,
    /// A [`LineGeometry`](crate::LineGeometry) of the catalogue.
    LineGeometryId,
    /// A [`LineSpacing`](crate::LineSpacing) of the catalogue.
    LineSpacingId,
    /// A [`Conductor`](crate::Conductor) (wire, concentric-neutral or tape-shield cable) of the catalogue.
    ConductorId,
    /// A [`TransformerCode`](crate::TransformerCode) of the catalogue.
    TransformerCodeId,
    /// A [`LoadShape`](crate::LoadShape).
    LoadShapeId,
    /// A [`TemperatureShape`](crate::TemperatureShape).
    TemperatureShapeId,
    /// A [`PriceShape`](crate::PriceShape).
    PriceShapeId,
    /// A [`GrowthShape`](crate::GrowthShape).
    GrowthShapeId,
    /// An [`XyCurve`](crate::XyCurve).
    XyCurveId,
    /// A [`TccCurve`](crate::TccCurve).
    TccCurveId,
    /// A [`Spectrum`](crate::Spectrum).
    SpectrumId,
}

/// The kind of a grid element: which vector of the network holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ElementKind {
    VoltageSource,
    CurrentSource,
    Line,
    Transformer,
    Capacitor,
    Reactor,
    Fault,
    GicTransformer,
    GicLine,
    Load,
    Generator,
    PvSystem,
    Storage,
    InductionMachine,
    RegulatorControl,
    CapacitorControl,
    InverterControl,
    ExponentialControl,
    StorageController,
    SwitchControl,
    Fuse,
    Relay,
    Recloser,
    Monitor,
    EnergyMeter,
    Sensor,
    Unmodelled,
    AcBranch,
    PowerTransformer,
    PowerLoad,
    FixedShunt,
    Machine,
    SwitchedShunt,
    TwoTerminalDc,
    VscDc,
    MultiTerminalDc,
    FactsDevice,
    PowerMotor,
}

/// One element of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ElementId {
    pub kind: ElementKind,
    pub index: u32,
}

impl ElementId {
    pub fn new(kind: ElementKind, index: usize) -> Self {
        Self { kind, index: u32::try_from(index).expect("more than 2^32 elements") }
    }

    /// Position in the vector of its kind.
    #[inline]
    pub fn index(self) -> usize {
        self.index as usize
    }
}
