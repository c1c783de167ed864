//! Points upon the network: which point is which measurement, switch, tap or value of a piece of equipment.
//!
//! A point says in the document of devices where it belongs: element, quantity, terminal, phase ([`scada::point::ElementRef`]). What of it the
//! estimate can use becomes a [`Role::Measurement`]; the deviation is that of its instrument,
//!
//! ```text
//! class c %:  σ² = (c/100/√3 · max(|x|, 5 % of the rated value))² + (deadband/√3)²
//! σ given:    σ² = σ_given² + (deadband/√3)²
//! ```
//!
//! since within its limit an error may be anywhere (JCGM 100:2008, 4.3.7), as a value may be within its deadband. Of a power |x| is the apparent
//! power at the same place, because what the phase displacement of the transformers brings into P is in proportion to Q, and the other way
//! round. A point without accuracy counts as of class 1 (voltages, currents, powers) or 0.5° (angles), which `docs/twin.md` says.
//!
//! What follows from other points of the same instrument is no second measurement: three-phase powers where each phase is measured, line-to-line
//! voltages where both phases are, apparent power, power factors and symmetrical components are left out.

use crate::alarms::{PointIndex, PointTable};
use network::document::nearest;
use network::{Diagnostic, ElementId, ElementKind, Network, Station};
use powerflow::Circuit;
use powerflow::estimation::{Grid, Quantity, Site};
use scada::document::DeviceSpec;
use scada::point::{Accuracy, Deadband, PointSpec};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Class that counts where a document gives none, percent.
const CLASS_PCT: f64 = 1.0;
/// Deviation of angles without one, degrees.
const ANGLE_DEG: f64 = 0.5;
/// Share of the rated value below which an instrument's error no longer shrinks with the value.
const FLOOR: f64 = 0.05;

/// What a point is to the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    Measurement {
        quantity: Quantity,
        site: Site,
        to_si: f64,
    },
    /// Position of a switching device.
    Switch(ElementId),
    /// Position of a tap changer on a winding (0-based).
    Tap(ElementId, usize),
    /// Its ratio, per unit.
    TapRatio(ElementId, usize),
    Frequency,
    /// A value of the equipment, of weather, of a relay.
    Other,
}

/// A point of the site.
#[derive(Clone, Debug)]
pub struct Mapped {
    pub device: usize,
    /// Position in the device.
    pub position: usize,
    pub spec: PointSpec,
    pub role: Role,
    /// Asset of the register.
    pub asset: Option<Arc<str>>,
    /// Commands its element through it.
    pub controls: Option<ElementId>,
}

/// All points in the order of the devices, which is that of the [`PointTable`].
#[derive(Debug)]
pub struct Map {
    pub points: Vec<Mapped>,
    pub table: Arc<PointTable>,
    /// First point of each device.
    pub first: Vec<usize>,
    pub by_name: HashMap<String, usize>,
    pub findings: Vec<Diagnostic>,
}

/// Quantities that are measured, and what one of their unit is in SI.
const QUANTITIES: &[(&str, Quantity, f64)] = &[
    ("v_ln_kv", Quantity::VoltageMagnitude, 1e3),
    ("v_ll_kv", Quantity::VoltageMagnitude, 1e3),
    ("v_ln_v", Quantity::VoltageMagnitude, 1.0),
    ("v_ll_v", Quantity::VoltageMagnitude, 1.0),
    ("v_angle_deg", Quantity::VoltageAngle, std::f64::consts::PI / 180.0),
    ("i_a", Quantity::CurrentMagnitude, 1.0),
    ("i_ka", Quantity::CurrentMagnitude, 1e3),
    ("p_kw", Quantity::ActivePower, 1e3),
    ("p_mw", Quantity::ActivePower, 1e6),
    ("q_kvar", Quantity::ReactivePower, 1e3),
    ("q_mvar", Quantity::ReactivePower, 1e6),
];

