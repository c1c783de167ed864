//! A reliability block diagram as people write it: YAML or JSON, components, blocks within blocks, common causes, crews, spares.
//!
//! ```text
//! text ─► tree that knows its lines ─► keys, words, ranges: faults with lines ─┬─► DiagramDocument: diagram, findings
//!                                                                              │        ▲ located(): what the check of the diagram finds, with lines
//! member that is a mapping ─► a block of its own, named where it stands ───────┘
//! ```
//!
//! What the numbers mean together (unknown members, k above n, blocks made of themselves) is told by `studies::availability::check`, which this crate cannot
//! ask; [`DiagramDocument::located`] puts its findings to their lines and leaves out those that only follow from what could not be read.

use super::NAME_LIMIT;
use network::availability::{
    Block, BlockKind, CommonCause, Component, Crews, Diagram, Lifetime, Maintenance, Printed, RepairTime, Spares, Switching,
};
use network::document::fields::{Codes, Fields, Findings, cut};
use network::document::tree::{self, MAX_BYTES, Node, Value};
use network::{Diagnostic, Severity, SourceRef};
use std::collections::{HashMap, HashSet};

const CODES: Codes = Codes {
    kind: "EXCHANGE.DIAGRAM.KIND",
    twice: "EXCHANGE.DIAGRAM.KEY_TWICE",
    missing: "EXCHANGE.DIAGRAM.KEY_MISSING",
    range: "EXCHANGE.DIAGRAM.RANGE",
    unknown_word: "EXCHANGE.DIAGRAM.WORD",
    unknown_key: "EXCHANGE.DIAGRAM.KEY_UNKNOWN",
    page: "docs/methods/availability.md",
};

/// Most of anything that is counted.
const NUMBER_MAX: u32 = 1_000_000;

/// How a lifetime or repair is spread, before its figures are known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spread {
    Exponential,
    Weibull,
    LogNormal,
    Constant,
}

const LIFETIMES: [(&str, Spread); 2] = [("exponential", Spread::Exponential), ("weibull", Spread::Weibull)];
const REPAIRS: [(&str, Spread); 3] =
    [("exponential", Spread::Exponential), ("log_normal", Spread::LogNormal), ("constant", Spread::Constant)];

/// What reading gives. The diagram is not to be used where [`DiagramDocument::is_sound`] says no.
#[derive(Clone, Debug, Default)]
pub struct DiagramDocument {
    /// As its author calls it; empty where nothing is said.
    pub name: String,
    /// Part of time that the plant has to be available, where the document asks for one.
    pub target_availability: Option<f64>,
    pub diagram: Diagram,
    /// Faults of the text, by line.
    pub findings: Vec<Diagnostic>,
    file: String,
    /// Where things with an id begin.
    places: HashMap<String, u32>,
    /// Ids of things that could not be read in full.
    unread: HashSet<String>,
    /// Whether a thing without an id, or a whole list, could not be read.
    is_partial: bool,
}

impl DiagramDocument {
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|d| d.severity != Severity::Error)
    }

    /// All that is wrong, the faults of the text and those of the check of [`DiagramDocument::diagram`], by line. What is found of a thing that could not be
    /// read in full, and unknown names where things are missing altogether, are left out: they would be gone once the text is mended.
    pub fn located(&self, checked: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let follows = |d: &Diagnostic| {
            let of_unread = d.element.as_ref().is_some_and(|e| self.unread.contains(&**e));
            let unknown = d.code == "RAM.BLOCK.MEMBER_UNKNOWN" || d.code == "RAM.POOL.UNKNOWN" || d.code == "RAM.CAUSE.MEMBER";
            let unused = d.code == "RAM.COMPONENT.UNUSED" || d.code == "RAM.DIAGRAM.EMPTY";
            of_unread || !self.is_sound() && (unused || unknown && self.is_partial)
        };
        let placed = |d: Diagnostic| {
            let line = d.element.as_ref().and_then(|e| self.places.get(&**e)).copied().unwrap_or(0);
            if d.source.is_none() { d.at(&SourceRef::new(&*self.file, line)) } else { d }
        };
        let mut all: Vec<Diagnostic> = self.findings.clone();
        all.extend(checked.into_iter().filter(|d| !follows(d)).map(placed));
        all.sort_by_key(|d| d.source.as_ref().map_or(0, |s| s.line));
        all
    }
}

