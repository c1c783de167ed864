//! What a header of a table of results means: quantity, phase and unit.
//!
//! Reports are put together by whoever exports them, so headers are words of several dialects: `VA(%)`, `VpuA`, `kVLNA`, `Loading A(%)`,
//! `Thru Power A(kW)`, `KWLossA`, `v_pu`, `Phase A Voltage [pu]`. A header is cut into the unit in brackets, the phase (a letter or number
//! that stands alone, or the last letter behind a word that is known), and the word that is left.

use super::Unit;
use network::Quantity;

/// A value column as its header tells it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ValueHeader {
    pub kind: Kind,
    /// 1, 2, 3; none where the header tells no phase or all of them.
    pub phase: Option<u32>,
    /// None where the header tells no unit.
    pub unit: Option<Unit>,
    /// The header tells three phases together.
    pub total: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Voltage,
    VoltageAngle,
    Current,
    /// Active or reactive by the unit.
    Power,
    ActivePower,
    ReactivePower,
    Loading,
    Loss,
    /// Base of the voltage to neutral.
    Base,
}

/// What a column that is no value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Node,
    FromNode,
    ToNode,
    Section,
    Device,
    Element,
    Feeder,
    Phase,
}

/// Why a column of a known kind is not a figure.
pub(super) fn known_but_unused(header: &str) -> Option<&'static str> {
    let word = plain(&cut(header).0);
    let stem = |stems: &[&str]| stems.iter().any(|s| with_phase(&word, s).is_some());
    if stem(&["vll", "kvll", "vllpu", "vpull", "linevoltage", "voltagell"]) {
        return Some("a voltage between two phases; figures are to neutral");
    }
    if stem(&["iangle", "currentangle", "iang", "angleofi"]) {
        return Some("the angle of a current");
    }
    if stem(&["kva", "mva", "s", "skva", "apparentpower", "pf", "powerfactor", "kvarloss", "lossq", "losseskvar"]) {
        return Some("not among the quantities that are compared");
    }
    if stem(&["lllamp", "llgamp", "llamp", "lgamp", "lgampmax", "lgampmin", "llgampmax", "lllampmax", "distance", "length"]) {
        return Some("of another study than a power flow, or of the place");
    }
    None
}

/// Letters and digits in lower case.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The header without what is in brackets, and that.
fn cut(header: &str) -> (String, Option<String>) {
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
        if let Some(from) = header.find(open)
            && let Some(to) = header[from..].find(close)
        {
            let inner = header[from + open.len_utf8()..from + to].trim().to_owned();
            let mut outer = header[..from].to_owned();
            outer.push(' ');
            outer.push_str(&header[from + to + close.len_utf8()..]);
            return (outer, Some(inner));
        }
    }
    match header.strip_suffix('%') {
        Some(start) => (start.to_owned(), Some("%".to_owned())),
        None => (header.to_owned(), None),
    }
}

/// A unit as written in brackets or at the end of a word.
pub(super) fn unit_of(text: &str) -> Option<Unit> {
    let word: String = text.chars().filter(|c| !c.is_whitespace() && *c != '.' && *c != '_').flat_map(char::to_lowercase).collect();
    Some(match word.as_str() {
        "%" | "pct" | "percent" | "%nom" | "%ofnominal" | "%vnom" => Unit::Percent,
        "pu" | "perunit" => Unit::PerUnit,
        "v" | "volt" | "volts" | "vln" => Unit::Volt,
        "kv" | "kvln" => Unit::Kilovolt,
        "a" | "amp" | "amps" | "ampere" | "amperes" => Unit::Ampere,
        "ka" => Unit::Kiloampere,
        "w" => Unit::Watt,
        "kw" => Unit::Kilowatt,
        "mw" => Unit::Megawatt,
        "var" => Unit::Var,
        "kvar" => Unit::Kilovar,
        "mvar" => Unit::Megavar,
        "deg" | "degree" | "degrees" | "°" | "º" => Unit::Degree,
        _ => return None,
    })
}

