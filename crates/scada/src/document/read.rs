//! From the tree of a document to devices.

use super::addresses::{self, Iec61850Address};
use crate::iec104::map::Iec104Spec;
use crate::modbus::map::ModbusSpec;
use crate::point::{Accuracy, Checks, Control, Deadband, ElementRef, PointSpec, Scaling, Selection};
use network::document::fields::{Codes, Fields, Findings};
use network::document::nearest;
use network::document::tree::{self, MAX_BYTES, Node, Value as Tree};
use network::{Diagnostic, Network, Severity};
use std::collections::{BTreeMap, HashMap};

/// What its faults are called.
const CODES: Codes = Codes {
    kind: "DEVICE.VALUE.KIND",
    twice: "DEVICE.KEY.TWICE",
    missing: "DEVICE.KEY.MISSING",
    range: "DEVICE.VALUE.RANGE",
    unknown_word: "DEVICE.VALUE.UNKNOWN_WORD",
    unknown_key: "DEVICE.KEY.UNKNOWN",
    page: "docs/scada.md",
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Modbus,
    Iec104,
    Iec61850,
}

pub(super) const PROTOCOLS: &[(&str, Protocol)] =
    &[("modbus", Protocol::Modbus), ("iec104", Protocol::Iec104), ("iec61850", Protocol::Iec61850)];

/// What a device needs beside what all have, with an address for each of its points, in their order.
#[derive(Clone, Debug, PartialEq)]
pub enum ProtocolSpec {
    Modbus(ModbusSpec),
    Iec104(Iec104Spec),
    Iec61850(Vec<Iec61850Address>),
}

impl ProtocolSpec {
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Modbus(_) => Protocol::Modbus,
            Self::Iec104(_) => Protocol::Iec104,
            Self::Iec61850(_) => Protocol::Iec61850,
        }
    }
}

/// How long to wait, seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// For a connection, and for an answer.
    pub timeout_s: f64,
    /// Before the second attempt; twice as long before each that follows.
    pub backoff_first_s: f64,
    pub backoff_longest_s: f64,
}

