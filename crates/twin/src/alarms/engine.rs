//! The engine: updates and actions in, events out.
//!
//! A call is a step, and a step is all or nothing: what it changes is handed to the journal before the call returns, and taken back when the
//! journal cannot write it. [`Record`]s, the flood and the schedule change through events alone, so that a journal replayed gives them again.
//! What is beneath (samples, deadbands, delays) is judged anew at every call by what holds, not by what changed: a raise that could not be
//! written is tried again with the next step.
//!
//! Time is handed in, and never goes back: an earlier `now` counts as the latest one. Delays, shelves, work and floods that end between two
//! calls are dealt with at their own instants before the call's own business.

use super::actions::Actor;
use super::condition::{Facts, LeafMemory, Truth, judge, leaf_count};
use super::event::{Event, EventKind, Journal, JournalFault};
use super::flood::{BEGINS_ABOVE, Flood, Turn};
use super::maintenance::{Entry, Schedule};
use super::points::{DeviceIndex, PointIndex, PointTable, Sample};
use super::rule::{Condition, Rule, later};
use super::state::{Record, Removal, Shelf, Standing, Step, next};
use scada::UtcTime;
use scada::point::Flags;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A third alarm within this time of the first is chattering (ISA-18.2). Microseconds.
const CHATTER_US: i64 = 60_000_000;

/// What holds for all rules.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Longest time on the shelf, seconds. The standard asks that there be one; the eight hours of a shift are our choice.
    pub shelve_longest_s: f64,
    /// Seconds that the points of a device have, after its return, to be heard again before each alarms for itself. Our choice: half a
    /// minute is several polls, and an interrogation.
    pub return_s: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { shelve_longest_s: 28_800.0, return_s: 30.0 }
    }
}

/// What a rule remembers beside its record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Memory {
    condition: Vec<LeafMemory>,
    suppress: Vec<LeafMemory>,
    pub(super) truth: Truth,
    /// When the condition came to be so.
    since: UtcTime,
    /// The last that was known of the condition that suppresses.
    is_suppressed: bool,
    /// When the rule has to be looked at again.
    due: Option<UtcTime>,
}

/// Everything, to be taken up again exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub sequence: u64,
    pub clock: UtcTime,
    records: BTreeMap<Arc<str>, Record>,
    memories: BTreeMap<Arc<str>, Memory>,
    samples: BTreeMap<Arc<str>, Sample>,
    returned: BTreeMap<Arc<str>, UtcTime>,
    again: BTreeSet<Arc<str>>,
    flood: Flood,
    schedule: Schedule,
}

/// State before a step, as far as the step changes it.
#[derive(Default)]
struct Undo {
    records: Vec<(u32, Record)>,
    flood: Option<Flood>,
    schedule: Option<Schedule>,
    sequence: u64,
}

pub struct Engine {
    pub(super) points: Arc<PointTable>,
    pub(super) rules: Vec<Rule>,
    pub(super) settings: Settings,
    pub(super) by_id: HashMap<Arc<str>, u32>,
    by_point: Vec<Vec<u32>>,
    by_device: Vec<Vec<u32>>,
    pub(super) by_asset: HashMap<Arc<str>, Vec<u32>>,
    /// Rules that look at a rate, which changes without an update.
    rated: Vec<u32>,
    /// Of a rule of qualities: the devices whose own alarm stands for it when they are lost.
    covers: Vec<Vec<DeviceIndex>>,
    pub(super) group_of: Vec<Option<u32>>,
    /// Listed alarms of a group, and which was the first.
    groups: Vec<(u32, Option<u32>)>,
    pub(super) records: Vec<Record>,
    pub(super) memories: Vec<Memory>,
    pub(super) samples: Vec<Option<Sample>>,
    /// Points of a device of which something has come, and those of them that are lost.
    heard: Vec<(u32, u32)>,
    lost: Vec<Option<bool>>,
    returned: Vec<Option<UtcTime>>,
    due: BTreeSet<(UtcTime, u32)>,
    shelves: BTreeSet<(UtcTime, u32)>,
    /// Rules to be judged again with the next step.
    again: BTreeSet<u32>,
    maintenance_changed: bool,
    pub(super) clock: UtcTime,
    pub(super) sequence: u64,
    pub(super) flood: Flood,
    pub(super) schedule: Schedule,
    step: Vec<Event>,
    undo: Undo,
}

