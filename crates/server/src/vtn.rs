//! The top node of OpenADR: its objects, and who may see and change which.
//!
//! ```text
//! DATA/openadr/objects.jsonl     a line for each object that came, changed or went
//! ```
//!
//! A client of the role ven sees programs and events without targets and those with a target that its own VEN object or one of its resources
//! was granted; of the targets it sees those only. VENs, resources and reports are seen by who made them. Everyone with a greater role sees
//! all; operators write programs and events and grant targets (OpenADR 3.1.0 Definitions, "Object Privacy").

use crate::access::{Caller, Role};
use crate::auth::client_id;
use crate::journal::{Journal, failed};
use crate::moment::{now_ms, rfc3339_ms};
use crate::problem::Problem;
use formats::openadr::{Kind, Object};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// Objects at most, all kinds.
const OBJECTS_MAX: usize = 200_000;
/// Objects that one client of the role ven may have.
const OWN_MAX: usize = 20_000;
/// Lines beyond the objects after which the journal is written anew.
const LINES_SPARE: usize = 10_000;

/// An object with what the top node knows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    pub id: String,
    /// Rises with each object, so that lists have an order.
    pub number: u64,
    pub created_ms: i64,
    pub modified_ms: i64,
    /// Client that made it, or that it stands for.
    pub client: String,
    pub object: Object,
}

impl Stored {
    /// As the wire has it, with these targets.
    fn shown(&self, targets: Option<Vec<String>>) -> Value {
        let object = targets.map_or_else(|| self.object.clone(), |t| self.object.clone().with_targets(t));
        let mut map = Map::new();
        map.insert("id".into(), json!(self.id));
        map.insert("createdDateTime".into(), json!(rfc3339_ms(self.created_ms)));
        map.insert("modificationDateTime".into(), json!(rfc3339_ms(self.modified_ms)));
        if let Ok(Value::Object(body)) = serde_json::to_value(&object) {
            map.extend(body);
        }
        if !matches!(self.object.kind(), Kind::Program | Kind::Event) {
            map.insert("clientID".into(), json!(self.client));
        }
        Value::Object(map)
    }
}

/// A line of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Put(Box<Stored>),
    Gone { id: String, number: u64 },
}

/// Which objects of a kind are asked for; every condition must hold.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub program: Option<String>,
    pub event: Option<String>,
    pub ven: Option<String>,
    pub client_name: Option<String>,
    /// `venName` or `resourceName`.
    pub name: Option<String>,
    /// One of them; all where none is named.
    pub targets: Vec<String>,
    pub skip: usize,
    pub limit: usize,
}

/// Who asks, in the words of OpenADR.
#[derive(Clone, Debug)]
pub struct Client {
    pub id: String,
    pub role: Role,
}

impl From<&Caller> for Client {
    fn from(caller: &Caller) -> Self {
        Self { id: client_id(&caller.user), role: caller.role }
    }
}

impl Client {
    fn is_ven(&self) -> bool {
        self.role == Role::Ven
    }
}

#[derive(Debug, Default)]
struct Objects {
    by_number: BTreeMap<u64, Stored>,
    numbers: BTreeMap<String, u64>,
    next: u64,
}

impl Objects {
    fn apply(&mut self, line: Line) {
        match line {
            Line::Put(stored) => {
                let stored = *stored;
                self.next = self.next.max(stored.number + 1);
                self.numbers.insert(stored.id.clone(), stored.number);
                self.by_number.insert(stored.number, stored);
            }
            Line::Gone { id, number } => {
                self.next = self.next.max(number + 1);
                self.numbers.remove(&id);
                self.by_number.remove(&number);
            }
        }
    }

