//! What the carriers with named fields, the database and XML, share: records from names and values, put where they belong in the model.
//!
//! Both say the same things as the text format under other names. A carrier makes [`Fields`] of a row or element, under the names that
//! it has or, where those mean something else there, under the text format's; [`Filler::add`] makes the record and keeps count. What is
//! there but cannot be read rejects the record: it is counted, kept with its reason, and reported.

use super::codes::normalised;
use super::lower::CarrierReport;
use super::model::{self, GeneratorKind, Layout, Model, OtherRecord, Record, SwitchKind, Units, is_absent};
use network::{Diagnostic, Disposition, Reject, SourceRef};
use std::collections::HashMap;

/// A record as names and values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields {
    names: Vec<String>,
    values: Vec<String>,
    pub source: SourceRef,
}

impl Fields {
    pub fn new(source: SourceRef) -> Self {
        Self { source, ..Self::default() }
    }

    /// Adds a field; one that is there keeps its value, so the first that is put in counts.
    pub fn put(&mut self, name: &str, value: &str) -> &mut Self {
        if !is_absent(value.trim()) {
            self.names.push(name.to_owned());
            self.values.push(value.trim().to_owned());
        }
        self
    }

    /// Adds the value of a field under another name too.
    pub fn also(&mut self, name: &str, of: &str) -> &mut Self {
        if let Some(value) = self.get(of).map(str::to_owned) {
            self.put(name, &value);
        }
        self
    }

    /// Takes a field out and gives its value.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.names.iter().position(|n| n.eq_ignore_ascii_case(name))?;
        self.names.remove(at);
        Some(self.values.remove(at))
    }

    /// Replaces the value of a field, or adds it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        while self.take(name).is_some() {}
        self.put(name, value)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.names.iter().position(|n| n.eq_ignore_ascii_case(name)).map(|at| self.values[at].as_str())
    }

    /// The record as text for the rejects file.
    fn text(&self) -> String {
        let all: Vec<String> = self.names.iter().zip(&self.values).map(|(n, v)| format!("{n}={v}")).collect();
        all.join(",").chars().take(2000).collect()
    }
}

/// Fills a model and keeps the report.
pub(super) struct Filler {
    pub model: Model,
    pub report: CarrierReport,
    /// The layout last used for each kind of record, with the names that it is for.
    layouts: HashMap<&'static str, (Vec<String>, Layout)>,
    counts: HashMap<String, usize>,
    unreadable: usize,
}

/// Findings of single unreadable fields that are listed; the rejects hold all.
const FINDINGS_MAX: usize = 50;

impl Filler {
    pub fn new(units: Units) -> Self {
        Self {
            model: Model { units, ..Model::default() },
            report: CarrierReport::default(),
            layouts: HashMap::new(),
            counts: HashMap::new(),
            unreadable: 0,
        }
    }

    /// Makes a record, or none if one of its fields cannot be read.
    fn read<R: Record>(&mut self, fields: &Fields, catalogue: bool) -> Option<R> {
        let fits = self.layouts.get(R::SECTION).is_some_and(|(names, _)| *names == fields.names);
        if !fits {
            self.layouts.insert(R::SECTION, (fields.names.clone(), Layout::of::<R>(&fields.names)));
        }
        let (_, layout) = self.layouts.get(R::SECTION)?;
        let mut faults = Vec::new();
        let record = layout.read(&fields.values, self.model.units, fields.source.clone(), &mut faults);
        let Some(first) = faults.first() else { return Some(record) };
        let reason = format!("{} of a record of {} cannot be read: `{}`", first.field, R::SECTION, first.text);
        self.unreadable += 1;
        if self.unreadable <= FINDINGS_MAX {
            let finding = match catalogue {
                // An entry that nothing uses does no harm; one that is used is missed by the import.
                true => Diagnostic::warning("CYME.CATALOGUE.UNREADABLE", "an entry of the catalogue has a value that cannot be read"),
                false => Diagnostic::error("CYME.RECORD.UNREADABLE", "a record has a value that cannot be read"),
            };
            self.report.diagnostics.push(
                finding
                    .at(&fields.source)
                    .detail(format!("{reason}."))
                    .hint("correct the value in CYME and export again; the record is left out and kept among the rejects"),
            );
        }
        self.reject(fields, reason);
        None
    }

