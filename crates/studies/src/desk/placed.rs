//! Generators and devices that are added and taken away.

use super::action::{Faults, shown};
use super::ask::{Asked, POWER_MAX, bus_of, set_by_hand};
use super::state::{PlacedDevice, PlacedGenerator, device_key};
use super::{Action, Desk, DeskState, PLACED_MAX, Refusal};
use crate::changes::{next_kva, phases_of, word};
use network::BusId;

/// A rated voltage is that of its bus within this.
const SAME_KV: f64 = 0.03;
/// A power factor beside a reactive power is that of the power within this: both are given rounded.
const SAME_PF: f64 = 0.01;

/// Conductors for so many phases of a bus, the lowest first; a fault where it has fewer.
fn nodes_for(desk: &Desk, bus: Option<BusId>, phases: Option<u32>, faults: &mut Faults) -> Vec<u32> {
    let all = bus.map(|b| phases_of(&desk.base, b)).unwrap_or_default();
    let Some(n) = phases else { return all };
    let n = n as usize;
    if !(1..=3).contains(&n) {
        faults.add("phases", format!("phases is {n}"), "give 1, 2 or 3");
    } else if bus.is_some() && n > all.len() {
        let have: Vec<String> = all.iter().map(u32::to_string).collect();
        faults.add("phases", format!("phases is {n}, and the bus has {}", all.len()), format!("its phases are {}", have.join(", ")));
    }
    all.into_iter().take(n).collect()
}

fn has_room(state: &DeskState, faults: &mut Faults) {
    if state.generators.len() + state.devices.len() >= PLACED_MAX {
        faults.add("bus_name", format!("there are {PLACED_MAX} devices and generators already"), "disconnect some first");
    }
}

pub(super) fn generator(desk: &Desk, mut state: DeskState, action: &Action) -> Result<Asked, Refusal> {
    let Action::AddGenerator { bus_name, kw, kv, kvar, model, vmin_pu, vmax_pu, phases } = action else {
        return Err(Refusal::Faults(Vec::new()));
    };
    let mut faults = Faults::default();
    let bus = bus_of(desk, bus_name, &mut faults);
    let nodes = nodes_for(desk, bus, *phases, &mut faults);
    faults.within("kw", *kw, (0.0, POWER_MAX), " kW");
    let kvar = kvar.unwrap_or(0.0);
    faults.within("kvar", kvar, (-POWER_MAX, POWER_MAX), " kvar");
    let model = model.unwrap_or(1);
    if !matches!(model, 1..=5 | 7) {
        let hint = "1 constant P and Q, 2 constant Z, 3 constant P and voltage, 4 constant P and fixed Q, 5 constant P and fixed reactance, 7 inverter";
        faults.add("model", format!("model is {model}"), hint);
    }
    let (v_min_pu, v_max_pu) = (vmin_pu.unwrap_or(0.9), vmax_pu.unwrap_or(1.1));
    let bounded = faults.within("vmin_pu", v_min_pu, (0.0, 2.0), " pu") && faults.within("vmax_pu", v_max_pu, (0.0, 2.0), " pu");
    if bounded && v_min_pu >= v_max_pu {
        faults.add("vmin_pu", format!("vmin_pu is {v_min_pu} and vmax_pu {v_max_pu}"), "the lower must be below the upper");
    }
    let at_bus = bus.map_or(0.0, |b| desk.kv_for(b, nodes.len()));
    if let Some(kv) = *kv
        && faults.within("kv", kv, (0.05, 800.0), " kV")
        && bus.is_some()
        && at_bus <= 0.0
    {
        faults.add("kv", "the base voltage of the bus is not known", "leave kv out, or give the model voltage bases");
    }
    has_room(&state, &mut faults);
    faults.refusal()?;
    let bus = bus.map(|b| desk.base.bus(b).name.clone()).unwrap_or_default();
    let mut notes = Vec::new();
    let kv = kv.unwrap_or(at_bus);
    // Of one phase, the voltage to neutral or that between lines may be meant.
    let fits = |reference: f64| (kv / reference - 1.0).abs() <= SAME_KV;
    let at_bus_fits = fits(at_bus) || nodes.len() == 1 && fits(at_bus * 3f64.sqrt());
    let kva = kw.hypot(kvar);
    let transformer_kva = (!at_bus_fits).then(|| next_kva(kva / 1.0011, nodes.len()));
    let kv = if at_bus_fits { at_bus } else { kv };
    if let Some(size) = transformer_kva {
        notes.push(format!(
            "{kv} kV is not the {at_bus:.3} kV of bus {bus}: it is connected through a transformer of {size} kVA, {at_bus:.3}/{kv} kV, 5.75 %"
        ));
    }
    let name = generator_name(desk, &state, &bus);
    let of_conductors = if nodes.len() == 1 { "phase" } else { "phases" };
    let listed: Vec<String> = nodes.iter().map(u32::to_string).collect();
    let message = format!(
        "generator {name} at bus {bus}: {kw} kW, {kvar} kvar, {} kV, {of_conductors} {}",
        (kv * 1e4).round() / 1e4,
        listed.join(", ")
    );
    let placed = PlacedGenerator { bus, nodes, kv, kw: *kw, kvar, model, v_min_pu, v_max_pu, transformer_kva, share: 1.0 };
    state.generators.insert(name, placed);
    Ok(Asked { state, message, acts: Vec::new(), notes })
}