    fn get(&self, kind: Kind, id: &str) -> Option<&Stored> {
        self.numbers.get(id).and_then(|n| self.by_number.get(n)).filter(|s| s.object.kind() == kind)
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Stored> {
        self.by_number.values().filter(move |s| s.object.kind() == kind)
    }

    /// Targets that a client was granted by its VEN objects and their resources.
    fn granted(&self, client: &Client) -> BTreeSet<&str> {
        let own = self.by_number.values().filter(|s| s.client == client.id);
        own.filter(|s| matches!(s.object.kind(), Kind::Ven | Kind::Resource))
            .flat_map(|s| s.object.targets().iter().map(String::as_str))
            .collect()
    }
}

#[derive(Debug)]
struct Open {
    journal: Journal,
    objects: Objects,
}

/// All objects of a server.
#[derive(Debug)]
pub struct Vtn {
    dir: PathBuf,
    open: Mutex<Option<Open>>,
}

fn missing(kind: Kind, id: &str) -> Problem {
    let shown: String = id.chars().take(60).collect();
    Problem::not_found(format!("There is no {kind} \"{shown}\"")).code("OPENADR.OBJECT.UNKNOWN").hint(format!("GET …/{kind}s lists them."))
}

fn value(field: &str, message: impl Into<String>) -> Problem {
    let problem = Problem::bad_request(message.into()).code("OPENADR.OBJECT.VALUE").field(field);
    problem.detail("Nothing was changed.").hint("The OpenADR 3.1 definitions say what an object holds.")
}

fn refused(what: &str) -> Problem {
    Problem::forbidden(what).code("OPENADR.ACCESS.ROLE").hint("Ask an administrator for another role, or use the client that it is of.")
}

fn taken(field: &str, message: String, hint: &str) -> Problem {
    Problem::conflict(message).code("OPENADR.OBJECT.CONFLICT").field(field).hint(hint)
}

impl Vtn {
    pub fn new(data: &Path) -> Self {
        Self { dir: data.join("openadr"), open: Mutex::default() }
    }

    /// Works on the objects, which are read from the disk at first use.
    fn with<T>(&self, work: impl FnOnce(&mut Open) -> Result<T, Problem>) -> Result<T, Problem> {
        let mut open: MutexGuard<'_, Option<Open>> = self.open.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if open.is_none() {
            fs::create_dir_all(&self.dir).map_err(|e| failed("make the folder", &self.dir, &e))?;
            let (mut journal, lines) = Journal::open::<Line>(self.dir.join("objects.jsonl"))?;
            let n_lines = lines.len();
            let mut objects = Objects::default();
            lines.into_iter().for_each(|l| objects.apply(l));
            if n_lines > 2 * objects.by_number.len() + LINES_SPARE {
                // The last number stays known, so that none is given twice.
                let last = Line::Gone { id: String::new(), number: objects.next.saturating_sub(1) };
                let mut all: Vec<Line> = Vec::with_capacity(objects.by_number.len() + 1);
                if !objects.by_number.contains_key(&(objects.next.saturating_sub(1))) {
                    all.push(last);
                }
                all.extend(objects.by_number.values().cloned().map(|s| Line::Put(Box::new(s))));
                journal.replace(&all)?;
            }
            *open = Some(Open { journal, objects });
        }
        match open.as_mut() {
            Some(open) => work(open),
            None => Err(Problem::internal("the objects of OpenADR are not open")),
        }
    }