    pub fn reject(&mut self, fields: &Fields, reason: String) {
        self.report.rejects.push(Reject { source: fields.source.clone(), reason, text: fields.text() });
    }

    pub fn note(&mut self, finding: Diagnostic) {
        self.report.diagnostics.push(finding);
    }

    /// Records in the ledger that `n` records or values are not used.
    pub fn dropped(&mut self, field: &str, reason: &str, n: usize, source: Option<&SourceRef>) {
        let disposition = Disposition::Dropped { reason: reason.to_owned() };
        self.report.ledger.record(field, disposition.clone(), source);
        if let Some(entry) = self.report.ledger.entries.iter_mut().find(|e| e.field == field && e.disposition == disposition) {
            entry.count += n.saturating_sub(1);
        }
    }

    /// Counts records of a table or element.
    pub fn count(&mut self, name: &str, n: usize) {
        match self.counts.get(name) {
            Some(&at) => self.report.counts[at].1 += n,
            None => {
                self.counts.insert(name.to_owned(), self.report.counts.len());
                self.report.counts.push((name.to_owned(), n));
            }
        }
    }

    /// A record without a typed form, on a section.
    pub fn add_other(&mut self, name: &str, fields: Fields) {
        let record = OtherRecord { fields: fields.names.into_iter().zip(fields.values).collect(), source: fields.source };
        self.model.other_devices.entry(name.to_owned()).or_default().push(record);
    }

