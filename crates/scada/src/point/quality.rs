//! How far a value can be trusted, and what the protocols say about it.
//!
//! One [`Quality`] holds what IEC 61850 can say (validity and eleven details), and four things that only the receiving side knows: the
//! connection is lost, the clock of the source is wrong, the value jumps, the value does not move.
//!
//! IEC 60870-5-104 has no "questionable". Its "not topical" (`NT`), "overflow" (`OV`) and "blocked" (`BL`) are read as questionable with the
//! detail; a questionable value without one of these is sent as invalid, so that nobody takes it for a good one. Every octet of 104 comes
//! back from [`Quality::to_qds`] as it was.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign};

/// Overall judgement, from best to worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    #[default]
    Good,
    Questionable,
    Invalid,
}

/// Details of a quality: a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flags(pub u16);

impl Flags {
    pub const NONE: Self = Self(0);
    /// Beyond what its representation can hold.
    pub const OVERFLOW: Self = Self(1);
    /// Beyond the limits that were set for it.
    pub const OUT_OF_RANGE: Self = Self(1 << 1);
    /// Not calibrated.
    pub const BAD_REFERENCE: Self = Self(1 << 2);
    /// Changes too fast to be told in full.
    pub const OSCILLATORY: Self = Self(1 << 3);
    /// The device found a failure of its own.
    pub const FAILURE: Self = Self(1 << 4);
    /// No update came in time.
    pub const OLD: Self = Self(1 << 5);
    /// Contradicts another value.
    pub const INCONSISTENT: Self = Self(1 << 6);
    pub const INACCURATE: Self = Self(1 << 7);
    /// Typed in by somebody.
    pub const SUBSTITUTED: Self = Self(1 << 8);
    pub const TEST: Self = Self(1 << 9);
    /// The operator has stopped further updates.
    pub const BLOCKED: Self = Self(1 << 10);
    /// The device cannot be reached; the value is the last one that came.
    pub const COMM_LOST: Self = Self(1 << 11);
    /// The source says that its clock is wrong, or its time cannot be right.
    pub const BAD_CLOCK: Self = Self(1 << 12);
    /// It moved faster than the limit set for it.
    pub const JUMP: Self = Self(1 << 13);
    /// It has not moved at all for longer than the limit set for it.
    pub const FLAT: Self = Self(1 << 14);

    /// Names in the order of the bits.
    pub const NAMES: [&'static str; 15] = [
        "overflow",
        "out of range",
        "bad reference",
        "oscillatory",
        "failure",
        "old",
        "inconsistent",
        "inaccurate",
        "substituted",
        "test",
        "blocked",
        "comm lost",
        "bad source clock",
        "jump",
        "flat",
    ];

    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub fn set(&mut self, flag: Self, on: bool) {
        *self = if on { *self | flag } else { self.without(flag) };
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().enumerate().filter(move |(i, _)| self.0 >> i & 1 == 1).map(|(_, n)| *n)
    }
}

impl BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Flags {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// Validity and its details.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quality {
    pub validity: Validity,
    pub flags: Flags,
}

/// Details of IEC 61850-7-3 by their bit in the 13-bit string.
const IEC61850_BITS: [(u8, Flags); 11] = [
    (2, Flags::OVERFLOW),
    (3, Flags::OUT_OF_RANGE),
    (4, Flags::BAD_REFERENCE),
    (5, Flags::OSCILLATORY),
    (6, Flags::FAILURE),
    (7, Flags::OLD),
    (8, Flags::INCONSISTENT),
    (9, Flags::INACCURATE),
    (10, Flags::SUBSTITUTED),
    (11, Flags::TEST),
    (12, Flags::BLOCKED),
];

/// Overflow, of a measured value.
const QDS_OV: u8 = 0x01;
const QDS_BL: u8 = 0x10;
const QDS_SB: u8 = 0x20;
const QDS_NT: u8 = 0x40;
const QDS_IV: u8 = 0x80;

impl Quality {
    pub const GOOD: Self = Self { validity: Validity::Good, flags: Flags::NONE };

    pub const fn new(validity: Validity, flags: Flags) -> Self {
        Self { validity, flags }
    }

    pub const fn invalid(flags: Flags) -> Self {
        Self::new(Validity::Invalid, flags)
    }

    pub const fn questionable(flags: Flags) -> Self {
        Self::new(Validity::Questionable, flags)
    }

    pub fn is_good(self) -> bool {
        self.validity == Validity::Good
    }

    /// At least as bad as `validity`, with `flags` added.
    #[must_use]
    pub fn worsened(self, validity: Validity, flags: Flags) -> Self {
        Self { validity: self.validity.max(validity), flags: self.flags | flags }
    }