    /// Objects of a kind that a client may see, the oldest first.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn list(&self, client: &Client, kind: Kind, query: &Query) -> Result<Vec<Value>, Problem> {
        self.with(|open| {
            let objects = &open.objects;
            let granted = objects.granted(client);
            let fits = objects.of_kind(kind).filter(|s| answers(objects, s, query));
            let seen = fits.filter_map(|s| visible(s, client, &granted, query));
            Ok(seen.skip(query.skip).take(query.limit).collect())
        })
    }

    /// One object, as the client may see it.
    ///
    /// # Errors
    /// There is none that it may see.
    pub fn one(&self, client: &Client, kind: Kind, id: &str) -> Result<Value, Problem> {
        self.with(|open| {
            let granted = open.objects.granted(client);
            let found = open.objects.get(kind, id).and_then(|s| visible(s, client, &granted, &Query::default()));
            found.ok_or_else(|| missing(kind, id))
        })
    }

    /// Keeps a new object. `of` is the client that it is made for, where the sender may say so.
    ///
    /// # Errors
    /// An object that does not do, a name that is taken, a sender that may not.
    pub fn add(&self, client: &Client, object: Object, of: Option<String>) -> Result<Value, Problem> {
        object.check().map_err(|f| value(&f.field, f.message))?;
        self.with(|open| {
            let objects = &open.objects;
            let (object, owner) = admitted(objects, client, object, of, None)?;
            if objects.by_number.len() >= OBJECTS_MAX {
                return Err(taken("objectType", format!("There are {OBJECTS_MAX} objects already"), "Delete what has ended."));
            }
            if client.is_ven() && objects.by_number.values().filter(|s| s.client == client.id).count() >= OWN_MAX {
                return Err(taken("objectType", format!("This client has {OWN_MAX} objects already"), "Delete what has ended."));
            }
            let now = now_ms();
            let number = objects.next;
            let id = format!("{}-{}", object.kind(), crate::random::hex(8));
            open.put(Stored { id, number, created_ms: now, modified_ms: now, client: owner, object })
        })
    }

    /// Puts an object in the place of an earlier one.
    ///
    /// # Errors
    /// As [`Vtn::add`]; no such object.
    pub fn change(&self, client: &Client, id: &str, object: Object, of: Option<String>) -> Result<Value, Problem> {
        object.check().map_err(|f| value(&f.field, f.message))?;
        let kind = object.kind();
        self.with(|open| {
            let old = own(&open.objects, client, kind, id)?.clone();
            let (object, owner) = admitted(&open.objects, client, object, of.or_else(|| Some(old.client.clone())), Some(&old))?;
            // A clock that stands still must not hide a change.
            let modified_ms = now_ms().max(old.modified_ms + 1);
            open.put(Stored { modified_ms, client: owner, object, ..old })
        })
    }

    /// Removes an object; with a VEN go its resources.
    ///
    /// # Errors
    /// No such object; one that others stand on.
    pub fn remove(&self, client: &Client, kind: Kind, id: &str) -> Result<Value, Problem> {
        self.with(|open| {
            let objects = &open.objects;
            let found = own(objects, client, kind, id)?.clone();
            let n = objects.by_number.values().filter(|s| stands_on(s, id)).count();
            if n > 0 && kind == Kind::Program {
                return Err(taken("id", format!("{n} events are of this program"), "Delete its events first."));
            }
            if n > 0 && kind == Kind::Event {
                return Err(taken("id", format!("{n} reports are of this event"), "Delete its reports first: they say what was done."));
            }
            let mut lines = vec![Line::Gone { id: found.id.clone(), number: found.number }];
            let below = objects.by_number.values().filter(|s| stands_on(s, id));
            lines.extend(below.map(|s| Line::Gone { id: s.id.clone(), number: s.number }));
            open.keep(lines)?;
            Ok(found.shown(None))
        })
    }

    /// The number of the program of a name.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn program_of(&self, name: &str) -> Result<Option<String>, Problem> {
        let of_name = |s: &&Stored| matches!(&s.object, Object::Program(p) if p.program_name == name);
        self.with(|open| Ok(open.objects.of_kind(Kind::Program).find(of_name).map(|s| s.id.clone())))
    }

    /// Keeps objects that the server itself makes, all or none; those whose number is known take the place of the earlier ones.
    ///
    /// # Errors
    /// An object that does not do; a journal that cannot be written.
    pub fn publish(&self, client: &Client, made: Vec<Published>) -> Result<(), Problem> {
        made.iter().try_for_each(|m| m.object.check()).map_err(|f| value(&f.field, f.message))?;
        self.with(|open| {
            let objects = &open.objects;
            if objects.by_number.len() + made.len() > OBJECTS_MAX {
                return Err(taken("objectType", format!("There are {OBJECTS_MAX} objects already"), "Delete what has ended."));
            }
            let now = now_ms();
            let put = |(i, Published { id, object }): (usize, Published)| {
                let known = objects.get(object.kind(), &id);
                let (number, created_ms) = known.map_or((objects.next + i as u64, now), |s| (s.number, s.created_ms));
                Line::Put(Box::new(Stored { id, number, created_ms, modified_ms: now, client: client.id.clone(), object }))
            };
            let lines = made.into_iter().enumerate().map(put).collect();
            open.keep(lines)
        })
    }

    /// Removes events that the server made, with their reports.
    ///
    /// # Errors
    /// A journal that cannot be written.
    pub fn withdraw(&self, ids: &[String]) -> Result<(), Problem> {
        self.with(|open| {
            let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
            let is =
                |s: &&Stored| ids.contains(s.id.as_str()) || matches!(&s.object, Object::Report(r) if ids.contains(r.event_id.as_str()));
            let lines = open.objects.by_number.values().filter(is).map(|s| Line::Gone { id: s.id.clone(), number: s.number }).collect();
            open.keep(lines)
        })
    }

    /// Reports of events.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn reports(&self, events: &[String]) -> Result<Vec<(Stored, formats::openadr::Report)>, Problem> {
        self.with(|open| {
            let events: BTreeSet<&str> = events.iter().map(String::as_str).collect();
            let of = |s: &Stored| match &s.object {
                Object::Report(r) if events.contains(r.event_id.as_str()) => Some((s.clone(), r.clone())),
                _ => None,
            };
            Ok(open.objects.of_kind(Kind::Report).filter_map(of).collect())
        })
    }
}

