//! From the tree of a document to rules.

use super::super::engine::Settings;
use super::super::event::EventKind;
use super::super::maintenance::Entry;
use super::super::notify::{Channel, Hours, InFlood, Limit, Route};
use super::super::points::{DeviceIndex, PointIndex, PointTable};
use super::super::rule::{Condition, Direction, Priority, QualityWord, Rule, StateWord};
use super::check;
use network::document::fields::{Codes, Fields, Findings, cut, near};
use network::document::tree::{self, MAX_BYTES, Node, Value as Tree};
use network::{Diagnostic, Severity};
use scada::UtcTime;
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap};

/// Longest delay and window: a week, seconds.
const LONGEST_S: f64 = 604_800.0;

/// What its faults are called.
const CODES: Codes = Codes {
    kind: "ALARM.VALUE.KIND",
    twice: "ALARM.KEY.TWICE",
    missing: "ALARM.KEY.MISSING",
    range: "ALARM.VALUE.RANGE",
    unknown_word: "ALARM.VALUE.UNKNOWN_WORD",
    unknown_key: "ALARM.KEY.UNKNOWN",
    page: "docs/alarms.md",
};

/// What reading gives. Not to be used where [`AlarmDocument::is_sound`] says no.
#[derive(Clone, Debug, Default)]
pub struct AlarmDocument {
    pub rules: Vec<Rule>,
    pub settings: Settings,
    pub maintenance: Vec<Entry>,
    pub routes: Vec<Route>,
    pub diagnostics: Vec<Diagnostic>,
}

impl AlarmDocument {
    pub fn is_sound(&self) -> bool {
        self.diagnostics.iter().all(|d| d.severity != Severity::Error)
    }
}

/// What the document is read against.
pub(super) struct Context<'a> {
    pub findings: &'a Findings,
    pub points: &'a PointTable,
    point_names: Vec<&'a str>,
}

/// Two numbers, the lower one first.
fn pair(fields: &Fields<'_>, key: &'static str) -> Option<(f64, f64)> {
    let node = fields.get(key)?;
    if let Tree::List(list) = &node.value
        && let [Node { value: Tree::Number(low), .. }, Node { value: Tree::Number(high), .. }] = list[..]
    {
        if low < high {
            return Some((low, high));
        }
        let what = format!("{key} of {} goes from {low} to {high}, which is empty", fields.of);
        let finding = Diagnostic::error("ALARM.LIMIT.CONTRADICTION", what).hint("give the lower limit first, and the two apart");
        fields.findings.add(finding, node.line);
        return None;
    }
    fields.kind_fault(key, node, "two numbers, as [low, high]");
    None
}

/// Reads a document from its text; `file` is the name for findings.
///
/// Never fails as a whole: every fault is a finding with its line.
pub fn read(text: &str, file: &str, points: &PointTable) -> AlarmDocument {
    let findings = Findings::new(file, &CODES);
    let names = points.entries().map(|(_, e)| &*e.name).collect();
    let context = Context { findings: &findings, points, point_names: names };
    let mut document = document(text, &context);
    document.diagnostics = findings.found.into_inner();
    document.diagnostics.sort_by_key(|d| d.source.as_ref().map_or(0, |s| s.line));
    document
}

