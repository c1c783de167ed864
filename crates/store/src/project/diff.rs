//! What changed between two versions, thing by thing and field by field.
//!
//! Things of the same section and name are compared. Where their hashes differ, their JSON tells which fields do; it holds names instead
//! of positions and no line numbers ([`super::write`]), so that a bus more or a line moved in a file is no change of what did not change.

use super::Project;
use super::database::{Cell, Database};
use super::error::ProjectError;
use super::items::WHOLE;
use super::node::Node;
use super::version::VersionInfo;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Hashes that one statement asks for.
const ASKED: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Removed,
    Added,
    Changed,
}

/// One field that has another value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldChange {
    /// Path of the field; entries of lists are counted from 1, or named where they have a name.
    pub field: String,
    /// Null where there was nothing.
    pub old: Value,
    pub new: Value,
}

/// One thing that came, went or changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    pub change: ChangeKind,
    /// `class.name`.
    pub subject: String,
    pub class: String,
    /// Buses of its terminals, after the change if it is still there.
    pub buses: Vec<String>,
    /// Fields of a changed thing.
    pub fields: Vec<FieldChange>,
    #[serde(skip)]
    section: String,
}

/// All that changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    pub from: VersionInfo,
    pub to: VersionInfo,
    /// Buses first, then elements in the order of their creation, then the rest.
    pub changes: Vec<Change>,
}

impl Difference {
    pub fn count(&self, kind: ChangeKind) -> usize {
        self.changes.iter().filter(|c| c.change == kind).count()
    }
}

/// Buses before elements before the rest; the section of the rest; position or order of creation.
type Rank = (u8, String, i64);
/// Section and name.
type Key = (String, String);

/// A thing of one version: where it stands, and its hash.
struct Place {
    rank: Rank,
    hash: String,
}

/// What one version did to one thing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThingChange {
    /// The version that brought the change.
    pub version: u64,
    pub time_utc: String,
    pub author: String,
    pub note: String,
    pub change: ChangeKind,
    pub fields: Vec<FieldChange>,
}

impl Project {
    /// What the versions of a network did to one thing, oldest first; versions that left it as it was are not listed. `section` is the
    /// vector of the network that it is in (`buses`, `assets`), none for an element; `name` is `class.name` of an element.
    ///
    /// # Errors
    /// No such network; a database that cannot be read.
    pub fn history_of(&self, network: &str, section: Option<&str>, name: &str) -> Result<Vec<ThingChange>, ProjectError> {
        let versions = self.history(Some(network))?;
        let name = super::database::plain(name);
        self.database().read(|database| {
            let mut history = Vec::new();
            let mut before: Option<(String, Node)> = None;
            let sql = "SELECT vi.item, i.content FROM version_items vi JOIN items i ON i.hash = vi.item \
                WHERE vi.version = $1 AND vi.item_key = $2 AND (vi.section = $3 OR ($3 = '' AND vi.creation IS NOT NULL))";
            for version in &versions {
                let row = database.row(sql, &[version.id.into(), name.as_str().into(), section.unwrap_or_default().into()])?;
                let parse = |text: String| {
                    let place = database.place().to_owned();
                    Node::parse(&text).map_err(|reason| ProjectError::Damaged { place, reason })
                };
                let now = match row {
                    Some(row) if before.as_ref().is_some_and(|(hash, _)| *hash == row.text(0)) => continue,
                    Some(row) => Some((row.text(0), parse(row.text(1))?)),
                    None => None,
                };
                let mut fields = Vec::new();
                let change = match (&before, &now) {
                    (None, None) => continue,
                    (None, Some(_)) => ChangeKind::Added,
                    (Some(_), None) => ChangeKind::Removed,
                    (Some((_, old)), Some((_, new))) => {
                        compare("", old, new, &mut fields);
                        ChangeKind::Changed
                    }
                };
                before = now;
                if change == ChangeKind::Changed && fields.is_empty() {
                    continue;
                }
                history.push(ThingChange {
                    version: version.number,
                    time_utc: version.time_utc.clone(),
                    author: version.author.clone(),
                    note: version.note.clone(),
                    change,
                    fields,
                });
            }
            Ok(history)
        })
    }

    /// Compares two versions, of one network or of two.
    ///
    /// # Errors
    /// A database that cannot be read, a version that is no longer what was written.
    pub fn diff(&self, from: &VersionInfo, to: &VersionInfo) -> Result<Difference, ProjectError> {
        let changes = self.database().read(|database| changes(database, from, to))?;
        Ok(Difference { from: from.clone(), to: to.clone(), changes })
    }

