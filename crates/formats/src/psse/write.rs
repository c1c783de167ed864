//! A transmission case as RAW of version 33, 34 or 35.
//!
//! Strict: every group with its terminator, every field of the version's layout, names and
//! identifiers in quotes at their widths, `Q` at the end. Numbers have the fewest digits that read
//! back as the same value, so that a case written and read again solves alike. What a version has no
//! place for is converted or dropped, and the ledger says so.

use super::layout::{self, Group, Layout};
use super::lower::DEFAULT_ZERO_IMPEDANCE_PU;
use network::*;
use num_complex::Complex64;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

/// How a case is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// 33, 34 or 35.
    pub version: u32,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { version: 35 }
    }
}

/// Why a network cannot be written as a transmission case.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", .diagnostics.first().map_or_else(|| "the network cannot be written".to_owned(), ToString::to_string))]
pub struct WriteError {
    pub diagnostics: Vec<Diagnostic>,
}

impl From<Diagnostic> for WriteError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic] }
    }
}

/// Points of an impedance correction table: as many as a version holds.
const MAX_POINTS_33: usize = 11;
const MAX_POINTS: usize = 12;

/// Writes a network as RAW text, and tells what was converted or left out.
///
/// # Errors
/// For another version; for a network that is no transmission case; for values that are not finite.
pub fn write(network: &Network, options: &WriteOptions) -> Result<(String, Ledger), WriteError> {
    if !(33..=35).contains(&options.version) {
        let finding = Diagnostic::error("RAW.WRITE.VERSION", format!("version {} of the format is not written", options.version));
        return Err(finding.hint("write version 33, 34 or 35").into());
    }
    let Some(case) = network.transmission.as_deref() else {
        let finding = Diagnostic::error("RAW.WRITE.NOT_TRANSMISSION", "the network is not a transmission case");
        return Err(finding.hint("only a balanced network can be written as RAW, after it was converted to a transmission case").into());
    };
    if let Some(bus) = network.buses.iter().find(|b| b.transmission.is_none()) {
        let finding = Diagnostic::error("RAW.WRITE.BUS", format!("bus {} has no number in the transmission case", bus.name));
        return Err(finding.hint("give every bus its transmission data").into());
    }
    let mut writer = Writer {
        network,
        case,
        version: options.version,
        text: String::new(),
        ledger: Ledger::default(),
        layouts: HashMap::new(),
        ids: HashSet::new(),
        not_finite: None,
    };
    writer.all();
    if let Some((group, field)) = writer.not_finite {
        let finding = Diagnostic::error(
            "RAW.WRITE.NOT_FINITE",
            format!("{} of a {} record is not a finite number", field.to_uppercase(), group.name()),
        );
        return Err(finding.hint("correct the value: the format has no other").into());
    }
    Ok((writer.text, writer.ledger))
}

/// A value as a record holds it.
trait Field {
    fn write(&self) -> String;
    fn is_finite(&self) -> bool {
        true
    }
}

impl Field for f64 {
    /// The fewest digits that read back as the same value.
    fn write(&self) -> String {
        // A negative zero would read back as itself, and look odd.
        format!("{:?}", if *self == 0.0 { 0.0 } else { *self })
    }
    fn is_finite(&self) -> bool {
        f64::is_finite(*self)
    }
}

macro_rules! plain_fields {
    ($($t:ty),*) => {$(impl Field for $t { fn write(&self) -> String { self.to_string() } })*};
}
plain_fields!(u32, i32, usize);

impl Field for bool {
    fn write(&self) -> String {
        u8::from(*self).to_string()
    }
}

/// Text in quotes, filled with blanks to a width.
struct Quoted<'a>(&'a str, usize);

impl Field for Quoted<'_> {
    fn write(&self) -> String {
        let plain: String = self.0.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let quote = if plain.contains('\'') { '"' } else { '\'' };
        let plain = if quote == '"' { plain.replace('"', " ") } else { plain };
        format!("{quote}{plain:<width$}{quote}", width = self.1)
    }
}

/// A record on its way to the file.
struct Row {
    fields: Vec<(&'static str, String)>,
    not_finite: Option<&'static str>,
}

impl Row {
    fn new() -> Self {
        Self { fields: Vec::with_capacity(48), not_finite: None }
    }

    fn set(&mut self, name: &'static str, value: impl Field) -> &mut Self {
        if !value.is_finite() {
            self.not_finite = Some(name);
        }
        self.fields.push((name, value.write()));
        self
    }

    fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v.as_str())
    }
}

macro_rules! row {
    ($($name:literal: $value:expr),* $(,)?) => {{
        let mut row = Row::new();
        $(row.set($name, $value);)*
        row
    }};
}

struct Writer<'a> {
    network: &'a Network,
    case: &'a TransmissionCase,
    version: u32,
    text: String,
    ledger: Ledger,
    layouts: HashMap<Group, Layout>,
    /// Identifiers in use, by group and buses.
    ids: HashSet<(Group, String)>,
    not_finite: Option<(Group, &'static str)>,
}