impl Map {
    /// Looks up every point of the devices in the network.
    ///
    /// Points that name what the network does not have are findings (`TWIN.POINT.…`) and keep no role; their values are shown and kept all the same.
    pub fn new(devices: &[DeviceSpec], network: &Network, station: &Station, circuit: &Circuit, grid: &Grid) -> Self {
        let mut table = PointTable::default();
        let (mut points, mut first, mut by_name, mut findings) = (Vec::new(), Vec::new(), HashMap::new(), Vec::new());
        let assets = Assets::new(network, station);
        for (d, device) in devices.iter().enumerate() {
            table.device(&device.id);
            first.push(points.len());
            for (position, spec) in device.points.iter().enumerate() {
                let index = table.add(&device.id, spec);
                let (role, fault) = match role(spec, network, circuit, grid) {
                    Ok(role) => (role, None),
                    Err(fault) => (Role::Other, Some(fault)),
                };
                findings.extend(fault.map(|detail| {
                    Diagnostic::warning("TWIN.POINT.PLACE", format!("point \"{}\" is not used for the estimate", spec.name))
                        .at(&spec.source)
                        .detail(detail)
                        .hint("Correct element, quantity, terminal or phase of the point, or write element: none.")
                }));
                let asset = assets.of(spec, &mut findings);
                if let Some((id, kind)) = &asset {
                    table.set_asset(index, id, kind);
                }
                let controls =
                    (spec.control.is_some()).then(|| spec.element.as_ref().and_then(|e| network.find(&e.element.to_lowercase()))).flatten();
                by_name.insert(spec.name.to_lowercase(), points.len());
                points.push(Mapped { device: d, position, spec: spec.clone(), role, asset: asset.map(|a| a.0), controls });
            }
        }
        drop_repetitions(&mut points, grid);
        super::record::add_own(&mut table, network, station);
        Self { points, table: Arc::new(table), first, by_name, findings }
    }

    pub fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(&name.to_lowercase()).copied()
    }

    /// Number of a point of a device.
    pub fn index(&self, device: usize, position: usize) -> usize {
        self.first[device] + position
    }

    pub fn table_index(&self, point: usize) -> PointIndex {
        PointIndex(point as u32)
    }

    /// The point that tells the position of a switching device.
    pub fn switch_point(&self, element: ElementId) -> Option<usize> {
        self.points.iter().position(|p| p.role == Role::Switch(element))
    }
}

/// Equipment by element and by bus.
struct Assets<'a> {
    station: &'a Station,
    by_element: HashMap<String, usize>,
    by_bus: HashMap<String, usize>,
}

impl<'a> Assets<'a> {
    fn new(network: &Network, station: &'a Station) -> Self {
        let (mut by_element, mut by_bus) = (HashMap::new(), HashMap::new());
        for (i, e) in station.equipment.iter().enumerate() {
            // What is an element goes before what measures at its end.
            for part in e.parts.iter().filter(|p| p.terminal.is_none()) {
                by_element.entry(network.full_name(part.element)).or_insert(i);
            }
            if let Some(bus) = e.bus {
                by_bus.entry(network.bus(bus).name.clone()).or_insert(i);
            }
        }
        Self { station, by_element, by_bus }
    }

    /// Asset of a point with its type: as the document says, else by the element.
    fn of(&self, spec: &PointSpec, findings: &mut Vec<Diagnostic>) -> Option<(Arc<str>, String)> {
        let found = match &spec.asset {
            Some(id) => {
                let found = self.station.equipment.iter().position(|e| e.id.eq_ignore_ascii_case(id));
                if found.is_none() && !self.station.equipment.is_empty() {
                    let names: Vec<&str> = self.station.equipment.iter().map(|e| e.id.as_str()).collect();
                    let hint = nearest(id, &names)
                        .map_or("Name an id of the register of equipment.".to_owned(), |n| format!("The nearest is \"{n}\"."));
                    findings.push(
                        Diagnostic::warning("TWIN.POINT.ASSET", format!("the register has no equipment \"{id}\""))
                            .at(&spec.source)
                            .hint(hint),
                    );
                }
                found
            }
            None => spec.element.as_ref().and_then(|e| {
                let name = e.element.to_lowercase();
                self.by_element.get(&name).or_else(|| self.by_bus.get(name.strip_prefix("bus.").unwrap_or(&name))).copied()
            }),
        };
        found.map(|i| (self.station.equipment[i].id.as_str().into(), self.station.equipment[i].kind.word().to_owned()))
    }
}