impl Engine {
    /// An engine in which nothing has happened.
    pub fn new(points: Arc<PointTable>, rules: Vec<Rule>, settings: Settings) -> Self {
        let mut engine = Self {
            samples: vec![None; points.len()],
            heard: vec![(0, 0); points.device_ids().len()],
            lost: vec![None; points.device_ids().len()],
            returned: vec![None; points.device_ids().len()],
            points,
            rules: Vec::new(),
            settings,
            by_id: HashMap::new(),
            by_point: Vec::new(),
            by_device: Vec::new(),
            by_asset: HashMap::new(),
            rated: Vec::new(),
            covers: Vec::new(),
            group_of: Vec::new(),
            groups: Vec::new(),
            records: Vec::new(),
            memories: Vec::new(),
            due: BTreeSet::new(),
            shelves: BTreeSet::new(),
            again: BTreeSet::new(),
            maintenance_changed: false,
            clock: UtcTime::from_us(i64::MIN),
            sequence: 0,
            flood: Flood::default(),
            schedule: Schedule::default(),
            step: Vec::new(),
            undo: Undo::default(),
        };
        engine.set_rules(rules);
        engine
    }

    /// An engine as it was: a snapshot, if there is one, and the events that were written after it.
    ///
    /// Without an event after the snapshot it goes on exactly. With one, what the points showed in between is not known, so that every
    /// condition is unknown until its points are heard again; the alarms stand as their events left them. Events of rules that are no more
    /// change nothing.
    pub fn restore<'a>(
        points: Arc<PointTable>,
        rules: Vec<Rule>,
        settings: Settings,
        snapshot: Option<Snapshot>,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Self {
        let mut engine = Self::new(points, rules, settings);
        let mut is_exact = snapshot.is_some();
        if let Some(snapshot) = snapshot {
            engine.take_up(snapshot);
        }
        for event in events {
            if event.sequence > engine.sequence {
                is_exact = false;
                engine.sequence = event.sequence;
                engine.clock = engine.clock.max(event.time);
                engine.apply(event);
                engine.undo = Undo::default();
            }
        }
        if !is_exact {
            engine.forget_values();
        }
        engine.maintenance_changed = true;
        engine
    }

    fn take_up(&mut self, snapshot: Snapshot) {
        (self.sequence, self.clock) = (snapshot.sequence, snapshot.clock);
        (self.flood, self.schedule) = (snapshot.flood, snapshot.schedule);
        for (name, sample) in snapshot.samples {
            if let Some(point) = self.points.find(&name) {
                self.store(point, sample);
            }
        }
        self.find_lost();
        for (id, at) in snapshot.returned {
            if let Some(device) = self.points.find_device(&id) {
                self.returned[device.0 as usize] = Some(at);
            }
        }
        for (id, record) in snapshot.records {
            if let Some(&i) = self.by_id.get(&id) {
                self.set_record(i, record);
            }
        }
        for (id, memory) in snapshot.memories {
            let Some(&i) = self.by_id.get(&id) else { continue };
            let slot = &mut self.memories[i as usize];
            // A rule that was rewritten meanwhile starts anew.
            if (slot.condition.len(), slot.suppress.len()) == (memory.condition.len(), memory.suppress.len()) {
                self.due.extend(memory.due.map(|at| (at, i)));
                *slot = memory;
            }
        }
        self.again = snapshot.again.iter().filter_map(|id| self.by_id.get(id).copied()).collect();
    }

