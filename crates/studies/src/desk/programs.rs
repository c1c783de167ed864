//! Demand flexibility programs: their rules, who is in them, and what executing them does.

use super::action::{Faults, shown};
use super::ask::{Asked, POWER_MAX, bus_of};
use super::state::{Registered, Share, programmed_key};
use super::{Act, Desk, DeskState, PROGRAMS_MAX, ProgramRules, Refusal};
use network::flexibility::Program;

/// What is wrong with the rules of a program.
fn check_rules(faults: &mut Faults, program: &Program) {
    for fault in program.faults() {
        faults.add(fault.field, fault.message, fault.hint);
    }
    if let Some(kw) = program.min_power_kw.filter(|kw| *kw > POWER_MAX && kw.is_finite()) {
        faults.within("min_power_kw", kw, (0.0, POWER_MAX), " kW");
    }
}

/// Rules of a program beside its least power and power factor that are not as they are without a word.
pub(super) fn further_rules(of: &Program) -> Vec<(&'static str, String)> {
    let plain = Program::new("");
    let mut told = Vec::new();
    let mut tell = |is_told: bool, label: &'static str, text: String| {
        if is_told {
            told.push((label, text));
        }
    };
    let windows: Vec<String> = of
        .windows
        .iter()
        .map(|w| {
            let days: Vec<String> = w.days.iter().map(|d| format!("{d:?} ").to_lowercase()).collect();
            format!("{}{} to {}", days.concat(), w.from, w.to)
        })
        .collect();
    tell(!windows.is_empty(), "windows", windows.join(", "));
    tell(of.notice_min != plain.notice_min, "notice", format!("{} min", of.notice_min));
    for (label, most, unit) in [
        ("longest event", of.max_duration_min, " min"),
        ("events a day", of.max_events_per_day, " at most"),
        ("events a season", of.max_events_per_season, " at most"),
    ] {
        tell(most.is_some(), label, format!("{}{unit}", most.unwrap_or_default()));
    }
    tell(of.events_this_season != plain.events_this_season, "events this season", of.events_this_season.to_string());
    tell(of.min_rest_min != plain.min_rest_min, "rest between events", format!("{} min", of.min_rest_min));
    tell(of.priority != plain.priority, "priority", of.priority.to_string());
    let classes: Vec<&str> = of.classes.iter().map(|c| c.word()).collect();
    tell(!classes.is_empty(), "devices", classes.join(", "));
    for (label, money) in
        [("paid a kWh", of.incentive_per_kwh), ("paid an event", of.incentive_per_event), ("taken a kWh not delivered", of.penalty_per_kwh)]
    {
        tell(money != 0.0, label, money.to_string());
    }
    told
}

/// The same in a sentence, which begins with a semicolon.
pub(super) fn further_text(of: &Program) -> String {
    further_rules(of).into_iter().map(|(label, text)| format!("; {label}: {text}")).collect()
}

fn number_of(state: &DeskState, name: &str) -> Option<u32> {
    let name = name.trim().to_lowercase();
    state.programs.iter().find(|(_, p)| p.rules.name.to_lowercase() == name).map(|(n, _)| *n)
}

