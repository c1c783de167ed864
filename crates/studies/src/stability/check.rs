//! Whether the dynamic data can be used: every machine with one record, every record with a machine, constants that make a block diagram.
//!
//! All findings come at once. Reactances have to descend from the synchronous to the leakage one, because each winding adds a path to the flux; equal
//! neighbours mean that a winding is not there, which is allowed except where an equation divides by their difference.

use super::saturation::Saturation;
use network::dynamics::{DynamicRecord, Dynamics, ExciterModel, ExciterSaturation, GovernorModel, MachineModel, MachineSaturation};
use network::{Diagnostic, ElementId, ElementKind, Network, Severity};
use std::collections::HashMap;

/// A machine in service with the positions of its records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paired {
    pub element: ElementId,
    /// None: it has no record and stands as an admittance.
    pub machine: Option<usize>,
    pub exciter: Option<usize>,
    pub governor: Option<usize>,
}

fn key(bus: u32, id: &str) -> (u32, String) {
    (bus, id.trim().to_uppercase())
}

struct Checker<'a> {
    network: &'a Network,
    found: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn at<M>(&mut self, record: &DynamicRecord<M>, element: Option<ElementId>, finding: Diagnostic) {
        let name = element.map_or_else(|| format!("bus {} id {}", record.bus, record.id), |id| self.network.full_name(id));
        self.found.push(finding.element(name).at(&record.source));
    }
}

/// Pairs machines and records. `alive`: buses with a voltage; `need_record`: a machine without a record is an error, else a warning.
pub(super) fn pair(network: &Network, dynamics: &Dynamics, alive: &[bool], need_record: bool) -> (Vec<Paired>, Vec<Diagnostic>) {
    let mut checker = Checker { network, found: Vec::new() };
    let mut machines: HashMap<(u32, String), (ElementId, bool)> = HashMap::new();
    for id in network.ids(ElementKind::Machine) {
        let m = &network.machines[id.index()];
        let Some(bus) = m.common.terminals.first().map(|t| t.bus) else { continue };
        let Some(t) = &network.buses[bus.index()].transmission else { continue };
        machines.insert(key(t.number, &m.id), (id, m.in_service && m.common.enabled && alive[bus.index()]));
    }
    let machine_of = positions(&mut checker, &machines, &dynamics.machines, "machine");
    let exciter_of = positions(&mut checker, &machines, &dynamics.exciters, "exciter");
    let governor_of = positions(&mut checker, &machines, &dynamics.governors, "governor");

    let mut pairs = Vec::new();
    let mut ids: Vec<ElementId> = machines.values().filter(|(_, on)| *on).map(|(id, _)| *id).collect();
    ids.sort_by_key(|id| id.index());
    for element in ids {
        let m = &network.machines[element.index()];
        let machine = machine_of.get(&element).copied();
        let paired = Paired { element, machine, exciter: exciter_of.get(&element).copied(), governor: governor_of.get(&element).copied() };
        pairs.push(paired);
        let name = network.full_name(element);
        let Some(machine) = machine else {
            let finding = if need_record {
                Diagnostic::error("STABILITY.MACHINE.NO_RECORD", "a machine in service has no dynamic record")
                    .hint("Add a GENCLS, GENROU or GENSAL record for it, or let machines without a record stand as admittances.")
            } else {
                Diagnostic::warning("STABILITY.MACHINE.NO_RECORD", "a machine in service has no dynamic record and stands as an admittance")
                    .hint("It neither swings nor holds a voltage. Add a record if it matters.")
            };
            checker.found.push(finding.element(name).at(&m.common.source));
            continue;
        };
        if !(m.base_mva > 0.0 && m.base_mva.is_finite()) {
            let finding =
                Diagnostic::error("STABILITY.MACHINE.BASE", format!("a machine base of {} MVA is not a positive number", m.base_mva));
            checker.found.push(finding.element(name.clone()).at(&m.common.source).hint("Correct MBASE in the power flow case."));
        }
        let record = &dynamics.machines[machine];
        check_machine(&mut checker, record, element, (m.z_source_pu.re, m.z_source_pu.im));
        let classical = matches!(record.model, MachineModel::Classical(_));
        if let Some(e) = paired.exciter.map(|k| &dynamics.exciters[k]) {
            if classical {
                let finding = Diagnostic::error("STABILITY.EXCITER.NO_FIELD", "an exciter belongs to a machine without a field winding")
                    .detail(format!("The machine is of model {}, whose electromotive force is constant.", record.model.name()))
                    .hint("Give the machine a model with a field, or remove the exciter's record.");
                checker.at(e, Some(element), finding);
            }
            check_exciter(&mut checker, e, element);
        }
        if let Some(g) = paired.governor.map(|k| &dynamics.governors[k]) {
            if classical && record.model.h_s() == 0.0 {
                let finding = Diagnostic::warning("STABILITY.GOVERNOR.INFINITE", "a governor belongs to an infinite bus and has no effect");
                checker.at(g, Some(element), finding.hint("Give the machine an inertia, or remove the governor's record."));
            }
            check_governor(&mut checker, g, element);
        }
    }
    if pairs.iter().all(|p| p.machine.is_none()) && checker.found.iter().all(|f| f.severity != Severity::Error) {
        let finding = Diagnostic::error("STABILITY.MACHINE.NONE", "no machine in service has a dynamic record");
        checker.found.push(finding.hint("Put a machine in service in the power flow case, and give it a record."));
    }
    (pairs, checker.found)
}

