//! Rows of results and the buses and elements that they are about.
//!
//! A voltage belongs to a bus: the node that the row names, or the end of its section or device. Everything else belongs to an element:
//! the one named, the device, or what carries the current of the section. Names are compared without regard to case; names in the system
//! that the model came from are aliases of its elements (section under a system whose name ends in `_section`, device under the others).

use super::{ResultFigure, SectionEnd, StudyResults, Subject};
use network::{Diagnostic, ElementId, ElementKind, Network, Quantity, Reject, StudyFigure};
use std::collections::{BTreeMap, HashMap};

/// Figures by the names of a network, and what found no place in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Joined {
    pub figures: Vec<StudyFigure>,
    /// Findings of the join; those of reading the table are with the results.
    pub diagnostics: Vec<Diagnostic>,
    /// Figures of rows that the network has nothing for.
    pub rejects: Vec<Reject>,
    /// Subjects that found their place.
    pub matched: usize,
    pub unmatched: usize,
}

/// Where the names of a network lead.
struct Names<'a> {
    network: &'a Network,
    /// Buses by their names' letters and digits, where only one has them.
    loose_buses: HashMap<String, Option<usize>>,
    devices: HashMap<String, Vec<ElementId>>,
    sections: HashMap<String, Vec<ElementId>>,
}

/// What a figure belongs to: a bus, with the node that the row tells, or an element.
struct Place {
    subject: String,
    node: Option<u32>,
}

impl Place {
    fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), node: None }
    }
}

impl StudyResults {
    /// Finds the buses and elements of `network` that the figures are about.
    pub fn join(&self, network: &Network) -> Joined {
        let names = Names::of(network);
        let mut joined = Joined::default();
        let mut known: HashMap<(&Subject, bool), Result<Place, String>> = HashMap::new();
        let mut missing: BTreeMap<&Subject, String> = BTreeMap::new();
        let end = self.mapping.section_end;
        let mut by_section = 0usize;
        for figure in &self.figures {
            let of_bus = matches!(figure.quantity, Quantity::VPu | Quantity::VVolt | Quantity::VAngleDeg);
            let place = known
                .entry((&figure.subject, of_bus))
                .or_insert_with(|| if of_bus { names.bus(&figure.subject, end) } else { names.element(&figure.subject) });
            match place {
                Ok(Place { subject, node }) => {
                    by_section += usize::from(of_bus && figure.subject.node.is_empty());
                    joined.figures.push(StudyFigure {
                        subject: subject.clone(),
                        phase: figure.phase.or(*node),
                        quantity: figure.quantity,
                        value: figure.value,
                        source: figure.source.clone(),
                    });
                }
                Err(reason) => {
                    missing.entry(&figure.subject).or_insert_with(|| reason.clone());
                    joined.rejects.push(unmatched(figure, reason));
                }
            }
        }
        let subjects: std::collections::HashSet<&Subject> = self.figures.iter().map(|f| &f.subject).collect();
        joined.unmatched = missing.len();
        joined.matched = subjects.len().saturating_sub(missing.len());
        report(&mut joined, &missing, by_section, end);
        joined
    }
}

