//! What an action changes of the state, after everything that is wrong with it was found.

use super::action::{Faults, shown};
use super::state::{LoadSetting, PlacedDevice, PlacedGenerator, Program, Share, device_key, programmed_key};
use super::{Act, Action, Desk, DeskState, PLACED_MAX, PROGRAMS_MAX, Refusal};
use crate::changes::{next_kva, phases_of, word};
use network::BusId;

/// A state that was asked for, before it is solved.
#[derive(Debug)]
pub(super) struct Asked {
    pub state: DeskState,
    pub message: String,
    pub acts: Vec<Act>,
    pub notes: Vec<String>,
}

const BUSES: &str = "GET /get_state lists the buses";
/// Largest power of one thing, kW and kvar.
const POWER_MAX: f64 = 1e6;
/// Largest factor of a load.
const FACTOR_MAX: f64 = 100.0;
/// A rated voltage is that of its bus within this.
const SAME_KV: f64 = 0.03;
/// A power factor beside a reactive power is that of the power within this: both are given rounded.
const SAME_PF: f64 = 0.01;

pub(super) fn asked(desk: &Desk, action: &Action, at: &str) -> Result<Asked, Refusal> {
    let state = desk.state.clone();
    let plain = |state, message: String| Asked { state, message, acts: Vec::new(), notes: Vec::new() };
    match action {
        Action::RunSimulation { manage } => Ok(plain(state, if *manage { "solved and managed" } else { "solved" }.into())),
        Action::ModifyLoadNeighbourhood { neighbourhood, factor } => neighbourhood_factor(desk, state, *neighbourhood, *factor),
        Action::ModifyLoadHousehold { bus_name, load_name, new_kw, new_kvar, factor } => {
            household(desk, state, bus_name, load_name.as_deref(), (*new_kw, *new_kvar), *factor)
        }
        Action::AddGenerator { .. } => generator(desk, state, action),
        Action::AddDevice { bus_name, device_name, kw, kvar, pf, phases } => {
            device(desk, state, (bus_name, device_name), *kw, (*kvar, *pf), *phases)
        }
        Action::DisconnectDevice { bus_name, device_name } => disconnect(desk, state, bus_name, device_name),
        Action::RegisterDfp { name, min_power_kw, target_pf } => register(state, name, (*min_power_kw, *target_pf), at),
        Action::UpdateDfp { name, min_power_kw, target_pf } => update(state, name, *min_power_kw, *target_pf),
        Action::DeleteDfp { name } => delete(state, name),
        Action::SubscribeDfp { bus_name, dfp_number } => subscribe(desk, state, bus_name, *dfp_number),
        Action::UnsubscribeDfp { bus_name, dfp_number } => unsubscribe(desk, state, bus_name, *dfp_number),
        Action::ExecuteDfp { dfp_name } => execute(desk, state, dfp_name),
    }
}

/// The bus of a name; a fault where there is none.
fn bus_of(desk: &Desk, name: &str, faults: &mut Faults) -> Option<BusId> {
    let bus = desk.base.bus_id(&name.trim().to_lowercase());
    if bus.is_none() {
        faults.add("bus_name", format!("there is no bus \"{}\"", shown(name)), BUSES);
    }
    bus
}

fn factor_does(factor: f64, faults: &mut Faults) -> bool {
    faults.within("factor", factor, (0.0, FACTOR_MAX), "; 1 is the load as it is stated")
}

/// What programs and management did at a bus ends when its loads are set by hand.
fn set_by_hand(desk: &Desk, state: &mut DeskState, bus: BusId, notes: &mut Vec<String>) {
    let name = &desk.base.bus(bus).name;
    let programs: Vec<u32> = state.programs.keys().copied().collect();
    let ended = programs.into_iter().filter(|n| state.programmed.remove(&programmed_key(*n, name)).is_some()).count();
    let managed = desk.zone_of.get(&bus).and_then(|z| state.managed.remove(&desk.zones.neighbourhoods[*z].pincode));
    if ended > 0 {
        notes.push(format!("what a program left of the demand at bus {name} ended; POST /execute_dfp applies it again"));
    }
    if managed.is_some() {
        notes.push(format!("management of the neighbourhood of bus {name} ended; POST /run_simulation manages again"));
    }
}