fn generator_name(desk: &Desk, state: &DeskState, bus: &str) -> String {
    let stem = format!("gen_{}", word(bus));
    (1..)
        .map(|i| format!("{stem}_{i}"))
        .find(|n| !state.generators.contains_key(n) && desk.base.find(&format!("generator.{n}")).is_none())
        .unwrap_or(stem)
}

pub(super) fn device(
    desk: &Desk,
    mut state: DeskState,
    (bus_name, device_name): (&str, &str),
    kw: f64,
    (kvar, pf): (Option<f64>, Option<f64>),
    phases: Option<u32>,
) -> Result<Asked, Refusal> {
    let mut faults = Faults::default();
    let bus = bus_of(desk, bus_name, &mut faults);
    let nodes = nodes_for(desk, bus, phases, &mut faults);
    let name = device_name.trim();
    faults.name("device_name", name);
    let powered = faults.within("kw", kw, (0.0, POWER_MAX), " kW");
    if let Some(kvar) = kvar {
        faults.within("kvar", kvar, (-POWER_MAX, POWER_MAX), " kvar");
    }
    let mut notes = Vec::new();
    if let Some(pf) = pf
        && faults.power_factor("pf", pf)
        && let Some(kvar) = kvar
        && powered
        && kw > 0.0
    {
        let of_power = kw / kw.hypot(kvar);
        if (of_power - pf).abs() > SAME_PF {
            faults.add("pf", format!("pf is {pf}, and {kw} kW with {kvar} kvar have {of_power:.4}"), "give kvar or pf");
        } else {
            notes.push(format!("kvar counts; its power factor is {of_power:.4}"));
        }
    }
    if let Some(bus) = bus {
        let key = device_key(&desk.base.bus(bus).name, name);
        if state.devices.contains_key(&key) {
            let message = format!("there is a device \"{}\" at bus {} already", shown(name), desk.base.bus(bus).name);
            faults.add("device_name", message, "POST /disconnect_device removes it; or give another name");
        }
        // Names of the model have fewer letters.
        let in_model = |device: &PlacedDevice| super::grid::device_name(device);
        let bus_name = desk.base.bus(bus).name.clone();
        let wanted = in_model(&PlacedDevice { bus: bus_name, name: name.to_owned(), nodes: Vec::new(), kv: 0.0, kw: 0.0, kvar: 0.0 });
        let taken = state.devices.iter().any(|(k, d)| *k != key && in_model(d) == wanted);
        if taken || desk.base.find(&format!("load.{wanted}")).is_some() {
            let message = format!("\"{}\" would have the name load.{wanted} in the model, which is taken", shown(name));
            faults.add("device_name", message, "give another name");
        }
        if desk.kv_for(bus, nodes.len()) <= 0.0 {
            faults.add("bus_name", "the base voltage of the bus is not known", "give the model voltage bases");
        }
    }
    has_room(&state, &mut faults);
    faults.refusal()?;
    let Some(bus) = bus else { return Err(Refusal::Faults(Vec::new())) };
    let kvar = kvar.unwrap_or_else(|| pf.map_or(0.0, |pf| kw * (1.0 / (pf * pf) - 1.0).max(0.0).sqrt()));
    let kv = desk.kv_for(bus, nodes.len());
    set_by_hand(desk, &mut state, bus, &mut notes);
    let bus = desk.base.bus(bus).name.clone();
    let message = format!("device {name} at bus {bus}: {kw} kW, {} kvar", (kvar * 1e6).round() / 1e6);
    let placed = PlacedDevice { bus: bus.clone(), name: name.to_owned(), nodes, kv, kw, kvar };
    state.devices.insert(device_key(&bus, name), placed);
    Ok(Asked { state, message, acts: Vec::new(), notes })
}

pub(super) fn disconnect(desk: &Desk, mut state: DeskState, bus_name: &str, device_name: &str) -> Result<Asked, Refusal> {
    let mut faults = Faults::default();
    let bus = bus_of(desk, bus_name, &mut faults);
    let (mut message, mut notes) = (String::new(), Vec::new());
    if let Some(id) = bus {
        let bus = &desk.base.bus(id).name;
        if let Some(was) = state.devices.remove(&device_key(bus, device_name.trim())) {
            message = format!("device {} is no longer at bus {bus}: {} kW, {} kvar less", was.name, was.kw, (was.kvar * 1e6).round() / 1e6);
            set_by_hand(desk, &mut state, id, &mut notes);
        } else {
            let here: Vec<&str> = state.devices.values().filter(|d| d.bus == *bus).take(20).map(|d| d.name.as_str()).collect();
            let hint = if here.is_empty() { "there is none at this bus".to_owned() } else { format!("there are {}", here.join(", ")) };
            faults.add("device_name", format!("there is no device \"{}\" at bus {bus}", shown(device_name)), hint);
        }
    }
    faults.refusal()?;
    Ok(Asked { state, message, acts: Vec::new(), notes })
}
