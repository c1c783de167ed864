//! The parts of a document that each protocol has for itself.

use super::read::{Protocol, ProtocolSpec};
use crate::iec104::map as iec104;
use crate::modbus::map as modbus;
use crate::point::{PointSpec, ValueKind};
use network::Diagnostic;
use network::document::fields::Fields;

/// A data attribute: where it is in the data model of an IEC 61850 server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iec61850Address {
    /// `LD/LN.DO.DA`, as in `IED1MEAS/MMXU1.TotW.mag.f`.
    pub reference: String,
    /// Functional constraint, two letters.
    pub fc: String,
    pub line: u32,
}

/// What an address says about the value, and whether somebody has to ask for it.
pub struct Kind {
    pub kind: ValueKind,
    pub is_polled: bool,
}

/// Gathers the addresses of a device's points.
pub enum Builder {
    Modbus(modbus::ModbusSpec),
    Iec104(iec104::Iec104Spec),
    Iec61850(Vec<Iec61850Address>),
}

const ORDERS: &[(&str, modbus::WordOrder)] = &[
    ("ABCD", modbus::WordOrder::Abcd),
    ("CDAB", modbus::WordOrder::Cdab),
    ("BADC", modbus::WordOrder::Badc),
    ("DCBA", modbus::WordOrder::Dcba),
];

const KINDS_61850: &[(&str, ValueKind)] = &[
    ("bool", ValueKind::Bool),
    ("double_point", ValueKind::DoublePoint),
    ("integer", ValueKind::Integer),
    ("float", ValueKind::Float),
    ("step", ValueKind::Step),
    ("bits", ValueKind::Bits),
    ("counter", ValueKind::Counter),
    ("text", ValueKind::Text),
];

fn address_fault(fields: &Fields, text: &str, why: &str, hint: &str) {
    let what = Diagnostic::error("DEVICE.ADDRESS.UNREADABLE", format!("address of {} is \"{text}\": {why}", fields.of));
    fields.findings.add(what.hint(hint), fields.line_of("address"));
}

impl Builder {
    pub fn new(protocol: Protocol, fields: &Fields) -> Self {
        match protocol {
            Protocol::Modbus => Self::Modbus(modbus::ModbusSpec {
                unit: fields.whole_within("unit", 0, 255).unwrap_or(1) as u8,
                word_order: fields.word("word_order", ORDERS).unwrap_or_default(),
                max_gap: fields.whole_within("max_gap", 0, 100).unwrap_or(0) as u16,
                points: Vec::new(),
            }),
            Protocol::Iec104 => Self::Iec104(iec104_device(fields)),
            Protocol::Iec61850 => Self::Iec61850(Vec::new()),
        }
    }

    /// The address and type of one point. `None` when they cannot be read, which has been told.
    pub fn point(&mut self, fields: &Fields, poll_s: Option<f64>) -> Option<Kind> {
        let text = fields.needed_text("address", self.example());
        match self {
            Self::Modbus(spec) => {
                let types: Vec<(&'static str, modbus::RegisterType)> = modbus::RegisterType::ALL.to_vec();
                let order = fields.word("word_order", ORDERS).unwrap_or(spec.word_order);
                let given = fields.word("type", &types);
                let scale_register = fields.whole_within("scale_register", 0, 65_535);
                let sentinel = fields.flag("sunspec").unwrap_or(false);
                let text = text?;
                let at = match modbus::parse_address(&text) {
                    Ok(at) => at,
                    Err(fault) => {
                        address_fault(fields, &text, &fault.why, "write holding:100 (offset from 0) or 40101 (number from 1)");
                        return None;
                    }
                };
                let register_type = match given {
                    Some(t) => t,
                    None if fields.get("type").is_some() => return None,
                    None => at.default_type(),
                };
                let point = modbus::ModbusPoint {
                    at,
                    register_type,
                    order,
                    scale_register: scale_register.map(|r| r as u16),
                    sentinel,
                    poll_s: poll_s.unwrap_or(1.0),
                };
                if let Err(fault) = point.check() {
                    let what = Diagnostic::error("DEVICE.ADDRESS.RANGE", format!("{} at {text}: {}", fields.of, fault.why));
                    fields.findings.add(what.hint("correct the address or the type"), fields.line_of("address"));
                    return None;
                }
                let kind = point.kind();
                spec.points.push(point);
                Some(Kind { kind, is_polled: true })
            }
            Self::Iec104(spec) => {
                let given = if fields.need("type", "float") { fields.word("type", iec104::InformationType::ALL) } else { None };
                let control = fields.get("control").filter(|n| matches!(n.value, network::document::tree::Value::Map(_)));
                let control = control.and_then(|_| fields.map("control"));
                let command_text = control.as_ref().and_then(|c| c.text("address"));
                let command_type = control.as_ref().and_then(|c| c.word("type", iec104::CommandType::ALL));
                let is_controllable = fields.get("control").is_some_and(|n| n.value != network::document::tree::Value::Flag(false));
                let text = text?;
                let place = |text: &str| match iec104::parse_address(text, spec.common_address) {
                    Ok(at) => Some(at),
                    Err(why) => {
                        address_fault(fields, text, &why, "write the object address, 1 to 16777215, or common:object");
                        None
                    }
                };
                let at = place(&text);
                let command_at = match &command_text {
                    Some(text) => place(text),
                    None => at,
                };
                let (at, information) = (at?, given?);
                let command = if is_controllable { command_type.or(information.command()) } else { None };
                if is_controllable && command.is_none() {
                    let what = Diagnostic::error("DEVICE.VALUE.UNKNOWN_WORD", format!("{} is of a type that no command has", fields.of));
                    fields.findings.add(what.hint("give `type:` within `control:`"), fields.line_of("control"));
                }
                spec.points.push(iec104::Iec104Point { at, information, command: command.zip(command_at).map(|(t, at)| (at, t)) });
                Some(Kind { kind: information.kind(), is_polled: false })
            }
            Self::Iec61850(points) => {
                let kind = if fields.need("type", "float") { fields.word("type", KINDS_61850) } else { None };
                let text = text?;
                let parts = text.strip_suffix(']').and_then(|t| t.split_once('['));
                let Some((reference, fc)) = parts.filter(|(r, fc)| r.contains('/') && r.contains('.') && fc.len() == 2) else {
                    address_fault(fields, &text, "it is no reference", "write it as IED1MEAS/MMXU1.TotW.mag.f[MX]");
                    return None;
                };
                let kind = kind?;
                points.push(Iec61850Address { reference: reference.trim().to_owned(), fc: fc.to_uppercase(), line: fields.line });
                Some(Kind { kind, is_polled: false })
            }
        }
    }

    fn example(&self) -> &'static str {
        match self {
            Self::Modbus(_) => "holding:100",
            Self::Iec104(_) => "1001",
            Self::Iec61850(_) => "IED1MEAS/MMXU1.TotW.mag.f[MX]",
        }
    }

