//! What people do to alarms. Who may is decided elsewhere; that it was done, by whom and why, stands in the event.

use super::engine::{Engine, sign};
use super::event::{Event, EventKind, Journal, JournalFault};
use super::maintenance::{Entry, Progress};
use super::rule::later;
use super::state::{AlarmState, Step};
use network::document::nearest;
use scada::UtcTime;

/// Who does something, and why.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    pub who: &'a str,
    pub why: &'a str,
}

/// Why an action was not done to one alarm.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("no alarm is called \"{rule}\"{}", .nearest.as_ref().map_or(String::new(), |n| format!("; the nearest is \"{n}\"")))]
    Unknown { rule: String, nearest: Option<String> },
    #[error("alarm \"{rule}\" is {}, and cannot be {what}", .state.name())]
    State { rule: String, state: AlarmState, what: &'static str },
    #[error("nobody is named who does it; every action on an alarm says who and why")]
    NoPerson,
    #[error("no reason is given; say why the alarm is to be {what}")]
    NoReason { what: &'static str },
    #[error("alarm \"{rule}\" may not be shelved by its rule")]
    NotShelvable { rule: String },
    #[error("{asked_s} s on the shelf is not allowed; ask for more than 0 and at most {longest_s} s")]
    ShelfTime { asked_s: f64, longest_s: f64 },
    #[error("no maintenance has the number {id}")]
    UnknownMaintenance { id: u64 },
    #[error("maintenance {id} is {progress:?} already")]
    MaintenanceOver { id: u64, progress: Progress },
    #[error("maintenance of \"{asset}\" from {} to {} ends before it begins, or before now ({})", .from.us, .to.us, .now.us)]
    MaintenanceTimes { asset: String, from: UtcTime, to: UtcTime, now: UtcTime },
    #[error("no rule has the asset \"{asset}\"{}", .nearest.as_ref().map_or(String::new(), |n| format!("; the nearest is \"{n}\"")))]
    UnknownAsset { asset: String, nearest: Option<String> },
}

/// What an action came to. What was refused is not done; the rest is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub events: Vec<Event>,
    pub refused: Vec<Refusal>,
}

impl Engine {
    fn find(&self, rule: &str) -> Result<u32, Refusal> {
        self.by_id.get(rule).copied().ok_or_else(|| {
            let ids: Vec<&str> = self.rules.iter().map(|r| &*r.id).collect();
            Refusal::Unknown { rule: rule.to_owned(), nearest: nearest(rule, &ids).map(str::to_owned) }
        })
    }

    /// One action. Whoever acts is named, and where `needs_reason` says what is to be done, why.
    fn act_once(
        &mut self,
        now: UtcTime,
        actor: Actor,
        needs_reason: Option<&'static str>,
        journal: &mut dyn Journal,
        act: impl FnOnce(&mut Self, &mut Vec<Refusal>),
    ) -> Result<Outcome, JournalFault> {
        self.begin(now);
        let mut refused = Vec::new();
        if actor.who.trim().is_empty() {
            refused.push(Refusal::NoPerson);
        }
        if let Some(what) = needs_reason
            && actor.why.trim().is_empty()
        {
            refused.push(Refusal::NoReason { what });
        }
        if refused.is_empty() {
            act(self, &mut refused);
        }
        Ok(Outcome { events: self.commit(journal)?, refused })
    }

    /// One action on each of several alarms.
    fn act(
        &mut self,
        now: UtcTime,
        rules: &[&str],
        actor: Actor,
        needs_reason: Option<&'static str>,
        journal: &mut dyn Journal,
        mut one: impl FnMut(&mut Self, u32) -> Result<(), Refusal>,
    ) -> Result<Outcome, JournalFault> {
        self.act_once(now, actor, needs_reason, journal, |engine, refused| {
            for rule in rules {
                if let Err(refusal) = engine.find(rule).and_then(|i| one(engine, i)) {
                    refused.push(refusal);
                }
            }
        })
    }

