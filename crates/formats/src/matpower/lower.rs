//! Tables into the elements of a transmission case.

use super::ReadOptions;
use super::syntax::{Matrix, Script, Value};
use crate::import::ImportError;
use crate::psse::default_winding;
use network::*;
use num_complex::Complex64;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Findings of one code that are listed; the rest are counted.
const MAX_OF_ONE_CODE: usize = 100;
/// What stands for a limit that is infinite.
const NO_LIMIT: f64 = 9999.0;
/// Columns that a row must have: of `bus` to `BASE_KV`, of `gen` to `PMIN`, of `branch` to `BR_STATUS`, of `dcline` to `QMAXT`.
const BUS_COLUMNS: usize = 10;
const GEN_COLUMNS: usize = 10;
const BRANCH_COLUMNS: usize = 11;
const DCLINE_COLUMNS: usize = 15;

struct Builder<'a> {
    file: &'a Arc<str>,
    lenient: bool,
    network: Network,
    case: TransmissionCase,
    findings: Vec<Diagnostic>,
    counts_of_codes: HashMap<String, usize>,
    rejects: Vec<Reject>,
    ledger: Ledger,
    counts: Vec<(String, usize)>,
    buses: HashMap<u32, BusId>,
    machines_at: HashMap<BusId, u32>,
    shunts_at: HashMap<BusId, u32>,
    circuits: HashMap<(BusId, BusId), u32>,
    names: HashMap<(ElementKind, String), u32>,
}

type Fault = Box<Diagnostic>;

pub fn lower(script: Script, file: &Arc<str>, stem: &str, options: &ReadOptions) -> Result<Imported, ImportError> {
    let case = TransmissionCase {
        s_base_mva: 100.0,
        frequency_hz: 60.0,
        zero_impedance_pu: 0.0,
        titles: vec![script.name.clone(), String::new()],
        ..TransmissionCase::default()
    };
    let mut b = Builder {
        file,
        lenient: options.lenient,
        network: Network::new(stem),
        case,
        findings: Vec::new(),
        counts_of_codes: HashMap::new(),
        rejects: Vec::new(),
        ledger: Ledger::default(),
        counts: Vec::new(),
        buses: HashMap::new(),
        machines_at: HashMap::new(),
        shunts_at: HashMap::new(),
        circuits: HashMap::new(),
        names: HashMap::new(),
    };
    for (finding, line) in script.findings.into_iter().zip(script.finding_lines) {
        let finding = finding.at(&b.at(line));
        b.find(finding);
    }
    let mut fields = script.fields;
    b.all(&mut fields)?;
    b.finish()
}

/// The row's text, as far as it is a row of numbers.
fn text_of(row: &[f64]) -> String {
    row.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
}

