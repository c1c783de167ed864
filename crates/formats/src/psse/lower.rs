//! Records into the elements of a transmission case.

use super::ReadOptions;
use super::check;
use super::layout::{self, Group};
use super::lex::{self, Item};
use super::raw::Header;
use super::record::{Fault, Record};
use crate::import::ImportError;
use network::*;
use num_complex::Complex64;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Findings of one code that are listed; the rest are counted.
const MAX_OF_ONE_CODE: usize = 100;
/// Characters of a refused record that are kept.
const MAX_REJECT_TEXT: usize = 2000;
/// Records of a file, and those of them that are refused, before the file itself is: a grid of a continent has
/// a tenth of the first, and a file of the second is not what it says.
const MAX_RECORDS: usize = 2_000_000;
const MAX_REJECTS: usize = 100_000;
/// |Z| that counts as none unless the file says another, per unit (the program's own default).
pub const DEFAULT_ZERO_IMPEDANCE_PU: f64 = 1e-4;

/// Findings, with an end to those that repeat.
#[derive(Debug, Default)]
pub struct Findings {
    list: Vec<Diagnostic>,
    counts: HashMap<String, usize>,
}

impl Findings {
    pub fn push(&mut self, finding: Diagnostic) {
        let count = self.counts.entry(finding.code.clone()).or_insert(0);
        *count += 1;
        if *count <= MAX_OF_ONE_CODE {
            self.list.push(finding);
        }
    }

    pub fn extend(&mut self, findings: impl IntoIterator<Item = Diagnostic>) {
        findings.into_iter().for_each(|f| self.push(f));
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        let mut more: Vec<(String, usize)> = self.counts.into_iter().filter(|(_, n)| *n > MAX_OF_ONE_CODE).collect();
        more.sort();
        for (code, n) in more {
            let message = format!("{} more findings {code} are not listed", n - MAX_OF_ONE_CODE);
            self.list.push(Diagnostic::note("RAW.FINDINGS.MORE", message).hint("mend the first ones: the rest may have the same cause"));
        }
        self.list
    }
}

