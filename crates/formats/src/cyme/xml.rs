//! Self-contained studies in XML (`.sxst`, `.xml`): network, catalogue, classes of loads in one file, or, as older versions export
//! them, a network file beside files of equipment.
//!
//! A study names its things in words where text and database use letters and integers. Elements are found by name, so that versions
//! may add and leave out; names of older versions are aliases of the model's fields. The unit system is SI.

use super::carrier::{Fields, Filler, rename_generator, rename_three_winding, turn_normal_status};
use super::lower::{CarrierReport, Options, lower};
use super::model::{Model, Units};
use super::xml_stream::{Element, Level, XmlLimits, XmlSummary, decode, is_study_root, looks_like_study, walk};
use crate::{FileSource, ImportError};
use network::{Diagnostic, Imported, SourceRef};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Elements of devices and the sections of the text format that they stand for, with older names.
const DEVICES: [(&str, &str); 47] = [
    ("OverheadByPhase", "OVERHEAD BYPHASE SETTING"),
    ("OverheadLineUnbalanced", "OVERHEADLINEUNBALANCED SETTING"),
    ("OverheadUnbalanced", "OVERHEADLINEUNBALANCED SETTING"),
    ("OverheadLine", "OVERHEADLINE SETTING"),
    ("Overhead", "OVERHEADLINE SETTING"),
    ("Underground", "UNDERGROUNDLINE SETTING"),
    ("UndergroundLine", "UNDERGROUNDLINE SETTING"),
    ("UndergroundCable", "UNDERGROUNDLINE SETTING"),
    ("Cable", "UNDERGROUNDLINE SETTING"),
    ("Switch", "SWITCH SETTING"),
    ("Fuse", "FUSE SETTING"),
    ("Recloser", "RECLOSER SETTING"),
    ("Breaker", "BREAKER SETTING"),
    ("Sectionalizer", "SECTIONALIZER SETTING"),
    ("NetworkProtector", "NETWORKPROTECTOR SETTING"),
    ("LVCB", "LVCB SETTING"),
    ("LowVoltageCircuitBreaker", "LVCB SETTING"),
    ("Miscellaneous", "MISCELLANEOUS SETTING"),
    ("Transformer", "TRANSFORMER SETTING"),
    ("TwoWindingTransformer", "TRANSFORMER SETTING"),
    ("TransformerByPhase", "TRANSFORMER BYPHASE SETTING"),
    ("ThreeWindingTransformer", "THREE WINDING TRANSFORMER SETTING"),
    ("ThreeWindingAutoTransformer", "THREE WINDING TRANSFORMER SETTING"),
    ("AutoTransformer", "AUTOTRANSFORMER SETTING"),
    ("GroundingTransformer", "GROUNDING TRANSFORMER SETTING"),
    ("Regulator", "REGULATOR SETTING"),
    ("ShuntCapacitor", "SHUNT CAPACITOR SETTING"),
    ("ShuntReactor", "SHUNT REACTOR SETTING"),
    ("SeriesCapacitor", "SERIE CAPACITOR SETTING"),
    ("SerieCapacitor", "SERIE CAPACITOR SETTING"),
    ("SeriesReactor", "SERIE REACTOR SETTING"),
    ("SerieReactor", "SERIE REACTOR SETTING"),
    ("Photovoltaic", "PHOTOVOLTAIC SETTINGS"),
    ("PV", "PHOTOVOLTAIC SETTINGS"),
    ("ElectronicConverterGenerator", "ELECTRONIC CONVERTER GENERATOR SETTING"),
    ("ElecConverterGenerator", "ELECTRONIC CONVERTER GENERATOR SETTING"),
    ("SynchronousGenerator", "SYNCHRONOUS GENERATOR SETTING"),
    ("InductionGenerator", "INDUCTION GENERATOR SETTING"),
    ("BESS", "BESS SETTINGS"),
    ("BatteryEnergyStorageSystem", "BESS SETTINGS"),
    ("EnergyStorage", "BESS SETTINGS"),
    ("InductionMotor", "INDUCTION MOTOR SETTING"),
    ("SynchronousMotor", "SYNCHRONOUS MOTOR SETTING"),
    ("SpotLoad", "LOADS"),
    ("DistributedLoad", "LOADS"),
    ("LoadSpot", "LOADS"),
    ("LoadDistributed", "LOADS"),
];

