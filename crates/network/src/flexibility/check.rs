//! What is wrong with programs, devices and events: all at once.

use super::{ClockTime, DAY_MIN, Device, Event, FlexibilityCase, HvacMode, Program, RuleFault, Unit};
use crate::{Diagnostic, ElementKind, Network};
use std::collections::HashSet;

/// Most devices and events of a study.
const DEVICES_MAX: usize = 20_000;
const EVENTS_MAX: usize = 48;

const AMOUNT: &str = "a number of 0 or more is expected";
const SHARE: &str = "a number above 0 and up to 1 is expected";

struct Check(Vec<Diagnostic>);

impl Check {
    fn expect(&mut self, right: bool, code: &str, about: &str, what: impl Into<String>, hint: &str) {
        if !right {
            self.0.push(Diagnostic::error(code, format!("{about}: {}", what.into())).hint(hint));
        }
    }

    fn not_negative(&mut self, code: &str, about: &str, field: &str, value: f64) {
        self.expect(value.is_finite() && value >= 0.0, code, about, format!("{field} is {value}"), AMOUNT);
    }

    fn positive(&mut self, code: &str, about: &str, field: &str, value: f64) {
        self.expect(value.is_finite() && value > 0.0, code, about, format!("{field} is {value}"), "a number above 0 is expected");
    }

    fn share(&mut self, code: &str, about: &str, field: &str, value: f64) {
        let right = value > 0.0 && value <= 1.0;
        self.expect(right, code, about, format!("{field} is {value}"), SHARE);
    }

    fn temperature(&mut self, code: &str, about: &str, field: &str, value: f64) {
        let right = (-60.0..=120.0).contains(&value);
        self.expect(right, code, about, format!("{field} is {value}"), "degrees Celsius from -60 to 120 are expected");
    }

    fn names<'a>(&mut self, kind: &str, names: impl Iterator<Item = &'a String>) {
        let mut seen = HashSet::new();
        for name in names {
            let code = "FLEXIBILITY.NAME.TWICE";
            self.expect(!name.trim().is_empty(), code, kind, "one has an empty name", "give each a name of its own");
            let what = format!("\"{name}\" stands twice");
            self.expect(name.trim().is_empty() || seen.insert(name), code, kind, what, "give each a name of its own");
        }
    }
}

const PROGRAM: &str = "FLEXIBILITY.PROGRAM.VALUE";
const DEVICE: &str = "FLEXIBILITY.DEVICE.VALUE";
const EVENT: &str = "FLEXIBILITY.EVENT.VALUE";
const DAY: &str = "FLEXIBILITY.DAY.VALUE";
const RULE: &str = "FLEXIBILITY.EVENT.RULE";
const UNKNOWN: &str = "FLEXIBILITY.PROGRAM.UNKNOWN";

impl FlexibilityCase {
    /// What is wrong with the document by itself, all at once: empty when nothing is.
    pub fn check(&self) -> Vec<Diagnostic> {
        let mut check = Check(Vec::new());
        self.check_day(&mut check);
        check.names("programs", self.programs.iter().map(|p| &p.name));
        check.names("devices", self.devices.iter().map(|d| &d.name));
        check.names("events", self.events.iter().map(|e| &e.name));
        let n = self.devices.len();
        check.expect(n <= DEVICES_MAX, DEVICE, "devices", format!("there are {n}"), "up to 20000 are studied together");
        let n = self.events.len();
        check.expect(n <= EVENTS_MAX, EVENT, "events", format!("there are {n}"), "up to 48 a day are studied");
        self.programs.iter().for_each(|p| program(&mut check, p));
        for d in &self.devices {
            device(&mut check, d);
            if let Some(name) = &d.program {
                self.expect_program(&mut check, &format!("device {}", d.name), name);
            }
        }
        for e in &self.events {
            self.event(&mut check, e);
        }
        check.0
    }

    fn check_day(&self, check: &mut Check) {
        let day = &self.day;
        let right = day.step_min > 0 && day.step_min <= 60 && 60 % day.step_min == 0;
        check.expect(right, DAY, "day", format!("step_min is {}", day.step_min), "minutes that divide an hour, such as 5 or 15");
        let n = day.temperature_c.len();
        check.expect(n == 24, DAY, "day", format!("temperature_c has {n} values"), "one for each hour, 24");
        day.temperature_c.iter().for_each(|&t| check.temperature(DAY, "day", "temperature_c", t));
        if let Some(profile) = &day.load_profile_pu {
            check.expect(profile.len() == 24, DAY, "day", format!("load_profile_pu has {} values", profile.len()), "one for each hour, 24");
            profile.iter().for_each(|&x| check.not_negative(DAY, "day", "load_profile_pu", x));
        }
        for past in &day.past_days {
            let right = past.temperature_shift_k.abs() <= 60.0;
            check.expect(right, DAY, "day", format!("temperature_shift_k is {}", past.temperature_shift_k), "kelvin from -60 to 60");
        }
    }