impl Default for Timing {
    fn default() -> Self {
        Self { timeout_s: 2.0, backoff_first_s: 0.5, backoff_longest_s: 5.0 }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DeviceSpec {
    pub id: String,
    /// `host:port`, the preferred one first; one or two.
    pub addresses: Vec<String>,
    pub timing: Timing,
    pub points: Vec<PointSpec>,
    pub protocol: ProtocolSpec,
}

/// What reading gives. Not to be used where [`DeviceDocument::is_sound`] says no.
#[derive(Clone, Debug, Default)]
pub struct DeviceDocument {
    pub devices: Vec<DeviceSpec>,
    pub diagnostics: Vec<Diagnostic>,
}

impl DeviceDocument {
    pub fn is_sound(&self) -> bool {
        self.diagnostics.iter().all(|d| d.severity != Severity::Error)
    }
}

/// Reads a document from its text; `file` is the name for findings.
///
/// Never fails as a whole: every fault is a finding with its line.
pub fn read(text: &str, file: &str) -> DeviceDocument {
    let findings = Findings::new(file, &CODES);
    let devices = document(text, &findings);
    let mut diagnostics = findings.found.into_inner();
    diagnostics.sort_by_key(|d| d.source.as_ref().map_or(0, |s| s.line));
    DeviceDocument { devices, diagnostics }
}

fn document(text: &str, findings: &Findings) -> Vec<DeviceSpec> {
    if text.len() > MAX_BYTES {
        let what = format!("the document is larger than {} MB", MAX_BYTES >> 20);
        findings.add(Diagnostic::error("DEVICE.TEXT.TOO_LARGE", what).hint("split it by device"), 0);
        return Vec::new();
    }
    let root = match tree::parse(text) {
        Ok(Some(root)) => root,
        Ok(None) => {
            findings.add(Diagnostic::error("DEVICE.TEXT.EMPTY", "the document holds nothing").hint("begin with `devices:`"), 1);
            return Vec::new();
        }
        Err(fault) => {
            let what = Diagnostic::error("DEVICE.TEXT.SYNTAX", format!("no YAML and no JSON: {}", fault.what));
            findings.add(what.hint("correct the line; indentation and brackets are the usual causes"), fault.line);
            return Vec::new();
        }
    };
    let Some(top) = Fields::new(findings, "the document", &root) else { return Vec::new() };
    let mut devices = Vec::new();
    if top.need("devices", "[...]") {
        for (i, node) in top.list("devices").iter().enumerate() {
            devices.extend(device(findings, i, node).map(|d| (node.line, d)));
        }
    }
    top.finish();
    names(findings, &devices);
    devices.into_iter().map(|(_, d)| d).collect()
}

fn device(findings: &Findings, i: usize, node: &Node) -> Option<DeviceSpec> {
    let fields = Fields::new(findings, format!("device {}", i + 1), node)?;
    let id = fields.needed_text("id", "bay-1");
    let fields = match &id {
        Some(id) => fields.named(format!("device \"{id}\"")),
        None => fields,
    };
    let protocol = if fields.need("protocol", "modbus") { fields.word("protocol", PROTOCOLS) } else { None };
    let default_port = match protocol {
        Some(Protocol::Modbus) | None => 502,
        Some(Protocol::Iec104) => 2404,
        Some(Protocol::Iec61850) => 102,
    };
    let first = fields.needed_text("address", "10.0.1.10").and_then(|a| host(&fields, "address", &a, default_port));
    let second = fields.text("second_address").and_then(|a| host(&fields, "second_address", &a, default_port));
    if first.is_some() && first == second {
        let what = Diagnostic::error("DEVICE.ADDRESS.UNREADABLE", format!("{} has its first address as its second one too", fields.of));
        findings.add(what.hint("give the address of the other interface, or leave it out"), fields.line_of("second_address"));
    }
    let standard = Timing::default();
    let timing = Timing {
        timeout_s: fields.number_within("timeout_s", 0.01, 600.0).unwrap_or(standard.timeout_s),
        backoff_first_s: fields.number_within("backoff_first_s", 0.01, 600.0).unwrap_or(standard.backoff_first_s),
        backoff_longest_s: fields.number_within("backoff_longest_s", 0.01, 3600.0).unwrap_or(standard.backoff_longest_s),
    };
    if timing.backoff_longest_s < timing.backoff_first_s {
        let what = format!("the longest pause of {} is shorter than the first one", fields.of);
        findings.add(Diagnostic::error("DEVICE.VALUE.RANGE", what).hint("let backoff_longest_s be the greater one"), fields.line);
    }
    let classes = poll_classes(&fields);
    let mut builder = protocol.map(|p| addresses::Builder::new(p, &fields));
    let mut points = Vec::new();
    for (k, node) in fields.list("points").iter().enumerate() {
        let Some(of_point) = Fields::new(findings, format!("point {} of {}", k + 1, fields.of), node) else { continue };
        points.extend(point(of_point, &classes, builder.as_mut()));
    }
    if fields.need("points", "[...]") && fields.list("points").is_empty() {
        let what = Diagnostic::warning("DEVICE.POINT.NONE", format!("{} has no points", fields.of));
        findings.add(what.hint("list them, or remove the device"), fields.line_of("points"));
    }
    let protocol = builder.map(|b| b.finish(&fields, &points));
    fields.finish();
    let addresses: Vec<String> = first.into_iter().chain(second).collect();
    Some(DeviceSpec { id: id?, addresses, timing, points, protocol: protocol? })
}

/// `host`, `host:port` or `[v6]:port`, with the port of the protocol where none is given.
fn host(fields: &Fields, key: &'static str, text: &str, default_port: u16) -> Option<String> {
    let fault = |why: &str| {
        let what = Diagnostic::error("DEVICE.ADDRESS.UNREADABLE", format!("{key} of {} is \"{text}\": {why}", fields.of));
        fields.findings.add(what.hint("write host, host:port or [IPv6]:port"), fields.line_of(key));
        None
    };
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || "/@\\".contains(c)) {
        return fault("it holds a character that no address has");
    }
    let (host, port) = match text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        Some((v6, rest)) if v6.parse::<std::net::Ipv6Addr>().is_ok() => (format!("[{v6}]"), rest.strip_prefix(':')),
        Some(_) => return fault("what stands in brackets is no IPv6 address"),
        None if text.parse::<std::net::Ipv6Addr>().is_ok() => (format!("[{text}]"), None),
        None => match text.split_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port)),
            None => (text.to_owned(), None),
        },
    };
    if host.is_empty() {
        return fault("it names no host");
    }
    match port.map(str::parse::<u16>) {
        None => Some(format!("{host}:{default_port}")),
        Some(Ok(port)) if port > 0 => Some(format!("{host}:{port}")),
        Some(_) => fault("its port is no number from 1 to 65535"),
    }
}

