//! What does not change while a plant is followed: its buses and elements as a single line is drawn from them, and its yard.

use crate::access::Viewer;
use crate::problem::Problem;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use network::{ElementId, ElementKind, Equipment, EquipmentKind, Network, Station};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(diagram)).routes(routes!(yard))
}

/// A level of voltage.
#[derive(Debug, Serialize, ToSchema)]
pub struct Level {
    /// Base, line to line, kV.
    pub kv: f64,
}

/// A bus.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiagramBus {
    pub bus: String,
    /// Base, line to line, kV; none where it was not assigned.
    pub kv_base: Option<f64>,
    /// The busbar of the register that it is.
    pub busbar: Option<String>,
}

/// An element that carries current.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiagramElement {
    /// `class.name`.
    pub element: String,
    /// `breaker`, `isolator`, `switch`, `line`, `transformer`, `reactor`, `capacitor`, `load`, `source`, `generator`, or another class.
    pub kind: String,
    pub asset: Option<String>,
    pub bay: Option<String>,
    /// Of the equipment, or of the element.
    pub name: String,
    /// The bus of each end.
    pub buses: Vec<String>,
}

/// A bay.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiagramBay {
    pub bay: String,
    /// Highest base voltage of its buses, kV.
    pub kv_base: Option<f64>,
    pub elements: Vec<String>,
}

/// What a single line is drawn from.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiagramAnswer {
    /// Highest first.
    pub levels: Vec<Level>,
    pub buses: Vec<DiagramBus>,
    pub elements: Vec<DiagramElement>,
    pub bays: Vec<DiagramBay>,
}

/// Equipment that an element is, rather than equipment that hangs on it.
fn is_the_element(kind: EquipmentKind) -> bool {
    use EquipmentKind as K;
    matches!(
        kind,
        K::PowerTransformer | K::DistributionTransformer | K::Breaker | K::IsolatorSet | K::Reactor | K::Capacitor | K::Feeder | K::Line
    )
}

/// The equipment that each element is: of several the first whose whole element it is.
pub(in crate::routes) fn equipment_of(station: &Station) -> HashMap<ElementId, &Equipment> {
    let mut found = HashMap::new();
    for equipment in station.equipment.iter().filter(|e| is_the_element(e.kind)) {
        for part in equipment.parts.iter().filter(|p| p.terminal.is_none()) {
            found.entry(part.element).or_insert(equipment);
        }
    }
    // Where nothing is the whole of it, what stands at one of its ends.
    for equipment in station.equipment.iter().filter(|e| is_the_element(e.kind)) {
        for part in &equipment.parts {
            found.entry(part.element).or_insert(equipment);
        }
    }
    found
}

/// What carries current between buses or to earth, in the order of the model; controls and meters do not.
pub(in crate::routes) fn carriers(network: &Network) -> impl Iterator<Item = ElementId> + '_ {
    network.order.iter().copied().filter(|id| network.common(*id).enabled && kind_word(network, *id, None).is_some())
}

/// What an element is, as a word; `None` of what carries no current.
pub(in crate::routes) fn kind_word(network: &Network, id: ElementId, equipment: Option<&Equipment>) -> Option<&'static str> {
    match equipment.map(|e| e.kind) {
        Some(EquipmentKind::Breaker) => return Some("breaker"),
        Some(EquipmentKind::IsolatorSet) => return Some("isolator"),
        _ => {}
    }
    Some(match id.kind {
        ElementKind::Line if network.lines[id.index()].is_switch => "switch",
        ElementKind::Line => "line",
        ElementKind::Transformer | ElementKind::PowerTransformer => "transformer",
        ElementKind::Reactor => "reactor",
        ElementKind::Capacitor => "capacitor",
        ElementKind::Load | ElementKind::PowerLoad => "load",
        ElementKind::VoltageSource | ElementKind::CurrentSource => "source",
        ElementKind::Generator | ElementKind::Machine | ElementKind::PvSystem | ElementKind::Storage | ElementKind::InductionMachine => {
            "generator"
        }
        ElementKind::AcBranch => "line",
        ElementKind::FixedShunt | ElementKind::SwitchedShunt => "capacitor",
        _ => return None,
    })
}

/// Names of the buses of an element's ends; the other side of what hangs on one bus is left out.
pub(in crate::routes) fn ends(network: &Network, id: ElementId) -> Vec<String> {
    let mut buses: Vec<String> = network.common(id).terminals.iter().map(|t| network.bus(t.bus).name.clone()).collect();
    let shunt = matches!(id.kind, ElementKind::Load | ElementKind::VoltageSource | ElementKind::Generator);
    let floats = match id.kind {
        ElementKind::Capacitor => !network.capacitors[id.index()].bus2_defined,
        ElementKind::Reactor => !network.reactors[id.index()].bus2_defined,
        _ => false,
    };
    if shunt || floats {
        buses.truncate(1);
    }
    buses
}

