//! A configuration file for a list of signals, so that a simulated plant has a model to serve and its clients a file to import.
//!
//! Signals keep the logical device, node and data object that they ask for (`GenericIO/MMXU1.TotW`). Every node gets a type of its own, made
//! of the data objects asked for and the mandatory `Mod`, `Beh`, `Health` and `NamPlt` of the zero node; common data classes are written with
//! the attributes that the point model uses. Measurements and indications of each logical device stand in data sets with a buffered and an
//! unbuffered report control block each, and every text that comes out reads back without a finding ([`super::read`]).

use super::model::MulticastAddress;
use super::points::ControlModel;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What a signal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignalKind {
    /// One contact (SPS, SPC when it is commanded).
    Single,
    /// Two contacts (DPS, DPC).
    Double,
    /// A whole number (INS, INC).
    Integer,
    /// A measured value (MV, APC).
    Measured,
    /// A counter (BCR).
    Counter,
}

/// A signal of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Instance of the logical device.
    pub device: String,
    /// Logical node in parts: prefix, class of four letters, instance.
    pub prefix: String,
    pub class: String,
    pub instance: u32,
    /// Data object: a capital and letters or digits.
    pub object: String,
    pub kind: SignalKind,
    pub description: String,
    /// Symbol of IEC 61850-7-3 (`V`, `A`, `W`, `VAr`, `Hz`, `°C` …), of a measured value; empty for none.
    pub unit: String,
    /// Power of ten of the unit, from -24 to 24 in steps of the standard.
    pub unit_power: i8,
    pub control: Option<ControlModel>,
    /// Piece of equipment that it belongs to, as names with slashes from the substation: `AA1/E1/Q01/QA1`. Empty for none.
    pub asset: String,
}

/// A device to be described.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    pub name: String,
    pub description: String,
    /// Address that clients reach it at.
    pub ip: String,
    /// Milliseconds between integrity reports; 0 for none.
    pub integrity_ms: u32,
    /// Clients that may enable each report at once.
    pub clients: u32,
    pub signals: Vec<Signal>,
    /// States that are sent to everybody at once when they change.
    pub goose: Option<Goose>,
}

/// A GOOSE control block in the zero node of a logical device that has signals.
#[derive(Clone, Debug, PartialEq)]
pub struct Goose {
    /// Instance of the logical device.
    pub device: String,
    pub name: String,
    pub data_set: String,
    /// Positions of status signals in [`Device::signals`]; their values, without quality and time, are the members in this order.
    pub members: Vec<usize>,
    pub address: MulticastAddress,
}

/// A report control block of a generated file, for whoever configures a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `IEDLD/LLN0.RP.name01` or `IEDLD/LLN0.BR.name01`.
    pub reference: String,
    pub buffered: bool,
}

/// What keeps a list of signals from being a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    #[error("{what} \"{name}\" is no name of IEC 61850: letters, digits and _ after a letter, at most {max} of them")]
    Name { what: &'static str, name: String, max: usize },
    #[error("signal {reference} is there twice")]
    Duplicate { reference: String },
    #[error("signal {reference} is {kind:?}, which cannot be commanded")]
    NotControllable { reference: String, kind: SignalKind },
    #[error("GOOSE block {name} cannot be written: {why}")]
    Goose { name: String, why: String },
    #[error("signal {reference} has the unit \"{unit}\", which IEC 61850-7-3 does not have")]
    Unit { reference: String, unit: String },
}

/// Units of IEC 61850-7-3 that have a use in a substation, with their numbers.
const UNITS: [(i32, &str); 29] = [
    (1, "none"),
    (2, "m"),
    (3, "kg"),
    (4, "s"),
    (5, "A"),
    (6, "K"),
    (9, "deg"),
    (23, "°C"),
    (26, "C"),
    (27, "S"),
    (28, "H"),
    (29, "V"),
    (30, "ohm"),
    (31, "J"),
    (32, "N"),
    (33, "Hz"),
    (38, "W"),
    (39, "Pa"),
    (43, "m/s"),
    (44, "m/s²"),
    (52, "ppm"),
    (53, "1/s"),
    (61, "VA"),
    (63, "VAr"),
    (64, "phi"),
    (65, "cos_phi"),
    (71, "VAh"),
    (72, "Wh"),
    (73, "VArh"),
];

