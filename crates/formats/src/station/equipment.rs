//! The register of equipment.

use super::Read;
use super::fields::{Context, Fields};
use network::document::tree::{Node, Value};
use network::{Diagnostic, ElementKind, Equipment, EquipmentKind, Network, Station, ThermalNameplate, YardPlace};
use std::collections::{BTreeMap, HashMap};

/// Reads the register of a station's equipment.
///
/// # Inputs
/// * `text` - the file, YAML; `file` - its name for findings.
/// * `network` - the model whose elements and buses it names.
///
/// # Returns
/// The station, or `None` with at least one error among the findings. A switch of the model that belongs to no equipment and an element that
/// belongs to two are warnings.
pub fn read_equipment(text: &str, file: &str, network: &Network) -> Read<Station> {
    let mut context = Context::new(network, file);
    let (list, mut also) = context.list_of(text, "equipment", &["station"]);
    let name = match also.remove("station").map(|n| n.value) {
        Some(Value::Text(name)) => name,
        _ => String::new(),
    };
    let mut station = Station { name, equipment: Vec::new() };
    for node in list {
        station.equipment.extend(equipment(&mut context, node));
    }
    tell_twice(&mut context, &station);
    let value = (!context.has_errors()).then(|| {
        tell_unassigned(&mut context, &station);
        station
    });
    Read { value, findings: context.findings }
}

fn equipment(context: &mut Context<'_>, node: Node) -> Option<Equipment> {
    let line = node.line;
    let mut fields = Fields::of(context, node, "an entry of `equipment`")?;
    let id = fields.text(context, "id").map(|(id, _)| id);
    if let Some(id) = &id {
        fields.what = format!("equipment {id}");
    }
    let kinds = EquipmentKind::ALL.map(|k| (k.word(), k));
    let kind = fields.word(context, "kind", &kinds);
    let name = fields.text(context, "name").map(|t| t.0);
    let maker = fields.text(context, "maker").map(|t| t.0);
    let product = fields.text(context, "product").map(|t| t.0);
    let commissioned = date(context, &mut fields);
    let bay = fields.text(context, "bay").map(|t| t.0);
    let place = fields.take("place").and_then(|e| place(context, e.node, &fields.what));
    if place.is_none() {
        let message = format!("{} has no usable `place`", fields.what);
        context.error(line, "STATION.FIELD.MISSING", message, "add `place: {x_m: 0, y_m: 0, z_m: 0}`");
    }
    let bus = match fields.take("bus") {
        Some(entry) => {
            let mut one = Fields::of(context, Node { line: entry.line, value: Value::Map(vec![entry]) }, fields.what.clone())?;
            one.bus(context, "bus")
        }
        None => None,
    };
    let parts = match fields.take("elements") {
        Some(entry) => {
            let mut one = Fields::of(context, Node { line: entry.line, value: Value::Map(vec![entry]) }, fields.what.clone())?;
            one.parts(context, "elements")
        }
        None => Vec::new(),
    };
    let rating = fields.take("rating").map(|e| rating(context, e.node, kind, &fields.what)).unwrap_or_else(|| {
        context.error(line, "STATION.FIELD.MISSING", format!("{} has no `rating`", fields.what), "add `rating: {...}`");
        BTreeMap::new()
    });
    let thermal = fields.take("thermal").and_then(|e| thermal(context, e.node, &fields.what));
    let is_transformer = matches!(kind, Some(EquipmentKind::PowerTransformer | EquipmentKind::DistributionTransformer));
    if is_transformer && thermal.is_none() {
        let message = format!("{} is a transformer without `thermal`", fields.what);
        context.error(line, "STATION.FIELD.MISSING", message, "add its thermal constants from the test report");
    }
    if parts.is_empty() && bus.is_none() {
        let message = format!("{} is no element of the model and at no bus", fields.what);
        context.error(line, "STATION.EQUIPMENT.NOWHERE", message, "add `elements:` or `bus:`");
    }
    if let (Some(kind), Some(first)) = (kind, parts.first()) {
        let found = first.element.kind;
        let fits = match kind {
            EquipmentKind::PowerTransformer | EquipmentKind::DistributionTransformer => found == ElementKind::Transformer,
            EquipmentKind::Breaker | EquipmentKind::IsolatorSet | EquipmentKind::Line | EquipmentKind::Feeder => found == ElementKind::Line,
            EquipmentKind::Reactor => found == ElementKind::Reactor,
            EquipmentKind::Capacitor | EquipmentKind::VoltageTransformer => found == ElementKind::Capacitor,
            EquipmentKind::CurrentTransformer | EquipmentKind::Busbar | EquipmentKind::Arrester => true,
        };
        if !fits {
            let message = format!("{} is a {} and cannot be {}", fields.what, kind.word(), context.network.full_name(first.element));
            context.error(line, "STATION.EQUIPMENT.KIND", message, "name an element of its kind");
        }
    }
    let source = context.at(line);
    fields.end(context);
    Some(Equipment {
        id: id?,
        kind: kind?,
        name: name?,
        maker: maker?,
        product: product?,
        commissioned: commissioned?,
        bay: bay?,
        place: place?,
        parts,
        bus,
        rating,
        thermal,
        source,
    })
}

