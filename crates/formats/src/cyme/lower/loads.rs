//! Loads and customers.
//!
//! A load is a place and a connection; its customers tell powers, one row a customer and phase, and their class tells how
//! they answer to voltage. A customer of three equal phases becomes one load of three phases, any other one load a phase.
//! Powers told for several load models or years are told once each: one model is taken, and of each customer the latest year.

use super::super::codes::{LoadValueType, Location, Phases, WindingConnection, normalised};
use super::super::model::*;
use super::{Correction, Lowering, Place, Topology, lower_case};
use network::{Asset, AssetKind, BusId, Connection, Diagnostic, ElementKind, Load, LoadBasis, LoadModel, LoadStatus, Shapes, Terminal};
use std::collections::{BTreeMap, HashMap};

/// Highest voltage at which a load keeps its law, per unit; CYME knows none.
const V_MAX_PU: f64 = 2.0;
/// Voltage below which loads are impedances where the class tells none, per unit.
const V_MIN_PU: f64 = 0.8;

/// How a class answers to voltage.
#[derive(Clone, Copy)]
struct Law {
    model: LoadModel,
    zipv: Option<[f64; 7]>,
    exponents: (f64, f64),
    v_min_pu: f64,
}

fn is_distributed(load_type: &str) -> bool {
    let word = load_type.trim().to_ascii_uppercase();
    word.starts_with("DISTR") || word == "21"
}

/// Key by which rows of customers find their load.
fn key(device: &str, load_type: &str) -> (String, bool) {
    (lower_case(device), is_distributed(load_type))
}

impl<'a> Lowering<'a> {
    pub(super) fn loads(&mut self, topology: &Topology<'a>) {
        let mut rows: HashMap<(String, bool), Vec<&'a CustomerLoad>> = HashMap::new();
        let (id, name) = self.load_model.clone();
        let mut other_models = 0;
        for row in &self.model.customer_loads {
            if !row.load_model.is_empty() && !row.load_model.eq_ignore_ascii_case(&id) && !row.load_model.eq_ignore_ascii_case(&name) {
                other_models += 1;
                continue;
            }
            rows.entry(key(&row.device_number, &row.load_type)).or_default().push(row);
        }
        if other_models > 0 {
            self.find(
                Diagnostic::note(
                    "CYME.LOAD.OTHER_MODELS",
                    format!("{other_models} rows of customers belong to other load models than {id:?}"),
                )
                .hint("Choose another load model to use them."),
            );
        }
        let mut laws: HashMap<String, Law> = HashMap::new();
        let mut idle = 0;
        let mut settings: Vec<&'a LoadSetting> = self.model.loads.iter().collect();
        // Some exports tell customers without a place of their own.
        let placed: std::collections::HashSet<(String, bool)> = settings.iter().map(|d| key(&d.device_number, &d.load_type)).collect();
        let mut orphans: Vec<&CustomerLoad> =
            rows.iter().filter(|(k, _)| !placed.contains(*k)).filter_map(|(_, r)| r.first().copied()).collect();
        orphans.sort_by_key(|r| r.source.line);
        for row in orphans {
            if topology.left_out.contains(&lower_case(&row.section)) {
                continue;
            }
            self.find(
                Diagnostic::error("CYME.LOAD.NO_SETTING", format!("customers of load {:?} have no row in [LOADS]", row.device_number))
                    .element(format!("load.{}", lower_case(&row.device_number)))
                    .at(&row.source),
            );
            self.reject(&row.source, "customers of a load without a place", row.device_number.clone());
        }
        settings.retain(|d| !topology.left_out.contains(&lower_case(&d.section)));
        for d in settings {
            let Some(span) = topology.span_of(self, "load", &d.section, &d.device_number, &d.source) else { continue };
            let distributed = is_distributed(&d.load_type);
            let bus = topology.shunt_bus(span, if distributed { Location::Middle } else { d.location.unwrap_or_default() });
            let customers = rows.remove(&key(&d.device_number, &d.load_type)).unwrap_or_default();
            if customers.is_empty() {
                self.find(
                    Diagnostic::note("CYME.LOAD.NO_CUSTOMERS", "a load has no customers of the load model read")
                        .element(format!("load.{}", lower_case(&d.device_number)))
                        .at(&d.source),
                );
                continue;
            }
            idle += self.load(topology, span, bus, d, &customers, &mut laws);
        }
        if idle > 0 {
            self.find(
                Diagnostic::note(
                    "CYME.LOAD.IDLE",
                    format!("{idle} loads are disconnected or have no power: they are kept, out of service"),
                )
                .hint("They count for maps and for matching; a power flow leaves them out."),
            );
        }
    }