const MULTIPLIERS: [(i32, &str); 13] = [
    (-12, "p"),
    (-9, "n"),
    (-6, "µ"),
    (-3, "m"),
    (-2, "c"),
    (-1, "d"),
    (0, ""),
    (1, "da"),
    (2, "h"),
    (3, "k"),
    (6, "M"),
    (9, "G"),
    (12, "T"),
];

/// Members of a data set: so many of them, with value, quality and time, fit a report of the usual 65 kB many times over.
const MEMBERS_MAX: usize = 250;

impl Signal {
    fn node(&self) -> String {
        format!("{}{}{}", self.prefix, self.class, self.instance)
    }

    fn reference(&self) -> String {
        format!("{}/{}.{}", self.device, self.node(), self.object)
    }

    fn cdc(&self) -> &'static str {
        match (self.kind, self.control.is_some()) {
            (SignalKind::Single, false) => "SPS",
            (SignalKind::Single, true) => "SPC",
            (SignalKind::Double, false) => "DPS",
            (SignalKind::Double, true) => "DPC",
            (SignalKind::Integer, false) => "INS",
            (SignalKind::Integer, true) => "INC",
            (SignalKind::Measured, false) => "MV",
            (SignalKind::Measured, true) => "APC",
            (SignalKind::Counter, _) => "BCR",
        }
    }
}

/// Writes the configuration of a device.
///
/// # Returns
/// The text, and the report control blocks that are in it.
///
/// # Errors
/// All faults of the list at once: names that the standard forbids, signals that are there twice, units that it does not have.
pub fn generate(device: &Device) -> Result<(String, Vec<Report>), Vec<GenerateError>> {
    let mut faults = Vec::new();
    check(device, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    /// Signals of a logical device in their order, by prefix, class and instance of their node.
    type Nodes<'a> = BTreeMap<(String, &'a str, u32), Vec<&'a Signal>>;
    let mut devices: BTreeMap<&str, Nodes<'_>> = BTreeMap::new();
    for signal in &device.signals {
        devices.entry(&signal.device).or_default().entry((signal.prefix.clone(), &signal.class, signal.instance)).or_default().push(signal);
    }
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<SCL xmlns=\"http://www.iec.ch/61850/2003/SCL\" version=\"2007\" revision=\"B\" release=\"4\">\n",
    );
    line(&mut out, 1, &format!("<Header id=\"{}\" version=\"1\" revision=\"0\" toolID=\"GridTwin\"/>", escape(&device.name)));
    substation(&mut out, device);
    let ied = escape(&device.name);
    line(&mut out, 1, "<Communication>");
    line(&mut out, 2, "<SubNetwork name=\"Station\" type=\"8-MMS\">");
    line(
        &mut out,
        3,
        &format!(
            "<ConnectedAP iedName=\"{ied}\" apName=\"P1\"><Address><P type=\"IP\">{}</P></Address>{}</ConnectedAP>",
            escape(&device.ip),
            device.goose.as_ref().map(goose_address).unwrap_or_default()
        ),
    );
    line(&mut out, 2, "</SubNetwork>");
    line(&mut out, 1, "</Communication>");
    line(&mut out, 1, &format!("<IED name=\"{ied}\" desc=\"{}\" manufacturer=\"GridTwin\">", escape(&device.description)));
    line(
        &mut out,
        2,
        "<Services><DynAssociation/><GetDirectory/><GetDataObjectDefinition/><GetDataSetValue/><DataSetDirectory/><DynDataSet max=\"50\"/><ReadWrite/><GetCBValues/><ReportSettings rptID=\"Dyn\" datSet=\"Dyn\" optFields=\"Dyn\" bufTime=\"Dyn\" trgOps=\"Dyn\" intgPd=\"Dyn\" resvTms=\"true\" owner=\"true\"/></Services>",
    );
    line(&mut out, 2, "<AccessPoint name=\"P1\">");
    line(&mut out, 3, "<Server>");
    line(&mut out, 4, "<Authentication none=\"true\"/>");
    let mut reports = Vec::new();
    let mut types = Types::default();
    for (inst, nodes) in &devices {
        line(&mut out, 4, &format!("<LDevice inst=\"{}\">", escape(inst)));
        line(&mut out, 5, "<LN0 lnClass=\"LLN0\" inst=\"\" lnType=\"LLN0\">");
        data_sets(&mut out, device, inst, nodes, &mut reports);
        if let Some(goose) = device.goose.as_ref().filter(|g| g.device == *inst) {
            line(
                &mut out,
                6,
                &format!(
                    "<GSEControl name=\"{0}\" appID=\"{ied}{1}/{0}\" datSet=\"{2}\" confRev=\"1\" type=\"GOOSE\"/>",
                    goose.name,
                    escape(inst),
                    goose.data_set
                ),
            );
        }
        line(&mut out, 5, "</LN0>");
        for ((prefix, class, instance), signals) in nodes {
            let kind = types.node(class, signals);
            line(&mut out, 5, &format!("<LN prefix=\"{prefix}\" lnClass=\"{class}\" inst=\"{instance}\" lnType=\"{kind}\">"));
            for signal in signals {
                instance_values(&mut out, signal);
            }
            line(&mut out, 5, "</LN>");
        }
        line(&mut out, 4, "</LDevice>");
    }
    line(&mut out, 3, "</Server>");
    line(&mut out, 2, "</AccessPoint>");
    line(&mut out, 1, "</IED>");
    types.write(&mut out);
    out.push_str("</SCL>\n");
    Ok((out, reports))
}

