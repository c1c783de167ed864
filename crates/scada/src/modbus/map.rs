//! Where the points of a Modbus device are.
//!
//! Offsets count from 0, as they go over the wire. Documents of makers often number from 1 and put the table before it: 40101 is holding
//! register 101, offset 100. Both are read; which is meant can always be seen from how it is written.

use crate::point::ValueKind;

/// Registers, or bits, that one request may ask for.
pub const MAX_READ_REGISTERS: u16 = 125;
pub const MAX_READ_BITS: u16 = 2000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Functions 1, 5, 15.
    Coil,
    /// Function 2.
    Discrete,
    /// Functions 3, 6, 16, 22.
    Holding,
    /// Function 4.
    Input,
}

impl Table {
    const NAMES: [(&'static str, Self); 4] =
        [("coil", Self::Coil), ("discrete", Self::Discrete), ("holding", Self::Holding), ("input", Self::Input)];

    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, t)| *t == self).map_or("", |(n, _)| n)
    }

    pub fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }

    pub fn limit(self) -> u16 {
        if self.is_bits() { MAX_READ_BITS } else { MAX_READ_REGISTERS }
    }
}

/// The four octets of a 32-bit value, highest A to lowest D, in the order in which they come. Of 64 bits the words follow the same rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WordOrder {
    #[default]
    Abcd,
    /// The low word first.
    Cdab,
    /// The octets of each word swapped.
    Badc,
    /// Both.
    Dcba,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterType {
    /// A coil, a discrete input, or one bit of a register.
    Bool,
    /// Two bits that follow one another: the contact "off", then the contact "on".
    DoublePoint,
    Uint16,
    Int16,
    Uint32,
    Int32,
    Uint64,
    Int64,
    Float32,
    Float64,
    /// Four, or eight, decimal digits.
    Bcd16,
    Bcd32,
    /// 32 bits that stand for themselves.
    Bits32,
}