/// Position of the record of every machine that has one.
fn positions<M>(
    checker: &mut Checker<'_>,
    machines: &HashMap<(u32, String), (ElementId, bool)>,
    records: &[DynamicRecord<M>],
    what: &str,
) -> HashMap<ElementId, usize> {
    let mut of: HashMap<ElementId, usize> = HashMap::new();
    for (k, record) in records.iter().enumerate() {
        match machines.get(&key(record.bus, &record.id)) {
            None => {
                let finding = Diagnostic::error(
                    "STABILITY.RECORD.NO_MACHINE",
                    format!("a record of a {what} names a machine that the case does not have"),
                );
                checker.at(record, None, finding.hint("Correct the bus number or the identifier."));
            }
            Some((id, false)) => {
                let finding = Diagnostic::note(
                    "STABILITY.RECORD.OUT_OF_SERVICE",
                    format!("a record of a {what} belongs to a machine that is out of service"),
                );
                checker.at(record, Some(*id), finding);
            }
            Some((id, true)) => {
                if of.contains_key(id) {
                    let finding = Diagnostic::error("STABILITY.RECORD.TWICE", format!("a machine has more than one record of a {what}"));
                    checker.at(record, Some(*id), finding.hint("Keep one of them."));
                } else {
                    of.insert(*id, k);
                }
            }
        }
    }
    of
}

/// `a >= b` down a row of named reactances, the last one positive.
fn descend(row: &[(&str, f64)]) -> Option<String> {
    let fall = row.windows(2).find(|w| w[0].1 < w[1].1).map(|w| format!("{} = {} is below {} = {}.", w[0].0, w[0].1, w[1].0, w[1].1));
    fall.or_else(|| row.last().filter(|l| l.1 <= 0.0).map(|l| format!("{} = {} is not positive.", l.0, l.1)))
}