/// Elements of the catalogue and the sections of the text format that they stand for.
const CATALOGUE: [(&str, &str); 38] = [
    ("ConductorDB", "CONDUCTOR"),
    ("OverheadSpacingOfConductorDB", "SPACING TABLE FOR LINE"),
    ("SpacingDB", "SPACING TABLE FOR LINE"),
    ("OverheadLineDB", "LINE"),
    ("LineDB", "LINE"),
    ("OverheadLineUnbalancedDB", "LINE UNBALANCED"),
    ("LineUnbalancedDB", "LINE UNBALANCED"),
    ("CableDB", "CABLE"),
    ("ConcentricNeutralCableDB", "CABLE"),
    ("TransformerDB", "TRANSFORMER"),
    ("AutoTransformerDB", "AUTOTRANSFORMER"),
    ("ThreeWindingTransformerDB", "THREE WINDING TRANSFORMER"),
    ("ThreeWindingAutoTransformerDB", "THREE WINDING TRANSFORMER"),
    ("GroundingTransformerDB", "GROUNDING TRANSFORMER"),
    ("RegulatorDB", "REGULATOR"),
    ("SubstationDB", "SUBSTATION"),
    ("SourceDB", "SUBSTATION"),
    ("ShuntCapacitorDB", "SHUNT CAPACITOR"),
    ("ShuntReactorDB", "SHUNT REACTOR"),
    ("SeriesCapacitorDB", "SERIE CAPACITOR"),
    ("SerieCapacitorDB", "SERIE CAPACITOR"),
    ("SeriesReactorDB", "SERIE REACTOR"),
    ("SerieReactorDB", "SERIE REACTOR"),
    ("PhotovoltaicDB", "PHOTOVOLTAIC"),
    ("ElectronicConverterGeneratorDB", "ELECTRONIC CONVERTER GENERATOR"),
    ("SynchronousGeneratorDB", "SYNCHRONOUS GENERATOR"),
    ("InductionGeneratorDB", "INDUCTION GENERATOR"),
    ("BESSDB", "BESS"),
    ("InductionMotorDB", "INDUCTION MOTOR"),
    ("SynchronousMotorDB", "SYNCHRONOUS MOTOR"),
    ("SwitchDB", "SWITCH"),
    ("FuseDB", "FUSE"),
    ("RecloserDB", "RECLOSER"),
    ("BreakerDB", "BREAKER"),
    ("SectionalizerDB", "SECTIONALIZER"),
    ("NetworkProtectorDB", "NETWORKPROTECTOR"),
    ("LVCBDB", "LVCB"),
    ("MiscellaneousDB", "MISCELLANEOUS"),
];

/// Files of a folder looked at for the parts of a study.
const PARTS_MAX: usize = 200;

/// Reads a study and makes a network of it.
///
/// `path` is the study, a part of one, or the folder of its parts; a file may be packed with gzip or zip. When it holds a network and no
/// equipment, or the other way round, the missing part is looked for among the studies in the same folder.
///
/// # Errors
/// Findings: a file that is not XML or hostile, a study without a network or without its other part.
pub fn read(files: &dyn FileSource, path: &Path, options: &Options) -> Result<Imported, ImportError> {
    let (model, report) = read_model(files, path)?;
    lower(&model, options, report)
}

/// The study of an XML file as it is written, before a network is made of it.
pub fn read_model(files: &dyn FileSource, path: &Path) -> Result<(Model, CarrierReport), ImportError> {
    let mut study = Study::new();
    let mut known: Vec<PathBuf> = Vec::new();
    match files.read(path) {
        Ok(bytes) => {
            study.part(&bytes, path)?;
            known.push(path.to_owned());
        }
        Err(error) => {
            let parts = parts_in(files, path);
            if parts.is_empty() {
                return Err(Diagnostic::error("CYME.FILE.MISSING", "a file of the study cannot be read")
                    .at(&SourceRef::new(path.to_string_lossy(), 0))
                    .detail(format!("{error}."))
                    .hint("correct the path")
                    .into());
            }
            for part in parts {
                if let Ok(bytes) = files.read(&part)
                    && looks_like_study(&bytes)
                {
                    study.part(&bytes, &part)?;
                    known.push(part);
                }
            }
        }
    }
    if !study.has_network() || !study.has_catalogue() {
        study.neighbours(files, path, &known)?;
    }
    if !study.has_network() {
        return Err(Diagnostic::error("CYME.XML.NETWORK_MISSING", "the study holds no section of a network")
            .at(&SourceRef::new(path.to_string_lossy(), 0))
            .hint("name the file with the networks; it has elements Network and Section")
            .into());
    }
    study.finish_parts();
    Ok(study.filler.finish())
}