fn check(device: &Device, faults: &mut Vec<GenerateError>) {
    let mut name = |what: &'static str, name: &str, max: usize, empty: bool| {
        let fits = name.len() <= max
            && name.chars().next().is_none_or(|c| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !fits || (name.is_empty() && !empty) {
            faults.push(GenerateError::Name { what, name: name.to_owned(), max });
        }
    };
    name("IED", &device.name, 64, false);
    for signal in &device.signals {
        name("logical device", &signal.device, 64, false);
        name("prefix", &signal.prefix, 11, true);
        name("data object", &signal.object, 12, false);
        if signal.class.len() != 4 || !signal.class.chars().all(|c| c.is_ascii_uppercase()) {
            name("class of a logical node", "", 4, false);
        }
    }
    if let Some(goose) = &device.goose {
        let mut fault = |why: String| faults.push(GenerateError::Goose { name: goose.name.clone(), why });
        if !device.signals.iter().any(|s| s.device == goose.device) {
            fault(format!("logical device \"{}\" has no signals", goose.device));
        }
        for i in &goose.members {
            match device.signals.get(*i) {
                None => fault(format!("there is no signal {i}")),
                Some(s) if matches!(s.kind, SignalKind::Measured | SignalKind::Counter) => fault(format!("{} is no status", s.reference())),
                Some(_) => {}
            }
        }
    }
    let mut seen = BTreeSet::new();
    for signal in &device.signals {
        if !seen.insert(signal.reference()) {
            faults.push(GenerateError::Duplicate { reference: signal.reference() });
        }
        if signal.control.is_some() && signal.kind == SignalKind::Counter {
            faults.push(GenerateError::NotControllable { reference: signal.reference(), kind: signal.kind });
        }
        let known = UNITS.iter().any(|(_, u)| *u == signal.unit) && MULTIPLIERS.iter().any(|(p, _)| *p == i32::from(signal.unit_power));
        if !signal.unit.is_empty() && !known {
            faults.push(GenerateError::Unit { reference: signal.reference(), unit: signal.unit.clone() });
        }
    }
}

/// Group address, application identifier, priority and repetition of a GOOSE block.
fn goose_address(goose: &Goose) -> String {
    let a = &goose.address;
    let mac: Vec<String> = a.mac.iter().map(|o| format!("{o:02X}")).collect();
    let time = |name: &str, ms: Option<u32>| ms.map_or(String::new(), |ms| format!("<{name} unit=\"s\" multiplier=\"m\">{ms}</{name}>"));
    format!(
        "<GSE ldInst=\"{}\" cbName=\"{}\"><Address><P type=\"MAC-Address\">{}</P><P type=\"APPID\">{:04X}</P><P type=\"VLAN-ID\">{:03X}</P><P type=\"VLAN-PRIORITY\">{}</P></Address>{}{}</GSE>",
        escape(&goose.device),
        goose.name,
        mac.join("-"),
        a.app_id,
        a.vlan_id,
        a.vlan_priority,
        time("MinTime", a.min_time_ms),
        time("MaxTime", a.max_time_ms)
    )
}