fn check_machine(checker: &mut Checker<'_>, record: &DynamicRecord<MachineModel>, element: ElementId, (r, x): (f64, f64)) {
    let none = MachineSaturation::default();
    // Inertia, damping, resistance; reactances down each axis; strict falls; time constants that must be positive, that may be 0; saturation.
    type Row<'a> = Vec<(&'a str, f64)>;
    let (h, d, r_a, axes, strict, positive, zero, saturation): (f64, f64, f64, Vec<Row>, Row, Row, Row, MachineSaturation) =
        match record.model {
            MachineModel::Classical(m) => {
                (m.h_s, m.d_pu, m.r_a_pu.unwrap_or(r), vec![vec![("X'd", m.x_d_transient_pu.unwrap_or(x))]], vec![], vec![], vec![], none)
            }
            MachineModel::TwoAxis(m) => {
                let mut axes = vec![vec![("Xd", m.x_d_pu), ("X'd", m.x_d_transient_pu)], vec![("Xq", m.x_q_pu)]];
                if m.t_q0_transient_s != 0.0 {
                    axes[1].push(("X'q", m.x_q_transient_pu));
                }
                let positive = vec![("T'd0", m.t_d0_transient_s)];
                (m.h_s, m.d_pu, m.r_a_pu.unwrap_or(r), axes, vec![], positive, vec![("T'q0", m.t_q0_transient_s)], m.saturation)
            }
            MachineModel::RoundRotor(m) => {
                let axes = vec![
                    vec![("Xd", m.x_d_pu), ("X'd", m.x_d_transient_pu), ("X''d", m.x_subtransient_pu), ("Xl", m.x_leakage_pu)],
                    vec![("Xq", m.x_q_pu), ("X'q", m.x_q_transient_pu), ("X''q", m.x_subtransient_pu)],
                ];
                let strict = vec![("X'd - Xl", m.x_d_transient_pu - m.x_leakage_pu), ("X'q - Xl", m.x_q_transient_pu - m.x_leakage_pu)];
                let positive = vec![
                    ("T'd0", m.t_d0_transient_s),
                    ("T''d0", m.t_d0_subtransient_s),
                    ("T'q0", m.t_q0_transient_s),
                    ("T''q0", m.t_q0_subtransient_s),
                ];
                (m.h_s, m.d_pu, m.r_a_pu.unwrap_or(r), axes, strict, positive, vec![], m.saturation)
            }
            MachineModel::SalientPole(m) => {
                let axes = vec![
                    vec![("Xd", m.x_d_pu), ("X'd", m.x_d_transient_pu), ("X''d", m.x_subtransient_pu), ("Xl", m.x_leakage_pu)],
                    vec![("Xq", m.x_q_pu), ("X''q", m.x_subtransient_pu)],
                ];
                let strict = vec![("X'd - Xl", m.x_d_transient_pu - m.x_leakage_pu)];
                let positive = vec![("T'd0", m.t_d0_transient_s), ("T''d0", m.t_d0_subtransient_s), ("T''q0", m.t_q0_subtransient_s)];
                (m.h_s, m.d_pu, m.r_a_pu.unwrap_or(r), axes, strict, positive, vec![], m.saturation)
            }
        };
    let name = record.model.name();
    let all = axes.iter().flatten().chain(&positive).chain(&zero).map(|p| p.1).chain([h, d, r_a, saturation.s_10, saturation.s_12]);
    if all.into_iter().any(|x| !x.is_finite()) {
        let finding = Diagnostic::error("STABILITY.RECORD.NUMBER", format!("a constant of {name} is not a finite number"));
        return checker.at(record, Some(element), finding.hint("Correct the record."));
    }
    let infinite_allowed = matches!(record.model, MachineModel::Classical(_));
    if h < 0.0 || (h == 0.0 && !infinite_allowed) {
        let finding = Diagnostic::error("STABILITY.MACHINE.INERTIA", format!("an inertia constant of {h} s is not positive"))
            .hint("Give H in MW s/MVA on the machine's base. Only GENCLS may have 0, which makes it an infinite bus.");
        checker.at(record, Some(element), finding);
    }
    if r_a < 0.0 {
        let finding = Diagnostic::error("STABILITY.MACHINE.RESISTANCE", format!("an armature resistance of {r_a} is negative"));
        checker.at(record, Some(element), finding.hint("Correct the source impedance in the power flow case."));
    }
    if d < 0.0 {
        let finding = Diagnostic::warning("STABILITY.MACHINE.DAMPING", format!("a damping of {d} is negative and makes swings grow"));
        checker.at(record, Some(element), finding.hint("Correct D."));
    }
    let order: Vec<String> = axes
        .iter()
        .filter_map(|row| descend(row))
        .chain(strict.iter().filter(|s| s.1 <= 0.0).map(|s| format!("{} = {} is not positive.", s.0, s.1)))
        .collect();
    if !order.is_empty() {
        let finding =
            Diagnostic::error("STABILITY.MACHINE.REACTANCES", format!("reactances of {name} do not descend from synchronous to leakage"))
                .detail(order.join(" "))
                .hint(
                    "Correct them: Xd >= X'd >= X''d > 0, and X'd > Xl; GENCLS takes X'd from the source impedance of the power flow case.",
                );
        checker.at(record, Some(element), finding);
    }
    time_constants(checker, record, element, "STABILITY.MACHINE.TIME_CONSTANT", name, &positive, &zero);
    if Saturation::of_machine(&saturation).is_err() {
        let finding = Diagnostic::error("STABILITY.MACHINE.SATURATION", "no saturation curve goes through its points")
            .detail(format!("S(1.0) = {}, S(1.2) = {}.", saturation.s_10, saturation.s_12));
        checker.at(record, Some(element), finding.hint("S(1.2) is above S(1.0) >= 0; both 0 for none."));
    }
}

fn time_constants<M>(
    checker: &mut Checker<'_>,
    record: &DynamicRecord<M>,
    element: ElementId,
    code: &str,
    model: &str,
    positive: &[(&str, f64)],
    zero: &[(&str, f64)],
) {
    let wrong: Vec<String> = positive
        .iter()
        .filter(|t| !(t.1 > 0.0 && t.1.is_finite()))
        .map(|t| format!("{} = {} is not positive.", t.0, t.1))
        .chain(zero.iter().filter(|t| !(t.1 >= 0.0 && t.1.is_finite())).map(|t| format!("{} = {} is negative.", t.0, t.1)))
        .collect();
    if !wrong.is_empty() {
        let finding = Diagnostic::error(code, format!("a time constant of {model} is out of its range")).detail(wrong.join(" "));
        checker.at(record, Some(element), finding.hint("Give it in seconds."));
    }
}