/// Seconds by class; one number is the class of all points that name none.
fn poll_classes(fields: &Fields) -> BTreeMap<String, f64> {
    let mut classes = BTreeMap::new();
    let (low, high) = (0.01, 86_400.0);
    if let Some(Node { value: Tree::Number(_), .. }) = fields.get("poll_s") {
        classes.extend(fields.number_within("poll_s", low, high).map(|s| ("default".to_owned(), s)));
    } else if let Some(map) = fields.map("poll_s") {
        for entry in map.entries() {
            match entry.node.value {
                Tree::Number(s) if (low..=high).contains(&s) => {
                    classes.insert(entry.key.clone(), s);
                }
                _ => {
                    let what = format!("the poll class \"{}\" of {} is no number from {low} to {high}", entry.key, fields.of);
                    fields
                        .findings
                        .add(Diagnostic::error("DEVICE.VALUE.RANGE", what).hint("give the seconds between two polls"), entry.line);
                }
            }
        }
    }
    if classes.is_empty() {
        classes.insert("default".to_owned(), 1.0);
    }
    classes
}

fn point(fields: Fields, classes: &BTreeMap<String, f64>, builder: Option<&mut addresses::Builder>) -> Option<PointSpec> {
    let name = fields.needed_text("name", "bay1.v_ll_kv");
    let fields = match &name {
        Some(name) => fields.named(format!("point \"{name}\"")),
        None => fields,
    };
    let findings = fields.findings;
    let poll_s = match fields.text("poll") {
        Some(class) => classes.get(&class).copied().or_else(|| {
            fields.word_fault("poll", &class, &classes.keys().map(String::as_str).collect::<Vec<_>>(), fields.line_of("poll"));
            None
        }),
        None => classes.get("default").or_else(|| classes.values().min_by(|a, b| a.total_cmp(b))).copied(),
    };
    let kind = builder.and_then(|b| b.point(&fields, poll_s));
    let scale = fields.number("scale").unwrap_or(1.0);
    if scale == 0.0 {
        let what = Diagnostic::error("DEVICE.VALUE.RANGE", format!("scale of {} is zero, which makes every value the same", fields.of));
        findings.add(what.hint("give what one count of the device is in the unit of the point"), fields.line_of("scale"));
    }
    let scaling = Scaling { scale, offset: fields.number("offset").unwrap_or(0.0) };
    let checks = checks(&fields);
    let deadband = deadband(&fields).unwrap_or_default();
    let control = control(&fields, &checks);
    let element = element(&fields);
    let asset = fields.text("asset").map(Into::into);
    let accuracy = accuracy(&fields);
    let unit = fields.text("unit").map(Into::into);
    let integrity_s = fields.number_within("integrity_s", 0.1, 86_400.0);
    let source = findings.at(fields.line);
    fields.finish();
    let kind = kind?;
    Some(PointSpec {
        name: name?.into(),
        kind: kind.kind,
        unit,
        scaling,
        deadband,
        checks,
        poll_s: poll_s.filter(|_| kind.is_polled),
        integrity_s,
        control,
        element,
        asset,
        accuracy,
        source,
    })
}

fn ordered(fields: &Fields, low: Option<f64>, high: Option<f64>) {
    if low.zip(high).is_some_and(|(low, high)| low >= high) {
        let what = Diagnostic::error("DEVICE.VALUE.RANGE", format!("low of {} is not below high", fields.of));
        fields.findings.add(what.hint("let low be the smaller one"), fields.line);
    }
}