    /// What every point shows becomes unknown, as after a time in which nobody listened. Alarms stay as they are, and are told as unknown with
    /// the next step.
    pub fn forget_values(&mut self) {
        self.samples.fill(None);
        self.heard.fill((0, 0));
        self.lost.fill(None);
        self.returned.fill(None);
        self.due.clear();
        for i in 0..self.rules.len() {
            self.memories[i] = self.fresh_memory(i);
            if self.records[i].standing.is_active() {
                self.again.insert(i as u32);
            }
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        let ids = || self.rules.iter().map(|r| r.id.clone());
        let points = self.points.entries().map(|(_, e)| e.name.clone());
        let devices = self.points.device_ids().iter().cloned();
        Snapshot {
            sequence: self.sequence,
            clock: self.clock,
            records: ids().zip(self.records.iter().cloned()).filter(|(_, r)| *r != Record::default()).collect(),
            memories: ids().zip(self.memories.iter().cloned()).collect(),
            samples: points.zip(&self.samples).filter_map(|(n, s)| Some((n, s.clone()?))).collect(),
            returned: devices.zip(&self.returned).filter_map(|(d, at)| Some((d, (*at)?))).collect(),
            again: self.again.iter().map(|i| self.rules[*i as usize].id.clone()).collect(),
            flood: self.flood.clone(),
            schedule: self.schedule.clone(),
        }
    }

    // Rules and their indices.

    fn fresh_memory(&self, i: usize) -> Memory {
        let (rule, record) = (&self.rules[i], &self.records[i]);
        let leaf = |was_true| LeafMemory { was_true, history: None };
        // Within its deadband an alarm that stands goes on standing.
        let is_active = record.standing.is_active();
        Memory {
            condition: vec![leaf(is_active); leaf_count(&rule.condition)],
            suppress: vec![leaf(record.suppressed_by_design); rule.suppress_if.as_ref().map_or(0, leaf_count)],
            truth: Truth::Unknown,
            since: self.clock,
            is_suppressed: record.suppressed_by_design && rule.suppress_if.is_some(),
            due: None,
        }
    }

    fn set_rules(&mut self, rules: Vec<Rule>) {
        let before: HashMap<Arc<str>, (Rule, Record, Memory)> = std::mem::take(&mut self.rules)
            .into_iter()
            .zip(std::mem::take(&mut self.records))
            .zip(std::mem::take(&mut self.memories))
            .map(|((rule, record), memory)| (rule.id.clone(), (rule, record, memory)))
            .collect();
        self.by_id = rules.iter().enumerate().map(|(i, r)| (r.id.clone(), i as u32)).collect();
        self.by_point = vec![Vec::new(); self.points.len()];
        self.by_device = vec![Vec::new(); self.points.device_ids().len()];
        (self.by_asset, self.rated) = Default::default();
        (self.due, self.shelves, self.again) = Default::default();
        let mut group_index: HashMap<Arc<str>, u32> = HashMap::new();
        let mut has_alarm = vec![false; self.points.device_ids().len()];
        for rule in rules.iter().filter(|r| r.enabled) {
            if let Condition::Device { device } = rule.condition {
                has_alarm[device.0 as usize] = true;
            }
        }
        (self.group_of, self.covers) = Default::default();
        for (i, rule) in rules.iter().enumerate() {
            let i = i as u32;
            let mut points = rule.condition.points();
            let covers: BTreeSet<DeviceIndex> = if rule.condition.is_of_quality() {
                points.iter().map(|p| self.points.entry(*p).device).filter(|d| has_alarm[d.0 as usize]).collect()
            } else {
                BTreeSet::new()
            };
            let mut devices: BTreeSet<DeviceIndex> = covers.clone();
            let mut is_rated = false;
            for condition in std::iter::once(&rule.condition).chain(&rule.suppress_if) {
                points.extend(condition.points());
                condition.leaves(&mut |leaf| {
                    if let Condition::Device { device } = leaf {
                        devices.insert(*device);
                    }
                    is_rated |= matches!(leaf, Condition::Rate { .. });
                });
            }
            points.sort_unstable();
            points.dedup();
            if rule.enabled {
                points.iter().for_each(|p| self.by_point[p.0 as usize].push(i));
                devices.iter().for_each(|d| self.by_device[d.0 as usize].push(i));
                self.rated.extend(is_rated.then_some(i));
                if let Some(asset) = &rule.asset {
                    self.by_asset.entry(asset.clone()).or_default().push(i);
                }
            }
            self.covers.push(covers.into_iter().collect());
            let groups = group_index.len() as u32;
            self.group_of.push(rule.group.as_ref().map(|g| *group_index.entry(g.clone()).or_insert(groups)));
        }
        self.groups = vec![(0, None); group_index.len()];
        self.records = vec![Record::default(); rules.len()];
        self.rules = rules;
        let mut before = before;
        for i in 0..self.rules.len() {
            let old = before.remove(&self.rules[i].id);
            if let Some((_, record, _)) = &old {
                self.set_record(i as u32, record.clone());
            }
            let memory = match old {
                Some((rule, _, memory))
                    if rule.condition == self.rules[i].condition && rule.suppress_if == self.rules[i].suppress_if && rule.enabled =>
                {
                    // The delay may be another one: it is judged again below.
                    Memory { due: None, ..memory }
                }
                _ => self.fresh_memory(i),
            };
            self.memories.push(memory);
            if self.clock.us > i64::MIN && self.rules[i].enabled {
                self.again.insert(i as u32);
            }
        }
        self.maintenance_changed = true;
    }

    // Records, which events alone change.

    /// Puts a record in its place and keeps what is counted of records in step.
    fn set_record(&mut self, i: u32, record: Record) {
        let slot = &mut self.records[i as usize];
        if let Some(shelf) = &slot.shelf {
            self.shelves.remove(&(shelf.until, i));
        }
        if let Some(shelf) = &record.shelf {
            self.shelves.insert((shelf.until, i));
        }
        if let Some(group) = self.group_of[i as usize] {
            let (listed, first) = &mut self.groups[group as usize];
            *listed -= u32::from(slot.state().is_listed());
            *listed += u32::from(record.state().is_listed());
            if record.first_out {
                *first = Some(i);
            } else if *first == Some(i) {
                *first = None;
            }
        }
        *slot = record;
    }

    fn remember(&mut self, i: u32) {
        self.undo.records.push((i, self.records[i as usize].clone()));
    }

    /// Takes over what an event says. Live and replayed events go the same way.
    fn apply(&mut self, event: &Event) {
        match event.kind {
            EventKind::FloodBegan | EventKind::FloodEnded => {
                self.undo.flood.get_or_insert_with(|| self.flood.clone());
                self.flood.since = (event.kind == EventKind::FloodBegan).then_some(event.time);
                return;
            }
            _ if event.rule.is_none() => {
                if event.maintenance.is_some() {
                    self.undo.schedule.get_or_insert_with(|| self.schedule.clone());
                    self.schedule.apply(event);
                }
                return;
            }
            _ => {}
        }
        if event.annunciated {
            self.undo.flood.get_or_insert_with(|| self.flood.clone());
            self.flood.show(event.time);
        }
        let Some(&i) = event.rule.as_ref().and_then(|id| self.by_id.get(id)) else { return };
        self.remember(i);
        let mut record = self.records[i as usize].clone();
        fold(&mut record, event);
        self.set_record(i, record);
        // A group that has become quiet forgets who was first.
        if let Some(group) = self.group_of[i as usize]
            && let (0, Some(first)) = self.groups[group as usize]
        {
            self.remember(first);
            let mut record = self.records[first as usize].clone();
            record.first_out = false;
            self.set_record(first, record);
        }
    }

    /// Numbers, stamps and applies an event.
    pub(super) fn emit(&mut self, mut event: Event) {
        if event.annunciated && self.flood.since.is_none() && self.flood.count(self.clock) + 1 > BEGINS_ABOVE {
            self.emit(Event::new(EventKind::FloodBegan, self.clock));
        }
        self.sequence += 1;
        (event.sequence, event.time) = (self.sequence, self.clock);
        event.flood = self.flood.since.is_some();
        self.apply(&event);
        self.step.push(event);
    }

    /// An event of an alarm, with what its rule and its point say.
    pub(super) fn event_of(&self, i: u32, kind: EventKind) -> Event {
        let (rule, record) = (&self.rules[i as usize], &self.records[i as usize]);
        let mut event = Event::new(kind, self.clock);
        (event.before, event.standing) = (record.state(), record.standing);
        event.rule = Some(rule.id.clone());
        event.text = Some(rule.text.clone());
        event.priority = Some(rule.priority);
        (event.class, event.group, event.asset) = (rule.class.clone(), rule.group.clone(), rule.asset.clone());
        if let Some(point) = rule.shown_point() {
            event.point = Some(self.points.entry(point).name.clone());
            if let Some(sample) = &self.samples[point.0 as usize] {
                (event.value, event.quality, event.value_time) = (sample.value.clone(), Some(sample.quality), Some(sample.time));
            }
        }
        event
    }

    /// Finds what the operator sees after an event, whether it asks for attention, and emits it.
    pub(super) fn emit_of(&mut self, i: u32, mut event: Event) {
        let was_listed = self.records[i as usize].state().is_listed();
        let was_hidden = self.records[i as usize].is_hidden();
        let mut after = self.records[i as usize].clone();
        fold(&mut after, &event);
        let comes_back = was_hidden && !after.is_hidden() && after.standing.is_active() && event.kind != EventKind::RuleRemoved;
        if comes_back {
            event.standing = Standing::Unacknowledged;
            fold(&mut after, &event);
        }
        event.after = after.state();
        event.annunciated = comes_back || event.kind == EventKind::Raised && !after.is_hidden();
        let others = self.group_of[i as usize].map(|g| self.groups[g as usize].0 - u32::from(was_listed));
        event.first_out = event.annunciated && !was_listed && others == Some(0);
        self.emit(event);
    }

    // Judging.

    fn judge_rule(&mut self, i: u32, updated: Option<PointIndex>) {
        let at = i as usize;
        let rule = &self.rules[at];
        if !rule.enabled {
            return;
        }
        let memory = &mut self.memories[at];
        let facts = Facts { samples: &self.samples, lost: &self.lost, now: self.clock, updated };
        let truth = judge(&rule.condition, &mut memory.condition, &facts);
        if let Some(suppress_if) = &rule.suppress_if {
            match judge(suppress_if, &mut memory.suppress, &facts) {
                Truth::True => memory.is_suppressed = true,
                Truth::False => memory.is_suppressed = false,
                Truth::Unknown => {}
            }
        } else {
            memory.is_suppressed = false;
        }
        if truth != memory.truth {
            (memory.truth, memory.since) = (truth, self.clock);
        }
        self.settle(i);
    }

    /// Some of its points are those of a lost device that has an alarm of its own; or of one that is just back, and they are not yet.
    fn is_covered(&self, i: u32) -> (bool, Option<UtcTime>) {
        let mut again = None;
        for device in &self.covers[i as usize] {
            let d = device.0 as usize;
            if self.lost[d] == Some(true) {
                return (true, None);
            }
            if let Some(returned) = self.returned[d] {
                let until = later(returned, self.settings.return_s);
                let is_missing = |p: &PointIndex| {
                    self.points.entry(*p).device == *device
                        && self.samples[p.0 as usize].as_ref().is_some_and(|s| s.quality.flags.has(Flags::COMM_LOST))
                };
                if self.clock < until && self.rules[i as usize].condition.points().iter().any(is_missing) {
                    again = again.max(Some(until));
                }
            }
        }
        (again.is_some(), again)
    }

    /// Brings an alarm to where its condition says it has to be, and notes when to look again.
    fn settle(&mut self, i: u32) {
        let at = i as usize;
        let (is_covered, covered_until) = self.is_covered(i);
        let memory = &self.memories[at];
        let wants_suppression = memory.is_suppressed || is_covered;
        let (truth, since) = (memory.truth, memory.since);
        let mut due = covered_until;
        if wants_suppression && !self.records[at].suppressed_by_design {
            let mut event = self.event_of(i, EventKind::SuppressedByDesign);
            event.comment =
                Some(if is_covered { "its device is lost, which has an alarm of its own" } else { "the rule's own condition" }.into());
            self.emit_of(i, event);
        }
        let is_active = self.records[at].standing.is_active();
        match truth {
            Truth::True if !is_active => {
                let raise_at = later(since, self.rules[at].on_delay_s);
                if self.clock >= raise_at {
                    self.take_step(i, Step::Raise, EventKind::Raised, None);
                } else {
                    due = Some(due.map_or(raise_at, |d| d.min(raise_at)));
                }
            }
            Truth::False if is_active => {
                let clear_at = later(since, self.rules[at].off_delay_s);
                if self.clock >= clear_at {
                    self.take_step(i, Step::Clear, EventKind::Cleared, None);
                } else {
                    due = Some(due.map_or(clear_at, |d| d.min(clear_at)));
                }
            }
            _ => {}
        }
        let record = &self.records[at];
        let is_unknown = truth == Truth::Unknown && record.standing.is_active();
        if is_unknown != record.condition_unknown {
            let kind = if is_unknown { EventKind::ConditionUnknown } else { EventKind::ConditionKnown };
            let event = self.event_of(i, kind);
            self.emit_of(i, event);
        }
        // Last, so that an alarm that has cleared is not shown for an instant.
        if !wants_suppression && self.records[at].suppressed_by_design {
            let event = self.event_of(i, EventKind::SuppressionEnded);
            self.emit_of(i, event);
        }
        let memory = &mut self.memories[at];
        if memory.due != due {
            if let Some(old) = memory.due {
                self.due.remove(&(old, i));
            }
            self.due.extend(due.map(|d| (d, i)));
            memory.due = due;
        }
    }

    /// Takes a step of the state machine; `false` where it has no meaning.
    pub(super) fn take_step(&mut self, i: u32, step: Step, kind: EventKind, actor: Option<Actor>) -> bool {
        let (rule, record) = (&self.rules[i as usize], &self.records[i as usize]);
        let Some(mut standing) = next(record.standing, step, rule.latching) else { return false };
        if step == Step::Clear && record.is_hidden() && record.raised_unseen {
            standing = Standing::Normal;
        }
        let mut event = self.event_of(i, kind);
        event.standing = standing;
        sign(&mut event, actor);
        self.emit_of(i, event);
        true
    }

    // Time.

    /// Deals with everything that ends by `now`, each at its own instant.
    pub(super) fn advance(&mut self, now: UtcTime) {
        for i in std::mem::take(&mut self.again) {
            self.judge_rule(i, None);
        }
        loop {
            let due = self.due.first().copied();
            let shelf = self.shelves.first().copied();
            let work = self.schedule.next().map(|(at, ..)| at);
            let flood = self.flood.ends_at();
            let Some(at) = [due.map(|d| d.0), shelf.map(|s| s.0), work, flood].into_iter().flatten().min() else { break };
            if at > now {
                break;
            }
            self.clock = self.clock.max(at);
            if work == Some(at) {
                self.turn_maintenance();
            } else if let Some((_, i)) = due.filter(|d| d.0 == at) {
                self.due.remove(&(at, i));
                self.memories[i as usize].due = None;
                self.settle(i);
            } else if let Some((_, i)) = shelf.filter(|s| s.0 == at) {
                let event = self.event_of(i, EventKind::ShelfExpired);
                self.emit_of(i, event);
            } else if self.flood.turn(self.clock) == Some(Turn::Ends) {
                self.emit(Event::new(EventKind::FloodEnded, self.clock));
            } else {
                break;
            }
        }
        self.clock = self.clock.max(now);
        if self.maintenance_changed {
            self.match_maintenance();
        }
    }

    /// Begins or ends the next work.
    fn turn_maintenance(&mut self) {
        let Some((_, kind, entry)) = self.schedule.next() else { return };
        let entry = entry.clone();
        let mut event = Event::new(kind, self.clock);
        (event.asset, event.who, event.maintenance) = (Some(entry.asset.clone()), Some(entry.who.clone()), Some(entry.clone()));
        self.emit(event.clone());
        if kind == EventKind::MaintenanceEnded {
            event.kind = EventKind::MaintenanceOverdue;
            self.emit(event);
        }
        self.match_maintenance();
    }

    /// Takes the alarms of assets that are worked on out of service, and gives the others back.
    pub(super) fn match_maintenance(&mut self) {
        self.maintenance_changed = false;
        let under_way: Vec<Entry> = self.schedule.under_way().cloned().collect();
        for entry in &under_way {
            for i in self.by_asset.get(&entry.asset).cloned().unwrap_or_default() {
                if !self.records[i as usize].maintenance.contains(&entry.id) {
                    self.emit_maintenance(i, EventKind::RemovedFromService, entry);
                }
            }
        }
        for i in 0..self.records.len() as u32 {
            let asset = self.rules[i as usize].asset.as_ref();
            let goes_on = |id: &u64| under_way.iter().any(|e| e.id == *id && asset == Some(&e.asset));
            let over: Vec<u64> = self.records[i as usize].maintenance.iter().copied().filter(|id| !goes_on(id)).collect();
            for id in over {
                if let Some(entry) = self.schedule.find(id).cloned() {
                    self.emit_maintenance(i, EventKind::ReturnedToService, &entry);
                }
            }
        }
    }

    fn emit_maintenance(&mut self, i: u32, kind: EventKind, entry: &Entry) {
        let mut event = self.event_of(i, kind);
        event.who = Some(entry.who.clone());
        event.comment = Some(format!("{} maintenance {} of {}", entry.kind, entry.id, entry.asset).into());
        event.maintenance = Some(entry.clone());
        self.emit_of(i, event);
    }

    // Steps.

    pub(super) fn begin(&mut self, now: UtcTime) {
        self.step.clear();
        self.undo = Undo { sequence: self.sequence, ..Undo::default() };
        self.advance(now);
    }

    /// Hands the events of the step to the journal, and takes the step back when it cannot write them.
    pub(super) fn commit(&mut self, journal: &mut dyn Journal) -> Result<Vec<Event>, JournalFault> {
        let events = std::mem::take(&mut self.step);
        let undo = std::mem::take(&mut self.undo);
        if events.is_empty() {
            return Ok(events);
        }
        let Err(fault) = journal.append(&events) else { return Ok(events) };
        for (i, record) in undo.records.into_iter().rev() {
            self.set_record(i, record);
            self.again.insert(i);
        }
        if let Some(flood) = undo.flood {
            self.flood = flood;
        }
        if let Some(schedule) = undo.schedule {
            self.schedule = schedule;
        }
        self.sequence = undo.sequence;
        self.maintenance_changed = true;
        Err(fault)
    }

    fn store(&mut self, point: PointIndex, sample: Sample) {
        let (heard, lost) = &mut self.heard[self.points.entry(point).device.0 as usize];
        let slot = &mut self.samples[point.0 as usize];
        let is_lost = |s: &Sample| s.quality.flags.has(Flags::COMM_LOST);
        match slot {
            None => *heard += 1,
            Some(old) => *lost -= u32::from(is_lost(old)),
        }
        *lost += u32::from(is_lost(&sample));
        *slot = Some(sample);
    }

    /// Devices whose loss is another now than before.
    fn find_lost(&mut self) -> Vec<usize> {
        let mut changed = Vec::new();
        for (d, (heard, lost)) in self.heard.iter().enumerate() {
            let now = (*heard > 0).then_some(heard == lost);
            if now != self.lost[d] {
                changed.push(d);
                if self.lost[d] == Some(true) {
                    self.returned[d] = Some(self.clock);
                }
                self.lost[d] = now;
            }
        }
        changed
    }

    /// Takes what points have told, and gives what came of it.
    ///
    /// The updates of one call are looked at in the order of their own times, so that the first of a group is the one that was first at its
    /// source. A device counts as lost or returned when all of the call is taken in.
    ///
    /// # Errors
    /// The journal cannot write: the values are kept, no alarm has changed, and the next step tries again.
    pub fn update(
        &mut self,
        now: UtcTime,
        updates: &[(PointIndex, Sample)],
        journal: &mut dyn Journal,
    ) -> Result<Vec<Event>, JournalFault> {
        self.begin(now);
        let mut order: Vec<usize> = (0..updates.len()).collect();
        order.sort_by_key(|u| updates[*u].1.time);
        // A device that is lost whole is known to be so before its points are judged one by one.
        let may_be_lost = updates.iter().any(|(_, s)| s.quality.flags.has(Flags::COMM_LOST));
        let mut changed = Vec::new();
        if may_be_lost {
            let before: Vec<_> = updates.iter().map(|(p, _)| (*p, self.samples[p.0 as usize].clone())).collect();
            let counts = self.heard.clone();
            order.iter().for_each(|u| self.store(updates[*u].0, updates[*u].1.clone()));
            let lost: Vec<usize> = (0..self.heard.len())
                .filter(|d| self.heard[*d].0 > 0 && self.heard[*d].0 == self.heard[*d].1 && self.lost[*d] != Some(true))
                .collect();
            for d in lost {
                self.lost[d] = Some(true);
                changed.push(d);
            }
            self.heard = counts;
            before.into_iter().rev().for_each(|(p, s)| self.samples[p.0 as usize] = s);
        }
        for u in order {
            let (point, sample) = &updates[u];
            self.store(*point, sample.clone());
            for k in 0..self.by_point[point.0 as usize].len() {
                self.judge_rule(self.by_point[point.0 as usize][k], Some(*point));
            }
        }
        changed.extend(self.find_lost());
        for d in changed {
            for k in 0..self.by_device[d].len() {
                self.judge_rule(self.by_device[d][k], None);
            }
        }
        self.commit(journal)
    }

    /// Lets time pass: delays, shelves, work, floods, and rates. To be called about once a second.
    ///
    /// # Errors
    /// As of [`Engine::update`].
    pub fn tick(&mut self, now: UtcTime, journal: &mut dyn Journal) -> Result<Vec<Event>, JournalFault> {
        self.begin(now);
        for k in 0..self.rated.len() {
            self.judge_rule(self.rated[k], None);
        }
        self.commit(journal)
    }

    /// Other rules. An alarm whose rule stays, by its id, stays as it is; one whose rule goes or is switched off ends, and that is told.
    ///
    /// # Errors
    /// The journal cannot write: the rules are the old ones.
    pub fn replace_rules(
        &mut self,
        now: UtcTime,
        rules: Vec<Rule>,
        actor: Actor,
        journal: &mut dyn Journal,
    ) -> Result<Vec<Event>, JournalFault> {
        self.begin(now);
        let stays: BTreeSet<&str> = rules.iter().filter(|r| r.enabled).map(|r| &*r.id).collect();
        let goes = |i: &usize| !stays.contains(&*self.rules[*i].id) && self.records[*i] != Record::default();
        for i in (0..self.rules.len()).filter(goes).collect::<Vec<_>>() {
            let mut event = self.event_of(i as u32, EventKind::RuleRemoved);
            event.standing = Standing::Normal;
            sign(&mut event, Some(actor));
            self.emit_of(i as u32, event);
        }
        let mut event = Event::new(EventKind::RulesChanged, self.clock);
        sign(&mut event, Some(actor));
        self.emit(event);
        let events = self.commit(journal)?;
        self.set_rules(rules);
        Ok(events)
    }
}

/// Says who did it, and why.
pub(super) fn sign(event: &mut Event, actor: Option<Actor>) {
    if let Some(actor) = actor {
        event.who = Some(actor.who.into());
        event.comment = (!actor.why.trim().is_empty()).then(|| actor.why.into());
    }
}

/// A record after an event.
fn fold(record: &mut Record, event: &Event) {
    let was_hidden = record.is_hidden();
    record.standing = event.standing;
    record.changed_at = Some(event.time);
    match event.kind {
        EventKind::Raised => {
            record.raised_at = Some(event.time);
            record.raised_unseen = was_hidden;
            record.flood = event.flood;
        }
        EventKind::Shelved => {
            record.shelf = Some(Shelf {
                until: event.until.unwrap_or(event.time),
                who: event.who.clone().unwrap_or_default(),
                reason: event.comment.clone().unwrap_or_default(),
            });
        }
        EventKind::Unshelved | EventKind::ShelfExpired => record.shelf = None,
        EventKind::SuppressedByDesign => record.suppressed_by_design = true,
        EventKind::SuppressionEnded => record.suppressed_by_design = false,
        EventKind::RemovedFromService => match &event.maintenance {
            Some(entry) if !record.maintenance.contains(&entry.id) => record.maintenance.push(entry.id),
            Some(_) => {}
            None => {
                record.removal = Some(Removal {
                    since: event.time,
                    who: event.who.clone().unwrap_or_default(),
                    reason: event.comment.clone().unwrap_or_default(),
                });
            }
        },
        EventKind::ReturnedToService => match &event.maintenance {
            Some(entry) => record.maintenance.retain(|id| *id != entry.id),
            None => record.removal = None,
        },
        EventKind::ConditionUnknown => record.condition_unknown = true,
        EventKind::ConditionKnown => record.condition_unknown = false,
        EventKind::RuleRemoved => *record = Record::default(),
        _ => {}
    }
    if !record.is_hidden() {
        record.raised_unseen = false;
    }
    if record.standing == Standing::Normal {
        (record.raised_at, record.flood, record.raised_unseen) = (None, false, false);
    }
    if event.annunciated {
        record.shown.push(event.time);
        if record.shown.len() > 3 {
            record.shown.remove(0);
        }
        if let [first, _, third] = record.shown[..]
            && third.us.saturating_sub(first.us) <= CHATTER_US
        {
            record.chattered_at = Some(third);
        }
    }
    record.first_out |= event.first_out;
}