/// Reads a diagram from its text; `name` is that of the file, for findings.
///
/// Never fails as a whole: every fault is a finding with its line. Source of the layout: the fields of [`network::availability`], docs/methods/availability.md.
pub fn read_diagram(text: &str, name: &str) -> DiagramDocument {
    let file: String = name.chars().take(NAME_LIMIT).collect();
    let findings = Findings::new(&*file, &CODES);
    let mut reading = Reading { findings: &findings, document: DiagramDocument { file, ..DiagramDocument::default() } };
    reading.document(text);
    let mut document = reading.document;
    document.findings = findings.found.into_inner();
    document.findings.sort_by_key(|d| d.source.as_ref().map_or(0, |s| s.line));
    document
}

struct Reading<'f> {
    findings: &'f Findings,
    document: DiagramDocument,
}

impl<'f> Reading<'f> {
    fn document(&mut self, text: &str) {
        let findings = self.findings;
        let unreadable = |line, what: String, hint: &str| {
            findings.add(Diagnostic::error("EXCHANGE.DIAGRAM.UNREADABLE", what).hint(hint), line);
        };
        if text.len() > MAX_BYTES {
            return unreadable(0, format!("the diagram is larger than {} MB", MAX_BYTES >> 20), "see whether it is the right file");
        }
        let root = match tree::parse(text) {
            Ok(Some(root)) => root,
            Ok(None) => return unreadable(1, "the document holds nothing".to_owned(), "begin with `components:`"),
            Err(fault) => {
                let hint = "correct the line; indentation and brackets are the usual causes";
                return unreadable(fault.line, format!("no YAML and no JSON: {}", fault.what), hint);
            }
        };
        let Some(top) = Fields::new(findings, "the diagram", &root) else { return };
        self.document.name = top.text("name").unwrap_or_default();
        self.document.target_availability = top.number_within("target_availability", 0.0, 1.0);
        self.document.diagram.system = top.text("system");
        for key in ["components", "blocks"] {
            top.need(key, "[…]");
        }
        self.each(&top, "components", "component", |reading, f, id| {
            let component = reading.component(f, id);
            reading.document.diagram.components.push(component);
        });
        self.each(&top, "blocks", "block", |reading, f, id| {
            let block = reading.block(f, id);
            reading.document.diagram.blocks.push(block);
        });
        self.each(&top, "common_causes", "common cause", |reading, f, id| {
            f.need("beta", "0.05");
            let beta = f.number_within("beta", 0.0, 1.0);
            let members = texts(f, "members");
            reading.document.diagram.common_causes.push(CommonCause { id, beta: beta.unwrap_or(0.0), members });
        });
        self.each(&top, "crews", "crew", |reading, f, id| {
            f.need("number", "1");
            let number = f.whole_within("number", 1, NUMBER_MAX).unwrap_or(1);
            reading.document.diagram.crews.push(Crews { id, number });
        });
        self.each(&top, "spares", "stock of spares", |reading, f, id| {
            f.need("number", "1");
            f.need("lead_time_h", "720");
            let number = f.whole_within("number", 0, NUMBER_MAX).unwrap_or(0);
            let lead_time_h = f.number("lead_time_h").unwrap_or(0.0);
            reading.document.diagram.spares.push(Spares { id, number, lead_time_h });
        });
        top.finish();
    }