fn limits<M>(checker: &mut Checker<'_>, record: &DynamicRecord<M>, element: ElementId, code: &str, low: f64, high: f64) {
    // Not `low >= high`: an undefined number is wrong too.
    if !matches!(low.partial_cmp(&high), Some(std::cmp::Ordering::Less)) {
        let finding = Diagnostic::error(code, format!("the lower limit {low} is not below the upper limit {high}"));
        checker.at(record, Some(element), finding.hint("Correct the limits."));
    }
}

fn check_exciter(checker: &mut Checker<'_>, record: &DynamicRecord<ExciterModel>, element: ElementId) {
    let name = record.model.name();
    let (gain, others) = match record.model {
        ExciterModel::Sexs(p) => {
            let zero = [("TB", p.t_b_s), ("TE", p.t_e_s)];
            time_constants(checker, record, element, "STABILITY.EXCITER.TIME_CONSTANT", name, &[], &zero);
            limits(checker, record, element, "STABILITY.EXCITER.LIMITS", p.efd_min_pu, p.efd_max_pu);
            (p.k, vec![p.t_a_over_t_b])
        }
        ExciterModel::IeeeType1(p) => {
            let mut zero = vec![("TR", p.t_r_s), ("TA", p.t_a_s)];
            let mut positive = vec![("TE", p.t_e_s)];
            if p.k_f == 0.0 {
                zero.push(("TF", p.t_f_s))
            } else {
                positive.push(("TF", p.t_f_s))
            }
            time_constants(checker, record, element, "STABILITY.EXCITER.TIME_CONSTANT", name, &positive, &zero);
            limits(checker, record, element, "STABILITY.EXCITER.LIMITS", p.v_r_min_pu, p.v_r_max_pu);
            if Saturation::of_exciter(&p.saturation).is_err() {
                let points = match p.saturation {
                    ExciterSaturation::Points { e_1, s_1, e_2, s_2 } => format!("E1 = {e_1}, S(E1) = {s_1}, E2 = {e_2}, S(E2) = {s_2}."),
                    ExciterSaturation::Exponential { a, b } => format!("a = {a}, b = {b}."),
                };
                let finding =
                    Diagnostic::error("STABILITY.EXCITER.SATURATION", "no saturation curve goes through its points").detail(points);
                checker.at(record, Some(element), finding.hint("S grows with E; both 0 for none."));
            }
            (p.k_a, vec![p.k_e, p.k_f])
        }
    };
    if !(gain > 0.0 && gain.is_finite()) || others.iter().any(|x| !x.is_finite()) {
        let finding = Diagnostic::error("STABILITY.EXCITER.GAIN", format!("a gain of {name} is out of its range"))
            .detail(format!("The regulator's gain is {gain}; it has to be positive, and every gain a finite number."));
        checker.at(record, Some(element), finding.hint("Correct the record."));
    }
}

fn check_governor(checker: &mut Checker<'_>, record: &DynamicRecord<GovernorModel>, element: ElementId) {
    let name = record.model.name();
    let code = "STABILITY.GOVERNOR.TIME_CONSTANT";
    let (r, others) = match record.model {
        GovernorModel::Tgov1(p) => {
            let zero = [("T1", p.t_1_s), ("T2", p.t_2_s), ("T3", p.t_3_s)];
            if p.t_2_s > 0.0 {
                time_constants(checker, record, element, code, name, &[("T3", p.t_3_s)], &zero[..2]);
            } else {
                time_constants(checker, record, element, code, name, &[], &zero);
            }
            limits(checker, record, element, "STABILITY.GOVERNOR.LIMITS", p.v_min_pu, p.v_max_pu);
            (p.r_pu, vec![p.d_turbine_pu])
        }
        GovernorModel::Gast(p) => {
            time_constants(checker, record, element, code, name, &[], &[("T1", p.t_1_s), ("T2", p.t_2_s), ("T3", p.t_3_s)]);
            limits(checker, record, element, "STABILITY.GOVERNOR.LIMITS", p.v_min_pu, p.v_max_pu);
            (p.r_pu, vec![p.a_t_pu, p.k_t, p.d_turbine_pu])
        }
    };
    if !(r > 0.0 && r.is_finite()) || others.iter().any(|x| !x.is_finite()) {
        let finding = Diagnostic::error("STABILITY.GOVERNOR.DROOP", format!("a constant of {name} is out of its range"))
            .detail(format!("The droop is {r}; it has to be positive, and every constant a finite number."));
        checker.at(record, Some(element), finding.hint("Give the droop per unit of speed on the machine's base, 0.05 for five percent."));
    }
}
