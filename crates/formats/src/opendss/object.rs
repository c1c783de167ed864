//! The objects of a script as they were written: an ordered log of typed assignments each.
//!
//! OpenDSS's properties act when they are set (`kvar` after `pf` replaces it, `wdg` chooses which
//! winding the next ones mean), so the order of assignments is data. Nothing is interpreted here:
//! the step from this log to the network model replays it.

use std::collections::HashMap;
use std::sync::Arc;

use num_complex::Complex64;

use super::class::{ClassId, PropertyDef};

/// Where something was written: a file of [`Sources`] and a line from 1. `FileId(0)`, line 0 means
/// that no file says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct SourceRef {
    pub file: FileId,
    pub line: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Names of the files that were read; `FileId` is the position. Position 0 stands for what no file
/// says: OpenDSS's built-in objects and commands handed in by the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Sources {
    pub paths: Vec<Arc<str>>,
}

impl Default for Sources {
    fn default() -> Sources {
        Sources { paths: vec![Arc::from("")] }
    }
}

impl Sources {
    pub fn path(&self, file: FileId) -> &str {
        self.paths.get(file.0 as usize).map_or("", |p| p)
    }

    /// The place as findings name it.
    pub fn place(&self, source: SourceRef) -> network::SourceRef {
        let path = self.paths.get(source.file.0 as usize).unwrap_or(&self.paths[0]);
        network::SourceRef { file: path.clone(), line: source.line }
    }

    pub fn add(&mut self, path: &str) -> FileId {
        if let Some(i) = self.paths.iter().position(|p| &**p == path) {
            return FileId(i as u32);
        }
        self.paths.push(Arc::from(path));
        FileId(self.paths.len() as u32 - 1)
    }
}

/// A value, typed by its property's [`Kind`](super::class::Kind). Numbers are in the unit in which
/// the script gives them.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Real(f64),
    Integer(i32),
    Boolean(bool),
    Text(Arc<str>),
    Enum(i32),
    Reals(Arc<[f64]>),
    Integers(Arc<[i32]>),
    /// `None` where the list has a gap: what was there stays.
    Slots(Arc<[Option<f64>]>),
    Enums(Arc<[Option<i32>]>),
    Texts(Arc<[Arc<str>]>),
    Complex(Complex64),
    Bus(Arc<BusRef>),
    /// An empty bus name is a gap: what was there stays.
    Buses(Arc<[BusRef]>),
    Matrix(Arc<Rows>),
    /// An object's name as written, in lower case. For `Kind::Element` with its class before a dot.
    Object(Arc<str>),
    Objects(Arc<[Arc<str>]>),
    File(Arc<DataFile>),
}

/// A bus and the nodes that an element's conductors go to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct BusRef {
    /// In lower case.
    pub name: Arc<str>,
    /// As written after the name; empty if none are. 0 is ground.
    pub nodes: Box<[i32]>,
}

/// Rows of a matrix as written; they may be shorter or longer than the order needs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows(pub Vec<Box<[f64]>>);

/// A file of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFile {
    pub path: Arc<str>,
    /// Rows of a text file with all columns, or one column for a binary one.
    pub columns: usize,
    /// Row by row, `columns` numbers each.
    pub numbers: Vec<f64>,
}

/// One `property=value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// Number of the property in its class; `Property::of` of the class's module names it.
    pub property: u16,
    pub value: Value,
    pub source: SourceRef,
    /// Number of the command that said it, counted up from 1 over the whole script and shared by
    /// all assignments of one `New`, `Edit` or `More`. It orders assignments to different objects:
    /// a line takes its line code as it stands when the code is assigned.
    pub command: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    pub class: ClassId,
    /// In lower case.
    pub name: Arc<str>,
    pub enabled: bool,
    /// Where it was created.
    pub source: SourceRef,
    pub log: Vec<Assignment>,
    /// What `Open` and `Close` did to its conductors, in order.
    pub switching: Vec<Switching>,
    /// Options in force when it was created, which it keeps as defaults.
    pub defaults: CreationDefaults,
}

/// One `Open` or `Close`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switching {
    /// From 1.
    pub terminal: u16,
    /// From 1; 0 stands for all of the terminal.
    pub conductor: u16,
    pub open: bool,
    pub source: SourceRef,
}

/// Options that an element takes over when it is created.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CreationDefaults {
    pub base_frequency_hz: f64,
    /// A number of [`EARTH_MODEL`](super::class::enums::EARTH_MODEL).
    pub earth_model: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub u32);

/// All objects in the order of their creation, found by class and name.
#[derive(Debug, Clone)]
pub struct Store {
    objects: Vec<Object>,
    classes: Vec<ClassObjects>,
}

#[derive(Debug, Clone, Default)]
struct ClassObjects {
    in_order: Vec<ObjectId>,
    by_name: HashMap<Arc<str>, ObjectId>,
}

impl Default for Store {
    fn default() -> Store {
        Store { objects: Vec::new(), classes: vec![ClassObjects::default(); ClassId::COUNT] }
    }
}