    fn expect_program(&self, check: &mut Check, about: &str, name: &str) {
        let names: Vec<&str> = self.programs.iter().map(|p| p.name.as_str()).collect();
        let hint = if names.is_empty() { "add the program".to_owned() } else { format!("choose from {}", names.join(", ")) };
        check.expect(self.program(name).is_some(), UNKNOWN, about, format!("there is no program \"{name}\""), &hint);
    }

    fn event(&self, check: &mut Check, e: &Event) {
        let about = format!("event {}", e.name);
        let step = self.day.step_min.max(1);
        check.expect(!e.programs.is_empty(), EVENT, &about, "it calls no program", "name at least one in `programs`");
        let mut seen = HashSet::new();
        for name in &e.programs {
            self.expect_program(check, &about, name);
            check.expect(seen.insert(name), EVENT, &about, format!("program \"{name}\" stands twice"), "name each once");
        }
        let at = format!("{} for {} minutes", e.start, e.duration_min);
        check.expect(e.duration_min > 0 && e.end_min() <= DAY_MIN, EVENT, &about, at, "it ends after its start and until 24:00");
        for (field, minutes) in [
            ("start", e.start.minute()),
            ("duration_min", e.duration_min),
            ("prepare_min", e.prepare_min),
            ("recovery_min", e.recovery_min),
        ] {
            let what = format!("{field} is {minutes} minutes");
            check.expect(minutes % step == 0, EVENT, &about, what, "whole steps of the day are expected: a multiple of step_min");
        }
        check.expect(
            e.prepare_min <= e.start.minute(),
            EVENT,
            &about,
            format!("prepare_min is {}", e.prepare_min),
            "it begins after 00:00",
        );
        let recovery = e.recovery_min <= DAY_MIN.saturating_sub(e.end_min());
        check.expect(recovery, EVENT, &about, format!("recovery_min is {}", e.recovery_min), "it ends until 24:00");
        let t = &e.target;
        let both = t.limit_kw.is_some() && t.limit_kva.is_some();
        check.expect(!both, EVENT, &about, "the target has limit_kw and limit_kva", "give one of them");
        for (field, limit) in [("limit_kw", t.limit_kw), ("limit_kva", t.limit_kva)] {
            limit.into_iter().for_each(|x| check.not_negative(EVENT, &about, field, x));
        }
        let limited = t.limit_kw.is_some() || t.limit_kva.is_some();
        let hint = "give limit_kw or limit_kva; only a transformer has a rating that serves as one";
        check.expect(limited || t.element.is_some(), EVENT, &about, "the target has no limit", hint);
        for p in e.programs.iter().filter_map(|name| self.program(name)) {
            self.rules(check, &about, e, p);
        }
    }

    /// What a program does not allow.
    fn rules(&self, check: &mut Check, about: &str, e: &Event, p: &Program) {
        let (start, end) = (e.start.minute(), e.end_min());
        let of = |what: &str| format!("program {} does not allow it: {what}", p.name);
        let inside = |w: &super::Window| {
            (w.days.is_empty() || w.days.contains(&self.day.weekday)) && w.from.minute() <= start && end <= w.to.minute()
        };
        let span = format!("{} to {} is in none of its windows", e.start, ClockTime::from_minute(end));
        check.expect(p.windows.is_empty() || p.windows.iter().any(inside), RULE, about, of(&span), "move the event into one window");
        if let Some(max) = p.max_duration_min {
            let what = format!("{} minutes are more than {max}", e.duration_min);
            check.expect(e.duration_min <= max, RULE, about, of(&what), "shorten it");
        }
        if let Some(announced) = e.announced {
            let notice = start.saturating_sub(announced.minute());
            let in_time = announced <= e.start && notice >= p.notice_min;
            check.expect(
                in_time,
                RULE,
                about,
                of(&format!("announced {notice} minutes before, {} are due", p.notice_min)),
                "announce it earlier",
            );
        }
        let others: Vec<&Event> = self.events.iter().filter(|o| o.programs.contains(&p.name)).collect();
        let before = others.iter().filter(|o| o.start < e.start || (o.start == e.start && o.name < e.name)).count() as u32;
        if let Some(max) = p.max_events_per_day {
            check.expect(before < max, RULE, about, of(&format!("it is event {} of a day, {max} are allowed", before + 1)), "leave it out");
        }
        if let Some(max) = p.max_events_per_season {
            let number = p.events_this_season.saturating_add(before).saturating_add(1);
            check.expect(number <= max, RULE, about, of(&format!("it is event {number} of the season, {max} are allowed")), "leave it out");
        }
        for o in others.iter().filter(|o| o.name != e.name && (o.start, &o.name) < (e.start, &e.name)) {
            let rest = i64::from(start) - i64::from(o.end_min());
            let what = format!("{} ends {rest} minutes before it, {} are due", o.name, p.min_rest_min);
            check.expect(rest >= i64::from(p.min_rest_min), RULE, about, of(&what), "leave the rest that the program promises");
        }
    }