/// Number of a phase at a bus.
fn node_of_phase(phase: char) -> Option<u32> {
    match phase.to_ascii_uppercase() {
        'A' => Some(1),
        'B' => Some(2),
        'C' => Some(3),
        'N' => Some(4),
        _ => None,
    }
}

/// What a point is to the network.
///
/// # Errors
/// Why it is nothing although it says that it is.
fn role(spec: &PointSpec, network: &Network, circuit: &Circuit, grid: &Grid) -> Result<Role, String> {
    let Some(at) = &spec.element else { return Ok(Role::Other) };
    let (name, word) = (at.element.to_lowercase(), &*at.quantity);
    if word == "frequency_hz" {
        return Ok(Role::Frequency);
    }
    let quantity = QUANTITIES.iter().find(|q| q.0 == word);
    if quantity.is_none() && !["closed", "tap_position", "tap_ratio_pu"].contains(&word) {
        return Ok(Role::Other);
    }
    if let Some(bus) = name.strip_prefix("bus.") {
        let id = network.bus_id(bus).ok_or_else(|| format!("The network has no bus \"{bus}\"."))?;
        let Some(&(_, quantity, to_si)) = quantity.filter(|q| q.1.is_voltage()) else {
            return Err(format!("A bus has voltages, not \"{word}\"."));
        };
        let node = |n: u32| match circuit.node_number(id, n) {
            0 => Err(format!("Bus \"{bus}\" has no node {n}.")),
            number => Ok(number),
        };
        let site = voltage_site(word, at.phase, node)?;
        return Ok(Role::Measurement { quantity, site, to_si });
    }
    let id = network.find(&name).ok_or_else(|| format!("The network has no element \"{name}\"."))?;
    let index = circuit.index_of(id).ok_or_else(|| format!("\"{name}\" is not in service."))?;
    let element = &grid.elements[index];
    let terminal = match at.terminal {
        None | Some(0) => 0,
        Some(t) if (t as usize) <= element.n_terminals() => t as usize - 1,
        Some(t) => return Err(format!("\"{name}\" has {} terminals, not {t}.", element.n_terminals())),
    };
    match word {
        "closed" => return Ok(Role::Switch(id)),
        "tap_position" | "tap_ratio_pu" if id.kind == ElementKind::Transformer => {
            let windings = &network.transformers[id.index()].windings;
            let winding = at.terminal.map(|t| t.saturating_sub(1) as usize).or_else(|| regulated_winding(network, id)).unwrap_or(0);
            if winding >= windings.len() {
                return Err(format!("\"{name}\" has {} windings.", windings.len()));
            }
            return Ok(if word == "tap_position" { Role::Tap(id, winding) } else { Role::TapRatio(id, winding) });
        }
        "tap_position" | "tap_ratio_pu" => return Err(format!("\"{name}\" is no transformer.")),
        _ => {}
    }
    let Some(&(_, quantity, to_si)) = quantity else { return Ok(Role::Other) };
    let conductor = |n: u32| -> Result<usize, String> {
        let of = |c: &usize| {
            let node = element.nodes[terminal * element.n_conductors + c];
            node != 0 && circuit.node(node).at_bus == n
        };
        (0..element.n_conductors).find(of).ok_or_else(|| format!("Terminal {} of \"{name}\" has no node {n}.", terminal + 1))
    };
    let site = match (quantity.is_voltage(), at.phase) {
        (true, phase) => voltage_site(word, phase, |n| conductor(n).map(|c| element.nodes[terminal * element.n_conductors + c]))?,
        (false, Some(phase)) => {
            let n = node_of_phase(phase).ok_or_else(|| format!("\"{phase}\" is no phase."))?;
            Site::Conductor { element: index, terminal, conductor: conductor(n)? }
        }
        (false, None) if matches!(quantity, Quantity::ActivePower | Quantity::ReactivePower) => Site::Terminal { element: index, terminal },
        (false, None) => return Err("A current is that of one phase; the phase is missing.".to_owned()),
    };
    Ok(Role::Measurement { quantity, site, to_si })
}