/// Files of a folder that may be parts of a study.
fn parts_in(files: &dyn FileSource, folder: &Path) -> Vec<PathBuf> {
    let mut names = files.list_dir(folder).unwrap_or_default();
    names.sort();
    let may_be = |name: &&String| {
        let lower = name.to_ascii_lowercase();
        [".xml", ".sxst", ".xst", ".xml.gz", ".sxst.gz"].iter().any(|end| lower.ends_with(end))
    };
    names.iter().filter(may_be).take(PARTS_MAX).map(|name| folder.join(name)).collect()
}

/// True for bytes that begin as a study in XML does.
pub fn is_study(bytes: &[u8]) -> bool {
    looks_like_study(bytes)
}

/// A study being put together from its parts.
struct Study {
    filler: Filler,
    versions: Vec<String>,
    left_out: HashMap<String, usize>,
    /// Catalogue elements and devices that are not read, counted.
    unknown: HashMap<String, (usize, SourceRef)>,
    /// Places of sources' equivalents whose load model is told by its number.
    load_models: HashMap<String, String>,
}

impl Study {
    fn new() -> Self {
        Self {
            filler: Filler::new(Units { xml: true, ..Units::default() }),
            versions: Vec::new(),
            left_out: HashMap::new(),
            unknown: HashMap::new(),
            load_models: HashMap::new(),
        }
    }

    fn has_network(&self) -> bool {
        !self.filler.model.sections.is_empty()
    }

    fn has_catalogue(&self) -> bool {
        let model = &self.filler.model;
        !(model.conductors.is_empty()
            && model.line_types.is_empty()
            && model.lines_unbalanced.is_empty()
            && model.cables.is_empty()
            && model.transformer_types.is_empty())
    }