impl RegisterType {
    /// By the word that a document has for it.
    pub const ALL: [(&'static str, Self); 13] = [
        ("bool", Self::Bool),
        ("double_point", Self::DoublePoint),
        ("uint16", Self::Uint16),
        ("int16", Self::Int16),
        ("uint32", Self::Uint32),
        ("int32", Self::Int32),
        ("uint64", Self::Uint64),
        ("int64", Self::Int64),
        ("float32", Self::Float32),
        ("float64", Self::Float64),
        ("bcd16", Self::Bcd16),
        ("bcd32", Self::Bcd32),
        ("bits32", Self::Bits32),
    ];

    /// Registers, or bits in a table of bits.
    pub fn size(self) -> u16 {
        match self {
            Self::Bool | Self::Uint16 | Self::Int16 | Self::Bcd16 => 1,
            Self::DoublePoint | Self::Uint32 | Self::Int32 | Self::Float32 | Self::Bcd32 | Self::Bits32 => 2,
            Self::Uint64 | Self::Int64 | Self::Float64 => 4,
        }
    }

    pub fn is_of_bits(self) -> bool {
        matches!(self, Self::Bool | Self::DoublePoint)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub table: Table,
    /// From 0.
    pub offset: u16,
    /// Of a register, from the lowest.
    pub bit: Option<u8>,
}

impl Address {
    pub fn default_type(self) -> RegisterType {
        if self.table.is_bits() || self.bit.is_some() { RegisterType::Bool } else { RegisterType::Uint16 }
    }
}

/// Why an address or map cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct MapFault {
    pub why: String,
}

fn fault(why: impl Into<String>) -> MapFault {
    MapFault { why: why.into() }
}

/// Reads `holding:100`, `holding:100.3` (bit 3) or a number such as 40101 or 400101.
///
/// # Errors
/// What is neither, with the reason.
pub fn parse_address(text: &str) -> Result<Address, MapFault> {
    let Some((table, rest)) = text.split_once(':') else {
        return parse_number(text);
    };
    let table = table.trim().to_ascii_lowercase();
    let Some((_, table)) = Table::NAMES.iter().find(|(n, _)| *n == table) else {
        return Err(fault(format!("\"{table}\" is no table; there are coil, discrete, holding and input")));
    };
    let (offset, bit) = match rest.split_once('.') {
        Some((offset, bit)) => (offset, Some(bit)),
        None => (rest, None),
    };
    let offset = offset.trim().parse::<u16>().map_err(|_| fault("the offset is no number from 0 to 65535"))?;
    let bit = match bit {
        None => None,
        Some(_) if table.is_bits() => return Err(fault("a coil or discrete input has no bits")),
        Some(b) => Some(b.parse::<u8>().ok().filter(|b| *b < 16).ok_or_else(|| fault("the bit is no number from 0 to 15"))?),
    };
    Ok(Address { table: *table, offset, bit })
}

fn parse_number(text: &str) -> Result<Address, MapFault> {
    let digits = text.trim();
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !(5..=6).contains(&digits.len()) {
        return Err(fault("it is neither table:offset nor a number of five or six digits"));
    }
    let table = match digits.as_bytes()[0] {
        b'0' => Table::Coil,
        b'1' => Table::Discrete,
        b'3' => Table::Input,
        b'4' => Table::Holding,
        _ => return Err(fault("its first digit is that of no table (0 coil, 1 discrete, 3 input, 4 holding)")),
    };
    match digits[1..].parse::<u32>() {
        Ok(number @ 1..=65_536) => Ok(Address { table, offset: (number - 1) as u16, bit: None }),
        _ => Err(fault("numbers count from 1 to 65536")),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModbusPoint {
    pub at: Address,
    pub register_type: RegisterType,
    pub order: WordOrder,
    /// Holding register with the power of ten by which the value is multiplied, −10 to 10.
    pub scale_register: Option<u16>,
    /// The highest, lowest or NaN pattern of the type says that there is no value, as SunSpec has it.
    pub sentinel: bool,
    pub poll_s: f64,
}

impl ModbusPoint {
    pub fn new(at: Address, register_type: RegisterType) -> Self {
        Self { at, register_type, order: WordOrder::Abcd, scale_register: None, sentinel: false, poll_s: 1.0 }
    }

    /// Places in its table, first and one past the last.
    pub fn span(&self) -> (u32, u32) {
        let start = u32::from(self.at.offset);
        (start, start + u32::from(if self.at.bit.is_some() { 1 } else { self.register_type.size() }))
    }

    /// # Errors
    /// A type that its table cannot hold, or places past the last one.
    pub fn check(&self) -> Result<(), MapFault> {
        let on_bits = self.at.table.is_bits() || self.at.bit.is_some();
        if on_bits != self.register_type.is_of_bits() {
            return Err(fault(if on_bits {
                "a bit holds only a bool, or with the next one a double_point"
            } else {
                "a register holds no bool; give the bit, as in holding:100.3"
            }));
        }
        if self.at.bit.is_some_and(|b| u16::from(b) + self.register_type.size() > 16) {
            return Err(fault("its bits go past the end of the register"));
        }
        if self.span().1 > 65_536 {
            return Err(fault("it goes past the last place, 65535"));
        }
        Ok(())
    }

    pub fn kind(&self) -> ValueKind {
        match self.register_type {
            RegisterType::Bool => ValueKind::Bool,
            RegisterType::DoublePoint => ValueKind::DoublePoint,
            RegisterType::Bits32 => ValueKind::Bits,
            RegisterType::Float32 | RegisterType::Float64 => ValueKind::Float,
            _ if self.scale_register.is_some() => ValueKind::Float,
            _ => ValueKind::Integer,
        }
    }

    /// `None` when a command can write it.
    pub fn why_not_writable(&self) -> Option<&'static str> {
        match (self.at.table, self.register_type) {
            (Table::Discrete | Table::Input, _) => Some("its table can only be read"),
            (_, RegisterType::DoublePoint) => Some("two contacts are not written at once"),
            _ => None,
        }
    }
}

/// A Modbus device: its points stand in the order of the device's points.
#[derive(Clone, Debug, PartialEq)]
pub struct ModbusSpec {
    pub unit: u8,
    pub word_order: WordOrder,
    /// Places between two points that may be read along. 0: a gap is never read, since a device may refuse it.
    pub max_gap: u16,
    pub points: Vec<ModbusPoint>,
}

impl ModbusSpec {
    /// Pairs of points that share a place, with the place.
    pub fn overlaps(&self) -> Vec<(usize, usize, String)> {
        let bits = |p: &ModbusPoint| {
            let start = u32::from(p.at.offset) * 16 + u32::from(p.at.bit.unwrap_or(0));
            let length = match (p.at.table.is_bits(), p.at.bit) {
                (false, None) => 16 * u32::from(p.register_type.size()),
                (false, Some(_)) => u32::from(p.register_type.size()),
                (true, _) => 16 * u32::from(p.register_type.size()),
            };
            (p.at.table, start, start + length)
        };
        let mut order: Vec<usize> = (0..self.points.len()).collect();
        order.sort_by_key(|i| (bits(&self.points[*i]), *i));
        let mut found = Vec::new();
        // The point that reaches furthest so far: whatever begins before its end shares a place with it.
        let mut furthest: Option<usize> = None;
        for i in order {
            let (table, start, end) = bits(&self.points[i]);
            if let Some(f) = furthest {
                let (f_table, _, f_end) = bits(&self.points[f]);
                if f_table == table && start < f_end {
                    found.push((f.min(i), f.max(i), format!("{}:{}", table.name(), start / 16)));
                }
                if f_table != table || end > f_end {
                    furthest = Some(i);
                }
            } else {
                furthest = Some(i);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_an_address_are_read() {
        let at = |t| parse_address(t).unwrap();
        assert_eq!(at("holding:100"), Address { table: Table::Holding, offset: 100, bit: None });
        assert_eq!(at("40101"), at("holding:100"));
        assert_eq!(at("400101"), at("holding:100"));
        assert_eq!(at("30001"), at("input:0"));
        assert_eq!(at("00017"), at("coil:16"));
        assert_eq!(at("465536"), at("holding:65535"));
        assert_eq!(at("Holding:7.15").bit, Some(15));
        for wrong in ["100", "holding", "holding:65536", "holding:1.16", "coil:1.2", "20001", "40000", "465537", "", "holding:-1", "x:1"] {
            assert!(parse_address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn overlaps_are_found_down_to_the_bit() {
        let point = |t: &str, r| ModbusPoint::new(parse_address(t).unwrap(), r);
        let spec = |points| ModbusSpec { unit: 1, word_order: WordOrder::Abcd, max_gap: 0, points };
        let clean = spec(vec![
            point("holding:0", RegisterType::Float32),
            point("holding:2", RegisterType::Uint16),
            point("holding:3.0", RegisterType::Bool),
            point("holding:3.1", RegisterType::DoublePoint),
            point("input:0", RegisterType::Uint16),
            point("coil:0", RegisterType::Bool),
        ]);
        assert_eq!(clean.overlaps(), []);
        let torn = spec(vec![
            point("holding:1", RegisterType::Uint16),
            point("holding:0", RegisterType::Float32),
            point("holding:9.2", RegisterType::Bool),
            point("holding:9.1", RegisterType::DoublePoint),
            point("holding:20", RegisterType::Uint64),
            point("holding:21", RegisterType::Uint16),
            point("holding:23", RegisterType::Uint16),
        ]);
        let pairs: Vec<(usize, usize)> = torn.overlaps().iter().map(|(a, b, _)| (*a, *b)).collect();
        assert_eq!(pairs, [(0, 1), (2, 3), (4, 5), (4, 6)]);
    }
}
