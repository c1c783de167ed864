//! From a study to a network.
//!
//! ```text
//! sections ─► chains of links between buses ─► nominal voltages along them ─► elements in the order of the sections
//! ```
//!
//! A section joins two nodes and may hold several devices. They are strung in the order of their places (from end, middle,
//! to end) over inner buses; a line with something in its middle becomes two halves. A section without a line or other series
//! device joins its nodes. Nominal voltages spread from the sources over links, changing at transformers; what needs a
//! voltage (loads, capacitors, regulators) is made after them.
//!
//! The numbers are those of the study, also where they are known to be wrong: such places are findings, and a [`Correction`]
//! mends them when asked for. Electrical recipe: source voltages held at the head node; overhead lines by phase from
//! conductors and positions with the first terms of Carson's series; distributed loads in the middle of their section;
//! regulators and switches without impedance.

mod catalogue;
mod generation;
mod lines;
mod loads;
mod shunts;
mod sources;
mod topology;
mod transformers;

use super::model::Model;
use crate::ImportError;
use catalogue::Catalogue;
use network::{
    Alias, AnyElement, Common, Diagnostic, Disposition, ElementId, ElementKind, Imported, LonLat, Network, Reject, Severity, SourceRef,
    Terminal,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use topology::Topology;

/// A mending of a known fault of real studies. The import reports such faults and uses the numbers of the file; a mending
/// is made only when asked for, and is a row of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub enum Correction {
    /// Rated voltages of shunt capacitors that do not fit the line-to-neutral voltage of their node become the node's.
    CapacitorKv,
    /// All phases of a three-phase regulator whose control is on one phase take that phase's tap.
    GangedRegulators,
    /// Mutual resistances AB, BC, CA of an entry of LINE UNBALANCED, which a faulty export replaced by the reactances. They
    /// cannot be worked out from the rest of the entry, so they are told.
    MutualResistance { line: String, ohm_per_km: [f64; 3] },
    /// Taps of a regulator by phase; a phase of none keeps its own.
    RegulatorTaps { device: String, taps: [Option<i32>; 3] },
    /// Loads on a section are connected in delta.
    DeltaLoad { section: String },
}

impl Correction {
    /// The correction that a word says: `capacitor-kv`, `ganged-regulators`, `mutual-resistance:LINE=AB,BC,CA` (ohm/km; one
    /// value for all three), `regulator-taps:DEVICE=A,B,C` (`-` keeps a tap), `delta-load:SECTION`.
    pub fn parse(text: &str) -> Option<Correction> {
        let (name, rest) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        match (name.trim(), rest) {
            ("capacitor-kv", None) => Some(Correction::CapacitorKv),
            ("ganged-regulators", None) => Some(Correction::GangedRegulators),
            ("delta-load", Some(section)) if !section.trim().is_empty() => {
                Some(Correction::DeltaLoad { section: section.trim().to_owned() })
            }
            ("mutual-resistance", Some(rest)) => {
                let (line, values) = rest.rsplit_once('=')?;
                let values: Vec<f64> =
                    values.split(',').map(|v| v.trim().parse().ok().filter(|v: &f64| v.is_finite())).collect::<Option<_>>()?;
                let ohm_per_km = match values.as_slice() {
                    [all] => [*all; 3],
                    [ab, bc, ca] => [*ab, *bc, *ca],
                    _ => return None,
                };
                Some(Correction::MutualResistance { line: line.trim().to_owned(), ohm_per_km })
            }
            ("regulator-taps", Some(rest)) => {
                let (device, values) = rest.rsplit_once('=')?;
                let taps: Vec<Option<i32>> = values
                    .split(',')
                    .map(|v| match v.trim() {
                        "-" | "" => Some(None),
                        number => number.parse().ok().map(Some),
                    })
                    .collect::<Option<_>>()?;
                Some(Correction::RegulatorTaps { device: device.trim().to_owned(), taps: taps.try_into().ok()? })
            }
            _ => None,
        }
    }
}

/// What of a study is read, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Networks to read; empty: all.
    pub feeders: Vec<String>,
    /// Load model by id or name; none: `1`, or the first there is.
    pub load_model: Option<String>,
    pub corrections: Vec<Correction>,
    /// Regulators and switched capacitors act; otherwise taps and steps stay as they were saved.
    pub controls_act: bool,
    /// Errors in single records are warnings: what they describe is left out.
    pub lenient: bool,
    /// Coordinates of the study are longitude and latitude, degrees; otherwise they are kept as drawing units.
    pub lon_lat: bool,
}