fn document(text: &str, context: &Context) -> AlarmDocument {
    let findings = context.findings;
    let mut document = AlarmDocument::default();
    if text.len() > MAX_BYTES {
        let what = format!("the document is larger than {} MB", MAX_BYTES >> 20);
        findings.add(Diagnostic::error("ALARM.TEXT.TOO_LARGE", what).hint("split it, or see whether it is the right file"), 0);
        return document;
    }
    let root = match tree::parse(text) {
        Ok(Some(root)) => root,
        Ok(None) => {
            findings.add(Diagnostic::error("ALARM.TEXT.EMPTY", "the document holds nothing").hint("begin with `alarms:`"), 1);
            return document;
        }
        Err(fault) => {
            let finding = Diagnostic::error("ALARM.TEXT.SYNTAX", format!("no YAML and no JSON: {}", fault.what));
            findings.add(finding.hint("correct the line; indentation and brackets are the usual causes"), fault.line);
            return document;
        }
    };
    let Some(top) = Fields::new(findings, "the document", &root) else { return document };
    let standard = Settings::default();
    document.settings = Settings {
        shelve_longest_s: top.number_within("shelve_longest_s", 1.0, LONGEST_S).unwrap_or(standard.shelve_longest_s),
        return_s: top.number_within("return_s", 0.0, 3600.0).unwrap_or(standard.return_s),
    };
    let mut rules: Vec<(u32, Rule)> = Vec::new();
    let mut lines: HashMap<String, u32> = HashMap::new();
    if top.need("alarms", "[...]") {
        for (i, node) in top.list("alarms").iter().enumerate() {
            let Some(fields) = Fields::new(findings, format!("alarm {}", i + 1), node) else { continue };
            let Some(rule) = rule(context, fields, &mut lines) else { continue };
            rules.push((node.line, rule));
        }
    }
    communication(context, &top, &mut rules);
    check::rules(context, &rules);
    let assets: BTreeSet<&str> = rules.iter().filter_map(|(_, r)| r.asset.as_deref()).collect();
    for (i, node) in top.list("maintenance").iter().enumerate() {
        let Some(fields) = Fields::new(findings, format!("maintenance {}", i + 1), node) else { continue };
        document.maintenance.extend(maintenance(fields, &assets));
    }
    let groups: BTreeSet<&str> = rules.iter().filter_map(|(_, r)| r.group.as_deref()).collect();
    let mut routes: HashMap<String, u32> = HashMap::new();
    for (i, node) in top.list("notify").iter().enumerate() {
        let Some(fields) = Fields::new(findings, format!("route {}", i + 1), node) else { continue };
        document.routes.extend(route(fields, &groups, &mut routes));
    }
    top.finish();
    document.rules = rules.into_iter().map(|(_, r)| r).collect();
    document
}

/// An id that nothing before it has.
fn unique_id(fields: &Fields, id: &str, lines: &mut HashMap<String, u32>) {
    let line = fields.line_of("id");
    if let Some(first) = lines.get(id) {
        let finding = Diagnostic::error("ALARM.ID.TWICE", format!("the id \"{}\" is given twice", cut(id)));
        fields.findings.add(finding.detail(format!("It stands in line {first} already.")).hint("give each its own id"), line);
    } else {
        lines.insert(id.to_owned(), line);
    }
}

fn rule(context: &Context, fields: Fields, lines: &mut HashMap<String, u32>) -> Option<Rule> {
    let id = fields.needed_text("id", "tx1.oil_high");
    let fields = match &id {
        Some(id) => fields.named(format!("alarm \"{}\"", cut(id))),
        None => fields,
    };
    id.iter().for_each(|id| unique_id(&fields, id, lines));
    let text = fields.needed_text("text", "Transformer 1: oil is hot");
    let condition = match fields.get("condition") {
        Some(node) => {
            if ["point", "device", "all", "any", "not"].iter().any(|key| fields.get(key).is_some()) {
                one_test(&fields, "a `condition` and a test beside it");
            }
            nested(context, &fields, "condition", node)
        }
        None => condition(context, &fields),
    };
    let suppress_if = fields.get("suppress_if").map(|node| nested(context, &fields, "suppress_if", node));
    let rule = Rule {
        id: id.as_deref().unwrap_or_default().into(),
        text: text.as_deref().unwrap_or_default().into(),
        condition: condition.clone().unwrap_or(Condition::All(Vec::new())),
        on_delay_s: fields.number_within("on_delay_s", 0.0, LONGEST_S).unwrap_or(0.0),
        off_delay_s: fields.number_within("off_delay_s", 0.0, LONGEST_S).unwrap_or(0.0),
        priority: if fields.need("priority", "low") { fields.word("priority", &Priority::ALL) } else { None }.unwrap_or_default(),
        class: fields.text("class").map(Into::into),
        group: fields.text("group").map(Into::into),
        asset: fields.text("asset").map(Into::into),
        element: fields.text("element").map(Into::into),
        consequence: fields.text("consequence").map(Into::into),
        response: fields.text("response").map(Into::into),
        time_to_respond_s: fields.number_within("time_to_respond_s", 1.0, LONGEST_S),
        latching: fields.flag("latching").unwrap_or(false),
        shelvable: fields.flag("shelvable").unwrap_or(true),
        suppress_if: suppress_if.clone().flatten(),
        enabled: fields.flag("enabled").unwrap_or(true),
    };
    fields.finish();
    // A rule of which a part could not be read is told, and not taken for one without that part.
    let is_whole = id.is_some() && text.is_some() && condition.is_some() && suppress_if.is_none_or(|s| s.is_some());
    is_whole.then_some(rule)
}