    /// What does not fit the network, all at once: places of devices, targets.
    pub fn check_against(&self, network: &Network) -> Vec<Diagnostic> {
        let mut check = Check(Vec::new());
        const PLACE: &str = "FLEXIBILITY.DEVICE.PLACE";
        const TARGET: &str = "FLEXIBILITY.TARGET.UNKNOWN";
        let loads: HashSet<&str> = network.loads.iter().map(|l| l.common.name.as_str()).collect();
        for d in &self.devices {
            let about = format!("device {}", d.name);
            if let Some(load) = &d.load {
                let known = loads.contains(load.to_lowercase().as_str());
                check.expect(known, PLACE, &about, format!("the model has no load \"{load}\""), "name a load of the model, or a bus");
            }
            if let Some(bus) = &d.bus {
                match network.bus_id(bus) {
                    None => check.expect(false, PLACE, &about, format!("the model has no bus \"{bus}\""), "name a bus of the model"),
                    Some(id) => {
                        for p in &d.phases {
                            let has = network.bus(id).nodes.contains(p);
                            check.expect(has, PLACE, &about, format!("bus \"{bus}\" has no phase {p}"), "name phases that the bus has");
                        }
                    }
                }
            }
        }
        for e in &self.events {
            let Some(element) = &e.target.element else { continue };
            let about = format!("event {}", e.name);
            match network.find(element) {
                None => check.expect(
                    false,
                    TARGET,
                    &about,
                    format!("the model has no element \"{element}\""),
                    "name it as class.name, such as transformer.xfm1",
                ),
                Some(id) => {
                    let flows = matches!(id.kind, ElementKind::Transformer | ElementKind::Line);
                    check.expect(flows, TARGET, &about, format!("{element} is no transformer or line"), "name one of these");
                    let limited = e.target.limit_kw.is_some() || e.target.limit_kva.is_some();
                    let rated = id.kind == ElementKind::Transformer;
                    check.expect(
                        limited || rated || !flows,
                        TARGET,
                        &about,
                        format!("{element} has no limit"),
                        "give limit_kw or limit_kva",
                    );
                }
            }
        }
        check.0
    }
}

impl Program {
    /// What is wrong with its rules, all at once: empty when nothing is. Its name is judged among others.
    pub fn faults(&self) -> Vec<RuleFault> {
        let mut faults = Vec::new();
        let mut expect = |right: bool, field: &'static str, message: String, hint: &'static str| {
            if !right {
                faults.push(RuleFault { field, message, hint });
            }
        };
        let is_amount = |x: f64| x.is_finite() && x >= 0.0;
        if let Some(kw) = self.min_power_kw {
            expect(is_amount(kw), "min_power_kw", format!("min_power_kw is {kw}"), AMOUNT);
        }
        if let Some(pf) = self.target_pf {
            expect(pf > 0.0 && pf <= 1.0, "target_pf", format!("target_pf is {pf}"), SHARE);
        }
        for w in &self.windows {
            let what = format!("a window from {} to {}", w.from, w.to);
            expect(w.from < w.to, "windows", what, "it ends after it begins; cut it at 24:00");
        }
        for (field, x) in [
            ("incentive_per_kwh", self.incentive_per_kwh),
            ("incentive_per_event", self.incentive_per_event),
            ("penalty_per_kwh", self.penalty_per_kwh),
        ] {
            expect(is_amount(x), field, format!("{field} is {x}"), AMOUNT);
        }
        faults
    }
}