    /// From the bit string of IEC 61850: two octets, its bit 0 being the highest of the first. Validity 2, which is reserved, is invalid.
    pub fn from_iec61850(octets: [u8; 2]) -> Self {
        let validity = match octets[0] >> 6 {
            0 => Validity::Good,
            3 => Validity::Questionable,
            _ => Validity::Invalid,
        };
        let mut flags = Flags::NONE;
        for (bit, flag) in IEC61850_BITS {
            flags.set(flag, octets[usize::from(bit / 8)] & (0x80 >> (bit % 8)) != 0);
        }
        Self { validity, flags }
    }

    /// To the bit string of IEC 61850, three bits unused. What it has no bit for becomes the nearest detail that it has: a lost connection
    /// old data, a jump and a flat line inconsistent. The clock has a quality of its own ([`TimeQuality`]).
    pub fn to_iec61850(self) -> [u8; 2] {
        let mut octets = [0u8; 2];
        octets[0] = match self.validity {
            Validity::Good => 0x00,
            Validity::Invalid => 0x40,
            Validity::Questionable => 0xC0,
        };
        let mut flags = self.flags;
        if flags.has(Flags::COMM_LOST) {
            flags |= Flags::OLD;
        }
        if flags.any(Flags::JUMP | Flags::FLAT) {
            flags |= Flags::INCONSISTENT;
        }
        for (bit, flag) in IEC61850_BITS {
            if flags.has(flag) {
                octets[usize::from(bit / 8)] |= 0x80 >> (bit % 8);
            }
        }
        octets
    }

    /// From the quality descriptor of a measured value (QDS).
    pub fn from_qds(qds: u8) -> Self {
        let mut quality = Self::from_siq(qds);
        if qds & QDS_OV != 0 {
            quality = quality.worsened(Validity::Questionable, Flags::OVERFLOW);
        }
        quality
    }

    /// To the quality descriptor of a measured value.
    pub fn to_qds(self) -> u8 {
        let overflow = self.flags.has(Flags::OVERFLOW);
        let mut octet = if overflow { QDS_OV } else { 0 };
        if self.flags.has(Flags::BLOCKED) {
            octet |= QDS_BL;
        }
        if self.flags.has(Flags::SUBSTITUTED) {
            octet |= QDS_SB;
        }
        if self.flags.any(Flags::OLD | Flags::COMM_LOST) {
            octet |= QDS_NT;
        }
        let told = octet & (QDS_OV | QDS_BL | QDS_NT) != 0;
        if self.validity == Validity::Invalid || (self.validity == Validity::Questionable && !told) {
            octet |= QDS_IV;
        }
        octet
    }

    /// From the quality bits (10, 20, 40, 80) of a single or double point (SIQ, DIQ); the bits of the value are not looked at.
    pub fn from_siq(siq: u8) -> Self {
        let mut quality = Self::GOOD;
        if siq & QDS_SB != 0 {
            quality = quality.worsened(Validity::Good, Flags::SUBSTITUTED);
        }
        if siq & QDS_BL != 0 {
            quality = quality.worsened(Validity::Questionable, Flags::BLOCKED);
        }
        if siq & QDS_NT != 0 {
            quality = quality.worsened(Validity::Questionable, Flags::OLD);
        }
        if siq & QDS_IV != 0 {
            quality = quality.worsened(Validity::Invalid, Flags::NONE);
        }
        quality
    }

    /// To the quality bits of a single or double point, the bits of the value left zero.
    pub fn to_siq(self) -> u8 {
        // Of the descriptors only that of measured values can say "overflow": elsewhere it must not hide that the value is not good.
        let mut without = self;
        without.flags = without.flags.without(Flags::OVERFLOW);
        without.to_qds()
    }

    /// From the fifth octet of a counter (BCR): its invalid bit.
    pub fn from_bcr(octet: u8) -> Self {
        if octet & QDS_IV != 0 { Self::invalid(Flags::NONE) } else { Self::GOOD }
    }

    /// The invalid bit of a counter: a counter has no other, so that everything that is not good is invalid.
    pub fn to_bcr(self) -> u8 {
        if self.is_good() { 0 } else { QDS_IV }
    }

    /// Of a Modbus value that a device refused to give: its exception code (Modbus application protocol, §7).
    pub fn from_modbus_exception(code: u8) -> Self {
        match code {
            // Illegal function, address, value: what was asked for is not there.
            1..=3 => Self::invalid(Flags::BAD_REFERENCE),
            // Acknowledge, busy: it will be there.
            5 | 6 => Self::questionable(Flags::OLD),
            // A gateway does not reach the device behind it.
            0x0A | 0x0B => Self::questionable(Flags::COMM_LOST | Flags::OLD),
            // Device failure, memory parity, and what no list has.
            _ => Self::invalid(Flags::FAILURE),
        }
    }