fn neighbourhood_factor(desk: &Desk, mut state: DeskState, number: u32, factor: f64) -> Result<Asked, Refusal> {
    let mut faults = Faults::default();
    let zone = desk.zones.neighbourhoods.iter().find(|z| z.pincode == number);
    if zone.is_none() {
        let known: Vec<String> = desk.zones.neighbourhoods.iter().take(30).map(|z| z.pincode.to_string()).collect();
        let hint =
            if known.is_empty() { "this feeder has no neighbourhoods".to_owned() } else { format!("there are {}", known.join(", ")) };
        faults.add("neighbourhood", format!("there is no neighbourhood {number}"), hint);
    }
    factor_does(factor, &mut faults);
    faults.refusal()?;
    let (mut notes, mut n) = (Vec::new(), 0);
    for bus in zone.into_iter().flat_map(|z| &z.buses).filter_map(|b| desk.base.bus_id(&b.to_lowercase())) {
        for &load in desk.loads_at.get(&bus).into_iter().flatten() {
            let entry = state.loads.entry(desk.base.loads[load].common.name.clone());
            entry.or_insert(LoadSetting { stated: None, factor: 1.0 }).factor = factor;
            n += 1;
        }
        set_by_hand(desk, &mut state, bus, &mut notes);
    }
    notes.push("the factor is of the loads as they are stated: asked twice it is not applied twice".into());
    Ok(Asked { state, message: format!("{n} loads of neighbourhood {number} are at {factor} of what is stated"), acts: Vec::new(), notes })
}

/// The loads at a bus that a name means: the load of that name, or, for `Load_` and the name of the bus, all at the bus.
fn named_loads(desk: &Desk, bus: BusId, name: Option<&str>, faults: &mut Faults) -> Vec<usize> {
    let here: Vec<usize> = desk.loads_at.get(&bus).cloned().unwrap_or_default();
    let bus_name = &desk.base.bus(bus).name;
    if here.is_empty() {
        let hint = "name a bus with a load; POST /add_device adds one";
        faults.add("bus_name", format!("there is no load at bus {bus_name}"), hint);
        return here;
    }
    let Some(name) = name else { return here };
    let name_lower = name.trim().to_lowercase();
    let name_lower = name_lower.strip_prefix("load.").unwrap_or(&name_lower);
    let of_name: Vec<usize> = here.iter().copied().filter(|l| desk.base.loads[*l].common.name == name_lower).collect();
    if !of_name.is_empty() {
        return of_name;
    }
    if name_lower == format!("load_{bus_name}") {
        return here;
    }
    let known: Vec<&str> = here.iter().map(|l| desk.base.loads[*l].common.name.as_str()).collect();
    let hint = format!("there are {}; load_{bus_name} means all of them", known.join(", "));
    faults.add("load_name", format!("there is no load \"{}\" at bus {bus_name}", shown(name)), hint);
    Vec::new()
}