fn program(check: &mut Check, p: &Program) {
    let about = format!("program {}", p.name);
    for fault in p.faults() {
        check.expect(false, PROGRAM, &about, fault.message, fault.hint);
    }
}

fn device(check: &mut Check, d: &Device) {
    let about = format!("device {}", d.name);
    let about = about.as_str();
    check.share(DEVICE, about, "pf", d.pf);
    check.not_negative(DEVICE, about, "curtailment_cost_per_kwh", d.curtailment_cost_per_kwh);
    check.expect(d.load.is_some() != d.bus.is_some(), DEVICE, about, "it needs a place", "give either `load` or `bus`");
    check.expect(d.phases.is_empty() || d.bus.is_some(), DEVICE, about, "phases without a bus", "a load brings its own phases");
    let mut seen = HashSet::new();
    for p in &d.phases {
        check.expect((1..=3).contains(p) && seen.insert(p), DEVICE, about, format!("phase {p}"), "phases 1 to 3, each once");
    }
    let mut positive = |field: &str, x: f64| check.positive(DEVICE, about, field, x);
    match &d.unit {
        Unit::Ev(u) => {
            positive("charger_kw", u.charger_kw);
            check.not_negative(DEVICE, about, "energy_needed_kwh", u.energy_needed_kwh);
            check.share(DEVICE, about, "efficiency", u.efficiency);
            check.not_negative(DEVICE, about, "shortfall_max_kwh", u.shortfall_max_kwh);
            check.expect(u.arrival.minute() < DAY_MIN, DEVICE, about, "arrival is 24:00", "it arrives before the day ends");
        }
        Unit::WaterHeater(u) => {
            positive("litres", u.litres);
            positive("element_kw", u.element_kw);
            positive("loss_w_per_k", u.loss_w_per_k);
            check.not_negative(DEVICE, about, "dead_band_k", u.dead_band_k);
            for (field, t) in [
                ("set_point_c", u.set_point_c),
                ("ambient_c", u.ambient_c),
                ("inlet_c", u.inlet_c),
                ("comfort_min_c", u.comfort_min_c),
                ("initial_c", u.initial_c.unwrap_or(u.set_point_c)),
            ] {
                check.temperature(DEVICE, about, field, t);
            }
            let order = u.comfort_min_c <= u.set_point_c;
            check.expect(order, DEVICE, about, "comfort_min_c is above set_point_c", "the set point lies above what is still comfortable");
            for w in &u.draws {
                check.not_negative(DEVICE, about, "draws.litres", w.litres);
                let right = w.duration_min > 0 && w.at.minute() + w.duration_min.min(DAY_MIN) <= DAY_MIN;
                check.expect(right, DEVICE, about, format!("a draw at {} of {} minutes", w.at, w.duration_min), "it ends until 24:00");
            }
        }
        Unit::Hvac(u) => {
            positive("r_k_per_kw", u.r_k_per_kw);
            positive("c_kwh_per_k", u.c_kwh_per_k);
            positive("cop", u.cop);
            positive("rated_kw", u.rated_kw);
            check.not_negative(DEVICE, about, "dead_band_k", u.dead_band_k);
            check.expect(u.gains_kw.is_finite(), DEVICE, about, "gains_kw is not finite", "give a number");
            for (field, t) in [
                ("set_point_c", u.set_point_c),
                ("comfort_min_c", u.comfort_min_c),
                ("comfort_max_c", u.comfort_max_c),
                ("initial_c", u.initial_c.unwrap_or(u.set_point_c)),
            ] {
                check.temperature(DEVICE, about, field, t);
            }
            let half = u.dead_band_k / 2.0;
            let inside = u.comfort_min_c <= u.set_point_c - half && u.set_point_c + half <= u.comfort_max_c;
            let word = if u.mode == HvacMode::Cooling { "cooling" } else { "heating" };
            check.expect(inside, DEVICE, about, format!("the {word} band is not within its comfort band"), "widen the comfort band");
        }
        Unit::Battery(u) => {
            positive("power_kw", u.power_kw);
            positive("energy_kwh", u.energy_kwh);
            check.share(DEVICE, about, "efficiency", u.efficiency);
            let order = 0.0 <= u.reserve_kwh && u.reserve_kwh <= u.initial_kwh && u.initial_kwh <= u.energy_kwh;
            let what = format!("reserve {} kWh, initial {} kWh, size {} kWh", u.reserve_kwh, u.initial_kwh, u.energy_kwh);
            check.expect(order, DEVICE, about, what, "0 <= reserve_kwh <= initial_kwh <= energy_kwh");
        }
    }
}