    /// Reads the parts of the other half beside a file that holds only one: all files of equipment to a network, or the one network
    /// to equipment.
    fn neighbours(&mut self, files: &dyn FileSource, path: &Path, known: &[PathBuf]) -> Result<(), ImportError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let wants_network = !self.has_network();
        let mut networks: Vec<PathBuf> = Vec::new();
        for part in parts_in(files, folder) {
            if known.contains(&part) {
                continue;
            }
            let Ok(bytes) = files.read(&part) else { continue };
            if !looks_like_study(&bytes) {
                continue;
            }
            let mut other = Study::new();
            other.part(&bytes, &part)?;
            if wants_network && other.has_network() {
                networks.push(part);
            } else if !wants_network && other.has_catalogue() && !other.has_network() {
                self.part(&bytes, &part)?;
            }
        }
        match networks.as_slice() {
            [] => {}
            [only] => {
                if let Ok(bytes) = files.read(only) {
                    self.part(&bytes, only)?;
                }
            }
            several => {
                let names: Vec<String> = several.iter().map(|p| p.display().to_string()).collect();
                return Err(Diagnostic::error("CYME.XML.NETWORK_AMBIGUOUS", "several files could be the network of the equipment")
                    .at(&SourceRef::new(path.to_string_lossy(), 0))
                    .detail(format!("They are {}.", names.join(", ")))
                    .hint("name the network file; the equipment beside it is found")
                    .into());
            }
        }
        Ok(())
    }

    /// Reads one file.
    fn part(&mut self, bytes: &[u8], path: &Path) -> Result<(), ImportError> {
        let limits = XmlLimits::default();
        let file: Arc<str> = Arc::from(path.to_string_lossy());
        let at = SourceRef::new(file.clone(), 0);
        let text = decode(bytes, &at, limits.bytes)?;
        let mut records = 0usize;
        let summary: XmlSummary = walk(&text, &file, &limits, &mut |levels, element| {
            records += 1;
            self.record(levels, &element, &file);
            Ok(())
        })?;
        if !is_study_root(&summary.root) || records == 0 {
            return Err(Diagnostic::error("CYME.XML.NOT_STUDY", "the XML is not a study")
                .at(&at)
                .detail(format!("Its outermost element is {}, with {records} records of a study in it.", summary.root))
                .hint("name a self-contained study; its outermost element is Cyme")
                .into());
        }
        for (name, n) in summary.left_out {
            *self.left_out.entry(name).or_default() += n;
        }
        if !summary.version.is_empty() {
            self.versions.push(summary.version);
        }
        Ok(())
    }

    fn finish_parts(&mut self) {
        if let Some(version) = self.versions.first() {
            self.filler.model.version.clone_from(version);
        }
        let names = std::mem::take(&mut self.load_models);
        for equivalent in &mut self.filler.model.source_equivalents {
            if let Some(name) = names.get(&equivalent.load_model) {
                equivalent.load_model.clone_from(name);
            }
        }
        let mut left_out: Vec<(String, usize)> = self.left_out.drain().collect();
        left_out.sort();
        for (name, n) in left_out {
            self.filler.dropped(&name, "display, run options, protection or harmonics, none of which the power flow uses", n, None);
        }
        let mut unknown: Vec<(String, (usize, SourceRef))> = self.unknown.drain().collect();
        unknown.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, (n, source)) in unknown {
            self.filler.dropped(&name, "equipment of a kind that the power flow does not use", n, Some(&source));
        }
    }

    fn record(&mut self, levels: &[Level], element: &Element, file: &Arc<str>) {
        let source = SourceRef::new(file.clone(), element.line);
        let name = element.name.as_str();
        self.filler.count(name, 1);
        if name.eq_ignore_ascii_case("Topo") {
            self.topo(element, &source);
        } else if name.eq_ignore_ascii_case("Source") {
            let network = network_of(levels);
            self.source(element, &network, &source);
        } else if name.eq_ignore_ascii_case("Section") {
            self.section(element, levels, &source);
        } else if name.eq_ignore_ascii_case("Node") {
            self.node(element, &source);
        } else if name.eq_ignore_ascii_case("ConsumerClass") {
            let mut fields = flat(element, &source);
            // Customers name their class by its name; the number is the study's own.
            if let Some(class) = fields.get("Name").or(fields.get("ConsumerClassID")).map(str::to_owned) {
                fields.set("ID", &class);
            }
            self.filler.add("CUSTOMER CLASS", &fields);
        } else if name.eq_ignore_ascii_case("LoadModelInformation") || name.eq_ignore_ascii_case("LoadModel") {
            let fields = flat(element, &source);
            if let (Some(id), Some(name)) =
                (fields.get("ID").or(fields.get("LoadModelID")), fields.get("Name").or(fields.get("LoadModelName")))
            {
                self.load_models.insert(id.to_owned(), name.to_owned());
            }
            self.filler.add("LOAD MODEL INFORMATION", &fields);
        } else {
            self.equipment(element, &source);
        }
    }

    fn topo(&mut self, topo: &Element, source: &SourceRef) {
        let mut fields = Fields::new(source.clone());
        for leaf in topo.children.iter().filter(|c| c.children.is_empty()) {
            fields.put(&leaf.name, &leaf.text);
        }
        let network = fields.get("NetworkID").unwrap_or_default().to_owned();
        let sources: Vec<&Element> = topo.items("Sources", "Source").collect();
        if let Some(head) = sources.iter().find_map(|s| s.text_at(&["SourceNodeID", "NodeID", "SourceSettings/NodeID"])) {
            fields.put("HeadNodeID", head);
        }
        self.filler.add("FEEDER", &fields);
        for element in sources {
            let at = SourceRef::new(source.file.clone(), element.line);
            self.source(element, &network, &at);
        }
    }

    fn source(&mut self, element: &Element, network: &str, at: &SourceRef) {
        let node = element.text_at(&["SourceNodeID", "NodeID", "SourceSettings/NodeID"]).unwrap_or_default();
        let mut head = Fields::new(at.clone());
        head.put("NodeID", node).put("NetworkID", network);
        if node.is_empty() {
            self.filler.note(
                Diagnostic::error("CYME.SOURCE.WITHOUT_NODE", "a source names no node")
                    .at(at)
                    .detail(format!("It is a source of network `{network}`."))
                    .hint("correct the study in CYME and save it again"),
            );
            self.filler.reject(&head, "the source names no node".to_owned());
            return;
        }
        self.filler.add("HEADNODES", &head);
        let settings = element.child("SourceSettings").unwrap_or(element);
        let mut fields = flat(settings, at);
        fields.set("NodeID", node).set("NetworkID", network);
        self.filler.add("SOURCE", &fields);
        let configuration = element.text_at(&["EquivalentSourceConfiguration"]).unwrap_or_default();
        let models: Vec<(&Element, &str)> = match element.child("EquivalentSourceModels") {
            Some(models) => models
                .children
                .iter()
                .filter_map(|m| Some((m.child("EquivalentSource")?, m.text_at(&["LoadModelName", "LoadModelID"]).unwrap_or_default())))
                .collect(),
            None => element.child("EquivalentSource").into_iter().map(|e| (e, "")).collect(),
        };
        for (equivalent, load_model) in models {
            let mut fields = flat(equivalent, &SourceRef::new(at.file.clone(), equivalent.line));
            let second = fields.get("UseSecondLevelImpedance").is_some_and(|v| v == "1" || v.eq_ignore_ascii_case("true"));
            let level = if second { "SecondLevel" } else { "FirstLevel" };
            for (name, suffix) in [
                ("PositiveSequenceResistance", "R1"),
                ("PositiveSequenceReactance", "X1"),
                ("NegativeSequenceResistance", "R2"),
                ("NegativeSequenceReactance", "X2"),
                ("ZeroSequenceResistance", "R0"),
                ("ZeroSequenceReactance", "X0"),
            ] {
                fields.also(name, &format!("{level}{suffix}"));
            }
            fields.set("NodeID", node).put("LoadModelName", load_model).put("Configuration", configuration);
            self.filler.add("SOURCE EQUIVALENT", &fields);
        }
        let loads = element.child("EquivalentSourceModels").map_or(&[][..], |m| &m.children[..]);
        for load in loads.iter().filter_map(|m| m.child("EquivalentLoad")) {
            let nonzero = |e: &Element| e.children.iter().any(|v| !v.text.is_empty() && v.text.parse::<f64>() != Ok(0.0));
            let Some(value) = load.children.iter().find(|v| nonzero(v)) else { continue };
            let at = SourceRef::new(at.file.clone(), value.line);
            self.filler.dropped(
                "EquivalentLoad",
                "a load at the head node that stands for what is not in the study is not modelled",
                1,
                Some(&at),
            );
            self.filler.note(
                Diagnostic::warning("CYME.LOAD.EQUIVALENT_LEFT_OUT", "the head node carries an equivalent load that is not modelled")
                    .at(&at)
                    .detail(format!("Node `{node}`."))
                    .hint("the source's power is lower by it; voltages behind an ideal source are not changed"),
            );
            let fields = flat(load, &at);
            self.filler.reject(&fields, "an equivalent load at a head node is not modelled".to_owned());
        }
    }

    fn node(&mut self, element: &Element, source: &SourceRef) {
        let mut fields = Fields::new(source.clone());
        for leaf in element.children.iter().filter(|c| c.children.is_empty()) {
            fields.put(&leaf.name, &leaf.text);
        }
        if let Some(bar) = element.child("BusDisplay") {
            for (name, of) in [("CoordX1", "X1"), ("CoordY1", "Y1"), ("CoordX2", "X2"), ("CoordY2", "Y2")] {
                fields.put(name, bar.text_at(&[of]).unwrap_or_default());
            }
        }
        let points: Vec<&Element> = element.items("Connectors", "Point").collect();
        if let Some(point) = points.first() {
            fields.put("X", point.text_at(&["X"]).unwrap_or_default()).put("Y", point.text_at(&["Y"]).unwrap_or_default());
        }
        if let Some(point) = points.get(1) {
            fields.put("X2", point.text_at(&["X"]).unwrap_or_default()).put("Y2", point.text_at(&["Y"]).unwrap_or_default());
        }
        self.filler.add("NODE", &fields);
    }

    fn section(&mut self, element: &Element, levels: &[Level], source: &SourceRef) {
        let mut fields = Fields::new(source.clone());
        for leaf in element.children.iter().filter(|c| c.children.is_empty()) {
            fields.put(&leaf.name, &leaf.text);
        }
        let owner = fields.get("OwnerID").map_or_else(|| network_of(levels), str::to_owned);
        fields.put("NetworkID", &owner);
        if let Some(missing) = ["SectionID", "FromNodeID", "ToNodeID", "Phase"].into_iter().find(|c| fields.get(c).is_none()) {
            self.filler.note(
                Diagnostic::error("CYME.SECTION.INCOMPLETE", "a section lacks what makes it one")
                    .at(source)
                    .detail(format!("{missing} is empty or not there."))
                    .hint("correct the section in CYME and export again"),
            );
            self.filler.reject(&fields, format!("{missing} is empty or not there"));
            return;
        }
        let id = fields.get("SectionID").unwrap_or_default().to_owned();
        let tertiary = fields.get("TertiaryNodeID").unwrap_or_default().to_owned();
        self.filler.add("SECTION", &fields);
        for list in element.children.iter().filter(|c| !c.name.eq_ignore_ascii_case("Devices")) {
            let bends = list.children.iter().filter(|p| p.child("X").is_some() && p.child("Y").is_some());
            for (i, bend) in bends.enumerate() {
                let mut fields = flat(bend, &SourceRef::new(source.file.clone(), bend.line));
                fields.set("SectionID", &id).set("SeqNumber", &(i + 1).to_string());
                self.filler.add("INTERMEDIATE NODES", &fields);
            }
        }
        let devices = element.child("Devices").or(element.child("SectionDevices"));
        for device in devices.map_or(&[][..], |d| &d.children[..]) {
            self.device(device, &id, &tertiary, source);
        }
    }

    fn device(&mut self, device: &Element, section_id: &str, tertiary: &str, section: &SourceRef) {
        let source = SourceRef::new(section.file.clone(), device.line);
        self.filler.count(&device.name, 1);
        let kind = DEVICES.iter().find(|(name, _)| device.name.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind);
        if kind == Some("LOADS") {
            self.load(device, section_id, &source);
            return;
        }
        let mut fields = flat(device, &source);
        fields.set("SectionID", section_id);
        let Some(kind) = kind else {
            self.filler.add_other(&device.name, fields);
            return;
        };
        turn_normal_status(&mut fields);
        match kind {
            "TRANSFORMER SETTING" | "THREE WINDING TRANSFORMER SETTING" => {
                for (name, of) in [
                    ("PrimaryBaseVoltage", "SystemBaseVoltage/Primary"),
                    ("SecondaryBaseVoltage", "SystemBaseVoltage/Secondary"),
                    ("TertiaryBaseVoltage", "SystemBaseVoltage/Tertiary"),
                ] {
                    fields.also(name, of);
                }
                fields.put("TertiaryNodeID", tertiary);
            }
            "SYNCHRONOUS GENERATOR SETTING" | "INDUCTION GENERATOR SETTING" | "ELECTRONIC CONVERTER GENERATOR SETTING" => {
                rename_generator(&mut fields)
            }
            _ => {}
        }
        self.filler.add(kind, &fields);
        self.extensions(device, &fields, &source);
    }

    /// What hangs on a device and has a record of its own: times of tap changers, converters, generation by load model.
    fn extensions(&mut self, device: &Element, fields: &Fields, source: &SourceRef) {
        let number = fields.get("DeviceNumber").unwrap_or_default();
        let mut generation = 0usize;
        for child in &device.children {
            let has = |part: &str| child.name.to_ascii_lowercase().contains(part);
            let section = if has("autotapchangingext") {
                "AUTO TAP CHANGING EXTENSION"
            } else if has("convertercontrol") {
                "CONVERTER CONTROL SETTING"
            } else if has("converter") {
                "CONVERTER"
            } else if has("generationmodel") {
                "DGGENERATIONMODEL"
            } else {
                continue;
            };
            // A list of such things, or the thing itself.
            let single = child.children.iter().all(|c| c.children.is_empty());
            let items: Vec<&Element> =
                if single { vec![child] } else { child.children.iter().filter(|c| !c.children.is_empty()).collect() };
            for item in items {
                let mut own = flat(item, &SourceRef::new(source.file.clone(), item.line));
                own.set("DeviceNumber", number).put("DeviceType", &device.name);
                own.also("LoadModelName", "LoadModelID");
                generation += usize::from(section == "DGGENERATIONMODEL");
                self.filler.add(section, &own);
            }
        }
        let generates = ["Photovoltaic", "PV", "ElectronicConverterGenerator", "Wecs"].iter().any(|n| device.name.eq_ignore_ascii_case(n));
        if generates && generation == 0 && fields.get("ActiveGeneration").is_some() {
            let mut own = fields.clone();
            own.put("DeviceType", &device.name);
            self.filler.add("DGGENERATIONMODEL", &own);
        }
    }

    fn load(&mut self, device: &Element, section_id: &str, source: &SourceRef) {
        let mut fields = Fields::new(source.clone());
        for leaf in device.children.iter().filter(|c| c.children.is_empty()) {
            fields.put(&leaf.name, &leaf.text);
        }
        let kind = if device.name.to_ascii_lowercase().contains("spot") { "SPOT" } else { "DISTRIBUTED" };
        fields.set("SectionID", section_id).set("LoadType", kind);
        let number = fields.get("DeviceNumber").unwrap_or_default().to_owned();
        self.filler.add("LOADS", &fields);
        for customer in device.items("CustomerLoads", "CustomerLoad") {
            // Older versions write the values without load models around them.
            let models: Vec<&Element> = match customer.child("CustomerLoadModels") {
                Some(models) => models.children.iter().collect(),
                None => vec![customer],
            };
            for model in models {
                for value in model.items("CustomerLoadValues", "CustomerLoadValue") {
                    let at = SourceRef::new(source.file.clone(), value.line);
                    let mut fields = Fields::new(at);
                    fields.put("SectionID", section_id).put("DeviceNumber", &number).put("LoadType", kind);
                    // The innermost word counts: the value's, its load model's, the customer's.
                    for leaf in [value, model, customer].into_iter().flat_map(|e| e.children.iter().filter(|c| c.children.is_empty())) {
                        if fields.get(&leaf.name).is_none() {
                            fields.put(&leaf.name, &leaf.text);
                        }
                    }
                    if let Some(figures) = value.child("LoadValue") {
                        load_value(figures, &mut fields);
                    }
                    self.filler.count("CustomerLoadValue", 1);
                    self.filler.add("CUSTOMER LOADS", &fields);
                }
            }
        }
    }

    fn equipment(&mut self, element: &Element, source: &SourceRef) {
        let section = CATALOGUE.iter().find(|(name, _)| element.name.eq_ignore_ascii_case(name)).map(|(_, section)| *section);
        let Some(section) = section else {
            self.unknown.entry(element.name.clone()).or_insert_with(|| (0, source.clone())).0 += 1;
            return;
        };
        let mut fields = flat(element, source);
        match section {
            "SPACING TABLE FOR LINE" => {
                for (name, of) in [
                    ("GMDPh-Ph", "GMDPhaseToPhase"),
                    ("GMDPh-N", "GMDPhaseToNeutral"),
                    ("AvgPhCondHeight", "AveragePhaseConductorHeight"),
                    ("AvgNeutralHeight", "AverageNeutralConductorHeight"),
                ] {
                    fields.also(name, of);
                }
            }
            "SUBSTATION" => {
                for suffix in ["R1", "X1", "R2", "X2", "R0", "X0"] {
                    fields.also(suffix, &format!("FirstLevel{suffix}"));
                }
                fields.also("PhaseAngle", "SourcePhaseAngle").also("Conn", "SubstationConfiguration");
            }
            "CABLE" => self.cable_parts(element, &mut fields, source),
            "THREE WINDING TRANSFORMER" => rename_three_winding(&mut fields),
            "AUTOTRANSFORMER" => {
                fields
                    .also("Rg", "GroundingResistanceOhms")
                    .also("Xg", "GroundingReactanceOhms")
                    .also("ConnectionConfiguration", "Connection");
            }
            "GROUNDING TRANSFORMER" => {
                fields.also("RatedVoltage", "RatedVoltage_KV").also("ConnectionConfiguration", "Connection");
            }
            "ELECTRONIC CONVERTER GENERATOR" | "SYNCHRONOUS GENERATOR" | "INDUCTION GENERATOR" => rename_generator(&mut fields),
            "INDUCTION MOTOR" | "SYNCHRONOUS MOTOR" => {
                fields.also("Efficiency", "EfficiencyPercent");
            }
            _ => {}
        }
        self.filler.add(section, &fields);
    }

    /// Core, insulation and neutral of a cable, which are records of their own.
    fn cable_parts(&mut self, element: &Element, fields: &mut Fields, source: &SourceRef) {
        let id = fields.get("EquipmentID").unwrap_or_default().to_owned();
        for (child, section) in [
            ("CableConductorDBData", "CABLE CONDUCTOR"),
            ("CableInsulationDBData", "CABLE INSULATION"),
            ("CableConcentricNeutralDBData", "CABLE CONCENTRIC NEUTRAL"),
        ] {
            let Some(part) = element.child(child) else { continue };
            let mut own = flat(part, &SourceRef::new(source.file.clone(), part.line));
            own.set("ID", &id);
            self.filler.add(section, &own);
        }
        // The cable's own level must not be taken for a part's, nor a part's fields for its own.
        let mut leaves = Fields::new(source.clone());
        for leaf in element.children.iter().filter(|c| c.children.is_empty()) {
            leaves.put(&leaf.name, &leaf.text);
        }
        *fields = leaves;
    }
}