/// An object that the server itself makes.
#[derive(Clone, Debug)]
pub struct Published {
    pub id: String,
    pub object: Object,
}

impl Open {
    fn keep(&mut self, lines: Vec<Line>) -> Result<(), Problem> {
        self.journal.append(&lines)?;
        lines.into_iter().for_each(|l| self.objects.apply(l));
        Ok(())
    }

    fn put(&mut self, stored: Stored) -> Result<Value, Problem> {
        let shown = stored.shown(None);
        self.keep(vec![Line::Put(Box::new(stored))])?;
        Ok(shown)
    }
}

fn stands_on(s: &Stored, id: &str) -> bool {
    match &s.object {
        Object::Event(e) => e.program_id == id,
        Object::Report(r) => r.event_id == id,
        Object::Resource(r) => r.ven_id == id,
        Object::Program(_) | Object::Ven(_) => false,
    }
}

fn answers(objects: &Objects, s: &Stored, query: &Query) -> bool {
    let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|w| w == found);
    let program_of = |event: &str| match objects.get(Kind::Event, event).map(|s| &s.object) {
        Some(Object::Event(e)) => e.program_id.clone(),
        _ => String::new(),
    };
    match &s.object {
        Object::Program(_) => true,
        Object::Event(e) => is(&query.program, &e.program_id),
        Object::Report(r) => {
            let is_of_program = || query.program.is_none() || is(&query.program, &program_of(&r.event_id));
            is(&query.event, &r.event_id) && is(&query.client_name, &r.client_name) && is_of_program()
        }
        Object::Ven(v) => is(&query.name, &v.ven_name),
        Object::Resource(r) => is(&query.name, &r.resource_name) && is(&query.ven, &r.ven_id),
    }
}

/// An object as a client may see it, if it may.
fn visible(s: &Stored, client: &Client, granted: &BTreeSet<&str>, query: &Query) -> Option<Value> {
    let targets = s.object.targets();
    let is_wanted = |t: &String| query.targets.is_empty() || query.targets.contains(t);
    let is_addressed = matches!(s.object.kind(), Kind::Program | Kind::Event);
    if !client.is_ven() || !is_addressed {
        let may = !client.is_ven() || s.client == client.id;
        return (may && (query.targets.is_empty() || targets.iter().any(is_wanted))).then(|| s.shown(None));
    }
    if targets.is_empty() {
        return query.targets.is_empty().then(|| s.shown(None));
    }
    let known: Vec<String> = targets.iter().filter(|t| granted.contains(t.as_str()) && is_wanted(t)).cloned().collect();
    (!known.is_empty()).then(|| s.shown(Some(known)))
}

/// An object that a client may change.
fn own<'a>(objects: &'a Objects, client: &Client, kind: Kind, id: &str) -> Result<&'a Stored, Problem> {
    if client.role < Role::Operator && (!client.is_ven() || matches!(kind, Kind::Program | Kind::Event)) {
        return Err(refused(&format!("Your role does not change a {kind}")));
    }
    objects.get(kind, id).filter(|s| !client.is_ven() || s.client == client.id).ok_or_else(|| missing(kind, id))
}

