//! Who is told of what. The plan says it, as data; [`crate::sending`] sends it.
//!
//! A route takes the events that it is for. While there is a flood it may give one summary in a while in their place, and a limit on notices
//! in a time does the same at any time: what is over it is counted and told in the next summary, so that nothing is dropped in silence.

use super::event::{Event, EventKind};
use super::rule::{Priority, later};
use jiff::tz::TimeZone;
use scada::UtcTime;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Websocket,
    Email,
    Webhook,
}

impl Channel {
    pub const ALL: [(&'static str, Self); 3] = [("websocket", Self::Websocket), ("email", Self::Email), ("webhook", Self::Webhook)];
}

/// What a route does in a flood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InFlood {
    Each,
    /// One summary in a while.
    #[default]
    Summary,
}

impl InFlood {
    pub const ALL: [(&'static str, Self); 2] = [("each", Self::Each), ("summary", Self::Summary)];
}

/// Hours of the day on some days of the week, by the clock of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// Name of the zone, as `Asia/Kolkata`.
    pub zone: Arc<str>,
    /// Monday is 0; none means all.
    pub weekdays: Vec<u8>,
    /// Minutes after midnight. From 22:00 to 06:00 goes over midnight, and belongs to the day on which it begins.
    pub from_min: u16,
    pub to_min: u16,
}

impl Hours {
    /// Whether an instant is within; `false` when the zone is not known, which the document does not let pass.
    pub fn hold(&self, at: UtcTime) -> bool {
        let Ok(zone) = TimeZone::get(&self.zone) else { return false };
        let Ok(instant) = jiff::Timestamp::from_microsecond(at.us) else { return false };
        let local = zone.to_datetime(instant);
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let today = local.weekday().to_monday_zero_offset() as u8;
        let is_on = |day: u8| self.weekdays.is_empty() || self.weekdays.contains(&day);
        if self.from_min < self.to_min {
            is_on(today) && minute >= self.from_min && minute < self.to_min
        } else {
            minute >= self.from_min && is_on(today) || minute < self.to_min && is_on((today + 6) % 7)
        }
    }
}

/// No more than so many notices in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    pub notices: u32,
    pub window_s: f64,
}

/// Which events go where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    pub id: Arc<str>,
    pub channel: Channel,
    /// Mail address, address of a webhook, or channel of the WebSocket.
    pub to: Arc<str>,
    /// Lowest priority that is told.
    pub priority: Priority,
    /// None means all.
    pub groups: Vec<Arc<str>>,
    /// None means what asks for attention, and the beginning and end of floods.
    pub kinds: Vec<EventKind>,
    pub hours: Option<Hours>,
    pub in_flood: InFlood,
    /// Seconds between two summaries.
    pub summary_s: f64,
    pub limit: Option<Limit>,
    /// Also the return to normal of what was told one by one.
    #[serde(default)]
    pub returns: bool,
}

impl Route {
    pub fn new(id: &str, channel: Channel, to: &str) -> Self {
        Self {
            id: id.into(),
            channel,
            to: to.into(),
            priority: Priority::Low,
            groups: Vec::new(),
            kinds: Vec::new(),
            hours: None,
            in_flood: InFlood::Summary,
            summary_s: 60.0,
            limit: None,
            returns: false,
        }
    }

    /// It is for this event, at this time.
    pub fn takes(&self, event: &Event) -> bool {
        let is_of_flood = matches!(event.kind, EventKind::FloodBegan | EventKind::FloodEnded);
        let kind = if self.kinds.is_empty() { event.annunciated || is_of_flood } else { self.kinds.contains(&event.kind) };
        // What has no priority or group concerns all.
        let priority = event.priority.is_none_or(|p| p >= self.priority);
        let group = self.groups.is_empty() || event.rule.is_none() || event.group.as_ref().is_some_and(|g| self.groups.contains(g));
        kind && priority && group && self.hours.as_ref().is_none_or(|h| h.hold(event.time))
    }
}

/// Events of one group that a summary stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Held {
    pub group: Option<Arc<str>>,
    pub events: usize,
    pub highest: Option<Priority>,
    pub first_out: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    Event(Box<Event>),
    /// What was held back, and since when.
    Summary {
        since: UtcTime,
        events: usize,
        first_sequence: u64,
        last_sequence: u64,
        groups: Vec<Held>,
    },
}

/// Something to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    pub route: Arc<str>,
    pub channel: Channel,
    pub to: Arc<str>,
    pub time: UtcTime,
    pub content: Content,
    /// Number of the event whose notice this one answers: the beginning of what has ended.
    #[serde(default)]
    pub answers: Option<u64>,
}

/// Events that are to be told together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gathered {
    held: Vec<Held>,
    since: Option<UtcTime>,
    first_sequence: u64,
    last_sequence: u64,
}