fn date(context: &mut Context<'_>, fields: &mut Fields) -> Option<String> {
    let (text, line) = fields.text(context, "commissioned")?;
    if text.parse::<jiff::civil::Date>().is_err() {
        let message = format!("{}: \"{text}\" is no date", fields.what);
        context.error(line, "STATION.DATE.UNREADABLE", message, "write it as 2009-03-14");
        return None;
    }
    Some(text)
}

fn place(context: &mut Context<'_>, node: Node, what: &str) -> Option<YardPlace> {
    let mut f = Fields::of(context, node, format!("the place of {what}"))?;
    let far = 1e6;
    let (x, y, z) = (f.number(context, "x_m", -far, far), f.number(context, "y_m", -far, far), f.number(context, "z_m", -100.0, 500.0));
    f.end(context);
    Some(YardPlace { x_m: x?, y_m: y?, z_m: z? })
}

/// Values by name; those of the kind must be there and positive, others are kept as they are.
fn rating(context: &mut Context<'_>, node: Node, kind: Option<EquipmentKind>, what: &str) -> BTreeMap<String, f64> {
    let mut values = BTreeMap::new();
    let Some(mut f) = Fields::of(context, node, format!("the rating of {what}")) else { return values };
    for &name in kind.map_or(&[][..], EquipmentKind::rating) {
        if let Some(value) = f.number(context, name, 1e-9, 1e9) {
            values.insert(name.to_owned(), value);
        }
    }
    for name in ["tertiary_kv"] {
        if f.take(name).is_some_and(|e| match e.node.value {
            Value::Number(v) if v > 0.0 => {
                values.insert(name.to_owned(), v);
                false
            }
            _ => true,
        }) {
            context.error(f.line, "STATION.FIELD.RANGE", format!("{}: `{name}` is no positive number", f.what), "give it in kV");
        }
    }
    if kind.is_some() {
        f.end(context);
    }
    values
}

fn thermal(context: &mut Context<'_>, node: Node, what: &str) -> Option<ThermalNameplate> {
    let mut f = Fields::of(context, node, format!("the thermal data of {what}"))?;
    let mut get = |key: &str, low: f64, high: f64| f.number(context, key, low, high);
    let (rise, gradient) = (get("top_oil_rise_k", 1.0, 120.0), get("hot_spot_gradient_k", 1.0, 100.0));
    let (ratio, tau_oil, tau_winding) = (get("loss_ratio", 0.1, 100.0), get("tau_oil_h", 0.05, 48.0), get("tau_winding_h", 0.001, 5.0));
    let (n, m, n_on, m_on) = (get("n", 0.1, 2.0), get("m", 0.1, 2.0), get("n_natural", 0.1, 2.0), get("m_natural", 0.1, 2.0));
    let (share, on, off) = (get("natural_share", 0.05, 1.0), get("fans_on_c", 0.0, 150.0), get("fans_off_c", 0.0, 150.0));
    let oil = get("oil_litre", 10.0, 1e6);
    let line = f.line;
    f.end(context);
    if let (Some(on), Some(off)) = (on, off)
        && off >= on
    {
        let message = format!("the thermal data of {what}: fans stop at {off} C and start at {on} C");
        context.error(line, "STATION.FIELD.RANGE", message, "they must stop at a lower temperature than they start at");
    }
    Some(ThermalNameplate {
        top_oil_rise_k: rise?,
        hot_spot_gradient_k: gradient?,
        loss_ratio: ratio?,
        tau_oil_h: tau_oil?,
        tau_winding_h: tau_winding?,
        n: n?,
        m: m?,
        n_natural: n_on?,
        m_natural: m_on?,
        natural_share: share?,
        fans_on_c: on?,
        fans_off_c: off?,
        oil_litre: oil?,
    })
}

fn tell_twice(context: &mut Context<'_>, station: &Station) {
    let mut ids: HashMap<String, u32> = HashMap::new();
    let mut owners: HashMap<network::ElementId, &str> = HashMap::new();
    let mut warnings = Vec::new();
    for e in &station.equipment {
        if let Some(first) = ids.insert(e.id.to_lowercase(), e.source.line) {
            let message = format!("two pieces of equipment are called {}", e.id);
            context.error(
                e.source.line,
                "STATION.ID.TWICE",
                message,
                format!("the other stands in line {first}; give each an id of its own"),
            );
        }
        // A current transformer measures what belongs to others.
        for part in e.parts.iter().filter(|p| p.terminal.is_none()) {
            if let Some(first) = owners.insert(part.element, &e.id) {
                warnings.push(
                    Diagnostic::warning(
                        "STATION.ELEMENT.TWICE",
                        format!("{} belongs to {first} and {}", context.network.full_name(part.element), e.id),
                    )
                    .at(&e.source)
                    .hint("let one piece of equipment have it; instruments name a terminal"),
                );
            }
        }
    }
    context.findings.extend(warnings);
}

fn tell_unassigned(context: &mut Context<'_>, station: &Station) {
    let owned: Vec<_> = station.equipment.iter().flat_map(|e| &e.parts).map(|p| p.element).collect();
    let network = context.network;
    for (i, line) in network.lines.iter().enumerate().filter(|(_, l)| l.is_switch) {
        let id = network::ElementId::new(ElementKind::Line, i);
        if !owned.contains(&id) {
            let found = Diagnostic::note("STATION.SWITCH.UNLISTED", format!("switch {} belongs to no equipment", line.common.name))
                .element(network.full_name(id))
                .at(&line.common.source)
                .hint("add it to the register, unless it stands in another station");
            context.findings.push(found);
        }
    }
}
