//! Modbus: any registers are a value or no value, and a value that can be written reads as itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use scada::modbus::map::{ModbusPoint, RegisterType, WordOrder, parse_address};
use scada::modbus::{decode, encode};
use scada::point::Value;

fuzz_target!(|bytes: &[u8]| {
    let [kind, order, exponent, flags, rest @ ..] = bytes else { return };
    let order = [WordOrder::Abcd, WordOrder::Cdab, WordOrder::Badc, WordOrder::Dcba][usize::from(order % 4)];
    let (_, register_type) = RegisterType::ALL[usize::from(*kind) % RegisterType::ALL.len()];
    let at = parse_address(if register_type.is_of_bits() { "holding:0.3" } else { "holding:0" }).expect("an address");
    let mut point = ModbusPoint { order, sentinel: flags & 1 == 1, ..ModbusPoint::new(at, register_type) };
    point.scale_register = (flags & 2 == 2).then_some(9);
    let words: Vec<u16> = rest.chunks_exact(2).map(|w| u16::from_be_bytes([w[0], w[1]])).collect();
    let (value, quality) = decode(&point, &words, Some(i16::from(*exponent as i8)));
    if let Some(value) = value {
        let is_nan = matches!(value, Value::Float(x) if x.is_nan());
        if point.scale_register.is_none() && quality.is_good() && !is_nan && !register_type.is_of_bits() {
            assert_eq!(encode(&point, &value, None), Some(words), "{value:?}");
        }
    }
    if let Ok(text) = std::str::from_utf8(rest) {
        let _ = parse_address(text);
        let _ = scada::modbus::sunspec::points(text, 40_000, "p", |_| Some(3));
    }
});