    /// Makes the loads of one place; gives how many are out of service.
    fn load(
        &mut self,
        topology: &Topology<'a>,
        span: usize,
        bus: BusId,
        d: &'a LoadSetting,
        rows: &[&'a CustomerLoad],
        laws: &mut HashMap<String, Law>,
    ) -> usize {
        let section = topology.spans[span].section;
        let phases = topology.spans[span].phases;
        let element = format!("load.{}", lower_case(&d.device_number));
        let mended = self
            .options
            .corrections
            .iter()
            .any(|c| matches!(c, Correction::DeltaLoad { section: s } if s.eq_ignore_ascii_case(&section.id)));
        if mended {
            self.converted("loads.connection", "delta instead of what is told (correction delta-load)", &d.source);
        }
        let connection = if mended { WindingConnection::Delta } else { d.connection.unwrap_or(WindingConnection::GroundedWye) };
        let delta = matches!(
            connection,
            WindingConnection::Delta | WindingConnection::GroundedDelta | WindingConnection::ClosedDelta | WindingConnection::OpenDelta
        );
        let Some(base_ln) = self.base_ln(bus) else {
            let powered = rows.iter().any(|r| r.value_1.unwrap_or(0.0) != 0.0 || r.value_2.unwrap_or(0.0) != 0.0);
            if powered {
                self.find(
                    Diagnostic::warning(
                        "CYME.LOAD.NO_VOLTAGE",
                        "no source reaches the node of a load, so its nominal voltage is not known; it is left out",
                    )
                    .element(element)
                    .at(&d.source),
                );
            }
            self.reject(&d.source, "the nominal voltage at the load is not known", d.device_number.clone());
            return 0;
        };
        // Customers in the order of the file.
        let mut customers: Vec<(String, Vec<&'a CustomerLoad>)> = Vec::new();
        for row in rows {
            match customers.iter_mut().find(|(id, _)| *id == row.customer) {
                Some((_, list)) => list.push(row),
                None => customers.push((row.customer.clone(), vec![row])),
            }
        }
        let many = customers.len() > 1;
        let mut idle = 0;
        for (customer, mut rows) in customers {
            let latest = rows.iter().map(|r| year(&r.year)).max().unwrap_or(0);
            if rows.iter().any(|r| year(&r.year) != latest) {
                let before = rows.len();
                rows.retain(|r| year(&r.year) == latest);
                let dropped = before - rows.len();
                self.find(
                    Diagnostic::note(
                        "CYME.LOAD.YEARS",
                        format!("customer {customer:?} has loads of several years; those of {latest} are used"),
                    )
                    .element(element.clone())
                    .at(&rows[0].source)
                    .detail(format!("{dropped} rows of other years are not used.")),
                );
            }
            let Some(first) = rows.first().copied() else { continue };
            let law = self.law(&first.class, laws, first);
            let mut by_phase: [Option<(f64, f64)>; 3] = [None; 3];
            let mut bad = false;
            for row in &rows {
                let on = row.phases.filter(|p| !p.is_none()).unwrap_or(phases);
                let total = row.phases.is_none_or(|p| p.is_none() || p.count() > 1);
                let on = if total { on.and(phases) } else { on };
                let Some((p, q)) = self.power(row, if delta { base_ln * 3f64.sqrt() } else { base_ln }, &element) else {
                    bad = true;
                    continue;
                };
                if p == 0.0 && q == 0.0 {
                    continue;
                }
                let n = on.count();
                if n == 0 {
                    self.load_phase(row, &element, phases);
                    bad = true;
                    continue;
                }
                for i in on.indices() {
                    let needed = if delta { [i, (i + 1) % 3] } else { [i, i] };
                    if needed.iter().any(|k| !phases.0[*k]) {
                        self.load_phase(row, &element, phases);
                        bad = true;
                        continue;
                    }
                    let share = by_phase[i].get_or_insert((0.0, 0.0));
                    share.0 += p / n as f64;
                    share.1 += q / n as f64;
                }
            }
            if bad {
                self.reject(&first.source, "a load that cannot be used in whole", d.device_number.clone());
            }
            let place = Place { device: &d.device_number, section: &section.id, network: &section.network, source: &first.source };
            let n_customers = rows.iter().map(|r| r.n_customers.unwrap_or(0.0)).fold(0.0, f64::max);
            let sum = |f: fn(&CustomerLoad) -> Option<f64>| rows.iter().filter_map(|r| f(r)).sum::<f64>();
            let connected_kva = sum(|r| r.connected_kva);
            let kwh = sum(|r| r.kwh);
            let disconnected = d.disconnected || rows.iter().all(|r| r.disconnected);
            let name = if many && !customer.is_empty() && !customer.eq_ignore_ascii_case(&d.device_number) {
                format!("{}_{customer}", d.device_number)
            } else {
                d.device_number.clone()
            };
            let equal = |a: Option<(f64, f64)>, b: Option<(f64, f64)>| a.is_some() && a == b;
            let balanced = equal(by_phase[0], by_phase[1]) && equal(by_phase[1], by_phase[2]);
            let mut made = Vec::new();
            if balanced {
                let (p, q) = by_phase[0].unwrap_or_default();
                made.push((Phases::ABC, 3.0 * p, 3.0 * q, name.clone()));
            } else {
                let n = by_phase.iter().flatten().count();
                for (i, share) in by_phase.iter().enumerate() {
                    if let Some((p, q)) = share {
                        let name = if n > 1 { format!("{name}_{}", ["a", "b", "c"][i]) } else { name.clone() };
                        made.push((Phases::single(i), *p, *q, name));
                    }
                }
            }
            if made.is_empty() && !bad {
                let on = if phases == Phases::ABC || delta { phases } else { Phases::single(phases.indices().next().unwrap_or(0)) };
                // Two phases alone make no delta of three: the first of them that has a partner.
                let on = if delta && on != Phases::ABC {
                    Phases::single((0..3).find(|i| phases.0[*i] && phases.0[(i + 1) % 3]).unwrap_or(0))
                } else {
                    on
                };
                made.push((on, 0.0, 0.0, name.clone()));
            }
            let mut first_element = None;
            for (on, p_kw, q_kvar, name) in made {
                let n = on.count();
                let i = on.indices().next().unwrap_or(0);
                let (nodes, kv) = match (delta, n) {
                    (true, 1) => (vec![i as u32 + 1, ((i + 1) % 3) as u32 + 1], base_ln * 3f64.sqrt()),
                    (true, _) => (vec![1, 2, 3], base_ln * 3f64.sqrt()),
                    (false, 1) => (vec![i as u32 + 1, 0], base_ln),
                    (false, _) => (vec![1, 2, 3, 0], base_ln * 3f64.sqrt()),
                };
                let out_of_service = disconnected || (p_kw == 0.0 && q_kvar == 0.0);
                idle += usize::from(out_of_service);
                let floating = connection == WindingConnection::Wye && n == 3;
                let nodes = if floating { vec![1, 2, 3, 4] } else { nodes };
                let mut common = self.common(ElementKind::Load, &name, &place, n, vec![Terminal::new(bus, nodes)]);
                common.enabled = !out_of_service;
                if !customer.is_empty() {
                    common.aliases.push(network::Alias { system: "cyme_customer".to_owned(), id: customer.clone() });
                }
                let s = p_kw.hypot(q_kvar);
                let pf = if s > 0.0 { p_kw / s } else { 1.0 };
                let id = self.add(Load {
                    common,
                    connection: if delta { Connection::Delta } else { Connection::Wye },
                    kv,
                    p_kw,
                    q_kvar,
                    power_factor: if q_kvar < 0.0 { -pf } else { pf },
                    q_follows_pf: false,
                    model: law.model,
                    unknown_model: None,
                    basis: LoadBasis::Given,
                    status: LoadStatus::Variable,
                    class: 1,
                    n_customers: if first_element.is_none() { n_customers.clamp(0.0, 1e9) as u32 } else { 0 },
                    v_min_pu: law.v_min_pu,
                    v_max_pu: V_MAX_PU,
                    v_low_pu: law.v_min_pu.min(0.5),
                    v_min_normal_pu: 0.0,
                    v_min_emergency_pu: 0.0,
                    cvr_p_exponent: law.exponents.0,
                    cvr_q_exponent: law.exponents.1,
                    cvr_curve: None,
                    zipv: law.zipv,
                    r_neutral_ohm: -1.0,
                    x_neutral_ohm: 0.0,
                    shapes: Shapes::default(),
                    growth: None,
                    mean_pct: 50.0,
                    stddev_pct: 10.0,
                    series_rl_pct: 50.0,
                    relative_weight: 1.0,
                    x_harmonic_pu: 0.0,
                    xr_harmonic: 6.0,
                });
                first_element.get_or_insert(id);
            }
            let mut attributes = BTreeMap::new();
            let mut say = |name: &str, value: String| {
                if !value.is_empty() && value != "0" {
                    attributes.insert(name.to_owned(), value);
                }
            };
            say("device_number", d.device_number.clone());
            say("section", section.id.clone());
            say("class", first.class.clone());
            say("kwh", kwh.to_string());
            say("connected_kva", connected_kva.to_string());
            say("customers", n_customers.to_string());
            say("year", first.year.clone());
            say("phases", phases.letters());
            let id = if customer.is_empty() { d.device_number.clone() } else { customer.clone() };
            self.out.network.assets.push(Asset {
                id,
                kind: AssetKind::Meter,
                route: Vec::new(),
                attributes,
                element: first_element,
                bus: Some(bus),
                feeder: section.network.clone(),
                source: first.source.clone(),
            });
            if first.centre_tap_pct.is_some_and(|pct| pct != 0.0 && pct != 50.0) {
                self.dropped("customer loads.centertappercent", "the legs of a centre-tapped transformer are one node", &first.source);
            }
        }
        self.kept("customer loads");
        idle
    }

    fn load_phase(&mut self, row: &CustomerLoad, element: &str, phases: Phases) {
        self.find(
            Diagnostic::error(
                "CYME.LOAD.PHASE",
                format!(
                    "a load is on phase {}, which its section ({}) does not have",
                    row.phases.unwrap_or_default().letters(),
                    phases.letters()
                ),
            )
            .element(element)
            .at(&row.source)
            .detail("A delta load of phase A stands between A and B, of B between B and C, of C between C and A."),
        );
    }

    /// kW and kvar of a row; `kv` across the load.
    fn power(&mut self, row: &CustomerLoad, kv: f64, element: &str) -> Option<(f64, f64)> {
        let (v1, v2) = (row.value_1.unwrap_or(0.0), row.value_2.unwrap_or(0.0));
        let kind = row.value_type.unwrap_or_default();
        if kind == LoadValueType::KwKvar {
            return Some((v1, v2));
        }
        if v1 == 0.0 {
            return Some((0.0, 0.0));
        }
        let pf = v2 / 100.0;
        if pf == 0.0 || pf.abs() > 1.0 {
            self.find(
                Diagnostic::error("CYME.LOAD.POWER_FACTOR", format!("a power factor of {v2} % is none"))
                    .element(element)
                    .at(&row.source)
                    .hint("Power factors are percent, 100 being unity; leading ones are negative."),
            );
            return None;
        }
        if pf.abs() <= 0.01 {
            self.find(
                Diagnostic::warning("CYME.LOAD.POWER_FACTOR_SMALL", format!("a power factor of {v2} % is used as written"))
                    .element(element)
                    .at(&row.source)
                    .hint("It looks like a fraction; power factors are percent."),
            );
        }
        let sine = (1.0 - pf * pf).max(0.0).sqrt() * pf.signum();
        let cosine = pf.abs();
        let field = "customer loads.value";
        let (kva, formula) = match kind {
            LoadValueType::KvaPf => (v1, "P = S pf, Q = S sin φ"),
            LoadValueType::KwPf => (v1 / cosine, "Q = P tan φ"),
            LoadValueType::AmpPf => (v1 * kv, "S = A kV of the nominal voltage"),
            LoadValueType::KwKvar => return Some((v1, v2)),
        };
        self.converted(field, formula, &row.source);
        Some((kva * cosine, kva * sine))
    }

    fn law(&mut self, class: &str, laws: &mut HashMap<String, Law>, row: &CustomerLoad) -> Law {
        let key = lower_case(class);
        if let Some(law) = laws.get(&key) {
            return *law;
        }
        let constant = Law { model: LoadModel::ConstantPq, zipv: None, exponents: (1.0, 2.0), v_min_pu: V_MIN_PU };
        let law = match self.catalogue.classes.get(&key).copied() {
            None => {
                let n = self.model.customer_loads.iter().filter(|r| lower_case(&r.class) == key).count();
                self.find(
                    Diagnostic::warning(
                        "CYME.LOAD.CLASS_UNKNOWN",
                        format!("{n} customers are of class {class:?}, which is not told; their power is constant"),
                    )
                    .at(&row.source)
                    .hint("Export the load file with [CUSTOMER CLASS]."),
                );
                self.defaulted("customer loads.customertype", "constant power", "the class is not told", &row.source);
                constant
            }
            Some(c) => self.class_law(c, constant),
        };
        laws.insert(key, law);
        law
    }

    fn class_law(&mut self, c: &CustomerClass, constant: Law) -> Law {
        let v_min_pu = match c.voltage_threshold_pct {
            Some(pct) if pct > 0.0 && pct < 100.0 => pct / 100.0,
            _ => V_MIN_PU,
        };
        let constant = Law { v_min_pu, ..constant };
        if c.is_exponential {
            let exponents = (c.exponent_p.unwrap_or(0.0), c.exponent_q.unwrap_or(0.0));
            return Law { model: LoadModel::Cvr, exponents, ..constant };
        }
        let v = |x: Option<f64>| x.unwrap_or(0.0) / 100.0;
        let p = [v(c.zp_pct), v(c.ip_pct), v(c.pp_pct)];
        let q = [v(c.zq_pct), v(c.iq_pct), v(c.pq_pct)];
        let sum = |s: &[f64; 3]| s.iter().sum::<f64>();
        if sum(&p) == 0.0 && sum(&q) == 0.0 {
            self.find(
                Diagnostic::warning(
                    "CYME.LOAD.CLASS_EMPTY",
                    format!("class {:?} has no shares of impedance, current and power; the power is constant", c.id),
                )
                .at(&c.source),
            );
            self.defaulted("customer class", "constant power", "the shares are zero", &c.source);
            return constant;
        }
        if (sum(&p) - 1.0).abs() > 1e-6 || (sum(&q) - 1.0).abs() > 1e-6 {
            self.find(
                Diagnostic::warning("CYME.LOAD.CLASS_SUM", format!("the shares of class {:?} do not add to 100 %", c.id))
                    .at(&c.source)
                    .detail(format!(
                        "They add to {:.4} % for active and {:.4} % for reactive power; they are used as written.",
                        sum(&p) * 100.0,
                        sum(&q) * 100.0
                    )),
            );
        }
        let pure = |z: f64, i: f64, s: f64| p == [z, i, s] && q == [z, i, s];
        if pure(1.0, 0.0, 0.0) {
            Law { model: LoadModel::ConstantZ, ..constant }
        } else if pure(0.0, 1.0, 0.0) {
            Law { model: LoadModel::ConstantI, ..constant }
        } else if pure(0.0, 0.0, 1.0) {
            constant
        } else {
            // The cut-off voltage is not CYME's: zero switches it off.
            Law { model: LoadModel::Zip, zipv: Some([p[0], p[1], p[2], q[0], q[1], q[2], 0.0]), ..constant }
        }
    }
}

/// A year as a number; 0 where none is told.
fn year(text: &str) -> i64 {
    normalised(text).parse().unwrap_or(0)
}