fn voltage_site(word: &str, phase: Option<char>, node: impl Fn(u32) -> Result<u32, String>) -> Result<Site, String> {
    let phase = phase.ok_or("A voltage is that of one phase, or of a pair that begins with it; the phase is missing.")?;
    let n = node_of_phase(phase).ok_or_else(|| format!("\"{phase}\" is no phase."))?;
    Ok(if word.starts_with("v_ll") { Site::Between(node(n)?, node(n % 3 + 1)?) } else { Site::Node(node(n)?) })
}

/// Winding that a transformer's control moves.
pub(super) fn regulated_winding(network: &Network, id: ElementId) -> Option<usize> {
    network.regulator_controls.iter().find(|c| c.common.enabled && c.transformer == Some(id)).map(|c| c.tap_winding)
}

/// Takes measurements out that others of the same instrument imply.
fn drop_repetitions(points: &mut [Mapped], grid: &Grid) {
    let mut conductors: HashMap<(Quantity, usize, usize), usize> = HashMap::new();
    let mut nodes: HashSet<u32> = HashSet::new();
    for p in points.iter() {
        match p.role {
            Role::Measurement { quantity, site: Site::Conductor { element, terminal, .. }, .. } => {
                *conductors.entry((quantity, element, terminal)).or_default() += 1;
            }
            Role::Measurement { quantity: Quantity::VoltageMagnitude, site: Site::Node(n), .. } => {
                nodes.insert(n);
            }
            _ => {}
        }
    }
    for p in points.iter_mut() {
        let Role::Measurement { quantity, site, .. } = p.role else { continue };
        let is_implied = match site {
            Site::Terminal { element, terminal } => {
                let e = &grid.elements[element];
                let live = (0..e.n_conductors).filter(|c| e.nodes[terminal * e.n_conductors + c] != 0).count();
                conductors.get(&(quantity, element, terminal)).is_some_and(|n| *n >= live)
            }
            Site::Between(a, b) => nodes.contains(&a) && nodes.contains(&b),
            _ => false,
        };
        if is_implied {
            p.role = Role::Other;
        }
    }
}

/// Standard deviation of a measurement, in SI units.
///
/// # Inputs
/// * `size` - what its class counts by, in SI units: |x|, or the apparent power at the same place.
/// * `rated` - the instrument's rated value, SI.
pub fn sigma_si(spec: &PointSpec, quantity: Quantity, to_si: f64, size: f64, rated: f64) -> f64 {
    let own = match spec.accuracy {
        Some(Accuracy::Sigma(s)) => s * to_si,
        Some(Accuracy::ClassPct(c)) => c / 100.0 / 3f64.sqrt() * size.max(FLOOR * rated),
        None if quantity.is_angle() => ANGLE_DEG.to_radians(),
        None => CLASS_PCT / 100.0 / 3f64.sqrt() * size.max(FLOOR * rated),
    };
    let deadband = match spec.deadband {
        Deadband::Absolute(d) => d,
        Deadband::Percent { percent, low, high } => percent / 100.0 * (high - low).abs(),
        Deadband::Integral(_) => 0.0,
    };
    own.hypot(deadband * to_si / 3f64.sqrt())
}