/// The phase that a word tells: 1, 2, 3, or 0 for all.
pub(super) fn phase_of(word: &str) -> Option<u32> {
    Some(match plain(word).as_str() {
        "a" | "1" | "an" | "r" | "pha" | "phasea" | "ph1" | "phase1" | "l1" => 1,
        "b" | "2" | "bn" | "phb" | "phaseb" | "ph2" | "phase2" | "l2" => 2,
        "c" | "3" | "cn" | "phc" | "phasec" | "ph3" | "phase3" | "l3" => 3,
        "abc" | "abcn" | "3ph" | "3phase" | "total" | "tot" | "all" | "threephase" | "sum" => 0,
        _ => return None,
    })
}

/// The phase behind a stem: some of none when the word is the stem alone, 0 for all phases.
fn with_phase(word: &str, stem: &str) -> Option<Option<u32>> {
    let rest = word.strip_prefix(stem)?;
    if rest.is_empty() {
        return Some(None);
    }
    match rest {
        "a" | "1" => Some(Some(1)),
        "b" | "2" => Some(Some(2)),
        "c" | "3" => Some(Some(3)),
        "tot" | "total" | "abc" | "3ph" => Some(Some(0)),
        _ => None,
    }
}

/// Words of quantities and the unit that is in the word itself. Longer words stand before those that they begin with.
const STEMS: [(&str, Kind, Option<Unit>); 61] = [
    ("basekv", Kind::Base, Some(Unit::Kilovolt)),
    ("kvbaseln", Kind::Base, Some(Unit::Kilovolt)),
    ("vbase", Kind::Base, None),
    ("basevoltage", Kind::Base, None),
    ("nominalvoltage", Kind::Base, None),
    ("vangledeg", Kind::VoltageAngle, Some(Unit::Degree)),
    ("anglevdeg", Kind::VoltageAngle, Some(Unit::Degree)),
    ("voltageangledeg", Kind::VoltageAngle, Some(Unit::Degree)),
    ("voltageangle", Kind::VoltageAngle, None),
    ("anglevoltage", Kind::VoltageAngle, None),
    ("angledeg", Kind::VoltageAngle, Some(Unit::Degree)),
    ("vangle", Kind::VoltageAngle, None),
    ("anglev", Kind::VoltageAngle, None),
    ("phangle", Kind::VoltageAngle, None),
    ("vang", Kind::VoltageAngle, None),
    ("angle", Kind::VoltageAngle, None),
    ("voltagepu", Kind::Voltage, Some(Unit::PerUnit)),
    ("puvoltage", Kind::Voltage, Some(Unit::PerUnit)),
    ("vlnpu", Kind::Voltage, Some(Unit::PerUnit)),
    ("vpu", Kind::Voltage, Some(Unit::PerUnit)),
    ("puv", Kind::Voltage, Some(Unit::PerUnit)),
    ("kvln", Kind::Voltage, Some(Unit::Kilovolt)),
    ("vlnkv", Kind::Voltage, Some(Unit::Kilovolt)),
    ("voltagekv", Kind::Voltage, Some(Unit::Kilovolt)),
    ("vln", Kind::Voltage, Some(Unit::Volt)),
    ("voltageln", Kind::Voltage, None),
    ("voltagelevel", Kind::Base, None),
    ("voltagemagnitude", Kind::Voltage, None),
    ("voltage", Kind::Voltage, None),
    ("vpct", Kind::Voltage, Some(Unit::Percent)),
    ("vpercent", Kind::Voltage, Some(Unit::Percent)),
    ("vmag", Kind::Voltage, None),
    ("volt", Kind::Voltage, None),
    ("v", Kind::Voltage, None),
    ("throughcurrent", Kind::Current, None),
    ("thrucurrent", Kind::Current, None),
    ("current", Kind::Current, None),
    ("iamps", Kind::Current, Some(Unit::Ampere)),
    ("iamp", Kind::Current, Some(Unit::Ampere)),
    ("amps", Kind::Current, Some(Unit::Ampere)),
    ("amp", Kind::Current, Some(Unit::Ampere)),
    ("i", Kind::Current, None),
    ("kwlosses", Kind::Loss, Some(Unit::Kilowatt)),
    ("kwloss", Kind::Loss, Some(Unit::Kilowatt)),
    ("losseskw", Kind::Loss, Some(Unit::Kilowatt)),
    ("losskw", Kind::Loss, Some(Unit::Kilowatt)),
    ("powerlosses", Kind::Loss, None),
    ("powerloss", Kind::Loss, None),
    ("losses", Kind::Loss, None),
    ("loss", Kind::Loss, None),
    ("loadingpct", Kind::Loading, Some(Unit::Percent)),
    ("loadingpercent", Kind::Loading, Some(Unit::Percent)),
    ("loading", Kind::Loading, None),
    ("thrupower", Kind::Power, None),
    ("throughpower", Kind::Power, None),
    ("power", Kind::Power, None),
    ("pkw", Kind::ActivePower, Some(Unit::Kilowatt)),
    ("kw", Kind::ActivePower, Some(Unit::Kilowatt)),
    ("qkvar", Kind::ReactivePower, Some(Unit::Kilovar)),
    ("kvar", Kind::ReactivePower, Some(Unit::Kilovar)),
    ("p", Kind::ActivePower, None),
];