fn household(
    desk: &Desk,
    mut state: DeskState,
    bus_name: &str,
    load_name: Option<&str>,
    (new_kw, new_kvar): (Option<f64>, Option<f64>),
    factor: Option<f64>,
) -> Result<Asked, Refusal> {
    let mut faults = Faults::default();
    let bus = bus_of(desk, bus_name, &mut faults);
    let loads = bus.map(|b| named_loads(desk, b, load_name, &mut faults)).unwrap_or_default();
    match (new_kw, new_kvar, factor) {
        (None, None, None) => faults.add("factor", "neither new_kw nor factor is given", "give new_kw and new_kvar, or factor"),
        (None, Some(_), _) => faults.add("new_kw", "new_kvar is given without new_kw", "give both, or factor"),
        (Some(_), _, Some(_)) => faults.add("factor", "new_kw and factor are both given", "give one of them"),
        _ => {}
    }
    if let Some(kw) = new_kw {
        faults.within("new_kw", kw, (0.0, POWER_MAX), " kW");
    }
    if let Some(kvar) = new_kvar {
        faults.within("new_kvar", kvar, (-POWER_MAX, POWER_MAX), " kvar");
    }
    if let Some(factor) = factor {
        factor_does(factor, &mut faults);
    }
    faults.refusal()?;
    let Some(bus) = bus else { return Err(Refusal::Faults(Vec::new())) };
    let mut notes = Vec::new();
    let asked: Vec<(f64, f64)> = loads.iter().map(|l| desk.load_asked(&state, *l)).collect();
    let total = asked.iter().fold((0.0, 0.0), |(p, q), a| (p + a.0, q + a.1));
    let n = loads.len();
    for (&load, (p, q)) in loads.iter().zip(&asked) {
        let of_model = &desk.base.loads[load];
        let setting = match (new_kw, factor) {
            (Some(kw), _) => {
                // Several loads share as they did; where nothing was drawn, alike.
                let share = if total.0.abs() > 0.0 { p / total.0 } else { 1.0 / n as f64 };
                let kvar = match new_kvar {
                    Some(kvar) => kvar * if total.1.abs() > 0.0 { q / total.1 } else { 1.0 / n as f64 },
                    // The power factor stays.
                    None if of_model.p_kw > 0.0 => kw * share * of_model.q_kvar / of_model.p_kw,
                    None => 0.0,
                };
                LoadSetting { stated: Some((kw * share, kvar)), factor: 1.0 }
            }
            (None, factor) => {
                LoadSetting { stated: state.loads.get(&of_model.common.name).and_then(|s| s.stated), factor: factor.unwrap_or(1.0) }
            }
        };
        state.loads.insert(of_model.common.name.clone(), setting);
    }
    set_by_hand(desk, &mut state, bus, &mut notes);
    if n > 1 {
        notes.push(format!("{n} loads at the bus share it as they did before"));
    }
    if new_kw.is_some() && new_kvar.is_none() {
        notes.push("new_kvar is not given: the power factor of the model stays".into());
    }
    let (p, q) = loads.iter().map(|l| desk.load_asked(&state, *l)).fold((0.0, 0.0), |(p, q), a| (p + a.0, q + a.1));
    let names: Vec<&str> = loads.iter().map(|l| desk.base.loads[*l].common.name.as_str()).collect();
    let message = format!("load {} at bus {}: {p:.6} kW, {q:.6} kvar", names.join(", "), desk.base.bus(bus).name);
    Ok(Asked { state, message: trimmed(&message), acts: Vec::new(), notes })
}

/// Numbers without the noughts behind them.
fn trimmed(text: &str) -> String {
    let number = |word: &str| {
        let is_number = word.contains('.') && word.parse::<f64>().is_ok();
        if is_number { word.trim_end_matches('0').trim_end_matches('.').to_owned() } else { word.to_owned() }
    };
    text.split(' ').map(number).collect::<Vec<_>>().join(" ")
}

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