fn checks(fields: &Fields) -> Checks {
    let mut checks = Checks { clock_s: Some(5.0), late_s: Some(60.0), ..Checks::default() };
    if let Some(limits) = fields.map("limits") {
        (checks.low, checks.high) = (limits.number("low"), limits.number("high"));
        ordered(&limits, checks.low, checks.high);
        limits.finish();
    }
    checks.rate_per_s = fields.number_within("rate_per_s", f64::MIN_POSITIVE, f64::MAX);
    checks.flat_s = fields.number_within("flat_s", 0.001, 1e9);
    checks.stale_s = fields.number_within("stale_s", 0.001, 1e9);
    checks.clock_s = fields.number_within("clock_s", 0.0, 1e9).or(checks.clock_s);
    checks.late_s = fields.number_within("late_s", 0.0, 1e9).or(checks.late_s);
    checks
}

fn deadband(fields: &Fields) -> Option<Deadband> {
    if let Some(Node { value: Tree::Number(_), .. }) = fields.get("deadband") {
        return fields.number_within("deadband", 0.0, f64::MAX).map(Deadband::Absolute);
    }
    let map = fields.map("deadband")?;
    let absolute = map.number_within("absolute", 0.0, f64::MAX).map(Deadband::Absolute);
    let integral = map.number_within("integral", 0.0, f64::MAX).map(Deadband::Integral);
    let percent = map.number_within("percent", 0.0, 100.0);
    let (low, high) = (map.number("low"), map.number("high"));
    ordered(&map, low, high);
    let percent = percent.and_then(|percent| {
        let range = low.zip(high).map(|(low, high)| Deadband::Percent { percent, low, high });
        if range.is_none() {
            let what = Diagnostic::error("DEVICE.KEY.MISSING", format!("{} in percent has no low and high", map.of));
            map.findings.add(what.hint("give the range of which it is a part"), map.line);
        }
        range
    });
    let given: Vec<Deadband> = [absolute, integral, percent].into_iter().flatten().collect();
    if given.len() > 1 {
        let what = Diagnostic::error("DEVICE.VALUE.UNKNOWN_WORD", format!("{} is given in {} ways", map.of, given.len()));
        map.findings.add(what.hint("keep one of absolute, percent and integral"), map.line);
    }
    map.finish();
    given.first().copied()
}

fn control(fields: &Fields, checks: &Checks) -> Option<Control> {
    let map = match fields.get("control") {
        None | Some(Node { value: Tree::Flag(false), .. }) => return None,
        Some(Node { value: Tree::Flag(true), .. }) => None,
        Some(_) => Some(fields.map("control")?),
    };
    let mut control = Control { selection: Selection::Direct, low: checks.low, high: checks.high, timeout_s: 5.0, read_back: false };
    if let Some(map) = map {
        if map.flag("select") == Some(true) {
            control.selection = Selection::Select;
        }
        (control.low, control.high) = (map.number("low").or(control.low), map.number("high").or(control.high));
        ordered(&map, control.low, control.high);
        control.timeout_s = map.number_within("timeout_s", 0.01, 3600.0).unwrap_or(control.timeout_s);
        control.read_back = map.flag("read_back").unwrap_or(false);
        // The protocol has taken what is its own.
        map.get("address");
        map.get("type");
        map.finish();
    }
    Some(control)
}

fn element(fields: &Fields) -> Option<ElementRef> {
    let node = fields.get("element");
    let quantity = fields.text("quantity");
    let terminal = fields.whole_within("terminal", 1, 255);
    let phase = fields.word("phase", &[("A", 'A'), ("B", 'B'), ("C", 'C'), ("N", 'N')]);
    if node.is_none() {
        let what = Diagnostic::error("DEVICE.POINT.NO_ELEMENT", format!("{} belongs to no element", fields.of));
        let hint = "add `element: class.name` and `quantity:`, or `element: none` when the point is about nothing in the network";
        fields.findings.add(what.hint(hint), fields.line);
        return None;
    }
    let text = fields.text("element")?;
    if text.eq_ignore_ascii_case("none") {
        return None;
    }
    if !text.split_once('.').is_some_and(|(class, name)| !class.is_empty() && !name.is_empty()) {
        let what =
            Diagnostic::error("DEVICE.POINT.UNKNOWN_ELEMENT", format!("element of {} is \"{text}\", which is no class.name", fields.of));
        fields.findings.add(what.hint("write the class before the name, as in line.l1 or bus.b1"), fields.line_of("element"));
        return None;
    }
    let quantity = if fields.need("quantity", "p_kw") { quantity? } else { return None };
    Some(ElementRef { element: text.to_lowercase().into(), quantity: quantity.into(), terminal, phase })
}