/// Further words of one letter or of several parts.
const MORE_STEMS: [(&str, Kind, Option<Unit>); 6] = [
    ("q", Kind::ReactivePower, None),
    ("activepower", Kind::ActivePower, None),
    ("reactivepower", Kind::ReactivePower, None),
    ("realpower", Kind::ActivePower, None),
    ("thrupowerkw", Kind::ActivePower, Some(Unit::Kilowatt)),
    ("thrupowerkvar", Kind::ReactivePower, Some(Unit::Kilovar)),
];

/// The value that a header tells, and whether the whole of its word is known (else a part of it is).
pub(super) fn value_of(header: &str) -> Option<(ValueHeader, bool)> {
    if known_but_unused(header).is_some() {
        return None;
    }
    let (outer, bracket) = cut(header);
    let mut unit = bracket.as_deref().and_then(unit_of);
    let mut phase = if unit.is_some() { None } else { bracket.as_deref().and_then(phase_of) };
    let mut words: Vec<&str> = outer.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    // A phase that stands alone, with or without the word before it.
    if let Some(at) = words.iter().position(|w| phase_of(w).is_some())
        && words.len() > 1
    {
        phase = phase.or(phase_of(words[at]));
        words.remove(at);
        if at > 0 && words.get(at - 1).is_some_and(|w| w.eq_ignore_ascii_case("phase") || w.eq_ignore_ascii_case("ph")) {
            words.remove(at - 1);
        }
    }
    // A unit that stands alone at the end.
    if words.len() > 1
        && unit.is_none()
        && let Some(told) = words.last().and_then(|w| unit_of(w))
    {
        unit = Some(told);
        words.pop();
    }
    let word: String = words.concat().to_lowercase();
    let stems = || STEMS.iter().chain(&MORE_STEMS);
    let exact =
        stems().filter_map(|(stem, kind, own)| with_phase(&word, stem).map(|p| (*kind, *own, p, stem.len()))).max_by_key(|(_, _, _, n)| *n);
    let (found, sure) = match exact {
        Some(found) => (found, true),
        None => {
            let part = stems()
                .filter(|(stem, _, _)| stem.len() >= 3)
                .filter_map(|(stem, kind, own)| {
                    let at = word.find(stem)?;
                    let rest = &word[at + stem.len()..];
                    with_phase(rest, "").filter(|_| at > 0 || rest.is_empty()).map(|p| (*kind, *own, p, stem.len()))
                })
                .max_by_key(|(_, _, _, n)| *n)?;
            (part, false)
        }
    };
    let (mut kind, own, suffix, _) = found;
    let mut phase = phase.or(suffix);
    if unit == Some(Unit::Ampere) && kind != Kind::Current {
        // `Voltage (A)`: what looks like amperes is the phase.
        unit = None;
        phase = phase.or(Some(1));
    }
    let unit = unit.or(own);
    if kind == Kind::Power {
        kind = match unit {
            Some(Unit::Watt | Unit::Kilowatt | Unit::Megawatt) => Kind::ActivePower,
            Some(Unit::Var | Unit::Kilovar | Unit::Megavar) => Kind::ReactivePower,
            _ => return None,
        };
    }
    Some((ValueHeader { kind, phase: phase.filter(|p| *p != 0), unit, total: phase == Some(0) }, sure))
}