/// The network that the levels around a record tell.
fn network_of(levels: &[Level]) -> String {
    let told = |level: &Level| level.leaves.iter().find(|(n, _)| n.eq_ignore_ascii_case("NetworkID")).map(|(_, v)| v.clone());
    levels.iter().rev().find_map(told).unwrap_or_default()
}

/// The two figures of a load and what they are: the kind of the element, or else which figures are there.
fn load_value(figures: &Element, fields: &mut Fields) {
    let value = |names: &[&str]| figures.text_at(names);
    let (kw, kvar, kva) = (value(&["KW"]), value(&["KVAR"]), value(&["KVA"]));
    let (pf, amp) = (value(&["PF"]), value(&["AMP", "Amps", "Ampere", "A", "I"]));
    let kind = match (kw, kvar, kva, pf, amp) {
        _ if !figures.kind.is_empty() => figures.kind.as_str(),
        (Some(_), Some(_), ..) => "KW_KVAR",
        (Some(_), None, _, Some(_), _) => "KW_PF",
        (_, _, Some(_), Some(_), _) => "KVA_PF",
        (_, _, _, Some(_), Some(_)) => "AMP_PF",
        _ => "",
    };
    let word = kind.to_ascii_uppercase();
    let (first, second) = match word.strip_prefix("LOADVALUE").unwrap_or(&word) {
        "KW_KVAR" => (kw, kvar),
        "KW_PF" => (kw, pf),
        "KVA_PF" => (kva, pf),
        "AMP_PF" | "A_PF" | "AMPS_PF" => (amp, pf),
        _ => (None, None),
    };
    if !kind.is_empty() {
        fields.set("ValueType", kind);
    }
    fields.put("Value1", first.unwrap_or_default()).put("Value2", second.unwrap_or_default());
}