fn nested(context: &Context, fields: &Fields, key: &str, node: &Node) -> Option<Condition> {
    let inner = Fields::new(context.findings, format!("{key} of {}", fields.of), node)?;
    let found = condition(context, &inner);
    inner.finish();
    found
}

fn one_test(fields: &Fields, what: &str) {
    let finding = Diagnostic::error("ALARM.CONDITION.NOT_ONE", format!("{} has {what}", fields.of));
    let hint = "give one of high, low, outside, inside, rate_per_s, is, quality with its point; or device, all, any, not";
    fields.findings.add(finding.hint(hint), fields.line);
}

/// The condition that stands in a mapping. Asks for every key of a condition, so that none of them counts as unknown.
fn condition(context: &Context, fields: &Fields) -> Option<Condition> {
    const TESTS: [&str; 11] = ["high", "low", "outside", "inside", "rate_per_s", "is", "quality", "device", "all", "any", "not"];
    let given: Vec<&str> = TESTS.into_iter().filter(|key| fields.get(key).is_some()).collect();
    let has_point = fields.get("point").is_some();
    let (window, direction, deadband) = (fields.get("window_s"), fields.get("direction"), fields.get("deadband"));
    let [test] = given[..] else {
        let what = if given.is_empty() { "no test".to_owned() } else { format!("several tests: {}", given.join(", ")) };
        one_test(fields, &what);
        if has_point {
            point(context, fields);
        }
        return None;
    };
    let of_point = !matches!(test, "device" | "all" | "any" | "not");
    if !of_point && has_point {
        one_test(fields, &format!("a point beside `{test}`"));
    }
    let has_deadband = matches!(test, "high" | "low" | "outside" | "inside" | "rate_per_s");
    let needless = [("deadband", deadband.is_some() && !has_deadband), ("window_s", window.is_some() && test != "rate_per_s")];
    let needless = needless.into_iter().chain([("direction", direction.is_some() && test != "rate_per_s")]);
    for (key, _) in needless.filter(|(_, is)| *is) {
        let finding = Diagnostic::error("ALARM.KEY.NEEDLESS", format!("{key} of {} means nothing beside `{test}`", fields.of));
        fields.findings.add(finding.hint("remove it, or see whether another test was meant"), fields.line_of(key));
    }
    let deadband = if has_deadband { fields.number_within("deadband", 0.0, 1e12).unwrap_or(0.0) } else { 0.0 };
    let at = if of_point { if fields.need("point", "bay1.v_ll_kv") { point(context, fields) } else { None } } else { None };
    let numeric = || {
        let at = at?;
        let entry = context.points.entry(at);
        if entry.is_number() {
            return Some(at);
        }
        let what = format!("point \"{}\" of {} is {:?}, which has no {test}", entry.name, fields.of, entry.kind);
        let finding = Diagnostic::error("ALARM.POINT.KIND", what).hint("use `is` with states, or name a measurement");
        fields.findings.add(finding, fields.line_of("point"));
        None
    };
    match test {
        "high" => fields.number("high").and_then(|limit| Some(Condition::High { point: numeric()?, limit, deadband })),
        "low" => fields.number("low").and_then(|limit| Some(Condition::Low { point: numeric()?, limit, deadband })),
        "outside" => pair(fields, "outside").and_then(|(low, high)| {
            if 2.0 * deadband >= high - low {
                let what = format!("the deadband of {} leaves no value between {low} and {high} at which it could clear", fields.of);
                let finding = Diagnostic::error("ALARM.LIMIT.CONTRADICTION", what);
                fields.findings.add(finding.hint("let the deadband be less than half the range"), fields.line_of("deadband"));
            }
            Some(Condition::Outside { point: numeric()?, low, high, deadband })
        }),
        "inside" => pair(fields, "inside").and_then(|(low, high)| Some(Condition::Inside { point: numeric()?, low, high, deadband })),
        "rate_per_s" => {
            let per_s = fields.number_within("rate_per_s", 0.0, 1e12);
            let window_s = if fields.need("window_s", "60") { fields.number_within("window_s", 0.1, 86_400.0) } else { None };
            let direction = fields.word("direction", &Direction::ALL).unwrap_or_default();
            let point = numeric();
            let (per_s, window_s) = (per_s?, window_s?);
            if deadband > per_s {
                let what = format!("the deadband of {} is greater than its rate, so that it could never clear", fields.of);
                let finding = Diagnostic::error("ALARM.LIMIT.CONTRADICTION", what);
                fields.findings.add(finding.hint("let the deadband be less than the rate"), fields.line_of("deadband"));
            }
            Some(Condition::Rate { point: point?, per_s, window_s, direction, deadband })
        }
        "is" => {
            let one_of = states(context, fields, at);
            Some(Condition::State { point: at?, one_of: one_of? })
        }
        "quality" => {
            let any_of = fields.words("quality", &QualityWord::ALL);
            (!any_of.is_empty()).then_some(())?;
            Some(Condition::Quality { point: at?, any_of })
        }
        "device" => device(context, fields).map(|device| Condition::Device { device }),
        "not" => nested(context, fields, "not", fields.get("not")?).map(|part| Condition::Not(Box::new(part))),
        key => {
            let key = if key == "all" { "all" } else { "any" };
            let nodes = fields.list(key);
            if nodes.is_empty() {
                one_test(fields, &format!("nothing in `{key}`"));
                return None;
            }
            // Read all of them, so that all faults are told, before any is missed.
            let parts: Vec<Option<Condition>> =
                nodes.iter().enumerate().map(|(i, n)| nested(context, fields, &format!("{key} {}", i + 1), n)).collect();
            let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
            Some(if key == "all" { Condition::All(parts) } else { Condition::Any(parts) })
        }
    }
}

