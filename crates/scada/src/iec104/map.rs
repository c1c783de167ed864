//! Where the points of an IEC 60870-5-104 station are.

use super::link::Parameters;
use crate::point::ValueKind;

/// Station and object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectAddress {
    pub station: u16,
    /// 1 to 16777215.
    pub object: u32,
}

/// Reads `1001`, or `3:1001` for an object of station 3.
///
/// # Errors
/// Why it is no address.
pub fn parse_address(text: &str, station: u16) -> Result<ObjectAddress, String> {
    let (station, object) = match text.split_once(':') {
        Some((s, o)) => (s.trim().parse::<u16>().ok().filter(|s| (1..=65_534).contains(s)), o.trim()),
        None => (Some(station), text.trim()),
    };
    let station = station.ok_or("the common address is no number from 1 to 65534")?;
    let object = object.parse::<u32>().ok().filter(|o| (1..=0xFF_FFFF).contains(o));
    let object = object.ok_or("the object address is no number from 1 to 16777215")?;
    Ok(ObjectAddress { station, object })
}

/// What a point is told as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InformationType {
    Single,
    Double,
    Step,
    Bits,
    Normalised,
    Scaled,
    Float,
    Counter,
}

impl InformationType {
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("single", Self::Single),
        ("double", Self::Double),
        ("step", Self::Step),
        ("bits", Self::Bits),
        ("normalised", Self::Normalised),
        ("scaled", Self::Scaled),
        ("float", Self::Float),
        ("counter", Self::Counter),
    ];

    pub fn kind(self) -> ValueKind {
        match self {
            Self::Single => ValueKind::Bool,
            Self::Double => ValueKind::DoublePoint,
            Self::Step => ValueKind::Step,
            Self::Bits => ValueKind::Bits,
            Self::Normalised | Self::Float => ValueKind::Float,
            Self::Scaled => ValueKind::Integer,
            Self::Counter => ValueKind::Counter,
        }
    }

    /// The type of a telegram without time, and with it.
    pub fn type_ids(self) -> (u8, u8) {
        match self {
            Self::Single => (1, 30),
            Self::Double => (3, 31),
            Self::Step => (5, 32),
            Self::Bits => (7, 33),
            Self::Normalised => (9, 34),
            Self::Scaled => (11, 35),
            Self::Float => (13, 36),
            Self::Counter => (15, 37),
        }
    }

    /// Of a telegram of values.
    pub fn from_type_id(type_id: u8) -> Option<Self> {
        if type_id == 21 {
            return Some(Self::Normalised);
        }
        Self::ALL.iter().map(|(_, t)| *t).find(|t| t.type_ids().0 == type_id || t.type_ids().1 == type_id)
    }

    /// The command that goes with it.
    pub fn command(self) -> Option<CommandType> {
        match self {
            Self::Single => Some(CommandType::Single),
            Self::Double => Some(CommandType::Double),
            Self::Step => Some(CommandType::Step),
            Self::Bits => Some(CommandType::Bits),
            Self::Normalised => Some(CommandType::Normalised),
            Self::Scaled => Some(CommandType::Scaled),
            Self::Float => Some(CommandType::Float),
            Self::Counter => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandType {
    Single,
    Double,
    Step,
    Normalised,
    Scaled,
    Float,
    Bits,
}

impl CommandType {
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("single", Self::Single),
        ("double", Self::Double),
        ("step", Self::Step),
        ("normalised", Self::Normalised),
        ("scaled", Self::Scaled),
        ("float", Self::Float),
        ("bits", Self::Bits),
    ];

    /// The type of a telegram without time; 13 more is that with it.
    pub fn type_id(self) -> u8 {
        match self {
            Self::Single => 45,
            Self::Double => 46,
            Self::Step => 47,
            Self::Normalised => 48,
            Self::Scaled => 49,
            Self::Float => 50,
            Self::Bits => 51,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Iec104Point {
    pub at: ObjectAddress,
    pub information: InformationType,
    /// Where commands go, which need not be where the state comes from.
    pub command: Option<(ObjectAddress, CommandType)>,
}

/// A station, or several behind one connection: its points stand in the order of the device's points.
#[derive(Clone, Debug, PartialEq)]
pub struct Iec104Spec {
    /// Of points that name none.
    pub common_address: u16,
    pub originator: u8,
    pub parameters: Parameters,
    /// Seconds between two interrogations; only at the start when not given.
    pub interrogate_s: Option<f64>,
    /// Seconds between two readings of counters; never when not given.
    pub counters_s: Option<f64>,
    /// Set the clock of the station when the connection is made.
    pub set_clock: bool,
    /// Commands carry the time at which they were given (types 58 to 64), so that a station can refuse late ones.
    pub command_time: bool,
    pub points: Vec<Iec104Point>,
}

impl Default for Iec104Spec {
    fn default() -> Self {
        Self {
            common_address: 1,
            originator: 0,
            parameters: Parameters::default(),
            interrogate_s: None,
            counters_s: None,
            set_clock: false,
            command_time: false,
            points: Vec::new(),
        }
    }
}

impl Iec104Spec {
    /// Pairs of points at one address, with the address.
    pub fn overlaps(&self) -> Vec<(usize, usize, String)> {
        let mut seen = std::collections::HashMap::new();
        let mut found = Vec::new();
        for (i, point) in self.points.iter().enumerate() {
            if let Some(first) = seen.insert(point.at, i) {
                found.push((first, i, format!("{}:{}", point.at.station, point.at.object)));
            }
        }
        let mut commands = std::collections::HashMap::new();
        for (i, point) in self.points.iter().enumerate() {
            if let Some((at, _)) = point.command
                && let Some(first) = commands.insert(at, i)
            {
                found.push((first, i, format!("command {}:{}", at.station, at.object)));
            }
        }
        found
    }

    /// Stations that the points are of, each once.
    pub fn stations(&self) -> Vec<u16> {
        let mut all: Vec<u16> = self.points.iter().map(|p| p.at.station).collect();
        all.sort_unstable();
        all.dedup();
        if all.is_empty() {
            all.push(self.common_address);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let at = |t| parse_address(t, 7);
        assert_eq!(at("1001"), Ok(ObjectAddress { station: 7, object: 1001 }));
        assert_eq!(at("3:16777215"), Ok(ObjectAddress { station: 3, object: 0xFF_FFFF }));
        for wrong in ["0", "16777216", "0:1", "65535:1", "a", "", "1:", "-1"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn types_of_telegrams_and_back() {
        for (_, t) in InformationType::ALL {
            assert_eq!(InformationType::from_type_id(t.type_ids().0), Some(*t));
            assert_eq!(InformationType::from_type_id(t.type_ids().1), Some(*t));
        }
        assert_eq!(InformationType::from_type_id(45), None);
    }
}