/// The key that a header tells.
pub(super) fn key_of(header: &str) -> Option<Key> {
    Some(match plain(header).as_str() {
        "node" | "nodeid" | "bus" | "busid" | "busname" | "nodename" | "busnumber" => Key::Node,
        "fromnode" | "fromnodeid" | "frombus" => Key::FromNode,
        "tonode" | "tonodeid" | "tobus" => Key::ToNode,
        "section" | "sectionid" | "sectionname" => Key::Section,
        "device" | "deviceno" | "devicenumber" | "equipmentno" | "equipmentnumber" | "eqno" | "deviceid" => Key::Device,
        "element" | "elementname" => Key::Element,
        "feeder" | "feederid" | "network" | "networkid" | "feedername" => Key::Feeder,
        "phase" | "phases" | "ph" => Key::Phase,
        _ => return None,
    })
}

/// The quantity of figures of a kind in a unit.
pub(super) fn quantity_of(kind: Kind, unit: Unit) -> Option<Quantity> {
    Some(match (kind, unit) {
        (Kind::Voltage, Unit::Percent | Unit::PerUnit) => Quantity::VPu,
        (Kind::Voltage, Unit::Volt | Unit::Kilovolt) => Quantity::VVolt,
        (Kind::VoltageAngle, Unit::Degree) => Quantity::VAngleDeg,
        (Kind::Current, Unit::Ampere | Unit::Kiloampere) => Quantity::IA,
        (Kind::ActivePower, Unit::Watt | Unit::Kilowatt | Unit::Megawatt) => Quantity::PKw,
        (Kind::ReactivePower, Unit::Var | Unit::Kilovar | Unit::Megavar) => Quantity::QKvar,
        (Kind::Loading, Unit::Percent | Unit::PerUnit) => Quantity::LoadingPct,
        (Kind::Loss, Unit::Watt | Unit::Kilowatt | Unit::Megawatt) => Quantity::LossKw,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_several_dialects() {
        use Kind::{ActivePower, Current, Loading, Loss, ReactivePower, Voltage, VoltageAngle};
        for (header, kind, phase, unit) in [
            ("VA(%)", Voltage, Some(1), Some(Unit::Percent)),
            ("VpuB", Voltage, Some(2), Some(Unit::PerUnit)),
            ("kVLNC", Voltage, Some(3), Some(Unit::Kilovolt)),
            ("VLNA", Voltage, Some(1), Some(Unit::Volt)),
            ("VA", Voltage, Some(1), None),
            ("Phase A Voltage [pu]", Voltage, Some(1), Some(Unit::PerUnit)),
            ("Voltage C (kV)", Voltage, Some(3), Some(Unit::Kilovolt)),
            ("v_pu", Voltage, None, Some(Unit::PerUnit)),
            ("computed_vpu", Voltage, None, Some(Unit::PerUnit)),
            ("published_angle_deg", VoltageAngle, None, Some(Unit::Degree)),
            ("VAngleB", VoltageAngle, Some(2), None),
            ("PH-AngleA", VoltageAngle, Some(1), None),
            ("IA", Current, Some(1), None),
            ("I B (A)", Current, Some(2), Some(Unit::Ampere)),
            ("IC (kA)", Current, Some(3), Some(Unit::Kiloampere)),
            ("KWA", ActivePower, Some(1), Some(Unit::Kilowatt)),
            ("KVARTOT", ReactivePower, None, Some(Unit::Kilovar)),
            ("Thru Power A(kW)", ActivePower, Some(1), Some(Unit::Kilowatt)),
            ("Thru Power A(kvar)", ReactivePower, Some(1), Some(Unit::Kilovar)),
            ("Loading A(%)", Loading, Some(1), Some(Unit::Percent)),
            ("LoadingB", Loading, Some(2), None),
            ("KWLossA", Loss, Some(1), Some(Unit::Kilowatt)),
            ("Losses (kW)", Loss, None, Some(Unit::Kilowatt)),
        ] {
            let found = value_of(header).map(|(v, _)| (v.kind, v.phase, v.unit));
            assert_eq!(found, Some((kind, phase, unit)), "{header}");
        }
        for header in
            ["Section Id", "Comments", "KVAA", "PFA", "kVLLA", "IAngleA", "LLLamp", "Distance", "Equipment Id", "Code", "DwLowVoltWorst3PH"]
        {
            assert_eq!(value_of(header), None, "{header}");
        }
    }
}