/// The equipment as a tree: substation, voltage level, bay and equipment for four names; general equipment for what is shorter or longer.
fn substation(out: &mut String, device: &Device) {
    #[derive(Default)]
    struct Place {
        nodes: BTreeSet<(String, String, String, u32)>,
        parts: BTreeMap<String, Place>,
    }
    let mut root = Place::default();
    for signal in device.signals.iter().filter(|s| !s.asset.is_empty()) {
        let mut at = &mut root;
        for name in signal.asset.split('/').filter(|n| !n.is_empty()) {
            at = at.parts.entry(name.to_owned()).or_default();
        }
        at.nodes.insert((signal.device.clone(), signal.prefix.clone(), signal.class.clone(), signal.instance));
    }
    fn write(out: &mut String, ied: &str, name: &str, place: &Place, depth: usize) {
        let (tag, kind) = match depth {
            1 => ("Substation", ""),
            2 => ("VoltageLevel", ""),
            3 => ("Bay", ""),
            4 => ("ConductingEquipment", " type=\"CBR\""),
            _ => ("SubEquipment", ""),
        };
        line(out, depth, &format!("<{tag} name=\"{}\"{kind}>", escape(name)));
        for (ld, prefix, class, inst) in &place.nodes {
            line(
                out,
                depth + 1,
                &format!("<LNode iedName=\"{ied}\" ldInst=\"{}\" prefix=\"{prefix}\" lnClass=\"{class}\" lnInst=\"{inst}\"/>", escape(ld)),
            );
        }
        for (name, part) in &place.parts {
            write(out, ied, name, part, depth + 1);
        }
        line(out, depth, &format!("</{tag}>"));
    }
    for (name, place) in &root.parts {
        write(out, &escape(&device.name), name, place, 1);
    }
}

fn data_sets(
    out: &mut String,
    device: &Device,
    inst: &str,
    nodes: &BTreeMap<(String, &str, u32), Vec<&Signal>>,
    reports: &mut Vec<Report>,
) {
    let signals: Vec<&Signal> = nodes.values().flatten().copied().collect();
    let measured = |s: &&Signal| s.kind == SignalKind::Measured;
    let mut sets: Vec<(String, bool, Vec<&Signal>)> = Vec::new();
    for (stem, buffered, members) in [
        ("Meas", false, signals.iter().copied().filter(measured).collect::<Vec<_>>()),
        ("Stat", true, signals.iter().copied().filter(|s| !measured(s)).collect()),
    ] {
        for (i, chunk) in members.chunks(MEMBERS_MAX).enumerate() {
            sets.push((format!("{stem}{}", i + 1), buffered, chunk.to_vec()));
        }
    }
    for (name, _, members) in &sets {
        line(out, 6, &format!("<DataSet name=\"{name}\">"));
        for s in members {
            let fc = if s.kind == SignalKind::Measured { "MX" } else { "ST" };
            line(
                out,
                7,
                &format!(
                    "<FCDA ldInst=\"{}\" prefix=\"{}\" lnClass=\"{}\" lnInst=\"{}\" doName=\"{}\" fc=\"{fc}\"/>",
                    escape(inst),
                    s.prefix,
                    s.class,
                    s.instance,
                    s.object
                ),
            );
        }
        line(out, 6, "</DataSet>");
    }
    if let Some(goose) = device.goose.as_ref().filter(|g| g.device == inst) {
        line(out, 6, &format!("<DataSet name=\"{}\">", goose.data_set));
        for s in goose.members.iter().filter_map(|i| device.signals.get(*i)) {
            line(
                out,
                7,
                &format!(
                    "<FCDA ldInst=\"{}\" prefix=\"{}\" lnClass=\"{}\" lnInst=\"{}\" doName=\"{}\" daName=\"stVal\" fc=\"ST\"/>",
                    escape(&s.device),
                    s.prefix,
                    s.class,
                    s.instance,
                    s.object
                ),
            );
        }
        line(out, 6, "</DataSet>");
    }
    for (name, buffered, _) in &sets {
        let (stem, fc) = if *buffered { ("brcb", "BR") } else { ("urcb", "RP") };
        let period = if device.integrity_ms > 0 { "true" } else { "false" };
        line(
            out,
            6,
            &format!(
                "<ReportControl name=\"{stem}{name}\" rptID=\"{}{}/{name}\" datSet=\"{name}\" confRev=\"1\" buffered=\"{buffered}\" bufTime=\"50\" intgPd=\"{}\">",
                escape(&device.name),
                escape(inst),
                device.integrity_ms
            ),
        );
        line(out, 7, &format!("<TrgOps dchg=\"true\" qchg=\"true\" dupd=\"false\" period=\"{period}\" gi=\"true\"/>"));
        line(
            out,
            7,
            "<OptFields seqNum=\"true\" timeStamp=\"true\" dataSet=\"true\" reasonCode=\"true\" entryID=\"true\" configRef=\"true\" bufOvfl=\"true\"/>",
        );
        line(out, 7, &format!("<RptEnabled max=\"{}\"/>", device.clients.clamp(1, 99)));
        line(out, 6, "</ReportControl>");
        reports.push(Report { reference: format!("{}{inst}/LLN0.{fc}.{stem}{name}01", device.name), buffered: *buffered });
    }
}