    /// Hands each mapping of a list to `read` and keeps where it stands, and whether it was read in full.
    fn each<'a>(&mut self, top: &Fields<'a>, key: &'static str, what: &str, mut read: impl FnMut(&mut Self, &Fields<'a>, String))
    where
        'f: 'a,
    {
        let before = self.faults();
        let list = top.list(key);
        self.document.is_partial |= self.faults() > before;
        for node in list {
            self.one(what, node, &mut read);
        }
    }

    /// The id of what was read, empty where it has none.
    fn one<'a>(&mut self, what: &str, node: &'a Node, read: &mut dyn FnMut(&mut Self, &Fields<'a>, String)) -> Option<String>
    where
        'f: 'a,
    {
        let before = self.faults();
        let Some(fields) = Fields::new(self.findings, format!("a {what}"), node) else {
            self.document.is_partial = true;
            return None;
        };
        let id = fields.needed_text("id", "P1").unwrap_or_default();
        let fields = if id.is_empty() { fields } else { fields.named(format!("{what} \"{}\"", cut(&id))) };
        self.document.places.entry(id.clone()).or_insert(node.line);
        read(self, &fields, id.clone());
        fields.finish();
        if self.faults() > before {
            self.document.is_partial |= id.is_empty();
            self.document.unread.insert(id.clone());
        }
        Some(id)
    }

    fn faults(&self) -> usize {
        self.findings.found.borrow().len()
    }

    fn at(&self, f: &Fields<'_>) -> SourceRef {
        self.findings.at(f.line)
    }

    fn component(&self, f: &Fields<'_>, id: String) -> Component {
        let (weibull_beta, weibull_eta_h) = (f.number("weibull_beta"), f.number("weibull_eta_h"));
        let lifetime = match f.word("lifetime", &LIFETIMES) {
            Some(Spread::Weibull) => {
                f.need("weibull_beta", "1.5");
                Lifetime::Weibull { beta: weibull_beta.unwrap_or(1.0), eta_h: weibull_eta_h }
            }
            found => {
                // Of a word that is none, what goes with it is not known.
                if found.is_some() || f.get("lifetime").is_none() {
                    self.needless(f, &["weibull_beta", "weibull_eta_h"], "lifetime: weibull");
                }
                Lifetime::Exponential
            }
        };
        let sigma = f.number("repair_sigma");
        let repair = match f.word("repair", &REPAIRS) {
            Some(Spread::LogNormal) => {
                f.need("repair_sigma", "0.8");
                RepairTime::LogNormal { sigma: sigma.unwrap_or(1.0) }
            }
            found => {
                if found.is_some() || f.get("repair").is_none() {
                    self.needless(f, &["repair_sigma"], "repair: log_normal");
                }
                if found == Some(Spread::Constant) { RepairTime::Constant } else { RepairTime::Exponential }
            }
        };
        let maintenance = f.map("maintenance").map(|m| {
            m.need("interval_h", "8760");
            m.need("duration_h", "72");
            let found = Maintenance {
                interval_h: m.number("interval_h").unwrap_or(0.0),
                duration_h: m.number("duration_h").unwrap_or(0.0),
                first_h: m.number("first_h"),
                renews: m.flag("renews").unwrap_or(false),
            };
            m.finish();
            found
        });
        Component {
            id,
            name: f.text("name").unwrap_or_default(),
            kind: f.text("kind").unwrap_or_default(),
            mtbf_h: f.number("mtbf_h"),
            mttr_h: f.number("mttr_h"),
            failure_rate_per_h: printed(f, "failure_rate_per_h"),
            availability: printed(f, "availability"),
            lifetime,
            repair,
            capacity_mw: f.number("capacity_mw"),
            redundancy_group: f.text("redundancy_group"),
            crew: f.text("crew"),
            spares: f.text("spares"),
            maintenance,
            source: self.at(f),
        }
    }

    /// Tells keys that mean nothing without another one.
    fn needless(&self, f: &Fields<'_>, keys: &[&'static str], without: &str) {
        for &key in keys {
            if f.get(key).is_none() {
                continue;
            }
            let what = format!("{key} of {} means nothing without `{without}`", f.of);
            let hint = format!("add `{without}`, or remove {key}");
            self.findings.add(Diagnostic::error("EXCHANGE.DIAGRAM.KEY_NEEDLESS", what).hint(hint), f.line_of(key));
        }
    }

    fn block<'a>(&mut self, f: &Fields<'a>, id: String) -> Block
    where
        'f: 'a,
    {
        let mut found = Block { id, source: self.at(f), ..Block::default() };
        f.need("kind", "SERIES");
        found.kind = f.word("kind", &BlockKind::ALL.map(|k| (k.word(), k))).unwrap_or_default();
        f.need("members", "[A, B]");
        found.members = self.members(f, "members");
        found.name = f.text("name").unwrap_or_default();
        found.k_required = f.whole_within("k_required", 0, NUMBER_MAX);
        found.n_total = f.whole_within("n_total", 0, NUMBER_MAX);
        found.capacity_required_mw = f.number("capacity_required_mw");
        found.capacity_members = self.members(f, "capacity_members");
        found.capacity_mw = f.number("capacity_mw");
        found.switching = f.map("switching").map(|s| {
            let standard = Switching::default();
            let found = Switching {
                success: s.number("success").unwrap_or(standard.success),
                standby_factor: s.number("standby_factor").unwrap_or(standard.standby_factor),
                manual_h: s.number("manual_h"),
            };
            s.finish();
            found
        });
        found.description = f.text("description").unwrap_or_default();
        found
    }

    /// Names, and blocks that stand where their names would.
    fn members<'a>(&mut self, f: &Fields<'a>, key: &'static str) -> Vec<String>
    where
        'f: 'a,
    {
        let mut names = Vec::new();
        for node in f.one_or_many(key) {
            match &node.value {
                Value::Map(_) => {
                    let inner = self.one("block", node, &mut |reading, f, id| {
                        let block = reading.block(f, id);
                        reading.document.diagram.blocks.push(block);
                    });
                    names.extend(inner);
                }
                Value::Text(text) => names.push(text.trim().to_owned()),
                Value::Number(number) => names.push(number.to_string()),
                _ => f.kind_fault(key, node, "names, or blocks with `id`, `kind` and `members`"),
            }
        }
        names
    }
}