impl Store {
    /// Adds an object. A second one of the same name is reachable by its id and order only.
    pub fn add(&mut self, object: Object) -> ObjectId {
        let id = ObjectId(self.objects.len() as u32);
        let class = &mut self.classes[object.class as usize];
        class.in_order.push(id);
        class.by_name.entry(object.name.clone()).or_insert(id);
        self.objects.push(object);
        id
    }

    /// The object of a class by name, letters in either case.
    pub fn find(&self, class: ClassId, name: &str) -> Option<ObjectId> {
        let names = &self.classes[class as usize].by_name;
        if name.bytes().any(|b| b.is_ascii_uppercase() || b >= 0x80) {
            names.get(name.to_lowercase().as_str()).copied()
        } else {
            names.get(name).copied()
        }
    }

    pub fn get(&self, id: ObjectId) -> &Object {
        &self.objects[id.0 as usize]
    }

    pub fn get_mut(&mut self, id: ObjectId) -> &mut Object {
        &mut self.objects[id.0 as usize]
    }

    /// Objects of a class in the order of creation.
    pub fn of_class(&self, class: ClassId) -> impl ExactSizeIterator<Item = (ObjectId, &Object)> {
        self.classes[class as usize].in_order.iter().map(|&id| (id, self.get(id)))
    }

    pub fn count(&self, class: ClassId) -> usize {
        self.classes[class as usize].in_order.len()
    }

    /// All objects in the order of creation.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ObjectId, &Object)> {
        self.objects.iter().enumerate().map(|(i, o)| (ObjectId(i as u32), o))
    }

    pub fn len(&self) -> usize {
        self.objects.len()
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

impl Object {
    /// `class.name` as OpenDSS writes it.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.class.name(), self.name)
    }

    pub fn property(&self, assignment: &Assignment) -> &'static PropertyDef {
        &self.class.def().properties[assignment.property as usize]
    }

    /// The last assignment of a property, if any.
    pub fn last(&self, property: u16) -> Option<&Assignment> {
        self.log.iter().rev().find(|a| a.property == property)
    }
}

impl Rows {
    /// The symmetric matrix of an order, row by row, as OpenDSS takes it from rows: each number
    /// goes to its place and to the mirrored one, a later row over an earlier; what is missing is
    /// zero. `None` if a row is longer than the order, which OpenDSS refuses.
    pub fn symmetric(&self, order: usize) -> Option<Vec<f64>> {
        let mut m = vec![0.0; order * order];
        for (i, row) in self.0.iter().take(order).enumerate() {
            if row.len() > order {
                return None;
            }
            for (j, &x) in row.iter().enumerate() {
                m[i * order + j] = x;
                m[j * order + i] = x;
            }
        }
        Some(m)
    }
}

impl Value {
    pub fn as_real(&self) -> Option<f64> {
        match self {
            Value::Real(x) => Some(*x),
            Value::Integer(i) => Some(f64::from(*i)),
            _ => None,
        }
    }

    pub fn as_integer(&self) -> Option<i32> {
        match self {
            Value::Integer(i) | Value::Enum(i) => Some(*i),
            _ => None,
        }
    }

    pub fn as_boolean(&self) -> Option<bool> {
        match self {
            Value::Boolean(b) => Some(*b),
            _ => None,
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(t) | Value::Object(t) => Some(t),
            _ => None,
        }
    }

    /// Numbers as they stand in the script or in a file that it names in their place.
    pub fn as_reals(&self) -> Option<&[f64]> {
        match self {
            Value::Reals(v) => Some(v),
            Value::File(file) => Some(&file.numbers),
            _ => None,
        }
    }

    pub fn as_bus(&self) -> Option<&BusRef> {
        match self {
            Value::Bus(b) => Some(b),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(class: ClassId, name: &str) -> Object {
        Object {
            class,
            name: Arc::from(name),
            enabled: true,
            source: SourceRef::default(),
            log: Vec::new(),
            switching: Vec::new(),
            defaults: CreationDefaults { base_frequency_hz: 60.0, earth_model: 3 },
        }
    }

    #[test]
    fn names_are_found_in_either_case_and_within_their_class() {
        let mut store = Store::default();
        let a = store.add(object(ClassId::Line, "l1"));
        store.add(object(ClassId::Load, "l1"));
        assert_eq!(store.find(ClassId::Line, "L1"), Some(a));
        assert_eq!(store.count(ClassId::Load), 1);
        assert_eq!(store.find(ClassId::Load, "l2"), None);
    }

    #[test]
    fn a_later_row_overrides_the_mirrored_number() {
        let rows = Rows(vec![Box::from([1.0, 5.0]), Box::from([6.0])]);
        assert_eq!(rows.symmetric(2), Some(vec![1.0, 6.0, 6.0, 0.0]));
        assert_eq!(rows.symmetric(1), None);
    }

    #[test]
    fn a_value_stays_small() {
        assert!(std::mem::size_of::<Value>() <= 24);
        assert!(std::mem::size_of::<Assignment>() <= 40);
    }
}