/// What a route has sent and holds back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct RouteState {
    sent: VecDeque<UtcTime>,
    gathered: Gathered,
    /// By rule the event that was told one by one, until its end is.
    told: BTreeMap<Arc<str>, u64>,
}

/// The routes, and how far each is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub routes: Vec<Route>,
    states: BTreeMap<Arc<str>, RouteState>,
}

impl Plan {
    pub fn new(routes: Vec<Route>) -> Self {
        Self { routes, states: BTreeMap::new() }
    }

    /// Other routes; what those of the same name have sent and hold back stays. What a route that is gone holds back is never sent: whoever
    /// took it away wants nothing more from it.
    pub fn set_routes(&mut self, routes: Vec<Route>) {
        self.states.retain(|id, _| routes.iter().any(|r| r.id == *id));
        self.routes = routes;
    }

    /// What has to be sent for these events, and what was held back long enough. With no events, to be called about once a second.
    pub fn notices(&mut self, events: &[Event], now: UtcTime) -> Vec<Notice> {
        let mut notices = Vec::new();
        for route in &self.routes {
            let state = self.states.entry(route.id.clone()).or_default();
            let notice = |content, answers| Notice {
                route: route.id.clone(),
                channel: route.channel,
                to: route.to.clone(),
                time: now,
                content,
                answers,
            };
            for event in events {
                let answers = state.answers(event);
                if !(route.takes(event) || route.returns && answers.is_some()) {
                    continue;
                }
                let is_of_flood = matches!(event.kind, EventKind::FloodBegan | EventKind::FloodEnded);
                let waits = event.flood && !is_of_flood && route.in_flood == InFlood::Summary;
                // An end is told after what it ends.
                if event.kind == EventKind::FloodEnded {
                    notices.extend(state.gathered.summary().map(|content| notice(content, None)));
                }
                if waits || !state.may_send(route.limit, now) {
                    state.gathered.add(event);
                } else {
                    state.sent.push_back(now);
                    if let Some(rule) = event.rule.as_ref().filter(|_| event.annunciated) {
                        state.told.insert(rule.clone(), event.sequence);
                    }
                    notices.push(notice(Content::Event(Box::new(event.clone())), answers));
                }
            }
            let is_due = state.gathered.since.is_some_and(|since| now >= later(since, route.summary_s));
            if is_due {
                notices.extend(state.gathered.summary().map(|content| notice(content, None)));
            }
        }
        notices
    }
}

impl RouteState {
    /// The event that was told of an alarm that ends with this one.
    fn answers(&mut self, event: &Event) -> Option<u64> {
        let ends = matches!(event.kind, EventKind::Cleared | EventKind::RuleRemoved);
        event.rule.as_ref().filter(|_| ends).and_then(|rule| self.told.remove(rule))
    }

    fn may_send(&mut self, limit: Option<Limit>, now: UtcTime) -> bool {
        let Some(limit) = limit else {
            self.sent.clear();
            return true;
        };
        while self.sent.front().is_some_and(|at| now >= later(*at, limit.window_s)) {
            self.sent.pop_front();
        }
        self.sent.len() < limit.notices as usize
    }
}

impl Gathered {
    /// Events that are in it.
    pub fn events(&self) -> usize {
        self.held.iter().map(|h| h.events).sum()
    }

    pub fn add(&mut self, event: &Event) {
        self.meet(event.time, event.sequence, event.sequence);
        self.count(Held {
            group: event.group.clone(),
            events: 1,
            highest: event.priority,
            first_out: event.rule.clone().filter(|_| event.first_out),
        });
    }

    /// Adds what a notice would have told.
    pub fn add_content(&mut self, content: &Content) {
        match content {
            Content::Event(event) => self.add(event),
            Content::Summary { since, first_sequence, last_sequence, groups, .. } => {
                self.meet(*since, *first_sequence, *last_sequence);
                groups.iter().for_each(|held| self.count(held.clone()));
            }
        }
    }

    fn meet(&mut self, time: UtcTime, first: u64, last: u64) {
        if self.since.is_none() {
            (self.since, self.first_sequence) = (Some(time), first);
        }
        self.last_sequence = last;
    }

    fn count(&mut self, more: Held) {
        match self.held.iter_mut().find(|h| h.group == more.group) {
            Some(held) => {
                held.events += more.events;
                held.highest = held.highest.max(more.highest);
                if more.first_out.is_some() {
                    held.first_out = more.first_out;
                }
            }
            None => self.held.push(more),
        }
    }

    /// All of it in one; it is empty afterwards.
    pub fn summary(&mut self) -> Option<Content> {
        let since = self.since.take()?;
        let groups = std::mem::take(&mut self.held);
        let events = groups.iter().map(|g| g.events).sum();
        Some(Content::Summary { since, events, first_sequence: self.first_sequence, last_sequence: self.last_sequence, groups })
    }
}