    /// Puts a record where it belongs by the name of its section in the text format. False when there is no such kind.
    pub fn add(&mut self, section: &str, fields: &Fields) -> bool {
        macro_rules! put {
            ($list:ident, $kind:ty, $catalogue:expr) => {{
                if let Some(record) = self.read::<$kind>(fields, $catalogue) {
                    self.model.$list.push(record);
                }
            }};
            ($list:ident, $kind:ty, $catalogue:expr, $tag:expr) => {{
                if let Some(record) = self.read::<$kind>(fields, $catalogue) {
                    self.model.$list.push(($tag, record));
                }
            }};
        }
        if let Some(kind) = switch_kind(section) {
            put!(switches, model::SwitchSetting, false, kind);
            return true;
        }
        match section {
            "FEEDER" => put!(feeders, model::Feeder, false),
            "NODE" => put!(nodes, model::Node, false),
            "HEADNODES" => put!(head_nodes, model::HeadNode, false),
            "SOURCE" => put!(sources, model::Source, false),
            "SOURCE EQUIVALENT" => put!(source_equivalents, model::SourceEquivalent, false),
            "SECTION" => put!(sections, model::Section, false),
            "INTERMEDIATE NODES" => put!(intermediate_nodes, model::IntermediateNode, false),
            "OVERHEAD BYPHASE SETTING" => put!(overhead_by_phase, model::OverheadByPhase, false),
            "OVERHEADLINEUNBALANCED SETTING" => put!(overhead_unbalanced, model::OverheadUnbalanced, false),
            "OVERHEADLINE SETTING" => put!(overhead_lines, model::OverheadLine, false),
            "UNDERGROUNDLINE SETTING" => put!(underground_lines, model::UndergroundLine, false),
            "TRANSFORMER SETTING" => put!(transformers, model::TransformerSetting, false),
            "TRANSFORMER BYPHASE SETTING" => put!(transformers_by_phase, model::TransformerByPhase, false),
            "THREE WINDING TRANSFORMER SETTING" => put!(three_winding_transformers, model::ThreeWindingSetting, false),
            "AUTOTRANSFORMER SETTING" => put!(autotransformers, model::AutoTransformerSetting, false),
            "GROUNDING TRANSFORMER SETTING" => put!(grounding_transformers, model::GroundingTransformerSetting, false),
            "REGULATOR SETTING" => put!(regulators, model::RegulatorSetting, false),
            "AUTO TAP CHANGING EXTENSION" => put!(tap_changing, model::TapChangingExtension, false),
            "SHUNT CAPACITOR SETTING" => put!(shunt_capacitors, model::ShuntCapacitorSetting, false),
            "SHUNT REACTOR SETTING" => put!(shunt_reactors, model::ShuntReactorSetting, false),
            "SERIE CAPACITOR SETTING" => put!(series_capacitors, model::SeriesSetting, false),
            "SERIE REACTOR SETTING" => put!(series_reactors, model::SeriesSetting, false),
            "LOADS" => put!(loads, model::LoadSetting, false),
            "CUSTOMER LOADS" => put!(customer_loads, model::CustomerLoad, false),
            "CUSTOMER CLASS" => put!(customer_classes, model::CustomerClass, false),
            "LOAD MODEL INFORMATION" => put!(load_models, model::LoadModelInformation, false),
            "PHOTOVOLTAIC SETTINGS" => put!(photovoltaics, model::PhotovoltaicSetting, false),
            "SYNCHRONOUS GENERATOR SETTING" => put!(generators, model::GeneratorSetting, false, GeneratorKind::Synchronous),
            "INDUCTION GENERATOR SETTING" => put!(generators, model::GeneratorSetting, false, GeneratorKind::Induction),
            "ELECTRONIC CONVERTER GENERATOR SETTING" => {
                put!(generators, model::GeneratorSetting, false, GeneratorKind::ElectronicConverter)
            }
            "BESS SETTINGS" => put!(bess, model::BessSetting, false),
            "CONVERTER" => put!(converters, model::Converter, false),
            "CONVERTER CONTROL SETTING" => put!(converter_controls, model::ConverterControl, false),
            "DGGENERATIONMODEL" => put!(generation_models, model::DgGenerationModel, false),
            "INDUCTION MOTOR SETTING" => put!(induction_motors, model::MotorSetting, false),
            "SYNCHRONOUS MOTOR SETTING" => put!(synchronous_motors, model::MotorSetting, false),
            "CONDUCTOR" => put!(conductors, model::Conductor, true),
            "SPACING TABLE FOR LINE" => put!(spacings, model::Spacing, true),
            "LINE" => put!(line_types, model::LineType, true),
            "LINE UNBALANCED" => put!(lines_unbalanced, model::LineUnbalanced, true),
            "CABLE" => put!(cables, model::Cable, true),
            "CABLE CONDUCTOR" => put!(cable_conductors, model::CableConductor, true),
            "CABLE INSULATION" => put!(cable_insulations, model::CableInsulation, true),
            "CABLE CONCENTRIC NEUTRAL" => put!(cable_neutrals, model::CableConcentricNeutral, true),
            "TRANSFORMER" => put!(transformer_types, model::TransformerType, true),
            "THREE WINDING TRANSFORMER" => put!(three_winding_types, model::ThreeWindingType, true),
            "AUTOTRANSFORMER" => put!(autotransformer_types, model::AutoTransformerType, true),
            "GROUNDING TRANSFORMER" => put!(grounding_transformer_types, model::GroundingTransformerType, true),
            "REGULATOR" => put!(regulator_types, model::RegulatorType, true),
            "SUBSTATION" => put!(substation_types, model::SubstationType, true),
            "SHUNT CAPACITOR" => put!(capacitor_types, model::ShuntType, true),
            "SHUNT REACTOR" => put!(reactor_types, model::ShuntType, true),
            "SERIE CAPACITOR" => put!(series_capacitor_types, model::SeriesType, true),
            "SERIE REACTOR" => put!(series_reactor_types, model::SeriesType, true),
            "PHOTOVOLTAIC" => put!(photovoltaic_types, model::PhotovoltaicType, true),
            "SYNCHRONOUS GENERATOR" => put!(generator_types, model::GeneratorType, true, GeneratorKind::Synchronous),
            "INDUCTION GENERATOR" => put!(generator_types, model::GeneratorType, true, GeneratorKind::Induction),
            "ELECTRONIC CONVERTER GENERATOR" => put!(generator_types, model::GeneratorType, true, GeneratorKind::ElectronicConverter),
            "BESS" => put!(bess_types, model::BessType, true),
            "INDUCTION MOTOR" => put!(induction_motor_types, model::MotorType, true),
            "SYNCHRONOUS MOTOR" => put!(synchronous_motor_types, model::MotorType, true),
            "SWITCH" => put!(switch_types, model::SwitchType, true, SwitchKind::Switch),
            "FUSE" => put!(switch_types, model::SwitchType, true, SwitchKind::Fuse),
            "RECLOSER" => put!(switch_types, model::SwitchType, true, SwitchKind::Recloser),
            "BREAKER" => put!(switch_types, model::SwitchType, true, SwitchKind::Breaker),
            "SECTIONALIZER" => put!(switch_types, model::SwitchType, true, SwitchKind::Sectionalizer),
            "NETWORKPROTECTOR" => put!(switch_types, model::SwitchType, true, SwitchKind::NetworkProtector),
            "LVCB" => put!(switch_types, model::SwitchType, true, SwitchKind::LvBreaker),
            "MISCELLANEOUS" => put!(switch_types, model::SwitchType, true, SwitchKind::Miscellaneous),
            _ => return false,
        }
        true
    }

