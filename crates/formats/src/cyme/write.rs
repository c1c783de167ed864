//! From a network to the three text files of a CYME study, version 8.00.
//!
//! ```text
//! elements ─► sections with settings (network) + catalogue entries (equipment) + loads and classes (load)
//! ```
//!
//! Every line, switch and transformer is a section of its own; what hangs at a bus stands at the end of a section there, or on
//! a stub without length where none has its phases. Catalogue entries are made from the elements' own values, one for each
//! distinct set. A source with an impedance becomes a held source and a line of that impedance, because CYME's load flow
//! holds the voltage at the head node. A regulator or a switch with an impedance has a line for it on its section.
//!
//! What has no form in a study is a [`WriteError`], what changes form or is left out without changing a solution is a row of
//! the ledger. The files are checked by reading them back; CYME itself has not been at hand to try them.

use super::codes::{ConductorPosition, Phases, Side, TransformerConnection};
use super::lower::JOINT_OHM;
use network::{
    CapacitorSize, Common, Connection, Disposition, EarthModel, ElementId, ElementKind, LeadLag, Ledger, Line, LineImpedance, Load,
    LoadModel, Network, ReactorImpedance, RegulatorControl, StorageMode, SwitchState, Transformer, TransformerKind,
};
use num_complex::Complex64;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::f64::consts::TAU;
use std::fmt::Write as _;

/// Choices of the caller.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteOptions {
    /// Text of `DATE` in the head of the files; empty: none.
    pub date: String,
}

/// The three files.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub network: String,
    pub equipment: String,
    pub load: String,
    /// What became of the network's values.
    pub ledger: Ledger,
}

/// Why a network cannot be written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    #[error("the network has no voltage source in service")]
    NoSource,
    /// Nothing in a study says this.
    #[error("{object}: {what}")]
    Unwritable { object: String, what: String },
    /// Elements of this class have no form in a study.
    #[error("{object}: elements of class {class} cannot be written to a CYME study")]
    UnsupportedClass { object: String, class: &'static str },
    /// The network refers to something it does not have.
    #[error("{object}: it refers to {what}, which the network does not have")]
    Dangling { object: String, what: String },
}

/// Names of customer classes by their law.
const CONSTANT_POWER: &str = "PQ";
const CONSTANT_IMPEDANCE: &str = "Z";

/// Below this ratio of active to reactive power a power factor is no measure of a plant.
const LEAST_PLANT_FACTOR: f64 = 1e-4;

type Result<T> = std::result::Result<T, WriteError>;

/// Writes a network as a CYME text study.
///
/// # Errors
/// The first element that has no form in a study; nothing is written in part.
///
/// # Method and source
/// Section and column names are those of CYME's text exports. Checked by reading back: node voltages within 1e-5 per unit
/// on the sample studies and on `models/ieee123` and others (`crates/gridtwin/tests/cyme.rs`).
pub fn write(network: &Network, options: &WriteOptions) -> Result<Written> {
    let mut writer = Writer::new(network);
    writer.scan()?;
    for &id in &network.order {
        writer.delivery(id)?;
    }
    for &id in &network.order {
        writer.at_bus(id)?;
    }
    writer.nodes();
    Ok(writer.finish(options))
}

/// Rows of one section of a file.
struct Table {
    section: &'static str,
    format: &'static str,
    columns: &'static str,
    rows: Vec<String>,
}

const fn table(section: &'static str, format: &'static str, columns: &'static str) -> Table {
    Table { section, format, columns, rows: Vec::new() }
}

/// A section that is written.
struct Host {
    id: String,
    phases: Phases,
    /// Whether the bus is its first end.
    from: bool,
}