    /// The version that a version followed, if it was not the first.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn version_before(&self, version: &VersionInfo) -> Result<Option<VersionInfo>, ProjectError> {
        Ok(self.history(Some(&version.network))?.into_iter().rfind(|v| v.number < version.number))
    }
}

fn places(database: &mut Database, version: i64) -> Result<HashMap<Key, Place>, ProjectError> {
    let sql = "SELECT section, item_key, item, creation, position FROM version_items WHERE version = $1";
    let rows = database.rows(sql, &[version.into()])?;
    Ok(rows
        .iter()
        .map(|row| {
            let section = row.text(0);
            let rank = match (section.as_str(), row.integer(3)) {
                ("buses", _) => (0, String::new(), row.integer(4).unwrap_or(0)),
                (_, Some(creation)) => (1, String::new(), creation),
                (WHOLE, None) => (3, String::new(), 0),
                (other, None) => (2, other.to_owned(), row.integer(4).unwrap_or(0)),
            };
            ((section, row.text(1)), Place { rank, hash: row.text(2) })
        })
        .collect())
}

struct Content {
    class: String,
    buses: Vec<String>,
    node: Option<Node>,
}

/// Contents by hash.
fn contents(database: &mut Database, hashes: &[String], with_text: &HashSet<String>) -> Result<HashMap<String, Content>, ProjectError> {
    let mut found = HashMap::new();
    for chunk in hashes.chunks(ASKED) {
        let numbers: Vec<String> = (1..=chunk.len()).map(|i| format!("${i}")).collect();
        let sql = format!("SELECT hash, class, buses, content FROM items WHERE hash IN ({})", numbers.join(", "));
        let values: Vec<Cell> = chunk.iter().map(|h| h.as_str().into()).collect();
        for row in database.rows(&sql, &values)? {
            let hash = row.text(0);
            let node = if with_text.contains(&hash) {
                let place = database.place().to_owned();
                let node = Node::parse(&row.text(3)).map_err(|reason| ProjectError::Damaged { place, reason })?;
                Some(node)
            } else {
                None
            };
            found.insert(hash, Content { class: row.text(1), buses: serde_json::from_str(&row.text(2)).unwrap_or_default(), node });
        }
    }
    Ok(found)
}

fn changes(database: &mut Database, from: &VersionInfo, to: &VersionInfo) -> Result<Vec<Change>, ProjectError> {
    let (old, new) = (places(database, from.id)?, places(database, to.id)?);
    let (mut asked, mut with_text) = (BTreeSet::new(), HashSet::new());
    let mut found: Vec<(&Rank, &Key, ChangeKind)> = Vec::new();
    for (key, place) in &old {
        match new.get(key) {
            None => {
                asked.insert(place.hash.clone());
                found.push((&place.rank, key, ChangeKind::Removed));
            }
            Some(now) if now.hash != place.hash => {
                for hash in [&place.hash, &now.hash] {
                    asked.insert(hash.clone());
                    with_text.insert(hash.clone());
                }
                found.push((&now.rank, key, ChangeKind::Changed));
            }
            Some(_) => {}
        }
    }
    for (key, place) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
        asked.insert(place.hash.clone());
        found.push((&place.rank, key, ChangeKind::Added));
    }
    found.sort_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)));
    let asked: Vec<String> = asked.into_iter().collect();
    let contents = contents(database, &asked, &with_text)?;
    let mut changes = Vec::new();
    for (_, key, kind) in found {
        let content = |places: &HashMap<Key, Place>| places.get(key).and_then(|p| contents.get(&p.hash));
        let (before, after) = (content(&old), content(&new));
        let Some(shown) = after.or(before) else {
            return Err(ProjectError::Damaged {
                place: database.place().to_owned(),
                reason: format!("the content of {} is missing", key.1),
            });
        };
        let mut fields = Vec::new();
        if kind == ChangeKind::Changed {
            if let (Some(Some(before)), Some(Some(after))) = (before.map(|c| &c.node), after.map(|c| &c.node)) {
                compare("", before, after, &mut fields);
            }
            // What was derived from other things, such as the place of a line from those of its buses, is told with those.
            if fields.is_empty() {
                continue;
            }
        }
        let is_element = new.get(key).or(old.get(key)).is_some_and(|p| p.rank.0 == 1);
        let subject = if is_element { key.1.clone() } else { format!("{}.{}", shown.class, key.1) };
        changes.push(Change {
            change: kind,
            subject,
            class: shown.class.clone(),
            buses: shown.buses.clone(),
            fields,
            section: key.0.clone(),
        });
    }
    Ok(changes)
}