/// The number of a program; a fault where there is none.
fn program_of(state: &DeskState, field: &'static str, name: &str, faults: &mut Faults) -> Option<u32> {
    let number = number_of(state, name);
    if number.is_none() {
        let known: Vec<&str> = state.programs.values().take(20).map(|p| p.rules.name.as_str()).collect();
        let hint = if known.is_empty() {
            "there is none yet; POST /register_dfp makes one".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        faults.add(field, format!("there is no program \"{}\"", shown(name)), hint);
    }
    number
}

pub(super) fn register(
    mut state: DeskState,
    name: &str,
    (min_power_kw, target_pf): (f64, f64),
    further: &ProgramRules,
    at: &str,
) -> Result<Asked, Refusal> {
    let mut faults = Faults::default();
    let name = name.trim();
    if faults.name("name", name)
        && let Some(number) = number_of(&state, name)
    {
        faults.add("name", format!("program \"{name}\" is there already, with number {number}"), "PUT /update_dfp changes its rules");
    }
    let mut rules = Program { min_power_kw: Some(min_power_kw), target_pf: Some(target_pf), ..Program::new(name) };
    further.set(&mut rules);
    check_rules(&mut faults, &rules);
    if state.programs.len() >= PROGRAMS_MAX {
        faults.add("name", format!("there are {PROGRAMS_MAX} programs already"), "delete some first");
    }
    faults.refusal()?;
    let number = state.last_program + 1;
    state.last_program = number;
    let message = format!(
        "program {name} has number {number}: it leaves {min_power_kw} kW to a bus and brings the power factor to {target_pf}{}",
        further_text(&rules)
    );
    state.programs.insert(number, Registered { rules, registered_at: at.to_owned(), buses: Default::default() });
    Ok(Asked { state, message, acts: Vec::new(), notes: Vec::new() })
}

pub(super) fn update(
    mut state: DeskState,
    name: &str,
    (min_power_kw, target_pf): (Option<f64>, Option<f64>),
    further: &ProgramRules,
) -> Result<Asked, Refusal> {
    let mut faults = Faults::default();
    let number = program_of(&state, "name", name, &mut faults);
    let is_executed = min_power_kw.is_some() || target_pf.is_some();
    if !is_executed && further.is_empty() {
        faults.add("min_power_kw", "no rule is given", "give what shall change, such as min_power_kw or target_pf");
    }
    // Rules are judged where there is no such program too: all faults are told at once.
    let mut rules = number.and_then(|n| state.programs.get(&n)).map_or_else(|| Program::new(name), |p| p.rules.clone());
    rules.min_power_kw = min_power_kw.or(rules.min_power_kw);
    rules.target_pf = target_pf.or(rules.target_pf);
    further.set(&mut rules);
    check_rules(&mut faults, &rules);
    faults.refusal()?;
    let (mut message, mut notes) = (String::new(), Vec::new());
    if let Some(p) = number.and_then(|n| state.programs.get_mut(&n)) {
        p.rules = rules;
        message = format!(
            "program {}: leaves {} kW to a bus and brings the power factor to {}{}",
            p.rules.name,
            p.min_power_kw(),
            p.target_pf(),
            further_text(&p.rules)
        );
    }
    if is_executed {
        notes.push("POST /execute_dfp applies the new rules".into());
    }
    Ok(Asked { state, message, acts: Vec::new(), notes })
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
            cause: format!("program {} was deleted", program.rules.name),
            effect: if lifted { "unsubscribed; what the program had curtailed is drawn again" } else { "unsubscribed" }.into(),
        });
    }
    let n = program.buses.len();
    let buses = if n == 1 { "1 bus was unsubscribed".to_owned() } else { format!("{n} buses were unsubscribed") };
    Ok(Asked { state, message: format!("program {} ({number}) is deleted; {buses}", program.rules.name), acts, notes: Vec::new() })
}

fn numbered(state: &DeskState, number: u32, faults: &mut Faults) -> bool {
    let is = state.programs.contains_key(&number);
    if !is {
        let known: Vec<String> = state.programs.iter().take(20).map(|(n, p)| format!("{n} ({})", p.rules.name)).collect();
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
        faults.add("bus_name", format!("bus {bus} is subscribed to program {number} ({}) already", p.rules.name), "nothing is left to do");
    }
    faults.refusal()?;
    let (mut message, mut notes) = (String::new(), Vec::new());
    if let (Some(bus), Some(p)) = (bus, state.programs.get_mut(&number)) {
        message = format!("bus {bus} is subscribed to program {} ({number})", p.rules.name);
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
        faults.add("bus_name", format!("bus {bus} is not subscribed to program {number} ({})", p.rules.name), hint);
    }
    faults.refusal()?;
    let (mut message, mut notes) = (String::new(), Vec::new());
    if let (Some(bus), Some(p)) = (bus, state.programs.get_mut(&number)) {
        p.buses.remove(&bus);
        message = format!("bus {bus} has left program {} ({number})", p.rules.name);
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
        let share = rule(p, q, &program.rules);
        let key = programmed_key(number, bus);
        let (to_p, to_q) = (p * share.p, q * share.q);
        let pf = |p: f64, q: f64| if p > 0.0 { format!("{:.4}", p / p.hypot(q)) } else { "none".into() };
        let cause = format!("demand of {p:.3} kW, {q:.3} kvar, power factor {}", pf(p, q));
        let effect = if share == Share::WHOLE {
            format!("nothing to do: not above {} kW, power factor not below {}", program.min_power_kw(), program.target_pf())
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
        program.rules.name,
        if n == 1 { "bus" } else { "buses" }
    );
    Ok(Asked { state, message, acts, notes })
}

/// What a program leaves of a demand.
fn rule(p: f64, q: f64, program: &Program) -> Share {
    let p_share = program.min_power_kw.filter(|kw| p > *kw).map_or(1.0, |kw| kw / p);
    // Curtailed load takes its reactive power with it.
    let (to_p, to_q) = (p * p_share, q * p_share);
    let q_most = program.target_pf.map_or(f64::INFINITY, |pf| to_p * (1.0 / (pf * pf) - 1.0).max(0.0).sqrt());
    let q_share = if to_q.abs() > q_most && to_q != 0.0 { p_share * q_most / to_q.abs() } else { p_share };
    Share { p: p_share, q: q_share }
}