/// What a carrier found while reading, handed on to the import.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CarrierReport {
    pub diagnostics: Vec<Diagnostic>,
    pub rejects: Vec<Reject>,
    /// Records read by section, table or element.
    pub counts: Vec<(String, usize)>,
    pub ledger: network::Ledger,
}

/// Findings of one code after which the rest is only counted.
const MAX_FINDINGS_A_CODE: usize = 100;

/// Series impedance of a closed switch and of a joint of two nodes, ohm: R and X.
pub(crate) const JOINT_OHM: f64 = 1e-5;

/// Makes a network of a study.
///
/// # Errors
/// When the study has no sections or no source, when a feeder asked for is not there, and (unless lenient) when a record
/// that is part of the network cannot be used.
pub fn lower(model: &Model, options: &Options, carrier: CarrierReport) -> Result<Imported, ImportError> {
    let mut findings = carrier.diagnostics.clone();
    if model.sections.is_empty() {
        findings.push(
            Diagnostic::error("CYME.STUDY.EMPTY", "the study has no sections")
                .hint("Hand in the network file (the one with [SECTION]) together with the equipment and load files."),
        );
        return Err(ImportError::new(findings));
    }
    let mut lowering = Lowering::new(model, options, carrier);
    lowering.choose_feeders()?;
    lowering.frequency();
    let topology = Topology::of(&mut lowering);
    lowering.sources(&topology)?;
    lowering.catalogue_entries();
    lowering.spread_voltages(&topology);
    lowering.coordinates(&topology);
    lowering.links(&topology);
    lowering.shunts(&topology);
    lowering.loads(&topology);
    lowering.generation(&topology);
    lowering.finish()
}

/// One lowering: the study, and the network that grows.
struct Lowering<'a> {
    model: &'a Model,
    options: &'a Options,
    catalogue: Catalogue<'a>,
    out: Imported,
    names: HashSet<String>,
    found: BTreeMap<String, usize>,
    /// Networks that are read, lower case; empty: all.
    feeders: HashSet<String>,
    frequency_hz: f64,
    /// Load model: id and name.
    load_model: (String, String),
    /// Base of the line-to-neutral voltage by bus, kV; 0 unknown.
    base_ln_kv: Vec<f64>,
    /// Catalogue entries already made, by id in lower case.
    line_codes: HashMap<String, network::LineCodeId>,
    conductors: HashMap<String, network::ConductorId>,
    spacings: HashMap<String, network::LineSpacingId>,
    transformer_codes: HashMap<String, network::TransformerCodeId>,
}

fn lower_case(text: &str) -> String {
    text.trim().to_lowercase()
}

impl<'a> Lowering<'a> {
    fn new(model: &'a Model, options: &'a Options, carrier: CarrierReport) -> Self {
        let name = model.feeders.first().map(|f| f.id.clone()).unwrap_or_default();
        let out = Imported {
            network: Network::new(if name.is_empty() { "cyme".to_owned() } else { name }),
            diagnostics: carrier.diagnostics,
            ledger: carrier.ledger,
            rejects: carrier.rejects,
            counts: carrier.counts,
            figures: Vec::new(),
        };
        let wanted = options.load_model.as_deref().unwrap_or("1");
        let known = model
            .load_models
            .iter()
            .find(|m| m.id.eq_ignore_ascii_case(wanted) || m.name.eq_ignore_ascii_case(wanted))
            .or_else(|| if options.load_model.is_none() { model.load_models.first() } else { None });
        let load_model = known.map_or((wanted.to_owned(), wanted.to_owned()), |m| (m.id.clone(), m.name.clone()));
        Self {
            model,
            options,
            catalogue: Catalogue::of(model),
            out,
            names: HashSet::new(),
            found: BTreeMap::new(),
            feeders: HashSet::new(),
            frequency_hz: 60.0,
            load_model,
            base_ln_kv: Vec::new(),
            line_codes: HashMap::new(),
            conductors: HashMap::new(),
            spacings: HashMap::new(),
            transformer_codes: HashMap::new(),
        }
    }