    /// The report with what ends it: how many records were left out, and a note of a version that no sample was seen of.
    pub fn finish(mut self) -> (Model, CarrierReport) {
        if self.unreadable > FINDINGS_MAX {
            self.report.diagnostics.push(
                Diagnostic::error("CYME.RECORD.MORE_UNREADABLE", "more records have values that cannot be read than are listed")
                    .detail(format!("{} records were left out for it; the first {FINDINGS_MAX} are listed.", self.unreadable))
                    .hint("see the rejects for all of them"),
            );
        }
        (self.model, self.report)
    }
}

/// Which switching device a section of settings tells of.
fn switch_kind(section: &str) -> Option<SwitchKind> {
    Some(match section {
        "SWITCH SETTING" => SwitchKind::Switch,
        "FUSE SETTING" => SwitchKind::Fuse,
        "RECLOSER SETTING" => SwitchKind::Recloser,
        "BREAKER SETTING" => SwitchKind::Breaker,
        "SECTIONALIZER SETTING" => SwitchKind::Sectionalizer,
        "NETWORKPROTECTOR SETTING" => SwitchKind::NetworkProtector,
        "LVCB SETTING" => SwitchKind::LvBreaker,
        "MISCELLANEOUS SETTING" => SwitchKind::Miscellaneous,
        _ => return None,
    })
}

/// `NormalStatus` of database and XML as `NStatus` of text: 1 there is closed. Words stay.
pub(super) fn turn_normal_status(fields: &mut Fields) {
    let Some(status) = fields.get("NormalStatus").map(normalised) else { return };
    let turned = match status.as_str() {
        "1" => "0",
        "0" => "1",
        _ => return,
    };
    fields.set("NormalStatus", turned);
}

/// Names of a three-winding transformer of the catalogue that the text format writes otherwise.
pub(super) fn rename_three_winding(fields: &mut Fields) {
    for (name, of) in [
        ("PrimaryToSecondaryZ1", "PrimarySecondaryZ1"),
        ("PrimaryToTertiaryZ1", "PrimaryTertiaryZ1"),
        ("SecondaryToTertiaryZ1", "SecondaryTertiaryZ1"),
        ("PrimaryToSecondaryXR1", "PrimarySecondaryXR1Ratio"),
        ("PrimaryToTertiaryXR1", "PrimaryTertiaryXR1Ratio"),
        ("SecondaryToTertiaryXR1", "SecondaryTertiaryXR1Ratio"),
        ("PrimaryToSecondaryPhaseShiftType", "SecondaryPhaseShift"),
        ("PrimaryToTertiaryPhaseShiftType", "TertiaryPhaseShift"),
        ("NoLoadLosses", "NoLoadLossesKW"),
    ] {
        fields.also(name, of);
    }
}

/// Names of a generator of the catalogue or on a section that the text format writes otherwise.
pub(super) fn rename_generator(fields: &mut Fields) {
    for (name, of) in [
        ("KVA", "RatedKVA"),
        ("KVLL", "RatedKVLL"),
        ("PF", "PFPercent"),
        ("MaxKVAR", "MaximumReactiveKVAR"),
        ("MinKVAR", "MinimumReactiveKVAR"),
        ("MaxKVAR", "QMax"),
        ("MinKVAR", "QMin"),
        ("ActiveGeneration", "KWSet"),
        ("ActiveGeneration", "ActiveGenerationKW"),
        ("DesiredVoltage", "KVSet"),
        ("ControlType", "VoltageControlType"),
    ] {
        fields.also(name, of);
    }
}