fn point(context: &Context, fields: &Fields) -> Option<PointIndex> {
    let name = fields.text("point")?;
    let found = context.points.find(&name);
    if found.is_none() {
        let near = near(&name, &context.point_names);
        let finding = Diagnostic::error(
            "ALARM.POINT.UNKNOWN",
            format!("{} names the point \"{}\", which no device has{near}", fields.of, cut(&name)),
        );
        fields.findings.add(finding.hint("correct the name, or add the point to its device"), fields.line_of("point"));
    }
    found
}

fn device(context: &Context, fields: &Fields) -> Option<DeviceIndex> {
    let id = fields.text("device")?;
    let found = context.points.find_device(&id);
    if found.is_none() {
        let ids: Vec<&str> = context.points.device_ids().iter().map(|d| &**d).collect();
        let finding = Diagnostic::error(
            "ALARM.DEVICE.UNKNOWN",
            format!("{} names the device \"{}\", which there is not{}", fields.of, cut(&id), near(&id, &ids)),
        );
        fields.findings.add(finding.hint("correct the id"), fields.line_of("device"));
    }
    found
}

fn states(context: &Context, fields: &Fields, at: Option<PointIndex>) -> Option<Vec<StateWord>> {
    let entry = at.map(|p| context.points.entry(p));
    let is_text = entry.is_some_and(|e| e.kind == scada::point::ValueKind::Text);
    let mut words = Vec::new();
    let mut is_whole = true;
    for node in fields.one_or_many("is") {
        let word = match &node.value {
            Tree::Flag(flag) => Some(if *flag { StateWord::On } else { StateWord::Off }),
            Tree::Number(x) if x.fract() == 0.0 && x.abs() < 9e15 => Some(StateWord::Number(*x as i64)),
            Tree::Text(text) if is_text => Some(StateWord::Text(text.as_str().into())),
            Tree::Text(text) => match text.to_ascii_lowercase().as_str() {
                "on" | "closed" => Some(StateWord::On),
                "off" | "open" => Some(StateWord::Off),
                "intermediate" => Some(StateWord::Intermediate),
                "bad" => Some(StateWord::Bad),
                _ if entry.is_none() => None,
                _ => {
                    let names = ["on", "off", "closed", "open", "intermediate", "bad"];
                    let what = format!("`is` of {} is \"{}\", which is no state{}", fields.of, cut(text), near(text, &names));
                    let finding = Diagnostic::error("ALARM.VALUE.UNKNOWN_WORD", what);
                    fields.findings.add(finding.hint("choose from on, off, intermediate, bad, or a whole number"), node.line);
                    is_whole = false;
                    continue;
                }
            },
            _ => {
                fields.kind_fault("is", node, "a state or a list of states");
                is_whole = false;
                continue;
            }
        };
        let Some(word) = word else {
            is_whole = false;
            continue;
        };
        if let Some(entry) = entry.filter(|e| !e.can_be(&word)) {
            let what = format!("point \"{}\" of {} is {:?}, and can never be {word:?}", entry.name, fields.of, entry.kind);
            fields.findings.add(Diagnostic::error("ALARM.POINT.KIND", what).hint("name a state that the point has"), node.line);
            is_whole = false;
        }
        words.push(word);
    }
    if words.is_empty() && is_whole {
        one_test(fields, "no state in `is`");
    }
    (is_whole && !words.is_empty()).then_some(words)
}