fn instance_values(out: &mut String, signal: &Signal) {
    let mut inner = String::new();
    if !signal.unit.is_empty() && signal.kind == SignalKind::Measured {
        let prefix = MULTIPLIERS.iter().find(|(p, _)| *p == i32::from(signal.unit_power)).map_or("", |(_, m)| m);
        let _ = write!(
            inner,
            "<SDI name=\"units\"><DAI name=\"SIUnit\"><Val>{}</Val></DAI><DAI name=\"multiplier\"><Val>{prefix}</Val></DAI></SDI>",
            escape(&signal.unit)
        );
    }
    if let Some(control) = signal.control {
        let _ = write!(inner, "<DAI name=\"ctlModel\"><Val>{}</Val></DAI>", control.word());
    }
    if !signal.description.is_empty() {
        let text: String = signal.description.chars().take(255).collect();
        let _ = write!(inner, "<DAI name=\"d\"><Val>{}</Val></DAI>", escape(&text));
    }
    line(out, 6, &format!("<DOI name=\"{}\">{inner}</DOI>", signal.object));
}

/// Types in use, each written once.
#[derive(Default)]
struct Types {
    /// Class, and objects with the ids of their types, to the id of the node type.
    nodes: BTreeMap<(String, Vec<(String, String)>), String>,
    /// Ids of data object types: class, control model and whether it has a unit.
    objects: BTreeSet<(String, u8, bool)>,
}

impl Types {
    fn node(&mut self, class: &str, signals: &[&Signal]) -> String {
        let mut objects = vec![("Beh".to_owned(), "BEH".to_owned())];
        for s in signals {
            let control = s.control.map_or(0, |c| c as u8);
            let has_unit = s.kind == SignalKind::Measured && !s.unit.is_empty();
            self.objects.insert((s.cdc().to_owned(), control, has_unit));
            objects.push((s.object.clone(), object_id(s.cdc(), control, has_unit)));
        }
        let next = self.nodes.len() + 1;
        self.nodes.entry((class.to_owned(), objects)).or_insert_with(|| format!("{class}_{next}")).clone()
    }