    /// What must not hold between the points of a device. `points` are those that could be read whole; when some could not, positions no
    /// longer agree, but then the document is not sound and is used for nothing.
    pub fn finish(self, fields: &Fields, points: &[PointSpec]) -> ProtocolSpec {
        let name = |i: usize| points.get(i).map_or_else(|| format!("point {}", i + 1), |p| format!("point \"{}\"", p.name));
        let line = |i: usize| points.get(i).map_or(fields.line, |p| p.source.line);
        let overlaps = match &self {
            Self::Modbus(spec) => spec.overlaps(),
            Self::Iec104(spec) => spec.overlaps(),
            Self::Iec61850(points) => {
                let mut seen = std::collections::HashMap::new();
                let same = points.iter().enumerate().filter_map(|(i, p)| seen.insert((&p.reference, &p.fc), i).map(|first| (first, i)));
                same.map(|(a, b)| (a, b, points[b].reference.clone())).collect()
            }
        };
        for (a, b, place) in overlaps {
            let what = format!("{} and {} of {} are at the same place: {place}", name(a), name(b), fields.of);
            let finding = Diagnostic::error("DEVICE.ADDRESS.OVERLAP", what).detail(format!("The first one stands in line {}.", line(a)));
            fields.findings.add(finding.hint("correct the address or the type of one of them"), line(b));
        }
        if let Self::Modbus(spec) = &self {
            for (i, point) in points.iter().enumerate().filter(|(_, p)| p.control.is_some()) {
                if let Some(why) = spec.points.get(i).and_then(modbus::ModbusPoint::why_not_writable) {
                    let what = Diagnostic::error("DEVICE.ADDRESS.READ_ONLY", format!("point \"{}\" has a control, and {why}", point.name));
                    fields.findings.add(what.hint("remove the control, or give a coil or a holding register"), point.source.line);
                }
            }
        }
        match self {
            Self::Modbus(spec) => ProtocolSpec::Modbus(spec),
            Self::Iec104(spec) => ProtocolSpec::Iec104(spec),
            Self::Iec61850(points) => ProtocolSpec::Iec61850(points),
        }
    }
}

fn iec104_device(fields: &Fields) -> iec104::Iec104Spec {
    let standard = iec104::Iec104Spec::default();
    let seconds = |key, or: f64| fields.number_within(key, 0.05, 3600.0).unwrap_or(or);
    let spec = iec104::Iec104Spec {
        common_address: fields.whole_within("common_address", 1, 65_534).map_or(standard.common_address, |a| a as u16),
        originator: fields.whole_within("originator", 0, 255).map_or(standard.originator, |o| o as u8),
        parameters: crate::iec104::Parameters {
            t1_s: seconds("t1_s", standard.parameters.t1_s),
            t2_s: seconds("t2_s", standard.parameters.t2_s),
            t3_s: seconds("t3_s", standard.parameters.t3_s),
            k: fields.whole_within("k", 1, 32_767).map_or(standard.parameters.k, |k| k as u16),
            w: fields.whole_within("w", 1, 32_767).map_or(standard.parameters.w, |w| w as u16),
        },
        interrogate_s: fields.number_within("interrogate_s", 0.1, 86_400.0),
        counters_s: fields.number_within("counters_s", 0.1, 86_400.0),
        set_clock: fields.flag("set_clock").unwrap_or(false),
        command_time: fields.flag("command_time").unwrap_or(false),
        points: Vec::new(),
    };
    if let Err(why) = spec.parameters.check() {
        let what = Diagnostic::error("DEVICE.VALUE.RANGE", format!("the parameters of {} do not fit together: {why}", fields.of));
        fields.findings.add(what.hint("the standard values are t1 15 s, t2 10 s, t3 20 s, k 12, w 8"), fields.line);
    }
    spec
}