/// One alarm for each device that has none of its own.
fn communication(context: &Context, top: &Fields, rules: &mut Vec<(u32, Rule)>) {
    let Some(fields) = top.map("communication") else { return };
    let priority = if fields.need("priority", "medium") { fields.word("priority", &Priority::ALL) } else { None }.unwrap_or_default();
    let on_delay_s = fields.number_within("on_delay_s", 0.0, LONGEST_S).unwrap_or(0.0);
    let off_delay_s = fields.number_within("off_delay_s", 0.0, LONGEST_S).unwrap_or(0.0);
    let group = fields.text("group");
    let response = fields.text("response");
    let line = fields.line;
    fields.finish();
    let own: BTreeSet<DeviceIndex> =
        rules.iter().filter_map(|(_, r)| if let Condition::Device { device } = r.condition { Some(device) } else { None }).collect();
    for (d, id) in context.points.device_ids().iter().enumerate() {
        let device = DeviceIndex(d as u32);
        let rule_id = format!("communication.{id}");
        if own.contains(&device) || rules.iter().any(|(_, r)| *r.id == *rule_id) {
            continue;
        }
        let mut rule = Rule::new(rule_id, format!("Device {id} cannot be reached"), Condition::Device { device });
        (rule.priority, rule.on_delay_s, rule.off_delay_s) = (priority, on_delay_s, off_delay_s);
        (rule.group, rule.response) = (group.as_deref().map(Into::into), response.as_deref().map(Into::into));
        rule.class = Some("communication".into());
        rules.push((line, rule));
    }
}

/// An instant as RFC 3339 writes it.
fn instant(fields: &Fields, key: &'static str) -> Option<UtcTime> {
    let text = fields.needed_text(key, "2026-03-01T08:00:00+05:30")?;
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => Some(UtcTime::from_us(at.as_microsecond())),
        Err(_) => {
            let what = format!("{key} of {} is \"{}\", which is no instant with an offset", fields.of, cut(&text));
            let finding = Diagnostic::error("ALARM.TIME.UNREADABLE", what).hint("write it as 2026-03-01T08:00:00+05:30, or with Z for UTC");
            fields.findings.add(finding, fields.line_of(key));
            None
        }
    }
}

fn maintenance(fields: Fields, assets: &BTreeSet<&str>) -> Option<Entry> {
    let asset = fields.needed_text("asset", "TX1");
    if let Some(asset) = asset.as_deref().filter(|a| !assets.contains(a)) {
        let names: Vec<&str> = assets.iter().copied().collect();
        let what = format!("{} is of the asset \"{}\", which no alarm has{}", fields.of, cut(asset), near(asset, &names));
        let finding = Diagnostic::error("ALARM.ASSET.UNKNOWN", what).hint("correct the name, or give the alarms of the asset its name");
        fields.findings.add(finding, fields.line_of("asset"));
    }
    let (from, to) = (instant(&fields, "from"), instant(&fields, "to"));
    let who = fields.needed_text("who", "field crew 2");
    let kind = fields.needed_text("kind", "preventive");
    let note = fields.text("note");
    if let (Some(from), Some(to)) = (from, to)
        && to <= from
    {
        fields.range_fault("to", "not after `from`".to_owned(), "let it end after it begins");
    }
    fields.finish();
    let mut entry = Entry::new(&asset?, from?, to?, &who?, &kind?);
    entry.note = note.as_deref().unwrap_or_default().into();
    Some(entry)
}