/// A class in percent of the value, or a standard deviation in the unit of the point.
fn accuracy(fields: &Fields) -> Option<Accuracy> {
    let map = fields.map("accuracy")?;
    // An instrument that never errs would weigh without bound in an estimate.
    let class = map.number_within("class_pct", 1e-9, 100.0).map(Accuracy::ClassPct);
    let sigma = map.number_within("sigma", f64::MIN_POSITIVE, f64::MAX).map(Accuracy::Sigma);
    let given = [map.get("class_pct"), map.get("sigma")].into_iter().flatten().count();
    if given == 0 {
        let what = Diagnostic::error("DEVICE.KEY.MISSING", format!("{} has neither class_pct nor sigma", map.of));
        map.findings.add(what.hint("give the class in percent of the value, or the standard deviation in the unit of the point"), map.line);
    } else if given > 1 {
        let what = Diagnostic::error("DEVICE.VALUE.UNKNOWN_WORD", format!("{} is given in 2 ways", map.of));
        map.findings.add(what.hint("keep one of class_pct and sigma"), map.line);
    }
    map.finish();
    class.or(sigma)
}

/// Names that must be unique over the whole document.
fn names(findings: &Findings, devices: &[(u32, DeviceSpec)]) {
    let mut ids: HashMap<String, u32> = HashMap::new();
    let mut points: HashMap<String, u32> = HashMap::new();
    for (line, device) in devices {
        if let Some(first) = ids.insert(device.id.to_lowercase(), *line) {
            let what = Diagnostic::error("DEVICE.ID.TWICE", format!("two devices are called \"{}\"", device.id));
            findings.add(what.detail(format!("The first one stands in line {first}.")).hint("rename one of them"), *line);
        }
        for point in &device.points {
            if let Some(first) = points.insert(point.name.to_lowercase(), point.source.line) {
                let what = Diagnostic::error("DEVICE.POINT.NAME_TWICE", format!("two points are called \"{}\"", point.name));
                findings.add(what.detail(format!("The first one stands in line {first}.")).hint("rename one of them"), point.source.line);
            }
        }
    }
}

/// Checks what points say about elements against a network.
pub fn check_elements(devices: &[DeviceSpec], network: &Network) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for point in devices.iter().flat_map(|d| &d.points) {
        let Some(ElementRef { element, terminal, .. }) = &point.element else { continue };
        let missing = |near: Option<String>| {
            let near = near.map_or(String::new(), |n| format!("; the nearest is \"{n}\""));
            let what = format!("point \"{}\" is about {element}, which the network does not have{near}", point.name);
            Diagnostic::error("DEVICE.POINT.UNKNOWN_ELEMENT", what)
                .at(&point.source)
                .hint("correct the name, or add the element to the network")
        };
        if let Some(bus) = element.strip_prefix("bus.") {
            if network.bus_id(bus).is_none() {
                let names: Vec<&str> = network.buses.iter().map(|b| b.name.as_str()).collect();
                found.push(missing(nearest(bus, &names).map(|n| format!("bus.{n}"))));
            }
            continue;
        }
        match network.find(element) {
            None => {
                let names: Vec<String> = network.order.iter().map(|id| network.full_name(*id)).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                found.push(missing(nearest(element, &names).map(str::to_owned)));
            }
            Some(id) => {
                let count = network.common(id).terminals.len();
                if terminal.is_some_and(|t| t as usize > count) {
                    let what =
                        format!("point \"{}\" is about terminal {} of {element}, which has {count}", point.name, terminal.unwrap_or(0));
                    found.push(
                        Diagnostic::error("DEVICE.POINT.UNKNOWN_TERMINAL", what).at(&point.source).hint("count the terminals from 1"),
                    );
                }
            }
        }
    }
    found
}
