//! What an action changes of the state, after everything that is wrong with it was found.

use super::action::{Faults, shown};
use super::placed::{device, disconnect, generator};
use super::programs::{delete, execute, register, subscribe, unsubscribe, update};
use super::state::{LoadSetting, programmed_key};
use super::{Act, Action, Desk, DeskState, Refusal};
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
pub(super) const POWER_MAX: f64 = 1e6;
/// Largest factor of a load.
const FACTOR_MAX: f64 = 100.0;

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
        Action::RegisterDfp { name, min_power_kw, target_pf, rules } => register(state, name, (*min_power_kw, *target_pf), rules, at),
        Action::UpdateDfp { name, min_power_kw, target_pf, rules } => update(state, name, (*min_power_kw, *target_pf), rules),
        Action::DeleteDfp { name } => delete(state, name),
        Action::SubscribeDfp { bus_name, dfp_number } => subscribe(desk, state, bus_name, *dfp_number),
        Action::UnsubscribeDfp { bus_name, dfp_number } => unsubscribe(desk, state, bus_name, *dfp_number),
        Action::ExecuteDfp { dfp_name } => execute(desk, state, dfp_name),
    }
}

/// The bus of a name; a fault where there is none.
pub(super) fn bus_of(desk: &Desk, name: &str, faults: &mut Faults) -> Option<BusId> {
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
pub(super) fn set_by_hand(desk: &Desk, state: &mut DeskState, bus: BusId, notes: &mut Vec<String>) {
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
