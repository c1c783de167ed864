//! An image as the registers of a Modbus device.

use super::image::{Image, Place, Plant};
use crate::document::ProtocolSpec;
use crate::modbus::map::{ModbusPoint, Table};
use crate::modbus::{Access, Registers, absent, decode, encode};
use crate::point::Value;
use std::sync::Arc;

const ILLEGAL_ADDRESS: u8 = 2;
const ILLEGAL_VALUE: u8 = 3;
const FAILURE: u8 = 4;
/// A gateway has nobody of that unit behind it.
const NO_TARGET: u8 = 0x0B;

pub struct ModbusImage<P> {
    pub image: Arc<Image>,
    pub plant: Arc<P>,
    pub device: usize,
}

impl<P: Plant> ModbusImage<P> {
    fn map(&self, unit: u8) -> Result<(&[ModbusPoint], &[crate::point::PointSpec]), u8> {
        match self.image.spec(self.device).map(|s| (&s.protocol, &s.points)) {
            // 0 and 255 mean the device itself over TCP.
            Some((ProtocolSpec::Modbus(map), points)) if unit == map.unit || unit == 0 || unit == 255 => Ok((&map.points, points)),
            _ => Err(NO_TARGET),
        }
    }

    fn exponent(&self, point: &ModbusPoint) -> Option<i16> {
        point.scale_register.and_then(|r| self.image.exponent(self.device, r))
    }

    /// The word at one place, from all points that are there.
    fn word(&self, map: &[ModbusPoint], snapshot: &Words, table: Table, at: u16) -> Result<u16, u8> {
        if table == Table::Holding
            && let Some(power) = self.image.exponent(self.device, at)
        {
            return Ok(power as u16);
        }
        let first = self.image.register(self.device, table, at).ok_or(ILLEGAL_ADDRESS)?;
        let point = map.get(first).ok_or(FAILURE)?;
        if point.at.bit.is_none() {
            let words = snapshot.get(&first).ok_or(FAILURE)?.as_ref().map_err(|code| *code)?;
            return words.get((u32::from(at) - point.span().0) as usize).copied().ok_or(FAILURE);
        }
        // Bits of one register are points of their own.
        let mut word = 0;
        for (i, p) in map.iter().enumerate().filter(|(_, p)| p.at.table == table && p.at.offset == at) {
            let bits = snapshot.get(&i).ok_or(FAILURE)?.as_ref().map_err(|code| *code)?;
            word |= bits.first().copied().unwrap_or(0) << p.at.bit.unwrap_or(0);
        }
        Ok(word)
    }
}

/// Words of points, or why they are not given.
type Words = std::collections::HashMap<usize, Result<Vec<u16>, u8>>;

impl<P: Plant> Registers for ModbusImage<P> {
    fn read(&self, access: Access, count: u16) -> Result<Vec<u16>, u8> {
        let (map, specs) = self.map(access.unit)?;
        // One snapshot for all places, so that no value is torn.
        let cells = self.image.snapshot(self.device);
        let (from, to) = (u32::from(access.start), u32::from(access.start) + u32::from(count));
        let mut words = Words::new();
        for (i, point) in map.iter().enumerate() {
            let (start, end) = point.span();
            if point.at.table != access.table || start >= to || end <= from {
                continue;
            }
            let (Some(cell), Some(spec)) = (cells.get(i), specs.get(i)) else { continue };
            // A pattern for "no value" spares the points of the same request an exception.
            let of = match cell.quality.to_modbus_exception() {
                Some(code) => absent(point).ok_or(code),
                None => encode(point, &spec.scaling.to_raw(&cell.value), self.exponent(point)).ok_or(FAILURE),
            };
            words.insert(i, of);
        }
        (from..to).map(|at| self.word(map, &words, access.table, at as u16)).collect()
    }

    fn write(&self, access: Access, words: &[u16]) -> Result<(), u8> {
        let (map, specs) = self.map(access.unit)?;
        let (from, to) = (u32::from(access.start), u32::from(access.start) + words.len() as u32);
        let mut orders: Vec<(usize, Value)> = Vec::new();
        let mut covered = vec![false; words.len()];
        for (i, point) in map.iter().enumerate() {
            let (start, end) = point.span();
            if point.at.table != access.table || start >= to || end <= from {
                continue;
            }
            // Half of a value is no value.
            if start < from || end > to {
                return Err(ILLEGAL_VALUE);
            }
            let (first, last) = ((start - from) as usize, (end - from) as usize);
            covered[first..last].fill(true);
            let spec = specs.get(i).ok_or(FAILURE)?;
            let (value, quality) = decode(point, &words[first..last], self.exponent(point));
            let value = value.filter(|_| quality.is_good()).ok_or(ILLEGAL_VALUE)?;
            let value = spec.scaling.to_unit(&value);
            let Some(control) = spec.control else {
                // A bit beside the one that is written must stay as it is.
                let same = self.image.get(Place { device: self.device, point: i }).is_some_and(|c| c.value == value);
                if point.at.bit.is_some() && same {
                    continue;
                }
                return Err(ILLEGAL_ADDRESS);
            };
            let is_within = value.as_f64().is_none_or(|x| control.low.is_none_or(|l| x >= l) && control.high.is_none_or(|h| x <= h));
            if !is_within {
                return Err(ILLEGAL_VALUE);
            }
            let place = Place { device: self.device, point: i };
            // Of a register of bits only what changes is a command.
            if point.at.bit.is_none() || self.image.get(place).is_none_or(|c| c.value != value) {
                orders.push((i, value));
            }
        }
        if covered.contains(&false) {
            return Err(ILLEGAL_ADDRESS);
        }
        for (point, value) in orders {
            self.plant.command(&self.image, Place { device: self.device, point }, &value).map_err(|_| FAILURE)?;
        }
        Ok(())
    }
}