/// Buses, elements and bays of the plant.
#[utoipa::path(get, path = "/api/twin/diagram", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = DiagramAnswer), (status = 404, body = Problem)))]
pub async fn diagram(State(app): State<App>, _: Viewer) -> Result<Json<DiagramAnswer>, Problem> {
    let twin = app.twin.get()?;
    let (network, station) = (&twin.site().network, &twin.site().station);
    let equipment = equipment_of(station);
    let kv_of = |bus: &str| network.bus_id(bus).and_then(|b| network.bus(b).kv_base_ll());
    let mut levels: Vec<f64> = network.buses.iter().filter_map(network::Bus::kv_base_ll).collect();
    levels.sort_by(|a, b| b.total_cmp(a));
    levels.dedup();
    let mut bays: BTreeMap<&str, DiagramBay> = BTreeMap::new();
    let mut elements = Vec::new();
    for id in carriers(network) {
        let of = equipment.get(&id).copied();
        let (element, buses) = (network.full_name(id), ends(network, id));
        let bay = of.map(|e| e.bay.as_str()).filter(|b| !b.is_empty());
        if let Some(bay) = bay {
            let known = bays.entry(bay).or_insert_with(|| DiagramBay { bay: bay.to_owned(), kv_base: None, elements: Vec::new() });
            known.elements.push(element.clone());
            known.kv_base = buses.iter().filter_map(|b| kv_of(b)).chain(known.kv_base).reduce(f64::max);
        }
        elements.push(DiagramElement {
            kind: kind_word(network, id, of).unwrap_or_default().to_owned(),
            asset: of.map(|e| e.id.clone()),
            bay: bay.map(str::to_owned),
            name: of.map_or_else(|| network.common(id).name.clone(), |e| e.name.clone()),
            element,
            buses,
        });
    }
    let busbars: HashMap<_, _> = station.of_kind(EquipmentKind::Busbar).filter_map(|e| Some((e.bus?, e.id.clone()))).collect();
    let buses = network.buses.iter().enumerate().map(|(i, b)| DiagramBus {
        bus: b.name.clone(),
        kv_base: b.kv_base_ll(),
        busbar: busbars.get(&network::BusId::from(i)).cloned(),
    });
    Ok(Json(DiagramAnswer {
        levels: levels.into_iter().map(|kv| Level { kv }).collect(),
        buses: buses.collect(),
        elements,
        bays: bays.into_values().collect(),
    }))
}

/// A piece of equipment where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct YardEquipment {
    pub asset: String,
    /// `power_transformer`, `breaker`, `isolator_set`, `busbar`, `current_transformer`, …
    pub kind: String,
    pub name: String,
    pub bay: String,
    /// Metres in the yard: along the busbars, across, up.
    pub x_m: f64,
    pub y_m: f64,
    pub z_m: f64,
    pub elements: Vec<String>,
    /// The bus it stands at, of busbars and what hangs on them.
    pub bus: Option<String>,
    /// Values by name; a name ends with its unit.
    pub rating: BTreeMap<String, f64>,
    pub maker: String,
    pub product: String,
    /// ISO 8601 date.
    pub commissioned: String,
}

/// The equipment of the station.
#[derive(Debug, Serialize, ToSchema)]
pub struct YardAnswer {
    pub station: String,
    pub equipment: Vec<YardEquipment>,
}

/// The equipment of the station, where it stands.
#[utoipa::path(get, path = "/api/twin/yard", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = YardAnswer), (status = 404, body = Problem)))]
pub async fn yard(State(app): State<App>, _: Viewer) -> Result<Json<YardAnswer>, Problem> {
    let twin = app.twin.get()?;
    let (network, station) = (&twin.site().network, &twin.site().station);
    let equipment = station.equipment.iter().map(|e| {
        let mut elements: Vec<String> = e.parts.iter().map(|p| network.full_name(p.element)).collect();
        elements.dedup();
        YardEquipment {
            asset: e.id.clone(),
            kind: e.kind.word().to_owned(),
            name: e.name.clone(),
            bay: e.bay.clone(),
            x_m: e.place.x_m,
            y_m: e.place.y_m,
            z_m: e.place.z_m,
            elements,
            bus: e.bus.map(|b| network.bus(b).name.clone()),
            rating: e.rating.clone(),
            maker: e.maker.clone(),
            product: e.product.clone(),
            commissioned: e.commissioned.clone(),
        }
    });
    Ok(Json(YardAnswer { station: station.name.clone(), equipment: equipment.collect() }))
}