/// How often a field's default stood, and where first.
type Defaults = HashMap<(Group, &'static str, String), (usize, u32)>;

/// The case as it grows.
pub struct Builder {
    pub file: Arc<str>,
    pub version: u32,
    pub network: Network,
    pub case: TransmissionCase,
    pub findings: Findings,
    pub substation_target: Option<usize>,
    pub multi_terminal_target: Option<usize>,
    lenient: bool,
    n_counted: usize,
    rejects: Vec<Reject>,
    counts: Vec<(Group, usize)>,
    ledger: Ledger,
    defaults: Defaults,
    beyond: HashMap<Group, (usize, u32)>,
    bus_by_number: HashMap<u32, BusId>,
    bus_by_name: HashMap<String, Vec<BusId>>,
    seen: HashSet<(Group, String)>,
    names: HashSet<(ElementKind, String)>,
    rating_sets: HashMap<String, Vec<f64>>,
    /// Transformers of the oldest version by buses and circuit: their controls stand in a group of their own.
    old_transformers: HashMap<String, usize>,
}

/// A name for an element from a label: lower case, without blanks and dots.
fn slug(label: &str) -> String {
    let plain = |c: char| if c.is_whitespace() || c == '.' || c.is_control() { '_' } else { c };
    let slug: String = label.trim().to_lowercase().chars().map(plain).collect();
    if slug.is_empty() { "1".to_owned() } else { slug }
}

/// Ratings as the network keeps them: three, or twelve where a later one is told.
pub fn shorten_ratings(mut ratings: Vec<f64>) -> Vec<f64> {
    let more = ratings.iter().skip(3).any(|r| *r != 0.0);
    ratings.resize(if more { 12 } else { 3 }, 0.0);
    ratings
}

impl Builder {
    pub fn new(file: Arc<str>, name: &str, version: u32, options: &ReadOptions) -> Self {
        let stem = name.split('.').next().unwrap_or(name);
        let case = TransmissionCase {
            s_base_mva: 100.0,
            frequency_hz: 60.0,
            version,
            zero_impedance_pu: DEFAULT_ZERO_IMPEDANCE_PU,
            ..TransmissionCase::default()
        };
        Self {
            file,
            version,
            network: Network::new(stem),
            case,
            findings: Findings::default(),
            substation_target: None,
            multi_terminal_target: None,
            lenient: options.lenient,
            n_counted: 0,
            rejects: Vec::new(),
            counts: Vec::new(),
            ledger: Ledger::default(),
            defaults: HashMap::new(),
            beyond: HashMap::new(),
            bus_by_number: HashMap::new(),
            bus_by_name: HashMap::new(),
            seen: HashSet::new(),
            names: HashSet::new(),
            rating_sets: HashMap::new(),
            old_transformers: HashMap::new(),
        }
    }

    pub fn header(&mut self, head: &Header, titles: Vec<String>) {
        let at = self.at(1);
        let mut default = |field: &str, value: f64| {
            let disposition = Disposition::Defaulted { value: value.to_string(), reason: "the first line leaves it out".into() };
            self.ledger.record(field, disposition, Some(&at));
            value
        };
        self.case.s_base_mva = head.s_base_mva.unwrap_or_else(|| default("header.sbase", 100.0));
        self.case.frequency_hz = head.frequency_hz.unwrap_or_else(|| default("header.basfrq", 60.0));
        self.case.transformer_rating_code = head.transformer_rating_code;
        self.case.branch_rating_code = head.branch_rating_code;
        self.case.titles = titles;
        if head.adds {
            let finding = Diagnostic::note("RAW.FILE.ADDS", "the file says that it adds to another case").at(&self.at(1));
            self.findings.push(finding.hint("it is read as a case of its own"));
        }
    }

    pub fn at(&self, line: u32) -> SourceRef {
        SourceRef::new(self.file.clone(), line)
    }

    /// Counts a record of a group.
    pub fn count(&mut self, group: Group) {
        self.n_counted += 1;
        match self.counts.iter_mut().find(|(g, _)| *g == group) {
            Some((_, n)) => *n += 1,
            None => self.counts.push((group, 1)),
        }
    }

    /// The file is more than can be, or more wrong: there is no use in going on.
    pub fn is_hopeless(&self) -> bool {
        self.n_counted > MAX_RECORDS || self.rejects.len() > MAX_REJECTS
    }

    pub fn n_records(&self, group: Group) -> usize {
        self.counts.iter().find(|(g, _)| *g == group).map_or(0, |(_, n)| *n)
    }

    /// Puts a record aside with the reason.
    pub fn refuse(&mut self, group: Group, line: u32, text: &str, mut fault: Diagnostic) {
        if fault.source.is_none() {
            fault = fault.at(&self.at(line));
        }
        if self.lenient && fault.severity == Severity::Error {
            fault.severity = Severity::Warning;
        }
        let reason = match &fault.detail {
            Some(detail) => format!("{}: {} {detail}", fault.code, fault.message),
            None => format!("{}: {}", fault.code, fault.message),
        };
        self.rejects.push(Reject { source: self.at(line), reason, text: text.chars().take(MAX_REJECT_TEXT).collect() });
        self.ledger.record(group.name(), Disposition::Dropped { reason: format!("refused: {}", fault.code) }, Some(&self.at(line)));
        self.findings.push(fault);
    }

    pub fn n_refused(&self) -> usize {
        self.rejects.len()
    }

    pub fn note_beyond(&mut self, group: Group, line: u32, _n: usize) {
        self.beyond.entry(group).or_insert((0, line)).0 += 1;
    }

    /// Makes of a record what it is; refuses it when it cannot be used.
    pub fn take(&mut self, record: &Record<'_>, text: &str) {
        let done = match record.group {
            Group::Bus => self.bus(record),
            Group::Load => self.load(record),
            Group::FixedShunt => self.fixed_shunt(record),
            Group::Generator => self.machine(record),
            Group::RatingSet => self.rating_set(record),
            Group::Branch => self.branch(record),
            Group::SwitchingDevice => self.switching_device(record),
            Group::Transformer => self.transformer(record),
            Group::TransformerAdjustment => self.transformer_adjustment(record),
            Group::Area => self.area(record),
            Group::TwoTerminalDc => self.two_terminal_dc(record),
            Group::VscDc => self.vsc_dc(record),
            Group::MultiTerminalDc => self.multi_terminal_dc(record),
            Group::MultiTerminalConverter => self.multi_terminal_converter(record),
            Group::MultiTerminalBus => self.multi_terminal_bus(record),
            Group::MultiTerminalLink => self.multi_terminal_link(record),
            Group::MultiSectionLine => self.multi_section_line(record),
            Group::Zone => self.numbered(record, "izone", "zoname"),
            Group::Owner => self.numbered(record, "iowner", "owname"),
            Group::Transfer => self.transfer(record),
            Group::Facts => self.facts(record),
            Group::SwitchedShunt => self.switched_shunt(record),
            Group::InductionMachine => self.motor(record),
            Group::Substation => self.substation(record),
            Group::SubstationNode => self.substation_node(record),
            Group::SubstationSwitch => self.substation_switch(record),
            Group::SubstationTerminal => self.substation_terminal(record),
            // Groups kept as text do not come here.
            Group::SystemWide
            | Group::VoltageDroop
            | Group::ImpedanceCorrection
            | Group::Gne
            | Group::LoadType
            | Group::Interface
            | Group::InterfaceElement
            | Group::Unknown => Ok(()),
        };
        match done {
            Ok(()) => {
                for (field, value) in record.defaulted.borrow_mut().drain(..) {
                    self.defaults.entry((record.group, field, value.to_string())).or_insert((0, record.line)).0 += 1;
                }
            }
            Err(fault) => self.refuse(record.group, record.line, text, *fault),
        }
    }

    /// The case as read, or why there is none.
    pub fn finish(mut self) -> Result<Imported, ImportError> {
        if self.is_hopeless() {
            let message = format!("the file has more than {MAX_RECORDS} records, or more than {MAX_REJECTS} that cannot be used");
            let finding = Diagnostic::error("RAW.FILE.TOO_MANY", message).at(&self.at(0));
            let mut findings = self.findings.finish();
            findings.push(finding.hint("see that it is a case, and of the version that line 1 says"));
            return Err(ImportError::new(findings));
        }
        if self.network.buses.is_empty() {
            let finding = Diagnostic::error("RAW.FILE.NO_BUSES", "the file has no bus that can be used").at(&self.at(0));
            self.findings.push(finding.hint("see that the file is whole, and that line 1 says its version"));
            return Err(ImportError::new(self.findings.finish()));
        }
        let mut beyond: Vec<_> = std::mem::take(&mut self.beyond).into_iter().collect();
        beyond.sort_by_key(|(group, _)| *group);
        for (group, (n, line)) in beyond {
            let message = format!("{n} {} records have more values than version {} of the format knows", group.name(), self.version);
            let finding = Diagnostic::warning("RAW.RECORD.LONG", message).at(&self.at(line));
            let finding = finding.detail("The values beyond are not used.");
            self.findings.push(finding.hint("see that line 1 says the right version: another one orders the values differently"));
            let disposition = Disposition::Dropped { reason: "values beyond the last field of the version".into() };
            self.ledger.record(&format!("{}.(beyond)", group.name()), disposition, Some(&self.at(line)));
        }
        for (group, n) in &self.counts {
            let mut entry = LedgerEntry { field: group.name().into(), disposition: Disposition::Kept, count: *n, first: None };
            let refused: usize = self.ledger.entries.iter().filter(|e| e.field == group.name()).map(|e| e.count).sum();
            entry.count = n.saturating_sub(refused);
            self.ledger.entries.push(entry);
        }
        let mut defaults: Vec<_> = std::mem::take(&mut self.defaults).into_iter().collect();
        defaults.sort_by(|a, b| a.0.cmp(&b.0));
        for ((group, field, value), (count, line)) in defaults {
            let value = if value.is_empty() { "(empty)".to_owned() } else { value };
            let reason = "left out in the record; the format's own default".to_owned();
            let first = Some(self.at(line));
            let disposition = Disposition::Defaulted { value, reason };
            self.ledger.entries.push(LedgerEntry { field: format!("{}.{field}", group.name()), disposition, count, first });
        }
        self.place_buses();
        self.network.options.frequency_hz = self.case.frequency_hz;
        self.network.options.base_frequency_hz = self.case.frequency_hz;
        for id in self.network.order.clone() {
            let common = self.network.common_mut(id);
            common.base_frequency_hz = self.case.frequency_hz;
        }
        self.network.transmission = Some(Box::new(self.case));
        self.findings.extend(check::check(&self.network));
        Ok(Imported {
            network: self.network,
            diagnostics: self.findings.finish(),
            ledger: self.ledger,
            rejects: self.rejects,
            counts: self.counts.into_iter().map(|(group, n)| (group.name().to_owned(), n)).collect(),
            figures: Vec::new(),
        })
    }

    /// Substations are the only places that such a file tells.
    fn place_buses(&mut self) {
        for station in &self.case.substations {
            let (lat, lon) = (station.latitude_deg, station.longitude_deg);
            // Stations without a place are written at 0, 0.
            if (lat == 0.0 && lon == 0.0) || lat.abs() > 90.0 || lon.abs() > 180.0 {
                continue;
            }
            for bus in station.nodes.iter().filter_map(|n| n.bus) {
                if let Some(bus) = self.network.buses.get_mut(bus.index()) {
                    bus.latitude_longitude_deg = Some((lat, lon));
                }
            }
        }
    }

    // ── buses ────────────────────────────────────────────────────────────────────────────────────

    fn bus(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let number = r.integer("ibus", 0)?;
        let number = u32::try_from(number).ok().filter(|n| (1..=999_999_999).contains(n));
        let number = number.ok_or_else(|| r.out_of_range("ibus", &r.text("ibus"), "a number from 1"))?;
        if self.bus_by_number.contains_key(&number) {
            return Err(duplicate(r, &format!("bus {number}")));
        }
        let kind = match r.code("ide", 1, 1..=4)? {
            2 => BusKind::Generator,
            3 => BusKind::Swing,
            4 => BusKind::Isolated,
            _ => BusKind::Load,
        };
        let bus = TransmissionBus {
            number,
            name: r.text("name"),
            kv_base_ll: r.real_not_negative("baskv", 0.0)?,
            kind,
            area: r.count("area", 1)?,
            zone: r.count("zone", 1)?,
            owner: r.count("owner", 1)?,
            v_pu: r.real_not_negative("vm", 1.0)?,
            angle_deg: r.real("va", 0.0)?,
            v_max_normal_pu: r.real("nvhi", 1.1)?,
            v_min_normal_pu: r.real("nvlo", 0.9)?,
            v_max_emergency_pu: r.real("evhi", 1.1)?,
            v_min_emergency_pu: r.real("evlo", 0.9)?,
            source: self.at(r.line),
        };
        // Older versions write shunts, and the oldest loads, on the bus itself.
        let shunt = (r.real("gl", 0.0)?, r.real("bl", 0.0)?);
        let load = (r.real("pl", 0.0)?, r.real("ql", 0.0)?);
        let (area, zone, owner, key) = (bus.area, bus.zone, bus.owner, bus.name.to_uppercase());
        let id = self.network.bus_or_add(&number.to_string());
        let entry = &mut self.network.buses[id.index()];
        entry.kv_base_ln = bus.kv_base_ll / 3f64.sqrt();
        entry.nodes = vec![1, 2, 3];
        entry.transmission = Some(Box::new(bus));
        self.bus_by_number.insert(number, id);
        self.bus_by_name.entry(key).or_default().push(id);
        let formula = "record of its own, identifier 1, at the bus".to_owned();
        if shunt != (0.0, 0.0) {
            let common = self.common(ElementKind::FixedShunt, format!("{number}-1"), &[id], true, r.line);
            self.network.add(FixedShunt { common, id: "1".into(), label: String::new(), in_service: true, g_mw: shunt.0, b_mvar: shunt.1 });
            self.ledger.record("bus.gl, bl", Disposition::Converted { formula: formula.clone() }, Some(&self.at(r.line)));
        }
        if load != (0.0, 0.0) {
            let common = self.common(ElementKind::PowerLoad, format!("{number}-1"), &[id], true, r.line);
            self.network.add(PowerLoad {
                common,
                id: "1".into(),
                label: String::new(),
                in_service: true,
                area,
                zone,
                owner,
                p_mw: load.0,
                q_mvar: load.1,
                p_current_mw: 0.0,
                q_current_mvar: 0.0,
                p_admittance_mw: 0.0,
                q_admittance_mvar: 0.0,
                scalable: true,
                interruptible: false,
                dg_p_mw: 0.0,
                dg_q_mvar: 0.0,
                dg_in_service: false,
                load_type: String::new(),
            });
            self.ledger.record("bus.pl, ql", Disposition::Converted { formula }, Some(&self.at(r.line)));
        }
        Ok(())
    }

    /// The bus that an item names, and whether a minus stands before it.
    fn bus_of_item(&self, item: &Item<'_>) -> Option<(BusId, bool)> {
        if let Some(number) = lex::integer(&item.text) {
            let id = self.bus_by_number.get(&u32::try_from(number.unsigned_abs()).ok()?)?;
            return Some((*id, number < 0));
        }
        // `NAME        ` and the base voltage, 18 characters together.
        let text = item.text.as_ref();
        let (text, negative) = match text.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        if let Some(ids) = self.bus_by_name.get(&text.trim().to_uppercase())
            && let [id] = ids[..]
        {
            return Some((id, negative));
        }
        let cut = text.char_indices().nth(12).map(|(at, _)| at)?;
        let name = text[..cut].trim().to_uppercase();
        let kv = lex::number(&text[cut..])?;
        let ids = self.bus_by_name.get(&name)?;
        let matches = |id: &&BusId| {
            let base = self.network.bus(**id).transmission.as_ref().map_or(0.0, |b| b.kv_base_ll);
            (base - kv).abs() <= 0.01 * base.abs().max(0.1)
        };
        let mut found = ids.iter().filter(matches);
        match (found.next(), found.next()) {
            (Some(id), None) => Some((*id, negative)),
            _ => None,
        }
    }

    /// The bus of a field that must name one.
    fn required_bus(&self, r: &Record<'_>, field: &'static str) -> Result<(BusId, bool), Fault> {
        let Some(item) = r.given(field) else {
            let message = format!("a {} record does not say its bus {}", r.group.name(), field.to_uppercase());
            return Err(Box::new(Diagnostic::error("RAW.FIELD.MISSING", message).hint("complete the record")));
        };
        if !item.quoted && lex::integer(&item.text).is_none() {
            return Err(r.unreadable(field, &item.text, "a bus number"));
        }
        self.bus_of_item(item).ok_or_else(|| {
            let message = format!("a {} record is at bus {}, which the file does not have", r.group.name(), item.text.trim());
            Box::new(Diagnostic::error("RAW.BUS.UNKNOWN", message).hint("add the bus, or correct the number"))
        })
    }

    /// The bus of a field that may name one: none when it is left out or 0. One that is unknown is a
    /// finding, and none too.
    fn remote_bus(&mut self, r: &Record<'_>, field: &'static str) -> Result<Option<(BusId, bool)>, Fault> {
        let Some(item) = r.given(field) else { return Ok(None) };
        if item.text.trim().is_empty() || lex::integer(&item.text) == Some(0) {
            return Ok(None);
        }
        if !item.quoted && lex::integer(&item.text).is_none() {
            return Err(r.unreadable(field, &item.text, "a bus number"));
        }
        let found = self.bus_of_item(item);
        if found.is_none() {
            let message = format!(
                "{} of a {} record names bus {}, which the file does not have",
                field.to_uppercase(),
                r.group.name(),
                item.text.trim()
            );
            let finding = Diagnostic::warning("RAW.BUS.REMOTE_UNKNOWN", message).at(&self.at(r.line));
            self.findings.push(finding.detail("The field is taken as not told.").hint("add the bus, or correct the number"));
            let disposition = Disposition::Defaulted { value: "0".into(), reason: "names a bus that the file does not have".into() };
            let at = self.at(r.line);
            self.ledger.record(&format!("{}.{field}", r.group.name()), disposition, Some(&at));
        }
        Ok(found)
    }

    fn remote(&mut self, r: &Record<'_>, field: &'static str) -> Result<Option<BusId>, Fault> {
        Ok(self.remote_bus(r, field)?.map(|(id, _)| id))
    }

    fn number_of(&self, id: BusId) -> u32 {
        self.network.bus(id).transmission.as_ref().map_or(0, |b| b.number)
    }

    fn transmission_bus(&self, id: BusId) -> (u32, u32, u32) {
        self.network.bus(id).transmission.as_ref().map_or((1, 1, 1), |b| (b.area, b.zone, b.owner))
    }

    // ── what all elements need ───────────────────────────────────────────────────────────────────

    fn common(&mut self, kind: ElementKind, name: String, buses: &[BusId], in_service: bool, line: u32) -> Common {
        let base = name.to_lowercase();
        let mut name = base.clone();
        let mut n = 2;
        while !self.names.insert((kind, name.clone())) {
            name = format!("{base}~{n}");
            n += 1;
        }
        let mut common = Common::new(name, 3);
        common.enabled = in_service;
        common.terminals = buses.iter().map(|bus| Terminal::new(*bus, vec![1, 2, 3])).collect();
        common.source = self.at(line);
        common
    }

    /// Notes a key of a group; the second of its kind is refused.
    fn first_of(&mut self, r: &Record<'_>, key: String, what: &str) -> Result<(), Fault> {
        if self.seen.insert((r.group, key)) { Ok(()) } else { Err(duplicate(r, what)) }
    }

    /// Owners and shares; the first defaults to the owner of the bus.
    fn owners(&self, r: &Record<'_>, bus: BusId) -> Result<Vec<Ownership>, Fault> {
        const FIELDS: [(&str, &str); 4] = [("o1", "f1"), ("o2", "f2"), ("o3", "f3"), ("o4", "f4")];
        let mut owners = Vec::new();
        for (i, (o, f)) in FIELDS.into_iter().enumerate() {
            let owner = match r.given(o) {
                Some(_) => r.count(o, 0)?,
                None if i == 0 => r.count(o, self.transmission_bus(bus).2)?,
                None => 0,
            };
            if owner != 0 {
                let share = if r.given(f).is_some() { r.real(f, 1.0)? } else { 1.0 };
                owners.push(Ownership { owner, share });
            }
        }
        Ok(owners)
    }

    fn ratings(&self, r: &Record<'_>, fields: impl Iterator<Item = &'static str>) -> Result<Vec<f64>, Fault> {
        let mut ratings = Vec::with_capacity(12);
        for field in fields {
            // Ratings left out are none: not a default to be told of.
            ratings.push(if r.given(field).is_some() { r.real(field, 0.0)? } else { 0.0 });
        }
        Ok(shorten_ratings(ratings))
    }

    fn metered(&self, r: &Record<'_>, field: &'static str, by_sign: bool, default: u32) -> Result<MeteredEnd, Fault> {
        if by_sign {
            return Ok(MeteredEnd::To);
        }
        Ok(match r.count(field, default)? {
            0 | 1 => MeteredEnd::From,
            2 => MeteredEnd::To,
            _ => MeteredEnd::Tertiary,
        })
    }

    // ── shunt elements ───────────────────────────────────────────────────────────────────────────

    fn load(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let (bus, _) = self.required_bus(r, "ibus")?;
        let id = r.id("loadid");
        let number = self.number_of(bus);
        let (area, zone, owner) = self.transmission_bus(bus);
        let in_service = r.flag("stat", true)?;
        let load = PowerLoad {
            common: Common::new("", 3),
            label: r.text("name"),
            in_service,
            area: r.count("area", area)?,
            zone: r.count("zone", zone)?,
            p_mw: r.real("pl", 0.0)?,
            q_mvar: r.real("ql", 0.0)?,
            p_current_mw: r.real("ip", 0.0)?,
            q_current_mvar: r.real("iq", 0.0)?,
            p_admittance_mw: r.real("yp", 0.0)?,
            q_admittance_mvar: r.real("yq", 0.0)?,
            owner: r.count("owner", owner)?,
            scalable: r.flag("scale", true)?,
            interruptible: r.flag("intrpt", false)?,
            dg_p_mw: r.real("dgenp", 0.0)?,
            dg_q_mvar: r.real("dgenq", 0.0)?,
            dg_in_service: r.flag("dgenm", false)?,
            load_type: r.text("loadtype"),
            id: id.clone(),
        };
        self.first_of(r, format!("{number}-{id}"), &format!("load {id} at bus {number}"))?;
        let common = self.common(ElementKind::PowerLoad, format!("{number}-{}", slug(&id)), &[bus], in_service, r.line);
        self.network.add(PowerLoad { common, ..load });
        Ok(())
    }

    fn fixed_shunt(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let (bus, _) = self.required_bus(r, "ibus")?;
        let id = r.id("shntid");
        let number = self.number_of(bus);
        let in_service = r.flag("stat", true)?;
        let (g_mw, b_mvar) = (r.real("gl", 0.0)?, r.real("bl", 0.0)?);
        self.first_of(r, format!("{number}-{id}"), &format!("fixed shunt {id} at bus {number}"))?;
        let common = self.common(ElementKind::FixedShunt, format!("{number}-{}", slug(&id)), &[bus], in_service, r.line);
        self.network.add(FixedShunt { common, id, label: r.text("name"), in_service, g_mw, b_mvar });
        Ok(())
    }

    fn machine(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let (bus, _) = self.required_bus(r, "ibus")?;
        let id = r.id("machid");
        let number = self.number_of(bus);
        let in_service = r.flag("stat", true)?;
        let machine = Machine {
            common: Common::new("", 3),
            label: r.text("name"),
            in_service,
            p_mw: r.real("pg", 0.0)?,
            q_mvar: r.real("qg", 0.0)?,
            q_max_mvar: r.real("qt", 9999.0)?,
            q_min_mvar: r.real("qb", -9999.0)?,
            v_set_pu: r.real("vs", 1.0)?,
            regulated_bus: self.remote(r, "ireg")?,
            regulated_node: r.count("nreg", 0)?,
            base_mva: r.real("mbase", self.case.s_base_mva)?,
            z_source_pu: Complex64::new(r.real("zr", 0.0)?, r.real("zx", 1.0)?),
            z_step_up_pu: Complex64::new(r.real("rt", 0.0)?, r.real("xt", 0.0)?),
            step_up_ratio: r.real("gtap", 1.0)?,
            share_pct: r.real("rmpct", 100.0)?,
            p_max_mw: r.real("pt", 9999.0)?,
            p_min_mw: r.real("pb", -9999.0)?,
            base_load: r.int32("baslod", 0)?,
            owners: self.owners(r, bus)?,
            wind_mode: r.int32("wmod", 0)?,
            wind_power_factor: r.real("wpf", 1.0)?,
            droop: r.text("droopname"),
            id: id.clone(),
        };
        self.first_of(r, format!("{number}-{id}"), &format!("machine {id} at bus {number}"))?;
        let common = self.common(ElementKind::Machine, format!("{number}-{}", slug(&id)), &[bus], in_service, r.line);
        self.network.add(Machine { common, ..machine });
        Ok(())
    }

    fn switched_shunt(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        const BLOCKS: [(&str, &str, &str); 8] = [
            ("s1", "n1", "b1"),
            ("s2", "n2", "b2"),
            ("s3", "n3", "b3"),
            ("s4", "n4", "b4"),
            ("s5", "n5", "b5"),
            ("s6", "n6", "b6"),
            ("s7", "n7", "b7"),
            ("s8", "n8", "b8"),
        ];
        let (bus, _) = self.required_bus(r, "ibus")?;
        let id = r.id("shntid");
        let number = self.number_of(bus);
        let in_service = r.flag("stat", true)?;
        let mode = match r.int32("modsw", 1)? {
            0 => SwitchedShuntMode::Locked,
            1 => SwitchedShuntMode::DiscreteVoltage,
            2 => SwitchedShuntMode::ContinuousVoltage,
            other => SwitchedShuntMode::Other(other),
        };
        let mut blocks = Vec::new();
        for (s, n, b) in BLOCKS {
            let told = |field| r.given(field).is_some();
            if !told(n) && !told(b) {
                break;
            }
            let block =
                ShuntBlock { in_service: if told(s) { r.flag(s, true)? } else { true }, n_steps: r.count(n, 0)?, b_mvar: r.real(b, 0.0)? };
            if block.n_steps == 0 && block.b_mvar == 0.0 {
                break;
            }
            blocks.push(block);
        }
        let shunt = SwitchedShunt {
            common: Common::new("", 3),
            label: r.text("name"),
            in_service,
            mode,
            adjustment: r.int32("adjm", 0)?,
            v_high_pu: r.real("vswhi", 1.0)?,
            v_low_pu: r.real("vswlo", 1.0)?,
            regulated_bus: self.remote(r, "swreg")?,
            regulated_node: r.count("nreg", 0)?,
            share_pct: r.real("rmpct", 100.0)?,
            remote_id: r.text("rmidnt"),
            b_mvar: r.real("binit", 0.0)?,
            blocks,
            id: id.clone(),
        };
        self.first_of(r, format!("{number}-{id}"), &format!("switched shunt {id} at bus {number}"))?;
        let common = self.common(ElementKind::SwitchedShunt, format!("{number}-{}", slug(&id)), &[bus], in_service, r.line);
        self.network.add(SwitchedShunt { common, ..shunt });
        Ok(())
    }

    fn motor(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let (bus, _) = self.required_bus(r, "ibus")?;
        let id = r.id("imid");
        let number = self.number_of(bus);
        let (area, zone, owner) = self.transmission_bus(bus);
        let in_service = r.flag("stat", true)?;
        let kv = self.network.bus(bus).transmission.as_ref().map_or(0.0, |b| b.kv_base_ll);
        let motor = PowerMotor {
            common: Common::new("", 3),
            in_service,
            scale_code: r.int32("sc", 1)?,
            design: r.int32("dc", 2)?,
            area: r.count("area", area)?,
            zone: r.count("zone", zone)?,
            owner: r.count("owner", owner)?,
            label: r.text("name"),
            torque_code: r.int32("tc", 1)?,
            base_code: r.int32("bc", 1)?,
            base_mva: r.real("mbase", self.case.s_base_mva)?,
            kv_rated: r.real("ratekv", kv)?,
            power_code: r.int32("pc", 1)?,
            p_set: r.real("pset", 0.0)?,
            h_s: r.real("hconst", 1.0)?,
            load_a: r.real("aconst", 1.0)?,
            load_b: r.real("bconst", 1.0)?,
            load_d: r.real("dconst", 1.0)?,
            load_e: r.real("econst", 1.0)?,
            r_a_pu: r.real("ra", 0.0)?,
            x_a_pu: r.real("xa", 0.0)?,
            x_m_pu: r.real("xm", 2.5)?,
            r_1_pu: r.real("r1", 999.0)?,
            x_1_pu: r.real("x1", 999.0)?,
            r_2_pu: r.real("r2", 999.0)?,
            x_2_pu: r.real("x2", 999.0)?,
            x_3_pu: r.real("x3", 0.0)?,
            saturation: [
                r.real("e1", 1.0)?,
                r.real("se1", 0.0)?,
                r.real("e2", 1.2)?,
                r.real("se2", 0.0)?,
                r.real("ia1", 0.0)?,
                r.real("ia2", 0.0)?,
                r.real("xamult", 1.0)?,
            ],
            id: id.clone(),
        };
        self.first_of(r, format!("{number}-{id}"), &format!("induction machine {id} at bus {number}"))?;
        let common = self.common(ElementKind::PowerMotor, format!("{number}-{}", slug(&id)), &[bus], in_service, r.line);
        self.network.add(PowerMotor { common, ..motor });
        Ok(())
    }

    // ── branches ─────────────────────────────────────────────────────────────────────────────────

    /// Both ends of a branch, and whether a minus marks the second as metered.
    fn ends(&self, r: &Record<'_>) -> Result<(BusId, BusId, bool), Fault> {
        let (from, _) = self.required_bus(r, "ibus")?;
        let (to, to_metered) = self.required_bus(r, "jbus")?;
        if from == to {
            let message = format!("a {} record joins bus {} to itself", r.group.name(), self.number_of(from));
            return Err(Box::new(Diagnostic::error("RAW.BRANCH.SAME_BUS", message).hint("correct one of its bus numbers")));
        }
        Ok((from, to, to_metered))
    }

    /// A key that is the same from both ends.
    fn pair_key(&self, from: BusId, to: BusId, circuit: &str) -> String {
        let (a, b) = (self.number_of(from), self.number_of(to));
        format!("{}-{}-{circuit}", a.min(b), a.max(b))
    }

    fn branch(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let (from, to, to_metered) = self.ends(r)?;
        let circuit = r.id("ckt");
        if r.has("ratio") {
            let (ratio, angle) = (r.real("ratio", 0.0)?, r.real("angle", 0.0)?);
            if ratio != 0.0 || angle != 0.0 {
                return self.old_transformer(r, (from, to, to_metered), circuit, ratio, angle);
            }
        }
        let in_service = r.flag("stat", true)?;
        if r.given("bypass").is_some() && r.integer("bypass", 0)? != 0 {
            let finding =
                Diagnostic::warning("RAW.BRANCH.BYPASS", "the value between STAT and MET of a branch is set").at(&self.at(r.line));
            let finding = finding.detail("Version 36 writes it and does not name it; it is taken for a bypass and has no effect here.");
            self.findings.push(finding.hint("if the branch is bypassed, write its impedance as zero"));
        }
        let branch = AcBranch {
            common: Common::new("", 3),
            label: r.text("name"),
            r_pu: r.real("rpu", 0.0)?,
            x_pu: r.real("xpu", 0.0)?,
            b_pu: r.real("bpu", 0.0)?,
            y_from_pu: Complex64::new(r.real("gi", 0.0)?, r.real("bi", 0.0)?),
            y_to_pu: Complex64::new(r.real("gj", 0.0)?, r.real("bj", 0.0)?),
            ratings_mva: self.ratings(r, layout::rates())?,
            in_service,
            metered: self.metered(r, "met", to_metered, 1)?,
            length: r.real("len", 0.0)?,
            owners: self.owners(r, from)?,
            // A mark before the circuit makes a zero-impedance device of a branch.
            switching: match circuit.as_bytes().first() {
                Some(b'@') => Some(SwitchingDevice::Breaker),
                Some(b'*') => Some(SwitchingDevice::Disconnect),
                _ => None,
            },
            normally_closed: true,
            rating_set: String::new(),
            circuit: circuit.clone(),
        };
        self.add_branch(r, branch, from, to, in_service)
    }

    fn add_branch(&mut self, r: &Record<'_>, mut branch: AcBranch, from: BusId, to: BusId, in_service: bool) -> Result<(), Fault> {
        let (i, j) = (self.number_of(from), self.number_of(to));
        let circuit = self.free_circuit(r, &branch.circuit, &format!("branch {i}-{j}"), |s, c| s.pair_key(from, to, c))?;
        branch.circuit.clone_from(&circuit);
        let common = self.common(ElementKind::AcBranch, format!("{i}-{j}-{}", slug(&circuit)), &[from, to], in_service, r.line);
        self.network.add(AcBranch { common, ..branch });
        Ok(())
    }

    /// The circuit of a branch, or a free one where a parallel branch has it already. Files of solved
    /// cases hold parallel circuits under one identifier, and are right only with all of them.
    fn free_circuit(&mut self, r: &Record<'_>, circuit: &str, what: &str, key: impl Fn(&Self, &str) -> String) -> Result<String, Fault> {
        let first = key(self, circuit);
        if self.seen.insert((r.group, first)) {
            return Ok(circuit.to_owned());
        }
        let free = (2..100).map(|n| n.to_string()).find(|n| self.seen.insert((r.group, key(self, n))));
        let Some(free) = free else { return Err(duplicate(r, &format!("{what} circuit {circuit}"))) };
        let finding = Diagnostic::warning("RAW.BRANCH.DUPLICATE", format!("{what} has two circuits {circuit}")).at(&self.at(r.line));
        let finding = finding.detail(format!("Both are used; this one is called circuit {free}."));
        self.findings.push(finding.hint("give it a circuit of its own, or remove it if it is a copy"));
        let at = self.at(r.line);
        let formula = "the next free number, where a parallel branch has the same".to_owned();
        self.ledger.record(&format!("{}.ckt", r.group.name()), Disposition::Converted { formula }, Some(&at));
        Ok(free)
    }

    fn switching_device(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let (from, to, to_metered) = self.ends(r)?;
        let circuit = r.id("ckt");
        let in_service = r.flag("stat", true)?;
        let rating_set = r.text("rsetnam");
        let mut ratings_mva = self.ratings(r, layout::rates())?;
        if !rating_set.is_empty() {
            match self.rating_sets.get(&rating_set.to_uppercase()) {
                Some(ratings) => ratings_mva.clone_from(ratings),
                None => {
                    let finding =
                        Diagnostic::warning("RAW.BRANCH.NO_RATING_SET", format!("the set of ratings \"{rating_set}\" is not in the file"));
                    let finding = finding.at(&self.at(r.line)).detail("The device has no ratings.");
                    self.findings.push(finding.hint("add the set, or correct its name"));
                }
            }
        }
        let branch = AcBranch {
            common: Common::new("", 3),
            label: r.text("name"),
            r_pu: 0.0,
            x_pu: r.real("xpu", DEFAULT_ZERO_IMPEDANCE_PU)?,
            b_pu: 0.0,
            y_from_pu: Complex64::ZERO,
            y_to_pu: Complex64::ZERO,
            ratings_mva,
            in_service,
            metered: self.metered(r, "met", to_metered, 1)?,
            length: 0.0,
            owners: Vec::new(),
            switching: Some(match r.count("stype", 1)? {
                1 => SwitchingDevice::Generic,
                2 => SwitchingDevice::Breaker,
                3 => SwitchingDevice::Disconnect,
                other => SwitchingDevice::Other(other),
            }),
            normally_closed: r.flag("nstat", true)?,
            rating_set,
            circuit,
        };
        self.add_branch(r, branch, from, to, in_service)
    }

    fn rating_set(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let ratings = self.ratings(r, layout::rates())?;
        self.rating_sets.insert(r.text("name").to_uppercase(), ratings);
        Ok(())
    }

    /// A branch record of version 23 with a ratio or an angle is a transformer, its tap at bus I.
    fn old_transformer(
        &mut self,
        r: &Record<'_>,
        (from, to, to_metered): (BusId, BusId, bool),
        circuit: String,
        ratio: f64,
        angle: f64,
    ) -> Result<(), Fault> {
        let unsupported = ["gi", "bi", "gj", "bj", "bpu"];
        for field in unsupported {
            if r.real(field, 0.0)? != 0.0 {
                let message = format!("{} of a transformer in the branch group has no place in the model", field.to_uppercase());
                let fault = Diagnostic::error("RAW.BRANCH.TRANSFORMER_SHUNT", message);
                return Err(Box::new(fault.hint("write the case in version 29 or later, or put the shunt at the bus")));
            }
        }
        let in_service = r.flag("stat", true)?;
        let s_base = self.case.s_base_mva;
        let impedance = PairImpedance { r: r.real("rpu", 0.0)?, x: r.real("xpu", 0.0)?, s_base_mva: s_base };
        let mut first = default_winding();
        first.ratio = if ratio == 0.0 { 1.0 } else { ratio };
        first.angle_deg = angle;
        first.ratings_mva = self.ratings(r, ["rate1", "rate2", "rate3"].into_iter())?;
        if first.ratio < 0.0 {
            return Err(r.out_of_range("ratio", &ratio.to_string(), "zero or more"));
        }
        let transformer = PowerTransformer {
            common: Common::new("", 3),
            circuit: circuit.clone(),
            label: String::new(),
            ratio_code: RatioCode::BusBase,
            impedance_code: ImpedanceCode::SystemBase,
            magnetising_code: MagnetisingCode::SystemBase,
            mag1: 0.0,
            mag2: 0.0,
            metered: if to_metered { MeteredEnd::To } else { MeteredEnd::From },
            status: if in_service { TransformerStatus::In } else { TransformerStatus::Out },
            owners: self.owners(r, from)?,
            vector_group: String::new(),
            correct_pairs: false,
            impedances: vec![impedance],
            v_star_pu: 1.0,
            angle_star_deg: 0.0,
            windings: vec![first, default_winding()],
        };
        let (i, j) = (self.number_of(from), self.number_of(to));
        let key = self.pair_key(from, to, &circuit);
        self.first_of(r, key.clone(), &format!("branch {i}-{j} circuit {circuit}"))?;
        let common = self.common(ElementKind::PowerTransformer, format!("{i}-{j}-{}", slug(&circuit)), &[from, to], in_service, r.line);
        self.old_transformers.insert(key, self.network.power_transformers.len());
        self.network.add(PowerTransformer { common, ..transformer });
        let formula = "transformer of two windings, RATIO and ANGLE at winding 1, impedance on the system base".to_owned();
        let at = self.at(r.line);
        self.ledger.record("branch.ratio, angle", Disposition::Converted { formula }, Some(&at));
        Ok(())
    }

    /// Controls of transformers in version 23.
    fn transformer_adjustment(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let (from, to, _) = self.ends(r)?;
        let circuit = r.id("ckt");
        let wanted = self.pair_key(from, to, &circuit);
        let Some(found) = self.old_transformers.get(&wanted).copied() else {
            let message = format!("no transformer {}-{} circuit {circuit} is there to adjust", self.number_of(from), self.number_of(to));
            return Err(Box::new(Diagnostic::error("RAW.TRANSFORMER.UNKNOWN", message).hint("correct its buses or circuit")));
        };
        let controlled = self.remote_bus(r, "icont")?;
        let (max, min) = (r.real("rma", 1.1)?, r.real("rmi", 0.9)?);
        let (band_max, band_min) = (r.real("vma", 1.1)?, r.real("vmi", 0.9)?);
        let (step, table) = (r.real("step", 0.00625)?, r.count("table", 0)?);
        let Some(winding) = self.network.power_transformers.get_mut(found).and_then(|t| t.windings.first_mut()) else { return Ok(()) };
        // The angle's limits are degrees beyond any ratio.
        let shifts = max.abs() > 2.0 || min.abs() > 2.0;
        winding.control.mode = match (controlled.is_some(), shifts) {
            (_, true) => WindingControlMode::ActiveFlow,
            (true, false) => WindingControlMode::Voltage,
            (false, false) => WindingControlMode::Fixed,
        };
        winding.control.bus = controlled.map(|(bus, _)| bus);
        winding.control.on_tapped_side = controlled.is_some_and(|(_, negative)| negative);
        (winding.control.max, winding.control.min, winding.control.band_max, winding.control.band_min) = (max, min, band_max, band_min);
        winding.correction = table;
        let positions = if step > 0.0 && max > min { ((max - min) / step).round() + 1.0 } else { 33.0 };
        winding.control.n_positions = if positions < 10_000.0 { positions as u32 } else { 33 };
        let formula = "control of winding 1; positions = (RMA - RMI) / STEP + 1".to_owned();
        let at = self.at(r.line);
        self.ledger.record("transformer adjustment.step", Disposition::Converted { formula }, Some(&at));
        Ok(())
    }

    fn transformer(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let (from, to, to_metered) = self.ends(r)?;
        let third = match r.given("kbus").filter(|k| !k.text.trim().is_empty() && lex::integer(&k.text) != Some(0)) {
            Some(_) => Some(self.required_bus(r, "kbus")?.0),
            None => None,
        };
        if third.is_some_and(|k| k == from || k == to) {
            let message = "a transformer record names one bus for two windings";
            return Err(Box::new(Diagnostic::error("RAW.BRANCH.SAME_BUS", message).hint("correct one of its bus numbers")));
        }
        let buses: Vec<BusId> = [Some(from), Some(to), third].into_iter().flatten().collect();
        let n = buses.len();
        let circuit = r.id("ckt");
        let ratio_code = match r.code("cw", 1, 1..=3)? {
            2 => RatioCode::Kilovolt,
            3 => RatioCode::NominalVoltage,
            _ => RatioCode::BusBase,
        };
        let impedance_code = match r.code("cz", 1, 1..=3)? {
            2 => ImpedanceCode::WindingBase,
            3 => ImpedanceCode::LossAndMagnitude,
            _ => ImpedanceCode::SystemBase,
        };
        let magnetising_code = match r.code("cm", 1, 1..=2)? {
            2 => MagnetisingCode::LossAndCurrent,
            _ => MagnetisingCode::SystemBase,
        };
        let (mag1, mag2) = (r.real("mag1", 0.0)?, r.real("mag2", 0.0)?);
        let metered = self.metered(r, "nmet", to_metered, 2)?;
        let status = match r.code("stat", 1, 0..=if n == 3 { 4 } else { 1 })? {
            0 => TransformerStatus::Out,
            2 => TransformerStatus::WindingOut(2),
            3 => TransformerStatus::WindingOut(3),
            4 => TransformerStatus::WindingOut(1),
            _ => TransformerStatus::In,
        };
        let s_base = self.case.s_base_mva;
        const PAIRS: [(&str, &str, &str); 3] = [("r1_2", "x1_2", "sbase1_2"), ("r2_3", "x2_3", "sbase2_3"), ("r3_1", "x3_1", "sbase3_1")];
        let mut impedances = Vec::with_capacity(3);
        for (r_field, x_field, s_field) in PAIRS.into_iter().take(if n == 3 { 3 } else { 1 }) {
            if r.given(x_field).is_none() {
                let message = format!("a transformer record does not say {}", x_field.to_uppercase());
                return Err(Box::new(Diagnostic::error("RAW.FIELD.MISSING", message).hint("complete the record")));
            }
            let s_base_mva = r.real_not_negative(s_field, s_base)?;
            let s_base_mva = if s_base_mva == 0.0 { s_base } else { s_base_mva };
            impedances.push(PairImpedance { r: r.real(r_field, 0.0)?, x: r.real(x_field, 0.0)?, s_base_mva });
        }
        let (v_star_pu, angle_star_deg) = if n == 3 { (r.real("vmstar", 1.0)?, r.real("anstar", 0.0)?) } else { (1.0, 0.0) };
        let mut windings = Vec::with_capacity(n);
        for (w, bus) in buses.iter().enumerate() {
            windings.push(self.winding(r, w, *bus, ratio_code, n == 3)?);
        }
        let transformer = PowerTransformer {
            common: Common::new("", 3),
            label: r.text("name"),
            ratio_code,
            impedance_code,
            magnetising_code,
            mag1,
            mag2,
            metered,
            status,
            owners: self.owners(r, from)?,
            vector_group: r.text("vecgrp"),
            correct_pairs: if n == 3 { r.flag("zcod", false)? } else { false },
            impedances,
            v_star_pu,
            angle_star_deg,
            windings,
            circuit: String::new(),
        };
        let numbers: Vec<u32> = buses.iter().map(|b| self.number_of(*b)).collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        let join = |numbers: &[u32]| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join("-");
        let circuit =
            self.free_circuit(r, &circuit, &format!("transformer {}", join(&numbers)), |_, c| format!("{}-{c}", join(&sorted)))?;
        let in_service = status != TransformerStatus::Out;
        let name = format!("{}-{}", join(&numbers), slug(&circuit));
        let common = self.common(ElementKind::PowerTransformer, name, &buses, in_service, r.line);
        self.network.add(PowerTransformer { common, circuit, ..transformer });
        Ok(())
    }

    /// Winding `w` (from 0). Of the second of two windings only ratio and nominal voltage are written.
    fn winding(&mut self, r: &Record<'_>, w: usize, bus: BusId, code: RatioCode, three: bool) -> Result<PowerWinding, Fault> {
        struct Fields {
            ratio: &'static str,
            kv: &'static str,
            angle: &'static str,
            mode: &'static str,
            bus: &'static str,
            node: &'static str,
            limits: [&'static str; 4],
            positions: &'static str,
            table: &'static str,
            compensation: [&'static str; 2],
            connection: &'static str,
        }
        macro_rules! fields {
            ($n:literal) => {
                Fields {
                    ratio: concat!("windv", $n),
                    kv: concat!("nomv", $n),
                    angle: concat!("ang", $n),
                    mode: concat!("cod", $n),
                    bus: concat!("cont", $n),
                    node: concat!("node", $n),
                    limits: [concat!("rma", $n), concat!("rmi", $n), concat!("vma", $n), concat!("vmi", $n)],
                    positions: concat!("ntp", $n),
                    table: concat!("tab", $n),
                    compensation: [concat!("cr", $n), concat!("cx", $n)],
                    connection: concat!("cnxa", $n),
                }
            };
        }
        const FIELDS: [Fields; 3] = [fields!(1), fields!(2), fields!(3)];
        let mut winding = default_winding();
        let Some(f) = FIELDS.get(w) else { return Ok(winding) };
        let kv_base = self.network.bus(bus).transmission.as_ref().map_or(0.0, |b| b.kv_base_ll);
        let one = if code == RatioCode::Kilovolt { kv_base } else { 1.0 };
        winding.ratio = r.real(f.ratio, one)?;
        if winding.ratio <= 0.0 {
            return Err(r.out_of_range(f.ratio, &winding.ratio.to_string(), "above zero"));
        }
        winding.kv_nominal = r.real_not_negative(f.kv, 0.0)?;
        if w == 1 && !three {
            return Ok(winding);
        }
        winding.angle_deg = r.real(f.angle, 0.0)?;
        winding.ratings_mva = self.ratings(r, layout::winding_rates(w))?;
        let mode = r.code(f.mode, 0, -5..=5)?;
        let control = &mut winding.control;
        control.mode = match mode.abs() {
            1 => WindingControlMode::Voltage,
            2 => WindingControlMode::ReactiveFlow,
            3 => WindingControlMode::ActiveFlow,
            4 => WindingControlMode::DcLine,
            5 => WindingControlMode::AsymmetricActiveFlow,
            _ => WindingControlMode::Fixed,
        };
        control.locked = mode < 0;
        let controlled = self.remote_bus(r, f.bus)?;
        control.bus = controlled.map(|(bus, _)| bus);
        control.on_tapped_side = controlled.is_some_and(|(_, negative)| negative);
        control.node = r.count(f.node, 0)?;
        let [max, min, band_max, band_min] = f.limits;
        control.max = r.real(max, 1.1)?;
        control.min = r.real(min, 0.9)?;
        control.band_max = r.real(band_max, 1.1)?;
        control.band_min = r.real(band_min, 0.9)?;
        control.n_positions = r.count(f.positions, 33)?;
        winding.correction = r.count(f.table, 0)?;
        control.compensation_pu = Complex64::new(r.real(f.compensation[0], 0.0)?, r.real(f.compensation[1], 0.0)?);
        control.connection_angle_deg = r.real(f.connection, 0.0)?;
        Ok(winding)
    }

    // ── direct current and power electronics ─────────────────────────────────────────────────────

    /// A name that stands for a whole device; older versions number it.
    fn device_name(&mut self, r: &Record<'_>) -> Result<String, Fault> {
        let name = r.text("name");
        self.first_of(r, name.to_uppercase(), &format!("{} \"{name}\"", r.group.name()))?;
        Ok(name)
    }

    fn two_terminal_dc(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let (rectifier_bus, _) = self.required_bus(r, "ipr")?;
        let (inverter_bus, _) = self.required_bus(r, "ipi")?;
        let control = dc_control(r)?;
        let metered = r.text("met").chars().next().map_or('I', |c| c.to_ascii_uppercase());
        let line = TwoTerminalDc {
            common: Common::new("", 3),
            label: String::new(),
            control,
            r_ohm: r.real("rdc", 0.0)?,
            set_point: r.real("setvl", 0.0)?,
            v_schedule_kv: r.real("vschd", 0.0)?,
            v_mode_switch_kv: r.real("vcmod", 0.0)?,
            r_compounding_ohm: r.real("rcomp", 0.0)?,
            current_margin: r.real("delti", 0.0)?,
            metered,
            v_min_kv: r.real("dcvmin", 0.0)?,
            ccc_max_iterations: r.count("cccitmx", 20)?,
            ccc_acceleration: r.real("cccacc", 1.0)?,
            rectifier: self.converter(r, &CONVERTERS[0])?,
            inverter: self.converter(r, &CONVERTERS[1])?,
        };
        let label = self.device_name(r)?;
        let buses = [rectifier_bus, inverter_bus];
        let common = self.common(ElementKind::TwoTerminalDc, slug(&label), &buses, control != DcControl::Blocked, r.line);
        self.network.add(TwoTerminalDc { common, label, ..line });
        Ok(())
    }

    fn converter(&mut self, r: &Record<'_>, f: &ConverterFields) -> Result<LccConverter, Fault> {
        let (from, to) = match f.transformer {
            Some((from, to, _)) => (self.remote(r, from)?, self.remote(r, to)?),
            None => (None, None),
        };
        let circuit = f.transformer.map(|(_, _, id)| r.text(id)).filter(|id| !id.is_empty()).unwrap_or_else(|| "1".into());
        Ok(LccConverter {
            n_bridges: r.count(f.bridges, 0)?,
            angle_max_deg: r.real(f.angles[0], 0.0)?,
            angle_min_deg: r.real(f.angles[1], 0.0)?,
            r_ohm: r.real(f.impedance[0], 0.0)?,
            x_ohm: r.real(f.impedance[1], 0.0)?,
            kv_base: r.real(f.kv, 0.0)?,
            transformer_ratio: r.real(f.ratio, 1.0)?,
            tap: r.real(f.taps[0], 1.0)?,
            tap_max: r.real(f.taps[1], 1.5)?,
            tap_min: r.real(f.taps[2], 0.51)?,
            tap_step: r.real(f.taps[3], 0.00625)?,
            firing_bus: if f.firing.is_empty() { None } else { self.remote(r, f.firing)? },
            firing_node: if f.node.is_empty() { 0 } else { r.count(f.node, 0)? },
            transformer: from.zip(to).map(|(from, to)| (from, to, circuit)),
            x_capacitor_ohm: if f.capacitor.is_empty() { 0.0 } else { r.real(f.capacitor, 0.0)? },
        })
    }

    fn vsc_dc(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let (first, _) = self.required_bus(r, "ibus1")?;
        let (second, _) = self.required_bus(r, "ibus2")?;
        let in_service = r.flag("mdc", true)?;
        let r_ohm = r.real("rdc", 0.0)?;
        let owners = self.owners(r, first)?;
        let converters = [self.vsc_converter(r, &VSC[0])?, self.vsc_converter(r, &VSC[1])?];
        let label = self.device_name(r)?;
        let common = self.common(ElementKind::VscDc, slug(&label), &[first, second], in_service, r.line);
        self.network.add(VscDc { common, label, in_service, r_ohm, owners, converters });
        Ok(())
    }

    fn vsc_converter(&mut self, r: &Record<'_>, f: &[&'static str; 15]) -> Result<VscConverter, Fault> {
        let [dc_mode, ac_mode, dc_set, ac_set, a_loss, b_loss, min_loss, s_max, i_max, weight, q_max, q_min, bus, node, share] = *f;
        Ok(VscConverter {
            dc_mode: i32::try_from(r.code(dc_mode, 0, 0..=2)?).unwrap_or(0),
            ac_mode: i32::try_from(r.code(ac_mode, 1, 1..=2)?).unwrap_or(1),
            dc_set: r.real(dc_set, 0.0)?,
            ac_set: r.real(ac_set, 1.0)?,
            loss_fixed_kw: r.real(a_loss, 0.0)?,
            loss_kw_per_a: r.real(b_loss, 0.0)?,
            loss_min_kw: r.real(min_loss, 0.0)?,
            s_max_mva: r.real(s_max, 0.0)?,
            i_max_a: r.real(i_max, 0.0)?,
            power_weight: r.real(weight, 1.0)?,
            q_max_mvar: r.real(q_max, 9999.0)?,
            q_min_mvar: r.real(q_min, -9999.0)?,
            regulated_bus: self.remote(r, bus)?,
            regulated_node: r.count(node, 0)?,
            share_pct: r.real(share, 100.0)?,
        })
    }

    fn multi_terminal_dc(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let control = dc_control(r)?;
        let (voltage_bus, negative_voltage_bus) = (self.remote(r, "vconv")?, self.remote(r, "vconvn")?);
        let v_mode_switch_kv = r.real("vcmod", 0.0)?;
        let label = self.device_name(r)?;
        let common = self.common(ElementKind::MultiTerminalDc, slug(&label), &[], control != DcControl::Blocked, r.line);
        self.network.add(MultiTerminalDc {
            common,
            label,
            control,
            voltage_bus,
            v_mode_switch_kv,
            negative_voltage_bus,
            converters: Vec::new(),
            buses: Vec::new(),
            links: Vec::new(),
        });
        Ok(())
    }

    /// The multi-terminal network that the record at a line made, if it did.
    pub fn last_multi_terminal(&self, line: u32) -> Option<usize> {
        let last = self.network.multi_terminal_dcs.len().checked_sub(1)?;
        (self.network.multi_terminal_dcs.get(last)?.common.source.line == line).then_some(last)
    }

    /// Takes a network back of which a part was refused: the rest would not be the network that was meant.
    pub fn drop_multi_terminal(&mut self, index: usize, line: u32, text: &str) {
        let is_last = self.network.multi_terminal_dcs.len() == index + 1;
        if !is_last || self.network.order.last() != Some(&ElementId::new(ElementKind::MultiTerminalDc, index)) {
            return;
        }
        self.network.order.pop();
        let label = self.network.multi_terminal_dcs.pop().map(|d| d.label).unwrap_or_default();
        let finding = Diagnostic::error("RAW.DC.INCOMPLETE", format!("multi-terminal dc network \"{label}\" is not whole"));
        let finding = finding.detail("One of its records was refused, so none of it is used.").hint("mend the refused record");
        self.refuse(Group::MultiTerminalDc, line, text, finding);
    }

    /// The multi-terminal network called so.
    pub fn multi_terminal_named(&self, name: &str) -> Option<usize> {
        self.network.multi_terminal_dcs.iter().position(|d| d.label.eq_ignore_ascii_case(name.trim()))
    }

    fn multi_terminal(&mut self, r: &Record<'_>) -> Result<&mut MultiTerminalDc, Fault> {
        let target = self.multi_terminal_target;
        target.and_then(|i| self.network.multi_terminal_dcs.get_mut(i)).ok_or_else(|| {
            let message = format!("a {} record names no multi-terminal dc network of the file", r.group.name());
            Box::new(Diagnostic::error("RAW.DC.UNKNOWN", message).hint("correct its name"))
        })
    }

    fn multi_terminal_converter(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let (bus, _) = self.required_bus(r, "ib")?;
        let converter = MultiTerminalConverter {
            converter: self.converter(r, &CONVERTERS[2])?,
            set_point: r.real("setvl", 0.0)?,
            participation: r.real("dcpf", 1.0)?,
            margin: r.real("marg", 0.0)?,
            code: r.int32("cnvcod", 1)?,
        };
        let dc = self.multi_terminal(r)?;
        dc.common.terminals.push(Terminal::new(bus, vec![1, 2, 3]));
        dc.converters.push(converter);
        Ok(())
    }

    fn multi_terminal_bus(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let bus = DcBus {
            number: r.count("idc", 0)?,
            ac_bus: self.remote(r, "ib")?,
            area: r.count("area", 1)?,
            zone: r.count("zone", 1)?,
            name: r.text("dcname"),
            second_bus: r.count("idc2", 0)?,
            r_ground_ohm: r.real("rgrnd", 0.0)?,
            owner: r.count("owner", 1)?,
        };
        self.multi_terminal(r)?.buses.push(bus);
        Ok(())
    }

    fn multi_terminal_link(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let to = r.integer("jdc", 0)?;
        let link = DcLink {
            from: r.count("idc", 0)?,
            to: u32::try_from(to.unsigned_abs()).map_err(|_| r.out_of_range("jdc", &to.to_string(), "a dc bus number"))?,
            circuit: r.id("dcckt"),
            metered: if to < 0 { 2 } else { r.count("met", 1)? },
            r_ohm: r.real("rdc", 0.0)?,
            l_mh: r.real("ldc", 0.0)?,
        };
        self.multi_terminal(r)?.links.push(link);
        Ok(())
    }

    fn facts(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let (bus, _) = self.required_bus(r, "ibus")?;
        let second = self.remote_facts_end(r)?;
        let mode = r.int32("mode", 1)?;
        let device = FactsDevice {
            common: Common::new("", 3),
            label: String::new(),
            mode,
            p_mw: r.real("pdes", 0.0)?,
            q_mvar: r.real("qdes", 0.0)?,
            v_set_pu: r.real("vset", 1.0)?,
            shunt_max_mva: r.real("shmx", 9999.0)?,
            bridge_max_mw: r.real("trmx", 9999.0)?,
            v_min_pu: r.real("vtmn", 0.9)?,
            v_max_pu: r.real("vtmx", 1.1)?,
            v_series_max_pu: r.real("vsmx", 1.0)?,
            i_series_max_mva: r.real("imx", 0.0)?,
            x_dummy_pu: r.real("linx", 0.05)?,
            share_pct: r.real("rmpct", 100.0)?,
            owner: r.count("owner", self.transmission_bus(bus).2)?,
            set1: r.real("set1", 0.0)?,
            set2: r.real("set2", 0.0)?,
            v_reference: r.int32("vsref", 0)?,
            regulated_bus: self.remote(r, "fcreg")?,
            regulated_node: r.count("nreg", 0)?,
            master: r.text("mname"),
        };
        let label = self.device_name(r)?;
        let buses: Vec<BusId> = std::iter::once(bus).chain(second).collect();
        let common = self.common(ElementKind::FactsDevice, slug(&label), &buses, mode != 0, r.line);
        self.network.add(FactsDevice { common, label, ..device });
        Ok(())
    }

    /// The far end of a device with a series part.
    fn remote_facts_end(&mut self, r: &Record<'_>) -> Result<Option<BusId>, Fault> {
        match r.given("jbus").filter(|j| !j.text.trim().is_empty() && lex::integer(&j.text) != Some(0)) {
            Some(_) => Ok(Some(self.required_bus(r, "jbus")?.0)),
            None => Ok(None),
        }
    }

    // ── tables ───────────────────────────────────────────────────────────────────────────────────

    fn area(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let area = Area {
            number: r.count("iarea", 0)?,
            swing: self.remote(r, "isw")?,
            p_desired_mw: r.real("pdes", 0.0)?,
            p_tolerance_mw: r.real("ptol", 10.0)?,
            name: r.text("arname"),
        };
        self.first_of(r, area.number.to_string(), &format!("area {}", area.number))?;
        self.case.areas.push(area);
        Ok(())
    }

    fn numbered(&mut self, r: &Record<'_>, number: &'static str, name: &str) -> Result<(), Fault> {
        let numbered = Numbered { number: r.count(number, 0)?, name: r.text(name) };
        self.first_of(r, numbered.number.to_string(), &format!("{} {}", r.group.name(), numbered.number))?;
        match r.group {
            Group::Zone => self.case.zones.push(numbered),
            _ => self.case.owners.push(numbered),
        }
        Ok(())
    }

    fn transfer(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let transfer = AreaTransfer { from: r.count("arfrom", 0)?, to: r.count("arto", 0)?, id: r.id("trid"), p_mw: r.real("ptran", 0.0)? };
        self.case.transfers.push(transfer);
        Ok(())
    }

    /// A table of impedance over tap or angle: a number, then pairs or triples up to one of zeros.
    pub fn correction(&mut self, values: &[Item<'_>], complex: bool, line: u32, text: &str) {
        match self.correction_table(values, complex) {
            Ok(table) => self.add_correction(table, line, text),
            Err(fault) => self.refuse(Group::ImpedanceCorrection, line, text, *fault),
        }
    }

    pub fn add_correction(&mut self, table: ImpedanceCorrection, line: u32, text: &str) {
        let fault = if self.case.corrections.iter().any(|c| c.number == table.number) {
            let message = format!("the file has impedance correction table {} already", table.number);
            Diagnostic::error("RAW.RECORD.DUPLICATE", message).hint("keep one of the two")
        } else if table.points.is_empty() {
            let message = format!("impedance correction table {} is empty", table.number);
            Diagnostic::warning("RAW.CORRECTION.EMPTY", message).hint("give the table its points, or remove it")
        } else if table.points.len() < 2 {
            let message = format!("impedance correction table {} has fewer than two points", table.number);
            Diagnostic::error("RAW.CORRECTION.POINTS", message).hint("give the table at least two points")
        } else if table.points.windows(2).any(|pair| pair[1].0 <= pair[0].0) {
            let message = format!("the points of impedance correction table {} do not ascend", table.number);
            Diagnostic::error("RAW.CORRECTION.POINTS", message).hint("order the points by tap ratio or angle")
        } else {
            self.case.corrections.push(table);
            return;
        };
        self.refuse(Group::ImpedanceCorrection, line, text, fault);
    }

    fn correction_table(&self, values: &[Item<'_>], complex: bool) -> Result<ImpedanceCorrection, Fault> {
        let names = ["i"];
        let record = Record::new(Group::ImpedanceCorrection, &names, values.iter().take(1).cloned().collect(), 0);
        let number = record.count("i", 0)?;
        let mut points = Vec::new();
        let step = if complex { 3 } else { 2 };
        for point in values.get(1..).unwrap_or(&[]).chunks(step) {
            let mut numbers = [0.0; 3];
            for (number, item) in numbers.iter_mut().zip(point) {
                if !item.empty {
                    *number = lex::number(&item.text).ok_or_else(|| record.unreadable("t, f", &item.text, "a number"))?;
                }
            }
            if numbers == [0.0; 3] {
                break;
            }
            points.push((numbers[0], Complex64::new(numbers[1], numbers[2])));
        }
        Ok(ImpedanceCorrection { number, points })
    }

    fn multi_section_line(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        const DUMMIES: [&str; 9] = ["dum1", "dum2", "dum3", "dum4", "dum5", "dum6", "dum7", "dum8", "dum9"];
        let (from, to, to_metered) = self.ends(r)?;
        let id = r.given("mslid").map(|i| i.text.trim().to_owned()).filter(|i| !i.is_empty()).unwrap_or_else(|| "&1".into());
        let metered = self.metered(r, "met", to_metered, 1)?;
        let mut through = Vec::new();
        for field in DUMMIES {
            match r.given(field) {
                Some(item) if lex::integer(&item.text) != Some(0) => through.push(self.required_bus(r, field)?.0),
                _ => break,
            }
        }
        self.first_of(r, self.pair_key(from, to, &id), &format!("multi-section line {id}"))?;
        self.case.multi_section_lines.push(MultiSectionLine { from, to, id, metered, through });
        Ok(())
    }

    fn substation(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let station = SubstationDetail {
            number: r.count("isub", 0)?,
            name: r.text("name"),
            latitude_deg: r.real("lati", 0.0)?,
            longitude_deg: r.real("long", 0.0)?,
            ground_r_ohm: r.real("srg", 0.1)?,
            nodes: Vec::new(),
            switches: Vec::new(),
            terminals: Vec::new(),
        };
        self.first_of(r, station.number.to_string(), &format!("substation {}", station.number))?;
        self.case.substations.push(station);
        Ok(())
    }

    fn station(&mut self, r: &Record<'_>) -> Result<&mut SubstationDetail, Fault> {
        let target = self.substation_target;
        target.and_then(|i| self.case.substations.get_mut(i)).ok_or_else(|| {
            let message = format!("a {} record names no substation of the file", r.group.name());
            Box::new(Diagnostic::error("RAW.SUBSTATION.REFUSED", message).hint("correct its number"))
        })
    }

    fn substation_node(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let bus = self.remote(r, "ibus")?;
        let node = SubstationNode {
            number: r.count("inode", 0)?,
            name: r.text("name"),
            bus,
            in_service: r.flag("stat", true)?,
            v_pu: r.real("vm", 1.0)?,
            angle_deg: r.real("va", 0.0)?,
        };
        self.station(r)?.nodes.push(node);
        Ok(())
    }

    fn substation_switch(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let switch = SubstationSwitch {
            from: r.count("inode", 0)?,
            to: r.count("jnode", 0)?,
            circuit: r.id("swdid"),
            name: r.text("name"),
            device: match r.count("type", 1)? {
                1 => SwitchingDevice::Generic,
                2 => SwitchingDevice::Breaker,
                3 => SwitchingDevice::Disconnect,
                other => SwitchingDevice::Other(other),
            },
            closed: r.flag("stat", true)?,
            normally_closed: r.flag("nstat", true)?,
            x_pu: r.real("xpu", DEFAULT_ZERO_IMPEDANCE_PU)?,
            ratings_mva: self.ratings(r, ["rate1", "rate2", "rate3"].into_iter())?,
        };
        self.station(r)?.switches.push(switch);
        Ok(())
    }

    fn substation_terminal(&mut self, r: &Record<'_>) -> Result<(), Fault> {
        let (bus, to, third) = (self.remote(r, "ibus")?, self.remote(r, "jbus")?, self.remote(r, "kbus")?);
        let terminal = SubstationTerminal { bus, node: r.count("inode", 0)?, equipment: r.text("type"), to, third, id: r.text("eqid") };
        self.station(r)?.terminals.push(terminal);
        Ok(())
    }

    /// The threshold of zero impedance stands in a line of words.
    pub fn system_wide(&mut self, text: &str) {
        let upper = text.to_uppercase();
        if !upper.trim_start().starts_with("GENERAL") {
            return;
        }
        let value = upper
            .split(',')
            .find_map(|part| part.trim().strip_prefix("THRSHZ").map(|rest| rest.trim_start_matches(['=', ' ']).trim().to_owned()));
        if let Some(threshold) = value.and_then(|v| lex::number(&v)).filter(|v| *v >= 0.0) {
            self.case.zero_impedance_pu = threshold;
        }
    }
}

fn duplicate(r: &Record<'_>, what: &str) -> Fault {
    let finding = Diagnostic::error("RAW.RECORD.DUPLICATE", format!("the file has {what} already"));
    Box::new(
        finding.detail(format!("This {} record is not used.", r.group.name())).hint("remove one of the two, or give it another identifier"),
    )
}

fn dc_control(r: &Record<'_>) -> Result<DcControl, Fault> {
    Ok(match r.code("mdc", 0, 0..=2)? {
        1 => DcControl::Power,
        2 => DcControl::Current,
        _ => DcControl::Blocked,
    })
}

/// A winding of which nothing is told.
pub fn default_winding() -> PowerWinding {
    PowerWinding { ratio: 1.0, kv_nominal: 0.0, angle_deg: 0.0, ratings_mva: vec![0.0; 3], control: WindingControl::fixed(), correction: 0 }
}

/// Fields of a line-commutated converter; empty where a record has none.
struct ConverterFields {
    bridges: &'static str,
    angles: [&'static str; 2],
    impedance: [&'static str; 2],
    kv: &'static str,
    ratio: &'static str,
    taps: [&'static str; 4],
    firing: &'static str,
    node: &'static str,
    transformer: Option<(&'static str, &'static str, &'static str)>,
    capacitor: &'static str,
}

const CONVERTERS: [ConverterFields; 3] = [
    ConverterFields {
        bridges: "nbr",
        angles: ["anmxr", "anmnr"],
        impedance: ["rcr", "xcr"],
        kv: "ebasr",
        ratio: "trr",
        taps: ["tapr", "tmxr", "tmnr", "stpr"],
        firing: "icr",
        node: "ndr",
        transformer: Some(("ifr", "itr", "idr")),
        capacitor: "xcapr",
    },
    ConverterFields {
        bridges: "nbi",
        angles: ["anmxi", "anmni"],
        impedance: ["rci", "xci"],
        kv: "ebasi",
        ratio: "tri",
        taps: ["tapi", "tmxi", "tmni", "stpi"],
        firing: "ici",
        node: "ndi",
        transformer: Some(("ifi", "iti", "idi")),
        capacitor: "xcapi",
    },
    ConverterFields {
        bridges: "nbrdg",
        angles: ["angmx", "angmn"],
        impedance: ["rc", "xc"],
        kv: "ebas",
        ratio: "tr",
        taps: ["tap", "tpmx", "tpmn", "tstp"],
        firing: "",
        node: "",
        transformer: None,
        capacitor: "",
    },
];

const VSC: [[&str; 15]; 2] = [
    [
        "type1", "mode1", "dcset1", "acset1", "aloss1", "bloss1", "minloss1", "smax1", "imax1", "pwf1", "maxq1", "minq1", "vsreg1",
        "nreg1", "rmpct1",
    ],
    [
        "type2", "mode2", "dcset2", "acset2", "aloss2", "bloss2", "minloss2", "smax2", "imax2", "pwf2", "maxq2", "minq2", "vsreg2",
        "nreg2", "rmpct2",
    ],
];