fn report(joined: &mut Joined, missing: &BTreeMap<&Subject, String>, by_section: usize, end: SectionEnd) {
    if by_section > 0 {
        let (here, other) = match end {
            SectionEnd::To => ("second", "from"),
            SectionEnd::From => ("first", "to"),
        };
        joined.diagnostics.push(
            Diagnostic::note("CYME.RESULTS.SECTION_END", "voltages of sections are set against one of their ends")
                .detail(format!("{by_section} voltages name a section or device and no node; they are taken for those of its {here} end."))
                .hint(format!("give section_end: {other} in a profile if the report tells the other")),
        );
    }
    let Some((first, reason)) = missing.iter().next() else { return };
    let detail = format!(
        "{} of {} subjects; the first is {}: {reason}.",
        joined.unmatched,
        joined.unmatched + joined.matched,
        [("node", &first.node), ("section", &first.section), ("device", &first.device), ("element", &first.element)]
            .into_iter()
            .filter(|(_, v)| !v.is_empty())
            .map(|(k, v)| format!("{k} `{v}`"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    let hint = "results and model are of different networks, or the key is in another column; name the columns in a profile";
    joined.diagnostics.push(match joined.matched {
        0 => Diagnostic::error("CYME.RESULTS.NOTHING_MATCHED", "nothing in the network is what the results are about")
            .detail(detail)
            .hint(hint),
        _ => Diagnostic::warning("CYME.RESULTS.UNMATCHED", "results are about what the network does not have").detail(detail).hint(hint),
    });
}

fn unmatched(figure: &ResultFigure, reason: &str) -> Reject {
    let phase = figure.phase.map_or(String::new(), |p| format!(" phase {p}"));
    Reject { source: figure.source.clone(), reason: reason.to_owned(), text: format!("{:?}{phase} = {}", figure.quantity, figure.value) }
}

/// Letters and digits in lower case.
fn loose(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl<'a> Names<'a> {
    fn of(network: &'a Network) -> Self {
        let mut loose_buses: HashMap<String, Option<usize>> = HashMap::new();
        for (i, bus) in network.buses.iter().enumerate() {
            loose_buses.entry(loose(&bus.name)).and_modify(|b| *b = None).or_insert(Some(i));
        }
        let (mut devices, mut sections): (HashMap<String, Vec<ElementId>>, HashMap<String, Vec<ElementId>>) =
            (HashMap::new(), HashMap::new());
        for id in &network.order {
            let common = network.common(*id);
            for alias in &common.aliases {
                let list = if alias.system.ends_with("section") { &mut sections } else { &mut devices };
                list.entry(alias.id.to_lowercase()).or_default().push(*id);
            }
            let own = devices.entry(common.name.to_lowercase()).or_default();
            if !own.contains(id) {
                own.push(*id);
            }
        }
        Self { network, loose_buses, devices, sections }
    }

    fn bus(&self, subject: &Subject, end: SectionEnd) -> Result<Place, String> {
        if !subject.node.is_empty() {
            return self.node(&subject.node);
        }
        let element = if subject.element.is_empty() { self.of_section(subject)? } else { self.named(&subject.element)? };
        let terminals = &self.network.common(element).terminals;
        let terminal = match end {
            SectionEnd::To => terminals.get(1).or(terminals.first()),
            SectionEnd::From => terminals.first(),
        };
        let bus = terminal.and_then(|t| self.network.buses.get(t.bus.index())).ok_or("its element is connected to no bus")?;
        Ok(Place::new(bus.name.as_str()))
    }

    /// `bus` or `bus.node`.
    fn node(&self, name: &str) -> Result<Place, String> {
        let lower = name.trim().to_lowercase();
        if let Some(id) = self.network.bus_id(&lower) {
            return Ok(Place::new(self.network.bus(id).name.as_str()));
        }
        if let Some((bus, node)) = lower.rsplit_once('.')
            && let (Some(id), Ok(node)) = (self.network.bus_id(bus), node.parse::<u32>())
        {
            return Ok(Place { subject: self.network.bus(id).name.clone(), node: Some(node) });
        }
        match self.loose_buses.get(&loose(&lower)) {
            Some(Some(bus)) => Ok(Place::new(self.network.buses[*bus].name.as_str())),
            Some(None) => Err("several buses have this name but for punctuation".to_owned()),
            None => Err("the network has no such bus".to_owned()),
        }
    }

    fn named(&self, name: &str) -> Result<ElementId, String> {
        self.network.find(&name.trim().to_lowercase()).ok_or_else(|| "the network has no such element".to_owned())
    }

    fn element(&self, subject: &Subject) -> Result<Place, String> {
        let id = if !subject.element.is_empty() {
            self.named(&subject.element)?
        } else if subject.device.is_empty() && subject.section.is_empty() {
            return Err("the row names a node, and the figure is not one of a node".to_owned());
        } else {
            self.of_section(subject)?
        };
        Ok(Place::new(self.network.full_name(id)))
    }

    /// The element of a device number or section: the device where one is told, of several the one on the section and of the first of
    /// the kinds that carry current.
    fn of_section(&self, subject: &Subject) -> Result<ElementId, String> {
        let of = |list: &HashMap<String, Vec<ElementId>>, key: &str| list.get(&key.trim().to_lowercase()).cloned().unwrap_or_default();
        let on_section = if subject.section.is_empty() {
            Vec::new()
        } else {
            // A device that is named as its section has no alias of its own for the section.
            let mut found = of(&self.sections, &subject.section);
            found.extend(of(&self.devices, &subject.section));
            found
        };
        let mut candidates = if subject.device.is_empty() { on_section.clone() } else { of(&self.devices, &subject.device) };
        if candidates.len() > 1 && !subject.device.is_empty() && !on_section.is_empty() {
            let both: Vec<ElementId> = candidates.iter().copied().filter(|id| on_section.contains(id)).collect();
            if !both.is_empty() {
                candidates = both;
            }
        }
        if candidates.len() > 1 && !subject.feeder.is_empty() {
            let fed: Vec<ElementId> =
                candidates.iter().copied().filter(|id| self.network.common(*id).feeder.eq_ignore_ascii_case(&subject.feeder)).collect();
            if !fed.is_empty() {
                candidates = fed;
            }
        }
        candidates.into_iter().min_by_key(|id| rank(self.network, *id)).ok_or_else(|| match subject.device.is_empty() {
            true => "the network has no such section".to_owned(),
            false => "the network has no such device".to_owned(),
        })
    }
}

/// Which of the elements of one section its figures are of: what is in series before what hangs on it, lines first.
fn rank(network: &Network, id: ElementId) -> (u8, usize) {
    let in_series = network.common(id).terminals.len() > 1;
    let kind = match id.kind {
        ElementKind::Line if in_series => 0,
        ElementKind::Transformer | ElementKind::AcBranch | ElementKind::PowerTransformer => 1,
        ElementKind::Reactor | ElementKind::Capacitor if in_series => 2,
        ElementKind::Load
        | ElementKind::Generator
        | ElementKind::PvSystem
        | ElementKind::Storage
        | ElementKind::Capacitor
        | ElementKind::Reactor => 3,
        ElementKind::VoltageSource => 4,
        _ => 9,
    };
    (kind, id.index())
}