struct Writer<'a> {
    network: &'a Network,
    ledger: Ledger,
    hz: f64,
    tables: BTreeMap<&'static str, Table>,
    /// Names as written, by bus.
    nodes: Vec<String>,
    taken_nodes: HashSet<String>,
    taken_sections: HashSet<String>,
    taken_devices: HashSet<(&'static str, String)>,
    /// Sections by network: id of the network, head node, rows.
    networks: Vec<(String, String, Vec<String>)>,
    hosts: HashMap<usize, Vec<Host>>,
    /// Catalogue entries by their values.
    entries: HashMap<String, String>,
    taken_entries: HashSet<(&'static str, String)>,
    /// Controls of transformers.
    regulators: HashMap<ElementId, &'a RegulatorControl>,
    /// Section setting and normal state of switches.
    switches: HashMap<ElementId, (&'static str, Option<SwitchState>, bool)>,
    extra_nodes: Vec<String>,
}

/// A number as it reads back: the shortest text.
fn num(x: f64) -> String {
    let size = x.abs();
    if size != 0.0 && !(1e-6..1e15).contains(&size) { format!("{x:e}") } else { format!("{x}") }
}

/// A name without what would part a row.
fn clean(name: &str) -> String {
    let name: String =
        name.trim().chars().map(|c| if c.is_control() || matches!(c, ',' | '=' | '[' | ']' | '"') { '_' } else { c }).collect();
    if name.is_empty() || name.eq_ignore_ascii_case("null") || name.eq_ignore_ascii_case("none") { format!("{name}_") } else { name }
}

fn phases_of(nodes: &[u32]) -> Option<Phases> {
    let mut phases = Phases::NONE;
    for &node in nodes {
        let i = usize::try_from(node).ok()?.checked_sub(1).filter(|i| *i < 3)?;
        if phases.0[i] {
            return None;
        }
        phases.0[i] = true;
    }
    Some(phases)
}

impl<'a> Writer<'a> {
    fn new(network: &'a Network) -> Self {
        let tables = [
            table("NODE", "NODE", "NodeID,CoordX,CoordY,UserDefinedBaseVoltage"),
            table("HEADNODES", "HEADNODES", "NodeID,NetworkID"),
            table("SOURCE", "SOURCE", "SourceID,DeviceNumber,NodeID,NetworkID,OperatingVoltageA,OperatingVoltageB,OperatingVoltageC"),
            table(
                "SOURCE EQUIVALENT",
                "SOURCEEQUIVALENT",
                "NodeID,LoadModelName,Voltage,OperatingAngle1,OperatingAngle2,OperatingAngle3,PositiveSequenceResistance,PositiveSequenceReactance,NegativeSequenceResistance,NegativeSequenceReactance,ZeroSequenceResistance,ZeroSequenceReactance,OperatingVoltage1,OperatingVoltage2,OperatingVoltage3,BaseMVA,ImpedanceUnit",
            ),
            table(
                "OVERHEADLINEUNBALANCED SETTING",
                "OVERHEADLINEUNBALANCEDSETTING",
                "SectionID,DeviceNumber,LineCableID,Length,ConnectionStatus",
            ),
            table(
                "OVERHEAD BYPHASE SETTING",
                "OVERHEADBYPHASESETTING",
                "SectionID,DeviceNumber,CondID_A,CondID_B,CondID_C,CondID_N1,CondID_N2,SpacingID,Length,ConnectionStatus,ConductorPosition,EarthResistivity",
            ),
            table("SWITCH SETTING", "SWITCHSETTING", SWITCH_COLUMNS),
            table("FUSE SETTING", "FUSESETTING", SWITCH_COLUMNS),
            table("RECLOSER SETTING", "RECLOSERSETTING", SWITCH_COLUMNS),
            table("BREAKER SETTING", "BREAKERSETTING", SWITCH_COLUMNS),
            table("SECTIONALIZER SETTING", "SECTIONALIZERSETTING", SWITCH_COLUMNS),
            table(
                "TRANSFORMER SETTING",
                "TRANSFORMERSETTING",
                "SectionID,Location,EqID,DeviceNumber,Conn,PrimTap,SecondaryTap,RgPrim,XgPrim,RgSec,XgSec,ODPrimPh,FromNodeID,PhaseShiftType,ConnectionStatus",
            ),
            table(
                "REGULATOR SETTING",
                "REGULATORSETTING",
                "SectionID,Location,EqID,DeviceNumber,PhaseON,MaxBuck,MaxBoost,CT,PT,SettingOption,VsetA,VsetB,VsetC,RsetA,RsetB,RsetC,XsetA,XsetB,XsetC,BandWidthA,BandWidthB,BandWidthC,TapA,TapB,TapC,Conn,FromNodeID,ConnectionStatus,Reversible",
            ),
            table(
                "AUTO TAP CHANGING EXTENSION",
                "AUTOTAPCHANGINGEXTST",
                "DeviceNumber,DeviceType,LTCIndex,ActivationDelayFirstTap,ActivationDelaySubTap",
            ),
            table(
                "SHUNT CAPACITOR SETTING",
                "SHUNTCAPACITORSETTING",
                "SectionID,DeviceNumber,Location,Connection,FixedKVARA,FixedKVARB,FixedKVARC,KV,ConnectionStatus",
            ),
            table(
                "SHUNT REACTOR SETTING",
                "SHUNTREACTORSETTING",
                "SectionID,DeviceNumber,Location,Connection,KVARA,KVARB,KVARC,KV,ConnectionStatus",
            ),
            table(
                "ELECTRONIC CONVERTER GENERATOR SETTING",
                "ELECTRONICCONVERTERGENERATORSETTING",
                "SectionID,Location,DeviceNumber,EqID,EqPhase,ConnectionConfiguration,ConnectionStatus",
            ),
            table(
                "PHOTOVOLTAIC SETTINGS",
                "PHOTOVOLTAICSETTING",
                "SectionID,Location,DeviceNumber,EquipmentID,NS,NP,Phase,ConnectionStatus",
            ),
            table(
                "BESS SETTINGS",
                "BESSSETTING",
                "SectionID,Location,DeviceNumber,EquipmentID,Phase,MaximumSOC,MinimumSOC,InitialSOC,ConnectionStatus",
            ),
            table("CONVERTER", "CONVERTER", "DeviceNumber,DeviceType,ConverterRating"),
            table("DGGENERATIONMODEL", "DGGENERATIONMODEL", "DeviceNumber,DeviceType,LoadModelName,ActiveGeneration,PowerFactor"),
            table("CONDUCTOR", "CONDUCTOR", "ID,Diameter,GMR,R25,R50,Amps,Amps_1"),
            table(
                "SPACING TABLE FOR LINE",
                "SPACINGTABLEFORLINE",
                "ID,PosOfCond1_X,PosOfCond1_Y,PosOfCond2_X,PosOfCond2_Y,PosOfCond3_X,PosOfCond3_Y,PosOfNeutralCond_X,PosOfNeutralCond_Y,PosOfNeutralCond_N2_X,PosOfNeutralCond_N2_Y,NBPhasesPerCircuit,NBConductorsPerPhase,NBNeutrals",
            ),
            table(
                "LINE UNBALANCED",
                "LINEUNBALANCED",
                "ID,UserDefinedImpedances,Ra,Rb,Rc,Xa,Xb,Xc,Ba,Bb,Bc,AmpsA,AmpsB,AmpsC,AmpsA_1,AmpsB_1,AmpsC_1,MutualResistanceAB,MutualResistanceBC,MutualResistanceCA,MutualReactanceAB,MutualReactanceBC,MutualReactanceCA,MutualShuntSusceptanceAB,MutualShuntSusceptanceBC,MutualShuntSusceptanceCA,Frequency",
            ),
            table("SWITCH", "SWITCH", "ID,Amps,Amps_1,KVLL"),
            table("FUSE", "FUSE", "ID,Amps,Amps_1,KVLL"),
            table("RECLOSER", "RECLOSER", "ID,Amps,Amps_1,KVLL"),
            table("BREAKER", "BREAKER", "ID,Amps,Amps_1,KVLL"),
            table("SECTIONALIZER", "SECTIONALIZER", "ID,Amps,Amps_1,KVLL"),
            table(
                "TRANSFORMER",
                "TRANSFORMER",
                "ID,Type,VoltageUnit,KVA,KVLLprim,KVLLsec,Z1,Z0,XR,XR0,MagnetizingCurrent,Conn,SelfCooledKVA,NoLoadLosses,PhaseShiftType",
            ),
            table("REGULATOR", "REGULATOR", "ID,Type,KVA,KVLN,MaxBuck,MaxBoost,Taps,ForwardBandwidth,CT,PT,MaxRatingCurrent"),
            table("ELECTRONIC CONVERTER GENERATOR", "ELECTRONICCONVERTERGENERATOR", "ID,KVA,KVLL,ActiveGeneration,PF"),
            table("PHOTOVOLTAIC", "PHOTOVOLTAIC", "ID,MPPCurrent,MPPVoltage"),
            table(
                "BESS",
                "BESS",
                "ID,RatedStorageEnergy,MaxChargingPower,MaxDischargingPower,ChargeEfficiency,DischargeEfficiency,IdlingActiveLosses",
            ),
            table(
                "CUSTOMER CLASS",
                "CUSTOMERCLASS",
                "ID,ConstantPower,ConstantCurrent,ConstantImpedance,IsExponentialModel,ConstantImpedanceZP,ConstantImpedanceZQ,ConstantCurrentIP,ConstantCurrentIQ,ConstantPowerPP,ConstantPowerPQ,ExponentialModelP,ExponentialModelQ,LoadFlowVoltagePercentOfNominal",
            ),
            table("LOADS", "LOADS", "SectionID,DeviceNumber,LoadType,Connection,Location"),
            table(
                "CUSTOMER LOADS",
                "CUSTOMERLOADS",
                "SectionID,DeviceNumber,LoadType,CustomerNumber,CustomerType,ConnectionStatus,LockDuringLoadAllocation,Year,LoadModelID,ValueType,LoadPhase,Value1,Value2,ConnectedKVA,KWH,NumberOfCustomer",
            ),
            table("LOAD MODEL INFORMATION", "LOADMODELINFORMATION", "ID,Name"),
        ];
        let mut writer = Self {
            network,
            ledger: Ledger::default(),
            hz: network.options.base_frequency_hz,
            tables: tables.into_iter().map(|t| (t.section, t)).collect(),
            nodes: Vec::new(),
            taken_nodes: HashSet::new(),
            taken_sections: HashSet::new(),
            taken_devices: HashSet::new(),
            networks: Vec::new(),
            hosts: HashMap::new(),
            entries: HashMap::new(),
            taken_entries: HashSet::new(),
            regulators: HashMap::new(),
            switches: HashMap::new(),
            extra_nodes: Vec::new(),
        };
        writer.row("LOAD MODEL INFORMATION", "1,DEFAULT".to_owned());
        for bus in &network.buses {
            let mut name = clean(&bus.name);
            while !writer.taken_nodes.insert(name.to_lowercase()) {
                name.push('_');
            }
            if name != bus.name {
                writer.converted("bus.name", "signs that part rows become underscores");
            }
            writer.nodes.push(name);
        }
        writer
    }

    fn row(&mut self, table: &'static str, row: String) {
        if let Some(table) = self.tables.get_mut(table) {
            table.rows.push(row);
        }
    }

    fn kept(&mut self, field: &str) {
        self.ledger.record(field, Disposition::Kept, None);
    }

    fn converted(&mut self, field: &str, formula: &str) {
        self.ledger.record(field, Disposition::Converted { formula: formula.to_owned() }, None);
    }

    fn dropped(&mut self, field: &str, reason: &str) {
        self.ledger.record(field, Disposition::Dropped { reason: reason.to_owned() }, None);
    }

    fn unwritable<T>(&self, id: ElementId, what: impl Into<String>) -> Result<T> {
        Err(WriteError::Unwritable { object: self.network.full_name(id), what: what.into() })
    }

    fn bus(&self, id: ElementId, terminal: usize) -> Result<usize> {
        let common = self.network.common(id);
        match common.terminals.get(terminal) {
            Some(t) if t.bus.index() < self.network.buses.len() => Ok(t.bus.index()),
            _ => Err(WriteError::Dangling { object: self.network.full_name(id), what: format!("the bus of terminal {}", terminal + 1) }),
        }
    }

    /// An id that its table does not have yet.
    fn device(&mut self, table: &'static str, name: &str) -> String {
        let mut name = clean(name);
        while !self.taken_devices.insert((table, name.to_lowercase())) {
            name.push('_');
        }
        name
    }

    /// The catalogue entry with these values, made when there is none.
    fn entry(&mut self, table: &'static str, wanted: &str, values: String) -> String {
        let key = format!("{table}|{values}");
        if let Some(id) = self.entries.get(&key) {
            return id.clone();
        }
        let base = clean(wanted);
        let mut id = base.clone();
        let mut n = 2;
        while !self.taken_entries.insert((table, id.to_lowercase())) {
            id = format!("{base}_{n}");
            n += 1;
        }
        self.row(table, format!("{id},{values}"));
        self.entries.insert(key, id.clone());
        id
    }

    /// A section between two nodes; gives its id.
    fn section(&mut self, common: &Common, wanted: &str, from: &str, to: &str, phases: Phases) -> String {
        let base = clean(wanted);
        let mut id = base.clone();
        let mut n = 2;
        while !self.taken_sections.insert(id.to_lowercase()) {
            id = format!("{base}_s{n}");
            n += 1;
        }
        let network = if common.feeder.is_empty() { clean(&self.network.name) } else { clean(&common.feeder) };
        let row = format!("{id},{from},,{to},,{},", phases.letters());
        match self.networks.iter_mut().find(|(name, ..)| *name == network) {
            Some((_, _, rows)) => rows.push(row),
            None => self.networks.push((network, from.to_owned(), vec![row])),
        }
        id
    }

    /// Notes that a section reaches the buses of both its ends.
    fn host(&mut self, id: &str, phases: Phases, from: usize, to: usize) {
        self.hosts.entry(from).or_default().push(Host { id: id.to_owned(), phases, from: true });
        self.hosts.entry(to).or_default().push(Host { id: id.to_owned(), phases, from: false });
    }

    /// Section and place (1 from, 2 to) for something at a bus.
    fn place(&mut self, common: &Common, bus: usize, phases: Phases) -> (String, u8) {
        if let Some(hosts) = self.hosts.get(&bus)
            && let Some(host) = hosts.iter().find(|h| phases.without(h.phases).is_none())
        {
            return (host.id.clone(), if host.from { 1 } else { 2 });
        }
        let from = self.nodes[bus].clone();
        let mut node = format!("{from}_stub");
        while !self.taken_nodes.insert(node.to_lowercase()) {
            node.push('_');
        }
        self.extra_nodes.push(node.clone());
        let id = self.section(common, &format!("{}_stub", common.name), &from, &node, phases);
        self.hosts.entry(bus).or_default().push(Host { id: id.clone(), phases, from: true });
        (id, 1)
    }

    /// What controls and protective devices say of the elements that they stand at.
    fn scan(&mut self) -> Result<()> {
        for control in &self.network.regulator_controls {
            if let Some(id) = control.transformer {
                self.regulators.insert(id, control);
            }
        }
        for control in &self.network.switch_controls {
            if let Some(id) = control.switched {
                self.switches.entry(id).or_insert(("SWITCH", Some(control.normal), control.locked));
            }
        }
        let closed = |states: &[SwitchState]| states.first().copied();
        for fuse in &self.network.fuses {
            if let Some(id) = fuse.protection.switched {
                self.switches.insert(id, ("FUSE", closed(&fuse.protection.normal), false));
            }
        }
        for recloser in &self.network.reclosers {
            if let Some(id) = recloser.protection.switched {
                self.switches.insert(id, ("RECLOSER", closed(&recloser.protection.normal), false));
            }
        }
        if !self.network.voltage_sources.iter().any(|s| s.common.enabled) {
            return Err(WriteError::NoSource);
        }
        Ok(())
    }

    /// Sources, and what carries power between buses.
    fn delivery(&mut self, id: ElementId) -> Result<()> {
        let network = self.network;
        let i = id.index();
        match id.kind {
            ElementKind::VoltageSource => self.source(id),
            ElementKind::Line => self.line(id, &network.lines[i]),
            ElementKind::Transformer => self.transformer(id, &network.transformers[i]),
            _ => Ok(()),
        }
    }

    /// What hangs at a bus, and what has no form.
    fn at_bus(&mut self, id: ElementId) -> Result<()> {
        let network = self.network;
        let i = id.index();
        match id.kind {
            ElementKind::VoltageSource | ElementKind::Line | ElementKind::Transformer => Ok(()),
            ElementKind::Load => self.load(id, &network.loads[i]),
            ElementKind::Capacitor => self.capacitor(id),
            ElementKind::Reactor => self.reactor(id),
            ElementKind::Generator => self.generator(id),
            ElementKind::PvSystem => self.pv_system(id),
            ElementKind::Storage => self.storage(id),
            // Written with the elements that they act on.
            ElementKind::RegulatorControl | ElementKind::SwitchControl => Ok(()),
            ElementKind::Fuse | ElementKind::Recloser => {
                self.converted(id.kind.class(), "the setting of its line; curves and sequences are left out");
                Ok(())
            }
            ElementKind::CapacitorControl
            | ElementKind::InverterControl
            | ElementKind::ExponentialControl
            | ElementKind::StorageController
            | ElementKind::Relay => {
                self.dropped(id.kind.class(), "controls are written with the present state of what they act on");
                Ok(())
            }
            ElementKind::Monitor | ElementKind::EnergyMeter | ElementKind::Sensor => {
                self.dropped(id.kind.class(), "instruments have no form in a study");
                Ok(())
            }
            _ if !self.network.common(id).enabled => {
                self.dropped(id.kind.class(), "out of service, and its class has no form in a study");
                Ok(())
            }
            kind => Err(WriteError::UnsupportedClass { object: self.network.full_name(id), class: kind.class() }),
        }
    }

    fn source(&mut self, id: ElementId) -> Result<()> {
        let s = &self.network.voltage_sources[id.index()];
        if !s.common.enabled {
            self.dropped("vsource", "out of service");
            return Ok(());
        }
        let bus = self.bus(id, 0)?;
        let grounded = s.common.terminals.get(1).is_none_or(|t| t.nodes.iter().all(|n| *n == 0));
        if !grounded {
            return self.unwritable(id, "its second terminal is not earth");
        }
        // One-phase sources of one bus are one source: the first writes all.
        let (kv, angles, nominal) = if s.common.n_phases == 3 && s.common.terminals[0].nodes == [1, 2, 3] {
            let ln = s.base_kv / 3f64.sqrt() * s.v_pu;
            ([ln; 3], [s.angle_deg, s.angle_deg - 120.0, s.angle_deg + 120.0], s.base_kv)
        } else if s.common.n_phases == 1 {
            let here: Vec<_> = self
                .network
                .voltage_sources
                .iter()
                .filter(|o| o.common.enabled && o.common.n_phases == 1 && o.common.terminals.first().is_some_and(|t| t.bus.index() == bus))
                .collect();
            let of = |phase: u32| here.iter().find(|o| o.common.terminals[0].nodes == [phase]);
            let (Some(a), Some(b), Some(c)) = (of(1), of(2), of(3)) else {
                return self.unwritable(id, "a source of fewer than three phases");
            };
            if s.common.name != a.common.name {
                return Ok(());
            }
            if !here.iter().all(|o| o.ideal) {
                return self.unwritable(id, "one-phase sources with an impedance");
            }
            let kv = |o: &network::VoltageSource| o.base_kv * o.v_pu;
            ([kv(a), kv(b), kv(c)], [a.angle_deg, b.angle_deg, c.angle_deg], a.base_kv * 3f64.sqrt())
        } else {
            return self.unwritable(id, format!("a source of {} phases, or of phases other than 1, 2, 3", s.common.n_phases));
        };
        if s.frequency_hz != self.hz {
            return self.unwritable(id, "its frequency is not that of the network");
        }
        let mut node = self.nodes[bus].clone();
        let feeder = if s.common.feeder.is_empty() { clean(&self.network.name) } else { clean(&s.common.feeder) };
        if !s.ideal {
            if (s.z1_ohm - s.z2_ohm).norm() > 1e-9 * s.z1_ohm.norm() {
                return self.unwritable(id, "its negative-sequence impedance is not its positive-sequence one");
            }
            let mut head = format!("{node}_source");
            while !self.taken_nodes.insert(head.to_lowercase()) {
                head.push('_');
            }
            self.extra_nodes.push(head.clone());
            let own = (s.z1_ohm * 2.0 + s.z0_ohm) / 3.0;
            let mutual = (s.z0_ohm - s.z1_ohm) / 3.0;
            let z: Vec<Complex64> = (0..9).map(|k| if k / 3 == k % 3 { own } else { mutual }).collect();
            let section = self.section(&s.common, &format!("{}_impedance", s.common.name), &head, &node, Phases::ABC);
            let entry = self.matrix_entry("source_impedance", &[0, 1, 2], &z, &[0.0; 9], None, None);
            let device = self.device("LINE", &format!("{}_impedance", s.common.name));
            self.row("OVERHEADLINEUNBALANCED SETTING", format!("{section},{device},{entry},1000,0"));
            self.converted("vsource.z1", "a line of the source's impedance behind a held voltage");
            node = head;
        }
        let place = clean(&s.common.name);
        self.row("HEADNODES", format!("{node},{feeder}"));
        self.row("SOURCE", format!("{place},{place},{node},{feeder},{},{},{}", num(kv[0]), num(kv[1]), num(kv[2])));
        let z = |z: Complex64| format!("{},{}", num(z.re), num(z.im));
        self.row(
            "SOURCE EQUIVALENT",
            format!(
                "{node},DEFAULT,{},{},{},{},{},{},{},{},{},{},0,0",
                num(nominal),
                num(angles[0]),
                num(angles[1]),
                num(angles[2]),
                z(s.z1_ohm),
                z(s.z2_ohm),
                z(s.z0_ohm),
                num(kv[0]),
                num(kv[1]),
                num(kv[2])
            ),
        );
        if self.networks.iter().all(|(name, ..)| *name != feeder) {
            self.networks.push((feeder, node, Vec::new()));
        } else if let Some(network) = self.networks.iter_mut().find(|(name, ..)| *name == feeder) {
            network.1 = node;
        }
        self.kept("vsource");
        Ok(())
    }

    /// An entry of LINE UNBALANCED: `z` ohm/km and `b` µS/km, row-major over `phases`.
    fn matrix_entry(
        &mut self,
        wanted: &str,
        phases: &[usize],
        z: &[Complex64],
        b: &[f64],
        amps: Option<f64>,
        emergency: Option<f64>,
    ) -> String {
        let n = phases.len();
        let at = |i: usize, j: usize| {
            let (a, b) = (phases.iter().position(|p| *p == i)?, phases.iter().position(|p| *p == j)?);
            Some(a * n + b)
        };
        let zs = |i: usize, j: usize| at(i, j).map_or(Complex64::ZERO, |k| z[k]);
        let bs = |i: usize, j: usize| at(i, j).map_or(0.0, |k| b[k]);
        let pairs = [(0, 1), (1, 2), (2, 0)];
        let mut values = String::from("1");
        let mut say = |x: f64| {
            let _ = write!(values, ",{}", num(x));
        };
        (0..3).for_each(|i| say(zs(i, i).re));
        (0..3).for_each(|i| say(zs(i, i).im));
        (0..3).for_each(|i| say(bs(i, i)));
        (0..3).for_each(|_| say(amps.unwrap_or(0.0)));
        (0..3).for_each(|_| say(emergency.or(amps).unwrap_or(0.0)));
        pairs.iter().for_each(|&(i, j)| say(zs(i, j).re));
        pairs.iter().for_each(|&(i, j)| say(zs(i, j).im));
        pairs.iter().for_each(|&(i, j)| say(bs(i, j)));
        say(self.hz);
        self.entry("LINE UNBALANCED", wanted, values)
    }

    fn line(&mut self, id: ElementId, line: &'a Line) -> Result<()> {
        let (from, to) = (self.bus(id, 0)?, self.bus(id, 1)?);
        let common = &line.common;
        let [first, second] = common.terminals.as_slice() else {
            return self.unwritable(id, "a line of other than two terminals");
        };
        let Some(phases) = phases_of(&first.nodes).filter(|_| first.nodes == second.nodes) else {
            return self.unwritable(
                id,
                format!("its conductors go from nodes {:?} to {:?}; a section has phases A, B, C", first.nodes, second.nodes),
            );
        };
        if from == to {
            return self.unwritable(id, "both its ends are at one bus");
        }
        let n = common.n_phases;
        let (a, b) = (self.nodes[from].clone(), self.nodes[to].clone());
        let section = self.section(common, &common.name, &a, &b, phases);
        self.host(&section, phases, from, to);
        let status = u8::from(!common.enabled);
        let closed: Vec<bool> = first.closed.iter().zip(&second.closed).map(|(a, b)| *a && *b).collect();
        let control = self.switches.get(&id).copied();
        let is_switch = line.is_switch || control.is_some() || closed.iter().any(|c| !c);
        if is_switch {
            let kind = match line.line_type.as_str() {
                "swt_fuse" => "FUSE",
                "swt_rec" => "RECLOSER",
                "swt_brk" => "BREAKER",
                "swt_sect" => "SECTIONALIZER",
                _ => control.map_or("SWITCH", |c| c.0),
            };
            let (setting, catalogue) = match kind {
                "FUSE" => ("FUSE SETTING", "FUSE"),
                "RECLOSER" => ("RECLOSER SETTING", "RECLOSER"),
                "BREAKER" => ("BREAKER SETTING", "BREAKER"),
                "SECTIONALIZER" => ("SECTIONALIZER SETTING", "SECTIONALIZER"),
                _ => ("SWITCH SETTING", "SWITCH"),
            };
            let kv = self.network.buses[from].kv_base_ln * 3f64.sqrt();
            let values = format!("{},{},{}", num(common.rating.normal_a), num(common.rating.emergency_a), num(kv));
            let entry = self.entry(catalogue, "SW", values);
            let device = self.device("LINE", &common.name);
            let shut = Phases(std::array::from_fn(|i| first.nodes.iter().position(|n| *n as usize == i + 1).is_some_and(|k| closed[k])));
            let normal =
                control.and_then(|c| c.1).unwrap_or(if closed.iter().any(|c| *c) { SwitchState::Closed } else { SwitchState::Open });
            let nstatus = u8::from(normal == SwitchState::Open);
            let locked = u8::from(control.is_some_and(|c| c.2));
            self.row(setting, format!("{section},1,{entry},{device},{},{locked},{nstatus},{a},{status}", shut.letters()));
        }
        match &line.impedance {
            LineImpedance::Spacing { .. } | LineImpedance::Geometry { .. } => self.cross_section(id, line, &section, status)?,
            LineImpedance::Sequence { .. } | LineImpedance::Matrix { .. } => {
                let metres = line.length * line.length_unit.metres();
                let known = line.length_unit != network::LengthUnit::None && metres > 0.0;
                // Without a unit, the whole impedance on one kilometre.
                let (length_m, per_km) = if known {
                    (metres, line.unit_factor * line.length / (metres / 1000.0))
                } else {
                    (1000.0, line.unit_factor * line.length)
                };
                let used: Vec<usize> = first.nodes.iter().map(|n| *n as usize - 1).collect();
                let (z, c): (Vec<Complex64>, Vec<f64>) = match &line.impedance {
                    LineImpedance::Sequence { z1_ohm, z0_ohm, c1_nf, c0_nf } => {
                        let (z0, c0) = if n == 1 { (z1_ohm, c1_nf) } else { (z0_ohm, c0_nf) };
                        let (own, mutual) = ((z1_ohm * 2.0 + z0) / 3.0, (z0 - z1_ohm) / 3.0);
                        let (c_own, c_mutual) = ((2.0 * c1_nf + c0) / 3.0, (c0 - c1_nf) / 3.0);
                        let diagonal = |k: usize| k / n == k % n;
                        let z = (0..n * n).map(|k| if diagonal(k) { own } else { mutual }).collect();
                        (z, (0..n * n).map(|k| if diagonal(k) { c_own } else { c_mutual }).collect())
                    }
                    LineImpedance::Matrix { z_ohm, c_nf } => (z_ohm.clone(), c_nf.clone()),
                    _ => (Vec::new(), Vec::new()),
                };
                if z.len() != n * n || c.len() != n * n || used.len() != n {
                    return self.unwritable(id, "its matrices do not fit its phases");
                }
                let uneven = (0..n).any(|i| (0..i).any(|j| (z[i * n + j] - z[j * n + i]).norm() > 1e-9 * z[i * n + i].norm()));
                if uneven {
                    return self.unwritable(id, "its impedance matrix is not symmetric");
                }
                let z: Vec<Complex64> = z.iter().map(|z| z * per_km).collect();
                let joint = (0..n * n).all(|k| {
                    let expected = if k / n == k % n { Complex64::new(JOINT_OHM, JOINT_OHM) } else { Complex64::ZERO };
                    (z[k] * length_m / 1000.0 - expected).norm() < 1e-12
                }) && c.iter().all(|c| *c == 0.0);
                if joint {
                    self.kept("line");
                    return Ok(());
                }
                let b: Vec<f64> = c.iter().map(|c| c * per_km * 1e-9 * TAU * common.base_frequency_hz * 1e6).collect();
                let wanted = line.line_code.and_then(|c| self.network.line_codes.get(c.index())).map_or("LINE", |c| c.name.as_str());
                let rating = &common.rating;
                let entry = self.matrix_entry(wanted, &used, &z, &b, Some(rating.normal_a), Some(rating.emergency_a));
                let device =
                    if is_switch { self.device("LINE", &format!("{}_line", common.name)) } else { self.device("LINE", &common.name) };
                self.row("OVERHEADLINEUNBALANCED SETTING", format!("{section},{device},{entry},{},{status}", num(length_m)));
                self.converted("line.impedance", "phase matrix per km in LINE UNBALANCED");
            }
        }
        self.kept("line");
        Ok(())
    }

    /// A line from conductors and positions.
    fn cross_section(&mut self, id: ElementId, line: &'a Line, section: &str, status: u8) -> Result<()> {
        if line.earth_model != EarthModel::Carson {
            return self.unwritable(
                id,
                "its impedance comes from positions by an earth model other than the first terms of Carson's series, which is CYME's",
            );
        }
        let network = self.network;
        let object = || network.full_name(id);
        let dangling = |what: &str| WriteError::Dangling { object: object(), what: what.to_owned() };
        let mut at: Vec<(network::ConductorId, f64, f64)> = Vec::new();
        let (n_phases, name) = match &line.impedance {
            LineImpedance::Spacing { spacing, conductors } => {
                let s = network.line_spacings.get(spacing.index()).ok_or_else(|| dangling("a spacing"))?;
                let m = s.unit.metres();
                at.extend(conductors.iter().zip(s.x.iter().zip(&s.h)).map(|(c, (x, h))| (*c, x * m, h * m)));
                (s.n_phases, s.name.clone())
            }
            LineImpedance::Geometry { geometry } => {
                let g = network.line_geometries.get(geometry.index()).ok_or_else(|| dangling("a geometry"))?;
                at.extend(g.conductors.iter().map(|c| (c.conductor, c.x * c.unit.metres(), c.h * c.unit.metres())));
                (g.n_phases, g.name.clone())
            }
            _ => return Ok(()),
        };
        if n_phases != line.common.n_phases || n_phases > 3 || at.len() < n_phases || at.len() > n_phases + 2 {
            return self.unwritable(
                id,
                format!("{} conductors for {} phases; a section has up to three and two neutrals", at.len(), line.common.n_phases),
            );
        }
        let mut ids = vec!["NONE".to_owned(); 5];
        let order: Vec<usize> = line.common.terminals[0].nodes.iter().map(|n| *n as usize - 1).collect();
        for (k, (conductor, ..)) in at.iter().enumerate() {
            let c = network.conductors.get(conductor.index()).ok_or_else(|| dangling("a conductor"))?;
            if c.cable.is_some() {
                return self.unwritable(id, "its conductors are cables; give it a matrix");
            }
            if c.capacitance_radius > 0.0 && c.capacitance_radius != c.radius {
                return self.unwritable(id, "a conductor has a radius of its own for capacitance");
            }
            let cm = |v: f64, unit: network::LengthUnit| v * unit.metres() * 100.0;
            let r = c.r_ac_ohm * 1000.0 / c.r_unit.metres();
            let values = format!(
                "{},{},{},{},{},{}",
                num(2.0 * cm(c.radius, c.radius_unit)),
                num(cm(c.gmr, c.gmr_unit)),
                num(r),
                num(r),
                num(c.rating.normal_a),
                num(c.rating.emergency_a)
            );
            let entry = self.entry("CONDUCTOR", &c.name, values);
            let slot = if k < n_phases { order[k] } else { 3 + k - n_phases };
            ids[slot] = entry;
        }
        let mut values = String::new();
        for k in 0..3 {
            match at.get(k).filter(|_| k < n_phases) {
                Some((_, x, y)) => drop(write!(values, "{},{},", num(*x), num(*y))),
                None => values.push_str(",,"),
            }
        }
        for k in 0..2 {
            match at.get(n_phases + k) {
                Some((_, x, y)) => drop(write!(values, "{},{},", num(*x), num(*y))),
                None => values.push_str(",,"),
            }
        }
        let _ = write!(values, "{n_phases},1,{}", at.len() - n_phases);
        let spacing = self.entry("SPACING TABLE FOR LINE", &name, values);
        let Some(position) = ConductorPosition(order).code() else {
            return self.unwritable(id, "its phases have an order that no position code says");
        };
        let length_m = line.length * line.length_unit.metres();
        let device = self.device("LINE", &line.common.name);
        self.row(
            "OVERHEAD BYPHASE SETTING",
            format!(
                "{section},{device},{},{},{},{},{},{spacing},{},{status},{position},{}",
                ids[0],
                ids[1],
                ids[2],
                ids[3],
                ids[4],
                num(length_m),
                num(line.rho_ohm_m)
            ),
        );
        Ok(())
    }

    fn transformer(&mut self, id: ElementId, t: &'a Transformer) -> Result<()> {
        let common = &t.common;
        if t.kind == TransformerKind::Auto {
            return self.unwritable(id, "an autotransformer; write it as two windings in earthed wye");
        }
        let [w1, w2] = t.windings.as_slice() else {
            return self.unwritable(id, format!("{} windings; two are written", t.windings.len()));
        };
        let (from, to) = (self.bus(id, 0)?, self.bus(id, 1)?);
        let n = common.n_phases;
        let side = |k: usize, w: &network::Winding| -> Option<(Side, Phases, (f64, f64))> {
            let nodes = &common.terminals.get(k)?.nodes;
            let phases = phases_of(nodes.get(..n)?)?;
            let neutral = nodes.get(n).copied();
            match (w.connection, neutral) {
                (Connection::Delta, _) if n == 3 => Some((Side::Delta, phases, (0.0, 0.0))),
                (Connection::Wye, Some(0) | None) => Some((Side::GroundedWye, phases, (0.0, 0.0))),
                (Connection::Wye, Some(node)) if node > 3 && w.r_neutral_ohm >= 0.0 => {
                    Some((Side::GroundedWye, phases, (w.r_neutral_ohm, w.x_neutral_ohm)))
                }
                (Connection::Wye, Some(node)) if node > 3 => Some((Side::Wye, phases, (0.0, 0.0))),
                _ => None,
            }
        };
        let (Some((one, phases, earth_1)), Some((two, phases_2, earth_2))) = (side(0, w1), side(1, w2)) else {
            return self.unwritable(
                id,
                "its windings are connected to nodes that no section has (a winding between phases, or a neutral among the phases)",
            );
        };
        let ordered = |k: usize| n != 3 || common.terminals[k].nodes[..3] == [1, 2, 3];
        if phases != phases_2 || !(n == 1 || n == 3) || !ordered(0) || !ordered(1) {
            return self.unwritable(id, "its phases are not the same on both sides, or not one or three");
        }
        let (a, b) = (self.nodes[from].clone(), self.nodes[to].clone());
        let section = self.section(common, &common.name, &a, &b, phases);
        self.host(&section, phases, from, to);
        let status = u8::from(!common.enabled);
        let (r, x) = (w1.r_pct + w2.r_pct, t.x_sc_pct.first().copied().unwrap_or(0.0));
        let plain = t.no_load_loss_pct == 0.0 && t.magnetising_pct == 0.0;
        let regulator = self.regulators.get(&id).copied().filter(|c| {
            c.winding == 1
                && c.tap_winding == 1
                && w1.kv == w2.kv
                && w1.tap_pu == 1.0
                && one == Side::GroundedWye
                && two == Side::GroundedWye
                && plain
                && earth_1 == (0.0, 0.0)
                && earth_2 == (0.0, 0.0)
        });
        let device = self.device("TRANSFORMER", &common.name);
        if let Some(control) = regulator {
            self.regulator(t, control, &section, &a, &device, phases, status, (r, x));
            return Ok(());
        }
        if self.regulators.contains_key(&id) {
            self.dropped("regcontrol", "tap changers of transformers are written with their present taps");
        }
        if r < 0.0 || x < 0.0 {
            return self.unwritable(id, "its resistance or reactance is negative, as of a leg of a star of windings");
        }
        let z = r.hypot(x);
        // Without resistance the ratio is as large as makes no difference.
        let xr = if r > 0.0 { x / r } else { 1e7 };
        let line_kv = |w: &network::Winding| if n == 1 { w.kv * 3f64.sqrt() } else { w.kv };
        let secondary_is_low = w1.kv >= w2.kv;
        let shift = if one.is_delta() == two.is_delta() { 0 } else { 1 + i32::from((t.lead_lag == LeadLag::Lag) != secondary_is_low) };
        let Some(code) = (0..13)
            .find(|c| *c != 6 && TransformerConnection::from_code(*c) == Some(TransformerConnection { primary: one, secondary: two }))
        else {
            return self.unwritable(id, format!("connection {one:?} to {two:?}"));
        };
        let values = format!(
            "{},0,{},{},{},{},{},{},{},{},{code},{},{},{shift}",
            if n == 1 { 1 } else { 2 },
            num(w1.kva),
            num(line_kv(w1)),
            num(line_kv(w2)),
            num(z),
            num(z),
            num(xr),
            num(xr),
            num(t.magnetising_pct),
            num(t.emergency_kva),
            num(t.no_load_loss_pct / 100.0 * w1.kva),
        );
        let wanted = t.code.and_then(|c| self.network.transformer_codes.get(c.index())).map_or(common.name.as_str(), |c| c.name.as_str());
        let entry = self.entry("TRANSFORMER", wanted, values);
        self.row(
            "TRANSFORMER SETTING",
            format!(
                "{section},0,{entry},{device},{code},{},{},{},{},{},{},NONE,{a},{shift},{status}",
                num(w1.tap_pu * 100.0),
                num(w2.tap_pu * 100.0),
                num(earth_1.0),
                num(earth_1.1),
                num(earth_2.0),
                num(earth_2.1)
            ),
        );
        self.kept("transformer");
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn regulator(
        &mut self,
        t: &Transformer,
        control: &RegulatorControl,
        section: &str,
        from: &str,
        device: &str,
        phases: Phases,
        status: u8,
        (r, x): (f64, f64),
    ) {
        let w = &t.windings[1];
        let n = t.common.n_phases;
        let range = (w.tap_max_pu - w.tap_min_pu) / 2.0;
        let (range, taps) = if range > 0.0 && w.n_taps >= 2 { (range, f64::from(w.n_taps)) } else { (0.1, 32.0) };
        let tap = (w.tap_pu - 1.0) / (range * 2.0 / taps);
        // Whole positions are written whole.
        let tap = if (tap - tap.round()).abs() < 1e-9 { tap.round() } else { tap };
        let ln = if n == 3 { w.kv / 3f64.sqrt() } else { w.kv };
        let pct = num(range * 100.0);
        let s = &control.forward;
        let values = format!(
            "{},{},{},{pct},{pct},{},{},{},{},{}",
            u8::from(n == 3),
            num(t.windings[0].kva / n as f64),
            num(ln),
            num(taps),
            num(s.band_v),
            num(control.ct_primary_a),
            num(control.pt_ratio),
            num(t.common.rating.normal_a)
        );
        let entry = self.entry("REGULATOR", "REG", values);
        let option = if !control.common.enabled {
            "F"
        } else if s.ldc_r_v != 0.0 || s.ldc_x_v != 0.0 {
            "R"
        } else {
            "T"
        };
        let each = |v: f64| (0..3).map(|i| if phases.0[i] { num(v) } else { "0".to_owned() }).collect::<Vec<_>>().join(",");
        self.row(
            "REGULATOR SETTING",
            format!(
                "{section},1,{entry},{device},{},{pct},{pct},{},{},{option},{},{},{},{},{},0,{from},{status},{}",
                phases.letters(),
                num(control.ct_primary_a),
                num(control.pt_ratio),
                each(s.v_target_v),
                each(s.ldc_r_v),
                each(s.ldc_x_v),
                each(s.band_v),
                each(tap),
                u8::from(control.reversible)
            ),
        );
        self.row("AUTO TAP CHANGING EXTENSION", format!("{device},4,0,{},{}", num(control.delay_s), num(control.tap_delay_s)));
        // The impedance of one phase behind the tap, ohm.
        let base = ln * ln * 1000.0 / (t.windings[0].kva / n as f64) * w.tap_pu * w.tap_pu;
        let z = Complex64::new(r, x) / 100.0 * base;
        if z.norm() > 1.1e-6 * ln * ln {
            let used: Vec<usize> = phases.indices().collect();
            let matrix: Vec<Complex64> = (0..n * n).map(|k| if k / n == k % n { z } else { Complex64::ZERO }).collect();
            let line = self.matrix_entry("regulator_impedance", &used, &matrix, &vec![0.0; n * n], None, None);
            let name = self.device("LINE", &format!("{device}_impedance"));
            self.row("OVERHEADLINEUNBALANCED SETTING", format!("{section},{name},{line},1000,{status}"));
            self.converted("transformer.xhl", "the impedance of a regulator is a line behind it");
        }
        self.kept("regcontrol");
    }

    fn load(&mut self, id: ElementId, load: &'a Load) -> Result<()> {
        let bus = self.bus(id, 0)?;
        let common = &load.common;
        let nodes = &common.terminals[0].nodes;
        let n = common.n_phases;
        let delta = load.connection == Connection::Delta;
        let base_ln = self.network.buses[bus].kv_base_ln;
        if base_ln <= 0.0 {
            return self.unwritable(id, "its bus has no voltage base; a load of a study has no rated voltage of its own");
        }
        // Pairs of delta loads by their first phase.
        let (rows, phases, kv): (Vec<usize>, Phases, f64) = if delta {
            match (n, nodes.as_slice()) {
                (1, [a, b]) => {
                    let first = match (a.min(b), a.max(b)) {
                        (1, 2) => 0,
                        (2, 3) => 1,
                        (1, 3) => 2,
                        _ => return self.unwritable(id, "a delta load between other nodes than phases"),
                    };
                    (vec![first], Phases(std::array::from_fn(|i| i == first || i == (first + 1) % 3)), load.kv)
                }
                (3, [1, 2, 3]) | (3, [1, 2, 3, _]) => (vec![0, 1, 2], Phases::ABC, load.kv),
                _ => return self.unwritable(id, format!("a delta load of {n} phases at nodes {nodes:?}")),
            }
        } else {
            let Some(phases) = nodes.get(..n).and_then(phases_of) else {
                // A one-phase load between two phases is one in delta, whatever its connection is called.
                return self.unwritable(id, format!("a load at nodes {nodes:?}"));
            };
            if n == 1 && nodes.get(1).is_some_and(|node| (1..=3).contains(node)) {
                let (a, b) = (nodes[0].min(nodes[1]), nodes[0].max(nodes[1]));
                let first = match (a, b) {
                    (1, 2) => 0,
                    (2, 3) => 1,
                    _ => 2,
                };
                return self.load_rows(
                    id,
                    load,
                    bus,
                    vec![first],
                    Phases(std::array::from_fn(|i| i == first || i == (first + 1) % 3)),
                    true,
                    load.kv,
                    base_ln * 3f64.sqrt(),
                );
            }
            if nodes.get(n).is_some_and(|node| *node != 0) {
                return self.unwritable(id, "its neutral is not earth");
            }
            let kv = if n == 1 { load.kv } else { load.kv / 3f64.sqrt() };
            (phases.indices().collect(), phases, kv)
        };
        let base = if delta { base_ln * 3f64.sqrt() } else { base_ln };
        self.load_rows(id, load, bus, rows, phases, delta, kv, base)
    }

    #[allow(clippy::too_many_arguments)]
    fn load_rows(
        &mut self,
        id: ElementId,
        load: &'a Load,
        bus: usize,
        rows: Vec<usize>,
        phases: Phases,
        delta: bool,
        kv: f64,
        base: f64,
    ) -> Result<()> {
        if kv.is_nan() || kv <= 0.0 {
            return self.unwritable(id, format!("a rated voltage of {kv} kV"));
        }
        let ratio = base / kv;
        let (p_shares, q_shares, exponent) = match load.model {
            LoadModel::ConstantPq => ([0.0, 0.0, 1.0], [0.0, 0.0, 1.0], None),
            LoadModel::ConstantZ => ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0], None),
            LoadModel::ConstantI => ([0.0, 1.0, 0.0], [0.0, 1.0, 0.0], None),
            LoadModel::Motor => ([0.0, 0.0, 1.0], [1.0, 0.0, 0.0], None),
            LoadModel::Zip => match load.zipv {
                Some([a, b, c, d, e, f, _]) => ([a, b, c], [d, e, f], None),
                None => return self.unwritable(id, "a load of shares that tells none"),
            },
            LoadModel::Cvr if load.cvr_curve.is_none() => ([0.0; 3], [0.0; 3], Some((load.cvr_p_exponent, load.cvr_q_exponent))),
            other => return self.unwritable(id, format!("load model {other:?}")),
        };
        if load.model == LoadModel::Zip && load.zipv.is_some_and(|z| z[6] > 0.0) {
            self.dropped("load.zipv", "the cut-off voltage of shares");
        }
        let scale = |shares: [f64; 3]| {
            let moved = [shares[0] * ratio * ratio, shares[1] * ratio, shares[2]];
            let sum: f64 = moved.iter().sum();
            if sum > 0.0 { (sum, moved.map(|s| s / sum)) } else { (0.0, moved) }
        };
        let ((p_scale, p_shares), (q_scale, q_shares)) = match exponent {
            Some((p, q)) => ((ratio.powf(p), [0.0; 3]), (ratio.powf(q), [0.0; 3])),
            None => (scale(p_shares), scale(q_shares)),
        };
        if ratio != 1.0 && load.model != LoadModel::ConstantPq {
            self.converted("load.kv", "powers at the voltage base of the bus, which a study counts from");
        }
        let multiplier = if load.status == network::LoadStatus::Variable { self.network.options.load_multiplier } else { 1.0 };
        if multiplier != 1.0 {
            self.converted("load.kw", "times the load multiplier");
        }
        if load.shapes != network::Shapes::default() {
            self.dropped("load.shapes", "a study holds one moment");
        }
        let threshold = (load.v_min_pu / ratio * 100.0).clamp(0.1, 99.9);
        let pct = |v: f64| num(v * 100.0);
        let (exponential, ep, eq) = exponent.map_or((0, 0.0, 0.0), |(p, q)| (1, p, q));
        let values = format!(
            "100,0,0,{exponential},{},{},{},{},{},{},{},{},{}",
            pct(p_shares[0]),
            pct(q_shares[0]),
            pct(p_shares[1]),
            pct(q_shares[1]),
            pct(p_shares[2]),
            pct(q_shares[2]),
            num(ep),
            num(eq),
            num(threshold)
        );
        let wanted = match load.model {
            LoadModel::ConstantPq => CONSTANT_POWER,
            LoadModel::ConstantZ => CONSTANT_IMPEDANCE,
            LoadModel::ConstantI => "I",
            LoadModel::Motor => "MOTOR",
            LoadModel::Cvr => "EXP",
            _ => "ZIP",
        };
        let power = (load.p_kw * p_scale * multiplier, load.q_kvar * q_scale * multiplier);
        self.spot(&load.common, bus, (rows, phases, delta), (wanted, values), power, load.n_customers);
        self.kept("load");
        Ok(())
    }

    /// A spot load of a customer class, its power (kW, kvar) shared alike by its rows.
    fn spot(
        &mut self,
        common: &Common,
        bus: usize,
        (rows, phases, delta): (Vec<usize>, Phases, bool),
        (wanted, values): (&str, String),
        (p, q): (f64, f64),
        customers: u32,
    ) {
        let class = self.entry("CUSTOMER CLASS", wanted, values);
        let (section, place) = self.place(common, bus, phases);
        let device = self.device("LOAD", &common.name);
        let status = u8::from(!common.enabled);
        self.row("LOADS", format!("{section},{device},SPOT,{},{place}", if delta { 2 } else { 0 }));
        let n = rows.len() as f64;
        for (k, i) in rows.into_iter().enumerate() {
            self.row(
                "CUSTOMER LOADS",
                format!(
                    "{section},{device},SPOT,{device},{class},{status},0,0,1,0,{},{},{},0,0,{}",
                    ["A", "B", "C"][i],
                    num(p / n),
                    num(q / n),
                    if k == 0 { customers } else { 0 }
                ),
            );
        }
    }

    /// A plant of `p + j q` (kW, kvar) as the load that draws its opposite; false where its power factor tells it as well. A study gives a plant
    /// active power and power factor, by which one that gives vars alone would give nothing.
    fn plant_as_load(&mut self, id: ElementId, connection: Connection, p_kw: f64, q_kvar: f64, v_min_pu: f64) -> Result<bool> {
        if q_kvar == 0.0 || p_kw.abs() > LEAST_PLANT_FACTOR * q_kvar.abs() {
            return Ok(false);
        }
        let (bus, phases) = self.plant_phases(id, connection)?;
        let common = self.network.common(id);
        let threshold = (v_min_pu * 100.0).clamp(0.1, 99.9);
        let class = (CONSTANT_POWER, format!("100,0,0,0,0,0,0,0,100,100,0,0,{}", num(threshold)));
        let rows = phases.indices().collect();
        self.spot(common, bus, (rows, phases, connection == Connection::Delta), class, (-p_kw, -q_kvar), 0);
        self.converted(id.kind.class(), "a load of its opposite power where it gives vars alone: a plant of a study has a power factor");
        Ok(true)
    }

    fn capacitor(&mut self, id: ElementId) -> Result<()> {
        let c = &self.network.capacitors[id.index()];
        let bus = self.bus(id, 0)?;
        let CapacitorSize::Kvar(steps) = &c.size else { return self.unwritable(id, "its size is not told in kvar") };
        if c.common.terminals.get(1).is_some_and(|t| t.nodes.iter().any(|n| *n != 0)) {
            return self.unwritable(id, "its second terminal is not earth");
        }
        if c.r_ohm.iter().chain(&c.x_l_ohm).chain(&c.harmonic).any(|v| *v != 0.0) {
            return self.unwritable(id, "it has a resistance or reactance in series, or is tuned");
        }
        let total: f64 = steps.iter().zip(&c.steps).filter(|(_, closed)| **closed).map(|(q, _)| q).sum();
        let n = c.common.n_phases;
        let delta = c.connection == Connection::Delta;
        let nodes = &c.common.terminals[0].nodes;
        let mut kvar = [0.0; 3];
        let phases;
        if delta {
            match (n, nodes.as_slice()) {
                (3, [1, 2, 3]) => (phases, kvar) = (Phases::ABC, [total / 3.0; 3]),
                (1, [a, b]) if phases_of(&[*a, *b]).is_some() && (a % 3) + 1 == *b => {
                    kvar[*a as usize - 1] = total;
                    phases = phases_of(&[*a, *b]).unwrap_or(Phases::ABC);
                }
                _ => return self.unwritable(id, format!("a capacitor in delta at nodes {nodes:?}")),
            }
        } else {
            let Some(found) = phases_of(nodes) else { return self.unwritable(id, format!("a capacitor at nodes {nodes:?}")) };
            phases = found;
            phases.indices().for_each(|i| kvar[i] = total / n as f64);
        }
        let kv = if !delta && n > 1 { c.kv / 3f64.sqrt() } else { c.kv };
        if steps.len() > 1 || c.steps.iter().any(|s| !s) {
            self.converted("capacitor.steps", "the kvar of the closed steps");
        }
        let status = u8::from(!c.common.enabled || total == 0.0);
        if total == 0.0 {
            let all: f64 = steps.iter().sum();
            phases.indices().for_each(|i| kvar[i] = all / n as f64);
        }
        let (section, place) = self.place(&c.common, bus, phases);
        let device = self.device("CAPACITOR", &c.common.name);
        let word = if delta { "D" } else { "Y" };
        self.row(
            "SHUNT CAPACITOR SETTING",
            format!("{section},{device},{place},{word},{},{},{},{},{status}", num(kvar[0]), num(kvar[1]), num(kvar[2]), num(kv)),
        );
        self.kept("capacitor");
        Ok(())
    }

    fn reactor(&mut self, id: ElementId) -> Result<()> {
        let r = &self.network.reactors[id.index()];
        if r.common.terminals.get(1).is_some_and(|t| t.nodes.iter().any(|n| *n != 0)) || r.r_parallel_ohm != 0.0 {
            return self.unwritable(id, "its second terminal is not earth, or it has a resistance across");
        }
        let bus = self.bus(id, 0)?;
        let n = r.common.n_phases;
        let nodes = &r.common.terminals[0].nodes;
        let Some(phases) = phases_of(nodes).filter(|_| r.connection == Connection::Wye) else {
            return self.unwritable(id, format!("a reactor in delta, or at nodes {nodes:?}"));
        };
        let kv = if n > 1 { r.kv / 3f64.sqrt() } else { r.kv };
        let kvar = match r.impedance {
            ReactorImpedance::Kvar { kvar } => kvar,
            ReactorImpedance::Rx { r_ohm, x_ohm } if r_ohm == 0.0 && x_ohm > 0.0 => kv * kv / x_ohm * 1e3 * n as f64,
            ReactorImpedance::Rx { r_ohm, x_ohm } if x_ohm == 0.0 && r_ohm != 0.0 => {
                let base = self.network.buses[bus].kv_base_ln;
                if base <= 0.0 {
                    return self.unwritable(id, "a resistor at a bus without voltage base");
                }
                let class = (CONSTANT_IMPEDANCE, "100,0,0,0,100,100,0,0,0,0,0,0,0.1".to_owned());
                let kw = base * base / r_ohm * 1e3 * n as f64;
                self.spot(&r.common, bus, (phases.indices().collect(), phases, false), class, (kw, 0.0), 0);
                self.converted("reactor of resistance alone", "a load of constant impedance");
                return Ok(());
            }
            _ => return self.unwritable(id, "it is neither a reactance nor a resistance alone"),
        };
        let kv = if n > 1 { r.kv / 3f64.sqrt() } else { r.kv };
        let each = |i: usize| if phases.0[i] { num(kvar / n as f64) } else { "0".to_owned() };
        let values = [each(0), each(1), each(2)].join(",");
        let status = u8::from(!r.common.enabled);
        let (section, place) = self.place(&r.common, bus, phases);
        let device = self.device("REACTOR", &r.common.name);
        self.row("SHUNT REACTOR SETTING", format!("{section},{device},{place},Y,{values},{},{status}", num(kv)));
        self.kept("reactor");
        Ok(())
    }

    /// Section, place, device number and phases of a plant.
    fn plant(&mut self, id: ElementId, connection: Connection) -> Result<(String, u8, String, Phases)> {
        let (bus, phases) = self.plant_phases(id, connection)?;
        let common = self.network.common(id);
        let (section, place) = self.place(common, bus, phases);
        let device = self.device("PLANT", &common.name);
        Ok((section, place, device, phases))
    }

    fn plant_phases(&self, id: ElementId, connection: Connection) -> Result<(usize, Phases)> {
        let bus = self.bus(id, 0)?;
        let common = self.network.common(id);
        let n = common.n_phases;
        let nodes = common.terminals[0].nodes.clone();
        let Some(phases) = nodes.get(..n).and_then(phases_of).filter(|_| connection == Connection::Wye || n == 3) else {
            return self.unwritable(id, format!("a plant at nodes {nodes:?}"));
        };
        if connection == Connection::Wye && nodes.get(n).is_some_and(|node| *node != 0) {
            return self.unwritable(id, "its neutral is not earth");
        }
        Ok((bus, phases))
    }

    fn generation_rows(&mut self, device: &str, kind: u32, kva: f64, p_kw: f64, q_kvar: f64) {
        let s = p_kw.hypot(q_kvar);
        let pf = if s > 0.0 && p_kw != 0.0 { p_kw.abs() / s * 100.0 * if q_kvar * p_kw < 0.0 { -1.0 } else { 1.0 } } else { 100.0 };
        self.row("CONVERTER", format!("{device},{kind},{}", num(kva)));
        self.row("DGGENERATIONMODEL", format!("{device},{kind},DEFAULT,{},{}", num(p_kw), num(pf)));
    }

    fn generator(&mut self, id: ElementId) -> Result<()> {
        let g = &self.network.generators[id.index()];
        if g.model != 1 {
            return self.unwritable(id, format!("generator model {}; constant power is written", g.model));
        }
        let multiplier = if g.fixed { 1.0 } else { self.network.options.generation_multiplier };
        if self.plant_as_load(id, g.connection, g.p_kw * multiplier, g.q_kvar * multiplier, g.v_min_pu)? {
            return Ok(());
        }
        let (section, place, device, phases) = self.plant(id, g.connection)?;
        let values = format!("{},{},{},{}", num(g.kva), num(g.kv), num(g.p_kw), num(g.power_factor.abs() * 100.0));
        let entry = self.entry("ELECTRONIC CONVERTER GENERATOR", "GEN", values);
        let status = u8::from(!g.common.enabled);
        let connection = if g.connection == Connection::Delta { 2 } else { 0 };
        self.row(
            "ELECTRONIC CONVERTER GENERATOR SETTING",
            format!("{section},{place},{device},{entry},{},{connection},{status}", phases.letters()),
        );
        self.generation_rows(&device, 45, g.kva, g.p_kw * multiplier, g.q_kvar * multiplier);
        self.converted("generator", "an electronic converter generator of the same power");
        Ok(())
    }

    fn pv_system(&mut self, id: ElementId) -> Result<()> {
        let pv = &self.network.pv_systems[id.index()];
        let inverter = &pv.inverter;
        if pv.p_t_curve.is_some() || inverter.efficiency.is_some() {
            return self.unwritable(id, "its power depends on temperature or efficiency curves");
        }
        let p = (pv.irradiance * pv.p_mpp_kw).min(pv.p_mpp_kw * pv.p_mpp_pct / 100.0).min(inverter.kva);
        let q = if inverter.q_follows_pf {
            let pf = inverter.power_factor;
            p * (1.0 / (pf * pf) - 1.0).max(0.0).sqrt() * pf.signum()
        } else {
            inverter.q_kvar
        };
        if self.plant_as_load(id, pv.connection, p, q, inverter.v_min_pu)? {
            return Ok(());
        }
        let (section, place, device, phases) = self.plant(id, pv.connection)?;
        let entry = self.entry("PHOTOVOLTAIC", "PV", "8,30".to_owned());
        let status = u8::from(!pv.common.enabled);
        self.row("PHOTOVOLTAIC SETTINGS", format!("{section},{place},{device},{entry},1,1,{},{status}", phases.letters()));
        self.generation_rows(&device, 45, inverter.kva, p, q);
        self.converted("pvsystem", "its power at the present irradiance as generation");
        Ok(())
    }

    fn storage(&mut self, id: ElementId) -> Result<()> {
        let s = &self.network.storages[id.index()];
        let kw = match s.mode {
            StorageMode::Idling => 0.0,
            StorageMode::Discharging => s.p_kw.unwrap_or(s.p_rated_kw * s.discharge_pct / 100.0),
            StorageMode::Charging => -s.p_kw.map_or(s.p_rated_kw * s.charge_pct / 100.0, f64::abs),
        };
        let pf = s.inverter.power_factor;
        let q = if s.inverter.q_follows_pf { kw * (1.0 / (pf * pf) - 1.0).max(0.0).sqrt() * pf.signum() } else { s.inverter.q_kvar };
        if self.plant_as_load(id, s.connection, kw, q, s.inverter.v_min_pu)? {
            return Ok(());
        }
        let (section, place, device, phases) = self.plant(id, s.connection)?;
        let values = format!(
            "{},{},{},{},{},{}",
            num(s.energy_rated_kwh),
            num(s.p_rated_kw),
            num(s.p_rated_kw),
            num(s.charge_efficiency_pct),
            num(s.discharge_efficiency_pct),
            num(s.idling_loss_pct / 100.0 * s.p_rated_kw)
        );
        let entry = self.entry("BESS", "BESS", values);
        let status = u8::from(!s.common.enabled);
        let soc = if s.energy_rated_kwh > 0.0 { s.energy_stored_kwh / s.energy_rated_kwh * 100.0 } else { 100.0 };
        self.row(
            "BESS SETTINGS",
            format!("{section},{place},{device},{entry},{},100,{},{},{status}", phases.letters(), num(s.reserve_pct), num(soc)),
        );
        self.generation_rows(&device, 45, s.inverter.kva, kw, q);
        self.kept("storage");
        Ok(())
    }

    fn nodes(&mut self) {
        let mut rows = Vec::new();
        for (bus, name) in self.network.buses.iter().zip(&self.nodes) {
            let place = bus.latitude_longitude_deg.map(|(lat, lon)| (lon, lat)).or(bus.xy);
            let (x, y) = place.map_or((String::new(), String::new()), |(x, y)| (num(x), num(y)));
            let base = if bus.kv_base_ln > 0.0 { num(bus.kv_base_ln * 3f64.sqrt()) } else { String::new() };
            rows.push(format!("{name},{x},{y},{base}"));
        }
        rows.extend(self.extra_nodes.iter().map(|name| format!("{name},,,")));
        for row in rows {
            self.row("NODE", row);
        }
        if !self.network.assets.is_empty() {
            self.dropped("asset", "records of asset systems have no form in a study");
        }
    }

    fn finish(self, options: &WriteOptions) -> Written {
        let mut head = String::from("[GENERAL]\r\n");
        if !options.date.is_empty() {
            let _ = write!(head, "DATE={}\r\n", clean(&options.date));
        }
        head.push_str("CYME_VERSION=8.00\r\nCYMDIST_REVISION=8\r\n\r\n[SI]\r\n");
        let file = |sections: &[&str]| {
            let mut text = head.clone();
            for name in sections {
                let Some(table) = self.tables.get(name).filter(|t| !t.rows.is_empty()) else { continue };
                let _ = write!(text, "\r\n[{}]\r\nFORMAT_{}={}\r\n", table.section, table.format, table.columns);
                for row in &table.rows {
                    text.push_str(row);
                    text.push_str("\r\n");
                }
            }
            text
        };
        let mut network =
            file(&["NODE", "HEADNODES", "SOURCE", "SOURCE EQUIVALENT", "OVERHEADLINEUNBALANCED SETTING", "OVERHEAD BYPHASE SETTING"]);
        network.push_str(
            "\r\n[SECTION]\r\nFORMAT_SECTION=SectionID,FromNodeID,FromNodeIndex,ToNodeID,ToNodeIndex,Phase,ZoneID\r\nFORMAT_FEEDER=NetworkID,HeadNodeID\r\n",
        );
        for (name, node, rows) in &self.networks {
            let _ = write!(network, "FEEDER={name},{node}\r\n");
            for row in rows {
                network.push_str(row);
                network.push_str("\r\n");
            }
        }
        let devices = file(&[
            "SWITCH SETTING",
            "FUSE SETTING",
            "RECLOSER SETTING",
            "BREAKER SETTING",
            "SECTIONALIZER SETTING",
            "TRANSFORMER SETTING",
            "REGULATOR SETTING",
            "AUTO TAP CHANGING EXTENSION",
            "SHUNT CAPACITOR SETTING",
            "SHUNT REACTOR SETTING",
            "ELECTRONIC CONVERTER GENERATOR SETTING",
            "PHOTOVOLTAIC SETTINGS",
            "BESS SETTINGS",
            "CONVERTER",
            "DGGENERATIONMODEL",
        ]);
        network.push_str(devices.strip_prefix(head.as_str()).unwrap_or(&devices));
        let equipment = file(&[
            "CONDUCTOR",
            "SPACING TABLE FOR LINE",
            "LINE UNBALANCED",
            "SWITCH",
            "FUSE",
            "RECLOSER",
            "BREAKER",
            "SECTIONALIZER",
            "TRANSFORMER",
            "REGULATOR",
            "ELECTRONIC CONVERTER GENERATOR",
            "PHOTOVOLTAIC",
            "BESS",
        ]);
        let load = file(&["CUSTOMER CLASS", "LOADS", "CUSTOMER LOADS", "LOAD MODEL INFORMATION"]);
        Written { network, equipment, load, ledger: self.ledger }
    }
}

const SWITCH_COLUMNS: &str = "SectionID,Location,EqID,DeviceNumber,ClosedPhase,Locked,NStatus,FromNodeID,ConnectionStatus";