    /// Keeps a finding; of one code only the first many, the rest is counted.
    fn find(&mut self, mut finding: Diagnostic) {
        if self.options.lenient && finding.severity == Severity::Error {
            finding.severity = Severity::Warning;
        }
        let n = self.found.entry(finding.code.clone()).or_default();
        *n += 1;
        if *n <= MAX_FINDINGS_A_CODE {
            self.out.diagnostics.push(finding);
        }
    }

    fn reject(&mut self, source: &SourceRef, reason: impl Into<String>, text: impl Into<String>) {
        self.out.rejects.push(Reject { source: source.clone(), reason: reason.into(), text: text.into() });
    }

    fn kept(&mut self, field: &str) {
        self.out.ledger.record(field, Disposition::Kept, None);
    }

    fn converted(&mut self, field: &str, formula: &str, source: &SourceRef) {
        self.out.ledger.record(field, Disposition::Converted { formula: formula.to_owned() }, Some(source));
    }

    fn defaulted(&mut self, field: &str, value: &str, reason: &str, source: &SourceRef) {
        self.out.ledger.record(field, Disposition::Defaulted { value: value.to_owned(), reason: reason.to_owned() }, Some(source));
    }

    fn dropped(&mut self, field: &str, reason: &str, source: &SourceRef) {
        self.out.ledger.record(field, Disposition::Dropped { reason: reason.to_owned() }, Some(source));
    }

    fn choose_feeders(&mut self) -> Result<(), ImportError> {
        for wanted in &self.options.feeders {
            let wanted_key = lower_case(wanted);
            let known = self.model.feeders.iter().any(|f| lower_case(&f.id) == wanted_key)
                || self.model.sections.iter().any(|s| lower_case(&s.network) == wanted_key);
            if !known {
                let mut names: Vec<&str> = self.model.feeders.iter().map(|f| f.id.as_str()).collect();
                names.truncate(20);
                let finding = Diagnostic::error("CYME.FEEDER.UNKNOWN", format!("the study has no network {wanted:?}"))
                    .detail(format!("It has {}.", names.join(", ")));
                return Err(finding.into());
            }
            self.feeders.insert(wanted_key);
        }
        Ok(())
    }

    /// Whether a network is among those that are read.
    fn is_chosen(&self, network: &str) -> bool {
        self.feeders.is_empty() || self.feeders.contains(&lower_case(network))
    }

    fn frequency(&mut self) {
        let entries = self.model.line_types.iter().filter_map(|l| l.frequency_hz);
        let entries = entries.chain(self.model.lines_unbalanced.iter().filter_map(|l| l.frequency_hz));
        let told: Vec<f64> = entries.chain(self.model.cables.iter().filter_map(|c| c.frequency_hz)).filter(|f| *f > 0.0).collect();
        let same = told.first().copied().filter(|first| told.iter().all(|f| f == first));
        match (self.model.frequency_hz.filter(|f| *f > 0.0), same) {
            (Some(f), _) => self.frequency_hz = f,
            (None, Some(f)) => {
                self.frequency_hz = f;
                self.out.ledger.record(
                    "general.frequency",
                    Disposition::Converted { formula: "that of the catalogue's lines".into() },
                    None,
                );
            }
            (None, None) => {
                let reason = if told.is_empty() { "the study tells none" } else { "the entries of the catalogue differ" };
                self.out.ledger.record("general.frequency", Disposition::Defaulted { value: "60 Hz".into(), reason: reason.into() }, None);
            }
        }
        let options = &mut self.out.network.options;
        options.frequency_hz = self.frequency_hz;
        options.base_frequency_hz = self.frequency_hz;
        options.earth_model = network::EarthModel::Carson;
        options.tolerance_pu = 1e-7;
        options.max_iterations = 200;
        options.max_control_iterations = 100;
        if !self.options.controls_act {
            options.control_mode = network::ControlMode::Off;
        }
    }

    /// A name of an element that its class does not have yet.
    fn unique(&mut self, kind: ElementKind, wanted: &str, section: &str) -> String {
        let clean = |text: &str| {
            let text: String = lower_case(text).chars().map(|c| if c.is_control() || c == '"' { '_' } else { c }).collect();
            if text.is_empty() { "unnamed".to_owned() } else { text }
        };
        let wanted = clean(wanted);
        let mut name = wanted.clone();
        let mut n = 1;
        while !self.names.insert(format!("{}.{name}", kind.class())) {
            name = if n == 1 && !section.is_empty() && lower_case(section) != wanted {
                format!("{wanted}_{}", clean(section))
            } else {
                format!("{wanted}_{n}")
            };
            n += 1;
        }
        name
    }