impl Builder<'_> {
    fn at(&self, line: u32) -> SourceRef {
        SourceRef::new(self.file.clone(), line)
    }

    fn find(&mut self, finding: Diagnostic) {
        let count = self.counts_of_codes.entry(finding.code.clone()).or_insert(0);
        *count += 1;
        if *count <= MAX_OF_ONE_CODE {
            self.findings.push(finding);
        }
    }

    fn all(&mut self, fields: &mut BTreeMap<String, (Value, u32)>) -> Result<(), ImportError> {
        match fields.remove("version") {
            Some((Value::Text(version), _)) if version.trim() == "2" => {}
            Some((Value::Matrix(m), _)) if m.rows == [vec![2.0]] => {}
            Some((Value::Text(version), line)) => {
                let finding = Diagnostic::error("MATPOWER.FILE.VERSION", format!("the case is of version {version}")).at(&self.at(line));
                return Err(finding.hint("load it and save it as version 2 with the program that it is for").into());
            }
            _ => {
                let finding = Diagnostic::warning("MATPOWER.FILE.NO_VERSION", "the case does not say its version").at(&self.at(0));
                self.find(finding.detail("It is read as version 2.").hint("give mpc.version = '2'"));
            }
        }
        match fields.remove("baseMVA") {
            Some((Value::Matrix(m), line)) => match m.rows.first().and_then(|r| r.first()).copied().filter(|s| s.is_finite() && *s > 0.0) {
                Some(s) => self.case.s_base_mva = s,
                None => {
                    let finding = Diagnostic::error("MATPOWER.VALUE.BAD", "baseMVA is not a number above zero").at(&self.at(line));
                    return Err(finding.hint("give mpc.baseMVA, most often 100").into());
                }
            },
            _ => {
                let finding = Diagnostic::error("MATPOWER.TABLE.MISSING", "the case does not give baseMVA").at(&self.at(0));
                return Err(finding.hint("give mpc.baseMVA, most often 100").into());
            }
        }
        let names = match fields.remove("bus_name") {
            Some((Value::Cell(names), _)) => names,
            _ => Vec::new(),
        };
        let mut table = |field: &str| match fields.remove(field) {
            Some((Value::Matrix(m), line)) => Some((m, line)),
            _ => None,
        };
        let (bus, gen_, branch, dcline) = (table("bus"), table("gen"), table("branch"), table("dcline"));
        let Some((bus, _)) = bus else {
            let mut findings = std::mem::take(&mut self.findings);
            let finding = Diagnostic::error("MATPOWER.TABLE.MISSING", "the case has no table bus").at(&self.at(0));
            findings.push(finding.hint("a case has mpc.bus, mpc.gen and mpc.branch"));
            return Err(ImportError::new(findings));
        };
        if !names.is_empty() && names.len() != bus.rows.len() {
            let message = format!("bus_name has {} names for {} buses", names.len(), bus.rows.len());
            let finding = Diagnostic::warning("MATPOWER.NAMES.COUNT", message).at(&self.at(0));
            self.find(finding.detail("No bus gets a name.").hint("give one name a row of bus"));
        }
        let names = if names.len() == bus.rows.len() { names } else { Vec::new() };
        self.rows("bus", &bus, BUS_COLUMNS, |b, i, row, at| b.bus(row, names.get(i).map_or("", String::as_str), at));
        match gen_ {
            Some((m, _)) => self.rows("gen", &m, GEN_COLUMNS, |b, _, row, at| b.machine(row, at)),
            None => self.find_missing("gen"),
        }
        match branch {
            Some((m, _)) => self.rows("branch", &m, BRANCH_COLUMNS, |b, _, row, at| b.branch(row, at)),
            None => self.find_missing("branch"),
        }
        if let Some((m, _)) = dcline {
            self.rows("dcline", &m, DCLINE_COLUMNS, |b, _, row, at| b.dcline(row, at));
        }
        for (field, (value, line)) in std::mem::take(fields) {
            self.keep(&field, &value, line);
        }
        Ok(())
    }

    fn find_missing(&mut self, table: &str) {
        let finding = Diagnostic::warning("MATPOWER.TABLE.EMPTY", format!("the case has no table {table}")).at(&self.at(0));
        self.find(finding.hint("a case has mpc.bus, mpc.gen and mpc.branch"));
    }

    fn keep(&mut self, field: &str, value: &Value, line: u32) {
        let lines = match value {
            Value::Matrix(m) => m.rows.iter().map(|r| text_of(r)).collect(),
            Value::Text(text) => vec![format!("'{}'", text.replace('\'', "''"))],
            Value::Cell(items) => items.iter().map(|t| format!("'{}'", t.replace('\'', "''"))).collect(),
        };
        let source = self.at(line);
        let reason = "kept as text: it does not enter a power flow".to_owned();
        self.ledger.record(&format!("mpc.{field}"), Disposition::Defaulted { value: "text".into(), reason }, Some(&source));
        self.case.kept.push(KeptRecord { group: format!("matpower {field}"), lines, source });
    }

    /// Hands each row of a table on, if it is long enough and holds numbers where they are needed.
    fn rows(
        &mut self,
        table: &str,
        matrix: &Matrix,
        columns: usize,
        mut take: impl FnMut(&mut Self, usize, &[f64], &SourceRef) -> Result<(), Fault>,
    ) {
        self.counts.push((table.to_owned(), matrix.rows.len()));
        let width = matrix.rows.first().map_or(0, Vec::len);
        let mut used = 0;
        for (i, row) in matrix.rows.iter().enumerate() {
            let at = self.at(matrix.lines.get(i).copied().unwrap_or(0));
            let done = if row.len() < columns || row.len() != width {
                let message = format!("row {} of {table} has {} values", i + 1, row.len());
                let finding = Diagnostic::error("MATPOWER.ROW.LENGTH", message);
                let detail = if row.len() < columns { format!("It needs {columns}.") } else { format!("The first row has {width}.") };
                Err(Box::new(finding.detail(detail).hint("give every row of a table the same columns")))
            } else {
                take(self, i, row, &at)
            };
            match done {
                Ok(()) => used += 1,
                Err(fault) => {
                    let mut fault = fault.at(&at);
                    if self.lenient && fault.severity == Severity::Error {
                        fault.severity = Severity::Warning;
                    }
                    self.rejects.push(Reject {
                        source: at.clone(),
                        reason: format!("{}: {}", fault.code, fault.message),
                        text: text_of(row),
                    });
                    self.ledger.record(table, Disposition::Dropped { reason: format!("refused: {}", fault.code) }, Some(&at));
                    self.find(fault);
                }
            }
        }
        let entry = LedgerEntry { field: table.to_owned(), disposition: Disposition::Kept, count: used, first: None };
        self.ledger.entries.push(entry);
    }

    fn converted(&mut self, field: &str, formula: &str, at: &SourceRef) {
        self.ledger.record(field, Disposition::Converted { formula: formula.to_owned() }, Some(at));
    }

    fn real(&self, table: &str, name: &str, row: &[f64], column: usize) -> Result<f64, Fault> {
        let value = row.get(column).copied().unwrap_or(f64::NAN);
        if value.is_finite() { Ok(value) } else { Err(bad(table, name, value, "a finite number")) }
    }

    fn whole(&self, table: &str, name: &str, row: &[f64], column: usize) -> Result<u32, Fault> {
        let value = self.real(table, name, row, column)?;
        if value.fract() == 0.0 && (0.0..=999_999_999.0).contains(&value) {
            Ok(value as u32)
        } else {
            Err(bad(table, name, value, "a whole number from 0"))
        }
    }

    /// A limit: an infinite one is none.
    fn limit(&mut self, table: &str, name: &str, row: &[f64], column: usize, none: f64, at: &SourceRef) -> Result<f64, Fault> {
        match row.get(column).copied() {
            Some(value) if value.is_infinite() => {
                self.converted(&format!("{table}.{name}"), "9999 for an infinite limit of power, 0 (no rating) for an infinite rating", at);
                Ok(if none == 0.0 { 0.0 } else { none.abs().copysign(value) })
            }
            _ => self.real(table, name, row, column),
        }
    }

    fn bus_of(&self, table: &str, name: &str, row: &[f64], column: usize) -> Result<BusId, Fault> {
        let number = self.whole(table, name, row, column)?;
        self.buses.get(&number).copied().ok_or_else(|| {
            let finding =
                Diagnostic::error("MATPOWER.BUS.UNKNOWN", format!("a row of {table} names bus {number}, which the case does not have"));
            Box::new(finding.hint("add the bus, or correct the number"))
        })
    }

    fn common(&mut self, kind: ElementKind, name: String, buses: &[BusId], in_service: bool, at: &SourceRef) -> Common {
        let n = self.names.entry((kind, name.clone())).or_insert(0);
        *n += 1;
        let mut common = Common::new(if *n == 1 { name } else { format!("{name}~{n}") }, 3);
        common.enabled = in_service;
        common.terminals = buses.iter().map(|b| Terminal::new(*b, vec![1, 2, 3])).collect();
        common.source = at.clone();
        common
    }

    fn number(&self, bus: BusId) -> u32 {
        self.network.bus(bus).transmission.as_ref().map_or(0, |b| b.number)
    }

    fn bus(&mut self, row: &[f64], name: &str, at: &SourceRef) -> Result<(), Fault> {
        let real = |column: usize, what: &str| self.real("bus", what, row, column);
        let number = self.whole("bus", "BUS_I", row, 0)?;
        if number == 0 {
            return Err(bad("bus", "BUS_I", 0.0, "a whole number from 1"));
        }
        if self.buses.contains_key(&number) {
            let finding = Diagnostic::error("MATPOWER.BUS.DUPLICATE", format!("the case has bus {number} already"));
            return Err(Box::new(finding.hint("remove one of the two, or give it another number")));
        }
        let kind = match self.whole("bus", "BUS_TYPE", row, 1)? {
            1 => BusKind::Load,
            2 => BusKind::Generator,
            3 => BusKind::Swing,
            4 => BusKind::Isolated,
            other => return Err(bad("bus", "BUS_TYPE", f64::from(other), "1 to 4")),
        };
        let demand = (real(2, "PD")?, real(3, "QD")?);
        let shunt = (real(4, "GS")?, real(5, "BS")?);
        let (v_pu, angle_deg, kv) = (real(7, "VM")?, real(8, "VA")?, real(9, "BASE_KV")?);
        if kv < 0.0 || v_pu < 0.0 {
            return Err(bad("bus", "BASE_KV or VM", kv.min(v_pu), "zero or more"));
        }
        let area = self.whole("bus", "BUS_AREA", row, 6)?;
        let zone = if row.len() > 10 { self.whole("bus", "ZONE", row, 10)? } else { 1 };
        let v_max = if row.len() > 11 { self.limit("bus", "VMAX", row, 11, NO_LIMIT, at)? } else { 1.1 };
        let v_min = if row.len() > 12 { self.limit("bus", "VMIN", row, 12, NO_LIMIT, at)? } else { 0.9 };
        let id = self.network.bus_or_add(&number.to_string());
        self.buses.insert(number, id);
        let entry = &mut self.network.buses[id.index()];
        entry.kv_base_ln = kv / 3f64.sqrt();
        entry.nodes = vec![1, 2, 3];
        entry.transmission = Some(Box::new(TransmissionBus {
            number,
            name: name.trim().to_owned(),
            kv_base_ll: kv,
            kind,
            area,
            zone,
            owner: 1,
            v_pu,
            angle_deg,
            v_max_normal_pu: v_max,
            v_min_normal_pu: v_min,
            v_max_emergency_pu: v_max,
            v_min_emergency_pu: v_min,
            source: at.clone(),
        }));
        if demand != (0.0, 0.0) {
            let common = self.common(ElementKind::PowerLoad, format!("{number}-1"), &[id], true, at);
            self.network.add(PowerLoad {
                common,
                id: "1".into(),
                label: String::new(),
                in_service: true,
                area,
                zone,
                owner: 1,
                p_mw: demand.0,
                q_mvar: demand.1,
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
        }
        if shunt != (0.0, 0.0) {
            self.shunt(id, shunt.0, shunt.1, true, at);
        }
        Ok(())
    }

    fn shunt(&mut self, bus: BusId, g_mw: f64, b_mvar: f64, in_service: bool, at: &SourceRef) {
        let n = self.shunts_at.entry(bus).or_insert(0);
        *n += 1;
        let id = identifier(*n);
        let common = self.common(ElementKind::FixedShunt, format!("{}-{}", self.number(bus), id.to_lowercase()), &[bus], in_service, at);
        self.network.add(FixedShunt { common, id, label: String::new(), in_service, g_mw, b_mvar });
    }

    #[expect(clippy::too_many_arguments, reason = "the values of one row")]
    fn add_machine(
        &mut self,
        bus: BusId,
        p_mw: f64,
        q_mvar: f64,
        (q_max_mvar, q_min_mvar): (f64, f64),
        (p_max_mw, p_min_mw): (f64, f64),
        v_set_pu: f64,
        base_mva: f64,
        in_service: bool,
        at: &SourceRef,
    ) {
        let n = self.machines_at.entry(bus).or_insert(0);
        *n += 1;
        let id = identifier(*n);
        let common = self.common(ElementKind::Machine, format!("{}-{}", self.number(bus), id.to_lowercase()), &[bus], in_service, at);
        self.network.add(Machine {
            common,
            id,
            label: String::new(),
            in_service,
            p_mw,
            q_mvar,
            q_max_mvar,
            q_min_mvar,
            p_max_mw,
            p_min_mw,
            v_set_pu,
            regulated_bus: None,
            regulated_node: 0,
            base_mva,
            z_source_pu: Complex64::new(0.0, 1.0),
            z_step_up_pu: Complex64::ZERO,
            step_up_ratio: 1.0,
            share_pct: 100.0,
            owners: vec![Ownership { owner: 1, share: 1.0 }],
            wind_mode: 0,
            wind_power_factor: 1.0,
            base_load: 0,
            droop: String::new(),
        });
    }

    fn machine(&mut self, row: &[f64], at: &SourceRef) -> Result<(), Fault> {
        let bus = self.bus_of("gen", "GEN_BUS", row, 0)?;
        let (p, q) = (self.real("gen", "PG", row, 1)?, self.real("gen", "QG", row, 2)?);
        let q_limits = (self.limit("gen", "QMAX", row, 3, NO_LIMIT, at)?, self.limit("gen", "QMIN", row, 4, NO_LIMIT, at)?);
        let v_set = self.real("gen", "VG", row, 5)?;
        let base = self.real("gen", "MBASE", row, 6)?;
        let base = if base > 0.0 { base } else { self.case.s_base_mva };
        let in_service = self.real("gen", "GEN_STATUS", row, 7)? > 0.0;
        let p_limits = (self.limit("gen", "PMAX", row, 8, NO_LIMIT, at)?, self.limit("gen", "PMIN", row, 9, NO_LIMIT, at)?);
        if row.get(10..21).is_some_and(|r| r.iter().any(|v| *v != 0.0)) {
            let reason = "capability curve, ramps and participation do not enter a power flow".to_owned();
            self.ledger.record("gen.PC1 to APF", Disposition::Dropped { reason }, Some(at));
        }
        self.add_machine(bus, p, q, q_limits, p_limits, v_set, base, in_service, at);
        Ok(())
    }

    /// A free circuit for a pair of buses, from either end.
    fn circuit(&mut self, from: BusId, to: BusId) -> String {
        let n = self.circuits.entry((from.min(to), from.max(to))).or_insert(0);
        *n += 1;
        identifier(*n)
    }

    fn branch(&mut self, row: &[f64], at: &SourceRef) -> Result<(), Fault> {
        let (from, to) = (self.bus_of("branch", "F_BUS", row, 0)?, self.bus_of("branch", "T_BUS", row, 1)?);
        if from == to {
            let finding = Diagnostic::error("MATPOWER.BRANCH.SAME_BUS", format!("a branch joins bus {} to itself", self.number(from)));
            return Err(Box::new(finding.hint("correct one of its bus numbers")));
        }
        let (r_pu, x_pu, b_pu) =
            (self.real("branch", "BR_R", row, 2)?, self.real("branch", "BR_X", row, 3)?, self.real("branch", "BR_B", row, 4)?);
        let mut ratings = Vec::with_capacity(3);
        for (i, name) in ["RATE_A", "RATE_B", "RATE_C"].into_iter().enumerate() {
            ratings.push(self.limit("branch", name, row, 5 + i, 0.0, at)?);
        }
        let (tap, shift) = (self.real("branch", "TAP", row, 8)?, self.real("branch", "SHIFT", row, 9)?);
        if tap < 0.0 {
            return Err(bad("branch", "TAP", tap, "zero or more"));
        }
        let in_service = self.real("branch", "BR_STATUS", row, 10)? > 0.0;
        if row.get(11..13).is_some_and(|r| r.iter().any(|v| *v != 0.0 && v.abs() < 360.0)) {
            let reason = "limits of the angle difference do not enter a power flow".to_owned();
            self.ledger.record("branch.ANGMIN, ANGMAX", Disposition::Dropped { reason }, Some(at));
        }
        if r_pu == 0.0 && x_pu == 0.0 {
            let finding = Diagnostic::warning("MATPOWER.BRANCH.NO_IMPEDANCE", "a branch has no impedance").at(at);
            self.find(finding.detail("Its ends count as one bus.").hint("give it R and X"));
        }
        if r_pu < 0.0 || x_pu < 0.0 {
            let finding =
                Diagnostic::warning("MATPOWER.BRANCH.NEGATIVE", format!("a branch has a negative impedance: R = {r_pu}, X = {x_pu}"))
                    .at(at);
            self.find(finding.hint("right only for a series capacitor or an equivalent"));
        }
        let circuit = self.circuit(from, to);
        let name = format!("{}-{}-{}", self.number(from), self.number(to), circuit.to_lowercase());
        let owners = vec![Ownership { owner: 1, share: 1.0 }];
        if tap == 0.0 && shift == 0.0 {
            let common = self.common(ElementKind::AcBranch, name, &[from, to], in_service, at);
            self.network.add(AcBranch {
                common,
                circuit,
                label: String::new(),
                r_pu,
                x_pu,
                b_pu,
                y_from_pu: Complex64::ZERO,
                y_to_pu: Complex64::ZERO,
                ratings_mva: ratings,
                in_service,
                metered: MeteredEnd::From,
                length: 0.0,
                owners,
                switching: None,
                normally_closed: true,
                rating_set: String::new(),
            });
            return Ok(());
        }
        let tap = if tap == 0.0 { 1.0 } else { tap };
        if b_pu != 0.0 {
            // Charging of a transformer: half at each end of the impedance, the one at the from bus seen through the tap.
            let half_mvar = b_pu / 2.0 * self.case.s_base_mva;
            self.shunt(from, 0.0, half_mvar / (tap * tap), in_service, at);
            self.shunt(to, 0.0, half_mvar, in_service, at);
            self.converted("branch.BR_B of a transformer", "fixed shunts at its buses: baseMVA B / 2 / TAP^2 and baseMVA B / 2", at);
        }
        let common = self.common(ElementKind::PowerTransformer, name, &[from, to], in_service, at);
        let winding =
            |ratio: f64, angle_deg: f64, ratings_mva: Vec<f64>| PowerWinding { ratio, angle_deg, ratings_mva, ..default_winding() };
        self.network.add(PowerTransformer {
            common,
            circuit,
            label: String::new(),
            ratio_code: RatioCode::BusBase,
            impedance_code: ImpedanceCode::SystemBase,
            magnetising_code: MagnetisingCode::SystemBase,
            mag1: 0.0,
            mag2: 0.0,
            metered: MeteredEnd::To,
            status: if in_service { TransformerStatus::In } else { TransformerStatus::Out },
            owners,
            vector_group: String::new(),
            correct_pairs: false,
            impedances: vec![PairImpedance { r: r_pu, x: x_pu, s_base_mva: self.case.s_base_mva }],
            v_star_pu: 1.0,
            angle_star_deg: 0.0,
            windings: vec![winding(tap, shift, ratings), winding(1.0, 0.0, vec![0.0; 3])],
        });
        Ok(())
    }

    /// A dc line is two machines, as the format's own program has it: one takes the power, the other gives it without the losses.
    fn dcline(&mut self, row: &[f64], at: &SourceRef) -> Result<(), Fault> {
        let (from, to) = (self.bus_of("dcline", "F_BUS", row, 0)?, self.bus_of("dcline", "T_BUS", row, 1)?);
        let in_service = self.real("dcline", "BR_STATUS", row, 2)? > 0.0;
        let p_from = self.real("dcline", "PF", row, 3)?;
        let (q_from, q_to) = (self.real("dcline", "QF", row, 5)?, self.real("dcline", "QT", row, 6)?);
        let (v_from, v_to) = (self.real("dcline", "VF", row, 7)?, self.real("dcline", "VT", row, 8)?);
        let (p_min, p_max) = (self.limit("dcline", "PMIN", row, 9, NO_LIMIT, at)?, self.limit("dcline", "PMAX", row, 10, NO_LIMIT, at)?);
        let q_limits_from = (self.limit("dcline", "QMAXF", row, 12, NO_LIMIT, at)?, self.limit("dcline", "QMINF", row, 11, NO_LIMIT, at)?);
        let q_limits_to = (self.limit("dcline", "QMAXT", row, 14, NO_LIMIT, at)?, self.limit("dcline", "QMINT", row, 13, NO_LIMIT, at)?);
        let loss = |column: usize, name: &str| if row.len() > column { self.real("dcline", name, row, column) } else { Ok(0.0) };
        let (loss0, loss1) = (loss(15, "LOSS0")?, loss(16, "LOSS1")?);
        let p_to = p_from - loss0 - loss1 * p_from;
        let base = self.case.s_base_mva;
        self.add_machine(from, -p_from, q_from, q_limits_from, (-p_min, -p_max), v_from, base, in_service, at);
        self.add_machine(to, p_to, q_to, q_limits_to, (p_max, p_min), v_to, base, in_service, at);
        if in_service {
            // Both ends hold their voltage.
            for bus in [from, to] {
                if let Some(bus) = &mut self.network.buses[bus.index()].transmission
                    && bus.kind == BusKind::Load
                {
                    bus.kind = BusKind::Generator;
                }
            }
        }
        self.converted("dcline", "two machines that hold VF and VT: -PF, and PF - LOSS0 - LOSS1 PF", at);
        let finding = Diagnostic::note("MATPOWER.DCLINE.MACHINES", "a dc line is read as a machine at each of its ends").at(at);
        self.find(finding.hint("its flow stays as it is written"));
        Ok(())
    }

    fn finish(mut self) -> Result<Imported, ImportError> {
        let mut more: Vec<(String, usize)> = self.counts_of_codes.drain().filter(|(_, n)| *n > MAX_OF_ONE_CODE).collect();
        more.sort();
        for (code, n) in more {
            let finding =
                Diagnostic::note("MATPOWER.FINDINGS.MORE", format!("{} more findings {code} are not listed", n - MAX_OF_ONE_CODE));
            self.findings.push(finding.hint("mend the first ones: the rest may have the same cause"));
        }
        if self.network.buses.is_empty() {
            let finding = Diagnostic::error("MATPOWER.TABLE.MISSING", "the case has no bus that can be used").at(&self.at(0));
            self.findings.push(finding.hint("a case has mpc.bus, mpc.gen and mpc.branch"));
            return Err(ImportError::new(self.findings));
        }
        if !self.network.buses.iter().any(|b| b.transmission.as_ref().is_some_and(|t| t.kind == BusKind::Swing)) {
            let finding = Diagnostic::warning("MATPOWER.BUS.NO_REFERENCE", "no bus is the reference").at(&self.at(0));
            self.findings.push(finding.hint("write the BUS_TYPE of the bus that holds the angle as 3"));
        }
        let reason = "the format does not say the frequency".to_owned();
        self.ledger.record("mpc.frequency", Disposition::Defaulted { value: "60".into(), reason }, None);
        self.network.transmission = Some(Box::new(self.case));
        Ok(Imported {
            network: self.network,
            diagnostics: self.findings,
            ledger: self.ledger,
            rejects: self.rejects,
            counts: self.counts,
            figures: Vec::new(),
        })
    }
}

fn bad(table: &str, name: &str, value: f64, wanted: &str) -> Fault {
    let finding = Diagnostic::error("MATPOWER.VALUE.BAD", format!("{name} of a row of {table} is {value}; it must be {wanted}"));
    Box::new(finding.hint("correct the value, and see that no column is shifted"))
}

/// Identifiers of at most two characters: 1 to 99, then A0 to ZZ.
fn identifier(n: u32) -> String {
    if n < 100 {
        return n.to_string();
    }
    let n = n - 100;
    let digit = |d: u32| char::from_digit(d % 36, 36).unwrap_or('0').to_ascii_uppercase();
    [digit(10 + n / 36 % 26), digit(n)].iter().collect()
}