fn texts(f: &Fields<'_>, key: &'static str) -> Vec<String> {
    f.texts(key).iter().map(|t| (**t).to_owned()).collect()
}

/// A number with the digits it has in the text; zeros at its end count where it stands in quotes.
fn printed(f: &Fields<'_>, key: &'static str) -> Option<Printed> {
    let node = f.get(key)?;
    let found = match &node.value {
        Value::Text(text) => Printed::parse(text),
        Value::Number(number) => Printed::parse(&number.to_string()),
        _ => None,
    };
    if found.is_none() {
        f.kind_fault(key, node, "a number");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANT: &str = r#"
name: pumps
target_availability: 0.99
system: plant
components:
- {id: P1, mtbf_h: 1000, mttr_h: 50, crew: fitters, spares: shelf, availability: 0.952}
- {id: P2, kind: PUMP, mtbf_h: 1000, mttr_h: 50, crew: fitters, lifetime: weibull, weibull_beta: 1.5, repair: log_normal, repair_sigma: 0.8}
- id: V
  failure_rate_per_h: "1.00E-04"
  mttr_h: 10
  capacity_mw: 3
  maintenance: {interval_h: 8760, duration_h: 24, renews: true}
blocks:
- id: plant
  kind: SERIES
  members:
  - V
  - {id: pumps, kind: parallel_k_of_n, k_required: 1, n_total: 2, members: [P1, P2]}
common_causes:
- {id: water, beta: 0.1, members: [P1, P2]}
crews:
- {id: fitters, number: 1}
spares:
- {id: shelf, number: 1, lead_time_h: 720}
"#;

    #[test]
    fn blocks_stand_within_blocks_and_everything_knows_its_line() {
        let read = read_diagram(PLANT, "plant.yaml");
        assert_eq!(read.findings, []);
        let d = &read.diagram;
        assert_eq!((&*read.name, read.target_availability, d.system.as_deref()), ("pumps", Some(0.99), Some("plant")));
        assert_eq!(d.components.iter().map(|c| (c.id.as_str(), c.source.line)).collect::<Vec<_>>(), [("P1", 6), ("P2", 7), ("V", 8)]);
        assert_eq!(d.components[1].lifetime, Lifetime::Weibull { beta: 1.5, eta_h: None });
        assert_eq!(d.components[1].repair, RepairTime::LogNormal { sigma: 0.8 });
        assert_eq!(d.components[0].availability.map(|a| (a.value, a.half_unit)), Some((0.952, 0.5e-3)));
        let rate = d.components[2].failure_rate_per_h.unwrap();
        assert!((rate.value, rate.half_unit) == (1e-4, 0.5e-6), "{rate:?}");
        assert!(d.components[2].maintenance.is_some_and(|m| m.renews && m.first_h.is_none()));
        let blocks: Vec<(&str, BlockKind, &[String], u32)> =
            d.blocks.iter().map(|b| (b.id.as_str(), b.kind, &b.members[..], b.source.line)).collect();
        let names = |n: &[&str]| n.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            blocks,
            [
                ("pumps", BlockKind::ParallelKOfN, &names(&["P1", "P2"])[..], 18),
                ("plant", BlockKind::Series, &names(&["V", "pumps"])[..], 14)
            ]
        );
        assert_eq!(d.spares, [Spares { id: "shelf".into(), number: 1, lead_time_h: 720.0 }]);
        assert_eq!(d.common_causes[0].members, names(&["P1", "P2"]));
    }

    #[test]
    fn all_faults_are_told_with_their_lines() {
        let text = "components:\n\
                    - {id: A, mtbf_h: often, mttr_h: 5}\n\
                    - {id: B, mtbf_h: 100, mttr_h: 5, lifetime: weibul, weibull_beta: 2}\n\
                    - {mtbf_h: 100, mtr_h: 5}\n\
                    - 7\n\
                    blocks:\n\
                    - {id: S, kind: SERIES, members: [A, B, [C]], k_required: 1.5, id: T}\n\
                    - {id: Q, kind: RING}\n\
                    common_causes:\n\
                    - {id: c, beta: 1.5, members: [A, B]}\n\
                    spares:\n\
                    - {id: s, number: 1}\n";
        let read = read_diagram(text, "bad.yaml");
        let told: Vec<(&str, u32)> = read.findings.iter().map(|d| (&*d.code, d.source.as_ref().unwrap().line)).collect();
        let expected = [
            ("EXCHANGE.DIAGRAM.KIND", 2),
            ("EXCHANGE.DIAGRAM.WORD", 3),
            ("EXCHANGE.DIAGRAM.KEY_MISSING", 4),
            ("EXCHANGE.DIAGRAM.KEY_UNKNOWN", 4),
            ("EXCHANGE.DIAGRAM.KIND", 5),
            ("EXCHANGE.DIAGRAM.KEY_TWICE", 7),
            ("EXCHANGE.DIAGRAM.KIND", 7),
            ("EXCHANGE.DIAGRAM.RANGE", 7),
            ("EXCHANGE.DIAGRAM.WORD", 8),
            ("EXCHANGE.DIAGRAM.KEY_MISSING", 8),
            ("EXCHANGE.DIAGRAM.RANGE", 10),
            ("EXCHANGE.DIAGRAM.KEY_MISSING", 12),
        ];
        assert_eq!(told, expected, "{:#?}", read.findings);
        assert!(!read.is_sound());
        // What follows from them is left out; what does not is told, with its line.
        let of = |code: &str, element: &str| Diagnostic::error(code, "x").element(element.to_owned());
        let checked = vec![
            of("RAM.COMPONENT.NO_MTBF", "A"),
            of("RAM.BLOCK.MEMBER_UNKNOWN", "Q"),
            of("RAM.BLOCK.K", "Q"),
            of("RAM.POOL.NUMBER", "c2"),
        ];
        let all = read.located(checked);
        assert_eq!(all.len(), told.len() + 1);
        assert_eq!(all[0].code, "RAM.POOL.NUMBER");
    }

    #[test]
    fn a_key_that_means_nothing_alone_is_told() {
        let read = read_diagram("components:\n- {id: A, weibull_beta: 2}\n- {id: B, repair: constant, repair_sigma: 1}\nblocks: []\n", "x");
        let told: Vec<(&str, u32)> = read.findings.iter().map(|d| (&*d.code, d.source.as_ref().unwrap().line)).collect();
        assert_eq!(told, [("EXCHANGE.DIAGRAM.KEY_NEEDLESS", 2), ("EXCHANGE.DIAGRAM.KEY_NEEDLESS", 3)]);
    }

    #[test]
    fn findings_of_the_check_get_their_lines() {
        let read = read_diagram(PLANT, "plant.yaml");
        let found = read.located(vec![Diagnostic::warning("RAM.POOL.LEAD_TIME", "x").element("shelf")]);
        let at = found[0].source.as_ref().unwrap();
        assert_eq!((&*at.file, at.line), ("plant.yaml", 24));
        assert_eq!(read_diagram("", "x").findings[0].code, "EXCHANGE.DIAGRAM.UNREADABLE");
        assert_eq!(read_diagram("a: [", "x").findings[0].code, "EXCHANGE.DIAGRAM.UNREADABLE");
        assert!(!read_diagram("[1]", "x").is_sound());
    }
}
