//! Demand flexibility programs: their rules, who is in them, and what executing them does.

use super::action::{Faults, shown};
use super::ask::{Asked, POWER_MAX, bus_of};
use super::state::{Program, Share, programmed_key};
use super::{Act, Desk, DeskState, PROGRAMS_MAX, Refusal};

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

pub(super) fn register(mut state: DeskState, name: &str, (min_power_kw, target_pf): (f64, f64), at: &str) -> Result<Asked, Refusal> {
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

pub(super) fn update(mut state: DeskState, name: &str, min_power_kw: Option<f64>, target_pf: Option<f64>) -> Result<Asked, Refusal> {
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

pub(super) fn delete(mut state: DeskState, name: &str) -> Result<Asked, Refusal> {
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

pub(super) fn subscribe(desk: &Desk, mut state: DeskState, bus_name: &str, number: u32) -> Result<Asked, Refusal> {
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

pub(super) fn unsubscribe(desk: &Desk, mut state: DeskState, bus_name: &str, number: u32) -> Result<Asked, Refusal> {
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
pub(super) fn execute(desk: &Desk, mut state: DeskState, name: &str) -> Result<Asked, Refusal> {
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