    /// The common part of an element of this study.
    fn common(&mut self, kind: ElementKind, name: &str, place: &Place<'_>, n_phases: usize, terminals: Vec<Terminal>) -> Common {
        let mut common = Common::new(self.unique(kind, name, place.section), n_phases);
        common.base_frequency_hz = self.frequency_hz;
        common.terminals = terminals;
        common.feeder = place.network.to_owned();
        common.source = place.source.clone();
        let alias = |id: &str| Alias { system: "cyme".to_owned(), id: id.to_owned() };
        if !place.device.is_empty() {
            common.aliases.push(alias(place.device));
        }
        if !place.section.is_empty() && place.section != place.device {
            common.aliases.push(Alias { system: "cyme_section".to_owned(), id: place.section.to_owned() });
        }
        common
    }

    fn add(&mut self, element: impl Into<AnyElement>) -> ElementId {
        let id = self.out.network.add(element);
        let terminals = self.out.network.common(id).terminals.clone();
        for terminal in &terminals {
            for &node in &terminal.nodes {
                self.out.network.note_node(terminal.bus, node);
            }
        }
        id
    }

    /// Base of the line-to-neutral voltage of a bus, kV, if it is known.
    fn base_ln(&self, bus: network::BusId) -> Option<f64> {
        self.base_ln_kv.get(bus.index()).copied().filter(|kv| *kv > 0.0)
    }

    fn lon_lat(&self, x: f64, y: f64) -> Option<LonLat> {
        (self.options.lon_lat && x.abs() <= 180.0 && y.abs() <= 90.0).then(|| LonLat::new(x, y))
    }

    fn finish(mut self) -> Result<Imported, ImportError> {
        for (code, n) in std::mem::take(&mut self.found) {
            if n > MAX_FINDINGS_A_CODE {
                let rest = n - MAX_FINDINGS_A_CODE;
                self.out.diagnostics.push(Diagnostic::note("CYME.STUDY.MORE_FINDINGS", format!("{rest} more findings {code}")));
            }
        }
        for (i, kv) in self.base_ln_kv.iter().enumerate() {
            if let Some(bus) = self.out.network.buses.get_mut(i) {
                bus.kv_base_ln = *kv;
            }
        }
        let mut bases: Vec<f64> = Vec::new();
        for kv in self.base_ln_kv.iter().filter(|kv| **kv > 0.0).map(|kv| (kv * 3f64.sqrt() * 1e4).round() / 1e4) {
            if !bases.contains(&kv) && bases.len() < 1000 {
                bases.push(kv);
            }
        }
        bases.sort_by(|a, b| b.total_cmp(a));
        self.out.network.options.voltage_bases_kv = bases;
        if !self.options.lenient && self.out.diagnostics.iter().any(|d| d.severity == Severity::Error) {
            return Err(ImportError::new(self.out.diagnostics));
        }
        if self.options.lenient {
            for finding in &mut self.out.diagnostics {
                if finding.severity == Severity::Error {
                    finding.severity = Severity::Warning;
                }
            }
        }
        Ok(self.out)
    }
}

/// Where an element comes from.
struct Place<'b> {
    device: &'b str,
    section: &'b str,
    network: &'b str,
    source: &'b SourceRef,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrections_are_words() {
        assert_eq!(Correction::parse("capacitor-kv"), Some(Correction::CapacitorKv));
        assert_eq!(
            Correction::parse("mutual-resistance:LINE606=0.191258"),
            Some(Correction::MutualResistance { line: "LINE606".into(), ohm_per_km: [0.191258; 3] })
        );
        assert_eq!(
            Correction::parse("regulator-taps:R1=7,-,-1"),
            Some(Correction::RegulatorTaps { device: "R1".into(), taps: [Some(7), None, Some(-1)] })
        );
        assert_eq!(Correction::parse("delta-load:816-824"), Some(Correction::DeltaLoad { section: "816-824".into() }));
        assert_eq!(Correction::parse("mutual-resistance:L=1,2"), None);
        assert_eq!(Correction::parse("repair everything"), None);
    }
}