fn generator(desk: &Desk, mut state: DeskState, action: &Action) -> Result<Asked, Refusal> {
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

fn device(
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

fn disconnect(desk: &Desk, mut state: DeskState, bus_name: &str, device_name: &str) -> Result<Asked, Refusal> {
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

fn rules(faults: &mut Faults, min_power_kw: Option<f64>, target_pf: Option<f64>) {
    if let Some(kw) = min_power_kw {
        faults.within("min_power_kw", kw, (0.0, POWER_MAX), " kW");
    }
    if let Some(pf) = target_pf {
        faults.power_factor("target_pf", pf);
    }
}

fn number_of(state: &DeskState, name: &str) -> Option<u32> {
    let name = name.trim().to_lowercase();
    state.programs.iter().find(|(_, p)| p.name.to_lowercase() == name).map(|(n, _)| *n)
}

/// The number of a program; a fault where there is none.
fn program_of(state: &DeskState, field: &'static str, name: &str, faults: &mut Faults) -> Option<u32> {
    let number = number_of(state, name);
    if number.is_none() {
        let known: Vec<&str> = state.programs.values().take(20).map(|p| p.name.as_str()).collect();
        let hint = if known.is_empty() {
            "there is none yet; POST /register_dfp makes one".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        faults.add(field, format!("there is no program \"{}\"", shown(name)), hint);
    }
    number
}

fn register(mut state: DeskState, name: &str, (min_power_kw, target_pf): (f64, f64), at: &str) -> Result<Asked, Refusal> {
    let mut faults = Faults::default();
    let name = name.trim();
    if faults.name("name", name)
        && let Some(number) = number_of(&state, name)
    {
        faults.add("name", format!("program \"{name}\" is there already, with number {number}"), "PUT /update_dfp changes its rules");
    }
    rules(&mut faults, Some(min_power_kw), Some(target_pf));
    if state.programs.len() >= PROGRAMS_MAX {
        faults.add("name", format!("there are {PROGRAMS_MAX} programs already"), "delete some first");
    }
    faults.refusal()?;
    let number = state.last_program + 1;
    state.last_program = number;
    let program = Program { name: name.to_owned(), min_power_kw, target_pf, registered_at: at.to_owned(), buses: Default::default() };
    state.programs.insert(number, program);
    let message =
        format!("program {name} has number {number}: it leaves {min_power_kw} kW to a bus and brings the power factor to {target_pf}");
    Ok(Asked { state, message, acts: Vec::new(), notes: Vec::new() })
}

fn update(mut state: DeskState, name: &str, min_power_kw: Option<f64>, target_pf: Option<f64>) -> Result<Asked, Refusal> {
    let mut faults = Faults::default();
    let number = program_of(&state, "name", name, &mut faults);
    if min_power_kw.is_none() && target_pf.is_none() {
        faults.add("min_power_kw", "neither min_power_kw nor target_pf is given", "give what shall change");
    }
    rules(&mut faults, min_power_kw, target_pf);
    faults.refusal()?;
    let mut message = String::new();
    if let Some(p) = number.and_then(|n| state.programs.get_mut(&n)) {
        p.min_power_kw = min_power_kw.unwrap_or(p.min_power_kw);
        p.target_pf = target_pf.unwrap_or(p.target_pf);
        message = format!("program {}: leaves {} kW to a bus and brings the power factor to {}", p.name, p.min_power_kw, p.target_pf);
    }
    Ok(Asked { state, message, acts: Vec::new(), notes: vec!["POST /execute_dfp applies the new rules".into()] })
}

fn delete(mut state: DeskState, name: &str) -> Result<Asked, Refusal> {
    let mut faults = Faults::default();
    let number = program_of(&state, "name", name, &mut faults);
    faults.refusal()?;
    let Some((number, program)) = number.and_then(|n| Some((n, state.programs.remove(&n)?))) else {
        return Err(Refusal::Faults(Vec::new()));
    };
    let mut acts = Vec::new();
    for bus in &program.buses {
        let lifted = state.programmed.remove(&programmed_key(number, bus)).is_some();
        acts.push(Act {
            subject: format!("bus {bus}"),
            cause: format!("program {} was deleted", program.name),
            effect: if lifted { "unsubscribed; what the program had curtailed is drawn again" } else { "unsubscribed" }.into(),
        });
    }
    let n = program.buses.len();
    let buses = if n == 1 { "1 bus was unsubscribed".to_owned() } else { format!("{n} buses were unsubscribed") };
    Ok(Asked { state, message: format!("program {} ({number}) is deleted; {buses}", program.name), acts, notes: Vec::new() })
}

fn numbered(state: &DeskState, number: u32, faults: &mut Faults) -> bool {
    let is = state.programs.contains_key(&number);
    if !is {
        let known: Vec<String> = state.programs.iter().take(20).map(|(n, p)| format!("{n} ({})", p.name)).collect();
        let hint = if known.is_empty() {
            "there is none yet; POST /register_dfp makes one".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        faults.add("dfp_number", format!("there is no program {number}"), hint);
    }
    is
}

fn subscribe(desk: &Desk, mut state: DeskState, bus_name: &str, number: u32) -> Result<Asked, Refusal> {
    let mut faults = Faults::default();
    let bus = bus_of(desk, bus_name, &mut faults).map(|b| desk.base.bus(b).name.clone());
    numbered(&state, number, &mut faults);
    if let (Some(bus), Some(p)) = (&bus, state.programs.get(&number))
        && p.buses.contains(bus)
    {
        faults.add("bus_name", format!("bus {bus} is subscribed to program {number} ({}) already", p.name), "nothing is left to do");
    }
    faults.refusal()?;
    let (mut message, mut notes) = (String::new(), Vec::new());
    if let (Some(bus), Some(p)) = (bus, state.programs.get_mut(&number)) {
        message = format!("bus {bus} is subscribed to program {} ({number})", p.name);
        let draws =
            desk.base.bus_id(&bus).is_some_and(|id| desk.loads_at.contains_key(&id)) || state.devices.values().any(|d| d.bus == bus);
        if !draws {
            notes.push(format!("there is no load or device at bus {bus} that the program could act upon"));
        }
        p.buses.insert(bus);
    }
    Ok(Asked { state, message, acts: Vec::new(), notes })
}

fn unsubscribe(desk: &Desk, mut state: DeskState, bus_name: &str, number: u32) -> Result<Asked, Refusal> {
    let mut faults = Faults::default();
    let bus = bus_of(desk, bus_name, &mut faults).map(|b| desk.base.bus(b).name.clone());
    numbered(&state, number, &mut faults);
    if let (Some(bus), Some(p)) = (&bus, state.programs.get(&number))
        && !p.buses.contains(bus)
    {
        let members: Vec<&str> = p.buses.iter().take(20).map(String::as_str).collect();
        let hint = if members.is_empty() { "nobody is".to_owned() } else { format!("subscribed are {}", members.join(", ")) };
        faults.add("bus_name", format!("bus {bus} is not subscribed to program {number} ({})", p.name), hint);
    }
    faults.refusal()?;
    let (mut message, mut notes) = (String::new(), Vec::new());
    if let (Some(bus), Some(p)) = (bus, state.programs.get_mut(&number)) {
        p.buses.remove(&bus);
        message = format!("bus {bus} has left program {} ({number})", p.name);
        if state.programmed.remove(&programmed_key(number, &bus)).is_some() {
            notes.push("what the program had curtailed there is drawn again".into());
        }
    }
    Ok(Asked { state, message, acts: Vec::new(), notes })
}

/// The rules of a program on all its buses: demand above `min_power_kw` is curtailed to it, and reactive power that is left is compensated up
/// to `target_pf`. A bus that draws less, or at a better power factor, keeps what it has: nothing is ever raised.
fn execute(desk: &Desk, mut state: DeskState, name: &str) -> Result<Asked, Refusal> {
    let mut faults = Faults::default();
    let number = program_of(&state, "dfp_name", name, &mut faults);
    faults.refusal()?;
    let Some((number, program)) = number.and_then(|n| Some((n, state.programs.get(&n)?.clone()))) else {
        return Err(Refusal::Faults(Vec::new()));
    };
    let (mut acts, mut notes) = (Vec::new(), Vec::new());
    let mut curtailed_kw = 0.0;
    for bus in &program.buses {
        let Some(id) = desk.base.bus_id(bus) else { continue };
        let (p, q) = desk.asked_at(&state, id);
        let share = rule(p, q, &program);
        let key = programmed_key(number, bus);
        let (to_p, to_q) = (p * share.p, q * share.q);
        let pf = |p: f64, q: f64| if p > 0.0 { format!("{:.4}", p / p.hypot(q)) } else { "none".into() };
        let cause = format!("demand of {p:.3} kW, {q:.3} kvar, power factor {}", pf(p, q));
        let effect = if share == Share::WHOLE {
            format!("nothing to do: not above {} kW, power factor not below {}", program.min_power_kw, program.target_pf)
        } else {
            format!("{to_p:.3} kW, {to_q:.3} kvar, power factor {}", pf(to_p, to_q))
        };
        acts.push(Act { subject: format!("bus {bus}"), cause, effect });
        curtailed_kw += p - to_p;
        if share == Share::WHOLE {
            state.programmed.remove(&key)
        } else {
            state.programmed.insert(key, share)
        };
    }
    if program.buses.is_empty() {
        notes.push("no bus is subscribed; POST /subscribe_dfp does that".into());
    }
    let n = program.buses.len();
    let message = format!(
        "program {} ({number}) was executed on {n} {}: {curtailed_kw:.3} kW curtailed",
        program.name,
        if n == 1 { "bus" } else { "buses" }
    );
    Ok(Asked { state, message, acts, notes })
}

/// What a program leaves of a demand.
fn rule(p: f64, q: f64, program: &Program) -> Share {
    let p_share = if p > program.min_power_kw { program.min_power_kw / p } else { 1.0 };
    // Curtailed load takes its reactive power with it.
    let (to_p, to_q) = (p * p_share, q * p_share);
    let q_most = to_p * (1.0 / (program.target_pf * program.target_pf) - 1.0).max(0.0).sqrt();
    let q_share = if to_q.abs() > q_most && to_q != 0.0 { p_share * q_most / to_q.abs() } else { p_share };
    Share { p: p_share, q: q_share }
}