    fn write(&self, out: &mut String) {
        line(out, 1, "<DataTypeTemplates>");
        line(
            out,
            2,
            "<LNodeType id=\"LLN0\" lnClass=\"LLN0\"><DO name=\"Mod\" type=\"MOD\"/><DO name=\"Beh\" type=\"BEH\"/><DO name=\"Health\" type=\"HEALTH\"/><DO name=\"NamPlt\" type=\"LPL\"/></LNodeType>",
        );
        for ((class, objects), id) in &self.nodes {
            line(out, 2, &format!("<LNodeType id=\"{id}\" lnClass=\"{class}\">"));
            for (name, kind) in objects {
                line(out, 3, &format!("<DO name=\"{name}\" type=\"{kind}\"/>"));
            }
            line(out, 2, "</LNodeType>");
        }
        let state = |name: &str, kind: &str| format!("<DA name=\"stVal\" fc=\"ST\" bType=\"{name}\"{kind} dchg=\"true\"/>{QUALITY_ST}");
        let enumerated = |kind: &str| state("Enum", &format!(" type=\"{kind}\""));
        line(
            out,
            2,
            &format!(
                "<DOType id=\"MOD\" cdc=\"ENC\">{}<DA name=\"ctlModel\" fc=\"CF\" bType=\"Enum\" type=\"CtlModelKind\"><Val>status-only</Val></DA></DOType>",
                enumerated("BehaviourModeKind")
            ),
        );
        line(out, 2, &format!("<DOType id=\"BEH\" cdc=\"ENS\">{}</DOType>", enumerated("BehaviourModeKind")));
        line(out, 2, &format!("<DOType id=\"HEALTH\" cdc=\"ENS\">{}</DOType>", enumerated("HealthKind")));
        line(
            out,
            2,
            "<DOType id=\"LPL\" cdc=\"LPL\"><DA name=\"vendor\" fc=\"DC\" bType=\"VisString255\"><Val>GridTwin</Val></DA><DA name=\"swRev\" fc=\"DC\" bType=\"VisString255\"/><DA name=\"configRev\" fc=\"DC\" bType=\"VisString255\"><Val>1</Val></DA></DOType>",
        );
        for (cdc, control, has_unit) in &self.objects {
            let id = object_id(cdc, *control, *has_unit);
            let body = match cdc.as_str() {
                "SPS" | "SPC" => state("BOOLEAN", ""),
                "DPS" | "DPC" => state("Dbpos", ""),
                "INS" | "INC" => state("INT32", ""),
                "BCR" => format!(
                    "<DA name=\"actVal\" fc=\"ST\" bType=\"INT64\" dchg=\"true\"/>{QUALITY_ST}<DA name=\"pulsQty\" fc=\"CF\" bType=\"FLOAT32\"><Val>1</Val></DA>"
                ),
                "APC" => format!("<DA name=\"mxVal\" fc=\"MX\" bType=\"Struct\" type=\"AnalogueValue\" dchg=\"true\"/>{QUALITY_MX}"),
                _ => format!("<DA name=\"mag\" fc=\"MX\" bType=\"Struct\" type=\"AnalogueValue\" dchg=\"true\"/>{QUALITY_MX}"),
            };
            let unit = if *has_unit { "<DA name=\"units\" fc=\"CF\" bType=\"Struct\" type=\"Unit\"/>" } else { "" };
            line(
                out,
                2,
                &format!(
                    "<DOType id=\"{id}\" cdc=\"{cdc}\">{body}{}{unit}<DA name=\"d\" fc=\"DC\" bType=\"VisString255\"/></DOType>",
                    control_attributes(cdc, *control)
                ),
            );
        }
        line(out, 2, "<DAType id=\"AnalogueValue\"><BDA name=\"f\" bType=\"FLOAT32\"/></DAType>");
        line(
            out,
            2,
            "<DAType id=\"Unit\"><BDA name=\"SIUnit\" bType=\"Enum\" type=\"SIUnitKind\"/><BDA name=\"multiplier\" bType=\"Enum\" type=\"MultiplierKind\"/></DAType>",
        );
        line(
            out,
            2,
            "<DAType id=\"Originator\"><BDA name=\"orCat\" bType=\"Enum\" type=\"OriginatorCategoryKind\"/><BDA name=\"orIdent\" bType=\"Octet64\"/></DAType>",
        );
        for (id, value) in
            [("Bool", "bType=\"BOOLEAN\""), ("Int", "bType=\"INT32\""), ("Analogue", "bType=\"Struct\" type=\"AnalogueValue\"")]
        {
            let head = format!(
                "<BDA name=\"ctlVal\" {value}/><BDA name=\"origin\" bType=\"Struct\" type=\"Originator\"/><BDA name=\"ctlNum\" bType=\"INT8U\"/><BDA name=\"T\" bType=\"Timestamp\"/><BDA name=\"Test\" bType=\"BOOLEAN\"/>"
            );
            line(out, 2, &format!("<DAType id=\"Oper{id}\">{head}<BDA name=\"Check\" bType=\"Check\"/></DAType>"));
            line(out, 2, &format!("<DAType id=\"Cancel{id}\">{head}</DAType>"));
        }
        enumeration(out, "CtlModelKind", (0..5).filter_map(|n| ControlModel::from_number(n).map(|m| (n as i32, m.word()))));
        enumeration(out, "BehaviourModeKind", [(1, "on"), (2, "blocked"), (3, "test"), (4, "test/blocked"), (5, "off")].into_iter());
        enumeration(out, "HealthKind", [(1, "Ok"), (2, "Warning"), (3, "Alarm")].into_iter());
        enumeration(
            out,
            "OriginatorCategoryKind",
            [
                "not-supported",
                "bay-control",
                "station-control",
                "remote-control",
                "automatic-bay",
                "automatic-station",
                "automatic-remote",
                "maintenance",
                "process",
            ]
            .into_iter()
            .zip(0..)
            .map(|(w, n)| (n, w)),
        );
        enumeration(out, "SIUnitKind", UNITS.into_iter());
        enumeration(out, "MultiplierKind", MULTIPLIERS.into_iter());
        line(out, 1, "</DataTypeTemplates>");
    }
}