    /// The exception with which a Modbus server answers for a value of this quality: `None` when it may give the value. Registers carry
    /// no quality, so that a value which is invalid must not be given.
    pub fn to_modbus_exception(self) -> Option<u8> {
        match self.validity {
            _ if self.flags.has(Flags::COMM_LOST) => Some(0x0B),
            Validity::Invalid => Some(4),
            _ => None,
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.validity {
            Validity::Good => "good",
            Validity::Questionable => "questionable",
            Validity::Invalid => "invalid",
        })?;
        for (i, name) in self.flags.names().enumerate() {
            write!(f, "{}{name}", if i == 0 { ": " } else { ", " })?;
        }
        Ok(())
    }
}

/// What a source says about its clock (IEC 61850-7-2, TimeQuality).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeQuality {
    pub leap_seconds_known: bool,
    pub clock_failure: bool,
    pub not_synchronised: bool,
    /// Bits of the fraction of a second that are right; `None` when not said.
    pub accuracy_bits: Option<u8>,
}

impl TimeQuality {
    pub const fn from_octet(octet: u8) -> Self {
        let accuracy = octet & 0x1F;
        Self {
            leap_seconds_known: octet & 0x80 != 0,
            clock_failure: octet & 0x40 != 0,
            not_synchronised: octet & 0x20 != 0,
            accuracy_bits: if accuracy == 31 { None } else { Some(accuracy) },
        }
    }

    pub const fn octet(self) -> u8 {
        let accuracy = match self.accuracy_bits {
            Some(bits) => bits & 0x1F,
            None => 31,
        };
        (self.leap_seconds_known as u8) << 7 | (self.clock_failure as u8) << 6 | (self.not_synchronised as u8) << 5 | accuracy
    }

    pub const fn is_trusted(self) -> bool {
        !self.clock_failure && !self.not_synchronised
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_of_104_comes_back() {
        // Bits 02, 04 and 08 are reserved.
        for octet in (0..=255u8).filter(|o| o & 0x0E == 0) {
            assert_eq!(Quality::from_qds(octet).to_qds(), octet, "{octet:#04x}");
        }
        for octet in (0..=255u8).filter(|o| o & 0x0F == 0) {
            assert_eq!(Quality::from_siq(octet).to_siq(), octet, "{octet:#04x}");
        }
        assert_eq!(Quality::from_bcr(0x80).to_bcr(), 0x80);
    }

    #[test]
    fn every_bit_string_of_61850_comes_back() {
        for bits in 0..1u16 << 13 {
            let octets = (bits << 3).to_be_bytes();
            let reserved = octets[0] >> 6 == 2;
            let back = Quality::from_iec61850(octets).to_iec61850();
            assert_eq!(back, if reserved { [octets[0] & 0x3F | 0x40, octets[1]] } else { octets });
        }
        // IEC 61850-7-3: validity invalid is 01, questionable 11, bit 0 first; operatorBlocked is bit 12.
        assert_eq!(Quality::invalid(Flags::BLOCKED).to_iec61850(), [0x40, 0x08]);
        assert_eq!(Quality::questionable(Flags::OLD).to_iec61850(), [0xC1, 0x00]);
    }

    #[test]
    fn nothing_that_is_not_good_is_sent_as_good() {
        for validity in [Validity::Questionable, Validity::Invalid] {
            for flags in 0..1u16 << 15 {
                let quality = Quality::new(validity, Flags(flags));
                assert_ne!(quality.to_qds() & 0xD1, 0, "{quality}");
                assert_ne!(quality.to_siq() & 0xD0, 0, "{quality}");
                assert_ne!(quality.to_bcr(), 0, "{quality}");
                assert_ne!(quality.to_iec61850()[0] & 0xC0, 0, "{quality}");
            }
        }
    }

    #[test]
    fn time_quality_comes_back() {
        for octet in 0..=255u8 {
            assert_eq!(TimeQuality::from_octet(octet).octet(), octet);
        }
        assert!(!TimeQuality::from_octet(0x20).is_trusted());
    }

    #[test]
    fn exceptions_of_modbus_are_never_good() {
        for code in 0..=255u8 {
            assert!(!Quality::from_modbus_exception(code).is_good());
        }
        assert_eq!(Quality::GOOD.to_modbus_exception(), None);
        assert_eq!(Quality::invalid(Flags::NONE).to_modbus_exception(), Some(4));
    }

    #[test]
    fn a_quality_can_be_read() {
        assert_eq!(Quality::questionable(Flags::OLD | Flags::COMM_LOST).to_string(), "questionable: old, comm lost");
    }
}