impl Writer<'_> {
    fn all(&mut self) {
        let case = self.case;
        let (s, rev) = (case.s_base_mva, self.version);
        let (transformer, branch, frequency) = (case.transformer_rating_code, case.branch_rating_code, case.frequency_hz);
        if !s.is_finite() || !frequency.is_finite() {
            self.not_finite = Some((Group::SystemWide, "sbase"));
        }
        let _ = writeln!(self.text, "0, {s:?}, {rev}, {transformer}, {branch}, {frequency:?} / PSS(R)E-{rev} RAW written by GridTwin");
        for i in 0..2 {
            let title = case.titles.get(i).map_or("", String::as_str);
            let title: String = title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            // A title that begins like a comment of the format would be read as one.
            let title = if title.trim_start().starts_with("@!") { String::new() } else { title };
            let _ = writeln!(self.text, "{}", title.trim_end());
        }
        let order = layout::order(self.version);
        for (i, group) in order.iter().enumerate() {
            self.group(*group);
            match order.get(i + 1) {
                Some(next) => {
                    let _ = writeln!(self.text, "0 / END OF {} DATA, BEGIN {} DATA", group.heading(), next.heading());
                }
                None => {
                    let _ = writeln!(self.text, "0 / END OF {} DATA", group.heading());
                }
            }
        }
        self.text.push_str("Q\n");
        self.kept_elsewhere();
    }

    fn group(&mut self, group: Group) {
        match group {
            Group::SystemWide => self.system_wide(),
            Group::Bus => self.buses(),
            Group::Load => self.loads(),
            Group::FixedShunt => self.fixed_shunts(),
            Group::Generator => self.machines(),
            Group::Branch => self.branches(),
            Group::SwitchingDevice => self.switching_devices(),
            Group::Transformer => self.transformers(),
            Group::Area => self.areas(),
            Group::TwoTerminalDc => self.two_terminal_dcs(),
            Group::VscDc => self.vsc_dcs(),
            Group::ImpedanceCorrection => self.corrections(),
            Group::MultiTerminalDc => self.multi_terminal_dcs(),
            Group::MultiSectionLine => self.multi_section_lines(),
            Group::Zone => self.numbered(Group::Zone),
            Group::Owner => self.numbered(Group::Owner),
            Group::Transfer => self.transfers(),
            Group::Facts => self.facts(),
            Group::SwitchedShunt => self.switched_shunts(),
            Group::Gne => self.kept_lines("gne"),
            Group::InductionMachine => self.motors(),
            Group::Substation => self.substations(),
            _ => {}
        }
    }

    // ── lines ────────────────────────────────────────────────────────────────────────────────────

    /// Writes lines of a record's layout, each with its first `n` fields.
    fn lines(&mut self, group: Group, row: &Row, lines: &[(usize, usize)]) {
        let version = self.version;
        let layout = self.layouts.entry(group).or_insert_with(|| layout::layout(group, version));
        if let Some(field) = row.not_finite {
            self.not_finite.get_or_insert((group, field));
        }
        for (line, n) in lines {
            let fields = layout.lines.get(*line).map_or(&[][..], Vec::as_slice);
            for (i, field) in fields.iter().take(*n).enumerate() {
                self.text.push_str(if i == 0 { "  " } else { ", " });
                self.text.push_str(row.get(field));
            }
            self.text.push('\n');
        }
    }

    fn line(&mut self, group: Group, row: &Row) {
        self.lines(group, row, &[(0, usize::MAX)]);
    }

    fn dropped(&mut self, field: &str, reason: &str, source: &SourceRef) {
        self.ledger.record(field, Disposition::Dropped { reason: reason.to_owned() }, Some(source));
    }

    fn converted(&mut self, field: &str, formula: &str, source: &SourceRef) {
        self.ledger.record(field, Disposition::Converted { formula: formula.to_owned() }, Some(source));
    }

    fn drop_text(&mut self, field: &str, text: &str, since: u32, source: &SourceRef) {
        if self.version < since && !text.is_empty() {
            self.dropped(field, &format!("the format has it from version {since} on"), source);
        }
    }

    fn drop_number(&mut self, field: &str, number: u32, since: u32, source: &SourceRef) {
        if self.version < since && number != 0 {
            self.dropped(field, &format!("the format has it from version {since} on"), source);
        }
    }

    fn number(&self, bus: BusId) -> u32 {
        self.network.bus(bus).transmission.as_ref().map_or(0, |b| b.number)
    }

    fn number_or_0(&self, bus: Option<BusId>) -> u32 {
        bus.map_or(0, |b| self.number(b))
    }

    fn at(&self, common: &Common, terminal: usize) -> u32 {
        common.terminals.get(terminal).map_or(0, |t| self.number(t.bus))
    }

    /// An identifier of at most two characters, unique among those at the same place.
    fn id(&mut self, group: Group, place: &str, id: &str, source: &SourceRef) -> String {
        let short: String = id.trim().chars().take(2).collect();
        let short = if short.is_empty() { "1".to_owned() } else { short };
        let numbers = (1..100).map(|n| n.to_string());
        let free = std::iter::once(short).chain(numbers).find(|id| self.ids.insert((group, format!("{place}-{id}"))));
        let free = free.unwrap_or_else(|| "99".to_owned());
        if free != id.trim() {
            self.converted(&format!("{}.id", group.name()), "an identifier of two characters that is free at its buses", source);
        }
        free
    }

    fn ratings(&mut self, row: &mut Row, ratings: &[f64], names: impl Iterator<Item = &'static str>, field: &str, source: &SourceRef) {
        let n = if self.version >= 34 { 12 } else { 3 };
        for (i, name) in names.take(n).enumerate() {
            row.set(name, ratings.get(i).copied().unwrap_or(0.0));
        }
        if ratings.iter().skip(n).any(|r| *r != 0.0) {
            self.dropped(field, "the version has three ratings; the first three are written", source);
        }
    }

    fn owners(&self, row: &mut Row, owners: &[Ownership]) {
        const FIELDS: [(&str, &str); 4] = [("o1", "f1"), ("o2", "f2"), ("o3", "f3"), ("o4", "f4")];
        for (i, (o, f)) in FIELDS.into_iter().enumerate() {
            let owner = owners.get(i).copied().unwrap_or(Ownership { owner: 0, share: 1.0 });
            row.set(o, owner.owner).set(f, owner.share);
        }
    }

    // ── groups ───────────────────────────────────────────────────────────────────────────────────

    fn kept_lines(&mut self, group: &str) {
        for record in self.case.kept.iter().filter(|k| k.group == group) {
            for line in &record.lines {
                self.text.push_str(line);
                self.text.push('\n');
            }
        }
    }

    fn system_wide(&mut self) {
        self.kept_lines(Group::SystemWide.name());
        let general = |k: &&KeptRecord| {
            k.group == Group::SystemWide.name() && k.lines.iter().any(|l| l.trim_start().to_uppercase().starts_with("GENERAL"))
        };
        let threshold = self.case.zero_impedance_pu;
        if threshold != DEFAULT_ZERO_IMPEDANCE_PU && !self.case.kept.iter().any(|k| general(&k)) {
            let _ = writeln!(self.text, "GENERAL, THRSHZ={threshold:?}");
            self.converted("system-wide.thrshz", "a line of its own", &SourceRef::default());
        }
    }

    /// What the version has no group for.
    fn kept_elsewhere(&mut self) {
        for record in &self.case.kept {
            let written = record.group == "gne" || (record.group == Group::SystemWide.name() && self.version >= 34);
            if !written {
                self.dropped(&record.group, &format!("version {} has no such records", self.version), &record.source);
            }
        }
        if self.version < 34 && self.case.zero_impedance_pu != DEFAULT_ZERO_IMPEDANCE_PU {
            self.dropped("system-wide.thrshz", "version 33 has no such records; its program takes 0.0001", &SourceRef::default());
        }
        if self.version < 34 {
            for station in &self.case.substations {
                let _ = station;
                self.dropped("substation", "version 33 has no such records", &SourceRef::default());
            }
        }
        for id in &self.network.order {
            use ElementKind::*;
            let written = matches!(
                id.kind,
                AcBranch
                    | PowerTransformer
                    | PowerLoad
                    | FixedShunt
                    | Machine
                    | SwitchedShunt
                    | TwoTerminalDc
                    | VscDc
                    | MultiTerminalDc
                    | FactsDevice
                    | PowerMotor
            );
            if !written {
                let common = self.network.common(*id);
                self.dropped(id.kind.class(), "the format has no such element", &common.source);
            }
        }
    }

    fn buses(&mut self) {
        for bus in &self.network.buses {
            let Some(b) = &bus.transmission else { continue };
            let name: String = b.name.chars().take(12).collect();
            if name != b.name {
                self.converted("bus.name", "its first twelve characters", &b.source);
            }
            let kind = match b.kind {
                BusKind::Load => 1u32,
                BusKind::Generator => 2,
                BusKind::Swing => 3,
                BusKind::Isolated => 4,
            };
            let row = row! {
                "ibus": b.number, "name": Quoted(&name, 12), "baskv": b.kv_base_ll, "ide": kind, "area": b.area, "zone": b.zone,
                "owner": b.owner, "vm": b.v_pu, "va": b.angle_deg, "nvhi": b.v_max_normal_pu, "nvlo": b.v_min_normal_pu,
                "evhi": b.v_max_emergency_pu, "evlo": b.v_min_emergency_pu,
            };
            self.line(Group::Bus, &row);
        }
    }

    fn loads(&mut self) {
        for l in &self.network.power_loads {
            let bus = self.at(&l.common, 0);
            let source = &l.common.source;
            let id = self.id(Group::Load, &bus.to_string(), &l.id, source);
            let (mut p, mut q) = (l.p_mw, l.q_mvar);
            let has_dg = l.dg_p_mw != 0.0 || l.dg_q_mvar != 0.0;
            if self.version < 34 && has_dg {
                if l.dg_in_service {
                    (p, q) = (p - l.dg_p_mw, q - l.dg_q_mvar);
                    self.converted("load.dgenp, dgenq", "subtracted from PL, QL: the format has them from version 34 on", source);
                } else {
                    self.dropped("load.dgenp, dgenq", "out of service, and the format has them from version 34 on", source);
                }
            }
            self.drop_text("load.loadtype", &l.load_type, 35, source);
            self.drop_text("load.name", &l.label, 36, source);
            let row = row! {
                "ibus": bus, "loadid": Quoted(&id, 2), "stat": l.in_service && l.common.enabled, "area": l.area, "zone": l.zone,
                "pl": p, "ql": q, "ip": l.p_current_mw, "iq": l.q_current_mvar, "yp": l.p_admittance_mw, "yq": l.q_admittance_mvar,
                "owner": l.owner, "scale": l.scalable, "intrpt": l.interruptible, "dgenp": l.dg_p_mw, "dgenq": l.dg_q_mvar,
                "dgenm": l.dg_in_service, "loadtype": Quoted(&l.load_type, 12),
            };
            self.line(Group::Load, &row);
        }
    }

    fn fixed_shunts(&mut self) {
        for s in &self.network.fixed_shunts {
            let bus = self.at(&s.common, 0);
            let id = self.id(Group::FixedShunt, &bus.to_string(), &s.id, &s.common.source);
            self.drop_text("fixed shunt.name", &s.label, 36, &s.common.source);
            self.fixed_shunt(bus, &id, s.in_service && s.common.enabled, s.g_mw, s.b_mvar);
        }
        // By bus, so that many shunts cost no search for each.
        let mut with_shunt = HashSet::new();
        for s in &self.network.switched_shunts {
            let bus = self.at(&s.common, 0);
            if with_shunt.insert(bus) || self.version >= 35 {
                continue;
            }
            let id = self.id(Group::FixedShunt, &bus.to_string(), &s.id, &s.common.source);
            self.converted("switched shunt", "the second at a bus is written as a fixed shunt of its present admittance", &s.common.source);
            self.fixed_shunt(bus, &id, s.in_service && s.common.enabled, 0.0, s.b_mvar);
        }
    }

    fn fixed_shunt(&mut self, bus: u32, id: &str, in_service: bool, g_mw: f64, b_mvar: f64) {
        let row = row! { "ibus": bus, "shntid": Quoted(id, 2), "stat": in_service, "gl": g_mw, "bl": b_mvar };
        self.line(Group::FixedShunt, &row);
    }

    fn machines(&mut self) {
        for m in &self.network.machines {
            let bus = self.at(&m.common, 0);
            let source = &m.common.source;
            let id = self.id(Group::Generator, &bus.to_string(), &m.id, source);
            self.drop_number("generator.nreg", m.regulated_node, 34, source);
            self.drop_number("generator.baslod", m.base_load.unsigned_abs(), 35, source);
            self.drop_text("generator.droopname", &m.droop, 36, source);
            self.drop_text("generator.name", &m.label, 36, source);
            let mut row = row! {
                "ibus": bus, "machid": Quoted(&id, 2), "pg": m.p_mw, "qg": m.q_mvar, "qt": m.q_max_mvar, "qb": m.q_min_mvar,
                "vs": m.v_set_pu, "ireg": self.number_or_0(m.regulated_bus), "nreg": m.regulated_node, "mbase": m.base_mva,
                "zr": m.z_source_pu.re, "zx": m.z_source_pu.im, "rt": m.z_step_up_pu.re, "xt": m.z_step_up_pu.im,
                "gtap": m.step_up_ratio, "stat": m.in_service && m.common.enabled, "rmpct": m.share_pct, "pt": m.p_max_mw,
                "pb": m.p_min_mw, "baslod": m.base_load, "wmod": m.wind_mode, "wpf": m.wind_power_factor,
            };
            self.owners(&mut row, &m.owners);
            self.line(Group::Generator, &row);
        }
    }

    /// A device of no resistance and charging has a group of its own from version 34 on.
    fn is_switching_device(&self, b: &AcBranch) -> bool {
        let bare = b.r_pu == 0.0 && b.b_pu == 0.0 && b.y_from_pu == Complex64::ZERO && b.y_to_pu == Complex64::ZERO;
        self.version >= 34 && b.switching.is_some() && bare
    }

    fn pair(&self, common: &Common) -> (u32, u32, String) {
        let (i, j) = (self.at(common, 0), self.at(common, 1));
        (i, j, format!("{}-{}", i.min(j), i.max(j)))
    }

    fn metered(end: MeteredEnd) -> u32 {
        match end {
            MeteredEnd::From => 1,
            MeteredEnd::To => 2,
            MeteredEnd::Tertiary => 3,
        }
    }

    fn branches(&mut self) {
        for b in &self.network.ac_branches {
            if self.is_switching_device(b) {
                continue;
            }
            let (i, j, place) = self.pair(&b.common);
            let source = &b.common.source;
            let mut circuit = b.circuit.clone();
            let mut x_pu = b.x_pu;
            if let Some(device) = b.switching {
                let mark = if device == SwitchingDevice::Disconnect { '*' } else { '@' };
                if !circuit.starts_with(['@', '*']) {
                    circuit = format!("{mark}{}", circuit.chars().next().unwrap_or('1'));
                }
                let kept = matches!(device, SwitchingDevice::Breaker | SwitchingDevice::Disconnect) && circuit.starts_with(mark);
                if !kept {
                    self.converted(
                        "system switching device.stype",
                        "a branch whose circuit begins with @ counts as a breaker, with * as a disconnect",
                        source,
                    );
                }
                if x_pu == 0.0 && b.r_pu == 0.0 {
                    x_pu = DEFAULT_ZERO_IMPEDANCE_PU;
                    self.converted("system switching device.x", "0.0001 for 0: a branch has a reactance", source);
                }
                if !b.normally_closed {
                    self.dropped("system switching device.nstat", "the format has it from version 34 on", source);
                }
                self.drop_text("system switching device.rating set", &b.rating_set, 36, source);
            }
            let circuit = self.id(Group::Branch, &place, &circuit, source);
            self.drop_text("branch.name", &b.label, 34, source);
            let mut row = row! {
                "ibus": i, "jbus": j, "ckt": Quoted(&circuit, 2), "rpu": b.r_pu, "xpu": x_pu, "bpu": b.b_pu, "name": Quoted(&b.label, 40),
                "gi": b.y_from_pu.re, "bi": b.y_from_pu.im, "gj": b.y_to_pu.re, "bj": b.y_to_pu.im,
                "stat": b.in_service && b.common.enabled, "met": Self::metered(b.metered), "len": b.length,
            };
            self.ratings(&mut row, &b.ratings_mva, layout::rates(), "branch.ratings", source);
            self.owners(&mut row, &b.owners);
            self.line(Group::Branch, &row);
        }
    }

    fn switching_devices(&mut self) {
        for b in &self.network.ac_branches {
            if !self.is_switching_device(b) {
                continue;
            }
            let (i, j, place) = self.pair(&b.common);
            let source = &b.common.source;
            // Branches and devices share their circuits.
            let circuit = self.id(Group::Branch, &place, &b.circuit, source);
            if !b.owners.is_empty() || b.length != 0.0 {
                self.dropped("branch.owners, length", "a switching device has none from version 34 on", source);
            }
            self.drop_text("system switching device.rating set", &b.rating_set, 36, source);
            let kind = device_number(b.switching.unwrap_or_default());
            let mut row = row! {
                "ibus": i, "jbus": j, "ckt": Quoted(&circuit, 2), "xpu": b.x_pu, "stat": b.in_service && b.common.enabled,
                "nstat": b.normally_closed, "met": Self::metered(b.metered), "stype": kind, "name": Quoted(&b.label, 40),
            };
            self.ratings(&mut row, &b.ratings_mva, layout::rates(), "system switching device.ratings", source);
            self.line(Group::SwitchingDevice, &row);
        }
    }

    fn transformers(&mut self) {
        for t in &self.network.power_transformers {
            let three = t.windings.len() == 3;
            let source = &t.common.source;
            let (i, j, mut place) = self.pair(&t.common);
            let k = if three { self.at(&t.common, 2) } else { 0 };
            if three {
                let mut all = [i, j, k];
                all.sort_unstable();
                place = format!("{}-{}-{}", all[0], all[1], all[2]);
            }
            let circuit = self.id(Group::Transformer, &place, &t.circuit, source);
            let status = match t.status {
                _ if !t.common.enabled => 0u32,
                TransformerStatus::Out => 0,
                TransformerStatus::In => 1,
                TransformerStatus::WindingOut(1) => 4,
                TransformerStatus::WindingOut(w) => u32::from(w),
            };
            let label_width = if self.version >= 34 { 40 } else { 12 };
            let label: String = t.label.chars().take(label_width).collect();
            if label != t.label {
                self.converted("transformer.name", "its first twelve characters: version 33 holds no more", source);
            }
            if t.correct_pairs && self.version < 34 {
                self.dropped("transformer.zcod", "the format has it from version 34 on", source);
            }
            let mut row = row! {
                "ibus": i, "jbus": j, "kbus": k, "ckt": Quoted(&circuit, 2),
                "cw": match t.ratio_code { RatioCode::BusBase => 1u32, RatioCode::Kilovolt => 2, RatioCode::NominalVoltage => 3 },
                "cz": match t.impedance_code { ImpedanceCode::SystemBase => 1u32, ImpedanceCode::WindingBase => 2, ImpedanceCode::LossAndMagnitude => 3 },
                "cm": match t.magnetising_code { MagnetisingCode::SystemBase => 1u32, MagnetisingCode::LossAndCurrent => 2 },
                "mag1": t.mag1, "mag2": t.mag2, "nmet": Self::metered(t.metered), "name": Quoted(&label, label_width), "stat": status,
                "vecgrp": Quoted(&t.vector_group, 12), "zcod": t.correct_pairs, "vmstar": t.v_star_pu, "anstar": t.angle_star_deg,
            };
            self.owners(&mut row, &t.owners);
            const PAIRS: [(&str, &str, &str); 3] =
                [("r1_2", "x1_2", "sbase1_2"), ("r2_3", "x2_3", "sbase2_3"), ("r3_1", "x3_1", "sbase3_1")];
            for (z, (r, x, s)) in t.impedances.iter().zip(PAIRS) {
                row.set(r, z.r).set(x, z.x).set(s, z.s_base_mva);
            }
            for (w, winding) in t.windings.iter().enumerate() {
                self.winding(&mut row, w, winding, source);
            }
            let all = usize::MAX;
            if three {
                self.lines(Group::Transformer, &row, &[(0, all), (1, all), (2, all), (3, all), (4, all)]);
            } else {
                self.lines(Group::Transformer, &row, &[(0, all), (1, 3), (2, all), (3, 2)]);
            }
        }
    }

    fn winding(&mut self, row: &mut Row, w: usize, winding: &PowerWinding, source: &SourceRef) {
        macro_rules! set {
            ($n:literal) => {{
                let c = &winding.control;
                let mode = match c.mode {
                    WindingControlMode::Fixed => 0i32,
                    WindingControlMode::Voltage => 1,
                    WindingControlMode::ReactiveFlow => 2,
                    WindingControlMode::ActiveFlow => 3,
                    WindingControlMode::DcLine => 4,
                    WindingControlMode::AsymmetricActiveFlow => 5,
                };
                // A minus says that the controlled bus lies on the tapped side.
                let number = i32::try_from(self.number_or_0(c.bus)).unwrap_or(0);
                row.set(concat!("windv", $n), winding.ratio)
                    .set(concat!("nomv", $n), winding.kv_nominal)
                    .set(concat!("ang", $n), winding.angle_deg)
                    .set(concat!("cod", $n), if c.locked { -mode } else { mode })
                    .set(concat!("cont", $n), if c.on_tapped_side { -number } else { number })
                    .set(concat!("node", $n), c.node)
                    .set(concat!("rma", $n), c.max)
                    .set(concat!("rmi", $n), c.min)
                    .set(concat!("vma", $n), c.band_max)
                    .set(concat!("vmi", $n), c.band_min)
                    .set(concat!("ntp", $n), c.n_positions)
                    .set(concat!("tab", $n), winding.correction)
                    .set(concat!("cr", $n), c.compensation_pu.re)
                    .set(concat!("cx", $n), c.compensation_pu.im)
                    .set(concat!("cnxa", $n), c.connection_angle_deg);
            }};
        }
        match w {
            0 => set!(1),
            1 => set!(2),
            _ => set!(3),
        }
        self.drop_number("transformer.node", winding.control.node, 34, source);
        self.ratings(row, &winding.ratings_mva, layout::winding_rates(w), "transformer.ratings", source);
    }

    fn areas(&mut self) {
        for a in &self.case.areas {
            let row = row! {
                "iarea": a.number, "isw": self.number_or_0(a.swing), "pdes": a.p_desired_mw, "ptol": a.p_tolerance_mw,
                "arname": Quoted(&a.name, 12),
            };
            self.line(Group::Area, &row);
        }
    }

    fn two_terminal_dcs(&mut self) {
        for d in &self.network.two_terminal_dcs {
            let mut row = row! {
                "name": Quoted(&d.label, 12), "mdc": dc_number(d.control, &d.common), "rdc": d.r_ohm, "setvl": d.set_point,
                "vschd": d.v_schedule_kv, "vcmod": d.v_mode_switch_kv, "rcomp": d.r_compounding_ohm, "delti": d.current_margin,
                "met": Quoted(&d.metered.to_string(), 1), "dcvmin": d.v_min_kv, "cccitmx": d.ccc_max_iterations,
                "cccacc": d.ccc_acceleration,
            };
            macro_rules! converter {
                ($c:expr, $terminal:literal, $bus:literal, $n:literal, $amx:literal, $amn:literal, $r:literal, $x:literal, $kv:literal, $tr:literal,
                 $tap:literal, $tmx:literal, $tmn:literal, $stp:literal, $ic:literal, $nd:literal, $if_:literal, $it:literal, $id:literal, $cap:literal) => {{
                    let c: &LccConverter = $c;
                    let (from, to, id) =
                        c.transformer.as_ref().map_or((0, 0, "1"), |(f, t, id)| (self.number(*f), self.number(*t), id.as_str()));
                    row.set($bus, self.at(&d.common, $terminal)).set($n, c.n_bridges).set($amx, c.angle_max_deg).set($amn, c.angle_min_deg);
                    row.set($r, c.r_ohm).set($x, c.x_ohm).set($kv, c.kv_base).set($tr, c.transformer_ratio).set($tap, c.tap);
                    row.set($tmx, c.tap_max).set($tmn, c.tap_min).set($stp, c.tap_step).set($ic, self.number_or_0(c.firing_bus));
                    row.set($nd, c.firing_node).set($if_, from).set($it, to).set($id, Quoted(id, 2)).set($cap, c.x_capacitor_ohm);
                    self.drop_number("two-terminal dc.node", c.firing_node, 34, &d.common.source);
                }};
            }
            converter!(
                &d.rectifier,
                0,
                "ipr",
                "nbr",
                "anmxr",
                "anmnr",
                "rcr",
                "xcr",
                "ebasr",
                "trr",
                "tapr",
                "tmxr",
                "tmnr",
                "stpr",
                "icr",
                "ndr",
                "ifr",
                "itr",
                "idr",
                "xcapr"
            );
            converter!(
                &d.inverter,
                1,
                "ipi",
                "nbi",
                "anmxi",
                "anmni",
                "rci",
                "xci",
                "ebasi",
                "tri",
                "tapi",
                "tmxi",
                "tmni",
                "stpi",
                "ici",
                "ndi",
                "ifi",
                "iti",
                "idi",
                "xcapi"
            );
            let all = usize::MAX;
            self.lines(Group::TwoTerminalDc, &row, &[(0, all), (1, all), (2, all)]);
        }
    }

    fn vsc_dcs(&mut self) {
        for d in &self.network.vsc_dcs {
            let mut row = row! { "name": Quoted(&d.label, 12), "mdc": d.in_service && d.common.enabled, "rdc": d.r_ohm };
            self.owners(&mut row, &d.owners);
            macro_rules! converter {
                ($i:literal, $n:literal) => {{
                    let c = &d.converters[$i];
                    row.set(concat!("ibus", $n), self.at(&d.common, $i))
                        .set(concat!("type", $n), c.dc_mode)
                        .set(concat!("mode", $n), c.ac_mode)
                        .set(concat!("dcset", $n), c.dc_set)
                        .set(concat!("acset", $n), c.ac_set)
                        .set(concat!("aloss", $n), c.loss_fixed_kw)
                        .set(concat!("bloss", $n), c.loss_kw_per_a)
                        .set(concat!("minloss", $n), c.loss_min_kw)
                        .set(concat!("smax", $n), c.s_max_mva)
                        .set(concat!("imax", $n), c.i_max_a)
                        .set(concat!("pwf", $n), c.power_weight)
                        .set(concat!("maxq", $n), c.q_max_mvar)
                        .set(concat!("minq", $n), c.q_min_mvar)
                        .set(concat!("vsreg", $n), self.number_or_0(c.regulated_bus))
                        .set(concat!("nreg", $n), c.regulated_node)
                        .set(concat!("rmpct", $n), c.share_pct);
                    self.drop_number("vsc dc.node", c.regulated_node, 34, &d.common.source);
                }};
            }
            converter!(0, 1);
            converter!(1, 2);
            let all = usize::MAX;
            self.lines(Group::VscDc, &row, &[(0, all), (1, all), (2, all)]);
        }
    }

    fn corrections(&mut self) {
        let none = SourceRef::default();
        for table in &self.case.corrections {
            if table.points.iter().any(|(t, f)| !t.is_finite() || !f.is_finite()) {
                self.not_finite = Some((Group::ImpedanceCorrection, "t, f"));
            }
            let most = if self.version >= 34 { MAX_POINTS } else { MAX_POINTS_33 };
            if table.points.len() > most {
                self.dropped("impedance correction.points", &format!("the version holds {most} points"), &none);
            }
            let points = table.points.iter().take(most);
            let _ = write!(self.text, "  {}", table.number);
            if self.version < 34 {
                for (t, f) in points {
                    let _ = write!(self.text, ", {t:?}, {:?}", f.re);
                }
                self.text.push('\n');
                if table.points.iter().any(|(_, f)| f.im != 0.0) {
                    self.dropped("impedance correction.im", "factors are real up to version 33; the real part is written", &none);
                }
                continue;
            }
            let end = (0.0, Complex64::ZERO);
            for (i, (t, f)) in points.copied().chain(std::iter::once(end)).enumerate() {
                self.text.push_str(if i % 6 == 0 && i > 0 { "\n    " } else { ", " });
                let _ = write!(self.text, "{t:?}, {:?}, {:?}", f.re, f.im);
            }
            self.text.push('\n');
        }
    }

    fn multi_terminal_dcs(&mut self) {
        for d in &self.network.multi_terminal_dcs {
            let row = row! {
                "name": Quoted(&d.label, 12), "nconv": d.converters.len(), "ndcbs": d.buses.len(), "ndcln": d.links.len(),
                "mdc": dc_number(d.control, &d.common), "vconv": self.number_or_0(d.voltage_bus), "vcmod": d.v_mode_switch_kv,
                "vconvn": self.number_or_0(d.negative_voltage_bus),
            };
            self.line(Group::MultiTerminalDc, &row);
            for (i, c) in d.converters.iter().enumerate() {
                let l = &c.converter;
                let row = row! {
                    "ib": self.at(&d.common, i), "nbrdg": l.n_bridges, "angmx": l.angle_max_deg, "angmn": l.angle_min_deg, "rc": l.r_ohm,
                    "xc": l.x_ohm, "ebas": l.kv_base, "tr": l.transformer_ratio, "tap": l.tap, "tpmx": l.tap_max, "tpmn": l.tap_min,
                    "tstp": l.tap_step, "setvl": c.set_point, "dcpf": c.participation, "marg": c.margin, "cnvcod": c.code,
                };
                self.line(Group::MultiTerminalConverter, &row);
            }
            for b in &d.buses {
                let row = row! {
                    "idc": b.number, "ib": self.number_or_0(b.ac_bus), "area": b.area, "zone": b.zone, "dcname": Quoted(&b.name, 12),
                    "idc2": b.second_bus, "rgrnd": b.r_ground_ohm, "owner": b.owner,
                };
                self.line(Group::MultiTerminalBus, &row);
            }
            for l in &d.links {
                let row = row! {
                    "idc": l.from, "jdc": l.to, "dcckt": Quoted(&l.circuit, 1), "met": l.metered, "rdc": l.r_ohm, "ldc": l.l_mh,
                };
                self.line(Group::MultiTerminalLink, &row);
            }
        }
    }

    fn multi_section_lines(&mut self) {
        const DUMMIES: [&str; 9] = ["dum1", "dum2", "dum3", "dum4", "dum5", "dum6", "dum7", "dum8", "dum9"];
        for m in &self.case.multi_section_lines {
            let mut row = row! {
                "ibus": self.number(m.from), "jbus": self.number(m.to), "mslid": Quoted(&m.id, 2), "met": Self::metered(m.metered),
            };
            for (name, bus) in DUMMIES.into_iter().zip(&m.through) {
                row.set(name, self.number(*bus));
            }
            let n = 4 + m.through.len().min(DUMMIES.len());
            self.lines(Group::MultiSectionLine, &row, &[(0, n)]);
        }
    }

    fn numbered(&mut self, group: Group) {
        let (list, number, name) =
            if group == Group::Zone { (&self.case.zones, "izone", "zoname") } else { (&self.case.owners, "iowner", "owname") };
        for n in list {
            let mut row = Row::new();
            row.set(number, n.number).set(name, Quoted(&n.name, 12));
            self.line(group, &row);
        }
    }

    fn transfers(&mut self) {
        for t in &self.case.transfers {
            let row = row! { "arfrom": t.from, "arto": t.to, "trid": Quoted(&t.id, 1), "ptran": t.p_mw };
            self.line(Group::Transfer, &row);
        }
    }

    fn facts(&mut self) {
        for d in &self.network.facts_devices {
            self.drop_number("facts.nreg", d.regulated_node, 34, &d.common.source);
            let row = row! {
                "name": Quoted(&d.label, 12), "ibus": self.at(&d.common, 0), "jbus": self.at(&d.common, 1),
                "mode": if d.common.enabled { d.mode } else { 0 }, "pdes": d.p_mw, "qdes": d.q_mvar, "vset": d.v_set_pu,
                "shmx": d.shunt_max_mva, "trmx": d.bridge_max_mw, "vtmn": d.v_min_pu, "vtmx": d.v_max_pu, "vsmx": d.v_series_max_pu,
                "imx": d.i_series_max_mva, "linx": d.x_dummy_pu, "rmpct": d.share_pct, "owner": d.owner, "set1": d.set1, "set2": d.set2,
                "vsref": d.v_reference, "fcreg": self.number_or_0(d.regulated_bus), "nreg": d.regulated_node, "mname": Quoted(&d.master, 12),
            };
            self.line(Group::Facts, &row);
        }
    }

    fn switched_shunts(&mut self) {
        let mut with_shunt = HashSet::new();
        for s in &self.network.switched_shunts {
            let bus = self.at(&s.common, 0);
            let source = &s.common.source;
            // The others at the bus stand among the fixed shunts.
            if !with_shunt.insert(bus) && self.version < 35 {
                continue;
            }
            let id = self.id(Group::SwitchedShunt, &bus.to_string(), &s.id, source);
            if self.version < 35 && id != "1" {
                self.dropped("switched shunt.id", "the format has it from version 35 on", source);
            }
            self.drop_number("switched shunt.nreg", s.regulated_node, 34, source);
            self.drop_text("switched shunt.name", &s.label, 36, source);
            let mode = match s.mode {
                SwitchedShuntMode::Locked => 0,
                SwitchedShuntMode::DiscreteVoltage => 1,
                SwitchedShuntMode::ContinuousVoltage => 2,
                SwitchedShuntMode::Other(mode) => mode,
            };
            let mut row = row! {
                "ibus": bus, "shntid": Quoted(&id, 2), "modsw": mode, "adjm": s.adjustment, "stat": s.in_service && s.common.enabled,
                "vswhi": s.v_high_pu, "vswlo": s.v_low_pu, "swreg": self.number_or_0(s.regulated_bus), "nreg": s.regulated_node,
                "rmpct": s.share_pct, "rmidnt": Quoted(&s.remote_id, 12), "binit": s.b_mvar,
            };
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
            let mut blocks: Vec<ShuntBlock> = s.blocks.clone();
            if self.version < 35 && blocks.iter().any(|b| !b.in_service) {
                blocks.retain(|b| b.in_service);
                self.dropped("switched shunt.blocks", "blocks out of service: the format has them from version 35 on", source);
            }
            if blocks.len() > BLOCKS.len() {
                self.dropped("switched shunt.blocks", "a record holds eight blocks", source);
            }
            // Version 34 ends the record with NREG, behind all eight blocks.
            blocks.resize(BLOCKS.len(), ShuntBlock { in_service: true, n_steps: 0, b_mvar: 0.0 });
            for ((status, n, b), block) in BLOCKS.into_iter().zip(&blocks) {
                row.set(status, block.in_service).set(n, block.n_steps).set(b, block.b_mvar);
            }
            self.line(Group::SwitchedShunt, &row);
        }
    }

    fn motors(&mut self) {
        for m in &self.network.power_motors {
            let bus = self.at(&m.common, 0);
            let id = self.id(Group::InductionMachine, &bus.to_string(), &m.id, &m.common.source);
            self.drop_text("induction machine.name", &m.label, 36, &m.common.source);
            let [e1, se1, e2, se2, ia1, ia2, xamult] = m.saturation;
            let row = row! {
                "ibus": bus, "imid": Quoted(&id, 2), "stat": m.in_service && m.common.enabled, "sc": m.scale_code, "dc": m.design,
                "area": m.area, "zone": m.zone, "owner": m.owner, "tc": m.torque_code, "bc": m.base_code, "mbase": m.base_mva,
                "ratekv": m.kv_rated, "pc": m.power_code, "pset": m.p_set, "hconst": m.h_s, "aconst": m.load_a, "bconst": m.load_b,
                "dconst": m.load_d, "econst": m.load_e, "ra": m.r_a_pu, "xa": m.x_a_pu, "xm": m.x_m_pu, "r1": m.r_1_pu, "x1": m.x_1_pu,
                "r2": m.r_2_pu, "x2": m.x_2_pu, "x3": m.x_3_pu, "e1": e1, "se1": se1, "e2": e2, "se2": se2, "ia1": ia1, "ia2": ia2,
                "xamult": xamult,
            };
            self.line(Group::InductionMachine, &row);
        }
    }

    fn substations(&mut self) {
        for s in &self.case.substations {
            let row = row! {
                "isub": s.number, "name": Quoted(&s.name, 40), "lati": s.latitude_deg, "long": s.longitude_deg, "srg": s.ground_r_ohm,
            };
            self.line(Group::Substation, &row);
            for n in &s.nodes {
                let row = row! {
                    "inode": n.number, "name": Quoted(&n.name, 40), "ibus": self.number_or_0(n.bus), "stat": n.in_service, "vm": n.v_pu,
                    "va": n.angle_deg,
                };
                self.line(Group::SubstationNode, &row);
            }
            self.text.push_str("  0 / END OF SUBSTATION NODE DATA, BEGIN SUBSTATION SWITCHING DEVICE DATA\n");
            for w in &s.switches {
                let rating = |i: usize| w.ratings_mva.get(i).copied().unwrap_or(0.0);
                let row = row! {
                    "inode": w.from, "jnode": w.to, "swdid": Quoted(&w.circuit, 2), "name": Quoted(&w.name, 40), "type": device_number(w.device),
                    "stat": w.closed, "nstat": w.normally_closed, "xpu": w.x_pu, "rate1": rating(0), "rate2": rating(1), "rate3": rating(2),
                };
                self.line(Group::SubstationSwitch, &row);
            }
            self.text.push_str("  0 / END OF SUBSTATION SWITCHING DEVICE DATA, BEGIN SUBSTATION TERMINAL DATA\n");
            for t in &s.terminals {
                // Absent buses are left out, so that the identifier follows at once.
                let mut line = format!("  {}, {}, {}", self.number_or_0(t.bus), t.node, Quoted(&t.equipment, 1).write());
                for bus in [t.to, t.third].into_iter().flatten() {
                    let _ = write!(line, ", {}", self.number(bus));
                }
                let _ = writeln!(self.text, "{line}, {}", Quoted(&t.id, 2).write());
            }
            self.text.push_str("  0 / END OF SUBSTATION TERMINAL DATA\n");
        }
    }
}

fn device_number(device: SwitchingDevice) -> u32 {
    match device {
        SwitchingDevice::Generic => 1,
        SwitchingDevice::Breaker => 2,
        SwitchingDevice::Disconnect => 3,
        SwitchingDevice::Other(number) => number,
    }
}

fn dc_number(control: DcControl, common: &Common) -> u32 {
    match control {
        DcControl::Power if common.enabled => 1,
        DcControl::Current if common.enabled => 2,
        _ => 0,
    }
}