const QUALITY_ST: &str = "<DA name=\"q\" fc=\"ST\" bType=\"Quality\" qchg=\"true\"/><DA name=\"t\" fc=\"ST\" bType=\"Timestamp\"/>";
const QUALITY_MX: &str = "<DA name=\"q\" fc=\"MX\" bType=\"Quality\" qchg=\"true\"/><DA name=\"t\" fc=\"MX\" bType=\"Timestamp\"/>";

fn object_id(cdc: &str, control: u8, has_unit: bool) -> String {
    format!("{cdc}_{control}{}", if has_unit { "_u" } else { "" })
}

fn control_attributes(cdc: &str, control: u8) -> String {
    if control == 0 {
        return String::new();
    }
    let kind = match cdc {
        "INC" => "Int",
        "APC" => "Analogue",
        _ => "Bool",
    };
    let mut out = String::new();
    if control == ControlModel::SboNormal as u8 {
        out.push_str("<DA name=\"SBO\" fc=\"CO\" bType=\"ObjRef\"/>");
    }
    if control == ControlModel::SboEnhanced as u8 {
        let _ = write!(out, "<DA name=\"SBOw\" fc=\"CO\" bType=\"Struct\" type=\"Oper{kind}\"/>");
    }
    let _ = write!(out, "<DA name=\"Oper\" fc=\"CO\" bType=\"Struct\" type=\"Oper{kind}\"/>");
    if control == ControlModel::SboNormal as u8 || control == ControlModel::SboEnhanced as u8 {
        let _ = write!(out, "<DA name=\"Cancel\" fc=\"CO\" bType=\"Struct\" type=\"Cancel{kind}\"/>");
    }
    out.push_str("<DA name=\"ctlModel\" fc=\"CF\" bType=\"Enum\" type=\"CtlModelKind\"/><DA name=\"sboTimeout\" fc=\"CF\" bType=\"INT32U\"><Val>30000</Val></DA>");
    out
}

fn enumeration<'a>(out: &mut String, id: &str, values: impl Iterator<Item = (i32, &'a str)>) {
    let mut text = format!("<EnumType id=\"{id}\">");
    for (ord, word) in values {
        let _ = write!(text, "<EnumVal ord=\"{ord}\">{}</EnumVal>", escape(word));
    }
    text.push_str("</EnumType>");
    line(out, 2, &text);
}

fn line(out: &mut String, depth: usize, text: &str) {
    for _ in 0..depth {
        out.push_str("  ");
    }
    out.push_str(text);
    out.push('\n');
}

/// Text as content or attribute; characters that XML cannot carry are left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push(' '),
            c if c < ' ' => {}
            c => out.push(c),
        }
    }
    out
}