/// Deepest level of leaves that are made into fields.
const FLAT_DEPTH: usize = 4;

/// All leaves of an element as fields: its own by name, deeper ones by path and, where no other field has it, by name.
fn flat(element: &Element, source: &SourceRef) -> Fields {
    let mut fields = Fields::new(source.clone());
    for leaf in element.children.iter().filter(|c| c.children.is_empty()) {
        fields.put(&leaf.name, &leaf.text);
    }
    let mut deeper: Vec<(String, String)> = Vec::new();
    gather(element, "", 1, &mut deeper);
    for (path, value) in &deeper {
        // Positions of circuits and conductors: `PositionOfConductor1_C1` is conductor 1.
        fields.put(&path.replace("_C1/", "/"), value);
    }
    for (path, value) in &deeper {
        let name = path.rsplit('/').next().unwrap_or(path);
        let ambiguous = deeper.iter().filter(|(p, _)| p.rsplit('/').next() == Some(name)).count() > 1;
        if !ambiguous && fields.get(name).is_none() {
            fields.put(name, value);
        }
    }
    fields
}

fn gather(element: &Element, path: &str, depth: usize, into: &mut Vec<(String, String)>) {
    if depth > FLAT_DEPTH || into.len() > 400 {
        return;
    }
    for child in &element.children {
        let path = if path.is_empty() { child.name.clone() } else { format!("{path}/{}", child.name) };
        if child.children.is_empty() {
            if depth > 1 && !child.text.is_empty() {
                into.push((path, child.text.clone()));
            }
        } else {
            gather(child, &path, depth + 1, into);
        }
    }
}