const WEEKDAYS: [(&str, u8); 7] =
    [("monday", 0), ("tuesday", 1), ("wednesday", 2), ("thursday", 3), ("friday", 4), ("saturday", 5), ("sunday", 6)];

fn route(fields: Fields, groups: &BTreeSet<&str>, ids: &mut HashMap<String, u32>) -> Option<Route> {
    let id = fields.needed_text("id", "night-shift");
    let fields = match &id {
        Some(id) => fields.named(format!("route \"{}\"", cut(id))),
        None => fields,
    };
    id.iter().for_each(|id| unique_id(&fields, id, ids));
    let channel = if fields.need("channel", "email") { fields.word("channel", &Channel::ALL) } else { None };
    let to = fields.needed_text("to", "control-room@example.org");
    let mut route = Route::new(id.as_deref().unwrap_or_default(), channel.unwrap_or(Channel::Websocket), to.as_deref().unwrap_or_default());
    route.priority = fields.word("priority", &Priority::ALL).unwrap_or_default();
    route.groups = fields.texts("groups");
    for group in route.groups.iter().filter(|g| !groups.contains(&***g)) {
        let names: Vec<&str> = groups.iter().copied().collect();
        let what = format!("{} is for the group \"{}\", which no alarm has{}", fields.of, cut(group), near(group, &names));
        fields.findings.add(Diagnostic::error("ALARM.GROUP.UNKNOWN", what).hint("correct the name"), fields.line_of("groups"));
    }
    for node in fields.one_or_many("kinds") {
        let kind = match &node.value {
            Tree::Text(text) => EventKind::deserialize(serde_json::Value::String(text.clone())).ok(),
            _ => None,
        };
        match kind {
            Some(kind) => route.kinds.push(kind),
            None => fields.kind_fault("kinds", node, "a kind of event, as raised, cleared or acknowledged"),
        }
    }
    route.in_flood = fields.word("in_flood", &InFlood::ALL).unwrap_or_default();
    route.summary_s = fields.number_within("summary_s", 1.0, 86_400.0).unwrap_or(route.summary_s);
    if let Some(limit) = fields.map("limit") {
        let notices = if limit.need("notices", "20") { limit.number_within("notices", 1.0, 1e6) } else { None };
        let window_s = if limit.need("window_s", "3600") { limit.number_within("window_s", 1.0, LONGEST_S) } else { None };
        if notices.is_some_and(|n| n.fract() != 0.0) {
            limit.range_fault("notices", "no whole number".to_owned(), "give a whole number");
        }
        route.limit = notices.zip(window_s).map(|(n, window_s)| Limit { notices: n as u32, window_s });
        limit.finish();
    }
    route.hours = fields.map("hours").and_then(hours);
    route.returns = fields.flag("returns").unwrap_or(false);
    fields.finish();
    (id.is_some() && channel.is_some() && to.is_some()).then_some(route)
}

fn hours(fields: Fields) -> Option<Hours> {
    let zone = fields.needed_text("zone", "Asia/Kolkata");
    if let Some(zone) = zone.as_deref().filter(|z| jiff::tz::TimeZone::get(z).is_err()) {
        let finding = Diagnostic::error("ALARM.TIME.ZONE", format!("{} names the zone \"{}\", which there is not", fields.of, cut(zone)));
        fields.findings.add(finding.hint("use a name of the zone database, as Asia/Kolkata, Europe/Zurich or UTC"), fields.line_of("zone"));
    }
    let clock = |key: &'static str| {
        let text = fields.needed_text(key, "\"22:00\"")?;
        let minutes = text.split_once(':').and_then(|(h, m)| Some((h.parse::<u16>().ok()?, m.parse::<u16>().ok()?)));
        match minutes {
            Some((h, m)) if h < 24 && m < 60 => Some(h * 60 + m),
            _ => {
                fields.range_fault(key, format!("\"{}\", which is no time of day", cut(&text)), "write it as \"22:00\"");
                None
            }
        }
    };
    let (from_min, to_min) = (clock("from"), clock("to"));
    let weekdays = fields.words("weekdays", &WEEKDAYS);
    fields.finish();
    Some(Hours { zone: zone?.into(), weekdays, from_min: from_min?, to_min: to_min? })
}