impl Change {
    /// Vector of the network that the thing is in.
    pub fn section(&self) -> &str {
        &self.section
    }
}

/// Names of the entries of a list, when each is a structure with a name of its own.
fn identities(list: &[Node]) -> Option<BTreeMap<String, &Node>> {
    let names: Option<Vec<String>> = list
        .iter()
        .map(|entry| {
            ["name", "number", "id"].iter().find_map(|f| match entry.field(f) {
                Some(Node::Text(text)) if !text.is_empty() => Some(text.clone()),
                Some(Node::Integer(n)) => Some(n.to_string()),
                _ => None,
            })
        })
        .collect();
    let named: BTreeMap<String, &Node> = names?.into_iter().zip(list).collect();
    (named.len() == list.len()).then_some(named)
}

fn compare(path: &str, old: &Node, new: &Node, out: &mut Vec<FieldChange>) {
    if old == new {
        return;
    }
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (old, new) {
        (Node::Map(before), Node::Map(after)) => {
            let added = after.iter().filter(|(key, _)| old.field(key).is_none());
            for (key, _) in before.iter().chain(added) {
                // What all elements have in common stands among their own fields.
                let inner = if path.is_empty() && key == "common" { String::new() } else { join(key) };
                compare(&inner, old.field(key).unwrap_or(&Node::Null), new.field(key).unwrap_or(&Node::Null), out);
            }
        }
        (Node::List(before), Node::List(after)) if is_list_of_structures(before) && is_list_of_structures(after) => {
            if let (Some(before), Some(after)) = (identities(before), identities(after)) {
                let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
                for name in names {
                    let entry = |named: &BTreeMap<String, &Node>| named.get(name).map_or(Node::Null, |n| (*n).clone());
                    compare(&format!("{path}[{name}]"), &entry(&before), &entry(&after), out);
                }
                return;
            }
            for i in 0..before.len().max(after.len()) {
                let entry = |list: &[Node]| list.get(i).cloned().unwrap_or(Node::Null);
                compare(&format!("{path}[{}]", i + 1), &entry(before), &entry(after), out);
            }
        }
        _ => out.push(FieldChange { field: path.to_owned(), old: old.to_json(), new: new.to_json() }),
    }
}

fn is_list_of_structures(list: &[Node]) -> bool {
    list.iter().all(|n| matches!(n, Node::Map(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fields(old: &str, new: &str) -> Vec<(String, String, String)> {
        let mut out = Vec::new();
        compare("", &Node::parse(old).unwrap(), &Node::parse(new).unwrap(), &mut out);
        out.into_iter().map(|f| (f.field, f.old.to_string(), f.new.to_string())).collect()
    }

    fn change(field: &str, old: &str, new: &str) -> (String, String, String) {
        (field.into(), old.into(), new.into())
    }

    #[test]
    fn fields_are_named_by_their_path() {
        let old = r#"{"common":{"name":"a","terminals":[{"bus":"1"},{"bus":"2"}]},"kv":4.16,"z":[1.0,2.0],"source":0}"#;
        let new = r#"{"common":{"name":"a","terminals":[{"bus":"1"},{"bus":"3"}]},"kv":12.47,"z":[1.0,2.5],"source":0,"extra":true}"#;
        assert_eq!(
            fields(old, new),
            [
                change("terminals[2].bus", "\"2\"", "\"3\""),
                change("kv", "4.16", "12.47"),
                change("z", "[1.0,2.0]", "[1.0,2.5]"),
                change("extra", "null", "true"),
            ]
        );
    }

    #[test]
    fn entries_with_a_name_are_compared_by_it() {
        let old = r#"{"areas":[{"number":1,"p":1.0},{"number":2,"p":2.0}]}"#;
        let new = r#"{"areas":[{"number":3,"p":0.5},{"number":1,"p":1.0},{"number":2,"p":2.5}]}"#;
        assert_eq!(fields(old, new), [change("areas[2].p", "2.0", "2.5"), change("areas[3]", "null", r#"{"number":3,"p":0.5}"#)]);
    }

    #[test]
    fn a_variant_that_changes_shows_both() {
        assert_eq!(
            fields(r#"{"size":{"kvar":[100.0]}}"#, r#"{"size":{"matrix":[1.0]}}"#),
            [change("size.kvar", "[100.0]", "null"), change("size.matrix", "null", "[1.0]")]
        );
    }
}