/// The object as it is kept, and the client that it is of.
fn admitted(
    objects: &Objects,
    client: &Client,
    mut object: Object,
    of: Option<String>,
    old: Option<&Stored>,
) -> Result<(Object, String), Problem> {
    let kind = object.kind();
    if client.role < Role::Operator && (!client.is_ven() || matches!(kind, Kind::Program | Kind::Event)) {
        return Err(refused(&format!("Your role does not write a {kind}")));
    }
    if let Object::Resource(r) = &mut object
        && r.ven_id.is_empty()
    {
        // A node that has one VEN object need not name it.
        let mut own = objects.of_kind(Kind::Ven).filter(|s| s.client == client.id);
        match (own.next(), own.next(), old.map(|o| &o.object)) {
            (_, _, Some(Object::Resource(o))) => r.ven_id.clone_from(&o.ven_id),
            (Some(only), None, _) => r.ven_id.clone_from(&only.id),
            _ => return Err(value("venID", "venID is missing, and this client has not just one VEN object")),
        }
    }
    let others = || objects.of_kind(kind).filter(|s| old.is_none_or(|o| o.number != s.number));
    let mut owner = if client.is_ven() { client.id.clone() } else { of.unwrap_or_else(|| client.id.clone()) };
    match &object {
        Object::Program(p) => {
            if others().any(|s| matches!(&s.object, Object::Program(o) if o.program_name == p.program_name)) {
                return Err(taken("programName", format!("There is a program \"{}\" already", p.program_name), "Give another name."));
            }
        }
        Object::Event(e) => {
            if objects.get(Kind::Program, &e.program_id).is_none() {
                return Err(value("programID", format!("There is no program \"{}\"", e.program_id)));
            }
        }
        Object::Report(r) => {
            let event = objects.get(Kind::Event, &r.event_id);
            let granted = objects.granted(client);
            if event.and_then(|s| visible(s, client, &granted, &Query::default())).is_none() {
                return Err(value("eventID", format!("There is no event \"{}\"", r.event_id)));
            }
        }
        Object::Ven(v) => {
            if others().any(|s| matches!(&s.object, Object::Ven(o) if o.ven_name == v.ven_name)) {
                return Err(taken("venName", format!("There is a VEN \"{}\" already", v.ven_name), "Give another name."));
            }
        }
        Object::Resource(r) => {
            let ven = objects.get(Kind::Ven, &r.ven_id).filter(|s| !client.is_ven() || s.client == client.id);
            let Some(ven) = ven else { return Err(value("venID", format!("There is no VEN \"{}\"", r.ven_id))) };
            owner.clone_from(&ven.client);
            let twice = |s: &Stored| matches!(&s.object, Object::Resource(o) if o.ven_id == r.ven_id && o.resource_name == r.resource_name);
            if others().any(twice) {
                let message = format!("The VEN has a resource \"{}\" already", r.resource_name);
                return Err(taken("resourceName", message, "Give another name."));
            }
        }
    }
    // What a client is granted is not its own to say.
    let object = if client.is_ven() && matches!(kind, Kind::Ven | Kind::Resource) {
        object.with_targets(old.map(|o| o.object.targets().to_vec()).unwrap_or_default())
    } else {
        object
    };
    Ok((object, owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: &str, role: Role) -> Client {
        Client { id: id.into(), role }
    }

    fn object(value: Value) -> Object {
        serde_json::from_value(value).unwrap()
    }

    fn all(limit: usize) -> Query {
        Query { limit, ..Query::default() }
    }

    fn id(value: &Value) -> String {
        value["id"].as_str().unwrap().to_owned()
    }

    #[test]
    fn who_sees_what_follows_from_what_was_granted() {
        let dir = tempfile::tempdir().unwrap();
        let vtn = Vtn::new(dir.path());
        let (bl, ven, other) = (client("bl", Role::Operator), client("ven-1", Role::Ven), client("ven-2", Role::Ven));
        let program = |name: &str, targets: &[&str]| object(json!({ "objectType": "PROGRAM", "programName": name, "targets": targets }));
        let open = id(&vtn.add(&bl, program("open", &[]), None).unwrap());
        let closed = id(&vtn.add(&bl, program("closed", &["north", "hidden"]), None).unwrap());
        assert_eq!(vtn.add(&bl, program("open", &[]), None).unwrap_err().status, 409);
        assert_eq!(vtn.add(&ven, program("mine", &[]), None).unwrap_err().status, 403);
        let names = |c: &Client, q: &Query| -> Vec<String> {
            vtn.list(c, Kind::Program, q).unwrap().iter().map(|p| p["programName"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&ven, &all(50)), ["open"]);
        assert_eq!(vtn.one(&ven, Kind::Program, &closed).unwrap_err().status, 404);
        // A VEN that names targets of its own is not granted them.
        let made = vtn.add(&ven, object(json!({ "objectType": "VEN", "venName": "v1", "targets": ["north"] })), None).unwrap();
        assert_eq!(made["targets"], json!([]));
        assert_eq!(names(&ven, &all(50)), ["open"]);
        let granted = object(json!({ "objectType": "VEN", "venName": "v1", "targets": ["north"] }));
        vtn.change(&bl, &id(&made), granted, None).unwrap();
        assert_eq!(names(&ven, &all(50)), ["open", "closed"]);
        assert_eq!(vtn.one(&ven, Kind::Program, &closed).unwrap()["targets"], json!(["north"]));
        assert_eq!(names(&other, &all(50)), ["open"]);
        assert_eq!(vtn.one(&other, Kind::Ven, &id(&made)).unwrap_err().status, 404);
        assert_eq!(names(&bl, &Query { targets: vec!["hidden".into()], ..all(50) }), ["closed"]);
        assert_eq!(names(&ven, &Query { targets: vec!["hidden".into()], ..all(50) }), [""; 0]);
        // It may change its own, but not what it was granted.
        let renamed = vtn.change(&ven, &id(&made), object(json!({ "objectType": "VEN", "venName": "v1b" })), None).unwrap();
        assert_eq!((renamed["targets"].clone(), renamed["clientID"].clone()), (json!(["north"]), json!("ven-1")));
        // Reports are of events that it sees.
        let event = |p: &str, t: &[&str]| object(json!({ "objectType": "EVENT", "programID": p, "targets": t }));
        let seen = id(&vtn.add(&bl, event(&open, &["north"]), None).unwrap());
        let unseen = id(&vtn.add(&bl, event(&closed, &["south"]), None).unwrap());
        assert_eq!(vtn.add(&bl, event("program-0", &[]), None).unwrap_err().field.as_deref(), Some("programID"));
        let report = |e: &str| object(json!({ "objectType": "REPORT", "eventID": e, "clientName": "c", "resources": [] }));
        let told = vtn.add(&ven, report(&seen), None).unwrap();
        assert_eq!(told["clientID"], "ven-1");
        assert_eq!(vtn.add(&ven, report(&unseen), None).unwrap_err().status, 400);
        assert!(vtn.list(&other, Kind::Report, &all(50)).unwrap().is_empty());
        // What others stand on stays.
        assert_eq!(vtn.remove(&bl, Kind::Program, &open).unwrap_err().status, 409);
        assert_eq!(vtn.remove(&bl, Kind::Event, &seen).unwrap_err().status, 409);
        vtn.remove(&ven, Kind::Report, &id(&told)).unwrap();
        vtn.remove(&bl, Kind::Event, &seen).unwrap();
        vtn.remove(&bl, Kind::Program, &open).unwrap();
        // All of it is there again after a restart.
        let again = Vtn::new(dir.path());
        assert_eq!(again.list(&bl, Kind::Program, &all(50)).unwrap().len(), 1);
        assert_eq!(again.list(&bl, Kind::Event, &all(50)).unwrap()[0]["id"], json!(unseen));
    }

    #[test]
    fn a_ven_goes_with_its_resources_and_lists_have_pages() {
        let dir = tempfile::tempdir().unwrap();
        let vtn = Vtn::new(dir.path());
        let (bl, ven) = (client("bl", Role::Admin), client("v", Role::Ven));
        let made = vtn.add(&bl, object(json!({ "objectType": "VEN", "venName": "v", "targets": [] })), Some("v".into())).unwrap();
        for i in 0..5 {
            let r = object(json!({ "objectType": "RESOURCE", "venID": made["id"], "resourceName": format!("r{i}"), "targets": ["own"] }));
            let shown = vtn.add(if i == 0 { &ven } else { &bl }, r, None).unwrap();
            assert_eq!(
                (shown["clientID"].clone(), shown["targets"].clone()),
                (json!("v"), if i == 0 { json!([]) } else { json!(["own"]) })
            );
        }
        let page = |skip, limit| vtn.list(&ven, Kind::Resource, &Query { skip, limit, ..Query::default() }).unwrap();
        assert_eq!((page(0, 2).len(), page(4, 2).len(), page(5, 2).len()), (2, 1, 0));
        assert_eq!(page(1, 1)[0]["resourceName"], "r1");
        vtn.remove(&ven, Kind::Ven, &id(&made)).unwrap();
        assert!(page(0, 50).is_empty());
    }
}
