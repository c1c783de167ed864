//! Classes that have no electrical model here: kept whole, refused where they would change the answer.

use network::{Diagnostic, Severity, Unmodelled};

use super::{Context, Result};
use crate::opendss::class::{ClassId, EnumDef, Kind};
use crate::opendss::object::{Object, ObjectId, Value};

/// Why an object of the class changes a power flow; `None` where it cannot.
fn effect(class: ClassId) -> Option<&'static str> {
    match class {
        ClassId::Vccs => Some("it injects a current that its voltage controls"),
        ClassId::Upfc => Some("it puts a voltage in series with the line"),
        ClassId::VsConverter => Some("it is an admittance and a source between AC and DC buses"),
        ClassId::GicSource => Some("it puts an induced voltage in series with a line"),
        ClassId::GenDispatcher => Some("it sets the power of generators"),
        ClassId::EspvlControl => Some("it sets the power of generation and storage"),
        // It moves UPFC elements, which are refused themselves, and nothing else.
        ClassId::UpfcControl => None,
        _ => None,
    }
}

/// Buses that an object of the class connects to: property numbers and conductors.
fn buses(object: &Object) -> Vec<std::sync::Arc<crate::opendss::object::BusRef>> {
    let mut buses = Vec::new();
    for (number, property) in object.class.def().properties.iter().enumerate() {
        if matches!(property.kind, Kind::Bus)
            && let Some(Value::Bus(bus)) = object.last(number as u16).map(|a| &a.value)
        {
            buses.push(bus.clone());
        }
    }
    buses
}

pub fn lower_unmodelled(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let class = object.class.name();
    let effect = effect(object.class);
    if let (Some(effect), true) = (effect, object.enabled) {
        let mut diagnostic = Diagnostic::error("READ.OPENDSS.UNSUPPORTED_CLASS", format!("class {class} is not supported: {effect}"))
            .element(object.full_name().to_lowercase())
            .at(&ctx.source(object.source));
        if ctx.options.lenient {
            diagnostic.severity = Severity::Warning;
        } else {
            diagnostic.hint = Some("Disable or remove the element, or read with --lenient to go on without it.".into());
        }
        ctx.diagnostics.push(diagnostic);
    }
    let mut common = ctx.common(object, 3);
    let mut terminals = Vec::new();
    for (i, bus) in buses(object).iter().enumerate() {
        let n = bus.nodes.len().max(1);
        terminals.push(ctx.terminal(object, i, Some(bus), n, n)?);
    }
    common.terminals = terminals;
    let unmodelled = Unmodelled { common, class: class.to_lowercase(), properties: settings(object), affects_power_flow: effect.is_some() };
    ctx.add(id, unmodelled);
    Ok(())
}

/// Names and texts of all that an object was given, in order.
pub(super) fn settings(object: &Object) -> Vec<(String, String)> {
    let text = |a: &crate::opendss::object::Assignment| {
        let property = object.property(a);
        (property.name.to_owned(), text_of(property.kind, &a.value))
    };
    object.log.iter().map(text).collect()
}

fn word(set: &EnumDef, number: i32) -> String {
    set.word(number).map_or_else(|| number.to_string(), String::from)
}

fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", "))
}

fn bus_text(bus: &crate::opendss::object::BusRef) -> String {
    let mut text = bus.name.to_string();
    for node in &bus.nodes {
        text.push_str(&format!(".{node}"));
    }
    text
}

/// A value in the words of a script.
fn text_of(kind: Kind, value: &Value) -> String {
    let number = |x: &f64| x.to_string();
    let optional = |x: &Option<f64>| x.map_or_else(String::new, |x| x.to_string());
    match (kind, value) {
        (Kind::Enum(set) | Kind::IntegerEnum(set) | Kind::Action(set), Value::Enum(n) | Value::Integer(n)) => word(set, *n),
        (Kind::Enums(set), Value::Enums(words)) => list(words, |w| w.map_or_else(String::new, |n| word(set, n))),
        (_, Value::Real(x)) => x.to_string(),
        (_, Value::Integer(n) | Value::Enum(n)) => n.to_string(),
        (_, Value::Boolean(b)) => if *b { "yes" } else { "no" }.to_owned(),
        (_, Value::Text(t) | Value::Object(t)) => t.to_string(),
        (_, Value::Reals(v)) => list(v, number),
        (_, Value::Integers(v)) => list(v, |n| n.to_string()),
        (_, Value::Slots(v)) => list(v, optional),
        (_, Value::Enums(v)) => list(v, |w| w.map_or_else(String::new, |n| n.to_string())),
        (_, Value::Texts(v) | Value::Objects(v)) => list(v, |t| t.to_string()),
        (_, Value::Complex(z)) => format!("[{}, {}]", z.re, z.im),
        (_, Value::Bus(bus)) => bus_text(bus),
        (_, Value::Buses(v)) => list(v, bus_text),
        (_, Value::Matrix(rows)) => {
            let rows: Vec<String> = rows.0.iter().map(|r| r.iter().map(number).collect::<Vec<_>>().join(" ")).collect();
            format!("[{}]", rows.join(" | "))
        }
        (_, Value::File(file)) => file.path.to_string(),
    }
}