    fn wrong_state(&self, i: u32, what: &'static str) -> Refusal {
        Refusal::State { rule: self.rules[i as usize].id.to_string(), state: self.records[i as usize].state(), what }
    }

    /// Acknowledges alarms, with a comment or without. Each that cannot be is refused, and the others are acknowledged.
    ///
    /// # Errors
    /// Of this and all actions: the journal cannot write, and nothing is done.
    pub fn acknowledge(&mut self, now: UtcTime, rules: &[&str], actor: Actor, journal: &mut dyn Journal) -> Result<Outcome, JournalFault> {
        self.act(now, rules, actor, None, journal, |engine, i| {
            let is_done = engine.take_step(i, Step::Acknowledge, EventKind::Acknowledged, Some(actor));
            is_done.then_some(()).ok_or_else(|| engine.wrong_state(i, "acknowledged"))
        })
    }

    /// Resets latched alarms that are acknowledged and whose condition is gone.
    ///
    /// # Errors
    /// As of [`Engine::acknowledge`].
    pub fn reset(&mut self, now: UtcTime, rules: &[&str], actor: Actor, journal: &mut dyn Journal) -> Result<Outcome, JournalFault> {
        self.act(now, rules, actor, None, journal, |engine, i| {
            let is_done = engine.take_step(i, Step::Reset, EventKind::Reset, Some(actor));
            is_done.then_some(()).ok_or_else(|| engine.wrong_state(i, "reset"))
        })
    }

    /// Puts alarms away for `for_s` seconds. On the shelf already, the new time counts.
    ///
    /// # Errors
    /// As of [`Engine::acknowledge`].
    pub fn shelve(
        &mut self,
        now: UtcTime,
        rules: &[&str],
        for_s: f64,
        actor: Actor,
        journal: &mut dyn Journal,
    ) -> Result<Outcome, JournalFault> {
        let longest_s = self.settings.shelve_longest_s;
        self.act(now, rules, actor, Some("shelved"), journal, |engine, i| {
            if !(for_s > 0.0 && for_s <= longest_s) {
                return Err(Refusal::ShelfTime { asked_s: for_s, longest_s });
            }
            if !engine.rules[i as usize].shelvable {
                return Err(Refusal::NotShelvable { rule: engine.rules[i as usize].id.to_string() });
            }
            let mut event = engine.event_of(i, EventKind::Shelved);
            sign(&mut event, Some(actor));
            event.until = Some(later(engine.clock, for_s));
            engine.emit_of(i, event);
            Ok(())
        })
    }

    /// Takes alarms off the shelf before their time.
    ///
    /// # Errors
    /// As of [`Engine::acknowledge`].
    pub fn unshelve(&mut self, now: UtcTime, rules: &[&str], actor: Actor, journal: &mut dyn Journal) -> Result<Outcome, JournalFault> {
        self.act(now, rules, actor, None, journal, |engine, i| {
            if engine.records[i as usize].shelf.is_none() {
                return Err(engine.wrong_state(i, "taken off the shelf"));
            }
            let mut event = engine.event_of(i, EventKind::Unshelved);
            sign(&mut event, Some(actor));
            engine.emit_of(i, event);
            Ok(())
        })
    }

    /// Takes alarms out of service until somebody returns them.
    ///
    /// # Errors
    /// As of [`Engine::acknowledge`].
    pub fn remove_from_service(
        &mut self,
        now: UtcTime,
        rules: &[&str],
        actor: Actor,
        journal: &mut dyn Journal,
    ) -> Result<Outcome, JournalFault> {
        self.act(now, rules, actor, Some("taken out of service"), journal, |engine, i| {
            if engine.records[i as usize].removal.is_some() {
                return Err(engine.wrong_state(i, "taken out of service"));
            }
            let mut event = engine.event_of(i, EventKind::RemovedFromService);
            sign(&mut event, Some(actor));
            engine.emit_of(i, event);
            Ok(())
        })
    }

    /// Returns alarms to service. What maintenance holds out of service stays so until it ends.
    ///
    /// # Errors
    /// As of [`Engine::acknowledge`].
    pub fn return_to_service(
        &mut self,
        now: UtcTime,
        rules: &[&str],
        actor: Actor,
        journal: &mut dyn Journal,
    ) -> Result<Outcome, JournalFault> {
        self.act(now, rules, actor, None, journal, |engine, i| {
            if engine.records[i as usize].removal.is_none() {
                return Err(engine.wrong_state(i, "returned to service"));
            }
            let mut event = engine.event_of(i, EventKind::ReturnedToService);
            sign(&mut event, Some(actor));
            engine.emit_of(i, event);
            Ok(())
        })
    }

    // Maintenance.

    fn turn_entry(&mut self, kind: EventKind, entry: Entry, actor: Actor) {
        let mut event = Event::new(kind, self.clock);
        event.asset = Some(entry.asset.clone());
        sign(&mut event, Some(actor));
        event.maintenance = Some(entry);
        self.emit(event);
        self.match_maintenance();
    }

    /// Plans work; the schedule gives its number. Work whose beginning is over begins at once.
    ///
    /// # Errors
    /// As of [`Engine::acknowledge`].
    pub fn plan_maintenance(
        &mut self,
        now: UtcTime,
        entry: &Entry,
        actor: Actor,
        journal: &mut dyn Journal,
    ) -> Result<Outcome, JournalFault> {
        self.act_once(now, actor, None, journal, |engine, refused| {
            if entry.to <= entry.from || entry.to <= engine.clock {
                let (from, to, now) = (entry.from, entry.to, engine.clock);
                refused.push(Refusal::MaintenanceTimes { asset: entry.asset.to_string(), from, to, now });
            } else if !engine.by_asset.contains_key(&entry.asset) {
                let assets: Vec<&str> = engine.by_asset.keys().map(|a| &**a).collect();
                let nearest = nearest(&entry.asset, &assets).map(str::to_owned);
                refused.push(Refusal::UnknownAsset { asset: entry.asset.to_string(), nearest });
            } else {
                let entry = Entry { id: engine.schedule.next_id(), progress: Progress::Planned, ..entry.clone() };
                engine.turn_entry(EventKind::MaintenancePlanned, entry, actor);
                engine.advance(engine.clock);
            }
        })
    }

    /// Reports work as done; the alarms return to service.
    ///
    /// # Errors
    /// As of [`Engine::acknowledge`].
    pub fn finish_maintenance(&mut self, now: UtcTime, id: u64, actor: Actor, journal: &mut dyn Journal) -> Result<Outcome, JournalFault> {
        self.end_maintenance(now, id, EventKind::MaintenanceDone, actor, journal)
    }

    /// Cancels work that is planned or goes on; the alarms return to service.
    ///
    /// # Errors
    /// As of [`Engine::acknowledge`].
    pub fn cancel_maintenance(&mut self, now: UtcTime, id: u64, actor: Actor, journal: &mut dyn Journal) -> Result<Outcome, JournalFault> {
        self.end_maintenance(now, id, EventKind::MaintenanceCancelled, actor, journal)
    }

    fn end_maintenance(
        &mut self,
        now: UtcTime,
        id: u64,
        kind: EventKind,
        actor: Actor,
        journal: &mut dyn Journal,
    ) -> Result<Outcome, JournalFault> {
        self.act_once(now, actor, None, journal, |engine, refused| match engine.schedule.find(id).cloned() {
            None => refused.push(Refusal::UnknownMaintenance { id }),
            Some(Entry { progress: progress @ (Progress::Done | Progress::Cancelled), .. }) => {
                refused.push(Refusal::MaintenanceOver { id, progress });
            }
            Some(entry) => engine.turn_entry(kind, entry, actor),
        })
    }
}
